/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - many statements on their way at once.
 *
 * What is sent is written down in a queue, and answers come in its order. The
 * connection never blocks: whenever much is unsent, and at each sync, it is
 * written and read at the same time, so that two full socket buffers cannot
 * wait for each other, and the memory for either side stays bounded.
 *
 * After a failure the server skips all up to the next sync; then only the
 * first failure is kept. A statement counts as prepared when the answer says
 * so: what was skipped was not.
 */
#include "store/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

/* Written and read when so much is unsent. */
#define UNSENT_BYTES ((size_t)256 << 10)
/* A server that says nothing at all for so long is given up. Longer than the
 * statement_timeout that it has by default. */
#define SILENCE_MS 60000
/* About what a statement costs besides its values. */
#define STATEMENT_BYTES 128

static const struct deia__sql_dialect dialect = { "$", true };

void deia__pg_pipe_clear(struct deia__pg_pipe *p)
{
	p->err = DEIA_OK;
	p->state[0] = p->text[0] = '\0';
	p->failed = NULL;
	p->failed_op = NULL;
	p->unchanged = p->exists = p->missed = false;
}

void deia__pg_pipe_fini(struct deia__pg_pipe *p)
{
	deia__free(p->queue);
	p->queue = NULL;
	p->first = p->n = p->cap = 0;
}

/* ---- answers ----------------------------------------------------------- */

static void fail(struct deia__pg_pipe *p, const struct deia__pg_expect *e,
		 deia_err err)
{
	if (p->err)
		return;
	p->err = err;
	p->failed = e->txn;
	p->failed_op = e->op;
}

static void take_error(struct deia__pg_pipe *p, const struct deia__pg_expect *e,
		       const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (e->stmt)
		e->stmt->known = DEIA__PG_FREE;
	if (p->err)
		return;
	/* The guess leaves nothing, not even null, in place of the number. */
	p->missed = e->kind == DEIA__PG_GUESS && state &&
		    strcmp(state, "23502") == 0;
	/* The server's queue of notices is full: its commit fails. */
	if (e->kind == DEIA__PG_COMMIT && state && strcmp(state, "54000") == 0)
		fail(p, e, DEIA_EUNAVAILABLE);
	fail(p, e, deia__pg_err(state));
	snprintf(p->state, sizeof(p->state), "%s", state ? state : "");
	snprintf(p->text, sizeof(p->text), "%s", text ? text : "");
}

static void take_answer(struct deia__pg_pipe *p,
			const struct deia__pg_expect *e, const PGresult *res)
{
	const char *rows = PQcmdTuples((PGresult *)(uintptr_t)res);
	bool none = strcmp(rows, "0") == 0;

	switch (e->kind) {
	case DEIA__PG_PREPARE:
		e->stmt->known = DEIA__PG_KNOWN;
		break;
	case DEIA__PG_OP:
		if (e->rows && strtoul(rows, NULL, 10) != e->rows)
			fail(p, e, DEIA_ESTORE);
		if (e->op->kind != DEIA__OP_UPDATE || !none)
			break;
		p->unchanged = p->unchanged || !p->err;
		fail(p, e, DEIA_ENOTFOUND);
		break;
	case DEIA__PG_EXISTS:
		p->exists = PQntuples(res) > 0;
		break;
	case DEIA__PG_LASTS:
		p->on_lasts(p->user, res);
		break;
	case DEIA__PG_MARK:
	case DEIA__PG_GUESS:
		if (none)
			fail(p, e, DEIA_ESTORE);
		break;
	case DEIA__PG_COMMIT:
		if (strcmp(PQcmdStatus((PGresult *)(uintptr_t)res), "COMMIT"))
			fail(p, e, DEIA_ESTORE);
		break;
	default:
		break;
	}
}

/* One result of the answer that is read. False: the connection is lost. */
static bool take_result(struct deia__pg_pipe *p, const PGresult *res)
{
	const struct deia__pg_expect *e;
	ExecStatusType s = PQresultStatus(res);

	if (p->first == p->n)
		return false; /* said something that was not asked */
	e = &p->queue[p->first];
	if (s == PGRES_PIPELINE_SYNC) {
		p->first++;
		return e->kind == DEIA__PG_SYNC;
	}
	p->in_answer = true;
	if (s == PGRES_PIPELINE_ABORTED && e->stmt)
		e->stmt->known = DEIA__PG_FREE;
	else if (s == PGRES_FATAL_ERROR)
		take_error(p, e, res);
	else if (deia__pg_ok(res))
		take_answer(p, e, res);
	return p->err != DEIA__PG_LOST && PQstatus(p->c->pg) == CONNECTION_OK;
}

/* Takes what is here, waiting for nothing. */
static bool take_all(struct deia__pg_pipe *p)
{
	PGresult *res;
	bool ok = true;

	while (ok && p->first < p->n && !PQisBusy(p->c->pg)) {
		res = PQgetResult(p->c->pg);
		if (res) {
			ok = take_result(p, res);
			PQclear(res);
			continue;
		}
		if (!p->in_answer)
			return true; /* nothing more for now */
		p->in_answer = false;
		p->first++;
	}
	return ok;
}

/* Writes and reads until all is sent and, if asked, all answered. */
static bool pump(struct deia__pg_pipe *p, bool all)
{
	PGconn *pg = p->c->pg;
	int flushed = PQflush(pg);

	while (flushed >= 0) {
		if (!take_all(p))
			return false;
		if (flushed == 0 && (!all || p->first == p->n))
			return true;
		if (!deia__pg_wait(p->c, flushed > 0,
				   deia__now_ms(NULL) + SILENCE_MS) ||
		    !PQconsumeInput(pg))
			return false;
		flushed = PQflush(pg);
	}
	return false;
}

/* ---- sending ----------------------------------------------------------- */

static bool expect(struct deia__pg_pipe *p, const struct deia__pg_expect *e)
{
	struct deia__pg_expect *queue;
	size_t cap;

	if (p->n == p->cap && p->first > 0) {
		p->n -= p->first;
		memmove(p->queue, p->queue + p->first,
			p->n * sizeof(*p->queue));
		p->first = 0;
	}
	if (p->n == p->cap) {
		cap = p->cap ? p->cap * 2 : 64;
		queue = deia__realloc(p->queue, cap * sizeof(*queue));
		if (!queue)
			return false;
		p->queue = queue;
		p->cap = cap;
	}
	p->queue[p->n++] = *e;
	return true;
}

static bool sent(struct deia__pg_pipe *p, int ok, size_t bytes)
{
	p->unsent += bytes + STATEMENT_BYTES;
	if (!ok || p->unsent < UNSENT_BYTES)
		return ok;
	p->unsent = 0;
	return pump(p, false);
}

static bool expect_kind(struct deia__pg_pipe *p, enum deia__pg_kind kind)
{
	return expect(p, &(struct deia__pg_expect){ .kind = kind });
}

bool deia__pg_send_plain(struct deia__pg_pipe *p, enum deia__pg_kind kind,
			 const char *sql, int n, const char *const *params)
{
	return expect_kind(p, kind) &&
	       sent(p,
		    PQsendQueryParams(p->c->pg, sql, n, NULL, params, NULL,
				      NULL, 0),
		    0);
}

bool deia__pg_send_fixed(struct deia__pg_pipe *p, enum deia__pg_kind kind,
			 const char *name, int n, const char *const *params)
{
	return expect_kind(p, kind) &&
	       sent(p,
		    PQsendQueryPrepared(p->c->pg, name, n, params, NULL, NULL,
					0),
		    0);
}

static bool forget(struct deia__pg_pipe *p, const char *name)
{
	char sql[DEIA__PG_NAME + 16];

	snprintf(sql, sizeof(sql), "DEALLOCATE %s", name);
	return deia__pg_send_plain(p, DEIA__PG_FORGET, sql, 0, NULL);
}

/* e: of the statement that it is prepared for. */
static bool prepare(struct deia__pg_pipe *p, struct deia__pg_stmt *stmt,
		    const struct deia__pg_expect *e)
{
	struct deia__pg_expect mine = { DEIA__PG_PREPARE, stmt, e->txn, e->op,
					0 };
	struct deia__buf sql;
	bool ok;

	deia__buf_init(&sql, 0);
	deia__sql_text(&sql, &dialect, &stmt->shape);
	ok = !sql.err && expect(p, &mine) &&
	     PQsendPrepare(p->c->pg, stmt->name, sql.data, 0, NULL);
	deia__buf_fini(&sql);
	stmt->known = DEIA__PG_SENT;
	return ok;
}

static bool send_shape(struct deia__pg_pipe *p,
		       const struct deia__sql_shape *shape,
		       const struct deia__pg_params *bound,
		       const struct deia__pg_expect *e)
{
	struct deia__pg_stmt *stmt;
	char old[DEIA__PG_NAME];

	stmt = deia__pg_find(p->c, shape, old);
	if (old[0] && !forget(p, old))
		return false;
	if (stmt->known == DEIA__PG_FREE && !prepare(p, stmt, e))
		return false;
	return expect(p, e) &&
	       sent(p,
		    PQsendQueryPrepared(p->c->pg, stmt->name, bound->n,
					bound->values, bound->lengths,
					bound->formats, 1),
		    bound->bytes);
}

bool deia__pg_send_op(struct deia__pg_pipe *p, deia_txn *t,
		      const struct deia__op *op)
{
	struct deia__pg_expect e = { .kind = DEIA__PG_OP, .txn = t, .op = op };
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	struct deia__pg_params bound;

	deia__sql_op(op, &shape, &params);
	deia__pg_bind(&bound, &params);
	return send_shape(p, &shape, &bound, &e);
}

/* A failure is said to be the first row's: whose it is the careful run finds
 * out, which sends each alone. */
bool deia__pg_send_rows(struct deia__pg_pipe *p,
			const struct deia__pg_row *rows, unsigned n)
{
	struct deia__pg_expect e = {
		.kind = DEIA__PG_OP, .txn = rows->txn, .op = rows->op, .rows = n
	};
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	struct deia__pg_params bound;

	deia__sql_op(rows->op, &shape, &params);
	shape.rows = (unsigned char)n;
	deia__pg_bind_rows(&bound, rows, n);
	return send_shape(p, &shape, &bound, &e);
}

bool deia__pg_send_exists(struct deia__pg_pipe *p, const struct deia__op *op)
{
	struct deia__pg_expect e = { .kind = DEIA__PG_EXISTS, .op = op };
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	struct deia__pg_params bound;

	deia__sql_exists(op, &shape, &params);
	deia__pg_bind(&bound, &params);
	return send_shape(p, &shape, &bound, &e);
}

bool deia__pg_sync(struct deia__pg_pipe *p)
{
	if (!expect_kind(p, DEIA__PG_SYNC) || !PQpipelineSync(p->c->pg) ||
	    !pump(p, true))
		return false;
	p->first = p->n = 0;
	p->unsent = 0;
	return true;
}
