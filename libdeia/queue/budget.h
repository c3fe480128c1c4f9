/* SPDX-License-Identifier: MIT */
/*
 * budget.h - how much a bot, a task or a day may use: tokens, seconds,
 * messages. Figures and decisions alone: who counts what, and what pausing is,
 * is the caller's business. Nothing allocates, nothing has a clock.
 */
#ifndef DEIA_QUEUE_BUDGET_H
#define DEIA_QUEUE_BUDGET_H

#include <deia/budget.h>

/* X(enumerator, name) */
#define DEIA__BUDGET_PER_LIST(X)                                               \
	X(DEIA__BUDGET_BOT, "bot")   /* from its making on */                  \
	X(DEIA__BUDGET_TASK, "task") /* all attempts */                        \
	X(DEIA__BUDGET_DAY, "day")   /* anew at 00:00 UTC */

#define DEIA__BUDGET_ENUM(e, n) e,
enum deia__budget_per { DEIA__BUDGET_PER_LIST(DEIA__BUDGET_ENUM) };
#undef DEIA__BUDGET_ENUM

enum deia__budget_unit {
	DEIA__BUDGET_TOKENS,
	DEIA__BUDGET_MS, /* limits of it are told in seconds */
	DEIA__BUDGET_MESSAGES,
	DEIA__BUDGET_UNITS
};

/* Static text; -1: no such name. Any thread. */
const char *deia__budget_per_name(enum deia__budget_per per);
int deia__budget_per_parse(const char *name);

struct deia__budget {
	enum deia__budget_per per;
	deia_on_exceed on_exceed;
	int64_t limits[DEIA__BUDGET_UNITS]; /* 0: none */
};

/* The same for such a thing. */
struct deia__budget deia__budget_of(enum deia__budget_per per,
				    const struct deia_budget *b);
/* Whether it has a limit at all. Any thread. */
bool deia__budget_is_set(const struct deia_budget *b);

/* What was used; zeroed at first. */
struct deia__budget_count {
	int64_t used[DEIA__BUDGET_UNITS];
	int64_t day;   /* since 1970, of a budget per day */
	unsigned told; /* bit u: that unit u is exceeded */
};

/* A count as a row of numbers. load: false: they are none, count is zeroed. */
#define DEIA__BUDGET_NUMBERS (DEIA__BUDGET_UNITS + 2)
void deia__budget_save(const struct deia__budget_count *c,
		       int64_t out[static DEIA__BUDGET_NUMBERS]);
bool deia__budget_load(struct deia__budget_count *c,
		       const int64_t in[static DEIA__BUDGET_NUMBERS]);

struct deia__budget_verdict {
	bool exceeded;
	bool fresh; /* and it was not told before */
	enum deia__budget_unit unit;
	char text[256]; /* one sentence: what is exceeded and by how much; "" */
};

/*
 * Counts what was used; negative figures (not said) count 0. now_unix_ms: wall
 * clock. v: is more used than allowed?
 */
void deia__budget_add(const struct deia__budget *b,
		      struct deia__budget_count *c,
		      const int64_t more[static DEIA__BUDGET_UNITS],
		      int64_t now_unix_ms, struct deia__budget_verdict *v);
/*
 * May something begin that uses so much, as far as is known? Counts nothing. v:
 * exceeded: no: it does not fit, or nothing is left.
 */
void deia__budget_ask(const struct deia__budget *b,
		      const struct deia__budget_count *c,
		      const int64_t more[static DEIA__BUDGET_UNITS],
		      int64_t now_unix_ms, struct deia__budget_verdict *v);
/* When something may begin again: the next day, or 0: never by itself. */
int64_t deia__budget_renewed_unix_ms(const struct deia__budget *b,
				     int64_t now_unix_ms);

#endif
