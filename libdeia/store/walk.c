/* SPDX-License-Identifier: MIT */
/* walk.c - see walk.h. */
#include "store/walk.h"
#include "store/backend.h"

/* The place of the last row, whose texts live as long as its page. */
static unsigned place_of(struct deia_value *after, const deia_rows *rows,
			 const struct deia__order *order, unsigned n_equal)
{
	size_t last = deia_rows_count(rows) - 1;
	unsigned n = 0;

	for (unsigned i = n_equal; i < order->n; i++)
		after[n++] = *deia_rows_get(rows, last, order->columns[i]);
	return n;
}

deia_err deia__store_walk(deia_store *s, const struct deia_page_query *query,
			  deia_err (*fn)(void *user, const deia_rows *rows,
					 size_t r),
			  void *user)
{
	struct deia_value after[DEIA__MAX_ORDER];
	struct deia_page_query q = *query;
	deia_rows *rows = NULL, *next;
	struct deia__order order;
	deia_err err;

	if (!deia__order_init(&order, q.table, q.index))
		return DEIA_EINVAL;
	q.after = after;
	do {
		err = deia_store_page_now(s, &q, &next);
		deia_rows_free(rows); /* its last row was the place */
		rows = next;
		for (size_t r = 0; !err && r < deia_rows_count(rows); r++)
			err = fn(user, rows, r);
		if (err || !deia_rows_has_more(rows))
			break;
		q.n_after = place_of(after, rows, &order, q.n_equal);
	} while (true);
	deia_rows_free(rows);
	return err;
}
