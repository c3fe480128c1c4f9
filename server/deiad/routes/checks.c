/* SPDX-License-Identifier: MIT */
/*
 * checks.c - the seven health checks: /health/NAME for anybody, all of them for
 * viewers; operators have them run.
 */
#include <deia/hive_checks.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../http/gate.h"
#include "../http/reply.h"
#include "health.h"
#include "routes.h"

#define ALL ((1u << DEIA_CHECKS) - 1)

/* A request that waits for checks. */
struct asked {
	struct rq *rq;
	unsigned mask;
	bool one; /* it is of a single one: no list, and 503 when that fails */
};

static deia_check first_of(unsigned mask)
{
	int i = 0;

	while (!(mask & 1u << i))
		i++;
	return (deia_check)i;
}

static void send_one(struct rq *rq, deia_check check, bool details)
{
	const struct deia_check_result *r =
		deia_hive_check_get(rq->srv->hive, check);
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_check_print(check, r, details, &w);
	if (details && check == DEIA_CHECK_CACHE)
		print_cache(&w, rq->srv->hive);
	deia_jw_end_object(&w);
	rq_send_json(rq, r->status == DEIA_CHECK_FAIL ? 503 : 200, &w);
}

static void send_list(struct rq *rq, unsigned mask)
{
	deia_check_status worst = DEIA_CHECK_UNKNOWN;
	const struct deia_check_result *r;
	struct deia_jw w;

	list_begin(&w);
	for (int i = 0; i < DEIA_CHECKS; i++) {
		if (!(mask & 1u << i))
			continue;
		r = deia_hive_check_get(rq->srv->hive, (deia_check)i);
		worst = r->status > worst ? r->status : worst;
		deia_jw_object(&w);
		deia_check_print((deia_check)i, r, true, &w);
		deia_jw_end_object(&w);
	}
	deia_jw_end_array(&w);
	deia_jw_kstr(&w, "status", deia_check_status_name(worst));
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

static void on_run(deia_err err, void *user)
{
	struct asked *a = user;
	struct rq *rq = a->rq;

	if (err)
		rq_fail_with(rq, err, "The server is going down.");
	else if (a->one)
		send_one(rq, first_of(a->mask), true);
	else
		send_list(rq, a->mask);
	rq_drop(rq);
	free(a);
}

static void run(struct rq *rq, unsigned mask, bool one)
{
	struct asked *a = malloc(sizeof(*a));
	deia_err err;

	if (!a) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	*a = (struct asked){ rq, mask, one };
	rq_hold(rq);
	err = deia_hive_checks_run(rq->srv->hive, &rq->actor, mask, on_run, a);
	if (!err)
		return;
	rq_fail(rq, err);
	rq_drop(rq);
	free(a);
}

/* Anybody may see the status; who signs in sees more, if the role is enough. */
void route_check(struct rq *rq)
{
	int check = deia_check_parse(strrchr(rq->path, '/') + 1);
	bool fresh, known = rq->head.authorization != NULL;

	if (check < 0 || (known && !gate_credential(rq)) ||
	    !query_bool(rq, "fresh", false, &fresh))
		return;
	if (fresh && !known)
		(void)gate_credential(rq); /* answers 401 */
	else if (fresh)
		run(rq, 1u << check, true);
	else
		send_one(rq, (deia_check)check,
			 known && rq->actor.role >= DEIA_ROLE_VIEWER);
}

/* "db,disk"; false: answered. */
static bool read_names(struct rq *rq, unsigned *mask)
{
	const char *p = rq_query(rq, "checks");
	char name[16];
	int check;

	*mask = p ? 0 : ALL;
	while (p && *p) {
		size_t len = strcspn(p, ",");

		snprintf(name, sizeof(name), "%.*s", (int)(len < 15 ? len : 15),
			 p);
		check = len < sizeof(name) ? deia_check_parse(name) : -1;
		if (check < 0)
			break;
		*mask |= 1u << check;
		p += len + (p[len] == ',');
	}
	if (*mask && (!p || !*p))
		return true;
	rq_bad_field(rq, "?checks",
		     "expected names of checks with commas between: api, db, "
		     "cache, bots, llm, logs, disk");
	return false;
}

void route_checks(struct rq *rq)
{
	unsigned mask;
	bool fresh;

	if (!query_bool(rq, "fresh", false, &fresh) || !read_names(rq, &mask))
		return;
	if (fresh)
		run(rq, mask, false);
	else
		send_list(rq, mask);
}
