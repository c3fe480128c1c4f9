/* SPDX-License-Identifier: MIT */
/*
 * health.c - what the health monitor says: the same status, score and counts as
 * GET /api/v1/health.
 */
#include "metrics.h"

#include <deia/hive_checks.h>

#include "../app.h"

static void status(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->health.status);
}

static void score(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->health.score);
}

static void alerts(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_HEALTH_LEVELS; i++)
		expo_uint(e,
			  LABELS({ "level", deia_health_level_name(
						    (deia_health_level)i) }),
			  v->health.firing[i]);
}

static void acknowledged(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->health.acknowledged);
}

static void silenced(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->health.silenced);
}

static void checks(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_CHECKS; i++) {
		const struct deia_check_result *r =
			deia_hive_check_get(v->app->hive, (deia_check)i);

		if (r->status)
			expo_uint(e,
				  LABELS({ "check",
					   deia_check_name((deia_check)i) }),
				  r->status - DEIA_CHECK_PASS);
	}
}

/* Receivers are 16 at most. */
static void notifications(struct expo *e, const struct metrics_view *v)
{
	const deia_notify *n = deia_hive_notify(v->app->hive);
	struct deia_notify_status s;

	for (size_t i = 0; n && deia_notify_get_status(n, i, &s); i++)
		for (int k = 0; k < DEIA_NOTIFY_OUTCOMES; k++)
			expo_uint(
				e,
				LABELS({ "receiver", s.name },
				       { "outcome",
					 deia_notify_outcome_name((
						 enum deia_notify_outcome)k) }),
				s.outcomes[k]);
}

static void waiting(struct expo *e, const struct metrics_view *v)
{
	const deia_notify *n = deia_hive_notify(v->app->hive);
	struct deia_notify_status s;

	for (size_t i = 0; n && deia_notify_get_status(n, i, &s); i++)
		expo_uint(e, LABELS({ "receiver", s.name }), s.waiting);
}

static const struct metric metrics[] = {
	{ "deia_health_status", "gauge", "0 HEALTHY, 1 DEGRADED, 2 CRITICAL.",
	  status },
	{ "deia_health_score", "gauge",
	  "100 less what each alert that fires takes.", score },
	{ "deia_alerts", "gauge", "Alerts that fire, by level.", alerts },
	{ "deia_alerts_acknowledged", "gauge",
	  "Alerts that fire and that somebody has seen.", acknowledged },
	{ "deia_alerts_silenced", "gauge",
	  "Alerts that fire and of which nobody is told.", silenced },
	{ "deia_check_status", "gauge",
	  "The latest run of a health check: 0 pass, 1 warn, 2 fail.", checks },
	{ "deia_alert_notifications_total", "counter",
	  "What became of messages about alerts.", notifications },
	{ "deia_alert_notifications_waiting", "gauge",
	  "Alerts of which a receiver is still to be told.", waiting },
};
const struct metric_group metrics_of_health = METRIC_GROUP(metrics);
