/* SPDX-License-Identifier: MIT */
/* test_basic.c - what tasks go through, one case after the other, on each kind
 * of store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static enum rig_kind kind;
static struct rig r;
static char id[37], id2[37];

static void setup(void)
{
	rig_init(&r, kind);
}

static void teardown(void)
{
	rig_fini(&r);
}

START_TEST(test_task_is_done)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "say hello");
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_QUEUED);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_str_eq(r.runs[0].content, "say hello");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	deia_tasks_begun(r.q, id, 1);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_RUNNING);
	rig_end(&r, id, DEIA_OK, "hello");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(r.got.first.result, "hello");
	ck_assert_str_eq(r.got.first.bot, "A");
	ck_assert_uint_eq(r.got.first.n_attempts, 1);
	ck_assert_str_eq(r.got.first.outcome, "succeeded");
	ck_assert_uint_eq(r.learned, 1);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_SUBMITTED], 1);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_CHOSEN], 1);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_BEGUN], 1);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_ENDED], 1);
	ck_assert_uint_eq(HASH_COUNT(r.q->tasks), 0);
}
END_TEST

START_TEST(test_failure_goes_to_another_bot)
{
	char bot[65];

	rig_bot(&r, "A", 1, NULL);
	rig_bot(&r, "B", 1, NULL);
	rig_add(&r, id, "try");
	rig_idle(&r);
	snprintf(bot, sizeof(bot), "%s", rig_run_of(&r, id)->bot);
	rig_end(&r, id, DEIA_EREMOTE, "no luck");
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
	ck_assert_str_ne(rig_run_of(&r, id)->bot, bot);
	ck_assert_uint_eq(rig_run_of(&r, id)->attempt, 2);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_RETRY], 1);
	rig_end(&r, id, DEIA_OK, "done");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_uint_eq(r.got.first.n_attempts, 2);
}
END_TEST

START_TEST(test_attempts_are_used_up)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "try");
	for (unsigned i = 1; i <= 3; i++) {
		rig_idle(&r);
		rig_sleep(&r, 120000);
		ck_assert_ptr_nonnull(rig_run_of(&r, id));
		ck_assert_uint_eq(rig_run_of(&r, id)->attempt, i);
		rig_end(&r, id, DEIA_EREMOTE, "no luck");
	}
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error, "no luck");
	ck_assert_int_eq(rig_retry(&r, id), DEIA_OK);
	rig_sleep(&r, 1000000);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
	ck_assert_uint_eq(rig_run_of(&r, id)->attempt, 4);
	rig_end(&r, id, DEIA_OK, "at last");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(r.got.first.error, "");
	ck_assert_int_eq(rig_retry(&r, id), DEIA_ESTATE);
	ck_assert_str_eq(deia_tasks_errmsg(r.q),
			 "its status is succeeded: it cannot be retried");
}
END_TEST

START_TEST(test_final_failure_and_timeout)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "try");
	rig_idle(&r);
	o.err = DEIA_EREMOTE;
	o.final = true;
	o.code = "bad_request";
	o.message = "nobody can do this";
	rig_end_with(&r, id, &o);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error_code, "bad_request");
	rig_add(&r, id, "slow");
	for (unsigned i = 0; i < 3; i++) {
		rig_sleep(&r, 1000000);
		rig_end(&r, id, DEIA_ETIMEDOUT, "too slow");
	}
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_TIMED_OUT);
}
END_TEST

START_TEST(test_excused_attempts_do_not_count)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "try");
	for (unsigned i = 0; i < 6; i++) {
		rig_sleep(&r, 120000);
		rig_end(&r, id, DEIA_ECANCELED, "interrupted");
	}
	rig_sleep(&r, 120000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_uint_eq(r.got.first.excused, 6);
	ck_assert_uint_eq(r.learned, 0);
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(test_run_that_is_refused)
{
	rig_bot(&r, "A", 1, NULL);
	r.refuse = DEIA_EBUSY;
	rig_add(&r, id, "try");
	rig_sleep(&r, 500);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_uint_ge(r.got.first.excused, 1);
	r.refuse = DEIA_OK;
	rig_sleep(&r, 120000);
	rig_end(&r, id, DEIA_OK, "x");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
}
END_TEST

static unsigned active_of(const char *name)
{
	struct deia_task_type_status type;

	for (size_t i = 0; deia_tasks_type_at(r.q, i, &type); i++)
		if (strcmp(type.name, name) == 0)
			return type.active;
	ck_abort_msg("there is no type %s", name);
	return 0;
}

/* A place that a bot was to give is free again when that was not stored. */
START_TEST(test_assignment_without_memory)
{
	struct deia_task_draft d = rig_draft("x");

	rig_bot(&r, "A", 1, NULL);
	for (unsigned long n = 1; n < 60; n++) {
		d.due_unix_ms = r.clock.wall_ms + 1000;
		rig_add_draft(&r, id, &d);
		deia__mem_fail_at(n, false);
		rig_sleep(&r, 1000);
		deia__mem_fail_at(0, false);
		rig_sleep(&r, 2000);
		ck_assert_msg(r.n_runs == 1, "allocation %lu: %s", n,
			      deia_task_status_name(rig_status(&r, id)));
		ck_assert_uint_eq(active_of(d.type), 1);
		ck_assert_uint_eq(deia_tasks_at_bot(r.q, "A"), 1);
		rig_end(&r, id, DEIA_OK, "y");
		ck_assert_uint_eq(active_of(d.type), 0);
	}
}
END_TEST

START_TEST(test_cancel)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "long");
	rig_add(&r, id2, "waiting");
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_CANCELLED);
	ck_assert_str_eq(r.got.first.reason, "cancelled by ann");
	ck_assert_str_eq(r.got.first.outcome, "cancelled");
	ck_assert_uint_eq(r.interrupts, 1);
	rig_idle(&r);
	ck_assert_ptr_nonnull(rig_run_of(&r, id2));
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_ESTATE);
	ck_assert_int_eq(rig_cancel(&r, "0190a0a0-0000-7000-8000-000000000001"),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(rig_cancel(&r, "x"), DEIA_ENOTFOUND);
}
END_TEST

START_TEST(test_verdicts_correct_what_was_learned)
{
	struct deia_scheduler_pair pair;

	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "x");
	rig_idle(&r);
	ck_assert_int_eq(rig_verdict(&r, id, true), DEIA_ESTATE);
	rig_end(&r, id, DEIA_OK, "wrong");
	ck_assert_int_eq(
		deia_scheduler_pair(r.scheduler, "A", "general", &pair),
		DEIA_OK);
	ck_assert_uint_eq(pair.successes, 1);
	ck_assert_int_eq(rig_verdict(&r, id, false), DEIA_OK);
	ck_assert_int_eq(r.got.first.verdict, 0);
	ck_assert_str_eq(r.got.first.verdict_by, "ann");
	ck_assert_int_eq(
		deia_scheduler_pair(r.scheduler, "A", "general", &pair),
		DEIA_OK);
	ck_assert_uint_eq(pair.successes, 0);
	ck_assert_uint_eq(r.learned, 2);
	/* The same again changes nothing. */
	ck_assert_int_eq(rig_verdict(&r, id, false), DEIA_OK);
	ck_assert_uint_eq(r.learned, 2);
}
END_TEST

START_TEST(test_keys)
{
	struct deia_task_draft d = rig_draft("once");
	bool replayed = true;

	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", &replayed), DEIA_OK);
	ck_assert(!replayed);
	snprintf(id, sizeof(id), "%s", r.got.ids[0]);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", &replayed), DEIA_OK);
	ck_assert(replayed);
	ck_assert_uint_eq(r.got.n, 1);
	ck_assert_str_eq(r.got.ids[0], id);
	ck_assert_uint_eq(r.n_moves[DEIA_TASK_SUBMITTED], 1);
	d.content = "else";
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", &replayed), DEIA_ECONFLICT);
	d.submitted_by = "other";
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", &replayed), DEIA_OK);
	ck_assert(!replayed);
}
END_TEST

/* Who got no answer asks again, whatever has happened since. */
START_TEST(test_key_gives_what_could_not_be_taken_now)
{
	const char *first = id;
	struct deia_task_draft d = rig_draft("second");
	char second[37];
	bool replayed = false;

	rig_add(&r, id, "first");
	d.depends_on = &first;
	d.n_depends_on = 1;
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", NULL), DEIA_OK);
	snprintf(second, sizeof(second), "%s", r.got.ids[0]);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	rig_idle(&r);
	rig_restart(&r, true);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", &replayed), DEIA_OK);
	ck_assert(replayed);
	ck_assert_str_eq(r.got.ids[0], second);
	ck_assert_int_eq(r.got.first.status, DEIA_TASK_CANCELLED);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "other", NULL), DEIA_EFIELD);
	d.content = "others";
	ck_assert_int_eq(rig_submit(&r, &d, 1, "k", NULL), DEIA_ECONFLICT);
	d = rig_draft("soon");
	d.deadline_unix_ms = r.clock.wall_ms + 1000;
	ck_assert_int_eq(rig_submit(&r, &d, 1, "l", NULL), DEIA_OK);
	rig_sleep(&r, 2000);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "l", &replayed), DEIA_OK);
	ck_assert(replayed);
	ck_assert_int_eq(rig_submit(&r, &d, 1, "m", NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "deadline");
}
END_TEST

static deia_err only_b(const char *bot, char *why, size_t len, void *user)
{
	(void)user;
	if (strcmp(bot, "b") == 0)
		return DEIA_OK;
	snprintf(why, len, "there is no %s", bot);
	return DEIA_ENOTFOUND;
}

START_TEST(test_key_gives_what_would_be_refused_now)
{
	struct deia_task_draft d[2] = { rig_draft("one"), rig_draft("two") };
	bool replayed = false;

	d[1].bot = "a";
	ck_assert_int_eq(rig_submit(&r, d, 2, "k", NULL), DEIA_OK);
	r.q->opts.may_pin = only_b;
	ck_assert_int_eq(rig_submit(&r, d, 2, "k", &replayed), DEIA_OK);
	ck_assert(replayed);
	ck_assert_int_eq(rig_submit(&r, d, 2, "l", NULL), DEIA_ENOTFOUND);
	ck_assert_str_eq(deia_tasks_errmsg(r.q), "there is no a");
	ck_assert_int_eq(deia_tasks_error_index(r.q), 1);
	r.q->opts.open_max = 2;
	ck_assert_int_eq(rig_submit(&r, d, 2, "k", &replayed), DEIA_OK);
	ck_assert(replayed);
	d[1].bot = "b";
	ck_assert_int_eq(rig_submit(&r, d, 2, "m", NULL), DEIA_EBUSY);
	ck_assert_int_eq(rig_submit(&r, d, 2, NULL, NULL), DEIA_EBUSY);
	ck_assert_str_eq(deia_tasks_errmsg(r.q),
			 "2 tasks are open already, more are not taken");
	ck_assert_uint_eq(r.q->n_coming, 0);
	r.q->opts.open_max = 4;
	ck_assert_int_eq(rig_submit(&r, d, 2, "m", &replayed), DEIA_OK);
	ck_assert(!replayed);
}
END_TEST

static void on_one(deia_err err, const struct deia_task *items, size_t n,
		   bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	++*(unsigned *)user;
}

START_TEST(test_batches_on_their_way_count)
{
	struct deia_task_draft d[2] = { rig_draft("one"), rig_draft("two") };
	unsigned n = 0;

	r.q->opts.open_max = 3;
	ck_assert_int_eq(deia_tasks_submit(r.q, d, 2, NULL, NULL, on_one, &n),
			 DEIA_OK);
	ck_assert_uint_eq(r.q->n_open, 0);
	ck_assert_int_eq(deia_tasks_submit(r.q, d, 2, NULL, NULL, on_one, &n),
			 DEIA_EBUSY);
	ck_assert_int_eq(deia_tasks_submit(r.q, d, 1, NULL, NULL, on_one, &n),
			 DEIA_OK);
	rig_idle(&r);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(r.q->n_open, 3);
	ck_assert_uint_eq(r.q->n_coming, 0);
}
END_TEST

START_TEST(test_large_texts)
{
	size_t len = 100000;
	char *text = malloc(len + 1);
	struct deia_task_draft d;
	struct deia_task_query query = DEIA_TASK_QUERY_INIT;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	text[len] = '\0';
	d = rig_draft(text);
	r.q->opts.cache_bytes = 0;
	rig_bot(&r, "A", 1, NULL);
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	ck_assert_uint_eq(r.n_runs, 1);
	ck_assert_uint_eq(r.runs[0].len, len);
	rig_end(&r, id, DEIA_OK, text);
	ck_assert_int_eq(rig_get(&r, id), DEIA_OK);
	ck_assert_uint_eq(r.got.first.result_len, len);
	ck_assert_uint_eq(r.got.first.content_len, len);
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.first.result_len, DEIA_TASK_HEAD_BYTES);
	ck_assert_uint_eq(r.got.first.result_bytes, len);
	ck_assert_uint_eq(r.got.first.content_len, DEIA_TASK_HEAD_BYTES);
	free(text);
}
END_TEST

START_TEST(test_answers_that_are_no_text)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "x");
	rig_idle(&r);
	o.text = "\xff";
	o.text_len = 1;
	o.final = true;
	rig_end_with(&r, id, &o);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error_code, "bad_answer");
}
END_TEST

START_TEST(test_crash_and_restart)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "running");
	rig_add(&r, id2, "waiting");
	rig_idle(&r);
	deia_tasks_begun(r.q, id, 1);
	rig_idle(&r);
	rig_restart(&r, true);
	rig_bot(&r, "A", 2, NULL);
	rig_sleep(&r, 1000);
	ck_assert_uint_eq(r.n_runs, 2);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
	ck_assert_uint_eq(rig_run_of(&r, id)->attempt, 2);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_uint_eq(r.got.first.excused, 1);
	/* A late end of the former attempt does not count. */
	ck_assert_int_eq(
		deia_tasks_ended(r.q, id, 1,
				 &(struct deia_task_outcome){ .size = 1 }),
		DEIA_ESTATE);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	rig_end(&r, id, DEIA_OK, "x");
	rig_end(&r, id2, DEIA_OK, "y");
	ck_assert_int_eq(rig_status(&r, id2), DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(test_pages)
{
	struct deia_task_query query = DEIA_TASK_QUERY_INIT;

	for (unsigned i = 0; i < 7; i++) {
		r.clock.wall_ms++;
		rig_add(&r, id, "x");
	}
	query.limit = 3;
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 3);
	ck_assert(r.got.more);
	ck_assert_str_eq(r.got.ids[0], id);
	snprintf(id2, sizeof(id2), "%s", r.got.ids[2]);
	query.after = id2;
	query.status = DEIA_TASK_QUEUED;
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 3);
	snprintf(id2, sizeof(id2), "%s", r.got.ids[2]);
	query.type = "general";
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 1);
	ck_assert(!r.got.more);
	query.after = NULL;
	query.type = "writing";
	ck_assert_int_eq(rig_page(&r, &query), DEIA_OK);
	ck_assert_uint_eq(r.got.n, 0);
	query.limit = 0;
	ck_assert_int_eq(rig_page(&r, &query), DEIA_EINVAL);
}
END_TEST

START_TEST(test_drafts_that_are_wrong)
{
	struct deia_task_draft d = rig_draft("");

	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "content");
	d = rig_draft("x");
	d.type = "unheard-of";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "type");
	d = rig_draft("x");
	d.priority = 4;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	d = rig_draft("x");
	d.max_attempts = 0;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	d = rig_draft("x");
	d.deadline_unix_ms = 5;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "deadline");
	d = rig_draft("x");
	d.has_complexity = d.has_seconds = true;
	d.complexity = 2;
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	d = rig_draft("x");
	d.content = "\xff";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	d = rig_draft("x");
	ck_assert_int_eq(rig_submit(&r, &d, 0, NULL, NULL), DEIA_ELIMIT);
	r.q->opts.open_max = 1;
	rig_add(&r, id, "x");
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EBUSY);
}
END_TEST

START_TEST(test_type_is_found)
{
	struct deia_task_draft d =
		rig_draft("Fix the bug in the parser and add a unit test");

	d.type = NULL;
	rig_add_draft(&r, id, &d);
	ck_assert_str_eq(r.got.first.type, "development");
}
END_TEST

START_TEST(test_result_that_is_not_what_was_asked_for)
{
	struct deia_task_draft d = rig_draft("a number, please");

	rig_bot(&r, "A", 1, NULL);
	rig_bot(&r, "B", 1, NULL);
	d.expect = "{\"regex\":\"^[0-9]+$\"}";
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "seven");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_str_eq(r.got.first.error_code, "unexpected_result");
	ck_assert_ptr_nonnull(strstr(r.got.first.error, "^[0-9]+$"));
	rig_end(&r, id, DEIA_OK, "7");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	d.expect = "{\"regex\":\"(\"}";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "expect");
	d.expect = "nothing";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
}
END_TEST

START_TEST(test_result_is_checked)
{
	struct deia_task_draft d = rig_draft("a number, please");
	struct rig_check *c = &r.check;

	rig_bot(&r, "A", 1, NULL);
	rig_bot(&r, "B", 1, NULL);
	d.expect = "{\"regex\":\"^[0-9]+$\"}";
	d.check = "even";
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	/* What is not expected need not be checked. */
	rig_end(&r, id, DEIA_OK, "seven");
	ck_assert_uint_eq(c->n, 0);
	ck_assert_ptr_nonnull(rig_run_of(&r, id));
	rig_end(&r, id, DEIA_OK, "7");
	ck_assert_uint_eq(c->n, 1);
	ck_assert_str_eq(c->name, "even");
	ck_assert_str_eq(c->text, "7");
	ck_assert_ptr_null(rig_run_of(&r, id));
	/* Its bot is free meanwhile. */
	ck_assert_uint_eq(deia_tasks_at_bot(r.q, "A"), 0);
	ck_assert_uint_eq(deia_tasks_at_bot(r.q, "B"), 0);
	ck_assert_int_eq(deia_tasks_checked(r.q, id, c->attempt, DEIA_EREMOTE,
					    "it is odd"),
			 DEIA_OK);
	rig_sleep(&r, 3000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_str_eq(r.got.first.error_code, "check_failed");
	ck_assert_str_eq(r.got.first.error, "it is odd");
	ck_assert_uint_eq(r.learned, 2);
	rig_end(&r, id, DEIA_OK, "8");
	ck_assert_int_eq(deia_tasks_checked(r.q, id, 1, DEIA_OK, NULL),
			 DEIA_ESTATE);
	ck_assert_int_eq(deia_tasks_checked(r.q, id, 3, DEIA_OK, NULL),
			 DEIA_OK);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(r.got.first.result, "8");
	d.check = "a name";
	ck_assert_int_eq(rig_submit(&r, &d, 1, NULL, NULL), DEIA_EFIELD);
	ck_assert_str_eq(deia_tasks_field(r.q), "check");
}
END_TEST

START_TEST(test_checks_that_end_otherwise)
{
	struct deia_task_draft d = rig_draft("x");

	rig_bot(&r, "A", 4, NULL);
	d.check = "even";
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	/* Nobody knows: it is done again, and not counted. */
	rig_end(&r, id, DEIA_OK, "1");
	ck_assert_int_eq(deia_tasks_checked(r.q, id, 1, DEIA_ECANCELED,
					    "it was interrupted"),
			 DEIA_OK);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_uint_eq(r.got.first.excused, 1);
	/* Cancelled while it is checked: the check need not go on. */
	rig_end(&r, id, DEIA_OK, "1");
	ck_assert_uint_eq(r.check.interrupts, 0);
	ck_assert_int_eq(rig_cancel(&r, id), DEIA_OK);
	ck_assert_uint_eq(r.check.interrupts, 1);
	ck_assert_int_eq(deia_tasks_checked(r.q, id, 2, DEIA_OK, NULL),
			 DEIA_ESTATE);
	/* The program ends meanwhile. */
	rig_add_draft(&r, id2, &d);
	rig_idle(&r);
	rig_end(&r, id2, DEIA_OK, "1");
	rig_restart(&r, true);
	rig_sleep(&r, 1000);
	ck_assert_ptr_nonnull(rig_run_of(&r, id2));
	ck_assert_int_eq(rig_cancel(&r, id2), DEIA_OK);
	d.check = "broken";
	d.max_attempts = 1;
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "1");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_str_eq(r.got.first.error, "its result could not be checked");
	/* As is one that could not be run; its bot is not to blame. */
	d.check = "even";
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "1");
	ck_assert_int_eq(
		deia_tasks_checked(r.q, id, 1, DEIA_EUNAVAILABLE, "it is gone"),
		DEIA_OK);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_FAILED);
	ck_assert_uint_eq(r.learned, 0);
	/* Nobody has time for it: later. */
	d.check = "busy";
	rig_add_draft(&r, id, &d);
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "1");
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_QUEUED);
	ck_assert_str_eq(r.got.first.reason,
			 "too many results wait to be checked");
	rig_sleep(&r, 10000);
	ck_assert_int_eq(rig_status(&r, id), DEIA_TASK_ASSIGNED);
	ck_assert_uint_eq(r.got.first.excused, 1);
}
END_TEST

START_TEST(test_old_ones_go)
{
	rig_bot(&r, "A", 1, NULL);
	rig_add(&r, id, "x");
	rig_idle(&r);
	rig_end(&r, id, DEIA_OK, "y");
	r.clock.wall_ms += 89LL * 86400000;
	r.clock.boot_ms += 3600000;
	rig_sleep(&r, 61000);
	ck_assert_int_eq(rig_get(&r, id), DEIA_OK);
	r.clock.wall_ms += 2LL * 86400000;
	r.clock.boot_ms += 3700000;
	rig_sleep(&r, 61000);
	ck_assert_int_eq(rig_get(&r, id), DEIA_ENOTFOUND);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("queue");
	TCase *t = tcase_create("basic");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_task_is_done);
	tcase_add_test(t, test_failure_goes_to_another_bot);
	tcase_add_test(t, test_attempts_are_used_up);
	tcase_add_test(t, test_final_failure_and_timeout);
	tcase_add_test(t, test_excused_attempts_do_not_count);
	tcase_add_test(t, test_run_that_is_refused);
	tcase_add_test(t, test_assignment_without_memory);
	tcase_add_test(t, test_cancel);
	tcase_add_test(t, test_verdicts_correct_what_was_learned);
	tcase_add_test(t, test_keys);
	tcase_add_test(t, test_key_gives_what_could_not_be_taken_now);
	tcase_add_test(t, test_key_gives_what_would_be_refused_now);
	tcase_add_test(t, test_batches_on_their_way_count);
	tcase_add_test(t, test_large_texts);
	tcase_add_test(t, test_answers_that_are_no_text);
	tcase_add_test(t, test_crash_and_restart);
	tcase_add_test(t, test_pages);
	tcase_add_test(t, test_drafts_that_are_wrong);
	tcase_add_test(t, test_type_is_found);
	tcase_add_test(t, test_result_that_is_not_what_was_asked_for);
	tcase_add_test(t, test_result_is_checked);
	tcase_add_test(t, test_checks_that_end_otherwise);
	tcase_add_test(t, test_old_ones_go);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	return rig_main(argc, argv, &kind, suite);
}
