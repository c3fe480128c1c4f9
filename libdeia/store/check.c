/* SPDX-License-Identifier: MIT */
/*
 * check.c - orders, comparisons and the checks of what callers pass.
 *
 * Everything is checked once, here, so that backends need not; and the same
 * for all of them, so that what one accepts the others do too (PostgreSQL
 * refuses NUL and bad UTF-8 in texts).
 */
#include "store/backend.h"

#include <string.h>

#include "core/utf8.h"

bool deia__order_init(struct deia__order *o, const struct deia_table *table,
		      int index)
{
	const struct deia_index *ix;
	unsigned i;

	o->n = 0;
	if (index < -1 || index >= (int)table->n_indexes)
		return false;
	if (index >= 0) {
		ix = &table->indexes[index];
		for (i = 0; i < ix->n_columns; i++)
			o->columns[o->n++] = ix->columns[i];
	}
	for (i = 0; i < table->n_key; i++)
		if (!o->n || !memchr(o->columns, (int)i, o->n))
			o->columns[o->n++] = (unsigned char)i;
	return true;
}

static int bytes_cmp(const struct deia_value *a, const struct deia_value *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int d = len ? memcmp(a->s, b->s, len) : 0;

	return d ? d : (a->len > b->len) - (a->len < b->len);
}

int deia__value_cmp(const struct deia_value *a, const struct deia_value *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == DEIA_NULL)
		return 0;
	if (a->type == DEIA_INT)
		return (a->i > b->i) - (a->i < b->i);
	return bytes_cmp(a, b);
}

deia_err deia__value_check(const struct deia_column *c,
			   const struct deia_value *v)
{
	if (v->type == DEIA_NULL)
		return c->nullable ? DEIA_OK : DEIA_EINVAL;
	if (v->type != c->type)
		return DEIA_EINVAL;
	if (v->type == DEIA_INT)
		return DEIA_OK;
	if (v->len > DEIA_STORE_MAX_VALUE_BYTES)
		return DEIA_ELIMIT;
	if (v->len == 0)
		return DEIA_OK;
	if (!v->s)
		return DEIA_EINVAL;
	if (v->type == DEIA_TEXT &&
	    (memchr(v->s, 0, v->len) || !deia__utf8_valid(v->s, v->len)))
		return DEIA_EINVAL;
	return DEIA_OK;
}

deia_err deia__table_check(const struct deia_table *t)
{
	if (!t || !t->name || !t->columns || t->n_columns == 0 ||
	    t->n_columns > DEIA__MAX_COLUMNS)
		return DEIA_EINVAL;
	if (t->n_key == 0 || t->n_key > DEIA__MAX_KEY ||
	    t->n_key > t->n_columns)
		return DEIA_EINVAL;
	if (t->sequence && (t->n_key != 1 || t->columns[0].type != DEIA_INT))
		return DEIA_EINVAL;
	return t->n_indexes && !t->indexes ? DEIA_EINVAL : DEIA_OK;
}

static deia_err check_values(const struct deia_table *t,
			     const unsigned char *columns,
			     const struct deia_value *v, unsigned n)
{
	deia_err err;
	unsigned i;

	if (n > 0 && !v)
		return DEIA_EINVAL;
	for (i = 0; i < n; i++) {
		err = deia__value_check(&t->columns[columns[i]], &v[i]);
		if (err)
			return err;
	}
	return DEIA_OK;
}

deia_err deia__query_check(const struct deia_page_query *q)
{
	struct deia__order o;
	deia_err err = q ? deia__table_check(q->table) : DEIA_EINVAL;
	unsigned i;

	if (err)
		return err;
	if (!deia__order_init(&o, q->table, q->index) || q->limit == 0 ||
	    q->limit > DEIA_MAX_PAGE_LEN || q->n_equal > o.n ||
	    q->n_after > o.n - q->n_equal)
		return DEIA_EINVAL;
	for (i = 0; i < o.n; i++)
		if (q->table->columns[o.columns[i]].nullable)
			return DEIA_EINVAL;
	err = check_values(q->table, o.columns, q->equal, q->n_equal);
	if (err)
		return err;
	return check_values(q->table, o.columns + q->n_equal, q->after,
			    q->n_after);
}

deia_err deia__count_check(const struct deia__count_query *c)
{
	struct deia_page_query q = { .table = c->table,
				     .index = c->index,
				     .equal = c->equal,
				     .n_equal = c->n_equal,
				     .limit = 1 };
	struct deia__order o;
	deia_err err = deia__query_check(&q);

	if (err)
		return err;
	deia__order_init(&o, c->table, c->index);
	return c->n_group >= 1 && c->n_group <= DEIA__MAX_GROUP &&
			       c->n_group <= o.n && c->n_equal <= c->n_group
		       ? DEIA_OK
		       : DEIA_EINVAL;
}
