/* SPDX-License-Identifier: MIT */
/*
 * test_random.c - what must hold whatever happens: no task that was taken is
 * lost, none runs twice at a time, each ends, and what is counted is what there
 * is. Random calls, outcomes, bots that come and go, restarts and crashes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define TASKS 600
#define STEPS 500

static enum rig_kind kind;
static struct rig r;
static struct deia__rng rng;
static char ids[TASKS][37];
static unsigned n_ids;

static unsigned pick(unsigned n)
{
	return (unsigned)(deia__rng_next(&rng) % n);
}

static const char *some_id(void)
{
	return ids[pick(n_ids)];
}

/* ---- memory and store -------------------------------------------------- */

static void same_text(const char *a, const char *b)
{
	ck_assert_str_eq(a ? a : "", b ? b : "");
}

static void same_state(const struct deia__task_state *a,
		       const struct deia__task_state *b)
{
	ck_assert_int_eq(a->status, b->status);
	ck_assert_str_eq(a->bot, b->bot);
	ck_assert_int_eq(a->due, b->due);
	ck_assert_int_eq(a->started, b->started);
	ck_assert_int_eq(a->finished, b->finished);
	ck_assert_uint_eq(a->attempt, b->attempt);
	ck_assert_uint_eq(a->excused, b->excused);
	same_text(a->error_code, b->error_code);
	same_text(a->error, b->error);
	same_text(a->reason, b->reason);
	ck_assert_int_eq(a->verdict, b->verdict);
	ck_assert_int_eq(a->prompt_tokens, b->prompt_tokens);
	ck_assert_int_eq(a->completion_tokens, b->completion_tokens);
}

static void same_attempts(const struct deia__task *a,
			  const struct deia__task *b)
{
	char *x = deia__attempts_print(a), *y = deia__attempts_print(b);

	ck_assert_str_eq(x, y);
	deia__free(x);
	deia__free(y);
}

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	unsigned *calls = user;

	ck_assert_int_eq(err, DEIA_OK);
	++*calls;
	for (size_t i = 0; i < deia_rows_count(rows); i++) {
		struct deia__task *row =
			deia__task_from_row(r.q, rows, i, &err);
		const struct deia__task *t;

		ck_assert_ptr_nonnull(row);
		t = deia__task_find(r.q, row->id);
		if (t) {
			same_state(&t->s, &row->s);
			same_attempts(t, row);
		}
		deia__task_drop(row, DEIA_OK);
	}
}

/* The rows are what is in memory: only what has changed is written. */
static void check_rows(void)
{
	struct deia_page_query page = {
		&deia__table_tasks, -1, NULL, 0, NULL, 0, false, TASKS
	};
	unsigned calls = 0;

	rig_idle(&r);
	ck_assert_int_eq(deia_store_page(r.store, &page, on_rows, &calls),
			 DEIA_OK);
	while (!calls)
		event_base_loop(r.base, EVLOOP_ONCE);
}

/* ---- what happens ------------------------------------------------------ */

static void take(const struct rig_answer *got)
{
	for (size_t i = 0; i < got->n && n_ids < TASKS; i++)
		snprintf(ids[n_ids++], 37, "%s", got->ids[i]);
}

static void submit(void)
{
	static const char *const types[] = { "general", "writing", "planning" };
	const char *on[2] = { "a", n_ids ? some_id() : "a" };
	struct deia_task_draft d[2] = { rig_draft("one"), rig_draft("two") };
	size_t n = 1 + pick(2);
	deia_err err;

	if (n_ids + 2 > TASKS)
		return;
	d[0].ref = "a";
	for (size_t i = 0; i < n; i++) {
		d[i].type = types[pick(3)];
		d[i].priority = pick(4);
		d[i].max_attempts = 1 + pick(4);
		d[i].approval = pick(8) == 0;
		if (pick(5) == 0)
			d[i].due_unix_ms = r.clock.wall_ms + pick(5000);
		if (pick(10) == 0)
			d[i].deadline_unix_ms =
				r.clock.wall_ms + 6000 + pick(9000);
		if (pick(12) == 0)
			d[i].bot = "A";
	}
	if (n == 2 && pick(2)) {
		d[1].depends_on = on;
		d[1].n_depends_on = n_ids && pick(3) == 0 ? 2 : 1;
	}
	err = rig_submit(&r, d, n, NULL, NULL);
	/* It may depend on one that has ended badly. */
	ck_assert(err == DEIA_OK || (err == DEIA_EFIELD && d[1].depends_on));
	take(&r.got);
}

static void end_one(void)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;
	static const deia_err errs[] = { DEIA_OK,	 DEIA_OK,
					 DEIA_OK,	 DEIA_EREMOTE,
					 DEIA_ETIMEDOUT, DEIA_ECANCELED };
	char id[37];

	if (r.n_runs == 0)
		return;
	snprintf(id, sizeof(id), "%s", r.runs[pick((unsigned)r.n_runs)].id);
	o.err = errs[pick(6)];
	o.seconds = pick(100) / 10.0;
	o.final = o.err && pick(10) == 0;
	o.text = "answer";
	o.text_len = 6;
	rig_end_with(&r, id, &o);
}

static void begin_one(void)
{
	struct rig_run *run;

	if (r.n_runs == 0)
		return;
	run = &r.runs[pick((unsigned)r.n_runs)];
	deia_tasks_begun(r.q, run->id, run->attempt);
}

static void act(void)
{
	deia_err err;

	if (n_ids == 0)
		return;
	switch (pick(4)) {
	case 0:
		err = rig_cancel(&r, some_id());
		break;
	case 1:
		err = rig_retry(&r, some_id());
		break;
	case 2:
		err = rig_approve(&r, some_id());
		break;
	default:
		err = rig_verdict(&r, some_id(), pick(2));
	}
	ck_assert(err == DEIA_OK || err == DEIA_ESTATE);
}

static void move_bots(void)
{
	static const char *const bots[] = { "A", "B", "C", "D" };
	const char *bot = bots[pick(4)];

	if (pick(3))
		rig_bot(&r, bot, 1 + pick(3), NULL);
	else
		rig_bot(&r, bot, 1, NULL), rig_bot_gone(&r, bot);
	if (pick(4) == 0)
		ck_assert_int_eq(deia_tasks_set_type(r.q, "writing", pick(2),
						     pick(3), "ann", NULL,
						     NULL),
				 DEIA_OK);
}

static void step(void)
{
	switch (pick(12)) {
	case 0:
	case 1:
	case 2:
		submit();
		break;
	case 3:
	case 4:
	case 5:
		end_one();
		break;
	case 6:
		begin_one();
		break;
	case 7:
		act();
		break;
	case 8:
		move_bots();
		break;
	case 9:
		rig_sleep(&r, pick(3000));
		break;
	case 10:
		check_rows();
		break;
	default:
		if (pick(10) == 0)
			rig_restart(&r, pick(2));
	}
}

/* ---- what must hold ---------------------------------------------------- */

/* All that can end does. */
static void drain(void)
{
	ck_assert_int_eq(deia_tasks_set_type(r.q, "writing", false, 0, "ann",
					     NULL, NULL),
			 DEIA_OK);
	for (unsigned i = 0; i < n_ids; i++)
		(void)!rig_approve(&r, ids[i]);
	rig_bot(&r, "A", 4, NULL);
	rig_bot(&r, "B", 4, NULL);
	for (unsigned i = 0; i < 3000 && r.q->n_open > 0; i++) {
		rig_sleep(&r, 2000);
		while (r.n_runs > 0)
			rig_end(&r, r.runs[0].id, DEIA_OK, "x");
	}
	ck_assert_uint_eq(r.q->n_open, 0);
	ck_assert_uint_eq(HASH_COUNT(r.q->tasks), 0);
	ck_assert_ptr_null(r.q->lanes);
	ck_assert_ptr_null(r.q->deps);
	ck_assert_uint_eq(r.q->cached, 0);
}

static void check_counts(void)
{
	struct deia_tasks_status st;
	uint64_t counted[DEIA_TASK_STATUSES] = { 0 }, all = 0;

	for (unsigned i = 0; i < n_ids; i++) {
		deia_task_status status = rig_status(&r, ids[i]);

		ck_assert(deia_task_status_is_final(status));
		ck_assert_int_gt(r.got.first.finished, 0);
		counted[status]++;
	}
	deia_tasks_get_status(r.q, &st);
	for (unsigned s = 0; s < DEIA_TASK_STATUSES; s++) {
		ck_assert_msg(st.by_status[s] == counted[s],
			      "%s: counted %lu, found %lu",
			      deia_task_status_name(s),
			      (unsigned long)st.by_status[s],
			      (unsigned long)counted[s]);
		all += counted[s];
	}
	ck_assert_uint_eq(all, n_ids);
	for (unsigned n = 0; n < r.q->n_types; n++) {
		ck_assert_uint_eq(r.q->types[n].queued, 0);
		ck_assert_uint_eq(r.q->types[n].active, 0);
	}
}

START_TEST(test_random_calls)
{
	deia__rng_init(&rng, (uint64_t)_i + 1);
	n_ids = 0;
	rig_init(&r, kind);
	rig_bot(&r, "A", 2, NULL);
	for (unsigned i = 0; i < STEPS; i++)
		step();
	rig_idle(&r);
	drain();
	check_counts();
	rig_restart(&r, false);
	check_counts();
	rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, test_random_calls, 0,
			    kind == RIG_MEMORY	 ? 40
			    : kind == RIG_SQLITE ? 8
						 : 2);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	return rig_main(argc, argv, &kind, suite);
}
