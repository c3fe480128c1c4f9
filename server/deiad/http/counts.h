/* SPDX-License-Identifier: MIT */
/*
 * counts.h - how many requests each route had, how they ended, how long they
 * took. The routes are those of the table, so what is kept is bounded whatever
 * is asked for.
 */
#ifndef DEIAD_COUNTS_H
#define DEIAD_COUNTS_H

#include <stddef.h>
#include <stdint.h>
#include <deia/histogram.h>

#include "router.h"

struct counts;

#define COUNTS_STATUSES 40 /* of reply.c's table, at most */

struct route_counts {
	uint64_t by_status[COUNTS_STATUSES]; /* as of status_at */
	struct deia_histogram times;	     /* those that were no streams */
};

/* For n routes; NULL: memory ran out. */
struct counts *counts_new(const struct route *routes, size_t n);
void counts_free(struct counts *c);
/* A request ended. route NULL: there was none for it. us < 0: no duration. */
void counts_add(struct counts *c, const struct route *route, int status,
		int64_t us);
/* One whose head or body was refused before a route was looked for. */
void counts_add_malformed(struct counts *c, int status);
/*
 * The n-th of what is counted, with its method and pattern; NULL: there are not
 * so many. The last two are those without a route, "unmatched" and "malformed",
 * with the method "any".
 */
const struct route_counts *counts_at(const struct counts *c, size_t n,
				     const char **method, const char **pattern);

#endif
