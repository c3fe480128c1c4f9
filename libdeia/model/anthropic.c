/* SPDX-License-Identifier: MIT */
/*
 * anthropic.c - the dialect of /v1/messages: server-sent events.
 *
 * Differences to the others: the system prompt stands beside the messages,
 * these have no empty content and begin with the user's, max_tokens must be
 * said, and each event names its type inside its data.
 */
#include "model/model.h"
#include "model/url.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_WINDOW 200000
#define DEFAULT_ANSWER 4096

/* ---- options --------------------------------------------------------------- */

static bool is_answer(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble >= 1;
}

static const struct model_option options[] = {
	MODEL_OPTION_WINDOW,
	{ "max_tokens", is_answer,
	  "options.max_tokens must be a number of at least 1", true },
	MODEL_OPTION_OURS("model"),
	MODEL_OPTION_OURS("messages"),
	MODEL_OPTION_OURS("stream"),
	MODEL_OPTION_OURS("system"),
	{ .key = NULL },
};

/* ---- the question ---------------------------------------------------------- */

static bool is_system(const struct deia_turn_history *h)
{
	return strcmp(h->role, "system") == 0;
}

/* The system prompt and the conversation's own lines of that kind. */
static void print_system(deia_jw *jw, const struct model_turn *t)
{
	const struct deia_turn_info *info = deia_turn_info(t->turn);
	const char *prompt = t->m->config.system_prompt;
	struct deia__buf text;

	deia__buf_init(&text, 0);
	if (prompt)
		deia__buf_adds(&text, prompt);
	for (size_t i = t->first; i < info->n_history; i++) {
		if (!is_system(&info->history[i]))
			continue;
		if (text.len)
			deia__buf_adds(&text, "\n\n");
		deia__buf_adds(&text, info->history[i].content);
	}
	if (text.len)
		deia_jw_kstr(jw, "system", text.data);
	if (text.err)
		jw->failed = true;
	deia__buf_fini(&text);
}

static void print_messages(deia_jw *jw, const struct model_turn *t)
{
	const struct deia_turn_info *info = deia_turn_info(t->turn);
	bool begun = false;

	deia_jw_key(jw, "messages");
	deia_jw_array(jw);
	for (size_t i = t->first; i < info->n_history; i++) {
		const struct deia_turn_history *h = &info->history[i];
		if (!*h->content || is_system(h))
			continue;
		if (!begun && strcmp(h->role, "user") != 0)
			continue;
		begun = true;
		deia__model_print_message(jw, h->role, h->content);
	}
	deia__model_print_message(jw, "user", info->content);
	deia_jw_end_array(jw);
}

static void print(deia_jw *jw, struct model_turn *t)
{
	const struct model_config *c = &t->m->config;

	deia_jw_kstr(jw, "model", c->model);
	if (!deia__json_get(c->options, "max_tokens"))
		deia_jw_kint(jw, "max_tokens", DEFAULT_ANSWER);
	print_system(jw, t);
	print_messages(jw, t);
	deia_jw_kbool(jw, "stream", true);
}

/* ---- the answer ------------------------------------------------------------ */

/* What was read from a cache or written into it was in the prompt as well. */
static void count_tokens(struct model_turn *t, const cJSON *usage)
{
	static const char *const parts[] = { "input_tokens",
					     "cache_creation_input_tokens",
					     "cache_read_input_tokens" };
	int64_t sum = 0, n;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		n = -1;
		deia__model_count(usage, parts[i], &n);
		if (n < 0 && i == 0)
			sum = -1;
		if (n > 0 && sum >= 0)
			sum += n;
	}
	if (sum >= 0)
		t->usage.prompt_tokens = sum;
	deia__model_count(usage, "output_tokens", &t->usage.completion_tokens);
}

/* A block or a piece of one: text or thought, whatever its type is called. */
static bool show_part(struct model_turn *t, const cJSON *part)
{
	return deia__model_show(t, "thinking",
				deia__json_str(part, "thinking")) &&
	       deia__model_show(t, NULL, deia__json_str(part, "text"));
}

static bool on_start(struct model_turn *t, const cJSON *json)
{
	const cJSON *message = deia__json_get(json, "message");

	count_tokens(t, deia__json_get(message, "usage"));
	return true;
}

static bool on_block(struct model_turn *t, const cJSON *json)
{
	return show_part(t, deia__json_get(json, "content_block"));
}

static bool on_delta(struct model_turn *t, const cJSON *json)
{
	return show_part(t, deia__json_get(json, "delta"));
}

static bool on_message_delta(struct model_turn *t, const cJSON *json)
{
	const char *reason =
		deia__json_str(deia__json_get(json, "delta"), "stop_reason");

	count_tokens(t, deia__json_get(json, "usage"));
	if (reason && strcmp(reason, "refusal") == 0 && !t->answer_bytes)
		return deia__model_fault(t, "model_refused", AGAIN_NEVER,
					 "the model declined to answer");
	t->finished = t->finished || reason;
	return true;
}

static bool on_stop(struct model_turn *t, const cJSON *json)
{
	(void)json;
	deia__model_done(t);
	return true;
}

/* An answer that was not streamed. */
static bool on_message(struct model_turn *t, const cJSON *json)
{
	const cJSON *part, *parts = deia__json_get(json, "content");

	count_tokens(t, deia__json_get(json, "usage"));
	cJSON_ArrayForEach(part, parts)
		if (!show_part(t, part))
			return false;
	deia__model_done(t);
	return true;
}

/* `ping` is left out: it shows that the server lives, not the model. */
static const struct event_kind {
	const char *type;
	bool (*fn)(struct model_turn *t, const cJSON *json);
} kinds[] = {
	{ "message_start", on_start },
	{ "content_block_start", on_block },
	{ "content_block_delta", on_delta },
	{ "message_delta", on_message_delta },
	{ "message_stop", on_stop },
	{ "message", on_message },
	{ "error", deia__model_fault_said },
};

static bool read_event(struct model_turn *t, const cJSON *json)
{
	const char *type = deia__json_str(json, "type");

	if (!type && deia__json_get(json, "error"))
		return deia__model_fault_said(t, json);
	for (size_t i = 0; type && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		if (!kinds[i].fn(t, json))
			return false;
		if (t->phase == PHASE_STREAM)
			deia__model_turn_watch(t);
		return true;
	}
	return type || deia__model_fault(t, "bad_answer", AGAIN_LATER,
					 "the model server sent an event "
					 "without a type; is base_url %s?",
					 t->m->dialect->server);
}

/* ---- tables ---------------------------------------------------------------- */

const struct deia__dialect deia__dialect_anthropic = {
	.server = "a server with /v1/messages",
	.default_url = DEIA__ANTHROPIC_URL,
	.versioned_url = true,
	.needs_model = "an anthropic bot needs a \"model\", as the server's "
		       "/v1/models names it",
	.start_hint = "start it, or correct base_url",
	.get_hint = "correct the bot's model",
	.key_header = "x-api-key: ",
	.more_header = "anthropic-version: 2023-06-01",
	.chat_path = "/messages",
	.sse = true,
	.window_option = "context_tokens",
	.answer_options = { "max_tokens" },
	.default_window = DEFAULT_WINDOW,
	.default_answer = DEFAULT_ANSWER,
	.options = options,
	.list_key = "data",
	.list_name = "id",
	.probes = {
		[PROBE_LIST] = { "/models?limit=1000", false,
				 deia__model_list_answered,
				 deia__model_list_failed },
	},
	.print = print,
	.read = read_event,
};

static void *create(void)
{
	return deia__model_create(&deia__dialect_anthropic);
}

const struct deia_adapter deia_adapter_anthropic = {
	.size = sizeof(struct deia_adapter),
	.name = "anthropic",
	.summary = "a model behind a server with /v1/messages",
	.ops = DEIA__MODEL_OPS,
	.create = create,
	.destroy = deia__model_destroy,
};
