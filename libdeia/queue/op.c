/* SPDX-License-Identifier: MIT */
/* op.c - one durable change of a task: made in memory, undone if it fails. */
#include <assert.h>
#include <string.h>

#include "queue/queue.h"

struct deia__task_op *deia__op_begin(struct deia__task *t,
				     struct deia__task_call *c,
				     deia_task_event event)
{
	struct deia__task_op *op = deia__alloc(sizeof(*op));

	assert(!t->busy);
	if (!op || !deia__state_copy(&op->before, &t->s)) {
		deia__free(op);
		return NULL;
	}
	op->t = t;
	op->call = c;
	op->event = event;
	op->every_before = t->spec.every_seconds;
	op->attempt_was_open = deia__attempt_open(t) != NULL;
	if (t->n_attempts)
		op->spent_before = t->attempts[t->n_attempts - 1].spent;
	op->txn = deia_txn_new(t->q->store);
	t->busy = true;
	deia__lane_leave(t);
	return op;
}

static void put_back(struct deia__task_op *op)
{
	struct deia__task *t = op->t;
	struct deia__attempt *last;

	deia__state_fini(&t->s);
	t->s = op->before;
	memset(&op->before, 0, sizeof(op->before));
	t->spec.every_seconds = op->every_before;
	if (!op->attempt_was_open && deia__attempt_open(t))
		deia__attempt_take_back(t);
	if (t->n_attempts == 0)
		return;
	last = &t->attempts[t->n_attempts - 1];
	last->spent = op->spent_before;
	if (!op->attempt_was_open || deia__attempt_open(t))
		return;
	last->outcome = "";
	last->finished = 0;
	deia__set_text(&last->error, NULL, 0);
}

static void failed(struct deia__task_op *op, deia_err err)
{
	struct deia__task *t = op->t;

	/* An attempt that is not to be, while its bot is still known. */
	if (op->before.status == DEIA_TASK_QUEUED && t->in_book)
		deia__run_over(t);
	put_back(op);
	if (op->next)
		deia__task_drop(op->next, err);
	deia__tasks_store_error(t->q, err);
	if (op->undone)
		op->undone(t, op->call, err);
	else
		deia__call_fail(op->call, err);
}

/* The next one of a series is there now. */
static void settle_next(struct deia__task *t)
{
	t->busy = t->fresh = false;
	t->q->n_open++;
	t->q->status.submitted++;
	t->q->status.by_status[t->s.status]++;
	deia__task_moved(t, DEIA_TASK_SUBMITTED);
	deia__task_settle(t);
}

static void count(struct deia__task_op *op)
{
	deia_tasks *q = op->t->q;
	bool was = deia_task_status_is_final(op->before.status);
	bool is = deia_task_status_is_final(op->t->s.status);

	assert(op->before.status == op->t->s.status ||
	       deia__task_can(op->before.status, op->t->s.status));
	q->status.by_status[op->before.status]--;
	q->status.by_status[op->t->s.status]++;
	if (was != is)
		q->n_open += is ? -1u : 1u;
	if (is && !was)
		op->t->type->ended[op->t->s.status]++;
}

static void succeeded(struct deia__task_op *op)
{
	struct deia__task *t = op->t;

	count(op);
	if (op->has_result)
		t->result_bytes = op->result_len;
	deia__task_moved(t, op->event);
	if (op->over_budget)
		deia__task_moved(t, DEIA_TASK_OVER_BUDGET);
	if (op->next)
		settle_next(op->next);
	if (op->done)
		op->done(t, op->call);
	else
		deia__call_answer(t, op->call);
}

static void finish(struct deia__task_op *op, deia_err err)
{
	struct deia__task *t = op->t;

	t->q->n_under_way--;
	t->busy = false;
	if (err)
		failed(op, err);
	else
		succeeded(op);
	deia__task_settle(t);
	deia__state_fini(&op->before);
	deia__free(op);
}

static void on_commit(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct deia__task_op *op = user;
	struct deia__task *t = op->t;

	(void)seqs;
	(void)n;
	finish(op, err);
	deia__task_pump(t);
}

void deia__taskop_commit(struct deia__task_op *op)
{
	struct deia__task *t = op->t;
	deia_err err = deia__task_update(op);

	t->q->n_under_way++;
	if (err)
		deia_txn_free(op->txn);
	else
		err = deia_txn_commit(op->txn, on_commit, op);
	if (!err)
		return;
	finish(op, err);
	deia__task_pump_soon(t);
}

void deia__op_abandon(struct deia__task_op *op)
{
	struct deia__task *t = op->t;

	deia_txn_free(op->txn);
	put_back(op);
	t->busy = false;
	deia__free(op);
	deia__task_settle(t);
}
