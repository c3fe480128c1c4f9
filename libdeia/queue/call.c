/* SPDX-License-Identifier: MIT */
/* call.c - one thing after the other is done to a task. */
#include <string.h>

#include "queue/queue.h"

#define PUMPED_A_TURN 256

struct deia__task_call *deia__call_new(void (*fn)(struct deia__task *t,
						  struct deia__task_call *c))
{
	struct deia__task_call *c = deia__alloc(sizeof(*c));

	if (c)
		c->fn = fn;
	return c;
}

void deia__call_free(struct deia__task_call *c)
{
	if (!c)
		return;
	deia__free(c->by);
	deia__free(c->note);
	deia__free(c->text);
	deia__free(c->code);
	deia__free(c->message);
	deia__free(c);
}

void deia__call_fail(struct deia__task_call *c, deia_err err)
{
	if (c && c->cb)
		c->cb(err, NULL, 0, false, c->user);
	deia__call_free(c);
}

void deia__call_answer(struct deia__task *t, struct deia__task_call *c)
{
	deia_err err = DEIA_OK;

	if (c && c->cb)
		err = deia_tasks_get(t->q, t->id, c->cb, c->user);
	if (err)
		c->cb(err, NULL, 0, false, c->user);
	deia__call_free(c);
}

/* ---- in turn ----------------------------------------------------------- */

static bool can_go_on(const struct deia__task *t)
{
	return !t->busy && !t->loading && !t->held;
}

void deia__task_pump(struct deia__task *t)
{
	struct deia__task_call *c;

	while (can_go_on(t) && (c = STAILQ_FIRST(&t->calls))) {
		STAILQ_REMOVE_HEAD(&t->calls, link);
		c->fn(t, c);
	}
	if (can_go_on(t) && !t->ready && STAILQ_EMPTY(&t->calls) &&
	    (deia_task_status_is_final(t->s.status) || t->foreign))
		deia__task_drop(t, DEIA_ECANCELED);
}

void deia__ready_soon(deia_tasks *q)
{
	if (!deia__timer_armed(&q->ready_timer))
		(void)!deia__timer_set(q->timers, &q->ready_timer, 0);
}

void deia__task_pump_soon(struct deia__task *t)
{
	deia_tasks *q = t->q;

	if (t->ready)
		return;
	t->ready = true;
	TAILQ_INSERT_TAIL(&q->ready, t, in_ready);
	deia__ready_soon(q);
}

void deia__ready_run(void *arg)
{
	deia_tasks *q = arg;
	struct deia__task *t, *last = TAILQ_LAST(&q->ready, deia__ready_list);

	for (unsigned n = 0; n < PUMPED_A_TURN && last; n++) {
		t = TAILQ_FIRST(&q->ready);
		if (!t)
			break; /* the last one was dropped meanwhile */
		TAILQ_REMOVE(&q->ready, t, in_ready);
		t->ready = false;
		if (t == last)
			last = NULL;
		deia__task_pump(t);
	}
	deia__deps_run(q);
	if (!TAILQ_EMPTY(&q->ready) || !TAILQ_EMPTY(&q->ended_deps))
		deia__ready_soon(q);
}

void deia__call_add(struct deia__task *t, struct deia__task_call *c)
{
	STAILQ_INSERT_TAIL(&t->calls, c, link);
	deia__task_pump_soon(t);
}

/* ---- finished tasks: read first ---------------------------------------- */

struct reading {
	deia_tasks *q;
	char id[DEIA__UUID_BYTES];
};

/* The placeholder becomes what its row says. */
static void become(struct deia__task *t, struct deia__task *row)
{
	struct deia__task_calls calls = t->calls;

	STAILQ_INIT(&t->calls);
	STAILQ_CONCAT(&row->calls, &calls);
	deia__task_drop(t, DEIA_OK);
	if (deia__task_add(row)) {
		deia__task_drop(row, DEIA_ENOMEM);
		return;
	}
	/* An open one of this node would be in memory. */
	if (!deia_task_status_is_final(row->s.status))
		row->foreign = true;
	deia__task_pump_soon(row);
}

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct reading *r = user;
	deia_tasks *q = r->q;
	struct deia__task *t = deia__task_find(q, r->id), *row = NULL;

	q->n_under_way--;
	deia__free(r);
	if (!err && deia_rows_count(rows) == 0)
		err = deia__tasks_fail(q, DEIA_ENOTFOUND,
				       "there is no such task");
	else if (!err)
		row = deia__task_from_row(q, rows, 0, &err);
	if (!t) {
		if (row)
			deia__task_drop(row, DEIA_OK);
		return;
	}
	t->loading = false;
	if (row)
		become(t, row);
	else
		deia__task_drop(t, deia__tasks_store_error(q, err));
}

static deia_err read_row(struct deia__task *t)
{
	struct deia_value key = deia_text(t->id);
	struct deia_page_query page = deia__task_row(&key);
	struct reading *r = deia__alloc(sizeof(*r));
	deia_err err = r ? DEIA_OK : DEIA_ENOMEM;

	if (!err) {
		r->q = t->q;
		memcpy(r->id, t->id, sizeof(r->id));
		err = deia_store_page(t->q->store, &page, on_row, r);
	}
	if (err) {
		deia__free(r);
		return err;
	}
	t->q->n_under_way++;
	t->loading = true;
	return DEIA_OK;
}

deia_err deia__call_id(deia_tasks *q, const char *id, struct deia__task_call *c)
{
	struct deia__task *t;
	deia_err err = DEIA_OK;

	if (!c)
		return DEIA_ENOMEM;
	if (q->stopped)
		err = deia__tasks_fail(q, DEIA_ESTATE, "the queue is stopped");
	else if (!id || !deia__uuid_valid(id))
		err = deia__tasks_fail(q, DEIA_ENOTFOUND,
				       "there is no such task");
	t = err ? NULL : deia__task_find(q, id);
	if (!err && !t) {
		t = deia__task_new(q, id);
		err = t ? deia__task_add(t) : DEIA_ENOMEM;
		if (!err)
			err = read_row(t);
		if (err && t)
			deia__task_drop(t, err);
	}
	if (err) {
		deia__call_free(c);
		return err;
	}
	STAILQ_INSERT_TAIL(&t->calls, c, link);
	if (!t->loading)
		deia__task_pump_soon(t);
	return DEIA_OK;
}
