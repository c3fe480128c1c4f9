/* SPDX-License-Identifier: MIT */
/*
 * chat_edit.c - deleting a conversation's lines, and bringing lines in.
 */
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

/* ---- clear --------------------------------------------------------------- */

struct clear {
	deia_hive *hive;
	struct deia_actor actor;
	char bot[DEIA_MAX_ID_LEN + 1], conversation[37];
	deia_done_cb cb;
	void *user;
};

static void on_cleared(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct clear *q = arg;

	(void)h;
	(void)seqs;
	(void)n_seqs;
	if (q->cb)
		q->cb(err, q->user);
	deia__free(q);
}

static void on_conversation_to_clear(deia_hive *h, deia_err err,
				     const char *conversation, void *arg)
{
	struct clear *q = arg;
	struct deia__hbot *b = deia__hbot_get(h, q->bot);
	struct deia_set no_session = { CONV_SESSION, deia_text("") };
	struct deia__change *c;
	struct deia_value key;

	if (!err && b && deia__conversation_is_busy(b, conversation))
		err = deia__hive_fail(h, DEIA_ESTATE,
				      "a turn of this conversation is under "
				      "way; interrupt the bot first");
	if (err) {
		on_cleared(h, err, NULL, 0, q);
		return;
	}
	memcpy(q->conversation, conversation, sizeof(q->conversation));
	key = deia_text(q->conversation);
	c = deia__change_new(h);
	deia__change_chat(c, q->conversation);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_chat_lines,
			      LINE_BY_CONVERSATION, &key, 1, NULL);
	if (!b || strcmp(q->conversation, b->default_conversation) != 0)
		deia_txn_delete(deia__change_txn(c), &deia__table_conversations,
				&key);
	else
		deia_txn_update(deia__change_txn(c), &deia__table_conversations,
				&key, &no_session, 1, NULL);
	deia__change_bot_event(c, "chat.cleared", q->bot, &q->actor);
	deia__change_audit(c, &q->actor, "chat.clear", q->bot, DEIA_OK);
	err = deia__change_commit(c, h, on_cleared, q);
	if (err)
		on_cleared(h, err, NULL, 0, q);
}

/* The first conversation is known before another one is judged by it. */
static void on_first_known(deia_hive *h, deia_err err, const char *first,
			   void *arg)
{
	struct clear *q = arg;

	if (!err && q->conversation[0] && strcmp(first, q->conversation) != 0)
		err = deia__conversation_resolve(h, q->bot, q->conversation,
						 false,
						 on_conversation_to_clear, q);
	else if (!err) {
		on_conversation_to_clear(h, DEIA_OK, first, q);
		return;
	}
	if (err)
		on_cleared(h, err, NULL, 0, q);
}

deia_err deia_chat_clear(deia_hive *h, const struct deia_actor *actor,
			 const char *bot, const char *conversation,
			 deia_done_cb cb, void *user)
{
	struct clear *q;
	deia_err err;

	if (!deia__hbot_find(h, bot))
		return deia__not_here(h, bot);
	if (conversation && !deia__uuid_valid(conversation))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "there is no such conversation");
	q = deia__alloc(sizeof(*q));
	if (!q)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	q->hive = h;
	q->actor = *actor;
	memcpy(q->bot, bot, strlen(bot) + 1);
	if (conversation)
		memcpy(q->conversation, conversation, sizeof(q->conversation));
	q->cb = cb;
	q->user = user;
	err = deia__conversation_resolve(h, bot, NULL, true, on_first_known, q);
	if (err)
		deia__free(q);
	return err;
}

/* ---- import ------------------------------------------------------------------ */

struct import {
	char id[37], bot[DEIA_MAX_ID_LEN + 1];
	char title[DEIA_MAX_TITLE_BYTES + 1];
	int64_t at_ms;
	deia_conversation_cb cb;
	void *user;
};

static void on_imported(deia_hive *h, deia_err err, const int64_t *seqs,
			size_t n_seqs, void *arg)
{
	struct import *q = arg;
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

/* "" or an object that fits. */
bool deia__details_ok(const char *text)
{
	size_t len = strlen(text);
	cJSON *json = NULL;
	bool ok;

	if (!len)
		return true;
	if (len > DEIA_MAX_DETAILS_BYTES ||
	    deia_json_parse(&json, text, len, NULL))
		return false;
	ok = cJSON_IsObject(json);
	cJSON_Delete(json);
	return ok;
}

static deia_err check_line(deia_hive *h, const struct deia_chat_line *line,
			   size_t i)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/items/%zu", i);
	if (!line->role || (strcmp(line->role, "user") != 0 &&
			    strcmp(line->role, "assistant") != 0))
		return deia__hive_field(h, pointer,
					"role: \"user\" or \"assistant\"");
	if (!line->content || line->content_len > DEIA_MAX_CONTENT_BYTES ||
	    memchr(line->content, '\0', line->content_len) ||
	    !deia__utf8_valid(line->content, line->content_len))
		return deia__hive_field(h, pointer,
					"content: UTF-8 text of at most %u "
					"bytes",
					DEIA_MAX_CONTENT_BYTES);
	if (line->author &&
	    (strlen(line->author) > DEIA_MAX_NAME_BYTES ||
	     !deia__utf8_valid(line->author, strlen(line->author))))
		return deia__hive_field(h, pointer, "author: at most %d bytes",
					DEIA_MAX_NAME_BYTES);
	if (line->details && !deia__details_ok(line->details))
		return deia__hive_field(h, pointer,
					"details: an object of at most %u "
					"bytes",
					DEIA_MAX_DETAILS_BYTES);
	if (line->created_unix_ms < 0)
		return deia__hive_field(h, pointer,
					"created_at: after 1970-01-01");
	return DEIA_OK;
}

/* What was open where it comes from is not open here. */
static deia_line_status imported_status(deia_line_status status)
{
	return status == DEIA_LINE_SENT ? DEIA_LINE_FAILED : status;
}

static void add_line(struct deia__change *c, const struct import *q,
		     const struct deia_actor *actor,
		     const struct deia_chat_line *from)
{
	struct deia_value row[LINE_COLUMNS];
	struct deia_chat_line line = *from;
	char id[37];

	deia__uuid7(id, q->at_ms);
	line.id = id;
	line.bot = q->bot;
	line.conversation = q->id;
	if (!line.author)
		line.author =
			strcmp(line.role, "user") == 0 ? actor->name : q->bot;
	line.status = imported_status(line.status);
	if (!line.created_unix_ms)
		line.created_unix_ms = q->at_ms;
	line.prompt_tokens = line.completion_tokens = -1;
	deia__line_row(row, &line);
	deia__change_line(c, row);
}

static struct import *import_new(const char *bot, const char *title,
				 deia_conversation_cb cb, void *user)
{
	struct import *q = deia__alloc(sizeof(*q));

	if (!q)
		return NULL;
	q->at_ms = deia__unix_ms(NULL);
	deia__uuid7(q->id, q->at_ms);
	memcpy(q->bot, bot, strlen(bot) + 1);
	if (title)
		memcpy(q->title, title, strlen(title) + 1);
	q->cb = cb;
	q->user = user;
	return q;
}

static deia_err check_import(deia_hive *h, const char *bot, const char *title,
			     const struct deia_chat_line *lines, size_t n)
{
	deia_err err = deia__title_check(h, title);

	if (err)
		return err;
	if (!deia__hbot_find(h, bot))
		return deia__not_here(h, bot);
	if (n > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "items: at most %d lines at once",
				       DEIA_MAX_BATCH_LEN);
	for (size_t i = 0; i < n && !err; i++)
		err = check_line(h, &lines[i], i);
	return err;
}

deia_err deia_chat_import(deia_hive *h, const struct deia_actor *actor,
			  const char *bot, const char *title,
			  const struct deia_chat_line *lines, size_t n,
			  deia_conversation_cb cb, void *user)
{
	struct deia_value row[CONV_COLUMNS];
	struct deia_conversation conv;
	struct deia__change *c;
	struct import *q;
	deia_err err = check_import(h, bot, title, lines, n);

	if (err)
		return err;
	q = import_new(bot, title, cb, user);
	if (!q)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	memset(&conv, 0, sizeof(conv));
	conv.id = q->id;
	conv.bot = q->bot;
	conv.title = q->title;
	conv.created_unix_ms = q->at_ms;
	c = deia__change_new(h);
	deia__conversation_row(row, &conv);
	deia_txn_insert(deia__change_txn(c), &deia__table_conversations, row);
	for (size_t i = 0; i < n; i++)
		add_line(c, q, actor, &lines[i]);
	deia__change_replay(c, actor, DEIA_MADE_CONVERSATION, &conv);
	deia__change_bot_event(c, "chat.imported", bot, actor);
	deia__change_audit(c, actor, "chat.import", bot, DEIA_OK);
	err = deia__change_commit(c, h, on_imported, q);
	if (err)
		deia__free(q);
	return err;
}
