/* SPDX-License-Identifier: MIT */
/* tasks.h - what the routes of tasks share. */
#ifndef DEIAD_ROUTES_TASKS_H
#define DEIAD_ROUTES_TASKS_H

#include <deia/hive_task.h>

#include "../http/rq.h"

/*
 * A task whose content and result are no longer than in lists. Borrows from t.
 */
struct deia_task task_head(const struct deia_task *t);
/* deia_tasks_cb: 200 with the one task, or what went wrong. user: the request,
 * held. */
void task_one(deia_err err, const struct deia_task *items, size_t n, bool more,
	      void *user);
/* "queued" as a status; -1 when name is NULL; false: answered, at place. */
bool task_status_read(struct rq *rq, const char *name, const char *place,
		      int *status);

#endif
