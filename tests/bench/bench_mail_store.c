/* SPDX-License-Identifier: MIT */
/*
 * bench_mail_store.c - the messenger on SQLite at full durability: batches of
 * 1,000 against plain SQLite that writes the very same rows, with the same
 * indexes and settings, in transactions of 1,000; receiving from a long inbox;
 * the time until a messenger with all of it is ready.
 */
#include "bench_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sqlite3.h>

#include "bench.h"

#define INBOXES 1000
#define BATCH 1000
#define ROWS 100000
#define ROUNDS 3
#define MAX_COLUMNS 64
#define LONG 1000000
#define SHORT 100
#define RECEIVES 100
#define RECEIVE_ROUNDS 30

/* ---- plain SQLite ------------------------------------------------------ */

struct plain {
	sqlite3 *from, *to;
	sqlite3_stmt *select, *insert;
	int columns;
	sqlite3_value *rows[BATCH][MAX_COLUMNS];
};

static void run(sqlite3 *db, const char *sql)
{
	bench_must(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

/* The same tables and indexes, as the migrations made them. */
static void copy_schema(struct plain *p)
{
	sqlite3_stmt *stmt;

	bench_must(sqlite3_prepare_v2(p->from,
				      "SELECT sql FROM sqlite_master WHERE "
				      "tbl_name='messages' AND sql NOT NULL "
				      "ORDER BY type DESC",
				      -1, &stmt, NULL),
		   "schema");
	while (sqlite3_step(stmt) == SQLITE_ROW)
		run(p->to, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
}

static void prepare(struct plain *p)
{
	char sql[64 + 2 * MAX_COLUMNS] = "INSERT INTO messages VALUES (?";
	int i;

	bench_must(sqlite3_prepare_v2(p->from,
				      "SELECT * FROM messages ORDER BY id", -1,
				      &p->select, NULL),
		   "select");
	p->columns = sqlite3_column_count(p->select);
	bench_must(p->columns > MAX_COLUMNS, "columns");
	for (i = 1; i < p->columns; i++)
		strcat(sql, ",?");
	strcat(sql, ")");
	bench_must(sqlite3_prepare_v2(p->to, sql, -1, &p->insert, NULL), sql);
}

static int read_rows(struct plain *p)
{
	int n = 0, i;

	while (n < BATCH && sqlite3_step(p->select) == SQLITE_ROW) {
		for (i = 0; i < p->columns; i++)
			p->rows[n][i] = sqlite3_value_dup(
				sqlite3_column_value(p->select, i));
		n++;
	}
	return n;
}

static void write_rows(struct plain *p, int n)
{
	int i, c;

	run(p->to, "BEGIN IMMEDIATE");
	for (i = 0; i < n; i++) {
		for (c = 0; c < p->columns; c++)
			sqlite3_bind_value(p->insert, c + 1, p->rows[i][c]);
		bench_must(sqlite3_step(p->insert) != SQLITE_DONE, "insert");
		sqlite3_reset(p->insert);
	}
	run(p->to, "COMMIT");
}

static void free_rows(struct plain *p, int n)
{
	int i, c;

	for (i = 0; i < n; i++)
		for (c = 0; c < p->columns; c++)
			sqlite3_value_free(p->rows[i][c]);
}

/* Rows a second; reading them from the other file is not counted. */
static double plain_rate(const char *from, const char *to)
{
	struct plain *p = calloc(1, sizeof(*p));
	int64_t spent = 0, began;
	uint64_t rows = 0;
	int n;

	bench_must(!p, "memory");
	bench_must(sqlite3_open_v2(from, &p->from, SQLITE_OPEN_READONLY, NULL),
		   from);
	bench_must(sqlite3_open(to, &p->to), to);
	run(p->to, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		   "PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY");
	copy_schema(p);
	prepare(p);
	while ((n = read_rows(p)) > 0) {
		began = bench_now_us();
		write_rows(p, n);
		spent += bench_now_us() - began;
		rows += (uint64_t)n;
		free_rows(p, n);
	}
	sqlite3_finalize(p->select);
	sqlite3_finalize(p->insert);
	sqlite3_close(p->from);
	sqlite3_close(p->to);
	free(p);
	return (double)rows * 1e6 / (double)spent;
}

/* ---- batches of 1,000 -------------------------------------------------- */

static void remove_database(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[160];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

static double ours_rate(const char *path, unsigned at_once)
{
	struct mail b;
	int64_t began;

	remove_database(path);
	mail_open(&b, path, INBOXES);
	began = bench_now_us();
	mail_fill(&b, 0, INBOXES, ROWS, at_once);
	began = bench_now_us() - began;
	mail_close(&b);
	return ROWS * 1e6 / (double)began;
}

static void bench_batches(const char *path, const char *plain)
{
	double one, two, theirs;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		one = ours_rate(path, 1);
		two = ours_rate(path, 2);
		remove_database(plain);
		theirs = plain_rate(path, plain);
		printf("mail on SQLite, batches of %d: %7.0f messages/s, "
		       "%7.0f with two under way; plain SQLite %7.0f rows/s; "
		       "ratio %.2f and %.2f (wanted: >= 0.5)\n",
		       BATCH, one, two, theirs, one / theirs, two / theirs);
	}
}

/* ---- a long inbox ------------------------------------------------------ */

struct receiving {
	struct mail *mail;
	const char *inbox;
	unsigned got, read;
	char ids[RECEIVES][40], tokens[RECEIVES][20];
};

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct receiving *r = user;

	(void)more;
	bench_must(err || n != 1, "receive");
	memcpy(r->ids[r->got], items->id, strlen(items->id) + 1);
	memcpy(r->tokens[r->got], items->lease_token,
	       strlen(items->lease_token) + 1);
	r->got++;
}

static void on_read(deia_err err, void *user)
{
	struct receiving *r = user;

	bench_must(err, "read");
	r->read = RECEIVES;
}

static void read_all(struct receiving *r)
{
	struct deia_message_claim claims[RECEIVES];
	size_t i;

	for (i = 0; i < RECEIVES; i++)
		claims[i] = (struct deia_message_claim){ r->ids[i], r->inbox,
							 r->tokens[i] };
	bench_must(deia_messenger_read(r->mail->m, claims, RECEIVES, NULL,
				       on_read, r),
		   "read");
	for (r->read = 0; !r->read;)
		event_base_loop(r->mail->base, EVLOOP_ONCE);
}

/* Microseconds of RECEIVES receivers, one message each; then these are read
 * and as many others sent, which is not counted. */
static int64_t receive_all(struct mail *b, unsigned inbox)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;
	struct receiving r = { .mail = b };
	char name[MAIL_NAME_LEN];
	int64_t spent = bench_now_us();
	unsigned i;

	mail_inbox(name, inbox);
	what.inbox = r.inbox = name;
	for (i = 0; i < RECEIVES; i++)
		bench_must(deia_messenger_receive(b->m, &what, NULL,
						  on_received, &r),
			   "receive");
	while (r.got < RECEIVES)
		event_base_loop(b->base, EVLOOP_ONCE);
	spent = bench_now_us() - spent;
	read_all(&r);
	mail_fill(b, inbox, 1, RECEIVES, 1);
	return spent;
}

static void compare_inboxes(struct mail *b, const char *name)
{
	int64_t longs[RECEIVE_ROUNDS], shorts[RECEIVE_ROUNDS];
	unsigned i;

	for (i = 0; i < RECEIVE_ROUNDS; i++) {
		longs[i] = receive_all(b, 0);
		shorts[i] = receive_all(b, 1);
	}
	double a = (double)bench_median(longs, RECEIVE_ROUNDS) / RECEIVES;
	double c = (double)bench_median(shorts, RECEIVE_ROUNDS) / RECEIVES;

	printf("receive %s, from an inbox of %d: %.2f us, of %d: %.2f us, "
	       "ratio %.2f (wanted: <= 2)\n",
	       name, LONG, a, SHORT, c, a / c);
}

void mail_bench_long(const char *name, const char *path)
{
	struct mail b;

	mail_open(&b, path, 2);
	mail_fill(&b, 0, 1, LONG, 2);
	mail_fill(&b, 1, 1, SHORT, 1);
	compare_inboxes(&b, name);
	mail_close(&b);
}

/* ---- ready again ------------------------------------------------------- */

static void bench_ready(const char *path)
{
	struct deia_messenger_status status;
	int64_t took[ROUNDS];
	struct mail b;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		took[i] = bench_now_us();
		mail_open(&b, path, 2);
		took[i] = bench_now_us() - took[i];
		deia_messenger_get_status(b.m, &status);
		bench_must(status.by_status[DEIA_MESSAGE_PENDING] < LONG,
			   "all are there");
		mail_close(&b);
	}
	printf("mail on SQLite, %d stored: ready after %.0f ms (wanted: <= "
	       "1000)\n",
	       LONG, (double)bench_median(took, ROUNDS) / 1000);
}

void mail_bench_store(const char *dir)
{
	char path[96], plain[96];

	snprintf(path, sizeof(path), "%s/mail.db", dir);
	snprintf(plain, sizeof(plain), "%s/plain.db", dir);
	bench_batches(path, plain);
	remove_database(plain);
	remove_database(path);
	mail_bench_long("on SQLite", path);
	bench_ready(path);
}
