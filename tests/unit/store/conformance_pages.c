/* SPDX-License-Identifier: MIT */
/* conformance_pages.c - pages, cursors, delete_where. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/walk.h"

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

/* ---- all rows at once ---------------------------------------------------- */

struct joined {
	char text[200];
	size_t n;
	size_t fail_at; /* this row; 0: none */
};

static deia_err join(void *user, const deia_rows *rows, size_t r)
{
	const struct deia_value *v = deia_rows_get(rows, r, 0);
	struct joined *j = user;
	size_t at = strlen(j->text);

	if (++j->n == j->fail_at)
		return DEIA_ECANCELED;
	if (v->type == DEIA_INT)
		snprintf(j->text + at, sizeof(j->text) - at, "%lld ",
			 (long long)v->i);
	else
		snprintf(j->text + at, sizeof(j->text) - at, "%s%s ", v->s,
			 deia_rows_text(rows, r, 1));
	return DEIA_OK;
}

static void ck_walk(struct deia_page_query *q, const char *expected)
{
	for (q->limit = 1; q->limit <= 13; q->limit++) {
		struct joined j = { .n = 0 };

		ck_assert_int_eq(deia__store_walk(fx.store, q, join, &j),
				 DEIA_OK);
		ck_assert_str_eq(j.text, expected);
	}
}

START_TEST(walk_gives_every_row_once_in_order)
{
	struct deia_value equal = deia_text("c0");
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1 };
	struct joined j = { .fail_at = 3 };

	ck_walk(&q, "");
	twelve_lines();
	ck_walk(&q, "1 2 3 4 5 6 7 8 9 10 11 12 ");
	q.descending = true;
	q.index = LINE_BY_CONVERSATION;
	q.equal = &equal;
	q.n_equal = 1;
	ck_walk(&q, "11 9 7 5 3 1 ");
	q.n_equal = 0;
	ck_walk(&q, "12 10 8 6 4 2 11 9 7 5 3 1 ");
	ck_assert_int_eq(deia__store_walk(fx.store, &q, join, &j),
			 DEIA_ECANCELED);
	ck_assert_uint_eq(j.n, 3);
	q.index = 99;
	ck_assert_int_eq(deia__store_walk(fx.store, &q, join, &j), DEIA_EINVAL);
}
END_TEST

START_TEST(walk_goes_on_inside_a_key_of_two_columns)
{
	struct deia_page_query q = { .table = &deia__table_scheduler_pairs,
				     .index = -1 };
	struct deia_value row[PAIR_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	for (int i = 0; i < 6; i++) {
		row[PAIR_BOT] = deia_text(i % 2 ? "b" : "a");
		row[PAIR_TYPE] = deia_text(i < 2 ? "x" : i < 4 ? "y" : "z");
		row[PAIR_DATA] = deia_text("{}");
		row[PAIR_UPDATED] = deia_int(1);
		deia_txn_insert(t, &deia__table_scheduler_pairs, row);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_walk(&q, "ax ay az bx by bz ");
}
END_TEST

void add_page_tests(TCase *tc)
{
	tcase_add_test(tc, walk_gives_every_row_once_in_order);
	tcase_add_test(tc, walk_goes_on_inside_a_key_of_two_columns);
	tcase_add_test(tc, pages_follow_the_key_in_both_directions);
	tcase_add_test(tc, pages_stay_within_the_equal_prefix);
	tcase_add_test(tc, has_more_is_exact_at_the_end);
	tcase_add_test(tc, unique_index_gives_its_own_order);
	tcase_add_test(tc, cursor_of_two_columns_goes_on_inside_equal_ones);
	tcase_add_test(tc, texts_order_by_their_bytes);
	tcase_add_test(tc, page_of_large_rows_ends_early_and_says_so);
	tcase_add_test(tc, delete_where_takes_prefix_and_bound);
}
