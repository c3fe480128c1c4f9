/* SPDX-License-Identifier: MIT */
/*
 * cmd_messages.c - all mail of the hive: how much there is of it, one message
 * in full, lists by status, and dead letters.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "mail.h"

/* ---- status ------------------------------------------------------------ */

static const struct column status_columns[] = {
	{ "MESSAGES", COLUMN_STATE },
	{ "NOW", COLUMN_NUMBER },
	{ "SINCE THE START", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void tell_status(const struct cli *cli, const cJSON *json)
{
	static const char *const rows[][3] = {
		{ "pending", "sent", "retried" },
		{ "delivered", "delivered", NULL },
		{ "read", "read", NULL },
		{ "failed", "failed", NULL },
		{ "expired", "expired", NULL },
	};
	const cJSON *since =
		cJSON_GetObjectItemCaseSensitive(json, "since_start");
	struct table t;

	table_init(&t, status_columns);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text more = { 0 };

		text_addf(&more, "%.0f %s", jnumber(since, rows[i][1], 0),
			  rows[i][1]);
		if (rows[i][2] != NULL)
			text_addf(&more, ", %.0f %s",
				  jnumber(since, rows[i][2], 0), rows[i][2]);
		table_add(&t, rows[i][0]);
		table_addn(&t, jnumber(json, rows[i][0], 0));
		table_add(&t, more.data);
		text_free(&more);
	}
	tell_table(cli, &t);
	table_free(&t);
	tell("%.0f accepted in all, %.0f of them deleted by retention; %.0f "
	     "inboxes; %.0f refused since the start",
	     jnumber(json, "accepted", 0), jnumber(json, "cleaned", 0),
	     jnumber(json, "inboxes", 0), jnumber(since, "refused", 0));
}

static int run_status(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", "/api/v1/messages/status", NULL, &json);

	if (rc == EXIT_DONE && !cli->json)
		tell_status(cli, json);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_messages_status = {
	.name = "messages status",
	.usage = "",
	.summary = "count the hive's mail by status",
	.details = "Example:\n  deia messages status\n",
	.run = run_status,
};

/* ---- show -------------------------------------------------------------- */

static void tell_member(const cJSON *item)
{
	char when[32], *text;

	if (cJSON_IsNull(item) || strcmp(item->string, "content") == 0)
		return;
	text = cJSON_IsString(item) ? must_dup(item->valuestring)
				    : jprint(item);
	if (strlen(item->string) > 3 &&
	    strcmp(item->string + strlen(item->string) - 3, "_at") == 0) {
		time_print(when, text);
		free(text);
		text = must_dup(when);
	}
	tell("%-17s %s", item->string, text);
	free(text);
}

static int run_show(struct cli *cli)
{
	char *path = path_of("/api/v1/messages/%s", cli->args.words[0]);
	const cJSON *item;
	cJSON *json = NULL;
	int rc;

	cli->if_lost = "`deia inbox BOT` and `deia messages list --status "
		       "STATUS` show ids of messages";
	rc = ask_raw(cli, "GET", path, NULL, &json);
	if (rc == EXIT_DONE && !cli->json) {
		cJSON_ArrayForEach(item, json)
			tell_member(item);
		tell("\n%s", jtext(json, "content"));
	}
	cJSON_Delete(json);
	free(path);
	return rc;
}

const struct command cmd_messages_show = {
	.name = "messages show",
	.usage = "ID",
	.summary = "show one message and how it stands",
	.details = "Example:\n"
		   "  deia messages show "
		   "01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_show,
};

/* ---- list, failed ------------------------------------------------------ */

static char *list_path(const char *status, int64_t limit, const char *cursor)
{
	struct text path = { 0 };

	text_addf(&path, "/api/v1/messages?status=%s&limit=%lld", status,
		  (long long)limit);
	query_add(&path, "cursor", cursor);
	return path.data;
}

static int list(struct cli *cli, const char *status, unsigned columns,
		const char *none, const char *command)
{
	const struct args *a = &cli->args;
	char *path = list_path(status,
			       args_number(a, "limit", DEIA_DEFAULT_PAGE_LEN),
			       args_text(a, "cursor"));
	int rc = mail_list(cli, path, MAIL_FROM | MAIL_TO | columns, none,
			   command, NULL);

	free(path);
	return rc;
}

static int run_list(struct cli *cli)
{
	const char *status = args_text(&cli->args, "status");
	char *command;
	int rc = mail_check_words(cli);

	if (rc != EXIT_DONE)
		return rc;
	if (status == NULL)
		return usage_error(cli,
				   "which? --status is one of " MAIL_STATUSES);
	command = must_print("deia messages list --status %s", status);
	rc = list(cli, status, MAIL_TRIES | MAIL_TEXT, "there is no such mail",
		  command);
	free(command);
	return rc;
}

static const struct opt list_opts[] = {
	{ "status", 0, OPT_TEXT, false, "STATUS",
	  "pending, delivered, read, failed or expired", MAIL_STATUSES },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N messages (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_messages_list = {
	.name = "messages list",
	.usage = "--status STATUS",
	.summary = "list the hive's mail of one status, newest first",
	.details = "Example:\n  deia messages list --status expired\n",
	.opts = list_opts,
	.run = run_list,
};

/* ---- requeue ----------------------------------------------------------- */

struct requeue {
	struct cli *cli;
	size_t done, gone;
};

/* Another's hand may have been quicker: that is no failure with --all. */
static int requeue_one(struct requeue *r, const char *id, bool all)
{
	char *path = path_of("/api/v1/messages/%s/requeue", id);
	struct deia_reply reply;
	deia_err err;
	int rc = EXIT_DONE;

	err = ask_quietly(r->cli, "POST", path, "{}", NULL, &reply);
	free(path);
	if (err == DEIA_ECANCELED) {
		rc = EXIT_INTERRUPTED;
	} else if (all && (err == DEIA_ESTATE || err == DEIA_ENOTFOUND)) {
		r->gone++;
	} else if (err != DEIA_OK) {
		rc = explain(r->cli, err, reply.retry_after_seconds);
	} else {
		r->done++;
		if (r->cli->json)
			tell_json(reply.body, reply.body_len);
		else
			say(r->cli, "%s is pending again", id);
	}
	return rc;
}

/* Ids of dead letters, all pages; of one bot's if it is named. */
static int failed_ids(struct cli *cli, const char *bot, char ***ids, size_t *n)
{
	char *cursor = NULL;
	size_t cap = 0;
	int rc;

	do {
		char *path = list_path("failed", DEIA_MAX_PAGE_LEN, cursor);
		const cJSON *m;
		cJSON *json = NULL;

		rc = ask(cli, "GET", path, NULL, &json);
		free(path);
		free(cursor);
		cursor = must_dup(jtext(json, "next_cursor"));
		JSON_EACH_ITEM(m, json)
		{
			if (bot != NULL && strcmp(jtext(m, "to"), bot) != 0)
				continue;
			if (*n == cap) {
				cap = cap != 0 ? cap * 2 : 64;
				*ids = must_realloc(*ids, cap * sizeof(**ids));
			}
			(*ids)[(*n)++] = must_dup(jtext(m, "id"));
		}
		cJSON_Delete(json);
	} while (rc == EXIT_DONE && *cursor != '\0' && !interrupts_seen());
	free(cursor);
	return interrupts_seen() ? EXIT_INTERRUPTED : rc;
}

/* Ends early only where going on can do no good. */
static bool goes_on(int rc)
{
	return rc != EXIT_INTERRUPTED && rc != EXIT_UNREACHABLE &&
	       rc != EXIT_NOT_ALLOWED;
}

static int requeue_all(struct cli *cli, const char *bot)
{
	struct requeue r = { .cli = cli };
	char **ids = NULL;
	size_t n = 0;
	int rc;

	if (cli_client(cli, &rc) == NULL)
		return rc;
	interrupts_watch(cli->client);
	rc = failed_ids(cli, bot, &ids, &n);
	for (size_t i = 0; i < n && goes_on(rc); i++) {
		int one = requeue_one(&r, ids[i], true);

		if (rc == EXIT_DONE || !goes_on(one))
			rc = one;
	}
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	if (n == 0 && rc == EXIT_DONE)
		note(cli, "there are no dead letters%s%s",
		     bot != NULL ? " of " : "", bot != NULL ? bot : "");
	else if (n > 0)
		note(cli, "%zu of %zu dead letters are pending again%s", r.done,
		     n, r.gone > 0 ? "; the others are gone from there" : "");
	return rc;
}

static int run_requeue(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *bot = args_text(a, "bot");
	struct requeue r = { .cli = cli };
	int rc = EXIT_DONE;

	if (a->n_words == 0 && !args_has(a, "all"))
		return usage_error(cli, "which? Give ids, or --all for every "
					"dead letter; `deia messages failed` "
					"lists them");
	if (a->n_words > 0 && (args_has(a, "all") || bot != NULL))
		return usage_error(cli, "ids, or --all [--bot BOT]; not both");
	if (a->n_words == 0)
		return requeue_all(cli, bot);
	cli->if_lost = "`deia messages failed` shows the ids of dead letters";
	cli->if_stuck = "only a dead letter can be queued again: `deia "
			"messages failed` lists them";
	if (cli_client(cli, &rc) == NULL)
		return rc;
	rc = EXIT_DONE;
	for (size_t i = 0; i < a->n_words && goes_on(rc); i++) {
		int one = requeue_one(&r, a->words[i], false);

		if (rc == EXIT_DONE || !goes_on(one))
			rc = one;
	}
	return rc;
}

static const struct opt requeue_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL, "every dead letter", NULL },
	{ "bot", 0, OPT_TEXT, false, "BOT", "with --all: only of this inbox",
	  "@bot" },
	{ 0 },
};

const struct command cmd_messages_requeue = {
	.name = "messages requeue",
	.usage = "ID ... | --all [--bot BOT]",
	.summary = "send dead letters on their way again",
	.details =
		"They are pending again; their attempts count from 0 and "
		"their\n"
		"time to live starts anew. First end the cause.\n\n"
		"Examples:\n"
		"  deia messages requeue 01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d\n"
		"  deia messages requeue --all --bot BOT-001\n",
	.opts = requeue_opts,
	.max_words = ARGS_MAX,
	.run = run_requeue,
};

static int run_failed(struct cli *cli)
{
	if (args_has(&cli->args, "requeue"))
		return requeue_all(cli, NULL);
	return list(cli, "failed", MAIL_TRIES | MAIL_REASON,
		    "there are no dead letters", "deia messages failed");
}

static const struct opt failed_opts[] = {
	{ "requeue", 0, OPT_FLAG, false, NULL,
	  "queue all of them again, as `deia messages requeue --all`", NULL },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N messages (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_messages_failed = {
	.name = "messages failed",
	.usage = "[--requeue]",
	.summary = "list dead letters: mail that nobody could deal with",
	.details = "A message that was handed over max_attempts times without "
		   "being\n"
		   "read is a dead letter. REASON says what happened last.\n\n"
		   "Examples:\n  deia messages failed\n"
		   "  deia messages failed --requeue\n",
	.opts = failed_opts,
	.run = run_failed,
};
