/* SPDX-License-Identifier: MIT */
/* cmd_budget.c - `deia budget`: what bots and the day may use. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column columns[] = {
	{ "BUDGET", COLUMN_FIXED },  { "TOKENS", COLUMN_FIXED },
	{ "SECONDS", COLUMN_FIXED }, { "MESSAGES", COLUMN_FIXED },
	{ "THEN", COLUMN_FIXED },    { "REASON", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

/* "120/500", or "120" where there is no limit. */
static void add_used(struct table *t, const cJSON *budget, const char *key)
{
	const cJSON *used = cJSON_GetObjectItemCaseSensitive(budget, "used");
	double limit = jnumber(budget, key, 0);
	char text[64];

	if (limit > 0)
		snprintf(text, sizeof(text), "%.0f/%.0f", jnumber(used, key, 0),
			 limit);
	else
		snprintf(text, sizeof(text), "%.0f", jnumber(used, key, 0));
	table_add(t, text);
}

static void tell_budgets(const struct cli *cli, const cJSON *json)
{
	const cJSON *budget;
	struct table t;
	size_t n = 0;

	table_init(&t, columns);
	JSON_EACH_ITEM(budget, json)
	{
		n++;
		if (cli->quiet) {
			tell("%s", jtext(budget, "name"));
			continue;
		}
		table_add(&t, jtext(budget, "name"));
		add_used(&t, budget, "tokens");
		add_used(&t, budget, "seconds");
		add_used(&t, budget, "messages");
		table_add(&t, jtext(budget, "on_exceed"));
		table_add(&t, jtext(budget, "reason"));
	}
	if (n > 0 && !cli->quiet)
		tell_table(cli, &t);
	if (n == 0)
		note(cli, "there are no budgets; they are set in config.yaml, "
			  "see docs/budgets.md");
	table_free(&t);
}

static int run_budget(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", "/api/v1/budgets", NULL, &json);

	if (rc == EXIT_DONE && !cli->json)
		tell_budgets(cli, json);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_budget = {
	.name = "budget",
	.usage = "",
	.summary = "what bots and the day may use, and have used",
	.details = "Budgets are set in config.yaml below budgets:, see "
		   "docs/budgets.md. What was\nused is counted since 00:00 "
		   "UTC.\n\n"
		   "Examples:\n"
		   "  deia budget\n"
		   "  deia budget reset alice\n",
	.run = run_budget,
};

static int run_reset(struct cli *cli)
{
	const char *name = cli->args.words[0];
	char *path = path_of("/api/v1/budgets/%s/reset", name);
	int rc;

	cli->if_lost = "`deia budget` lists those there are";
	rc = ask_raw(cli, "POST", path, "{}", NULL);
	if (rc == EXIT_DONE)
		say(cli, "the budget %s counts from anew", name);
	free(path);
	return rc;
}

const struct command cmd_budget_reset = {
	.name = "budget reset",
	.usage = "BOT|day",
	.summary = "count a budget from anew",
	.details = "What was used today is forgotten, so that a bot that is "
		   "held back goes on.\n\n"
		   "Examples:\n"
		   "  deia budget reset alice\n"
		   "  deia budget reset day\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_reset,
};
