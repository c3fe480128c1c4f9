/* SPDX-License-Identifier: MIT */
/*
 * cmd_read.c - `deia read` acknowledges mail that was received; `deia
 * conversation` shows what two bots wrote to each other.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "mail.h"

/* ---- read -------------------------------------------------------------- */

static int read_one(struct cli *cli, const char *id)
{
	const struct args *a = &cli->args;
	char *path = path_of("/api/v1/messages/%s/read", id);
	deia_jw w;
	int rc;

	deia_jw_init(&w);
	deia_jw_object(&w);
	if (args_has(a, "bot"))
		deia_jw_kstr(&w, "bot", args_text(a, "bot"));
	if (args_has(a, "lease-token"))
		deia_jw_kstr(&w, "lease_token", args_text(a, "lease-token"));
	deia_jw_end_object(&w);
	rc = ask_raw(cli, "POST", path, w.text, NULL);
	if (rc == EXIT_DONE)
		say(cli, "%s is read", id);
	deia_jw_fini(&w);
	free(path);
	return rc;
}

static int run_read(struct cli *cli)
{
	const struct args *a = &cli->args;
	int rc = EXIT_DONE;

	if (args_has(a, "lease-token") && a->n_words > 1)
		return usage_error(cli, "a lease token is that of one message; "
					"name only that one");
	cli->if_lost = "ids of messages: `deia inbox BOT`, or `deia messages "
		       "list --status delivered`";
	cli->if_stuck = "only mail that was received and is not read yet can "
			"be read: `deia inbox BOT --receive` receives it, "
			"`deia messages show ID` shows how it stands";
	for (size_t i = 0; i < a->n_words; i++) {
		int one = read_one(cli, a->words[i]);

		if (rc == EXIT_DONE)
			rc = one;
		if (one == EXIT_UNREACHABLE || one == EXIT_NOT_ALLOWED)
			break;
	}
	return rc;
}

static const struct opt read_opts[] = {
	{ "bot", 0, OPT_TEXT, false, "BOT", "only if it is in this bot's inbox",
	  "@bot" },
	{ "lease-token", 0, OPT_TEXT, false, "TOKEN",
	  "only if this is still its lease", NULL },
	{ 0 },
};

const struct command cmd_read = {
	.name = "read",
	.usage = "ID ... [--bot BOT] [--lease-token TOKEN]",
	.summary = "say that received mail is dealt with",
	.details =
		"Acknowledges messages that `deia inbox BOT --receive` handed\n"
		"over: they are not handed over again.\n\n"
		"Example:\n"
		"  deia read 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d --bot "
		"BOT-001\n",
	.opts = read_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_read,
};

/* ---- conversation ------------------------------------------------------ */

static char *conversation_path(const struct args *a)
{
	char *one = path_of("/api/v1/conversations/%s", a->words[0]);
	char *two = path_of("/%s", a->words[1]);
	struct text path = { 0 };

	text_addf(&path, "%s%s?limit=%lld", one, two,
		  (long long)args_number(a, "limit", 50));
	query_add(&path, "cursor", args_text(a, "cursor"));
	free(two);
	free(one);
	return path.data;
}

static int run_conversation(struct cli *cli)
{
	const struct args *a = &cli->args;
	char *path = conversation_path(a);
	const cJSON *items;
	cJSON *json = NULL;
	int rc;

	cli->if_lost = "`deia bot list` shows the bots there are";
	rc = ask_raw(cli, "GET", path, NULL, &json);
	items = jitems(json);
	if (rc == EXIT_DONE && !cli->json) {
		if (*jtext(json, "next_cursor") != '\0')
			note(cli,
			     "older mail: deia conversation %s %s --cursor %s",
			     a->words[0], a->words[1],
			     jtext(json, "next_cursor"));
		/* Pages are newest first. */
		for (int i = cJSON_GetArraySize(items); i > 0; i--)
			mail_tell(cli, cJSON_GetArrayItem(items, i - 1));
		for (size_t i = 0;
		     i < 2 && rc == EXIT_DONE && jfirst(json) == NULL; i++)
			rc = mail_inbox_check(cli, a->words[i]);
		if (rc == EXIT_DONE && jfirst(json) == NULL)
			note(cli, "%s and %s wrote nothing to each other",
			     a->words[0], a->words[1]);
	}
	cJSON_Delete(json);
	free(path);
	return rc;
}

static const struct opt conversation_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N", "the last N messages (50)",
	  NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR", "those before this page",
	  NULL },
	{ 0 },
};

const struct command cmd_conversation = {
	.name = "conversation",
	.usage = "BOT BOT [--limit N]",
	.summary = "show the mail between two bots",
	.details = "The oldest is shown first. system is a name as well.\n\n"
		   "Example:\n  deia conversation BOT-001 BOT-002 --limit 10\n",
	.opts = conversation_opts,
	.min_words = 2,
	.max_words = 2,
	.run = run_conversation,
};
