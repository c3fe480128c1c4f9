/* SPDX-License-Identifier: MIT */
/*
 * spend.c - what a task has used of its budget, and what follows.
 *
 * What was used stands with each attempt, up to its end, so it is as durable
 * as the attempt is. A success is a success, whatever it took: a budget decides
 * about the next attempt alone, and how long it may take.
 */
#include <string.h>

#include "queue/budget.h"
#include "queue/queue.h"

static struct deia__attempt *newest(const struct deia__task *t)
{
	return t->n_attempts ? &t->attempts[t->n_attempts - 1] : NULL;
}

static struct deia__spent spent(const struct deia__task *t)
{
	const struct deia__attempt *a = newest(t);

	return a ? a->spent : (struct deia__spent){ 0 };
}

unsigned deia__budget_seconds_left(const struct deia__task *t)
{
	const struct deia_budget *b = &t->spec.budget;
	int64_t left = b->seconds * 1000 - spent(t).ms;

	if (!b->seconds || b->on_exceed != DEIA_ON_EXCEED_STOP)
		return 0;
	return left > 1000 ? (unsigned)((left + 999) / 1000) : 1;
}

int64_t deia__budget_messages_left(const struct deia__task *t)
{
	const struct deia_budget *b = &t->spec.budget;
	int64_t left = b->messages - spent(t).messages;

	if (!b->messages || b->on_exceed != DEIA_ON_EXCEED_STOP)
		return -1;
	return left > 0 ? left : 0;
}

void deia__budget_spend(struct deia__task *t, const struct deia__task_call *c)
{
	struct deia__attempt *a = newest(t);

	if (!a || !deia__budget_is_set(&t->spec.budget))
		return;
	if (c->prompt_tokens > 0)
		a->spent.tokens += c->prompt_tokens;
	if (c->completion_tokens > 0)
		a->spent.tokens += c->completion_tokens;
	if (c->messages > 0)
		a->spent.messages += c->messages;
	a->spent.ms += (int64_t)(c->seconds * 1000);
}

void deia__budget_renew(struct deia__task *t)
{
	struct deia__attempt *a = newest(t);

	if (a)
		memset(&a->spent, 0, sizeof(a->spent));
}

/* Whether more than nothing is left after so much. */
static bool is_used_up(const struct deia__task *t, struct deia__spent s,
		       struct deia__budget_verdict *v)
{
	static const int64_t nothing[DEIA__BUDGET_UNITS];
	struct deia__budget b =
		deia__budget_of(DEIA__BUDGET_TASK, &t->spec.budget);
	struct deia__budget_count c = { .used = { s.tokens, s.ms,
						  s.messages } };

	deia__budget_ask(&b, &c, nothing, 0, v);
	return v->exceeded;
}

static void set_error(struct deia__task *t, const char *text)
{
	deia__set_text(&t->s.error_code, "budget", DEIA_MAX_ID_LEN);
	deia__set_text(&t->s.error, text, DEIA_MAX_ERROR_BYTES);
}

/* After notify the task goes on, and is told of when that is new. */
static bool act(struct deia__task_op *op, const char *text, bool *ok)
{
	struct deia__task *t = op->t;
	struct deia__budget_verdict before;

	deia__set_text(&t->s.reason, text, DEIA_MAX_REASON_BYTES);
	*ok = true;
	switch (t->spec.budget.on_exceed) {
	case DEIA_ON_EXCEED_STOP:
		set_error(t, text);
		*ok = deia__finish(op, DEIA_TASK_FAILED, true);
		return true;
	case DEIA_ON_EXCEED_PAUSE:
		t->s.status = DEIA_TASK_AWAITING_APPROVAL;
		t->s.due = 0;
		op->event = DEIA_TASK_OVER_BUDGET;
		return true;
	case DEIA_ON_EXCEED_NOTIFY:
		op->over_budget = !is_used_up(t, op->spent_before, &before);
		break;
	}
	return false;
}

bool deia__budget_ends(struct deia__task_op *op, bool late, bool *ok)
{
	struct deia__budget_verdict v;

	if (late) {
		struct deia__attempt *a = newest(op->t);
		int64_t limit = op->t->spec.budget.seconds * 1000;

		if (a && a->spent.ms < limit)
			a->spent.ms = limit;
	}
	return is_used_up(op->t, spent(op->t), &v) && act(op, v.text, ok);
}
