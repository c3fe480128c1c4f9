/* SPDX-License-Identifier: MIT */
/* cmd_nodes.c - `deia nodes`: the deiad that share the hive's database. */
#include "cli.h"

static const struct column columns[] = {
	{ "NODE", COLUMN_FIXED },    { "STATE", COLUMN_STATE },
	{ "BOTS", COLUMN_NUMBER },   { "UP", COLUMN_FIXED },
	{ "VERSION", COLUMN_FIXED }, { "URL", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static const char *state_of(const cJSON *node)
{
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, "this")))
		return "this one";
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, "alive"))
		       ? "alive"
		       : "silent";
}

static void add_row(struct table *t, const cJSON *node)
{
	char age[24];

	age_print(age, jtext(node, "started_at"));
	table_add(t, jtext(node, "name"));
	table_add(t, state_of(node));
	table_addn(t, jnumber(node, "bots", 0));
	table_add(t, age);
	table_add(t, jtext(node, "version"));
	table_add(t, jtext(node, "url"));
}

static int run_nodes(struct cli *cli)
{
	const cJSON *node;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(cli, "GET", "/api/v1/nodes?limit=1000", NULL, &json);

	table_init(&t, columns);
	JSON_EACH_ITEM(node, json)
	{
		if (cli->quiet && !cli->json)
			tell("%s", jtext(node, "name"));
		else
			add_row(&t, node);
	}
	if (rc == EXIT_DONE && !cli->json && !cli->quiet)
		tell_table(cli, &t);
	table_free(&t);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_nodes = {
	.name = "nodes",
	.usage = "",
	.summary = "list the nodes: several deiad on one database",
	.details =
		"A bot lives on one node; the others show it and take mail "
		"for it. Ask its own\nnode (--url) to act on it. With -q only "
		"their names, one a line.\n\n"
		"Example:\n  deia nodes\n",
	.run = run_nodes,
};
