/* SPDX-License-Identifier: MIT */
/*
 * cmd_converse.c - `deia converse`: two bots talk about a topic, by mail.
 */
#include "content.h"

#include <stdlib.h>
#include <string.h>

#include "converse.h"

#define EXAMPLE "deia converse BOT-001 BOT-002 \"is tea better than coffee?\""

/* ---- start ------------------------------------------------------------- */

static char *body_of(const struct args *a, const char *topic)
{
	const char *seconds_text = args_text(a, "max-seconds");
	int64_t seconds;
	char *text;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "a", a->words[0]);
	deia_jw_kstr(&w, "b", a->words[1]);
	deia_jw_kstr(&w, "content", topic);
	if (args_has(a, "turns"))
		deia_jw_kint(&w, "turns", args_number(a, "turns", 0));
	if (args_has(a, "max-tokens"))
		deia_jw_kint(&w, "max_tokens", args_number(a, "max-tokens", 0));
	if (seconds_text != NULL && parse_duration(seconds_text, &seconds))
		deia_jw_kint(&w, "max_seconds", seconds);
	deia_jw_end_object(&w);
	text = must_dup(w.text);
	deia_jw_fini(&w);
	return text;
}

static int follow_it(struct cli *cli, const cJSON *dialogue)
{
	const struct args *a = &cli->args;
	char *id = must_dup(jtext(dialogue, "id"));
	int rc;

	note(cli,
	     "%s and %s talk, %.0f turns at most; Ctrl-C stops them "
	     "(dialogue %s)\n",
	     a->words[0], a->words[1], jnumber(dialogue, "turns", 0), id);
	rc = converse_watch(cli, id, true, false);
	free(id);
	return rc;
}

static int start(struct cli *cli)
{
	const struct args *a = &cli->args;
	bool detach = args_has(a, "detach");
	char *topic, *body;
	cJSON *json = NULL;
	int rc;

	if (a->n_words < 2)
		return usage_error(cli, "name two bots and a topic: " EXAMPLE);
	topic = content_of(cli, 2, EXAMPLE, &rc);
	if (topic == NULL)
		return rc;
	cli->if_lost = "`deia bot list` shows the bots there are";
	body = body_of(a, topic);
	rc = (detach ? ask_raw : ask)(cli, "POST", "/api/v1/dialogues", body,
				      &json);
	free(body);
	free(topic);
	if (rc == EXIT_DONE && !detach)
		rc = follow_it(cli, json);
	else if (rc == EXIT_DONE && !cli->json) {
		tell("%s", jtext(json, "id"));
		note(cli,
		     "watch it: deia converse --watch %s; end it: deia "
		     "converse --stop %s",
		     jtext(json, "id"), jtext(json, "id"));
	}
	cJSON_Delete(json);
	return rc;
}

/* ---- those there are --------------------------------------------------- */

static const struct column columns[] = {
	{ "DIALOGUE", COLUMN_FIXED }, { "A", COLUMN_FIXED },
	{ "B", COLUMN_FIXED },	      { "STATUS", COLUMN_STATE },
	{ "TURNS", COLUMN_FIXED },    { "TOKENS", COLUMN_NUMBER },
	{ "AGE", COLUMN_FIXED },      { "TOPIC", COLUMN_FLEX },
	{ "REASON", COLUMN_FLEX },    { NULL, COLUMN_FIXED },
};

static void add_dialogue(struct table *t, const cJSON *d)
{
	char age[24];
	char *turns = must_print("%.0f/%.0f", jnumber(d, "turns_done", 0),
				 jnumber(d, "turns", 0));

	age_print(age, jtext(d, "created_at"));
	table_add(t, jtext(d, "id"));
	table_add(t, jtext(d, "a"));
	table_add(t, jtext(d, "b"));
	table_add(t, jtext(d, "status"));
	table_add(t, turns);
	table_addn(t, jnumber(d, "tokens", 0));
	table_add(t, age);
	table_add(t, jtext(d, "topic"));
	table_add(t, jtext(d, "reason"));
	free(turns);
}

static int list(struct cli *cli)
{
	struct text path = { 0 };
	const cJSON *d;
	cJSON *json = NULL;
	struct table t;
	int rc;

	text_addf(&path, "/api/v1/dialogues?limit=%lld",
		  (long long)args_number(&cli->args, "limit", 50));
	query_add(&path, "cursor", args_text(&cli->args, "cursor"));
	rc = ask_raw(cli, "GET", path.data, NULL, &json);
	table_init(&t, columns);
	JSON_EACH_ITEM(d, json)
	{
		if (cli->quiet && !cli->json)
			tell("%s", jtext(d, "id"));
		else
			add_dialogue(&t, d);
	}
	if (rc == EXIT_DONE && !cli->json) {
		if (t.n_cells > 0)
			tell_table(cli, &t);
		else if (jfirst(json) == NULL)
			note(cli, "no dialogue yet: " EXAMPLE);
		if (*jtext(json, "next_cursor") != '\0')
			note(cli,
			     "older ones: deia converse --list --cursor %s",
			     jtext(json, "next_cursor"));
	}
	table_free(&t);
	cJSON_Delete(json);
	text_free(&path);
	return rc;
}

static int stop(struct cli *cli, const char *id)
{
	char *path = path_of("/api/v1/dialogues/%s/stop", id), *summary;
	cJSON *json = NULL;
	int rc = ask_raw(cli, "POST", path, "{}", &json);

	if (rc == EXIT_DONE) {
		summary = converse_summary(json);
		say(cli, "%s", summary);
		free(summary);
	}
	cJSON_Delete(json);
	free(path);
	return rc;
}

/* ---- the command ------------------------------------------------------- */

static int run_converse(struct cli *cli)
{
	const struct args *a = &cli->args;
	static const char *const modes[] = { "list", "stop", "watch" };
	static const char *const of_start[] = { "turns", "max-tokens",
						"max-seconds", "detach" };
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++)
		n += args_has(a, modes[i]);
	if (n > 1)
		return usage_error(cli, "--list, --stop and --watch exclude "
					"each other");
	if (n == 0)
		return start(cli);
	if (a->n_words > 0)
		return usage_error(cli, "'%s' is one word too many",
				   a->words[0]);
	for (size_t i = 0; i < 4; i++) {
		if (args_has(a, of_start[i]))
			return usage_error(cli, "--%s is for a new dialogue",
					   of_start[i]);
	}
	cli->if_lost = "`deia converse --list` shows the dialogues there are";
	if (args_has(a, "list"))
		return list(cli);
	if (args_has(a, "watch"))
		return converse_watch(cli, args_text(a, "watch"), false, true);
	cli->if_stuck = "it has ended: `deia converse --list` says how";
	return stop(cli, args_text(a, "stop"));
}

static const struct opt converse_opts[] = {
	{ "turns", 0, OPT_NUMBER, false, "N", "answers of both together (10)",
	  NULL },
	{ "max-tokens", 0, OPT_NUMBER, false, "N",
	  "end when they have used so many", NULL },
	{ "max-seconds", 0, OPT_DURATION, false, "TIME",
	  "end after this time: 90s, 15m", NULL },
	{ "detach", 0, OPT_FLAG, false, NULL,
	  "print its id and do not watch it", NULL },
	{ "list", 0, OPT_FLAG, false, NULL, "list dialogues, newest first",
	  NULL },
	{ "limit", 0, OPT_NUMBER, false, "N", "with --list: at most N (50)",
	  NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "with --list: go on where the page before ended", NULL },
	{ "stop", 0, OPT_TEXT, false, "ID", "end a dialogue", NULL },
	{ "watch", 0, OPT_TEXT, false, "ID", "show a dialogue, as it goes on",
	  NULL },
	{ 0 },
};

const struct command cmd_converse = {
	.name = "converse",
	.usage = "BOT BOT TOPIC|- [OPTIONS] | --list | --stop ID | --watch ID",
	.summary = "let two bots talk about a topic",
	.details =
		"The first bot answers the topic, then each answers the "
		"other,\n"
		"until all turns are taken or the budget is used up. Each "
		"answer\n"
		"is shown as it comes; Ctrl-C stops the dialogue. The exit "
		"code\n"
		"is 1 when a bot could not answer.\n\n"
		"Examples:\n"
		"  deia converse BOT-001 BOT-002 --turns 6 \"tea or coffee?\"\n"
		"  deia converse coder reviewer --detach \"plan the release\"\n"
		"  deia converse --list\n",
	.opts = converse_opts,
	.max_words = ARGS_MAX,
	.run = run_converse,
};
