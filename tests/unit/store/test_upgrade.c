/* SPDX-License-Identifier: MIT */
/*
 * test_upgrade.c - databases of every earlier schema, brought up to date.
 *
 * A database of version N is made from the files of the migrations 1..N alone,
 * as a program of that time did it, and each of its tables gets rows. This
 * program then opens it. The migrations and the copy before them are compiled
 * into this program with their fault points, so that they can be killed.
 */
#include "fixture.h"
#include "old.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "store/migrate.h"

static struct fixture fx;
static char path[128], backups[128];

/* ---- copies ------------------------------------------------------------- */

/* How many files are in backups/; the last in order of names is kept. */
static int list_backups(char *last, size_t len)
{
	struct dirent **names;
	int n = scandir(backups, &names, NULL, alphasort), found = 0;

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			found++;
			if (last)
				snprintf(last, len, "%s/%s", backups,
					 names[i]->d_name);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return found;
}

static void setup(void)
{
	fixture_init(&fx, 1, 0);
	deia_store_close(fx.store);
	fx.store = NULL;
	snprintf(path, sizeof(path), "%s/t.db", fx.dir);
	snprintf(backups, sizeof(backups), "%s/backups", fx.dir);
	ck_assert_int_eq(unlink(path), 0);
}

static void teardown(void)
{
	fixture_fini(&fx);
}

/* ---- upgrades ----------------------------------------------------------- */

/* Every table can be read in each of its orders, and written. */
static void ck_tables_work(unsigned from)
{
	struct deia_value row[LINE_COLUMNS];
	struct outcome o;
	deia_txn *t;

	for (size_t i = 0; i < deia__tables_len; i++)
		for (int k = -1; k < (int)deia__tables[i]->n_indexes; k++) {
			struct deia_page_query q = { .table = deia__tables[i],
						     .index = k,
						     .limit = 1000 };
			deia_rows *rows;

			ck_assert_int_eq(
				deia_store_page_now(fx.store, &q, &rows),
				DEIA_OK);
			ck_assert_uint_eq(deia_rows_count(rows),
					  k < 0 ? count_rows(&fx, q.table)
						: deia_rows_count(rows));
			deia_rows_free(rows);
		}
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bot_history),
			  from >= 2 ? OLD_ROWS : 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_messages),
			  from >= 3 ? OLD_ROWS : 0);
	t = deia_txn_new(fx.store);
	line_row(row, "new", "c1", "more");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, &o), DEIA_OK);
	/* The highest number was that of the last row. */
	ck_assert_int_eq(o.seqs[0], (OLD_ROWS - 1) * 7 + 2);
	t = deia_txn_new(fx.store);
	deia_txn_delete_where(t, &deia__table_chat_lines, -1, NULL, 0,
			      &(struct deia_value){ DEIA_INT, 1, NULL, 0 });
	ck_assert_int_eq(commit(&fx, t, &o), DEIA_OK);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
}

START_TEST(database_of_an_earlier_version_is_upgraded_with_all_it_holds)
{
	unsigned from = (unsigned)_i + 1;
	struct old_content old;
	struct stat st;
	char copy[400];

	old_make(path, from);
	old_take(&old, path);
	fixture_open(&fx, 0);
	deia_store_close(fx.store);
	fx.store = NULL;
	old_ck(&old, path);
	ck_assert_uint_eq(old_version(path), deia__migrations_sqlite_len);
	/* The copy is the database as it was. */
	ck_assert_int_eq(list_backups(copy, sizeof(copy)), 1);
	old_ck(&old, copy);
	ck_assert_uint_eq(old_version(copy), from);
	ck_assert_int_eq(stat(copy, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(backups, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	fixture_open(&fx, 0);
	ck_tables_work(from);
	deia__buf_fini(&old.rows);
}
END_TEST

START_TEST(going_back_is_putting_the_copy_in_place)
{
	struct old_content old;
	char copy[400];

	old_make(path, 1);
	old_take(&old, path);
	fixture_open(&fx, 0);
	deia_store_close(fx.store);
	ck_assert_int_eq(list_backups(copy, sizeof(copy)), 1);
	ck_assert_int_eq(rename(copy, path), 0);
	old_ck(&old, path);
	fixture_open(&fx, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
	deia__buf_fini(&old.rows);
}
END_TEST

START_TEST(new_and_current_databases_are_not_copied)
{
	fixture_open(&fx, 0);
	deia_store_close(fx.store);
	fixture_open(&fx, 0);
	ck_assert_int_eq(list_backups(NULL, 0), 0);
	ck_assert_int_ne(access(backups, F_OK), 0);
}
END_TEST

START_TEST(newest_three_copies_are_kept)
{
	static const char *const names[] = {
		"t-before-0003-20200101T000000Z.db",
		"t-before-0009-20200102T000000Z.db",
		"t-before-0002-20200103T000000Z.db",
		"other-before-0002-20100101T000000Z.db",
		"t-before-0002-20200104T000000Z.db.partial",
		"notes.txt",
	};
	char file[200];

	old_make(path, 1);
	ck_assert_int_eq(mkdir(backups, 0700), 0);
	for (size_t i = 0; i < 6; i++) {
		snprintf(file, sizeof(file), "%s/%s", backups, names[i]);
		fclose(fopen(file, "w"));
	}
	fixture_open(&fx, 0);
	/* Of six and the new one: the oldest of ours and the half one go. */
	ck_assert_int_eq(list_backups(NULL, 0), 5);
	for (size_t i = 0; i < 6; i++) {
		snprintf(file, sizeof(file), "%s/%s", backups, names[i]);
		ck_assert_int_eq(access(file, F_OK) == 0, i != 0 && i != 4);
	}
}
END_TEST

/* ---- what goes wrong ---------------------------------------------------- */

static void ck_open_fails(deia_err want, const char *words)
{
	deia_store *s;

	ck_assert_int_eq(deia_store_open(&s, fx.base, fx.url, NULL, fx.detail,
					 sizeof(fx.detail)),
			 want);
	ck_assert_msg(strstr(fx.detail, words), "\"%s\" lacks \"%s\"",
		      fx.detail, words);
}

/*
 * In a child, since Check writes files too: none may grow over a limit that is
 * above SQLite's index of its log and below the database, so that writing the
 * copy fails. Its exit status is the error, its output the detail.
 */
static int upgrade_with_small_files(char *said, size_t len)
{
	struct rlimit small = { 49152, 49152 };
	int fds[2], status;
	size_t applied;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &small))
			_exit(99);
		status = deia_migrate_up(fx.url, NULL, &applied, fx.detail,
					 sizeof(fx.detail));
		n = write(fds[1], fx.detail, strlen(fx.detail));
		_exit(n < 0 ? 98 : status);
	}
	close(fds[1]);
	n = read(fds[0], said, len - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(copy_that_cannot_be_written_stops_the_upgrade)
{
	struct old_content old;
	char said[256];

	old_make(path, 2);
	old_take(&old, path);
	ck_assert_int_eq(upgrade_with_small_files(said, sizeof(said)),
			 DEIA_EIO);
	ck_assert_ptr_nonnull(strstr(said, "copy of the database"));
	ck_assert_int_eq(list_backups(NULL, 0), 0);
	ck_assert_uint_eq(old_version(path), 2);
	old_ck(&old, path);
	fixture_open(&fx, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
	deia__buf_fini(&old.rows);
}
END_TEST

/* NULL, or why there is no small file system. */
static const char *mount_small(const char *dir)
{
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return "no mount namespaces here";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=512k"))
		return "no tmpfs can be mounted here";
	return NULL;
}

START_TEST(without_room_for_the_copy_nothing_is_changed)
{
	struct old_content old;
	const char *why;

	old_make(path, 2);
	old_take(&old, path);
	ck_assert_int_eq(mkdir(backups, 0700), 0);
	why = mount_small(backups);
	if (why) {
		printf("# skipped: %s\n", why);
		deia__buf_fini(&old.rows);
		return;
	}
	ck_open_fails(DEIA_EFULL, "no room in");
	ck_assert_ptr_nonnull(strstr(fx.detail, "nothing was changed"));
	ck_assert_int_eq(list_backups(NULL, 0), 0);
	ck_assert_uint_eq(old_version(path), 2);
	old_ck(&old, path);
	ck_assert_int_eq(umount(backups), 0);
	fixture_open(&fx, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
	deia__buf_fini(&old.rows);
}
END_TEST

START_TEST(without_memory_a_whole_version_is_left)
{
	struct old_content old;
	unsigned long n = 0;
	size_t applied;
	deia_err err;

	old_make(path, 1);
	old_take(&old, path);
	do {
		deia__mem_fail_at(++n, false);
		err = deia_migrate_up(fx.url, NULL, &applied, fx.detail,
				      sizeof(fx.detail));
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		old_ck(&old, path);
	} while (err == DEIA_ENOMEM);
	ck_assert_uint_gt(n, 5);
	ck_assert_uint_eq(old_version(path), deia__migrations_sqlite_len);
	deia__buf_fini(&old.rows);
}
END_TEST

START_TEST(damaged_database_is_not_upgraded)
{
	char junk[4096];
	FILE *f;

	old_make(path, 3);
	memset(junk, 0x5a, sizeof(junk));
	f = fopen(path, "r+");
	ck_assert_int_eq(fseek(f, 3 * 4096, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	fclose(f);
	ck_open_fails(DEIA_ESTORE, "not whole");
	ck_assert_int_eq(list_backups(NULL, 0), 0);
	ck_assert_uint_eq(old_version(path), 3);
}
END_TEST

START_TEST(no_copy_is_made_when_none_is_wanted)
{
	size_t applied;
	struct deia_migrate_opts o = DEIA_MIGRATE_OPTS_INIT;

	old_make(path, 1);
	o.no_backup = true;
	ck_assert_int_eq(deia_migrate_up(fx.url, &o, &applied, fx.detail,
					 sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_uint_eq(applied, deia__migrations_sqlite_len - 1);
	ck_assert_int_eq(list_backups(NULL, 0), 0);
	ck_assert_uint_eq(old_version(path), deia__migrations_sqlite_len);
}
END_TEST

/* ---- killed ------------------------------------------------------------- */

/* Opens the database in a child that ends at the fault point. */
static void kill_at(const char *fault)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setenv("DEIA_FAULT", fault, 1);
		execl("/proc/self/exe", "upgrade", fx.url, (char *)NULL);
		_exit(5);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "%s: the child ended by itself: %x", fault, status);
}

static int child(const char *url)
{
	size_t applied;

	return deia_migrate_up(url, NULL, &applied, NULL, 0) ? 3 : 0;
}

static const struct {
	const char *fault;
	unsigned after; /* the version that is left */
	int copies;	/* files, whole or not */
} kills[] = {
	{ "in-backup:1", 1, 1 },       { "in-migration:1", 1, 1 },
	{ "in-migration:2", 2, 1 },    { "in-migration:3", 3, 1 },
	{ "after-migration:1", 2, 1 }, { "after-migration:2", 3, 1 },
};

START_TEST(killed_migration_leaves_a_whole_version)
{
	struct old_content old;

	old_make(path, 1);
	old_take(&old, path);
	kill_at(kills[_i].fault);
	ck_assert_uint_eq(old_version(path), kills[_i].after);
	old_ck(&old, path);
	ck_assert_int_eq(list_backups(NULL, 0), kills[_i].copies);
	fixture_open(&fx, 0);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_chat_lines), OLD_ROWS);
	deia_store_close(fx.store);
	fx.store = NULL;
	old_ck(&old, path);
	ck_assert_uint_eq(old_version(path), deia__migrations_sqlite_len);
	deia__buf_fini(&old.rows);
}
END_TEST

/* ---- what an operator sees ---------------------------------------------- */

START_TEST(status_lists_applied_and_pending_and_changes_nothing)
{
	struct deia_migration list[16];
	struct stat before, after;
	size_t n, i;

	old_make(path, 2);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(deia_migrate_status(fx.url, list, 16, &n, fx.detail,
					     sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_uint_eq(n, deia__migrations_sqlite_len);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(list[i].version, (int64_t)i + 1);
		ck_assert_str_eq(list[i].name, deia__migrations_sqlite[i].name);
		ck_assert_int_eq(list[i].state, i < 2 ? DEIA_MIGRATION_APPLIED
						      : DEIA_MIGRATION_PENDING);
		ck_assert_int_eq(list[i].applied_unix_ms,
				 i < 2 ? 1000 + (int64_t)i : 0);
		ck_assert_int_eq(list[i].duration_us, -1);
	}
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_uint_eq(old_version(path), 2);
}
END_TEST

START_TEST(status_shows_durations_foreign_texts_and_newer_versions)
{
	struct deia_migration list[2];
	sqlite3 *db;
	size_t n;

	old_make(path, 1);
	fixture_open(&fx, 0);
	deia_store_close(fx.store);
	fx.store = NULL;
	db = old_open(path);
	old_run(db, "UPDATE schema_migrations SET checksum = 'x' WHERE "
		    "version = 2; INSERT INTO schema_migrations VALUES "
		    "(99, 'future', 'x', 1, 1)");
	ck_assert_int_eq(old_ask(db,
				 "SELECT count(*) FROM schema_migrations WHERE "
				 "duration_us >= 0 AND version > 1"),
			 deia__migrations_sqlite_len);
	sqlite3_close(db);
	ck_assert_int_eq(deia_migrate_status(fx.url, list, 2, &n, NULL, 0),
			 DEIA_OK);
	ck_assert_uint_eq(n, deia__migrations_sqlite_len + 1);
	ck_assert_int_eq(list[0].state, DEIA_MIGRATION_APPLIED);
	ck_assert_int_eq(list[1].state, DEIA_MIGRATION_CHANGED);
	ck_assert_int_ge(list[1].duration_us, 0);
	ck_assert_int_eq(
		deia_migrate_up(fx.url, NULL, &n, fx.detail, sizeof(fx.detail)),
		DEIA_ESTORE);
}
END_TEST

START_TEST(newer_schema_is_refused_with_what_to_do)
{
	sqlite3 *db;
	size_t n;

	fixture_open(&fx, 0);
	deia_store_close(fx.store);
	fx.store = NULL;
	db = old_open(path);
	old_run(db, "INSERT INTO schema_migrations VALUES "
		    "(99, 'future', 'x', 1, 1)");
	sqlite3_close(db);
	ck_open_fails(DEIA_EVERSION, "schema version 99");
	ck_assert_ptr_nonnull(strstr(fx.detail, "run the newer deiad again"));
	ck_assert_int_eq(
		deia_migrate_up(fx.url, NULL, &n, fx.detail, sizeof(fx.detail)),
		DEIA_EVERSION);
	ck_assert_uint_eq(old_version(path), 99);
}
END_TEST

START_TEST(store_in_use_is_busy_and_a_missing_one_is_not_made)
{
	struct deia_migration list[1];
	size_t n;

	ck_assert_int_eq(deia_migrate_status(fx.url, list, 1, &n, fx.detail,
					     sizeof(fx.detail)),
			 DEIA_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(fx.detail, "there is no database"));
	ck_assert_int_eq(deia_migrate_up(fx.url, NULL, &n, NULL, 0),
			 DEIA_ENOTFOUND);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(deia_migrate_status("memory:", list, 1, &n, NULL, 0),
			 DEIA_EUNSUPPORTED);
	ck_assert_int_eq(deia_migrate_status("x", list, 1, &n, NULL, 0),
			 DEIA_EINVAL);
	fixture_open(&fx, 0);
	ck_assert_int_eq(deia_migrate_status(fx.url, list, 1, &n, fx.detail,
					     sizeof(fx.detail)),
			 DEIA_EBUSY);
	ck_assert_ptr_nonnull(strstr(fx.detail, "open in this program"));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("upgrade");
	TCase *tc = tcase_create("upgrade");
	int last = (int)deia__migrations_sqlite_len - 1, failed;
	SRunner *runner;

	if (argc == 2)
		return child(argv[1]);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
		tc,
		database_of_an_earlier_version_is_upgraded_with_all_it_holds, 0,
		last);
	tcase_add_test(tc, going_back_is_putting_the_copy_in_place);
	tcase_add_test(tc, new_and_current_databases_are_not_copied);
	tcase_add_test(tc, newest_three_copies_are_kept);
	tcase_add_test(tc, copy_that_cannot_be_written_stops_the_upgrade);
	tcase_add_test(tc, without_room_for_the_copy_nothing_is_changed);
	tcase_add_test(tc, without_memory_a_whole_version_is_left);
	tcase_add_test(tc, damaged_database_is_not_upgraded);
	tcase_add_test(tc, no_copy_is_made_when_none_is_wanted);
	tcase_add_loop_test(tc, killed_migration_leaves_a_whole_version, 0,
			    sizeof(kills) / sizeof(kills[0]));
	tcase_add_test(tc,
		       status_lists_applied_and_pending_and_changes_nothing);
	tcase_add_test(tc,
		       status_shows_durations_foreign_texts_and_newer_versions);
	tcase_add_test(tc, newer_schema_is_refused_with_what_to_do);
	tcase_add_test(tc, store_in_use_is_busy_and_a_missing_one_is_not_made);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
