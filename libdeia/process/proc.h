/* SPDX-License-Identifier: MIT */
/*
 * proc.h - one run of a bot's process: its guard, its pipes, its end.
 *
 * Knows lines but not what they mean, and nothing of states and turns.
 */
#ifndef DEIA_PROCESS_PROC_H
#define DEIA_PROCESS_PROC_H

#include <deia/error.h>
#include "process/census.h"
#include "process/launch.h"
#include "core/timer.h"

struct event_base;
struct deia__proc;

/* Bytes read of one descriptor in one turn of the loop. */
#define DEIA__READ_BUDGET_BYTES (32u << 10)
/* A bot that does not read may have this much waiting, and one line more. */
#define DEIA__OUT_QUEUE_BYTES (4u << 20)

/* What all processes of one supervisor share. */
struct deia__proc_env {
	struct event_base *base;
	struct deia__timers *timers;
	struct deia__cgroups *cgroups; /* NULL: none */
	struct deia__census census;
	char scratch[DEIA__READ_BUDGET_BYTES];
};

/* How it ended. */
struct deia__proc_end {
	char fail_stage[8]; /* "limit", "cwd", "exec", "guard", or "" */
	int fail_errno;
	int code;   /* -1: none, or by a signal */
	int signal; /* 0: none */
	bool lost;  /* the guard ended without a report */
	/* The limit it went over, as the specification names it ("processes",
	 * "memory_max_mib"), and its value; "" if none. */
	char limit[16];
	unsigned limit_value;
};

/* All are called from the loop; any but ended may call deia__proc_ functions
 * but not free it. */
struct deia__proc_ops {
	/* Its program runs now. */
	void (*started)(void *arg, int64_t pid);
	/* A limit holds: its name and value as in the specification, and how:
	 * "rlimit", "cgroup" or "watch" (by the guard). May be NULL. */
	void (*applied)(void *arg, const char *name, unsigned value,
			const char *how);
	/* A limit ("cgroup": all that a cgroup could do) cannot be had; the
	 * bot runs without it. May be NULL. */
	void (*refused)(void *arg, const char *name, int error);
	/* A signal (SIGSTOP, SIGTSTP ...) has stopped the bot's process. May
	 * be NULL, as continued. */
	void (*stopped_by)(void *arg, int signal);
	void (*continued)(void *arg);
	/* Memory in use by the bot and its descendants, and how many they are.
	 * About once a second while it has a memory_mib. May be NULL. */
	void (*usage)(void *arg, int64_t bytes, unsigned processes);
	/* A line of its output; text NULL: one over the limit was dropped. */
	void (*line)(void *arg, const char *text, size_t len);
	/* A line of its standard error. */
	void (*err_line)(void *arg, const char *text, size_t len);
	/* It lives, but cannot be talked with any more. */
	void (*broken)(void *arg, const char *what);
	/* All that was written is in the pipe. */
	void (*drained)(void *arg);
	/* No process and no output is left. Once, last. */
	void (*ended)(void *arg, const struct deia__proc_end *end);
};

/* Starts; *error is an errno when DEIA_EIO is returned, else 0. */
DEIA_NODISCARD deia_err deia__proc_start(struct deia__proc **out,
					 struct deia__proc_env *env,
					 const struct deia__launch *what,
					 const struct deia__proc_ops *ops,
					 void *arg, int *error);
/* Frees after ended. */
void deia__proc_free(struct deia__proc *p);
/* Has everything killed and does not look back: closes, and returns the guard
 * to be waited for. */
pid_t deia__proc_abandon(struct deia__proc *p);
/* Waits for a guard that was abandoned, so long at most (blocks). */
void deia__guard_await(pid_t guard, int64_t patience_ms);
/* Queues one line (without newline). DEIA_EBUSY, DEIA_ENOMEM, DEIA_ESTATE
 * (its input is closed). */
DEIA_NODISCARD deia_err deia__proc_write(struct deia__proc *p, const char *line,
					 size_t len);
/* Bytes that were written but are not in the pipe yet. */
size_t deia__proc_queued(const struct deia__proc *p);
/* Leaves its output in the pipe until it is let go again, or has ended. What
 * was read before may still come as lines. */
void deia__proc_hold(struct deia__proc *p, bool hold);
/* Closes its input once all is written. */
void deia__proc_finish_input(struct deia__proc *p);
void deia__proc_term(struct deia__proc *p);
void deia__proc_kill(struct deia__proc *p);
/* Output is still drained but not looked at any more. */
void deia__proc_mute(struct deia__proc *p);

#endif
