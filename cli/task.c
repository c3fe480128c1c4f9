/* SPDX-License-Identifier: MIT */
/* task.c - see task.h: tasks as tables and text. */
#include "task.h"

#include <stdlib.h>
#include <string.h>

#include "mail.h"

/* ---- words ------------------------------------------------------------- */

int task_check_words(const struct cli *cli)
{
	const char *status = args_text(&cli->args, "status");
	const char *priority = args_text(&cli->args, "priority");
	const char *what = args_text(&cli->args, "on-exceed");

	if (status != NULL && !mail_is_one_of(status, TASK_STATUSES))
		return usage_error(cli,
				   "--status: '%s' is none of " TASK_STATUSES,
				   status);
	if (priority != NULL && !mail_is_one_of(priority, TASK_PRIORITIES))
		return usage_error(
			cli,
			"--priority: '%s' is none of " TASK_PRIORITIES
			" (P0 is the most urgent)",
			priority);
	if (what != NULL && !mail_is_one_of(what, TASK_ON_EXCEED))
		return usage_error(cli,
				   "--on-exceed: '%s' is none "
				   "of " TASK_ON_EXCEED,
				   what);
	return EXIT_DONE;
}

bool task_is_final(const cJSON *task)
{
	return mail_is_one_of(jtext(task, "status"),
			      "succeeded failed cancelled timed_out");
}

int task_exit_code(const cJSON *task)
{
	const char *status = jtext(task, "status");

	if (strcmp(status, "succeeded") == 0)
		return EXIT_DONE;
	return strcmp(status, "timed_out") == 0 ? EXIT_TIMED_OUT : EXIT_REFUSED;
}

void seconds_print(char out[static 24], double seconds)
{
	if (seconds < 100)
		snprintf(out, 24, "%.3g s", seconds);
	else if (seconds < 7200)
		snprintf(out, 24, "%.0f min", seconds / 60);
	else
		snprintf(out, 24, "%.0f h", seconds / 3600);
}

char *task_attempt(const cJSON *task, double most)
{
	double n = jnumber(task, "attempt", 0);
	const char *bot = jtext(task, "bot");
	struct text t = { 0 };

	text_adds(&t, "");
	if (n < 1)
		return t.data;
	/* Attempts that were excused do not count: 4 of 3 happens. */
	text_addf(&t, "attempt %.0f", n);
	if (n <= most)
		text_addf(&t, " of %.0f", most);
	if (*bot != '\0')
		text_addf(&t, " at %s", bot);
	return t.data;
}

/* The reason; where there is none, the last error. */
static const char *why(const cJSON *task)
{
	const char *reason = jtext(task, "reason");

	return *reason != '\0'
		       ? reason
		       : jtext(cJSON_GetObjectItemCaseSensitive(task, "error"),
			       "message");
}

char *task_summary(const cJSON *task)
{
	const char *reason = why(task);
	bool good = strcmp(jtext(task, "status"), "succeeded") == 0;
	char *attempt = task_attempt(task, jnumber(task, "max_attempts", 0));
	struct text t = { 0 };

	text_adds(&t, jtext(task, "status"));
	if (*attempt != '\0')
		text_addf(&t, ", %s", attempt);
	if (*reason != '\0' && !good)
		text_addf(&t, ": %s", reason);
	free(attempt);
	return t.data;
}

/* ---- a table ----------------------------------------------------------- */

static const struct column columns[] = {
	{ "ID", COLUMN_FIXED },	    { "P", COLUMN_FIXED },
	{ "STATUS", COLUMN_STATE }, { "TYPE", COLUMN_FIXED },
	{ "BOT", COLUMN_FIXED },    { "TRIES", COLUMN_NUMBER },
	{ "AGE", COLUMN_FIXED },    { "TEXT", COLUMN_FLEX },
	{ "REASON", COLUMN_FLEX },  { NULL, COLUMN_FIXED },
};

static void add_task(struct table *t, const cJSON *task)
{
	const char *pinned = jtext(task, "pinned_bot");
	const char *bot = jtext(task, "bot");
	char age[24];

	age_print(age, jtext(task, "created_at"));
	table_add(t, jtext(task, "id"));
	table_add(t, jtext(task, "priority"));
	table_add(t, jtext(task, "status"));
	table_add(t, jtext(task, "type"));
	table_add(t, *bot != '\0' ? bot : pinned);
	table_addn(t, jnumber(task, "attempt", 0));
	table_add(t, age);
	table_add(t, jtext(task, "content"));
	table_add(t, strcmp(jtext(task, "status"), "succeeded") == 0
			     ? ""
			     : why(task));
}

void task_table(const struct cli *cli, const cJSON *page)
{
	const cJSON *task;
	struct table t;

	table_init(&t, columns);
	JSON_EACH_ITEM(task, page)
	{
		if (cli->quiet)
			tell("%s", jtext(task, "id"));
		else
			add_task(&t, task);
	}
	if (t.n_cells > 0)
		tell_table(cli, &t);
	table_free(&t);
}

/* ---- one in words ------------------------------------------------------ */

static void row(const char *name, const char *value)
{
	if (*value != '\0')
		tell("%-13s %s", name, value);
}

static void row_time(const cJSON *task, const char *name, const char *key)
{
	char when[32];

	time_print(when, jtext(task, key));
	if (strcmp(when, "-") != 0)
		row(name, when);
}

static void row_seconds(const cJSON *task, const char *name, const char *key)
{
	double seconds = jnumber(task, key, -1);
	char text[24];

	if (seconds < 0)
		return;
	seconds_print(text, seconds);
	row(name, text);
}

static void row_list(const cJSON *task, const char *name, const char *key)
{
	const cJSON *item;
	struct text t = { 0 };

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(task, key))
		text_addf(&t, "%s%s", t.len > 0 ? ", " : "",
			  cJSON_IsString(item) ? item->valuestring : "");
	if (t.len > 0)
		row(name, t.data);
	text_free(&t);
}

/* How it ended and after how long, where that was measured. */
static char *attempt_end(const cJSON *a)
{
	const char *outcome = jtext(a, "outcome");
	double took = jnumber(a, "seconds", 0);
	char seconds[24];

	if (*outcome == '\0')
		return must_dup("it goes on");
	if (took <= 0 && strcmp(outcome, "succeeded") != 0)
		return must_dup(outcome);
	seconds_print(seconds, took);
	return must_print("%s, %s", outcome, seconds);
}

static void tell_attempts(const cJSON *task)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(task, "attempts");
	const cJSON *a;

	if (list == NULL || list->child == NULL)
		return;
	tell("\nattempts");
	cJSON_ArrayForEach(a, list) {
		const char *error = jtext(a, "error");
		char *end = attempt_end(a);

		tell("  %.0f  %s  %s%s%s", jnumber(a, "number", 0),
		     jtext(a, "bot"), end, *error != '\0' ? ": " : "", error);
		free(end);
	}
}

static void tell_verdict(const cJSON *task)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(task, "verdict");
	const char *said = jtext(v, "note");
	char *text;

	if (!cJSON_IsObject(v))
		return;
	text = must_print("%s, says %s%s%s",
			  jtrue(v, "success") ? "good" : "bad", jtext(v, "by"),
			  *said != '\0' ? ": " : "", said);
	row("verdict", text);
	free(text);
}

static void tell_retry(const cJSON *task)
{
	const cJSON *r = cJSON_GetObjectItemCaseSensitive(task, "retry");
	char when[32], *text;

	if (!cJSON_IsObject(r))
		return;
	time_print(when, jtext(r, "at"));
	text = must_print("attempt %.0f of %.0f, at %s",
			  jnumber(r, "attempt", 0), jnumber(r, "of", 0), when);
	row("next", text);
	free(text);
}

static void tell_usage(const cJSON *task)
{
	const cJSON *u = cJSON_GetObjectItemCaseSensitive(task, "usage");
	double in = jnumber(u, "prompt_tokens", 0);
	double out = jnumber(u, "completion_tokens", 0);

	if (in + out > 0)
		tell("%-13s %.0f read, %.0f written", "tokens", in, out);
}

static void tell_expect(const cJSON *task)
{
	const cJSON *e = cJSON_GetObjectItemCaseSensitive(task, "expect");
	const cJSON *check = cJSON_GetObjectItemCaseSensitive(task, "check");
	char *text;

	if (cJSON_IsString(check))
		row("check", check->valuestring);
	if (!cJSON_IsObject(e))
		return;
	text = jprint(e);
	row("expect", text);
	free(text);
}

static void tell_budget(const cJSON *task)
{
	const cJSON *b = cJSON_GetObjectItemCaseSensitive(task, "budget");
	const cJSON *used = cJSON_GetObjectItemCaseSensitive(b, "used");
	double tokens = jnumber(b, "tokens", 0);
	double seconds = jnumber(b, "seconds", 0);
	double messages = jnumber(b, "messages", 0);

	if (tokens > 0)
		tell("%-13s %.0f of %.0f tokens used; then %s", "budget",
		     jnumber(used, "tokens", 0), tokens, jtext(b, "on_exceed"));
	if (seconds > 0)
		tell("%-13s %.1f of %.0f seconds used; then %s", "budget",
		     jnumber(used, "seconds", 0), seconds,
		     jtext(b, "on_exceed"));
	if (messages > 0)
		tell("%-13s %.0f of %.0f messages sent; then %s", "budget",
		     jnumber(used, "messages", 0), messages,
		     jtext(b, "on_exceed"));
}

static void tell_head(const struct cli *cli, const cJSON *task)
{
	const char *status = jtext(task, "status");
	enum style style = style_of_state(status);

	tell_text(stdout, jtext(task, "id"), strlen(jtext(task, "id")));
	fputs("  ", stdout);
	style_on(stdout, style, cli->out_colour);
	tell_text(stdout, status, strlen(status));
	style_off(stdout, style, cli->out_colour);
	fputs("\n", stdout);
	row("reason", why(task));
}

static void tell_texts(const cJSON *task)
{
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(task, "result");

	tell("\ncontent\n%s", jtext(task, "content"));
	if (cJSON_IsObject(result))
		tell("\nresult\n%s", jtext(result, "text"));
}

void task_tell(const struct cli *cli, const cJSON *task)
{
	char *attempt = task_attempt(task, jnumber(task, "max_attempts", 0));

	tell_head(cli, task);
	row("type", jtext(task, "type"));
	row("priority", jtext(task, "priority"));
	row("bot", attempt);
	row("only for", jtext(task, "pinned_bot"));
	row("submitted by", jtext(task, "submitted_by"));
	row_time(task, "submitted", "created_at");
	row_time(task, "started", "started_at");
	row_time(task, "ended", "finished_at");
	if (!task_is_final(task))
		row_time(task, "not before", "not_before");
	row_time(task, "deadline", "deadline");
	row_seconds(task, "time limit", "timeout_seconds");
	row_seconds(task, "every", "every_seconds");
	row("series", jtext(task, "series"));
	row_seconds(task, "estimate", "estimated_seconds");
	row_list(task, "needs", "capabilities");
	row_list(task, "after", "depends_on");
	if (jtrue(task, "approval"))
		row("approval",
		    strcmp(jtext(task, "status"), "awaiting_approval") == 0
			    ? "a person has to approve it first"
			    : "asked for");
	tell_expect(task);
	tell_budget(task);
	tell_retry(task);
	tell_verdict(task);
	tell_usage(task);
	tell_attempts(task);
	tell_texts(task);
	free(attempt);
}
