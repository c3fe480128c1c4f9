/* SPDX-License-Identifier: MIT */
/*
 * conversations.c - the conversations of a bot, and pages of their lines.
 *
 * Lines are ordered by the store's sequence number, not by a clock. Cursors
 * of the API are line ids, so a page is two reads: the line's number, then
 * the page after it.
 */
#include "hive/nodes/nodes.h"

#include <string.h>

void deia__conversation_row(struct deia_value *row,
			    const struct deia_conversation *c)
{
	row[CONV_ID] = deia_text(c->id);
	row[CONV_BOT] = deia_text(c->bot);
	row[CONV_TITLE] = deia_text(c->title ? c->title : "");
	row[CONV_IS_DEFAULT] = deia_int(c->is_default);
	row[CONV_CREATED] = deia_int(c->created_unix_ms);
	row[CONV_SESSION] = deia_text(c->session ? c->session : "");
}

static void conversation_from_row(struct deia_conversation *c,
				  const deia_rows *rows, size_t r)
{
	c->id = deia_rows_text(rows, r, CONV_ID);
	c->bot = deia_rows_text(rows, r, CONV_BOT);
	c->title = deia_rows_text(rows, r, CONV_TITLE);
	c->created_unix_ms = deia_rows_get(rows, r, CONV_CREATED)->i;
	c->is_default = deia_rows_get(rows, r, CONV_IS_DEFAULT)->i != 0;
	c->session = deia_rows_text(rows, r, CONV_SESSION);
}

static deia_err no_conversation(deia_hive *h, const char *bot, const char *id)
{
	return deia__hive_fail(h, DEIA_ENOTFOUND,
			       "bot \"%.64s\" has no conversation \"%.40s\"",
			       bot, id ? id : "");
}

/* ---- which conversation is meant ---------------------------------------------- */

struct resolve {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	char id[37]; /* "": the first one */
	bool make;
	deia__resolve_cb cb;
	void *arg;
};

static void resolved(struct resolve *q, deia_err err)
{
	struct deia__hbot *b = deia__hbot_get(q->hive, q->bot);

	if (!err && b && q->make && !b->default_conversation[0])
		memcpy(b->default_conversation, q->id, sizeof(q->id));
	q->cb(q->hive, err, err ? NULL : q->id, q->arg);
	deia__free(q);
}

static void on_made(deia_hive *h, deia_err err, const int64_t *seqs,
		    size_t n_seqs, void *arg)
{
	(void)h;
	(void)seqs;
	(void)n_seqs;
	resolved(arg, err);
}

/* A bot whose conversations are all gone gets a first one again. */
static void make_first(struct resolve *q)
{
	struct deia_value row[CONV_COLUMNS];
	struct deia_conversation conv = {
		.id = q->id,
		.bot = q->bot,
		.created_unix_ms = deia__unix_ms(NULL),
		.is_default = true,
	};
	struct deia__change *c = deia__change_new(q->hive);
	deia_err err;

	deia__uuid7(q->id, conv.created_unix_ms);
	deia__conversation_row(row, &conv);
	deia_txn_insert(deia__change_txn(c), &deia__table_conversations, row);
	err = deia__change_commit(c, q->hive, on_made, q);
	if (err)
		resolved(q, err);
}

static void on_first(deia_err err, const deia_rows *rows, void *user)
{
	struct resolve *q = user;

	if (err) {
		deia__hive_unreadable(q->hive, err);
	} else if (deia_rows_count(rows)) {
		memcpy(q->id, deia_rows_text(rows, 0, CONV_ID), 36);
	} else if (q->make) {
		make_first(q);
		return;
	} else {
		err = deia__no_bot(q->hive, q->bot);
	}
	resolved(q, err);
}

static void on_named(deia_err err, const deia_rows *rows, void *user)
{
	struct resolve *q = user;

	q->make = false;
	if (err)
		deia__hive_unreadable(q->hive, err);
	else if (!deia_rows_count(rows) ||
		 strcmp(deia_rows_text(rows, 0, CONV_BOT), q->bot) != 0)
		err = no_conversation(q->hive, q->bot, q->id);
	resolved(q, err);
}

static void on_cached(void *arg)
{
	resolved(arg, DEIA_OK);
}

static deia_err look_up(struct resolve *q)
{
	struct deia__hbot *b = deia__hbot_get(q->hive, q->bot);
	struct deia_value equal[2] = {
		deia_text(q->id[0] ? q->id : q->bot),
		deia_int(1),
	};
	struct deia_page_query query = {
		.table = &deia__table_conversations,
		.index = q->id[0] ? -1 : CONV_BY_DEFAULT,
		.equal = equal,
		.n_equal = q->id[0] ? 1 : 2,
		.limit = 1,
	};

	if (b && b->default_conversation[0] &&
	    (!q->id[0] || strcmp(q->id, b->default_conversation) == 0)) {
		memcpy(q->id, b->default_conversation, sizeof(q->id));
		return deia__post_call(q->hive->post, on_cached, q);
	}
	return deia_store_page(q->hive->store, &query,
			       q->id[0] ? on_named : on_first, q);
}

deia_err deia__conversation_resolve(deia_hive *h, const char *bot,
				    const char *id, bool make,
				    deia__resolve_cb cb, void *arg)
{
	struct resolve *q;
	deia_err err;

	if (!deia_bot_id_valid(bot))
		return deia__no_bot(h, bot);
	if (id && !deia__uuid_valid(id))
		return no_conversation(h, bot, id);
	q = deia__alloc(sizeof(*q));
	if (!q)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	q->hive = h;
	memcpy(q->bot, bot, strlen(bot) + 1);
	if (id)
		memcpy(q->id, id, sizeof(q->id));
	q->make = make;
	q->cb = cb;
	q->arg = arg;
	err = look_up(q);
	if (err) {
		deia__free(q);
		return deia__hive_unreadable(h, err);
	}
	return DEIA_OK;
}

/* ---- making ------------------------------------------------------------------------ */

struct create {
	deia_hive *hive;
	deia_conversation_cb cb;
	void *user;
	struct deia_actor actor;
	char id[37], bot[DEIA_MAX_ID_LEN + 1], title[DEIA_MAX_TITLE_BYTES + 1];
	int64_t at_ms;
};

static void give_created(deia_hive *h, deia_err err, const int64_t *seqs,
			 size_t n_seqs, void *arg)
{
	struct create *q = arg;
	struct deia_conversation conv = {
		.id = q->id,
		.bot = q->bot,
		.title = q->title,
		.created_unix_ms = q->at_ms,
	};

	(void)h;
	(void)seqs;
	(void)n_seqs;
	if (q->cb)
		q->cb(err, err ? NULL : &conv, q->user);
	deia__free(q);
}

static deia_err commit_create(struct create *q)
{
	struct deia_value row[CONV_COLUMNS];
	struct deia_conversation conv = {
		.id = q->id,
		.bot = q->bot,
		.title = q->title,
		.created_unix_ms = q->at_ms,
	};
	struct deia__change *c = deia__change_new(q->hive);

	deia__conversation_row(row, &conv);
	deia_txn_insert(deia__change_txn(c), &deia__table_conversations, row);
	deia__change_replay(c, &q->actor, DEIA_MADE_CONVERSATION, &conv);
	deia__change_bot_event(c, "conversation.created", q->bot, &q->actor);
	deia__change_audit(c, &q->actor, "conversation.create", q->bot,
			   DEIA_OK);
	return deia__change_commit(c, q->hive, give_created, q);
}

static void on_counted(deia_err err, const deia_rows *rows, void *user)
{
	struct create *q = user;

	if (err)
		deia__hive_unreadable(q->hive, err);
	else if (deia_rows_has_more(rows) ||
		 deia_rows_count(rows) >= DEIA_MAX_CONVERSATIONS_PER_BOT)
		err = deia__hive_fail(q->hive, DEIA_ELIMIT,
				      "a bot has at most %d conversations; "
				      "delete one first",
				      DEIA_MAX_CONVERSATIONS_PER_BOT);
	if (!err)
		err = commit_create(q);
	if (err)
		give_created(q->hive, err, NULL, 0, q);
}

deia_err deia__title_check(deia_hive *h, const char *title)
{
	size_t len = title ? strlen(title) : 0;

	if (len <= DEIA_MAX_TITLE_BYTES && deia__utf8_valid(title, len))
		return DEIA_OK;
	return deia__hive_field(h, "/title", "UTF-8 text of at most %d bytes",
				DEIA_MAX_TITLE_BYTES);
}

deia_err deia_chat_create(deia_hive *h, const struct deia_actor *actor,
			  const char *bot, const char *title,
			  deia_conversation_cb cb, void *user)
{
	struct deia_value equal;
	struct deia_page_query query = {
		.table = &deia__table_conversations,
		.index = CONV_BY_BOT,
		.equal = &equal,
		.n_equal = 1,
		.limit = DEIA_MAX_CONVERSATIONS_PER_BOT,
	};
	struct create *q;
	deia_err err = deia__title_check(h, title);

	if (err)
		return err;
	if (!deia__hbot_find(h, bot))
		return deia__not_here(h, bot);
	q = deia__alloc(sizeof(*q));
	if (!q)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	q->hive = h;
	q->cb = cb;
	q->user = user;
	q->actor = *actor;
	q->at_ms = deia__unix_ms(NULL);
	deia__uuid7(q->id, q->at_ms);
	memcpy(q->bot, bot, strlen(bot) + 1);
	if (title)
		memcpy(q->title, title, strlen(title) + 1);
	equal = deia_text(q->bot);
	err = deia_store_page(h->store, &query, on_counted, q);
	if (err) {
		deia__free(q);
		return deia__hive_unreadable(h, err);
	}
	return DEIA_OK;
}

/* ---- listing -------------------------------------------------------------------------- */

struct list {
	deia_hive *hive;
	deia_conversations_cb cb;
	void *user;
};

static void on_list(deia_err err, const deia_rows *rows, void *user)
{
	struct list *q = user;
	size_t n = err ? 0 : deia_rows_count(rows);
	struct deia_conversation *items = deia__alloc((n + 1) * sizeof(*items));

	if (err)
		deia__hive_unreadable(q->hive, err);
	else if (!items)
		err = deia__hive_fail(q->hive, DEIA_ENOMEM, "out of memory");
	for (size_t i = 0; items && i < n && !err; i++)
		conversation_from_row(&items[i], rows, i);
	q->cb(err, err ? NULL : items, err ? 0 : n,
	      !err && deia_rows_has_more(rows), q->user);
	deia__free(items);
	deia__free(q);
}

deia_err deia_chat_list(deia_hive *h, const char *bot, const char *before,
			unsigned limit, deia_conversations_cb cb, void *user)
{
	struct deia_value equal = deia_text(bot);
	struct deia_value after = deia_text(before);
	struct deia_page_query query = {
		.table = &deia__table_conversations,
		.index = CONV_BY_BOT,
		.equal = &equal,
		.n_equal = 1,
		.after = &after,
		.n_after = before ? 1 : 0,
		.descending = true,
		.limit = limit,
	};
	struct list *q;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (!deia__bot_known(h, bot))
		return deia__no_bot(h, bot);
	if (before && !deia__uuid_valid(before))
		return no_conversation(h, bot, before);
	q = deia__alloc(sizeof(*q));
	if (q)
		*q = (struct list){ .hive = h, .cb = cb, .user = user };
	return deia__hive_page(h, &query, on_list, q);
}
