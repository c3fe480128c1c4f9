/* SPDX-License-Identifier: MIT */
/*
 * codex.c - the lines of `codex exec --json`.
 *
 * Items come with a beginning and an end; a message is shown at its end, a
 * command at both. An `error` line by itself may be a connection that is tried
 * again, so it only counts when the turn does not complete after it; until then
 * it is the bot's status. Unknown types are ignored.
 */
#include "exec/exec.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define MAX_TOKENS INT64_C(1000000000000)
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

/* ---- items ------------------------------------------------------------------- */

/* The head line of an item, once: when it begins, or else when it ends. */
static bool is_new(struct exec_turn *t, const cJSON *item)
{
	const char *id = str(item, "id");

	if (*id && is(id, t->s.item))
		return false;
	(void)snprintf(t->s.item, sizeof(t->s.item), "%s", id);
	return true;
}

static void on_message(struct exec_turn *t, const cJSON *item, bool ended)
{
	if (ended)
		deia__exec_say_block(t, str(item, "text"));
}

static void on_reasoning(struct exec_turn *t, const cJSON *item, bool ended)
{
	const char *text = str(item, "text");

	if (!ended || !*text)
		return;
	deia__exec_say(t, "thinking", text, strlen(text));
	deia__exec_say(t, "thinking", "\n", 1);
}

static void on_command(struct exec_turn *t, const cJSON *item, bool ended)
{
	const char *output = str(item, "aggregated_output");
	int64_t code = 0;

	if (is_new(t, item))
		deia__exec_tool(t, "$ %.*s", SHORT_BYTES, str(item, "command"));
	if (!ended)
		return;
	(void)deia__json_int(item, "exit_code", INT32_MIN, INT32_MAX, &code);
	if (*output)
		deia__exec_tool(t, "%.*s%s", SHORT_BYTES, output,
				strlen(output) > SHORT_BYTES ? " ..." : "");
	if (code || is(str(item, "status"), "failed"))
		deia__exec_tool(t, "exit status %lld", (long long)code);
}

static void on_file_change(struct exec_turn *t, const cJSON *item, bool ended)
{
	const cJSON *change;

	if (!ended)
		return;
	if (is(str(item, "status"), "failed"))
		deia__exec_tool(t, "a change of files failed:");
	cJSON_ArrayForEach(change, deia__json_get(item, "changes"))
		deia__exec_tool(t, "%.20s %.*s", str(change, "kind"),
				SHORT_BYTES, str(change, "path"));
}

static void on_mcp(struct exec_turn *t, const cJSON *item, bool ended)
{
	const cJSON *error = deia__json_get(item, "error");

	if (is_new(t, item))
		deia__exec_tool(t, "[%.80s.%.80s]", str(item, "server"),
				str(item, "tool"));
	if (ended && error)
		deia__exec_tool(t, "failed: %.*s", SHORT_BYTES,
				str(error, "message"));
}

static void on_search(struct exec_turn *t, const cJSON *item, bool ended)
{
	if (ended)
		deia__exec_tool(t, "[web search] %.*s", SHORT_BYTES,
				str(item, "query"));
}

static void on_todo(struct exec_turn *t, const cJSON *item, bool ended)
{
	const cJSON *todo;

	if (!ended)
		return;
	cJSON_ArrayForEach(todo, deia__json_get(item, "items"))
		deia__exec_tool(t, "[%c] %.*s",
				cJSON_IsTrue(deia__json_get(todo, "completed"))
					? 'x'
					: ' ',
				SHORT_BYTES, str(todo, "text"));
}

/* Not the end of the turn: a warning. */
static void on_item_error(struct exec_turn *t, const cJSON *item, bool ended)
{
	if (ended)
		deia__exec_tool(t, "error: %.*s", SHORT_BYTES,
				str(item, "message"));
}

static void on_item(struct exec_turn *t, const cJSON *json, bool ended)
{
	static const struct {
		const char *type;
		void (*fn)(struct exec_turn *t, const cJSON *item, bool ended);
	} types[] = {
		{ "agent_message", on_message },
		{ "reasoning", on_reasoning },
		{ "command_execution", on_command },
		{ "file_change", on_file_change },
		{ "mcp_tool_call", on_mcp },
		{ "web_search", on_search },
		{ "todo_list", on_todo },
		{ "error", on_item_error },
	};
	const cJSON *item = deia__json_get(json, "item");
	const char *type = str(item, "type");

	deia__exec_status(t, "%s", "");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (is(types[i].type, type))
			types[i].fn(t, item, ended);
}

/* ---- the turn ------------------------------------------------------------------- */

static void on_completed(struct exec_turn *t, const cJSON *json)
{
	const cJSON *usage = deia__json_get(json, "usage");

	deia__exec_status(t, "%s", "");
	(void)deia__json_int(usage, "input_tokens", 0, MAX_TOKENS,
			     &t->usage.prompt_tokens);
	(void)deia__json_int(usage, "output_tokens", 0, MAX_TOKENS,
			     &t->usage.completion_tokens);
	deia__exec_good(t, NULL);
}

static void on_failed(struct exec_turn *t, const cJSON *json)
{
	const char *words = str(deia__json_get(json, "error"), "message");

	deia__exec_fail_by_words(t, "agent_failed", 0,
				 *words ? words : "the agent gave no reason");
}

static void on_error(struct exec_turn *t, const cJSON *json)
{
	const char *words = str(json, "message");

	deia__exec_status(t, "%.190s", words);
	(void)snprintf(t->s.error, sizeof(t->s.error), "%s", words);
}

static void codex_object(struct exec_turn *t, const cJSON *json)
{
	const char *type = str(json, "type");

	if (is(type, "thread.started"))
		deia__exec_session(t, deia__json_str(json, "thread_id"));
	else if (is(type, "item.started"))
		on_item(t, json, false);
	else if (is(type, "item.completed"))
		on_item(t, json, true);
	else if (is(type, "turn.completed"))
		on_completed(t, json);
	else if (is(type, "turn.failed"))
		on_failed(t, json);
	else if (is(type, "error"))
		on_error(t, json);
}

const struct exec_format deia__exec_codex = {
	.name = "codex-json",
	.object = codex_object,
	.needs_result = true,
};
