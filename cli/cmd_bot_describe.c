/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot_describe.c - `deia bot describe`: all that is known about a bot.
 *
 * In the order in which one looks for a fault: how it is, what it is, which
 * limits hold, how its last process ended, which states it went through, the
 * end of its log. Members that this program does not know are shown as well,
 * so that a newer hive hides nothing.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "bot_wait.h"
#include "bots_all.h"

#define HISTORY_LINES 15

static bool is_time(const char *key, const cJSON *item)
{
	size_t len = strlen(key);

	return cJSON_IsString(item) && len > 3 &&
	       strcmp(key + len - 3, "_at") == 0;
}

static void tell_list(const char *name, const cJSON *list)
{
	struct text out = { 0 };
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		char *text = cJSON_IsString(item) ? must_dup(item->valuestring)
						  : jprint(item);

		text_addf(&out, "%s%s", out.len > 0 ? ", " : "", text);
		free(text);
	}
	if (out.len > 0)
		tell("  %-28s %s", name, out.data);
	text_free(&out);
}

/* A text of several lines under its name, indented. */
static void tell_lines(const char *name, const char *text)
{
	tell("  %s", name);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		tell("      %.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* "name value"; nothing for null and what is empty. */
static void tell_member(const char *prefix, const cJSON *item)
{
	char *name = must_print("%s%s%s", prefix, *prefix != '\0' ? "." : "",
				item->string);
	char when[32], *text;
	const cJSON *c;

	if (cJSON_IsObject(item)) {
		cJSON_ArrayForEach(c, item)
			tell_member(name, c);
	} else if (cJSON_IsArray(item)) {
		tell_list(name, item);
	} else if (is_time(item->string, item)) {
		time_print(when, item->valuestring);
		tell("  %-28s %s", name, when);
	} else if (cJSON_IsString(item)) {
		if (strchr(item->valuestring, '\n') != NULL)
			tell_lines(name, item->valuestring);
		else if (*item->valuestring != '\0')
			tell("  %-28s %s", name, item->valuestring);
	} else if (!cJSON_IsNull(item)) {
		text = jprint(item);
		tell("  %-28s %s", name, text);
		free(text);
	}
	free(name);
}

/* ---- sections ---------------------------------------------------------- */

static bool has_section(const char *key)
{
	return strcmp(key, "limits_applied") == 0 ||
	       strcmp(key, "last_exit") == 0 || strcmp(key, "id") == 0;
}

static void tell_members(const cJSON *bot, const cJSON *fields, bool spec)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, bot) {
		bool is_field = cJSON_GetObjectItemCaseSensitive(
					fields, item->string) != NULL;

		if (is_field == spec && !has_section(item->string))
			tell_member("", item);
	}
}

static void tell_limits(const cJSON *bot)
{
	const cJSON *limits =
		cJSON_GetObjectItemCaseSensitive(bot, "limits_applied");
	const cJSON *l;

	if (cJSON_GetArraySize(limits) == 0)
		return;
	tell("\nLimits of its process");
	cJSON_ArrayForEach(l, limits)
		tell("  %-28s %.0f (%s)", jtext(l, "name"),
		     jnumber(l, "value", 0), jtext(l, "how"));
}

static char *how_it_ended(const cJSON *e, const char *code, const char *signal)
{
	if (jnumber(e, signal, 0) > 0)
		return must_print("signal %.0f", jnumber(e, signal, 0));
	if (jnumber(e, code, -1) >= 0)
		return must_print("code %.0f", jnumber(e, code, 0));
	return must_dup("-");
}

static void tell_last_exit(const cJSON *bot)
{
	const cJSON *e = cJSON_GetObjectItemCaseSensitive(bot, "last_exit");
	const cJSON *line;
	char when[32], *how;

	if (!cJSON_IsObject(e))
		return;
	time_print(when, jtext(e, "at"));
	how = how_it_ended(e, "code", "signal");
	tell("\nIts last process ended");
	tell("  %-28s %s", "at", when);
	tell("  %-28s %s", "with", how);
	if (*jtext(e, "reason") != '\0')
		tell("  %-28s %s", "reason", jtext(e, "reason"));
	free(how);
	cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(e, "stderr"))
		tell("      %s", cJSON_IsString(line) ? line->valuestring : "");
}

static const struct column columns[] = {
	{ "WHEN", COLUMN_FIXED }, { "STATE", COLUMN_STATE },
	{ "FROM", COLUMN_FIXED }, { "ENDED WITH", COLUMN_FIXED },
	{ "WHY", COLUMN_FLEX },	  { NULL, COLUMN_FIXED },
};

static void tell_moves(const struct cli *cli, const cJSON *json)
{
	const cJSON *move;
	struct table t;
	char when[32];

	table_init(&t, columns);
	JSON_EACH_ITEM(move, json)
	{
		char *how = how_it_ended(move, "exit_code", "exit_signal");

		time_print(when, jtext(move, "at"));
		table_add(&t, when);
		table_add(&t, jtext(move, "state"));
		table_add(&t, jtext(move, "from"));
		table_add(&t, how);
		table_add(&t, jtext(move, "reason"));
		free(how);
	}
	if (t.n_cells > 0) {
		tell("\nThe states it went through, newest first");
		tell_table(cli, &t);
	}
	table_free(&t);
}

/* One page as JSON. */
static cJSON *history(struct cli *cli, const char *bot)
{
	char *fmt =
		must_print("/api/v1/bots/%%s/history?limit=%d", HISTORY_LINES);
	char *path = path_of(fmt, bot);
	cJSON *json = NULL;

	if (ask_quietly(cli, "GET", path, NULL, &json, NULL) != DEIA_OK) {
		cJSON_Delete(json);
		json = NULL;
	}
	free(path);
	free(fmt);
	return json;
}

/* ---- what it needs ----------------------------------------------------- */

static cJSON *status(struct cli *cli, const char *bot)
{
	char *path = path_of("/api/v1/bots/%s/status?limit=1", bot);
	cJSON *json = NULL, *now = NULL;

	/* A hive that is older has no such route. */
	if (ask_quietly(cli, "GET", path, NULL, &json, NULL) == DEIA_OK)
		now = cJSON_DetachItemFromObjectCaseSensitive(json, "now");
	cJSON_Delete(json);
	free(path);
	return now;
}

static void tell_status(const cJSON *now)
{
	char when[32];

	if (!cJSON_IsObject(now))
		return;
	tell("\nWhat it needs");
	if (jnumber(now, "memory_bytes", -1) >= 0)
		tell("  %-28s %.1f MiB", "memory",
		     jnumber(now, "memory_bytes", 0) / 1048576);
	if (jnumber(now, "cpu_seconds", -1) >= 0)
		tell("  %-28s %.2f s, %.1f %% of one", "processor",
		     jnumber(now, "cpu_seconds", 0),
		     jnumber(now, "cpu_ratio", 0) * 100);
	tell("  %-28s %.0f s", "uptime", jnumber(now, "uptime_seconds", 0));
	if (*jtext(now, "last_message_at") != '\0') {
		time_print(when, jtext(now, "last_message_at"));
		tell("  %-28s %s", "last message", when);
	}
	tell("  %-28s %.0f", "errors", jnumber(now, "errors", 0));
}

static void tell_log(struct cli *cli, const char *bot)
{
	char *path = path_of("/api/v1/bots/%s/logs?tail=10", bot);
	struct deia_reply reply;

	if (ask_quietly(cli, "GET", path, NULL, NULL, &reply) == DEIA_OK &&
	    reply.body_len > 0) {
		tell("\nThe end of its log");
		bot_log_print(&reply);
	}
	free(path);
}

/* The bot, with its history and its status as more members. */
static void as_json(cJSON *bot, cJSON *moves, cJSON *now)
{
	cJSON *items = cJSON_DetachItemFromObjectCaseSensitive(moves, "items");
	char *text;

	if (items != NULL)
		cJSON_AddItemToObject(bot, "history", items);
	if (now != NULL)
		cJSON_AddItemReferenceToObject(bot, "status", now);
	text = jprint(bot);
	tell_json(text, strlen(text));
	free(text);
}

static void as_text(struct cli *cli, const cJSON *bot, const cJSON *moves,
		    const cJSON *now)
{
	cJSON *fields = bot_plain_spec();

	tell("%s", jtext(bot, "id"));
	tell_members(bot, fields, false);
	tell("\nWhat it is");
	tell_members(bot, fields, true);
	tell_status(now);
	tell_limits(bot);
	tell_last_exit(bot);
	tell_moves(cli, moves);
	tell_log(cli, jtext(bot, "id"));
	cJSON_Delete(fields);
}

static int run_describe(struct cli *cli)
{
	const char *id = cli->args.words[0];
	char *path = path_of("/api/v1/bots/%s", id);
	cJSON *bot = NULL, *moves = NULL, *now = NULL;
	int rc;

	cli->bot = id;
	rc = ask(cli, "GET", path, NULL, &bot);
	free(path);
	if (rc == EXIT_DONE) {
		moves = history(cli, id);
		now = status(cli, id);
	}
	if (rc == EXIT_DONE && cli->json)
		as_json(bot, moves, now);
	else if (rc == EXIT_DONE)
		as_text(cli, bot, moves, now);
	cJSON_Delete(bot);
	cJSON_Delete(moves);
	cJSON_Delete(now);
	return rc;
}

const struct command cmd_bot_describe = {
	.name = "bot describe",
	.usage = "BOT",
	.summary = "show all that is known about a bot, its states, its log",
	.details = "The first place to look when a bot does not run: why, how "
		   "its last\n"
		   "process ended, which limits hold, which states it went "
		   "through.\n\n"
		   "Example:\n  deia bot describe BOT-001\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_describe,
};
