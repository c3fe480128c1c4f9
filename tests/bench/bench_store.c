/* SPDX-License-Identifier: MIT */
/*
 * bench_store.c - acknowledged rows a second through the store, against plain
 * SQLite that writes the same rows in transactions of the same size.
 *
 *   bench_store [PROGRAM-DIR]
 *
 * Each caller waits for its row before it commits the next: so many callers,
 * so many rows a group. Plain SQLite has no callers, threads or callbacks: it
 * is the ceiling, and the ratio is what the way through the store costs.
 */
#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "store/schema.h"

#define RUN_US 700000
#define TEXT                                                                   \
	"a line of chat of about the usual length, with some words in it "     \
	"so that it has two hundred bytes or so, which is what people and "    \
	"models tend to write to each other while they work on something"

struct bench {
	struct event_base *base;
	deia_store *store;
	char dir[64], path[96];
	uint64_t rows, number;
	int64_t until_us;
	unsigned open;
};

static void row_of(struct deia_value *row, char id[static 37], uint64_t n)
{
	unsigned c;

	/* As long as a UUID, and rising like one of version 7. */
	snprintf(id, 37, "%08x-0000-7000-8000-%012llx", (unsigned)(n >> 8),
		 (unsigned long long)n);
	for (c = 0; c < LINE_COLUMNS; c++)
		row[c] = deia_text("sent");
	row[LINE_SEQ] = deia_null();
	row[LINE_ID] = deia_text(id);
	row[LINE_CONVERSATION] = deia_text(n % 2 ? "one" : "two");
	row[LINE_CONTENT] = deia_text(TEXT);
	row[LINE_CREATED] = deia_int((int64_t)n);
	row[LINE_PROMPT_TOKENS] = row[LINE_COMPLETION_TOKENS] = deia_null();
}

/* ---- through the store ------------------------------------------------- */

static void commit_one(struct bench *b);

static void on_commit(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct bench *b = user;

	(void)seqs;
	(void)n;
	bench_must(err, "commit");
	b->rows++;
	b->open--;
	if (bench_now_us() < b->until_us)
		commit_one(b);
	else if (b->open == 0)
		event_base_loopbreak(b->base);
}

static void commit_one(struct bench *b)
{
	struct deia_value row[LINE_COLUMNS];
	deia_txn *t = deia_txn_new(b->store);
	char id[37];

	row_of(row, id, b->number++);
	deia_txn_insert(t, &deia__table_chat_lines, row);
	bench_must(deia_txn_commit(t, on_commit, b), "queue");
	b->open++;
}

static double through_store(struct bench *b, unsigned callers)
{
	int64_t began = bench_now_us();
	unsigned i;

	b->rows = 0;
	b->until_us = began + RUN_US;
	for (i = 0; i < callers; i++)
		commit_one(b);
	event_base_dispatch(b->base);
	return (double)b->rows * 1e6 / (double)(bench_now_us() - began);
}

static void open_store(struct bench *b, const char *scheme,
		       enum deia_durability durability)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char url[128], detail[256] = "";

	opts.durability = durability;
	snprintf(url, sizeof(url), "%s%s", scheme,
		 strcmp(scheme, "sqlite:") ? "" : b->path);
	bench_must(deia_store_open(&b->store, b->base, url, &opts, detail,
				   sizeof(detail)),
		   detail);
}

/* ---- plain SQLite ------------------------------------------------------ */

static void run(sqlite3 *db, const char *sql)
{
	bench_must(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void insert_plain(sqlite3_stmt *stmt, uint64_t n)
{
	struct deia_value row[LINE_COLUMNS];
	char id[37];
	int c;

	row_of(row, id, n);
	for (c = 1; c < LINE_COLUMNS; c++) {
		if (row[c].type == DEIA_TEXT)
			sqlite3_bind_text(stmt, c, row[c].s, (int)row[c].len,
					  SQLITE_STATIC);
		else if (row[c].type == DEIA_INT)
			sqlite3_bind_int64(stmt, c, row[c].i);
		else
			sqlite3_bind_null(stmt, c);
	}
	bench_must(sqlite3_step(stmt) != SQLITE_DONE, "insert");
	sqlite3_reset(stmt);
}

static double plain(struct bench *b, unsigned rows, const char *settings)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t began;
	uint64_t done = 0;
	unsigned i;

	bench_must(sqlite3_open_v2(b->path, &db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL),
		   "open");
	run(db, settings);
	bench_must(sqlite3_prepare_v2(
			   db,
			   "INSERT INTO chat_lines (id, conversation, bot, "
			   "role, author, content, status, error, created, "
			   "prompt_tokens, completion_tokens) VALUES "
			   "(?,?,?,?,?,?,?,?,?,?,?)",
			   -1, &stmt, NULL),
		   "prepare");
	began = bench_now_us();
	while (bench_now_us() < began + RUN_US) {
		run(db, "BEGIN IMMEDIATE");
		for (i = 0; i < rows; i++)
			insert_plain(stmt, b->number++);
		run(db, "COMMIT");
		done += rows;
	}
	began = bench_now_us() - began;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return (double)done * 1e6 / (double)began;
}

/* ---- the comparison ---------------------------------------------------- */

static void compare(struct bench *b, const char *name,
		    enum deia_durability durability, const char *settings)
{
	static const unsigned callers[] = { 1, 10, 100, 1000 };
	double ours, theirs;
	size_t i;

	for (i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		open_store(b, "sqlite:", durability);
		ours = through_store(b, callers[i]);
		deia_store_close(b->store);
		theirs = plain(b, callers[i], settings);
		printf("store %s, %4u callers: %7.0f rows/s; plain SQLite in "
		       "groups of %4u: %7.0f rows/s; ratio %.2f\n",
		       name, callers[i], ours, callers[i], theirs,
		       ours / theirs);
	}
}

static void clean_up(const struct bench *b)
{
	static const char *const names[] = { "b.db", "b.db-wal", "b.db-shm",
					     "run/deiad.lock" };
	char path[160];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/run", b->dir);
	rmdir(path);
	rmdir(b->dir);
}

int main(void)
{
	struct bench b = { .dir = "/tmp/deia-bench-XXXXXX" };

	b.base = event_base_new();
	bench_must(!b.base || !mkdtemp(b.dir), "temporary directory");
	snprintf(b.path, sizeof(b.path), "%s/b.db", b.dir);
	compare(&b, "full", DEIA_DURABILITY_FULL, "PRAGMA synchronous=FULL");
	compare(&b, "normal", DEIA_DURABILITY_NORMAL,
		"PRAGMA synchronous=NORMAL");
	open_store(&b, "memory:", DEIA_DURABILITY_MEMORY);
	printf("store memory, 100 callers: %7.0f rows/s\n",
	       through_store(&b, 100));
	deia_store_close(b.store);
	clean_up(&b);
	event_base_free(b.base);
	return 0;
}
