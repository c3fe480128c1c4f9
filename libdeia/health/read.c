/* SPDX-License-Identifier: MIT */
/* read.c - members of JSON objects, read strictly; null counts as left out. */
#include "health/read.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"

#define SHOWN 40 /* bytes of an unknown member's name */

static void cut(char *text)
{
	text[deia__utf8_whole(text, strlen(text))] = '\0';
}

void deia__read_wrong(struct deia__read *r, const char *member, const char *fmt,
		      ...)
{
	char pointer[128], detail[256];
	va_list ap;

	if (r->err)
		return;
	r->err = DEIA_EFIELD;
	snprintf(pointer, sizeof(pointer), "%s%s%.*s", r->path,
		 *member ? "/" : "",
		 (int)deia__utf8_whole(member, strnlen(member, SHOWN)), member);
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	cut(pointer);
	cut(detail);
	(void)deia__fail(r->msg, DEIA_EFIELD, "%s: %s", pointer, detail);
	if (!r->where)
		return;
	memcpy(r->where->pointer, pointer, sizeof(r->where->pointer));
	memcpy(r->where->detail, detail, sizeof(r->where->detail));
}

size_t deia__read_down(struct deia__read *r, const char *member)
{
	size_t was = r->len;
	int n = snprintf(r->path + was, sizeof(r->path) - was, "/%s", member);

	if (n > 0 && was + (size_t)n < sizeof(r->path))
		r->len += (size_t)n;
	return was;
}

size_t deia__read_down_at(struct deia__read *r, unsigned index)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", index);
	return deia__read_down(r, number);
}

void deia__read_up(struct deia__read *r, size_t len)
{
	r->len = len;
	r->path[len] = '\0';
}

bool deia__read_object(struct deia__read *r, const cJSON *json,
		       const char *const *names)
{
	const cJSON *item;

	if (!cJSON_IsObject(json)) {
		deia__read_wrong(r, "", "expected an object");
		return false;
	}
	cJSON_ArrayForEach(item, json) {
		size_t i = 0;

		while (names[i] && strcmp(names[i], item->string) != 0)
			i++;
		if (!names[i]) {
			deia__read_wrong(r, item->string,
					 "there is no such member");
			return false;
		}
	}
	return !r->err;
}

size_t deia__read_array(struct deia__read *r, const cJSON *json,
			const char *member, size_t max, const cJSON **out)
{
	const cJSON *item = deia__json_get(json, member);
	int n = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : -1;

	*out = item;
	if (!item)
		return 0;
	if (n < 0 || (size_t)n > max) {
		deia__read_wrong(r, member, "expected a list of at most %zu",
				 max);
		return 0;
	}
	return (size_t)n;
}

const char *deia__read_text(struct deia__read *r, const cJSON *json,
			    const char *member, bool needed)
{
	const cJSON *item = deia__json_get(json, member);

	if (cJSON_IsString(item))
		return item->valuestring;
	if (item || needed)
		deia__read_wrong(r, member, "expected a text");
	return NULL;
}

double deia__read_number(struct deia__read *r, const cJSON *json,
			 const char *member, double min, double max,
			 double otherwise)
{
	const cJSON *item = deia__json_get(json, member);
	double v = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;

	if (!item && !isnan(otherwise))
		return otherwise;
	if (v >= min && v <= max)
		return v;
	deia__read_wrong(r, member, "expected a number from %g to %g", min,
			 max);
	return min;
}

bool deia__read_bool(struct deia__read *r, const cJSON *json,
		     const char *member, bool otherwise)
{
	const cJSON *item = deia__json_get(json, member);

	if (item && !cJSON_IsBool(item))
		deia__read_wrong(r, member, "expected true or false");
	return item ? cJSON_IsTrue(item) : otherwise;
}

int64_t deia__read_time(struct deia__read *r, const cJSON *json,
			const char *member)
{
	const char *text = deia__read_text(r, json, member, false);
	int64_t at = 0;

	if (text && (!deia__time_parse(text, &at) || at <= 0)) {
		deia__read_wrong(r, member,
				 "expected a time like "
				 "\"2026-11-30T08:00:00Z\" (RFC 3339)");
		return 0;
	}
	return at;
}
