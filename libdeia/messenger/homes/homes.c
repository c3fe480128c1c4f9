/* SPDX-License-Identifier: MIT */
/* homes.c - the life of it, and which messengers there are. */
#include "messenger/homes/homes.h"

#include <string.h>

#define MAX_NODES 256

deia_err deia__homes_new(deia_messenger *m)
{
	struct deia__homes *hs = deia__alloc(sizeof(*hs));

	if (!hs)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	hs->m = m;
	hs->was_alone = true;
	TAILQ_INIT(&hs->queue);
	TAILQ_INIT(&hs->leases);
	TAILQ_INIT(&hs->reading);
	hs->recount.fn = deia__homes_recount;
	hs->recount.arg = hs;
	m->homes = hs;
	return DEIA_OK;
}

deia_err deia__homes_start(deia_messenger *m)
{
	deia_err err;

	if (!m->homes)
		return DEIA_OK;
	err = deia_store_watch(m->store, deia__homes_notice, m);
	if (err)
		deia__msgr_fail(m, err, "the store cannot be watched: %s",
				deia_err_text(err));
	return err;
}

void deia__homes_stop(deia_messenger *m)
{
	struct deia__inbox *inbox, *tmp;

	if (!m->homes)
		return;
	deia_store_unwatch(m->store, deia__homes_notice, m);
	deia__timer_clear(m->timers, &m->homes->recount);
	HASH_ITER(hh, m->inboxes, inbox, tmp) {
		deia__inbox_ref(inbox);
		deia__timer_clear(m->timers, &inbox->home->timer);
		deia__home_end_waits(inbox->home, DEIA_ESTATE, true);
		deia__inbox_unref(m, inbox);
	}
}

void deia__homes_free(deia_messenger *m)
{
	if (!m->homes)
		return;
	if (m->timers)
		deia__timer_clear(m->timers, &m->homes->recount);
	deia__free(m->homes->nodes);
	deia__free(m->homes);
	m->homes = NULL;
}

bool deia__homes_is_node(const struct deia__homes *hs, int64_t writer)
{
	for (size_t i = 0; i < hs->n_nodes; i++)
		if (hs->nodes[i] == writer)
			return true;
	return false;
}

/* Who is gone gets nothing any more; what it had is for who waits here. */
static void look_around(deia_messenger *m)
{
	struct deia__inbox *inbox, *tmp;

	HASH_ITER(hh, m->inboxes, inbox, tmp)
		deia__home_look_around(inbox->home);
}

deia_err deia_messenger_set_nodes(deia_messenger *m, const int64_t *writers,
				  size_t n)
{
	deia_err err = deia__msgr_check(m);
	int64_t *copy;

	if (err)
		return err;
	if (!m->homes || n == 0 || n > MAX_NODES)
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a messenger that shares its store has "
				       "1 to %d nodes",
				       MAX_NODES);
	if (m->homes->has_nodes && n == m->homes->n_nodes &&
	    memcmp(writers, m->homes->nodes, n * sizeof(*copy)) == 0)
		return DEIA_OK;
	copy = deia__alloc(n * sizeof(*copy));
	if (!copy)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	memcpy(copy, writers, n * sizeof(*copy));
	deia__free(m->homes->nodes);
	m->homes->nodes = copy;
	m->homes->n_nodes = n;
	m->homes->has_nodes = true;
	m->homes->was_alone = m->homes->was_alone && n == 1;
	look_around(m);
	deia__homes_claim_all(m);
	return DEIA_OK;
}

/* ---- one inbox ----------------------------------------------------------- */

static void on_timer(void *arg)
{
	deia__home_try_now(arg);
}

bool deia__home_init(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h;

	if (!m->homes)
		return true;
	h = deia__alloc(sizeof(*h));
	if (!h)
		return false;
	h->m = m;
	h->inbox = inbox;
	h->timer.fn = on_timer;
	h->timer.arg = h;
	inbox->home = h;
	return true;
}

void deia__home_fini(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h = inbox->home;

	if (!h)
		return;
	if (h->queued)
		TAILQ_REMOVE(&m->homes->queue, h, link);
	for (unsigned p = 0; h->known && p < DEIA_PRIORITIES; p++)
		m->status.by_status[DEIA_MESSAGE_PENDING] -= inbox->pending[p];
	deia__timer_clear(m->timers, &h->timer);
	deia__home_came_drop(h);
	deia_snapshot_free(h->seen);
	deia__free(h);
	inbox->home = NULL;
}

void deia__home_let(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h = inbox->home;

	if (!h)
		return;
	h->moving--;
	h->changes++;
	if (h->moving == 0 && h->asked_by)
		deia__due_set(m, &h->timer, 0);
}

bool deia__home_serves(const deia_messenger *m, const char *id)
{
	const struct deia__inbox *inbox;

	if (!m->homes)
		return true;
	inbox = deia__inbox_find(m, id);
	return inbox && deia__home_is_here(inbox);
}

deia_err deia__home_moved(deia_messenger *m, const char *id)
{
	return deia__msgr_fail(m, DEIA_EBUSY,
			       "message %.40s is on its way to another node; "
			       "try again",
			       id);
}
