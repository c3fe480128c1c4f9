/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot.c - the bots there are: list, show, describe, and what is done to
 * them by one word (start, stop, pause ...), to one, to several or to all.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "bot_wait.h"

/* ---- list -------------------------------------------------------------- */

static const struct column list_columns[] = {
	{ "BOT", COLUMN_FIXED },  { "ADAPTER", COLUMN_FIXED },
	{ "MODEL", COLUMN_FLEX }, { "STATE", COLUMN_STATE },
	{ "PID", COLUMN_NUMBER }, { "RESTARTS", COLUMN_NUMBER },
	{ "UP", COLUMN_FIXED },	  { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static void add_row(struct table *t, const cJSON *bot)
{
	/* A bot that runs has no reason; it may say what ails its model. */
	const char *reason = jtext(bot, "state_reason");
	char age[24];

	age_print(age, jtext(bot, "started_at"));
	table_add(t, jtext(bot, "id"));
	table_add(t, jtext(bot, "adapter"));
	table_add(t, jtext(bot, "model"));
	table_add(t, jtext(bot, "state"));
	if (jnumber(bot, "pid", 0) > 0)
		table_addn(t, jnumber(bot, "pid", 0));
	else
		table_add(t, NULL);
	table_addn(t, jnumber(bot, "restarts", 0));
	table_add(t, age);
	table_add(t, *reason != '\0' ? reason : jtext(bot, "status_text"));
}

static char *list_path(const struct cli *cli, const char *cursor)
{
	struct text path = { 0 };
	char *part;

	text_addf(&path, "/api/v1/bots?limit=%lld",
		  (long long)args_number(&cli->args, "limit", 1000));
	if (cursor == NULL)
		cursor = args_text(&cli->args, "cursor");
	if (cursor != NULL && *cursor != '\0') {
		part = path_of("&cursor=%s", cursor);
		text_adds(&path, part);
		free(part);
	}
	return path.data;
}

/* A hive holds at most a fifth of this; who sends more is none. */
#define MAX_LIST_PAGES 50

/* All pages into the table, or ids onto stdout with -q. */
static int list_pages(struct cli *cli, struct table *t)
{
	char *cursor = NULL;
	int rc, pages = 0;

	do {
		char *path = list_path(cli, cursor);
		const cJSON *bot;
		cJSON *json = NULL;

		rc = ask_raw(cli, "GET", path, NULL, &json);
		free(path);
		free(cursor);
		cursor = NULL;
		JSON_EACH_ITEM(bot, json)
		{
			if (cli->quiet && !cli->json)
				tell("%s", jtext(bot, "id"));
			else
				add_row(t, bot);
		}
		/* With --json or a limit, one page at a time is wanted. */
		if (*jtext(json, "next_cursor") != '\0' && !cli->json &&
		    !args_has(&cli->args, "limit"))
			cursor = must_dup(jtext(json, "next_cursor"));
		cJSON_Delete(json);
	} while (rc == EXIT_DONE && cursor != NULL && ++pages < MAX_LIST_PAGES);
	if (rc == EXIT_DONE && cursor != NULL)
		rc = explain_stranger(cli);
	free(cursor);
	return rc;
}

static int run_list(struct cli *cli)
{
	struct table t;
	int rc;

	table_init(&t, list_columns);
	rc = list_pages(cli, &t);
	if (rc == EXIT_DONE && !cli->json && !cli->quiet) {
		if (t.n_cells > 0)
			tell_table(cli, &t);
		else
			note(cli, "there is no bot yet; `deia bot launch "
				  "BOT-001 --adapter echo` makes one");
	}
	table_free(&t);
	return rc;
}

static const struct opt list_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N bots, one page",
	  NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where `next_cursor` of a page says", NULL },
	{ 0 },
};

const struct command cmd_bot_list = {
	.name = "bot list",
	.usage = "",
	.summary = "list the bots and their states",
	.details = "With -q only their ids, one a line.\n\n"
		   "Examples:\n"
		   "  deia bot list\n"
		   "  deia bot list --json | jq '.items[].state'\n",
	.opts = list_opts,
	.run = run_list,
};

/* ---- show, describe ---------------------------------------------------- */

static void tell_member(const cJSON *item)
{
	char *text = cJSON_IsString(item) ? must_dup(item->valuestring)
					  : jprint(item);

	if (*text != '\0' && !cJSON_IsNull(item))
		tell("%-26s %s", item->string, text);
	free(text);
}

static int show(struct cli *cli, bool all)
{
	static const char *const brief[] = {
		"id",
		"adapter",
		"model",
		"state",
		"state_reason",
		"status_text",
		"pid",
		"restarts",
		"running_tasks",
		"max_concurrent",
		"started_at",
	};
	char *path;
	const cJSON *item;
	cJSON *json = NULL;
	int rc;

	cli->bot = cli->args.words[0];
	path = path_of("/api/v1/bots/%s", cli->bot);
	rc = ask_raw(cli, "GET", path, NULL, &json);
	free(path);
	if (rc == EXIT_DONE && !cli->json) {
		for (size_t i = 0; i < sizeof(brief) / sizeof(brief[0]) && !all;
		     i++) {
			item = cJSON_GetObjectItemCaseSensitive(json, brief[i]);
			if (item != NULL)
				tell_member(item);
		}
		if (all)
			cJSON_ArrayForEach(item, json)
				tell_member(item);
	}
	cJSON_Delete(json);
	return rc;
}

static int run_show(struct cli *cli)
{
	return show(cli, false);
}

/* Everything about the bot, and the end of its log. */
static int run_describe(struct cli *cli)
{
	struct deia_reply reply;
	int rc = show(cli, true);
	char *path;

	if (rc != EXIT_DONE || cli->json)
		return rc;
	path = path_of("/api/v1/bots/%s/logs?tail=10", cli->bot);
	if (ask_quietly(cli, "GET", path, NULL, NULL, &reply) == DEIA_OK &&
	    reply.body_len > 0) {
		tell("\nThe end of its log:");
		bot_log_print(&reply);
	}
	free(path);
	return EXIT_DONE;
}

const struct command cmd_bot_show = {
	.name = "bot show",
	.usage = "BOT",
	.summary = "show a bot's state in brief",
	.details = "Example:\n  deia bot show BOT-001\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_show,
};

const struct command cmd_bot_describe = {
	.name = "bot describe",
	.usage = "BOT",
	.summary = "show all that is known about a bot, and the end of its log",
	.details = "The first place to look when a bot does not run.\n\n"
		   "Example:\n  deia bot describe BOT-001\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_describe,
};

/* ---- actions ----------------------------------------------------------- */

static const struct action {
	const char *verb;      /* of the API */
	const char *done;      /* how it is told */
	const char *waits_for; /* a state, with --wait; or NULL */
} actions[] = {
	{ "start", "was started", "ready" },
	{ "stop", "is stopping", "stopped" },
	{ "restart", "is restarting", "ready" },
	{ "pause",
	  "is paused: what it is working on goes on, nothing new is "
	  "begun",
	  NULL },
	{ "resume", "goes on", NULL },
	{ "interrupt", "was asked to end what it is working on", NULL },
};

static int act_on(struct cli *cli, const struct action *a, const char *bot)
{
	char *fmt, *path;
	int rc;

	cli->bot = bot;
	fmt = must_print("/api/v1/bots/%%s/%s", a->verb);
	path = path_of(fmt, bot);
	rc = ask_raw(cli, "POST", path, NULL, NULL);
	free(path);
	free(fmt);
	if (rc != EXIT_DONE)
		return rc;
	if (a->waits_for != NULL && bot_wants_wait(cli))
		return bot_wait(cli, bot, a->waits_for);
	say(cli, "%s %s", bot, a->done);
	return rc;
}

/* Bots for which the action makes no sense are passed over, as with all. */
static bool concerns(const struct action *a, const char *state)
{
	bool live =
		strcmp(state, "stopped") != 0 && strcmp(state, "failed") != 0 &&
		strcmp(state, "offline") != 0 && strcmp(state, "stopping") != 0;

	if (strcmp(a->verb, "start") == 0)
		return !live && strcmp(state, "stopping") != 0 &&
		       strcmp(state, "offline") != 0;
	if (strcmp(a->verb, "resume") == 0)
		return strcmp(state, "paused") == 0;
	if (strcmp(a->verb, "pause") == 0)
		return strcmp(state, "ready") == 0 ||
		       strcmp(state, "busy") == 0;
	if (strcmp(a->verb, "interrupt") == 0)
		return strcmp(state, "busy") == 0;
	return live;
}

static int act_on_all(struct cli *cli, const struct action *a)
{
	const cJSON *bot;
	cJSON *json = NULL;
	unsigned n = 0;
	int rc = ask(cli, "GET", "/api/v1/bots?limit=1000", NULL, &json);

	JSON_EACH_ITEM(bot, json)
	{
		int one;

		if (!concerns(a, jtext(bot, "state")))
			continue;
		n++;
		one = act_on(cli, a, jtext(bot, "id"));
		if (rc == EXIT_DONE)
			rc = one;
	}
	if (rc == EXIT_DONE && n == 0)
		note(cli, "no bot is in a state to %s", a->verb);
	cJSON_Delete(json);
	return rc;
}

static int run_action(struct cli *cli)
{
	const char *verb = cli->command->name + strlen("bot ");
	const struct action *a = actions;
	int rc = EXIT_DONE;

	while (strcmp(a->verb, verb) != 0)
		a++;
	if (args_has(&cli->args, "all")) {
		if (cli->args.n_words > 0)
			return usage_error(cli, "name bots or give --all, not "
						"both");
		return act_on_all(cli, a);
	}
	if (cli->args.n_words == 0)
		return usage_error(cli, "which bot? Name one or more, or give "
					"--all");
	for (size_t i = 0; i < cli->args.n_words; i++) {
		int one = act_on(cli, a, cli->args.words[i]);

		if (rc == EXIT_DONE)
			rc = one;
	}
	return rc;
}

#define ALL_OPT                                                                \
	{                                                                      \
		"all", 0, OPT_FLAG, false, NULL,                               \
			"every bot it makes sense for", NULL                   \
	}

static const struct opt act_opts[] = { ALL_OPT, { 0 } };
static const struct opt wait_opts[] = { ALL_OPT, BOT_WAIT_OPTS, { 0 } };

#define ACTION(word, about, options, more)                                     \
	const struct command cmd_bot_##word = {                                \
		.name = "bot " #word,                                          \
		.usage = "BOT ... | --all",                                    \
		.summary = about,                                              \
		.details = more "Examples:\n  deia bot " #word " BOT-001\n"    \
				"  deia bot " #word " --all\n",                \
		.opts = options,                                               \
		.max_words = ARGS_MAX,                                         \
		.run = run_action,                                             \
	}

ACTION(start, "start bots that were stopped or failed", wait_opts, "");
ACTION(stop, "stop bots; they stay stopped until started", wait_opts, "");
ACTION(restart, "stop and start bots", wait_opts, "");
ACTION(pause, "let bots begin nothing new", act_opts,
       "What a bot is working on goes on to its end.\n\n");
ACTION(resume, "let paused bots go on", act_opts, "");
ACTION(interrupt, "end what bots are working on, and keep the bots", act_opts,
       "What was answered so far is kept as a partial answer.\n\n");
