/* SPDX-License-Identifier: MIT */
/* Commands that judge the results of a hive's tasks. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

#include <deia/scheduling.h>

#include "hive/tasks/checks.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

static void set_check(const char *name, const char *const *argv, size_t n)
{
	struct deia_task_check c = { name, argv, n, 0 };

	ck_assert_int_eq(deia_hive_task_checks(f.hive, &c, 1), DEIA_OK);
}

static void submit(char id[37], const char *content, const char *check)
{
	struct deia_task_draft d = draft_of(content);
	struct jobs got;

	d.check = check;
	d.max_attempts = 1;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	snprintf(id, 37, "%s", got.items[0].id);
}

START_TEST(result_is_judged_by_a_command)
{
	static const char *const argv[] = { "/bin/grep", "-qx", "yes" };
	char id[37];

	create_worker(&f, "E");
	set_check("agrees", argv, 3);
	submit(id, "yes", "agrees");
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	submit(id, "no", "agrees");
	ck_assert_str_eq(run_until_task(&f, id, DEIA_TASK_FAILED)->error,
			 "check agrees says no (status 1): it gave no reason");
}
END_TEST

/* More than run at a time; each ends. */
START_TEST(many_are_checked_in_turn)
{
	static const char *const argv[] = { "/bin/cat" };
	char ids[12][37];

	create_worker(&f, "E");
	set_check("reads", argv, 1);
	for (int i = 0; i < 12; i++)
		submit(ids[i], "x", "reads");
	for (int i = 0; i < 12; i++)
		run_until_task(&f, ids[i], DEIA_TASK_SUCCEEDED);
}
END_TEST

/* Its program is killed with the hive; the attempt does not count. */
START_TEST(hive_that_ends_excuses_what_is_checked)
{
	static const char *const argv[] = { "/bin/sh", "-c",
					    "exec tail -f /dev/null" };
	struct jobs got;
	char id[37];

	create_worker(&f, "E");
	set_check("never", argv, 3);
	submit(id, "x", "never");
	run_until_task(&f, id, DEIA_TASK_RUNNING);
	fixture_reopen(&f, true);
	ck_assert_int_eq(get_task(&f, "admin", id, &got), DEIA_OK);
	ck_assert(!deia_task_status_is_final(got.items[0].status));
	ck_assert_int_eq(do_task(&f, "admin", DEIA_TASK_DO_CANCEL, id),
			 DEIA_OK);
}
END_TEST

static unsigned samples_of(const char *bot)
{
	const deia_scheduler *s = deia_hive_get_scheduler(f.hive);
	struct deia_scheduler_bot_status st;

	ck_assert_int_eq(deia_scheduler_bot_status(s, bot, &st), DEIA_OK);
	return (unsigned)st.samples;
}

/* What cannot be run says nothing about the bot. */
START_TEST(bot_is_not_to_blame_for_a_check_that_is_broken)
{
	static const char *const none[] = { "/nowhere/at-all" };
	static const char *const no[] = { "/bin/false" };
	char id[37];

	create_worker(&f, "E");
	set_check("c", none, 1);
	submit(id, "x", "c");
	ck_assert_str_eq(run_until_task(&f, id, DEIA_TASK_FAILED)->error_code,
			 "unchecked");
	ck_assert_uint_eq(samples_of("E"), 0);
	set_check("c", no, 1);
	submit(id, "x", "c");
	run_until_task(&f, id, DEIA_TASK_FAILED);
	ck_assert_uint_eq(samples_of("E"), 1);
}
END_TEST

/* Four that never end would keep the fifth from its turn. */
START_TEST(check_ends_with_its_task)
{
	static const char script[] = "read x; test $x != stay || "
				     "exec tail -f /dev/null";
	static const char *const argv[] = { "/bin/sh", "-c", script };
	char ids[4][37], waiting[37], last[37];

	create_worker(&f, "E");
	set_check("c", argv, 3);
	for (int i = 0; i < 4; i++)
		submit(ids[i], "stay", "c");
	for (int i = 0; i < 4; i++)
		run_until_task(&f, ids[i], DEIA_TASK_RUNNING);
	submit(waiting, "stay", "c");
	submit(last, "go", "c");
	run_until_task(&f, waiting, DEIA_TASK_RUNNING);
	ck_assert_int_eq(do_task(&f, "admin", DEIA_TASK_DO_CANCEL, waiting),
			 DEIA_OK);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			do_task(&f, "admin", DEIA_TASK_DO_CANCEL, ids[i]),
			DEIA_OK);
	run_until_task(&f, last, DEIA_TASK_SUCCEEDED);
}
END_TEST

static deia_err begin(const char *id, const char *text, size_t len)
{
	struct deia_task task = { .id = id, .check = "c" };

	return deia__check_begin(&task, 1, text, len, f.hive);
}

/* 64 MiB of results may wait, and one that is larger if it waits alone. */
START_TEST(results_that_wait_are_bounded)
{
	static const char *const argv[] = { "/bin/cat" };
	const size_t half = 32u << 20;
	char *text = calloc(3, half);

	ck_assert_ptr_nonnull(text);
	set_check("c", argv, 1);
	ck_assert_int_eq(begin("large", text, 3 * half), DEIA_OK);
	ck_assert_int_eq(begin("small", text, 1), DEIA_EBUSY);
	deia__check_drop(f.hive, "large", 1);
	ck_assert_int_eq(begin("a", text, half), DEIA_OK);
	ck_assert_int_eq(begin("b", text, half + 1), DEIA_EBUSY);
	ck_assert_int_eq(begin("b", text, half), DEIA_OK);
	ck_assert_int_eq(begin("small", text, 1), DEIA_EBUSY);
	deia__check_drop(f.hive, "a", 2); /* another attempt's */
	ck_assert_int_eq(begin("small", text, 1), DEIA_EBUSY);
	deia__check_drop(f.hive, "a", 1);
	ck_assert_int_eq(begin("small", text, 1), DEIA_OK);
	deia__check_drop(f.hive, "b", 1);
	deia__check_drop(f.hive, "small", 1);
	free(text);
}
END_TEST

START_TEST(checks_that_are_wrong_are_refused)
{
	static const char *const argv[] = { "true" }, *const fine[] = {
		"/bin/true"
	};
	struct deia_task_check c = { "a", argv, 1, 0 };
	struct deia_task_draft d = draft_of("x");

	ck_assert_int_eq(deia_hive_task_checks(f.hive, &c, 1), DEIA_EINVAL);
	c.argv = fine;
	c.timeout_seconds = DEIA_TASK_CHECK_MAX_SECONDS + 1;
	ck_assert_int_eq(deia_hive_task_checks(f.hive, &c, 1), DEIA_EINVAL);
	c.timeout_seconds = 0;
	c.name = "a b";
	ck_assert_int_eq(deia_hive_task_checks(f.hive, &c, 1), DEIA_EINVAL);
	ck_assert_int_eq(
		deia_hive_task_checks(f.hive, &c, DEIA_TASK_CHECKS_MAX + 1),
		DEIA_ELIMIT);
	d.check = "a";
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, NULL),
			 DEIA_EFIELD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("task_checks");
	TCase *t = tcase_create("checks");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, result_is_judged_by_a_command);
	tcase_add_test(t, many_are_checked_in_turn);
	tcase_add_test(t, hive_that_ends_excuses_what_is_checked);
	tcase_add_test(t, bot_is_not_to_blame_for_a_check_that_is_broken);
	tcase_add_test(t, check_ends_with_its_task);
	tcase_add_test(t, results_that_wait_are_bounded);
	tcase_add_test(t, checks_that_are_wrong_are_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
