/* SPDX-License-Identifier: MIT */
/* task.c - a task in memory, and as others see it. */
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "queue/queue.h"

/* ---- strings ----------------------------------------------------------- */

void deia__set_text(char **to, const char *s, size_t max)
{
	size_t len = s ? strnlen(s, max) : 0;

	deia__free(*to);
	*to = len ? deia__strndup(s, deia__utf8_whole(s, len)) : NULL;
}

void deia__state_fini(struct deia__task_state *s)
{
	deia__free(s->error_code);
	deia__free(s->error);
	deia__free(s->reason);
	deia__free(s->verdict_by);
	deia__free(s->verdict_note);
	s->error_code = s->error = s->reason = NULL;
	s->verdict_by = s->verdict_note = NULL;
}

static bool copy(char **to, const char *from)
{
	*to = deia__strdup(from);
	return *to || !from;
}

bool deia__state_copy(struct deia__task_state *to,
		      const struct deia__task_state *from)
{
	*to = *from;
	to->error_code = to->error = to->reason = NULL;
	to->verdict_by = to->verdict_note = NULL;
	if (copy(&to->error_code, from->error_code) &&
	    copy(&to->error, from->error) && copy(&to->reason, from->reason) &&
	    copy(&to->verdict_by, from->verdict_by) &&
	    copy(&to->verdict_note, from->verdict_note))
		return true;
	deia__state_fini(to);
	return false;
}

/* ---- life -------------------------------------------------------------- */

struct deia__task *deia__task_new(deia_tasks *q, const char *id)
{
	struct deia__task *t = deia__alloc(sizeof(*t));

	if (!t)
		return NULL;
	t->q = q;
	memcpy(t->id, id, DEIA__UUID_BYTES - 1);
	t->s.verdict = -1;
	t->timer.fn = deia__timer_fired;
	t->timer.arg = t;
	STAILQ_INIT(&t->calls);
	return t;
}

deia_err deia__task_add(struct deia__task *t)
{
	/* So that none is ever left alone because its timer could not be set.
	 */
	if (deia__timers_reserve(t->q->timers, HASH_COUNT(t->q->tasks) + 1 +
						       DEIA__QUEUE_TIMERS))
		return DEIA_ENOMEM;
	HASH_ADD_STR(t->q->tasks, id, t);
	return t->hh.tbl ? DEIA_OK : DEIA_ENOMEM;
}

struct deia__task *deia__task_find(const deia_tasks *q, const char *id)
{
	struct deia__task *t;

	HASH_FIND_STR(q->tasks, id, t);
	return t;
}

void deia__task_drop(struct deia__task *t, deia_err err)
{
	struct deia__task_call *c;

	while ((c = STAILQ_FIRST(&t->calls))) {
		STAILQ_REMOVE_HEAD(&t->calls, link);
		deia__call_fail(c, err);
	}
	deia__run_over(t);
	deia__lane_leave(t);
	deia__deps_leave(t);
	deia__free(t->deps);
	if (t->ready)
		TAILQ_REMOVE(&t->q->ready, t, in_ready);
	deia__call_free(t->end);
	deia__call_free(t->checking);
	deia__timer_clear(t->q->timers, &t->timer);
	deia__task_uncache(t);
	if (t->hh.tbl)
		HASH_DEL(t->q->tasks, t);
	deia__spec_fini(&t->spec);
	deia__state_fini(&t->s);
	deia__attempts_free(t);
	deia__free(t->pinned);
	deia__free(t->submitted_by);
	deia__free(t->series);
	deia__free(t);
}

/* ---- contents ---------------------------------------------------------- */

void deia__task_cache(struct deia__task *t, const char *content, size_t len)
{
	if (t->content || t->q->cached + len > t->q->opts.cache_bytes)
		return;
	t->content = deia__strndup(content, len);
	if (t->content)
		t->q->cached += t->content_bytes;
}

void deia__task_uncache(struct deia__task *t)
{
	if (!t->content)
		return;
	deia__free(t->content);
	t->content = NULL;
	t->q->cached -= t->content_bytes;
}

/* ---- views ------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void view_spec(struct deia_task *v, const struct deia__task_spec *s)
{
	v->every_seconds = s->every_seconds;
	v->approval = s->approval;
	v->budget = s->budget;
	v->complexity = s->complexity;
	v->estimated_seconds = s->estimated_seconds;
	v->capabilities = (const char *const *)s->capabilities;
	v->n_capabilities = s->n_capabilities;
	v->depends_on = (const char *const *)s->depends_on;
	v->n_depends_on = s->n_depends_on;
	v->expect = or_empty(s->expect);
	v->check = or_empty(s->check);
	v->traceparent = or_empty(s->traceparent);
}

static void view_state(struct deia_task *v, const struct deia__task_state *s)
{
	v->status = s->status;
	v->bot = s->bot;
	v->reason = or_empty(s->reason);
	v->error_code = or_empty(s->error_code);
	v->error = or_empty(s->error);
	v->attempt = s->attempt;
	v->excused = s->excused;
	v->started_unix_ms = s->started;
	v->finished_unix_ms = s->finished;
	v->due_unix_ms = s->due;
	v->verdict = s->verdict;
	v->verdict_by = or_empty(s->verdict_by);
	v->verdict_note = or_empty(s->verdict_note);
	v->verdict_unix_ms = s->verdict_at;
	v->prompt_tokens = s->prompt_tokens;
	v->completion_tokens = s->completion_tokens;
}

static bool view_attempts(struct deia__task_view *v, const struct deia__task *t)
{
	const struct deia__attempt *last;

	if (t->n_attempts == 0)
		return true;
	last = &t->attempts[t->n_attempts - 1];
	v->task.used_tokens = last->spent.tokens;
	v->task.used_messages = last->spent.messages;
	v->task.used_seconds = (double)last->spent.ms / 1000;
	v->attempts = deia__alloc(t->n_attempts * sizeof(*v->attempts));
	if (!v->attempts)
		return false;
	for (unsigned i = 0; i < t->n_attempts; i++) {
		const struct deia__attempt *a = &t->attempts[i];

		v->attempts[i] = (struct deia_task_attempt){
			a->number,   a->bot,	 a->started,
			a->finished, a->outcome, or_empty(a->error),
			a->seconds,
		};
	}
	v->task.attempts = v->attempts;
	v->task.n_attempts = t->n_attempts;
	return true;
}

/* Why it is not done yet, where nothing else was said. */
static void view_why(struct deia__task_view *v, const struct deia__task *t)
{
	char when[25];

	if (*v->task.reason)
		return;
	if (t->s.status == DEIA_TASK_AWAITING_APPROVAL) {
		snprintf(v->why, sizeof(v->why), "waits for approval");
	} else if (t->s.status != DEIA_TASK_BLOCKED) {
		return;
	} else if (t->s.due > deia__tasks_wall(t->q)) {
		deia__time_print(when, t->s.due);
		snprintf(v->why, sizeof(v->why), "not before %s", when);
	} else if (t->spec.n_depends_on > 0) {
		snprintf(v->why, sizeof(v->why),
			 "waits for what it depends on");
	}
	v->task.reason = v->why;
}

bool deia__task_view(struct deia__task_view *v, const struct deia__task *t)
{
	memset(v, 0, sizeof(*v));
	v->task.id = t->id;
	v->task.type = t->type ? t->type->name : "";
	v->task.priority = t->priority;
	v->task.pinned = or_empty(t->pinned);
	v->task.node = t->q->node;
	v->task.submitted_by = or_empty(t->submitted_by);
	v->task.series = or_empty(t->series);
	v->task.content_bytes = t->content_bytes;
	v->task.result_bytes = t->result_bytes;
	v->task.max_attempts = t->max_attempts;
	v->task.created_unix_ms = t->created;
	v->task.deadline_unix_ms = t->s.deadline;
	v->task.timeout_seconds = t->timeout_seconds;
	view_spec(&v->task, &t->spec);
	view_state(&v->task, &t->s);
	view_why(v, t);
	return view_attempts(v, t);
}

void deia__task_view_fini(struct deia__task_view *v)
{
	deia__free(v->attempts);
	v->attempts = NULL;
}

void deia__task_moved(struct deia__task *t, deia_task_event event)
{
	struct deia__task_view v;

	if (!t->q->opts.moved)
		return;
	if (deia__task_view(&v, t))
		t->q->opts.moved(event, &v.task, t->q->opts.user);
	deia__task_view_fini(&v);
}
