/* SPDX-License-Identifier: MIT */
/*
 * sqlite_migrate.c - what a SQLite file is, and bringing it up to date.
 *
 * inspect only reads, so that a file of something else or of a newer program
 * stays as it was. Each migration and its record are one transaction.
 */
#include "store/sqlite.h"

#include "core/clock.h"
#include "store/migrate.h"

deia_err deia__sqlite_fail(sqlite3 *db, const char *path, int rc,
			   struct deia__errmsg *msg)
{
	const char *why = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	case SQLITE_NOTADB:
		return deia__fail(msg, DEIA_ESTORE,
				  "%s is not a SQLite database: name another "
				  "file or move this one away",
				  path);
	case SQLITE_CORRUPT:
		return deia__fail(msg, DEIA_ESTORE,
				  "%s is damaged (%s): restore a backup", path,
				  why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return deia__fail(msg, DEIA_EBUSY,
				  "%s is locked by another program: end that "
				  "one first",
				  path);
	case SQLITE_ERROR:
		return deia__fail(msg, DEIA_ESTORE, "%s: %s", path, why);
	case SQLITE_FULL:
		return deia__fail(msg, DEIA_EIO,
				  "no space is left for %s: make room first",
				  path);
	default:
		return deia__fail(msg, DEIA_EIO, "%s: %s", path, why);
	}
}

/* The first column of a query's only row. */
static int get_int(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static deia_err check_applied(sqlite3 *db, const char *path, unsigned *applied,
			      struct deia__errmsg *msg)
{
	const char *sql = "SELECT version, checksum FROM schema_migrations "
			  "ORDER BY version";
	sqlite3_stmt *stmt = NULL;
	deia_err err = DEIA_OK;
	const char *checksum;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK && !err) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		rc = SQLITE_OK;
		checksum = (const char *)sqlite3_column_text(stmt, 1);
		err = deia__migrate_check(deia__migrations_sqlite,
					  deia__migrations_sqlite_len,
					  sqlite3_column_int64(stmt, 0),
					  checksum ? checksum : "", msg);
		if (!err)
			*applied = (unsigned)sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	if (err || rc == SQLITE_DONE)
		return err;
	return deia__sqlite_fail(db, path, rc, msg);
}

deia_err deia__sqlite_inspect(sqlite3 *db, const char *path, unsigned *applied,
			      struct deia__errmsg *msg)
{
	int64_t all = 0, ours = 0;
	int rc = get_int(db, "SELECT count(*) FROM sqlite_schema", &all);

	*applied = 0;
	if (rc == SQLITE_OK)
		rc = get_int(db,
			     "SELECT count(*) FROM sqlite_schema WHERE "
			     "type = 'table' AND name = 'schema_migrations'",
			     &ours);
	if (rc != SQLITE_OK)
		return deia__sqlite_fail(db, path, rc, msg);
	if (all > 0 && !ours)
		return deia__fail(msg, DEIA_ESTORE,
				  "%s is a database of another program: name "
				  "another file",
				  path);
	return ours ? check_applied(db, path, applied, msg) : DEIA_OK;
}

static int record(sqlite3 *db, const struct deia__migration *m)
{
	const char *sql = "INSERT INTO schema_migrations "
			  "(version, name, checksum, applied) "
			  "VALUES (?1, ?2, ?3, ?4)";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, m->version);
	sqlite3_bind_text(stmt, 2, m->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, m->checksum, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, deia__unix_ms(NULL));
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int apply(sqlite3 *db, const struct deia__migration *m)
{
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, deia__migrate_table, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, m->sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = record(db, m);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

deia_err deia__sqlite_migrate(sqlite3 *db, const char *path, unsigned applied,
			      struct deia__errmsg *msg)
{
	deia_err err;
	unsigned i;
	int rc;

	for (i = applied; i < deia__migrations_sqlite_len; i++) {
		rc = apply(db, &deia__migrations_sqlite[i]);
		if (rc == SQLITE_OK)
			continue;
		err = deia__sqlite_fail(db, path, rc, msg);
		if (!sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return err;
	}
	return DEIA_OK;
}
