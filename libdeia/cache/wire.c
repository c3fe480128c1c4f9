/* SPDX-License-Identifier: MIT */
/* wire.c - see wire.h. */
#include "cache/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_MAX 16		   /* the longest reply has 4 parts */
#define REPLY_MAX_BYTES (1u << 20) /* three values and room */
#define UNSENT_MAX_BYTES (8u << 20)
#define READ_BYTES 16384
#define READS_A_TURN 64

void deia__wire_init(struct deia__wire *w, struct event_base *base)
{
	memset(w, 0, sizeof(*w));
	w->base = base;
	w->fd = -1;
	deia__buf_init(&w->unsent, UNSENT_MAX_BYTES);
}

/* The parser would make room for as many parts as a server claims. */
static void *make_array(const redisReadTask *task, int n)
{
	const struct deia__wire *w = task->privdata;

	return n > ARRAY_MAX ? NULL : w->make_array(task, n);
}

static bool make_reader(struct deia__wire *w)
{
	w->reader = redisReaderCreate();
	if (!w->reader)
		return false;
	w->fns = *w->reader->fn;
	w->make_array = w->fns.createArray;
	w->fns.createArray = make_array;
	w->reader->fn = &w->fns;
	w->reader->privdata = w;
	return true;
}

void deia__wire_close(struct deia__wire *w)
{
	if (w->fd < 0)
		return;
	event_del(&w->in);
	event_del(&w->out);
	close(w->fd);
	w->fd = -1;
	w->connected = w->writing = false;
	deia__buf_fini(&w->unsent);
	deia__buf_init(&w->unsent, UNSENT_MAX_BYTES);
	/* Whoever is reading frees the parser when it is back. */
	if (!w->reading) {
		redisReaderFree(w->reader);
		w->reader = NULL;
	}
}

static void lose(struct deia__wire *w, const char *why)
{
	if (w->fd < 0)
		return;
	deia__wire_close(w);
	w->on_lost(w->arg, why);
}

/* ---- reading ----------------------------------------------------------- */

static void take_replies(struct deia__wire *w)
{
	void *reply = NULL;

	while (w->fd >= 0) {
		if (redisReaderGetReply(w->reader, &reply) != REDIS_OK) {
			lose(w, "what it said is not Redis' protocol");
			return;
		}
		if (!reply)
			break;
		w->unanswered = w->reader->len - w->reader->pos;
		w->on_reply(w->arg, reply);
		freeReplyObject(reply);
	}
	/* Also what the parser has made parts of. */
	if (w->fd >= 0 && w->unanswered > REPLY_MAX_BYTES)
		lose(w, "a reply was too large");
}

/* False: nothing more for now. */
static bool read_once(struct deia__wire *w)
{
	char chunk[READ_BYTES];
	ssize_t n = recv(w->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		lose(w, n ? strerror(errno) : "it closed the connection");
		return false;
	}
	if (redisReaderFeed(w->reader, chunk, (size_t)n) != REDIS_OK) {
		lose(w, "memory ran out");
		return false;
	}
	w->unanswered += (size_t)n;
	take_replies(w);
	return w->fd >= 0 && n == sizeof(chunk);
}

void deia__wire_read(struct deia__wire *w)
{
	int turns = READS_A_TURN;

	if (w->fd < 0 || !w->connected || w->reading)
		return;
	w->reading = true;
	while (turns-- && read_once(w))
		;
	w->reading = false;
	if (w->fd < 0 && w->reader) {
		redisReaderFree(w->reader);
		w->reader = NULL;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deia__wire_read(arg);
}

/* ---- writing ----------------------------------------------------------- */

static void want_write(struct deia__wire *w)
{
	if (!w->writing && event_add(&w->out, NULL) == 0)
		w->writing = true;
}

/* In this turn of the loop, without asking the kernel whether there is room:
 * there nearly always is. */
static void write_soon(struct deia__wire *w)
{
	if (!w->writing)
		event_active(&w->out, EV_WRITE, 1);
	w->writing = true;
}

static bool is_connected(struct deia__wire *w)
{
	int error = 0, one = 1;
	socklen_t len = sizeof(error);

	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		lose(w, strerror(error));
		return false;
	}
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->connected = true;
	w->unanswered = 0;
	if (event_add(&w->in, NULL)) {
		lose(w, "memory ran out");
		return false;
	}
	w->on_open(w->arg);
	return w->fd >= 0;
}

void deia__wire_flush(struct deia__wire *w)
{
	ssize_t n;

	while (w->connected && w->unsent.len) {
		n = send(w->fd, w->unsent.data, w->unsent.len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		deia__buf_drain(&w->unsent, (size_t)n);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct deia__wire *w = arg;

	(void)fd;
	(void)what;
	w->writing = false;
	if (!w->connected && !is_connected(w))
		return;
	errno = EAGAIN;
	deia__wire_flush(w);
	if (w->unsent.len && errno != EAGAIN)
		lose(w, strerror(errno));
	else if (w->unsent.len)
		want_write(w);
}

deia_err deia__wire_send(struct deia__wire *w, int argc, const char **argv,
			 const size_t *lens)
{
	char *text;
	int len;

	if (w->fd < 0)
		return DEIA_ESTATE;
	len = redisFormatCommandArgv(&text, argc, argv, lens);
	if (len < 0)
		return DEIA_ENOMEM;
	deia__buf_add(&w->unsent, text, (size_t)len);
	redisFreeCommand(text);
	if (w->unsent.err)
		return w->unsent.err == DEIA_ELIMIT ? DEIA_EBUSY : DEIA_ENOMEM;
	write_soon(w);
	return DEIA_OK;
}

/* ---- connecting -------------------------------------------------------- */

static bool watch(struct deia__wire *w)
{
	return event_assign(&w->in, w->base, w->fd, EV_READ | EV_PERSIST,
			    on_readable, w) == 0 &&
	       event_assign(&w->out, w->base, w->fd, EV_WRITE, on_writable,
			    w) == 0;
}

deia_err deia__wire_connect(struct deia__wire *w,
			    const struct sockaddr *address, socklen_t len)
{
	w->fd = socket(address->sa_family,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return DEIA_EIO;
	if ((connect(w->fd, address, len) == 0 || errno == EINPROGRESS) &&
	    make_reader(w) && watch(w)) {
		want_write(w); /* writable: connected, or not */
		if (w->writing)
			return DEIA_OK;
	}
	if (w->reader)
		redisReaderFree(w->reader);
	w->reader = NULL;
	close(w->fd);
	w->fd = -1;
	return DEIA_EIO;
}
