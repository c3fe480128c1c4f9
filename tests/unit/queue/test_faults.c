/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - a store that refuses: what was asked for did not happen and
 * is told so, what happens by itself happens when the store works again, and
 * no place at a bot is lost by it.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "messenger/disk.h"
#include "rig.h"

static struct rig r;
static char id[37], id2[37];

static void setup(void)
{
	disk_install();
	rig_init(&r, RIG_SQLITE);
}

static void teardown(void)
{
	disk_fail_writes(0);
	rig_fini(&r);
}

static uint64_t count_of(deia_task_status status)
{
	struct deia_tasks_status s;

	deia_tasks_get_status(r.q, &s);
	return s.by_status[status];
}

static unsigned active(void)
{
	struct deia_task_type_status st;
	unsigned n = 0;

	for (size_t i = 0; deia_tasks_type_at(r.q, i, &st); i++)
		n += st.active;
	return n;
}

/* ---- by itself --------------------------------------------------------- */

START_TEST(assignment_that_is_refused_takes_no_place_at_the_bot)
{
	rig_add(&r, id, "one");
	rig_add(&r, id2, "two");
	rig_bot(&r, "A", 1, NULL);
	disk_fail_writes(SQLITE_FULL);
	rig_sleep(&r, 5000);
	ck_assert_uint_eq(r.n_runs, 0);
	ck_assert_uint_eq(active(), 0);
	ck_assert_uint_eq(deia_tasks_at_bot(r.q, "A"), 0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	disk_fail_writes(0);
	rig_sleep(&r, 2500);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_uint_eq(active(), 1);
	rig_end(&r, r.runs[0].id, DEIA_OK, "x");
	rig_sleep(&r, 2500);
	ck_assert_uint_eq(r.n_runs, 1);
	rig_end(&r, r.runs[0].id, DEIA_OK, "x");
	ck_assert_uint_eq(active(), 0);
	ck_assert_uint_eq(deia_tasks_at_bot(r.q, "A"), 0);
	ck_assert_uint_eq(count_of(DEIA_TASK_SUCCEEDED), 2);
}
END_TEST

START_TEST(answer_is_kept_until_there_is_room)
{
	rig_add(&r, id, "one");
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	disk_fail_writes(SQLITE_FULL);
	rig_end(&r, id, DEIA_OK, "the answer");
	rig_sleep(&r, 5000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	disk_fail_writes(0);
	rig_sleep(&r, 2000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(r.got.first.result, "the answer");
	ck_assert_uint_eq(active(), 0);
}
END_TEST

static deia_err told;
static unsigned n_told;

static void on_told(deia_err err, const struct deia_task *items, size_t n,
		    bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	(void)user;
	told = err;
	n_told++;
}

START_TEST(who_cancels_while_the_disk_is_full_is_told)
{
	n_told = 0;
	rig_add(&r, id, "one");
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	disk_fail_writes(SQLITE_FULL);
	rig_end(&r, id, DEIA_OK, "the answer");
	ck_assert_int_eq(deia_tasks_cancel(r.q, id, "ann", on_told, NULL),
			 DEIA_OK);
	rig_sleep(&r, 2000);
	ck_assert_uint_eq(n_told, 1);
	ck_assert_int_eq(told, DEIA_EFULL);
	/* Also when the queue is stopped meanwhile. */
	ck_assert_int_eq(deia_tasks_cancel(r.q, id, "ann", on_told, NULL),
			 DEIA_OK);
	deia_tasks_stop(r.q);
	rig_sleep(&r, 2000);
	ck_assert_uint_eq(n_told, 2);
	ck_assert_int_eq(told, DEIA_EFULL);
	ck_assert(deia_tasks_idle(r.q));
	disk_fail_writes(0);
	rig_sleep(&r, 2000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(what_waits_for_others_or_its_time_goes_on_when_there_is_room)
{
	const char *on = id;
	struct deia_task_draft d = rig_draft("late"), after = rig_draft("then");

	rig_add(&r, id, "first");
	after.depends_on = &on;
	after.n_depends_on = 1;
	ck_assert_int_eq(rig_submit(&r, &after, 1, NULL, NULL), DEIA_OK);
	snprintf(id2, sizeof(id2), "%s", r.got.ids[0]);
	d.deadline_unix_ms = r.clock.wall_ms + 2000;
	d.bot = "nobody";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_OK);
	d = rig_draft("later");
	d.due_unix_ms = r.clock.wall_ms + 2000;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_OK);
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	rig_end(&r, id, DEIA_EREMOTE, "no");
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	disk_fail_writes(SQLITE_FULL);
	rig_sleep(&r, 5000);
	ck_assert_uint_eq(count_of(DEIA_TASK_TIMED_OUT), 0);
	disk_fail_writes(0);
	rig_sleep(&r, 4000);
	ck_assert_uint_eq(count_of(DEIA_TASK_TIMED_OUT), 1);
	ck_assert_uint_eq(count_of(DEIA_TASK_CANCELLED), 2);
	ck_assert_uint_eq(count_of(DEIA_TASK_ASSIGNED), 1);
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_CANCELLED);
}
END_TEST

/* ---- what is asked for ------------------------------------------------- */

START_TEST(calls_are_refused_and_change_nothing)
{
	struct deia_task_draft d = rig_draft("every day");

	rig_bot(&r, "A", 1, NULL);
	d.every_seconds = 86400;
	d.approval = true;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_OK);
	snprintf(id, sizeof(id), "%s", r.got.ids[0]);
	disk_fail_writes(SQLITE_FULL);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "key", NULL), DEIA_EFULL);
	ck_assert_str_eq(deia_tasks_errmsg(r.q), "the disk is full");
	ck_assert_int_eq(rig_approve(&r, id), DEIA_EFULL);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_EFULL);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
	disk_fail_writes(0);
	ck_assert_int_eq(rig_approve(&r, id), DEIA_OK);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "x");
	disk_fail_writes(SQLITE_FULL);
	ck_assert_int_eq(rig_verdict(&r, id, false), DEIA_EFULL);
	disk_fail_writes(0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(r.got.first.verdict, -1);
	ck_assert_int_eq(rig_verdict(&r, id, false), DEIA_OK);
	ck_assert_uint_eq(count_of(DEIA_TASK_SUCCEEDED), 1);
	ck_assert_uint_eq(count_of(DEIA_TASK_BLOCKED), 1);
}
END_TEST

START_TEST(retry_that_is_refused_leaves_the_task_as_it_was)
{
	struct deia_task_draft d = rig_draft("too late");

	d.deadline_unix_ms = r.clock.wall_ms + 2000;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_OK);
	snprintf(id, sizeof(id), "%s", r.got.ids[0]);
	rig_sleep(&r, 3000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_TIMED_OUT);
	disk_fail_writes(SQLITE_FULL);
	ck_assert_int_eq(rig_retry(&r, id), DEIA_EFULL);
	disk_fail_writes(0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_TIMED_OUT);
	ck_assert_uint_eq(count_of(DEIA_TASK_TIMED_OUT), 1);
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	ck_assert_uint_eq(count_of(DEIA_TASK_TIMED_OUT), 0);
	ck_assert_uint_eq(count_of(DEIA_TASK_QUEUED), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("faults");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, assignment_that_is_refused_takes_no_place_at_the_bot);
	tcase_add_test(t, answer_is_kept_until_there_is_room);
	tcase_add_test(t, who_cancels_while_the_disk_is_full_is_told);
	tcase_add_test(
		t,
		what_waits_for_others_or_its_time_goes_on_when_there_is_room);
	tcase_add_test(t, calls_are_refused_and_change_nothing);
	tcase_add_test(t, retry_that_is_refused_leaves_the_task_as_it_was);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
