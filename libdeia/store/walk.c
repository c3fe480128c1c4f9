/* SPDX-License-Identifier: MIT */
/* walk.c - see walk.h. */
#include "store/walk.h"
#include "store/backend.h"

_Static_assert(DEIA__STORE_PLACE_MAX == DEIA__MAX_ORDER, "a place");

unsigned deia__store_place(const struct deia_page_query *q,
			   const deia_rows *rows, struct deia_value *after)
{
	size_t last = deia_rows_count(rows) - 1;
	struct deia__order order;
	unsigned n = 0;

	if (!deia__order_init(&order, q->table, q->index))
		return 0;
	for (unsigned i = q->n_equal; i < order.n; i++)
		after[n++] = *deia_rows_get(rows, last, order.columns[i]);
	return n;
}

deia_err deia__store_walk(deia_store *s, const struct deia_page_query *query,
			  deia_err (*fn)(void *user, const deia_rows *rows,
					 size_t r),
			  void *user)
{
	struct deia_value after[DEIA__STORE_PLACE_MAX];
	struct deia_page_query q = *query;
	deia_rows *rows = NULL, *next;
	deia_err err;

	q.after = after;
	do {
		err = deia_store_page_now(s, &q, &next);
		deia_rows_free(rows); /* its last row was the place */
		rows = next;
		for (size_t r = 0; !err && r < deia_rows_count(rows); r++)
			err = fn(user, rows, r);
		if (err || !deia_rows_has_more(rows))
			break;
		q.n_after = deia__store_place(&q, rows, after);
	} while (true);
	deia_rows_free(rows);
	return err;
}
