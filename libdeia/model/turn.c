/* SPDX-License-Identifier: MIT */
/*
 * turn.c - one turn against a model server: asking, deadlines, tries, end.
 *
 * Deadlines run on the loop's monotonic clock, which stands still while the
 * machine sleeps: a model server on the same machine slept as well. There are
 * three: until the first token (a cold model loads for minutes), between pieces
 * after it, and the turn's own over all. A question is asked again only before
 * a token was shown. What comes back is read in stream.c.
 */
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

#define RETRY_MS 500
#define REFUSAL_BYTES (64u << 10)
/* Asked within this time the model is taken to be in memory still. */
#define WARM_MS 30000
/* How long a connection may wind up after the last event. */
#define WIND_UP_SECONDS 2
#define TRACE_LINE (sizeof("traceparent: ") + DEIA_TRACEPARENT_LEN)

/* ---- the end --------------------------------------------------------------- */

void deia__model_turn_free(struct model_turn *t)
{
	struct model *m = t->m;

	TAILQ_REMOVE(&m->turns, t, link);
	event_del(&t->ev_deadline);
	event_del(&t->ev_total);
	event_del(&t->ev_retry);
	deia__http_cancel(t->req);
	deia__model_stream_close(t);
	deia__buf_fini(&t->refusal);
	deia__free(t);
	deia__model_status(m);
}

/* The bot's status says what went wrong until a turn works; what is known
 * about the server itself says more and stays. */
static void show_reason(struct model *m, const char *code, const char *text)
{
	char line[MODEL_MESSAGE_BYTES];

	if (m->problem == PROBLEM_SERVER || strcmp(code, "interrupted") == 0)
		return;
	(void)snprintf(line, sizeof(line), "%s: %.900s", code, text);
	deia__model_problem(m, PROBLEM_TURN, line);
}

void deia__model_turn_fail(struct model_turn *t, const char *code,
			   bool retryable, unsigned retry_after_seconds,
			   const char *fmt, ...)
{
	char text[MODEL_MESSAGE_BYTES * 2], clean[MODEL_MESSAGE_BYTES * 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	deia__model_clean(t->m, clean, sizeof(clean), text);
	deia_turn_fail(t->turn, code, retryable, retry_after_seconds, clean);
	t->turn = NULL;
	show_reason(t->m, code, clean);
	deia__model_turn_free(t);
}

/* ---- deadlines ------------------------------------------------------------- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct model_turn *t = arg;
	const struct model_config *c = &t->m->config;

	(void)fd, (void)what;
	if (t->phase == PHASE_ENDED)
		deia__model_turn_free(t);
	else if (t->phase == PHASE_STREAM)
		deia__model_turn_fail(t, "model_stalled", true, 0,
				      "the model went silent for %u s in the "
				      "middle of its answer (option "
				      "stall_timeout_seconds)",
				      c->stall_seconds);
	else
		deia__model_turn_fail(
			t, "first_token_timeout", true, 0,
			"no first word from model %s within %u s; a "
			"large model may need longer to load (option "
			"first_token_timeout_seconds)",
			c->model, c->first_token_seconds);
}

static void on_total(evutil_socket_t fd, short what, void *arg)
{
	struct model_turn *t = arg;

	(void)fd, (void)what;
	deia__model_turn_fail(t, "timed_out", true, 0,
			      "the turn took longer than its %u s",
			      deia_turn_info(t->turn)->timeout_seconds);
}

void deia__model_turn_watch(struct model_turn *t)
{
	const struct model_config *c = &t->m->config;
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

void deia__model_print_message(deia_jw *jw, const char *role,
			       const char *content)
{
	deia_jw_object(jw);
	deia_jw_kstr(jw, "role", role);
	deia_jw_kstr(jw, "content", content);
	deia_jw_end_object(jw);
}

void deia__model_print_talk(deia_jw *jw, const struct model_turn *t)
{
	const struct deia_turn_info *info = deia_turn_info(t->turn);
	const char *prompt = t->m->config.system_prompt;

	deia_jw_key(jw, "messages");
	deia_jw_array(jw);
	if (prompt)
		deia__model_print_message(jw, "system", prompt);
	for (size_t i = t->first; i < info->n_history; i++)
		deia__model_print_message(jw, info->history[i].role,
					  info->history[i].content);
	deia__model_print_message(jw, "user", info->content);
	deia_jw_end_array(jw);
}

static void fit(struct model_turn *t)
{
	const struct model *m = t->m;

	if (!t->shortened)
		t->window = m->context;
	if (!t->window.num_ctx)
		t->window.num_ctx = m->dialect->default_window;
	t->first = deia__context_first(&t->window, deia_turn_info(t->turn),
				       m->config.system_prompt);
}

static void print_question(deia_jw *jw, struct model_turn *t)
{
	fit(t);
	deia_jw_object(jw);
	t->m->dialect->print(jw, t);
	deia__model_print_options(jw, t->m, false);
	deia_jw_end_object(jw);
}

/* So that what the server logs of this call can be found. */
static void print_trace(struct model_turn *t, char out[static TRACE_LINE])
{
	const char *parent = deia_turn_info(t->turn)->traceparent;
	char trace[DEIA_TRACEPARENT_LEN + 1];

	deia_trace_go_on(&t->m->traces, parent, trace);
	snprintf(out, TRACE_LINE, "traceparent: %s", trace);
}

static deia_err start_request(struct model_turn *t, const deia_jw *jw)
{
	struct model *m = t->m;
	char *url =
		deia__asprintf("%s%s", m->config.url, m->dialect->chat_path);
	char trace[TRACE_LINE];
	deia_err err = DEIA_ENOMEM;

	print_trace(t, trace);
	if (url)
		err = deia__http_start(
			&t->req, m->http,
			&(struct deia__http_opts){
				.url = url,
				.headers = (const char *const *)m->headers,
				.header = trace,
				.ca_file = m->config.ca_file,
				.body = jw->text,
				.body_len = jw->len,
				.on_body = deia__model_stream_body,
				.on_done = deia__model_stream_done,
				.user = t,
			});
	deia__free(url);
	return err;
}

/* As if nothing had come back so far. */
static void begin_again(struct model_turn *t)
{
	deia__buf_fini(&t->refusal);
	deia__buf_init(&t->refusal, REFUSAL_BYTES);
	deia__model_stream_close(t);
	deia__model_stream_open(t);
	t->fault = NULL;
	t->finished = false;
	t->usage = (struct deia_usage){ -1, -1 };
}

void deia__model_turn_send(struct model_turn *t)
{
	struct model *m = t->m;
	bool waited = t->phase == PHASE_RETRY;
	deia_err err;
	deia_jw jw;

	if (deia__now_ms(NULL) - m->last_token_ms > WARM_MS)
		deia__model_probe(m, PROBE_LOADED);
	begin_again(t);
	deia_jw_init(&jw);
	print_question(&jw, t);
	err = deia_jw_status(&jw);
	if (!err)
		err = start_request(t, &jw);
	deia_jw_fini(&jw);
	if (err) {
		deia__model_turn_fail(t, "out_of_memory", true, 0, "%s",
				      deia_err_text(err));
		return;
	}
	t->phase = PHASE_FIRST;
	if (waited)
		deia__model_status(m);
}

/* ---- asking again ---------------------------------------------------------- */

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	deia__model_turn_send(arg);
}

/* A pause of 0.5 s, then 1 s, by a fifth more or less so that several bots do
 * not come back at once; or as long as the server wants. */
static int64_t pause_ms(struct model_turn *t, unsigned retry_after_seconds)
{
	double ms = RETRY_MS << t->retries;

	if (retry_after_seconds)
		return (int64_t)retry_after_seconds * 1000;
	return (int64_t)(ms * (0.8 + 0.4 * deia__rng_ratio(&t->m->rng)));
}

bool deia__model_turn_retry(struct model_turn *t, unsigned retry_after_seconds)
{
	int64_t ms = pause_ms(t, retry_after_seconds);
	int64_t by_ms = t->first_by_ms < t->total_by_ms ? t->first_by_ms
							: t->total_by_ms;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (t->retries >= MODEL_RETRIES || deia__now_ms(NULL) + ms >= by_ms)
		return false;
	t->retries++;
	t->retry_seconds = (unsigned)((ms + 999) / 1000);
	t->phase = PHASE_RETRY;
	t->loading = false;
	event_add(&t->ev_retry, &tv);
	deia__model_status(t->m);
	return true;
}

bool deia__model_turn_shorten(struct model_turn *t)
{
	const struct deia_turn_info *info = deia_turn_info(t->turn);
	struct deia__context *w = &t->window;
	size_t first = t->first;

	while (first <= t->first && w->num_ctx > 1) {
		if (w->tokens_per_kib < DEIA__TOKENS_PER_KIB_MAX)
			w->tokens_per_kib = DEIA__TOKENS_PER_KIB_MAX;
		else
			w->num_ctx /= 2;
		first = deia__context_first(w, info,
					    t->m->config.system_prompt);
	}
	if (first <= t->first)
		return false;
	t->shortened = true;
	deia__model_turn_send(t);
	return true;
}

/* ---- the beginning --------------------------------------------------------- */

static void set_deadlines(struct model_turn *t)
{
	unsigned seconds = deia_turn_info(t->turn)->timeout_seconds;
	struct timeval total = { seconds, 0 };
	int64_t now = deia__now_ms(NULL);

	t->total_by_ms = now + (int64_t)seconds * 1000;
	t->first_by_ms = now + (int64_t)t->m->config.first_token_seconds * 1000;
	event_add(&t->ev_total, &total);
	deia__model_turn_watch(t);
}

void deia__model_turn_begin(struct model *m, deia_turn *turn)
{
	struct model_turn *t = deia__alloc(sizeof(*t));
	struct event_base *base = deia_worker_base(m->w);

	if (!t) {
		deia_turn_fail(turn, "out_of_memory", true, 0,
			       deia_err_text(DEIA_ENOMEM));
		return;
	}
	t->m = m;
	t->turn = turn;
	deia_turn_set_user(turn, t);
	event_assign(&t->ev_deadline, base, -1, 0, on_deadline, t);
	event_assign(&t->ev_total, base, -1, 0, on_total, t);
	event_assign(&t->ev_retry, base, -1, 0, on_retry, t);
	TAILQ_INSERT_TAIL(&m->turns, t, link);
	t->phase = PHASE_WINDOW;
	deia__model_stream_open(t);
	set_deadlines(t);
	if (m->context.num_ctx)
		deia__model_turn_send(t);
	else
		deia__model_probe(m, PROBE_SHOW);
}

/* ---- what probes tell the turns --------------------------------------------- */

static struct model_turn *in_phase(struct model *m, enum model_phase phase)
{
	struct model_turn *t;

	TAILQ_FOREACH(t, &m->turns, link)
		if (t->phase == phase)
			return t;
	return NULL;
}

void deia__model_turns_window(struct model *m)
{
	struct model_turn *t;

	while ((t = in_phase(m, PHASE_WINDOW)))
		deia__model_turn_send(t);
}

void deia__model_turns_list(struct model *m, bool known)
{
	const struct deia__dialect *d = m->dialect;
	const char *model = m->config.model;
	const char *name = d->get_hint_names ? model : "";
	struct model_turn *t;

	while ((t = in_phase(m, PHASE_MISSING))) {
		if (!known || !m->missing)
			deia__model_turn_fail(t, "model_not_found", false, 0,
					      "the model server at %s does not "
					      "find model %s; %s%s",
					      m->config.shown_url, model,
					      d->get_hint, name);
		else
			deia__model_turn_fail(
				t, "model_not_found", false, 0,
				"the model server at %s has no model "
				"%s; %s%s (present: %s)",
				m->config.shown_url, model, d->get_hint, name,
				m->present[0] ? m->present : "none");
	}
}

void deia__model_turns_cold(struct model *m)
{
	struct model_turn *t;

	TAILQ_FOREACH(t, &m->turns, link)
		if (t->phase == PHASE_FIRST)
			t->loading = true;
	deia__model_status(m);
}
