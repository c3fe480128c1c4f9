/* SPDX-License-Identifier: MIT */
/*
 * params.c - what a request asks for: query parameters, members of the body.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <deia/limits.h>

#include "../http/reply.h"

/* ---- the query --------------------------------------------------------- */

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

bool query_page(struct rq *rq, unsigned *limit, int64_t *cursor)
{
	return query_limit(rq, limit) &&
	       query_int(rq, "cursor", 1, INT64_MAX, 0, cursor);
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

/* ---- times --------------------------------------------------------- */

bool time_parse(const char *text, int64_t *unix_ms)
{
	int y, mo, d, h, mi, s, at = 0, oh = 0, om = 0, ms = 0;
	struct tm tm = { 0 };

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s,
		   &at) != 6 ||
	    at != 19 || y < 1970 || mo < 1 || mo > 12 || d < 1 || d > 31 ||
	    h > 23 || mi > 59 || s > 60)
		return false;
	text += at;
	if (*text == '.') {
		int scale = 100;

		for (text++; *text >= '0' && *text <= '9'; text++) {
			ms += (*text - '0') * scale;
			scale /= 10;
		}
	}
	if ((*text == '+' || *text == '-') &&
	    sscanf(text + 1, "%2d:%2d", &oh, &om) == 2 && strlen(text) == 6)
		oh *= *text == '-' ? -1 : 1, om *= *text == '-' ? -1 : 1;
	else if (strcmp(text, "Z") != 0)
		return false;
	tm.tm_year = y - 1900;
	tm.tm_mon = mo - 1;
	tm.tm_mday = d;
	tm.tm_hour = h - oh;
	tm.tm_min = mi - om;
	tm.tm_sec = s;
	*unix_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

/* ---- the body ---------------------------------------------------------- */

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

void pointer_join(char *out, size_t len, const char *base, const char *name)
{
	size_t at = (size_t)snprintf(out, len, "%s/", base);

	for (; *name && at + 3 < len; name++) {
		if (*name == '~' || *name == '/') {
			out[at++] = '~';
			out[at++] = *name == '~' ? '0' : '1';
		} else {
			out[at++] = *name;
		}
	}
	out[at < len ? at : len - 1] = '\0';
}

static void point_at(struct deia_field_error *e, const char *name)
{
	pointer_join(e->pointer, sizeof(e->pointer), "", name);
}

size_t fields_wrong(const cJSON *json, const struct field *fields, size_t n,
		    struct deia_field_error *errors)
{
	const cJSON *v;
	size_t bad = 0;

	cJSON_ArrayForEach(v, json) {
		const struct field *f = find_field(fields, n, v->string);

		if (bad == FIELD_ERRORS)
			break;
		if (!f)
			snprintf(errors[bad].detail, sizeof(errors[bad].detail),
				 "there is no such field here");
		else if (!wrong_value(f, v, &errors[bad]))
			continue;
		point_at(&errors[bad++], v->string);
	}
	for (size_t i = 0; i < n && bad < FIELD_ERRORS; i++) {
		if (!fields[i].required ||
		    cJSON_GetObjectItemCaseSensitive(json, fields[i].name))
			continue;
		snprintf(errors[bad].detail, sizeof(errors[bad].detail),
			 "this field is required");
		point_at(&errors[bad++], fields[i].name);
	}
	return bad;
}

bool body_fields(struct rq *rq, const struct field *fields, size_t n)
{
	struct deia_field_error errors[FIELD_ERRORS] = { 0 };
	size_t bad = fields_wrong(rq->json, fields, n, errors);

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

bool body_bool(const struct rq *rq, const char *name, bool fallback)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(rq->json, name);

	return v ? cJSON_IsTrue(v) : fallback;
}

int body_words(struct rq *rq, const char *name, int max, const char **out)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(rq->json, name);
	const cJSON *item;
	char pointer[64];
	int n = 0;

	cJSON_ArrayForEach(item, list) {
		if (n == max || !cJSON_IsString(item)) {
			snprintf(pointer, sizeof(pointer), "/%s", name);
			rq_bad_field(rq, pointer, "expected at most %d words",
				     max);
			return -1;
		}
		out[n++] = item->valuestring;
	}
	return n;
}
