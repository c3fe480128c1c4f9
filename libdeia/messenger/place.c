/* SPDX-License-Identifier: MIT */
/*
 * place.c - where a message waits: in a lane for a receiver, or for its time.
 *
 * A lane is a list by id, which is by age. New messages go to its end; what
 * comes back is older than nearly all and goes in from the front. Leases and
 * retries share one timing wheel; without a store times to live have another.
 */
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "messenger/messenger.h"

struct deia__msg *deia__msg_of_timer(struct deia__wheel_node *node)
{
	return (struct deia__msg *)(void *)((char *)node -
					    offsetof(struct deia__msg, timer));
}

struct deia__msg *deia__msg_of_expiry(struct deia__wheel_node *node)
{
	return (struct deia__msg *)(void *)((char *)node -
					    offsetof(struct deia__msg, expiry));
}

/* ---- lanes --------------------------------------------------------------- */

/* As memcmp of both ids; a comparison of two numbers is quicker. */
static int cmp_ids(const struct deia__msg *a, const struct deia__msg *b)
{
	uint64_t x, y;

	memcpy(&x, a->id, sizeof(x));
	memcpy(&y, b->id, sizeof(y));
	if (x == y) {
		memcpy(&x, a->id + sizeof(x), sizeof(x));
		memcpy(&y, b->id + sizeof(y), sizeof(y));
	}
	x = be64toh(x);
	y = be64toh(y);
	return (x > y) - (x < y);
}

static void link_before(struct deia__lane *lane, struct deia__msg *msg,
			struct deia__msg *at)
{
	msg->next = at;
	msg->prev = at ? at->prev : lane->last;
	if (msg->prev)
		msg->prev->next = msg;
	else
		lane->first = msg;
	if (at)
		at->prev = msg;
	else
		lane->last = msg;
	lane->n++;
}

static void lane_add(struct deia__lane *lane, struct deia__msg *msg)
{
	struct deia__msg *at = NULL;

	if (lane->last && cmp_ids(msg, lane->last) < 0)
		for (at = lane->first; cmp_ids(at, msg) < 0;)
			at = at->next;
	link_before(lane, msg, at);
}

static void lane_remove(struct deia__lane *lane, struct deia__msg *msg)
{
	if (msg->prev)
		msg->prev->next = msg->next;
	else
		lane->first = msg->next;
	if (msg->next)
		msg->next->prev = msg->prev;
	else
		lane->last = msg->prev;
	msg->next = msg->prev = NULL;
	lane->n--;
}

void deia__lane_gone(struct deia__lane *lane, const unsigned char *id)
{
	if (!lane->loading)
		return;
	if (lane->n_gone == lane->cap_gone) {
		unsigned cap = lane->cap_gone ? lane->cap_gone * 2 : 64;
		void *gone =
			deia__realloc(lane->gone, cap * sizeof(*lane->gone));

		if (!gone) { /* the page that is being read is not used */
			lane->n_gone = UINT32_MAX;
			return;
		}
		lane->gone = gone;
		lane->cap_gone = cap;
	}
	if (lane->n_gone != UINT32_MAX)
		memcpy(lane->gone[lane->n_gone++], id, DEIA__MSG_ID_BYTES);
}

void deia__lane_came(struct deia__lane *lane, const unsigned char *id)
{
	unsigned char rewind[DEIA__MSG_ID_BYTES];

	lane->complete = false;
	if (memcmp(id, lane->upto, DEIA__MSG_ID_BYTES) > 0) {
		lane->spilled = true;
		return;
	}
	deia__id_before(rewind, id);
	if (!lane->loading) {
		memcpy(lane->upto, rewind, DEIA__MSG_ID_BYTES);
		return;
	}
	if (!lane->rewound ||
	    memcmp(rewind, lane->rewind, DEIA__MSG_ID_BYTES) < 0)
		memcpy(lane->rewind, rewind, DEIA__MSG_ID_BYTES);
	lane->rewound = true;
}

void deia__lane_loaded(struct deia__lane *lane)
{
	lane->n_gone = 0;
	if (!lane->rewound)
		return;
	lane->rewound = false;
	lane->complete = false;
	if (memcmp(lane->rewind, lane->upto, DEIA__MSG_ID_BYTES) < 0)
		memcpy(lane->upto, lane->rewind, DEIA__MSG_ID_BYTES);
}

void deia__lane_fini(struct deia__lane *lane)
{
	deia__free(lane->gone);
	lane->gone = NULL;
	lane->n_gone = lane->cap_gone = 0;
}

/* Its first message is the next one: nothing in the store is before it. */
static bool lane_ready(const struct deia__lane *lane)
{
	if (lane->complete)
		return true;
	return lane->first &&
	       memcmp(lane->first->id, lane->upto, DEIA__MSG_ID_BYTES) <= 0;
}

/* ---- the place of a message ---------------------------------------------- */

void deia__place_put(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__inbox *inbox = msg->to;
	bool waits = msg->status == DEIA_MESSAGE_PENDING &&
		     msg->due > deia__hive_now(m);

	if (msg->aside && msg->status == DEIA_MESSAGE_PENDING) {
		msg->place = PLACE_ASIDE;
		return;
	}
	if (msg->status == DEIA_MESSAGE_DELIVERED || waits) {
		msg->place = PLACE_TIMED;
		inbox->waiting += waits;
		deia__wheel_add(&m->timed, &msg->timer);
		deia__due_arm(m);
		return;
	}
	msg->due = 0;
	msg->place = PLACE_LANE;
	lane_add(&inbox->lanes[msg->priority], msg);
	deia__inbox_wake(m, inbox);
}

void deia__place_take(deia_messenger *m, struct deia__msg *msg)
{
	if (msg->place == PLACE_LANE) {
		lane_remove(&msg->to->lanes[msg->priority], msg);
	} else if (msg->place == PLACE_TIMED) {
		deia__wheel_remove(&m->timed, &msg->timer);
		msg->to->waiting -= msg->status == DEIA_MESSAGE_PENDING;
	}
	msg->place = PLACE_NONE;
}

/* ---- picking ------------------------------------------------------------- */

bool deia__place_has_next(const struct deia__inbox *inbox)
{
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		if (inbox->lanes[p].first || !inbox->lanes[p].complete)
			return true;
	return false;
}

/* An aged message is passed over DEIA__AGED_TURN - 1 times at most. */
static struct deia__msg *choose(deia_messenger *m, struct deia__inbox *inbox,
				struct deia__msg *high, struct deia__msg *old)
{
	if (high == old ||
	    deia__hive_now(m) - deia__id_ms(old->id) <= m->opts.ageing_ms)
		return high;
	if (++inbox->passed < DEIA__AGED_TURN)
		return high;
	inbox->passed = 0;
	return old;
}

/* More of a lane is read before its memory is empty; only when it is empty the
 * inbox has to wait for it. */
static deia_err look_ahead(deia_messenger *m, struct deia__inbox *inbox,
			   unsigned priority, bool *wait)
{
	struct deia__lane *lane = &inbox->lanes[priority];
	bool ready = lane_ready(lane);
	deia_err err = DEIA_OK;

	if (!ready || (!lane->complete && lane->n < DEIA__LANE_LOW))
		err = deia__rows_load_lane(m, inbox, priority);
	*wait = *wait || !ready;
	return ready ? DEIA_OK : err;
}

/* Not one whose time to live is over: the sweep is about to take it. */
static struct deia__msg *first_alive(const deia_messenger *m,
				     const struct deia__lane *lane)
{
	struct deia__msg *msg = lane->first;

	while (msg && msg->expires <= deia__hive_now(m))
		msg = msg->next;
	return msg;
}

deia_err deia__place_pick(deia_messenger *m, struct deia__inbox *inbox,
			  struct deia__msg **out, bool *wait)
{
	struct deia__msg *high = NULL, *old = NULL;

	*wait = false;
	*out = NULL;
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++) {
		deia_err err = look_ahead(m, inbox, p, wait);
		struct deia__msg *first;

		if (err || *wait)
			return err;
		first = first_alive(m, &inbox->lanes[p]);
		if (!high)
			high = first;
		if (first && (!old || cmp_ids(first, old) < 0))
			old = first;
	}
	if (!high)
		return DEIA_OK;
	*out = choose(m, inbox, high, old);
	deia__place_take(m, *out);
	return DEIA_OK;
}
