/* SPDX-License-Identifier: MIT */
/*
 * test_postgres_open.c - opening a database of PostgreSQL: upgrades and copies,
 * being alone, and having company.
 */
#include "pgcase.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/migrate.h"

/* Of everybody else; the store connects again. */
#define END_SESSIONS                                                           \
	"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "       \
	"WHERE datname = current_database() AND pid <> pg_backend_pid()"

/* ---- upgrades, copies, being alone ---------------------------------------- */

/* As an earlier program left it: without the last migration. */
static void make_older(void)
{
	const unsigned n = deia__migrations_postgres_len - 1;
	char url[160];

	close_store();
	make_database(fx.database, sizeof(fx.database), url, sizeof(url));
	snprintf(fx.url, sizeof(fx.url), "%s", url);
	ask("%s", deia__migrate_table);
	for (unsigned i = 0; i < n; i++) {
		const struct deia__migration *m = &deia__migrations_postgres[i];
		char out[16];

		cluster_sql(fx.database, m->sql, out, sizeof(out));
		ask("INSERT INTO schema_migrations (version, name, checksum, "
		    "applied) VALUES (%u, '%s', '%s', 1)",
		    m->version, m->name, m->checksum);
	}
	ask("INSERT INTO bots VALUES ('b', '{}', 1, 5, 6)");
}

static char noted[4][256];
static int n_noted;

static void take_note(const char *text, void *user)
{
	(void)user;
	if (n_noted < 4)
		snprintf(noted[n_noted++], sizeof(noted[0]), "%s", text);
}

/* The only file in it, opened; NULL: there is none. */
static FILE *only_file(const char *dir, char path[300], struct stat *st)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, 300, "%s/%s", dir, e->d_name);
		n++;
	}
	closedir(d);
	if (n == 0)
		return NULL;
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(stat(path, st), 0);
	return fopen(path, "rb");
}

START_TEST(upgrade_makes_a_copy_first_that_can_be_restored)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char dir[80], path[300] = "", head[6] = "";
	struct stat st;
	FILE *f;

	make_older();
	snprintf(dir, sizeof(dir), "%s/backups", fx.dir);
	opts.backup_dir = dir;
	opts.note = take_note;
	n_noted = 0;
	ck_assert_msg(deia_store_open(&fx.store, fx.base, fx.url, &opts,
				      fx.detail, sizeof(fx.detail)) == DEIA_OK,
		      "%s", fx.detail);
	ck_assert_int_eq(n_noted, 2);
	ck_assert_msg(strstr(noted[0], dir), "%s", noted[0]);
	ck_assert_msg(strstr(noted[1], "applied migration"), "%s", noted[1]);
	f = only_file(dir, path, &st);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_eq(fread(head, 1, 5, f), 5);
	ck_assert_str_eq(head, "PGDMP"); /* what pg_restore reads */
	fclose(f);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 1);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(upgrade_without_pg_dump_is_refused_and_changes_nothing)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char *path = strdup(getenv("PATH")), dir[80], file[300];
	struct stat st;
	deia_err err;

	make_older();
	snprintf(dir, sizeof(dir), "%s/backups", fx.dir);
	opts.backup_dir = dir;
	setenv("PATH", fx.dir, 1);
	err = deia_store_open(&fx.store, fx.base, fx.url, &opts, fx.detail,
			      sizeof(fx.detail));
	setenv("PATH", path, 1);
	free(path);
	ck_assert_msg(err == DEIA_EIO, "%s", fx.detail);
	ck_assert_msg(strstr(fx.detail, "--no-backup"), "%s", fx.detail);
	ck_assert_ptr_null(only_file(dir, file, &st));
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM schema_migrations")),
			 (int)deia__migrations_postgres_len - 1);
	opts.no_backup = true;
	ck_assert_msg(deia_store_open(&fx.store, fx.base, fx.url, &opts,
				      fx.detail, sizeof(fx.detail)) == DEIA_OK,
		      "%s", fx.detail);
	rmdir(dir);
}
END_TEST

START_TEST(status_lists_what_is_applied_and_what_is_to_come)
{
	struct deia_migration list[16];
	unsigned last = deia__migrations_postgres_len - 1;
	size_t n;

	make_older();
	ck_assert_int_eq(deia_migrate_status(fx.url, list, 16, &n, fx.detail,
					     sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_uint_eq(n, last + 1);
	ck_assert_int_eq(list[0].state, DEIA_MIGRATION_APPLIED);
	ck_assert_int_eq(list[0].duration_us, -1);
	ck_assert_int_eq(list[last].state, DEIA_MIGRATION_PENDING);
}
END_TEST

START_TEST(who_is_alone_is_refused_beside_another_and_let_in_after_it)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	deia_store *second;

	close_store();
	opts.alone = true;
	ck_assert_int_eq(deia_store_open(&fx.store, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_int_eq(deia_store_open(&second, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_EBUSY);
	ck_assert_msg(strstr(fx.detail, "another deiad"), "%s", fx.detail);
	/* It is alone still when its session was ended. */
	ask(END_SESSIONS);
	ck_assert_int_eq(add_bot(&fx, "b", "x"), DEIA_OK);
	ck_assert_int_eq(deia_store_open(&second, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_EBUSY);
	close_store();
	ck_assert_int_eq(deia_store_open(&fx.store, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_OK);
}
END_TEST

/* What another one does that had the database meanwhile, and what a restored
 * database looks like. */
static const struct {
	const char *sql, *words;
	bool alone;
} meanwhile[] = {
	{ "DELETE FROM store_writers", "another node shut this one out",
	  false },
	{ "DELETE FROM store_writers",
	  "another deiad used the database meanwhile", true },
	{ "UPDATE store_writers SET grp = grp - 1",
	  "lost what was acknowledged", false },
};

static deia_err open_again(bool alone)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;

	close_store();
	opts.alone = alone;
	return deia_store_open(&fx.store, fx.base, fx.url, &opts, fx.detail,
			       sizeof(fx.detail));
}

START_TEST(store_whose_database_went_on_without_it_ends)
{
	struct outcome o = { 0 };

	ck_assert_int_eq(open_again(meanwhile[_i].alone), DEIA_OK);
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ask("%s", meanwhile[_i].sql);
	ask(END_SESSIONS);
	ck_assert_int_eq(add_bot(&fx, "b", "x"), DEIA_ESTORE);
	ck_assert_msg(strstr(deia_store_errmsg(fx.store), meanwhile[_i].words),
		      "%s", deia_store_errmsg(fx.store));
	ck_assert_int_eq(deia_txn_commit(deia_txn_new(fx.store), on_txn, &o),
			 DEIA_ESTORE);
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM bots")), 1);
}
END_TEST

/* Nobody writes: it is noticed all the same. */
START_TEST(store_whose_database_went_on_without_it_ends_while_it_is_idle)
{
	struct deia_store_stats st;

	ask("DELETE FROM store_writers");
	ask(END_SESSIONS);
	do {
		ask("SELECT 1");
		deia_store_get_stats(fx.store, &st);
	} while (!st.failed_hard);
	ck_assert_msg(strstr(deia_store_errmsg(fx.store), "shut this one out"),
		      "%s", deia_store_errmsg(fx.store));
	/* It is in nobody's way. */
	ck_assert_int_eq(open_again(true), DEIA_OK);
}
END_TEST

/* ---- several on one database ---------------------------------------------- */

static void *open_one(void *arg)
{
	struct fixture *f = arg;

	fixture_open(f, 0);
	return NULL;
}

START_TEST(two_that_start_at_once_migrate_once)
{
	struct fixture two[2];
	pthread_t threads[2];
	int i;

	close_store();
	ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	for (i = 0; i < 2; i++) {
		two[i] = fx;
		two[i].base = event_base_new();
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, open_one, &two[i]),
			0);
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(add_bot(&two[0], "a", "x"), DEIA_OK);
	ck_assert_int_eq(add_bot(&two[1], "b", "x"), DEIA_OK);
	ck_assert_int_eq(add_bot(&two[1], "a", "x"), DEIA_EEXIST);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(count_rows(&two[i], &deia__table_bots), 2);
		deia_store_close(two[i].store);
		event_base_free(two[i].base);
	}
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM schema_migrations")),
			 (int)deia__migrations_postgres_len);
}
END_TEST

START_TEST(who_is_alone_and_others_keep_each_other_out)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct fixture other = fx;

	opts.alone = true;
	ck_assert_int_eq(deia_store_open(&other.store, other.base, other.url,
					 &opts, other.detail,
					 sizeof(other.detail)),
			 DEIA_EBUSY);
	ck_assert_msg(strstr(other.detail, "another deiad uses the database"),
		      "%s", other.detail);
	/* It is in the way still when its session was ended. */
	ask(END_SESSIONS);
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ck_assert_int_eq(deia_store_open(&other.store, other.base, other.url,
					 &opts, other.detail,
					 sizeof(other.detail)),
			 DEIA_EBUSY);
	fixture_open(&other, 0);
	deia_store_close(other.store);
	ck_assert_int_eq(open_again(true), DEIA_OK);
	ck_open_fails(fx.url, DEIA_EBUSY, "to itself");
}
END_TEST

START_TEST(older_schema_is_not_upgraded_while_others_use_it)
{
	struct fixture other = fx;

	ask("UPDATE schema_migrations SET version = version + 1000 "
	    "WHERE version = %u",
	    deia__migrations_postgres_len);
	ask("CREATE TABLE kept AS SELECT * FROM schema_migrations "
	    "WHERE version > 1000; "
	    "DELETE FROM schema_migrations WHERE version > 1000");
	ck_open_fails(fx.url, DEIA_EBUSY, "end them first");
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ask("INSERT INTO schema_migrations SELECT * FROM kept; "
	    "UPDATE schema_migrations SET version = version - 1000 "
	    "WHERE version > 1000; DROP TABLE kept");
	fixture_open(&other, 0);
	ck_assert_int_eq(add_bot(&other, "b", "x"), DEIA_OK);
	deia_store_close(other.store);
}
END_TEST

static void *open_upgraded(void *arg)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct fixture *f = arg;
	deia_err err;

	opts.no_backup = true;
	err = deia_store_open(&f->store, f->base, f->url, &opts, f->detail,
			      sizeof(f->detail));
	ck_assert_msg(err == DEIA_OK, "%s", f->detail);
	return NULL;
}

START_TEST(two_that_start_at_once_upgrade_once)
{
	struct fixture two[2];
	pthread_t threads[2];
	int i;

	make_older();
	for (i = 0; i < 2; i++) {
		two[i] = fx;
		two[i].base = event_base_new();
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						open_upgraded, &two[i]),
				 0);
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(add_bot(&two[0], "c", "x"), DEIA_OK);
	ck_assert_int_eq(add_bot(&two[1], "d", "x"), DEIA_OK);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(count_rows(&two[i], &deia__table_bots), 3);
		deia_store_close(two[i].store);
		event_base_free(two[i].base);
	}
}
END_TEST

/* Markers of stores that work, or were heard of lately, are kept. */
START_TEST(markers_of_others_are_kept_while_they_are_needed)
{
	struct fixture other = fx;

	ask("UPDATE store_writers SET at = now() - interval '31 days'");
	ask("INSERT INTO store_writers (writer, grp, at) VALUES "
	    "('1', 0, now() - interval '31 days'), "
	    "('2', 0, now() - interval '29 days')");
	fixture_open(&other, 0);
	ck_assert_str_eq(ask("SELECT count(*) FROM store_writers"), "3");
	ck_assert_str_eq(ask("SELECT count(*) FROM store_writers "
			     "WHERE writer = '1'"),
			 "0");
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	deia_store_close(other.store);
	ck_assert_int_eq(open_again(true), DEIA_OK);
	ck_assert_str_eq(ask("SELECT count(*) FROM store_writers"), "1");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("postgres-open");
	TCase *tc = tcase_create("postgres-open");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, two_that_start_at_once_migrate_once);
	tcase_add_test(tc, upgrade_makes_a_copy_first_that_can_be_restored);
	tcase_add_test(tc,
		       upgrade_without_pg_dump_is_refused_and_changes_nothing);
	tcase_add_test(tc, status_lists_what_is_applied_and_what_is_to_come);
	tcase_add_test(
		tc, who_is_alone_is_refused_beside_another_and_let_in_after_it);
	tcase_add_loop_test(tc, store_whose_database_went_on_without_it_ends, 0,
			    3);
	tcase_add_test(
		tc,
		store_whose_database_went_on_without_it_ends_while_it_is_idle);
	tcase_add_test(tc, who_is_alone_and_others_keep_each_other_out);
	tcase_add_test(tc, older_schema_is_not_upgraded_while_others_use_it);
	tcase_add_test(tc, two_that_start_at_once_upgrade_once);
	tcase_add_test(tc, markers_of_others_are_kept_while_they_are_needed);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
