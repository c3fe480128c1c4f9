/* SPDX-License-Identifier: MIT */
/*
 * task_run.c - attempts at tasks as turns of bots.
 *
 * A turn is named "<task>.<attempt>": the same task may be at the same bot
 * again before its former turn has ended. How a turn ended says whether the
 * attempt counts:
 *
 *	answered		succeeded
 *	the bot said error	failed; final unless it is retryable
 *	took too long		timed out
 *	the bot died of it	failed: else what kills bots goes round for ever
 *	cancelled, interrupted;	excused: not by the bot's fault
 *	the bot was stopped, or
 *	never got to it
 *
 * What the scheduler learns is the time that the bot worked; how long the turn
 * waited behind chat is not in it.
 */
#include "hive/health/health.h"
#include "hive/tasks/tasks.h"
#include "hive/tasks/budgets.h"
#include "hive/tasks/checks.h"

#include <stdio.h>
#include <string.h>

/* ---- finding ------------------------------------------------------------ */

struct deia__task_run *deia__task_run_of(const struct deia__hbot *b,
					 const char *id)
{
	struct deia__task_run *r;

	TAILQ_FOREACH(r, &b->task_runs, link)
		if (strcmp(r->id, id) == 0 || strcmp(r->task, id) == 0)
			return r;
	return NULL;
}

static struct deia__task_run *find_attempt(const struct deia__hbot *b,
					   const char *task, unsigned attempt)
{
	struct deia__task_run *r;

	TAILQ_FOREACH(r, &b->task_runs, link)
		if (r->attempt == attempt && strcmp(r->task, task) == 0)
			return r;
	return NULL;
}

/* ---- the end ------------------------------------------------------------ */

static bool is_being_stopped(const deia_hive *h, const struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);

	return h->stopping || b->removing || b->wish == DEIA__WISH_STOPPED ||
	       !info || info->state == DEIA_BOT_STOPPING;
}

/* Of deia_task_outcome. */
static deia_err outcome_err(const struct deia__task_run *r,
			    const struct deia_work_result *res)
{
	/* Its time was cut to what a budget left. */
	if (res->err == DEIA_ETIMEDOUT && deia__budgets_held(r->hive, r->bot))
		return DEIA_ECANCELED;
	switch (res->err) {
	case DEIA_OK:
	case DEIA_ECANCELED:
		return res->err;
	case DEIA_EUNAVAILABLE:
		if (!r->started)
			return DEIA_ECANCELED;
		break;
	default:
		break;
	}
	return is_being_stopped(r->hive, r->bot) ? DEIA_ECANCELED : res->err;
}

/* False: it does not count any more. */
static bool tell_queue(const struct deia__task_run *r,
		       const struct deia_task_outcome *o)
{
	deia_err err =
		deia_tasks_ended(r->hive->tasks->queue, r->task, r->attempt, o);

	if (err == DEIA_ENOMEM)
		deia__hive_log(r->hive, DEIA_LOG_WARN,
			       "task %s: out of memory for its result",
			       r->task);
	return err != DEIA_ESTATE;
}

/* That its bot sent while it worked on it; nobody knows for which of those that
 * it works on at the same time. */
static uint64_t messages_of(const struct deia__task_run *r)
{
	return r->started ? r->bot->n_sent - r->sent_before : 0;
}

const struct deia__task_run *deia__task_run_sent_up(const struct deia__hbot *b)
{
	const struct deia__task_run *r;

	TAILQ_FOREACH(r, &b->task_runs, link)
		if (r->started && r->messages_left >= 0 &&
		    messages_of(r) >= (uint64_t)r->messages_left)
			return r;
	return NULL;
}

static bool report(const struct deia__task_run *r,
		   const struct deia_work_result *res)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	o.err = outcome_err(r, res);
	o.text = res->text;
	o.text_len = res->text_len;
	o.prompt_tokens = res->prompt_tokens;
	o.completion_tokens = res->completion_tokens;
	o.seconds = (double)res->run_ms / 1000;
	o.messages = (int64_t)messages_of(r);
	if (res->err) {
		o.code = res->code[0] ? res->code : deia_err_name(res->err);
		o.message = res->message[0] ? res->message
					    : deia_err_text(res->err);
	}
	if (o.err == DEIA_EREMOTE) {
		o.final = !res->retryable;
		o.retry_after_seconds = res->retry_after_seconds;
	}
	return tell_queue(r, &o);
}

static deia_err too_late(deia_hive *h)
{
	return deia__hive_fail(h, DEIA_ESTATE,
			       "this task has ended meanwhile; drop the work");
}

/* Whoever ended it waits until that is durable, if it counts. */
static void keep_or_free(struct deia__task_run *r, bool counts)
{
	deia_hive *h = r->hive;
	deia_done_cb cb = r->kept_cb;
	void *user = r->kept_user;

	if (cb && counts) {
		HASH_ADD_STR(h->tasks->kept, task, r);
		if (r->hh.tbl)
			return;
	}
	deia__free(r);
	if (cb)
		cb(counts ? DEIA_ENOMEM : too_late(h), user);
}

/* Takes it from its bot; it is not to be touched afterwards. */
static void end_run(struct deia__task_run *r, bool counts)
{
	deia_hive *h = r->hive;
	struct deia__hbot *b = r->bot;

	TAILQ_REMOVE(&b->task_runs, r, link);
	b->n_task_runs--;
	h->tasks->n_runs--;
	r->bot = NULL;
	keep_or_free(r, counts);
	deia__tasks_bot_load(h, b->id);
	if (b->removing)
		deia__hbot_stopped_for_removal(h, b);
	deia__hive_check_stopped(h);
}

static void on_done(const struct deia_work_result *res, void *user)
{
	struct deia__task_run *r = user;

	r->work = NULL;
	deia__budgets_turn(r->hive, r->bot, res);
	deia__health_turn_ended(r->hive, r->bot->id, res);
	r->hive->turns_done++;
	if (res->err) {
		r->bot->turns_failed++;
	} else {
		r->bot->turns_done++;
		r->bot->last_message_ms = deia__unix_ms(NULL);
	}
	end_run(r, report(r, res));
}

static void on_start(void *user)
{
	struct deia__task_run *r = user;

	r->started = true;
	r->sent_before = r->bot->n_sent;
	deia_tasks_begun(r->hive->tasks->queue, r->task, r->attempt);
}

static const struct deia_work_events work_events = {
	.on_start = on_start,
	.on_done = on_done,
};

/* ---- the beginning ------------------------------------------------------ */

static struct deia__task_run *run_new(deia_hive *h, struct deia__hbot *b,
				      const struct deia_task_run *run)
{
	struct deia__task_run *r = deia__alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->hive = h;
	r->bot = b;
	r->attempt = run->attempt;
	r->sent_before = b->n_sent;
	r->messages_left = run->messages_left;
	snprintf(r->task, sizeof(r->task), "%s", run->task->id);
	snprintf(r->id, sizeof(r->id), "%s.%u", r->task, r->attempt);
	TAILQ_INSERT_TAIL(&b->task_runs, r, link);
	b->n_task_runs++;
	h->tasks->n_runs++;
	return r;
}

static void run_drop(struct deia__task_run *r)
{
	TAILQ_REMOVE(&r->bot->task_runs, r, link);
	r->bot->n_task_runs--;
	r->hive->tasks->n_runs--;
	deia__free(r);
}

/* Of an attempt: as its task or its bot says, or what its budget leaves. */
static unsigned time_limit(const struct deia__task_run *r,
			   const struct deia_task_run *run)
{
	const struct deia_bot_info *info =
		deia_bots_get(r->hive->bots, r->bot->id);
	unsigned limit = run->task->timeout_seconds;

	if (!limit && info)
		limit = info->spec->turn_timeout_seconds;
	if (run->seconds_left && run->seconds_left < limit)
		limit = run->seconds_left;
	return deia__budgets_time(r->hive, r->bot, limit);
}

static deia_err submit(struct deia__task_run *r,
		       const struct deia_task_run *run)
{
	const struct deia_task *task = run->task;
	struct deia_work_spec spec = {
		.size = sizeof(spec),
		.id = r->id,
		.kind = DEIA_WORK_TASK,
		.timeout_seconds = time_limit(r, run),
	};
	char *content = deia__strndup(task->content, task->content_len);
	char trace[DEIA_TRACEPARENT_LEN + 1];
	deia_err err = DEIA_ENOMEM;

	deia_trace_go_on(&r->hive->traces, task->traceparent, trace);
	spec.traceparent = trace;
	spec.content = content;
	if (content)
		err = deia_bots_submit(r->hive->bots, r->bot->id, &spec,
				       &work_events, r, &r->work);
	deia__free(content);
	return err;
}

/* No bot could take it, however often it is tried. */
static void refuse_later(void *arg)
{
	struct deia__task_run *r = arg;
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	if (r->hive->freeing)
		return; /* all are forgotten soon */
	o.err = DEIA_ELIMIT;
	o.code = deia_err_name(DEIA_ELIMIT);
	o.message = "the content does not fit into one line of a bot's input "
		    "once it is escaped";
	o.final = true;
	end_run(r, tell_queue(r, &o));
}

/* Whether a bot may be given an attempt now. */
static deia_err check_bot(deia_hive *h, const char *id)
{
	const struct deia__hbot *b = deia__hbot_get(h, id);
	const struct deia_bot_info *info = b && !b->creating && !b->removing
						   ? deia_bots_get(h->bots, id)
						   : NULL;

	if (!info)
		return DEIA_ENOTFOUND;
	if (h->stopping ||
	    (info->state != DEIA_BOT_READY && info->state != DEIA_BOT_BUSY))
		return DEIA_ESTATE;
	return DEIA_OK;
}

deia_err deia__task_run(const struct deia_task_run *run, void *user)
{
	deia_hive *h = user;
	deia_err err = check_bot(h, run->bot);
	struct deia__task_run *r;

	if (err)
		return err;
	r = run_new(h, deia__hbot_get(h, run->bot), run);
	if (!r)
		return DEIA_ENOMEM;
	err = submit(r, run);
	if (err == DEIA_ELIMIT)
		err = deia__post_call(h->post, refuse_later, r);
	if (err)
		run_drop(r);
	return err;
}

/* ---- ending it from here ------------------------------------------------ */

void deia__task_interrupt(const char *id, unsigned attempt, const char *bot,
			  void *user)
{
	struct deia__hbot *b = deia__hbot_get(user, bot);
	struct deia__task_run *r = b ? find_attempt(b, id, attempt) : NULL;

	if (r)
		deia_work_cancel(r->work);
	else
		deia__check_drop(user, id, attempt);
}

static void cancel_of(struct deia__hbot *b)
{
	struct deia__task_run *r;

	TAILQ_FOREACH(r, &b->task_runs, link)
		deia_work_cancel(r->work); /* on_done comes later */
}

void deia__task_runs_cancel(deia_hive *h, struct deia__hbot *b)
{
	struct deia__hbot *next;

	if (b) {
		cancel_of(b);
		return;
	}
	HASH_ITER(hh, h->hbots, b, next)
		cancel_of(b);
}

/* ---- answers that are durable ------------------------------------------- */

static void settle(struct deia__task_run *r, deia_err err)
{
	HASH_DEL(r->hive->tasks->kept, r);
	r->kept_cb(err, r->kept_user);
	deia__free(r);
}

void deia__task_runs_moved(deia_hive *h, const struct deia_task *task)
{
	struct deia__task_run *r = NULL;

	if (!h->tasks->kept)
		return;
	HASH_FIND_STR(h->tasks->kept, task->id, r);
	if (!r || task->status == DEIA_TASK_ASSIGNED ||
	    task->status == DEIA_TASK_RUNNING)
		return;
	if (task->status == DEIA_TASK_CANCELLED ||
	    (task->error_code && !strcmp(task->error_code, "deadline")))
		settle(r, too_late(h));
	else
		settle(r, DEIA_OK);
}

void deia__task_runs_free(deia_hive *h)
{
	struct deia__task_run *r, *tmp;
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->tasks->kept, r, tmp)
		settle(r, DEIA_ECANCELED);
	HASH_ITER(hh, h->hbots, b, next)
		while ((r = TAILQ_FIRST(&b->task_runs)) != NULL) {
			if (r->kept_cb)
				r->kept_cb(DEIA_ECANCELED, r->kept_user);
			run_drop(r);
		}
}
