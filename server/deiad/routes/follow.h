/* SPDX-License-Identifier: MIT */
/* follow.h - log lines as they are written, as server-sent events. */
#ifndef DEIAD_ROUTES_FOLLOW_H
#define DEIAD_ROUTES_FOLLOW_H

#include <deia/logs.h>

#include "../http/rq.h"

struct follows;

/* Answers with a stream of `line` events: the last `lines`, then new ones; of
 * them those that match filter (copied; its texts are borrowed as long as rq is
 * held), unless it is NULL. */
void follow_begin(struct rq *rq, const char *path, unsigned lines,
		  const struct deia_log_filter *filter);
void follows_free(struct follows *f);

#endif
