/* SPDX-License-Identifier: MIT */
/*
 * stream.h - replies that go on: server-sent events.
 *
 * A stream has a bounded queue: a client that does not read gets one last
 * `resync` event and the end. Silent streams get a comment as heartbeat. The
 * credential is checked again every few seconds, and a revoked one ends it.
 */
#ifndef DEIAD_STREAM_H
#define DEIAD_STREAM_H

#include "rq.h"

struct stream;

/* Fewer streams than the limit are open; false: answered with 429. */
bool stream_allowed(struct rq *rq);
/*
 * Starts a stream as the answer. on_end runs once when it ends for another
 * reason than stream_end: client gone, too slow, credential revoked, drain.
 * finishes: it ends by itself soon, so that a drain waits for it.
 * False: answered with a problem; on_end is not called.
 */
bool stream_begin(struct rq *rq, bool finishes,
		  void (*on_end)(struct rq *rq, void *user), void *user);
/* Sends one event; id < 0: none; data: one line of JSON. False: it ended. */
bool stream_event(struct rq *rq, const char *event, int64_t id,
		  const char *data);
/* How many bytes wait for the client. */
size_t stream_queued(const struct rq *rq);
/* Sends bytes as they are (an export); false: it ended. */
bool stream_bytes(struct rq *rq, const void *p, size_t len);
/* Starts a plain streamed reply of this type; as stream_begin otherwise. */
bool stream_begin_type(struct rq *rq, const char *type, bool finishes,
		       void (*on_end)(struct rq *rq, void *user), void *user);
/* Breaks a stream off, so that it cannot be taken for a whole one; on_end is
 * called. */
void stream_cut(struct rq *rq);
/* The end as planned. */
void stream_end(struct rq *rq);

void streams_sweep(struct server *s, int64_t now);
void streams_end_all(struct server *s);

#endif
