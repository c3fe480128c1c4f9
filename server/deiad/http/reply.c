/* SPDX-License-Identifier: MIT */
/*
 * reply.c - writing answers.
 *
 * Replies are written as whole bytes to the connection's output, past
 * evhttp's header list: faster, and nothing is added that is not ours. evhttp
 * is told by evhttp_send_reply_end, which completes a request once the output
 * is drained.
 */
#include "reply.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "conn.h"
#include "counts.h"
#include "idem.h"

#define SMALL_REPLY (64u << 10) /* sent however much waits */

static const char security_headers[] =
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"X-Frame-Options: DENY\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n";
/* For everything but pages, which bring their own. */
static const char api_headers[] =
	"Cache-Control: no-store\r\n"
	"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"
	"\r\n"
	"Idempotency-Key-Supported: true\r\n";

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 101, "Switching Protocols" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 499, "Client Closed Request" }, /* in logs and counts alone */
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

#define STATUSES (sizeof(phrases) / sizeof(*phrases))
_Static_assert(STATUSES <= COUNTS_STATUSES, "each can be counted");

int status_index(int status)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (phrases[i].status == status)
			return (int)i;
	return -1;
}

int status_at(size_t n)
{
	return n < STATUSES ? phrases[n].status : 0;
}

const char *status_phrase(int status)
{
	int i = status_index(status);

	return i < 0 ? "Unknown" : phrases[i].phrase;
}

const char *http_date(void)
{
	static char text[40];
	static time_t printed;
	time_t now = time(NULL);
	struct tm tm;

	if (now != printed && gmtime_r(&now, &tm)) {
		static const char days[] = "SunMonTueWedThuFriSat";
		static const char months[] =
			"JanFebMarAprMayJunJulAugSepOctNovDec";

		snprintf(text, sizeof(text),
			 "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
			 days + tm.tm_wday * 3, tm.tm_mday,
			 months + tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
			 tm.tm_min, tm.tm_sec);
		printed = now;
	}
	return text;
}

void rq_add_header(struct rq *rq, const char *name, const char *value)
{
	size_t left = sizeof(rq->extra) - rq->extra_len;
	int n = snprintf(rq->extra + rq->extra_len, left, "%s: %s\r\n", name,
			 value);

	if (n > 0 && (size_t)n < left)
		rq->extra_len += (size_t)n;
	rq->extra[rq->extra_len] = '\0';
}

/* Room for all that is not counted below. */
#define HEAD_FIXED 1024

/* A head being written; what goes in is bounded, see write_head. */
struct head_out {
	char text[HEAD_FIXED + RQ_EXTRA_BYTES];
	size_t len;
};

static void put(struct head_out *h, const char *s, size_t len)
{
	if (len > sizeof(h->text) - h->len)
		len = sizeof(h->text) - h->len; /* cannot be */
	memcpy(h->text + h->len, s, len);
	h->len += len;
}

static void puts_to(struct head_out *h, const char *s)
{
	put(h, s, strlen(s));
}

#define PUT(h, literal) put(h, literal, sizeof(literal) - 1)

static void put_number(struct head_out *h, uint64_t n)
{
	char digits[24], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(h, p, (size_t)(digits + sizeof(digits) - p));
}

static void put_connection(struct head_out *h, const struct rq *rq)
{
	if (rq->wants_close)
		PUT(h, "Connection: close\r\n");
	else if (rq->is_http10)
		PUT(h, "Connection: keep-alive\r\n");
}

/* Status line and headers; length < 0: none. */
static void write_head(struct head_out *h, const struct rq *rq,
		       const char *type, int64_t length)
{
	bool own = rq->extra_len &&
		   strstr(rq->extra, "Content-Security-Policy:") != NULL;

	h->len = 0;
	PUT(h, "HTTP/1.1 ");
	put_number(h, (uint64_t)rq->status);
	PUT(h, " ");
	puts_to(h, status_phrase(rq->status));
	PUT(h, "\r\nDate: ");
	puts_to(h, http_date());
	if (type) {
		PUT(h, "\r\nContent-Type: ");
		puts_to(h, type);
	}
	if (length >= 0) {
		PUT(h, "\r\nContent-Length: ");
		put_number(h, (uint64_t)length);
	}
	PUT(h, "\r\nX-Request-Id: ");
	puts_to(h, rq->actor.request_id);
	PUT(h, "\r\n");
	PUT(h, security_headers);
	if (!own)
		PUT(h, api_headers);
	put_connection(h, rq);
	put(h, rq->extra, rq->extra_len);
	PUT(h, "\r\n");
}

/* Hands the request back to evhttp; conn and rq may be gone afterwards. */
static void complete(struct rq *rq)
{
	struct evhttp_request *ev = rq->ev;
	struct conn *c = rq->conn;

	rq->replied = true;
	rq->on_gone = NULL;
	rq->on_drain = NULL;
	if (rq->wants_close)
		evhttp_add_header(evhttp_request_get_output_headers(ev),
				  "Connection", "close");
	conn_phase(c, PH_WRITE);
	if (evbuffer_get_length(bufferevent_get_output(c->bev))) {
		conn_unwatch(c);
		bufferevent_enable(c->bev, EV_WRITE);
	}
	c->watching = false;
	evhttp_send_reply_end(ev); /* at once when all is sent */
}

bool reply_has_room(struct rq *rq, size_t len)
{
	struct server *s = rq->srv;

	if (len <= SMALL_REPLY || !rq->conn ||
	    s->replies_bytes + len <= s->limits.max_replies_bytes)
		return true;
	rq_add_header(rq, "Retry-After", "5");
	rq_problem(rq, 503, "unavailable",
		   "Too many large answers wait to be read by their clients; "
		   "try again in a moment, or ask for a smaller page.");
	return false;
}

void rq_send(struct rq *rq, int status, const char *type, const void *body,
	     size_t len)
{
	bool has_body = status != 204 && status != 304;
	struct head_out head;

	if (rq->replied)
		return;
	if (rq->idem && idem_keep(rq, status, type, body, len))
		return; /* comes back when it is kept */
	if (!reply_has_room(rq, len))
		return;
	rq->status = status;
	if (!rq->conn || !rq->ev) {
		rq->replied = true;
		return;
	}
	if (rq->srv->draining)
		rq->wants_close = true;
	write_head(&head, rq, has_body ? type : NULL,
		   has_body ? (int64_t)len : -1);
	len = has_body && !rq->is_head ? len : 0;
	rq->bytes += len;
	conn_write(rq->conn, head.text, head.len, body, len);
	complete(rq);
}

void rq_send_json(struct rq *rq, int status, struct deia_jw *w)
{
	if (deia_jw_status(w))
		rq_problem(rq, 503, "out_of_memory", "Memory ran out.");
	else
		rq_send(rq, status,
			status >= 400 ? "application/problem+json"
				      : "application/json",
			w->text, w->len);
	deia_jw_fini(w);
}

void rq_send_empty(struct rq *rq)
{
	rq_send(rq, 204, NULL, NULL, 0);
}

/* ---- problems ---------------------------------------------------------- */

static void problem_begin(struct deia_jw *w, int status, const char *code,
			  const char *detail, const char *request_id)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", "about:blank");
	deia_jw_kstr(w, "title", status_phrase(status));
	deia_jw_kint(w, "status", status);
	deia_jw_kstr(w, "detail", detail);
	deia_jw_kstr(w, "code", code);
	if (request_id && *request_id)
		deia_jw_kstr(w, "request_id", request_id);
}

void problem_print(struct deia_jw *w, int status, const char *code,
		   const char *detail, const char *request_id)
{
	problem_begin(w, status, code, detail, request_id);
	deia_jw_end_object(w);
}

void rq_problem(struct rq *rq, int status, const char *code, const char *fmt,
		...)
{
	struct deia_jw w;
	char detail[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	deia_jw_init(&w);
	problem_print(&w, status, code, detail, rq->actor.request_id);
	if (deia_jw_status(&w))
		rq_send(rq, status, NULL, NULL, 0);
	else
		rq_send(rq, status, "application/problem+json", w.text, w.len);
	deia_jw_fini(&w);
}

int status_of(deia_err err)
{
	static const short map[] = {
		[DEIA_EINVAL] = 422,	   [DEIA_ENOMEM] = 503,
		[DEIA_ENOTFOUND] = 404,	   [DEIA_EEXIST] = 409,
		[DEIA_ESTATE] = 409,	   [DEIA_ECONFLICT] = 409,
		[DEIA_ELIMIT] = 422,	   [DEIA_EBUSY] = 429,
		[DEIA_ETIMEDOUT] = 504,	   [DEIA_EIO] = 500,
		[DEIA_ESTORE] = 503,	   [DEIA_EPARSE] = 400,
		[DEIA_EFIELD] = 422,	   [DEIA_EDENIED] = 403,
		[DEIA_EAUTH] = 401,	   [DEIA_ECANCELED] = 409,
		[DEIA_EUNAVAILABLE] = 503, [DEIA_EPROTO] = 502,
		[DEIA_EREMOTE] = 502,	   [DEIA_EVERSION] = 500,
		[DEIA_EUNSUPPORTED] = 422, [DEIA_EFULL] = 507,
		[DEIA_EOTHERNODE] = 409,
	};

	if ((size_t)err < sizeof(map) / sizeof(*map) && map[err])
		return map[err];
	return 500;
}

static void add_retry_after(struct rq *rq, int status)
{
	if (status == 429 || status == 503)
		rq_add_header(rq, "Retry-After", "1");
}

/* A problem with the places in the request that it is about. */
static void send_places(struct rq *rq, deia_err err,
			const struct deia_field_error *errors, size_t n)
{
	int status = status_of(err);
	struct deia_jw w;
	char detail[512];

	snprintf(detail, sizeof(detail), "%s%s%s", errors[0].pointer,
		 errors[0].pointer[0] ? ": " : "", errors[0].detail);
	deia_jw_init(&w);
	problem_begin(&w, status, deia_err_name(err), detail,
		      rq->actor.request_id);
	deia_jw_key(&w, "errors");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(&w);
		if (errors[i].pointer[0] == '?')
			deia_jw_kstr(&w, "parameter", errors[i].pointer + 1);
		else
			deia_jw_kstr(&w, "pointer", errors[i].pointer);
		deia_jw_kstr(&w, "detail", errors[i].detail);
		deia_jw_end_object(&w);
	}
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, status, &w);
}

void rq_bad_fields(struct rq *rq, const struct deia_field_error *errors,
		   size_t n)
{
	send_places(rq, DEIA_EFIELD, errors, n);
}

void rq_fail_at(struct rq *rq, deia_err err, const struct deia_field_error *at)
{
	add_retry_after(rq, status_of(err));
	send_places(rq, err, at, 1);
}

void rq_bad_field(struct rq *rq, const char *pointer, const char *fmt, ...)
{
	struct deia_field_error e = { 0 };
	va_list ap;

	snprintf(e.pointer, sizeof(e.pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(e.detail, sizeof(e.detail), fmt, ap);
	va_end(ap);
	rq_bad_fields(rq, &e, 1);
}

void rq_fail_with(struct rq *rq, deia_err err, const char *detail)
{
	int status = status_of(err);

	add_retry_after(rq, status);
	rq_problem(rq, status, deia_err_name(err), "%s",
		   detail && *detail ? detail : deia_err_text(err));
}

void rq_fail(struct rq *rq, deia_err err)
{
	const struct deia_field_error *where;

	where = err == DEIA_EFIELD ? deia_hive_field_error(rq->srv->hive)
				   : NULL;
	if (where)
		rq_bad_fields(rq, where, 1);
	else
		rq_fail_with(rq, err, deia_hive_errmsg(rq->srv->hive));
}

/* ---- streams and refusals ---------------------------------------------- */

void reply_stream_head(struct rq *rq, const char *type)
{
	struct conn *c = rq->conn;
	struct head_out head;

	rq->status = 200;
	rq->streamed = true;
	if (rq->is_http10)
		rq->wants_close = true;
	else
		rq_add_header(rq, "Transfer-Encoding", "chunked");
	rq_add_header(rq, "X-Accel-Buffering", "no");
	write_head(&head, rq, type, -1);
	bufferevent_write(c->bev, head.text, head.len);
	conn_phase(c, PH_STREAM);
	conn_watch(c);
	bufferevent_enable(c->bev, EV_WRITE);
}

void reply_stream_end(struct rq *rq)
{
	if (rq->replied || !rq->conn)
		return;
	if (!rq->is_http10)
		bufferevent_write(rq->conn->bev, "0\r\n\r\n", 5);
	complete(rq);
}

void reply_refusal(struct conn *c, const struct head_fault *fault,
		   struct evbuffer *out)
{
	char id[40];
	struct deia_jw w;

	counts_add_malformed(c->srv->counts, fault->status);
	snprintf(id, sizeof(id), "%s%08llx", c->srv->id_prefix,
		 (unsigned long long)++c->srv->requests);
	deia_jw_init(&w);
	problem_print(&w, fault->status, fault->code, fault->detail, id);
	if (deia_jw_status(&w) == DEIA_OK)
		evbuffer_add_printf(
			out,
			"HTTP/1.1 %d %s\r\nDate: %s\r\n"
			"Content-Type: application/problem+json\r\n"
			"Content-Length: %zu\r\nX-Request-Id: %s\r\n%s%s"
			"%sConnection: close\r\n\r\n%s",
			fault->status, status_phrase(fault->status),
			http_date(), w.len, id, security_headers, api_headers,
			fault->status == 503 || fault->status == 429
				? "Retry-After: 1\r\n"
				: "",
			w.text);
	deia_jw_fini(&w);
}
