/* SPDX-License-Identifier: MIT */
/*
 * cluster.h - databases in the private PostgreSQL cluster of the tests, which
 * tests/support/postgres.py starts around a test program.
 */
#ifndef TEST_STORE_CLUSTER_H
#define TEST_STORE_CLUSTER_H

#include <stddef.h>

/* NULL when there is a cluster, else why not. */
const char *cluster_missing(void);
/*
 * A new database; url: at least 160 bytes. It goes with the cluster: to drop
 * it would be a checkpoint, which takes longer than most tests.
 */
void make_database(char *name, size_t name_len, char *url, size_t url_len);
/* Runs SQL in a database; the first value of the first row, "" when none. */
void cluster_sql(const char *database, const char *sql, char *out, size_t len);

#endif
