/* SPDX-License-Identifier: MIT */
/*
 * jread.c - see jread.h.
 *
 * A string that was decoded is never longer than it was written, quotes
 * included, so it fits where it stood, with its NUL.
 */
#include "jread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* beyond it doubles have gaps */

static void skip_space(struct jread *r)
{
	while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' ||
	       *r->at == '\r')
		r->at++;
}

char jread_kind(struct jread *r)
{
	skip_space(r);
	return *r->at == '-' || (*r->at >= '0' && *r->at <= '9') ? '0' : *r->at;
}

void jread_open(struct jread *r)
{
	skip_space(r);
	r->at++;
}

/* Behind a comma, if there is one; false: behind the end. */
static bool next(struct jread *r, char end)
{
	skip_space(r);
	if (*r->at == ',') {
		r->at++;
		skip_space(r);
	}
	if (*r->at != end)
		return true;
	r->at++;
	return false;
}

bool jread_item(struct jread *r)
{
	return next(r, ']');
}

char *jread_key(struct jread *r)
{
	size_t len;
	char *key;

	if (!next(r, '}'))
		return NULL;
	key = jread_text(r, &len);
	skip_space(r);
	r->at++; /* the colon */
	skip_space(r);
	return key;
}

/* ---- strings ----------------------------------------------------------- */

static unsigned unit_at(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* At the character behind a backslash; *out is moved on. */
static char *unescape(char *p, char **out)
{
	static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	unsigned c;

	if (*p != 'u') {
		*(*out)++ = meant[strchr(plain, *p) - plain];
		return p + 1;
	}
	c = unit_at(p + 1);
	p += 5;
	if (c >= 0xd800 && c < 0xdc00) {
		c = 0x10000 + ((c - 0xd800) << 10) + (unit_at(p + 2) - 0xdc00);
		p += 6;
	}
	*out = put_utf8(*out, c);
	return p;
}

char *jread_text(struct jread *r, size_t *len)
{
	char *start, *p, *out;

	skip_space(r);
	start = p = r->at + 1;
	while (*p != '"' && *p != '\\')
		p++;
	for (out = p; *p != '"';) {
		if (*p == '\\')
			p = unescape(p + 1, &out);
		else
			*out++ = *p++;
	}
	*out = '\0';
	*len = (size_t)(out - start);
	r->at = p + 1;
	return start;
}

/* ---- the rest ---------------------------------------------------------- */

/* Behind the string whose opening quote p is at. */
static char *string_end(char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static char *word_end(char *p)
{
	return p + strspn(p, "+-.0123456789aeflnrstuE");
}

/* Behind the value that p is at; *items: how many its outermost array has. */
static char *value_end(char *p, size_t *items)
{
	unsigned depth = 0;
	bool any = false;

	*items = 0;
	do {
		char c = *p;

		if (c == '"') {
			p = string_end(p);
		} else if (c == '{' || c == '[') {
			depth++;
			p++;
			any = any || depth > 1;
			continue;
		} else if (c == '}' || c == ']') {
			depth--;
			p++;
		} else if (c == ',' || c == ':') {
			*items += c == ',' && depth == 1;
			p++;
		} else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
			p++;
			continue;
		} else {
			p = word_end(p);
		}
		any = any || depth > 0;
	} while (depth);
	*items += any;
	return p;
}

void jread_skip(struct jread *r)
{
	size_t items;

	skip_space(r);
	r->at = value_end(r->at, &items);
}

size_t jread_count(const struct jread *r)
{
	struct jread copy = *r;
	size_t items;

	skip_space(&copy);
	value_end(copy.at, &items);
	return items;
}

bool jread_int(struct jread *r, int64_t min, int64_t max, int64_t *out)
{
	double v;

	skip_space(r);
	v = strtod(r->at, NULL);
	r->at = word_end(r->at);
	if (!(v >= -WHOLE_MAX && v <= WHOLE_MAX) || v != floor(v) ||
	    v < (double)min || v > (double)max)
		return false;
	*out = (int64_t)v;
	return true;
}

bool jread_bool(struct jread *r)
{
	bool is_true;

	skip_space(r);
	is_true = *r->at == 't';
	r->at = word_end(r->at);
	return is_true;
}

char *jread_raw(struct jread *r, size_t *len)
{
	char *start, *out, *p, *end;
	size_t items;

	skip_space(r);
	p = r->at;
	start = out = p - 1; /* the colon or space before it was read */
	end = value_end(p, &items);
	while (p < end) {
		if (*p == '"') {
			char *q = string_end(p);

			memmove(out, p, (size_t)(q - p));
			out += q - p;
			p = q;
		} else if (strchr(" \n\t\r", *p)) {
			p++;
		} else {
			*out++ = *p++;
		}
	}
	*out = '\0';
	*len = (size_t)(out - start);
	r->at = end;
	return start;
}
