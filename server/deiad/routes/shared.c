/* SPDX-License-Identifier: MIT */
/*
 * shared.c - what handlers have in common: query parameters, bodies, lists.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"

bool query_int(struct rq *rq, const char *name, int64_t min, int64_t max,
	       int64_t fallback, int64_t *out)
{
	const char *text = rq_query(rq, name);
	char pointer[64], *end;
	long long v;

	*out = fallback;
	if (!text)
		return true;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || *end || end == text || v < min || v > max ||
	    text[0] == '+' || text[0] == ' ') {
		snprintf(pointer, sizeof(pointer), "?%s", name);
		rq_bad_field(rq, pointer,
			     "expected a whole number from %lld to %lld",
			     (long long)min, (long long)max);
		return false;
	}
	*out = v;
	return true;
}

bool query_limit(struct rq *rq, unsigned *limit)
{
	int64_t v;

	if (!query_int(rq, "limit", 1, DEIA_MAX_PAGE_LEN, DEIA_DEFAULT_PAGE_LEN,
		       &v))
		return false;
	*limit = (unsigned)v;
	return true;
}

bool query_bool(struct rq *rq, const char *name, bool fallback, bool *out)
{
	const char *text = rq_query(rq, name);
	char pointer[64];

	*out = fallback;
	if (!text)
		return true;
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
		*out = true;
	} else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) {
		*out = false;
	} else {
		snprintf(pointer, sizeof(pointer), "?%s", name);
		rq_bad_field(rq, pointer, "expected true or false");
		return false;
	}
	return true;
}

void list_begin(struct deia_jw *w)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_key(w, "items");
	deia_jw_array(w);
}

void list_end(struct deia_jw *w, const char *next_cursor)
{
	deia_jw_end_array(w);
	deia_jw_kstr(w, "next_cursor", next_cursor);
	deia_jw_end_object(w);
}

void print_outcomes(struct deia_jw *w, const struct deia_hive_outcome *items,
		    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "id", items[i].id);
		deia_jw_kbool(w, "ok", !items[i].err);
		if (items[i].err) {
			deia_jw_key(w, "error");
			deia_jw_object(w);
			deia_jw_kstr(w, "code", deia_err_name(items[i].err));
			deia_jw_kstr(w, "detail", items[i].message);
			deia_jw_end_object(w);
		}
		deia_jw_end_object(w);
	}
}

void print_int_or_null(struct deia_jw *w, const char *key, int64_t v,
		       int64_t none)
{
	if (v == none)
		deia_jw_kraw(w, key, NULL);
	else
		deia_jw_kint(w, key, v);
}

void print_made(const struct rq *rq, struct deia_jw *w, enum deia_made made,
		const void *what)
{
	switch (made) {
	case DEIA_MADE_BOT:
		print_bot(w, rq->srv->hive, what);
		break;
	case DEIA_MADE_CONVERSATION:
		print_conversation(w, what);
		break;
	case DEIA_MADE_ANSWER:
		print_line(w, what);
		break;
	case DEIA_MADE_EXECUTION:
		print_execution(w, what);
		break;
	}
}

void rq_begun(struct rq *rq, deia_err err)
{
	if (!err)
		return;
	rq_fail(rq, err);
	rq_drop(rq);
}

void rq_done_empty(deia_err err, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		rq_send_empty(rq);
	rq_drop(rq);
}

#define KEY_MAX 255 /* as everywhere; longer than libdeia takes */

bool own_key(struct rq *rq, char buf[static 65], const char **out)
{
	const char *key = rq->head.key;
	unsigned char digest[crypto_hash_sha256_BYTES];
	size_t len = key ? strlen(key) : 1;

	for (size_t i = 0; key && i < len; i++)
		if (key[i] < ' ' || key[i] >= 127)
			len = 0;
	if (len < 1 || len > KEY_MAX) {
		rq_problem(rq, 400, "malformed",
			   "Idempotency-Key must be 1 to %d printable ASCII "
			   "characters.",
			   KEY_MAX);
		return false;
	}
	*out = key;
	if (len <= DEIA_MAX_KEY_BYTES)
		return true;
	crypto_hash_sha256(digest, (const unsigned char *)key, len);
	*out = sodium_bin2hex(buf, 65, digest, sizeof(digest));
	return true;
}

/* ---- bodies ------------------------------------------------------------ */

#define ERRORS_MAX 16

/* What is wrong with a value; false: nothing. */
static bool wrong_value(const struct field *f, const cJSON *v,
			struct deia_field_error *e)
{
	double n = cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
	size_t len = cJSON_IsString(v) ? strlen(v->valuestring) : 0;

	switch (f->type) {
	case FIELD_TEXT:
		if (cJSON_IsString(v) && (int64_t)len >= f->min &&
		    (int64_t)len <= f->max)
			return false;
		snprintf(e->detail, sizeof(e->detail),
			 "expected text of %lld to %lld bytes",
			 (long long)f->min, (long long)f->max);
		return true;
	case FIELD_INT:
		if (n >= (double)f->min && n <= (double)f->max && n == floor(n))
			return false;
		snprintf(e->detail, sizeof(e->detail),
			 "expected a whole number from %lld to %lld",
			 (long long)f->min, (long long)f->max);
		return true;
	case FIELD_NUMBER: /* NaN is in no range */
		if (n >= (double)f->min && n <= (double)f->max)
			return false;
		snprintf(e->detail, sizeof(e->detail),
			 "expected a number from %lld to %lld",
			 (long long)f->min, (long long)f->max);
		return true;
	case FIELD_BOOL:
		if (cJSON_IsBool(v))
			return false;
		snprintf(e->detail, sizeof(e->detail),
			 "expected true or false");
		return true;
	case FIELD_OBJECT:
		if (cJSON_IsObject(v))
			return false;
		snprintf(e->detail, sizeof(e->detail), "expected an object");
		return true;
	default:
		if (cJSON_IsArray(v))
			return false;
		snprintf(e->detail, sizeof(e->detail), "expected an array");
		return true;
	}
}

static const struct field *find_field(const struct field *fields, size_t n,
				      const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* "/name", escaped as a JSON pointer. */
static void pointer_to(struct deia_field_error *e, const char *name)
{
	size_t at = 0;

	e->pointer[at++] = '/';
	for (; *name && at < sizeof(e->pointer) - 3; name++) {
		if (*name == '~' || *name == '/') {
			e->pointer[at++] = '~';
			e->pointer[at++] = *name == '~' ? '0' : '1';
		} else {
			e->pointer[at++] = *name;
		}
	}
	e->pointer[at] = '\0';
}

bool body_fields(struct rq *rq, const struct field *fields, size_t n)
{
	struct deia_field_error errors[ERRORS_MAX] = { 0 };
	const cJSON *v;
	size_t bad = 0;

	cJSON_ArrayForEach(v, rq->json) {
		const struct field *f = find_field(fields, n, v->string);

		if (bad == ERRORS_MAX)
			break;
		if (!f)
			snprintf(errors[bad].detail, sizeof(errors[bad].detail),
				 "there is no such field here");
		else if (!wrong_value(f, v, &errors[bad]))
			continue;
		pointer_to(&errors[bad++], v->string);
	}
	for (size_t i = 0; i < n && bad < ERRORS_MAX; i++) {
		if (!fields[i].required ||
		    cJSON_GetObjectItemCaseSensitive(rq->json, fields[i].name))
			continue;
		snprintf(errors[bad].detail, sizeof(errors[bad].detail),
			 "this field is required");
		pointer_to(&errors[bad++], fields[i].name);
	}
	if (bad)
		rq_bad_fields(rq, errors, bad);
	return bad == 0;
}

const char *body_text(const struct rq *rq, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(rq->json, name));
}

int64_t body_int(const struct rq *rq, const char *name, int64_t fallback)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(rq->json, name);

	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : fallback;
}
