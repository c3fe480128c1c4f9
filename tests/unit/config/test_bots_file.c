/* SPDX-License-Identifier: MIT */
/* Declared bots: what a file gives, all that is wrong with one, and that what
 * is printed reads back as the same bots. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/config.h>
#include <deia/sys/json.h>

#include "core/mem.h"

static deia_bots_file *files;

static void setup(void)
{
	ck_assert_int_eq(deia_bots_file_new(&files), DEIA_OK);
}

static void teardown(void)
{
	deia_bots_file_free(files);
	files = NULL;
}

static void add(const char *name, const char *text)
{
	ck_assert_int_eq(deia_bots_file_add(files, name, text, strlen(text)),
			 DEIA_OK);
}

static size_t finish(void)
{
	ck_assert_int_eq(deia_bots_file_finish(files), DEIA_OK);
	return deia_bots_file_errors(files, NULL);
}

/* The error at a place says this. */
static void says(size_t n, unsigned line, unsigned column, const char *part)
{
	const struct deia_config_error *list;

	ck_assert_uint_lt(n, deia_bots_file_errors(files, &list));
	ck_assert_msg(list[n].line == line && list[n].column == column &&
			      strstr(list[n].detail, part),
		      "%s:%u:%u: %s", list[n].file, list[n].line,
		      list[n].column, list[n].detail);
}

static void bot_is(size_t n, const char *json)
{
	const struct deia_declared_bot *bot = deia_bots_file_bot(files, n);

	ck_assert_ptr_nonnull(bot);
	ck_assert_str_eq(bot->json, json);
}

START_TEST(bots_come_as_bodies_of_the_api)
{
	add("a.yaml", "bots:\n"
		      "  - id: 7\n"
		      "    adapter: process\n"
		      "    argv: [sleep, \"10\"]\n"
		      "    start: false\n"
		      "  - id: b\n"
		      "    adapter: ollama\n"
		      "    model: \"3\"\n"
		      "    options: {temperature: 0.2, stop: [\"1\"]}\n"
		      "    max_concurrent: 2\n");
	ck_assert_uint_eq(finish(), 0);
	bot_is(0, "{\"id\":\"7\",\"adapter\":\"process\",\"argv\":[\"sleep\","
		  "\"10\"]}");
	ck_assert(!deia_bots_file_bot(files, 0)->start);
	bot_is(1, "{\"id\":\"b\",\"adapter\":\"ollama\",\"model\":\"3\","
		  "\"options\":{\"temperature\":0.2,\"stop\":[\"1\"]},"
		  "\"max_concurrent\":2}");
	ck_assert(deia_bots_file_bot(files, 1)->start);
	ck_assert_ptr_null(deia_bots_file_bot(files, 2));
}
END_TEST

START_TEST(defaults_fill_what_a_bot_does_not_say)
{
	add("a.yaml", "bots:\n"
		      "  - id: a\n"
		      "    adapter: echo\n"
		      "    restart: {policy: never}\n"
		      "    capabilities: [x]\n"
		      "defaults:\n"
		      "  adapter: exec\n"
		      "  start: false\n"
		      "  restart: {policy: always, max_restarts: 1}\n"
		      "  capabilities: [y, z]\n"
		      "  type: t\n");
	ck_assert_uint_eq(finish(), 0);
	bot_is(0, "{\"id\":\"a\",\"type\":\"t\",\"adapter\":\"echo\","
		  "\"restart\":{\"max_restarts\":1,\"policy\":\"never\"},"
		  "\"capabilities\":[\"x\"]}");
	ck_assert(!deia_bots_file_bot(files, 0)->start);
}
END_TEST

START_TEST(empty_files_name_no_bot)
{
	add("a.yaml", "");
	add("b.yaml", "# nothing\n");
	add("c.yaml", "bots:\n");
	add("d.yaml", "bots: []\ndefaults: {}\n");
	ck_assert_uint_eq(finish(), 0);
	ck_assert_ptr_null(deia_bots_file_bot(files, 0));
}
END_TEST

START_TEST(all_errors_are_found_in_order_of_place)
{
	add("a.yaml", "bots:\n"			   /* 1 */
		      "  - id: a\n"		   /* 2 */
		      "    adapter: ecko\n"	   /* 3 */
		      "    model: 3\n"		   /* 4 */
		      "    sytem_prompt: x\n"	   /* 5 */
		      "    restart: {policy: x}\n" /* 6 */
		      "    start: maybe\n"	   /* 7 */
		      "  - adapter: echo\n"	   /* 8 */
		      "  - id: -x\n"		   /* 9 */
		      "  - text\n"		   /* 10 */
		      "  - id: c\n"		   /* 11 */
		      "    adapter: echo\n"	   /* 12 */
		      "    argv: [x]\n"		   /* 13 */
		      "  - id: d\n"		   /* 14 */
		      "    model: x\n"		   /* 15 */
		      "botz: 1\n");		   /* 16 */
	ck_assert_uint_eq(finish(), 11);
	says(0, 3, 14, "bot a: adapter: there is no adapter \"ecko\"");
	says(1, 4, 12, "bot a: model: must be a string; put it into quotes");
	says(2, 5, 5,
	     "sytem_prompt: is no field of a bot; did you mean "
	     "system_prompt?");
	says(3, 6, 23, "bot a: restart.policy: must be always");
	says(4, 7, 12, "bot a: start: expected true or false");
	says(5, 8, 5, "a bot without an id");
	says(6, 9, 9, "id: must be 1 to 64 letters");
	says(7, 10, 5, "expected the fields of a bot");
	says(8, 13, 11, "bot c: argv: is only for");
	says(9, 14, 5, "bot d: adapter: is required");
	says(10, 16, 1, "no key \"botz\" here; did you mean bots?");
}
END_TEST

START_TEST(an_error_in_defaults_is_told_once)
{
	add("a.yaml", "defaults:\n"
		      "  restrat: {}\n"
		      "  limits: {open_files: 1}\n"
		      "  id: x\n"
		      "bots:\n"
		      "  - {id: a, adapter: echo}\n"
		      "  - {id: b, adapter: echo, limits: {processes: 9}}\n");
	ck_assert_uint_eq(finish(), 3);
	says(0, 2, 3,
	     "defaults: restrat: is no field of a bot; did you mean "
	     "restart?");
	says(1, 3, 24, "defaults: limits.open_files: must be a whole number");
	says(2, 4, 3, "defaults: an id is for one bot");
}
END_TEST

START_TEST(a_file_that_is_no_yaml_has_its_place)
{
	add("a.yaml", "bots:\n  - id: a\n\tadapter: echo\n");
	add("b.yaml", "bots: {a: {adapter: echo}}\n");
	add("c.yaml", "- id: a\n");
	add("d.yaml", "bots:\n  - &x {id: a, adapter: echo}\n");
	ck_assert_uint_eq(finish(), 4);
	says(0, 3, 1, "indented with spaces");
	says(1, 1, 7, "bots: expected a list");
	says(2, 1, 1, "expected bots:");
	says(3, 2, 5, "anchors");
}
END_TEST

START_TEST(a_file_over_the_limit_is_refused)
{
	size_t len = (1u << 20) + 1;
	char *text = malloc(len);

	memset(text, '#', len);
	ck_assert_int_eq(deia_bots_file_add(files, "big.yaml", text, len),
			 DEIA_ELIMIT);
	free(text);
	says(0, 0, 0, "larger than 1 MiB");
}
END_TEST

START_TEST(an_id_twice_is_refused_over_files)
{
	add("a.yaml", "bots: [{id: a, adapter: echo}]\n");
	add("b.yaml", "bots: [{id: b, adapter: echo}, {id: a, adapter: "
		      "echo}]\n");
	ck_assert_uint_eq(finish(), 1);
	says(0, 1, 37, "bot a is there twice; it is in a.yaml, line 1");
}
END_TEST

static void order_is(const char *ids)
{
	const struct deia_declared_bot *bot;
	char all[256] = "";

	for (size_t i = 0; (bot = deia_bots_file_bot(files, i)); i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 i ? " " : "", bot->id);
	ck_assert_str_eq(all, ids);
}

START_TEST(bots_stand_behind_what_they_depend_on)
{
	add("a.yaml", "bots:\n"
		      "  - {id: a, adapter: echo, depends_on: [c, other]}\n"
		      "  - {id: b, adapter: echo}\n"
		      "  - {id: c, adapter: echo, depends_on: [d]}\n");
	add("b.yaml", "bots: [{id: d, adapter: echo}]\n");
	ck_assert_uint_eq(finish(), 0);
	order_is("d c a b");
}
END_TEST

START_TEST(a_circle_is_refused_with_its_bots)
{
	add("a.yaml", "bots:\n"
		      "  - {id: a, adapter: echo, depends_on: [b]}\n"
		      "  - {id: b, adapter: echo, depends_on: [c]}\n"
		      "  - {id: c, adapter: echo, depends_on: [a]}\n"
		      "  - {id: d, adapter: echo, depends_on: [d]}\n");
	ck_assert_uint_eq(finish(), 2);
	says(0, 4, 40,
	     "bot c: depends_on: a circle, none of them could ever "
	     "start: a -> b -> c -> a");
	says(1, 5, 41, "must not be the bot itself");
}
END_TEST

START_TEST(a_chain_of_thousands_is_put_in_order)
{
	size_t n = 5000, cap = n * 64, len = 0;
	char *text = malloc(cap);
	char last[16];

	len += (size_t)snprintf(text, cap, "bots:\n");
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
			text + len, cap - len,
			"  - {id: b%zu, adapter: echo, depends_on: [b%zu]}\n",
			i, i + 1);
	ck_assert_int_eq(deia_bots_file_add(files, "a.yaml", text, len),
			 DEIA_OK);
	free(text);
	ck_assert_uint_eq(finish(), 0);
	snprintf(last, sizeof(last), "b%zu", n - 1);
	ck_assert_str_eq(deia_bots_file_bot(files, 0)->id, last);
	ck_assert_str_eq(deia_bots_file_bot(files, n - 1)->id, "b0");
}
END_TEST

START_TEST(what_the_hive_refuses_has_its_place)
{
	add("a.yaml", "defaults:\n"
		      "  limits:\n"
		      "    open_files: 99\n"
		      "bots:\n"
		      "  - id: a\n"
		      "    template: nope\n"
		      "    limits:\n"
		      "      processes: 9\n");
	ck_assert_uint_eq(finish(), 0);
	ck_assert_int_eq(deia_bots_file_refuse(files, 0, "/template", "no"),
			 DEIA_OK);
	ck_assert_int_eq(deia_bots_file_refuse(files, 0, "/limits/open_files",
					       "too few"),
			 DEIA_OK);
	ck_assert_int_eq(deia_bots_file_refuse(files, 0, "/limits/processes",
					       "too many"),
			 DEIA_OK);
	ck_assert_int_eq(deia_bots_file_refuse(files, 0, "", "never"), DEIA_OK);
	says(0, 3, 17, "bot a: limits.open_files: too few");
	says(1, 5, 5, "bot a: never");
	says(2, 6, 15, "bot a: template: no");
	says(3, 8, 18, "bot a: limits.processes: too many");
}
END_TEST

/* ---- printing ---------------------------------------------------------- */

static cJSON *json_of(const char *text)
{
	cJSON *json = NULL;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	return json;
}

static char *print(const cJSON *bot)
{
	const cJSON *list[] = { bot };
	char *text = NULL;

	ck_assert_int_eq(deia_bots_file_print(&text, list, 1), DEIA_OK);
	return text;
}

/* Printed and read, the bot has this field with this value. */
static void comes_back(const char *field, const cJSON *value)
{
	cJSON *bot = json_of("{\"id\":\"a\",\"adapter\":\"echo\"}"), *back;
	char *text;

	cJSON_DeleteItemFromObjectCaseSensitive(bot, field);
	cJSON_AddItemToObject(bot, field, cJSON_Duplicate(value, true));
	text = print(bot);
	teardown();
	setup();
	add("printed", text);
	if (finish() > 0) {
		const struct deia_config_error *list;

		deia_bots_file_errors(files, &list);
		ck_abort_msg("%u:%u: %s in\n%s", list[0].line, list[0].column,
			     list[0].detail, text);
	}
	back = json_of(deia_bots_file_bot(files, 0)->json);
	if (!cJSON_Compare(cJSON_GetObjectItemCaseSensitive(back, field), value,
			   true))
		ck_abort_msg("not the same: %s", text);
	cJSON_Delete(back);
	cJSON_Delete(bot);
	deia_config_free_text(text);
}

static void text_comes_back(const char *text)
{
	cJSON *value = cJSON_CreateString(text);
	cJSON *options = cJSON_CreateObject();

	comes_back("system_prompt", value);
	if (*text)
		cJSON_AddStringToObject(options, text, text);
	cJSON_AddItemToObject(options, "list", cJSON_CreateArray());
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(options, "list"),
			     value);
	comes_back("options", options);
	cJSON_Delete(options);
}

static const char *const awkward[] = { "yes",
				       "No",
				       "null",
				       "~",
				       "true",
				       "1",
				       "-1.5",
				       "1e5",
				       "0x1F",
				       "12:30",
				       "2026-11-22",
				       ".inf",
				       " leading",
				       "trailing ",
				       "two\nlines",
				       "two\nlines\n",
				       "ends\n\n",
				       "\nbegins",
				       "  indented\nfirst",
				       "a\n  deeper\n\n\nb",
				       "a\n   \nb",
				       "a\n   ",
				       "tab\tinside",
				       "\ttab",
				       "line\n\ttab",
				       "cr\r\nlf",
				       "quote \" and '",
				       "back\\slash",
				       "# no comment",
				       "a # b",
				       "key: value",
				       "ends:",
				       "http://x:1/?a=b",
				       "- item",
				       "? q",
				       "{a}",
				       "[a]",
				       "a, b",
				       "&x",
				       "*x",
				       "!x",
				       "%x",
				       "@x",
				       "`x`",
				       "|",
				       ">",
				       "---",
				       "...",
				       "a\n---\nb",
				       "a\n...\nb",
				       "caf\xc3\xa9",
				       "\xe6\x97\xa5\xe6\x9c\xac\n\xe8\xaa\x9e",
				       "\xf0\x9f\x90\x9d",
				       "\xe2\x80\xa8",
				       "\xc2\x85",
				       "\xef\xbb\xbf"
				       "bom",
				       "\x1b[31m",
				       "\x7f",
				       "\xe2\x80\xae"
				       "abc",
				       "\xf3\xa0\x81\x81",
				       "<<",
				       "=",
				       "word",
				       "two words",
				       "a  b",
				       "***",
				       "${HOME}",
				       "$x" };

START_TEST(awkward_texts_come_back)
{
	for (size_t i = 0; i < sizeof(awkward) / sizeof(*awkward); i++)
		text_comes_back(awkward[i]);
}
END_TEST

/* Pieces that are special somewhere, in every order a seed gives. */
START_TEST(random_texts_come_back)
{
	static const char *const pieces[] = { "\n",
					      "\n",
					      " ",
					      "  ",
					      "\t",
					      "\r",
					      ":",
					      ": ",
					      "#",
					      " #",
					      "- ",
					      "\"",
					      "'",
					      "\\",
					      "a",
					      "yes",
					      "0",
					      "|",
					      ">",
					      "{",
					      "}",
					      "[",
					      "]",
					      ",",
					      "&",
					      "*",
					      "!",
					      "%",
					      "\xc3\xa9",
					      "\xe2\x80\xa9",
					      "\xf0\x9f\x90\x9d",
					      "\x01",
					      "---",
					      "..." };
	uint64_t r = 88172645463325252ull;

	for (int i = 0; i < 3000; i++) {
		char text[256] = "";
		unsigned n;

		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		n = (unsigned)(r % 9) + 1;
		for (unsigned k = 0; k < n; k++) {
			r ^= r << 13;
			r ^= r >> 7;
			r ^= r << 17;
			strcat(text,
			       pieces[r % (sizeof(pieces) / sizeof(*pieces))]);
		}
		text_comes_back(text);
	}
}
END_TEST

START_TEST(defaults_are_left_out_and_states_too)
{
	cJSON *bot = json_of(
		"{\"id\":\"123\",\"adapter\":\"echo\",\"model\":null,"
		"\"template\":\"t\",\"argv\":[],\"env\":{\"A\":\"***\"},"
		"\"restart\":{\"policy\":\"always\",\"max_restarts\":10},"
		"\"ping\":{\"interval_seconds\":15,\"timeout_seconds\":9},"
		"\"limits\":{\"processes\":1024},\"on_message\":\"hold\","
		"\"state\":\"ready\",\"pid\":7,\"wanted\":false}");
	char *text = print(bot);

	ck_assert_str_eq(
		strstr(text, "bots:"),
		"bots:\n"
		"  - id: \"123\"\n"
		"    # Launched from template t; what that gave it is "
		"written out.\n"
		"    # \"***\" in env: the value that the hive has; it "
		"is not shown.\n"
		"    adapter: echo\n"
		"    env:\n"
		"      A: \"***\"\n"
		"    restart:\n"
		"      max_restarts: 10\n"
		"    ping:\n"
		"      timeout_seconds: 9\n"
		"    start: false\n");
	deia_config_free_text(text);
	cJSON_Delete(bot);
}
END_TEST

START_TEST(what_is_no_bot_is_not_printed)
{
	cJSON *bot = json_of("{\"id\":\"no id\\n- id: x\"}");
	const cJSON *list[] = { bot };
	char *text = NULL;

	ck_assert_int_eq(deia_bots_file_print(&text, list, 1), DEIA_EINVAL);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(deia_bots_file_print(&text, NULL, 0), DEIA_OK);
	ck_assert_ptr_nonnull(strstr(text, "\nbots: []\n"));
	deia_config_free_text(text);
	cJSON_Delete(bot);
}
END_TEST

static deia_err whole_run(void)
{
	static const char text[] =
		"defaults: {type: t}\n"
		"bots:\n"
		"  - {id: a, adapter: echo, depends_on: [b], bad: 1}\n"
		"  - {id: b, adapter: echo, env: {A: x}}\n";
	deia_bots_file *f;
	deia_err err = deia_bots_file_new(&f);

	if (err)
		return err;
	err = deia_bots_file_add(f, "a.yaml", text, strlen(text));
	if (!err)
		err = deia_bots_file_finish(f);
	if (!err)
		err = deia_bots_file_refuse(f, 0, "/type", "no");
	deia_bots_file_free(f);
	return err;
}

/* cJSON's own allocations fail as well; an error then may lack its hint. */
START_TEST(no_memory_is_said_and_leaks_nothing)
{
	deia_err err = DEIA_ENOMEM;

	for (unsigned long n = 1; err && n < 10000; n++) {
		deia__mem_fail_at(n, true);
		err = whole_run();
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
	}
	ck_assert_int_eq(err, DEIA_OK);
}
END_TEST

static TCase *reading_case(void)
{
	TCase *t = tcase_create("reading");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bots_come_as_bodies_of_the_api);
	tcase_add_test(t, defaults_fill_what_a_bot_does_not_say);
	tcase_add_test(t, empty_files_name_no_bot);
	tcase_add_test(t, all_errors_are_found_in_order_of_place);
	tcase_add_test(t, an_error_in_defaults_is_told_once);
	tcase_add_test(t, a_file_that_is_no_yaml_has_its_place);
	tcase_add_test(t, a_file_over_the_limit_is_refused);
	tcase_add_test(t, an_id_twice_is_refused_over_files);
	tcase_add_test(t, bots_stand_behind_what_they_depend_on);
	tcase_add_test(t, a_circle_is_refused_with_its_bots);
	tcase_add_test(t, a_chain_of_thousands_is_put_in_order);
	tcase_add_test(t, what_the_hive_refuses_has_its_place);
	tcase_add_test(t, no_memory_is_said_and_leaks_nothing);
	tcase_set_timeout(t, 60);
	return t;
}

static TCase *printing_case(void)
{
	TCase *t = tcase_create("printing");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, awkward_texts_come_back);
	tcase_add_test(t, random_texts_come_back);
	tcase_add_test(t, defaults_are_left_out_and_states_too);
	tcase_add_test(t, what_is_no_bot_is_not_printed);
	tcase_set_timeout(t, 120);
	return t;
}

int main(void)
{
	Suite *suite = suite_create("config_bots_file");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, reading_case());
	suite_add_tcase(suite, printing_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
