/* SPDX-License-Identifier: MIT */
/*
 * external.c - bots whose programs run elsewhere: no process, signs of life.
 *
 * Started, such a bot is ready at once, and stays so as long as it is heard of
 * within its heartbeat timeout; that also gives it time after a restart of the
 * hive. The timer is not moved by a sign of life: it looks, when it fires, how
 * long ago the last one was.
 */
#include "bot/priv.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static int64_t timeout_ms(const struct deia__bot *bot)
{
	return (int64_t)bot->spec->heartbeat_timeout_seconds * 1000;
}

static void saw(struct deia__bot *bot)
{
	bot->seen_ms = deia__bot_now_ms(bot);
	bot->info.last_line_unix_ms = deia__bot_wall_ms(bot);
}

void deia__external_begin(struct deia__bot *bot)
{
	bot->was_paused = false;
	bot->seen_ms = deia__bot_now_ms(bot);
	deia__bot_ready(bot, 0);
	deia__bot_set_timer(bot, timeout_ms(bot));
	deia__talk_log(bot, "started: it may claim turns now");
}

void deia__external_tick(struct deia__bot *bot)
{
	int64_t left = bot->seen_ms + timeout_ms(bot) - deia__bot_now_ms(bot);

	if (deia__bot_slept(bot, &bot->timer))
		left = timeout_ms(bot); /* this machine slept */
	if (left > 0) {
		deia__bot_set_timer(bot, left);
		return;
	}
	bot->was_paused = bot->info.state == DEIA_BOT_PAUSED;
	deia__bot_move(bot, DEIA_BOT_OFFLINE,
		       "no sign of life for %u s: its program may have ended, "
		       "or cannot reach the hive",
		       bot->spec->heartbeat_timeout_seconds);
	deia__talk_log(bot, "offline: %s", bot->reason);
	deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, "the bot went offline");
}

void deia__external_touch(struct deia__bot *bot)
{
	saw(bot);
	if (bot->info.state != DEIA_BOT_OFFLINE)
		return;
	if (bot->was_paused)
		deia__bot_move(bot, DEIA_BOT_PAUSED, "paused by hand");
	else
		deia__bot_move(bot, DEIA_BOT_READY, "%s", "");
	bot->was_paused = false;
	deia__bot_set_timer(bot, timeout_ms(bot));
	deia__talk_log(bot, "back: %s", deia_bot_state_name(bot->info.state));
	deia__turns_pump(bot);
}

deia_err deia__external_need(struct deia_bots *bots, const char *id,
			     struct deia__bot **bot)
{
	deia_err err = deia__bots_need(bots, id, bot);

	if (err)
		return err;
	if (!deia__bot_is_external(*bot))
		return deia__fail(&bots->errmsg, DEIA_ESTATE,
				  "bot %s is not external: the hive runs its "
				  "process, and that gets its turns by itself",
				  id);
	if (deia__bot_is_live(*bot) || (*bot)->info.state == DEIA_BOT_OFFLINE)
		return DEIA_OK;
	return deia__fail(&bots->errmsg, DEIA_ESTATE,
			  "bot %s is %s; start it first", id,
			  deia_bot_state_name((*bot)->info.state));
}

static deia_err check_beat(struct deia_bots *bots,
			   const struct deia_bot_heartbeat *beat)
{
	size_t i;

	if (beat->size != sizeof(*beat))
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a heartbeat needs its size");
	if (beat->status_text != NULL &&
	    !deia__utf8_valid(beat->status_text, strlen(beat->status_text)))
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "the status text must be UTF-8");
	if (beat->n_capabilities > DEIA_MAX_CAPABILITIES_LEN)
		return deia__fail(&bots->errmsg, DEIA_ELIMIT,
				  "there may be at most %d capabilities",
				  DEIA_MAX_CAPABILITIES_LEN);
	for (i = 0; beat->capabilities != NULL && i < beat->n_capabilities; i++)
		if (!deia_bot_id_valid(beat->capabilities[i]))
			return deia__fail(&bots->errmsg, DEIA_EINVAL,
					  "a capability must be 1 to 64 "
					  "letters, digits, '.', '_' or '-', "
					  "beginning with a letter or digit");
	return DEIA_OK;
}

deia_err deia_bots_heartbeat(deia_bots *bots, const char *id,
			     const struct deia_bot_heartbeat *beat)
{
	struct deia__bot *bot;
	deia_err err = deia__external_need(bots, id, &bot);

	if (!err && beat != NULL)
		err = check_beat(bots, beat);
	if (!err && beat != NULL && beat->capabilities != NULL)
		err = deia__caps_said(bot, beat->capabilities,
				      beat->n_capabilities);
	if (err)
		return err;
	deia__external_touch(bot);
	if (beat == NULL)
		return DEIA_OK;
	if (beat->status_text != NULL)
		deia__talk_status(bot, beat->status_text);
	if (beat->max_concurrent != 0) {
		bot->info.max_concurrent = bot->spec->max_concurrent;
		if (beat->max_concurrent < bot->info.max_concurrent)
			bot->info.max_concurrent = beat->max_concurrent;
		deia__turns_pump(bot);
	}
	return DEIA_OK;
}
