/* SPDX-License-Identifier: MIT */
/* act.c - what people do with tasks: cancel, retry, approve, judge. */
#include <stdio.h>
#include <string.h>

#include "queue/queue.h"

/* A call by somebody; NULL: out of memory. */
static struct deia__task_call *new_call(void (*fn)(struct deia__task *t,
						   struct deia__task_call *c),
					const char *by, deia_tasks_cb cb,
					void *user)
{
	struct deia__task_call *c = deia__call_new(fn);

	if (!c)
		return NULL;
	c->cb = cb;
	c->user = user;
	deia__set_text(&c->by, by, DEIA_MAX_NAME_BYTES);
	return c;
}

static const char *name_of(const struct deia__task_call *c)
{
	return c->by ? c->by : "somebody";
}

/* False: the call has ended, for another node has the task. */
static bool is_here(struct deia__task *t, struct deia__task_call *c)
{
	if (!t->foreign)
		return true;
	deia__tasks_fail(t->q, DEIA_EOTHERNODE,
			 "another node has this task done");
	deia__call_fail(c, DEIA_EOTHERNODE);
	return false;
}

static void refuse(struct deia__task *t, struct deia__task_call *c,
		   const char *what)
{
	deia__tasks_fail(t->q, DEIA_ESTATE, "its status is %s: it cannot be %s",
			 deia_task_status_name(t->s.status), what);
	deia__call_fail(c, DEIA_ESTATE);
}

/* An op for the call; NULL: the call has ended. */
static struct deia__task_op *begin(struct deia__task *t,
				   struct deia__task_call *c,
				   deia_task_event event)
{
	struct deia__task_op *op = deia__op_begin(t, c, event);

	if (!op)
		deia__call_fail(c, DEIA_ENOMEM);
	return op;
}

static void set_reason(struct deia__task *t, const char *what,
		       const struct deia__task_call *c)
{
	char text[DEIA_MAX_REASON_BYTES];

	snprintf(text, sizeof(text), "%s by %s", what, name_of(c));
	deia__set_text(&t->s.reason, text, sizeof(text));
}

/* ---- cancel ------------------------------------------------------------ */

static void cancelled(struct deia__task *t, struct deia__task_call *c)
{
	deia__finished(t);
	deia__call_answer(t, c);
}

static void do_cancel(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op;

	if (!is_here(t, c))
		return;
	if (deia_task_status_is_final(t->s.status)) {
		refuse(t, c, "cancelled");
		return;
	}
	op = begin(t, c, DEIA_TASK_ENDED);
	if (!op)
		return;
	op->done = cancelled;
	deia__attempt_close(t, "cancelled", NULL, 0);
	set_reason(t, "cancelled", c);
	(void)deia__finish(op, DEIA_TASK_CANCELLED, false);
	deia__taskop_commit(op);
}

deia_err deia_tasks_cancel(deia_tasks *q, const char *id, const char *by,
			   deia_tasks_cb cb, void *user)
{
	return deia__call_id(q, id, new_call(do_cancel, by, cb, user));
}

/* ---- retry ------------------------------------------------------------- */

/* What it depends on counts only as far as it is open. */
static bool wait_anew(struct deia__task *t)
{
	const struct deia__task *dep;

	t->dep_failed = false;
	for (unsigned i = 0; i < t->spec.n_depends_on; i++) {
		dep = deia__task_find(t->q, t->spec.depends_on[i]);
		if (dep && !dep->loading &&
		    !deia_task_status_is_final(dep->s.status) &&
		    deia__dep_add(t, dep->id))
			return false;
	}
	return true;
}

static void retry_undone(struct deia__task *t, struct deia__task_call *c,
			 deia_err err)
{
	deia__deps_leave(t);
	deia__call_fail(c, err);
}

static void do_retry(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op;

	if (!is_here(t, c))
		return;
	if (!deia__task_can(t->s.status, DEIA_TASK_QUEUED) ||
	    !deia_task_status_is_final(t->s.status)) {
		refuse(t, c, "retried");
		return;
	}
	op = begin(t, c, DEIA_TASK_RETRIED);
	if (!op)
		return;
	op->undone = retry_undone;
	if (!wait_anew(t)) {
		deia__op_abandon(op);
		retry_undone(t, c, DEIA_ENOMEM);
		return;
	}
	t->s.status = deia__task_waits_as(t);
	t->s.finished = 0;
	t->s.excused = t->s.attempt;
	deia__budget_renew(t);
	t->rank = 0;
	t->spec.retried = deia__tasks_wall(t->q);
	t->spec.every_seconds = 0; /* its series has gone on, or was ended */
	if (t->s.deadline && t->s.deadline <= t->spec.retried)
		t->s.deadline = 0; /* it is wanted all the same */
	set_reason(t, "retried", c);
	deia__taskop_commit(op);
}

deia_err deia_tasks_retry(deia_tasks *q, const char *id, const char *by,
			  deia_tasks_cb cb, void *user)
{
	return deia__call_id(q, id, new_call(do_retry, by, cb, user));
}

/* ---- approve ----------------------------------------------------------- */

static void do_approve(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op;

	if (!is_here(t, c))
		return;
	if (t->s.status != DEIA_TASK_AWAITING_APPROVAL) {
		refuse(t, c, "approved");
		return;
	}
	op = begin(t, c, DEIA_TASK_APPROVED);
	if (!op)
		return;
	t->s.status = deia__task_waits_as(t);
	deia__budget_renew(t);
	set_reason(t, "approved", c);
	deia__taskop_commit(op);
}

deia_err deia_tasks_approve(deia_tasks *q, const char *id, const char *by,
			    deia_tasks_cb cb, void *user)
{
	return deia__call_id(q, id, new_call(do_approve, by, cb, user));
}

/* ---- verdict ----------------------------------------------------------- */

static bool counted_as_success(const struct deia__task_state *s)
{
	return s->verdict >= 0 ? s->verdict > 0
			       : s->status == DEIA_TASK_SUCCEEDED;
}

/* Nobody learned from an attempt that was interrupted, or that nobody could
 * check. */
static bool was_learned(const struct deia__task *t,
			const struct deia__attempt *a)
{
	if (t->s.error_code && strcmp(t->s.error_code, "unchecked") == 0)
		return false;
	return strcmp(a->outcome, "succeeded") == 0 ||
	       strcmp(a->outcome, "failed") == 0 ||
	       (strcmp(a->outcome, "timed_out") == 0 && a->seconds > 0);
}

/* What was learned of the last attempt is corrected. */
static void judged(struct deia__task *t, struct deia__task_call *c)
{
	const struct deia__attempt *a = &t->attempts[t->n_attempts - 1];
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	deia_tasks *q = t->q;
	bool now = t->s.verdict > 0;

	o.bot = a->bot;
	o.type = t->type->name;
	o.seconds = a->seconds;
	o.success = c->final; /* what it counted as before */
	/* It may be too long ago, or another node's knowledge. */
	if (now != o.success && was_learned(t, a) &&
	    !deia_scheduler_correct(q->scheduler, &o, now,
				    deia__tasks_now(q)) &&
	    q->opts.learned)
		q->opts.learned(t->id, o.bot, o.type, o.seconds, now, true,
				q->opts.user);
	deia__call_answer(t, c);
}

static void do_verdict(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op;

	if (!is_here(t, c))
		return;
	if ((t->s.status != DEIA_TASK_SUCCEEDED &&
	     t->s.status != DEIA_TASK_FAILED &&
	     t->s.status != DEIA_TASK_TIMED_OUT) ||
	    t->n_attempts == 0) {
		refuse(t, c, "judged");
		return;
	}
	op = begin(t, c, DEIA_TASK_JUDGED);
	if (!op)
		return;
	op->done = judged;
	c->final = counted_as_success(&t->s);
	t->s.verdict = c->success;
	t->s.verdict_at = deia__tasks_wall(t->q);
	deia__set_text(&t->s.verdict_by, name_of(c), DEIA_MAX_NAME_BYTES);
	deia__set_text(&t->s.verdict_note, c->note, DEIA_MAX_REASON_BYTES);
	deia__taskop_commit(op);
}

deia_err deia_tasks_verdict(deia_tasks *q, const char *id, bool success,
			    const char *by, const char *note, deia_tasks_cb cb,
			    void *user)
{
	struct deia__task_call *c = new_call(do_verdict, by, cb, user);

	if (c) {
		c->success = success;
		deia__set_text(&c->note, note, DEIA_MAX_REASON_BYTES);
	}
	return deia__call_id(q, id, c);
}
