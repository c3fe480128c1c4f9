/* SPDX-License-Identifier: MIT */
/*
 * load.c - load on a message server: one thread, one epoll loop, N connections
 * that are kept, one request under way on each.
 *
 *   load DRIVER --port N [--clients N] [--queues N] [--seconds N] [--size N]
 *        [--batch N]
 *
 * Prints one line of JSON. All drivers share the loop, so a client costs the
 * same whatever it talks to; parsing is what the protocol forces on it. The
 * first moments (WARM_NS) are not counted. DEIA_TOKEN: the bearer for HTTP.
 */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define WARM_NS 300000000ll
#define SECOND_NS 1000000000ll
#define STALLED_MS 30000
#define EVENTS 256
#define READ_BYTES 65536u
/* Round trips are counted in steps of 1/16 of a power of two, microseconds. */
#define FINE 16
#define TIMES (FINE * 32)

struct run {
	struct load load;
	struct load_conn *conns;
	int epoll;
	bool counting;
	uint64_t requests;
	uint32_t times[TIMES];
	int64_t seconds;
};

static const struct load_driver *const drivers[] = {
	&load_send,	  &load_batch, &load_cycle,
	&load_beanstalkd, &load_redis, &load_nats,
};
#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* ---- for the drivers --------------------------------------------------- */

static void reserve(struct load_bytes *b, size_t more)
{
	if (b->len + more <= b->size)
		return;
	b->size = (b->len + more) * 2;
	b->p = realloc(b->p, b->size);
	if (!b->p)
		die("memory");
}

void load_add(struct load_bytes *b, const char *p, size_t len)
{
	reserve(b, len);
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

void load_addf(struct load_bytes *b, const char *format, ...)
{
	va_list ap;
	int len;

	reserve(b, 1024 + LOAD_MAX_SIZE);
	va_start(ap, format);
	len = vsnprintf(b->p + b->len, b->size - b->len, format, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= b->size - b->len)
		die("a request is too long");
	b->len += (size_t)len;
}

size_t load_line(const char *p, size_t len)
{
	const char *end = memchr(p, '\n', len);

	return end ? (size_t)(end - p) + 1 : 0;
}

bool load_starts(const char *p, size_t len, const char *start)
{
	size_t n = strlen(start);

	return len >= n && !memcmp(p, start, n);
}

_Noreturn void load_unexpected(const struct load_conn *c, const char *wanted)
{
	size_t len = c->in.len < 2000 ? c->in.len : 2000;

	fprintf(stderr, "load: step %u: %s wanted, this came:\n%.*s\n", c->step,
		wanted, (int)len, c->in.p);
	exit(EXIT_FAILURE);
}

/* ---- round trips ------------------------------------------------------- */

static unsigned time_slot(int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	unsigned power = 0;

	while (us >> power >= FINE * 2)
		power++;
	unsigned slot = power * FINE + (unsigned)(us >> power);

	return slot < TIMES ? slot : TIMES - 1;
}

static double slot_us(unsigned slot)
{
	unsigned power = slot < FINE * 2 ? 0 : slot / FINE - 1;

	return (double)((uint64_t)(slot - power * FINE) << power);
}

static double percentile(const struct run *r, double ratio)
{
	uint64_t wanted = (uint64_t)((double)r->requests * ratio), seen = 0;
	unsigned slot;

	for (slot = 0; slot < TIMES - 1; slot++) {
		seen += r->times[slot];
		if (seen > wanted)
			break;
	}
	return slot_us(slot);
}

/* ---- the loop ---------------------------------------------------------- */

static void watch(struct run *r, struct load_conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(r->epoll, op, c->fd, &ev))
		die("epoll_ctl");
}

/* Writes what the socket takes; the rest when it takes more. */
static void flush(struct run *r, struct load_conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n =
			send(c->fd, c->out.p + c->sent, c->out.len - c->sent,
			     MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			die("send");
		if (n < 0) {
			if (!c->waiting)
				watch(r, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			c->waiting = true;
			return;
		}
		c->sent += (size_t)n;
	}
	c->sent = c->out.len = 0;
	if (c->waiting)
		watch(r, c, EPOLL_CTL_MOD, EPOLLIN);
	c->waiting = false;
}

static void request(struct run *r, struct load_conn *c)
{
	c->answered = false;
	c->began_ns = now_ns();
	r->load.driver->next(&r->load, c);
	flush(r, c);
}

static void took(struct run *r, const struct load_conn *c)
{
	if (!r->counting)
		return;
	r->requests++;
	r->times[time_slot(now_ns() - c->began_ns)]++;
}

/* Deals with all whole answers that came. */
static void answers(struct run *r, struct load_conn *c)
{
	size_t used;

	while (c->in.len && (used = r->load.driver->answer(&r->load, c)) > 0) {
		c->in.len -= used;
		memmove(c->in.p, c->in.p + used, c->in.len);
		if (c->answered) {
			took(r, c);
			request(r, c);
		} else if (c->out.len) {
			flush(r, c);
		}
	}
}

static void readable(struct run *r, struct load_conn *c)
{
	ssize_t n;

	reserve(&c->in, READ_BYTES);
	n = recv(c->fd, c->in.p + c->in.len, c->in.size - c->in.len,
		 MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("recv");
	if (n == 0)
		load_unexpected(c, "an answer, not the end,");
	c->in.len += (size_t)n;
	answers(r, c);
}

static void loop_until(struct run *r, int64_t end_ns)
{
	struct epoll_event events[EVENTS];

	while (now_ns() < end_ns) {
		int i, n = epoll_wait(r->epoll, events, EVENTS, STALLED_MS);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		errno = ETIMEDOUT;
		if (n == 0)
			die("no answer");
		for (i = 0; i < n; i++) {
			struct load_conn *c = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				flush(r, c);
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				readable(r, c);
		}
	}
}

/* Until every connection has made its queue. */
static void prepare(struct run *r)
{
	unsigned i = 0;

	while (i < r->load.clients)
		if (r->conns[i].step < r->load.driver->first)
			loop_until(r, now_ns() + 1000000);
		else
			i++;
}

static void connect_one(struct run *r, struct load_conn *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)r->load.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(r, c, EPOLL_CTL_ADD, EPOLLIN);
}

/* ---- the whole --------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void measure(struct run *r)
{
	double cpu, seconds;
	int64_t began;

	loop_until(r, now_ns() + WARM_NS);
	r->load.messages = 0;
	r->counting = true;
	cpu = cpu_seconds();
	began = now_ns();
	loop_until(r, began + r->seconds * SECOND_NS);
	seconds = (double)(now_ns() - began) / (double)SECOND_NS;
	printf("{\"driver\":\"%s\",\"clients\":%u,\"messages\":%llu,"
	       "\"requests\":%llu,\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"p50_us\":%.0f,\"p99_us\":%.0f,\"cpu\":%.2f}\n",
	       r->load.driver->name, r->load.clients,
	       (unsigned long long)r->load.messages,
	       (unsigned long long)r->requests, seconds,
	       (double)r->load.messages / seconds, percentile(r, 0.5),
	       percentile(r, 0.99), (cpu_seconds() - cpu) / seconds);
}

static int usage(void)
{
	size_t i;

	fputs("usage: load DRIVER --port N [--clients N] [--queues N] "
	      "[--seconds N]\n            [--size BYTES] [--batch N]\n",
	      stderr);
	for (i = 0; i < DRIVERS; i++)
		fprintf(stderr, "  %-11s %s\n", drivers[i]->name,
			drivers[i]->what);
	return 2;
}

static bool option(struct run *r, int which, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 1 || n > 65535)
		return false;
	switch (which) {
	case 'p':
		r->load.port = (int)n;
		break;
	case 'c':
		r->load.clients = (unsigned)n;
		break;
	case 'q':
		r->load.queues = (unsigned)n;
		break;
	case 's':
		r->seconds = n;
		break;
	case 'z':
		r->load.size = (unsigned)n;
		break;
	default:
		r->load.batch = (unsigned)n;
	}
	return r->load.size <= LOAD_MAX_SIZE;
}

static bool parse(struct run *r, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "port", 1, NULL, 'p' },   { "clients", 1, NULL, 'c' },
		{ "queues", 1, NULL, 'q' }, { "seconds", 1, NULL, 's' },
		{ "size", 1, NULL, 'z' },   { "batch", 1, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	size_t i;
	int which;

	while ((which = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (which == '?' || !option(r, which, optarg))
			return false;
	if (optind != argc - 1 || !r->load.port)
		return false;
	for (i = 0; i < DRIVERS; i++)
		if (!strcmp(drivers[i]->name, argv[optind]))
			r->load.driver = drivers[i];
	return r->load.driver != NULL;
}

int main(int argc, char **argv)
{
	static struct run r = { .seconds = 3 };
	unsigned i;

	r.load = (struct load){ .clients = 50, .batch = 100, .size = 200 };
	if (!parse(&r, argc, argv))
		return usage();
	if (!r.load.queues)
		r.load.queues = r.load.clients;
	r.load.token = getenv("DEIA_TOKEN");
	for (i = 0; i < r.load.size; i++)
		r.load.content[i] = i % 6 == 5 ? ' ' : (char)('a' + i % 26);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.conns = calloc(r.load.clients, sizeof(*r.conns));
	if (r.epoll < 0 || !r.conns)
		die("start");
	for (i = 0; i < r.load.clients; i++) {
		r.conns[i].number = i;
		r.conns[i].queue = i % r.load.queues;
		connect_one(&r, &r.conns[i]);
		request(&r, &r.conns[i]);
	}
	prepare(&r);
	measure(&r);
	return EXIT_SUCCESS;
}
