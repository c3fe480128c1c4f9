/* SPDX-License-Identifier: MIT */
/*
 * rules.c - the rules that make alerts, and the metrics that they may name.
 */
#include <deia/hive_health.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "../http/reply.h"
#include "routes.h"

/* The library prints {"rules":[...]}; this is that list with more beside it. */
static void print_rules(struct deia_jw *w, const deia_health *h)
{
	struct deia_jw all;
	char *from, *to;

	deia_jw_init(&all);
	deia_health_print_rules(h, &all);
	deia_jw_key(w, "rules");
	if (deia_jw_status(&all)) {
		w->failed = true;
	} else {
		from = strchr(all.text, '[');
		to = strrchr(all.text, ']');
		to[1] = '\0';
		deia_jw_raw(w, from);
	}
	deia_jw_fini(&all);
}

static void print_metric(struct deia_jw *w, const struct deia_health_metric *m)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "name", m->name);
	deia_jw_kstr(w, "scope", m->scope);
	deia_jw_kstr(w, "text", m->text);
	deia_jw_knum(w, "min", m->min);
	deia_jw_knum(w, "max", m->max);
	deia_jw_kbool(w, "kept", m->kept);
	deia_jw_end_object(w);
}

static void send_rules(struct rq *rq)
{
	const deia_health *h = deia_hive_health(rq->srv->hive);
	struct deia_health_metric m = DEIA_HEALTH_METRIC_INIT;
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	print_rules(&w, h);
	deia_jw_key(&w, "metrics");
	deia_jw_array(&w);
	for (size_t i = 0; deia_health_get_metric(h, i, &m); i++)
		print_metric(&w, &m);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

void route_rules(struct rq *rq)
{
	send_rules(rq);
}

static void on_put(deia_err err, void *user)
{
	struct rq *rq = user;

	if (!rq_ok(rq, err))
		return;
	send_rules(rq);
	rq_drop(rq);
}

/* What GET answers may be PUT, so its metrics are let pass. {"rules":null} asks
 * for the built-in ones. */
void route_rules_put(struct rq *rq)
{
	static const cJSON built_in = { .type = cJSON_NULL };
	const cJSON *json = rq->json;

	cJSON_DeleteItemFromObjectCaseSensitive(rq->json, "metrics");
	if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "rules")) &&
	    cJSON_GetArraySize(json) == 1)
		json = &built_in;
	rq_hold(rq);
	rq_begun(rq, deia_hive_health_put_rules(rq->srv->hive, &rq->actor, json,
						on_put, rq));
}
