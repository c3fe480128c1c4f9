/* SPDX-License-Identifier: MIT */
/* cmd_scheduler_tell.c - the scheduler is told how a task went, or to forget. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BASE "/api/v1/scheduler"

/* ---- record ------------------------------------------------------------ */

static bool read_seconds(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*out) && *out >= 0;
}

static char *record_body(const struct args *a, double seconds)
{
	struct deia_jw w;
	char *body;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "bot", a->words[0]);
	deia_jw_kstr(&w, "task_type", a->words[1]);
	deia_jw_knum(&w, "seconds", seconds);
	deia_jw_kbool(&w, "success", !args_has(a, "failed"));
	if (args_has(a, "new-type"))
		deia_jw_kbool(&w, "new_type", true);
	deia_jw_end_object(&w);
	body = deia_jw_status(&w) == DEIA_OK ? must_dup(w.text) : must_dup("");
	deia_jw_fini(&w);
	return body;
}

static int run_record(struct cli *cli)
{
	const struct args *a = &cli->args;
	double seconds;
	char *body;
	int rc;

	if (!read_seconds(a->words[2], &seconds))
		return usage_error(cli, "'%s' is no number of seconds",
				   a->words[2]);
	body = record_body(a, seconds);
	cli->if_lost = "`deia bot list` shows the bots there are, `deia "
		       "scheduler bots --all` the types; --new-type makes "
		       "a new one";
	rc = ask_raw(cli, "POST", BASE "/executions", body, NULL);
	free(body);
	if (rc == EXIT_DONE)
		say(cli, "recorded: %s %s a task of type %s in %s s",
		    a->words[0], args_has(a, "failed") ? "failed" : "did",
		    a->words[1], a->words[2]);
	return rc;
}

static const struct opt record_opts[] = {
	{ "failed", 0, OPT_FLAG, false, NULL, "it did not succeed", NULL },
	{ "new-type", 0, OPT_FLAG, false, NULL,
	  "the type may be one that is not known yet", NULL },
	{ 0 },
};

const struct command cmd_scheduler_record = {
	.name = "scheduler record",
	.usage = "BOT TYPE SECONDS [--failed]",
	.summary = "tell how a bot's attempt at a task went",
	.details = "For work that the hive did not see itself; the tasks it "
		   "hands out it records.\n\n"
		   "Examples:\n  deia scheduler record BOT-001 writing 12.5\n"
		   "  deia scheduler record BOT-001 invoices 3 --failed "
		   "--new-type\n",
	.opts = record_opts,
	.min_words = 3,
	.max_words = 3,
	.run = run_record,
};

/* ---- reset ------------------------------------------------------------- */

static char *reset_path(const struct args *a)
{
	char *base = a->n_words > 0 ? path_of(BASE "/bots/%s", a->words[0])
				    : must_dup(BASE "/bots");
	const char *type = args_text(a, "type");
	char *query, *path;

	if (type == NULL)
		return base;
	query = path_of("?task_type=%s", type);
	path = must_print("%s%s", base, query);
	free(query);
	free(base);
	return path;
}

static int run_reset(struct cli *cli)
{
	const struct args *a = &cli->args;
	char *path;
	int rc;

	if (a->n_words == 0 && !args_has(a, "all"))
		return usage_error(cli, "which? Name a bot, or --all");
	if (a->n_words > 0 && args_has(a, "all"))
		return usage_error(cli, "a bot, or --all; not both");
	if (a->n_words == 0 && !args_has(a, "yes")) {
		complain("this would forget what was learned of all bots");
		advise("that is meant: add --yes; see what it is: `deia "
		       "scheduler bots`");
		return EXIT_REFUSED;
	}
	cli->bot = a->n_words > 0 ? a->words[0] : NULL;
	cli->if_lost = "`deia scheduler bots --all` shows the bots and types "
		       "there are";
	path = reset_path(a);
	rc = ask_raw(cli, "DELETE", path, NULL, NULL);
	free(path);
	if (rc == EXIT_DONE)
		say(cli, "forgotten");
	return rc;
}

static const struct opt reset_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL, "of all bots (with --yes)", NULL },
	{ "type", 0, OPT_TEXT, false, "TYPE", "in this type of task alone",
	  NULL },
	{ "yes", 'y', OPT_FLAG, false, NULL, "--all is meant", NULL },
	{ 0 },
};

const struct command cmd_scheduler_reset = {
	.name = "scheduler reset",
	.usage = "BOT | --all --yes [--type TYPE]",
	.summary = "forget what was learned about bots",
	.details = "After a bot got another model, say. What it works on goes "
		   "on; a pause for\nfailures ends.\n\n"
		   "Examples:\n  deia scheduler reset BOT-001\n"
		   "  deia scheduler reset --all --type writing --yes\n",
	.opts = reset_opts,
	.max_words = 1,
	.run = run_reset,
};
