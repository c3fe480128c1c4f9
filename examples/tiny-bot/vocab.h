/* SPDX-License-Identifier: MIT */
/*
 * vocab.h - text to tokens and back, for vocabularies of single characters:
 * the printable ones of ASCII, a token for every byte, and the marks of a
 * chat. Vocabularies of word pieces are refused, not read wrongly.
 */
#ifndef TINY_VOCAB_H
#define TINY_VOCAB_H

#include "gguf.h"

struct vocab {
	uint32_t n;
	uint32_t of_byte[256]; /* the token that stands for it */
	int16_t *byte;	       /* of each token; -1: it is no text */
	uint32_t begin, end, user, assistant;
};

/* False: error says why; nothing to free. */
bool vocab_load(struct vocab *v, const struct gguf *g,
		char error[GGUF_ERROR_BYTES]);
void vocab_free(struct vocab *v);

#endif
