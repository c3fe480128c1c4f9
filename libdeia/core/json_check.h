/* SPDX-License-Identifier: MIT */
/*
 * json_check.h - what the strict check tells the parser, and the set of an
 * object's keys that it keeps to find duplicates.
 */
#ifndef DEIA_CORE_JSON_CHECK_H
#define DEIA_CORE_JSON_CHECK_H

#include <deia/limits.h>
#include <deia/sys/json.h>

/* cJSON reads numbers of at most this many characters. */
#define DEIA__JSON_NUMBER_LEN 60

/* As deia_json_check; *long_number: some number is longer than that. */
DEIA_NODISCARD deia_err deia__json_check(const char *text, size_t len,
					 struct deia_json_error *where,
					 bool *long_number);

/* A key: the bytes between its quotes, checked already. */
struct deia__json_key {
	uint32_t at, len;
	bool escaped;
};
/* The keys of all open objects, innermost last. */
struct deia__json_keys {
	const char *text;
	struct deia__json_key *keys, few[16];
	size_t len, cap;
	size_t first[DEIA_MAX_JSON_DEPTH]; /* per depth: its first key */
};
void deia__json_keys_init(struct deia__json_keys *k, const char *text);
void deia__json_keys_fini(struct deia__json_keys *k);
/* Starts the object at a depth; false from add: out of memory. */
void deia__json_keys_open(struct deia__json_keys *k, unsigned depth);
bool deia__json_keys_add(struct deia__json_keys *k, struct deia__json_key key);
/* Ends it; NULL, or the first key that repeats an earlier one (lives until
 * the next call). */
const struct deia__json_key *deia__json_keys_close(struct deia__json_keys *k,
						   unsigned depth);

#endif
