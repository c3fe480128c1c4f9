/* SPDX-License-Identifier: MIT */
/*
 * cmd_apply.c - `deia apply -f FILE`: the hive's bots as files declare them.
 *
 * In three steps, each only after the one before it found nothing wrong: read
 * the files, ask the hive what would change (apply_plan.c), change it
 * (apply_run.c). So a mistake anywhere leaves everything as it was.
 */
#include "apply.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bot_wait.h"

#define MAX_FILE_BYTES (1u << 20)

/* ---- reading ----------------------------------------------------------- */

static int cannot_read(const char *path)
{
	complain("%s: %s", path, strerror(errno));
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

static int add_stream(struct plan *plan, const char *name, FILE *in)
{
	char *text = must_alloc(MAX_FILE_BYTES + 2);
	size_t len = fread(text, 1, MAX_FILE_BYTES + 1, in);
	deia_err err = DEIA_OK;
	int rc = EXIT_DONE;

	if (ferror(in))
		rc = cannot_read(name);
	else
		err = deia_bots_file_add(plan->files, name, text, len);
	free(text);
	if (err == DEIA_ENOMEM) {
		complain("memory ran out");
		rc = EXIT_REFUSED;
	}
	return rc;
}

static int add_file(struct plan *plan, const char *path)
{
	FILE *in;
	int rc;

	if (strcmp(path, "-") == 0)
		return add_stream(plan, "standard input", stdin);
	in = fopen(path, "re");
	if (in == NULL)
		return cannot_read(path);
	rc = add_stream(plan, path, in);
	fclose(in);
	return rc;
}

static int is_yaml(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* The files of a folder, in the order of their names. */
static int add_folder(struct plan *plan, const char *path)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, is_yaml, alphasort), rc = EXIT_DONE;

	if (n < 0)
		return cannot_read(path);
	if (n == 0) {
		complain("%s: there is no file *.yaml or *.yml in this folder",
			 path);
		rc = EXIT_NOT_FOUND;
	}
	for (int i = 0; i < n; i++) {
		char *file = must_print("%s/%s", path, list[i]->d_name);

		if (rc == EXIT_DONE)
			rc = add_file(plan, file);
		free(file);
		free(list[i]);
	}
	free(list);
	return rc;
}

int apply_read(struct cli *cli, struct plan *plan)
{
	const char *path;
	struct stat st;
	size_t at = 0;
	int rc = EXIT_DONE;

	if (deia_bots_file_new(&plan->files) != DEIA_OK) {
		complain("memory ran out");
		return EXIT_REFUSED;
	}
	while (rc == EXIT_DONE &&
	       (path = args_next(&cli->args, "file", &at)) != NULL) {
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			rc = add_folder(plan, path);
		else
			rc = add_file(plan, path);
	}
	if (rc != EXIT_DONE)
		return rc;
	if (deia_bots_file_finish(plan->files) != DEIA_OK) {
		complain("memory ran out");
		return EXIT_REFUSED;
	}
	return apply_errors(cli, plan);
}

static void errors_json(const struct deia_config_error *list, size_t n)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "errors");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(&w);
		deia_jw_kstr(&w, "file", list[i].file);
		deia_jw_kint(&w, "line", list[i].line);
		deia_jw_kint(&w, "column", list[i].column);
		deia_jw_kstr(&w, "detail", list[i].detail);
		deia_jw_end_object(&w);
	}
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

int apply_errors(struct cli *cli, const struct plan *plan)
{
	const struct deia_config_error *list;
	size_t n = deia_bots_file_errors(plan->files, &list);

	if (n == 0)
		return EXIT_DONE;
	if (cli->json)
		errors_json(list, n);
	for (size_t i = 0; i < n; i++) {
		if (list[i].line != 0)
			complain("%s:%u:%u: %s", list[i].file, list[i].line,
				 list[i].column, list[i].detail);
		else
			complain("%s: %s", list[i].file, list[i].detail);
	}
	advise("nothing was changed");
	return EXIT_REFUSED;
}

/* ---- the whole --------------------------------------------------------- */

static size_t count(const struct plan *plan, enum step_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		n += plan->steps[i].kind == kind;
	return n;
}

/* Removing is not what a slip of a file name should do. */
static int sure(struct cli *cli, const struct plan *plan)
{
	size_t n = count(plan, STEP_REMOVE);

	if (n == 0 || args_has(&cli->args, "yes"))
		return EXIT_DONE;
	complain("--prune would stop and remove %zu bot%s that the file does "
		 "not name",
		 n, n == 1 ? "" : "s");
	advise("that is meant: add --yes; see which they are: --dry-run. "
	       "Nothing was changed");
	return EXIT_REFUSED;
}

static int wait_for_all(struct cli *cli, const struct plan *plan)
{
	int rc = EXIT_DONE;

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct step *s = &plan->steps[i];
		bool runs = s->now != NULL ? jtrue(s->now, "wanted")
					   : s->declared->start;
		int one;

		if (s->declared == NULL || !runs || s->rc != EXIT_DONE)
			continue;
		cli->bot = s->id;
		one = bot_wait(cli, s->id, "ready");
		if (rc == EXIT_DONE)
			rc = one;
		if (one == EXIT_INTERRUPTED)
			return one;
	}
	return rc;
}

static int apply(struct cli *cli, struct plan *plan)
{
	int rc = apply_read(cli, plan);

	if (rc == EXIT_DONE)
		rc = apply_plan(cli, plan);
	if (rc != EXIT_DONE)
		return rc;
	if (args_has(&cli->args, "dry-run")) {
		apply_tell(cli, plan, false);
		return EXIT_DONE;
	}
	rc = sure(cli, plan);
	if (rc != EXIT_DONE)
		return rc;
	if (!cli->json)
		apply_tell(cli, plan, false);
	rc = apply_run(cli, plan);
	if (cli->json)
		apply_tell(cli, plan, true);
	if (rc == EXIT_DONE && args_has(&cli->args, "wait"))
		rc = wait_for_all(cli, plan);
	return rc;
}

static int run_apply(struct cli *cli)
{
	struct plan plan = { 0 };
	int rc;

	if (!args_has(&cli->args, "file"))
		return usage_error(cli, "which file? Name it: -f bots.yaml, or "
					"-f - for standard input");
	rc = apply(cli, &plan);
	plan_free(&plan);
	return rc;
}

static const struct opt apply_opts[] = {
	{ "file", 'f', OPT_TEXT, true, "FILE",
	  "a file, a folder of *.yaml, or - ; may be repeated", "@file" },
	{ "dry-run", 0, OPT_FLAG, false, NULL, "say what would change, no more",
	  NULL },
	{ "restart", 0, OPT_FLAG, false, NULL,
	  "restart running bots whose change needs it", NULL },
	{ "prune", 0, OPT_FLAG, false, NULL,
	  "remove all bots that no file names (with --yes)", NULL },
	{ "yes", 'y', OPT_FLAG, false, NULL, "--prune is meant", NULL },
	{ "wait", 0, OPT_MAYBE_DURATION, false, "[=TIME]",
	  "wait until they are ready, at most TIME for each", NULL },
	{ "timeout", 0, OPT_DURATION, false, "TIME",
	  "give up waiting for one after (5m)", NULL },
	{ 0 },
};

const struct command cmd_apply = {
	.name = "apply",
	.usage = "-f FILE [--dry-run] [--restart] [--prune --yes] [--wait]",
	.summary = "make the hive's bots as files declare them",
	.details =
		"A file holds bots: (a list, each with its id and the fields "
		"of\n"
		"`bot launch`) and defaults: (fields for all of them); see\n"
		"deia-bots.yaml(5). Everything is checked before anything is\n"
		"changed. Applying the same file again changes nothing.\n\n"
		"+ created  ~ changed  = as it should be  - in no file\n\n"
		"Examples:\n"
		"  deia apply -f bots.yaml --dry-run\n"
		"  deia apply -f bots.yaml --restart --wait\n"
		"  deia bot export | ssh other deia apply -f -\n",
	.opts = apply_opts,
	.run = run_apply,
};
