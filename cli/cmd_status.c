/* SPDX-License-Identifier: MIT */
/*
 * cmd_status.c - `deia status` and `deia stop`: the hive as a whole.
 *
 * stop is for the hive of a directory on this machine: it asks the process
 * itself (SIGTERM through a pidfd) and waits until it is gone.
 */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

/* ---- status ------------------------------------------------------------ */

static void tell_line(const char *name, const char *value)
{
	tell("%-9s %s", name, value);
}

/* "3 ready, 1 failed" */
static char *count_states(const cJSON *items)
{
	static const char *const order[] = { "ready",	 "busy",    "starting",
					     "paused",	 "backoff", "failed",
					     "stopping", "stopped", "offline" };
	struct text t = { 0 };
	const cJSON *item;

	text_add(&t, "", 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		unsigned n = 0;

		for (item = items != NULL ? items->child : NULL; item != NULL;
		     item = item->next)
			n += strcmp(jtext(item, "state"), order[i]) == 0;
		if (n > 0)
			text_addf(&t, "%s%u %s", t.len > 0 ? ", " : "", n,
				  order[i]);
	}
	if (t.len == 0)
		text_adds(&t, "none yet; `deia bot launch` makes one");
	return t.data;
}

/* EXIT_NOT_ALLOWED when the token that was named is none; the hive runs all
 * the same, so a token that was merely found is a remark. */
static int tell_bots(struct cli *cli)
{
	cJSON *json = NULL;
	deia_err err = ask_quietly(cli, "GET", "/api/v1/bots?limit=1000", NULL,
				   &json, NULL);
	int rc = EXIT_DONE;

	if (err == DEIA_OK) {
		char *states = count_states(jitems(json));

		tell_line("bots", states);
		free(states);
	} else if (err == DEIA_EAUTH && cli->target.token != NULL) {
		tell_line("bots", "not shown: the token is not valid there");
		rc = explain(cli, err, 0);
	} else if (err == DEIA_EAUTH) {
		tell_line("bots", "sign in to see them: `deia login URL`");
	} else {
		tell_line("bots", deia_client_errmsg(cli->client));
	}
	cJSON_Delete(json);
	return cli->target.token_from == TOKEN_FLAG ||
			       cli->target.token_from == TOKEN_ENV
		       ? rc
		       : EXIT_DONE;
}

static int not_running(const struct cli *cli)
{
	const struct target *t = &cli->target;

	if (t->dir != NULL)
		complain("no hive runs from %s", t->dir);
	else
		complain("no hive runs here: there is no directory of one, and "
			 "nothing answers at %s",
			 t->url);
	advise("start one with `deia serve`");
	return EXIT_NOT_FOUND;
}

static int run_status(struct cli *cli)
{
	struct deia_reply reply;
	char uptime[24];
	cJSON *json = NULL;
	deia_err err;
	int rc;

	if (cli_client(cli, &rc) == NULL)
		return cli->target.dir_down ? EXIT_NOT_FOUND : rc;
	err = ask_quietly(cli, "GET", "/health", NULL, &json, &reply);
	if (err == DEIA_EIO && (cli->target.url_from == URL_DEFAULT ||
				cli->target.url_from == URL_HIVE))
		return not_running(cli);
	/* 503 in plain JSON: it runs, and is CRITICAL. */
	if (err == DEIA_EUNAVAILABLE && reply.code[0] == '\0' &&
	    deia_json_parse(&json, reply.body, reply.body_len, NULL) == DEIA_OK)
		err = DEIA_OK;
	if (err == DEIA_OK && *jtext(json, "status") == '\0')
		err = DEIA_EPARSE;
	if (err == DEIA_EPARSE) {
		cJSON_Delete(json);
		return explain_stranger(cli);
	}
	if (err != DEIA_OK)
		return explain(cli, err, reply.retry_after_seconds);
	rc = EXIT_DONE;
	if (cli->json) {
		tell_json(reply.body, reply.body_len);
	} else {
		span_print(uptime, jnumber(json, "uptime_seconds", 0));
		tell_line("hive", cli->target.url);
		tell_line("status", jtext(json, "status"));
		tell_line("version", jtext(json, "version"));
		tell_line("up for", uptime);
		if (cli->target.is_dirs)
			tell_line("directory", cli->target.dir);
		rc = tell_bots(cli);
	}
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_status = {
	.name = "status",
	.usage = "",
	.summary = "show whether a hive runs, where, and how it is",
	.details = "Exit code 3 when none runs, 6 when a named one is out of "
		   "reach.\n\n"
		   "Examples:\n"
		   "  deia status\n"
		   "  deia status --url https://hive.example.org --json\n",
	.run = run_status,
};

/* ---- stop -------------------------------------------------------------- */

/* Waits until the process is gone; false: it was not in time. */
static bool wait_gone(int pidfd, int64_t seconds)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int n = poll(&p, 1, seconds < 86400 ? (int)seconds * 1000 : -1);

		if (n >= 0 || errno != EINTR || interrupts_seen())
			return n > 0;
	}
}

static int stop_process(struct cli *cli, const struct hive_process *p,
			int64_t seconds)
{
	if (pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0) < 0 &&
	    errno != ESRCH) {
		complain("the hive at %s (process %d) cannot be stopped: %s",
			 p->url, (int)p->pid, strerror(errno));
		advise("it belongs to another user: stop it as that user, or "
		       "with `sudo deia stop`");
		return EXIT_NOT_ALLOWED;
	}
	note(cli, "stopping the hive at %s (process %d) ...", p->url,
	     (int)p->pid);
	interrupts_watch(NULL);
	if (wait_gone(p->pidfd, seconds)) {
		say(cli, "the hive at %s has stopped", p->url);
		return EXIT_DONE;
	}
	if (interrupts_seen()) {
		complain("no longer waiting; the hive goes on stopping");
		return EXIT_INTERRUPTED;
	}
	complain("the hive (process %d) has not stopped within %lld s",
		 (int)p->pid, (long long)seconds);
	advise("wait longer with --timeout, or see its log for what it waits "
	       "for");
	return EXIT_TIMED_OUT;
}

static int run_stop(struct cli *cli)
{
	int64_t seconds = 60;
	const char *timeout = args_text(&cli->args, "timeout");
	struct hive_process p;
	char *dir = dir_find(cli->dir);
	int rc = EXIT_NOT_FOUND;

	if (timeout != NULL)
		(void)parse_duration(timeout, &seconds);
	if (dir == NULL) {
		complain("no hive runs here: there is no directory of one");
		advise("name it with --dir DIR");
		return EXIT_NOT_FOUND;
	}
	if (hive_find(&p, dir) == HIVE_NOT_RUNNING) {
		complain("no hive runs from %s", dir);
	} else if (p.pid == 0) {
		complain("whether a hive runs from %s cannot be seen: "
			 "permission denied",
			 dir);
		advise("stop it as the user that runs it");
		rc = EXIT_NOT_ALLOWED;
	} else {
		rc = stop_process(cli, &p, seconds);
	}
	hive_process_free(&p);
	free(dir);
	return rc;
}

static const struct opt stop_opts[] = {
	{ "timeout", 0, OPT_DURATION, false, "TIME",
	  "how long to wait until it is gone (60s)", NULL },
	{ 0 },
};

const struct command cmd_stop = {
	.name = "stop",
	.usage = "[--dir DIR] [--timeout TIME]",
	.summary = "stop the hive of this directory and wait until it is gone",
	.details = "Bots that were running are started again with the next\n"
		   "`deia serve`. A hive on another machine is stopped there.\n"
		   "\nExamples:\n"
		   "  deia stop\n"
		   "  deia stop --dir ~/hives/team --timeout 5m\n",
	.opts = stop_opts,
	.run = run_stop,
};
