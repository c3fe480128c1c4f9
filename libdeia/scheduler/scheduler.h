/* SPDX-License-Identifier: MIT */
/*
 * scheduler.h - the inside of the scheduler, shared by the files of this folder.
 *
 * The files: scheduler.c (life, errors), names.c (bots, types), learn.c (one
 * pair: its weights and what follows from them), record.c (outcomes in),
 * book.c (what each bot is busy with, for how long), policy.c (scores),
 * choose.c (plans, recommendations), circuit.c (bots that keep failing),
 * view.c (what callers see), insight.c, history.c, rows.c (export, import).
 *
 * What a choice scans are plain arrays of floats, one number a bot: `at` for
 * what depends on the bot alone, each type's `need` and `tries` for the pair.
 * Whatever changes keeps them up to date, so the scan has no exp, log or sqrt.
 */
#ifndef DEIA_SCHEDULER_PRIV_H
#define DEIA_SCHEDULER_PRIV_H

#include <math.h>

#include <deia/scheduler.h>

#include "core/errmsg.h"
#include "core/id.h"
#include "core/mem.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

/* What is learned twice over: log seconds, and log odds of success. */
enum { DEIA__TIME, DEIA__SUCCESS, DEIA__MEASURES };

/* A weighted sum: what pairs say about their bot, their type, or all. */
struct deia__sum {
	double w, v;
};

/* What a pair put into the sums of its bot, its type and all. */
struct deia__share {
	float w, of_type, of_bot, of_all;
};

/* Evidence that a pair is not what it was, and what was seen since it began:
 * outcomes and log seconds, or successes and failures. */
enum { DEIA__SLOWER, DEIA__FASTER, DEIA__WORSE, DEIA__BETTER, DEIA__CHANGES };
struct deia__trail {
	float evidence, a, b;
};

/* A bot and a type. Weights are as of the type's clock `at`. */
struct deia__pair {
	double at;
	double n, mean,
		square;	  /* log seconds: weight, mean, squares about it */
	double good, bad; /* weights of outcomes */
	double seconds, failed; /* weighted sums of plain seconds */
	uint64_t samples, successes;
	struct deia__share share[DEIA__MEASURES];
	float seconds_to_run; /* expected, without hope */
	float success;	      /* expected, without hope */
	float guess;	      /* of success, by bot and type alone */
	struct deia__trail trail[DEIA__CHANGES]; /* change.c */
	float usual;  /* success, before it began to fail (circuit.c) */
	bool changed; /* since the last export */
};

struct deia__sched_type {
	char name[DEIA_MAX_ID_LEN + 1];
	unsigned index;
	double clock; /* in half-lives */
	int64_t last_ms;
	struct deia__sum sum[DEIA__MEASURES];
	struct deia__pair *pairs; /* one a bot */
	/* The least plausible seconds of a run, and one over the highest
	 * plausible success. */
	float *need, *tries;
	float *cost;	 /* expected seconds to success, without hope */
	unsigned cursor; /* the next pair to be brought up to date */
	UT_hash_handle hh;
};

struct deia__run {
	uint64_t id;
	int64_t start_ms;
	float seconds; /* expected */
};

struct deia__sched_bot {
	char id[DEIA_MAX_ID_LEN + 1];
	unsigned index;
	bool available;
	unsigned max_concurrent, others;
	int64_t others_ms; /* when they were told */
	unsigned n_runs;
	struct deia__run runs[DEIA_MAX_CONCURRENT];
	double reserved;  /* seconds held back in this plan */
	unsigned waiting; /* choices held back in this plan */
	double busy;	  /* share of late, as of busy_ms */
	int64_t busy_ms;
	struct deia__sum sum[DEIA__MEASURES];
	unsigned cursor; /* the next type to be brought up to date */
	/* The circuit. */
	deia_scheduler_circuit circuit;
	double doubt; /* log odds that it is broken, against that it is not */
	unsigned failures, pauses, successes;
	int64_t until_ms;
	uint64_t until_outcomes;
	UT_hash_handle hh;
};

/* Bots are scanned so many at a time, a power of two; arrays are filled up to a
 * multiple, with a price of INFINITY where there is no bot. So gcc -O2 makes
 * vector instructions of a scan: there is no rest to be done one by one. */
#define DEIA__LANES 32u

/* Of each bot, what a choice scans. */
struct deia__at {
	float *end, *late; /* a full bot's runs: seconds from base_ms */
	float *queue;	   /* seconds that wait at it */
	float *share;	   /* 1 / max_concurrent; 0: it has room */
	float *price;	   /* INFINITY: not to be chosen */
	float *load;	   /* (runs + waiting) / max_concurrent */
};

struct deia_scheduler {
	struct deia_scheduler_opts opts;
	struct deia__errmsg msg;
	struct deia__rng rng;
	int64_t now_ms, base_ms; /* the latest time seen; zero of `at` */

	struct deia__sched_bot **bots; /* by index; NULL: a hole */
	struct deia__sched_bot *by_id;
	unsigned n_bots, top, cap; /* known, highest index + 1, room */
	struct deia__at at;
	float *score; /* of the choice under way */
	unsigned n_room, n_open, n_probing, n_reserved;
	int64_t open_until_ms; /* the first pause may be over */
	unsigned turn;	       /* of round-robin */
	unsigned turn_before;  /* when it last chose */
	unsigned cursor;       /* the next bot to be brought up to date */

	struct deia__sched_type **types; /* by index, no holes */
	struct deia__sched_type *by_name;
	unsigned n_types;

	struct deia__sum sum[DEIA__MEASURES]; /* of all pairs */
	/* Variances of log seconds: within a pair, and between pairs beyond
	 * what bot and type explain; as weighted means. */
	struct deia__sum noise, spread;
	/* Of successes, the same in one number: how alike two outcomes of a
	 * pair are, beyond what bot and type explain; as a ratio of sums. */
	struct deia__sum alike;
	double wait;	/* usual seconds until the first task has room */
	bool is_first;	/* the next choice is the first of its plan */
	double service; /* usual seconds of a run */
	uint64_t outcomes, runs, runs_begun;
	struct deia_scheduler_counts counts;

	struct deia_scheduler_entry *history;
	uint64_t entries;
	bool changed; /* the row of all together, since the last export */
};

/* How many entries a scan goes over. */
static inline unsigned deia__sched_lanes(const deia_scheduler *s)
{
	return (s->top + DEIA__LANES - 1) & ~(DEIA__LANES - 1);
}

/* scheduler.c */
/* Takes a time in; it never steps back. */
int64_t deia__sched_now(deia_scheduler *s, int64_t now_ms);
/* names.c */
struct deia__sched_bot *deia__sched_find_bot(const deia_scheduler *s,
					     const char *id);
struct deia__sched_type *deia__sched_find_type(const deia_scheduler *s,
					       const char *name);
/* The bot and the type of a call; DEIA_OK, DEIA_EINVAL, DEIA_ENOTFOUND. */
deia_err deia__sched_find_pair(deia_scheduler *s, const char *bot,
			       const char *type, struct deia__sched_bot **b,
			       struct deia__sched_type **t);
void deia__sched_free_names(deia_scheduler *s);

/* learn.c */
/* Of a run's seconds. Clocks count milliseconds: to less than one nothing would
 * compare, and a bot of 0 s would be the best one however often it fails. */
double deia__sched_log(double seconds);
/* Lets a pair's weights age up to its type's clock. */
void deia__pair_age(struct deia__pair *p, double clock);
/* Works out all that follows from a pair's weights. */
void deia__pair_refresh(deia_scheduler *s, struct deia__sched_type *t,
			struct deia__sched_bot *b);
/* The next ones in turn of a type, and of a bot. */
void deia__sched_refresh_some(deia_scheduler *s, struct deia__sched_type *t,
			      struct deia__sched_bot *b);
void deia__sched_refresh_all(deia_scheduler *s);
/* Takes a pair's shares out of the sums and clears it. */
void deia__pair_clear(deia_scheduler *s, struct deia__sched_type *t,
		      struct deia__sched_bot *b);
/* Weight of the prior of log seconds, in samples. */
double deia__sched_prior_weight(const deia_scheduler *s);
/* The same of success. */
double deia__sched_success_weight(const deia_scheduler *s);
/* What is learned of an outcome, into weights only. */
void deia__pair_learn(deia_scheduler *s, struct deia__sched_type *t,
		      struct deia__sched_bot *b, double seconds, bool success);

/* change.c */
/* Compares an outcome, not yet learned, with what was expected. */
void deia__change_look(deia_scheduler *s, struct deia__sched_type *t,
		       struct deia__sched_bot *b, double seconds, bool success);

/* book.c */
/* Averages the busy share up to now; before what a bot works on changes. */
void deia__book_age(deia_scheduler *s, struct deia__sched_bot *b);
/* Works out what `at` says about a bot. */
void deia__book_update(deia_scheduler *s, struct deia__sched_bot *b);
/* Moves base_ms when floats lose too much of the time since it. */
void deia__book_rebase(deia_scheduler *s);

/* policy.c */
/* Fills s->score for a type; INFINITY: not to be chosen. */
void deia__policy_score(deia_scheduler *s, const struct deia__sched_type *t,
			unsigned attempts_left);
/* Expected seconds until a bot has room. */
double deia__policy_wait(const deia_scheduler *s, unsigned bot);

/* choose.c */
/* The least of len numbers, a multiple of DEIA__LANES. */
float deia__least_of(const float *score, unsigned len);

/* circuit.c */
/* An outcome of a pair, learned already. */
void deia__circuit_note(deia_scheduler *s, struct deia__sched_bot *b,
			struct deia__pair *p, bool success);
void deia__circuit_close(deia_scheduler *s, struct deia__sched_bot *b);
/* Bots whose pause is over may be probed. */
void deia__circuit_turn(deia_scheduler *s);

/* history.c */
void deia__sched_note(deia_scheduler *s, deia_scheduler_entry_kind kind,
		      const char *bot, const char *type, double seconds,
		      bool success);
/* view.c */
void deia__pair_view(const deia_scheduler *s, const struct deia__sched_type *t,
		     const struct deia__sched_bot *b, double best,
		     struct deia_scheduler_pair *out);
/* The least expected seconds to success of a type. */
double deia__sched_best(const deia_scheduler *s,
			const struct deia__sched_type *t);

#endif
