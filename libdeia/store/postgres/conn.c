/* SPDX-License-Identifier: MIT */
/*
 * conn.c - one connection: connecting, waiting, plain commands, and
 * what errors mean.
 */
#include "store/postgres/postgres.h"

#include <poll.h>
#include <string.h>

#include "core/clock.h"

/* Silence of a server that was asked something: it counts as away. */
#define AWAY_MS 3000
/* Of a closing store, for what is under way. */
#define STOP_MS 5000
/* One wait is at most so long, to look at the clock. */
#define SLICE_MS 1000

/* ---- waiting ----------------------------------------------------------- */

bool deia__pg_is_over(const struct deia__pg_conn *c)
{
	return c->stopping && deia__now_ms(NULL) >= c->stop_ms;
}

/* False: nothing came in the time. */
static bool poll_once(struct deia__pg_conn *c, int fd, short events, int64_t ms)
{
	struct pollfd p[2] = { { .fd = fd, .events = events },
			       { .fd = c->stopping ? -1 : c->stop_fd,
				 .events = POLLIN } };

	if (ms > SLICE_MS)
		ms = SLICE_MS;
	poll(p, 2, ms > 0 ? (int)ms : 0);
	if (p[1].revents) {
		c->stopping = true;
		c->stop_ms = deia__now_ms(NULL) + (c->hasty ? 0 : STOP_MS);
	}
	return p[0].revents != 0;
}

static void mark_away(struct deia__pg_conn *c)
{
	if (atomic_load(&c->away_since) == 0)
		atomic_store(&c->away_since, deia__unix_ms(NULL));
}

bool deia__pg_wait(struct deia__pg_conn *c, bool write, int64_t until_ms)
{
	short events = (short)(write ? POLLIN | POLLOUT : POLLIN);
	int64_t start = deia__now_ms(NULL), now = start;

	while (!deia__pg_is_over(c) && now < until_ms) {
		if (poll_once(c, PQsocket(c->pg), events, until_ms - now)) {
			atomic_store(&c->away_since, 0);
			return true;
		}
		now = deia__now_ms(NULL);
		if (now - start >= AWAY_MS)
			mark_away(c);
	}
	return false;
}

void deia__pg_pause(struct deia__pg_conn *c, int64_t ms)
{
	int64_t now = deia__now_ms(NULL), end = now + ms;

	while (now < end && !deia__pg_is_over(c)) {
		poll_once(c, -1, 0, end - now);
		now = deia__now_ms(NULL);
	}
}

/* ---- connecting -------------------------------------------------------- */

static void quiet(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static bool finish_connecting(struct deia__pg_conn *c, int64_t until_ms)
{
	PostgresPollingStatusType s = PGRES_POLLING_WRITING;
	int64_t now = deia__now_ms(NULL);

	while (s != PGRES_POLLING_OK && s != PGRES_POLLING_FAILED) {
		if (now >= until_ms || deia__pg_is_over(c))
			return false;
		/* libpq may change its socket: ask each time. */
		if (poll_once(c, PQsocket(c->pg),
			      s == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			      until_ms - now))
			s = PQconnectPoll(c->pg);
		now = deia__now_ms(NULL);
	}
	return s == PGRES_POLLING_OK;
}

/* The first line of libpq's text, which says all. */
static deia_err say_why(const struct deia__pg *p, struct deia__pg_conn *c,
			bool in_time, struct deia__errmsg *msg)
{
	const char *why = c->pg ? PQerrorMessage(c->pg) : "memory ran out";
	const char *fatal = strstr(why, "FATAL:");
	bool refused = strstr(why, "authentication failed") ||
		       strstr(why, "no password supplied") ||
		       strstr(why, "pg_hba.conf") ||
		       strstr(why, "does not exist");
	size_t len;

	if (fatal)
		why = fatal + strspn(fatal + 6, " ") + 6;
	len = strcspn(why, "\n");
	deia__fail(msg, DEIA_EUNAVAILABLE,
		   refused ? "PostgreSQL refuses: %.*s: check user, password "
			     "and database in store.url"
			   : "PostgreSQL cannot be reached: %.*s: start it, or "
			     "check host and port in store.url",
		   in_time && len ? (int)len : 22,
		   in_time && len ? why : "no answer in good time");
	deia__pg_hide(p, msg);
	return refused ? DEIA_ESTORE : DEIA_EUNAVAILABLE;
}

deia_err deia__pg_connect(const struct deia__pg *p, struct deia__pg_conn *c,
			  const struct deia__pg_options *o, int64_t budget_ms,
			  struct deia__errmsg *msg)
{
	int64_t until_ms = deia__now_ms(NULL) + budget_ms;
	deia_err err;

	deia__pg_disconnect(c);
	c->pg = PQconnectStartParams((const char *const *)o->keywords,
				     (const char *const *)o->values, 0);
	if (c->pg && PQstatus(c->pg) != CONNECTION_BAD &&
	    finish_connecting(c, until_ms)) {
		PQsetNoticeReceiver(c->pg, quiet, NULL);
		if (PQsetnonblocking(c->pg, 1) == 0) {
			atomic_store(&c->away_since, 0);
			return DEIA_OK;
		}
	}
	err = say_why(p, c, deia__now_ms(NULL) < until_ms, msg);
	deia__pg_disconnect(c);
	mark_away(c);
	return err;
}

void deia__pg_disconnect(struct deia__pg_conn *c)
{
	PQfinish(c->pg);
	c->pg = NULL;
	memset(c->stmts, 0, sizeof(c->stmts));
}

/* ---- plain commands ---------------------------------------------------- */

/* The next result; *res is NULL at the end. False: the connection is lost. */
static bool next_result(struct deia__pg_conn *c, int64_t until_ms,
			PGresult **res)
{
	int flushed = PQflush(c->pg);

	while (flushed >= 0 && (flushed > 0 || PQisBusy(c->pg))) {
		if (!deia__pg_wait(c, flushed > 0, until_ms) ||
		    !PQconsumeInput(c->pg))
			return false;
		flushed = PQflush(c->pg);
	}
	if (flushed < 0)
		return false;
	*res = PQgetResult(c->pg);
	return true;
}

PGresult *deia__pg_query(struct deia__pg_conn *c, int64_t budget_ms,
			 const char *sql, int n, const char *const *params)
{
	int64_t until_ms = deia__now_ms(NULL) + budget_ms;
	PGresult *res = NULL, *last = NULL;
	bool ok;

	if (!c->pg)
		return NULL;
	if (n > 0)
		ok = PQsendQueryParams(c->pg, sql, n, NULL, params, NULL, NULL,
				       0);
	else
		ok = PQsendQuery(c->pg, sql);
	while (ok && (ok = next_result(c, until_ms, &res)) && res) {
		/* What failed first says why. */
		if (last && !deia__pg_ok(last)) {
			PQclear(res);
			continue;
		}
		PQclear(last);
		last = res;
	}
	if (ok && PQstatus(c->pg) == CONNECTION_OK)
		return last;
	PQclear(last);
	deia__pg_disconnect(c);
	return NULL;
}

bool deia__pg_ok(const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

deia_err deia__pg_err(const char *state)
{
	static const struct {
		const char *prefix;
		deia_err err;
	} map[] = {
		{ "23505", DEIA_EEXIST },
		/* Deadlocks, and what a standby or a restart says. */
		{ "40", DEIA_ECANCELED },
		{ "08", DEIA__PG_LOST },
		{ "25006", DEIA__PG_LOST },
		{ "25P03", DEIA__PG_LOST },
		{ "57P", DEIA__PG_LOST },
		{ "53100", DEIA_EFULL },
		{ "53200", DEIA_ENOMEM },
		{ "53", DEIA_EUNAVAILABLE },
		{ "55P03", DEIA_EUNAVAILABLE },
		{ "57014", DEIA_EUNAVAILABLE },
		/* Data that does not fit, a table that is not there. */
		{ "22", DEIA_EINVAL },
		{ "23", DEIA_EINVAL },
		{ "42", DEIA_EINVAL },
		{ "54", DEIA_EINVAL },
	};
	size_t i;

	/* libpq's own errors have none. */
	if (!state || !*state)
		return DEIA__PG_LOST;
	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (strncmp(state, map[i].prefix, strlen(map[i].prefix)) == 0)
			return map[i].err;
	return DEIA_ESTORE;
}
