/* SPDX-License-Identifier: MIT */
/*
 * logs.h - a log of JSON lines: written by a thread of its own, and read with a
 * filter. Field names are those of docs/logging.md. All since 0.3.
 */
#ifndef DEIA_LOGS_H
#define DEIA_LOGS_H

#include <deia/error.h>

DEIA_BEGIN

/* The gravest first. */
enum deia_log_level {
	DEIA_LOG_ERROR,
	DEIA_LOG_WARN,
	DEIA_LOG_INFO,
	DEIA_LOG_DEBUG
};

/* ---- writing ----------------------------------------------------------- */

typedef struct deia_logfile deia_logfile;

/*
 * A file (0600) that is appended to by a thread of its own, so that a slow disk
 * holds up nobody, and rotated to path.1 ... path.keep before it would exceed
 * max_file_bytes. path: copied. max_queue_bytes: what may wait to be written;
 * lines above that are dropped and counted, and a JSON line in their place says
 * how many. DEIA_OK, DEIA_EINVAL (path), DEIA_ENOMEM, DEIA_EIO (no thread).
 */
DEIA_API DEIA_NODISCARD deia_err deia_logfile_open(deia_logfile **out,
						   const char *path,
						   size_t max_file_bytes,
						   unsigned keep,
						   size_t max_queue_bytes);
/* Queues a line with its newline; copied, never blocks. Any thread. */
DEIA_API void deia_logfile_write(deia_logfile *f, const char *line, size_t len);
/* Opens it anew at the next line, after a rotation from outside. Any thread. */
DEIA_API void deia_logfile_reopen(deia_logfile *f);
/* Lines that were lost. Any thread. */
DEIA_API uint64_t deia_logfile_dropped(const deia_logfile *f);
/* Writes what is queued (blocks), ends the thread, frees. NULL is fine. */
DEIA_API void deia_logfile_close(deia_logfile *f);

/* ---- reading ----------------------------------------------------------- */

/* Which lines are meant; NULL, 0 of each field: any. */
struct deia_log_filter {
	size_t size;
	/* The least that is shown; a line without a level is of info. */
	enum deia_log_level level;
	int64_t since_unix_ms;
	const char *request_id, *trace_id, *bot, *task;
	const char *text; /* anywhere in the line, in any case of ASCII */
};
#define DEIA_LOG_FILTER_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_log_filter),                        \
		.level = DEIA_LOG_DEBUG                                        \
	}

/* Whether a line (without its newline) is one of them. What is no JSON object
 * is none. Any thread. */
DEIA_API bool deia_log_matches(const struct deia_log_filter *filter,
			       const char *line, size_t len);

/*
 * The last max_lines (1..10000) lines that match, oldest first, each with its
 * newline; of path and, where that is too short, path.1. Blocks; looks at the
 * last 16 MiB at most. text: the caller's (free), NULL with *len 0 when there
 * are none. cut: set when there may be older ones that were not looked at; may
 * be NULL. A file that is not there is empty. DEIA_OK, DEIA_EINVAL, DEIA_EIO
 * (errno says why), DEIA_ENOMEM. Any thread.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_log_read(const char *path, const struct deia_log_filter *filter,
	      unsigned max_lines, char **text, size_t *len, bool *cut);

DEIA_END

#endif
