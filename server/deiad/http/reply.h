/* SPDX-License-Identifier: MIT */
/*
 * reply.h - answers: JSON, problem documents (RFC 9457), bytes.
 *
 * Each function but rq_add_header completes the request. They do nothing when
 * the client left or the request was answered already.
 */
#ifndef DEIAD_REPLY_H
#define DEIAD_REPLY_H

#include <deia/bot.h>

#include "rq.h"

struct conn;
struct evbuffer;
struct head_fault;

const char *status_phrase(int status);
/* The statuses that answers have: the n-th, 0: there are not so many; and where
 * one stands, -1: nowhere. */
int status_at(size_t n);
int status_index(int status);
/* Adds "name: value" to the reply; dropped when it does not fit. */
void rq_add_header(struct rq *rq, const char *name, const char *value);

/* Is there memory for len more bytes of an answer? False: answered. */
bool reply_has_room(struct rq *rq, size_t len);
/* Sends body[0..len); type may be NULL when there is no body. */
void rq_send(struct rq *rq, int status, const char *type, const void *body,
	     size_t len);
/* Sends what was printed, frees the printer's text. */
void rq_send_json(struct rq *rq, int status, struct deia_jw *w);
void rq_send_empty(struct rq *rq); /* 204 */

/* A problem document. detail is one sentence, printf-like. */
void rq_problem(struct rq *rq, int status, const char *code, const char *fmt,
		...) DEIA_PRINTF(4, 5);
/* 422 for one field; pointer "/a/b", or "?name" for a query parameter. */
void rq_bad_field(struct rq *rq, const char *pointer, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
void rq_bad_fields(struct rq *rq, const struct deia_field_error *errors,
		   size_t n);
/* What a library call said about one place of the request. */
void rq_fail_at(struct rq *rq, deia_err err, const struct deia_field_error *at);
/* What a library call said: status by code, detail from the hive. */
void rq_fail(struct rq *rq, deia_err err);
/* The same for callers without a hive's message. */
void rq_fail_with(struct rq *rq, deia_err err, const char *detail);
int status_of(deia_err err);
/* The body of a problem, for streams. */
void problem_print(struct deia_jw *w, int status, const char *code,
		   const char *detail, const char *request_id);

/* Writes the head of a reply without length (a stream). */
void reply_stream_head(struct rq *rq, const char *type);
/* Ends a streamed reply. */
void reply_stream_end(struct rq *rq);
/* A whole answer of conn_refuse. */
void reply_refusal(struct conn *c, const struct head_fault *fault,
		   struct evbuffer *out);
/* "Sun, 06 Nov 1994 08:49:37 GMT" for now. */
const char *http_date(void);

#endif
