/* SPDX-License-Identifier: MIT */
/*
 * shot.c - one attempt to deliver a message: an HTTP request, a mail, or a run
 * of a program under its guard. Nothing of it blocks.
 */
#include "notify/notify.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "process/env.h"

#define SAID_BYTES 160		 /* of an answer or a program's last line */
#define ANSWER_BYTES (64u << 10) /* more is not read */
#define DEFAULT_SECONDS 15
#define FREE_PATIENCE_MS 2000
#define HEADERS 5
#define URL_BYTES 2200

struct deia__shot {
	TAILQ_ENTRY(deia__shot) link; /* while its program runs */
	deia_notify *n;
	deia__shot_cb cb; /* NULL: cancelled */
	void *user;
	deia__http_req *req;
	struct deia__proc *proc;
	struct deia__timer timer; /* its time is over */
	bool late, unfed;
	char said[SAID_BYTES + 1];
	size_t said_len, got;
};

static unsigned seconds_of(const struct deia__receiver *r)
{
	return r->set.timeout_seconds ? r->set.timeout_seconds
				      : DEFAULT_SECONDS;
}

static void end(struct deia__shot *s, const struct deia__shot_result *result)
{
	deia__shot_cb cb = s->cb;
	void *user = s->user;

	deia__timer_clear(s->n->timers, &s->timer);
	deia__free(s);
	if (cb)
		cb(result, user);
}

/* What was said, as one line of valid text. */
static void tidy(struct deia__shot *s)
{
	size_t len = deia__utf8_whole(s->said, s->said_len);

	if (!deia__utf8_valid(s->said, len))
		len = 0;
	s->said[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s->said[i] < ' ' || s->said[i] == 0x7f)
			s->said[i] = ' ';
}

/* ---- HTTP and SMTP ------------------------------------------------------------- */

static enum deia__http_body on_body(int status, const char *p, size_t len,
				    void *user)
{
	struct deia__shot *s = user;
	size_t room = SAID_BYTES - s->said_len;

	(void)status;
	memcpy(s->said + s->said_len, p, len < room ? len : room);
	s->said_len += len < room ? len : room;
	s->got += len;
	return s->got > ANSWER_BYTES ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
}

static enum deia__shot_end judge_http(const struct deia__http_result *h)
{
	int status = h->status;

	if (h->err && h->err != DEIA_ECANCELED)
		return DEIA__SHOT_RETRY;
	if (status >= 200 && status < 300)
		return DEIA__SHOT_OK;
	if (status == 408 || status == 429 || status >= 500)
		return DEIA__SHOT_RETRY;
	return DEIA__SHOT_FINAL;
}

static void on_http(const struct deia__http_result *h, void *user)
{
	struct deia__shot *s = user;
	struct deia__shot_result r = {
		.end = judge_http(h),
		.retry_after_seconds = h->retry_after_seconds,
	};

	tidy(s);
	if (h->err && h->err != DEIA_ECANCELED)
		snprintf(r.error, sizeof(r.error), "%s",
			 h->detail[0] ? h->detail : deia_err_text(h->err));
	else if (h->status >= 300 && h->status < 400)
		snprintf(r.error, sizeof(r.error),
			 "it answered %d; redirects are not followed",
			 h->status);
	else if (r.end != DEIA__SHOT_OK)
		snprintf(r.error, sizeof(r.error), "it answered %d%s%s",
			 h->status, s->said[0] ? ": " : "", s->said);
	end(s, &r);
}

/* SMTP's own codes: 4yz is for a while, 5yz for good. */
static void on_mail(const struct deia__http_result *h, void *user)
{
	struct deia__shot_result r = { .end = DEIA__SHOT_OK };

	if (h->err) {
		r.end = h->status >= 500 && h->status < 600 ? DEIA__SHOT_FINAL
							    : DEIA__SHOT_RETRY;
		snprintf(r.error, sizeof(r.error), "%s",
			 h->detail[0] ? h->detail : deia_err_text(h->err));
	}
	end(user, &r);
}

static deia_err send(struct deia__shot *s, struct deia__http_opts *o)
{
	if (!s->n->http && deia__http_new(&s->n->http, s->n->opts.base))
		return DEIA_ENOMEM;
	o->on_body = on_body;
	o->user = s;
	return deia__http_start(&s->req, s->n->http, o);
}

static deia_err start_http(struct deia__shot *s, const struct deia__receiver *r,
			   const char *id, const char *body, size_t len)
{
	char lines[3][DEIA__SIGNATURE_BYTES + 40], url[URL_BYTES];
	char signature[DEIA__SIGNATURE_BYTES];
	const char *headers[HEADERS] = { "User-Agent: deia", lines[0],
					 lines[1] };
	int64_t now = deia__unix_ms(s->n->clock) / 1000;
	struct deia__http_opts o = {
		.url = r->set.url,
		.headers = headers,
		.ca_file = r->set.ca_file,
		.body = body,
		.body_len = len,
		.timeout_ms = seconds_of(r) * 1000,
		.on_done = on_http,
	};

	snprintf(lines[0], sizeof(lines[0]), "webhook-id: %s", id);
	snprintf(lines[1], sizeof(lines[1]), "webhook-timestamp: %lld",
		 (long long)now);
	if (r->set.secret) {
		deia__notify_sign(signature, r->set.secret, id, now, body, len);
		snprintf(lines[2], sizeof(lines[2]), "webhook-signature: %s",
			 signature);
		headers[3] = lines[2];
	}
	if (r->set.kind == DEIA_NOTIFY_ALERTMANAGER) {
		size_t n = strlen(r->set.url);

		n -= n && r->set.url[n - 1] == '/';
		snprintf(url, sizeof(url), "%.*s/api/v2/alerts", (int)n,
			 r->set.url);
		o.url = url;
	}
	return send(s, &o);
}

static deia_err start_mail(struct deia__shot *s, const struct deia__receiver *r,
			   const char *body, size_t len)
{
	struct deia__http_mail mail = {
		.from = r->set.from,
		.to = r->set.to,
		.n_to = r->set.n_to,
		.user = r->set.username,
		.password = r->set.password,
		.starttls = !r->set.plain,
	};
	struct deia__http_opts o = {
		.url = r->set.url,
		.mail = &mail,
		.ca_file = r->set.ca_file,
		.body = body,
		.body_len = len,
		.timeout_ms = seconds_of(r) * 1000,
		.on_done = on_mail,
	};

	return send(s, &o);
}

/* ---- a program ------------------------------------------------------------------ */

static void on_late(void *arg)
{
	struct deia__shot *s = arg;

	s->late = true;
	if (s->proc)
		deia__proc_kill(s->proc);
}

static void on_started(void *arg, int64_t pid)
{
	(void)arg;
	(void)pid;
}

static void on_line(void *arg, const char *text, size_t len)
{
	struct deia__shot *s = arg;

	if (!text || !len)
		return;
	s->said_len = len < SAID_BYTES ? len : SAID_BYTES;
	memcpy(s->said, text, s->said_len);
}

/* It need not read all that it is given. */
static void on_broken(void *arg, const char *what)
{
	(void)arg;
	(void)what;
}

static void on_drained(void *arg)
{
	(void)arg;
}

static void say_end(struct deia__shot *s, const struct deia__proc_end *e,
		    char *out, size_t len)
{
	tidy(s);
	if (s->unfed)
		snprintf(out, len, "out of memory");
	else if (e->fail_stage[0])
		snprintf(out, len, "its program could not be run: %s",
			 strerror(e->fail_errno));
	else if (s->late)
		snprintf(out, len, "its program took too long");
	else if (e->lost)
		snprintf(out, len, "the guard of its program was killed");
	else if (e->signal)
		snprintf(out, len, "its program was ended by signal %d",
			 e->signal);
	else if (e->code)
		snprintf(out, len, "its program ended with %d%s%s", e->code,
			 s->said[0] ? ": " : "", s->said);
}

static void on_ended(void *arg, const struct deia__proc_end *e)
{
	struct deia__shot *s = arg;
	struct deia__shot_result r = { .end = DEIA__SHOT_OK };

	TAILQ_REMOVE(&s->n->running, s, link);
	say_end(s, e, r.error, sizeof(r.error));
	if (r.error[0])
		r.end = DEIA__SHOT_RETRY;
	deia__proc_free(s->proc);
	end(s, &r);
}

static const struct deia__proc_ops ops = {
	.started = on_started,
	.line = on_line,
	.err_line = on_line,
	.broken = on_broken,
	.drained = on_drained,
	.ended = on_ended,
};

static deia_err launch(struct deia__shot *s, const struct deia__receiver *r,
		       const char *id)
{
	struct deia__env env = { 0 };
	struct deia__launch what = {
		.guard_program = s->n->opts.guard_program,
		.argv = r->set.argv,
		.n_argv = r->set.n_argv,
		.limits = { .open_files = 1024, .processes = 256 },
	};
	deia_err err = DEIA_ENOMEM;
	int error = 0;

	deia__env_inherit(&env);
	deia__env_set(&env, "DEIA_MESSAGE_ID", id);
	what.env = env.vars;
	if (!env.failed)
		err = deia__proc_start(&s->proc, &s->n->procs, &what, &ops, s,
				       &error);
	deia__env_fini(&env);
	return err;
}

static deia_err start_exec(struct deia__shot *s, const struct deia__receiver *r,
			   const char *id, const char *body, size_t len)
{
	deia_err err;

	s->timer.fn = on_late;
	s->timer.arg = s;
	err = deia__timer_set(s->n->timers, &s->timer,
			      (int64_t)seconds_of(r) * 1000);
	if (!err)
		err = launch(s, r, id);
	if (err)
		return err;
	TAILQ_INSERT_TAIL(&s->n->running, s, link);
	s->unfed = deia__proc_write(s->proc, body, len) != DEIA_OK;
	deia__proc_finish_input(s->proc);
	if (s->unfed)
		deia__proc_kill(s->proc);
	return DEIA_OK;
}

/* ---- both ------------------------------------------------------------------------ */

static deia_err start(struct deia__shot **out, deia_notify *n,
		      struct deia__receiver *r, const char *id,
		      const char *body, size_t len, deia__shot_cb cb,
		      void *user)
{
	struct deia__shot *s = deia__alloc(sizeof(*s));
	deia_err err;

	*out = NULL;
	if (!s)
		return DEIA_ENOMEM;
	s->n = n;
	s->cb = cb;
	s->user = user;
	if (r->set.kind == DEIA_NOTIFY_EXEC)
		err = start_exec(s, r, id, body, len);
	else if (r->set.kind == DEIA_NOTIFY_EMAIL)
		err = start_mail(s, r, body, len);
	else
		err = start_http(s, r, id, body, len);
	if (err) {
		deia__timer_clear(n->timers, &s->timer);
		deia__free(s);
		return err;
	}
	*out = s;
	return DEIA_OK;
}

/* A program is killed, and its shot goes with the end of it. */
static void cancel(struct deia__shot *s)
{
	s->cb = NULL;
	if (s->proc) {
		deia__proc_kill(s->proc);
		return;
	}
	deia__http_cancel(s->req);
	deia__free(s);
}

const struct deia__shooter deia__notify_shooter = {
	.start = start,
	.cancel = cancel,
};

void deia__shots_free(deia_notify *n)
{
	struct deia__shot *s;

	while ((s = TAILQ_FIRST(&n->running))) {
		pid_t guard = deia__proc_abandon(s->proc);

		TAILQ_REMOVE(&n->running, s, link);
		deia__timer_clear(n->timers, &s->timer);
		deia__free(s);
		deia__guard_await(guard, FREE_PATIENCE_MS);
	}
}
