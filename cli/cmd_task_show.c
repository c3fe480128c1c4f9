/* SPDX-License-Identifier: MIT */
/*
 * cmd_task_show.c - looking at one task: show, watch; and analyze, which says
 * what the hive would make of a text.
 */
#include "content.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task.h"

/* ---- show -------------------------------------------------------------- */

static int run_show(struct cli *cli)
{
	char *path = path_of("/api/v1/tasks/%s", cli->args.words[0]);
	const cJSON *result;
	cJSON *json = NULL;
	int rc;

	cli->if_lost = TASK_LOST;
	rc = ask_raw(cli, "GET", path, NULL, &json);
	result = cJSON_GetObjectItemCaseSensitive(json, "result");
	if (rc == EXIT_DONE && !cli->json && cli->quiet)
		tell("%s", jtext(result, "text"));
	else if (rc == EXIT_DONE && !cli->json)
		task_tell(cli, json);
	cJSON_Delete(json);
	free(path);
	return rc;
}

const struct command cmd_task_show = {
	.name = "task show",
	.usage = "ID",
	.summary = "show one task: how it stands, its attempts, its result",
	.details = "With -q only the result is printed.\n\n"
		   "Example:\n"
		   "  deia task show 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_show,
};

/* ---- watch ------------------------------------------------------------- */

static void tell_move(const struct cli *cli, const cJSON *what,
		      const char *line)
{
	time_t now = time(NULL);
	char *json, when[16];
	struct tm tm;

	if (cli->json) {
		json = jprint(what);
		tell_json(json, strlen(json));
		free(json);
	} else if (line != NULL) {
		localtime_r(&now, &tm);
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
		tell("%s  %s", when, line);
	}
}

static int run_watch(struct cli *cli)
{
	cJSON *task = NULL;
	int rc = task_watch(cli, cli->args.words[0], tell_move, &task);

	if (rc == EXIT_DONE)
		rc = task_exit_code(task);
	cJSON_Delete(task);
	return rc;
}

const struct command cmd_task_watch = {
	.name = "task watch",
	.usage = "ID",
	.summary = "show each move of a task until it has ended",
	.details = "The exit code is 0 when it succeeded, 1 when it failed or "
		   "was\n"
		   "cancelled, 8 when it timed out. Ctrl-C ends the watching "
		   "alone.\n\n"
		   "Example:\n"
		   "  deia task watch 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_watch,
};

/* ---- analyze ----------------------------------------------------------- */

static void tell_list(const cJSON *json, const char *name, const char *key)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, key)) {
		tell("%-13s %s", name,
		     cJSON_IsString(item) ? item->valuestring : "");
		name = "";
	}
}

static void tell_analysis(const cJSON *json)
{
	char seconds[24];

	seconds_print(seconds, jnumber(json, "estimated_seconds", 0));
	tell("%-13s %s", "type", jtext(json, "type"));
	tell("%-13s %s (%.2f)", "complexity", jtext(json, "complexity_class"),
	     jnumber(json, "complexity", 0));
	tell("%-13s %s", "estimate", seconds);
	tell_list(json, "needs", "capabilities");
	tell_list(json, "because", "reasons");
}

static int run_analyze(struct cli *cli)
{
	char *text;
	cJSON *json = NULL;
	deia_jw w;
	int rc;

	text = content_of(cli, 0, "deia task analyze \"fix the parser\"", &rc);
	if (text == NULL)
		return rc;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "content", text);
	if (args_has(&cli->args, "type"))
		deia_jw_kstr(&w, "type", args_text(&cli->args, "type"));
	deia_jw_end_object(&w);
	rc = ask_raw(cli, "POST", "/api/v1/tasks/analyze", w.text, &json);
	if (rc == EXIT_DONE && !cli->json && cli->quiet)
		tell("%s", jtext(json, "type"));
	else if (rc == EXIT_DONE && !cli->json)
		tell_analysis(json);
	cJSON_Delete(json);
	deia_jw_fini(&w);
	free(text);
	return rc;
}

static const struct opt analyze_opts[] = {
	{ "type", 0, OPT_TEXT, false, "TYPE", "what kind of work it is", NULL },
	{ 0 },
};

const struct command cmd_task_analyze = {
	.name = "task analyze",
	.usage = "TEXT|-",
	.summary = "say what kind of work a text asks for, and why",
	.details = "Nothing is submitted. With -q only the type is printed.\n\n"
		   "Examples:\n"
		   "  deia task analyze \"fix the bug in parser.c\"\n"
		   "  deia task analyze - < letter.txt\n",
	.opts = analyze_opts,
	.max_words = ARGS_MAX,
	.run = run_analyze,
};
