/* SPDX-License-Identifier: MIT */
/*
 * trial.h - plays the hive against a bot program and says what it gets wrong.
 *
 * `deia bot test` is a thin front of this. Lines are read by the supervisor's
 * own reader, and the program runs under deia-guard as it would in a hive, so
 * what passes here is understood there. The checks are listed in
 * docs/bot-protocol.md.
 *
 * Threads: a trial belongs to the thread that runs it; callbacks come from
 * inside deia_trial_run. Several may run at once in threads of their own.
 */
#ifndef DEIA_TRIAL_H
#define DEIA_TRIAL_H

#include <deia/error.h>

DEIA_BEGIN

/* X(enumerator, name used in the output of `deia bot test --json`) */
#define DEIA_TRIAL_VERDICT_LIST(X)                                             \
	X(DEIA_TRIAL_OK, "ok")                                                 \
	X(DEIA_TRIAL_WARNING,                                                  \
	  "warning") /* works, but less well than it could */                  \
	X(DEIA_TRIAL_FAILED, "failed") /* a hive would have trouble with it */ \
	X(DEIA_TRIAL_SKIPPED, "skipped") /* could not be tried, and why */

typedef enum deia_trial_verdict {
#define DEIA_TRIAL_VERDICT_ENUM(e, n) e,
	DEIA_TRIAL_VERDICT_LIST(DEIA_TRIAL_VERDICT_ENUM)
#undef DEIA_TRIAL_VERDICT_ENUM
} deia_trial_verdict;

/* "warning" for DEIA_TRIAL_WARNING; static text. Any thread. Since 0.1. */
DEIA_API const char *deia_trial_verdict_name(deia_trial_verdict verdict);

/* What one check found. All text lives until the callback returns. */
struct deia_trial_finding {
	const char *check; /* a stable word: "ready", "ping", "task" ... */
	deia_trial_verdict verdict;
	const char *detail; /* one line: what happened */
	const char *advice; /* one line: what to change; "" when ok */
	const char *line;   /* the bot's line that was wrong, or NULL */
	size_t line_len;    /* bytes of it; a long one is cut */
	int64_t took_ms;
};

struct deia_trial_opts {
	size_t size;
	const char *guard_program; /* path of deia-guard; required */
	const char *const *argv;   /* the bot's program; required */
	size_t n_argv;
	const char *cwd;	/* its folder; NULL: the current one */
	const char *const *env; /* "NAME=value", n_env of them */
	size_t n_env;
	const char *config;	  /* a JSON object for `init`, or NULL */
	const char *prompt;	  /* what it is asked, or NULL */
	unsigned timeout_seconds; /* for each answer, 1..3600; default 10 */
	void *user;		  /* handed to the callbacks */
	/* One check is done. Required. */
	void (*on_finding)(const struct deia_trial_finding *finding,
			   void *user);
	/* A line of the program's standard error. May be NULL. */
	void (*on_log)(const char *text, size_t len, void *user);
};
#define DEIA_TRIAL_OPTS_INIT                                                   \
	{                                                                      \
		.size = sizeof(struct deia_trial_opts), .timeout_seconds = 10  \
	}

/* How many checks ended how. */
struct deia_trial_result {
	unsigned ok, warnings, failed, skipped;
};

/*
 * Runs all checks, one after the other, and returns when the program and its
 * descendants have ended. It blocks, for at most a few timeouts a check, and
 * runs an event loop of its own. A write to a program that has just ended
 * raises no SIGPIPE.
 * *result is filled in any case. That checks failed is no error of this call:
 * DEIA_OK then, too. DEIA_EINVAL (an option is missing or out of range, or
 * config is no JSON object), DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_trial_run(
	const struct deia_trial_opts *opts, struct deia_trial_result *result);

DEIA_END

#endif
