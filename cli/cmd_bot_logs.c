/* SPDX-License-Identifier: MIT */
/* cmd_bot_logs.c - `deia bot logs` and `deia bot remove`. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bot_wait.h"
#include "bots_all.h"
#include "safe.h"
#include "since.h"

/* ---- logs -------------------------------------------------------------- */

/* What the log is shown of. */
struct view {
	struct cli *cli;
	char since[32]; /* or "" */
	bool before;	/* the last line with a time was before that */
};

#define MAX_TAIL 10000 /* of the API */

/* Lines begin with their time; one without goes with the line above it. */
static bool is_shown(struct view *v, const char *line)
{
	if (v->since[0] != '\0' && strlen(line) >= 24 && line[10] == 'T' &&
	    line[23] == 'Z')
		v->before = strncmp(line, v->since, 24) < 0;
	return !v->before;
}

static void show_line(const char *line)
{
	char *safe = safe_line(line);

	puts(safe);
	free(safe);
}

static bool on_line(const char *event, const char *id, const char *data,
		    size_t len, void *user)
{
	struct view *v = user;
	cJSON *json = NULL;
	const char *text = data;

	(void)event;
	(void)id;
	if (deia_json_parse(&json, data, len, NULL) == DEIA_OK)
		text = cJSON_IsString(json) ? json->valuestring
					    : jtext(json, "line");
	if (is_shown(v, text)) {
		if (v->cli->json)
			tell_json(data, len);
		else
			show_line(text);
	}
	cJSON_Delete(json);
	return fflush(stdout) == 0;
}

static int follow(struct view *v, const char *path)
{
	struct cli *cli = v->cli;
	deia_client *client;
	deia_err err;
	int rc;

	client = cli_client(cli, &rc);
	if (client == NULL)
		return rc;
	interrupts_watch(client);
	err = deia_client_stream(client, "GET", path, NULL, 0, on_line, v);
	if (err == DEIA_ECANCELED)
		return EXIT_INTERRUPTED;
	if (err != DEIA_OK)
		return explain(cli, err, 0);
	note(cli, "the log ended");
	return EXIT_DONE;
}

/* The page without the lines that are too old. */
static void drop_old(struct view *v, cJSON *page)
{
	cJSON *items = cJSON_GetObjectItemCaseSensitive(page, "items");
	cJSON *line = items != NULL ? items->child : NULL, *next;
	int n = cJSON_GetArraySize(items);
	bool all = true;

	for (; line != NULL; line = next) {
		const char *text = cJSON_IsString(line) ? line->valuestring
							: jtext(line, "line");

		next = line->next;
		if (is_shown(v, text))
			continue;
		all = false;
		cJSON_Delete(cJSON_DetachItemViaPointer(items, line));
	}
	if (all && n == MAX_TAIL && v->since[0] != '\0')
		note(v->cli,
		     "these are the last %d lines; there are more "
		     "since then",
		     n);
}

static int show_page(struct view *v, const char *path)
{
	struct cli *cli = v->cli;
	const cJSON *line;
	cJSON *json = NULL;
	int rc = ask(cli, "GET", path, NULL, &json);

	if (rc != EXIT_DONE)
		return rc;
	drop_old(v, json);
	if (cli->json) {
		char *text = jprint(json);

		tell_json(text, strlen(text));
		free(text);
	} else {
		JSON_EACH_ITEM(line, json)
		show_line(cJSON_IsString(line) ? line->valuestring
					       : jtext(line, "line"));
	}
	cJSON_Delete(json);
	return EXIT_DONE;
}

static int64_t now_unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int run_logs(struct cli *cli)
{
	const char *since = args_text(&cli->args, "since");
	struct view v = { .cli = cli };
	bool live = args_has(&cli->args, "follow");
	char *fmt, *path;
	int rc;

	if (since != NULL && !since_parse(v.since, since, now_unix_ms()))
		return usage_error(cli,
				   "--since: '%s' is no time; write it "
				   "like 90s, 10m, 2h, 3d or "
				   "2026-11-22T16:04:05Z",
				   since);
	cli->bot = cli->args.words[0];
	fmt = must_print("/api/v1/bots/%%s/logs?tail=%lld%s",
			 (long long)args_number(&cli->args, "tail",
						since != NULL ? MAX_TAIL : 100),
			 live ? "&follow=1" : "");
	path = path_of(fmt, cli->bot);
	free(fmt);
	rc = live ? follow(&v, path) : show_page(&v, path);
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
	{ "since", 0, OPT_TEXT, false, "TIME",
	  "only lines since 10m ago, or since 2026-11-22T16:04Z", NULL },
	{ 0 },
};

const struct command cmd_bot_logs = {
	.name = "bot logs",
	.usage = "BOT [-f] [-n N] [--since TIME]",
	.summary = "show what a bot wrote to its log",
	.details = "Examples:\n"
		   "  deia bot logs -f BOT-001\n"
		   "  deia bot logs BOT-001 --since 10m\n"
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

/* Chosen and not named: that is easily more than was meant. */
static int remove_chosen(struct cli *cli)
{
	const cJSON *bot;
	cJSON *bots = NULL;
	int n, rc = bots_chosen(cli, &bots);

	if (rc != EXIT_DONE)
		return rc;
	n = cJSON_GetArraySize(bots);
	if (n == 0)
		note(cli, "there is no such bot");
	if (n > 0 && !args_has(&cli->args, "yes")) {
		complain("this would remove %d bot%s", n, n == 1 ? "" : "s");
		advise("that is meant: add --yes; see which: `deia bot list`");
		rc = EXIT_REFUSED;
	}
	cJSON_ArrayForEach(bot, bots) {
		int one;

		if (!args_has(&cli->args, "yes"))
			break;
		one = remove_one(cli, jtext(bot, "id"));
		if (rc == EXIT_DONE)
			rc = one;
		if (one == EXIT_UNREACHABLE)
			break;
	}
	cJSON_Delete(bots);
	return rc;
}

static int run_remove(struct cli *cli)
{
	int rc = bots_check_choice(cli);

	if (rc == EXIT_DONE && cli->args.n_words == 0)
		return remove_chosen(cli);
	for (size_t i = 0; rc != EXIT_USAGE && i < cli->args.n_words; i++) {
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
	BOT_CHOICE_OPTS,
	{ "yes", 'y', OPT_FLAG, false, NULL,
	  "--type, --state or --all is meant", NULL },
	{ 0 },
};

const struct command cmd_bot_remove = {
	.name = "bot remove",
	.usage = "BOT ... | --type TYPE | --state STATE | --all [--force] "
		 "[--purge]",
	.summary = "remove bots; conversations are kept unless --purge",
	.details = "Examples:\n  deia bot remove BOT-001 --force\n"
		   "  deia bot remove --state failed --yes\n",
	.opts = remove_opts,
	.max_words = ARGS_MAX,
	.run = run_remove,
};
