/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the writer and the reader thread, and the way back to the loop.
 *
 * Group commit needs no timer: what was queued while the previous group was
 * on its way to the disk is the next group. Completion allocates nothing, so
 * an outcome cannot be lost. Callbacks run in the order of completion, and
 * transactions complete in the order of their commits.
 */
#include "store/store.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/fault.h"
#include "core/mem.h"

/* A group ends at these, so that no callback waits for thousands of others. */
#define GROUP_TXNS 4096
#define GROUP_BYTES ((size_t)16 << 20)
/* Pages that wait for the loop: above it the reader pauses. */
#define DONE_BYTES ((size_t)64 << 20)
/* Of pages, called back in one turn of the loop: a page costs its reader about
 * a millisecond for each MiB, and others wait meanwhile. */
#define TURN_BYTES ((size_t)1 << 20)

/* A backend that has nothing to write looks after itself so often. */
#define IDLE_SECONDS 1

void deia__jobs_add(struct deia__jobs *q, struct deia__job *job)
{
	job->next = NULL;
	if (q->last)
		q->last->next = job;
	else
		q->first = job;
	q->last = job;
}

void deia__jobs_move(struct deia__jobs *to, struct deia__jobs *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	from->first = from->last = NULL;
}

int64_t deia__store_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void deia__wake(deia_store *s)
{
	uint64_t one = 1;

	/* Cannot fail: the counter is far from its end. */
	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* Puts finished jobs where the loop finds them. Takes the lock. */
static void finish(deia_store *s, struct deia__jobs *jobs, size_t bytes)
{
	bool was_empty;

	pthread_mutex_lock(&s->lock);
	was_empty = s->done.first == NULL;
	deia__jobs_move(&s->done, jobs);
	s->done_bytes += bytes;
	pthread_mutex_unlock(&s->lock);
	if (was_empty)
		deia__wake(s);
}

void deia__job_done(deia_store *s, struct deia__job *job, size_t bytes)
{
	struct deia__jobs one = { NULL, NULL };

	deia__jobs_add(&one, job);
	finish(s, &one, bytes);
}

/* ---- writing ----------------------------------------------------------- */

/* Takes the next group off the queue. Under lock. */
static void take_group(deia_store *s, struct deia__jobs *group)
{
	struct deia__job *job;
	size_t bytes = 0, n = 0;

	while (s->writes.first && n < GROUP_TXNS && bytes < GROUP_BYTES) {
		job = s->writes.first;
		s->writes.first = job->next;
		if (!s->writes.first)
			s->writes.last = NULL;
		bytes += ((deia_txn *)(void *)job)->arena.bytes;
		deia__jobs_add(group, job);
		n++;
	}
}

static void count_group(deia_store *s, deia_txn *first, int64_t us)
{
	uint64_t rows = 0, n = 0, failed = 0;
	deia_txn *t;

	for (t = first; t; t = deia__txn_next(t), n++) {
		rows += t->n_ops;
		failed += t->err != DEIA_OK;
	}
	pthread_mutex_lock(&s->lock);
	s->stats.groups++;
	s->stats.transactions += n;
	s->stats.failed += failed;
	s->stats.last_commit_us = (uint64_t)us;
	if (rows > s->stats.group_rows_max)
		s->stats.group_rows_max = rows;
	deia_histogram_add(&s->stats.times[DEIA_STORE_GROUP], us);
	deia_histogram_add(&s->stats.group_len, (int64_t)n);
	pthread_mutex_unlock(&s->lock);
}

static void write_group(deia_store *s, struct deia__jobs *group)
{
	deia_txn *first = (deia_txn *)(void *)group->first, *t;
	int64_t start = deia__store_now_us();
	deia_err err = DEIA_ESTORE;

	if (!atomic_load(&s->failed_hard))
		err = s->backend->commit(s->self, first, &s->errmsg);
	if (err == DEIA_ESTORE)
		atomic_store(&s->failed_hard, true);
	for (t = first; err && t; t = deia__txn_next(t))
		t->err = err;
	count_group(s, first, deia__store_now_us() - start);
	DEIA__FAULT("after-commit-before-answer");
	finish(s, group, 0);
	if (!s->backend->maintain || atomic_load(&s->failed_hard))
		return;
	if (s->backend->maintain(s->self, &s->errmsg) == DEIA_ESTORE)
		atomic_store(&s->failed_hard, true);
}

/* Waits for a group; meanwhile the backend may look after itself. Under lock. */
static void await_group(deia_store *s)
{
	struct timespec until;

	if (!s->backend->idle) {
		pthread_cond_wait(&s->write_cond, &s->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	if (pthread_cond_timedwait(&s->write_cond, &s->lock, &until) == 0)
		return;
	pthread_mutex_unlock(&s->lock);
	if (!atomic_load(&s->failed_hard) &&
	    s->backend->idle(s->self, &s->errmsg) == DEIA_ESTORE)
		atomic_store(&s->failed_hard, true);
	pthread_mutex_lock(&s->lock);
}

static void *writer_main(void *arg)
{
	deia_store *s = arg;
	struct deia__jobs group = { NULL, NULL };

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->writes.first && !s->stop)
			await_group(s);
		if (!s->writes.first)
			break;
		take_group(s, &group);
		pthread_mutex_unlock(&s->lock);
		write_group(s, &group);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- reading ----------------------------------------------------------- */

static void read_page(deia_store *s, struct deia__read *r)
{
	r->rows = deia__rows_new(r->query.table->n_columns);
	r->err = DEIA_ENOMEM;
	if (r->rows) {
		pthread_mutex_lock(&s->read_lock);
		r->err = s->backend->read(s->self, &r->query, r->rows);
		pthread_mutex_unlock(&s->read_lock);
	}
	if (r->err) {
		deia_rows_free(r->rows);
		r->rows = NULL;
	}
	deia__job_done(s, &r->job, r->rows ? r->rows->arena.bytes : 0);
}

static void read_one(deia_store *s, struct deia__job *job)
{
	struct deia__counting *c = (struct deia__counting *)(void *)job;

	if (job->kind == DEIA__JOB_PAGE) {
		read_page(s, (struct deia__read *)(void *)job);
		return;
	}
	deia__count_run(s, c);
	deia__job_done(s, job, c->rows ? c->rows->arena.bytes : 0);
}

void deia__read_queue(deia_store *s, struct deia__job *job)
{
	s->open_reads++;
	job->since_us = deia__store_now_us();
	pthread_mutex_lock(&s->lock);
	deia__jobs_add(&s->reads, job);
	pthread_cond_signal(&s->read_cond);
	pthread_mutex_unlock(&s->lock);
	if (!s->backend->threads)
		deia__kick(s);
}

static void *reader_main(void *arg)
{
	deia_store *s = arg;
	struct deia__job *job;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->stop &&
		       (!s->reads.first || s->done_bytes > DONE_BYTES))
			pthread_cond_wait(&s->read_cond, &s->lock);
		job = s->reads.first;
		if (!job)
			break;
		s->reads.first = job->next;
		if (!s->reads.first)
			s->reads.last = NULL;
		s->stats.reads++;
		pthread_mutex_unlock(&s->lock);
		read_one(s, job);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- starting, handing over, stopping ---------------------------------- */

deia_err deia__workers_start(deia_store *s)
{
	sigset_t all, old;

	if (!s->backend->threads)
		return DEIA_OK;
	/* Signals belong to the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->has_writer = !pthread_create(&s->writer, NULL, writer_main, s);
	s->has_reader = !pthread_create(&s->reader, NULL, reader_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->has_writer && s->has_reader ? DEIA_OK : DEIA_ENOMEM;
}

/* The work of both threads, on the loop thread. Reads that are left over are
 * done when the pages before them were called back. */
static void run_inline(deia_store *s)
{
	struct deia__jobs group = { NULL, NULL };
	struct deia__job *job;

	while (s->writes.first) {
		take_group(s, &group);
		write_group(s, &group);
	}
	while ((job = s->reads.first) != NULL &&
	       (s->closing || s->done_bytes < TURN_BYTES)) {
		s->reads.first = job->next;
		if (!s->reads.first)
			s->reads.last = NULL;
		s->stats.reads++;
		read_one(s, job);
	}
}

void deia__workers_kick(deia_store *s)
{
	pthread_mutex_lock(&s->lock);
	deia__jobs_move(&s->writes, &s->batch);
	if (s->writes.first)
		pthread_cond_signal(&s->write_cond);
	pthread_mutex_unlock(&s->lock);
	if (!s->backend->threads)
		run_inline(s);
}

void deia__workers_stop(deia_store *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->write_cond);
	pthread_cond_signal(&s->read_cond);
	pthread_cond_signal(&s->fence_cond);
	pthread_mutex_unlock(&s->lock);
	if (s->has_writer)
		pthread_join(s->writer, NULL);
	if (s->has_reader)
		pthread_join(s->reader, NULL);
	if (s->has_fencer)
		pthread_join(s->fencer, NULL);
	s->has_writer = s->has_reader = s->has_fencer = false;
}

/* ---- back on the loop -------------------------------------------------- */

static void deliver_txn(deia_store *s, deia_txn *t)
{
	s->open_txns--;
	s->open_bytes -= t->arena.bytes;
	if (t->cb)
		t->cb(t->err, t->err ? NULL : t->seqs, t->err ? 0 : t->n_seqs,
		      t->user);
	deia_txn_free(t);
}

/* Frees what a read gave; returns how many bytes it had. */
static size_t rows_done(deia_store *s, deia_rows *rows)
{
	size_t bytes = rows ? rows->arena.bytes : 0;

	if (rows) {
		pthread_mutex_lock(&s->lock);
		s->done_bytes -= bytes;
		pthread_cond_signal(&s->read_cond);
		pthread_mutex_unlock(&s->lock);
	}
	deia_rows_free(rows);
	return bytes;
}

static size_t deliver_read(deia_store *s, struct deia__read *r)
{
	size_t bytes;

	s->open_reads--;
	r->cb(r->err, r->rows, r->user);
	bytes = rows_done(s, r->rows);
	deia__arena_fini(&r->arena);
	deia__free(r);
	return bytes;
}

static size_t deliver_count(deia_store *s, struct deia__counting *c)
{
	size_t bytes;

	s->open_reads--;
	c->cb(c->err, c->rows, c->snapshot, c->user);
	bytes = rows_done(s, c->rows);
	deia_snapshot_free(c->snapshot);
	deia__arena_fini(&c->arena);
	deia__free(c);
	return bytes;
}

static void count_time(deia_store *s, enum deia_store_op op,
		       const struct deia__job *job, int64_t now_us)
{
	deia_histogram_add(&s->times[op], now_us - job->since_us);
}

/* Returns how many bytes it had, of a page. */
static size_t deliver_one(deia_store *s, struct deia__job *job, int64_t now_us)
{
	switch (job->kind) {
	case DEIA__JOB_PAGE:
		count_time(s, DEIA_STORE_PAGE, job, now_us);
		return deliver_read(s, (struct deia__read *)(void *)job);
	case DEIA__JOB_COUNT:
		count_time(s, DEIA_STORE_COUNT, job, now_us);
		return deliver_count(s, (struct deia__counting *)(void *)job);
	case DEIA__JOB_FENCE:
		deia__fence_deliver(s, (struct deia__fencing *)(void *)job);
		return 0;
	case DEIA__JOB_TXN:
		break;
	}
	count_time(s, DEIA_STORE_TRANSACTION, job, now_us);
	deliver_txn(s, (deia_txn *)(void *)job);
	return 0;
}

bool deia__deliver(deia_store *s, unsigned max)
{
	struct deia__job *job;
	int64_t now_us = deia__store_now_us();
	size_t bytes = 0;

	pthread_mutex_lock(&s->lock);
	deia__jobs_move(&s->ready, &s->done);
	pthread_mutex_unlock(&s->lock);
	while (max-- > 0 && bytes < TURN_BYTES &&
	       (job = s->ready.first) != NULL) {
		s->ready.first = job->next;
		if (!s->ready.first)
			s->ready.last = NULL;
		bytes += deliver_one(s, job, now_us);
	}
	if (!s->backend->threads && s->reads.first && !s->closing)
		event_active(s->kick, EV_TIMEOUT, 0);
	return s->ready.first != NULL;
}
