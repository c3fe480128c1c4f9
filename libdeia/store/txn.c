/* SPDX-License-Identifier: MIT */
/*
 * txn.c - building a transaction.
 *
 * All operations and copies of their values live in the transaction's arena.
 * The first mistake sticks in txn->err and is what commit answers; later
 * calls then do nothing. Committing is in store.c.
 */
#include "store/backend.h"

#include <assert.h>
#include <string.h>

#include "core/mem.h"

struct deia_value deia_text(const char *s)
{
	struct deia_value v = { DEIA_NULL, 0, NULL, 0 };

	if (s) {
		v.type = DEIA_TEXT;
		v.s = s;
		v.len = strlen(s);
	}
	return v;
}

deia_txn *deia_txn_new(deia_store *store)
{
	deia_txn *txn = deia__alloc(sizeof(*txn));

	assert(store);
	if (txn)
		txn->store = store;
	return txn;
}

void deia_txn_free(deia_txn *txn)
{
	if (!txn)
		return;
	deia__arena_fini(&txn->arena);
	deia__free(txn);
}

/* A new operation, not yet in the list; NULL once anything went wrong. */
static struct deia__op *op_new(deia_txn *txn, const struct deia_table *table,
			       enum deia__op_kind kind)
{
	struct deia__op *op;

	if (!txn || txn->err)
		return NULL;
	txn->err = deia__table_check(table);
	if (txn->err)
		return NULL;
	op = deia__arena_alloc(&txn->arena, sizeof(*op));
	if (!op) {
		txn->err = DEIA_ENOMEM;
		return NULL;
	}
	op->table = table;
	op->kind = kind;
	op->index = -1;
	return op;
}

static void op_add(deia_txn *txn, struct deia__op *op)
{
	if (txn->err)
		return;
	if (txn->arena.bytes > DEIA_STORE_MAX_TXN_BYTES) {
		txn->err = DEIA_ELIMIT;
		return;
	}
	if (txn->last)
		txn->last->next = op;
	else
		txn->first = op;
	txn->last = op;
	txn->n_ops++;
}

/* Checks v against the column and copies it to *to. */
static void copy_value(deia_txn *txn, const struct deia_column *c,
		       struct deia_value *to, const struct deia_value *v)
{
	if (txn->err)
		return;
	txn->err = deia__value_check(c, v);
	if (txn->err)
		return;
	*to = *v;
	if (v->type != DEIA_TEXT && v->type != DEIA_BLOB)
		return;
	to->s = deia__arena_dup(&txn->arena, v->s, v->len);
	if (!to->s)
		txn->err = DEIA_ENOMEM;
}

static void *op_alloc(deia_txn *txn, size_t size)
{
	void *p = txn->err ? NULL : deia__arena_alloc(&txn->arena, size);

	if (!p && !txn->err)
		txn->err = DEIA_ENOMEM;
	return p;
}

/* The operation's values: n of them, of the given columns (NULL: 0..n-1). */
static void op_values(deia_txn *txn, struct deia__op *op,
		      const unsigned char *columns, const struct deia_value *v,
		      unsigned n)
{
	struct deia_value *to = op_alloc(txn, n * sizeof(*to));
	unsigned i;

	if (to && n > 0 && !v)
		txn->err = DEIA_EINVAL;
	for (i = 0; to && i < n && !txn->err; i++)
		copy_value(txn, &op->table->columns[columns ? columns[i] : i],
			   &to[i], &v[i]);
	op->values = to;
	op->n_values = n;
}

static void op_row(deia_txn *txn, struct deia__op *op,
		   const struct deia_value *row)
{
	const struct deia_table *table = op->table;
	struct deia_value *to;
	unsigned i;

	if (!table->sequence) {
		op_values(txn, op, NULL, row, table->n_columns);
		return;
	}
	/* Column 0 is the store's; the others are kept from values[1] on. */
	if (!row || row[0].type != DEIA_NULL) {
		txn->err = DEIA_EINVAL;
		return;
	}
	to = op_alloc(txn, table->n_columns * sizeof(*to));
	for (i = 1; to && i < table->n_columns && !txn->err; i++)
		copy_value(txn, &table->columns[i], &to[i], &row[i]);
	op->values = to;
	op->n_values = table->n_columns;
}

void deia_txn_insert(deia_txn *txn, const struct deia_table *table,
		     const struct deia_value *row)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_INSERT);

	if (!op)
		return;
	op_row(txn, op, row);
	if (table->sequence)
		op->seq_pos = (unsigned)txn->n_seqs++;
	op_add(txn, op);
}

/* Row or, with n 1, the number alone; see DEIA__OP_RESTORE. */
static void restore(deia_txn *txn, const struct deia_table *table,
		    const struct deia_value *values, unsigned n)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_RESTORE);

	if (!op)
		return;
	op_values(txn, op, NULL, values, n);
	op_add(txn, op);
}

void deia__txn_restore(deia_txn *txn, const struct deia_table *table,
		       const struct deia_value *row)
{
	restore(txn, table, row, table->n_columns);
}

void deia__txn_restore_seq(deia_txn *txn, const struct deia_table *table,
			   int64_t seq)
{
	struct deia_value v = deia_int(seq);

	restore(txn, table, &v, 1);
}

void deia_txn_put(deia_txn *txn, const struct deia_table *table,
		  const struct deia_value *row)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_PUT);

	if (!op)
		return;
	if (table->sequence)
		txn->err = DEIA_EINVAL;
	else
		op_row(txn, op, row);
	op_add(txn, op);
}

/* Copies set into the operation by rising column; refuses doubles and keys. */
static void op_set(deia_txn *txn, struct deia__op *op,
		   const struct deia_set *set, size_t n)
{
	const struct deia_table *t = op->table;
	struct deia_set *to = op_alloc(txn, n * sizeof(*to));
	const struct deia_set *from;
	unsigned c;
	size_t i;

	for (c = t->n_key; to && c < t->n_columns; c++) {
		from = NULL;
		for (i = 0; i < n; i++) {
			if (set[i].column == c && from)
				txn->err = DEIA_EINVAL;
			if (set[i].column == c)
				from = &set[i];
		}
		if (!from || txn->err)
			continue;
		to[op->n_set].column = c;
		copy_value(txn, &t->columns[c], &to[op->n_set++].value,
			   &from->value);
	}
	/* What is left over named a key column or none at all. */
	if (!txn->err && (n == 0 || op->n_set != n))
		txn->err = DEIA_EINVAL;
	op->set = to;
}

void deia_txn_update(deia_txn *txn, const struct deia_table *table,
		     const struct deia_value *key, const struct deia_set *set,
		     size_t n_set, const struct deia_set *guard)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_UPDATE);
	struct deia_set *g;

	if (!op)
		return;
	op_values(txn, op, NULL, key, table->n_key);
	if (n_set > table->n_columns || (n_set > 0 && !set) ||
	    (guard && guard->column >= table->n_columns))
		txn->err = txn->err ? txn->err : DEIA_EINVAL;
	if (!txn->err)
		op_set(txn, op, set, n_set);
	if (!txn->err && guard) {
		g = op_alloc(txn, sizeof(*g));
		if (!g)
			return;
		g->column = guard->column;
		copy_value(txn, &table->columns[g->column], &g->value,
			   &guard->value);
		op->guard = g;
	}
	op_add(txn, op);
}

void deia_txn_delete(deia_txn *txn, const struct deia_table *table,
		     const struct deia_value *key)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_DELETE);

	if (!op)
		return;
	op_values(txn, op, NULL, key, table->n_key);
	op_add(txn, op);
}

void deia_txn_delete_where(deia_txn *txn, const struct deia_table *table,
			   int index, const struct deia_value *equal,
			   size_t n_equal, const struct deia_value *upto)
{
	struct deia__op *op = op_new(txn, table, DEIA__OP_DELETE_WHERE);
	struct deia__order o;
	struct deia_value *to;
	size_t i;

	if (!op)
		return;
	if (!deia__order_init(&o, table, index) || n_equal > o.n ||
	    (upto && n_equal == o.n)) {
		txn->err = DEIA_EINVAL;
		return;
	}
	for (i = 0; i < o.n; i++)
		if (table->columns[o.columns[i]].nullable)
			txn->err = DEIA_EINVAL;
	op->index = index;
	op_values(txn, op, o.columns, equal, (unsigned)n_equal);
	if (!txn->err && upto) {
		to = op_alloc(txn, sizeof(*to));
		if (!to)
			return;
		copy_value(txn, &table->columns[o.columns[n_equal]], to, upto);
		op->upto = to;
	}
	op_add(txn, op);
}

/* ---- telling ----------------------------------------------------------- */

static deia_err check_topic(const char *topic)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_";
	size_t len = topic ? strlen(topic) : 0;

	if (len == 0 || strspn(topic, good) != len)
		return DEIA_EINVAL;
	return len > DEIA_STORE_MAX_TOPIC_BYTES ? DEIA_ELIMIT : DEIA_OK;
}

static deia_err check_notice(const char *topic, const char *text)
{
	static const struct deia_column column = { "text", DEIA_TEXT, false };
	struct deia_value v = deia_text(text);
	deia_err err = check_topic(topic);

	if (!err)
		err = deia__value_check(&column, &v);
	if (!err && v.len > DEIA_STORE_MAX_NOTICE_BYTES)
		err = DEIA_ELIMIT;
	return err;
}

void deia_txn_notify(deia_txn *txn, const char *topic, const char *text)
{
	struct deia__telling *told;
	size_t topic_len, text_len;
	char *line;

	if (!txn || txn->err)
		return;
	txn->err = check_notice(topic, text);
	if (txn->err || !deia_store_is_shared(txn->store))
		return;
	topic_len = strlen(topic);
	text_len = strlen(text);
	told = op_alloc(txn, sizeof(*told));
	line = told ? op_alloc(txn, topic_len + text_len + 2) : NULL;
	if (!line)
		return;
	memcpy(line, topic, topic_len);
	line[topic_len] = ' ';
	memcpy(line + topic_len + 1, text, text_len + 1);
	told->line = line;
	told->len = topic_len + 1 + text_len;
	if (txn->last_told)
		txn->last_told->next = told;
	else
		txn->first_told = told;
	txn->last_told = told;
	if (txn->arena.bytes > DEIA_STORE_MAX_TXN_BYTES)
		txn->err = DEIA_ELIMIT;
}
