/* SPDX-License-Identifier: MIT */
/*
 * server.h - the HTTP side of deiad: one evhttp, its connections, its limits.
 *
 * Everything belongs to the loop's thread.
 */
#ifndef DEIAD_SERVER_H
#define DEIAD_SERVER_H

#include <deia/hive.h>
#include <sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include <event2/event_struct.h>

struct conn;
struct counts;
struct evconnlistener;
struct evhttp;
struct route;
struct rq;
struct stream;
struct ws;

/* What the configuration says about HTTP. Text is borrowed. */
struct http_limits {
	unsigned max_connections, max_per_address;
	unsigned head_ms, body_ms, idle_ms, heartbeat_ms, linger_ms;
	size_t max_bodies_bytes, max_replies_bytes, max_stream_bytes;
	unsigned max_streams_per_identity;
};

/* Names under which this server may be addressed. */
struct http_names {
	char **hosts, **origins;
	size_t n_hosts, n_origins;
	bool any_literal; /* bound wide: every literal address is ours */
};

/* What a connection is doing; each phase but WORK has a deadline. */
enum phase {
	PH_HEAD,   /* reads a head */
	PH_BODY,   /* reads a body */
	PH_WORK,   /* a handler has the request */
	PH_WRITE,  /* the reply is being taken */
	PH_IDLE,   /* between two requests */
	PH_STREAM, /* server-sent events */
	PH_LINGER, /* refused; waits for the other side to close */
	PHASES
};

TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(stream_list, stream);
TAILQ_HEAD(ws_list, ws);
TAILQ_HEAD(idem_list, idem);

/* Per-address books; see peers.h. */
struct peers;

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	deia_hive *hive;
	void *app; /* of the handlers: struct app */
	struct http_limits limits;
	struct http_names names;
	const struct route *routes;
	size_t n_routes;

	struct conn_list phases[PHASES];
	struct stream_list streams;
	struct ws_list sockets;
	struct idem_list idems; /* keys of requests in flight */
	struct event *sweep;
	bool sweeping, listening, paused;
	struct conn **by_fd;
	size_t by_fd_len;
	unsigned n_conns;
	size_t bodies_bytes;
	size_t replies_bytes; /* in the outputs of all connections */
	struct peers *peers;
	int spare_fd, port;
	struct event *resume; /* listens again after a shortage */
	int64_t last_shortage_ms;

	unsigned active; /* requests between head and end of reply */
	bool draining, starting;
	void (*on_quiet)(void *arg); /* draining and nothing active */
	void *on_quiet_arg;
	uint64_t requests;
	struct counts *counts; /* of the requests, by route */
	char id_prefix[9];

	char *health_reply; /* whole reply but the request id; see health.c */
	size_t health_len;
	int64_t health_ms;
	int health_status;
};

/* Milliseconds of a clock that never jumps. */
int64_t now_ms(void);
int64_t now_us(void);

/*
 * Prepares evhttp on a bound, listening socket, which becomes the server's.
 * It accepts nothing before server_listen. False: memory ran out.
 */
bool server_init(struct server *s, struct event_base *base, int listen_fd);
void server_listen(struct server *s);
/* Accepts no more; idle connections and streams end; on_quiet follows. */
void server_drain(struct server *s, void (*on_quiet)(void *arg), void *arg);
/* Closes all connections at once. */
void server_fini(struct server *s);

/* Called by conn.c when the number of connections changed. */
void server_count_changed(struct server *s);

#endif
