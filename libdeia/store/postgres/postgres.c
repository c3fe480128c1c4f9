/* SPDX-License-Identifier: MIT */
/*
 * postgres.c - opening and closing the PostgreSQL backend, and its table.
 *
 * There is no lock on a file: a database may have several writers. Who may be
 * there beside whom is in locks.c, what each writer does in link.c.
 */
#include "store/postgres/postgres.h"

#include <stdlib.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/mem.h"

static void close_all(void *self)
{
	struct deia__pg *p = self;

	deia__pg_disconnect(&p->read);
	deia__pg_sign_out(p);
	deia__pg_pipe_fini(&p->pipe);
	deia__pg_options_fini(p);
	if (p->stop_fd >= 0)
		close(p->stop_fd);
	pthread_mutex_destroy(&p->why_lock);
	deia__free(p);
}

static deia_err open_all(struct deia__pg *p, const char *rest,
			 const struct deia_store_opts *opts,
			 struct deia__errmsg *msg)
{
	deia_err err = deia__pg_options(p, rest, opts, msg);

	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->write.stop_fd = p->read.stop_fd = p->stop_fd;
	if (!err && p->stop_fd < 0)
		err = deia__fail(msg, DEIA_EIO, "no descriptor is left");
	if (!err)
		err = deia__pg_sign_in(p, opts, msg);
	if (err)
		return err;
	err = deia__pg_connect(p, &p->read, &p->read_options,
			       p->read_options.connect_ms, msg);
	return err == DEIA_EUNAVAILABLE ? DEIA_EIO : err;
}

static deia_err open_pg(void **self, const char *rest,
			const struct deia_store_opts *opts,
			struct deia__errmsg *msg)
{
	struct deia__pg *p = deia__alloc(sizeof(*p));
	deia_err err;

	*self = NULL;
	if (!p)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	pthread_mutex_init(&p->why_lock, NULL);
	p->stop_fd = -1;
	err = open_all(p, rest, opts, msg);
	if (err)
		close_all(p);
	else
		*self = p;
	return err;
}

static void stopping(void *self)
{
	struct deia__pg *p = self;
	uint64_t one = 1;

	/* Cannot fail: it is written once. */
	if (write(p->stop_fd, &one, sizeof(one)) < 0)
		return;
}

static void away_why(void *self, char *out, size_t len)
{
	struct deia__pg *p = self;

	pthread_mutex_lock(&p->why_lock);
	snprintf(out, len, "%s", p->why);
	pthread_mutex_unlock(&p->why_lock);
}

static int64_t away_since(void *self)
{
	return atomic_load(&((struct deia__pg *)self)->write.away_since);
}

bool deia_store_has_postgresql(void)
{
	return true;
}

const struct deia__store_backend deia__store_postgres = {
	.size = sizeof(struct deia__store_backend),
	.name = "postgresql",
	.alias = "postgres",
	.threads = true,
	.open = open_pg,
	.close = close_all,
	.commit = deia__pg_commit,
	.read = deia__pg_read,
	.count = deia__pg_count,
	.last_seq = deia__pg_last_seq,
	.status = deia__pg_status,
	.idle = deia__pg_idle,
	.stopping = stopping,
	.away_since = away_since,
	.away_why = away_why,
	.writer = deia__pg_writer,
	.listen = deia__pg_listen,
	.fence = deia__pg_fence,
};
