/* SPDX-License-Identifier: MIT */
/* tasks.c - tasks by status and type, and how they are given to bots. */
#include "metrics.h"

#include <deia/hive_task.h>

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
};
const struct metric_group metrics_of_tasks = METRIC_GROUP(metrics);
