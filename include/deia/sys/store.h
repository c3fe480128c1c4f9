/* SPDX-License-Identifier: MIT */
/*
 * store.h - durable rows: tables, transactions, pages.
 *
 * The store keeps typed rows in declared tables. A caller builds a
 * transaction (deia_txn_*), commits it, and is told on the loop once it is
 * durable. All transactions committed in one turn of the loop, and all that
 * arrive while the disk is busy, are written as one group with one fsync
 * (group commit); inside the group each transaction is atomic and fails
 * alone. Reads (deia_store_page) run on a connection of their own and see
 * every transaction whose callback has run.
 *
 * A backend does the blocking work on the store's threads: memory, SQLite,
 * PostgreSQL. Callers never see which one it is.
 *
 * Threads: all deia_store_ and deia_txn_ functions belong to the loop thread.
 */
#ifndef DEIA_SYS_STORE_H
#define DEIA_SYS_STORE_H

#include <deia/error.h>
#include <deia/histogram.h>

DEIA_BEGIN

struct event_base;
typedef struct deia_store deia_store;
typedef struct deia_txn deia_txn;

/* ---- schema ------------------------------------------------------------ */

enum deia_type { DEIA_NULL, DEIA_INT, DEIA_TEXT, DEIA_BLOB };

struct deia_column {
	const char *name; /* lower-case SQL identifier */
	enum deia_type type;
	bool nullable;
};

/*
 * An index: its columns, then implicitly the table's key columns (those that
 * are not in it yet), are a total order that pages follow. columns are
 * positions in the table; pages and delete_where need them not nullable.
 * Numbers order by value, texts and blobs by their bytes.
 */
struct deia_index {
	const char *name;
	unsigned char columns[4], n_columns;
	bool unique; /* over the named columns alone */
};

struct deia_table {
	const char *name;
	const struct deia_column *columns;
	unsigned n_columns; /* 1..64 */
	unsigned n_key;	    /* the first n_key (1..8) columns are the key */
	/*
	 * Column 0 is an INT the store assigns: 1, 2, 3 ... in commit order,
	 * never reused. The caller passes DEIA_NULL for it on insert. It is
	 * the key.
	 */
	bool sequence;
	const struct deia_index *indexes;
	unsigned n_indexes;
};

/* A value; a text (UTF-8 without NUL) or blob (any bytes) is s[0..len). */
struct deia_value {
	enum deia_type type;
	int64_t i;
	const char *s;
	size_t len;
};

/* The null value. */
static inline struct deia_value deia_null(void)
{
	struct deia_value v = { DEIA_NULL, 0, NULL, 0 };
	return v;
}
/* A whole number. */
static inline struct deia_value deia_int(int64_t i)
{
	struct deia_value v = { DEIA_INT, 0, NULL, 0 };
	v.i = i;
	return v;
}
/* A text; NULL gives DEIA_NULL. The bytes are borrowed. */
DEIA_API struct deia_value deia_text(const char *s);

/* Over these: DEIA_ELIMIT from deia_txn_commit. */
#define DEIA_STORE_MAX_VALUE_BYTES (16u << 20)
#define DEIA_STORE_MAX_TXN_BYTES (64u << 20)
/* Bytes of transactions whose callback is still to come; over it DEIA_EBUSY. */
#define DEIA_STORE_MAX_QUEUE_BYTES (64u << 20)
/* Reads waiting; over it DEIA_EBUSY. */
#define DEIA_STORE_MAX_READS 4096

/* ---- opening ----------------------------------------------------------- */

enum deia_durability {
	DEIA_DURABILITY_FULL = 0, /* acknowledged = on disk */
	DEIA_DURABILITY_NORMAL,	  /* may lose the last moments on power loss */
	DEIA_DURABILITY_MEMORY	  /* nothing is on disk */
};

struct deia_store_opts {
	size_t size;
	enum deia_durability durability;
	/*
	 * Transactions whose callback is still to come; over it DEIA_EBUSY.
	 * 0: the default.
	 */
	unsigned queue_max;
	/*
	 * Opens what is there and changes nothing: no database is made, none is
	 * migrated, commits are refused.
	 */
	bool as_it_is;
	/*
	 * PostgreSQL: not together with any other store on the database, in
	 * this program or another: DEIA_EBUSY for whoever comes second. A file
	 * is always used alone.
	 */
	bool alone;
	/* Migrates without a copy of the database first. */
	bool no_backup;
	/*
	 * The folder for copies of the database before it is migrated, made
	 * when missing. NULL: backups/ beside a file; a database that is no
	 * file then counts as one of which no copy can be made.
	 */
	const char *backup_dir;
	/*
	 * Told, inside deia_store_open, of copies and migrations made: one
	 * line of text. NULL: nobody.
	 */
	void (*note)(const char *text, void *user);
	void *note_user;
};
#define DEIA_STORE_OPTS_INIT                                                   \
	{                                                                      \
		sizeof(struct deia_store_opts), DEIA_DURABILITY_FULL, 65536,   \
			false, false, NULL, NULL, NULL                         \
	}

/*
 * Opens a store and brings its schema up to date. Blocks (files, migrations):
 * call it before the loop runs.
 * url: "memory:", "sqlite:PATH" (created 0600 when missing; the folder must
 * exist; beside the file a folder run/ holds the lock that keeps a second
 * process away), "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?..." (a libpq
 * url; the database must exist; several programs may have it open). With
 * DEIA_DURABILITY_MEMORY the url is checked, but all is kept in memory.
 * base: borrowed, outlives the store.
 * detail: at least 256 bytes; on failure one line that says what to do.
 * A database that is to be migrated is copied first; see opts.
 * Returns DEIA_OK, DEIA_EINVAL (url), DEIA_EUNSUPPORTED (backend not in this
 * build), DEIA_EVERSION (schema is newer than this program; with as_it_is also
 * older), DEIA_EBUSY (another process has it open and one of the two wants to be
 * alone with it, or the schema is older and others use it), DEIA_EFULL (no room
 * for the copy before a migration), DEIA_ENOTFOUND (as_it_is: no database there),
 * DEIA_EIO, DEIA_ESTORE, DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_store_open(
	deia_store **out, struct event_base *base, const char *url,
	const struct deia_store_opts *opts, char *detail, size_t detail_len);

/*
 * True when this build knows postgresql: urls. A program that is linked with
 * libdeia.a and has no hive in it gets the PostgreSQL backend, and needs libpq,
 * by calling this; the hive does so. Any thread.
 */
DEIA_API bool deia_store_has_postgresql(void);

/*
 * Commits what is queued, then closes. Blocks. A database that is away is
 * waited for some seconds; then what is queued fails with DEIA_EUNAVAILABLE, or
 * with DEIA_ESTORE when its outcome is not known. Callbacks that are due are
 * called before it returns; what they commit is refused with DEIA_ESTATE.
 * Never call it from a callback of this store. NULL is fine.
 */
DEIA_API void deia_store_close(deia_store *store);

/* "memory", "sqlite", "postgresql"; static text. */
DEIA_API const char *deia_store_backend_name(const deia_store *store);

/* What a store does. What the caller waits for is counted from its call to its
 * callback. */
enum deia_store_op {
	DEIA_STORE_TRANSACTION,
	DEIA_STORE_PAGE,
	DEIA_STORE_COUNT, /* counts of rows, read on the reader as pages are */
	DEIA_STORE_GROUP, /* of transactions: the backend alone */
	DEIA_STORE_OPS
};
/* "transaction", "page", "count", "group"; static text. Any thread. Since 0.3. */
DEIA_API const char *deia_store_op_name(enum deia_store_op op);

struct deia_store_stats {
	uint64_t transactions, failed, groups, group_rows_max;
	uint64_t queued; /* right now */
	uint64_t last_commit_us, reads;
	bool failed_hard; /* the disk failed: nothing is acknowledged */
	/*
	 * The database cannot be reached since then (wall clock; 0: it can).
	 * Writes wait for it, reads fail with DEIA_EUNAVAILABLE.
	 */
	bool away;
	int64_t away_since_unix_ms;
	/* Why, one line as of the last try to reach it; "" while it is not. */
	char away_why[192];
	/* Since 0.3. */
	struct deia_histogram times[DEIA_STORE_OPS];
	struct deia_histogram group_len; /* transactions of a group */
};
/* Counters since the store was opened; constant time. */
DEIA_API void deia_store_get_stats(deia_store *store,
				   struct deia_store_stats *out);

/*
 * Why the store failed for good, one line; "" while it has not. Lives as long
 * as the store.
 */
DEIA_API const char *deia_store_errmsg(const deia_store *store);

/* ---- writing ----------------------------------------------------------- */

/*
 * Called once on the loop, never inside deia_txn_commit. seqs[i] is the
 * sequence number given to the i-th insert into a sequence table, in order.
 * err: DEIA_OK, DEIA_EEXIST (key or unique index), DEIA_ENOTFOUND (update of
 * a missing row), DEIA_ECONFLICT (guard did not hold), DEIA_EFULL (no space),
 * DEIA_EUNAVAILABLE (locked by another program; later it may work),
 * DEIA_EINVAL (the table is not in the database), DEIA_ESTORE, DEIA_ENOMEM.
 * On any error but DEIA_ESTORE nothing of the transaction happened; DEIA_ESTORE
 * is final for the whole store and what is on the disk will only be known
 * after it was opened again.
 */
typedef void (*deia_txn_cb)(deia_err err, const int64_t *seqs, size_t n_seqs,
			    void *user);

/* A new, empty transaction; NULL when memory ran out (calls below take it). */
DEIA_API deia_txn *deia_txn_new(deia_store *store);
/* Throws an uncommitted transaction away. NULL is fine. */
DEIA_API void deia_txn_free(deia_txn *txn);
/* Inserts a row of table->n_columns values, copied. */
DEIA_API void deia_txn_insert(deia_txn *txn, const struct deia_table *table,
			      const struct deia_value *row);
/* Inserts, or replaces the row with the same key. Not for sequence tables. */
DEIA_API void deia_txn_put(deia_txn *txn, const struct deia_table *table,
			   const struct deia_value *row);

struct deia_set {
	unsigned column;
	struct deia_value value;
};
/*
 * Sets columns of the row with this key (table->n_key values). When guard is
 * not NULL its column must hold its value now, else the transaction fails
 * with DEIA_ECONFLICT. A missing row: DEIA_ENOTFOUND. Key columns cannot be
 * set, no column twice.
 */
DEIA_API void deia_txn_update(deia_txn *txn, const struct deia_table *table,
			      const struct deia_value *key,
			      const struct deia_set *set, size_t n_set,
			      const struct deia_set *guard);
/* Deletes the row with this key; none is no error. */
DEIA_API void deia_txn_delete(deia_txn *txn, const struct deia_table *table,
			      const struct deia_value *key);
/*
 * Deletes all rows whose first n_equal columns of the index (-1: of the key)
 * hold these values and, when upto is not NULL, whose next column is <= it.
 */
DEIA_API void deia_txn_delete_where(deia_txn *txn,
				    const struct deia_table *table, int index,
				    const struct deia_value *equal,
				    size_t n_equal,
				    const struct deia_value *upto);
/*
 * Hands the transaction over; it is the store's from here on, whatever is
 * returned. cb may be NULL. An error from here means cb is never called:
 * DEIA_ENOMEM (also of any call above), DEIA_EINVAL, DEIA_ELIMIT (of a call
 * above: a value that does not fit its column, a limit), DEIA_EBUSY (queue
 * full), DEIA_ESTATE (the store is closing, or opened as_it_is), DEIA_ESTORE (it
 * failed for good).
 */
DEIA_API DEIA_NODISCARD deia_err deia_txn_commit(deia_txn *txn, deia_txn_cb cb,
						 void *user);

/* ---- reading ----------------------------------------------------------- */

struct deia_page_query {
	const struct deia_table *table;
	int index; /* position in table->indexes, -1: the primary key */
	const struct deia_value *equal; /* first n_equal columns of the order */
	unsigned n_equal;
	/*
	 * Start after this place in the order (exclusive): values of the
	 * following order columns (index columns left, then key columns);
	 * n_after 0 starts at the beginning.
	 */
	const struct deia_value *after;
	unsigned n_after;
	bool descending;
	unsigned limit; /* 1..DEIA_MAX_PAGE_LEN */
};

typedef struct deia_rows deia_rows;
/* How many rows the page has. */
DEIA_API size_t deia_rows_count(const deia_rows *rows);
/* A value of row r (0..count-1), column c; lives as long as rows. */
DEIA_API const struct deia_value *deia_rows_get(const deia_rows *rows, size_t r,
						unsigned c);
/* The same as text: NUL-terminated, "" for a null or a number. */
DEIA_API const char *deia_rows_text(const deia_rows *rows, size_t r,
				    unsigned c);
/*
 * True when rows follow this page. A page may hold fewer rows than its limit
 * (8 MiB or 50 ms are a page, too), but at least one if there is one: only
 * this tells the end.
 */
DEIA_API bool deia_rows_has_more(const deia_rows *rows);
/* Frees a page that deia_store_page_now gave. NULL is fine. */
DEIA_API void deia_rows_free(deia_rows *rows);

/* rows live until the callback returns; NULL on error. */
typedef void (*deia_page_cb)(deia_err err, const deia_rows *rows, void *user);

/*
 * Reads one page; cb is called once on the loop, never inside this call. The
 * query is copied. Returns DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT, DEIA_EBUSY,
 * DEIA_ESTATE, DEIA_ENOMEM; the callback gets DEIA_OK, DEIA_ENOMEM,
 * DEIA_EUNAVAILABLE, DEIA_EINVAL, DEIA_ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_store_page(deia_store *store, const struct deia_page_query *query,
		deia_page_cb cb, void *user);

/*
 * The same, blocking, for the time before the loop runs (loading at start).
 * *out is the caller's: deia_rows_free.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_store_page_now(deia_store *store, const struct deia_page_query *query,
		    deia_rows **out);

/*
 * group: n_group values, borrowed until it returns; count: 1 or more. Must
 * not call the store.
 */
typedef void (*deia_count_cb)(const struct deia_value *group, unsigned n_group,
			      int64_t count, void *user);

/*
 * Counts rows by the first n_group (1..4) columns of the order of the index
 * (-1: of the key): cb is called once for each distinct value of them, in that
 * order. Blocking, one walk through the index, for the time before the loop
 * runs. Returns DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM, DEIA_EUNAVAILABLE,
 * DEIA_ESTORE; on an error not all groups were told.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_store_count_now(deia_store *store, const struct deia_table *table,
		     int index, unsigned n_group, deia_count_cb cb, void *user);

/* ---- several programs on one database ---------------------------------- */

/*
 * True when other programs may have the same database open and write to it
 * now: postgresql: without opts.alone and opts.as_it_is. All below is for such
 * a store; the others take it, and have nobody to tell.
 */
DEIA_API bool deia_store_is_shared(const deia_store *store);

/*
 * The random number, above 0, by which the database knows this store while it
 * is open; each opening has another. 0 when the store is not shared.
 */
DEIA_API int64_t deia_store_writer(const deia_store *store);

/* Of a notice: the topic, the text; over it: DEIA_ELIMIT. */
#define DEIA_STORE_MAX_TOPIC_BYTES 32
#define DEIA_STORE_MAX_NOTICE_BYTES 2000

/*
 * Tells whoever watches the database, in this program and in all others, once
 * the transaction is durable, and never when it fails. topic: letters, digits
 * and '_', at least one; text: UTF-8 without NUL; both copied. Notices come in
 * the order of their commits, those of a transaction in the order of the calls.
 * The same topic and text twice in one group may be told once. No notice where
 * the store is not shared. A mistake is what deia_txn_commit returns. txn may be
 * NULL.
 */
DEIA_API void deia_txn_notify(deia_txn *txn, const char *topic,
			      const char *text);

struct deia_notice {
	const char *topic, *text; /* live until the callback returns */
	/*
	 * Of the group it was committed in: see deia_snapshot_has. Groups of
	 * different stores may have numbers in another order than they were
	 * committed in.
	 */
	uint64_t commit;
};

/*
 * Called on the loop; may watch, unwatch, commit and read. NULL: notices may
 * have been missed (the connection was lost, or more waited than are kept); what
 * was told before may be out of date and is to be read again. It is also the
 * first thing a watcher is told: from then on it is told all. What is read
 * after a notice sees its transaction. A notice of this store's own transaction
 * may come before that one's callback.
 */
typedef void (*deia_notice_cb)(const struct deia_notice *notice, void *user);

/*
 * Calls cb for each notice, also of this store's own transactions, until the
 * store is closed, never inside this call. Several may watch; each is told
 * everything. While the database is away nothing is told, NULL once it is back.
 * Where the store is not shared cb is called once with NULL.
 * Returns DEIA_OK, DEIA_ENOMEM, DEIA_ESTATE (the store is closing).
 */
DEIA_API DEIA_NODISCARD deia_err deia_store_watch(deia_store *store,
						  deia_notice_cb cb,
						  void *user);
/* Undoes it; cb is not called again. A pair that does not watch is fine. */
DEIA_API void deia_store_unwatch(deia_store *store, deia_notice_cb cb,
				 void *user);

/* Which commits a read saw. */
typedef struct deia_snapshot deia_snapshot;
/* True when the read saw this commit of a notice. snapshot NULL: true. */
DEIA_API bool deia_snapshot_has(const deia_snapshot *snapshot, uint64_t commit);
/*
 * A copy to keep: deia_snapshot_free. One of NULL has every commit. NULL: out of
 * memory.
 */
DEIA_API deia_snapshot *deia_snapshot_copy(const deia_snapshot *snapshot);
/* NULL is fine. */
DEIA_API void deia_snapshot_free(deia_snapshot *snapshot);

/*
 * counts: a row for each group, its n_group columns and then the count (INT);
 * lives until the callback returns, NULL on an error. snapshot: what was
 * counted; NULL where the store is not shared.
 */
typedef void (*deia_counted_cb)(deia_err err, const deia_rows *counts,
				const deia_snapshot *snapshot, void *user);

/*
 * As deia_store_count_now, but asynchronous, and of the rows alone whose first
 * n_equal (0..n_group) columns of the order have these values (copied). The
 * callback comes once on the loop, never inside this call. Reads wait behind
 * it, so it is for what is small. At most DEIA_MAX_PAGE_LEN groups times 100, in
 * about 64 MiB; more: DEIA_ELIMIT.
 * Returns DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT, DEIA_EBUSY, DEIA_ESTATE,
 * DEIA_ENOMEM; the callback gets DEIA_OK, DEIA_ENOMEM, DEIA_ELIMIT,
 * DEIA_EUNAVAILABLE, DEIA_EINVAL (the table is not in the database),
 * DEIA_ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_store_count(deia_store *store, const struct deia_table *table, int index,
		 const struct deia_value *equal, unsigned n_equal,
		 unsigned n_group, deia_counted_cb cb, void *user);

/*
 * DEIA_OK: the writer is shut out. DEIA_EBUSY: it has a session, so it lives, or
 * its machine was cut off or is frozen. DEIA_EUNAVAILABLE: the database cannot
 * be asked, or did not answer in time; whether the writer is shut out is not
 * known, and asking again tells. DEIA_ESTORE: this store was itself shut out.
 */
typedef void (*deia_fenced_cb)(deia_err err, void *user);

/*
 * Shuts another store out: when cb gets DEIA_OK all that it committed can be
 * read, and it commits nothing any more; when its program comes back its store
 * fails for good and says why. A writer that was closed, or never was, is shut
 * out at once. force: its sessions are ended first; without it one that still
 * has a session is waited for 2 s, then left alone (DEIA_EBUSY). One that loses
 * its session in these 2 s is shut out, though it lives.
 * writer: of deia_store_writer of the other, above 0. They are asked for one
 * after the other, each for some seconds at most; the callback comes once on the
 * loop, never inside this call. Returns DEIA_OK, DEIA_EINVAL (its own number, or
 * a store that is not shared), DEIA_EBUSY (64 are under way), DEIA_ESTATE,
 * DEIA_ESTORE (this store failed for good), DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_store_fence(deia_store *store,
						  int64_t writer, bool force,
						  deia_fenced_cb cb,
						  void *user);

DEIA_END

#endif
