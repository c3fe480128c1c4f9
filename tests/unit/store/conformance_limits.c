/* SPDX-License-Identifier: MIT */
/* conformance_limits.c - limits, mistakes of callers, closing. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- limits and mistakes ----------------------------------------------- */

static void ck_refused(deia_txn *t, deia_err want)
{
	struct outcome o = { 0 };

	ck_assert_int_eq(deia_txn_commit(t, on_txn, &o), want);
	event_base_loop(fx.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(o.calls, 0);
}

START_TEST(values_that_do_not_fit_are_refused)
{
	struct deia_value row[BOT_COLUMNS], line[LINE_COLUMNS];
	struct deia_value bad[5];
	deia_txn *t;
	int i;

	bad[0] = deia_null();
	bad[1] = deia_int(1);
	bad[2] = deia_text("caf\xe9"); /* Latin-1 */
	bad[3] = deia_text("abc");
	bad[3].s = "a\0b";
	bad[4] = deia_text("abc");
	bad[4].s = NULL;
	for (i = 0; i < 5; i++) {
		bot_row(row, "a", "x", 1);
		row[BOT_SPEC] = bad[i];
		t = deia_txn_new(fx.store);
		deia_txn_insert(t, &deia__table_bots, row);
		ck_refused(t, DEIA_EINVAL);
	}
	line_row(line, "l", "c", "x");
	line[LINE_SEQ] = deia_int(5);
	t = deia_txn_new(fx.store);
	deia_txn_insert(t, &deia__table_chat_lines, line);
	ck_refused(t, DEIA_EINVAL);
	line[LINE_SEQ] = deia_null();
	t = deia_txn_new(fx.store);
	deia_txn_put(t, &deia__table_chat_lines, line);
	ck_refused(t, DEIA_EINVAL);
}
END_TEST

START_TEST(updates_that_make_no_sense_are_refused)
{
	struct deia_value key = deia_text("a");
	struct deia_set two[2] = { set_int(BOT_WANTED, 1),
				   set_int(BOT_WANTED, 2) };
	struct deia_set keyed = set_text(BOT_ID, "b");
	struct deia_set none = set_int(BOT_COLUMNS, 1);
	deia_txn *t = deia_txn_new(fx.store);

	deia_txn_update(t, &deia__table_bots, &key, two, 2, NULL);
	ck_refused(t, DEIA_EINVAL);
	t = deia_txn_new(fx.store);
	deia_txn_update(t, &deia__table_bots, &key, &keyed, 1, NULL);
	ck_refused(t, DEIA_EINVAL);
	t = deia_txn_new(fx.store);
	deia_txn_update(t, &deia__table_bots, &key, two, 0, NULL);
	ck_refused(t, DEIA_EINVAL);
	t = deia_txn_new(fx.store);
	deia_txn_update(t, &deia__table_bots, &key, &none, 1, NULL);
	ck_refused(t, DEIA_EINVAL);
	t = deia_txn_new(fx.store);
	deia_txn_update(t, &deia__table_bots, &key, two, 1, &none);
	ck_refused(t, DEIA_EINVAL);
}
END_TEST

START_TEST(value_over_the_limit_is_refused)
{
	size_t len = DEIA_STORE_MAX_VALUE_BYTES + 1;
	char *text = malloc(len + 1);
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	memset(text, 'x', len);
	text[len] = '\0';
	bot_row(row, "a", text, 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_refused(t, DEIA_ELIMIT);
	free(text);
}
END_TEST

START_TEST(transaction_over_the_limit_is_refused)
{
	size_t len = 8u << 20;
	char *text = malloc(len + 1), id[8];
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	int i;

	memset(text, 'x', len);
	text[len] = '\0';
	for (i = 0; i < 9; i++) {
		snprintf(id, sizeof(id), "%d", i);
		bot_row(row, id, text, 1);
		deia_txn_insert(t, &deia__table_bots, row);
	}
	ck_refused(t, DEIA_ELIMIT);
	free(text);
}
END_TEST

START_TEST(queries_that_make_no_sense_are_refused)
{
	struct deia_value v[3] = { deia_text("a"), deia_int(1), deia_int(1) };
	struct deia_page_query good = { .table = &deia__table_chat_lines,
					.index = LINE_BY_CONVERSATION,
					.equal = v,
					.n_equal = 1,
					.after = v + 1,
					.n_after = 1,
					.limit = 1 };
	struct deia_page_query q;
	deia_rows *rows;
	int i;

	ck_assert_int_eq(deia_store_page_now(fx.store, &good, &rows), DEIA_OK);
	deia_rows_free(rows);
	for (i = 0; i < 8; i++) {
		q = good;
		q.limit = i == 0 ? 0 : i == 1 ? 1001 : 1;
		q.index = i == 2 ? 99 : i == 3 ? -2 : good.index;
		q.n_after = i == 4 ? 2 : 1;
		q.equal = i == 5 ? NULL : i == 6 ? v + 1 : v;
		q.table = i == 7 ? NULL : good.table;
		ck_assert_int_eq(deia_store_page_now(fx.store, &q, &rows),
				 DEIA_EINVAL);
		ck_assert_ptr_null(rows);
	}
	ck_assert_int_eq(deia_store_page(fx.store, &good, NULL, NULL),
			 DEIA_EINVAL);
}
END_TEST

START_TEST(full_queue_is_busy_and_recovers)
{
	struct deia_store_stats stats;
	struct deia_value row[BOT_COLUMNS];
	struct outcome o[4];
	deia_txn *t;

	deia_store_close(fx.store);
	fixture_open(&fx, 3);
	queue_bot("a", "x", &o[0]);
	queue_bot("b", "x", &o[1]);
	queue_bot("c", "x", &o[2]);
	deia_store_get_stats(fx.store, &stats);
	ck_assert_uint_eq(stats.queued, 3);
	t = deia_txn_new(fx.store);
	bot_row(row, "d", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, on_txn, &o[3]), DEIA_EBUSY);
	wait_txn(&fx, &o[2]);
	queue_bot("d", "x", &o[3]);
	wait_txn(&fx, &o[3]);
	ck_assert_int_eq(o[3].err, DEIA_OK);
	deia_store_get_stats(fx.store, &stats);
	ck_assert_uint_eq(stats.queued, 0);
	ck_assert_uint_eq(stats.transactions, 4);
	ck_assert_uint_eq(stats.failed, 0);
	ck_assert(!stats.failed_hard);
	ck_assert_str_eq(deia_store_errmsg(fx.store), "");
}
END_TEST

START_TEST(bytes_in_the_queue_are_bounded)
{
	size_t len = 15u << 20;
	char *text = malloc(len + 1), id[8];
	struct deia_value row[BOT_COLUMNS];
	struct outcome o[8] = { 0 };
	deia_err err = DEIA_OK;
	deia_txn *t;
	int i;

	memset(text, 'x', len);
	text[len] = '\0';
	for (i = 0; i < 8 && !err; i++) {
		snprintf(id, sizeof(id), "%d", i);
		bot_row(row, id, text, 1);
		t = deia_txn_new(fx.store);
		deia_txn_insert(t, &deia__table_bots, row);
		err = deia_txn_commit(t, on_txn, &o[i]);
	}
	ck_assert_int_eq(err, DEIA_EBUSY);
	ck_assert_int_eq(i, 5); /* four fit in 64 MiB */
	wait_txn(&fx, &o[3]);
	ck_assert_int_eq(o[3].err, DEIA_OK);
	free(text);
}
END_TEST

/* ---- closing ----------------------------------------------------------- */

static void commit_late(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	on_txn(err, seqs, n, user);
	bot_row(row, "late", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, NULL, NULL), DEIA_ESTATE);
}

static void count_page(deia_err err, const deia_rows *rows, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_ptr_nonnull(rows);
	++*(int *)user;
}

static int big_pages;

static void on_big_page(deia_err err, const deia_rows *rows, void *user)
{
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_ge(deia_rows_count(rows), 2);
	big_pages++;
}

/* Whoever reads much must not hold up the loop for all others. */
START_TEST(one_turn_of_the_loop_calls_back_few_large_pages)
{
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 4 };
	static char text[(1 << 20) + 1];
	struct deia_value row[LINE_COLUMNS];
	char id[8];
	deia_txn *t;
	int i, before;

	memset(text, 'x', sizeof(text) - 1);
	for (i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "l%d", i);
		line_row(row, id, "c", text);
		t = deia_txn_new(fx.store);
		deia_txn_insert(t, &deia__table_chat_lines, row);
		ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	}
	big_pages = 0;
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(
			deia_store_page(fx.store, &q, on_big_page, NULL),
			DEIA_OK);
	while (big_pages < 6) {
		before = big_pages;
		event_base_loop(fx.base, EVLOOP_ONCE);
		ck_assert_int_le(big_pages - before, 1);
	}
}
END_TEST

START_TEST(close_commits_what_is_queued_and_calls_back)
{
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .limit = 1000 };
	struct outcome o[50], last = { 0 };
	struct deia_value row[BOT_COLUMNS];
	int i, pages = 0;
	char id[16];
	deia_txn *t;

	for (i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "%d", i);
		queue_bot(id, "x", &o[i]);
		ck_assert_int_eq(
			deia_store_page(fx.store, &q, count_page, &pages),
			DEIA_OK);
	}
	t = deia_txn_new(fx.store);
	bot_row(row, "last", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, commit_late, &last), DEIA_OK);
	deia_store_close(fx.store);
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(o[i].calls, 1);
	ck_assert_int_eq(pages, 50);
	ck_assert_int_eq(last.calls, 1);
	ck_assert_int_eq(last.err, DEIA_OK);
	fixture_open(&fx, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots),
			  fx.backend->durable ? 51 : 0);
}
END_TEST

START_TEST(rows_survive_a_reopen_where_durable)
{
	struct outcome o;

	add_bot(&fx, "a", "one");
	queue_lines("l", 3, &o);
	wait_txn(&fx, &o);
	if (!fx.backend->durable)
		return;
	fixture_reopen(&fx);
	ck_spec("a", "one");
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 3);
	queue_lines("m", 1, &o);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.seqs[0], 4);
}
END_TEST

START_TEST(uncommitted_transaction_can_be_thrown_away)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	bot_row(row, "a", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	deia_txn_free(t);
	deia_txn_free(NULL);
	ck_spec("a", "");
}
END_TEST

START_TEST(many_rows_keep_their_order_and_number)
{
	char id[16];
	struct deia_value row[CONV_COLUMNS], after[2];
	struct deia_page_query q = { .table = &deia__table_conversations,
				     .index = CONV_BY_BOT,
				     .after = after,
				     .limit = 700 };
	struct outcome o = { 0 };
	struct page p, last;
	deia_txn *t;
	size_t n = 0;
	int i;

	for (i = 0; i < 5000; i++) {
		t = deia_txn_new(fx.store);
		snprintf(id, sizeof(id), "%05d", (i * 7919) % 5000);
		conv_row(row, id, id + 4, "t");
		deia_txn_insert(t, &deia__table_conversations, row);
		memset(&o, 0, sizeof(o));
		ck_assert_int_eq(
			deia_txn_commit(t, i == 4999 ? on_txn : NULL, &o),
			DEIA_OK);
	}
	wait_txn(&fx, &o);
	memset(&last, 0, sizeof(last));
	do {
		page_read(&fx, &q, &p);
		n += p.n;
		page_free(&last);
		last = p;
		after[0] = *page_get(&last, last.n - 1, CONV_BOT);
		after[1] = *page_get(&last, last.n - 1, CONV_ID);
		q.n_after = 2;
	} while (last.has_more);
	page_free(&last);
	ck_assert_uint_eq(n, 5000);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_conversations), 5000);
}
END_TEST

void add_limit_tests(TCase *tc)
{
	tcase_add_test(tc, values_that_do_not_fit_are_refused);
	tcase_add_test(tc, updates_that_make_no_sense_are_refused);
	tcase_add_test(tc, value_over_the_limit_is_refused);
	tcase_add_test(tc, transaction_over_the_limit_is_refused);
	tcase_add_test(tc, queries_that_make_no_sense_are_refused);
	tcase_add_test(tc, full_queue_is_busy_and_recovers);
	tcase_add_test(tc, bytes_in_the_queue_are_bounded);
	tcase_add_test(tc, one_turn_of_the_loop_calls_back_few_large_pages);
	tcase_add_test(tc, close_commits_what_is_queued_and_calls_back);
	tcase_add_test(tc, rows_survive_a_reopen_where_durable);
	tcase_add_test(tc, uncommitted_transaction_can_be_thrown_away);
	tcase_add_test(tc, many_rows_keep_their_order_and_number);
}
