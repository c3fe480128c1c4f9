/* SPDX-License-Identifier: MIT */
/*
 * mem.c - allocation that tests can make fail.
 *
 * Memory comes from malloc and goes back with free, so a text that a C
 * library made with malloc may be given to deia__free. The countdown belongs
 * to the thread that set it: other threads go on undisturbed.
 */
#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHED_BYTES 1024

static _Thread_local unsigned long fail_at;
static _Thread_local bool fail_sticky;

static bool must_fail(void)
{
	if (fail_at == 0)
		return false;
	if (fail_at > 1) {
		fail_at--;
		return false;
	}
	if (!fail_sticky)
		fail_at = 0;
	return true;
}

void deia__mem_fail_at(unsigned long n, bool sticky)
{
	fail_at = n;
	fail_sticky = sticky;
}

/* Apart, since a compiler that sees malloc and memset together makes a calloc
 * of them. */
static __attribute__((noinline)) void *fresh(size_t size)
{
	return malloc(size);
}

/* calloc passes over the thread's cache of freed blocks, which malloc takes
 * small ones from; large ones come cleared from the system. */
void *deia__alloc(size_t size)
{
	void *p;

	if (must_fail())
		return NULL;
	if (size > CACHED_BYTES)
		return calloc(1, size);
	if (size == 0)
		size = 1;
	p = fresh(size);
	return p ? memset(p, 0, size) : NULL;
}

void *deia__alloc_raw(size_t size)
{
	if (must_fail())
		return NULL;
	return malloc(size ? size : 1);
}

void *deia__realloc(void *p, size_t size)
{
	if (must_fail())
		return NULL;
	return realloc(p, size ? size : 1);
}

void deia__free(void *p)
{
	free(p);
}

char *deia__strndup(const char *s, size_t len)
{
	char *copy;

	if (!s)
		return NULL;
	len = strnlen(s, len);
	copy = must_fail() ? NULL : malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *deia__strdup(const char *s)
{
	return s ? deia__strndup(s, strlen(s)) : NULL;
}

char *deia__asprintf(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	if (must_fail())
		return NULL;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return len < 0 ? NULL : text;
}
