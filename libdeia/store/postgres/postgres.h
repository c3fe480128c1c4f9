/* SPDX-License-Identifier: MIT */
/*
 * postgres.h - the inside of the PostgreSQL backend.
 *
 * Connections of its own to one database for each thread: `write` belongs to
 * the writer thread, `read` to whoever holds the store's read lock. Each has
 * its prepared statements. A further one (to listen on) is made in the same
 * way, by deia__pg_connect with the options of deia__pg_options.
 *
 * All waiting is in deia__pg_wait, on the socket and on a descriptor that the
 * closing store makes readable, so that nothing blocks for ever.
 */
#ifndef DEIA_STORE_POSTGRES_H
#define DEIA_STORE_POSTGRES_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/migrate.h"
#include "store/sql.h"

#define DEIA__PG_STMT_SETS 64
#define DEIA__PG_STMT_WAYS 4
#define DEIA__PG_NAME 24

/* Whether the server knows a statement. */
enum deia__pg_known { DEIA__PG_FREE, DEIA__PG_SENT, DEIA__PG_KNOWN };

struct deia__pg_stmt {
	struct deia__sql_shape shape;
	enum deia__pg_known known;
	char name[DEIA__PG_NAME];
};

/* What the answer that is read next belongs to. */
enum deia__pg_kind {
	DEIA__PG_PREPARE, /* of stmt */
	DEIA__PG_FORGET,  /* a statement that made room */
	DEIA__PG_PLAIN,	  /* BEGIN and the like */
	DEIA__PG_OP,	  /* of txn */
	DEIA__PG_EXISTS,  /* whether the row of an update exists */
	DEIA__PG_LASTS,	  /* the sequences' last numbers */
	DEIA__PG_GUESS,	  /* a sequence has the number that is expected */
	DEIA__PG_MARK,	  /* the group's marker: one row must change */
	DEIA__PG_COMMIT,
	DEIA__PG_SYNC
};

struct deia__pg_expect {
	enum deia__pg_kind kind;
	struct deia__pg_stmt *stmt;
	deia_txn *txn;
	const struct deia__op *op;
	unsigned rows; /* that an insert must add; 0: not counted */
};

struct deia__pg_conn {
	PGconn *pg;	 /* NULL: not connected */
	int stop_fd;	 /* readable once the store is closing; borrowed */
	bool stopping;	 /* seen to be readable */
	bool hasty;	 /* then nothing is waited for any more */
	int64_t stop_ms; /* boot: from here on nothing is waited for */
	/*
	 * Unix ms since when nothing is heard of the database though something
	 * was asked, 0: all is well. Any thread reads it.
	 */
	_Atomic(int64_t) away_since;
	struct deia__pg_stmt stmts[DEIA__PG_STMT_SETS][DEIA__PG_STMT_WAYS];
	unsigned next_victim, next_name;
};

/* A range of a group that is sent at once; see pipe.c. */
struct deia__pg_pipe {
	struct deia__pg_conn *c;
	struct deia__pg_expect *queue; /* answers that are to come */
	size_t first, n, cap;
	size_t unsent; /* bytes since the last flush, about */
	bool in_answer;
	/* The first thing that failed since the pipe was cleared. */
	deia_err err;
	char state[6];
	char text[200];
	deia_txn *failed; /* whose own failure it is, or NULL */
	const struct deia__op *failed_op;
	bool unchanged; /* failed_op is an update that found nothing */
	bool missed;	/* DEIA__PG_GUESS was wrong */
	bool exists;	/* answer of DEIA__PG_EXISTS */
	/* The rows of DEIA__PG_LASTS go here. */
	void (*on_lasts)(void *user, const PGresult *res);
	void *user;
};

struct deia__pg_sequence {
	const struct deia_table *table;
	int64_t last, next; /* committed, -1: not known; given in this run */
	unsigned used;	    /* numbers that the group needs */
};
#define DEIA__PG_SEQUENCES 16

struct deia__pg_options {
	char *keywords[48], *values[48]; /* NULL-terminated; own */
	unsigned n;
	int64_t connect_ms;
};

struct deia__pg {
	struct deia__pg_conn write, read;
	struct deia__pg_pipe pipe;
	struct deia__pg_options write_options, read_options;
	char *password;	   /* never shown; NULL: none */
	int64_t writer_id; /* random: key of the lock and of the marker */
	char writer[20];   /* the same as text */
	int64_t group, acked, marker; /* at work, known to be in, as read */
	bool gone; /* the database lost what was acknowledged, or our row */
	unsigned pause_ms;		 /* before the next try to connect */
	int64_t retry_ms, read_retry_ms; /* boot: not before */
	bool was_connected;
	bool alone, as_it_is; /* as in struct deia_store_opts */
	struct deia__pg_sequence sequences[DEIA__PG_SEQUENCES];
	unsigned n_sequences;
	int stop_fd;
	struct deia__errmsg msg; /* why the writer could not connect */
	pthread_mutex_t why_lock;
	char why[192]; /* the same, for any thread; "" when it could */
};

/* Of internal calls: the connection is lost; start over. */
#define DEIA__PG_LOST DEIA_EREMOTE

/* ---- url.c ---------------------------------------------------- */

/*
 * The options to connect with: those of rest (of a url behind its scheme), and
 * defaults for what it does not say. DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM.
 */
deia_err deia__pg_options(struct deia__pg *p, const char *rest,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg);
void deia__pg_options_fini(struct deia__pg *p);
/* Puts *** where the password stands in msg. */
void deia__pg_hide(const struct deia__pg *p, struct deia__errmsg *msg);

/* ---- conn.c --------------------------------------------------- */

/*
 * Connects, within budget_ms. DEIA_OK; DEIA_EUNAVAILABLE, DEIA_ESTORE (it
 * answers, but does not let us in), with a sentence.
 */
deia_err deia__pg_connect(const struct deia__pg *p, struct deia__pg_conn *c,
			  const struct deia__pg_options *o, int64_t budget_ms,
			  struct deia__errmsg *msg);
/* Closes; statements are to be prepared again. */
void deia__pg_disconnect(struct deia__pg_conn *c);
/*
 * Waits until the socket is ready to read, or to write if asked, or the time
 * is over. False: the connection is to be given up (silence, closing).
 */
bool deia__pg_wait(struct deia__pg_conn *c, bool write, int64_t until_ms);
/* Waits for nothing but the pause or the closing of the store. */
void deia__pg_pause(struct deia__pg_conn *c, int64_t ms);
/* True when the store is closing and its time is over. */
bool deia__pg_is_over(const struct deia__pg_conn *c);
/*
 * Runs commands with text parameters and gives the last one's result, NULL if
 * the connection is lost; PQclear. Not in a pipeline.
 */
PGresult *deia__pg_query(struct deia__pg_conn *c, int64_t budget_ms,
			 const char *sql, int n, const char *const *params);
/* What an SQLSTATE means; see backend.h for which codes are whose. */
deia_err deia__pg_err(const char *state);
bool deia__pg_ok(const PGresult *res);

/* ---- stmt.c --------------------------------------------------- */

/* A row to insert; seq: its number, in a sequence table. */
struct deia__pg_row {
	deia_txn *txn;
	const struct deia__op *op;
	int64_t seq;
};
/* So many rows at most are inserted by one statement. */
#define DEIA__PG_ROWS 16
#define DEIA__PG_MAX_PARAMS (DEIA__PG_ROWS * DEIA__MAX_COLUMNS)
_Static_assert(DEIA__PG_MAX_PARAMS >= DEIA__SQL_MAX_PARAMS,
	       "any statement's parameters have room");
_Static_assert(DEIA__PG_MAX_PARAMS <= 65535, "the protocol counts to there");
/* Parameters in libpq's form, all binary. */
struct deia__pg_params {
	const char *values[DEIA__PG_MAX_PARAMS];
	int lengths[DEIA__PG_MAX_PARAMS], formats[DEIA__PG_MAX_PARAMS];
	uint64_t ints[DEIA__PG_MAX_PARAMS];
	int n;
	size_t bytes;
};
void deia__pg_bind(struct deia__pg_params *to,
		   const struct deia__sql_params *from);
/* Rows of one table, one after the other. */
void deia__pg_bind_rows(struct deia__pg_params *to,
			const struct deia__pg_row *rows, unsigned n);
/*
 * The place of a shape. When known is not DEIA__PG_KNOWN or DEIA__PG_SENT the
 * caller prepares it, under its name; *old, when not empty, is the name of a
 * statement that lost its place.
 */
struct deia__pg_stmt *deia__pg_find(struct deia__pg_conn *c,
				    const struct deia__sql_shape *shape,
				    char old[DEIA__PG_NAME]);
/* A column of a binary result, borrowed from it. */
struct deia_value deia__pg_column(const PGresult *res, int row, int column,
				  enum deia_type type);

/* ---- pipe.c --------------------------------------------------- */

/* Forgets the last failure. */
void deia__pg_pipe_clear(struct deia__pg_pipe *p);
void deia__pg_pipe_fini(struct deia__pg_pipe *p);
/*
 * Statements that every connection of a writer has prepared; the text to do so
 * is DEIA__PG_FIXED.
 */
#define DEIA__PG_MARK_NAME "deia_mark"
#define DEIA__PG_GUESS_NAME "deia_guess"
#define DEIA__PG_TELL_NAME "deia_tell"
/* The channel of all notices of a database. */
#define DEIA__PG_CHANNEL "deia"
#define DEIA__PG_FIXED                                                         \
	"PREPARE " DEIA__PG_MARK_NAME                                          \
	" AS UPDATE store_writers SET grp = $2, at = now() "                   \
	"WHERE writer = $1; "                                                  \
	"PREPARE " DEIA__PG_GUESS_NAME                                         \
	" AS UPDATE store_sequences SET last = "                               \
	"CASE WHEN last = $2 THEN $3::bigint END WHERE name = $1; "            \
	"PREPARE " DEIA__PG_TELL_NAME                                          \
	" (text[]) AS SELECT count(pg_notify('" DEIA__PG_CHANNEL "', "         \
	"pg_current_xact_id()::text || ' ' || line)) "                         \
	"FROM unnest($1) AS told (line)"

/* Each sends without waiting; false: give the connection up. */
bool deia__pg_send_fixed(struct deia__pg_pipe *p, enum deia__pg_kind kind,
			 const char *name, int n, const char *const *params);
bool deia__pg_send_plain(struct deia__pg_pipe *p, enum deia__pg_kind kind,
			 const char *sql, int n, const char *const *params);
/* Anything but an insert. */
bool deia__pg_send_op(struct deia__pg_pipe *p, deia_txn *t,
		      const struct deia__op *op);
/* Up to DEIA__PG_ROWS inserts into one table, by one statement. */
bool deia__pg_send_rows(struct deia__pg_pipe *p,
			const struct deia__pg_row *rows, unsigned n);
bool deia__pg_send_exists(struct deia__pg_pipe *p, const struct deia__op *op);
/* Ends a part, sends all and reads all answers. */
bool deia__pg_sync(struct deia__pg_pipe *p);

/* ---- inserts.c ------------------------------------------------ */

/* Inserts into one table that are not sent yet. {0}: none. */
struct deia__pg_inserts {
	struct deia__pg_row rows[DEIA__PG_ROWS];
	unsigned n;
};
/* Adds one, and sends what is due. False as with the above. */
bool deia__pg_insert(struct deia__pg_pipe *p, struct deia__pg_inserts *w,
		     const struct deia__pg_row *row);
/* Sends all; to be called before anything else is sent. */
bool deia__pg_insert_rest(struct deia__pg_pipe *p, struct deia__pg_inserts *w);

/* ---- migrate.c ------------------------------------------------ */

/* Checks what the database is and brings its schema up to date. */
deia_err deia__pg_migrate(struct deia__pg *p,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg);
/* See status in backend.h. */
deia_err deia__pg_status(const char *rest, struct deia__migrate_list *out,
			 struct deia__errmsg *msg);

/* ---- backup.c ------------------------------------------------- */

/* A copy by pg_dump before the migration `before`. */
deia_err deia__pg_backup(struct deia__pg *p, unsigned before,
			 const struct deia_store_opts *opts,
			 struct deia__errmsg *msg);

/* ---- link.c: the writer's connection -------------------------- */

/* The first time: connects, migrates, signs in. */
deia_err deia__pg_sign_in(struct deia__pg *p,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg);
/*
 * Connects again, once; afterwards no earlier session of this writer lives,
 * p->marker is the last group that the database has of it, and p->gone says
 * whether one that was acknowledged is missing. DEIA_OK or DEIA__PG_LOST.
 */
deia_err deia__pg_reconnect(struct deia__pg *p);
/*
 * The connection was lost. The first time since a group was committed it is
 * made again at once, then after a growing pause.
 */
void deia__pg_lost(struct deia__pg *p);
/* A group was committed. */
void deia__pg_fine(struct deia__pg *p);
void deia__pg_sign_out(struct deia__pg *p);
/* See idle in backend.h. */
deia_err deia__pg_idle(void *self, struct deia__errmsg *msg);
/* p->gone: says why nothing is written any more; DEIA_ESTORE. */
deia_err deia__pg_gone(struct deia__pg *p, struct deia__errmsg *msg);

/* ---- locks.c -------------------------------------------------- */

/*
 * For the time of opening. Each returns DEIA_OK, DEIA_EBUSY, DEIA_EIO, with a
 * sentence.
 */
deia_err deia__pg_lock_schema(struct deia__pg *p, struct deia__errmsg *msg);
deia_err deia__pg_unlock_schema(struct deia__pg *p, struct deia__errmsg *msg);
/* For the session's life: shared, or exclusively when p->alone. */
deia_err deia__pg_lock_database(struct deia__pg *p, struct deia__errmsg *msg);
/* The same in a later session; false: not now. */
bool deia__pg_relock_database(struct deia__pg *p);
/* Exclusively, around migrations. */
deia_err deia__pg_lock_for_upgrade(struct deia__pg *p,
				   struct deia__errmsg *msg);
deia_err deia__pg_unlock_after_upgrade(struct deia__pg *p,
				       struct deia__errmsg *msg);

/* ---- fence.c -------------------------------------------------- */

/* The application_name of a session that shuts a writer out. */
#define DEIA__PG_FENCING "deia-fence"
/*
 * Ends a writer's sessions: those, not ours, that hold its lock or wait for it,
 * but for one that shuts it out.
 */
#define DEIA__PG_END_SESSIONS                                                  \
	"SELECT pg_terminate_backend(l.pid) FROM pg_locks l "                  \
	"JOIN pg_database d ON d.oid = l.database "                            \
	"JOIN pg_stat_activity a ON a.pid = l.pid "                            \
	"WHERE a.application_name <> '" DEIA__PG_FENCING                       \
	"' AND d.datname = current_database() AND l.locktype = 'advisory' "    \
	"AND l.pid <> pg_backend_pid() AND l.objsubid = 1 "                    \
	"AND (l.classid::bigint << 32 | l.objid::bigint) = $1"
/* See backend.h. */
deia_err deia__pg_fence(void *self, int64_t writer, bool force);

/* ---- listen.c ------------------------------------------------- */

/* See backend.h. */
int64_t deia__pg_writer(void *self);
void deia__pg_listen(void *self, const struct deia__hearing *to);

/* ---- commit.c, read.c -------------------------------- */

deia_err deia__pg_commit(void *self, deia_txn *first, struct deia__errmsg *msg);
deia_err deia__pg_read(void *self, const struct deia_page_query *q,
		       deia_rows *rows);
deia_err deia__pg_count(void *self, const struct deia__count_query *q,
			deia__count_cb cb, void *user,
			deia_snapshot **snapshot);
deia_err deia__pg_last_seq(void *self, const struct deia_table *table,
			   int64_t *seq);

#endif
