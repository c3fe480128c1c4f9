/* SPDX-License-Identifier: MIT */
/*
 * task_acts.c - moving tasks: cancel, retry, approve, verdict; one or many.
 *
 * Many are named by id, or by what fits. What fits is looked for among the
 * statuses that the action applies to, so that one call after another comes to
 * an end.
 */
#include "tasks.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "routes.h"

/* ---- one --------------------------------------------------------------- */

void route_task_cancel(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_task_cancel(rq->srv->hive, &rq->actor,
					   rq->param[0], task_one, rq));
}

void route_task_retry(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_task_retry(rq->srv->hive, &rq->actor,
					  rq->param[0], task_one, rq));
}

void route_task_approve(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_task_approve(rq->srv->hive, &rq->actor,
					    rq->param[0], task_one, rq));
}

void route_task_verdict(struct rq *rq)
{
	static const struct field fields[] = {
		{ "success", FIELD_BOOL, true, 0, 0 },
		{ "note", FIELD_TEXT, false, 0, DEIA_MAX_REASON_BYTES },
	};

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	rq_begun(rq,
		 deia_hive_task_verdict(rq->srv->hive, &rq->actor, rq->param[0],
					body_bool(rq, "success", false),
					body_text(rq, "note"), task_one, rq));
}

/* ---- many -------------------------------------------------------------- */

/* The statuses that an action applies to, as bits. */
#define BIT(s) (1u << (s))
static const struct {
	const char *name;
	unsigned statuses;
} actions[] = {
	[DEIA_TASK_DO_CANCEL] = { "cancel",
				  BIT(DEIA_TASK_BLOCKED) |
					  BIT(DEIA_TASK_AWAITING_APPROVAL) |
					  BIT(DEIA_TASK_QUEUED) |
					  BIT(DEIA_TASK_ASSIGNED) |
					  BIT(DEIA_TASK_RUNNING) },
	[DEIA_TASK_DO_RETRY] = { "retry", BIT(DEIA_TASK_FAILED) |
						  BIT(DEIA_TASK_CANCELLED) |
						  BIT(DEIA_TASK_TIMED_OUT) },
	[DEIA_TASK_DO_APPROVE] = { "approve",
				   BIT(DEIA_TASK_AWAITING_APPROVAL) },
};
#define ACTIONS (sizeof(actions) / sizeof(*actions))

struct bulk {
	struct rq *rq; /* held */
	deia_task_action action;
	struct deia_task_query query; /* texts: of the body */
	unsigned statuses;	      /* that are still to be looked through */
	char after[DEIA_MAX_ID_LEN + 1];
	size_t n;
	bool more; /* others fit, too */
	const char *ids[DEIA_MAX_BATCH_LEN];
	char texts[DEIA_MAX_BATCH_LEN][DEIA_MAX_ID_LEN + 1];
};

static void bulk_add(struct bulk *b, const char *id)
{
	snprintf(b->texts[b->n], sizeof(b->texts[0]), "%s", id);
	b->ids[b->n] = b->texts[b->n];
	b->n++;
}

static void bulk_end(struct bulk *b, deia_err err)
{
	struct rq *rq = b->rq;

	if (err)
		rq_fail(rq, err);
	free(b);
	rq_drop(rq);
}

static void bulk_done(deia_err err, const struct deia_hive_outcome *items,
		      size_t n, void *user)
{
	struct bulk *b = user;
	struct deia_jw w;

	if (err) {
		bulk_end(b, err);
		return;
	}
	list_begin(&w);
	print_outcomes(&w, items, n);
	deia_jw_end_array(&w);
	deia_jw_kbool(&w, "more", b->more);
	deia_jw_end_object(&w);
	rq_send_json(b->rq, 200, &w);
	bulk_end(b, DEIA_OK);
}

static void bulk_run(struct bulk *b)
{
	deia_err err;

	if (b->n == 0) {
		bulk_done(DEIA_OK, NULL, 0, b);
		return;
	}
	err = deia_hive_task_bulk(b->rq->srv->hive, &b->rq->actor, b->action,
				  b->ids, b->n, bulk_done, b);
	if (err)
		bulk_end(b, err);
}

static void bulk_look(struct bulk *b);

static void bulk_page(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct bulk *b = user;
	const char *last;

	if (err) {
		bulk_end(b, err);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (b->n == DEIA_MAX_BATCH_LEN)
			b->more = true;
		else
			bulk_add(b, items[i].id);
	}
	last = deia_tasks_page_last(deia_hive_tasks(b->rq->srv->hive));
	if (more && last) {
		snprintf(b->after, sizeof(b->after), "%s", last);
	} else {
		b->statuses &= ~BIT(b->query.status);
		b->after[0] = '\0';
	}
	bulk_look(b);
}

/* The next page of those that fit; when there is none, or enough, they are
 * moved. */
static void bulk_look(struct bulk *b)
{
	deia_err err;

	if (b->n == DEIA_MAX_BATCH_LEN && b->statuses)
		b->more = true;
	if (b->more || !b->statuses) {
		bulk_run(b);
		return;
	}
	b->query.status = __builtin_ctz(b->statuses);
	b->query.after = b->after[0] ? b->after : NULL;
	b->query.limit = DEIA_MAX_PAGE_LEN;
	err = deia_hive_task_page(b->rq->srv->hive, &b->rq->actor, &b->query,
				  bulk_page, b);
	if (err)
		bulk_end(b, err);
}

/* ---- what the body asks for -------------------------------------------- */

static bool read_action(struct rq *rq, deia_task_action *out)
{
	const char *name = body_text(rq, "action");

	for (size_t i = 0; i < ACTIONS; i++) {
		if (strcmp(name, actions[i].name) != 0)
			continue;
		*out = (deia_task_action)i;
		return true;
	}
	rq_bad_field(rq, "/action", "expected cancel, retry or approve");
	return false;
}

static bool read_ids(struct bulk *b)
{
	const cJSON *list =
		cJSON_GetObjectItemCaseSensitive(b->rq->json, "ids");
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		const char *id = cJSON_GetStringValue(item);

		if (b->n == DEIA_MAX_BATCH_LEN) {
			rq_bad_field(b->rq, "/ids", "at most %d ids at once",
				     DEIA_MAX_BATCH_LEN);
			return false;
		}
		if (!id || !*id || strlen(id) > DEIA_MAX_ID_LEN) {
			rq_bad_field(b->rq, "/ids", "expected ids of tasks");
			return false;
		}
		bulk_add(b, id);
	}
	return true;
}

static bool read_filter(struct bulk *b)
{
	struct rq *rq = b->rq;
	int status;

	b->query.type = body_text(rq, "type");
	b->query.bot = body_text(rq, "bot");
	b->query.submitted_by = body_text(rq, "submitted_by");
	b->query.series = body_text(rq, "series");
	if (!task_status_read(rq, body_text(rq, "status"), "/status", &status))
		return false;
	b->statuses = actions[b->action].statuses;
	if (status >= 0)
		b->statuses &= BIT(status);
	if (!b->statuses)
		rq_bad_field(rq, "/status", "there is nothing to %s in it",
			     actions[b->action].name);
	return b->statuses != 0;
}

/* Ids, a filter, or all: one of them. False: answered. */
static bool one_choice(struct rq *rq)
{
	static const char *const names[] = { "status", "type", "bot",
					     "submitted_by", "series" };
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(rq->json, "all");
	bool filter = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		filter |= body_text(rq, names[i]) != NULL;
	if (all && !cJSON_IsTrue(all)) {
		rq_bad_field(rq, "/all", "expected true, or no such field");
		return false;
	}
	if ((cJSON_HasObjectItem(rq->json, "ids") ? 1 : 0) + filter +
		    (all != NULL) !=
	    1) {
		rq_bad_field(rq, "",
			     "say which: \"ids\", or a filter (status, type, "
			     "bot, submitted_by, series), or \"all\": true");
		return false;
	}
	return true;
}

void route_tasks_bulk(struct rq *rq)
{
	static const struct field fields[] = {
		{ "action", FIELD_TEXT, true, 1, 16 },
		{ "ids", FIELD_ARRAY, false, 0, 0 },
		{ "status", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "type", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "bot", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "submitted_by", FIELD_TEXT, false, 1, DEIA_MAX_NAME_BYTES },
		{ "series", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "all", FIELD_BOOL, false, 0, 0 },
	};
	static const struct deia_task_query any = DEIA_TASK_QUERY_INIT;
	deia_task_action action;
	struct bulk *b;
	bool named, ok;

	if (!BODY_FIELDS(rq, fields) || !read_action(rq, &action) ||
	    !one_choice(rq))
		return;
	b = calloc(1, sizeof(*b));
	if (!b) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	b->rq = rq;
	b->action = action;
	b->query = any;
	named = cJSON_HasObjectItem(rq->json, "ids");
	ok = named ? read_ids(b) : read_filter(b);
	if (!ok) {
		free(b);
		return;
	}
	rq_hold(rq);
	if (named)
		bulk_run(b);
	else
		bulk_look(b);
}
