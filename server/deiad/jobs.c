/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - see jobs.h.
 *
 * A finished job travels back by deia_hive_post. Should that fail for want of
 * memory, it waits in a list that the next one takes along.
 */
#include "jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define WAITING_MAX 256

struct jobs {
	deia_hive *hive;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t threads[JOBS_THREADS];
	unsigned started, waiting;
	bool stopping;
	struct job *first, **last;
	struct job *finished, **finished_last;
};

struct jobs *jobs_new(deia_hive *hive)
{
	struct jobs *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->hive = hive;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	j->last = &j->first;
	j->finished_last = &j->finished;
	return j;
}

/* On the loop: hands out what is finished. */
static void deliver(void *arg)
{
	struct jobs *j = arg;
	struct job *job, *next;

	pthread_mutex_lock(&j->lock);
	job = j->finished;
	j->finished = NULL;
	j->finished_last = &j->finished;
	pthread_mutex_unlock(&j->lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job);
	}
}

static void *worker(void *arg)
{
	struct jobs *j = arg;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct job *job;

		while (!j->first && !j->stopping)
			pthread_cond_wait(&j->wake, &j->lock);
		if (j->stopping)
			break;
		job = j->first;
		j->first = job->next;
		if (!j->first)
			j->last = &j->first;
		j->waiting--;
		pthread_mutex_unlock(&j->lock);
		job->run(job);
		pthread_mutex_lock(&j->lock);
		job->next = NULL;
		*j->finished_last = job;
		j->finished_last = &job->next;
		pthread_mutex_unlock(&j->lock);
		if (deia_hive_post(j->hive, deliver, j))
			(void)0; /* the next one takes it along */
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* Signals stay with the loop's thread. */
static bool start_threads(struct jobs *j)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (j->started < JOBS_THREADS &&
	       pthread_create(&j->threads[j->started], NULL, worker, j) == 0)
		j->started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return j->started > 0;
}

bool jobs_submit(struct jobs *j, struct job *job)
{
	bool ok;

	if (!j->started && !start_threads(j))
		return false;
	pthread_mutex_lock(&j->lock);
	ok = j->waiting < WAITING_MAX;
	if (ok) {
		job->next = NULL;
		job->jobs = j;
		*j->last = job;
		j->last = &job->next;
		j->waiting++;
		pthread_cond_signal(&j->wake);
	}
	pthread_mutex_unlock(&j->lock);
	return ok;
}

void jobs_free(struct jobs *j)
{
	struct job *job, *next;

	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->started; i++)
		pthread_join(j->threads[i], NULL);
	deliver(j);
	for (job = j->first; job; job = next) {
		next = job->next;
		job->dropped = true;
		job->done(job);
	}
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j);
}
