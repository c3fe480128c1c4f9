/* SPDX-License-Identifier: MIT */
/* record.c - outcomes come in: recorded, corrected, forgotten. */
#include "scheduler/scheduler.h"

#define MAX_SECONDS 31536000.0
/* Runs over which the usual seconds of a run are averaged. */
#define SERVICE_RUNS 100

static deia_err check(deia_scheduler *s, const struct deia_scheduler_outcome *o,
		      struct deia__sched_bot **b, struct deia__sched_type **t)
{
	if (!o || o->size < sizeof(*o))
		return deia__fail(&s->msg, DEIA_EINVAL, "no outcome");
	if (!(o->seconds >= 0 && o->seconds <= MAX_SECONDS))
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "seconds must be from 0 to 31536000");
	return deia__sched_find_pair(s, o->bot, o->type, b, t);
}

/*
 * The clock of a type counts half-lives: it runs with its outcomes, and never
 * faster than time. So a busy hive forgets by the second, and one that does
 * twenty tasks a day by the outcome.
 */
static void advance(deia_scheduler *s, struct deia__sched_type *t)
{
	double seconds = (double)(s->now_ms - t->last_ms) / 1000;
	unsigned bots = s->n_bots > 1 ? s->n_bots : 1;

	t->clock += fmin(seconds / s->opts.half_life_seconds,
			 1 / (s->opts.half_life_outcomes * bots));
	t->last_ms = s->now_ms;
}

static void measure_service(deia_scheduler *s, double seconds)
{
	double n = s->runs < SERVICE_RUNS ? (double)++s->runs : SERVICE_RUNS;

	s->service += (seconds - s->service) / n;
}

deia_err deia_scheduler_record(deia_scheduler *s,
			       const struct deia_scheduler_outcome *o,
			       int64_t now_ms)
{
	struct deia__sched_type *t = NULL;
	struct deia__sched_bot *b = NULL;
	struct deia__pair *p;
	deia_err err = check(s, o, &b, &t);

	if (err || !b || !t)
		return err;
	deia__sched_now(s, now_ms);
	p = &t->pairs[b->index];
	p->usual = fmaxf(p->usual, p->success);
	advance(s, t);
	deia__change_look(s, t, b, o->seconds, o->success);
	deia__pair_learn(s, t, b, o->seconds, o->success);
	p->samples++;
	p->successes += o->success;
	s->outcomes++;
	s->changed = true;
	measure_service(s, o->seconds);
	deia__pair_refresh(s, t, b);
	deia__sched_refresh_some(s, t, b);
	deia__circuit_note(s, b, p, o->success);
	deia__book_update(s, b);
	deia__sched_note(s, DEIA_ENTRY_RECORDED, b->id, t->name, o->seconds,
			 o->success);
	return DEIA_OK;
}

deia_err deia_scheduler_correct(deia_scheduler *s,
				const struct deia_scheduler_outcome *o,
				bool success, int64_t now_ms)
{
	struct deia__sched_type *t = NULL;
	struct deia__sched_bot *b = NULL;
	struct deia__pair *p;
	double *from;
	deia_err err = check(s, o, &b, &t);

	if (err || !b || !t || success == o->success)
		return err;
	p = &t->pairs[b->index];
	if (o->success ? p->successes == 0 : p->successes == p->samples)
		return deia__fail(&s->msg, DEIA_ESTATE,
				  "no such outcome of \"%s\" is on record",
				  b->id);
	deia__sched_now(s, now_ms);
	deia__pair_age(p, t->clock);
	/* The old outcome may have aged; the verdict is news. */
	from = o->success ? &p->good : &p->bad;
	*from = fmax(*from - 1, 0);
	deia__pair_learn(s, t, b, o->seconds, success);
	if (success) {
		p->successes++;
		p->failed = fmax(p->failed - o->seconds, 0);
	} else {
		p->successes--;
	}
	deia__pair_refresh(s, t, b);
	deia__sched_note(s, DEIA_ENTRY_CORRECTED, b->id, t->name, o->seconds,
			 success);
	return DEIA_OK;
}

static void reset_bot(deia_scheduler *s, struct deia__sched_bot *b,
		      struct deia__sched_type *only)
{
	for (unsigned i = 0; i < s->n_types; i++)
		if (!only || only == s->types[i])
			deia__pair_clear(s, s->types[i], b);
	deia__circuit_close(s, b);
	deia__book_update(s, b);
}

deia_err deia_scheduler_reset(deia_scheduler *s, const char *bot,
			      const char *type, int64_t now_ms)
{
	struct deia__sched_bot *b = deia__sched_find_bot(s, bot);
	struct deia__sched_type *t = deia__sched_find_type(s, type);

	if (bot && !b)
		return deia__fail(&s->msg, DEIA_ENOTFOUND, "no bot \"%.64s\"",
				  bot);
	if (type && !t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "no type of task \"%.64s\"", type);
	deia__sched_now(s, now_ms);
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i] && (!b || b == s->bots[i]))
			reset_bot(s, s->bots[i], t);
	/* Twice: what is left changes the prior of what was cleared. */
	deia__sched_refresh_all(s);
	deia__sched_refresh_all(s);
	s->changed = true;
	deia__sched_note(s, DEIA_ENTRY_RESET, bot ? bot : "", type ? type : "",
			 0, false);
	return DEIA_OK;
}
