/* SPDX-License-Identifier: MIT */
/*
 * turn.c - one turn: from the task line to done or error.
 *
 * A turn owns its task line; all text of its info points into it. Output is
 * cut into pieces of at most PIECE_BYTES, so that a line stays under the limit
 * even if every byte must be escaped; cuts and pieces never fall inside a UTF-8
 * sequence.
 */
#include "worker/worker.h"

#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"

#define PIECE_BYTES (256u << 10)
#define DEFAULT_TIMEOUT_SECONDS 600
#define MAX_TIMEOUT_SECONDS (7 * 24 * 3600)
#define MESSAGE_BYTES 2000u

static const char *const channel_names[CHANNELS] = {
	[CHANNEL_ANSWER] = "answer",
	[CHANNEL_THINKING] = "thinking",
	[CHANNEL_TOOL] = "tool",
};

/* ---- from the task line -------------------------------------------------- */

static deia_err read_history(deia_turn *t, const cJSON *items, const char **why)
{
	size_t n = 0, count = (size_t)cJSON_GetArraySize(items);
	const cJSON *item;

	if (!count)
		return DEIA_OK;
	t->history = deia__alloc(count * sizeof(*t->history));
	if (!t->history)
		return DEIA_ENOMEM;
	cJSON_ArrayForEach(item, items) {
		struct deia_turn_history *h = &t->history[n++];
		h->role = deia__json_str(item, "role");
		h->content = deia__json_str(item, "content");
		if (h->role && h->content)
			continue;
		*why = "an item of \"history\" needs \"role\" and \"content\"";
		return DEIA_EFIELD;
	}
	t->info.history = t->history;
	t->info.n_history = n;
	return DEIA_OK;
}

static deia_err read_info(deia_turn *t, const cJSON *json, const char **why)
{
	const cJSON *history = deia__json_get(json, "history");
	int64_t timeout = DEFAULT_TIMEOUT_SECONDS;

	t->info.id = deia__json_str(json, "id");
	t->info.kind = deia__json_str(json, "kind");
	if (!t->info.kind)
		t->info.kind = "chat";
	t->info.content = deia__json_str(json, "content");
	t->info.conversation = deia__json_str(json, "conversation");
	t->info.session = deia__json_str(json, "session");
	t->info.traceparent = deia__json_str(json, "traceparent");
	*why = "a task needs a text \"content\"";
	if (!t->info.content)
		return DEIA_EFIELD;
	*why = "\"timeout_seconds\" must be a whole number from 1 to 604800";
	if (deia__json_get(json, "timeout_seconds") &&
	    !deia__json_int(json, "timeout_seconds", 1, MAX_TIMEOUT_SECONDS,
			    &timeout))
		return DEIA_EFIELD;
	t->info.timeout_seconds = (unsigned)timeout;
	*why = "\"history\" must be an array";
	if (history && !cJSON_IsArray(history))
		return DEIA_EFIELD;
	return history ? read_history(t, history, why) : DEIA_OK;
}

deia_err deia__turn_new(deia_turn **out, deia_worker *w, cJSON *json,
			const char **why)
{
	deia_turn *t = deia__alloc(sizeof(*t));
	deia_err err = t ? read_info(t, json, why) : DEIA_ENOMEM;

	*out = NULL;
	if (err) {
		if (t)
			deia__free(t->history);
		deia__free(t);
		return err;
	}
	t->w = w;
	t->json = json;
	TAILQ_INSERT_TAIL(&w->turns, t, link);
	w->n_turns++;
	*out = t;
	return DEIA_OK;
}

static void free_turn(deia_turn *t)
{
	TAILQ_REMOVE(&t->w->turns, t, link);
	t->w->n_turns--;
	cJSON_Delete(t->json);
	deia__free(t->history);
	deia__free(t->session);
	deia__free(t->details);
	deia__free(t);
}

deia_turn *deia__turn_find(deia_worker *w, const char *id)
{
	deia_turn *t;

	TAILQ_FOREACH(t, &w->turns, link)
		if (strcmp(t->info.id, id) == 0)
			return t;
	return NULL;
}

/* ---- output -------------------------------------------------------------- */

static void print_chunk(deia_turn *t, unsigned channel, const char *text,
			size_t len)
{
	deia_jw *jw = deia__worker_begin(t->w, "chunk");

	deia_jw_kstr(jw, "id", t->info.id);
	deia_jw_key(jw, "text");
	deia_jw_strn(jw, text, len);
	if (channel != CHANNEL_ANSWER)
		deia_jw_kstr(jw, "channel", channel_names[channel]);
	deia__worker_finish(t->w);
	t->shown = true;
}

static void print_pieces(deia_turn *t, unsigned channel, const char *text,
			 size_t len)
{
	while (len) {
		size_t n = len;
		if (n > PIECE_BYTES)
			n = deia__utf8_whole(text, PIECE_BYTES);
		print_chunk(t, channel, text, n);
		text += n;
		len -= n;
	}
}

/* Completes a sequence whose beginning was held back; returns bytes used. */
static size_t fill_held(deia_turn *t, unsigned channel, const char *text,
			size_t len)
{
	char *bytes = t->held[channel].bytes;
	size_t used = 0;
	unsigned n = t->held[channel].len;

	while (n && used < len) {
		bytes[n++] = text[used++];
		if (deia__utf8_whole(bytes, n) != n &&
		    n < sizeof(t->held->bytes))
			continue;
		print_chunk(t, channel, bytes, n);
		n = 0;
	}
	t->held[channel].len = n;
	return used;
}

static unsigned channel_of(const char *name)
{
	for (unsigned c = 0; name && c < CHANNELS; c++)
		if (strcmp(channel_names[c], name) == 0)
			return c;
	return CHANNEL_ANSWER;
}

void deia_turn_chunk(deia_turn *t, const char *channel, const char *text,
		     size_t len)
{
	unsigned c = channel_of(channel);
	size_t used = fill_held(t, c, text, len), whole;

	text += used;
	len -= used;
	whole = deia__utf8_whole(text, len);
	print_pieces(t, c, text, whole);
	if (whole < len) {
		memcpy(t->held[c].bytes, text + whole, len - whole);
		t->held[c].len = (unsigned)(len - whole);
	}
}

/* What was held back and never completed; the printer replaces it. */
static void release_held(deia_turn *t)
{
	for (unsigned c = 0; c < CHANNELS; c++)
		if (t->held[c].len)
			print_chunk(t, c, t->held[c].bytes, t->held[c].len);
}

static void print_usage(deia_jw *jw, const struct deia_usage *usage)
{
	if (!usage ||
	    (usage->prompt_tokens < 0 && usage->completion_tokens < 0))
		return;
	deia_jw_key(jw, "usage");
	deia_jw_object(jw);
	if (usage->prompt_tokens >= 0)
		deia_jw_kint(jw, "prompt_tokens", usage->prompt_tokens);
	if (usage->completion_tokens >= 0)
		deia_jw_kint(jw, "completion_tokens", usage->completion_tokens);
	deia_jw_end_object(jw);
}

static void print_kept(deia_jw *jw, const char *session, const char *details)
{
	if (session)
		deia_jw_kstr(jw, "session", session);
	if (details)
		deia_jw_kraw(jw, "details", details);
}

void deia_turn_done(deia_turn *t, const char *text,
		    const struct deia_usage *usage, const char *session)
{
	size_t len = text ? strlen(text) : 0;
	deia_jw *jw;

	release_held(t);
	if (len > PIECE_BYTES) {
		if (!t->shown)
			print_pieces(t, CHANNEL_ANSWER, text, len);
		text = NULL;
	}
	jw = deia__worker_begin(t->w, "done");
	deia_jw_kstr(jw, "id", t->info.id);
	if (text)
		deia_jw_kstr(jw, "text", text);
	print_usage(jw, usage);
	print_kept(jw, session ? session : t->session, t->details);
	deia__worker_finish(t->w);
	free_turn(t);
}

void deia_turn_set_details(deia_turn *t, const char *json, size_t len)
{
	size_t start = 0;

	while (start < len && strchr(" \t\r", json[start]))
		start++;
	if (len > DEIA_MAX_DETAILS_BYTES || start == len ||
	    json[start] != '{' || memchr(json, '\n', len) ||
	    deia_json_check(json, len, NULL)) {
		deia_worker_note(t->w, "details were dropped: not one line of "
				       "a JSON object of at most 16 KiB");
		return;
	}
	deia__free(t->details);
	t->details = deia__strndup(json, len);
}

void deia_turn_set_session(deia_turn *t, const char *session)
{
	if (strlen(session) > DEIA_MAX_NAME_BYTES) {
		deia_worker_note(t->w, "a session above 256 bytes was dropped");
		return;
	}
	deia__free(t->session);
	t->session = deia__strdup(session);
}

static void print_error(deia_worker *w, const deia_turn *t, const char *id,
			const char *code, bool retryable,
			unsigned retry_after_seconds, const char *message)
{
	deia_jw *jw = deia__worker_begin(w, "error");
	size_t len = strlen(message);

	if (len > MESSAGE_BYTES)
		len = deia__utf8_whole(message, MESSAGE_BYTES);
	deia_jw_kstr(jw, "id", id);
	deia_jw_kstr(jw, "code", code);
	deia_jw_key(jw, "message");
	deia_jw_strn(jw, message, len);
	deia_jw_kbool(jw, "retryable", retryable);
	if (retry_after_seconds)
		deia_jw_kint(jw, "retry_after_seconds", retry_after_seconds);
	if (t)
		print_kept(jw, t->session, t->details);
	deia__worker_finish(w);
}

void deia_turn_fail(deia_turn *t, const char *code, bool retryable,
		    unsigned retry_after_seconds, const char *message)
{
	release_held(t);
	print_error(t->w, t, t->info.id, code, retryable, retry_after_seconds,
		    message);
	free_turn(t);
}

void deia__turn_refuse(deia_worker *w, const char *id, const char *code,
		       bool retryable, const char *message)
{
	print_error(w, NULL, id, code, retryable, 0, message);
}

/* ---- small things -------------------------------------------------------- */

void deia_turn_set_user(deia_turn *turn, void *user)
{
	turn->user = user;
}

void *deia_turn_user(deia_turn *turn)
{
	return turn->user;
}

const struct deia_turn_info *deia_turn_info(const deia_turn *turn)
{
	return &turn->info;
}
