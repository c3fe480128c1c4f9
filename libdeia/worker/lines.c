/* SPDX-License-Identifier: MIT */
/*
 * lines.c - an incremental line splitter.
 *
 * Used for the hive's lines on stdin and for a model server's answers. A line
 * that lies whole inside one piece is handed out in place; only what crosses a
 * border is copied. Memory never exceeds the maximum: a longer line is thrown
 * away up to its newline and reported once. Empty lines are left out, unless
 * they mean something (SSE).
 */
#include "worker/lines.h"

#include <string.h>

/* What a kept buffer may hold between lines. */
#define KEEP_BYTES (64u << 10)

void deia__lines_init(struct deia__lines *l, size_t max, deia__line_cb cb,
		      void *user)
{
	*l = (struct deia__lines){ .max = max, .cb = cb, .user = user };
	deia__buf_init(&l->part, max);
}

void deia__lines_fini(struct deia__lines *l)
{
	deia__buf_fini(&l->part);
}

static void empty_part(struct deia__lines *l)
{
	if (l->part.cap > KEEP_BYTES) {
		deia__buf_fini(&l->part);
		deia__buf_init(&l->part, l->max);
	}
	l->part.len = 0;
}

static bool is_blank(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

static deia_err hand_out(struct deia__lines *l, const char *p, size_t len)
{
	if (!l->keep_blank && is_blank(p, len))
		return DEIA_OK;
	return l->cb(p, len, l->user) ? DEIA_OK : DEIA_ECANCELED;
}

static deia_err too_long(struct deia__lines *l)
{
	empty_part(l);
	return l->cb(NULL, 0, l->user) ? DEIA_OK : DEIA_ECANCELED;
}

/* Bytes that no newline follows yet. */
static deia_err keep(struct deia__lines *l, const char *p, size_t len)
{
	if (l->skipping)
		return DEIA_OK;
	if (len > l->max - l->part.len) {
		l->skipping = true;
		return too_long(l);
	}
	deia__buf_add(&l->part, p, len);
	return l->part.err;
}

/* Bytes up to a newline: the end of a line. */
static deia_err complete(struct deia__lines *l, const char *p, size_t len)
{
	deia_err err;

	if (l->skipping) {
		l->skipping = false;
		return DEIA_OK;
	}
	if (len > l->max - l->part.len)
		return too_long(l);
	if (l->part.len == 0)
		return hand_out(l, p, len);
	deia__buf_add(&l->part, p, len);
	if (l->part.err)
		return l->part.err;
	err = hand_out(l, l->part.data, l->part.len);
	empty_part(l);
	return err;
}

deia_err deia__lines_feed(struct deia__lines *l, const char *p, size_t len)
{
	deia_err err = DEIA_OK;

	while (len && !err) {
		const char *nl = memchr(p, '\n', len);
		if (!nl)
			return keep(l, p, len);
		size_t n = (size_t)(nl - p);
		err = complete(l, p, n);
		p += n + 1;
		len -= n + 1;
	}
	return err;
}

deia_err deia__lines_end(struct deia__lines *l)
{
	return l->part.len || l->skipping ? complete(l, "", 0) : DEIA_OK;
}
