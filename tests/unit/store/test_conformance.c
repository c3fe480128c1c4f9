/* SPDX-License-Identifier: MIT */
/*
 * test_conformance.c - what every backend must do, run over each of them.
 *
 * A new backend is one line in fixture.c.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture fx;

/* The commits of a transaction that a test does not wait for. */
static void queue_bot(const char *id, const char *spec, struct outcome *o)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	memset(o, 0, sizeof(*o));
	bot_row(row, id, spec, 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, on_txn, o), DEIA_OK);
}

static void ck_spec(const char *id, const char *want)
{
	char spec[64];

	bot_spec(&fx, id, spec, sizeof(spec));
	ck_assert_str_eq(spec, want);
}

static struct deia_set set_text(unsigned column, const char *s)
{
	struct deia_set set = { column, deia_text(s) };

	return set;
}

static struct deia_set set_int(unsigned column, int64_t i)
{
	struct deia_set set = { column, deia_int(i) };

	return set;
}

static deia_err update_bot(const char *id, const struct deia_set *set, size_t n,
			   const struct deia_set *guard)
{
	struct deia_value key = deia_text(id);
	deia_txn *t = deia_txn_new(fx.store);

	deia_txn_update(t, &deia__table_bots, &key, set, n, guard);
	return commit(&fx, t, NULL);
}

/* ---- rows -------------------------------------------------------------- */

START_TEST(inserted_row_is_read_back)
{
	ck_assert_int_eq(add_bot(&fx, "a", "one"), DEIA_OK);
	ck_spec("a", "one");
	ck_spec("b", "");
}
END_TEST

START_TEST(second_row_with_the_key_exists_already)
{
	ck_assert_int_eq(add_bot(&fx, "a", "one"), DEIA_OK);
	ck_assert_int_eq(add_bot(&fx, "a", "two"), DEIA_EEXIST);
	ck_spec("a", "one");
}
END_TEST

START_TEST(put_inserts_and_replaces)
{
	struct deia_value row[BOT_COLUMNS];
	const char *specs[] = { "one", "two" };
	deia_txn *t;
	int i;

	for (i = 0; i < 2; i++) {
		t = deia_txn_new(fx.store);
		bot_row(row, "a", specs[i], i);
		deia_txn_put(t, &deia__table_bots, row);
		ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
		ck_spec("a", specs[i]);
	}
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 1);
}
END_TEST

START_TEST(update_sets_only_its_columns)
{
	struct deia_set set[2] = { set_int(BOT_UPDATED, 9),
				   set_text(BOT_SPEC, "two") };
	struct deia_value key = deia_text("a");
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 5 };
	struct page p;

	add_bot(&fx, "a", "one");
	add_bot(&fx, "b", "other");
	ck_assert_int_eq(update_bot("a", set, 2, NULL), DEIA_OK);
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(page_get(&p, 0, BOT_SPEC)->s, "two");
	ck_assert_int_eq(page_get(&p, 0, BOT_UPDATED)->i, 9);
	ck_assert_int_eq(page_get(&p, 0, BOT_CREATED)->i, 1);
	page_free(&p);
	ck_spec("b", "other");
}
END_TEST

START_TEST(update_of_a_missing_row_is_not_found)
{
	struct deia_set set = set_int(BOT_WANTED, 0);
	struct deia_set guard = set_int(BOT_WANTED, 1);

	ck_assert_int_eq(update_bot("a", &set, 1, NULL), DEIA_ENOTFOUND);
	ck_assert_int_eq(update_bot("a", &set, 1, &guard), DEIA_ENOTFOUND);
}
END_TEST

START_TEST(guard_that_does_not_hold_is_a_conflict)
{
	struct deia_set set = set_text(BOT_SPEC, "two");
	struct deia_set guard = set_int(BOT_WANTED, 5);

	add_bot(&fx, "a", "one");
	ck_assert_int_eq(update_bot("a", &set, 1, &guard), DEIA_ECONFLICT);
	ck_spec("a", "one");
	guard.value.i = 1;
	ck_assert_int_eq(update_bot("a", &set, 1, &guard), DEIA_OK);
	ck_spec("a", "two");
}
END_TEST

START_TEST(null_guard_holds_for_null_only)
{
	struct deia_value row[LINE_COLUMNS], key = deia_int(1);
	struct deia_set set = set_int(LINE_PROMPT_TOKENS, 3);
	struct deia_set guard = { LINE_PROMPT_TOKENS, { DEIA_NULL, 0, 0, 0 } };
	deia_txn *t = deia_txn_new(fx.store);
	int i;

	line_row(row, "l1", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	for (i = 0; i < 2; i++) {
		t = deia_txn_new(fx.store);
		deia_txn_update(t, &deia__table_chat_lines, &key, &set, 1,
				&guard);
		ck_assert_int_eq(commit(&fx, t, NULL),
				 i ? DEIA_ECONFLICT : DEIA_OK);
	}
}
END_TEST

START_TEST(deleting_removes_the_row_and_none_is_no_error)
{
	struct deia_value key = deia_text("a");
	deia_txn *t;
	int i;

	add_bot(&fx, "a", "one");
	for (i = 0; i < 2; i++) {
		t = deia_txn_new(fx.store);
		deia_txn_delete(t, &deia__table_bots, &key);
		ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
		ck_spec("a", "");
	}
}
END_TEST

START_TEST(nulls_numbers_and_texts_keep_their_type)
{
	struct deia_value row[LINE_COLUMNS];
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 1 };
	deia_txn *t = deia_txn_new(fx.store);
	struct page p;

	line_row(row, "l1", "c", "x");
	row[LINE_CREATED] = deia_int(INT64_MIN);
	row[LINE_COMPLETION_TOKENS] = deia_int(INT64_MAX);
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	page_read(&fx, &q, &p);
	ck_assert_int_eq(page_get(&p, 0, LINE_SEQ)->i, 1);
	ck_assert_int_eq(page_get(&p, 0, LINE_PROMPT_TOKENS)->type, DEIA_NULL);
	ck_assert_int_eq(page_get(&p, 0, LINE_CREATED)->i, INT64_MIN);
	ck_assert_int_eq(page_get(&p, 0, LINE_COMPLETION_TOKENS)->i, INT64_MAX);
	ck_assert_int_eq(page_get(&p, 0, LINE_ERROR)->type, DEIA_TEXT);
	ck_assert_uint_eq(page_get(&p, 0, LINE_ERROR)->len, 0);
	page_free(&p);
}
END_TEST

START_TEST(blob_keeps_its_zero_bytes)
{
	static const char bytes[] = { 0, 1, 0, (char)0xff, 0 };
	struct deia_value row[TOKEN_COLUMNS];
	struct deia_page_query q = { .table = &deia__table_tokens,
				     .index = -1,
				     .limit = 2 };
	struct page p;
	deia_txn *t = deia_txn_new(fx.store);
	int i, c;

	for (i = 0; i < 2; i++) {
		row[TOKEN_ID] = deia_text(i ? "b" : "a");
		row[TOKEN_HASH].type = DEIA_BLOB;
		row[TOKEN_HASH].s = i ? NULL : bytes;
		row[TOKEN_HASH].len = i ? 0 : sizeof(bytes);
		for (c = TOKEN_NAME; c <= TOKEN_KIND; c++)
			row[c] = deia_text("x");
		for (c = TOKEN_CREATED; c < TOKEN_COLUMNS; c++)
			row[c] = deia_int(c);
		deia_txn_insert(t, &deia__table_tokens, row);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_int_eq(page_get(&p, 0, TOKEN_HASH)->type, DEIA_BLOB);
	ck_assert_uint_eq(page_get(&p, 0, TOKEN_HASH)->len, sizeof(bytes));
	ck_assert_mem_eq(page_get(&p, 0, TOKEN_HASH)->s, bytes, sizeof(bytes));
	ck_assert_int_eq(page_get(&p, 1, TOKEN_HASH)->type, DEIA_BLOB);
	ck_assert_uint_eq(page_get(&p, 1, TOKEN_HASH)->len, 0);
	page_free(&p);
}
END_TEST

START_TEST(a_mebibyte_of_text_comes_back_whole)
{
	size_t len = (1u << 20) + 1;
	char *text = malloc(len + 1);
	struct deia_value row[LINE_COLUMNS];
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 10 };
	deia_txn *t = deia_txn_new(fx.store);
	struct page p;
	size_t i;

	for (i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	text[len] = '\0';
	line_row(row, "l1", "c", text);
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(page_get(&p, 0, LINE_CONTENT)->len, len);
	ck_assert_str_eq(page_get(&p, 0, LINE_CONTENT)->s, text);
	page_free(&p);
	free(text);
}
END_TEST

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

static void queue_lines(const char *prefix, int n, struct outcome *o)
{
	struct deia_value row[LINE_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	char id[32];
	int i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s-%d", prefix, i);
		line_row(row, id, "c", "x");
		deia_txn_insert(t, &deia__table_chat_lines, row);
	}
	ck_assert_int_eq(deia_txn_commit(t, on_txn, o), DEIA_OK);
}

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

/* ---- pages ------------------------------------------------------------- */

/* Twelve lines in two conversations: even ones in c0, odd ones in c1. */
static void twelve_lines(void)
{
	struct deia_value row[LINE_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	char id[16];
	int i;

	for (i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "l%02d", 11 - i);
		line_row(row, id, i % 2 ? "c1" : "c0", "x");
		deia_txn_insert(t, &deia__table_chat_lines, row);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}

/* Reads on with cursors until the end; joins the seqs: "1 3 5". */
static void walk(int index, const char *conversation, bool descending,
		 unsigned limit, char *out, size_t len)
{
	struct deia_value equal = deia_text(conversation), after[2];
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = index,
				     .equal = &equal,
				     .n_equal = conversation ? 1 : 0,
				     .after = after,
				     .descending = descending,
				     .limit = limit };
	struct page p;
	size_t at = 0, r;
	bool more = true;

	out[0] = '\0';
	while (more) {
		page_read(&fx, &q, &p);
		ck_assert_uint_le(p.n, limit);
		for (r = 0; r < p.n; r++)
			at += (size_t)snprintf(
				out + at, len - at, "%s%lld", at ? " " : "",
				(long long)page_get(&p, r, LINE_SEQ)->i);
		more = p.has_more;
		ck_assert(!more || p.n > 0);
		if (p.n)
			after[0] = *page_get(&p, p.n - 1, LINE_SEQ);
		q.n_after = 1;
		page_free(&p);
	}
}

START_TEST(pages_follow_the_key_in_both_directions)
{
	char out[200];
	unsigned limit;

	twelve_lines();
	for (limit = 1; limit <= 13; limit++) {
		walk(-1, NULL, false, limit, out, sizeof(out));
		ck_assert_str_eq(out, "1 2 3 4 5 6 7 8 9 10 11 12");
		walk(-1, NULL, true, limit, out, sizeof(out));
		ck_assert_str_eq(out, "12 11 10 9 8 7 6 5 4 3 2 1");
	}
}
END_TEST

START_TEST(pages_stay_within_the_equal_prefix)
{
	char out[200];
	unsigned limit;

	twelve_lines();
	for (limit = 1; limit <= 7; limit++) {
		walk(LINE_BY_CONVERSATION, "c0", false, limit, out,
		     sizeof(out));
		ck_assert_str_eq(out, "1 3 5 7 9 11");
		walk(LINE_BY_CONVERSATION, "c1", true, limit, out, sizeof(out));
		ck_assert_str_eq(out, "12 10 8 6 4 2");
		walk(LINE_BY_CONVERSATION, "c", true, limit, out, sizeof(out));
		ck_assert_str_eq(out, "");
	}
}
END_TEST

START_TEST(has_more_is_exact_at_the_end)
{
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 12 };
	struct page p;

	twelve_lines();
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 12);
	ck_assert(!p.has_more);
	page_free(&p);
	q.limit = 11;
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 11);
	ck_assert(p.has_more);
	page_free(&p);
}
END_TEST

START_TEST(unique_index_gives_its_own_order)
{
	struct deia_value after = deia_text("l09");
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = LINE_BY_ID,
				     .after = &after,
				     .n_after = 1,
				     .limit = 10 };
	struct page p;

	twelve_lines();
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_str_eq(page_get(&p, 0, LINE_ID)->s, "l10");
	ck_assert_str_eq(page_get(&p, 1, LINE_ID)->s, "l11");
	page_free(&p);
}
END_TEST

/* An index with a shorter cursor passes over all rows that are equal in it. */
START_TEST(cursor_of_two_columns_goes_on_inside_equal_ones)
{
	struct deia_value after[2] = { deia_text("c0"), deia_int(9) };
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = LINE_BY_CONVERSATION,
				     .after = after,
				     .n_after = 2,
				     .limit = 3 };
	struct page p;

	twelve_lines();
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_int_eq(page_get(&p, 0, LINE_SEQ)->i, 11);
	ck_assert_int_eq(page_get(&p, 1, LINE_SEQ)->i, 2);
	page_free(&p);
	q.n_after = 1;
	page_read(&fx, &q, &p);
	ck_assert_int_eq(page_get(&p, 0, LINE_SEQ)->i, 2);
	page_free(&p);
}
END_TEST

START_TEST(texts_order_by_their_bytes)
{
	static const char *const ids[] = { "B", "a", "\xc3\xa9", "Z", "" };
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .limit = 10 };
	struct page p;
	size_t i;

	for (i = 0; i < 5; i++)
		ck_assert_int_eq(add_bot(&fx, ids[i], "x"), DEIA_OK);
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 5);
	ck_assert_str_eq(page_get(&p, 0, 0)->s, "");
	ck_assert_str_eq(page_get(&p, 1, 0)->s, "B");
	ck_assert_str_eq(page_get(&p, 2, 0)->s, "Z");
	ck_assert_str_eq(page_get(&p, 3, 0)->s, "a");
	ck_assert_str_eq(page_get(&p, 4, 0)->s, "\xc3\xa9");
	page_free(&p);
}
END_TEST

START_TEST(page_of_large_rows_ends_early_and_says_so)
{
	size_t len = 1u << 20, n = 0;
	char *text = malloc(len + 1), id[16];
	struct deia_value row[LINE_COLUMNS], after;
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .after = &after,
				     .limit = 1000 };
	deia_txn *t;
	struct page p;
	int i, pages = 0;
	bool more = true;

	memset(text, 'x', len);
	text[len] = '\0';
	for (i = 0; i < 20; i++) {
		t = deia_txn_new(fx.store);
		snprintf(id, sizeof(id), "l%d", i);
		line_row(row, id, "c", text);
		deia_txn_insert(t, &deia__table_chat_lines, row);
		ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	}
	for (; more; pages++) {
		page_read(&fx, &q, &p);
		n += p.n;
		more = p.has_more;
		ck_assert_uint_ge(p.n, 1);
		after = *page_get(&p, p.n - 1, LINE_SEQ);
		q.n_after = 1;
		page_free(&p);
	}
	ck_assert_uint_eq(n, 20);
	ck_assert_int_ge(pages, 2);
	free(text);
}
END_TEST

/* ---- delete_where ------------------------------------------------------ */

static void delete_lines(int index, const char *conversation, int64_t upto)
{
	struct deia_value equal = deia_text(conversation);
	struct deia_value limit = deia_int(upto);
	deia_txn *t = deia_txn_new(fx.store);

	deia_txn_delete_where(t, &deia__table_chat_lines, index, &equal,
			      conversation ? 1 : 0, upto ? &limit : NULL);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}

START_TEST(delete_where_takes_prefix_and_bound)
{
	char out[200];

	twelve_lines();
	delete_lines(LINE_BY_CONVERSATION, "c0", 7);
	walk(-1, NULL, false, 20, out, sizeof(out));
	ck_assert_str_eq(out, "2 4 6 8 9 10 11 12");
	delete_lines(LINE_BY_CONVERSATION, "c1", 0);
	walk(-1, NULL, false, 20, out, sizeof(out));
	ck_assert_str_eq(out, "9 11");
	delete_lines(-1, NULL, 9);
	walk(-1, NULL, false, 20, out, sizeof(out));
	ck_assert_str_eq(out, "11");
	delete_lines(LINE_BY_CONVERSATION, "none", 0);
	delete_lines(LINE_BY_CONVERSATION, NULL, 0);
	walk(-1, NULL, false, 20, out, sizeof(out));
	ck_assert_str_eq(out, "");
}
END_TEST

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

/* ---- the suite --------------------------------------------------------- */

static int current;

static void setup(void)
{
	fixture_init(&fx, current, 0);
}

static void teardown(void)
{
	fixture_fini(&fx);
}


static void add_tests(TCase *tc)
{
	tcase_add_test(tc, inserted_row_is_read_back);
	tcase_add_test(tc, second_row_with_the_key_exists_already);
	tcase_add_test(tc, put_inserts_and_replaces);
	tcase_add_test(tc, update_sets_only_its_columns);
	tcase_add_test(tc, update_of_a_missing_row_is_not_found);
	tcase_add_test(tc, guard_that_does_not_hold_is_a_conflict);
	tcase_add_test(tc, null_guard_holds_for_null_only);
	tcase_add_test(tc, deleting_removes_the_row_and_none_is_no_error);
	tcase_add_test(tc, nulls_numbers_and_texts_keep_their_type);
	tcase_add_test(tc, blob_keeps_its_zero_bytes);
	tcase_add_test(tc, a_mebibyte_of_text_comes_back_whole);
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
	tcase_add_test(tc, pages_follow_the_key_in_both_directions);
	tcase_add_test(tc, pages_stay_within_the_equal_prefix);
	tcase_add_test(tc, has_more_is_exact_at_the_end);
	tcase_add_test(tc, unique_index_gives_its_own_order);
	tcase_add_test(tc, cursor_of_two_columns_goes_on_inside_equal_ones);
	tcase_add_test(tc, texts_order_by_their_bytes);
	tcase_add_test(tc, page_of_large_rows_ends_early_and_says_so);
	tcase_add_test(tc, delete_where_takes_prefix_and_bound);
	tcase_add_test(tc, values_that_do_not_fit_are_refused);
	tcase_add_test(tc, updates_that_make_no_sense_are_refused);
	tcase_add_test(tc, value_over_the_limit_is_refused);
	tcase_add_test(tc, transaction_over_the_limit_is_refused);
	tcase_add_test(tc, queries_that_make_no_sense_are_refused);
	tcase_add_test(tc, full_queue_is_busy_and_recovers);
	tcase_add_test(tc, bytes_in_the_queue_are_bounded);
	tcase_add_test(tc, close_commits_what_is_queued_and_calls_back);
	tcase_add_test(tc, rows_survive_a_reopen_where_durable);
	tcase_add_test(tc, uncommitted_transaction_can_be_thrown_away);
	tcase_add_test(tc, many_rows_keep_their_order_and_number);
}

/* usage: test_conformance BACKEND */
int main(int argc, char **argv)
{
	Suite *suite = suite_create(argc > 1 ? argv[1] : "store");
	TCase *tc = tcase_create("conformance");
	SRunner *runner = srunner_create(suite);
	int failed;

	while (current < backends_len &&
	       (argc < 2 || strcmp(backends[current].name, argv[1])))
		current++;
	if (current == backends_len) {
		fprintf(stderr, "usage: %s BACKEND\n", argv[0]);
		return 2;
	}
	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
