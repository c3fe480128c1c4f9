/* SPDX-License-Identifier: MIT */
/*
 * How well the learned policy sends tasks, in virtual time: the limits of the
 * project, on fewer seeds than ./dev bench takes. All is drawn from seeds, so
 * the figures are the same on every machine and whatever else runs there.
 */
#include <check.h>
#include <stdlib.h>

#include "sim.h"

/* Few enough to be done in some seconds. */
#define SEEDS 3
#define FIRST_SEED 5001

static const enum sim_scenario four[] = { SIM_STATIONARY, SIM_DRIFT, SIM_ABRUPT,
					  SIM_DEATH };

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figures {
	double median, worst, success;
};

/* The ratio of a policy's mean time to success to the oracle's. */
static struct figures measure(struct sim_setup set, unsigned kind,
			      unsigned seeds)
{
	struct figures f = { 0 };
	double ratio[20];

	for (unsigned i = 0; i < seeds; i++) {
		struct sim_result oracle, r;

		set.seed = FIRST_SEED + i;
		oracle = sim_run(&set, SIM_ORACLE, NULL);
		r = sim_run(&set, kind, NULL);
		ratio[i] = r.mean / oracle.mean;
		f.success += r.success / seeds;
	}
	qsort(ratio, seeds, sizeof(*ratio), by_value);
	f.median = (ratio[seeds / 2] + ratio[(seeds - 1) / 2]) / 2;
	f.worst = ratio[seeds - 1];
	return f;
}

/* The average over the four scenarios; *worst of all seeds. */
static double average(struct sim_setup set, unsigned seeds, double *worst)
{
	double sum = 0;

	*worst = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct figures f;

		set.scenario = four[i];
		f = measure(set, SIM_LEARNED, seeds);
		sum += f.median;
		if (f.worst > *worst)
			*worst = f.worst;
	}
	return sum / 4;
}

START_TEST(at_low_load_it_is_close_to_the_oracle)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .load = 0.3, .tasks = 20000
	};
	double worst, mean = average(set, SEEDS, &worst);

	ck_assert_msg(mean <= 1.15, "%.3f", mean);
	ck_assert_msg(worst <= 1.4, "worst seed %.3f", worst);
}
END_TEST

START_TEST(at_high_load_it_is_close_to_the_oracle)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .load = 0.6, .tasks = 20000
	};
	double worst, mean = average(set, SEEDS, &worst);

	ck_assert_msg(mean <= 1.25, "%.3f", mean);
}
END_TEST

START_TEST(sixty_bots_are_learned_soon_enough)
{
	struct sim_setup set = {
		.bots = 60, .types = 8, .load = 0.5, .tasks = 20000
	};
	double worst, mean = average(set, 3, &worst);

	ck_assert_msg(mean <= 1.5, "%.3f", mean);
}
END_TEST

START_TEST(a_cold_start_costs_little)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .load = 0.3, .tasks = 2000
	};
	struct figures f = measure(set, SIM_LEARNED, 10);

	ck_assert_msg(f.median <= 1.4, "%.3f", f.median);
}
END_TEST

START_TEST(black_holes_swallow_nothing)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .load = 0.3, .tasks = 20000
	};

	set.scenario = _i ? SIM_FAST_WRONG : SIM_ABRUPT;
	ck_assert_double_ge(measure(set, SIM_LEARNED, SEEDS).success, 0.9999);
}
END_TEST

START_TEST(no_other_policy_does_better)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .load = 0.3, .tasks = 6000
	};
	double learned;

	set.scenario = four[_i % 4];
	set.load = _i < 4 ? 0.3 : 0.6;
	learned = measure(set, SIM_LEARNED, 3).median;
	for (unsigned k = SIM_LEAST_LOADED; k < SIM_RIVAL + sim_rivals_len;
	     k++) {
		double other = measure(set, k, 3).median;

		ck_assert_msg(learned <= other, "%s: %.3f, learned %.3f",
			      sim_kind_name(k), other, learned);
	}
}
END_TEST

START_TEST(twenty_tasks_a_day_are_enough_to_learn)
{
	struct sim_setup set = {
		.bots = 12, .types = 6, .tasks = 1120, .scenario = SIM_SPARSE
	};
	double first = 0, last = 0;

	for (unsigned i = 0; i < 10; i++) {
		struct sim_setup week = set;

		set.seed = week.seed = FIRST_SEED + i;
		week.tasks = 140;
		first += sim_run(&week, SIM_LEARNED, NULL).mean /
			 sim_run(&week, SIM_ORACLE, NULL).mean / 10;
		last += sim_run(&set, SIM_LEARNED, NULL).late_mean /
			sim_run(&set, SIM_ORACLE, NULL).late_mean / 10;
	}
	ck_assert_msg(last < 1.35 && last < first * 0.75,
		      "first week %.3f, last weeks %.3f", first, last);
}
END_TEST

/* Worlds that are not like the one above, and what each may cost at most. Where
 * pairs differ by far more than usual, one try of a bad one costs more than a
 * hundred good runs; bursts come at nine tenths of what can be served. */
static const struct {
	struct sim_setup set;
	double most;
} others[] = {
	{ { .bots = 12, .types = 6, .load = 0.4, .mixed = 0.2 }, 1.35 },
	{ { .bots = 12, .types = 6, .load = 0.4, .mixed = 2 }, 2.5 },
	{ { .bots = 12, .types = 6, .load = 0.4, .sigma = 0.1 }, 1.35 },
	{ { .bots = 12, .types = 6, .load = 0.4, .sigma = 1.2 }, 1.35 },
	{ { .bots = 3, .types = 2, .load = 0.4 }, 1.35 },
	{ { .bots = 12, .types = 6, .load = 0.4, .scenario = SIM_SPECIALISTS },
	  1.35 },
	{ { .bots = 12, .types = 6, .load = 0.4, .scenario = SIM_JOIN }, 1.35 },
	{ { .bots = 12, .types = 6, .load = 0.3, .scenario = SIM_BURSTS },
	  1.6 },
};
#define OTHERS (int)(sizeof(others) / sizeof(others[0]))

START_TEST(other_worlds_are_learned_as_well)
{
	struct sim_setup set = others[_i].set;
	struct figures f;

	set.tasks = 10000;
	f = measure(set, SIM_LEARNED, 3);
	ck_assert_msg(f.median <= others[_i].most, "world %d: %.3f", _i,
		      f.median);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scheduler-quality");
	TCase *tc = tcase_create("quality");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 0); /* meson has one */
	tcase_add_test(tc, at_low_load_it_is_close_to_the_oracle);
	tcase_add_test(tc, at_high_load_it_is_close_to_the_oracle);
	tcase_add_test(tc, sixty_bots_are_learned_soon_enough);
	tcase_add_test(tc, a_cold_start_costs_little);
	tcase_add_loop_test(tc, black_holes_swallow_nothing, 0, 2);
	tcase_add_loop_test(tc, no_other_policy_does_better, 0, 8);
	tcase_add_test(tc, twenty_tasks_a_day_are_enough_to_learn);
	tcase_add_loop_test(tc, other_worlds_are_learned_as_well, 0, OTHERS);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
