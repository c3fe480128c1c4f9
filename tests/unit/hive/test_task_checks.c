/* SPDX-License-Identifier: MIT */
/* Commands that judge the results of a hive's tasks. */
#include "work.h"

#include <stdio.h>

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
	tcase_add_test(t, checks_that_are_wrong_are_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
