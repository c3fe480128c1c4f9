/* SPDX-License-Identifier: MIT */
/*
 * json_check.c - is a text JSON, strictly?
 *
 * RFC 8259 and nothing beside it: no comments, trailing commas, leading
 * zeros, byte order marks or text after the end. Stricter where two readers
 * could understand a text differently: invalid UTF-8, lone surrogates,
 * duplicate keys, and U+0000 (cJSON's strings end there) are refused.
 * Not recursive: open containers are bits in a word, at most
 * DEIA_MAX_JSON_DEPTH of them. Values are bounded in number, since a tree
 * takes thirty times the memory of "0,0,0". The message for people is made
 * only when something is wrong; place is turned into line and column then.
 */
#include "core/json_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/* Keys are kept as 32-bit places; far above every limit on input. */
#define MAX_TEXT_BYTES (1u << 30)

_Static_assert(DEIA_MAX_JSON_DEPTH <= 64, "one bit per open container");

/* What may come next. */
enum state {
	VALUE,
	FIRST_ITEM, /* a value or ']' */
	FIRST_KEY,  /* a key or '}' */
	KEY,
	AFTER_VALUE,
	FINISHED
};

struct check {
	const char *text;
	size_t len, at;
	enum state state;
	unsigned depth, values;
	uint64_t in_object; /* bit d: container at depth d is an object */
	bool long_number;
	struct deia__json_keys keys;
	struct deia_json_error *where;
	deia_err err;
};

static void locate(struct deia_json_error *where, const char *text, size_t at)
{
	where->offset = at;
	where->line = where->column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			where->line++;
			where->column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			where->column++;
		}
	}
}

static bool refuse(struct check *c, size_t at, deia_err err, const char *fmt,
		   ...) DEIA_PRINTF(4, 5);

/* Ends the check; false, so that it can be returned. */
static bool refuse(struct check *c, size_t at, deia_err err, const char *fmt,
		   ...)
{
	va_list args;

	c->err = err;
	if (!c->where)
		return false;
	locate(c->where, c->text, at);
	va_start(args, fmt);
	vsnprintf(c->where->detail, sizeof(c->where->detail), fmt, args);
	va_end(args);
	return false;
}

static int peek(const struct check *c)
{
	return c->at < c->len ? (unsigned char)c->text[c->at] : -1;
}

static bool is_digit(int ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_letter(int ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static void skip_space(struct check *c)
{
	for (; c->at < c->len; c->at++) {
		char ch = c->text[c->at];

		if (ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t')
			break;
	}
}

/* "expected X, found Y" with a hint for what people often write. */
static bool unexpected(struct check *c, const char *expected)
{
	int ch = peek(c);
	const char *hint = "";

	if (ch < 0)
		return refuse(c, c->at, DEIA_EPARSE,
			      "expected %s, but the text ends here", expected);
	if (c->at == 0 && c->len >= 3 && !memcmp(c->text, "\xef\xbb\xbf", 3))
		return refuse(c, 0, DEIA_EPARSE,
			      "the text starts with a byte order mark; save "
			      "it as UTF-8 without one");
	if (ch == '\'')
		hint = "; strings are written in double quotes";
	else if (ch == '/' || ch == '#')
		hint = "; JSON has no comments";
	else if (ch == '+' || ch == '.')
		hint = "; a number starts with a digit or '-'";
	if (ch > 0x20 && ch < 0x7f)
		return refuse(c, c->at, DEIA_EPARSE,
			      "expected %s, found '%c'%s", expected, ch, hint);
	return refuse(c, c->at, DEIA_EPARSE, "expected %s, found byte 0x%02X",
		      expected, (unsigned)ch);
}

/* ---- strings ----------------------------------------------------------- */

/* Four hexadecimal digits at a place; -1 when they are not. */
static int32_t unit_at(const struct check *c, size_t at)
{
	int32_t v = 0;

	if (c->len - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int ch = (unsigned char)c->text[i], low = ch | 0x20;

		if (is_digit(ch))
			v = v << 4 | (ch - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* At the 'u' of an escape. */
static bool unicode_escape(struct check *c)
{
	size_t start = c->at - 1;
	int32_t low, unit = unit_at(c, c->at + 1);

	if (unit < 0)
		return refuse(c, start, DEIA_EPARSE,
			      "\\u needs four hexadecimal digits");
	if (unit == 0)
		return refuse(c, start, DEIA_EPARSE,
			      "U+0000 is not allowed in a string");
	c->at += 5;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit < 0xdc00 && c->len - c->at >= 6 && c->text[c->at] == '\\' &&
	    c->text[c->at + 1] == 'u') {
		low = unit_at(c, c->at + 2);
		if (low >= 0xdc00 && low <= 0xdfff) {
			c->at += 6;
			return true;
		}
	}
	return refuse(c, start, DEIA_EPARSE,
		      "\\u%04X is half of a surrogate pair; the other half is "
		      "missing",
		      (unsigned)unit);
}

/* At the backslash. */
static bool string_escape(struct check *c)
{
	int ch;

	c->at++;
	ch = peek(c);
	if (ch == 'u')
		return unicode_escape(c);
	if (ch > 0 && strchr("\"\\/bfnrt", ch)) {
		c->at++;
		return true;
	}
	return refuse(c, c->at - 1, DEIA_EPARSE,
		      "unknown escape in a string; a backslash itself is "
		      "written \\\\");
}

/* At what is neither plain ASCII, nor a quote, nor a backslash. */
static bool string_special(struct check *c, size_t start)
{
	int ch = peek(c), n;

	if (ch < 0)
		return refuse(c, start, DEIA_EPARSE,
			      "the string that starts here has no end");
	if (ch == '\n')
		return refuse(c, c->at, DEIA_EPARSE,
			      "a line break in a string; write \\n, or close "
			      "the string");
	if (ch < 0x20)
		return refuse(c, c->at, DEIA_EPARSE,
			      "control character 0x%02X in a string; write "
			      "\\u%04x",
			      (unsigned)ch, (unsigned)ch);
	n = deia__utf8_next(c->text + c->at, c->len - c->at);
	if (n <= 0)
		return refuse(c, c->at, DEIA_EPARSE,
			      "byte 0x%02X is not valid UTF-8 here",
			      (unsigned)ch);
	c->at += (size_t)n;
	return true;
}

/* At the opening quote; ends behind the closing one. */
static bool string(struct check *c, bool *escaped)
{
	size_t start = c->at++;

	*escaped = false;
	for (;;) {
		int ch = peek(c);

		if (ch == '"') {
			c->at++;
			return true;
		}
		if (ch == '\\') {
			*escaped = true;
			if (!string_escape(c))
				return false;
		} else if (ch >= 0x20 && ch < 0x80) {
			c->at++;
		} else if (!string_special(c, start)) {
			return false;
		}
	}
}

/* ---- numbers and words ------------------------------------------------- */

static bool digits(struct check *c, const char *expected)
{
	if (!is_digit(peek(c)))
		return unexpected(c, expected);
	while (is_digit(peek(c)))
		c->at++;
	return true;
}

static bool number(struct check *c)
{
	size_t start = c->at;

	if (peek(c) == '-')
		c->at++;
	if (peek(c) == '0') {
		c->at++;
		if (is_digit(peek(c)))
			return refuse(c, start, DEIA_EPARSE,
				      "a number must not start with 0");
	} else if (!digits(c, "a digit after '-'")) {
		return false;
	}
	if (peek(c) == '.') {
		c->at++;
		if (!digits(c, "a digit after '.'"))
			return false;
	}
	if (peek(c) == 'e' || peek(c) == 'E') {
		c->at++;
		if (peek(c) == '+' || peek(c) == '-')
			c->at++;
		if (!digits(c, "a digit in the exponent"))
			return false;
	}
	if (c->at - start > DEIA__JSON_NUMBER_LEN)
		c->long_number = true;
	return true;
}

static bool word(struct check *c)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t start = c->at, n = 0;

	while (start + n < c->len &&
	       is_letter((unsigned char)c->text[start + n]))
		n++;
	for (size_t i = 0; i < 3; i++) {
		if (n != strlen(words[i]) ||
		    strncasecmp(c->text + start, words[i], n) != 0)
			continue;
		if (memcmp(c->text + start, words[i], n) != 0)
			return refuse(c, start, DEIA_EPARSE,
				      "write %s in lower case", words[i]);
		c->at += n;
		return true;
	}
	return refuse(c, start, DEIA_EPARSE,
		      "expected a value, found the word %.*s; text is written "
		      "in double quotes",
		      (int)(n > 40 ? 40 : n), c->text + start);
}

/* ---- structure --------------------------------------------------------- */

static bool open_container(struct check *c, bool object)
{
	if (c->depth == DEIA_MAX_JSON_DEPTH)
		return refuse(c, c->at, DEIA_ELIMIT,
			      "nested deeper than %d levels",
			      DEIA_MAX_JSON_DEPTH);
	c->in_object &= ~(UINT64_C(1) << c->depth);
	c->in_object |= (uint64_t)object << c->depth;
	if (object)
		deia__json_keys_open(&c->keys, c->depth);
	c->depth++;
	c->at++;
	c->state = object ? FIRST_KEY : FIRST_ITEM;
	return true;
}

static bool inside_object(const struct check *c)
{
	return c->depth > 0 && (c->in_object >> (c->depth - 1) & 1) != 0;
}

static bool close_container(struct check *c)
{
	const struct deia__json_key *twice = NULL;
	int len;

	if (inside_object(c))
		twice = deia__json_keys_close(&c->keys, c->depth - 1);
	if (twice) {
		len = twice->len > 60 ? 60 : (int)twice->len;
		len = (int)deia__utf8_whole(c->text + twice->at, (size_t)len);
		return refuse(c, twice->at - 1, DEIA_EPARSE,
			      "the key \"%.*s\" is there twice in one object",
			      len, c->text + twice->at);
	}
	c->depth--;
	c->at++;
	c->state = c->depth ? AFTER_VALUE : FINISHED;
	return true;
}

static bool value(struct check *c)
{
	int ch = peek(c);
	bool escaped;

	if (++c->values > DEIA_MAX_JSON_VALUES)
		return refuse(c, c->at, DEIA_ELIMIT, "more than %d values",
			      DEIA_MAX_JSON_VALUES);
	if (ch == '{' || ch == '[')
		return open_container(c, ch == '{');
	c->state = c->depth ? AFTER_VALUE : FINISHED;
	if (ch == '"')
		return string(c, &escaped);
	if (ch == '-' || is_digit(ch))
		return number(c);
	if (is_letter(ch))
		return word(c);
	return unexpected(c, "a value");
}

static bool key(struct check *c)
{
	struct deia__json_key k = { .at = (uint32_t)c->at + 1 };

	if (peek(c) != '"')
		return unexpected(c, c->state == KEY
					     ? "a key in double quotes"
					     : "a key in double quotes or '}'");
	if (!string(c, &k.escaped))
		return false;
	k.len = (uint32_t)(c->at - 1 - k.at);
	if (!deia__json_keys_add(&c->keys, k))
		return refuse(c, c->at, DEIA_ENOMEM, "memory ran out");
	skip_space(c);
	if (peek(c) != ':')
		return unexpected(c, "':' after the key");
	c->at++;
	c->state = VALUE;
	return true;
}

static bool after_value(struct check *c)
{
	bool object = inside_object(c);

	if (peek(c) == (object ? '}' : ']'))
		return close_container(c);
	if (peek(c) != ',')
		return unexpected(c, object ? "',' or '}'" : "',' or ']'");
	c->at++;
	skip_space(c);
	if (peek(c) == '}' || peek(c) == ']')
		return refuse(c, c->at, DEIA_EPARSE,
			      "a comma before '%c'; remove it", c->text[c->at]);
	c->state = object ? KEY : VALUE;
	return true;
}

static bool step(struct check *c)
{
	switch (c->state) {
	case FIRST_ITEM:
		if (peek(c) == ']')
			return close_container(c);
		return value(c);
	case FIRST_KEY:
		if (peek(c) == '}')
			return close_container(c);
		return key(c);
	case KEY:
		return key(c);
	case AFTER_VALUE:
		return after_value(c);
	case VALUE:
	case FINISHED:
		break;
	}
	return value(c);
}

deia_err deia__json_check(const char *text, size_t len,
			  struct deia_json_error *where, bool *long_number)
{
	struct check c = { .text = text, .len = len, .where = where };
	bool ok = true;

	if (len > MAX_TEXT_BYTES) {
		refuse(&c, 0, DEIA_ELIMIT, "longer than 1 GiB");
		return c.err;
	}
	deia__json_keys_init(&c.keys, text);
	while (ok && c.state != FINISHED) {
		skip_space(&c);
		ok = step(&c);
	}
	skip_space(&c);
	if (ok && c.at < len)
		unexpected(&c, "nothing after the value");
	deia__json_keys_fini(&c.keys);
	*long_number = c.long_number;
	return c.err;
}

deia_err deia_json_check(const char *text, size_t len,
			 struct deia_json_error *where)
{
	bool long_number;

	return deia__json_check(text, len, where, &long_number);
}
