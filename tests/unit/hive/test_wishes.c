/* SPDX-License-Identifier: MIT */
/*
 * test_wishes.c - what is wished of bots: many at once, pauses that last,
 * circles of dependence, what a purge takes away.
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

static deia_bot_state state_of(const char *id)
{
	struct deia_hive_bot bot;

	ck_assert_int_eq(deia_hive_bot_get(f.hive, id, &bot), DEIA_OK);
	return bot.info->state;
}

/* ---- many at once ----------------------------------------------------------- */

struct outcomes {
	bool done;
	deia_err err;
	size_t n;
	deia_err errs[4];
	char ids[4][65], messages[4][160];
};

static void on_outcomes(deia_err err, const struct deia_hive_outcome *items,
			size_t n, void *user)
{
	struct outcomes *o = user;

	o->done = true;
	o->err = err;
	o->n = n;
	for (size_t i = 0; i < n && i < 4; i++) {
		o->errs[i] = items[i].err;
		snprintf(o->ids[i], 65, "%s", items[i].id);
		snprintf(o->messages[i], 160, "%s", items[i].message);
	}
}

static deia_err act_on(deia_bot_action action, const char *const *ids, size_t n,
		       struct outcomes *o)
{
	deia_err err;

	memset(o, 0, sizeof(*o));
	err = deia_hive_bots_act(f.hive, deia_actor_local(), action, ids, n,
				 on_outcomes, o);
	if (err)
		return err;
	ck_assert(!o->done);
	run_until(&f, &o->done);
	return o->err;
}

START_TEST(one_that_refuses_hinders_no_other)
{
	static const char *const ids[] = { "a", "nobody", "b", "c" };
	struct outcomes o;

	ck_assert_int_eq(create_bot(&f, "a", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "c", true), DEIA_OK);
	run_until_state(&f, "a", DEIA_BOT_READY);
	run_until_state(&f, "c", DEIA_BOT_READY);
	ck_assert_int_eq(act_on(DEIA_BOT_STOP, ids, 4, &o), DEIA_OK);
	ck_assert_uint_eq(o.n, 4);
	ck_assert_str_eq(o.ids[2], "b");
	ck_assert_int_eq(o.errs[0], DEIA_OK);
	ck_assert_int_eq(o.errs[1], DEIA_ENOTFOUND);
	ck_assert_int_eq(o.errs[2], DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(o.messages[2], "is stopped already"));
	ck_assert_int_eq(o.errs[3], DEIA_OK);
	run_until_state(&f, "a", DEIA_BOT_STOPPED);
	run_until_state(&f, "c", DEIA_BOT_STOPPED);
}
END_TEST

START_TEST(a_thousand_are_acted_on_and_no_more)
{
	static char names[1001][8];
	const char *ids[1001];
	struct outcomes o;

	for (int i = 0; i < 1001; i++) {
		snprintf(names[i], sizeof(names[i]), "b%d", i);
		ids[i] = names[i];
	}
	ck_assert_int_eq(create_bot(&f, "b999", false), DEIA_OK);
	ck_assert_int_eq(act_on(DEIA_BOT_START, ids, 1001, &o), DEIA_ELIMIT);
	ck_assert_int_eq(act_on(DEIA_BOT_START, ids, 1000, &o), DEIA_OK);
	ck_assert_uint_eq(o.n, 1000);
	run_until_state(&f, "b999", DEIA_BOT_READY);
	ck_assert_int_eq(act_on(DEIA_BOT_START, NULL, 0, &o), DEIA_OK);
	ck_assert_uint_eq(o.n, 0);
}
END_TEST

START_TEST(wishes_of_many_are_durable)
{
	static const char *const ids[] = { "a", "b" };
	struct outcomes o;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "a", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(act_on(DEIA_BOT_START, ids, 2, &o), DEIA_OK);
	fixture_reopen(&f, false);
	run_until_state(&f, "a", DEIA_BOT_READY);
	run_until_state(&f, "b", DEIA_BOT_READY);
	fixture_close(&f);
}
END_TEST

START_TEST(search_filters_by_type_and_state)
{
	struct deia_hive_bot_filter filter = { "coder", -1 };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_hive_bot bots[4];
	char id[8];

	spec.adapter = "echo";
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "b%03d", i);
		spec.id = id;
		spec.type = i % 70 == 69 ? "coder" : "other";
		ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_OK);
	}
	ck_assert_uint_eq(deia_hive_bot_search(f.hive, &filter, NULL, bots, 4),
			  2);
	ck_assert_str_eq(bots[1].info->spec->id, "b139");
	ck_assert_uint_eq(
		deia_hive_bot_search(f.hive, &filter, "b069", bots, 4), 1);
	filter.state = DEIA_BOT_READY;
	ck_assert_uint_eq(deia_hive_bot_search(f.hive, &filter, NULL, bots, 4),
			  0);
	filter.type = NULL;
	filter.state = DEIA_BOT_STOPPED;
	ck_assert_uint_eq(
		deia_hive_bot_search(f.hive, &filter, "b197", bots, 4), 2);
}
END_TEST

/* ---- pauses ------------------------------------------------------------------ */

START_TEST(pause_outlives_the_hive)
{
	struct answer a;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
	fixture_reopen(&f, false);
	ck_assert_int_eq(ask(&f, "b", NULL, "hello", &a, NULL), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "paused"));
	run_until_state(&f, "b", DEIA_BOT_PAUSED);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESUME), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	fixture_reopen(&f, false);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "b", NULL, "hello", &a), DEIA_OK);
	fixture_close(&f);
}
END_TEST

START_TEST(resumed_before_it_is_paused_again)
{
	struct answer a;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
	fixture_reopen(&f, false);
	ck_assert_int_eq(state_of("b"), DEIA_BOT_STARTING);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESUME), DEIA_OK);
	ck_assert_int_eq(ask_and_wait(&f, "b", NULL, "hello", &a), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	fixture_close(&f);
}
END_TEST

START_TEST(pause_outlives_the_process)
{
	struct deia_hive_bot bot;
	int64_t pid;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	pid = bot.info->pid;
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	run_until_state(&f, "b", DEIA_BOT_STARTING);
	run_until_state(&f, "b", DEIA_BOT_PAUSED);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "b", &bot), DEIA_OK);
	ck_assert_int_ne(bot.info->pid, pid);
	ck_assert_ptr_null(strstr(f.last_log, "paused again"));
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESUME), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
}
END_TEST

START_TEST(start_by_hand_ends_a_pause)
{
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_PAUSE), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_PAUSED);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESTART), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
}
END_TEST

/* ---- depends_on ---------------------------------------------------------------- */

static deia_err create_needing(const char *id, const char *a, const char *b)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	const char *needs[2] = { a, b };

	spec.id = id;
	spec.adapter = "echo";
	spec.depends_on = needs;
	spec.n_depends_on = b ? 2 : 1;
	return create_bot_spec(&f, &spec, false);
}

START_TEST(circle_of_dependence_is_named)
{
	const struct deia_field_error *e;

	ck_assert_int_eq(create_needing("c", "later", "d"), DEIA_OK);
	ck_assert_int_eq(create_needing("b", "other", "c"), DEIA_OK);
	ck_assert_int_eq(create_needing("d", "free", NULL), DEIA_OK);
	ck_assert_int_eq(create_needing("later", "d", "b"), DEIA_EFIELD);
	e = deia_hive_field_error(f.hive);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->pointer, "/depends_on");
	ck_assert_msg(strstr(e->detail, "later -> b -> c -> later"), "%s",
		      e->detail);
	ck_assert_int_eq(create_needing("later", "d", NULL), DEIA_OK);
}
END_TEST

static void on_bot(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	(void)bot;
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(change_that_closes_a_circle_is_refused)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	const char *needs[1] = { "b" };
	bool done = false;

	ck_assert_int_eq(create_bot(&f, "a", false), DEIA_OK);
	ck_assert_int_eq(create_needing("b", "a", NULL), DEIA_OK);
	spec.id = "a";
	spec.adapter = "echo";
	spec.depends_on = needs;
	spec.n_depends_on = 1;
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      on_bot, &done),
			 DEIA_EFIELD);
	needs[0] = "c";
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      on_bot, &done),
			 DEIA_OK);
	run_until(&f, &done);
}
END_TEST

/* ---- purge ------------------------------------------------------------------------ */

START_TEST(purge_deletes_the_log_files)
{
	char log[128], older[160];
	FILE *file;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	snprintf(log, sizeof(log), "%s", deia_hive_bot_log_path(f.hive, "b"));
	ck_assert_int_eq(remove_bot(&f, "b", true, false), DEIA_OK);
	fixture_reopen(&f, true); /* logs are written when it is freed */
	ck_assert_int_eq(access(log, F_OK), 0);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	snprintf(older, sizeof(older), "%s.1", log);
	file = fopen(older, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(remove_bot(&f, "b", false, true), DEIA_OK);
	fixture_reopen(&f, true);
	ck_assert_int_ne(access(log, F_OK), 0);
	ck_assert_int_ne(access(older, F_OK), 0);
	fixture_close(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive wishes");
	TCase *live = tcase_create("in memory");
	TCase *file = tcase_create("across restarts");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_add_test(live, one_that_refuses_hinders_no_other);
	tcase_add_test(live, a_thousand_are_acted_on_and_no_more);
	tcase_add_test(live, search_filters_by_type_and_state);
	tcase_add_test(live, pause_outlives_the_process);
	tcase_add_test(live, start_by_hand_ends_a_pause);
	tcase_add_test(live, circle_of_dependence_is_named);
	tcase_add_test(live, change_that_closes_a_circle_is_refused);
	tcase_add_test(file, wishes_of_many_are_durable);
	tcase_add_test(file, pause_outlives_the_hive);
	tcase_add_test(file, resumed_before_it_is_paused_again);
	tcase_add_test(file, purge_deletes_the_log_files);
	suite_add_tcase(s, live);
	suite_add_tcase(s, file);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
