/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - one HTTP exchange through libcurl's easy interface.
 *
 * The server is not trusted: http and https only, no redirects, no cookies,
 * a capped answer, no proxy for a server on this machine, no signals. A
 * request is sent on a connection of its own unless a repeat is harmless,
 * because libcurl itself repeats on a kept connection that turns out dead.
 */
#include "client/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/mem.h"

/* ---- what libcurl calls ------------------------------------------------ */

static bool header_is(const char *line, size_t len, const char *name,
		      char *value, size_t value_len)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' ||
			   line[len - 1] == ' '))
		len--;
	snprintf(value, value_len, "%.*s", (int)len, line);
	return true;
}

static size_t on_header(char *p, size_t one, size_t len, void *arg)
{
	struct deia__exchange *x = arg;
	deia_client *c = x->client;
	char value[256];

	(void)one;
	x->last_byte_ms = deia__now_ms(NULL);
	if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		/* A new head: what an interim one (100) said does not count. */
		c->content_type[0] = c->location[0] = '\0';
		c->reply.retry_after_seconds = 0;
		c->reply.replayed = false;
	} else if (header_is(p, len, "Content-Type", c->content_type,
			     sizeof(c->content_type)) ||
		   header_is(p, len, "Location", c->location,
			     sizeof(c->location))) {
		return len;
	} else if (header_is(p, len, "Retry-After", value, sizeof(value))) {
		unsigned long v = strtoul(value, NULL, 10);

		c->reply.retry_after_seconds = v > 86400 ? 86400 : (unsigned)v;
	} else if (header_is(p, len, "Idempotency-Key-Supported", value,
			     sizeof(value))) {
		c->knows_keys = strcmp(value, "true") == 0;
	} else if (header_is(p, len, "Idempotency-Replayed", value,
			     sizeof(value))) {
		c->reply.replayed = strcmp(value, "true") == 0;
	}
	return len;
}

static bool is_event_stream(const deia_client *c)
{
	return strncasecmp(c->content_type, "text/event-stream", 17) == 0;
}

static size_t on_body(char *p, size_t one, size_t len, void *arg)
{
	struct deia__exchange *x = arg;
	deia_client *c = x->client;
	long status = 0;

	(void)one;
	x->last_byte_ms = deia__now_ms(NULL);
	if (!x->streaming && x->sse != NULL && c->body.len == 0) {
		curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
		x->streaming = status == 200 && is_event_stream(c);
	}
	if (x->streaming) {
		x->stop = deia__sse_feed(x->sse, p, len);
	} else {
		deia__buf_add(&c->body, p, len);
		x->stop = c->body.err;
	}
	return x->stop == DEIA_OK ? len : 0;
}

/* Called at least once a second, and after each signal. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down,
		       curl_off_t up_total, curl_off_t up)
{
	struct deia__exchange *x = arg;
	int64_t now = deia__now_ms(NULL);

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	if (atomic_load(&x->client->cancelled))
		x->stop = DEIA_ECANCELED;
	else if (x->deadline_ms != 0 && now >= x->deadline_ms)
		x->stop = DEIA_ETIMEDOUT;
	else if (x->idle_timeout_ms != 0 &&
		 now - x->last_byte_ms >= (int64_t)x->idle_timeout_ms)
		x->stop = DEIA_ETIMEDOUT;
	return x->stop != DEIA_OK;
}

/* ---- the request ------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *name,
		       const char *value)
{
	char *line = deia__asprintf("%s: %s", name, value);
	struct curl_slist *longer;

	longer = line != NULL ? curl_slist_append(*list, line) : NULL;
	deia__free(line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static struct curl_slist *headers(const deia_client *c,
				  const struct deia__exchange *x)
{
	struct curl_slist *list = NULL;
	bool ok;

	ok = add_header(&list, "Accept",
			x->sse != NULL ? "text/event-stream"
				       : "application/json, */*;q=0.1");
	if (x->body != NULL)
		ok = ok &&
		     add_header(&list, "Content-Type", "application/json");
	if (x->key != NULL)
		ok = ok && add_header(&list, "Idempotency-Key", x->key);
	if (*c->traceparent)
		ok = ok && add_header(&list, "traceparent", c->traceparent);
	if (c->token != NULL) {
		char *bearer = deia__asprintf("Bearer %s", c->token);

		ok = ok && bearer != NULL &&
		     add_header(&list, "Authorization", bearer);
		deia__free(bearer);
	}
	/* No waiting for "100 Continue". */
	ok = ok && add_header(&list, "Expect", "");
	if (ok)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

static void set_safety(deia_client *c)
{
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* Setting it would replace the environment's no_proxy. */
	if (c->is_loopback)
		curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_USERAGENT, c->user_agent);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void set_limits(deia_client *c, struct deia__exchange *x)
{
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)c->connect_timeout_ms);
	if (x->deadline_ms != 0) {
		int64_t left = x->deadline_ms - deia__now_ms(NULL);

		curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
				 left > 0 ? (long)left : 1L);
	}
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
}

static void set_request(deia_client *c, const struct deia__exchange *x,
			const char *url, struct curl_slist *list)
{
	CURL *h = c->curl;
	bool is_get = strcmp(x->method, "GET") == 0;
	bool repeatable = is_get || (c->knows_keys && x->key != NULL);

	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	if (x->body != NULL || strcmp(x->method, "POST") == 0) {
		const char *body = x->body != NULL ? x->body : "";

		curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(body));
	}
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, x->method);
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, repeatable ? 0L : 1L);
}

/* ---- the outcome ------------------------------------------------------- */

static deia_err stopped(deia_client *c, const struct deia__exchange *x)
{
	switch (x->stop) {
	case DEIA_ECANCELED:
		return deia__fail(&c->msg, x->stop, "it was cancelled");
	case DEIA_ETIMEDOUT:
		if (x->deadline_ms != 0 && deia__now_ms(NULL) >= x->deadline_ms)
			return deia__fail(&c->msg, x->stop,
					  "%s did not answer in time", c->url);
		return deia__fail(&c->msg, x->stop,
				  "%s went silent: nothing came for %u s",
				  c->url, x->idle_timeout_ms / 1000);
	case DEIA_ELIMIT:
		return deia__fail(&c->msg, x->stop,
				  "the answer is larger than %u MiB",
				  DEIA__REPLY_MAX_BYTES >> 20);
	default:
		return deia__fail(&c->msg, x->stop, "memory ran out");
	}
}

static deia_err lost(deia_client *c, CURLcode rc, const char *why)
{
	switch (rc) {
	case CURLE_OUT_OF_MEMORY:
		return deia__fail(&c->msg, DEIA_ENOMEM, "memory ran out");
	case CURLE_COULDNT_RESOLVE_HOST:
		return deia__fail(&c->msg, DEIA_EIO,
				  "the host of %s has no known address",
				  c->url);
	case CURLE_OPERATION_TIMEDOUT:
		return deia__fail(&c->msg, DEIA_ETIMEDOUT,
				  "%s did not answer in time", c->url);
	case CURLE_COULDNT_CONNECT:
		return deia__fail(&c->msg, DEIA_EIO, "no hive answers at %s",
				  c->url);
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, so: not HTTP */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return deia__fail(&c->msg, DEIA_EPROTO,
				  "what answers at %s is no deia hive: it does "
				  "not speak HTTP",
				  c->url);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return deia__fail(&c->msg, DEIA_EIO,
				  "no trusted TLS connection to %s: %s", c->url,
				  why);
	default:
		return deia__fail(&c->msg, DEIA_EIO,
				  "the connection to %s broke: %s", c->url,
				  why);
	}
}

static bool surely_unsent(CURLcode rc, CURL *h)
{
	long sent = 0;

	if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST ||
	    rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_SSL_CONNECT_ERROR)
		return true;
	curl_easy_getinfo(h, CURLINFO_REQUEST_SIZE, &sent);
	return sent == 0;
}

static void fill_reply(deia_client *c)
{
	long status = 0;

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	c->reply.status = (int)status;
	c->reply.body = c->body.data != NULL ? c->body.data : "";
	c->reply.body_len = c->body.len;
	c->reply.code = c->code;
	c->reply.content_type = c->content_type;
}

static void forget_reply(deia_client *c)
{
	c->reply = (struct deia_reply){ .body = "",
					.code = c->code,
					.content_type = c->content_type };
	c->code[0] = c->content_type[0] = c->location[0] = '\0';
	deia__buf_fini(&c->body);
	deia__buf_init(&c->body, DEIA__REPLY_MAX_BYTES);
}

deia_err deia__transfer(deia_client *c, struct deia__exchange *x)
{
	char why[CURL_ERROR_SIZE] = "", *url;
	struct curl_slist *list;
	CURLcode rc;

	forget_reply(c);
	x->client = c;
	x->stop = DEIA_OK;
	x->sent = x->streaming = false;
	x->last_byte_ms = deia__now_ms(NULL);
	if (atomic_load(&c->cancelled))
		return deia__fail(&c->msg, DEIA_ECANCELED, "it was cancelled");
	url = deia__asprintf("%s%s", c->url, x->path);
	list = headers(c, x);
	if (url == NULL || list == NULL) {
		deia__free(url);
		curl_slist_free_all(list);
		return deia__fail(&c->msg, DEIA_ENOMEM, "memory ran out");
	}
	curl_easy_reset(c->curl);
	set_safety(c);
	set_limits(c, x);
	set_request(c, x, url, list);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, why);
	rc = curl_easy_perform(c->curl);
	x->sent = !surely_unsent(rc, c->curl);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(list);
	deia__free(url);
	if (x->stop != DEIA_OK)
		return stopped(c, x);
	if (rc != CURLE_OK)
		return lost(c, rc,
			    why[0] != '\0' ? why : curl_easy_strerror(rc));
	fill_reply(c);
	return DEIA_OK;
}
