/* SPDX-License-Identifier: MIT */
/* health.h - /health, its probes, and the details for who may see them. */
#ifndef DEIAD_ROUTES_HEALTH_H
#define DEIAD_ROUTES_HEALTH_H

#include <deia/hive.h>

#include "../http/rq.h"

/* Answers a plain GET /health at once; false: not one, or not plain. */
bool health_quick(struct server *s, struct conn *c, struct evhttp_request *ev);

/* "cache": {...}, how the cache is and what it counted. */
void print_cache(struct deia_jw *w, const deia_hive *hive);

#endif
