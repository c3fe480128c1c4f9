/* SPDX-License-Identifier: MIT */
/*
 * email.c - a message as mail: RFC 5322 headers, a text in UTF-8 as base64, so
 * that nothing in it can end the headers, the line or the mail.
 */
#include "notify/notify.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"

#define WORD_BYTES 45 /* of an encoded word: 60 of its 75 characters */
#define LINE_BYTES 57 /* 76 characters of base64 */
#define BASE64_BYTES 100

static void add_base64(struct deia__buf *out, const char *p, size_t len)
{
	char text[BASE64_BYTES];

	sodium_bin2base64(text, sizeof(text), (const unsigned char *)p, len,
			  sodium_base64_VARIANT_ORIGINAL);
	deia__buf_adds(out, text);
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			return false;
	return true;
}

void deia__mail_header(struct deia__buf *out, const char *name,
		       const char *text)
{
	deia__buf_addf(out, "%s:", name);
	/* "=?" could look like an encoded word. */
	if (is_plain(text) && strlen(text) < 200 && !strstr(text, "=?")) {
		deia__buf_addf(out, " %s\r\n", text);
		return;
	}
	while (*text) {
		size_t len = strlen(text);

		if (len > WORD_BYTES) /* not within a character */
			for (len = WORD_BYTES;
			     len > 1 &&
			     ((unsigned char)text[len] & 0xc0) == 0x80;)
				len--;
		deia__buf_adds(out, " =?UTF-8?B?");
		add_base64(out, text, len);
		deia__buf_adds(out, "?=\r\n");
		text += len;
	}
}

/* ---- the text ---------------------------------------------------------------- */

static void add_time(struct deia__buf *b, const char *what, int64_t unix_ms)
{
	char when[25];

	if (!unix_ms)
		return;
	deia__time_print(when, unix_ms);
	deia__buf_addf(b, "%s %s\n", what, when);
}

static void add_alert(struct deia__buf *b, const struct deia_health_alert *a)
{
	deia__buf_addf(b, "%s: ", deia__letter_word(a));
	deia__one_line(b, a->summary);
	deia__buf_adds(b, "\n");
	if (a->state == DEIA_HEALTH_FIRING && a->text[0])
		deia__buf_addf(b, "What to do: %s\n", a->text);
	add_time(b, "since", a->fired_unix_ms);
	add_time(b, "until", a->resolved_unix_ms);
	deia__buf_addf(b, "rule %s, alert %s\n\n", a->rule, a->id);
}

static void add_text(struct deia__buf *b, const struct deia__letter *l)
{
	if (l->test)
		deia__buf_adds(b, "This is a test message of deia.\n\n");
	for (size_t i = 0; i < l->n; i++)
		add_alert(b, l->alerts[i]);
	deia__letter_rest(b, l);
	if (l->link)
		deia__buf_addf(b, "%s\n", l->link);
}

/* ---- the whole ---------------------------------------------------------------- */

static void add_date(struct deia__buf *out, int64_t unix_ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed",
					    "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
					      "May", "Jun", "Jul", "Aug",
					      "Sep", "Oct", "Nov", "Dec" };
	time_t at = (time_t)(unix_ms / 1000);
	struct tm t;

	gmtime_r(&at, &t); /* names are not the locale's */
	deia__buf_addf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
		       days[t.tm_wday], t.tm_mday, months[t.tm_mon],
		       t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_headers(struct deia__buf *out, const struct deia__letter *l)
{
	const struct deia_notify_receiver *set = &l->receiver->set;
	const char *host = strrchr(set->from, '@');
	struct deia__buf subject;

	add_date(out, l->at_unix_ms);
	deia__buf_addf(out, "From: deia <%s>\r\n", set->from);
	deia__buf_adds(out, "To: ");
	for (size_t i = 0; i < set->n_to; i++)
		deia__buf_addf(out, "%s%s", i ? ",\r\n " : "", set->to[i]);
	deia__buf_adds(out, "\r\n");
	deia__buf_init(&subject, 0);
	deia__letter_subject(&subject, l);
	deia__mail_header(out, "Subject", subject.err ? "" : subject.data);
	deia__buf_fini(&subject);
	deia__buf_addf(out, "Message-ID: <%s@%s>\r\n", l->id,
		       host ? host + 1 : "localhost");
	deia__buf_adds(out, "Auto-Submitted: auto-generated\r\n"
			    "MIME-Version: 1.0\r\n"
			    "Content-Type: text/plain; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: base64\r\n\r\n");
}

deia_err deia__letter_email(char **out, const struct deia__letter *l)
{
	struct deia__buf b, text;
	bool failed;

	deia__buf_init(&b, 0);
	deia__buf_init(&text, 0);
	add_headers(&b, l);
	add_text(&text, l);
	for (size_t at = 0; !text.err && at < text.len; at += LINE_BYTES) {
		size_t left = text.len - at;

		add_base64(&b, text.data + at,
			   left < LINE_BYTES ? left : LINE_BYTES);
		deia__buf_adds(&b, "\r\n");
	}
	failed = b.err || text.err;
	deia__buf_fini(&text);
	*out = failed ? NULL : deia__buf_take(&b);
	deia__buf_fini(&b);
	return *out ? DEIA_OK : DEIA_ENOMEM;
}
