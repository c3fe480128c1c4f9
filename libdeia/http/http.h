/* SPDX-License-Identifier: MIT */
/*
 * http.h - HTTP requests, and mail, on the event loop (libcurl): to model
 * servers and to those who are told of alerts.
 *
 * The server is not trusted: only http and https (smtp and smtps for mail),
 * certificates are checked, no redirects (a key goes to the configured address
 * alone), no proxy, no cookies, bounded answers. Deadlines beyond the connection are the caller's.
 * Callbacks run from the loop, never inside the call that causes them; a
 * request ends with exactly one done callback unless it is cancelled.
 */
#ifndef DEIA_HTTP_HTTP_H
#define DEIA_HTTP_HTTP_H

#include <deia/error.h>

struct event_base;
typedef struct deia__http deia__http;
typedef struct deia__http_req deia__http_req;

enum deia__http_body {
	DEIA__HTTP_GO_ON,
	DEIA__HTTP_PAUSE, /* offer the same bytes again after _resume */
	DEIA__HTTP_STOP /* the answer is unwanted: done comes with ECANCELED */
};

struct deia__http_result {
	/*
	 * DEIA_OK: an answer of any status came whole. DEIA_EUNAVAILABLE: no
	 * connection. DEIA_ETIMEDOUT: timeout_ms passed. DEIA_ECANCELED: the
	 * body callback stopped it. DEIA_EIO: the connection broke off.
	 * DEIA_ENOMEM.
	 */
	deia_err err;
	int status;		      /* 0: none came; of mail: SMTP's */
	unsigned retry_after_seconds; /* of the header, 0: not said */
	bool refused;	  /* EUNAVAILABLE: at once, not by waiting */
	char detail[256]; /* what went wrong, in words, when err */
};

/* Instead of a request: body is a message of mail, lines ending in CR LF. */
struct deia__http_mail {
	const char *from; /* bare addresses: ops@example.org */
	const char *const *to;
	size_t n_to;
	const char *user, *password; /* or NULL */
	bool starttls; /* refuse to go on without it; of smtp alone */
};

struct deia__http_opts {
	const char *url;
	const struct deia__http_mail *mail; /* copied; NULL: HTTP */
	const char *const *headers; /* "Name: value", copied; ends with NULL */
	const char *header;	    /* one more, copied; or NULL */
	const char *ca_file; /* certificates to trust; NULL: the system's */
	const char *body;    /* POST of JSON, copied; NULL: GET */
	size_t body_len;
	unsigned timeout_ms; /* for all of it; 0: none */
	/* Bytes of the answer's body. status is known. */
	enum deia__http_body (*on_body)(int status, const char *p, size_t len,
					void *user);
	void (*on_done)(const struct deia__http_result *result, void *user);
	void *user;
};

/* base is borrowed. Returns DEIA_OK, DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__http_new(deia__http **out,
				       struct event_base *base);
/* Cancels what runs. NULL is fine. Not from inside a callback. */
void deia__http_free(deia__http *http);
/* Starts a request; *out lives until done or cancel. DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__http_start(deia__http_req **out, deia__http *http,
					 const struct deia__http_opts *opts);
/* Closes the connection; no callback comes any more. Also from callbacks. */
void deia__http_cancel(deia__http_req *req);
/* After DEIA__HTTP_PAUSE. */
void deia__http_resume(deia__http_req *req);

#endif
