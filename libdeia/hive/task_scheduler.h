/* SPDX-License-Identifier: MIT */
/* task_scheduler.h - the scheduler that the hive's tasks are dispatched by. */
#ifndef DEIA_HIVE_TASK_SCHEDULER_H
#define DEIA_HIVE_TASK_SCHEDULER_H

#include <deia/scheduler.h>

#include "hive/hive.h"

/* Once bots are loaded. */
DEIA_NODISCARD deia_err deia__scheduling_open(deia_hive *h);
void deia__scheduling_free(deia_hive *h);
/* Borrowed; lives as long as the hive. */
deia_scheduler *deia__scheduling_scheduler(deia_hive *h);
/* Something about a bot of this node has changed: state, turns, spec. Also for
 * one that is not there (yet). */
void deia__scheduling_bot(deia_hive *h, const char *id);
void deia__scheduling_bot_removed(deia_hive *h, const char *id);
/* EFIELD at pointer, ELIMIT, ENOMEM. */
DEIA_NODISCARD deia_err deia__scheduling_add_type(deia_hive *h,
						  const char *pointer,
						  const char *type);

#endif
