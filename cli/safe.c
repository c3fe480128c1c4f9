/* SPDX-License-Identifier: MIT */
/*
 * safe.c - the sanitiser of everything that others wrote.
 *
 * Invariant: what comes out is UTF-8 without any code point for which
 * is_harmful() holds, however the input was cut into pieces.
 */
#include "safe.h"

#include <string.h>

#include "utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Code points above 0x7f that steer a terminal or hide text from a reader. */
static bool is_harmful(uint32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9f) || cp == 0x61c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f);
}

static void add_ascii(struct safe *s, struct text *out, unsigned char b)
{
	char picture[3] = { '\xe2', '\x90', '\0' };

	if (b == '\r' && !s->line) {
		s->had_cr = true;
		return;
	}
	if (b == '\n' || b == '\t' || b == '\r') {
		text_adds(out, s->line ? " " : b == '\n' ? "\n" : "\t");
	} else if (b < 0x20) {
		picture[2] = (char)(0x80 + b);
		text_add(out, picture, 3);
	} else if (b == 0x7f) {
		text_adds(out, "\xe2\x90\xa1");
	} else {
		text_add(out, (const char *)&b, 1);
	}
}

/* Takes one character from p[0..len); 0: it is cut at the end. */
static size_t add_one(struct safe *s, struct text *out, const char *p,
		      size_t len)
{
	uint32_t cp = 0;
	int n = utf8_read(p, len, &cp);

	if (n < 0)
		return 0;
	if (s->had_cr && !(n == 1 && cp == '\n'))
		text_adds(out, "\xe2\x90\x8d");
	s->had_cr = false;
	if (n == 1)
		add_ascii(s, out, (unsigned char)cp);
	else if (n == 0 || is_harmful(cp))
		text_adds(out, REPLACEMENT);
	else
		text_add(out, p, (size_t)n);
	return n > 0 ? (size_t)n : 1;
}

void safe_add(struct safe *s, struct text *out, const char *p, size_t len)
{
	size_t used;

	while (s->n_part > 0 && len > 0) {
		s->part[s->n_part++] = *p++;
		len--;
		used = add_one(s, out, s->part, s->n_part);
		if (used == 0)
			continue;
		/* Not what it seemed to begin: bytes behind the first stay. */
		s->n_part -= (unsigned)used;
		memmove(s->part, s->part + used, s->n_part);
		while (s->n_part > 0 &&
		       (used = add_one(s, out, s->part, s->n_part)) > 0) {
			s->n_part -= (unsigned)used;
			memmove(s->part, s->part + used, s->n_part);
		}
	}
	while (len > 0) {
		used = add_one(s, out, p, len);
		if (used == 0) {
			memcpy(s->part, p, len);
			s->n_part = (unsigned)len;
			return;
		}
		p += used;
		len -= used;
	}
}

void safe_end(struct safe *s, struct text *out)
{
	if (s->had_cr)
		text_adds(out, "\xe2\x90\x8d");
	if (s->n_part > 0)
		text_adds(out, REPLACEMENT);
	s->had_cr = false;
	s->n_part = 0;
}

static char *whole(const char *p, size_t len, bool line)
{
	struct safe s = { .line = line };
	struct text out = { 0 };

	text_add(&out, "", 0);
	safe_add(&s, &out, p, len);
	safe_end(&s, &out);
	return out.data;
}

char *safe_dup(const char *s, size_t len)
{
	return whole(s, len, false);
}

char *safe_line(const char *s)
{
	return whole(s, strlen(s), true);
}

static void add_escape(struct text *out, uint32_t cp)
{
	if (cp < 0x10000) {
		text_addf(out, "\\u%04x", (unsigned)cp);
		return;
	}
	cp -= 0x10000;
	text_addf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (cp >> 10)),
		  (unsigned)(0xdc00 + (cp & 0x3ff)));
}

char *safe_json(const char *json, size_t len)
{
	struct text out = { 0 };
	uint32_t cp = 0;

	text_add(&out, "", 0);
	while (len > 0) {
		int n = utf8_read(json, len, &cp);
		size_t used = n > 0 ? (size_t)n : 1;

		/* Raw controls occur only between the tokens of JSON. */
		if (n <= 0)
			text_adds(&out, REPLACEMENT);
		else if (is_harmful(cp) || cp == 0x7f)
			add_escape(&out, cp);
		else if (cp >= 0x20)
			text_add(&out, json, used);
		json += used;
		len -= used;
	}
	return out.data;
}
