/* SPDX-License-Identifier: MIT */
/*
 * cmd_health.c - `deia health`: HEALTHY, DEGRADED or CRITICAL, and why; exit
 * code 9 for CRITICAL, for scripts and monitors.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

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

static void tell_health(struct cli *cli, const cJSON *json)
{
	const cJSON *checks = cJSON_GetObjectItemCaseSensitive(json, "checks");
	const cJSON *check;
	struct table t;

	style_on(stdout, style_of_state(jtext(json, "status")),
		 cli->out_colour);
	tell_text(stdout, jtext(json, "status"), strlen(jtext(json, "status")));
	style_off(stdout, style_of_state(jtext(json, "status")),
		  cli->out_colour);
	tell("  score %.0f of 100", jnumber(json, "score", 0));
	table_init(&t, columns);
	cJSON_ArrayForEach(check, checks)
		add_check(&t, check);
	if (t.n_cells > 0 && !cli->quiet)
		tell_table(cli, &t);
	table_free(&t);
}

/* One look: an exit code. */
static int look(struct cli *cli, const char *path)
{
	struct deia_reply reply;
	cJSON *json = NULL;
	deia_err err = ask_quietly(cli, "GET", path, NULL, &json, &reply);
	int rc = EXIT_DONE;

	if (err == DEIA_EUNAVAILABLE && reply.code[0] == '\0')
		err = deia_json_parse(&json, reply.body, reply.body_len, NULL);
	if (err == DEIA_EPARSE || (err == DEIA_OK && !*jtext(json, "status"))) {
		cJSON_Delete(json);
		return explain_stranger(cli);
	}
	if (err != DEIA_OK)
		return explain(cli, err, reply.retry_after_seconds);
	if (cli->json)
		tell_json(reply.body, reply.body_len);
	else
		tell_health(cli, json);
	if (strcmp(jtext(json, "status"), "CRITICAL") == 0)
		rc = EXIT_UNHEALTHY;
	cJSON_Delete(json);
	return rc;
}

static int run_health(struct cli *cli)
{
	const char *every = args_text(&cli->args, "watch");
	int64_t seconds = 2;
	const char *path;
	int rc;

	if (cli_client(cli, &rc) == NULL)
		return rc;
	/* With a token there is more to see. */
	path = cli->target.token != NULL ? "/api/v1/health" : "/health";
	if (every == NULL)
		return look(cli, path);
	(void)parse_duration(every, &seconds);
	if (seconds < 1 || seconds > 3600)
		return usage_error(cli, "--watch: between 1s and 1h");
	interrupts_watch(cli->client);
	do {
		rc = look(cli, path);
		fflush(stdout);
	} while (rc != EXIT_USAGE && pause_ms((unsigned)seconds * 1000));
	return EXIT_INTERRUPTED;
}

static const struct opt health_opts[] = {
	{ "watch", 0, OPT_DURATION, false, "TIME", "look again every TIME",
	  NULL },
	{ 0 },
};

const struct command cmd_health = {
	.name = "health",
	.usage = "[--watch TIME]",
	.summary = "show the hive's health; exit code 9 when it is CRITICAL",
	.details = "Examples:\n"
		   "  deia health -q\n"
		   "  deia health --watch 5s\n",
	.opts = health_opts,
	.run = run_health,
};
