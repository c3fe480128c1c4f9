/* SPDX-License-Identifier: MIT */
/*
 * hive_checks.h - the seven health checks: the hive tries what it is for, and
 * says in numbers how that went.
 *
 * Where hive_health.h watches figures that are kept anyway, a check acts: it
 * writes and reads a row, launches a bot and asks it something, verifies
 * checksums. Each says pass, warn or fail, what was measured beside its limits,
 * and what to do. All are run every ten minutes, first half a minute after the
 * start, and when an operator asks; one that runs is not begun a second time. A
 * check that does not come to its end in time has failed.
 *
 * Nothing here blocks the loop. Loop thread, as in hive.h; deia_hive_errmsg for
 * details. docs/HEALTH-CHECK-GUIDE.md says what each does. All since 0.3.
 */
#ifndef DEIA_HIVE_CHECKS_H
#define DEIA_HIVE_CHECKS_H

#include <deia/histogram.h>
#include <deia/hive.h>

DEIA_BEGIN

struct deia_jw;

/* X(enumerator, name in API, metrics and on the command line) */
#define DEIA_CHECK_LIST(X)                                                     \
	X(DEIA_CHECK_API, "api")                                               \
	X(DEIA_CHECK_DB, "db")                                                 \
	X(DEIA_CHECK_CACHE, "cache")                                           \
	X(DEIA_CHECK_BOTS, "bots")                                             \
	X(DEIA_CHECK_LLM, "llm")                                               \
	X(DEIA_CHECK_LOGS, "logs")                                             \
	X(DEIA_CHECK_DISK, "disk")

typedef enum deia_check {
#define DEIA_CHECK_ENUM(e, n) e,
	DEIA_CHECK_LIST(DEIA_CHECK_ENUM)
#undef DEIA_CHECK_ENUM
		DEIA_CHECKS
} deia_check;

typedef enum deia_check_status {
	DEIA_CHECK_UNKNOWN, /* it was not run yet */
	DEIA_CHECK_PASS,
	DEIA_CHECK_WARN,
	DEIA_CHECK_FAIL
} deia_check_status;

/* "disk"; static text. Any thread. */
DEIA_API const char *deia_check_name(deia_check check);
/* A deia_check by its name; -1: there is none. Any thread. */
DEIA_API int deia_check_parse(const char *name);
/* "pass", "warn", "fail", "unknown"; static text. Any thread. */
DEIA_API const char *deia_check_status_name(deia_check_status status);

#define DEIA_CHECK_FIGURES 6

/* Something that was measured. Above a limit it is what that says; a limit that
 * there is none of is a NAN. */
struct deia_check_figure {
	char name[32];	  /* "p95" */
	const char *unit; /* "seconds", "ratio", "count"; static */
	double value;
	double warn_above, fail_above;
	deia_check_status status;
};

struct deia_check_result {
	deia_check_status status; /* the worst of all that was found */
	int64_t checked_unix_ms;  /* when it ended; 0: never */
	int64_t duration_ms;
	struct deia_check_figure figures[DEIA_CHECK_FIGURES];
	unsigned n_figures;
	char text[768];	  /* what was found, in sentences */
	char advice[384]; /* what to do about the worst of it; "" for pass */
};

/* The latest result; lives until the loop runs again. Never NULL. */
DEIA_API const struct deia_check_result *deia_hive_check_get(
	const deia_hive *hive, deia_check check);

/*
 * Runs checks: the bit 1u << DEIA_CHECK_DISK of mask is for that one. One that
 * runs already is waited for, one that ended within the last two seconds counts
 * as run. cb: once all have ended, never inside this call; DEIA_ECANCELED: the
 * hive stops. DEIA_OK; DEIA_EDENIED: a viewer or a bot; DEIA_EINVAL: no such
 * check; DEIA_EBUSY: 64 wait already; DEIA_EUNAVAILABLE: the hive is not started
 * or stops; DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_checks_run(deia_hive *hive, const struct deia_actor *actor,
		     unsigned mask, deia_done_cb cb, void *user);

/* How often all are run by themselves; 0: never. 600 until it is said. */
DEIA_API void deia_hive_checks_set_interval(deia_hive *hive, unsigned seconds);

/* A result's members, into an open JSON object: all, or only check, status and
 * checked_at, which is what anybody may see. */
DEIA_API void deia_check_print(deia_check check,
			       const struct deia_check_result *result,
			       bool details, struct deia_jw *w);

/* ---- what the host program knows --------------------------------------- */

/* What a program wrote to its own log of late. */
struct deia_check_log {
	unsigned errors, warnings; /* in the last `seconds` */
	unsigned seconds;
	uint64_t lost; /* lines that it could not write, since the start */
};

/* A model server. All text is borrowed for the call; key_env and key_file may
 * be NULL, as in struct deia_bot_spec. */
struct deia_check_model {
	const char *adapter, *url;
	const char *key_env, *key_file;
};

/* problem: "" when it answered as it should, else one line. */
typedef void (*deia_check_answered_cb)(const char *problem, void *ctx);

/* Each call may be NULL: what it would say is then not known, and the check says
 * so. All are made on the loop and must not block. */
struct deia_checks_host {
	size_t size;
	void *user;
	/* How long requests took that waited for nobody, in microseconds, on
	 * DEIA_SCALE_FAST; since the start. */
	void (*requests)(struct deia_histogram *out, void *user);
	void (*log)(struct deia_check_log *out, void *user);
	/* Asks a model server whether it is there, within some seconds.
	 * answered must be called once, never inside this call, and before the
	 * hive is freed. False: it cannot be asked now. */
	bool (*ask_model)(const struct deia_check_model *model,
			  deia_check_answered_cb answered, void *ctx,
			  void *user);
};
#define DEIA_CHECKS_HOST_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_checks_host)                        \
	}

/* Copied. NULL: it knows nothing. DEIA_OK; DEIA_EINVAL: size is not of this
 * version. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_checks_set_host(deia_hive *hive, const struct deia_checks_host *host);

DEIA_END

#endif
