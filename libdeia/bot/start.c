/* SPDX-License-Identifier: MIT */
/*
 * start.c - how a bot starts: its environment, its guard, its init line.
 *
 * A start first waits for what it depends on (order.c), then for its turn: a
 * guard takes about half a millisecond, so a few are started in each turn of
 * the loop.
 */
#include "bot/priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "process/env.h"
#include "bot/protocol.h"

#define LAUNCHES_PER_TURN 2

static void on_started(void *arg, int64_t pid)
{
	struct deia__bot *bot = arg;

	bot->info.pid = pid;
	bot->has_run = true;
	deia__talk_log(bot, "started, pid %lld", (long long)pid);
	deia__notes_add_state(bot, bot->info.state);
}

static void on_broken(void *arg, const char *what)
{
	deia__bot_crash(arg, "%s", what);
}

static void on_drained(void *arg)
{
	struct deia__bot *bot = arg;

	deia__turns_pump(bot);
	if (bot->bots->opts.on_drained != NULL)
		bot->bots->opts.on_drained(bot->spec->id, bot->bots->opts.user);
}

static const struct deia__proc_ops proc_ops = {
	.started = on_started,
	.applied = deia__watch_applied,
	.refused = deia__watch_refused,
	.stopped_by = deia__watch_stopped_by,
	.continued = deia__watch_continued,
	.usage = deia__watch_usage,
	.line = deia__talk_line,
	.err_line = deia__talk_err_line,
	.broken = on_broken,
	.drained = on_drained,
	.ended = deia__bot_ended,
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

static struct deia__limits limits_of(const struct deia_bot_spec *s)
{
	return (struct deia__limits){
		.open_files = s->open_files,
		.file_size_mib = s->file_size_mib,
		.processes = s->processes,
		.memory_mib = s->memory_mib,
		.memory_max_mib = s->memory_max_mib,
	};
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
		.limits = limits_of(bot->spec),
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

static void begin(struct deia__bot *bot)
{
	bot->kill_reason[0] = '\0';
	bot->info.exit_code = -1;
	bot->info.exit_signal = 0;
	bot->info.started_unix_ms = deia__bot_wall_ms(bot);
	bot->info.max_concurrent = bot->spec->max_concurrent;
	bot->faults_now = 0;
	deia__talk_forget(bot);
	deia__caps_forget(bot);
	deia__watch_begin(bot);
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
		deia__bot_died(bot, false, error == ENOENT || error == EACCES,
			       why);
		return;
	}
	bot->bots->n_procs++;
	begin(bot);
	deia__bot_set_timer(bot,
			    (int64_t)bot->spec->ready_timeout_seconds * 1000);
	send_init(bot);
}

/* A few in each turn of the loop. */
void deia__start_next(struct deia_bots *bots)
{
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
		deia__bots_wake(bots);
}

void deia__start_queue(struct deia__bot *bot)
{
	bot->launch_queued = true;
	TAILQ_INSERT_TAIL(&bot->bots->launches, bot, launch_link);
	deia__bots_wake(bot->bots);
}

bool deia__start_cancel(struct deia__bot *bot)
{
	bool waited = deia__order_forget(bot);

	if (!bot->launch_queued)
		return waited;
	TAILQ_REMOVE(&bot->bots->launches, bot, launch_link);
	bot->launch_queued = false;
	return true;
}

void deia__bot_start(struct deia__bot *bot)
{
	bot->info.next_start_unix_ms = 0;
	bot->stop_step = DEIA__STOP_NONE;
	deia__bot_clear_timer(bot);
	deia__bot_move(bot, DEIA_BOT_STARTING, "waiting to be ready");
	if (!deia__order_wait(bot))
		deia__start_queue(bot);
}
