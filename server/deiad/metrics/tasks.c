/* SPDX-License-Identifier: MIT */
/* tasks.c - tasks by status and type, and how they are given to bots. */
#include "metrics.h"

#include <deia/hive_task.h>
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
	const deia_tasks *tasks = deia_hive_tasks(v->app->hive);
	struct deia_task_type_status t;

	for (size_t i = 0; deia_tasks_type_at(tasks, i, &t); i++) {
		expo_uint(e, LABELS({ "type", t.name }, { "state", "queued" }),
			  t.queued);
		expo_uint(e, LABELS({ "type", t.name }, { "state", "active" }),
			  t.active);
	}
}

static void finished(struct expo *e, const struct metrics_view *v)
{
	const deia_tasks *tasks = deia_hive_tasks(v->app->hive);
	struct deia_task_type_status t;

	for (size_t i = 0; deia_tasks_type_at(tasks, i, &t); i++)
		for (int s = 0; s < DEIA_TASK_STATUSES; s++) {
			deia_task_status status = (deia_task_status)s;

			if (deia_task_status_is_final(status))
				expo_uint(e,
					  LABELS({ "type", t.name },
						 { "status",
						   deia_task_status_name(
							   status) }),
					  t.ended[s]);
		}
}

static void waits(struct expo *e, const struct metrics_view *v)
{
	const deia_tasks *tasks = deia_hive_tasks(v->app->hive);
	struct deia_task_type_status t;

	for (size_t i = 0; deia_tasks_type_at(tasks, i, &t); i++)
		if (deia_histogram_count(&t.waits))
			expo_histogram(e, LABELS({ "type", t.name }), &t.waits);
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
	{ "deia_routing_decisions_total", "counter",
	  "What the scheduler decided for a task that it looked at.", routing },
	{ "deia_routing_probes_total", "counter",
	  "Tasks that were given to a paused bot to see if it recovered.",
	  probes },
};
const struct metric_group metrics_of_tasks = METRIC_GROUP(metrics);
