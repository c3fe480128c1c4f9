/* SPDX-License-Identifier: MIT */
/*
 * cmd_task_acts.c - cancel, retry and approve tasks, one or many; verdicts.
 *
 * Many are moved by the hive, a thousand a call, until no more fit.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "task.h"

/* One of the three actions. */
struct act {
	const char *verb, *method, *path; /* of one task */
	const char *done;		  /* "cancelled" */
	const char *stuck;		  /* after a 409 */
	const char *which;		  /* without ids and --all */
};

static const struct act acts[] = {
	{ "cancel", "DELETE", "/api/v1/tasks/%s", "cancelled",
	  "it has ended: `deia task show` says how",
	  "which? Give ids, or --all for every task that has not ended" },
	{ "retry", "POST", "/api/v1/tasks/%s/retry", "queued again",
	  "only a task that failed, was cancelled or timed out can be tried "
	  "again: `deia task show` says how it stands",
	  "which? Give ids, or --all for every task that did not succeed" },
	{ "approve", "POST", "/api/v1/tasks/%s/approve", "approved",
	  "it does not wait for approval: `deia task show` says how it stands",
	  "which? Give ids, or --all for every task that waits for approval" },
};

/* Ends early only where going on can do no good. */
static bool goes_on(int rc)
{
	return rc != EXIT_INTERRUPTED && rc != EXIT_UNREACHABLE &&
	       rc != EXIT_NOT_ALLOWED;
}

static int act_on_one(struct cli *cli, const struct act *act, const char *id)
{
	char *path = path_of(act->path, id);
	const char *body = strcmp(act->method, "POST") == 0 ? "{}" : NULL;
	int rc = ask_raw(cli, act->method, path, body, NULL);

	if (rc == EXIT_DONE)
		say(cli, "%s is %s", id, act->done);
	free(path);
	return rc;
}

static int act_on_ids(struct cli *cli, const struct act *act)
{
	const struct args *a = &cli->args;
	int rc = EXIT_DONE;

	cli->if_lost = TASK_LOST;
	cli->if_stuck = act->stuck;
	for (size_t i = 0; i < a->n_words && goes_on(rc); i++) {
		int one = act_on_one(cli, act, a->words[i]);

		if (rc == EXIT_DONE || !goes_on(one))
			rc = one;
	}
	return rc;
}

/* ---- many -------------------------------------------------------------- */

static const char *const filters[][2] = {
	{ "status", "status" },	  { "type", "type" },	  { "bot", "bot" },
	{ "by", "submitted_by" }, { "series", "series" },
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

static bool has_filter(const struct args *a)
{
	bool any = false;

	for (size_t i = 0; i < FILTERS; i++)
		any |= args_has(a, filters[i][0]);
	return any;
}

static char *bulk_body(const struct args *a, const char *verb)
{
	char *text;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "action", verb);
	for (size_t i = 0; i < FILTERS; i++) {
		if (args_has(a, filters[i][0]))
			deia_jw_kstr(&w, filters[i][1],
				     args_text(a, filters[i][0]));
	}
	if (!has_filter(a))
		deia_jw_kbool(&w, "all", true);
	deia_jw_end_object(&w);
	text = must_dup(w.text);
	deia_jw_fini(&w);
	return text;
}

/* Counts what was moved; says of each what was not. */
static size_t tell_bulk(const struct cli *cli, const cJSON *json, size_t *n)
{
	size_t moved = 0;
	const cJSON *item;

	JSON_EACH_ITEM(item, json)
	{
		const cJSON *error =
			cJSON_GetObjectItemCaseSensitive(item, "error");

		(*n)++;
		if (jtrue(item, "ok"))
			moved++;
		else
			note(cli, "%s: %s", jtext(item, "id"),
			     jtext(error, "detail"));
		if (jtrue(item, "ok") && cli->quiet && !cli->json)
			tell("%s", jtext(item, "id"));
	}
	return moved;
}

static int act_on_all(struct cli *cli, const struct act *act)
{
	char *body = bulk_body(&cli->args, act->verb);
	size_t moved = 0, n = 0, now;
	bool more = true;
	int rc = EXIT_DONE;

	if (cli_client(cli, &rc) == NULL) {
		free(body);
		return rc;
	}
	interrupts_watch(cli->client);
	rc = EXIT_DONE;
	while (rc == EXIT_DONE && more && !interrupts_seen()) {
		cJSON *json = NULL;

		rc = ask_raw(cli, "POST", "/api/v1/tasks/bulk", body, &json);
		now = rc == EXIT_DONE ? tell_bulk(cli, json, &n) : 0;
		moved += now;
		/* Nothing moved: the same ones would come again. */
		more = now > 0 && jtrue(json, "more");
		cJSON_Delete(json);
	}
	free(body);
	if (interrupts_seen())
		rc = EXIT_INTERRUPTED;
	if (n == 0 && rc == EXIT_DONE)
		note(cli, "there is no such task to %s", act->verb);
	else if (n > 0)
		note(cli, "%zu of %zu task%s %s", moved, n,
		     n == 1 ? " is" : "s are", act->done);
	return rc;
}

static int run_act(struct cli *cli, const struct act *act)
{
	const struct args *a = &cli->args;
	int rc = task_check_words(cli);

	if (rc != EXIT_DONE)
		return rc;
	if (a->n_words == 0 && !args_has(a, "all"))
		return usage_error(cli, "%s; `deia task list` lists them",
				   act->which);
	if (a->n_words > 0 && (args_has(a, "all") || has_filter(a)))
		return usage_error(cli, "ids, or --all with what they have in "
					"common; not both");
	return a->n_words > 0 ? act_on_ids(cli, act) : act_on_all(cli, act);
}

static int run_cancel(struct cli *cli)
{
	return run_act(cli, &acts[0]);
}

static int run_retry(struct cli *cli)
{
	return run_act(cli, &acts[1]);
}

static int run_approve(struct cli *cli)
{
	return run_act(cli, &acts[2]);
}

static const struct opt act_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL,
	  "every task that fits, in place of ids", NULL },
	{ "status", 0, OPT_TEXT, false, "STATUS", "with --all: in this status",
	  TASK_STATUSES },
	{ "type", 0, OPT_TEXT, false, "TYPE", "with --all: of this type",
	  NULL },
	{ "bot", 0, OPT_TEXT, false, "BOT", "with --all: last at this bot",
	  "@bot" },
	{ "by", 0, OPT_TEXT, false, "NAME", "with --all: submitted by this one",
	  NULL },
	{ "series", 0, OPT_TEXT, false, "ID",
	  "with --all: of this recurring task", NULL },
	{ 0 },
};

const struct command cmd_task_cancel = {
	.name = "task cancel",
	.usage = "ID ... | --all [--status STATUS] [--type TYPE] [--bot BOT]",
	.summary = "end tasks, wherever they are",
	.details =
		"A bot that works on one is interrupted. The task stays to be\n"
		"looked at; `deia task retry` queues it again.\n\n"
		"Examples:\n"
		"  deia task cancel 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n"
		"  deia task cancel --all --status queued --type writing\n",
	.opts = act_opts,
	.max_words = ARGS_MAX,
	.run = run_cancel,
};

const struct command cmd_task_retry = {
	.name = "task retry",
	.usage = "ID ... | --all [--status STATUS] [--type TYPE] [--bot BOT]",
	.summary = "queue tasks again that did not succeed",
	.details = "Their attempts count from anew; earlier ones stay on "
		   "record.\n\n"
		   "Examples:\n"
		   "  deia task retry 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n"
		   "  deia task retry --all --status failed\n",
	.opts = act_opts,
	.max_words = ARGS_MAX,
	.run = run_retry,
};

const struct command cmd_task_approve = {
	.name = "task approve",
	.usage = "ID ... | --all [--type TYPE] [--by NAME]",
	.summary = "let tasks run that wait for a person",
	.details = "Examples:\n"
		   "  deia task list --status awaiting_approval\n"
		   "  deia task approve 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n",
	.opts = act_opts,
	.max_words = ARGS_MAX,
	.run = run_approve,
};

/* ---- verdict ----------------------------------------------------------- */

static int run_verdict(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *word = a->words[1];
	bool good = strcmp(word, "good") == 0;
	char *path;
	deia_jw w;
	int rc;

	if (!good && strcmp(word, "bad") != 0)
		return usage_error(cli, "'%s' is none of good, bad", word);
	path = path_of("/api/v1/tasks/%s/verdict", a->words[0]);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "success", good);
	if (args_has(a, "note"))
		deia_jw_kstr(&w, "note", args_text(a, "note"));
	deia_jw_end_object(&w);
	cli->if_lost = TASK_LOST;
	cli->if_stuck = "only a task with a result can be judged: `deia task "
			"show` says how it stands";
	rc = ask_raw(cli, "POST", path, w.text, NULL);
	if (rc == EXIT_DONE)
		say(cli, "%s was %s", a->words[0], word);
	deia_jw_fini(&w);
	free(path);
	return rc;
}

static const struct opt verdict_opts[] = {
	{ "note", 0, OPT_TEXT, false, "TEXT", "why, in one line", NULL },
	{ 0 },
};

const struct command cmd_task_verdict = {
	.name = "task verdict",
	.usage = "ID good|bad [--note TEXT]",
	.summary = "say whether a result was good",
	.details =
		"The last verdict counts. What the hive learned about the bot "
		"is\n"
		"corrected, so the next task of the kind may go elsewhere.\n\n"
		"Example:\n"
		"  deia task verdict 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d bad "
		"--note \"wrong sum\"\n",
	.opts = verdict_opts,
	.min_words = 2,
	.max_words = 2,
	.run = run_verdict,
};
