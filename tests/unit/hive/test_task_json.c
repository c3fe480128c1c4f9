/* SPDX-License-Identifier: MIT */
/* test_task_json.c - drafts of tasks out of JSON. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "hive/tasks/task_json.h"

static cJSON *json_of(const char *text)
{
	cJSON *json = NULL;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	return json;
}

START_TEST(content_alone_is_enough)
{
	cJSON *json = json_of("{\"content\":\"count the trees\"}");
	struct deia_task_draft d;

	ck_assert_int_eq(deia_task_draft_parse(&d, json, NULL), DEIA_OK);
	ck_assert_str_eq(d.content, "count the trees");
	ck_assert_uint_eq(d.content_len, 15);
	ck_assert_ptr_null(d.type);
	ck_assert_ptr_null(d.bot);
	ck_assert_ptr_null(d.capabilities);
	ck_assert_uint_eq(d.priority, 2);
	ck_assert_uint_eq(d.max_attempts, 3);
	ck_assert(!d.has_complexity && !d.has_seconds);
	deia_task_draft_fini(&d);
	cJSON_Delete(json);
}
END_TEST

START_TEST(every_member_is_read)
{
	cJSON *json = json_of(
		"{\"content\":\"x\",\"type\":\"writing\",\"priority\":\"P0\","
		"\"bot\":\"ada\",\"capabilities\":[\"gpu\",\"c\"],"
		"\"depends_on\":[\"a\"],\"ref\":\"b\","
		"\"not_before\":\"2026-11-30T08:00:00Z\","
		"\"deadline\":\"2026-11-30T10:00:00+01:00\","
		"\"timeout_seconds\":60,\"max_attempts\":5,"
		"\"every_seconds\":3600,\"approval\":true,"
		"\"expect\":{\"regex\":\"^4$\"},\"complexity\":0.25,"
		"\"budget\":{\"tokens\":500,\"seconds\":60,"
		"\"messages\":7,"
		"\"on_exceed\":\"stop\"},"
		"\"estimated_seconds\":12.5}");
	struct deia_task_draft d;

	ck_assert_int_eq(deia_task_draft_parse(&d, json, NULL), DEIA_OK);
	ck_assert_str_eq(d.type, "writing");
	ck_assert_uint_eq(d.priority, 0);
	ck_assert_str_eq(d.bot, "ada");
	ck_assert_uint_eq(d.n_capabilities, 2);
	ck_assert_str_eq(d.capabilities[1], "c");
	ck_assert_uint_eq(d.n_depends_on, 1);
	ck_assert_str_eq(d.depends_on[0], "a");
	ck_assert_str_eq(d.ref, "b");
	ck_assert_int_eq(d.due_unix_ms, 1796025600000);
	ck_assert_int_eq(d.deadline_unix_ms - d.due_unix_ms, 3600000);
	ck_assert_uint_eq(d.timeout_seconds, 60);
	ck_assert_uint_eq(d.max_attempts, 5);
	ck_assert_uint_eq(d.every_seconds, 3600);
	ck_assert(d.approval);
	ck_assert_str_eq(d.expect, "{\"regex\":\"^4$\"}");
	ck_assert_int_eq(d.budget.tokens, 500);
	ck_assert_int_eq(d.budget.seconds, 60);
	ck_assert_int_eq(d.budget.messages, 7);
	ck_assert_int_eq(d.budget.on_exceed, DEIA_ON_EXCEED_STOP);
	ck_assert(d.has_complexity && d.has_seconds);
	ck_assert(d.complexity == 0.25 && d.estimated_seconds == 12.5);
	deia_task_draft_fini(&d);
	cJSON_Delete(json);
}
END_TEST

START_TEST(null_counts_as_left_out_and_an_empty_list_does_not)
{
	cJSON *json = json_of("{\"content\":\"x\",\"bot\":null,"
			      "\"capabilities\":[]}");
	struct deia_task_draft d;

	ck_assert_int_eq(deia_task_draft_parse(&d, json, NULL), DEIA_OK);
	ck_assert_ptr_null(d.bot);
	ck_assert_ptr_nonnull(d.capabilities);
	ck_assert_uint_eq(d.n_capabilities, 0);
	deia_task_draft_fini(&d);
	cJSON_Delete(json);
}
END_TEST

/* What is wrong, and where that is said to be. */
static const struct {
	const char *text, *pointer;
} wrong[] = {
	{ "[]", "" },
	{ "{}", "/content" },
	{ "{\"content\":\"\"}", "/content" },
	{ "{\"content\":7}", "/content" },
	{ "{\"content\":\"x\",\"colour\":1}", "/colour" },
	{ "{\"content\":\"x\",\"colour\":null}", "/colour" },
	{ "{\"content\":\"x\",\"type\":\"a b\"}", "/type" },
	{ "{\"content\":\"x\",\"priority\":2}", "/priority" },
	{ "{\"content\":\"x\",\"priority\":\"P4\"}", "/priority" },
	{ "{\"content\":\"x\",\"bot\":\"\"}", "/bot" },
	{ "{\"content\":\"x\",\"capabilities\":\"gpu\"}", "/capabilities" },
	{ "{\"content\":\"x\",\"capabilities\":[\"a\",\"a b\"]}",
	  "/capabilities/1" },
	{ "{\"content\":\"x\",\"capabilities\":[\"1\",\"2\",\"3\",\"4\","
	  "\"5\",\"6\",\"7\",\"8\",\"9\"]}",
	  "/capabilities" },
	{ "{\"content\":\"x\",\"depends_on\":[1]}", "/depends_on/0" },
	{ "{\"content\":\"x\",\"not_before\":\"tomorrow\"}", "/not_before" },
	{ "{\"content\":\"x\",\"deadline\":1796025600}", "/deadline" },
	{ "{\"content\":\"x\",\"deadline\":\"1960-01-01T00:00:00Z\"}",
	  "/deadline" },
	{ "{\"content\":\"x\",\"timeout_seconds\":0}", "/timeout_seconds" },
	{ "{\"content\":\"x\",\"timeout_seconds\":1.5}", "/timeout_seconds" },
	{ "{\"content\":\"x\",\"timeout_seconds\":1e30}", "/timeout_seconds" },
	{ "{\"content\":\"x\",\"max_attempts\":101}", "/max_attempts" },
	{ "{\"content\":\"x\",\"every_seconds\":-1}", "/every_seconds" },
	{ "{\"content\":\"x\",\"approval\":\"yes\"}", "/approval" },
	{ "{\"content\":\"x\",\"expect\":\"^4$\"}", "/expect" },
	{ "{\"content\":\"x\",\"budget\":5}", "/budget" },
	{ "{\"content\":\"x\",\"budget\":{\"on_exceed\":\"stop\"}}",
	  "/budget" },
	{ "{\"content\":\"x\",\"budget\":{\"tokens\":1.5}}", "/budget/tokens" },
	{ "{\"content\":\"x\",\"budget\":{\"seconds\":0}}", "/budget/seconds" },
	{ "{\"content\":\"x\",\"budget\":{\"messages\":\"1\"}}",
	  "/budget/messages" },
	{ "{\"content\":\"x\",\"budget\":{\"tokens\":1,\"on_exceed\":1}}",
	  "/budget/on_exceed" },
	{ "{\"content\":\"x\",\"budget\":{\"euros\":1}}", "/budget/euros" },
	{ "{\"content\":\"x\",\"complexity\":1.5,\"estimated_seconds\":1}",
	  "/complexity" },
};

START_TEST(a_wrong_member_is_refused_by_its_pointer)
{
	cJSON *json = json_of(wrong[_i].text);
	struct deia_field_error where;
	struct deia_task_draft d;

	ck_assert_int_eq(deia_task_draft_parse(&d, json, &where), DEIA_EFIELD);
	ck_assert_str_eq(where.pointer, wrong[_i].pointer);
	ck_assert_str_ne(where.detail, "");
	ck_assert_int_eq(deia_task_draft_parse(&d, json, NULL), DEIA_EFIELD);
	deia_task_draft_fini(&d); /* nothing is left to free */
	cJSON_Delete(json);
}
END_TEST

START_TEST(a_line_has_type_and_ref_of_its_own)
{
	cJSON *json = json_of("{\"type\":\"submit\",\"ref\":\"a b\","
			      "\"content\":\"x\",\"task_type\":\"writing\"}");
	struct deia_field_error where;
	struct deia_task_draft d;

	ck_assert_int_eq(deia__task_draft_read(&d, json, true, NULL), DEIA_OK);
	ck_assert_str_eq(d.type, "writing");
	ck_assert_ptr_null(d.ref);
	deia_task_draft_fini(&d);
	ck_assert_int_eq(deia_task_draft_parse(&d, json, &where), DEIA_EFIELD);
	cJSON_Delete(json);
	json = json_of("{\"content\":\"x\",\"task_type\":\"a b\"}");
	ck_assert_int_eq(deia__task_draft_read(&d, json, true, &where),
			 DEIA_EFIELD);
	ck_assert_str_eq(where.pointer, "/task_type");
	cJSON_Delete(json);
}
END_TEST

START_TEST(a_failed_allocation_leaves_nothing)
{
	cJSON *json = json_of("{\"content\":\"x\",\"capabilities\":[\"a\"],"
			      "\"depends_on\":[\"b\"],\"expect\":{}}");
	struct deia_task_draft d;
	deia_err err = DEIA_ENOMEM;
	unsigned n = 0;

	while (err) {
		deia__mem_fail_at(++n, false);
		err = deia_task_draft_parse(&d, json, NULL);
		deia__mem_fail_at(0, false);
		if (err)
			ck_assert_int_eq(err, DEIA_ENOMEM);
		deia_task_draft_fini(&d);
	}
	ck_assert_uint_ge(n, 4); /* each of the three was made to fail */
	cJSON_Delete(json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("task-json");
	TCase *tc = tcase_create("drafts");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, content_alone_is_enough);
	tcase_add_test(tc, every_member_is_read);
	tcase_add_test(tc, null_counts_as_left_out_and_an_empty_list_does_not);
	tcase_add_loop_test(tc, a_wrong_member_is_refused_by_its_pointer, 0,
			    sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(tc, a_line_has_type_and_ref_of_its_own);
	tcase_add_test(tc, a_failed_allocation_leaves_nothing);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
