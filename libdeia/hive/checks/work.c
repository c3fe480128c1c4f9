/* SPDX-License-Identifier: MIT */
/*
 * work.c - a thread for as long as some work takes that waits for the disk.
 *
 * It owns its struct until it posts its end to the loop, which joins it. A disk
 * that hangs holds the thread, not the loop: the check fails at its deadline,
 * and is not begun again before the thread is back.
 */
#include "hive/checks/checks.h"

#include <signal.h>
#include <string.h>

static void on_end(void *arg)
{
	struct deia__probe_work *w = arg;
	struct deia__probe_part *p = w->part;
	struct deia_check_result *r;

	if (!w->busy) /* the hive was freed meanwhile */
		return;
	pthread_join(w->thread, NULL);
	w->busy = false;
	w->part = NULL;
	r = deia__probe_draft(p);
	if (r)
		deia__probe_merge(r, &w->found);
	deia__probe_part_done(p);
}

static void *thread(void *arg)
{
	struct deia__probe_work *w = arg;

	w->run(w);
	/* Refused only while the hive is freed, which joins it itself. Without
	 * memory the check fails at its deadline, until that. */
	(void)!deia__post_call(w->hive->post, on_end, w);
	return NULL;
}

/* Signals stay with the threads of the host. */
static bool launch(struct deia__probe_work *w)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&w->thread, NULL, thread, w) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

bool deia__probe_work_start(struct deia__probe_work *w,
			    struct deia__probe_part *p)
{
	struct deia_check_result *r = deia__probe_draft(p);

	if (w->busy) {
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"The disk, or a network file system, does not "
				"answer: see `dmesg` and `mount`.",
				"The look before this one still waits for the "
				"disk.");
		return false;
	}
	w->hive = p->hive;
	w->part = p;
	memset(&w->found, 0, sizeof(w->found));
	w->busy = launch(w);
	if (!w->busy)
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"See how many threads and how much memory "
				"deiad may have.",
				"No thread could be started.");
	return w->busy;
}

void deia__probe_work_end(struct deia__probe_work *w)
{
	atomic_store(&w->cancel, true);
	if (!w->busy)
		return;
	pthread_join(w->thread, NULL);
	w->busy = false;
	deia__free(w->part);
	w->part = NULL;
}
