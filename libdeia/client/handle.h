/* SPDX-License-Identifier: MIT */
/*
 * handle.h - the client's handle, and one exchange with the server.
 *
 * client.c repeats exchanges, stream.c reads events from them, transfer.c
 * does one of them, problem.c says what an answer means.
 */
#ifndef DEIA_CLIENT_HANDLE_H
#define DEIA_CLIENT_HANDLE_H

#include <curl/curl.h>
#include <stdatomic.h>

#include <deia/client.h>
#include <deia/trace.h>
#include "client/sse.h"
#include "core/buf.h"
#include "core/errmsg.h"
#include "core/id.h"

#define DEIA__REPLY_MAX_BYTES (64u << 20)

struct deia_client {
	char *url, *token, *user_agent;
	char traceparent[DEIA_TRACEPARENT_LEN + 1]; /* or "" */
	unsigned connect_timeout_ms, timeout_ms, retries;
	bool is_loopback;      /* no proxy, whatever the environment says */
	bool knows_keys;       /* the server honours Idempotency-Key */
	atomic_bool cancelled; /* by deia_client_cancel, from anywhere */
	struct deia__rng rng;  /* of the backoff's jitter */
	CURL *curl;
	struct deia__buf body; /* of the last answer */
	struct deia_reply reply;
	char code[64], content_type[96], location[256];
	struct deia__errmsg msg;
};

/* One request, and what to do with its answer. */
struct deia__exchange {
	const char *method, *path, *body;
	const char *key;	  /* Idempotency-Key, or NULL */
	struct deia__sse *sse;	  /* where a 200 event stream goes; or NULL */
	unsigned idle_timeout_ms; /* 0: none */
	int64_t deadline_ms;	  /* boot clock; 0: none */
	/* After it: */
	bool sent;	/* the server may have seen the request */
	bool streaming; /* the answer was an event stream */
	int64_t last_byte_ms;
	deia_err stop; /* why our callbacks ended it */
	deia_client *client;
};

/*
 * Does one exchange; the answer is in client->reply, the body in
 * client->body. Returns DEIA_OK for any answer of any status, else
 * DEIA_EIO, DEIA_ETIMEDOUT, DEIA_EPROTO, DEIA_ELIMIT, DEIA_ECANCELED (also
 * when the stream's callback said stop), DEIA_ENOMEM, with errmsg set.
 */
DEIA_NODISCARD deia_err deia__transfer(deia_client *c,
				       struct deia__exchange *x);

/* What the answer in client->reply means; sets code and errmsg. */
DEIA_NODISCARD deia_err deia__problem(deia_client *c);

/* Checks method and path; DEIA_EINVAL with errmsg. */
DEIA_NODISCARD deia_err deia__request_check(deia_client *c, const char *method,
					    const char *path);
/*
 * Waits about base * 2^n ms (with jitter, at most max_ms), or until the
 * deadline or deia_client_cancel. False: stop trying.
 */
bool deia__backoff(deia_client *c, unsigned n, int64_t base_ms, int64_t max_ms,
		   int64_t deadline_ms);

#endif
