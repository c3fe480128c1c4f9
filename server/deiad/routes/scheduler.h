/* SPDX-License-Identifier: MIT */
/* scheduler.h - what the routes of the scheduler share. */
#ifndef DEIAD_ROUTES_SCHEDULER_H
#define DEIAD_ROUTES_SCHEDULER_H

#include <deia/scheduling.h>

#include "../http/rq.h"

/* What was learned of a bot and a type, as members of an object. */
void print_learned(struct deia_jw *w, const struct deia_scheduler_pair *p);

#endif
