/* SPDX-License-Identifier: MIT */
/*
 * tinylm_model.h - the model of tinylm.c: its parameters, one row forward, and
 * the gradient of its loss backward. Written out by hand, no library.
 */
#ifndef TINYLM_MODEL_H
#define TINYLM_MODEL_H

#include "tinylm_data.h"

/* Width, layers, heads, width of a head, of the feed-forward. */
enum { D = 128, L = 4, H = 4, HD = D / H, F = 352 };
#define EPS 1e-5f
#define ZERO(a) memset(a, 0, sizeof(a))

/* ---- parameters: matrices are kept as [in][out] ------------------------------ */

struct block {
	float *n1, *q, *k, *v, *o, *n2, *g, *u, *d;
};
struct params {
	float *emb, *out, *on;
	struct block b[L];
};

enum { N_PARAMS = 2 * V * D + D + L * (2 * D + 4 * D * D + 3 * D * F) };

static float *take(float **memory, size_t n)
{
	float *p = *memory;

	*memory += n;
	return p;
}

static void map_params(struct params *p, float *memory)
{
	float *at = memory;

	p->emb = take(&at, (size_t)V * D);
	p->out = take(&at, (size_t)D * V);
	p->on = take(&at, D);
	for (int l = 0; l < L; l++) {
		struct block *b = &p->b[l];
		b->n1 = take(&at, D);
		b->q = take(&at, D * D);
		b->k = take(&at, D * D);
		b->v = take(&at, D * D);
		b->o = take(&at, D * D);
		b->n2 = take(&at, D);
		b->g = take(&at, D * F);
		b->u = take(&at, D * F);
		b->d = take(&at, F * D);
	}
}

/* ---- small pieces, forward and backward -------------------------------------- */

/* y[T][n] += x[T][m] W[m][n] */
static void multiply(float *restrict y, const float *restrict x,
		     const float *restrict w, int m, int n)
{
	for (int t = 0; t < T; t += 4) {
		float *y0 = y + t * n, *y1 = y0 + n, *y2 = y1 + n, *y3 = y2 + n;
		const float *x0 = x + t * m;
		for (int i = 0; i < m; i++) {
			float a = x0[i], b = x0[m + i];
			float c = x0[2 * m + i], d = x0[3 * m + i];
			const float *row = w + (size_t)i * n;
			for (int j = 0; j < n; j++) {
				float v = row[j];
				y0[j] += a * v;
				y1[j] += b * v;
				y2[j] += c * v;
				y3[j] += d * v;
			}
		}
	}
}

/* dx += dy W^T; dW += x^T dy; four rows from t on, one column i of x. */
static void multiply_back_at(float *restrict dx, float *restrict gw,
			     const float *restrict dy, const float *restrict x,
			     const float *restrict w, int m, int n)
{
	const float *d0 = dy, *d1 = d0 + n, *d2 = d1 + n, *d3 = d2 + n;
	float a = x[0], b = x[m], c = x[2 * m], d = x[3 * m];
	float s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (int j = 0; j < n; j++) {
		float v = w[j];
		s0 += d0[j] * v;
		s1 += d1[j] * v;
		s2 += d2[j] * v;
		s3 += d3[j] * v;
		gw[j] += a * d0[j] + b * d1[j] + c * d2[j] + d * d3[j];
	}
	dx[0] += s0;
	dx[m] += s1;
	dx[2 * m] += s2;
	dx[3 * m] += s3;
}

static void multiply_back(float *dx, float *dw, const float *dy, const float *x,
			  const float *w, int m, int n)
{
	for (int t = 0; t < T; t += 4)
		for (int i = 0; i < m; i++)
			multiply_back_at(dx + t * m + i, dw + (size_t)i * n,
					 dy + t * n, x + t * m + i,
					 w + (size_t)i * n, m, n);
}

static void norm(float *y, float *r, const float *x, const float *g)
{
	for (int t = 0; t < T; t++) {
		float s = 0;
		for (int i = 0; i < D; i++)
			s += x[t * D + i] * x[t * D + i];
		r[t] = 1 / sqrtf(s / D + EPS);
		for (int i = 0; i < D; i++)
			y[t * D + i] = x[t * D + i] * r[t] * g[i];
	}
}

static void norm_back(float *dx, float *dg, const float *dy, const float *x,
		      const float *r, const float *g)
{
	for (int t = 0; t < T; t++) {
		const float *xt = x + t * D, *d = dy + t * D;
		float s = 0;
		for (int i = 0; i < D; i++) {
			dg[i] += d[i] * xt[i] * r[t];
			s += d[i] * g[i] * xt[i];
		}
		s *= r[t] * r[t] * r[t] / D;
		for (int i = 0; i < D; i++)
			dx[t * D + i] += d[i] * g[i] * r[t] - xt[i] * s;
	}
}

static float rope_cos[T][HD / 2], rope_sin[T][HD / 2];

static void rope_init(void)
{
	for (int t = 0; t < T; t++)
		for (int i = 0; i < HD / 2; i++) {
			float a = t * powf(10000, -2.0f * i / HD);
			rope_cos[t][i] = cosf(a);
			rope_sin[t][i] = sinf(a);
		}
}

/* Turns pairs by their position; sign -1 turns them back. */
static void rope(float *x, float sign)
{
	for (int t = 0; t < T; t++)
		for (int h = 0; h < H; h++)
			for (int i = 0; i < HD / 2; i++) {
				float *p = x + t * D + h * HD + 2 * i;
				float a = p[0], b = p[1], c = rope_cos[t][i];
				float s = sign * rope_sin[t][i];
				p[0] = a * c - b * s;
				p[1] = a * s + b * c;
			}
}

/* ---- the model: what a row leaves behind, and the way back ------------------- */

struct work {
	float x[L + 1][T * D], h1[L][T * D], r1[L][T];
	float q[L][T * D], k[L][T * D], v[L][T * D], at[L][H][T][T];
	float ao[L][T * D], x2[L][T * D], h2[L][T * D], r2[L][T];
	float g[L][T * F], u[L][T * F], f[L][T * F];
	float hf[T * D], rf[T], lo[T * V];
	float dx[T * D], dh[T * D], dq[T * D], dk[T * D], dv[T * D];
	float dao[T * D], df[T * F], dg[T * F], du[T * F], dlo[T * V];
	float dx2[T * D];
};

static const float scale_of_attention = 0.17677669f; /* 1 / sqrt(HD) */

static float dot(const float *a, const float *b)
{
	float s = 0;

	for (int i = 0; i < HD; i++)
		s += a[i] * b[i];
	return s;
}

static void attend(struct work *w, int l, int h, int t, int start)
{
	float *a = w->at[l][h][t], *o = w->ao[l] + t * D + h * HD;
	const float *q = w->q[l] + t * D + h * HD;
	float most = -1e30f, sum = 0;

	for (int u = start; u <= t; u++) {
		a[u] = dot(q, w->k[l] + u * D + h * HD) * scale_of_attention;
		if (a[u] > most)
			most = a[u];
	}
	for (int u = start; u <= t; u++) {
		a[u] = expf(a[u] - most);
		sum += a[u];
	}
	for (int u = start; u <= t; u++) {
		const float *v = w->v[l] + u * D + h * HD;
		a[u] /= sum;
		for (int i = 0; i < HD; i++)
			o[i] += a[u] * v[i];
	}
}

static void attend_back(struct work *w, int l, int h, int t, int start)
{
	const float *a = w->at[l][h][t], *d = w->dao + t * D + h * HD;
	const float *q = w->q[l] + t * D + h * HD;
	float *dq = w->dq + t * D + h * HD, da[T], sum = 0;

	for (int u = start; u <= t; u++) {
		float *dv = w->dv + u * D + h * HD;
		da[u] = dot(d, w->v[l] + u * D + h * HD);
		for (int i = 0; i < HD; i++)
			dv[i] += a[u] * d[i];
		sum += da[u] * a[u];
	}
	for (int u = start; u <= t; u++) {
		float e = a[u] * (da[u] - sum) * scale_of_attention;
		const float *k = w->k[l] + u * D + h * HD;
		float *dk = w->dk + u * D + h * HD;
		for (int i = 0; i < HD; i++) {
			dq[i] += e * k[i];
			dk[i] += e * q[i];
		}
	}
}

static void forward_block(struct work *w, const struct block *b, int l,
			  const struct row *row)
{
	norm(w->h1[l], w->r1[l], w->x[l], b->n1);
	ZERO(w->q[l]);
	ZERO(w->k[l]);
	ZERO(w->v[l]);
	ZERO(w->ao[l]);
	multiply(w->q[l], w->h1[l], b->q, D, D);
	multiply(w->k[l], w->h1[l], b->k, D, D);
	multiply(w->v[l], w->h1[l], b->v, D, D);
	rope(w->q[l], 1);
	rope(w->k[l], 1);
	for (int h = 0; h < H; h++)
		for (int t = 0; t < T; t++)
			attend(w, l, h, t, row->start[t]);
	memcpy(w->x2[l], w->x[l], sizeof(w->x2[l]));
	multiply(w->x2[l], w->ao[l], b->o, D, D);
	norm(w->h2[l], w->r2[l], w->x2[l], b->n2);
	ZERO(w->g[l]);
	ZERO(w->u[l]);
	multiply(w->g[l], w->h2[l], b->g, D, F);
	multiply(w->u[l], w->h2[l], b->u, D, F);
	for (int i = 0; i < T * F; i++) {
		float z = w->g[l][i];
		w->f[l][i] = z / (1 + expf(-z)) * w->u[l][i];
	}
	memcpy(w->x[l + 1], w->x2[l], sizeof(w->x2[l]));
	multiply(w->x[l + 1], w->f[l], b->d, F, D);
}

static void backward_feed(struct work *w, const struct block *b,
			  struct block *g, int l)
{
	ZERO(w->df);
	multiply_back(w->df, g->d, w->dx, w->f[l], b->d, F, D);
	for (int i = 0; i < T * F; i++) {
		float z = w->g[l][i], s = 1 / (1 + expf(-z));
		w->du[i] = w->df[i] * z * s;
		w->dg[i] = w->df[i] * w->u[l][i] * s * (1 + z * (1 - s));
	}
	ZERO(w->dh);
	multiply_back(w->dh, g->g, w->dg, w->h2[l], b->g, D, F);
	multiply_back(w->dh, g->u, w->du, w->h2[l], b->u, D, F);
	memcpy(w->dx2, w->dx, sizeof(w->dx));
	norm_back(w->dx2, g->n2, w->dh, w->x2[l], w->r2[l], b->n2);
}

static void backward_block(struct work *w, const struct block *b,
			   struct block *g, int l, const struct row *row)
{
	backward_feed(w, b, g, l);
	ZERO(w->dao);
	ZERO(w->dq);
	ZERO(w->dk);
	ZERO(w->dv);
	multiply_back(w->dao, g->o, w->dx2, w->ao[l], b->o, D, D);
	for (int h = 0; h < H; h++)
		for (int t = 0; t < T; t++)
			attend_back(w, l, h, t, row->start[t]);
	rope(w->dq, -1);
	rope(w->dk, -1);
	ZERO(w->dh);
	multiply_back(w->dh, g->q, w->dq, w->h1[l], b->q, D, D);
	multiply_back(w->dh, g->k, w->dk, w->h1[l], b->k, D, D);
	multiply_back(w->dh, g->v, w->dv, w->h1[l], b->v, D, D);
	memcpy(w->dx, w->dx2, sizeof(w->dx));
	norm_back(w->dx, g->n1, w->dh, w->x[l], w->r1[l], b->n1);
}

/* Cross entropy of one token and its gradient. */
static float loss_at(const float *o, float *d, int y, float scale)
{
	float most = -1e30f, sum = 0;

	for (int i = 0; i < V; i++)
		if (o[i] > most)
			most = o[i];
	for (int i = 0; i < V; i++)
		sum += expf(o[i] - most);
	for (int i = 0; i < V; i++)
		d[i] = expf(o[i] - most) / sum * scale;
	d[y] -= scale;
	return logf(sum) - (o[y] - most);
}

/* The loss of a row; adds its gradient to g. */
static double learn_row(struct work *w, const struct params *p,
			struct params *g, const struct row *row, float scale)
{
	double loss = 0;

	for (int t = 0; t < T; t++)
		memcpy(w->x[0] + t * D, p->emb + (size_t)row->x[t] * D, D * 4);
	for (int l = 0; l < L; l++)
		forward_block(w, &p->b[l], l, row);
	norm(w->hf, w->rf, w->x[L], p->on);
	ZERO(w->lo);
	multiply(w->lo, w->hf, p->out, D, V);
	ZERO(w->dlo);
	for (int t = 0; t < T; t++)
		if (row->y[t] >= 0)
			loss += loss_at(w->lo + t * V, w->dlo + t * V,
					row->y[t], scale);
	ZERO(w->dh);
	multiply_back(w->dh, g->out, w->dlo, w->hf, p->out, D, V);
	ZERO(w->dx);
	norm_back(w->dx, g->on, w->dh, w->x[L], w->rf, p->on);
	for (int l = L - 1; l >= 0; l--)
		backward_block(w, &p->b[l], &g->b[l], l, row);
	for (int t = 0; t < T; t++)
		for (int i = 0; i < D; i++)
			g->emb[(size_t)row->x[t] * D + i] += w->dx[t * D + i];
	return loss;
}

#endif
