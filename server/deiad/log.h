/* SPDX-License-Identifier: MIT */
/*
 * log.h - deiad's log: on stderr as configured, and as JSON lines in a file.
 *
 * Lines are queued and written by threads, since stderr may be a pipe that
 * nobody reads just now, and a disk may be slow. Queues are bounded; what does
 * not fit is counted and reported, and so is what exceeds the limits of
 * log_limit.h. Loop thread only.
 */
#ifndef DEIAD_LOG_H
#define DEIAD_LOG_H

#include <deia/hive.h>

#include "log_format.h"

struct deia_check_log;
struct event_base;

/* In the folder of the bots' logs. */
#define LOG_FILE "deiad.jsonl"

enum log_requests { LOG_REQUESTS_NONE, LOG_REQUESTS_SLOW, LOG_REQUESTS_ALL };

struct log_settings {
	enum deia_log_level level;
	enum log_form form; /* of stderr */
	enum log_requests requests;
	unsigned slow_ms, same_per_10s, lines_per_second;
};

/* Before it, lines are written at once. False: no thread. */
bool log_start(void);
/* Between log_start and log_stop. */
bool log_runs(void);
void log_configure(const struct log_settings *s);
/* From now on lines go into this file as well. False: it cannot be; that is
 * said. */
bool log_open_file(const char *path);
/* Opens the file anew at its next line. */
void log_reopen(void);
/* Tells from a timer of base what was left out; until log_unwatch. */
bool log_watch(struct event_base *base);
void log_unwatch(void);
/* Writes what is queued and ends the threads; when nobody reads stderr it waits
 * for 2 s at most. */
void log_stop(void);

void log_msg(enum deia_log_level level, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* What the hive says; see deia_hive_opts. */
void log_hive(const struct deia_log_line *line);
/* Whether an event of the flow (log_limit.h) would be written now; then log_flow
 * has to be called. False: it counts as left out, unless its level is too low. */
bool log_flow_wanted(enum deia_log_level level);
void log_flow(struct log_event *e);

struct access_line {
	const char *request_id, *traceparent, *method, *path, *route, *who,
		*address;
	int status;
	size_t bytes;
	int64_t us;
};
/* A request has ended. quiet: at level debug whatever came of it. The path
 * comes without its query, since that may carry what is private. */
void log_access(bool quiet, const struct access_line *line);

/* Errors and warnings of the last ten minutes, also those that the level leaves
 * out; lines that were dropped. */
void log_recent(struct deia_check_log *out);

/* DEIA_LOG_INFO for an unknown name. */
enum deia_log_level log_level_parse(const char *name);
/* LOG_TEXT for an unknown name. */
enum log_form log_form_parse(const char *name);
/* LOG_REQUESTS_ALL for an unknown name. */
enum log_requests log_requests_parse(const char *name);

#endif
