/* SPDX-License-Identifier: MIT */
/*
 * idem.h - Idempotency-Key: a repeated request gets the first one's answer.
 *
 * Per identity. The same key with the same request: the kept answer with
 * "Idempotency-Replayed: true". While the first is in flight: 409. With
 * another request: 422. Answers 5xx, 401, 403 and 429 are not kept. Streams
 * and routes whose answer holds a secret do not take part.
 */
#ifndef DEIAD_IDEM_H
#define DEIAD_IDEM_H

#include "rq.h"

/* Remembers what the request is, before its body is parsed. */
void idem_fingerprint(struct rq *rq, const char *body, size_t len);
/* True: run the handler. False: answered, or the handler runs later. */
bool idem_begin(struct rq *rq);
/* True: the answer is being kept, and rq_send is called again after. */
bool idem_keep(struct rq *rq, int status, const char *type, const void *body,
	       size_t len);
void idem_free(struct rq *rq);

#endif
