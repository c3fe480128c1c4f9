/* SPDX-License-Identifier: MIT */
/*
 * exec.c - prepared statements: cache, binding, operations, pages.
 *
 * The cache is bounded: a shape hashes to a set of four places, and a fifth
 * shape of the same set takes the place of one of them. Values are bound
 * without a copy; they outlive the step that uses them.
 */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <string.h>

static const struct deia__sql_dialect dialect = { "?", false };

deia_err deia__sqlite_err(sqlite3 *db, int rc)
{
	int os = sqlite3_system_errno(db);
	int full = sqlite3_extended_errcode(db);

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return DEIA_OK;
	case SQLITE_CONSTRAINT:
		if (full == SQLITE_CONSTRAINT_UNIQUE ||
		    full == SQLITE_CONSTRAINT_PRIMARYKEY ||
		    full == SQLITE_CONSTRAINT_ROWID)
			return DEIA_EEXIST;
		return DEIA_EINVAL;
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		return DEIA_EINVAL;
	case SQLITE_FULL:
		return DEIA_EFULL;
	case SQLITE_NOMEM:
		return DEIA_ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return DEIA_EUNAVAILABLE;
	case SQLITE_IOERR:
		/* A failed fsync is final whatever its reason. */
		if ((os == ENOSPC || os == EDQUOT) &&
		    full != SQLITE_IOERR_FSYNC &&
		    full != SQLITE_IOERR_DIR_FSYNC)
			return DEIA_EFULL;
		if (full == SQLITE_IOERR_NOMEM)
			return DEIA_ENOMEM;
		return DEIA_ESTORE;
	default:
		return DEIA_ESTORE;
	}
}

/* ---- the cache --------------------------------------------------------- */

static int prepare(struct deia__sqlite_conn *c, struct deia__stmt *to,
		   const struct deia__sql_shape *shape)
{
	struct deia__buf sql;
	int rc = SQLITE_NOMEM;

	deia__buf_init(&sql, 0);
	deia__sql_text(&sql, &dialect, shape);
	sqlite3_finalize(to->stmt);
	to->stmt = NULL;
	if (!sql.err)
		rc = sqlite3_prepare_v3(c->db, sql.data, (int)sql.len,
					SQLITE_PREPARE_PERSISTENT, &to->stmt,
					NULL);
	if (rc == SQLITE_OK)
		to->shape = *shape;
	deia__buf_fini(&sql);
	return rc;
}

static int find(struct deia__sqlite_conn *c,
		const struct deia__sql_shape *shape, sqlite3_stmt **out)
{
	struct deia__stmt *set =
		c->stmts[deia__sql_hash(shape) % DEIA__STMT_SETS];
	struct deia__stmt *place = NULL;
	unsigned i;
	int rc;

	for (i = 0; i < DEIA__STMT_WAYS; i++) {
		if (!set[i].stmt) {
			place = place ? place : &set[i];
			continue;
		}
		if (deia__sql_same(&set[i].shape, shape)) {
			*out = set[i].stmt;
			return SQLITE_OK;
		}
	}
	if (!place)
		place = &set[c->next_victim++ % DEIA__STMT_WAYS];
	rc = prepare(c, place, shape);
	*out = place->stmt;
	return rc;
}

void deia__sqlite_forget(struct deia__sqlite_conn *c)
{
	unsigned i, j;

	for (i = 0; i < DEIA__STMT_SETS; i++) {
		for (j = 0; j < DEIA__STMT_WAYS; j++) {
			sqlite3_finalize(c->stmts[i][j].stmt);
			c->stmts[i][j].stmt = NULL;
		}
	}
}

/* ---- binding ----------------------------------------------------------- */

static int bind(sqlite3_stmt *stmt, const struct deia__sql_params *params)
{
	const struct deia_value *v;
	unsigned i;
	int rc = SQLITE_OK, at;

	for (i = 0; i < params->n && rc == SQLITE_OK; i++) {
		v = params->value[i];
		at = (int)i + 1;
		if (v->type == DEIA_NULL)
			rc = sqlite3_bind_null(stmt, at);
		else if (v->type == DEIA_INT)
			rc = sqlite3_bind_int64(stmt, at, v->i);
		else if (v->type == DEIA_TEXT)
			rc = sqlite3_bind_text(stmt, at, v->len ? v->s : "",
					       (int)v->len, SQLITE_STATIC);
		else
			rc = sqlite3_bind_blob(stmt, at, v->len ? v->s : "",
					       (int)v->len, SQLITE_STATIC);
	}
	return rc;
}

/* Finds and binds; *out is NULL on failure. */
static int ready(struct deia__sqlite_conn *c,
		 const struct deia__sql_shape *shape,
		 const struct deia__sql_params *params, sqlite3_stmt **out)
{
	int rc = find(c, shape, out);

	return rc == SQLITE_OK ? bind(*out, params) : rc;
}

/* ---- operations -------------------------------------------------------- */

/* Steps a statement that gives at most one row; *row says whether it did. */
static deia_err run(struct deia__sqlite_conn *c,
		    const struct deia__sql_shape *shape,
		    const struct deia__sql_params *params, bool *row)
{
	sqlite3_stmt *stmt = NULL;
	int rc = ready(c, shape, params, &stmt);
	deia_err err;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*row = rc == SQLITE_ROW;
	err = deia__sqlite_err(c->db, rc);
	sqlite3_reset(stmt);
	return err;
}

/* An update that changed nothing: is there no row, or did the guard fail? */
static deia_err why_unchanged(struct deia__sqlite_conn *c,
			      const struct deia__op *op)
{
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	deia_err err;
	bool row;

	if (!op->guard)
		return DEIA_ENOTFOUND;
	deia__sql_exists(op, &shape, &params);
	err = run(c, &shape, &params, &row);
	if (err)
		return err;
	return row ? DEIA_ECONFLICT : DEIA_ENOTFOUND;
}

/* ---- the numbers of a sequence ------------------------------------------ */

/*
 * SQLite keeps the last number of a table in sqlite_sequence, and raises it by
 * itself for a row that brings its own.
 */
static int seq_stmt(sqlite3 *db, const char *sql, const struct deia_table *t,
		    sqlite3_stmt **out)
{
	int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(*out, 1, t->name, -1, SQLITE_STATIC);
	return rc;
}

static deia_err raise_seq(sqlite3 *db, const struct deia_table *t, int64_t seq)
{
	static const char *const texts[] = {
		"UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
		"INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE "
		"NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
	};
	sqlite3_stmt *stmt = NULL;
	deia_err err = DEIA_OK;
	int rc;

	for (int i = 0; i < 2 && !err; i++) {
		rc = seq_stmt(db, texts[i], t, &stmt);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_int64(stmt, 2, seq);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(stmt);
		err = deia__sqlite_err(db, rc);
		sqlite3_finalize(stmt);
		stmt = NULL;
	}
	return err;
}

deia_err deia__sqlite_last_seq(void *self, const struct deia_table *t,
			       int64_t *seq)
{
	sqlite3 *db = ((struct deia__sqlite *)self)->read.db;
	sqlite3_stmt *stmt = NULL;
	deia_err err;
	int rc = seq_stmt(db, "SELECT seq FROM sqlite_sequence WHERE name = ?1",
			  t, &stmt);

	*seq = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*seq = sqlite3_column_int64(stmt, 0);
	err = deia__sqlite_err(db, rc);
	sqlite3_finalize(stmt);
	return err;
}

/* ---- one operation ------------------------------------------------------ */

deia_err deia__sqlite_op(struct deia__sqlite_conn *c, const struct deia__op *op,
			 int64_t *seqs)
{
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	deia_err err;
	bool row;

	if (op->kind == DEIA__OP_RESTORE && op->n_values == 1 &&
	    op->table->sequence)
		return raise_seq(c->db, op->table, op->values[0].i);
	deia__sql_op(op, &shape, &params);
	err = run(c, &shape, &params, &row);
	if (err)
		return err;
	if (op->kind == DEIA__OP_UPDATE && sqlite3_changes(c->db) == 0)
		return why_unchanged(c, op);
	if (op->kind == DEIA__OP_INSERT && op->table->sequence)
		seqs[op->seq_pos] = sqlite3_last_insert_rowid(c->db);
	return DEIA_OK;
}

/* ---- pages ------------------------------------------------------------- */

/* A column as it is in the statement, until the next step; false: no memory. */
static bool borrow_column(struct deia_value *v, sqlite3_stmt *stmt, int i)
{
	*v = deia_null();
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER:
		*v = deia_int(sqlite3_column_int64(stmt, i));
		break;
	case SQLITE_NULL:
		break;
	case SQLITE_BLOB:
		v->type = DEIA_BLOB;
		v->s = sqlite3_column_blob(stmt, i);
		v->len = (size_t)sqlite3_column_bytes(stmt, i);
		break;
	default:
		v->type = DEIA_TEXT;
		v->s = (const char *)sqlite3_column_text(stmt, i);
		v->len = (size_t)sqlite3_column_bytes(stmt, i);
		return v->s != NULL;
	}
	return true;
}

static deia_err copy_row(deia_rows *rows, sqlite3_stmt *stmt)
{
	struct deia_value *to = deia__rows_add(rows), v;
	unsigned i;

	for (i = 0; to && i < rows->n_columns; i++)
		if (!borrow_column(&v, stmt, (int)i) ||
		    !deia__rows_set(rows, &to[i], &v))
			return DEIA_ENOMEM;
	return to ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__sqlite_read(void *self, const struct deia_page_query *q,
			   deia_rows *rows)
{
	struct deia__sqlite_conn *c = &((struct deia__sqlite *)self)->read;
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	sqlite3_stmt *stmt = NULL;
	deia_err err = DEIA_OK;
	int rc;

	deia__sql_page(q, &shape, &params);
	rc = ready(c, &shape, &params, &stmt);
	while (rc == SQLITE_OK && !err &&
	       (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		rows->has_more = deia__rows_full(rows, q->limit);
		if (rows->has_more)
			break;
		err = copy_row(rows, stmt);
	}
	if (!err)
		err = deia__sqlite_err(c->db, rc);
	/* Ends the read transaction, so that the log can start over. */
	sqlite3_reset(stmt);
	return err;
}

/* ---- counts ------------------------------------------------------------ */

static deia_err tell_group(sqlite3_stmt *stmt, unsigned n, deia__count_cb cb,
			   void *user)
{
	struct deia_value group[DEIA__MAX_GROUP];
	unsigned i;

	for (i = 0; i < n; i++)
		if (!borrow_column(&group[i], stmt, (int)i))
			return DEIA_ENOMEM;
	return cb(group, sqlite3_column_int64(stmt, (int)n), user);
}

deia_err deia__sqlite_count(void *self, const struct deia__count_query *q,
			    deia__count_cb cb, void *user,
			    deia_snapshot **snapshot)
{
	struct deia__sqlite_conn *c = &((struct deia__sqlite *)self)->read;
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	sqlite3_stmt *stmt = NULL;
	deia_err err = DEIA_OK;
	int rc;

	(void)snapshot;
	deia__sql_count(q, &shape, &params);
	rc = ready(c, &shape, &params, &stmt);
	while (rc == SQLITE_OK && !err &&
	       (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		err = tell_group(stmt, q->n_group, cb, user);
	}
	if (!err)
		err = deia__sqlite_err(c->db, rc);
	sqlite3_reset(stmt);
	return err;
}
