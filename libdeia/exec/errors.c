/* SPDX-License-Identifier: MIT */
/*
 * errors.c - failures of commands as codes.
 *
 * Agents say most of what goes wrong in words only ("API Error: 529 ...",
 * "Credit balance is too low"). The words are looked up in a table, the HTTP
 * status in them likewise; what is in neither keeps the general code of the
 * caller. The words themselves always are the message.
 */
#include "exec/exec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#define MAX_RETRY_SECONDS (7 * 86400)
#define STDERR_BYTES 1200
#define EXIT_TEMPORARY 75 /* EX_TEMPFAIL of sysexits.h */

/* ---- what words and statuses mean ----------------------------------------------- */

struct meaning {
	const char *code;
	bool retryable;
};

#define RATE_LIMITED                                                           \
	{                                                                      \
		"rate_limited", true                                           \
	}
#define BUSY                                                                   \
	{                                                                      \
		"model_server_busy", true                                      \
	}
#define FAILED                                                                 \
	{                                                                      \
		"model_server_failed", true                                    \
	}
#define UNREACHABLE                                                            \
	{                                                                      \
		"model_server_unreachable", true                               \
	}
#define DENIED                                                                 \
	{                                                                      \
		"model_server_denied", false                                   \
	}
#define REFUSED                                                                \
	{                                                                      \
		"model_refused", false                                         \
	}
#define NO_MODEL                                                               \
	{                                                                      \
		"model_not_found", false                                       \
	}
#define TOO_LONG                                                               \
	{                                                                      \
		"prompt_too_long", false                                       \
	}
#define SESSION_LOST                                                           \
	{                                                                      \
		"session_lost", false                                          \
	}

static const struct {
	const char *words; /* in lower case */
	struct meaning meaning;
} by_words[] = {
	{ "no conversation found", SESSION_LOST },
	{ "no rollout found", SESSION_LOST },
	{ "session not found", SESSION_LOST },
	{ "thread not found", SESSION_LOST },
	{ "prompt is too long", TOO_LONG },
	{ "context window", TOO_LONG },
	{ "context length", TOO_LONG },
	{ "context_length", TOO_LONG },
	{ "rate limit", RATE_LIMITED },
	{ "rate_limit", RATE_LIMITED },
	{ "too many requests", RATE_LIMITED },
	{ "usage limit", RATE_LIMITED },
	{ "limit reached", RATE_LIMITED },
	{ "overloaded", BUSY },
	{ "credit balance", DENIED },
	{ "billing", DENIED },
	{ "invalid api key", DENIED },
	{ "incorrect api key", DENIED },
	{ "authentication", DENIED },
	{ "unauthorized", DENIED },
	{ "please run /login", DENIED },
	{ "not logged in", DENIED },
	{ "oauth token", DENIED },
	{ "insufficient_quota", DENIED },
	{ "model_not_found", NO_MODEL },
	{ "issue with the selected model", NO_MODEL },
	{ "model does not exist", NO_MODEL },
	{ "invalid_request", REFUSED },
	{ "internal server error", FAILED },
	{ "server_error", FAILED },
	{ "stream disconnected", FAILED },
	{ "connection error", UNREACHABLE },
	{ "connection refused", UNREACHABLE },
	{ "fetch failed", UNREACHABLE },
	{ "error sending request", UNREACHABLE },
};

static const struct {
	int from, to;
	struct meaning meaning;
} by_status[] = {
	{ 401, 403, DENIED },	{ 404, 404, NO_MODEL },
	{ 413, 413, TOO_LONG }, { 429, 429, RATE_LIMITED },
	{ 400, 499, REFUSED },	{ 503, 503, BUSY },
	{ 529, 529, BUSY },	{ 500, 599, FAILED },
};

/* A copy in lower case, as much as fits. */
static void lower(char *out, size_t size, const char *words)
{
	size_t i = 0;

	for (; words[i] && i + 1 < size; i++)
		out[i] = (char)tolower((unsigned char)words[i]);
	out[i] = '\0';
}

static int64_t number_after(const char *text, const char *words)
{
	const char *p = strstr(text, words);

	return p ? strtoll(p + strlen(words), NULL, 10) : 0;
}

/* "API Error: 529 {...}", "unexpected status 401 Unauthorized" */
static int64_t status_in(const char *text)
{
	int64_t status = number_after(text, "api error: ");

	if (!status)
		status = number_after(text, "status ");
	if (!status)
		status = number_after(text, "status code ");
	if (!status)
		status = number_after(text, "http ");
	return status >= 400 && status <= 599 ? status : 0;
}

static const struct meaning *meaning_of(const char *text, int64_t status)
{
	size_t i;

	for (i = 0; i < sizeof(by_words) / sizeof(*by_words); i++)
		if (strstr(text, by_words[i].words))
			return &by_words[i].meaning;
	if (!status)
		status = status_in(text);
	for (i = 0; i < sizeof(by_status) / sizeof(*by_status); i++)
		if (status >= by_status[i].from && status <= by_status[i].to)
			return &by_status[i].meaning;
	return NULL;
}

/* ---- when to come back -------------------------------------------------------------- */

/* "try again in 3.2s", "... in 350ms", "... in 5 minutes" */
static int64_t seconds_in(const char *text)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "ms", 0.001 },
		      { "s", 1 },
		      { "m", 60 },
		      { "h", 3600 },
		      { "day", 86400 } };
	const char *p = strstr(text, "try again in ");
	char *unit;
	double n;

	if (!p)
		return 0;
	p += strlen("try again in ");
	n = strtod(p, &unit);
	if (unit == p || !(n > 0) || n > MAX_RETRY_SECONDS)
		return 0;
	while (*unit == ' ')
		unit++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strncmp(unit, units[i].unit, strlen(units[i].unit)) == 0)
			return (int64_t)(n * units[i].seconds) + 1;
	return 0;
}

static unsigned retry_after(const struct exec_turn *t, const char *text)
{
	int64_t at = number_after(text, "limit reached|");
	int64_t seconds = seconds_in(text);

	if (!seconds) {
		at = at ? at : t->s.limit_resets_at;
		seconds = at ? at - deia__unix_ms(NULL) / 1000 : 0;
	}
	if (seconds < 0)
		return 0;
	return (unsigned)(seconds < MAX_RETRY_SECONDS ? seconds
						      : MAX_RETRY_SECONDS);
}

/* ---- failing ---------------------------------------------------------------------------- */

static bool fail_if_known(struct exec_turn *t, int64_t status,
			  const char *words)
{
	char text[EXEC_MESSAGE_BYTES];
	const struct meaning *m;

	lower(text, sizeof(text), words);
	m = meaning_of(text, status);
	if (!m)
		return false;
	deia__exec_turn_fail(t, m->code, m->retryable,
			     m->retryable ? retry_after(t, text) : 0, "%s",
			     words);
	return true;
}

void deia__exec_fail_by_words(struct exec_turn *t, const char *code,
			      int64_t status, const char *words)
{
	if (!fail_if_known(t, status, words))
		deia__exec_turn_fail(t, code, false, 0, "%s", words);
}

/* The last lines of stderr, oldest first, as one. */
static void last_words(const struct exec_turn *t, char *out, size_t size)
{
	unsigned n = t->n_err_lines;
	unsigned i = n > EXEC_ERR_LINES ? n - EXEC_ERR_LINES : 0;
	size_t len = 0;

	out[0] = '\0';
	for (; i < n && len + 1 < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
					len ? " | " : ": ",
					t->err_lines[i % EXEC_ERR_LINES]);
}

static const char *program_of(const struct exec_turn *t)
{
	const char *slash = strrchr(t->argv[0], '/');

	return slash ? slash + 1 : t->argv[0];
}

void deia__exec_fail_by_exit(struct exec_turn *t,
			     const struct deia__child_end *end)
{
	const struct exec_format *format = t->x->config.format;
	char words[STDERR_BYTES];

	last_words(t, words, sizeof(words));
	if (end->code == 0 && !format->needs_result) {
		deia__exec_good(t, NULL);
		return;
	}
	if (*t->s.error) {
		deia__exec_fail_by_words(t, "agent_failed", 0, t->s.error);
		return;
	}
	if (end->signal == 0 && format->needs_result && *words &&
	    fail_if_known(t, 0, words + 2))
		return;
	if (end->signal)
		deia__exec_turn_fail(t, "command_failed", false, 0,
				     "%s was ended by signal %d (%s)%s",
				     program_of(t), end->signal,
				     strsignal(end->signal), words);
	else if (end->code)
		deia__exec_turn_fail(t, "command_failed",
				     end->code == EXIT_TEMPORARY, 0,
				     "%s exited with status %d%s",
				     program_of(t), end->code, words);
	else
		deia__exec_turn_fail(t, "answer_cut", true, 0,
				     "%s ended without a result line; is its "
				     "output %s? (option format)%s",
				     program_of(t), format->name, words);
}

void deia__exec_fail_start(struct exec_turn *t, int error)
{
	const char *what = strerror(error);

	if (error == E2BIG)
		deia__exec_turn_fail(t, "prompt_too_long", false, 0,
				     "arguments and environment together are "
				     "too long for the system: leave {prompt} "
				     "out of argv, then the prompt goes by "
				     "stdin");
	else if (error == ENOENT)
		deia__exec_turn_fail(t, "command_not_found", false, 0,
				     "%s cannot be run in %s: the program, its "
				     "interpreter or the folder is not there",
				     t->argv[0], t->x->config.dir);
	else if (error == EACCES || error == ENOEXEC)
		deia__exec_turn_fail(t, "command_not_found", false, 0,
				     "%s cannot be run: %s; a script needs "
				     "chmod +x and a first line like #!/bin/sh",
				     t->argv[0], what);
	else
		deia__exec_turn_fail(t, "command_not_started", true, 0,
				     "%s cannot be started now: %s", t->argv[0],
				     what);
}
