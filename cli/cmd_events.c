/* SPDX-License-Identifier: MIT */
/*
 * cmd_events.c - `deia events`: what happens in the hive, one line an event.
 *
 * Without --follow it ends when it has caught up with the newest event.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct watch {
	struct cli *cli;
	const char *type, *subject; /* filters, or NULL */
	int64_t left;		    /* events still wanted; -1: no limit */
};

static bool is_wanted(const struct watch *w, const cJSON *e)
{
	size_t len = w->type != NULL ? strlen(w->type) : 0;
	const char *type = jtext(e, "type");

	/* "bot" stands for "bot.state", "bot.created" ... */
	if (w->type != NULL && (strncmp(type, w->type, len) != 0 ||
				(type[len] != '\0' && type[len] != '.')))
		return false;
	return w->subject == NULL ||
	       strcmp(jtext(e, "subject"), w->subject) == 0;
}

static void tell_event(const cJSON *e)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(e, "data");
	const char *at = jtext(e, "at");
	char when[32], *more;

	time_print(when, *at != '\0' ? at : jtext(e, "created_at"));
	more = cJSON_IsObject(data) ? jprint(data) : must_dup("");
	tell("%-7.0f %s  %-18s %-12s %s", jnumber(e, "seq", 0), when,
	     jtext(e, "type"), jtext(e, "subject"), more);
	free(more);
}

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct watch *w = user;
	cJSON *json = NULL;

	(void)id;
	if (strcmp(event, "resync") == 0) {
		note(w->cli, "some events are no longer kept; going on with "
			     "the oldest there is");
		return true;
	}
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	if (is_wanted(w, json)) {
		if (w->cli->json)
			tell_json(data, len);
		else
			tell_event(json);
		if (w->left > 0)
			w->left--;
	}
	cJSON_Delete(json);
	return fflush(stdout) == 0 && w->left != 0;
}

static int run_events(struct cli *cli)
{
	struct watch w = {
		.cli = cli,
		.type = args_text(&cli->args, "type"),
		.subject = args_text(&cli->args, "bot"),
		.left = args_number(&cli->args, "count", -1),
	};
	bool live = args_has(&cli->args, "follow");
	int64_t after = args_number(&cli->args, "after", live ? -1 : 0);
	deia_client *client;
	deia_err err;
	int rc;

	if (args_has(&cli->args, "count") && w.left <= 0)
		return usage_error(cli, "--count must be at least 1");
	client = cli_client(cli, &rc);
	if (client == NULL)
		return rc;
	interrupts_watch(client);
	err = deia_client_follow(client, after, live ? 0 : 500, on_event, &w);
	if (err == DEIA_ECANCELED)
		return EXIT_INTERRUPTED;
	return err == DEIA_OK ? EXIT_DONE : explain(cli, err, 0);
}

static const struct opt events_opts[] = {
	{ "follow", 'f', OPT_FLAG, false, NULL,
	  "go on with what happens, until Ctrl-C", NULL },
	{ "after", 0, OPT_NUMBER, false, "SEQ", "only events after this number",
	  NULL },
	{ "type", 0, OPT_TEXT, false, "TYPE",
	  "only of this type: bot, bot.state, chat ...", NULL },
	{ "bot", 0, OPT_TEXT, false, "BOT", "only about this bot", NULL },
	{ "count", 0, OPT_NUMBER, false, "N", "end after N events", NULL },
	{ 0 },
};

const struct command cmd_events = {
	.name = "events",
	.usage = "[-f] [--after SEQ] [--type TYPE] [--bot BOT]",
	.summary = "show what happened in the hive, or what happens",
	.details = "With --follow a broken connection is taken up again where\n"
		   "it broke: no event is lost or shown twice.\n\n"
		   "Examples:\n"
		   "  deia events --after 120\n"
		   "  deia events -f --type bot.state\n",
	.opts = events_opts,
	.run = run_events,
};
