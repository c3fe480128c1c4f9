/* SPDX-License-Identifier: MIT */
/*
 * cmd_task_list.c - `deia task list`, and tasks by type: types, pause, resume.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "task.h"

/* ---- list -------------------------------------------------------------- */

static const char *const filters[][2] = {
	{ "status", "status" },	  { "type", "type" },	  { "bot", "bot" },
	{ "by", "submitted_by" }, { "series", "series" },
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

static char *list_path(const struct args *a, int64_t limit, const char *cursor)
{
	struct text path = { 0 };

	text_addf(&path, "/api/v1/tasks?limit=%lld", (long long)limit);
	for (size_t i = 0; i < FILTERS; i++)
		query_add(&path, filters[i][1], args_text(a, filters[i][0]));
	query_add(&path, "cursor", cursor);
	return path.data;
}

/* The options that the next page needs, too. */
static char *same_filters(const struct args *a)
{
	struct text t = { 0 };

	text_adds(&t, "");
	for (size_t i = 0; i < FILTERS; i++) {
		if (args_has(a, filters[i][0]))
			text_addf(&t, " --%s %s", filters[i][0],
				  args_text(a, filters[i][0]));
	}
	return t.data;
}

static void tell_more(const struct cli *cli, const char *cursor)
{
	char *same = same_filters(&cli->args);

	note(cli, "there are more: deia task list%s --cursor %s", same, cursor);
	free(same);
}

/* A page may be empty and not the last. */
static int first_page(struct cli *cli, cJSON **json)
{
	const struct args *a = &cli->args;
	int64_t limit = args_number(a, "limit", DEIA_DEFAULT_PAGE_LEN);
	char *cursor = must_dup(args_text(a, "cursor"));
	int rc;

	for (;;) {
		char *path = list_path(a, limit, cursor);

		rc = (cli->json ? ask_raw : ask)(cli, "GET", path, NULL, json);
		free(path);
		free(cursor);
		cursor = must_dup(jtext(*json, "next_cursor"));
		if (rc != EXIT_DONE || cli->json || *cursor == '\0' ||
		    jfirst(*json) != NULL)
			break;
		cJSON_Delete(*json);
	}
	free(cursor);
	return rc;
}

static int run_list(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = task_check_words(cli);

	if (rc == EXIT_DONE)
		rc = first_page(cli, &json);
	if (rc == EXIT_DONE && !cli->json) {
		task_table(cli, json);
		if (*jtext(json, "next_cursor") != '\0')
			tell_more(cli, jtext(json, "next_cursor"));
		else if (jfirst(json) == NULL)
			note(cli, "there is no such task; `deia task submit "
				  "TEXT` makes one");
	}
	cJSON_Delete(json);
	return rc;
}

static const struct opt list_opts[] = {
	{ "status", 0, OPT_TEXT, false, "STATUS", "only these", TASK_STATUSES },
	{ "type", 0, OPT_TEXT, false, "TYPE", "only of this type", NULL },
	{ "bot", 0, OPT_TEXT, false, "BOT", "only last at this bot", "@bot" },
	{ "by", 0, OPT_TEXT, false, "NAME", "only submitted by this one",
	  NULL },
	{ "series", 0, OPT_TEXT, false, "ID", "only of this recurring task",
	  NULL },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N tasks (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_task_list = {
	.name = "task list",
	.usage = "[--status STATUS] [--type TYPE] [--bot BOT] [--by NAME]",
	.summary = "list tasks, newest first",
	.details = "REASON says why a task is as it is.\n\n"
		   "Examples:\n"
		   "  deia task list --status failed\n"
		   "  deia task list --type writing --limit 10\n",
	.opts = list_opts,
	.run = run_list,
};

/* ---- types ------------------------------------------------------------- */

static const struct column type_columns[] = {
	{ "TYPE", COLUMN_FIXED },    { "STATE", COLUMN_STATE },
	{ "QUEUED", COLUMN_NUMBER }, { "ACTIVE", COLUMN_NUMBER },
	{ "LIMIT", COLUMN_FIXED },   { "OLDEST", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_type(struct table *t, const cJSON *type)
{
	double limit = jnumber(type, "wip_limit", 0);
	char age[24], number[24];

	age_print(age, jtext(type, "oldest_at"));
	snprintf(number, sizeof(number), "%.0f", limit);
	table_add(t, jtext(type, "type"));
	table_add(t, jtrue(type, "paused") ? "paused" : "open");
	table_addn(t, jnumber(type, "queued", 0));
	table_addn(t, jnumber(type, "active", 0));
	table_add(t, limit > 0 ? number : "");
	table_add(t, age);
}

static int run_types(struct cli *cli)
{
	const cJSON *type;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(cli, "GET", "/api/v1/queues", NULL, &json);

	if (rc == EXIT_DONE && !cli->json) {
		table_init(&t, type_columns);
		JSON_EACH_ITEM(type, json)
		{
			if (cli->quiet)
				tell("%s", jtext(type, "type"));
			else
				add_type(&t, type);
		}
		if (t.n_cells > 0)
			tell_table(cli, &t);
		table_free(&t);
	}
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_task_types = {
	.name = "task types",
	.usage = "",
	.summary = "list the types of tasks, and what waits of each",
	.details = "ACTIVE are those that a bot has; LIMIT is how many it may "
		   "be.\n\n"
		   "Example:\n  deia task types\n",
	.run = run_types,
};

/* ---- pause, resume ----------------------------------------------------- */

static void tell_type(const struct cli *cli, const cJSON *type)
{
	double limit = jnumber(type, "wip_limit", 0);

	if (limit > 0)
		say(cli, "%s is %s, at most %.0f at a time",
		    jtext(type, "type"),
		    jtrue(type, "paused") ? "paused" : "open", limit);
	else
		say(cli, "%s is %s", jtext(type, "type"),
		    jtrue(type, "paused") ? "paused" : "open");
}

static int set_type(struct cli *cli, const char *method, const char *fmt,
		    const char *body)
{
	char *path = path_of(fmt, cli->args.words[0]);
	cJSON *json = NULL;
	int rc;

	cli->if_lost = "`deia task types` lists the types there are";
	rc = ask_raw(cli, method, path, body, &json);
	if (rc == EXIT_DONE)
		tell_type(cli, json);
	cJSON_Delete(json);
	free(path);
	return rc;
}

static int run_pause(struct cli *cli)
{
	return set_type(cli, "POST", "/api/v1/queues/%s/pause", "{}");
}

static int run_resume(struct cli *cli)
{
	int64_t limit = args_number(&cli->args, "limit", 0);
	char *body;
	int rc;

	if (!args_has(&cli->args, "limit"))
		return set_type(cli, "POST", "/api/v1/queues/%s/resume", "{}");
	body = must_print("{\"paused\":false,\"wip_limit\":%lld}",
			  (long long)limit);
	rc = set_type(cli, "PUT", "/api/v1/queues/%s", body);
	free(body);
	return rc;
}

const struct command cmd_task_pause = {
	.name = "task pause",
	.usage = "TYPE",
	.summary = "begin no more tasks of a type",
	.details = "What runs goes on; what waits stays queued.\n\n"
		   "Example:\n  deia task pause writing\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_pause,
};

static const struct opt resume_opts[] = {
	{ "limit", 0, OPT_NUMBER, false, "N",
	  "at most N of them at a time; 0: as many as the bots can", NULL },
	{ 0 },
};

const struct command cmd_task_resume = {
	.name = "task resume",
	.usage = "TYPE [--limit N]",
	.summary = "begin tasks of a type again, or limit how many run",
	.details = "Examples:\n"
		   "  deia task resume writing\n"
		   "  deia task resume development --limit 2\n",
	.opts = resume_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_resume,
};
