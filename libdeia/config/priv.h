/* SPDX-License-Identifier: MIT */
/* priv.h - the inside of a configuration: config.c reads it, show.c prints it. */
#ifndef DEIA_CONFIG_PRIV_H
#define DEIA_CONFIG_PRIV_H

#include "config/budgets.h"
#include "config/receivers.h"
#include "config/scaling.h"
#include "config/schema.h"
#include "config/task_checks.h"
#include "config/templates.h"
#include "config/value.h"

struct deia_config {
	struct deia__value *values; /* one a row of the schema */
	struct deia__templates templates;
	struct deia__config_scaling scaling;
	struct deia__config_budgets budgets;
	struct deia__config_checks checks;
	struct deia__config_receivers receivers;
	struct deia_bot_spec bot_defaults;
	char *file;
};

#endif
