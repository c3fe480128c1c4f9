/* SPDX-License-Identifier: MIT */
/* Rules and alerts as JSON: read strictly, printed so that they read back. */
#include <math.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

#include "core/mem.h"
#include "rig.h"

static struct rig g;
static struct deia_field_error where;

static cJSON *parse(const char *text)
{
	cJSON *json = NULL;

	ck_assert_msg(deia_json_parse(&json, text, strlen(text), NULL) ==
			      DEIA_OK,
		      "%s", text);
	return json;
}

static deia_err set(const char *text)
{
	cJSON *json = parse(text);
	deia_err checked = deia_health_check_rules_json(g.h, json, &where);
	deia_err err = deia_health_set_rules_json(g.h, json, &where);

	ck_assert_int_eq(checked, err);
	cJSON_Delete(json);
	return err;
}

/* The rules as text; static. */
static const char *printed(void)
{
	static char text[65536];
	deia_jw w;

	deia_jw_init(&w);
	deia_health_print_rules(g.h, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_uint_lt(w.len, sizeof(text));
	memcpy(text, w.text, w.len + 1);
	deia_jw_fini(&w);
	return text;
}

START_TEST(the_built_in_rules_read_back_the_same)
{
	static char before[65536];

	rig_open(&g, NULL);
	snprintf(before, sizeof(before), "%s", printed());
	ck_assert_int_eq(set("{\"rules\":[]}"), DEIA_OK);
	ck_assert_str_eq(printed(), "{\"rules\":[]}");
	ck_assert_int_eq(set(before), DEIA_OK);
	ck_assert_str_eq(printed(), before);
	ck_assert_int_eq(set("{\"rules\":[]}"), DEIA_OK);
	ck_assert_int_eq(set("null"), DEIA_OK);
	ck_assert_str_eq(printed(), before);
	rig_close(&g);
}
END_TEST

START_TEST(what_is_left_out_has_a_default)
{
	rig_open(&g, NULL);
	ck_assert_int_eq(set("{\"rules\":[{\"id\":\"a\",\"metric\":\"m\","
			     "\"levels\":{\"info\":{\"at\":0.1}},"
			     "\"also\":[{\"metric\":\"n\",\"at\":3,"
			     "\"clear\":null}]}]}"),
			 DEIA_OK);
	ck_assert_str_eq(
		printed(),
		"{\"rules\":[{\"id\":\"a\",\"metric\":\"m\",\"compare\":\">=\","
		"\"levels\":{\"info\":{\"at\":0.1,\"clear\":0.1,"
		"\"for_seconds\":0}},\"keep_seconds\":0,\"also\":[{\"metric\":"
		"\"n\",\"compare\":\">=\",\"at\":3,\"clear\":3}],\"unless\":[],"
		"\"enabled\":true,\"text\":\"\"}]}");
	rig_close(&g);
}
END_TEST

#define RULE(more) "{\"rules\":[{\"id\":\"a\",\"metric\":\"m\"," more "}]}"
#define LEVELS "\"levels\":{\"warning\":{\"at\":5}}"

/* What is refused, and where. */
static const struct {
	const char *text, *pointer;
} bad[] = {
	{ "[]", "" },
	{ "{}", "/rules" },
	{ "{\"rules\":5}", "/rules" },
	{ "{\"rules\":[],\"x\":1}", "/x" },
	{ "{\"rules\":[5]}", "/rules/0" },
	{ "{\"rules\":[{}]}", "/rules/0/id" },
	{ RULE(LEVELS ",\"y\":1"), "/rules/0/y" },
	{ RULE("\"text\":\"\""), "/rules/0/levels" },
	{ RULE("\"levels\":{}"), "/rules/0/levels" },
	{ RULE("\"levels\":{\"fatal\":{}}"), "/rules/0/levels/fatal" },
	{ RULE("\"levels\":{\"warning\":5}"), "/rules/0/levels/warning" },
	{ RULE("\"levels\":{\"warning\":{}}"), "/rules/0/levels/warning/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":\"5\"}}"),
	  "/rules/0/levels/warning/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":1e999}}"),
	  "/rules/0/levels/warning/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":-1}}"),
	  "/rules/0/levels/warning/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":1001}}"),
	  "/rules/0/levels/warning/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":5,\"clear\":6}}"),
	  "/rules/0/levels/warning/clear" },
	{ RULE("\"compare\":\"<\",\"levels\":{\"warning\":{\"at\":5,\"clear\":"
	       "4}}"),
	  "/rules/0/levels/warning/clear" },
	{ RULE("\"levels\":{\"warning\":{\"at\":5,\"for_seconds\":-1}}"),
	  "/rules/0/levels/warning/for_seconds" },
	{ RULE("\"levels\":{\"warning\":{\"at\":5,\"for_seconds\":86401}}"),
	  "/rules/0/levels/warning/for_seconds" },
	{ RULE("\"levels\":{\"warning\":{\"at\":5},\"critical\":{\"at\":4}}"),
	  "/rules/0/levels/critical/at" },
	{ RULE("\"levels\":{\"warning\":{\"at\":5,\"clear\":5},\"critical\":{"
	       "\"at\":6,\"clear\":4}}"),
	  "/rules/0/levels/critical/clear" },
	{ RULE(LEVELS ",\"compare\":\"=\""), "/rules/0/compare" },
	{ RULE(LEVELS ",\"compare\":5"), "/rules/0/compare" },
	{ RULE(LEVELS ",\"enabled\":1"), "/rules/0/enabled" },
	{ RULE(LEVELS ",\"text\":5"), "/rules/0/text" },
	{ RULE(LEVELS ",\"text\":\"a\\nb\""), "/rules/0/text" },
	{ RULE(LEVELS ",\"keep_seconds\":1e9"), "/rules/0/keep_seconds" },
	{ RULE(LEVELS ",\"also\":{}"), "/rules/0/also" },
	{ RULE(LEVELS ",\"also\":[1]"), "/rules/0/also/0" },
	{ RULE(LEVELS ",\"also\":[{\"metric\":\"n\",\"at\":1},{}]"),
	  "/rules/0/also/1/metric" },
	{ RULE(LEVELS ",\"also\":[{\"metric\":\"none\",\"at\":1}]"),
	  "/rules/0/also/0/metric" },
	{ RULE(LEVELS ",\"also\":[{\"metric\":\"s.m\",\"at\":1}]"),
	  "/rules/0/also/0/metric" },
	{ RULE(LEVELS ",\"also\":[{\"metric\":\"n\",\"at\":1e6}]"),
	  "/rules/0/also/0/at" },
	{ RULE(LEVELS ",\"unless\":[{\"metric\":\"n\",\"at\":1,\"clear\":1}]"),
	  "/rules/0/unless/0/clear" },
	{ RULE(LEVELS ",\"unless\":[{},{},{},{},{}]"), "/rules/0/unless" },
	{ "{\"rules\":[{\"id\":\"a b\",\"metric\":\"m\"," LEVELS "}]}",
	  "/rules/0/id" },
	{ "{\"rules\":[{\"id\":\"a\",\"metric\":\"x.y\"," LEVELS "}]}",
	  "/rules/0/metric" },
	{ "{\"rules\":[{\"id\":\"a\",\"metric\":\"m\"," LEVELS
	  "},{\"id\":\"a\",\"metric\":\"n\"," LEVELS "}]}",
	  "/rules/1/id" },
};

START_TEST(wrong_rules_are_refused_with_their_place)
{
	static char before[65536];

	rig_open(&g, NULL);
	snprintf(before, sizeof(before), "%s", printed());
	memset(&where, 0, sizeof(where));
	ck_assert_int_eq(set(bad[_i].text), DEIA_EFIELD);
	ck_assert_str_eq(where.pointer, bad[_i].pointer);
	ck_assert_str_ne(where.detail, "");
	ck_assert_ptr_nonnull(strstr(deia_health_errmsg(g.h), where.detail));
	ck_assert_str_eq(printed(), before);
	rig_close(&g);
}
END_TEST

/* ---- alerts ------------------------------------------------------------------ */

static void print(const struct deia_health_alert *a, deia_jw *w)
{
	deia_jw_init(w);
	deia_health_print_alert(a, w);
	ck_assert_int_eq(deia_jw_status(w), DEIA_OK);
}

/* One of each kind: acknowledged, silenced, by hand, gone, with a subject. */
static void make_alerts(void)
{
	const char *bots[] = { "BOT-1", "BOT-2", "BOT-3", "BOT-4" };
	char ids[4][37];
	int64_t at;

	rig_open(&g, NULL);
	for (int i = 0; i < 4; i++) {
		rig_put(&g, "bot.failed", bots[i], 1);
		rig_look(&g, 1000);
		memcpy(ids[i], g.id, 37);
	}
	rig_put(&g, "store.down", NULL, 1);
	rig_run(&g, RIG_SECONDS(10));
	at = RIG_UNIX_MS + g.now_ms;
	ck_assert_int_eq(deia_health_acknowledge(g.h, ids[0], "e", "\"x\"", at),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_health_silence(g.h, ids[1], "e", "", at + 5000, at),
		DEIA_OK);
	ck_assert_int_eq(deia_health_resolve(g.h, ids[2], "e", "", at),
			 DEIA_OK);
	deia_health_remove(g.h, "bot", "BOT-4");
	rig_look(&g, 1000);
}

START_TEST(alerts_read_back_the_same)
{
	deia_jw before[5], after;
	const struct deia_health_alert *a = NULL;
	size_t n = 0;

	make_alerts();
	while ((a = deia_health_next_alert(g.h, a)))
		print(a, &before[n++]);
	ck_assert_uint_eq(n, 5);
	rig_restart(&g);
	for (n = 0, a = NULL; (a = deia_health_next_alert(g.h, a)); n++) {
		print(a, &after);
		ck_assert_str_eq(after.text, before[n].text);
		deia_jw_fini(&after);
		deia_jw_fini(&before[n]);
	}
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(rig_firing(&g), 3);
	rig_close(&g);
}
END_TEST

/* A member of a good alert in another way. */
static const struct {
	const char *member, *value, *pointer;
} wrong[] = {
	{ "id", "\"x\"", "/id" },
	{ "id", "5", "/id" },
	{ "rule", "null", "/rule" },
	{ "rule", "\"\"", "/rule" },
	{ "state", "\"gone\"", "/state" },
	{ "level", "\"high\"", "/level" },
	{ "level", "\"critical\"", "/peak" },
	{ "end", "\"cleared\"", "/end" },
	{ "resolved_at", "\"2026-11-30T08:00:00Z\"", "/resolved_at" },
	{ "fired_at", "\"yesterday\"", "/fired_at" },
	{ "value", "\"1\"", "/value" },
	{ "step", "-1", "/step" },
	{ "told", "1", "/told" },
	{ "subject", "null", "/subject" },
	{ "acknowledged", "{}", "/acknowledged/by" },
	{ "acknowledged", "{\"by\":\"e\"}", "/acknowledged/at" },
	{ "silenced", "{\"by\":\"e\",\"at\":\"2026-11-30T08:00:00Z\"}",
	  "/silenced/at" },
	{ "summary", "\"a\\u0007\"", "/summary" },
};

START_TEST(wrong_alerts_are_refused_with_their_place)
{
	cJSON *json;
	deia_jw w;

	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	print(rig_newest(&g), &w);
	json = parse(w.text);
	cJSON_ReplaceItemInObject(json, wrong[_i].member,
				  parse(wrong[_i].value));
	rig_close(&g);
	rig_open(&g, NULL);
	memset(&where, 0, sizeof(where));
	ck_assert_int_eq(deia_health_restore_alert(g.h, json, &where),
			 DEIA_EFIELD);
	ck_assert_str_eq(where.pointer, wrong[_i].pointer);
	ck_assert_uint_eq(rig_alerts(&g), 0);
	cJSON_Delete(json);
	deia_jw_fini(&w);
	rig_close(&g);
}
END_TEST

START_TEST(an_alert_is_restored_once)
{
	cJSON *json;
	deia_jw w;

	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	print(rig_newest(&g), &w);
	json = parse(w.text);
	ck_assert_int_eq(deia_health_restore_alert(g.h, json, NULL),
			 DEIA_EEXIST);
	/* Another one for the same cause. */
	w.text[strlen("{\"id\":\"")] ^= 1;
	cJSON_Delete(json);
	json = parse(w.text);
	ck_assert_int_eq(deia_health_restore_alert(g.h, json, NULL),
			 DEIA_EEXIST);
	ck_assert_uint_eq(rig_alerts(&g), 1);
	cJSON_Delete(json);
	deia_jw_fini(&w);
	rig_close(&g);
}
END_TEST

START_TEST(an_alert_of_an_unknown_rule_is_restored_and_ends)
{
	cJSON *json;
	deia_jw w;

	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	print(rig_newest(&g), &w);
	json = parse(w.text);
	rig_close(&g);
	rig_open(&g, NULL);
	ck_assert_int_eq(set("{\"rules\":[]}"), DEIA_OK);
	ck_assert_int_eq(deia_health_restore_alert(g.h, json, NULL), DEIA_OK);
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), 0);
	ck_assert_int_eq(rig_newest(&g)->end, DEIA_HEALTH_NO_RULE);
	ck_assert_str_eq(rig_log(&g), "resolved bot_failed/BOT-1 warning; ");
	cJSON_Delete(json);
	deia_jw_fini(&w);
	rig_close(&g);
}
END_TEST

START_TEST(reading_without_memory_changes_nothing)
{
	static char before[65536];
	cJSON *json;
	unsigned long n = 0;
	deia_err err;

	rig_open(&g, NULL);
	snprintf(before, sizeof(before), "%s", printed());
	json = parse(before);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	do {
		deia__mem_fail_at(++n, false);
		err = deia_health_set_rules_json(g.h, json, NULL);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		ck_assert_str_eq(printed(), before);
		ck_assert_uint_eq(rig_firing(&g), 1);
	} while (err);
	ck_assert_uint_gt(n, 50);
	cJSON_Delete(json);
	rig_close(&g);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

int main(void)
{
	TCase *t = tcase_create("json");

	tcase_add_test(t, the_built_in_rules_read_back_the_same);
	tcase_add_test(t, what_is_left_out_has_a_default);
	tcase_add_loop_test(t, wrong_rules_are_refused_with_their_place, 0,
			    COUNT(bad));
	tcase_add_test(t, alerts_read_back_the_same);
	tcase_add_loop_test(t, wrong_alerts_are_refused_with_their_place, 0,
			    COUNT(wrong));
	tcase_add_test(t, an_alert_is_restored_once);
	tcase_add_test(t, an_alert_of_an_unknown_rule_is_restored_and_ends);
	tcase_add_test(t, reading_without_memory_changes_nothing);
	return rig_main("health-json", t);
}
