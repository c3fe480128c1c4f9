/* SPDX-License-Identifier: MIT */
/* Tasks from the bots' side: submit lines and results, claims of external
 * bots. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- lines of a bot's program ---------------------------------------------------- */

/* tests/support/children/submit.c */
static void create_manager(const char *id)
{
	const char *argv[] = { getenv("DEIA_TEST_SUBMIT_CHILD") };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	ck_assert_ptr_nonnull(argv[0]);
	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_READY);
}

/* Has it write a line. */
static void write_line(const char *bot, const char *line)
{
	struct answer a;

	ck_assert_int_eq(ask_and_wait(&f, bot, NULL, line, &a), DEIA_OK);
	ck_assert_str_eq(a.text, "ok");
}

/* What it has been told, once that has all of these words (NULL: no more). */
static const char *told(const char *bot, const char *a, const char *b)
{
	static struct answer answer;

	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(ask_and_wait(&f, bot, NULL, "got", &answer),
				 DEIA_OK);
		if (strstr(answer.text, a) && (!b || strstr(answer.text, b)))
			return answer.text;
	}
	ck_abort_msg("it was not told %s %s, but: %s", a, b ? b : "",
		     answer.text);
	return NULL;
}

static uint64_t faults(const char *bot)
{
	struct deia_hive_bot b;

	ck_assert_int_eq(deia_hive_bot_get(f.hive, bot, &b), DEIA_OK);
	return b.info->faults;
}

START_TEST(bot_delegates_and_gets_the_result)
{
	struct jobs got;
	const char *text;

	create_manager("M");
	create_worker(&f, "W");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"r1\",\"bot\":\"W\","
			"\"content\":\"hello\",\"priority\":\"P1\","
			"\"task_type\":\"writing\"}");
	text = told("M", "\"type\":\"result\"", NULL);
	ck_assert_ptr_nonnull(strstr(
		text, "{\"type\":\"submitted\",\"ref\":\"r1\",\"id\":\""));
	ck_assert_ptr_nonnull(
		strstr(text, "\"status\":\"succeeded\",\"text\":\"hello\"}"));
	ck_assert_int_eq(page_tasks(&f, "admin", "M", &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_ptr_nonnull(strstr(text, got.items[0].id));
	ck_assert_str_eq(got.items[0].type, "writing");
	ck_assert_uint_eq(got.items[0].priority, 1);
	ck_assert_uint_eq(faults("M"), 0);
}
END_TEST

START_TEST(bot_is_told_what_is_wrong_with_its_line)
{
	const char *text;

	create_manager("M");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"a\",\"content\":\"x\","
			"\"priority\":7}");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"b\",\"content\":\"x\","
			"\"colour\":1}");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"c\",\"content\":\"x\","
			"\"bot\":\"nobody\"}");
	text = told("M", "\"ref\":\"c\"", NULL);
	ck_assert_ptr_nonnull(strstr(text, "\\\"priority\\\""));
	ck_assert_ptr_nonnull(strstr(text, "\\\"colour\\\""));
	ck_assert_ptr_nonnull(strstr(text, deia_err_name(DEIA_EFIELD)));
	ck_assert_ptr_nonnull(strstr(text, deia_err_name(DEIA_ENOTFOUND)));
	ck_assert_uint_eq(faults("M"), 0);
}
END_TEST

START_TEST(bot_is_told_of_failures_as_well)
{
	struct jobs got;

	create_manager("M");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"a\",\"content\":\"x\","
			"\"capabilities\":[\"none-has-it\"]}");
	told("M", "\"ref\":\"a\"", NULL);
	ck_assert_int_eq(page_tasks(&f, "admin", "M", &got), DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_CANCEL,
				 got.items[0].id),
			 DEIA_OK);
	told("M", "\"status\":\"cancelled\"", "\"error\":{\"code\":");
}
END_TEST

START_TEST(same_key_is_one_task_also_after_its_end)
{
	struct jobs got;

	create_manager("M");
	create_worker(&f, "W");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"a\",\"content\":\"x\","
			"\"bot\":\"W\",\"key\":\"k\"}");
	told("M", "\"type\":\"result\",\"ref\":\"a\"", NULL);
	write_line("M", "{\"type\":\"submit\",\"ref\":\"b\",\"content\":\"x\","
			"\"bot\":\"W\",\"key\":\"k\"}");
	told("M", "\"type\":\"result\",\"ref\":\"b\"", NULL);
	ck_assert_int_eq(page_tasks(&f, "admin", "M", &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
}
END_TEST

START_TEST(each_submit_with_a_key_is_told_the_result)
{
	struct jobs got;

	create_manager("M");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"a\",\"content\":\"x\","
			"\"capabilities\":[\"none-has-it\"],\"key\":\"k\"}");
	told("M", "\"type\":\"submitted\",\"ref\":\"a\"", NULL);
	write_line("M", "{\"type\":\"submit\",\"ref\":\"b\",\"content\":\"x\","
			"\"capabilities\":[\"none-has-it\"],\"key\":\"k\"}");
	told("M", "\"type\":\"submitted\",\"ref\":\"b\"", NULL);
	ck_assert_int_eq(page_tasks(&f, "admin", "M", &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_CANCEL,
				 got.items[0].id),
			 DEIA_OK);
	told("M", "\"type\":\"result\",\"ref\":\"a\"",
	     "\"type\":\"result\",\"ref\":\"b\"");
}
END_TEST

START_TEST(later_process_gets_no_results_of_the_former)
{
	struct jobs got;
	struct answer a;

	create_manager("M");
	write_line("M", "{\"type\":\"submit\",\"ref\":\"a\",\"content\":\"x\","
			"\"capabilities\":[\"none-has-it\"]}");
	told("M", "\"ref\":\"a\"", NULL);
	ck_assert_int_ne(ask_and_wait(&f, "M", NULL, "die", &a), DEIA_OK);
	run_until_state(&f, "M", DEIA_BOT_READY);
	ck_assert_int_eq(page_tasks(&f, "admin", "M", &got), DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_CANCEL,
				 got.items[0].id),
			 DEIA_OK);
	ck_assert_int_eq(ask_and_wait(&f, "M", NULL, "got", &a), DEIA_OK);
	ck_assert_str_eq(a.text, "");
	ck_assert_uint_eq(faults("M"), 0);
}
END_TEST

static void on_count(deia_err err, const struct deia_task *items, size_t n,
		     bool more, void *user)
{
	(void)items;
	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	*(size_t *)user = n + 1; /* also 0 is an answer */
}

static size_t open_tasks(void)
{
	struct deia_task_query q = DEIA_TASK_QUERY_INIT;
	size_t n = 0;

	q.limit = DEIA_MAX_PAGE_LEN;
	ck_assert_int_eq(
		deia_hive_task_page(f.hive, whose("admin"), &q, on_count, &n),
		DEIA_OK);
	while (!n)
		event_base_loop(f.base, EVLOOP_ONCE);
	return n - 1;
}

START_TEST(open_tasks_of_one_bot_are_bounded)
{
	struct answer a;

	create_manager("M");
	write_line("M", "many 400");
	for (int i = 0; open_tasks() < 256 && i < 20000; i++)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(open_tasks(), 256);
	/* The others are refused, which is no fault of the bot's. */
	ck_assert_int_eq(ask_and_wait(&f, "M", NULL, "got", &a), DEIA_OK);
	ck_assert_uint_eq(open_tasks(), 256);
	ck_assert_uint_eq(faults("M"), 0);
}
END_TEST

/* ---- external bots ---------------------------------------------------------------- */

struct claimed {
	bool done;
	deia_err err;
	char id[65], token[DEIA_CLAIM_TOKEN_LEN + 1], content[64];
	deia_work_kind kind;
};

static void on_claim(deia_err err, const struct deia_claim *claim, void *user)
{
	struct claimed *c = user;

	c->done = true;
	c->err = err;
	if (!claim)
		return;
	snprintf(c->id, sizeof(c->id), "%s", claim->id);
	snprintf(c->token, sizeof(c->token), "%s", claim->token);
	snprintf(c->content, sizeof(c->content), "%s", claim->content);
	c->kind = claim->kind;
}

static void create_external(const char *id)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "external";
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_READY);
}

static void claim(const char *bot, struct claimed *c)
{
	char actor[80];

	snprintf(actor, sizeof(actor), "bot %s", bot);
	memset(c, 0, sizeof(*c));
	ck_assert_int_eq(deia_hive_claim(f.hive, whose(actor), bot, 0, 20,
					 on_claim, c, NULL),
			 DEIA_OK);
	run_until(&f, &c->done);
	ck_assert_int_eq(c->err, DEIA_OK);
}

struct ended {
	bool done;
	deia_err err;
};

static void on_ended(deia_err err, void *user)
{
	struct ended *e = user;

	e->done = true;
	e->err = err;
}

static deia_err complete(const char *task, const char *token, const char *text)
{
	struct deia_claim_answer a = DEIA_CLAIM_ANSWER_INIT;
	struct ended e = { 0 };
	deia_err err;

	a.text = text;
	err = deia_hive_claim_complete(f.hive, whose("bot X"), task, token, &a,
				       on_ended, &e);
	if (err)
		return err;
	ck_assert(!e.done);
	run_until(&f, &e.done);
	return e.err;
}

START_TEST(external_bot_claims_and_completes_a_task)
{
	struct claimed c;
	struct jobs got;
	char id[37];

	create_external("X");
	ck_assert_int_eq(submit_task(&f, "admin", "hello", NULL, id), DEIA_OK);
	claim("X", &c);
	ck_assert_int_eq(c.kind, DEIA_WORK_TASK);
	ck_assert_str_eq(c.content, "hello");
	ck_assert_int_eq(strncmp(c.id, id, 36), 0); /* "<task>.1" */
	ck_assert_str_eq(c.id + 36, ".1");
	run_until_task(&f, id, DEIA_TASK_RUNNING);
	ck_assert_int_eq(deia_hive_claim_extend(f.hive, whose("bot X"), id,
						c.token, 60, NULL),
			 DEIA_OK);
	ck_assert_int_eq(complete(id, c.token, "done"), DEIA_OK);
	/* It is durable when that is said. */
	ck_assert_int_eq(get_task(&f, "bot X", id, &got), DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_TASK_SUCCEEDED);
	ck_assert_str_eq(got.items[0].result, "done");
	ck_assert_int_eq(complete(id, c.token, "again"), DEIA_ESTATE);
}
END_TEST

START_TEST(external_bot_fails_a_task_and_another_try_follows)
{
	struct claimed c, d;
	struct ended e = { 0 };
	char id[37];

	create_external("X");
	ck_assert_int_eq(submit_task(&f, "admin", "hello", NULL, id), DEIA_OK);
	claim("X", &c);
	ck_assert_int_eq(deia_hive_claim_fail(f.hive, whose("bot X"), c.id,
					      c.token, "busy", "not now", true,
					      0, on_ended, &e),
			 DEIA_OK);
	run_until(&f, &e.done);
	ck_assert_int_eq(e.err, DEIA_OK);
	claim("X", &d);
	ck_assert_str_eq(d.id + 36, ".2");
	ck_assert_int_eq(complete(c.id, c.token, "late"), DEIA_ESTATE);
	ck_assert_int_eq(complete(d.id, d.token, "done"), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(cancelled_task_makes_its_token_stale)
{
	struct claimed c;
	char id[37];

	create_external("X");
	ck_assert_int_eq(submit_task(&f, "admin", "hello", NULL, id), DEIA_OK);
	claim("X", &c);
	ck_assert_int_eq(do_task(&f, "bot X", DEIA_TASK_DO_CANCEL, id),
			 DEIA_OK);
	ck_assert_int_eq(complete(id, c.token, "done"), DEIA_ESTATE);
	run_until_task(&f, id, DEIA_TASK_CANCELLED);
}
END_TEST

START_TEST(who_waits_for_a_completion_is_told_when_the_hive_ends)
{
	struct deia_claim_answer a = DEIA_CLAIM_ANSWER_INIT;
	struct ended e = { 0 };
	struct claimed c;
	char id[37];

	create_external("X");
	ck_assert_int_eq(submit_task(&f, "admin", "hello", NULL, id), DEIA_OK);
	claim("X", &c);
	a.text = "done";
	ck_assert_int_eq(deia_hive_claim_complete(f.hive, whose("bot X"), id,
						  c.token, &a, on_ended, &e),
			 DEIA_OK);
	fixture_reopen(&f, false);
	ck_assert(e.done);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-task-bots");
	TCase *t = tcase_create("tasks");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bot_delegates_and_gets_the_result);
	tcase_add_test(t, bot_is_told_what_is_wrong_with_its_line);
	tcase_add_test(t, bot_is_told_of_failures_as_well);
	tcase_add_test(t, same_key_is_one_task_also_after_its_end);
	tcase_add_test(t, each_submit_with_a_key_is_told_the_result);
	tcase_add_test(t, later_process_gets_no_results_of_the_former);
	tcase_add_test(t, open_tasks_of_one_bot_are_bounded);
	tcase_add_test(t, external_bot_claims_and_completes_a_task);
	tcase_add_test(t, external_bot_fails_a_task_and_another_try_follows);
	tcase_add_test(t, cancelled_task_makes_its_token_stale);
	tcase_add_test(t,
		       who_waits_for_a_completion_is_told_when_the_hive_ends);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
