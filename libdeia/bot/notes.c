/* SPDX-License-Identifier: MIT */
/*
 * notes.c - callbacks that are owed: state changes, turns begun and ended.
 *
 * They are queued in the order in which things happened and delivered from the
 * loop, never inside the call that caused them. One round delivers what was
 * queued when it began; what its callbacks cause waits for the next turn of
 * the loop, so that a chain of them cannot starve it.
 */
#include "bot/priv.h"

#include <string.h>

#include <event2/event.h>

#include "core/mem.h"

static void on_notes(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deia__notes_dispatch(arg);
}

void deia__notes_init(struct deia_bots *bots)
{
	TAILQ_INIT(&bots->notes);
	event_assign(&bots->notes_event, bots->env.base, -1, 0, on_notes, bots);
}

static void wake(struct deia_bots *bots)
{
	static const struct timeval now = { 0, 0 };

	if (bots->dispatching)
		event_add(&bots->notes_event, &now);
	else
		event_active(&bots->notes_event, EV_TIMEOUT, 0);
}

void deia__notes_add(struct deia_bots *bots, struct deia__note *note)
{
	if (note->queued)
		return;
	note->queued = true;
	TAILQ_INSERT_TAIL(&bots->notes, note, link);
	wake(bots);
}

void deia__notes_add_state(struct deia__bot *bot, deia_bot_state from)
{
	struct deia__state_note *n;

	if (bot->bots->opts.on_state == NULL)
		return;
	n = deia__alloc(sizeof(*n));
	if (n == NULL)
		return; /* the next change tells the state as well */
	n->note.kind = DEIA__NOTE_STATE;
	n->bot = bot;
	n->from = from;
	n->info = bot->info;
	memcpy(n->reason, bot->reason, sizeof(n->reason));
	memcpy(n->status, bot->status, sizeof(n->status));
	bot->refs++;
	bot->n_owed++;
	deia__notes_add(bot->bots, &n->note);
}

void deia__notes_add_claimable(struct deia__bot *bot)
{
	if (bot->bots->opts.on_claimable == NULL || bot->claim_note.queued)
		return;
	bot->claim_note.kind = DEIA__NOTE_CLAIMABLE;
	bot->refs++;
	deia__notes_add(bot->bots, &bot->claim_note);
}

static struct deia__bot *claimable_bot(struct deia__note *note)
{
	return (struct deia__bot *)((char *)note -
				    offsetof(struct deia__bot, claim_note));
}

static void deliver_claimable(struct deia_bots *bots, struct deia__bot *bot)
{
	if (!bot->removed)
		bots->opts.on_claimable(bot->spec->id, bots->opts.user);
	deia__bot_unref(bot);
}

static void free_state(struct deia__state_note *n)
{
	deia__bot_unref(n->bot);
	deia__free(n);
}

static void deliver_state(struct deia_bots *bots, struct deia__note *note)
{
	struct deia__state_note *n = (struct deia__state_note *)note;

	n->bot->n_owed--;
	deia__bots_fill_info(n->bot, &n->info);
	n->info.state_reason = n->reason;
	n->info.status_text = n->status;
	bots->opts.on_state(&n->info, n->from, bots->opts.user);
	free_state(n);
}

static deia_work *work_of(struct deia__note *note)
{
	size_t at = note->kind == DEIA__NOTE_START
			    ? offsetof(deia_work, start_note)
			    : offsetof(deia_work, done_note);

	return (deia_work *)((char *)note - at);
}

static void deliver(struct deia_bots *bots, struct deia__note *note)
{
	deia_work *w;

	note->queued = false;
	switch (note->kind) {
	case DEIA__NOTE_STATE:
		deliver_state(bots, note);
		break;
	case DEIA__NOTE_START:
		w = work_of(note);
		w->events.on_start(w->user);
		break;
	case DEIA__NOTE_DONE:
		w = work_of(note);
		w->events.on_done(&w->result, w->user);
		deia__work_free(w);
		break;
	case DEIA__NOTE_CLAIMABLE:
		deliver_claimable(bots, claimable_bot(note));
		break;
	case DEIA__NOTE_ALL_STOPPED:
		bots->all_stopped(bots->all_stopped_user);
		break;
	}
}

void deia__notes_dispatch(struct deia_bots *bots)
{
	struct deia__note *note, *last = TAILQ_LAST(&bots->notes, deia__notes);

	if (bots->dispatching || last == NULL)
		return;
	bots->dispatching = true;
	do {
		note = TAILQ_FIRST(&bots->notes);
		TAILQ_REMOVE(&bots->notes, note, link);
		deliver(bots, note);
	} while (note != last);
	bots->dispatching = false;
}

void deia__notes_drop(struct deia_bots *bots)
{
	struct deia__note *note;

	event_del(&bots->notes_event);
	while ((note = TAILQ_FIRST(&bots->notes)) != NULL) {
		TAILQ_REMOVE(&bots->notes, note, link);
		note->queued = false;
		if (note->kind == DEIA__NOTE_STATE)
			free_state((struct deia__state_note *)note);
		else if (note->kind == DEIA__NOTE_DONE)
			deia__work_free(work_of(note));
		else if (note->kind == DEIA__NOTE_CLAIMABLE)
			deia__bot_unref(claimable_bot(note));
	}
}
