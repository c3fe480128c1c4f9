/* SPDX-License-Identifier: MIT */
/*
 * reply.c - a bot's places for mail that becomes turns, and who gets them.
 *
 * A bot works on at most max_concurrent turns, and mail takes only places that
 * people's chat leaves free, so chat goes first and its queue stays empty of
 * mail. Two kinds of mail ask for a place: what is in the inbox of a bot with
 * on_message "reply", for which one receiver waits while there is room; and
 * dialogues, which wait in line (struct deia__seat). They take turns.
 */
#include "hive/mail/reply.h"
#include "hive/tasks/budgets.h"

#include <stdio.h>
#include <string.h>

bool deia__mail_wants_turns(const deia_hive *h, const char *bot)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, bot);

	return info && info->spec->on_message &&
	       strcmp(info->spec->on_message, "reply") == 0;
}

bool deia__replier_stopped(const struct deia__replier *r)
{
	const struct deia_bot_info *info =
		r->bot ? deia_bots_get(r->hive->bots, r->id) : NULL;

	return !info || r->hive->stopping || r->bot->removing ||
	       r->bot->wish == DEIA__WISH_STOPPED ||
	       info->state == DEIA_BOT_STOPPING ||
	       info->state == DEIA_BOT_STOPPED;
}

/* ---- life ------------------------------------------------------------------ */

static void look_again(void *arg)
{
	deia__replier_look(arg);
}

struct deia__replier *deia__replier_get(deia_hive *h, struct deia__hbot *b)
{
	struct deia__replier *r = b->replier;

	if (r)
		return r;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return NULL;
	r->hive = h;
	r->bot = b;
	memcpy(r->id, b->id, sizeof(r->id));
	TAILQ_INIT(&r->turns);
	TAILQ_INIT(&r->seats);
	TAILQ_INIT(&r->peers);
	r->again.fn = look_again;
	r->again.arg = r;
	TAILQ_INSERT_TAIL(&h->repliers, r, link);
	b->replier = r;
	return r;
}

static void free_replier(struct deia__replier *r)
{
	deia__timer_clear(r->hive->timers, &r->again);
	deia__pairs_free(r);
	TAILQ_REMOVE(&r->hive->repliers, r, link);
	deia__free(r);
}

void deia__replier_check(struct deia__replier *r)
{
	if (!r->bot && !r->n && !r->receiving && !r->looking &&
	    TAILQ_EMPTY(&r->seats) && !deia__pairs_busy(r) && !r->hive->freeing)
		free_replier(r);
}

/* Nobody who waits for this bot gets a place any more. */
static void refuse_seats(struct deia__replier *r, const char *why)
{
	struct deia__seat *seat;

	while ((seat = TAILQ_FIRST(&r->seats))) {
		deia__seat_leave(seat);
		seat->refused(seat->arg, why);
	}
}

void deia__replier_orphan(struct deia__hbot *b)
{
	struct deia__replier *r = b->replier;

	if (!r)
		return;
	b->replier = NULL;
	r->bot = NULL;
	if (!r->hive->freeing)
		deia__replier_look(r);
}

void deia__repliers_free(deia_hive *h)
{
	struct deia__replier *r;
	struct deia__mail_turn *t;

	while ((r = TAILQ_FIRST(&h->repliers))) {
		while ((t = TAILQ_FIRST(&r->turns)))
			deia__mail_turn_abandon(t);
		if (r->bot)
			r->bot->replier = NULL;
		free_replier(r);
	}
	deia__guard_free(h);
}

/* ---- mail of the inbox ------------------------------------------------------ */

static void on_replied(const struct deia__mail_result *result, void *user)
{
	struct deia__replier *r = user;

	(void)result; /* the message tells the rest */
	r->n--;
	if (!r->hive->freeing)
		deia__replier_look(r);
}

/* Begins the turn of a message, unless the loop guard says no. */
static void reply_to(struct deia__replier *r, const struct deia_message *m)
{
	char reason[DEIA_MAX_REASON_BYTES];
	int64_t wait = 0;
	bool too_far = deia__guard_too_far(r->hive, m, reason, sizeof(reason));

	if (too_far) {
		deia__hive_log(r->hive, DEIA_LOG_WARN,
			       "message %s of %s to %s: %s", m->id, m->from,
			       r->id, reason);
		deia__mail_return(r->hive, r->id, m->id, m->lease_token,
				  DEIA__GIVE_UP, reason);
		return;
	}
	wait = deia__guard_wait(r->hive, r->id, m->from, reason,
				sizeof(reason));
	if (!wait && deia__mail_turn_start(r, m, on_replied, r)) {
		r->n++;
		return;
	}
	deia__mail_return(r->hive, r->id, m->id, m->lease_token,
			  wait ? wait : DEIA__MAIL_AGAIN_MS,
			  wait ? reason : "out of memory");
}

static bool is_willing(const struct deia__replier *r)
{
	const struct deia_bot_info *info =
		r->bot ? deia_bots_get(r->hive->bots, r->id) : NULL;

	return info && !deia__budgets_held(r->hive, r->bot) &&
	       r->hive->started && !r->hive->stopping && !r->bot->removing &&
	       r->bot->wish == DEIA__WISH_RUNNING &&
	       (info->state == DEIA_BOT_READY || info->state == DEIA_BOT_BUSY);
}

static bool wants_inbox(const struct deia__replier *r)
{
	return is_willing(r) && deia__mail_wants_turns(r->hive, r->id);
}

static void again_later(struct deia__replier *r)
{
	if (deia__timer_set(r->hive->timers, &r->again, DEIA__MAIL_AGAIN_MS))
		deia__hive_log(r->hive, DEIA_LOG_ERROR,
			       "bot %s does not answer its mail: out of memory",
			       r->id);
}

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia__replier *r = user;

	(void)more;
	r->receiving = r->cancelling = false;
	r->receiver = NULL;
	r->reserved = 0;
	if (r->hive->freeing)
		return;
	for (size_t i = 0; !err && i < n; i++)
		if (wants_inbox(r))
			reply_to(r, &items[i]);
		else
			deia__mail_return(r->hive, r->id, items[i].id,
					  items[i].lease_token, 0, NULL);
	if (err && err != DEIA_ECANCELED)
		again_later(r);
	else
		deia__replier_look(r);
}

static void receive(struct deia__replier *r, unsigned room)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	what.inbox = r->id;
	what.max = room;
	what.wait_ms = DEIA_WAIT_FOR_EVER;
	what.lease_ms = DEIA__MAIL_LEASE_MS;
	what.held = true;
	r->receiving = true;
	r->reserved = room;
	r->seat_was_last = false;
	if (!deia_messenger_receive(deia_hive_messenger(r->hive), &what,
				    &r->receiver, on_received, r))
		return;
	r->receiving = false;
	r->receiver = NULL;
	r->reserved = 0;
	again_later(r);
}

/* What it brings all the same is dealt with as usual. */
static void stop_receiving(struct deia__replier *r)
{
	if (!r->receiving || r->cancelling || !r->receiver)
		return;
	r->cancelling = true;
	deia_messenger_receive_cancel(deia_hive_messenger(r->hive),
				      r->receiver);
}

/* ---- who gets a place -------------------------------------------------------- */

/* Places that neither people's chat nor mail has. */
static unsigned room_of(const struct deia__replier *r)
{
	const struct deia_bot_info *info = deia_bots_get(r->hive->bots, r->id);
	unsigned used = r->bot->n_turns - r->n_chat + r->n;

	return used < info->max_concurrent ? info->max_concurrent - used : 0;
}

static void grant(struct deia__replier *r)
{
	struct deia__seat *seat = TAILQ_FIRST(&r->seats);

	TAILQ_REMOVE(&r->seats, seat, link);
	seat->taken = true;
	r->n++;
	r->seat_was_last = true;
	seat->granted(seat->arg);
}

/* Mail waits in the inbox, and it is the inbox's turn. */
static bool inbox_goes_first(const struct deia__replier *r)
{
	struct deia_inbox_status s;

	return r->seat_was_last && wants_inbox(r) &&
	       !deia_messenger_inbox(deia_hive_messenger(r->hive), r->id, &s) &&
	       s.pending > s.waiting;
}

/* The bot will not take turns again by itself. */
static const char *lost_for_good(const struct deia__replier *r)
{
	const struct deia_bot_info *info =
		r->bot ? deia_bots_get(r->hive->bots, r->id) : NULL;

	if (!info)
		return "it is removed";
	if (info->state == DEIA_BOT_FAILED && !info->next_start_unix_ms)
		return info->state_reason[0] ? info->state_reason
					     : "it has failed";
	return NULL;
}

static void give_places(struct deia__replier *r)
{
	unsigned room = room_of(r);

	if (!TAILQ_EMPTY(&r->seats) && r->receiving && room <= r->reserved) {
		stop_receiving(r);
		return;
	}
	if (r->receiving)
		room -= r->reserved < room ? r->reserved : room;
	while (room && !TAILQ_EMPTY(&r->seats) && !inbox_goes_first(r)) {
		grant(r);
		room--;
	}
	if (room && !r->receiving && wants_inbox(r))
		receive(r, room);
}

static void look(void *arg)
{
	struct deia__replier *r = arg;
	const char *why;

	r->looking = false;
	if (r->hive->freeing)
		return;
	why = lost_for_good(r);
	if (why)
		refuse_seats(r, why);
	if (!wants_inbox(r))
		stop_receiving(r);
	if (is_willing(r))
		give_places(r);
	deia__replier_check(r);
}

void deia__replier_look(struct deia__replier *r)
{
	if (r->looking || r->hive->freeing)
		return;
	r->looking = !deia__post_call(r->hive->post, look, r);
	if (!r->looking)
		again_later(r);
}

void deia__reply_look(deia_hive *h, struct deia__hbot *b)
{
	struct deia__hbot *next;

	if (!b) {
		for (b = h->hbots; b; b = next) {
			next = b->hh.next;
			deia__reply_look(h, b);
		}
		return;
	}
	if (!b->replier &&
	    (!h->started || h->stopping || !deia__mail_wants_turns(h, b->id)))
		return;
	if (deia__replier_get(h, b))
		deia__replier_look(b->replier);
	else
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s does not answer its mail: out of memory",
			       b->id);
}

void deia__reply_requeued(deia_hive *h, const struct deia_message *message)
{
	if (message->dialogue[0])
		deia__dialogue_requeued(h, message->dialogue);
	else
		deia__guard_pardon(h, message->id);
}

void deia__seat_wait(struct deia__replier *r, struct deia__seat *seat)
{
	seat->at = r;
	seat->taken = false;
	TAILQ_INSERT_TAIL(&r->seats, seat, link);
	deia__replier_look(r);
}

void deia__seat_leave(struct deia__seat *seat)
{
	struct deia__replier *r = seat->at;

	if (!r)
		return;
	seat->at = NULL;
	if (seat->taken)
		r->n--;
	else
		TAILQ_REMOVE(&r->seats, seat, link);
	seat->taken = false;
	deia__replier_look(r);
}
