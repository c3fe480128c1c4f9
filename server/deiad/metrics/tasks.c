/* SPDX-License-Identifier: MIT */
/* tasks.c - tasks by status and type, and how they are given to bots. */
#include "metrics.h"

#include <time.h>
#include <deia/scheduling.h>

#include "../app.h"

static void by_status(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_TASK_STATUSES; i++)
		expo_uint(e,
			  LABELS({ "status", deia_task_status_name(
						     (deia_task_status)i) }),
			  v->tasks.by_status[i]);
}

static void by_type(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_types; i++) {
		const struct deia_task_type_status *t = &v->types[i];

		expo_uint(e, LABELS({ "type", t->name }, { "state", "queued" }),
			  t->queued);
		expo_uint(e, LABELS({ "type", t->name }, { "state", "active" }),
			  t->active);
	}
}

static void oldest(struct expo *e, const struct metrics_view *v)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < v->n_types; i++) {
		int64_t since_ms = v->types[i].oldest_unix_ms;
		int64_t age_ms = (int64_t)now.tv_sec * 1000 +
				 now.tv_nsec / 1000000 - since_ms;

		expo_micros(e, LABELS({ "type", v->types[i].name }),
			    since_ms ? age_ms * 1000 : 0);
	}
}

static void finished(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_types * DEIA_TASK_STATUSES; i++) {
		const struct deia_task_type_status *t =
			&v->types[i / DEIA_TASK_STATUSES];
		deia_task_status s = (deia_task_status)(i % DEIA_TASK_STATUSES);

		if (deia_task_status_is_final(s))
			expo_uint(
				e,
				LABELS({ "type", t->name },
				       { "status", deia_task_status_name(s) }),
				t->ended[s]);
	}
}

static void waits(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_types; i++)
		if (deia_histogram_count(&v->types[i].waits))
			expo_histogram(e, LABELS({ "type", v->types[i].name }),
				       &v->types[i].waits);
}

static void routing(struct expo *e, const struct metrics_view *v)
{
	struct deia_scheduler_counts c;

	deia_scheduler_get_counts(deia_hive_get_scheduler(v->app->hive), &c);
	expo_uint(e, LABELS({ "decision", "start" }), c.started);
	expo_uint(e, LABELS({ "decision", "wait" }), c.waits);
	expo_uint(e, LABELS({ "decision", "nobody" }), c.nobody);
}

static void probes(struct expo *e, const struct metrics_view *v)
{
	struct deia_scheduler_counts c;

	deia_scheduler_get_counts(deia_hive_get_scheduler(v->app->hive), &c);
	expo_uint(e, NO_LABELS, c.probes);
}

static void submitted(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->tasks.submitted);
}

static void attempts(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->tasks.attempts);
}

static void retries(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS, v->tasks.retries);
}

static const struct metric metrics[] = {
	{ "deia_tasks", "gauge",
	  "Tasks by status: open ones of this node, finished ones that are "
	  "kept.",
	  by_status },
	{ "deia_tasks_by_type", "gauge",
	  "Open tasks of each type: queued, and active (assigned or running).",
	  by_type },
	{ "deia_tasks_submitted_total", "counter", "Tasks that were submitted.",
	  submitted },
	{ "deia_task_attempts_total", "counter",
	  "Attempts that were given to a bot.", attempts },
	{ "deia_task_retries_total", "counter",
	  "Attempts that failed, with another to follow.", retries },
	{ "deia_tasks_finished_total", "counter",
	  "Tasks that ended, by type and status.", finished },
	{ "deia_task_queue_wait_seconds", "histogram",
	  "How long tasks were queued before their first attempt.", waits },
	{ "deia_task_queue_oldest_seconds", "gauge",
	  "How long the oldest queued task of a type has waited.", oldest },
	{ "deia_routing_decisions_total", "counter",
	  "What the scheduler decided for a task that it looked at.", routing },
	{ "deia_routing_probes_total", "counter",
	  "Tasks that were given to a paused bot to see if it recovered.",
	  probes },
};
const struct metric_group metrics_of_tasks = METRIC_GROUP(metrics);
