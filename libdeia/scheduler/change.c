/* SPDX-License-Identifier: MIT */
/*
 * change.c - notices that a pair is no longer what it was, and forgets then.
 *
 * Ageing alone is too slow for a bot whose model was swapped, and too fast for
 * one that stays as it is. So each outcome is compared with what was expected:
 * four sums (CUSUM, Page 1954), for slower, faster, worse and better, gather
 * what is beyond chance. When one gets too large, the pair keeps only what was
 * seen since that sum was last 0, which is when it probably changed; what else is
 * known of its bot keeps a quarter of its weight, and all clocks go on a bit: a
 * hive in which something changed may have changed elsewhere, too.
 */
#include "scheduler/scheduler.h"

/* Outcomes that a pair must weigh before it can change. */
#define KNOWN 3.0
/* Times that differ by less than a tenth are the same. */
#define LEAST_NOISE 0.01
/* In standard deviations: what is let pass, and what is too much in all. A
 * pair that did not change is thought to about once in 90,000 outcomes. */
#define SLACK 0.75
#define TOO_MUCH 7.0
/* Log odds that success, or failure, is half of what it was. */
#define TOO_LIKELY 7.0

/* What is left of all else that is known of the bot; by how many half-lives all
 * bots together go on. */
#define KEPT 0.25
#define HALF_LIVES 6.0

/* Gathers evidence; true: it is too much. */
static bool gather(struct deia__trail *t, double evidence, double most)
{
	t->evidence = fmaxf(t->evidence + (float)evidence, 0);
	return t->evidence > (float)most;
}

/* What was seen belongs to the trail while there is evidence at all. */
static void follow(struct deia__trail *t, double a, double b)
{
	if (t->evidence > 0) {
		t->a += (float)a;
		t->b += (float)b;
	} else {
		t->a = t->b = 0;
	}
}

/* The trail of what changed, or NULL. */
static const struct deia__trail *look_at_time(const deia_scheduler *s,
					      struct deia__pair *p, double y)
{
	double noise = fmax(s->noise.v / s->noise.w, LEAST_NOISE);
	struct deia__trail *slower = &p->trail[DEIA__SLOWER];
	struct deia__trail *faster = &p->trail[DEIA__FASTER];
	double z;

	if (p->n < KNOWN)
		return NULL;
	z = (y - p->mean) / sqrt(noise * (1 + 1 / p->n));
	z = fmin(fmax(z, -3), 3);
	if (gather(slower, z - SLACK, TOO_MUCH))
		return slower;
	if (gather(faster, -z - SLACK, TOO_MUCH))
		return faster;
	follow(slower, 1, y);
	follow(faster, 1, y);
	return NULL;
}

static const struct deia__trail *look_at_success(struct deia__pair *p,
						 bool success)
{
	double was = fmin(fmax((double)p->success, 0.05), 0.95);
	struct deia__trail *worse = &p->trail[DEIA__WORSE];
	struct deia__trail *better = &p->trail[DEIA__BETTER];

	if (p->good + p->bad < KNOWN)
		return NULL;
	if (gather(worse, success ? log(0.5) : log((1 - was / 2) / (1 - was)),
		   TOO_LIKELY))
		return worse;
	/* One that nearly always succeeds cannot get much better. */
	if (was < 0.9 &&
	    gather(better, success ? log((1 + was) / 2 / was) : log(0.5),
		   TOO_LIKELY))
		return better;
	follow(worse, success, !success);
	follow(better, success, !success);
	return NULL;
}

/* Only what a trail saw is kept, or a part of all. */
static void keep_time(const deia_scheduler *s, struct deia__pair *p,
		      const struct deia__trail *trail)
{
	double noise = s->noise.v / s->noise.w;

	if (trail) {
		p->n = (double)trail->a;
		p->mean = p->n > 0 ? (double)trail->b / p->n : 0;
		p->square = p->n * noise;
		p->seconds = p->n * exp(fmin(p->mean + noise / 2, 20));
	} else {
		p->n *= KEPT;
		p->square *= KEPT;
		p->seconds *= KEPT;
	}
}

static void keep_success(struct deia__pair *p, const struct deia__trail *trail)
{
	double bad = p->bad;

	p->good = trail ? (double)trail->a : p->good * KEPT;
	p->bad = trail ? (double)trail->b : p->bad * KEPT;
	p->failed = bad > 0 ? p->failed * p->bad / bad : 0;
}

static void forget(deia_scheduler *s, struct deia__pair *p,
		   const struct deia__trail *time,
		   const struct deia__trail *success)
{
	keep_time(s, p, time);
	keep_success(p, success);
	for (int i = 0; i < DEIA__CHANGES; i++)
		p->trail[i] = (struct deia__trail){ 0 };
	p->changed = true;
}

void deia__change_look(deia_scheduler *s, struct deia__sched_type *t,
		       struct deia__sched_bot *b, double seconds, bool success)
{
	struct deia__pair *p = &t->pairs[b->index];
	const struct deia__trail *of_success = look_at_success(p, success);
	const struct deia__trail *of_time =
		success ? look_at_time(s, p, deia__sched_log(seconds)) : NULL;

	if (!of_success && !of_time)
		return;
	for (unsigned i = 0; i < s->n_types; i++) {
		struct deia__sched_type *other = s->types[i];

		deia__pair_age(&other->pairs[b->index], other->clock);
		forget(s, &other->pairs[b->index], other == t ? of_time : NULL,
		       other == t ? of_success : NULL);
		other->clock += HALF_LIVES / s->n_bots;
	}
	for (unsigned i = 0; i < s->n_types; i++)
		deia__pair_refresh(s, s->types[i], b);
}
