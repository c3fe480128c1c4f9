/* SPDX-License-Identifier: MIT */
/*
 * model.h - a language model of the llama architecture, one token at a time.
 *
 * Everything that the shape of the model says is checked when it is loaded;
 * after that nothing can fail. One sequence: positions are evaluated in order
 * from 0.
 */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "gguf.h"

/* Matrices are rows of the output, each as wide as the input. */
struct layer {
	float *norm1, *q, *k, *v, *o, *norm2, *gate, *up, *down;
	float *keys, *values; /* of each position so far */
};

struct model {
	uint32_t width, layers, heads, kv_heads, head, feed, vocab, context;
	uint32_t kv_width; /* of the keys of one position: kv_heads * head */
	float eps, base;
	float *embed, *norm, *out;
	struct layer *layer;
	/* what one token needs */
	float *x, *h, *q, *mix, *gate, *up, *score, *logits;
	uint64_t n_floats; /* allocated in all */
};

/* Copies what it needs of g. False: error says why, *out is NULL. */
bool model_load(struct model **out, const struct gguf *g,
		char error[GGUF_ERROR_BYTES]);
void model_free(struct model *m);
/* How many tokens it can look at; how many it knows. */
uint32_t model_context(const struct model *m);
uint32_t model_vocab(const struct model *m);
/*
 * Takes the token at a position below model_context, after those before it.
 * Returns a number for each token of the vocabulary: how well it would come
 * next. They live until the next call.
 */
const float *model_eval(struct model *m, uint32_t token, uint32_t position);

#endif
