/* SPDX-License-Identifier: MIT */
/*
 * store.h - the inside of a store, shared by store.c and worker.c.
 *
 * Life of a transaction: committed on the loop thread into `batch`; at the
 * end of the turn the batch moves to `writes`; the writer thread takes all of
 * it as one group, and appends it to `done`; an eventfd wakes the loop, which
 * calls back. A read goes the same way through `reads`. A backend that does
 * not block skips the threads: its groups run at the end of the turn.
 */
#ifndef DEIA_STORE_STORE_H
#define DEIA_STORE_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/backend.h"

struct event;

struct deia__jobs {
	struct deia__job *first, *last;
};

struct deia__read {
	struct deia__job job; /* first */
	struct deia_page_query query;
	struct deia__arena arena; /* the query's values */
	deia_page_cb cb;
	void *user;
	deia_rows *rows;
	deia_err err;
};

struct deia__counting {
	struct deia__job job; /* first */
	struct deia__count_query query;
	struct deia__arena arena; /* the query's values */
	deia_counted_cb cb;
	void *user;
	deia_rows *rows;
	deia_snapshot *snapshot;
	deia_err err;
};
struct deia__fencing {
	struct deia__job job; /* first */
	int64_t writer;
	bool force;
	deia_fenced_cb cb;
	void *user;
	deia_err err;
};
/* Of them, whose callback is still to come. */
#define DEIA__MAX_FENCES 64

/* Groups of a count, and bytes of them; more is DEIA_ELIMIT. */
#define DEIA__MAX_GROUPS ((size_t)DEIA_MAX_PAGE_LEN * 100)
#define DEIA__COUNT_BYTES ((size_t)64 << 20)

/* A notice on its way to the loop; topic and text stand behind it. */
struct deia__notice {
	struct deia__notice *next;
	uint64_t commit;
	const char *topic, *text;
};
/* So many wait for the loop; one more, and all are forgotten. */
#define DEIA__MAX_NOTICES 10000

struct deia__watcher {
	struct deia__watcher *next;
	deia_notice_cb cb; /* NULL: it does not watch any more */
	void *user;
	bool greeted; /* was told NULL */
};

/* See watch.c. */
struct deia__watch {
	/* Of the loop thread. */
	struct deia__watcher *watchers;
	bool telling; /* then no watcher is freed */
	pthread_t thread;
	bool has_thread;
	/* Under the store's lock. */
	struct deia__notice *first, *last;
	size_t n;
	bool missed; /* before first some may have been missed */
	bool hears;  /* all that is told from now on */
};

struct deia_store {
	const struct deia__store_backend *backend;
	void *self; /* the backend's */
	struct event_base *base;
	struct deia_store_opts opts;
	struct event *kick; /* activated by the first commit of a turn */
	struct event *wake; /* reads wake_fd */
	int wake_fd;

	/* Of the loop thread alone. */
	struct deia__jobs batch, ready;
	struct deia_histogram times[DEIA_STORE_GROUP]; /* of ops before it */
	size_t batch_len;
	bool lingered; /* the batch waited for the rest of the turn */
	size_t open_txns, open_bytes, open_reads, open_fences;
	bool closing;

	pthread_mutex_t lock;
	/* Under lock. */
	pthread_cond_t write_cond, read_cond, fence_cond;
	struct deia__jobs writes, reads, fences, done;
	size_t done_bytes; /* of pages that are not yet called back */
	bool stop;
	struct deia_store_stats stats;
	struct deia__watch watch;

	pthread_mutex_t read_lock; /* around backend->read */
	pthread_t writer, reader, fencer;
	bool has_writer, has_reader, has_fencer;
	atomic_bool failed_hard; /* then errmsg is set and stays */
	struct deia__errmsg errmsg;
};

void deia__jobs_add(struct deia__jobs *q, struct deia__job *job);
void deia__jobs_move(struct deia__jobs *to, struct deia__jobs *from);
/* Both commits and reads of a turn leave it together, at its end. */
void deia__kick(deia_store *s);
/* Puts a read among those that wait. */
void deia__read_queue(deia_store *s, struct deia__job *job);
/* A job is done: the loop finds it; bytes: what its rows hold. Any thread. */
void deia__job_done(deia_store *s, struct deia__job *job, size_t bytes);
/* Calls back, and frees it. */
void deia__fence_deliver(deia_store *s, struct deia__fencing *f);
/* Does the counting, on the reading thread. */
void deia__count_run(deia_store *s, struct deia__counting *c);
/* Copies n values; NULL: out of memory. */
const struct deia_value *deia__values_copy(struct deia__arena *a,
					   const struct deia_value *v,
					   unsigned n);

/* Starts the threads where the backend wants them: DEIA_OK, DEIA_ENOMEM. */
deia_err deia__workers_start(deia_store *s);
/* Hands the batch of this turn over (or does it now, without threads). */
void deia__workers_kick(deia_store *s);
/* Ends the threads once all that was handed over is done. */
void deia__workers_stop(deia_store *s);
/* Calls back up to max finished jobs in order, fewer when their pages are
 * large; true when more are there. */
bool deia__deliver(deia_store *s, unsigned max);

/* Microseconds of a clock that never jumps; any thread. */
int64_t deia__store_now_us(void);
/* Wakes the loop; any thread. */
void deia__wake(deia_store *s);

/* Tells the watchers up to max notices; true when more are there. */
bool deia__watch_tell(deia_store *s, unsigned max);
/* Waits for the thread's end; before, stopping was called. */
void deia__watch_stop(deia_store *s);
void deia__watch_fini(deia_store *s);

#endif
