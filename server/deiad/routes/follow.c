/* SPDX-License-Identifier: MIT */
/*
 * follow.c - see follow.h.
 *
 * One inotify watch on the folder of the logs, while anybody follows, tells
 * which file grew or was rotated; a worker reads; the next piece is read when
 * the client took the last one. Nothing polls.
 */
#include "follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <event2/event.h>

#include "../app.h"
#include "../http/reply.h"
#include "../http/stream.h"
#include "../jobs.h"
#include "../tail.h"

#define PIECE_BYTES (64u << 10)
#define FIRST_BYTES (192u << 10) /* stays below the queue of a stream */

struct follow {
	TAILQ_ENTRY(follow) link;
	struct follows *all;
	struct rq *rq; /* held; NULL once the client left */
	char *path;
	const char *name; /* last part of path */
	struct tail_place place;
	unsigned lines;		       /* of the first read */
	struct deia_log_filter filter; /* size 0: none */
	bool reading, again, first;
};

struct follows {
	struct app *app;
	int fd, watch;
	struct event *ev;
	TAILQ_HEAD(, follow) list;
};

struct read_job {
	struct job job;
	struct follow *f;
	struct tail_place place;
	unsigned lines;
	bool first, ok;
	char *path, *text;
	size_t len;
};

static void read_more(struct follow *f);

static void follow_free(struct follow *f)
{
	struct follows *all = f->all;

	TAILQ_REMOVE(&all->list, f, link);
	free(f->path);
	free(f);
	if (TAILQ_EMPTY(&all->list) && all->watch >= 0) {
		inotify_rm_watch(all->fd, all->watch);
		all->watch = -1;
	}
}

/* The client left. A job that is under way frees it when it is back. */
static void client_left(struct rq *rq, void *user)
{
	struct follow *f = user;

	f->rq = NULL;
	if (!f->reading)
		follow_free(f);
	rq_drop(rq);
}

static void on_drain(struct rq *rq, void *user)
{
	struct follow *f = user;

	(void)rq;
	if (f->again)
		read_more(f);
}

/* False: the stream ended meanwhile, and f may be gone. */
static bool send_lines(struct rq *rq, const struct deia_log_filter *filter,
		       const char *p, size_t len)
{
	const char *end = p + len;
	bool on = true;

	rq_hold(rq);
	while (on && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		struct deia_jw w;

		if (filter->size && !deia_log_matches(filter, p, n)) {
			p += n + 1;
			continue;
		}
		deia_jw_init(&w);
		deia_jw_object(&w);
		deia_jw_key(&w, "line");
		deia_jw_strn(&w, p, n);
		deia_jw_end_object(&w);
		if (deia_jw_status(&w) == DEIA_OK)
			on = stream_event(rq, "line", -1, w.text);
		deia_jw_fini(&w);
		p += n + 1;
	}
	rq_drop(rq);
	return on;
}

static void read_run(struct job *job)
{
	struct read_job *r = (struct read_job *)job;

	if (r->first)
		r->ok = tail_last(r->path, r->lines, FIRST_BYTES, &r->text,
				  &r->len, &r->place);
	else
		r->ok = tail_next(r->path, PIECE_BYTES, &r->text, &r->len,
				  &r->place);
}

static void read_done(struct job *job)
{
	struct read_job *r = (struct read_job *)job;
	struct follow *f = r->f;

	f->reading = false;
	f->first = false;
	f->place = r->place;
	if (r->len)
		f->again = true; /* there may be more */
	if (!f->rq)
		follow_free(f);
	else if (send_lines(f->rq, &f->filter, r->text, r->len) && f->again &&
		 stream_queued(f->rq) == 0)
		read_more(f);
	free(r->path);
	free(r->text);
	free(r);
}

static void read_more(struct follow *f)
{
	struct read_job *r;

	f->again = true;
	if (f->reading || stream_queued(f->rq) > PIECE_BYTES)
		return;
	r = calloc(1, sizeof(*r));
	if (r)
		r->path = strdup(f->path);
	if (!r || !r->path) {
		free(r);
		return;
	}
	r->job.run = read_run;
	r->job.done = read_done;
	r->f = f;
	r->place = f->place;
	r->lines = f->lines;
	r->first = f->first;
	f->reading = jobs_submit(f->all->app->jobs, &r->job);
	if (f->reading) {
		f->again = false;
	} else {
		free(r->path);
		free(r);
	}
}

/* ---- inotify ----------------------------------------------------------- */

static void file_changed(struct follows *all, const char *name)
{
	struct follow *f, *next;

	for (f = TAILQ_FIRST(&all->list); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (f->rq && (!name || strcmp(f->name, name) == 0))
			read_more(f);
	}
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
	char buf[16384]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	struct follows *all = arg;
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	for (char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *e = (const void *)p;

		if (e->mask & IN_Q_OVERFLOW)
			file_changed(all, NULL);
		else if (e->len)
			file_changed(all, e->name);
		p += sizeof(*e) + e->len;
	}
}

static struct follows *follows_of(struct app *app)
{
	struct follows *all = app->follows;

	if (all)
		return all;
	all = calloc(1, sizeof(*all));
	if (!all)
		return NULL;
	all->app = app;
	all->watch = -1;
	TAILQ_INIT(&all->list);
	all->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (all->fd >= 0)
		all->ev = event_new(app->base, all->fd, EV_READ | EV_PERSIST,
				    on_inotify, all);
	if (!all->ev || event_add(all->ev, NULL) != 0) {
		follows_free(all);
		return NULL;
	}
	return app->follows = all;
}

void follows_free(struct follows *all)
{
	if (!all)
		return;
	if (all->ev)
		event_free(all->ev);
	if (all->fd >= 0)
		close(all->fd);
	free(all);
}

static bool watch_folder(struct follows *all, const struct follow *f)
{
	char *folder;

	if (all->watch >= 0)
		return true;
	folder = strndup(f->path, (size_t)(f->name - f->path));
	if (!folder)
		return false;
	all->watch = inotify_add_watch(all->fd, folder,
				       IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	free(folder);
	return all->watch >= 0;
}

void follow_begin(struct rq *rq, const char *path, unsigned lines,
		  const struct deia_log_filter *filter)
{
	struct follows *all = follows_of(app_of(rq->srv));
	struct follow *f = all ? calloc(1, sizeof(*f)) : NULL;
	const char *slash;

	if (f)
		f->path = strdup(path);
	if (!f || !f->path) {
		free(f);
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	slash = strrchr(f->path, '/');
	f->name = slash ? slash + 1 : f->path;
	f->all = all;
	f->rq = rq;
	f->lines = lines;
	if (filter)
		f->filter = *filter;
	f->first = true;
	TAILQ_INSERT_TAIL(&all->list, f, link);
	if (!watch_folder(all, f)) {
		rq_fail_with(rq, DEIA_EIO,
			     "The folder of the logs cannot be watched.");
		follow_free(f);
		return;
	}
	rq_hold(rq);
	if (!stream_begin(rq, false, client_left, f)) {
		client_left(rq, f);
		return;
	}
	rq->on_drain = on_drain;
	rq->drain_user = f;
	read_more(f);
}
