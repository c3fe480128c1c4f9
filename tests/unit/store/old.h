/* SPDX-License-Identifier: MIT */
/* old.h - databases as programs of former schema versions left them. */
#ifndef TEST_STORE_OLD_H
#define TEST_STORE_OLD_H

#include <check.h>
#include <sqlite3.h>

#include "core/buf.h"

#define OLD_ROWS 25 /* of each table */

struct old_tables {
	char name[32][40];
	int n;
};

/*
 * All that the tables of the old version hold, as one text: `shape` names
 * their columns as they were.
 */
struct old_content {
	struct old_tables tables;
	char columns[32][1024];
	struct deia__buf rows;
};

/* A SQLite file on a connection of the test's own; what is asked is a number. */
sqlite3 *old_open(const char *file);
void old_run(sqlite3 *db, const char *sql);
int64_t old_ask(sqlite3 *db, const char *sql);

/* Made by the migrations 1..version alone, with rows in every table. */
void old_make(const char *path, unsigned version);
unsigned old_version(const char *file);
/* Takes what a database holds, and checks that another still does. */
void old_take(struct old_content *c, const char *path);
void old_ck(const struct old_content *c, const char *file);

#endif
