/* SPDX-License-Identifier: MIT */
/*
 * bot_acts.c - steering bots: one by its path, many by POST /bots/actions.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"

/* ---- one ---------------------------------------------------------------- */

static void acted(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_bot(rq, 200, bot);
	rq_drop(rq);
}

static void begin_act(struct rq *rq, deia_bot_action action)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_bot_act(rq->srv->hive, &rq->actor, rq->param[0],
				       action, acted, rq));
}

static void act(struct rq *rq, deia_bot_action action)
{
	if (body_fields(rq, NULL, 0))
		begin_act(rq, action);
}

void route_bot_start(struct rq *rq)
{
	act(rq, DEIA_BOT_START);
}

void route_bot_stop(struct rq *rq)
{
	act(rq, DEIA_BOT_STOP);
}

void route_bot_restart(struct rq *rq)
{
	act(rq, DEIA_BOT_RESTART);
}

void route_bot_pause(struct rq *rq)
{
	act(rq, DEIA_BOT_PAUSE);
}

void route_bot_resume(struct rq *rq)
{
	act(rq, DEIA_BOT_RESUME);
}

/* {"id"}: the one turn whose question has this id; else all that run. */
void route_bot_interrupt(struct rq *rq)
{
	static const struct field fields[] = {
		{ "id", FIELD_TEXT, false, 36, 36 },
	};
	const char *line;

	if (!BODY_FIELDS(rq, fields))
		return;
	line = body_text(rq, "id");
	if (!line) {
		begin_act(rq, DEIA_BOT_INTERRUPT);
		return;
	}
	rq_hold(rq);
	rq_begun(rq,
		 deia_hive_bot_interrupt_turn(rq->srv->hive, &rq->actor,
					      rq->param[0], line, acted, rq));
}

/* ---- many --------------------------------------------------------------- */

int state_parse(const char *name)
{
	for (int i = 0; name && i < DEIA_BOT_STATES; i++)
		if (strcmp(deia_bot_state_name((deia_bot_state)i), name) == 0)
			return i;
	return -1;
}

static bool action_parse(struct rq *rq, deia_bot_action *out)
{
	static const char *const names[] = {
		[DEIA_BOT_START] = "start",
		[DEIA_BOT_STOP] = "stop",
		[DEIA_BOT_RESTART] = "restart",
		[DEIA_BOT_PAUSE] = "pause",
		[DEIA_BOT_RESUME] = "resume",
		[DEIA_BOT_INTERRUPT] = "interrupt",
	};
	const char *name = body_text(rq, "action");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (deia_bot_action)i;
		return true;
	}
	rq_bad_field(rq, "/action",
		     "expected start, stop, restart, pause, resume or "
		     "interrupt");
	return false;
}

static void acted_on_many(deia_err err, const struct deia_hive_outcome *items,
			  size_t n, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	print_outcomes(&w, items, n);
	list_send(rq, &w, NULL);
	rq_drop(rq);
}

/* Those that the body names; -1: answered. */
static int named(struct rq *rq, const char **ids)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(rq->json, "ids");
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, list) {
		if (n == DEIA_MAX_BATCH_LEN) {
			rq_bad_field(rq, "/ids", "at most %d ids at once",
				     DEIA_MAX_BATCH_LEN);
			return -1;
		}
		if (!deia_bot_id_valid(cJSON_GetStringValue(item))) {
			rq_bad_field(rq, "/ids", "expected ids of bots");
			return -1;
		}
		ids[n++] = item->valuestring;
	}
	return n;
}

/* Those that fit the body's type and state; -1: answered. */
static int fitting(struct rq *rq, const char **ids)
{
	struct deia_hive_bot_filter filter = {
		.type = body_text(rq, "type"),
		.state = state_parse(body_text(rq, "state")),
	};
	struct deia_hive_bot page[64];
	const char *last = NULL;
	size_t got = 64;
	int n = 0;

	if (body_text(rq, "state") && filter.state < 0) {
		rq_bad_field(rq, "/state",
			     "expected a state such as ready or failed");
		return -1;
	}
	while (got == 64) {
		got = deia_hive_bot_search(rq->srv->hive, &filter, last, page,
					   64);
		if (n + (int)got > DEIA_MAX_BATCH_LEN) {
			rq_bad_field(rq, "",
				     "more than %d bots fit; narrow it by type "
				     "or state, or name ids",
				     DEIA_MAX_BATCH_LEN);
			return -1;
		}
		for (size_t i = 0; i < got; i++)
			ids[n++] = page[i].info->spec->id;
		last = n ? ids[n - 1] : NULL;
	}
	return n;
}

/* Exactly one way to choose the bots, so that nothing is hit by mistake. */
static bool one_choice(struct rq *rq)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(rq->json, "all");
	bool by_id = cJSON_HasObjectItem(rq->json, "ids");
	bool by_kind = body_text(rq, "type") || body_text(rq, "state");

	if (all && !cJSON_IsTrue(all))
		rq_bad_field(rq, "/all", "expected true, or leave it out");
	else if ((by_id ? 1 : 0) + (by_kind ? 1 : 0) + (all ? 1 : 0) != 1)
		rq_bad_field(rq, "",
			     "choose the bots by ids, or by type and state, "
			     "or with \"all\": true");
	return !rq->replied;
}

void route_bots_act(struct rq *rq)
{
	static const struct field fields[] = {
		{ "action", FIELD_TEXT, true, 1, 16 },
		{ "ids", FIELD_ARRAY, false, 0, 0 },
		{ "type", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "state", FIELD_TEXT, false, 1, 16 },
		{ "all", FIELD_BOOL, false, 0, 0 },
	};
	const char *ids[DEIA_MAX_BATCH_LEN];
	deia_bot_action action;
	int n;

	if (!BODY_FIELDS(rq, fields) || !action_parse(rq, &action) ||
	    !one_choice(rq))
		return;
	n = cJSON_HasObjectItem(rq->json, "ids") ? named(rq, ids)
						 : fitting(rq, ids);
	if (n < 0)
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_bots_act(rq->srv->hive, &rq->actor, action, ids,
					(size_t)n, acted_on_many, rq));
}
