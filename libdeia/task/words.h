/* SPDX-License-Identifier: MIT */
/*
 * words.h - cuts a text into words, folded so that spelling in capitals, with
 * accents, or in composed and decomposed letters makes no difference.
 */
#ifndef DEIA_TASK_WORDS_H
#define DEIA_TASK_WORDS_H

#include <deia/base.h>

/* A longer word is read over and matches nothing. */
#define DEIA__WORD_BYTES 64

struct deia__word {
	char text[DEIA__WORD_BYTES + 1]; /* folded; "": matches nothing */
	const char *ext;   /* the folded ".ext" of a file name, or NULL */
	size_t start, len; /* where it stands in the content */
	bool paragraph;	   /* an empty line is before it */
	bool apart;	   /* no phrase reaches over what is before it */
	bool material;	   /* in a block of code or a quotation */
};

/* A reader; to be set up by deia__words_init. */
struct deia__words {
	const char *s;
	size_t len, at, end; /* words that begin at end or later are not read */
	unsigned n_items;    /* list items seen so far, not in material */
	size_t run_until;    /* addresses were looked for up to here */
	bool in_fence, in_quote, line_start;
	char ext[DEIA__WORD_BYTES + 1]; /* of the word that was read last */
};

/* Reads the words that begin in [from, end) of a content of len bytes. */
void deia__words_init(struct deia__words *r, const char *s, size_t len,
		      size_t from, size_t end);
/* False: there is no further word. w->ext lives until the next call. */
bool deia__words_next(struct deia__words *r, struct deia__word *w);

#endif
