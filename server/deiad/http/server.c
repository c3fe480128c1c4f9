/* SPDX-License-Identifier: MIT */
/*
 * server.c - the listener, the connection cap, the sweep of deadlines, drain.
 *
 * When descriptors run out libevent's listener would spin: it is switched
 * off in its error callback and on again after a pause, and one waiting
 * client a time is told so by means of a spare descriptor.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <deia/limits.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "conn.h"
#include "counts.h"
#include "../log.h"
#include "peers.h"
#include "rq.h"
#include "stream.h"
#include "ws.h"

#define SHORTAGE_PAUSE_MS 250
#define SHORTAGE_LOG_MS 10000
#define OVER_CAP 16 /* connections accepted over the cap to be told so */

int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t now_ms(void)
{
	return now_us() / 1000;
}

/* Whose listener it is: evhttp_bind_listener takes the listener's argument
 * for evhttp itself, also in the error callback. */
static struct server *listening;

/* ---- accepting --------------------------------------------------------- */

static void set_listening(struct server *s, bool on)
{
	if (on == s->listening)
		return;
	s->listening = on;
	if (on)
		evconnlistener_enable(s->listener);
	else
		evconnlistener_disable(s->listener);
}

static void resume_listening(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	s->paused = false;
	if (s->spare_fd < 0)
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server_count_changed(s);
}

/* Takes one waiting client with the spare descriptor and tells it. */
static void turn_one_away(struct server *s)
{
	static const char answer[] =
		"HTTP/1.1 503 Service Unavailable\r\n"
		"Content-Type: text/plain\r\nRetry-After: 1\r\n"
		"Connection: close\r\nContent-Length: 32\r\n\r\n"
		"Too many open files; try again.\n";
	int fd;

	if (s->spare_fd < 0)
		return;
	close(s->spare_fd);
	fd = accept4(evconnlistener_get_fd(s->listener), NULL, NULL,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			log_msg(DEIA_LOG_DEBUG, "a client left early");
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = { 0, SHORTAGE_PAUSE_MS * 1000 };
	struct server *s = listening;
	int err = EVUTIL_SOCKET_ERROR();
	int64_t now = now_ms();

	(void)listener;
	(void)arg;
	if (now - s->last_shortage_ms >= SHORTAGE_LOG_MS) {
		s->last_shortage_ms = now;
		log_msg(DEIA_LOG_WARN,
			"cannot accept a connection: %s; raise the limit of "
			"open files (ulimit -n) if this goes on",
			strerror(err));
	}
	s->paused = true;
	set_listening(s, false);
	if (err == EMFILE || err == ENFILE)
		turn_one_away(s);
	event_add(s->resume, &pause);
}

void server_count_changed(struct server *s)
{
	if (s->listener && !s->starting && !s->draining)
		set_listening(s,
			      !s->paused &&
				      s->n_conns < s->limits.max_connections +
							   OVER_CAP);
	if (!s->sweeping && s->n_conns) {
		unsigned ms = s->limits.idle_ms;
		struct timeval tick;

		ms = s->limits.head_ms < ms ? s->limits.head_ms : ms;
		ms = s->limits.body_ms < ms ? s->limits.body_ms : ms;
		ms = ms / 4 > 1000 ? 1000 : ms / 4 < 20 ? 20 : ms / 4;
		tick.tv_sec = ms / 1000;
		tick.tv_usec = (ms % 1000) * 1000;
		s->sweeping = true;
		event_add(s->sweep, &tick);
	}
	if (s->draining && s->active == 0 && s->on_quiet) {
		void (*fn)(void *arg) = s->on_quiet;

		s->on_quiet = NULL;
		fn(s->on_quiet_arg);
	}
}

/* ---- the sweep --------------------------------------------------------- */

static unsigned phase_timeout(const struct server *s, enum phase p)
{
	switch (p) {
	case PH_HEAD:
		return s->limits.head_ms;
	case PH_BODY:
		return s->limits.body_ms;
	case PH_WRITE:
	case PH_IDLE:
		return s->limits.idle_ms;
	case PH_LINGER:
		return s->limits.linger_ms;
	default:
		return 0;
	}
}

/* Expires the connections of one phase that are over their time. */
static void sweep_phase(struct server *s, enum phase p, int64_t now)
{
	unsigned timeout = phase_timeout(s, p);
	struct conn *c;

	while (timeout && (c = TAILQ_FIRST(&s->phases[p])) &&
	       now - c->since_ms >= timeout) {
		/* What stays in this phase goes to the end of its list. */
		int64_t since = c->since_ms;

		conn_expire(c, now);
		if (TAILQ_FIRST(&s->phases[p]) == c && c->since_ms == since)
			break;
	}
}

static void sweep(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int64_t now = now_ms();

	(void)fd;
	(void)what;
	s->sweeping = false;
	for (int p = 0; p < PHASES; p++)
		sweep_phase(s, (enum phase)p, now);
	streams_sweep(s, now);
	ws_sweep(s, now);
	server_count_changed(s);
}

/* ---- life -------------------------------------------------------------- */

static bool make_events(struct server *s)
{
	s->sweep = evtimer_new(s->base, sweep, s);
	s->resume = evtimer_new(s->base, resume_listening, s);
	s->peers = peers_new();
	s->counts = counts_new(s->routes, s->n_routes);
	s->http = evhttp_new(s->base);
	return s->sweep && s->resume && s->peers && s->http && s->counts;
}

static void make_id_prefix(struct server *s)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)now_us();
	snprintf(s->id_prefix, sizeof(s->id_prefix), "%08" PRIx32, r);
}

bool server_init(struct server *s, struct event_base *base, int listen_fd)
{
	s->base = base;
	s->starting = true;
	for (int p = 0; p < PHASES; p++)
		TAILQ_INIT(&s->phases[p]);
	TAILQ_INIT(&s->streams);
	TAILQ_INIT(&s->sockets);
	TAILQ_INIT(&s->idems);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	make_id_prefix(s);
	s->listener = evconnlistener_new(base, NULL, NULL,
					 LEV_OPT_CLOSE_ON_FREE |
						 LEV_OPT_CLOSE_ON_EXEC |
						 LEV_OPT_DISABLED,
					 0, listen_fd);
	if (!s->listener || !make_events(s))
		return false;
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	evhttp_set_allowed_methods(s->http, 0xffff);
	evhttp_set_max_headers_size(s->http, 2 * DEIA_MAX_HEAD_BYTES);
	evhttp_set_max_body_size(s->http, DEIA_MAX_BODY_BYTES);
	evhttp_set_default_content_type(s->http, NULL);
	evhttp_set_gencb(s->http, rq_begin, s);
	evhttp_set_bevcb(s->http, conn_bevcb, s);
	return true;
}

void server_listen(struct server *s)
{
	if (!evhttp_bind_listener(s->http, s->listener)) {
		log_msg(DEIA_LOG_ERROR, "out of memory");
		return;
	}
	listening = s;
	s->starting = false;
	server_count_changed(s);
}

void server_drain(struct server *s, void (*on_quiet)(void *arg), void *arg)
{
	struct conn *c, *next;

	set_listening(s, false);
	s->draining = true;
	s->on_quiet = on_quiet;
	s->on_quiet_arg = arg;
	streams_end_all(s);
	ws_drain_all(s);
	for (c = TAILQ_FIRST(&s->phases[PH_IDLE]); c; c = next) {
		next = TAILQ_NEXT(c, link);
		conn_close(c);
	}
	server_count_changed(s);
}

void server_fini(struct server *s)
{
	s->on_quiet = NULL;
	s->draining = true;
	if (s->http)
		evhttp_free(s->http); /* with the listener */
	else if (s->listener)
		evconnlistener_free(s->listener);
	s->http = NULL;
	s->listener = NULL;
	if (s->sweep)
		event_free(s->sweep);
	if (s->resume)
		event_free(s->resume);
	peers_free(s->peers);
	counts_free(s->counts);
	free(s->by_fd);
	free(s->health_reply);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
}
