/* SPDX-License-Identifier: MIT */
/*
 * cmd_health.c - `deia health`: HEALTHY, DEGRADED or CRITICAL, why, and what to
 * do; exit code 9 for CRITICAL, for scripts and monitors.
 */
#include "alert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "safe.h"

#define FIRING "/api/v1/alerts?state=firing&limit=1000"
#define MOST_TOLD 20 /* alerts in full; all are in `deia alerts list` */

/* One look at the hive. */
struct look {
	cJSON *health; /* what it says of itself */
	cJSON *alerts; /* the page of those that fire; NULL: not known */
	bool again;    /* why they are not known was said before */
};

static void look_free(struct look *l)
{
	cJSON_Delete(l->health);
	cJSON_Delete(l->alerts);
}

/* ---- asking -------------------------------------------------------------- */

/* Without a token, and with an older hive, there is nothing to be seen. */
static void get_alerts(struct cli *cli, struct look *l)
{
	deia_err err;

	if (cli->target.token == NULL)
		return;
	err = ask_quietly(cli, "GET", FIRING, NULL, &l->alerts, NULL);
	if (err != DEIA_OK && err != DEIA_ENOTFOUND && !l->again &&
	    !interrupts_seen())
		note(cli, "the alerts are not shown: %s",
		     err == DEIA_EPARSE ? "the answer cannot be read"
					: deia_client_errmsg(cli->client));
}

/* EXIT_DONE, or why it failed, which was said if loud. */
static int get(struct cli *cli, struct look *l, bool loud)
{
	/* With a token there is more to see. */
	const char *path =
		cli->target.token != NULL ? "/api/v1/health" : "/health";
	struct deia_reply reply;
	deia_err err = ask_quietly(cli, "GET", path, NULL, &l->health, &reply);

	/* 503 in plain JSON: it runs, and is CRITICAL. */
	if (err == DEIA_EUNAVAILABLE && reply.code[0] == '\0')
		err = deia_json_parse(&l->health, reply.body, reply.body_len,
				      NULL);
	if (err == DEIA_EPARSE ||
	    (err == DEIA_OK && !*jtext(l->health, "status")))
		return loud ? explain_stranger(cli) : EXIT_UNREACHABLE;
	if (err != DEIA_OK)
		return loud ? explain(cli, err, reply.retry_after_seconds)
			    : exit_code_of(err);
	if (cli->json)
		tell_json(reply.body, reply.body_len);
	else if (!cli->quiet)
		get_alerts(cli, l);
	return EXIT_DONE;
}

/* ---- telling ------------------------------------------------------------- */

static const struct column columns[] = {
	{ "CHECK", COLUMN_FIXED },
	{ "STATUS", COLUMN_STATE },
	{ "DETAIL", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

static void add_check(struct table *t, const cJSON *check)
{
	const char *detail = jtext(check, "detail");
	char *more = NULL;

	table_add(t, check->string);
	if (cJSON_IsString(check)) {
		table_add(t, check->valuestring);
		table_add(t, NULL);
		return;
	}
	if (*detail == '\0')
		detail = jtext(check, "reason");
	if (*detail == '\0')
		more = jprint(check);
	table_add(t, jtext(check, "status"));
	table_add(t, more != NULL ? more : detail);
	free(more);
}

static void tell_checks(const struct cli *cli, const cJSON *health)
{
	const cJSON *checks =
		cJSON_GetObjectItemCaseSensitive(health, "checks");
	const cJSON *check;
	struct table t;

	table_init(&t, columns);
	cJSON_ArrayForEach(check, checks)
		add_check(&t, check);
	if (t.n_cells > 0) {
		tell("%s", "");
		tell_table(cli, &t);
	}
	table_free(&t);
}

/* What follows the status: "  score 70 of 100"; free() it. */
static char *score_of(const cJSON *health)
{
	return must_print("  score %.0f of 100", jnumber(health, "score", 0));
}

static void tell_head(const struct cli *cli, const cJSON *health)
{
	const char *status = jtext(health, "status");
	char when[32], age[24], *score = score_of(health);

	style_on(stdout, style_of_state(status), cli->out_colour);
	tell_text(stdout, status, strlen(status));
	style_off(stdout, style_of_state(status), cli->out_colour);
	time_print(when, jtext(health, "since"));
	age_print(age, jtext(health, "since"));
	if (strcmp(when, "-") != 0)
		tell("%s, for %s (since %s)", score, age, when);
	else
		tell("%s", score);
	free(score);
}

static void tell_deductions(const cJSON *health)
{
	const cJSON *list =
		cJSON_GetObjectItemCaseSensitive(health, "deductions");
	const cJSON *d;

	cJSON_ArrayForEach(d, list) {
		double alerts = jnumber(d, "alerts", 1);
		double points = fabs(jnumber(d, "points", 0));
		char *rule = safe_line(jtext(d, "rule"));
		char *level = safe_line(jtext(d, "level"));
		char many[40] = "";

		if (alerts > 1)
			snprintf(many, sizeof(many), ", %.0f alerts", alerts);
		tell("%6.0f  %s (%s%s)", points > 0 ? -points : 0, rule, level,
		     many);
		free(level);
		free(rule);
	}
}

/* 0 is the most serious. */
static unsigned rank_of(const cJSON *alert)
{
	const char *level = jtext(alert, "level");

	if (strcmp(level, "critical") == 0)
		return 0;
	return strcmp(level, "warning") == 0 ? 1 : 2;
}

/* The most serious ones first; how many there are. */
static size_t tell_alerts(const struct cli *cli, const cJSON *alerts)
{
	const cJSON *alert;
	size_t n = 0;

	for (unsigned rank = 0; rank <= 2; rank++) {
		JSON_EACH_ITEM(alert, alerts)
		{
			if (rank_of(alert) != rank || n++ >= MOST_TOLD)
				continue;
			tell("%s", "");
			alert_tell(cli, alert, true);
		}
	}
	return n;
}

static void tell_all(const struct cli *cli, const struct look *l)
{
	const cJSON *counts =
		cJSON_GetObjectItemCaseSensitive(l->health, "alerts");
	size_t n;

	tell_head(cli, l->health);
	if (cli->quiet)
		return;
	tell_deductions(l->health);
	n = tell_alerts(cli, l->alerts);
	tell_checks(cli, l->health);
	if (n > MOST_TOLD || *jtext(l->alerts, "next_cursor") != '\0')
		note(cli, "more alerts fire: `deia alerts list` shows all");
	if (jnumber(counts, "unkept", 0) > 0)
		note(cli, "%.0f more would fire, but there is no room for them",
		     jnumber(counts, "unkept", 0));
	if (n > 0)
		note(cli, "you see to one: `deia alerts ack ID`; quiet for a "
			  "while: `deia alerts silence ID --for 2h`");
}

static int look_once(struct cli *cli)
{
	struct look l = { 0 };
	int rc = get(cli, &l, true);

	if (rc == EXIT_DONE && !cli->json)
		tell_all(cli, &l);
	if (rc == EXIT_DONE &&
	    strcmp(jtext(l.health, "status"), "CRITICAL") == 0)
		rc = EXIT_UNHEALTHY;
	look_free(&l);
	return rc;
}

/* ---- watching ------------------------------------------------------------ */

/* A hive that is being restarted is waited for. */
static bool may_pass(int rc)
{
	return rc == EXIT_DONE || rc == EXIT_REFUSED ||
	       rc == EXIT_UNREACHABLE || rc == EXIT_TIMED_OUT;
}

static void tell_watched(const struct cli *cli, struct health_seen *seen,
			 struct look *l)
{
	char *score = score_of(l->health);
	char *head = must_print("%s%s", jtext(l->health, "status"), score);

	if (seen->head == NULL) {
		tell_all(cli, l);
		seen->head = must_dup(head);
		seen->alerts = l->alerts;
	} else {
		health_tell_changes(cli, seen, head, l->alerts);
	}
	l->alerts = NULL;
	free(head);
	free(score);
}

/* Until Ctrl-C; only a first look that fails, or a refusal, ends it otherwise.
 * A hive that was away is told of as at first. */
static int watch(struct cli *cli, unsigned every_ms)
{
	struct health_seen seen = { 0 };
	bool ever = false, away = false;
	int rc;

	interrupts_watch(cli->client);
	do {
		struct look l = { .again = seen.head != NULL };

		rc = get(cli, &l, !away);
		away = rc != EXIT_DONE;
		ever |= !away;
		if (away)
			health_seen_free(&seen);
		else if (!cli->json)
			tell_watched(cli, &seen, &l);
		look_free(&l);
	} while (fflush(stdout) == 0 && ever && may_pass(rc) &&
		 pause_ms(every_ms));
	health_seen_free(&seen);
	return interrupts_seen() ? EXIT_INTERRUPTED : rc;
}

static int run_health(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *every = args_text(a, "watch");
	int64_t seconds = 2;
	int rc;

	/* "--watch TIME" is as good as "--watch=TIME". */
	if (a->n_words > 0 && (every == NULL || *every != '\0' ||
			       !parse_duration(a->words[0], &seconds)))
		return usage_error(cli, "'%s' is one word too many",
				   a->words[0]);
	if (every != NULL && *every != '\0')
		(void)parse_duration(every, &seconds);
	if (seconds < 1 || seconds > 3600)
		return usage_error(cli, "--watch: between 1s and 1h");
	if (cli_client(cli, &rc) == NULL)
		return rc;
	return every != NULL ? watch(cli, (unsigned)seconds * 1000)
			     : look_once(cli);
}

static const struct opt health_opts[] = {
	{ "watch", 0, OPT_MAYBE_DURATION, false, "[=TIME]",
	  "go on with what changes; looks every TIME (2s)", NULL },
	{ 0 },
};

const struct command cmd_health = {
	.name = "health",
	.usage = "[--watch[=TIME]]",
	.summary = "show how the hive is, why, and what to do",
	.details = "HEALTHY; DEGRADED: a warning fires; CRITICAL: a critical "
		   "alert fires, and the\nexit code is 9. The score is 100 "
		   "less what is listed. --watch goes on until\nCtrl-C. With "
		   "-q only the status and the score.\n\n"
		   "Examples:\n"
		   "  deia health -q\n"
		   "  deia health --watch=5s\n",
	.opts = health_opts,
	.max_words = 1,
	.run = run_health,
};
