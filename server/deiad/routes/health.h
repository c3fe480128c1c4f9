/* SPDX-License-Identifier: MIT */
/* health.h - /health, its probes, and the details for who may see them. */
#ifndef DEIAD_ROUTES_HEALTH_H
#define DEIAD_ROUTES_HEALTH_H

#include "../http/rq.h"

/* Answers a plain GET /health at once; false: not one, or not plain. */
bool health_quick(struct server *s, struct conn *c, struct evhttp_request *ev);

#endif
