/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot.c - the bots there are: `deia bot list` and `deia bot show`.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- list -------------------------------------------------------------- */

/* Where bots of more than one node are listed. */
static const struct column node_columns[] = {
	{ "BOT", COLUMN_FIXED },       { "NODE", COLUMN_FIXED },
	{ "ADAPTER", COLUMN_FIXED },   { "MODEL", COLUMN_FLEX },
	{ "STATE", COLUMN_STATE },     { "PID", COLUMN_NUMBER },
	{ "RESTARTS", COLUMN_NUMBER }, { "MAIL", COLUMN_NUMBER },
	{ "UP", COLUMN_FIXED },	       { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};
#define NODE_COLUMN 1
static const struct column list_columns[] = {
	{ "BOT", COLUMN_FIXED },   { "ADAPTER", COLUMN_FIXED },
	{ "MODEL", COLUMN_FLEX },  { "STATE", COLUMN_STATE },
	{ "PID", COLUMN_NUMBER },  { "RESTARTS", COLUMN_NUMBER },
	{ "MAIL", COLUMN_NUMBER }, { "UP", COLUMN_FIXED },
	{ "REASON", COLUMN_FLEX }, { NULL, COLUMN_FIXED },
};

static void add_row(struct table *t, const cJSON *bot)
{
	/* A bot that runs has no reason; it may say what ails its model. */
	const char *reason = jtext(bot, "state_reason");
	char age[24];

	if (*reason == '\0')
		reason = jtext(bot, "held");

	age_print(age, jtext(bot, "started_at"));
	table_add(t, jtext(bot, "id"));
	table_add(t, jtext(bot, "node"));
	table_add(t, jtext(bot, "adapter"));
	table_add(t, jtext(bot, "model"));
	table_add(t, jtext(bot, "state"));
	if (jnumber(bot, "pid", 0) > 0)
		table_addn(t, jnumber(bot, "pid", 0));
	else
		table_add(t, NULL);
	table_addn(t, jnumber(bot, "restarts", 0));
	table_addn(t, jnumber(bot, "unread", 0));
	table_add(t, age);
	table_add(t, *reason != '\0' ? reason : jtext(bot, "status_text"));
}

static char *list_path(const struct cli *cli, const char *cursor)
{
	struct text path = { 0 };

	text_addf(&path, "/api/v1/bots?limit=%lld",
		  (long long)args_number(&cli->args, "limit", 1000));
	query_add(&path, "type", args_text(&cli->args, "type"));
	query_add(&path, "state", args_text(&cli->args, "state"));
	if (cursor == NULL)
		cursor = args_text(&cli->args, "cursor");
	query_add(&path, "cursor", cursor);
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

static void tell_none(const struct cli *cli)
{
	if (args_has(&cli->args, "type") || args_has(&cli->args, "state"))
		note(cli, "there is no such bot; `deia bot list` shows all");
	else
		note(cli, "there is no bot yet; `deia bot launch BOT-001 "
			  "--adapter echo` makes one");
}

static bool on_one_node(const struct table *t)
{
	size_t first = NODE_COLUMN;

	for (size_t i = first; i < t->n_cells; i += t->n_columns)
		if (strcmp(t->cells[i], t->cells[first]) != 0)
			return false;
	return true;
}

static int run_list(struct cli *cli)
{
	struct table t;
	int rc;

	table_init(&t, node_columns);
	rc = list_pages(cli, &t);
	if (on_one_node(&t))
		table_drop(&t, NODE_COLUMN, list_columns);
	if (rc == EXIT_DONE && !cli->json && !cli->quiet) {
		if (t.n_cells > 0)
			tell_table(cli, &t);
		else
			tell_none(cli);
	}
	table_free(&t);
	return rc;
}

static const struct opt list_opts[] = {
	{ "type", 0, OPT_TEXT, false, "TYPE", "only bots of this type", NULL },
	{ "state", 0, OPT_TEXT, false, "STATE", "only bots in this state",
	  BOT_STATES },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N bots, one page",
	  NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where `next_cursor` of a page says", NULL },
	{ 0 },
};

const struct command cmd_bot_list = {
	.name = "bot list",
	.usage = "[--type TYPE] [--state STATE]",
	.summary = "list the bots and their states",
	.details = "With -q only their ids, one a line.\n\n"
		   "Examples:\n"
		   "  deia bot list\n"
		   "  deia bot list --type coder --state failed -q\n"
		   "  deia bot list --json | jq '.items[].state'\n",
	.opts = list_opts,
	.run = run_list,
};

/* ---- show ------------------------------------------------------ */

static void tell_member(const cJSON *item)
{
	char *text = cJSON_IsString(item) ? must_dup(item->valuestring)
					  : jprint(item);

	if (*text != '\0' && !cJSON_IsNull(item))
		tell("%-26s %s", item->string, text);
	free(text);
}

static int run_show(struct cli *cli)
{
	static const char *const brief[] = {
		"id",
		"adapter",
		"model",
		"node",
		"state",
		"state_reason",
		"held",
		"status_text",
		"pid",
		"restarts",
		"running_tasks",
		"unread",
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
		for (size_t i = 0; i < sizeof(brief) / sizeof(brief[0]); i++) {
			item = cJSON_GetObjectItemCaseSensitive(json, brief[i]);
			if (item != NULL)
				tell_member(item);
		}
	}
	cJSON_Delete(json);
	return rc;
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
