/* SPDX-License-Identifier: MIT */
/*
 * queues.c - tasks by their type: how many wait, pausing, limits.
 */
#include "tasks.h"

#include <string.h>

#include "../http/reply.h"
#include "routes.h"

#define MAX_WIP 10000

static void print_queue(struct deia_jw *w,
			const struct deia_task_type_status *q)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", q->name);
	deia_jw_kbool(w, "paused", q->paused);
	deia_jw_kint(w, "wip_limit", q->wip_limit);
	deia_jw_kint(w, "queued", q->queued);
	deia_jw_kint(w, "active", q->active);
	deia_jw_ktime(w, "oldest_at", q->oldest_unix_ms);
	deia_jw_end_object(w);
}

void route_queues(struct rq *rq)
{
	const deia_tasks *tasks = deia_hive_tasks(rq->srv->hive);
	struct deia_task_type_status q;
	struct deia_jw w;

	list_begin(&w);
	for (size_t i = 0; deia_tasks_type_at(tasks, i, &q); i++)
		print_queue(&w, &q);
	list_send(rq, &w, NULL);
}

/* The type that the path names; false: answered. */
static bool find(struct rq *rq, struct deia_task_type_status *q)
{
	const deia_tasks *tasks = deia_hive_tasks(rq->srv->hive);

	for (size_t i = 0; deia_tasks_type_at(tasks, i, q); i++)
		if (strcmp(q->name, rq->param[0]) == 0)
			return true;
	rq_fail_with(rq, DEIA_ENOTFOUND,
		     "There is no such type of tasks; `deia task types` lists "
		     "them.");
	return false;
}

static void changed(deia_err err, void *user)
{
	struct rq *rq = user;
	struct deia_task_type_status q;
	struct deia_jw w;

	if (err) {
		rq_fail(rq, err);
	} else if (find(rq, &q)) {
		deia_jw_init(&w);
		print_queue(&w, &q);
		rq_send_json(rq, 200, &w);
	}
	rq_drop(rq);
}

static void change(struct rq *rq, const struct deia_task_type_status *q)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_task_set_type(rq->srv->hive, &rq->actor,
					     rq->param[0], q->paused,
					     q->wip_limit, changed, rq));
}

void route_queue_put(struct rq *rq)
{
	static const struct field fields[] = {
		{ "paused", FIELD_BOOL, false, 0, 0 },
		{ "wip_limit", FIELD_INT, false, 0, MAX_WIP },
	};
	struct deia_task_type_status q;

	if (!BODY_FIELDS(rq, fields) || !find(rq, &q))
		return;
	q.paused = body_bool(rq, "paused", q.paused);
	q.wip_limit = (unsigned)body_int(rq, "wip_limit", q.wip_limit);
	change(rq, &q);
}

static void set_paused(struct rq *rq, bool paused)
{
	struct deia_task_type_status q;

	if (!body_fields(rq, NULL, 0) || !find(rq, &q))
		return;
	q.paused = paused;
	change(rq, &q);
}

void route_queue_pause(struct rq *rq)
{
	set_paused(rq, true);
}

void route_queue_resume(struct rq *rq)
{
	set_paused(rq, false);
}
