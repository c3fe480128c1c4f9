/* SPDX-License-Identifier: MIT */
/*
 * read.c - pages and counts, on the reading connection.
 *
 * Rows come one by one (single-row mode), so a page that is full holds no more
 * than it should; what is left of the statement is cancelled. While the
 * database is away a read is answered within READ_MS, and those that wait
 * behind it at once.
 */
#include "store/postgres/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#define CONNECT_MS 900
/* After a try to connect failed: until then reads fail at once. */
#define PAUSE_MS 500
/* A page; longer than the server's own statement_timeout. */
#define PAGE_MS 10000
#define COUNT_MS (10 * 60 * 1000)

static const struct deia__sql_dialect dialect = { "$", true };

static bool is_connected(struct deia__pg *p, struct deia__pg_conn *c)
{
	struct deia__errmsg ignored; /* p->msg is the writer's */
	int64_t ms = CONNECT_MS;

	if (c->pg)
		return true;
	if (deia__now_ms(NULL) < p->read_retry_ms &&
	    atomic_load(&p->write.away_since) != 0)
		return false;
	if (p->read_options.connect_ms < ms)
		ms = p->read_options.connect_ms;
	if (!deia__pg_connect(p, c, &p->read_options, ms, &ignored))
		return true;
	p->read_retry_ms = deia__now_ms(NULL) + PAUSE_MS;
	return false;
}

/* The next result, NULL at the end. False: the connection is lost. */
static bool next(struct deia__pg_conn *c, int64_t until_ms, PGresult **res)
{
	int flushed = PQflush(c->pg);

	while (flushed >= 0 && (flushed > 0 || PQisBusy(c->pg))) {
		if (!deia__pg_wait(c, flushed > 0, until_ms) ||
		    !PQconsumeInput(c->pg))
			return false;
		flushed = PQflush(c->pg);
	}
	*res = flushed < 0 ? NULL : PQgetResult(c->pg);
	return flushed >= 0;
}

/* Reads to the end; the first error. DEIA__PG_LOST: without an end. */
static deia_err drain(struct deia__pg_conn *c, int64_t until_ms)
{
	deia_err err = DEIA_OK;
	PGresult *res = NULL;

	while (next(c, until_ms, &res)) {
		if (!res)
			return err;
		if (!err && PQresultStatus(res) == PGRES_FATAL_ERROR)
			err = deia__pg_err(
				PQresultErrorField(res, PG_DIAG_SQLSTATE));
		PQclear(res);
		if (PQstatus(c->pg) != CONNECTION_OK)
			break;
	}
	return DEIA__PG_LOST;
}

static deia_err prepare(struct deia__pg_conn *c, struct deia__pg_stmt *stmt,
			const char *old, int64_t until_ms)
{
	char forget[DEIA__PG_NAME + 16];
	struct deia__buf sql;
	deia_err err = DEIA_OK;

	if (old[0]) {
		snprintf(forget, sizeof(forget), "DEALLOCATE %s", old);
		err = PQsendQuery(c->pg, forget) ? drain(c, until_ms)
						 : DEIA__PG_LOST;
	}
	deia__buf_init(&sql, 0);
	deia__sql_text(&sql, &dialect, &stmt->shape);
	if (!err && sql.err)
		err = DEIA_ENOMEM;
	if (!err)
		err = PQsendPrepare(c->pg, stmt->name, sql.data, 0, NULL)
			      ? drain(c, until_ms)
			      : DEIA__PG_LOST;
	deia__buf_fini(&sql);
	stmt->known = err ? DEIA__PG_FREE : DEIA__PG_KNOWN;
	return err;
}

static deia_err start(struct deia__pg_conn *c,
		      const struct deia__sql_shape *shape,
		      const struct deia__sql_params *params, int64_t until_ms)
{
	struct deia__pg_params bound;
	struct deia__pg_stmt *stmt;
	char old[DEIA__PG_NAME];
	deia_err err = DEIA_OK;

	stmt = deia__pg_find(c, shape, old);
	if (stmt->known == DEIA__PG_FREE)
		err = prepare(c, stmt, old, until_ms);
	if (err)
		return err;
	deia__pg_bind(&bound, params);
	if (!PQsendQueryPrepared(c->pg, stmt->name, bound.n, bound.values,
				 bound.lengths, bound.formats, 1) ||
	    !PQsetSingleRowMode(c->pg))
		return DEIA__PG_LOST;
	return DEIA_OK;
}

/* ---- rows -------------------------------------------------------------- */

struct reading {
	/* A row. DEIA_ECANCELED: no more is wanted. */
	deia_err (*on_row)(void *user, const PGresult *res);
	void *user;
	unsigned rows, last;	  /* so many were asked for; 0: all */
	deia_snapshot **snapshot; /* what it sees goes there; NULL: nowhere */
};

/*
 * Ends a statement whose other rows are not wanted. The last row that was asked
 * for ends it anyway; else it is cancelled, over a connection of its own, which
 * a server that is away would hold up.
 */
static deia_err stop(struct deia__pg_conn *c, const struct reading *r,
		     int64_t until_ms)
{
	PGcancel *cancel;
	char ignored[256];

	if (!r->last || r->rows < r->last) {
		if (atomic_load(&c->away_since))
			return DEIA__PG_LOST;
		cancel = PQgetCancel(c->pg);
		if (cancel)
			PQcancel(cancel, ignored, sizeof(ignored));
		PQfreeCancel(cancel);
	}
	return drain(c, until_ms) == DEIA__PG_LOST ? DEIA__PG_LOST : DEIA_OK;
}

static deia_err rows_of(struct deia__pg_conn *c, struct reading *r,
			int64_t until_ms)
{
	PGresult *res = NULL;
	deia_err err = DEIA_OK;

	while (!err && next(c, until_ms, &res)) {
		if (!res)
			return DEIA_OK;
		if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
			r->rows++;
			err = r->on_row(r->user, res);
			if (err) {
				PQclear(res);
				return stop(c, r, until_ms) ? DEIA__PG_LOST
							    : err;
			}
		} else if (!deia__pg_ok(res)) {
			err = deia__pg_err(
				PQresultErrorField(res, PG_DIAG_SQLSTATE));
		}
		PQclear(res);
	}
	if (err && err != DEIA__PG_LOST && !drain(c, until_ms))
		return err;
	return err ? err : DEIA__PG_LOST;
}

/* ---- snapshots --------------------------------------------------------- */

/* "XMIN:XMAX:XACT,XACT..." */
static deia_snapshot *parse_snapshot(const char *text)
{
	deia_snapshot *s;
	uint64_t xmin, xmax;
	const char *c;
	size_t n = 0;
	char *at;

	xmin = strtoull(text, &at, 10);
	xmax = *at == ':' ? strtoull(at + 1, &at, 10) : 0;
	if (*at != ':')
		return NULL;
	for (c = at; *c; c++)
		n += *c == ',' || (*c == ':' && c[1]);
	s = deia__snapshot_new(xmin, xmax, n);
	for (n = 0; s && n < s->n; n++)
		s->running[n] = strtoull(at + 1, &at, 10);
	return s;
}

/* A transaction with one snapshot: what follows in it sees the same. */
static deia_err take_snapshot(struct deia__pg_conn *c, struct reading *r,
			      int64_t until_ms)
{
	PGresult *res = deia__pg_query(
		c, until_ms - deia__now_ms(NULL),
		"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
		"SET LOCAL statement_timeout = 0; "
		"SELECT pg_current_snapshot()::text",
		0, NULL);
	deia_err err = DEIA__PG_LOST;

	deia_snapshot_free(*r->snapshot);
	*r->snapshot = NULL;
	if (deia__pg_ok(res) && PQntuples(res)) {
		*r->snapshot = parse_snapshot(PQgetvalue(res, 0, 0));
		err = *r->snapshot ? DEIA_OK : DEIA_ENOMEM;
	}
	PQclear(res);
	return err;
}

/* ---- running a statement ----------------------------------------------- */

static deia_err attempt(struct deia__pg_conn *c,
			const struct deia__sql_shape *shape,
			const struct deia__sql_params *params,
			struct reading *r, int64_t until_ms)
{
	deia_err err = r->snapshot ? take_snapshot(c, r, until_ms) : DEIA_OK;
	PGresult *end = NULL;

	if (!err)
		err = start(c, shape, params, until_ms);
	if (!err)
		err = rows_of(c, r, until_ms);
	if (err != DEIA__PG_LOST && r->snapshot)
		end = deia__pg_query(c, CONNECT_MS, "ROLLBACK", 0, NULL);
	/* A cancel that came late may have hit it. */
	if (err == DEIA__PG_LOST || (r->snapshot && !deia__pg_ok(end)))
		deia__pg_disconnect(c);
	PQclear(end);
	return err;
}

/* A failure shows at the next statement. */
static void set(struct deia__pg_conn *c, const char *sql)
{
	PQclear(deia__pg_query(c, CONNECT_MS, sql, 0, NULL));
}

/*
 * Runs it, once more on a new connection when the old one turns out to be
 * lost, or when a cancel of the statement before came late.
 */
static deia_err run(struct deia__pg *p, const struct deia__sql_shape *shape,
		    const struct deia__sql_params *params, struct reading *r,
		    int64_t ms)
{
	struct deia__pg_conn *c = &p->read;
	int64_t until_ms;
	deia_err err = DEIA__PG_LOST;
	int tries;

	for (tries = 0; tries < 2; tries++) {
		if (!is_connected(p, c))
			return DEIA_EUNAVAILABLE;
		/* A frozen server is away as well, though connected. */
		if (atomic_load(&p->write.away_since) && ms > CONNECT_MS)
			ms = CONNECT_MS;
		until_ms = deia__now_ms(NULL) + ms;
		if (ms > PAGE_MS && !r->snapshot)
			set(c, "SET statement_timeout = 0");
		err = attempt(c, shape, params, r, until_ms);
		if ((err != DEIA__PG_LOST && err != DEIA_EUNAVAILABLE) ||
		    r->rows > 0 || deia__now_ms(NULL) >= until_ms)
			break;
	}
	if (ms > PAGE_MS && !r->snapshot)
		set(c, "RESET statement_timeout");
	switch (err) {
	case DEIA_OK:
	case DEIA_ECANCELED:
		return DEIA_OK;
	case DEIA_ENOMEM:
	case DEIA_EINVAL:
	case DEIA_ELIMIT:
	case DEIA_ESTORE:
		return err;
	default:
		return DEIA_EUNAVAILABLE;
	}
}

/* ---- pages and counts -------------------------------------------------- */

struct paging {
	const struct deia_page_query *q;
	deia_rows *rows;
};

static deia_err on_page_row(void *user, const PGresult *res)
{
	struct paging *g = user;
	const struct deia_column *columns = g->q->table->columns;
	struct deia_value *to, v;
	unsigned i;

	g->rows->has_more = deia__rows_full(g->rows, g->q->limit);
	if (g->rows->has_more)
		return DEIA_ECANCELED;
	to = deia__rows_add(g->rows);
	for (i = 0; to && i < g->rows->n_columns; i++) {
		v = deia__pg_column(res, 0, (int)i, columns[i].type);
		if (!deia__rows_set(g->rows, &to[i], &v))
			return DEIA_ENOMEM;
	}
	return to ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__pg_read(void *self, const struct deia_page_query *q,
		       deia_rows *rows)
{
	struct paging g = { q, rows };
	struct reading r = { on_page_row, &g, 0, q->limit + 1, NULL };
	struct deia__sql_shape shape;
	struct deia__sql_params params;

	deia__sql_page(q, &shape, &params);
	return run(self, &shape, &params, &r, PAGE_MS);
}

deia_err deia__pg_last_seq(void *self, const struct deia_table *t, int64_t *seq)
{
	struct deia__pg *p = self;
	const char *params[1] = { t->name };
	deia_err err = DEIA_OK;
	PGresult *res;

	*seq = 0;
	if (!is_connected(p, &p->read))
		return DEIA_EUNAVAILABLE;
	res = deia__pg_query(&p->read, COUNT_MS,
			     "SELECT last FROM store_sequences WHERE name = $1",
			     1, params);
	if (!deia__pg_ok(res))
		err = res ? DEIA_ESTORE : DEIA_EUNAVAILABLE;
	else if (PQntuples(res))
		*seq = atoll(PQgetvalue(res, 0, 0));
	PQclear(res);
	return err;
}

struct counting {
	const struct deia__count_query *q;
	struct deia__order order;
	deia__count_cb cb;
	void *user;
};

static deia_err on_count_row(void *user, const PGresult *res)
{
	const struct counting *g = user;
	const struct deia_column *columns = g->q->table->columns;
	struct deia_value group[DEIA__MAX_GROUP];
	unsigned i;

	for (i = 0; i < g->q->n_group; i++)
		group[i] = deia__pg_column(res, 0, (int)i,
					   columns[g->order.columns[i]].type);
	return g->cb(group, deia__pg_column(res, 0, (int)i, DEIA_INT).i,
		     g->user);
}

deia_err deia__pg_count(void *self, const struct deia__count_query *q,
			deia__count_cb cb, void *user, deia_snapshot **snapshot)
{
	struct counting g = { .q = q, .cb = cb, .user = user };
	struct reading r = { on_count_row, &g, 0, 0, NULL };
	struct deia__sql_shape shape;
	struct deia__sql_params params;

	if (deia__pg_writer(self))
		r.snapshot = snapshot;
	deia__order_init(&g.order, q->table, q->index);
	deia__sql_count(q, &shape, &params);
	return run(self, &shape, &params, &r, COUNT_MS);
}
