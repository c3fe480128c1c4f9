/* SPDX-License-Identifier: MIT */
/*
 * claude.c - the lines of `claude -p --output-format stream-json`.
 *
 * What the main agent says is the answer, its thinking is thinking, tools and
 * what they return are tool output in short, and so is all that subagents say.
 * With partial messages each message comes twice, in pieces and then whole: the
 * whole one is passed over. The result line decides how the turn ended, but its
 * text is the answer only when no text came before. Unknown types are ignored.
 */
#include "exec/exec.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define MAX_TOKENS INT64_C(1000000000000)
#define MAX_DENIED 20
#define SHORT_BYTES 300

static const char *str(const cJSON *json, const char *key)
{
	const char *s = deia__json_str(json, key);

	return s ? s : "";
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Said by a tool's own agent, not by the main one. */
static bool is_subagent(const cJSON *json)
{
	return cJSON_IsString(deia__json_get(json, "parent_tool_use_id"));
}

/* ---- tools ------------------------------------------------------------------- */

/* Of a tool's input, what people want to see. */
static const char *telling_input(const cJSON *input)
{
	static const char *const keys[] = { "command", "file_path",  "path",
					    "pattern", "url",	     "query",
					    "prompt",  "description" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *s = deia__json_str(input, keys[i]);
		if (s)
			return s;
	}
	return "";
}

static void tool_use(struct exec_turn *t, const cJSON *block)
{
	deia__exec_tool(t, "[%.80s] %.*s", str(block, "name"), SHORT_BYTES,
			telling_input(deia__json_get(block, "input")));
}

/* A text, or a list of blocks with texts: the first of them. */
static const char *result_text(const cJSON *content)
{
	const cJSON *block;

	if (cJSON_IsString(content))
		return content->valuestring;
	cJSON_ArrayForEach(block, content)
		if (deia__json_str(block, "text"))
			return deia__json_str(block, "text");
	return "";
}

static void tool_result(struct exec_turn *t, const cJSON *block)
{
	bool failed = cJSON_IsTrue(deia__json_get(block, "is_error"));
	const char *text = result_text(deia__json_get(block, "content"));

	if (*text || failed)
		deia__exec_tool(t, "%s%.*s%s", failed ? "failed: " : "",
				SHORT_BYTES, text,
				strlen(text) > SHORT_BYTES ? " ..." : "");
}

/* ---- messages ----------------------------------------------------------------- */

/* Whether the message came in pieces before. */
static bool came_before(const struct exec_turn *t, const cJSON *message,
			bool came)
{
	const char *id = str(message, "id");

	return came && (!*id || !*t->s.message || is(id, t->s.message));
}

static void text_block(struct exec_turn *t, const cJSON *message,
		       const cJSON *block, bool sub)
{
	const char *text = str(block, "text");

	if (sub)
		deia__exec_tool(t, "%s", text);
	else if (!came_before(t, message, t->s.text_came))
		deia__exec_say_block(t, text);
}

static void thinking_block(struct exec_turn *t, const cJSON *message,
			   const cJSON *block, bool sub)
{
	const char *text = str(block, "thinking");

	if (sub || came_before(t, message, t->s.thinking_came) || !*text)
		return;
	deia__exec_say(t, "thinking", text, strlen(text));
	deia__exec_say(t, "thinking", "\n", 1);
}

static void on_assistant(struct exec_turn *t, const cJSON *json)
{
	const cJSON *message = deia__json_get(json, "message"), *block;
	bool sub = is_subagent(json);

	/* An error of the model server, put into a message; the result line
	 * says it again. */
	if (deia__json_str(json, "error"))
		return;
	deia__exec_status(t, "%s", "");
	cJSON_ArrayForEach(block, deia__json_get(message, "content")) {
		const char *type = str(block, "type");
		if (is(type, "text"))
			text_block(t, message, block, sub);
		else if (is(type, "thinking"))
			thinking_block(t, message, block, sub);
		else if (is(type, "tool_use") || is(type, "server_tool_use"))
			tool_use(t, block);
	}
}

static void on_user(struct exec_turn *t, const cJSON *json)
{
	const cJSON *message = deia__json_get(json, "message"), *block;

	cJSON_ArrayForEach(block, deia__json_get(message, "content"))
		if (is(str(block, "type"), "tool_result"))
			tool_result(t, block);
}

/* ---- pieces -------------------------------------------------------------------- */

static void on_delta(struct exec_turn *t, const cJSON *delta)
{
	const char *type = str(delta, "type");

	if (is(type, "text_delta")) {
		const char *text = str(delta, "text");
		if (!t->s.text_came && t->s.gap)
			deia__exec_say(t, NULL, "\n\n", 2);
		t->s.text_came = t->s.gap = true;
		deia__exec_say(t, NULL, text, strlen(text));
	} else if (is(type, "thinking_delta")) {
		const char *text = str(delta, "thinking");
		t->s.thinking_came = true;
		deia__exec_say(t, "thinking", text, strlen(text));
	}
}

static void on_stream_event(struct exec_turn *t, const cJSON *json)
{
	const cJSON *event = deia__json_get(json, "event");
	const char *type = str(event, "type");

	if (is_subagent(json))
		return;
	if (is(type, "message_start")) {
		(void)snprintf(t->s.message, sizeof(t->s.message), "%s",
			       str(deia__json_get(event, "message"), "id"));
		t->s.text_came = t->s.thinking_came = false;
	} else if (is(type, "content_block_delta")) {
		on_delta(t, deia__json_get(event, "delta"));
	}
}

/* ---- the system's own lines -------------------------------------------------------- */

static void on_system(struct exec_turn *t, const cJSON *json)
{
	const char *subtype = str(json, "subtype");
	int64_t attempt = 0, max = 0;

	if (is(subtype, "init")) {
		deia__exec_session(t, deia__json_str(json, "session_id"));
		return;
	}
	if (!is(subtype, "api_retry"))
		return;
	(void)deia__json_int(json, "attempt", 0, 1000, &attempt);
	(void)deia__json_int(json, "max_retries", 0, 1000, &max);
	deia__exec_status(t, "the model server failed, attempt %d of %d: %.80s",
			  (int)attempt, (int)max, str(json, "error"));
}

static void on_rate_limit(struct exec_turn *t, const cJSON *json)
{
	const cJSON *info = deia__json_get(json, "rate_limit_info");

	if (is(str(info, "status"), "rejected"))
		(void)deia__json_int(info, "resetsAt", 0, INT64_C(1) << 40,
				     &t->s.limit_resets_at);
}

/* ---- the result ---------------------------------------------------------------------- */

static int64_t tokens(const cJSON *usage, const char *key)
{
	int64_t n = 0;

	(void)deia__json_int(usage, key, 0, MAX_TOKENS, &n);
	return n;
}

static void read_usage(struct exec_turn *t, const cJSON *json)
{
	const cJSON *usage = deia__json_get(json, "usage");
	const cJSON *cost = deia__json_get(json, "total_cost_usd");

	if (cJSON_IsNumber(cost) && cost->valuedouble >= 0)
		t->cost_usd = cost->valuedouble;
	(void)deia__json_int(json, "num_turns", 0, 1000000, &t->agent_turns);
	if (!usage)
		return;
	t->usage.prompt_tokens = tokens(usage, "input_tokens") +
				 tokens(usage, "cache_creation_input_tokens") +
				 tokens(usage, "cache_read_input_tokens");
	t->usage.completion_tokens = tokens(usage, "output_tokens");
}

/* What it was not allowed to do: in the chat, and in the details. */
static void read_denials(struct exec_turn *t, const cJSON *json)
{
	const cJSON *list = deia__json_get(json, "permission_denials"), *item;
	int n = 0;
	deia_jw w;

	if (cJSON_GetArraySize(list) < 1)
		return;
	deia_jw_init(&w);
	deia_jw_array(&w);
	cJSON_ArrayForEach(item, list) {
		const char *name = str(item, "tool_name");
		if (n++ == MAX_DENIED)
			break;
		deia_jw_strn(&w, name, strnlen(name, 60));
		deia__exec_tool(
			t, "not allowed: [%.60s] %.*s", name, SHORT_BYTES,
			telling_input(deia__json_get(item, "tool_input")));
	}
	deia_jw_end_array(&w);
	if (!deia_jw_status(&w))
		t->denied = deia__strdup(w.text);
	deia_jw_fini(&w);
}

static void failed_result(struct exec_turn *t, const cJSON *json)
{
	static const struct {
		const char *subtype, *code, *words;
	} known[] = {
		{ "error_max_turns", "max_turns",
		  "the agent used up its --max-turns" },
		{ "error_max_budget_usd", "max_budget",
		  "the agent used up its --max-budget-usd" },
		{ "error_max_structured_output_retries", "bad_answer",
		  "the agent's answer did not fit the JSON schema" },
	};
	const char *subtype = str(json, "subtype"),
		   *words = str(json, "result");
	int64_t status = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is(known[i].subtype, subtype))
			deia__exec_turn_fail(t, known[i].code, false, 0, "%s",
					     known[i].words);
	(void)deia__json_int(json, "api_error_status", 400, 599, &status);
	if (!*words)
		words = result_text(
			cJSON_GetArrayItem(deia__json_get(json, "errors"), 0));
	deia__exec_fail_by_words(t, "agent_failed", status,
				 *words ? words : "the agent gave no reason");
}

static void good_result(struct exec_turn *t, const cJSON *json)
{
	const cJSON *structured = deia__json_get(json, "structured_output");
	const char *text = str(json, "result");
	char *printed = NULL;

	if (!*text && structured)
		text = printed = deia__json_print(structured);
	deia__exec_good(t, text);
	deia__free(printed);
}

static void on_result(struct exec_turn *t, const cJSON *json)
{
	if (t->end != EXEC_OPEN)
		return;
	deia__exec_status(t, "%s", "");
	deia__exec_session(t, deia__json_str(json, "session_id"));
	read_usage(t, json);
	read_denials(t, json);
	if (is(str(json, "subtype"), "success") &&
	    !cJSON_IsTrue(deia__json_get(json, "is_error")))
		good_result(t, json);
	else
		failed_result(t, json);
}

static void claude_object(struct exec_turn *t, const cJSON *json)
{
	static const struct {
		const char *type;
		void (*fn)(struct exec_turn *t, const cJSON *json);
	} types[] = {
		{ "assistant", on_assistant },	       { "user", on_user },
		{ "stream_event", on_stream_event },   { "system", on_system },
		{ "rate_limit_event", on_rate_limit }, { "result", on_result },
	};
	const char *type = str(json, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (is(types[i].type, type))
			types[i].fn(t, json);
}

const struct exec_format deia__exec_claude = {
	.name = "claude-stream-json",
	.object = claude_object,
	.needs_result = true,
};
