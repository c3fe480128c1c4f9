/* SPDX-License-Identifier: MIT */
/*
 * store.c - the front: opening, closing, committing, asking for pages.
 *
 * Everything here runs on the loop thread and never blocks, but for opening,
 * closing and the calls that end in _now. The threads are in worker.c, the work in
 * the backends.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"

/* Callbacks of one turn, so that they cannot starve I/O. */
#define DELIVER_MAX 512

static const struct deia__store_backend *const backends[] = {
	&deia__store_memory, &deia__store_sqlite,
	&deia__store_postgres, /* NULL when it is not in the program */
};

/* ---- opening ----------------------------------------------------------- */

/* What stands behind this scheme in the url; NULL: it has another. */
static const char *behind(const char *url, const char *scheme)
{
	size_t len = scheme ? strlen(scheme) : 0;

	if (!len || strncmp(url, scheme, len) != 0 || url[len] != ':')
		return NULL;
	return url + len + 1;
}

static const struct deia__store_backend *by_scheme(const char *url,
						   const char **rest)
{
	const char *found;
	size_t i;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (!backends[i])
			continue;
		found = behind(url, backends[i]->name);
		if (!found)
			found = behind(url, backends[i]->alias);
		if (!found)
			continue;
		*rest = found;
		return backends[i];
	}
	return NULL;
}

const struct deia__store_backend *deia__store_find(const char *url,
						   const char **rest,
						   struct deia__errmsg *msg,
						   deia_err *err)
{
	const struct deia__store_backend *b = by_scheme(url ? url : "", rest);

	*err = DEIA_EINVAL;
	if (b == &deia__store_memory && **rest)
		deia__fail(msg, *err,
			   "a memory store has no path: write memory:");
	else if (b == &deia__store_sqlite && !**rest)
		deia__fail(msg, *err, "the path is missing: write sqlite:PATH");
	else if (b)
		*err = DEIA_OK;
	else if (url && (behind(url, "postgres") || behind(url, "postgresql")))
		*err = deia__fail(msg, DEIA_EUNSUPPORTED,
				  "this build has no PostgreSQL backend: use "
				  "sqlite:PATH");
	else
		deia__fail(msg, *err,
			   "the store's url is memory:, sqlite:PATH or "
			   "postgresql://USER@HOST/DATABASE, not \"%.*s\"",
			   /* What follows may be a password. */
			   url ? (int)(strcspn(url, ":@") + 1) : 0,
			   url ? url : "");
	return *err ? NULL : b;
}

static deia_err choose(deia_store *s, const char *url, const char **rest)
{
	deia_err err;

	s->backend = deia__store_find(url, rest, &s->errmsg, &err);
	if (s->backend && s->opts.durability == DEIA_DURABILITY_MEMORY) {
		s->backend = &deia__store_memory;
		*rest = "";
	}
	return err;
}

/* Overlays the caller's options on the defaults; see house style, options. */
static deia_err read_opts(deia_store *s, const struct deia_store_opts *opts)
{
	const struct deia_store_opts init = DEIA_STORE_OPTS_INIT;
	const char *p = (const char *)opts;
	size_t i;

	s->opts = init;
	if (!opts)
		return DEIA_OK;
	for (i = sizeof(init); i < opts->size; i++)
		if (p[i])
			break;
	if (opts->size < sizeof(opts->size) || i < opts->size ||
	    opts->size > 4096)
		return deia__fail(&s->errmsg, DEIA_EINVAL,
				  "opts->size is wrong: start from "
				  "DEIA_STORE_OPTS_INIT");
	memcpy(&s->opts, opts,
	       opts->size < sizeof(init) ? opts->size : sizeof(init));
	if ((unsigned)s->opts.durability > DEIA_DURABILITY_MEMORY)
		return deia__fail(&s->errmsg, DEIA_EINVAL,
				  "opts->durability is no durability");
	if (s->opts.queue_max == 0)
		s->opts.queue_max = init.queue_max;
	return DEIA_OK;
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	deia_store *s = arg;

	(void)fd;
	(void)what;
	if (!s->lingered) {
		/* What else runs in this turn may commit more, above all what
		 * other modules put off to the end of it. */
		s->lingered = true;
		event_active(s->kick, EV_TIMEOUT, 1);
		return;
	}
	s->lingered = false;
	s->batch_len = 0;
	deia__workers_kick(s);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	deia_store *s = arg;
	uint64_t n;
	bool more;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	more = deia__deliver(s, DELIVER_MAX);
	more = deia__watch_tell(s, DELIVER_MAX) || more;
	if (more)
		deia__wake(s);
}

static deia_err set_up(deia_store *s)
{
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		return deia__fail(&s->errmsg, DEIA_EIO, "eventfd: %s",
				  strerror(errno));
	s->kick = event_new(s->base, -1, 0, on_kick, s);
	s->wake = event_new(s->base, s->wake_fd, EV_READ | EV_PERSIST, on_wake,
			    s);
	if (!s->kick || !s->wake || event_add(s->wake, NULL))
		return deia__fail(&s->errmsg, DEIA_ENOMEM,
				  "memory ran out while opening the store");
	return DEIA_OK;
}

static void tear_down(deia_store *s)
{
	if (s->self)
		s->backend->close(s->self);
	deia__watch_fini(s);
	if (s->wake)
		event_free(s->wake);
	if (s->kick)
		event_free(s->kick);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_cond_destroy(&s->fence_cond);
	pthread_cond_destroy(&s->read_cond);
	pthread_cond_destroy(&s->write_cond);
	pthread_mutex_destroy(&s->read_lock);
	pthread_mutex_destroy(&s->lock);
	deia__free(s);
}

static deia_err open_store(deia_store *s, const char *url,
			   const struct deia_store_opts *opts)
{
	const char *rest = "";
	deia_err err = read_opts(s, opts);

	if (!err)
		err = choose(s, url, &rest);
	if (!err)
		err = set_up(s);
	if (!err)
		err = s->backend->open(&s->self, rest, &s->opts, &s->errmsg);
	if (err)
		return err;
	if (deia__workers_start(s)) {
		deia__workers_stop(s);
		return deia__fail(&s->errmsg, DEIA_ENOMEM,
				  "the store's threads cannot be started");
	}
	return DEIA_OK;
}

_Static_assert(DEIA_STORE_GROUP + 1 == DEIA_STORE_OPS,
	       "those before it are the loop's");

static void init_stats(deia_store *s)
{
	for (int i = 0; i < DEIA_STORE_GROUP; i++)
		deia_histogram_init(&s->times[i], DEIA_SCALE_FAST);
	deia_histogram_init(&s->stats.times[DEIA_STORE_GROUP], DEIA_SCALE_FAST);
	deia_histogram_init(&s->stats.group_len, DEIA_SCALE_COUNT);
}

deia_err deia_store_open(deia_store **out, struct event_base *base,
			 const char *url, const struct deia_store_opts *opts,
			 char *detail, size_t detail_len)
{
	pthread_condattr_t monotonic;
	deia_store *s;
	deia_err err;

	assert(out && base);
	*out = NULL;
	if (detail && detail_len)
		detail[0] = '\0';
	s = deia__alloc(sizeof(*s));
	if (!s) {
		if (detail && detail_len)
			snprintf(detail, detail_len, "memory ran out");
		return DEIA_ENOMEM;
	}
	s->base = base;
	s->wake_fd = -1;
	init_stats(s);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->read_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->write_cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&s->read_cond, NULL);
	pthread_cond_init(&s->fence_cond, NULL);
	err = open_store(s, url, opts);
	if (err && detail && detail_len)
		snprintf(detail, detail_len, "%s", s->errmsg.text);
	if (err)
		tear_down(s);
	else
		*out = s;
	return err;
}

void deia_store_close(deia_store *s)
{
	if (!s)
		return;
	s->closing = true;
	if (s->backend->stopping)
		s->backend->stopping(s->self);
	deia__workers_kick(s);
	deia__workers_stop(s);
	deia__watch_stop(s);
	while (deia__deliver(s, DELIVER_MAX))
		;
	tear_down(s);
}

const char *deia_store_backend_name(const deia_store *s)
{
	return s->backend->name;
}

const char *deia_store_op_name(enum deia_store_op op)
{
	static const char *const names[DEIA_STORE_OPS] = {
		[DEIA_STORE_TRANSACTION] = "transaction",
		[DEIA_STORE_PAGE] = "page",
		[DEIA_STORE_COUNT] = "count",
		[DEIA_STORE_GROUP] = "group",
	};

	return names[op];
}

void deia_store_get_stats(deia_store *s, struct deia_store_stats *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->stats;
	pthread_mutex_unlock(&s->lock);
	memcpy(out->times, s->times, sizeof(s->times));
	out->queued = s->open_txns;
	out->failed_hard = atomic_load(&s->failed_hard);
	if (s->backend->away_since)
		out->away_since_unix_ms = s->backend->away_since(s->self);
	out->away = out->away_since_unix_ms != 0;
	if (out->away && s->backend->away_why)
		s->backend->away_why(s->self, out->away_why,
				     sizeof(out->away_why));
	if (out->away && !out->away_why[0])
		snprintf(out->away_why, sizeof(out->away_why),
			 "it does not answer");
}

const char *deia_store_errmsg(const deia_store *s)
{
	return atomic_load(&s->failed_hard) ? s->errmsg.text : "";
}

/* ---- writing ----------------------------------------------------------- */

static deia_err admit(const deia_store *s, const deia_txn *txn)
{
	if (txn->err)
		return txn->err;
	if (s->closing || s->opts.as_it_is)
		return DEIA_ESTATE;
	if (atomic_load(&s->failed_hard))
		return DEIA_ESTORE;
	if (s->open_txns >= s->opts.queue_max)
		return DEIA_EBUSY;
	/* A single one always fits, however large. */
	if (s->open_txns > 0 &&
	    s->open_bytes + txn->arena.bytes > DEIA_STORE_MAX_QUEUE_BYTES)
		return DEIA_EBUSY;
	return DEIA_OK;
}

void deia__kick(deia_store *s)
{
	if (s->batch_len++ == 0)
		event_active(s->kick, EV_TIMEOUT, 1);
}

deia_err deia_txn_commit(deia_txn *txn, deia_txn_cb cb, void *user)
{
	deia_store *s;
	deia_err err;

	if (!txn)
		return DEIA_ENOMEM;
	s = txn->store;
	err = admit(s, txn);
	if (!err && txn->n_seqs > 0) {
		txn->seqs = deia__arena_alloc(&txn->arena,
					      txn->n_seqs * sizeof(int64_t));
		err = txn->seqs ? DEIA_OK : DEIA_ENOMEM;
	}
	if (err) {
		deia_txn_free(txn);
		return err;
	}
	txn->cb = cb;
	txn->user = user;
	s->open_txns++;
	s->open_bytes += txn->arena.bytes;
	txn->job.since_us = deia__store_now_us();
	deia__jobs_add(&s->batch, &txn->job);
	deia__kick(s);
	return DEIA_OK;
}

/* ---- reading ----------------------------------------------------------- */

const struct deia_value *deia__values_copy(struct deia__arena *a,
					   const struct deia_value *v,
					   unsigned n)
{
	struct deia_value *to = deia__arena_alloc(a, n * sizeof(*to));
	unsigned i;

	for (i = 0; to && i < n; i++) {
		to[i] = v[i];
		if (v[i].type != DEIA_TEXT && v[i].type != DEIA_BLOB)
			continue;
		to[i].s = deia__arena_dup(a, v[i].s, v[i].len);
		if (!to[i].s)
			return NULL;
	}
	return to;
}

deia_err deia_store_page(deia_store *s, const struct deia_page_query *query,
			 deia_page_cb cb, void *user)
{
	deia_err err = deia__query_check(query);
	struct deia__read *r;

	if (err || !cb)
		return err ? err : DEIA_EINVAL;
	if (s->closing)
		return DEIA_ESTATE;
	if (s->open_reads >= DEIA_STORE_MAX_READS)
		return DEIA_EBUSY;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return DEIA_ENOMEM;
	r->job.kind = DEIA__JOB_PAGE;
	r->query = *query;
	r->query.equal =
		deia__values_copy(&r->arena, query->equal, query->n_equal);
	r->query.after =
		deia__values_copy(&r->arena, query->after, query->n_after);
	if (!r->query.equal || !r->query.after) {
		deia__arena_fini(&r->arena);
		deia__free(r);
		return DEIA_ENOMEM;
	}
	r->cb = cb;
	r->user = user;
	deia__read_queue(s, &r->job);
	return DEIA_OK;
}

deia_err deia_store_page_now(deia_store *s, const struct deia_page_query *query,
			     deia_rows **out)
{
	deia_err err = deia__query_check(query);

	*out = NULL;
	if (err)
		return err;
	*out = deia__rows_new(query->table->n_columns);
	if (!*out)
		return DEIA_ENOMEM;
	pthread_mutex_lock(&s->read_lock);
	err = s->backend->read(s->self, query, *out);
	pthread_mutex_unlock(&s->read_lock);
	if (err) {
		deia_rows_free(*out);
		*out = NULL;
	}
	return err;
}
