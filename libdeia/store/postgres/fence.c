/* SPDX-License-Identifier: MIT */
/*
 * fence.c - shutting another store's writer out.
 *
 * Whoever holds the lock in a writer's name acts in its name (see link.c). So
 * it is shut out by taking that lock, deleting its marker, and only then
 * letting the lock go: its next session finds the marker gone and ends. A
 * session that it still has holds the lock, and is ended first or left alone.
 *
 * A store whose own marker is gone shuts out nobody: it was shut out itself.
 * Both markers are looked at in one transaction that holds the own one, so two
 * that shut each other out cannot both succeed.
 */
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 3000
#define QUERY_MS 5000
/* With force: a session that comes between is ended as well. */
#define TRIES 2

/* The only number in its answer, if there is one, goes to *value. */
static deia_err ask(struct deia__pg_conn *c, const char *sql, int n,
		    const char *const *params, int64_t *value)
{
	PGresult *res = deia__pg_query(c, QUERY_MS, sql, n, params);
	const char *state =
		res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	deia_err err = DEIA_EUNAVAILABLE;

	if (deia__pg_ok(res))
		err = DEIA_OK;
	else if (state && strcmp(state, "55P03") == 0)
		err = DEIA_EBUSY;
	if (!err && value)
		*value = PQntuples(res) ? atoll(PQgetvalue(res, 0, 0)) : 0;
	PQclear(res);
	return err;
}

/* The session of a program that was just killed takes a moment to end. */
static deia_err take_lock(struct deia__pg_conn *c, const char *writer,
			  bool force)
{
	const char *params[1] = { writer };
	deia_err err;
	int tries = 0;

	do {
		err = force ? ask(c, DEIA__PG_END_SESSIONS, 1, params, NULL)
			    : DEIA_OK;
		if (!err)
			err = ask(c, "SELECT pg_advisory_lock($1)", 1, params,
				  NULL);
	} while (err == DEIA_EBUSY && force && ++tries < TRIES);
	return err;
}

static deia_err delete_marker(const struct deia__pg *p, struct deia__pg_conn *c,
			      const char *writer)
{
	const char *params[2] = { p->writer, writer };
	int64_t own = 0;
	deia_err err;

	err = ask(c,
		  "WITH own AS (SELECT 1 FROM store_writers WHERE writer = $1 "
		  "FOR KEY SHARE), other AS (DELETE FROM store_writers WHERE "
		  "writer = $2 AND EXISTS (SELECT 1 FROM own)) "
		  "SELECT count(*) FROM own",
		  2, params, &own);
	if (err)
		return DEIA_EUNAVAILABLE;
	return own ? DEIA_OK : DEIA_ESTORE;
}

deia_err deia__pg_fence(void *self, int64_t writer, bool force)
{
	const struct deia__pg *p = self;
	const struct deia__pg_options *o = &p->write_options;
	struct deia__pg_conn c = { .stop_fd = p->stop_fd, .hasty = true };
	struct deia__errmsg ignored; /* the writer says what is wrong */
	char number[24];
	deia_err err;

	snprintf(number, sizeof(number), "%" PRId64, writer);
	if (deia__pg_connect(p, &c, o,
			     o->connect_ms < CONNECT_MS ? o->connect_ms
							: CONNECT_MS,
			     &ignored))
		return DEIA_EUNAVAILABLE;
	/* It must hold after a crash of the server, too. */
	err = ask(&c,
		  "SET synchronous_commit = on; SET lock_timeout = '2s'; "
		  "SET application_name = '" DEIA__PG_FENCING "'",
		  0, NULL, NULL);
	if (!err)
		err = take_lock(&c, number, force);
	if (!err)
		err = delete_marker(p, &c, number);
	deia__pg_disconnect(&c);
	return err;
}
