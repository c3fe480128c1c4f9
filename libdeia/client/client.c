/* SPDX-License-Identifier: MIT */
/*
 * client.c - the handle of a client, and calls that are answered at once.
 *
 * A call is repeated only when that can do no harm: the request was surely
 * not sent, or it is a GET, or it is a POST under a key that the server
 * honours. One deadline covers all attempts.
 */
#include "client/handle.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <deia/version.h>

#include "core/clock.h"
#include "core/id.h"
#include "core/mem.h"

#define RETRY_BASE_MS 100
#define RETRY_MAX_MS 5000
/* While the server works on an attempt whose connection broke. */
#define MAX_IN_FLIGHT_WAITS 600
#define MAX_KEY_BYTES 255

/* ---- life -------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
	size_t len = strlen(host);

	return strcasecmp(host, "localhost") == 0 ||
	       (len > 10 && strcasecmp(host + len - 10, ".localhost") == 0) ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* http or https, a host, perhaps a port and a path; nothing else. */
static bool url_fits(CURLU *u, bool *loopback)
{
	char *scheme = NULL, *host = NULL;
	bool ok = false;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		ok = (strcmp(scheme, "http") == 0 ||
		      strcmp(scheme, "https") == 0) &&
		     !has_part(u, CURLUPART_USER) &&
		     !has_part(u, CURLUPART_QUERY) &&
		     !has_part(u, CURLUPART_FRAGMENT);
	if (ok)
		*loopback = is_loopback(host);
	curl_free(scheme);
	curl_free(host);
	return ok;
}

static deia_err set_url(deia_client *c, const char *url)
{
	CURLU *u = curl_url();
	deia_err err = DEIA_EINVAL;
	size_t len = strlen(url);

	if (u == NULL)
		return DEIA_ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    url_fits(u, &c->is_loopback))
		err = DEIA_OK;
	curl_url_cleanup(u);
	if (err != DEIA_OK)
		return err;
	while (len > 0 && url[len - 1] == '/')
		len--;
	c->url = deia__strndup(url, len);
	return c->url != NULL ? DEIA_OK : DEIA_ENOMEM;
}

/* What goes into a header must not be able to end it. */
static bool is_header_text(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~')
			return false;
	}
	return true;
}

static deia_err set_texts(deia_client *c, const struct deia_client_opts *o)
{
	const char *agent =
		o->user_agent != NULL ? o->user_agent : "libdeia/" DEIA_VERSION;

	if (!is_header_text(agent) ||
	    (o->token != NULL && !is_header_text(o->token)))
		return DEIA_EINVAL;
	c->user_agent = deia__strdup(agent);
	c->token = deia__strdup(o->token);
	if (c->user_agent == NULL || (o->token != NULL && c->token == NULL))
		return DEIA_ENOMEM;
	return DEIA_OK;
}

/* A caller built against another header: its bytes over our defaults. */
static deia_err read_opts(struct deia_client_opts *o,
			  const struct deia_client_opts *given)
{
	size_t size = given->size;
	const unsigned char *bytes = (const unsigned char *)given;

	for (size_t i = sizeof(*o); i < size; i++) {
		if (bytes[i] != 0)
			return DEIA_EINVAL;
	}
	memcpy(o, given, size < sizeof(*o) ? size : sizeof(*o));
	return o->url != NULL ? DEIA_OK : DEIA_EINVAL;
}

deia_err deia_client_new(deia_client **out, const struct deia_client_opts *opts)
{
	struct deia_client_opts o = DEIA_CLIENT_OPTS_INIT;
	deia_client *c;
	deia_err err;

	*out = NULL;
	if (opts == NULL || read_opts(&o, opts) != DEIA_OK)
		return DEIA_EINVAL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return DEIA_ENOMEM;
	c = deia__alloc(sizeof(*c));
	if (c == NULL) {
		curl_global_cleanup();
		return DEIA_ENOMEM;
	}
	deia__buf_init(&c->body, DEIA__REPLY_MAX_BYTES);
	c->connect_timeout_ms = o.connect_timeout_ms;
	c->timeout_ms = o.timeout_ms;
	c->retries = o.retries;
	(void)deia_trace_parse(c->traceparent, o.traceparent);
	err = set_url(c, o.url);
	if (err == DEIA_OK)
		err = set_texts(c, &o);
	if (err == DEIA_OK && (c->curl = curl_easy_init()) == NULL)
		err = DEIA_ENOMEM;
	if (err != DEIA_OK) {
		deia_client_free(c);
		return err;
	}
	deia__rng_init(&c->rng, 0);
	*out = c;
	return DEIA_OK;
}

void deia_client_free(deia_client *client)
{
	if (client == NULL)
		return;
	if (client->curl != NULL)
		curl_easy_cleanup(client->curl);
	deia__buf_fini(&client->body);
	deia__free(client->url);
	deia__free(client->token);
	deia__free(client->user_agent);
	deia__free(client);
	curl_global_cleanup();
}

const char *deia_client_errmsg(const deia_client *client)
{
	return client->msg.text;
}

void deia_client_set_cancelled(deia_client *client, bool cancelled)
{
	atomic_store(&client->cancelled, cancelled);
}

/* ---- calls ------------------------------------------------------------- */

deia_err deia__request_check(deia_client *c, const char *method,
			     const char *path)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH",
					       "DELETE" };
	bool known = false;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		known = known || strcmp(methods[i], method) == 0;
	if (!known)
		return deia__fail(&c->msg, DEIA_EINVAL,
				  "method: '%s' is none of GET, POST, PUT, "
				  "PATCH, DELETE",
				  method);
	if (path[0] != '/' || !is_header_text(path) || strchr(path, '#'))
		return deia__fail(&c->msg, DEIA_EINVAL,
				  "path: it must begin with / and be "
				  "percent-encoded");
	return DEIA_OK;
}

bool deia__backoff(deia_client *c, unsigned n, int64_t base_ms, int64_t max_ms,
		   int64_t deadline_ms)
{
	int64_t wait = max_ms, now = deia__now_ms(NULL), until;

	if (n < 16 && base_ms << n < max_ms)
		wait = base_ms << n;
	wait = (int64_t)((double)wait * (0.75 + deia__rng_ratio(&c->rng) / 2));
	until = now + wait;
	if (deadline_ms != 0 && until >= deadline_ms)
		return false;
	while (now < until && !atomic_load(&c->cancelled)) {
		int64_t left = until - now;
		struct timespec ts = { .tv_sec = left / 1000,
				       .tv_nsec = (left % 1000) * 1000000 };

		(void)nanosleep(&ts, NULL);
		now = deia__now_ms(NULL);
	}
	return !atomic_load(&c->cancelled);
}

/* After a POST whose answer was lost: does the server know our key? */
static bool server_knows_keys(deia_client *c)
{
	struct deia__exchange probe = {
		.method = "GET",
		.path = "/health/live",
		.deadline_ms = deia__now_ms(NULL) + c->connect_timeout_ms,
	};

	return c->knows_keys ||
	       (deia__transfer(c, &probe) == DEIA_OK && c->knows_keys);
}

static bool may_repeat(deia_client *c, const struct deia__exchange *x)
{
	if (!x->sent || strcmp(x->method, "GET") == 0)
		return true;
	return x->key != NULL && server_knows_keys(c);
}

/*
 * A 503 that is a refusal. One in plain JSON is an answer: GET /health says
 * CRITICAL that way.
 */
static bool is_refused(const deia_client *c)
{
	return c->reply.status == 503 &&
	       strncasecmp(c->content_type, "application/json", 16) != 0;
}

/* Our own earlier attempt is still being worked on: its answer will come. */
static bool is_in_flight(const deia_client *c, const struct deia__exchange *x)
{
	return c->reply.status == 409 && x->key != NULL &&
	       c->reply.retry_after_seconds != 0;
}

/*
 * Whether one more attempt may be made after an answer or a failure; waits
 * until it is time for it. *n counts the attempts that were in vain.
 */
static bool try_again(deia_client *c, struct deia__exchange *x, deia_err err,
		      unsigned *n)
{
	int64_t base = RETRY_BASE_MS;
	struct deia__errmsg msg = c->msg;
	bool again;

	if (err == DEIA_OK && *n > 0 && is_in_flight(c, x)) {
		again = ++*n < MAX_IN_FLIGHT_WAITS;
	} else if (err == DEIA_OK && is_refused(c)) {
		again = *n < c->retries && (strcmp(x->method, "GET") == 0 ||
					    (x->key != NULL && c->knows_keys));
		++*n;
	} else if (err == DEIA_EIO) {
		again = *n < c->retries && may_repeat(c, x);
		++*n;
	} else {
		return false;
	}
	if (err == DEIA_OK && c->reply.retry_after_seconds != 0)
		base = (int64_t)c->reply.retry_after_seconds * 1000;
	again = again && base <= RETRY_MAX_MS &&
		deia__backoff(c, err == DEIA_OK ? 0 : *n - 1, base,
			      RETRY_MAX_MS, x->deadline_ms);
	c->msg = msg;
	return again;
}

static deia_err attempts(deia_client *c, struct deia__exchange *x)
{
	unsigned n = 0;
	deia_err err;

	do {
		err = deia__transfer(c, x);
	} while (try_again(c, x, err, &n));
	return err;
}

static deia_err key_check(deia_client *c, const char *key)
{
	size_t len = strlen(key);

	if (len > 0 && len <= MAX_KEY_BYTES && is_header_text(key))
		return DEIA_OK;
	return deia__fail(&c->msg, DEIA_EINVAL,
			  "key: it must have 1 to %d visible ASCII characters",
			  MAX_KEY_BYTES);
}

static deia_err call(deia_client *c, const char *method, const char *path,
		     const char *body, const char *key,
		     struct deia_reply *reply)
{
	struct deia__exchange x = {
		.method = method, .path = path, .body = body, .key = key
	};
	deia_err err;

	if (reply != NULL)
		*reply = (struct deia_reply){ .body = "",
					      .code = "",
					      .content_type = "" };
	err = deia__request_check(c, method, path);
	if (err == DEIA_OK && key != NULL)
		err = key_check(c, key);
	if (err != DEIA_OK)
		return err;
	if (c->timeout_ms != 0)
		x.deadline_ms = deia__now_ms(NULL) + c->timeout_ms;
	err = attempts(c, &x);
	if (err == DEIA_OK)
		err = deia__problem(c);
	if (reply != NULL)
		*reply = c->reply;
	return err;
}

deia_err deia_client_call(deia_client *client, const char *method,
			  const char *path, const char *body,
			  struct deia_reply *reply)
{
	char key[37];
	bool is_post = strcmp(method, "POST") == 0;

	if (is_post)
		deia__uuid7(key, deia__unix_ms(NULL));
	return call(client, method, path, body, is_post ? key : NULL, reply);
}

deia_err deia_client_post_once(deia_client *client, const char *path,
			       const char *body, const char *key,
			       struct deia_reply *reply)
{
	return call(client, "POST", path, body, key, reply);
}

/* ---- text -------------------------------------------------------------- */

deia_err deia_client_escape(char **out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = deia__alloc(strlen(text) * 3 + 1);

	*out = p;
	if (p == NULL)
		return DEIA_ENOMEM;
	for (; *text != '\0'; text++) {
		unsigned char b = (unsigned char)*text;

		if ((b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') ||
		    (b >= 'a' && b <= 'z') || strchr("-._~", b) != NULL) {
			*p++ = (char)b;
		} else {
			*p++ = '%';
			*p++ = hex[b >> 4];
			*p++ = hex[b & 15];
		}
	}
	*p = '\0';
	return DEIA_OK;
}

void deia_client_free_text(char *text)
{
	deia__free(text);
}
