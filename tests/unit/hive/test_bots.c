/* SPDX-License-Identifier: MIT */
/* test_bots.c - remembered bots: wishes, states, events, removal. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

START_TEST(launched_bot_becomes_ready)
{
	struct deia_hive_bot bot;

	ck_assert_int_eq(create_bot(&f, "BOT-001", true), DEIA_OK);
	run_until_state(&f, "BOT-001", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "BOT-001", &bot), DEIA_OK);
	ck_assert(bot.wanted);
	ck_assert_int_gt(bot.info->pid, 0);
	ck_assert_int_gt(bot.created_unix_ms, 0);
}
END_TEST

START_TEST(second_launch_of_an_id_is_refused)
{
	ck_assert_int_eq(create_bot(&f, "BOT-001", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "BOT-001", false), DEIA_EEXIST);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "already"));
}
END_TEST

START_TEST(two_launches_at_once_make_one_bot)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	deia_err first, second;

	spec.id = "twin";
	spec.adapter = "echo";
	first = deia_hive_bot_create(f.hive, deia_actor_local(), &spec, false,
				     NULL, NULL);
	second = deia_hive_bot_create(f.hive, deia_actor_local(), &spec, false,
				      NULL, NULL);
	ck_assert_int_eq(first, DEIA_OK);
	ck_assert_int_eq(second, DEIA_EEXIST);
}
END_TEST

START_TEST(bad_specification_names_the_field)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = "no spaces allowed";
	spec.adapter = "echo";
	ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_EFIELD);
	ck_assert_ptr_nonnull(deia_hive_field_error(f.hive));
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/id");
}
END_TEST

START_TEST(program_is_for_administrators)
{
	static const char *const argv[] = { "true" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_actor operator= * deia_actor_local();

	operator.role = DEIA_ROLE_OPERATOR;
	spec.id = "evil";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	ck_assert_int_eq(deia_hive_bot_create(f.hive, &operator, & spec, true,
					      NULL, NULL),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(operator_cannot_redirect_a_bot)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_actor actor = *deia_actor_local();
	const char *env[] = { "NAME=value" };

	ck_assert_int_eq(create_bot(&f, "BOT-001", false), DEIA_OK);
	actor.role = DEIA_ROLE_OPERATOR;
	spec.id = "BOT-001";
	spec.adapter = "echo";
	spec.model = "allowed";
	ck_assert_int_eq(
		deia_hive_bot_update(f.hive, &actor, &spec, NULL, NULL),
		DEIA_OK);
	spec.base_url = "http://192.0.2.1";
	ck_assert_int_eq(
		deia_hive_bot_update(f.hive, &actor, &spec, NULL, NULL),
		DEIA_EDENIED);
	spec.base_url = NULL;
	spec.env = env;
	spec.n_env = 1;
	spec.template_name = "any";
	ck_assert_int_eq(
		deia_hive_bot_update(f.hive, &actor, &spec, NULL, NULL),
		DEIA_EDENIED);
}
END_TEST

START_TEST(missing_program_is_a_failed_bot_with_a_reason)
{
	static const char *const argv[] = { "/nonexistent/program" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_hive_bot bot;

	spec.id = "ghost";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "ghost", DEIA_BOT_FAILED);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "ghost", &bot), DEIA_OK);
	ck_assert_ptr_nonnull(strstr(bot.info->state_reason, "nonexistent"));
}
END_TEST

START_TEST(illegal_moves_name_both_states)
{
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "stopped -> paused"));
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_ESTATE);
	ck_assert_int_eq(act(&f, "nobody", DEIA_BOT_START), DEIA_ENOTFOUND);
}
END_TEST

START_TEST(stop_start_pause_resume_restart)
{
	struct deia_hive_bot bot;
	int64_t pid;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_PAUSED);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESUME), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	pid = bot.info->pid;
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESTART), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPING);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	ck_assert_int_ne(bot.info->pid, pid);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPED);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_START), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
}
END_TEST

START_TEST(live_bot_is_removed_by_force_only)
{
	struct deia_hive_bot bot;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(remove_bot(&f, "b", false, false), DEIA_ESTATE);
	ck_assert_int_eq(remove_bot(&f, "b", true, false), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_ENOTFOUND);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
}
END_TEST

START_TEST(restarting_bot_can_be_stopped_and_removed)
{
	struct deia_hive_bot bot;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESTART), DEIA_OK);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPED);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_START), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESTART), DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "b", true, false), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_ENOTFOUND);
}
END_TEST

START_TEST(start_that_crosses_a_removal_does_not_revive)
{
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_act(f.hive, deia_actor_local(), "b",
					   DEIA_BOT_START, NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "b", false, false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
}
END_TEST

START_TEST(history_outlives_its_bot_unless_purged)
{
	struct answer a;
	struct lines l;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	ck_assert_int_eq(ask_and_wait(&f, "b", NULL, "hello", &a), DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "b", true, false), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "b", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "b", NULL, NULL, 10, &l), DEIA_OK);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_int_eq(remove_bot(&f, "b", false, true), DEIA_OK);
	ck_assert_int_eq(read_lines(&f, "b", NULL, NULL, 10, &l),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(list_is_in_order_of_id_and_pages)
{
	static const char *const ids[] = { "c", "a", "b", "e", "d" };
	struct deia_hive_bot bots[3];

	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(create_bot(&f, ids[i], false), DEIA_OK);
	ck_assert_uint_eq(deia_hive_bot_list(f.hive, NULL, bots, 3), 3);
	ck_assert_str_eq(bots[0].info->spec->id, "a");
	ck_assert_str_eq(bots[2].info->spec->id, "c");
	ck_assert_uint_eq(deia_hive_bot_list(f.hive, "c", bots, 3), 2);
	ck_assert_str_eq(bots[1].info->spec->id, "e");
}
END_TEST

/* ---- across restarts of the hive ------------------------------------------ */

START_TEST(what_is_meant_to_run_runs_again)
{
	struct deia_hive_bot bot;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "runs", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "rests", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "never", false), DEIA_OK);
	run_until_state(&f, "rests", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "rests", DEIA_BOT_STOP), DEIA_OK);
	fixture_reopen(&f, true);
	run_until_state(&f, "runs", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "rests", &bot), DEIA_OK);
	ck_assert_int_eq(bot.info->state, DEIA_BOT_STOPPED);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "never", &bot), DEIA_OK);
	ck_assert_int_eq(bot.info->state, DEIA_BOT_STOPPED);
	fixture_reopen(&f, false); /* freed without a stop */
	run_until_state(&f, "runs", DEIA_BOT_READY);
	fixture_close(&f);
}
END_TEST

START_TEST(specification_survives_whole)
{
	static const char *const argv[] = { "sh", "-c", "exit 0" };
	static const char *const env[] = { "A=1", "B=two words" };
	static const char *const caps[] = { "c", "sql" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_hive_bot bot;

	fixture_open_file(&f);
	spec.id = "whole";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	spec.env = env;
	spec.n_env = 2;
	spec.capabilities = caps;
	spec.n_capabilities = 2;
	spec.type = "coder";
	spec.options = "{\"temperature\":0}";
	spec.system_prompt = "be \"brief\"\n";
	spec.restart = DEIA_RESTART_NEVER;
	spec.max_restarts = 3;
	spec.ready_timeout_seconds = 7;
	ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_OK);
	fixture_reopen(&f, true);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "whole", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.info->spec->n_argv, 3);
	ck_assert_str_eq(bot.info->spec->argv[2], "exit 0");
	ck_assert_uint_eq(bot.info->spec->n_env, 2);
	ck_assert_str_eq(bot.info->spec->env[1], "B=two words");
	ck_assert_str_eq(bot.info->spec->capabilities[1], "sql");
	ck_assert_str_eq(bot.info->spec->options, "{\"temperature\":0}");
	ck_assert_str_eq(bot.info->spec->system_prompt, "be \"brief\"\n");
	ck_assert_int_eq(bot.info->spec->restart, DEIA_RESTART_NEVER);
	ck_assert_uint_eq(bot.info->spec->max_restarts, 3);
	ck_assert_uint_eq(bot.info->spec->ready_timeout_seconds, 7);
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive bots");
	TCase *live = tcase_create("in memory");
	TCase *file = tcase_create("across restarts");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_add_test(live, launched_bot_becomes_ready);
	tcase_add_test(live, second_launch_of_an_id_is_refused);
	tcase_add_test(live, two_launches_at_once_make_one_bot);
	tcase_add_test(live, bad_specification_names_the_field);
	tcase_add_test(live, program_is_for_administrators);
	tcase_add_test(live, operator_cannot_redirect_a_bot);
	tcase_add_test(live, missing_program_is_a_failed_bot_with_a_reason);
	tcase_add_test(live, illegal_moves_name_both_states);
	tcase_add_test(live, stop_start_pause_resume_restart);
	tcase_add_test(live, live_bot_is_removed_by_force_only);
	tcase_add_test(live, restarting_bot_can_be_stopped_and_removed);
	tcase_add_test(live, start_that_crosses_a_removal_does_not_revive);
	tcase_add_test(live, history_outlives_its_bot_unless_purged);
	tcase_add_test(live, list_is_in_order_of_id_and_pages);
	tcase_add_test(file, what_is_meant_to_run_runs_again);
	tcase_add_test(file, specification_survives_whole);
	suite_add_tcase(s, live);
	suite_add_tcase(s, file);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
