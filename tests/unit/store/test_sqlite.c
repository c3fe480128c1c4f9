/* SPDX-License-Identifier: MIT */
/*
 * test_sqlite.c - what only the SQLite backend has: files, locks, migrations,
 * query plans, its log.
 */
#include "fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/migrate.h"
#include "store/sqlite/sqlite.h"

#define SQLITE_BACKEND 1

static struct fixture fx;
static char path[128];

static void setup(void)
{
	fixture_init(&fx, SQLITE_BACKEND, 0);
	snprintf(path, sizeof(path), "%s/t.db", fx.dir);
}

static void teardown(void)
{
	fixture_fini(&fx);
}

/* Runs SQL on the file while the store has it closed. */
static void run_sql(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
		      "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static deia_err try_open(const char *url, deia_store **out)
{
	return deia_store_open(out, fx.base, url, NULL, fx.detail,
			       sizeof(fx.detail));
}

static void ck_open_fails(const char *url, deia_err want, const char *words)
{
	deia_store *s;

	ck_assert_int_eq(try_open(url, &s), want);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(fx.detail, words), "\"%s\" lacks \"%s\"",
		      fx.detail, words);
	ck_assert_ptr_null(strchr(fx.detail, '\n'));
}

static void close_store(void)
{
	deia_store_close(fx.store);
	fx.store = NULL;
}

/* ---- schema ------------------------------------------------------------ */

static int64_t ask(sqlite3 *db, const char *sql, const char *a, int64_t b)
{
	sqlite3_stmt *s;
	int64_t n = -1;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK,
		      "%s", sqlite3_errmsg(db));
	sqlite3_bind_text(s, 1, a, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(s) > 1)
		sqlite3_bind_int64(s, 2, b);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static void ck_columns(sqlite3 *db, const struct deia_table *t)
{
	static const char *const types[] = { "", "INTEGER", "TEXT", "BLOB" };
	const struct deia_column *want;
	sqlite3_stmt *s;
	unsigned c;

	ck_assert_int_eq(
		sqlite3_prepare_v2(db,
				   "SELECT name, type, \"notnull\", pk "
				   "FROM pragma_table_info(?1)",
				   -1, &s, NULL),
		SQLITE_OK);
	sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
	for (c = 0; c < t->n_columns; c++) {
		want = &t->columns[c];
		ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
		ck_assert_str_eq((const char *)sqlite3_column_text(s, 0),
				 want->name);
		ck_assert_str_eq((const char *)sqlite3_column_text(s, 1),
				 types[want->type]);
		ck_assert_int_eq(sqlite3_column_int(s, 2), !want->nullable);
		ck_assert_int_eq(sqlite3_column_int(s, 3),
				 c < t->n_key ? (int)c + 1 : 0);
	}
	ck_assert_int_eq(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
}

static void ck_index(sqlite3 *db, const struct deia_table *t, int index)
{
	const struct deia_index *ix = &t->indexes[index];
	struct deia__order o;
	unsigned i;

	ck_assert_int_eq(ask(db,
			     "SELECT \"unique\" FROM pragma_index_list((SELECT "
			     "tbl_name FROM sqlite_schema WHERE name = ?1)) "
			     "WHERE name = ?1",
			     ix->name, 0),
			 ix->unique);
	ck_assert(deia__order_init(&o, t, index));
	for (i = 0; i < (ix->unique ? ix->n_columns : o.n); i++)
		ck_assert_int_eq(ask(db,
				     "SELECT cid FROM pragma_index_info(?1) "
				     "WHERE seqno = ?2",
				     ix->name, i),
				 o.columns[i]);
}

START_TEST(migrated_database_has_the_declared_tables)
{
	const struct deia_table *t;
	sqlite3 *db;
	size_t i;
	int k;

	close_store();
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	for (i = 0; i < deia__tables_len; i++) {
		t = deia__tables[i];
		ck_assert_int_eq(deia__table_check(t), DEIA_OK);
		ck_columns(db, t);
		for (k = 0; k < (int)t->n_indexes; k++)
			ck_index(db, t, k);
		ck_assert_int_eq(ask(db,
				     "SELECT count(*) FROM sqlite_schema WHERE "
				     "type = 'index' AND tbl_name = ?1 AND "
				     "name NOT LIKE 'sqlite_%'",
				     t->name, 0),
				 t->n_indexes);
		ck_assert_int_eq(ask(db,
				     "SELECT sql LIKE '%AUTOINCREMENT%' FROM "
				     "sqlite_schema WHERE name = ?1",
				     t->name, 0),
				 t->sequence);
	}
	ck_assert_int_eq(ask(db,
			     "SELECT count(*) FROM sqlite_schema WHERE type = "
			     "'table' AND name NOT LIKE 'sqlite_%'",
			     "", 0),
			 (int64_t)deia__tables_len + 1);
	ck_assert_int_eq(ask(db,
			     "SELECT count(*) FROM schema_migrations WHERE "
			     "length(checksum) = 64 AND applied > 0",
			     "", 0),
			 deia__migrations_sqlite_len);
	sqlite3_close(db);
}
END_TEST

/* What the first version of the schema holds, written by SQL alone. */
static const char first_rows[] =
	"INSERT INTO bots VALUES ('b', '{}', 1, 5, 6);"
	"INSERT INTO conversations VALUES ('c1', 'b', 'Trip', 1, 7);"
	"INSERT INTO chat_lines VALUES (3, 'l1', 'c1', 'b', 'user', 'dave', "
	"'hello', 'answered', '', 8, NULL, NULL), (4, 'l2', 'c1', 'b', "
	"'assistant', 'b', 'hi', 'answered', '', 9, 2, 1);"
	"INSERT INTO events VALUES (1, 5, 'bot.created', 'b', '{}');";

static void make_first_version(void)
{
	const struct deia__migration *m = &deia__migrations_sqlite[0];
	char sql[512];

	close_store();
	ck_assert_int_eq(unlink(path), 0);
	run_sql(deia__migrate_table);
	run_sql(m->sql);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO schema_migrations VALUES (1, '%s', '%s', 1, 0)",
		 m->name, m->checksum);
	run_sql(sql);
	run_sql(first_rows);
}

START_TEST(first_version_is_upgraded_with_all_it_holds)
{
	struct deia_page_query lines = { .table = &deia__table_chat_lines,
					 .index = -1,
					 .limit = 9 };
	struct deia_page_query convs = { .table = &deia__table_conversations,
					 .index = -1,
					 .limit = 9 };
	struct deia_value row[LINE_COLUMNS];
	struct outcome o;
	struct page p;
	deia_txn *t;

	make_first_version();
	fixture_open(&fx, 0);
	page_read(&fx, &lines, &p);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_str_eq(page_get(&p, 0, LINE_CONTENT)->s, "hello");
	ck_assert_int_eq(page_get(&p, 1, LINE_PROMPT_TOKENS)->i, 2);
	ck_assert_int_eq(page_get(&p, 1, LINE_DETAILS)->type, DEIA_TEXT);
	ck_assert_uint_eq(page_get(&p, 1, LINE_DETAILS)->len, 0);
	page_free(&p);
	page_read(&fx, &convs, &p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(page_get(&p, 0, CONV_TITLE)->s, "Trip");
	ck_assert_uint_eq(page_get(&p, 0, CONV_SESSION)->len, 0);
	page_free(&p);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bots), 1);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_bot_history), 0);
	t = deia_txn_new(fx.store);
	line_row(row, "l3", "c1", "more");
	row[LINE_DETAILS] = deia_text("{\"turns\":2}");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, &o), DEIA_OK);
	ck_assert_int_eq(o.seqs[0], 5); /* numbers go on */
}
END_TEST

/* The plan of a page must search the index and never sort. */
static void ck_plan(sqlite3 *db, const struct deia__sql_shape *shape)
{
	static const struct deia__sql_dialect d = { "?", false };
	struct deia__buf sql;
	const char *plan;
	sqlite3_stmt *s;

	deia__buf_init(&sql, 0);
	deia__buf_adds(&sql, "EXPLAIN QUERY PLAN ");
	deia__sql_text(&sql, &d, shape);
	ck_assert_msg(sqlite3_prepare_v2(db, sql.data, -1, &s, NULL) ==
			      SQLITE_OK,
		      "%s: %s", sql.data, sqlite3_errmsg(db));
	while (sqlite3_step(s) == SQLITE_ROW) {
		plan = (const char *)sqlite3_column_text(s, 3);
		ck_assert_msg(!strstr(plan, "TEMP B-TREE"), "%s: %s", sql.data,
			      plan);
		if (shape->kind == DEIA__SQL_COUNT && !shape->n_equal)
			ck_assert_msg(shape->index < 0 ||
					      strstr(plan, "COVERING INDEX"),
				      "%s: %s", sql.data, plan);
		else if (shape->n_equal || shape->n_after || shape->upto)
			ck_assert_msg(!strncmp(plan, "SEARCH", 6), "%s: %s",
				      sql.data, plan);
	}
	sqlite3_finalize(s);
	deia__buf_fini(&sql);
}

static void ck_plans(sqlite3 *db, const struct deia_table *t, int index)
{
	struct deia__sql_shape shape = { .table = t,
					 .kind = DEIA__SQL_PAGE,
					 .index = (short)index,
					 .guard = -1 };
	struct deia__order o;
	unsigned e, a;
	int k;

	ck_assert(deia__order_init(&o, t, index));
	for (e = 0; e <= o.n; e++) {
		for (a = 0; a <= o.n - e; a++) {
			for (k = 0; k < 2; k++) {
				shape.n_equal = (unsigned char)e;
				shape.n_after = (unsigned char)a;
				shape.descending = k;
				ck_plan(db, &shape);
			}
		}
		shape.kind = DEIA__SQL_DELETE_WHERE;
		shape.n_after = 0;
		shape.upto = e < o.n;
		ck_plan(db, &shape);
		shape.kind = DEIA__SQL_PAGE;
		shape.upto = false;
	}
}

/*
 * Counts walk the index alone: neither rows nor a sort. By the whole order is
 * no count: each row is a group of its own.
 */
static void ck_count_plans(sqlite3 *db, const struct deia_table *t, int index)
{
	static const struct deia_value nulls[DEIA__MAX_GROUP];
	struct deia__count_query q = { t, index, nulls, 0, 1 };
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	struct deia__order o;

	ck_assert(deia__order_init(&o, t, index));
	for (; q.n_group <= o.n && q.n_group <= DEIA__MAX_GROUP; q.n_group++) {
		if (q.n_group == o.n)
			break;
		for (q.n_equal = 0; q.n_equal < q.n_group; q.n_equal++) {
			deia__sql_count(&q, &shape, &params);
			ck_plan(db, &shape);
		}
	}
}

START_TEST(every_page_searches_an_index_and_never_sorts)
{
	sqlite3 *db;
	size_t i;
	int k;

	close_store();
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	for (i = 0; i < deia__tables_len; i++) {
		for (k = -1; k < (int)deia__tables[i]->n_indexes; k++) {
			ck_plans(db, deia__tables[i], k);
			ck_count_plans(db, deia__tables[i], k);
		}
	}
	sqlite3_close(db);
}
END_TEST

START_TEST(newer_schema_is_refused_and_left_alone)
{
	close_store();
	run_sql("INSERT INTO schema_migrations VALUES "
		"(9999, 'future', 'x', 1, 0)");
	ck_open_fails(fx.url, DEIA_EVERSION, "9999");
	run_sql("DELETE FROM schema_migrations WHERE version = 9999");
	fixture_open(&fx, 0);
}
END_TEST

START_TEST(migration_with_another_text_is_refused)
{
	close_store();
	run_sql("UPDATE schema_migrations SET checksum = 'x' WHERE "
		"version = 1");
	ck_open_fails(fx.url, DEIA_ESTORE, "0001_initial");
}
END_TEST

START_TEST(database_of_another_program_is_refused_and_left_alone)
{
	close_store();
	ck_assert_int_eq(unlink(path), 0);
	run_sql("CREATE TABLE songs (title TEXT)");
	ck_open_fails(fx.url, DEIA_ESTORE, "another program");
	run_sql("INSERT INTO songs VALUES ('x')");
	run_sql("DROP TABLE songs");
}
END_TEST

START_TEST(file_that_is_no_database_is_refused)
{
	FILE *f;
	int i;

	close_store();
	f = fopen(path, "w");
	for (i = 0; i < 1000; i++)
		fputs("this is a letter\n", f);
	fclose(f);
	ck_open_fails(fx.url, DEIA_ESTORE, "not a SQLite database");
}
END_TEST

/* ---- opening ----------------------------------------------------------- */

START_TEST(wrong_urls_say_what_is_right)
{
	char url[160];

	ck_open_fails("", DEIA_EINVAL, "sqlite:PATH or postgresql:");
	ck_open_fails("sqlite", DEIA_EINVAL, "sqlite:PATH or postgresql:");
	ck_open_fails("mysql:x", DEIA_EINVAL, "mysql:");
	ck_open_fails("sqlite:", DEIA_EINVAL, "path is missing");
	ck_open_fails("memory:x", DEIA_EINVAL, "no path");
	if (!deia_store_has_postgresql())
		ck_open_fails("postgresql://host/db", DEIA_EUNSUPPORTED,
			      "PostgreSQL");
	snprintf(url, sizeof(url), "sqlite:%s/none/t.db", fx.dir);
	ck_open_fails(url, DEIA_EIO, "No such file");
	close_store();
	snprintf(url, sizeof(url), "sqlite:%s/run", fx.dir);
	ck_open_fails(url, DEIA_EIO, "is not a file");
}
END_TEST

START_TEST(wrong_options_are_refused)
{
	struct {
		struct deia_store_opts opts;
		char newer[8];
	} o = { DEIA_STORE_OPTS_INIT, "" };
	deia_store *s;

	o.opts.size = sizeof(o);
	ck_assert_int_eq(deia_store_open(&s, fx.base, "memory:", &o.opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_OK);
	deia_store_close(s);
	o.newer[3] = 1; /* a field that this library does not know */
	ck_assert_int_eq(deia_store_open(&s, fx.base, "memory:", &o.opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_EINVAL);
	o.opts.size = 0;
	ck_assert_int_eq(deia_store_open(&s, fx.base, "memory:", &o.opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_EINVAL);
}
END_TEST

static void ck_mode(const char *name, mode_t want)
{
	struct stat st;
	char p[160];

	snprintf(p, sizeof(p), "%s/%s", fx.dir, name);
	ck_assert_msg(stat(p, &st) == 0, "%s", p);
	ck_assert_msg((st.st_mode & 07777) == want, "%s has mode %o", p,
		      st.st_mode & 07777);
}

START_TEST(files_are_private_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 022, 0277 };
	size_t i;

	close_store();
	for (i = 0; i < 3; i++) {
		remove_dir(fx.dir);
		ck_assert_int_eq(mkdir(fx.dir, 0700), 0);
		umask(masks[i]);
		fixture_open(&fx, 0);
		ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
		umask(022);
		ck_mode("t.db", 0600);
		ck_mode("t.db-wal", 0600);
		ck_mode("t.db-shm", 0600);
		ck_mode("run", 0700);
		ck_mode("run/deiad.lock", 0600);
		close_store();
	}
}
END_TEST

START_TEST(second_store_on_the_file_is_busy)
{
	char link[128], url[160];

	ck_open_fails(fx.url, DEIA_EBUSY, "in this program already");
	/* Nor by another name. */
	snprintf(link, sizeof(link), "%s-link", fx.dir);
	ck_assert_int_eq(symlink(path, link), 0);
	snprintf(url, sizeof(url), "sqlite:%s", link);
	ck_open_fails(url, DEIA_EBUSY, "in this program already");
	unlink(link);
	/* And the failed tries did not take the first one's locks away. */
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
}
END_TEST

/* Opens the store, says so on fd, and waits to be killed. */
static void hold_store(int fd)
{
	deia_store *s;
	char ok = 'n';

	if (try_open(fx.url, &s) == DEIA_OK)
		ok = 'y';
	if (write(fd, &ok, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

START_TEST(store_of_another_process_is_busy_and_free_after_its_death)
{
	char pid_text[32], ok;
	int fds[2], status;
	pid_t pid;

	close_store();
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		hold_store(fds[1]);
	ck_assert_int_eq(read(fds[0], &ok, 1), 1);
	ck_assert_int_eq(ok, 'y');
	snprintf(pid_text, sizeof(pid_text), "process %d:", (int)pid);
	ck_open_fails(fx.url, DEIA_EBUSY, pid_text);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fixture_open(&fx, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(memory_durability_leaves_nothing_on_the_disk)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;

	close_store();
	ck_assert_int_eq(unlink(path), 0);
	opts.durability = DEIA_DURABILITY_MEMORY;
	ck_assert_int_eq(deia_store_open(&fx.store, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_str_eq(deia_store_backend_name(fx.store), "memory");
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(normal_durability_keeps_rows_over_a_reopen)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char spec[8];

	close_store();
	opts.durability = DEIA_DURABILITY_NORMAL;
	ck_assert_int_eq(deia_store_open(&fx.store, fx.base, fx.url, &opts,
					 fx.detail, sizeof(fx.detail)),
			 DEIA_OK);
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	fixture_reopen(&fx);
	bot_spec(&fx, "a", spec, sizeof(spec));
	ck_assert_str_eq(spec, "x");
}
END_TEST

/* ---- working ----------------------------------------------------------- */

START_TEST(log_is_checkpointed_and_starts_over)
{
	char text[4000], wal[160], id[16];
	struct deia_value row[BOT_COLUMNS];
	off_t max = 0;
	struct stat st;
	deia_txn *t;
	int i, k;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(wal, sizeof(wal), "%s-wal", path);
	for (i = 0; i < 120; i++) {
		t = deia_txn_new(fx.store);
		for (k = 0; k < 100; k++) {
			snprintf(id, sizeof(id), "%d-%d", i, k);
			bot_row(row, id, text, 1);
			deia_txn_insert(t, &deia__table_bots, row);
		}
		ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
		ck_assert_int_eq(stat(wal, &st), 0);
		max = st.st_size > max ? st.st_size : max;
	}
	/* 48 MB were written; the log never grew past what is checkpointed and
	 * a few groups more. */
	ck_assert_int_gt(max, DEIA__CHECKPOINT_PAGES * 4096 / 2);
	ck_assert_int_lt(max, (DEIA__CHECKPOINT_PAGES + 500) * 4200);
}
END_TEST

/* More shapes of statements than the cache has places. */
START_TEST(any_number_of_statement_shapes_works)
{
	struct deia_value row[LINE_COLUMNS], key = deia_int(1);
	struct deia_set set[9], guard = { LINE_ID, deia_text("l1") };
	unsigned mask, c;
	size_t n;
	deia_txn *t = deia_txn_new(fx.store);

	line_row(row, "l1", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	t = deia_txn_new(fx.store);
	for (mask = 1; mask < 256; mask++) {
		n = 0;
		for (c = 0; c < 8; c++) {
			if (!(mask >> c & 1))
				continue;
			set[n].column = LINE_ID + c;
			set[n++].value = row[LINE_ID + c];
		}
		deia_txn_update(t, &deia__table_chat_lines, &key, set, n, NULL);
		deia_txn_update(t, &deia__table_chat_lines, &key, set, n,
				&guard);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sqlite");
	TCase *tc = tcase_create("sqlite");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, migrated_database_has_the_declared_tables);
	tcase_add_test(tc, first_version_is_upgraded_with_all_it_holds);
	tcase_add_test(tc, every_page_searches_an_index_and_never_sorts);
	tcase_add_test(tc, newer_schema_is_refused_and_left_alone);
	tcase_add_test(tc, migration_with_another_text_is_refused);
	tcase_add_test(tc,
		       database_of_another_program_is_refused_and_left_alone);
	tcase_add_test(tc, file_that_is_no_database_is_refused);
	tcase_add_test(tc, wrong_urls_say_what_is_right);
	tcase_add_test(tc, wrong_options_are_refused);
	tcase_add_test(tc, files_are_private_whatever_the_umask);
	tcase_add_test(tc, second_store_on_the_file_is_busy);
	tcase_add_test(
		tc, store_of_another_process_is_busy_and_free_after_its_death);
	tcase_add_test(tc, memory_durability_leaves_nothing_on_the_disk);
	tcase_add_test(tc, normal_durability_keeps_rows_over_a_reopen);
	tcase_add_test(tc, log_is_checkpointed_and_starts_over);
	tcase_add_test(tc, any_number_of_statement_shapes_works);
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
