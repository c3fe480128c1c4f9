/* SPDX-License-Identifier: MIT */
/*
 * A normal night: eight hours in which models of this machine work, so that
 * its CPU is busy. Nobody is called.
 */
#include <stdio.h>

#include "core/id.h"
#include "rig.h"

static struct rig g;

/* One second of two bots on one model; turns of some minutes, short pauses. */
struct night {
	struct deia__rng rng;
	int turn, pause; /* seconds left */
	double success;
};

static double ratio(struct night *n)
{
	return deia__rng_ratio(&n->rng);
}

static void second(struct night *n, int64_t s)
{
	bool works;

	if (n->turn > 0 && --n->turn == 0)
		n->pause = 1 + (int)(ratio(n) * 5);
	else if (n->turn == 0 && --n->pause <= 0)
		n->turn = 10 + (int)(ratio(n) * 900);
	works = n->turn > 0;
	rig_put(&g, "host.local_turns", NULL, works ? 1 + (ratio(n) < 0.5) : 0);
	/* The meter is late: it still shows the last seconds of a turn. */
	rig_put(&g, "host.cpu_ratio", NULL,
		works || n->pause > 1 ? 0.96 + 0.04 * ratio(n)
				      : 0.1 + 0.2 * ratio(n));
	rig_put(&g, "host.memory_ratio", NULL, 0.60 + 0.10 * ratio(n));
	rig_put(&g, "process.loop_delay_seconds", NULL,
		ratio(n) < 0.01 ? 0.4 : 0.004 * ratio(n));
	rig_put(&g, "store.latency_seconds", NULL, 0.005 + 0.1 * ratio(n));
	rig_put(&g, "process.descriptors_ratio", NULL, 0.05);
	rig_put(&g, "disk.used_ratio", "/", 0.5 + 0.0001 * (double)(s % 1000));
	/* Eight tasks were left for the night: they wait, as they should. */
	rig_put(&g, "queue.depth", "coding", (double)(8 - s / 3600));
	rig_put(&g, "queue.wait_seconds", "coding", (double)s);
	rig_put(&g, "store.down", NULL, 0);
	rig_put(&g, "model.down", "http://127.0.0.1:11434", ratio(n) < 0.001);
	for (int b = 0; b < 2; b++) {
		const char *bot = b ? "BOT-002" : "BOT-001";

		rig_put(&g, "bot.failed", bot, 0);
		rig_put(&g, "bot.finished", bot, (double)(s / 400));
		rig_put(&g, "bot.success_ratio", bot, 0.6 + 0.3 * ratio(n));
		rig_put(&g, "bot.leak_bytes_per_hour", bot,
			ratio(n) < 0.1 ? 2e8 : 0);
	}
	rig_put(&g, "hive.bots_down_ratio", NULL, ratio(n) < 0.001 ? 0.5 : 0);
	rig_put(&g, "hive.failed_messages", NULL, 1);
}

static void sleep_well(uint64_t seed, int64_t suspended_at_s)
{
	struct night n = { .pause = 1 };

	rig_open(&g, NULL);
	deia__rng_init(&n.rng, seed);
	for (int64_t s = 0; s < 8 * 3600; s++) {
		second(&n, s);
		rig_look(&g, s == suspended_at_s ? RIG_HOURS(3) : 1000);
	}
	ck_assert_str_eq(rig_log(&g), "");
	ck_assert_uint_eq(rig_alerts(&g), 0);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_HEALTHY);
	ck_assert_uint_eq(rig_summary(&g).score, 100);
	rig_close(&g);
}

START_TEST(a_night_of_a_busy_local_model_calls_nobody)
{
	sleep_well((uint64_t)_i + 1, -1);
}
END_TEST

START_TEST(nor_does_one_with_a_suspended_laptop)
{
	sleep_well((uint64_t)_i + 100, 3600 * (_i + 1));
}
END_TEST

/* The same CPU without a turn: somebody else takes it. */
START_TEST(a_busy_cpu_without_a_model_at_work_is_told)
{
	rig_open(&g, NULL);
	rig_put(&g, "host.cpu_ratio", NULL, 1);
	rig_put(&g, "host.local_turns", NULL, 1);
	rig_run(&g, RIG_HOURS(1));
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_put(&g, "host.local_turns", NULL, 0);
	rig_run(&g, RIG_SECONDS(60));
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_look(&g, 1000);
	ck_assert_int_eq(rig_newest(&g)->level, DEIA_HEALTH_CRITICAL);
	/* A turn does not end what fires, and does not keep it. */
	rig_put(&g, "host.local_turns", NULL, 2);
	rig_run(&g, RIG_MINUTES(10));
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_put(&g, "host.cpu_ratio", NULL, 0.3);
	rig_run(&g, RIG_MINUTES(3));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_close(&g);
}
END_TEST

/* What really goes wrong in such a night is told. */
START_TEST(with_no_memory_left_a_local_model_is_no_excuse)
{
	rig_open(&g, NULL);
	rig_put(&g, "host.cpu_ratio", NULL, 0.97);
	rig_put(&g, "host.local_turns", NULL, 1);
	rig_put(&g, "host.memory_ratio", NULL, 0.87);
	rig_run(&g, RIG_MINUTES(2));
	ck_assert_ptr_nonnull(
		strstr(rig_log(&g), "generated resources_exhausted critical"));
	ck_assert_str_eq(
		rig_newest(&g)->summary,
		"CPU of the machine 97 % (>= 90 %), memory of the machine in "
		"use 87 % (>= 85 %)");
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("night");

	tcase_add_loop_test(t, a_night_of_a_busy_local_model_calls_nobody, 0,
			    5);
	tcase_add_loop_test(t, nor_does_one_with_a_suspended_laptop, 0, 3);
	tcase_add_test(t, a_busy_cpu_without_a_model_at_work_is_told);
	tcase_add_test(t, with_no_memory_left_a_local_model_is_no_excuse);
	return rig_main("health-night", t);
}
