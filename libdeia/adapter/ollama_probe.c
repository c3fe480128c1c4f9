/* SPDX-License-Identifier: MIT */
/*
 * ollama_probe.c - small questions to the model server, beside the chat.
 *
 * tags: is the server there, which models does it have; show: how large is the
 * model's window; ps: is the model in memory. None of them holds a bot up: an
 * answer that does not come only means that less is known. While the server is
 * away or the model missing, tags is asked again after 5, 10, ... 60 s, so that
 * the bot's status tells the truth without a turn.
 */
#include "adapter/ollama_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define PROBE_TIMEOUT_MS 5000
#define PROBE_BODY_BYTES (4u << 20)
#define NAME_BYTES 100
#define AGAIN_SECONDS 5
#define AGAIN_MAX_SECONDS 60

/* ---- the status that stands while nothing else happens -------------------- */

void deia__ollama_problem_set(struct ollama *o, const char *text)
{
	struct timeval tv;

	(void)snprintf(o->problem, sizeof(o->problem), "%s", text);
	o->again_seconds =
		o->again_seconds ? o->again_seconds * 2 : AGAIN_SECONDS;
	if (o->again_seconds > AGAIN_MAX_SECONDS)
		o->again_seconds = AGAIN_MAX_SECONDS;
	tv = (struct timeval){ o->again_seconds, 0 };
	event_add(&o->ev_again, &tv);
	deia__ollama_status(o);
}

void deia__ollama_problem_clear(struct ollama *o)
{
	if (!o->problem[0])
		return;
	o->problem[0] = '\0';
	o->again_seconds = 0;
	event_del(&o->ev_again);
	deia__ollama_status(o);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	deia__ollama_probe(arg, PROBE_TAGS);
}

void deia__ollama_unreachable_text(const struct ollama *o, const char *detail,
				   char *out, size_t len)
{
	(void)snprintf(out, len,
		       "no model server answers at %s (%s); start it there "
		       "with: ollama serve",
		       o->config.shown_url, detail);
}

/* ---- tags ------------------------------------------------------------------ */

/* "llama3.2" and "llama3.2:latest" are the same model. */
static bool same_model(const char *a, const char *b)
{
	static const char latest[] = ":latest";
	size_t n = strlen(a), m = strlen(b), more = sizeof(latest) - 1;

	if (n > m)
		return same_model(b, a);
	if (strncmp(a, b, n) != 0)
		return false;
	return n == m ||
	       (!strchr(a, ':') && m - n == more && strcmp(b + n, latest) == 0);
}

/* Names come from the server: cut, and without control characters. */
static void add_name(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);
	int n;

	if (size - len <= NAME_BYTES + 8)
		return;
	n = snprintf(list + len, NAME_BYTES + 3, "%s%s", len ? ", " : "", name);
	(void)n;
	for (char *p = list + len; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

static void read_tags(struct ollama *o, const cJSON *json)
{
	const cJSON *m, *models = deia__json_get(json, "models");
	bool found = false;

	o->present[0] = '\0';
	cJSON_ArrayForEach(m, models) {
		const char *name = deia__json_str(m, "name");
		if (!name)
			continue;
		add_name(o->present, sizeof(o->present), name);
		found |= same_model(name, o->config.model);
	}
	o->missing = !found;
}

static void tags_answered(struct ollama *o, const cJSON *json)
{
	char text[sizeof(o->problem)];

	read_tags(o, json);
	if (o->missing) {
		(void)snprintf(text, sizeof(text),
			       "model %.80s is missing; get it with: "
			       "ollama pull %.80s",
			       o->config.model, o->config.model);
		deia__ollama_problem_set(o, text);
	} else {
		deia__ollama_problem_clear(o);
		if (!o->context.num_ctx)
			deia__ollama_probe(o, PROBE_SHOW);
	}
	deia__ollama_turns_tags(o, true);
}

static void tags_failed(struct ollama *o, const char *detail)
{
	char text[sizeof(o->problem)];

	deia__ollama_unreachable_text(o, detail, text, sizeof(text));
	deia__ollama_problem_set(o, text);
	deia__ollama_turns_tags(o, false);
}

/* ---- show ------------------------------------------------------------------ */

/* "<architecture>.context_length", else the first key of that kind. */
static int64_t trained_window(const cJSON *info)
{
	const char *arch = deia__json_str(info, "general.architecture");
	static const char tail[] = ".context_length";
	int64_t found = 0;
	const cJSON *v;

	cJSON_ArrayForEach(v, info) {
		size_t len = strlen(v->string), n = sizeof(tail) - 1;
		if (!cJSON_IsNumber(v) || v->valuedouble < 1 || len < n ||
		    strcmp(v->string + len - n, tail) != 0)
			continue;
		bool own = arch && strlen(arch) == len - n &&
			   strncmp(arch, v->string, len - n) == 0;
		if (own || !found)
			found = (int64_t)v->valuedouble;
		if (own)
			break;
	}
	return found;
}

/* `PARAMETER num_ctx` of the model's own file: lines of "name   value". */
static int64_t modelfile_window(const char *parameters)
{
	const char *p = parameters;

	while (p && *p) {
		if (strncmp(p, "num_ctx ", 8) == 0)
			return strtoll(p + 8, NULL, 10);
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return 0;
}

static void show_answered(struct ollama *o, const cJSON *json)
{
	int64_t trained = trained_window(deia__json_get(json, "model_info"));
	int64_t set = modelfile_window(deia__json_str(json, "parameters"));
	int64_t window = set > 0 ? set : OLLAMA_DEFAULT_CTX;

	if (trained > 0 && trained < window)
		window = trained;
	o->context.num_ctx = window;
	deia__ollama_turns_window(o);
}

static void show_failed(struct ollama *o, const char *detail)
{
	(void)detail;
	deia__ollama_turns_window(o);
}

/* ---- ps -------------------------------------------------------------------- */

static void ps_answered(struct ollama *o, const cJSON *json)
{
	const cJSON *m, *models = deia__json_get(json, "models");

	if (!cJSON_IsArray(models) && !cJSON_IsNull(models))
		return;
	cJSON_ArrayForEach(m, models) {
		const char *name = deia__json_str(m, "name");
		if (name && same_model(name, o->config.model))
			return;
	}
	deia__ollama_turns_cold(o);
}

static void ps_failed(struct ollama *o, const char *detail)
{
	(void)o, (void)detail;
}

/* ---- asking ---------------------------------------------------------------- */

static const struct probe_kind {
	const char *path;
	bool post; /* with {"model":NAME} */
	void (*answered)(struct ollama *o, const cJSON *json);
	void (*failed)(struct ollama *o, const char *detail);
} kinds[PROBES] = {
	[PROBE_TAGS] = { "/api/tags", false, tags_answered, tags_failed },
	[PROBE_SHOW] = { "/api/show", true, show_answered, show_failed },
	[PROBE_PS] = { "/api/ps", false, ps_answered, ps_failed },
};

static enum deia__http_body on_body(int status, const char *p, size_t len,
				    void *user)
{
	struct ollama_probe *probe = user;

	(void)status;
	deia__buf_add(&probe->body, p, len);
	return probe->body.err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
}

static void on_done(const struct deia__http_result *r, void *user)
{
	struct ollama_probe *probe = user;
	const struct probe_kind *kind = &kinds[probe->kind];
	char detail[300] = "its answer is not that of an Ollama server";
	cJSON *json = NULL;

	probe->req = NULL;
	if (r->err)
		(void)snprintf(detail, sizeof(detail), "%s", r->detail);
	else if (r->status == 200 && probe->body.len)
		(void)!deia_json_parse(&json, probe->body.data, probe->body.len,
				       NULL);
	deia__buf_fini(&probe->body);
	if (cJSON_IsObject(json))
		kind->answered(probe->o, json);
	else
		kind->failed(probe->o, detail);
	cJSON_Delete(json);
}

static char *print_question(const struct ollama *o)
{
	char *text = NULL;
	deia_jw jw;

	deia_jw_init(&jw);
	deia_jw_object(&jw);
	deia_jw_kstr(&jw, "model", o->config.model);
	deia_jw_end_object(&jw);
	if (!deia_jw_status(&jw))
		text = deia__strdup(jw.text);
	deia_jw_fini(&jw);
	return text;
}

void deia__ollama_probe(struct ollama *o, enum ollama_probe_kind kind)
{
	struct ollama_probe *probe = &o->probes[kind];
	char *url, *body = NULL;
	deia_err err = DEIA_ENOMEM;

	if (probe->req)
		return;
	url = deia__asprintf("%s%s", o->config.url, kinds[kind].path);
	if (kinds[kind].post)
		body = print_question(o);
	deia__buf_init(&probe->body, PROBE_BODY_BYTES);
	if (url && (body || !kinds[kind].post))
		err = deia__http_start(
			&probe->req, o->http,
			&(struct deia__http_opts){
				.url = url,
				.body = body,
				.body_len = body ? strlen(body) : 0,
				.timeout_ms = PROBE_TIMEOUT_MS,
				.on_body = on_body,
				.on_done = on_done,
				.user = probe,
			});
	deia__free(url);
	deia__free(body);
	if (err)
		kinds[kind].failed(o, deia_err_text(err));
}

void deia__ollama_probe_init(struct ollama *o)
{
	for (int i = 0; i < PROBES; i++) {
		o->probes[i].o = o;
		o->probes[i].kind = (enum ollama_probe_kind)i;
	}
	event_assign(&o->ev_again, deia_worker_base(o->w), -1, 0, on_again, o);
}

void deia__ollama_probe_fini(struct ollama *o)
{
	event_del(&o->ev_again);
	for (int i = 0; i < PROBES; i++)
		deia__buf_fini(&o->probes[i].body);
}
