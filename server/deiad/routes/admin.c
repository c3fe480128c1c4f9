/* SPDX-License-Identifier: MIT */
/* admin.c - the audit trail and the configuration, for administrators. */
#include "routes.h"

#include <deia/config.h>
#include <deia/hive.h>

#include "../app.h"
#include "../http/reply.h"

static void print_entry(struct deia_jw *w, const struct deia_audit_entry *e)
{
	deia_jw_object(w);
	deia_jw_kint(w, "seq", e->seq);
	deia_jw_ktime(w, "at", e->at_unix_ms);
	deia_jw_kstr(w, "actor", e->actor);
	deia_jw_kstr(w, "token_id", e->token_id);
	deia_jw_kstr(w, "role", e->role);
	deia_jw_kstr(w, "address", e->address);
	deia_jw_kstr(w, "request_id", e->request_id);
	deia_jw_kstr(w, "action", e->action);
	deia_jw_kstr(w, "target", e->target);
	deia_jw_kstr(w, "outcome", e->outcome);
	deia_jw_end_object(w);
}

static void audit_page(deia_err err, const struct deia_audit_entry *entries,
		       size_t n, bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_entry(&w, &entries[i]);
	list_send_seq(rq, &w, more && n ? entries[n - 1].seq : 0);
	rq_drop(rq);
}

void route_audit(struct rq *rq)
{
	unsigned limit;
	int64_t before;

	if (!query_page(rq, &limit, &before))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_audit_page(rq->srv->hive, before, limit,
					  audit_page, rq));
}

void route_config(struct rq *rq)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_config_print(app_of(rq->srv)->config, &w);
	rq_send_json(rq, 200, &w);
}
