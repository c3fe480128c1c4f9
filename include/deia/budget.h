/* SPDX-License-Identifier: MIT */
/*
 * budget.h - how much a task, a bot or a day may use, and what happens when
 * that is used up. See docs/budgets.md. All since 0.3.
 */
#ifndef DEIA_BUDGET_H
#define DEIA_BUDGET_H

#include <deia/base.h>

DEIA_BEGIN

/* X(enumerator, name used in API, configuration and store) */
#define DEIA_ON_EXCEED_LIST(X)                                                 \
	X(DEIA_ON_EXCEED_PAUSE, "pause")   /* begin nothing new */             \
	X(DEIA_ON_EXCEED_STOP, "stop")	   /* and end what runs */             \
	X(DEIA_ON_EXCEED_NOTIFY, "notify") /* say so once */

typedef enum deia_on_exceed {
#define DEIA_ON_EXCEED_ENUM(e, n) e,
	DEIA_ON_EXCEED_LIST(DEIA_ON_EXCEED_ENUM)
#undef DEIA_ON_EXCEED_ENUM
} deia_on_exceed;
#define DEIA_ON_EXCEEDS 3
/* "pause" for DEIA_ON_EXCEED_PAUSE; static text. Any thread. */
DEIA_API const char *deia_on_exceed_name(deia_on_exceed what);
/* The one of this name, -1: there is none. Any thread. */
DEIA_API int deia_on_exceed_parse(const char *name);

/* What may be used; 0: no limit. All zero: no budget. */
struct deia_budget {
	int64_t tokens; /* read and written */
	int64_t seconds;
	int64_t messages; /* sent by the bot, of a task meanwhile */
	deia_on_exceed on_exceed;
};
#define DEIA_BUDGET_MAX_TOKENS INT64_C(1000000000000)
#define DEIA_BUDGET_MAX_SECONDS INT64_C(31622400)
#define DEIA_BUDGET_MAX_MESSAGES INT64_C(1000000000)

/* The budget of a bot ("*": of each that is not named), or of all together. */
struct deia_budget_setting {
	const char *bot; /* NULL: the day of all bots */
	struct deia_budget budget;
};
#define DEIA_BUDGETS_MAX 1024

DEIA_END

#endif
