/* SPDX-License-Identifier: MIT */
/*
 * cmd_alerts.c - `deia alerts`: what is wrong, and saying that somebody sees to
 * it.
 */
#include "alert.h"

#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "mail.h"

#define MAX_MINUTES (90 * 24 * 60)

/* ---- list ---------------------------------------------------------------- */

static char *list_path(const struct args *a)
{
	struct text path = { 0 };

	text_addf(&path, "/api/v1/alerts?limit=%lld",
		  (long long)args_number(a, "limit", DEIA_DEFAULT_PAGE_LEN));
	if (!args_has(a, "all"))
		query_add(&path, "state", "firing");
	query_add(&path, "level", args_text(a, "level"));
	query_add(&path, "cursor", args_text(a, "cursor"));
	return path.data;
}

static void tell_rest(const struct cli *cli, const cJSON *json)
{
	const char *next = jtext(json, "next_cursor");
	const char *level = args_text(&cli->args, "level");
	bool all = args_has(&cli->args, "all");

	if (*next != '\0')
		note(cli, "there are more: deia alerts list%s%s%s --cursor %s",
		     all ? " --all" : "", level != NULL ? " --level " : "",
		     level != NULL ? level : "", next);
	else if (jfirst(json) == NULL)
		note(cli, all ? "there is no such alert"
			      : "no such alert fires; --all lists those that "
				"are over, too");
}

static int run_list(struct cli *cli)
{
	const char *level = args_text(&cli->args, "level");
	cJSON *json = NULL;
	char *path;
	int rc;

	if (level != NULL && !mail_is_one_of(level, ALERT_LEVELS))
		return usage_error(
			cli, "--level: '%s' is none of " ALERT_LEVELS, level);
	path = list_path(&cli->args);
	rc = ask_raw(cli, "GET", path, NULL, &json);
	free(path);
	if (rc == EXIT_DONE && !cli->json) {
		alert_list(cli, json);
		tell_rest(cli, json);
	}
	cJSON_Delete(json);
	return rc;
}

static const struct opt list_opts[] = {
	{ "all", 0, OPT_FLAG, false, NULL, "also those that are over", NULL },
	{ "level", 0, OPT_TEXT, false, "LEVEL", "only of this level",
	  ALERT_LEVELS },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N alerts (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ 0 },
};

const struct command cmd_alerts_list = {
	.name = "alerts list",
	.usage = "[--all] [--level LEVEL]",
	.summary = "list the alerts that fire",
	.details = "Newest first. `deia health` and `deia alerts show` say "
		   "what to do. With -q only\nthe ids.\n\n"
		   "Examples:\n"
		   "  deia alerts list --level critical\n"
		   "  deia alerts list --all --limit 20\n",
	.opts = list_opts,
	.run = run_list,
};

/* ---- show ---------------------------------------------------------------- */

#define EXAMPLE_ID "01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d"

static int run_show(struct cli *cli)
{
	char *path = path_of("/api/v1/alerts/%s", cli->args.words[0]);
	cJSON *json = NULL;
	int rc;

	cli->if_lost = ALERT_LOST;
	rc = ask_raw(cli, "GET", path, NULL, &json);
	if (rc == EXIT_DONE && !cli->json && cli->quiet)
		tell("%s", alert_state(json));
	else if (rc == EXIT_DONE && !cli->json)
		alert_tell(cli, json, true);
	cJSON_Delete(json);
	free(path);
	return rc;
}

const struct command cmd_alerts_show = {
	.name = "alerts show",
	.usage = "ID",
	.summary = "show one alert, and what to do about it",
	.details = "With -q only firing, acknowledged, silenced or resolved."
		   "\n\nExample:\n"
		   "  deia alerts show " EXAMPLE_ID "\n",
	.min_words = 1,
	.max_words = 1,
	.run = run_show,
};

/* ---- acts ---------------------------------------------------------------- */

/* Ends early only where going on can do no good. */
static bool goes_on(int rc)
{
	return rc != EXIT_INTERRUPTED && rc != EXIT_UNREACHABLE &&
	       rc != EXIT_NOT_ALLOWED;
}

/* "silent until 2026-11-22 16:04:05: CPU of the machine 93 %" */
static void say_done(const struct cli *cli, const char *done, const char *id,
		     const cJSON *alert)
{
	const cJSON *silenced =
		cJSON_GetObjectItemCaseSensitive(alert, "silenced");
	const char *until = jtext(silenced, "until");
	char *what = *jtext(alert, "rule") != '\0' ? alert_summary(alert)
						   : must_dup(id);
	char when[32];

	time_print(when, until);
	if (strcmp(done, "silent") == 0 && *until != '\0')
		say(cli, "silent until %s: %s", when, what);
	else
		say(cli, "%s: %s", done, what);
	free(what);
}

static int act_on_one(struct cli *cli, const char *path_fmt, const char *body,
		      const char *id, const char *done)
{
	char *path = path_of(path_fmt, id);
	cJSON *json = NULL;
	int rc = ask_raw(cli, "POST", path, body, &json);

	if (rc == EXIT_DONE)
		say_done(cli, done, id, json);
	cJSON_Delete(json);
	free(path);
	return rc;
}

/* Posts w, which is an open object, to each alert that is named. */
static int act(struct cli *cli, const char *path, struct deia_jw *w,
	       const char *done)
{
	const struct args *a = &cli->args;
	int rc = EXIT_DONE;

	if (args_has(a, "reason"))
		deia_jw_kstr(w, "reason", args_text(a, "reason"));
	deia_jw_end_object(w);
	cli->if_lost = ALERT_LOST;
	cli->if_stuck = ALERT_STUCK;
	for (size_t i = 0; i < a->n_words && goes_on(rc); i++) {
		int one = act_on_one(cli, path, w->text, a->words[i], done);

		if (rc == EXIT_DONE || !goes_on(one))
			rc = one;
	}
	deia_jw_fini(w);
	return rc;
}

static int run_ack(struct cli *cli)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	return act(cli, "/api/v1/alerts/%s/acknowledge", &w, "acknowledged");
}

static int run_resolve(struct cli *cli)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	return act(cli, "/api/v1/alerts/%s/resolve", &w, "resolved");
}

/* Minutes of --for, a part of one as a whole; 0 with --end; -1: said why not. */
static int64_t minutes_of(const struct cli *cli)
{
	const char *time = args_text(&cli->args, "for");
	bool end = args_has(&cli->args, "end");
	int64_t seconds = 0;

	if (time != NULL && end)
		(void)usage_error(cli, "--for or --end, not both");
	else if (time == NULL && !end)
		(void)usage_error(cli,
				  "how long? --for 2h, or --end to be told "
				  "again now");
	else if (end)
		return 0;
	else if (!parse_duration(time, &seconds) || seconds < 1 ||
		 seconds > MAX_MINUTES * 60)
		(void)usage_error(cli, "--for: between 1m and 90d");
	else
		return (seconds + 59) / 60;
	return -1;
}

static int run_silence(struct cli *cli)
{
	int64_t minutes = minutes_of(cli);
	struct deia_jw w;

	if (minutes < 0)
		return EXIT_USAGE;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kint(&w, "minutes", minutes);
	return act(cli, "/api/v1/alerts/%s/silence", &w,
		   minutes > 0 ? "silent" : "no longer silent");
}

static const struct opt reason_opts[] = {
	{ "reason", 0, OPT_TEXT, false, "TEXT", "why, in one line", NULL },
	{ 0 },
};

static const struct opt silence_opts[] = {
	{ "for", 0, OPT_DURATION, false, "TIME", "how long: 30m, 2h, 3d",
	  NULL },
	{ "end", 0, OPT_FLAG, false, NULL, "end the silence now", NULL },
	{ "reason", 0, OPT_TEXT, false, "TEXT", "why, in one line", NULL },
	{ 0 },
};

const struct command cmd_alerts_ack = {
	.name = "alerts ack",
	.usage = "ID ... [--reason TEXT]",
	.summary = "say that you see to alerts: nobody is reminded of them",
	.details = "They go on firing, and the hive's status stays, until what "
		   "is wrong is over.\nOne that gets worse is told again.\n\n"
		   "Examples:\n"
		   "  deia alerts ack " EXAMPLE_ID " --reason \"on it\"\n"
		   "  deia alerts ack $(deia alerts list -q --level info)\n",
	.opts = reason_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_ack,
};

const struct command cmd_alerts_silence = {
	.name = "alerts silence",
	.usage = "ID ... --for TIME | --end [--reason TEXT]",
	.summary = "tell nobody of alerts for a while",
	.details = "Nor of others of the same rule about the same thing. If it "
		   "still fires when\nthe silence ends, it is told then.\n\n"
		   "Examples:\n"
		   "  deia alerts silence " EXAMPLE_ID " --for 2h\n"
		   "  deia alerts silence " EXAMPLE_ID " --end\n",
	.opts = silence_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_silence,
};

const struct command cmd_alerts_resolve = {
	.name = "alerts resolve",
	.usage = "ID ... [--reason TEXT]",
	.summary = "say that what was wrong is dealt with",
	.details = "Alerts end by themselves when what was wrong is over. If "
		   "it is not, another\none fires when it gets worse, or after "
		   "a while.\n\n"
		   "Example:\n"
		   "  deia alerts resolve " EXAMPLE_ID "\n",
	.opts = reason_opts,
	.min_words = 1,
	.max_words = ARGS_MAX,
	.run = run_resolve,
};
