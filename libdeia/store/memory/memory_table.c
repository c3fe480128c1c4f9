/* SPDX-License-Identifier: MIT */
/*
 * memory_table.c - tables of the memory backend: rows in one tree an order.
 *
 * Inserting and seeking cost O(log n) comparisons, each next row of a page a
 * constant number of steps on average.
 */
#include "store/memory/memory.h"

#include <string.h>

#include "core/mem.h"

static struct deia__mem_row *row_of(struct deia__node *node, unsigned pos)
{
	return (void *)((char *)(node - pos) -
			offsetof(struct deia__mem_row, nodes));
}

static const struct deia__mem_row *peek(const struct deia__node *node,
					unsigned pos)
{
	return (const void *)((const char *)(node - pos) -
			      offsetof(struct deia__mem_row, nodes));
}

struct deia__mem_table *deia__mem_table_new(const struct deia_table *table)
{
	unsigned n = table->n_indexes + 1, i;
	struct deia__mem_table *t =
		deia__alloc(sizeof(*t) + n * sizeof(t->orders[0]));
	struct deia__mem_order *o;

	if (!t)
		return NULL;
	t->table = table;
	t->n_orders = n;
	for (i = 0; i < n; i++) {
		o = &t->orders[i];
		deia__order_init(&o->order, table, (int)i - 1);
		o->table = table;
		o->pos = i;
		if (i == 0)
			o->unique = table->n_key;
		else if (table->indexes[i - 1].unique)
			o->unique = table->indexes[i - 1].n_columns;
	}
	return t;
}

void deia__mem_table_free(struct deia__mem_table *t)
{
	struct deia__node *n;

	while ((n = t->orders[0].tree.root) != NULL) {
		deia__tree_remove(&t->orders[0].tree, n);
		deia__mem_row_free(row_of(n, 0));
	}
	deia__free(t);
}

struct deia__mem_row *deia__mem_row_new(const struct deia__mem_table *t,
					const struct deia_value *const *values)
{
	unsigned n = t->table->n_columns, i;
	size_t head = sizeof(struct deia__mem_row) +
		      t->n_orders * sizeof(struct deia__node);
	size_t size = head + n * sizeof(struct deia_value);
	struct deia__mem_row *row;
	char *bytes;

	for (i = 0; i < n; i++)
		size += values[i]->len + 1;
	row = deia__alloc(size);
	if (!row)
		return NULL;
	row->values = (struct deia_value *)(void *)((char *)row + head);
	bytes = (char *)(row->values + n);
	for (i = 0; i < n; i++) {
		row->values[i] = *values[i];
		if (!values[i]->len)
			continue;
		memcpy(bytes, values[i]->s, values[i]->len);
		row->values[i].s = bytes;
		bytes += values[i]->len + 1;
	}
	return row;
}

void deia__mem_row_free(struct deia__mem_row *row)
{
	deia__free(row);
}

/* ---- order ------------------------------------------------------------- */

static int cmp_nodes(const struct deia__node *a, const struct deia__node *b,
		     const void *arg)
{
	const struct deia__mem_order *o = arg;
	const struct deia__mem_row *x = peek(a, o->pos), *y = peek(b, o->pos);
	unsigned i, c;
	int d = 0;

	for (i = 0; i < o->order.n && !d; i++) {
		c = o->order.columns[i];
		d = deia__value_cmp(&x->values[c], &y->values[c]);
	}
	return d;
}

int deia__mem_cmp(const struct deia__mem_row *row,
		  const struct deia__mem_place *p)
{
	unsigned i;
	int d = 0;

	for (i = 0; i < p->n && !d; i++)
		d = deia__value_cmp(&row->values[p->order->order.columns[i]],
				    p->value[i]);
	return d;
}

static int probe(const struct deia__node *node, const void *place)
{
	const struct deia__mem_place *p = place;
	int d = deia__mem_cmp(peek(node, p->order->pos), p);

	return d ? d : p->if_equal;
}

struct deia__mem_row *deia__mem_seek(const struct deia__mem_place *p)
{
	struct deia__node *n = deia__tree_seek(&p->order->tree, probe, p);

	return n ? row_of(n, p->order->pos) : NULL;
}

struct deia__mem_row *deia__mem_seek_back(const struct deia__mem_place *p)
{
	struct deia__node *n = deia__tree_seek(&p->order->tree, probe, p);

	n = n ? deia__tree_prev(n) : deia__tree_last(&p->order->tree);
	return n ? row_of(n, p->order->pos) : NULL;
}

struct deia__mem_row *deia__mem_step(const struct deia__mem_order *o,
				     const struct deia__mem_row *row, bool back)
{
	const struct deia__node *from = &row->nodes[o->pos];
	struct deia__node *n =
		back ? deia__tree_prev(from) : deia__tree_next(from);

	return n ? row_of(n, o->pos) : NULL;
}

/* ---- rows in and out --------------------------------------------------- */

static struct deia__mem_row *find_equal(const struct deia__mem_order *o,
					const struct deia_value *const *values,
					unsigned n)
{
	struct deia__mem_place p = { .order = o, .n = n };
	struct deia__mem_row *row;
	unsigned i;

	for (i = 0; i < n; i++)
		p.value[i] = values[i];
	row = deia__mem_seek(&p);
	return row && deia__mem_cmp(row, &p) == 0 ? row : NULL;
}

struct deia__mem_row *deia__mem_find(const struct deia__mem_table *t,
				     const struct deia_value *key)
{
	const struct deia_value *values[DEIA__MAX_KEY];
	unsigned i;

	for (i = 0; i < t->table->n_key; i++)
		values[i] = &key[i];
	return find_equal(&t->orders[0], values, t->table->n_key);
}

/* Most changes leave a row where it is in most orders. */
static bool stays(const struct deia__mem_order *o,
		  const struct deia__mem_row *old,
		  const struct deia__mem_row *row)
{
	return old && row &&
	       cmp_nodes(&old->nodes[o->pos], &row->nodes[o->pos], o) == 0;
}

bool deia__mem_fits(const struct deia__mem_table *t,
		    const struct deia__mem_row *old,
		    const struct deia__mem_row *row)
{
	const struct deia_value *values[DEIA__MAX_ORDER];
	const struct deia__mem_order *o;
	const struct deia__mem_row *other;
	unsigned i, k;
	bool null;

	for (i = 0; i < t->n_orders; i++) {
		o = &t->orders[i];
		null = false;
		for (k = 0; k < o->unique; k++) {
			values[k] = &row->values[o->order.columns[k]];
			null |= values[k]->type == DEIA_NULL;
		}
		/* Nulls are never equal, as in SQL. */
		if (!o->unique || null || stays(o, old, row))
			continue;
		other = find_equal(o, values, o->unique);
		if (other && other != old)
			return false;
	}
	return true;
}

void deia__mem_swap(struct deia__mem_table *t, struct deia__mem_row *old,
		    struct deia__mem_row *row)
{
	struct deia__mem_order *o;
	unsigned i;

	for (i = 0; i < t->n_orders; i++) {
		o = &t->orders[i];
		if (stays(o, old, row)) {
			deia__tree_replace(&o->tree, &old->nodes[i],
					   &row->nodes[i]);
			continue;
		}
		if (old)
			deia__tree_remove(&o->tree, &old->nodes[i]);
		if (row)
			deia__tree_insert(&o->tree, &row->nodes[i], cmp_nodes,
					  o);
	}
}
