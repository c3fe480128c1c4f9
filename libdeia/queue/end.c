/* SPDX-License-Identifier: MIT */
/* end.c - how attempts end, and with them tasks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "core/utf8.h"
#include "expect/expect.h"
#include "queue/queue.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 60000
/* Until an attempt that nobody had time to check is made again. */
#define CHECK_BUSY_SECONDS 10

int64_t deia__retry_delay_ms(deia_tasks *q, unsigned failed)
{
	int64_t ms = RETRY_FIRST_MS;

	/* The first time there may be a better bot: at once. */
	if (failed <= 1)
		return 0;
	while (failed-- > 2 && ms < RETRY_MAX_MS)
		ms *= 2;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	/* 0.8 to 1.2 of it: what failed together comes back one by one. */
	return ms * 4 / 5 +
	       (int64_t)((double)ms * 0.4 * deia__rng_ratio(&q->rng));
}

void deia__attempt_close(struct deia__task *t, const char *outcome,
			 const char *error, double seconds)
{
	struct deia__attempt *a = deia__attempt_open(t);

	if (!a)
		return;
	a->finished = deia__tasks_wall(t->q);
	a->outcome = outcome;
	a->seconds = seconds;
	deia__set_text(&a->error, error, DEIA_MAX_REASON_BYTES);
}

/* ---- a task is finished ------------------------------------------------ */

static bool submit_next(struct deia__task_op *op)
{
	struct deia__task *next = deia__task_next_of(op->t);

	if (!next)
		return false;
	if (deia__task_insert(op->txn, next, next->content,
			      next->content_bytes) ||
	    deia__task_add(next)) {
		deia__task_drop(next, DEIA_ENOMEM);
		return false;
	}
	next->busy = next->fresh = true;
	op->next = next;
	return true;
}

bool deia__finish(struct deia__task_op *op, deia_task_status status, bool go_on)
{
	struct deia__task *t = op->t;

	t->s.status = status;
	t->s.finished = deia__tasks_wall(t->q);
	t->s.due = 0;
	return !go_on || !t->spec.every_seconds || submit_next(op);
}

void deia__finished(struct deia__task *t)
{
	deia_tasks *q = t->q;

	if ((t->handed || t->checking) && q->opts.interrupt)
		q->opts.interrupt(t->id, t->s.attempt, t->s.bot, q->opts.user);
	deia__run_over(t);
	deia__call_free(t->checking);
	t->checking = NULL;
	deia__task_uncache(t);
	deia__deps_leave(t);
	deia__deps_tell(q, t->id, t->s.status == DEIA_TASK_SUCCEEDED);
}

/* ---- an attempt ended -------------------------------------------------- */

static bool keep_text(struct deia__task_call *c,
		      const struct deia_task_outcome *o)
{
	if (o->text && o->text_len <= DEIA_MAX_ANSWER_BYTES &&
	    deia__utf8_valid(o->text, o->text_len) &&
	    !memchr(o->text, 0, o->text_len)) {
		c->text = deia__strndup(o->text, o->text_len);
		c->text_len = o->text_len;
		return c->text != NULL;
	}
	if (!o->text)
		return true;
	c->err = c->err ? c->err : DEIA_EREMOTE;
	deia__set_text(&c->code, "bad_answer", DEIA_MAX_ID_LEN);
	deia__set_text(&c->message,
		       "the answer is too long, or is no UTF-8 text",
		       DEIA_MAX_REASON_BYTES);
	return true;
}

deia_err deia_tasks_ended(deia_tasks *q, const char *id, unsigned attempt,
			  const struct deia_task_outcome *o)
{
	struct deia__task *t = deia__task_find(q, id);
	struct deia__task_call *c;
	deia_err err = DEIA_OK;

	if (!t || !t->handed || t->s.attempt != attempt || !t->end)
		return DEIA_ESTATE;
	c = t->end;
	t->end = NULL;
	c->attempt = attempt;
	c->err = o->err;
	c->final = o->final;
	c->retry_after_seconds = o->retry_after_seconds;
	c->prompt_tokens = o->prompt_tokens;
	c->completion_tokens = o->completion_tokens;
	c->messages = o->messages > INT32_MAX ? INT32_MAX : o->messages;
	/* To the microsecond, as it is kept. */
	c->seconds = isfinite(o->seconds) && o->seconds > 0
			     ? round(fmin(o->seconds, 31536000) * 1e6) / 1e6
			     : 0;
	deia__set_text(&c->code, o->code, DEIA_MAX_ID_LEN);
	deia__set_text(&c->message, o->message, DEIA_MAX_ERROR_BYTES);
	if (!keep_text(c, o)) {
		c->err = err = DEIA_ENOMEM;
		deia__set_text(&c->message, "out of memory",
			       DEIA_MAX_REASON_BYTES);
	}
	deia__run_over(t);
	deia__call_add(t, c);
	return err;
}

static void learn(struct deia__task *t, const struct deia__task_call *c)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	deia_tasks *q = t->q;

	if (c->err == DEIA_ECANCELED || c->unjudged)
		return;
	o.bot = t->s.bot;
	o.type = t->type->name;
	o.seconds = c->seconds;
	o.success = c->err == DEIA_OK;
	if (!deia_scheduler_record(q->scheduler, &o, deia__tasks_now(q)) &&
	    q->opts.learned)
		q->opts.learned(t->id, o.bot, o.type, o.seconds, o.success,
				false, q->opts.user);
}

static void on_durable(struct deia__task *t, struct deia__task_call *c)
{
	DEIA__FAULT("after-end");
	learn(t, c);
	if (deia_task_status_is_final(t->s.status))
		deia__finished(t);
	else
		t->q->status.retries++;
	deia__call_free(c);
}

static void on_lost(struct deia__task *t, struct deia__task_call *c,
		    deia_err err)
{
	deia__call_again(t, c, err);
}

/* Attempts at the end of the list that nobody is to blame for. */
static unsigned excused_in_a_row(const struct deia__task *t)
{
	unsigned n = 0;

	while (n < t->n_attempts &&
	       strcmp(t->attempts[t->n_attempts - 1 - n].outcome, "excused") ==
		       0)
		n++;
	return n;
}

static void queue_again(struct deia__task_op *op, struct deia__task_call *c,
			unsigned failed)
{
	struct deia__task *t = op->t;
	int64_t delay = deia__retry_delay_ms(t->q, failed);
	int64_t said = (int64_t)c->retry_after_seconds * 1000;

	if (said > delay)
		delay = said;
	t->s.status = DEIA_TASK_QUEUED;
	t->s.due = delay ? deia__tasks_wall(t->q) + delay : 0;
	op->event = DEIA_TASK_RETRY;
}

static void note_error(struct deia__task *t, const struct deia__task_call *c)
{
	const char *text = c->message ? c->message : deia_err_text(c->err);

	deia__set_text(&t->s.error_code,
		       c->code ? c->code : deia_err_name(c->err),
		       DEIA_MAX_ID_LEN);
	deia__set_text(&t->s.error, text, DEIA_MAX_ERROR_BYTES);
	deia__set_text(&t->s.reason, text, DEIA_MAX_REASON_BYTES);
}

static bool end_well(struct deia__task_op *op, struct deia__task_call *c)
{
	struct deia__task *t = op->t;

	deia__attempt_close(t, "succeeded", NULL, c->seconds);
	deia__set_text(&t->s.error_code, NULL, 0);
	deia__set_text(&t->s.error, NULL, 0);
	deia__set_text(&t->s.reason, NULL, 0);
	op->has_result = true;
	op->result = c->text ? c->text : "";
	op->result_len = c->text_len;
	return deia__finish(op, DEIA_TASK_SUCCEEDED, true);
}

static bool end_badly(struct deia__task_op *op, struct deia__task_call *c)
{
	struct deia__task *t = op->t;
	bool late = c->err == DEIA_ETIMEDOUT;
	unsigned used;
	bool ok;

	deia__attempt_close(t, late ? "timed_out" : "failed",
			    c->message ? c->message : deia_err_text(c->err),
			    c->seconds);
	note_error(t, c);
	used = t->s.attempt - t->s.excused;
	if (!c->final && used < t->max_attempts) {
		if (deia__budget_ends(op, late && t->bounded, &ok))
			return ok;
		queue_again(op, c, used);
		return true;
	}
	if (c->text_len > 0) {
		op->has_result = true;
		op->result = c->text;
		op->result_len = c->text_len;
	}
	return deia__finish(op, late ? DEIA_TASK_TIMED_OUT : DEIA_TASK_FAILED,
			    true);
}

static bool end_excused(struct deia__task_op *op, struct deia__task_call *c)
{
	struct deia__task *t = op->t;
	bool ok;

	deia__attempt_close(t, "excused", c->message, c->seconds);
	t->s.excused++;
	deia__set_text(&t->s.reason,
		       c->message ? c->message : "it was interrupted",
		       DEIA_MAX_REASON_BYTES);
	if (deia__budget_ends(op, false, &ok))
		return ok;
	queue_again(op, c, excused_in_a_row(t));
	return true;
}

static void add_usage(struct deia__task *t, const struct deia__task_call *c)
{
	if (c->prompt_tokens > 0)
		t->s.prompt_tokens += c->prompt_tokens;
	if (c->completion_tokens > 0)
		t->s.completion_tokens += c->completion_tokens;
}

/* An answer that is not what was asked for is none. False: out of memory. */
static bool judge(const struct deia__task *t, struct deia__task_call *c)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e = NULL;
	deia_err err;

	if (c->err || c->checked || !t->spec.expect)
		return true;
	err = deia__expect_new(&e, t->spec.expect, &why);
	if (!err)
		err = deia__expect_holds(e, c->text ? c->text : "", c->text_len,
					 &why);
	deia__expect_free(e);
	if (!err || err == DEIA_ENOMEM)
		return !err;
	c->err = DEIA_EREMOTE;
	deia__set_text(&c->code, "unexpected_result", DEIA_MAX_ID_LEN);
	deia__set_text(&c->message, why.text, DEIA_MAX_ERROR_BYTES);
	return true;
}

/* err: as deia_tasks_checked and opts.check have it. */
static void say_unchecked(struct deia__task_call *c, deia_err err,
			  const char *why)
{
	if (err == DEIA_EBUSY) {
		why = "too many results wait to be checked";
		c->retry_after_seconds = CHECK_BUSY_SECONDS;
		err = DEIA_ECANCELED;
	}
	c->unjudged = err != DEIA_EREMOTE;
	c->err = err == DEIA_ECANCELED ? err : DEIA_EREMOTE;
	deia__set_text(&c->code, c->unjudged ? "unchecked" : "check_failed",
		       DEIA_MAX_ID_LEN);
	deia__set_text(&c->message, why, DEIA_MAX_ERROR_BYTES);
}

/* True: the call goes on later, when its answer was checked. */
static bool check_first(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_view v;
	deia_err err = DEIA_ENOMEM;

	if (c->err || c->checked || !t->spec.check)
		return false;
	if (!judge(t, c)) {
		deia__call_again(t, c, DEIA_ENOMEM);
		return true;
	}
	if (c->err)
		return false;
	c->checked = true;
	t->checking = c;
	if (deia__task_view(&v, t))
		err = t->q->opts.check(&v.task, c->attempt,
				       c->text ? c->text : "", c->text_len,
				       t->q->opts.user);
	deia__task_view_fini(&v);
	if (!err)
		return true;
	t->checking = NULL;
	say_unchecked(c, err, "its result could not be checked");
	return false;
}

deia_err deia_tasks_checked(deia_tasks *q, const char *id, unsigned attempt,
			    deia_err err, const char *why)
{
	struct deia__task *t = deia__task_find(q, id);
	struct deia__task_call *c = t ? t->checking : NULL;

	if (!c || c->attempt != attempt)
		return DEIA_ESTATE;
	t->checking = NULL;
	if (err)
		say_unchecked(c, err, why);
	deia__call_add(t, c);
	return DEIA_OK;
}

void deia__call_ended(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op = NULL;
	bool ok;

	if ((t->s.status != DEIA_TASK_ASSIGNED &&
	     t->s.status != DEIA_TASK_RUNNING) ||
	    t->s.attempt != c->attempt) {
		deia__call_free(c);
		return;
	}
	if (check_first(t, c))
		return;
	op = deia__op_begin(t, c, DEIA_TASK_ENDED);
	if (!op) {
		deia__call_again(t, c, DEIA_ENOMEM);
		return;
	}
	op->done = on_durable;
	op->undone = on_lost;
	DEIA__FAULT("before-end");
	ok = judge(t, c);
	add_usage(t, c);
	deia__budget_spend(t, c);
	if (!ok)
		c->err = DEIA_OK; /* it is judged again */
	else if (c->err == DEIA_OK)
		ok = end_well(op, c);
	else if (c->err == DEIA_ECANCELED)
		ok = end_excused(op, c);
	else
		ok = end_badly(op, c);
	if (ok) {
		deia__taskop_commit(op);
		return;
	}
	deia__op_abandon(op);
	deia__call_again(t, c, DEIA_ENOMEM);
}
