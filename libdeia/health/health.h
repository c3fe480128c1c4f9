/* SPDX-License-Identifier: MIT */
/*
 * health.h - inside of the health monitor.
 *
 * A scope numbers its subjects; what has no scope is subject 0 of the first
 * one. Values, and what a rule watches, are arrays by that number, so that a
 * look goes straight through memory. Numbers compare as `sign * value >=
 * limit`, whatever the rule's comparison is.
 */
#ifndef DEIA_HEALTH_HEALTH_H
#define DEIA_HEALTH_HEALTH_H

#include <deia/health.h>

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#include "core/errmsg.h"

#define DEIA__HEALTH_NEVER INT64_MIN
#define DEIA__HEALTH_TIERS 3

struct deia__health_subject {
	unsigned index;
	bool gone; /* its number is free after the next look */
	char name[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];
	UT_hash_handle hh;
};

struct deia__health_scope {
	char name[DEIA_MAX_ID_LEN + 1]; /* "": of what has none */
	struct deia__health_subject *by_name;
	struct deia__health_subject **subjects; /* by number; NULL: free */
	unsigned n, cap;			/* numbers given; room */
	unsigned first_free;			/* no smaller number is free */
};

struct deia__health_metric {
	struct deia_health_metric pub; /* texts are those below */
	char name[DEIA_MAX_ID_LEN + 1], text[65];
	struct deia__health_scope *scope;
	double *values; /* scope->cap of them; NaN: unknown */
	int kept;	/* place in the timeline, or -1 */
	UT_hash_handle hh;
};

struct deia__health_alert;

/* A rule and a subject. Arrays are by level. */
struct deia__health_watch {
	int64_t since_ms[DEIA_HEALTH_LEVELS]; /* reached without a break */
	int64_t held_ms[DEIA_HEALTH_LEVELS];  /* not left, the last time */
	struct deia__health_alert *alert;     /* the latest, while kept */
	int64_t muted_ms;		      /* resolved by hand: until then */
	uint8_t on;			      /* bit: this level counts */
	uint8_t slack;			      /* bit: it would be left now */
	uint8_t muted;			      /* level + 1; 0: it is not */
	bool flaps;			      /* kept for flap_ms */
	bool waits; /* restored, and no value came yet */
};

struct deia__health_test {
	const struct deia__health_metric *metric;
	double sign, at, clear;
};

struct deia__health_rule {
	struct deia_health_rule pub; /* texts are in `texts` */
	char *texts;
	struct deia__health_metric *metric;
	double sign, at[DEIA_HEALTH_LEVELS], clear[DEIA_HEALTH_LEVELS];
	double lowest; /* of `at`: nothing below is worth a look */
	uint8_t used;  /* bit: level */
	struct deia__health_test also[DEIA_HEALTH_MAX_CONDITIONS];
	struct deia__health_test unless[DEIA_HEALTH_MAX_CONDITIONS];
	/* As many as the metric's scope has room for; NULL when it is off. */
	bool *busy; /* the watch has something to remember */
	struct deia__health_watch *watches;
	unsigned firing[DEIA_HEALTH_LEVELS];
};

struct deia__health_alert {
	struct deia_health_alert pub;	/* first */
	struct deia__health_rule *rule; /* NULL: gone, or the subject is */
	unsigned subject;
	bool lost;	    /* it fires, and its rule is gone */
	int64_t remind_ms;  /* when it is told again */
	uint64_t told_look; /* number of the look of the last NOTIFY */
	unsigned queued;    /* events that name it */
	struct deia__health_alert *prev, *next; /* by age, newest last */
	/* In `firing`, or in `resolved`, where the first is the first to go. */
	struct deia__health_alert *s_prev, *s_next;
	UT_hash_handle hh;
};

/* One time of the timeline, kept and while it grows. */
struct deia__health_slot {
	int64_t at_ms, at_unix_ms;
	uint32_t firing;
	uint8_t status, score;
	float mean[DEIA_HEALTH_KEPT], max[DEIA_HEALTH_KEPT];
};
struct deia__health_tier {
	int64_t width_ms;
	struct deia__health_slot *ring;
	unsigned cap, n, next;
	bool open;
	struct deia__health_slot now; /* without mean */
	double sum[DEIA_HEALTH_KEPT];
	uint32_t count[DEIA_HEALTH_KEPT];
};

struct deia_health {
	struct deia_health_opts opts;
	struct deia__errmsg msg;
	int64_t now_ms; /* of the latest look */
	int64_t unix_ms;
	uint64_t looks;
	bool looked, gap;   /* there was a look; this one is after a gap */
	int64_t restore_ms; /* end of waiting for restored subjects */
	bool calling;	    /* on_change runs */
	bool sweep;	    /* some subject is gone */

	struct deia__health_scope *scopes[DEIA_HEALTH_MAX_SCOPES];
	unsigned n_scopes;
	struct deia__health_metric *metrics[DEIA_HEALTH_MAX_METRICS];
	struct deia__health_metric *by_name;
	unsigned n_metrics;
	const struct deia__health_metric *kept[DEIA_HEALTH_KEPT];
	unsigned n_kept;

	struct deia__health_rule **rules;
	unsigned n_rules;

	struct deia__health_alert *alerts, *firing, *resolved, *by_id;
	unsigned n_alerts, n_firing[DEIA_HEALTH_LEVELS], unkept;
	bool failed;	/* an alert could not be made in this look */
	bool lost;	/* some alert may be */
	int64_t due_ms; /* before this nobody is told again */
	bool silences;	/* some alert may be silenced */

	struct deia_health_event *events;
	size_t n_events, cap_events;

	deia_health_status status;
	int64_t status_unix_ms;

	/* For put: where each sample goes. */
	struct deia__health_place *places;
	size_t cap_places;

	struct deia__health_tier tiers[DEIA__HEALTH_TIERS];
};

struct deia__health_place {
	struct deia__health_metric *metric;
	struct deia__health_subject *subject;
	unsigned index;
};

/* ---- names, words ------------------------------------------------------- */

/* 1..DEIA_MAX_ID_LEN bytes of a-z, 0-9, '.', '_'. */
bool deia__health_is_name(const char *s);
/* Letters, digits, '.', '_', '-': ids of rules and people. */
bool deia__health_is_id(const char *s);
/* Whole UTF-8 of min..max bytes without controls. */
bool deia__health_is_line(const char *s, size_t min, size_t max);
int deia__health_compare_parse(const char *name); /* -1: none */
int deia__health_level_parse(const char *name);	  /* -1: none */
/* A value of this metric with its unit, "93 %", "1.5 s", "20 MiB". */
void deia__health_value(char out[static 32], const char *metric, double v);
/* Prints one line, cut between characters. */
void deia__health_say(char *out, size_t len, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
/* What is wrong, in numbers, into the alert. */
void deia__health_summarize(struct deia__health_alert *a);
/* Fills where (may be NULL); returns DEIA_EFIELD. */
deia_err deia__health_wrong(struct deia_field_error *where, const char *pointer,
			    const char *fmt, ...) DEIA_PRINTF(3, 4);

/* ---- metrics, subjects -------------------------------------------------- */

extern const struct deia_health_metric deia__health_metrics[];
extern const size_t deia__health_n_metrics;

deia_err deia__health_add_builtin(deia_health *h);
struct deia__health_metric *deia__health_metric(const deia_health *h,
						const char *name);
/* DEIA_OK, DEIA_ELIMIT, DEIA_ENOMEM. A new one is `gone` until it has a value. */
deia_err deia__health_subject(deia_health *h, struct deia__health_scope *scope,
			      const char *name,
			      struct deia__health_subject **out);
/* Gives back the numbers of those that are gone. */
void deia__health_sweep(deia_health *h);
void deia__health_metrics_fini(deia_health *h);

/* ---- rules -------------------------------------------------------------- */

/* Checks and copies rules; *out are *n_out new ones. */
deia_err deia__health_compile(deia_health *h,
			      const struct deia_health_rule *rules, size_t n,
			      struct deia__health_rule ***out,
			      struct deia_field_error *where);
void deia__health_rules_free(struct deia__health_rule **rules, size_t n);
/* They are in force from now on. */
void deia__health_adopt(deia_health *h, struct deia__health_rule **rules,
			unsigned n);
/* Room of a scope grew to cap: more of busy and watches. */
bool deia__health_rule_grow(struct deia__health_rule *r, unsigned had,
			    unsigned cap);
struct deia__health_rule *deia__health_rule(const deia_health *h,
					    const char *id);

/* ---- judging, alerts ---------------------------------------------------- */

void deia__health_judge(deia_health *h);
void deia__health_watch_reset(struct deia__health_watch *w);

/*
 * A new alert, zeroed and in no list; a resolved one makes room. NULL: there
 * is no room for this level (*full) or no memory.
 */
struct deia__health_alert *deia__health_alert_new(deia_health *h,
						  deia_health_level level,
						  bool *full);
/* Into the lists and counts, by what it says; false: out of memory, it is
 * freed. */
bool deia__health_alert_add(deia_health *h, struct deia__health_alert *a);
/* One begins to fire for a watch, or could not. */
void deia__health_alert_fire(deia_health *h, struct deia__health_rule *r,
			     unsigned subject, deia_health_level level);
/* It is on another level; it is over. Later, when memory is short. */
void deia__health_alert_move(deia_health *h, struct deia__health_alert *a,
			     deia_health_level level);
void deia__health_alert_end(deia_health *h, struct deia__health_alert *a,
			    deia_health_end end);
/* Ends those that lost their rule; tells again who has not been heard. */
void deia__health_end_lost(deia_health *h);
void deia__health_remind(deia_health *h);
void deia__health_alerts_fini(deia_health *h);

/* Room for n more events. */
bool deia__health_reserve(deia_health *h, size_t n);
void deia__health_event(deia_health *h, struct deia__health_alert *a,
			deia_health_change change, deia_health_level from);
/* The status is found anew, then on_change is called for all that happened. */
void deia__health_tell(deia_health *h, int64_t unix_ms);

unsigned deia__health_score(const deia_health *h);

/* ---- timeline ----------------------------------------------------------- */

bool deia__health_timeline_init(deia_health *h);
void deia__health_timeline_fini(deia_health *h);
void deia__health_timeline_add(deia_health *h);

static inline double deia__health_is(const struct deia__health_test *t,
				     unsigned subject)
{
	return t->metric->values[t->metric->scope->name[0] ? subject : 0];
}

#endif
