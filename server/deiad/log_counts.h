/* SPDX-License-Identifier: MIT */
/*
 * log_counts.h - how much of the log was bad lately. Loop thread only.
 */
#ifndef DEIAD_LOG_COUNTS_H
#define DEIAD_LOG_COUNTS_H

#include <deia/hive_checks.h>
#include <deia/logs.h>

void log_count(enum deia_log_level level);
/* Errors and warnings of the last ten minutes, into out->errors, warnings and
 * seconds. */
void log_counts_recent(struct deia_check_log *out);

#endif
