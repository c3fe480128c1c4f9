/* SPDX-License-Identifier: MIT */
/*
 * cmd_scale.c - `deia scale`: how many bots templates have and shall have, what
 * the auto-scaler decided, and its settings.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#define SCALING "/api/v1/scaling"

/* ---- the table ----------------------------------------------------------- */

static const struct column columns[] = {
	{ "TEMPLATE", COLUMN_FIXED }, { "BOTS", COLUMN_FIXED },
	{ "WANTED", COLUMN_NUMBER },  { "MIN", COLUMN_NUMBER },
	{ "MAX", COLUMN_NUMBER },     { "WAITING", COLUMN_NUMBER },
	{ "LOAD", COLUMN_NUMBER },    { "TARGET", COLUMN_NUMBER },
	{ "FROM", COLUMN_FIXED },     { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

/* "2 ready, 1 busy"; "none" without any. */
static char *bots_of(const cJSON *template)
{
	const cJSON *counts =
		cJSON_GetObjectItemCaseSensitive(template, "bots");
	struct text out = { 0 };
	const cJSON *c;

	cJSON_ArrayForEach(c, counts) {
		if (!cJSON_IsNumber(c) || c->valuedouble < 1)
			continue;
		text_addf(&out, "%s%.0f %s", out.len > 0 ? ", " : "",
			  c->valuedouble, c->string);
	}
	if (out.len == 0)
		text_adds(&out, "none");
	return out.data;
}

static void add_number(struct table *t, const char *fmt, double v)
{
	char text[32];

	snprintf(text, sizeof(text), strcmp(fmt, "s") == 0 ? "%g s" : "%.2f",
		 v);
	table_add(t, text);
}

static void add_row(struct table *t, const cJSON *template)
{
	bool on = jtrue(template, "enabled") && jtrue(template, "known");
	const char *reason = jtext(template, "reason");
	char *bots = bots_of(template);

	table_add(t, jtext(template, "template"));
	table_add(t, bots);
	table_addn(t, jnumber(template, "wanted", 0));
	table_addn(t, jnumber(template, "min_bots", 0));
	table_addn(t, jnumber(template, "max_bots", 0));
	table_addn(t, jnumber(template, "queued", 0));
	add_number(t, "", jnumber(template, "load", 0));
	add_number(t, "s", jnumber(template, "wait_seconds", 0));
	table_add(t, jtext(template, "source"));
	if (!jtrue(template, "known"))
		reason = "it is not in the configuration";
	else if (!on)
		reason = "off";
	table_add(t, reason);
	free(bots);
}

/* What nobody ever scaled is shown in the JSON alone. */
static bool is_shown(const cJSON *template)
{
	return strcmp(jtext(template, "source"), "default") != 0;
}

static void tell_limits(const struct cli *cli, const cJSON *json)
{
	const cJSON *l = cJSON_GetObjectItemCaseSensitive(json, "limits");

	say(cli,
	    "at most %.0f bots of all (there are %.0f); nothing is launched "
	    "above %.0f %% of the processors or into the last %.0f MiB of "
	    "memory",
	    jnumber(l, "max_bots", 0), jnumber(json, "bots", 0),
	    jnumber(l, "cpu_max_percent", 0), jnumber(l, "reserve_mib", 0));
	if (jtrue(l, "dry_run"))
		say(cli, "this is a dry run: decided and recorded, not done");
}

static void tell_scaling(struct cli *cli, const cJSON *json)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "templates");
	struct table t;
	const cJSON *item;
	size_t n = 0;

	table_init(&t, columns);
	cJSON_ArrayForEach(item, list) {
		if (!is_shown(item))
			continue;
		n++;
		if (cli->quiet)
			tell("%s", jtext(item, "template"));
		else
			add_row(&t, item);
	}
	if (n == 0)
		note(cli, "no template is scaled; `deia scale set TEMPLATE "
			  "--min 1 --max 4` begins");
	else if (!cli->quiet)
		tell_table(cli, &t);
	table_free(&t);
	if (n > 0)
		tell_limits(cli, json);
}

static int run_scale(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", SCALING, NULL, &json);

	if (rc == EXIT_DONE && !cli->json)
		tell_scaling(cli, json);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_scale = {
	.name = "scale",
	.usage = "",
	.summary = "show how many bots templates have and shall have",
	.details =
		"A template that has settings is scaled: the hive launches "
		"bots of it when\nwork waits, and removes those that it "
		"launched when fewer are enough.\nFROM: whose settings are in "
		"force, the configuration's (file) or what was\nset with "
		"`deia scale set` (api), which goes before. With -q only the "
		"names.\n\n"
		"Example:\n  deia scale\n",
	.run = run_scale,
};

/* ---- settings ------------------------------------------------------------ */

static void find_lost(struct cli *cli)
{
	cli->if_lost = "templates stand below templates: in config.yaml; "
		       "`deia config show` lists them";
	cli->if_stuck = "`deia scale` shows how many there are, and the "
			"limits";
}

/* {"templates":{NAME: ... , and says how it is then. */
static int put_template(struct cli *cli, struct deia_jw *w, const char *what)
{
	cJSON *json = NULL;
	int rc;

	deia_jw_end_object(w);
	deia_jw_end_object(w);
	find_lost(cli);
	rc = ask_raw(cli, "PUT", SCALING, w->text, &json);
	deia_jw_fini(w);
	if (rc == EXIT_DONE && !cli->json)
		say(cli, "%s %s", cli->args.words[0], what);
	cJSON_Delete(json);
	return rc;
}

static void begin_template(struct deia_jw *w, const char *name)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_key(w, "templates");
	deia_jw_object(w);
	deia_jw_key(w, name);
}

static void add_given(struct deia_jw *w, const struct args *a,
		      const char *option, const char *member)
{
	if (args_has(a, option))
		deia_jw_kint(w, member, args_number(a, option, 0));
}

static int run_set(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *wait = args_text(a, "wait");
	struct deia_jw w;
	int64_t seconds;

	if (!args_has(a, "min") && !args_has(a, "max") && wait == NULL)
		return usage_error(cli, "set what? --min, --max or --wait");
	begin_template(&w, a->words[0]);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "enabled", true);
	add_given(&w, a, "min", "min_bots");
	add_given(&w, a, "max", "max_bots");
	if (wait != NULL && parse_duration(wait, &seconds))
		deia_jw_kint(&w, "wait_seconds", seconds);
	deia_jw_end_object(&w);
	return put_template(cli, &w, "is scaled; `deia scale` shows it");
}

static const struct opt set_opts[] = {
	{ "min", 0, OPT_NUMBER, false, "N", "bots that there always are",
	  NULL },
	{ "max", 0, OPT_NUMBER, false, "N", "bots at most", NULL },
	{ "wait", 0, OPT_DURATION, false, "TIME",
	  "work shall not wait longer (10s)", NULL },
	{ 0 },
};

const struct command cmd_scale_set = {
	.name = "scale set",
	.usage = "TEMPLATE [--min N] [--max N] [--wait TIME]",
	.summary = "scale a template between two numbers of bots",
	.details = "What is not given stays as it is. It counts over the "
		   "configuration until\n`deia scale reset`, also after a "
		   "restart. For administrators.\n\n"
		   "Example:\n"
		   "  deia scale set coder --min 1 --max 8 --wait 20s\n",
	.opts = set_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_set,
};

static int run_off(struct cli *cli)
{
	struct deia_jw w;

	begin_template(&w, cli->args.words[0]);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "enabled", false);
	deia_jw_end_object(&w);
	return put_template(cli, &w, "is left alone; its bots stay");
}

const struct command cmd_scale_off = {
	.name = "scale off",
	.usage = "TEMPLATE",
	.summary = "scale a template no longer; its bots stay",
	.details = "Example:\n  deia scale off coder\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_off,
};

static int run_reset(struct cli *cli)
{
	struct deia_jw w;

	begin_template(&w, cli->args.words[0]);
	deia_jw_null(&w);
	return put_template(cli, &w,
			    "has no settings here any more: the "
			    "configuration counts");
}

const struct command cmd_scale_reset = {
	.name = "scale reset",
	.usage = "TEMPLATE",
	.summary = "forget what was set; the configuration counts again",
	.details = "Example:\n  deia scale reset coder\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_reset,
};

static int run_dry_run(struct cli *cli)
{
	const char *word = cli->args.words[0];
	bool on = strcmp(word, "on") == 0;
	cJSON *json = NULL;
	char *body;
	int rc;

	if (!on && strcmp(word, "off") != 0)
		return usage_error(cli, "on or off?");
	body = must_print("{\"limits\":{\"dry_run\":%s}}",
			  on ? "true" : "false");
	rc = ask_raw(cli, "PUT", SCALING, body, &json);
	free(body);
	if (rc == EXIT_DONE && !cli->json)
		say(cli, on ? "dry run: nothing is launched or removed; "
			      "`deia scale history` shows what would be"
			    : "no dry run: it is done");
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_scale_dry_run = {
	.name = "scale dry-run",
	.usage = "on|off",
	.summary = "decide and record, but do nothing",
	.details = "Example:\n  deia scale dry-run on\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_dry_run,
};

/* ---- by hand ------------------------------------------------------------- */

static int by_hand(struct cli *cli, const char *path, const char *what)
{
	const struct args *a = &cli->args;
	const char *count = a->n_words > 1 ? a->words[1] : "1";
	const cJSON *bots, *bot;
	cJSON *json = NULL;
	char *end = NULL;
	struct deia_jw w;
	long n = strtol(count, &end, 10);
	int rc;

	if (*end != '\0' || n < 1 || n > 1000)
		return usage_error(cli, "'%s' is no number from 1 to 1000",
				   count);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "template", a->words[0]);
	deia_jw_kint(&w, "count", n);
	deia_jw_end_object(&w);
	find_lost(cli);
	rc = ask_raw(cli, "POST", path, w.text, &json);
	deia_jw_fini(&w);
	bots = cJSON_GetObjectItemCaseSensitive(json, "bots");
	cJSON_ArrayForEach(bot, bots) {
		if (cli->json || !cJSON_IsString(bot))
			continue;
		if (cli->quiet)
			tell("%s", bot->valuestring);
		else
			say(cli, "%s %s", bot->valuestring, what);
	}
	cJSON_Delete(json);
	return rc;
}

static int run_up(struct cli *cli)
{
	return by_hand(cli, SCALING "/up", "starts");
}

const struct command cmd_scale_up = {
	.name = "scale up",
	.usage = "TEMPLATE [N]",
	.summary = "launch N bots of a template now (1)",
	.details = "Within its maximum. The scaler goes on deciding: what the "
		   "work does not need\nis removed again in time. With -q only "
		   "their ids.\n\n"
		   "Example:\n  deia scale up coder 2\n",
	.min_words = 1,
	.max_words = 2,
	.run = run_up,
};

static int run_down(struct cli *cli)
{
	return by_hand(cli, SCALING "/down",
		       "ends once it has nothing left to do");
}

const struct command cmd_scale_down = {
	.name = "scale down",
	.usage = "TEMPLATE [N]",
	.summary = "drain N bots of a template, idle ones first (1)",
	.details = "Of those that the scaler launched, and not below its "
		   "minimum. A bot that\ndrains takes no more work, finishes "
		   "what it has, and is removed; its history\nis kept. With "
		   "-q only their ids.\n\n"
		   "Example:\n  deia scale down coder\n",
	.min_words = 1,
	.max_words = 2,
	.run = run_down,
};

/* ---- history ------------------------------------------------------------- */

static const struct column history_columns[] = {
	{ "WHEN", COLUMN_FIXED },     { "TEMPLATE", COLUMN_FIXED },
	{ "DECISION", COLUMN_FIXED }, { "CAUSE", COLUMN_FIXED },
	{ "BY", COLUMN_FIXED },	      { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static void add_decision(struct table *t, const cJSON *d)
{
	const char *kind = jtext(d, "kind");
	char when[32], *what;

	time_print(when, jtext(d, "at"));
	if (strcmp(kind, "launch") == 0)
		what = must_print("launch %.0f", jnumber(d, "count", 0));
	else if (strcmp(kind, "drain") == 0)
		what = must_print("drain %s", jtext(d, "bot"));
	else
		what = must_dup(kind);
	table_add(t, when);
	table_add(t, jtext(d, "template"));
	table_add(t, what);
	table_add(t, jtext(d, "cause"));
	table_add(t, jtext(d, "by"));
	free(what);
	what = must_print("%s%s",
			  jtrue(d, "done") || strcmp(kind, "hold") == 0 ||
					  strcmp(kind, "refused") == 0
				  ? ""
				  : "(dry run) ",
			  jtext(d, "reason"));
	table_add(t, what);
	free(what);
}

static int run_history(struct cli *cli)
{
	const struct args *a = &cli->args;
	struct text path = { 0 };
	cJSON *json = NULL;
	const cJSON *d;
	struct table t;
	int rc;

	text_addf(&path, SCALING "/history?limit=%lld",
		  (long long)args_number(a, "limit", DEIA_DEFAULT_PAGE_LEN));
	query_add(&path, "cursor", args_text(a, "cursor"));
	rc = ask_raw(cli, "GET", path.data, NULL, &json);
	text_free(&path);
	table_init(&t, history_columns);
	JSON_EACH_ITEM(d, json)
	add_decision(&t, d);
	if (rc == EXIT_DONE && !cli->json) {
		if (jfirst(json) != NULL)
			tell_table(cli, &t);
		else
			note(cli, "nothing was decided yet");
		if (*jtext(json, "next_cursor") != '\0')
			note(cli, "more: deia scale history --cursor %s",
			     jtext(json, "next_cursor"));
	}
	table_free(&t);
	cJSON_Delete(json);
	return rc;
}

static const struct opt history_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N decisions (50)",
	  NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_scale_history = {
	.name = "scale history",
	.usage = "",
	.summary = "what the auto-scaler decided and why, newest first",
	.details = "Example:\n  deia scale history --limit 20\n",
	.opts = history_opts,
	.run = run_history,
};
