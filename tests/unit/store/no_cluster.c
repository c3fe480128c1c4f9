/* SPDX-License-Identifier: MIT */
/* no_cluster.c - in place of cluster.c in a build without libpq. */
#include "cluster.h"

#include <check.h>

const char *cluster_missing(void)
{
	return "this build has no PostgreSQL backend";
}

void cluster_sql(const char *database, const char *sql, char *out, size_t len)
{
	(void)database;
	(void)out;
	(void)len;
	ck_abort_msg("no libpq to run %s with", sql);
}

void make_database(char *name, size_t name_len, char *url, size_t url_len)
{
	(void)url;
	(void)url_len;
	if (name_len)
		name[0] = '\0';
	ck_abort_msg("no libpq to make a database with");
}
