/* SPDX-License-Identifier: MIT */
/* timeline.c - how the hive was: what the health monitor remembers. */
#include <deia/hive_health.h>

#include <math.h>
#include <stdlib.h>

#include "../http/reply.h"
#include "routes.h"

#define MAX_HOURS 720
/* An hour in points of a second, the shortest there are; 24 hours of minutes
 * and 30 days of quarters are fewer. */
#define MAX_POINTS 3601

static void print_metrics(struct deia_jw *w, const deia_health *h)
{
	const char *name;

	deia_jw_key(w, "metrics");
	deia_jw_array(w);
	for (size_t i = 0; (name = deia_health_kept_metric(h, i)) != NULL; i++)
		deia_jw_str(w, name);
	deia_jw_end_array(w);
}

/* In the order of "metrics". */
static void print_values(struct deia_jw *w, const deia_health *h,
			 const char *key, const double *values)
{
	deia_jw_key(w, key);
	deia_jw_array(w);
	for (size_t i = 0; deia_health_kept_metric(h, i); i++)
		deia_jw_num(w, values[i]);
	deia_jw_end_array(w);
}

static void print_point(struct deia_jw *w, const deia_health *h,
			const struct deia_health_point *p)
{
	deia_jw_object(w);
	deia_jw_ktime(w, "at", p->at_unix_ms);
	deia_jw_kint(w, "seconds", p->seconds);
	deia_jw_kstr(w, "status", deia_health_status_name(p->status));
	deia_jw_kint(w, "score", p->score);
	deia_jw_kint(w, "firing", p->firing);
	print_values(w, h, "mean", p->mean);
	print_values(w, h, "max", p->max);
	deia_jw_end_object(w);
}

void route_timeline(struct rq *rq)
{
	const deia_health *h = deia_hive_health(rq->srv->hive);
	struct deia_health_point *points;
	struct deia_jw w;
	int64_t hours;
	size_t n;

	if (!query_int(rq, "hours", 1, MAX_HOURS, 1, &hours))
		return;
	points = malloc(MAX_POINTS * sizeof(*points));
	if (!points) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	n = deia_health_timeline(h, (double)hours, points, MAX_POINTS);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kint(&w, "hours", hours);
	print_metrics(&w, h);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++)
		print_point(&w, h, &points[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	free(points);
	rq_send_json(rq, 200, &w);
}
