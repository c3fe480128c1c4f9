/* SPDX-License-Identifier: MIT */
/*
 * load.c - a model out of a GGUF file.
 *
 * Everything that evaluating relies on is checked here: each number that
 * describes the model, the shape and the type of each tensor, and how much
 * memory all of it takes.
 */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is refused as too large: a small model's program need not hold it. */
enum {
	MAX_WIDTH = 4096,
	MAX_FEED = 16384,
	MAX_LAYERS = 64,
	MAX_HEADS = 64,
	MAX_CONTEXT = 4096,
	MAX_VOCAB = 65536
};
#define MAX_FLOATS (UINT64_C(1) << 28) /* 1 GiB */

static bool fail(char *error, const char *why, const char *what)
{
	snprintf(error, GGUF_ERROR_BYTES, "%s%s", why, what);
	return false;
}

/* ---- loading ---------------------------------------------------------------- */

/* An IEEE 754 half as a float. */
static float from_half(uint16_t half)
{
	uint32_t sign = (uint32_t)(half >> 15) << 31;
	uint32_t exponent = half >> 10 & 31, fraction = half & 1023, bits;
	float f;

	if (exponent == 0) {
		f = ldexpf((float)fraction, -24);
		return sign ? -f : f;
	}
	bits = exponent == 31 ? 255u << 23 : (exponent + 112) << 23;
	bits |= sign | fraction << 13;
	memcpy(&f, &bits, sizeof(f));
	return f;
}

static float *floats(struct model *m, uint64_t n)
{
	if (n == 0 || n > MAX_FLOATS - m->n_floats)
		return NULL;
	m->n_floats += n;
	return calloc((size_t)n, sizeof(float));
}

/* A tensor of exactly rows x width (rows 0: a vector). NULL: error is set. */
static float *tensor(struct model *m, const struct gguf *g, const char *name,
		     uint64_t width, uint64_t rows, char *error)
{
	const struct gguf_tensor *t = gguf_tensor(g, name);
	uint64_t n = width * (rows != 0 ? rows : 1), i;
	uint16_t half;
	float *f;

	if (!t || t->n_dims != (rows != 0 ? 2 : 1) || t->dims[0] != width ||
	    (rows != 0 && t->dims[1] != rows)) {
		fail(error, "missing, or of another shape: ", name);
		return NULL;
	}
	if (!t->data) {
		fail(error, "only F32 and F16 are read here, not that of ",
		     name);
		return NULL;
	}
	f = floats(m, n);
	if (!f) {
		fail(error, "no memory for ", name);
	} else if (t->type == GGUF_TENSOR_F32) {
		memcpy(f, t->data, (size_t)n * sizeof(float));
	} else {
		for (i = 0; i < n; i++) {
			memcpy(&half, t->data + i * 2, sizeof(half));
			f[i] = from_half(half);
		}
	}
	return f;
}

static bool load_shape(struct model *m, const struct gguf *g, char *error)
{
	uint32_t rope;

	if (!gguf_is_text(g, "general.architecture", "llama"))
		return fail(error, "not of the llama architecture", "");
	if (!gguf_uint(g, "llama.embedding_length", 2, MAX_WIDTH, &m->width) ||
	    !gguf_uint(g, "llama.block_count", 1, MAX_LAYERS, &m->layers) ||
	    !gguf_uint(g, "llama.feed_forward_length", 1, MAX_FEED, &m->feed) ||
	    !gguf_uint(g, "llama.attention.head_count", 1, MAX_HEADS,
		       &m->heads) ||
	    !gguf_uint(g, "llama.context_length", 8, UINT32_MAX, &m->context) ||
	    !gguf_float(g, "llama.attention.layer_norm_rms_epsilon", &m->eps))
		return fail(error,
			    "its shape is missing, or larger than what "
			    "this program is for",
			    "");
	if (m->context > MAX_CONTEXT)
		m->context = MAX_CONTEXT;
	m->kv_heads = m->heads;
	m->base = 10000;
	if (gguf_find(g, "llama.attention.head_count_kv") &&
	    !gguf_uint(g, "llama.attention.head_count_kv", 1, m->heads,
		       &m->kv_heads))
		return fail(error, "head_count_kv is wrong", "");
	if (gguf_find(g, "llama.rope.freq_base") &&
	    !gguf_float(g, "llama.rope.freq_base", &m->base))
		return fail(error, "rope.freq_base is wrong", "");
	m->head = m->width / m->heads;
	m->kv_width = m->kv_heads * m->head;
	rope = m->head;
	if (gguf_find(g, "llama.rope.dimension_count") &&
	    !gguf_uint(g, "llama.rope.dimension_count", m->head, m->head,
		       &rope))
		return fail(error,
			    "rope.dimension_count is another width than "
			    "a head's",
			    "");
	if (m->width % m->heads != 0 || m->heads % m->kv_heads != 0 ||
	    m->head % 2 != 0 || !(m->base > 1) || !(m->eps > 0) ||
	    !isfinite(m->base) || !isfinite(m->eps))
		return fail(error, "its numbers do not fit together", "");
	return true;
}

static bool load_layer(struct model *m, const struct gguf *g, uint32_t i,
		       char *error)
{
	struct layer *l = &m->layer[i];
	uint64_t w = m->width, kv = m->kv_width;
	const struct {
		float **to;
		const char *name;
		uint64_t width, rows;
	} parts[] = {
		{ &l->norm1, "attn_norm", w, 0 },
		{ &l->q, "attn_q", w, w },
		{ &l->k, "attn_k", w, kv },
		{ &l->v, "attn_v", w, kv },
		{ &l->o, "attn_output", w, w },
		{ &l->norm2, "ffn_norm", w, 0 },
		{ &l->gate, "ffn_gate", w, m->feed },
		{ &l->up, "ffn_up", w, m->feed },
		{ &l->down, "ffn_down", m->feed, w },
	};
	char name[64];
	size_t k;

	for (k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
		snprintf(name, sizeof(name), "blk.%u.%s.weight", i,
			 parts[k].name);
		*parts[k].to = tensor(m, g, name, parts[k].width, parts[k].rows,
				      error);
		if (!*parts[k].to)
			return false;
	}
	l->keys = floats(m, (uint64_t)m->context * kv);
	l->values = floats(m, (uint64_t)m->context * kv);
	return (l->keys && l->values) || fail(error, "no memory", "");
}

static bool load_ends(struct model *m, const struct gguf *g, char *error)
{
	const struct gguf_value *tokens = gguf_find(g, "tokenizer.ggml.tokens");

	if (!tokens || !tokens->is_array || tokens->n < 2 ||
	    tokens->n > MAX_VOCAB)
		return fail(error, "no vocabulary, or above 65,536 tokens", "");
	m->vocab = (uint32_t)tokens->n;
	m->embed = tensor(m, g, "token_embd.weight", m->width, m->vocab, error);
	m->norm = tensor(m, g, "output_norm.weight", m->width, 0, error);
	if (!m->embed || !m->norm)
		return false;
	/* Without a matrix of its own the output is the embedding's. */
	if (!gguf_tensor(g, "output.weight"))
		return true;
	m->out = tensor(m, g, "output.weight", m->width, m->vocab, error);
	return m->out != NULL;
}

static bool load_work(struct model *m, char *error)
{
	m->x = floats(m, m->width);
	m->h = floats(m, m->width);
	m->q = floats(m, m->width);
	m->mix = floats(m, m->width);
	m->gate = floats(m, m->feed);
	m->up = floats(m, m->feed);
	m->score = floats(m, m->context);
	m->logits = floats(m, m->vocab);
	return (m->x && m->h && m->q && m->mix && m->gate && m->up &&
		m->score && m->logits) ||
	       fail(error, "no memory", "");
}

static bool load_all(struct model *m, const struct gguf *g, char *error)
{
	uint32_t i;

	if (!load_shape(m, g, error) || !load_ends(m, g, error))
		return false;
	m->layer = calloc(m->layers, sizeof(*m->layer));
	if (!m->layer)
		return fail(error, "no memory", "");
	for (i = 0; i < m->layers; i++)
		if (!load_layer(m, g, i, error))
			return false;
	return load_work(m, error);
}

bool model_load(struct model **out, const struct gguf *g,
		char error[GGUF_ERROR_BYTES])
{
	struct model *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (!m)
		return fail(error, "no memory", "");
	if (!load_all(m, g, error)) {
		model_free(m);
		return false;
	}
	*out = m;
	return true;
}

static void free_layer(struct layer *l)
{
	float *const parts[] = { l->norm1, l->q,     l->k,     l->v,
				 l->o,	   l->norm2, l->gate,  l->up,
				 l->down,  l->keys,  l->values };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		free(parts[i]);
}

void model_free(struct model *m)
{
	uint32_t i;

	if (!m)
		return;
	for (i = 0; m->layer && i < m->layers; i++)
		free_layer(&m->layer[i]);
	free(m->layer);
	free(m->embed);
	free(m->norm);
	free(m->out);
	free(m->x);
	free(m->h);
	free(m->q);
	free(m->mix);
	free(m->gate);
	free(m->up);
	free(m->score);
	free(m->logits);
	free(m);
}
