/* SPDX-License-Identifier: MIT */
/* look.c - reading tasks: one with all its text, and pages. */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "queue/queue.h"

/* ---- why it waits ------------------------------------------------------ */

static void print_capable(struct deia__buf *out, const struct deia__task *t)
{
	deia__buf_adds(out, "no bot that can have a task now has what it "
			    "needs:");
	for (unsigned i = 0; i < t->spec.n_capabilities; i++)
		deia__buf_addf(out, "%s %s", i ? "," : "",
			       t->spec.capabilities[i]);
}

static void print_pinned(struct deia__buf *out, const struct deia__task *t)
{
	struct deia_scheduler_bot_status st;

	if (deia_scheduler_bot_status(t->q->scheduler, t->pinned, &st)) {
		deia__buf_addf(out, "its bot %s is not there any more",
			       t->pinned);
		return;
	}
	deia__buf_addf(out, "its bot %s cannot have a task now", t->pinned);
	if (st.available && *st.reason)
		deia__buf_addf(out, ": %s", st.reason);
	else
		deia__buf_addf(out, "; `deia bot show %s` says why", t->pinned);
}

static void print_wait(struct deia__buf *out, const struct deia__task *t)
{
	if (t->type->paused)
		deia__buf_addf(out, "type %s is paused", t->type->name);
	else if (!deia__ttype_may_run(t->type))
		deia__buf_addf(out,
			       "%u of type %s %s under way, and no more may "
			       "be at a time",
			       t->type->active, t->type->name,
			       t->type->active == 1 ? "is" : "are");
	else if (!deia_scheduler_bot_at(t->q->scheduler, 0))
		deia__buf_adds(out, "there is no bot yet");
	else if (!deia_scheduler_has_room(t->q->scheduler))
		deia__buf_adds(out, "no bot has room for it now");
	else if (*t->waits_for)
		deia__buf_addf(out, "waits for %s", t->waits_for);
	else if (t->waits == WAITS_PINNED)
		print_pinned(out, t);
	else if (t->waits == WAITS_CAPABLE)
		print_capable(out, t);
	else if (t->waits == WAITS_ANY)
		deia__buf_adds(out, "no bot can have a task now");
}

/* Of a task that stands in a lane, what memory knows is newer. */
static void explain(struct deia__task *shown)
{
	const struct deia__task *t = deia__task_find(shown->q, shown->id);
	struct deia__buf why;

	if (!t || !t->lane || shown->s.status != DEIA_TASK_QUEUED)
		return;
	deia__buf_init(&why, DEIA_MAX_REASON_BYTES);
	print_wait(&why, t);
	if (why.len > 0 && !why.err)
		deia__set_text(&shown->s.reason, why.data, why.len);
	deia__buf_fini(&why);
}

/* ---- views of rows ----------------------------------------------------- */

static bool view_row(struct deia__task_view *v, struct deia__task *t,
		     const deia_rows *rows, size_t r)
{
	const struct deia_value *content = deia_rows_get(rows, r, TASK_CONTENT);
	const struct deia_value *result = deia_rows_get(rows, r, TASK_RESULT);

	explain(t);
	if (!deia__task_view(v, t))
		return false;
	v->task.node = deia_rows_text(rows, r, TASK_NODE);
	v->task.content = content->s ? content->s : "";
	v->task.content_len = content->len;
	if (deia_rows_get(rows, r, TASK_RESULT_BYTES)->i < 0)
		return true;
	v->task.result = result->s ? result->s : "";
	v->task.result_len = result->len;
	return true;
}

/* ---- one task ---------------------------------------------------------- */

/* texts[0], [1]: content and result where they are longer than a row's. */
struct get {
	deia_tasks *q;
	char id[DEIA__UUID_BYTES];
	deia_tasks_cb cb;
	void *user;
	char *texts[2];
	size_t lens[2];
	bool asked[2];
};

static void get_free(struct get *g)
{
	deia__free(g->texts[0]);
	deia__free(g->texts[1]);
	deia__free(g);
}

static void get_end(struct get *g, deia_err err, const struct deia_task *task)
{
	if (err)
		deia__tasks_store_error(g->q, err);
	g->cb(err, task, task ? 1 : 0, false, g->user);
	get_free(g);
}

static deia_err read_text(struct get *g, int kind);

/* True: a text must be read first. */
static bool needs_text(struct get *g, const struct deia__task *t, deia_err *err)
{
	size_t bytes[2] = { t->content_bytes, t->result_bytes };

	for (int kind = 0; kind < 2; kind++) {
		if (bytes[kind] <= DEIA_TASK_HEAD_BYTES || g->asked[kind])
			continue;
		*err = read_text(g, kind);
		return true;
	}
	return false;
}

static void answer(struct get *g, struct deia__task *t, const deia_rows *rows)
{
	struct deia__task_view v;
	deia_err err = DEIA_ENOMEM;

	if (view_row(&v, t, rows, 0)) {
		err = DEIA_OK;
		if (g->texts[0]) {
			v.task.content = g->texts[0];
			v.task.content_len = g->lens[0];
		}
		if (g->texts[1]) {
			v.task.result = g->texts[1];
			v.task.result_len = g->lens[1];
		}
	}
	get_end(g, err, err ? NULL : &v.task);
	deia__task_view_fini(&v);
}

static void on_get(deia_err err, const deia_rows *rows, void *user)
{
	struct get *g = user;
	struct deia__task *t = NULL;

	g->q->n_under_way--;
	if (!err && deia_rows_count(rows) == 0)
		err = deia__tasks_fail(g->q, DEIA_ENOTFOUND,
				       "there is no such task");
	else if (!err)
		t = deia__task_from_row(g->q, rows, 0, &err);
	if (t && needs_text(g, t, &err)) {
		deia__task_drop(t, DEIA_OK);
		if (!err)
			return;
		t = NULL;
	}
	if (!t) {
		get_end(g, err, NULL);
		return;
	}
	answer(g, t, rows);
	deia__task_drop(t, DEIA_OK);
}

static deia_err read_task(struct get *g)
{
	struct deia_value key = deia_text(g->id);
	struct deia_page_query page = deia__task_row(&key);
	deia_err err = deia_store_page(g->q->store, &page, on_get, g);

	if (!err)
		g->q->n_under_way++;
	return err;
}

/* The row is read once more after its texts, so that it is not older. */
static void on_text(deia_err err, const deia_rows *rows, void *user)
{
	struct get *g = user;
	int kind = g->asked[1] ? 1 : 0;
	const struct deia_value *text;

	g->q->n_under_way--;
	if (!err && deia_rows_count(rows) > 0) {
		text = deia_rows_get(rows, 0, TASK_TEXT_TEXT);
		g->texts[kind] = deia__strndup(text->s, text->len);
		g->lens[kind] = text->len;
		err = g->texts[kind] ? DEIA_OK : DEIA_ENOMEM;
	}
	if (!err)
		err = read_task(g);
	if (err)
		get_end(g, err, NULL);
}

static deia_err read_text(struct get *g, int kind)
{
	struct deia_value key[2] = { deia_text(g->id), deia_int(kind) };
	struct deia_page_query page = deia__task_text_row(key);
	deia_err err = deia_store_page(g->q->store, &page, on_text, g);

	if (err)
		return err;
	g->asked[kind] = true;
	g->q->n_under_way++;
	return DEIA_OK;
}

deia_err deia_tasks_get(deia_tasks *q, const char *id, deia_tasks_cb cb,
			void *user)
{
	struct get *g;
	deia_err err;

	if (!id || !deia__uuid_valid(id))
		return deia__tasks_fail(q, DEIA_ENOTFOUND,
					"there is no such task");
	g = deia__alloc(sizeof(*g));
	if (!g)
		return DEIA_ENOMEM;
	g->q = q;
	snprintf(g->id, sizeof(g->id), "%s", id);
	g->cb = cb;
	g->user = user;
	err = read_task(g);
	if (!err)
		return DEIA_OK;
	get_free(g);
	return deia__tasks_store_error(q, err);
}

/* ---- pages ------------------------------------------------------------- */

struct page {
	deia_tasks *q;
	deia_tasks_cb cb;
	void *user;
	int status;
	char *type, *bot, *submitted_by, *series;
};

static void page_free(struct page *p)
{
	deia__free(p->type);
	deia__free(p->bot);
	deia__free(p->submitted_by);
	deia__free(p->series);
	deia__free(p);
}

static bool is(const char *want, const deia_rows *rows, size_t r, unsigned c)
{
	return !want || strcmp(want, deia_rows_text(rows, r, c)) == 0;
}

/* The first of a series has none: it is one by its id. */
static bool in_series(const char *want, const deia_rows *rows, size_t r)
{
	return is(want, rows, r, TASK_SERIES) || is(want, rows, r, TASK_ID);
}

static bool fits(const struct page *p, const deia_rows *rows, size_t r)
{
	return (p->status < 0 ||
		is(deia_task_status_name((deia_task_status)p->status), rows, r,
		   TASK_STATUS)) &&
	       is(p->type, rows, r, TASK_TYPE) &&
	       is(p->bot, rows, r, TASK_BOT) &&
	       is(p->submitted_by, rows, r, TASK_SUBMITTED_BY) &&
	       in_series(p->series, rows, r);
}

/* What a page makes of its rows. */
struct shown {
	struct deia__task **tasks;
	struct deia__task_view *views;
	struct deia_task *items;
	size_t n;
};

static deia_err show(const struct page *p, const deia_rows *rows,
		     struct shown *s)
{
	size_t count = deia_rows_count(rows), r;
	deia_err err = DEIA_OK;

	s->tasks = deia__alloc((count + 1) * sizeof(*s->tasks));
	s->views = deia__alloc((count + 1) * sizeof(*s->views));
	s->items = deia__alloc((count + 1) * sizeof(*s->items));
	if (!s->tasks || !s->views || !s->items)
		return DEIA_ENOMEM;
	for (r = 0; r < count && !err; r++) {
		if (!fits(p, rows, r))
			continue;
		s->tasks[s->n] = deia__task_from_row(p->q, rows, r, &err);
		if (err)
			break;
		if (!view_row(&s->views[s->n], s->tasks[s->n], rows, r))
			err = DEIA_ENOMEM;
		s->items[s->n] = s->views[s->n].task;
		s->n++;
	}
	return err;
}

static void shown_fini(struct shown *s)
{
	for (size_t i = 0; i < s->n; i++) {
		deia__task_view_fini(&s->views[i]);
		deia__task_drop(s->tasks[i], DEIA_OK);
	}
	deia__free(s->tasks);
	deia__free(s->views);
	deia__free(s->items);
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;
	struct shown s = { 0 };
	size_t count = err ? 0 : deia_rows_count(rows);
	bool more = !err && deia_rows_has_more(rows);

	p->q->n_under_way--;
	if (!err)
		err = show(p, rows, &s);
	p->q->page_last[0] = '\0';
	if (count > 0)
		snprintf(p->q->page_last, sizeof(p->q->page_last), "%s",
			 deia_rows_text(rows, count - 1, TASK_ID));
	if (err)
		deia__tasks_store_error(p->q, err);
	p->cb(err, err ? NULL : s.items, err ? 0 : s.n, more, p->user);
	shown_fini(&s);
	page_free(p);
}

static bool copy_filter(struct page *p, const struct deia_task_query *query)
{
	p->status = query->status;
	p->type = deia__strdup(query->type);
	p->bot = deia__strdup(query->bot);
	p->submitted_by = deia__strdup(query->submitted_by);
	p->series = deia__strdup(query->series);
	return (p->type || !query->type) && (p->bot || !query->bot) &&
	       (p->submitted_by || !query->submitted_by) &&
	       (p->series || !query->series);
}

/* The index that leaves least to be filtered. */
static deia_err read_page(struct page *p, const struct deia_task_query *query)
{
	struct deia_value equal = deia_null(), after = deia_text(query->after);
	struct deia_page_query page = {
		.table = &deia__table_tasks,
		.index = -1,
		.descending = true,
		.limit = query->limit,
		.after = &after,
		.n_after = query->after ? 1 : 0,
		.equal = &equal,
		.n_equal = 1,
	};

	if (query->bot) {
		page.index = TASK_BY_BOT;
		equal = deia_text(query->bot);
	} else if (query->status >= 0) {
		page.index = TASK_BY_STATUS;
		equal = deia_text(
			deia_task_status_name((deia_task_status)query->status));
	} else if (query->type) {
		page.index = TASK_BY_TYPE;
		equal = deia_text(query->type);
	} else {
		page.n_equal = 0;
	}
	return deia_store_page(p->q->store, &page, on_page, p);
}

deia_err deia_tasks_page(deia_tasks *q, const struct deia_task_query *query,
			 deia_tasks_cb cb, void *user)
{
	struct page *p;
	deia_err err = DEIA_ENOMEM;

	if (!query || query->limit < 1 || query->limit > DEIA_MAX_PAGE_LEN ||
	    query->status >= DEIA_TASK_STATUSES)
		return deia__tasks_fail(q, DEIA_EINVAL,
					"limit must be from 1 to %u",
					DEIA_MAX_PAGE_LEN);
	if (query->after && !deia__uuid_valid(query->after))
		return deia__tasks_fail(
			q, DEIA_EINVAL,
			"a page goes on after the id of a task");
	p = deia__alloc(sizeof(*p));
	if (!p)
		return DEIA_ENOMEM;
	p->q = q;
	p->cb = cb;
	p->user = user;
	if (copy_filter(p, query))
		err = read_page(p, query);
	if (!err) {
		q->n_under_way++;
		return DEIA_OK;
	}
	page_free(p);
	return deia__tasks_store_error(q, err);
}

const char *deia_tasks_page_last(const deia_tasks *q)
{
	return q->page_last;
}
