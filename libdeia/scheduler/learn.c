/* SPDX-License-Identifier: MIT */
/*
 * learn.c - what is known of a bot and a type, and what follows from it.
 *
 * A pair has weights of what was seen: log seconds of successes, successes,
 * failures. They age by the clock of the type. What is expected of the pair is
 * drawn between its own mean and a prior, the effect of its bot plus the effect
 * of its type (empirical Bayes): the less it weighs itself, the more the prior
 * does. The effects are kept as running sums, to which each pair gives a share;
 * shares are renewed when a pair is, so the sums follow as in a fit that goes
 * over all pairs again and again. docs/scheduler.md has the formulas.
 */
#include "scheduler/scheduler.h"

#include <string.h>

/* Success of a bot nobody knows anything about: as log odds of 0.9. */
#define FIRST_LOG_ODDS 2.2
/* Weights, in pairs, of a bot's being like all, a type's being like all. */
#define BOT_PRIOR 1.0
#define TYPE_PRIOR 0.5
/* A pair's own scatter against that of all, in samples. */
#define NOISE_PRIOR 5.0
/* Pairs brought up to date along with each outcome. */
#define REFRESHED 4
#define LEAST_SECONDS 0.001

double deia__sched_log(double seconds)
{
	return log(fmax(seconds, LEAST_SECONDS));
}

double deia__sched_prior_weight(const deia_scheduler *s)
{
	double k = (s->noise.v / s->noise.w) / (s->spread.v / s->spread.w);

	return fmin(fmax(k, 0.02), 4);
}

/* Of a Beta prior of weight w, two outcomes are alike by 1 / (1 + w). */
double deia__sched_success_weight(const deia_scheduler *s)
{
	double alike = fmin(fmax(s->alike.v / s->alike.w, 0.2), 0.9);

	return (1 - alike) / alike;
}

void deia__pair_age(struct deia__pair *p, double clock)
{
	double f;

	if (p->at == clock)
		return;
	f = exp2(p->at - clock);
	p->n *= f;
	p->square *= f;
	p->good *= f;
	p->bad *= f;
	p->seconds *= f;
	p->failed *= f;
	p->at = clock;
}

static double effect(const struct deia__sum *sum, double prior, double mean)
{
	return (sum->v + prior * mean) / (sum->w + prior);
}

/* The prior of a pair in one measure, and the effects it is made of. */
struct prior {
	double of_bot, of_type;
};

static struct prior prior_of(const deia_scheduler *s,
			     const struct deia__sched_type *t,
			     const struct deia__sched_bot *b, int measure)
{
	double first = measure == DEIA__SUCCESS ? FIRST_LOG_ODDS : 0;
	double all = effect(&s->sum[measure], measure == DEIA__SUCCESS, first);
	struct prior p;

	if (measure == DEIA__TIME)
		all = s->sum[measure].w > 0
			      ? s->sum[measure].v / s->sum[measure].w
			      : 0;
	p.of_type = effect(&t->sum[measure], TYPE_PRIOR, all);
	p.of_bot = effect(&b->sum[measure], BOT_PRIOR, 0);
	return p;
}

/* Takes a pair's former share out of the sums, and puts the new one in. */
static void put_share(deia_scheduler *s, struct deia__sched_type *t,
		      struct deia__sched_bot *b, int m, struct deia__share to)
{
	struct deia__share *had = &t->pairs[b->index].share[m];

	t->sum[m].w += (double)to.w - (double)had->w;
	t->sum[m].v += (double)to.of_type - (double)had->of_type;
	b->sum[m].w += (double)to.w - (double)had->w;
	b->sum[m].v += (double)to.of_bot - (double)had->of_bot;
	s->sum[m].w += (double)to.w - (double)had->w;
	s->sum[m].v += (double)to.of_all - (double)had->of_all;
	*had = to;
}

static void share(deia_scheduler *s, struct deia__sched_type *t,
		  struct deia__sched_bot *b, int m, double w, double y)
{
	struct prior p = prior_of(s, t, b, m);
	struct deia__share to = { (float)w, (float)(w * (y - p.of_bot)),
				  (float)(w * (y - p.of_type)),
				  (float)(w * y) };

	put_share(s, t, b, m, to);
}

static void refresh_time(deia_scheduler *s, struct deia__sched_type *t,
			 struct deia__sched_bot *b)
{
	struct deia__pair *p = &t->pairs[b->index];
	double noise = s->noise.v / s->noise.w;
	double spread = s->spread.v / s->spread.w;
	double k = deia__sched_prior_weight(s);
	struct prior prior;
	double mean, own, left, sd;

	share(s, t, b, DEIA__TIME, p->n / (p->n + k), p->mean);
	prior = prior_of(s, t, b, DEIA__TIME);
	left = k / (p->n + k);
	mean = p->mean + left * (prior.of_bot + prior.of_type - p->mean);
	own = (NOISE_PRIOR * noise + p->square) / (NOISE_PRIOR + p->n);
	/* Not known: the pair's own mean, and the effect of its bot. */
	sd = sqrt(noise / (p->n + k) +
		  left * left * spread / (b->sum[DEIA__TIME].w + BOT_PRIOR));
	mean += own / 2;
	p->seconds_to_run = (float)exp(fmin(mean, 20));
	t->need[b->index] = (float)exp(fmin(mean - s->opts.optimism * sd, 20));
}

static void refresh_success(deia_scheduler *s, struct deia__sched_type *t,
			    struct deia__sched_bot *b)
{
	struct deia__pair *p = &t->pairs[b->index];
	double n = p->good + p->bad, w = deia__sched_success_weight(s);
	struct prior prior;
	double all, odds, guess, likely, hope;

	all = effect(&s->sum[DEIA__SUCCESS], 1, FIRST_LOG_ODDS);
	/* Never sure: all that is seen may be successes. */
	all = fmin(fmax(1 / (1 + exp(-all)), 0.1), 0.9);
	odds = (p->good + all) / (p->bad + 1 - all);
	share(s, t, b, DEIA__SUCCESS, n / (n + w), log(odds));
	prior = prior_of(s, t, b, DEIA__SUCCESS);
	guess = 1 / (1 + exp(-prior.of_bot - prior.of_type));
	likely = (p->good + w * guess) / (n + w);
	hope = likely +
	       s->opts.optimism * sqrt(likely * (1 - likely) / (n + w + 1));
	p->guess = (float)guess;
	p->success = (float)likely;
	t->cost[b->index] = p->seconds_to_run / fmaxf(p->success, 0.01f);
	t->tries[b->index] = (float)(1 / fmin(fmax(hope, 0.01), 1));
}

void deia__pair_refresh(deia_scheduler *s, struct deia__sched_type *t,
			struct deia__sched_bot *b)
{
	deia__pair_age(&t->pairs[b->index], t->clock);
	refresh_time(s, t, b);
	refresh_success(s, t, b);
}

void deia__pair_clear(deia_scheduler *s, struct deia__sched_type *t,
		      struct deia__sched_bot *b)
{
	static const struct deia__share none;
	struct deia__pair *p = &t->pairs[b->index];

	for (int m = 0; m < DEIA__MEASURES; m++)
		put_share(s, t, b, m, none);
	memset(p, 0, sizeof(*p));
	p->at = t->clock;
	p->changed = true;
}

void deia__sched_refresh_some(deia_scheduler *s, struct deia__sched_type *t,
			      struct deia__sched_bot *b)
{
	for (unsigned n = 0; n < REFRESHED && n < s->top; n++) {
		t->cursor = (t->cursor + 1) % s->top;
		if (s->bots[t->cursor])
			deia__pair_refresh(s, t, s->bots[t->cursor]);
	}
	for (unsigned n = 0; n < REFRESHED && n < s->n_types; n++) {
		b->cursor = (b->cursor + 1) % s->n_types;
		deia__pair_refresh(s, s->types[b->cursor], b);
	}
}

void deia__sched_refresh_all(deia_scheduler *s)
{
	for (unsigned t = 0; t < s->n_types; t++)
		for (unsigned i = 0; i < s->top; i++)
			if (s->bots[i])
				deia__pair_refresh(s, s->types[t], s->bots[i]);
}

/* A weighted mean of about the last thousand; one value counts only so far. */
static void average(struct deia__sum *sum, double x)
{
	double mean = sum->v / sum->w;

	if (sum->w > 1000) {
		sum->w *= 0.999;
		sum->v *= 0.999;
	}
	sum->w += 1;
	sum->v += fmin(x, 16 * mean);
}

static void learn_time(deia_scheduler *s, struct deia__sched_type *t,
		       struct deia__sched_bot *b, double seconds)
{
	struct deia__pair *p = &t->pairs[b->index];
	double y = deia__sched_log(seconds);
	double off = y - p->mean, noise = s->noise.v / s->noise.w;

	if (p->n >= 3) {
		average(&s->noise, off * off * p->n / (p->n + 1));
	} else if (p->n < 0.5 && t->sum[DEIA__TIME].w > 1 &&
		   b->sum[DEIA__TIME].w > 0.5) {
		struct prior prior = prior_of(s, t, b, DEIA__TIME);
		double miss = y - prior.of_bot - prior.of_type;

		average(&s->spread, fmax(miss * miss - noise, noise / 8));
	}
	p->n += 1;
	p->mean += off / p->n;
	p->square += off * (y - p->mean);
	p->seconds += seconds;
}

/* The second outcomes of a pair tell how much the first ones tell. */
static void learn_alike(deia_scheduler *s, const struct deia__pair *p,
			bool success)
{
	double n = p->good + p->bad, guess = (double)p->guess;

	if (n < 0.5 || n > 5)
		return;
	if (s->alike.w > 100) {
		s->alike.w *= 0.99;
		s->alike.v *= 0.99;
	}
	s->alike.w += guess * (1 - guess);
	s->alike.v += (success - guess) * (p->good / n - guess);
}

void deia__pair_learn(deia_scheduler *s, struct deia__sched_type *t,
		      struct deia__sched_bot *b, double seconds, bool success)
{
	struct deia__pair *p = &t->pairs[b->index];

	deia__pair_age(p, t->clock);
	p->changed = true;
	learn_alike(s, p, success);
	if (success) {
		learn_time(s, t, b, seconds);
		p->good += 1;
	} else {
		p->bad += 1;
		p->failed += seconds;
	}
}
