/* SPDX-License-Identifier: MIT */
/*
 * retention.c - what is old goes, in small steps.
 *
 * Every minute: at most one step for each table. A step deletes a bounded
 * range, so it never holds the writer for long; with much to delete the next
 * step comes after a second.
 */
#include "hive/mail/reply.h"
#include "hive/nodes/nodes.h"
#include "hive/scaling/scaling.h"

#include <string.h>

#define STEP_MS 60000
#define BUSY_STEP_MS 1000
#define STEP_EVENTS 1000 /* some are of 30 KiB */
#define STEP_LINES 50
#define STEP_SAMPLES 500
#define REPLAY_KEPT_MS (INT64_C(48) * 3600 * 1000)
#define MAIL_DAYS 90	 /* of dialogues, as of messages */
#define DECISION_DAYS 90 /* of the auto-scaler */
#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)

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
	deia__scaling_prune(h, c, now - DECISION_DAYS * DAY_MS);
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
		deia__change_notify(c, DEIA__TOPIC_TOKENS, e.ids[i]);
		deia__tokens_remove(h->tokens, e.ids[i]);
	}
}

/* A step took all that it looked at: the next one comes soon. */
static void hurry(deia_hive *h)
{
	if (deia__timer_set(h->timers, &h->retention_timer, BUSY_STEP_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "retention stopped");
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
	if (!old || h->freeing || h->stopping)
		return;
	upto = deia_int(deia_rows_get(rows, old - 1, LINE_SEQ)->i);
	c = deia__change_new(h);
	deia__change_chat(c, NULL);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_chat_lines, -1,
			      NULL, 0, &upto);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN, "old chat is not deleted: %s",
			       h->msg.text);
	else if (old == n && deia_rows_has_more(rows))
		hurry(h);
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

/* ---- samples of bots --------------------------------------------------------- */

/* In memory there is room for the last hour alone. */
static int64_t samples_before(const deia_hive *h)
{
	bool memory = strcmp(deia_store_backend_name(h->store), "memory") == 0;
	int64_t kept = memory ? HOUR_MS : (int64_t)h->status_days * DAY_MS;

	return deia__unix_ms(NULL) - kept;
}

/* All of one minute have the same time or nearly; a step takes whole minutes
 * of them, and comes again soon when there may be more. */
static void on_old_samples(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	size_t n = err ? 0 : deia_rows_count(rows), old = 0;
	int64_t before = samples_before(h);
	struct deia__change *c;
	struct deia_value upto;

	while (old < n && deia_rows_get(rows, old, STATUS_AT)->i < before)
		old++;
	if (!old || h->freeing || h->stopping)
		return;
	upto = deia_int(deia_rows_get(rows, old - 1, STATUS_AT)->i);
	c = deia__change_new(h);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_bot_status,
			      STATUS_BY_TIME, NULL, 0, &upto);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "old samples of bots are not deleted: %s",
			       h->msg.text);
	else if (old == n && deia_rows_has_more(rows))
		hurry(h);
}

static void step_samples(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_bot_status,
		.index = STATUS_BY_TIME,
		.limit = STEP_SAMPLES,
	};

	if (h->status_days && deia_store_page(h->store, &q, on_old_samples, h))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "old samples of bots cannot be read");
}

void deia__retention_step(deia_hive *h)
{
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
	step_samples(h);
	if (deia__timer_set(h->timers, &h->retention_timer,
			    more ? BUSY_STEP_MS : STEP_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "retention stopped");
}

static void on_time(void *arg)
{
	deia__retention_step(arg);
}

void deia_hive_set_retention(deia_hive *h, unsigned events_kept,
			     unsigned audit_days, unsigned chat_days,
			     unsigned status_days)
{
	h->events_kept = events_kept;
	h->audit_days = audit_days;
	h->chat_days = chat_days;
	h->status_days = status_days;
}

void deia__retention_start(deia_hive *h)
{
	h->retention_timer.fn = on_time;
	h->retention_timer.arg = h;
	if (deia__timer_set(h->timers, &h->retention_timer, STEP_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "retention is not started");
}

void deia__retention_stop(deia_hive *h)
{
	deia__timer_clear(h->timers, &h->retention_timer);
	deia__timer_clear(h->timers, &h->last_used_timer);
}
