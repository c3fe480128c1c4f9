/* SPDX-License-Identifier: MIT */
/*
 * look.c - the supervisor's public calls that only look: one bot, all in order
 * of id, counts, the last words of one.
 */
#include "bot/priv.h"

#include <string.h>

#include "process/cgroup.h"

void deia__bots_fill_info(const struct deia__bot *bot,
			  struct deia_bot_info *info)
{
	info->spec = bot->spec;
	info->state_reason = bot->reason;
	info->status_text = bot->status;
	info->capabilities = bot->info.capabilities;
	info->n_capabilities = bot->info.n_capabilities;
	info->last_exit.reason = bot->exit_reason;
	info->limits = bot->watch.limits;
	info->n_limits = bot->info.n_limits;
	info->blocked = deia__order_is_blocked(bot);
}

static const struct deia_bot_info *look(struct deia__bot *bot)
{
	deia__bots_fill_info(bot, &bot->info);
	return &bot->info;
}

const struct deia_bot_info *deia_bots_get(const deia_bots *bots, const char *id)
{
	struct deia__bot *bot = deia__bots_find(bots, id);

	return bot != NULL ? look(bot) : NULL;
}

bool deia_bots_told(const deia_bots *bots, const char *id)
{
	const struct deia__bot *bot = deia__bots_find(bots, id);

	return bot == NULL || bot->n_owed == 0;
}

size_t deia_bots_count(const deia_bots *bots)
{
	return bots->n_bots;
}

size_t deia_bots_list(const deia_bots *bots, const char *after,
		      const struct deia_bot_info **out, size_t max)
{
	bool found = false;
	size_t n = 0, at = after != NULL
				   ? deia__bots_position(bots, after, &found)
				   : 0;

	for (at += found ? 1 : 0; at < bots->n_bots && n < max; at++)
		out[n++] = look(bots->bots[at]);
	return n;
}

void deia_bots_count_states(const deia_bots *bots,
			    unsigned counts[DEIA_BOT_STATES])
{
	memcpy(counts, bots->counts, sizeof(bots->counts));
}

void deia_bots_turn_waits(const deia_bots *bots, int kind,
			  struct deia_histogram *out)
{
	*out = bots->waits[kind];
}

const char *deia_bots_cgroups(const deia_bots *bots)
{
	return deia__cgroups_text(bots->env.cgroups);
}

void deia_bots_reopen_logs(deia_bots *bots)
{
	if (bots->logs != NULL)
		deia__logs_reopen(bots->logs);
}

size_t deia_bots_last_stderr(const deia_bots *bots, const char *id,
			     const char **lines, size_t max)
{
	struct deia__bot *bot = deia__bots_find(bots, id);

	return bot != NULL ? deia__talk_last_errs(bot, lines, max) : 0;
}
