/* SPDX-License-Identifier: MIT */
/*
 * json.c - cJSON trees: made from checked text only, read by type, printed
 * by our own printer (cJSON's prints DEL and U+2028 as they are).
 *
 * cJSON cuts numbers at 63 characters, so longer ones are rewritten first to
 * the nearest double, which is all that cJSON would keep of them.
 */
#include "core/json.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "core/buf.h"
#include "core/json_check.h"
#include "core/mem.h"

/* ---- reading ----------------------------------------------------------- */

/* The length of the string or number at text, which is checked JSON. */
static size_t token_len(const char *text, size_t len)
{
	size_t n = 1;

	if (text[0] == '"') {
		while (n < len && text[n] != '"')
			n += text[n] == '\\' ? 2 : 1;
		return n + 1;
	}
	if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
		while (n < len && text[n] && strchr("0123456789.eE+-", text[n]))
			n++;
	return n;
}

double deia__json_double(const char *text)
{
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double v;

	if (c_locale == (locale_t)0)
		return strtod(text, NULL);
	v = strtod_l(text, NULL, c_locale);
	freelocale(c_locale);
	return v;
}

static void add_short_number(struct deia__buf *b, const char *text, size_t len,
			     locale_t c_locale)
{
	char *copy = deia__strndup(text, len), number[40];
	double v;

	if (!copy) {
		b->err = DEIA_ENOMEM;
		return;
	}
	v = c_locale ? strtod_l(copy, NULL, c_locale) : strtod(copy, NULL);
	deia__json_number(number, v);
	if (isinf(v))
		deia__buf_adds(b, v < 0 ? "-1e999" : "1e999");
	else
		deia__buf_adds(b, number);
	deia__free(copy);
}

/* The same JSON with no number too long for cJSON; NULL: out of memory. */
static char *shorten_numbers(const char *text, size_t len)
{
	/* One for all: making a locale costs more than reading a number. */
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	struct deia__buf b;
	size_t n;

	deia__buf_init(&b, 0);
	for (size_t at = 0; at < len; at += n) {
		n = token_len(text + at, len - at);
		if (text[at] != '"' && n > DEIA__JSON_NUMBER_LEN)
			add_short_number(&b, text + at, n, c_locale);
		else
			deia__buf_add(&b, text + at, n);
	}
	if (c_locale)
		freelocale(c_locale);
	return deia__buf_take(&b);
}

static deia_err out_of_memory(struct deia_json_error *where)
{
	static const char text[] = "memory ran out";

	if (where) {
		memset(where, 0, sizeof(*where));
		where->line = where->column = 1;
		memcpy(where->detail, text, sizeof(text));
	}
	return DEIA_ENOMEM;
}

deia_err deia_json_parse(struct cJSON **out, const char *text, size_t len,
			 struct deia_json_error *where)
{
	char *shorter = NULL;
	bool long_number;
	deia_err err;

	*out = NULL;
	err = deia__json_check(text, len, where, &long_number);
	if (err)
		return err;
	if (long_number) {
		shorter = shorten_numbers(text, len);
		if (!shorter)
			return out_of_memory(where);
		text = shorter;
		len = strlen(shorter);
	}
	*out = cJSON_ParseWithLength(text, len);
	deia__free(shorter);
	return *out ? DEIA_OK : out_of_memory(where);
}

/* ---- access ------------------------------------------------------------ */

const cJSON *deia__json_get(const cJSON *obj, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsNull(item) ? NULL : item;
}

const char *deia__json_str(const cJSON *obj, const char *key)
{
	const cJSON *item = deia__json_get(obj, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool deia__json_int(const cJSON *obj, const char *key, int64_t min, int64_t max,
		    int64_t *out)
{
	const cJSON *item = deia__json_get(obj, key);
	double v, whole;

	if (!cJSON_IsNumber(item))
		return false;
	v = item->valuedouble;
	/* Outside of this a double is not one certain whole number. */
	if (!(v >= -9007199254740992.0 && v <= 9007199254740992.0))
		return false;
	if (modf(v, &whole) != 0.0)
		return false;
	if ((int64_t)whole < min || (int64_t)whole > max)
		return false;
	*out = (int64_t)whole;
	return true;
}

/* ---- printing ---------------------------------------------------------- */

static void print(deia_jw *w, const cJSON *json);

static void print_items(deia_jw *w, const cJSON *json)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json) {
		if (w->failed)
			return;
		if (cJSON_IsObject(json))
			deia_jw_key(w, item->string ? item->string : "");
		print(w, item);
	}
}

/* Recursion ends with the printer's depth limit. */
static void print(deia_jw *w, const cJSON *json)
{
	char number[40];

	if (w->failed)
		return;
	switch (json->type & 0xff) {
	case cJSON_Object:
		deia_jw_object(w);
		print_items(w, json);
		deia_jw_end_object(w);
		break;
	case cJSON_Array:
		deia_jw_array(w);
		print_items(w, json);
		deia_jw_end_array(w);
		break;
	case cJSON_Number:
		deia__json_number(number, json->valuedouble);
		deia_jw_raw(w, number);
		break;
	case cJSON_String:
		deia_jw_str(w, json->valuestring);
		break;
	case cJSON_Raw:
		deia_jw_raw(w, json->valuestring);
		break;
	case cJSON_True:
	case cJSON_False:
		deia_jw_bool(w, cJSON_IsTrue(json));
		break;
	default:
		deia_jw_null(w);
	}
}

char *deia__json_print(const cJSON *json)
{
	deia_jw w;

	assert(json);
	deia_jw_init(&w);
	print(&w, json);
	if (deia_jw_status(&w))
		deia_jw_fini(&w);
	return w.text;
}
