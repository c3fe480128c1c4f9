/* SPDX-License-Identifier: MIT */
/*
 * task_submit.c - POST /tasks: one task or a batch; POST /tasks/analyze.
 *
 * All or nothing.
 */
#include "tasks.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "own_key.h"
#include "routes.h"

static void submitted(deia_err err, const struct deia_task *items, size_t n,
		      bool more, void *user)
{
	struct making *m = user;
	struct deia_task head;
	struct deia_jw w;

	(void)more;
	if (err || n == 0) {
		making_failed(m, err ? err : DEIA_ESTORE,
			      deia_hive_task_error_index(m->rq->srv->hive), "");
		return;
	}
	if (m->one) {
		deia_jw_init(&w);
		deia_task_print(items, &w);
	} else {
		list_begin(&w);
		for (size_t i = 0; i < n; i++) {
			head = task_head(&items[i]);
			deia_task_print(&head, &w);
		}
		list_end(&w);
	}
	making_done(m, m->one ? items->id : NULL, &w);
}

static void submit(struct rq *rq, const struct deia_task_draft *drafts,
		   size_t n, bool batch)
{
	struct making *m = making_begin(rq, "tasks", batch);
	deia_err err;

	if (!m)
		return;
	err = deia_hive_task_submit(rq->srv->hive, &rq->actor, drafts, n,
				    m->key, &m->replayed, submitted, m);
	if (err)
		submitted(err, NULL, 0, false, m);
}

/* ---- reading ----------------------------------------------------------- */

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
	else if (BODY_FIELDS(rq, batch))
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
			     "there is no such type of tasks; `deia task "
			     "types` lists them");
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

	if (!BODY_FIELDS(rq, fields))
		return;
	n = body_words(rq, "capabilities", DEIA_TASK_MAX_CAPABILITIES, words);
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
