/* SPDX-License-Identifier: MIT */
/*
 * cmd_alerts_rules.c - `deia alerts rules`: when an alert fires; other rules
 * from a file, or the built-in ones again.
 */
#include "content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#define RULES "/api/v1/health/rules"

/* ---- the table ----------------------------------------------------------- */

static const struct column columns[] = {
	{ "RULE", COLUMN_FIXED },   { "LEVEL", COLUMN_STATE },
	{ "WHEN", COLUMN_FIXED },   { "FOR", COLUMN_FIXED },
	{ "CLEAR", COLUMN_NUMBER }, { "KEEP", COLUMN_NUMBER },
	{ "ON", COLUMN_FIXED },	    { NULL, COLUMN_FIXED },
};

static void add_test(struct text *t, const char *before, const cJSON *what,
		     double at)
{
	text_addf(t, "%s%s %s %g", before, jtext(what, "metric"),
		  jtext(what, "compare"), at);
}

static void add_tests(struct text *t, const char *before, const cJSON *list)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, list)
		add_test(t, before, c, jnumber(c, "at", 0));
}

static void add_seconds(struct table *t, double seconds)
{
	char text[24];

	if (seconds < 120)
		snprintf(text, sizeof(text), "%g s", seconds);
	else
		snprintf(text, sizeof(text), "%g min", seconds / 60);
	table_add(t, text);
}

static void add_level(struct table *t, const cJSON *rule, const cJSON *level)
{
	double at = jnumber(level, "at", 0);
	struct text when = { 0 };

	add_test(&when, "", rule, at);
	add_tests(&when, " and ",
		  cJSON_GetObjectItemCaseSensitive(rule, "also"));
	add_tests(&when, " unless ",
		  cJSON_GetObjectItemCaseSensitive(rule, "unless"));
	table_add(t, jtext(rule, "id"));
	table_add(t, level->string);
	table_add(t, when.data);
	add_seconds(t, jnumber(level, "for_seconds", 0));
	table_addn(t, jnumber(level, "clear", at));
	add_seconds(t, jnumber(rule, "keep_seconds", 0));
	table_add(t, jtrue(rule, "enabled") ? "yes" : "no");
	text_free(&when);
}

static void tell_rules(const struct cli *cli, const cJSON *json)
{
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(json, "rules");
	const cJSON *rule, *level;
	struct table t;

	table_init(&t, columns);
	cJSON_ArrayForEach(rule, rules) {
		const cJSON *levels =
			cJSON_GetObjectItemCaseSensitive(rule, "levels");

		if (cli->quiet) {
			tell("%s", jtext(rule, "id"));
			continue;
		}
		cJSON_ArrayForEach(level, levels)
			add_level(&t, rule, level);
	}
	if (t.n_cells > 0)
		tell_table(cli, &t);
	else if (cJSON_GetArraySize(rules) == 0)
		note(cli, "there are no rules: no alert can fire. `deia alerts "
			  "rules --reset` brings the built-in ones back");
	table_free(&t);
}

/* ---- changing them ------------------------------------------------------- */

/* Whether a text can be sent at all; the hive says what is wrong in it. */
static bool is_json(const char *name, const char *text, size_t len)
{
	struct deia_json_error where;

	if (deia_json_check(text, len, &where) == DEIA_OK)
		return true;
	complain("%s is no JSON: line %u, column %u: %s", name, where.line,
		 where.column, where.detail);
	advise("`deia alerts rules --json` prints the rules as they are to be "
	       "written");
	return false;
}

/* The file's text, or NULL: said why, *rc is set. */
static char *read_rules(const char *path, int *rc)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "the standard input" : path;
	FILE *f = is_stdin ? stdin : fopen(path, "rbe");
	size_t len = 0;
	char *text;

	*rc = EXIT_REFUSED;
	if (f == NULL) {
		*rc = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
		complain("%s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	text = content_read(f, name, DEIA_MAX_BODY_BYTES, &len);
	if (!is_stdin)
		fclose(f);
	if (text == NULL || is_json(name, text, len))
		return text;
	free(text);
	return NULL;
}

static int put_rules(struct cli *cli, const char *body)
{
	const cJSON *rules;
	cJSON *json = NULL;
	int rc = ask_raw(cli, "PUT", RULES, body, &json);

	rules = cJSON_GetObjectItemCaseSensitive(json, "rules");
	if (rc == EXIT_DONE && cJSON_IsArray(rules))
		say(cli, "rules in force: %d", cJSON_GetArraySize(rules));
	else if (rc == EXIT_DONE)
		say(cli, "these rules are in force");
	cJSON_Delete(json);
	return rc;
}

static int run_rules(struct cli *cli)
{
	const char *file = args_text(&cli->args, "set");
	bool reset = args_has(&cli->args, "reset");
	cJSON *json = NULL;
	char *body;
	int rc;

	if (file != NULL && reset)
		return usage_error(cli, "--set or --reset, not both");
	if (reset)
		return put_rules(cli, "{\"rules\":null}");
	if (file != NULL) {
		body = read_rules(file, &rc);
		if (body != NULL)
			rc = put_rules(cli, body);
		free(body);
		return rc;
	}
	rc = ask_raw(cli, "GET", RULES, NULL, &json);
	if (rc == EXIT_DONE && !cli->json)
		tell_rules(cli, json);
	cJSON_Delete(json);
	return rc;
}

static const struct opt rules_opts[] = {
	{ "set", 0, OPT_TEXT, false, "FILE",
	  "put the rules of a file (- for standard input) in their place",
	  "@file" },
	{ "reset", 0, OPT_FLAG, false, NULL, "bring the built-in rules back",
	  NULL },
	{ 0 },
};

const struct command cmd_alerts_rules = {
	.name = "alerts rules",
	.usage = "[--set FILE|- | --reset]",
	.summary = "show when alerts fire, or change it",
	.details = "A level is reached when WHEN held for the time FOR, and "
		   "left when the value was\nbehind CLEAR for the time KEEP. "
		   "--json also has the texts, and is what --set\nreads: save "
		   "it, change it, give it back. For administrators.\n\n"
		   "Examples:\n"
		   "  deia alerts rules --json > rules.json\n"
		   "  deia alerts rules --set rules.json\n",
	.opts = rules_opts,
	.run = run_rules,
};
