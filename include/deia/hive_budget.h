/* SPDX-License-Identifier: MIT */
/*
 * hive_budget.h - what bots and the whole hive may use in a day (UTC).
 *
 * Counted are the tokens and seconds of turns, of tasks, chat and mail, and the
 * messages that a bot's program sends. When a budget is used up there is the
 * event budget.exceeded, once, {"bot","on_exceed","reason"}, and with pause and
 * stop its bots get no tasks and no mail, and chat with them is refused with
 * DEIA_ESTATE, until 00:00 UTC or a reset; stop also cancels what runs. Counts
 * survive restarts, but for those of the last second before a crash. Each node
 * counts its own day.
 *
 * Everything as in hive.h. All since 0.3.
 */
#ifndef DEIA_HIVE_BUDGET_H
#define DEIA_HIVE_BUDGET_H

#include <deia/budget.h>
#include <deia/hive.h>

DEIA_BEGIN

/*
 * Sets all budgets anew; what was used today stays. settings: n, copied; a bot
 * that is named has its own, others that of "*". At most DEIA_BUDGETS_MAX.
 * DEIA_OK, DEIA_EINVAL, DEIA_ELIMIT, DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_budgets_configure(
	deia_hive *hive, const struct deia_budget_setting *settings, size_t n);

struct deia_budget_status {
	const char *bot; /* NULL: the day of all bots */
	struct deia_budget limits;
	int64_t tokens, messages; /* used today */
	double seconds;
	const char *reason; /* why it is used up, one line; "" */
	int64_t renewed_unix_ms;
};
/* Calls cb for each budget that there is: the day's, then those of bots. */
DEIA_API void deia_hive_budgets_each(
	deia_hive *hive,
	void (*cb)(const struct deia_budget_status *status, void *user),
	void *user);
/* Nothing counts as used: of this bot, or with "day" of all together (and of a
 * bot of that name). Operators; audited. DEIA_ENOTFOUND: it has no budget;
 * DEIA_EDENIED, DEIA_ENOMEM; in cb as of other changes. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_budget_reset(deia_hive *hive, const struct deia_actor *actor,
		       const char *name, deia_done_cb cb, void *user);

DEIA_END

#endif
