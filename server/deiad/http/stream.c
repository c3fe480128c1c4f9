/* SPDX-License-Identifier: MIT */
/*
 * stream.c - see stream.h.
 */
#include "stream.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "conn.h"
#include "reply.h"

#define RECHECK_MS 3000

struct stream {
	TAILQ_ENTRY(stream) link; /* in srv->streams */
	struct rq *rq;
	void (*on_end)(struct rq *rq, void *user);
	void *user;
	char token[DEIA_TOKEN_LEN + 1];
	int64_t written_ms, checked_ms, looked_ms;
	size_t mark; /* queued when last written or looked at */
	bool finishes, is_sse;
};

static void stream_free(struct rq *rq)
{
	struct stream *st = rq->stream;

	rq->stream = NULL;
	TAILQ_REMOVE(&rq->srv->streams, st, link);
	sodium_memzero(st->token, sizeof(st->token));
	free(st);
}

static unsigned count_of(const struct rq *rq)
{
	const struct stream *st;
	unsigned n = 0;

	TAILQ_FOREACH(st, &rq->srv->streams, link)
		if (strcmp(st->rq->actor.token_id, rq->actor.token_id) == 0 &&
		    strcmp(st->rq->actor.name, rq->actor.name) == 0)
			n++;
	return n;
}

/* The client left; or the stream was cut by abort_stream. */
static void on_gone(struct rq *rq, void *user)
{
	struct stream *st = user;
	void (*on_end)(struct rq * rq, void *user) = st->on_end;
	void *arg = st->user;

	stream_free(rq);
	on_end(rq, arg);
}

bool stream_allowed(struct rq *rq)
{
	unsigned max = rq->srv->limits.max_streams_per_identity;

	if (count_of(rq) < max)
		return true;
	rq_add_header(rq, "Retry-After", "5");
	rq_problem(rq, 429, deia_err_name(DEIA_EBUSY),
		   "At most %u streams are open per identity; close one first.",
		   max);
	return false;
}

bool stream_begin_type(struct rq *rq, const char *type, bool finishes,
		       void (*on_end)(struct rq *rq, void *user), void *user)
{
	struct stream *st;

	if (!stream_allowed(rq))
		return false;
	if (rq->is_head) {
		rq_send(rq, 200, type, NULL, 0);
		return false;
	}
	st = rq->conn ? calloc(1, sizeof(*st)) : NULL;
	if (!st) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return false;
	}
	st->rq = rq;
	st->on_end = on_end;
	st->user = user;
	st->finishes = finishes;
	st->is_sse = strcmp(type, "text/event-stream") == 0;
	st->written_ms = st->checked_ms = st->looked_ms = now_ms();
	snprintf(st->token, sizeof(st->token), "%s",
		 rq->token ? rq->token : "");
	rq->stream = st;
	rq->on_gone = on_gone;
	rq->user = st;
	TAILQ_INSERT_TAIL(&rq->srv->streams, st, link);
	reply_stream_head(rq, type);
	return true;
}

bool stream_begin(struct rq *rq, bool finishes,
		  void (*on_end)(struct rq *rq, void *user), void *user)
{
	return stream_begin_type(rq, "text/event-stream", finishes, on_end,
				 user);
}

size_t stream_queued(const struct rq *rq)
{
	if (!rq->conn)
		return 0;
	return evbuffer_get_length(bufferevent_get_output(rq->conn->bev));
}

/* Writes the parts as one chunk. */
static void write_parts(struct rq *rq, const char *a, size_t a_len,
			const char *b, size_t b_len, const char *c,
			size_t c_len)
{
	struct evbuffer *out = bufferevent_get_output(rq->conn->bev);
	size_t len = a_len + b_len + c_len;

	if (!rq->is_http10)
		evbuffer_add_printf(out, "%zx\r\n", len);
	evbuffer_add(out, a, a_len);
	evbuffer_add(out, b, b_len);
	evbuffer_add(out, c, c_len);
	if (!rq->is_http10)
		evbuffer_add(out, "\r\n", 2);
	rq->bytes += len;
	rq->stream->written_ms = rq->stream->looked_ms = now_ms();
	rq->stream->mark = stream_queued(rq);
}

static void write_event(struct rq *rq, const char *event, int64_t id,
			const char *data)
{
	char head[160];
	int n = 0;

	if (id >= 0)
		n = snprintf(head, sizeof(head), "id: %lld\n", (long long)id);
	n += snprintf(head + n, sizeof(head) - (size_t)n,
		      "event: %.100s\ndata: ", event);
	write_parts(rq, head, (size_t)n, data, strlen(data), "\n\n", 2);
}

/* Ends a stream for a reason of ours, with one last event. */
static void abort_stream(struct rq *rq, const char *event, const char *data)
{
	if (rq->stream->is_sse)
		write_event(rq, event, -1, data);
	else
		rq->wants_close = true;
	rq_hold(rq);
	on_gone(rq, rq->stream);
	if (rq->conn && rq->wants_close && !rq->is_http10)
		conn_close(rq->conn); /* a cut export must not look whole */
	else
		reply_stream_end(rq);
	rq_drop(rq);
}

static bool too_slow(struct rq *rq)
{
	if (stream_queued(rq) <= rq->srv->limits.max_stream_bytes)
		return false;
	abort_stream(rq, "resync",
		     "{\"reason\":\"the client reads too slowly; connect "
		     "again\"}");
	return true;
}

bool stream_event(struct rq *rq, const char *event, int64_t id,
		  const char *data)
{
	if (!rq->stream || !rq->conn || too_slow(rq))
		return false;
	write_event(rq, event, id, data);
	return true;
}

bool stream_bytes(struct rq *rq, const void *p, size_t len)
{
	if (!rq->stream || !rq->conn)
		return false;
	if (len)
		write_parts(rq, p, len, "", 0, "", 0);
	return true;
}

void stream_cut(struct rq *rq)
{
	if (rq->stream)
		abort_stream(rq, "error", "{}");
}

void stream_end(struct rq *rq)
{
	if (!rq->stream)
		return;
	stream_free(rq);
	rq->on_gone = NULL;
	reply_stream_end(rq);
}

/* ---- housekeeping ------------------------------------------------------ */

static bool still_allowed(struct stream *st, int64_t now)
{
	struct deia_actor actor = { 0 };

	if (now - st->checked_ms < RECHECK_MS || !st->token[0])
		return true;
	st->checked_ms = now;
	return deia_hive_authenticate(st->rq->srv->hive, st->token, &actor) ==
	       DEIA_OK;
}

/* A file's reader must take 4 KiB per idle time at the least. */
static bool is_stuck(struct stream *st, int64_t now)
{
	size_t queued = stream_queued(st->rq);

	if (st->is_sse || now - st->looked_ms < st->rq->srv->limits.idle_ms)
		return false;
	if (queued && queued + 4096 > st->mark)
		return true;
	st->looked_ms = now;
	st->mark = queued;
	return false;
}

void streams_sweep(struct server *s, int64_t now)
{
	struct stream *st, *next;

	for (st = TAILQ_FIRST(&s->streams); st; st = next) {
		next = TAILQ_NEXT(st, link);
		if (!still_allowed(st, now)) {
			abort_stream(st->rq, "error",
				     "{\"type\":\"about:blank\",\"title\":"
				     "\"Unauthorized\",\"status\":401,\"code\":"
				     "\"unauthenticated\",\"detail\":\"the "
				     "credential was revoked or ran out\"}");
		} else if (is_stuck(st, now)) {
			abort_stream(st->rq, "error", "{}");
		} else if (st->is_sse &&
			   now - st->written_ms >= s->limits.heartbeat_ms &&
			   !too_slow(st->rq)) {
			write_parts(st->rq, ": still here\n\n", 14, "", 0, "",
				    0);
		}
	}
}

void streams_end_all(struct server *s)
{
	struct stream *st, *next;

	for (st = TAILQ_FIRST(&s->streams); st; st = next) {
		next = TAILQ_NEXT(st, link);
		if (!st->finishes)
			abort_stream(st->rq, "shutdown", "{}");
	}
}
