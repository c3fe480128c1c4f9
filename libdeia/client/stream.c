/* SPDX-License-Identifier: MIT */
/*
 * stream.c - answers that are streams of server-sent events.
 *
 * A stream is begun again only where nothing was sent yet. Following the
 * hive's events is different: it goes on for ever, each time from the last
 * seq that was seen, so that no event is lost or repeated.
 */
#include "client/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/mem.h"

#define IDLE_TIMEOUT_MS 60000
#define RETRY_BASE_MS 100
#define RETRY_MAX_MS 5000
#define RECONNECT_BASE_MS 250

/* One attempt; says in *stopped whether cb ended it. */
static deia_err listen_once(deia_client *c, struct deia__exchange *x,
			    bool *stopped)
{
	deia_err err = deia__transfer(c, x);

	*stopped = err == DEIA_ECANCELED && !atomic_load(&c->cancelled);
	if (*stopped)
		return DEIA_OK;
	if (err != DEIA_OK || x->streaming)
		return err;
	err = deia__problem(c);
	if (err != DEIA_OK)
		return err;
	if (strncasecmp(c->content_type, "text/event-stream", 17) == 0)
		return DEIA_OK;
	return deia__fail(
		&c->msg, DEIA_EPROTO,
		"what answers at %s is no deia hive: it sent no event "
		"stream",
		c->url);
}

deia_err deia_client_stream(deia_client *client, const char *method,
			    const char *path, const char *body,
			    unsigned idle_timeout_ms, deia_sse_cb cb,
			    void *user)
{
	struct deia__sse sse;
	struct deia__exchange x = {
		.method = method, .path = path, .body = body, .sse = &sse
	};
	bool stopped = false;
	char key[37];
	deia_err err;

	err = deia__request_check(client, method, path);
	if (err != DEIA_OK)
		return err;
	x.idle_timeout_ms =
		idle_timeout_ms != 0 ? idle_timeout_ms : IDLE_TIMEOUT_MS;
	if (strcmp(method, "POST") == 0) {
		deia__uuid7(key, deia__unix_ms(NULL));
		x.key = key;
	}
	for (unsigned n = 0;; n++) {
		deia__sse_init(&sse, DEIA__REPLY_MAX_BYTES, cb, user);
		err = listen_once(client, &x, &stopped);
		deia__sse_fini(&sse);
		if (err != DEIA_EIO || x.sent || n >= client->retries)
			return err;
		if (!deia__backoff(client, n, RETRY_BASE_MS, RETRY_MAX_MS, 0))
			return err;
	}
}

/* ---- following --------------------------------------------------------- */

struct follow {
	deia_sse_cb cb;
	void *user;
	int64_t after;	/* the last seq seen; -1: none yet */
	unsigned fails; /* since the last event */
	bool connected; /* once, at least */
};

static bool on_event(const char *event, const char *id, const char *data,
		     size_t data_len, void *user)
{
	struct follow *f = user;
	char *end = NULL;
	long long seq = strtoll(id, &end, 10);

	f->fails = 0;
	f->connected = true;
	if (id[0] != '\0' && *end == '\0' && seq >= 0) {
		/* Seen before the connection broke; "open" only tells where
		 * the stream begins. */
		if (seq <= f->after && strcmp(event, "open") != 0)
			return true;
		f->after = seq;
	}
	return f->cb(event, id, data, data_len, f->user);
}

/* Whether trying again can help: the server was there, or is busy. */
static bool is_passing(const struct follow *f, deia_err err)
{
	switch (err) {
	case DEIA_OK:
		return true; /* the server ended the stream: it restarts */
	case DEIA_EIO:
	case DEIA_ETIMEDOUT:
	case DEIA_EUNAVAILABLE:
	case DEIA_EBUSY:
		return f->connected;
	default:
		return false;
	}
}

static deia_err follow_once(deia_client *c, struct follow *f,
			    int64_t deadline_ms, bool *stopped)
{
	struct deia__sse sse;
	char path[64] = "/api/v1/events";
	struct deia__exchange x = { .method = "GET",
				    .path = path,
				    .sse = &sse,
				    .idle_timeout_ms = IDLE_TIMEOUT_MS,
				    .deadline_ms = deadline_ms };
	deia_err err;

	if (f->after >= 0)
		snprintf(path, sizeof(path), "/api/v1/events?after=%lld",
			 (long long)f->after);
	deia__sse_init(&sse, DEIA__REPLY_MAX_BYTES, on_event, f);
	err = listen_once(c, &x, stopped);
	f->connected = f->connected || x.streaming;
	deia__sse_fini(&sse);
	return err;
}

deia_err deia_client_follow(deia_client *client, int64_t after, unsigned for_ms,
			    deia_sse_cb cb, void *user)
{
	struct follow f = { .cb = cb, .user = user, .after = after };
	int64_t deadline = 0;

	if (for_ms != 0)
		deadline = deia__now_ms(NULL) + for_ms;
	for (;;) {
		bool stopped = false;
		deia_err err = follow_once(client, &f, deadline, &stopped);

		if (stopped)
			return DEIA_OK;
		if (deadline != 0 && deia__now_ms(NULL) >= deadline &&
		    (f.connected || err == DEIA_OK))
			return DEIA_OK;
		if (!is_passing(&f, err))
			return err;
		if (!deia__backoff(client, f.fails++, RECONNECT_BASE_MS,
				   RETRY_MAX_MS, deadline)) {
			if (!atomic_load(&client->cancelled))
				return DEIA_OK;
			return deia__fail(&client->msg, DEIA_ECANCELED,
					  "it was cancelled");
		}
	}
}
