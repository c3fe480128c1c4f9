/* SPDX-License-Identifier: MIT */
/*
 * chat_with_bot.c - a whole hive inside a program: launch a bot, chat with it.
 *
 * Build it against an installed libdeia:
 *
 *   cc chat_with_bot.c -o chat_with_bot \
 *      $(pkg-config --static --cflags --libs deia)
 *   ./chat_with_bot /usr/local/bin "hello"
 *
 * The first argument is the folder of deia-guard and deia-bot. The bot is an
 * echo: it answers with what it was told, so that this runs without a model.
 * Change adapter to "ollama" and set model for a real answer.
 *
 * Every call that changes something returns at once; its callback comes from
 * the loop when the change is durable. So the program reads as a chain:
 * started -> bot created -> answered -> stopped.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/chat.h>
#include <deia/hive.h>

struct app {
	deia_hive *hive;
	const char *text;
	int status;
};

static void stopped(void *user)
{
	struct app *app = user;
	deia_hive_quit(app->hive);
}

/* Ends the chain, well or badly. The bots are stopped cleanly either way. */
static void leave(struct app *app, const char *problem)
{
	if (problem) {
		fprintf(stderr, "%s: %s\n", problem,
			deia_hive_errmsg(app->hive));
		app->status = EXIT_FAILURE;
	}
	if (deia_hive_stop(app->hive, stopped, app))
		deia_hive_quit(app->hive);
}

/* A piece of the answer, as soon as it is there. */
static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	(void)user;
	printf("[%s] %.*s\n", channel, (int)len, text);
}

/* The answer is whole and stored. */
static void on_answer(deia_err err, const struct deia_chat_line *answer,
		      unsigned retry_after_seconds, void *user)
{
	struct app *app = user;

	(void)retry_after_seconds;
	if (err) {
		leave(app, "no answer");
		return;
	}
	printf("%s: %s\n", answer->author, answer->content);
	leave(app, NULL);
}

static void on_created(deia_err err, const struct deia_hive_bot *bot,
		       void *user)
{
	static const struct deia_chat_events events = {
		.on_chunk = on_chunk,
		.on_done = on_answer,
	};
	struct app *app = user;

	if (err) {
		leave(app, "cannot create the bot");
		return;
	}
	/* The bot is still starting: the turn waits for it. */
	if (deia_chat_send(app->hive, deia_actor_local(), bot->info->spec->id,
			   NULL, app->text, strlen(app->text), &events, app,
			   NULL))
		leave(app, "cannot chat");
}

static deia_err begin(struct app *app)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	deia_err err = deia_hive_start(app->hive);

	if (err)
		return err;
	spec.id = "echo-1";
	spec.adapter = "echo";
	return deia_hive_bot_create(app->hive, deia_actor_local(), &spec, true,
				    on_created, app);
}

int main(int argc, char **argv)
{
	struct app app = { .text = argc > 2 ? argv[2] : "hello, bot" };
	struct deia_hive_opts opts = DEIA_HIVE_OPTS_INIT;
	char detail[256] = "";

	opts.program_dir = argc > 1 ? argv[1] : NULL;
	opts.store_url = "memory:"; /* "sqlite:PATH" remembers everything */
	opts.durability = DEIA_DURABILITY_MEMORY;

	signal(SIGPIPE, SIG_IGN);
	if (deia_hive_new(&app.hive, NULL, &opts, detail, sizeof(detail))) {
		fprintf(stderr, "cannot set up the hive: %s\n", detail);
		return EXIT_FAILURE;
	}
	if (begin(&app) || deia_hive_run(app.hive)) {
		fprintf(stderr, "%s\n", deia_hive_errmsg(app.hive));
		app.status = EXIT_FAILURE;
	}
	deia_hive_free(app.hive);
	return app.status;
}
