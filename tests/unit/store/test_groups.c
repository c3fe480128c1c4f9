/* SPDX-License-Identifier: MIT */
/* test_groups.c - which transactions share a commit, with threads at work. */
#include "fixture.h"

#include <stdio.h>

#define SQLITE_BACKEND 1

static struct fixture fx;

static void setup(void)
{
	fixture_init(&fx, SQLITE_BACKEND, 0);
}

static void teardown(void)
{
	fixture_fini(&fx);
}

START_TEST(commits_of_one_turn_are_one_group)
{
	struct deia_store_stats before, after;
	struct deia_value row[BOT_COLUMNS];
	struct outcome o = { 0 };
	char id[16];
	deia_txn *t;
	int i;

	deia_store_get_stats(fx.store, &before);
	for (i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "%d", i);
		bot_row(row, id, "x", 1);
		t = deia_txn_new(fx.store);
		deia_txn_insert(t, &deia__table_bots, row);
		ck_assert_int_eq(
			deia_txn_commit(t, i == 499 ? on_txn : NULL, &o),
			DEIA_OK);
	}
	wait_txn(&fx, &o);
	deia_store_get_stats(fx.store, &after);
	ck_assert_uint_eq(after.groups - before.groups, 1);
	ck_assert_uint_eq(after.group_rows_max, 500);
	ck_assert_uint_eq(after.transactions - before.transactions, 500);
}
END_TEST

struct late {
	struct outcome outcome;
	const char *id;
};

static void commit_bot(const char *id, deia_txn_cb cb, void *user)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	bot_row(row, id, "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, cb, user), DEIA_OK);
}

static void commit_late(evutil_socket_t fd, short what, void *arg)
{
	struct late *l = arg;

	(void)fd;
	(void)what;
	commit_bot(l->id, on_txn, &l->outcome);
}

/*
 * A module commits, and another what it put off to the end of the turn. Often,
 * since a writer that is slow to wake takes both at once anyway.
 */
START_TEST(what_is_put_off_to_the_end_of_a_turn_is_in_its_group)
{
	struct deia_store_stats before, after;
	struct event *event;
	char early[16], late[16];
	struct late l;

	deia_store_get_stats(fx.store, &before);
	event = event_new(fx.base, -1, 0, commit_late, &l);
	for (int i = 0; i < 500; i++) {
		snprintf(early, sizeof(early), "early %d", i);
		snprintf(late, sizeof(late), "late %d", i);
		l = (struct late){ .id = late };
		commit_bot(early, NULL, NULL);
		event_active(event, EV_TIMEOUT, 1);
		wait_txn(&fx, &l.outcome);
	}
	event_free(event);
	deia_store_get_stats(fx.store, &after);
	ck_assert_uint_eq(after.groups - before.groups, 500);
	ck_assert_uint_eq(after.transactions - before.transactions, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("groups");
	TCase *tc = tcase_create("groups");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, commits_of_one_turn_are_one_group);
	tcase_add_test(tc,
		       what_is_put_off_to_the_end_of_a_turn_is_in_its_group);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
