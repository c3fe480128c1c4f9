/* SPDX-License-Identifier: MIT */
/* budgets.h - the section `budgets`: what the day and bots may use. */
#ifndef DEIA_CONFIG_BUDGETS_H
#define DEIA_CONFIG_BUDGETS_H

#include <deia/budget.h>

#include "config/templates.h"

struct deia__config_budget {
	char *bot; /* or "*"; NULL: the day */
	struct deia_budget budget;
	unsigned line;
};
struct deia__config_budgets {
	struct deia__config_budget *list;
	size_t len;
};

/* DEIA_OK, DEIA_EFIELD (where is filled), DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__config_budgets_read(
	struct deia__config_budgets *out, const struct deia__yaml *section,
	struct deia_config_error *where);
void deia__config_budgets_fini(struct deia__config_budgets *b);
void deia__config_budget_print(const struct deia__config_budget *b,
			       struct deia_jw *w);

#endif
