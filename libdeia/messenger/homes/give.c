/* SPDX-License-Identifier: MIT */
/* give.c - an inbox that is here is given to the messenger that asked for it. */
#include "messenger/homes/homes.h"

#include "store/schema.h"

/* A wish counts so long; who still has it says so again. */
#define IDLE_WISH_MS 60000
#define CALL_WISH_MS 1500
#define LOOK_AGAIN_MS 100

/* ---- forgetting ---------------------------------------------------------- */

static void forget_message(deia_messenger *m, struct deia__msg *msg)
{
	deia__place_take(m, msg);
	deia__msg_remove(m, msg);
	deia__msg_free(m, msg);
}

/* What is being sent to it stays: it goes when it is durable. */
void deia__home_forget(struct deia__home *h)
{
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;
	uint64_t *total = m->status.by_status;
	struct deia__msg *msg, *next;

	deia__home_came_drop(h);
	if (!h->known)
		return;
	h->known = h->recount = false;
	deia_snapshot_free(h->seen);
	h->seen = NULL;

	for (msg = h->msgs; msg; msg = next) {
		next = msg->of_inbox;
		if (msg->place != PLACE_NONE)
			forget_message(m, msg);
	}
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++) {
		total[DEIA_MESSAGE_PENDING] -= inbox->pending[p];
		inbox->lanes[p].complete = true;
	}
	total[DEIA_MESSAGE_DELIVERED] -= inbox->delivered;
	inbox->pending[DEIA_PRIORITIES - 1] += inbox->delivered;
	inbox->delivered = 0;
	inbox->waiting = 0;
	inbox->passed = 0;
}

/* ---- giving -------------------------------------------------------------- */

/* A held lease ends with its holder, which is here. */
static bool has_held(const struct deia__home *h)
{
	const struct deia__msg *msg;

	for (msg = h->msgs; msg; msg = msg->of_inbox)
		if (msg->held && msg->status == DEIA_MESSAGE_DELIVERED)
			return true;
	return false;
}

static bool is_still(const struct deia__home *h)
{
	const struct deia__inbox *inbox = h->inbox;

	if (h->moving || inbox->purging ||
	    (h->asked_idle && inbox->n_receivers))
		return false;
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		if (inbox->lanes[p].loading)
			return false;
	return !has_held(h);
}

static void on_given(deia_err err, const int64_t *seqs, size_t n_seqs,
		     void *user)
{
	struct deia__home *h = user;
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;

	(void)seqs;
	(void)n_seqs;
	m->n_ops--;
	deia__time_look(m);
	if (!h->unused && err && err != DEIA_ECONFLICT &&
	    err != DEIA_ENOTFOUND) {
		/* Nothing happened: it is served on. */
		h->state = HOME_HERE;
		deia__home_came_all(h);
		if (h->again)
			deia__home_recount(h);
	} else {
		h->state = HOME_AWAY;
		h->owner = err ? 0 : h->asked_by;
		/* Who came meanwhile has not asked for it yet. */
		deia__timer_clear(m->timers, &h->timer);
		deia__home_forget(h);
	}
	h->asked_by = 0;
	h->unused = false;
	deia__inbox_wake(m, inbox);
	if (h->state == HOME_HERE)
		deia__home_end_waits(h, DEIA_OK, true);
	else if (h->waits)
		deia__due_set(m, &h->timer, 0);
	deia__inbox_unref(m, inbox);
}

static bool give(struct deia__home *h)
{
	deia_messenger *m = h->m;
	deia_txn *txn = deia_txn_new(m->store);
	struct deia_value key = deia_text(h->inbox->id);
	struct deia_set set = { MAIL_HOME_WRITER, deia_int(h->asked_by) };
	struct deia_set guard = { MAIL_HOME_WRITER, deia_int(m->opts.writer) };

	deia_txn_update(txn, &deia__table_message_homes, &key, &set, 1, &guard);
	deia__home_tell_given(txn, h->inbox->id, h->asked_by);
	if (deia_txn_commit(txn, on_given, h))
		return false;
	m->n_ops++;
	deia__inbox_ref(h->inbox);
	h->state = HOME_GIVING;
	return true;
}

/* It is served on, and what was told meanwhile is dealt with. */
static void keep(struct deia__home *h)
{
	bool was_draining = h->draining;

	h->asked_by = 0;
	if (!was_draining)
		return;
	h->draining = false;
	h->state = HOME_HERE;
	deia__home_came_all(h);
	if (h->again)
		deia__home_recount(h);
	deia__inbox_wake(h->m, h->inbox);
	deia__home_end_waits(h, DEIA_OK, true);
}

/*
 * A busy inbox is never still by itself. For a call elsewhere nothing new is
 * begun here, and it goes when what is under way has ended.
 */
static void drain(struct deia__home *h)
{
	if (h->inbox->purging || has_held(h)) {
		keep(h);
		return;
	}
	h->state = HOME_GIVING;
	h->draining = true;
	deia__due_set(h->m, &h->timer, LOOK_AGAIN_MS);
}

void deia__home_try_give(struct deia__home *h)
{
	deia_messenger *m = h->m;

	if ((h->state != HOME_HERE && !h->draining) || !h->asked_by ||
	    m->stopped)
		return;
	if (!deia__homes_is_node(m->homes, h->asked_by) ||
	    (!h->draining && deia__timers_now(m->timers) > h->asked_until_ms)) {
		keep(h);
		return;
	}
	if (is_still(h) && give(h))
		h->draining = false;
	else if (!h->asked_idle)
		drain(h);
}

void deia__home_idle(deia_messenger *m, struct deia__inbox *inbox)
{
	struct deia__home *h = inbox->home;

	if (h && h->asked_by &&
	    (h->draining || (h->state == HOME_HERE && inbox->n_receivers == 0)))
		deia__due_set(m, &h->timer, 0);
}

void deia__home_asked(deia_messenger *m, const char *id, int64_t by, bool idle)
{
	struct deia__inbox *inbox = deia__inbox_get(m, id);
	struct deia__home *h = inbox ? inbox->home : NULL;

	if (!h || h->queued || h->state == HOME_GIVING)
		return;
	/* Who calls on a message is served before who only waits. */
	if (idle && h->asked_by && !h->asked_idle &&
	    deia__timers_now(m->timers) <= h->asked_until_ms)
		return;
	h->asked_by = by;
	h->asked_idle = idle;
	h->asked_until_ms = deia__timers_now(m->timers) +
			    (idle ? IDLE_WISH_MS : CALL_WISH_MS);
	if (h->state != HOME_AWAY) {
		deia__home_try_give(h);
		return;
	}
	/* Its row says that it is here, and here it was forgotten. */
	h->unused = true;
	if (!give(h)) {
		h->unused = false;
		h->asked_by = 0;
	}
}
