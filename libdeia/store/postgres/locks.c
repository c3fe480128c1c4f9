/* SPDX-License-Identifier: MIT */
/*
 * locks.c - who may have the database open, beside whom.
 *
 * Two advisory locks, taken in this order, always on the writer's session:
 *
 * - the schema's, while a store is opened: they look at the schema, and bring
 *   it up to date, one after the other;
 * - the database's, as long as a store is open: shared by those that may have
 *   company, exclusive for one that is alone. One that finds migrations to be
 *   done takes it exclusively for that time: nobody works on tables while they
 *   are changed. The other programs are in time to be ended first.
 *
 * What they work on between two sessions of theirs is seen to by their markers;
 * see link.c.
 */
#include "store/postgres/postgres.h"

#include <string.h>

/* "deiamigr" as a number: nobody else's key, whatever else is locked here. */
#define SCHEMA_KEY "7234304243608938354"
/* Another program may be migrating: a large table takes its time. */
#define SCHEMA_MS 120000
/* "deiahive" as a number. */
#define DATABASE_KEY "7234304243525056101"
#define QUERY_MS 30000

/* Waiting is the server's; DEIA_ECANCELED: somebody else has it. */
static deia_err wait_for(struct deia__pg *p, int64_t ms, const char *sql)
{
	PGresult *res = deia__pg_query(&p->write, ms + QUERY_MS, sql, 0, NULL);
	const char *state =
		res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	deia_err err = DEIA_EIO;

	if (deia__pg_ok(res))
		err = DEIA_OK;
	else if (state && strcmp(state, "55P03") == 0)
		err = DEIA_ECANCELED;
	PQclear(res);
	return err;
}

static deia_err no_lock(struct deia__errmsg *msg)
{
	return deia__fail(msg, DEIA_EIO,
			  "PostgreSQL gave no lock: see its log, then start "
			  "again");
}

deia_err deia__pg_lock_schema(struct deia__pg *p, struct deia__errmsg *msg)
{
	deia_err err = wait_for(p, SCHEMA_MS,
				"BEGIN; SET LOCAL statement_timeout = 0; "
				"SET LOCAL lock_timeout = '120s'; "
				"SELECT pg_advisory_lock(" SCHEMA_KEY "); "
				"COMMIT");

	if (err == DEIA_ECANCELED)
		return deia__fail(msg, DEIA_EBUSY,
				  "another deiad is bringing the database up "
				  "to date: wait for it, then start again");
	return err ? no_lock(msg) : DEIA_OK;
}

deia_err deia__pg_unlock_schema(struct deia__pg *p, struct deia__errmsg *msg)
{
	deia_err err =
		wait_for(p, 0, "SELECT pg_advisory_unlock(" SCHEMA_KEY ")");

	return err ? no_lock(msg) : DEIA_OK;
}

/* The session of a program that was just killed takes a moment to end. */
#define PATIENT(lock)                                                          \
	"BEGIN; SET LOCAL lock_timeout = '5s'; SELECT " lock "(" DATABASE_KEY  \
	"); COMMIT"

deia_err deia__pg_lock_database(struct deia__pg *p, struct deia__errmsg *msg)
{
	deia_err err = wait_for(p, 0,
				p->alone ? PATIENT("pg_advisory_lock")
					 : PATIENT("pg_advisory_lock_shared"));

	if (err == DEIA_ECANCELED && p->alone)
		return deia__fail(msg, DEIA_EBUSY,
				  "another deiad uses the database %s: end it "
				  "first, or give this one a database of its "
				  "own",
				  PQdb(p->write.pg));
	if (err == DEIA_ECANCELED)
		return deia__fail(msg, DEIA_EBUSY,
				  "another program has the database %s to "
				  "itself (deia migrate, or a deiad that is "
				  "older): wait for it, or end it first",
				  PQdb(p->write.pg));
	return err ? no_lock(msg) : DEIA_OK;
}

bool deia__pg_relock_database(struct deia__pg *p)
{
	return !wait_for(p, 0,
			 p->alone ? "SELECT pg_advisory_lock(" DATABASE_KEY ")"
				  : "SELECT pg_advisory_lock_shared"
				    "(" DATABASE_KEY ")");
}

deia_err deia__pg_lock_for_upgrade(struct deia__pg *p, struct deia__errmsg *msg)
{
	deia_err err;

	if (p->alone)
		return DEIA_OK;
	err = wait_for(p, 0, PATIENT("pg_advisory_lock"));
	if (err == DEIA_ECANCELED)
		return deia__fail(msg, DEIA_EBUSY,
				  "the database %s is to be upgraded for this "
				  "deiad, and other nodes use it: end them "
				  "first",
				  PQdb(p->write.pg));
	return err ? no_lock(msg) : DEIA_OK;
}

deia_err deia__pg_unlock_after_upgrade(struct deia__pg *p,
				       struct deia__errmsg *msg)
{
	deia_err err;

	if (p->alone)
		return DEIA_OK;
	/* Who had it open before, and is between two sessions now, finds its
	 * marker gone. */
	err = wait_for(p, 0, "DELETE FROM store_writers");
	if (!err)
		err = wait_for(p, 0,
			       "SELECT pg_advisory_unlock(" DATABASE_KEY ")");
	return err ? no_lock(msg) : DEIA_OK;
}
