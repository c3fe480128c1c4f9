/* SPDX-License-Identifier: MIT */
/*
 * scaler.h - inside of the auto-scaler: what it keeps of each template, and
 * the steps of one look in their order: edge, rates, need, failures, decide.
 */
#ifndef DEIA_SCALER_SCALER_H
#define DEIA_SCALER_SCALER_H

#include <deia/scaler.h>
#include <uthash.h>

#include "core/errmsg.h"

#define DEIA__SCALER_PEAKS 32
#define DEIA__SCALER_NEVER INT64_MIN

/* Sums in which what is older counts less; see rates.c. */
struct deia__scaler_rates {
	bool counting; /* arrived and finished are of the last look */
	uint64_t arrived, finished;
	double arrivals, seconds; /* arrivals in so many seconds */
	double ended, busy;	  /* runs that ended in so many slot-seconds */
	int64_t arrival_ms;	  /* the latest one, or NEVER */
};

/* What one look says about a template. */
struct deia__scaler_seen {
	unsigned counts[DEIA_SCALER_STATES];
	unsigned bots; /* starting, ready, busy, backing off */
	unsigned able; /* starting, ready, busy */
	unsigned all;  /* but failed ones */
	unsigned queued;
	unsigned waiting; /* of them, those that find no free slot */
	bool full;	  /* no slot is free and nothing is starting */
	double arrivals;  /* a second */
	double run;	  /* seconds; 0: unknown */
	double horizon;	  /* in which the last of the queue begins, seconds */
	unsigned need;	  /* bots */
	unsigned calm;	  /* bots, with a margin: for going down */
	deia_scaler_cause cause; /* of need: queue or load */
	double wait;		 /* expected, seconds; INFINITY: it grows */
	bool decided;		 /* there is an action or a hold already */
};

struct deia__scaler_template {
	char id[DEIA_MAX_ID_LEN + 1];
	struct deia_scaler_template conf;
	struct deia__scaler_rates rates;
	struct deia__scaler_seen seen;
	bool looked;
	int64_t look_ms; /* of the last look */
	uint64_t look;	 /* number of the look that has it, for twins */

	/* Going down: the largest `calm` of each part of the window. */
	unsigned peaks[DEIA__SCALER_PEAKS];
	int64_t part;	    /* number of the newest part since 0 */
	int64_t watched_ms; /* since when without a gap */
	int64_t window_ms;
	int64_t up_ms, down_ms, regret_ms; /* the last of each, or NEVER */

	unsigned failures; /* in a row */
	int64_t failed_ms; /* the newest that was counted, or NEVER */
	int64_t resume_ms; /* the end of its pause, or NEVER */

	int64_t held_ms[DEIA_SCALER_CAUSES]; /* last look held by each */
	/* The last of each in a dry run, which is not said again. */
	int64_t dry_ms[DEIA_SCALER_KINDS];
	unsigned dry_wanted[DEIA_SCALER_KINDS];
	char reason[DEIA_SCALER_REASON_BYTES];
	UT_hash_handle hh;
};

/* A template and its view, for the time of a look. */
struct deia__scaler_pair {
	struct deia__scaler_template *t;
	const struct deia_scaler_view *v;
};

struct deia_scaler {
	struct deia_scaler_opts opts;
	struct deia__scaler_template *by_id;
	struct deia__errmsg msg;
	uint64_t looks;
	int64_t now_ms; /* the latest time seen */

	/* Room for every template, made when it is set. */
	struct deia__scaler_pair *pairs;
	struct deia_scaler_decision *actions;
	unsigned room; /* in pairs; actions have twice as much */
	size_t n_actions;

	/* What the machine has left in this look. */
	bool cpu_taken;
	double cpu_ratio;
	unsigned cap_left;
	bool memory_known;
	uint64_t memory_left, free_bytes;

	/* A ring; entry seq is at (seq - 1) % history_len. */
	struct deia_scaler_decision *history;
	uint64_t seq;  /* of the newest */
	uint64_t kept; /* entries there */
};

/* Copies options over their defaults and checks them. */
deia_err deia__scaler_take_opts(struct deia_scaler_opts *to,
				const struct deia_scaler_opts *from,
				struct deia__errmsg *msg);
/* Checks a look and fills s->pairs; changes nothing else but s->looks. */
deia_err deia__scaler_check_look(deia_scaler *s,
				 const struct deia_scaler_look *look,
				 int64_t now_ms);
bool deia__scaler_is_id(const char *id);

/* Forgets what is old and takes in what happened since the last look. */
void deia__scaler_rates_look(struct deia__scaler_rates *r,
			     const struct deia_scaler_view *v, int64_t dt_ms,
			     int64_t now_ms);
double deia__scaler_arrivals(const struct deia__scaler_rates *r);
double deia__scaler_run(const struct deia__scaler_rates *r);

/* The least number of slots, at most max, with a wait of at most `wait`
 * seconds; max + 1: so many are not enough. */
unsigned deia__scaler_slots(double arrivals, double run, double wait,
			    unsigned max);

/* Fills t->seen from a view. */
void deia__scaler_see(const deia_scaler *s, struct deia__scaler_template *t,
		      const struct deia_scaler_view *v);
/* The window of calm: a look's need; its maximum; another length. */
void deia__scaler_peak_add(struct deia__scaler_template *t, int64_t now_ms);
unsigned deia__scaler_peak(const struct deia__scaler_template *t);
void deia__scaler_set_window(struct deia__scaler_template *t, int64_t ms,
			     int64_t now_ms);

/* Counts new failures and a bot that lasted. */
void deia__scaler_failures_look(const deia_scaler *s,
				struct deia__scaler_template *t,
				const struct deia_scaler_view *v);
void deia__scaler_failed(const deia_scaler *s, struct deia__scaler_template *t,
			 int64_t now_ms);

/* Up to min_bots; up, down or nothing. */
void deia__scaler_fill(deia_scaler *s, struct deia__scaler_template *t,
		       const struct deia_scaler_view *v);
void deia__scaler_decide(deia_scaler *s, struct deia__scaler_template *t,
			 const struct deia_scaler_view *v);
void deia__scaler_sweep(deia_scaler *s, struct deia__scaler_template *t,
			const struct deia_scaler_view *v);

/*
 * How many of n may be launched now: what is left of the machine is taken.
 * Fewer than n, and none: *cause and text say why.
 */
unsigned deia__scaler_guard(deia_scaler *s, struct deia__scaler_template *t,
			    const struct deia_scaler_view *v, unsigned n,
			    bool to_min, deia_scaler_cause *cause, char *text,
			    size_t text_len);

/* Prints one line: controls become '?', what is too long is cut between
 * characters. */
void deia__scaler_say(char *text, size_t len, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
/* A new entry of the history, to be filled; the same as an action. */
struct deia_scaler_decision *deia__scaler_enter(
	deia_scaler *s, const struct deia__scaler_template *t,
	deia_scaler_kind kind, deia_scaler_cause cause);
void deia__scaler_act(deia_scaler *s, const struct deia_scaler_decision *d);
uint64_t deia__scaler_bot_bytes(const deia_scaler *s,
				const struct deia_scaler_view *v);

#endif
