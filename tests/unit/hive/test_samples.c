/* SPDX-License-Identifier: MIT */
/* test_samples.c - what bots need, noted once a minute, and how long. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hive/hive.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

struct page {
	deia_err err;
	bool done, more;
	size_t n;
	struct deia_bot_sample items[64];
	char states[64][16];
};

static void on_samples(deia_err err, const struct deia_bot_sample *items,
		       size_t n, bool more, void *user)
{
	struct page *p = user;

	p->err = err;
	p->done = true;
	p->more = more;
	p->n = n;
	ck_assert_uint_le(n, 64);
	for (size_t i = 0; i < n; i++) {
		p->items[i] = items[i];
		snprintf(p->states[i], sizeof(p->states[i]), "%s",
			 items[i].state);
	}
}

static void read_samples(const char *bot, int64_t since, int64_t before,
			 unsigned limit, struct page *p)
{
	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(deia_hive_bot_samples(f.hive, bot, since, before,
					       limit, on_samples, p),
			 DEIA_OK);
	run_until(&f, &p->done);
}

/* Waits until all that was put before is in the store. */
static void on_put(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	(void)seqs;
	(void)n;
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

static void put_row(const char *bot, int64_t at)
{
	struct deia_value row[STATUS_COLUMNS];
	deia_txn *t = deia_txn_new(f.hive->store);
	bool done = false;

	for (unsigned c = 0; c < STATUS_COLUMNS; c++)
		row[c] = deia_int(7);
	row[STATUS_BOT] = deia_text(bot);
	row[STATUS_AT] = deia_int(at);
	row[STATUS_STATE] = deia_text("ready");
	row[STATUS_MEMORY] = row[STATUS_CPU_MS] = deia_null();
	row[STATUS_CPU_PERMILLE] = deia_null();
	deia_txn_put(t, &deia__table_bot_status, row);
	ck_assert_int_eq(deia_txn_commit(t, on_put, &done), DEIA_OK);
	run_until(&f, &done);
}

START_TEST(living_bots_are_sampled_and_others_are_not)
{
	struct deia_bot_sample now;
	struct deia_hive_bot bot;
	struct answer a;
	struct page p;

	ck_assert_int_eq(create_bot(&f, "one", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "two", true), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "idle", false), DEIA_OK);
	run_until_state(&f, "one", DEIA_BOT_READY);
	run_until_state(&f, "two", DEIA_BOT_READY);
	ck_assert_int_eq(ask_and_wait(&f, "one", NULL, "Hi", &a), DEIA_OK);
	read_samples("one", 0, 0, 10, &p);
	ck_assert_int_eq(deia__samples_take(f.hive), DEIA_OK);
	put_row("gone", 5); /* behind the samples: they are durable now */
	read_samples("one", 0, 0, 10, &p);
	ck_assert_int_eq(p.err, DEIA_OK);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more);
	ck_assert_str_eq(p.states[0], "ready");
	ck_assert_int_gt(p.items[0].pid, 1);
	ck_assert_int_gt(p.items[0].memory_bytes, 100000);
	ck_assert_int_ge(p.items[0].cpu_ms, 0);
	ck_assert_int_ge(p.items[0].uptime_ms, 0);
	ck_assert_int_gt(p.items[0].last_message_unix_ms, 0);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "one", &bot), DEIA_OK);
	ck_assert_int_eq(bot.memory_bytes, p.items[0].memory_bytes);
	ck_assert_int_eq(bot.cpu_ms, p.items[0].cpu_ms);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "idle", &bot), DEIA_OK);
	ck_assert_int_eq(bot.memory_bytes, -1);
	ck_assert_int_eq(bot.cpu_ms, -1);
	read_samples("two", 0, 0, 10, &p);
	ck_assert_int_eq(p.items[0].last_message_unix_ms, 0);
	read_samples("idle", 0, 0, 10, &p);
	ck_assert_uint_eq(p.n, 0);
	ck_assert_int_eq(deia_hive_bot_sample_now(f.hive, "one", &now),
			 DEIA_OK);
	ck_assert_int_gt(now.memory_bytes, 100000);
	ck_assert_int_eq(deia_hive_bot_sample_now(f.hive, "idle", &now),
			 DEIA_OK);
	ck_assert_int_eq(now.memory_bytes, -1);
	ck_assert_str_eq(now.state, "stopped");
	ck_assert_int_eq(deia_hive_bot_sample_now(f.hive, "none", &now),
			 DEIA_ENOTFOUND);
}
END_TEST

/* An external bot lives without a process. */
START_TEST(more_bots_than_fit_one_turn_are_one_transaction)
{
	struct deia_store_stats before, after;
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct page p;
	char id[16];

	spec.adapter = "external";
	for (int i = 0; i < 250; i++) {
		snprintf(id, sizeof(id), "far-%d", i);
		spec.id = id;
		ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	}
	put_row("gone", 1);
	deia_store_get_stats(f.hive->store, &before);
	ck_assert_int_eq(deia__samples_take(f.hive), DEIA_OK);
	put_row("gone", 2);
	deia_store_get_stats(f.hive->store, &after);
	/* Its own, the row's, and what a hive writes now and then. */
	ck_assert_uint_le(after.transactions - before.transactions, 5);
	for (int i = 0; i < 250; i++) {
		snprintf(id, sizeof(id), "far-%d", i);
		read_samples(id, 0, 0, 10, &p);
		ck_assert_uint_eq(p.n, 1);
		ck_assert_int_eq(p.items[0].memory_bytes, -1);
	}
}
END_TEST

START_TEST(hive_without_living_bots_writes_nothing)
{
	struct page p;

	ck_assert_int_eq(create_bot(&f, "idle", false), DEIA_OK);
	ck_assert_int_eq(deia__samples_take(f.hive), DEIA_OK);
	ck_assert_ptr_null(f.hive->sample_change);
	put_row("gone", 2);
	read_samples("idle", 0, 0, 10, &p);
	ck_assert_int_eq(p.err, DEIA_OK);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

START_TEST(samples_come_newest_first_by_pages_and_by_age)
{
	struct page p;

	for (int i = 1; i <= 5; i++)
		put_row("gone", i * 1000);
	read_samples("gone", 0, 0, 2, &p);
	ck_assert_uint_eq(p.n, 2);
	ck_assert(p.more);
	ck_assert_int_eq(p.items[0].at_unix_ms, 5000);
	read_samples("gone", 0, p.items[1].at_unix_ms, 2, &p);
	ck_assert_int_eq(p.items[0].at_unix_ms, 3000);
	ck_assert(p.more);
	read_samples("gone", 0, 2000, 2, &p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more);
	read_samples("gone", 4000, 0, 2, &p);
	ck_assert_uint_eq(p.n, 2);
	read_samples("gone", 4500, 0, 2, &p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more);
	ck_assert_int_eq(p.items[0].memory_bytes, -1);
	read_samples("never", 0, 0, 2, &p);
	ck_assert_int_eq(p.err, DEIA_ENOTFOUND);
}
END_TEST

START_TEST(old_samples_are_deleted_and_young_ones_stay)
{
	int64_t now = deia__unix_ms(NULL);
	struct page p;

	put_row("gone", now - 9 * DAY_MS);
	put_row("gone", now - 8 * DAY_MS);
	put_row("gone", now - 6 * DAY_MS);
	put_row("gone", now);
	deia__retention_step(f.hive);
	do
		read_samples("gone", 0, 0, 10, &p);
	while (p.n > 2);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_int_eq(p.items[1].at_unix_ms, now - 6 * DAY_MS);
	/* How long can be changed while it runs. */
	deia_hive_set_retention(f.hive, 100000, 180, 0, 1);
	deia__retention_step(f.hive);
	do
		read_samples("gone", 0, 0, 10, &p);
	while (p.n > 1);
	ck_assert_int_eq(p.items[0].at_unix_ms, now);
}
END_TEST

START_TEST(samples_outlive_a_removed_bot_unless_it_is_purged)
{
	struct page p;

	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	put_row("b", 1000);
	ck_assert_int_eq(remove_bot(&f, "b", false, false), DEIA_OK);
	read_samples("b", 0, 0, 10, &p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_int_eq(create_bot(&f, "b", false), DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "b", false, true), DEIA_OK);
	read_samples("b", 0, 0, 10, &p);
	ck_assert_int_eq(p.err, DEIA_ENOTFOUND);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("samples");
	TCase *tc = tcase_create("samples");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, living_bots_are_sampled_and_others_are_not);
	tcase_add_test(tc, more_bots_than_fit_one_turn_are_one_transaction);
	tcase_add_test(tc, hive_without_living_bots_writes_nothing);
	tcase_add_test(tc, samples_come_newest_first_by_pages_and_by_age);
	tcase_add_test(tc, old_samples_are_deleted_and_young_ones_stay);
	tcase_add_test(tc, samples_outlive_a_removed_bot_unless_it_is_purged);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
