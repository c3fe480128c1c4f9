/* SPDX-License-Identifier: MIT */
/*
 * run.c - an attempt: assigned durably, its content fetched, handed over.
 *
 * While the content is read the task is busy, so that whatever is asked of it
 * meanwhile comes after.
 */
#include <stdio.h>
#include <string.h>

#include "core/fault.h"
#include "queue/queue.h"

/* ---- the scheduler's book, and the counts ------------------------------ */

static bool into_book(struct deia__task *t, const char *id)
{
	deia_tasks *q = t->q;
	struct deia__task_bot *bot = deia__task_bot(q, id);

	if (deia_scheduler_start(q->scheduler, id, t->type->name,
				 deia__tasks_now(q), &t->run))
		return false;
	t->in_book = true;
	t->type->active++;
	if (bot)
		bot->n_tasks++;
	return true;
}

void deia__run_over(struct deia__task *t)
{
	struct deia__task_bot *bot;

	t->handed = false;
	if (!t->in_book)
		return;
	t->in_book = false;
	t->type->active--;
	bot = deia__task_bot(t->q, t->s.bot);
	if (bot && bot->n_tasks > 0)
		bot->n_tasks--;
	deia_scheduler_end(t->q->scheduler, t->run, deia__tasks_now(t->q));
	deia__plan_soon(t->q);
}

/* ---- handing over ------------------------------------------------------ */

/* It could not be begun: queued again, and not counted. */
static void not_begun(struct deia__task *t, deia_err err)
{
	struct deia__task_call *c = t->end;

	t->end = NULL;
	deia__run_over(t);
	c->err = DEIA_ECANCELED;
	c->attempt = t->s.attempt;
	c->prompt_tokens = c->completion_tokens = -1;
	c->message =
		deia__asprintf("it could not be begun: %s", deia_err_text(err));
	deia__call_add(t, c);
}

static void run(struct deia__task *t, const char *content, size_t len)
{
	struct deia__task_view v;
	struct deia_task_run what;
	deia_err err = DEIA_ENOMEM;

	if (deia__task_view(&v, t)) {
		v.task.content = content;
		v.task.content_len = len;
		what = (struct deia_task_run){ &v.task, t->s.attempt, t->s.bot,
					       deia__budget_seconds_left(t),
					       deia__budget_messages_left(t) };
		t->bounded = what.seconds_left != 0;
		t->handed = true;
		err = t->q->opts.run(&what, t->q->opts.user);
		DEIA__FAULT("handed-over");
	}
	deia__task_view_fini(&v);
	if (err)
		not_begun(t, err);
}

struct fetch {
	deia_tasks *q;
	char id[DEIA__UUID_BYTES];
};

static void on_text(deia_err err, const deia_rows *rows, void *user)
{
	struct fetch *f = user;
	deia_tasks *q = f->q;
	struct deia__task *t = deia__task_find(q, f->id);
	const struct deia_value *text;

	q->n_under_way--;
	deia__free(f);
	if (!t)
		return;
	t->busy = false;
	if (!err && q->stopped)
		err = DEIA_ESTATE;
	else if (!err && deia_rows_count(rows) == 0)
		err = DEIA_ESTORE;
	if (err) {
		not_begun(t, err);
	} else {
		text = deia_rows_get(rows, 0,
				     t->content_bytes > DEIA_TASK_HEAD_BYTES
					     ? TASK_TEXT_TEXT
					     : TASK_CONTENT);
		run(t, text->s, text->len);
	}
	deia__task_settle(t);
	deia__task_pump(t);
}

static deia_err fetch(struct deia__task *t)
{
	bool whole = t->content_bytes > DEIA_TASK_HEAD_BYTES;
	struct deia_value key[2] = { deia_text(t->id), deia_int(0) };
	struct deia_page_query page =
		whole ? deia__task_text_row(key) : deia__task_row(key);
	struct fetch *f = deia__alloc(sizeof(*f));
	deia_err err = f ? DEIA_OK : DEIA_ENOMEM;

	if (!err) {
		f->q = t->q;
		memcpy(f->id, t->id, sizeof(f->id));
		err = deia_store_page(t->q->store, &page, on_text, f);
	}
	if (err) {
		deia__free(f);
		return err;
	}
	t->q->n_under_way++;
	t->busy = true;
	return DEIA_OK;
}

/* The assignment is durable. */
static void hand_over(struct deia__task *t, struct deia__task_call *c)
{
	deia_err err = DEIA_OK;

	(void)c;
	DEIA__FAULT("after-assignment");
	t->q->status.attempts++;
	deia__task_waited(t);
	if (t->q->stopped)
		err = DEIA_ESTATE;
	else if (t->content)
		run(t, t->content, t->content_bytes);
	else
		err = fetch(t);
	if (err)
		not_begun(t, err);
}

static void not_assigned(struct deia__task *t, struct deia__task_call *c,
			 deia_err err)
{
	(void)c;
	(void)err;
	deia__task_hold(t);
}

static bool prepare(struct deia__task *t, const char *bot)
{
	if (!t->end)
		t->end = deia__call_new(deia__call_ended);
	if (!t->end)
		return false;
	snprintf(t->s.bot, sizeof(t->s.bot), "%s", bot);
	t->s.status = DEIA_TASK_ASSIGNED;
	t->s.attempt++;
	t->s.due = 0;
	deia__set_text(&t->s.reason, NULL, 0);
	return deia__attempt_begin(t, bot) && into_book(t, bot);
}

void deia__task_assign(struct deia__task *t, const char *bot)
{
	struct deia__task_op *op = deia__op_begin(t, NULL, DEIA_TASK_CHOSEN);

	if (!op) {
		deia__plan_later(t->q, DEIA__AGAIN_MS);
		return;
	}
	op->done = hand_over;
	op->undone = not_assigned;
	DEIA__FAULT("before-assignment");
	if (prepare(t, bot))
		deia__taskop_commit(op);
	else
		deia__op_abandon(op);
}

/* ---- what the caller says ---------------------------------------------- */

void deia_tasks_begun(deia_tasks *q, const char *id, unsigned attempt)
{
	struct deia__task *t = deia__task_find(q, id);
	struct deia__task_call *c;

	if (!t || !t->handed || t->s.attempt != attempt)
		return;
	c = deia__call_new(deia__call_begun);
	if (!c)
		return; /* it stays "assigned", no more */
	c->attempt = attempt;
	deia__call_add(t, c);
}

void deia__call_begun(struct deia__task *t, struct deia__task_call *c)
{
	struct deia__task_op *op = NULL;

	if (t->s.status == DEIA_TASK_ASSIGNED && t->s.attempt == c->attempt &&
	    t->handed)
		op = deia__op_begin(t, c, DEIA_TASK_BEGUN);
	if (!op) {
		deia__call_free(c);
		return;
	}
	t->s.status = DEIA_TASK_RUNNING;
	if (t->s.started == 0)
		t->s.started = deia__tasks_wall(t->q);
	deia__taskop_commit(op);
}
