/* SPDX-License-Identifier: MIT */
/*
 * test_copy.c - whole stores copied: all tables, killed and gone on with, and
 * what the comparison finds.
 *
 * The source is a SQLite file of 8,000 rows in each table, made once. The
 * other side is named on the command line (a row of `kinds`), so that each
 * backend can be copied to and back from. The memory backend is the oracle.
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

#include "core/id.h"
#include "core/mem.h"
#include "store/copy.h"
#include "store/migrate.h"

#define ROWS 8000
#define KILLS 12 /* of up to 90 batches of 100: never all of them */

/* ---- where to ------------------------------------------------------------ */

static char root[64], source[128];

static void fresh_sqlite(char *url, size_t len)
{
	static int n;
	char dir[100];

	snprintf(dir, sizeof(dir), "%s/%d-%d", root, (int)getpid(), n++);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	snprintf(url, len, "sqlite:%s/t.db", dir);
}

/* Databases go with their cluster. */
static void fresh_postgresql(char *url, size_t len)
{
	char name[48];

	make_database(name, sizeof(name), url, len);
}

/* A kind of store to copy into; fresh gives the url of an empty one. */
static const struct kind {
	const char *name;
	void (*fresh)(char *url, size_t len);
} kinds[] = {
	{ "sqlite", fresh_sqlite },
	{ "postgresql", fresh_postgresql },
};
static const struct kind *kind = &kinds[0];

/* ---- rows of every table -------------------------------------------------- */

static struct event_base *base;

static deia_store *open_store(const char *url)
{
	char detail[256];
	deia_store *s;

	ck_assert_msg(deia_store_open(&s, base, url, NULL, detail,
				      sizeof(detail)) == DEIA_OK,
		      "%s", detail);
	return s;
}

static void commit_now(deia_store *s, deia_txn *t)
{
	struct outcome o = { 0 };

	ck_assert_int_eq(deia_txn_commit(t, on_txn, &o), DEIA_OK);
	while (!o.calls)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(o.err, DEIA_OK);
	(void)s;
}

/* Keys differ by row; the rest is what is hard to carry. */
static struct deia_value make_value(const struct deia_table *t, unsigned c,
				    int row, char *text, size_t len)
{
	static const int64_t odd[] = { 0, -1, INT64_MIN, INT64_MAX, 1 };
	struct deia_value v = deia_null();
	bool is_key = c < t->n_key;

	if (c == 0 && t->sequence)
		return v;
	if (t->columns[c].nullable && row % 3 == 0)
		return v;
	if (t->columns[c].type == DEIA_INT)
		return deia_int(is_key ? row : odd[row % 5] / (row % 7 + 1));
	snprintf(text, len, "%s %06d \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9d\n",
		 t->columns[c].name, (row * 7919) % 1000003);
	v = deia_text(row % 11 == 0 && !is_key && !t->n_indexes ? "" : text);
	if (t->columns[c].type == DEIA_BLOB) {
		v.type = DEIA_BLOB;
		if (v.len > 2)
			text[1] = '\0';
	}
	return v;
}

static void fill_table(deia_store *s, const struct deia_table *t, int rows)
{
	struct deia_value row[DEIA__MAX_COLUMNS];
	char text[DEIA__MAX_COLUMNS][96];
	deia_txn *txn = NULL;
	struct deia_value key;

	for (int r = 0; r < rows; r++) {
		if (!txn)
			txn = deia_txn_new(s);
		for (unsigned c = 0; c < t->n_columns; c++)
			row[c] = make_value(t, c, r, text[c], sizeof(text[c]));
		deia_txn_insert(txn, t, row);
		if (r % 1000 == 999 || r == rows - 1) {
			commit_now(s, txn);
			txn = NULL;
		}
	}
	if (!t->sequence)
		return;
	/* Gaps, also at the end: the last number was given to no row there is. */
	txn = deia_txn_new(s);
	for (int64_t seq = 3; seq <= rows; seq += rows / 3 - 1) {
		key = deia_int(seq);
		deia_txn_delete(txn, t, &key);
	}
	key = deia_int(rows);
	deia_txn_delete(txn, t, &key);
	commit_now(s, txn);
}

static void fill(const char *url, int rows)
{
	deia_store *s = open_store(url);

	for (size_t i = 0; i < deia__tables_len; i++)
		if (deia__copy_has(deia__tables[i]))
			fill_table(s, deia__tables[i], rows);
	deia_store_close(s);
}

static void make_source(void)
{
	strcpy(root, "/tmp/deia-copy-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	base = event_base_new();
	snprintf(source, sizeof(source), "sqlite:%s/source.db", root);
	fill(source, ROWS);
	event_base_free(base);
}

static void remove_all(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static void setup(void)
{
	base = event_base_new();
}

static void teardown(void)
{
	event_base_free(base);
}

/* ---- copying -------------------------------------------------------------- */

static struct deia_copy_report report;
static char detail[512];

static deia_err copy(const char *from, const char *to)
{
	return deia_migrate_copy(from, to, NULL, &report, detail,
				 sizeof(detail));
}

static void ck_copy(const char *from, const char *to)
{
	deia_err err = copy(from, to);

	ck_assert_msg(err == DEIA_OK, "%s", detail);
	ck_assert(report.compared && report.same);
	/* All but the store's own, the nodes and the homes of inboxes. */
	ck_assert_uint_eq(report.n_tables, deia__tables_len - 3);
	for (size_t i = 0; i < report.n_tables; i++)
		ck_assert(report.tables[i].same);
}

static void ck_refused(const char *from, const char *to, deia_err want,
		       const char *words)
{
	ck_assert_int_eq(copy(from, to), want);
	ck_assert_msg(strstr(detail, words), "\"%s\" lacks \"%s\"", detail,
		      words);
}

static void open_end(struct deia__end *e, const char *url)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct deia__errmsg msg = { "" };
	const char *rest;
	deia_err err;

	e->backend = deia__store_find(url, &rest, &msg, &err);
	opts.as_it_is = e->backend != &deia__store_memory;
	ck_assert_msg(e->backend->open(&e->self, rest, &opts, &msg) == DEIA_OK,
		      "%s", msg.text);
}

static void close_end(struct deia__end *e)
{
	e->backend->close(e->self);
}

START_TEST(copy_of_every_table_is_the_same_and_its_numbers_go_on)
{
	struct deia_value row[LINE_COLUMNS];
	struct outcome o = { 0 };
	char to[256], back[256];
	int64_t total = 0;
	deia_store *s;
	deia_txn *t;

	kind->fresh(to, sizeof(to));
	ck_copy(source, to);
	for (size_t i = 0; i < report.n_tables; i++) {
		ck_assert_int_ge(report.tables[i].rows_from, ROWS - 5);
		total += report.tables[i].rows_from;
	}
	ck_assert_int_gt(total, 100000);
	ck_assert_int_eq(report.rows, total);
	ck_assert_int_eq(report.rows_before, 0);
	/* And back, from the other kind. */
	fresh_sqlite(back, sizeof(back));
	ck_copy(to, back);
	ck_assert_int_eq(report.rows, total);
	ck_refused(source, back, DEIA_EEXIST, "not empty");
	s = open_store(back);
	ck_assert_int_eq(deia__store_check_whole(s, NULL), DEIA_OK);
	t = deia_txn_new(s);
	line_row(row, "new", "c", "after the copy");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(deia_txn_commit(t, on_txn, &o), DEIA_OK);
	while (!o.calls)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(o.err, DEIA_OK);
	ck_assert_int_eq(o.seqs[0], ROWS + 1);
	deia_store_close(s);
}
END_TEST

/* The oracle: through the memory backend and out of it again. */
START_TEST(copy_through_memory_is_the_same)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct deia__errmsg msg = { "" };
	struct deia__copy c = { .report = &report, .msg = &msg };
	struct deia__end memory;
	const char *rest;
	char to[256];
	deia_err err;

	memset(&report, 0, sizeof(report));
	open_end(&c.from, source);
	open_end(&memory, "memory:");
	c.to = memory;
	c.opts.batch = 777;
	ck_assert_msg(deia__copy_run(&c) == DEIA_OK, "%s", msg.text);
	close_end(&c.from);
	kind->fresh(to, sizeof(to));
	memset(&report, 0, sizeof(report));
	c = (struct deia__copy){ .report = &report, .msg = &msg };
	c.from = memory;
	c.to.backend = deia__store_find(to, &rest, &msg, &err);
	ck_assert_int_eq(c.to.backend->open(&c.to.self, rest, &opts, &msg),
			 DEIA_OK);
	ck_assert_msg(deia__copy_run(&c) == DEIA_OK, "%s", msg.text);
	close_end(&c.to);
	close_end(&memory);
	/* The third is the first. */
	memset(&report, 0, sizeof(report));
	c = (struct deia__copy){ .report = &report, .msg = &msg };
	open_end(&c.from, source);
	open_end(&c.to, to);
	ck_assert_msg(deia__copy_compare(&c) == DEIA_OK, "%s", msg.text);
	close_end(&c.from);
	close_end(&c.to);
}
END_TEST

/* ---- killed --------------------------------------------------------------- */

/* The child: a byte for each batch. */
static void tell_batch(const struct deia_copy_progress *p, void *user)
{
	(void)user;
	if (write(STDOUT_FILENO, p->comparing ? "=" : ".", 1) != 1)
		_exit(6);
}

static int child(const char *from, const char *to, const char *batch)
{
	struct deia_copy_opts o = DEIA_COPY_OPTS_INIT;

	o.batch = (unsigned)atoi(batch);
	o.progress = tell_batch;
	return deia_migrate_copy(from, to, &o, &report, NULL, 0) ? 3 : 0;
}

static pid_t start_child(const char *from, const char *to, const char *batch,
			 int *out)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl("/proc/self/exe", "copy", from, to, batch, (char *)NULL);
		_exit(5);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Kills it after so many batches; true when it was ended, not done. */
static bool kill_after(const char *from, const char *to, unsigned batches)
{
	int fd, status;
	pid_t pid = start_child(from, to, "100", &fd);
	unsigned n = 0;
	char c;

	while (read(fd, &c, 1) == 1)
		if (++n == batches)
			kill(pid, SIGKILL);
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

START_TEST(killed_copy_goes_on_where_it_was)
{
	struct deia__rng rng;
	int64_t total = 0;
	char to[256];
	int kills = 0;

	kind->fresh(to, sizeof(to));
	deia__rng_init(&rng, 0);
	for (; kills < KILLS; kills++)
		ck_assert(kill_after(
			source, to, 1 + (unsigned)(deia__rng_next(&rng) % 90)));
	ck_copy(source, to);
	for (size_t i = 0; i < report.n_tables; i++)
		total += report.tables[i].rows_from;
	/* Each row was written once. */
	ck_assert_int_eq(report.rows + report.rows_before, total);
	ck_assert_int_gt(report.rows_before, 0);
}
END_TEST

/* ---- what the comparison finds -------------------------------------------- */

#define FEW 40

/* A small source, and a copy of it that was ended after some tables. */
static void half_copy(char from[256], char to[256])
{
	fresh_sqlite(from, 256);
	fill(from, FEW);
	kind->fresh(to, 256);
	ck_assert(kill_after(from, to, 3));
}

static void change_spec(deia_store *s)
{
	struct deia_set set = { BOT_SPEC, deia_text("other") };
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .limit = 1 };
	deia_txn *t = deia_txn_new(s);
	deia_rows *rows;

	ck_assert_int_eq(deia_store_page_now(s, &q, &rows), DEIA_OK);
	deia_txn_update(t, &deia__table_bots, deia_rows_get(rows, 0, BOT_ID),
			&set, 1, NULL);
	deia_rows_free(rows);
	commit_now(s, t);
}

static void lose_row(deia_store *s)
{
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .limit = 1 };
	deia_txn *t = deia_txn_new(s);
	deia_rows *rows;

	ck_assert_int_eq(deia_store_page_now(s, &q, &rows), DEIA_OK);
	deia_txn_delete(t, &deia__table_bots, deia_rows_get(rows, 0, BOT_ID));
	deia_rows_free(rows);
	commit_now(s, t);
}

static void more_row(deia_store *s)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(s);

	bot_row(row, "a stranger", "x", 1);
	deia_txn_insert(t, &deia__table_bots, row);
	commit_now(s, t);
}

START_TEST(comparison_finds_a_row_that_was_changed_lost_or_added)
{
	static void (*const harm[])(deia_store *) = { change_spec, lose_row,
						      more_row };
	char from[256], to[256];
	struct deia__errmsg msg;
	deia_store *s;

	half_copy(from, to);
	s = open_store(to);
	/* No hive may start from it, now and after the failure. */
	ck_assert_int_eq(deia__store_check_whole(s, &msg), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(msg.text, "begun and not ended"));
	harm[_i](s);
	deia_store_close(s);
	ck_refused(from, to, DEIA_ECONFLICT, "table bots");
	ck_assert(report.compared && !report.same);
	ck_assert(!report.tables[0].same && report.tables[1].same);
	s = open_store(to);
	ck_assert_int_eq(deia__store_check_whole(s, &msg), DEIA_ESTATE);
	deia_store_close(s);
}
END_TEST

START_TEST(half_copy_of_another_hive_is_left_alone)
{
	char from[256], to[256];

	half_copy(from, to);
	ck_refused(source, to, DEIA_EEXIST, "another hive");
	ck_copy(from, to);
}
END_TEST

START_TEST(source_that_ran_meanwhile_is_found)
{
	struct deia_value row[LINE_COLUMNS];
	char from[256], to[256];
	deia_store *s;
	deia_txn *t;

	half_copy(from, to);
	s = open_store(from);
	t = deia_txn_new(s);
	line_row(row, "new", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	commit_now(s, t);
	deia_store_close(s);
	ck_refused(from, to, DEIA_ECONFLICT, "ran since");
}
END_TEST

/* Memory runs out at each place; the next call goes on to the same end. */
START_TEST(copy_without_memory_is_told_and_gone_on_with)
{
	char from[256], to[256];
	unsigned long n = 0;
	deia_err err;

	fresh_sqlite(from, sizeof(from));
	fill(from, FEW);
	kind->fresh(to, sizeof(to));
	do {
		n += 5;
		deia__mem_fail_at(n, false);
		err = copy(from, to);
		deia__mem_fail_at(0, false);
		ck_assert_msg(err == DEIA_OK || err == DEIA_ENOMEM, "%s",
			      detail);
		ck_assert(err == DEIA_OK || detail[0]);
	} while (err == DEIA_ENOMEM);
	ck_assert_uint_gt(n, 50);
	ck_refused(from, to, DEIA_EEXIST, "not empty");
}
END_TEST

/* ---- what is refused ------------------------------------------------------ */

START_TEST(target_that_is_not_empty_is_left_alone)
{
	char to[256];
	deia_store *s;

	kind->fresh(to, sizeof(to));
	s = open_store(to);
	more_row(s);
	deia_store_close(s);
	ck_refused(source, to, DEIA_EEXIST, "table bots has rows");
	s = open_store(to);
	ck_assert_int_eq(deia__store_check_whole(s, NULL), DEIA_OK);
	deia_store_close(s);
}
END_TEST

START_TEST(stores_in_use_missing_or_the_same_are_refused)
{
	char from[256], to[256];
	deia_store *s;

	fresh_sqlite(from, sizeof(from));
	kind->fresh(to, sizeof(to));
	ck_refused(from, to, DEIA_ENOTFOUND, "there is no database");
	ck_refused(source, source, DEIA_EINVAL, "the same store");
	ck_refused("memory:", to, DEIA_EINVAL, "memory store");
	ck_refused(source, "memory:", DEIA_EINVAL, "memory store");
	ck_refused("what:x", to, DEIA_EINVAL, "what:");
	ck_refused(source, "sqlite:/none/t.db", DEIA_EIO, "No such file");
	s = open_store(from);
	more_row(s);
	ck_refused(from, to, DEIA_EBUSY, "open in this program");
	deia_store_close(s);
	ck_copy(from, to);
}
END_TEST

/* A source of an earlier program stays as it is. */
START_TEST(source_with_an_older_schema_is_refused)
{
	char from[256], to[256];
	sqlite3 *db;

	fresh_sqlite(from, sizeof(from));
	kind->fresh(to, sizeof(to));
	ck_assert_int_eq(sqlite3_open(from + 7, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, deia__migrate_table, 0, 0, 0),
			 SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_exec(db, deia__migrations_sqlite[0].sql, 0, 0, 0),
		SQLITE_OK);
	sqlite3_close(db);
	ck_refused(from, to, DEIA_EVERSION, "deia migrate up");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("copy");
	TCase *tc = tcase_create("copy");
	SRunner *runner;
	int failed;

	if (argc == 4)
		return child(argv[1], argv[2], argv[3]);
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			kind = &kinds[i];
	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, make_source, remove_all);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		       copy_of_every_table_is_the_same_and_its_numbers_go_on);
	tcase_add_test(tc, copy_through_memory_is_the_same);
	tcase_add_test(tc, killed_copy_goes_on_where_it_was);
	tcase_add_loop_test(
		tc, comparison_finds_a_row_that_was_changed_lost_or_added, 0,
		3);
	tcase_add_test(tc, copy_without_memory_is_told_and_gone_on_with);
	tcase_add_test(tc, half_copy_of_another_hive_is_left_alone);
	tcase_add_test(tc, source_that_ran_meanwhile_is_found);
	tcase_add_test(tc, target_that_is_not_empty_is_left_alone);
	tcase_add_test(tc, stores_in_use_missing_or_the_same_are_refused);
	tcase_add_test(tc, source_with_an_older_schema_is_refused);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
