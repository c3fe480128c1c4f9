/* SPDX-License-Identifier: MIT */
/*
 * scheduler.h - which bot shall do a task: learned from outcomes.
 *
 * For each bot and each type of task the scheduler learns how long it takes
 * and how often it succeeds. It sends a task where the expected time to a
 * successful result is least, the wait at that bot included; it explores what
 * is uncertain, forgets what is stale, and takes a bot that keeps failing out
 * for a growing pause. docs/scheduler.md has the formulas and measurements.
 *
 * It does no input or output and has no clock: the caller tells the time as
 * `now_ms`, milliseconds from 0 up of any clock that does not step back (an
 * earlier time counts as the latest one seen). It keeps no queue either. The life of a task:
 *
 *	deia_scheduler_plan(s, now);		 when anything changed
 *	deia_scheduler_choose(s, &ask, &choice); each waiting task, in order
 *	deia_scheduler_start(s, ...);		 those with choice.start
 *	deia_scheduler_end(s, run, now);	 a run is over, however
 *	deia_scheduler_record(s, &outcome, now); what it teaches, if anything
 *	deia_scheduler_correct(s, &outcome, ...);a verdict that came later
 *
 * A task that is not to be started now stays in the caller's queue, and is
 * chosen for anew in the next plan: so it goes where it is best by then.
 *
 * The same calls with the same options give the same choices. Bots and types
 * are made known first; unknown names are DEIA_ENOTFOUND. Memory is bounded by
 * opts.max_bots, max_types and history_len: 200 bytes for each pair of a bot and
 * a type, 2 KiB a bot, 180 bytes an entry of the history.
 * Threads: one scheduler belongs to one thread at a time.
 */
#ifndef DEIA_SCHEDULER_H
#define DEIA_SCHEDULER_H

#include <deia/error.h>
#include <deia/limits.h>

DEIA_BEGIN

typedef struct deia_scheduler deia_scheduler;

/* How a bot is chosen. */
typedef enum deia_scheduler_policy {
	DEIA_POLICY_LEARNED,
	DEIA_POLICY_LEAST_LOADED,
	DEIA_POLICY_ROUND_ROBIN
} deia_scheduler_policy;
#define DEIA_POLICIES 3
/* "learned", "least-loaded", "round-robin"; static text. Since 0.1. */
DEIA_API const char *deia_scheduler_policy_name(deia_scheduler_policy policy);
/* The policy of this name, -1: there is none. Since 0.1. */
DEIA_API int deia_scheduler_policy_parse(const char *name);

/* ---- life -------------------------------------------------------------- */

struct deia_scheduler_opts {
	size_t size;
	deia_scheduler_policy policy;
	unsigned max_bots;    /* 1..DEIA_MAX_BOTS: 10000 */
	unsigned max_types;   /* 1..DEIA_MAX_TASK_TYPES: 64 */
	unsigned history_len; /* outcomes kept, 0..100000: 1000 */
	uint64_t seed;	      /* of choices among equals: 1; 0: random */
	/*
	 * What was learned loses half its weight after this many seconds and
	 * this many outcomes of its type for each bot: when both are over.
	 */
	double half_life_seconds;  /* 2400 */
	double half_life_outcomes; /* 50 */
	/* How many standard deviations of hope an uncertain pair gets. */
	double optimism; /* 0..10: 0.8 */
	/* The price of occupying a bot that is usually busy. */
	double load_price; /* 0..10: 0.5 */
	/* Of a bot that keeps failing: the first pause and the longest one. */
	int64_t pause_ms;     /* 1..86400000: 10000 */
	int64_t max_pause_ms; /* pause_ms..86400000: 600000 */
};
#define DEIA_SCHEDULER_OPTS_INIT                                               \
	{                                                                      \
		.size = sizeof(struct deia_scheduler_opts),                    \
		.policy = DEIA_POLICY_LEARNED, .max_bots = DEIA_MAX_BOTS,      \
		.max_types = DEIA_MAX_TASK_TYPES, .history_len = 1000,         \
		.seed = 1, .half_life_seconds = 2400,                          \
		.half_life_outcomes = 50, .optimism = 0.8, .load_price = 0.5,  \
		.pause_ms = 10000, .max_pause_ms = 600000                      \
	}

/*
 * Makes a scheduler that knows no bot and no type. opts: NULL for defaults.
 * DEIA_OK; DEIA_EINVAL: an option is out of its range; DEIA_ENOMEM. Any
 * thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_new(
	deia_scheduler **out, const struct deia_scheduler_opts *opts);
/* Frees it and all that it returned. NULL is fine. Since 0.1. */
DEIA_API void deia_scheduler_free(deia_scheduler *s);
/* One line about the last call that failed; lives until the next one that
 * does. Since 0.1. */
DEIA_API const char *deia_scheduler_errmsg(const deia_scheduler *s);
/* Changes the policy; what was learned stays, and all policies learn.
 * DEIA_OK; DEIA_EINVAL: there is no such policy. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_set_policy(deia_scheduler *s, deia_scheduler_policy policy);

/* ---- bots and types ---------------------------------------------------- */

struct deia_scheduler_bot {
	size_t size;
	unsigned max_concurrent; /* 1..DEIA_MAX_CONCURRENT */
	bool available;		 /* may be given tasks now */
	/* What it works on or has waiting that was not started here, as chat;
	 * at most DEIA_MAX_CONCURRENT + DEIA_MAX_QUEUE_LEN. */
	unsigned others;
};
#define DEIA_SCHEDULER_BOT_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_scheduler_bot),                     \
		.max_concurrent = 1, .available = true                         \
	}

/*
 * Makes a bot known, or tells what changed about it. What it runs stays in the
 * book until deia_scheduler_end. id: 1..DEIA_MAX_ID_LEN printable characters
 * without space. DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT (max_bots), DEIA_ENOMEM.
 * Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_set_bot(deia_scheduler *s, const char *id,
		       const struct deia_scheduler_bot *bot, int64_t now_ms);
/* Forgets a bot, what was learned about it and its runs. DEIA_OK,
 * DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_remove_bot(deia_scheduler *s,
							   const char *id);
/* Makes a type of task known; one that is known is fine. name: as a bot's id.
 * DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT (max_types), DEIA_ENOMEM. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_add_type(deia_scheduler *s,
							 const char *name);
/* Forgets a type and what was learned about it. DEIA_OK, DEIA_ENOTFOUND. Since
 * 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_remove_type(deia_scheduler *s,
							    const char *name);

/* ---- choosing ---------------------------------------------------------- */

/* What is asked for. Everything is borrowed for the call. */
struct deia_scheduler_ask {
	size_t size;
	const char *type;
	/* Bots that failed this task already. One is taken again only when
	 * there is no other and none that is paused is back within a minute,
	 * or when all others are known to succeed less than a fifth as often
	 * and it does not fail at present. Unknown ones are passed over. At
	 * most DEIA_MAX_ATTEMPTS. */
	const char *const *avoid;
	size_t avoid_len;
	/* How often the task may be tried, this time counted; the fewer, the
	 * more success weighs against time. 0: no matter how often. */
	unsigned attempts_left;
	/* Whether a bot may do it (capabilities, pinned); NULL: any may. Not to
	 * call into the scheduler. */
	bool (*may)(const char *bot, void *user);
	void *user;
};
#define DEIA_SCHEDULER_ASK_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_scheduler_ask)                      \
	}

struct deia_scheduler_choice {
	const char *bot; /* until the bot is removed */
	bool start;	 /* it has room now; else the task waits for it */
	bool again;	 /* it failed this task before */
	bool probe; /* it was paused; this is to see whether it recovered */
	/* By the policy's measure; least is best. Learned: expected seconds to
	 * a successful result, with hope and the price of load in it. */
	double score;
	double wait_seconds;  /* expected, until it has room */
	double run_seconds;   /* expected, of a run that succeeds */
	double success_ratio; /* expected */
};

/* Begins a plan: what earlier choices hold back is let go. Since 0.1. */
DEIA_API void deia_scheduler_plan(deia_scheduler *s, int64_t now_ms);
/* Whether any bot has room: if not, a plan can start nothing. Since 0.1. */
DEIA_API bool deia_scheduler_has_room(const deia_scheduler *s);
/*
 * Chooses for the next task of the queue. A choice without `start` holds its
 * time back at that bot until the next plan, so that those behind it see it.
 * DEIA_OK; DEIA_ENOTFOUND: there is no such type; DEIA_EINVAL;
 * DEIA_EUNAVAILABLE: no bot may do it now. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_choose(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		      struct deia_scheduler_choice *out);
/*
 * Enters a run into the book of its bot, also one that was not chosen here.
 * *run: for deia_scheduler_end; never 0. DEIA_OK, DEIA_ENOTFOUND; DEIA_EBUSY:
 * it runs DEIA_MAX_CONCURRENT already. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_start(deia_scheduler *s,
						      const char *bot,
						      const char *type,
						      int64_t now_ms,
						      uint64_t *run);
/* Takes a run out of the book; teaches nothing. One that is not there (its bot
 * was removed) is fine. Since 0.1. */
DEIA_API void deia_scheduler_end(deia_scheduler *s, uint64_t run,
				 int64_t now_ms);

/* ---- learning ---------------------------------------------------------- */

/* How an attempt ended. */
struct deia_scheduler_outcome {
	size_t size;
	const char *bot, *type;
	double seconds; /* >= 0, at most 31,536,000 (a year) */
	bool success;
};
#define DEIA_SCHEDULER_OUTCOME_INIT                                            \
	{                                                                      \
		.size = sizeof(struct deia_scheduler_outcome)                  \
	}

/*
 * Learns. A failure teaches success, not time. What ended for a reason that is
 * not the bot's (cancelled, deiad stopped) is not to be recorded. DEIA_OK;
 * DEIA_ENOTFOUND: no such bot or type; DEIA_EINVAL: seconds is negative, not a
 * number or too large. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_record(
	deia_scheduler *s, const struct deia_scheduler_outcome *outcome,
	int64_t now_ms);
/*
 * A verdict on an outcome: outcome is as it was recorded, success as it should
 * have been; nothing happens when that is the same. It teaches, and leaves the
 * circuit alone, for it tells of an earlier time. Errors as
 * deia_scheduler_record, DEIA_ESTATE: no such outcome is on record any more.
 * Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_correct(
	deia_scheduler *s, const struct deia_scheduler_outcome *outcome,
	bool success, int64_t now_ms);
/* Forgets what was learned about a bot, in one type or (NULL) in all; its runs
 * stay in the book, a pause ends. bot NULL: of all bots. DEIA_OK,
 * DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_reset(deia_scheduler *s,
						      const char *bot,
						      const char *type,
						      int64_t now_ms);

/* ---- explaining -------------------------------------------------------- */

/* A bot and a type as learned. */
struct deia_scheduler_pair {
	const char *bot, *type;	     /* until they are removed */
	uint64_t samples, successes; /* since the last reset */
	double avg_seconds;	     /* of successes, newer ones weigh more; of
				      * failures if there was none; else 0 */
	double success_ratio;	     /* newer ones weigh more; 0: no sample */
	double expected_seconds, expected_success; /* with what is like it */
	/* Expected seconds to a successful result, without waiting. */
	double seconds_to_success;
	/* The least seconds_to_success of this type, over its own: 0..1. */
	double efficiency;
	double certainty; /* 0..1, weight of its own samples in expected_* */
};

#define DEIA_MAX_ALTERNATIVES 8
struct deia_scheduler_candidate {
	struct deia_scheduler_choice choice;
	struct deia_scheduler_pair pair;
};
struct deia_scheduler_recommendation {
	const char *type;
	deia_scheduler_policy policy;
	/* That the first is better than the second, by what is known of them:
	 * 0..1, 0 without a sample. docs/scheduler.md has the formula. */
	double confidence;
	unsigned candidates; /* bots that could be chosen */
	unsigned len;	     /* of best, at least 1: the chosen bot first */
	struct deia_scheduler_candidate best[1 + DEIA_MAX_ALTERNATIVES];
};

/*
 * What deia_scheduler_choose would choose now, with what is next best; holds
 * nothing back. Among bots of which nothing is known yet chance decides, so it
 * may be another one of these then. alternatives: how many, at most
 * DEIA_MAX_ALTERNATIVES. Errors as deia_scheduler_choose. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_recommend(
	deia_scheduler *s, const struct deia_scheduler_ask *ask,
	unsigned alternatives, int64_t now_ms,
	struct deia_scheduler_recommendation *out);
/*
 * Why it was this bot, to be asked right after deia_scheduler_choose said it,
 * with the same ask and before its run is started: the same as
 * deia_scheduler_recommend, but this bot is the first whatever chance would say
 * now. DEIA_OK; DEIA_ENOTFOUND: no such bot or type; DEIA_EINVAL;
 * DEIA_EUNAVAILABLE: it may not do the task. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_explain(deia_scheduler *s, const struct deia_scheduler_ask *ask,
		       const char *bot, unsigned alternatives,
		       struct deia_scheduler_recommendation *out);
/* One sentence that gives the reason, with numbers; cut to len bytes. Since
 * 0.1. */
DEIA_API void deia_scheduler_reason(
	const struct deia_scheduler_recommendation *r, char *out, size_t len);

/* What deia_scheduler_choose answered, since the scheduler was made. */
struct deia_scheduler_counts {
	/* A bot that had room: of them, to see whether it recovered, and one
	 * that had failed the task before. */
	uint64_t started, probes, again;
	uint64_t waits;	 /* a bot without room: a task is asked for anew */
	uint64_t nobody; /* no bot may do it now */
};
/* Constant time. Since 0.3. */
DEIA_API void deia_scheduler_get_counts(const deia_scheduler *s,
					struct deia_scheduler_counts *out);

/* What is learned about a pair. DEIA_OK, DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_pair(const deia_scheduler *s, const char *bot, const char *type,
		    struct deia_scheduler_pair *out);

typedef enum deia_scheduler_circuit {
	DEIA_CIRCUIT_CLOSED, /* gets tasks */
	DEIA_CIRCUIT_OPEN,   /* paused, for it kept failing */
	DEIA_CIRCUIT_PROBING /* gets one task at a time, to see */
} deia_scheduler_circuit;
/* "closed", "open", "probing"; static text. Since 0.1. */
DEIA_API const char *deia_scheduler_circuit_name(deia_scheduler_circuit c);

struct deia_scheduler_bot_status {
	const char *id; /* until it is removed */
	bool available;
	unsigned max_concurrent, running, others;
	double busy_ratio; /* of late, 0..1 */
	uint64_t samples, successes;
	deia_scheduler_circuit circuit;
	unsigned failures; /* in a row, now */
	unsigned pauses;   /* one after another, without a success between */
	int64_t pause_until_ms; /* with DEIA_CIRCUIT_OPEN */
	char reason[160]; /* why it gets no task now; "": it may get some */
};
/* DEIA_OK, DEIA_ENOTFOUND. Since 0.1. */
DEIA_API DEIA_NODISCARD deia_err
deia_scheduler_bot_status(const deia_scheduler *s, const char *id,
			  struct deia_scheduler_bot_status *out);
/* The names of the bots, the n-th one in a fixed order, holes passed over;
 * NULL: there are not so many. Lives until it is removed. Since 0.1. */
DEIA_API const char *deia_scheduler_bot_at(const deia_scheduler *s, size_t n);
/* The same of the types. Since 0.1. */
DEIA_API const char *deia_scheduler_type_at(const deia_scheduler *s, size_t n);

typedef enum deia_scheduler_insight_kind {
	DEIA_INSIGHT_PAUSED,  /* a bot is taken out */
	DEIA_INSIGHT_FAILING, /* a pair fails more often than not */
	DEIA_INSIGHT_BEST,    /* a bot is clearly the best of a type */
	DEIA_INSIGHT_BUSY,    /* a bot is busy nearly all the time */
	DEIA_INSIGHT_UNTRIED, /* a type was tried with fewer than half of
				* the bots */
	DEIA_INSIGHT_SLOW     /* a bot takes several times the best one's */
} deia_scheduler_insight_kind;
#define DEIA_INSIGHTS 6
/* "paused", "failing", "best", "busy", "untried", "slow"; static text. Since
 * 0.1. */
DEIA_API const char *deia_scheduler_insight_name(
	deia_scheduler_insight_kind kind);

struct deia_scheduler_insight {
	deia_scheduler_insight_kind kind;
	const char *bot, *type; /* NULL: about none in particular */
	double value;		/* ratio or factor that the text names */
	char text[200];
};
/* What is worth knowing, the most urgent kind first, at most max. Returns how
 * many it wrote. Since 0.1. */
DEIA_API size_t deia_scheduler_insights(const deia_scheduler *s,
					struct deia_scheduler_insight *out,
					size_t max);

/* ---- history ----------------------------------------------------------- */

typedef enum deia_scheduler_entry_kind {
	DEIA_ENTRY_RECORDED,
	DEIA_ENTRY_CORRECTED,
	DEIA_ENTRY_RESET /* bot or type "": all */
} deia_scheduler_entry_kind;

struct deia_scheduler_entry {
	uint64_t number; /* 1, 2, ... since it was made */
	deia_scheduler_entry_kind kind;
	int64_t at_ms;
	char bot[DEIA_MAX_ID_LEN + 1], type[DEIA_MAX_ID_LEN + 1];
	double seconds;
	bool success; /* as recorded, or after the correction */
};
/* The n-th newest entry (0: the newest), NULL: none. Lives until the next call
 * that adds one. Since 0.1. */
DEIA_API const struct deia_scheduler_entry *deia_scheduler_history(
	const deia_scheduler *s, size_t n);

/* ---- keeping what was learned ------------------------------------------ */

/*
 * One row of what was learned: of a pair, or (bot and type "") of all together.
 * Plain numbers; how old they are is not in them: what a row says is as fresh
 * when it is imported as it was when it was exported.
 */
struct deia_scheduler_row {
	size_t size;
	const char *bot, *type; /* borrowed */
	uint64_t samples, successes;
	double time_weight, time_mean, time_square; /* of log seconds */
	double good, bad;			    /* weights of outcomes */
	double seconds, failed_seconds;		    /* weighted sums */
};
typedef void (*deia_scheduler_row_cb)(const struct deia_scheduler_row *row,
				      void *user);
/* Calls cb with each row; with changed_only, each that changed since the last
 * export. A pair that was reset has samples 0. cb does not call into the
 * scheduler. Returns how many. Since 0.1. */
DEIA_API size_t deia_scheduler_export(deia_scheduler *s, bool changed_only,
				      deia_scheduler_row_cb cb, void *user);
/*
 * Takes rows in; what is known about these pairs is replaced. Rows of unknown
 * bots or types are passed over. All or nothing: DEIA_OK; DEIA_EINVAL: a number
 * is not finite, negative where it cannot be, or too large. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_scheduler_import(
	deia_scheduler *s, const struct deia_scheduler_row *rows, size_t n);

DEIA_END

#endif
