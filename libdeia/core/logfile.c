/* SPDX-License-Identifier: MIT */
/*
 * logfile.c - the log thread, its queue and its files.
 *
 * The loop appends records to a list under a lock; the thread takes the list
 * whole and writes without the lock. Bytes in the list and in the batch at
 * work are counted against one bound; over it lines are dropped, and the next
 * record of that file carries how many. A file belongs to the loop until it
 * is closed; its descriptor, size and place in the list of open files belong
 * to the thread. At most MAX_OPEN descriptors are open: with more files the
 * one unused longest is closed until its next line.
 *
 * Lines that came together go out in one write to a file opened O_APPEND. A
 * write that fails in its middle is cut off again, so that no line is ever half
 * there; lines that failed together are tried one by one. Once woken the thread
 * waits a moment for more, so that many lines cost one wake.
 */
#include "core/logfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"

#define MAX_OPEN 64
#define RUN_LINES 256
#define GATHER_NS 5000000

struct record {
	STAILQ_ENTRY(record) next;
	deia__logfile *file;
	uint64_t dropped; /* lines of this file lost right before */
	bool close;	  /* the file's last record, part of the file */
	bool remove;	  /* with close: from the disk, too */
	size_t len;
	char data[];
};
STAILQ_HEAD(records, record);

struct deia__logfile {
	deia__logs *logs;
	/* Of the callers, under the lock. */
	uint64_t dropped;
	/* Of the thread. */
	TAILQ_ENTRY(deia__logfile) open; /* while fd >= 0 */
	int fd;
	size_t size;
	uint64_t lost; /* lines that could not be written */
	/* Set once. */
	size_t max_bytes;
	unsigned keep;
	struct record *closing;
	char path[];
};

TAILQ_HEAD(open_files, deia__logfile);

struct deia__logs {
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	/* Under the lock. */
	struct records queue;
	size_t bytes, max_bytes;
	uint64_t dropped, n_queued, n_written;
	unsigned n_files;
	bool reopen, stop, hurry; /* hurry: somebody waits */
	/* Of the thread. */
	struct open_files open; /* least recently used first */
	unsigned n_open;
	pthread_t thread;
};

static size_t cost(const struct record *r)
{
	return sizeof(*r) + r->len;
}

/* ---- the thread: files ------------------------------------------------- */

static void close_fd(deia__logs *l, deia__logfile *f)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	TAILQ_REMOVE(&l->open, f, open);
	l->n_open--;
}

static void close_all(deia__logs *l)
{
	while (!TAILQ_EMPTY(&l->open))
		close_fd(l, TAILQ_FIRST(&l->open));
}

/* O_NOFOLLOW: a link put in the file's place must not have another file
 * written. O_NONBLOCK: a FIFO there must not stop the thread. */
static int open_regular(const char *path, struct stat *st)
{
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			      O_NONBLOCK | O_NOCTTY,
		      0600);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -1;
}

static bool ensure_open(deia__logs *l, deia__logfile *f)
{
	struct stat st;

	if (f->fd >= 0) {
		TAILQ_REMOVE(&l->open, f, open);
		TAILQ_INSERT_TAIL(&l->open, f, open);
		return true;
	}
	if (l->n_open == MAX_OPEN)
		close_fd(l, TAILQ_FIRST(&l->open));
	f->fd = open_regular(f->path, &st);
	if (f->fd < 0)
		return false;
	f->size = (size_t)st.st_size;
	TAILQ_INSERT_TAIL(&l->open, f, open);
	l->n_open++;
	return true;
}

/* "path.n" into out, "path" for 0; false: too long. */
static bool numbered(char *out, size_t len, const char *path, unsigned n)
{
	int written = n ? snprintf(out, len, "%s.%u", path, n)
			: snprintf(out, len, "%s", path);

	return written > 0 && (size_t)written < len;
}

static void rotate(deia__logs *l, deia__logfile *f)
{
	char from[4096 + 16], to[4096 + 16];
	bool moved = f->keep > 0;

	for (unsigned n = f->keep; n > 0; n--)
		if (numbered(from, sizeof(from), f->path, n - 1) &&
		    numbered(to, sizeof(to), f->path, n))
			moved = rename(from, to) == 0;
	if (moved) {
		close_fd(l, f);
		return;
	}
	/* No older files are wanted or possible: the bound still holds. */
	if (ftruncate(f->fd, 0) == 0)
		f->size = 0;
}

/* Whole or not at all. */
static bool append(deia__logfile *f, const char *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(f->fd, p + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == len) {
		f->size += len;
		return true;
	}
	if (done > 0 && ftruncate(f->fd, (off_t)f->size) != 0)
		f->size += done;
	return false;
}

static bool write_line(deia__logs *l, deia__logfile *f, const char *p,
		       size_t len)
{
	if (!ensure_open(l, f))
		return false;
	if (f->size > 0 && (len > f->max_bytes || f->size > f->max_bytes - len))
		rotate(l, f);
	return ensure_open(l, f) && append(f, p, len);
}

/* Says how many lines are missing here; JSON, as the journals are. */
static bool write_gap(deia__logs *l, deia__logfile *f)
{
	char line[160], now[25];
	int len;

	if (f->lost == 0)
		return true;
	deia__time_print(now, deia__unix_ms(NULL));
	len = snprintf(line, sizeof(line),
		       "{\"timestamp\":\"%s\",\"event\":\"log_lines_dropped\","
		       "\"count\":%llu}\n",
		       now, (unsigned long long)f->lost);
	if (!write_line(l, f, line, (size_t)len))
		return false;
	f->lost = 0;
	return true;
}

static void write_record(deia__logs *l, struct record *r)
{
	deia__logfile *f = r->file;

	f->lost += r->dropped;
	if (!write_gap(l, f) ||
	    (r->len > 0 && !write_line(l, f, r->data, r->len))) {
		if (r->len == 0)
			return;
		f->lost++;
		pthread_mutex_lock(&l->lock);
		l->dropped++;
		pthread_mutex_unlock(&l->lock);
	}
}

/* Lines at the head of the batch that can go into their file at once. */
static int gather(const struct records *batch, struct iovec *lines,
		  size_t *bytes)
{
	const struct record *r = STAILQ_FIRST(batch);
	const deia__logfile *f = r->file;
	int n = 0;

	*bytes = 0;
	for (; r && n < RUN_LINES && r->file == f; r = STAILQ_NEXT(r, next)) {
		if (r->close || r->dropped || r->len == 0 ||
		    f->size + *bytes + r->len > f->max_bytes)
			break;
		lines[n].iov_base = (void *)(uintptr_t)r->data;
		lines[n++].iov_len = r->len;
		*bytes += r->len;
	}
	return n;
}

/* Writes lines and frees them; returns how many, 0: one by one, then. */
static unsigned write_run(deia__logs *l, struct records *batch, size_t *counted)
{
	deia__logfile *f = STAILQ_FIRST(batch)->file;
	struct iovec lines[RUN_LINES];
	size_t bytes;
	ssize_t done;
	int n, i;

	if (f->lost || !STAILQ_NEXT(STAILQ_FIRST(batch), next) ||
	    !ensure_open(l, f))
		return 0;
	n = gather(batch, lines, &bytes);
	if (n < 2)
		return 0;
	done = writev(f->fd, lines, n);
	if (done != (ssize_t)bytes) {
		if (done > 0 && ftruncate(f->fd, (off_t)f->size) != 0)
			f->size += (size_t)done;
		return 0;
	}
	f->size += bytes;
	for (i = 0; i < n; i++) {
		struct record *r = STAILQ_FIRST(batch);

		STAILQ_REMOVE_HEAD(batch, next);
		*counted += cost(r);
		deia__free(r);
	}
	return (unsigned)n;
}

static void remove_all(const deia__logfile *f)
{
	char path[4096 + 16];

	for (unsigned n = 0; n <= f->keep; n++)
		if (numbered(path, sizeof(path), f->path, n))
			(void)unlink(path);
}

/* ---- the thread: its loop ---------------------------------------------- */

/* Writes a record and frees it; returns what it counted. */
static size_t finish_record(deia__logs *l, struct record *r)
{
	deia__logfile *f = r->file;
	size_t bytes = r->close ? 0 : cost(r);
	bool last = r->close, removed = r->remove;

	write_record(l, r);
	deia__free(r);
	if (last) {
		close_fd(l, f);
		if (removed)
			remove_all(f);
		deia__free(f);
	}
	return bytes;
}

static void run_batch(deia__logs *l, struct records *batch, bool reopen)
{
	uint64_t n = 0;
	size_t bytes = 0;

	if (reopen)
		close_all(l);
	while (!STAILQ_EMPTY(batch)) {
		struct record *r;
		unsigned run = write_run(l, batch, &bytes);

		n += run;
		if (run)
			continue;
		r = STAILQ_FIRST(batch);
		STAILQ_REMOVE_HEAD(batch, next);
		bytes += finish_record(l, r);
		n++;
	}
	pthread_mutex_lock(&l->lock);
	l->bytes -= bytes;
	l->n_written += n;
	pthread_cond_broadcast(&l->idle);
	pthread_mutex_unlock(&l->lock);
}

static bool is_pressing(const deia__logs *l)
{
	return l->reopen || l->stop || l->hurry || l->bytes > l->max_bytes / 4;
}

/* Under the lock: waits for work, then a moment for more of it. */
static void await_work(deia__logs *l)
{
	struct timespec until;

	while (STAILQ_EMPTY(&l->queue) && !l->reopen && !l->stop)
		pthread_cond_wait(&l->work, &l->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!is_pressing(l) &&
	       pthread_cond_timedwait(&l->work, &l->lock, &until) == 0)
		;
}

static void *log_thread(void *arg)
{
	deia__logs *l = arg;
	struct records batch = STAILQ_HEAD_INITIALIZER(batch);
	bool reopen, stop = false;

	while (!stop) {
		pthread_mutex_lock(&l->lock);
		await_work(l);
		STAILQ_CONCAT(&batch, &l->queue);
		reopen = l->reopen;
		l->reopen = false;
		stop = l->stop;
		pthread_mutex_unlock(&l->lock);
		run_batch(l, &batch, reopen);
	}
	close_all(l);
	return NULL;
}

/* The thread takes no signals: they are the program's business. */
static bool start_thread(deia__logs *l)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&l->thread, NULL, log_thread, l) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ok)
		pthread_setname_np(l->thread, "deia-log");
	return ok;
}

/* ---- functions of the header ------------------------------------------- */

static void destroy(deia__logs *l)
{
	pthread_cond_destroy(&l->idle);
	pthread_cond_destroy(&l->work);
	pthread_mutex_destroy(&l->lock);
	deia__free(l);
}

deia_err deia__logs_new(deia__logs **out, size_t max_bytes)
{
	deia__logs *l = deia__alloc(sizeof(*l));
	pthread_condattr_t monotonic;

	*out = NULL;
	if (!l)
		return DEIA_ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&l->idle, NULL);
	STAILQ_INIT(&l->queue);
	TAILQ_INIT(&l->open);
	l->max_bytes = max_bytes;
	if (!start_thread(l)) {
		destroy(l);
		return DEIA_EIO;
	}
	*out = l;
	return DEIA_OK;
}

void deia__logs_free(deia__logs *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	assert(l->n_files == 0);
	l->stop = true;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	destroy(l);
}

deia_err deia__logfile_open(deia__logfile **out, deia__logs *l,
			    const char *path, size_t max_file_bytes,
			    unsigned keep)
{
	size_t len = strlen(path);
	deia__logfile *f;

	*out = NULL;
	if (len == 0 || len > 4095 || max_file_bytes == 0)
		return DEIA_EINVAL;
	f = deia__alloc(sizeof(*f) + len + 1);
	if (!f)
		return DEIA_ENOMEM;
	/* Made now, so that closing cannot fail. */
	f->closing = deia__alloc(sizeof(*f->closing));
	if (!f->closing) {
		deia__free(f);
		return DEIA_ENOMEM;
	}
	f->closing->file = f;
	f->closing->close = true;
	f->logs = l;
	f->fd = -1;
	f->max_bytes = max_file_bytes;
	f->keep = keep;
	memcpy(f->path, path, len + 1);
	pthread_mutex_lock(&l->lock);
	l->n_files++;
	pthread_mutex_unlock(&l->lock);
	*out = f;
	return DEIA_OK;
}

/* Under the lock. */
static void enqueue(deia__logfile *f, struct record *r)
{
	deia__logs *l = f->logs;
	bool was_empty = STAILQ_EMPTY(&l->queue), was_pressing = is_pressing(l);

	if (!r->close)
		l->bytes += cost(r);
	r->dropped = f->dropped;
	f->dropped = 0;
	STAILQ_INSERT_TAIL(&l->queue, r, next);
	l->n_queued++;
	if (was_empty || (!was_pressing && is_pressing(l)))
		pthread_cond_signal(&l->work);
}

static void close_file(deia__logfile *f, bool removed)
{
	deia__logs *l;

	if (!f)
		return;
	l = f->logs;
	f->closing->remove = removed;
	pthread_mutex_lock(&l->lock);
	l->n_files--;
	enqueue(f, f->closing);
	pthread_mutex_unlock(&l->lock);
}

void deia__logfile_close(deia__logfile *f)
{
	close_file(f, false);
}

void deia__logfile_delete(deia__logfile *f)
{
	close_file(f, true);
}

void deia__logfile_write(deia__logfile *f, const char *p, size_t len)
{
	deia__logs *l = f->logs;
	struct record *r = NULL;

	if (len == 0)
		return;
	if (len <= l->max_bytes)
		r = deia__alloc(sizeof(*r) + len);
	if (r) {
		r->file = f;
		r->len = len;
		memcpy(r->data, p, len);
	}
	pthread_mutex_lock(&l->lock);
	if (r && cost(r) <= l->max_bytes - l->bytes) {
		enqueue(f, r);
		r = NULL;
	} else {
		f->dropped++;
		l->dropped++;
	}
	pthread_mutex_unlock(&l->lock);
	deia__free(r);
}

void deia__logs_reopen(deia__logs *l)
{
	pthread_mutex_lock(&l->lock);
	l->reopen = true;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
}

void deia__logs_flush(deia__logs *l)
{
	uint64_t goal;

	pthread_mutex_lock(&l->lock);
	goal = l->n_queued;
	l->hurry = true;
	pthread_cond_signal(&l->work);
	while (l->n_written < goal)
		pthread_cond_wait(&l->idle, &l->lock);
	l->hurry = false;
	pthread_mutex_unlock(&l->lock);
}

uint64_t deia__logs_dropped(const deia__logs *l)
{
	/* The lock is no part of what const promises. */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&l->lock;
	uint64_t dropped;

	pthread_mutex_lock(lock);
	dropped = l->dropped;
	pthread_mutex_unlock(lock);
	return dropped;
}
