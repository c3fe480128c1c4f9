/* SPDX-License-Identifier: MIT */
/*
 * bench_postgres.c - acknowledged rows a second through the store on
 * PostgreSQL, against plain libpq that inserts the same rows, prepared and
 * pipelined, in transactions of the same size.
 *
 *   tests/support/postgres.py bench_postgres
 *   bench_postgres copy URL ROWS FROM_URL
 *
 * The second prints only the rate of plain libpq that inserts mail in groups
 * of ROWS: the very rows of the hive at FROM_URL, in their order, that are not
 * at URL yet. Each caller waits for its row before it commits the next. Chat lines are
 * numbered by the store, pieces of mail are not.
 */
#include <endian.h>
#include <event2/event.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/buf.h"
#include "store/schema.h"

#define RUN_US 1500000
#define MAX_COLUMNS 64
#define MAX_COPIED 100000
#define TEXT                                                                   \
	"a line of chat of about the usual length, with some words in it "     \
	"so that it has two hundred bytes or so, which is what people and "    \
	"models tend to write to each other while they work on something"

struct bench {
	struct event_base *base;
	deia_store *store;
	const struct deia_table *table;
	char url[256];
	uint64_t rows, number;
	int64_t until_us;
	unsigned open;
};

/* Short texts and small numbers, but for the key and the content. */
static void row_of(const struct bench *b, struct deia_value *row,
		   char id[static 37], uint64_t n)
{
	const struct deia_column *col = b->table->columns;
	unsigned c;

	snprintf(id, 37, "%08x-0000-7000-8000-%012llx", (unsigned)(n >> 8),
		 (unsigned long long)n);
	for (c = 0; c < b->table->n_columns; c++) {
		row[c] = deia_text("sent");
		if (strcmp(col[c].name, "id") == 0)
			row[c] = deia_text(id);
		else if (strcmp(col[c].name, "content") == 0)
			row[c] = deia_text(TEXT);
		else if (col[c].nullable)
			row[c] = deia_null();
		if (col[c].type == DEIA_INT && !col[c].nullable)
			row[c] = deia_int((int64_t)(n & 3));
		else if (row[c].type != DEIA_NULL)
			row[c].type = col[c].type;
	}
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
	struct deia_value row[MAX_COLUMNS];
	deia_txn *t = deia_txn_new(b->store);
	char id[37];

	row_of(b, row, id, b->number++);
	if (b->table->sequence)
		row[0] = deia_null();
	deia_txn_insert(t, b->table, row);
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

static void open_store(struct bench *b)
{
	char detail[256] = "";

	bench_must(deia_store_open(&b->store, b->base, b->url, NULL, detail,
				   sizeof(detail)),
		   detail);
}

/* ---- plain libpq ------------------------------------------------------- */

static void run(PGconn *pg, const char *sql)
{
	PGresult *res = PQexec(pg, sql);

	bench_must(PQresultStatus(res) != PGRES_COMMAND_OK &&
			   PQresultStatus(res) != PGRES_TUPLES_OK,
		   PQerrorMessage(pg));
	PQclear(res);
}

static void prepare(PGconn *pg, const struct deia_table *t)
{
	struct deia__buf sql;
	PGresult *res;
	unsigned c;

	deia__buf_init(&sql, 0);
	deia__buf_addf(&sql, "INSERT INTO %s VALUES (", t->name);
	for (c = 1; c <= t->n_columns; c++)
		deia__buf_addf(&sql, "%s$%u", c > 1 ? "," : "", c);
	deia__buf_adds(&sql, ")");
	res = PQprepare(pg, "insert", sql.data, 0, NULL);
	bench_must(PQresultStatus(res) != PGRES_COMMAND_OK, "prepare");
	PQclear(res);
	deia__buf_fini(&sql);
}

static void insert_plain(const struct bench *b, PGconn *pg, uint64_t n)
{
	const char *values[MAX_COLUMNS];
	int lengths[MAX_COLUMNS], formats[MAX_COLUMNS];
	struct deia_value row[MAX_COLUMNS];
	uint64_t ints[MAX_COLUMNS];
	char id[37];
	unsigned c;

	row_of(b, row, id, n);
	if (b->table->sequence)
		row[0] = deia_int((int64_t)n + (1 << 30));
	for (c = 0; c < b->table->n_columns; c++) {
		ints[c] = htobe64((uint64_t)row[c].i);
		formats[c] = 1;
		values[c] =
			row[c].type == DEIA_INT ? (char *)&ints[c] : row[c].s;
		lengths[c] = row[c].type == DEIA_INT ? 8 : (int)row[c].len;
	}
	bench_must(!PQsendQueryPrepared(pg, "insert", (int)b->table->n_columns,
					values, lengths, formats, 1),
		   "send");
}

static void plain(PGconn *pg, const char *sql)
{
	bench_must(!PQsendQueryParams(pg, sql, 0, NULL, NULL, NULL, NULL, 0),
		   sql);
}

/* Until the answer to the sync. */
static void read_all(PGconn *pg)
{
	PGresult *res;
	bool end = false;

	while (!end) {
		res = PQgetResult(pg);
		bench_must(PQresultStatus(res) == PGRES_FATAL_ERROR && res,
			   PQerrorMessage(pg));
		end = res && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
		PQclear(res);
	}
}

static PGconn *connect_to(const char *url)
{
	PGconn *pg = PQconnectdb(url);

	bench_must(PQstatus(pg) != CONNECTION_OK, PQerrorMessage(pg));
	return pg;
}

static void insert_row(PGconn *pg, const PGresult *rows, int row)
{
	const char *values[MAX_COLUMNS];
	int lengths[MAX_COLUMNS], formats[MAX_COLUMNS];
	int c, columns = PQnfields(rows);

	for (c = 0; c < columns; c++) {
		formats[c] = 1;
		values[c] = PQgetisnull(rows, row, c)
				    ? NULL
				    : PQgetvalue(rows, row, c);
		lengths[c] = PQgetlength(rows, row, c);
	}
	bench_must(!PQsendQueryPrepared(pg, "insert", columns, values, lengths,
					formats, 1),
		   "send");
}

/* Groups of rows, made by row_of or (if given) those of `source`. */
static double through_libpq(struct bench *b, unsigned rows,
			    const PGresult *source)
{
	uint64_t end = source ? (uint64_t)PQntuples(source) : UINT64_MAX;
	PGconn *pg = connect_to(b->url);
	int64_t began;
	uint64_t done = 0;
	unsigned i;

	prepare(pg, b->table);
	bench_must(!PQenterPipelineMode(pg), "pipeline");
	began = bench_now_us();
	while (bench_now_us() < began + RUN_US && done + rows <= end) {
		plain(pg, "BEGIN");
		for (i = 0; i < rows; i++, done++) {
			if (source)
				insert_row(pg, source, (int)done);
			else
				insert_plain(b, pg, b->number++);
		}
		plain(pg, "COMMIT");
		bench_must(!PQpipelineSync(pg), "sync");
		read_all(pg);
	}
	began = bench_now_us() - began;
	PQfinish(pg);
	bench_must(done == 0, "no rows");
	return (double)done * 1e6 / (double)began;
}

/* ---- the comparison ---------------------------------------------------- */

static void make_database(struct bench *b)
{
	PGconn *pg;

	bench_must(!getenv("DEIA_TEST_POSTGRES"),
		   "run it by tests/support/postgres.py");
	snprintf(b->url, sizeof(b->url), "%s/postgres",
		 getenv("DEIA_TEST_POSTGRES"));
	pg = PQconnectdb(b->url);
	run(pg, "CREATE DATABASE bench");
	PQfinish(pg);
	snprintf(b->url, sizeof(b->url), "%s/bench",
		 getenv("DEIA_TEST_POSTGRES"));
}

/* The rows of `from` that come after those of b->url, in binary. */
static PGresult *rows_of(const struct bench *b, const char *from)
{
	PGconn *pg = connect_to(b->url);
	PGresult *res = PQexec(pg, "SELECT count(*) FROM messages");
	char sql[128];

	bench_must(PQresultStatus(res) != PGRES_TUPLES_OK, "count");
	snprintf(sql, sizeof(sql),
		 "SELECT * FROM messages ORDER BY id OFFSET %s LIMIT %d",
		 PQgetvalue(res, 0, 0), MAX_COPIED);
	PQclear(res);
	PQfinish(pg);
	pg = connect_to(from);
	res = PQexecParams(pg, sql, 0, NULL, NULL, NULL, NULL, 1);
	bench_must(PQresultStatus(res) != PGRES_TUPLES_OK, PQerrorMessage(pg));
	PQfinish(pg);
	return res;
}

/* In a database of its own, whose tables the store makes. */
static void copy_only(struct bench *b, const char *url, unsigned rows,
		      const char *from)
{
	PGresult *source;

	snprintf(b->url, sizeof(b->url), "%s", url);
	b->table = &deia__table_messages;
	open_store(b);
	deia_store_close(b->store);
	source = rows_of(b, from);
	printf("%.0f\n", through_libpq(b, rows, source));
	PQclear(source);
}

int main(int argc, char **argv)
{
	static const unsigned callers[] = { 1, 10, 100, 1000 };
	const struct deia_table *tables[] = { &deia__table_chat_lines,
					      &deia__table_messages };
	struct bench b = { .base = event_base_new() };
	double ours, theirs;
	size_t i, k;

	bench_must(!b.base || !deia_store_has_postgresql(), "PostgreSQL");
	if (argc == 5 && strcmp(argv[1], "copy") == 0) {
		copy_only(&b, argv[2], (unsigned)atoi(argv[3]), argv[4]);
		event_base_free(b.base);
		return 0;
	}
	make_database(&b);
	open_store(&b);
	for (k = 0; k < 2; k++) {
		b.table = tables[k];
		for (i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
			ours = through_store(&b, callers[i]);
			theirs = through_libpq(&b, callers[i], NULL);
			printf("postgresql %s, %4u callers: %7.0f rows/s; "
			       "plain libpq in groups of %4u: %7.0f rows/s; "
			       "ratio %.2f\n",
			       b.table->name, callers[i], ours, callers[i],
			       theirs, ours / theirs);
			fflush(stdout);
		}
	}
	deia_store_close(b.store);
	event_base_free(b.base);
	return 0;
}
