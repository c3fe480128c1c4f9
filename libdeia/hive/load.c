/* SPDX-License-Identifier: MIT */
/*
 * load.c - what is read from the store before the loop runs: bots, tokens,
 * where the events stand; and what a killed process left half done.
 */
#include "hive/nodes/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

static enum deia__wish wish_of(const struct deia_value *v)
{
	if (v->i == DEIA__WISH_STOPPED)
		return DEIA__WISH_STOPPED;
	return v->i == DEIA__WISH_PAUSED ? DEIA__WISH_PAUSED
					 : DEIA__WISH_RUNNING;
}

static deia_err remember(deia_hive *h, const char *id, const deia_rows *rows,
			 size_t r)
{
	struct deia__hbot *b =
		deia__hbot_add(h, id, deia_rows_get(rows, r, BOT_CREATED)->i,
			       wish_of(deia_rows_get(rows, r, BOT_WANTED)));

	if (!b)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	return deia__history_load(h, b);
}

static deia_err load_bot(deia_hive *h, const deia_rows *rows, size_t r)
{
	const struct deia_value *text = deia_rows_get(rows, r, BOT_SPEC);
	const char *id = deia_rows_text(rows, r, BOT_ID);
	struct deia_bot_spec *spec = NULL;
	struct deia_field_error where = { "", "it is not JSON" };
	cJSON *json = NULL;
	deia_err err;

	if (!deia__node_is_own(h, deia_rows_text(rows, r, BOT_NODE)))
		return deia__far_row(h, rows, r, 0);
	err = deia_json_parse(&json, text->s, text->len, NULL);
	if (!err)
		err = deia_bot_spec_parse(&spec, json, NULL, &where);
	cJSON_Delete(json);
	if (err) { /* the row stays; a newer deia may understand it */
		deia__hive_log(h, DEIA_LOG_ERROR, "bot %s is not loaded: %s %s",
			       id, where.pointer, where.detail);
		return err == DEIA_ENOMEM ? err : DEIA_OK;
	}
	err = deia_bots_add(h->bots, spec);
	if (err)
		deia__hive_log(h, DEIA_LOG_ERROR, "bot %s is not loaded: %s",
			       id, deia_bots_errmsg(h->bots));
	deia_bot_spec_free(spec);
	if (err)
		return err == DEIA_ENOMEM ? err : DEIA_OK;
	return remember(h, id, rows, r);
}

/* What is known of it follows the row; what was revoked here stays so, since
 * its row may be on its way. */
static void follow_row(deia_hive *h, struct deia__token *known,
		       const struct deia__token *row)
{
	known->revoked |= row->revoked;
	if (row->last_used_ms > known->last_used_ms)
		known->last_used_ms = row->last_used_ms;
	deia__tokens_seen(h->tokens, known);
}

static deia_err keep_token(deia_hive *h, const struct deia__token *t)
{
	struct deia__token *known = deia__tokens_get(h->tokens, t->id);
	deia_err err;

	if (known && known->kind != deia__token_kind("bot")) {
		follow_row(h, known, t);
		return DEIA_OK;
	}
	err = deia__tokens_add(h->tokens, t);
	return err == DEIA_ELIMIT || err == DEIA_EEXIST ? DEIA_OK : err;
}

deia_err deia__token_load(deia_hive *h, const deia_rows *rows, size_t r)
{
	const struct deia_value *hash = deia_rows_get(rows, r, TOKEN_HASH);
	const char *id = deia_rows_text(rows, r, TOKEN_ID);
	struct deia__token t = {
		.role = deia_role_parse(deia_rows_text(rows, r, TOKEN_ROLE)),
		.kind = deia__token_kind(deia_rows_text(rows, r, TOKEN_KIND)),
		.created_ms = deia_rows_get(rows, r, TOKEN_CREATED)->i,
		.expires_ms = deia_rows_get(rows, r, TOKEN_EXPIRES)->i,
		.last_used_ms = deia_rows_get(rows, r, TOKEN_LAST_USED)->i,
		.revoked = deia_rows_get(rows, r, TOKEN_REVOKED)->i != 0,
	};
	char name[DEIA_MAX_NAME_BYTES + 1];

	if (hash->len != DEIA__HASH_BYTES || strlen(id) != DEIA_TOKEN_ID_LEN) {
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "token %.8s in the store is damaged and not "
			       "used",
			       id);
		return DEIA_OK;
	}
	memcpy(t.id, id, DEIA_TOKEN_ID_LEN);
	memcpy(t.hash, hash->s, DEIA__HASH_BYTES);
	snprintf(name, sizeof(name), "%s", deia_rows_text(rows, r, TOKEN_NAME));
	t.name = name;
	return keep_token(h, &t);
}

/* ---- the administrator's token in a file -------------------------------------- */

static deia_err read_token_file(deia_hive *h, const char *path,
				char out[static DEIA_TOKEN_LEN + 1])
{
	char text[128];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return deia__hive_fail(h, DEIA_EIO, "cannot read %s: %s", path,
				       strerror(errno));
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (!deia_token_well_formed(text)) {
		sodium_memzero(text, sizeof(text));
		return deia__hive_fail(h, DEIA_EPARSE,
				       "%s does not hold a token; remove the "
				       "file and run `deia init` for a new one",
				       path);
	}
	memcpy(out, text, DEIA_TOKEN_LEN + 1);
	sodium_memzero(text, sizeof(text));
	return DEIA_OK;
}

static deia_err ensure_file_token(deia_hive *h, const char *path)
{
	char name[] = "admin";
	struct deia__token t = {
		.name = name,
		.role = DEIA_ROLE_ADMIN,
		.kind = deia__token_kind("file"),
		.created_ms = deia__unix_ms(NULL),
	};
	struct deia_value row[TOKEN_COLUMNS];
	char secret[DEIA_TOKEN_LEN + 1];
	struct deia__change *c;
	deia_err err = read_token_file(h, path, secret);

	if (err)
		return err;
	memcpy(t.id, secret + 5, DEIA_TOKEN_ID_LEN);
	deia__secret_hash(t.hash, secret);
	sodium_memzero(secret, sizeof(secret));
	if (deia__tokens_get(h->tokens, t.id))
		return DEIA_OK; /* known, and revoked stays revoked */
	err = deia__tokens_add(h->tokens, &t);
	if (err)
		return deia__hive_fail(h, err, "the token cannot be kept: %s",
				       deia_err_text(err));
	deia__token_row(row, &t);
	c = deia__change_new(h);
	deia_txn_insert(deia__change_txn(c), &deia__table_tokens, row);
	deia__change_notify(c, DEIA__TOPIC_TOKENS, t.id);
	deia__change_audit(c, deia_actor_local(), "token.create", t.id,
			   DEIA_OK);
	return deia__change_commit(c, h, NULL, NULL);
}

/* ---- turns that a killed process left open ---------------------------------------- */

/* Whether the line after this one in its conversation is an answer. */
static bool was_answered(deia_hive *h, const deia_rows *rows, size_t r)
{
	struct deia_value equal =
		deia_text(deia_rows_text(rows, r, LINE_CONVERSATION));
	struct deia_value after = *deia_rows_get(rows, r, LINE_SEQ);
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = LINE_BY_CONVERSATION,
		.equal = &equal,
		.n_equal = 1,
		.after = &after,
		.n_after = 1,
		.limit = 1,
	};
	deia_rows *next;
	bool answered;

	if (deia_store_page_now(h->store, &q, &next))
		return false;
	answered = deia_rows_count(next) &&
		   strcmp(deia_rows_text(next, 0, LINE_ROLE), "assistant") == 0;
	deia_rows_free(next);
	return answered;
}

static deia_err close_turn(deia_hive *h, const deia_rows *rows, size_t r)
{
	const char *bot = deia_rows_text(rows, r, LINE_BOT);
	bool answered = was_answered(h, rows, r);
	struct deia_value key = *deia_rows_get(rows, r, LINE_SEQ);
	struct deia_set set[] = {
		{ LINE_STATUS, deia_text(answered ? "answered" : "failed") },
		{ LINE_ERROR, deia_text(answered ? ""
						 : "the hive was stopped "
						   "before the answer") },
	};
	struct deia__change *c;

	if (deia__far_get(h, bot)) /* its node is at work on it, perhaps */
		return DEIA_OK;
	c = deia__change_new(h);
	deia__change_chat(c, deia_rows_text(rows, r, LINE_CONVERSATION));
	deia_txn_update(deia__change_txn(c), &deia__table_chat_lines, &key, set,
			2, NULL);
	return deia__change_commit(c, h, NULL, NULL);
}

static deia_err close_open_turns(deia_hive *h)
{
	struct deia_value equal = deia_text("sent");
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = LINE_BY_STATUS,
		.equal = &equal,
		.n_equal = 1,
		.limit = DEIA_MAX_PAGE_LEN,
	};

	return deia__hive_each_row(h, &q, close_turn);
}

deia_err deia__hive_load(deia_hive *h, const char *token_file)
{
	struct deia_page_query bots = {
		.table = &deia__table_bots,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct deia_page_query tokens = {
		.table = &deia__table_tokens,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	int64_t first = 0;
	deia_err err = deia__hive_edge_seq(h, &deia__table_events, true,
					   &h->ring.last_seq);

	if (!err)
		err = deia__hive_edge_seq(h, &deia__table_events, false,
					  &first);
	if (!err) {
		h->ring.pruned_seq = first ? first - 1 : h->ring.last_seq;
		err = deia__hive_each_row(h, &tokens, deia__token_load);
	}
	if (!err && token_file)
		err = ensure_file_token(h, token_file);
	if (!err)
		err = deia__hive_each_row(h, &bots, load_bot);
	if (!err)
		err = deia__far_load_told(h);
	if (!err)
		err = close_open_turns(h);
	return err;
}
