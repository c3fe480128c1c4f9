/* SPDX-License-Identifier: MIT */
/* Plans, choices and recommendations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig r;

static void setup(void)
{
	rig_init(&r, 3, 2, NULL);
}

static void teardown(void)
{
	rig_fini(&r);
}

START_TEST(the_faster_of_two_equally_good_bots_is_chosen)
{
	rig_record(&r, "a", "x", 10, true, 10);
	rig_record(&r, "b", "x", 2, true, 10);
	rig_record(&r, "c", "x", 10, true, 10);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(a_fast_bot_that_fails_is_not_chosen)
{
	for (int i = 0; i < 8; i++) {
		rig_record(&r, "a", "x", 0.1, i % 4 == 0, 1);
		rig_record(&r, "b", "x", 0.3, true, 1);
		rig_record(&r, "c", "x", 2, true, 1);
	}
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(each_type_has_its_own_best_bot)
{
	for (int i = 0; i < 12; i++) {
		rig_record(&r, "a", "x", 1, true, 1);
		rig_record(&r, "b", "x", 4, true, 1);
		rig_record(&r, "c", "x", 9, true, 1);
		rig_record(&r, "a", "y", 4, true, 1);
		rig_record(&r, "b", "y", 1, true, 1);
		rig_record(&r, "c", "y", 9, true, 1);
	}
	ck_assert_str_eq(rig_choose(&r, "x").bot, "a");
	ck_assert_str_eq(rig_choose(&r, "y").bot, "b");
}
END_TEST

START_TEST(a_task_waits_for_a_good_bot_but_not_for_long)
{
	struct deia_scheduler_choice c;

	rig_record(&r, "a", "x", 2, true, 20);
	rig_record(&r, "b", "x", 7, true, 20);
	rig_record(&r, "c", "x", 90, true, 20);
	rig_start(&r, "a", "x");
	c = rig_choose(&r, "x");
	ck_assert_str_eq(c.bot, "a");
	ck_assert(!c.start);
	ck_assert(c.wait_seconds > 1 && c.wait_seconds < 3);
	/* What waits is seen by what is behind it. */
	for (int i = 0; i < 4 && !c.start; i++)
		c = rig_next(&r, "x");
	ck_assert_str_eq(c.bot, "b");
	ck_assert(c.start);
}
END_TEST

START_TEST(what_is_decided_is_counted)
{
	struct deia_scheduler_counts n;

	rig_record(&r, "a", "x", 2, true, 20);
	rig_set(&r, "b", 1, false, 0);
	rig_set(&r, "c", 1, false, 0);
	ck_assert(rig_choose(&r, "x").start);
	rig_start(&r, "a", "x");
	ck_assert(!rig_choose(&r, "x").start);
	deia_scheduler_get_counts(r.s, &n);
	ck_assert_uint_eq(n.started, 1);
	ck_assert_uint_eq(n.waits, 1);
	ck_assert_uint_eq(n.nobody, 0);
	ck_assert_uint_eq(n.probes, 0);
	ck_assert_uint_eq(n.again, 0);
}
END_TEST

START_TEST(a_new_plan_lets_go_what_was_held_back)
{
	struct deia_scheduler_choice first, again;

	rig_record(&r, "a", "x", 2, true, 20);
	rig_set(&r, "b", 1, false, 0);
	rig_set(&r, "c", 1, false, 0);
	rig_start(&r, "a", "x");
	first = rig_choose(&r, "x");
	ck_assert(rig_next(&r, "x").wait_seconds > first.wait_seconds + 1);
	again = rig_choose(&r, "x");
	ck_assert_double_eq_tol(again.wait_seconds, first.wait_seconds, 1e-6);
}
END_TEST

START_TEST(an_overdue_run_is_expected_to_last_on)
{
	double before, after;

	rig_record(&r, "a", "x", 2, true, 20);
	rig_set(&r, "b", 1, false, 0);
	rig_set(&r, "c", 1, false, 0);
	rig_start(&r, "a", "x");
	r.now_ms += 2000;
	before = rig_choose(&r, "x").wait_seconds;
	r.now_ms += 60000;
	after = rig_choose(&r, "x").wait_seconds;
	ck_assert_msg(before > 0.1 && before < 2, "%f", before);
	ck_assert_msg(after > 5, "%f", after);
}
END_TEST

START_TEST(what_others_gave_a_bot_counts)
{
	rig_record(&r, "a", "x", 2, true, 20);
	rig_record(&r, "b", "x", 3, true, 20);
	rig_record(&r, "c", "x", 9, true, 20);
	rig_set(&r, "a", 1, true, 5);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
	rig_set(&r, "a", 1, true, 0);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "a");
}
END_TEST

START_TEST(an_end_gives_room)
{
	uint64_t run[3];

	for (unsigned i = 0; i < 3; i++) {
		ck_assert(deia_scheduler_has_room(r.s));
		run[i] = rig_start(&r, rig_bot(i), "x");
	}
	ck_assert(!deia_scheduler_has_room(r.s));
	deia_scheduler_end(r.s, run[1], r.now_ms);
	ck_assert(deia_scheduler_has_room(r.s));
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
	deia_scheduler_end(r.s, run[1], r.now_ms); /* is there no more */
	deia_scheduler_end(r.s, 12345678901, r.now_ms);
	rig_start(&r, "b", "x");
	ck_assert(!deia_scheduler_has_room(r.s));
}
END_TEST

static bool is_not_a(const char *bot, void *user)
{
	++*(int *)user;
	return strcmp(bot, "a") != 0;
}

START_TEST(only_bots_that_may_are_chosen)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;
	int asked = 0;

	rig_record(&r, "a", "x", 1, true, 20);
	rig_record(&r, "b", "x", 5, true, 20);
	ask.type = "x";
	ask.may = is_not_a;
	ask.user = &asked;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert_str_ne(c.bot, "a");
	ck_assert_int_eq(asked, 3);
	rig_set(&r, "b", 1, false, 0);
	rig_set(&r, "c", 1, false, 0);
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c),
			 DEIA_EUNAVAILABLE);
	ck_assert_ptr_null(c.bot);
}
END_TEST

START_TEST(a_bot_that_failed_the_task_is_taken_last)
{
	const char *const failed[] = { "a", "nobody", "b" };
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	rig_record(&r, "a", "x", 1, true, 20);
	rig_record(&r, "c", "x", 60, true, 20);
	ask.type = "x";
	ask.avoid = failed;
	ask.avoid_len = 3;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert_str_eq(c.bot, "c");
	ck_assert(!c.again);
	rig_set(&r, "c", 1, false, 0);
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert_str_eq(c.bot, "a");
	ck_assert(c.again);
}
END_TEST

START_TEST(a_failed_specialist_is_tried_again_before_a_hopeless_bot)
{
	const char *const failed[] = { "a" };
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	for (int i = 0; i < 40; i++) {
		rig_record(&r, "a", "x", 2, true, 1);
		rig_record(&r, "b", "x", 1, false, 1);
		rig_record(&r, "c", "x", 1, false, 1);
		/* They are good at something, so they are not paused. */
		rig_record(&r, "b", "y", 1, true, 2);
		rig_record(&r, "c", "y", 1, true, 2);
	}
	ask.type = "x";
	ask.avoid = failed;
	ask.avoid_len = 1;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert_str_eq(c.bot, "a");
	ck_assert(c.again);
}
END_TEST

START_TEST(recommendation_and_choice_agree)
{
	for (unsigned i = 0; i < 60; i++) {
		struct deia_scheduler_recommendation rec;
		struct deia_scheduler_choice c;
		const char *type = rig_type(i % 2);

		rig_record(&r, rig_bot(i % 3), type, 1 + i * 7 % 11, i % 5 != 0,
			   1);
		if (i % 3 == 0)
			rig_start(&r, rig_bot(i / 3 % 3), type);
		if (i < 6)
			continue; /* chance decides among unknown ones */
		deia_scheduler_plan(r.s, r.now_ms);
		rec = rig_recommend(&r, type);
		c = rig_next(&r, type);
		ck_assert_str_eq(rec.best[0].choice.bot, c.bot);
		ck_assert_double_eq(rec.best[0].choice.score, c.score);
		ck_assert(rec.best[0].choice.start == c.start);
	}
}
END_TEST

/* Also where chance decided, and in turn. */
START_TEST(an_explanation_is_of_the_bot_that_was_chosen)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	bool others = false;

	ask.type = "x";
	for (int i = 0; i < 30 * DEIA_POLICIES; i++) {
		struct deia_scheduler_recommendation why;
		struct deia_scheduler_choice c;

		ck_assert_int_eq(deia_scheduler_set_policy(
					 r.s, (deia_scheduler_policy)(i / 30)),
				 DEIA_OK);
		c = rig_choose(&r, "x");
		others |= strcmp(c.bot, "a") != 0;
		ck_assert_int_eq(
			deia_scheduler_explain(r.s, &ask, c.bot, 1, &why),
			DEIA_OK);
		ck_assert_uint_eq(why.len, 2);
		ck_assert_uint_eq(why.candidates, 3);
		ck_assert_str_eq(why.best[0].choice.bot, c.bot);
		ck_assert_double_eq(why.best[0].choice.score, c.score);
		ck_assert_str_ne(why.best[1].choice.bot, c.bot);
	}
	ck_assert(others);
}
END_TEST

START_TEST(what_could_not_be_chosen_is_not_explained)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_recommendation why;

	ask.type = "x";
	ck_assert_int_eq(deia_scheduler_explain(r.s, &ask, "nobody", 1, &why),
			 DEIA_ENOTFOUND);
	rig_set(&r, "b", 1, false, 0);
	ck_assert_int_eq(deia_scheduler_explain(r.s, &ask, "b", 1, &why),
			 DEIA_EUNAVAILABLE);
	ck_assert_uint_eq(why.len, 0);
	ask.type = "nothing";
	ck_assert_int_eq(deia_scheduler_explain(r.s, &ask, "a", 1, &why),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(a_recommendation_names_alternatives_in_order_and_a_reason)
{
	struct deia_scheduler_recommendation rec;
	char text[400];

	rig_record(&r, "a", "x", 2, true, 10);
	rig_record(&r, "b", "x", 4, true, 10);
	rig_record(&r, "c", "x", 8, true, 10);
	rec = rig_recommend(&r, "x");
	ck_assert_uint_eq(rec.len, 3);
	ck_assert_uint_eq(rec.candidates, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_str_eq(rec.best[i].choice.bot, rig_bot(i));
		ck_assert_str_eq(rec.best[i].pair.bot, rig_bot(i));
		ck_assert_uint_eq(rec.best[i].pair.samples, 10);
		ck_assert_double_eq_tol(rec.best[i].pair.avg_seconds, 2 << i,
					1e-9);
		ck_assert_double_eq(rec.best[i].pair.success_ratio, 1);
	}
	deia_scheduler_reason(&rec, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "a: about"));
	ck_assert_ptr_nonnull(strstr(text, "10 samples"));
	ck_assert_ptr_nonnull(strstr(text, "next is b"));
	deia_scheduler_reason(&rec, text, 10);
	ck_assert_uint_eq(strlen(text), 9);
}
END_TEST

START_TEST(confidence_is_none_without_samples_and_grows_with_them)
{
	double before = rig_recommend(&r, "x").confidence;

	ck_assert_double_eq(before, 0);
	for (int i = 0; i < 6; i++) {
		double now;

		rig_record(&r, "a", "x", 2, true, 4);
		rig_record(&r, "b", "x", 5, true, 4);
		rig_record(&r, "c", "x", 5, true, 4);
		now = rig_recommend(&r, "x").confidence;
		ck_assert_msg(now > before, "%f, then %f", before, now);
		before = now;
	}
	ck_assert(before > 0.85 && before < 1);
}
END_TEST

START_TEST(confidence_is_low_between_equals)
{
	for (int i = 0; i < 30; i++)
		for (unsigned b = 0; b < 3; b++)
			rig_record(&r, rig_bot(b), "x", 2 + i % 3, true, 1);
	ck_assert(rig_recommend(&r, "x").confidence < 0.6);
}
END_TEST

START_TEST(round_robin_takes_turns_and_passes_full_bots)
{
	ck_assert_int_eq(
		deia_scheduler_set_policy(r.s, DEIA_POLICY_ROUND_ROBIN),
		DEIA_OK);
	rig_record(&r, "a", "x", 1, true, 1);
	rig_record(&r, "b", "x", 1, true, 1);
	rig_record(&r, "c", "x", 1, true, 1);
	for (int i = 0; i < 9; i++)
		ck_assert_str_eq(rig_choose(&r, "x").bot,
				 rig_bot((unsigned)i % 3));
	rig_start(&r, "a", "x");
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
	ck_assert_str_eq(rig_choose(&r, "x").bot, "c");
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(least_loaded_takes_the_emptiest)
{
	ck_assert_int_eq(
		deia_scheduler_set_policy(r.s, DEIA_POLICY_LEAST_LOADED),
		DEIA_OK);
	for (unsigned b = 0; b < 3; b++)
		rig_set(&r, rig_bot(b), 4, true, b == 1 ? 0 : 2);
	ck_assert_str_eq(rig_choose(&r, "x").bot, "b");
	rig_start(&r, "b", "x");
	rig_start(&r, "b", "x");
	rig_start(&r, "b", "x");
	ck_assert_str_ne(rig_choose(&r, "x").bot, "b");
}
END_TEST

START_TEST(policies_have_names)
{
	for (int i = 0; i < DEIA_POLICIES; i++)
		ck_assert_int_eq(
			deia_scheduler_policy_parse(deia_scheduler_policy_name(
				(deia_scheduler_policy)i)),
			i);
	ck_assert_int_eq(deia_scheduler_policy_parse("best"), -1);
	ck_assert_int_eq(deia_scheduler_policy_parse(NULL), -1);
	ck_assert_int_eq(
		deia_scheduler_set_policy(r.s, (deia_scheduler_policy)7),
		DEIA_EINVAL);
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;
	uint64_t run;

	ask.type = "nothing";
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(deia_scheduler_errmsg(r.s), "nothing"));
	ask.type = NULL;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_ENOTFOUND);
	ask.type = "x";
	ask.avoid_len = 1;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_EINVAL);
	ck_assert_int_eq(deia_scheduler_start(r.s, "q", "x", 0, &run),
			 DEIA_ENOTFOUND);
	ck_assert(run == 0);
}
END_TEST

START_TEST(the_same_calls_give_the_same_choices)
{
	char seen[2][200];

	for (int round = 0; round < 2; round++) {
		struct rig m;

		rig_init(&m, 16, 1, NULL);
		for (int i = 0; i < 199; i++) {
			const char *bot = rig_choose(&m, "x").bot;

			seen[round][i] = bot[0];
			if (i % 2)
				rig_record(&m, bot, "x", i % 7, i % 3, 1);
		}
		seen[round][199] = '\0';
		rig_fini(&m);
	}
	ck_assert_str_eq(seen[0], seen[1]);
	/* Among unknown ones chance decides. */
	ck_assert_ptr_nonnull(strpbrk(seen[0], "ijklmnop"));
	ck_assert_ptr_nonnull(strpbrk(seen[0], "abcdefgh"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scheduler-choose");
	TCase *tc = tcase_create("choose");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_faster_of_two_equally_good_bots_is_chosen);
	tcase_add_test(tc, a_fast_bot_that_fails_is_not_chosen);
	tcase_add_test(tc, each_type_has_its_own_best_bot);
	tcase_add_test(tc, a_task_waits_for_a_good_bot_but_not_for_long);
	tcase_add_test(tc, what_is_decided_is_counted);
	tcase_add_test(tc, a_new_plan_lets_go_what_was_held_back);
	tcase_add_test(tc, an_overdue_run_is_expected_to_last_on);
	tcase_add_test(tc, what_others_gave_a_bot_counts);
	tcase_add_test(tc, an_end_gives_room);
	tcase_add_test(tc, only_bots_that_may_are_chosen);
	tcase_add_test(tc, a_bot_that_failed_the_task_is_taken_last);
	tcase_add_test(
		tc, a_failed_specialist_is_tried_again_before_a_hopeless_bot);
	tcase_add_test(tc, recommendation_and_choice_agree);
	tcase_add_test(tc, an_explanation_is_of_the_bot_that_was_chosen);
	tcase_add_test(tc, what_could_not_be_chosen_is_not_explained);
	tcase_add_test(
		tc, a_recommendation_names_alternatives_in_order_and_a_reason);
	tcase_add_test(tc,
		       confidence_is_none_without_samples_and_grows_with_them);
	tcase_add_test(tc, confidence_is_low_between_equals);
	tcase_add_test(tc, round_robin_takes_turns_and_passes_full_bots);
	tcase_add_test(tc, least_loaded_takes_the_emptiest);
	tcase_add_test(tc, policies_have_names);
	tcase_add_test(tc, what_is_wrong_is_refused);
	tcase_add_test(tc, the_same_calls_give_the_same_choices);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
