/* SPDX-License-Identifier: MIT */
/*
 * cmd_scheduler_replay.c - `deia scheduler replay`: a journal through another
 * policy. It asks no hive.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

static void number(struct deia_jw *w, const char *key, double seconds)
{
	if (seconds < 0)
		deia_jw_kstr(w, key, NULL);
	else
		deia_jw_knum(w, key, seconds);
}

static void tell_json_decision(const struct replay_decision *d)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kint(&w, "line", (int64_t)d->line);
	deia_jw_kstr(&w, "task", *d->task ? d->task : NULL);
	deia_jw_kstr(&w, "task_type", d->type);
	deia_jw_kstr(&w, "bot", d->was);
	number(&w, "seconds", d->was_seconds);
	deia_jw_kstr(&w, "policy_bot", d->now);
	number(&w, "policy_seconds", d->now_seconds);
	deia_jw_kbool(&w, "agrees",
		      d->now != NULL && strcmp(d->now, d->was) == 0);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

static void add_choice(struct text *t, const char *bot, double seconds)
{
	text_adds(t, bot != NULL ? bot : "none");
	if (seconds >= 0)
		text_addf(t, " (%.3g s)", seconds);
}

static void on_decision(const struct replay_decision *d, void *user)
{
	const struct cli *cli = user;
	struct text t = { 0 };

	if (cli->json) {
		tell_json_decision(d);
		return;
	}
	if (cli->quiet)
		return;
	text_addf(&t, "%llu %s %s: ", (unsigned long long)d->line,
		  *d->task ? d->task : "-", d->type);
	add_choice(&t, d->was, d->was_seconds);
	text_adds(&t, d->now != NULL && strcmp(d->now, d->was) == 0
			      ? ", the same: "
			      : ", instead: ");
	add_choice(&t, d->now, d->now_seconds);
	tell("%s", t.data);
	text_free(&t);
}

/* Of those that could be compared; 0 without one. */
static double mean(double sum, uint64_t n)
{
	return n != 0 ? sum / (double)n : 0;
}

static void tell_json_sum(const struct replay_sum *s, const char *policy)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "policy", policy);
	deia_jw_kint(&w, "lines", (int64_t)s->lines);
	deia_jw_kint(&w, "outcomes", (int64_t)s->outcomes);
	deia_jw_kint(&w, "verdicts", (int64_t)s->verdicts);
	deia_jw_kint(&w, "resets", (int64_t)s->resets);
	deia_jw_kint(&w, "passed_over", (int64_t)s->passed_over);
	deia_jw_kint(&w, "decisions", (int64_t)s->decisions);
	deia_jw_kint(&w, "agreed", (int64_t)s->agreed);
	deia_jw_kint(&w, "without_bot", (int64_t)s->without);
	deia_jw_knum(&w, "mean_seconds", mean(s->was_seconds, s->compared));
	deia_jw_knum(&w, "policy_mean_seconds",
		     mean(s->now_seconds, s->compared));
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

static void tell_sum(const struct replay_sum *s, const char *policy)
{
	tell("in %llu line%s: outcomes %llu, verdicts %llu, resets %llu, "
	     "decisions %llu",
	     (unsigned long long)s->lines, s->lines == 1 ? "" : "s",
	     (unsigned long long)s->outcomes, (unsigned long long)s->verdicts,
	     (unsigned long long)s->resets, (unsigned long long)s->decisions);
	if (s->decisions == 0)
		return;
	tell("%s agrees with %llu of %llu (%.0f %%)", policy,
	     (unsigned long long)s->agreed, (unsigned long long)s->decisions,
	     100 * (double)s->agreed / (double)s->decisions);
	if (s->compared > 0)
		tell("expected seconds to a successful result: %.3g by the "
		     "journal, %.3g by %s",
		     mean(s->was_seconds, s->compared),
		     mean(s->now_seconds, s->compared), policy);
}

static int replay(struct cli *cli, FILE *in, const char *name,
		  deia_scheduler_policy policy)
{
	const char *called = deia_scheduler_policy_name(policy);
	struct replay_sum sum;
	char *message = NULL;

	if (!replay_run(in, policy, on_decision, cli, &sum, &message)) {
		complain("%s: %s", name, message);
		free(message);
		return EXIT_REFUSED;
	}
	if (cli->json)
		tell_json_sum(&sum, called);
	else
		tell_sum(&sum, called);
	return EXIT_DONE;
}

static int run_replay(struct cli *cli)
{
	const char *path = cli->args.words[0];
	const char *name = args_text(&cli->args, "policy");
	int policy = name != NULL ? deia_scheduler_policy_parse(name) : 0;
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in;
	int rc;

	if (name == NULL || policy < 0)
		return usage_error(cli, "which? --policy is learned, "
					"least-loaded or round-robin");
	in = is_stdin ? stdin : fopen(path, "re");
	if (in == NULL) {
		complain("%s: %s", path, strerror(errno));
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
	}
	rc = replay(cli, in, is_stdin ? "standard input" : path,
		    (deia_scheduler_policy)policy);
	if (!is_stdin)
		fclose(in);
	return rc;
}

static const struct opt replay_opts[] = {
	{ "policy", 0, OPT_TEXT, false, "POLICY",
	  "learned, least-loaded or round-robin",
	  "learned least-loaded round-robin" },
	{ 0 },
};

const struct command cmd_scheduler_replay = {
	.name = "scheduler replay",
	.usage = "FILE --policy POLICY",
	.summary = "go through a journal with another policy",
	.details =
		"FILE is an adaptive-scheduling.jsonl, or - for standard "
		"input. "
		"A fresh\nscheduler learns its outcomes in order; for each "
		"decision it says which bot\nPOLICY would have chosen among "
		"those that were candidates, and how long a\nsuccessful "
		"result was to be expected to take with both. It asks no "
		"hive.\nWith -q only the sums; with --json one object a "
		"decision, then one with them.\n\n"
		"Example:\n  deia scheduler replay "
		".deia/bot-logs/adaptive-scheduling.jsonl --policy learned\n",
	.opts = replay_opts,
	.min_words = 1,
	.max_words = 1,
	.run = run_replay,
};
