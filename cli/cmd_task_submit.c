/* SPDX-License-Identifier: MIT */
/*
 * cmd_task_submit.c - `deia task submit`: work for whichever bot does it best.
 *
 * What is to be done comes from the line, from a file or from standard input;
 * files that belong to it are appended, each in a fence with its name.
 */
#include "content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deia/limits.h>

#include "since.h"
#include "task.h"

#define EXAMPLE "deia task submit \"summarise the minutes\""
#define MAX_SCHEMA_BYTES (16u << 10)

/* ---- the content ------------------------------------------------------- */

/* All of a file as text; NULL: said why. */
static char *file_text(const char *path, size_t max)
{
	FILE *f = fopen(path, "re");
	size_t len = 0;
	char *text;

	if (f == NULL) {
		complain("%s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	text = content_read(f, path, max, &len);
	fclose(f);
	if (text != NULL && memchr(text, '\0', len) != NULL) {
		complain("%s holds NUL bytes: that is no text", path);
		free(text);
		return NULL;
	}
	return text;
}

/* "@FILE" alone, and not behind "--". */
static const char *named_file(const struct args *a)
{
	return a->n_words == 1 && a->n_before_dashes == 1 &&
			       a->words[0][0] == '@' && a->words[0][1] != '\0'
		       ? a->words[0] + 1
		       : NULL;
}

static char *base_text(struct cli *cli, int *rc)
{
	const char *path = named_file(&cli->args);
	char *text;

	if (path == NULL)
		return content_of(cli, 0, EXAMPLE, rc);
	*rc = EXIT_REFUSED;
	text = file_text(path, DEIA_MAX_CONTENT_BYTES);
	if (text == NULL && cli->args.n_words == 1)
		advise("a text that begins with @ goes behind --");
	if (text != NULL && *text == '\0') {
		complain("%s is empty", path);
		free(text);
		text = NULL;
	}
	return text;
}

/* A fence longer than any run of backticks in the text. */
static size_t fence_len(const char *text)
{
	size_t longest = 2, run = 0;

	for (; *text != '\0'; text++) {
		run = *text == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest + 1;
}

static void add_fence(struct text *t, size_t len)
{
	while (len-- > 0)
		text_add(t, "`", 1);
}

static bool append_file(struct text *t, const char *path)
{
	char *text = file_text(path, DEIA_MAX_CONTENT_BYTES);
	size_t fence;

	if (text == NULL)
		return false;
	fence = fence_len(text);
	text_addf(t, "\n\nFile %s:\n", path);
	add_fence(t, fence);
	text_addf(t, "\n%s%s", text,
		  *text != '\0' && text[strlen(text) - 1] == '\n' ? "" : "\n");
	add_fence(t, fence);
	free(text);
	return true;
}

/* The text with its files; NULL: said why, *rc is set. */
static char *content(struct cli *cli, int *rc)
{
	struct text t = { 0 };
	const char *path;
	char *base = base_text(cli, rc);
	size_t at = 0;

	if (base == NULL)
		return NULL;
	text_adds(&t, base);
	free(base);
	*rc = EXIT_REFUSED;
	while ((path = args_next(&cli->args, "file", &at)) != NULL) {
		if (!append_file(&t, path)) {
			text_free(&t);
			return NULL;
		}
	}
	if (t.len > DEIA_MAX_CONTENT_BYTES) {
		complain("text and files are %zu KiB together; a task takes "
			 "%u KiB",
			 t.len >> 10, DEIA_MAX_CONTENT_BYTES >> 10);
		text_free(&t);
		return NULL;
	}
	*rc = EXIT_DONE;
	return t.data;
}

/* ---- the options ------------------------------------------------------- */

static bool has_budget(const struct args *a)
{
	return args_has(a, "budget-tokens") || args_has(a, "budget-seconds") ||
	       args_has(a, "budget-messages");
}

/* From 0 to 1; negative: not said, or no such number. */
static double complexity_of(const struct args *a)
{
	const char *text = args_text(a, "complexity");
	char *end = NULL;
	double value;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	value = strtod(text, &end);
	return *end == '\0' && value <= 1 ? value : -1;
}

static int check(const struct cli *cli)
{
	const struct args *a = &cli->args;
	int rc = task_check_words(cli);

	if (rc != EXIT_DONE)
		return rc;
	if (args_has(a, "complexity") && complexity_of(a) < 0)
		return usage_error(cli,
				   "--complexity: '%s' is no number from 0 to "
				   "1",
				   args_text(a, "complexity"));
	if (args_has(a, "expect") && args_has(a, "expect-schema"))
		return usage_error(cli, "--expect and --expect-schema exclude "
					"each other");
	if (args_has(a, "on-exceed") && !has_budget(a))
		return usage_error(cli, "--on-exceed needs --budget-tokens, "
					"--budget-seconds or "
					"--budget-messages");
	if (args_has(a, "key") &&
	    (*args_text(a, "key") == '\0' ||
	     strlen(args_text(a, "key")) > DEIA_MAX_KEY_BYTES))
		return usage_error(cli, "--key: it takes 1 to %d characters",
				   DEIA_MAX_KEY_BYTES);
	return EXIT_DONE;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A moment; false: it is none. */
static bool add_time(const struct cli *cli, deia_jw *w, const char *option,
		     const char *key, int *rc)
{
	const char *text = args_text(&cli->args, option);
	char at[32];

	if (text == NULL)
		return true;
	if (!until_parse(at, text, now_ms())) {
		*rc = usage_error(cli,
				  "--%s: '%s' is no time; write it like 10m, "
				  "2h, 2026-12-24 or 2026-12-24T18:00",
				  option, text);
		return false;
	}
	deia_jw_kstr(w, key, at);
	return true;
}

static void add_list(const struct cli *cli, deia_jw *w, const char *option,
		     const char *key)
{
	const char *value;
	size_t at = 0;

	if (!args_has(&cli->args, option))
		return;
	deia_jw_key(w, key);
	deia_jw_array(w);
	while ((value = args_next(&cli->args, option, &at)) != NULL)
		deia_jw_str(w, value);
	deia_jw_end_array(w);
}

static void add_duration(const struct cli *cli, deia_jw *w, const char *option,
			 const char *key)
{
	const char *text = args_text(&cli->args, option);
	int64_t seconds;

	if (text != NULL && parse_duration(text, &seconds))
		deia_jw_kint(w, key, seconds);
}

/* False: said why, *rc is set. */
static bool add_schema(deia_jw *w, const char *path, int *rc)
{
	struct deia_json_error where;
	char *text = file_text(path, MAX_SCHEMA_BYTES);

	*rc = EXIT_REFUSED;
	if (text == NULL)
		return false;
	if (deia_json_check(text, strlen(text), &where) != DEIA_OK) {
		complain("%s: line %u, column %u: %s", path, where.line,
			 where.column, where.detail);
	} else if (text[strspn(text, " \t\r\n")] != '{') {
		complain("%s: a JSON schema is an object", path);
	} else {
		*rc = EXIT_DONE;
		deia_jw_kraw(w, "json_schema", text);
	}
	free(text);
	return *rc == EXIT_DONE;
}

static bool add_expect(const struct cli *cli, deia_jw *w, int *rc)
{
	const char *regex = args_text(&cli->args, "expect");
	const char *schema = args_text(&cli->args, "expect-schema");
	bool ok = true;

	if (regex == NULL && schema == NULL)
		return true;
	deia_jw_key(w, "expect");
	deia_jw_object(w);
	if (regex != NULL)
		deia_jw_kstr(w, "regex", regex);
	else
		ok = add_schema(w, schema, rc);
	deia_jw_end_object(w);
	return ok;
}

static void add_budget(const struct cli *cli, deia_jw *w)
{
	const struct args *a = &cli->args;

	if (!has_budget(a))
		return;
	deia_jw_key(w, "budget");
	deia_jw_object(w);
	if (args_has(a, "budget-tokens"))
		deia_jw_kint(w, "tokens", args_number(a, "budget-tokens", 0));
	if (args_has(a, "budget-seconds"))
		deia_jw_kint(w, "seconds", args_number(a, "budget-seconds", 0));
	if (args_has(a, "budget-messages"))
		deia_jw_kint(w, "messages",
			     args_number(a, "budget-messages", 0));
	if (args_has(a, "on-exceed"))
		deia_jw_kstr(w, "on_exceed", args_text(a, "on-exceed"));
	deia_jw_end_object(w);
}

static bool add_options(const struct cli *cli, deia_jw *w, int *rc)
{
	static const char *const texts[] = { "type", "priority", "bot",
					     "check" };
	const struct args *a = &cli->args;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (args_has(a, texts[i]))
			deia_jw_kstr(w, texts[i], args_text(a, texts[i]));
	}
	add_list(cli, w, "capability", "capabilities");
	add_list(cli, w, "after", "depends_on");
	add_duration(cli, w, "timeout", "timeout_seconds");
	add_duration(cli, w, "every", "every_seconds");
	add_duration(cli, w, "estimate", "estimated_seconds");
	if (args_has(a, "complexity"))
		deia_jw_knum(w, "complexity", complexity_of(a));
	if (args_has(a, "attempts"))
		deia_jw_kint(w, "max_attempts", args_number(a, "attempts", 0));
	if (args_has(a, "approve-first"))
		deia_jw_kbool(w, "approval", true);
	add_budget(cli, w);
	return add_time(cli, w, "not-before", "not_before", rc) &&
	       add_time(cli, w, "deadline", "deadline", rc) &&
	       add_expect(cli, w, rc);
}

/* ---- waiting ----------------------------------------------------------- */

static void tell_progress(const struct cli *cli, const cJSON *what,
			  const char *line)
{
	(void)what;
	if (line != NULL)
		note(cli, "%s", line);
}

/* All of the result; the watch has its beginning. */
static int tell_result(struct cli *cli, const char *id)
{
	char *path = path_of("/api/v1/tasks/%s", id);
	const cJSON *result;
	cJSON *task = NULL;
	int rc = ask_raw(cli, "GET", path, NULL, &task);

	free(path);
	if (rc != EXIT_DONE)
		return rc;
	result = cJSON_GetObjectItemCaseSensitive(task, "result");
	rc = task_exit_code(task);
	if (!cli->json && rc == EXIT_DONE)
		tell("%s", jtext(result, "text"));
	if (rc != EXIT_DONE) {
		char *summary = task_summary(task);

		complain("the task %s", summary);
		advise("`deia task show %s` shows its attempts", id);
		free(summary);
	}
	cJSON_Delete(task);
	return rc;
}

static int wait_for(struct cli *cli, const char *id)
{
	cJSON *task = NULL;
	int rc;

	note(cli, "task %s", id);
	rc = task_watch(cli, id, tell_progress, &task);
	cJSON_Delete(task);
	return rc == EXIT_DONE ? tell_result(cli, id) : rc;
}

/* ---- the command ------------------------------------------------------- */

static void tell_submitted(const struct cli *cli, const cJSON *task)
{
	const char *id = jtext(task, "id");

	tell("%s", id);
	note(cli, "%s, %s; watch it: deia task watch %s", jtext(task, "type"),
	     jtext(task, "status"), id);
}

static int post(struct cli *cli, const char *body)
{
	bool wait = args_has(&cli->args, "wait");
	cJSON *json = NULL;
	int rc;

	cli->key = args_text(&cli->args, "key");
	rc = (wait ? ask : ask_raw)(cli, "POST", "/api/v1/tasks", body, &json);
	cli->key = NULL;
	if (rc == EXIT_DONE && cli->replayed)
		note(cli, "this key was used before: nothing was submitted");
	if (rc == EXIT_DONE && wait)
		rc = wait_for(cli, jtext(json, "id"));
	else if (rc == EXIT_DONE && !cli->json)
		tell_submitted(cli, json);
	cJSON_Delete(json);
	return rc;
}

static int run_submit(struct cli *cli)
{
	char *text;
	deia_jw w;
	int rc = check(cli);

	if (rc != EXIT_DONE)
		return rc;
	text = content(cli, &rc);
	if (text == NULL)
		return rc;
	cli->bot = args_text(&cli->args, "bot");
	cli->if_lost = "`deia task types` lists the types there are, `deia "
		       "task list` the tasks";
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "content", text);
	if (add_options(cli, &w, &rc)) {
		deia_jw_end_object(&w);
		rc = post(cli, w.text);
	}
	deia_jw_fini(&w);
	free(text);
	return rc;
}

static const struct opt submit_opts[] = {
	{ "type", 0, OPT_TEXT, false, "TYPE",
	  "what kind of work it is; otherwise found by analysis", NULL },
	{ "priority", 'p', OPT_TEXT, false, "PRIORITY",
	  "P0 (most urgent) to P3 (P2)", TASK_PRIORITIES },
	{ "bot", 0, OPT_TEXT, false, "BOT", "no other bot may do it", "@bot" },
	{ "capability", 0, OPT_TEXT, true, "WORD",
	  "its bot must be able to do this; may be repeated", NULL },
	{ "complexity", 0, OPT_TEXT, false, "N",
	  "how hard it is, 0 to 1; otherwise found by analysis", NULL },
	{ "estimate", 0, OPT_DURATION, false, "TIME",
	  "how long it may take; otherwise found by analysis", NULL },
	{ "after", 0, OPT_TEXT, true, "ID",
	  "only when this task succeeded; may be repeated", NULL },
	{ "not-before", 0, OPT_TEXT, false, "TIME",
	  "not earlier: 10m, or 2026-12-24T18:00", NULL },
	{ "deadline", 0, OPT_TEXT, false, "TIME",
	  "give it up if it has not ended by then", NULL },
	{ "timeout", 0, OPT_DURATION, false, "TIME",
	  "time limit of an attempt (the bot's)", NULL },
	{ "attempts", 0, OPT_NUMBER, false, "N", "try at most N times (3)",
	  NULL },
	{ "every", 0, OPT_DURATION, false, "TIME",
	  "again and again, due so long after the one before", NULL },
	{ "approve-first", 0, OPT_FLAG, false, NULL,
	  "it waits until somebody approves it", NULL },
	{ "expect", 0, OPT_TEXT, false, "REGEX",
	  "what the result must contain to count as a success", NULL },
	{ "expect-schema", 0, OPT_TEXT, false, "FILE",
	  "the result must be JSON that follows this JSON schema", "@file" },
	{ "check", 0, OPT_TEXT, false, "NAME",
	  "a check of the configuration that the result must pass", NULL },
	{ "budget-tokens", 0, OPT_NUMBER, false, "N",
	  "tokens for all attempts together", NULL },
	{ "budget-seconds", 0, OPT_NUMBER, false, "N",
	  "seconds for all attempts together", NULL },
	{ "budget-messages", 0, OPT_NUMBER, false, "N",
	  "messages that its bots may send for it", NULL },
	{ "on-exceed", 0, OPT_TEXT, false, "WHAT",
	  "used up: pause, stop or notify (pause)", TASK_ON_EXCEED },
	{ "file", 0, OPT_TEXT, true, "PATH",
	  "append this file to the text; may be repeated", "@file" },
	{ "key", 0, OPT_TEXT, false, "KEY",
	  "done once with this key; times with it as dates", NULL },
	{ "wait", 0, OPT_FLAG, false, NULL,
	  "wait until it has ended, then print its result", NULL },
	{ 0 },
};

const struct command cmd_task_submit = {
	.name = "task submit",
	.usage = "TEXT|-|@FILE [OPTIONS]",
	.summary = "give the hive work; it chooses the bot",
	.details =
		"The hive analyses the text, chooses the bot that will have "
		"done\n"
		"it soonest, and tries again elsewhere when that fails. Its id "
		"is\n"
		"printed. With - the text is read from standard input, with "
		"@FILE\n"
		"from a file; TEXT that begins with - or @ goes behind --.\n"
		"TIME is like 30s, 10m, 2h or 7d.\n\n"
		"With --wait the result goes to standard output and progress "
		"to\n"
		"standard error; the exit code is 1 when it failed or was\n"
		"cancelled, 8 when it timed out. Ctrl-C ends the waiting, not "
		"the\n"
		"task.\n\n"
		"Examples:\n"
		"  deia task submit \"summarise the minutes\" --file "
		"minutes.txt --wait\n"
		"  git diff | deia task submit - --file RULES.md -p P1\n"
		"  deia task submit \"what is 2 + 2? Answer with a number.\" "
		"--expect '^4$'\n"
		"  deia task submit @report.txt --every 1d --not-before "
		"2026-12-01T08:00\n",
	.opts = submit_opts,
	.max_words = ARGS_MAX,
	.run = run_submit,
};
