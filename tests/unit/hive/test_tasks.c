/* SPDX-License-Identifier: MIT */
/* Tasks of a hive: real bots do them; which attempts count. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripts.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- bots do them ----------------------------------------------------------- */

START_TEST(task_is_done_by_a_bot_and_its_result_is_kept)
{
	struct jobs got;
	char id[37];

	create_worker(&f, "E");
	ck_assert_int_eq(submit_task(&f, "operator ann", "hello", NULL, id),
			 DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	fixture_reopen(&f, true);
	ck_assert_int_eq(get_task(&f, "viewer", id, &got), DEIA_OK);
	ck_assert_str_eq(got.items[0].result, "hello");
	ck_assert_str_eq(got.items[0].bot, "E");
	ck_assert_str_eq(got.items[0].submitted_by, "ann");
	ck_assert_uint_eq(got.items[0].attempt, 1);
	ck_assert_str_eq(got.items[0].attempts[0].outcome, "succeeded");
}
END_TEST

START_TEST(task_waits_for_a_bot_that_comes_later)
{
	char id[37];

	ck_assert_int_eq(submit_task(&f, "admin", "hello", NULL, id), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_QUEUED);
	ck_assert_int_eq(create_bot(&f, "E", true), DEIA_OK);
	ck_assert_str_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->bot, "E");
}
END_TEST

START_TEST(task_of_a_bot_that_dies_is_done_elsewhere)
{
	char ids[6][37];
	bool died = false;

	create_script_bot(&f, "D", dies_at_work);
	create_worker(&f, "E");
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(
			submit_task(&f, "admin", "hello", NULL, ids[i]),
			DEIA_OK);
	for (int i = 0; i < 6; i++) {
		const struct job *j =
			run_until_task(&f, ids[i], DEIA_TASK_SUCCEEDED);

		ck_assert_str_eq(j->bot, "E");
		ck_assert_uint_eq(j->excused, 0);
		if (j->n_attempts == 1)
			continue;
		died = true;
		ck_assert_str_eq(j->attempts[0].bot, "D");
		ck_assert_str_eq(j->attempts[0].outcome, "failed");
	}
	ck_assert(died);
}
END_TEST

START_TEST(error_that_cannot_be_retried_ends_the_task)
{
	const struct job *j;
	char id[37];

	create_script_bot(&f, "N", says_error);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, id), DEIA_OK);
	j = run_until_task(&f, id, DEIA_TASK_FAILED);
	ck_assert_uint_eq(j->attempt, 1);
	ck_assert_str_eq(j->error_code, "no");
	ck_assert_str_eq(j->error, "no");
}
END_TEST

START_TEST(turn_that_takes_too_long_times_out)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;
	const struct job *j;

	create_script_bot(&f, "N", never_answers);
	d.timeout_seconds = 1;
	d.max_attempts = 1;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	j = run_until_task(&f, got.items[0].id, DEIA_TASK_TIMED_OUT);
	ck_assert_str_eq(j->attempts[0].outcome, "timed_out");
}
END_TEST

START_TEST(content_that_fits_into_no_line_fails_at_once)
{
	struct deia_task_draft d = DEIA_TASK_DRAFT_INIT;
	struct jobs got;
	char *text = malloc(DEIA_MAX_CONTENT_BYTES);

	ck_assert_ptr_nonnull(text);
	memset(text, 1, DEIA_MAX_CONTENT_BYTES); /* six bytes each, escaped */
	d.content = text;
	d.content_len = DEIA_MAX_CONTENT_BYTES;
	create_worker(&f, "E");
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	free(text);
	ck_assert_str_eq(run_until_task(&f, got.items[0].id, DEIA_TASK_FAILED)
				 ->error_code,
			 deia_err_name(DEIA_ELIMIT));
}
END_TEST

START_TEST(cancelling_reaches_the_bot)
{
	char id[37];

	create_script_bot(&f, "N", never_answers);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, id), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_RUNNING);
	run_until_state(&f, "N", DEIA_BOT_BUSY);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_CANCEL, id),
			 DEIA_OK);
	ck_assert_str_eq(run_until_task(&f, id, DEIA_TASK_CANCELLED)->bot, "N");
	run_until_state(&f, "N", DEIA_BOT_READY);
	ck_assert_uint_eq(deia_tasks_at_bot(deia_hive_tasks(f.hive), "N"), 0);
}
END_TEST

START_TEST(chat_goes_before_tasks_and_both_are_answered)
{
	struct answer a;
	char id[37];

	create_worker(&f, "E");
	ck_assert_int_eq(submit_task(&f, "admin", "work", NULL, id), DEIA_OK);
	ck_assert_int_eq(ask_and_wait(&f, "E", NULL, "chat", &a), DEIA_OK);
	ck_assert_str_eq(a.text, "chat");
	ck_assert_str_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->result,
			 "work");
}
END_TEST

START_TEST(bot_has_no_more_tasks_than_it_works_on)
{
	char ids[4][37];

	create_script_bot(&f, "N", never_answers);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, ids[i]),
				 DEIA_OK);
	run_until_task(&f, ids[0], DEIA_TASK_RUNNING);
	ck_assert_uint_eq(deia_tasks_at_bot(deia_hive_tasks(f.hive), "N"), 1);
	for (int i = 1; i < 4; i++)
		run_until_task(&f, ids[i], DEIA_TASK_QUEUED);
}
END_TEST

START_TEST(capabilities_are_matched_and_follow_the_bot)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	const char *caps[] = { "gpu" };
	struct deia_task_draft d = draft_of("x");
	struct jobs got;

	create_worker(&f, "plain");
	d.capabilities = caps;
	d.n_capabilities = 1;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	run_until_task(&f, got.items[0].id, DEIA_TASK_QUEUED);
	spec.id = "able";
	spec.adapter = "echo";
	spec.capabilities = caps;
	spec.n_capabilities = 1;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	ck_assert_str_eq(
		run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED)->bot,
		"able");
}
END_TEST

START_TEST(task_waits_for_what_it_depends_on)
{
	struct deia_task_draft d[2] = { draft_of("second"), draft_of("first") };
	const char *needs[] = { "a" };
	struct jobs got;

	d[0].depends_on = needs;
	d[0].n_depends_on = 1;
	d[1].ref = "a";
	ck_assert_int_eq(submit_drafts(&f, "admin", d, 2, NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_int_eq(got.items[0].status, DEIA_TASK_BLOCKED);
	ck_assert_int_eq(got.items[1].status, DEIA_TASK_QUEUED);
	create_worker(&f, "E");
	run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED);
	run_until_task(&f, got.items[1].id, DEIA_TASK_SUCCEEDED);
}
END_TEST

/* ---- what does not count ------------------------------------------------------ */

static void submit_once(const char *bot, char *id)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;

	d.bot = bot;
	d.max_attempts = 1;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	memcpy(id, got.items[0].id, 37);
	run_until_task(&f, id, DEIA_TASK_RUNNING);
}

/* It runs again, though it had but one attempt. */
static void assert_excused_once(const char *id)
{
	const struct job *j;

	for (;;) {
		j = run_until_task(&f, id, DEIA_TASK_RUNNING);
		if (j->attempt > 1)
			break;
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	ck_assert_uint_eq(j->attempt, 2);
	ck_assert_uint_eq(j->excused, 1);
	ck_assert_str_eq(j->attempts[0].outcome, "excused");
}

START_TEST(stopping_the_hive_costs_no_attempt)
{
	char id[37];

	create_script_bot(&f, "N", never_answers);
	submit_once("N", id);
	fixture_reopen(&f, true);
	assert_excused_once(id);
}
END_TEST

START_TEST(end_of_the_hive_costs_no_attempt)
{
	char id[37];

	create_script_bot(&f, "N", never_answers);
	submit_once("N", id);
	fixture_reopen(&f, false);
	assert_excused_once(id);
}
END_TEST

START_TEST(stopping_the_bot_costs_no_attempt)
{
	char id[37];

	create_script_bot(&f, "N", never_answers);
	submit_once("N", id);
	ck_assert_int_eq(act(&f, "N", DEIA_BOT_STOP), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_QUEUED);
	run_until_state(&f, "N", DEIA_BOT_STOPPED);
	ck_assert_int_eq(act(&f, "N", DEIA_BOT_START), DEIA_OK);
	assert_excused_once(id);
}
END_TEST

START_TEST(interrupting_the_bot_costs_no_attempt)
{
	char id[37];

	create_script_bot(&f, "N", never_answers);
	submit_once("N", id);
	run_until_state(&f, "N", DEIA_BOT_BUSY);
	ck_assert_int_eq(act(&f, "N", DEIA_BOT_INTERRUPT), DEIA_OK);
	assert_excused_once(id);
}
END_TEST

START_TEST(removing_the_bot_gives_its_task_to_another)
{
	const struct job *j;
	char id[37];

	create_script_bot(&f, "N", never_answers);
	submit_once(NULL, id);
	ck_assert_int_eq(remove_bot(&f, "N", true, false), DEIA_OK);
	create_worker(&f, "E");
	j = run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(j->attempts[0].outcome, "excused");
	ck_assert_str_eq(j->bot, "E");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-tasks");
	TCase *t = tcase_create("tasks");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, task_is_done_by_a_bot_and_its_result_is_kept);
	tcase_add_test(t, task_waits_for_a_bot_that_comes_later);
	tcase_add_test(t, task_of_a_bot_that_dies_is_done_elsewhere);
	tcase_add_test(t, error_that_cannot_be_retried_ends_the_task);
	tcase_add_test(t, turn_that_takes_too_long_times_out);
	tcase_add_test(t, content_that_fits_into_no_line_fails_at_once);
	tcase_add_test(t, cancelling_reaches_the_bot);
	tcase_add_test(t, chat_goes_before_tasks_and_both_are_answered);
	tcase_add_test(t, bot_has_no_more_tasks_than_it_works_on);
	tcase_add_test(t, capabilities_are_matched_and_follow_the_bot);
	tcase_add_test(t, task_waits_for_what_it_depends_on);
	tcase_add_test(t, stopping_the_hive_costs_no_attempt);
	tcase_add_test(t, end_of_the_hive_costs_no_attempt);
	tcase_add_test(t, stopping_the_bot_costs_no_attempt);
	tcase_add_test(t, interrupting_the_bot_costs_no_attempt);
	tcase_add_test(t, removing_the_bot_gives_its_task_to_another);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
