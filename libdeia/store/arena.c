/* SPDX-License-Identifier: MIT */
/*
 * arena.c - chunks that double from 1 KiB to 64 KiB.
 *
 * What is larger than a quarter of a chunk gets a chunk of its own, so that
 * a big value does not waste the rest of the current one.
 */
#include "store/arena.h"

#include <string.h>

#include "core/mem.h"

#define CHUNK_MIN ((size_t)1024)
#define CHUNK_MAX ((size_t)64 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct deia__chunk {
	struct deia__chunk *next;
	_Alignas(max_align_t) char data[];
};

static struct deia__chunk *chunk_new(struct deia__arena *a, size_t len)
{
	struct deia__chunk *c = deia__alloc(sizeof(*c) + len);

	if (!c)
		return NULL;
	c->next = a->chunks;
	a->chunks = c;
	a->bytes += sizeof(*c) + len;
	return c;
}

void *deia__arena_alloc(struct deia__arena *a, size_t len)
{
	struct deia__chunk *c;
	size_t size;
	void *p;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = len ? (len + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
	if (len > a->left) {
		size = a->bytes < CHUNK_MIN ? CHUNK_MIN : a->bytes;
		size = size > CHUNK_MAX ? CHUNK_MAX : size;
		if (len > size / 4) {
			c = chunk_new(a, len);
			return c ? c->data : NULL;
		}
		c = chunk_new(a, size);
		if (!c)
			return NULL;
		a->at = c->data;
		a->left = size;
	}
	p = a->at;
	a->at += len;
	a->left -= len;
	return p;
}

char *deia__arena_dup(struct deia__arena *a, const char *s, size_t len)
{
	char *p = deia__arena_alloc(a, len + 1);

	if (p && len > 0)
		memcpy(p, s, len);
	return p; /* zeroed, so the NUL is there */
}

void deia__arena_fini(struct deia__arena *a)
{
	struct deia__chunk *c = a->chunks, *next;

	for (; c; c = next) {
		next = c->next;
		deia__free(c);
	}
	memset(a, 0, sizeof(*a));
}
