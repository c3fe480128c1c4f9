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
	size_t batch_len;
	bool lingered; /* the batch waited for the rest of the turn */
	size_t open_txns, open_bytes, open_reads;
	bool closing;

	pthread_mutex_t lock;
	/* Under lock. */
	pthread_cond_t write_cond, read_cond;
	struct deia__jobs writes, reads, done;
	size_t done_bytes; /* of pages that are not yet called back */
	bool stop;
	struct deia_store_stats stats;

	pthread_mutex_t read_lock; /* around backend->read */
	pthread_t writer, reader;
	bool has_writer, has_reader;
	atomic_bool failed_hard; /* then errmsg is set and stays */
	struct deia__errmsg errmsg;
};

void deia__jobs_add(struct deia__jobs *q, struct deia__job *job);
void deia__jobs_move(struct deia__jobs *to, struct deia__jobs *from);

/* Starts the threads where the backend wants them: DEIA_OK, DEIA_ENOMEM. */
deia_err deia__workers_start(deia_store *s);
/* Hands the batch of this turn over (or does it now, without threads). */
void deia__workers_kick(deia_store *s);
/* Ends the threads once all that was handed over is done. */
void deia__workers_stop(deia_store *s);
/* Calls back up to max finished jobs in order, fewer when their pages are
 * large; true when more are there. */
bool deia__deliver(deia_store *s, unsigned max);

#endif
