/* SPDX-License-Identifier: MIT */
/*
 * wire.h - one connection that speaks Redis' protocol, on the loop.
 *
 * hiredis formats commands and parses replies. Its asynchronous context is not
 * used: it asserts on replies that a server should not send (0.14.1: one
 * nobody asked for, a message that is no array), and a cache's server is not
 * trusted so far.
 */
#ifndef DEIA_CACHE_WIRE_H
#define DEIA_CACHE_WIRE_H

#include <sys/socket.h>

#include <deia/error.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <hiredis/hiredis.h>

#include "core/buf.h"

struct deia__wire {
	struct event_base *base;
	int fd; /* -1: closed */
	bool connected, reading, writing;
	size_t unanswered; /* bytes since the last whole reply */
	struct event in, out;
	struct deia__buf unsent;
	redisReader *reader;
	redisReplyObjectFunctions fns;
	void *(*make_array)(const redisReadTask *task, int n);
	/* Called on the loop; each may close the wire. */
	void (*on_open)(void *arg);
	void (*on_reply)(void *arg, const redisReply *reply);
	/* Once, after which it is closed; not after deia__wire_close. */
	void (*on_lost)(void *arg, const char *why);
	void *arg;
};

/* The callbacks and arg are set by the owner. */
void deia__wire_init(struct deia__wire *w, struct event_base *base);
/* Begins to connect; on an error nothing is called. EIO, ENOMEM. */
DEIA_NODISCARD deia_err deia__wire_connect(struct deia__wire *w,
					   const struct sockaddr *address,
					   socklen_t len);
/* Queues a command, sent at the end of the turn. ESTATE (closed), EBUSY (too
 * much is unsent), ENOMEM. */
DEIA_NODISCARD deia_err deia__wire_send(struct deia__wire *w, int argc,
					const char **argv, const size_t *lens);
/* Sends what the system takes at once; what it does not is as lost. */
void deia__wire_flush(struct deia__wire *w);
/* Reads what is there, now. */
void deia__wire_read(struct deia__wire *w);
/* Fine when it is closed. */
void deia__wire_close(struct deia__wire *w);

#endif
