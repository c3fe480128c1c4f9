/* SPDX-License-Identifier: MIT */
/* test_groups.c - which transactions share a commit, with threads at work. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQLITE_BACKEND 1
#define PG_BACKEND 2

static struct fixture fx;

START_TEST(commits_of_one_turn_are_one_group)
{
	struct deia_store_stats before, after;
	struct deia_value row[BOT_COLUMNS];
	struct outcome o = { 0 };
	char id[16];
	deia_txn *t;
	int i;

	fixture_init(&fx, _i, 0);
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
	fixture_fini(&fx);
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

static uint64_t counted(const struct deia_store_stats *st,
			enum deia_store_op op)
{
	return deia_histogram_count(&st->times[op]);
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

	fixture_init(&fx, _i, 0);
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
	/* Two transactions are counted at the bound of 2. */
	ck_assert_uint_eq(
		after.group_len.counts[1] - before.group_len.counts[1], 500);
	ck_assert_uint_eq(counted(&after, DEIA_STORE_GROUP) -
				  counted(&before, DEIA_STORE_GROUP),
			  500);
	ck_assert_uint_eq(counted(&after, DEIA_STORE_TRANSACTION) -
				  counted(&before, DEIA_STORE_TRANSACTION),
			  1000);
	ck_assert_uint_eq(counted(&after, DEIA_STORE_PAGE), 0);
	fixture_fini(&fx);
}
END_TEST

/* All of a group but what fails by itself is done, and numbered in order. */
START_TEST(failures_in_a_large_group_are_their_own)
{
	struct outcome o[300];
	struct deia_value row[LINE_COLUMNS];
	int64_t seq = 0;
	deia_txn *t;
	char id[16];
	int i;

	fixture_init(&fx, _i, 0);
	memset(o, 0, sizeof(o));
	for (i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "%d", i % 7 == 3 ? 3 : i);
		t = deia_txn_new(fx.store);
		line_row(row, id, "c", "x");
		deia_txn_insert(t, &deia__table_chat_lines, row);
		ck_assert_int_eq(deia_txn_commit(t, on_txn, &o[i]), DEIA_OK);
	}
	wait_txn(&fx, &o[299]);
	for (i = 0; i < 300; i++) {
		ck_assert_int_eq(o[i].err,
				 i % 7 == 3 && i > 3 ? DEIA_EEXIST : DEIA_OK);
		if (!o[i].err)
			ck_assert_int_eq(o[i].seqs[0], ++seq);
	}
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines),
			  (size_t)seq);
	fixture_fini(&fx);
}
END_TEST

/* More bytes than both sides' sockets hold, in both directions. */
START_TEST(large_groups_do_not_choke)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1), id[16];
	struct deia_value row[LINE_COLUMNS];
	struct outcome o[40];
	deia_txn *t;
	int i, k;

	fixture_init(&fx, _i, 0);
	memset(o, 0, sizeof(o));
	memset(text, 'x', len);
	text[len] = '\0';
	for (i = 0; i < 40; i++) {
		t = deia_txn_new(fx.store);
		snprintf(id, sizeof(id), "big%d", i);
		line_row(row, id, "c", text);
		deia_txn_insert(t, &deia__table_chat_lines, row);
		for (k = 0; k < 200; k++) {
			snprintf(id, sizeof(id), "%d-%d", i, k);
			line_row(row, id, "c", "x");
			deia_txn_insert(t, &deia__table_chat_lines, row);
		}
		ck_assert_int_eq(deia_txn_commit(t, on_txn, &o[i]), DEIA_OK);
	}
	free(text);
	wait_txn(&fx, &o[39]);
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(o[i].err, DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 40 * 201);
	fixture_fini(&fx);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("groups");
	TCase *tc = tcase_create("groups");
	SRunner *runner;
	int failed,
		n = backend_missing(PG_BACKEND) ? PG_BACKEND : PG_BACKEND + 1;

	if (n == PG_BACKEND)
		printf("# without PostgreSQL: %s\n",
		       backend_missing(PG_BACKEND));
	tcase_add_loop_test(tc, commits_of_one_turn_are_one_group,
			    SQLITE_BACKEND, n);
	tcase_add_loop_test(
		tc, what_is_put_off_to_the_end_of_a_turn_is_in_its_group,
		SQLITE_BACKEND, n);
	tcase_add_loop_test(tc, failures_in_a_large_group_are_their_own,
			    SQLITE_BACKEND, n);
	tcase_add_loop_test(tc, large_groups_do_not_choke, SQLITE_BACKEND, n);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
