/* SPDX-License-Identifier: MIT */
/* What outcomes teach, what is forgotten, and how it is kept. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "rig.h"

static struct rig r;

static void setup(void)
{
	rig_init(&r, 4, 3, NULL);
}

static void teardown(void)
{
	rig_fini(&r);
}

static struct deia_scheduler_outcome outcome(const char *bot, const char *type,
					     double seconds, bool success)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;

	o.bot = bot;
	o.type = type;
	o.seconds = seconds;
	o.success = success;
	return o;
}

START_TEST(numbers_that_cannot_be_are_refused_and_change_nothing)
{
	static const double bad[] = { (double)NAN, (double)INFINITY,
				      -(double)INFINITY, -1, 31536001 };
	struct deia_scheduler_outcome o;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o = outcome("a", "x", bad[i], true);
		ck_assert_int_eq(deia_scheduler_record(r.s, &o, r.now_ms),
				 DEIA_EINVAL);
		ck_assert_int_eq(
			deia_scheduler_correct(r.s, &o, false, r.now_ms),
			DEIA_EINVAL);
	}
	o = outcome("nobody", "x", 1, true);
	ck_assert_int_eq(deia_scheduler_record(r.s, &o, 1), DEIA_ENOTFOUND);
	o = outcome("a", "nothing", 1, true);
	ck_assert_int_eq(deia_scheduler_record(r.s, &o, 1), DEIA_ENOTFOUND);
	o = outcome(NULL, NULL, 1, true);
	ck_assert_int_eq(deia_scheduler_record(r.s, &o, 1), DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scheduler_record(r.s, NULL, 1), DEIA_EINVAL);
	ck_assert_uint_eq(rig_pair(&r, "a", "x").samples, 0);
	ck_assert_ptr_null(deia_scheduler_history(r.s, 0));
	/* Nothing at all and very much are fine. */
	rig_record(&r, "a", "x", 0, true, 3);
	rig_record(&r, "b", "x", 31536000, true, 3);
	ck_assert(isfinite(rig_pair(&r, "a", "x").expected_seconds));
	ck_assert(isfinite(rig_pair(&r, "b", "x").seconds_to_success));
	ck_assert_str_ne(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(names_that_cannot_be_are_refused)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;
	char longest[DEIA_MAX_ID_LEN + 2];

	memset(longest, 'n', sizeof(longest));
	longest[DEIA_MAX_ID_LEN + 1] = '\0';
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, longest, &b, 1),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_scheduler_add_type(r.s, longest), DEIA_EINVAL);
	longest[DEIA_MAX_ID_LEN] = '\0';
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, longest, &b, 1), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_add_type(r.s, longest), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "", &b, 1), DEIA_EINVAL);
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "a b", &b, 1),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, NULL, &b, 1), DEIA_EINVAL);
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "a", NULL, 1),
			 DEIA_EINVAL);
	b.max_concurrent = 0;
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "a", &b, 1), DEIA_EINVAL);
	b.max_concurrent = DEIA_MAX_CONCURRENT + 1;
	ck_assert_int_eq(deia_scheduler_set_bot(r.s, "a", &b, 1), DEIA_EINVAL);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	static const struct deia_scheduler_opts init = DEIA_SCHEDULER_OPTS_INIT;
	struct deia_scheduler_opts bad[8];
	deia_scheduler *s;

	for (size_t i = 0; i < 8; i++)
		bad[i] = init;
	bad[0].half_life_seconds = (double)NAN;
	bad[1].half_life_outcomes = 0;
	bad[2].optimism = -0.1;
	bad[3].load_price = (double)INFINITY;
	bad[4].max_bots = 0;
	bad[5].max_types = DEIA_MAX_TASK_TYPES + 1;
	bad[6].max_pause_ms = 1;
	bad[7].policy = (deia_scheduler_policy)9;
	for (size_t i = 0; i < 8; i++) {
		ck_assert_int_eq(deia_scheduler_new(&s, &bad[i]), DEIA_EINVAL);
		ck_assert_ptr_null(s);
	}
}
END_TEST

START_TEST(bots_and_types_have_limits)
{
	struct deia_scheduler_opts o = DEIA_SCHEDULER_OPTS_INIT;
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;
	struct rig m;

	o.max_bots = 2;
	o.max_types = 2;
	rig_init(&m, 2, 2, &o);
	ck_assert_int_eq(deia_scheduler_set_bot(m.s, "c", &b, 1), DEIA_ELIMIT);
	ck_assert_int_eq(deia_scheduler_add_type(m.s, "z"), DEIA_ELIMIT);
	ck_assert_int_eq(deia_scheduler_add_type(m.s, "y"), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_remove_bot(m.s, "a"), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_remove_type(m.s, "x"), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_set_bot(m.s, "c", &b, 1), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_add_type(m.s, "z"), DEIA_OK);
	ck_assert_str_eq(deia_scheduler_bot_at(m.s, 0), "c");
	ck_assert_str_eq(deia_scheduler_bot_at(m.s, 1), "b");
	ck_assert_ptr_null(deia_scheduler_bot_at(m.s, 2));
	ck_assert_str_eq(deia_scheduler_type_at(m.s, 1), "z");
	ck_assert_ptr_null(deia_scheduler_type_at(m.s, 2));
	rig_fini(&m);
}
END_TEST

START_TEST(averages_are_those_of_what_was_recorded)
{
	struct deia_scheduler_pair p;

	rig_record(&r, "a", "x", 10, true, 3);
	rig_record(&r, "a", "x", 99, false, 1);
	p = rig_pair(&r, "a", "x");
	ck_assert_uint_eq(p.samples, 4);
	ck_assert_uint_eq(p.successes, 3);
	ck_assert_double_eq_tol(p.avg_seconds, 10, 1e-9);
	ck_assert_double_eq_tol(p.success_ratio, 0.75, 0.01);
	rig_record(&r, "b", "x", 7, false, 2);
	ck_assert_double_eq_tol(rig_pair(&r, "b", "x").avg_seconds, 7, 1e-9);
}
END_TEST

START_TEST(failures_teach_success_and_not_time)
{
	double before, after;

	rig_record(&r, "a", "x", 10, true, 20);
	before = rig_pair(&r, "a", "x").expected_seconds;
	rig_record(&r, "a", "x", 0.01, false, 3);
	after = rig_pair(&r, "a", "x").expected_seconds;
	ck_assert_double_eq_tol(after, before, before * 0.05);
	ck_assert(rig_pair(&r, "a", "x").expected_success < 0.95);
}
END_TEST

START_TEST(an_unseen_pair_is_like_its_bot_and_its_type)
{
	for (int i = 0; i < 20; i++) {
		rig_record(&r, "a", "x", 1, true, 1);
		rig_record(&r, "b", "x", 4, true, 1);
		rig_record(&r, "b", "y", 40, true, 1);
	}
	/* a takes a fourth of b's time, and y ten times that of x. */
	ck_assert(rig_pair(&r, "a", "y").expected_seconds <
		  rig_pair(&r, "b", "y").expected_seconds * 0.7);
	ck_assert(rig_pair(&r, "a", "y").expected_seconds >
		  rig_pair(&r, "a", "x").expected_seconds * 3);
}
END_TEST

START_TEST(efficiency_is_the_best_over_its_own)
{
	struct deia_scheduler_pair a, b;

	rig_record(&r, "a", "x", 2, true, 40);
	rig_record(&r, "b", "x", 8, true, 40);
	rig_record(&r, "c", "x", 9, true, 40);
	rig_record(&r, "d", "x", 9, true, 40);
	a = rig_pair(&r, "a", "x");
	b = rig_pair(&r, "b", "x");
	ck_assert_double_eq_tol(a.efficiency, 1, 1e-6);
	ck_assert_double_eq_tol(b.efficiency,
				a.seconds_to_success / b.seconds_to_success,
				1e-6);
	ck_assert(b.efficiency > 0.2 && b.efficiency < 0.32);
}
END_TEST

START_TEST(a_verdict_turns_an_outcome_over)
{
	struct deia_scheduler_outcome o = outcome("a", "x", 5, true);
	struct deia_scheduler_pair p;

	rig_record(&r, "a", "x", 5, true, 4);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			deia_scheduler_correct(r.s, &o, false, r.now_ms),
			DEIA_OK);
	p = rig_pair(&r, "a", "x");
	ck_assert_uint_eq(p.samples, 4);
	ck_assert_uint_eq(p.successes, 1);
	ck_assert_double_eq_tol(p.success_ratio, 0.25, 0.01);
	/* The same again is nothing; one too many is not on record. */
	ck_assert_int_eq(deia_scheduler_correct(r.s, &o, true, r.now_ms),
			 DEIA_OK);
	ck_assert_int_eq(deia_scheduler_correct(r.s, &o, false, r.now_ms),
			 DEIA_OK);
	ck_assert_int_eq(deia_scheduler_correct(r.s, &o, false, r.now_ms),
			 DEIA_ESTATE);
	o.success = false;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			deia_scheduler_correct(r.s, &o, true, r.now_ms),
			DEIA_OK);
	p = rig_pair(&r, "a", "x");
	ck_assert_uint_eq(p.successes, 4);
	ck_assert_double_eq_tol(p.success_ratio, 1, 0.02);
}
END_TEST

START_TEST(verdicts_change_who_is_chosen)
{
	struct deia_scheduler_outcome o = outcome("a", "x", 1, true);

	rig_record(&r, "a", "x", 1, true, 12);
	rig_record(&r, "b", "x", 2, true, 12);
	rig_record(&r, "c", "x", 30, true, 12);
	rig_record(&r, "d", "x", 30, true, 12);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "a");
	for (int i = 0; i < 11; i++)
		ck_assert_int_eq(
			deia_scheduler_correct(r.s, &o, false, r.now_ms),
			DEIA_OK);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(a_changed_bot_is_noticed_within_some_outcomes)
{
	rig_record(&r, "a", "x", 1, true, 200);
	rig_record(&r, "b", "x", 3, true, 200);
	rig_record(&r, "a", "x", 20, true, 6);
	ck_assert(rig_pair(&r, "a", "x").expected_seconds > 3);
	ck_assert_str_ne(rig_choose(&r, "x").bot, "a");
}
END_TEST

/* One task after another at two bots of which each can do one type only; how
 * many of the last hundred went to the wrong one first. */
static unsigned wrong_of_last_hundred(struct rig *m, unsigned tasks,
				      bool swapped, uint64_t seed)
{
	struct deia__rng rng;
	unsigned wrong = 0;

	deia__rng_init(&rng, seed);
	for (unsigned i = 0; i < tasks; i++) {
		unsigned type = (unsigned)(deia__rng_next(&rng) % 2);
		const char *bot = rig_choose(m, rig_type(type)).bot;
		bool right = (bot[0] == 'a') == ((type == 0) != swapped);
		double seconds = 0.002 * (0.5 + deia__rng_ratio(&rng));

		rig_record(m, bot, rig_type(type), seconds, right, 1);
		wrong += !right && i >= tasks - 100;
	}
	return wrong;
}

START_TEST(two_specialists_are_told_apart_also_after_they_were_swapped)
{
	unsigned wrong = 0;

	for (uint64_t seed = 1; seed <= 40; seed += 4) {
		struct rig m;

		rig_init(&m, 2, 2, NULL);
		ck_assert_uint_eq(wrong_of_last_hundred(&m, 400, false, seed),
				  0);
		for (uint64_t i = 1; i < 4; i++)
			wrong +=
				wrong_of_last_hundred(&m, 400, i % 2, seed + i);
		rig_fini(&m);
	}
	/* Of 3,000: now and then it looks whether they were swapped back. */
	ck_assert_uint_le(wrong, 3);
}
END_TEST

START_TEST(what_is_rare_is_not_forgotten_what_is_old_fades)
{
	double rare, busy;

	/* Nothing happens for a year: nothing is forgotten. */
	rig_record(&r, "a", "x", 2, true, 20);
	rare = rig_pair(&r, "a", "x").certainty;
	r.now_ms += INT64_C(365) * 86400000;
	rig_record(&r, "b", "x", 2, true, 1);
	ck_assert(rig_pair(&r, "a", "x").certainty > rare - 0.02);
	/* Thousands of other outcomes over days: it has faded. */
	for (int i = 0; i < 3000; i++) {
		r.now_ms += 60000;
		rig_record(&r, "b", "x", 2, true, 1);
	}
	rig_record(&r, "a", "y", 2, true, 4); /* brings its pairs up to date */
	busy = rig_pair(&r, "a", "x").certainty;
	ck_assert_msg(busy < rare / 4, "%f after %f", busy, rare);
	/* Thousands within a second: time did not pass. */
	rig_record(&r, "a", "x", 2, true, 20);
	rare = rig_pair(&r, "a", "x").certainty;
	for (int i = 0; i < 3000; i++) {
		rig_record(&r, "b", "x", 2, true, 1);
		r.now_ms -= 1000;
	}
	rig_record(&r, "a", "y", 2, true, 4);
	ck_assert(rig_pair(&r, "a", "x").certainty > rare - 0.1);
}
END_TEST

START_TEST(reset_forgets_a_pair_a_bot_or_all)
{
	for (unsigned b = 0; b < 4; b++)
		for (unsigned t = 0; t < 3; t++)
			rig_record(&r, rig_bot(b), rig_type(t), 3, true, 5);
	ck_assert_int_eq(deia_scheduler_reset(r.s, "a", "x", r.now_ms),
			 DEIA_OK);
	ck_assert_uint_eq(rig_pair(&r, "a", "x").samples, 0);
	ck_assert_uint_eq(rig_pair(&r, "a", "y").samples, 5);
	ck_assert_int_eq(deia_scheduler_reset(r.s, "a", NULL, r.now_ms),
			 DEIA_OK);
	ck_assert_uint_eq(rig_pair(&r, "a", "y").samples, 0);
	ck_assert_uint_eq(rig_pair(&r, "b", "x").samples, 5);
	ck_assert_int_eq(deia_scheduler_reset(r.s, NULL, NULL, r.now_ms),
			 DEIA_OK);
	ck_assert_uint_eq(rig_pair(&r, "b", "x").samples, 0);
	ck_assert_double_eq(rig_recommend(&r, "x").confidence, 0);
	ck_assert_int_eq(deia_scheduler_reset(r.s, "q", NULL, 1),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scheduler_reset(r.s, "a", "q", 1),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scheduler_history(r.s, 0)->kind,
			 DEIA_ENTRY_RESET);
}
END_TEST

START_TEST(history_keeps_the_newest)
{
	struct deia_scheduler_opts o = DEIA_SCHEDULER_OPTS_INIT;
	struct rig m;

	o.history_len = 5;
	rig_init(&m, 2, 1, &o);
	for (int i = 1; i <= 12; i++)
		rig_record(&m, "a", "x", i, i % 2, 1);
	for (size_t n = 0; n < 5; n++) {
		const struct deia_scheduler_entry *e =
			deia_scheduler_history(m.s, n);

		ck_assert_uint_eq(e->number, 12 - n);
		ck_assert_double_eq(e->seconds, 12.0 - (double)n);
		ck_assert_str_eq(e->bot, "a");
	}
	ck_assert_ptr_null(deia_scheduler_history(m.s, 5));
	rig_fini(&m);
}
END_TEST

static bool has(const struct deia_scheduler_insight *list, size_t n,
		deia_scheduler_insight_kind kind, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == kind && strstr(list[i].text, word))
			return true;
	return false;
}

START_TEST(insights_name_what_matters)
{
	struct deia_scheduler_insight list[20];
	size_t n;

	rig_record(&r, "a", "x", 1, true, 20);
	rig_record(&r, "b", "x", 9, true, 20);
	for (int i = 0; i < 10; i++) {
		rig_record(&r, "c", "y", 2, false, 1);
		rig_record(&r, "c", "x", 2, true, 1);
	}
	n = deia_scheduler_insights(r.s, list, 20);
	ck_assert(has(list, n, DEIA_INSIGHT_BEST, "a is the best for x"));
	ck_assert(has(list, n, DEIA_INSIGHT_FAILING, "c fails"));
	ck_assert(has(list, n, DEIA_INSIGHT_SLOW, "b takes"));
	ck_assert(has(list, n, DEIA_INSIGHT_UNTRIED, "1 of 4 bots"));
	ck_assert_uint_eq(deia_scheduler_insights(r.s, list, 1), 1);
	for (int i = 0; i < DEIA_INSIGHTS; i++)
		ck_assert_str_ne(deia_scheduler_insight_name(
					 (deia_scheduler_insight_kind)i),
				 "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scheduler-learn");
	TCase *tc = tcase_create("learn");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		       numbers_that_cannot_be_are_refused_and_change_nothing);
	tcase_add_test(tc, names_that_cannot_be_are_refused);
	tcase_add_test(tc, options_out_of_range_are_refused);
	tcase_add_test(tc, bots_and_types_have_limits);
	tcase_add_test(tc, averages_are_those_of_what_was_recorded);
	tcase_add_test(tc, failures_teach_success_and_not_time);
	tcase_add_test(tc, an_unseen_pair_is_like_its_bot_and_its_type);
	tcase_add_test(tc, efficiency_is_the_best_over_its_own);
	tcase_add_test(tc, a_verdict_turns_an_outcome_over);
	tcase_add_test(tc, verdicts_change_who_is_chosen);
	tcase_add_test(tc, a_changed_bot_is_noticed_within_some_outcomes);
	tcase_add_test(
		tc,
		two_specialists_are_told_apart_also_after_they_were_swapped);
	tcase_add_test(tc, what_is_rare_is_not_forgotten_what_is_old_fades);
	tcase_add_test(tc, reset_forgets_a_pair_a_bot_or_all);
	tcase_add_test(tc, history_keeps_the_newest);
	tcase_add_test(tc, insights_name_what_matters);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
