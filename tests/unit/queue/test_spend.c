/* SPDX-License-Identifier: MIT */
/* test_spend.c - what tasks may use, and what follows when they did; on each
 * kind of store. */

#include "rig.h"

static enum rig_kind kind;
static struct rig r;
static char id[37];

static void setup(void)
{
	rig_init(&r, kind);
	rig_bot(&r, "A", 1, NULL);
}

static void teardown(void)
{
	rig_fini(&r);
}

static void add(int64_t tokens, int64_t seconds, deia_on_exceed what)
{
	struct deia_task_draft d = rig_draft("work");

	d.max_attempts = 9;
	d.budget = (struct deia_budget){ .tokens = tokens,
					 .seconds = seconds,
					 .on_exceed = what };
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
}

/* An attempt that used so much. */
static void end(deia_err err, int64_t tokens, double seconds)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	o.err = err;
	o.message = err ? "it broke" : NULL;
	o.text = "x";
	o.text_len = 1;
	o.prompt_tokens = tokens / 2;
	o.completion_tokens = tokens - tokens / 2;
	o.seconds = seconds;
	rig_end_with(&r, id, &o);
}

/* It waits a moment before it is tried again. */
static void wait_for_run(void)
{
	for (int i = 0; i < 200 && !rig_run_of(&r, id); i++)
		rig_sleep(&r, 1000);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
}

START_TEST(test_stop_ends_the_task)
{
	add(100, 0, DEIA_ON_EXCEED_STOP);
	end(DEIA_EREMOTE, 60, 1);
	wait_for_run();
	ck_assert_uint_eq(rig_run_of(&r, id)->seconds_left, 0);
	end(DEIA_EREMOTE, 60, 1);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error_code, "budget");
	ck_assert_str_eq(r.got.first.error,
			 "the task's budget of 100 tokens is used up: 120 "
			 "were used");
	ck_assert_uint_eq(r.got.first.attempt, 2);
	/* By hand: the budget counts from anew. */
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	wait_for_run();
	end(DEIA_EREMOTE, 60, 1);
	wait_for_run();
}
END_TEST

START_TEST(test_what_was_used_survives_and_excused_attempts_count)
{
	add(100, 0, DEIA_ON_EXCEED_STOP);
	end(DEIA_ECANCELED, 60, 1);
	wait_for_run();
	end(DEIA_EREMOTE, 30, 1);
	rig_restart(&r, true);
	rig_bot(&r, "A", 1, NULL);
	wait_for_run();
	end(DEIA_ECANCELED, 10, 1);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error_code, "budget");
}
END_TEST

START_TEST(test_success_is_a_success_whatever_it_took)
{
	add(100, 10, DEIA_ON_EXCEED_STOP);
	end(DEIA_OK, 1000, 1000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(r.got.first.error_code, "");
}
END_TEST

START_TEST(test_seconds_end_an_attempt)
{
	add(0, 10, DEIA_ON_EXCEED_STOP);
	ck_assert_uint_eq(rig_run_of(&r, id)->seconds_left, 10);
	end(DEIA_EREMOTE, 0, 3.5);
	wait_for_run();
	ck_assert_uint_eq(rig_run_of(&r, id)->seconds_left, 7);
	/* Measured a little short: it counts as all of it. */
	end(DEIA_ETIMEDOUT, 0, 6.4);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error,
			 "the task's budget of 10.0 seconds is used up: 10.0 "
			 "were used");
}
END_TEST

static void add_messages(int64_t messages, deia_on_exceed what)
{
	struct deia_task_draft d = rig_draft("work");

	d.max_attempts = 9;
	d.budget =
		(struct deia_budget){ .messages = messages, .on_exceed = what };
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_OK);
	snprintf(id, sizeof(id), "%s", r.got.ids[0]);
	rig_idle(&r);
}

static void end_sent(int64_t messages)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	o.err = DEIA_EREMOTE;
	o.message = "it broke";
	o.messages = messages;
	rig_end_with(&r, id, &o);
}

START_TEST(test_messages_are_counted)
{
	add_messages(5, DEIA_ON_EXCEED_PAUSE);
	ck_assert_int_eq(rig_run_of(&r, id)->messages_left, -1);
	end_sent(6);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_str_eq(r.got.first.reason,
			 "the task's budget of 5 messages is used up: 6 were "
			 "used");
	add_messages(5, DEIA_ON_EXCEED_STOP);
	ck_assert_int_eq(rig_run_of(&r, id)->messages_left, 5);
	end_sent(2);
	rig_restart(&r, false);
	wait_for_run();
	ck_assert_int_eq(rig_run_of(&r, id)->messages_left, 3);
	end_sent(3);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error_code, "budget");
}
END_TEST

START_TEST(test_pause_asks_a_person)
{
	add(0, 2, DEIA_ON_EXCEED_PAUSE);
	ck_assert_uint_eq(rig_run_of(&r, id)->seconds_left, 0);
	end(DEIA_EREMOTE, 0, 2.5);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_OVER_BUDGET], 1);
	ck_assert_str_eq(r.got.first.reason,
			 "the task's budget of 2.0 seconds is used up: 2.5 "
			 "were used");
	rig_restart(&r, true);
	rig_bot(&r, "A", 1, NULL);
	rig_sleep(&r, 100000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_int_eq(rig_approve(&r, id), DEIA_OK);
	wait_for_run();
	end(DEIA_EREMOTE, 0, 1);
	wait_for_run();
	end(DEIA_EREMOTE, 0, 1);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
}
END_TEST

START_TEST(test_notify_tells_once_and_goes_on)
{
	add(10, 0, DEIA_ON_EXCEED_NOTIFY);
	end(DEIA_EREMOTE, 5, 1);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_OVER_BUDGET], 0);
	for (int i = 0; i < 3; i++) {
		wait_for_run();
		end(DEIA_EREMOTE, 5, 1);
		ck_assert_uint_eq(r.n_moves[DEIA_TASK_OVER_BUDGET], 1);
	}
	wait_for_run();
	end(DEIA_OK, 5, 1);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(test_wrong_budgets_are_refused)
{
	const struct deia_budget wrong[] = {
		{ .tokens = -1 },
		{ .seconds = DEIA_BUDGET_MAX_SECONDS + 1 },
		{ .messages = -1 },
		{ .messages = DEIA_BUDGET_MAX_MESSAGES + 1 },
		{ .tokens = 1, .on_exceed = (deia_on_exceed)7 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct deia_task_draft d = rig_draft("x");

		d.budget = wrong[i];
		ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL),
				 DEIA_EFIELD);
		ck_assert_str_eq(deia_tasks_field(r.q), "budget");
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("spend");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_stop_ends_the_task);
	tcase_add_test(t,
		       test_what_was_used_survives_and_excused_attempts_count);
	tcase_add_test(t, test_success_is_a_success_whatever_it_took);
	tcase_add_test(t, test_seconds_end_an_attempt);
	tcase_add_test(t, test_messages_are_counted);
	tcase_add_test(t, test_pause_asks_a_person);
	tcase_add_test(t, test_notify_tells_once_and_goes_on);
	tcase_add_test(t, test_wrong_budgets_are_refused);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	return rig_main(argc, argv, &kind, suite);
}
