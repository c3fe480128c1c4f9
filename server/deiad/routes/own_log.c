/* SPDX-License-Identifier: MIT */
/*
 * own_log.c - GET /logs: deiad's own log, filtered; with ?follow=1 a stream.
 *
 * The file is read by a worker. What the filter looks for is borrowed from the
 * request's query, which lives as long as the request is held.
 */
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/logs.h>

#include "../app.h"
#include "../http/reply.h"
#include "../http/stream.h"
#include "../jobs.h"
#include "../log.h"
#include "follow.h"

#define LINES_MAX 10000

struct own_job {
	struct job job;
	struct rq *rq; /* held */
	struct deia_log_filter filter;
	unsigned lines;
	char path[4300], *text;
	size_t len;
	bool cut;
	deia_err err;
};

static void run_read(struct job *job)
{
	struct own_job *o = (struct own_job *)job;

	o->err = deia_log_read(o->path, &o->filter, o->lines, &o->text, &o->len,
			       &o->cut);
}

/* Each line is a JSON object, as deia_log_matches has seen. */
static void send_lines(struct own_job *o)
{
	char *p = o->text, *end = p + o->len;
	struct deia_jw w;

	list_begin(&w);
	while (p < end) {
		char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			break;
		*nl = '\0';
		deia_jw_raw(&w, p);
		p = nl + 1;
	}
	deia_jw_end_array(&w);
	deia_jw_kbool(&w, "cut", o->cut);
	deia_jw_kstr(&w, "next_cursor", NULL);
	deia_jw_end_object(&w);
	rq_send_json(o->rq, 200, &w);
}

static void read_done(struct job *job)
{
	struct own_job *o = (struct own_job *)job;

	if (o->job.dropped)
		rq_fail_with(o->rq, DEIA_EUNAVAILABLE,
			     "The server is going down.");
	else if (o->err)
		rq_fail_with(o->rq, o->err, "The log cannot be read.");
	else
		send_lines(o);
	rq_drop(o->rq);
	free(o->text);
	free(o);
}

static void read_log(struct rq *rq, const char *path,
		     const struct deia_log_filter *filter, unsigned lines)
{
	struct own_job *o = calloc(1, sizeof(*o));

	if (!o) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	o->job.run = run_read;
	o->job.done = read_done;
	o->rq = rq;
	o->filter = *filter;
	o->lines = lines;
	snprintf(o->path, sizeof(o->path), "%s", path);
	rq_hold(rq);
	if (jobs_submit(app_of(rq->srv)->jobs, &o->job))
		return;
	rq_fail_with(rq, DEIA_EBUSY,
		     "Too many logs are being read; try again in a moment.");
	rq_drop(rq);
	free(o);
}

static bool read_level(struct rq *rq, struct deia_log_filter *f)
{
	const char *name = rq_query(rq, "level");

	if (!name)
		return true;
	f->level = log_level_parse(name);
	if (strcmp(log_level_name(f->level), name) == 0)
		return true;
	rq_bad_field(rq, "?level", "it must be error, warn, info or debug");
	return false;
}

static bool read_filter(struct rq *rq, struct deia_log_filter *f)
{
	const char *since = rq_query(rq, "since");

	*f = (struct deia_log_filter)DEIA_LOG_FILTER_INIT;
	f->request_id = rq_query(rq, "request_id");
	f->trace_id = rq_query(rq, "trace_id");
	f->bot = rq_query(rq, "bot");
	f->task = rq_query(rq, "task");
	f->text = rq_query(rq, "text");
	if (since && !time_parse(since, &f->since_unix_ms)) {
		rq_bad_field(rq, "?since",
			     "it must be a time like 2026-11-22T16:00:00Z");
		return false;
	}
	return read_level(rq, f);
}

void route_logs(struct rq *rq)
{
	const struct app *app = app_of(rq->srv);
	struct deia_log_filter filter;
	char path[4300];
	int64_t lines;
	bool follow;

	if (!query_int(rq, "tail", 1, LINES_MAX, 100, &lines) ||
	    !query_bool(rq, "follow", false, &follow) ||
	    !read_filter(rq, &filter))
		return;
	snprintf(path, sizeof(path), "%s/bot-logs/" LOG_FILE, app->dir);
	if (!follow)
		read_log(rq, path, &filter, (unsigned)lines);
	else if (stream_allowed(rq))
		follow_begin(rq, path, (unsigned)lines, &filter);
}
