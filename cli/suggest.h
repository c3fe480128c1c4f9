/* SPDX-License-Identifier: MIT */
/* suggest.h - "did you mean": the nearest of some words. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <deia/base.h>

/*
 * How many single-character edits (insert, delete, replace, swap of two
 * neighbours) turn a into b, whatever the case. Words over 64 bytes:
 * SIZE_MAX.
 */
size_t edit_distance(const char *a, const char *b);

/* The best of the words offered so far for what was typed. */
struct suggestion {
	const char *typed;
	const char *best; /* NULL: nothing is near enough */
	size_t distance;
};
void suggest_offer(struct suggestion *s, const char *word);

#endif
