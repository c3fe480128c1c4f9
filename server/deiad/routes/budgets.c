/* SPDX-License-Identifier: MIT */
/* budgets.c - what bots and the day may use, and have used. */
#include <deia/hive_budget.h>

#include "../http/reply.h"
#include "routes.h"
#include "tasks.h"

static void print_budget(const struct deia_budget_status *s, void *user)
{
	struct deia_jw *w = user;

	deia_jw_object(w);
	deia_jw_kstr(w, "name", s->bot ? s->bot : "day");
	deia_jw_kstr(w, "bot", s->bot);
	print_int_or_null(w, "tokens", s->limits.tokens, 0);
	print_int_or_null(w, "seconds", s->limits.seconds, 0);
	print_int_or_null(w, "messages", s->limits.messages, 0);
	deia_jw_kstr(w, "on_exceed", deia_on_exceed_name(s->limits.on_exceed));
	deia_jw_key(w, "used");
	deia_jw_object(w);
	deia_jw_kint(w, "tokens", s->tokens);
	deia_jw_knum(w, "seconds", s->seconds);
	deia_jw_kint(w, "messages", s->messages);
	deia_jw_end_object(w);
	print_text_or_null(w, "reason", s->reason);
	deia_jw_ktime(w, "renewed_at", s->renewed_unix_ms);
	deia_jw_end_object(w);
}

static void send_all(struct rq *rq)
{
	struct deia_jw w;

	list_begin(&w);
	deia_hive_budgets_each(rq->srv->hive, print_budget, &w);
	list_end(&w);
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
