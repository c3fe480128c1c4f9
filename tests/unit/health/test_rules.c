/* SPDX-License-Identifier: MIT */
/*
 * Each built-in rule in virtual time: fires after its duration and not before,
 * keeps between its two limits, ends after keep; escalates and comes back.
 */
#include <math.h>
#include <stdio.h>

#include "rig.h"

static struct rig g;

/* What one rule is shown. One with `also` gets what makes it true. */
struct shown {
	const char *rule, *metric, *subject;
	deia_health_level level;
	double at;	 /* fires */
	double short_of; /* does not */
	double between;	 /* keeps, when it fires */
	double clear;
	int64_t for_seconds, keep_seconds;
	const char *also, *also_subject;
	double also_at, also_clear;
};

#define W DEIA_HEALTH_WARNING
#define C DEIA_HEALTH_CRITICAL
#define MIB 1048576.0
static const struct shown all[] = {
	{ "cpu", "host.cpu_ratio", NULL, W, 0.8, 0.79, 0.7, 0.69, 60, 120, NULL,
	  NULL, 0, 0 },
	{ "cpu", "host.cpu_ratio", NULL, C, 0.95, 0.94, 0.85, 0.84, 60, 120,
	  NULL, NULL, 0, 0 },
	{ "memory", "host.memory_ratio", NULL, W, 0.75, 0.749, 0.70, 0.69, 60,
	  120, NULL, NULL, 0, 0 },
	{ "memory", "host.memory_ratio", NULL, C, 0.90, 0.89, 0.85, 0.84, 60,
	  120, NULL, NULL, 0, 0 },
	{ "resources_exhausted", "host.cpu_ratio", NULL, C, 0.90, 0.89, 0.80,
	  0.79, 60, 120, "host.memory_ratio", NULL, 0.85, 0.79 },
	{ "disk", "disk.used_ratio", "/var", W, 0.90, 0.89, 0.88, 0.87, 60, 60,
	  NULL, NULL, 0, 0 },
	{ "disk", "disk.used_ratio", "/var", C, 0.95, 0.94, 0.93, 0.92, 60, 60,
	  NULL, NULL, 0, 0 },
	{ "descriptors", "process.descriptors_ratio", NULL, W, 0.80, 0.79, 0.70,
	  0.69, 60, 120, NULL, NULL, 0, 0 },
	{ "descriptors", "process.descriptors_ratio", NULL, C, 0.95, 0.94, 0.85,
	  0.84, 10, 120, NULL, NULL, 0, 0 },
	{ "loop_delay", "process.loop_delay_seconds", NULL, W, 0.25, 0.2, 0.1,
	  0.09, 60, 120, NULL, NULL, 0, 0 },
	{ "loop_delay", "process.loop_delay_seconds", NULL, C, 2, 1.9, 1, 0.9,
	  60, 120, NULL, NULL, 0, 0 },
	{ "store_down", "store.down", NULL, C, 1, 0, 1, 0, 5, 10, NULL, NULL, 0,
	  0 },
	{ "store_latency", "store.latency_seconds", NULL, W, 0.5, 0.4, 0.25,
	  0.2, 60, 120, NULL, NULL, 0, 0 },
	{ "store_latency", "store.latency_seconds", NULL, C, 5, 4, 2, 1.9, 60,
	  120, NULL, NULL, 0, 0 },
	{ "cache_down", "cache.down", NULL, W, 1, 0, 1, 0, 30, 30, NULL, NULL,
	  0, 0 },
	{ "model_down", "model.down", "http://127.0.0.1:11434", W, 1, 0, 1, 0,
	  30, 30, NULL, NULL, 0, 0 },
	{ "bots_down", "hive.bots_down_ratio", NULL, W, 0.5, 0.4, 0.3, 0.2, 60,
	  30, "hive.bots_wanted", NULL, 4, 2 },
	{ "bots_down", "hive.bots_down_ratio", NULL, C, 1, 0.99, 0.9, 0.8, 60,
	  30, "hive.bots_wanted", NULL, 4, 2 },
	{ "bot_failed", "bot.failed", "BOT-001", W, 1, 0, 1, 0, 0, 0, NULL,
	  NULL, 0, 0 },
	{ "bot_offline", "bot.offline", "BOT-001", W, 1, 0, 1, 0, 30, 60, NULL,
	  NULL, 0, 0 },
	{ "bot_success", "bot.success_ratio", "BOT-001", W, 0.29, 0.30, 0.49,
	  0.5, 60, 300, "bot.finished", "BOT-001", 5, 0 },
	{ "bot_leak", "bot.leak_bytes_per_hour", "BOT-001", W, 100 * MIB,
	  99 * MIB, 50 * MIB, 49 * MIB, 3600, 1800, NULL, NULL, 0, 0 },
	{ "queue_backlog", "queue.wait_seconds", "coding", W, 600, 599, 300,
	  299, 60, 120, "queue.depth", "coding", 10, 4 },
	{ "failed_messages", "hive.failed_messages", NULL, W, 5, 4, 1, 0, 0,
	  300, NULL, NULL, 0, 0 },
};
#define N_SHOWN (sizeof(all) / sizeof(*all))

/* Only the rule that is shown, and of it only the level. */
static void only(const struct shown *s, bool one_level)
{
	struct deia_health_rule r;

	for (size_t i = 0; deia_health_get_rule(g.h, i, &r); i++) {
		if (strcmp(r.id, s->rule) != 0)
			continue;
		for (int l = 0; l < DEIA_HEALTH_LEVELS && one_level; l++)
			r.levels[l].used &= l == (int)s->level;
		rig_rule(&g, &r);
		return;
	}
	ck_abort_msg("no rule %s", s->rule);
}

static void show(const struct shown *s, double v)
{
	rig_put(&g, s->metric, s->subject, v);
}

static void open_for(const struct shown *s, bool one_level)
{
	struct deia_health_opts quiet = DEIA_HEALTH_OPTS_INIT;

	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++)
		quiet.remind_ms[l] = 0;
	rig_open(&g, &quiet);
	only(s, one_level);
	if (s->also)
		rig_put(&g, s->also, s->also_subject, s->also_at);
	rig_look(&g, 0);
}

static void fire(const struct shown *s)
{
	show(s, s->at);
	rig_look(&g, 1000);
	rig_run(&g, RIG_SECONDS(s->for_seconds));
	ck_assert_uint_eq(rig_summary(&g).firing[s->level], 1);
}

START_TEST(it_fires_after_its_duration_and_not_before)
{
	const struct shown *s = &all[_i];

	open_for(s, true);
	show(s, s->short_of);
	rig_run(&g, RIG_SECONDS(2 * s->for_seconds + 10));
	ck_assert_str_eq(rig_log(&g), "");
	show(s, s->at);
	if (s->for_seconds > 0) {
		/* A moment without begins it anew. */
		rig_run(&g, RIG_SECONDS(s->for_seconds));
		show(s, s->short_of);
		rig_look(&g, 1000);
		show(s, s->at);
		rig_run(&g, RIG_SECONDS(s->for_seconds));
		ck_assert_str_eq(rig_log(&g), "");
	}
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 1);
	ck_assert_int_eq(rig_newest(&g)->level, s->level);
	ck_assert_int_eq(rig_newest(&g)->state, DEIA_HEALTH_FIRING);
	ck_assert_str_eq(rig_newest(&g)->rule, s->rule);
	ck_assert_str_eq(rig_newest(&g)->subject, s->subject ? s->subject : "");
	ck_assert_str_ne(rig_newest(&g)->text, "");
	ck_assert_str_ne(rig_newest(&g)->summary, "");
	rig_close(&g);
}
END_TEST

START_TEST(between_its_limits_it_stays)
{
	const struct shown *s = &all[_i];

	open_for(s, true);
	fire(s);
	rig_log(&g);
	show(s, s->between);
	rig_run(&g, RIG_SECONDS(2 * s->keep_seconds + 10));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 0);
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_close(&g);
}
END_TEST

START_TEST(it_ends_once_after_keep)
{
	const struct shown *s = &all[_i];

	open_for(s, true);
	fire(s);
	show(s, s->clear);
	if (s->keep_seconds > 0) {
		rig_run(&g, RIG_SECONDS(s->keep_seconds - 1));
		ck_assert_uint_eq(rig_firing(&g), 1);
	}
	rig_run(&g, RIG_SECONDS(2));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_run(&g, RIG_HOURS(1));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 1);
	ck_assert_int_eq(rig_newest(&g)->end, DEIA_HEALTH_CLEARED);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_HEALTHY);
	ck_assert_uint_eq(rig_summary(&g).score, 100);
	rig_close(&g);
}
END_TEST

START_TEST(what_else_it_asks_for_must_hold_at_first_and_to_stay)
{
	const struct shown *s = &all[_i];

	if (!s->also) {
		ck_assert_ptr_null(s->also_subject);
		return;
	}
	open_for(s, true);
	rig_put(&g, s->also, s->also_subject, s->also_clear);
	show(s, s->at);
	rig_run(&g, RIG_SECONDS(s->for_seconds + 10));
	ck_assert_str_eq(rig_log(&g), "");
	deia_health_forget(g.h, s->also, s->also_subject);
	rig_run(&g, RIG_SECONDS(s->for_seconds + 10));
	ck_assert_str_eq(rig_log(&g), "");
	rig_put(&g, s->also, s->also_subject, s->also_at);
	fire(s);
	rig_put(&g, s->also, s->also_subject, s->also_clear);
	rig_run(&g, RIG_SECONDS(s->keep_seconds + 2));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_close(&g);
}
END_TEST

/* Rules with a warning and a critical level, the latter in all[]. */
static const struct shown *find_two_levels(size_t n)
{
	for (size_t i = 1; i < N_SHOWN; i++)
		if (all[i].level == C &&
		    strcmp(all[i].rule, all[i - 1].rule) == 0 && n-- == 0)
			return &all[i];
	return NULL;
}

static const struct shown *two_levels(size_t n)
{
	const struct shown *s = find_two_levels(n);

	if (!s)
		ck_abort_msg("there are not so many");
	return s;
}
#define N_TWO 7

START_TEST(two_levels_make_one_alert_that_goes_up_and_down)
{
	const struct shown *c = two_levels((size_t)_i), *w = c - 1;
	int64_t long_enough = RIG_SECONDS(w->for_seconds + c->for_seconds +
					  w->keep_seconds + 2);

	open_for(c, false);
	show(w, w->at);
	rig_run(&g, long_enough);
	ck_assert_int_eq(rig_newest(&g)->level, W);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_DEGRADED);
	show(c, c->at);
	rig_run(&g, long_enough);
	ck_assert_int_eq(rig_newest(&g)->level, C);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_CRITICAL);
	/* Back through the middle, and over. */
	show(c, c->clear);
	rig_run(&g, long_enough);
	ck_assert_int_eq(rig_newest(&g)->level, W);
	ck_assert_int_eq(rig_newest(&g)->peak, C);
	show(w, w->clear);
	rig_run(&g, long_enough);
	ck_assert_int_eq(rig_newest(&g)->state, DEIA_HEALTH_RESOLVED);
	ck_assert_uint_eq(rig_alerts(&g), 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ESCALATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_DEESCALATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 2);
	rig_close(&g);
}
END_TEST

/* Straight to the top, then straight down. */
START_TEST(critical_at_once_is_one_alert)
{
	const struct shown *c = two_levels((size_t)_i);

	open_for(c, false);
	show(c, c->at);
	rig_run(&g, RIG_SECONDS(c->for_seconds + 2));
	ck_assert_int_eq(rig_newest(&g)->level, C);
	show(c, (c - 1)->clear);
	rig_run(&g, RIG_SECONDS(c->keep_seconds + 2));
	ck_assert_uint_eq(rig_firing(&g), 0);
	ck_assert_uint_eq(rig_alerts(&g), 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 1);
	rig_close(&g);
}
END_TEST

/* Above and below by turns, for an hour. */
START_TEST(flapping_makes_one_alert)
{
	const struct shown *s = &all[_i];
	int64_t down = s->keep_seconds > 4 ? s->keep_seconds - 2 : 2;
	unsigned allowed = s->keep_seconds > 0 ? 1 : 2;

	open_for(s, true);
	for (int k = 0; k < 30; k++) {
		show(s, s->at);
		rig_run(&g, RIG_SECONDS(s->for_seconds + 2));
		show(s, s->clear);
		rig_run(&g, RIG_SECONDS(down));
	}
	ck_assert_uint_le(rig_alerts(&g), allowed);
	ck_assert_uint_ge(rig_alerts(&g), 1);
	ck_assert_uint_ge(rig_newest(&g)->relapses, 25);
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_run(&g, RIG_MINUTES(31));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_close(&g);
}
END_TEST

/* The table knows every rule, and nothing that is not in it. */
START_TEST(every_rule_is_in_the_table)
{
	const struct deia_health_rule *rules;
	size_t n, levels = 0;

	rules = deia_health_default_rules(&n);
	for (size_t i = 0; i < n; i++)
		for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
			size_t found = 0;

			if (!rules[i].levels[l].used)
				continue;
			levels++;
			for (size_t k = 0; k < N_SHOWN; k++)
				found +=
					strcmp(all[k].rule, rules[i].id) == 0 &&
					(int)all[k].level == l;
			ck_assert_msg(found == 1, "%s", rules[i].id);
		}
	ck_assert_uint_eq(levels, N_SHOWN);
	ck_assert_ptr_nonnull(find_two_levels(N_TWO - 1));
	ck_assert_ptr_null(find_two_levels(N_TWO));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rules");

	tcase_add_test(t, every_rule_is_in_the_table);
	tcase_add_loop_test(t, it_fires_after_its_duration_and_not_before, 0,
			    (int)N_SHOWN);
	tcase_add_loop_test(t, between_its_limits_it_stays, 0, (int)N_SHOWN);
	tcase_add_loop_test(t, it_ends_once_after_keep, 0, (int)N_SHOWN);
	tcase_add_loop_test(
		t, what_else_it_asks_for_must_hold_at_first_and_to_stay, 0,
		(int)N_SHOWN);
	tcase_add_loop_test(t, two_levels_make_one_alert_that_goes_up_and_down,
			    0, N_TWO);
	tcase_add_loop_test(t, critical_at_once_is_one_alert, 0, N_TWO);
	tcase_add_loop_test(t, flapping_makes_one_alert, 0, (int)N_SHOWN);
	return rig_main("health-rules", t);
}
