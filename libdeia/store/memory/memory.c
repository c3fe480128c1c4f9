/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the memory backend: the same semantics as a database, without
 * threads and without a disk.
 *
 * A transaction keeps what it swapped in a list; when it fails, the list is
 * played backwards. Old rows are freed once the transaction is through.
 */
#include "store/memory/memory.h"

#include "core/mem.h"

struct undo {
	struct undo *next; /* what was done before */
	struct deia__mem_table *table;
	struct deia__mem_row *old, *row;
	int64_t seq; /* of the table, before */
};

struct memory {
	struct deia__mem_table *tables;
	struct undo *undo; /* of the transaction that runs */
};

static struct deia__mem_table *table_of(struct memory *m,
					const struct deia_table *table)
{
	struct deia__mem_table *t;

	for (t = m->tables; t; t = t->next)
		if (t->table == table)
			return t;
	t = deia__mem_table_new(table);
	if (t) {
		t->next = m->tables;
		m->tables = t;
	}
	return t;
}

/* ---- changes ----------------------------------------------------------- */

/* Swaps and remembers it; row is freed when that fails. */
static deia_err change(struct memory *m, struct deia__mem_table *t,
		       struct deia__mem_row *old, struct deia__mem_row *row)
{
	deia_err err = DEIA_EEXIST;
	struct undo *u = NULL;

	if (!row || deia__mem_fits(t, old, row)) {
		u = deia__alloc(sizeof(*u));
		err = DEIA_ENOMEM;
	}
	if (!u) {
		deia__mem_row_free(row);
		return err;
	}
	u->table = t;
	u->old = old;
	u->row = row;
	u->seq = t->seq;
	u->next = m->undo;
	m->undo = u;
	deia__mem_swap(t, old, row);
	return DEIA_OK;
}

/* Ends the transaction: keeps what it did or takes it back. */
static void settle(struct memory *m, bool keep)
{
	struct undo *u = m->undo, *next;

	for (; u; u = next) {
		next = u->next;
		if (!keep) {
			deia__mem_swap(u->table, u->row, u->old);
			u->table->seq = u->seq;
		}
		deia__mem_row_free(keep ? u->old : u->row);
		deia__free(u);
	}
	m->undo = NULL;
}

/* ---- operations -------------------------------------------------------- */

static deia_err put(struct memory *m, struct deia__mem_table *t,
		    const struct deia__op *op, int64_t *seqs)
{
	const struct deia_value *values[DEIA__MAX_COLUMNS];
	struct deia__mem_row *old = NULL, *row;
	struct deia_value seq = deia_int(t->seq + 1);
	deia_err err;
	unsigned i;

	for (i = 0; i < op->n_values; i++)
		values[i] = &op->values[i];
	if (t->table->sequence)
		values[0] = &seq;
	if (op->kind == DEIA__OP_PUT)
		old = deia__mem_find(t, op->values);
	row = deia__mem_row_new(t, values);
	err = row ? change(m, t, old, row) : DEIA_ENOMEM;
	if (!err && t->table->sequence)
		seqs[op->seq_pos] = ++t->seq;
	return err;
}

/* See DEIA__OP_RESTORE. Without a row the change is that of the number. */
static deia_err restore(struct memory *m, struct deia__mem_table *t,
			const struct deia__op *op)
{
	const struct deia_value *values[DEIA__MAX_COLUMNS];
	struct deia__mem_row *row = NULL;
	deia_err err;
	unsigned i;

	if (op->n_values == t->table->n_columns) {
		for (i = 0; i < op->n_values; i++)
			values[i] = &op->values[i];
		row = deia__mem_row_new(t, values);
		if (!row)
			return DEIA_ENOMEM;
	}
	err = change(m, t, NULL, row);
	if (!err && t->table->sequence && op->values[0].i > t->seq)
		t->seq = op->values[0].i;
	return err;
}

static deia_err update(struct memory *m, struct deia__mem_table *t,
		       const struct deia__op *op)
{
	const struct deia_value *values[DEIA__MAX_COLUMNS];
	struct deia__mem_row *old = deia__mem_find(t, op->values), *row;
	unsigned i;

	if (!old)
		return DEIA_ENOTFOUND;
	if (op->guard &&
	    deia__value_cmp(&old->values[op->guard->column], &op->guard->value))
		return DEIA_ECONFLICT;
	for (i = 0; i < t->table->n_columns; i++)
		values[i] = &old->values[i];
	for (i = 0; i < op->n_set; i++)
		values[op->set[i].column] = &op->set[i].value;
	row = deia__mem_row_new(t, values);
	return row ? change(m, t, old, row) : DEIA_ENOMEM;
}

static void place(struct deia__mem_place *p, const struct deia__mem_order *o,
		  const struct deia_value *equal, unsigned n_equal)
{
	unsigned i;

	p->order = o;
	p->n = n_equal;
	p->if_equal = 0;
	for (i = 0; i < n_equal; i++)
		p->value[i] = &equal[i];
}

static deia_err delete_where(struct memory *m, struct deia__mem_table *t,
			     const struct deia__op *op)
{
	const struct deia__mem_order *o = &t->orders[op->index + 1];
	struct deia__mem_row *row, *next;
	struct deia__mem_place p;
	deia_err err = DEIA_OK;
	unsigned c = 0;

	place(&p, o, op->values, op->n_values);
	if (op->upto)
		c = o->order.columns[op->n_values];
	for (row = deia__mem_seek(&p); row && !err; row = next) {
		if (deia__mem_cmp(row, &p))
			break;
		if (op->upto && deia__value_cmp(&row->values[c], op->upto) > 0)
			break;
		next = deia__mem_step(o, row, false);
		err = change(m, t, row, NULL);
	}
	return err;
}

static deia_err run_op(struct memory *m, const struct deia__op *op,
		       int64_t *seqs)
{
	struct deia__mem_table *t = table_of(m, op->table);
	struct deia__mem_row *old;

	if (!t)
		return DEIA_ENOMEM;
	switch (op->kind) {
	case DEIA__OP_INSERT:
	case DEIA__OP_PUT:
		return put(m, t, op, seqs);
	case DEIA__OP_UPDATE:
		return update(m, t, op);
	case DEIA__OP_DELETE:
		old = deia__mem_find(t, op->values);
		return old ? change(m, t, old, NULL) : DEIA_OK;
	case DEIA__OP_DELETE_WHERE:
		return delete_where(m, t, op);
	case DEIA__OP_RESTORE:
		return restore(m, t, op);
	}
	return DEIA_EINVAL;
}

static deia_err commit(void *self, deia_txn *first, struct deia__errmsg *msg)
{
	struct memory *m = self;
	const struct deia__op *op;
	deia_txn *t;

	(void)msg;
	for (t = first; t; t = deia__txn_next(t)) {
		t->err = DEIA_OK;
		for (op = t->first; op && !t->err; op = op->next)
			t->err = run_op(m, op, t->seqs);
		settle(m, t->err == DEIA_OK);
	}
	return DEIA_OK;
}

/* ---- pages ------------------------------------------------------------- */

static deia_err copy_row(deia_rows *rows, const struct deia__mem_row *row)
{
	struct deia_value *to = deia__rows_add(rows);
	unsigned i;

	for (i = 0; to && i < rows->n_columns; i++)
		if (!deia__rows_set(rows, &to[i], &row->values[i]))
			return DEIA_ENOMEM;
	return to ? DEIA_OK : DEIA_ENOMEM;
}

static struct deia__mem_row *page_start(const struct deia__mem_order *o,
					const struct deia_page_query *q)
{
	struct deia__mem_place p;
	unsigned i;

	place(&p, o, q->equal, q->n_equal);
	for (i = 0; i < q->n_after; i++)
		p.value[p.n++] = &q->after[i];
	if (q->descending) {
		/* Before the rows equal to the cursor, or after all of them. */
		p.if_equal = q->n_after ? 1 : -1;
		return deia__mem_seek_back(&p);
	}
	p.if_equal = q->n_after ? -1 : 1;
	return deia__mem_seek(&p);
}

static deia_err read_page(void *self, const struct deia_page_query *q,
			  deia_rows *rows)
{
	struct deia__mem_table *t = table_of(self, q->table);
	const struct deia__mem_order *o;
	struct deia__mem_row *row;
	struct deia__mem_place p;
	deia_err err = DEIA_OK;

	if (!t)
		return DEIA_ENOMEM;
	o = &t->orders[q->index + 1];
	place(&p, o, q->equal, q->n_equal);
	for (row = page_start(o, q); row && !err;
	     row = deia__mem_step(o, row, q->descending)) {
		if (deia__mem_cmp(row, &p))
			break;
		rows->has_more = deia__rows_full(rows, q->limit);
		if (rows->has_more)
			break;
		err = copy_row(rows, row);
	}
	return err;
}

/* ---- counts ------------------------------------------------------------ */

/* The first columns of a row in an order; borrowed from the row. */
static void group_of(const struct deia__mem_order *o,
		     const struct deia__mem_row *row, struct deia_value *group,
		     unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		group[i] = row->values[o->order.columns[i]];
}

static deia_err count(void *self, const struct deia__count_query *q,
		      deia__count_cb cb, void *user, deia_snapshot **snapshot)
{
	struct deia__mem_table *t = table_of(self, q->table);
	struct deia_value group[DEIA__MAX_GROUP];
	const struct deia__mem_order *o;
	struct deia__mem_place all, p;
	struct deia__mem_row *row;
	deia_err err = DEIA_OK;
	int64_t n;

	(void)snapshot;
	if (!t)
		return DEIA_ENOMEM;
	o = &t->orders[q->index + 1];
	place(&all, o, q->equal, q->n_equal);
	row = deia__mem_seek(&all);
	while (row && !err && deia__mem_cmp(row, &all) == 0) {
		group_of(o, row, group, q->n_group);
		place(&p, o, group, q->n_group);
		for (n = 0; row && deia__mem_cmp(row, &p) == 0; n++)
			row = deia__mem_step(o, row, false);
		err = cb(group, n, user);
	}
	return err;
}

/* ---- the table --------------------------------------------------------- */

static deia_err last_seq(void *self, const struct deia_table *table,
			 int64_t *seq)
{
	struct deia__mem_table *t = table_of(self, table);

	*seq = t ? t->seq : 0;
	return t ? DEIA_OK : DEIA_ENOMEM;
}

static deia_err open_memory(void **self, const char *rest,
			    const struct deia_store_opts *opts,
			    struct deia__errmsg *msg)
{
	(void)rest;
	(void)opts;
	*self = deia__alloc(sizeof(struct memory));
	return *self ? DEIA_OK : deia__fail(msg, DEIA_ENOMEM, "memory ran out");
}

static void close_memory(void *self)
{
	struct memory *m = self;
	struct deia__mem_table *t = m->tables, *next;

	for (; t; t = next) {
		next = t->next;
		deia__mem_table_free(t);
	}
	deia__free(m);
}

const struct deia__store_backend deia__store_memory = {
	.size = sizeof(struct deia__store_backend),
	.name = "memory",
	.threads = false,
	.open = open_memory,
	.close = close_memory,
	.commit = commit,
	.read = read_page,
	.count = count,
	.last_seq = last_seq,
};
