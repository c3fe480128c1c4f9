/* SPDX-License-Identifier: MIT */
/*
 * cmd_inbox.c - `deia inbox`: what is in an inbox (which changes nothing),
 * what comes (--follow), or the next messages under a lease (--receive).
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deia/limits.h>

#include "inbox_follow.h"
#include "mail.h"

static int peek(struct cli *cli, const char *inbox)
{
	const struct args *a = &cli->args;
	char *base = path_of("/api/v1/bots/%s/inbox", inbox), *more;
	struct text path = { 0 };
	int rc;

	text_addf(&path, "%s?limit=%lld", base,
		  (long long)args_number(a, "limit", DEIA_DEFAULT_PAGE_LEN));
	query_add(&path, "status", args_text(a, "status"));
	query_add(&path, "priority", args_text(a, "priority"));
	query_add(&path, "cursor", args_text(a, "cursor"));
	more = must_print("deia inbox %s", inbox);
	rc = mail_list(cli, path.data,
		       MAIL_FROM | MAIL_STATUS | MAIL_TRIES | MAIL_TEXT,
		       args_has(a, "status") || args_has(a, "priority")
			       ? "there is no such mail"
			       : "the inbox is empty",
		       more, inbox);
	free(more);
	text_free(&path);
	free(base);
	return rc;
}

/* ---- --receive --------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t seconds_of(const struct args *a, const char *name)
{
	const char *text = args_text(a, name);
	int64_t seconds = 0;

	if (text != NULL)
		(void)parse_duration(text, &seconds);
	return seconds;
}

static char *receive_body(const struct args *a, int64_t wait_s)
{
	char *text;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kint(&w, "max", args_number(a, "max", 1));
	deia_jw_kint(&w, "wait_seconds", wait_s);
	if (args_has(a, "lease"))
		deia_jw_kint(&w, "lease_seconds", seconds_of(a, "lease"));
	deia_jw_end_object(&w);
	text = must_dup(w.text);
	deia_jw_fini(&w);
	return text;
}

static void tell_received(const struct cli *cli, const cJSON *json,
			  const char *inbox)
{
	const cJSON *m, *first = jfirst(json);
	char until[32];

	JSON_EACH_ITEM(m, json)
	mail_tell(cli, m);
	time_print(until, jtext(first, "lease_expires_at"));
	note(cli,
	     "yours until %s; say that it is done: deia read %s --bot %s\n"
	     "what is not read by then is handed over again",
	     until + (strlen(until) > 11 ? 11 : 0), jtext(first, "id"), inbox);
}

/* One request; longer waits are made of several. -1: nothing came. */
static int receive_once(struct cli *cli, const char *inbox, const char *path,
			int64_t wait_s, bool last)
{
	char *body = receive_body(&cli->args, wait_s);
	struct deia_reply reply;
	cJSON *json = NULL;
	deia_err err;
	int rc = -1;

	err = ask_quietly(cli, "POST", path, body, &json, &reply);
	free(body);
	if (err == DEIA_ECANCELED)
		rc = EXIT_INTERRUPTED;
	else if (err == DEIA_EPARSE && reply.status == 200)
		rc = explain_stranger(cli);
	else if (err != DEIA_OK && cli->json && reply.code[0] != '\0')
		tell_json(reply.body, reply.body_len);
	else if (err == DEIA_OK && cli->json && (last || jfirst(json) != NULL))
		tell_json(reply.body, reply.body_len);
	if (err != DEIA_OK && rc < 0)
		rc = explain(cli, err, reply.retry_after_seconds);
	if (jfirst(json) != NULL) {
		rc = EXIT_DONE;
		if (!cli->json)
			tell_received(cli, json, inbox);
	}
	cJSON_Delete(json);
	return rc;
}

static int receive(struct cli *cli, const char *inbox)
{
	int64_t wait_s = seconds_of(&cli->args, "wait"), left = wait_s;
	char *path = path_of("/api/v1/bots/%s/inbox/receive", inbox);
	int64_t end = now_ms() + wait_s * 1000;
	bool last;
	int rc = -1;

	cli->no_deadline = true;
	if (cli_client(cli, &rc) != NULL) {
		interrupts_watch(cli->client);
		do {
			int64_t part = left < DEIA_MAX_WAIT_SECONDS
					       ? left
					       : DEIA_MAX_WAIT_SECONDS;

			last = part == left;
			rc = receive_once(cli, inbox, path, part, last);
			left = (end - now_ms() + 999) / 1000;
		} while (rc < 0 && !last && left > 0);
	}
	free(path);
	if (rc >= 0)
		return rc;
	if (!cli->json)
		note(cli, wait_s > 0 ? "no mail came" : "there is no mail");
	return wait_s > 0 ? EXIT_TIMED_OUT : EXIT_DONE;
}

/* ---- the command ------------------------------------------------------- */

static int check(const struct cli *cli)
{
	const struct args *a = &cli->args;
	bool receives = args_has(a, "receive"), follows = args_has(a, "follow");
	static const char *const of_receive[] = { "max", "wait", "lease" };
	static const char *const of_peek[] = { "status", "limit", "cursor" };

	if (receives && follows)
		return usage_error(cli, "--receive and --follow exclude each "
					"other");
	if (receives && args_has(a, "priority"))
		return usage_error(cli, "--receive takes what is next, of any "
					"priority");
	for (size_t i = 0; i < 3; i++) {
		if (!receives && args_has(a, of_receive[i]))
			return usage_error(cli, "--%s goes with --receive",
					   of_receive[i]);
		if ((receives || follows) && args_has(a, of_peek[i]))
			return usage_error(cli, "--%s does not go with --%s",
					   of_peek[i],
					   receives ? "receive" : "follow");
	}
	return mail_check_words(cli);
}

static int run_inbox(struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *inbox = a->n_words > 0 ? a->words[0] : MAIL_SYSTEM;
	int rc = check(cli);

	if (rc != EXIT_DONE)
		return rc;
	cli->bot = inbox;
	if (a->n_words == 0)
		note(cli, "the inbox of system, that of the people who run "
			  "the hive; a bot's is: deia inbox BOT");
	if (args_has(a, "receive"))
		return receive(cli, inbox);
	if (args_has(a, "follow"))
		return inbox_follow(cli, inbox, args_text(a, "priority"));
	return peek(cli, inbox);
}

static const struct opt inbox_opts[] = {
	{ "follow", 'f', OPT_FLAG, false, NULL,
	  "show what waits, then new mail, until Ctrl-C", NULL },
	{ "priority", 'p', OPT_TEXT, false, "PRIORITY", "only P0, P1, P2 or P3",
	  MAIL_PRIORITIES },
	{ "status", 0, OPT_TEXT, false, "STATUS",
	  "only with this status (pending and delivered)", MAIL_STATUSES },
	{ "limit", 0, OPT_NUMBER, false, "N", "at most N messages (50)", NULL },
	{ "cursor", 0, OPT_TEXT, false, "CURSOR",
	  "go on where the page before ended", NULL },
	{ "receive", 0, OPT_FLAG, false, NULL,
	  "take the next messages under a lease", NULL },
	{ "max", 0, OPT_NUMBER, false, "N", "with --receive: up to N (1)",
	  NULL },
	{ "wait", 0, OPT_DURATION, false, "TIME",
	  "with --receive: wait for mail (0)", NULL },
	{ "lease", 0, OPT_DURATION, false, "TIME",
	  "with --receive: they are yours for TIME (60s)", NULL },
	{ 0 },
};

const struct command cmd_inbox = {
	.name = "inbox",
	.usage = "[BOT] [--follow | --receive] [OPTIONS]",
	.summary = "show a bot's mail, follow it, or receive it",
	.details =
		"Looking changes nothing. --receive hands mail over: it is\n"
		"yours until the lease ends; `deia read ID` says that it is\n"
		"done, else it is handed over again. With --wait the exit "
		"code\n"
		"is 8 when nothing came. Without BOT: the inbox of system, "
		"that\n"
		"of the people who run the hive. With -q only ids.\n\n"
		"Examples:\n"
		"  deia inbox BOT-001\n"
		"  deia inbox -f\n"
		"  deia inbox BOT-001 --status failed\n"
		"  deia inbox helper --receive --max 10 --wait 5m --json\n",
	.opts = inbox_opts,
	.max_words = 1,
	.run = run_inbox,
};
