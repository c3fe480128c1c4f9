/* SPDX-License-Identifier: MIT */
/*
 * probe.c - small questions to the model server, beside the chat.
 *
 * list: is the server there, which models does it have. Some dialects ask
 * more: show, how large the model's window is; loaded, whether the model is in
 * memory. None of them holds a bot up: an answer that does not come only means
 * that less is known. While the server is away or the model missing, the list
 * is asked again after 5, 10, ... 60 s, so that the bot's status tells the
 * truth without a turn.
 */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define PROBE_TIMEOUT_MS 5000
#define PROBE_BODY_BYTES (4u << 20)
#define NAME_BYTES 100

/* ---- the list of models ------------------------------------------------------ */

bool deia__model_is_same(const char *a, const char *b)
{
	static const char latest[] = ":latest";
	size_t n = strlen(a), m = strlen(b), more = sizeof(latest) - 1;

	if (n > m)
		return deia__model_is_same(b, a);
	if (strncmp(a, b, n) != 0)
		return false;
	return n == m ||
	       (!strchr(a, ':') && m - n == more && strcmp(b + n, latest) == 0);
}

static void add_name(struct model *m, const char *name)
{
	static const char more[] = ", ...";
	size_t len = strlen(m->present), left = sizeof(m->present) - len;
	char clean[NAME_BYTES];

	if (strstr(m->present, more))
		return; /* full */
	deia__model_clean(m, clean, sizeof(clean), name);
	if (strlen(clean) + 2 + sizeof(more) <= left)
		(void)snprintf(m->present + len, left, "%s%s", len ? ", " : "",
			       clean);
	else if (left >= sizeof(more))
		memcpy(m->present + len, more, sizeof(more));
}

/* Some servers say in their list how long a prompt may be. */
static void learn_window(struct model *m, const cJSON *entry)
{
	int64_t window = 0;

	if (!m->window_is_a_guess || m->dialect->probes[PROBE_SHOW].path)
		return;
	if (deia__json_int(entry, "max_model_len", 1, 1 << 24, &window) ||
	    deia__json_int(entry, "context_length", 1, 1 << 24, &window))
		m->context.num_ctx = window;
}

static void read_list(struct model *m, const cJSON *json)
{
	const cJSON *v, *models = deia__json_get(json, m->dialect->list_key);
	bool found = false;

	m->present[0] = '\0';
	cJSON_ArrayForEach(v, models) {
		const char *name = deia__json_str(v, m->dialect->list_name);
		if (!name)
			continue;
		add_name(m, name);
		if (!deia__model_is_same(name, m->config.model))
			continue;
		found = true;
		learn_window(m, v);
	}
	m->missing = !found;
}

void deia__model_list_answered(struct model *m, const cJSON *json)
{
	const struct deia__dialect *d = m->dialect;
	char text[MODEL_MESSAGE_BYTES];

	read_list(m, json);
	if (m->missing && (d->list_is_complete || !m->worked)) {
		(void)snprintf(text, sizeof(text),
			       "model %.80s is missing; %s%.80s",
			       m->config.model, d->get_hint,
			       d->get_hint_names ? m->config.model : "");
		deia__model_problem(m, PROBLEM_SERVER, text);
	} else {
		deia__model_reached(m);
		if (!m->context.num_ctx)
			deia__model_probe(m, PROBE_SHOW);
	}
	deia__model_turns_list(m, true);
}

/* Not every server lists its models: then only silence is a problem. */
void deia__model_list_failed(struct model *m, int status, const char *detail)
{
	char text[MODEL_MESSAGE_BYTES];

	m->missing = false; /* not known any more */
	if (!status || m->dialect->list_is_complete) {
		deia__model_unreachable_text(m, detail, true, text,
					     sizeof(text));
		deia__model_problem(m, PROBLEM_SERVER, text);
	} else if (status == 401) {
		(void)snprintf(text, sizeof(text),
			       "%s does not accept the key (api_key_env or "
			       "api_key_file)",
			       m->config.shown_url);
		deia__model_problem(m, PROBLEM_SERVER, text);
	} else {
		deia__model_reached(m);
	}
	deia__model_turns_list(m, false);
}

/* ---- asking ---------------------------------------------------------------- */

static enum deia__http_body on_body(int status, const char *p, size_t len,
				    void *user)
{
	struct model_probe *probe = user;

	(void)status;
	deia__buf_add(&probe->body, p, len);
	return probe->body.err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
}

static void on_done(const struct deia__http_result *r, void *user)
{
	struct model_probe *probe = user;
	struct model *m = probe->m;
	const struct model_probe_way *way = &m->dialect->probes[probe->kind];
	char detail[300];
	cJSON *json = NULL;

	probe->req = NULL;
	(void)snprintf(detail, sizeof(detail), "its answer is not that of %s",
		       m->dialect->server);
	if (r->err)
		deia__model_clean(m, detail, sizeof(detail), r->detail);
	else if (r->status == 200 && probe->body.len)
		(void)!deia_json_parse(&json, probe->body.data, probe->body.len,
				       NULL);
	deia__buf_fini(&probe->body);
	if (cJSON_IsObject(json))
		way->answered(m, json);
	else
		way->failed(m, r->err ? 0 : r->status, detail);
	cJSON_Delete(json);
}

static char *print_question(const struct model *m)
{
	char *text = NULL;
	deia_jw jw;

	deia_jw_init(&jw);
	deia_jw_object(&jw);
	deia_jw_kstr(&jw, "model", m->config.model);
	deia_jw_end_object(&jw);
	if (!deia_jw_status(&jw))
		text = deia__strdup(jw.text);
	deia_jw_fini(&jw);
	return text;
}

static deia_err start(struct model_probe *probe, const char *url,
		      const char *body)
{
	struct model *m = probe->m;

	return deia__http_start(
		&probe->req, m->http,
		&(struct deia__http_opts){
			.url = url,
			.headers = (const char *const *)m->headers,
			.ca_file = m->config.ca_file,
			.body = body,
			.body_len = body ? strlen(body) : 0,
			.timeout_ms = PROBE_TIMEOUT_MS,
			.on_body = on_body,
			.on_done = on_done,
			.user = probe,
		});
}

void deia__model_probe(struct model *m, enum model_probe_kind kind)
{
	const struct model_probe_way *way = &m->dialect->probes[kind];
	struct model_probe *probe = &m->probes[kind];
	char *url, *body = NULL;
	deia_err err = DEIA_ENOMEM;

	if (probe->req || !way->path)
		return;
	url = deia__asprintf("%s%s", m->config.url, way->path);
	if (way->post)
		body = print_question(m);
	deia__buf_init(&probe->body, PROBE_BODY_BYTES);
	if (url && (body || !way->post))
		err = start(probe, url, body);
	deia__free(url);
	deia__free(body);
	if (err)
		way->failed(m, 0, deia_err_text(err));
}

void deia__model_probe_init(struct model *m)
{
	for (int i = 0; i < PROBES; i++) {
		m->probes[i].m = m;
		m->probes[i].kind = (enum model_probe_kind)i;
	}
}

void deia__model_probe_fini(struct model *m)
{
	for (int i = 0; i < PROBES; i++)
		deia__buf_fini(&m->probes[i].body);
}
