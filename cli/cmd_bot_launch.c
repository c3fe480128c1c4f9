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

/* Flags that are one member of the body each. */
static const struct {
	const char *flag, *member;
} texts[] = {
	{ "adapter", "adapter" },	{ "template", "template" },
	{ "model", "model" },		{ "system", "system_prompt" },
	{ "base-url", "base_url" },	{ "type", "type" },
	{ "on-message", "on_message" }, { "api-key-env", "api_key_env" },
};

static const struct {
	const char *flag, *member;
} numbers[] = {
	{ "max-concurrent", "max_concurrent" },
	{ "ready-timeout", "ready_timeout_seconds" },
	{ "stop-timeout", "stop_timeout_seconds" },
};

/* "key=value": the length of the key, 0 when there is none. */
static size_t key_len(const char *pair)
{
	const char *equals = strchr(pair, '=');

	return equals != NULL ? (size_t)(equals - pair) : 0;
}

/* JSON where it is JSON (0.2, true, [1]), else a string. */
static void add_option(struct deia_jw *w, const char *pair, size_t len)
{
	char *key = must_dupn(pair, len);
	const char *value = pair + len + 1;

	deia_jw_key(w, key);
	if (*value != '\0' &&
	    deia_json_check(value, strlen(value), NULL) == DEIA_OK)
		deia_jw_raw(w, value);
	else
		deia_jw_str(w, value);
	free(key);
}

static int add_pairs(struct cli *cli, struct deia_jw *w, const char *flag,
		     const char *member)
{
	bool is_env = strcmp(flag, "env") == 0;
	const char *pair;
	size_t at = 0;

	if (!args_has(&cli->args, flag))
		return EXIT_DONE;
	deia_jw_key(w, member);
	deia_jw_object(w);
	while ((pair = args_next(&cli->args, flag, &at)) != NULL) {
		size_t len = key_len(pair);

		if (len == 0)
			return usage_error(cli,
					   "--%s: '%s' should look like "
					   "NAME=VALUE",
					   flag, pair);
		if (is_env) {
			char *name = must_dupn(pair, len);

			deia_jw_kstr(w, name, pair + len + 1);
			free(name);
		} else {
			add_option(w, pair, len);
		}
	}
	deia_jw_end_object(w);
	return EXIT_DONE;
}

static void add_list(struct deia_jw *w, const char *member, const char *commas)
{
	deia_jw_key(w, member);
	deia_jw_array(w);
	while (*commas != '\0') {
		size_t len = strcspn(commas, ",");

		if (len > 0)
			deia_jw_strn(w, commas, len);
		commas += len + (commas[len] == ',');
	}
	deia_jw_end_array(w);
}

static int add_restart(struct cli *cli, struct deia_jw *w)
{
	const char *policy = args_text(&cli->args, "restart");

	if (policy == NULL)
		return EXIT_DONE;
	if (strcmp(policy, "always") != 0 && strcmp(policy, "on-failure") &&
	    strcmp(policy, "never") != 0)
		return usage_error(cli,
				   "--restart: '%s' is none of always, "
				   "on-failure, never",
				   policy);
	deia_jw_key(w, "restart");
	deia_jw_object(w);
	deia_jw_kstr(w, "policy", policy);
	deia_jw_end_object(w);
	return EXIT_DONE;
}

static void add_argv(const struct cli *cli, struct deia_jw *w)
{
	const struct args *a = &cli->args;

	if (a->n_before_dashes >= a->n_words)
		return;
	deia_jw_key(w, "argv");
	deia_jw_array(w);
	for (size_t i = a->n_before_dashes; i < a->n_words; i++)
		deia_jw_str(w, a->words[i]);
	deia_jw_end_array(w);
}

/* A path means the same to deiad only when it is absolute. */
static void add_path(const struct cli *cli, struct deia_jw *w, const char *flag,
		     const char *member)
{
	const char *path = args_text(&cli->args, flag);
	char *whole = path != NULL ? realpath(path, NULL) : NULL;

	if (path != NULL)
		deia_jw_kstr(w, member, whole != NULL ? whole : path);
	free(whole);
}

static int body(struct cli *cli, struct deia_jw *w)
{
	const struct args *a = &cli->args;
	int rc;

	deia_jw_object(w);
	deia_jw_kstr(w, "id", a->words[0]);
	if (!args_has(a, "adapter") && !args_has(a, "template") &&
	    a->n_before_dashes < a->n_words)
		deia_jw_kstr(w, "adapter", "process");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (args_has(a, texts[i].flag))
			deia_jw_kstr(w, texts[i].member,
				     args_text(a, texts[i].flag));
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (args_has(a, numbers[i].flag))
			deia_jw_kint(w, numbers[i].member,
				     args_number(a, numbers[i].flag, 0));
	}
	rc = add_pairs(cli, w, "option", "options");
	if (rc == EXIT_DONE)
		rc = add_pairs(cli, w, "env", "env");
	if (rc == EXIT_DONE)
		rc = add_restart(cli, w);
	if (args_has(a, "capabilities"))
		add_list(w, "capabilities", args_text(a, "capabilities"));
	add_path(cli, w, "cwd", "cwd");
	add_path(cli, w, "api-key-file", "api_key_file");
	add_argv(cli, w);
	deia_jw_end_object(w);
	return rc;
}

static int check(struct cli *cli)
{
	const struct args *a = &cli->args;

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

static int run_launch(struct cli *cli)
{
	bool start = !args_has(&cli->args, "no-start");
	struct deia_jw w;
	cJSON *json = NULL;
	int rc = check(cli);

	if (rc != EXIT_DONE)
		return rc;
	cli->bot = cli->args.words[0];
	deia_jw_init(&w);
	rc = body(cli, &w);
	if (rc == EXIT_DONE && deia_jw_status(&w) != DEIA_OK) {
		complain("the bot's specification is no text in UTF-8");
		rc = EXIT_USAGE;
	}
	if (rc == EXIT_DONE)
		rc = ask_raw(cli, "POST",
			     start ? "/api/v1/bots"
				   : "/api/v1/bots?start=false",
			     w.text, &json);
	if (rc == EXIT_DONE)
		rc = launched(cli, json);
	cJSON_Delete(json);
	deia_jw_fini(&w);
	return rc;
}

static const struct opt launch_opts[] = {
	{ "adapter", 0, OPT_TEXT, false, "NAME",
	  "what answers: echo, ollama, openai, anthropic, exec, ...",
	  "echo ollama openai anthropic exec process external" },
	{ "model", 0, OPT_TEXT, false, "MODEL", "the model; see `deia models`",
	  NULL },
	{ "template", 0, OPT_TEXT, false, "NAME",
	  "begin with a template of the configuration", NULL },
	{ "system", 0, OPT_TEXT, false, "TEXT", "the system prompt", NULL },
	{ "option", 0, OPT_TEXT, true, "NAME=VALUE",
	  "an option of the adapter, JSON or text (temperature=0.2)", NULL },
	{ "base-url", 0, OPT_TEXT, false, "URL", "the model server's address",
	  NULL },
	{ "api-key-env", 0, OPT_TEXT, false, "NAME",
	  "the variable of deiad that holds the model server's key", NULL },
	{ "api-key-file", 0, OPT_TEXT, false, "FILE", "the file that holds it",
	  "@file" },
	{ "type", 0, OPT_TEXT, false, "WORD", "a word to group bots by", NULL },
	{ "capabilities", 0, OPT_TEXT, false, "A,B", "what it is good for",
	  NULL },
	{ "on-message", 0, OPT_TEXT, false, "MODE",
	  "mail from other bots: hold or reply", "hold reply" },
	{ "cwd", 0, OPT_TEXT, false, "FOLDER", "its working folder", "@dir" },
	{ "env", 0, OPT_TEXT, true, "NAME=VALUE",
	  "a variable of its environment", NULL },
	{ "max-concurrent", 0, OPT_NUMBER, false, "N",
	  "how much it works on at a time (1)", NULL },
	{ "restart", 0, OPT_TEXT, false, "POLICY",
	  "always, on-failure or never (always)", "always on-failure never" },
	{ "ready-timeout", 0, OPT_NUMBER, false, "SECONDS",
	  "how long it may take to get ready (60)", NULL },
	{ "stop-timeout", 0, OPT_NUMBER, false, "SECONDS",
	  "grace of each step of stopping it (5)", NULL },
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
		"speaks the bot protocol on stdin and stdout.\n\n"
		"Examples:\n"
		"  deia bot launch BOT-001 --adapter ollama --model llama3.2\n"
		"  deia bot launch BOT-002 --adapter ollama --model llama3.2 "
		"\\\n"
		"      --system \"Answer in one sentence.\" \\\n"
		"      --option temperature=0.2\n"
		"  deia bot launch BOT-003 --adapter openai --model gpt-5-mini "
		"\\\n"
		"      --api-key-file ~/.config/openai.key\n"
		"  deia bot launch parrot --adapter echo\n"
		"  deia bot launch mine -- python3 mybot.py\n",
	.opts = launch_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_launch,
};
