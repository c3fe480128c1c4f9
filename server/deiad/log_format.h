/* SPDX-License-Identifier: MIT */
/*
 * log_format.h - an event as one line: for people, logfmt, or JSON with the
 * names of the Elastic Common Schema. What a name means: docs/logging.md.
 */
#ifndef DEIAD_LOG_FORMAT_H
#define DEIAD_LOG_FORMAT_H

#include <deia/hive.h>
#include <deia/sys/json.h>

enum log_form { LOG_TEXT, LOG_LOGFMT, LOG_JSON };

/* NULL, "" and 0 are left out. All borrowed. */
struct log_event {
	enum deia_log_level level;
	int64_t at_unix_ms;
	const char *action; /* NULL: "log" */
	const char *message;
	const char *request_id, *traceparent, *trace_id;
	const char *method, *path, *route, *who, *address;
	int status;
	size_t bytes;
	int64_t us; /* how long it took; with a status */
	const char *bot, *task, *mail;
	uint64_t suppressed;
};

/* "error" ...; static. */
const char *log_level_name(enum deia_log_level level);
#define LOG_LINE_BYTES 16384

/* Zeroed before its first use; keeps memory between lines. */
struct log_printer {
	struct deia_jw json, word;
	size_t len;
	char line[LOG_LINE_BYTES];
};

/* One line with its newline, len bytes, until the next call; NULL: no memory. */
const char *log_print(struct log_printer *p, enum log_form form,
		      const struct log_event *e, size_t *len);
void log_printer_fini(struct log_printer *p);

#endif
