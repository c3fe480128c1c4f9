/* SPDX-License-Identifier: MIT */
/*
 * ollama_turn.c - one turn against /api/chat: asking, deadlines, retries, end.
 *
 * Deadlines run on the loop's monotonic clock, which stands still while the
 * machine sleeps: a model server on the same machine slept as well. There are
 * three: until the first token (a cold model loads for minutes), between lines
 * after it, and the turn's own over all. A question is asked again only before
 * a token was shown. What comes back is read in ollama_stream.c.
 */
#include "adapter/ollama_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapter/ndjson.h"
#include "core/clock.h"
#include "core/mem.h"

#define RETRIES 2
#define RETRY_MS 500
#define REFUSAL_BYTES (64u << 10)
/* Asked within this time the model is taken to be in memory still. */
#define WARM_MS 30000
/* How long a connection may wind up after the last line. */
#define WIND_UP_SECONDS 2

/* ---- the end --------------------------------------------------------------- */

void deia__ollama_turn_free(struct ollama_turn *t)
{
	struct ollama *o = t->o;

	TAILQ_REMOVE(&o->turns, t, link);
	event_del(&t->ev_deadline);
	event_del(&t->ev_total);
	event_del(&t->ev_retry);
	deia__http_cancel(t->req);
	deia__lines_fini(&t->lines);
	deia__buf_fini(&t->refusal);
	deia__free(t);
	deia__ollama_status(o);
}

void deia__ollama_turn_fail(struct ollama_turn *t, const char *code,
			    bool retryable, unsigned retry_after_seconds,
			    const char *fmt, ...)
{
	char text[OLLAMA_MESSAGE_BYTES * 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	deia_turn_fail(t->turn, code, retryable, retry_after_seconds, text);
	deia__ollama_turn_free(t);
}

void deia__ollama_turn_interrupt(struct ollama_turn *t)
{
	deia__ollama_turn_fail(t, "interrupted", false, 0,
			       "the answer was interrupted");
}

/* ---- deadlines ------------------------------------------------------------- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ollama_turn *t = arg;
	const struct ollama_config *c = &t->o->config;

	(void)fd, (void)what;
	if (t->phase == PHASE_ENDED)
		deia__ollama_turn_free(t);
	else if (t->phase == PHASE_STREAM)
		deia__ollama_turn_fail(t, "model_stalled", true, 0,
				       "the model went silent for %u s in the "
				       "middle of its answer (option "
				       "stall_timeout_seconds)",
				       c->stall_seconds);
	else
		deia__ollama_turn_fail(
			t, "first_token_timeout", true, 0,
			"no first word from model %s within %u s; a "
			"large model may need longer to load (option "
			"first_token_timeout_seconds)",
			c->model, c->first_token_seconds);
}

static void on_total(evutil_socket_t fd, short what, void *arg)
{
	struct ollama_turn *t = arg;

	(void)fd, (void)what;
	deia__ollama_turn_fail(t, "timed_out", true, 0,
			       "the turn took longer than its %u s",
			       deia_turn_info(t->turn)->timeout_seconds);
}

void deia__ollama_turn_watch(struct ollama_turn *t)
{
	const struct ollama_config *c = &t->o->config;
	struct timeval tv = { c->first_token_seconds, 0 };

	if (t->phase == PHASE_STREAM)
		tv.tv_sec = c->stall_seconds;
	if (t->phase == PHASE_ENDED) {
		tv.tv_sec = WIND_UP_SECONDS;
		event_del(&t->ev_total);
	}
	event_add(&t->ev_deadline, &tv);
}

/* ---- asking ---------------------------------------------------------------- */

static void print_message(deia_jw *jw, const char *role, const char *content)
{
	deia_jw_object(jw);
	deia_jw_kstr(jw, "role", role);
	deia_jw_kstr(jw, "content", content);
	deia_jw_end_object(jw);
}

static void print_messages(deia_jw *jw, const struct ollama *o,
			   const struct deia_turn_info *info)
{
	struct deia__context window = o->context;
	size_t i;

	if (!window.num_ctx)
		window.num_ctx = OLLAMA_DEFAULT_CTX;
	i = deia__context_first(&window, info, o->config.system_prompt);
	deia_jw_key(jw, "messages");
	deia_jw_array(jw);
	if (o->config.system_prompt)
		print_message(jw, "system", o->config.system_prompt);
	for (; i < info->n_history; i++)
		print_message(jw, info->history[i].role,
			      info->history[i].content);
	print_message(jw, "user", info->content);
	deia_jw_end_array(jw);
}

static void print_question(deia_jw *jw, const struct ollama *o,
			   const struct deia_turn_info *info)
{
	const struct ollama_config *c = &o->config;

	deia_jw_object(jw);
	deia_jw_kstr(jw, "model", c->model);
	print_messages(jw, o, info);
	deia_jw_kbool(jw, "stream", true);
	if (c->keep_alive)
		deia_jw_kraw(jw, "keep_alive", c->keep_alive);
	if (c->think)
		deia_jw_kraw(jw, "think", c->think);
	if (c->format)
		deia_jw_kraw(jw, "format", c->format);
	if (c->options)
		deia_jw_kraw(jw, "options", c->options);
	deia_jw_end_object(jw);
}

static deia_err start_request(struct ollama_turn *t, const deia_jw *jw)
{
	char *url = deia__asprintf("%s/api/chat", t->o->config.url);
	deia_err err = DEIA_ENOMEM;

	if (url)
		err = deia__http_start(
			&t->req, t->o->http,
			&(struct deia__http_opts){
				.url = url,
				.body = jw->text,
				.body_len = jw->len,
				.on_body = deia__ollama_stream_body,
				.on_done = deia__ollama_stream_done,
				.user = t,
			});
	deia__free(url);
	return err;
}

void deia__ollama_turn_send(struct ollama_turn *t)
{
	struct ollama *o = t->o;
	deia_err err;
	deia_jw jw;

	if (deia__now_ms(NULL) - o->last_token_ms > WARM_MS)
		deia__ollama_probe(o, PROBE_PS);
	deia__buf_fini(&t->refusal);
	deia__buf_init(&t->refusal, REFUSAL_BYTES);
	deia_jw_init(&jw);
	print_question(&jw, o, deia_turn_info(t->turn));
	err = deia_jw_status(&jw);
	if (!err)
		err = start_request(t, &jw);
	deia_jw_fini(&jw);
	if (err) {
		deia__ollama_turn_fail(t, "out_of_memory", true, 0, "%s",
				       deia_err_text(err));
		return;
	}
	t->phase = PHASE_FIRST;
	if (!event_pending(&t->ev_deadline, EV_TIMEOUT, NULL))
		deia__ollama_turn_watch(t);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	deia__ollama_turn_send(arg);
}

bool deia__ollama_turn_retry(struct ollama_turn *t)
{
	long ms = RETRY_MS << t->retries;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (t->retries >= RETRIES)
		return false;
	t->retries++;
	t->phase = PHASE_RETRY;
	event_add(&t->ev_retry, &tv);
	return true;
}

void deia__ollama_turn_begin(struct ollama *o, deia_turn *turn)
{
	struct ollama_turn *t = deia__alloc(sizeof(*t));
	struct event_base *base = deia_worker_base(o->w);
	struct timeval total = { deia_turn_info(turn)->timeout_seconds, 0 };

	if (!t) {
		deia_turn_fail(turn, "out_of_memory", true, 0,
			       deia_err_text(DEIA_ENOMEM));
		return;
	}
	t->o = o;
	t->turn = turn;
	t->usage = (struct deia_usage){ -1, -1 };
	deia_turn_set_user(turn, t);
	deia__lines_init(&t->lines, DEIA__NDJSON_LINE_BYTES,
			 deia__ollama_stream_line, t);
	event_assign(&t->ev_deadline, base, -1, 0, on_deadline, t);
	event_assign(&t->ev_total, base, -1, 0, on_total, t);
	event_assign(&t->ev_retry, base, -1, 0, on_retry, t);
	TAILQ_INSERT_TAIL(&o->turns, t, link);
	event_add(&t->ev_total, &total);
	t->phase = PHASE_WINDOW;
	if (o->context.num_ctx)
		deia__ollama_turn_send(t);
	else
		deia__ollama_probe(o, PROBE_SHOW);
}

/* ---- what probes tell the turns --------------------------------------------- */

static struct ollama_turn *in_phase(struct ollama *o, enum ollama_phase phase)
{
	struct ollama_turn *t;

	TAILQ_FOREACH(t, &o->turns, link)
		if (t->phase == phase)
			return t;
	return NULL;
}

void deia__ollama_turns_window(struct ollama *o)
{
	struct ollama_turn *t;

	while ((t = in_phase(o, PHASE_WINDOW)))
		deia__ollama_turn_send(t);
}

void deia__ollama_turns_tags(struct ollama *o, bool reached)
{
	const char *model = o->config.model;
	struct ollama_turn *t;

	while ((t = in_phase(o, PHASE_MISSING))) {
		if (!reached || !o->missing)
			deia__ollama_turn_fail(
				t, "model_not_found", false, 0,
				"the model server at %s does not "
				"find model %s; get it with: ollama "
				"pull %s",
				o->config.shown_url, model, model);
		else
			deia__ollama_turn_fail(
				t, "model_not_found", false, 0,
				"the model server at %s has no model "
				"%s; get it with: ollama pull %s "
				"(present: %s)",
				o->config.shown_url, model, model,
				o->present[0] ? o->present : "none");
	}
}

void deia__ollama_turns_cold(struct ollama *o)
{
	struct ollama_turn *t;

	TAILQ_FOREACH(t, &o->turns, link)
		if (t->phase == PHASE_FIRST)
			t->loading = true;
	deia__ollama_status(o);
}

void deia__ollama_turns_drained(struct ollama *o)
{
	struct ollama_turn *t;

	for (t = TAILQ_FIRST(&o->turns); t; t = TAILQ_NEXT(t, link)) {
		if (!t->paused)
			continue;
		t->paused = false;
		deia__ollama_turn_watch(t);
		deia__http_resume(t->req);
	}
}
