/* SPDX-License-Identifier: MIT */
/*
 * model.c - the life of a bot with a model server, and what it says about it.
 *
 * The bot is ready at once, whatever state the model server is in: a server
 * that is away, a model that is missing or a turn that failed is shown as the
 * bot's status, and said with the way out in the error of each turn. What is
 * where: config.c and key.c read the configuration, probe.c
 * asks small questions, turn.c runs a turn, stream.c reads its
 * answer, fault.c names what went wrong. Dialects: ollama.c, openai.c,
 * anthropic.c.
 */
#include "model/model.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define AGAIN_SECONDS 5
#define AGAIN_MAX_SECONDS 60

/* ---- status ---------------------------------------------------------------- */

void deia__model_status(struct model *m)
{
	struct model_turn *t;
	char text[MODEL_MESSAGE_BYTES];

	TAILQ_FOREACH(t, &m->turns, link) {
		if (t->loading)
			(void)snprintf(text, sizeof(text),
				       "loading model %.160s ...",
				       m->config.model);
		else if (t->phase == PHASE_RETRY)
			(void)snprintf(text, sizeof(text),
				       "asks again in %u s (%u of %u): %.900s",
				       t->retry_seconds, t->retries,
				       MODEL_RETRIES, t->fault_text);
		else
			continue;
		deia_worker_status(m->w, text);
		return;
	}
	deia_worker_status(m->w, m->problem_text);
}

void deia__model_problem(struct model *m, enum model_problem kind,
			 const char *text)
{
	struct timeval tv;

	m->problem = kind;
	(void)snprintf(m->problem_text, sizeof(m->problem_text), "%s", text);
	event_del(&m->ev_again);
	if (kind == PROBLEM_SERVER) {
		m->again_seconds =
			m->again_seconds ? m->again_seconds * 2 : AGAIN_SECONDS;
		if (m->again_seconds > AGAIN_MAX_SECONDS)
			m->again_seconds = AGAIN_MAX_SECONDS;
		tv = (struct timeval){ m->again_seconds, 0 };
		event_add(&m->ev_again, &tv);
	}
	deia__model_status(m);
}

void deia__model_reached(struct model *m)
{
	if (m->problem != PROBLEM_SERVER)
		return;
	m->again_seconds = 0;
	deia__model_problem(m, PROBLEM_NONE, "");
}

void deia__model_worked(struct model *m)
{
	m->worked = true;
	m->again_seconds = 0;
	if (m->problem != PROBLEM_NONE)
		deia__model_problem(m, PROBLEM_NONE, "");
}

void deia__model_unreachable_text(const struct model *m, const char *detail,
				  bool refused, char *out, size_t len)
{
	(void)snprintf(out, len, "no model server answers at %s (%s); %s",
		       m->config.shown_url, detail,
		       refused ? m->dialect->start_hint
			       : "is base_url right, and the network up?");
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	deia__model_probe(arg, PROBE_LIST);
}

/* ---- the ops ----------------------------------------------------------------- */

static deia_err make_headers(struct model *m)
{
	const struct deia__dialect *d = m->dialect;
	size_t n = 0;
	bool ok = true;

	m->headers[n++] = deia__asprintf(
		"Accept: %s",
		d->sse ? "text/event-stream, application/json"
		       : "application/x-ndjson, application/json");
	if (m->config.key)
		m->headers[n++] =
			deia__asprintf("%s%s", d->key_header, m->config.key);
	if (d->more_header)
		m->headers[n++] = deia__strdup(d->more_header);
	for (size_t i = 0; i < n; i++)
		ok = ok && m->headers[i];
	return ok ? DEIA_OK : DEIA_ENOMEM;
}

static void set_context(struct model *m)
{
	int64_t window = m->config.window;

	m->window_is_a_guess = !window;
	if (!window && !m->dialect->probes[PROBE_SHOW].path)
		window = m->dialect->default_window;
	m->context = (struct deia__context){
		.num_ctx = window,
		.num_predict = m->config.answer,
		.tokens_per_kib = DEIA__TOKENS_PER_KIB,
	};
}

deia_err deia__model_init(deia_worker *w, const struct cJSON *config,
			  void *user)
{
	struct model *m = user;
	char why[512] = "";
	deia_err err;

	err = deia__model_config_read(&m->config, m->dialect, config, why,
				      sizeof(why));
	if (err) {
		deia_worker_note(w, "%s", *why ? why : deia_err_text(err));
		return err;
	}
	m->w = w;
	err = make_headers(m);
	if (!err)
		err = deia__http_new(&m->http, deia_worker_base(w));
	if (err)
		return err;
	set_context(m);
	deia__rng_init(&m->rng, 0);
	deia_trace_source_init(&m->traces);
	event_assign(&m->ev_again, deia_worker_base(w), -1, 0, on_again, m);
	deia__model_probe_init(m);
	deia_worker_ready(w, 0);
	deia__model_probe(m, PROBE_LIST);
	return DEIA_OK;
}

void deia__model_turn(deia_worker *w, deia_turn *turn,
		      const struct deia_turn_info *info, void *user)
{
	(void)w, (void)info;
	deia__model_turn_begin(user, turn);
}

void deia__model_interrupt(deia_worker *w, deia_turn *turn, void *user)
{
	(void)w, (void)user;
	deia__model_turn_fail(deia_turn_user(turn), "interrupted", false, 0,
			      "the answer was interrupted");
}

void deia__model_drained(deia_worker *w, void *user)
{
	struct model *m = user;
	struct model_turn *t;

	(void)w;
	TAILQ_FOREACH(t, &m->turns, link) {
		if (!t->paused)
			continue;
		t->paused = false;
		deia__model_turn_watch(t);
		deia__http_resume(t->req);
	}
}

/* Open turns are ended by the worker. */
void deia__model_shutdown(deia_worker *w, void *user)
{
	struct model *m = user;
	struct model_turn *t;

	(void)w;
	if (!m->http)
		return;
	while ((t = TAILQ_FIRST(&m->turns)))
		deia__model_turn_free(t);
	deia__http_free(m->http);
	m->http = NULL;
	event_del(&m->ev_again);
	deia__model_probe_fini(m);
}

void *deia__model_create(const struct deia__dialect *dialect)
{
	struct model *m;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	m = deia__alloc(sizeof(*m));
	if (!m) {
		curl_global_cleanup();
		return NULL;
	}
	m->dialect = dialect;
	TAILQ_INIT(&m->turns);
	return m;
}

void deia__model_destroy(void *user)
{
	struct model *m = user;

	if (!m)
		return;
	for (size_t i = 0; i < MODEL_HEADERS; i++)
		deia__free(m->headers[i]);
	deia__model_config_free(&m->config);
	deia__free(m);
	curl_global_cleanup();
}
