/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the inside of the memory backend: tables as trees of rows.
 *
 * A row never changes: an update makes a new one and swaps it in all trees,
 * so that undoing is swapping back, which needs no memory.
 */
#ifndef DEIA_STORE_MEMORY_H
#define DEIA_STORE_MEMORY_H

#include "store/backend.h"
#include "store/memory/tree.h"

struct deia__mem_row {
	struct deia_value *values;
	struct deia__node nodes[]; /* one for each order of the table */
};

struct deia__mem_order {
	struct deia__order order;
	struct deia__tree tree;
	const struct deia_table *table;
	unsigned pos;	 /* of its node in a row: 0 the key, i + 1 index i */
	unsigned unique; /* over so many first columns; 0: not */
};

struct deia__mem_table {
	struct deia__mem_table *next;
	const struct deia_table *table;
	int64_t seq; /* last one given */
	unsigned n_orders;
	struct deia__mem_order orders[];
};

/* A place in an order: values of its first columns. */
struct deia__mem_place {
	const struct deia__mem_order *order;
	const struct deia_value *value[DEIA__MAX_ORDER];
	unsigned n;
	int if_equal; /* what a row with exactly these counts as: -1, 0, 1 */
};

/* NULL: out of memory. */
struct deia__mem_table *deia__mem_table_new(const struct deia_table *table);
void deia__mem_table_free(struct deia__mem_table *t);

/* A copy of n values; NULL: out of memory. */
struct deia__mem_row *deia__mem_row_new(const struct deia__mem_table *t,
					const struct deia_value *const *values);
void deia__mem_row_free(struct deia__mem_row *row);

/*
 * Swaps old (or NULL) for row (or NULL) in all orders. false: a unique order
 * has another such row, nothing changed.
 */
bool deia__mem_fits(const struct deia__mem_table *t,
		    const struct deia__mem_row *old,
		    const struct deia__mem_row *row);
void deia__mem_swap(struct deia__mem_table *t, struct deia__mem_row *old,
		    struct deia__mem_row *row);

/* The row with this key, or NULL. */
struct deia__mem_row *deia__mem_find(const struct deia__mem_table *t,
				     const struct deia_value *key);
/* The first row at or after the place; NULL at the end. */
struct deia__mem_row *deia__mem_seek(const struct deia__mem_place *p);
/* The last row before the place; NULL at the beginning. */
struct deia__mem_row *deia__mem_seek_back(const struct deia__mem_place *p);
/* The row after (or before) this one in the order, or NULL. */
struct deia__mem_row *deia__mem_step(const struct deia__mem_order *o,
				     const struct deia__mem_row *row,
				     bool back);
/* Sign of row - place over the place's columns. */
int deia__mem_cmp(const struct deia__mem_row *row,
		  const struct deia__mem_place *p);

#endif
