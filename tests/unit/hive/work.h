/* SPDX-License-Identifier: MIT */
/* work.h - calls about tasks that wait for their callback; see fixture.h. */
#ifndef TEST_HIVE_WORK_H
#define TEST_HIVE_WORK_H

#include "fixture.h"

#include <deia/hive_task.h>

struct job {
	char id[37], type[65], bot[65], submitted_by[65], result[512];
	char reason[256], error_code[65], error[256];
	deia_task_status status;
	unsigned attempt, excused, priority;
	size_t n_attempts;
	struct {
		char bot[65], outcome[16];
	} attempts[8];
	int verdict;
};

struct jobs {
	bool done, more, replayed;
	deia_err err;
	size_t n;
	struct job items[64];
};

/* "admin", "operator NAME", "viewer", "bot A": lives until the next call. */
const struct deia_actor *whose(const char *text);
void on_jobs(deia_err err, const struct deia_task *items, size_t n, bool more,
	     void *user);
/* The blocking forms; err of the call or of its callback. out may be NULL. */
deia_err submit_drafts(struct fixture *f, const char *actor,
		       const struct deia_task_draft *drafts, size_t n,
		       const char *key, struct jobs *out);
/* One task with nothing but a content; its id, 37 bytes, may be NULL. */
deia_err submit_task(struct fixture *f, const char *actor, const char *content,
		     const char *bot, char *id);
deia_err get_task(struct fixture *f, const char *actor, const char *id,
		  struct jobs *out);
deia_err page_tasks(struct fixture *f, const char *actor,
		    const char *submitted_by, struct jobs *out);
deia_err do_task(struct fixture *f, const char *actor, deia_task_action action,
		 const char *id);
deia_err judge_task(struct fixture *f, const char *actor, const char *id,
		    bool success);
/* Runs the loop until the task is so; the task then, until the next call. */
const struct job *run_until_task(struct fixture *f, const char *id,
				 deia_task_status status);
/* A bot whose program is this script of sh; started and ready. */
void create_script_bot(struct fixture *f, const char *id, const char *script);
/* Echo; started and ready. */
void create_worker(struct fixture *f, const char *id);
struct deia_task_draft draft_of(const char *content);

#endif
