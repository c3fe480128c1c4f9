/* SPDX-License-Identifier: MIT */
/*
 * mem.c - allocation for a program that has nothing to save when memory runs
 * out: it says so and ends with status 1.
 */
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (p != NULL)
		return p;
	fputs("deia: memory ran out\n", stderr);
	exit(1);
}

void *must_alloc(size_t size)
{
	return must(calloc(1, size != 0 ? size : 1));
}

void *must_realloc(void *p, size_t size)
{
	return must(realloc(p, size));
}

char *must_dup(const char *s)
{
	return s != NULL ? must(strdup(s)) : NULL;
}

char *must_dupn(const char *s, size_t len)
{
	return must(strndup(s, len));
}

char *must_print(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return must(s);
}

void text_add(struct text *t, const char *p, size_t len)
{
	if (t->len + len + 1 > t->cap) {
		size_t cap = t->cap < 64 ? 64 : t->cap;

		while (cap < t->len + len + 1)
			cap *= 2;
		t->data = must_realloc(t->data, cap);
		t->cap = cap;
	}
	if (len > 0)
		memcpy(t->data + t->len, p, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&s, fmt, ap);
	va_end(ap);
	s = must(len < 0 ? NULL : s);
	text_add(t, s, (size_t)len);
	free(s);
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}
