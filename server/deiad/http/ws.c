/* SPDX-License-Identifier: MIT */
/*
 * ws.c - see ws.h.
 *
 * evhttp goes on to believe that a reply is under way; its callbacks of the
 * bufferevent are ours from the 101 on. The end is always conn_close, and never
 * inside wslay's calls: those mark the socket, and who called them closes it.
 */
#include "ws.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <deia/limits.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <wslay/wslay.h>

#include "conn.h"
#include "reply.h"

#define RECHECK_MS 3000
#define CLOSE_MS 5000 /* for the other side to take the last words */
#define PROTOCOL "deia.v1"
#define TOKEN_PREFIX "deia.token."
#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct ws {
	TAILQ_ENTRY(ws) link; /* in srv->sockets */
	struct rq *rq;	      /* held */
	wslay_event_context_ptr ctx;
	const struct ws_calls *calls;
	void *user;
	int64_t heard_ms, checked_ms, closing_ms;
	bool pinged, closing, broken, in_read, sending;
	char token[DEIA_TOKEN_LEN + 1];
};

/* ---- handshake ----------------------------------------------------------- */

/* The next word of a list divided by commas; NULL: no more. */
static const char *next_word(const char **list, size_t *len)
{
	const char *p = *list + strspn(*list, ", \t");
	size_t n = strcspn(p, ",");

	*list = p + n;
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	*len = n;
	return n ? p : NULL;
}

static bool has_word(const char *list, const char *word)
{
	const char *p;
	size_t len;

	while (list && (p = next_word(&list, &len)))
		if (len == strlen(word) && strncasecmp(p, word, len) == 0)
			return true;
	return false;
}

bool ws_token(const struct rq *rq, char *out, size_t size)
{
	const char *list = rq_header(rq, "Sec-WebSocket-Protocol"), *p;
	size_t len, prefix = strlen(TOKEN_PREFIX);

	while (list && (p = next_word(&list, &len))) {
		if (len <= prefix || strncmp(p, TOKEN_PREFIX, prefix) != 0 ||
		    len - prefix >= size)
			continue;
		memcpy(out, p + prefix, len - prefix);
		out[len - prefix] = '\0';
		return true;
	}
	return false;
}

/* 16 bytes in base64. */
static bool key_ok(const char *key)
{
	unsigned char raw[20];
	size_t len;

	return key && strlen(key) == 24 &&
	       sodium_base642bin(raw, sizeof(raw), key, 24, NULL, &len, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == 16;
}

static bool handshake_ok(struct rq *rq)
{
	const char *protocol = rq_header(rq, "Sec-WebSocket-Protocol");
	const char *version = rq_header(rq, "Sec-WebSocket-Version");

	if (rq->is_head || rq->is_http10 ||
	    !has_word(rq_header(rq, "Upgrade"), "websocket") ||
	    !has_word(rq->head.connection, "upgrade")) {
		rq_add_header(rq, "Upgrade", "websocket");
		rq_problem(rq, 426, "upgrade_required",
			   "This path speaks WebSocket: connect with a "
			   "WebSocket client, or read the same events at "
			   "/api/v1/events.");
	} else if (!version || strcmp(version, "13") != 0) {
		rq_add_header(rq, "Sec-WebSocket-Version", "13");
		rq_problem(rq, 426, "upgrade_required",
			   "Only version 13 of WebSocket is spoken here.");
	} else if (!key_ok(rq_header(rq, "Sec-WebSocket-Key"))) {
		rq_problem(rq, 400, "malformed",
			   "Sec-WebSocket-Key must be 16 bytes in base64.");
	} else if (protocol && !has_word(protocol, PROTOCOL)) {
		rq_problem(rq, 400, "malformed",
			   "The protocol spoken here is \"" PROTOCOL
			   "\"; name it in Sec-WebSocket-Protocol, or none.");
	}
	return !rq->replied;
}

static bool is_allowed(struct rq *rq)
{
	const struct ws *ws;
	unsigned n = 0;

	TAILQ_FOREACH(ws, &rq->srv->sockets, link)
		if (strcmp(ws->rq->actor.token_id, rq->actor.token_id) == 0)
			n++;
	if (n < DEIA_MAX_SOCKETS_PER_IDENTITY)
		return true;
	rq_add_header(rq, "Retry-After", "5");
	rq_problem(rq, 429, deia_err_name(DEIA_EBUSY),
		   "At most %u WebSockets are open per identity; close one "
		   "first.",
		   DEIA_MAX_SOCKETS_PER_IDENTITY);
	return false;
}

static void write_101(struct rq *rq)
{
	unsigned char hash[SHA_DIGEST_LENGTH];
	char text[64], accept[32];

	snprintf(text, sizeof(text), "%s" MAGIC,
		 rq_header(rq, "Sec-WebSocket-Key"));
	SHA1((const unsigned char *)text, strlen(text), hash);
	sodium_bin2base64(accept, sizeof(accept), hash, sizeof(hash),
			  sodium_base64_VARIANT_ORIGINAL);
	evbuffer_add_printf(
		bufferevent_get_output(rq->conn->bev),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
		"%sX-Request-Id: %s\r\n\r\n",
		accept,
		rq_header(rq, "Sec-WebSocket-Protocol")
			? "Sec-WebSocket-Protocol: " PROTOCOL "\r\n"
			: "",
		rq->actor.request_id);
	rq->status = 101;
	rq->streamed = true;
}

/* ---- frames ---------------------------------------------------------------- */

static struct evbuffer *output_of(const struct ws *ws)
{
	return bufferevent_get_output(ws->rq->conn->bev);
}

size_t ws_queued(const struct ws *ws)
{
	return ws->rq->conn ? evbuffer_get_length(output_of(ws)) : 0;
}

/* Who does not take what is sent is not listened to. */
static bool is_behind(const struct ws *ws)
{
	return ws_queued(ws) > ws->rq->srv->limits.max_stream_bytes;
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len,
		       int flags, void *user)
{
	struct ws *ws = user;
	int n = 0;

	(void)flags;
	if (!ws->closing && !is_behind(ws))
		n = evbuffer_remove(bufferevent_get_input(ws->rq->conn->bev),
				    buf, len);
	if (n <= 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	return n;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data,
		       size_t len, int flags, void *user)
{
	struct ws *ws = user;

	(void)flags;
	if (evbuffer_add(output_of(ws), data, len) != 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	ws->rq->bytes += len;
	return (ssize_t)len;
}

static void on_msg(wslay_event_context_ptr ctx,
		   const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	struct ws *ws = user;

	(void)ctx;
	if (ws->closing || wslay_is_ctrl_frame(arg->opcode))
		return;
	if (arg->opcode == WSLAY_TEXT_FRAME)
		ws->calls->on_text(ws, (const char *)arg->msg, arg->msg_length,
				   ws->user);
	else
		ws_close(ws, WS_UNSUPPORTED, "only text messages");
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.on_msg_recv_callback = on_msg,
};

/* Hands what is queued to the connection. */
static void flush(struct ws *ws)
{
	if (ws->sending)
		return;
	ws->sending = true;
	if (wslay_event_send(ws->ctx) != 0)
		ws->broken = true;
	ws->sending = false;
	if (wslay_event_get_close_sent(ws->ctx) && !ws->closing) {
		ws->closing = true;
		ws->closing_ms = now_ms();
	}
	/* Not here: the caller may go on with it. */
	if (ws->broken || (ws->closing && ws_queued(ws) == 0))
		bufferevent_trigger_event(ws->rq->conn->bev, BEV_EVENT_ERROR,
					  BEV_TRIG_DEFER_CALLBACKS);
}

bool ws_send(struct ws *ws, const char *text, size_t len)
{
	struct wslay_event_msg msg = { WSLAY_TEXT_FRAME, (const uint8_t *)text,
				       len };

	if (ws->closing || ws->broken ||
	    wslay_event_queue_msg(ws->ctx, &msg) != 0)
		return false;
	if (!ws->in_read)
		flush(ws);
	return true;
}

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
	if (ws->closing || ws->broken)
		return;
	if (wslay_event_queue_close(ws->ctx, (uint16_t)code,
				    (const uint8_t *)reason,
				    strlen(reason)) != 0)
		ws->broken = true;
	if (!ws->in_read)
		flush(ws);
}

/* ---- the connection ---------------------------------------------------------- */

static struct ws *ws_of(struct bufferevent *bev)
{
	struct conn *c = conn_of_bev(bev);

	return c ? c->ws : NULL;
}

static void on_read(struct bufferevent *bev, void *evcon)
{
	struct ws *ws = ws_of(bev);
	bool failed;

	(void)evcon;
	if (!ws)
		return;
	ws->heard_ms = now_ms();
	ws->pinged = false;
	ws->in_read = true;
	failed = wslay_event_recv(ws->ctx) != 0;
	ws->in_read = false;
	flush(ws);
	if (failed && !ws->closing) { /* else it says why */
		ws->broken = true;
		flush(ws);
	}
	if (is_behind(ws))
		bufferevent_disable(bev, EV_READ);
}

/* All was taken. */
static void on_written(struct bufferevent *bev, void *evcon)
{
	struct ws *ws = ws_of(bev);

	(void)evcon;
	if (!ws)
		return;
	if (ws->closing) {
		conn_close(ws->rq->conn);
		return;
	}
	bufferevent_enable(bev, EV_READ);
	ws->calls->on_room(ws, ws->user);
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void on_event(struct bufferevent *bev, short what, void *evcon)
{
	struct conn *c = conn_of_bev(bev);

	(void)what;
	(void)evcon;
	if (c)
		conn_close(c);
}

/* The connection ended. */
static void on_gone(struct rq *rq, void *user)
{
	struct ws *ws = user;

	TAILQ_REMOVE(&rq->srv->sockets, ws, link);
	ws->calls->on_end(ws->user);
	wslay_event_context_free(ws->ctx);
	sodium_memzero(ws->token, sizeof(ws->token));
	free(ws);
	rq_drop(rq);
}

struct ws *ws_accept(struct rq *rq, const struct ws_calls *calls, void *user)
{
	struct ws *ws;

	if (!handshake_ok(rq) || !is_allowed(rq))
		return NULL;
	ws = rq->conn ? calloc(1, sizeof(*ws)) : NULL;
	if (!ws ||
	    wslay_event_context_server_init(&ws->ctx, &callbacks, ws) != 0) {
		free(ws);
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return NULL;
	}
	wslay_event_config_set_max_recv_msg_length(
		ws->ctx, DEIA_MAX_SOCKET_MESSAGE_BYTES);
	ws->rq = rq;
	ws->calls = calls;
	ws->user = user;
	ws->heard_ms = ws->checked_ms = now_ms();
	snprintf(ws->token, sizeof(ws->token), "%s",
		 rq->token ? rq->token : "");
	rq_hold(rq);
	rq->on_gone = on_gone;
	rq->user = ws;
	TAILQ_INSERT_TAIL(&rq->srv->sockets, ws, link);
	write_101(rq);
	conn_take(rq->conn, ws, on_read, on_written, on_event);
	return ws;
}

struct rq *ws_rq(const struct ws *ws)
{
	return ws->rq;
}

/* ---- housekeeping ------------------------------------------------------------- */

static bool still_allowed(struct ws *ws, int64_t now)
{
	struct deia_actor actor = { 0 };

	if (now - ws->checked_ms < RECHECK_MS || !ws->token[0])
		return true;
	ws->checked_ms = now;
	return deia_hive_authenticate(ws->rq->srv->hive, ws->token, &actor) ==
	       DEIA_OK;
}

/* True: it must end now. */
static bool is_dead(const struct ws *ws, int64_t now)
{
	int64_t heartbeat = ws->rq->srv->limits.heartbeat_ms;

	return ws->closing ? now - ws->closing_ms > CLOSE_MS
			   : now - ws->heard_ms > 3 * heartbeat;
}

static void ping(struct ws *ws)
{
	struct wslay_event_msg msg = { WSLAY_PING, NULL, 0 };

	ws->pinged = true;
	if (wslay_event_queue_msg(ws->ctx, &msg) == 0)
		flush(ws);
}

void ws_sweep(struct server *s, int64_t now)
{
	struct ws *ws, *next;

	for (ws = TAILQ_FIRST(&s->sockets); ws; ws = next) {
		next = TAILQ_NEXT(ws, link);
		if (is_dead(ws, now))
			conn_close(ws->rq->conn);
		else if (!still_allowed(ws, now))
			ws_close(ws, WS_UNAUTHENTICATED,
				 "the credential was revoked or ran out");
		else if (!ws->pinged && !ws->closing &&
			 now - ws->heard_ms >= s->limits.heartbeat_ms)
			ping(ws);
	}
}

void ws_drain_all(struct server *s)
{
	struct ws *ws, *next;

	for (ws = TAILQ_FIRST(&s->sockets); ws; ws = next) {
		next = TAILQ_NEXT(ws, link);
		ws->calls->on_drain(ws, ws->user);
	}
}
