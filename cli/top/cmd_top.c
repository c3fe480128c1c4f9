/* SPDX-License-Identifier: MIT */
/*
 * cmd_top.c - `deia top`: the live screen, and one picture for a pipe.
 *
 * One thread asks (asker.c); this one waits for keys, signals and news, and
 * draws. Handlers of signals only write into a pipe.
 */
#include "../cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen.h"
#include "ui.h"

#define MIN_SECONDS 1
#define MAX_SECONDS 60
#define TICK_MS 1000 /* ages on the screen are no older */

static int signal_pipe[2] = { -1, -1 };

static void on_signal(int number)
{
	unsigned char byte = (unsigned char)number;
	int saved = errno;

	if (write(signal_pipe[1], &byte, 1) < 0)
		errno = saved; /* full: they are many already */
	errno = saved;
}

static const int caught[] = { SIGINT,	SIGTERM, SIGHUP,
			      SIGWINCH, SIGTSTP, SIGCONT };

static bool catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		complain("no pipe can be made: %s", strerror(errno));
		return false;
	}
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, NULL);
	return true;
}

/* ---- one picture --------------------------------------------------------- */

static int run_once(struct cli *cli)
{
	struct top_ui ui = { .once = true };
	struct top_asker a;
	struct frame f;
	int rc;

	if (cli_client(cli, &rc) == NULL)
		return rc;
	top_asker_init(&a, cli, 0);
	rc = top_look_once(&a);
	if (rc == EXIT_DONE) {
		ui.url = cli->target.url;
		frame_init(&f, terminal_width(cli), 0);
		top_draw(&f, &ui, &a);
		frame_print(&f, stdout, cli->out_colour);
		frame_free(&f);
	}
	top_ui_free(&ui);
	top_asker_free(&a);
	return rc;
}

/* ---- the live screen ----------------------------------------------------- */

static void draw(struct top_ui *ui, struct top_asker *a)
{
	const struct top_list *l = &ui->lists[PANE_BOTS];
	size_t width, height, n = 0;
	struct frame f;

	screen_size(&width, &height);
	frame_init(&f, width, height);
	pthread_mutex_lock(&a->lock);
	top_draw(&f, ui, a);
	for (size_t i = l->first; i < l->n && i < l->first + l->rows &&
				  n < sizeof(a->shown) / sizeof(a->shown[0]);
	     i++)
		top_keep(a->shown[n++], sizeof(a->shown[0]),
			 top_name_at(ui, &a->data, PANE_BOTS, i));
	a->n_shown = n;
	pthread_mutex_unlock(&a->lock);
	screen_show(&f);
	frame_free(&f);
}

/* The exit code to end with, or EXIT_DONE to go on. */
static int take_signals(void)
{
	unsigned char number;
	int rc = EXIT_DONE;

	while (read(signal_pipe[0], &number, 1) == 1) {
		if (number == SIGWINCH)
			screen_resized();
		else if (number == SIGTSTP)
			screen_suspend();
		else if (number == SIGCONT)
			screen_spoilt();
		else
			rc = EXIT_INTERRUPTED;
	}
	return rc;
}

static void take_keys(struct top_ui *ui, struct top_asker *a)
{
	uint32_t key;

	while (!ui->quit && screen_key(&key)) {
		pthread_mutex_lock(&a->lock);
		top_take_key(ui, a, key);
		pthread_mutex_unlock(&a->lock);
	}
}

static int loop(struct top_ui *ui, struct top_asker *a)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signal_pipe[0], .events = POLLIN },
		{ .fd = a->wake_fd, .events = POLLIN },
	};
	uint64_t news;
	int rc = EXIT_DONE;

	while (!ui->quit && rc == EXIT_DONE) {
		draw(ui, a);
		if (poll(fds, 3, TICK_MS) < 0)
			continue; /* a signal: its byte is in the pipe */
		rc = take_signals();
		if (fds[2].revents != 0 &&
		    read(a->wake_fd, &news, sizeof(news)) < 0)
			continue;
		if (fds[0].revents & POLLIN)
			take_keys(ui, a);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			rc = EXIT_INTERRUPTED; /* the terminal is gone */
	}
	return rc;
}

static int run_live(struct cli *cli, unsigned every_ms)
{
	struct top_ui ui = { 0 };
	struct top_asker a;
	char *message = NULL;
	/* What cannot be asked at all is said like by any other command. */
	int rc = ask(cli, "GET", "/api/v1/health", NULL, NULL);

	if (rc != EXIT_DONE)
		return rc;
	if (!catch_signals())
		return EXIT_REFUSED;
	if (!screen_open(cli->out_colour, &message)) {
		complain("%s", message);
		advise("`deia top --once` prints one picture");
		free(message);
		return EXIT_USAGE;
	}
	ui.url = cli->target.url;
	top_asker_init(&a, cli, every_ms);
	rc = top_asker_start(&a);
	if (rc == EXIT_DONE) {
		rc = loop(&ui, &a);
		screen_close();
		top_asker_stop(&a);
	}
	screen_close();
	top_asker_free(&a);
	top_ui_free(&ui);
	return rc;
}

static int refuse_to_be_live(const char *term)
{
	if (!screen_is_built()) {
		complain("this build has no live screen: ncurses was not there "
			 "when it was built");
		advise("`deia top --once` prints one picture; "
		       "`./dev run` builds with all there is");
		return EXIT_REFUSED;
	}
	complain("this terminal cannot show a live screen (TERM=%s)", term);
	advise("`deia top --once` prints one picture");
	return EXIT_USAGE;
}

static int run_top(struct cli *cli)
{
	const char *every = args_text(&cli->args, "interval");
	const char *term = getenv("TERM");
	int64_t seconds = 2;

	if (every != NULL)
		(void)parse_duration(every, &seconds);
	if (seconds < MIN_SECONDS || seconds > MAX_SECONDS)
		return usage_error(cli, "--interval: between 1s and 60s");
	if (cli->json)
		return usage_error(cli,
				   "a picture is no JSON; `deia health --json` "
				   "and `deia bot list --json` have it");
	cli->hasty = true;
	if (!cli->out_tty || args_has(&cli->args, "once") ||
	    isatty(STDIN_FILENO) != 1)
		return run_once(cli);
	if (!screen_is_built() || term == NULL || *term == '\0' ||
	    strcmp(term, "dumb") == 0)
		return refuse_to_be_live(term != NULL ? term : "");
	cli->verbose = false; /* its lines would spoil the screen */
	return run_live(cli, (unsigned)seconds * 1000);
}

static const struct opt top_opts[] = {
	{ "interval", 0, OPT_DURATION, false, "TIME",
	  "how often to look, 1s to 60s (2s)", NULL },
	{ "once", 0, OPT_FLAG, false, NULL,
	  "print one picture as text, and end", NULL },
	{ 0 },
};

const struct command cmd_top = {
	.name = "top",
	.usage = "[--interval TIME] [--once]",
	.summary = "watch bots, queues, rates and alerts live, and act on them",
	.details =
		"Keys: arrows or j k, PgUp, PgDn; Tab: bots, queues, alerts; "
		"s sorts, / filters.\nOn a bot: S start, X stop, R restart, "
		"P pause or go on, L its log. On an alert:\nA acknowledge. "
		"? shows all keys, q quits. Into a pipe, one picture.\n\n"
		"Examples:\n"
		"  deia top\n"
		"  deia top --interval 10s\n"
		"  deia top --once | head -3\n",
	.opts = top_opts,
	.run = run_top,
};
