/* SPDX-License-Identifier: MIT */
/*
 * openai.c - the dialect of /v1/chat/completions: server-sent events.
 *
 * Many servers speak it, each a little differently: reasoning comes as
 * reasoning_content or reasoning, content as a text or a list of parts, usage
 * in any chunk, and [DONE] not always. A server that does not stream at all
 * answers with one object that holds `message` where chunks hold `delta`.
 */
#include "model/model.h"
#include "model/url.h"

#include <string.h>

#define DEFAULT_WINDOW 32768

/* ---- options --------------------------------------------------------------- */

static bool is_object(const cJSON *v)
{
	return cJSON_IsObject(v) || cJSON_IsNull(v);
}

static const struct model_option options[] = {
	MODEL_OPTION_WINDOW,
	{ "stream_options", is_object,
	  "options.stream_options must be an object, or null to leave it out",
	  true },
	MODEL_OPTION_OURS("model"),
	MODEL_OPTION_OURS("messages"),
	MODEL_OPTION_OURS("stream"),
	{ .key = NULL },
};

/* ---- chat ------------------------------------------------------------------ */

static void print(deia_jw *jw, struct model_turn *t)
{
	const struct model_config *c = &t->m->config;

	deia_jw_kstr(jw, "model", c->model);
	deia__model_print_talk(jw, t);
	deia_jw_kbool(jw, "stream", true);
	if (!cJSON_HasObjectItem(c->options, "stream_options"))
		deia_jw_kraw(jw, "stream_options", "{\"include_usage\":true}");
}

/* A text, or parts of which each is a text or a list of thoughts. */
static bool show_content(struct model_turn *t, const char *channel,
			 const cJSON *content)
{
	const cJSON *part;

	if (cJSON_IsString(content))
		return deia__model_show(t, channel, content->valuestring);
	if (!cJSON_IsArray(content))
		return true;
	cJSON_ArrayForEach(part, content) {
		const cJSON *thoughts = deia__json_get(part, "thinking"), *v;
		if (!deia__model_show(t, channel, deia__json_str(part, "text")))
			return false;
		cJSON_ArrayForEach(v, thoughts)
			if (!deia__model_show(t, "thinking",
					      deia__json_str(v, "text")))
				return false;
	}
	return true;
}

static bool show_delta(struct model_turn *t, const cJSON *delta)
{
	const cJSON *thought = deia__json_get(delta, "reasoning_content");

	if (!thought)
		thought = deia__json_get(delta, "reasoning");
	return show_content(t, "thinking", thought) &&
	       show_content(t, NULL, deia__json_get(delta, "content")) &&
	       show_content(t, NULL, deia__json_get(delta, "refusal"));
}

static bool finish(struct model_turn *t, const char *reason)
{
	if (strcmp(reason, "content_filter") == 0 && !t->answer_bytes)
		return deia__model_fault(t, "model_refused", AGAIN_NEVER,
					 "a filter of the model server held "
					 "the answer back");
	t->finished = true;
	return true;
}

static bool read_event(struct model_turn *t, const cJSON *json)
{
	const cJSON *choices = deia__json_get(json, "choices");
	const cJSON *choice = cJSON_GetArrayItem(choices, 0);
	const cJSON *delta = deia__json_get(choice, "delta");
	const cJSON *usage = deia__json_get(json, "usage");
	const char *reason = deia__json_str(choice, "finish_reason");

	if (deia__json_get(json, "error"))
		return deia__model_fault_said(t, json);
	if (!delta)
		delta = deia__json_get(choice, "message");
	deia__model_count(usage, "prompt_tokens", &t->usage.prompt_tokens);
	deia__model_count(usage, "completion_tokens",
			  &t->usage.completion_tokens);
	if (!show_delta(t, delta))
		return false;
	if (t->phase == PHASE_STREAM)
		deia__model_turn_watch(t);
	return !reason || finish(t, reason);
}

/* ---- tables ---------------------------------------------------------------- */

const struct deia__dialect deia__dialect_openai = {
	.server = "a server with /v1/chat/completions",
	.default_url = DEIA__OPENAI_URL,
	.versioned_url = true,
	.needs_model = "an openai bot needs a \"model\", as the server's "
		       "/v1/models names it",
	.start_hint = "start it, or correct base_url",
	.get_hint = "correct the bot's model, or load it there",
	.key_header = "Authorization: Bearer ",
	.chat_path = "/chat/completions",
	.sse = true,
	.done_mark = "[DONE]",
	.window_option = "context_tokens",
	.answer_options = { "max_tokens", "max_completion_tokens" },
	.default_window = DEFAULT_WINDOW,
	.options = options,
	.list_key = "data",
	.list_name = "id",
	.probes = {
		[PROBE_LIST] = { "/models", false, deia__model_list_answered,
				 deia__model_list_failed },
	},
	.print = print,
	.read = read_event,
};

static void *create(void)
{
	return deia__model_create(&deia__dialect_openai);
}

const struct deia_adapter deia_adapter_openai = {
	.size = sizeof(struct deia_adapter),
	.name = "openai",
	.summary = "a model behind a server with /v1/chat/completions",
	.ops = DEIA__MODEL_OPS,
	.create = create,
	.destroy = deia__model_destroy,
};
