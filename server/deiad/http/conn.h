/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one client connection under evhttp.
 *
 * evhttp reads and frames; this layer sees each byte first (a callback on the
 * input buffer), checks heads strictly, keeps total deadlines by phase, and
 * can take the connection away from evhttp to refuse it in our own words.
 */
#ifndef DEIAD_CONN_H
#define DEIAD_CONN_H

#include "chunk.h"
#include "head.h"
#include "server.h"

#include <event2/bufferevent.h>

struct evhttp_connection;
struct evhttp_request;
struct peer;
struct ws;

struct conn {
	TAILQ_ENTRY(conn) link; /* in srv->phases[phase] */
	struct server *srv;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL until attached */
	bufferevent_data_cb ev_write;	 /* evhttp's own callbacks */
	bufferevent_event_cb ev_event;
	struct event kick; /* runs conn_kick outside of evhttp's calls */
	struct peer *peer;
	struct rq *rq; /* the request a handler has */
	struct ws *ws; /* what it became, or NULL */
	int fd;
	enum phase phase;
	int64_t since_ms; /* when the phase began */
	bool faulty, watching;
	struct head_fault fault;
	struct head_scan scan;
	struct head head_info;
	struct chunk_scan chunks; /* of a chunked body */
	char *head;		  /* bytes of a head that came in pieces */
	size_t head_len, head_cap;
	size_t body_bytes;   /* counted in srv->bodies_bytes */
	size_t reply_bytes;  /* counted in srv->replies_bytes */
	size_t written_mark; /* output length when last looked at */
	int64_t written_ms;
};

/* evhttp's bevcb: makes the bufferevent of a connection being accepted. */
struct bufferevent *conn_bevcb(struct event_base *base, void *server);
/* The connection a request came on; NULL when it is not tracked. */
struct conn *conn_of(struct server *s, struct evhttp_request *req);
/* Moves to a phase and starts its deadline. */
void conn_phase(struct conn *c, enum phase phase);
/* Answers status with a problem document, then closes. Any phase without a
 * handler. The fault's text is static. */
void conn_refuse(struct conn *c, const struct head_fault *fault);
/* Ends it at once; c is gone afterwards. */
void conn_close(struct conn *c);
/* The reply is complete and evhttp reads the next request. */
void conn_replied(struct conn *c);
/* Learns when the client goes away while no reply is being written. */
void conn_watch(struct conn *c);
/* A handler works on the request: reading goes on, so that switching it off
 * and on again costs nothing. */
void conn_work(struct conn *c);
/* Sends at once what the socket takes; the rest waits in the output. */
void conn_write(struct conn *c, const char *head, size_t head_len,
		const char *body, size_t body_len);
/* Takes it from evhttp for good: its bytes are the socket's, unread ones soon.
 * The callbacks' argument says nothing; conn_of_bev does. */
void conn_take(struct conn *c, struct ws *ws, bufferevent_data_cb on_read,
	       bufferevent_data_cb on_written, bufferevent_event_cb on_event);
/* Whose it is; NULL: it is not tracked any more. */
struct conn *conn_of_bev(struct bufferevent *bev);
/* Gives the write callback back to evhttp, before the end of a reply. */
void conn_unwatch(struct conn *c);
/* Closes what is over its deadline. Called by the server's sweep. */
void conn_expire(struct conn *c, int64_t now);

#endif
