/* SPDX-License-Identifier: MIT */
/*
 * open.c - files, connections and settings of the SQLite backend.
 *
 * The order matters: the lock before anything touches the database, the check
 * of what it is before anything changes it, the writer before the reader
 * (which needs the log to exist), and the reader closed first.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "store/backup.h"
#include "store/sqlite/lockfile.h"
#include "store/migrate.h"

/* Another program (a backup, the sqlite3 shell) may hold it so long. */
#define BUSY_MS 5000

/* ---- files ------------------------------------------------------------- */

deia_err deia__sqlite_resolve(const char *path, char **dir, char **file,
			      struct deia__errmsg *msg)
{
	char *real = realpath(path, NULL); /* follows a link to the file */
	char *copy = deia__strdup(real ? real : path);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	char *folder;

	free(real);
	*dir = *file = NULL;
	if (!copy)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	if (slash)
		*slash = '\0';
	folder = realpath(!slash ? "." : *copy ? copy : "/", NULL);
	if (!folder) {
		deia__fail(msg, DEIA_EIO, "the folder of %s: %s", path,
			   strerror(errno));
		deia__free(copy);
		return DEIA_EIO;
	}
	*dir = deia__strdup(folder);
	*file = deia__asprintf("%s/%s", folder[1] ? folder : "",
			       slash ? slash + 1 : copy);
	free(folder);
	deia__free(copy);
	if (*dir && *file)
		return DEIA_OK;
	return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
}

/*
 * Makes the file 0600 whatever the umask; SQLite gives its log the same mode.
 * Runs before SQLite opens it: a later close would drop SQLite's locks.
 */
static deia_err make_file(const char *dir, const char *file,
			  struct deia__errmsg *msg)
{
	struct stat st;
	int fd;

	if (stat(file, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return DEIA_OK;
		return deia__fail(msg, DEIA_EIO, "%s is not a file", file);
	}
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0 || fchmod(fd, 0600)) {
		deia__fail(msg, DEIA_EIO, "cannot make %s: %s", file,
			   strerror(errno));
		if (fd >= 0)
			close(fd);
		return DEIA_EIO;
	}
	close(fd);
	deia__sync_dir(dir);
	return DEIA_OK;
}

/* ---- connections ------------------------------------------------------- */

static int configure(sqlite3 *db)
{
	static const struct {
		int option, value;
	} settings[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	};
	size_t i;
	int rc = SQLITE_OK;

	sqlite3_busy_timeout(db, BUSY_MS);
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (rc == SQLITE_OK)
			rc = sqlite3_db_config(db, settings[i].option,
					       settings[i].value, NULL);
	return rc;
}

deia_err deia__sqlite_connect(sqlite3 **db, const char *file, int flags,
			      struct deia__errmsg *msg)
{
	int rc = sqlite3_open_v2(
		file, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
		NULL);

	if (rc == SQLITE_OK)
		rc = configure(*db);
	return rc == SQLITE_OK ? DEIA_OK
			       : deia__sqlite_fail(*db, file, rc, msg);
}

/* Asks for the log; some file systems (network) cannot have one. */
static deia_err use_wal(sqlite3 *db, const char *file, struct deia__errmsg *msg)
{
	sqlite3_stmt *stmt = NULL;
	const char *mode;
	bool ok = false;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &stmt,
				    NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		mode = (const char *)sqlite3_column_text(stmt, 0);
		ok = mode && !strcmp(mode, "wal");
	}
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return deia__sqlite_fail(db, file, rc, msg);
	if (!ok)
		return deia__fail(msg, DEIA_ESTORE,
				  "%s cannot have a write-ahead log: keep it "
				  "on a local disk",
				  file);
	return DEIA_OK;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct deia__sqlite *s = arg;

	(void)db;
	(void)name;
	if (pages < s->wal_pages)
		s->checkpoint_at = DEIA__CHECKPOINT_PAGES; /* it started over */
	s->wal_pages = pages;
	return SQLITE_OK;
}

static deia_err prepare_fixed(struct deia__sqlite *s, const char *file,
			      struct deia__errmsg *msg)
{
	static const char *const texts[] = {
		[DEIA__BEGIN] = "BEGIN IMMEDIATE",
		[DEIA__COMMIT] = "COMMIT",
		[DEIA__ROLLBACK] = "ROLLBACK",
		[DEIA__SAVE] = "SAVEPOINT one",
		[DEIA__UNDO] = "ROLLBACK TO one",
		[DEIA__RELEASE] = "RELEASE one",
	};
	int rc = SQLITE_OK, i;

	for (i = 0; i < DEIA__FIXED_LEN && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(s->write.db, texts[i], -1,
					SQLITE_PREPARE_PERSISTENT, &s->fixed[i],
					NULL);
	return rc == SQLITE_OK ? DEIA_OK
			       : deia__sqlite_fail(s->write.db, file, rc, msg);
}

static deia_err open_write(struct deia__sqlite *s, const char *file,
			   const struct deia_store_opts *opts,
			   struct deia__errmsg *msg)
{
	const char *pragmas = opts->durability == DEIA_DURABILITY_FULL
				      ? "PRAGMA synchronous=FULL;"
				      : "PRAGMA synchronous=NORMAL;";
	unsigned applied = 0;
	deia_err err = deia__sqlite_connect(&s->write.db, file,
					    SQLITE_OPEN_READWRITE, msg);
	int rc;

	if (!err)
		err = deia__sqlite_inspect(s->write.db, file, &applied, msg);
	if (!err)
		err = use_wal(s->write.db, file, msg);
	if (err)
		return err;
	rc = sqlite3_exec(s->write.db,
			  "PRAGMA locking_mode=NORMAL; PRAGMA mmap_size=0;"
			  "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096;"
			  "PRAGMA cell_size_check=ON;"
			  "PRAGMA journal_size_limit=16777216;",
			  NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->write.db, pragmas, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return deia__sqlite_fail(s->write.db, file, rc, msg);
	s->checkpoint_at = DEIA__CHECKPOINT_PAGES;
	/* Takes the place of SQLite's own checkpoints; see maintain. */
	sqlite3_wal_hook(s->write.db, on_wal, s);
	err = deia__sqlite_migrate(s->write.db, file, applied, opts, msg);
	return err ? err : prepare_fixed(s, file, msg);
}

static deia_err open_read(struct deia__sqlite *s, const char *file,
			  struct deia__errmsg *msg)
{
	deia_err err = deia__sqlite_connect(&s->read.db, file,
					    SQLITE_OPEN_READONLY, msg);
	int rc;

	if (err)
		return err;
	rc = sqlite3_exec(s->read.db,
			  "PRAGMA query_only=ON; PRAGMA mmap_size=0;"
			  "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048;"
			  "PRAGMA wal_autocheckpoint=0;",
			  NULL, NULL, NULL);
	return rc == SQLITE_OK ? DEIA_OK
			       : deia__sqlite_fail(s->read.db, file, rc, msg);
}

/* ---- opening and closing ----------------------------------------------- */

static deia_err open_both(struct deia__sqlite *s, const char *dir,
			  const char *file, const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	deia_err err = deia__lockfile_take(&s->lock_fd, dir, msg);

	if (!err)
		err = make_file(dir, file, msg);
	if (!err)
		err = open_write(s, file, opts, msg);
	return err ? err : open_read(s, file, msg);
}

/* For reading alone; only a schema that this program knows. */
static deia_err open_as_it_is(struct deia__sqlite *s, const char *dir,
			      const char *file, struct deia__errmsg *msg)
{
	unsigned applied = 0;
	deia_err err = deia__sqlite_open_rest(s, dir, file, msg);

	if (!err)
		err = deia__sqlite_inspect(s->read.db, file, &applied, msg);
	if (err || applied == deia__migrations_sqlite_len)
		return err;
	return deia__fail(msg, DEIA_EVERSION,
			  "%s has schema version %u, this program needs %u: "
			  "bring it up to date first (deia migrate up)",
			  file, applied, deia__migrations_sqlite_len);
}

deia_err deia__sqlite_open(void **self, const char *path,
			   const struct deia_store_opts *opts,
			   struct deia__errmsg *msg)
{
	struct deia__sqlite *s = deia__alloc(sizeof(*s));
	char *dir = NULL, *file = NULL;
	deia_err err;

	*self = NULL;
	if (!s)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	s->lock_fd = -1;
	err = deia__sqlite_resolve(path, &dir, &file, msg);
	if (!err)
		err = opts->as_it_is ? open_as_it_is(s, dir, file, msg)
				     : open_both(s, dir, file, opts, msg);
	deia__free(dir);
	deia__free(file);
	if (err)
		deia__sqlite_close(s);
	else
		*self = s;
	return err;
}

void deia__sqlite_close(void *self)
{
	struct deia__sqlite *s = self;
	int i;

	deia__sqlite_forget(&s->read);
	sqlite3_close(s->read.db);
	for (i = 0; i < DEIA__FIXED_LEN; i++)
		sqlite3_finalize(s->fixed[i]);
	deia__sqlite_forget(&s->write);
	sqlite3_close(s->write.db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	deia__free(s);
}
