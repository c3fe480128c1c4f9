/* SPDX-License-Identifier: MIT */
/* log_events.h - what happens in the hive, as lines of the log. */
#ifndef DEIAD_LOG_EVENTS_H
#define DEIAD_LOG_EVENTS_H

#include "app.h"

/* False: no memory. */
bool log_events_begin(struct app *app);
void log_events_end(struct app *app);

#endif
