/* SPDX-License-Identifier: MIT */
/*
 * guard.h - what the files of deia-guard share.
 *
 *   guard.c   options, control socket, the loop
 *   run.c     the child that becomes the bot: limits, folder, exec
 *   tree.c    descendants: to find, count, terminate and kill them
 *   group.c   the bot's cgroups
 *   watch.c   limits that are watched here
 */
#ifndef DEIA_GUARD_H
#define DEIA_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CTL_FD = 3, WALK_MAX = 4096 };
enum { GROUP_KILL, GROUP_MEMORY, GROUP_PIDS, GROUP_KINDS };

struct options {
	pid_t parent;
	const char *cwd;
	/* 0: none; names and units as in the bot's specification */
	unsigned open_files, file_size_mib, processes;
	unsigned memory_mib, memory_max_mib;
	unsigned no_cgroup;		 /* errno: why there are none */
	const char *cgroup[GROUP_KINDS]; /* folders to make; NULL: none */
	char **argv;			 /* of the bot */
};

/* The bot's cgroups. Two kinds may be one folder. */
struct group {
	const char *dir[GROUP_KINDS]; /* that were made; NULL: not this one */
	bool joined[GROUP_KINDS];     /* the bot was seen in it */
	int events;		      /* of the pids controller; -1: none */
	bool tells;		      /* events wakes poll(2): v2 only */
};

/* What the child reports when it cannot become the bot. */
struct failure {
	char stage[8];
	int error;
};

/* Limits that are watched here, because nothing else holds them. */
struct watch {
	bool processes, memory, memory_max;
	bool pids;		   /* whether forks failed */
	int64_t look_ms, usage_ms; /* when to look and to report next */
};

struct guard {
	struct options o;
	pid_t bot; /* 0 once it was reaped */
	int ctl;   /* -1: deiad is gone */
	int signals;
	int exec_pipe; /* -1: the bot runs, or never will */
	bool failed;   /* it never became the bot: no "exit" is said */
	bool ending;   /* everything is to be killed */
	int pace_ms;
	int nice; /* it was started with, and the bot gets */
	struct group group;
	struct watch watch;
};

/* guard.c */
/* One packet to deiad. */
void guard_say(const struct guard *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* From now on everything is killed until nothing is left. */
void guard_end(struct guard *g);
int64_t guard_now_ms(void);

/* run.c */
/* Becomes the bot, or reports a struct failure and exits. */
void run_bot(const struct guard *g, pid_t guard, int report)
	__attribute__((noreturn));

/* tree.c */
/* Reads a small file as text; returns its length, -1 when there is none. */
ssize_t slurp(const char *path, char *buf, size_t size);

struct usage {
	uint64_t bytes; /* resident */
	unsigned tasks; /* processes and their threads */
};

/* How many tasks the guard's descendants are; stops counting above most. */
unsigned tree_count(unsigned most);
/* Adds up what the guard's descendants use. Pages that several of them share
 * count for each, as long as that stays below exact_from bytes. */
void tree_measure(struct usage *u, uint64_t exact_from);
/* SIGTERM to the bot's session. */
void tree_terminate(pid_t bot);
/* SIGKILL to every descendant that can be found now. */
void tree_kill(void);

/* group.c */
/* Makes the folders and sets their limits; says what was refused. */
void group_make(struct guard *g);
/* As fork, into v2's cgroup where there is one. */
pid_t group_fork(const struct guard *g);
/* The new child joins what group_fork could not put it into. */
void group_join(const struct guard *g);
/* The bot runs: looks whether it is in them, and says which limits hold. */
void group_check(struct guard *g);
/* Kills all that is in them. */
void group_kill(const struct guard *g);
/* Whether the bot wanted more processes than it may have. */
bool group_pids_passed(const struct guard *g);
/* Whether the kernel has ended something in it for want of memory. */
bool group_memory_passed(const struct guard *g);
/* Removes the folders, once nothing is in them. */
void group_remove(struct guard *g);

/* watch.c */
/* The bot runs: watches what no cgroup holds, and says so. */
void watch_start(struct guard *g);
/* Milliseconds until watch_look is due; -1: never. */
int watch_wait_ms(const struct guard *g);
/* Looks if it is time; ends everything when a limit was passed. */
void watch_look(struct guard *g);
/* Looks at the next chance: deiad saw many new processes. */
void watch_soon(struct guard *g);

#endif
