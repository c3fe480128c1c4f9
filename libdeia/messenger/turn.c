/* SPDX-License-Identifier: MIT */
/*
 * turn.c - the end of a turn of the loop: calls that end without a store, then
 * inboxes that have something for a receiver.
 */
#include <event2/event.h>

#include "messenger/messenger.h"

void deia__msgr_kick(deia_messenger *m)
{
	if (m->kicked)
		return;
	m->kicked = true;
	event_active(m->kick, EV_TIMEOUT, 1);
}

void deia__later_call(deia_messenger *m, struct deia__later *l,
		      void (*fn)(void *arg), void *arg)
{
	l->next = NULL;
	l->fn = fn;
	l->arg = arg;
	if (m->later_last)
		m->later_last->next = l;
	else
		m->later_first = l;
	m->later_last = l;
	m->n_ops++;
	deia__msgr_kick(m);
}

void deia__later_run(deia_messenger *m)
{
	struct deia__later *l = m->later_first, *next;

	m->later_first = m->later_last = NULL;
	for (; l; l = next) {
		next = l->next;
		m->n_ops--;
		l->fn(l->arg);
	}
}

static void serve_dirty(deia_messenger *m)
{
	TAILQ_HEAD(, deia__inbox) dirty = TAILQ_HEAD_INITIALIZER(dirty);
	struct deia__inbox *inbox;

	while ((inbox = TAILQ_FIRST(&m->dirty)) != NULL) {
		TAILQ_REMOVE(&m->dirty, inbox, dirty_link);
		TAILQ_INSERT_TAIL(&dirty, inbox, dirty_link);
	}
	while ((inbox = TAILQ_FIRST(&dirty)) != NULL) {
		TAILQ_REMOVE(&dirty, inbox, dirty_link);
		inbox->dirty = false;
		deia__inbox_serve(m, inbox);
		deia__inbox_unref(m, inbox);
	}
}

void deia__turn_end(evutil_socket_t fd, short what, void *arg)
{
	deia_messenger *m = arg;

	(void)fd;
	(void)what;
	m->kicked = false;
	deia__time_look(m);
	m->in_turn = true;
	deia__kept_done(m);
	deia__later_run(m);
	serve_dirty(m);
	deia__kept_trim(m);
	m->in_turn = false;
}
