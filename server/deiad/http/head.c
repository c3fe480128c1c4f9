/* SPDX-License-Identifier: MIT */
/*
 * head.c - the strict check of a request's head.
 *
 * Refused: bare CR or LF, NUL and other control characters, folded lines, a
 * space before a colon, names that are no tokens, two or odd Content-Length,
 * any Transfer-Encoding but exactly "chunked", both of them together, a
 * missing or second Host, a body where a method has none, other versions than
 * HTTP/1.0 and 1.1, and what is over the limits.
 */
#include "head.h"

#include <deia/limits.h>
#include <string.h>
#include <strings.h>

static size_t refuse(struct head_fault *f, int status, const char *code,
		     const char *detail)
{
	f->status = status;
	f->code = code;
	f->detail = detail;
	return 0;
}

#define MALFORMED(f, detail) refuse(f, 400, "malformed", detail)

static const char too_large[] =
	"The request's head is too large: at most 16 KiB and 100 fields.";
static const char uri_too_long[] =
	"The request target is too long: at most 4096 bytes.";

/* One line ends at `lf`. False: refused. */
static bool line_ok(struct head_scan *s, const char *text, size_t lf,
		    struct head_fault *fault)
{
	if (lf == 0 || text[lf - 1] != '\r') {
		MALFORMED(fault, "A line of the head ends in a bare line feed; "
				 "lines end in CR LF.");
		return false;
	}
	if (s->lines == 0 && lf - s->line_start > DEIA_MAX_URI_BYTES + 64) {
		refuse(fault, 414, "limit_exceeded", uri_too_long);
		return false;
	}
	if (++s->lines > DEIA_MAX_HEADER_FIELDS + 2) {
		refuse(fault, 431, "limit_exceeded", too_large);
		return false;
	}
	return true;
}

size_t head_end(struct head_scan *s, const char *text, size_t len,
		struct head_fault *fault)
{
	size_t max = len;

	if (max > DEIA_MAX_HEAD_BYTES)
		max = DEIA_MAX_HEAD_BYTES;
	while (s->pos < max) {
		const char *nl = memchr(text + s->pos, '\n', max - s->pos);
		size_t lf;

		if (!nl) {
			s->pos = max;
			break;
		}
		lf = (size_t)(nl - text);
		if (!line_ok(s, text, lf, fault))
			return 0;
		s->pos = lf + 1;
		if (lf - 1 == s->line_start)
			return s->pos;
		s->line_start = s->pos;
	}
	if (s->lines == 0 && s->pos > DEIA_MAX_URI_BYTES + 64)
		return refuse(fault, 414, "limit_exceeded", uri_too_long);
	if (len > DEIA_MAX_HEAD_BYTES)
		return refuse(fault, 431, "limit_exceeded", too_large);
	return 0;
}

static bool is_token_char(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_one_of(const char *p, size_t len, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == len && memcmp(*names, p, len) == 0)
			return true;
	return false;
}

static bool target_ok(const char *p, size_t len, struct head_fault *fault)
{
	if (len > DEIA_MAX_URI_BYTES)
		return refuse(fault, 414, "limit_exceeded", uri_too_long);
	if (len == 0 || (p[0] != '/' && !(len > 7 && !memcmp(p, "http", 4))))
		return MALFORMED(fault,
				 "The request target must be a path that "
				 "begins with a slash.");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 127 ||
		    p[i] == '#')
			return MALFORMED(fault,
					 "The request target has a character "
					 "that must be percent-encoded.");
	return true;
}

static bool request_line_ok(const char *line, size_t len, bool *no_body,
			    struct head_fault *fault)
{
	static const char *const methods[] = { "GET",	  "HEAD",  "POST",
					       "PUT",	  "PATCH", "DELETE",
					       "OPTIONS", "TRACE", NULL };
	const char *sp = memchr(line, ' ', len);
	const char *target, *end;
	size_t mlen;

	if (!sp)
		return MALFORMED(fault, "The request line is not complete.");
	mlen = (size_t)(sp - line);
	target = sp + 1;
	end = memchr(target, ' ', len - mlen - 1);
	if (!end)
		return MALFORMED(fault, "The request line has no version.");
	if (!target_ok(target, (size_t)(end - target), fault))
		return false;
	if (line + len - end != 9 ||
	    (memcmp(end + 1, "HTTP/1.1", 8) && memcmp(end + 1, "HTTP/1.0", 8)))
		return refuse(fault, 505, "unsupported",
			      "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
	if (!is_one_of(line, mlen, methods))
		return refuse(fault, 501, "unsupported",
			      "This method is not known here.");
	*no_body = (mlen == 4 && !memcmp(line, "HEAD", 4)) ||
		   (mlen == 5 && !memcmp(line, "TRACE", 5));
	return true;
}

/* What was seen of the fields that may stand only once. */
struct seen {
	unsigned host, length, coding, authorization, expect;
};

static bool length_field(const char *v, size_t len, int64_t *out)
{
	int64_t n = 0;

	if (len == 0 || len > 15)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (v[i] < '0' || v[i] > '9')
			return false;
		n = n * 10 + (v[i] - '0');
	}
	*out = n;
	return true;
}

static bool name_is(const char *name, size_t len, const char *want)
{
	return strlen(want) == len && strncasecmp(name, want, len) == 0;
}

/* One field that the framing or the gate depends on. */
static bool field_meaning(const char *name, size_t nlen, const char *value,
			  size_t vlen, struct head *out, struct seen *seen,
			  struct head_fault *fault)
{
	if (name_is(name, nlen, "host")) {
		seen->host++;
	} else if (name_is(name, nlen, "authorization")) {
		seen->authorization++;
	} else if (name_is(name, nlen, "content-length")) {
		if (seen->length++ ||
		    !length_field(value, vlen, &out->content_length))
			return MALFORMED(fault,
					 "Content-Length must stand once and "
					 "be a plain decimal number.");
	} else if (name_is(name, nlen, "transfer-encoding")) {
		if (seen->coding++ || !name_is(value, vlen, "chunked"))
			return MALFORMED(fault, "The only Transfer-Encoding "
						"taken is \"chunked\", once.");
		out->chunked = true;
	} else if (name_is(name, nlen, "expect")) {
		if (seen->expect++ || !name_is(value, vlen, "100-continue"))
			return refuse(fault, 417, "unsupported",
				      "The only Expect taken is "
				      "\"100-continue\".");
		out->expects_continue = true;
	}
	return true;
}

static bool field_ok(const char *line, size_t len, struct head *out,
		     struct seen *seen, struct head_fault *fault)
{
	const char *colon = memchr(line, ':', len);
	const char *value;
	size_t nlen, vlen;

	if (line[0] == ' ' || line[0] == '\t')
		return MALFORMED(fault, "Folded header lines are not taken.");
	if (!colon || colon == line)
		return MALFORMED(fault, "A header line has no name and colon.");
	nlen = (size_t)(colon - line);
	for (size_t i = 0; i < nlen; i++)
		if (!is_token_char((unsigned char)line[i]))
			return MALFORMED(fault,
					 "A header name has a character that "
					 "is not allowed.");
	value = colon + 1;
	vlen = len - nlen - 1;
	for (size_t i = 0; i < vlen; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return MALFORMED(fault, "A header value has a control "
						"character.");
	}
	while (vlen && (*value == ' ' || *value == '\t'))
		value++, vlen--;
	while (vlen && (value[vlen - 1] == ' ' || value[vlen - 1] == '\t'))
		vlen--;
	return field_meaning(line, nlen, value, vlen, out, seen, fault);
}

static bool whole_ok(const struct head *h, const struct seen *seen,
		     bool no_body, struct head_fault *fault)
{
	if (seen->host != 1)
		return MALFORMED(fault, "A request carries exactly one Host.");
	if (seen->authorization > 1)
		return MALFORMED(fault, "Authorization may stand only once.");
	if (seen->length && seen->coding)
		return MALFORMED(fault, "Content-Length and Transfer-Encoding "
					"may not stand together.");
	if (no_body && (h->chunked || h->content_length > 0))
		return MALFORMED(fault, "A HEAD or TRACE request has no body.");
	return true;
}

bool head_check(const char *text, size_t len, struct head *out,
		struct head_fault *fault)
{
	struct seen seen = { 0 };
	bool first = true, no_body = false;
	size_t at = 0;

	*out = (struct head){ .content_length = -1 };
	while (at + 2 < len) {
		const char *line = text + at;
		const char *nl = memchr(line, '\n', len - at);
		size_t n;

		if (!nl)
			break;
		n = (size_t)(nl - line) - 1;
		at += n + 2;
		if (n == 0 && !first)
			break;
		if (first ? !request_line_ok(line, n, &no_body, fault)
			  : !field_ok(line, n, out, &seen, fault))
			return false;
		first = false;
	}
	if (first)
		return MALFORMED(fault, "The request line is missing.");
	return whole_ok(out, &seen, no_body, fault);
}
