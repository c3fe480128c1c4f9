/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - what a SQLite file is, and bringing it up to date.
 *
 * inspect only reads, so that a file of something else or of a newer program
 * stays as it was. Each migration and its record are one transaction, and a
 * copy of the file is made before the first.
 */
#include "store/sqlite/sqlite.h"

#include <time.h>

#include "core/clock.h"
#include "core/fault.h"
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

deia_err deia__sqlite_is_ours(sqlite3 *db, const char *path, bool *ours,
			      struct deia__errmsg *msg)
{
	int64_t all = 0, n = 0;
	int rc = get_int(db, "SELECT count(*) FROM sqlite_schema", &all);

	if (rc == SQLITE_OK)
		rc = get_int(db,
			     "SELECT count(*) FROM sqlite_schema WHERE "
			     "type = 'table' AND name = 'schema_migrations'",
			     &n);
	*ours = n > 0;
	if (rc != SQLITE_OK)
		return deia__sqlite_fail(db, path, rc, msg);
	if (all > 0 && !*ours)
		return deia__fail(msg, DEIA_ESTORE,
				  "%s is a database of another program: name "
				  "another file",
				  path);
	return DEIA_OK;
}

deia_err deia__sqlite_inspect(sqlite3 *db, const char *path, unsigned *applied,
			      struct deia__errmsg *msg)
{
	bool ours;
	deia_err err = deia__sqlite_is_ours(db, path, &ours, msg);

	*applied = 0;
	return !err && ours ? check_applied(db, path, applied, msg) : err;
}

/* ---- listing ------------------------------------------------------------ */

/* Databases made before durations were kept have no column for them. */
static int has_durations(sqlite3 *db, bool *has)
{
	int64_t n = 0;
	int rc = get_int(db,
			 "SELECT count(*) FROM "
			 "pragma_table_info('schema_migrations') WHERE "
			 "name = 'duration_us'",
			 &n);

	*has = n > 0;
	return rc;
}

static int list_rows(sqlite3 *db, struct deia__migrate_list *out)
{
	sqlite3_stmt *stmt = NULL;
	bool has;
	int rc = has_durations(db, &has);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			db,
			has ? "SELECT version, name, checksum, applied, "
			      "coalesce(duration_us, -1) FROM "
			      "schema_migrations ORDER BY version"
			    : "SELECT version, name, checksum, applied, -1 "
			      "FROM schema_migrations ORDER BY version",
			-1, &stmt, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		deia__migrate_applied(
			out, sqlite3_column_int64(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1),
			(const char *)sqlite3_column_text(stmt, 2),
			sqlite3_column_int64(stmt, 3),
			sqlite3_column_int64(stmt, 4));
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

deia_err deia__sqlite_list(sqlite3 *db, const char *path,
			   struct deia__migrate_list *out,
			   struct deia__errmsg *msg)
{
	bool ours;
	deia_err err = deia__sqlite_is_ours(db, path, &ours, msg);
	int rc = SQLITE_OK;

	if (!err && ours)
		rc = list_rows(db, out);
	if (rc != SQLITE_OK)
		err = deia__sqlite_fail(db, path, rc, msg);
	if (!err)
		deia__migrate_pending(out);
	return err;
}

/* ---- applying ----------------------------------------------------------- */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int record(sqlite3 *db, const struct deia__migration *m, int64_t us)
{
	const char *sql = "INSERT INTO schema_migrations "
			  "(version, name, checksum, applied, duration_us) "
			  "VALUES (?1, ?2, ?3, ?4, ?5)";
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, m->version);
	sqlite3_bind_text(stmt, 2, m->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, m->checksum, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, deia__unix_ms(NULL));
	sqlite3_bind_int64(stmt, 5, us);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The table of records, as this program writes it. */
static int make_table(sqlite3 *db)
{
	bool has = false;
	int rc = sqlite3_exec(db, deia__migrate_table, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = has_durations(db, &has);
	if (rc == SQLITE_OK && !has)
		rc = sqlite3_exec(db,
				  "ALTER TABLE schema_migrations ADD COLUMN "
				  "duration_us BIGINT",
				  NULL, NULL, NULL);
	return rc;
}

/* *us: how long its statements took; the commit comes on top. */
static int apply(sqlite3 *db, const struct deia__migration *m, int64_t *us)
{
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = make_table(db);
	*us = now_us();
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, m->sql, NULL, NULL, NULL);
	*us = now_us() - *us;
	if (rc == SQLITE_OK)
		rc = record(db, m, *us);
	DEIA__FAULT("in-migration");
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

static deia_err apply_all(sqlite3 *db, const char *path, unsigned applied,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	const struct deia__migration *m;
	deia_err err = DEIA_OK;
	int64_t us = 0;
	int rc;

	for (unsigned i = applied; i < deia__migrations_sqlite_len; i++) {
		m = &deia__migrations_sqlite[i];
		rc = apply(db, m, &us);
		if (rc != SQLITE_OK) {
			err = deia__sqlite_fail(db, path, rc, msg);
			break;
		}
		if (applied > 0)
			deia__store_note(
				opts, "applied migration %04u_%s in %lld ms",
				m->version, m->name, (long long)(us / 1000));
		DEIA__FAULT("after-migration");
	}
	if (err && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

deia_err deia__sqlite_migrate(sqlite3 *db, const char *path, unsigned applied,
			      const struct deia_store_opts *opts,
			      struct deia__errmsg *msg)
{
	deia_err err = DEIA_OK;

	if (applied > 0 && applied < deia__migrations_sqlite_len &&
	    !opts->no_backup)
		err = deia__sqlite_backup(db, path, opts->backup_dir,
					  applied + 1, opts, msg);
	return err ? err : apply_all(db, path, applied, opts, msg);
}
