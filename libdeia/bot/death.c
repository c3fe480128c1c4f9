/* SPDX-License-Identifier: MIT */
/*
 * death.c - how a bot's process ends, and what follows: a restart at once or
 * later, or none.
 *
 * A process that is killed here has a reason for it (kill_reason), and is dead
 * only once the guard says so. Deaths that were asked for are in bot.c.
 */
#include "bot/priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

void deia__bot_crash(struct deia__bot *bot, const char *fmt, ...)
{
	va_list ap;

	if (bot->proc == NULL || bot->kill_reason[0] != '\0' ||
	    bot->info.state == DEIA_BOT_STOPPING)
		return;
	va_start(ap, fmt);
	vsnprintf(bot->kill_reason, sizeof(bot->kill_reason), fmt, ap);
	va_end(ap);
	deia__talk_log(bot, "killed: %s", bot->kill_reason);
	deia__bot_clear_timer(bot);
	deia__watch_end(bot);
	deia__proc_mute(bot->proc);
	deia__proc_kill(bot->proc);
}

void deia__bot_retry_later(struct deia__bot *bot)
{
	int64_t delay_ms = (int64_t)bot->spec->retry_failed_seconds * 1000;

	deia__bot_clear_timer(bot);
	bot->info.next_start_unix_ms = 0;
	if (delay_ms == 0 || bot->bots->all_stopped != NULL)
		return;
	bot->info.next_start_unix_ms = deia__bot_wall_ms(bot) + delay_ms;
	deia__bot_set_timer(bot, delay_ms);
}

static void fail(struct deia__bot *bot, const char *why)
{
	bot->was_paused = false;
	deia__bot_retry_later(bot);
	deia__bot_move(bot, DEIA_BOT_FAILED, "%s", why);
	deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, bot->reason);
}

static void back_off(struct deia__bot *bot, int64_t delay_ms, const char *why)
{
	bot->info.next_start_unix_ms = deia__bot_wall_ms(bot) + delay_ms;
	if (delay_ms == 0)
		deia__bot_move(bot, DEIA_BOT_BACKOFF, "%s; starting again",
			       why);
	else
		deia__bot_move(bot, DEIA_BOT_BACKOFF,
			       "%s; starting again in %lld s", why,
			       (long long)(delay_ms + 999) / 1000);
	deia__bot_set_timer(bot, delay_ms);
}

static void end_as_stopped(struct deia__bot *bot, const char *why)
{
	bot->was_paused = false;
	deia__bot_move(bot, DEIA_BOT_STOPPED, "%s", why);
	deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, bot->reason);
}

static void give_up(struct deia__bot *bot, unsigned deaths, const char *why)
{
	char text[DEIA__REASON_BYTES];

	snprintf(text, sizeof(text), "%.400s; ended %u times within %u s", why,
		 deaths, bot->spec->window_seconds);
	fail(bot, text);
}

void deia__bot_forget_run(struct deia__bot *bot)
{
	if (bot->started_spec != bot->spec)
		deia_bot_spec_free(bot->started_spec);
	bot->started_spec = NULL;
	bot->info.needs_restart = false;
	deia__watch_end(bot);
	deia__watch_forget(bot);
	bot->ready_at_ms = 0;
	bot->info.pid = 0;
	bot->info.ready_unix_ms = 0;
	bot->info.started_unix_ms = 0;
	bot->status[0] = '\0';
}

void deia__bot_died(struct deia__bot *bot, bool clean, bool hopeless,
		    const char *why)
{
	struct deia__restart_next next;
	struct deia__death d = {
		.now_ms = deia__bot_now_ms(bot),
		.clean = clean,
		.jitter = deia__rng_ratio(&bot->bots->rng),
	};

	if (bot->info.state == DEIA_BOT_PAUSED)
		bot->was_paused = true;
	if (bot->ready_at_ms != 0)
		d.up_ms = d.now_ms - bot->ready_at_ms;
	deia__bot_forget_run(bot);
	deia__turns_end_running(bot, DEIA_EUNAVAILABLE, why);
	if (bot->bots->all_stopped != NULL) { /* it was about to be stopped */
		end_as_stopped(bot, why);
		return;
	}
	if (hopeless || !deia__restart_note(&bot->history, bot->spec, &d)) {
		fail(bot, why);
		return;
	}
	next = deia__restart_next(&bot->history, bot->spec, &d);
	switch (next.action) {
	case DEIA__RESTART_AGAIN:
		back_off(bot, next.delay_ms, why);
		break;
	case DEIA__RESTART_NOT:
		end_as_stopped(bot, why);
		break;
	case DEIA__RESTART_FAIL:
		fail(bot, why);
		break;
	case DEIA__RESTART_GIVE_UP:
		give_up(bot, next.deaths, why);
		break;
	}
}

static void note_exit(struct deia__bot *bot, const struct deia__proc_end *end,
		      const char *why)
{
	bot->info.exit_code = end->code;
	bot->info.exit_signal = end->signal;
	bot->info.last_exit.at_unix_ms = deia__bot_wall_ms(bot);
	bot->info.last_exit.code = end->code;
	bot->info.last_exit.signal = end->signal;
	snprintf(bot->exit_reason, sizeof(bot->exit_reason), "%s", why);
	bot->exit_reason[deia__utf8_whole(bot->exit_reason,
					  strlen(bot->exit_reason))] = '\0';
}

void deia__bot_ended(void *arg, const struct deia__proc_end *end)
{
	struct deia__bot *bot = arg;
	struct deia_bots *bots = bot->bots;
	bool hopeless = deia__end_is_hopeless(bot, end);
	bool clean = end->code == 0 && bot->kill_reason[0] == '\0';
	char why[DEIA__REASON_BYTES];

	deia__end_describe(bot, end, why, sizeof(why));
	note_exit(bot, end, why);
	deia__proc_free(bot->proc);
	bot->proc = NULL;
	bots->n_procs--;
	deia__bot_clear_timer(bot);
	deia__talk_log(bot, "%s", why);
	if (bot->info.state == DEIA_BOT_STOPPING)
		deia__bot_stopped(bot, why);
	else
		deia__bot_died(bot, clean, hopeless, why);
	deia__bots_check_stopped(bots);
}
