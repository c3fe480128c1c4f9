/* SPDX-License-Identifier: MIT */
/*
 * budgets.h - the inside of a hive's budgets.
 *
 *   budgets.c       who counts what, and what follows
 *   budgets_rows.c  what was used, in the store
 */
#ifndef DEIA_HIVE_BUDGETS_H
#define DEIA_HIVE_BUDGETS_H

#include <deia/hive_budget.h>

#include "hive/hive.h"
#include "hive/saver.h"

struct deia__budget_named {
	char bot[DEIA_MAX_ID_LEN + 1]; /* or "*" */
	struct deia_budget budget;
};

struct deia__budgets {
	struct deia__budget_named *list;
	size_t n;
	struct deia_budget day;
	struct deia__budget_use use; /* of the day */
	struct deia__timer renew;
	struct deia__saver saver; /* of the rows */
	bool stopped;
	bool cancelling; /* what runs ends soon */
};

/* ---- budgets.c ---------------------------------------------------------- */

/* Once bots are loaded (blocks). ENOMEM, or what the store says. */
DEIA_NODISCARD deia_err deia__budgets_open(deia_hive *h);
/* Nothing is counted any more: the last goes to the store. */
void deia__budgets_stop(deia_hive *h);
void deia__budgets_free(deia_hive *h);
/* Why this bot gets no work; NULL: it may. Lives until it is told again. */
const char *deia__budgets_held(const deia_hive *h, const struct deia__hbot *b);
/* The time limit of a turn; limit: without budgets. */
unsigned deia__budgets_time(const deia_hive *h, const struct deia__hbot *b,
			    unsigned limit);
/* A turn has ended. */
void deia__budgets_turn(deia_hive *h, struct deia__hbot *b,
			const struct deia_work_result *res);
/* Whether a bot may send: ESTATE. */
DEIA_NODISCARD deia_err deia__budgets_may_send(deia_hive *h, const char *bot);
void deia__budgets_sent(deia_hive *h, const char *bot, size_t n);

/* ---- budgets_rows.c ----------------------------------------------------- */

DEIA_NODISCARD deia_err deia__budgets_load(deia_hive *h);
/* How they are stored. */
extern const struct deia__saver_kind deia__budgets_rows;
/* The row of a bot that is removed. */
void deia__budgets_purge(struct deia__change *c, const char *bot);

#endif
