/* SPDX-License-Identifier: MIT */
/* cluster.c - databases in the private PostgreSQL cluster of the tests. */
#include "cluster.h"

#include <check.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <deia/sys/store.h>

const char *cluster_missing(void)
{
	const char *why = getenv("DEIA_TEST_POSTGRES_MISSING");

	if (!deia_store_has_postgresql())
		return "this build has no PostgreSQL backend";
	if (why || getenv("DEIA_TEST_POSTGRES"))
		return why;
	return "no cluster: run it by tests/support/postgres.py";
}

static void quiet(void *arg, const char *notice)
{
	(void)arg;
	(void)notice;
}

void cluster_sql(const char *database, const char *sql, char *out, size_t len)
{
	char url[160];
	PGresult *res;
	PGconn *pg;

	snprintf(url, sizeof(url), "%s/%s", getenv("DEIA_TEST_POSTGRES"),
		 database);
	pg = PQconnectdb(url);
	ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
	PQsetNoticeProcessor(pg, quiet, NULL);
	res = PQexec(pg, sql);
	ck_assert_msg(PQresultStatus(res) == PGRES_COMMAND_OK ||
			      PQresultStatus(res) == PGRES_TUPLES_OK,
		      "%s: %s", sql, PQerrorMessage(pg));
	if (out)
		snprintf(out, len, "%s",
			 PQntuples(res) ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	PQfinish(pg);
}

void make_database(char *name, size_t name_len, char *url, size_t url_len)
{
	static unsigned made;
	char sql[96];

	snprintf(name, name_len, "t%d_%u", (int)getpid(), made++);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
	cluster_sql("postgres", sql, NULL, 0);
	snprintf(url, url_len, "%s/%s", getenv("DEIA_TEST_POSTGRES"), name);
}
