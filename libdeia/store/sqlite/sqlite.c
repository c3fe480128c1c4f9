/* SPDX-License-Identifier: MIT */
/*
 * sqlite.c - group commit on the writing connection, and its checkpoints.
 *
 * A group is one SQLite transaction. First it runs without savepoints, for
 * that nearly always works, and they cost 40 to 90 % more processor time
 * (measured with two inserts a transaction, 100 transactions a group).
 * Should a transaction fail after it changed something, all is rolled back
 * and the group runs again with a savepoint around each.
 */
#include "store/sqlite/sqlite.h"

#include "core/fault.h"

/* A log of so many pages is cut with a checkpoint that waits for readers. */
#define TRUNCATE_PAGES 16000

/* Of run_txn and run_group: start over, with savepoints. */
#define AGAIN DEIA_ECANCELED

static deia_err fixed(struct deia__sqlite *s, enum deia__fixed which)
{
	deia_err err;
	int rc = sqlite3_step(s->fixed[which]);

	err = rc == SQLITE_DONE ? DEIA_OK : deia__sqlite_err(s->write.db, rc);
	sqlite3_reset(s->fixed[which]);
	return err;
}

/* Does this error end one transaction, not the group? */
static bool is_own(deia_err err)
{
	return err == DEIA_EEXIST || err == DEIA_ENOTFOUND ||
	       err == DEIA_ECONFLICT || err == DEIA_EINVAL;
}

/* The transaction failed at op: what it did before must go. */
static deia_err undo(struct deia__sqlite *s, const deia_txn *t,
		     const struct deia__op *op, bool careful)
{
	deia_err err;

	if (op == t->first && !careful)
		return DEIA_OK; /* a failed statement changes nothing */
	if (!careful)
		return AGAIN;
	err = fixed(s, DEIA__UNDO);
	return err ? err : fixed(s, DEIA__RELEASE);
}

/* DEIA_OK: t->err is the outcome. Else it is the group's. */
static deia_err run_txn(struct deia__sqlite *s, deia_txn *t, bool careful)
{
	const struct deia__op *op;
	deia_err err = careful ? fixed(s, DEIA__SAVE) : DEIA_OK;

	t->err = DEIA_OK;
	if (err)
		return err;
	for (op = t->first; op; op = op->next) {
		t->err = deia__sqlite_op(&s->write, op, t->seqs);
		if (t->err)
			break;
	}
	if (t->err && !is_own(t->err))
		return t->err;
	if (t->err)
		return undo(s, t, op, careful);
	return careful ? fixed(s, DEIA__RELEASE) : DEIA_OK;
}

static deia_err run_group(struct deia__sqlite *s, deia_txn *first, bool careful)
{
	deia_err err = fixed(s, DEIA__BEGIN);
	deia_txn *t;

	for (t = first; t && !err; t = deia__txn_next(t))
		err = run_txn(s, t, careful);
	if (!err) {
		DEIA__FAULT("before-commit");
		err = fixed(s, DEIA__COMMIT);
	}
	return err;
}

static deia_err broken(struct deia__sqlite *s, struct deia__errmsg *msg)
{
	return deia__fail(msg, DEIA_ESTORE,
			  "the database failed: %s (%d, errno %d); nothing is "
			  "written any more: check the disk, then start again",
			  sqlite3_errmsg(s->write.db),
			  sqlite3_extended_errcode(s->write.db),
			  sqlite3_system_errno(s->write.db));
}

static deia_err try_group(struct deia__sqlite *s, deia_txn *first, bool careful,
			  struct deia__errmsg *msg)
{
	deia_err err = run_group(s, first, careful);

	/* An error that is nobody's own here is not understood: final. */
	if (is_own(err))
		err = DEIA_ESTORE;
	if (err == DEIA_ESTORE)
		broken(s, msg);
	/* SQLite may have rolled back by itself. */
	if (err && !sqlite3_get_autocommit(s->write.db) &&
	    fixed(s, DEIA__ROLLBACK) && err != DEIA_ESTORE)
		return broken(s, msg);
	return err;
}

static deia_err commit(void *self, deia_txn *first, struct deia__errmsg *msg)
{
	struct deia__sqlite *s = self;
	deia_err err = try_group(s, first, false, msg);

	return err == AGAIN ? try_group(s, first, true, msg) : err;
}

/*
 * Checkpoints after the group's callbacks are on their way, so that nobody
 * waits for it. Passive first; a log that readers kept from starting over is
 * cut with a checkpoint that waits for them (a page is at most 50 ms).
 */
static deia_err maintain(void *self, struct deia__errmsg *msg)
{
	struct deia__sqlite *s = self;
	deia_err err;
	int rc;

	if (s->wal_pages < s->checkpoint_at)
		return DEIA_OK;
	DEIA__FAULT_SOON("in-checkpoint");
	rc = sqlite3_wal_checkpoint_v2(s->write.db, "main",
				       s->wal_pages < TRUNCATE_PAGES
					       ? SQLITE_CHECKPOINT_PASSIVE
					       : SQLITE_CHECKPOINT_TRUNCATE,
				       NULL, NULL);
	err = deia__sqlite_err(s->write.db, rc);
	if (err == DEIA_ESTORE)
		return broken(s, msg);
	/* Normally the log starts over now, and on_wal lowers this again. */
	s->checkpoint_at = s->wal_pages + DEIA__CHECKPOINT_PAGES;
	return DEIA_OK;
}

const struct deia__store_backend deia__store_sqlite = {
	.size = sizeof(struct deia__store_backend),
	.name = "sqlite",
	.threads = true,
	.open = deia__sqlite_open,
	.close = deia__sqlite_close,
	.commit = commit,
	.maintain = maintain,
	.read = deia__sqlite_read,
	.count = deia__sqlite_count,
	.last_seq = deia__sqlite_last_seq,
	.status = deia__sqlite_status,
};
