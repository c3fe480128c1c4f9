/* SPDX-License-Identifier: MIT */
/*
 * router.h - the one table of routes: method, path, who may, what it takes.
 *
 * It drives the router, 405 with Allow, the gate, the tests' matrix and the
 * check of openapi.yaml (`deiad --routes` prints it).
 */
#ifndef DEIAD_ROUTER_H
#define DEIAD_ROUTER_H

#include "rq.h"

/* Who may call a route. */
enum access {
	AC_PUBLIC,   /* anybody, also without a credential */
	AC_ANY,	     /* any valid credential, bots too */
	AC_VIEWER,   /* viewer and above */
	AC_OPERATOR, /* operator and above */
	AC_ADMIN
};

enum {
	RF_JSON = 1,	     /* takes a JSON object as body */
	RF_JSON_OPT = 2,     /* the body may be absent */
	RF_IDEMPOTENT = 4,   /* honours Idempotency-Key */
	RF_BOT_SELF = 8,     /* also the bot that {id} names */
	RF_BOT_ANY = 64,     /* also bots; the handler knows which */
	RF_WHILE_DRAIN = 16, /* answers also while draining or starting */
	RF_QUIET = 32,	     /* access log only at level debug */
	RF_TEXT = 128,	     /* with RF_JSON: the handler reads rq->text */
	RF_OWN_KEY = 256,    /* Idempotency-Key is the handler's: own_key.h */
	RF_SOCKET = 512	     /* WebSocket: the credential as ws_token says */
};

struct route {
	const char *method; /* GET also answers HEAD */
	const char *pattern;
	enum access access;
	unsigned flags;
	size_t max_body;
	const char *query; /* names of query parameters, "limit cursor" */
	void (*run)(struct rq *rq);
	const char *summary;
};

/*
 * The route of method and rq->path; fills in rq->param (pointing into
 * rq->decoded). NULL when there is none; then *allow (at least 64 bytes) is
 * "" or the methods that the path has.
 */
const struct route *route_find(struct rq *rq, char allow[64]);
const char *access_name(enum access access);
/* The whole table as a JSON array. */
void routes_print(const struct route *routes, size_t n, struct deia_jw *w);

#endif
