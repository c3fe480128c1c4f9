/* SPDX-License-Identifier: MIT */
/*
 * json_keys.c - finding a key that an object has twice, however it is spelt.
 *
 * Keys are compared as code points, escapes read. Few keys are compared pair
 * by pair, many are sorted: O(n log n) for any input, which a hash table
 * without a secret key would not be.
 */
#include "core/json_check.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define PAIRWISE_MAX 8

void deia__json_keys_init(struct deia__json_keys *k, const char *text)
{
	k->text = text;
	k->keys = k->few;
	k->len = 0;
	k->cap = sizeof(k->few) / sizeof(k->few[0]);
}

void deia__json_keys_fini(struct deia__json_keys *k)
{
	if (k->keys != k->few)
		deia__free(k->keys);
}

void deia__json_keys_open(struct deia__json_keys *k, unsigned depth)
{
	k->first[depth] = k->len;
}

static bool grow(struct deia__json_keys *k)
{
	struct deia__json_key *more;
	bool first = k->keys == k->few;

	more = deia__realloc(first ? NULL : k->keys,
			     k->cap * 2 * sizeof(*more));
	if (!more)
		return false;
	if (first)
		memcpy(more, k->few, sizeof(k->few));
	k->keys = more;
	k->cap *= 2;
	return true;
}

bool deia__json_keys_add(struct deia__json_keys *k, struct deia__json_key key)
{
	if (k->len == k->cap && !grow(k))
		return false;
	k->keys[k->len++] = key;
	return true;
}

static uint32_t hex4(const unsigned char *s)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = s[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static uint32_t escape(const unsigned char **at)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const unsigned char *s = *at;
	const char *named;
	uint32_t high;

	*at = s + 2;
	if (s[1] != 'u') {
		named = strchr(from, s[1]);
		return named ? (uint32_t)to[named - from] : s[1];
	}
	*at = s + 6;
	high = hex4(s + 2);
	if (high < 0xd800 || high > 0xdbff)
		return high;
	*at = s + 12;
	return 0x10000 + ((high - 0xd800) << 10) + (hex4(s + 8) - 0xdc00);
}

/* The code point at *at, which moves on. The text is valid. */
static uint32_t code_point(const unsigned char **at)
{
	const unsigned char *s = *at;
	int len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t v;

	if (s[0] == '\\')
		return escape(at);
	if (s[0] < 0x80) {
		(*at)++;
		return s[0];
	}
	v = s[0] & (0xffu >> (len + 1));
	for (int i = 1; i < len; i++)
		v = v << 6 | (s[i] & 0x3fu);
	*at += len;
	return v;
}

static int compare_escaped(const unsigned char *a, size_t a_len,
			   const unsigned char *b, size_t b_len)
{
	const unsigned char *a_end = a + a_len, *b_end = b + b_len;

	while (a < a_end && b < b_end) {
		uint32_t x = code_point(&a), y = code_point(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a < a_end) - (b < b_end);
}

/* Order by code points, which is also the order of the UTF-8 bytes. */
static int compare(const char *text, const struct deia__json_key *a,
		   const struct deia__json_key *b)
{
	const char *s = text + a->at, *t = text + b->at;
	int order;

	if (a->escaped || b->escaped)
		return compare_escaped((const unsigned char *)s, a->len,
				       (const unsigned char *)t, b->len);
	order = memcmp(s, t, a->len < b->len ? a->len : b->len);
	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int by_key_then_place(const void *p, const void *q, void *text)
{
	const struct deia__json_key *a = p, *b = q;
	int order = compare(text, a, b);

	return order ? order : (a->at > b->at) - (a->at < b->at);
}

static const struct deia__json_key *twice_among_few(
	const char *text, const struct deia__json_key *keys, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if ((keys[i].len == keys[j].len || keys[i].escaped ||
			     keys[j].escaped) &&
			    compare(text, &keys[i], &keys[j]) == 0)
				return &keys[i];
	return NULL;
}

static const struct deia__json_key *twice_among_many(
	const char *text, struct deia__json_key *keys, size_t n)
{
	const struct deia__json_key *found = NULL;

	qsort_r(keys, n, sizeof(*keys), by_key_then_place,
		(void *)(uintptr_t)text);
	for (size_t i = 1; i < n; i++)
		if ((!found || keys[i].at < found->at) &&
		    compare(text, &keys[i - 1], &keys[i]) == 0)
			found = &keys[i];
	return found;
}

const struct deia__json_key *deia__json_keys_close(struct deia__json_keys *k,
						   unsigned depth)
{
	struct deia__json_key *keys = k->keys + k->first[depth];
	size_t n = k->len - k->first[depth];

	k->len = k->first[depth];
	if (n <= PAIRWISE_MAX)
		return twice_among_few(k->text, keys, n);
	return twice_among_many(k->text, keys, n);
}
