/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot_register.c - `deia bot register`: a bot whose program runs anywhere
 * and comes by HTTP: the bot, a token that is good for it alone, and the calls
 * its program makes, ready to be copied.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char example[] =
	"api() { curl -sS -H \"Authorization: Bearer $DEIA_TOKEN\" \\\n"
	"    -H 'Content-Type: application/json' \"$@\"; }\n"
	"# It is there: say so every half minute while it waits for nothing.\n"
	"api -d '{\"status_text\":\"here\"}' \\\n"
	"    \"$DEIA_URL/api/v1/bots/%s/heartbeat\" > bot.json\n"
	"# Wait for something to answer; an empty file: there was nothing.\n"
	"api -d '{\"bot\":\"%s\",\"wait_seconds\":30}' \\\n"
	"    \"$DEIA_URL/api/v1/tasks/claim\" > task.json\n"
	"# Answer it.\n"
	"[ -s task.json ] && jq '{lease_token,\n"
	"    text: (\"You said: \" + .task.content)}' task.json |\n"
	"api -d @- \"$DEIA_URL/api/v1/tasks/$(jq -r .task.id task.json)"
	"/complete\"\n";

static void add_list(cJSON *body, const char *name, const struct args *a)
{
	cJSON *list;
	const char *value;
	size_t at = 0;

	if (!args_has(a, "capability"))
		return;
	list = cJSON_AddArrayToObject(body, name);
	while ((value = args_next(a, "capability", &at)) != NULL)
		cJSON_AddItemToArray(list, cJSON_CreateString(value));
}

static int create_bot(struct cli *cli, const char *id, cJSON **bot)
{
	const struct args *a = &cli->args;
	cJSON *body = cJSON_CreateObject();
	char *text;
	int rc;

	cJSON_AddStringToObject(body, "id", id);
	cJSON_AddStringToObject(body, "adapter", "external");
	if (args_has(a, "type"))
		cJSON_AddStringToObject(body, "type", args_text(a, "type"));
	add_list(body, "capabilities", a);
	if (args_has(a, "max-concurrent"))
		cJSON_AddNumberToObject(
			body, "max_concurrent",
			(double)args_number(a, "max-concurrent", 1));
	if (args_has(a, "heartbeat-timeout"))
		cJSON_AddNumberToObject(
			body, "heartbeat_timeout_seconds",
			(double)args_number(a, "heartbeat-timeout", 90));
	text = jprint(body);
	cJSON_Delete(body);
	rc = ask(cli, "POST", "/api/v1/bots", text, bot);
	free(text);
	return rc;
}

static int create_token(struct cli *cli, const char *id, cJSON **token)
{
	cJSON *body = cJSON_CreateObject();
	char *text;
	int rc;

	cJSON_AddStringToObject(body, "name", id);
	cJSON_AddStringToObject(body, "role", "bot");
	text = jprint(body);
	cJSON_Delete(body);
	rc = ask(cli, "POST", "/api/v1/tokens", text, token);
	free(text);
	if (rc == EXIT_DONE && *jtext(*token, "token") == '\0')
		rc = explain_stranger(cli);
	return rc;
}

static void as_json(cJSON *bot, const cJSON *token)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddItemReferenceToObject(json, "bot", bot);
	cJSON_AddStringToObject(json, "token", jtext(token, "token"));
	text = jprint(json);
	tell_json(text, strlen(text));
	free(text);
	cJSON_Delete(json);
}

static void as_text(const struct cli *cli, const char *id, const cJSON *token)
{
	if (cli->quiet) {
		tell("%s", jtext(token, "token"));
		return;
	}
	tell("# %s is registered. Its token is shown this once; it is good "
	     "for\n"
	     "# this bot alone. What its program does, in a shell:\n"
	     "export DEIA_URL='%s'\n"
	     "export DEIA_TOKEN='%s'",
	     id, cli->target.url, jtext(token, "token"));
	tell(example, id, id);
}

static int run_register(struct cli *cli)
{
	const char *id = cli->args.words[0];
	cJSON *bot = NULL, *token = NULL;
	int rc;

	cli->bot = id;
	rc = create_bot(cli, id, &bot);
	if (rc == EXIT_DONE) {
		cli->bot = NULL;
		rc = create_token(cli, id, &token);
		if (rc != EXIT_DONE)
			advise("%s is registered, but has no token yet; an "
			       "administrator makes one with `deia token "
			       "create %s --role bot`",
			       id, id);
	}
	if (rc == EXIT_DONE && cli->json)
		as_json(bot, token);
	else if (rc == EXIT_DONE)
		as_text(cli, id, token);
	cJSON_Delete(token);
	cJSON_Delete(bot);
	return rc;
}

static const struct opt register_opts[] = {
	{ "type", 0, OPT_TEXT, false, "WORD", "a word to group bots by", NULL },
	{ "capability", 0, OPT_TEXT, true, "WORD",
	  "what it is good for; may be repeated", NULL },
	{ "max-concurrent", 0, OPT_NUMBER, false, "N",
	  "how much it works on at a time (1)", NULL },
	{ "heartbeat-timeout", 0, OPT_NUMBER, false, "SECONDS",
	  "how long it may be silent before it is offline (90)", NULL },
	{ 0 },
};

const struct command cmd_bot_register = {
	.name = "bot register",
	.usage = "BOT [--type WORD] [--capability WORD ...]",
	.summary = "add a bot whose program runs elsewhere and comes by HTTP",
	.details =
		"Prints a token for its program, and the calls it makes, as a "
		"shell\n"
		"script. With -q only the token.\n\n"
		"Examples:\n"
		"  deia bot register REMOTE-1 --capability math > remote-1.sh\n"
		"  TOKEN=$(deia bot register REMOTE-2 -q)\n",
	.opts = register_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_register,
};
