/* SPDX-License-Identifier: MIT */
/*
 * model.c - the llama architecture in plain C: RMS norm, rotary positions,
 * attention with grouped keys, a gated feed-forward; in 32-bit floats.
 *
 * Written for small models and for reading, not for speed: 0.9 million
 * parameters take about a millisecond a token. load.c has made sure that
 * everything fits, so nothing can fail here.
 */
#include "model.h"

#include <math.h>
#include <string.h>

uint32_t model_context(const struct model *m)
{
	return m->context;
}

uint32_t model_vocab(const struct model *m)
{
	return m->vocab;
}

static float dot(const float *a, const float *b, uint32_t n)
{
	float sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* y = W x, W of n_out rows. */
static void multiply(float *y, const float *w, const float *x, uint32_t n_in,
		     uint32_t n_out)
{
	uint32_t i;

	for (i = 0; i < n_out; i++)
		y[i] = dot(w + (size_t)i * n_in, x, n_in);
}

static void normalise(const struct model *m, float *y, const float *x,
		      const float *weight)
{
	float scale = 1 / sqrtf(dot(x, x, m->width) / (float)m->width + m->eps);
	uint32_t i;

	for (i = 0; i < m->width; i++)
		y[i] = x[i] * scale * weight[i];
}

/* Turns each pair of numbers of each head by an angle of its position. */
static void rotate(const struct model *m, float *x, uint32_t heads,
		   uint32_t position)
{
	uint32_t h, i;

	for (i = 0; i < m->head; i += 2) {
		float angle = (float)position *
			      powf(m->base, -(float)i / (float)m->head);
		float c = cosf(angle), s = sinf(angle);

		for (h = 0; h < heads; h++) {
			float *p = x + h * m->head + i;
			float a = p[0], b = p[1];

			p[0] = a * c - b * s;
			p[1] = a * s + b * c;
		}
	}
}

/* Scores become shares of 1. */
static void soften(float *score, uint32_t n)
{
	float most = score[0], sum = 0;
	uint32_t i;

	for (i = 1; i < n; i++)
		if (score[i] > most)
			most = score[i];
	for (i = 0; i < n; i++) {
		score[i] = expf(score[i] - most);
		sum += score[i];
	}
	for (i = 0; i < n; i++)
		score[i] /= sum;
}

/* One head looks at all positions so far; its mix of values goes into mix. */
static void attend(struct model *m, const struct layer *l, uint32_t head,
		   uint32_t position)
{
	uint32_t kv = head / (m->heads / m->kv_heads) * m->head, t, i;
	const float *q = m->q + head * m->head;
	float *mix = m->mix + head * m->head;
	float scale = 1 / sqrtf((float)m->head);

	for (t = 0; t <= position; t++)
		m->score[t] = dot(q, l->keys + (size_t)t * m->kv_width + kv,
				  m->head) *
			      scale;
	soften(m->score, position + 1);
	memset(mix, 0, m->head * sizeof(*mix));
	for (t = 0; t <= position; t++) {
		const float *v = l->values + (size_t)t * m->kv_width + kv;

		for (i = 0; i < m->head; i++)
			mix[i] += m->score[t] * v[i];
	}
}

static void add(float *x, const float *y, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		x[i] += y[i];
}

static void eval_attention(struct model *m, const struct layer *l,
			   uint32_t position)
{
	float *key = l->keys + (size_t)position * m->kv_width;
	float *value = l->values + (size_t)position * m->kv_width;
	uint32_t h;

	normalise(m, m->h, m->x, l->norm1);
	multiply(m->q, l->q, m->h, m->width, m->width);
	multiply(key, l->k, m->h, m->width, m->kv_width);
	multiply(value, l->v, m->h, m->width, m->kv_width);
	rotate(m, m->q, m->heads, position);
	rotate(m, key, m->kv_heads, position);
	for (h = 0; h < m->heads; h++)
		attend(m, l, h, position);
	multiply(m->h, l->o, m->mix, m->width, m->width);
	add(m->x, m->h, m->width);
}

static void eval_feed_forward(struct model *m, const struct layer *l)
{
	uint32_t i;

	normalise(m, m->h, m->x, l->norm2);
	multiply(m->gate, l->gate, m->h, m->width, m->feed);
	multiply(m->up, l->up, m->h, m->width, m->feed);
	for (i = 0; i < m->feed; i++)
		m->gate[i] *= m->up[i] / (1 + expf(-m->gate[i]));
	multiply(m->h, l->down, m->gate, m->feed, m->width);
	add(m->x, m->h, m->width);
}

const float *model_eval(struct model *m, uint32_t token, uint32_t position)
{
	uint32_t i;

	memcpy(m->x, m->embed + (size_t)token * m->width,
	       m->width * sizeof(*m->x));
	for (i = 0; i < m->layers; i++) {
		eval_attention(m, &m->layer[i], position);
		eval_feed_forward(m, &m->layer[i]);
	}
	normalise(m, m->h, m->x, m->norm);
	multiply(m->logits, m->out ? m->out : m->embed, m->h, m->width,
		 m->vocab);
	return m->logits;
}
