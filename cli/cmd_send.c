/* SPDX-License-Identifier: MIT */
/*
 * cmd_send.c - `deia send`: mail to one bot, to several, or to all of a type.
 *
 * A copy for each recipient, all of them or none.
 */
#include "content.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "mail.h"

#define EXAMPLE "deia send BOT-001 \"hello\""

static int check_key(const struct cli *cli)
{
	const char *key = args_text(&cli->args, "key");
	size_t len = key != NULL ? strlen(key) : 1;

	for (const char *p = key; p != NULL && *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			len = 0;
	}
	if (len == 0 || len > DEIA_MAX_KEY_BYTES)
		return usage_error(cli,
				   "--key: it takes 1 to %d letters, digits "
				   "and signs, no blanks",
				   DEIA_MAX_KEY_BYTES);
	return EXIT_DONE;
}

static int check_metadata(const struct cli *cli)
{
	const char *text = args_text(&cli->args, "metadata");
	struct deia_json_error where;

	if (text == NULL)
		return EXIT_DONE;
	if (deia_json_check(text, strlen(text), &where) != DEIA_OK)
		return usage_error(cli, "--metadata: column %u: %s",
				   where.column, where.detail);
	if (text[strspn(text, " \t\r\n")] != '{')
		return usage_error(cli, "--metadata: it must be a JSON object: "
					"--metadata '{\"ticket\": 7}'");
	return EXIT_DONE;
}

static int check(const struct cli *cli)
{
	const struct args *a = &cli->args;
	int rc = mail_check_words(cli);

	if (rc == EXIT_DONE)
		rc = check_key(cli);
	if (rc == EXIT_DONE)
		rc = check_metadata(cli);
	if (rc == EXIT_DONE && a->n_words == 0 && !args_has(a, "type"))
		rc = usage_error(cli,
				 "whom to? Name a bot and a text: " EXAMPLE);
	return rc;
}

/* "A,B": each into the list. False: said what is wrong, *rc is set. */
static bool add_recipients(const struct cli *cli, deia_jw *w, const char *words,
			   int *rc)
{
	const char *p = words;
	bool several = strchr(words, ',') != NULL;

	deia_jw_key(w, "to");
	if (!several) {
		deia_jw_str(w, words);
		return true;
	}
	deia_jw_array(w);
	for (;;) {
		size_t len = strcspn(p, ",");

		if (len == 0 || *p == ' ') {
			*rc = usage_error(
				cli,
				"'%s': ids with a comma between "
				"them, and no blanks: BOT-001,BOT-002",
				words);
			return false;
		}
		deia_jw_strn(w, p, len);
		p += len;
		if (*p++ == '\0')
			break;
	}
	deia_jw_end_array(w);
	return true;
}

static void add_options(deia_jw *w, const struct args *a)
{
	static const char *const texts[][2] = {
		{ "from", "from" },
		{ "priority", "priority" },
		{ "reply-to", "reply_to" },
	};
	const char *ttl = args_text(a, "ttl");
	int64_t seconds;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (args_has(a, texts[i][0]))
			deia_jw_kstr(w, texts[i][1], args_text(a, texts[i][0]));
	}
	if (ttl != NULL && parse_duration(ttl, &seconds))
		deia_jw_kint(w, "ttl_seconds", seconds);
	if (args_has(a, "max-attempts"))
		deia_jw_kint(w, "max_attempts",
			     args_number(a, "max-attempts", 0));
	if (args_has(a, "metadata"))
		deia_jw_kraw(w, "metadata", args_text(a, "metadata"));
	if (args_has(a, "notify"))
		deia_jw_kbool(w, "notify", true);
}

static void tell_sent(const struct cli *cli, const cJSON *m)
{
	if (cli->quiet)
		tell("%s", jtext(m, "id"));
	else
		tell("%s to %s", jtext(m, "id"), jtext(m, "to"));
}

static int post(struct cli *cli, const char *body)
{
	const cJSON *m;
	cJSON *json = NULL;
	int rc = ask_raw(cli, "POST", "/api/v1/messages", body, &json);

	if (rc == EXIT_DONE && !cli->json) {
		if (jitems(json) == NULL)
			tell_sent(cli, json);
		JSON_EACH_ITEM(m, json)
		tell_sent(cli, m);
	}
	if (rc == EXIT_DONE && cli->replayed)
		note(cli, "this key was used before: nothing was sent again");
	cJSON_Delete(json);
	return rc;
}

static int run_send(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *type = args_text(a, "type");
	char *text;
	deia_jw w;
	int rc = check(cli);

	if (rc != EXIT_DONE)
		return rc;
	text = content_of(cli, type != NULL ? 0 : 1, EXAMPLE, &rc);
	if (text == NULL)
		return rc;
	deia_jw_init(&w);
	deia_jw_object(&w);
	if (type != NULL)
		deia_jw_kstr(&w, "to_type", type);
	if (type != NULL || add_recipients(cli, &w, a->words[0], &rc)) {
		if (type == NULL && strchr(a->words[0], ',') == NULL)
			cli->bot = a->words[0];
		cli->if_lost = "`deia bot list` shows the bots there are";
		cli->key = args_text(a, "key");
		deia_jw_kstr(&w, "content", text);
		add_options(&w, a);
		deia_jw_end_object(&w);
		rc = post(cli, w.text);
	}
	deia_jw_fini(&w);
	free(text);
	return rc;
}

static const struct opt send_opts[] = {
	{ "from", 0, OPT_TEXT, false, "BOT",
	  "send in this bot's name, not as system", "@bot" },
	{ "priority", 'p', OPT_TEXT, false, "PRIORITY",
	  "P0 (most urgent) to P3 (P2)", MAIL_PRIORITIES },
	{ "ttl", 0, OPT_DURATION, false, "TIME",
	  "give it up if not read by then (7d; up to 90d)", NULL },
	{ "max-attempts", 0, OPT_NUMBER, false, "N",
	  "hand it over at most N times (3)", NULL },
	{ "reply-to", 0, OPT_TEXT, false, "ID", "it answers this message",
	  NULL },
	{ "metadata", 0, OPT_TEXT, false, "JSON",
	  "a JSON object for the recipient's program", NULL },
	{ "key", 0, OPT_TEXT, false, "KEY",
	  "the same send with this key is done once", NULL },
	{ "notify", 0, OPT_FLAG, false, NULL,
	  "tell the sender if it fails or expires", NULL },
	{ "type", 0, OPT_TEXT, false, "TYPE",
	  "to every bot of this type, in place of BOT", NULL },
	{ 0 },
};

const struct command cmd_send = {
	.name = "send",
	.usage = "BOT[,BOT...] TEXT|- [OPTIONS]",
	.summary = "send mail to bots",
	.details =
		"Mail waits in the bot's inbox until the bot, or somebody for\n"
		"it, receives and reads it, also while the bot is stopped. "
		"The\n"
		"id of each message is printed. With - the text is read from\n"
		"standard input; TEXT that begins with - goes behind --.\n"
		"TIME is like 30s, 10m, 2h or 7d.\n\n"
		"Examples:\n"
		"  deia send BOT-001 \"please look at ticket 7\"\n"
		"  deia send BOT-001,BOT-002 -p P0 --ttl 2h \"the build "
		"broke\"\n"
		"  git diff | deia send reviewer --metadata '{\"repo\":\"x\"}' "
		"-\n"
		"  deia send --type coder \"a new rule: no tabs\"\n",
	.opts = send_opts,
	.max_words = ARGS_MAX,
	.run = run_send,
};
