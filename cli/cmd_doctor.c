/* SPDX-License-Identifier: MIT */
/*
 * cmd_doctor.c - `deia doctor`: the hive's seven health checks, run now; where no
 * hive answers, what this machine shows of why.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

#include "safe.h"

#define CHECKS "api db cache bots llm logs disk"

static const struct column columns[] = {
	{ "CHECK", COLUMN_FIXED },  { "STATUS", COLUMN_STATE },
	{ "FIGURE", COLUMN_FIXED }, { "LIMIT", COLUMN_FIXED },
	{ "TOOK", COLUMN_FIXED },   { NULL, COLUMN_FIXED },
};
static const struct column local_columns[] = {
	{ "CHECK", COLUMN_FIXED },
	{ "STATUS", COLUMN_STATE },
	{ "FOUND", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static bool is(const cJSON *item, const char *status)
{
	return strcmp(jtext(item, "status"), status) == 0;
}

/* ---- figures ------------------------------------------------------------- */

static void print_value(char out[static 24], double v, const char *unit)
{
	if (strcmp(unit, "ratio") == 0)
		snprintf(out, 24, "%.0f %%", 100 * v);
	else if (strcmp(unit, "seconds") != 0)
		snprintf(out, 24, "%.0f", v);
	else if (v < 1)
		snprintf(out, 24, "%.0f ms", 1000 * v);
	else
		snprintf(out, 24, "%.1f s", v);
}

/* The first of the worst ones; NULL: nothing was measured. */
static const cJSON *worst_figure(const cJSON *item)
{
	const cJSON *f,
		*figures = cJSON_GetObjectItemCaseSensitive(item, "figures");
	const cJSON *worst = figures != NULL ? figures->child : NULL;

	cJSON_ArrayForEach(f, figures) {
		if (is(f, "fail") && !is(worst, "fail"))
			worst = f;
		else if (is(f, "warn") && is(worst, "pass"))
			worst = f;
	}
	return worst;
}

static void add_figure(struct table *t, const cJSON *f)
{
	const char *unit = jtext(f, "unit");
	double limit = jnumber(f, "warn_above", jnumber(f, "fail_above", -1));
	char value[24], *text;

	print_value(value, jnumber(f, "value", 0), unit);
	text = must_print("%s %s", jtext(f, "name"), value);
	table_add(t, text);
	free(text);
	print_value(value, limit, unit);
	table_add(t, limit < 0 ? NULL : value);
}

static void add_row(struct table *t, const cJSON *item)
{
	const cJSON *f = worst_figure(item);
	char took[24];

	table_add(t, jtext(item, "check"));
	table_add(t, jtext(item, "status"));
	if (f != NULL) {
		add_figure(t, f);
	} else {
		table_add(t, NULL);
		table_add(t, NULL);
	}
	print_value(took, jnumber(item, "duration_seconds", 0), "seconds");
	table_add(t, took);
}

/* ---- telling --------------------------------------------------------------- */

/* Words of a text, in lines that fit. */
static void tell_wrapped(const struct cli *cli, const char *indent,
			 const char *text)
{
	size_t width = terminal_width(cli), gap = strlen(indent);
	size_t most = (width != 0 && width < 80 ? width : 80) - gap;

	while (*text != '\0') {
		size_t len = strlen(text);

		if (len > most) {
			len = most;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0) /* one long word */
				len = strcspn(text, " ");
		}
		tell("%s%.*s", indent, (int)len, text);
		text += len + strspn(text + len, " ");
	}
}

/* What is wrong and what to do; with -v also what is well. */
static void tell_found(const struct cli *cli, const cJSON *json)
{
	const cJSON *item;

	JSON_EACH_ITEM(item, json)
	{
		if (is(item, "pass") && !cli->verbose)
			continue;
		tell("\n%s: %s", jtext(item, "check"), jtext(item, "status"));
		tell_wrapped(cli, "  ", jtext(item, "text"));
		tell_wrapped(cli, "  > ", jtext(item, "advice"));
	}
}

static void count(const cJSON *json, unsigned *fails, unsigned *warns)
{
	const cJSON *item;

	*fails = *warns = 0;
	JSON_EACH_ITEM(item, json)
	{
		*fails += is(item, "fail");
		*warns += is(item, "warn");
	}
}

static void tell_sum(const struct cli *cli, unsigned fails, unsigned warns)
{
	tell("%s", "");
	if (fails > 0)
		tell("%u failed, %u with a warning", fails, warns);
	else if (warns > 0)
		tell("nothing failed; %u with a warning", warns);
	else if (cli->verbose)
		tell("all is well");
	else
		tell("all is well (-v tells what was looked at)");
}

/* ---- a hive that answers ------------------------------------------------- */

static int judge(struct cli *cli, const cJSON *json)
{
	unsigned fails, warns;
	const cJSON *item;
	struct table t;

	count(json, &fails, &warns);
	if (!cli->json && !cli->quiet) {
		table_init(&t, columns);
		JSON_EACH_ITEM(item, json)
		add_row(&t, item);
		tell_table(cli, &t);
		table_free(&t);
		tell_found(cli, json);
		tell_sum(cli, fails, warns);
	}
	return fails > 0 ? EXIT_UNHEALTHY : EXIT_DONE;
}

/* ---- none that answers --------------------------------------------------- */

static void tell_start(const struct cli *cli, const char *dir, bool fails)
{
	char *how = dir != NULL && cli->dir != NULL
			    ? must_print("deia --dir %s serve", dir)
			    : must_dup("deia serve");

	tell("%s", "");
	if (fails)
		tell("no hive runs; see to what failed, then start it: %s",
		     how);
	else
		tell("no hive runs; nothing is in its way, start it: %s", how);
	free(how);
}

static int look_around(struct cli *cli, const char *dir)
{
	cJSON *json = doctor_local(dir);
	unsigned fails, warns;
	const cJSON *item;
	struct table t;
	char *text;

	count(json, &fails, &warns);
	if (cli->json) {
		text = jprint(json);
		tell_json(text, strlen(text));
		free(text);
	} else if (!cli->quiet) {
		table_init(&t, local_columns);
		JSON_EACH_ITEM(item, json)
		{
			table_add(&t, jtext(item, "check"));
			table_add(&t, jtext(item, "status"));
			table_add(&t, jtext(item, "text"));
		}
		tell_table(cli, &t);
		table_free(&t);
		tell_found(cli, json);
		tell_start(cli, dir, fails > 0);
	}
	cJSON_Delete(json);
	return EXIT_UNREACHABLE;
}

/* Whether it should run on this machine: then that can be looked at. */
static bool is_ours(const struct target *t)
{
	return t->dir_down || t->url_from == URL_DEFAULT ||
	       t->url_from == URL_HIVE;
}

/* "/api/v1/health/checks?fresh=true&checks=db,disk"; free() it. */
static char *path_for(const struct args *a)
{
	struct text t = { 0 };

	text_adds(&t, "/api/v1/health/checks?fresh=true");
	for (size_t i = 0; i < a->n_words; i++)
		text_addf(&t, "%s%s", i == 0 ? "&checks=" : ",", a->words[i]);
	return t.data;
}

static bool is_check(const char *word)
{
	static const char *const names[] = { "api", "db",   "cache", "bots",
					     "llm", "logs", "disk" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], word) == 0)
			return true;
	return false;
}

static int run_doctor(struct cli *cli)
{
	const struct args *a = &cli->args;
	struct deia_reply reply;
	cJSON *json = NULL;
	deia_err err;
	char *path;
	int rc;

	for (size_t i = 0; i < a->n_words; i++)
		if (!is_check(a->words[i]))
			return usage_error(cli, "'%s' is no check: " CHECKS,
					   a->words[i]);
	cli->no_deadline = true; /* each check has one of its own */
	if (cli_client(cli, &rc) == NULL)
		return rc == EXIT_UNREACHABLE && is_ours(&cli->target)
			       ? look_around(cli, cli->target.dir)
			       : rc;
	path = path_for(a);
	err = ask_quietly(cli, "GET", path, NULL, &json, &reply);
	free(path);
	if (err == DEIA_EIO && is_ours(&cli->target))
		return look_around(cli, cli->target.dir);
	if (err == DEIA_EPARSE && reply.status / 100 == 2)
		return explain_stranger(cli);
	if (cli->json && reply.body_len > 0)
		tell_json(reply.body, reply.body_len);
	rc = err != DEIA_OK ? explain(cli, err, reply.retry_after_seconds)
			    : judge(cli, json);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[CHECK...]",
	.summary = "try what a hive is for, and say what is wrong with it",
	.details =
		"Runs the health checks now, or those that are named: " CHECKS
		".\nEach says pass, warn or fail, what was measured, its limit "
		"and what to do.\nThe exit code is 9 when one fails. Where no "
		"hive answers: configuration, folders,\ndisk, port, programs "
		"and limits of this machine; the exit code is 6. -v tells\n"
		"also what is well.\n\n"
		"Examples:\n"
		"  deia doctor\n"
		"  deia doctor db disk\n",
	.max_words = 7,
	.run = run_doctor,
};
