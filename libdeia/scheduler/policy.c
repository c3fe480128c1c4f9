/* SPDX-License-Identifier: MIT */
/*
 * policy.c - the policies: each gives every bot a score, least is best.
 *
 * The loops are over plain arrays, without branches, so that a compiler makes
 * vector instructions of them.
 */
#include "scheduler/scheduler.h"

/* What the failure of the last try costs, in usual runs; of the one before it
 * a quarter, and so on: fewer failures for the same mean time (measured). */
#define LAST_RUNS 5

/* What is the same for all bots in one scan; seconds from base_ms. */
struct moment {
	float now, failure;
};

/* The pointers are parameters, for gcc -O2 believes only those `restrict`. */
static void weigh(float *restrict score, const float *restrict end,
		  const float *restrict late, const float *restrict queue,
		  const float *restrict share, const float *restrict price,
		  const float *restrict need, const float *restrict tries,
		  unsigned top, struct moment m)
{
	unsigned len = (top + DEIA__LANES - 1) & ~(DEIA__LANES - 1);
	float quarter = m.now / 4;

	for (unsigned i = 0; i < len; i++) {
		float left = end[i] - m.now, least = late[i] + quarter;

		left = left > least ? left : least;
		score[i] = ((left + queue[i]) * share[i] + price[i] * need[i] +
			    m.failure) *
				   tries[i] -
			   m.failure;
	}
}

/*
 * Least expected time to success. A try costs the wait, the run at the price of
 * its bot, and, when it fails, the wait of another try; the least of cost over
 * success is what to try first. The price is INFINITY where a bot must not be
 * chosen.
 */
static void score_learned(deia_scheduler *s, const struct deia__sched_type *t,
			  double failure)
{
	struct moment m = { (float)((double)(s->now_ms - s->base_ms) / 1000),
			    (float)failure };

	weigh(s->score, s->at.end, s->at.late, s->at.queue, s->at.share,
	      s->at.price, t->need, t->tries, s->top, m);
}

static void score_least_loaded(deia_scheduler *s,
			       const struct deia__sched_type *t, double failure)
{
	(void)t;
	(void)failure;
	for (unsigned i = 0; i < deia__sched_lanes(s); i++)
		s->score[i] = isinf(s->at.price[i]) ? INFINITY : s->at.load[i];
}

/* One after another; those without room come after all that have some. */
static void score_round_robin(deia_scheduler *s,
			      const struct deia__sched_type *t, double failure)
{
	(void)t;
	(void)failure;
	for (unsigned i = 0; i < deia__sched_lanes(s); i++) {
		unsigned after = (i + s->top - s->turn % s->top) % s->top;
		float full = s->at.share[i] > 0 ? s->at.load[i] : 0;

		s->score[i] = isinf(s->at.price[i])
				      ? INFINITY
				      : (float)after + full * (float)s->top;
	}
}

static void (*const policies[DEIA_POLICIES])(deia_scheduler *s,
					     const struct deia__sched_type *t,
					     double failure) = {
	[DEIA_POLICY_LEARNED] = score_learned,
	[DEIA_POLICY_LEAST_LOADED] = score_least_loaded,
	[DEIA_POLICY_ROUND_ROBIN] = score_round_robin,
};

void deia__policy_score(deia_scheduler *s, const struct deia__sched_type *t,
			unsigned attempts_left)
{
	double failure = s->wait, left = attempts_left;

	if (attempts_left > 0)
		failure += LAST_RUNS * s->service / (left * left);
	policies[s->opts.policy](s, t, failure);
}

double deia__policy_wait(const deia_scheduler *s, unsigned i)
{
	float now = (float)((double)(s->now_ms - s->base_ms) / 1000);
	float left = fmaxf(s->at.end[i] - now, s->at.late[i] + now / 4);

	return (double)((left + s->at.queue[i]) * s->at.share[i]);
}
