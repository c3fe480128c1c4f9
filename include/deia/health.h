/* SPDX-License-Identifier: MIT */
/*
 * health.h - a health monitor: samples in, alerts and one status out.
 *
 * It only judges. The caller measures, tells what it saw, and looks about once
 * a second; a callback says what there is to tell:
 *
 *	deia_health_new(&h, &opts);		    opts.on_change: who is told
 *	deia_health_put(h, samples, n);		    whenever something is known
 *	deia_health_look(h, now, unix);		    judges, calls on_change
 *	deia_health_remove(h, "bot", "BOT-001");    it is gone
 *	deia_health_get_summary(h, &summary);	    HEALTHY, score, since when
 *
 * A metric has a name ("host.cpu_ratio"); one with a scope has a value for each
 * subject of it ("bot.success_ratio" of bot "BOT-001"). A value counts until
 * the next one, or until it is forgotten.
 *
 * A rule compares a metric with up to three levels, and makes one alert a
 * subject, which moves between the levels:
 *
 *  - a level is reached when its value was reached in every look of for_ms;
 *  - it is left when its clear value was not reached for keep_ms; so what
 *    comes and goes is one alert. One that fires again within flap_ms of its
 *    end is kept for flap_ms;
 *  - an alert without acknowledgement is told again after remind_ms of its
 *    level, then after twice that, and so on: the step says how often. One that
 *    is silenced is told when the silence ends;
 *  - the status is CRITICAL while a critical alert fires, DEGRADED while a
 *    warning does, else HEALTHY, whoever has seen it.
 *
 * docs/health.md has the metrics, the rules that are there from the start, the
 * score and what becomes of an alert.
 *
 * It does no input or output and has no clock: `now_ms` is milliseconds of any
 * clock that does not step back (an earlier time counts as the latest one
 * seen), `unix_ms` the wall clock, for people. The same calls judge the same;
 * only the ids of alerts are random. Memory is bounded: under 2.5 KiB an alert,
 * 1 KiB a bot with the built-in rules, 800 KiB for the timeline.
 * Threads: one monitor belongs to one thread at a time. All since 0.3.
 */
#ifndef DEIA_HEALTH_H
#define DEIA_HEALTH_H

#include <deia/error.h>
#include <deia/limits.h>

DEIA_BEGIN

typedef struct deia_health deia_health;
struct cJSON;
struct deia_jw;
struct deia_field_error; /* deia/bot.h */

#define DEIA_HEALTH_MAX_ALERTS 100000
#define DEIA_HEALTH_MAX_METRICS 128 /* with the built-in ones */
#define DEIA_HEALTH_MAX_SCOPES 16
#define DEIA_HEALTH_MAX_SUBJECTS DEIA_MAX_BOTS /* of a scope */
#define DEIA_HEALTH_MAX_SUBJECT_LEN 128
#define DEIA_HEALTH_MAX_RULES 128
#define DEIA_HEALTH_MAX_CONDITIONS 4
#define DEIA_HEALTH_MAX_TEXT_LEN 500 /* bytes of a rule's text */
#define DEIA_HEALTH_MAX_FOR_MS 86400000
#define DEIA_HEALTH_MAX_SILENCE_MS (90 * INT64_C(86400000))
#define DEIA_HEALTH_KEPT 16 /* metrics in the timeline */

typedef enum deia_health_level {
	DEIA_HEALTH_INFO,
	DEIA_HEALTH_WARNING,
	DEIA_HEALTH_CRITICAL
} deia_health_level;
#define DEIA_HEALTH_LEVELS 3
/* "info", "warning", "critical"; "unknown" for a value that is none; static
 * text. */
DEIA_API const char *deia_health_level_name(deia_health_level level);

typedef enum deia_health_status {
	DEIA_HEALTH_IS_HEALTHY,
	DEIA_HEALTH_IS_DEGRADED,
	DEIA_HEALTH_IS_CRITICAL
} deia_health_status;
#define DEIA_HEALTH_STATUSES 3
/* "HEALTHY", "DEGRADED", "CRITICAL"; "unknown" for a value that is none;
 * static text. */
DEIA_API const char *deia_health_status_name(deia_health_status status);

/* ---- alerts ------------------------------------------------------------ */

/* firing -> resolved; there is no other way. */
typedef enum deia_health_state {
	DEIA_HEALTH_FIRING,
	DEIA_HEALTH_RESOLVED
} deia_health_state;
/* "firing", "resolved"; "unknown" for a value that is none; static text. */
DEIA_API const char *deia_health_state_name(deia_health_state state);

/* X(enumerator, name) What ended an alert. */
#define DEIA_HEALTH_END_LIST(X)                                                \
	X(DEIA_HEALTH_NOT_ENDED, "")                                           \
	X(DEIA_HEALTH_CLEARED, "cleared") /* what was wrong is over */         \
	X(DEIA_HEALTH_GONE, "gone")	  /* the subject, or its value */      \
	X(DEIA_HEALTH_NO_RULE, "no_rule") /* its rule was taken out */         \
	X(DEIA_HEALTH_BY_HAND, "by_hand")

typedef enum deia_health_end {
#define DEIA_HEALTH_END_ENUM(e, n) e,
	DEIA_HEALTH_END_LIST(DEIA_HEALTH_END_ENUM)
#undef DEIA_HEALTH_END_ENUM
} deia_health_end;
#define DEIA_HEALTH_ENDS 5
/* The name above; "unknown" for a value that is none; static text. */
DEIA_API const char *deia_health_end_name(deia_health_end end);

/* Who did something to an alert, when and why; at_unix_ms 0: nobody did. */
struct deia_health_mark {
	int64_t at_unix_ms;
	char by[DEIA_MAX_ID_LEN + 1];
	char reason[256];
};

struct deia_health_alert {
	char id[37]; /* UUIDv7 */
	char rule[DEIA_MAX_ID_LEN + 1];
	char metric[DEIA_MAX_ID_LEN + 1];
	char scope[DEIA_MAX_ID_LEN + 1];	       /* or "" */
	char subject[DEIA_HEALTH_MAX_SUBJECT_LEN + 1]; /* or "" */
	deia_health_state state;
	deia_health_level level, peak; /* now or at the end; the highest */
	deia_health_end end;
	double value, at; /* the last one seen; what its level is reached at */
	int64_t fired_unix_ms, level_unix_ms; /* the latter: of this level */
	int64_t resolved_unix_ms;	      /* 0: it fires */
	bool told;			      /* there was a NOTIFY */
	unsigned step; /* how often it was told again; 0 after each change */
	unsigned relapses; /* how often it was almost over */
	struct deia_health_mark acknowledged;
	deia_health_level acknowledged_level; /* it counts up to this one */
	struct deia_health_mark silenced;
	int64_t silent_until_unix_ms;		 /* 0: not silenced */
	struct deia_health_mark resolved_by;	 /* BY_HAND */
	char summary[240];			 /* what is wrong, in numbers */
	char text[DEIA_HEALTH_MAX_TEXT_LEN + 1]; /* of the rule: what to do */
};

/* X(enumerator, name) What happened to an alert. */
#define DEIA_HEALTH_CHANGE_LIST(X)                                             \
	X(DEIA_HEALTH_GENERATED, "generated")                                  \
	X(DEIA_HEALTH_ESCALATED, "escalated") /* to a higher level */          \
	X(DEIA_HEALTH_DEESCALATED, "deescalated")                              \
	X(DEIA_HEALTH_ACKNOWLEDGED, "acknowledged")                            \
	X(DEIA_HEALTH_SILENCED, "silenced")                                    \
	X(DEIA_HEALTH_UNSILENCED, "unsilenced") /* time is over, or by hand */ \
	X(DEIA_HEALTH_NOTIFY, "notify")		/* tell people, now */         \
	X(DEIA_HEALTH_ENDED, "resolved")

typedef enum deia_health_change {
#define DEIA_HEALTH_CHANGE_ENUM(e, n) e,
	DEIA_HEALTH_CHANGE_LIST(DEIA_HEALTH_CHANGE_ENUM)
#undef DEIA_HEALTH_CHANGE_ENUM
} deia_health_change;
#define DEIA_HEALTH_CHANGES 8
/* The name above; "unknown" for a value that is none; static text. */
DEIA_API const char *deia_health_change_name(deia_health_change change);

/*
 * Something happened to an alert: store it, journal it. People are told only
 * for NOTIFY, which follows GENERATED, and ESCALATED, unless it is silenced or
 * acknowledged on such a level, and for ENDED if alert->told. from: the level
 * before. The alert is as it is after the whole call, and borrowed for this one.
 * Called at the end of the call that changed it, in the order in which things
 * happened; it may read the monitor, and must not change it (DEIA_ESTATE).
 */
struct deia_health_event {
	deia_health_change change;
	deia_health_level from;
	const struct deia_health_alert *alert;
};
typedef void (*deia_health_change_cb)(const struct deia_health_event *event,
				      void *user);

/* ---- life -------------------------------------------------------------- */

struct deia_health_opts {
	size_t size;
	/* Alerts kept, 1..DEIA_HEALTH_MAX_ALERTS: 1000. The resolved ones that
	 * are oldest make room; an eighth is for critical ones. See
	 * deia_health_summary.unkept. */
	unsigned max_alerts;
	bool no_rules;	  /* begin without the built-in ones */
	bool no_timeline; /* and without its memory */
	/* Told again, by level: 30, 15, 5 minutes, doubled each time up to
	 * remind_max_ms, 4 hours. 0: never; at most 86400000. */
	int64_t remind_ms[DEIA_HEALTH_LEVELS];
	int64_t remind_max_ms;
	int64_t flap_ms;   /* 0..86400000: 600000 */
	int64_t reopen_ms; /* resolved by hand, still so: 3600000 */
	/* Nobody looked for so long (a suspended machine): what was not yet
	 * reached begins anew. 1000..86400000: 60000 */
	int64_t gap_ms;
	int64_t point_ms; /* between points of the timeline, 1000..60000: 5000 */
	deia_health_change_cb on_change; /* or NULL */
	void *user;
};
#define DEIA_HEALTH_OPTS_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_health_opts), .max_alerts = 1000,   \
		.remind_ms = { 1800000, 900000, 300000 },                      \
		.remind_max_ms = 14400000, .flap_ms = 600000,                  \
		.reopen_ms = 3600000, .gap_ms = 60000, .point_ms = 5000        \
	}

/*
 * Makes a monitor with the built-in metrics and rules that has seen nothing.
 * opts: copied; NULL for defaults. DEIA_OK; DEIA_EINVAL: an option is out of
 * its range; DEIA_ENOMEM. Any thread.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_new(deia_health **out, const struct deia_health_opts *opts);
/* Frees it and all that it returned; calls nobody. NULL is fine. */
DEIA_API void deia_health_free(deia_health *h);
/* One line about the last call that failed; lives until the next one that
 * does. */
DEIA_API const char *deia_health_errmsg(const deia_health *h);

/* ---- metrics and samples ----------------------------------------------- */

struct deia_health_metric {
	size_t size;
	const char *name;  /* 1..DEIA_MAX_ID_LEN of a-z, 0-9, '.', '_' */
	const char *scope; /* the same; NULL: it has one value */
	double min, max;   /* of its values, both finite */
	bool kept; /* in the timeline; without a scope, DEIA_HEALTH_KEPT */
	const char *text; /* "CPU of the machine"; copied, 1..64 bytes */
};
#define DEIA_HEALTH_METRIC_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_health_metric), .max = 1e15         \
	}
/*
 * Makes another metric known. DEIA_OK; DEIA_EINVAL: a member is wrong;
 * DEIA_EEXIST; DEIA_ELIMIT: DEIA_HEALTH_MAX_METRICS, DEIA_HEALTH_MAX_SCOPES,
 * DEIA_HEALTH_KEPT; DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_add_metric(deia_health *h, const struct deia_health_metric *metric);
/* The i-th metric, the built-in ones first, in *out; its texts live as long as
 * h. false: there are not so many. */
DEIA_API bool deia_health_get_metric(const deia_health *h, size_t i,
				     struct deia_health_metric *out);

struct deia_health_sample {
	const char *metric;
	/* 1..DEIA_HEALTH_MAX_SUBJECT_LEN bytes of UTF-8 without controls; NULL
	 * where the metric has no scope. */
	const char *subject;
	double value;
};
/*
 * Takes in what was measured, all or nothing. What it means is found out by
 * the next look. DEIA_OK; DEIA_EINVAL: not a number, infinite, out of the
 * metric's range, a subject that is missing, absurd or not wanted;
 * DEIA_ENOTFOUND: there is no such metric; DEIA_ELIMIT:
 * DEIA_HEALTH_MAX_SUBJECTS; DEIA_ENOMEM. errmsg names the sample.
 */
DEIA_API DEIA_NODISCARD deia_err deia_health_put(
	deia_health *h, const struct deia_health_sample *samples, size_t n);
/* The value of this metric is not known any more; the next look ends what
 * fires for it. subject: as in a sample. What is unknown is forgotten already.
 */
DEIA_API void deia_health_forget(deia_health *h, const char *metric,
				 const char *subject);
/* The same for all metrics of a scope: the subject is gone. */
DEIA_API void deia_health_remove(deia_health *h, const char *scope,
				 const char *subject);
/* The value that counts; NAN: none. */
DEIA_API double deia_health_get(const deia_health *h, const char *metric,
				const char *subject);

/* ---- rules ------------------------------------------------------------- */

typedef enum deia_health_compare {
	DEIA_HEALTH_ABOVE,    /* > */
	DEIA_HEALTH_AT_LEAST, /* >= */
	DEIA_HEALTH_BELOW,    /* < */
	DEIA_HEALTH_AT_MOST   /* <= */
} deia_health_compare;
#define DEIA_HEALTH_COMPARES 4
/* ">", ">=", "<", "<="; "unknown" for a value that is none; static text. */
DEIA_API const char *deia_health_compare_name(deia_health_compare compare);

/* Reached: the metric compares so with `at`. Left: it no longer compares so
 * with `clear`, which is `at` or further off. */
struct deia_health_limit {
	bool used;
	double at, clear;
	int64_t for_ms; /* 0..DEIA_HEALTH_MAX_FOR_MS */
};

/* Another metric, of the same subject or without a scope. One whose value is
 * unknown does not hold. */
struct deia_health_condition {
	const char *metric;
	deia_health_compare compare;
	double at, clear; /* clear is not looked at in `unless` */
};

struct deia_health_rule {
	size_t size;
	const char *id; /* 1..DEIA_MAX_ID_LEN letters, digits, '.', '_', '-' */
	const char *metric;
	deia_health_compare compare;
	/* One or more; a higher one is as far off as a lower one, or further. */
	struct deia_health_limit levels[DEIA_HEALTH_LEVELS];
	int64_t keep_ms; /* 0..DEIA_HEALTH_MAX_FOR_MS */
	/* Each must hold as well, at first and to stay. */
	struct deia_health_condition also[DEIA_HEALTH_MAX_CONDITIONS];
	size_t n_also;
	/* While one holds no level is reached; what fires is not ended by it. */
	struct deia_health_condition unless[DEIA_HEALTH_MAX_CONDITIONS];
	size_t n_unless;
	bool off;	  /* known, and not used */
	const char *text; /* what to do; at most DEIA_HEALTH_MAX_TEXT_LEN */
};
#define DEIA_HEALTH_RULE_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_health_rule),                       \
		.compare = DEIA_HEALTH_AT_LEAST, .text = ""                    \
	}

/* The built-in rules, *n of them; static. Any thread. */
DEIA_API const struct deia_health_rule *deia_health_default_rules(size_t *n);
/*
 * Other rules in the place of all that there are; copied. An alert whose rule
 * still has its id and metric goes on under the new one, others are ended by
 * the next look. DEIA_OK; DEIA_EFIELD: where says which (may be NULL), as does
 * errmsg; DEIA_ELIMIT: DEIA_HEALTH_MAX_RULES; DEIA_ENOMEM. After a failure
 * nothing is changed.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_set_rules(deia_health *h, const struct deia_health_rule *rules,
		      size_t n, struct deia_field_error *where);
/* The i-th rule in *out; its texts live until the rules change. false: there
 * are not so many. */
DEIA_API bool deia_health_get_rule(const deia_health *h, size_t i,
				   struct deia_health_rule *out);

/*
 * The rules as JSON, read strictly: {"rules":[{"id","metric","compare",
 * "levels":{"warning":{"at","clear","for_seconds"},...},"keep_seconds",
 * "also":[{"metric","compare","at","clear"},...],"unless":[...],"enabled",
 * "text"},...]}. Left out: clear is at, compare is ">=", times are 0, lists
 * are empty, enabled is true. null: what was built in.
 * DEIA_OK; DEIA_EFIELD: where (may be NULL) says which member ("/rules/0/id");
 * DEIA_ELIMIT, DEIA_ENOMEM. After a failure nothing is changed.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_set_rules_json(deia_health *h, const struct cJSON *json,
			   struct deia_field_error *where);
/* Says what deia_health_set_rules_json would, and changes nothing. */
DEIA_API DEIA_NODISCARD deia_err
deia_health_check_rules_json(deia_health *h, const struct cJSON *json,
			     struct deia_field_error *where);
/* Prints the same object, every member of it. */
DEIA_API void deia_health_print_rules(const deia_health *h, struct deia_jw *w);

/* ---- looking ----------------------------------------------------------- */

/*
 * Judges what is known now. DEIA_OK; DEIA_EINVAL: a time is negative;
 * DEIA_ENOMEM: an alert could not be made, the next look tries again, all else
 * is done; DEIA_ESTATE: called by on_change.
 */
DEIA_API DEIA_NODISCARD deia_err deia_health_look(deia_health *h,
						  int64_t now_ms,
						  int64_t unix_ms);

/* ---- what people do to alerts ------------------------------------------- */

/*
 * by: who, an id; reason: one line, at most 255 bytes of UTF-8, may be "".
 * All: DEIA_OK; DEIA_EINVAL: by, reason or a time; DEIA_ENOTFOUND: no such
 * alert is kept; DEIA_ESTATE: it is resolved, or on_change called;
 * DEIA_ENOMEM.
 */

/* by has seen it: it is not told again, unless it escalates above the level that
 * it has now, which takes the acknowledgement back. A second one takes the place
 * of the first. */
DEIA_API DEIA_NODISCARD deia_err deia_health_acknowledge(deia_health *h,
							 const char *id,
							 const char *by,
							 const char *reason,
							 int64_t unix_ms);
/*
 * Nobody is told of it until then, nor of another alert of the same rule and
 * subject. until_unix_ms: after unix_ms by at most DEIA_HEALTH_MAX_SILENCE_MS;
 * 0: end a silence now.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_silence(deia_health *h, const char *id, const char *by,
		    const char *reason, int64_t until_unix_ms, int64_t unix_ms);
/*
 * It is dealt with. If what was wrong goes on, another alert fires when it
 * reaches a higher level, or still goes on after reopen_ms.
 */
DEIA_API DEIA_NODISCARD deia_err deia_health_resolve(deia_health *h,
						     const char *id,
						     const char *by,
						     const char *reason,
						     int64_t unix_ms);

/* ---- reading ------------------------------------------------------------ */

struct deia_health_summary {
	deia_health_status status;
	int64_t since_unix_ms; /* of this status; 0: no look yet */
	unsigned score;	       /* 0..100: 100 less all deductions */
	unsigned firing[DEIA_HEALTH_LEVELS];
	unsigned acknowledged, silenced; /* of the firing ones */
	unsigned kept;			 /* alerts, the resolved ones as well */
	/* Causes that should fire and found no room among max_alerts; they are
	 * in status and score as nothing. */
	unsigned unkept;
};
/* As of the last call that changed something. */
DEIA_API void deia_health_get_summary(const deia_health *h,
				      struct deia_health_summary *out);

/* What the score loses by the alerts of one rule on one level. */
struct deia_health_deduction {
	char rule[DEIA_MAX_ID_LEN + 1];
	deia_health_level level;
	unsigned alerts;
	unsigned points; /* may be 0: the level has taken all that it can */
};
/* Copies up to max, the highest level first, then most points; returns how many
 * there are. */
DEIA_API size_t deia_health_deductions(const deia_health *h,
				       struct deia_health_deduction *out,
				       size_t max);

/* The alert, borrowed until the next call that changes h; NULL: it is not
 * kept. */
DEIA_API const struct deia_health_alert *deia_health_get_alert(
	const deia_health *h, const char *id);
/* The kept alert that fired next before `before`, which is NULL for the newest;
 * borrowed as above. NULL: there is none. */
DEIA_API const struct deia_health_alert *deia_health_next_alert(
	const deia_health *h, const struct deia_health_alert *before);

/* ---- over a restart ------------------------------------------------------ */

/* Prints an alert as one JSON object, as the API shows it. Any thread. */
DEIA_API void deia_health_print_alert(const struct deia_health_alert *alert,
				      struct deia_jw *w);
/*
 * Takes in an alert that was printed in another life; call it with the oldest
 * first, after rules and metrics, before the first look. One that fires goes on
 * under its rule; it ends when there is no rule, and when there is no value
 * for ten minutes after the first look. Tells nobody. json: borrowed.
 * DEIA_OK; DEIA_EFIELD: where (may be NULL); DEIA_EEXIST: it is kept already,
 * or another of its rule and subject fires; DEIA_ELIMIT: max_alerts;
 * DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_health_restore_alert(deia_health *h, const struct cJSON *json,
			  struct deia_field_error *where);

/* ---- timeline ------------------------------------------------------------ */

/* Some time of it. */
struct deia_health_point {
	int64_t at_unix_ms;	   /* when it began */
	unsigned seconds;	   /* how long it is, rounded up */
	deia_health_status status; /* the worst in it */
	unsigned score;		   /* the lowest */
	unsigned firing;	   /* alerts, the most */
	/* Mean and highest by the number of a kept metric; NAN: unknown. */
	double mean[DEIA_HEALTH_KEPT], max[DEIA_HEALTH_KEPT];
};
/*
 * Copies the points of the last hours up to the last look, oldest first, at
 * most max, the newest ones; returns how many. hours: up to 1 in points of
 * opts.point_ms, up to 24 of a minute, up to 720 of a quarter of an hour, more
 * counts as 720; 0 or less, and what is not a number: none. The newest point
 * may still grow.
 */
DEIA_API size_t deia_health_timeline(const deia_health *h, double hours,
				     struct deia_health_point *out, size_t max);
/* The metric at this place of mean and max, static for h; NULL: none. */
DEIA_API const char *deia_health_kept_metric(const deia_health *h, size_t i);

DEIA_END

#endif
