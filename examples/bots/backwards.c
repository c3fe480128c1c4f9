/* SPDX-License-Identifier: MIT */
/*
 * backwards.c - a small bot in C: answers with the words of the prompt in
 * reverse order, one word at a time, as a model streams its tokens.
 *
 *   cc backwards.c -o backwards $(pkg-config --static --cflags --libs deia)
 *   deia bot test -- ./backwards
 *   deia bot launch BACK --adapter process -- $PWD/backwards
 *
 * deia/worker.h reads and writes the lines, answers pings and ends the program
 * when the hive does. What is left is a turn, its pace, and its interruption.
 */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <deia/worker.h>

struct app {
	deia_turn *turn;	/* the running one, or NULL */
	const char *text, *end; /* what of its prompt is still to be said */
	bool said_a_word;
	struct event *tick;
};

static const struct timeval pace = { 0, 20 * 1000 };

/* One word, the last of what is left; then the next tick, or the end. */
static void on_tick(evutil_socket_t fd, short what, void *user)
{
	struct app *app = user;
	const char *begin;

	(void)fd, (void)what;
	while (app->end > app->text && isspace((unsigned char)app->end[-1]))
		app->end--;
	if (app->end == app->text) {
		deia_turn_done(app->turn, NULL, NULL, NULL);
		app->turn = NULL;
		return;
	}
	for (begin = app->end; begin > app->text; begin--)
		if (isspace((unsigned char)begin[-1]))
			break;
	if (app->said_a_word)
		deia_turn_chunk(app->turn, NULL, " ", 1);
	deia_turn_chunk(app->turn, NULL, begin, (size_t)(app->end - begin));
	app->said_a_word = true;
	app->end = begin;
	event_add(app->tick, &pace);
}

static deia_err on_init(deia_worker *w, const struct cJSON *config, void *user)
{
	struct app *app = user;

	(void)config;
	app->tick = event_new(deia_worker_base(w), -1, 0, on_tick, app);
	if (!app->tick)
		return DEIA_ENOMEM;
	deia_worker_ready(w, 1);
	return DEIA_OK;
}

static void on_turn(deia_worker *w, deia_turn *turn,
		    const struct deia_turn_info *info, void *user)
{
	struct app *app = user;

	(void)w;
	if (app->turn) {
		deia_turn_fail(turn, "busy", true, 1, "one thing at a time");
		return;
	}
	app->turn = turn;
	app->text = info->content; /* lives as long as the turn */
	app->end = info->content + strlen(info->content);
	app->said_a_word = false;
	event_active(app->tick, 0, 0);
}

static void on_interrupt(deia_worker *w, deia_turn *turn, void *user)
{
	struct app *app = user;

	(void)w;
	event_del(app->tick);
	app->turn = NULL;
	deia_turn_fail(turn, "interrupted", false, 0, "interrupted");
}

static void on_shutdown(deia_worker *w, void *user)
{
	struct app *app = user;

	(void)w; /* an open turn is ended by the worker */
	if (app->tick)
		event_free(app->tick);
}

int main(void)
{
	static const struct deia_worker_ops ops = {
		.size = sizeof(ops),
		.init = on_init,
		.turn = on_turn,
		.interrupt = on_interrupt,
		.shutdown = on_shutdown,
	};
	struct app app = { 0 };

	signal(SIGPIPE, SIG_IGN);
	return deia_worker_run(NULL, &ops, &app) ? EXIT_FAILURE : EXIT_SUCCESS;
}
