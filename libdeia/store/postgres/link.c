/* SPDX-License-Identifier: MIT */
/*
 * link.c - the writer's sessions, and how one follows another.
 *
 * Each store has a random id. Every session of its writer holds the advisory
 * lock of that id as long as the session lives, and every group writes its
 * number into the row of that id (the marker) in its own transaction. When a
 * connection is lost, a group's outcome is what the marker says, provided that
 * the old session can do nothing any more. That is what the lock proves:
 *
 * - PostgreSQL frees a session's locks when the session ends, after its
 *   transaction was committed or rolled back. So a new session that got the
 *   lock sees the old one's last word, and no COMMIT can come later: not one
 *   in the old session's socket buffer, for nobody reads that any more, and
 *   not one that waited for the disk, for it was waited for.
 * - A session that does not notice that its client is gone (a cut cable) would
 *   hold the lock for long: the new one ends it first. Ended between reading
 *   COMMIT and committing, it rolls back, and the marker says so.
 * - After a crash of the server its log decides about group and marker alike,
 *   since they are one transaction.
 * - A committed row is seen by others only after it is as durable as
 *   synchronous_commit asks, so an outcome read in this way is acknowledged no
 *   earlier than one that was answered.
 */
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/id.h"

#define QUERY_MS 12000
#define MIN_PAUSE_MS 100
/* A database that is back is to be used within 2 s, also while nobody asks:
 * then it is looked at once a second. */
#define MAX_PAUSE_MS 900
/* Connecting again while nobody waits for it. */
#define IDLE_CONNECT_MS 1000

static bool ask(struct deia__pg *p, const char *sql, int64_t *value)
{
	const char *params[1] = { p->writer };
	PGresult *res = deia__pg_query(&p->write, QUERY_MS, sql, 1, params);
	bool ok = deia__pg_ok(res);

	if (ok && value)
		*value = PQntuples(res) ? atoll(PQgetvalue(res, 0, 0)) : -2;
	PQclear(res);
	return ok;
}

/*
 * What the database has of this writer. The group that is in doubt is written
 * beside once more: a COMMIT that waited for a standby when its session was
 * ended is there, but the standby may not have it; this waits for it again.
 */
static bool read_marker(struct deia__pg *p)
{
	if (p->as_it_is)
		return true; /* it writes nothing */
	if (!ask(p, "SELECT grp FROM store_writers WHERE writer = $1",
		 &p->marker))
		return false;
	if (p->marker < p->acked) /* -2: the row is gone */
		p->gone = true;
	if (p->marker <= p->acked)
		return true;
	return ask(p, "UPDATE store_writers SET at = now() WHERE writer = $1",
		   NULL);
}

static void lost(struct deia__pg *p)
{
	deia__pg_disconnect(&p->write);
	p->pause_ms = p->pause_ms ? p->pause_ms * 2 : MIN_PAUSE_MS;
	if (p->pause_ms > MAX_PAUSE_MS)
		p->pause_ms = MAX_PAUSE_MS;
	p->retry_ms = deia__now_ms(NULL) + p->pause_ms;
	if (!atomic_load(&p->write.away_since))
		atomic_store(&p->write.away_since, deia__unix_ms(NULL));
}

/* Takes the writer's lock; then nobody else acts in its name. */
static bool take_over(struct deia__pg *p, bool again)
{
	return (!again || ask(p, DEIA__PG_END_SESSIONS, NULL)) &&
	       ask(p, "SELECT pg_advisory_lock($1)", NULL);
}

static bool enter_pipeline(struct deia__pg *p)
{
	PGresult *res =
		deia__pg_query(&p->write, QUERY_MS, DEIA__PG_FIXED, 0, NULL);
	bool ok = deia__pg_ok(res);
	unsigned i;

	PQclear(res);
	if (!ok)
		return false;
	p->pipe.c = &p->write;
	p->pipe.first = p->pipe.n = 0;
	p->pipe.in_answer = false;
	p->pipe.unsent = 0;
	/* Others may have written while this one was away. */
	for (i = 0; i < p->n_sequences; i++)
		p->sequences[i].last = -1;
	return PQenterPipelineMode(p->write.pg) == 1;
}

void deia__pg_lost(struct deia__pg *p)
{
	if (p->pause_ms) {
		lost(p);
		return;
	}
	deia__pg_disconnect(&p->write);
	p->pause_ms = MIN_PAUSE_MS / 2;
	p->retry_ms = 0;
}

void deia__pg_fine(struct deia__pg *p)
{
	p->acked = p->group;
	p->pause_ms = 0;
}

static void say_why(struct deia__pg *p, const char *why)
{
	pthread_mutex_lock(&p->why_lock);
	snprintf(p->why, sizeof(p->why), "%s", why);
	pthread_mutex_unlock(&p->why_lock);
}

static deia_err reconnect(struct deia__pg *p, int64_t ms)
{
	if (p->retry_ms > deia__now_ms(NULL))
		deia__pg_pause(&p->write, p->retry_ms - deia__now_ms(NULL));
	if (deia__pg_connect(p, &p->write, &p->write_options, ms, &p->msg)) {
		say_why(p, p->msg.text);
		lost(p);
		return DEIA__PG_LOST;
	}
	if (!take_over(p, true) || !deia__pg_relock_database(p) ||
	    !read_marker(p) || !enter_pipeline(p)) {
		say_why(p, "PostgreSQL let the store in and then gave no lock "
			   "or no answer: see its log");
		lost(p);
		return DEIA__PG_LOST;
	}
	say_why(p, "");
	p->retry_ms = 0;
	return DEIA_OK;
}

deia_err deia__pg_reconnect(struct deia__pg *p)
{
	return reconnect(p, p->write_options.connect_ms);
}

deia_err deia__pg_gone(struct deia__pg *p, struct deia__errmsg *msg)
{
	/* Nobody is to wait for this one. */
	deia__pg_disconnect(&p->write);
	if (p->marker >= 0)
		return deia__fail(msg, DEIA_ESTORE,
				  "the database lost what was acknowledged (a "
				  "standby took over, or it was restored); "
				  "nothing is written any more: start again");
	return deia__fail(
		msg, DEIA_ESTORE,
		p->alone
			? "another deiad used the database meanwhile; nothing "
			  "is written any more: start again"
			: "another node shut this one out: it was not heard of "
			  "for too long, or the database was upgraded; "
			  "nothing is written any more: start it again");
}

/* After a command failed: it was refused, or the connection is gone. */
static deia_err refused(struct deia__pg *p, struct deia__errmsg *msg,
			deia_err err, const char *text)
{
	if (p->write.pg)
		return deia__fail(msg, err, "%s", text);
	return deia__fail(
		msg, DEIA_EIO,
		"PostgreSQL let the store in and then gave no answer: "
		"is it overloaded, or frozen? See its log");
}

/*
 * Markers of stores that are long gone, and a new one for this. One that is
 * alone removes all others: a deiad that lost its connection, and with it the
 * lock, finds its marker gone and ends, rather than go on with what it knew
 * before somebody else used the database.
 */
#define FORGET_OTHERS "DELETE FROM store_writers WHERE writer <> $1"
#define FORGET_OLD                                                             \
	"DELETE FROM store_writers WHERE writer <> $1 "                        \
	"AND at < now() - interval '30 days' AND NOT EXISTS ("                 \
	"SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database "   \
	"WHERE d.datname = current_database() AND l.locktype = 'advisory' "    \
	"AND l.objsubid = 1 "                                                  \
	"AND (l.classid::bigint << 32 | l.objid::bigint)::text = writer)"

static deia_err make_marker(struct deia__pg *p, struct deia__errmsg *msg)
{
	if (ask(p, p->alone ? FORGET_OTHERS : FORGET_OLD, NULL) &&
	    ask(p, "INSERT INTO store_writers (writer, grp) VALUES ($1, 0)",
		NULL))
		return DEIA_OK;
	return refused(p, msg, DEIA_ESTORE,
		       "PostgreSQL did not take the store's first row: is it "
		       "a standby, or read only? See its log");
}

deia_err deia__pg_sign_in(struct deia__pg *p,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	deia_err err;

	p->alone = opts->alone;
	p->as_it_is = opts->as_it_is;
	if (!deia__random(&p->writer_id, sizeof(p->writer_id)))
		return deia__fail(msg, DEIA_EIO, "no random bytes");
	p->writer_id &= INT64_MAX;
	p->writer_id += p->writer_id == 0;
	snprintf(p->writer, sizeof(p->writer), "%" PRId64, p->writer_id);
	err = deia__pg_connect(p, &p->write, &p->write_options,
			       p->write_options.connect_ms, msg);
	if (err)
		return err == DEIA_EUNAVAILABLE ? DEIA_EIO : err;
	err = deia__pg_migrate(p, opts, msg);
	if (!err && !take_over(p, false))
		err = refused(p, msg, DEIA_EIO,
			      "PostgreSQL gave no lock: see its log");
	if (!err && !p->as_it_is)
		err = make_marker(p, msg);
	if (!err && !enter_pipeline(p))
		err = deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	return err;
}

void deia__pg_sign_out(struct deia__pg *p)
{
	if (p->write.pg && !p->as_it_is && PQexitPipelineMode(p->write.pg) == 1)
		(void)ask(p, "DELETE FROM store_writers WHERE writer = $1",
			  NULL);
	deia__pg_disconnect(&p->write);
}

/* True when the socket says that the session has ended. */
static bool has_ended(struct deia__pg_conn *c)
{
	struct pollfd fd = { .fd = PQsocket(c->pg), .events = POLLIN };

	return poll(&fd, 1, 0) > 0 &&
	       (!PQconsumeInput(c->pg) || PQstatus(c->pg) != CONNECTION_OK);
}

deia_err deia__pg_idle(void *self, struct deia__errmsg *msg)
{
	struct deia__pg *p = self;
	int64_t ms = p->write_options.connect_ms;

	if (p->write.pg && has_ended(&p->write)) {
		lost(p);
		p->retry_ms = 0; /* at once: most often it is back already */
	}
	if (p->write.pg || deia__now_ms(NULL) < p->retry_ms)
		return DEIA_OK;
	if (reconnect(p, ms < IDLE_CONNECT_MS ? ms : IDLE_CONNECT_MS))
		return DEIA_OK;
	p->pause_ms = 0;
	return p->gone ? deia__pg_gone(p, msg) : DEIA_OK;
}
