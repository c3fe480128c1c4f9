/* SPDX-License-Identifier: MIT */
/*
 * cmd_init.c - `deia init`, `deia config`: a hive's directory and its
 * configuration. No running hive is needed.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <deia/config.h>

/* ---- init -------------------------------------------------------------- */

static int run_init(struct cli *cli)
{
	const char *dir = cli->args.n_words > 0 ? cli->args.words[0] : cli->dir;
	char detail[320] = "";
	char *found = NULL;
	deia_err err;

	if (dir == NULL)
		dir = getenv("DEIA_DIR");
	if (dir == NULL || *dir == '\0')
		dir = ".deia";
	err = deia_config_init_dir(dir, detail, sizeof(detail));
	free(found);
	if (err != DEIA_OK) {
		complain("%s", *detail != '\0' ? detail : deia_err_text(err));
		advise("choose a directory that you may write to: deia init "
		       "DIR");
		return EXIT_REFUSED;
	}
	say(cli,
	    "%s is ready: config.yaml explains every setting, token is "
	    "the administrator's",
	    dir);
	note(cli, "start the hive with `deia serve%s%s`",
	     strcmp(dir, ".deia") != 0 ? " --dir " : "",
	     strcmp(dir, ".deia") != 0 ? dir : "");
	return EXIT_DONE;
}

const struct command cmd_init = {
	.name = "init",
	.usage = "[DIR]",
	.summary = "make a hive's directory (./.deia) and its configuration",
	.details = "What exists is left as it is. `deia serve` does this by\n"
		   "itself for a new directory.\n\n"
		   "Examples:\n"
		   "  deia init\n"
		   "  deia init ~/hives/team\n",
	.max_words = 1,
	.run = run_init,
};

/* ---- config ------------------------------------------------------------ */

static char *config_dir(struct cli *cli, int *rc)
{
	const char *word = cli->args.n_words > 0 ? cli->args.words[0] : NULL;
	char *dir = word != NULL ? must_dup(word) : dir_find(cli->dir);

	if (dir == NULL) {
		complain("there is no hive's directory here or above");
		advise("make one with `deia init`, or name it with --dir DIR");
		*rc = EXIT_NOT_FOUND;
	}
	return dir;
}

static int wrong(const struct deia_config_error *w, deia_err err)
{
	const char *file = w->file[0] != '\0' ? w->file : "the configuration";

	if (w->line != 0)
		complain("%s:%u:%u: %s", file, w->line, w->column, w->detail);
	else
		complain("%s: %s", file,
			 w->detail[0] != '\0' ? w->detail : deia_err_text(err));
	return EXIT_REFUSED;
}

static int load(struct cli *cli, deia_config **config, char **dir)
{
	struct deia_config_error where = { 0 };
	int rc = EXIT_DONE;
	deia_err err;

	*config = NULL;
	*dir = config_dir(cli, &rc);
	if (*dir == NULL)
		return rc;
	err = deia_config_load(config, *dir, &where);
	return err == DEIA_OK ? EXIT_DONE : wrong(&where, err);
}

static int run_check(struct cli *cli)
{
	deia_config *config;
	char *dir;
	int rc = load(cli, &config, &dir);

	if (rc == EXIT_DONE)
		say(cli, "%s/config.yaml is fine", dir);
	deia_config_free(config);
	free(dir);
	return rc;
}

static const struct column columns[] = {
	{ "KEY", COLUMN_FIXED },
	{ "VALUE", COLUMN_FLEX },
	{ "FROM", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_key(struct table *t, const cJSON *item)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, "value");
	char *text = cJSON_IsString(value) ? must_dup(value->valuestring)
					   : jprint(value);

	table_add(t, item->string);
	table_add(t, text);
	table_add(t, jtext(item, "origin"));
	free(text);
}

static int tell_config(struct cli *cli, const char *text, size_t len)
{
	cJSON *json = NULL;
	const cJSON *item;
	struct table t;

	if (cli->json) {
		tell_json(text, len);
		return EXIT_DONE;
	}
	if (deia_json_parse(&json, text, len, NULL) != DEIA_OK) {
		complain("the configuration cannot be shown");
		return EXIT_REFUSED;
	}
	table_init(&t, columns);
	cJSON_ArrayForEach(item, json)
		add_key(&t, item);
	tell_table(cli, &t);
	table_free(&t);
	cJSON_Delete(json);
	return EXIT_DONE;
}

static int run_show(struct cli *cli)
{
	deia_config *config;
	struct deia_jw w;
	char *dir;
	int rc = load(cli, &config, &dir);

	if (rc == EXIT_DONE) {
		deia_jw_init(&w);
		deia_config_print(config, &w);
		rc = deia_jw_status(&w) == DEIA_OK
			     ? tell_config(cli, w.text, w.len)
			     : EXIT_REFUSED;
		deia_jw_fini(&w);
	}
	deia_config_free(config);
	free(dir);
	return rc;
}

const struct command cmd_config_check = {
	.name = "config check",
	.usage = "[DIR]",
	.summary = "check a hive's config.yaml without starting it",
	.details = "Says file, line and column of what is wrong.\n\n"
		   "Example:\n  deia config check\n",
	.max_words = 1,
	.run = run_check,
};

const struct command cmd_config_show = {
	.name = "config show",
	.usage = "[DIR]",
	.summary = "show every setting, its value and where it comes from",
	.details = "Secrets are never shown.\n\n"
		   "Example:\n  deia config show\n",
	.max_words = 1,
	.run = run_show,
};
