/* SPDX-License-Identifier: MIT */
/* settle.c - a task that stands still: what moves it next, and when. */
#include "queue/queue.h"

#define LOOK_AT_LEAST_MS 60000 /* the wall clock may be set meanwhile */

/* ---- time -------------------------------------------------------------- */

static bool is_due(const struct deia__task *t)
{
	return t->s.due <= deia__tasks_wall(t->q);
}

static bool is_late(const struct deia__task *t)
{
	return t->s.deadline && t->s.deadline <= deia__tasks_wall(t->q);
}

static bool waits_for_time(const struct deia__task *t)
{
	return (t->s.status == DEIA_TASK_BLOCKED ||
		t->s.status == DEIA_TASK_QUEUED) &&
	       !is_due(t);
}

static void set_timer(struct deia__task *t)
{
	int64_t next = t->s.deadline, wall = deia__tasks_wall(t->q);

	if (deia_task_status_is_final(t->s.status))
		next = 0;
	else if (waits_for_time(t) && (next == 0 || t->s.due < next))
		next = t->s.due;
	if (next == 0) {
		deia__timer_clear(t->q->timers, &t->timer);
		return;
	}
	next = next > wall ? next - wall : 0;
	if (next > LOOK_AT_LEAST_MS)
		next = LOOK_AT_LEAST_MS;
	/* Without memory it is looked at with the next event of the task. */
	(void)!deia__timer_set(t->q->timers, &t->timer, next);
}

deia_task_status deia__task_waits_as(const struct deia__task *t)
{
	return t->deps_open || t->s.due > deia__tasks_wall(t->q)
		       ? DEIA_TASK_BLOCKED
		       : DEIA_TASK_QUEUED;
}

/* ---- standing still ---------------------------------------------------- */

static bool must_move(const struct deia__task *t)
{
	if (deia_task_status_is_final(t->s.status))
		return false;
	if (is_late(t) || (t->dep_failed && !t->in_book))
		return true;
	return t->s.status == DEIA_TASK_BLOCKED && t->deps_open == 0 &&
	       is_due(t);
}

void deia__task_hold(struct deia__task *t)
{
	t->held = true;
	(void)!deia__timer_set(t->q->timers, &t->timer, DEIA__AGAIN_MS);
}

static void ask_for_look(struct deia__task *t)
{
	struct deia__task_call *c;

	if (t->looking)
		return;
	c = deia__call_new(deia__call_look);
	if (!c) {
		deia__task_hold(t);
		return;
	}
	t->looking = true;
	deia__call_add(t, c);
}

void deia__task_settle(struct deia__task *t)
{
	if (t->busy || t->loading || t->held || t->foreign || t->q->stopped)
		return;
	if (must_move(t))
		ask_for_look(t);
	else if (t->s.status == DEIA_TASK_QUEUED && is_due(t))
		deia__lane_enter(t);
	if (!t->held)
		set_timer(t);
}

void deia__timer_fired(void *arg)
{
	struct deia__task *t = arg;
	bool was_held = t->held;

	t->held = false;
	deia__task_settle(t);
	if (was_held)
		deia__task_pump_soon(t);
}

/* Nobody is left without an answer for as long as a store is away. */
static void refuse_waiting(struct deia__task *t, deia_err err)
{
	struct deia__task_calls all = STAILQ_HEAD_INITIALIZER(all);
	struct deia__task_calls keep = STAILQ_HEAD_INITIALIZER(keep);
	struct deia__task_call *c;

	STAILQ_CONCAT(&all, &t->calls);
	while ((c = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, link);
		if (c->cb)
			deia__call_fail(c, err);
		else
			STAILQ_INSERT_TAIL(&keep, c, link);
	}
	STAILQ_CONCAT(&keep, &t->calls);
	STAILQ_CONCAT(&t->calls, &keep);
}

void deia__call_again(struct deia__task *t, struct deia__task_call *c,
		      deia_err err)
{
	deia__tasks_store_error(t->q, err);
	deia__task_hold(t);
	refuse_waiting(t, err);
	STAILQ_INSERT_HEAD(&t->calls, c, link);
}

/* ---- moving by itself -------------------------------------------------- */

static void on_end(struct deia__task *t, struct deia__task_call *c)
{
	deia__finished(t);
	deia__call_free(c);
}

static void on_failure(struct deia__task *t, struct deia__task_call *c,
		       deia_err err)
{
	t->looking = true;
	deia__call_again(t, c, err);
}

static bool end_late(struct deia__task_op *op)
{
	struct deia__task *t = op->t;

	deia__attempt_close(t, "timed_out", "its deadline is over", 0);
	deia__set_text(&t->s.error_code, "deadline", DEIA_MAX_ID_LEN);
	deia__set_text(&t->s.error, "its deadline is over",
		       DEIA_MAX_REASON_BYTES);
	deia__set_text(&t->s.reason, "its deadline is over",
		       DEIA_MAX_REASON_BYTES);
	return deia__finish(op, DEIA_TASK_TIMED_OUT, true);
}

static bool end_in_vain(struct deia__task_op *op)
{
	static const char why[] = "a task that it depends on did not succeed";
	struct deia__task *t = op->t;

	deia__set_text(&t->s.error_code, "dependency", DEIA_MAX_ID_LEN);
	deia__set_text(&t->s.error, why, DEIA_MAX_REASON_BYTES);
	deia__set_text(&t->s.reason, why, DEIA_MAX_REASON_BYTES);
	return deia__finish(op, DEIA_TASK_CANCELLED, true);
}

void deia__call_look(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op;
	bool ok = true;

	t->looking = false;
	if (!must_move(t)) {
		deia__call_free(c);
		return;
	}
	op = deia__op_begin(t, c, DEIA_TASK_ENDED);
	if (!op) {
		on_failure(t, c, DEIA_ENOMEM);
		return;
	}
	op->undone = on_failure;
	op->done = on_end;
	if (is_late(t)) {
		ok = end_late(op);
	} else if (t->dep_failed) {
		ok = end_in_vain(op);
	} else {
		t->s.status = DEIA_TASK_QUEUED;
		op->event = DEIA_TASK_UNBLOCKED;
		op->done = NULL; /* c has no cb: it is freed */
	}
	if (ok) {
		deia__taskop_commit(op);
		return;
	}
	deia__op_abandon(op);
	on_failure(t, c, DEIA_ENOMEM);
}
