/* SPDX-License-Identifier: MIT */
/*
 * client.h - a running hive over HTTP: calls with auth and retry, streams.
 *
 * Blocking; for programs without a loop of their own. A client may be used by
 * one thread at a time.
 */
#ifndef DEIA_CLIENT_H
#define DEIA_CLIENT_H

#include <deia/error.h>

DEIA_BEGIN

typedef struct deia_client deia_client;

struct deia_client_opts {
	size_t size;
	const char *url;	     /* "http://127.0.0.1:8000"; required */
	const char *token;	     /* NULL: none */
	const char *user_agent;	     /* NULL: "libdeia/VERSION" */
	unsigned connect_timeout_ms; /* default 5000 */
	unsigned timeout_ms; /* of a call in all; default 30000; 0: none */
	unsigned retries;    /* of calls that are safe to repeat; default 2 */
	/* Sent with each call, see trace.h; NULL, or what is none: nothing.
	 * Copied. Since 0.3. */
	const char *traceparent;
};
#define DEIA_CLIENT_OPTS_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_client_opts),                       \
		.connect_timeout_ms = 5000, .timeout_ms = 30000, .retries = 2  \
	}

/* Returns DEIA_OK, DEIA_EINVAL (url), DEIA_ENOMEM. */
DEIA_API DEIA_NODISCARD deia_err
deia_client_new(deia_client **out, const struct deia_client_opts *opts);
DEIA_API void deia_client_free(deia_client *client);
/* One line about the last failed call: the server's own sentence where there
 * is one. Lives until the next call. */
DEIA_API const char *deia_client_errmsg(const deia_client *client);
/*
 * true: the running call, and any begun later, ends with DEIA_ECANCELED;
 * false: calls work again. A call that waits notices within a second, or at
 * once when a signal interrupts its thread. Any thread; async-signal-safe.
 */
DEIA_API void deia_client_set_cancelled(deia_client *client, bool cancelled);

struct deia_reply {
	int status;	  /* HTTP status; 0: no answer */
	const char *body; /* NUL-terminated; "" when empty */
	size_t body_len;
	const char *code;	      /* the problem's code, or "" */
	const char *content_type;     /* or "" */
	unsigned retry_after_seconds; /* 0: not said */
	bool replayed; /* the answer that this Idempotency-Key once got */
};

/*
 * One call. method: "GET", "POST", "PUT", "PATCH", "DELETE". path: from the
 * root, with query ("/api/v1/bots?limit=10"). body: JSON text or NULL. reply
 * (may be NULL): borrowed until the next call on this client; filled also for
 * refusals.
 * Repeats (opts.retries times, after 100, 200, 400 ... ms or as Retry-After
 * says, within timeout_ms) after a lost connection or a 503 when that is safe:
 * GET always; POST, because each carries an Idempotency-Key, when the server
 * announces by an Idempotency-Key-Supported header that it honours it;
 * otherwise only when no byte of the request was sent. A 503 in plain application/json is an
 * answer (GET /health when CRITICAL) and not repeated.
 * Returns DEIA_OK for 2xx. Else by status: EINVAL/EPARSE 400, EAUTH 401,
 * EDENIED 403, ENOTFOUND 404, ESTATE/EEXIST/ECONFLICT 409 by code, EFIELD 422,
 * ELIMIT 413, EBUSY 429, EREMOTE 502, EUNAVAILABLE 503, ETIMEDOUT 504 or own
 * limit; EIO: the server is unreachable; EPROTO: not a deia server's answer;
 * ECANCELED; ELIMIT also for an answer over 64 MiB; EINVAL also for a method
 * or path that is none; ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_client_call(deia_client *client,
						  const char *method,
						  const char *path,
						  const char *body,
						  struct deia_reply *reply);
/*
 * A POST under an Idempotency-Key of the caller's, 1..255 visible ASCII
 * characters, so that doing it again later, also by another process, does
 * nothing twice. Otherwise as deia_client_call; DEIA_EINVAL also for a key
 * that is none.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_client_post_once(deia_client *client, const char *path, const char *body,
		      const char *key, struct deia_reply *reply);

/* One server-sent event; data is NUL-terminated. Return false to stop. */
typedef bool (*deia_sse_cb)(const char *event, const char *id, const char *data,
			    size_t data_len, void *user);
/*
 * A call whose answer is a stream of server-sent events. Returns DEIA_OK when
 * the stream ended or cb stopped it; as deia_client_call otherwise. No total
 * deadline; idle_timeout_ms without a byte (heartbeats come every 15 s) is
 * DEIA_ETIMEDOUT; 0: 60000.
 */
DEIA_API DEIA_NODISCARD deia_err deia_client_stream(
	deia_client *client, const char *method, const char *path,
	const char *body, unsigned idle_timeout_ms, deia_sse_cb cb, void *user);

/*
 * Follows /api/v1/events from seq `after` (-1: now), reconnecting with the
 * last seq seen until cb returns false or for_ms are over (0: no end): then
 * DEIA_OK. No event is given twice. An error is returned at once when the
 * first connection fails, later only when trying again cannot help (401,
 * 403, DEIA_EPROTO) or after deia_client_set_cancelled.
 */
DEIA_API DEIA_NODISCARD deia_err deia_client_follow(deia_client *client,
						    int64_t after,
						    unsigned for_ms,
						    deia_sse_cb cb, void *user);

/*
 * Percent-encodes one path segment or query value. *out is the caller's, to
 * be freed with deia_client_free_text. Any thread.
 */
DEIA_API DEIA_NODISCARD deia_err deia_client_escape(char **out,
						    const char *text);
DEIA_API void deia_client_free_text(char *text);

DEIA_END

#endif
