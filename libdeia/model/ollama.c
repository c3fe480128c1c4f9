/* SPDX-License-Identifier: MIT */
/*
 * ollama.c - the dialect of Ollama's /api/chat: NDJSON, one object a line.
 *
 * Beside the list (/api/tags) it asks for the size of the model's window
 * (/api/show), since Ollama cuts a prompt that is too long without a word, and
 * whether the model is in memory (/api/ps), since loading it takes minutes.
 */
#include "model/model.h"
#include "model/url.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW 4096

/* ---- options --------------------------------------------------------------- */

static bool is_switch_or_text(const cJSON *v)
{
	return cJSON_IsBool(v) || cJSON_IsString(v);
}

static bool is_duration(const cJSON *v)
{
	return cJSON_IsNumber(v) || cJSON_IsString(v);
}

static bool is_format(const cJSON *v)
{
	return cJSON_IsString(v) || cJSON_IsObject(v);
}

static const struct model_option options[] = {
	{ "keep_alive", is_duration,
	  "options.keep_alive must be seconds or a text like \"10m\"", true },
	{ "think", is_switch_or_text,
	  "options.think must be true, false or a text like \"high\"", true },
	{ "format", is_format,
	  "options.format must be \"json\" or a JSON schema", true },
	{ .key = NULL },
};

/* ---- chat ------------------------------------------------------------------ */

static void print(deia_jw *jw, struct model_turn *t)
{
	const struct model_config *c = &t->m->config;

	deia_jw_kstr(jw, "model", c->model);
	deia__model_print_talk(jw, t);
	deia_jw_kbool(jw, "stream", true);
	if (!c->options)
		return;
	deia_jw_key(jw, "options");
	deia_jw_object(jw);
	deia__model_print_options(jw, t->m, true);
	deia_jw_end_object(jw);
}

static bool read_line(struct model_turn *t, const cJSON *json)
{
	const cJSON *message = deia__json_get(json, "message");

	if (deia__json_get(json, "error"))
		return deia__model_fault_said(t, json);
	if (!deia__model_show(t, "thinking",
			      deia__json_str(message, "thinking")) ||
	    !deia__model_show(t, NULL, deia__json_str(message, "content")))
		return false;
	deia__model_count(json, "prompt_eval_count", &t->usage.prompt_tokens);
	deia__model_count(json, "eval_count", &t->usage.completion_tokens);
	if (cJSON_IsTrue(deia__json_get(json, "done")))
		deia__model_done(t);
	else if (t->phase == PHASE_STREAM)
		deia__model_turn_watch(t);
	return true;
}

/* ---- /api/show ------------------------------------------------------------- */

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

static void show_answered(struct model *m, const cJSON *json)
{
	int64_t trained = trained_window(deia__json_get(json, "model_info"));
	int64_t set = modelfile_window(deia__json_str(json, "parameters"));
	int64_t window = set > 0 ? set : DEFAULT_WINDOW;

	if (trained > 0 && trained < window)
		window = trained;
	m->context.num_ctx = window;
	deia__model_turns_window(m);
}

static void show_failed(struct model *m, int status, const char *detail)
{
	(void)status, (void)detail;
	deia__model_turns_window(m);
}

/* ---- /api/ps --------------------------------------------------------------- */

static void loaded_answered(struct model *m, const cJSON *json)
{
	const cJSON *v, *models = deia__json_get(json, "models");

	cJSON_ArrayForEach(v, models) {
		const char *name = deia__json_str(v, "name");
		if (name && deia__model_is_same(name, m->config.model))
			return;
	}
	if (cJSON_IsArray(models))
		deia__model_turns_cold(m);
}

static void loaded_failed(struct model *m, int status, const char *detail)
{
	(void)m, (void)status, (void)detail;
}

/* ---- tables ---------------------------------------------------------------- */

const struct deia__dialect deia__dialect_ollama = {
	.server = "an Ollama server",
	.default_url = DEIA__OLLAMA_URL,
	.needs_model = "an ollama bot needs a \"model\", as `ollama list` shows "
		       "it",
	.start_hint = "start it there with: ollama serve",
	.get_hint = "get it with: ollama pull ",
	.get_hint_names = true,
	.key_header = "Authorization: Bearer ",
	.chat_path = "/api/chat",
	.window_option = "num_ctx",
	.answer_options = { "num_predict" },
	.default_window = DEFAULT_WINDOW,
	.options = options,
	.rest_inside = true,
	.list_key = "models",
	.list_name = "name",
	.list_is_complete = true,
	.probes = {
		[PROBE_LIST] = { "/api/tags", false, deia__model_list_answered,
				 deia__model_list_failed },
		[PROBE_SHOW] = { "/api/show", true, show_answered,
				 show_failed },
		[PROBE_LOADED] = { "/api/ps", false, loaded_answered,
				   loaded_failed },
	},
	.print = print,
	.read = read_line,
};

static void *create(void)
{
	return deia__model_create(&deia__dialect_ollama);
}

const struct deia_adapter deia_adapter_ollama = {
	.size = sizeof(struct deia_adapter),
	.name = "ollama",
	.summary = "a model behind an Ollama server",
	.ops = DEIA__MODEL_OPS,
	.create = create,
	.destroy = deia__model_destroy,
};
