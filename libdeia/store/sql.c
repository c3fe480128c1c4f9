/* SPDX-License-Identifier: MIT */
/*
 * sql.c - shapes, texts and parameters of statements.
 *
 * Only SQL that SQLite (3.39 on) and PostgreSQL read alike. Names come from
 * declared tables and are quoted; values are always parameters. Text columns
 * must order by bytes: SQLite's default, COLLATE "C" in PostgreSQL.
 */
#include "store/sql.h"

#include <string.h>

/* ---- shapes and parameters --------------------------------------------- */

static void start(struct deia__sql_shape *shape,
		  struct deia__sql_params *params,
		  const struct deia_table *table, enum deia__sql_kind kind)
{
	memset(shape, 0, sizeof(*shape));
	shape->table = table;
	shape->kind = kind;
	shape->index = shape->guard = -1;
	shape->rows = 1;
	params->n = 0;
}

static void add(struct deia__sql_params *params, const struct deia_value *v,
		unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		params->value[params->n++] = &v[i];
}

static void update_params(const struct deia__op *op,
			  struct deia__sql_shape *shape,
			  struct deia__sql_params *params)
{
	unsigned i;

	for (i = 0; i < op->n_set; i++) {
		shape->set |= (uint64_t)1 << op->set[i].column;
		add(params, &op->set[i].value, 1);
	}
	add(params, op->values, op->n_values);
	if (op->guard) {
		shape->guard = (short)op->guard->column;
		add(params, &op->guard->value, 1);
	}
}

void deia__sql_op(const struct deia__op *op, struct deia__sql_shape *shape,
		  struct deia__sql_params *params)
{
	static const enum deia__sql_kind kinds[] = {
		[DEIA__OP_INSERT] = DEIA__SQL_INSERT,
		[DEIA__OP_PUT] = DEIA__SQL_PUT,
		[DEIA__OP_UPDATE] = DEIA__SQL_UPDATE,
		[DEIA__OP_DELETE] = DEIA__SQL_DELETE,
		[DEIA__OP_DELETE_WHERE] = DEIA__SQL_DELETE_WHERE,
		[DEIA__OP_RESTORE] = DEIA__SQL_RESTORE,
	};
	unsigned skip;

	start(shape, params, op->table, kinds[op->kind]);
	if (op->kind == DEIA__OP_UPDATE) {
		update_params(op, shape, params);
		return;
	}
	skip = op->kind == DEIA__OP_INSERT && op->table->sequence;
	add(params, op->values + skip, op->n_values - skip);
	if (op->kind != DEIA__OP_DELETE_WHERE)
		return;
	shape->index = (short)op->index;
	shape->n_equal = (unsigned char)op->n_values;
	shape->upto = op->upto != NULL;
	if (op->upto)
		add(params, op->upto, 1);
}

void deia__sql_exists(const struct deia__op *op, struct deia__sql_shape *shape,
		      struct deia__sql_params *params)
{
	start(shape, params, op->table, DEIA__SQL_EXISTS);
	add(params, op->values, op->table->n_key);
}

void deia__sql_page(const struct deia_page_query *q,
		    struct deia__sql_shape *shape,
		    struct deia__sql_params *params)
{
	start(shape, params, q->table, DEIA__SQL_PAGE);
	shape->index = (short)q->index;
	shape->n_equal = (unsigned char)q->n_equal;
	shape->n_after = (unsigned char)q->n_after;
	shape->descending = q->descending;
	add(params, q->equal, q->n_equal);
	add(params, q->after, q->n_after);
	params->limit = deia_int((int64_t)q->limit + 1);
	add(params, &params->limit, 1);
}

void deia__sql_count(const struct deia__count_query *q,
		     struct deia__sql_shape *shape,
		     struct deia__sql_params *params)
{
	start(shape, params, q->table, DEIA__SQL_COUNT);
	shape->index = (short)q->index;
	shape->n_equal = (unsigned char)q->n_equal;
	shape->n_after = (unsigned char)q->n_group;
	add(params, q->equal, q->n_equal);
}

bool deia__sql_same(const struct deia__sql_shape *a,
		    const struct deia__sql_shape *b)
{
	return a->table == b->table && a->set == b->set && a->kind == b->kind &&
	       a->index == b->index && a->guard == b->guard &&
	       a->n_equal == b->n_equal && a->n_after == b->n_after &&
	       a->rows == b->rows && a->upto == b->upto &&
	       a->descending == b->descending;
}

unsigned deia__sql_hash(const struct deia__sql_shape *s)
{
	uint64_t h = (uint64_t)(uintptr_t)s->table;

	h = (h ^ s->set) * 0x9e3779b97f4a7c15u;
	h ^= (uint64_t)s->kind << 1 ^ (uint64_t)(s->index + 1) << 5 ^
	     (uint64_t)(s->guard + 1) << 10 ^ (uint64_t)s->n_equal << 18 ^
	     (uint64_t)s->n_after << 23 ^ (uint64_t)s->upto << 28 ^
	     (uint64_t)s->descending << 29 ^ (uint64_t)s->rows << 13;
	h *= 0x9e3779b97f4a7c15u;
	return (unsigned)(h >> 32);
}

/* ---- texts ------------------------------------------------------------- */

struct writer {
	struct deia__buf *out;
	const struct deia__sql_dialect *dialect;
	const struct deia_table *table;
	unsigned n_params;
};

static void put(struct writer *w, const char *s)
{
	deia__buf_adds(w->out, s);
}

static void name(struct writer *w, const char *s)
{
	deia__buf_addf(w->out, "\"%s\"", s);
}

static void column(struct writer *w, unsigned c)
{
	name(w, w->table->columns[c].name);
}

static void param(struct writer *w)
{
	deia__buf_addf(w->out, "%s%u", w->dialect->mark, ++w->n_params);
}

static void columns(struct writer *w, unsigned from, unsigned to)
{
	unsigned c;

	for (c = from; c < to; c++) {
		if (c > from)
			put(w, ", ");
		column(w, c);
	}
}

static void names(struct writer *w, const unsigned char *cols, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		put(w, i > 0 ? ", " : "");
		column(w, cols[i]);
	}
}

/* "a" = ?1 AND "b" = ?2; returns false when there was nothing to write. */
static bool equals(struct writer *w, const unsigned char *cols, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			put(w, " AND ");
		column(w, cols ? cols[i] : i);
		put(w, " = ");
		param(w);
	}
	return n > 0;
}

/* The parameters of a row, from column first on. */
static void row(struct writer *w, unsigned first)
{
	unsigned c;

	put(w, "(");
	for (c = first; c < w->table->n_columns; c++) {
		if (c > first)
			put(w, ", ");
		param(w);
	}
	put(w, ")");
}

/* The columns from first on. */
static void insert_from(struct writer *w, unsigned first, unsigned rows)
{
	unsigned i;

	put(w, "INSERT INTO ");
	name(w, w->table->name);
	put(w, " (");
	columns(w, first, w->table->n_columns);
	put(w, ") VALUES ");
	for (i = 0; i < rows; i++) {
		put(w, i > 0 ? ", " : "");
		row(w, first);
	}
}

static void insert(struct writer *w, unsigned rows)
{
	unsigned first = w->table->sequence && !w->dialect->numbered ? 1 : 0;

	insert_from(w, first, rows);
}

static void upsert(struct writer *w)
{
	const struct deia_table *t = w->table;
	unsigned c;

	insert(w, 1);
	put(w, " ON CONFLICT (");
	columns(w, 0, t->n_key);
	put(w, t->n_key == t->n_columns ? ") DO NOTHING" : ") DO UPDATE SET ");
	for (c = t->n_key; c < t->n_columns; c++) {
		if (c > t->n_key)
			put(w, ", ");
		column(w, c);
		put(w, " = excluded.");
		column(w, c);
	}
}

static void update(struct writer *w, const struct deia__sql_shape *s)
{
	bool any = false;
	unsigned c;

	put(w, "UPDATE ");
	name(w, w->table->name);
	put(w, " SET ");
	for (c = 0; c < w->table->n_columns; c++) {
		if (!(s->set >> c & 1))
			continue;
		if (any)
			put(w, ", ");
		any = true;
		column(w, c);
		put(w, " = ");
		param(w);
	}
	put(w, " WHERE ");
	equals(w, NULL, w->table->n_key);
	if (s->guard < 0)
		return;
	put(w, " AND ");
	column(w, (unsigned)s->guard);
	put(w, " IS NOT DISTINCT FROM ");
	param(w);
}

static void delete_where(struct writer *w, const struct deia__sql_shape *s)
{
	struct deia__order o;

	deia__order_init(&o, w->table, s->index);
	put(w, "DELETE FROM ");
	name(w, w->table->name);
	if (s->n_equal || s->upto)
		put(w, " WHERE ");
	if (equals(w, o.columns, s->n_equal) && s->upto)
		put(w, " AND ");
	if (!s->upto)
		return;
	column(w, o.columns[s->n_equal]);
	put(w, " <= ");
	param(w);
}

/* ("b", "c") > (?2, ?3), or without brackets for one column. */
static void after(struct writer *w, const unsigned char *cols, unsigned n,
		  bool descending)
{
	unsigned i;

	put(w, n > 1 ? "(" : "");
	names(w, cols, n);
	put(w, n > 1 ? ")" : "");
	put(w, descending ? " < " : " > ");
	put(w, n > 1 ? "(" : "");
	for (i = 0; i < n; i++) {
		put(w, i > 0 ? ", " : "");
		param(w);
	}
	put(w, n > 1 ? ")" : "");
}

static void page(struct writer *w, const struct deia__sql_shape *s)
{
	struct deia__order o;
	unsigned i;

	deia__order_init(&o, w->table, s->index);
	put(w, "SELECT ");
	columns(w, 0, w->table->n_columns);
	put(w, " FROM ");
	name(w, w->table->name);
	if (s->n_equal || s->n_after)
		put(w, " WHERE ");
	if (equals(w, o.columns, s->n_equal) && s->n_after)
		put(w, " AND ");
	if (s->n_after)
		after(w, o.columns + s->n_equal, s->n_after, s->descending);
	put(w, " ORDER BY ");
	for (i = 0; i < o.n; i++) {
		put(w, i > 0 ? ", " : "");
		column(w, o.columns[i]);
		put(w, s->descending ? " DESC" : "");
	}
	put(w, " LIMIT ");
	param(w);
}

/* An order's columns are walked by its index, which has them all. */
static void count(struct writer *w, const struct deia__sql_shape *s)
{
	struct deia__order o;

	deia__order_init(&o, w->table, s->index);
	put(w, "SELECT ");
	names(w, o.columns, s->n_after);
	put(w, ", count(*) FROM ");
	name(w, w->table->name);
	put(w, s->n_equal ? " WHERE " : "");
	equals(w, o.columns, s->n_equal);
	put(w, " GROUP BY ");
	names(w, o.columns, s->n_after);
	put(w, " ORDER BY ");
	names(w, o.columns, s->n_after);
}

static void by_key(struct writer *w, const char *verb)
{
	put(w, verb);
	put(w, " FROM ");
	name(w, w->table->name);
	put(w, " WHERE ");
	equals(w, NULL, w->table->n_key);
}

void deia__sql_text(struct deia__buf *out, const struct deia__sql_dialect *d,
		    const struct deia__sql_shape *shape)
{
	struct writer w = { out, d, shape->table, 0 };

	switch (shape->kind) {
	case DEIA__SQL_INSERT:
		insert(&w, shape->rows);
		break;
	case DEIA__SQL_RESTORE:
		insert_from(&w, 0, 1);
		break;
	case DEIA__SQL_PUT:
		upsert(&w);
		break;
	case DEIA__SQL_UPDATE:
		update(&w, shape);
		break;
	case DEIA__SQL_DELETE:
		by_key(&w, "DELETE");
		break;
	case DEIA__SQL_DELETE_WHERE:
		delete_where(&w, shape);
		break;
	case DEIA__SQL_EXISTS:
		by_key(&w, "SELECT 1");
		break;
	case DEIA__SQL_PAGE:
		page(&w, shape);
		break;
	case DEIA__SQL_COUNT:
		count(&w, shape);
		break;
	}
}
