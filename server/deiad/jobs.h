/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - blocking work off the loop: reading log files, asking a model
 * server. A few threads, started with the first job; a bounded queue.
 */
#ifndef DEIAD_JOBS_H
#define DEIAD_JOBS_H

#include <deia/hive.h>

#define JOBS_THREADS 4

struct job {
	struct job *next;
	struct jobs *jobs;
	void (*run)(struct job *job);  /* in a worker thread */
	void (*done)(struct job *job); /* on the loop; frees the job */
	bool dropped;		       /* done without run: shutting down */
};
struct jobs;

struct jobs *jobs_new(deia_hive *hive);
/* False: too many wait; the job stays the caller's. */
bool jobs_submit(struct jobs *jobs, struct job *job);
/* Waits for the running ones; done is called for all. Before deia_hive_free. */
void jobs_free(struct jobs *jobs);

#endif
