/* SPDX-License-Identifier: MIT */
/*
 * fault.c - what went wrong, as one of our codes.
 *
 * Servers say it by the status of the answer and by the type or code in its
 * body; in the middle of a stream by the body alone. The type knows more and
 * goes first. The codes are those of docs/bot-protocol.md, the same for all
 * dialects.
 */
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUSY_SECONDS 5

struct fault_kind {
	const char *code;
	enum model_again again;
	const char *text;
};

/* `type` or `code` of an error object. */
static const struct said_kind {
	const char *said;
	struct fault_kind kind;
} said_kinds[] = {
	{ "overloaded_error",
	  { "model_server_busy", AGAIN_NOW, "it is busy" } },
	{ "insufficient_quota",
	  { "model_server_denied", AGAIN_NEVER, "the account has no credit" } },
	{ "billing_error",
	  { "model_server_denied", AGAIN_NEVER, "the account has no credit" } },
	{ "rate_limit_error",
	  { "rate_limited", AGAIN_NOW, "too many requests" } },
	{ "rate_limit_exceeded",
	  { "rate_limited", AGAIN_NOW, "too many requests" } },
	{ "authentication_error",
	  { "model_server_denied", AGAIN_NEVER, "the key is not accepted" } },
	{ "invalid_api_key",
	  { "model_server_denied", AGAIN_NEVER, "the key is not accepted" } },
	{ "permission_error",
	  { "model_server_denied", AGAIN_NEVER, "the key does not allow it" } },
	{ "invalid_request_error",
	  { "model_refused", AGAIN_NEVER, "it refused the request" } },
	{ "context_length_exceeded",
	  { "model_refused", AGAIN_NEVER, "it refused the request" } },
};

static const struct status_kind {
	int from, to;
	struct fault_kind kind;
} status_kinds[] = {
	{ 300,
	  399,
	  { "model_server_redirects", AGAIN_NEVER,
	    "redirects are not followed: put the final address into "
	    "base_url" } },
	{ 401,
	  403,
	  { "model_server_denied", AGAIN_NEVER,
	    "the model server wants a sign-in: is the key right (api_key_env, "
	    "api_key_file)?" } },
	{ 404,
	  405,
	  { "model_server_wrong", AGAIN_NEVER,
	    "what answers is another kind of server: correct base_url" } },
	{ 408, 408, { "model_server_busy", AGAIN_LATER, "it took too long" } },
	{ 429, 429, { "rate_limited", AGAIN_NOW, "too many requests" } },
	{ 400,
	  499,
	  { "model_refused", AGAIN_NEVER, "it refused the request" } },
	{ 503, 503, { "model_server_busy", AGAIN_NOW, "it is busy" } },
	{ 529, 529, { "model_server_busy", AGAIN_NOW, "it is busy" } },
	{ 500, 599, { "model_failed", AGAIN_NOW, "it failed" } },
	{ 0, 999, { "bad_answer", AGAIN_LATER, "its answer makes no sense" } },
};

/* ---- what an error object says ------------------------------------------------ */

/* The text of {"error":"..."} or {"error":{"message":"..."}}; else NULL. */
static const char *error_text(const cJSON *json)
{
	const cJSON *error = deia__json_get(json, "error");

	if (cJSON_IsObject(error))
		return deia__json_str(error, "message");
	if (cJSON_IsString(error))
		return error->valuestring;
	return deia__json_str(json, "message");
}

static const struct fault_kind *kind_named(const char *said)
{
	for (size_t i = 0; said && i < sizeof(said_kinds) / sizeof(*said_kinds);
	     i++)
		if (strcmp(said_kinds[i].said, said) == 0)
			return &said_kinds[i].kind;
	return NULL;
}

/* The code says more than the type: invalid_api_key is an
 * invalid_request_error. */
static const struct fault_kind *kind_said(const cJSON *json)
{
	const cJSON *error = deia__json_get(json, "error");
	const struct fault_kind *k = kind_named(deia__json_str(error, "code"));

	return k ? k : kind_named(deia__json_str(error, "type"));
}

static const struct fault_kind *kind_of_status(int status)
{
	const struct status_kind *k = status_kinds;

	while (status < k->from || status > k->to)
		k++;
	return &k->kind;
}

/* ---- in the stream ------------------------------------------------------------ */

bool deia__model_fault(struct model_turn *t, const char *code,
		       enum model_again again, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->fault_text, sizeof(t->fault_text), fmt, ap);
	va_end(ap);
	t->fault = code;
	t->fault_again = again;
	return false;
}

bool deia__model_fault_said(struct model_turn *t, const cJSON *json)
{
	static const struct fault_kind unknown = { "model_failed", AGAIN_NOW,
						   "" };
	const struct fault_kind *k = kind_said(json);
	const char *said = error_text(json);
	char clean[MODEL_SAID_BYTES];

	if (!k)
		k = &unknown;
	deia__model_clean(t->m, clean, sizeof(clean),
			  said ? said : "it did not say why");
	return deia__model_fault(t, k->code, k->again,
				 "the model server gave up: %s", clean);
}

/* ---- an answer that is not 200 ------------------------------------------------ */

static void fail_by_kind(struct model_turn *t, const struct fault_kind *k,
			 const struct deia__http_result *r, const char *said)
{
	unsigned wait = r->retry_after_seconds;
	char clean[MODEL_SAID_BYTES] = "";

	if (said)
		deia__model_clean(t->m, clean, sizeof(clean), said);
	(void)deia__model_fault(t, k->code, k->again, "%s (%s answered %d%s%s)",
				k->text, t->m->config.shown_url, r->status,
				said ? ": " : "", clean);
	if (k->again == AGAIN_NOW && deia__model_turn_retry(t, wait))
		return;
	if (!wait && strcmp(k->code, "model_server_busy") == 0)
		wait = BUSY_SECONDS;
	deia__model_turn_fail(t, k->code, k->again != AGAIN_NEVER,
			      k->again != AGAIN_NEVER ? wait : 0, "%s",
			      t->fault_text);
}

/* The server found the prompt too long for the model. */
static bool is_too_long(int status, const char *said)
{
	static const char *const words[] = { "context", "too long",
					     "token count" };

	if ((status != 400 && status != 413) || !said)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(said, words[i]))
			return true;
	return false;
}

static bool is_missing(const struct model *m, int status, const cJSON *json,
		       const char *said)
{
	const char *code =
		deia__json_str(deia__json_get(json, "error"), "code");

	if (code && (strcmp(code, "model_not_found") == 0 ||
		     strcmp(code, "invalid_model") == 0))
		return true;
	if (status != 404 || !said)
		return false;
	return m->dialect->list_is_complete || strstr(said, "model");
}

void deia__model_refused(struct model_turn *t,
			 const struct deia__http_result *result)
{
	const struct fault_kind *k = NULL;
	cJSON *json = NULL;
	const char *said;

	if (t->refusal.len)
		(void)!deia_json_parse(&json, t->refusal.data, t->refusal.len,
				       NULL);
	said = error_text(json);
	if (is_missing(t->m, result->status, json, said)) {
		t->phase = PHASE_MISSING;
		deia__model_probe(t->m, PROBE_LIST);
	} else if (!is_too_long(result->status, said) ||
		   !deia__model_turn_shorten(t)) {
		if (result->status >= 400)
			k = kind_said(json);
		if (k && strcmp(k->code, "model_refused") == 0)
			k = NULL; /* the status says it better */
		fail_by_kind(t, k ? k : kind_of_status(result->status), result,
			     said);
	}
	cJSON_Delete(json);
}
