/* SPDX-License-Identifier: MIT */
/*
 * ws.h - WebSocket (RFC 6455) on a connection taken over from evhttp.
 *
 * The request that asked for it went through the same gate as any other, and
 * lives as long as the socket does. Frames are libwslay's; here are the
 * handshake, what is held back, and when a socket ends: the other side closes
 * or is silent for 45 s, the credential is revoked (looked at every 3 s), or
 * the server goes down.
 */
#ifndef DEIAD_WS_H
#define DEIAD_WS_H

#include "rq.h"

struct ws;

struct ws_calls {
	/* A whole message, checked UTF-8. Borrowed, not NUL-terminated. */
	void (*on_text)(struct ws *ws, const char *text, size_t len,
			void *user);
	/* The other side took all that was sent. */
	void (*on_room)(struct ws *ws, void *user);
	/* The server goes down: end it with ws_close when that is right. */
	void (*on_drain)(struct ws *ws, void *user);
	/* Once, last: it is gone. */
	void (*on_end)(void *user);
};

/* Why a socket is closed, beside RFC 6455's own. */
enum {
	WS_GOING_AWAY = 1001,
	WS_UNSUPPORTED = 1003,
	WS_TOO_SLOW = 1013,
	WS_UNAUTHENTICATED = 4401
};

/* The token of "Sec-WebSocket-Protocol: deia.v1, deia.token.TOKEN" (browsers
 * cannot send Authorization), into out; false: there is none. */
bool ws_token(const struct rq *rq, char *out, size_t len);
/*
 * Checks the handshake and answers 101. NULL: answered with a problem (400,
 * 426, 429, 503), no callback comes. The socket holds the request.
 */
struct ws *ws_accept(struct rq *rq, const struct ws_calls *calls, void *user);
struct rq *ws_rq(const struct ws *ws);
/* Sends one text message. False: it is closing, or memory ran out. */
bool ws_send(struct ws *ws, const char *text, size_t len);
/* How many bytes wait for the other side. */
size_t ws_queued(const struct ws *ws);
/* Says why (at most 120 bytes) and closes once that is taken. Nothing more is
 * read or sent. */
void ws_close(struct ws *ws, unsigned code, const char *reason);

void ws_sweep(struct server *s, int64_t now);
void ws_drain_all(struct server *s);

#endif
