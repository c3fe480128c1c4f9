/* SPDX-License-Identifier: MIT */
/*
 * order.c - depends_on: what a start waits for, and who is stopped first.
 *
 * A bot that waits is in the list of the first bot it still needs, so that
 * only a move of that one makes anybody look; or in the list of those that
 * need a bot that does not exist. It needs its start only: what happens to the
 * other later is that one's own business. There is no cycle: add and set_spec
 * refuse it.
 */
#include "bot/priv.h"

#include <stdio.h>
#include <string.h>

#define CYCLE_SHOWN 4

static bool is_up(const struct deia__bot *bot)
{
	return bot->info.state == DEIA_BOT_READY ||
	       bot->info.state == DEIA_BOT_BUSY ||
	       bot->info.state == DEIA_BOT_PAUSED;
}

/* ---- waiting --------------------------------------------------------------------- */

bool deia__order_is_blocked(const struct deia__bot *bot)
{
	for (; bot->waits; bot = bot->waits_for)
		if (bot->waits_for == NULL ||
		    (!is_up(bot->waits_for) &&
		     bot->waits_for->info.state != DEIA_BOT_STARTING &&
		     bot->waits_for->info.state != DEIA_BOT_BACKOFF))
			return true;
	return false;
}

static struct deia__bot_list *list_of(struct deia__bot *bot)
{
	return bot->waits_for != NULL ? &bot->waits_for->waiters
				      : &bot->bots->orphans;
}

bool deia__order_forget(struct deia__bot *bot)
{
	if (!bot->waits)
		return false;
	TAILQ_REMOVE(list_of(bot), bot, wait_link);
	bot->waits = false;
	bot->waits_for = NULL;
	return true;
}

static void say_why(struct deia__bot *bot, const char *id,
		    const struct deia__bot *need)
{
	char why[DEIA__REASON_BYTES];

	if (need == NULL)
		snprintf(why, sizeof(why),
			 "waiting for %s, which does not exist", id);
	else if (need->info.state == DEIA_BOT_STARTING && !need->waits)
		snprintf(why, sizeof(why), "waiting for %s", id);
	else
		snprintf(why, sizeof(why),
			 "waiting for %s, which is %s: %.300s", id,
			 deia_bot_state_name(need->info.state), need->reason);
	if (strcmp(bot->reason, why) != 0)
		deia__bot_explain(bot, "%s", why);
}

bool deia__order_wait(struct deia__bot *bot)
{
	const struct deia_bot_spec *s = bot->spec;
	struct deia__bot *need = NULL;
	size_t i;

	for (i = 0; i < s->n_depends_on; i++) {
		need = deia__bots_find(bot->bots, s->depends_on[i]);
		if (need == NULL || !is_up(need))
			break;
	}
	if (i == s->n_depends_on)
		return false;
	bot->waits = true;
	bot->waits_for = need;
	TAILQ_INSERT_TAIL(list_of(bot), bot, wait_link);
	say_why(bot, s->depends_on[i], need);
	return true;
}

void deia__order_look(struct deia__bot *bot)
{
	if (deia__order_forget(bot) && !deia__order_wait(bot)) {
		deia__bot_explain(bot, "waiting to be ready");
		deia__start_queue(bot);
	}
}

/* Those who still wait go to the end of a list, maybe of the same one. */
static void look_all(struct deia__bot_list *list)
{
	struct deia__bot *last = TAILQ_LAST(list, deia__bot_list), *bot;

	if (last == NULL)
		return;
	do {
		bot = TAILQ_FIRST(list);
		deia__order_look(bot);
	} while (bot != last);
}

void deia__order_moved(struct deia__bot *bot)
{
	if (!TAILQ_EMPTY(&bot->waiters))
		look_all(&bot->waiters);
	if (bot->bots->stops_left)
		deia__bots_wake(bot->bots);
}

void deia__order_added(struct deia_bots *bots)
{
	look_all(&bots->orphans);
}

void deia__order_removed(struct deia__bot *bot)
{
	deia__order_forget(bot);
	look_all(&bot->waiters);
}

/* ---- cycles ---------------------------------------------------------------------- */

/* "a -> b -> a"; of a long one, the end that closes it. */
static deia_err tell_cycle(struct deia_bots *bots, const char *id,
			   const struct deia__bot *last)
{
	const char *ids[CYCLE_SHOWN];
	const struct deia__bot *b;
	struct deia__buf path;
	size_t n = 0;

	for (b = last; b != NULL && n < CYCLE_SHOWN; b = b->via)
		ids[n++] = b->spec->id;
	deia__buf_init(&path, 0);
	if (b != NULL)
		deia__buf_adds(&path, "... -> ");
	while (n-- > 0)
		deia__buf_addf(&path, "%s -> ", ids[n]);
	deia__fail(&bots->errmsg, DEIA_EFIELD,
		   "/depends_on: makes a cycle, so that none of these could "
		   "start: %s -> %s%s",
		   id, path.len != 0 ? path.data : "", id);
	deia__buf_fini(&path);
	return DEIA_EFIELD;
}

/* Puts what a spec names into the queue, once; true when it names id. */
static bool queue_needs(struct deia_bots *bots, const struct deia_bot_spec *s,
			struct deia__bot *from, const char *id,
			struct deia__bot_list *queue)
{
	struct deia__bot *need;
	size_t i;

	for (i = 0; i < s->n_depends_on; i++) {
		if (strcmp(s->depends_on[i], id) == 0)
			return true;
		need = deia__bots_find(bots, s->depends_on[i]);
		if (need == NULL || need->mark == bots->mark)
			continue;
		need->mark = bots->mark;
		need->via = from;
		TAILQ_INSERT_TAIL(queue, need, mark_link);
	}
	return false;
}

deia_err deia__order_check(struct deia_bots *bots,
			   const struct deia_bot_spec *spec)
{
	struct deia__bot_list queue = TAILQ_HEAD_INITIALIZER(queue);
	struct deia__bot *bot;

	bots->mark++;
	if (queue_needs(bots, spec, NULL, spec->id, &queue))
		return tell_cycle(bots, spec->id, NULL);
	while ((bot = TAILQ_FIRST(&queue)) != NULL) {
		TAILQ_REMOVE(&queue, bot, mark_link);
		if (queue_needs(bots, bot->spec, bot, spec->id, &queue))
			return tell_cycle(bots, spec->id, bot);
	}
	return DEIA_OK;
}

/* ---- stopping all ------------------------------------------------------------------ */

/* Marks what bots that still live depend on. */
static void mark_needed(struct deia_bots *bots)
{
	struct deia__bot *need;
	const struct deia_bot_spec *s;
	size_t i, j;

	bots->mark++;
	for (i = 0; i < bots->n_bots; i++) {
		s = bots->bots[i]->spec;
		if (!deia__bot_is_live(bots->bots[i]))
			continue;
		for (j = 0; j < s->n_depends_on; j++) {
			need = deia__bots_find(bots, s->depends_on[j]);
			if (need != NULL)
				need->mark = bots->mark;
		}
	}
}

void deia__order_stop_some(struct deia_bots *bots)
{
	struct deia__bot *bot;
	size_t i;

	mark_needed(bots);
	bots->stops_left = false;
	for (i = 0; i < bots->n_bots; i++) {
		bot = bots->bots[i];
		if (!deia__bot_is_live(bot) ||
		    bot->info.state == DEIA_BOT_STOPPING)
			continue;
		if (bot->mark == bots->mark)
			bots->stops_left = true;
		else
			deia__bot_stop(bot);
	}
}
