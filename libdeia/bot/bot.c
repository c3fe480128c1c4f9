/* SPDX-License-Identifier: MIT */
/*
 * bot.c - one bot: the object, its moves from state to state, and its stop.
 *
 * Invariants: a bot has at most one process at a time; it leaves `stopping`
 * and `starts` again only after the former process, its descendants and its
 * output have ended. Every move is in the table of state.c. Every state but
 * ready and busy has a reason. How it starts is in start.c, how it dies in
 * death.c.
 */
#include "bot/priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "bot/protocol.h"
#include "bot/state.h"
#include "core/mem.h"
#include "core/utf8.h"

/* After KILL, say so when something cannot be ended. */
#define KILL_PATIENCE_MS 10000
/* A loop that is busy does not delay a timer so much. */
#define LATE_MS 5000

/* ---- the object -------------------------------------------------------------------- */

static void on_timer(void *arg);

deia_err deia__bot_new(struct deia__bot **out, struct deia_bots *bots,
		       const struct deia_bot_spec *spec)
{
	struct deia__bot *bot = deia__alloc(sizeof(*bot));
	deia_err err;

	*out = NULL;
	if (bot == NULL)
		return DEIA_ENOMEM;
	err = deia_bot_spec_dup(&bot->spec, spec);
	if (err) {
		deia__free(bot);
		return err;
	}
	bot->bots = bots;
	bot->refs = 1;
	bot->timer.fn = on_timer;
	bot->timer.arg = bot;
	deia__watch_init(bot);
	bot->info.max_concurrent = bot->spec->max_concurrent;
	bot->info.exit_code = -1;
	deia__caps_refresh(bot);
	bot->info.ping_ms = bot->info.memory_bytes = bot->info.processes = -1;
	bot->info.last_exit.code = -1;
	deia_histogram_init(&bot->counts.answers, DEIA_SCALE_TURN);
	bot->info.counts = &bot->counts;
	TAILQ_INIT(&bot->waiters);
	TAILQ_INIT(&bot->waiting[DEIA_WORK_CHAT]);
	TAILQ_INIT(&bot->waiting[DEIA_WORK_TASK]);
	TAILQ_INIT(&bot->running);
	snprintf(bot->reason, sizeof(bot->reason), "not started yet");
	*out = bot;
	return DEIA_OK;
}

static void free_works(struct deia__works *works)
{
	deia_work *w;

	while ((w = TAILQ_FIRST(works)) != NULL) {
		TAILQ_REMOVE(works, w, link);
		deia__timer_clear(w->bot->bots->env.timers, &w->timer);
		deia__work_free(w);
	}
}

void deia__bot_clear_timers(struct deia__bot *bot)
{
	struct deia__timers *timers = bot->bots->env.timers;

	deia__timer_clear(timers, &bot->timer);
	deia__timer_clear(timers, &bot->status_timer);
	deia__timer_clear(timers, &bot->watch.timer);
}

void deia__bot_unref(struct deia__bot *bot)
{
	if (--bot->refs != 0)
		return;
	assert(bot->proc == NULL);
	deia__bot_clear_timers(bot);
	free_works(&bot->waiting[DEIA_WORK_CHAT]);
	free_works(&bot->waiting[DEIA_WORK_TASK]);
	free_works(&bot->running);
	deia__restart_clear(&bot->history);
	deia__talk_forget(bot);
	deia__log_close(bot);
	deia__free(bot->abandoned);
	deia__free(bot->caps);
	if (bot->started_spec != bot->spec)
		deia_bot_spec_free(bot->started_spec);
	deia_bot_spec_free(bot->spec);
	deia__free(bot);
}

bool deia__bot_is_live(const struct deia__bot *bot)
{
	switch (bot->info.state) {
	case DEIA_BOT_STARTING:
	case DEIA_BOT_READY:
	case DEIA_BOT_BUSY:
	case DEIA_BOT_PAUSED:
	case DEIA_BOT_STOPPING:
		return true;
	default:
		return false;
	}
}

bool deia__bot_is_external(const struct deia__bot *bot)
{
	const struct deia_bot_spec *s =
		bot->started_spec != NULL ? bot->started_spec : bot->spec;

	return strcmp(s->adapter, "external") == 0;
}

/* ---- states ------------------------------------------------------------------------ */

static DEIA_PRINTF(2, 0) void set_reason(struct deia__bot *bot, const char *fmt,
					 va_list ap)
{
	size_t len;

	vsnprintf(bot->reason, sizeof(bot->reason), fmt, ap);
	len = deia__utf8_whole(bot->reason, strlen(bot->reason));
	bot->reason[len] = '\0';
}

void deia__bot_move(struct deia__bot *bot, deia_bot_state to, const char *fmt,
		    ...)
{
	deia_bot_state from = bot->info.state;
	va_list ap;

	assert(deia_bot_state_can(from, to));
	bot->bots->counts[from]--;
	bot->bots->counts[to]++;
	bot->info.state = to;
	va_start(ap, fmt);
	set_reason(bot, fmt, ap);
	va_end(ap);
	deia__notes_add_state(bot, from);
	deia__order_moved(bot);
}

void deia__bot_explain(struct deia__bot *bot, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reason(bot, fmt, ap);
	va_end(ap);
	deia__talk_report(bot);
}

void deia__bot_update(struct deia__bot *bot)
{
	/* Only a stopped one has a reason while it is ready or busy. */
	if (bot->info.state == DEIA_BOT_READY && bot->info.running != 0)
		deia__bot_move(bot, DEIA_BOT_BUSY, "%s",
			       deia__watch_stopped(bot));
	else if (bot->info.state == DEIA_BOT_BUSY && bot->info.running == 0)
		deia__bot_move(bot, DEIA_BOT_READY, "%s",
			       deia__watch_stopped(bot));
}

void deia__bot_set_timer(struct deia__bot *bot, int64_t delay_ms)
{
	(void)!deia__timer_set(bot->bots->env.timers, &bot->timer, delay_ms);
}

void deia__bot_clear_timer(struct deia__bot *bot)
{
	deia__timer_clear(bot->bots->env.timers, &bot->timer);
}

int64_t deia__bot_wall_ms(const struct deia__bot *bot)
{
	return deia__unix_ms(deia__timers_clock(bot->bots->env.timers));
}

bool deia__bot_slept(const struct deia__bot *bot,
		     const struct deia__timer *timer)
{
	return deia__bot_now_ms(bot) - timer->due_ms > LATE_MS;
}

int64_t deia__bot_now_ms(const struct deia__bot *bot)
{
	return deia__timers_now(bot->bots->env.timers);
}

void deia__bot_ready(struct deia__bot *bot, unsigned max_concurrent)
{
	if (bot->info.state != DEIA_BOT_STARTING)
		return; /* said twice, or too late: no harm */
	deia__bot_clear_timer(bot);
	if (max_concurrent != 0 && max_concurrent < bot->info.max_concurrent)
		bot->info.max_concurrent = max_concurrent;
	bot->ready_at_ms = deia__bot_now_ms(bot);
	bot->info.ready_unix_ms = deia__bot_wall_ms(bot);
	deia__bot_move(bot, DEIA_BOT_READY, "%s", deia__watch_stopped(bot));
	deia__watch_ready(bot);
	if (bot->was_paused) /* a pause outlives the process */
		deia__bot_move(bot, DEIA_BOT_PAUSED, "paused by hand");
	bot->was_paused = false;
	deia__turns_pump(bot);
}

/* ---- stop -------------------------------------------------------------------------- */

void deia__bot_stopped(struct deia__bot *bot, const char *why)
{
	deia__bot_forget_run(bot);
	bot->stop_step = DEIA__STOP_NONE;
	deia__turns_end_running(bot, DEIA_ECANCELED, "the bot was stopped");
	deia__bot_move(bot, DEIA_BOT_STOPPED, "stopped; %s", why);
	if (bot->start_after_stop) {
		bot->start_after_stop = false;
		deia__bot_start(bot);
		return;
	}
	deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, "the bot was stopped");
}

static void send_shutdown(struct deia__bot *bot)
{
	deia_jw line;

	deia_jw_init(&line);
	deia__print_shutdown(&line);
	if (!deia_jw_status(&line) &&
	    !deia__proc_write(bot->proc, line.text, line.len))
		bot->info.lines_out++;
	deia_jw_fini(&line);
	/* The end of its input tells a simple program the same. */
	deia__proc_finish_input(bot->proc);
}

static void stop_without_process(struct deia__bot *bot)
{
	bot->info.next_start_unix_ms = 0;
	if (deia__bot_is_live(bot))
		deia__bot_move(bot, DEIA_BOT_STOPPING, "its claims end");
	deia__bot_stopped(bot, deia__bot_is_external(bot)
				       ? "it may claim nothing now"
				       : "it was not running");
}

void deia__bot_stop(struct deia__bot *bot)
{
	bot->was_paused = false;
	deia__bot_clear_timer(bot);
	if (deia__start_cancel(bot)) {
		deia__bot_move(bot, DEIA_BOT_STOPPING, "before it began");
		deia__bot_stopped(bot, "it had not begun");
		return;
	}
	if (bot->proc == NULL) {
		stop_without_process(bot);
		return;
	}
	deia__watch_end(bot);
	deia__bot_move(bot, DEIA_BOT_STOPPING, "asked to end");
	deia__turns_interrupt(bot, NULL, DEIA_ECANCELED, "the bot was stopped");
	send_shutdown(bot);
	bot->stop_step = DEIA__STOP_ASKED;
	deia__bot_set_timer(bot,
			    (int64_t)bot->spec->stop_timeout_seconds * 1000);
}

static void next_stop_step(struct deia__bot *bot)
{
	int64_t grace = (int64_t)bot->spec->stop_timeout_seconds * 1000;

	switch (bot->stop_step) {
	case DEIA__STOP_ASKED:
		bot->stop_step = DEIA__STOP_TERM;
		deia__bot_explain(bot,
				  "did not end when asked: SIGTERM was sent");
		deia__proc_term(bot->proc);
		deia__bot_set_timer(bot, grace);
		break;
	case DEIA__STOP_TERM:
		bot->stop_step = DEIA__STOP_KILL;
		deia__bot_explain(bot,
				  "did not end on SIGTERM: SIGKILL was sent");
		deia__proc_kill(bot->proc);
		deia__bot_set_timer(bot, KILL_PATIENCE_MS);
		break;
	case DEIA__STOP_KILL:
		deia__bot_explain(
			bot, "SIGKILL was sent, but the kernel has not ended "
			     "all of its processes yet");
		deia__proc_kill(bot->proc);
		break;
	case DEIA__STOP_NONE:
		break;
	}
}

static void on_timer(void *arg)
{
	struct deia__bot *bot = arg;

	switch (bot->info.state) {
	case DEIA_BOT_STARTING:
		if (deia__bot_slept(bot, &bot->timer)) {
			deia__bot_set_timer(bot, DEIA__WAKE_GRACE_MS);
			break;
		}
		deia__bot_crash(bot, "not ready within %u s: %s",
				bot->spec->ready_timeout_seconds,
				bot->info.stopped_by != 0
					? deia__watch_stopped(bot)
					: "it did not write its ready line");
		break;
	case DEIA_BOT_STOPPING:
		next_stop_step(bot);
		break;
	case DEIA_BOT_FAILED: /* retry_failed_seconds are over */
		deia__restart_clear(&bot->history);
		bot->info.restarts++;
		bot->counts.restarts++;
		deia__bot_start(bot);
		break;
	case DEIA_BOT_BACKOFF:
		bot->info.restarts++;
		bot->counts.restarts++;
		deia__bot_start(bot);
		break;
	default:
		deia__external_tick(bot);
		break;
	}
}
