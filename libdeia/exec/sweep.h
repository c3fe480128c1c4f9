/* SPDX-License-Identifier: MIT */
/* sweep.h - finding what a command has started and left behind. */
#ifndef DEIA_EXEC_SWEEP_H
#define DEIA_EXEC_SWEEP_H

#include <deia/base.h>
#include <sys/types.h>

/* The variable that marks every process of one run. */
#define DEIA__RUN_VARIABLE "DEIA_RUN"
/* "DEIA_RUN=" and what no other run of any program has. */
#define DEIA__MARK_BYTES 64
void deia__mark_make(char mark[static DEIA__MARK_BYTES]);

/* When a process was started, in the kernel's ticks; 0: there is none. */
uint64_t deia__started_at(pid_t pid);

/*
 * Sends a signal (0: none) to each process other than the leader that is of
 * the leader's session or carries the mark, and was started no earlier than
 * since. Zombies do not count. Returns how many there are.
 */
unsigned deia__sweep(pid_t leader, const char *mark, uint64_t since,
		     int signal);

#endif
