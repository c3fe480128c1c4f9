/* SPDX-License-Identifier: MIT */
/*
 * bench_rows.c - rows of mail through the store, against plain SQLite that
 * writes the same rows, with the same indexes, in transactions of the same
 * size.
 *
 *   bench_rows [PROGRAM-DIR]
 *
 * DEIA_BENCH_ROWS: how many rows (200000).
 * Two loads. insert: messages come in. cycle: each comes in, is handed over
 * (attempt, lease) and is read, three transactions one after another. Plain
 * SQLite has no threads, copies or callbacks: it is the ceiling. The two take
 * turns in short slices, since machines are shared.
 */
#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "store/schema.h"

#define CONTENT_LEN 200
#define INBOXES 100
#define SLICES 4
#define IN_FLIGHT_MAX 1000

enum step { SEND, HAND_OVER, READ, STEPS };

/* One transaction of `rows` rows that is under way. */
struct call {
	struct bench *bench;
	uint64_t first;
	enum step step;
};

struct bench {
	struct event_base *base;
	deia_store *store;
	char dir[64], path[2][96]; /* ours, plain */
	uint64_t number, until;	   /* of messages */
	unsigned rows, steps, open;
	struct call calls[IN_FLIGHT_MAX];

	sqlite3 *db;
	sqlite3_stmt *stmts[STEPS + 1];
};

/* ---- the rows ---------------------------------------------------------- */

static char content[CONTENT_LEN + 1];

/* A number as 16 bytes that rise with it. */
static struct deia_value id_of(char id[static 16], uint64_t n)
{
	int i;

	memset(id, 0, 16);
	for (i = 0; i < 8; i++)
		id[i] = (char)(n >> (56 - 8 * i));
	return (struct deia_value){ DEIA_BLOB, 0, id, 16 };
}

static void blank(const struct deia_table *t, struct deia_value *row)
{
	unsigned c;

	for (c = 0; c < t->n_columns; c++)
		row[c] = t->columns[c].type == DEIA_INT ? deia_int(0)
							: deia_text("");
}

/* What the values of message n point to. */
struct texts {
	char id[16], pair[64];
};

static void message_row(struct deia_value row[static MAIL_COLUMNS],
			struct texts *x, uint64_t n)
{
	int64_t now = 1763844000000 + (int64_t)n;

	blank(&deia__table_messages, row);
	snprintf(x->pair, sizeof(x->pair), "BOT-%03u PLANNER-001",
		 (unsigned)(n % INBOXES));
	row[MAIL_ID] = id_of(x->id, n);
	row[MAIL_TO] = (struct deia_value){ DEIA_TEXT, 0, x->pair, 7 };
	row[MAIL_PAIR] = deia_text(x->pair);
	row[MAIL_PRIORITY] = deia_int(2);
	row[MAIL_DUE] = deia_int(now + 604800000);
	row[MAIL_STATUS] = deia_text("pending");
	row[MAIL_FROM] = deia_text("PLANNER-001");
	row[MAIL_MAX_ATTEMPTS] = deia_int(3);
	row[MAIL_TTL] = deia_int(604800);
	row[MAIL_CREATED] = deia_int(now);
	row[MAIL_CONTENT] = deia_text(content);
	row[MAIL_SUM] = deia_int(0x12345678);
}

static void lease_row(struct deia_value row[static MAIL_LEASE_COLUMNS],
		      struct texts *x, uint64_t n)
{
	int64_t now = 1763844000000 + (int64_t)n;

	blank(&deia__table_message_leases, row);
	snprintf(x->pair, sizeof(x->pair), "BOT-%03u", (unsigned)(n % INBOXES));
	row[MAIL_LEASE_ID] = id_of(x->id, n);
	row[MAIL_LEASE_TO] = deia_text(x->pair);
	row[MAIL_LEASE_FROM] = deia_text("PLANNER-001");
	row[MAIL_LEASE_STATUS] = deia_text("delivered");
	row[MAIL_LEASE_ATTEMPT] = deia_int(1);
	row[MAIL_LEASE_LEASE] = deia_int(now * 977);
	row[MAIL_LEASE_END] = deia_int(now + 60000);
	row[MAIL_LEASE_CREATED] = row[MAIL_LEASE_DELIVERED] = deia_int(now);
}

#define READ_SETS 7
static void read_sets(struct deia_set set[static READ_SETS], uint64_t n)
{
	int64_t now = 1763844000000 + (int64_t)n;

	set[0] = (struct deia_set){ MAIL_PHASE, deia_int(1) };
	set[1] = (struct deia_set){ MAIL_DUE, deia_int(now) };
	set[2] = (struct deia_set){ MAIL_STATUS, deia_text("read") };
	set[3] = (struct deia_set){ MAIL_ATTEMPT, deia_int(1) };
	set[4] = (struct deia_set){ MAIL_LEASE, deia_int(now * 977) };
	set[5] = (struct deia_set){ MAIL_DELIVERED, deia_int(now) };
	set[6] = (struct deia_set){ MAIL_FINISHED, deia_int(now) };
}

/* ---- through the store ------------------------------------------------- */

static void commit_call(struct call *call);

static void on_commit(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct call *call = user;
	struct bench *b = call->bench;

	(void)seqs;
	(void)n;
	bench_must(err, "commit");
	if (++call->step >= b->steps) {
		call->step = SEND;
		call->first = b->number;
		b->number += b->rows;
	}
	if (call->step != SEND || call->first < b->until)
		commit_call(call);
	else if (--b->open == 0)
		event_base_loopbreak(b->base);
}

static void add_step(deia_txn *t, enum step step, uint64_t n)
{
	struct deia_value row[MAIL_COLUMNS], key;
	struct deia_set set[READ_SETS];
	struct texts x;

	if (step == SEND) {
		message_row(row, &x, n);
		deia_txn_insert(t, &deia__table_messages, row);
	} else if (step == HAND_OVER) {
		lease_row(row, &x, n);
		deia_txn_put(t, &deia__table_message_leases, row);
	} else {
		key = id_of(x.id, n);
		read_sets(set, n);
		deia_txn_update(t, &deia__table_messages, &key, set, READ_SETS,
				NULL);
		deia_txn_delete(t, &deia__table_message_leases, &key);
	}
}

static void commit_call(struct call *call)
{
	struct bench *b = call->bench;
	deia_txn *t = deia_txn_new(b->store);
	uint64_t n;

	for (n = call->first; n < call->first + b->rows; n++)
		add_step(t, call->step, n);
	bench_must(deia_txn_commit(t, on_commit, call), "queue");
}

/* Returns microseconds. */
static int64_t through_store(struct bench *b, unsigned callers)
{
	int64_t began = bench_now_us();
	unsigned i;

	b->open = callers;
	for (i = 0; i < callers; i++) {
		b->calls[i] = (struct call){ b, b->number, SEND };
		b->number += b->rows;
		commit_call(&b->calls[i]);
	}
	event_base_dispatch(b->base);
	return bench_now_us() - began;
}

static void open_store(struct bench *b, const char *path)
{
	char url[128], detail[256] = "";

	snprintf(url, sizeof(url), "sqlite:%s", path);
	bench_must(deia_store_open(&b->store, b->base, url, NULL, detail,
				   sizeof(detail)),
		   detail);
}

/* ---- plain SQLite ------------------------------------------------------ */

static void run(sqlite3 *db, const char *sql)
{
	bench_must(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void bind_value(sqlite3_stmt *stmt, int at, const struct deia_value *v)
{
	if (v->type == DEIA_INT)
		sqlite3_bind_int64(stmt, at, v->i);
	else if (v->type == DEIA_TEXT)
		sqlite3_bind_text(stmt, at, v->s, (int)v->len, SQLITE_STATIC);
	else
		sqlite3_bind_blob(stmt, at, v->s, (int)v->len, SQLITE_STATIC);
}

static void step_plain(sqlite3_stmt *stmt)
{
	bench_must(sqlite3_step(stmt) != SQLITE_DONE, "step");
	sqlite3_reset(stmt);
}

static void plain_row(struct bench *b, enum step step, uint64_t n)
{
	const struct deia_table *t = step == SEND ? &deia__table_messages
						  : &deia__table_message_leases;
	struct deia_value row[MAIL_COLUMNS], key;
	struct deia_set set[READ_SETS];
	struct texts x;
	unsigned i;

	if (step != READ) {
		if (step == SEND)
			message_row(row, &x, n);
		else
			lease_row(row, &x, n);
		for (i = 0; i < t->n_columns; i++)
			bind_value(b->stmts[step], (int)i + 1, &row[i]);
		step_plain(b->stmts[step]);
		return;
	}
	key = id_of(x.id, n);
	read_sets(set, n);
	for (i = 0; i < READ_SETS; i++)
		bind_value(b->stmts[READ], (int)i + 1, &set[i].value);
	bind_value(b->stmts[READ], READ_SETS + 1, &key);
	step_plain(b->stmts[READ]);
	bind_value(b->stmts[STEPS], 1, &key);
	step_plain(b->stmts[STEPS]);
}

static int64_t plain(struct bench *b, unsigned rows)
{
	int64_t began = bench_now_us();
	unsigned step, i;

	for (; b->number < b->until; b->number += rows) {
		for (step = SEND; step < b->steps; step++) {
			run(b->db, "BEGIN IMMEDIATE");
			for (i = 0; i < rows; i++)
				plain_row(b, step, b->number + i);
			run(b->db, "COMMIT");
		}
	}
	return bench_now_us() - began;
}

static void prepare(struct bench *b, unsigned step, const char *sql)
{
	bench_must(sqlite3_prepare_v3(b->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				      &b->stmts[step], NULL),
		   sql);
}

static void prepare_insert(struct bench *b, unsigned step,
			   const struct deia_table *t)
{
	char sql[256];
	unsigned i;
	int at =
		snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (?", t->name);

	for (i = 1; i < t->n_columns; i++)
		at += snprintf(sql + at, sizeof(sql) - (size_t)at, ",?");
	snprintf(sql + at, sizeof(sql) - (size_t)at, ")");
	prepare(b, step, sql);
}

static void open_plain(struct bench *b, const char *path)
{
	bench_must(sqlite3_open_v2(path, &b->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL),
		   "open");
	run(b->db, "PRAGMA synchronous=FULL; PRAGMA cache_size=-4096");
	prepare_insert(b, SEND, &deia__table_messages);
	prepare_insert(b, HAND_OVER, &deia__table_message_leases);
	prepare(b, READ,
		"UPDATE messages SET phase = ?, due = ?, status = ?, attempt = "
		"?, lease = ?, delivered = ?, finished = ? WHERE id = ?");
	prepare(b, STEPS, "DELETE FROM message_leases WHERE id = ?");
}

static void close_plain(struct bench *b)
{
	unsigned i;

	for (i = 0; i <= STEPS; i++)
		sqlite3_finalize(b->stmts[i]);
	sqlite3_close(b->db);
}

/* ---- the comparison ---------------------------------------------------- */

/* callers wait each for a transaction of `rows` rows. */
static void compare(struct bench *b, unsigned callers, unsigned rows,
		    unsigned steps, uint64_t total)
{
	uint64_t done = 0, slice = total / SLICES, number = 0;
	int64_t ours = 0, theirs = 0;

	b->steps = steps;
	for (; done < total; done += slice) {
		b->rows = rows;
		b->number = number;
		b->until = number + slice;
		ours += through_store(b, callers);
		b->number = number;
		/* Alone, one caller at a time is all a file can have. */
		theirs += plain(b, callers == 2 ? rows : callers * rows);
		number += slice + (uint64_t)callers * rows;
	}
	printf("%s, %4u callers with %4u rows: %7.0f/s; plain SQLite: "
	       "%7.0f/s; ratio %.2f\n",
	       steps == 1 ? "insert" : "cycle ", callers, rows,
	       (double)total * 1e6 / (double)ours,
	       (double)total * 1e6 / (double)theirs,
	       (double)theirs / (double)ours);
}

static void clean_up(const struct bench *b)
{
	static const char *const names[] = {
		"a.db",	    "a.db-wal", "a.db-shm",	  "b.db",
		"b.db-wal", "b.db-shm", "run/deiad.lock",
	};
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

/* Fresh files for each load, so that both sides have the same ones. */
static void one_load(struct bench *b, unsigned callers, unsigned rows,
		     unsigned steps, uint64_t total)
{
	int i;

	for (i = 0; i < 2; i++)
		snprintf(b->path[i], sizeof(b->path[i]), "%s/%c.db", b->dir,
			 'a' + i);
	open_store(b, b->path[1]); /* makes the tables */
	deia_store_close(b->store);
	open_store(b, b->path[0]);
	open_plain(b, b->path[1]);
	compare(b, callers, rows, steps, total);
	close_plain(b);
	deia_store_close(b->store);
	clean_up(b);
	if (mkdir(b->dir, 0700))
		bench_must(1, b->dir);
}

int main(void)
{
	struct bench b = { .dir = "/tmp/deia-bench-XXXXXX" };
	const char *rows = getenv("DEIA_BENCH_ROWS");
	uint64_t total = rows ? strtoull(rows, NULL, 10) : 200000;
	unsigned steps;

	memset(content, 'x', CONTENT_LEN);
	b.base = event_base_new();
	bench_must(!b.base || !mkdtemp(b.dir), "temporary directory");
	for (steps = 1; steps <= STEPS; steps += STEPS - 1) {
		one_load(&b, 1, 1, steps, total / 100);
		one_load(&b, 100, 1, steps, total / 4);
		one_load(&b, 1000, 1, steps, total);
		one_load(&b, 2, 100, steps, total / 2);
		one_load(&b, 2, 1000, steps, total);
	}
	rmdir(b.dir);
	event_base_free(b.base);
	return 0;
}
