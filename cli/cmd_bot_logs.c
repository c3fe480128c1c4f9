/* SPDX-License-Identifier: MIT */
/* cmd_bot_logs.c - `deia bot logs` and `deia bot remove`. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "bot_wait.h"
#include "safe.h"

/* ---- logs -------------------------------------------------------------- */

static bool on_line(const char *event, const char *id, const char *data,
		    size_t len, void *user)
{
	struct cli *cli = user;
	cJSON *json = NULL;
	const char *text = data;
	char *safe;

	(void)event;
	(void)id;
	if (cli->json) {
		tell_json(data, len);
	} else {
		if (deia_json_parse(&json, data, len, NULL) == DEIA_OK)
			text = cJSON_IsString(json) ? json->valuestring
						    : jtext(json, "line");
		safe = safe_line(text);
		puts(safe);
		free(safe);
		cJSON_Delete(json);
	}
	return fflush(stdout) == 0;
}

static int follow(struct cli *cli, const char *path)
{
	deia_client *client;
	deia_err err;
	int rc;

	client = cli_client(cli, &rc);
	if (client == NULL)
		return rc;
	interrupts_watch(client);
	err = deia_client_stream(client, "GET", path, NULL, 0, on_line, cli);
	if (err == DEIA_ECANCELED)
		return EXIT_INTERRUPTED;
	if (err != DEIA_OK)
		return explain(cli, err, 0);
	note(cli, "the log ended");
	return EXIT_DONE;
}

static int run_logs(struct cli *cli)
{
	struct deia_reply reply;
	char *fmt, *path;
	deia_err err;
	bool live = args_has(&cli->args, "follow");
	int rc = EXIT_DONE;

	cli->bot = cli->args.words[0];
	fmt = must_print("/api/v1/bots/%%s/logs?tail=%lld%s",
			 (long long)args_number(&cli->args, "tail", 100),
			 live ? "&follow=1" : "");
	path = path_of(fmt, cli->bot);
	free(fmt);
	if (live) {
		rc = follow(cli, path);
	} else if (cli_client(cli, &rc) != NULL) {
		err = ask_quietly(cli, "GET", path, NULL, NULL, &reply);
		if (err != DEIA_OK)
			rc = explain(cli, err, reply.retry_after_seconds);
		else if (cli->json)
			tell_json(reply.body, reply.body_len);
		else if (reply.body_len > 0)
			bot_log_print(&reply);
		if (err == DEIA_OK)
			rc = EXIT_DONE;
	}
	free(path);
	return rc;
}

static const struct opt logs_opts[] = {
	{ "follow", 'f', OPT_FLAG, false, NULL,
	  "go on with what comes, until "
	  "Ctrl-C",
	  NULL },
	{ "tail", 'n', OPT_NUMBER, false, "N",
	  "begin with the last N lines "
	  "(100)",
	  NULL },
	{ 0 },
};

const struct command cmd_bot_logs = {
	.name = "bot logs",
	.usage = "BOT [-f] [-n N]",
	.summary = "show what a bot wrote to its log",
	.details = "Examples:\n"
		   "  deia bot logs -f BOT-001\n"
		   "  deia bot logs BOT-001 -n 1000 | less\n",
	.opts = logs_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_logs,
};

/* ---- remove ------------------------------------------------------------ */

static int remove_one(struct cli *cli, const char *bot)
{
	char *fmt, *path;
	int rc;

	cli->bot = bot;
	fmt = must_print("/api/v1/bots/%%s?force=%s&purge=%s",
			 args_has(&cli->args, "force") ? "true" : "false",
			 args_has(&cli->args, "purge") ? "true" : "false");
	path = path_of(fmt, bot);
	rc = ask_raw(cli, "DELETE", path, NULL, NULL);
	free(path);
	free(fmt);
	if (rc == EXIT_CONFLICT && !args_has(&cli->args, "force"))
		advise("or do both at once: `deia bot remove %s --force`", bot);
	if (rc == EXIT_DONE)
		say(cli, "%s is removed%s", bot,
		    args_has(&cli->args, "purge")
			    ? ", and its conversations with it"
			    : "; its conversations are kept");
	return rc;
}

static int run_remove(struct cli *cli)
{
	int rc = EXIT_DONE;

	for (size_t i = 0; i < cli->args.n_words; i++) {
		int one = remove_one(cli, cli->args.words[i]);

		if (rc == EXIT_DONE)
			rc = one;
	}
	return rc;
}

static const struct opt remove_opts[] = {
	{ "force", 0, OPT_FLAG, false, NULL, "stop it first if it runs", NULL },
	{ "purge", 0, OPT_FLAG, false, NULL, "delete its conversations as well",
	  NULL },
	{ 0 },
};

const struct command cmd_bot_remove = {
	.name = "bot remove",
	.usage = "BOT ... [--force] [--purge]",
	.summary = "remove bots; conversations are kept unless --purge",
	.details = "Example:\n  deia bot remove BOT-001 --force\n",
	.opts = remove_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_remove,
};
