/* SPDX-License-Identifier: MIT */
/*
 * logfile.h - append-only files written by one thread, rotated by size.
 *
 * The loop queues whole lines; the log thread writes each with one write() to
 * a file opened O_APPEND. Queues are bounded: over the bound lines are
 * dropped and counted, and one line says so. Used for bots' logs and the JSON
 * Lines journals.
 */
#ifndef DEIA_CORE_LOGFILE_H
#define DEIA_CORE_LOGFILE_H

#include <deia/error.h>

typedef struct deia__logs deia__logs; /* the thread and its queue */
typedef struct deia__logfile deia__logfile;

DEIA_NODISCARD deia_err deia__logs_new(deia__logs **out, size_t max_bytes);
/* Writes what is queued, ends the thread, frees. All files must be closed. */
void deia__logs_free(deia__logs *l);
/* path is copied; the file (0600) is opened at the first line. Rotated to
 * path.1 ... path.keep when it exceeds max_file_bytes. */
DEIA_NODISCARD deia_err deia__logfile_open(deia__logfile **out, deia__logs *l,
					   const char *path,
					   size_t max_file_bytes,
					   unsigned keep);
void deia__logfile_close(deia__logfile *f);
/* Queues bytes (normally one line with its newline); copied, never blocks. */
void deia__logfile_write(deia__logfile *f, const char *p, size_t len);
/* Reopens all files at their next line (SIGHUP). */
void deia__logs_reopen(deia__logs *l);
/* Waits until all queued lines are written; for tests and shutdown. */
void deia__logs_flush(deia__logs *l);
uint64_t deia__logs_dropped(const deia__logs *l);

#endif
