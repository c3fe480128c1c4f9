/* SPDX-License-Identifier: MIT */
/*
 * copy.h - a whole store copied into another: the inside of
 * deia_migrate_copy, on two open backends and without their threads.
 */
#ifndef DEIA_STORE_COPY_H
#define DEIA_STORE_COPY_H

#include <deia/migrate.h>

#include "store/backend.h"

/* A store without its front: one caller, everything blocks. */
struct deia__end {
	const struct deia__store_backend *backend;
	void *self;
};

struct deia__copy {
	struct deia__end from, to;
	struct deia_copy_opts opts;
	struct deia_copy_report *report;
	struct deia__errmsg *msg;
	char source[80];  /* the id of `from` */
	char seqs[400];	  /* the last numbers of its sequences */
	size_t at;	  /* the table that is copied, of deia__tables */
	char after[4096]; /* the last key of it that is copied, "": none */
};

/* Copies and compares; the codes of deia_migrate_copy. */
deia_err deia__copy_run(struct deia__copy *c);

/* ---- copy_compare.c ---------------------------------------------------- */

/* Fills c->report->tables. DEIA_OK, DEIA_ECONFLICT: the sides differ. */
deia_err deia__copy_compare(struct deia__copy *c);

/* ---- shared ------------------------------------------------------------ */

/* Whether a table is copied: all but what a store says of itself. */
bool deia__copy_has(const struct deia_table *table);
/* A page by the key, behind the key of row `last` of `before` (NULL: from the
 * start). *out is the caller's. */
deia_err deia__end_page(const struct deia__end *e,
			const struct deia_table *table,
			const struct deia_value *after, unsigned limit,
			deia_rows **out, struct deia__errmsg *msg);

/* DEIA_ESTATE when a copy was begun into this store and not ended. */
deia_err deia__store_check_whole(deia_store *store, struct deia__errmsg *msg);

#endif
