/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - looking at tasks: one, lists of them, how many there are.
 */
#include "tasks.h"

#include "../http/reply.h"
#include "routes.h"

/* ---- shared ------------------------------------------------------------ */

/* The longest beginning of text that is whole UTF-8 and fits. */
static size_t head_len(const char *text, size_t len)
{
	if (!text || len <= DEIA_TASK_HEAD_BYTES)
		return len;
	len = DEIA_TASK_HEAD_BYTES;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

struct deia_task task_head(const struct deia_task *t)
{
	struct deia_task head = *t;

	head.content_len = head_len(t->content, t->content_len);
	head.result_len = head_len(t->result, t->result_len);
	return head;
}

void task_one(deia_err err, const struct deia_task *items, size_t n, bool more,
	      void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	(void)more;
	if (err || n == 0) {
		rq_fail(rq, err ? err : DEIA_ENOTFOUND);
	} else {
		deia_jw_init(&w);
		deia_task_print(items, &w);
		rq_send_json(rq, 200, &w);
	}
	rq_drop(rq);
}

bool task_status_read(struct rq *rq, const char *name, const char *place,
		      int *status)
{
	*status = name ? deia_task_status_parse(name) : -1;
	if (!name || *status >= 0)
		return true;
	rq_bad_field(rq, place,
		     "expected blocked, awaiting_approval, queued, assigned, "
		     "running, succeeded, failed, cancelled or timed_out");
	return false;
}

/* ---- routes ------------------------------------------------------------ */

void route_task_get(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_task_get(rq->srv->hive, &rq->actor, rq->param[0],
					task_one, rq));
}

static void page(deia_err err, const struct deia_task *items, size_t n,
		 bool more, void *user)
{
	struct rq *rq = user;
	const deia_tasks *tasks = deia_hive_tasks(rq->srv->hive);
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		deia_task_print(&items[i], &w);
	/* Not the last item: a page may leave some out. */
	list_send(rq, &w, more ? deia_tasks_page_last(tasks) : NULL);
	rq_drop(rq);
}

void route_tasks_list(struct rq *rq)
{
	struct deia_task_query q = DEIA_TASK_QUERY_INIT;

	if (!task_status_read(rq, rq_query(rq, "status"), "?status",
			      &q.status) ||
	    !query_limit(rq, &q.limit))
		return;
	q.type = rq_query(rq, "type");
	q.bot = rq_query(rq, "bot");
	q.submitted_by = rq_query(rq, "submitted_by");
	q.series = rq_query(rq, "series");
	q.after = rq_query(rq, "cursor");
	rq_hold(rq);
	rq_begun(rq,
		 deia_hive_task_page(rq->srv->hive, &rq->actor, &q, page, rq));
}

void route_tasks_status(struct rq *rq)
{
	struct deia_tasks_status s;
	struct deia_jw w;

	deia_tasks_get_status(deia_hive_tasks(rq->srv->hive), &s);
	deia_jw_init(&w);
	deia_jw_object(&w);
	for (int i = 0; i < DEIA_TASK_STATUSES; i++)
		deia_jw_kint(&w, deia_task_status_name((deia_task_status)i),
			     (int64_t)s.by_status[i]);
	deia_jw_key(&w, "since_start");
	deia_jw_object(&w);
	deia_jw_kint(&w, "submitted", (int64_t)s.submitted);
	deia_jw_kint(&w, "attempts", (int64_t)s.attempts);
	deia_jw_kint(&w, "retries", (int64_t)s.retries);
	deia_jw_end_object(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}
