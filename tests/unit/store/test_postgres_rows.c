/* SPDX-License-Identifier: MIT */
/*
 * test_postgres_rows.c - inserts that share a statement: how many rows go
 * together, and that nobody can tell from the rows, their numbers or what
 * fails.
 *
 * A trigger of the table writes down how many rows each statement added.
 */
#include "pgcase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/backend.h"

/* What inserts.c sends: by 16, by 4, the rest alone. */
#define MANY 16
#define SOME 4
#define MAX_TXNS 400

static struct outcome outcomes[MAX_TXNS];

static void watch_statements(const char *table)
{
	ask("CREATE TABLE IF NOT EXISTS seen (at SERIAL, name TEXT, n BIGINT); "
	    "CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql "
	    "AS $$ BEGIN INSERT INTO seen (name, n) SELECT TG_TABLE_NAME, "
	    "count(*) FROM fresh; RETURN NULL; END $$; "
	    "CREATE TRIGGER seen AFTER INSERT ON %s REFERENCING NEW TABLE AS "
	    "fresh FOR EACH STATEMENT EXECUTE FUNCTION see()",
	    table);
}

/* "16 16 4 1" */
static const char *statements(void)
{
	return ask("SELECT string_agg(n::text, ' ' ORDER BY at) FROM seen");
}

static void expected(char *out, size_t len, unsigned n)
{
	unsigned size = MANY;
	size_t at = 0;

	out[0] = '\0';
	while (n > 0) {
		while (size > n)
			size = size == MANY ? SOME : 1;
		at += (size_t)snprintf(out + at, len - at, "%s%u",
				       at ? " " : "", size);
		n -= size;
	}
}

static deia_txn *begin(void)
{
	deia_txn *t = deia_txn_new(fx.store);

	ck_assert_ptr_nonnull(t);
	return t;
}

static void queue(deia_txn *t, unsigned i)
{
	memset(&outcomes[i], 0, sizeof(outcomes[i]));
	ck_assert_int_eq(deia_txn_commit(t, on_txn, &outcomes[i]), DEIA_OK);
}

static void insert_bot(deia_txn *t, unsigned n, const char *spec)
{
	struct deia_value row[BOT_COLUMNS];
	char id[16];

	snprintf(id, sizeof(id), "%05u", n);
	bot_row(row, id, spec, n);
	deia_txn_insert(t, &deia__table_bots, row);
}

static void insert_line(deia_txn *t, unsigned n)
{
	struct deia_value row[LINE_COLUMNS];
	char id[16];

	snprintf(id, sizeof(id), "%05u", n);
	line_row(row, id, "c", id);
	deia_txn_insert(t, &deia__table_chat_lines, row);
}

static const unsigned counts[] = { 1,	     SOME - 1, SOME,	 SOME + 1,
				   MANY - 1, MANY,     MANY + 1, 3 * MANY + 2 };
#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* n bots that follow each other, in as many or in one transaction. */
static void ck_bots(unsigned n, bool one)
{
	unsigned txns = one ? 1 : n, i;
	deia_txn *t = NULL;
	char want[128];

	ask("DELETE FROM bots; DELETE FROM seen");
	for (i = 0; i < n; i++) {
		t = t ? t : begin();
		insert_bot(t, i, "x");
		if (one && i + 1 < n)
			continue;
		queue(t, one ? 0 : i);
		t = NULL;
	}
	wait_txn(&fx, &outcomes[txns - 1]);
	for (i = 0; i < txns; i++)
		ck_assert_int_eq(outcomes[i].err, DEIA_OK);
	expected(want, sizeof(want), n);
	ck_assert_str_eq(statements(), want);
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM bots WHERE "
				  "id::bigint = wanted AND spec = 'x'")),
			 (int)n);
}

START_TEST(rows_of_one_transaction_share_statements)
{
	watch_statements("bots");
	for (size_t i = 0; i < N_COUNTS; i++)
		ck_bots(counts[i], true);
}
END_TEST

START_TEST(rows_of_many_transactions_share_statements)
{
	watch_statements("bots");
	for (size_t i = 0; i < N_COUNTS; i++)
		ck_bots(counts[i], false);
}
END_TEST

/* n transactions of three lines each, so that statements cross borders. */
static void ck_numbers(unsigned n, unsigned *lines)
{
	unsigned first = *lines, i, k;
	deia_txn *t;

	for (i = 0; i < n; i++) {
		t = begin();
		for (k = 0; k < 3; k++)
			insert_line(t, (*lines)++);
		queue(t, i);
	}
	wait_txn(&fx, &outcomes[n - 1]);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(outcomes[i].err, DEIA_OK);
		ck_assert_uint_eq(outcomes[i].n_seqs, 3);
		for (k = 0; k < 3; k++)
			ck_assert_int_eq(outcomes[i].seqs[k],
					 first + 3 * i + k + 1);
	}
}

START_TEST(numbers_rise_in_the_order_of_the_inserts)
{
	unsigned lines = 0;

	for (size_t i = 0; i < N_COUNTS; i++)
		ck_numbers(counts[i], &lines);
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM chat_lines WHERE "
				  "seq = id::bigint + 1 AND content = id AND "
				  "prompt_tokens IS NULL AND "
				  "completion_tokens = 7")),
			 (int)lines);
	ck_assert_int_eq(atoi(ask("SELECT last FROM store_sequences WHERE "
				  "name = 'chat_lines'")),
			 (int)lines);
}
END_TEST

/* What follows a row may need it: the order between tables stays. */
START_TEST(rows_are_sent_before_anything_else)
{
	struct deia_set set = { BOT_SPEC, deia_text("changed") };
	struct deia_value id;
	unsigned i;
	deia_txn *t;

	watch_statements("bots");
	watch_statements("chat_lines");
	for (i = 0; i < 40; i++) {
		t = begin();
		insert_bot(t, 2 * i, "x");
		insert_bot(t, 2 * i + 1, "x");
		insert_line(t, i);
		if (i % 10 == 3) {
			id = deia_text("00006");
			deia_txn_update(t, &deia__table_bots, &id, &set, 1,
					NULL);
		}
		if (i % 10 == 4) {
			id = deia_text("00009");
			deia_txn_delete(t, &deia__table_bots, &id);
		}
		queue(t, i);
	}
	wait_txn(&fx, &outcomes[39]);
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(outcomes[i].err, DEIA_OK);
	ck_assert_str_eq(ask("SELECT spec FROM bots WHERE id = '00006'"),
			 "changed");
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 79);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), 40);
	ck_assert_str_eq(ask("SELECT max(n) FROM seen"), "1");
	ck_assert_str_eq(ask("SELECT count(*) FROM chat_lines WHERE "
			     "seq = id::bigint + 1"),
			 "40");
}
END_TEST

/* One goes for good while its statement still waits for rows; another comes
 * again. */
START_TEST(rows_of_the_same_group_can_be_deleted_and_inserted_again)
{
	struct deia_value id = deia_text("00003"), late = deia_text("00018");
	deia_txn *t = begin();
	unsigned i;

	for (i = 0; i < 20; i++)
		insert_bot(t, i, "x");
	deia_txn_delete(t, &deia__table_bots, &late);
	queue(t, 0);
	t = begin();
	deia_txn_delete(t, &deia__table_bots, &id);
	insert_bot(t, 3, "again");
	for (i = 20; i < 40; i++)
		insert_bot(t, i, "x");
	queue(t, 1);
	wait_txn(&fx, &outcomes[1]);
	ck_assert_int_eq(outcomes[0].err, DEIA_OK);
	ck_assert_int_eq(outcomes[1].err, DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 39);
	ck_assert_str_eq(ask("SELECT spec FROM bots WHERE id = '00003'"),
			 "again");
	ck_assert_str_eq(ask("SELECT count(*) FROM bots WHERE id = '00018'"),
			 "0");
}
END_TEST

/* _i: where among the rows of a statement, and of a second one, it stands. */
START_TEST(a_duplicate_fails_its_transaction_alone)
{
	unsigned n = 2 * MANY + 3, bad = (unsigned)_i, i;
	int64_t seq = 1;
	deia_txn *t = begin();

	insert_line(t, 1000);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	for (i = 0; i < n; i++) {
		t = begin();
		insert_line(t, i);
		if (i == bad)
			insert_line(t, 1000);
		queue(t, i);
	}
	wait_txn(&fx, &outcomes[n - 1]);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(outcomes[i].err,
				 i == bad ? DEIA_EEXIST : DEIA_OK);
		if (i != bad)
			ck_assert_int_eq(outcomes[i].seqs[0], ++seq);
	}
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), n);
	ck_assert_int_eq(atoi(ask("SELECT last FROM store_sequences WHERE "
				  "name = 'chat_lines'")),
			 (int)seq);
	/* And the next group is bold again, from there on. */
	t = begin();
	for (i = 0; i < MANY; i++)
		insert_line(t, 2000 + i);
	queue(t, 0);
	wait_txn(&fx, &outcomes[0]);
	ck_assert_int_eq(outcomes[0].err, DEIA_OK);
	ck_assert_int_eq(outcomes[0].seqs[MANY - 1], seq + MANY);
}
END_TEST

/* Both of the same key are in one statement. */
START_TEST(of_two_with_the_same_key_the_first_is_in)
{
	deia_txn *t;
	unsigned i;

	for (i = 0; i < MANY; i++) {
		t = begin();
		insert_bot(t, i == 9 ? 4 : i, i == 9 ? "second" : "first");
		queue(t, i);
	}
	wait_txn(&fx, &outcomes[MANY - 1]);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(outcomes[i].err,
				 i == 9 ? DEIA_EEXIST : DEIA_OK);
	ck_assert_str_eq(ask("SELECT spec FROM bots WHERE id = '00004'"),
			 "first");
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), MANY - 1);
}
END_TEST

/* ---- every table ------------------------------------------------------- */

/* Of row n, column c: all different, and null in turn where that may be. */
static struct deia_value value_of(const struct deia_table *t, unsigned n,
				  unsigned c, char room[32])
{
	const struct deia_column *col = &t->columns[c];

	if (col->nullable && n % (t->n_columns + 1) == c)
		return deia_null();
	if (col->type == DEIA_INT)
		return deia_int((int64_t)n * 1000 + c);
	/* Every seventh is empty, unless an index wants them different. */
	snprintf(room, 32, "%s%u %u", col->type == DEIA_BLOB ? "\xff" : "é", n,
		 c);
	if (c >= t->n_key && t->n_indexes == 0 && n % 7 == 0)
		room[0] = '\0';
	return (struct deia_value){ col->type, 0, room, strlen(room) };
}

static void ck_rows(const struct deia_table *t, unsigned n, unsigned first)
{
	struct deia_page_query q = { .table = t, .index = -1, .limit = 1000 };
	char room[32];
	const struct deia_value *got;
	struct deia_value want;
	struct page p;
	unsigned i, c;

	page_read(&fx, &q, &p);
	ck_assert_uint_eq(p.n, n);
	for (i = 0; i < n; i++)
		for (c = 0; c < t->n_columns; c++) {
			got = page_get(&p, i, c);
			want = t->sequence && c == 0
				       ? deia_int((int64_t)i + 1)
				       : value_of(t, first + i, c, room);
			ck_assert_msg(deia__value_cmp(got, &want) == 0,
				      "%s.%s of row %u", t->name,
				      t->columns[c].name, i);
		}
	page_free(&p);
}

/* The key's first column is made to rise, by having as many digits. */
#define FIRST 10000u

static void ck_table(const struct deia_table *t)
{
	struct deia_value row[DEIA__MAX_COLUMNS];
	char rooms[DEIA__MAX_COLUMNS][32];
	unsigned n = 5 * MANY + SOME + 2, i, c;
	deia_txn *txn = begin();

	ask("DELETE FROM %s", t->name);
	for (i = 0; i < n; i++) {
		for (c = 0; c < t->n_columns; c++)
			row[c] = value_of(t, FIRST + i, c, rooms[c]);
		if (t->sequence)
			row[0] = deia_null();
		deia_txn_insert(txn, t, row);
	}
	ck_assert_int_eq(commit(&fx, txn, NULL), DEIA_OK);
	ck_rows(t, n, FIRST);
}

START_TEST(every_value_of_every_table_arrives)
{
	for (size_t i = 0; i < deia__tables_len; i++)
		ck_table(deia__tables[i]);
}
END_TEST

/* ---- sizes ------------------------------------------------------------- */

START_TEST(a_large_row_goes_alone)
{
	size_t len = 1 << 20;
	char *text = malloc(len + 1);
	deia_txn *t = begin();
	unsigned i;

	memset(text, 'x', len);
	text[len] = '\0';
	watch_statements("bots");
	for (i = 0; i < 2 * MANY + 1; i++)
		insert_bot(t, i, i == SOME || i == MANY ? text : "small");
	queue(t, 0);
	free(text);
	wait_txn(&fx, &outcomes[0]);
	ck_assert_int_eq(outcomes[0].err, DEIA_OK);
	/* 4 small, the large one, 11 small, the other, 16 small. */
	ck_assert_str_eq(statements(), "4 1 4 4 1 1 1 1 16");
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM bots WHERE "
				  "length(spec) = %zu",
				  len)),
			 2);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 2 * MANY + 1);
}
END_TEST

/* A trigger that swallows a row: the answer says one too few. */
START_TEST(a_row_that_did_not_get_in_is_noticed)
{
	deia_txn *t = begin();
	unsigned i;

	ask("CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS "
	    "$$ BEGIN RETURN NULL; END $$; CREATE TRIGGER swallow BEFORE "
	    "INSERT ON bots FOR EACH ROW WHEN (NEW.id = '00007') "
	    "EXECUTE FUNCTION swallow()");
	for (i = 0; i < MANY; i++)
		insert_bot(t, i, "x");
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_ESTORE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("postgres rows");
	TCase *tc = tcase_create("postgres rows");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, rows_of_one_transaction_share_statements);
	tcase_add_test(tc, rows_of_many_transactions_share_statements);
	tcase_add_test(tc, numbers_rise_in_the_order_of_the_inserts);
	tcase_add_test(tc, rows_are_sent_before_anything_else);
	tcase_add_test(
		tc, rows_of_the_same_group_can_be_deleted_and_inserted_again);
	tcase_add_loop_test(tc, a_duplicate_fails_its_transaction_alone,
			    MANY - 2, MANY + 2);
	tcase_add_loop_test(tc, a_duplicate_fails_its_transaction_alone, 0, 2);
	tcase_add_test(tc, of_two_with_the_same_key_the_first_is_in);
	tcase_add_test(tc, every_value_of_every_table_arrives);
	tcase_add_test(tc, a_large_row_goes_alone);
	tcase_add_test(tc, a_row_that_did_not_get_in_is_noticed);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
