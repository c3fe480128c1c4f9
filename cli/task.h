/* SPDX-License-Identifier: MIT */
/* task.h - what the commands for tasks share. */
#ifndef CLI_TASK_H
#define CLI_TASK_H

#include "cli.h"

#define TASK_STATUSES                                                          \
	"blocked awaiting_approval queued assigned running succeeded failed "  \
	"cancelled timed_out"
#define TASK_PRIORITIES "P0 P1 P2 P3"
#define TASK_ON_EXCEED "pause stop notify"
/* What a 404 about a task means. */
#define TASK_LOST "`deia task list` shows the ids of tasks"

/* EXIT_DONE, or what a wrong --priority or --status is. */
int task_check_words(const struct cli *cli);
/* It does not move any more. */
bool task_is_final(const cJSON *task);
/* The exit code that says how a task ended. */
int task_exit_code(const cJSON *task);
/* How it stands, in a few words ("failed after 3 attempts: ..."); free() it. */
char *task_summary(const cJSON *task);
/* "attempt 2 of 3 at BOT-001"; "" before the first. free() it. */
char *task_attempt(const cJSON *task, double most);
/* "1.5 s", "3 min", "2 h" */
void seconds_print(char out[static 24], double seconds);
/* A page of tasks as a table, or as ids (-q). */
void task_table(const struct cli *cli, const cJSON *page);
/* A task in words: how it stands, its attempts, its texts. */
void task_tell(const struct cli *cli, const cJSON *task);

/*
 * A watch tells of a task that it moved. what: a task, or the data of an event;
 * line: the same in words, NULL where they say nothing new.
 */
typedef void (*task_moved_fn)(const struct cli *cli, const cJSON *what,
			      const char *line);
/*
 * Follows a task until it has ended, over lost connections: EXIT_DONE, then
 * *task is the task as it ended, its texts cut (cJSON_Delete it). Otherwise the
 * exit code; why was said.
 */
int task_watch(struct cli *cli, const char *id, task_moved_fn moved,
	       cJSON **task);

#endif
