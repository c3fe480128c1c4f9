/* SPDX-License-Identifier: MIT */
/*
 * backup.c - a copy of the database before a migration changes it.
 *
 * SQLite's own backup reads a consistent state through the connection that is
 * open. The copy counts once it was written, checked and synced; its files are
 * those of store/backup.c.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/mem.h"
#include "store/backup.h"
#include "store/migrate.h"

/* What the file system and the migration need beside the copy. */
#define SPARE_BYTES ((uint64_t)1 << 20)

struct copy {
	const char *file;
	struct deia__backup out;
};

static deia_err no_room(const struct copy *c, uint64_t need,
			struct deia__errmsg *msg)
{
	return deia__fail(msg, DEIA_EFULL,
			  "no room in %s for a copy of the database before its "
			  "upgrade (%llu MiB): make room, or upgrade without a "
			  "copy (deia migrate up --no-backup); nothing was "
			  "changed",
			  c->out.dir, (unsigned long long)(need >> 20) + 1);
}

static int get_size(sqlite3 *db, uint64_t *bytes)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT page_count * page_size FROM "
				    "pragma_page_count(), pragma_page_size()",
				    -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static deia_err check_room(const struct copy *c, sqlite3 *db, uint64_t *need,
			   struct deia__errmsg *msg)
{
	struct statvfs fs;
	int rc = get_size(db, need);

	if (rc != SQLITE_OK)
		return deia__sqlite_fail(db, c->file, rc, msg);
	if (c->out.dir && statvfs(c->out.dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < *need + SPARE_BYTES)
		return no_room(c, *need, msg);
	return DEIA_OK;
}

/* ---- copying ------------------------------------------------------------ */

static deia_err failed(const struct copy *c, sqlite3 *to, int rc, uint64_t need,
		       struct deia__errmsg *msg)
{
	int os = to ? sqlite3_system_errno(to) : 0;

	if ((rc & 0xff) == SQLITE_FULL || os == ENOSPC || os == EDQUOT)
		return no_room(c, need, msg);
	if ((rc & 0xff) == SQLITE_NOMEM)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	return deia__fail(msg, DEIA_EIO,
			  "the copy of the database before its upgrade failed "
			  "(%s in %s): see to the disk, or upgrade without a "
			  "copy (deia migrate up --no-backup); nothing was "
			  "changed",
			  sqlite3_errstr(rc), c->out.dir);
}

/* The copy becomes one file without a log. */
static int run_copy(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b;
	int rc = sqlite3_exec(to, "PRAGMA synchronous=OFF", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	b = sqlite3_backup_init(to, "main", from, "main");
	if (!b)
		return sqlite3_errcode(to);
	rc = sqlite3_backup_step(b, -1);
	DEIA__FAULT("in-backup");
	/* finish tells of what step met. */
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	if (sqlite3_backup_finish(b) != SQLITE_OK && rc == SQLITE_OK)
		rc = sqlite3_errcode(to);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL,
				  NULL);
	return rc;
}

static deia_err check_copy(const struct copy *c, sqlite3 *to,
			   struct deia__errmsg *msg)
{
	sqlite3_stmt *stmt = NULL;
	char said[120] = "it cannot be read";
	int rc = sqlite3_prepare_v2(to, "PRAGMA quick_check(1)", -1, &stmt,
				    NULL);

	if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		snprintf(said, sizeof(said), "%s",
			 (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	if (strcmp(said, "ok") == 0)
		return DEIA_OK;
	return deia__fail(msg, DEIA_ESTORE,
			  "%s is damaged, so its copy before the upgrade is "
			  "not whole (%s): restore a backup; nothing was "
			  "changed",
			  c->file, said);
}

static deia_err fill(const struct copy *c, sqlite3 *from, uint64_t need,
		     struct deia__errmsg *msg)
{
	sqlite3 *to = NULL;
	deia_err err = DEIA_OK;
	int rc = sqlite3_open_v2(c->out.partial, &to,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc == SQLITE_OK)
		rc = run_copy(from, to);
	if (rc != SQLITE_OK)
		err = failed(c, to, rc, need, msg);
	if (!err)
		err = check_copy(c, to, msg);
	sqlite3_close(to);
	return err;
}

static deia_err make_copy(struct copy *c, sqlite3 *db, struct deia__errmsg *msg)
{
	uint64_t need = 0;
	deia_err err = check_room(c, db, &need, msg);
	int fd = -1;

	if (!err)
		err = deia__backup_create(&c->out, &fd, msg);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = fill(c, db, need, msg);
	return err ? err : deia__backup_keep(&c->out, msg);
}

/* "deia" of /var/lib/deia/deia.db; the folder beside it. */
static deia_err begin(struct copy *c, const char *dir, unsigned before,
		      struct deia__errmsg *msg)
{
	const char *slash = strrchr(c->file, '/');
	const char *base = slash ? slash + 1 : c->file;
	const char *dot = strrchr(base, '.');
	size_t len = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	char *beside = dir ? deia__strdup(dir)
			   : deia__asprintf("%.*s/backups",
					    slash ? (int)(slash - c->file) : 1,
					    slash ? c->file : ".");
	char name[65];
	deia_err err;

	snprintf(name, sizeof(name), "%.*s", (int)(len < 64 ? len : 64), base);
	err = beside ? deia__backup_begin(&c->out, beside, name, ".db", before,
					  msg)
		     : deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	deia__free(beside);
	return err;
}

deia_err deia__sqlite_backup(sqlite3 *db, const char *file, const char *dir,
			     unsigned before,
			     const struct deia_store_opts *opts,
			     struct deia__errmsg *msg)
{
	struct copy c = { .file = file };
	deia_err err = begin(&c, dir, before, msg);

	if (!err)
		err = make_copy(&c, db, msg);
	if (!err)
		deia__store_note(opts,
				 "copied the database to %s before its upgrade",
				 c.out.path);
	deia__backup_end(&c.out);
	return err;
}
