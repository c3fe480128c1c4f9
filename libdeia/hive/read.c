/* SPDX-License-Identifier: MIT */
/* read.c - how a hive reads its store. */
#include "hive/hive.h"

#include "store/walk.h"

deia_err deia__hive_unreadable(deia_hive *h, deia_err err)
{
	return deia__hive_fail(h, err, "the store cannot be read: %s",
			       deia_err_text(err));
}

deia_err deia__hive_check_limit(deia_hive *h, unsigned limit)
{
	if (limit && limit <= DEIA_MAX_PAGE_LEN)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EINVAL, "limit: 1 to %d",
			       DEIA_MAX_PAGE_LEN);
}

deia_err deia__hive_page(deia_hive *h, const struct deia_page_query *q,
			 deia_page_cb cb, void *asker)
{
	deia_err err;

	if (!asker)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	err = deia_store_page(h->store, q, cb, asker);
	if (!err)
		return DEIA_OK;
	deia__free(asker);
	return deia__hive_unreadable(h, err);
}

deia_err deia__hive_page_back(deia_hive *h, const struct deia_table *table,
			      int64_t before, unsigned limit, deia_page_cb cb,
			      void *asker)
{
	struct deia_value after = deia_int(before);
	struct deia_page_query q = {
		.table = table,
		.index = -1,
		.after = &after,
		.n_after = before > 0 ? 1 : 0,
		.descending = true,
		.limit = limit,
	};
	deia_err err = deia__hive_check_limit(h, limit);

	if (!err)
		return deia__hive_page(h, &q, cb, asker);
	deia__free(asker);
	return err;
}

/* ---- before the loop runs ----------------------------------------------- */

struct each {
	deia_hive *hive;
	deia_err (*fn)(deia_hive *h, const deia_rows *rows, size_t r);
	deia_err said; /* what fn said last */
};

static deia_err give_row(void *user, const deia_rows *rows, size_t r)
{
	struct each *e = user;

	e->said = e->fn(e->hive, rows, r);
	return e->said;
}

deia_err deia__hive_each_row(deia_hive *h, const struct deia_page_query *q,
			     deia_err (*fn)(deia_hive *h, const deia_rows *rows,
					    size_t r))
{
	struct each e = { .hive = h, .fn = fn };
	deia_err err = deia__store_walk(h->store, q, give_row, &e);

	return err && !e.said ? deia__hive_unreadable(h, err) : err;
}

deia_err deia__hive_edge_seq(deia_hive *h, const struct deia_table *table,
			     bool newest, int64_t *seq)
{
	struct deia_page_query q = {
		.table = table,
		.index = -1,
		.descending = newest,
		.limit = 1,
	};
	deia_rows *rows;
	deia_err err = deia_store_page_now(h->store, &q, &rows);

	if (err)
		return deia__hive_unreadable(h, err);
	*seq = deia_rows_count(rows) ? deia_rows_get(rows, 0, 0)->i : 0;
	deia_rows_free(rows);
	return DEIA_OK;
}
