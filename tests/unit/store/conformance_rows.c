/* SPDX-License-Identifier: MIT */
/* conformance_rows.c - rows: inserting, changing, deleting, values. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void put_state(const char *bot, int64_t seq, const char *state)
{
	struct deia_value row[HISTORY_COLUMNS], id = deia_text(bot), upto;
	deia_txn *t = deia_txn_new(fx.store);

	for (int c = 0; c < HISTORY_COLUMNS; c++)
		row[c] = deia__table_bot_history.columns[c].type == DEIA_INT
				 ? deia_int(0)
				 : deia_text("");
	row[HISTORY_BOT] = id;
	row[HISTORY_SEQ] = deia_int(seq);
	row[HISTORY_STATE] = deia_text(state);
	row[HISTORY_EXIT_CODE] = deia_null();
	deia_txn_put(t, &deia__table_bot_history, row);
	upto = deia_int(seq - 3);
	deia_txn_delete_where(t, &deia__table_bot_history, -1, &id, 1, &upto);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}

/* As the hive keeps the newest states of each bot. */
START_TEST(rows_are_pruned_for_each_first_key_column_alone)
{
	struct deia_value id = deia_text("a"), after = deia_int(7);
	struct deia_page_query q = { .table = &deia__table_bot_history,
				     .index = -1,
				     .equal = &id,
				     .n_equal = 1,
				     .descending = true,
				     .limit = 5 };
	struct page p;
	int64_t seq;

	put_state("b", 1, "other");
	for (seq = 1; seq <= 8; seq++)
		put_state("a", seq, seq == 8 ? "newest" : "older");
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_int_eq(page_get(&p, 0, HISTORY_SEQ)->i, 8);
	ck_assert_str_eq(page_get(&p, 0, HISTORY_STATE)->s, "newest");
	ck_assert_int_eq(page_get(&p, 0, HISTORY_EXIT_CODE)->type, DEIA_NULL);
	ck_assert_int_eq(page_get(&p, 2, HISTORY_SEQ)->i, 6);
	page_free(&p);
	q.after = &after;
	q.n_after = 1;
	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, 1);
	page_free(&p);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bot_history), 4);
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

void add_row_tests(TCase *tc)
{
	tcase_add_test(tc, inserted_row_is_read_back);
	tcase_add_test(tc, second_row_with_the_key_exists_already);
	tcase_add_test(tc, put_inserts_and_replaces);
	tcase_add_test(tc, update_sets_only_its_columns);
	tcase_add_test(tc, rows_are_pruned_for_each_first_key_column_alone);
	tcase_add_test(tc, update_of_a_missing_row_is_not_found);
	tcase_add_test(tc, guard_that_does_not_hold_is_a_conflict);
	tcase_add_test(tc, null_guard_holds_for_null_only);
	tcase_add_test(tc, deleting_removes_the_row_and_none_is_no_error);
	tcase_add_test(tc, nulls_numbers_and_texts_keep_their_type);
	tcase_add_test(tc, blob_keeps_its_zero_bytes);
	tcase_add_test(tc, a_mebibyte_of_text_comes_back_whole);
}
