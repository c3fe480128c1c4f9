/* SPDX-License-Identifier: MIT */
/* insight.c - what is worth knowing, in words. */
#include "scheduler/scheduler.h"

#include <stdarg.h>
#include <stdio.h>

/* Weight of a pair's outcomes from which on something is said about it. */
#define ENOUGH 5
#define BUSY_RATIO 0.9
#define SLOW_FACTOR 3
#define BEST_FACTOR 1.25

static const char *const names[DEIA_INSIGHTS] = { "paused", "failing", "best",
						  "busy",   "untried", "slow" };

const char *deia_scheduler_insight_name(deia_scheduler_insight_kind kind)
{
	return (unsigned)kind < DEIA_INSIGHTS ? names[kind] : "unknown";
}

struct list {
	const deia_scheduler *s;
	struct deia_scheduler_insight *out;
	size_t len, max;
};

static void DEIA_PRINTF(6, 7)
	add(struct list *l, deia_scheduler_insight_kind kind, const char *bot,
	    const char *type, double value, const char *fmt, ...)
{
	struct deia_scheduler_insight *i = &l->out[l->len];
	va_list args;

	if (l->len == l->max)
		return;
	l->len++;
	i->kind = kind;
	i->bot = bot;
	i->type = type;
	i->value = value;
	va_start(args, fmt);
	vsnprintf(i->text, sizeof(i->text), fmt, args);
	va_end(args);
}

static void paused(struct list *l)
{
	struct deia_scheduler_bot_status st;

	for (unsigned i = 0; i < l->s->top; i++) {
		const struct deia__sched_bot *b = l->s->bots[i];

		if (!b || b->circuit == DEIA_CIRCUIT_CLOSED ||
		    deia_scheduler_bot_status(l->s, b->id, &st))
			continue;
		add(l, DEIA_INSIGHT_PAUSED, b->id, NULL, b->failures,
		    "%s gets no tasks: %s", b->id, st.reason);
	}
}

static void failing(struct list *l)
{
	for (unsigned k = 0; k < l->s->n_types; k++)
		for (unsigned i = 0; i < l->s->top; i++) {
			const struct deia__sched_type *t = l->s->types[k];
			const struct deia__pair *p = &t->pairs[i];
			double n = p->good + p->bad;

			if (!l->s->bots[i] || n < ENOUGH || p->good > n / 2)
				continue;
			add(l, DEIA_INSIGHT_FAILING, l->s->bots[i]->id, t->name,
			    p->good / n, "%s fails %.0f %% of %s",
			    l->s->bots[i]->id, p->bad / n * 100, t->name);
		}
}

static void busy(struct list *l)
{
	for (unsigned i = 0; i < l->s->top; i++) {
		const struct deia__sched_bot *b = l->s->bots[i];

		if (b && b->busy > BUSY_RATIO)
			add(l, DEIA_INSIGHT_BUSY, b->id, NULL, b->busy,
			    "%s is busy %.0f %% of the time", b->id,
			    b->busy * 100);
	}
}

static bool is_known(const struct deia__pair *p)
{
	return p->good + p->bad >= ENOUGH;
}

static double to_success(const struct deia__pair *p)
{
	return (double)p->seconds_to_run / fmax((double)p->success, 0.01);
}

/* The best known pair of a type, the second one, and how many were tried. */
struct ranks {
	unsigned first, second, tried;
};

static struct ranks rank(const deia_scheduler *s,
			 const struct deia__sched_type *t)
{
	struct ranks r = { s->top, s->top, 0 };

	for (unsigned i = 0; i < s->top; i++) {
		if (!s->bots[i])
			continue;
		r.tried += t->pairs[i].samples > 0;
		if (!is_known(&t->pairs[i]))
			continue;
		if (r.first == s->top ||
		    to_success(&t->pairs[i]) < to_success(&t->pairs[r.first])) {
			r.second = r.first;
			r.first = i;
		} else if (r.second == s->top ||
			   to_success(&t->pairs[i]) <
				   to_success(&t->pairs[r.second])) {
			r.second = i;
		}
	}
	return r;
}

static void best(struct list *l, const struct deia__sched_type *t)
{
	const deia_scheduler *s = l->s;
	struct ranks r = rank(s, t);
	double factor;

	if (r.second == s->top)
		return;
	factor = to_success(&t->pairs[r.second]) /
		 to_success(&t->pairs[r.first]);
	if (factor >= BEST_FACTOR)
		add(l, DEIA_INSIGHT_BEST, s->bots[r.first]->id, t->name, factor,
		    "%s is the best for %s: %.2g s to a success; next is %s "
		    "with %.2g s",
		    s->bots[r.first]->id, t->name,
		    to_success(&t->pairs[r.first]), s->bots[r.second]->id,
		    to_success(&t->pairs[r.second]));
}

static void untried(struct list *l, const struct deia__sched_type *t)
{
	struct ranks r = rank(l->s, t);

	if (r.tried * 2 < l->s->n_bots && r.tried > 0)
		add(l, DEIA_INSIGHT_UNTRIED, NULL, t->name,
		    (double)r.tried / l->s->n_bots,
		    "%u of %u bots %s tried with %s", r.tried, l->s->n_bots,
		    r.tried == 1 ? "was" : "were", t->name);
}

static void slow(struct list *l, const struct deia__sched_type *t)
{
	const deia_scheduler *s = l->s;
	struct ranks r = rank(s, t);

	for (unsigned i = 0; r.first < s->top && i < s->top; i++) {
		double factor;

		if (!s->bots[i] || !is_known(&t->pairs[i]))
			continue;
		factor = to_success(&t->pairs[i]) /
			 to_success(&t->pairs[r.first]);
		if (factor >= SLOW_FACTOR)
			add(l, DEIA_INSIGHT_SLOW, s->bots[i]->id, t->name,
			    factor, "%s takes %.1f times what %s takes for %s",
			    s->bots[i]->id, factor, s->bots[r.first]->id,
			    t->name);
	}
}

size_t deia_scheduler_insights(const deia_scheduler *s,
			       struct deia_scheduler_insight *out, size_t max)
{
	struct list l = { s, out, 0, max };

	paused(&l);
	failing(&l);
	for (unsigned i = 0; i < s->n_types; i++)
		best(&l, s->types[i]);
	busy(&l);
	for (unsigned i = 0; i < s->n_types; i++)
		untried(&l, s->types[i]);
	for (unsigned i = 0; i < s->n_types; i++)
		slow(&l, s->types[i]);
	return l.len;
}
