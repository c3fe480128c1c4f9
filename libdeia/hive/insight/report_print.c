/* SPDX-License-Identifier: MIT */
/* report_print.c - a report as JSON. */
#include <deia/hive_report.h>

#include <deia/sys/json.h>

static void print_tokens(struct deia_jw *w, int64_t prompt, int64_t completion)
{
	deia_jw_key(w, "tokens");
	deia_jw_object(w);
	deia_jw_kint(w, "prompt", prompt);
	deia_jw_kint(w, "completion", completion);
	deia_jw_end_object(w);
}

static void print_tasks(struct deia_jw *w, const struct deia_report_row *r)
{
	deia_jw_kint(w, "done", (int64_t)r->done);
	deia_jw_kint(w, "failed", (int64_t)r->failed);
	deia_jw_kint(w, "cancelled", (int64_t)r->cancelled);
}

static void print_bot(struct deia_jw *w, const struct deia_report_row *r)
{
	print_tasks(w, r);
	deia_jw_kint(w, "failed_attempts", (int64_t)r->failed_attempts);
	deia_jw_kint(w, "answers", (int64_t)r->answers);
	deia_jw_kint(w, "restarts", (int64_t)r->restarts);
	deia_jw_kint(w, "deaths", (int64_t)r->deaths);
	print_tokens(w, r->prompt_tokens, r->completion_tokens);
}

static void print_person(struct deia_jw *w, const struct deia_report_row *r)
{
	print_tasks(w, r);
	deia_jw_kint(w, "answers", (int64_t)r->answers);
	print_tokens(w, r->prompt_tokens, r->completion_tokens);
}

static void print_type(struct deia_jw *w, const struct deia_report_row *r)
{
	print_tasks(w, r);
	deia_jw_key(w, "seconds");
	deia_jw_object(w);
	deia_jw_knum(w, "mean", r->mean_seconds);
	deia_jw_knum(w, "p50", r->p50_seconds);
	deia_jw_knum(w, "p95", r->p95_seconds);
	deia_jw_knum(w, "max", r->max_seconds);
	deia_jw_end_object(w);
}

/* A name of "" is that of nobody: null. */
static void print_list(struct deia_jw *w, const char *key, const char *of,
		       const struct deia_report_list *list,
		       void (*print)(struct deia_jw *w,
				     const struct deia_report_row *r))
{
	deia_jw_key(w, key);
	deia_jw_object(w);
	deia_jw_kint(w, "total", (int64_t)list->all);
	deia_jw_key(w, "items");
	deia_jw_array(w);
	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->items[i].name;

		deia_jw_object(w);
		deia_jw_kstr(w, of, *name ? name : NULL);
		print(w, &list->items[i]);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

static void print_needs(struct deia_jw *w, const struct deia_report *r)
{
	deia_jw_key(w, "attention");
	deia_jw_object(w);
	deia_jw_kint(w, "total", (int64_t)r->all_needs);
	deia_jw_key(w, "items");
	deia_jw_array(w);
	for (size_t i = 0; i < r->n_needs; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "level", r->needs[i].level);
		deia_jw_kstr(w, "text", r->needs[i].text);
		deia_jw_kstr(w, "advice", r->needs[i].advice);
		deia_jw_kstr(w, "command", r->needs[i].command);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

static void print_sums(struct deia_jw *w, const struct deia_report *r)
{
	deia_jw_key(w, "tasks");
	deia_jw_object(w);
	deia_jw_kint(w, "done", (int64_t)r->done);
	deia_jw_kint(w, "failed", (int64_t)r->failed);
	deia_jw_kint(w, "timed_out", (int64_t)r->timed_out);
	deia_jw_kint(w, "cancelled", (int64_t)r->cancelled);
	deia_jw_kint(w, "failed_attempts", (int64_t)r->failed_attempts);
	deia_jw_kint(w, "waiting", (int64_t)r->waiting);
	deia_jw_kint(w, "working", (int64_t)r->working);
	deia_jw_kint(w, "awaiting_approval", (int64_t)r->awaiting_approval);
	deia_jw_end_object(w);
	deia_jw_key(w, "chat");
	deia_jw_object(w);
	deia_jw_kint(w, "answers", (int64_t)r->answers);
	deia_jw_kint(w, "failed", (int64_t)r->failed_questions);
	deia_jw_end_object(w);
	deia_jw_kint(w, "restarts", (int64_t)r->restarts);
	deia_jw_kint(w, "deaths", (int64_t)r->deaths);
	deia_jw_key(w, "alerts");
	deia_jw_object(w);
	deia_jw_kint(w, "fired", (int64_t)r->alerts_fired);
	deia_jw_kint(w, "resolved", (int64_t)r->alerts_resolved);
	deia_jw_kint(w, "firing", (int64_t)r->alerts_firing);
	deia_jw_end_object(w);
	print_tokens(w, r->prompt_tokens, r->completion_tokens);
}

void deia_report_print(const struct deia_report *r, struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_ktime(w, "since", r->since_unix_ms);
	deia_jw_ktime(w, "until", r->until_unix_ms);
	deia_jw_ktime(w, "started_at", r->started_unix_ms);
	deia_jw_kstr(w, "verdict", r->verdict);
	print_sums(w, r);
	print_list(w, "bots", "bot", &r->bots, print_bot);
	print_list(w, "people", "name", &r->people, print_person);
	print_list(w, "types", "type", &r->types, print_type);
	print_needs(w, r);
	deia_jw_key(w, "notes");
	deia_jw_array(w);
	for (size_t i = 0; i < r->n_notes; i++)
		deia_jw_str(w, r->notes[i]);
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}
