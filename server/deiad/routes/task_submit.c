/* SPDX-License-Identifier: MIT */
/*
 * task_submit.c - POST /tasks: one task or a batch; POST /tasks/analyze.
 *
 * All or nothing. The Idempotency-Key is the queue's own, so that the answer
 * is durable with the tasks.
 */
#include "tasks.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "routes.h"

/* Lives until the answer. */
struct submission {
	struct rq *rq;
	bool batch, keyed, replayed;
};

/* ---- answering --------------------------------------------------------- */

/*
 * Names the task that was wrong, and what of it: the pointer stays empty when
 * that is not known, or said by the sentence alone.
 */
static void place(const struct submission *s, deia_err err,
		  struct deia_field_error *e)
{
	const deia_hive *hive = s->rq->srv->hive;
	const struct deia_field_error *where =
		err == DEIA_EFIELD ? deia_hive_field_error(hive) : NULL;
	int at = deia_hive_task_error_index(hive);

	snprintf(e->detail, sizeof(e->detail), "%s",
		 where ? where->detail : deia_hive_errmsg(hive));
	if (s->batch && at >= 0)
		snprintf(e->pointer, sizeof(e->pointer), "/tasks/%d%.90s", at,
			 where ? where->pointer : "");
	else if (where)
		*e = *where;
}

static void submit_failed(const struct submission *s, deia_err err)
{
	struct deia_field_error e = { 0 };

	if (err == DEIA_ECONFLICT && s->keyed) {
		rq_problem(s->rq, 422, deia_err_name(err),
			   "This Idempotency-Key was used for other tasks; "
			   "choose a new one.");
		return;
	}
	place(s, err, &e);
	if (e.pointer[0])
		rq_fail_at(s->rq, err, &e);
	else
		rq_fail(s->rq, err);
}

static void send_submitted(struct submission *s, const struct deia_task *items,
			   size_t n)
{
	struct rq *rq = s->rq;
	struct deia_task head;
	struct deia_jw w;
	char where[100];

	if (s->replayed)
		rq_add_header(rq, "Idempotency-Replayed", "true");
	deia_jw_init(&w);
	if (s->batch) {
		deia_jw_object(&w);
		deia_jw_key(&w, "items");
		deia_jw_array(&w);
		for (size_t i = 0; i < n; i++) {
			head = task_head(&items[i]);
			deia_task_print(&head, &w);
		}
		deia_jw_end_array(&w);
		deia_jw_end_object(&w);
	} else {
		snprintf(where, sizeof(where), "/api/v1/tasks/%s", items->id);
		rq_add_header(rq, "Location", where);
		deia_task_print(items, &w);
	}
	rq_send_json(rq, 201, &w);
}

static void submitted(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct submission *s = user;
	struct rq *rq = s->rq;

	(void)more;
	if (err || n == 0)
		submit_failed(s, err ? err : DEIA_ESTORE);
	else
		send_submitted(s, items, n);
	free(s);
	rq_drop(rq);
}

/* ---- reading ----------------------------------------------------------- */

static void submit(struct rq *rq, const struct deia_task_draft *drafts,
		   size_t n, bool batch)
{
	struct submission *s;
	const char *key;
	char hash[65];
	deia_err err;

	if (!own_key(rq, hash, &key))
		return;
	s = malloc(sizeof(*s));
	if (!s) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	*s = (struct submission){ .rq = rq,
				  .batch = batch,
				  .keyed = key != NULL };
	rq_hold(rq);
	err = deia_hive_task_submit(rq->srv->hive, &rq->actor, drafts, n, key,
				    &s->replayed, submitted, s);
	if (err)
		submitted(err, NULL, 0, false, s);
}

/* What is wrong with the at-th of a batch; at < 0: with the one. */
static void bad_draft(struct rq *rq, deia_err err, int at,
		      const struct deia_field_error *where)
{
	struct deia_field_error e = *where;

	if (err != DEIA_EFIELD) {
		rq_fail_with(rq, err, NULL);
		return;
	}
	if (at >= 0)
		snprintf(e.pointer, sizeof(e.pointer), "/tasks/%d%.90s", at,
			 where->pointer);
	rq_bad_fields(rq, &e, 1);
}

static void submit_one(struct rq *rq)
{
	struct deia_field_error where = { 0 };
	struct deia_task_draft draft;
	deia_err err = deia_task_draft_parse(&draft, rq->json, &where);

	if (err)
		bad_draft(rq, err, -1, &where);
	else
		submit(rq, &draft, 1, false);
	deia_task_draft_fini(&draft);
}

/* True: all n of the list are read. False: answered. */
static bool read_batch(struct rq *rq, const cJSON *list,
		       struct deia_task_draft *drafts, size_t *n)
{
	struct deia_field_error where = { 0 };
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		deia_err err = deia_task_draft_parse(&drafts[*n], item, &where);

		if (err) {
			bad_draft(rq, err, (int)*n, &where);
			return false;
		}
		(*n)++;
	}
	return true;
}

static void submit_batch(struct rq *rq, const cJSON *list)
{
	int count = cJSON_GetArraySize(list);
	struct deia_task_draft *drafts;
	size_t n = 0;

	if (count < 1 || count > DEIA_MAX_BATCH_LEN) {
		rq_bad_field(rq, "/tasks", "expected 1 to %d tasks",
			     DEIA_MAX_BATCH_LEN);
		return;
	}
	drafts = calloc((size_t)count, sizeof(*drafts));
	if (!drafts) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	if (read_batch(rq, list, drafts, &n))
		submit(rq, drafts, n, true);
	while (n)
		deia_task_draft_fini(&drafts[--n]);
	free(drafts);
}

void route_tasks_submit(struct rq *rq)
{
	static const struct field batch[] = {
		{ "tasks", FIELD_ARRAY, true, 0, 0 },
	};
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(rq->json, "tasks");

	if (!list)
		submit_one(rq);
	else if (body_fields(rq, batch, 1))
		submit_batch(rq, list);
}

/* ---- analyze ----------------------------------------------------------- */

static void print_analysis(struct deia_jw *w,
			   const struct deia_task_analysis *a)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", a->type);
	deia_jw_knum(w, "complexity", a->complexity);
	deia_jw_kstr(w, "complexity_class",
		     deia_task_class_name(a->complexity_class));
	deia_jw_knum(w, "estimated_seconds", a->estimated_seconds);
	deia_jw_key(w, "capabilities");
	deia_jw_array(w);
	for (size_t i = 0; i < a->n_capabilities; i++)
		deia_jw_str(w, a->capabilities[i]);
	deia_jw_end_array(w);
	deia_jw_key(w, "reasons");
	deia_jw_array(w);
	for (size_t i = 0; i < a->n_reasons; i++)
		deia_jw_str(w, a->reasons[i]);
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

/* The body's capabilities; -1: answered. */
static int stated_capabilities(struct rq *rq, const char **out)
{
	const cJSON *list =
		cJSON_GetObjectItemCaseSensitive(rq->json, "capabilities");
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach(item, list) {
		if (n == DEIA_TASK_MAX_CAPABILITIES || !cJSON_IsString(item)) {
			rq_bad_field(rq, "/capabilities",
				     "expected at most %d words",
				     DEIA_TASK_MAX_CAPABILITIES);
			return -1;
		}
		out[n++] = item->valuestring;
	}
	return n;
}

static double stated_number(struct rq *rq, const char *name, bool *is_there)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(rq->json, name);

	*is_there = v != NULL;
	return v ? v->valuedouble : 0;
}

static void analyze(struct rq *rq, const struct deia_task_stated *stated)
{
	const char *content = body_text(rq, "content");
	struct deia_task_analysis a;
	struct deia_jw w;
	deia_err err = deia_task_analyze(deia_hive_analyzer(rq->srv->hive),
					 content, strlen(content), stated, &a);

	if (err == DEIA_ENOTFOUND) {
		rq_bad_field(rq, "/type",
			     "there is no such type of tasks; GET "
			     "/api/v1/queues lists them");
	} else if (err) {
		rq_fail_with(rq, err,
			     "The type or a capability is no name of 1 to 64 "
			     "letters, digits, dots, dashes and underscores.");
	} else {
		deia_jw_init(&w);
		print_analysis(&w, &a);
		rq_send_json(rq, 200, &w);
	}
}

void route_tasks_analyze(struct rq *rq)
{
	static const struct field fields[] = {
		{ "content", FIELD_TEXT, true, 1, DEIA_MAX_CONTENT_BYTES },
		{ "type", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
		{ "complexity", FIELD_NUMBER, false, 0, 1 },
		{ "estimated_seconds", FIELD_NUMBER, false, 0,
		  DEIA_TASK_MAX_ESTIMATE_SECONDS },
		{ "capabilities", FIELD_ARRAY, false, 0, 0 },
	};
	struct deia_task_stated stated = DEIA_TASK_STATED_INIT;
	const char *words[DEIA_TASK_MAX_CAPABILITIES];
	int n;

	if (!body_fields(rq, fields, sizeof(fields) / sizeof(*fields)))
		return;
	n = stated_capabilities(rq, words);
	if (n < 0)
		return;
	stated.type = body_text(rq, "type");
	stated.complexity =
		stated_number(rq, "complexity", &stated.has_complexity);
	stated.estimated_seconds =
		stated_number(rq, "estimated_seconds", &stated.has_seconds);
	if (cJSON_HasObjectItem(rq->json, "capabilities"))
		stated.capabilities = words;
	stated.n_capabilities = (size_t)n;
	analyze(rq, &stated);
}
