/* SPDX-License-Identifier: MIT */
/*
 * inserts.c - inserts that follow each other become statements of many rows.
 *
 * A row in a statement of its own costs the server and us about a third more
 * than one among others. There are only these few sizes of statements, so that
 * each is prepared once and its plan kept. The order of the rows stays.
 */
#include "store/postgres/postgres.h"

/* By falling size, 1 at the end. With 4 among them a group of a hundred rows
 * ends in a few statements more, not in up to 15. */
static const unsigned sizes[] = { DEIA__PG_ROWS, 4, 1 };
/* A larger row goes alone: it gains nothing, and would pile up. */
#define ALONE_BYTES ((size_t)16 << 10)

static size_t bytes_of(const struct deia__op *op)
{
	size_t bytes = 0;
	unsigned c;

	for (c = 0; c < op->n_values; c++)
		bytes += op->values[c].len;
	return bytes;
}

bool deia__pg_insert_rest(struct deia__pg_pipe *p, struct deia__pg_inserts *w)
{
	unsigned at = 0, n = w->n, size = 0;

	w->n = 0;
	for (; at < n; at += sizes[size]) {
		while (n - at < sizes[size])
			size++;
		if (!deia__pg_send_rows(p, &w->rows[at], sizes[size]))
			return false;
	}
	return true;
}

bool deia__pg_insert(struct deia__pg_pipe *p, struct deia__pg_inserts *w,
		     const struct deia__pg_row *row)
{
	bool alone = bytes_of(row->op) > ALONE_BYTES;

	if (w->n > 0 && (alone || w->rows->op->table != row->op->table) &&
	    !deia__pg_insert_rest(p, w))
		return false;
	w->rows[w->n++] = *row;
	return (w->n < DEIA__PG_ROWS && !alone) || deia__pg_insert_rest(p, w);
}
