/* SPDX-License-Identifier: MIT */
/*
 * log_stderr.h - a thread that writes lines to stderr, which may be a pipe that
 * nobody reads. A queue of 1 MiB; lines that do not fit are counted, and the
 * count is written once there is room.
 */
#ifndef DEIAD_LOG_STDERR_H
#define DEIAD_LOG_STDERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: no thread. */
bool log_stderr_start(void);
/* Queues whole lines, or writes them at once where there is no thread. Never
 * blocks once it was started. Any thread. */
void log_stderr_write(const char *p, size_t len);
/* How many lines were dropped since the start. Any thread. */
uint64_t log_stderr_dropped(void);
/* Writes what is queued, for 2 s at most, and ends the thread. */
void log_stderr_stop(void);

#endif
