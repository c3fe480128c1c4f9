/* SPDX-License-Identifier: MIT */
/*
 * bot_wait.c - waits until a bot is where it should be.
 *
 * The state is asked for again and again, at first often, later every half
 * second: this works through any proxy and needs no stream. A bot that keeps
 * dying is given up on at its third restart, since its reason is known by
 * then.
 */
#include "bot_wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safe.h"

#define POLL_MIN_MS 20
#define POLL_MAX_MS 500
#define GIVE_UP_RESTARTS 3

bool bot_wants_wait(const struct cli *cli)
{
	if (args_has(&cli->args, "no-wait") || cli->json)
		return args_has(&cli->args, "wait");
	return args_has(&cli->args, "wait") || (cli->out_tty && cli->err_tty);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Tells each new reason once. */
static void progress(const struct cli *cli, const char *bot, const cJSON *json,
		     char **last)
{
	const char *what = jtext(json, "status_text");

	if (*what == '\0')
		what = jtext(json, "state_reason");
	if (*what == '\0' || (*last != NULL && strcmp(*last, what) == 0))
		return;
	free(*last);
	*last = must_dup(what);
	note(cli, "%s: %s: %s", bot, jtext(json, "state"), what);
}

static int failed(const char *bot, const cJSON *json)
{
	const char *reason = jtext(json, "state_reason");

	complain("%s does not run: %s", bot,
		 *reason != '\0' ? reason : jtext(json, "state"));
	advise("`deia bot describe %s` shows more, and the end of its log",
	       bot);
	return EXIT_REFUSED;
}

/* An exit code, or -1: go on waiting. */
static int judge(const struct cli *cli, const char *bot, const char *wanted,
		 const cJSON *json)
{
	const char *state = jtext(json, "state");
	const char *text = jtext(json, "status_text");
	bool ready = strcmp(state, "ready") == 0 || strcmp(state, "busy") == 0;

	if (strcmp(state, wanted) == 0 ||
	    (ready && strcmp(wanted, "ready") == 0)) {
		if (ready)
			say(cli, "%s is ready (process %.0f)%s%s", bot,
			    jnumber(json, "pid", 0), *text != '\0' ? ": " : "",
			    text);
		else
			say(cli, "%s is %s", bot, state);
		return EXIT_DONE;
	}
	if (strcmp(wanted, "ready") != 0)
		return -1;
	if (strcmp(state, "failed") == 0 || strcmp(state, "stopped") == 0 ||
	    (strcmp(state, "backoff") == 0 &&
	     jnumber(json, "restarts", 0) >= GIVE_UP_RESTARTS))
		return failed(bot, json);
	return -1;
}

/* --timeout, or the time of --wait=TIME. */
static int64_t patience(const struct cli *cli)
{
	const char *timeout = args_text(&cli->args, "timeout");
	const char *wait = args_text(&cli->args, "wait");
	int64_t seconds = 300;

	if (timeout == NULL && wait != NULL && *wait != '\0')
		timeout = wait;
	if (timeout != NULL)
		(void)parse_duration(timeout, &seconds);
	return seconds;
}

/* Why it is not there yet is worth more than that it is not. */
static int too_late(const char *bot, const char *wanted, const cJSON *json,
		    int64_t seconds)
{
	const char *why = jtext(json, "status_text");

	if (*why == '\0')
		why = jtext(json, "state_reason");
	complain("%s is not %s after %lld s, but %s%s%s", bot, wanted,
		 (long long)seconds, jtext(json, "state"),
		 *why != '\0' ? ": " : "", why);
	advise("wait longer with --timeout, or look at it with `deia bot "
	       "describe %s`",
	       bot);
	return EXIT_TIMED_OUT;
}

int bot_wait(struct cli *cli, const char *bot, const char *state)
{
	char *path = path_of("/api/v1/bots/%s", bot), *last = NULL;
	int64_t seconds = patience(cli), deadline;
	unsigned pause = POLL_MIN_MS;
	int rc = -1;

	deadline = now_ms() + seconds * 1000;
	interrupts_watch(cli->client);
	while (rc < 0) {
		cJSON *json = NULL;

		rc = ask(cli, "GET", path, NULL, &json);
		if (rc == EXIT_DONE)
			rc = judge(cli, bot, state, json);
		if (rc < 0)
			progress(cli, bot, json, &last);
		if (rc < 0 && now_ms() >= deadline)
			rc = too_late(bot, state, json, seconds);
		cJSON_Delete(json);
		if (rc < 0 && !pause_ms(pause)) {
			note(cli, "no longer waiting; %s goes on", bot);
			rc = EXIT_INTERRUPTED;
		}
		pause = pause * 2 < POLL_MAX_MS ? pause * 2 : POLL_MAX_MS;
	}
	free(last);
	free(path);
	return rc;
}

void bot_log_print(const struct deia_reply *reply)
{
	const cJSON *line;
	cJSON *json = NULL;

	if (strncmp(reply->content_type, "application/json", 16) != 0) {
		tell_text(stdout, reply->body, reply->body_len);
		if (reply->body[reply->body_len - 1] != '\n')
			putchar('\n');
		return;
	}
	if (deia_json_parse(&json, reply->body, reply->body_len, NULL) !=
	    DEIA_OK)
		return;
	JSON_EACH_ITEM(line, json)
	{
		const char *text = cJSON_IsString(line) ? line->valuestring
							: jtext(line, "text");
		char *safe = safe_line(text);

		puts(safe);
		free(safe);
	}
	cJSON_Delete(json);
}
