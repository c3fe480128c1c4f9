/* SPDX-License-Identifier: MIT */
/*
 * sqlite.h - the inside of the SQLite backend.
 *
 * Two connections to one file: `write` belongs to the writer thread and is
 * the only one that writes and checkpoints (SQLite before 3.51.3 can corrupt
 * a WAL that two connections checkpoint at the same moment); `read` is read
 * only, belongs to whoever holds the store's read lock, and closes first.
 */
#ifndef DEIA_STORE_SQLITE_H
#define DEIA_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/sql.h"

#define DEIA__STMT_SETS 64
#define DEIA__STMT_WAYS 4

struct deia__stmt {
	struct deia__sql_shape shape;
	sqlite3_stmt *stmt; /* NULL: free place */
};

struct deia__sqlite_conn {
	sqlite3 *db;
	/* Prepared statements: a small set-associative cache. */
	struct deia__stmt stmts[DEIA__STMT_SETS][DEIA__STMT_WAYS];
	unsigned next_victim;
};

/* Statements without parameters, of the writing connection. */
enum deia__fixed {
	DEIA__BEGIN,
	DEIA__COMMIT,
	DEIA__ROLLBACK,
	DEIA__SAVE,
	DEIA__UNDO,
	DEIA__RELEASE,
	DEIA__FIXED_LEN
};

/* Many pages change again and again: the longer, the fewer are copied. */
#define DEIA__CHECKPOINT_PAGES 4000

struct deia__sqlite {
	struct deia__sqlite_conn write, read;
	sqlite3_stmt *fixed[DEIA__FIXED_LEN];
	int lock_fd;
	int wal_pages;	   /* in the log now */
	int checkpoint_at; /* checkpoint when it has as many */
};

/* ---- open.c ----------------------------------------------------- */

deia_err deia__sqlite_open(void **self, const char *path,
			   const struct deia_store_opts *opts,
			   struct deia__errmsg *msg);
void deia__sqlite_close(void *self);

/* Splits path into its real folder and the name of the file in it; free both,
 * also after a failure. */
deia_err deia__sqlite_resolve(const char *path, char **dir, char **file,
			      struct deia__errmsg *msg);
/* Opens and configures a connection; *db is to be closed after a failure. */
deia_err deia__sqlite_connect(sqlite3 **db, const char *file, int flags,
			      struct deia__errmsg *msg);

/* ---- rest.c ----------------------------------------------------- */

/*
 * A database at rest: under its lock, on one connection, nothing is made,
 * migrated or checkpointed. For reading alone (s->write stays empty); closed
 * like any other. DEIA_ENOTFOUND: there is none.
 */
deia_err deia__sqlite_open_rest(struct deia__sqlite *s, const char *dir,
				const char *file, struct deia__errmsg *msg);
deia_err deia__sqlite_status(const char *path, struct deia__migrate_list *out,
			     struct deia__errmsg *msg);

/* ---- backup.c --------------------------------------------------- */

/*
 * Copies the database before the migration `before` changes it. dir: NULL for
 * backups/ beside the file. DEIA_OK, DEIA_EFULL, DEIA_EIO, DEIA_ESTORE (the
 * copy is not whole), DEIA_ENOMEM; after a failure nothing is left.
 */
deia_err deia__sqlite_backup(sqlite3 *db, const char *file, const char *dir,
			     unsigned before,
			     const struct deia_store_opts *opts,
			     struct deia__errmsg *msg);

/* ---- migrate.c -------------------------------------------------- */

/*
 * Refuses what is not a database of this program or of a newer one; changes
 * nothing. DEIA_OK, DEIA_EVERSION, DEIA_ESTORE, DEIA_EIO, DEIA_EBUSY,
 * DEIA_ENOMEM. *applied: the highest version in it.
 */
deia_err deia__sqlite_inspect(sqlite3 *db, const char *path, unsigned *applied,
			      struct deia__errmsg *msg);
/* Whether it is a database of this program; see inspect. */
deia_err deia__sqlite_is_ours(sqlite3 *db, const char *path, bool *ours,
			      struct deia__errmsg *msg);
/* Lists what was applied and what would be; changes nothing. */
deia_err deia__sqlite_list(sqlite3 *db, const char *path,
			   struct deia__migrate_list *out,
			   struct deia__errmsg *msg);
/*
 * Applies what comes after `applied`, each in a transaction of its own, with a
 * copy of the database first unless it is new.
 */
deia_err deia__sqlite_migrate(sqlite3 *db, const char *path, unsigned applied,
			      const struct deia_store_opts *opts,
			      struct deia__errmsg *msg);
/* The error of a failed call while opening, with a sentence. */
deia_err deia__sqlite_fail(sqlite3 *db, const char *path, int rc,
			   struct deia__errmsg *msg);

/* ---- exec.c ----------------------------------------------------- */

/*
 * What a result of the write or read connection means: DEIA_EEXIST,
 * DEIA_EINVAL for one statement; DEIA_EFULL, DEIA_ENOMEM, DEIA_EUNAVAILABLE
 * for the moment; DEIA_ESTORE for good.
 */
deia_err deia__sqlite_err(sqlite3 *db, int rc);
/* Runs one operation; seqs is the transaction's. */
deia_err deia__sqlite_op(struct deia__sqlite_conn *c, const struct deia__op *op,
			 int64_t *seqs);
deia_err deia__sqlite_read(void *self, const struct deia_page_query *q,
			   deia_rows *rows);
deia_err deia__sqlite_count(void *self, const struct deia__count_query *q,
			    deia__count_cb cb, void *user,
			    deia_snapshot **snapshot);
deia_err deia__sqlite_last_seq(void *self, const struct deia_table *t,
			       int64_t *seq);
/* Finalises the cached statements. */
void deia__sqlite_forget(struct deia__sqlite_conn *c);

#endif
