/* SPDX-License-Identifier: MIT */
/*
 * sqlite_backup.c - a copy of the database before a migration changes it.
 *
 * SQLite's own backup reads a consistent state through the connection that is
 * open. The copy has another name until it is whole: written, checked, synced.
 * A killed one leaves a .partial, which the next one removes. The newest three
 * are kept; the time in their names is what orders them.
 */
#include "store/sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/mem.h"
#include "store/migrate.h"

#define KEPT 3
/* What the file system and the migration need beside the copy. */
#define SPARE_BYTES ((uint64_t)1 << 20)
#define STEM_BYTES 128

struct copy {
	const char *file;
	char *dir, *partial, *path;
	char stem[STEM_BYTES]; /* "deia-before-" of deia.db */
};

/* ---- names -------------------------------------------------------------- */

static void name_stem(struct copy *c)
{
	const char *slash = strrchr(c->file, '/');
	const char *base = slash ? slash + 1 : c->file;
	const char *dot = strrchr(base, '.');
	int len =
		(int)(dot && dot > base ? (size_t)(dot - base) : strlen(base));

	snprintf(c->stem, sizeof(c->stem), "%.*s-before-", len < 64 ? len : 64,
		 base);
}

static deia_err name_files(struct copy *c, const char *dir, unsigned before,
			   struct deia__errmsg *msg)
{
	const char *slash = strrchr(c->file, '/');
	time_t now = (time_t)(deia__unix_ms(NULL) / 1000);
	char at[32] = "";
	struct tm tm;

	name_stem(c);
	if (gmtime_r(&now, &tm))
		strftime(at, sizeof(at), "%Y%m%dT%H%M%SZ", &tm);
	c->dir = dir ? deia__strdup(dir)
		     : deia__asprintf("%.*s/backups",
				      slash ? (int)(slash - c->file) : 1,
				      slash ? c->file : ".");
	if (c->dir)
		c->path = deia__asprintf("%s/%s%04u-%s.db", c->dir, c->stem,
					 before, at);
	if (c->path)
		c->partial = deia__asprintf("%s.partial", c->path);
	return c->partial ? DEIA_OK
			  : deia__fail(msg, DEIA_ENOMEM, "memory ran out");
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* ---- the folder --------------------------------------------------------- */

struct names {
	char *name[64];
	unsigned n;
};

/* By the time in the name, the newest first. */
static int by_time(const void *a, const void *b)
{
	const char *x = strrchr(*(char *const *)a, '-');
	const char *y = strrchr(*(char *const *)b, '-');

	return strcmp(y ? y : "", x ? x : "");
}

static void list(struct names *l, const struct copy *c, const char *end)
{
	DIR *d = opendir(c->dir);
	struct dirent *e;

	l->n = 0;
	while (d && l->n < 64 && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, c->stem, strlen(c->stem)) != 0 ||
		    !ends_in(e->d_name, end))
			continue;
		l->name[l->n] = deia__strdup(e->d_name);
		if (l->name[l->n])
			l->n++;
	}
	if (d)
		closedir(d);
	qsort(l->name, l->n, sizeof(l->name[0]), by_time);
}

/* Removes all but the first `keep`. */
static void remove_from(const struct copy *c, const char *end, unsigned keep)
{
	struct names l;
	char *path;

	list(&l, c, end);
	for (unsigned i = 0; i < l.n; i++) {
		path = i < keep ? NULL
				: deia__asprintf("%s/%s", c->dir, l.name[i]);
		if (path)
			unlink(path);
		deia__free(path);
		deia__free(l.name[i]);
	}
}

static deia_err make_dir(const struct copy *c, struct deia__errmsg *msg)
{
	if (mkdir(c->dir, 0700) == 0 && chmod(c->dir, 0700) == 0)
		return DEIA_OK;
	if (errno == EEXIST)
		return DEIA_OK;
	return deia__fail(msg, errno == ENOSPC ? DEIA_EFULL : DEIA_EIO,
			  "cannot make the folder %s for a copy of the "
			  "database before its upgrade: %s; nothing was "
			  "changed",
			  c->dir, strerror(errno));
}

static deia_err no_room(const struct copy *c, uint64_t need,
			struct deia__errmsg *msg)
{
	return deia__fail(msg, DEIA_EFULL,
			  "no room in %s for a copy of the database before its "
			  "upgrade (%llu MiB): make room, or upgrade without a "
			  "copy (deia migrate up --no-backup); nothing was "
			  "changed",
			  c->dir, (unsigned long long)(need >> 20) + 1);
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
	if (statvfs(c->dir, &fs) == 0 &&
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
			  sqlite3_errstr(rc), c->dir);
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
	int rc = sqlite3_open_v2(c->partial, &to,
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

static deia_err sync_file(const struct copy *c, struct deia__errmsg *msg)
{
	int fd = open(c->partial, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (ok)
		ok = rename(c->partial, c->path) == 0;
	if (!ok)
		deia__fail(msg, DEIA_EIO,
			   "the copy of the database before its upgrade, %s: "
			   "%s; nothing was changed",
			   c->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!ok)
		return DEIA_EIO;
	deia__sqlite_sync_dir(c->dir);
	return DEIA_OK;
}

static deia_err make_file(const struct copy *c, struct deia__errmsg *msg)
{
	int fd = open(c->partial,
		      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fchmod(fd, 0600) == 0) {
		close(fd);
		return DEIA_OK;
	}
	deia__fail(msg, DEIA_EIO, "cannot make %s: %s; nothing was changed",
		   c->partial, strerror(errno));
	if (fd >= 0)
		close(fd);
	return DEIA_EIO;
}

static deia_err make_copy(const struct copy *c, sqlite3 *db,
			  struct deia__errmsg *msg)
{
	uint64_t need = 0;
	deia_err err = make_dir(c, msg);

	if (err)
		return err;
	remove_from(c, ".partial", 0);
	err = check_room(c, db, &need, msg);
	if (!err)
		err = make_file(c, msg);
	if (!err)
		err = fill(c, db, need, msg);
	if (!err)
		err = sync_file(c, msg);
	if (err)
		unlink(c->partial);
	else
		remove_from(c, ".db", KEPT);
	return err;
}

deia_err deia__sqlite_backup(sqlite3 *db, const char *file, const char *dir,
			     unsigned before,
			     const struct deia_store_opts *opts,
			     struct deia__errmsg *msg)
{
	struct copy c = { .file = file };
	deia_err err = name_files(&c, dir, before, msg);

	if (!err)
		err = make_copy(&c, db, msg);
	if (!err)
		deia__store_note(opts,
				 "copied the database to %s before its upgrade",
				 c.path);
	deia__free(c.dir);
	deia__free(c.path);
	deia__free(c.partial);
	return err;
}
