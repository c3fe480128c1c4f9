/* SPDX-License-Identifier: MIT */
/*
 * cmd_scheduler.c - what the scheduler would do, what it learned, and telling it
 * how a task went.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#define BASE "/api/v1/scheduler"

/* "0.5", "12.3", "1230": three digits or all before the point. */
static void add_figure(struct table *t, double v)
{
	char text[32];

	snprintf(text, sizeof(text), v >= 1000 ? "%.0f" : "%.3g", v);
	table_add(t, text);
}

static void add_percent(struct table *t, double ratio)
{
	char text[32];

	snprintf(text, sizeof(text), "%.0f %%", 100 * ratio);
	table_add(t, text);
}

/* Samples, success, average and efficiency; "-" for what no sample says. */
static void add_learned(struct table *t, const cJSON *pair)
{
	bool seen = jnumber(pair, "samples", 0) > 0;

	table_addn(t, jnumber(pair, "samples", 0));
	if (seen) {
		add_percent(t, jnumber(pair, "success_ratio", 0));
		add_figure(t, jnumber(pair, "avg_seconds", 0));
	} else {
		table_add(t, NULL);
		table_add(t, NULL);
	}
	add_figure(t, jnumber(pair, "efficiency", 0));
}

/* ---- recommend --------------------------------------------------------- */

static const struct column candidate_columns[] = {
	{ "BOT", COLUMN_FLEX },		 { "SCORE", COLUMN_NUMBER },
	{ "WAIT", COLUMN_NUMBER },	 { "SAMPLES", COLUMN_NUMBER },
	{ "SUCCESS", COLUMN_NUMBER },	 { "SECONDS", COLUMN_NUMBER },
	{ "EFFICIENCY", COLUMN_NUMBER }, { "CIRCUIT", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_candidate(struct table *t, const cJSON *c)
{
	table_add(t, jtext(c, "bot"));
	add_figure(t, jnumber(c, "score", 0));
	add_figure(t, jnumber(c, "wait_seconds", 0));
	add_learned(t, c);
	table_add(t, jtext(c, "circuit"));
}

static void tell_recommendation(const struct cli *cli, const cJSON *json)
{
	const cJSON *c;
	struct table t;

	if (cli->quiet) {
		tell("%s", jtext(json, "recommended_bot"));
		return;
	}
	tell("%s, with a confidence of %.0f %% (%s)",
	     jtext(json, "recommended_bot"),
	     100 * jnumber(json, "confidence", 0), jtext(json, "policy"));
	tell("%s\n", jtext(json, "reason"));
	table_init(&t, candidate_columns);
	add_candidate(&t,
		      cJSON_GetObjectItemCaseSensitive(json, "recommended"));
	cJSON_ArrayForEach(
		c, cJSON_GetObjectItemCaseSensitive(json, "alternatives"))
		add_candidate(&t, c);
	tell_table(cli, &t);
	table_free(&t);
}

static int run_recommend(struct cli *cli)
{
	struct text path = { 0 };
	cJSON *json = NULL;
	int rc;

	text_addf(&path, BASE "/recommendation?alternatives=%lld",
		  (long long)args_number(&cli->args, "alternatives", 3));
	query_add(&path, "task_type", cli->args.words[0]);
	query_add(&path, "bots", args_text(&cli->args, "bots"));
	cli->if_lost = "`deia bot list` and `deia scheduler bots` show the "
		       "bots and types there are";
	rc = ask_raw(cli, "GET", path.data, NULL, &json);
	text_free(&path);
	if (rc == EXIT_DONE && *jtext(json, "recommended_bot") == '\0') {
		complain("%s", jtext(json, "reason"));
		advise("`deia bot list` shows how the bots stand");
		rc = EXIT_REFUSED;
	} else if (rc == EXIT_DONE && !cli->json) {
		tell_recommendation(cli, json);
	}
	cJSON_Delete(json);
	return rc;
}

static const struct opt recommend_opts[] = {
	{ "bots", 0, OPT_TEXT, false, "BOT,BOT", "of these alone", "@bot" },
	{ "alternatives", 0, OPT_NUMBER, false, "N",
	  "show the N next best ones (3)", NULL },
	{ 0 },
};

const struct command cmd_scheduler_recommend = {
	.name = "scheduler recommend",
	.usage = "TYPE [--bots BOT,BOT]",
	.summary = "which bot a task of a type would go to now, and why",
	.details =
		"SCORE is in the measure of the policy: with learned, seconds "
		"to a successful\nresult. With -q only the bot's id. Exit "
		"status 1 when no bot may do it now.\n\n"
		"Examples:\n  deia scheduler recommend writing\n"
		"  deia scheduler recommend writing --bots "
		"BOT-001,BOT-002\n",
	.opts = recommend_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_recommend,
};

/* ---- bots -------------------------------------------------------------- */

static const struct column bot_columns[] = {
	{ "BOT", COLUMN_FLEX },	      { "TYPE", COLUMN_FIXED },
	{ "SAMPLES", COLUMN_NUMBER }, { "SUCCESS", COLUMN_NUMBER },
	{ "SECONDS", COLUMN_NUMBER }, { "EFFICIENCY", COLUMN_NUMBER },
	{ "CIRCUIT", COLUMN_FIXED },  { NULL, COLUMN_FIXED },
};

static void add_bot(struct table *t, const cJSON *bot, bool all)
{
	const cJSON *types =
		cJSON_GetObjectItemCaseSensitive(bot, "task_types");
	const cJSON *pair;
	bool any = false;

	cJSON_ArrayForEach(pair, types) {
		if (!all && jnumber(pair, "samples", 0) == 0)
			continue;
		any = true;
		table_add(t, jtext(bot, "bot"));
		table_add(t, jtext(pair, "task_type"));
		add_learned(t, pair);
		table_add(t, jtext(bot, "circuit"));
	}
	if (any)
		return;
	table_add(t, jtext(bot, "bot"));
	table_add(t, NULL);
	table_addn(t, 0);
	for (int i = 0; i < 3; i++)
		table_add(t, NULL);
	table_add(t, jtext(bot, "circuit"));
}

/* Why some of them get no task, one line each. */
static void tell_reasons(const struct cli *cli, const cJSON *json)
{
	const cJSON *bot;

	JSON_EACH_ITEM(bot, json)
	{
		if (strcmp(jtext(bot, "circuit"), "closed") != 0)
			note(cli, "%s: %s", jtext(bot, "bot"),
			     jtext(bot, "reason"));
	}
}

static void tell_bots(struct cli *cli, const cJSON *json)
{
	const char *next = jtext(json, "next_cursor");
	const cJSON *bot;
	struct table t;

	if (cJSON_GetArraySize(jitems(json)) == 0) {
		note(cli, "there are no bots");
		return;
	}
	table_init(&t, bot_columns);
	JSON_EACH_ITEM(bot, json)
	add_bot(&t, bot, args_has(&cli->args, "all"));
	tell_table(cli, &t);
	table_free(&t);
	tell_reasons(cli, json);
	if (*next != '\0')
		note(cli, "there are more: deia scheduler bots --cursor %s",
		     next);
}

static int run_bots(struct cli *cli)
{
	struct text path = { 0 };
	cJSON *json = NULL;
	int rc;

	text_addf(
		&path, BASE "/bots?limit=%lld",
		(long long)args_number(&cli->args, "limit", DEIA_MAX_PAGE_LEN));
	query_add(&path, "cursor", args_text(&cli->args, "cursor"));
	rc = ask_raw(cli, "GET", path.data, NULL, &json);
	text_free(&path);
	if (rc == EXIT_DONE && !cli->json)
		tell_bots(cli, json);
	cJSON_Delete(json);
	return rc;
}

static const struct opt bots_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL, "also types without a sample",
	  NULL },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N bots (1000)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_scheduler_bots = {
	.name = "scheduler bots",
	.usage = "[--all]",
	.summary = "what was learned about each bot and type of task",
	.details = "SECONDS is the average of successes, newer ones weighing "
		   "more; EFFICIENCY the\nbest bot's expected time to success "
		   "over its own: 1 is the best. A CIRCUIT that\nis open: the "
		   "bot kept failing and gets no task for a while.\n\n"
		   "Example:\n  deia scheduler bots\n",
	.opts = bots_opts,
	.run = run_bots,
};

/* ---- insights, history ------------------------------------------------- */

static int run_insights(struct cli *cli)
{
	const cJSON *item;
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", BASE "/insights?limit=1000", NULL, &json);

	if (rc == EXIT_DONE && !cli->json) {
		JSON_EACH_ITEM(item, json)
		tell("%-8s %s", jtext(item, "kind"), jtext(item, "text"));
		if (cJSON_GetArraySize(jitems(json)) == 0)
			note(cli, "there is nothing to say yet");
	}
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_scheduler_insights = {
	.name = "scheduler insights",
	.usage = "",
	.summary = "what is worth knowing about bots and tasks, urgent first",
	.details = "Example:\n  deia scheduler insights\n",
	.run = run_insights,
};

static const struct column history_columns[] = {
	{ "TIME", COLUMN_FIXED },     { "WHAT", COLUMN_FIXED },
	{ "BOT", COLUMN_FLEX },	      { "TYPE", COLUMN_FIXED },
	{ "SECONDS", COLUMN_NUMBER }, { "SUCCESS", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_entry(struct table *t, const cJSON *e)
{
	bool is_reset = strcmp(jtext(e, "kind"), "reset") == 0;
	const char *bot = jtext(e, "bot"), *type = jtext(e, "task_type");
	char when[32];

	time_print(when, jtext(e, "at"));
	table_add(t, when);
	table_add(t, jtext(e, "kind"));
	table_add(t, *bot ? bot : "all");
	table_add(t, *type ? type : "all");
	if (is_reset) {
		table_add(t, NULL);
		table_add(t, NULL);
		return;
	}
	add_figure(t, jnumber(e, "seconds", 0));
	table_add(t, jtrue(e, "success") ? "yes" : "no");
}

static void tell_history(struct cli *cli, const cJSON *json)
{
	const char *next = jtext(json, "next_cursor");
	const cJSON *e;
	struct table t;

	if (cJSON_GetArraySize(jitems(json)) == 0) {
		note(cli, "nothing was recorded since deiad was started");
		return;
	}
	table_init(&t, history_columns);
	JSON_EACH_ITEM(e, json)
	add_entry(&t, e);
	tell_table(cli, &t);
	table_free(&t);
	if (*next != '\0')
		note(cli, "there are more: deia scheduler history --cursor %s",
		     next);
}

static int run_history(struct cli *cli)
{
	struct text path = { 0 };
	cJSON *json = NULL;
	int rc;

	text_addf(&path, BASE "/history?limit=%lld",
		  (long long)args_number(&cli->args, "limit",
					 DEIA_DEFAULT_PAGE_LEN));
	query_add(&path, "cursor", args_text(&cli->args, "cursor"));
	rc = ask_raw(cli, "GET", path.data, NULL, &json);
	text_free(&path);
	if (rc == EXIT_DONE && !cli->json)
		tell_history(cli, json);
	cJSON_Delete(json);
	return rc;
}

static const struct opt history_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N entries (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_scheduler_history = {
	.name = "scheduler history",
	.usage = "[--limit N]",
	.summary = "what was recorded since deiad was started, newest first",
	.details = "The journal bot-logs/adaptive-scheduling.jsonl goes back "
		   "further.\n\nExample:\n  deia scheduler history --limit "
		   "10\n",
	.opts = history_opts,
	.run = run_history,
};
