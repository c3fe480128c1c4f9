/* SPDX-License-Identifier: MIT */
/*
 * conn.c - connections: strict heads, deadlines, refusals.
 *
 * How it sits on evhttp, in the order of a connection's life:
 * - conn_bevcb makes the bufferevent when one is accepted. Only after that
 *   call evhttp makes its own object, so conn_kick, an event that runs right
 *   after, learns it (it is the argument of the bufferevent's callbacks).
 * - on_input sees bytes before evhttp does. A head is checked when it is
 *   complete; what is wrong is answered by conn_refuse, from conn_kick, since
 *   evhttp's object cannot be freed inside its own calls.
 * - on_output sees evhttp begin an answer of its own (HTML) while no handler
 *   has the request, and has it replaced by ours.
 * - evhttp calls closecb whenever a connection ends, whoever ends it.
 *
 * Connections of one phase stand in a list in order of its begin, so that a
 * sweep looks at the oldest only.
 */
#include "conn.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <deia/limits.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "peers.h"
#include "reply.h"
#include "rq.h"

#define PENDING_MAX (16u << 10) /* unread input while a handler works */

static const struct head_fault fault_body_large = {
	413, "limit_exceeded", "The body is too large: at most 8 MiB."
};
static const struct head_fault fault_budget = {
	503, "unavailable",
	"Too many request bodies are being received; try again in a moment."
};
static const struct head_fault fault_chunks = {
	400, "malformed", "The chunked body does not follow its own framing."
};
static const struct head_fault fault_other = { 400, "malformed",
					       "The request is malformed." };
static const struct head_fault fault_timeout = {
	408, "timed_out", "The request did not arrive completely in time."
};
static const struct head_fault fault_full = {
	503, "unavailable",
	"Too many connections are open; try again in a moment."
};
static const struct head_fault fault_address = {
	429, "busy", "Too many connections are open from this address."
};

/* Whose connections on_drained finds: its argument must be evhttp's, which
 * the callbacks of a bufferevent share. */
static struct server *watched;

void conn_phase(struct conn *c, enum phase phase)
{
	TAILQ_REMOVE(&c->srv->phases[c->phase], c, link);
	c->phase = phase;
	c->since_ms = now_ms();
	TAILQ_INSERT_TAIL(&c->srv->phases[phase], c, link);
	if (phase == PH_WRITE) {
		struct evbuffer *out = bufferevent_get_output(c->bev);

		c->written_mark = evbuffer_get_length(out);
	}
}

/* Has the request refused once evhttp's call has returned. */
static void set_fault(struct conn *c, const struct head_fault *fault)
{
	if (c->faulty)
		return;
	c->faulty = true;
	c->fault = *fault;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	event_active(&c->kick, EV_TIMEOUT, 1);
}

static void count_body(struct conn *c, size_t n)
{
	c->body_bytes += n;
	c->srv->bodies_bytes += n;
	if (c->srv->bodies_bytes > c->srv->limits.max_bodies_bytes)
		set_fault(c, &fault_budget);
}

/* The last n bytes of the input are new bytes of a body. */
static void take_body(struct conn *c, struct evbuffer *in, size_t n)
{
	struct evbuffer_ptr at;
	char piece[4096];

	count_body(c, n);
	while (c->head_info.chunked && n && !c->faulty) {
		size_t take = n < sizeof(piece) ? n : sizeof(piece);

		if (evbuffer_ptr_set(in, &at, evbuffer_get_length(in) - n,
				     EVBUFFER_PTR_SET) != 0 ||
		    evbuffer_copyout_from(in, &at, piece, take) !=
			    (ev_ssize_t)take ||
		    !chunk_feed(&c->chunks, piece, take))
			set_fault(c, &fault_chunks);
		n -= take;
	}
}

static void release_body(struct conn *c)
{
	c->srv->bodies_bytes -= c->body_bytes;
	c->body_bytes = 0;
}

static void drop_head(struct conn *c)
{
	free(c->head);
	c->head = NULL;
	c->head_len = c->head_cap = 0;
	memset(&c->scan, 0, sizeof(c->scan));
}

/* A head of len bytes is complete; `rest` bytes after it are here too. */
static void head_complete(struct conn *c, struct evbuffer *in, const char *text,
			  size_t len, size_t rest)
{
	struct head_fault fault;
	bool ok = head_check(text, len, &c->head_info, &fault);

	drop_head(c);
	if (!ok) {
		set_fault(c, &fault);
		return;
	}
	if (c->head_info.content_length > DEIA_MAX_BODY_BYTES) {
		set_fault(c, &fault_body_large);
		return;
	}
	conn_phase(c, PH_BODY);
	c->chunks = (struct chunk_scan){ 0 };
	if (rest)
		take_body(c, in, rest);
}

/* Keeps the bytes of an incomplete head. */
static bool keep_head(struct conn *c, const char *p, size_t n)
{
	if (c->head_len + n > c->head_cap) {
		size_t cap = c->head_cap ? c->head_cap * 2 : 512;
		char *grown;

		while (cap < c->head_len + n)
			cap *= 2;
		grown = realloc(c->head, cap);
		if (!grown)
			return false;
		c->head = grown;
		c->head_cap = cap;
	}
	memcpy(c->head + c->head_len, p, n);
	c->head_len += n;
	return true;
}

/* The last n bytes of the input are new bytes of a head. */
static void scan_head(struct conn *c, struct evbuffer *in, size_t n)
{
	char piece[DEIA_MAX_HEAD_BYTES + 1];
	size_t take = n < sizeof(piece) ? n : sizeof(piece), had = c->head_len;
	struct head_fault fault = { 0 };
	struct evbuffer_ptr at;
	const char *text = piece;
	size_t len, end;

	if (evbuffer_ptr_set(in, &at, evbuffer_get_length(in) - n,
			     EVBUFFER_PTR_SET) != 0 ||
	    evbuffer_copyout_from(in, &at, piece, take) != (ev_ssize_t)take)
		return;
	len = take;
	if (had) {
		if (!keep_head(c, piece, take))
			goto nomem;
		text = c->head;
		len = c->head_len;
	}
	end = head_end(&c->scan, text, len, &fault);
	if (end)
		head_complete(c, in, text, end, had + n - end);
	else if (fault.status)
		set_fault(c, &fault);
	else if (!had && !keep_head(c, piece, take))
		goto nomem;
	return;
nomem:
	set_fault(c, &fault_full);
}

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info,
		     void *arg)
{
	struct conn *c = arg;

	if (info->n_added == 0 || c->faulty)
		return;
	switch (c->phase) {
	case PH_IDLE:
		conn_phase(c, PH_HEAD);
		/* fall through */
	case PH_HEAD:
		scan_head(c, in, info->n_added);
		break;
	case PH_BODY:
		take_body(c, in, info->n_added);
		break;
	case PH_WORK:
	case PH_STREAM:
	case PH_WRITE:
		if (!c->ws && evbuffer_get_length(in) > PENDING_MAX)
			bufferevent_disable(c->bev, EV_READ);
		break;
	default:
		break;
	}
}

/* Counts what waits for the client, and notices when evhttp writes without a
 * handler: "100 Continue", or an answer of its own. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info,
		      void *arg)
{
	struct conn *c = arg;

	(void)out;
	c->reply_bytes += info->n_added - info->n_deleted;
	c->srv->replies_bytes += info->n_added - info->n_deleted;
	if (info->n_added == 0 || c->faulty || c->phase == PH_LINGER)
		return;
	if (c->phase == PH_BODY && c->head_info.expects_continue) {
		c->head_info.expects_continue = false;
		return;
	}
	if (c->phase == PH_BODY && c->head_info.chunked)
		set_fault(c, c->body_bytes > DEIA_MAX_BODY_BYTES
				     ? &fault_body_large
				     : &fault_chunks);
	else if (c->phase == PH_BODY || c->phase == PH_HEAD ||
		 c->phase == PH_IDLE)
		set_fault(c, &fault_other);
}

/* The last thing that happens to a connection. */
static void conn_end(struct conn *c)
{
	struct server *s = c->srv;

	if (c->rq)
		rq_gone(c->rq);
	if (c->fd >= 0 && (size_t)c->fd < s->by_fd_len && s->by_fd[c->fd] == c)
		s->by_fd[c->fd] = NULL;
	TAILQ_REMOVE(&s->phases[c->phase], c, link);
	s->replies_bytes -= c->reply_bytes;
	release_body(c);
	drop_head(c);
	event_del(&c->kick);
	peers_close(s->peers, c->peer);
	s->n_conns--;
	free(c);
	server_count_changed(s);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer *out = bufferevent_get_output(c->bev);

	(void)evcon;
	evbuffer_remove_cb(in, on_input, c);
	evbuffer_remove_cb(out, on_output, c);
	conn_end(c);
}

static bool remember_fd(struct server *s, struct conn *c)
{
	size_t fd = (size_t)c->fd;

	if (fd >= s->by_fd_len) {
		size_t len = s->by_fd_len ? s->by_fd_len : 128;
		struct conn **grown;

		while (len <= fd)
			len *= 2;
		grown = realloc(s->by_fd, len * sizeof(*grown));
		if (!grown)
			return false;
		memset(grown + s->by_fd_len, 0,
		       (len - s->by_fd_len) * sizeof(*grown));
		s->by_fd = grown;
		s->by_fd_len = len;
	}
	s->by_fd[fd] = c;
	return true;
}

/* Over a cap: the longest idle connection makes room, or this one goes. */
static void check_caps(struct conn *c)
{
	struct server *s = c->srv;
	struct conn *idle = TAILQ_FIRST(&s->phases[PH_IDLE]);

	if (s->draining) {
		set_fault(c, &fault_full);
	} else if (c->peer && !peer_is_loopback(c->peer) &&
		   peer_connections(c->peer) > s->limits.max_per_address) {
		set_fault(c, &fault_address);
	} else if (s->n_conns > s->limits.max_connections) {
		if (idle)
			conn_close(idle);
		else
			set_fault(c, &fault_full);
	}
}

/* Meets evhttp's object, right after it was made. */
static void attach(struct conn *c)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	bufferevent_data_cb ev_read;
	void *evcon = NULL;
	int one = 1;

	bufferevent_getcb(c->bev, &ev_read, &c->ev_write, &c->ev_event, &evcon);
	c->fd = bufferevent_getfd(c->bev);
	if (!evcon || c->fd < 0) { /* evhttp gave it up for want of memory */
		bufferevent_decref(c->bev);
		conn_end(c);
		return;
	}
	bufferevent_decref(c->bev);
	c->evcon = evcon;
	evhttp_connection_set_closecb(c->evcon, on_close, c);
	bufferevent_set_timeouts(c->bev, NULL, NULL);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (getpeername(c->fd, (struct sockaddr *)&ss, &len) == 0)
		c->peer = peers_open(c->srv->peers, (struct sockaddr *)&ss);
	if (!c->peer || !remember_fd(c->srv, c)) {
		conn_close(c);
		return;
	}
	check_caps(c);
}

static void conn_kick(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->evcon)
		attach(c);
	else if (c->faulty)
		conn_refuse(c, &c->fault);
}

struct bufferevent *conn_bevcb(struct event_base *base, void *server)
{
	struct server *s = server;
	struct conn *c = calloc(1, sizeof(*c));
	struct bufferevent *bev;

	if (!c)
		return NULL;
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		free(c);
		return NULL;
	}
	c->srv = s;
	c->bev = bev;
	c->fd = -1;
	c->phase = PH_HEAD;
	c->since_ms = now_ms();
	TAILQ_INSERT_TAIL(&s->phases[PH_HEAD], c, link);
	s->n_conns++;
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, c);
	event_assign(&c->kick, base, -1, 0, conn_kick, c);
	bufferevent_incref(bev); /* until attach */
	event_active(&c->kick, EV_TIMEOUT, 1);
	server_count_changed(s);
	return bev;
}

struct conn *conn_of(struct server *s, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	int fd = bufferevent_getfd(bev);

	if (fd < 0 || (size_t)fd >= s->by_fd_len)
		return NULL;
	return s->by_fd[fd];
}

/* ---- refusing ---------------------------------------------------------- */

/* Also called by evhttp's deferred read, with its own argument. */
static void linger_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void linger_write(struct bufferevent *bev, void *arg)
{
	(void)arg;
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void linger_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	conn_close(arg);
}

void conn_refuse(struct conn *c, const struct head_fault *fault)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer *out = bufferevent_get_output(c->bev);

	assert(!c->rq);
	c->faulty = true;
	conn_phase(c, PH_LINGER);
	release_body(c);
	bufferevent_setcb(c->bev, linger_read, linger_write, linger_event, c);
	evbuffer_drain(in, evbuffer_get_length(in));
	evbuffer_drain(out, evbuffer_get_length(out));
	reply_refusal(c, fault, out);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void conn_close(struct conn *c)
{
	assert(c->evcon);
	evhttp_connection_free(c->evcon);
}

void conn_replied(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t pending = evbuffer_get_length(in);

	c->rq = NULL;
	release_body(c);
	conn_phase(c, pending ? PH_HEAD : PH_IDLE);
	if (pending)
		scan_head(c, in, pending);
}

struct conn *conn_of_bev(struct bufferevent *bev)
{
	int fd = bufferevent_getfd(bev);

	return fd >= 0 && (size_t)fd < watched->by_fd_len ? watched->by_fd[fd]
							  : NULL;
}

/* The output of a stream was taken; the argument is evhttp's. */
static void on_drained(struct bufferevent *bev, void *evcon)
{
	struct conn *c = conn_of_bev(bev);

	(void)evcon;
	if (c && c->rq && c->rq->on_drain)
		c->rq->on_drain(c->rq, c->rq->drain_user);
}

/*
 * Something happened to the connection while a handler works. A client that
 * only ended its side still gets its answer; then the connection ends.
 */
static void on_work_event(struct bufferevent *bev, short what, void *evcon)
{
	struct conn *c = conn_of_bev(bev);

	if (c && c->rq && what == (BEV_EVENT_READING | BEV_EVENT_EOF))
		c->rq->wants_close = true;
	else if (c)
		c->ev_event(bev, what, evcon);
}

void conn_work(struct conn *c)
{
	if (c->watching)
		return;
	watched = c->srv;
	bufferevent_setcb(c->bev, NULL, NULL, on_work_event, c->evcon);
	bufferevent_enable(c->bev, EV_READ);
}

void conn_write(struct conn *c, const char *head, size_t head_len,
		const char *body, size_t body_len)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct iovec parts[2] = { { (char *)(uintptr_t)head, head_len },
				  { (char *)(uintptr_t)body, body_len } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	size_t sent = 0;
	ssize_t n;

	if (evbuffer_get_length(out) == 0) {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		/* evhttp meets an error again, and ends the connection. */
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent < head_len)
		evbuffer_add(out, head + sent, head_len - sent);
	sent = sent < head_len ? 0 : sent - head_len;
	if (sent < body_len)
		evbuffer_add(out, body + sent, body_len - sent);
}

void conn_watch(struct conn *c)
{
	watched = c->srv;
	c->watching = true;
	bufferevent_setcb(c->bev, NULL, on_drained, c->ev_event, c->evcon);
	bufferevent_enable(c->bev, EV_READ);
}

void conn_take(struct conn *c, struct ws *ws, bufferevent_data_cb on_read,
	       bufferevent_data_cb on_written, bufferevent_event_cb on_event)
{
	watched = c->srv;
	c->watching = true;
	c->ws = ws;
	conn_phase(c, PH_STREAM);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c->evcon);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	bufferevent_set_timeouts(c->bev, NULL, NULL); /* only after that */
	bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void conn_unwatch(struct conn *c)
{
	c->watching = false;
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_setcb(c->bev, NULL, c->ev_write, c->ev_event, c->evcon);
}

/* ---- deadlines --------------------------------------------------------- */

/* A reply must be taken at 4 KiB per deadline at the least. */
static void check_writing(struct conn *c)
{
	size_t left = evbuffer_get_length(bufferevent_get_output(c->bev));

	if (left + 4096 <= c->written_mark)
		conn_phase(c, PH_WRITE);
	else
		conn_close(c);
}

void conn_expire(struct conn *c, int64_t now)
{
	(void)now;
	if (!c->evcon)
		return;
	switch (c->phase) {
	case PH_HEAD:
		if (c->head_len == 0 && !c->faulty) {
			conn_close(c);
			break;
		}
		/* fall through */
	case PH_BODY:
		conn_refuse(c, &fault_timeout);
		break;
	case PH_WRITE:
		check_writing(c);
		break;
	case PH_IDLE:
	case PH_LINGER:
		conn_close(c);
		break;
	default:
		break;
	}
}
