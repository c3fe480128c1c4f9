/* SPDX-License-Identifier: MIT */
/*
 * run.h - one run of a child under a guard, without a bot around it: records
 * all that its callbacks tell. Uses the rig's loop.
 */
#ifndef DEIA_TESTS_BOT_RUN_H
#define DEIA_TESTS_BOT_RUN_H

#include "rig.h"

#include "process/cgroup.h"
#include "bot/priv.h"

/* A run of a child and all that its callbacks told. */
struct run {
	struct deia__proc *proc;
	const char *id;
	char told[1024]; /* "core=0 rlimit|refused cgroup 2|..." */
	char out[1024];	 /* lines, "|" behind each */
	size_t n_lines;
	int64_t pid;
	int stopped_by, n_stopped, n_continued, n_usage;
	int64_t bytes;
	unsigned tasks;
	char broken[64];
	bool ended;
	struct deia__proc_end end;
};

/* Starts a program, or one of tests/support/children by its name. */
void run_start(struct run *r, const char *id, const char *command,
	       const struct deia__limits *limits);
/* Conditions for rig_wait. */
bool run_has_started(void *arg);
bool run_has_line(void *arg);
bool run_has_ended(void *arg);
/* Waits for the end; then no such child and no cgroup is left. */
void run_ended(struct run *r, const char *child);
bool run_has_cgroup(enum deia__cgroup_kind kind);
/* Goes on as where cgroups are not to be had, if so. */
void run_without_cgroups(bool yes);
/* A bot beside it answers quickly. */
void run_launch_neighbour(void);
void run_neighbour_answers(void);

#endif
