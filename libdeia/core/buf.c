/* SPDX-License-Identifier: MIT */
/*
 * buf.c - a growing byte buffer with a maximum.
 *
 * Errors stick: the first failed addition is remembered in b->err, later ones
 * do nothing, and the content stays what it was before the failure. While
 * cap != 0 there is a NUL at data[len].
 */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define FIRST_CAP 128

void deia__buf_init(struct deia__buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void deia__buf_fini(struct deia__buf *b)
{
	deia__free(b->data);
	deia__buf_init(b, b->max);
}

/* Makes room for len more bytes and the NUL. */
static bool reserve(struct deia__buf *b, size_t len)
{
	size_t max = b->max ? b->max : SIZE_MAX / 2;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *data;

	if (b->err)
		return false;
	if (b->len > max || len > max - b->len) {
		b->err = DEIA_ELIMIT;
		return false;
	}
	if (b->len + len < b->cap)
		return true;
	while (cap <= b->len + len)
		cap = cap > SIZE_MAX / 4 ? b->len + len + 1 : cap * 2;
	data = deia__realloc(b->data, cap);
	if (!data) {
		b->err = DEIA_ENOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void deia__buf_add(struct deia__buf *b, const void *p, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void deia__buf_adds(struct deia__buf *b, const char *s)
{
	deia__buf_add(b, s, strlen(s));
}

static int measure(const char *fmt, va_list args) DEIA_PRINTF(1, 0);
static int measure(const char *fmt, va_list args)
{
	va_list copy;
	int len;

	va_copy(copy, args);
	len = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	return len;
}

void deia__buf_addf(struct deia__buf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = measure(fmt, args);
	if (len < 0) {
		if (!b->err)
			b->err = DEIA_ENOMEM;
	} else if (reserve(b, (size_t)len)) {
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
		b->len += (size_t)len;
	}
	va_end(args);
}

void deia__buf_drain(struct deia__buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

char *deia__buf_take(struct deia__buf *b)
{
	char *data = NULL;

	if (reserve(b, 0)) {
		data = b->data;
		data[b->len] = '\0';
		b->data = NULL;
	}
	deia__buf_fini(b);
	return data;
}
