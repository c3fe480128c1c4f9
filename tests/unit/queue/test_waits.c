/* SPDX-License-Identifier: MIT */
/* test_waits.c - what tasks wait for: their turn, bots, other tasks, times,
 * people; on each kind of store. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static enum rig_kind kind;
static struct rig r;
static char id[37], id2[37], id3[37];

static void setup(void)
{
	rig_init(&r, kind);
}

static void teardown(void)
{
	rig_fini(&r);
}

START_TEST(test_priority_and_ageing)
{
	struct deia_task_draft d = rig_draft("low");

	d.priority = 3;
	rig_add_draft(&r, id, &d);
	d = rig_draft("high");
	d.priority = 0;
	rig_add_draft(&r, id2, &d);
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	ck_assert_str_eq(r.runs[0].content, "high");
	/* What comes more than 3 x ageing_ms later waits behind the low one. */
	rig_sleep(&r, 3 * 60000 + 1000);
	rig_add_draft(&r, id3, &d);
	rig_end(&r, id2, DEIA_OK, "x");
	ck_assert_str_eq(r.runs[0].content, "low");
}
END_TEST

START_TEST(test_pinned_and_capable)
{
	const char *gpu = "gpu";
	struct deia_task_draft d = rig_draft("pinned");

	rig_bot(&r, "A", 1, NULL);
	rig_bot(&r, "B", 1, NULL);
	d.bot = "C";
	rig_add_draft(&r, id, &d);
	d = rig_draft("capable");
	d.capabilities = &gpu;
	d.n_capabilities = 1;
	rig_add_draft(&r, id2, &d);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason, "its bot C is not there any more");
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason, "no bot that can have a task now "
					     "has what it needs: gpu");
	rig_bot_gone(&r, "C");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason,
			 "its bot C cannot have a task now; `deia bot show C` "
			 "says why");
	rig_bot(&r, "C", 1, NULL);
	rig_bot(&r, "D", 1, "gpu");
	rig_idle(&r);
	ck_assert_str_eq(rig_run_of(&r, id)->bot, "C");
	ck_assert_str_eq(rig_run_of(&r, id2)->bot, "D");
}
END_TEST

START_TEST(test_what_waits_says_why)
{
	rig_add(&r, id, "first");
	rig_add(&r, id2, "second");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason, "there is no bot yet");
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason, "no bot has room for it now");
}
END_TEST

START_TEST(test_dependencies)
{
	const char *on = id;
	struct deia_task_draft d = rig_draft("second");

	rig_add(&r, id, "first");
	d.depends_on = &on;
	d.n_depends_on = 1;
	rig_add_draft(&r, id2, &d);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_BLOCKED);
	rig_bot(&r, "A", 4, NULL);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	rig_restart(&r, false);
	rig_sleep(&r, 100);
	ck_assert_uint_eq(r.n_runs, 1);
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_ptr_nonnull(rig_run_of(&r, id2));
	rig_end(&r, id2, DEIA_OK, "y");
	/* One that has succeeded long ago is fine. */
	rig_add_draft(&r, id3, &d);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_QUEUED);
}
END_TEST

START_TEST(test_dependency_that_fails)
{
	const char *on = id;
	struct deia_task_draft d = rig_draft("second");

	rig_add(&r, id, "first");
	d.depends_on = &on;
	d.n_depends_on = 1;
	rig_add_draft(&r, id2, &d);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_CANCELLED);
	ck_assert_str_eq(r.got.first.error_code, "dependency");
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "depends_on");
	on = "0190a0a0-0000-7000-8000-000000000001";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	on = "nothing";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
}
END_TEST

/* As many may wait for one as there may be tasks: they are told in parts. */
START_TEST(test_many_wait_for_one)
{
	static struct deia_task_draft d[700];
	static char last[37];
	const char *on = id;

	rig_add(&r, id, "first");
	for (size_t i = 0; i < 700; i++) {
		d[i] = rig_draft("others");
		d[i].depends_on = &on;
		d[i].n_depends_on = 1;
	}
	ck_assert_int_eq(rig_submit(&r, d, 700, NULL, NULL), DEIA_OK);
	snprintf(last, sizeof(last), "%s", r.got.last);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	deia__ready_run(r.q);
	ck_assert(!TAILQ_EMPTY(&r.q->ended_deps));
	ck_assert(!deia_tasks_idle(r.q));
	/* One that was not told yet leaves, one is dropped with the queue. */
	ck_assert_int_eq(deia__task_find(r.q, last)->deps_open, 1);
	deia__deps_leave(deia__task_find(r.q, last));
	rig_restart(&r, true);
	rig_idle(&r);
	ck_assert(TAILQ_EMPTY(&r.q->ended_deps));
	ck_assert_int_eq(rig_status(&r, last), DEIA_TASK_CANCELLED);
	ck_assert_uint_eq(r.q->n_open, 0);
}
END_TEST

START_TEST(test_batch_with_refs)
{
	const char *a = "a", *b = "b", *c = "c";
	struct deia_task_draft d[3] = { rig_draft("1"), rig_draft("2"),
					rig_draft("3") };

	d[0].ref = a;
	d[0].depends_on = &b;
	d[0].n_depends_on = 1;
	d[1].ref = b;
	d[2].ref = c;
	d[2].depends_on = &a;
	d[2].n_depends_on = 1;
	rig_bot(&r, "A", 4, NULL);
	ck_assert_int_eq(rig_submit(&r, d, 3, NULL, NULL), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 3);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_str_eq(r.runs[0].content, "2");
	d[1].depends_on = &c;
	d[1].n_depends_on = 1;
	ck_assert_int_eq(rig_submit(&r, d, 3, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "depends_on");
	d[1].ref = a;
	ck_assert_int_eq(rig_submit(&r, d, 3, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "ref");
	ck_assert_int_eq(deia_tasks_error_index(r.q), 1);
}
END_TEST

START_TEST(test_not_before_and_deadline)
{
	struct deia_task_draft d = rig_draft("later");

	rig_bot(&r, "A", 4, NULL);
	d.due_unix_ms = r.clock.wall_ms + 10000;
	rig_add_draft(&r, id, &d);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_BLOCKED);
	rig_sleep(&r, 9000);
	ck_assert_uint_eq(r.n_runs, 0);
	rig_sleep(&r, 2000);
	ck_assert_uint_eq(r.n_runs, 1);
	d = rig_draft("too late");
	d.deadline_unix_ms = r.clock.wall_ms + 5000;
	rig_add_draft(&r, id2, &d);
	rig_idle(&r);
	ck_assert_ptr_nonnull(rig_run_of(&r, id2));
	rig_sleep(&r, 6000);
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_TIMED_OUT);
	ck_assert_uint_eq(r.interrupts, 1);
	ck_assert_str_eq(r.got.first.error, "its deadline is over");
	ck_assert_ptr_null(rig_run_of(&r, id2));
}
END_TEST

START_TEST(test_approval)
{
	struct deia_task_draft d = rig_draft("may I?");

	rig_bot(&r, "A", 4, NULL);
	d.approval = true;
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_int_eq(rig_approve(&r, id), DEIA_OK);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_int_eq(rig_approve(&r, id), DEIA_ESTATE);
}
END_TEST

START_TEST(test_types_can_be_paused_and_limited)
{
	struct deia_task_type_status st;
	size_t n = 0;

	rig_bot(&r, "A", 8, NULL);
	ck_assert_int_eq(
		deia_tasks_set_type(r.q, "general", true, 0, "ann", NULL, NULL),
		DEIA_OK);
	rig_idle(&r);
	rig_add(&r, id, "1");
	rig_add(&r, id2, "2");
	rig_add(&r, id3, "3");
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 0);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason, "type general is paused");
	rig_restart(&r, false);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 0);
	rig_bot(&r, "A", 8, NULL);
	ck_assert_int_eq(deia_tasks_set_type(r.q, "general", false, 2, "ann",
					     NULL, NULL),
			 DEIA_OK);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 2);
	while (deia_tasks_type_at(r.q, n, &st) &&
	       strcmp(st.name, "general") != 0)
		n++;
	ck_assert_uint_eq(st.active, 2);
	ck_assert_uint_eq(st.queued, 1);
	ck_assert_int_eq(st.oldest_unix_ms, r.clock.wall_ms);
	ck_assert_int_eq(deia_tasks_set_type(r.q, "nothing", false, 2, "ann",
					     NULL, NULL),
			 DEIA_ENOTFOUND);
}
END_TEST

static struct deia_task_type_status type_status(const char *name)
{
	struct deia_task_type_status st = { NULL };
	size_t n = 0;

	while (deia_tasks_type_at(r.q, n, &st) && strcmp(st.name, name) != 0)
		n++;
	return st;
}

START_TEST(waits_and_ends_are_counted_by_type)
{
	struct deia_task_type_status st;

	rig_add(&r, id, "1");
	rig_idle(&r);
	rig_sleep(&r, 30000);
	st = type_status("general");
	ck_assert_uint_eq(deia_histogram_count(&st.waits), 0);
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	st = type_status("general");
	ck_assert_uint_eq(deia_histogram_count(&st.waits), 1);
	ck_assert_uint_eq(st.waits.sum, 30000000);
	rig_end(&r, id, DEIA_EREMOTE, NULL); /* it is tried again */
	rig_sleep(&r, 120000);
	st = type_status("general");
	ck_assert_uint_eq(deia_histogram_count(&st.waits), 1);
	ck_assert_uint_eq(st.ended[DEIA_TASK_SUCCEEDED], 0);
	rig_end(&r, id, DEIA_OK, "x");
	st = type_status("general");
	ck_assert_uint_eq(st.ended[DEIA_TASK_SUCCEEDED], 1);
	ck_assert_uint_eq(st.ended[DEIA_TASK_FAILED], 0);
}
END_TEST

START_TEST(test_recurring)
{
	struct deia_task_query query = DEIA_TASK_QUERY_INIT;
	struct deia_task_draft d = rig_draft("each hour");

	rig_bot(&r, "A", 1, NULL);
	d.every_seconds = 3600;
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_SUBMITTED], 2);
	query.series = id;
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 2);
	snprintf(id2, sizeof(id2), "%s", r.got.ids[0]);
	ck_assert_str_eq(r.got.first.series, id);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_BLOCKED);
	rig_restart(&r, true);
	rig_sleep(&r, 3599000);
	ck_assert_uint_eq(r.n_runs, 0);
	rig_sleep(&r, 2000);
	ck_assert_ptr_nonnull(rig_run_of(&r, id2));
	ck_assert_str_eq(rig_run_of(&r, id2)->content, "each hour");
	/* The end of the series. */
	ck_assert_int_eq(rig_cancel(&r, id2), DEIA_OK);
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 2);
}
END_TEST

START_TEST(test_retried_task_of_a_series_is_done_once)
{
	struct deia_task_query query = DEIA_TASK_QUERY_INIT;
	struct deia_task_draft d = rig_draft("each hour");

	rig_bot(&r, "A", 1, NULL);
	d.every_seconds = 3600;
	d.max_attempts = 1;
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_EREMOTE, "no");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	query.series = id;
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 2);
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	rig_restart(&r, false);
	rig_sleep(&r, 1000);
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 2);
}
END_TEST

START_TEST(test_retried_task_is_not_late_after_a_restart)
{
	struct deia_task_draft d = rig_draft("by then");

	d.deadline_unix_ms = r.clock.wall_ms + 2000;
	rig_add_draft(&r, id, &d);
	rig_sleep(&r, 3000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_TIMED_OUT);
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	rig_restart(&r, true);
	rig_sleep(&r, 1000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
}
END_TEST

/* Nothing happens but that time goes by. */
START_TEST(test_paused_bot_is_tried_again_by_itself)
{
	struct deia_scheduler_bot_status st;
	unsigned n = 0;

	rig_bot(&r, "A", 1, NULL);
	do {
		rig_add(&r, id, "x");
		rig_idle(&r);
		rig_end(&r, id, DEIA_EREMOTE, "no");
		if (rig_run_of(&r, id))
			rig_end(&r, id, DEIA_EREMOTE, "no");
		ck_assert_int_eq(
			deia_scheduler_bot_status(r.scheduler, "A", &st),
			DEIA_OK);
	} while (st.circuit != DEIA_CIRCUIT_OPEN && ++n < 100);
	ck_assert_int_eq(st.circuit, DEIA_CIRCUIT_OPEN);
	ck_assert_uint_eq(r.n_runs, 0);
	rig_sleep(&r, 600000);
	ck_assert_uint_eq(r.n_runs, 1);
}
END_TEST

/* Of a lane that has many which A has failed at, and B has no time for. */
START_TEST(test_those_that_avoid_a_bot_do_not_keep_it_from_others)
{
	unsigned at_a = 0;

	rig_bot(&r, "A", 1, NULL);
	for (int i = 0; i < 250; i++) {
		rig_add(&r, id, "x");
		rig_sleep(&r, 1);
	}
	rig_bot(&r, "B", 1, NULL);
	rig_idle(&r);
	for (int i = 0; i < 180; i++) {
		struct rig_run *run = NULL;

		for (size_t k = 0; k < r.n_runs; k++)
			if (strcmp(r.runs[k].bot, "A") == 0)
				run = &r.runs[k];
		if (!run)
			break;
		at_a++;
		snprintf(id, sizeof(id), "%s", run->id);
		/* Well enough to be no reason to pause it. */
		if (i % 2)
			rig_end(&r, id, DEIA_EREMOTE, "no");
		else
			rig_end(&r, id, DEIA_OK, "yes");
	}
	ck_assert_uint_eq(at_a, 180);
}
END_TEST

START_TEST(test_what_a_batch_expects_is_bounded)
{
	static char expect[10][16 << 10];
	struct deia_task_draft d[10];

	for (int i = 0; i < 10; i++) {
		snprintf(expect[i], sizeof(expect[i]),
			 "{\"json_schema\":{\"title\":\"%d%*s\"}}", i, 15000,
			 "x");
		d[i] = rig_draft("x");
		d[i].expect = expect[i];
	}
	ck_assert_int_eq(rig_submit(&r, d, 10, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "expect");
	ck_assert_int_eq(deia_tasks_error_index(r.q), 4);
	/* The same for all of them costs once. */
	for (int i = 0; i < 10; i++) {
		d[i] = rig_draft("x");
		d[i].expect = expect[0];
	}
	ck_assert_msg(rig_submit(&r, d, 10, NULL, NULL) == DEIA_OK, "%s",
		      deia_tasks_errmsg(r.q));
}
END_TEST

START_TEST(test_task_of_another_node_is_left_alone)
{
	r.opts.node = "one";
	rig_restart(&r, false);
	rig_add(&r, id, "there");
	rig_idle(&r);
	r.opts.node = "two";
	rig_restart(&r, false);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_EOTHERNODE);
	rig_idle(&r);
	/* It is not kept as it was once seen. */
	ck_assert_ptr_null(r.q->tasks);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	r.opts.node = "one";
	rig_restart(&r, false);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
}
END_TEST

/* Its store was copied: nobody shares it any more. */
START_TEST(test_tasks_of_all_nodes_are_done_where_nobody_shares)
{
	r.opts.node = "one";
	rig_restart(&r, false);
	rig_add(&r, id, "there");
	rig_idle(&r);
	r.opts.node = NULL;
	rig_restart(&r, false);
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "done here");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
}
END_TEST

/* What was retried by hand stays so, though what ended it is still there. */
START_TEST(test_retry_outlives_a_restart)
{
	const char *on[2] = { id, id2 };
	struct deia_task_draft d = rig_draft("third");
	char late[37];

	rig_add(&r, id, "first");
	rig_add(&r, id2, "second");
	d.depends_on = on;
	d.n_depends_on = 2;
	rig_add_draft(&r, id3, &d);
	d = rig_draft("late");
	d.deadline_unix_ms = r.clock.wall_ms + 1000;
	rig_add_draft(&r, late, &d);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	rig_sleep(&r, 2000);
	ck_assert_int_eq(rig_status(&r, id3), DEIA_TASK_CANCELLED);
	ck_assert_int_eq(rig_status(&r, late), DEIA_TASK_TIMED_OUT);
	ck_assert_int_eq(rig_retry(&r, id3), DEIA_OK);
	ck_assert_int_eq(rig_retry(&r, late), DEIA_OK);
	rig_restart(&r, true);
	rig_sleep(&r, 1000);
	ck_assert_int_eq(rig_status(&r, id3), DEIA_TASK_BLOCKED);
	ck_assert_int_eq(rig_status(&r, late), DEIA_TASK_QUEUED);
	/* What fails from now on counts. */
	ck_assert_int_eq(rig_cancel(&r, id2), DEIA_OK);
	ck_assert_int_eq(rig_status(&r, id3), DEIA_TASK_CANCELLED);
}
END_TEST

/* Its next one is there already. */
START_TEST(test_retry_of_a_recurring_task)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;
	struct deia_task_draft d = rig_draft("each hour");

	rig_bot(&r, "A", 1, NULL);
	d.every_seconds = 3600;
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	o.err = DEIA_EREMOTE;
	o.final = true;
	rig_end_with(&r, id, &o);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	rig_restart(&r, true);
	rig_bot(&r, "A", 1, NULL);
	rig_sleep(&r, 1000);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_SUBMITTED], 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("waits");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_priority_and_ageing);
	tcase_add_test(t, test_pinned_and_capable);
	tcase_add_test(t, test_what_waits_says_why);
	tcase_add_test(t, test_dependencies);
	tcase_add_test(t, test_dependency_that_fails);
	tcase_add_test(t, test_many_wait_for_one);
	tcase_add_test(t, test_batch_with_refs);
	tcase_add_test(t, test_not_before_and_deadline);
	tcase_add_test(t, test_approval);
	tcase_add_test(t, test_types_can_be_paused_and_limited);
	tcase_add_test(t, test_recurring);
	tcase_add_test(t, waits_and_ends_are_counted_by_type);
	tcase_add_test(t, test_retried_task_of_a_series_is_done_once);
	tcase_add_test(t, test_retried_task_is_not_late_after_a_restart);
	tcase_add_test(t, test_paused_bot_is_tried_again_by_itself);
	tcase_add_test(t,
		       test_those_that_avoid_a_bot_do_not_keep_it_from_others);
	tcase_add_test(t, test_what_a_batch_expects_is_bounded);
	tcase_add_test(t, test_task_of_another_node_is_left_alone);
	tcase_add_test(t, test_tasks_of_all_nodes_are_done_where_nobody_shares);
	tcase_add_test(t, test_retry_outlives_a_restart);
	tcase_add_test(t, test_retry_of_a_recurring_task);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	return rig_main(argc, argv, &kind, suite);
}
