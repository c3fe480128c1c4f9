/* SPDX-License-Identifier: MIT */
/*
 * pages.c - a page of chat lines as bytes, and back.
 *
 * Texts stand with their length before and a NUL behind them, so that what is
 * read back needs no copies. A server is not believed: lengths, ends, text and
 * to whom the page belongs are checked.
 */
#include "hive/hive.h"

#include <string.h>

#define VERSION 1

struct reader {
	const char *at, *end;
	bool ok;
};

static void add_int(struct deia__buf *b, int64_t v)
{
	deia__buf_add(b, &v, sizeof(v));
}

static void add_text(struct deia__buf *b, const char *s, size_t len)
{
	add_int(b, (int64_t)len);
	deia__buf_add(b, s, len);
	deia__buf_add(b, "", 1);
}

static void add_string(struct deia__buf *b, const char *s)
{
	add_text(b, s ? s : "", s ? strlen(s) : 0);
}

bool deia__page_pack(struct deia__buf *out, const struct deia_chat_line *lines,
		     size_t n, bool more)
{
	deia__buf_init(out, DEIA_CACHE_MAX_VALUE_BYTES);
	add_int(out, VERSION);
	add_int(out, more);
	add_int(out, (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct deia_chat_line *l = &lines[i];

		add_int(out, l->status);
		add_int(out, l->created_unix_ms);
		add_int(out, l->prompt_tokens);
		add_int(out, l->completion_tokens);
		add_string(out, l->id);
		add_string(out, l->bot);
		add_string(out, l->conversation);
		add_string(out, l->role);
		add_string(out, l->author);
		add_text(out, l->content, l->content_len);
		add_string(out, l->error);
		add_string(out, l->details);
	}
	return !out->err;
}

static int64_t take_int(struct reader *r, int64_t min, int64_t max)
{
	int64_t v = min;

	if (!r->ok || (size_t)(r->end - r->at) < sizeof(v)) {
		r->ok = false;
		return min;
	}
	memcpy(&v, r->at, sizeof(v));
	r->at += sizeof(v);
	if (v < min || v > max) {
		r->ok = false;
		return min;
	}
	return v;
}

/* A whole UTF-8 text without NUL. */
static const char *take_text(struct reader *r, size_t *len)
{
	const char *s;
	size_t n = (size_t)take_int(r, 0, DEIA_CACHE_MAX_VALUE_BYTES);

	*len = 0;
	if (!r->ok || (size_t)(r->end - r->at) <= n || r->at[n] != '\0' ||
	    memchr(r->at, '\0', n) || !deia__utf8_valid(r->at, n)) {
		r->ok = false;
		return "";
	}
	s = r->at;
	r->at += n + 1;
	*len = n;
	return s;
}

static void take_line(struct reader *r, struct deia_chat_line *l)
{
	size_t len;

	l->status = (deia_line_status)take_int(r, 0, DEIA_LINE_STATUSES - 1);
	l->created_unix_ms = take_int(r, INT64_MIN, INT64_MAX);
	l->prompt_tokens = take_int(r, -1, INT64_MAX);
	l->completion_tokens = take_int(r, -1, INT64_MAX);
	l->id = take_text(r, &len);
	l->bot = take_text(r, &len);
	l->conversation = take_text(r, &len);
	l->role = take_text(r, &len);
	l->author = take_text(r, &len);
	l->content = take_text(r, &l->content_len);
	l->error = take_text(r, &len);
	l->details = take_text(r, &len);
}

static bool is_sound(const struct deia_chat_line *l, const char *bot,
		     const char *conversation)
{
	return strcmp(l->bot, bot) == 0 &&
	       strcmp(l->conversation, conversation) == 0 &&
	       deia__uuid_valid(l->id) &&
	       (strcmp(l->role, "user") == 0 ||
		strcmp(l->role, "assistant") == 0) &&
	       (!l->details[0] || deia__details_ok(l->details));
}

bool deia__page_unpack(struct deia_chat_line **lines, size_t *n, bool *more,
		       const void *data, size_t len, const char *bot,
		       const char *conversation)
{
	struct reader r = { data, (const char *)data + len, true };
	struct deia_chat_line *list;

	*lines = NULL;
	take_int(&r, VERSION, VERSION);
	*more = take_int(&r, 0, 1) != 0;
	*n = (size_t)take_int(&r, 0, DEIA_MAX_PAGE_LEN);
	list = r.ok ? deia__alloc((*n + 1) * sizeof(*list)) : NULL;
	for (size_t i = 0; list && r.ok && i < *n; i++) {
		take_line(&r, &list[i]);
		r.ok = r.ok && is_sound(&list[i], bot, conversation);
	}
	if (list && r.ok && r.at == r.end) {
		*lines = list;
		return true;
	}
	deia__free(list);
	return false;
}
