/* SPDX-License-Identifier: MIT */
/* Bots that keep failing. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig r;

static void setup(void)
{
	rig_init(&r, 3, 2, NULL);
	for (int i = 0; i < 30; i++) {
		rig_record(&r, "a", "x", 1, true, 1);
		rig_record(&r, "b", "x", 5, true, 1);
		rig_record(&r, "c", "x", 5, true, 1);
	}
}

static void teardown(void)
{
	rig_fini(&r);
}

static struct deia_scheduler_bot_status status(const char *bot)
{
	struct deia_scheduler_bot_status st;

	ck_assert_int_eq(deia_scheduler_bot_status(r.s, bot, &st), DEIA_OK);
	return st;
}

/* Fails until it is paused; how often that took. */
static unsigned fail_until_open(const char *bot)
{
	unsigned n = 0;

	while (status(bot).circuit != DEIA_CIRCUIT_OPEN && n++ < 50)
		rig_record(&r, bot, "x", 0.1, false, 1);
	return n;
}

/* Lets the pause of a bot be over: in time, and in outcomes of others. */
static void wait_for_probe(const char *bot)
{
	rig_record(&r, "b", "x", 5, true, 500);
	if (r.now_ms < status(bot).pause_until_ms)
		r.now_ms = status(bot).pause_until_ms;
	deia_scheduler_plan(r.s, r.now_ms);
}

START_TEST(a_bot_that_keeps_failing_is_paused_with_a_reason)
{
	unsigned n = fail_until_open("a");
	struct deia_scheduler_insight insight;

	ck_assert_msg(n >= 4 && n <= 8, "after %u failures", n);
	ck_assert_ptr_nonnull(strstr(status("a").reason, "failed"));
	ck_assert_ptr_nonnull(strstr(status("a").reason, "in a row"));
	ck_assert_str_eq(status("b").reason, "");
	ck_assert_uint_eq(deia_scheduler_insights(r.s, &insight, 1), 1);
	ck_assert_int_eq(insight.kind, DEIA_INSIGHT_PAUSED);
	for (int i = 0; i < 20; i++)
		ck_assert_str_ne(rig_choose(&r, "x").bot, "a");
}
END_TEST

START_TEST(failures_now_and_then_do_not_pause)
{
	for (int i = 0; i < 100; i++) {
		rig_record(&r, "a", "x", 1, i % 3 != 0, 1);
		ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_CLOSED);
	}
}
END_TEST

START_TEST(after_the_pause_one_task_is_tried)
{
	struct deia_scheduler_recommendation rec;
	struct deia_scheduler_choice c;
	char text[400];
	uint64_t run;

	fail_until_open("a");
	deia_scheduler_plan(r.s, r.now_ms);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_OPEN);
	wait_for_probe("a");
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_PROBING);
	rec = rig_recommend(&r, "x");
	ck_assert_str_eq(rec.best[0].choice.bot, "a");
	ck_assert(rec.best[0].choice.probe);
	deia_scheduler_reason(&rec, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "to see whether it recovered"));
	c = rig_choose(&r, "x");
	ck_assert_str_eq(c.bot, "a");
	ck_assert(c.probe && c.start);
	run = rig_start(&r, "a", "x");
	ck_assert_str_ne(rig_choose(&r, "x").bot, "a");
	deia_scheduler_end(r.s, run, r.now_ms);
	rig_record(&r, "a", "x", 1, true, 1);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_CLOSED);
	ck_assert_str_eq(status("a").reason, "");
}
END_TEST

START_TEST(a_task_that_failed_once_is_no_probe)
{
	const char *const failed[] = { "b" };
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	for (int i = 0; i < 20; i++)
		rig_record(&r, "a", "x", 0.1, false, 1);
	wait_for_probe("a");
	ask.type = "x";
	ask.avoid = failed;
	ask.avoid_len = 1;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert_str_eq(c.bot, "c");
}
END_TEST

START_TEST(a_failed_task_waits_for_a_bot_whose_pause_is_short)
{
	const char *const failed[] = { "b", "c" };
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	fail_until_open("a");
	ask.type = "x";
	ask.avoid = failed;
	ask.avoid_len = 2;
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c),
			 DEIA_EUNAVAILABLE);
	for (int i = 0; i < 4; i++) {
		wait_for_probe("a");
		rig_record(&r, "a", "x", 1, false, 1);
	}
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c), DEIA_OK);
	ck_assert(c.again);
}
END_TEST

START_TEST(pauses_grow_up_to_the_longest)
{
	int64_t pause, before = 0;

	fail_until_open("a");
	for (int i = 0; i < 10; i++) {
		pause = status("a").pause_until_ms - r.now_ms;
		ck_assert(pause >= before && pause <= 600000);
		if (i > 0 && pause < 600000)
			ck_assert_int_eq(pause, before * 2);
		before = pause;
		wait_for_probe("a");
		rig_record(&r, "a", "x", 1, false, 1);
		ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_OPEN);
	}
	ck_assert_int_eq(pause, 600000);
}
END_TEST

START_TEST(the_pause_is_over_in_time_and_in_outcomes)
{
	fail_until_open("a");
	r.now_ms += 3600000;
	deia_scheduler_plan(r.s, r.now_ms);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_OPEN);
	ck_assert_ptr_nonnull(strstr(status("a").reason, "more outcomes"));
	rig_record(&r, "b", "x", 5, true, 10);
	deia_scheduler_plan(r.s, r.now_ms);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_PROBING);
}
END_TEST

START_TEST(when_all_are_paused_time_alone_is_enough)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice c;

	for (unsigned i = 0; i < 3; i++)
		fail_until_open(rig_bot(i));
	ask.type = "x";
	ck_assert_int_eq(deia_scheduler_choose(r.s, &ask, &c),
			 DEIA_EUNAVAILABLE);
	ck_assert(!deia_scheduler_has_room(r.s));
	r.now_ms += 10000;
	ck_assert(rig_choose(&r, "x").probe);
}
END_TEST

START_TEST(a_reset_ends_a_pause)
{
	fail_until_open("a");
	ck_assert_int_eq(deia_scheduler_reset(r.s, "a", NULL, r.now_ms),
			 DEIA_OK);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_CLOSED);
	ck_assert_uint_eq(status("a").samples, 0);
}
END_TEST

START_TEST(a_paused_bot_can_be_removed_and_come_back)
{
	struct deia_scheduler_bot_status st;

	fail_until_open("a");
	ck_assert_int_eq(deia_scheduler_remove_bot(r.s, "a"), DEIA_OK);
	ck_assert_int_eq(deia_scheduler_remove_bot(r.s, "a"), DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_scheduler_bot_status(r.s, "a", &st),
			 DEIA_ENOTFOUND);
	rig_set(&r, "a", 1, true, 0);
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_CLOSED);
	ck_assert_uint_eq(rig_pair(&r, "a", "x").samples, 0);
}
END_TEST

START_TEST(any_time_is_taken)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, INT64_MAX };
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;

	o.bot = "a";
	o.type = "x";
	o.seconds = 1;
	for (int i = 0; i < 60; i++) {
		ck_assert_int_eq(deia_scheduler_record(r.s, &o, times[i % 4]),
				 DEIA_OK);
		deia_scheduler_plan(r.s, times[i % 4]);
	}
	ck_assert_int_eq(status("a").circuit, DEIA_CIRCUIT_OPEN);
	ck_assert_str_ne(rig_choose(&r, "x").bot, "a");
}
END_TEST

START_TEST(status_says_why_a_bot_gets_nothing)
{
	rig_set(&r, "a", 2, true, 1);
	ck_assert_str_eq(status("a").reason, "");
	rig_start(&r, "a", "x");
	ck_assert_str_eq(status("a").reason, "works on 2 of 2");
	rig_set(&r, "a", 2, false, 1);
	ck_assert_str_eq(status("a").reason, "not available");
	ck_assert_uint_eq(status("a").samples, 30);
	ck_assert_str_eq(deia_scheduler_circuit_name(DEIA_CIRCUIT_OPEN),
			 "open");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scheduler-circuit");
	TCase *tc = tcase_create("circuit");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_bot_that_keeps_failing_is_paused_with_a_reason);
	tcase_add_test(tc, failures_now_and_then_do_not_pause);
	tcase_add_test(tc, after_the_pause_one_task_is_tried);
	tcase_add_test(tc, a_task_that_failed_once_is_no_probe);
	tcase_add_test(tc, a_failed_task_waits_for_a_bot_whose_pause_is_short);
	tcase_add_test(tc, pauses_grow_up_to_the_longest);
	tcase_add_test(tc, the_pause_is_over_in_time_and_in_outcomes);
	tcase_add_test(tc, when_all_are_paused_time_alone_is_enough);
	tcase_add_test(tc, a_reset_ends_a_pause);
	tcase_add_test(tc, a_paused_bot_can_be_removed_and_come_back);
	tcase_add_test(tc, any_time_is_taken);
	tcase_add_test(tc, status_says_why_a_bot_gets_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
