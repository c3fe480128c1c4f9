/* SPDX-License-Identifier: MIT */
/*
 * http.c - libcurl's multi interface on libevent: HTTP and SMTP.
 *
 * curl tells which sockets to watch and when to be called; both become events.
 * curl forbids removing a request inside its own callbacks, and our callers may
 * not be called inside their own calls; so whatever ends is put on a list and
 * swept from an event of its own, right after curl returned.
 *
 * Not here: deadlines for first bytes and stalls (they know what a token is).
 */
#include "http/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "core/mem.h"

#define CONNECT_TIMEOUT_MS 2000L
/* A TLS handshake takes several round trips, and such servers are far away. */
#define CONNECT_TLS_TIMEOUT_MS 10000L
#define MAX_HEADER_SECONDS 86400
#define IDLE_CONNECTIONS 4L

struct deia__http_req {
	TAILQ_ENTRY(deia__http_req) link;
	deia__http *http;
	CURL *easy;
	struct curl_slist *headers; /* of HTTP */
	struct curl_slist *to;	    /* of mail */
	char *body;
	size_t sent; /* of a mail's body */
	struct deia__http_opts opts;
	struct deia__http_result result;
	char curl_error[CURL_ERROR_SIZE];
	bool ended, cancelled, stopped;
};

TAILQ_HEAD(req_list, deia__http_req);

struct deia__http {
	struct event_base *base;
	CURLM *multi;
	struct event ev_timer, ev_sweep;
	struct req_list running;
};

struct watch {
	struct event ev;
	deia__http *http;
};

/* ---- the end of requests -------------------------------------------------- */

static void free_req(deia__http_req *r)
{
	if (r->easy) {
		curl_multi_remove_handle(r->http->multi, r->easy);
		curl_easy_cleanup(r->easy);
	}
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->to);
	deia__free(r->body);
	deia__free(r);
}

static deia__http_req *next_ended(deia__http *http)
{
	deia__http_req *r;

	TAILQ_FOREACH(r, &http->running, link)
		if (r->ended)
			return r;
	return NULL;
}

/* Callbacks may start, cancel and end others: look from the start each time. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	deia__http *http = arg;
	deia__http_req *r;

	(void)fd, (void)what;
	while ((r = next_ended(http))) {
		TAILQ_REMOVE(&http->running, r, link);
		if (!r->cancelled)
			r->opts.on_done(&r->result, r->opts.user);
		free_req(r);
	}
}

static void end_req(deia__http_req *r)
{
	r->ended = true;
	event_active(&r->http->ev_sweep, 0, 0);
}

/* What curl's code means to us. */
static deia_err err_of(const deia__http_req *r, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return DEIA_OK;
	case CURLE_OUT_OF_MEMORY:
		return DEIA_ENOMEM;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return DEIA_EUNAVAILABLE;
	case CURLE_WRITE_ERROR:
		return r->stopped ? DEIA_ECANCELED : DEIA_EIO;
	default:
		return DEIA_EIO;
	}
}

/* A timeout before the connection stood is the connection's. */
static deia_err timeout_err(deia__http_req *r)
{
	curl_off_t connected_us = 0;

	curl_easy_getinfo(r->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	return connected_us ? DEIA_ETIMEDOUT : DEIA_EUNAVAILABLE;
}

/* The system's word for it when there is one ("Connection refused"). */
static void set_detail(deia__http_req *r, CURLcode code)
{
	struct deia__http_result *res = &r->result;
	const char *text = curl_easy_strerror(code);
	long os_errno = 0;

	curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (os_errno && res->err == DEIA_EUNAVAILABLE)
		text = strerror((int)os_errno);
	else if (r->curl_error[0])
		text = r->curl_error;
	(void)snprintf(res->detail, sizeof(res->detail), "%s", text);
}

static void set_result(deia__http_req *r, CURLcode code)
{
	struct deia__http_result *res = &r->result;
	curl_off_t wait = 0;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &wait);
	res->status = (int)status;
	if (wait > 0)
		res->retry_after_seconds =
			(unsigned)(wait < MAX_HEADER_SECONDS
					   ? wait
					   : MAX_HEADER_SECONDS);
	res->refused = code == CURLE_COULDNT_CONNECT;
	res->err = code == CURLE_OPERATION_TIMEDOUT ? timeout_err(r)
						    : err_of(r, code);
	if (res->err)
		set_detail(r, code);
}

static void take_finished(deia__http *http)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left))) {
		deia__http_req *r = NULL;
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
				  (char **)&r);
		set_result(r, msg->data.result);
		end_req(r);
	}
}

/* ---- curl and the loop ---------------------------------------------------- */

static void act(deia__http *http, curl_socket_t fd, int flags)
{
	int running;

	curl_multi_socket_action(http->multi, fd, flags, &running);
	take_finished(http);
}

static void on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	int flags = ((what & EV_READ) ? CURL_CSELECT_IN : 0) |
		    ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);

	act(watch->http, fd, flags);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int unwatch(deia__http *http, curl_socket_t fd, struct watch *watch)
{
	if (watch)
		event_del(&watch->ev);
	deia__free(watch);
	curl_multi_assign(http->multi, fd, NULL);
	return 0;
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg,
		    void *known)
{
	struct watch *watch = known;
	deia__http *http = arg;
	short flags = EV_PERSIST;

	(void)easy;
	if (what == CURL_POLL_REMOVE)
		return unwatch(http, fd, watch);
	if (watch) {
		event_del(&watch->ev);
	} else {
		watch = deia__alloc(sizeof(*watch));
		if (!watch)
			return -1;
		watch->http = http;
		curl_multi_assign(http->multi, fd, watch);
	}
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	event_assign(&watch->ev, http->base, fd, flags, on_socket_ready, watch);
	return event_add(&watch->ev, NULL) ? -1 : 0;
}

static int on_set_timer(CURLM *multi, long ms, void *arg)
{
	deia__http *http = arg;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		return event_del(&http->ev_timer);
	return event_add(&http->ev_timer, &tv);
}

deia_err deia__http_new(deia__http **out, struct event_base *base)
{
	deia__http *http = deia__alloc(sizeof(*http));

	*out = NULL;
	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT)) { /* counted */
		deia__free(http);
		return DEIA_ENOMEM;
	}
	http->base = base;
	TAILQ_INIT(&http->running);
	http->multi = curl_multi_init();
	if (!http->multi) {
		curl_global_cleanup();
		deia__free(http);
		return DEIA_ENOMEM;
	}
	event_assign(&http->ev_timer, base, -1, 0, on_timer, http);
	event_assign(&http->ev_sweep, base, -1, 0, on_sweep, http);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	*out = http;
	return DEIA_OK;
}

void deia__http_free(deia__http *http)
{
	deia__http_req *r;

	if (!http)
		return;
	while ((r = TAILQ_FIRST(&http->running))) {
		TAILQ_REMOVE(&http->running, r, link);
		free_req(r);
	}
	curl_multi_cleanup(http->multi);
	event_del(&http->ev_timer);
	event_del(&http->ev_sweep);
	curl_global_cleanup();
	deia__free(http);
}

/* ---- one request ---------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	deia__http_req *r = arg;
	long status = 0;

	if (r->ended)
		return CURL_WRITEFUNC_ERROR;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	switch (r->opts.on_body((int)status, p, size * n, r->opts.user)) {
	case DEIA__HTTP_GO_ON:
		return size * n;
	case DEIA__HTTP_PAUSE:
		return CURL_WRITEFUNC_PAUSE;
	default:
		r->stopped = true;
		return CURL_WRITEFUNC_ERROR;
	}
}

static bool add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (more)
		*list = more;
	return more != NULL;
}

static bool add_headers(deia__http_req *r, const char *const *lines)
{
	for (; lines && *lines; lines++)
		if (!add_line(&r->headers, *lines))
			return false;
	return true;
}

static deia_err set_headers(deia__http_req *r)
{
	static const char *const always[] = {
		"Content-Type: application/json",
		"Expect:", /* no round trip before a large body */
		NULL,
	};

	const char *const one[] = { r->opts.header, NULL };

	if (!add_headers(r, always) || !add_headers(r, r->opts.headers) ||
	    !add_headers(r, one))
		return DEIA_ENOMEM;
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	return DEIA_OK;
}

/* The rules against a hostile server; see also http.h. */
static void set_rules(CURL *easy, const struct deia__http_opts *opts)
{
	bool tls = opts->mail || strncasecmp(opts->url, "https:", 6) == 0;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
			 opts->mail ? "smtp,smtps" : "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	/* Giving up a name that is being looked up must not wait for it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 tls ? CONNECT_TLS_TIMEOUT_MS : CONNECT_TIMEOUT_MS);
	if (opts->timeout_ms)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
				 (long)opts->timeout_ms);
	if (opts->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, opts->ca_file);
}

static deia_err copy_body(deia__http_req *r)
{
	r->body = deia__alloc(r->opts.body_len + 1);
	if (!r->body)
		return DEIA_ENOMEM;
	memcpy(r->body, r->opts.body, r->opts.body_len);
	return DEIA_OK;
}

static deia_err set_body(deia__http_req *r)
{
	if (!r->opts.body)
		return DEIA_OK;
	if (copy_body(r))
		return DEIA_ENOMEM;
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)r->opts.body_len);
	return DEIA_OK;
}

/* Of a mail. */
static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	deia__http_req *r = arg;
	size_t left = r->opts.body_len - r->sent;
	size_t len = left < size * n ? left : size * n;

	memcpy(p, r->body + r->sent, len);
	r->sent += len;
	return len;
}

static deia_err set_mail(deia__http_req *r)
{
	const struct deia__http_mail *mail = r->opts.mail;

	if (copy_body(r))
		return DEIA_ENOMEM;
	for (size_t i = 0; i < mail->n_to; i++)
		if (!add_line(&r->to, mail->to[i]))
			return DEIA_ENOMEM;
	curl_easy_setopt(r->easy, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(r->easy, CURLOPT_MAIL_RCPT, r->to);
	curl_easy_setopt(r->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(r->easy, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(r->easy, CURLOPT_READDATA, r);
	curl_easy_setopt(
		r->easy, CURLOPT_USE_SSL,
		(long)(mail->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (mail->user)
		curl_easy_setopt(r->easy, CURLOPT_USERNAME, mail->user);
	if (mail->password)
		curl_easy_setopt(r->easy, CURLOPT_PASSWORD, mail->password);
	return DEIA_OK;
}

static deia_err prepare(deia__http_req *r)
{
	r->easy = curl_easy_init();
	if (!r->easy ||
	    curl_easy_setopt(r->easy, CURLOPT_URL, r->opts.url) != CURLE_OK)
		return DEIA_ENOMEM;
	set_rules(r->easy, &r->opts);
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->curl_error);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	if (r->opts.mail)
		return set_mail(r);
	deia_err err = set_headers(r);
	return err ? err : set_body(r);
}

deia_err deia__http_start(deia__http_req **out, deia__http *http,
			  const struct deia__http_opts *opts)
{
	deia__http_req *r = deia__alloc(sizeof(*r));
	deia_err err;

	*out = NULL;
	if (!r)
		return DEIA_ENOMEM;
	r->http = http;
	r->opts = *opts;
	err = prepare(r);
	r->opts.url = r->opts.body = r->opts.ca_file = NULL;
	r->opts.headers = NULL;
	r->opts.mail = NULL;
	r->opts.header = NULL;
	if (!err && curl_multi_add_handle(http->multi, r->easy) != CURLM_OK)
		err = DEIA_ENOMEM;
	if (err) {
		free_req(r);
		return err;
	}
	TAILQ_INSERT_TAIL(&http->running, r, link);
	*out = r;
	return DEIA_OK;
}

void deia__http_cancel(deia__http_req *req)
{
	if (!req)
		return;
	req->cancelled = true;
	end_req(req);
}

void deia__http_resume(deia__http_req *req)
{
	if (!req->ended)
		curl_easy_pause(req->easy, CURLPAUSE_CONT);
}
