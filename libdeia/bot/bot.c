/* SPDX-License-Identifier: MIT */
/*
 * bot.c - one bot's life: launch, ready, death, restart, stop.
 *
 * Invariants: a bot has at most one process at a time; it leaves `stopping`
 * and `starts` again only after the former process, its descendants and its
 * output have ended. Every move is in the table of state.c. Every state but
 * ready and busy has a reason.
 */
#include "bot/priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "bot/env.h"
#include "bot/protocol.h"
#include "bot/state.h"
#include "core/mem.h"
#include "core/utf8.h"

/* Guards started in one turn of the loop: each takes about half a ms. */
#define LAUNCHES_PER_TURN 2
/* After KILL, say so when something cannot be ended. */
#define KILL_PATIENCE_MS 10000

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
	bot->info.max_concurrent = bot->spec->max_concurrent;
	bot->info.exit_code = -1;
	deia__caps_refresh(bot);
	bot->info.ping_ms = bot->info.memory_bytes = bot->info.processes = -1;
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

static void forget_started_spec(struct deia__bot *bot)
{
	if (bot->started_spec != bot->spec)
		deia_bot_spec_free(bot->started_spec);
	bot->started_spec = NULL;
	bot->info.needs_restart = false;
}

void deia__bot_unref(struct deia__bot *bot)
{
	if (--bot->refs != 0)
		return;
	assert(bot->proc == NULL);
	deia__timer_clear(bot->bots->env.timers, &bot->timer);
	deia__timer_clear(bot->bots->env.timers, &bot->status_timer);
	free_works(&bot->waiting[DEIA_WORK_CHAT]);
	free_works(&bot->waiting[DEIA_WORK_TASK]);
	free_works(&bot->running);
	deia__restart_clear(&bot->history);
	deia__talk_forget(bot);
	deia__log_close(bot);
	deia__free(bot->abandoned);
	deia__free(bot->caps);
	forget_started_spec(bot);
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
}

/* Another reason in the same state. */
static void explain(struct deia__bot *bot, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

static void explain(struct deia__bot *bot, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reason(bot, fmt, ap);
	va_end(ap);
	deia__notes_add_state(bot, bot->info.state);
}

void deia__bot_update(struct deia__bot *bot)
{
	if (bot->info.state == DEIA_BOT_READY && bot->info.running != 0)
		deia__bot_move(bot, DEIA_BOT_BUSY, "%s", "");
	else if (bot->info.state == DEIA_BOT_BUSY && bot->info.running == 0)
		deia__bot_move(bot, DEIA_BOT_READY, "%s", "");
}

void deia__bot_set_timer(struct deia__bot *bot, int64_t delay_ms)
{
	(void)!deia__timer_set(bot->bots->env.timers, &bot->timer, delay_ms);
}

static void clear_timer(struct deia__bot *bot)
{
	deia__timer_clear(bot->bots->env.timers, &bot->timer);
}

static int64_t wall_ms(const struct deia__bot *bot)
{
	return deia__unix_ms(deia__timers_clock(bot->bots->env.timers));
}

/* ---- launch ------------------------------------------------------------------------ */

static void on_started(void *arg, int64_t pid);
static void on_broken(void *arg, const char *what);
static void on_drained(void *arg);
static void on_ended(void *arg, const struct deia__proc_end *end);

static const struct deia__proc_ops proc_ops = {
	.started = on_started,
	.line = deia__talk_line,
	.err_line = deia__talk_err_line,
	.broken = on_broken,
	.drained = on_drained,
	.ended = on_ended,
};

static void add_env(void *ctx, const char *name, const char *value)
{
	deia__env_set(ctx, name, value);
}

static void fill_env(struct deia__bot *bot, struct deia__env *env)
{
	const struct deia_bots_opts *o = &bot->bots->opts;
	size_t i;

	deia__env_inherit(env);
	for (i = 0; i < bot->spec->n_pass_env; i++)
		deia__env_pass(env, bot->spec->pass_env[i]);
	if (bot->spec->api_key_env != NULL)
		deia__env_pass(env, bot->spec->api_key_env);
	for (i = 0; i < bot->spec->n_env; i++)
		deia__env_put(env, bot->spec->env[i]);
	if (o->on_env != NULL)
		o->on_env(bot->spec->id, add_env, env, o->user);
	deia__env_set(env, "DEIA_BOT_ID", bot->spec->id);
}

static deia_err start_process(struct deia__bot *bot, int *error)
{
	struct deia_bots *bots = bot->bots;
	const char *adapter[] = { bots->bot_program, "--adapter",
				  bot->spec->adapter };
	bool process = strcmp(bot->spec->adapter, "process") == 0;
	struct deia__env env = { 0 };
	struct deia__launch what = {
		.guard_program = bots->guard_program,
		.argv = process ? bot->spec->argv : adapter,
		.n_argv = process ? bot->spec->n_argv : 3,
		.cwd = bot->spec->cwd,
		.id = bot->spec->id,
		.limits = { .open_files = bot->spec->open_files,
			    .file_size_mib = bot->spec->file_size_mib,
			    .processes = bot->spec->processes,
			    .memory_mib = bot->spec->memory_mib,
			    .memory_max_mib = bot->spec->memory_max_mib },
	};
	char work_dir[PATH_MAX];
	deia_err err = DEIA_ENOMEM;

	*error = 0;
	if (deia__workdir_path(bot, work_dir, sizeof(work_dir))) {
		/* When it cannot be made, entering it says why. */
		deia__workdir_make(bot);
		what.cwd = work_dir;
	}
	fill_env(bot, &env);
	what.env = env.vars;
	if (!env.failed)
		err = deia__proc_start(&bot->proc, &bots->env, &what, &proc_ops,
				       bot, error);
	deia__env_fini(&env);
	return err;
}

static void send_init(struct deia__bot *bot)
{
	char work_dir[PATH_MAX];
	bool has = deia__workdir_path(bot, work_dir, sizeof(work_dir));
	deia_jw line;

	deia_jw_init(&line);
	deia__print_init(&line, bot->spec, has ? work_dir : NULL);
	if (deia_jw_status(&line) ||
	    deia__proc_write(bot->proc, line.text, line.len))
		deia__bot_crash(bot, "its init line could not be written: "
				     "out of memory");
	else
		bot->info.lines_out++;
	deia_jw_fini(&line);
}

static void died(struct deia__bot *bot, bool clean, bool hopeless,
		 const char *why);

static void begin(struct deia__bot *bot)
{
	bot->kill_reason[0] = '\0';
	bot->info.exit_code = -1;
	bot->info.exit_signal = 0;
	bot->info.started_unix_ms = wall_ms(bot);
	bot->info.max_concurrent = bot->spec->max_concurrent;
	bot->faults_now = 0;
	deia__talk_forget(bot);
	deia__caps_forget(bot);
	bot->started_spec = bot->spec;
}

static void launch(struct deia__bot *bot)
{
	char why[DEIA__REASON_BYTES];
	deia_err err;
	int error;

	if (deia__bot_is_external(bot)) {
		begin(bot);
		deia__external_begin(bot);
		return;
	}
	err = start_process(bot, &error);
	if (err) {
		if (error == 0)
			error = ENOMEM;
		snprintf(why, sizeof(why), "cannot start the guard %s: %s",
			 bot->bots->guard_program, strerrordesc_np(error));
		died(bot, false, error == ENOENT || error == EACCES, why);
		return;
	}
	bot->bots->n_procs++;
	begin(bot);
	deia__bot_set_timer(bot,
			    (int64_t)bot->spec->ready_timeout_seconds * 1000);
	send_init(bot);
}

void deia__bot_launch_next(struct deia_bots *bots)
{
	static const struct timeval now = { 0, 0 };
	struct deia__bot *bot;
	int i;

	for (i = 0; i < LAUNCHES_PER_TURN; i++) {
		bot = TAILQ_FIRST(&bots->launches);
		if (bot == NULL)
			return;
		TAILQ_REMOVE(&bots->launches, bot, launch_link);
		bot->launch_queued = false;
		launch(bot);
	}
	if (!TAILQ_EMPTY(&bots->launches))
		event_add(&bots->launch_event, &now);
}

void deia__bot_start(struct deia__bot *bot)
{
	static const struct timeval now = { 0, 0 };
	struct deia_bots *bots = bot->bots;

	bot->info.next_start_unix_ms = 0;
	bot->stop_step = DEIA__STOP_NONE;
	clear_timer(bot);
	deia__bot_move(bot, DEIA_BOT_STARTING, "waiting to be ready");
	bot->launch_queued = true;
	TAILQ_INSERT_TAIL(&bots->launches, bot, launch_link);
	event_add(&bots->launch_event, &now);
}

static void on_started(void *arg, int64_t pid)
{
	struct deia__bot *bot = arg;

	bot->info.pid = pid;
	deia__talk_log(bot, "started, pid %lld", (long long)pid);
	deia__notes_add_state(bot, bot->info.state);
}

void deia__bot_ready(struct deia__bot *bot, unsigned max_concurrent)
{
	if (bot->info.state != DEIA_BOT_STARTING)
		return; /* said twice, or too late: no harm */
	clear_timer(bot);
	if (max_concurrent != 0 && max_concurrent < bot->info.max_concurrent)
		bot->info.max_concurrent = max_concurrent;
	bot->ready_at_ms = deia__timers_now(bot->bots->env.timers);
	bot->info.ready_unix_ms = wall_ms(bot);
	deia__bot_move(bot, DEIA_BOT_READY, "%s", "");
	deia__turns_pump(bot);
}

static void on_drained(void *arg)
{
	deia__turns_pump(arg);
}

/* ---- death ------------------------------------------------------------------------- */

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
	clear_timer(bot);
	deia__proc_mute(bot->proc);
	deia__proc_kill(bot->proc);
}

static void on_broken(void *arg, const char *what)
{
	deia__bot_crash(arg, "%s", what);
}

static void fail(struct deia__bot *bot, const char *why)
{
	deia__bot_move(bot, DEIA_BOT_FAILED, "%s", why);
	deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, bot->reason);
}

static void back_off(struct deia__bot *bot, int64_t delay_ms, const char *why)
{
	bot->info.next_start_unix_ms = wall_ms(bot) + delay_ms;
	if (delay_ms == 0)
		deia__bot_move(bot, DEIA_BOT_BACKOFF, "%s; starting again",
			       why);
	else
		deia__bot_move(bot, DEIA_BOT_BACKOFF,
			       "%s; starting again in %lld s", why,
			       (long long)(delay_ms + 999) / 1000);
	deia__bot_set_timer(bot, delay_ms);
}

static void give_up(struct deia__bot *bot, unsigned deaths, const char *why)
{
	char text[DEIA__REASON_BYTES];

	snprintf(text, sizeof(text), "%.400s; ended %u times within %u s", why,
		 deaths, bot->spec->window_seconds);
	fail(bot, text);
}

/* What was true of the process that has ended. */
static void forget_run(struct deia__bot *bot)
{
	forget_started_spec(bot);
	bot->ready_at_ms = 0;
	bot->info.pid = 0;
	bot->info.ready_unix_ms = 0;
	bot->info.started_unix_ms = 0;
	bot->status[0] = '\0';
}

/* What follows a death that nobody asked for. */
static void died(struct deia__bot *bot, bool clean, bool hopeless,
		 const char *why)
{
	struct deia__timers *timers = bot->bots->env.timers;
	struct deia__restart_next next;
	struct deia__death d = {
		.now_ms = deia__timers_now(timers),
		.clean = clean,
		.jitter = deia__rng_ratio(&bot->bots->rng),
	};

	if (bot->ready_at_ms != 0)
		d.up_ms = d.now_ms - bot->ready_at_ms;
	forget_run(bot);
	deia__turns_end_running(bot, DEIA_EUNAVAILABLE, why);
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
		deia__bot_move(bot, DEIA_BOT_STOPPED, "%s", why);
		deia__turns_end_waiting(bot, DEIA_EUNAVAILABLE, bot->reason);
		break;
	case DEIA__RESTART_FAIL:
		fail(bot, why);
		break;
	case DEIA__RESTART_GIVE_UP:
		give_up(bot, next.deaths, why);
		break;
	}
}

static void stopped(struct deia__bot *bot, const char *why)
{
	forget_run(bot);
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

static void on_ended(void *arg, const struct deia__proc_end *end)
{
	struct deia__bot *bot = arg;
	struct deia_bots *bots = bot->bots;
	bool hopeless = deia__end_is_hopeless(bot, end);
	bool clean = end->code == 0 && bot->kill_reason[0] == '\0';
	char why[DEIA__REASON_BYTES];

	deia__end_describe(bot, end, why, sizeof(why));
	bot->info.exit_code = end->code;
	bot->info.exit_signal = end->signal;
	deia__proc_free(bot->proc);
	bot->proc = NULL;
	bots->n_procs--;
	clear_timer(bot);
	deia__talk_log(bot, "%s", why);
	if (bot->info.state == DEIA_BOT_STOPPING)
		stopped(bot, why);
	else
		died(bot, clean, hopeless, why);
	deia__bots_check_stopped(bots);
}

/* ---- stop -------------------------------------------------------------------------- */

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
	stopped(bot, deia__bot_is_external(bot) ? "it may claim nothing now"
						: "it was not running");
}

void deia__bot_stop(struct deia__bot *bot)
{
	clear_timer(bot);
	if (bot->launch_queued) {
		TAILQ_REMOVE(&bot->bots->launches, bot, launch_link);
		bot->launch_queued = false;
		deia__bot_move(bot, DEIA_BOT_STOPPING, "before it began");
		stopped(bot, "it had not begun");
		return;
	}
	if (bot->proc == NULL) {
		stop_without_process(bot);
		return;
	}
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
		explain(bot, "did not end when asked: SIGTERM was sent");
		deia__proc_term(bot->proc);
		deia__bot_set_timer(bot, grace);
		break;
	case DEIA__STOP_TERM:
		bot->stop_step = DEIA__STOP_KILL;
		explain(bot, "did not end on SIGTERM: SIGKILL was sent");
		deia__proc_kill(bot->proc);
		deia__bot_set_timer(bot, KILL_PATIENCE_MS);
		break;
	case DEIA__STOP_KILL:
		explain(bot, "SIGKILL was sent, but the kernel has not ended "
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
		deia__bot_crash(bot,
				"not ready within %u s: it did not write its "
				"ready line",
				bot->spec->ready_timeout_seconds);
		break;
	case DEIA_BOT_STOPPING:
		next_stop_step(bot);
		break;
	case DEIA_BOT_BACKOFF:
		bot->info.restarts++;
		deia__bot_start(bot);
		break;
	default:
		deia__external_tick(bot);
		break;
	}
}
