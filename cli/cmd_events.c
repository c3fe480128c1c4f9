/* SPDX-License-Identifier: MIT */
/*
 * cmd_events.c - `deia events`: what happens in the hive, one line an event.
 *
 * The hive's stream never ends; without --follow the command ends with the
 * event that was the newest when the stream began.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* The past is sent at once; longer silence means that it was cut short. */
#define CAUGHT_UP_MS 5000

struct watch {
	struct cli *cli;
	const char *type, *subject; /* filters, or NULL */
	int64_t left;		    /* events still wanted; -1: no limit */
	int64_t after;
	bool live;
	int64_t newest; /* when the stream began */
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

/* Shows an event; false: that was the last one wanted. */
static bool take(struct watch *w, const cJSON *json, const char *data,
		 size_t len)
{
	if (is_wanted(w, json)) {
		if (w->cli->json)
			tell_json(data, len);
		else
			tell_event(json);
		if (w->left > 0)
			w->left--;
	}
	return w->left != 0;
}

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct watch *w = user;
	cJSON *json = NULL;
	bool more = true;

	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	if (strcmp(event, "open") == 0) {
		w->newest = (int64_t)jnumber(json, "last_seq", 0);
		more = w->live || w->after < w->newest;
	} else if (strcmp(event, "resync") == 0) {
		note(w->cli, "older events are no longer kept");
	} else {
		more = take(w, json, data, len) &&
		       (w->live || strtoll(id ? id : "", NULL, 10) < w->newest);
	}
	cJSON_Delete(json);
	return fflush(stdout) == 0 && more;
}

/* Up to the event that is the newest now. */
static deia_err catch_up(deia_client *client, struct watch *w)
{
	char *path =
		must_print("/api/v1/events?after=%lld", (long long)w->after);
	deia_err err = deia_client_stream(client, "GET", path, NULL,
					  CAUGHT_UP_MS, on_event, w);

	free(path);
	return err == DEIA_ETIMEDOUT ? DEIA_OK : err;
}

static int run_events(struct cli *cli)
{
	struct watch w = {
		.cli = cli,
		.type = args_text(&cli->args, "type"),
		.subject = args_text(&cli->args, "bot"),
		.left = args_number(&cli->args, "count", -1),
		.live = args_has(&cli->args, "follow"),
	};
	deia_client *client;
	deia_err err;
	int rc;

	w.after = args_number(&cli->args, "after", w.live ? -1 : 0);
	if (args_has(&cli->args, "count") && w.left <= 0)
		return usage_error(cli, "--count must be at least 1");
	client = cli_client(cli, &rc);
	if (client == NULL)
		return rc;
	interrupts_watch(client);
	err = w.live ? deia_client_follow(client, w.after, 0, on_event, &w)
		     : catch_up(client, &w);
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
