/* SPDX-License-Identifier: MIT */
/*
 * task_print.c - a task as the JSON object that API and events show.
 *
 * A text that there is none of is null, never "".
 */
#include "hive/hive.h"

#include <deia/hive_task.h>
#include <deia/messenger.h>

static void kstr_or_null(deia_jw *w, const char *key, const char *s)
{
	deia_jw_kstr(w, key, s && *s ? s : NULL);
}

static void kint_or_null(deia_jw *w, const char *key, int64_t v, bool is_null)
{
	deia_jw_key(w, key);
	if (is_null)
		deia_jw_null(w);
	else
		deia_jw_int(w, v);
}

static void print_list(deia_jw *w, const char *key, const char *const *list,
		       size_t n)
{
	deia_jw_key(w, key);
	deia_jw_array(w);
	for (size_t i = 0; i < n; i++)
		deia_jw_str(w, list[i]);
	deia_jw_end_array(w);
}

static void print_texts(deia_jw *w, const struct deia_task *t)
{
	deia_jw_key(w, "content");
	deia_jw_strn(w, t->content ? t->content : "", t->content_len);
	deia_jw_kint(w, "content_bytes", (int64_t)t->content_bytes);
	deia_jw_kbool(w, "content_truncated",
		      t->content_len < t->content_bytes);
	deia_jw_key(w, "result");
	if (!t->result) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_key(w, "text");
	deia_jw_strn(w, t->result, t->result_len);
	deia_jw_kint(w, "bytes", (int64_t)t->result_bytes);
	deia_jw_kbool(w, "truncated", t->result_len < t->result_bytes);
	deia_jw_end_object(w);
}

static bool has_failed(const struct deia_task *t)
{
	return (t->error && *t->error) || (t->error_code && *t->error_code);
}

static void print_error(deia_jw *w, const struct deia_task *t)
{
	deia_jw_key(w, "error");
	if (!has_failed(t)) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_kstr(w, "code", t->error_code);
	deia_jw_kstr(w, "message", t->error);
	deia_jw_end_object(w);
}

/* Queued after a failure: which attempt is to come, and when. */
static void print_retry(deia_jw *w, const struct deia_task *t)
{
	deia_jw_key(w, "retry");
	if (t->status != DEIA_TASK_QUEUED || t->attempt <= t->excused ||
	    !has_failed(t)) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_kint(w, "attempt", t->attempt - t->excused + 1);
	deia_jw_kint(w, "of", t->max_attempts);
	deia_jw_ktime(w, "at", t->due_unix_ms);
	kstr_or_null(w, "reason", t->reason);
	deia_jw_end_object(w);
}

static void print_attempt(deia_jw *w, const struct deia_task_attempt *a)
{
	deia_jw_object(w);
	deia_jw_kint(w, "number", a->number);
	kstr_or_null(w, "bot", a->bot);
	deia_jw_ktime(w, "started_at", a->started_unix_ms);
	deia_jw_ktime(w, "finished_at", a->finished_unix_ms);
	kstr_or_null(w, "outcome", a->outcome);
	kstr_or_null(w, "error", a->error);
	deia_jw_knum(w, "seconds", a->seconds);
	deia_jw_end_object(w);
}

static void print_attempts(deia_jw *w, const struct deia_task *t)
{
	deia_jw_kint(w, "attempt", t->attempt);
	deia_jw_kint(w, "max_attempts", t->max_attempts);
	deia_jw_key(w, "attempts");
	deia_jw_array(w);
	for (size_t i = 0; i < t->n_attempts; i++)
		print_attempt(w, &t->attempts[i]);
	deia_jw_end_array(w);
}

static void print_times(deia_jw *w, const struct deia_task *t)
{
	deia_jw_ktime(w, "created_at", t->created_unix_ms);
	deia_jw_ktime(w, "started_at", t->started_unix_ms);
	deia_jw_ktime(w, "finished_at", t->finished_unix_ms);
	deia_jw_ktime(w, "not_before", t->due_unix_ms);
	deia_jw_ktime(w, "deadline", t->deadline_unix_ms);
	kint_or_null(w, "timeout_seconds", t->timeout_seconds,
		     !t->timeout_seconds);
	kint_or_null(w, "every_seconds", t->every_seconds, !t->every_seconds);
}

static void print_verdict(deia_jw *w, const struct deia_task *t)
{
	deia_jw_key(w, "verdict");
	if (t->verdict < 0) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	deia_jw_kbool(w, "success", t->verdict != 0);
	kstr_or_null(w, "by", t->verdict_by);
	kstr_or_null(w, "note", t->verdict_note);
	deia_jw_ktime(w, "at", t->verdict_unix_ms);
	deia_jw_end_object(w);
}

static void print_usage(deia_jw *w, const struct deia_task *t)
{
	deia_jw_key(w, "usage");
	deia_jw_object(w);
	kint_or_null(w, "prompt_tokens", t->prompt_tokens,
		     t->prompt_tokens < 0);
	kint_or_null(w, "completion_tokens", t->completion_tokens,
		     t->completion_tokens < 0);
	deia_jw_end_object(w);
}

/* What was used of it is since somebody let the task go on. */
static void print_budget(deia_jw *w, const struct deia_task *t)
{
	const struct deia_budget *b = &t->budget;

	deia_jw_key(w, "budget");
	if (!b->tokens && !b->seconds && !b->messages) {
		deia_jw_null(w);
		return;
	}
	deia_jw_object(w);
	kint_or_null(w, "tokens", b->tokens, !b->tokens);
	kint_or_null(w, "seconds", b->seconds, !b->seconds);
	kint_or_null(w, "messages", b->messages, !b->messages);
	deia_jw_kstr(w, "on_exceed", deia_on_exceed_name(b->on_exceed));
	deia_jw_key(w, "used");
	deia_jw_object(w);
	deia_jw_kint(w, "tokens", t->used_tokens);
	deia_jw_knum(w, "seconds", t->used_seconds);
	deia_jw_kint(w, "messages", t->used_messages);
	deia_jw_end_object(w);
	deia_jw_end_object(w);
}

static void print_demands(deia_jw *w, const struct deia_task *t)
{
	deia_jw_knum(w, "complexity", t->complexity);
	deia_jw_knum(w, "estimated_seconds", t->estimated_seconds);
	print_list(w, "capabilities", t->capabilities, t->n_capabilities);
	print_list(w, "depends_on", t->depends_on, t->n_depends_on);
	deia_jw_kbool(w, "approval", t->approval);
	deia_jw_kraw(w, "expect", t->expect && *t->expect ? t->expect : NULL);
	deia_jw_kstr(w, "check", t->check && *t->check ? t->check : NULL);
	print_budget(w, t);
}

void deia_task_print(const struct deia_task *t, deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", t->id);
	deia_jw_kstr(w, "status", deia_task_status_name(t->status));
	deia_jw_kstr(w, "type", t->type);
	deia_jw_kstr(w, "priority", deia_priority_name(t->priority));
	kstr_or_null(w, "bot", t->bot);
	kstr_or_null(w, "pinned_bot", t->pinned);
	kstr_or_null(w, "node", t->node);
	kstr_or_null(w, "submitted_by", t->submitted_by);
	kstr_or_null(w, "series", t->series);
	kstr_or_null(w, "traceparent", t->traceparent);
	kstr_or_null(w, "reason", t->reason);
	print_texts(w, t);
	print_error(w, t);
	print_retry(w, t);
	print_attempts(w, t);
	print_times(w, t);
	print_demands(w, t);
	print_verdict(w, t);
	print_usage(w, t);
	deia_jw_end_object(w);
}
