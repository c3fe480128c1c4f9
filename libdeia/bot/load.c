/* SPDX-License-Identifier: MIT */
/* load.c - see load.h. */
#include "bot/load.h"

#include "bot/priv.h"

/* Chat goes before tasks, so the oldest may be the first of either queue. */
static int64_t oldest_wait_ms(const struct deia__bot *bot)
{
	int64_t now = deia__timers_now(bot->bots->env.timers), oldest = now;

	for (int kind = DEIA_WORK_CHAT; kind <= DEIA_WORK_TASK; kind++) {
		const deia_work *w = TAILQ_FIRST(&bot->waiting[kind]);

		if (w != NULL && w->queued_at_ms < oldest)
			oldest = w->queued_at_ms;
	}
	return now - oldest;
}

bool deia__bots_load(const deia_bots *bots, const char *id,
		     struct deia__bot_load *out)
{
	const struct deia__bot *bot = deia__bots_find(bots, id);

	if (bot == NULL)
		return false;
	out->info = &bot->info;
	out->queued = bot->info.queued;
	out->running = bot->info.running;
	out->ended = bot->turns_ended;
	out->oldest_wait_ms = oldest_wait_ms(bot);
	return true;
}
