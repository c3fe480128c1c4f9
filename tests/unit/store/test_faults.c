/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - failing disks, full disks, locks, and no memory.
 *
 * A shim over SQLite's file layer makes fsync and write fail on demand; a
 * small tmpfs in a mount namespace of its own is a disk that is really full.
 */
#include "fixture.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/mem.h"

#define MEMORY_BACKEND 0
#define SQLITE_BACKEND 1

static struct fixture fx;

/* ---- the shim ---------------------------------------------------------- */

static atomic_int sync_result, write_result, syncs;
static sqlite3_vfs shim;
static sqlite3_vfs *real_vfs;
/* SQLite has a table of its own for files that it does not lock. */
static struct {
	const sqlite3_io_methods *from;
	sqlite3_io_methods to;
} methods[4];
static int (*real_sync)(sqlite3_file *, int);
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);

static int shim_sync(sqlite3_file *f, int flags)
{
	int rc = atomic_load(&sync_result);

	atomic_fetch_add(&syncs, 1);
	return rc ? rc : real_sync(f, flags);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = atomic_load(&write_result);

	return rc ? rc : real_write(f, p, n, at);
}

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		     int flags, int *out)
{
	int rc = real_vfs->xOpen(real_vfs, name, f, flags, out), i;

	(void)v;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	for (i = 0; methods[i].from && methods[i].from != f->pMethods; i++)
		ck_assert_int_lt(i, 3);
	if (!methods[i].from) {
		methods[i].from = f->pMethods;
		methods[i].to = *f->pMethods;
		real_sync = f->pMethods->xSync;
		real_write = f->pMethods->xWrite;
		methods[i].to.xSync = shim_sync;
		methods[i].to.xWrite = shim_write;
	}
	f->pMethods = &methods[i].to;
	return rc;
}

/* So that waiting for a lock takes no time. */
static int shim_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static void shim_install(void)
{
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	shim = *real_vfs;
	shim.zName = "shim";
	shim.xOpen = shim_open;
	shim.xSleep = shim_sleep;
	ck_assert_int_eq(sqlite3_vfs_register(&shim, 1), SQLITE_OK);
}

static void setup(void)
{
	shim_install();
	fixture_init(&fx, SQLITE_BACKEND, 0);
}

static void teardown(void)
{
	atomic_store(&sync_result, 0);
	atomic_store(&write_result, 0);
	fixture_fini(&fx);
}

/* ---- a failing disk ---------------------------------------------------- */

static deia_err commit_bot(const char *id, struct outcome *o)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	memset(o, 0, sizeof(*o));
	bot_row(row, id, "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	return deia_txn_commit(t, on_txn, o);
}

START_TEST(acknowledged_means_synced)
{
	int before = atomic_load(&syncs);

	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ck_assert_int_gt(atomic_load(&syncs), before);
}
END_TEST

START_TEST(failed_fsync_is_final)
{
	struct deia_store_stats stats;
	struct outcome o[2];
	char spec[8];

	ck_assert_int_eq(add_bot(&fx, "before", "x"), DEIA_OK);
	atomic_store(&sync_result, SQLITE_IOERR_FSYNC);
	ck_assert_int_eq(commit_bot("a", &o[0]), DEIA_OK);
	ck_assert_int_eq(commit_bot("b", &o[1]), DEIA_OK);
	wait_txn(&fx, &o[1]);
	ck_assert_int_eq(o[0].err, DEIA_ESTORE);
	ck_assert_int_eq(o[1].err, DEIA_ESTORE);
	deia_store_get_stats(fx.store, &stats);
	ck_assert(stats.failed_hard);
	ck_assert_uint_eq(stats.failed, 2);
	ck_assert_ptr_nonnull(
		strstr(deia_store_errmsg(fx.store), "check the disk"));
	/* Also when the disk says that it is well again. */
	atomic_store(&sync_result, 0);
	ck_assert_int_eq(commit_bot("c", &o[0]), DEIA_ESTORE);
	/* What was acknowledged can still be read. */
	bot_spec(&fx, "before", spec, sizeof(spec));
	ck_assert_str_eq(spec, "x");
	fixture_reopen(&fx);
	ck_assert_int_eq(add_bot(&fx, "c", "x"), DEIA_OK);
	bot_spec(&fx, "before", spec, sizeof(spec));
	ck_assert_str_eq(spec, "x");
}
END_TEST

START_TEST(transactions_behind_a_failure_are_told)
{
	struct outcome o[200];
	bool failed = false;
	char id[16];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "%d", i);
		if (commit_bot(id, &o[i])) {
			o[i].calls = 1; /* refused at once: told, too */
			o[i].err = DEIA_ESTORE;
		}
		if (i == 100)
			atomic_store(&sync_result, SQLITE_IOERR_FSYNC);
		if (i % 20 == 0)
			event_base_loop(fx.base, EVLOOP_NONBLOCK);
	}
	deia_store_close(fx.store);
	for (i = 0; i < 200; i++) {
		ck_assert_int_eq(o[i].calls, 1);
		failed |= o[i].err != DEIA_OK;
		ck_assert_int_eq(o[i].err, failed ? DEIA_ESTORE : DEIA_OK);
	}
	ck_assert(failed);
	atomic_store(&sync_result, 0);
	fixture_open(&fx, 0);
}
END_TEST

START_TEST(failed_write_is_final)
{
	struct outcome o;

	atomic_store(&write_result, SQLITE_IOERR_WRITE);
	ck_assert_int_eq(commit_bot("a", &o), DEIA_OK);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.err, DEIA_ESTORE);
	atomic_store(&write_result, 0);
	ck_assert_int_eq(commit_bot("a", &o), DEIA_ESTORE);
}
END_TEST

START_TEST(full_disk_fails_the_group_and_the_next_one_works)
{
	struct deia_store_stats stats;
	struct outcome o[2];

	atomic_store(&write_result, SQLITE_FULL);
	ck_assert_int_eq(commit_bot("a", &o[0]), DEIA_OK);
	ck_assert_int_eq(commit_bot("b", &o[1]), DEIA_OK);
	wait_txn(&fx, &o[1]);
	ck_assert_int_eq(o[0].err, DEIA_EFULL);
	ck_assert_int_eq(o[1].err, DEIA_EFULL);
	deia_store_get_stats(fx.store, &stats);
	ck_assert(!stats.failed_hard);
	atomic_store(&write_result, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 0);
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 1);
}
END_TEST

START_TEST(lock_of_another_program_is_for_the_moment)
{
	char path[128];
	sqlite3 *db;
	struct outcome o;

	snprintf(path, sizeof(path), "%s/t.db", fx.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0),
			 SQLITE_OK);
	ck_assert_int_eq(commit_bot("a", &o), DEIA_OK);
	wait_txn(&fx, &o);
	ck_assert_int_eq(o.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", 0, 0, 0), SQLITE_OK);
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	sqlite3_close(db);
}
END_TEST

/* ---- a disk that is really full ---------------------------------------- */

/* NULL, or why this machine cannot. */
static const char *mount_small(const char *dir)
{
	if (geteuid() != 0)
		return "mounting needs root";
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "no mount namespace here";
	if (mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"))
		return "no tmpfs here";
	return NULL;
}

static int fill_until_full(char *text)
{
	struct outcome o;
	char id[16];
	deia_err err = DEIA_OK;
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t;
	int i;

	for (i = 0; !err && i < 1000; i++) {
		snprintf(id, sizeof(id), "%d", i);
		t = deia_txn_new(fx.store);
		bot_row(row, id, text, 1);
		deia_txn_insert(t, &deia__table_bots, row);
		err = commit(&fx, t, &o);
	}
	ck_assert_int_eq(err, DEIA_EFULL);
	return i - 1;
}

START_TEST(full_file_system_is_recoverable)
{
	static char text[8192];
	char ballast[128];
	const char *why;
	FILE *f;
	int n;

	deia_store_close(fx.store);
	fx.store = NULL;
	remove_dir(fx.dir);
	ck_assert_ptr_nonnull(mkdtemp(strcpy(fx.dir, "/tmp/deia-full-XXXXXX")));
	snprintf(fx.url, sizeof(fx.url), "sqlite:%s/t.db", fx.dir);
	why = mount_small(fx.dir);
	if (why) {
		printf("# skipped: %s\n", why);
		return;
	}
	memset(text, 'x', sizeof(text) - 1);
	snprintf(ballast, sizeof(ballast), "%s/ballast", fx.dir);
	f = fopen(ballast, "w");
	for (n = 0; n < 64; n++)
		fwrite(text, 1, sizeof(text), f);
	ck_assert_int_eq(fclose(f), 0);
	fixture_open(&fx, 0);
	n = fill_until_full(text);
	ck_assert_int_gt(n, 10);
	/* Again, with the same answer; then there is room. */
	ck_assert_int_eq(add_bot(&fx, "more", text), DEIA_EFULL);
	unlink(ballast);
	ck_assert_int_eq(add_bot(&fx, "more", text), DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), (size_t)n + 1);
	fixture_reopen(&fx);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), (size_t)n + 1);
	deia_store_close(fx.store);
	fx.store = NULL;
	umount(fx.dir);
}
END_TEST

/* ---- no memory --------------------------------------------------------- */

static void ignore_page(deia_err err, const deia_rows *rows, void *user)
{
	(void)rows;
	*(deia_err *)user = err;
}

static void ignore_count(deia_err err, const deia_rows *counts,
			 const deia_snapshot *snapshot, void *user)
{
	(void)counts;
	(void)snapshot;
	*(deia_err *)user = err;
}

static void ignore_notice(const struct deia_notice *notice, void *user)
{
	(void)notice;
	(void)user;
}

/* A round of everything; the error of the first step that failed. */
static deia_err round_of_calls(void)
{
	struct deia_value row[BOT_COLUMNS], key = deia_text("a");
	struct deia_set set = { BOT_SPEC, deia_text("y") };
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 1 };
	struct outcome o = { 0 };
	deia_err err, page = DEIA_ETIMEDOUT, count = DEIA_ETIMEDOUT;
	deia_store *s;
	deia_txn *t;

	err = deia_store_open(&s, fx.base, fx.url, NULL, fx.detail,
			      sizeof(fx.detail));
	if (err)
		return err;
	t = deia_txn_new(s);
	bot_row(row, "a", "x", 1);
	deia_txn_put(t, &deia__table_bots, row);
	deia_txn_update(t, &deia__table_bots, &key, &set, 1, NULL);
	deia_txn_delete_where(t, &deia__table_bots, -1, &key, 1, NULL);
	deia_txn_insert(t, &deia__table_bots, row);
	deia_txn_notify(t, "bots", "a");
	err = deia_txn_commit(t, on_txn, &o);
	if (!err)
		err = deia_store_watch(s, ignore_notice, NULL);
	if (!err)
		err = deia_store_page(s, &q, ignore_page, &page);
	if (!err)
		err = deia_store_count(s, &deia__table_bots, -1, &key, 1, 1,
				       ignore_count, &count);
	deia_store_close(s); /* calls back */
	err = err ? err : o.err;
	err = err ? err : page;
	return err ? err : count;
}

static void fail_each_allocation(int backend, bool sticky)
{
	deia_err err = DEIA_ENOMEM;
	unsigned long n;

	fixture_fini(&fx);
	fixture_init(&fx, backend, 0);
	deia_store_close(fx.store);
	for (n = 1; n < 500 && err; n++) {
		deia__mem_fail_at(n, sticky);
		err = round_of_calls();
		deia__mem_fail_at(0, false);
		ck_assert_msg(!err || err == DEIA_ENOMEM, "allocation %lu: %s",
			      n, deia_err_name(err));
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_gt(n, 8);
	fixture_open(&fx, 0);
}

START_TEST(every_allocation_may_fail_once)
{
	fail_each_allocation(_i, false);
}
END_TEST

START_TEST(every_allocation_may_fail_for_good)
{
	fail_each_allocation(_i, true);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("faults");
	TCase *tc = tcase_create("faults");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, acknowledged_means_synced);
	tcase_add_test(tc, failed_fsync_is_final);
	tcase_add_test(tc, transactions_behind_a_failure_are_told);
	tcase_add_test(tc, failed_write_is_final);
	tcase_add_test(tc, full_disk_fails_the_group_and_the_next_one_works);
	tcase_add_test(tc, lock_of_another_program_is_for_the_moment);
	tcase_add_test(tc, full_file_system_is_recoverable);
	tcase_add_loop_test(tc, every_allocation_may_fail_once, MEMORY_BACKEND,
			    SQLITE_BACKEND + 1);
	tcase_add_loop_test(tc, every_allocation_may_fail_for_good,
			    MEMORY_BACKEND, SQLITE_BACKEND + 1);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
