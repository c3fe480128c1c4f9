/* SPDX-License-Identifier: MIT */
/*
 * http.c - requests by route. A route is its pattern in the table, so that no
 * client makes series; one that was never asked for has none.
 */
#include "metrics.h"

#include <stdio.h>

#include "../app.h"
#include "../http/counts.h"
#include "../http/reply.h"

static void print_statuses(struct expo *e, const struct route_counts *r,
			   const char *method, const char *pattern)
{
	char code[8];

	for (size_t i = 0; status_at(i); i++) {
		if (!r->by_status[i])
			continue;
		snprintf(code, sizeof(code), "%d", status_at(i));
		expo_uint(e,
			  LABELS({ "method", method }, { "route", pattern },
				 { "code", code }),
			  r->by_status[i]);
	}
}

static void requests(struct expo *e, const struct metrics_view *v)
{
	const struct counts *c = v->app->http.counts;
	const char *method, *pattern;
	const struct route_counts *r;

	for (size_t i = 0; (r = counts_at(c, i, &method, &pattern)); i++)
		print_statuses(e, r, method, pattern);
}

static void durations(struct expo *e, const struct metrics_view *v)
{
	const struct counts *c = v->app->http.counts;
	const char *method, *pattern;
	const struct route_counts *r;

	for (size_t i = 0; (r = counts_at(c, i, &method, &pattern)); i++)
		if (deia_histogram_count(&r->times))
			expo_histogram(e,
				       LABELS({ "method", method },
					      { "route", pattern }),
				       &r->times);
}

static void active(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->app->http.active);
}

static void connections(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->app->http.n_conns);
}

static const struct metric metrics[] = {
	{ "deia_http_requests_total", "counter",
	  "Requests that ended, by route and status code.", requests },
	{ "deia_http_request_duration_seconds", "histogram",
	  "From a whole request to its sent answer; without streams.",
	  durations },
	{ "deia_http_requests_active", "gauge",
	  "Requests under way, streams too.", active },
	{ "deia_http_connections", "gauge", "Connections of clients.",
	  connections },
};
const struct metric_group metrics_of_http = METRIC_GROUP(metrics);
