/* SPDX-License-Identifier: MIT */
/* walk.h - all rows of a query, page by page. */
#ifndef DEIA_STORE_WALK_H
#define DEIA_STORE_WALK_H

#include <deia/sys/store.h>

/*
 * Calls fn for each row, in the query's order, and reads page by page meanwhile
 * (blocks); rows live until it returns. query: limit is of a page, after is to be
 * empty. What fn returns ends it, if that is an error; DEIA_OK at the end, else
 * that, or what deia_store_page_now says.
 */
DEIA_NODISCARD deia_err
deia__store_walk(deia_store *s, const struct deia_page_query *query,
		 deia_err (*fn)(void *user, const deia_rows *rows, size_t r),
		 void *user);

#define DEIA__STORE_PLACE_MAX 12

/*
 * For who reads page by page without blocking: what `after` of the next query
 * is, from a page of this one that has rows; returns how many values there are.
 * after: room for DEIA__STORE_PLACE_MAX; texts live as long as rows.
 */
unsigned deia__store_place(const struct deia_page_query *query,
			   const deia_rows *rows, struct deia_value *after);

#endif
