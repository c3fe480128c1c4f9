/* SPDX-License-Identifier: MIT */
/*
 * supervise_program.c - keep a program of your own running.
 *
 * Build it against an installed libdeia:
 *
 *   cc supervise_program.c -o supervise_program \
 *      $(pkg-config --static --cflags --libs deia)
 *   ./supervise_program /usr/local/bin
 *
 * The argument is the folder of deia-guard, the small program that stands
 * between us and each bot and ends all its descendants when the bot ends or
 * when we die.
 *
 * What happens: the program is started; when it says that it is ready, we kill
 * it, as an accident would; deia starts it again; then we stop it and leave.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include <deia/bot.h>
#include <deia/limits.h>

/*
 * Any program can be a bot that writes one line when it is ready and reads
 * lines from its standard input until the end. (To answer prompts it speaks
 * docs/bot-protocol.md; deia/worker.h does that for programs in C.)
 */
static const char *const program[] = {
	"/bin/sh", "-c", "echo '{\"type\":\"ready\"}'; exec cat >/dev/null"
};

struct app {
	struct event_base *base;
	deia_bots *bots;
	unsigned lives; /* how often it became ready */
	int status;
};

static void all_stopped(void *user)
{
	struct app *app = user;
	event_base_loopbreak(app->base);
}

/*
 * Called from the loop after each change. info lives until we return, so copy
 * what must live longer.
 */
static void on_state(const struct deia_bot_info *info, deia_bot_state from,
		     void *user)
{
	struct app *app = user;

	if (info->state == from)
		return; /* only the reason changed */
	printf("%s: %s -> %s%s%s\n", info->spec->id, deia_bot_state_name(from),
	       deia_bot_state_name(info->state),
	       *info->state_reason ? ": " : "", info->state_reason);
	if (info->state == DEIA_BOT_FAILED) {
		app->status = EXIT_FAILURE;
		event_base_loopbreak(app->base);
	}
	if (info->state != DEIA_BOT_READY)
		return;
	if (++app->lives == 1)
		kill((pid_t)info->pid, SIGKILL);
	else if (deia_bots_stop_all(app->bots, all_stopped, app))
		event_base_loopbreak(app->base);
}

/* Adds the bot and starts it. Strings are copied: they may go away. */
static deia_err launch(struct app *app)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = "worker-1";
	spec.adapter = "process"; /* a program of the user's own */
	spec.argv = program;
	spec.n_argv = sizeof(program) / sizeof(program[0]);
	deia_err err = deia_bots_add(app->bots, &spec);

	return err ? err : deia_bots_start(app->bots, spec.id);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/usr/local/bin";
	char guard[DEIA_MAX_PATH_BYTES], bot[DEIA_MAX_PATH_BYTES];
	struct app app = { .base = event_base_new() };
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;

	snprintf(guard, sizeof(guard), "%s/deia-guard", dir);
	snprintf(bot, sizeof(bot), "%s/deia-bot", dir);
	opts.guard_program = guard;
	opts.bot_program = bot; /* not used by adapter "process" */
	opts.on_state = on_state;
	opts.user = &app;

	/* A write to a bot that has just died must not kill us. The library
	 * leaves signals alone, so this is for us to say. */
	signal(SIGPIPE, SIG_IGN);
	if (!app.base || deia_bots_new(&app.bots, app.base, &opts)) {
		fputs("cannot set up the supervisor\n", stderr);
		return EXIT_FAILURE;
	}
	if (launch(&app)) {
		fprintf(stderr, "%s\n", deia_bots_errmsg(app.bots));
		app.status = EXIT_FAILURE;
	} else {
		event_base_dispatch(app.base);
	}
	deia_bots_free(app.bots);
	event_base_free(app.base);
	return app.status;
}
