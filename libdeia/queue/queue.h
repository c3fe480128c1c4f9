/* SPDX-License-Identifier: MIT */
/*
 * queue.h - the inside of the task queue.
 *
 * The files: queue.c (life, bots, counts), names.c, task.c (a task in memory
 * and as others see it), spec.c (what its author asked for, as JSON),
 * attempts.c (the list, as JSON), rows.c (rows of the store), call.c (one
 * thing after the other is done to a task), op.c (one durable change of it),
 * submit.c and check.c (new ones), refs.c (names of a batch), missing.c (what
 * must be read for it), keys.c (calls that are repeated), lanes.c (what waits,
 * in order), plan.c (who gets a bot), run.c (attempts), end.c (how they end),
 * spend.c (their budget), depends.c (who waits for whom), settle.c (what moves
 * a task that stands still), act.c (by hand), look.c (reading), types.c (pauses
 * and limits), load.c (at the start), clean.c (what is old).
 *
 * Open tasks are in memory without their texts. Whatever is done to a task is a
 * call in its own queue: the next one begins when the change of the one before
 * is durable. So a task has at most one change under way, and what the store
 * has is always a state that the table of states allows to come next.
 */
#ifndef DEIA_QUEUE_QUEUE_H
#define DEIA_QUEUE_QUEUE_H

#include <sys/queue.h>

#include <deia/budget.h>
#include <deia/scheduler.h>
#include <deia/sys/json.h>
#include <deia/sys/store.h>
#include <deia/task.h>
#include <deia/trace.h>
#include <deia/task_analysis.h>

#include "core/clock.h"
#include "core/errmsg.h"
#include "core/id.h"
#include "core/mem.h"
#include "core/timer.h"
#include "store/schema.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#define DEIA__UUID_BYTES 37
#define DEIA__ATTEMPTS_KEPT 100 /* of one task, the newest */
#define DEIA__KEY_HOURS 48
#define DEIA__AGAIN_MS 1000  /* when memory or the store refused */
#define DEIA__QUEUE_TIMERS 3 /* the queue's own */

struct cJSON;

/* ---- what waits -------------------------------------------------------- */

/* Tasks that are the same to the scheduler, in the order of their rank. */
struct deia__lane {
	UT_hash_handle hh;
	struct deia__ttype *type;
	TAILQ_HEAD(deia__lane_list, deia__task) tasks;
	unsigned n;
	struct deia__task *at; /* plan.c: what is looked at next */
	unsigned vain;	       /* the same: how many had to wait on */
	char key[];	       /* what is the same about them */
};

struct deia__ttype {
	char name[DEIA_MAX_ID_LEN + 1];
	bool paused;
	unsigned wip_limit, queued, active;
	uint64_t ended[DEIA_TASK_STATUSES];
	struct deia_histogram waits; /* for the first attempt */
};

/* ---- a task ------------------------------------------------------------ */

/* What changes about a task: strings are its own, NULL is "". */
struct deia__task_state {
	deia_task_status status;
	char bot[DEIA_MAX_ID_LEN + 1];
	int64_t due, deadline, started, finished; /* wall, 0: none */
	unsigned attempt, excused;
	char *error_code, *error, *reason;
	int verdict; /* -1: none */
	char *verdict_by, *verdict_note;
	int64_t verdict_at;
	int64_t prompt_tokens, completion_tokens;
};

struct deia__spent {
	int64_t tokens, ms, messages;
};

struct deia__attempt {
	unsigned number;
	char bot[DEIA_MAX_ID_LEN + 1];
	int64_t started, finished;
	const char *outcome; /* static, "" while it goes on */
	char *error;
	double seconds;
	/* What of the budget was used up to its end; a person who lets the task
	 * go on sets it to nothing. */
	struct deia__spent spent;
};

/* What its author asked for; does not change, but that a task that is retried
 * leaves its series and remembers when. Strings are its own. */
struct deia__task_spec {
	char **capabilities, **depends_on;
	unsigned n_capabilities, n_depends_on;
	unsigned every_seconds;
	int64_t not_before; /* as it was asked for; 0: at once */
	/* When it was retried by hand, the last time; 0: never. It does not
	 * wait for what had failed by then, a deadline that was over is none,
	 * and it has no next one: that was submitted when it ended. */
	int64_t retried;
	bool approval;
	double complexity, estimated_seconds;
	char *expect, *check;
	char *traceparent; /* as deia_trace_parse gives it; NULL: none */
	struct deia_budget budget;
};

/* A task waits for another one. */
struct deia__wait {
	struct deia__task *t;
	struct deia__dep *dep; /* NULL: not any more */
	TAILQ_ENTRY(deia__wait) in_dep;
};

STAILQ_HEAD(deia__task_calls, deia__task_call);

struct deia__task {
	UT_hash_handle hh;
	deia_tasks *q;
	char id[DEIA__UUID_BYTES];
	struct deia__ttype *type;
	unsigned priority, timeout_seconds, max_attempts;
	char *pinned, *submitted_by, *series; /* NULL: none */
	int64_t created;
	struct deia__task_spec spec;
	struct deia__task_state s;
	struct deia__attempt *attempts;
	unsigned n_attempts;
	size_t content_bytes, result_bytes;
	char *content; /* cached, whole, or NULL */
	/* In memory only: */
	bool loading; /* its row is being read */
	bool foreign; /* another node has it done */
	bool busy;    /* a change of it is under way */
	bool fresh;   /* its row is not there yet */
	bool handed;  /* `run` has it, and it has not ended */
	bool held;    /* a change failed: the next try comes with the timer */
	bool looking; /* a look at it is among its calls */
	bool dep_failed;
	bool bounded; /* its budget ends the attempt that runs */
	bool in_book; /* it counts as active at its bot and its type */
	struct deia__wait *deps; /* places for n_depends_on, or NULL */
	unsigned n_deps, deps_open;
	uint64_t run; /* of the scheduler's book; 0: none */
	int64_t rank; /* boot ms, with its priority; 0: was not queued yet */
	/* What it waits for in a lane: a bot, or (if "") what `waits` says. */
	char waits_for[DEIA_MAX_ID_LEN + 1];
	enum { WAITS_TURN, WAITS_PINNED, WAITS_CAPABLE, WAITS_ANY } waits;
	struct deia__task_call *end;	  /* put by for when its attempt ends */
	struct deia__task_call *checking; /* its result is being checked */
	struct deia__lane *lane;
	TAILQ_ENTRY(deia__task) in_lane;
	struct deia__timer timer;
	struct deia__task_calls calls;
	bool ready; /* in q->ready: its calls are looked at soon */
	TAILQ_ENTRY(deia__task) in_ready;
};

/* ---- what is to be done to a task -------------------------------------- */

struct deia__task_call {
	STAILQ_ENTRY(deia__task_call) link;
	/* Does it: begins an op, or ends the call with an error. */
	void (*fn)(struct deia__task *t, struct deia__task_call *c);
	deia_tasks_cb cb; /* or NULL */
	void *user;
	char *by, *note;
	bool success; /* verdict */
	/* How an attempt ended. */
	unsigned attempt;
	deia_err err;
	char *text, *code, *message;
	size_t text_len;
	bool checked; /* or on its way to be */
	bool unjudged; /* nobody can say whether it is good: nothing is learned */
	bool final;
	unsigned retry_after_seconds;
	int64_t prompt_tokens, completion_tokens, messages;
	double seconds;
};

/* One durable change. */
struct deia__task_op {
	struct deia__task *t;
	struct deia__task_call *call;	 /* or NULL */
	struct deia__task_state before;	 /* put back when it fails */
	unsigned every_before;		 /* the same, of the spec */
	struct deia__spent spent_before; /* of the newest attempt */
	bool attempt_was_open;
	deia_txn *txn;
	deia_task_event event;
	const char *result; /* borrowed from the call, or NULL */
	size_t result_len;
	bool has_result;
	bool over_budget;	 /* that is told, too */
	struct deia__task *next; /* of a recurring task, submitted with it */
	/* After it is durable; t is as it is now. */
	void (*done)(struct deia__task *t, struct deia__task_call *c);
	/* It failed: t is as before. NULL: the call is told, no more. */
	void (*undone)(struct deia__task *t, struct deia__task_call *c,
		       deia_err err);
};

struct deia__task_bot {
	UT_hash_handle hh;
	char id[DEIA_MAX_ID_LEN + 1];
	char **capabilities;
	unsigned n_capabilities, n_tasks;
};

struct deia_tasks {
	struct event_base *base;
	deia_store *store;
	deia_scheduler *scheduler;
	deia_task_analyzer *analyzer;
	struct deia_tasks_opts opts;
	char node[DEIA_MAX_ID_LEN + 1];
	const struct deia__clock *clock;
	deia__timers *timers;
	struct deia__rng rng;
	struct deia__errmsg msg;
	const char *field;
	int error_index;
	char page_last[DEIA__UUID_BYTES];
	struct deia__task *tasks; /* by id */
	struct deia__lane *lanes; /* by key */
	struct deia__task_bot *bots;
	struct deia__dep *deps; /* of tasks that are open */
	TAILQ_HEAD(deia__dep_list, deia__dep) ended_deps;
	struct deia__ttype types[DEIA_MAX_TASK_TYPES];
	unsigned n_types;
	bool started, stopped, planning;
	unsigned n_open;      /* tasks in memory that are not finished */
	unsigned n_coming;    /* of batches on their way */
	unsigned n_under_way; /* transactions and reads */
	unsigned deleting[DEIA_TASK_STATUSES]; /* clean.c */
	size_t cached;
	struct deia_tasks_status status;
	struct deia__timer plan_timer, clean_timer, ready_timer;
	TAILQ_HEAD(deia__ready_list, deia__task) ready;
	struct deia__lane **heap; /* plan.c */
	unsigned heap_cap;
	int64_t no_plan_before; /* boot */
};

/* ---- queue.c ----------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__tasks_new_with(
	deia_tasks **out, struct event_base *base, deia_store *store,
	deia_scheduler *scheduler, deia_task_analyzer *analyzer,
	const struct deia_tasks_opts *opts, const struct deia__clock *clock,
	char *detail, size_t detail_len);
int64_t deia__tasks_now(const deia_tasks *q);  /* boot */
int64_t deia__tasks_wall(const deia_tasks *q); /* Unix */
/* Says what is wrong; returns err. Forgets the field. */
deia_err deia__tasks_fail(deia_tasks *q, deia_err err, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
/* The same of a member of draft `index`: returns DEIA_EFIELD. */
deia_err deia__tasks_field(deia_tasks *q, int index, const char *field,
			   const char *fmt, ...) DEIA_PRINTF(4, 5);
/* A sentence for an error of the store in a callback. */
deia_err deia__tasks_store_error(deia_tasks *q, deia_err err);
struct deia__task_bot *deia__task_bot(const deia_tasks *q, const char *id);

/* ---- names.c ----------------------------------------------------------- */

bool deia__task_can(deia_task_status from, deia_task_status to);

/* ---- task.c ------------------------------------------------------------ */

/* Not in the index yet; NULL: out of memory. */
struct deia__task *deia__task_new(deia_tasks *q, const char *id);
DEIA_NODISCARD deia_err deia__task_add(struct deia__task *t);
/* Takes it out of all lists, and frees it; calls that wait fail with err. */
void deia__task_drop(struct deia__task *t, deia_err err);
struct deia__task *deia__task_find(const deia_tasks *q, const char *id);
void deia__task_cache(struct deia__task *t, const char *content, size_t len);
void deia__task_uncache(struct deia__task *t);
/* Replaces a string by a copy of at most max bytes of s (NULL or "": none).
 * Out of memory leaves none. */
void deia__set_text(char **to, const char *s, size_t max);
void deia__state_fini(struct deia__task_state *s);
/* A deep copy; false: out of memory. */
bool deia__state_copy(struct deia__task_state *to,
		      const struct deia__task_state *from);

/* A task as others see it; arrays are its own. */
struct deia__task_view {
	struct deia_task task;
	struct deia_task_attempt *attempts;
	char why[64]; /* task.reason, where the task itself has none */
};
/* content and result are NULL; false: out of memory. */
bool deia__task_view(struct deia__task_view *v, const struct deia__task *t);
void deia__task_view_fini(struct deia__task_view *v);
/* Tells what is durable now. */
void deia__task_moved(struct deia__task *t, deia_task_event event);

/* ---- spec.c, attempts.c ------------------------------------------------ */

void deia__spec_fini(struct deia__task_spec *s);
/* As JSON; deia__free it; NULL: out of memory. */
char *deia__spec_print(const struct deia__task_spec *s);
DEIA_NODISCARD deia_err deia__spec_parse(struct deia__task_spec *s,
					 const char *json, size_t len);
char **deia__texts_copy(const char *const *texts, size_t n);
void deia__texts_free(char **texts, size_t n);

/* The last one, if it goes on; else NULL. */
struct deia__attempt *deia__attempt_open(struct deia__task *t);
/* Begins one; false: out of memory. */
bool deia__attempt_begin(struct deia__task *t, const char *bot);
/* Takes the newest one back (it was not begun after all). */
void deia__attempt_take_back(struct deia__task *t);
void deia__attempts_free(struct deia__task *t);
char *deia__attempts_print(const struct deia__task *t);
DEIA_NODISCARD deia_err deia__attempts_parse(struct deia__task *t,
					     const char *json, size_t len);
/* The bots whose attempts failed, each once, in out (borrowed); returns how
 * many. */
size_t deia__attempts_failed(const struct deia__task *t, const char **out,
			     size_t max);

/* ---- rows.c ------------------------------------------------------------ */

struct deia_value deia__text_n(const char *s, size_t len);
/* Inserts t with its content. */
DEIA_NODISCARD deia_err deia__task_insert(deia_txn *txn,
					  const struct deia__task *t,
					  const char *content, size_t len);
/* Writes what has changed. */
DEIA_NODISCARD deia_err deia__task_update(struct deia__task_op *op);
/* Whether this node has it done: its own, and those of no node, which were
 * submitted before others shared the store; where nobody shares it, all. */
bool deia__task_row_is_own(const deia_tasks *q, const deia_rows *rows,
			   size_t r);
/* A row as a task that is in no index; NULL: out of memory, or it is not what
 * was written (*err says which). */
struct deia__task *deia__task_from_row(deia_tasks *q, const deia_rows *rows,
				       size_t r, deia_err *err);
/* What asks for the row of a task, and for a text that is kept beside it: key
 * is its id and 0 (content) or 1 (result). The values outlive the query. */
struct deia_page_query deia__task_row(const struct deia_value *id);
struct deia_page_query deia__task_text_row(const struct deia_value key[2]);

/* ---- call.c ------------------------------------------------------------ */

struct deia__task_call *deia__call_new(void (*fn)(struct deia__task *t,
						  struct deia__task_call *c));
void deia__call_free(struct deia__task_call *c);
/* Behind all others, to be begun when the loop runs next. */
void deia__call_add(struct deia__task *t, struct deia__task_call *c);
/* The same for a task that is perhaps not in memory: it is read. The call's cb
 * is told when there is none. */
DEIA_NODISCARD deia_err deia__call_id(deia_tasks *q, const char *id,
				      struct deia__task_call *c);
/* The call ends with an error (said in q); frees it. */
void deia__call_fail(struct deia__task_call *c, deia_err err);
/* It ends well: its cb gets the task as it stands; frees it. */
void deia__call_answer(struct deia__task *t, struct deia__task_call *c);
/* Begins the next call if there is one; a finished task that nobody wants
 * anything of leaves memory: t may be gone after it. Only from the loop. */
void deia__task_pump(struct deia__task *t);
/* The same, soon. */
void deia__task_pump_soon(struct deia__task *t);
void deia__ready_soon(deia_tasks *q);
/* What is ready goes on, so much in each turn of the loop. */
void deia__ready_run(void *q);

/* ---- op.c -------------------------------------------------------------- */

/*
 * Begins a change of t, which is not busy: what is done to t->s afterwards is
 * undone if it fails. NULL: out of memory (nothing has changed).
 */
struct deia__task_op *deia__op_begin(struct deia__task *t,
				     struct deia__task_call *c,
				     deia_task_event event);
void deia__taskop_commit(struct deia__task_op *op);
/* It is not to be after all; its call is left alone. */
void deia__op_abandon(struct deia__task_op *op);

/* ---- check.c, submit.c, keys.c ----------------------------------------- */

/* DEIA_OK, or what is wrong with one of the drafts, or with all of them. */
DEIA_NODISCARD deia_err deia__drafts_check(deia_tasks *q,
					   const struct deia_task_draft *drafts,
					   size_t n);
/* A task from a draft that is fine; NULL: *err. */
struct deia__task *deia__task_from_draft(deia_tasks *q,
					 const struct deia_task_draft *d,
					 int index, deia_err *err);
/* For the next one of a recurring task, which is t's copy; NULL: no memory. */
struct deia__task *deia__task_next_of(const struct deia__task *t);
/* The row of a key; false: no memory. */
void deia__drafts_digest(const struct deia_task_draft *drafts, size_t n,
			 unsigned char *out);

/* ---- lanes.c ----------------------------------------------------------- */

/* A queued task whose time has come waits for a bot from now on. */
void deia__lane_enter(struct deia__task *t);
void deia__lane_leave(struct deia__task *t);

/* ---- plan.c ------------------------------------------------------------ */

void deia__plan_soon(deia_tasks *q);
void deia__plan_later(deia_tasks *q, int64_t delay_ms);
void deia__plan_run(void *q);

/* ---- run.c, end.c ------------------------------------------------------ */

/* Gives it to a bot. */
void deia__task_assign(struct deia__task *t, const char *bot);
void deia__call_begun(struct deia__task *t, struct deia__task_call *c);
void deia__call_ended(struct deia__task *t, struct deia__task_call *c);
/* What it has in the scheduler's book and at its bot ends. */
void deia__run_over(struct deia__task *t);
/* What its budget leaves for the next attempt, in seconds; 0: no limit. */
unsigned deia__budget_seconds_left(const struct deia__task *t);
/* The same in messages; -1: no limit. */
int64_t deia__budget_messages_left(const struct deia__task *t);
/* The attempt that goes on used so much. */
void deia__budget_spend(struct deia__task *t, const struct deia__task_call *c);
/* A person lets it go on: its budget counts from anew. */
void deia__budget_renew(struct deia__task *t);
/*
 * An attempt has ended, and another is to follow: may it? True: the task ends
 * or waits for a person instead; op says so. `late`: the attempt used up the
 * seconds that its budget left.
 */
bool deia__budget_ends(struct deia__task_op *op, bool late, bool *ok);
/* A moment before the next attempt, after so many that failed. */
int64_t deia__retry_delay_ms(deia_tasks *q, unsigned failed);
/* The attempt that goes on, if one does, ended so. */
void deia__attempt_close(struct deia__task *t, const char *outcome,
			 const char *error, double seconds);
/* t ends with this status; go_on: the next of its series is submitted. False:
 * out of memory. */
bool deia__finish(struct deia__task_op *op, deia_task_status status,
		  bool go_on);
/* What follows when that is durable: the bot is told, who waits for it. */
void deia__finished(struct deia__task *t);

/* ---- depends.c --------------------------------------------------------- */

/* t waits for the task with this id, which is open and one of its
 * spec.depends_on; once for each. */
DEIA_NODISCARD deia_err deia__dep_add(struct deia__task *t, const char *id);
void deia__deps_leave(struct deia__task *t);
/* The task has ended so: who waited for it goes on, soon. */
void deia__deps_tell(deia_tasks *q, const char *id, bool success);
/* Tells some of those. */
void deia__deps_run(deia_tasks *q);

/* ---- settle.c ---------------------------------------------------------- */

/* Something could not be done: once more in a moment. */
void deia__task_hold(struct deia__task *t);
/* What t waits for: its status and when it is looked at next. To be called
 * whenever it came to stand still. */
void deia__task_settle(struct deia__task *t);
/* The status of a task that is new, approved or retried. */
deia_task_status deia__task_waits_as(const struct deia__task *t);
void deia__timer_fired(void *t);
/* Moves a task whose time is over or has come. */
void deia__call_look(struct deia__task *t, struct deia__task_call *c);
/* The call, which failed so, is tried again in a moment; whoever waits behind it
 * for an answer gets that error. */
void deia__call_again(struct deia__task *t, struct deia__task_call *c,
		      deia_err err);

/* ---- types.c ----------------------------------------------------------- */

struct deia__ttype *deia__ttype_find(deia_tasks *q, const char *name);
/* Makes it known; NULL: the scheduler refused it (said). */
struct deia__ttype *deia__ttype_add(deia_tasks *q, const char *name);
/* The same of one that the analyzer knows, also since a moment ago; else NULL.
 */
struct deia__ttype *deia__ttype_known(deia_tasks *q, const char *name);
/* All that the analyzer knows; false: not all of them could be made known. */
bool deia__ttypes_add_known(deia_tasks *q);
bool deia__ttype_may_run(const struct deia__ttype *type);
/* An attempt begins: how long it was queued is counted, if it is the first. */
void deia__task_waited(const struct deia__task *t);

/* ---- load.c, clean.c --------------------------------------------------- */

DEIA_NODISCARD deia_err deia__tasks_load(deia_tasks *q, char *detail,
					 size_t detail_len);
/* deia_tasks_start: what ran when the program ended is queued again. */
void deia__tasks_resume(deia_tasks *q);
void deia__clean_run(void *q);

#endif
