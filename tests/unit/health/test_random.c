/* SPDX-License-Identifier: MIT */
/*
 * Random values, rules, hands and gaps against a simple model of one watch,
 * and against what must hold after every look.
 *
 * The model keeps the whole past and looks at it anew each time: a level is
 * reached when all looks of the last for_ms reached it, and left when none of
 * the last keep_ms held it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/id.h"
#include "rig.h"

#define STEPS 400
#define SUBJECTS 3
#define SEEDS 300

static struct rig g;
static struct deia__rng rng;

static unsigned below(unsigned n)
{
	return (unsigned)(deia__rng_next(&rng) % n);
}

/* ---- the model ------------------------------------------------------------ */

struct look {
	int64_t ms;
	double value, also; /* NaN: unknown */
};

struct model {
	struct look past[STEPS];
	int n;
	bool on[DEIA_HEALTH_LEVELS];
	int64_t on_ms[DEIA_HEALTH_LEVELS]; /* since when */
	int level;			   /* -1: no alert */
	bool flaps;
	int64_t ended_ms; /* of the last alert; -1: there was none */
};

static struct deia_health_rule rule;

static bool is(deia_health_compare c, double v, double limit)
{
	switch (c) {
	case DEIA_HEALTH_ABOVE:
		return v > limit;
	case DEIA_HEALTH_AT_LEAST:
		return v >= limit;
	case DEIA_HEALTH_BELOW:
		return v < limit;
	default:
		return v <= limit;
	}
}

static bool reached(const struct look *l, int level)
{
	if (rule.n_also && !is(rule.also[0].compare, l->also, rule.also[0].at))
		return false;
	return is(rule.compare, l->value, rule.levels[level].at);
}

static bool held(const struct look *l, int level)
{
	if (rule.n_also &&
	    !is(rule.also[0].compare, l->also, rule.also[0].clear))
		return false;
	return is(rule.compare, l->value, rule.levels[level].clear);
}

/* Reached in every look of for_ms up to now. */
static bool reached_long(const struct model *m, int level)
{
	int64_t now = m->past[m->n - 1].ms;

	for (int i = m->n - 1; i >= 0; i--) {
		if (!reached(&m->past[i], level))
			return false;
		if (now - m->past[i].ms >= rule.levels[level].for_ms)
			return true;
	}
	return false;
}

/* Not held in any look of keep_ms up to now, since it is on. */
static bool left_long(const struct model *m, int level, int64_t keep)
{
	int64_t now = m->past[m->n - 1].ms, last = m->on_ms[level];

	for (int i = 0; i < m->n; i++)
		if (m->past[i].ms >= last && held(&m->past[i], level))
			last = m->past[i].ms;
	return now - last >= keep && !held(&m->past[m->n - 1], level);
}

static void model_look(struct model *m, struct look l)
{
	int level = -1;
	bool higher = false;
	int64_t keep = rule.keep_ms;

	m->past[m->n++] = l;
	if (m->flaps && keep < g.opts.flap_ms)
		keep = g.opts.flap_ms;
	for (int k = DEIA_HEALTH_LEVELS - 1; k >= 0; k--) {
		if (!rule.levels[k].used)
			continue;
		if (isnan(l.value)) {
			m->on[k] = false;
			continue;
		}
		if (m->on[k]) {
			m->on[k] = !left_long(m, k, keep);
		} else if (reached_long(m, k) || (higher && held(&l, k))) {
			m->on[k] = true;
			m->on_ms[k] = l.ms;
		}
		higher = higher || m->on[k];
		if (m->on[k] && level < 0)
			level = k;
	}
	if (level >= 0 && m->level < 0)
		m->flaps =
			m->ended_ms >= 0 && l.ms - m->ended_ms < g.opts.flap_ms;
	if (level < 0 && m->level >= 0)
		m->ended_ms = l.ms;
	m->level = level;
}

/* ---- the world --------------------------------------------------------------- */

static void make_rule(void)
{
	const struct deia_health_rule init = DEIA_HEALTH_RULE_INIT;
	double sign, at = 500, slack = 0;
	bool any = false;

	rule = init;
	rule.id = "r";
	rule.metric = "s.m";
	rule.compare = (deia_health_compare)below(DEIA_HEALTH_COMPARES);
	sign = rule.compare <= DEIA_HEALTH_AT_LEAST ? 1 : -1;
	rule.keep_ms = below(3) * 3000;
	slack = below(3) * 50;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
		at += sign * 100;
		if (below(3) == 0 && !(l == 2 && !any))
			continue;
		any = true;
		rule.levels[l] =
			(struct deia_health_limit){ true, at, at - sign * slack,
						    below(4) * 2000 };
	}
	if (below(2)) {
		rule.also[0] = (struct deia_health_condition){
			below(2) ? "s.n" : "n", DEIA_HEALTH_AT_LEAST, 500, 400
		};
		rule.n_also = 1;
	}
}

/* Steps of 50, so that limits are met exactly. */
static double some_value(double was)
{
	double v = (isnan(was) ? 500 : was) + 50 * ((double)below(9) - 4);

	return v < 0 ? 0 : v > 1000 ? 1000 : v;
}

static const char *const names[SUBJECTS] = { "one", "two", "three" };

static const struct deia_health_alert *firing_for(int i)
{
	const struct deia_health_alert *a = NULL, *found = NULL;

	while ((a = deia_health_next_alert(g.h, a)))
		if (a->state == DEIA_HEALTH_FIRING &&
		    strcmp(a->subject, names[i]) == 0) {
			ck_assert_ptr_null(found); /* one a cause */
			found = a;
		}
	return found;
}

static void check(const struct model *models, int seed, int step)
{
	unsigned by_level[DEIA_HEALTH_LEVELS] = { 0 };
	struct deia_health_summary s = rig_summary(&g);

	for (int i = 0; i < SUBJECTS; i++) {
		const struct deia_health_alert *a = firing_for(i);
		int level = a ? (int)a->level : -1;

		ck_assert_msg(level == models[i].level,
			      "seed %d, step %d, %s: %d instead of %d", seed,
			      step, names[i], level, models[i].level);
		if (a)
			by_level[level]++;
	}
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		ck_assert_uint_eq(s.firing[l], by_level[l]);
	ck_assert_int_eq(s.status, by_level[2]	 ? DEIA_HEALTH_IS_CRITICAL
				   : by_level[1] ? DEIA_HEALTH_IS_DEGRADED
						 : DEIA_HEALTH_IS_HEALTHY);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED] -
				  g.told[DEIA_HEALTH_ENDED],
			  by_level[0] + by_level[1] + by_level[2]);
	ck_assert((s.score < 90) == (s.status != DEIA_HEALTH_IS_HEALTHY) ||
		  s.score == 90);
	ck_assert((s.score < 50) == (s.status == DEIA_HEALTH_IS_CRITICAL));
}

/* Values move, some are forgotten; people acknowledge and silence. */
static void move(struct look *now)
{
	double n = rule.n_also && strcmp(rule.also[0].metric, "n") == 0
			   ? some_value(now[0].also)
			   : (double)NAN;

	for (int i = 0; i < SUBJECTS; i++) {
		struct look *l = &now[i];

		l->value = some_value(l->value);
		l->also = isnan(n) ? some_value(l->also) : n;
		if (below(20) == 0) {
			l->value = (double)NAN;
			deia_health_forget(g.h, "s.m", names[i]);
		} else {
			rig_put(&g, "s.m", names[i], l->value);
		}
		rig_put(&g, "s.n", names[i], l->also);
	}
	if (!isnan(n))
		rig_put(&g, "n", NULL, n);
}

static void meddle(void)
{
	const struct deia_health_alert *a = firing_for((int)below(SUBJECTS));
	int64_t at = RIG_UNIX_MS + g.now_ms;
	deia_err err = DEIA_OK;

	if (!a)
		return;
	if (below(2))
		err = deia_health_acknowledge(g.h, a->id, "eva", "", at);
	else
		err = deia_health_silence(g.h, a->id, "eva", "",
					  at + 1 + below(20000), at);
	ck_assert_int_eq(err, DEIA_OK);
}

START_TEST(it_judges_as_a_simple_model_does)
{
	static struct model models[SUBJECTS];
	struct look now[SUBJECTS] = { { 0, 500, 500 },
				      { 0, 500, 500 },
				      { 0, 500, 500 } };
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;

	deia__rng_init(&rng, (uint64_t)_i + 1);
	memset(models, 0, sizeof(models));
	for (int i = 0; i < SUBJECTS; i++)
		models[i].level = (int)(models[i].ended_ms = -1);
	o.flap_ms = below(2) ? 0 : 20000;
	rig_open(&g, &o);
	make_rule();
	rig_rule(&g, &rule);
	for (int step = 0; step < STEPS; step++) {
		move(now);
		rig_look(&g, 500 * (1 + below(5)));
		for (int i = 0; i < SUBJECTS; i++) {
			now[i].ms = g.now_ms;
			model_look(&models[i], now[i]);
		}
		check(models, _i + 1, step);
		if (below(10) == 0)
			meddle();
		if (below(50) == 0) /* the same rules again */
			rig_rule(&g, &rule);
	}
	rig_close(&g);
}
END_TEST

/* Everything at once; what must hold, holds. */
START_TEST(chaos_breaks_nothing)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;
	char name[16];

	deia__rng_init(&rng, (uint64_t)_i + 1000);
	o.max_alerts = 5 + below(20);
	rig_open(&g, &o);
	for (int step = 0; step < 2000; step++) {
		snprintf(name, sizeof(name), "B-%u", below(30));
		rig_put(&g, "bot.failed", name, below(2));
		rig_put(&g, "bot.offline", name, below(2));
		rig_put(&g, "store.down", NULL, below(10) == 0);
		if (below(5) == 0)
			deia_health_remove(g.h, "bot", name);
		if (below(3))
			rig_look(&g, below(100) ? 1 + below(9000) : 400000);
		if (below(9) == 0 && g.id[0]) {
			int64_t at = RIG_UNIX_MS + g.now_ms;
			deia_err err =
				below(2) ? deia_health_resolve(g.h, g.id, "e",
							       "", at)
					 : deia_health_silence(g.h, g.id, "e",
							       "", at + 5000,
							       at);

			ck_assert(err == DEIA_OK || err == DEIA_ESTATE ||
				  err == DEIA_ENOTFOUND);
		}
		if (below(200) == 0)
			rig_restart(&g);
		ck_assert_uint_le(rig_alerts(&g), o.max_alerts);
		ck_assert_uint_le(rig_firing(&g), rig_alerts(&g));
		ck_assert_uint_eq(rig_summary(&g).kept, rig_alerts(&g));
	}
	ck_assert_uint_gt(g.told[DEIA_HEALTH_GENERATED], 20);
	ck_assert_uint_le(g.told[DEIA_HEALTH_ENDED],
			  g.told[DEIA_HEALTH_GENERATED]);
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("random");

	tcase_add_loop_test(t, it_judges_as_a_simple_model_does, 0, SEEDS);
	tcase_add_loop_test(t, chaos_breaks_nothing, 0, 20);
	return rig_main("health-random", t);
}
