/* SPDX-License-Identifier: MIT */
/* cmd_models.c - `deia models`: what a model server offers. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
	{ "MODEL", COLUMN_FIXED },	{ "SIZE", COLUMN_NUMBER },
	{ "PARAMETERS", COLUMN_FIXED }, { "CHANGED", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void size_print(char out[static 24], double bytes)
{
	if (bytes >= 1e9)
		snprintf(out, 24, "%.1f GB", bytes / 1e9);
	else if (bytes > 0)
		snprintf(out, 24, "%.1f MB", bytes / 1e6);
	else
		snprintf(out, 24, "-");
}

static void add_row(struct table *t, const cJSON *model)
{
	const cJSON *details =
		cJSON_GetObjectItemCaseSensitive(model, "details");
	const char *parameters = jtext(model, "parameter_size");
	char size[24], changed[32];

	size_print(size, jnumber(model, "size", 0));
	time_print(changed, jtext(model, "modified_at"));
	table_add(t, *jtext(model, "name") != '\0' ? jtext(model, "name")
						   : jtext(model, "id"));
	table_add(t, size);
	table_add(t, *parameters != '\0' ? parameters
					 : jtext(details, "parameter_size"));
	table_add(t, changed);
}

static char *models_path(const struct cli *cli)
{
	const char *adapter = args_text(&cli->args, "adapter");
	const char *base = args_text(&cli->args, "base-url");
	char *path = path_of("/api/v1/models?adapter=%s",
			     adapter != NULL ? adapter : "ollama");
	char *more, *both;

	if (base == NULL)
		return path;
	more = path_of("&base_url=%s", base);
	both = must_print("%s%s", path, more);
	free(path);
	free(more);
	return both;
}

static int run_models(struct cli *cli)
{
	char *path = models_path(cli);
	const cJSON *model;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(cli, "GET", path, NULL, &json);

	table_init(&t, columns);
	JSON_EACH_ITEM(model, json)
	{
		if (cli->quiet)
			tell("%s", jtext(model, "name"));
		else
			add_row(&t, model);
	}
	if (rc == EXIT_DONE && !cli->json && !cli->quiet) {
		if (t.n_cells > 0)
			tell_table(cli, &t);
		else
			note(cli, "the model server has no model yet; with "
				  "Ollama, `ollama pull llama3.2` fetches one");
	}
	table_free(&t);
	cJSON_Delete(json);
	free(path);
	return rc;
}

static const struct opt models_opts[] = {
	{ "adapter", 0, OPT_TEXT, false, "NAME",
	  "of which adapter: ollama (default), openai, anthropic",
	  "ollama openai anthropic" },
	{ "base-url", 0, OPT_TEXT, false, "URL", "the model server's address",
	  NULL },
	{ 0 },
};

const struct command cmd_models = {
	.name = "models",
	.usage = "[--adapter NAME] [--base-url URL]",
	.summary = "list the models that a model server offers",
	.details = "Examples:\n"
		   "  deia models\n"
		   "  deia models --base-url http://gpu-box:11434\n"
		   "  deia models --adapter openai --base-url "
		   "http://127.0.0.1:8080\n",
	.opts = models_opts,
	.run = run_models,
};
