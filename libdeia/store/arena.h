/* SPDX-License-Identifier: MIT */
/*
 * arena.h - many small allocations that end together.
 *
 * A list of chunks; nothing is freed alone. Zero-initialise to start.
 */
#ifndef DEIA_STORE_ARENA_H
#define DEIA_STORE_ARENA_H

#include <deia/base.h>

struct deia__chunk;
struct deia__arena {
	struct deia__chunk *chunks;
	char *at;
	size_t left;
	size_t bytes; /* of all chunks: what it costs */
};

/* Aligned for any object, zeroed; NULL: out of memory. */
void *deia__arena_alloc(struct deia__arena *a, size_t len);
/* The bytes and a NUL after them. */
char *deia__arena_dup(struct deia__arena *a, const char *s, size_t len);
void deia__arena_fini(struct deia__arena *a);

#endif
