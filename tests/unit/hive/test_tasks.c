/* SPDX-License-Identifier: MIT */
/* Tasks of a hive: real bots do them, and who may do what with them. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <deia/sys/json.h>

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

/* ---- who may --------------------------------------------------------------------- */

START_TEST(viewers_look_and_do_nothing_else)
{
	struct jobs got;
	char id[37];

	ck_assert_int_eq(submit_task(&f, "viewer", "x", NULL, NULL),
			 DEIA_EDENIED);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, id), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "viewer", id, &got), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "none", id, &got), DEIA_EDENIED);
	ck_assert_int_eq(page_tasks(&f, "viewer", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(page_tasks(&f, "none", NULL, &got), DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_CANCEL, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_RETRY, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_APPROVE, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(judge_task(&f, "viewer", id, true), DEIA_EDENIED);
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("viewer"),
						 "general", true, 0, NULL,
						 NULL),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(bot_submits_as_itself_and_sees_what_is_its_own)
{
	struct jobs got;
	char own[37], other[37];

	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "B", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", "B", own), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, other), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot C", "x", NULL, NULL),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(get_task(&f, "bot A", own, &got), DEIA_OK);
	ck_assert_str_eq(got.items[0].submitted_by, "A");
	ck_assert_int_eq(get_task(&f, "bot B", own, &got), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "bot A", other, &got), DEIA_ENOTFOUND);
	ck_assert_int_eq(page_tasks(&f, "bot A", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(page_tasks(&f, "bot A", "B", &got), DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_CANCEL, other),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_CANCEL, own),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_RETRY, own),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(who_asked_judges_and_who_did_it_does_not)
{
	char id[37];

	create_worker(&f, "W");
	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", "W", id), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(judge_task(&f, "bot W", id, true), DEIA_EDENIED);
	ck_assert_int_eq(judge_task(&f, "bot A", id, false), DEIA_OK);
	ck_assert_int_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->verdict,
			 0);
	ck_assert_int_eq(judge_task(&f, "operator ann", id, true), DEIA_OK);
	ck_assert_int_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->verdict,
			 1);
}
END_TEST

START_TEST(pinned_bot_must_be_there)
{
	struct deia_task_draft d[2] = { draft_of("x"), draft_of("y") };
	struct jobs got;

	d[1].bot = "nobody";
	ck_assert_int_eq(submit_drafts(&f, "admin", d, 2, NULL, &got),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_hive_task_error_index(f.hive), 1);
	ck_assert_int_eq(page_tasks(&f, "admin", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

START_TEST(wrong_ids_and_drafts_are_refused_by_name)
{
	struct deia_task_draft d = draft_of("x");
	const char *needs[] = { "nothing" };
	struct jobs got;

	ck_assert_int_eq(get_task(&f, "admin", "x", &got), DEIA_ENOTFOUND);
	ck_assert_int_eq(get_task(&f, "admin",
				  "00000000-0000-7000-8000-000000000000", &got),
			 DEIA_ENOTFOUND);
	d.depends_on = needs;
	d.n_depends_on = 1;
	ck_assert_int_ne(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_task_error_index(f.hive), 0);
	d = draft_of("");
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_EFIELD);
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/content");
}
END_TEST

START_TEST(same_key_gives_the_same_task)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs first, second;

	ck_assert_int_eq(submit_drafts(&f, "operator ann", &d, 1, "k", &first),
			 DEIA_OK);
	ck_assert_int_eq(submit_drafts(&f, "operator ann", &d, 1, "k", &second),
			 DEIA_OK);
	ck_assert(!first.replayed && second.replayed);
	ck_assert_str_eq(first.items[0].id, second.items[0].id);
}
END_TEST

/* ---- by hand -------------------------------------------------------------------- */

START_TEST(task_waits_for_approval_where_it_asks_for_one)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;

	create_worker(&f, "E");
	d.approval = true;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_APPROVE,
				 got.items[0].id),
			 DEIA_OK);
	run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_APPROVE,
				 got.items[0].id),
			 DEIA_ESTATE);
}
END_TEST

struct outcomes {
	bool done;
	deia_err err, errs[4];
	size_t n;
};

static void on_outcomes(deia_err err, const struct deia_hive_task_outcome *o,
			size_t n, void *user)
{
	struct outcomes *all = user;

	all->done = true;
	all->err = err;
	all->n = n;
	for (size_t i = 0; i < n && i < 4; i++) {
		all->errs[i] = o[i].err;
		ck_assert_int_eq(o[i].err != DEIA_OK, o[i].message[0] != '\0');
	}
}

START_TEST(many_are_cancelled_and_each_is_answered)
{
	struct outcomes all = { 0 };
	char ids[2][37];
	const char *list[] = { ids[0], "nothing", ids[1], ids[1] };

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, ids[i]),
				 DEIA_OK);
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("viewer"),
					     DEIA_TASK_DO_CANCEL, list, 4,
					     on_outcomes, &all),
			 DEIA_EDENIED);
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("operator ann"),
					     DEIA_TASK_DO_CANCEL, list, 4,
					     on_outcomes, &all),
			 DEIA_OK);
	ck_assert(!all.done);
	run_until(&f, &all.done);
	ck_assert_int_eq(all.err, DEIA_OK);
	ck_assert_uint_eq(all.n, 4);
	ck_assert_int_eq(all.errs[0], DEIA_OK);
	ck_assert_int_eq(all.errs[1], DEIA_ENOTFOUND);
	ck_assert_int_eq(all.errs[2], DEIA_OK);
	ck_assert_int_eq(all.errs[3], DEIA_ESTATE);
	memset(&all, 0, sizeof(all)); /* none that can be begun, and none */
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("admin"),
					     DEIA_TASK_DO_RETRY, list + 1, 1,
					     on_outcomes, &all),
			 DEIA_OK);
	ck_assert(!all.done);
	run_until(&f, &all.done);
	ck_assert_int_eq(all.errs[0], DEIA_ENOTFOUND);
	memset(&all, 0, sizeof(all));
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("admin"),
					     DEIA_TASK_DO_RETRY, list, 0,
					     on_outcomes, &all),
			 DEIA_OK);
	run_until(&f, &all.done);
	ck_assert_uint_eq(all.n, 0);
}
END_TEST

static void on_type(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(paused_type_begins_nothing)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;
	bool done = false;

	create_worker(&f, "E");
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("operator ann"),
						 "writing", true, 0, on_type,
						 &done),
			 DEIA_OK);
	run_until(&f, &done);
	d.type = "writing";
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	run_until_task(&f, got.items[0].id, DEIA_TASK_QUEUED);
	done = false;
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("operator ann"),
						 "writing", false, 0, on_type,
						 &done),
			 DEIA_OK);
	run_until(&f, &done);
	run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(options_are_set_before_the_start)
{
	struct deia_tasks_opts o = DEIA_TASKS_OPTS_INIT;

	ck_assert_int_eq(deia_hive_task_configure(f.hive, &o), DEIA_EINVAL);
	ck_assert_ptr_nonnull(deia_hive_tasks(f.hive));
	ck_assert_ptr_nonnull(deia_hive_analyzer(f.hive));
}
END_TEST

/* ---- what is recorded --------------------------------------------------------------- */

struct audits {
	bool done;
	size_t n;
	char actions[32][32], actors[32][65], outcomes[32][16];
};

static void on_audit(deia_err err, const struct deia_audit_entry *e, size_t n,
		     bool more, void *user)
{
	struct audits *a = user;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	for (size_t i = n; i-- > 0;) { /* oldest first */
		if (strncmp(e[i].action, "task.", 5) != 0 || a->n == 32)
			continue;
		snprintf(a->actions[a->n], 32, "%s", e[i].action);
		snprintf(a->actors[a->n], 65, "%s", e[i].actor);
		snprintf(a->outcomes[a->n++], 16, "%s", e[i].outcome);
	}
	a->done = true;
}

/* Runs the loop until there are so many. */
static void read_audits(struct audits *a, size_t n)
{
	for (int i = 0; i < 100000; i++) {
		memset(a, 0, sizeof(*a));
		ck_assert_int_eq(
			deia_hive_audit_page(f.hive, 0, 100, on_audit, a),
			DEIA_OK);
		run_until(&f, &a->done);
		if (a->n >= n)
			break;
	}
	ck_assert_uint_eq(a->n, n);
}

START_TEST(what_people_change_is_audited)
{
	static const char *const want[] = { "task.submit", "task.cancel",
					    "task.cancel", "task.retry" };
	struct audits a;
	char id[37];

	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", NULL, NULL), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "operator ann", "x", NULL, id),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator bob", DEIA_TASK_DO_CANCEL, id),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator bob", DEIA_TASK_DO_CANCEL, id),
			 DEIA_ESTATE);
	ck_assert_int_eq(do_task(&f, "admin", DEIA_TASK_DO_RETRY, id), DEIA_OK);
	read_audits(&a, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(a.actions[i], want[i]);
	ck_assert_str_eq(a.actors[0], "ann");
	ck_assert_str_eq(a.actors[1], "bob");
	ck_assert_str_eq(a.outcomes[1], "ok");
	ck_assert_str_eq(a.outcomes[2], deia_err_name(DEIA_ESTATE));
	ck_assert_str_eq(a.actors[3], "admin");
}
END_TEST

static struct {
	unsigned n;
	char types[64][32], subjects[64][65], data[64][512];
} seen;

static void on_event(const struct deia_event *ev, void *user)
{
	(void)user;
	if (!ev || strncmp(ev->type, "task.", 5) != 0 || seen.n == 64)
		return;
	snprintf(seen.types[seen.n], 32, "%s", ev->type);
	snprintf(seen.data[seen.n], 512, "%s", ev->data);
	snprintf(seen.subjects[seen.n++], 65, "%s", ev->subject);
}

static void run_until_seen(const char *type)
{
	for (int i = 0; i < 200000; i++) {
		for (unsigned k = 0; k < seen.n; k++)
			if (strcmp(seen.types[k], type) == 0)
				return;
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	ck_abort_msg("no event %s came", type);
}

START_TEST(each_move_is_an_event_in_its_order)
{
	static const char *const want[] = { "task.submitted", "task.assigned",
					    "task.running", "task.finished" };
	deia_subscription *sub;
	char id[37];

	create_worker(&f, "E");
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "operator ann", "x", NULL, id),
			 DEIA_OK);
	run_until_seen("task.finished");
	deia_unsubscribe(sub);
	ck_assert_uint_eq(seen.n, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(seen.types[i], want[i]);
		ck_assert_str_eq(seen.subjects[i], id);
		ck_assert_ptr_nonnull(strstr(seen.data[i], id));
		ck_assert_ptr_nonnull(
			strstr(seen.data[i], "\"submitted_by\":\"ann\""));
		ck_assert_ptr_null(strstr(seen.data[i], "content"));
	}
	ck_assert_ptr_nonnull(strstr(seen.data[3], "\"bot\":\"E\""));
}
END_TEST

START_TEST(retry_comes_between_its_attempts)
{
	static const char *const want[] = { "task.submitted", "task.assigned",
					    "task.running",   "task.retry",
					    "task.assigned",  "task.running",
					    "task.finished" };
	struct deia_task_draft d = draft_of("x");
	deia_subscription *sub;
	struct jobs got;

	create_script_bot(&f, "N", says_busy);
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	d.max_attempts = 2;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	run_until_seen("task.finished");
	deia_unsubscribe(sub);
	ck_assert_uint_eq(seen.n, 7);
	for (size_t i = 0; i < 7; i++)
		ck_assert_str_eq(seen.types[i], want[i]);
	ck_assert_ptr_nonnull(strstr(seen.data[3], "\"error_code\":\"busy\""));
}
END_TEST

struct printed {
	bool done;
	cJSON *json;
};

static void on_print(deia_err err, const struct deia_task *t, size_t n,
		     bool more, void *user)
{
	struct printed *p = user;
	struct deia_jw w;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_eq(n, 1);
	deia_jw_init(&w);
	deia_task_print(t, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&p->json, w.text, w.len, NULL),
			 DEIA_OK);
	deia_jw_fini(&w);
	p->done = true;
}

static const char *text_in(const cJSON *json, const char *a, const char *b)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, a);

	if (v && b)
		v = cJSON_GetObjectItemCaseSensitive(v, b);
	return v && v->valuestring ? v->valuestring : "";
}

START_TEST(task_is_printed_as_the_api_shows_it)
{
	struct printed p = { 0 };
	const cJSON *attempts;
	char id[37];

	create_worker(&f, "E");
	ck_assert_int_eq(submit_task(&f, "operator ann", "hello", NULL, id),
			 DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(
		deia_hive_task_get(f.hive, whose("admin"), id, on_print, &p),
		DEIA_OK);
	run_until(&f, &p.done);
	ck_assert_str_eq(text_in(p.json, "id", NULL), id);
	ck_assert_str_eq(text_in(p.json, "status", NULL), "succeeded");
	ck_assert_str_eq(text_in(p.json, "priority", NULL), "P2");
	ck_assert_str_eq(text_in(p.json, "content", NULL), "hello");
	ck_assert_str_eq(text_in(p.json, "result", "text"), "hello");
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "verdict")));
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "error")));
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "retry")));
	attempts = cJSON_GetObjectItemCaseSensitive(p.json, "attempts");
	ck_assert_int_eq(cJSON_GetArraySize(attempts), 1);
	ck_assert_str_eq(text_in(attempts->child, "outcome", NULL),
			 "succeeded");
	cJSON_Delete(p.json);
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
	tcase_add_test(t, viewers_look_and_do_nothing_else);
	tcase_add_test(t, bot_submits_as_itself_and_sees_what_is_its_own);
	tcase_add_test(t, who_asked_judges_and_who_did_it_does_not);
	tcase_add_test(t, pinned_bot_must_be_there);
	tcase_add_test(t, wrong_ids_and_drafts_are_refused_by_name);
	tcase_add_test(t, same_key_gives_the_same_task);
	tcase_add_test(t, task_waits_for_approval_where_it_asks_for_one);
	tcase_add_test(t, many_are_cancelled_and_each_is_answered);
	tcase_add_test(t, paused_type_begins_nothing);
	tcase_add_test(t, options_are_set_before_the_start);
	tcase_add_test(t, what_people_change_is_audited);
	tcase_add_test(t, each_move_is_an_event_in_its_order);
	tcase_add_test(t, retry_comes_between_its_attempts);
	tcase_add_test(t, task_is_printed_as_the_api_shows_it);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
