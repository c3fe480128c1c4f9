/* SPDX-License-Identifier: MIT */
/* budgets.c - what bots and the day may use, and have used. */
#include <deia/hive_budget.h>

#include "../http/reply.h"
#include "routes.h"
#include "tasks.h"

static void limit(struct deia_jw *w, const char *key, int64_t v)
{
	deia_jw_key(w, key);
	if (v)
		deia_jw_int(w, v);
	else
		deia_jw_null(w);
}

static void print_budget(const struct deia_budget_status *s, void *user)
{
	struct deia_jw *w = user;

	deia_jw_object(w);
	deia_jw_kstr(w, "name", s->bot ? s->bot : "day");
	deia_jw_kstr(w, "bot", s->bot);
	limit(w, "tokens", s->limits.tokens);
	limit(w, "seconds", s->limits.seconds);
	limit(w, "messages", s->limits.messages);
	deia_jw_kstr(w, "on_exceed", deia_on_exceed_name(s->limits.on_exceed));
	deia_jw_key(w, "used");
	deia_jw_object(w);
	deia_jw_kint(w, "tokens", s->tokens);
	deia_jw_knum(w, "seconds", s->seconds);
	deia_jw_kint(w, "messages", s->messages);
	deia_jw_end_object(w);
	deia_jw_kstr(w, "reason", *s->reason ? s->reason : NULL);
	deia_jw_ktime(w, "renewed_at", s->renewed_unix_ms);
	deia_jw_end_object(w);
}

static void send_all(struct rq *rq)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	deia_hive_budgets_each(rq->srv->hive, print_budget, &w);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

void route_budgets(struct rq *rq)
{
	send_all(rq);
}

static void on_reset(deia_err err, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_all(rq);
	rq_drop(rq);
}

void route_budget_reset(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_budget_reset(rq->srv->hive, &rq->actor,
					    rq->param[0], on_reset, rq));
}
