/* SPDX-License-Identifier: MIT */
/* cmd_bot_export.c - `deia bot export`: bots as a file for `deia apply`. */
#include <stdlib.h>
#include <string.h>

#include <deia/config.h>

#include "bots_all.h"
#include "cli.h"

static int print(const cJSON *const *bots, size_t n)
{
	char *text = NULL;
	deia_err err = deia_bots_file_print(&text, bots, n);

	if (err != DEIA_OK) {
		complain("the bots cannot be written as a file: %s",
			 deia_err_text(err));
		return EXIT_REFUSED;
	}
	tell_text(stdout, text, strlen(text));
	deia_config_free_text(text);
	return EXIT_DONE;
}

static bool is_named(const struct args *a, const char *id)
{
	for (size_t i = 0; i < a->n_words; i++) {
		if (strcmp(a->words[i], id) == 0)
			return true;
	}
	return a->n_words == 0;
}

/* Each named bot must be there. */
static int check_named(struct cli *cli, const cJSON *all)
{
	for (size_t i = 0; i < cli->args.n_words; i++) {
		const char *id = cli->args.words[i];
		char *path;
		int rc;

		if (bots_find(all, id) != NULL)
			continue;
		/* The hive's own words, and the nearest id. */
		cli->bot = id;
		path = path_of("/api/v1/bots/%s", id);
		rc = ask(cli, "GET", path, NULL, NULL);
		free(path);
		return rc != EXIT_DONE ? rc : EXIT_NOT_FOUND;
	}
	return EXIT_DONE;
}

static int run_export(struct cli *cli)
{
	const cJSON **list, *bot;
	cJSON *all = NULL;
	size_t n = 0;
	int rc;

	if (args_has(&cli->args, "all") && cli->args.n_words > 0)
		return usage_error(cli, "name bots or give --all, not both");
	rc = bots_all(cli, &all);
	if (rc == EXIT_DONE)
		rc = check_named(cli, all);
	if (rc == EXIT_DONE) {
		list = must_alloc(((size_t)cJSON_GetArraySize(all) + 1) *
				  sizeof(*list));
		cJSON_ArrayForEach(bot, all) {
			if (is_named(&cli->args, jtext(bot, "id")))
				list[n++] = bot;
		}
		rc = print(list, n);
		free(list);
	}
	cJSON_Delete(all);
	return rc;
}

static const struct opt export_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL, "every bot, as without any id",
	  NULL },
	{ 0 },
};

const struct command cmd_bot_export = {
	.name = "bot export",
	.usage = "[BOT ...] [--all]",
	.summary = "print bots as a file for `deia apply`",
	.details = "Values of env are secrets: they are written as \"***\", "
		   "which\n"
		   "stands for what the hive has already. What a template gave "
		   "a bot\n"
		   "is written out, since its template may change.\n\n"
		   "Examples:\n"
		   "  deia bot export > bots.yaml\n"
		   "  deia bot export BOT-001 BOT-002\n",
	.opts = export_opts,
	.max_words = ARGS_MAX,
	.run = run_export,
};
