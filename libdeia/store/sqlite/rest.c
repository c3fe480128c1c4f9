/* SPDX-License-Identifier: MIT */
/*
 * rest.c - a SQLite file of a stopped hive, looked at and left alone.
 *
 * The connection may write only because a log that a killed program left must
 * be read through its index file; the database itself is never written: no
 * statement that could, and no checkpoint at the end.
 */
#include "store/sqlite/sqlite.h"

#include <unistd.h>

#include "core/mem.h"
#include "store/sqlite/lockfile.h"
#include "store/migrate.h"

deia_err deia__sqlite_open_rest(struct deia__sqlite *s, const char *dir,
				const char *file, struct deia__errmsg *msg)
{
	deia_err err;
	int rc;

	if (access(file, F_OK) != 0)
		return deia__fail(msg, DEIA_ENOTFOUND,
				  "there is no database %s: the first start "
				  "of a hive makes it",
				  file);
	err = deia__lockfile_take(&s->lock_fd, dir, msg);
	if (!err)
		err = deia__sqlite_connect(&s->read.db, file,
					   SQLITE_OPEN_READWRITE, msg);
	if (err)
		return err;
	rc = sqlite3_db_config(s->read.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
			       NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->read.db,
				  "PRAGMA query_only=ON; PRAGMA mmap_size=0;"
				  "PRAGMA wal_autocheckpoint=0;",
				  NULL, NULL, NULL);
	return rc == SQLITE_OK ? DEIA_OK
			       : deia__sqlite_fail(s->read.db, file, rc, msg);
}

deia_err deia__sqlite_status(const char *path, struct deia__migrate_list *out,
			     struct deia__errmsg *msg)
{
	struct deia__sqlite *s = deia__alloc(sizeof(*s));
	char *dir = NULL, *file = NULL;
	deia_err err;

	if (!s)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	s->lock_fd = -1;
	out->known = deia__migrations_sqlite;
	out->n_known = deia__migrations_sqlite_len;
	err = deia__sqlite_resolve(path, &dir, &file, msg);
	if (!err)
		err = deia__sqlite_open_rest(s, dir, file, msg);
	if (!err)
		err = deia__sqlite_list(s->read.db, file, out, msg);
	deia__free(dir);
	deia__free(file);
	deia__sqlite_close(s);
	return err;
}
