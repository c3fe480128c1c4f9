/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the inside of a hive's tasks, shared by the files of this folder.
 *
 *   tasks.c         the queue's life; what bots can do
 *   task_submit.c   who submits what, as whom
 *   task_calls.c    who may do what else; what is audited
 *   task_bulk.c     one action on many tasks; types
 *   task_run.c      attempts as turns of bots, claims of external ones
 *   task_lines.c    submit lines of bots' programs, and their results
 *   task_events.c   what happened to tasks, gathered into events
 *   checks.c        commands that say whether a result is good
 *   task_load.c     for the auto-scaler: what waits for which template
 *   task_json.c, task_print.c  tasks out of and into JSON
 */
#ifndef DEIA_HIVE_TASKS_H
#define DEIA_HIVE_TASKS_H

#include <deia/hive_task.h>

#include "hive/gather.h"
#include "hive/hive.h"

#define DEIA__TASK_ID_LEN 36
/* Results that one process waits for at most. */
#define DEIA__ASKED_MAX 256

/* An attempt at its bot: from `run` until its turn ended, and then, when an
 * external bot's program waits for that, until its end is durable. */
struct deia__task_run {
	deia_hive *hive;
	struct deia__hbot *bot;
	TAILQ_ENTRY(deia__task_run) link; /* of its bot, until it ended */
	UT_hash_handle hh;		  /* deia__tasks.kept, afterwards */
	char task[DEIA__TASK_ID_LEN + 1];
	unsigned attempt;
	char id[DEIA_MAX_ID_LEN + 1]; /* of the turn: "<task>.<attempt>" */
	deia_work *work;	      /* NULL: no bot can take it */
	bool started;		      /* its bot's program has it, or had it */
	uint64_t sent_before;	      /* messages of its bot, as it began */
	int64_t messages_left;	      /* -1: no limit */
	/* external.c: who gave the answer, told when it is durable. */
	deia_done_cb kept_cb;
	void *kept_user;
};

/* A task whose result a bot's process is to get. */
struct deia__asked {
	deia_hive *hive;
	TAILQ_ENTRY(deia__asked) link; /* of its bot */
	UT_hash_handle hh;	       /* deia__tasks.asked */
	char task[DEIA__TASK_ID_LEN + 1];
	char bot[DEIA_MAX_ID_LEN + 1];
	int64_t pid;
	char *ref; /* or NULL */
};

struct deia__tasks {
	deia_tasks *queue;
	deia_task_analyzer *analyzer;
	bool stopped;	  /* no attempt is begun any more */
	bool settling;	  /* no turn is left either */
	unsigned n_calls; /* under way */
	unsigned n_runs;  /* turns of all bots */
	int error_index;
	struct deia__task_run *kept;  /* by task */
	struct deia__asked *asked;    /* by task */
	struct deia__gatherer events; /* of tasks */
	struct deia__timer idle_timer;
	struct deia__checks *checks;
	struct deia__timer check_timer;
};

/* ---- tasks.c ------------------------------------------------------------ */

/* Makes the analyzer, which has the one list of the types of tasks. */
DEIA_NODISCARD deia_err deia__tasks_new(deia_hive *h,
					const struct deia_hive_opts *opts);
/* Once the scheduler is there: reads open tasks (blocks). */
DEIA_NODISCARD deia_err deia__tasks_open(deia_hive *h, char *detail,
					 size_t detail_len);
/* No attempt is begun any more. */
void deia__tasks_stop(deia_hive *h);
/* No turn is left: what there is goes to the store. */
void deia__tasks_settle(deia_hive *h);
/* Nothing about tasks is under way. */
bool deia__tasks_is_idle(const deia_hive *h);
/* Before and after the store is closed, when the hive is freed. */
void deia__tasks_closing(deia_hive *h);
void deia__tasks_free(deia_hive *h);
/* Something about a bot of this node has changed: its state, what it can do,
 * whether it is removed. Also for one that is not there (yet). */
void deia__tasks_bot(deia_hive *h, const char *id);
/* The same of nothing but how much it has to do. */
void deia__tasks_bot_load(deia_hive *h, const char *id);
/* It is about to be dropped. */
void deia__tasks_bot_removed(deia_hive *h, struct deia__hbot *b);
/* Says what the queue says about err; returns it. */
deia_err deia__tasks_told(deia_hive *h, deia_err err);
/* A call to the queue has ended. */
void deia__tasks_call_ended(deia_hive *h);

/* ---- task_calls.c ------------------------------------------------------- */

/* As deia_hive_task_cancel and the like, but nothing is audited. */
DEIA_NODISCARD deia_err deia__task_act(deia_hive *h,
				       const struct deia_actor *actor,
				       deia_task_action action, const char *id,
				       deia_tasks_cb cb, void *user);
/* What the audit calls an action. */
const char *deia__task_action_name(deia_task_action action);

/* ---- task_run.c --------------------------------------------------------- */

/* Of deia_tasks_opts. */
deia_err deia__task_run(const struct deia_task_run *run, void *user);
void deia__task_interrupt(const char *id, unsigned attempt, const char *bot,
			  void *user);
/* A task moved: an answer of it may be durable now. */
void deia__task_runs_moved(deia_hive *h, const struct deia_task *task);
/* The attempt that this bot works on; id: of the turn or of the task. */
struct deia__task_run *deia__task_run_of(const struct deia__hbot *b,
					 const char *id);
/* One that it works on and whose budget has no messages left, or NULL. */
const struct deia__task_run *deia__task_run_sent_up(const struct deia__hbot *b);
/* Ends its turns (NULL: of all bots); not by its fault. */
void deia__task_runs_cancel(deia_hive *h, struct deia__hbot *b);
/* No turn ends any more: forgets them all, tells who waits. */
void deia__task_runs_free(deia_hive *h);

/* ---- task_lines.c ------------------------------------------------------- */

void deia__task_submit_line(deia_hive *h, const char *bot,
			    const struct cJSON *json);
/* A task moved: its result may be due. */
void deia__task_lines_moved(deia_hive *h, deia_task_event event,
			    const struct deia_task *task);
/* Its process has ended: it gets no results. */
void deia__task_lines_forget(deia_hive *h, struct deia__hbot *b);

/* ---- task_load.c -------------------------------------------------------- */

struct deia__load;
/* A deia__load_fn (scaling.h): adds what waits in the queue. */
void deia__task_load(deia_hive *h, const char *name, struct deia__load *load,
		     void *user);

/* ---- task_events.c ------------------------------------------------------ */

void deia__task_events_init(deia_hive *h);
void deia__task_events_add(deia_hive *h, deia_task_event event,
			   const struct deia_task *task);

/* ---- task_submit.c -------------------------------------------------------- */

/* deia_tasks_opts.may_pin */
deia_err deia__task_may_pin(const char *bot, char *why, size_t len, void *hive);

#endif
