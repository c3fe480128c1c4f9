/* SPDX-License-Identifier: MIT */
/* counts.c - see counts.h. */
#include "counts.h"

#include <stdlib.h>

#include "reply.h"

enum { UNMATCHED, MALFORMED, EXTRA };
static const char *const extra_names[EXTRA] = { "unmatched", "malformed" };

struct counts {
	const struct route *routes;
	size_t n_routes;
	struct route_counts items[]; /* of the routes, then of the extras */
};

struct counts *counts_new(const struct route *routes, size_t n)
{
	struct counts *c =
		calloc(1, sizeof(*c) + (n + EXTRA) * sizeof(c->items[0]));

	if (!c)
		return NULL;
	c->routes = routes;
	c->n_routes = n;
	for (size_t i = 0; i < n + EXTRA; i++)
		deia_histogram_init(&c->items[i].times, DEIA_SCALE_FAST);
	return c;
}

void counts_free(struct counts *c)
{
	free(c);
}

static void add(struct route_counts *r, int status, int64_t us)
{
	int i = status_index(status);

	if (i >= 0 && i < COUNTS_STATUSES)
		r->by_status[i]++;
	if (us >= 0)
		deia_histogram_add(&r->times, us);
}

void counts_add(struct counts *c, const struct route *route, int status,
		int64_t us)
{
	size_t i = route ? (size_t)(route - c->routes) : c->n_routes;

	add(&c->items[i], status, us);
}

void counts_add_malformed(struct counts *c, int status)
{
	add(&c->items[c->n_routes + MALFORMED], status, -1);
}

const struct route_counts *counts_at(const struct counts *c, size_t n,
				     const char **method, const char **pattern)
{
	if (n >= c->n_routes + EXTRA)
		return NULL;
	*method = n < c->n_routes ? c->routes[n].method : "any";
	*pattern = n < c->n_routes ? c->routes[n].pattern
				   : extra_names[n - c->n_routes];
	return &c->items[n];
}
