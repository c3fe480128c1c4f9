/* SPDX-License-Identifier: MIT */
/*
 * sql.h - SQL made from declared tables, for all SQL backends.
 *
 * A shape is what a statement looks like without its values: the key of a
 * backend's cache of prepared statements. Text and parameters are made from
 * the same shape and walk it in the same order, so that parameter i of the
 * text is value i of the list.
 */
#ifndef DEIA_STORE_SQL_H
#define DEIA_STORE_SQL_H

#include "core/buf.h"
#include "store/backend.h"

/* What differs between databases. */
struct deia__sql_dialect {
	const char *mark; /* of parameters: "?" for ?1, "$" for $1 */
	/* The backend numbers the rows of sequence tables: the number is the
	 * first parameter of an insert. Else the database does. */
	bool numbered;
};

enum deia__sql_kind {
	DEIA__SQL_INSERT,
	DEIA__SQL_RESTORE, /* with column 0 */
	DEIA__SQL_PUT,
	DEIA__SQL_UPDATE,
	DEIA__SQL_DELETE,
	DEIA__SQL_DELETE_WHERE,
	DEIA__SQL_EXISTS, /* is there a row with this key? */
	DEIA__SQL_PAGE,
	DEIA__SQL_COUNT /* n_after: columns of the group */
};

struct deia__sql_shape {
	const struct deia_table *table;
	uint64_t set; /* update: bit c = column c is set */
	enum deia__sql_kind kind;
	short index, guard; /* guard: its column, -1 none */
	unsigned char n_equal, n_after;
	unsigned char rows; /* of an insert, at least 1 */
	bool upto, descending;
};

/* An update of all columns, its key and its guard. */
#define DEIA__SQL_MAX_PARAMS (DEIA__MAX_COLUMNS + DEIA__MAX_KEY + 2)

struct deia__sql_params {
	const struct deia_value *value[DEIA__SQL_MAX_PARAMS];
	unsigned n;
	struct deia_value limit; /* room for a page's limit */
};

void deia__sql_op(const struct deia__op *op, struct deia__sql_shape *shape,
		  struct deia__sql_params *params);
/* Whether the row of an update exists. */
void deia__sql_exists(const struct deia__op *op, struct deia__sql_shape *shape,
		      struct deia__sql_params *params);
/* limit: one more than the page holds tells whether more follow. */
void deia__sql_page(const struct deia_page_query *q,
		    struct deia__sql_shape *shape,
		    struct deia__sql_params *params);
void deia__sql_count(const struct deia__count_query *q,
		     struct deia__sql_shape *shape,
		     struct deia__sql_params *params);
bool deia__sql_same(const struct deia__sql_shape *a,
		    const struct deia__sql_shape *b);
unsigned deia__sql_hash(const struct deia__sql_shape *s);
/* The statement's text; errors stick in out. */
void deia__sql_text(struct deia__buf *out, const struct deia__sql_dialect *d,
		    const struct deia__sql_shape *shape);

#endif
