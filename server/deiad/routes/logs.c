/* SPDX-License-Identifier: MIT */
/*
 * logs.c - GET /bots/{id}/logs: the end of a bot's log.
 *
 * JSON, or text/plain by Accept; with ?follow=1 a stream (follow.c). Files
 * are read by a worker.
 */
#include "routes.h"

#include <stdlib.h>
#include <string.h>
#include <deia/hive.h>

#include "../app.h"
#include "../http/reply.h"
#include "../http/stream.h"
#include "../jobs.h"
#include "../tail.h"
#include "follow.h"

#define LINES_MAX 10000
#define BYTES_MAX (1u << 20)

struct log_job {
	struct job job;
	struct rq *rq; /* held */
	unsigned lines;
	bool plain, ok;
	char *path, *text;
	size_t len;
};

static void run_log(struct job *job)
{
	struct log_job *l = (struct log_job *)job;
	struct tail_place place = { 0 };

	l->ok = tail_last(l->path, l->lines, BYTES_MAX, &l->text, &l->len,
			  &place);
}

static void send_items(struct rq *rq, const char *p, size_t len)
{
	const char *end = p + len;
	struct deia_jw w;

	list_begin(&w);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		deia_jw_strn(&w, p, n);
		p += n + 1;
	}
	list_send(rq, &w, NULL);
}

static void log_done(struct job *job)
{
	struct log_job *l = (struct log_job *)job;

	if (l->job.dropped)
		rq_fail_with(l->rq, DEIA_EUNAVAILABLE,
			     "The server is going down.");
	else if (!l->ok)
		rq_fail_with(l->rq, DEIA_EIO, "The log cannot be read.");
	else if (l->plain)
		rq_send(l->rq, 200, "text/plain; charset=utf-8", l->text,
			l->len);
	else
		send_items(l->rq, l->text, l->len);
	rq_drop(l->rq);
	free(l->path);
	free(l->text);
	free(l);
}

static void read_log(struct rq *rq, const char *path, unsigned lines)
{
	const char *accept = rq_header(rq, "Accept");
	struct log_job *l = calloc(1, sizeof(*l));

	if (l)
		l->path = strdup(path);
	if (!l || !l->path) {
		free(l);
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	l->job.run = run_log;
	l->job.done = log_done;
	l->rq = rq;
	l->lines = lines;
	l->plain = accept && strstr(accept, "text/plain") != NULL;
	rq_hold(rq);
	if (jobs_submit(app_of(rq->srv)->jobs, &l->job))
		return;
	rq_fail_with(rq, DEIA_EBUSY,
		     "Too many logs are being read; try again in a moment.");
	rq_drop(rq);
	free(l->path);
	free(l);
}

void route_bot_logs(struct rq *rq)
{
	struct deia_hive_bot bot;
	const char *path;
	int64_t lines;
	bool follow;

	if (!query_int(rq, "tail", 1, LINES_MAX, 100, &lines) ||
	    !query_bool(rq, "follow", false, &follow))
		return;
	if (deia_hive_bot_get(rq->srv->hive, rq->param[0], &bot)) {
		rq_fail_with(rq, DEIA_ENOTFOUND,
			     "There is no bot with this id; `deia bot list` "
			     "shows the ones there are.");
		return;
	}
	path = deia_hive_bot_log_path(rq->srv->hive, rq->param[0]);
	if (bot.elsewhere)
		rq_fail(rq, DEIA_EOTHERNODE);
	else if (follow && !path)
		rq_fail_with(rq, DEIA_EUNSUPPORTED,
			     "This hive keeps no logs; set log_dir.");
	else if (follow && stream_allowed(rq))
		follow_begin(rq, path, (unsigned)lines, NULL);
	else if (!follow && path)
		read_log(rq, path, (unsigned)lines);
	else if (!follow)
		send_items(rq, "", 0);
}
