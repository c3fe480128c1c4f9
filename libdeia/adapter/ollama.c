/* SPDX-License-Identifier: MIT */
/*
 * ollama.c - the adapter for a model behind Ollama's /api/chat.
 *
 * The bot is ready at once, whatever state the model server is in: a server
 * that is away or a model that is missing is shown as the bot's status, and
 * said with the way out in the error of each turn. What is where: the config
 * in ollama_config.c, small questions in ollama_probe.c, a turn in
 * ollama_turn.c, its answer in ollama_stream.c.
 */
#include "adapter/ollama_i.h"

#include <curl/curl.h>
#include <stdio.h>

#include "core/mem.h"

void deia__ollama_status(struct ollama *o)
{
	struct ollama_turn *t;
	char text[300];

	for (t = TAILQ_FIRST(&o->turns); t; t = TAILQ_NEXT(t, link)) {
		if (!t->loading)
			continue;
		(void)snprintf(text, sizeof(text), "loading model %.160s ...",
			       o->config.model);
		deia_worker_status(o->w, text);
		return;
	}
	deia_worker_status(o->w, o->problem);
}

static deia_err init(deia_worker *w, const struct cJSON *config, void *user)
{
	struct ollama *o = user;
	char why[256] = "";
	deia_err err;

	err = deia__ollama_config_read(&o->config, config, why, sizeof(why));
	if (err) {
		deia_worker_note(w, "%s", *why ? why : deia_err_text(err));
		return err;
	}
	o->w = w;
	err = deia__http_new(&o->http, deia_worker_base(w));
	if (err)
		return err;
	o->context.num_ctx = o->config.num_ctx;
	o->context.num_predict = o->config.num_predict;
	o->context.tokens_per_kib = DEIA__TOKENS_PER_KIB;
	deia__ollama_probe_init(o);
	deia_worker_ready(w, 0);
	deia__ollama_probe(o, PROBE_TAGS);
	return DEIA_OK;
}

static void turn(deia_worker *w, deia_turn *turn,
		 const struct deia_turn_info *info, void *user)
{
	(void)w, (void)info;
	deia__ollama_turn_begin(user, turn);
}

static void interrupt(deia_worker *w, deia_turn *turn, void *user)
{
	(void)w, (void)user;
	deia__ollama_turn_interrupt(deia_turn_user(turn));
}

static void drained(deia_worker *w, void *user)
{
	(void)w;
	deia__ollama_turns_drained(user);
}

/* Open turns are ended by the worker. */
static void shut_down(deia_worker *w, void *user)
{
	struct ollama *o = user;
	struct ollama_turn *t;

	(void)w;
	if (!o->http)
		return;
	while ((t = TAILQ_FIRST(&o->turns)))
		deia__ollama_turn_free(t);
	deia__http_free(o->http);
	o->http = NULL;
	deia__ollama_probe_fini(o);
}

static void *create(void)
{
	struct ollama *o;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	o = deia__alloc(sizeof(*o));
	if (o)
		TAILQ_INIT(&o->turns);
	return o;
}

static void destroy(void *user)
{
	struct ollama *o = user;

	if (!o)
		return;
	deia__ollama_config_free(&o->config);
	deia__free(o);
	curl_global_cleanup();
}

const struct deia_adapter deia_adapter_ollama = {
	.size = sizeof(struct deia_adapter),
	.name = "ollama",
	.summary = "a model behind an Ollama server",
	.ops = {
		.size = sizeof(struct deia_worker_ops),
		.init = init,
		.turn = turn,
		.interrupt = interrupt,
		.shutdown = shut_down,
		.drained = drained,
	},
	.create = create,
	.destroy = destroy,
};
