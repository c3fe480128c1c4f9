/* SPDX-License-Identifier: MIT */
/*
 * dialogue_rows.c - dialogues as rows and events.
 *
 * The row is written before the topic is sent, and when the dialogue ends.
 * Meanwhile its counts follow the turns for those who look; after a restart
 * they are taken from the messages, which are exact.
 */
#include "hive/dialogue/dialogue.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = { "running", "done", "stopped", "failed" };

const char *deia_dialogue_status_name(deia_dialogue_status status)
{
	return (unsigned)status < 4 ? names[status] : names[3];
}

static deia_dialogue_status status_of(const char *name)
{
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return (deia_dialogue_status)i;
	return DEIA_DIALOGUE_FAILED;
}

void deia__dialogue_row(struct deia_value *row, const struct deia__dialogue *d)
{
	row[DIALOGUE_ID] = deia_text(d->id);
	row[DIALOGUE_A] = deia_text(d->a);
	row[DIALOGUE_B] = deia_text(d->b);
	row[DIALOGUE_TOPIC] = deia_text(d->topic);
	row[DIALOGUE_STATUS] = deia_text(deia_dialogue_status_name(d->status));
	row[DIALOGUE_REASON] = deia_text(d->reason);
	row[DIALOGUE_TURNS] = deia_int(d->turns);
	row[DIALOGUE_TURNS_DONE] = deia_int(d->turns_done);
	row[DIALOGUE_MAX_TOKENS] = deia_int(d->max_tokens);
	row[DIALOGUE_TOKENS] = deia_int(d->tokens);
	row[DIALOGUE_MAX_SECONDS] = deia_int(d->max_seconds);
	row[DIALOGUE_BY] = deia_text(d->by);
	row[DIALOGUE_CREATED] = deia_int(d->created_ms);
	row[DIALOGUE_ENDED] = deia_int(d->ended_ms);
	row[DIALOGUE_FIRST] = deia_text(d->first);
	row[DIALOGUE_NODE] = deia_text(deia__node_mark(d->hive));
}

void deia__dialogue_from_row(struct deia_dialogue *out, const deia_rows *rows,
			     size_t r)
{
	memset(out, 0, sizeof(*out));
	out->id = deia_rows_text(rows, r, DIALOGUE_ID);
	out->a = deia_rows_text(rows, r, DIALOGUE_A);
	out->b = deia_rows_text(rows, r, DIALOGUE_B);
	out->topic = deia_rows_text(rows, r, DIALOGUE_TOPIC);
	out->topic_len = deia_rows_get(rows, r, DIALOGUE_TOPIC)->len;
	out->status = status_of(deia_rows_text(rows, r, DIALOGUE_STATUS));
	out->reason = deia_rows_text(rows, r, DIALOGUE_REASON);
	out->turns = (unsigned)deia_rows_get(rows, r, DIALOGUE_TURNS)->i;
	out->turns_done =
		(unsigned)deia_rows_get(rows, r, DIALOGUE_TURNS_DONE)->i;
	out->max_tokens = deia_rows_get(rows, r, DIALOGUE_MAX_TOKENS)->i;
	out->tokens = deia_rows_get(rows, r, DIALOGUE_TOKENS)->i;
	out->max_seconds = deia_rows_get(rows, r, DIALOGUE_MAX_SECONDS)->i;
	out->by = deia_rows_text(rows, r, DIALOGUE_BY);
	out->created_unix_ms = deia_rows_get(rows, r, DIALOGUE_CREATED)->i;
	out->ended_unix_ms = deia_rows_get(rows, r, DIALOGUE_ENDED)->i;
	out->node = deia_rows_text(rows, r, DIALOGUE_NODE);
}

void deia__dialogue_event(struct deia__change *c, const char *type,
			  const struct deia__dialogue *d, const char *message)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "id", d->id);
	deia_jw_kstr(&w, "a", d->a);
	deia_jw_kstr(&w, "b", d->b);
	deia_jw_kstr(&w, "status", deia_dialogue_status_name(d->status));
	deia_jw_kint(&w, "turns_done", d->turns_done);
	if (message)
		deia_jw_kstr(&w, "message", message);
	if (d->reason[0])
		deia_jw_kstr(&w, "reason", d->reason);
	deia_jw_end_object(&w);
	deia__change_event(c, type, d->id, deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
}

void deia__dialogue_save(struct deia__dialogue *d, const char *message)
{
	struct deia__change *c = deia__change_new(d->hive);
	struct deia_value key = deia_text(d->id);
	struct deia_set set[] = {
		{ DIALOGUE_TURNS_DONE, deia_int(d->turns_done) },
		{ DIALOGUE_TOKENS, deia_int(d->tokens) },
		{ DIALOGUE_FIRST, deia_text(d->first) },
	};

	deia_txn_update(deia__change_txn(c), &deia__table_dialogues, &key, set,
			3, NULL);
	if (message)
		deia__dialogue_event(c, "dialogue.turn", d, message);
	if (deia__change_commit(c, d->hive, NULL, NULL))
		deia__hive_log(d->hive, DEIA_LOG_WARN,
			       "dialogue %s could not be saved: %s", d->id,
			       d->hive->msg.text);
}

/* ---- what runs on after a restart ---------------------------------------- */

/* NULL: out of memory. */
static struct deia__dialogue *load_row(deia_hive *h, const deia_rows *rows,
				       size_t r)
{
	struct deia_dialogue row;
	struct deia__dialogue *d;

	deia__dialogue_from_row(&row, rows, r);
	d = deia__dialogue_new(h, row.topic, row.topic_len);
	if (!d) {
		deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		return NULL;
	}
	snprintf(d->id, sizeof(d->id), "%s", row.id);
	snprintf(d->first, sizeof(d->first), "%s",
		 deia_rows_text(rows, r, DIALOGUE_FIRST));
	snprintf(d->a, sizeof(d->a), "%s", row.a);
	snprintf(d->b, sizeof(d->b), "%s", row.b);
	snprintf(d->by, sizeof(d->by), "%s", row.by);
	d->turns = row.turns;
	d->turns_done = row.turns_done;
	d->max_tokens = row.max_tokens;
	d->tokens = row.tokens;
	d->max_seconds = row.max_seconds;
	d->created_ms = row.created_unix_ms;
	return d;
}

static deia_err load_one(deia_hive *h, const deia_rows *rows, size_t r)
{
	if (!deia__node_is_own(h, deia_rows_text(rows, r, DIALOGUE_NODE)))
		return DEIA_OK;
	if (load_row(h, rows, r))
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
}

deia_err deia__dialogues_load(deia_hive *h)
{
	struct deia_value equal = deia_text(names[DEIA_DIALOGUE_RUNNING]);
	struct deia_page_query q = {
		.table = &deia__table_dialogues,
		.index = DIALOGUE_BY_STATUS,
		.equal = &equal,
		.n_equal = 1,
		.limit = DEIA_MAX_PAGE_LEN,
	};

	return deia__hive_each_row(h, &q, load_one);
}

void deia__dialogues_start(deia_hive *h)
{
	struct deia__dialogue *d, *next;

	if (!h->dialogues)
		return;
	for (d = TAILQ_FIRST(&h->dialogues->running); d; d = next) {
		next = TAILQ_NEXT(d, link);
		deia__dialogue_go(d);
	}
}

/* ---- one whose dead letter was requeued -------------------------------------- */

static void on_running_again(deia_hive *h, deia_err err, const int64_t *seqs,
			     size_t n_seqs, void *arg)
{
	struct deia__dialogue *d = arg;

	(void)seqs;
	(void)n_seqs;
	if (h->freeing)
		return;
	if (!err) {
		deia__dialogue_go(d);
		return;
	}
	deia__hive_log(h, DEIA_LOG_WARN, "dialogue %s does not go on: %s",
		       d->id, h->msg.text);
	deia__dialogue_free(d);
}

static void run_again(struct deia__dialogue *d)
{
	struct deia__change *c = deia__change_new(d->hive);
	struct deia_value key = deia_text(d->id);
	struct deia_set set[] = {
		{ DIALOGUE_STATUS, deia_text(names[DEIA_DIALOGUE_RUNNING]) },
		{ DIALOGUE_REASON, deia_text("") },
		{ DIALOGUE_ENDED, deia_int(0) },
	};
	deia_err err;

	d->phase = TALK_SAVING;
	deia_txn_update(deia__change_txn(c), &deia__table_dialogues, &key, set,
			3, NULL);
	deia__dialogue_event(c, "dialogue.started", d, NULL);
	err = deia__change_commit(c, d->hive, on_running_again, d);
	if (err)
		on_running_again(d->hive, err, NULL, 0, d);
}

/* Its own node is told, and lets it go on. */
static void tell_node(deia_hive *h, const char *id)
{
	struct deia__change *c = deia__change_new(h);

	deia__change_notify(c, DEIA__TOPIC_DIALOGUES, id);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "dialogue %s does not go on: its node is not "
			       "told",
			       id);
}

static void on_own_row(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__dialogue *d;

	if (h->freeing || err || !deia_rows_count(rows) ||
	    deia__dialogue_find(h, deia_rows_text(rows, 0, DIALOGUE_ID)) ||
	    !deia__node_is_own(h, deia_rows_text(rows, 0, DIALOGUE_NODE)))
		return;
	d = load_row(h, rows, 0);
	if (d)
		run_again(d);
}

static void on_ended_row(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;

	if (!h->freeing && !err && deia_rows_count(rows) &&
	    !deia__node_is_own(h, deia_rows_text(rows, 0, DIALOGUE_NODE)))
		tell_node(h, deia_rows_text(rows, 0, DIALOGUE_ID));
	else
		on_own_row(err, rows, user);
}

/* One that runs here goes on by itself; else its row says whose it is. */
static void look_up(deia_hive *h, const char *id, deia_page_cb cb)
{
	struct deia__dialogue *d = deia__dialogue_find(h, id);
	struct deia_value key = deia_text(id);
	struct deia_page_query q = {
		.table = &deia__table_dialogues,
		.index = -1,
		.equal = &key,
		.n_equal = 1,
		.limit = 1,
	};

	if (d)
		d->requeued = true;
	if (d || h->freeing || h->stopping)
		return;
	if (deia_store_page(h->store, &q, cb, h))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "dialogue %s does not go on: the store cannot "
			       "be read",
			       id);
}

void deia__dialogue_requeued(deia_hive *h, const char *id)
{
	look_up(h, id, on_ended_row);
}

void deia__dialogue_told(deia_hive *h, const char *id)
{
	look_up(h, id, on_own_row);
}
