/* SPDX-License-Identifier: MIT */
/*
 * rows.c - pages of rows, filled by backends and read by callers.
 *
 * Bytes live in an arena with a NUL after each text, values in one array that
 * grows; both are bounded by deia__rows_full.
 */
#include "store/backend.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

/* The clock is asked once in so many rows: short pages are never cut. */
#define CLOCK_EVERY 32

deia_rows *deia__rows_new(unsigned n_columns)
{
	deia_rows *rows = deia__alloc(sizeof(*rows));

	if (!rows)
		return NULL;
	rows->n_columns = n_columns;
	rows->until_ms = deia__now_ms(NULL) + DEIA__PAGE_MS;
	return rows;
}

bool deia__rows_full(const deia_rows *rows, unsigned limit)
{
	if (rows->count >= limit)
		return true;
	if (rows->count == 0)
		return false;
	if (rows->arena.bytes >= DEIA__PAGE_BYTES)
		return true;
	return rows->count % CLOCK_EVERY == 0 &&
	       deia__now_ms(NULL) >= rows->until_ms;
}

struct deia_value *deia__rows_add(deia_rows *rows)
{
	struct deia_value *values;
	size_t cap;

	if (rows->count == rows->cap) {
		cap = rows->cap ? rows->cap * 2 : 8;
		values = deia__realloc(rows->values,
				       cap * rows->n_columns * sizeof(*values));
		if (!values)
			return NULL;
		rows->values = values;
		rows->cap = cap;
	}
	values = rows->values + rows->count++ * rows->n_columns;
	memset(values, 0, rows->n_columns * sizeof(*values));
	return values;
}

bool deia__rows_set(deia_rows *rows, struct deia_value *to,
		    const struct deia_value *v)
{
	*to = *v;
	if (v->type != DEIA_TEXT && v->type != DEIA_BLOB)
		return true;
	to->s = deia__arena_dup(&rows->arena, v->s, v->len);
	return to->s != NULL;
}

size_t deia_rows_count(const deia_rows *rows)
{
	return rows->count;
}

const struct deia_value *deia_rows_get(const deia_rows *rows, size_t r,
				       unsigned c)
{
	static const struct deia_value none = { DEIA_NULL, 0, NULL, 0 };

	if (r >= rows->count || c >= rows->n_columns)
		return &none;
	return &rows->values[r * rows->n_columns + c];
}

const char *deia_rows_text(const deia_rows *rows, size_t r, unsigned c)
{
	const struct deia_value *v = deia_rows_get(rows, r, c);

	return v->s ? v->s : "";
}

bool deia_rows_has_more(const deia_rows *rows)
{
	return rows->has_more;
}

void deia_rows_free(deia_rows *rows)
{
	if (!rows)
		return;
	deia__arena_fini(&rows->arena);
	deia__free(rows->values);
	deia__free(rows);
}
