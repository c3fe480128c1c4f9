/* SPDX-License-Identifier: MIT */
/*
 * text.c - the formats that need no agent: plain text, simple lines.
 *
 * text: stdout is the answer, byte for byte but for the newlines at its end.
 * jsonl: the lines a bot would write, without their id: chunk, done, error,
 * status. Unknown types are passed over.
 */
#include "exec/exec.h"

#include <string.h>

#include "core/mem.h"

#define MAX_RETRY_SECONDS (7 * 86400)
#define MAX_TOKENS INT64_C(1000000000000)

/* ---- text ------------------------------------------------------------------- */

static void say_newlines(struct exec_turn *t)
{
	static const char newlines[] = "\n\n\n\n\n\n\n\n";

	while (t->s.newlines) {
		unsigned n = t->s.newlines < 8 ? t->s.newlines : 8;
		t->s.newlines -= n;
		deia__exec_say(t, NULL, newlines, n);
	}
}

static void text_bytes(struct exec_turn *t, const char *p, size_t len)
{
	size_t end = len;

	while (end && p[end - 1] == '\n')
		end--;
	if (end) {
		say_newlines(t);
		deia__exec_say(t, NULL, p, end);
	}
	/* More of them than an answer may have is an answer too long. */
	if (len - end > DEIA_MAX_ANSWER_BYTES - t->s.newlines)
		say_newlines(t);
	t->s.newlines += (unsigned)(len - end);
}

const struct exec_format deia__exec_text = {
	.name = "text",
	.bytes = text_bytes,
};

/* ---- jsonl ------------------------------------------------------------------- */

static void jsonl_chunk(struct exec_turn *t, const cJSON *json)
{
	const char *text = deia__json_str(json, "text");
	const char *channel = deia__json_str(json, "channel");

	if (text)
		deia__exec_say(t, channel, text, strlen(text));
}

static void jsonl_done(struct exec_turn *t, const cJSON *json)
{
	const cJSON *usage = deia__json_get(json, "usage");
	const char *text = deia__json_str(json, "text");

	(void)deia__json_int(usage, "prompt_tokens", 0, MAX_TOKENS,
			     &t->usage.prompt_tokens);
	(void)deia__json_int(usage, "completion_tokens", 0, MAX_TOKENS,
			     &t->usage.completion_tokens);
	deia__exec_session(t, deia__json_str(json, "session"));
	if (!t->details && cJSON_IsObject(deia__json_get(json, "details")))
		t->details = deia__json_print(deia__json_get(json, "details"));
	deia__exec_good(t, NULL);
	if (t->end == EXEC_GOOD && text && !t->text)
		t->text = deia__strdup(text);
}

static void jsonl_error(struct exec_turn *t, const cJSON *json)
{
	const char *code = deia__json_str(json, "code");
	const char *message = deia__json_str(json, "message");
	int64_t after = 0;

	(void)deia__json_int(json, "retry_after_seconds", 0, MAX_RETRY_SECONDS,
			     &after);
	deia__exec_session(t, deia__json_str(json, "session"));
	if (!code || !*code)
		code = "error"; /* as for a bot's own lines */
	deia__exec_turn_fail(t, code,
			     cJSON_IsTrue(deia__json_get(json, "retryable")),
			     (unsigned)after, "%s",
			     message ? message : "the command gave no reason");
}

static void jsonl_status(struct exec_turn *t, const cJSON *json)
{
	const char *text = deia__json_str(json, "text");

	if (text)
		deia__exec_status(t, "%s", text);
}

static void jsonl_object(struct exec_turn *t, const cJSON *json)
{
	static const struct {
		const char *type;
		void (*fn)(struct exec_turn *t, const cJSON *json);
	} types[] = { { "chunk", jsonl_chunk },
		      { "done", jsonl_done },
		      { "error", jsonl_error },
		      { "status", jsonl_status } };
	const char *type = deia__json_str(json, "type");

	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].type, type) == 0)
			types[i].fn(t, json);
}

const struct exec_format deia__exec_jsonl = {
	.name = "jsonl",
	.object = jsonl_object,
};
