/* SPDX-License-Identifier: MIT */
/* load.c - what is in the store at the start: types, open tasks, counts. */
#include <stdio.h>
#include <string.h>

#include "queue/queue.h"

#define PAGE 500

/* Calls fn for each row, page by page; next: what to start after. */
static deia_err each(deia_tasks *q, struct deia_page_query *page,
		     unsigned n_after, const unsigned *after_columns,
		     deia_err (*fn)(deia_tasks *q, const deia_rows *rows,
				    size_t r))
{
	struct deia_value after[2];
	deia_rows *rows = NULL, *last = NULL;
	deia_err err;
	size_t n;

	page->limit = PAGE;
	do {
		err = deia_store_page_now(q->store, page, &rows);
		deia_rows_free(last);
		last = rows;
		n = err ? 0 : deia_rows_count(rows);
		for (size_t r = 0; r < n && !err; r++)
			err = fn(q, rows, r);
		for (unsigned i = 0; n && i < n_after; i++)
			after[i] =
				*deia_rows_get(rows, n - 1, after_columns[i]);
		page->after = after;
		page->n_after = n_after;
	} while (!err && deia_rows_has_more(rows));
	deia_rows_free(last);
	page->after = NULL; /* it was of this call */
	page->n_after = 0;
	return err;
}

/* ---- types ------------------------------------------------------------- */

static deia_err load_type(deia_tasks *q, const deia_rows *rows, size_t r)
{
	struct deia__ttype *type =
		deia__ttype_add(q, deia_rows_text(rows, r, TASK_TYPE_NAME));

	if (!type)
		return DEIA_OK; /* more than there may be: forgotten */
	type->paused = deia_rows_get(rows, r, TASK_TYPE_PAUSED)->i != 0;
	type->wip_limit =
		(unsigned)deia_rows_get(rows, r, TASK_TYPE_WIP_LIMIT)->i;
	return DEIA_OK;
}

static deia_err load_types(deia_tasks *q)
{
	static const unsigned name[] = { TASK_TYPE_NAME };
	struct deia_page_query page = { .table = &deia__table_task_types,
					.index = -1 };

	if (!deia__ttypes_add_known(q))
		return DEIA_ENOMEM;
	return each(q, &page, 1, name, load_type);
}

/* ---- open tasks -------------------------------------------------------- */

static deia_err load_content(struct deia__task *t, const deia_rows *rows,
			     size_t r)
{
	const struct deia_value *head = deia_rows_get(rows, r, TASK_CONTENT);
	struct deia_value key[2] = { deia_text(t->id), deia_int(0) };
	struct deia_page_query page = deia__task_text_row(key);
	const struct deia_value *text = head;
	deia_rows *whole = NULL;
	deia_err err = DEIA_OK;

	if (t->content_bytes > DEIA_TASK_HEAD_BYTES) {
		err = deia_store_page_now(t->q->store, &page, &whole);
		if (!err && deia_rows_count(whole) == 0)
			err = DEIA_ESTORE;
		if (!err)
			text = deia_rows_get(whole, 0, TASK_TEXT_TEXT);
	}
	if (!err && text->len == t->content_bytes) {
		t->content = deia__strndup(text->s ? text->s : "", text->len);
		t->q->cached += t->content ? t->content_bytes : 0;
	}
	deia_rows_free(whole);
	return err || t->content ? err : DEIA_ENOMEM;
}

/* Its place in the order is not lost by a restart. */
static int64_t rank_of(const struct deia__task *t)
{
	deia_tasks *q = t->q;
	int64_t since = t->created > t->spec.not_before ? t->created
							: t->spec.not_before;
	int64_t age = deia__tasks_wall(q) - since;
	int64_t rank = deia__tasks_now(q) - (age > 0 ? age : 0) +
		       (int64_t)t->priority * q->opts.ageing_ms;

	return rank ? rank : 1;
}

static deia_err load_task(deia_tasks *q, const deia_rows *rows, size_t r)
{
	struct deia__task *t;
	deia_err err = DEIA_OK;

	if (!deia__task_row_is_own(q, rows, r))
		return DEIA_OK;
	t = deia__task_from_row(q, rows, r, &err);
	if (err)
		return err;
	t->rank = rank_of(t);
	err = deia__task_add(t);
	/* The next one of a series is written with the end of this one. */
	if (!err && t->spec.every_seconds)
		err = load_content(t, rows, r);
	if (err) {
		deia__task_drop(t, err);
		return err;
	}
	q->n_open++;
	return DEIA_OK;
}

/* ---- what they depend on ----------------------------------------------- */

static deia_err look_up(struct deia__task *t, const char *id)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query page = deia__task_row(&key);
	deia_rows *rows = NULL;
	deia_err err = deia_store_page_now(t->q->store, &page, &rows);

	/* One that is too old to be known ended long ago. */
	if (!err && deia_rows_count(rows) > 0 &&
	    (!t->spec.retried ||
	     deia_rows_get(rows, 0, TASK_FINISHED)->i > t->spec.retried) &&
	    strcmp(deia_rows_text(rows, 0, TASK_STATUS),
		   deia_task_status_name(DEIA_TASK_SUCCEEDED)) != 0)
		t->dep_failed = true;
	deia_rows_free(rows);
	return err;
}

static deia_err load_depends(struct deia__task *t)
{
	deia_err err = DEIA_OK;

	/* Queued ones had all they wait for, or were retried without. */
	if (t->s.status != DEIA_TASK_BLOCKED &&
	    t->s.status != DEIA_TASK_AWAITING_APPROVAL)
		return DEIA_OK;
	for (unsigned i = 0; i < t->spec.n_depends_on && !err; i++) {
		const char *id = t->spec.depends_on[i];

		err = deia__task_find(t->q, id) ? deia__dep_add(t, id)
						: look_up(t, id);
	}
	return err;
}

/* ---- counts ------------------------------------------------------------ */

static void count(const struct deia_value *group, unsigned n, int64_t count,
		  void *user)
{
	deia_tasks *q = user;
	char name[32] = "";
	int status;

	(void)n;
	if (group->len < sizeof(name))
		memcpy(name, group->s, group->len);
	status = deia_task_status_parse(name);
	if (status >= 0 && deia_task_status_is_final((deia_task_status)status))
		q->status.by_status[status] = (uint64_t)count;
}

deia_err deia__tasks_load(deia_tasks *q, char *detail, size_t detail_len)
{
	static const unsigned order[] = { TASK_FINISHED, TASK_ID };
	struct deia_value open = deia_int(0);
	struct deia_page_query page = { .table = &deia__table_tasks,
					.index = TASK_BY_PHASE,
					.equal = &open,
					.n_equal = 1 };
	struct deia__task *t, *next;
	deia_err err = load_types(q);

	if (!err)
		err = each(q, &page, 2, order, load_task);
	HASH_ITER(hh, q->tasks, t, next) {
		q->status.by_status[t->s.status]++;
		if (!err)
			err = load_depends(t);
	}
	if (!err)
		err = deia_store_count_now(q->store, &deia__table_tasks,
					   TASK_BY_STATUS, 1, count, q);
	if (err && detail)
		snprintf(detail, detail_len, "tasks cannot be read: %s",
			 deia_err_text(err));
	return err;
}

/* ---- what ran when the program ended ----------------------------------- */

static void resume(struct deia__task *t)
{
	struct deia__task_call *c = deia__call_new(deia__call_ended);

	if (!c)
		return;
	c->attempt = t->s.attempt;
	c->err = DEIA_ECANCELED;
	c->prompt_tokens = c->completion_tokens = -1;
	deia__set_text(&c->message, "deiad was ended while it ran",
		       DEIA_MAX_REASON_BYTES);
	deia__call_add(t, c);
}

void deia__tasks_resume(deia_tasks *q)
{
	struct deia__task *t, *next;

	HASH_ITER(hh, q->tasks, t, next) {
		if (t->s.status == DEIA_TASK_ASSIGNED ||
		    t->s.status == DEIA_TASK_RUNNING)
			resume(t);
		else
			deia__task_settle(t);
	}
}
