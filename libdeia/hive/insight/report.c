/* SPDX-License-Identifier: MIT */
/*
 * report.c - asks the store for a report, page by page.
 *
 * One page is under way at a time, and holds a few hundred rows, so neither the
 * loop nor who else reads waits long. The steps, in this order: tasks that
 * ended since then, through the index of that; how many are in each open
 * status; lines of chat, newest first until they are older; alerts; then each
 * bot's states, newest first.
 */
#include "hive/insight/report.h"

#include <string.h>

#include "hive/insight/insight.h"
#include "store/walk.h"

#define TASK_ROWS 500
#define LINE_ROWS 200
#define ALERT_ROWS 200
#define STATE_ROWS 20 /* 8 KiB of its standard error may be in each */
#define UNDER_WAY_MAX 4

static void go_on(struct deia__report *r);

/* ---- the end ------------------------------------------------------------- */

static void report_free(struct deia__report *r)
{
	struct deia__asked_for *a, *next;

	deia__sums_free(&r->bots);
	deia__sums_free(&r->people);
	deia__sums_free(&r->types);
	HASH_ITER(hh, r->asked, a, next) {
		HASH_DEL(r->asked, a);
		deia__free(a);
	}
	for (int i = 0; i < 3; i++)
		deia__free(r->rows[i]);
	for (unsigned i = 0; i < r->n_texts; i++)
		deia__free(r->texts[i]);
	deia__free(r);
}

static void end(struct deia__report *r, deia_err err)
{
	deia_hive *h = r->hive;

	h->insight->n_reports--;
	if (!err)
		deia__report_finish(r);
	if (!err && r->no_memory)
		err = deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	r->cb(err, err ? NULL : &r->out, r->user);
	report_free(r);
}

static void fail(struct deia__report *r, deia_err err)
{
	if (r->hive->freeing || r->hive->stopping)
		end(r,
		    deia__hive_fail(r->hive, DEIA_ECANCELED, "the hive ends"));
	else
		end(r, deia__hive_unreadable(r->hive, err));
}

/* An error that makes what comes next useless; then r is gone. */
static bool is_over(struct deia__report *r, deia_err err)
{
	if (!err && (r->hive->freeing || r->hive->stopping))
		err = DEIA_ECANCELED;
	if (err)
		fail(r, err);
	return err != DEIA_OK;
}

static void ask(struct deia__report *r, const struct deia_page_query *q,
		deia_page_cb cb)
{
	deia_err err = deia_store_page(r->hive->store, q, cb, r);

	if (err)
		fail(r, err);
}

/* The page behind this one; false: there is none. */
static bool ask_more(struct deia__report *r, struct deia_page_query q,
		     const deia_rows *rows, deia_page_cb cb)
{
	struct deia_value after[DEIA__STORE_PLACE_MAX];

	if (!deia_rows_count(rows) || !deia_rows_has_more(rows))
		return false;
	q.after = after;
	q.n_after = deia__store_place(&q, rows, after);
	ask(r, &q, cb);
	return true;
}

static void next_step(struct deia__report *r)
{
	r->step++;
	go_on(r);
}

/* ---- tasks --------------------------------------------------------------- */

static const struct deia_value finished = { .type = DEIA_INT, .i = 1 };

static const struct deia_page_query ended_tasks = {
	.table = &deia__table_tasks,
	.index = TASK_BY_PHASE,
	.equal = &finished,
	.n_equal = 1,
	.limit = TASK_ROWS,
};

static void on_tasks(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;

	if (is_over(r, err))
		return;
	for (size_t i = 0; i < deia_rows_count(rows); i++)
		deia__report_task(r, rows, i);
	if (!ask_more(r, ended_tasks, rows, on_tasks))
		next_step(r);
}

/* The first step. */
static deia_err ask_tasks(struct deia__report *r)
{
	struct deia_value before = deia_int(r->out.since_unix_ms - 1);
	struct deia_page_query q = ended_tasks;

	q.after = &before;
	q.n_after = 1;
	return deia_store_page(r->hive->store, &q, on_tasks, r);
}

/* The oldest that is kept tells how far back they go. */
static void on_oldest(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;

	if (is_over(r, err))
		return;
	if (deia_rows_count(rows))
		r->oldest_task = deia_rows_get(rows, 0, TASK_FINISHED)->i;
	next_step(r);
}

static void ask_oldest(struct deia__report *r)
{
	struct deia_page_query q = ended_tasks;

	q.limit = 1;
	ask(r, &q, on_oldest);
}

static void on_counts(deia_err err, const deia_rows *counts,
		      const deia_snapshot *snapshot, void *user)
{
	struct deia__report *r = user;
	uint64_t n[DEIA_TASK_STATUSES] = { 0 };

	(void)snapshot;
	if (is_over(r, err))
		return;
	for (size_t i = 0; i < deia_rows_count(counts); i++) {
		int s = deia_task_status_parse(deia_rows_text(counts, i, 0));

		if (s >= 0)
			n[s] = (uint64_t)deia_rows_get(counts, i, 1)->i;
	}
	r->out.waiting += n[DEIA_TASK_QUEUED] + n[DEIA_TASK_BLOCKED];
	r->out.working += n[DEIA_TASK_ASSIGNED] + n[DEIA_TASK_RUNNING];
	r->out.awaiting_approval += n[DEIA_TASK_AWAITING_APPROVAL];
	next_step(r);
}

/* Each status by itself: finished ones, which may be very many, are left
 * alone. */
static void ask_count(struct deia__report *r, deia_task_status status)
{
	struct deia_value name = deia_text(deia_task_status_name(status));
	deia_err err =
		deia_store_count(r->hive->store, &deia__table_tasks,
				 TASK_BY_STATUS, &name, 1, 1, on_counts, r);

	if (err)
		fail(r, err);
}

/* ---- chat ---------------------------------------------------------------- */

static const struct deia_page_query lines_back = {
	.table = &deia__table_chat_lines,
	.index = -1,
	.descending = true,
	.limit = LINE_ROWS,
};

static void on_lines(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;
	bool more = true;

	if (is_over(r, err))
		return;
	for (size_t i = 0; more && i < deia_rows_count(rows); i++)
		more = deia__report_line(r, rows, i);
	if (more && ask_more(r, lines_back, rows, on_lines))
		return;
	deia__report_lines_end(r);
	next_step(r);
}

/* ---- alerts -------------------------------------------------------------- */

static const struct deia_page_query all_alerts = {
	.table = &deia__table_alerts,
	.index = -1,
	.limit = ALERT_ROWS,
};

static void on_alerts(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;

	if (is_over(r, err))
		return;
	for (size_t i = 0; i < deia_rows_count(rows); i++)
		deia__report_alert(r, rows, i);
	if (!ask_more(r, all_alerts, rows, on_alerts))
		next_step(r);
}

/* ---- bots ---------------------------------------------------------------- */

static void on_bot(deia_err err, const deia_rows *rows, void *user);

/* The next bot that has states: the first row behind all of this one's. */
static void ask_bot(struct deia__report *r)
{
	struct deia_value bot = deia_text(r->bot);
	struct deia_page_query q = {
		.table = &deia__table_bot_history,
		.index = -1,
		.after = &bot,
		.n_after = *r->bot ? 1 : 0,
		.limit = 1,
	};

	ask(r, &q, on_bot);
}

static void on_states(deia_err err, const deia_rows *rows, void *user);

static struct deia_page_query states_back(const struct deia_value *bot)
{
	return (struct deia_page_query){
		.table = &deia__table_bot_history,
		.index = -1,
		.equal = bot,
		.n_equal = 1,
		.descending = true,
		.limit = STATE_ROWS,
	};
}

static void on_states(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;
	struct deia_value bot = deia_text(r->bot);
	size_t n = err ? 0 : deia_rows_count(rows);
	bool more = true;

	if (is_over(r, err))
		return;
	for (size_t i = 0; more && i < n; i++) {
		more = deia__report_state(r, rows, i, !r->bot_begun);
		r->bot_begun = true;
	}
	if (more && ask_more(r, states_back(&bot), rows, on_states))
		return;
	/* All that is kept of it is young, and its first ones are gone. */
	if (more && n && deia_rows_get(rows, n - 1, HISTORY_SEQ)->i > 1)
		r->n_cut++;
	ask_bot(r);
}

static void on_bot(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__report *r = user;
	struct deia_value bot;
	struct deia_page_query q;
	const char *id;

	if (is_over(r, err))
		return;
	id = deia_rows_text(rows, 0, HISTORY_BOT);
	if (!deia_bot_id_valid(id)) {
		next_step(r);
		return;
	}
	memcpy(r->bot, id, strlen(id) + 1);
	r->bot_begun = false;
	bot = deia_text(r->bot);
	q = states_back(&bot);
	ask(r, &q, on_states);
}

/* ---- all of it ------------------------------------------------------------ */

static void go_on(struct deia__report *r)
{
	switch (r->step) {
	case 1:
		ask_oldest(r);
		break;
	case 2:
		ask_count(r, DEIA_TASK_BLOCKED);
		break;
	case 3:
		ask_count(r, DEIA_TASK_AWAITING_APPROVAL);
		break;
	case 4:
		ask_count(r, DEIA_TASK_QUEUED);
		break;
	case 5:
		ask_count(r, DEIA_TASK_ASSIGNED);
		break;
	case 6:
		ask_count(r, DEIA_TASK_RUNNING);
		break;
	case 7:
		ask(r, &lines_back, on_lines);
		break;
	case 8:
		ask(r, &all_alerts, on_alerts);
		break;
	case 9:
		ask_bot(r);
		break;
	default:
		end(r, DEIA_OK);
		break;
	}
}

static deia_err check(deia_hive *h, int64_t since_ms, unsigned top)
{
	if (since_ms < 0 || since_ms > deia__unix_ms(NULL))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "since: a time that is over");
	if (!top || top > DEIA_REPORT_MAX_TOP)
		return deia__hive_fail(h, DEIA_EINVAL, "top: 1 to %d",
				       DEIA_REPORT_MAX_TOP);
	if (h->insight->n_reports >= UNDER_WAY_MAX)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "%d reports are being made; ask again "
				       "when one is done",
				       UNDER_WAY_MAX);
	return DEIA_OK;
}

deia_err deia_hive_report(deia_hive *h, int64_t since_ms, unsigned top,
			  deia_report_cb cb, void *user)
{
	struct deia__report *r;
	deia_err err = check(h, since_ms, top);

	if (err)
		return err;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	r->hive = h;
	r->cb = cb;
	r->user = user;
	r->top = top;
	r->types.spreads = true;
	r->types.others.row.name = r->bots.others.row.name =
		r->people.others.row.name = "(others)";
	r->out.since_unix_ms = since_ms;
	r->out.until_unix_ms = deia__unix_ms(NULL);
	r->out.started_unix_ms = h->started_unix_ms;
	err = ask_tasks(r);
	if (err) {
		report_free(r);
		return deia__hive_unreadable(h, err);
	}
	h->insight->n_reports++;
	return DEIA_OK;
}
