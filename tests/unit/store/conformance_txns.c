/* SPDX-License-Identifier: MIT */
/* conformance_txns.c - transactions: atomicity, order, sequences. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- transactions ------------------------------------------------------ */

START_TEST(failed_transaction_leaves_nothing_behind)
{
	struct deia_value row[BOT_COLUMNS];
	struct deia_value key = deia_text("old");
	struct deia_set set = set_text(BOT_SPEC, "changed");
	deia_txn *t;

	add_bot(&fx, "old", "one");
	add_bot(&fx, "gone", "one");
	t = deia_txn_new(fx.store);
	bot_row(row, "new", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	deia_txn_update(t, &deia__table_bots, &key, &set, 1, NULL);
	key = deia_text("gone");
	deia_txn_delete(t, &deia__table_bots, &key);
	bot_row(row, "old", "double", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_EEXIST);
	ck_spec("new", "");
	ck_spec("old", "one");
	ck_spec("gone", "one");
}
END_TEST

START_TEST(one_failure_in_a_group_does_not_touch_the_others)
{
	struct deia_value row[BOT_COLUMNS];
	struct outcome o[30];
	char id[16];
	deia_txn *t;
	int i;

	memset(o, 0, sizeof(o));
	for (i = 0; i < 30; i++) {
		t = deia_txn_new(fx.store);
		snprintf(id, sizeof(id), "own-%02d", i);
		bot_row(row, id, "x", 1);
		deia_txn_insert(t, &deia__table_bots, row);
		/* Every tenth wants a row that exists by then. */
		snprintf(id, sizeof(id), "two-%02d", i % 10 ? i : 0);
		bot_row(row, id, "x", 1);
		deia_txn_insert(t, &deia__table_bots, row);
		ck_assert_int_eq(deia_txn_commit(t, on_txn, &o[i]), DEIA_OK);
	}
	wait_txn(&fx, &o[29]);
	for (i = 0; i < 30; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		ck_assert_int_eq(o[i].err,
				 i && i % 10 == 0 ? DEIA_EEXIST : DEIA_OK);
		snprintf(id, sizeof(id), "own-%02d", i);
		ck_spec(id, o[i].err ? "" : "x");
	}
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 56);
}
END_TEST

START_TEST(transaction_sees_its_own_writes)
{
	struct deia_value row[BOT_COLUMNS], key = deia_text("a");
	struct deia_set set = set_text(BOT_SPEC, "two");
	struct deia_set guard = set_text(BOT_SPEC, "one");
	deia_txn *t = deia_txn_new(fx.store);

	bot_row(row, "a", "one", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	deia_txn_update(t, &deia__table_bots, &key, &set, 1, &guard);
	deia_txn_delete(t, &deia__table_bots, &key);
	bot_row(row, "a", "three", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_spec("a", "three");
}
END_TEST

START_TEST(empty_transaction_succeeds)
{
	ck_assert_int_eq(commit(&fx, deia_txn_new(fx.store), NULL), DEIA_OK);
}
END_TEST

START_TEST(callbacks_come_in_order_and_never_inside_commit)
{
	struct outcome o[100];
	char id[16];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "%d", i % 50);
		queue_bot(id, "x", &o[i]);
		ck_assert_int_eq(o[i].calls, 0);
	}
	wait_txn(&fx, &o[99]);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		ck_assert_int_eq(o[i].err, i < 50 ? DEIA_OK : DEIA_EEXIST);
		ck_assert_int_eq(o[i].order, o[0].order + i);
	}
}
END_TEST

static void commit_next(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct outcome *o = user;

	on_txn(err, seqs, n, o);
	queue_bot("from-callback", "x", o + 1);
	ck_assert_int_eq(o[1].calls, 0);
}

START_TEST(callback_may_commit_again)
{
	struct outcome o[2];
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	memset(o, 0, sizeof(o));
	bot_row(row, "a", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, commit_next, o), DEIA_OK);
	wait_txn(&fx, &o[0]);
	wait_txn(&fx, &o[1]);
	ck_spec("from-callback", "x");
}
END_TEST

START_TEST(unique_index_refuses_a_second_value)
{
	struct deia_value row[LINE_COLUMNS], key;
	struct deia_set set = set_text(LINE_ID, "l1");
	struct outcome o;
	deia_txn *t = deia_txn_new(fx.store);

	line_row(row, "l1", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	line_row(row, "l2", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, &o), DEIA_OK);
	t = deia_txn_new(fx.store);
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_EEXIST);
	t = deia_txn_new(fx.store);
	key = deia_int(o.seqs[1]);
	deia_txn_update(t, &deia__table_chat_lines, &key, &set, 1, NULL);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_EEXIST);
	/* The row's own value is no conflict. */
	t = deia_txn_new(fx.store);
	key = deia_int(o.seqs[0]);
	deia_txn_update(t, &deia__table_chat_lines, &key, &set, 1, NULL);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}
END_TEST

/* ---- sequences --------------------------------------------------------- */

START_TEST(sequence_rises_in_commit_order_without_gaps)
{
	struct outcome o[20];
	char prefix[16];
	int64_t next = 1;
	size_t k;
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(prefix, sizeof(prefix), "t%d", i);
		queue_lines(prefix, 1 + i % 3, &o[i]);
	}
	wait_txn(&fx, &o[19]);
	for (i = 0; i < 20; i++) {
		ck_assert_uint_eq(o[i].n_seqs, (size_t)(1 + i % 3));
		for (k = 0; k < o[i].n_seqs; k++)
			ck_assert_int_eq(o[i].seqs[k], next++);
	}
}
END_TEST

START_TEST(sequence_of_a_deleted_row_is_never_given_again)
{
	struct deia_value upto = deia_int(100);
	struct outcome o;
	deia_txn *t;

	queue_lines("a", 3, &o);
	wait_txn(&fx, &o);
	t = deia_txn_new(fx.store);
	deia_txn_delete_where(t, &deia__table_chat_lines, -1, NULL, 0, &upto);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 0);
	fixture_reopen(&fx);
	queue_lines("b", 1, &o);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.seqs[0], 4);
}
END_TEST

START_TEST(failed_transaction_reports_no_sequence)
{
	struct outcome o;

	queue_lines("a", 2, &o);
	wait_txn(&fx, &o);
	queue_lines("a", 1, &o);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.err, DEIA_EEXIST);
	ck_assert_uint_eq(o.n_seqs, 0);
	queue_lines("b", 1, &o);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.err, DEIA_OK);
	ck_assert_int_gt(o.seqs[0], 2);
}
END_TEST

void add_txn_tests(TCase *tc)
{
	tcase_add_test(tc, failed_transaction_leaves_nothing_behind);
	tcase_add_test(tc, one_failure_in_a_group_does_not_touch_the_others);
	tcase_add_test(tc, transaction_sees_its_own_writes);
	tcase_add_test(tc, empty_transaction_succeeds);
	tcase_add_test(tc, callbacks_come_in_order_and_never_inside_commit);
	tcase_add_test(tc, callback_may_commit_again);
	tcase_add_test(tc, unique_index_refuses_a_second_value);
	tcase_add_test(tc, sequence_rises_in_commit_order_without_gaps);
	tcase_add_test(tc, sequence_of_a_deleted_row_is_never_given_again);
	tcase_add_test(tc, failed_transaction_reports_no_sequence);
}
