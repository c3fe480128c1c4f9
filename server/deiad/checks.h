/* SPDX-License-Identifier: MIT */
/*
 * checks.h - what deiad tells the hive's health checks: how long requests take,
 * what was logged, which model servers answer.
 */
#ifndef DEIAD_CHECKS_H
#define DEIAD_CHECKS_H

#include <stdbool.h>

struct app;

/* Before the hive is started. */
void checks_begin(struct app *app);
/* How often they are run, from the configuration. */
void checks_configure(struct app *app);

#endif
