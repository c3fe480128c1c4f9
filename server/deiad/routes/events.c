/* SPDX-License-Identifier: MIT */
/*
 * events.c - GET /events: what happens in the hive, as server-sent events.
 *
 * The hive's subscription gives every event after a seq once and in order;
 * the id of each is its seq, so a client that reconnects goes on without gap.
 */
#include "routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <deia/hive.h>

#include "../http/reply.h"
#include "../http/stream.h"

struct listener {
	struct rq *rq; /* held */
	deia_subscription *sub;
};

static void listener_end(struct rq *rq, void *user)
{
	struct listener *l = user;

	deia_unsubscribe(l->sub);
	free(l);
	rq_drop(rq);
}

static void send_resync(struct rq *rq)
{
	int64_t last = deia_hive_last_seq(rq->srv->hive);
	char data[96];

	snprintf(data, sizeof(data),
		 "{\"reason\":\"too old; read all again\",\"seq\":%lld}",
		 (long long)last);
	(void)stream_event(rq, "resync", last, data);
}

/*
 * The first event: its id is where the stream begins, so that a client that
 * loses it before anything happened knows from where to go on; last_seq tells
 * one that only wants the past where to end.
 */
static void send_open(struct rq *rq, int64_t after)
{
	int64_t last = deia_hive_last_seq(rq->srv->hive);
	char data[48];

	snprintf(data, sizeof(data), "{\"last_seq\":%lld}", (long long)last);
	(void)stream_event(rq, "open", after < 0 ? last : after, data);
}

void print_event(struct deia_jw *w, const struct deia_event *ev)
{
	deia_jw_object(w);
	deia_jw_kint(w, "seq", ev->seq);
	deia_jw_ktime(w, "at", ev->at_unix_ms);
	deia_jw_kstr(w, "type", ev->type);
	deia_jw_kstr(w, "subject", ev->subject);
	deia_jw_kraw(w, "data", ev->data && *ev->data ? ev->data : "{}");
	deia_jw_end_object(w);
}

static void on_event(const struct deia_event *ev, void *user)
{
	struct listener *l = user;
	struct deia_jw w;

	if (!ev) {
		send_resync(l->rq);
		return;
	}
	deia_jw_init(&w);
	print_event(&w, ev);
	if (deia_jw_status(&w) == DEIA_OK)
		(void)stream_event(l->rq, ev->type, ev->seq, w.text);
	deia_jw_fini(&w);
}

/* ?after= or Last-Event-ID; -1: from now on; false: answered. */
static bool start_of(struct rq *rq, int64_t *after)
{
	const char *last = rq_header(rq, "Last-Event-ID");
	char *end;

	if (!query_int(rq, "after", -1, INT64_MAX, -1, after))
		return false;
	if (!last || !*last)
		return true;
	errno = 0;
	*after = strtoll(last, &end, 10);
	if (errno || *end || *after < 0) {
		rq_problem(rq, 400, "malformed",
			   "Last-Event-ID must be the id of an event, a whole "
			   "number.");
		return false;
	}
	return true;
}

void route_events(struct rq *rq)
{
	struct listener *l;
	int64_t after;
	deia_err err;

	if (!start_of(rq, &after) || !stream_allowed(rq))
		return;
	l = calloc(1, sizeof(*l));
	if (!l) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	l->rq = rq;
	err = deia_hive_subscribe(rq->srv->hive, after, on_event, l, &l->sub);
	if (err) {
		free(l);
		rq_fail(rq, err);
		return;
	}
	rq_hold(rq);
	if (!stream_begin(rq, false, listener_end, l))
		listener_end(rq, l);
	else
		send_open(rq, after);
}
