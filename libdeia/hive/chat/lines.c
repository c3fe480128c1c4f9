/* SPDX-License-Identifier: MIT */
/*
 * lines.c - lines of chat as rows, as structs, as events; pages of them.
 */
#include "hive/hive.h"

#include <stdio.h>
#include <string.h>

static const char *const status_names[DEIA_LINE_STATUSES] = {
#define STATUS_NAME(e, n) [e] = n,
	DEIA_LINE_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

const char *deia_line_status_name(deia_line_status status)
{
	if ((unsigned)status >= DEIA_LINE_STATUSES)
		return "failed";
	return status_names[status];
}

static deia_line_status status_parse(const char *name)
{
	for (unsigned i = 0; i < DEIA_LINE_STATUSES; i++)
		if (strcmp(name, status_names[i]) == 0)
			return (deia_line_status)i;
	return DEIA_LINE_FAILED;
}

static int64_t tokens_of(const struct deia_value *v)
{
	return v->type == DEIA_NULL ? -1 : v->i;
}

void deia__line_from_row(struct deia_chat_line *line, const deia_rows *rows,
			 size_t r)
{
	line->id = deia_rows_text(rows, r, LINE_ID);
	line->bot = deia_rows_text(rows, r, LINE_BOT);
	line->conversation = deia_rows_text(rows, r, LINE_CONVERSATION);
	line->role = deia_rows_text(rows, r, LINE_ROLE);
	line->author = deia_rows_text(rows, r, LINE_AUTHOR);
	line->content = deia_rows_text(rows, r, LINE_CONTENT);
	line->content_len = deia_rows_get(rows, r, LINE_CONTENT)->len;
	line->status = status_parse(deia_rows_text(rows, r, LINE_STATUS));
	line->error = deia_rows_text(rows, r, LINE_ERROR);
	line->created_unix_ms = deia_rows_get(rows, r, LINE_CREATED)->i;
	line->prompt_tokens =
		tokens_of(deia_rows_get(rows, r, LINE_PROMPT_TOKENS));
	line->completion_tokens =
		tokens_of(deia_rows_get(rows, r, LINE_COMPLETION_TOKENS));
	line->details = deia_rows_text(rows, r, LINE_DETAILS);
}

static struct deia_value tokens_value(int64_t n)
{
	return n < 0 ? deia_null() : deia_int(n);
}

void deia__line_row(struct deia_value *row, const struct deia_chat_line *line)
{
	row[LINE_SEQ] = deia_null();
	row[LINE_ID] = deia_text(line->id);
	row[LINE_CONVERSATION] = deia_text(line->conversation);
	row[LINE_BOT] = deia_text(line->bot);
	row[LINE_ROLE] = deia_text(line->role);
	row[LINE_AUTHOR] = deia_text(line->author);
	row[LINE_CONTENT] = deia_text(line->content);
	row[LINE_CONTENT].len = line->content_len;
	row[LINE_STATUS] = deia_text(deia_line_status_name(line->status));
	row[LINE_ERROR] = deia_text(line->error ? line->error : "");
	row[LINE_CREATED] = deia_int(line->created_unix_ms);
	row[LINE_PROMPT_TOKENS] = tokens_value(line->prompt_tokens);
	row[LINE_COMPLETION_TOKENS] = tokens_value(line->completion_tokens);
	row[LINE_DETAILS] = deia_text(line->details ? line->details : "");
}

void deia__line_event(struct deia__change *c, const char *type,
		      const struct deia_chat_line *line)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "id", line->id);
	deia_jw_kstr(&w, "conversation", line->conversation);
	deia_jw_kstr(&w, "role", line->role);
	deia_jw_kstr(&w, "author", line->author);
	deia_jw_kstr(&w, "status", deia_line_status_name(line->status));
	if (line->error && line->error[0])
		deia_jw_kstr(&w, "error", line->error);
	deia_jw_end_object(&w);
	deia__change_event(c, type, line->bot,
			   deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
}

/* ---- pages --------------------------------------------------------------- */

struct page {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1], conversation[37], before[37];
	unsigned limit;
	struct deia_cache_ticket ticket; /* to keep what is read with */
	bool has_ticket;
	deia_lines_cb cb;
	void *user;
};

/* Under which key its page is kept, in the group of its conversation. */
static const char *cache_key(const struct page *p, char out[static 16])
{
	snprintf(out, 16, "%u", p->limit);
	return out;
}

static void keep(const struct page *p, const struct deia_chat_line *lines,
		 size_t n, bool more)
{
	struct deia__buf b;
	char key[16];

	if (!p->has_ticket || !p->hive->cache.cache)
		return;
	if (deia__page_pack(&b, lines, n, more))
		deia_cache_put(p->hive->cache.cache, DEIA_CACHE_CHAT_PAGE,
			       p->conversation, cache_key(p, key), &p->ticket,
			       b.data, b.len);
	deia__buf_fini(&b);
}

static void give_up(struct page *p, deia_err err)
{
	p->cb(err, NULL, 0, false, p->user);
	deia__free(p);
}

static void store_failed(struct page *p, deia_err err)
{
	deia__hive_unreadable(p->hive, err);
	give_up(p, err);
}

static void on_lines(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;
	size_t n = err ? 0 : deia_rows_count(rows);
	struct deia_chat_line *lines;

	if (err) {
		store_failed(p, err);
		return;
	}
	lines = deia__alloc((n + 1) * sizeof(*lines));
	if (!lines) {
		give_up(p,
			deia__hive_fail(p->hive, DEIA_ENOMEM, "out of memory"));
		return;
	}
	for (size_t i = 0; i < n; i++)
		deia__line_from_row(&lines[i], rows, i);
	keep(p, lines, n, deia_rows_has_more(rows));
	p->cb(DEIA_OK, lines, n, deia_rows_has_more(rows), p->user);
	deia__free(lines);
	deia__free(p);
}

static void read_lines(struct page *p, const struct deia_value *after)
{
	struct deia_value equal = deia_text(p->conversation);
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = LINE_BY_CONVERSATION,
		.equal = &equal,
		.n_equal = 1,
		.after = after,
		.n_after = after ? 1 : 0,
		.descending = true,
		.limit = p->limit,
	};
	deia_err err = deia_store_page(p->hive->store, &q, on_lines, p);

	if (err)
		store_failed(p, err);
}

static void on_cursor(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;

	if (err) {
		store_failed(p, err);
		return;
	}
	if (!deia_rows_count(rows) ||
	    strcmp(deia_rows_text(rows, 0, LINE_CONVERSATION),
		   p->conversation) != 0) {
		give_up(p, deia__hive_field(p->hive, "/before",
					    "no line of this conversation has "
					    "the id \"%s\"",
					    p->before));
		return;
	}
	read_lines(p, deia_rows_get(rows, 0, LINE_SEQ));
}

static void on_cache(const struct deia_cache_answer *a, void *user)
{
	struct page *p = user;
	struct deia_chat_line *lines;
	size_t n;
	bool more;

	if (a->hit && deia__page_unpack(&lines, &n, &more, a->data, a->len,
					p->bot, p->conversation)) {
		p->cb(DEIA_OK, lines, n, more, p->user);
		deia__free(lines);
		deia__free(p);
		return;
	}
	if (!p->hive->store) {
		give_up(p, DEIA_ECANCELED);
		return;
	}
	p->has_ticket = a->ticket != NULL;
	if (a->ticket)
		p->ticket = *a->ticket;
	read_lines(p, NULL);
}

/* The newest page is what is asked for again and again. */
static void read_newest(struct page *p)
{
	char key[16];

	if (!p->hive->cache.cache ||
	    deia_cache_get(p->hive->cache.cache, DEIA_CACHE_CHAT_PAGE,
			   p->conversation, cache_key(p, key), on_cache, p))
		read_lines(p, NULL);
}

static void on_conversation(deia_hive *h, deia_err err,
			    const char *conversation, void *arg)
{
	struct page *p = arg;
	struct deia_value equal = deia_text(p->before);
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = LINE_BY_ID,
		.equal = &equal,
		.n_equal = 1,
		.limit = 1,
	};

	if (err || !h->store) {
		give_up(p, err ? err : DEIA_ECANCELED);
		return;
	}
	memcpy(p->conversation, conversation, sizeof(p->conversation));
	if (!p->before[0]) {
		read_newest(p);
		return;
	}
	err = deia_store_page(h->store, &q, on_cursor, p);
	if (err)
		store_failed(p, err);
}

deia_err deia_chat_page(deia_hive *h, const char *bot, const char *conversation,
			const char *before, unsigned limit, deia_lines_cb cb,
			void *user)
{
	struct page *p;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (before && !deia__uuid_valid(before))
		return deia__hive_field(h, "/before", "the id of a line");
	if (!deia_bot_id_valid(bot))
		return deia__no_bot(h, bot);
	p = deia__alloc(sizeof(*p));
	if (!p)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	p->hive = h;
	memcpy(p->bot, bot, strlen(bot) + 1);
	if (before)
		memcpy(p->before, before, sizeof(p->before));
	p->limit = limit;
	p->cb = cb;
	p->user = user;
	err = deia__conversation_resolve(h, bot, conversation, false,
					 on_conversation, p);
	if (err)
		deia__free(p);
	return err;
}
