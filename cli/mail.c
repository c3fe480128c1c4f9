/* SPDX-License-Identifier: MIT */
/* mail.c - see mail.h. */
#include "mail.h"

#include <stdlib.h>
#include <string.h>

bool mail_is_one_of(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *p = words; len > 0 && p != NULL;
	     p = strchr(p, ' '), p += p != NULL) {
		if (strncmp(p, word, len) == 0 &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	}
	return false;
}

int mail_check_words(const struct cli *cli)
{
	const char *status = args_text(&cli->args, "status");
	const char *priority = args_text(&cli->args, "priority");

	if (status != NULL && !mail_is_one_of(status, MAIL_STATUSES))
		return usage_error(cli,
				   "--status: '%s' is none of " MAIL_STATUSES,
				   status);
	if (priority != NULL && !mail_is_one_of(priority, MAIL_PRIORITIES))
		return usage_error(
			cli,
			"--priority: '%s' is none of " MAIL_PRIORITIES
			" (P0 is the most urgent)",
			priority);
	return EXIT_DONE;
}

/* ---- one message ------------------------------------------------------- */

/*
 * What is not as usual: "[pending]", "[attempt 2 of 3]". Hand-overs that a
 * restart of the hive ended do not count, so there may be a fourth of three.
 */
static void add_marks(struct text *head, const cJSON *m)
{
	const char *status = jtext(m, "status"), *reason = jtext(m, "reason");
	double attempt = jnumber(m, "attempt", 0);
	double most = jnumber(m, "max_attempts", 0);

	if (strcmp(status, "read") != 0 && *status != '\0')
		text_addf(head, "  [%s%s%s]", status,
			  *reason != '\0' ? ": " : "", reason);
	if (attempt > most)
		text_addf(head, "  [attempt %.0f]", attempt);
	else if (attempt > 1)
		text_addf(head, "  [attempt %.0f of %.0f]", attempt, most);
}

void mail_tell(const struct cli *cli, const cJSON *message)
{
	const char *from = jtext(message, "from");
	struct text head = { 0 };
	char when[32];

	if (cli->quiet) {
		tell("%s", jtext(message, "id"));
		return;
	}
	time_print(when, jtext(message, "created_at"));
	text_addf(&head, " to %s  %s  %s  %s", jtext(message, "to"), when,
		  jtext(message, "priority"), jtext(message, "id"));
	add_marks(&head, message);
	style_on(stdout, STYLE_BOLD, cli->out_colour);
	tell_text(stdout, from, strlen(from));
	style_off(stdout, STYLE_BOLD, cli->out_colour);
	tell("%s", head.data);
	tell("%s\n", jtext(message, "content"));
	text_free(&head);
}

void mail_show(const struct cli *cli, const cJSON *message)
{
	char *json;

	if (!cli->json) {
		mail_tell(cli, message);
		return;
	}
	json = jprint(message);
	tell_json(json, strlen(json));
	free(json);
}

/* ---- lists ------------------------------------------------------------- */

/* In the order of the table; the first two are always there. */
static const struct {
	unsigned flag;
	struct column column;
} all_columns[] = {
	{ 0, { "ID", COLUMN_FIXED } },
	{ 0, { "P", COLUMN_FIXED } },
	{ MAIL_FROM, { "FROM", COLUMN_FIXED } },
	{ MAIL_TO, { "TO", COLUMN_FIXED } },
	{ MAIL_STATUS, { "STATUS", COLUMN_STATE } },
	{ 0, { "AGE", COLUMN_FIXED } },
	{ MAIL_TRIES, { "TRIES", COLUMN_NUMBER } },
	{ MAIL_REASON, { "REASON", COLUMN_FLEX } },
	{ MAIL_TEXT, { "TEXT", COLUMN_FLEX } },
};
#define ALL_COLUMNS (sizeof(all_columns) / sizeof(all_columns[0]))

static void add_cell(struct table *t, const char *title, const cJSON *m)
{
	char age[24];

	if (strcmp(title, "AGE") == 0) {
		age_print(age, jtext(m, "created_at"));
		table_add(t, age);
	} else if (strcmp(title, "TRIES") == 0) {
		table_addn(t, jnumber(m, "attempt", 0));
	} else {
		table_add(t,
			  jtext(m, strcmp(title, "ID") == 0	  ? "id"
				   : strcmp(title, "P") == 0	  ? "priority"
				   : strcmp(title, "FROM") == 0	  ? "from"
				   : strcmp(title, "TO") == 0	  ? "to"
				   : strcmp(title, "STATUS") == 0 ? "status"
				   : strcmp(title, "REASON") == 0 ? "reason"
								  : "content"));
	}
}

static void tell_page(const struct cli *cli, const cJSON *json,
		      unsigned columns)
{
	struct column chosen[ALL_COLUMNS + 1] = { 0 };
	const cJSON *m;
	struct table t;
	size_t n = 0;

	for (size_t i = 0; i < ALL_COLUMNS; i++) {
		if (all_columns[i].flag == 0 ||
		    (columns & all_columns[i].flag) != 0)
			chosen[n++] = all_columns[i].column;
	}
	table_init(&t, chosen);
	JSON_EACH_ITEM(m, json)
	{
		for (size_t i = 0; i < n; i++)
			add_cell(&t, chosen[i].title, m);
	}
	tell_table(cli, &t);
	table_free(&t);
}

static void tell_list(const struct cli *cli, const cJSON *json,
		      unsigned columns, const char *none, const char *more)
{
	const cJSON *m;

	if (cli->quiet) {
		JSON_EACH_ITEM(m, json)
		tell("%s", jtext(m, "id"));
	} else if (jfirst(json) != NULL) {
		tell_page(cli, json, columns);
	} else {
		note(cli, "%s", none);
	}
	if (*jtext(json, "next_cursor") != '\0')
		note(cli, "there are more: %s --cursor %s", more,
		     jtext(json, "next_cursor"));
}

int mail_list(struct cli *cli, const char *path, unsigned columns,
	      const char *none, const char *more, const char *inbox)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", path, NULL, &json);

	if (rc == EXIT_DONE && jfirst(json) == NULL && inbox != NULL)
		rc = mail_inbox_check(cli, inbox);
	if (rc == EXIT_DONE && !cli->json)
		tell_list(cli, json, columns, none, more);
	cJSON_Delete(json);
	return rc;
}

int mail_inbox_check(struct cli *cli, const char *inbox)
{
	char *path = path_of("/api/v1/bots/%s/inbox/status", inbox);
	int rc;

	cli->bot = inbox;
	rc = ask(cli, "GET", path, NULL, NULL);
	free(path);
	return rc;
}

/* ---- once each --------------------------------------------------------- */

bool mail_seen_add(struct mail_seen *seen, const char *id)
{
	size_t n = seen->n < MAIL_SEEN_MAX ? seen->n : MAIL_SEEN_MAX;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(seen->ids[i], id) == 0)
			return false;
	}
	snprintf(seen->ids[seen->n % MAIL_SEEN_MAX], sizeof(seen->ids[0]), "%s",
		 id);
	seen->n++;
	return true;
}
