/* SPDX-License-Identifier: MIT */
/*
 * task.h - the queue of tasks: durable work that the best bot gets.
 *
 * Somebody submits a task; it waits until what it depends on is done, its time
 * has come and a person approved it, where that was asked for; then the
 * scheduler (scheduler.h) chooses a bot for it, the caller's `run` has it done
 * there and tells how that ended. What failed is tried again, at another bot if
 * there is one, until its attempts are used up.
 *
 *	blocked | awaiting_approval -> queued -> assigned -> running
 *		-> succeeded | failed | cancelled | timed_out
 *
 * Everything is durable in a store: a call's callback runs when the change is,
 * and a task is handed to `run` after its assignment is. So each attempt that a
 * bot ever saw is on record, and a task that was submitted survives the end of
 * the program, whatever ended it. What ran then is queued again; that attempt
 * is not counted.
 *
 * Order: priority, then age, with linear ageing: a task overtakes those of the
 * next higher priority that came ageing_ms after it. So a P3 waits for no P0
 * that is submitted more than 3 x ageing_ms later. Tasks that no bot can have
 * now hold up nobody.
 *
 * Texts are UTF-8 without NUL. Times are wall clock, Unix milliseconds.
 * Threads: everything belongs to the loop thread. Callbacks run from the loop,
 * never inside the call that causes them, and may call back in.
 */
#ifndef DEIA_TASK_H
#define DEIA_TASK_H

#include <deia/budget.h>
#include <deia/error.h>
#include <deia/histogram.h>
#include <deia/limits.h>

DEIA_BEGIN

struct event_base;
struct deia_store;
struct deia_scheduler;
struct deia_task_analyzer;
struct deia_scheduler_recommendation;
typedef struct deia_tasks deia_tasks;

/* ---- tasks ------------------------------------------------------------- */

/* X(enumerator, name used in API, store, logs and metrics) */
#define DEIA_TASK_STATUS_LIST(X)                                               \
	X(DEIA_TASK_BLOCKED, "blocked")                                        \
	X(DEIA_TASK_AWAITING_APPROVAL, "awaiting_approval")                    \
	X(DEIA_TASK_QUEUED, "queued")                                          \
	X(DEIA_TASK_ASSIGNED, "assigned")                                      \
	X(DEIA_TASK_RUNNING, "running")                                        \
	X(DEIA_TASK_SUCCEEDED, "succeeded")                                    \
	X(DEIA_TASK_FAILED, "failed")                                          \
	X(DEIA_TASK_CANCELLED, "cancelled")                                    \
	X(DEIA_TASK_TIMED_OUT, "timed_out")

typedef enum deia_task_status {
#define DEIA_TASK_STATUS_ENUM(e, n) e,
	DEIA_TASK_STATUS_LIST(DEIA_TASK_STATUS_ENUM)
#undef DEIA_TASK_STATUS_ENUM
} deia_task_status;
#define DEIA_TASK_STATUSES 9
/* "queued" for DEIA_TASK_QUEUED; static text. Any thread. Since 0.3. */
DEIA_API const char *deia_task_status_name(deia_task_status status);
/* The status of this name, -1: there is none. Any thread. Since 0.3. */
DEIA_API int deia_task_status_parse(const char *name);
/* It does not move any more, but for a retry or a verdict. Any thread. */
DEIA_API bool deia_task_status_is_final(deia_task_status status);

/* How an attempt ended. */
struct deia_task_attempt {
	unsigned number; /* 1, 2, 3 ... */
	const char *bot;
	int64_t started_unix_ms, finished_unix_ms; /* 0: it goes on */
	/* "", "succeeded", "failed", "timed_out", "cancelled", "excused" (not
	 * its bot's fault, not counted) */
	const char *outcome;
	const char *error; /* one line, or "" */
	double seconds;	   /* that it ran */
};

/* A task as it stands. Everything is borrowed. */
struct deia_task {
	const char *id; /* UUIDv7 */
	deia_task_status status;
	const char *type;
	unsigned priority;  /* 0..3, as of messages */
	const char *bot;    /* of the last attempt, or "" */
	const char *pinned; /* the only one that may do it, or "" */
	const char *node;   /* which node has it done; "": this one */
	const char *submitted_by;
	const char *series; /* of a recurring task: id of the first; else "" */
	const char *reason; /* why it is as it is, one line, or "" */
	const char *content;
	size_t content_len;		 /* of content: in lists at most
			     * DEIA_TASK_HEAD_BYTES */
	size_t content_bytes;		 /* of the whole */
	const char *result;		 /* NULL: there is none */
	size_t result_len, result_bytes; /* as of content */
	const char *error_code, *error;	 /* of the last failure, or "" */
	unsigned attempt, max_attempts;	 /* attempt: how many were begun */
	unsigned excused;		 /* of them: not counted */
	const struct deia_task_attempt *attempts; /* oldest first */
	size_t n_attempts;
	int64_t created_unix_ms, started_unix_ms, finished_unix_ms;
	int64_t due_unix_ms;	  /* not before; 0: at once. Queued after a
				   * failure: of the next attempt */
	int64_t deadline_unix_ms; /* 0: none */
	unsigned timeout_seconds; /* of an attempt; 0: the bot's */
	unsigned every_seconds;	  /* recurring; 0: once */
	double complexity, estimated_seconds; /* as analyzed */
	const char *const *capabilities;
	size_t n_capabilities;
	const char *const *depends_on; /* ids */
	size_t n_depends_on;
	bool approval;	    /* a person has to approve it, or did */
	const char *expect; /* a JSON object, or "" */
	/* -1: none; 0, 1: what somebody found of the result later. */
	int verdict;
	const char *verdict_by, *verdict_note; /* or "" */
	int64_t verdict_unix_ms;
	int64_t prompt_tokens, completion_tokens; /* of all attempts */
	struct deia_budget budget;		  /* of all attempts */
	/* What of it was used, since it was last approved or retried. */
	int64_t used_tokens, used_messages;
	double used_seconds;
	const char *check;	 /* that its result must pass, or "" */
	const char *traceparent; /* see trace.h; or "" */
};

#define DEIA_TASK_PRIORITIES 4
/* Bytes of content and result that a list shows. */
#define DEIA_TASK_HEAD_BYTES 2048
#define DEIA_TASK_MAX_EVERY_SECONDS (366 * 86400)
#define DEIA_TASK_MAX_TIMEOUT_SECONDS 86400

/* A task to be. Everything is copied. */
struct deia_task_draft {
	size_t size;
	const char *content; /* required */
	size_t content_len;  /* 1..DEIA_MAX_CONTENT_BYTES */
	const char *type;    /* NULL: found by analysis */
	unsigned priority;   /* 0..3; 2 */
	const char *bot;     /* no other may do it; NULL: any */
	/* Capabilities that its bot must have; NULL: none but what is stated
	 * here counts, analysis only advises. At most
	 * DEIA_TASK_MAX_CAPABILITIES. */
	const char *const *capabilities;
	size_t n_capabilities;
	/* Ids, or refs of this batch; at most DEIA_MAX_DEPENDS_LEN. */
	const char *const *depends_on;
	size_t n_depends_on;
	const char *ref; /* a name within this batch, or NULL */
	int64_t due_unix_ms, deadline_unix_ms; /* 0: none */
	unsigned timeout_seconds; /* 0..DEIA_TASK_MAX_TIMEOUT_SECONDS */
	unsigned max_attempts;	  /* 1..DEIA_MAX_ATTEMPTS; 3 */
	unsigned every_seconds;	  /* 0, 1..DEIA_TASK_MAX_EVERY_SECONDS: when it
				   * has ended, the next one is submitted, due
				   * so long after this one was */
	bool approval;
	/* {"regex": TEXT} or {"json_schema": {...}}: what the result must be
	 * for the attempt to count as a success. NULL: anything. */
	const char *expect;
	/* Which of the next two are stated; the others are analyzed. */
	bool has_complexity, has_seconds;
	double complexity, estimated_seconds;
	const char *submitted_by; /* required: who is to be named */
	/* Of all attempts together. Used up after an attempt that did not
	 * succeed: stop, the task fails with code "budget"; pause, it awaits
	 * approval, which gives it the budget anew; notify, task.over_budget.
	 * With stop, seconds also end an attempt, and its bot may send no more
	 * messages than are left. */
	struct deia_budget budget;
	/* The name of a check that the result must pass, as of opts.check; NULL:
	 * none. */
	const char *check;
	/* Of the step that submits it, see trace.h; NULL or "": none. What is
	 * none is left out. Not a part of what a key stands for. */
	const char *traceparent;
};
#define DEIA_TASK_DRAFT_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_task_draft), .priority = 2,         \
		.max_attempts = 3                                              \
	}

/* ---- what the caller does ---------------------------------------------- */

/* An attempt that is to begin; everything is borrowed for the call. */
struct deia_task_run {
	const struct deia_task *task; /* content is whole */
	unsigned attempt;
	const char *bot;
	/* What its budget leaves for the attempt; 0: it does not say. One that
	 * takes longer is to end with DEIA_ETIMEDOUT. */
	unsigned seconds_left;
	/* How many messages its bot may send meanwhile; -1: it does not say. */
	int64_t messages_left;
};

/* How an attempt ended. */
struct deia_task_outcome {
	size_t size;
	deia_err err;	  /* DEIA_OK; DEIA_ETIMEDOUT; DEIA_ECANCELED: not by the
		       * bot's fault (stopped, interrupted by a person);
		       * anything else: it failed */
	const char *text; /* of the result, also of one that failed */
	size_t text_len;  /* up to DEIA_MAX_ANSWER_BYTES */
	const char *code, *message; /* of a failure; or NULL */
	/* Trying again is of no use, at whatever bot. */
	bool final;
	unsigned retry_after_seconds;		  /* 0: not said */
	int64_t prompt_tokens, completion_tokens; /* -1: not said */
	double seconds; /* that it ran, 0 or more; what the scheduler learns */
	int64_t messages; /* that its bot sent meanwhile, 0 or more */
};
#define DEIA_TASK_OUTCOME_INIT                                                 \
	{                                                                      \
		.size = sizeof(struct deia_task_outcome), .prompt_tokens = -1, \
		.completion_tokens = -1                                        \
	}

/* X(enumerator, name of the event) */
#define DEIA_TASK_EVENT_LIST(X)                                                \
	X(DEIA_TASK_SUBMITTED, "task.submitted")                               \
	X(DEIA_TASK_APPROVED, "task.approved")                                 \
	X(DEIA_TASK_UNBLOCKED, "task.queued")                                  \
	X(DEIA_TASK_CHOSEN, "task.assigned")                                   \
	X(DEIA_TASK_BEGUN, "task.running")                                     \
	X(DEIA_TASK_RETRY, "task.retry")                                       \
	X(DEIA_TASK_ENDED, "task.finished")                                    \
	X(DEIA_TASK_RETRIED, "task.retried") /* by hand */                     \
	X(DEIA_TASK_JUDGED, "task.verdict")                                    \
	X(DEIA_TASK_OVER_BUDGET, "task.over_budget")

typedef enum deia_task_event {
#define DEIA_TASK_EVENT_ENUM(e, n) e,
	DEIA_TASK_EVENT_LIST(DEIA_TASK_EVENT_ENUM)
#undef DEIA_TASK_EVENT_ENUM
} deia_task_event;
#define DEIA_TASK_EVENTS 10
/* "task.submitted" ...; static text. Any thread. */
DEIA_API const char *deia_task_event_name(deia_task_event event);

struct deia_tasks_opts {
	size_t size;
	/*
	 * Begins an attempt. DEIA_OK: deia_tasks_ended will be called, once,
	 * later. Anything else: it was not begun, and is not counted; the task
	 * is queued again. Required.
	 */
	deia_err (*run)(const struct deia_task_run *run, void *user);
	/* The attempt is to end now, or need not be checked any more: its task
	 * was cancelled, or is too late. How it ends does not count any more.
	 * May be NULL. */
	void (*interrupt)(const char *id, unsigned attempt, const char *bot,
			  void *user);
	/* A change that is durable now, before the callback of the call that
	 * made it. task: content and result as in lists. May be NULL. */
	void (*moved)(deia_task_event event, const struct deia_task *task,
		      void *user);
	/* Why a bot was chosen, before its assignment is durable. NULL:
	 * nobody asks; then it costs nothing. */
	void (*decided)(const char *id, unsigned attempt,
			const struct deia_scheduler_recommendation *why,
			void *user);
	/* The scheduler learned something. May be NULL. */
	void (*learned)(const char *id, const char *bot, const char *type,
			double seconds, bool success, bool corrected,
			void *user);
	void *user;
	const char *node;	 /* as kept with its tasks; NULL: "", nobody
				  * else shares the store */
	unsigned open_max;	 /* tasks that are not finished: 100000 */
	int64_t ageing_ms;	 /* 60000 */
	unsigned retention_days; /* of finished tasks: 90; 0: for ever */
	size_t cache_bytes;	 /* of contents that wait: 16 MiB */
	uint64_t seed;		 /* of jitter; 0: random */
	/*
	 * Begins to check a result that is what was expected: by task->check.
	 * DEIA_OK: deia_tasks_checked will be called, once, later, unless
	 * interrupt is. DEIA_EBUSY: too many wait; the attempt is excused, and
	 * made again after a while. Anything else: the attempt has failed, and
	 * nothing is learned of it. text: borrowed for the call. NULL: a draft
	 * with a check is refused.
	 */
	deia_err (*check)(const struct deia_task *task, unsigned attempt,
			  const char *text, size_t len, void *user);
	/*
	 * Whether a new task may be pinned to this bot: DEIA_OK, or the error
	 * that its submit ends with and a line for `why` (len bytes). A call
	 * that is repeated with its key is answered before that. NULL: to any.
	 */
	deia_err (*may_pin)(const char *bot, char *why, size_t len, void *user);
};
#define DEIA_TASKS_OPTS_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_tasks_opts), .open_max = 100000,    \
		.ageing_ms = 60000, .retention_days = 90,                      \
		.cache_bytes = 16u << 20                                       \
	}

/*
 * Makes a queue over a store and loads the open tasks of its node (blocks; call
 * it before the loop runs). base, store, scheduler, analyzer: borrowed, outlive
 * it. The scheduler's bots and types are the caller's business, but for types
 * of tasks that are in the store; nothing is begun before deia_tasks_start.
 * detail: at least 256 bytes or NULL; on failure one line that says what to do.
 * DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM, DEIA_ESTORE. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_new(
	deia_tasks **out, struct event_base *base, struct deia_store *store,
	struct deia_scheduler *scheduler, struct deia_task_analyzer *analyzer,
	const struct deia_tasks_opts *opts, char *detail, size_t detail_len);
/* From now on tasks are begun; types that were added to the analyzer before are
 * known. Since 0.3. */
DEIA_API void deia_tasks_start(deia_tasks *t);
/* No task is begun any more, calls are refused with DEIA_ESTATE; outcomes of
 * what runs are still taken. Since 0.3. */
DEIA_API void deia_tasks_stop(deia_tasks *t);
/* Nothing is under way to the store any more. Since 0.3. */
DEIA_API bool deia_tasks_idle(const deia_tasks *t);
/* Frees. The store was closed before, or it is idle. NULL is fine. */
DEIA_API void deia_tasks_free(deia_tasks *t);
/* One line about the last failed call, or in a callback about its error. */
DEIA_API const char *deia_tasks_errmsg(const deia_tasks *t);
/* With DEIA_EFIELD: the member ("depends_on"), which the line does not name, or
 * NULL, and which draft of a
 * batch was wrong, counted from 0, -1: none in particular. */
DEIA_API const char *deia_tasks_field(const deia_tasks *t);
DEIA_API int deia_tasks_error_index(const deia_tasks *t);

/* ---- bots -------------------------------------------------------------- */

/* What a bot can do; to be told when it changed. Bots that are not known here
 * have no capabilities. capabilities: copied. DEIA_OK, DEIA_EINVAL,
 * DEIA_ELIMIT, DEIA_ENOMEM. Since 0.3. */
DEIA_API DEIA_NODISCARD deia_err
deia_tasks_set_bot(deia_tasks *t, const char *id,
		   const char *const *capabilities, size_t n_capabilities);
DEIA_API void deia_tasks_remove_bot(deia_tasks *t, const char *id);
/* Something changed about the scheduler's bots: tasks that wait are looked at
 * soon. Cheap. Since 0.3. */
DEIA_API void deia_tasks_wake(deia_tasks *t);
/* Tasks that were handed to `run` at this bot and have not ended. */
DEIA_API unsigned deia_tasks_at_bot(const deia_tasks *t, const char *id);

/* An attempt was handed to its bot's program; before that it is assigned. May
 * be left out. Since 0.3. */
DEIA_API void deia_tasks_begun(deia_tasks *t, const char *id, unsigned attempt);
/*
 * An attempt ended; everything is copied. DEIA_OK; DEIA_ESTATE: it does not
 * count any more (its task was cancelled meanwhile), which is no fault;
 * DEIA_ENOMEM: it counts as failed. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_tasks_ended(deia_tasks *t, const char *id, unsigned attempt,
		 const struct deia_task_outcome *outcome);

/*
 * What came of opts.check: DEIA_OK, the result is good; DEIA_EREMOTE, it is not;
 * DEIA_ECANCELED, nobody knows, and it is nobody's fault; anything else: it could
 * not be checked: the attempt has failed, but nothing is learned of its bot. why
 * says so in one line (copied). DEIA_OK, DEIA_ESTATE: the attempt does not count
 * any more.
 */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_checked(deia_tasks *t,
						    const char *id,
						    unsigned attempt,
						    deia_err err,
						    const char *why);

/* ---- submitting and looking -------------------------------------------- */

/* items: n tasks, or NULL on an error. more: pages only, true when others
 * follow. Borrowed until the callback returns. */
typedef void (*deia_tasks_cb)(deia_err err, const struct deia_task *items,
			      size_t n, bool more, void *user);

/*
 * Submits n (1..DEIA_MAX_BATCH_LEN) tasks, all or none; contents at most
 * DEIA_MAX_SEND_BYTES in all. depends_on may name refs of the batch, in any
 * order, but not in a circle. key: NULL, or 1..DEIA_MAX_KEY_BYTES bytes that
 * name this call among those of submitted_by: for at least 24 hours the same
 * key with the same drafts gives the same tasks (as they stand by then) and
 * submits nothing; with other drafts DEIA_ECONFLICT. replayed (may be NULL) is
 * set before cb runs.
 * Errors: DEIA_EFIELD, DEIA_ENOTFOUND (a task it depends on, or a type),
 * DEIA_EBUSY (open_max, or the store is behind), DEIA_ELIMIT, DEIA_ESTATE,
 * DEIA_ENOMEM; in cb also DEIA_EFULL, DEIA_ESTORE, DEIA_ECONFLICT.
 * Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_submit(
	deia_tasks *t, const struct deia_task_draft *drafts, size_t n,
	const char *key, bool *replayed, deia_tasks_cb cb, void *user);
/* One task, with all of its content and result. DEIA_ENOTFOUND in cb. */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_get(deia_tasks *t, const char *id,
						deia_tasks_cb cb, void *user);

struct deia_task_query {
	size_t size;
	int status; /* a deia_task_status; -1: any */
	const char *type, *bot, *submitted_by, *series; /* NULL: any */
	const char *after; /* id of the last one of the page before */
	unsigned limit;	   /* 1..DEIA_MAX_PAGE_LEN */
};
#define DEIA_TASK_QUERY_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_task_query), .status = -1,          \
		.limit = DEIA_DEFAULT_PAGE_LEN                                 \
	}
/* A page, newest first, of all nodes. One may be shorter than its limit, even
 * empty; only `more` tells the end. With `more` an empty page's next place is
 * the id that deia_tasks_page_last gives in cb. DEIA_EINVAL, DEIA_EBUSY. */
DEIA_API DEIA_NODISCARD deia_err
deia_tasks_page(deia_tasks *t, const struct deia_task_query *query,
		deia_tasks_cb cb, void *user);
/* In the callback of a page: id of the last task that was looked at. */
DEIA_API const char *deia_tasks_page_last(const deia_tasks *t);

/* ---- moving tasks ------------------------------------------------------ */

/*
 * All of these: cb gets the task as it is then. DEIA_ENOTFOUND; DEIA_ESTATE:
 * its status does not allow it, errmsg names it; DEIA_EOTHERNODE: another node
 * has it done; DEIA_ENOMEM; in cb also DEIA_EFULL, DEIA_ESTORE. Since 0.3.
 */

/* Ends it, wherever it is; the bot is told (opts.interrupt). by: who. The next
 * one of a recurring task is not submitted. */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_cancel(deia_tasks *t,
						   const char *id,
						   const char *by,
						   deia_tasks_cb cb,
						   void *user);
/* A failed, cancelled or timed out one is queued again; its attempts count from
 * anew, earlier ones stay on record. It does not wait for what had failed by
 * then, a deadline that is over is none, and no next one of a recurring task is
 * submitted when it ends. */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_retry(deia_tasks *t, const char *id,
						  const char *by,
						  deia_tasks_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err deia_tasks_approve(deia_tasks *t,
						    const char *id,
						    const char *by,
						    deia_tasks_cb cb,
						    void *user);
/* Says whether a result was good; note: one line or NULL. Any finished task
 * with a result, as often as one likes: the last verdict counts. What the
 * scheduler learned is corrected. */
DEIA_API DEIA_NODISCARD deia_err
deia_tasks_verdict(deia_tasks *t, const char *id, bool success, const char *by,
		   const char *note, deia_tasks_cb cb, void *user);

/* ---- types ------------------------------------------------------------- */

struct deia_task_type_status {
	const char *name;
	bool paused;
	unsigned wip_limit;	 /* assigned and running at most; 0: none */
	unsigned queued, active; /* active: assigned and running */
	int64_t oldest_unix_ms;	 /* since when the oldest is queued; 0: none */
	/* Since the start: how many ended so (final statuses alone), and how
	 * long each was queued before its first attempt. */
	uint64_t ended[DEIA_TASK_STATUSES];
	struct deia_histogram waits;
};
/* A paused type begins nothing; what runs goes on. wip_limit: 0..10000. cb may
 * be NULL. DEIA_ENOTFOUND, DEIA_EINVAL, DEIA_ENOMEM; in cb as above. */
DEIA_API DEIA_NODISCARD deia_err deia_tasks_set_type(
	deia_tasks *t, const char *type, bool paused, unsigned wip_limit,
	const char *by, void (*cb)(deia_err err, void *user), void *user);
/* The types that are known, the n-th; false: there are not so many. */
DEIA_API bool deia_tasks_type_at(const deia_tasks *t, size_t n,
				 struct deia_task_type_status *out);

/* Queued tasks that are the same to the scheduler, of types that are not held
 * up by a pause or a limit. */
struct deia_tasks_waiting {
	const char *type;
	const char *pinned;    /* or "" */
	const char *waits_for; /* the bot that the first of them is to get, as
				* of the last plan; "": none that is there */
	const char *const *capabilities;
	size_t n_capabilities;
	unsigned n;		/* how many */
	int64_t oldest_wait_ms; /* the first of them has waited so long */
};
/* Calls cb for each kind of them. Not to call into the queue from cb. */
DEIA_API void deia_tasks_each_waiting(
	const deia_tasks *t,
	void (*cb)(const struct deia_tasks_waiting *waiting, void *user),
	void *user);

struct deia_tasks_status {
	/* Open ones of this node, finished ones of all. */
	uint64_t by_status[DEIA_TASK_STATUSES];
	uint64_t submitted, attempts, retries; /* since the start */
	size_t cached_bytes;
};
/* Constant time. */
DEIA_API void deia_tasks_get_status(const deia_tasks *t,
				    struct deia_tasks_status *out);

DEIA_END

#endif
