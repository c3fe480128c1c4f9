/* SPDX-License-Identifier: MIT */
/*
 * listen.c - hearing what all stores on the database tell.
 *
 * A session of its own, on a thread of its own, waits on its socket: the
 * server pushes. A notice's payload is "XACT TOPIC TEXT", made by the statement
 * in postgres.h. A session that was lost heard nothing meanwhile, so whoever
 * watches is told at each new one. Silence is no proof that there is nothing to
 * hear: a server that was frozen or cut off is silent too, so it is asked now
 * and then.
 */
#include "store/postgres/postgres.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* After so much silence the server is asked, and answers in so much. */
#define ASK_MS 5000
#define ANSWER_MS 5000
/* Before the next try to connect. */
#define MIN_PAUSE_MS 50
#define MAX_PAUSE_MS 900

struct ear {
	struct deia__pg *p;
	struct deia__pg_conn c;
	const struct deia__hearing *to;
	int64_t pause_ms;
};

int64_t deia__pg_writer(void *self)
{
	const struct deia__pg *p = self;

	return p->alone || p->as_it_is ? 0 : p->writer_id;
}

/* Others may tell something on the channel, too: it is passed over. */
static void pass_on(const struct ear *e, const char *payload)
{
	char *topic, *text;
	uint64_t commit = strtoull(payload, &topic, 10);

	if (topic == payload || *topic != ' ')
		return;
	topic++;
	text = strchr(topic, ' ');
	if (text && text > topic &&
	    (size_t)(text - topic) <= DEIA_STORE_MAX_TOPIC_BYTES)
		e->to->notice(e->to->user, topic, (size_t)(text - topic),
			      text + 1, commit);
}

static void pass_all_on(struct ear *e)
{
	PGnotify *n;

	while ((n = PQnotifies(e->c.pg)) != NULL) {
		pass_on(e, n->extra);
		PQfreemem(n);
	}
}

/* Waits for something to hear, or the end. False: nothing came in the time. */
static bool wait(struct ear *e, int64_t ms)
{
	struct pollfd fds[2] = {
		{ .fd = PQsocket(e->c.pg), .events = POLLIN },
		{ .fd = e->c.stop_fd, .events = POLLIN },
	};

	if (poll(fds, 2, (int)ms) < 0)
		return true; /* a signal: the socket is looked at */
	if (fds[1].revents) {
		e->c.stopping = true;
		e->c.stop_ms = 0;
	}
	return fds[0].revents || fds[1].revents;
}

static bool ask(struct ear *e, const char *sql)
{
	PGresult *res = deia__pg_query(&e->c, ANSWER_MS, sql, 0, NULL);
	bool ok = deia__pg_ok(res);

	PQclear(res);
	return ok;
}

/* Until the session is lost, or the store is closing. */
static void hear(struct ear *e)
{
	while (!deia__pg_is_over(&e->c)) {
		pass_all_on(e);
		if (!wait(e, ASK_MS) && !ask(e, "SELECT 1"))
			return;
		if (!PQconsumeInput(e->c.pg) ||
		    PQstatus(e->c.pg) != CONNECTION_OK)
			return;
		e->pause_ms = 0;
	}
}

static void hear_once(struct ear *e)
{
	const struct deia__pg_options *o = &e->p->read_options;
	struct deia__errmsg ignored; /* the writer says what is wrong */

	if (deia__pg_connect(e->p, &e->c, o, o->connect_ms, &ignored))
		return;
	if (ask(e, "LISTEN " DEIA__PG_CHANNEL)) {
		e->to->on(e->to->user);
		hear(e);
		e->to->off(e->to->user);
	}
	deia__pg_disconnect(&e->c);
}

void deia__pg_listen(void *self, const struct deia__hearing *to)
{
	struct deia__pg *p = self;
	struct ear e = { .p = p, .to = to };

	e.c.stop_fd = p->stop_fd;
	e.c.hasty = true;
	while (!deia__pg_is_over(&e.c)) {
		if (e.pause_ms)
			deia__pg_pause(&e.c, e.pause_ms);
		e.pause_ms = e.pause_ms ? e.pause_ms * 2 : MIN_PAUSE_MS;
		if (e.pause_ms > MAX_PAUSE_MS)
			e.pause_ms = MAX_PAUSE_MS;
		hear_once(&e);
	}
}
