/* SPDX-License-Identifier: MIT */
/*
 * schema_equal.c - equality of JSON values.
 *
 * Arrays are searched for equal items by a hash first, so that ten thousand
 * items need no fifty million comparisons. Somebody who aims at the hash makes
 * it slow, and so runs out of steps.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "expect/schema.h"

static bool equal_arrays(const cJSON *a, const cJSON *b, uint64_t *work)
{
	const cJSON *x = a->child, *y = b->child;

	for (; x && y; x = x->next, y = y->next)
		if (!deia__json_equal(x, y, work))
			return false;
	return !x && !y;
}

static size_t members(const cJSON *object, uint64_t *work)
{
	size_t n = 0;

	for (const cJSON *i = object->child; i; i = i->next)
		n++;
	deia__work(work, n);
	return n;
}

static bool equal_objects(const cJSON *a, const cJSON *b, uint64_t *work)
{
	size_t n = members(b, work);

	/* Keys are there once: as many, and each in the other, is all. */
	if (members(a, work) != n)
		return false;
	for (const cJSON *x = a->child; x; x = x->next) {
		const cJSON *y;

		if (!deia__work(work, n))
			return false;
		y = cJSON_GetObjectItemCaseSensitive(b, x->string);
		if (y == NULL || !deia__json_equal(x, y, work))
			return false;
	}
	return true;
}

bool deia__json_equal(const cJSON *a, const cJSON *b, uint64_t *work)
{
	if (!deia__work(work, 1) || (a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsNumber(a))
		return !(a->valuedouble < b->valuedouble) &&
		       !(a->valuedouble > b->valuedouble);
	if (cJSON_IsString(a))
		return !strcmp(a->valuestring, b->valuestring);
	if (cJSON_IsArray(a))
		return equal_arrays(a, b, work);
	if (cJSON_IsObject(a))
		return equal_objects(a, b, work);
	return true;
}

/* ---- equal items ------------------------------------------------------- */

struct hashed {
	uint64_t hash;
	const cJSON *item;
	size_t index;
};

/* FNV-1a */
static uint64_t hash_bytes(uint64_t h, const void *p, size_t len)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash_text(const char *s, uint64_t *work)
{
	size_t len = strlen(s);

	deia__work(work, len / 16);
	return hash_bytes(UINT64_C(0xcbf29ce484222325), s, len);
}

static uint64_t mixed(uint64_t h)
{
	h ^= h >> 31;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t hash_of(const cJSON *v, uint64_t *work)
{
	uint64_t h = mixed((uint64_t)v->type & 0xff);
	double number = v->valuedouble;

	if (!deia__work(work, 1))
		return 0;
	if (cJSON_IsNumber(v)) {
		number += 0.0; /* of -0 and 0 one */
		return hash_bytes(h, &number, sizeof(number));
	}
	if (cJSON_IsString(v))
		return h ^ hash_text(v->valuestring, work);
	if (cJSON_IsArray(v))
		for (const cJSON *i = v->child; i; i = i->next)
			h = mixed(h + hash_of(i, work));
	if (cJSON_IsObject(v)) /* in any order */
		for (const cJSON *i = v->child; i; i = i->next)
			h += mixed(hash_text(i->string, work) * 31 +
				   hash_of(i, work));
	return h;
}

static int by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static deia_err find_twins(const struct hashed *h, size_t n, size_t *first,
			   size_t *second, uint64_t *work)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n && h[k].hash == h[i].hash; k++) {
			bool same =
				deia__json_equal(h[i].item, h[k].item, work);

			if (*work == 0)
				return DEIA_ELIMIT;
			if (!same)
				continue;
			*first = h[i].index;
			*second = h[k].index;
			return DEIA_OK;
		}
	}
	return DEIA_ENOTFOUND;
}

deia_err deia__json_twins(const cJSON *array, size_t *first, size_t *second,
			  uint64_t *work)
{
	size_t n = members(array, work), k = 0;
	struct hashed *h;
	deia_err err;

	if (n < 2)
		return DEIA_ENOTFOUND;
	h = deia__alloc_raw(n * sizeof(*h));
	if (h == NULL)
		return DEIA_ENOMEM;
	for (const cJSON *i = array->child; i; i = i->next, k++)
		h[k] = (struct hashed){ hash_of(i, work), i, k };
	/* A sort takes some ten comparisons an item. */
	if (!deia__work(work, n * 2)) {
		deia__free(h);
		return DEIA_ELIMIT;
	}
	qsort(h, n, sizeof(*h), by_hash);
	err = find_twins(h, n, first, second, work);
	deia__free(h);
	return err;
}
