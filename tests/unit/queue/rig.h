/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a task queue on a virtual clock, with a store of each kind, and bots
 * that do what the test says.
 *
 * Time stands still but for rig_sleep. The loop runs until nothing is under
 * way.
 */
#ifndef TEST_QUEUE_RIG_H
#define TEST_QUEUE_RIG_H

#include <check.h>
#include <event2/event.h>

#include "queue/queue.h"

enum rig_kind { RIG_MEMORY, RIG_SQLITE, RIG_POSTGRES };
#define RIG_KINDS 3
extern const char *const rig_kind_names[RIG_KINDS];

/* Attempts that were handed over and have not ended. */
struct rig_run {
	char id[37], bot[65], content[128];
	unsigned attempt, seconds_left;
	int64_t messages_left;
	size_t len;
};
#define RIG_RUNS 4096

/* What the last callback said. */
struct rig_answer {
	unsigned calls;
	deia_err err;
	size_t n;
	bool more;
	char ids[64][37], last[37];
	struct rig_task {
		char id[37], type[65], bot[65], reason[256], error[256],
			error_code[65], result[128], series[37], outcome[16],
			verdict_by[64];
		deia_task_status status;
		unsigned attempt, excused;
		size_t n_attempts, content_bytes, content_len, result_bytes,
			result_len;
		int verdict;
		int64_t due, finished;
		bool has_result;
	} first;
};

struct rig {
	enum rig_kind kind;
	struct event_base *base;
	deia_store *store;
	deia_scheduler *scheduler;
	deia_task_analyzer *analyzer;
	deia_tasks *q;
	struct deia__clock clock;
	struct deia_tasks_opts opts;
	char dir[64], url[160];
	struct rig_run runs[RIG_RUNS];
	size_t n_runs;
	deia_err refuse; /* what `run` returns */
	/* The check that was begun last. */
	struct rig_check {
		char id[37], name[65], text[128];
		unsigned attempt, n, interrupts;
	} check;
	unsigned interrupts, n_moves[DEIA_TASK_EVENTS], learned;
	char bots[16][65];
	unsigned n_bots;
	struct rig_answer got;
};

/* main of a test program: its argument is the kind of store. */
int rig_main(int argc, char **argv, enum rig_kind *kind, Suite *(*suite)(void));
void rig_init(struct rig *r, enum rig_kind kind);
void rig_fini(struct rig *r);
/* The queue is made anew on the same store; crash: it was not stopped. */
void rig_restart(struct rig *r, bool crash);
void rig_bot(struct rig *r, const char *id, unsigned max_concurrent,
	     const char *capability);
void rig_bot_gone(struct rig *r, const char *id);
/* Until nothing is under way. */
void rig_idle(struct rig *r);
void rig_sleep(struct rig *r, int64_t ms);

struct deia_task_draft rig_draft(const char *content);
/* Each waits for its answer; the error of the call or of its callback. */
deia_err rig_submit(struct rig *r, const struct deia_task_draft *d, size_t n,
		    const char *key, bool *replayed);
/* One task that must be taken; its id. */
void rig_add_draft(struct rig *r, char id[static 37],
		   const struct deia_task_draft *d);
/* The same of rig_draft. */
void rig_add(struct rig *r, char id[static 37], const char *content);
deia_err rig_get(struct rig *r, const char *id);
deia_err rig_cancel(struct rig *r, const char *id);
deia_err rig_retry(struct rig *r, const char *id);
deia_err rig_approve(struct rig *r, const char *id);
deia_err rig_verdict(struct rig *r, const char *id, bool success);
deia_err rig_page(struct rig *r, const struct deia_task_query *query);
/* The status of a task as the store has it. */
deia_task_status rig_status(struct rig *r, const char *id);
/* The run of a task; NULL: it has none. */
struct rig_run *rig_run_of(struct rig *r, const char *id);
/* Ends it with err and this text. */
void rig_end(struct rig *r, const char *id, deia_err err, const char *text);
void rig_end_with(struct rig *r, const char *id,
		  const struct deia_task_outcome *o);

#endif
