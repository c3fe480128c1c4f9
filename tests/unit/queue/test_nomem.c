/* SPDX-License-Identifier: MIT */
/*
 * test_nomem.c - each allocation of each operation fails, once or for good.
 *
 * Afterwards the operation happened or it did not, its callback ran exactly
 * once if it was accepted, the counts are right, and the queue goes on: what
 * was acknowledged comes to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rig.h"

/* More than any operation makes. */
#define ALLOCATIONS 90

static struct rig r;
static char id[37], other[37];
/* For each id that was acknowledged: it must end. */
static char acknowledged[4096][37];
static unsigned n_acknowledged;

static void setup(void)
{
	rig_init(&r, RIG_MEMORY);
	n_acknowledged = 0;
}

static void teardown(void)
{
	deia__mem_fail_at(0, false);
	rig_fini(&r);
}

static void note_acknowledged(void)
{
	for (size_t i = 0; i < r.got.n; i++)
		snprintf(acknowledged[n_acknowledged++], 37, "%s",
			 r.got.ids[i]);
}

static deia_err add(const struct deia_task_draft *d, size_t n, const char *key)
{
	deia_err err = rig_submit(&r, d, n, key, NULL);

	if (!err)
		note_acknowledged();
	return err;
}

static void add_one(char to[37], const struct deia_task_draft *d)
{
	ck_assert_int_eq(add(d, 1, NULL), DEIA_OK);
	snprintf(to, 37, "%s", r.got.ids[0]);
}

static void end_all(void)
{
	for (unsigned round = 0; round < 20 && r.q->tasks; round++) {
		rig_sleep(&r, 2000);
		while (r.n_runs)
			rig_end(&r, r.runs[0].id, DEIA_OK, "well");
	}
}

static bool is_final(const char *task)
{
	return deia_task_status_is_final(rig_status(&r, task));
}

static void check_all(void)
{
	struct deia_tasks_status s;
	struct deia_task_type_status type;

	end_all();
	for (unsigned i = 0; i < n_acknowledged; i++)
		ck_assert_msg(is_final(acknowledged[i]), "%s is %s",
			      acknowledged[i],
			      deia_task_status_name(r.got.first.status));
	deia_tasks_get_status(r.q, &s);
	for (int i = 0; i < DEIA_TASK_SUCCEEDED; i++)
		ck_assert_uint_eq(s.by_status[i], 0);
	for (size_t i = 0; deia_tasks_type_at(r.q, i, &type); i++)
		ck_assert_uint_eq(type.queued + type.active, 0);
	ck_assert_uint_eq(deia_tasks_at_bot(r.q, "A"), 0);
	ck_assert_uint_eq(r.q->n_open, 0);
	ck_assert_ptr_null(r.q->tasks);
	ck_assert_ptr_null(r.q->deps);
	ck_assert_uint_eq(r.q->cached, 0);
	n_acknowledged = 0;
}

/* ---- calls ------------------------------------------------------------- */

enum op {
	SUBMIT,
	KEYED,
	REPEAT,
	CHAIN,
	GET,
	PAGE,
	CANCEL,
	RETRY,
	APPROVE,
	VERDICT,
	OPS
};
static const char *const names[OPS] = { "submit",  "keyed",  "repeat", "chain",
					"get",	   "page",   "cancel", "retry",
					"approve", "verdict" };

static deia_err try(enum op op, unsigned long n)
{
	struct deia_task_query query = DEIA_TASK_QUERY_INIT;
	struct deia_task_draft d[2] = { rig_draft("one"), rig_draft("two") };
	const char *on[2] = { "first", other }, *word = "gpu";
	char key[32];

	snprintf(key, sizeof(key), "key %lu", n);
	switch (op) {
	case SUBMIT:
		d[0].bot = "A";
		d[0].expect = "{\"regex\":\"^well\"}";
		return add(d, 1, NULL);
	case KEYED:
	case REPEAT:
		return add(d, 1, op == KEYED ? key : "key");
	case CHAIN:
		d[0].ref = "first";
		d[1].depends_on = on;
		d[1].n_depends_on = 2;
		d[1].capabilities = &word;
		d[1].n_capabilities = 1;
		return add(d, 2, NULL);
	case GET:
		return rig_get(&r, id);
	case PAGE:
		return rig_page(&r, &query);
	case CANCEL:
		return rig_cancel(&r, id);
	case RETRY:
		return rig_retry(&r, id);
	case APPROVE:
		return rig_approve(&r, id);
	default:
		return rig_verdict(&r, id, false);
	}
}

/* What the operation needs is there. */
static void prepare(enum op op)
{
	struct deia_task_draft d = rig_draft("there");

	if (op == APPROVE)
		d.approval = true;
	if (op == CANCEL)
		d.due_unix_ms = r.clock.wall_ms + 10000;
	add_one(id, &d);
	d = rig_draft("other");
	d.due_unix_ms = r.clock.wall_ms + 3000;
	add_one(other, &d);
	if (op == REPEAT)
		ck_assert_int_eq(try(REPEAT, 0), DEIA_OK);
	rig_idle(&r);
	if (op == RETRY)
		ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	if (op == VERDICT)
		rig_end(&r, id, DEIA_OK, "well");
	rig_idle(&r);
}

static void fail_one(enum op op, unsigned long n, bool sticky)
{
	deia_err err;

	prepare(op);
	deia__mem_fail_at(n, sticky);
	err = try(op, n * 2 + sticky);
	deia__mem_fail_at(0, false);
	/* What could not be done is tried again after a moment; what could not
	 * be read for an answer may have happened. */
	rig_sleep(&r, 1500);
	ck_assert_msg(err == DEIA_OK || err == DEIA_ENOMEM,
		      "%s, allocation %lu%s: %s", names[op], n,
		      sticky ? " and on" : "", deia_err_name(err));
	if (err) {
		err = try(op, n * 2 + sticky);
		ck_assert_msg(err == DEIA_OK || err == DEIA_ESTATE,
			      "%s, again after %lu: %s", names[op], n,
			      deia_err_name(err));
	}
	if (op == APPROVE && !is_final(id))
		(void)!rig_approve(&r, id);
	check_all();
}

static void fail_each(int op, bool sticky)
{
	rig_bot(&r, "A", 2, "gpu");
	for (unsigned long n = 1; n <= ALLOCATIONS; n++)
		fail_one((enum op)op, n, sticky);
}

START_TEST(every_allocation_of_a_call_may_fail_once)
{
	fail_each(_i, false);
}
END_TEST

START_TEST(every_allocation_of_a_call_may_fail_for_good)
{
	fail_each(_i, true);
}
END_TEST

/* ---- what happens by itself -------------------------------------------- */

/* A task is unblocked, chosen, begun, fails, is tried again, ends; one after
 * it is unblocked, one is late, one is the next of a series. */
static void live(unsigned long n, bool sticky)
{
	struct deia_task_draft d = rig_draft("one"), late = rig_draft("late");
	struct deia_task_draft then = rig_draft("then");
	struct deia_task_draft every = rig_draft("every day");
	const char *on = id;
	char series[37];

	d.due_unix_ms = r.clock.wall_ms + 1000;
	add_one(id, &d);
	then.depends_on = &on;
	then.n_depends_on = 1;
	add_one(other, &then);
	late.bot = "nobody";
	late.deadline_unix_ms = r.clock.wall_ms + 1000;
	add_one(other, &late);
	every.every_seconds = 86400;
	add_one(series, &every);
	rig_idle(&r);
	deia__mem_fail_at(n, sticky);
	rig_sleep(&r, 1500);
	for (unsigned i = 0; i < 3 && r.n_runs; i++) {
		struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;
		struct rig_run run = r.runs[0];

		deia_tasks_begun(r.q, run.id, run.attempt);
		r.runs[0] = r.runs[--r.n_runs];
		o.err = i ? DEIA_OK : DEIA_EREMOTE;
		o.text = i ? "well" : NULL;
		o.text_len = i ? 4 : 0;
		(void)!deia_tasks_ended(r.q, run.id, run.attempt, &o);
		rig_sleep(&r, 1500);
	}
	deia__mem_fail_at(0, false);
	end_all();
	/* The series is ended. */
	ck_assert_uint_eq(HASH_COUNT(r.q->tasks), 1);
	snprintf(series, sizeof(series), "%s", r.q->tasks->id);
	ck_assert_int_eq(rig_cancel(&r, series), DEIA_OK);
	check_all();
}

START_TEST(tasks_come_to_their_end_all_the_same)
{
	rig_bot(&r, "A", 2, NULL);
	for (unsigned long n = 1; n <= 3 * ALLOCATIONS; n++)
		live(n, _i);
}
END_TEST

/* ---- making one -------------------------------------------------------- */

START_TEST(making_one_fails_cleanly)
{
	struct deia_task_draft d = rig_draft("there"), then = rig_draft("then");
	char detail[256];
	const char *on = id;
	deia_tasks *q;
	int failures = 0;
	deia_err err;

	d.every_seconds = 3600;
	add_one(id, &d);
	then.depends_on = &on;
	then.n_depends_on = 1;
	add_one(other, &then);
	rig_idle(&r);
	for (unsigned long n = 1; n <= 200; n++) {
		deia__mem_fail_at(n / 2, n % 2);
		err = deia__tasks_new_with(&q, r.base, r.store, r.scheduler,
					   r.analyzer, &r.opts, &r.clock,
					   detail, sizeof(detail));
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		failures += err != DEIA_OK;
		ck_assert((q == NULL) == (err != DEIA_OK));
		deia_tasks_free(q);
	}
	ck_assert_int_gt(failures, 10);
	rig_bot(&r, "A", 1, NULL);
	rig_idle(&r);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("nomem");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 240); /* many, and slow under a sanitizer */
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_allocation_of_a_call_may_fail_once, 0,
			    OPS);
	tcase_add_loop_test(t, every_allocation_of_a_call_may_fail_for_good, 0,
			    OPS);
	tcase_add_loop_test(t, tasks_come_to_their_end_all_the_same, 0, 2);
	tcase_add_test(t, making_one_fails_cleanly);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
