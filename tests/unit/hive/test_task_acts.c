/* SPDX-License-Identifier: MIT */
/* What people and bots do with tasks: who may, and what is recorded of it. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <deia/scheduling.h>
#include <deia/sys/json.h>

#include "scripts.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- who may --------------------------------------------------------------------- */

START_TEST(viewers_look_and_do_nothing_else)
{
	struct jobs got;
	char id[37];

	ck_assert_int_eq(submit_task(&f, "viewer", "x", NULL, NULL),
			 DEIA_EDENIED);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, id), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "viewer", id, &got), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "none", id, &got), DEIA_EDENIED);
	ck_assert_int_eq(page_tasks(&f, "viewer", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(page_tasks(&f, "none", NULL, &got), DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_CANCEL, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_RETRY, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "viewer", DEIA_TASK_DO_APPROVE, id),
			 DEIA_EDENIED);
	ck_assert_int_eq(judge_task(&f, "viewer", id, true), DEIA_EDENIED);
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("viewer"),
						 "general", true, 0, NULL,
						 NULL),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(bot_submits_as_itself_and_sees_what_is_its_own)
{
	struct jobs got;
	char own[37], other[37];

	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "B", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", "B", own), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, other), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot C", "x", NULL, NULL),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(get_task(&f, "bot A", own, &got), DEIA_OK);
	ck_assert_str_eq(got.items[0].submitted_by, "A");
	ck_assert_int_eq(get_task(&f, "bot B", own, &got), DEIA_OK);
	ck_assert_int_eq(get_task(&f, "bot A", other, &got), DEIA_ENOTFOUND);
	ck_assert_int_eq(page_tasks(&f, "bot A", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(page_tasks(&f, "bot A", "B", &got), DEIA_EDENIED);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_CANCEL, other),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_CANCEL, own),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "bot A", DEIA_TASK_DO_RETRY, own),
			 DEIA_EDENIED);
}
END_TEST

START_TEST(who_asked_judges_and_who_did_it_does_not)
{
	char id[37];

	create_worker(&f, "W");
	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", "W", id), DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(judge_task(&f, "bot W", id, true), DEIA_EDENIED);
	ck_assert_int_eq(judge_task(&f, "bot A", id, false), DEIA_OK);
	ck_assert_int_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->verdict,
			 0);
	ck_assert_int_eq(judge_task(&f, "operator ann", id, true), DEIA_OK);
	ck_assert_int_eq(run_until_task(&f, id, DEIA_TASK_SUCCEEDED)->verdict,
			 1);
}
END_TEST

START_TEST(pinned_bot_must_be_there)
{
	struct deia_task_draft d[2] = { draft_of("x"), draft_of("y") };
	struct jobs got;

	d[1].bot = "nobody";
	ck_assert_int_eq(submit_drafts(&f, "admin", d, 2, NULL, &got),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_hive_task_error_index(f.hive), 1);
	ck_assert_int_eq(page_tasks(&f, "admin", NULL, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

START_TEST(wrong_ids_and_drafts_are_refused_by_name)
{
	struct deia_task_draft d = draft_of("x");
	const char *needs[] = { "nothing" };
	struct jobs got;

	ck_assert_int_eq(get_task(&f, "admin", "x", &got), DEIA_ENOTFOUND);
	ck_assert_int_eq(get_task(&f, "admin",
				  "00000000-0000-7000-8000-000000000000", &got),
			 DEIA_ENOTFOUND);
	d.depends_on = needs;
	d.n_depends_on = 1;
	ck_assert_int_ne(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_task_error_index(f.hive), 0);
	d = draft_of("");
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_EFIELD);
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/content");
}
END_TEST

START_TEST(same_key_gives_the_same_task)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs first, second;

	ck_assert_int_eq(submit_drafts(&f, "operator ann", &d, 1, "k", &first),
			 DEIA_OK);
	ck_assert_int_eq(submit_drafts(&f, "operator ann", &d, 1, "k", &second),
			 DEIA_OK);
	ck_assert(!first.replayed && second.replayed);
	ck_assert_str_eq(first.items[0].id, second.items[0].id);
}
END_TEST

/* ---- by hand -------------------------------------------------------------------- */

START_TEST(task_waits_for_approval_where_it_asks_for_one)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;

	create_worker(&f, "E");
	d.approval = true;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_TASK_AWAITING_APPROVAL);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_APPROVE,
				 got.items[0].id),
			 DEIA_OK);
	run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(do_task(&f, "operator ann", DEIA_TASK_DO_APPROVE,
				 got.items[0].id),
			 DEIA_ESTATE);
}
END_TEST

struct outcomes {
	bool done;
	deia_err err, errs[4];
	size_t n;
};

static void on_outcomes(deia_err err, const struct deia_hive_outcome *o,
			size_t n, void *user)
{
	struct outcomes *all = user;

	all->done = true;
	all->err = err;
	all->n = n;
	for (size_t i = 0; i < n && i < 4; i++) {
		all->errs[i] = o[i].err;
		ck_assert_int_eq(o[i].err != DEIA_OK, o[i].message[0] != '\0');
	}
}

START_TEST(many_are_cancelled_and_each_is_answered)
{
	struct outcomes all = { 0 };
	char ids[2][37];
	const char *list[] = { ids[0], "nothing", ids[1], ids[1] };

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, ids[i]),
				 DEIA_OK);
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("viewer"),
					     DEIA_TASK_DO_CANCEL, list, 4,
					     on_outcomes, &all),
			 DEIA_EDENIED);
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("operator ann"),
					     DEIA_TASK_DO_CANCEL, list, 4,
					     on_outcomes, &all),
			 DEIA_OK);
	ck_assert(!all.done);
	run_until(&f, &all.done);
	ck_assert_int_eq(all.err, DEIA_OK);
	ck_assert_uint_eq(all.n, 4);
	ck_assert_int_eq(all.errs[0], DEIA_OK);
	ck_assert_int_eq(all.errs[1], DEIA_ENOTFOUND);
	ck_assert_int_eq(all.errs[2], DEIA_OK);
	ck_assert_int_eq(all.errs[3], DEIA_ESTATE);
	memset(&all, 0, sizeof(all)); /* none that can be begun, and none */
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("admin"),
					     DEIA_TASK_DO_RETRY, list + 1, 1,
					     on_outcomes, &all),
			 DEIA_OK);
	ck_assert(!all.done);
	run_until(&f, &all.done);
	ck_assert_int_eq(all.errs[0], DEIA_ENOTFOUND);
	memset(&all, 0, sizeof(all));
	ck_assert_int_eq(deia_hive_task_bulk(f.hive, whose("admin"),
					     DEIA_TASK_DO_RETRY, list, 0,
					     on_outcomes, &all),
			 DEIA_OK);
	run_until(&f, &all.done);
	ck_assert_uint_eq(all.n, 0);
}
END_TEST

static void on_type(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(paused_type_begins_nothing)
{
	struct deia_task_draft d = draft_of("x");
	struct jobs got;
	bool done = false;

	create_worker(&f, "E");
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("operator ann"),
						 "writing", true, 0, on_type,
						 &done),
			 DEIA_OK);
	run_until(&f, &done);
	d.type = "writing";
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	run_until_task(&f, got.items[0].id, DEIA_TASK_QUEUED);
	done = false;
	ck_assert_int_eq(deia_hive_task_set_type(f.hive, whose("operator ann"),
						 "writing", false, 0, on_type,
						 &done),
			 DEIA_OK);
	run_until(&f, &done);
	run_until_task(&f, got.items[0].id, DEIA_TASK_SUCCEEDED);
}
END_TEST

START_TEST(options_are_set_before_the_start)
{
	struct deia_tasks_opts o = DEIA_TASKS_OPTS_INIT;

	ck_assert_int_eq(deia_hive_task_configure(f.hive, &o), DEIA_EINVAL);
	ck_assert_ptr_nonnull(deia_hive_tasks(f.hive));
	ck_assert_ptr_nonnull(deia_hive_analyzer(f.hive));
}
END_TEST

START_TEST(options_that_were_set_count)
{
	struct deia_tasks_opts o = DEIA_TASKS_OPTS_INIT;
	struct fixture own = { .base = event_base_new() };
	struct deia_task_draft d = draft_of("x");
	char detail[256];

	ck_assert_int_eq(deia_hive_new(&own.hive, own.base, NULL, detail,
				       sizeof(detail)),
			 DEIA_OK);
	o.size = 1;
	ck_assert_int_eq(deia_hive_task_configure(own.hive, &o), DEIA_EINVAL);
	o.size = sizeof(o);
	o.open_max = 1;
	ck_assert_int_eq(deia_hive_task_configure(own.hive, &o), DEIA_OK);
	ck_assert_int_eq(deia_task_analyzer_add_type(
				 deia_hive_analyzer(own.hive), "cooking", 60),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_start(own.hive), DEIA_OK);
	d.type = "cooking";
	ck_assert_int_eq(submit_drafts(&own, "admin", &d, 1, NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(submit_task(&own, "admin", "x", NULL, NULL),
			 DEIA_EBUSY);
	fixture_close(&own);
}
END_TEST

/* A hive of its own, with types and a scheduler for so many at the most. */
static deia_err open_typed(struct fixture *own, const char *const *types,
			   size_t n, unsigned max_types, char detail[256])
{
	struct deia_scheduler_opts so = DEIA_SCHEDULER_OPTS_INIT;
	struct deia_hive_opts o = DEIA_HIVE_OPTS_INIT;

	so.max_types = max_types;
	o.scheduler = &so;
	o.task_types = types;
	o.n_task_types = n;
	own->base = event_base_new();
	return deia_hive_new(&own->hive, own->base, &o, detail, 256);
}

static bool scheduler_knows(const struct fixture *own, const char *type)
{
	const deia_scheduler *s = deia_hive_get_scheduler(own->hive);
	const char *name;

	for (size_t i = 0; (name = deia_scheduler_type_at(s, i)); i++)
		if (strcmp(name, type) == 0)
			return true;
	return false;
}

/* Analyzer, scheduler and queue have the same types, whoever adds one. */
START_TEST(types_of_the_owner_are_known_to_all)
{
	static const char *const types[] = { "cooking", "writing", "cooking" };
	struct deia_task_draft d = draft_of("x");
	struct fixture own = { 0 };
	char detail[256];

	ck_assert_int_eq(open_typed(&own, types, 3, 64, detail), DEIA_OK);
	ck_assert(scheduler_knows(&own, "cooking"));
	ck_assert(scheduler_knows(&own, "validation"));
	ck_assert_int_eq(deia_task_analyzer_add_type(
				 deia_hive_analyzer(own.hive), "baking", 60),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_start(own.hive), DEIA_OK);
	ck_assert(scheduler_knows(&own, "baking"));
	d.type = "cooking";
	ck_assert_int_eq(submit_drafts(&own, "admin", &d, 1, NULL, NULL),
			 DEIA_OK);
	d.type = "baking";
	ck_assert_int_eq(submit_drafts(&own, "admin", &d, 1, NULL, NULL),
			 DEIA_OK);
	d.type = "eating";
	ck_assert_int_eq(submit_drafts(&own, "admin", &d, 1, NULL, NULL),
			 DEIA_EFIELD);
	fixture_close(&own);
}
END_TEST

START_TEST(types_that_cannot_be_are_refused)
{
	static const char *const bad[] = { "two words" }, *const one[] = {
		"a"
	};
	struct fixture own = { 0 };
	char detail[256];

	ck_assert_int_eq(open_typed(&own, bad, 1, 64, detail), DEIA_EFIELD);
	ck_assert_ptr_nonnull(strstr(detail, "a type of task is 1 to"));
	event_base_free(own.base);
	/* Six are built in. */
	ck_assert_int_eq(open_typed(&own, one, 1, 6, detail), DEIA_ELIMIT);
	event_base_free(own.base);
	ck_assert_int_eq(open_typed(&own, NULL, 0, 6, detail), DEIA_OK);
	ck_assert_int_eq(deia_task_analyzer_add_type(
				 deia_hive_analyzer(own.hive), "late", 60),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_start(own.hive), DEIA_ELIMIT);
	fixture_close(&own);
}
END_TEST

/* ---- what is recorded --------------------------------------------------------------- */

struct audits {
	bool done;
	size_t n;
	char actions[32][32], actors[32][65], outcomes[32][16];
};

static void on_audit(deia_err err, const struct deia_audit_entry *e, size_t n,
		     bool more, void *user)
{
	struct audits *a = user;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	for (size_t i = n; i-- > 0;) { /* oldest first */
		if (strncmp(e[i].action, "task.", 5) != 0 || a->n == 32)
			continue;
		snprintf(a->actions[a->n], 32, "%s", e[i].action);
		snprintf(a->actors[a->n], 65, "%s", e[i].actor);
		snprintf(a->outcomes[a->n++], 16, "%s", e[i].outcome);
	}
	a->done = true;
}

/* Runs the loop until there are so many. */
static void read_audits(struct audits *a, size_t n)
{
	for (int i = 0; i < 100000; i++) {
		memset(a, 0, sizeof(*a));
		ck_assert_int_eq(
			deia_hive_audit_page(f.hive, 0, 100, on_audit, a),
			DEIA_OK);
		run_until(&f, &a->done);
		if (a->n >= n)
			break;
	}
	ck_assert_uint_eq(a->n, n);
}

START_TEST(what_people_change_is_audited)
{
	static const char *const want[] = { "task.submit", "task.cancel",
					    "task.cancel", "task.retry" };
	struct audits a;
	char id[37];

	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "bot A", "x", NULL, NULL), DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "operator ann", "x", NULL, id),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator bob", DEIA_TASK_DO_CANCEL, id),
			 DEIA_OK);
	ck_assert_int_eq(do_task(&f, "operator bob", DEIA_TASK_DO_CANCEL, id),
			 DEIA_ESTATE);
	ck_assert_int_eq(do_task(&f, "admin", DEIA_TASK_DO_RETRY, id), DEIA_OK);
	read_audits(&a, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(a.actions[i], want[i]);
	ck_assert_str_eq(a.actors[0], "ann");
	ck_assert_str_eq(a.actors[1], "bob");
	ck_assert_str_eq(a.outcomes[1], "ok");
	ck_assert_str_eq(a.outcomes[2], deia_err_name(DEIA_ESTATE));
	ck_assert_str_eq(a.actors[3], "admin");
}
END_TEST

static struct {
	unsigned n;
	char types[64][32], subjects[64][65], data[64][512];
} seen;

static void on_event(const struct deia_event *ev, void *user)
{
	(void)user;
	if (!ev || strncmp(ev->type, "task.", 5) != 0 || seen.n == 64)
		return;
	snprintf(seen.types[seen.n], 32, "%s", ev->type);
	snprintf(seen.data[seen.n], 512, "%s", ev->data);
	snprintf(seen.subjects[seen.n++], 65, "%s", ev->subject);
}

static void run_until_seen(const char *type)
{
	for (int i = 0; i < 200000; i++) {
		for (unsigned k = 0; k < seen.n; k++)
			if (strcmp(seen.types[k], type) == 0)
				return;
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	ck_abort_msg("no event %s came", type);
}

START_TEST(each_move_is_an_event_in_its_order)
{
	static const char *const want[] = { "task.submitted", "task.assigned",
					    "task.running", "task.finished" };
	deia_subscription *sub;
	char id[37];

	create_worker(&f, "E");
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	ck_assert_int_eq(submit_task(&f, "operator ann", "x", NULL, id),
			 DEIA_OK);
	run_until_seen("task.finished");
	deia_unsubscribe(sub);
	ck_assert_uint_eq(seen.n, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(seen.types[i], want[i]);
		ck_assert_str_eq(seen.subjects[i], id);
		ck_assert_ptr_nonnull(strstr(seen.data[i], id));
		ck_assert_ptr_nonnull(
			strstr(seen.data[i], "\"submitted_by\":\"ann\""));
		ck_assert_ptr_null(strstr(seen.data[i], "content"));
	}
	ck_assert_ptr_nonnull(strstr(seen.data[3], "\"bot\":\"E\""));
}
END_TEST

START_TEST(retry_comes_between_its_attempts)
{
	static const char *const want[] = { "task.submitted", "task.assigned",
					    "task.running",   "task.retry",
					    "task.assigned",  "task.running",
					    "task.finished" };
	struct deia_task_draft d = draft_of("x");
	deia_subscription *sub;
	struct jobs got;

	create_script_bot(&f, "N", says_busy);
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, NULL, &sub),
			 DEIA_OK);
	d.max_attempts = 2;
	ck_assert_int_eq(submit_drafts(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	run_until_seen("task.finished");
	deia_unsubscribe(sub);
	ck_assert_uint_eq(seen.n, 7);
	for (size_t i = 0; i < 7; i++)
		ck_assert_str_eq(seen.types[i], want[i]);
	ck_assert_ptr_nonnull(strstr(seen.data[3], "\"error_code\":\"busy\""));
}
END_TEST

struct printed {
	bool done;
	cJSON *json;
};

static void on_print(deia_err err, const struct deia_task *t, size_t n,
		     bool more, void *user)
{
	struct printed *p = user;
	struct deia_jw w;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_eq(n, 1);
	deia_jw_init(&w);
	deia_task_print(t, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&p->json, w.text, w.len, NULL),
			 DEIA_OK);
	deia_jw_fini(&w);
	p->done = true;
}

static const char *text_in(const cJSON *json, const char *a, const char *b)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, a);

	if (v && b)
		v = cJSON_GetObjectItemCaseSensitive(v, b);
	return v && v->valuestring ? v->valuestring : "";
}

START_TEST(task_is_printed_as_the_api_shows_it)
{
	struct printed p = { 0 };
	const cJSON *attempts;
	char id[37];

	create_worker(&f, "E");
	ck_assert_int_eq(submit_task(&f, "operator ann", "hello", NULL, id),
			 DEIA_OK);
	run_until_task(&f, id, DEIA_TASK_SUCCEEDED);
	ck_assert_int_eq(
		deia_hive_task_get(f.hive, whose("admin"), id, on_print, &p),
		DEIA_OK);
	run_until(&f, &p.done);
	ck_assert_str_eq(text_in(p.json, "id", NULL), id);
	ck_assert_str_eq(text_in(p.json, "status", NULL), "succeeded");
	ck_assert_str_eq(text_in(p.json, "priority", NULL), "P2");
	ck_assert_str_eq(text_in(p.json, "content", NULL), "hello");
	ck_assert_str_eq(text_in(p.json, "result", "text"), "hello");
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "verdict")));
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "error")));
	ck_assert(cJSON_IsNull(
		cJSON_GetObjectItemCaseSensitive(p.json, "retry")));
	attempts = cJSON_GetObjectItemCaseSensitive(p.json, "attempts");
	ck_assert_int_eq(cJSON_GetArraySize(attempts), 1);
	ck_assert_str_eq(text_in(attempts->child, "outcome", NULL),
			 "succeeded");
	cJSON_Delete(p.json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-task-acts");
	TCase *t = tcase_create("tasks");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, viewers_look_and_do_nothing_else);
	tcase_add_test(t, bot_submits_as_itself_and_sees_what_is_its_own);
	tcase_add_test(t, who_asked_judges_and_who_did_it_does_not);
	tcase_add_test(t, pinned_bot_must_be_there);
	tcase_add_test(t, wrong_ids_and_drafts_are_refused_by_name);
	tcase_add_test(t, same_key_gives_the_same_task);
	tcase_add_test(t, task_waits_for_approval_where_it_asks_for_one);
	tcase_add_test(t, many_are_cancelled_and_each_is_answered);
	tcase_add_test(t, paused_type_begins_nothing);
	tcase_add_test(t, options_are_set_before_the_start);
	tcase_add_test(t, options_that_were_set_count);
	tcase_add_test(t, types_of_the_owner_are_known_to_all);
	tcase_add_test(t, types_that_cannot_be_are_refused);
	tcase_add_test(t, what_people_change_is_audited);
	tcase_add_test(t, each_move_is_an_event_in_its_order);
	tcase_add_test(t, retry_comes_between_its_attempts);
	tcase_add_test(t, task_is_printed_as_the_api_shows_it);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
