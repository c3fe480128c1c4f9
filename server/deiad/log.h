/* SPDX-License-Identifier: MIT */
/*
 * log.h - deiad's log on stderr: text or JSON lines.
 *
 * Lines are queued and written by a thread, since stderr may be a pipe that
 * nobody reads just now. The queue is bounded; what does not fit is counted
 * and reported. Loop thread only, but log_stop joins the writer.
 */
#ifndef DEIAD_LOG_H
#define DEIAD_LOG_H

#include <deia/hive.h>

/* Before it, lines are written at once. False: no thread. */
bool log_start(void);
void log_configure(enum deia_log_level level, bool json);
void log_msg(enum deia_log_level level, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* Writes what is queued and ends the thread. */
void log_stop(void);
struct deia_check_log;
/* Errors and warnings of the last ten minutes, also those that the level leaves
 * out; lines that were dropped. */
void log_recent(struct deia_check_log *out);
/* DEIA_LOG_INFO for an unknown name. */
enum deia_log_level log_level_parse(const char *name);

struct access_line {
	const char *request_id, *method, *path, *who, *address;
	int status;
	size_t bytes;
	int64_t us;
};
/* One line a request, at level info, or debug when quiet. The path comes
 * without its query, since that may carry what is private. */
void log_access(bool quiet, const struct access_line *line);

#endif
