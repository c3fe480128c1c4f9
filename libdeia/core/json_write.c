/* SPDX-License-Identifier: MIT */
/*
 * json_write.c - the JSON printer.
 *
 * Text is copied in runs of characters that need no escape. A run ends at
 * what could end a line or confuse a terminal or a script: controls (C0, DEL,
 * C1), U+2028, U+2029, quotes, backslashes, and bytes that are not UTF-8,
 * which become U+FFFD one by one. The structure is checked as it is printed:
 * a value without a key in an object, or a second value at the top, is a
 * mistake of the caller and sticks as `misused`.
 */
#include <deia/sys/json.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"

#define FIRST_CAP 1000 /* most answers; a size that malloc keeps at hand */
#define MAX_DEPTH DEIA_MAX_JSON_DEPTH

_Static_assert(MAX_DEPTH <= 64, "one bit per open container");

void deia_jw_init(deia_jw *w)
{
	memset(w, 0, sizeof(*w));
}

void deia_jw_fini(deia_jw *w)
{
	deia__free(w->text);
	deia_jw_init(w);
}

void deia_jw_reset(deia_jw *w)
{
	char *text = w->text;
	size_t cap = w->cap;

	deia_jw_init(w);
	w->text = text;
	w->cap = cap;
	if (text)
		text[0] = '\0';
}

static bool reserve(deia_jw *w, size_t len)
{
	size_t cap = w->cap ? w->cap : FIRST_CAP;
	char *text;

	if (w->failed)
		return false;
	if (w->len + len < w->cap)
		return true;
	if (len > SIZE_MAX / 4 - w->len) {
		w->failed = true;
		return false;
	}
	while (cap <= w->len + len)
		cap *= 2;
	text = deia__realloc(w->text, cap);
	if (!text) {
		w->failed = true;
		return false;
	}
	w->text = text;
	w->cap = cap;
	return true;
}

static void put(deia_jw *w, const char *s, size_t len)
{
	if (!reserve(w, len))
		return;
	memcpy(w->text + w->len, s, len);
	w->len += len;
	w->text[w->len] = '\0';
}

static void put_char(deia_jw *w, char c)
{
	if (!reserve(w, 1))
		return;
	w->text[w->len++] = c;
	w->text[w->len] = '\0';
}

static bool misuse(deia_jw *w)
{
	w->failed = w->misused = true;
	return false;
}

static bool in_object(const deia_jw *w)
{
	return w->depth > 0 && (w->in_array >> (w->depth - 1) & 1) == 0;
}

static void comma(deia_jw *w)
{
	uint64_t bit = UINT64_C(1) << (w->depth - 1);

	if (w->has_item & bit)
		put_char(w, ',');
	w->has_item |= bit;
}

/* What comes before any value; false when none may come here. */
static bool begin_value(deia_jw *w)
{
	if (w->failed)
		return false;
	if (w->depth == 0)
		return w->len == 0 || misuse(w);
	if (!in_object(w))
		comma(w);
	else if (!w->after_key)
		return misuse(w);
	w->after_key = false;
	return true;
}

static void open_container(deia_jw *w, bool array)
{
	uint64_t bit;

	if (!begin_value(w))
		return;
	if (w->depth == MAX_DEPTH) {
		misuse(w);
		return;
	}
	bit = UINT64_C(1) << w->depth++;
	w->in_array = array ? w->in_array | bit : w->in_array & ~bit;
	w->has_item &= ~bit;
	put_char(w, array ? '[' : '{');
}

static void close_container(deia_jw *w, bool array)
{
	if (w->failed)
		return;
	if (w->depth == 0 || in_object(w) == array || w->after_key) {
		misuse(w);
		return;
	}
	w->depth--;
	put_char(w, array ? ']' : '}');
}

void deia_jw_object(deia_jw *w)
{
	open_container(w, false);
}

void deia_jw_end_object(deia_jw *w)
{
	close_container(w, false);
}

void deia_jw_array(deia_jw *w)
{
	open_container(w, true);
}

void deia_jw_end_array(deia_jw *w)
{
	close_container(w, true);
}

/* ---- text -------------------------------------------------------------- */

/* Length of the character at s when it may be copied as it is, else 0. */
static size_t plain(const unsigned char *s, size_t len)
{
	int n;

	if (s[0] < 0x7f)
		return s[0] >= 0x20 && s[0] != '"' && s[0] != '\\';
	n = deia__utf8_next((const char *)s, len);
	if (n <= 1)
		return 0;
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return 0; /* C1 controls */
	if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8)
		return 0; /* U+2028, U+2029 */
	return (size_t)n;
}

static void put_unicode(deia_jw *w, unsigned v)
{
	char text[8];

	snprintf(text, sizeof(text), "\\u%04x", v);
	put(w, text, 6);
}

/* Prints what `plain` refused; returns how many bytes it was. */
static size_t put_escaped(deia_jw *w, const unsigned char *s, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *named = s[0] ? strchr(from, s[0]) : NULL;
	char pair[2] = { '\\', named ? to[named - from] : 0 };
	int n = deia__utf8_next((const char *)s, len);

	if (named) {
		put(w, pair, 2);
	} else if (n <= 0) {
		put(w, "\xef\xbf\xbd", 3);
		return 1;
	} else {
		put_unicode(w, n == 1	? s[0]
			       : n == 2 ? s[1]
					: 0x2000u | (s[2] & 0x3fu));
	}
	return (size_t)n;
}

#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* Bit 7 of some byte is set where one of eight is no plain ASCII: below 0x20,
 * a quote, a backslash, or 0x7f and above. (A byte after such a one may be
 * marked, too.) */
static uint64_t special_of(uint64_t v)
{
	uint64_t quote = v ^ EACH('"'), slash = v ^ EACH('\\');

	return ((v - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1)) |
		(v + EACH(1)) | v) &
	       EACH(0x80);
}

/* How many bytes at s are plain ASCII, to be copied as they are. */
static size_t plain_run(const unsigned char *s, size_t len)
{
	size_t n = 0;
	uint64_t v = EACH('a');

	for (; len - n >= sizeof(v); n += sizeof(v)) {
		memcpy(&v, s + n, sizeof(v));
		if (special_of(v))
			break;
	}
	/* The rest at once, with the end of what was looked at before it. */
	if (len - n < sizeof(v) && len >= sizeof(v)) {
		memcpy(&v, s + len - sizeof(v), sizeof(v));
		if (!special_of(v))
			return len;
	}
	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

/* With room for it: len characters that need no escape. */
static void put_plain(deia_jw *w, const char *text, size_t len)
{
	char *to = w->text + w->len;

	*to++ = '"';
	memcpy(to, text, len);
	to[len] = '"';
	to[len + 1] = '\0';
	w->len += len + 2;
}

static void put_string(deia_jw *w, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t run = 0, at = plain_run(s, len), n;

	if (!reserve(w, len + 2))
		return;
	if (at == len) {
		put_plain(w, text, len);
		return;
	}
	put_char(w, '"');
	while (at < len) {
		n = plain(s + at, len - at);
		if (n == 0) {
			put(w, text + run, at - run);
			n = put_escaped(w, s + at, len - at);
			run = at + n;
		}
		at += n;
		at += plain_run(s + at, len - at);
	}
	if (len > run)
		put(w, text + run, len - run);
	put_char(w, '"');
}

void deia_jw_key(deia_jw *w, const char *key)
{
	if (w->failed)
		return;
	if (!in_object(w) || w->after_key) {
		misuse(w);
		return;
	}
	comma(w);
	put_string(w, key, strlen(key));
	put_char(w, ':');
	w->after_key = true;
}

void deia_jw_strn(deia_jw *w, const char *s, size_t len)
{
	if (begin_value(w))
		put_string(w, s, len);
}

void deia_jw_raw(deia_jw *w, const char *json)
{
	if (!json)
		json = "null";
	if (begin_value(w))
		put(w, json, strlen(json));
}

void deia_jw_str(deia_jw *w, const char *s)
{
	if (s)
		deia_jw_strn(w, s, strlen(s));
	else
		deia_jw_raw(w, NULL);
}

/* ---- numbers, times, words --------------------------------------------- */

void deia_jw_int(deia_jw *w, int64_t v)
{
	char text[24], *at = text + sizeof(text);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (v < 0)
		*--at = '-';
	if (begin_value(w))
		put(w, at, (size_t)(text + sizeof(text) - at));
}

/* printf writes the decimal point of the process's locale: make it a '.'. */
static void undo_locale(char *text)
{
	const char *point = localeconv()->decimal_point;
	size_t len = strlen(point);
	char *at;

	if (strcmp(point, ".") == 0 || len == 0)
		return;
	at = strstr(text, point);
	if (!at)
		return;
	*at = '.';
	memmove(at + 1, at + len, strlen(at + len) + 1);
}

static void trim_zeros(char *text)
{
	char *end = text + strlen(text);

	if (!strchr(text, '.'))
		return;
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		end[-1] = '\0';
}

/*
 * Most numbers are of at most six decimals, and printf is slow. False: this one
 * is not, or very large or small. A division is rounded correctly, so what is
 * printed is read as v again.
 */
static bool print_micros(char out[static 40], double v)
{
	char digits[24];
	int n = 0;
	uint64_t rest;

	if (v != 0 && !(fabs(v) >= 0.001 && fabs(v) < 1e9))
		return false;
	rest = (uint64_t)(fabs(v) * 1e6 + 0.5);
	if ((double)rest / 1e6 != fabs(v))
		return false;
	for (int i = 0; i < 6; i++, rest /= 10)
		if (n > 0 || rest % 10)
			digits[n++] = (char)('0' + rest % 10);
	if (n > 0)
		digits[n++] = '.';
	do {
		digits[n++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (v < 0)
		*out++ = '-';
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
	return true;
}

void deia_jw_num(deia_jw *w, double v)
{
	char text[40];
	double size = fabs(v);

	if (!isfinite(v)) {
		deia_jw_raw(w, NULL);
		return;
	}
	if (print_micros(text, v)) {
		deia_jw_raw(w, text);
		return;
	}
	if (size >= 1e15 || (size < 0.001 && size > 0.0)) {
		snprintf(text, sizeof(text), "%.6g", v);
		undo_locale(text);
	} else {
		snprintf(text, sizeof(text), "%.6f", v);
		undo_locale(text);
		trim_zeros(text);
	}
	deia_jw_raw(w, strcmp(text, "-0") == 0 ? "0" : text);
}

void deia__json_number(char out[static 40], double v)
{
	int64_t whole;

	if (!isfinite(v)) {
		memcpy(out, "null", 5);
		return;
	}
	/* Below 2^53 every whole number is exact. */
	if (fabs(v) <= 9007199254740992.0) {
		whole = (int64_t)v;
		if ((double)whole == v) {
			snprintf(out, 40, "%lld", (long long)whole);
			return;
		}
	}
	if (print_micros(out, v))
		return;
	snprintf(out, 40, "%.15g", v);
	undo_locale(out);
	if (deia__json_double(out) != v) {
		snprintf(out, 40, "%.17g", v);
		undo_locale(out);
	}
}

void deia_jw_bool(deia_jw *w, bool v)
{
	deia_jw_raw(w, v ? "true" : "false");
}

void deia_jw_null(deia_jw *w)
{
	deia_jw_raw(w, NULL);
}

void deia_jw_time(deia_jw *w, int64_t unix_ms)
{
	char text[25];

	if (unix_ms == 0) {
		deia_jw_raw(w, NULL);
		return;
	}
	deia__time_print(text, unix_ms);
	deia_jw_strn(w, text, 24);
}

/* ---- key and value ----------------------------------------------------- */

void deia_jw_kstr(deia_jw *w, const char *key, const char *s)
{
	deia_jw_key(w, key);
	deia_jw_str(w, s);
}

void deia_jw_kint(deia_jw *w, const char *key, int64_t v)
{
	deia_jw_key(w, key);
	deia_jw_int(w, v);
}

void deia_jw_knum(deia_jw *w, const char *key, double v)
{
	deia_jw_key(w, key);
	deia_jw_num(w, v);
}

void deia_jw_kbool(deia_jw *w, const char *key, bool v)
{
	deia_jw_key(w, key);
	deia_jw_bool(w, v);
}

void deia_jw_ktime(deia_jw *w, const char *key, int64_t unix_ms)
{
	deia_jw_key(w, key);
	deia_jw_time(w, unix_ms);
}

void deia_jw_kraw(deia_jw *w, const char *key, const char *json)
{
	deia_jw_key(w, key);
	deia_jw_raw(w, json);
}

deia_err deia_jw_status(const deia_jw *w)
{
	if (w->failed)
		return w->misused ? DEIA_EINVAL : DEIA_ENOMEM;
	return w->depth == 0 && w->len > 0 ? DEIA_OK : DEIA_EINVAL;
}
