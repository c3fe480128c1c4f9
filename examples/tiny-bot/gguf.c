/* SPDX-License-Identifier: MIT */
/*
 * gguf.c - see gguf.h.
 *
 * A cursor walks over the file once. It turns bad at the first thing that does
 * not fit and gives out zeros from then on, so that one check at the end of a
 * group is enough; nothing is allocated by a number that was not compared with
 * the size of the file first.
 */
#include "gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 4096
#define MAX_TENSORS 4096
#define MAX_ALIGNMENT 4096
#define MAX_ELEMENTS (UINT64_C(1) << 32)

static const unsigned char sizes[GGUF_TYPES] = {
	[GGUF_U8] = 1,	[GGUF_I8] = 1,	[GGUF_U16] = 2, [GGUF_I16] = 2,
	[GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
	[GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};

struct cursor {
	const unsigned char *at, *end;
	bool bad;
};

static const unsigned char *take(struct cursor *c, uint64_t n)
{
	const unsigned char *p = c->at;

	if (c->bad || n > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return NULL;
	}
	c->at += n;
	return p;
}

static uint32_t take_u32(struct cursor *c)
{
	const unsigned char *p = take(c, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t take_u64(struct cursor *c)
{
	const unsigned char *p = take(c, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static struct gguf_text take_text(struct cursor *c)
{
	uint64_t len = take_u64(c);
	const unsigned char *p = take(c, len);
	struct gguf_text text = { "", 0 };

	if (p) {
		text.data = (const char *)p;
		text.len = (size_t)len;
	}
	return text;
}

/* ---- settings ------------------------------------------------------------- */

static void skip_elements(struct cursor *c, enum gguf_type type, uint64_t n)
{
	uint64_t left = (uint64_t)(c->end - c->at);

	if (type == GGUF_TEXT) {
		/* Each has a length of 8 bytes: n is bounded by the file. */
		if (n > left / 8)
			c->bad = true;
		for (; n > 0 && !c->bad; n--)
			take_text(c);
	} else if (sizes[type] == 0 || n > left / sizes[type]) {
		c->bad = true; /* also an array of arrays */
	} else {
		take(c, n * sizes[type]);
	}
}

static void take_value(struct cursor *c, struct gguf_value *v)
{
	uint32_t type;

	v->key = take_text(c);
	type = take_u32(c);
	v->is_array = type == GGUF_ARRAY;
	v->n = 1;
	if (v->is_array) {
		type = take_u32(c);
		v->n = take_u64(c);
	}
	if (type >= GGUF_TYPES)
		c->bad = true;
	if (c->bad)
		return;
	v->type = (enum gguf_type)type;
	v->at = c->at;
	skip_elements(c, v->type, v->n);
	v->end = c->at;
}

/* ---- tensors -------------------------------------------------------------- */

/* How many bytes it has; 0: not known here, or too many. */
static uint64_t tensor_bytes(const struct gguf_tensor *t)
{
	uint64_t n = 1;
	unsigned i;

	for (i = 0; i < t->n_dims; i++) {
		if (t->dims[i] == 0 || t->dims[i] > MAX_ELEMENTS / n)
			return 0;
		n *= t->dims[i];
	}
	return t->type == GGUF_TENSOR_F32   ? n * 4
	       : t->type == GGUF_TENSOR_F16 ? n * 2
					    : 0;
}

/* Its data pointer is, for now, the start of the file plus its offset. */
static uint64_t take_tensor(struct cursor *c, struct gguf_tensor *t)
{
	unsigned i;

	t->name = take_text(c);
	t->n_dims = take_u32(c);
	if (t->n_dims < 1 || t->n_dims > 4)
		c->bad = true;
	for (i = 0; i < t->n_dims && !c->bad; i++)
		t->dims[i] = take_u64(c);
	t->type = take_u32(c);
	return take_u64(c);
}

static bool place(struct gguf_tensor *t, const unsigned char *data,
		  uint64_t room, uint64_t offset)
{
	uint64_t bytes = tensor_bytes(t);

	if (offset > room || bytes > room - offset)
		return false;
	/* Of a type that is not known here nobody reads the data. */
	t->data = bytes != 0 ? data + offset : NULL;
	return true;
}

static bool take_tensors(struct gguf *g, struct cursor *c, uint64_t *offsets)
{
	uint32_t align = 32;
	size_t i, at;

	for (i = 0; i < g->n_tensors && !c->bad; i++)
		offsets[i] = take_tensor(c, &g->tensors[i]);
	if (c->bad)
		return false;
	if (gguf_find(g, "general.alignment") &&
	    !gguf_uint(g, "general.alignment", 1, MAX_ALIGNMENT, &align))
		return false;
	at = ((size_t)(c->at - g->data) + align - 1) / align * align;
	if (at > g->size)
		return false;
	for (i = 0; i < g->n_tensors; i++)
		if (!place(&g->tensors[i], g->data + at, g->size - at,
			   offsets[i]))
			return false;
	return true;
}

/* ---- the file --------------------------------------------------------------- */

static bool fail(struct gguf *g, char *error, const char *why)
{
	snprintf(error, GGUF_ERROR_BYTES, "%s", why);
	gguf_free(g);
	return false;
}

static bool take_head(struct gguf *g, struct cursor *c, char *error)
{
	const unsigned char *magic = take(c, 4);
	uint64_t n_tensors, n_values;
	uint32_t version;

	if (!magic || memcmp(magic, "GGUF", 4) != 0)
		return fail(g, error, "this is no GGUF file");
	version = take_u32(c);
	if (version != 2 && version != 3)
		return fail(g, error, "not GGUF version 2 or 3");
	n_tensors = take_u64(c);
	n_values = take_u64(c);
	if (c->bad || n_tensors > MAX_TENSORS || n_values > MAX_VALUES)
		return fail(g, error, "more than 4,096 settings or tensors");
	g->n_tensors = (size_t)n_tensors;
	g->n_values = (size_t)n_values;
	return true;
}

bool gguf_parse(struct gguf *g, const void *data, size_t size,
		char error[GGUF_ERROR_BYTES])
{
	struct cursor c = { data, (const unsigned char *)data + size, false };
	uint64_t *offsets;
	bool good;
	size_t i;

	memset(g, 0, sizeof(*g));
	g->data = data;
	g->size = size;
	if (!take_head(g, &c, error))
		return false;
	g->values = calloc(g->n_values + 1, sizeof(*g->values));
	g->tensors = calloc(g->n_tensors + 1, sizeof(*g->tensors));
	offsets = calloc(g->n_tensors + 1, sizeof(*offsets));
	if (!g->values || !g->tensors || !offsets) {
		free(offsets);
		return fail(g, error, "out of memory");
	}
	for (i = 0; i < g->n_values && !c.bad; i++)
		take_value(&c, &g->values[i]);
	good = !c.bad && take_tensors(g, &c, offsets);
	free(offsets);
	return good || fail(g, error, "the file is damaged or cut short");
}

void gguf_free(struct gguf *g)
{
	free(g->values);
	free(g->tensors);
	memset(g, 0, sizeof(*g));
}

/* ---- looking things up ------------------------------------------------------ */

bool gguf_equals(struct gguf_text text, const char *with)
{
	size_t len = strlen(with);

	return text.len == len && memcmp(text.data, with, len) == 0;
}

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
	size_t i;

	for (i = 0; i < g->n_values; i++)
		if (gguf_equals(g->values[i].key, key))
			return &g->values[i];
	return NULL;
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->n_tensors; i++)
		if (gguf_equals(g->tensors[i].name, name))
			return &g->tensors[i];
	return NULL;
}

bool gguf_uint(const struct gguf *g, const char *key, uint32_t min,
	       uint32_t max, uint32_t *out)
{
	const struct gguf_value *v = gguf_find(g, key);
	uint32_t n;

	if (!v || v->is_array || (v->type != GGUF_U32 && v->type != GGUF_I32))
		return false;
	memcpy(&n, v->at, sizeof(n));
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool gguf_float(const struct gguf *g, const char *key, float *out)
{
	const struct gguf_value *v = gguf_find(g, key);

	if (!v || v->is_array || v->type != GGUF_F32)
		return false;
	memcpy(out, v->at, sizeof(*out));
	return true;
}

bool gguf_next_text(struct gguf_value *list, struct gguf_text *out)
{
	struct cursor c = { list->at, list->end, false };

	if (list->type != GGUF_TEXT || list->n == 0)
		return false;
	*out = take_text(&c);
	list->at = c.at;
	list->n--;
	return !c.bad;
}

bool gguf_is_text(const struct gguf *g, const char *key, const char *text)
{
	const struct gguf_value *v = gguf_find(g, key);
	struct gguf_value copy;
	struct gguf_text is;

	if (!v || v->is_array)
		return false;
	copy = *v;
	return gguf_next_text(&copy, &is) && gguf_equals(is, text);
}
