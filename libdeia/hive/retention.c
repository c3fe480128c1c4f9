/* SPDX-License-Identifier: MIT */
/*
 * retention.c - what is old goes, in small steps.
 *
 * Every minute: at most one step for each table. A step deletes a bounded
 * range, so it never holds the writer for long; with much to delete the next
 * step comes after a second.
 */
#include "hive/reply.h"

#define STEP_MS 60000
#define BUSY_STEP_MS 1000
#define STEP_EVENTS 1000 /* some are of 30 KiB */
#define STEP_LINES 50
#define REPLAY_KEPT_MS (INT64_C(48) * 3600 * 1000)
#define MAIL_DAYS 90 /* of dialogues, as of messages */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static bool step_events(deia_hive *h, struct deia__change *c)
{
	struct deia__ring *r = &h->ring;
	int64_t target = r->last_seq - (int64_t)h->events_kept;
	int64_t over = deia__events_over(h, (uint64_t)h->events_kept *
						    DEIA__EVENT_BYTES);
	struct deia_value upto;

	if (target < over)
		target = over;
	if (!h->events_kept || target <= r->pruned_seq)
		return false;
	if (target > r->pruned_seq + STEP_EVENTS)
		target = r->pruned_seq + STEP_EVENTS;
	upto = deia_int(target);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_events, -1,
			      NULL, 0, &upto);
	r->pruned_seq = target;
	return true;
}

static void step_by_time(deia_hive *h, struct deia__change *c)
{
	int64_t now = deia__unix_ms(NULL);
	struct deia_value upto = deia_int(now - REPLAY_KEPT_MS);
	int64_t mail_days = h->mail_days ? h->mail_days : MAIL_DAYS;

	deia_txn_delete_where(deia__change_txn(c), &deia__table_replays,
			      REPLAY_BY_TIME, NULL, 0, &upto);
	deia__dialogues_prune(c, now - mail_days * DAY_MS);
	if (!h->audit_days)
		return;
	upto = deia_int(now - (int64_t)h->audit_days * DAY_MS);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_audit,
			      AUDIT_BY_TIME, NULL, 0, &upto);
}

/* ---- tokens that ended ------------------------------------------------------ */

struct ended {
	char ids[100][DEIA_TOKEN_ID_LEN + 1];
	unsigned n;
	int64_t before_ms;
};

static void note_ended(struct deia__token *t, void *user)
{
	struct ended *e = user;
	unsigned i;

	/* A revoked token without an end stays, so that it stays revoked. */
	if (!t->expires_ms || t->expires_ms > e->before_ms || e->n == 100)
		return;
	for (i = 0; i <= DEIA_TOKEN_ID_LEN; i++)
		e->ids[e->n][i] = t->id[i];
	e->n++;
}

static void step_tokens(deia_hive *h, struct deia__change *c)
{
	struct ended e = { .n = 0, .before_ms = deia__unix_ms(NULL) - DAY_MS };

	deia__tokens_each(h->tokens, note_ended, &e);
	for (unsigned i = 0; i < e.n; i++) {
		struct deia_value key = deia_text(e.ids[i]);

		deia_txn_delete(deia__change_txn(c), &deia__table_tokens, &key);
		deia__tokens_remove(h->tokens, e.ids[i]);
	}
}

/* ---- chat -------------------------------------------------------------------- */

static void on_old_lines(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	size_t n = err ? 0 : deia_rows_count(rows), old = 0;
	int64_t before = deia__unix_ms(NULL) - (int64_t)h->chat_days * DAY_MS;
	struct deia__change *c;
	struct deia_value upto;

	while (old < n && deia_rows_get(rows, old, LINE_CREATED)->i < before)
		old++;
	if (!old || h->freeing)
		return;
	upto = deia_int(deia_rows_get(rows, old - 1, LINE_SEQ)->i);
	c = deia__change_new(h);
	deia__change_chat(c, NULL);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_chat_lines, -1,
			      NULL, 0, &upto);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN, "old chat is not deleted: %s",
			       h->msg.text);
}

static void step_chat(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = -1,
		.limit = STEP_LINES,
	};

	if (h->chat_days && deia_store_page(h->store, &q, on_old_lines, h))
		deia__hive_log(h, DEIA_LOG_WARN, "old chat cannot be read");
}

static void step(void *arg)
{
	deia_hive *h = arg;
	struct deia__change *c = deia__change_new(h);
	bool more = false;

	if (c) {
		more = step_events(h, c);
		step_by_time(h, c);
		step_tokens(h, c);
	}
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "old rows could not be deleted: %s",
			       h->msg.text);
	step_chat(h);
	if (deia__timer_set(h->timers, &h->retention_timer,
			    more ? BUSY_STEP_MS : STEP_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "retention stopped");
}

void deia__retention_start(deia_hive *h)
{
	h->retention_timer.fn = step;
	h->retention_timer.arg = h;
	if (deia__timer_set(h->timers, &h->retention_timer, STEP_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "retention is not started");
}

void deia__retention_stop(deia_hive *h)
{
	deia__timer_clear(h->timers, &h->retention_timer);
	deia__timer_clear(h->timers, &h->last_used_timer);
}
