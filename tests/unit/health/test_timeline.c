/* SPDX-License-Identifier: MIT */
/* The timeline: an hour, a day, a month, and no more. */
#include <math.h>
#include <stdlib.h>

#include "rig.h"

static struct rig g;
static struct deia_health_point points[3000];

static size_t ask(double hours)
{
	return deia_health_timeline(g.h, hours, points, 3000);
}

static size_t place(const char *metric)
{
	const char *name;
	size_t i = 0;

	while ((name = deia_health_kept_metric(g.h, i)) &&
	       strcmp(name, metric) != 0)
		i++;
	ck_assert_ptr_nonnull(name);
	return i;
}

/* A look every minute: cpu is the minute of the hour / 100. */
static void go(int64_t minutes)
{
	for (int64_t m = 0; m < minutes; m++) {
		rig_put(&g, "host.cpu_ratio", NULL,
			(double)(g.now_ms / 60000 % 60) / 100);
		rig_look(&g, 60000);
	}
}

START_TEST(each_span_has_its_grain)
{
	size_t cpu, n;

	rig_open(&g, NULL);
	cpu = place("host.cpu_ratio");
	go(60 * 24 * 31);
	n = ask(1);
	ck_assert_uint_ge(n, 60); /* a look a minute: a point a minute */
	ck_assert_uint_le(n, 61);
	ck_assert_uint_eq(points[0].seconds, 5);
	n = ask(24);
	ck_assert_uint_ge(n, 1440);
	ck_assert_uint_le(n, 1441);
	ck_assert_uint_eq(points[0].seconds, 60);
	n = ask(720);
	ck_assert_uint_ge(n, 2880);
	ck_assert_uint_le(n, 2881);
	ck_assert_uint_eq(points[0].seconds, 900);
	for (size_t i = 1; i < n; i++) {
		ck_assert_int_eq(points[i].at_unix_ms -
					 points[i - 1].at_unix_ms,
				 900000);
		ck_assert_double_le(points[i].mean[cpu], points[i].max[cpu]);
	}
	/* Of a quarter: the mean of fifteen steps of 0.01, and the last. */
	ck_assert_double_eq_tol(points[1].max[cpu] - points[1].mean[cpu], 0.07,
				0.005);
	ck_assert_uint_eq(ask(1e9), n);
	rig_close(&g);
}
END_TEST

START_TEST(part_of_a_span_is_what_is_asked_for)
{
	rig_open(&g, NULL);
	go(60 * 24);
	ck_assert_uint_le(ask(0.5), 31);
	ck_assert_uint_ge(ask(0.5), 30);
	ck_assert_uint_ge(ask(6), 360);
	ck_assert_uint_le(ask(6), 361);
	ck_assert_uint_eq(deia_health_timeline(g.h, 6, points, 10), 10);
	ck_assert_int_eq(points[9].at_unix_ms / 60000,
			 (RIG_UNIX_MS + g.now_ms) / 60000);
	ck_assert_uint_eq(ask(0), 0);
	ck_assert_uint_eq(ask(-1), 0);
	ck_assert_uint_eq(ask((double)NAN), 0);
	rig_close(&g);
}
END_TEST

START_TEST(a_point_has_the_worst_of_its_time)
{
	size_t memory, cpu;

	rig_open(&g, NULL);
	memory = place("host.memory_ratio");
	cpu = place("host.cpu_ratio");
	rig_run(&g, RIG_SECONDS(50));
	rig_put(&g, "host.memory_ratio", NULL, 0.5);
	rig_put(&g, "bot.failed", "B", 1);
	rig_look(&g, 1000);
	rig_put(&g, "bot.failed", "B", 0);
	rig_put(&g, "host.memory_ratio", NULL, 0.25);
	rig_look(&g, 1000);
	ck_assert_uint_eq(ask(24), 1);
	ck_assert_int_eq(points[0].status, DEIA_HEALTH_IS_DEGRADED);
	ck_assert_uint_eq(points[0].score, 90);
	ck_assert_uint_eq(points[0].firing, 1);
	ck_assert_double_eq(points[0].mean[memory], 0.375);
	ck_assert_double_eq(points[0].max[memory], 0.5);
	ck_assert_double_nan(points[0].mean[cpu]);
	ck_assert_double_nan(points[0].max[cpu]);
	rig_look(&g, 10000);
	ck_assert_uint_eq(ask(24), 2);
	ck_assert_int_eq(points[1].status, DEIA_HEALTH_IS_HEALTHY);
	rig_close(&g);
}
END_TEST

START_TEST(a_gap_has_no_points)
{
	size_t n;

	rig_open(&g, NULL);
	go(10);
	rig_look(&g, RIG_HOURS(5));
	go(10);
	n = ask(24);
	ck_assert_uint_ge(n, 20);
	ck_assert_uint_le(n, 22);
	ck_assert_uint_le(ask(1), 12);
	rig_close(&g);
}
END_TEST

START_TEST(without_a_timeline_there_is_none)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;

	o.no_timeline = true;
	rig_open(&g, &o);
	ck_assert_uint_eq(ask(1), 0);
	go(10);
	ck_assert_uint_eq(ask(1), 0);
	rig_close(&g);
	rig_open(&g, NULL);
	ck_assert_uint_eq(ask(1), 0); /* nobody looked yet */
	ck_assert_ptr_null(deia_health_kept_metric(g.h, DEIA_HEALTH_KEPT));
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("timeline");

	tcase_add_test(t, each_span_has_its_grain);
	tcase_add_test(t, part_of_a_span_is_what_is_asked_for);
	tcase_add_test(t, a_point_has_the_worst_of_its_time);
	tcase_add_test(t, a_gap_has_no_points);
	tcase_add_test(t, without_a_timeline_there_is_none);
	return rig_main("health-timeline", t);
}
