/* SPDX-License-Identifier: MIT */
/* Sections whose keys are names that their author chose: budgets, checks. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deia/config.h>
#include <deia/sys/json.h>

static char dir[64];
static deia_config *config;
static struct deia_config_error where;

static void setup(void)
{
	strcpy(dir, "/tmp/deia-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char path[96];

	deia_config_free(config);
	config = NULL;
	snprintf(path, sizeof(path), "%s/config.yaml", dir);
	unlink(path);
	rmdir(dir);
}

static deia_err load_text(const char *text)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.yaml", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return deia_config_load(&config, dir, &where);
}

static void load_good(const char *text)
{
	deia_err err = load_text(text);

	ck_assert_msg(err == DEIA_OK, "%s:%u:%u: %s", where.file, where.line,
		      where.column, where.detail);
}

/* What `deia config show` has of a key. */
static void check_printed(const char *key, const char *value)
{
	const cJSON *item;
	struct deia_jw w;
	cJSON *json;
	char *text;

	deia_jw_init(&w);
	deia_config_print(config, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL), DEIA_OK);
	deia_jw_fini(&w);
	item = cJSON_GetObjectItem(json, key);
	ck_assert_ptr_nonnull(item);
	text = cJSON_PrintUnformatted(cJSON_GetObjectItem(item, "value"));
	ck_assert_str_eq(text, value);
	cJSON_free(text);
	cJSON_Delete(json);
}

START_TEST(budgets_are_as_the_file_says)
{
	struct deia_budget_setting b[4];

	load_good("budgets:\n"
		  "  day: {tokens: 1000000}\n"
		  "  bots:\n"
		  "    \"*\": {seconds: 60, on_exceed: stop}\n"
		  "    ada: {messages: 5, on_exceed: notify}\n");
	ck_assert_uint_eq(deia_config_budgets(config, b, 4), 3);
	ck_assert_ptr_null(b[0].bot);
	ck_assert_int_eq(b[0].budget.tokens, 1000000);
	ck_assert_int_eq(b[0].budget.on_exceed, DEIA_ON_EXCEED_PAUSE);
	ck_assert_str_eq(b[1].bot, "*");
	ck_assert_int_eq(b[1].budget.seconds, 60);
	ck_assert_int_eq(b[1].budget.on_exceed, DEIA_ON_EXCEED_STOP);
	ck_assert_str_eq(b[2].bot, "ada");
	ck_assert_int_eq(b[2].budget.messages, 5);
	check_printed("budgets.bots.ada",
		      "{\"messages\":5,\"on_exceed\":\"notify\"}");
}
END_TEST

START_TEST(wrong_budgets_are_named)
{
	static const char *const wrong[][2] = {
		{ "[]", "budgets: expected day" },
		{ "{week: {tokens: 1}}", "there are day and bots" },
		{ "{day: 3}", "expected keys below day" },
		{ "{day: {tokens: 0}}",
		  "budgets.day.tokens: expected a whole" },
		{ "{day: {seconds: -1}}", "budgets.day.seconds" },
		{ "{day: {messages: \"2\"}}", "budgets.day.messages" },
		{ "{day: {euros: 2}}", "budgets.day.euros: there is no such" },
		{ "{day: {on_exceed: cry}}", "expected pause, stop or notify" },
		{ "{bots: 3}", "expected ids of bots" },
		{ "{bots: {a b: {tokens: 1}}}", "no bot can have this id" },
		{ "{bots: {a: {tokens: 1.5}}}", "budgets.a.tokens" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "budgets: %s\n", wrong[i][0]);
		ck_assert_int_eq(load_text(text), DEIA_EFIELD);
		ck_assert_msg(strstr(where.detail, wrong[i][1]) != NULL,
			      "%s: %s", wrong[i][0], where.detail);
		ck_assert_uint_eq(where.line, 1);
	}
}
END_TEST

START_TEST(checks_are_as_the_file_says)
{
	struct deia_config_check c[4];

	load_good("checks:\n"
		  "  even: [/bin/grep, -q, 2]\n"
		  "  late: {argv: [/bin/true], timeout_seconds: 5}\n");
	ck_assert_uint_eq(deia_config_checks(config, c, 4), 2);
	ck_assert_str_eq(c[0].name, "even");
	ck_assert_uint_eq(c[0].n_argv, 3);
	ck_assert_str_eq(c[0].argv[2], "2");
	ck_assert_uint_eq(c[0].timeout_seconds, 0);
	ck_assert_uint_eq(c[1].timeout_seconds, 5);
	check_printed("checks.late",
		      "{\"argv\":[\"/bin/true\"],\"timeout_seconds\":5}");
}
END_TEST

START_TEST(wrong_checks_are_named)
{
	static const char *const wrong[][2] = {
		{ "[]", "checks: expected names" },
		{ "{a b: [/bin/true]}", "no check can have this name" },
		{ "{a: /bin/true}", "checks.a: expected a command as a list" },
		{ "{a: []}", "expected a command as a list" },
		{ "{a: [true]}", "a path that begins with /" },
		{ "{a: {}}", "argv is required" },
		{ "{a: {argv: [/bin/true], timeout_seconds: 0}}",
		  "from 1 to 3600" },
		{ "{a: {argv: [/bin/true], seconds: 1}}",
		  "there are argv and timeout_seconds" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "checks: %s\n", wrong[i][0]);
		ck_assert_int_eq(load_text(text), DEIA_EFIELD);
		ck_assert_msg(strstr(where.detail, wrong[i][1]) != NULL,
			      "%s: %s", wrong[i][0], where.detail);
	}
}
END_TEST

START_TEST(receivers_are_as_the_file_says)
{
	struct deia_config_receiver r[4];

	load_good(
		"alerts:\n"
		"  group_seconds: 7\n"
		"  receivers:\n"
		"    ops: {kind: webhook, url: \"https://x.example/SECRET\",\n"
		"      secret_file: key, resolved: false, format: slack}\n"
		"    post: {kind: email, url: \"smtp://m\", from: a@b,\n"
		"      to: [c@d, e@f], level: info}\n"
		"    pager: {kind: exec, argv: [/bin/true, -x]}\n");
	ck_assert_uint_eq(deia_config_receivers(config, r, 4), 3);
	ck_assert_int_eq(deia_config_int(config, "alerts.group_seconds"), 7);
	ck_assert_str_eq(r[0].set.url, "https://x.example/SECRET");
	ck_assert_str_eq(r[0].secret_file, "key");
	ck_assert(r[0].set.quiet_end && r[0].set.slack);
	ck_assert_uint_eq(r[1].set.n_to, 2);
	ck_assert_str_eq(r[1].set.to[1], "e@f");
	ck_assert_int_eq(r[1].set.level, DEIA_HEALTH_INFO);
	ck_assert_str_eq(r[2].set.argv[1], "-x");
	/* Nobody sees the path of a webhook. */
	check_printed("alerts.receivers.ops",
		      "{\"kind\":\"webhook\",\"level\":\"warning\","
		      "\"resolved\":false,\"format\":\"slack\","
		      "\"url\":\"https://x.example/***\","
		      "\"secret_file\":\"key\"}");
}
END_TEST

START_TEST(wrong_receivers_are_named)
{
	static const char *const wrong[][2] = {
		{ "[]", "alerts.receivers: expected names" },
		{ "{a: {}}", "alerts.receivers.a.kind: expected webhook" },
		{ "{a: {kind: fax}}", "a.kind: expected webhook" },
		{ "{a: {kind: webhook}}", "alerts.receivers.a: url: expected" },
		{ "{a: {kind: webhook, url: \"file:///x\"}}", "a: url:" },
		{ "{a: {kind: webhook, url: \"http://x\", secret: s}}",
		  "a.secret: it is not written here" },
		{ "{a: {kind: webhook, url: \"http://x\", to: b@c}}",
		  "a.to: a receiver of this kind has no such key" },
		{ "{a: {kind: webhook, url: \"http://x\", url_env: X}}",
		  "url, url_file or url_env" },
		{ "{a: {kind: exec, argv: [x]}}", "begins with /" },
		{ "{a: {kind: exec, argv: [/x], level: bad}}",
		  "a.level: expected info" },
		{ "{a: {kind: exec, argv: [/x], resolved: 1}}",
		  "a.resolved: expected true or false" },
		{ "{a: {kind: exec, argv: [/x], timeout_seconds: 301}}",
		  "from 1 to 300" },
		{ "{a: {kind: exec, argv: [/x], color: red}}",
		  "a.color: there is no such key" },
		{ "{a b: {kind: exec, argv: [/x]}}", "this name" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "alerts:\n  receivers: %s\n",
			 wrong[i][0]);
		ck_assert_msg(load_text(text) == DEIA_EFIELD, "%s", text);
		ck_assert_msg(strstr(where.detail, wrong[i][1]) != NULL,
			      "%s: %s", wrong[i][0], where.detail);
		ck_assert_uint_eq(where.line, 2);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sections");
	TCase *tc = tcase_create("names");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, budgets_are_as_the_file_says);
	tcase_add_test(tc, wrong_budgets_are_named);
	tcase_add_test(tc, checks_are_as_the_file_says);
	tcase_add_test(tc, wrong_checks_are_named);
	tcase_add_test(tc, receivers_are_as_the_file_says);
	tcase_add_test(tc, wrong_receivers_are_named);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
