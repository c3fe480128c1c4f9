/* SPDX-License-Identifier: MIT */
/*
 * rq.h - one request: from its head to the end of the reply.
 *
 * A handler gets a struct rq, and answers it once with one of the rq_ reply
 * functions, at once or later. When it answers later it holds the rq (rq_hold)
 * and drops it (rq_drop) in the callback it waited for; should the client have
 * left meanwhile, the reply functions do nothing.
 */
#ifndef DEIAD_RQ_H
#define DEIAD_RQ_H

#include <sys/queue.h> /* before libevent's, which lend and take it away */
#include <deia/auth.h>
#include <deia/sys/json.h>
#include <event2/keyvalq_struct.h>

#include "server.h"

struct cJSON;
struct evhttp_request;
struct idem;
struct stream;

#define RQ_EXTRA_BYTES 768
#define RQ_PARAMS 2

struct rq {
	struct server *srv;
	struct conn *conn;	   /* NULL once the client is gone */
	struct evhttp_request *ev; /* NULL once the reply is complete */
	const struct route *route;
	unsigned refs;
	const char *method;
	char *target;  /* path?query as sent, without scheme and authority */
	char *path;    /* target up to '?' */
	char *decoded; /* the parameters of it */
	const char *param[RQ_PARAMS]; /* values of {…} in the pattern */
	struct evkeyvalq query;
	/* Headers that every request is asked for; NULL when absent. */
	struct {
		const char *host, *origin, *site, *authorization, *type,
			*connection, *id, *key;
	} head;
	struct cJSON *json; /* the body, an object, when the route takes one */
	char *text; /* instead, with RF_TEXT: checked, an object, writable,
		     * for jread.h while the handler runs; NULL: no body */
	struct deia_actor actor;
	const char *token; /* the credential, while handlers run; or NULL */
	char ws_token[DEIA_TOKEN_LEN + 1]; /* where it came so; see ws.h */
	bool is_head, is_http10, wants_close, replied, has_query;
	bool streamed; /* how long it took says nothing */
	int status;
	size_t bytes;
	int64_t start_us;
	size_t extra_len;
	char body_print[65]; /* SHA-256 of request and body, for idem.c */
	struct idem *idem;
	struct stream *stream;
	/* The client left, or the reply is complete; may be NULL. */
	void (*on_gone)(struct rq *rq, void *user);
	void *user;
	/* A stream's output was taken by the client; may be NULL. */
	void (*on_drain)(struct rq *rq, void *user);
	void *drain_user;
	/* Last, and not cleared: more header lines, each with CR LF. */
	char extra[RQ_EXTRA_BYTES];
};

/* evhttp's callback for every request. */
void rq_begin(struct evhttp_request *req, void *server);
void rq_hold(struct rq *rq);
void rq_drop(struct rq *rq);
/* The connection ended under it. Called by conn.c. */
void rq_gone(struct rq *rq);
/* The handler waits for long: notice when the client leaves. */
void rq_watch(struct rq *rq, void (*on_gone)(struct rq *rq, void *user),
	      void *user);
/* A header of the request; NULL when absent. */
const char *rq_header(const struct rq *rq, const char *name);
/* A decoded query parameter; NULL when absent. */
const char *rq_query(const struct rq *rq, const char *name);

#endif
