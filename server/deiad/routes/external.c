/* SPDX-License-Identifier: MIT */
/*
 * external.c - what the program of an external bot calls: heartbeats, and
 * claiming, extending and ending tasks.
 *
 * A claim is a long poll: when its client leaves, nothing is claimed for it.
 * A task that is ended is acknowledged once its answer is durable.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"

#define WAIT_MAX_SECONDS 60

/* ---- heartbeat ------------------------------------------------------------- */

void route_bot_heartbeat(struct rq *rq)
{
	static const struct field fields[] = {
		{ "status_text", FIELD_TEXT, false, 0, DEIA_MAX_NAME_BYTES },
		{ "capabilities", FIELD_ARRAY, false, 0, 0 },
		{ "max_concurrent", FIELD_INT, false, 1, DEIA_MAX_CONCURRENT },
	};
	struct deia_bot_heartbeat beat = DEIA_BOT_HEARTBEAT_INIT;
	const char *words[DEIA_MAX_CAPABILITIES_LEN];
	struct deia_hive_bot bot;
	deia_err err;
	int n;

	if (!BODY_FIELDS(rq, fields))
		return;
	n = body_words(rq, "capabilities", DEIA_MAX_CAPABILITIES_LEN, words);
	if (n < 0)
		return;
	beat.status_text = body_text(rq, "status_text");
	beat.max_concurrent = (unsigned)body_int(rq, "max_concurrent", 0);
	beat.n_capabilities = (size_t)n;
	if (cJSON_HasObjectItem(rq->json, "capabilities"))
		beat.capabilities = words;
	err = deia_hive_bot_heartbeat(rq->srv->hive, &rq->actor, rq->param[0],
				      &beat);
	if (!err)
		err = deia_hive_bot_get(rq->srv->hive, rq->param[0], &bot);
	if (err)
		rq_fail(rq, err);
	else
		send_bot(rq, 200, &bot);
}

/* ---- claim ------------------------------------------------------------------ */

/* A request that waits for a task; holds it. */
struct claiming {
	struct rq *rq;
	deia_claim_wait *wait;
};

static void print_task(struct deia_jw *w, const struct deia_claim *c)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", c->id);
	deia_jw_kstr(w, "kind", c->kind == DEIA_WORK_CHAT ? "chat" : "task");
	deia_jw_kstr(w, "bot", c->bot);
	deia_jw_kstr(w, "content", c->content);
	deia_jw_kstr(w, "conversation", c->conversation);
	deia_jw_kstr(w, "session", c->session);
	deia_jw_kstr(w, "traceparent", c->traceparent);
	deia_jw_key(w, "history");
	deia_jw_array(w);
	for (size_t i = 0; i < c->n_history; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "role", c->history[i].role);
		deia_jw_kstr(w, "content", c->history[i].content);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
	deia_jw_kint(w, "timeout_seconds", c->timeout_seconds);
	deia_jw_kint(w, "attempt", c->attempt);
	deia_jw_end_object(w);
}

static void claimed(deia_err err, const struct deia_claim *claim, void *user)
{
	struct claiming *c = user;
	struct rq *rq = c->rq;
	struct deia_jw w;

	rq->on_gone = NULL;
	if (err) {
		rq_fail(rq, err);
	} else if (!claim) {
		rq_send_empty(rq);
	} else {
		deia_jw_init(&w);
		deia_jw_object(&w);
		deia_jw_key(&w, "task");
		print_task(&w, claim);
		deia_jw_kstr(&w, "lease_token", claim->token);
		deia_jw_kint(&w, "lease_seconds", claim->lease_seconds);
		deia_jw_ktime(&w, "lease_expires_at",
			      claim->lease_expires_unix_ms);
		deia_jw_end_object(&w);
		rq_send_json(rq, 200, &w);
	}
	free(c);
	rq_drop(rq);
}

static void claimer_left(struct rq *rq, void *user)
{
	struct claiming *c = user;

	deia_claim_wait_cancel(c->wait);
	free(c);
	rq_drop(rq);
}

/* The bot that the body names; a bot may leave itself out. NULL: answered. */
static const char *bot_named(struct rq *rq)
{
	const char *bot = body_text(rq, "bot");

	if (!bot && rq->actor.role == DEIA_ROLE_BOT)
		return rq->actor.name;
	if (!bot)
		rq_bad_field(rq, "/bot", "this field is required");
	return bot;
}

void route_task_claim(struct rq *rq)
{
	static const struct field fields[] = {
		{ "bot", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "wait_seconds", FIELD_INT, false, 0, WAIT_MAX_SECONDS },
		{ "lease_seconds", FIELD_INT, false, 1,
		  DEIA_MAX_LEASE_SECONDS },
	};
	struct claiming *c;
	const char *bot;
	deia_err err;

	if (!BODY_FIELDS(rq, fields) || !(bot = bot_named(rq)))
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	c->rq = rq;
	rq_hold(rq);
	err = deia_hive_claim(rq->srv->hive, &rq->actor, bot,
			      (unsigned)body_int(rq, "lease_seconds", 0),
			      (unsigned)body_int(rq, "wait_seconds", 0),
			      claimed, c, &c->wait);
	if (err) {
		free(c);
		rq_begun(rq, err);
	} else {
		rq_watch(rq, claimer_left, c);
	}
}

/* ---- what becomes of it --------------------------------------------------------- */

static void send_status(struct rq *rq, const char *status)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "id", rq->param[0]);
	deia_jw_kstr(&w, "status", status);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

static void completed(deia_err err, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_status(rq, "succeeded");
	rq_drop(rq);
}

static void failed(deia_err err, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_status(rq, "failed");
	rq_drop(rq);
}

void route_task_extend(struct rq *rq)
{
	static const struct field fields[] = {
		{ "lease_token", FIELD_TEXT, true, 1, DEIA_CLAIM_TOKEN_LEN },
		{ "lease_seconds", FIELD_INT, false, 1,
		  DEIA_MAX_LEASE_SECONDS },
	};
	struct deia_jw w;
	int64_t expires = 0;
	deia_err err;

	if (!BODY_FIELDS(rq, fields))
		return;
	err = deia_hive_claim_extend(rq->srv->hive, &rq->actor, rq->param[0],
				     body_text(rq, "lease_token"),
				     (unsigned)body_int(rq, "lease_seconds", 0),
				     &expires);
	if (err) {
		rq_fail(rq, err);
		return;
	}
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "id", rq->param[0]);
	deia_jw_ktime(&w, "lease_expires_at", expires);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* {"prompt_tokens", "completion_tokens"}; false: answered. */
static bool read_usage(struct rq *rq, struct deia_claim_answer *a)
{
	const cJSON *usage =
		cJSON_GetObjectItemCaseSensitive(rq->json, "usage");
	const cJSON *item;

	cJSON_ArrayForEach(item, usage) {
		int64_t *to = strcmp(item->string, "prompt_tokens") == 0
				      ? &a->prompt_tokens
			      : strcmp(item->string, "completion_tokens") == 0
				      ? &a->completion_tokens
				      : NULL;
		double n = cJSON_IsNumber(item) ? item->valuedouble : -1;

		if (!to || n < 0 || n > 1e15) {
			rq_bad_field(rq, "/usage",
				     "expected prompt_tokens and "
				     "completion_tokens, whole numbers");
			return false;
		}
		*to = (int64_t)n;
	}
	return true;
}

void route_task_complete(struct rq *rq)
{
	static const struct field fields[] = {
		{ "lease_token", FIELD_TEXT, true, 1, DEIA_CLAIM_TOKEN_LEN },
		{ "text", FIELD_TEXT, true, 0, DEIA_MAX_ANSWER_BYTES },
		{ "usage", FIELD_OBJECT, false, 0, 0 },
		{ "session", FIELD_TEXT, false, 0, DEIA_MAX_NAME_BYTES },
		{ "details", FIELD_OBJECT, false, 0, 0 },
	};
	struct deia_claim_answer answer = DEIA_CLAIM_ANSWER_INIT;
	const cJSON *details;
	char *text = NULL;

	if (!BODY_FIELDS(rq, fields) || !read_usage(rq, &answer))
		return;
	details = cJSON_GetObjectItemCaseSensitive(rq->json, "details");
	if (details && !(text = cJSON_PrintUnformatted(details))) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	answer.text = body_text(rq, "text");
	answer.session = body_text(rq, "session");
	answer.details = text;
	rq_hold(rq);
	rq_begun(rq, deia_hive_claim_complete(rq->srv->hive, &rq->actor,
					      rq->param[0],
					      body_text(rq, "lease_token"),
					      &answer, completed, rq));
	cJSON_free(text);
}

void route_task_fail(struct rq *rq)
{
	static const struct field fields[] = {
		{ "lease_token", FIELD_TEXT, true, 1, DEIA_CLAIM_TOKEN_LEN },
		{ "message", FIELD_TEXT, true, 1, DEIA_MAX_ERROR_BYTES },
		{ "code", FIELD_TEXT, false, 1, 64 },
		{ "retryable", FIELD_BOOL, false, 0, 0 },
		{ "retry_after_seconds", FIELD_INT, false, 0, 86400 },
	};

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_claim_fail(
			     rq->srv->hive, &rq->actor, rq->param[0],
			     body_text(rq, "lease_token"),
			     body_text(rq, "code"), body_text(rq, "message"),
			     body_bool(rq, "retryable", false),
			     (unsigned)body_int(rq, "retry_after_seconds", 0),
			     failed, rq));
}
