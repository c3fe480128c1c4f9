/* SPDX-License-Identifier: MIT */
/* conformance_restore.c - rows with their own numbers, for copies of a store. */
#include "conformance.h"

#include <stdio.h>

#include "store/store.h"

static int64_t last_seq(void)
{
	int64_t seq = -1;

	ck_assert_int_eq(fx.store->backend->last_seq(
				 fx.store->self, &deia__table_chat_lines, &seq),
			 DEIA_OK);
	return seq;
}

static void restore_line(deia_txn *t, int64_t seq, const char *id)
{
	struct deia_value row[LINE_COLUMNS];

	line_row(row, id, "c", "restored");
	row[LINE_SEQ] = deia_int(seq);
	deia__txn_restore(t, &deia__table_chat_lines, row);
}

/* The number that the next line gets. */
static int64_t next_seq(const char *id)
{
	struct deia_value row[LINE_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	struct outcome o;

	line_row(row, id, "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, &o), DEIA_OK);
	return o.seqs[0];
}

START_TEST(restored_rows_keep_their_numbers_and_later_ones_go_on)
{
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 10 };
	deia_txn *t = deia_txn_new(fx.store);
	struct page p;

	ck_assert_int_eq(last_seq(), 0);
	restore_line(t, 7, "seven");
	restore_line(t, 5, "five");
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_int_eq(last_seq(), 7);
	ck_assert_int_eq(next_seq("next"), 8);
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_int_eq(page_get(&p, 0, LINE_SEQ)->i, 5);
	ck_assert_str_eq(page_get(&p, 0, LINE_ID)->s, "five");
	ck_assert_int_eq(page_get(&p, 1, LINE_SEQ)->i, 7);
	page_free(&p);
}
END_TEST

START_TEST(number_alone_counts_as_given)
{
	deia_txn *t = deia_txn_new(fx.store);

	deia__txn_restore_seq(t, &deia__table_chat_lines, 40);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_int_eq(last_seq(), 40);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 0);
	fixture_reopen(&fx);
	ck_assert_int_eq(next_seq("a"), 41);
	/* A lower one changes nothing. */
	t = deia_txn_new(fx.store);
	deia__txn_restore_seq(t, &deia__table_chat_lines, 3);
	restore_line(t, 2, "two");
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_int_eq(last_seq(), 41);
	ck_assert_int_eq(next_seq("b"), 42);
}
END_TEST

START_TEST(last_number_is_known_when_its_row_is_gone)
{
	struct deia_value key;
	deia_txn *t;

	ck_assert_int_eq(next_seq("a"), 1);
	key = deia_int(next_seq("b"));
	t = deia_txn_new(fx.store);
	deia_txn_delete(t, &deia__table_chat_lines, &key);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_int_eq(last_seq(), 2);
}
END_TEST

START_TEST(restored_row_that_is_there_fails_with_all_of_its_transaction)
{
	deia_txn *t;

	ck_assert_int_eq(next_seq("a"), 1);
	t = deia_txn_new(fx.store);
	restore_line(t, 50, "fifty");
	deia__txn_restore_seq(t, &deia__table_chat_lines, 90);
	restore_line(t, 1, "one");
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_EEXIST);
	ck_assert_int_eq(last_seq(), 1);
	ck_assert_int_eq(next_seq("b"), 2);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 2);
}
END_TEST

START_TEST(row_of_a_table_without_numbers_is_restored_as_it_is)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	bot_row(row, "b", "its spec", 1);
	deia__txn_restore(t, &deia__table_bots, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_spec("b", "its spec");
	t = deia_txn_new(fx.store);
	deia__txn_restore(t, &deia__table_bots, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_EEXIST);
}
END_TEST

void add_restore_tests(TCase *tc)
{
	tcase_add_test(tc,
		       restored_rows_keep_their_numbers_and_later_ones_go_on);
	tcase_add_test(tc, number_alone_counts_as_given);
	tcase_add_test(tc, last_number_is_known_when_its_row_is_gone);
	tcase_add_test(
		tc,
		restored_row_that_is_there_fails_with_all_of_its_transaction);
	tcase_add_test(tc, row_of_a_table_without_numbers_is_restored_as_it_is);
}
