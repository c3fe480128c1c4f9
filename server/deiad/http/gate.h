/* SPDX-License-Identifier: MIT */
/*
 * gate.h - may this request pass? Host, Origin, credential, role.
 *
 * Each function answers the request itself and returns false when not.
 */
#ifndef DEIAD_GATE_H
#define DEIAD_GATE_H

#include "router.h"

/* Host is one of our names; 421 otherwise. host: the header's value. */
bool gate_host(struct rq *rq);
bool host_is_ours(const struct server *s, const char *host);
/* Origin and Sec-Fetch-Site say that no foreign page is behind it; 403. */
bool gate_origin(struct rq *rq);
/* A valid credential; fills in rq->actor. 401, or 429. */
bool gate_credential(struct rq *rq);
/* The role is enough for the route; 403. */
bool gate_role(struct rq *rq, const struct route *route);

#endif
