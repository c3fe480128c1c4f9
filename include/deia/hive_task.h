/* SPDX-License-Identifier: MIT */
/*
 * hive_task.h - the hive's tasks: the queue with identities and real bots.
 *
 * A task that is assigned becomes a turn at its bot, in the same admission
 * queue as chat (chat first), with kind "task"; an external bot claims it
 * (deia_hive_claim). A bot may have at most as many tasks as it works on at a
 * time, so what waits stays with the scheduler. Who may do what: operators and
 * administrators all; a bot submits tasks, as itself, sees and cancels those it
 * submitted and those it was given, and judges those it submitted; viewers
 * look. What is not allowed is DEIA_EDENIED; a task that is none of a bot's
 * business is DEIA_ENOTFOUND for it. What people change is audited, each call
 * once; what bots do is not.
 *
 * A bot's program submits with a `submit` line: it gets a `submitted` line, and
 * a `result` line when the task has ended while that program still runs.
 *
 * Each move of a task is an event (deia_task_event_name), {"items":[{"id","type",
 * "status","priority","attempt","bot"?,"submitted_by"?,"reason"?,"error_code"?,
 * "verdict"?}...],"omitted"?}: moves of one kind within 20 ms are put together.
 * The subject is the task's id, or "" when the items are of several tasks; the
 * events of one task come in its order.
 *
 * Everything as in hive.h: loop thread, callbacks after the change is durable,
 * deia_hive_errmsg and deia_hive_field_error for details. All since 0.3.
 */
#ifndef DEIA_HIVE_TASK_H
#define DEIA_HIVE_TASK_H

#include <deia/hive.h>
#include <deia/task.h>
#include <deia/task_analysis.h>

DEIA_BEGIN

/* The hive's queue, for its constant-time calls. Never NULL. */
DEIA_API deia_tasks *deia_hive_tasks(const deia_hive *hive);
/* The hive's analyzer, for types and words of one's own before
 * deia_hive_start. Never NULL. */
DEIA_API deia_task_analyzer *deia_hive_analyzer(const deia_hive *hive);

/* Before deia_hive_start, and before the loop runs (blocks): its members run,
 * interrupt, moved, decided, learned, user and node are not used. DEIA_EINVAL,
 * DEIA_EBUSY (the loop ran), or what deia_tasks_new returns. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_configure(deia_hive *hive, const struct deia_tasks_opts *opts);

/* As deia_tasks_submit; submitted_by is not used: it is the actor. A pinned bot
 * must be there (DEIA_ENOTFOUND) and live on this node (DEIA_EOTHERNODE). */
DEIA_API DEIA_NODISCARD deia_err deia_hive_task_submit(
	deia_hive *hive, const struct deia_actor *actor,
	const struct deia_task_draft *drafts, size_t n, const char *key,
	bool *replayed, deia_tasks_cb cb, void *user);
/* Which draft of the failed batch was wrong, -1: none in particular. */
DEIA_API int deia_hive_task_error_index(const deia_hive *hive);
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_get(deia_hive *hive, const struct deia_actor *actor,
		   const char *id, deia_tasks_cb cb, void *user);
/* As deia_tasks_page; a bot sees what it submitted. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_task_page(
	deia_hive *hive, const struct deia_actor *actor,
	const struct deia_task_query *query, deia_tasks_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_cancel(deia_hive *hive, const struct deia_actor *actor,
		      const char *id, deia_tasks_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_retry(deia_hive *hive, const struct deia_actor *actor,
		     const char *id, deia_tasks_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_approve(deia_hive *hive, const struct deia_actor *actor,
		       const char *id, deia_tasks_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err deia_hive_task_verdict(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	bool success, const char *note, deia_tasks_cb cb, void *user);
/* Operators and administrators. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_task_set_type(
	deia_hive *hive, const struct deia_actor *actor, const char *type,
	bool paused, unsigned wip_limit, deia_done_cb cb, void *user);

typedef enum deia_task_action {
	DEIA_TASK_DO_CANCEL,
	DEIA_TASK_DO_RETRY,
	DEIA_TASK_DO_APPROVE
} deia_task_action;

/* The same action on up to DEIA_MAX_BATCH_LEN tasks; one that does not take it
 * is no error of the call. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_task_bulk(deia_hive *hive, const struct deia_actor *actor,
		    deia_task_action action, const char *const *ids, size_t n,
		    deia_hive_outcomes_cb cb, void *user);

/* ---- checks ------------------------------------------------------------ */

#define DEIA_TASK_CHECKS_MAX 64
#define DEIA_TASK_CHECK_MAX_SECONDS 3600

/* A command that says whether a result is good: it gets the result and a
 * newline on its standard input, and DEIA_TASK_ID in its environment. Status 0:
 * good; else its last line is the reason. */
struct deia_task_check {
	const char *name; /* as of bots */
	/* 1..DEIA_MAX_ARGV_LEN; argv[0] is a path that begins with "/". */
	const char *const *argv;
	size_t n_argv;
	unsigned timeout_seconds; /* 0: 60; at most
				   * DEIA_TASK_CHECK_MAX_SECONDS */
};
/*
 * The checks that tasks may name from now on; copied. It is the administrator's
 * business: they run as this program's user. A task that names one that is gone
 * fails. DEIA_EINVAL, DEIA_ELIMIT, DEIA_ENOMEM: nothing is changed.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_task_checks(
	deia_hive *hive, const struct deia_task_check *checks, size_t n);

/* ---- JSON -------------------------------------------------------------- */

struct cJSON;
struct deia_jw;

/*
 * Reads one task of `POST /tasks` (docs/tasks.md): an object with `content` and
 * what else a draft has. Unknown members, wrong types and values out of range
 * are refused; null counts as left out. Times are RFC 3339.
 * out: filled in on success; texts are borrowed from json, which outlives it;
 * free the rest with deia_task_draft_fini. submitted_by is left NULL. where:
 * filled on DEIA_EFIELD, a pointer within json ("/content"); may be NULL.
 * Returns DEIA_OK, DEIA_EFIELD, DEIA_ENOMEM. Any thread.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_task_draft_parse(struct deia_task_draft *out, const struct cJSON *json,
		      struct deia_field_error *where);
/* Frees what deia_task_draft_parse made in it; fine for one that is zero or
 * DEIA_TASK_DRAFT_INIT, not for one that somebody filled in. Any thread. */
DEIA_API void deia_task_draft_fini(struct deia_task_draft *draft);
/* Prints a task as one JSON object, as the API shows it. Any thread. */
DEIA_API void deia_task_print(const struct deia_task *task, struct deia_jw *w);

DEIA_END

#endif
