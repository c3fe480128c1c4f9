/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what a store backend fills in, and what it is given.
 *
 * The front (store.c, worker.c) checks every argument, queues, groups, keeps
 * order and calls back; a backend does the blocking work of one group of
 * transactions or of one page and may assume good input: values have their
 * column's type, texts are UTF-8 without NUL, order columns are not nullable.
 */
#ifndef DEIA_STORE_BACKEND_H
#define DEIA_STORE_BACKEND_H

#include <deia/limits.h>
#include <deia/sys/store.h>

#include "core/errmsg.h"
#include "store/arena.h"

struct deia__migrate_list;

/* ---- transactions ------------------------------------------------------ */

enum deia__op_kind {
	DEIA__OP_INSERT,
	DEIA__OP_PUT,
	DEIA__OP_UPDATE,
	DEIA__OP_DELETE,
	DEIA__OP_DELETE_WHERE,
	/*
	 * For copies of a whole store. n_values = n_columns: inserts the row
	 * with its own number (column 0 is set), whether or not the table is a
	 * sequence. n_values = 1: no row. In a sequence table the number
	 * counts as given from here on: later inserts get higher ones.
	 */
	DEIA__OP_RESTORE
};

struct deia__op {
	struct deia__op *next;
	const struct deia_table *table;
	enum deia__op_kind kind;
	int index; /* delete_where: -1 is the key */
	/* insert, put: the row; update, delete: the key; delete_where: equal */
	const struct deia_value *values;
	unsigned n_values;
	const struct deia_set *set; /* by rising column, each once */
	unsigned n_set;
	const struct deia_set *guard;  /* or NULL */
	const struct deia_value *upto; /* or NULL */
	unsigned seq_pos;	       /* sequence insert: place in txn->seqs */
};

/* What a transaction tells once it is durable: "TOPIC TEXT". */
struct deia__telling {
	struct deia__telling *next;
	const char *line;
	size_t len;
};

/* What waits in the store's queues: the head of a deia_txn or a read. */
enum deia__job_kind {
	DEIA__JOB_TXN,
	DEIA__JOB_PAGE,
	DEIA__JOB_COUNT,
	DEIA__JOB_FENCE
};

struct deia__job {
	struct deia__job *next;
	enum deia__job_kind kind;
	int64_t since_us; /* when it was handed over */
};

struct deia_txn {
	struct deia__job job; /* first */
	deia_store *store;
	struct deia__arena arena;
	struct deia__op *first, *last;
	unsigned n_ops;
	struct deia__telling *first_told, *last_told;
	size_t n_seqs;
	int64_t *seqs; /* filled by the backend */
	deia_err err;  /* while building: the first mistake; then outcome */
	deia_txn_cb cb;
	void *user;
};

static inline deia_txn *deia__txn_next(const deia_txn *t)
{
	return (deia_txn *)(void *)t->job.next;
}

/* Adds a DEIA__OP_RESTORE of a row (column 0 is set) or of a number alone. */
void deia__txn_restore(deia_txn *txn, const struct deia_table *table,
		       const struct deia_value *row);
void deia__txn_restore_seq(deia_txn *txn, const struct deia_table *table,
			   int64_t seq);

/* ---- order and pages --------------------------------------------------- */

#define DEIA__MAX_COLUMNS 64u
#define DEIA__MAX_KEY 8u
#define DEIA__MAX_ORDER (DEIA__MAX_KEY + 4u)

/* The columns of a total order: the index, then key columns not yet in it. */
struct deia__order {
	unsigned char columns[DEIA__MAX_ORDER];
	unsigned n;
};

/* False when the table has no such index. */
bool deia__order_init(struct deia__order *o, const struct deia_table *table,
		      int index);
/* Sign of a - b: null < int < text < blob; bytes as unsigned. */
int deia__value_cmp(const struct deia_value *a, const struct deia_value *b);
/* DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT. */
deia_err deia__value_check(const struct deia_column *c,
			   const struct deia_value *v);
/* DEIA_OK, DEIA_EINVAL: sizes and positions are sane. */
deia_err deia__table_check(const struct deia_table *t);
deia_err deia__query_check(const struct deia_page_query *q);
/* The columns a count may be grouped by. */
#define DEIA__MAX_GROUP 4u

/* Rows counted by the first n_group columns of an order; those alone whose
 * first n_equal have these values. */
struct deia__count_query {
	const struct deia_table *table;
	int index;
	const struct deia_value *equal;
	unsigned n_equal, n_group;
};
/* DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT. */
deia_err deia__count_check(const struct deia__count_query *q);
/*
 * A group of n_group values, and how many rows it has. Anything but DEIA_OK
 * ends the count, and is what it returns: DEIA_ELIMIT, DEIA_ENOMEM.
 */
typedef deia_err (*deia__count_cb)(const struct deia_value *group,
				   int64_t count, void *user);

/*
 * Which transactions a read saw, as PostgreSQL says it: all below xmin, none
 * from xmax on, and of the others all but those that still ran.
 */
struct deia_snapshot {
	uint64_t xmin, xmax;
	size_t n;
	uint64_t running[];
};
/* With room for n that run; NULL: out of memory. */
deia_snapshot *deia__snapshot_new(uint64_t xmin, uint64_t xmax, size_t n);

/*
 * A page being filled. The bounds are the reader's promise to let go soon: a
 * page ends early, with has_more, when it holds DEIA__PAGE_BYTES or after
 * DEIA__PAGE_MS.
 */
#define DEIA__PAGE_BYTES ((size_t)8 << 20)
#define DEIA__PAGE_MS 50

struct deia_rows {
	struct deia__arena arena;
	struct deia_value *values; /* count * n_columns */
	size_t count, cap;
	unsigned n_columns;
	bool has_more;
	int64_t until_ms;
};

deia_rows *deia__rows_new(unsigned n_columns); /* NULL: out of memory */
/* True when no further row fits: set has_more and stop. */
bool deia__rows_full(const deia_rows *rows, unsigned limit);
/* The next row's n_columns values, zeroed; NULL: out of memory. */
struct deia_value *deia__rows_add(deia_rows *rows);
/* Copies v into a value of rows; false: out of memory. */
bool deia__rows_set(deia_rows *rows, struct deia_value *to,
		    const struct deia_value *v);

/* ---- notices ----------------------------------------------------------- */

/* What listen calls, on its own thread. None of them blocks. */
struct deia__hearing {
	void *user;
	/* From now on it hears all; before it may have missed any. */
	void (*on)(void *user);
	/* It may miss some from now on. */
	void (*off)(void *user);
	/* topic: topic_len bytes, as the rest of the line not checked. */
	void (*notice)(void *user, const char *topic, size_t topic_len,
		       const char *text, uint64_t commit);
};

/* ---- the table --------------------------------------------------------- */

/*
 * All slots are required unless they say otherwise. self is what open made.
 */
struct deia__store_backend {
	size_t size;	   /* of this struct */
	const char *name;  /* also the scheme of its urls: "name:rest" */
	const char *alias; /* another scheme, or NULL */
	/*
	 * True: commit, maintain and read block; the front calls commit and
	 * maintain on its writer thread and read on its reader thread (or,
	 * before the loop runs, on the loop thread, but never two reads at
	 * once). commit and read run at the same moment. False: they do not
	 * block and all run on the loop thread.
	 */
	bool threads;
	/*
	 * Opens rest (the url behind the scheme), brings the schema up to date
	 * and sets *self. Loop thread, may block. Before the first migration of
	 * a database that has rows it makes a copy of it, unless
	 * opts->no_backup: in opts->backup_dir or, of a file, in backups/
	 * beside it; 0600, synced, checked, under its name only when it is
	 * whole; the newest three are kept. Cannot it (no room, no program for
	 * it): a failure, and nothing was changed. With opts->as_it_is nothing
	 * is made or migrated: DEIA_ENOTFOUND, DEIA_EVERSION. Tells opts->note
	 * with deia__store_note what it did. On failure msg says what to
	 * do, *self is NULL and nothing is left open. Returns the codes of
	 * deia_store_open.
	 */
	deia_err (*open)(void **self, const char *rest,
			 const struct deia_store_opts *opts,
			 struct deia__errmsg *msg);
	/* Loop thread, after the other threads ended; may block. */
	void (*close)(void *self);
	/*
	 * Applies the transactions from first on, in order, each atomic and
	 * failing alone, and makes all durable at once. Sets err and seqs of
	 * each; owns nothing.
	 * DEIA_OK: each transaction's err counts (DEIA_OK, DEIA_EEXIST,
	 * DEIA_ENOTFOUND, DEIA_ECONFLICT, DEIA_EINVAL: not in the schema,
	 * DEIA_ENOMEM). Any other code: nothing of the group happened and it
	 * counts for all: DEIA_EFULL, DEIA_ENOMEM, DEIA_EUNAVAILABLE are for
	 * the moment; DEIA_ESTORE is final, no commit will be called again,
	 * the outcome may be unknown and msg says why.
	 */
	deia_err (*commit)(void *self, deia_txn *first,
			   struct deia__errmsg *msg);
	/*
	 * Optional. After a group's outcome is on its way: housekeeping
	 * (checkpoints). DEIA_OK, or DEIA_ESTORE as with commit.
	 */
	deia_err (*maintain)(void *self, struct deia__errmsg *msg);
	/*
	 * Adds up to query->limit rows to rows (of table->n_columns values)
	 * and sets has_more, stopping at deia__rows_full. DEIA_OK,
	 * DEIA_ENOMEM, DEIA_EUNAVAILABLE, DEIA_EINVAL, DEIA_ESTORE.
	 */
	deia_err (*read)(void *self, const struct deia_page_query *query,
			 deia_rows *rows);
	/*
	 * Tells each group once, in order; see deia_store_count. Runs like
	 * read; never at the same moment. snapshot: NULL, or where what it saw
	 * goes (deia_snapshot_free, also on failure); a store that is not
	 * shared leaves it alone. DEIA_OK, what cb returned, DEIA_ENOMEM,
	 * DEIA_EUNAVAILABLE, DEIA_EINVAL, DEIA_ESTORE.
	 */
	deia_err (*count)(void *self, const struct deia__count_query *query,
			  deia__count_cb cb, void *user,
			  deia_snapshot **snapshot);
	/*
	 * Optional. Writer thread, about every second while there is nothing
	 * to write: notices that the database went away, or is back. DEIA_OK,
	 * or DEIA_ESTORE as with commit.
	 */
	deia_err (*idle)(void *self, struct deia__errmsg *msg);
	/*
	 * Optional. Any thread, once: the store is closing. From here on
	 * commit gives up within some seconds what it waits for.
	 */
	void (*stopping)(void *self);
	/*
	 * Optional. Any thread: Unix milliseconds since when the database
	 * cannot be reached, 0 while it can.
	 */
	int64_t (*away_since)(void *self);
	/*
	 * Optional, with away_since. Any thread: why, as of the last try; ""
	 * when there was none that failed.
	 */
	void (*away_why)(void *self, char *out, size_t len);
	/*
	 * The highest number that a sequence table ever gave, also when its
	 * row is gone; 0: none. For copies, with no commit or read at the same
	 * moment. DEIA_OK, DEIA_ENOMEM, DEIA_EUNAVAILABLE, DEIA_ESTORE.
	 */
	deia_err (*last_seq)(void *self, const struct deia_table *table,
			     int64_t *seq);
	/*
	 * Optional: a backend without a schema has none. Lists the migrations
	 * of rest with deia__migrate_applied and deia__migrate_pending, taking
	 * the lock for that long and changing nothing. Nothing is open when it
	 * is called; any thread, may block. On failure msg says what to do.
	 * Returns the codes of deia_migrate_status.
	 */
	deia_err (*status)(const char *rest, struct deia__migrate_list *out,
			   struct deia__errmsg *msg);
	/*
	 * Optional: others cannot have the database open. Any thread: see
	 * deia_store_writer; 0: this store is not shared. Where it is, commit
	 * tells what its transactions tell (first_told), in their order, and
	 * nothing of one that fails.
	 */
	int64_t (*writer)(void *self);
	/*
	 * Required with writer. Hears what all stores on the database tell,
	 * until stopping is called; on a thread of its own, at most once.
	 */
	void (*listen)(void *self, const struct deia__hearing *to);
	/*
	 * Required with writer. Shuts another writer out; see
	 * deia_store_fence. On a thread of its own, one after the other; it
	 * takes some seconds at most. DEIA_OK, DEIA_EBUSY, DEIA_EUNAVAILABLE,
	 * DEIA_ESTORE.
	 */
	deia_err (*fence)(void *self, int64_t writer, bool force);
};

/* The backend of a url and what stands behind its scheme; NULL: none. */
const struct deia__store_backend *deia__store_find(const char *url,
						   const char **rest,
						   struct deia__errmsg *msg,
						   deia_err *err);

extern const struct deia__store_backend deia__store_memory;
extern const struct deia__store_backend deia__store_sqlite;
/*
 * Weak: a program has it, and needs libpq, when it uses the hive or calls
 * deia_store_has_postgresql, in a build that has it.
 */
extern const struct deia__store_backend deia__store_postgres
	__attribute__((weak));

#endif
