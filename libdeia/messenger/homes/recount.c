/* SPDX-License-Identifier: MIT */
/*
 * recount.c - how many messages an inbox has, when notices cannot tell.
 *
 * An inbox that is served here is counted at a moment when nothing of it is
 * under way, and again if something began before the count was there. Its mail
 * does not wait for that: its lanes are read anew at once.
 */
#include "messenger/homes/homes.h"

#include <string.h>

#include "store/schema.h"

#define AGAIN_MS 100
#define MAX_RECOUNTS 8
#define LOOK_EVERY_MS 1000
/* When it may be full: who sends to it is turned away for it. */
#define LOOK_SOON_MS 100
/* Of a long list of bots: the others are as of an earlier look. */
#define MAX_LOOKS 16
/* All messages are counted at most so often, and for a twentieth of the time. */
#define TOTALS_EVERY_MS 2000
#define TOTALS_PART 20

deia_err deia__home_count(struct deia__home *h, deia_counted_cb cb)
{
	struct deia_value equal[] = { deia_int(PHASE_OPEN),
				      deia_text(h->inbox->id) };

	return deia_store_count(h->m->store, &deia__table_messages,
				MAIL_BY_INBOX, equal, 2, 3, cb, h);
}

static void by_priority(uint64_t out[static DEIA_PRIORITIES],
			const deia_rows *counts)
{
	memset(out, 0, DEIA_PRIORITIES * sizeof(*out));
	for (size_t r = 0; r < deia_rows_count(counts); r++)
		out[deia_rows_get(counts, r, 2)->i & 3] +=
			(uint64_t)deia_rows_get(counts, r, 3)->i;
}

void deia__home_set_counts(struct deia__home *h, const deia_rows *counts,
			   const deia_snapshot *snapshot)
{
	struct deia__inbox *inbox = h->inbox;
	uint64_t n[DEIA_PRIORITIES];

	by_priority(n, counts);
	deia_snapshot_free(h->seen);
	h->seen = deia_snapshot_copy(snapshot);
	h->again = !h->seen; /* no memory */
	h->known = true;
	inbox->delivered = inbox->waiting = 0;
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++) {
		struct deia__lane *lane = &inbox->lanes[p];

		inbox->pending[p] = n[p];
		h->m->status.by_status[DEIA_MESSAGE_PENDING] += n[p];
		memset(lane->upto, 0, sizeof(lane->upto));
		lane->complete = n[p] == 0;
		lane->spilled = lane->rewound = false;
	}
}

/* ---- of one that is here ------------------------------------------------- */

static void count_delivered(const struct deia__home *h,
			    uint64_t out[static DEIA_PRIORITIES])
{
	const struct deia__msg *msg;

	memset(out, 0, DEIA_PRIORITIES * sizeof(*out));
	for (msg = h->msgs; msg; msg = msg->of_inbox)
		out[msg->priority] += msg->status == DEIA_MESSAGE_DELIVERED;
}

static void correct(struct deia__home *h, const deia_rows *counts,
		    const deia_snapshot *snapshot)
{
	uint64_t all[DEIA_PRIORITIES], out[DEIA_PRIORITIES];
	uint64_t *total = &h->m->status.by_status[DEIA_MESSAGE_PENDING];
	struct deia__inbox *inbox = h->inbox;

	by_priority(all, counts);
	count_delivered(h, out);
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++) {
		uint64_t n = all[p] > out[p] ? all[p] - out[p] : 0;

		*total += n - inbox->pending[p];
		inbox->pending[p] = n;
	}
	deia_snapshot_free(h->seen);
	h->seen = deia_snapshot_copy(snapshot);
	h->recount = !h->seen; /* no memory */
}

static void on_recounted(deia_err err, const deia_rows *counts,
			 const deia_snapshot *snapshot, void *user)
{
	struct deia__home *h = user;
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;

	m->n_ops--;
	deia__time_look(m);
	h->looking = false;
	if (h->state != HOME_HERE) {
		h->recount = false;
	} else if (!err && h->moving == 0 && h->changes == h->counted &&
		   !inbox->purging) {
		correct(h, counts, snapshot);
	}
	if (h->recount)
		deia__due_set(m, &m->homes->recount, AGAIN_MS);
	deia__inbox_unref(m, inbox);
}

void deia__homes_recount(void *arg)
{
	struct deia__homes *hs = arg;
	struct deia__inbox *inbox, *tmp;
	unsigned n = 0;
	bool more = false;

	if (hs->claim_failed)
		deia__homes_claim_all(hs->m);
	HASH_ITER(hh, hs->m->inboxes, inbox, tmp) {
		struct deia__home *h = inbox->home;

		if (!h->recount || h->state != HOME_HERE || h->looking)
			continue;
		more = true;
		if (h->moving || inbox->purging || n == MAX_RECOUNTS)
			continue;
		h->counted = h->changes;
		if (deia__home_count(h, on_recounted))
			break;
		hs->m->n_ops++;
		h->looking = true;
		deia__inbox_ref(inbox);
		n++;
	}
	if (more)
		deia__due_set(hs->m, &hs->recount, AGAIN_MS);
}

void deia__home_recount(struct deia__home *h)
{
	/* Before all ids there can be. */
	static const unsigned char first[DEIA__MSG_ID_BYTES] = { [15] = 1 };

	h->again = false;
	h->recount = true;
	deia__due_set(h->m, &h->m->homes->recount, 0);
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		deia__lane_came(&h->inbox->lanes[p], first);
	deia__inbox_wake(h->m, h->inbox);
}

void deia__homes_resync(deia_messenger *m)
{
	struct deia__inbox *inbox, *tmp;

	m->homes->watching = true;
	HASH_ITER(hh, m->inboxes, inbox, tmp) {
		struct deia__home *h = inbox->home;

		if (h->state == HOME_HERE)
			deia__home_recount(h);
		else if (h->state == HOME_AWAY)
			h->owner = 0;
		else
			h->again = true;
		deia__home_look_around(h);
	}
	/* Its times to live may have been told as well. */
	deia__due_expiry(m, deia__hive_now(m));
	deia__homes_claim_all(m);
}

/* ---- of one that is elsewhere -------------------------------------------- */

static void on_looked(deia_err err, const deia_rows *counts,
		      const deia_snapshot *snapshot, void *user)
{
	struct deia__home *h = user;
	struct deia__inbox *inbox = h->inbox;
	deia_messenger *m = h->m;

	(void)snapshot;
	m->n_ops--;
	m->homes->n_looks--;
	h->looking = false;
	if (!err && h->state == HOME_AWAY)
		by_priority(inbox->pending, counts);
	deia__inbox_unref(m, inbox);
}

static bool may_be_full(const deia_messenger *m,
			const struct deia__inbox *inbox)
{
	return deia__inbox_open_len(inbox) >= m->opts.inbox_max / 2;
}

void deia__home_look(deia_messenger *m, struct deia__inbox *inbox)
{
	int64_t pause_ms = may_be_full(m, inbox) ? LOOK_SOON_MS : LOOK_EVERY_MS;
	int64_t now = deia__timers_now(m->timers);
	struct deia__home *h = inbox->home;

	if (!h || h->state != HOME_AWAY || h->looking || m->stopped ||
	    m->homes->n_looks >= MAX_LOOKS ||
	    (h->looked_ms && now - h->looked_ms < pause_ms))
		return;
	if (deia__home_count(h, on_looked))
		return;
	m->n_ops++;
	m->homes->n_looks++;
	h->looked_ms = now;
	h->looking = true;
	deia__inbox_ref(inbox);
}

void deia__home_grew(deia_messenger *m, struct deia__inbox *inbox)
{
	/* What is finished there is not told: the count would only rise. */
	if (may_be_full(m, inbox))
		deia__home_look(m, inbox);
}

/* ---- of all -------------------------------------------------------------- */

static void on_totals(deia_err err, const deia_rows *counts,
		      const deia_snapshot *snapshot, void *user)
{
	struct deia__homes *hs = user;

	(void)snapshot;
	hs->m->n_ops--;
	hs->counting_totals = false;
	hs->totals_took_ms = deia__timers_now(hs->m->timers) - hs->totals_ms;
	if (err)
		return;
	memset(hs->totals, 0, sizeof(hs->totals));
	for (size_t r = 0; r < deia_rows_count(counts); r++)
		hs->totals[deia_rows_get(counts, r, 0)->i & 3] +=
			(uint64_t)deia_rows_get(counts, r, 1)->i;
	hs->has_totals = true;
}

static void ask_totals(struct deia__homes *hs)
{
	int64_t now = deia__timers_now(hs->m->timers);
	int64_t pause_ms = hs->totals_took_ms * TOTALS_PART;

	if (pause_ms < TOTALS_EVERY_MS)
		pause_ms = TOTALS_EVERY_MS;
	if (hs->counting_totals || hs->m->stopped ||
	    (hs->has_totals && now - hs->totals_ms < pause_ms))
		return;
	if (deia_store_count(hs->m->store, &deia__table_messages, MAIL_BY_INBOX,
			     NULL, 0, 1, on_totals, hs))
		return;
	hs->m->n_ops++;
	hs->counting_totals = true;
	hs->totals_ms = now;
}

void deia__homes_totals(struct deia__homes *hs,
			struct deia_messenger_status *out)
{
	uint64_t *n = out->by_status, out_here = n[DEIA_MESSAGE_DELIVERED];

	if (hs->was_alone)
		return;
	ask_totals(hs);
	if (!hs->has_totals)
		return;
	n[DEIA_MESSAGE_PENDING] = hs->totals[PHASE_OPEN] > out_here
					  ? hs->totals[PHASE_OPEN] - out_here
					  : 0;
	n[DEIA_MESSAGE_READ] = hs->totals[PHASE_READ];
	n[DEIA_MESSAGE_FAILED] = hs->totals[PHASE_FAILED];
	n[DEIA_MESSAGE_EXPIRED] = hs->totals[PHASE_EXPIRED];
}
