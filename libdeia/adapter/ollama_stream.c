/* SPDX-License-Identifier: MIT */
/*
 * ollama_stream.c - what the model server answers to a chat request.
 *
 * Nothing it sends is trusted: lines and the whole answer are bounded, texts
 * are cut before they get into a message, a status that is not 200 becomes one
 * of our codes. A turn ends with the line that says done; what the server sends
 * after it is thrown away.
 */
#include "adapter/ollama_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapter/ndjson.h"
#include "core/clock.h"

#define BUSY_SECONDS 5
#define SAID_BYTES 300

/* ---- lines ------------------------------------------------------------------- */

/* Notes why the answer is of no use; returns false, which stops the reading. */
static bool fault(struct ollama_turn *t, const char *code, bool retryable,
		  const char *fmt, ...) DEIA_PRINTF(4, 5);
static bool fault(struct ollama_turn *t, const char *code, bool retryable,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->fault_text, sizeof(t->fault_text), fmt, ap);
	va_end(ap);
	t->fault = code;
	t->fault_retryable = retryable;
	return false;
}

/* The text of {"error":"..."} or {"error":{"message":"..."}}; else NULL. */
static const char *error_text(const cJSON *json)
{
	const cJSON *error = deia__json_get(json, "error");

	if (cJSON_IsObject(error))
		return deia__json_str(error, "message");
	return cJSON_IsString(error) ? error->valuestring : NULL;
}

static void first_token(struct ollama_turn *t)
{
	t->phase = PHASE_STREAM;
	t->loading = false;
	deia__ollama_problem_clear(t->o);
	deia__ollama_status(t->o);
}

static bool show_text(struct ollama_turn *t, const char *channel,
		      const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!len)
		return true;
	if (t->answer_bytes + len > DEIA_MAX_ANSWER_BYTES)
		return fault(t, "answer_too_long", false,
			     "the answer is longer than 8 MiB");
	if (t->phase == PHASE_FIRST)
		first_token(t);
	t->o->last_token_ms = deia__now_ms(NULL);
	t->answer_bytes += len;
	deia_turn_chunk(t->turn, channel, text, len);
	return true;
}

static void end_turn(struct ollama_turn *t, const cJSON *json)
{
	static const int64_t most = (int64_t)1 << 40;
	struct deia_usage *u = &t->usage;

	(void)deia__json_int(json, "prompt_eval_count", 0, most,
			     &u->prompt_tokens);
	(void)deia__json_int(json, "eval_count", 0, most,
			     &u->completion_tokens);
	if (t->phase == PHASE_FIRST)
		first_token(t);
	deia_turn_done(t->turn, NULL, u, NULL);
	t->turn = NULL;
	t->phase = PHASE_ENDED;
	deia__ollama_turn_watch(t);
}

static bool read_line(struct ollama_turn *t, const cJSON *json)
{
	const cJSON *message = deia__json_get(json, "message");

	if (deia__json_get(json, "error")) {
		const char *said = error_text(json);
		return fault(t, "model_failed", true,
			     "the model server gave up: %.*s", SAID_BYTES,
			     said ? said : "it did not say why");
	}
	if (!show_text(t, "thinking", deia__json_str(message, "thinking")) ||
	    !show_text(t, NULL, deia__json_str(message, "content")))
		return false;
	if (cJSON_IsTrue(deia__json_get(json, "done")))
		end_turn(t, json);
	else if (t->phase == PHASE_STREAM)
		deia__ollama_turn_watch(t);
	return true;
}

bool deia__ollama_stream_line(const char *line, size_t len, void *user)
{
	struct ollama_turn *t = user;
	cJSON *json = NULL;
	deia_err err;
	bool go_on;

	if (t->phase == PHASE_ENDED)
		return true;
	if (!line)
		return fault(t, "bad_answer", true,
			     "the model server sent a line above 1 MiB");
	err = deia__ndjson_parse(&json, line, len);
	if (err == DEIA_ENOMEM)
		return fault(t, "out_of_memory", true, "%s",
			     deia_err_text(err));
	if (err || !cJSON_IsObject(json))
		go_on = fault(t, "bad_answer", true,
			      "the model server sent a line that is no JSON "
			      "object; is base_url an Ollama server?");
	else
		go_on = read_line(t, json);
	cJSON_Delete(json);
	return go_on;
}

enum deia__http_body deia__ollama_stream_body(int status, const char *p,
					      size_t len, void *user)
{
	struct ollama_turn *t = user;
	deia_err err;

	if (t->phase == PHASE_ENDED)
		return DEIA__HTTP_GO_ON;
	if (status != 200) {
		deia__buf_add(&t->refusal, p, len);
		return t->refusal.err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
	}
	if (deia_worker_is_full(t->o->w)) {
		t->paused = true;
		event_del(&t->ev_deadline);
		return DEIA__HTTP_PAUSE;
	}
	err = deia__lines_feed(&t->lines, p, len);
	if (err == DEIA_ENOMEM)
		(void)fault(t, "out_of_memory", true, "%s", deia_err_text(err));
	return err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
}

/* ---- the end of the request -------------------------------------------------- */

static void not_there(struct ollama_turn *t,
		      const struct deia__http_result *result)
{
	char text[OLLAMA_MESSAGE_BYTES];

	if (result->refused && deia__ollama_turn_retry(t))
		return;
	deia__ollama_unreachable_text(t->o, result->detail, text, sizeof(text));
	deia__ollama_problem_set(t->o, text);
	deia__ollama_turn_fail(t, "model_server_unreachable", true, 0, "%s",
			       text);
}

static void broke_off(struct ollama_turn *t, const char *detail)
{
	if (t->phase == PHASE_STREAM)
		deia__ollama_turn_fail(t, "answer_cut", true, 0,
				       "the answer broke off: the model server "
				       "closed the connection (%s)",
				       detail);
	else
		deia__ollama_turn_fail(t, "model_server_failed", true, 0,
				       "the model server closed the connection "
				       "without an answer (%s)",
				       detail);
}

/* Status codes that need no thought; others are in refused(). */
static const struct status_kind {
	int from, to;
	const char *code;
	bool retryable;
	const char *text;
} status_kinds[] = {
	{ 300, 399, "model_server_redirects", false,
	  "redirects are not followed: put the final address into base_url" },
	{ 401, 403, "model_server_denied", false,
	  "the model server wants a sign-in" },
	{ 404, 405, "model_server_wrong", false,
	  "this is no Ollama server: correct base_url" },
	{ 408, 408, "model_server_busy", true, "it took too long" },
	{ 429, 429, "rate_limited", true, "too many requests" },
	{ 400, 499, "model_refused", false, "it refused the request" },
	{ 503, 503, "model_server_busy", true, "it is busy" },
	{ 500, 599, "model_failed", true, "it failed" },
	{ 0, 999, "bad_answer", true, "its answer makes no sense" },
};

static void fail_by_status(struct ollama_turn *t,
			   const struct deia__http_result *r, const char *said)
{
	const struct status_kind *k = status_kinds;
	unsigned wait = r->retry_after_seconds;

	while (r->status < k->from || r->status > k->to)
		k++;
	if (r->status == 503 && !wait)
		wait = BUSY_SECONDS;
	deia__ollama_turn_fail(
		t, k->code, k->retryable, k->retryable ? wait : 0,
		"%s (%s answered %d%s%.*s)", k->text, t->o->config.shown_url,
		r->status, said ? ": " : "", SAID_BYTES, said ? said : "");
}

/* The estimate of tokens was too low: send less, and estimate higher. */
static bool shorten(struct ollama_turn *t, const char *said)
{
	if (t->shortened || !said || !strstr(said, "context") ||
	    !deia_turn_info(t->turn)->n_history)
		return false;
	t->shortened = true;
	t->o->context.tokens_per_kib = DEIA__TOKENS_PER_KIB_MAX;
	deia__ollama_turn_send(t);
	return true;
}

static void refused(struct ollama_turn *t,
		    const struct deia__http_result *result)
{
	cJSON *json = NULL;
	const char *said;

	if (t->refusal.len)
		(void)!deia_json_parse(&json, t->refusal.data, t->refusal.len,
				       NULL);
	said = error_text(json);
	if (result->status == 404 && said) {
		t->phase = PHASE_MISSING;
		deia__ollama_probe(t->o, PROBE_TAGS);
	} else if (result->status == 503 && deia__ollama_turn_retry(t)) {
		/* asked again soon */
	} else if (result->status != 400 || !shorten(t, said)) {
		fail_by_status(t, result, said);
	}
	cJSON_Delete(json);
}

void deia__ollama_stream_done(const struct deia__http_result *result,
			      void *user)
{
	struct ollama_turn *t = user;

	t->req = NULL;
	if (!result->err && result->status == 200 && !t->fault)
		(void)!deia__lines_end(&t->lines);
	if (t->phase == PHASE_ENDED)
		deia__ollama_turn_free(t);
	else if (t->fault)
		deia__ollama_turn_fail(t, t->fault, t->fault_retryable, 0, "%s",
				       t->fault_text);
	else if (result->err == DEIA_EUNAVAILABLE)
		not_there(t, result);
	else if (result->status && result->status != 200)
		refused(t, result);
	else
		broke_off(t, result->err ? result->detail : "too early");
}
