/* SPDX-License-Identifier: MIT */
/* old.c - see old.h. */
#include "old.h"

#include <stdio.h>
#include <string.h>

#include "store/migrate.h"

sqlite3 *old_open(const char *file)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
	return db;
}

void old_run(sqlite3 *db, const char *sql)
{
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
		      "%s: %s", sql, sqlite3_errmsg(db));
}

int64_t old_ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	int64_t n;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK,
		      "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* A value that differs from row to row, by the column's declared type. */
static void add_value(struct deia__buf *sql, const char *name, const char *type,
		      int row)
{
	if (strcmp(type, "TEXT") == 0)
		deia__buf_addf(sql, "'%s of %d: \xc3\xa4\xe2\x82\xac\n'", name,
			       row);
	else if (strcmp(type, "BLOB") == 0)
		deia__buf_addf(sql, "x'00ff%04x'", (unsigned)row);
	else
		deia__buf_addf(sql, "%d", row * 7 + 1);
}

/* Gives a table a row of each of its columns. */
static void add_row(sqlite3 *db, const char *table, int row)
{
	struct deia__buf sql;
	sqlite3_stmt *s;
	int i;

	deia__buf_init(&sql, 0);
	deia__buf_addf(&sql, "INSERT INTO \"%s\" VALUES (", table);
	ck_assert_int_eq(sqlite3_prepare_v2(
				 db,
				 "SELECT name, type FROM pragma_table_info(?1)",
				 -1, &s, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	for (i = 0; sqlite3_step(s) == SQLITE_ROW; i++) {
		if (i > 0)
			deia__buf_adds(&sql, ", ");
		add_value(&sql, (const char *)sqlite3_column_text(s, 0),
			  (const char *)sqlite3_column_text(s, 1), row);
	}
	sqlite3_finalize(s);
	deia__buf_adds(&sql, ")");
	old_run(db, sql.data);
	deia__buf_fini(&sql);
}

static void own_tables(sqlite3 *db, struct old_tables *t)
{
	sqlite3_stmt *s;

	t->n = 0;
	ck_assert_int_eq(
		sqlite3_prepare_v2(db,
				   "SELECT name FROM sqlite_schema WHERE type "
				   "= 'table' AND name NOT LIKE 'sqlite_%' AND "
				   "name <> 'schema_migrations' ORDER BY name",
				   -1, &s, NULL),
		SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		snprintf(t->name[t->n++], sizeof(t->name[0]), "%s",
			 (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
}

/* As a program of that time left it: without a column for durations. */
void old_make(const char *path, unsigned version)
{
	sqlite3 *db = old_open(path);
	struct old_tables t;
	char sql[512];

	old_run(db, "PRAGMA journal_mode=WAL");
	old_run(db, "CREATE TABLE schema_migrations (version INTEGER NOT NULL "
		    "PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
		    "applied BIGINT NOT NULL)");
	for (unsigned i = 0; i < version; i++) {
		const struct deia__migration *m = &deia__migrations_sqlite[i];

		old_run(db, m->sql);
		snprintf(sql, sizeof(sql),
			 "INSERT INTO schema_migrations VALUES (%u, '%s', "
			 "'%s', %u)",
			 m->version, m->name, m->checksum, 1000 + i);
		old_run(db, sql);
	}
	own_tables(db, &t);
	for (int i = 0; i < t.n; i++)
		for (int row = 0; row < OLD_ROWS; row++)
			add_row(db, t.name[i], row);
	sqlite3_close(db);
}

static void take_shape(struct old_content *c, sqlite3 *db)
{
	sqlite3_stmt *s;

	own_tables(db, &c->tables);
	for (int i = 0; i < c->tables.n; i++) {
		ck_assert_int_eq(
			sqlite3_prepare_v2(db,
					   "SELECT group_concat('quote(\"' || "
					   "name || '\")', ' || ') FROM "
					   "pragma_table_info(?1)",
					   -1, &s, NULL),
			SQLITE_OK);
		sqlite3_bind_text(s, 1, c->tables.name[i], -1, SQLITE_STATIC);
		ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
		snprintf(c->columns[i], sizeof(c->columns[i]), "%s",
			 (const char *)sqlite3_column_text(s, 0));
		sqlite3_finalize(s);
	}
}

static void take_rows(const struct old_content *shape, sqlite3 *db,
		      struct deia__buf *out)
{
	sqlite3_stmt *s;
	char sql[1200];

	deia__buf_init(out, 0);
	for (int i = 0; i < shape->tables.n; i++) {
		snprintf(sql, sizeof(sql), "SELECT %s FROM \"%s\" ORDER BY 1",
			 shape->columns[i], shape->tables.name[i]);
		ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) ==
				      SQLITE_OK,
			      "%s", sqlite3_errmsg(db));
		while (sqlite3_step(s) == SQLITE_ROW)
			deia__buf_addf(out, "%s\n",
				       (const char *)sqlite3_column_text(s, 0));
		sqlite3_finalize(s);
	}
	ck_assert(!out->err);
}

void old_take(struct old_content *c, const char *path)
{
	sqlite3 *db = old_open(path);

	take_shape(c, db);
	take_rows(c, db, &c->rows);
	ck_assert_uint_gt(c->rows.len, 1000);
	sqlite3_close(db);
}

void old_ck(const struct old_content *c, const char *file)
{
	sqlite3 *db = old_open(file);
	struct deia__buf now;

	take_rows(c, db, &now);
	ck_assert_uint_eq(now.len, c->rows.len);
	ck_assert_int_eq(memcmp(now.data, c->rows.data, now.len), 0);
	ck_assert_int_eq(old_ask(db, "SELECT count(*) FROM pragma_quick_check "
				     "WHERE quick_check = 'ok'"),
			 1);
	deia__buf_fini(&now);
	sqlite3_close(db);
}

unsigned old_version(const char *file)
{
	sqlite3 *db = old_open(file);
	int64_t n = old_ask(db, "SELECT max(version) FROM schema_migrations");

	sqlite3_close(db);
	return (unsigned)n;
}
