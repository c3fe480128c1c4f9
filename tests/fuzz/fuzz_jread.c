/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jread.c - checked JSON read in place gives what cJSON gives.
 *
 * The text lives in a block of its exact size, so that a reader that runs past
 * its end is caught.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

#include "../../server/deiad/http/jread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_whole(double v)
{
	return v >= -9007199254740992.0 && v <= 9007199254740992.0 &&
	       v == (double)(int64_t)v;
}

static void same(struct jread *r, const cJSON *json);

static void same_members(struct jread *r, const cJSON *json)
{
	const cJSON *item = json->child;
	size_t n = 0;
	char *key;

	must(jread_kind(r) == '{');
	for (jread_open(r); (key = jread_key(r)); item = item->next, n++) {
		must(item && strcmp(key, item->string) == 0);
		same(r, item);
	}
	must(!item && n == (size_t)cJSON_GetArraySize(json));
}

static void same_items(struct jread *r, const cJSON *json)
{
	const cJSON *item = json->child;

	must(jread_count(r) == (size_t)cJSON_GetArraySize(json));
	for (jread_open(r); jread_item(r); item = item->next) {
		must(item != NULL);
		same(r, item);
	}
	must(!item);
}

static void same(struct jread *r, const cJSON *json)
{
	char kind = jread_kind(r);
	int64_t n = 0;
	size_t len;
	char *text;

	if (cJSON_IsObject(json)) {
		same_members(r, json);
	} else if (cJSON_IsArray(json)) {
		must(kind == '[');
		same_items(r, json);
	} else if (cJSON_IsString(json)) {
		must(kind == '"');
		text = jread_text(r, &len);
		must(strcmp(text, json->valuestring) == 0 &&
		     strlen(text) == len);
	} else if (cJSON_IsNumber(json)) {
		must(kind == '0');
		must(jread_int(r, INT64_MIN, INT64_MAX, &n) ==
		     is_whole(json->valuedouble));
		must(!is_whole(json->valuedouble) ||
		     (double)n == json->valuedouble);
	} else {
		must(kind == 't' || kind == 'f' || kind == 'n');
		must(jread_bool(r) == cJSON_IsTrue(json));
	}
}

/* cJSON_Compare takes no two infinities for the same. */
static bool prints_alike(const cJSON *a, const cJSON *b)
{
	char *one = cJSON_PrintUnformatted(a), *two = cJSON_PrintUnformatted(b);
	bool alike = one && two && strcmp(one, two) == 0;

	cJSON_free(one);
	cJSON_free(two);
	return alike;
}

/* Each member as JSON again; skipping comes to the same place. */
static void raws(char *text, size_t len, const cJSON *json)
{
	struct jread r = { text };
	char *key, *raw;
	size_t n;

	for (jread_open(&r); (key = jread_key(&r));) {
		struct jread skipped = r;
		cJSON *again;

		jread_skip(&skipped);
		raw = jread_raw(&r, &n);
		must(r.at == skipped.at && strlen(raw) == n);
		must(!deia_json_parse(&again, raw, n, NULL));
		must(prints_alike(again,
				  cJSON_GetObjectItemCaseSensitive(json, key)));
		cJSON_Delete(again);
	}
	must(r.at <= text + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	cJSON *json = NULL;

	must(text != NULL);
	memcpy(text, data, size);
	if (!deia_json_parse(&json, text, size, NULL) && cJSON_IsObject(json)) {
		struct jread r = { text };

		same(&r, json);
		must(r.at <= text + size);
		memcpy(text, data, size);
		raws(text, size, json);
	}
	cJSON_Delete(json);
	free(text);
	return 0;
}
