/* SPDX-License-Identifier: MIT */
/*
 * scheduler.c - the scheduler is told and asked: outcomes, resets, and which bot
 * a task would go to.
 */
#include "scheduler.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <deia/scheduling.h>

#include "../http/idem.h"
#include "../http/reply.h"
#include "routes.h"

/* ---- outcomes ---------------------------------------------------------- */

void print_execution(struct deia_jw *w, const struct deia_execution *e)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "bot", e->bot);
	deia_jw_kstr(w, "task_type", e->type);
	deia_jw_knum(w, "seconds", e->seconds);
	deia_jw_kbool(w, "success", e->success);
	deia_jw_end_object(w);
}

/* After body_fields; text borrowed from the body. */
static struct deia_execution execution_of(const struct rq *rq)
{
	struct deia_execution e = DEIA_EXECUTION_INIT;

	e.bot = body_text(rq, "bot");
	e.type = body_text(rq, "task_type");
	e.seconds = cJSON_GetNumberValue(
		cJSON_GetObjectItemCaseSensitive(rq->json, "seconds"));
	e.success = body_bool(rq, "success", false);
	e.new_type = body_bool(rq, "new_type", false);
	return e;
}

static void execution_recorded(deia_err err, void *user)
{
	struct rq *rq = user;
	struct deia_execution e;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	e = execution_of(rq);
	deia_jw_init(&w);
	print_execution(&w, &e);
	rq_send_json(rq, 201, &w);
	rq_drop(rq);
}

void route_executions_create(struct rq *rq)
{
	static const struct field fields[] = {
		{ "bot", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
		{ "task_type", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
		{ "seconds", FIELD_NUMBER, true, 0, 31536000 },
		{ "success", FIELD_BOOL, true, 0, 0 },
		{ "new_type", FIELD_BOOL, false, 0, 0 },
	};
	struct deia_execution e;

	if (!BODY_FIELDS(rq, fields))
		return;
	e = execution_of(rq);
	rq_hold(rq);
	idem_join(rq, print_made);
	rq_begun(rq, deia_hive_scheduler_record(rq->srv->hive, &rq->actor, &e,
						execution_recorded, rq));
}

/* ---- resets ------------------------------------------------------------ */

static void reset(struct rq *rq, const char *bot)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_scheduler_reset(rq->srv->hive, &rq->actor, bot,
					       rq_query(rq, "task_type"),
					       rq_done_empty, rq));
}

void route_scheduler_reset(struct rq *rq)
{
	reset(rq, rq->param[0]);
}

void route_scheduler_reset_all(struct rq *rq)
{
	reset(rq, NULL);
}

/* ---- recommendations --------------------------------------------------- */

static void print_candidate(struct deia_jw *w, struct rq *rq,
			    const struct deia_scheduler_candidate *c)
{
	struct deia_scheduler_bot_status st;

	deia_jw_object(w);
	deia_jw_kstr(w, "bot", c->choice.bot);
	deia_jw_knum(w, "score", c->choice.score);
	deia_jw_knum(w, "wait_seconds", c->choice.wait_seconds);
	deia_jw_kbool(w, "starts_now", c->choice.start);
	deia_jw_kbool(w, "probe", c->choice.probe);
	print_learned(w, &c->pair);
	if (!deia_hive_scheduler_bot(rq->srv->hive, c->choice.bot, &st))
		deia_jw_kstr(w, "circuit",
			     deia_scheduler_circuit_name(st.circuit));
	deia_jw_end_object(w);
}

static void send_recommendation(struct rq *rq,
				const struct deia_scheduler_recommendation *r)
{
	char reason[512];
	struct deia_jw w;

	deia_scheduler_reason(r, reason, sizeof(reason));
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "task_type", r->type);
	deia_jw_kstr(&w, "recommended_bot", r->best[0].choice.bot);
	deia_jw_knum(&w, "confidence", r->confidence);
	deia_jw_kstr(&w, "reason", reason);
	deia_jw_kstr(&w, "policy", deia_scheduler_policy_name(r->policy));
	deia_jw_kint(&w, "candidates", r->candidates);
	deia_jw_key(&w, "recommended");
	print_candidate(&w, rq, &r->best[0]);
	deia_jw_key(&w, "alternatives");
	deia_jw_array(&w);
	for (unsigned i = 1; i < r->len; i++)
		print_candidate(&w, rq, &r->best[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* No bot may do it now: that is an answer, too. */
static void send_nobody(struct rq *rq, const char *type)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "task_type", type);
	deia_jw_kstr(&w, "recommended_bot", NULL);
	deia_jw_knum(&w, "confidence", 0);
	deia_jw_kstr(&w, "reason", deia_hive_errmsg(rq->srv->hive));
	deia_jw_kstr(&w, "policy",
		     deia_scheduler_policy_name(
			     deia_hive_scheduler_policy(rq->srv->hive)));
	deia_jw_kint(&w, "candidates", 0);
	deia_jw_kstr(&w, "recommended", NULL);
	deia_jw_key(&w, "alternatives");
	deia_jw_array(&w);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

#define BOTS_MAX 512 /* a URI of 4 KiB holds fewer that make sense */

/* "a,b" in place: a copy in buf of the query; false: answered. */
static bool bots_read(struct rq *rq, char *buf, size_t len, const char **bots,
		      size_t *n)
{
	const char *text = rq_query(rq, "bots");
	char *next = buf;

	*n = 0;
	if (!text)
		return true;
	if (strlen(text) >= len) {
		rq_bad_field(rq, "?bots", "expected at most %zu bytes",
			     len - 1);
		return false;
	}
	memcpy(buf, text, strlen(text) + 1);
	while (next && *n < BOTS_MAX) {
		const char *bot = strsep(&next, ",");

		if (!*bot) {
			rq_bad_field(rq, "?bots",
				     "expected ids of bots with commas "
				     "between them");
			return false;
		}
		bots[(*n)++] = bot;
	}
	return true;
}

void route_recommendation(struct rq *rq)
{
	const char *type = rq_query(rq, "task_type");
	struct deia_scheduler_recommendation r;
	const char *bots[BOTS_MAX];
	int64_t alternatives;
	char text[4096];
	size_t n;
	deia_err err;

	if (!type) {
		rq_bad_field(rq, "?task_type", "this is required");
		return;
	}
	if (!query_int(rq, "alternatives", 0, DEIA_MAX_ALTERNATIVES, 3,
		       &alternatives) ||
	    !bots_read(rq, text, sizeof(text), bots, &n))
		return;
	err = deia_hive_scheduler_recommend(rq->srv->hive, type, bots, n,
					    (unsigned)alternatives, &r);
	if (err == DEIA_EUNAVAILABLE)
		send_nobody(rq, type);
	else if (err)
		rq_fail(rq, err);
	else
		send_recommendation(rq, &r);
}
