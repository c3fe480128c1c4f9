/* SPDX-License-Identifier: MIT */
/*
 * test_postgres_nodes.c - several stores on one database: what each tells the
 * others, and what a count sees of them.
 */
#include "nodes.h"
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- notices ----------------------------------------------------------- */

START_TEST(all_hear_all_in_the_order_of_commits)
{
	static const char all[] = "bots:a bots:b bots:c bots:d ";
	int i;

	ck_assert_int_ne(deia_store_writer(fx.store),
			 deia_store_writer(other.store));
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	ck_assert_int_eq(commit(&other, bot(&other, "b"), NULL), DEIA_OK);
	ck_assert_int_eq(commit(&other, bot(&other, "c"), NULL), DEIA_OK);
	ck_assert_int_eq(commit(&fx, bot(&fx, "d"), NULL), DEIA_OK);
	await(&heard, "d");
	await(&heard_too, "d");
	ck_assert_str_eq(heard.text, all);
	ck_assert_str_eq(heard_too.text, all);
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(heard.commits[i], heard_too.commits[i]);
	for (i = 1; i < 4; i++)
		ck_assert_uint_gt(heard.commits[i], heard.commits[i - 1]);
	ck_assert_int_eq(heard.nulls, 1);
}
END_TEST

START_TEST(transaction_that_fails_in_a_group_tells_nobody)
{
	struct outcome o[40];
	char id[16], want[600] = "";
	int i;

	memset(o, 0, sizeof(o));
	ck_assert_int_eq(add_bot(&fx, "bot7", "x"), DEIA_OK);
	ck_assert_int_eq(add_bot(&fx, "bot23", "x"), DEIA_OK);
	for (i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "bot%d", i);
		ck_assert_int_eq(deia_txn_commit(bot(&fx, id), on_txn, &o[i]),
				 DEIA_OK);
		if (i != 7 && i != 23)
			snprintf(want + strlen(want),
				 sizeof(want) - strlen(want), "bots:%s ", id);
	}
	await(&heard, "bot39");
	await(&heard_too, "bot39");
	wait_txn(&fx, &o[39]);
	ck_assert_str_eq(heard.text, want);
	ck_assert_str_eq(heard_too.text, want);
	/* One group has one number, behind savepoints, too. */
	ck_assert_uint_eq(heard.commits[0], heard.commits[7]);
	ck_assert_int_eq(o[7].err, DEIA_EEXIST);
	ck_assert_int_eq(o[23].err, DEIA_EEXIST);
}
END_TEST

START_TEST(group_whose_connection_is_cut_is_told_once)
{
	char id[16];
	int i;

	for (i = 0; i < 3; i++) {
		atomic_store(&proxy.cut, _i);
		snprintf(id, sizeof(id), "bot%d", i);
		ck_assert_int_eq(commit(&fx, bot(&fx, id), NULL), DEIA_OK);
	}
	await(&heard_too, "bot2");
	ck_assert_str_eq(heard_too.text, "bots:bot0 bots:bot1 bots:bot2 ");
	ck_assert_int_eq(heard_too.nulls, 1);
}
END_TEST

START_TEST(session_that_was_ended_is_followed_by_one_that_tells_null)
{
	char out[32];

	ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
	    "WHERE query LIKE 'LISTEN%' AND datname = current_database()",
	    out);
	ck_assert_str_eq(out, "2");
	await_null(&heard, 2);
	await_null(&heard_too, 2);
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	await(&heard, "a");
	await(&heard_too, "a");
	ck_assert_str_eq(heard.text, "bots:a ");
	ck_assert_str_eq(heard_too.text, "bots:a ");
}
END_TEST

/* It says nothing, and its connection stands. */
START_TEST(session_that_is_frozen_is_given_up)
{
	char out[32];
	pid_t pid;

	ask("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND "
	    "datname = current_database() LIMIT 1",
	    out);
	pid = (pid_t)atoi(out);
	ck_assert_int_gt(pid, 1);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	while (heard.nulls + heard_too.nulls < 3)
		turn();
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	await(&heard, "a");
	await(&heard_too, "a");
}
END_TEST

START_TEST(database_that_was_away_is_followed_by_null)
{
	set_down(true);
	ck_assert_int_eq(commit(&other, bot(&other, "missed"), NULL), DEIA_OK);
	await(&heard_too, "missed");
	ck_assert_int_eq(heard.nulls, 1);
	set_down(false);
	await_null(&heard, 2);
	ck_assert_int_eq(commit(&other, bot(&other, "a"), NULL), DEIA_OK);
	await(&heard, "a");
	ck_assert_str_eq(heard.text, "bots:a ");
	ck_assert_int_eq(heard_too.nulls, 1);
}
END_TEST

#define TOO_MANY (DEIA__MAX_NOTICES + 2000)

/* What waits for the loop, which does not run. */
static bool has_missed(deia_store *s)
{
	bool missed;

	pthread_mutex_lock(&s->lock);
	missed = s->watch.missed;
	pthread_mutex_unlock(&s->lock);
	return missed;
}

START_TEST(loop_that_takes_too_long_is_told_null_instead)
{
	struct fixture slow = other;
	struct heard h = { 0 };
	deia_txn *t;
	char text[32];
	int i;

	slow.base = event_base_new();
	fixture_open(&slow, 0);
	ck_assert_int_eq(deia_store_watch(slow.store, on_notice, &h), DEIA_OK);
	while (!h.nulls)
		ck_assert_int_eq(event_base_loop(slow.base, EVLOOP_ONCE), 0);
	t = deia_txn_new(fx.store);
	for (i = 0; i < TOO_MANY; i++) {
		snprintf(text, sizeof(text), "%d", i);
		deia_txn_notify(t, "many", text);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	while (!has_missed(slow.store))
		ask("SELECT 1", text);
	while (strcmp(h.last, text) != 0) {
		ck_assert_int_eq(event_base_loop(slow.base, EVLOOP_ONCE), 0);
		snprintf(text, sizeof(text), "%d", TOO_MANY - 1);
	}
	ck_assert_int_eq(h.nulls, 2);
	ck_assert_int_lt(h.n, TOO_MANY - DEIA__MAX_NOTICES);
	deia_store_close(slow.store);
	event_base_free(slow.base);
}
END_TEST

START_TEST(what_others_say_on_the_channel_is_passed_over)
{
	char out[32];

	ask("SELECT pg_notify('deia', x) FROM unnest(ARRAY["
	    "'', 'x', '5', '5 ', '5 topic', '5  text', 'x topic text', "
	    "'5 a23456789012345678901234567890123 text']) AS n (x)",
	    out);
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	await(&heard, "a");
	ck_assert_str_eq(heard.text, "bots:a ");
}
END_TEST

START_TEST(store_that_is_alone_tells_nobody)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct fixture alone = fx;
	struct heard h = { 0 };

	make_database(alone.database, sizeof(alone.database), alone.url,
		      sizeof(alone.url));
	opts.alone = true;
	ck_assert_int_eq(deia_store_open(&alone.store, alone.base, alone.url,
					 &opts, alone.detail,
					 sizeof(alone.detail)),
			 DEIA_OK);
	ck_assert(!deia_store_is_shared(alone.store));
	ck_assert_int_eq(deia_store_writer(alone.store), 0);
	ck_assert_int_eq(deia_store_watch(alone.store, on_notice, &h), DEIA_OK);
	await_null(&h, 1);
	ck_assert_int_eq(commit(&alone, bot(&alone, "a"), NULL), DEIA_OK);
	ck_assert_int_eq(h.n, 0);
	deia_store_close(alone.store);
}
END_TEST

static void add_notice_tests(TCase *tc)
{
	tcase_add_test(tc, all_hear_all_in_the_order_of_commits);
	tcase_add_test(tc, transaction_that_fails_in_a_group_tells_nobody);
	tcase_add_loop_test(tc, group_whose_connection_is_cut_is_told_once, 0,
			    CUT_KINDS);
	tcase_add_test(
		tc, session_that_was_ended_is_followed_by_one_that_tells_null);
	tcase_add_test(tc, session_that_is_frozen_is_given_up);
	tcase_add_test(tc, database_that_was_away_is_followed_by_null);
	tcase_add_test(tc, loop_that_takes_too_long_is_told_null_instead);
	tcase_add_test(tc, what_others_say_on_the_channel_is_passed_over);
	tcase_add_test(tc, store_that_is_alone_tells_nobody);
}

/* ---- counts ------------------------------------------------------------ */

#define ROUNDS 400
#define MAX_SEEN (10 * ROUNDS)

struct seen {
	int64_t n;
	deia_snapshot *snapshot;
};
static struct {
	uint64_t commits[2 * ROUNDS]; /* of the notices */
	struct seen seen[MAX_SEEN];
	int n_commits, n_seen, left[2], open[2];
	bool counts;
} race;

static void on_commit(const struct deia_notice *notice, void *user)
{
	(void)user;
	if (notice)
		race.commits[race.n_commits++] = notice->commit;
}

static void on_counted(deia_err err, const deia_rows *counts,
		       const deia_snapshot *snapshot, void *user)
{
	struct seen *seen = &race.seen[race.n_seen++];

	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_ptr_nonnull(snapshot);
	race.counts = false;
	seen->n = deia_rows_count(counts) ? deia_rows_get(counts, 0, 1)->i : 0;
	seen->snapshot = deia_snapshot_copy(snapshot);
}

static void on_raced(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	(void)seqs;
	(void)n;
	ck_assert_int_eq(err, DEIA_OK);
	--*(int *)user;
}

/* Keeps a few transactions of a store under way. */
static void keep_writing(struct fixture *f, int i)
{
	struct deia_value row[CONV_COLUMNS];
	char id[32];
	deia_txn *t;

	while (race.left[i] > 0 && race.open[i] < 3) {
		snprintf(id, sizeof(id), "%d-%d", i, race.left[i]--);
		t = deia_txn_new(f->store);
		conv_row(row, id, "bot", "x");
		deia_txn_insert(t, &deia__table_conversations, row);
		deia_txn_notify(t, "race", id);
		race.open[i]++;
		ck_assert_int_eq(deia_txn_commit(t, on_raced, &race.open[i]),
				 DEIA_OK);
	}
}

static void ck_seen(const struct seen *seen)
{
	int64_t n = 0;
	int i;

	for (i = 0; i < race.n_commits; i++)
		n += deia_snapshot_has(seen->snapshot, race.commits[i]);
	ck_assert_int_eq(n, seen->n);
}

static void count(void)
{
	struct deia_value bot_id = deia_text("bot");

	race.counts = true;
	ck_assert_int_eq(deia_store_count(fx.store, &deia__table_conversations,
					  CONV_BY_BOT, &bot_id, 1, 1,
					  on_counted, NULL),
			 DEIA_OK);
}

START_TEST(count_has_those_commits_that_its_snapshot_has)
{
	int i;

	ck_assert_int_eq(deia_store_watch(fx.store, on_commit, NULL), DEIA_OK);
	race.left[0] = race.left[1] = ROUNDS;
	while (race.n_commits < 2 * ROUNDS) {
		keep_writing(&fx, 0);
		keep_writing(&other, 1);
		if (!race.counts && race.n_seen < MAX_SEEN - 1)
			count();
		turn();
	}
	while (race.counts)
		turn();
	count();
	while (race.counts)
		turn();
	ck_assert_int_gt(race.n_seen, 100);
	for (i = 0; i < race.n_seen; i++) {
		ck_seen(&race.seen[i]);
		deia_snapshot_free(race.seen[i].snapshot);
	}
	ck_assert_int_eq(race.seen[i - 1].n, 2 * ROUNDS);
}
END_TEST

/* The count's connection is ended while nothing is asked, and while it runs. */
START_TEST(count_is_taken_again_when_its_connection_was_lost)
{
	char out[32];
	int i;

	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	for (i = 0; i < 3; i++) {
		ask("SELECT count(pg_terminate_backend(pid)) FROM "
		    "pg_stat_activity WHERE pid <> pg_backend_pid() AND "
		    "query NOT LIKE 'LISTEN%' AND datname = current_database()",
		    out);
		race.counts = true;
		ck_assert_int_eq(deia_store_count(fx.store, &deia__table_bots,
						  -1, NULL, 0, 1, on_counted,
						  NULL),
				 DEIA_OK);
		while (race.counts)
			turn();
		ck_assert_int_eq(race.seen[i].n, 1);
		deia_snapshot_free(race.seen[i].snapshot);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("postgres-nodes");
	TCase *tc = tcase_create("postgres-nodes");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, nodes_setup, nodes_teardown);
	tcase_set_timeout(tc, 60);
	add_notice_tests(tc);
	tcase_add_test(tc, count_has_those_commits_that_its_snapshot_has);
	tcase_add_test(tc, count_is_taken_again_when_its_connection_was_lost);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
