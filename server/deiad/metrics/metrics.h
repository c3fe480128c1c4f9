/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - GET /metrics: what the library and this server count, printed for
 * Prometheus. docs/metrics.md describes each; a test compares the two.
 */
#ifndef DEIAD_METRICS_H
#define DEIAD_METRICS_H

#include <deia/hive_health.h>
#include <deia/limits.h>
#include <deia/messenger.h>
#include <deia/task.h>

#include "expo.h"

struct app;
struct metrics;
struct server;

/* So many bots have series of their own, the first in order of id. */
#define METRICS_MAX_BOTS 1000

/* What a page is printed from, looked at once. */
struct metrics_view {
	struct app *app;
	struct metrics *metrics;
	struct deia_hive_status hive;
	struct deia_messenger_status mail;
	struct deia_tasks_status tasks;
	struct deia_health_summary health;
	struct deia_task_type_status types[DEIA_MAX_TASK_TYPES];
	size_t n_types;
	struct deia_hive_bot *bots; /* of this node */
	size_t n_bots;
};

/* A family. It is named even when it has no samples. */
struct metric {
	const char *name, *type, *help;
	void (*print)(struct expo *e, const struct metrics_view *v);
};
struct metric_group {
	const struct metric *metrics;
	size_t n;
};
#define METRIC_GROUP(metrics)                                                  \
	{                                                                      \
		metrics, sizeof(metrics) / sizeof(*(metrics))                  \
	}

extern const struct metric_group metrics_of_process, metrics_of_http,
	metrics_of_health, metrics_of_bots, metrics_of_tasks, metrics_of_mail,
	metrics_of_store;

/* Begins to watch the loop. False: memory ran out. */
bool metrics_begin(struct app *app);
void metrics_end(struct app *app);
/* How late the loop ran what was due. */
const struct deia_histogram *metrics_loop_delay(const struct metrics *m);

#endif
