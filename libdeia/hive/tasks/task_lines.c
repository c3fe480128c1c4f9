/* SPDX-License-Identifier: MIT */
/*
 * task_lines.c - submit lines of bots' programs, and the results they wait for.
 *
 * Every submit is answered with a submitted line, once the task is durable or
 * refused, and, when the task has ended, with a result line: both for the
 * process that submitted, a later one of the same bot does not get them. What
 * is under way for one process is bounded: its lines wait in its pipe while too
 * many submits are not durable, as with mail; and it is told that it is busy
 * while too many of its tasks are open.
 */
#include "hive/mail/mail.h"
#include "hive/tasks/task_json.h"
#include "hive/tasks/tasks.h"

#include <stdio.h>
#include <string.h>

/* Of a result; what is longer is cut, `deia task show` has it all. The second
 * is for text that grows much when it is escaped. */
#define RESULT_MAX_BYTES (1u << 20)
#define RESULT_SAFE_BYTES (256u << 10)

static void asked_free(struct deia__asked *a)
{
	deia__free(a->ref);
	deia__free(a);
}

static struct deia__asked *asked_new(deia_hive *h, const char *bot,
				     const char *ref)
{
	struct deia__asked *a = deia__alloc(sizeof(*a));
	const struct deia_bot_info *info = deia_bots_get(h->bots, bot);

	if (!a)
		return NULL;
	a->hive = h;
	snprintf(a->bot, sizeof(a->bot), "%s", bot);
	a->pid = info ? info->pid : 0;
	a->ref = deia__strdup(ref);
	if (!ref || a->ref)
		return a;
	asked_free(a);
	return NULL;
}

static bool is_same_process(const struct deia__asked *a)
{
	const struct deia_bot_info *info = deia_bots_get(a->hive->bots, a->bot);

	return info && info->pid && info->pid == a->pid;
}

/* ---- who waits ---------------------------------------------------------- */

/* Its task was submitted: from now on it waits for the result. */
static bool wait_for_result(struct deia__asked *a, struct deia__hbot *b)
{
	HASH_ADD_STR(a->hive->tasks->asked, task, a);
	if (!a->hh.tbl)
		return false;
	TAILQ_INSERT_TAIL(&b->asked, a, link);
	b->n_asked++;
	return true;
}

static void wait_no_more(struct deia__asked *a, struct deia__hbot *b)
{
	HASH_DEL(a->hive->tasks->asked, a);
	TAILQ_REMOVE(&b->asked, a, link);
	b->n_asked--;
}

void deia__task_lines_forget(deia_hive *h, struct deia__hbot *b)
{
	struct deia__asked *a;

	(void)h;
	while ((a = TAILQ_FIRST(&b->asked)) != NULL) {
		wait_no_more(a, b);
		asked_free(a);
	}
}

/* ---- lines to the bot --------------------------------------------------- */

static void say(const struct deia__asked *a, deia_jw *w)
{
	deia_bots *bots = a->hive->bots;
	bool told = false;

	if (!deia_jw_status(w))
		told = !deia_bots_send_line(bots, a->bot, w->text, w->len);
	if (!told && is_same_process(a))
		deia_bots_fault(bots, a->bot,
				"it does not read its input: what became of "
				"its tasks could not be told");
}

static void open_line(const struct deia__asked *a, deia_jw *w, const char *type)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_kstr(w, "type", type);
	deia_jw_kstr(w, "ref", a->ref);
}

/* err: what is wrong is said in the hive. */
static void say_submitted(const struct deia__asked *a, deia_err err,
			  const char *id)
{
	deia_jw w;

	if (!is_same_process(a))
		return;
	open_line(a, &w, "submitted");
	if (err)
		deia__line_error(&w, a->hive, err);
	else
		deia_jw_kstr(&w, "id", id);
	deia_jw_end_object(&w);
	say(a, &w);
	deia_jw_fini(&w);
}

static void print_result(const struct deia__asked *a, const struct deia_task *t,
			 size_t max, deia_jw *w)
{
	size_t len = t->result ? t->result_len : 0;

	if (len > max)
		len = deia__utf8_whole(t->result, max);
	open_line(a, w, "result");
	deia_jw_kstr(w, "id", t->id);
	deia_jw_kstr(w, "status", deia_task_status_name(t->status));
	deia_jw_key(w, "text");
	deia_jw_strn(w, t->result ? t->result : "", len);
	if (t->result && len < t->result_bytes)
		deia_jw_kbool(w, "truncated", true);
	if (t->status != DEIA_TASK_SUCCEEDED) {
		deia_jw_key(w, "error");
		deia_jw_object(w);
		deia_jw_kstr(w, "code",
			     t->error_code && *t->error_code
				     ? t->error_code
				     : deia_task_status_name(t->status));
		deia_jw_kstr(w, "message",
			     t->error && *t->error ? t->error
			     : t->reason	   ? t->reason
						   : "");
		deia_jw_end_object(w);
	}
	deia_jw_end_object(w);
}

static void say_result(const struct deia__asked *a, const struct deia_task *t)
{
	deia_jw w;

	print_result(a, t, RESULT_MAX_BYTES, &w);
	if (w.len >= DEIA_MAX_LINE_BYTES) {
		deia_jw_fini(&w);
		print_result(a, t, RESULT_SAFE_BYTES, &w);
	}
	say(a, &w);
	deia_jw_fini(&w);
}

/* ---- results ------------------------------------------------------------ */

static void on_result(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct deia__asked *a = user;
	deia_hive *h = a->hive;

	(void)more;
	if (err && err != DEIA_ECANCELED)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s is not told the result of task %s: %s",
			       a->bot, a->task, deia_err_text(err));
	if (!err && n && is_same_process(a))
		say_result(a, &items[0]);
	asked_free(a);
	deia__tasks_call_ended(h);
}

/* The task has ended: its result is read, then told. */
static void fetch_result(struct deia__asked *a)
{
	deia_hive *h = a->hive;

	if (deia_tasks_get(h->tasks->queue, a->task, on_result, a)) {
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s is not told the result of task %s: %s",
			       a->bot, a->task,
			       deia_tasks_errmsg(h->tasks->queue));
		asked_free(a);
	} else {
		h->tasks->n_calls++;
	}
}

static void tell_result(deia_hive *h, struct deia__asked *a,
			const struct deia_task *task)
{
	wait_no_more(a, deia__hbot_get(h, a->bot));
	if (is_same_process(a) && task->result_len == task->result_bytes) {
		say_result(a, task);
		asked_free(a);
	} else if (is_same_process(a)) {
		fetch_result(a);
	} else {
		asked_free(a);
	}
}

void deia__task_lines_moved(deia_hive *h, deia_task_event event,
			    const struct deia_task *task)
{
	struct deia__asked *a = NULL;

	if (event != DEIA_TASK_ENDED || !h->tasks->asked)
		return;
	/* A submit that was repeated with its key waits for it, too. */
	HASH_FIND_STR(h->tasks->asked, task->id, a);
	while (a) {
		tell_result(h, a, task);
		a = NULL;
		HASH_FIND_STR(h->tasks->asked, task->id, a);
	}
}

/* ---- submitting --------------------------------------------------------- */

/* It is durable, or refused. Takes a over. */
static void submitted(struct deia__asked *a, deia_err err,
		      const struct deia_task *task)
{
	struct deia__hbot *b = deia__hbot_get(a->hive, a->bot);

	say_submitted(a, err, task ? task->id : NULL);
	if (err || !task || !b || !is_same_process(a)) {
		asked_free(a);
		return;
	}
	snprintf(a->task, sizeof(a->task), "%s", task->id);
	if (deia_task_status_is_final(task->status))
		fetch_result(a); /* its key named one that has ended */
	else if (!wait_for_result(a, b))
		asked_free(a);
}

static void on_submitted(deia_err err, const struct deia_task *items, size_t n,
			 bool more, void *user)
{
	struct deia__asked *a = user;
	deia_hive *h = a->hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	struct deia__hbot *b;

	(void)more;
	snprintf(bot, sizeof(bot), "%s", a->bot);
	submitted(a, err, n ? &items[0] : NULL);
	b = deia__hbot_get(h, bot);
	if (!b)
		return;
	b->n_sends -= b->n_sends ? 1 : 0;
	deia__mail_let_go(h, b);
}

static deia_err field_error(deia_hive *h, const struct deia_field_error *where)
{
	return deia__hive_field(h, where->pointer, "\"%s\": %s",
				where->pointer[0] ? where->pointer + 1 : "",
				where->detail);
}

static deia_err hand_over(deia_hive *h, struct deia__hbot *b, const cJSON *json,
			  struct deia__asked *a)
{
	struct deia_actor actor = { .role = DEIA_ROLE_BOT };
	struct deia_field_error where;
	struct deia_task_draft d;
	deia_err err;

	if (b->n_asked + b->n_sends >= DEIA__ASKED_MAX)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "%d tasks of this bot are open already; "
				       "wait for results of some",
				       DEIA__ASKED_MAX);
	err = deia__task_draft_read(&d, json, true, &where);
	if (err == DEIA_EFIELD)
		return field_error(h, &where);
	if (err)
		return deia__hive_fail(h, err, "out of memory");
	deia__trace_begin(h, &actor);
	snprintf(actor.name, sizeof(actor.name), "%s", b->id);
	d.traceparent = deia__json_str(json, "traceparent");
	err = deia_hive_task_submit(h, &actor, &d, 1,
				    deia__json_str(json, "key"), NULL,
				    on_submitted, a);
	deia_task_draft_fini(&d);
	return err;
}

void deia__task_submit_line(deia_hive *h, const char *bot, const cJSON *json)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);
	const char *ref = deia__json_str(json, "ref");
	bool long_ref = ref && strlen(ref) > DEIA_MAX_NAME_BYTES;
	struct deia__asked *a = b && !long_ref ? asked_new(h, bot, ref) : NULL;
	deia_err err;

	if (!a) {
		deia_bots_fault(h->bots, bot,
				long_ref ? "\"ref\" of a submit line must be "
					   "at most 256 bytes long"
					 : "its task is not submitted: out of "
					   "memory");
		return;
	}
	err = hand_over(h, b, json, a);
	if (err) {
		say_submitted(a, err, NULL);
		asked_free(a);
	} else {
		b->n_sends++; /* its callback comes later */
	}
	deia__mail_hold_if_fast(h, b);
}
