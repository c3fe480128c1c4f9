/* SPDX-License-Identifier: MIT */
/*
 * checks.h - the inside of the health checks.
 *
 *   checks.c       their life: timer, demands, one run at a time, deadlines
 *   found.c        what was found becomes a result; printing
 *   work.c         a thread for what waits for the disk
 *   check_api.c    api, cache and logs: what answers at once, or nearly
 *   check_db.c     a row is written, read and deleted; the file's structure
 *   check_bots.c   a bot is launched, asked and removed
 *   check_llm.c    model servers, one after the other
 *   check_disk.c   room, folders, journals, checksums of messages
 *   files.c        what the threads do to files
 *
 * A check has parts that go on side by side: it ends with the last of them, or
 * at its deadline. What comes after that is dropped: whoever waits for something
 * holds a deia__probe_part, which knows its run by a number.
 */
#ifndef DEIA_HIVE_CHECKS_CHECKS_H
#define DEIA_HIVE_CHECKS_CHECKS_H

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include <deia/hive_checks.h>

#include "hive/health/health.h"
#include "hive/hive.h"

#define DEIA__PROBE_SPACING_MS 2000
#define DEIA__PROBE_WAITERS 64
#define DEIA__PROBE_DIRS 4
#define DEIA__PROBE_PATH 4400

/* ---- found.c: what is said of a check ------------------------------------ */

/* A sentence; the worst status so far brings the advice, "" for pass. */
void deia__probe_say(struct deia_check_result *r, deia_check_status status,
		     const char *advice, const char *fmt, ...)
	DEIA_PRINTF(4, 5);
/* A figure, judged by its limits (NAN: none). Returns its status; text and
 * advice are the caller's. */
deia_check_status deia__probe_figure(struct deia_check_result *r,
				     const char *name, const char *unit,
				     double value, double warn_above,
				     double fail_above);
/* What one part found, into the whole. */
void deia__probe_merge(struct deia_check_result *to,
		       const struct deia_check_result *part);

/* ---- work.c: off the loop ------------------------------------------------ */

struct deia__probe_part;

/* Work of a thread; filled by the loop before, read by it after. */
struct deia__probe_work {
	deia_hive *hive;
	pthread_t thread;
	bool busy;	    /* there is a thread to be joined */
	atomic_bool cancel; /* it shall end soon */
	struct deia__probe_part *part;
	void (*run)(struct deia__probe_work *w);
	struct deia_check_result found;
	/* What it works on. */
	char dirs[DEIA__PROBE_DIRS][DEIA__PROBE_PATH];
	const char *names[DEIA__PROBE_DIRS]; /* of dirs, for people */
	unsigned n_dirs;
	char log_dir[DEIA__PROBE_PATH];
	char db_path[DEIA__PROBE_PATH];
};
/* Runs w->run in a thread, then what it found counts for the part. False: the
 * one before still goes on, or there is no thread; that was said. */
bool deia__probe_work_start(struct deia__probe_work *w,
			    struct deia__probe_part *part);
/* Waits for it. */
void deia__probe_work_end(struct deia__probe_work *w);

/* files.c: functions for threads. */
void deia__probe_files_disk(struct deia__probe_work *w);
void deia__probe_files_logs(struct deia__probe_work *w);
void deia__probe_files_db(struct deia__probe_work *w);
/* The last lines of a journal, whole ones. */
void deia__probe_journal(struct deia_check_result *r, const char *path,
			 const char *name, unsigned *lines);

/* ---- checks.c ------------------------------------------------------------ */

/* Something that a run waits for. */
struct deia__probe_part {
	deia_hive *hive;
	deia_check check;
	unsigned run; /* which one */
	int64_t at_us;
	char word[40]; /* random, to know the answer by */
};

struct deia__probe_run {
	struct deia_check_result result; /* the latest */
	struct deia_check_result draft;	 /* of the one that goes on */
	struct deia__timer deadline;
	deia_hive *hive;
	deia_check check;
	unsigned number, parts;
	bool running;
	int64_t begun_ms, ended_ms;
};

struct deia__probe_waiter {
	unsigned left; /* bits of the checks that it waits for */
	deia_done_cb cb;
	void *user;
	TAILQ_ENTRY(deia__probe_waiter) link;
};
TAILQ_HEAD(deia__probe_waiters, deia__probe_waiter);

/* Of the check of model servers: those that are asked one after the other. */
#define DEIA__PROBE_SERVERS 16
#define DEIA__PROBE_URL 512
struct deia__probe_server {
	char adapter[16], url[DEIA__PROBE_URL];
	char bot[DEIA_MAX_ID_LEN + 1]; /* one that uses it */
};
struct deia__probe_servers {
	struct deia__probe_server list[DEIA__PROBE_SERVERS];
	unsigned n, at, down, left_out;
};

struct deia__probes {
	struct deia_checks_host host;
	struct deia__probe_run runs[DEIA_CHECKS];
	struct deia__probe_work works[DEIA_CHECKS];
	struct deia__timer timer, tell_timer;
	unsigned interval_seconds;
	struct deia__probe_waiters waiters;
	unsigned n_waiters;
	char *db_path, *work_dir, *bot_program;
	struct deia__window requests;
	uint64_t lines_lost, own_lost; /* at the look before */
	struct deia__probe_servers servers;
	/* The probe's supervisor: nothing else of the hive knows it. */
	deia_bots *bots;
	struct deia__probe_part *bot_part;
	bool bot_answered;
};

DEIA_NODISCARD deia_err deia__probes_new(deia_hive *h,
					 const struct deia_hive_opts *o);
void deia__probes_start(deia_hive *h);
/* What waits is told that it is cancelled; nothing is begun any more. */
void deia__probes_stop(deia_hive *h);
/* Threads end; before the store is closed. */
void deia__probes_end(deia_hive *h);
void deia__probes_free(deia_hive *h);

/* One more thing that the run waits for; NULL: out of memory, said. */
struct deia__probe_part *deia__probe_part_new(deia_hive *h, deia_check check);
/* Where to say what was found; NULL: its run is over. */
struct deia_check_result *deia__probe_draft(const struct deia__probe_part *p);
/* It has come; frees it. */
void deia__probe_part_done(struct deia__probe_part *p);
/* Seconds since the part was made. */
double deia__probe_part_seconds(const struct deia__probe_part *p);
int64_t deia__probe_us(void);

void deia__probe_api(deia_hive *h);
void deia__probe_db(deia_hive *h);
void deia__probe_cache(deia_hive *h);
void deia__probe_bots(deia_hive *h);
void deia__probe_llm(deia_hive *h);
void deia__probe_logs(deia_hive *h);
void deia__probe_disk(deia_hive *h);
/* The deadline has passed: the probe's process goes. */
void deia__probe_bots_give_up(deia_hive *h);

#endif
