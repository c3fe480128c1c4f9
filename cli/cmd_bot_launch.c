/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot_launch.c - `deia bot launch`: flags to the specification of a bot,
 * then, on a terminal, waiting until it is ready or its reason is known.
 *
 * What a valid specification is, the server knows; here only the shape of the
 * flags is checked.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bot_wait.h"
#include "bots_all.h"

/* Flags that are one field each; lists are given with commas. */
static const struct {
	const char *flag, *field;
} fields[] = {
	{ "adapter", "adapter" },
	{ "template", "template" },
	{ "model", "model" },
	{ "system", "system_prompt" },
	{ "base-url", "base_url" },
	{ "api-key-env", "api_key_env" },
	{ "type", "type" },
	{ "capabilities", "capabilities" },
	{ "depends-on", "depends_on" },
	{ "pass-env", "pass_env" },
	{ "on-message", "on_message" },
	{ "max-concurrent", "max_concurrent" },
	{ "history", "history_messages" },
	{ "restart", "restart.policy" },
	{ "max-restarts", "restart.max_restarts" },
	{ "memory", "limits.memory_mib" },
	{ "ping", "ping.interval_seconds" },
	{ "turn-timeout", "turn_timeout_seconds" },
	{ "ready-timeout", "ready_timeout_seconds" },
	{ "stop-timeout", "stop_timeout_seconds" },
};

/* ---- values ------------------------------------------------------------ */

/* JSON where it is JSON (0.2, true, [1]), else a string. */
static cJSON *json_or_text(const char *value)
{
	cJSON *json = NULL;

	if (*value != '\0' &&
	    deia_json_parse(&json, value, strlen(value), NULL) == DEIA_OK)
		return json;
	return cJSON_CreateString(value);
}

static cJSON *list_of(const char *commas)
{
	cJSON *list = cJSON_CreateArray();

	while (*commas != '\0') {
		size_t len = strcspn(commas, ",");
		char *item = must_dupn(commas, len);

		if (len > 0)
			cJSON_AddItemToArray(list, cJSON_CreateString(item));
		commas += len + (commas[len] == ',');
		free(item);
	}
	return list;
}

/* The object that holds what `path` names, made where it is not there; *name
 * is set to the last part of path. NULL: something of it is no object. */
static cJSON *holder(cJSON *root, const char *path, const char **name)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL) {
		char *part = must_dupn(path, (size_t)(dot - path));
		cJSON *next = cJSON_GetObjectItemCaseSensitive(root, part);

		if (next == NULL)
			next = cJSON_AddObjectToObject(root, part);
		free(part);
		if (!cJSON_IsObject(next))
			return NULL;
		root = next;
		path = dot + 1;
	}
	*name = path;
	return root;
}

/* What an empty specification has there tells which kind of value it is. */
static cJSON *value_for(const cJSON *plain, const char *path, const char *value)
{
	const char *name = path, *dot;
	const cJSON *known = plain;

	while (known != NULL && (dot = strchr(name, '.')) != NULL) {
		char *part = must_dupn(name, (size_t)(dot - name));

		known = cJSON_GetObjectItemCaseSensitive(known, part);
		free(part);
		name = dot + 1;
	}
	known = cJSON_GetObjectItemCaseSensitive(known, name);
	if (cJSON_IsArray(known) && *value != '[')
		return list_of(value);
	if (known != NULL && (cJSON_IsString(known) || cJSON_IsNull(known)) &&
	    strcmp(path, "options") != 0)
		return cJSON_CreateString(value);
	return json_or_text(value);
}

/* ---- the body ---------------------------------------------------------- */

static int set(struct cli *cli, cJSON *body, const char *path, cJSON *value)
{
	const char *name = path;
	cJSON *in = holder(body, path, &name);

	if (in == NULL || *name == '\0') {
		cJSON_Delete(value);
		return usage_error(cli, "'%s' is no field of a bot", path);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(in, name);
	cJSON_AddItemToObject(in, name, value);
	return EXIT_DONE;
}

/* --option, --env and --set: NAME=VALUE, each below its prefix. */
static int add_pairs(struct cli *cli, cJSON *body, const char *flag,
		     const char *prefix, const cJSON *plain)
{
	const char *pair;
	size_t at = 0;
	int rc = EXIT_DONE;

	while (rc == EXIT_DONE &&
	       (pair = args_next(&cli->args, flag, &at)) != NULL) {
		const char *equals = strchr(pair, '=');
		cJSON *in = body;
		char *name;

		if (equals == NULL || equals == pair)
			return usage_error(cli,
					   "--%s: '%s' should look like "
					   "NAME=VALUE",
					   flag, pair);
		name = must_dupn(pair, (size_t)(equals - pair));
		if (prefix == NULL) {
			rc = set(cli, body, name,
				 value_for(plain, name, equals + 1));
			free(name);
			continue;
		}
		in = cJSON_GetObjectItemCaseSensitive(body, prefix);
		if (in == NULL)
			in = cJSON_AddObjectToObject(body, prefix);
		cJSON_DeleteItemFromObjectCaseSensitive(in, name);
		cJSON_AddItemToObject(in, name,
				      strcmp(flag, "env") == 0
					      ? cJSON_CreateString(equals + 1)
					      : json_or_text(equals + 1));
		free(name);
	}
	return rc;
}

static void add_argv(const struct args *a, cJSON *body)
{
	cJSON *argv;

	if (a->n_before_dashes >= a->n_words)
		return;
	argv = cJSON_AddArrayToObject(body, "argv");
	for (size_t i = a->n_before_dashes; i < a->n_words; i++)
		cJSON_AddItemToArray(argv, cJSON_CreateString(a->words[i]));
}

/* A path means the same to deiad only when it is absolute. */
static void add_path(const struct args *a, cJSON *body, const char *flag,
		     const char *field)
{
	const char *path = args_text(a, flag);
	char *whole = path != NULL ? realpath(path, NULL) : NULL;

	if (path != NULL)
		cJSON_AddStringToObject(body, field,
					whole != NULL ? whole : path);
	free(whole);
}

static int fill(struct cli *cli, cJSON *body, const cJSON *plain)
{
	const struct args *a = &cli->args;
	int rc = EXIT_DONE;

	cJSON_AddStringToObject(body, "id", a->words[0]);
	if (!args_has(a, "adapter") && !args_has(a, "template") &&
	    a->n_before_dashes < a->n_words)
		cJSON_AddStringToObject(body, "adapter", "process");
	add_argv(a, body);
	add_path(a, body, "cwd", "cwd");
	add_path(a, body, "worktree-of", "worktree_of");
	add_path(a, body, "api-key-file", "api_key_file");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *value = args_text(a, fields[i].flag);

		if (value != NULL && rc == EXIT_DONE)
			rc = set(cli, body, fields[i].field,
				 value_for(plain, fields[i].field, value));
	}
	if (rc == EXIT_DONE)
		rc = add_pairs(cli, body, "option", "options", plain);
	if (rc == EXIT_DONE)
		rc = add_pairs(cli, body, "env", "env", plain);
	if (rc == EXIT_DONE)
		rc = add_pairs(cli, body, "set", NULL, plain);
	return rc;
}

static bool is_policy(const char *word)
{
	return strcmp(word, "always") == 0 || strcmp(word, "on-failure") == 0 ||
	       strcmp(word, "never") == 0;
}

static int check(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *policy = args_text(a, "restart");

	if (a->n_before_dashes == 0)
		return usage_error(cli, "the bot's id is missing before --");
	if (a->n_before_dashes > 1)
		return usage_error(cli,
				   "'%s' is one word too many; a program and "
				   "its arguments go behind --",
				   a->words[1]);
	if (!args_has(a, "adapter") && !args_has(a, "template") &&
	    a->n_words == 1)
		return usage_error(cli, "what should answer? Give --adapter "
					"echo, --adapter ollama --model MODEL, "
					"--template NAME, or a program behind "
					"--");
	if (policy != NULL && !is_policy(policy))
		return usage_error(cli,
				   "--restart: '%s' is none of always, "
				   "on-failure, never",
				   policy);
	return EXIT_DONE;
}

static int launched(struct cli *cli, const cJSON *bot)
{
	const char *id = cli->args.words[0];

	if (args_has(&cli->args, "no-start")) {
		say(cli, "%s was added; `deia bot start %s` starts it", id, id);
		return EXIT_DONE;
	}
	if (bot_wants_wait(cli))
		return bot_wait(cli, id, "ready");
	if (strcmp(jtext(bot, "state"), "failed") == 0) {
		complain("%s does not run: %s", id, jtext(bot, "state_reason"));
		return EXIT_REFUSED;
	}
	say(cli, "%s is %s", id, jtext(bot, "state"));
	return EXIT_DONE;
}

/* The body of POST; free() it. NULL: said why, *rc is set. */
static char *make_body(struct cli *cli, int *rc)
{
	cJSON *body = cJSON_CreateObject(), *plain = bot_plain_spec();
	char *text = NULL;

	*rc = fill(cli, body, plain);
	if (*rc == EXIT_DONE)
		text = jprint(body);
	if (text != NULL &&
	    deia_json_check(text, strlen(text), NULL) != DEIA_OK) {
		complain("the bot's specification is no text in UTF-8");
		*rc = EXIT_USAGE;
		free(text);
		text = NULL;
	}
	cJSON_Delete(plain);
	cJSON_Delete(body);
	return text;
}

static int run_launch(struct cli *cli)
{
	bool start = !args_has(&cli->args, "no-start");
	cJSON *json = NULL;
	int rc = check(cli);
	char *body;

	if (rc != EXIT_DONE)
		return rc;
	cli->bot = cli->args.words[0];
	body = make_body(cli, &rc);
	if (body != NULL)
		rc = ask_raw(cli, "POST",
			     start ? "/api/v1/bots"
				   : "/api/v1/bots?start=false",
			     body, &json);
	free(body);
	if (rc == EXIT_DONE)
		rc = launched(cli, json);
	cJSON_Delete(json);
	return rc;
}

#define ONE(name, value, help, words)                                          \
	{                                                                      \
		name, 0, OPT_TEXT, false, value, help, words                   \
	}
#define MANY(name, value, help)                                                \
	{                                                                      \
		name, 0, OPT_TEXT, true, value, help, NULL                     \
	}
#define NUMBER(name, value, help)                                              \
	{                                                                      \
		name, 0, OPT_NUMBER, false, value, help, NULL                  \
	}

static const struct opt launch_opts[] = {
	ONE("adapter", "NAME", "what answers: echo, ollama, openai ...",
	    "echo ollama openai anthropic exec process external"),
	ONE("model", "MODEL", "the model; see `deia models`", NULL),
	ONE("template", "NAME", "begin with a template of the configuration",
	    NULL),
	ONE("system", "TEXT", "the system prompt", NULL),
	MANY("option", "NAME=VALUE",
	     "an option of the adapter, JSON or text (temperature=0.2)"),
	ONE("base-url", "URL", "the model server's address", NULL),
	ONE("api-key-env", "NAME",
	    "variable of deiad that holds that server's key", NULL),
	ONE("api-key-file", "FILE", "file that holds it", "@file"),
	ONE("type", "WORD", "a word to group bots by", NULL),
	ONE("capabilities", "A,B", "what it is good for", NULL),
	ONE("depends-on", "A,B", "bots that must be ready first", "@bot"),
	ONE("on-message", "MODE", "mail from other bots: hold or reply",
	    "hold reply"),
	NUMBER("history", "N", "former messages that go with a turn (64)"),
	ONE("cwd", "FOLDER", "its working folder", "@dir"),
	ONE("worktree-of", "FOLDER",
	    "a git repository; the bot works in a worktree of it", "@dir"),
	MANY("env", "NAME=VALUE", "a variable of its environment"),
	ONE("pass-env", "A,B", "variables handed on from deiad's own", NULL),
	NUMBER("max-concurrent", "N", "how much it works on at a time (1)"),
	ONE("restart", "POLICY", "always, on-failure or never (always)",
	    "always on-failure never"),
	NUMBER("max-restarts", "N",
	       "deaths in ten minutes before it has failed"
	       " (10)"),
	NUMBER("memory", "MIB", "restart it when it uses more for 30 s"),
	NUMBER("ping", "SECONDS",
	       "ask whether it lives so often; 0: never "
	       "(15)"),
	NUMBER("turn-timeout", "SECONDS", "how long an answer may take (600)"),
	NUMBER("ready-timeout", "SECONDS",
	       "how long it may take to get ready (60)"),
	NUMBER("stop-timeout", "SECONDS",
	       "grace of each step of stopping it (5)"),
	MANY("set", "FIELD=VALUE",
	     "any field of the API: restart.retry_failed_seconds=60"),
	{ "no-start", 0, OPT_FLAG, false, NULL, "add it, do not start it",
	  NULL },
	BOT_WAIT_OPTS,
	{ 0 },
};

const struct command cmd_bot_launch = {
	.name = "bot launch",
	.usage = "BOT --adapter NAME [OPTIONS] [-- PROGRAM ARGS]",
	.summary = "add a bot and start it",
	.details =
		"BOT is its id: letters, digits, dots, dashes, underscores.\n"
		"A program behind -- is run as the bot (adapter process); it\n"
		"speaks the bot protocol on stdin and stdout. It starts in\n"
		"deiad's folder, not in yours: give whole paths, or --cwd.\n\n"
		"Examples:\n"
		"  deia bot launch BOT-001 --adapter ollama --model llama3.2\n"
		"  deia bot launch BOT-002 --adapter ollama --model llama3.2 "
		"\\\n"
		"      --system \"Answer in one sentence.\" \\\n"
		"      --option temperature=0.2\n"
		"  deia bot launch parrot --adapter echo\n"
		"  deia bot launch mine --memory 900 -- python3 $PWD/mybot.py\n"
		"  deia bot launch gpt --adapter openai --model gpt-5 \\\n"
		"      --api-key-env OPENAI_API_KEY --set "
		"limits.processes=16\n",
	.opts = launch_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_launch,
};
