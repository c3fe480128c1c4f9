/* SPDX-License-Identifier: MIT */
/* checks.h - commands that say whether a task's result is good. */
#ifndef DEIA_HIVE_CHECKS_H
#define DEIA_HIVE_CHECKS_H

#include "hive/tasks/tasks.h"

DEIA_NODISCARD deia_err deia__checks_open(deia_hive *h);
/* Kills those that run; waits for their guards. */
void deia__checks_free(deia_hive *h);
bool deia__check_is_known(const deia_hive *h, const char *name);
/* Of deia_tasks_opts. */
deia_err deia__check_begin(const struct deia_task *task, unsigned attempt,
			   const char *text, size_t len, void *user);
/* The result of this attempt need not be checked any more, if it was to be. */
void deia__check_drop(deia_hive *h, const char *task, unsigned attempt);

#endif
