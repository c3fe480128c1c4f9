/* SPDX-License-Identifier: MIT */
/*
 * idem.h - Idempotency-Key: a repeated request gets the first one's answer.
 *
 * Per identity. The same key with the same request: the kept answer with
 * "Idempotency-Replayed: true". While the first is in flight: 409. With
 * another request: 422. Answers 5xx, 401, 403 and 429 are not kept. Streams
 * and answers that hold a secret do not take part.
 *
 * The answer about something that was made is kept by the change that makes it
 * (idem_join), so that a crash never leaves the one without the other.
 */
#ifndef DEIAD_IDEM_H
#define DEIAD_IDEM_H

#include <deia/hive.h>

#include "rq.h"

/* Remembers what the request is, before its body is parsed. */
void idem_fingerprint(struct rq *rq, const char *body, size_t len);
/* The Idempotency-Key may stand as it is, or there is none; false: answered. */
bool idem_key_ok(struct rq *rq);
/* True: run the handler. False: answered, or the handler runs later. */
bool idem_begin(struct rq *rq);
/* True: the answer is being kept, and rq_send is called again after. */
bool idem_keep(struct rq *rq, int status, const char *type, const void *body,
	       size_t len);
/* The call that follows makes something: rq->actor carries the key to it, and
 * print shows what is made. Does nothing without a key. */
void idem_join(struct rq *rq,
	       void (*print)(const struct rq *rq, struct deia_jw *w,
			     enum deia_made made, const void *what));
/* The answer holds a secret: it is not kept. */
void idem_forget(struct rq *rq);
void idem_free(struct rq *rq);

#endif
