/* SPDX-License-Identifier: MIT */
/*
 * own_key.h - making one thing or several at once (RF_OWN_KEY).
 *
 * Their Idempotency-Key is kept by the library call that makes them, so that
 * the answer is durable with them.
 */
#ifndef DEIAD_ROUTES_OWN_KEY_H
#define DEIAD_ROUTES_OWN_KEY_H

#include <deia/error.h>

#include "../http/rq.h"

/* Lives until it is answered. */
struct making {
	struct rq *rq;	  /* held */
	const char *many; /* "tasks": the body's name for several, the path's */
	bool batch;	  /* the body has several under that name */
	bool one;	  /* the answer is one thing, no list */
	bool replayed;	  /* for the call to set */
	const char *key;  /* for the call; NULL: there is none */
	char hash[65];	  /* stands for a key longer than the library takes */
};

/* Begins one; many: static. Holds the request. NULL: answered. */
struct making *making_begin(struct rq *rq, const char *many, bool batch);
/*
 * Says what went wrong, and ends it. at: which of the batch was meant, -1 when
 * that is not known; member: what of it, where the library names no field.
 */
void making_failed(struct making *m, deia_err err, int at, const char *member);
/* Answers 201 with what was printed, and ends it. id: of the one thing. */
void making_done(struct making *m, const char *id, struct deia_jw *w);

#endif
