/* SPDX-License-Identifier: MIT */
/*
 * want.c - what waits for an inbox to be here, and how often it is tried.
 *
 * Calls, and receivers that do not wait for mail, are answered within seconds;
 * for them it is tried often. For a receiver that waits the home's messenger
 * remembers the wish, and the next try is only for the case that it was lost.
 */
#include "messenger/homes/homes.h"

#define URGENT_MS 400
#define PATIENT_MS 20000
#define CALL_WAITS_MS 6000
/* Receivers that do not wait for mail wait so long for the inbox. */
#define UNWAITING_MS 3000

static int64_t boot_now(const deia_messenger *m)
{
	return deia__timers_now(m->timers);
}

static bool is_urgent(const struct deia__home *h)
{
	const deia_receiver *r;

	if (h->waits)
		return true;
	TAILQ_FOREACH(r, &h->inbox->receivers, link)
		if (r->no_wait)
			return true;
	return false;
}

static bool is_wanted(const struct deia__home *h)
{
	return h->waits || h->claimed || h->inbox->n_receivers;
}

static void arm(struct deia__home *h)
{
	bool urgent = is_urgent(h);

	if (!urgent)
		h->since_ms = 0;
	else if (!h->since_ms)
		h->since_ms = boot_now(h->m);
	if (is_wanted(h))
		deia__due_set(h->m, &h->timer, urgent ? URGENT_MS : PATIENT_MS);
	else
		deia__timer_clear(h->m->timers, &h->timer);
}

static void want(struct deia__home *h)
{
	if (h->state == HOME_HERE || h->draining || h->m->stopped)
		return;
	/* Before those that nobody waits for: at a start there are many. */
	if (h->state == HOME_AWAY)
		deia__home_take(h, h->waits || h->inbox->n_receivers);
	arm(h);
}

void deia__home_want(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h = inbox->home;

	(void)m;
	/* It was asked for, and asking again at each turn changes nothing. */
	if (deia__timer_armed(&h->timer) && !is_urgent(h))
		return;
	if (h->since_ms && deia__timer_armed(&h->timer))
		return;
	want(h);
}

void deia__home_wait(deia_messenger *m, struct deia__inbox *inbox,
		     struct deia__home_wait *w)
{
	struct deia__home *h = inbox->home;
	struct deia__home_wait **at = &h->waits;

	while (*at)
		at = &(*at)->next;
	w->next = NULL;
	w->inbox = inbox;
	w->until_ms = boot_now(m) + CALL_WAITS_MS;
	*at = w;
	if (w == h->waits)
		deia__inbox_ref(inbox);
	if (h->state == HOME_HERE)
		deia__due_set(m, &h->timer, 0);
	else
		want(h);
}

void deia__home_claim(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h = inbox->home;

	if (!h || h->state != HOME_AWAY || h->queued ||
	    (h->owner && h->owner != m->opts.writer &&
	     deia__homes_is_node(m->homes, h->owner)))
		return;
	h->claimed = true;
	want(h);
}

void deia__home_look_around(struct deia__home *h)
{
	const struct deia__homes *hs = h->m->homes;

	if (h->state == HOME_AWAY && is_wanted(h) &&
	    !deia__homes_is_node(hs, h->owner))
		deia__due_set(h->m, &h->timer, 0);
	if (h->state == HOME_HERE && !deia__homes_is_node(hs, h->asked_by))
		h->asked_by = 0;
}

void deia__home_given(struct deia__home *h)
{
	if (h->state == HOME_TAKING || h->state == HOME_AWAY)
		h->gifted = true;
	if (h->state == HOME_TAKING)
		h->given = true; /* its row may have been read before */
	if (h->state != HOME_AWAY)
		return;
	h->owner = h->m->opts.writer;
	h->claimed = true;
	deia__home_try_now(h);
}

bool deia__home_sweeps(deia_messenger *m, const char *id)
{
	struct deia__inbox *inbox;

	if (!m->homes)
		return true;
	inbox = deia__inbox_get(m, id);
	if (!inbox)
		return false;
	if (inbox->home->state != HOME_HERE)
		deia__home_claim(m, inbox);
	return inbox->home->state == HOME_HERE;
}

void deia__home_end_waits(struct deia__home *h, deia_err err, bool all)
{
	struct deia__home_wait *due = NULL, **end = &due, **at = &h->waits, *w;
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;

	if (!h->waits)
		return;
	while ((w = *at) != NULL) {
		if (!all && w->until_ms > boot_now(m)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	if (h->waits)
		inbox = NULL;
	while ((w = due) != NULL) {
		due = w->next;
		w->fn(w, err);
	}
	if (inbox)
		deia__inbox_unref(m, inbox);
}

void deia__home_came_here(struct deia__home *h)
{
	deia_messenger *m = h->m;

	h->claimed = false;
	h->gifted = false;
	h->since_ms = 0;
	h->tries = 0;
	h->owner = m->opts.writer;
	deia__timer_clear(m->timers, &h->timer);
	if (h->asked_by)
		deia__due_set(m, &h->timer, 0);
	deia__inbox_wake(m, h->inbox);
	deia__home_end_waits(h, DEIA_OK, true);
}

void deia__home_not_got(struct deia__home *h, bool asked)
{
	if (asked)
		h->claimed = false; /* who has it looks after it */
	arm(h);
	if (!asked && is_wanted(h))
		deia__due_set(h->m, &h->timer, URGENT_MS);
}

void deia__home_try_now(struct deia__home *h)
{
	deia_messenger *m = h->m;
	struct deia__inbox *inbox = h->inbox;

	if (m->stopped)
		return;
	deia__time_look(m);
	deia__inbox_ref(inbox);
	if (h->draining) {
		deia__home_try_give(h);
	} else if (h->state == HOME_HERE) {
		deia__home_end_waits(h, DEIA_OK, true);
		deia__home_try_give(h);
	} else {
		deia__home_end_waits(h, DEIA_EUNAVAILABLE, false);
		if (h->since_ms && boot_now(m) - h->since_ms > UNWAITING_MS) {
			deia__msgr_fail(m, DEIA_EUNAVAILABLE,
					"the inbox of %s is busy at another "
					"node; try again, or ask there",
					inbox->id);
			deia__receivers_end_unwaiting(inbox, DEIA_EUNAVAILABLE);
		}
		if (is_wanted(h))
			want(h);
		else
			h->since_ms = 0;
	}
	deia__inbox_unref(m, inbox);
}
