/* SPDX-License-Identifier: MIT */
/*
 * fold.h - what kind of character a code point is, and its folded form.
 *
 * The only place that knows the Unicode library.
 */
#ifndef DEIA_TASK_FOLD_H
#define DEIA_TASK_FOLD_H

#include <deia/base.h>

#include "task/words.h"

enum deia__char_kind {
	DEIA__CHAR_OTHER,  /* ends a word */
	DEIA__CHAR_LETTER, /* letters, marks, and what is invisible in words */
	DEIA__CHAR_DIGIT,
	DEIA__CHAR_JOINER, /* the low line and its like */
	DEIA__CHAR_ALONE   /* a word by itself: Han and Hiragana */
};

/* The code point at s[at] and its length in bytes; an invalid byte is U+FFFD
 * of length 1. at < len. */
int32_t deia__char_at(const char *s, size_t len, size_t at, unsigned *bytes);
enum deia__char_kind deia__char_kind(int32_t c);
/* True for what has no shape, or changes that of others: not to be shown. */
bool deia__char_is_hidden(int32_t c);

/* A word while it is read. */
#define DEIA__FOLD_MAX 64
struct deia__fold {
	int32_t c[DEIA__FOLD_MAX];
	unsigned n;
	bool too_long, latin; /* latin: the last base is an ASCII letter */
	bool ordered;	      /* no mark needs to be put in order */
};
void deia__fold_init(struct deia__fold *f);
void deia__fold_add(struct deia__fold *f, int32_t c);
/* Writes it as UTF-8 with a NUL; "" when it is too long. */
void deia__fold_end(struct deia__fold *f, char out[DEIA__WORD_BYTES + 1]);

#endif
