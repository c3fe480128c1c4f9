/* SPDX-License-Identifier: MIT */
/*
 * watch.c - whether a bot's process still answers, goes on, and keeps within
 * its memory; and what is known of it meanwhile.
 *
 * Any line is a sign of life; a ping is written only when none came for a
 * while, and one at a time. The timer is not moved by lines: it looks, when it
 * fires, how long ago the last one was. Many bots that became ready together
 * are pinged apart. While turns run, silence counts only for a bot that has
 * answered a ping during a turn before: a simple bot works on one line at a
 * time, and then the turn's own timeout counts. A timer that fires much too
 * late (the machine slept) gives the bot its time anew.
 */
#include "bot/priv.h"

#include <stdio.h>
#include <string.h>

#include "bot/protocol.h"

#define MIB (INT64_C(1) << 20)

static void set_timer(struct deia__bot *bot, int64_t delay_ms)
{
	(void)!deia__timer_set(bot->bots->env.timers, &bot->watch.timer,
			       delay_ms);
}

static int64_t interval_ms(const struct deia__bot *bot)
{
	return (int64_t)bot->spec->ping_interval_seconds * 1000;
}

static int64_t timeout_ms(const struct deia__bot *bot)
{
	return (int64_t)bot->spec->ping_timeout_seconds * 1000;
}

static bool is_off(const struct deia__bot *bot)
{
	return bot->spec->ping_interval_seconds == 0;
}

/* ---- pings --------------------------------------------------------------------- */

static void ping(struct deia__bot *bot)
{
	struct deia__watch *w = &bot->watch;
	deia_jw line;

	w->asked = true;
	w->asked_ms = deia__bot_now_ms(bot);
	w->asked_in_turn =
		bot->info.running != 0 || bot->abandoned_ms > w->heard_ms;
	w->turns_then = bot->turns_ended;
	deia_jw_init(&line);
	deia__print_ping(&line, ++w->n);
	/* One that does not read has not been asked, but will not answer. */
	if (!deia_jw_status(&line) &&
	    !deia__proc_write(bot->proc, line.text, line.len))
		bot->info.lines_out++;
	deia_jw_fini(&line);
	set_timer(bot, timeout_ms(bot));
}

/* A turn that it works on excuses silence, unless this bot can do both; also
 * one that was given up here, for as long as it might have taken. */
static bool is_excused(const struct deia__bot *bot)
{
	int64_t patience_ms = (int64_t)bot->spec->turn_timeout_seconds * 1000;

	if (!bot->watch.asked_in_turn || bot->watch.answers_in_turn)
		return false;
	return bot->info.running != 0 ||
	       deia__bot_now_ms(bot) < bot->abandoned_ms + patience_ms;
}

static void look(struct deia__bot *bot)
{
	struct deia__watch *w = &bot->watch;
	int64_t quiet = deia__bot_now_ms(bot) - w->heard_ms;

	if (!w->asked && quiet < interval_ms(bot))
		set_timer(bot, interval_ms(bot) - quiet);
	else if (!w->asked)
		ping(bot);
	else if (is_excused(bot))
		set_timer(bot, timeout_ms(bot));
	else
		deia__bot_crash(bot, "did not answer a ping for %u s",
				bot->spec->ping_timeout_seconds);
}

static void on_timer(void *arg)
{
	struct deia__bot *bot = arg;

	if (bot->proc == NULL || is_off(bot))
		return;
	if (deia__bot_slept(bot, &bot->watch.timer))
		set_timer(bot, timeout_ms(bot));
	else if (bot->info.stopped_by != 0)
		deia__bot_crash(bot,
				"was %s and did not go on within %u s; "
				"continue it with SIGCONT, or set "
				"ping.interval_seconds to 0 to debug it",
				deia__watch_stopped(bot),
				bot->spec->ping_timeout_seconds);
	else if (bot->info.state != DEIA_BOT_STARTING)
		look(bot);
}

void deia__watch_heard(struct deia__bot *bot)
{
	struct deia__watch *w = &bot->watch;

	w->heard_ms = deia__bot_now_ms(bot);
	bot->info.last_line_unix_ms = deia__bot_wall_ms(bot);
	if (!w->asked)
		return;
	w->asked = false;
	if (bot->info.stopped_by == 0 && deia__timer_armed(&w->timer))
		set_timer(bot, interval_ms(bot));
}

void deia__watch_pong(struct deia__bot *bot, int64_t n)
{
	struct deia__watch *w = &bot->watch;

	if (n != w->n || n == w->answered)
		return;
	w->answered = n;
	bot->info.ping_ms = deia__bot_now_ms(bot) - w->asked_ms;
	/* No turn has ended since: the answer came in the middle of one. */
	if (w->asked_in_turn && bot->turns_ended == w->turns_then)
		w->answers_in_turn = true;
}

/* ---- stopped by a signal --------------------------------------------------------- */

const char *deia__watch_stopped(const struct deia__bot *bot)
{
	return bot->info.stopped_by != 0 ? bot->watch.stopped_text : "";
}

/* The reason of a state without news. */
static const char *usual_reason(const struct deia__bot *bot)
{
	switch (bot->info.state) {
	case DEIA_BOT_STARTING:
		return "waiting to be ready";
	case DEIA_BOT_PAUSED:
		return "paused by hand";
	default:
		return "";
	}
}

static bool is_running(const struct deia__bot *bot)
{
	return deia__bot_is_live(bot) && bot->info.state != DEIA_BOT_STOPPING;
}

void deia__watch_stopped_by(void *arg, int signal)
{
	struct deia__bot *bot = arg;
	const char *name = sigabbrev_np(signal);

	if (signal <= 0 || bot->info.stopped_by == signal)
		return;
	bot->info.stopped_by = signal;
	snprintf(bot->watch.stopped_text, sizeof(bot->watch.stopped_text),
		 "stopped by SIG%s", name != NULL ? name : "?");
	deia__talk_log(bot, "%s", bot->watch.stopped_text);
	if (!is_running(bot))
		return;
	deia__bot_explain(bot, "%s", bot->watch.stopped_text);
	if (!is_off(bot))
		set_timer(bot, timeout_ms(bot));
}

void deia__watch_continued(void *arg)
{
	struct deia__bot *bot = arg;

	if (bot->info.stopped_by == 0)
		return;
	bot->info.stopped_by = 0;
	deia__talk_log(bot, "continued");
	if (!is_running(bot))
		return;
	deia__bot_explain(bot, "%s", usual_reason(bot));
	bot->watch.asked = false;
	bot->watch.heard_ms = deia__bot_now_ms(bot);
	if (bot->info.state == DEIA_BOT_STARTING)
		deia__timer_clear(bot->bots->env.timers, &bot->watch.timer);
	else if (!is_off(bot))
		set_timer(bot, interval_ms(bot));
}

/* ---- limits ------------------------------------------------------------------------ */

static struct deia_bot_limit *add_limit(struct deia__bot *bot, const char *name)
{
	static const char *const names[] = {
		"open_files",	  "file_size_mib", "processes", "memory_mib",
		"memory_max_mib", "cgroup",	   "core"
	};
	struct deia__watch *w = &bot->watch;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0)
			break;
	if (i == sizeof(names) / sizeof(*names) ||
	    bot->info.n_limits == DEIA__MAX_LIMITS)
		return NULL;
	w->limits[bot->info.n_limits].name = names[i];
	return &w->limits[bot->info.n_limits++];
}

void deia__watch_applied(void *arg, const char *name, unsigned value,
			 const char *how)
{
	struct deia__bot *bot = arg;
	struct deia_bot_limit *l = add_limit(bot, name);

	if (l == NULL)
		return;
	l->value = value;
	l->how = strcmp(how, "cgroup") == 0   ? "cgroup"
		 : strcmp(how, "rlimit") == 0 ? "rlimit"
					      : "watch";
}

void deia__watch_refused(void *arg, const char *name, int error)
{
	struct deia__bot *bot = arg;
	struct deia_bot_limit *l = add_limit(bot, name);
	char *why;

	if (l == NULL)
		return;
	why = bot->watch.refused[l - bot->watch.limits];
	snprintf(why, sizeof(bot->watch.refused[0]), "refused: %s",
		 strerrordesc_np(error) != NULL ? strerrordesc_np(error)
						: "unknown error");
	l->value = 0;
	l->how = why;
	deia__talk_log(bot, "limit %s was %s", l->name, why);
}

void deia__watch_usage(void *arg, int64_t bytes, unsigned processes)
{
	struct deia__bot *bot = arg;
	const struct deia_bot_spec *s = bot->spec;
	struct deia__watch *w = &bot->watch;
	int64_t now = deia__bot_now_ms(bot);

	bot->info.memory_bytes = bytes;
	bot->info.processes = (int)processes;
	if (s->memory_mib == 0 || bytes <= (int64_t)s->memory_mib * MIB) {
		w->over_since_ms = 0;
		return;
	}
	if (w->over_since_ms == 0)
		w->over_since_ms = now;
	if (now - w->over_since_ms >= (int64_t)s->memory_seconds * 1000)
		deia__bot_crash(bot,
				"used %lld MiB for %u s, its limit is %u "
				"MiB",
				(long long)(bytes / MIB), s->memory_seconds,
				s->memory_mib);
}

/* ---- its life ------------------------------------------------------------------------ */

void deia__watch_init(struct deia__bot *bot)
{
	bot->watch.timer.fn = on_timer;
	bot->watch.timer.arg = bot;
}

/* deia-bot answers while it works; of a program that is not known yet. */
void deia__watch_begin(struct deia__bot *bot)
{
	struct deia__watch *w = &bot->watch;

	w->answers_in_turn = strcmp(bot->spec->adapter, "process") != 0;
	w->asked = false;
	w->n = w->answered = 0;
	w->over_since_ms = 0;
	bot->info.ping_ms = -1;
	bot->info.last_line_unix_ms = 0;
	bot->info.n_limits = 0;
}

void deia__watch_ready(struct deia__bot *bot)
{
	struct deia__watch *w = &bot->watch;
	double ratio = deia__rng_ratio(&bot->bots->rng);

	w->heard_ms = deia__bot_now_ms(bot);
	if (bot->proc != NULL && !is_off(bot) && bot->info.stopped_by == 0)
		set_timer(bot, (int64_t)((0.5 + 0.5 * ratio) *
					 (double)interval_ms(bot)));
}

/* Longer and shorter times count from the next look; on begins now. */
void deia__watch_refresh(struct deia__bot *bot)
{
	if (bot->proc == NULL || bot->info.state == DEIA_BOT_STARTING ||
	    !is_running(bot) || bot->kill_reason[0] != '\0')
		return;
	if (is_off(bot))
		deia__watch_end(bot);
	else if (!deia__timer_armed(&bot->watch.timer))
		set_timer(bot, bot->info.stopped_by != 0 ? timeout_ms(bot)
							 : interval_ms(bot));
}

void deia__watch_end(struct deia__bot *bot)
{
	deia__timer_clear(bot->bots->env.timers, &bot->watch.timer);
}

void deia__watch_forget(struct deia__bot *bot)
{
	bot->info.stopped_by = 0;
	bot->info.memory_bytes = bot->info.processes = -1;
	bot->info.ping_ms = -1;
	bot->info.n_limits = 0;
}
