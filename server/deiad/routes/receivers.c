/* SPDX-License-Identifier: MIT */
/* receivers.c - who is told of alerts: looking, and a test message. */
#include <deia/hive_health.h>

#include "../http/reply.h"
#include "routes.h"

static void print_status(struct deia_jw *w, const struct deia_notify_status *s)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "name", s->name);
	deia_jw_kstr(w, "kind", deia_notify_kind_name(s->kind));
	deia_jw_kstr(w, "level", deia_health_level_name(s->level));
	deia_jw_kbool(w, "resolved", !s->quiet_end);
	deia_jw_kstr(w, "target", s->target);
	deia_jw_ktime(w, "delivered_at", s->delivered_unix_ms);
	deia_jw_ktime(w, "failed_at", s->failed_unix_ms);
	deia_jw_kstr(w, "error", s->error[0] ? s->error : NULL);
	deia_jw_kint(w, "waiting", s->waiting);
	deia_jw_key(w, "next_seconds");
	if (s->next_ms < 0)
		deia_jw_null(w);
	else
		deia_jw_num(w, (double)s->next_ms / 1000);
	for (int i = 0; i < DEIA_NOTIFY_OUTCOMES; i++)
		deia_jw_kint(
			w,
			deia_notify_outcome_name((enum deia_notify_outcome)i),
			(int64_t)s->outcomes[i]);
	deia_jw_end_object(w);
}

void route_receivers(struct rq *rq)
{
	const deia_notify *n = deia_hive_notify(rq->srv->hive);
	struct deia_notify_status s;
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	for (size_t i = 0; n && deia_notify_get_status(n, i, &s); i++)
		print_status(&w, &s);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

static void print_test(struct deia_jw *w, const struct deia_notify_test *t)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "receiver", t->name);
	deia_jw_kstr(w, "kind", deia_notify_kind_name(t->kind));
	deia_jw_kbool(w, "ok", t->ok);
	deia_jw_kint(w, "ms", t->ms);
	deia_jw_kstr(w, "error", t->ok ? NULL : t->error);
	deia_jw_end_object(w);
}

static void on_tested(deia_err err, const struct deia_notify_test *results,
		      size_t n, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_test(&w, &results[i]);
	list_end(&w);
	rq_send_json(rq, 200, &w);
	rq_drop(rq);
}

void route_alerts_test(struct rq *rq)
{
	static const struct field fields[] = {
		{ "receiver", FIELD_TEXT, false, 1, 64 },
	};

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_notify_test(rq->srv->hive, &rq->actor,
					   body_text(rq, "receiver"), on_tested,
					   rq));
}
