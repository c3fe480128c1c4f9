/* SPDX-License-Identifier: MIT */
/* follow.h - log lines as they are written, as server-sent events. */
#ifndef DEIAD_ROUTES_FOLLOW_H
#define DEIAD_ROUTES_FOLLOW_H

#include "../http/rq.h"

struct follows;

/* Answers with a stream of `line` events: the last `lines`, then new ones. */
void follow_begin(struct rq *rq, const char *path, unsigned lines);
void follows_free(struct follows *f);

#endif
