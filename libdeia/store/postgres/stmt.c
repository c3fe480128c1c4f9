/* SPDX-License-Identifier: MIT */
/*
 * stmt.c - the cache of prepared statements, parameters, results.
 *
 * The cache is bounded as the SQLite backend's is: a shape hashes to a set of
 * four places. All values travel in binary form, so that neither side prints
 * or parses numbers, and texts and bytes go as they are. Types are left to the
 * server, which takes them from the columns; for an INSERT it does so in each of
 * its rows.
 */
#include "store/postgres/postgres.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

static void bind_int(struct deia__pg_params *to, int64_t n)
{
	int i = to->n++;

	to->ints[i] = htobe64((uint64_t)n);
	to->values[i] = (const char *)&to->ints[i];
	to->lengths[i] = 8;
	to->formats[i] = 1;
	to->bytes += 8;
}

static void bind(struct deia__pg_params *to, const struct deia_value *v)
{
	int i;

	if (v->type == DEIA_INT) {
		bind_int(to, v->i);
		return;
	}
	i = to->n++;
	to->formats[i] = 1;
	to->values[i] = NULL;
	to->lengths[i] = 0;
	if (v->type == DEIA_NULL)
		return;
	to->values[i] = v->len ? v->s : "";
	to->lengths[i] = (int)v->len;
	to->bytes += v->len;
}

void deia__pg_bind(struct deia__pg_params *to,
		   const struct deia__sql_params *from)
{
	unsigned i;

	to->n = 0;
	to->bytes = 0;
	for (i = 0; i < from->n; i++)
		bind(to, from->value[i]);
}

void deia__pg_bind_rows(struct deia__pg_params *to,
			const struct deia__pg_row *rows, unsigned n)
{
	const struct deia__op *op;
	unsigned i, c;

	to->n = 0;
	to->bytes = 0;
	for (i = 0; i < n; i++) {
		op = rows[i].op;
		if (op->table->sequence)
			bind_int(to, rows[i].seq);
		for (c = op->table->sequence; c < op->n_values; c++)
			bind(to, &op->values[c]);
	}
}

struct deia__pg_stmt *deia__pg_find(struct deia__pg_conn *c,
				    const struct deia__sql_shape *shape,
				    char old[DEIA__PG_NAME])
{
	struct deia__pg_stmt *set =
		c->stmts[deia__sql_hash(shape) % DEIA__PG_STMT_SETS];
	struct deia__pg_stmt *place = NULL;
	unsigned i;

	old[0] = '\0';
	for (i = 0; i < DEIA__PG_STMT_WAYS; i++) {
		if (set[i].known == DEIA__PG_FREE)
			place = place ? place : &set[i];
		else if (deia__sql_same(&set[i].shape, shape))
			return &set[i];
	}
	if (!place) {
		place = &set[c->next_victim++ % DEIA__PG_STMT_WAYS];
		memcpy(old, place->name, DEIA__PG_NAME);
	}
	place->shape = *shape;
	place->known = DEIA__PG_FREE;
	snprintf(place->name, sizeof(place->name), "deia%u", c->next_name++);
	return place;
}

struct deia_value deia__pg_column(const PGresult *res, int row, int column,
				  enum deia_type type)
{
	struct deia_value v = deia_null();
	uint64_t n;

	if (PQgetisnull(res, row, column))
		return v;
	v.type = type;
	v.s = PQgetvalue(res, row, column);
	v.len = (size_t)PQgetlength(res, row, column);
	if (type != DEIA_INT)
		return v;
	memcpy(&n, v.s, sizeof(n));
	return deia_int((int64_t)be64toh(n));
}
