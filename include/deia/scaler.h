/* SPDX-License-Identifier: MIT */
/*
 * scaler.h - how many bots a template shall have: more when work waits, fewer
 * when they idle, within limits and with reasons.
 *
 * It only decides. The caller tells about once a second what it sees, and does
 * what comes back:
 *
 *	deia_scaler_set(s, "coder", &template);	    min_bots, max_bots ...
 *	deia_scaler_look(s, &look, now, &acts, &n);
 *	each of acts: LAUNCH count bots of the template, or DRAIN the bot: give
 *	it no more work, stop it when it has none, remove it
 *	deia_scaler_refused(s, ...);		    what could not be done
 *
 * Wanted are so many bots that a task is expected to wait no longer than
 * wait_seconds (Erlang's formula), and that the last of those that wait already
 * begins within twice that time, or twice what a launch takes. docs/scaling.md
 * has the formulas with their sources, a picture and measurements. The rules:
 *
 *  - below min_bots: up to it at once;
 *  - up: at most max(step_min, what there is) bots a step, up_cooldown_ms
 *    between steps; never above max_bots or opts.max_bots; nothing while the
 *    machine's CPU is taken or its memory would get short (min_bots: CPU does
 *    not count). What holds it back is said once, not at each look;
 *  - down: one idle bot at a time, the longest idle first, and only when no
 *    look of the last down_window_ms wanted as many, with a margin; then
 *    nothing for down_cooldown_ms. Never below min_bots, never a busy one. A
 *    small step up that follows one down too soon doubles down_window_ms for
 *    this template, up to an hour, so that a steady load moves nothing;
 *  - a template whose new bots fail gets nothing for a growing pause, then one
 *    bot, and more when that one lasted;
 *  - a changed min_bots or max_bots counts at the next look.
 *
 * It does no input or output and has no clock: `now_ms` is milliseconds of any
 * clock that does not step back (an earlier time counts as the latest one
 * seen), and all times in a look are of the same clock. The same calls give the
 * same decisions. Memory is bounded: under 3 KiB a template, 512 bytes a
 * decision of the history.
 * Threads: one scaler belongs to one thread at a time.
 */
#ifndef DEIA_SCALER_H
#define DEIA_SCALER_H

#include <deia/error.h>
#include <deia/limits.h>

DEIA_BEGIN

typedef struct deia_scaler deia_scaler;

#define DEIA_SCALER_MAX_TEMPLATES 256
#define DEIA_SCALER_MAX_HISTORY 10000
#define DEIA_SCALER_REASON_BYTES 240 /* with the NUL */

/* ---- life -------------------------------------------------------------- */

struct deia_scaler_opts {
	size_t size;
	unsigned max_bots;    /* over all templates, 1..DEIA_MAX_BOTS: 64 */
	unsigned history_len; /* decisions kept, 1..10000: 256 */
	bool dry_run;	      /* decide and record, but ask for nothing */
	/* Times: 0..86400000. */
	int64_t up_cooldown_ms;	  /* after a step up, before the next: 15000 */
	int64_t down_cooldown_ms; /* after one down: 30000 */
	int64_t down_window_ms;	  /* of calm before one down: 300000 */
	unsigned step_min;	  /* 1..1000: 4 */
	/* The machine's CPU: above cpu_max nothing is launched, until it is
	 * below cpu_resume again. 0 < cpu_resume <= cpu_max <= 1000. */
	double cpu_max;	   /* 0.9 */
	double cpu_resume; /* 0.8 */
	/* Memory that stays free, and what a bot takes where nobody knows. */
	uint64_t reserve_bytes;	   /* 512 MiB */
	uint64_t bot_memory_bytes; /* 256 MiB */
	/* Of a template whose bots fail: the first pause and the longest. */
	int64_t pause_ms;     /* 1..86400000: 10000 */
	int64_t max_pause_ms; /* pause_ms..86400000: 1800000 */
};
#define DEIA_SCALER_OPTS_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_scaler_opts), .max_bots = 64,       \
		.history_len = 256, .up_cooldown_ms = 15000,                   \
		.down_cooldown_ms = 30000, .down_window_ms = 300000,           \
		.step_min = 4, .cpu_max = 0.9, .cpu_resume = 0.8,              \
		.reserve_bytes = 512u << 20, .bot_memory_bytes = 256u << 20,   \
		.pause_ms = 10000, .max_pause_ms = 1800000                     \
	}

/*
 * Makes a scaler that knows no template. opts: copied; NULL for defaults.
 * DEIA_OK; DEIA_EINVAL: an option is out of its range; DEIA_ENOMEM. Any
 * thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_scaler_new(deia_scaler **out, const struct deia_scaler_opts *opts);
/* Frees it and all that it returned. NULL is fine. Since 0.1. */
DEIA_API void deia_scaler_free(deia_scaler *s);
/* One line about the last call that failed; lives until the next one that
 * does. Since 0.1. */
DEIA_API const char *deia_scaler_errmsg(const deia_scaler *s);
/*
 * Other options from the next look on. What was learned stays, and of the
 * history what fits its new length. DEIA_OK; DEIA_EINVAL, DEIA_ENOMEM: nothing
 * is changed. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_scaler_set_opts(deia_scaler *s, const struct deia_scaler_opts *opts);
/* The options in force; borrowed until the scaler is freed. Since 0.1. */
DEIA_API const struct deia_scaler_opts *deia_scaler_get_opts(
	const deia_scaler *s);

/* ---- templates --------------------------------------------------------- */

struct deia_scaler_template {
	size_t size;
	unsigned min_bots;	 /* 0..max_bots: 0; 0: down to none */
	unsigned max_bots;	 /* 1..DEIA_MAX_BOTS: 1 */
	unsigned max_concurrent; /* of each bot, 1..DEIA_MAX_CONCURRENT: 1 */
	double wait_seconds;	 /* the target, 0.1..86400: 10 */
};
#define DEIA_SCALER_TEMPLATE_INIT                                              \
	{                                                                      \
		.size = sizeof(struct deia_scaler_template), .max_bots = 1,    \
		.max_concurrent = 1, .wait_seconds = 10                        \
	}

/*
 * Makes a template known, or changes one; what was learned about it stays.
 * id: 1..DEIA_MAX_ID_LEN printable ASCII characters without space. DEIA_OK;
 * DEIA_EINVAL; DEIA_ELIMIT: DEIA_SCALER_MAX_TEMPLATES; DEIA_ENOMEM. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scaler_set(
	deia_scaler *s, const char *id, const struct deia_scaler_template *t);
/* Forgets a template; its decisions stay in the history. DEIA_OK,
 * DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scaler_remove(deia_scaler *s,
						    const char *id);

/* ---- looking and deciding ---------------------------------------------- */

typedef enum deia_scaler_state {
	DEIA_SCALER_STARTING, /* also one whose launch was just asked for */
	DEIA_SCALER_READY,    /* and idle */
	DEIA_SCALER_BUSY,
	DEIA_SCALER_DRAINING,
	DEIA_SCALER_BACKOFF, /* it died and will be started again */
	DEIA_SCALER_FAILED   /* it died and will not */
} deia_scaler_state;
#define DEIA_SCALER_STATES 6
/* "starting" ... "failed"; "unknown" for a value that is none; static text.
 * Since 0.1. */
DEIA_API const char *deia_scaler_state_name(deia_scaler_state state);

/* A bot of a template. One that a person stopped or paused is left out. */
struct deia_scaler_bot {
	const char *id;
	deia_scaler_state state;
	int64_t since_ms; /* when it came into this state; READY: idle since */
	int64_t ready_ms; /* when it became ready in this or, in BACKOFF and
			   * FAILED, its last life; -1: it did not */
};

/*
 * What is seen of one template. A task that bots of several templates may do
 * counts at one of them. Rates are derived from arrived, finished and running
 * unless the caller knows better and says has_rates.
 */
struct deia_scaler_view {
	const char *template_id;
	const struct deia_scaler_bot *bots; /* all of the template */
	size_t n_bots;
	unsigned queued; /* tasks that could run now if there were room */
	int64_t oldest_wait_ms; /* of the queued; 0 with none */
	unsigned running;	/* tasks on its ready and busy bots */
	uint64_t arrived;  /* tasks so far, each retry counts; when it falls */
	uint64_t finished; /* and runs that ended, counting began anew */
	bool has_rates;
	double arrivals_per_second; /* 0..1e6 */
	double run_seconds;	    /* mean time of a run, 0..1e7; 0: unknown */
	double launch_seconds;	    /* until ready, 0..86400; 0: unknown, 10 */
	uint64_t bot_memory_bytes;  /* of one bot; 0: unknown */
};

struct deia_scaler_look {
	size_t size;
	const struct deia_scaler_view *views; /* one a template; one that is
					       * left out is left alone */
	size_t n_views;
	double cpu_ratio; /* load of the machine per core, 0..1000; 0: unknown */
	bool memory_known;
	uint64_t free_bytes; /* memory that can be had */
	/* Live bots that belong to no view and count against opts.max_bots. */
	unsigned other_bots;
};
#define DEIA_SCALER_LOOK_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_scaler_look)                        \
	}

typedef enum deia_scaler_kind {
	DEIA_SCALER_LAUNCH,
	DEIA_SCALER_DRAIN,
	DEIA_SCALER_HOLD,   /* more were wanted, something forbids it */
	DEIA_SCALER_REFUSED /* the caller could not do what was asked */
} deia_scaler_kind;
#define DEIA_SCALER_KINDS 4
/* "launch", "drain", "hold", "refused"; "unknown" for a value that is none;
 * static text. Since 0.1. */
DEIA_API const char *deia_scaler_kind_name(deia_scaler_kind kind);

/* X(enumerator, name) What made a decision. */
#define DEIA_SCALER_CAUSE_LIST(X)                                              \
	X(DEIA_SCALER_BY_MIN, "min_bots") /* there are fewer */                \
	X(DEIA_SCALER_BY_QUEUE, "queue")  /* what waits takes too long */      \
	X(DEIA_SCALER_BY_LOAD, "load")	  /* arrivals x time of a run */       \
	X(DEIA_SCALER_BY_IDLE, "idle")	  /* fewer are enough */               \
	X(DEIA_SCALER_BY_MAX, "max_bots") /* there are more; or as many */     \
	X(DEIA_SCALER_BY_CAP, "cap")	  /* opts.max_bots */                  \
	X(DEIA_SCALER_BY_CPU, "cpu")                                           \
	X(DEIA_SCALER_BY_MEMORY, "memory")                                     \
	X(DEIA_SCALER_BY_FAILURES, "failures") /* its new bots fail */

typedef enum deia_scaler_cause {
#define DEIA_SCALER_CAUSE_ENUM(e, n) e,
	DEIA_SCALER_CAUSE_LIST(DEIA_SCALER_CAUSE_ENUM)
#undef DEIA_SCALER_CAUSE_ENUM
} deia_scaler_cause;
#define DEIA_SCALER_CAUSES 9
/* The name above; "unknown" for a value that is none; static text. Since
 * 0.1. */
DEIA_API const char *deia_scaler_cause_name(deia_scaler_cause cause);

struct deia_scaler_decision {
	uint64_t seq;  /* 1, 2, 3 ... of this scaler */
	int64_t at_ms; /* the caller's clock */
	deia_scaler_kind kind;
	deia_scaler_cause cause;
	bool done;	/* asked of the caller; false: hold, or a dry run */
	unsigned count; /* LAUNCH: of bots; DRAIN: 1; HOLD: 0 */
	unsigned bots, wanted; /* that were there without failed and draining
				* ones; that there should be */
	char template_id[DEIA_MAX_ID_LEN + 1];
	char bot[DEIA_MAX_ID_LEN + 1];	       /* DRAIN: which; else "" */
	char reason[DEIA_SCALER_REASON_BYTES]; /* words and numbers */
};

/*
 * Looks and decides. *actions: what to do, LAUNCH and DRAIN only, *n of them,
 * at most two a template; borrowed until the next call that changes s. None in
 * a dry run. A bot asked for counts as STARTING in the next look,
 * and one to drain as DRAINING unless it is gone.
 * DEIA_OK; DEIA_EINVAL: a number is absurd, or a template comes twice;
 * DEIA_ENOTFOUND: there is no such template. After a failure nothing is
 * changed and *n is 0. Allocates nothing. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scaler_look(
	deia_scaler *s, const struct deia_scaler_look *look, int64_t now_ms,
	const struct deia_scaler_decision **actions, size_t *n);
/*
 * The caller could not launch for this template: counts as a bot that failed.
 * reason: one line for the record; a long one is cut. Undoes
 * nothing else. DEIA_OK, DEIA_EINVAL,
 * DEIA_ENOTFOUND. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scaler_refused(deia_scaler *s,
						     const char *id,
						     const char *reason,
						     int64_t now_ms);

/* ---- reading ----------------------------------------------------------- */

/* A template as of the last look. */
struct deia_scaler_status {
	unsigned counts[DEIA_SCALER_STATES]; /* by state */
	unsigned bots;	 /* without failed and draining ones */
	unsigned wanted; /* within min_bots and max_bots */
	unsigned queued;
	double arrivals_per_second, run_seconds; /* 0: not known yet */
	double load; /* slots kept busy: arrivals x run, by Little's law */
	/* Expected with the bots that there are; -1: it grows, or none is. */
	double wait_seconds;
	unsigned failures;	/* in a row, of new bots */
	int64_t paused_ms;	/* for failures, still; 0: not */
	int64_t down_window_ms; /* now; it doubles when a step was regretted */
	const char *reason;	/* why it is as it is; until the next call that
			     * changes the scaler */
};
/* DEIA_OK, DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scaler_get_status(
	const deia_scaler *s, const char *id, struct deia_scaler_status *out);
/*
 * Copies decisions with a seq above `after`, oldest first, up to max; returns
 * how many. Older than the history is long are gone: the first seq tells.
 * Since 0.1.
 */
DEIA_API size_t deia_scaler_history(const deia_scaler *s, uint64_t after,
				    struct deia_scaler_decision *out,
				    size_t max);

/* ---- the formula alone ------------------------------------------------- */

/*
 * Mean wait in the queue of an M/M/c system, in seconds: work comes at random,
 * arrivals_per_second, each takes run_seconds on average, `slots` work on it.
 * INFINITY when they cannot keep up, NAN for a negative number or one that is
 * not finite. Takes time in proportion to slots. Any thread. Since 0.1.
 */
DEIA_API double deia_scaler_wait_seconds(double arrivals_per_second,
					 double run_seconds, unsigned slots);

DEIA_END

#endif
