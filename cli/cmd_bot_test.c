/* SPDX-License-Identifier: MIT */
/*
 * cmd_bot_test.c - `deia bot test`: what a program would get wrong as a bot.
 *
 * Needs no hive. The library plays it (deia/trial.h); here is only what a
 * person or a script sees of that.
 */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deia/trial.h>

#include "safe.h"

/* ---- finding deia-guard ------------------------------------------------- */

static char *guard_in(const char *dir, const char *below)
{
	char *path = must_print("%s/%sdeia-guard", dir, below);

	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static char *guard_on_path(void)
{
	const char *rest = getenv("PATH");
	char *found = NULL;

	while (rest != NULL && *rest != '\0' && found == NULL) {
		size_t len = strcspn(rest, ":");
		char *dir = must_dupn(rest, len);

		if (len != 0)
			found = guard_in(dir, "");
		free(dir);
		rest += len + (rest[len] == ':');
	}
	return found;
}

/* Beside this program, in the build it belongs to, or on PATH. */
static char *find_guard(void)
{
	char self[PATH_MAX], *slash, *found;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return guard_on_path();
	*slash = '\0';
	found = guard_in(self, "");
	if (found == NULL)
		found = guard_in(self, "../server/guard/");
	return found != NULL ? found : guard_on_path();
}

/* ---- what is shown -------------------------------------------------------- */

struct shown {
	struct cli *cli;
	struct deia_jw json;
};

static const struct {
	const char *word;
	enum style style;
} words[] = {
	[DEIA_TRIAL_OK] = { "ok     ", STYLE_GOOD },
	[DEIA_TRIAL_WARNING] = { "warning", STYLE_WARN },
	[DEIA_TRIAL_FAILED] = { "FAIL   ", STYLE_BAD },
	[DEIA_TRIAL_SKIPPED] = { "skipped", STYLE_DIM },
};

static void show_text(struct cli *cli, const struct deia_trial_finding *f)
{
	bool well = f->verdict == DEIA_TRIAL_OK;
	char *detail = safe_line(f->detail), *line;

	if (cli->quiet && well)
		goto done;
	style_on(stdout, words[f->verdict].style, cli->out_colour);
	fputs(words[f->verdict].word, stdout);
	style_off(stdout, words[f->verdict].style, cli->out_colour);
	printf("  %-12s  %s\n", f->check, detail);
	if (f->line != NULL) {
		line = must_dupn(f->line, f->line_len);
		free(detail);
		detail = safe_line(line);
		free(line);
		printf("%23sit wrote: %s\n", "", detail);
	}
	if (*f->advice != '\0')
		printf("%23s-> %s\n", "", f->advice);
	fflush(stdout);
done:
	free(detail);
}

static void show_json(struct deia_jw *w, const struct deia_trial_finding *f)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "check", f->check);
	deia_jw_kstr(w, "verdict", deia_trial_verdict_name(f->verdict));
	deia_jw_kstr(w, "detail", f->detail);
	deia_jw_kstr(w, "advice", *f->advice != '\0' ? f->advice : NULL);
	deia_jw_key(w, "line");
	if (f->line != NULL)
		deia_jw_strn(w, f->line, f->line_len);
	else
		deia_jw_null(w);
	deia_jw_kint(w, "took_ms", f->took_ms);
	deia_jw_end_object(w);
}

static void on_finding(const struct deia_trial_finding *f, void *user)
{
	struct shown *shown = user;

	if (shown->cli->json)
		show_json(&shown->json, f);
	else
		show_text(shown->cli, f);
}

/* What the program says on stderr, with -v. */
static void on_log(const char *text, size_t len, void *user)
{
	const struct shown *shown = user;
	char *raw, *line;

	if (!shown->cli->verbose)
		return;
	raw = must_dupn(text, len);
	line = safe_line(raw);
	note(shown->cli, "  [stderr] %s", line);
	free(line);
	free(raw);
}

static void print_json(struct shown *shown, const struct deia_trial_opts *opts,
		       const struct deia_trial_result *r)
{
	struct deia_jw *w = &shown->json;

	deia_jw_end_array(w);
	deia_jw_key(w, "argv");
	deia_jw_array(w);
	for (size_t i = 0; i < opts->n_argv; i++)
		deia_jw_str(w, opts->argv[i]);
	deia_jw_end_array(w);
	deia_jw_kint(w, "ok", r->ok);
	deia_jw_kint(w, "warnings", r->warnings);
	deia_jw_kint(w, "failed", r->failed);
	deia_jw_kint(w, "skipped", r->skipped);
	deia_jw_end_object(w);
	if (deia_jw_status(w) == DEIA_OK)
		tell_json(w->text, w->len);
}

static void print_text(const struct shown *shown,
		       const struct deia_trial_result *r)
{
	say(shown->cli, "%u ok, %u failed, %u warning%s, %u skipped", r->ok,
	    r->failed, r->warnings, r->warnings == 1 ? "" : "s", r->skipped);
}

/* ---- the command ---------------------------------------------------------- */

static int check(struct cli *cli, const struct deia_trial_opts *opts)
{
	const struct args *a = &cli->args;
	const char *pair;
	size_t at = 0;

	if (a->n_before_dashes != 0)
		return usage_error(cli,
				   "'%s' stands before --; the program and its "
				   "arguments go behind it",
				   a->words[0]);
	if (opts->timeout_seconds < 1 || opts->timeout_seconds > 3600)
		return usage_error(cli, "--timeout: 1 to 3600 seconds");
	while ((pair = args_next(a, "env", &at)) != NULL) {
		if (strchr(pair, '=') == NULL || *pair == '=')
			return usage_error(cli,
					   "--env: '%s' should look like "
					   "NAME=VALUE",
					   pair);
	}
	if (opts->config != NULL &&
	    (strchr(opts->config, '{') == NULL ||
	     deia_json_check(opts->config, strlen(opts->config), NULL) !=
		     DEIA_OK))
		return usage_error(cli, "--config: no JSON object");
	return EXIT_DONE;
}

/* The values of --env; free() it. */
static const char **env_of(const struct args *a, size_t *n)
{
	const char **env = must_alloc((a->n_given + 1) * sizeof(*env));
	const char *pair;
	size_t at = 0;

	*n = 0;
	while ((pair = args_next(a, "env", &at)) != NULL)
		env[(*n)++] = pair;
	return env;
}

static int run_trial(struct cli *cli, const struct deia_trial_opts *opts)
{
	struct shown *shown = opts->user;
	struct deia_trial_result result;
	deia_err err;

	deia_jw_init(&shown->json);
	deia_jw_object(&shown->json);
	deia_jw_key(&shown->json, "checks");
	deia_jw_array(&shown->json);
	err = deia_trial_run(opts, &result);
	if (err) {
		complain("the trial did not come to an end: %s",
			 deia_err_text(err));
	} else if (cli->json) {
		print_json(shown, opts, &result);
	} else {
		print_text(shown, &result);
	}
	deia_jw_fini(&shown->json);
	return err || result.failed != 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int run_test(struct cli *cli)
{
	const struct args *a = &cli->args;
	struct deia_trial_opts opts = DEIA_TRIAL_OPTS_INIT;
	struct shown shown = { .cli = cli };
	char *guard;
	int64_t seconds = args_number(a, "timeout", 10);
	int rc;

	opts.argv = a->words;
	opts.n_argv = a->n_words;
	opts.cwd = args_text(a, "cwd");
	opts.config = args_text(a, "config");
	opts.prompt = args_text(a, "prompt");
	opts.timeout_seconds =
		seconds >= 0 && seconds <= 3600 ? (unsigned)seconds : 0;
	opts.user = &shown;
	opts.on_finding = on_finding;
	opts.on_log = on_log;
	rc = check(cli, &opts);
	if (rc != EXIT_DONE)
		return rc;
	guard = find_guard();
	if (guard == NULL) {
		complain("deia-guard is neither beside deia nor on PATH");
		advise("reinstall deia, or put its folder on PATH");
		return EXIT_REFUSED;
	}
	opts.guard_program = guard;
	const char **env = env_of(a, &opts.n_env);

	opts.env = env;
	rc = run_trial(cli, &opts);
	free(env);
	free(guard);
	return rc;
}

static const struct opt test_opts[] = {
	{ "timeout", 0, OPT_NUMBER, false, "SECONDS",
	  "how long each answer may take (10)", NULL },
	{ "prompt", 0, OPT_TEXT, false, "TEXT",
	  "what it is asked; best something that takes it a while", NULL },
	{ "config", 0, OPT_TEXT, false, "JSON", "the `config` of its init line",
	  NULL },
	{ "cwd", 0, OPT_TEXT, false, "FOLDER", "its working folder", "@dir" },
	{ "env", 0, OPT_TEXT, true, "NAME=VALUE",
	  "a variable of its environment", NULL },
	{ 0 },
};

const struct command cmd_bot_test = {
	.name = "bot test",
	.usage = "[OPTIONS] -- PROGRAM ARGS",
	.summary = "play the hive against a bot program of yours",
	.details =
		"Starts the program as a hive would, talks the bot protocol\n"
		"with it and says what it gets wrong, and what to change.\n"
		"It needs no running hive. -v shows the program's stderr, -q\n"
		"only what is not ok.\n\n"
		"Exit codes: 0 nothing failed (warnings may be there), 1\n"
		"something failed, 2 usage.\n\n"
		"Examples:\n"
		"  deia bot test -- python3 mybot.py\n"
		"  deia bot test --timeout 60 --prompt \"tell a story\" -- "
		"./mybot\n",
	.opts = test_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_test,
};
