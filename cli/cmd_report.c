/* SPDX-License-Identifier: MIT */
/*
 * cmd_report.c - `deia report`: what happened since some time, and what wants
 * somebody first. It fits a screen of 80x24 when nothing is wrong.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safe.h"
#include "since.h"

#define SINCE "12h"
#define TOP 3 /* of each list: what fits */
#define NEEDS_TOLD 10

/* ---- numbers ------------------------------------------------------------- */

struct shown {
	char s[32];
};

/* 1234567 as "1,234,567". */
static struct shown count(double number)
{
	struct shown out;
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%.0f",
			   number > 0 && number < 1e15 ? number : 0);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out.s[at++] = ',';
		out.s[at++] = digits[i];
	}
	out.s[at] = '\0';
	return out;
}

/* "2.1 s", "3 min 20 s", "3 h 20 min", "2 d 3 h". */
static struct shown seconds(double s)
{
	struct shown out;
	long long n = s > 0 && s < 1e12 ? llround(s) : 0;

	if (s < 1)
		snprintf(out.s, sizeof(out.s), "%.0f ms", s > 0 ? s * 1000 : 0);
	else if (s < 60)
		snprintf(out.s, sizeof(out.s), "%.*f s", s < 10, s);
	else if (n < 3600)
		snprintf(out.s, sizeof(out.s), "%lld min %lld s", n / 60,
			 n % 60);
	else if (n < 172800)
		snprintf(out.s, sizeof(out.s), "%lld h %lld min", n / 3600,
			 n / 60 % 60);
	else
		snprintf(out.s, sizeof(out.s), "%lld d %lld h", n / 86400,
			 n / 3600 % 24);
	return out;
}

static struct shown number_of(const cJSON *object, const char *key)
{
	return count(jnumber(object, key, 0));
}

static double tokens_of(const cJSON *row)
{
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(row, "tokens");

	return jnumber(t, "prompt", 0) + jnumber(t, "completion", 0);
}

/* ---- parts --------------------------------------------------------------- */

static enum style style_of(const cJSON *report)
{
	const cJSON *needs =
		cJSON_GetObjectItemCaseSensitive(report, "attention");
	const char *level = jtext(jfirst(needs), "level");

	if (jfirst(needs) == NULL)
		return STYLE_GOOD;
	return strcmp(level, "info") == 0 ? STYLE_NONE : STYLE_BAD;
}

static void tell_head(const struct cli *cli, const cJSON *report)
{
	enum style style = style_of(report);
	char *verdict = safe_line(jtext(report, "verdict"));
	bool young =
		strcmp(jtext(report, "started_at"), jtext(report, "since")) > 0;
	char since[32], until[32], started[32];

	style_on(stdout, style, cli->out_colour);
	tell_text(stdout, verdict, strlen(verdict));
	style_off(stdout, style, cli->out_colour);
	tell("%s", "");
	free(verdict);
	if (cli->quiet)
		return;
	time_print(since, jtext(report, "since"));
	time_print(until, jtext(report, "until"));
	time_print(started, jtext(report, "started_at"));
	tell("from %s to %s%s%s", since, until, young ? "; started " : "",
	     young ? started : "");
}

static void tell_needs(const struct cli *cli, const cJSON *report)
{
	const cJSON *needs =
		cJSON_GetObjectItemCaseSensitive(report, "attention");
	const cJSON *item;
	unsigned n = 0;

	JSON_EACH_ITEM(item, needs)
	{
		char *text = safe_line(jtext(item, "text"));
		char *advice = safe_line(jtext(item, "advice"));
		char *command = safe_line(jtext(item, "command"));

		if (n++ < NEEDS_TOLD) {
			tell("%s", "");
			tell("%u. %s: %s", n, jtext(item, "level"), text);
			if (*advice != '\0')
				tell("   %s", advice);
			tell("   $ %s", command);
		}
		free(command);
		free(advice);
		free(text);
	}
	if (jnumber(needs, "total", 0) > NEEDS_TOLD)
		note(cli, "%s more want you: --json has them",
		     count(jnumber(needs, "total", 0) - NEEDS_TOLD).s);
}

static void tell_sums(const cJSON *report)
{
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(report, "tasks");
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(report, "alerts");
	const cJSON *k = cJSON_GetObjectItemCaseSensitive(report, "tokens");
	const cJSON *c = cJSON_GetObjectItemCaseSensitive(report, "chat");

	tell("%s", "");
	tell("tasks   %s done, %s failed, %s timed out, %s cancelled; "
	     "%s wait, %s run",
	     number_of(t, "done").s, number_of(t, "failed").s,
	     number_of(t, "timed_out").s, number_of(t, "cancelled").s,
	     count(jnumber(t, "waiting", 0) +
		   jnumber(t, "awaiting_approval", 0))
		     .s,
	     number_of(t, "working").s);
	tell("bots    %s deaths, %s restarts, %s attempts at tasks failed",
	     number_of(report, "deaths").s, number_of(report, "restarts").s,
	     number_of(t, "failed_attempts").s);
	tell("alerts  %s fired, %s resolved, %s still fire",
	     number_of(a, "fired").s, number_of(a, "resolved").s,
	     number_of(a, "firing").s);
	tell("tokens  %s read, %s written; %s answers in chat",
	     number_of(k, "prompt").s, number_of(k, "completion").s,
	     number_of(c, "answers").s);
}

/* ---- tables -------------------------------------------------------------- */

static const struct column bot_columns[] = {
	{ "BOT", COLUMN_FLEX },	       { "DONE", COLUMN_NUMBER },
	{ "FAILED", COLUMN_NUMBER },   { "ANSWERS", COLUMN_NUMBER },
	{ "RESTARTS", COLUMN_NUMBER }, { "TOKENS", COLUMN_NUMBER },
	{ NULL, COLUMN_FIXED },
};

static void add_bot(struct table *t, const cJSON *row)
{
	table_add(t, jtext(row, "bot"));
	table_add(t, number_of(row, "done").s);
	table_add(t, number_of(row, "failed_attempts").s);
	table_add(t, number_of(row, "answers").s);
	table_add(t, number_of(row, "restarts").s);
	table_add(t, count(tokens_of(row)).s);
}

static const struct column people_columns[] = {
	{ "FOR", COLUMN_FLEX },	     { "DONE", COLUMN_NUMBER },
	{ "FAILED", COLUMN_NUMBER }, { "ANSWERS", COLUMN_NUMBER },
	{ "TOKENS", COLUMN_NUMBER }, { NULL, COLUMN_FIXED },
};

static void add_person(struct table *t, const cJSON *row)
{
	const char *name = jtext(row, "name");

	table_add(t, *name != '\0' ? name : "(not known)");
	table_add(t, number_of(row, "done").s);
	table_add(t, number_of(row, "failed").s);
	table_add(t, number_of(row, "answers").s);
	table_add(t, count(tokens_of(row)).s);
}

static const struct column type_columns[] = {
	{ "TYPE", COLUMN_FLEX },     { "DONE", COLUMN_NUMBER },
	{ "FAILED", COLUMN_NUMBER }, { "MEAN", COLUMN_NUMBER },
	{ "P95", COLUMN_NUMBER },    { "LONGEST", COLUMN_NUMBER },
	{ NULL, COLUMN_FIXED },
};

static void add_type(struct table *t, const cJSON *row)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(row, "seconds");

	table_add(t, jtext(row, "type"));
	table_add(t, number_of(row, "done").s);
	table_add(t, number_of(row, "failed").s);
	table_add(t, seconds(jnumber(s, "mean", 0)).s);
	table_add(t, seconds(jnumber(s, "p95", 0)).s);
	table_add(t, seconds(jnumber(s, "max", 0)).s);
}

/* True when there is more than is shown. */
static bool tell_list(const struct cli *cli, const cJSON *report,
		      const char *key, const struct column *columns,
		      void (*add)(struct table *t, const cJSON *row))
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(report, key);
	const cJSON *row;
	double n = 0;
	struct table t;

	table_init(&t, columns);
	JSON_EACH_ITEM(row, list)
	{
		add(&t, row);
		n++;
	}
	if (n > 0) {
		tell("%s", "");
		tell_table(cli, &t);
	}
	table_free(&t);
	return jnumber(list, "total", 0) > n;
}

static void tell_notes(const struct cli *cli, const cJSON *report)
{
	const cJSON *item;
	const cJSON *notes = cJSON_GetObjectItemCaseSensitive(report, "notes");

	cJSON_ArrayForEach(item, notes)
		if (cJSON_IsString(item))
			note(cli, "%s", item->valuestring);
}

static void tell_all(const struct cli *cli, const cJSON *report)
{
	bool more;

	tell_head(cli, report);
	if (cli->quiet)
		return;
	tell_needs(cli, report);
	tell_sums(report);
	more = tell_list(cli, report, "bots", bot_columns, add_bot);
	more |= tell_list(cli, report, "people", people_columns, add_person);
	more |= tell_list(cli, report, "types", type_columns, add_type);
	tell_notes(cli, report);
	if (more)
		note(cli, "there are more: --top 20");
}

/* ---- the command --------------------------------------------------------- */

static int64_t now_unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int run_report(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *text = args_text(a, "since");
	int64_t top = args_number(a, "top", TOP);
	char since[32], number[24];
	struct text path = { 0 };
	cJSON *report = NULL;
	int rc;

	if (!since_parse(since, text != NULL ? text : SINCE, now_unix_ms()))
		return usage_error(cli,
				   "--since: '%s' is no time; write it as 12h, "
				   "3d or 2026-11-22T19:00",
				   text);
	if (top < 1 || top > 1000)
		return usage_error(cli, "--top: between 1 and 1000");
	snprintf(number, sizeof(number), "%lld", (long long)top);
	text_addf(&path, "/api/v1/report?top=%s", number);
	query_add(&path, "since", since);
	rc = ask_raw(cli, "GET", path.data, NULL, &report);
	text_free(&path);
	if (rc == EXIT_DONE && !cli->json)
		tell_all(cli, report);
	cJSON_Delete(report);
	return rc;
}

static const struct opt report_opts[] = {
	{ "since", 0, OPT_TEXT, false, "TIME",
	  "from so long ago, or from this time on (12h)", NULL },
	{ "top", 0, OPT_NUMBER, false, "N", "N of each list (3)", NULL },
	{ 0 },
};

const struct command cmd_report = {
	.name = "report",
	.usage = "[--since TIME]",
	.summary = "show what happened, and what wants you first",
	.details =
		"One sentence first; then what wants somebody, in order, "
		"each with a command to\nbegin with; then tasks, alerts, "
		"tokens by bot and by person, the slowest types.\nThe "
		"figures are the store's: they are the same after a restart, "
		"and of all nodes.\nFAILED of a bot counts attempts, of the "
		"others tasks. With -q the sentence alone.\n\n"
		"Examples:\n"
		"  deia report --since 12h\n"
		"  deia report --since 2026-11-22T19:00 --top 20\n",
	.opts = report_opts,
	.run = run_report,
};
