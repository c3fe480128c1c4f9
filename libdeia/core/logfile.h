/* SPDX-License-Identifier: MIT */
/*
 * logfile.h - append-only files written by one thread, rotated by size.
 *
 * The loop queues whole lines; the log thread writes them, some milliseconds
 * later, to a file opened O_APPEND. Queues are bounded: over the bound lines are
 * dropped and counted, and one JSON line in their place says how many
 * (`log_lines_dropped`). Used for bots' logs and the JSON Lines journals.
 * At most 64 descriptors are open at a time, whatever the number of files.
 * All functions may be called from any thread.
 */
#ifndef DEIA_CORE_LOGFILE_H
#define DEIA_CORE_LOGFILE_H

#include <deia/error.h>

typedef struct deia__logs deia__logs; /* the thread and its queue */
typedef struct deia__logfile deia__logfile;

/* max_bytes: what may wait, bookkeeping included. DEIA_OK, DEIA_ENOMEM, DEIA_EIO
 * (no thread). */
DEIA_NODISCARD deia_err deia__logs_new(deia__logs **out, size_t max_bytes);
/* Writes what is queued, ends the thread, frees. All files must be closed. */
void deia__logs_free(deia__logs *l);
/* path is copied; the file (0600) is opened at the first line. Rotated to
 * path.1 ... path.keep before a line that would make it exceed max_file_bytes.
 * DEIA_OK, DEIA_EINVAL (path of 0 or over 4,095 bytes), DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__logfile_open(deia__logfile **out, deia__logs *l,
					   const char *path,
					   size_t max_file_bytes,
					   unsigned keep);
/* What is queued is still written. NULL is fine. */
void deia__logfile_close(deia__logfile *f);
/* Closes it and deletes it with all its older files, once what is queued is
 * written. NULL is fine. */
void deia__logfile_delete(deia__logfile *f);
/* Queues bytes (normally one line with its newline); copied, never blocks. */
void deia__logfile_write(deia__logfile *f, const char *p, size_t len);
/* Reopens all files at their next line (SIGHUP). */
void deia__logs_reopen(deia__logs *l);
/* Waits until all queued lines are written; for tests and shutdown. */
void deia__logs_flush(deia__logs *l);
/* Lines lost since the start, for want of room or of a writable file. */
uint64_t deia__logs_dropped(const deia__logs *l);

#endif
