/* SPDX-License-Identifier: MIT */
/*
 * test_postgres_faults.c - connections that end at the worst moments.
 *
 * A transaction that inserts a row under a key can be acknowledged only when
 * it was done once: done twice it would fail with DEIA_EEXIST.
 */
#include "fixture.h"
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture fx;
static struct proxy proxy;
static char direct[160];

#define ROUNDS 12

static void setup(void)
{
	fixture_init(&fx, backend_find("postgresql"), 0);
	deia_store_close(fx.store);
	strcpy(direct, fx.url);
	proxy_start(&proxy, direct);
	proxy_url(&proxy, direct, fx.url);
	fixture_open(&fx, 0);
}

static void teardown(void)
{
	fixture_fini(&fx);
	proxy_stop(&proxy);
}

static int ask(const char *sql)
{
	char out[32];

	cluster_sql(fx.database, sql, out, sizeof(out));
	return atoi(out);
}

/* A bot, a chat line and an update of what is there. */
static deia_txn *work(int i)
{
	struct deia_value row[LINE_COLUMNS], key = deia_text("counter");
	struct deia_set set = { BOT_WANTED, deia_int(i) };
	deia_txn *t = deia_txn_new(fx.store);
	char id[24];

	snprintf(id, sizeof(id), "bot%d", i);
	bot_row(row, id, "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	line_row(row, id, "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	deia_txn_update(t, &deia__table_bots, &key, &set, 1, NULL);
	return t;
}

static void ck_done(int i, struct outcome *o)
{
	ck_assert_int_eq(o->err, DEIA_OK);
	ck_assert_uint_eq(o->n_seqs, 1);
	ck_assert_int_eq(o->seqs[0], i + 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM chat_lines"), i + 1);
	ck_assert_int_eq(ask("SELECT max(seq) FROM chat_lines"), i + 1);
	ck_assert_int_eq(ask("SELECT last FROM store_sequences "
			     "WHERE name = 'chat_lines'"),
			 i + 1);
	ck_assert_int_eq(ask("SELECT wanted FROM bots WHERE id = 'counter'"),
			 i);
}

START_TEST(group_whose_connection_is_cut_is_done_once)
{
	struct outcome o;
	int i;

	ck_assert_int_eq(add_bot(&fx, "counter", "x"), DEIA_OK);
	for (i = 0; i < 3; i++) {
		atomic_store(&proxy.cut, _i);
		commit(&fx, work(i), &o);
		ck_done(i, &o);
	}
	ck_assert_int_eq(atomic_load(&proxy.cuts), _i == CUT_NEVER ? 0 : 3);
}
END_TEST

/* Nothing but inserts: COMMIT goes with them, so their answers are lost too. */
START_TEST(inserts_whose_connection_is_cut_are_done_once)
{
	char id[16];
	int i;

	for (i = 0; i < 3; i++) {
		atomic_store(&proxy.cut, _i);
		snprintf(id, sizeof(id), "bot%d", i);
		ck_assert_int_eq(add_bot(&fx, id, "x"), DEIA_OK);
		ck_assert_int_eq(ask("SELECT count(*) FROM bots"), i + 1);
	}
	ck_assert_int_eq(atomic_load(&proxy.cuts), _i == CUT_NEVER ? 0 : 3);
}
END_TEST

/* The old session's COMMIT comes when the group was long done again. */
START_TEST(commit_that_comes_late_does_nothing)
{
	ck_assert_int_eq(add_bot(&fx, "counter", "x"), DEIA_OK);
	atomic_store(&proxy.cut, CUT_HOLD_COMMIT);
	ck_assert_int_eq(commit(&fx, work(0), NULL), DEIA_OK);
	atomic_store(&proxy.let_go, true);
	proxy_kick(&proxy);
	ck_assert_int_eq(commit(&fx, work(1), NULL), DEIA_OK);
	ck_assert_int_eq(ask("SELECT count(*) FROM chat_lines"), 2);
	ck_assert_int_eq(ask("SELECT count(*) FROM pg_stat_activity WHERE "
			     "datname = current_database() AND "
			     "state LIKE 'idle in%'"),
			 0);
}
END_TEST

/* Sessions are ended by the server at any moment. */
START_TEST(sessions_that_are_ended_under_load_lose_nothing)
{
	struct outcome o[ROUNDS][20];
	int i, k;

	memset(o, 0, sizeof(o));
	ck_assert_int_eq(add_bot(&fx, "counter", "x"), DEIA_OK);
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < 20; k++)
			ck_assert_int_eq(deia_txn_commit(work(i * 20 + k),
							 on_txn, &o[i][k]),
					 DEIA_OK);
		event_base_loop(fx.base, EVLOOP_NONBLOCK);
		ask("SELECT count(pg_terminate_backend(pid)) FROM "
		    "pg_stat_activity WHERE application_name = 'deia' AND "
		    "datname = current_database()");
		wait_txn(&fx, &o[i][19]);
	}
	for (i = 0; i < ROUNDS; i++)
		for (k = 0; k < 20; k++) {
			ck_assert_int_eq(o[i][k].err, DEIA_OK);
			ck_assert_int_eq(o[i][k].seqs[0], i * 20 + k + 1);
		}
	ck_assert_int_eq(ask("SELECT count(*) FROM chat_lines"), ROUNDS * 20);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines),
			  ROUNDS * 20);
}
END_TEST

/* ---- away -------------------------------------------------------------- */

static void wait_away(bool want)
{
	struct deia_store_stats st;

	do {
		event_base_loop(fx.base, EVLOOP_NONBLOCK);
		deia_store_get_stats(fx.store, &st);
	} while (st.away != want);
	ck_assert(want == (st.away_since_unix_ms != 0));
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	ck_assert_ptr_null(rows);
	*(deia_err *)user = err;
}

static void set_down(bool down)
{
	atomic_store(&proxy.down, down);
	proxy_kick(&proxy);
}

START_TEST(database_that_is_away_is_said_to_be_and_waited_for)
{
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .limit = 1 };
	struct outcome o = { 0 };
	deia_err read = DEIA_OK;

	ck_assert_int_eq(add_bot(&fx, "counter", "x"), DEIA_OK);
	set_down(true);
	wait_away(true); /* nobody writes: it is noticed all the same */
	ck_assert_int_eq(deia_txn_commit(work(0), on_txn, &o), DEIA_OK);
	ck_assert_int_eq(deia_store_page(fx.store, &q, on_page, &read),
			 DEIA_OK);
	while (read == DEIA_OK)
		ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(read, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(o.calls, 0);
	set_down(false);
	wait_txn(&fx, &o);
	ck_done(0, &o);
	wait_away(false);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 2);
}
END_TEST

START_TEST(closing_gives_up_on_a_database_that_is_away)
{
	struct outcome o = { 0 };

	ck_assert_int_eq(add_bot(&fx, "counter", "x"), DEIA_OK);
	set_down(true);
	ck_assert_int_eq(deia_txn_commit(work(0), on_txn, &o), DEIA_OK);
	deia_store_close(fx.store);
	fx.store = NULL;
	ck_assert_int_eq(o.calls, 1);
	ck_assert_int_eq(o.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(ask("SELECT count(*) FROM chat_lines"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("postgres-faults");
	TCase *tc = tcase_create("postgres-faults");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, group_whose_connection_is_cut_is_done_once, 0,
			    CUT_KINDS);
	tcase_add_loop_test(tc, inserts_whose_connection_is_cut_are_done_once,
			    0, CUT_KINDS);
	tcase_add_test(tc, commit_that_comes_late_does_nothing);
	tcase_add_test(tc, sessions_that_are_ended_under_load_lose_nothing);
	tcase_add_test(tc, database_that_is_away_is_said_to_be_and_waited_for);
	tcase_add_test(tc, closing_gives_up_on_a_database_that_is_away);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
