/* SPDX-License-Identifier: MIT */
/*
 * cmd_logs.c - `deia logs`: deiad's own log.
 *
 * The server filters. When the hive of the directory does not run, the file is
 * read here by the same rules.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deia/logs.h>

#include "safe.h"
#include "since.h"

#define MAX_LINES 10000 /* of the API */

struct show {
	struct cli *cli;
	char since[32]; /* or "" */
	unsigned lines;
	int level; /* the least that is shown */
};

/* ---- a line ------------------------------------------------------------- */

static enum style style_of(const char *level)
{
	if (strcmp(level, "error") == 0)
		return STYLE_BAD;
	if (strcmp(level, "warn") == 0)
		return STYLE_WARN;
	return strcmp(level, "debug") == 0 ? STYLE_DIM : STYLE_NONE;
}

static void add_field(struct text *out, const cJSON *e, const char *member,
		      const char *name)
{
	const char *value = jtext(e, member);

	if (*value)
		text_addf(out, " %s=%s", name, value);
}

static void add_fields(struct text *out, const struct cli *cli, const cJSON *e)
{
	double ns = jnumber(e, "event.duration", -1);

	if (ns >= 0)
		text_addf(out, " ms=%.3f", ns / 1e6);
	add_field(out, e, "user.name", "who");
	add_field(out, e, "deia.bot", "bot");
	add_field(out, e, "deia.task", "task");
	add_field(out, e, "deia.message", "mail");
	if (!cli->verbose)
		return;
	add_field(out, e, "client.address", "from");
	add_field(out, e, "http.request.id", "request");
	add_field(out, e, "trace.id", "trace");
}

static void show_event(const struct cli *cli, const cJSON *e)
{
	const char *level = jtext(e, "log.level"), *at = jtext(e, "@timestamp");
	struct text out = { 0 };
	char *safe;

	text_addf(&out, "%s", jtext(e, "message"));
	/* How many lines the file lacks is told as in the journals. */
	if (!out.len)
		text_addf(&out, "%s %.0f", jtext(e, "event"),
			  jnumber(e, "count", 0));
	add_fields(&out, cli, e);
	safe = safe_line(out.data ? out.data : "");
	tell_text(stdout, *at ? at : jtext(e, "timestamp"),
		  strlen(*at ? at : jtext(e, "timestamp")));
	putchar(' ');
	style_on(stdout, style_of(level), cli->out_colour);
	tell_text(stdout, *level ? level : "warn",
		  strlen(*level ? level : "warn"));
	style_off(stdout, style_of(level), cli->out_colour);
	printf("%*s%s\n", (int)(strlen(level) < 5 ? 6 - strlen(level) : 1), "",
	       safe);
	free(safe);
	text_free(&out);
}

static void show_line(const struct cli *cli, const char *line, size_t len)
{
	cJSON *e = NULL;

	if (cli->json)
		tell_json(line, len);
	else if (deia_json_parse(&e, line, len, NULL) == DEIA_OK)
		show_event(cli, e);
	cJSON_Delete(e);
}

/* ---- from the server ---------------------------------------------------- */

static char *path_with(const struct show *s, bool live)
{
	const struct args *a = &s->cli->args;
	struct text path = { 0 };

	text_addf(&path, "/api/v1/logs?tail=%u", s->lines);
	query_add(&path, "follow", live ? "true" : NULL);
	query_add(&path, "since", s->since);
	query_add(&path, "level", args_text(a, "level"));
	query_add(&path, "text", args_text(a, "grep"));
	query_add(&path, "request_id", args_text(a, "request"));
	query_add(&path, "trace_id", args_text(a, "trace"));
	query_add(&path, "bot", args_text(a, "bot"));
	query_add(&path, "task", args_text(a, "task"));
	return path.data;
}

static bool on_line(const char *event, const char *id, const char *data,
		    size_t len, void *user)
{
	struct show *s = user;
	cJSON *json = NULL;
	const char *line;

	(void)event;
	(void)id;
	if (deia_json_parse(&json, data, len, NULL) == DEIA_OK) {
		line = jtext(json, "line");
		show_line(s->cli, line, strlen(line));
	}
	cJSON_Delete(json);
	return fflush(stdout) == 0;
}

static int follow(struct show *s)
{
	deia_client *client;
	deia_err err;
	char *path;
	int rc;

	client = cli_client(s->cli, &rc);
	if (client == NULL)
		return rc;
	interrupts_watch(client);
	path = path_with(s, true);
	err = deia_client_stream(client, "GET", path, NULL, 0, on_line, s);
	free(path);
	if (err == DEIA_ECANCELED)
		return EXIT_INTERRUPTED;
	if (err != DEIA_OK)
		return explain(s->cli, err, 0);
	note(s->cli, "the log ended");
	return EXIT_DONE;
}

static int show_page(struct show *s)
{
	char *path = path_with(s, false);
	const cJSON *line;
	cJSON *json = NULL;
	int rc = ask(s->cli, "GET", path, NULL, &json);

	free(path);
	JSON_EACH_ITEM(line, json)
	{
		char *text = jprint(line);

		show_line(s->cli, text, strlen(text));
		free(text);
	}
	if (rc == EXIT_DONE && jtrue(json, "cut"))
		note(s->cli, "older lines were not looked at");
	cJSON_Delete(json);
	return rc;
}

/* ---- from the file ------------------------------------------------------ */

/* The hive's directory, when it was not said where else to ask and no hive runs
 * there; free() it. */
static char *dir_of_stopped(const struct cli *cli)
{
	struct hive_process p = { 0 };
	char *dir = NULL;
	enum hive_state state;

	if (cli->url == NULL && getenv("DEIA_URL") == NULL)
		dir = dir_find(cli->dir);
	if (dir == NULL)
		return NULL;
	state = hive_find(&p, dir);
	hive_process_free(&p);
	if (state == HIVE_NOT_RUNNING)
		return dir;
	free(dir);
	return NULL;
}

static int64_t unix_ms_of(const char *since)
{
	struct tm tm = { 0 };

	if (!*since || strptime(since, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int read_file(struct show *s, const char *dir)
{
	const struct args *a = &s->cli->args;
	struct deia_log_filter f = DEIA_LOG_FILTER_INIT;
	char *path = must_print("%s/bot-logs/deiad.jsonl", dir), *text, *p;
	size_t len;
	bool cut = false;
	deia_err err;

	f.level = (enum deia_log_level)s->level;
	f.since_unix_ms = unix_ms_of(s->since);
	f.text = args_text(a, "grep");
	f.request_id = args_text(a, "request");
	f.trace_id = args_text(a, "trace");
	f.bot = args_text(a, "bot");
	f.task = args_text(a, "task");
	err = deia_log_read(path, &f, s->lines, &text, &len, &cut);
	if (err)
		complain("%s cannot be read: %s", path, strerror(errno));
	else
		note(s->cli, "no hive runs in %s; this is from %s", dir, path);
	for (p = text; !err && p < text + len;) {
		char *nl = memchr(p, '\n', (size_t)(text + len - p));

		if (nl == NULL)
			break;
		*nl = '\0';
		show_line(s->cli, p, (size_t)(nl - p));
		p = nl + 1;
	}
	if (cut)
		note(s->cli, "older lines were not looked at");
	free(text);
	free(path);
	return err ? EXIT_REFUSED : EXIT_DONE;
}

/* ---- the command -------------------------------------------------------- */

static int64_t now_unix_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

/* -1: there is no such level. */
static int level_of(const char *name)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (int i = 0; name != NULL && i < 4; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return name == NULL ? DEIA_LOG_DEBUG : -1;
}

static int check(struct show *s)
{
	struct cli *cli = s->cli;
	const char *since = args_text(&cli->args, "since");
	int64_t lines = args_number(&cli->args, "tail",
				    since != NULL ? MAX_LINES : 100);

	if (lines < 1 || lines > MAX_LINES)
		return usage_error(cli, "-n takes 1 to %d lines", MAX_LINES);
	s->lines = (unsigned)lines;
	s->level = level_of(args_text(&cli->args, "level"));
	if (s->level < 0)
		return usage_error(cli,
				   "--level is error, warn, info or debug");
	if (since != NULL && !since_parse(s->since, since, now_unix_ms()))
		return usage_error(cli,
				   "--since: '%s' is no time; write it "
				   "like 90s, 10m, 2h, 3d or "
				   "2026-11-22T16:04:05Z",
				   since);
	return EXIT_DONE;
}

static int run_logs(struct cli *cli)
{
	struct show s = { .cli = cli };
	int rc = check(&s);
	char *dir;

	if (rc != EXIT_DONE)
		return rc;
	if (args_has(&cli->args, "follow"))
		return follow(&s);
	dir = dir_of_stopped(cli);
	rc = dir != NULL ? read_file(&s, dir) : show_page(&s);
	free(dir);
	return rc;
}

static const struct opt logs_opts[] = {
	{ "follow", 'f', OPT_FLAG, false, NULL,
	  "go on with what comes, until Ctrl-C", NULL },
	{ "tail", 'n', OPT_NUMBER, false, "N",
	  "the last N lines (100; with --since 10000)", NULL },
	{ "level", 0, OPT_TEXT, false, "LEVEL",
	  "only of this level and graver ones", "error warn info debug" },
	{ "since", 0, OPT_TEXT, false, "TIME",
	  "only lines since 10m ago, or since 2026-11-22T16:04Z", NULL },
	{ "grep", 0, OPT_TEXT, false, "TEXT", "only lines with this text",
	  NULL },
	{ "request", 0, OPT_TEXT, false, "ID", "only of this request", NULL },
	{ "trace", 0, OPT_TEXT, false, "ID", "only of this trace", NULL },
	{ "bot", 0, OPT_TEXT, false, "BOT", "only about this bot", NULL },
	{ "task", 0, OPT_TEXT, false, "TASK", "only about this task", NULL },
	{ 0 },
};

const struct command cmd_logs = {
	.name = "logs",
	.usage = "[-f] [-n N] [--level LEVEL] [--since TIME] [--grep TEXT]",
	.summary = "show the hive's own log",
	.details =
		"When no hive runs in the directory, its file is read. What\n"
		"a bot writes: deia bot logs.\n\n"
		"Examples:\n"
		"  deia logs -f --level warn\n"
		"  deia logs --since 1h --grep timed\n"
		"  deia logs --trace 0af7651916cd43dd8448eb211c80319c\n",
	.opts = logs_opts,
	.run = run_logs,
};
