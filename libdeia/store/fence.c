/* SPDX-License-Identifier: MIT */
/*
 * fence.c - other stores are shut out on a thread of its own, which is started
 * by the first one and ends with the store: neither the loop nor the writer
 * waits for it.
 */
#include "store/store.h"

#include <signal.h>

#include "core/mem.h"

static void *fence_main(void *arg)
{
	deia_store *s = arg;
	struct deia__fencing *f;
	struct deia__job *job;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->stop && !s->fences.first)
			pthread_cond_wait(&s->fence_cond, &s->lock);
		job = s->fences.first;
		if (!job)
			break;
		s->fences.first = job->next;
		if (!s->fences.first)
			s->fences.last = NULL;
		pthread_mutex_unlock(&s->lock);
		f = (struct deia__fencing *)(void *)job;
		f->err = s->backend->fence(s->self, f->writer, f->force);
		deia__job_done(s, job, 0);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool start_thread(deia_store *s)
{
	sigset_t all, old;

	if (s->has_fencer)
		return true;
	/* Signals belong to the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->has_fencer = !pthread_create(&s->fencer, NULL, fence_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->has_fencer;
}

static deia_err admit(const deia_store *s, int64_t writer, deia_fenced_cb cb)
{
	int64_t own = deia_store_writer(s);

	if (own == 0 || writer == own || writer <= 0 || !cb)
		return DEIA_EINVAL;
	if (s->closing)
		return DEIA_ESTATE;
	if (atomic_load(&s->failed_hard))
		return DEIA_ESTORE;
	return s->open_fences >= DEIA__MAX_FENCES ? DEIA_EBUSY : DEIA_OK;
}

deia_err deia_store_fence(deia_store *s, int64_t writer, bool force,
			  deia_fenced_cb cb, void *user)
{
	deia_err err = admit(s, writer, cb);
	struct deia__fencing *f;

	if (err)
		return err;
	f = deia__alloc(sizeof(*f));
	if (!f || !start_thread(s)) {
		deia__free(f);
		return DEIA_ENOMEM;
	}
	f->job.kind = DEIA__JOB_FENCE;
	f->writer = writer;
	f->force = force;
	f->cb = cb;
	f->user = user;
	s->open_fences++;
	pthread_mutex_lock(&s->lock);
	deia__jobs_add(&s->fences, &f->job);
	pthread_cond_signal(&s->fence_cond);
	pthread_mutex_unlock(&s->lock);
	return DEIA_OK;
}

void deia__fence_deliver(deia_store *s, struct deia__fencing *f)
{
	s->open_fences--;
	f->cb(f->err, f->user);
	deia__free(f);
}
