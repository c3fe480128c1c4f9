/* SPDX-License-Identifier: MIT */
/*
 * migrate.c - what a database is, and bringing it up to date.
 *
 * A lock goes around all of it (locks.c): two programs that start at once
 * inspect one after the other, and the second finds the work done. Each
 * migration and its record are one transaction.
 */
#include "store/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/mem.h"
#include "store/migrate.h"

#define QUERY_MS 30000
#define MIGRATE_MS (60 * 60 * 1000)

static deia_err failed(const struct deia__pg *p, const PGresult *res,
		       struct deia__errmsg *msg)
{
	const char *state =
		res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text =
		res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!res)
		deia__fail(msg, DEIA_EIO,
			   "the connection to PostgreSQL was lost while the "
			   "store was opened: see its log, then start again");
	else if (state && strcmp(state, "42501") == 0)
		deia__fail(msg, DEIA_ESTORE,
			   "PostgreSQL: %s: let the user own the database, or "
			   "run GRANT ALL ON SCHEMA public TO it",
			   text ? text : "not permitted");
	else
		deia__fail(msg, DEIA_ESTORE, "PostgreSQL: %s (%s)",
			   text ? text : "it failed", state ? state : "");
	deia__pg_hide(p, msg);
	return res ? DEIA_ESTORE : DEIA_EIO;
}

/* Runs it; *value, when not NULL, is the number in the only row. */
static deia_err run(struct deia__pg *p, int64_t ms, const char *sql,
		    int64_t *value, struct deia__errmsg *msg)
{
	PGresult *res = deia__pg_query(&p->write, ms, sql, 0, NULL);
	deia_err err = DEIA_OK;

	if (!deia__pg_ok(res))
		err = failed(p, res, msg);
	else if (value)
		*value = PQntuples(res) ? atoll(PQgetvalue(res, 0, 0)) : 0;
	PQclear(res);
	return err;
}

/* ---- inspecting -------------------------------------------------------- */

/* Settings of the server that the store relies on. */
static deia_err check_server(struct deia__pg *p, struct deia__errmsg *msg)
{
	int64_t bad = 0;
	deia_err err;

	if (PQserverVersion(p->write.pg) < 130000)
		return deia__fail(msg, DEIA_EVERSION,
				  "this PostgreSQL is older than version 13: "
				  "upgrade it");
	err = run(p, QUERY_MS,
		  "SELECT (current_setting('server_encoding') <> 'UTF8')::int",
		  &bad, msg);
	if (!err && bad)
		return deia__fail(msg, DEIA_ESTORE,
				  "the database's encoding is not UTF8: make "
				  "it with CREATE DATABASE ... ENCODING 'UTF8' "
				  "TEMPLATE template0");
	if (!err)
		err = run(p, QUERY_MS, "SELECT (current_schema() IS NULL)::int",
			  &bad, msg);
	if (!err && bad)
		return deia__fail(msg, DEIA_ESTORE,
				  "there is no schema to keep tables in: "
				  "create the one that search_path names");
	return err;
}

static deia_err check_fsync(struct deia__pg *p, struct deia__errmsg *msg)
{
	int64_t bad = 0;
	deia_err err = run(p, QUERY_MS,
			   "SELECT (current_setting('fsync') = 'off' AND "
			   "current_setting('synchronous_commit') <> 'off')"
			   "::int",
			   &bad, msg);

	if (!err && bad)
		return deia__fail(msg, DEIA_ESTORE,
				  "this PostgreSQL runs with fsync off, so it "
				  "cannot keep what store.durability full "
				  "promises: set fsync on there, or durability "
				  "normal here");
	return err;
}

static deia_err check_applied(struct deia__pg *p, unsigned *applied,
			      struct deia__errmsg *msg)
{
	PGresult *res = deia__pg_query(&p->write, QUERY_MS,
				       "SELECT version, checksum FROM "
				       "schema_migrations ORDER BY version",
				       0, NULL);
	deia_err err = deia__pg_ok(res) ? DEIA_OK : failed(p, res, msg);
	int64_t version;
	int i;

	for (i = 0; !err && i < PQntuples(res); i++) {
		version = atoll(PQgetvalue(res, i, 0));
		err = deia__migrate_check(deia__migrations_postgres,
					  deia__migrations_postgres_len,
					  version, PQgetvalue(res, i, 1), msg);
		if (!err)
			*applied = (unsigned)version;
	}
	PQclear(res);
	return err;
}

static deia_err is_ours(struct deia__pg *p, bool *ours,
			struct deia__errmsg *msg)
{
	int64_t all = 0, n = 0;
	deia_err err;

	err = run(p, QUERY_MS,
		  "SELECT count(*) FROM pg_class WHERE relnamespace = "
		  "current_schema()::regnamespace AND relkind IN "
		  "('r', 'p', 'v', 'm', 'f', 'S')",
		  &all, msg);
	/* Other programs have tables of this name, too. */
	if (!err)
		err = run(p, QUERY_MS,
			  "SELECT count(*) FROM pg_attribute WHERE attrelid = "
			  "to_regclass(quote_ident(current_schema()) || "
			  "'.schema_migrations') AND attname = 'checksum'",
			  &n, msg);
	*ours = n > 0;
	if (err)
		return err;
	if (all > 0 && !*ours)
		return deia__fail(msg, DEIA_ESTORE,
				  "database %s has tables of another program: "
				  "make a database of its own for deia and "
				  "name it in store.url",
				  PQdb(p->write.pg));
	return DEIA_OK;
}

static deia_err inspect(struct deia__pg *p, unsigned *applied,
			struct deia__errmsg *msg)
{
	bool ours = false;
	deia_err err = is_ours(p, &ours, msg);

	*applied = 0;
	return !err && ours ? check_applied(p, applied, msg) : err;
}

/* ---- migrating --------------------------------------------------------- */

static deia_err record(struct deia__pg *p, const struct deia__migration *m,
		       int64_t us, struct deia__errmsg *msg)
{
	char version[16], now[24], took[24];
	const char *params[5] = { version, m->name, m->checksum, now, took };
	deia_err err = DEIA_OK;
	PGresult *res;

	snprintf(version, sizeof(version), "%u", m->version);
	snprintf(now, sizeof(now), "%lld", (long long)deia__unix_ms(NULL));
	snprintf(took, sizeof(took), "%lld", (long long)us);
	res = deia__pg_query(&p->write, QUERY_MS,
			     "INSERT INTO schema_migrations "
			     "(version, name, checksum, applied, duration_us) "
			     "VALUES ($1, $2, $3, $4, $5)",
			     5, params);
	if (!deia__pg_ok(res))
		err = failed(p, res, msg);
	PQclear(res);
	return err;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* *us: how long its statements took; the commit comes on top. */
static deia_err apply(struct deia__pg *p, const struct deia__migration *m,
		      int64_t *us, struct deia__errmsg *msg)
{
	struct deia__errmsg ignored;
	deia_err err = run(p, QUERY_MS,
			   "BEGIN; SET LOCAL statement_timeout = 0", NULL, msg);

	if (!err)
		err = run(p, QUERY_MS, deia__migrate_table, NULL, msg);
	/* Databases made before durations were kept have no column for them. */
	if (!err)
		err = run(p, QUERY_MS,
			  "ALTER TABLE schema_migrations ADD COLUMN IF NOT "
			  "EXISTS duration_us BIGINT",
			  NULL, msg);
	*us = now_us();
	if (!err)
		err = run(p, MIGRATE_MS, m->sql, NULL, msg);
	*us = now_us() - *us;
	if (!err)
		err = record(p, m, *us, msg);
	if (!err)
		err = run(p, MIGRATE_MS, "COMMIT", NULL, msg);
	if (err && p->write.pg &&
	    PQtransactionStatus(p->write.pg) != PQTRANS_IDLE)
		(void)run(p, QUERY_MS, "ROLLBACK", NULL, &ignored);
	return err;
}

static deia_err apply_all(struct deia__pg *p, unsigned applied,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	const struct deia__migration *m;
	deia_err err = DEIA_OK;
	int64_t us = 0;

	for (unsigned i = applied; i < deia__migrations_postgres_len; i++) {
		m = &deia__migrations_postgres[i];
		err = apply(p, m, &us, msg);
		if (err)
			break;
		if (applied > 0)
			deia__store_note(
				opts, "applied migration %04u_%s in %lld ms",
				m->version, m->name, (long long)(us / 1000));
	}
	return err;
}

/* Opened as it is, there must be a hive of this version. */
static deia_err check_as_it_is(struct deia__pg *p, unsigned applied,
			       struct deia__errmsg *msg)
{
	if (applied == 0)
		return deia__fail(msg, DEIA_ENOTFOUND,
				  "database %s is empty: there is no hive in "
				  "it",
				  PQdb(p->write.pg));
	if (applied < deia__migrations_postgres_len)
		return deia__fail(msg, DEIA_EVERSION,
				  "database %s has an older schema: run deia "
				  "migrate up first",
				  PQdb(p->write.pg));
	return DEIA_OK;
}

static deia_err upgrade(struct deia__pg *p, unsigned applied,
			const struct deia_store_opts *opts,
			struct deia__errmsg *msg)
{
	deia_err err = deia__pg_lock_for_upgrade(p, msg);

	if (!err && applied > 0 && !opts->no_backup)
		err = deia__pg_backup(p, applied + 1, opts, msg);
	if (!err)
		err = apply_all(p, applied, opts, msg);
	return err ? err : deia__pg_unlock_after_upgrade(p, msg);
}

static deia_err up_to_date(struct deia__pg *p,
			   const struct deia_store_opts *opts,
			   struct deia__errmsg *msg)
{
	unsigned applied = 0;
	deia_err err = inspect(p, &applied, msg);

	if (!err && opts->as_it_is)
		return check_as_it_is(p, applied, msg);
	if (err || applied == deia__migrations_postgres_len)
		return err;
	return upgrade(p, applied, opts, msg);
}

deia_err deia__pg_migrate(struct deia__pg *p,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	deia_err err = check_server(p, msg);

	if (!err)
		err = check_fsync(p, msg);
	if (!err)
		err = deia__pg_lock_schema(p, msg);
	if (!err)
		err = deia__pg_lock_database(p, msg);
	if (!err)
		err = up_to_date(p, opts, msg);
	return err ? err : deia__pg_unlock_schema(p, msg);
}

/* ---- listing ----------------------------------------------------------- */

static deia_err list_rows(struct deia__pg *p, struct deia__migrate_list *out,
			  struct deia__errmsg *msg)
{
	PGresult *res = deia__pg_query(
		&p->write, QUERY_MS,
		"SELECT version, name, checksum, applied, "
		"coalesce((to_jsonb(m) ->> 'duration_us')::bigint, -1) "
		"FROM schema_migrations m ORDER BY version",
		0, NULL);
	deia_err err = deia__pg_ok(res) ? DEIA_OK : failed(p, res, msg);

	for (int i = 0; !err && i < PQntuples(res); i++)
		deia__migrate_applied(out, atoll(PQgetvalue(res, i, 0)),
				      PQgetvalue(res, i, 1),
				      PQgetvalue(res, i, 2),
				      atoll(PQgetvalue(res, i, 3)),
				      atoll(PQgetvalue(res, i, 4)));
	PQclear(res);
	return err;
}

static deia_err list(struct deia__pg *p, struct deia__migrate_list *out,
		     struct deia__errmsg *msg)
{
	bool ours = false;
	deia_err err = check_server(p, msg);

	if (!err)
		err = is_ours(p, &ours, msg);
	if (!err && !ours)
		err = deia__fail(msg, DEIA_ENOTFOUND,
				 "database %s is empty: there is no hive in it",
				 PQdb(p->write.pg));
	if (!err)
		err = list_rows(p, out, msg);
	if (!err)
		deia__migrate_pending(out);
	return err;
}

deia_err deia__pg_status(const char *rest, struct deia__migrate_list *out,
			 struct deia__errmsg *msg)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct deia__pg *p = deia__alloc(sizeof(*p));
	deia_err err;

	if (!p)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	out->known = deia__migrations_postgres;
	out->n_known = deia__migrations_postgres_len;
	p->write.stop_fd = -1;
	err = deia__pg_options(p, rest, &opts, msg);
	if (!err)
		err = deia__pg_connect(p, &p->write, &p->write_options,
				       p->write_options.connect_ms, msg);
	if (err == DEIA_EUNAVAILABLE)
		err = DEIA_EIO;
	if (!err)
		err = list(p, out, msg);
	deia__pg_disconnect(&p->write);
	deia__pg_options_fini(p);
	deia__free(p);
	return err;
}
