/* SPDX-License-Identifier: MIT */
/*
 * rq.c - the way of a request: checks in their order, then the handler.
 *
 * The order of refusals: framing 400 (conn.c), Host 421, Origin 403,
 * credential 401, path 404, method 405, role 403, body size 413, type 415,
 * JSON 400, fields 422 (the handlers). So who has no credential learns
 * nothing else.
 */
#include "rq.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "../log.h"
#include "../routes/health.h"
#include "conn.h"
#include "counts.h"
#include "gate.h"
#include "idem.h"
#include "jread.h"
#include "reply.h"
#include "router.h"

void rq_hold(struct rq *rq)
{
	rq->refs++;
}

void rq_drop(struct rq *rq)
{
	if (--rq->refs)
		return;
	if (rq->has_query)
		evhttp_clear_headers(&rq->query);
	idem_free(rq);
	cJSON_Delete(rq->json);
	free(rq);
}

const char *rq_header(const struct rq *rq, const char *name)
{
	if (!rq->ev)
		return NULL;
	return evhttp_find_header(evhttp_request_get_input_headers(rq->ev),
				  name);
}

const char *rq_query(const struct rq *rq, const char *name)
{
	if (!rq->has_query)
		return NULL;
	return evhttp_find_header(&rq->query, name);
}

/* ---- ends -------------------------------------------------------------- */

static void log_end(const struct rq *rq)
{
	int64_t us = now_us() - rq->start_us;
	bool quiet =
		rq->route && (rq->route->flags & RF_QUIET) && rq->status < 400;

	log_access(quiet,
		   &(struct access_line){
			   .request_id = rq->actor.request_id,
			   .traceparent = rq->actor.traceparent,
			   .method = rq->method,
			   .path = rq->path,
			   .route = rq->route ? rq->route->pattern : NULL,
			   .status = rq->status,
			   .bytes = rq->bytes,
			   .us = us,
			   .who = rq->actor.name,
			   .address = rq->actor.address });
	counts_add(rq->srv->counts, rq->route, rq->status,
		   rq->streamed ? -1 : us);
}

/* The connection's part of a request is over. */
static void leave(struct rq *rq)
{
	void (*on_gone)(struct rq * rq, void *user) = rq->on_gone;
	struct server *s = rq->srv;

	rq->conn = NULL;
	rq->ev = NULL;
	memset(&rq->head, 0, sizeof(rq->head));
	rq->on_gone = NULL;
	rq->on_drain = NULL;
	log_end(rq);
	if (on_gone)
		on_gone(rq, rq->user);
	rq_drop(rq);
	s->active--;
}

/* evhttp wrote the whole reply. */
static void on_complete(struct evhttp_request *ev, void *arg)
{
	struct conn *c = arg;
	struct rq *rq = c->rq;

	(void)ev;
	conn_replied(c);
	leave(rq);
	if (c->srv->draining)
		server_count_changed(c->srv);
}

void rq_gone(struct rq *rq)
{
	struct evhttp_request *ev = rq->ev;

	if (!rq->replied)
		rq->status = rq->status ? rq->status : 499;
	rq->conn->rq = NULL;
	/* evhttp gave a request that was not answered back to us. */
	if (ev && !evhttp_request_get_connection(ev))
		evhttp_send_reply_end(ev);
	leave(rq);
}

void rq_watch(struct rq *rq, void (*on_gone)(struct rq *rq, void *user),
	      void *user)
{
	rq->on_gone = on_gone;
	rq->user = user;
	if (rq->conn)
		conn_watch(rq->conn);
}

/* ---- beginning --------------------------------------------------------- */

static const char *method_name(enum evhttp_cmd_type type)
{
	switch (type) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_TRACE:
		return "TRACE";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "OTHER";
	}
}

static bool id_ok(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return len > 0 && len < 40 && id[len] == '\0';
}

/* The server's prefix and the request's number in hexadecimal. */
static void print_id(char *out, const struct server *s)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = s->requests;
	int len = 8;

	while (len < 16 && n >> (4 * len))
		len++;
	memcpy(out, s->id_prefix, 8);
	for (int i = len; i > 0; i--, n >>= 4)
		out[7 + i] = digits[n & 15];
	out[8 + len] = '\0';
}

static void give_id(struct rq *rq)
{
	const char *sent = rq->head.id;

	if (sent && id_ok(sent))
		memcpy(rq->actor.request_id, sent, strlen(sent) + 1);
	else
		print_id(rq->actor.request_id, rq->srv);
}

/* What came is gone on with; what is none by the rules, or came twice, is as if
 * it had not come. */
static void give_trace(struct rq *rq)
{
	struct deia_actor *a = &rq->actor;
	const char *sent = rq->traces_differ ? NULL : rq->head.trace;

	a->new_trace = !deia_trace_parse(a->traceparent, sent);
	deia_trace_go_on(&rq->srv->traces, a->traceparent, a->traceparent);
}

/* The first field of each name. */
static void read_head(struct rq *rq, struct evhttp_request *ev)
{
	struct {
		const char *name;
		const char **value;
	} const wanted[] = {
		{ "Host", &rq->head.host },
		{ "Origin", &rq->head.origin },
		{ "Sec-Fetch-Site", &rq->head.site },
		{ "Authorization", &rq->head.authorization },
		{ "Content-Type", &rq->head.type },
		{ "Connection", &rq->head.connection },
		{ "X-Request-Id", &rq->head.id },
		{ "Idempotency-Key", &rq->head.key },
		{ "traceparent", &rq->head.trace },
	};
	const struct evkeyval *h;

	TAILQ_FOREACH(h, evhttp_request_get_input_headers(ev), next) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
			if ((wanted[i].name[0] ^ h->key[0]) & ~0x20 ||
			    strcasecmp(wanted[i].name, h->key) != 0)
				continue;
			if (!*wanted[i].value)
				*wanted[i].value = h->value;
			else if (wanted[i].value == &rq->head.trace)
				rq->traces_differ = true;
			break;
		}
	}
}

/* http://authority/path: the authority must be the Host, then it is cut. */
static const char *origin_form(struct rq *rq, const char *uri)
{
	const char *host = rq->head.host;
	const char *p;
	size_t len;

	if (uri[0] == '/')
		return uri;
	p = strstr(uri, "://");
	if (!p || !host)
		return NULL;
	p += 3;
	len = strcspn(p, "/?");
	if (strlen(host) != len || strncasecmp(host, p, len) != 0)
		return NULL;
	return p[len] == '/' ? p + len : "/";
}

static void set_connection_wishes(struct rq *rq,
				  const struct evhttp_request *ev)
{
	const char *connection = rq->head.connection;

	rq->is_http10 = ev->minor == 0;
	rq->wants_close = connection && strcasecmp(connection, "close") == 0;
	if (rq->is_http10 &&
	    !(connection && strcasecmp(connection, "keep-alive") == 0))
		rq->wants_close = true;
}

/* With room behind it for the target, the path, and what is decoded of it. */
static struct rq *rq_new(struct server *s, struct conn *c,
			 struct evhttp_request *ev)
{
	size_t len = strlen(evhttp_request_get_uri(ev)) + 2;
	struct rq *rq = malloc(sizeof(*rq) + 3 * len);
	char *address = NULL;
	ev_uint16_t port;

	if (!rq)
		return NULL;
	memset(rq, 0, offsetof(struct rq, extra));
	rq->extra[0] = '\0';
	rq->target = (char *)(rq + 1);
	rq->path = rq->target + len;
	rq->decoded = rq->path + len;
	read_head(rq, ev);
	rq->srv = s;
	rq->conn = c;
	rq->ev = ev;
	rq->refs = 1;
	rq->start_us = now_us();
	rq->method = method_name(evhttp_request_get_command(ev));
	rq->is_head = evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD;
	evhttp_connection_get_peer(c->evcon, &address, &port);
	if (address)
		memccpy(rq->actor.address, address, 0,
			sizeof(rq->actor.address) - 1);
	set_connection_wishes(rq, ev);
	give_id(rq);
	give_trace(rq);
	return rq;
}

/* ---- the checks of a request ------------------------------------------- */

static bool split_target(struct rq *rq)
{
	const char *uri = evhttp_request_get_uri(rq->ev);
	const char *own = origin_form(rq, uri);
	size_t len;

	memcpy(rq->target, own ? own : "/", own ? strlen(own) + 1 : 2);
	len = strcspn(rq->target, "?");
	memcpy(rq->path, rq->target, len);
	rq->path[len] = '\0';
	if (!own)
		rq_problem(rq, 421, "wrong_host",
			   "The authority of the request target is not the "
			   "one in Host.");
	else if (strstr(rq->target, "%00"))
		rq_problem(rq, 400, "malformed",
			   "The request target has an encoded NUL.");
	return !rq->replied;
}

static bool name_in_list(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *p = list;

	while (p && (p = strstr(p, name))) {
		if ((p == list || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
		p++;
	}
	return false;
}

static bool query_value_ok(const char *v)
{
	for (; *v; v++)
		if ((unsigned char)*v < ' ' || (unsigned char)*v >= 127)
			return false;
	return true;
}

/* Parameters that the route knows, once each, printable. */
static bool check_query(struct rq *rq)
{
	const char *q = strchr(rq->target, '?');
	struct evkeyval *kv, *other;

	if (!q || q[1] == '\0')
		return true;
	TAILQ_INIT(&rq->query);
	if (evhttp_parse_query_str(q + 1, &rq->query) != 0) {
		rq_problem(rq, 400, "malformed",
			   "The query string does not parse.");
		return false;
	}
	rq->has_query = true;
	TAILQ_FOREACH(kv, &rq->query, next) {
		char pointer[100];

		snprintf(pointer, sizeof(pointer), "?%.90s", kv->key);
		if (!kv->key[0] || !name_in_list(rq->route->query, kv->key))
			rq_bad_field(rq, pointer,
				     "there is no such query parameter here");
		else if (!query_value_ok(kv->value))
			rq_bad_field(rq, pointer, "it must be printable ASCII");
		for (other = TAILQ_NEXT(kv, next); other && !rq->replied;
		     other = TAILQ_NEXT(other, next))
			if (strcmp(other->key, kv->key) == 0)
				rq_bad_field(rq, pointer, "it may stand once");
		if (rq->replied)
			return false;
	}
	return true;
}

static bool is_json_type(const char *type)
{
	size_t len = type ? strcspn(type, "; \t") : 0;

	return len == 16 && strncasecmp(type, "application/json", len) == 0;
}

static bool is_object(char *text)
{
	return jread_kind(&(struct jread){ text }) == '{';
}

static bool parse_json(struct rq *rq, struct evbuffer *in, size_t len)
{
	char *text = (char *)evbuffer_pullup(in, -1);
	struct deia_json_error where = { 0 };
	deia_err err;

	idem_fingerprint(rq, text, len);
	err = rq->route->flags & RF_TEXT
		      ? deia_json_check(text, len, &where)
		      : deia_json_parse(&rq->json, text, len, &where);
	if (err == DEIA_ENOMEM)
		rq_fail_with(rq, err, NULL);
	else if (err)
		rq_problem(rq, 400, deia_err_name(err),
			   "The body is not valid JSON at line %u, column %u: "
			   "%s",
			   where.line, where.column, where.detail);
	else if (rq->json ? !cJSON_IsObject(rq->json) : !is_object(text))
		rq_bad_field(rq, "", "the body must be a JSON object");
	else if (!rq->json)
		rq->text = text; /* until run() ends */
	if (!rq->text && !rq->replied)
		evbuffer_drain(in, len);
	return !rq->replied;
}

static bool check_body(struct rq *rq)
{
	const struct route *r = rq->route;
	struct evbuffer *in = evhttp_request_get_input_buffer(rq->ev);
	size_t len = evbuffer_get_length(in);

	if (!(r->flags & (RF_JSON | RF_JSON_OPT))) {
		if (len)
			rq_problem(rq, 413, "limit_exceeded",
				   "This route takes no body.");
	} else if (len > r->max_body) {
		rq_problem(rq, 413, "limit_exceeded",
			   "The body is too large: this route takes at most "
			   "%zu bytes.",
			   r->max_body);
	} else if (len == 0 && (r->flags & RF_JSON_OPT)) {
		idem_fingerprint(rq, "", 0);
		return true;
	} else if (!is_json_type(rq->head.type)) {
		rq_problem(rq, 415, "unsupported",
			   "Send the body with Content-Type: "
			   "application/json.");
	} else {
		return parse_json(rq, in, len);
	}
	return !rq->replied;
}

static bool find_route(struct rq *rq)
{
	char allow[64];

	rq->route = route_find(rq, allow);
	if (rq->route && rq->route->access == AC_PUBLIC)
		return true;
	if (!gate_credential(rq))
		return false;
	if (!rq->route && allow[0]) {
		rq_add_header(rq, "Allow", allow);
		rq_problem(rq, 405, "method_not_allowed",
			   "This path takes %s, not %s.", allow, rq->method);
		return false;
	}
	if (!rq->route) {
		rq_problem(rq, 404, deia_err_name(DEIA_ENOTFOUND),
			   "There is nothing at this path; /openapi.json lists "
			   "what there is.");
		return false;
	}
	return gate_role(rq, rq->route);
}

static bool not_now(struct rq *rq)
{
	if (!rq->srv->draining || (rq->route->flags & RF_WHILE_DRAIN))
		return false;
	rq_add_header(rq, "Retry-After", "5");
	rq_problem(rq, 503, "unavailable", "The server is going down.");
	return true;
}

static void drain(struct evbuffer *in)
{
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void run(struct rq *rq)
{
	if (!split_target(rq) || !gate_host(rq) || !gate_origin(rq) ||
	    !find_route(rq) || not_now(rq) || !check_query(rq) ||
	    !check_body(rq) || !idem_begin(rq))
		return;
	rq->route->run(rq);
	if (rq->text && rq->ev)
		drain(evhttp_request_get_input_buffer(rq->ev));
	rq->text = NULL;
}

void rq_begin(struct evhttp_request *ev, void *server)
{
	struct server *s = server;
	struct conn *c = conn_of(s, ev);
	struct rq *rq;

	if (!c || c->phase != PH_BODY) {
		if (!c || !c->faulty)
			evhttp_connection_free(
				evhttp_request_get_connection(ev));
		return;
	}
	s->requests++;
	/* Said of the request's body; the end of a reply would go by it. */
	ev->chunked = 0;
	if (health_quick(s, c, ev))
		return;
	rq = rq_new(s, c, ev);
	if (!rq) {
		evhttp_connection_free(c->evcon);
		return;
	}
	c->rq = rq;
	s->active++;
	conn_phase(c, PH_WORK);
	evhttp_request_set_on_complete_cb(ev, on_complete, c);
	rq_hold(rq);
	run(rq);
	if (!rq->replied && rq->conn)
		conn_work(c);
	rq->token = NULL;
	rq_drop(rq);
}
