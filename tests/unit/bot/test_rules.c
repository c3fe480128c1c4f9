/* SPDX-License-Identifier: MIT */
/* Pure rules: the state table, the restart policy, the specification. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <deia/bot.h>
#include <deia/limits.h>
#include <deia/sys/json.h>

#include "bot/restart.h"
#include "core/id.h"
#include "core/mem.h"

/* ---- states ------------------------------------------------------------------ */

/* As the documentation says it: from, then all states it may move to. */
static const char *const moves[][9] = {
	{ "stopped", "starting", "offline" },
	{ "starting", "ready", "stopping", "backoff", "failed", "stopped" },
	{ "ready", "busy", "paused", "stopping", "backoff", "failed", "stopped",
	  "offline" },
	{ "busy", "ready", "paused", "stopping", "backoff", "failed", "stopped",
	  "offline" },
	{ "paused", "ready", "busy", "stopping", "backoff", "failed", "stopped",
	  "offline" },
	{ "stopping", "stopped" },
	{ "backoff", "starting", "stopped", "failed" },
	{ "failed", "starting", "stopped" },
	{ "offline", "ready", "paused", "stopped" },
};

static bool documented(const char *from, const char *to)
{
	size_t i, j;

	for (i = 0; i < sizeof(moves) / sizeof(*moves); i++)
		for (j = 1; j < 9 && moves[i][j] != NULL; j++)
			if (strcmp(moves[i][0], from) == 0 &&
			    strcmp(moves[i][j], to) == 0)
				return true;
	return false;
}

START_TEST(every_pair_of_states_is_as_documented)
{
	unsigned from, to;

	for (from = 0; from < DEIA_BOT_STATES; from++)
		for (to = 0; to < DEIA_BOT_STATES; to++)
			ck_assert_msg(
				deia_bot_state_can((deia_bot_state)from,
						   (deia_bot_state)to) ==
					documented(deia_bot_state_name((
							   deia_bot_state)from),
						   deia_bot_state_name(
							   (deia_bot_state)to)),
				"%u -> %u", from, to);
	ck_assert(!deia_bot_state_can(DEIA_BOT_STATES, DEIA_BOT_READY));
	ck_assert(!deia_bot_state_can(DEIA_BOT_READY, (deia_bot_state)40));
	ck_assert_str_eq(deia_bot_state_name(DEIA_BOT_STATES), "unknown");
}
END_TEST

START_TEST(bot_ids_are_what_the_pattern_says)
{
	char id[70];

	memset(id, 'a', sizeof(id));
	id[64] = '\0';
	ck_assert(deia_bot_id_valid(id));
	id[64] = 'a';
	id[65] = '\0';
	ck_assert(!deia_bot_id_valid(id));
	ck_assert(deia_bot_id_valid("BOT-001"));
	ck_assert(deia_bot_id_valid("0"));
	ck_assert(deia_bot_id_valid("a..b"));
	ck_assert(!deia_bot_id_valid(""));
	ck_assert(!deia_bot_id_valid(NULL));
	ck_assert(!deia_bot_id_valid(".a"));
	ck_assert(!deia_bot_id_valid("-a"));
	ck_assert(!deia_bot_id_valid("a/b"));
	ck_assert(!deia_bot_id_valid("a b"));
	ck_assert(!deia_bot_id_valid("\xc3\xa4"));
}
END_TEST

/* ---- restart ----------------------------------------------------------------- */

static struct deia_bot_spec policy(void)
{
	return (struct deia_bot_spec)DEIA_BOT_SPEC_INIT;
}

static struct deia__restart_next die(struct deia__restart_history *h,
				     const struct deia_bot_spec *s,
				     int64_t now_ms, int64_t up_ms,
				     double jitter)
{
	struct deia__death d = { .now_ms = now_ms,
				 .up_ms = up_ms,
				 .jitter = jitter };

	ck_assert(deia__restart_note(h, s, &d));
	return deia__restart_next(h, s, &d);
}

START_TEST(delays_are_0_1_2_4_to_60_with_jitter)
{
	static const int64_t want[] = { 0,     1000,  2000,  4000,  8000,
					16000, 32000, 60000, 60000, 60000 };
	static const double jitters[] = { 0.0, 0.5, 0.999999 };
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	struct deia__restart_next n;
	int64_t now = 0;
	size_t i;

	s.max_restarts = 100;
	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		n = die(&h, &s, now, 0, jitters[_i]);
		ck_assert_int_eq(n.action, DEIA__RESTART_AGAIN);
		ck_assert_int_le(n.delay_ms, want[i] * 6 / 5);
		ck_assert_int_ge(n.delay_ms, want[i] * 4 / 5);
		if (_i == 1)
			ck_assert_int_eq(n.delay_ms, want[i]);
		now += n.delay_ms + 5;
	}
	deia__restart_clear(&h);
}
END_TEST

START_TEST(ten_minutes_up_start_the_row_anew)
{
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	int i;

	for (i = 0; i < 5; i++)
		(void)die(&h, &s, 1000 * i, 0, 0.5);
	ck_assert_int_eq(die(&h, &s, 700000, 599999, 0.5).delay_ms, 16000);
	ck_assert_int_eq(die(&h, &s, 1400000, 600000, 0.5).delay_ms, 0);
	ck_assert_int_eq(die(&h, &s, 1400100, 50, 0.5).delay_ms, 1000);
	deia__restart_clear(&h);
}
END_TEST

/* Lives of a bot, one after the other, on a clock that only they move: how long
 * each was up, and what must follow its death (-1: failed). */
static const struct {
	unsigned max_restarts, window_seconds;
	struct {
		int64_t up_ms, delay_ms;
	} lives[16];
	unsigned n;
} life_rows[] = {
	/* dies at once, again and again */
	{ 10,
	  600,
	  { { 0, 0 },
	    { 0, 1000 },
	    { 0, 2000 },
	    { 0, 4000 },
	    { 0, 8000 },
	    { 0, 16000 },
	    { 0, 32000 },
	    { 0, 60000 },
	    { 0, 60000 },
	    { 0, 60000 },
	    { 0, -1 } },
	  11 },
	/* once a day: always at once */
	{ 1, 600, { { 86400000, 0 }, { 86400000, 0 }, { 86400000, 0 } }, 3 },
	/* up for a while each time, but never for ten minutes */
	{ 3,
	  100,
	  { { 60000, 0 },
	    { 60000, 1000 },
	    { 60000, 2000 },
	    { 60000, 4000 },
	    { 60000, 8000 },
	    { 60000, 16000 },
	    { 60000, 32000 },
	    { 60000, 60000 },
	    { 60000, 60000 } },
	  9 },
	/* three quick deaths, then a good time, then the row anew */
	{ 10,
	  600,
	  { { 0, 0 },
	    { 100, 1000 },
	    { 100, 2000 },
	    { 600000, 0 },
	    { 599999, 1000 },
	    { 0, 2000 } },
	  6 },
	/* no restart at all is allowed */
	{ 0, 600, { { 86400000, -1 } }, 1 },
	/* fails when the second death is within the window, not after it */
	{ 1, 10, { { 0, 0 }, { 9000, -1 } }, 2 },
	{ 1, 10, { { 0, 0 }, { 10001, 1000 }, { 10001, 2000 } }, 3 },
};

START_TEST(row_of_lives_is_followed_as_the_table_says)
{
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	struct deia__restart_next n;
	int64_t now = 1000;
	unsigned i;

	s.max_restarts = life_rows[_i].max_restarts;
	s.window_seconds = life_rows[_i].window_seconds;
	for (i = 0; i < life_rows[_i].n; i++) {
		int64_t up = life_rows[_i].lives[i].up_ms;
		int64_t want = life_rows[_i].lives[i].delay_ms;

		now += up;
		n = die(&h, &s, now, up, 0.5);
		ck_assert_int_eq(n.action, want < 0 ? DEIA__RESTART_GIVE_UP
						    : DEIA__RESTART_AGAIN);
		ck_assert_msg(want < 0 || n.delay_ms == want,
			      "row %d, life %u: %lld ms", _i, i,
			      (long long)n.delay_ms);
		now += n.delay_ms;
	}
	deia__restart_clear(&h);
}
END_TEST

START_TEST(more_than_max_restarts_within_the_window_gives_up)
{
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	struct deia__restart_next n;
	unsigned i;

	s.max_restarts = 3;
	s.window_seconds = 10;
	for (i = 0; i < 3; i++) {
		n = die(&h, &s, 1000 * i, 0, 0.5);
		ck_assert_int_eq(n.action, DEIA__RESTART_AGAIN);
	}
	n = die(&h, &s, 9999, 0, 0.5);
	ck_assert_int_eq(n.action, DEIA__RESTART_GIVE_UP);
	ck_assert_uint_eq(n.deaths, 4);
	/* The first one has left the window. */
	n = die(&h, &s, 10500, 0, 0.5);
	ck_assert_uint_eq(n.deaths, 4);
	n = die(&h, &s, 21000, 0, 0.5);
	ck_assert_int_eq(n.action, DEIA__RESTART_AGAIN);
	ck_assert_uint_eq(n.deaths, 1);
	s.max_restarts = 0;
	n = die(&h, &s, 30000, 0, 0.5);
	ck_assert_int_eq(n.action, DEIA__RESTART_GIVE_UP);
	deia__restart_clear(&h);
}
END_TEST

START_TEST(history_survives_a_changed_policy_and_no_memory)
{
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	struct deia__death d = { .now_ms = 5, .jitter = 0.5 };
	int i;

	for (i = 0; i < 8; i++)
		(void)die(&h, &s, i, 0, 0.5);
	s.max_restarts = 4;
	ck_assert_uint_eq(die(&h, &s, 8, 0, 0.5).deaths, 5);
	s.max_restarts = 20;
	ck_assert_uint_eq(die(&h, &s, 9, 0, 0.5).deaths, 6);
	s.max_restarts = 30;
	deia__mem_fail_at(1, false);
	ck_assert(!deia__restart_note(&h, &s, &d));
	deia__mem_fail_at(0, false);
	ck_assert_uint_eq(die(&h, &s, 10, 0, 0.5).deaths, 7);
	deia__restart_clear(&h);
}
END_TEST

START_TEST(policy_and_kind_of_end_decide)
{
	static const struct {
		deia_restart_policy policy;
		bool clean;
		enum deia__restart_action action;
	} cases[] = {
		{ DEIA_RESTART_ALWAYS, true, DEIA__RESTART_AGAIN },
		{ DEIA_RESTART_ALWAYS, false, DEIA__RESTART_AGAIN },
		{ DEIA_RESTART_ON_FAILURE, true, DEIA__RESTART_NOT },
		{ DEIA_RESTART_ON_FAILURE, false, DEIA__RESTART_AGAIN },
		{ DEIA_RESTART_NEVER, true, DEIA__RESTART_NOT },
		{ DEIA_RESTART_NEVER, false, DEIA__RESTART_FAIL },
	};
	struct deia_bot_spec s = policy();
	struct deia__restart_history h = { 0 };
	struct deia__death d = { .clean = cases[_i].clean };

	s.restart = cases[_i].policy;
	ck_assert(deia__restart_note(&h, &s, &d));
	ck_assert_int_eq(deia__restart_next(&h, &s, &d).action,
			 cases[_i].action);
	deia__restart_clear(&h);
}
END_TEST

/* ---- specification -------------------------------------------------------------- */

static deia_err parse(struct deia_bot_spec **out, const char *text,
		      const struct deia_bot_spec *base,
		      struct deia_field_error *where)
{
	cJSON *json;
	deia_err err;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	err = deia_bot_spec_parse(out, json, base, where);
	cJSON_Delete(json);
	return err;
}

static const char full[] =
	"{\"id\":\"b1\",\"adapter\":\"exec\",\"template\":\"t\","
	"\"managed_by\":\"scaler\",\"model\":\"m\",\"base_url\":\"http://"
	"127.0.0.1:11434\",\"api_key_env\":"
	"\"KEY\",\"api_key_file\":null,\"argv\":[\"/bin/x\","
	"\"-v\"],\"cwd\":\"/tmp\",\"worktree_of\":\"/srv/repo\","
	"\"env\":{\"A\":\"1\",\"B_2\":\"x=y\"},\"pass_env\":[\"X\"],"
	"\"type\":\"coder\",\"capabilities\":[\"c\",\"python\"],"
	"\"depends_on\":[\"b4\",\"b3\"],"
	"\"system_prompt\":\"be\\nbrief\",\"options\":{\"num_ctx\":4096},"
	"\"on_message\":\"reply\",\"history_messages\":3,"
	"\"max_concurrent\":3,\"restart\":{"
	"\"policy\":\"on-failure\",\"max_restarts\":5,\"window_seconds\":60,"
	"\"retry_failed_seconds\":300},"
	"\"ping\":{\"interval_seconds\":1,\"timeout_seconds\":2},"
	"\"limits\":{\"memory_mib\":900,\"memory_seconds\":10,"
	"\"memory_max_mib\":1000,\"processes\":20,\"open_files\":64,"
	"\"file_size_mib\":5},"
	"\"ready_timeout_seconds\":7,\"turn_timeout_seconds\":60,"
	"\"stop_timeout_seconds\":8,"
	"\"heartbeat_timeout_seconds\":9}";

static char *print(const struct deia_bot_spec *s, bool redact)
{
	deia_jw w;
	char *text;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(s, redact, &w);
	deia_jw_end_object(&w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	text = strdup(w.text);
	deia_jw_fini(&w);
	return text;
}

START_TEST(spec_is_read_and_printed_back_the_same)
{
	struct deia_field_error where;
	struct deia_bot_spec *s, *copy, *again;
	char *text;

	ck_assert_int_eq(parse(&s, full, NULL, &where), DEIA_OK);
	ck_assert_str_eq(s->id, "b1");
	ck_assert_str_eq(s->argv[1], "-v");
	ck_assert_str_eq(s->env[1], "B_2=x=y");
	ck_assert_str_eq(s->options, "{\"num_ctx\":4096}");
	ck_assert_int_eq(s->restart, DEIA_RESTART_ON_FAILURE);
	ck_assert_uint_eq(s->window_seconds, 60);
	ck_assert_str_eq(s->depends_on[1], "b3");
	ck_assert_uint_eq(s->memory_mib, 900);
	ck_assert_int_eq(deia_bot_spec_dup(&copy, s), DEIA_OK);
	deia_bot_spec_free(s);
	text = print(copy, false);
	ck_assert_str_eq(text, full);
	free(text);
	text = print(copy, true);
	ck_assert_ptr_nonnull(
		strstr(text, "\"env\":{\"A\":\"***\",\"B_2\":\"***\"}"));
	/* What was shown redacted keeps its value. */
	ck_assert_int_eq(parse(&again, text, copy, &where), DEIA_OK);
	ck_assert_str_eq(again->env[0], "A=1");
	free(text);
	deia_bot_spec_free(again);
	deia_bot_spec_free(copy);
}
END_TEST

START_TEST(a_change_says_who_may_make_it_and_when_it_takes_effect)
{
	static const struct {
		const char *json, *admin;
		bool restart;
	} rows[] = {
		{ "{\"id\":\"b1\"}", NULL, false },
		{ "{\"type\":\"x\"}", NULL, false },
		{ "{\"restart\":{\"policy\":\"never\"}}", NULL, false },
		{ "{\"model\":\"other\"}", NULL, true },
		{ "{\"system_prompt\":null}", NULL, true },
		{ "{\"max_concurrent\":1}", NULL, true },
		{ "{\"argv\":[\"/bin/x\"]}", "argv", true },
		{ "{\"env\":{\"A\":\"***\"}}", "env", true },
		{ "{\"limits\":{\"processes\":0}}", "limits", true },
		{ "{\"limits\":null}", "limits", true },
		{ "{\"pass_env\":[\"Y\"]}", "pass_env", true },
		{ "{\"options\":{\"resume_argv\":[\"x\"]}}",
		  "options.resume_argv", true },
	};
	struct deia_field_error where;
	struct deia_bot_spec *s, *changed;
	const char *admin;
	size_t i;

	ck_assert_int_eq(parse(&s, full, NULL, &where), DEIA_OK);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ck_assert_int_eq(parse(&changed, rows[i].json, s, &where),
				 DEIA_OK);
		admin = deia_bot_spec_admin_field(changed, s);
		ck_assert_msg((admin == NULL) == (rows[i].admin == NULL), "%s",
			      rows[i].json);
		if (admin != NULL)
			ck_assert_str_eq(admin, rows[i].admin);
		ck_assert_msg(deia_bot_spec_needs_restart(s, changed) ==
				      rows[i].restart,
			      "%s", rows[i].json);
		deia_bot_spec_free(changed);
	}
	ck_assert_str_eq(deia_bot_spec_admin_field(s, NULL), "base_url");
	deia_bot_spec_free(s);
}
END_TEST

START_TEST(absent_keeps_the_base_and_null_goes_back_to_the_default)
{
	struct deia_bot_spec *base, *s;

	ck_assert_int_eq(parse(&base, full, NULL, NULL), DEIA_OK);
	ck_assert_int_eq(parse(&s,
			       "{\"id\":\"b2\",\"model\":null,\"env\":null,"
			       "\"restart\":{\"max_restarts\":1},"
			       "\"max_concurrent\":null}",
			       base, NULL),
			 DEIA_OK);
	deia_bot_spec_free(base);
	ck_assert_str_eq(s->id, "b2");
	ck_assert_ptr_null(s->model);
	ck_assert_uint_eq(s->n_env, 0);
	ck_assert_uint_eq(s->n_argv, 2);
	ck_assert_uint_eq(s->max_restarts, 1);
	ck_assert_uint_eq(s->window_seconds, 60);
	ck_assert_uint_eq(s->max_concurrent, 1);
	deia_bot_spec_free(s);
}
END_TEST

static const struct {
	const char *json, *pointer, *detail;
} wrong[] = {
	{ "[]", "", "must be an object" },
	{ "{}", "/adapter", "is required" },
	{ "{\"adapter\":\"openai\"}", "/model",
	  "adapter \"openai\" needs the name of a model" },
	{ "{\"adapter\":\"magic\"}", "/adapter",
	  "there is no adapter \"magic\"; available: echo, ollama, openai" },
	{ "{\"adapter\":7}", "/adapter", "must be a string" },
	{ "{\"adapter\":\"echo\",\"nope\":1}", "/nope",
	  "is no field of a bot" },
	{ "{\"adapter\":\"echo\",\"id\":\"a b\"}", "/id", "letters" },
	{ "{\"adapter\":\"echo\",\"argv\":[\"x\"]}", "/argv",
	  "only for the adapters \"process\" and \"exec\"" },
	{ "{\"adapter\":\"process\"}", "/argv", "needs the program" },
	{ "{\"adapter\":\"process\",\"argv\":[\"\"]}", "/argv",
	  "needs the program" },
	{ "{\"adapter\":\"process\",\"argv\":[\"x\",3]}", "/argv/1",
	  "must be a string" },
	{ "{\"adapter\":\"process\",\"argv\":\"x y\"}", "/argv", "an array" },
	{ "{\"adapter\":\"ollama\"}", "/model", "needs the name of a model" },
	{ "{\"adapter\":\"echo\",\"env\":{\"1A\":\"x\"}}", "/env",
	  "the name \"1A" },
	{ "{\"adapter\":\"echo\",\"env\":{\"A=B\":\"x\"}}", "/env/A=B",
	  "must not hold" },
	{ "{\"adapter\":\"echo\",\"env\":{\"A\":1}}", "/env/A",
	  "must be a string" },
	{ "{\"adapter\":\"echo\",\"env\":[\"A=1\"]}", "/env",
	  "must be an object" },
	{ "{\"adapter\":\"echo\",\"base_url\":\"ftp://x\"}", "/base_url",
	  "http or https" },
	{ "{\"adapter\":\"echo\",\"base_url\":\"http:///x\"}", "/base_url",
	  "http or https" },
	{ "{\"adapter\":\"echo\",\"base_url\":\"http://u:p@h\"}", "/base_url",
	  "without a user name" },
	{ "{\"adapter\":\"echo\",\"cwd\":\"here\"}", "/cwd",
	  "an absolute path" },
	{ "{\"adapter\":\"echo\",\"options\":[]}", "/options",
	  "must be an object" },
	{ "{\"adapter\":\"echo\",\"on_message\":\"shout\"}", "/on_message",
	  "hold or reply" },
	{ "{\"adapter\":\"echo\",\"managed_by\":\"me\"}", "/managed_by",
	  "must be scaler" },
	{ "{\"adapter\":\"echo\",\"max_concurrent\":0}", "/max_concurrent",
	  "from 1 to 64" },
	{ "{\"adapter\":\"echo\",\"max_concurrent\":1.5}", "/max_concurrent",
	  "whole number" },
	{ "{\"adapter\":\"echo\",\"max_concurrent\":-1}", "/max_concurrent",
	  "whole number" },
	{ "{\"adapter\":\"echo\",\"ready_timeout_seconds\":1e12}",
	  "/ready_timeout_seconds", "whole number" },
	{ "{\"adapter\":\"echo\",\"restart\":{\"policy\":\"often\"}}",
	  "/restart/policy", "always, on-failure or never" },
	{ "{\"adapter\":\"echo\",\"restart\":{\"max_restarts\":1001}}",
	  "/restart/max_restarts", "from 0 to 1000" },
	{ "{\"adapter\":\"echo\",\"restart\":{\"max\":1}}", "/restart/max",
	  "is unknown" },
	{ "{\"adapter\":\"echo\",\"restart\":\"never\"}", "/restart",
	  "must be an object" },
	{ "{\"adapter\":\"echo\",\"capabilities\":[\"a b\"]}",
	  "/capabilities/0", "letters" },
	{ "{\"adapter\":\"echo\",\"depends_on\":[\"a\",\"b c\"]}",
	  "/depends_on/1", "letters" },
	{ "{\"id\":\"a\",\"adapter\":\"echo\",\"depends_on\":[\"a\"]}",
	  "/depends_on/0", "itself" },
	{ "{\"adapter\":\"echo\",\"pass_env\":[\"A=1\"]}", "/pass_env/0",
	  "name of a variable" },
	{ "{\"adapter\":\"echo\",\"api_key_env\":\"sk-1\"}", "/api_key_env",
	  "name of a variable" },
	{ "{\"adapter\":\"echo\",\"api_key_file\":\"key\"}", "/api_key_file",
	  "absolute path" },
	{ "{\"adapter\":\"echo\",\"api_key_env\":\"K\",\"api_key_file\":"
	  "\"/k\"}",
	  "/api_key_file", "together with api_key_env" },
	{ "{\"adapter\":\"echo\",\"worktree_of\":\"/srv\"}", "/worktree_of",
	  "only for adapter \"exec\"" },
	{ "{\"adapter\":\"echo\",\"history_messages\":257}",
	  "/history_messages", "from 0 to 256" },
	{ "{\"adapter\":\"echo\",\"limits\":{\"open_files\":1}}",
	  "/limits/open_files", "from 16 to" },
	{ "{\"adapter\":\"echo\",\"limits\":{\"memory\":1}}", "/limits/memory",
	  "expected one of memory_mib, memory_seconds" },
	{ "{\"adapter\":\"echo\",\"ping\":{\"timeout_seconds\":0}}",
	  "/ping/timeout_seconds", "from 1 to 86400" },
};

START_TEST(wrong_field_is_named_with_what_was_expected)
{
	struct deia_field_error where = { "x", "x" };
	struct deia_bot_spec *s;

	ck_assert_int_eq(parse(&s, wrong[_i].json, NULL, &where), DEIA_EFIELD);
	ck_assert_ptr_null(s);
	ck_assert_str_eq(where.pointer, wrong[_i].pointer);
	ck_assert_msg(strstr(where.detail, wrong[_i].detail) != NULL, "%s",
		      where.detail);
	ck_assert_int_eq(parse(&s, wrong[_i].json, NULL, NULL), DEIA_EFIELD);
}
END_TEST

START_TEST(spec_of_a_program_is_checked_the_same)
{
	static const char *const env[] = { "NOVALUE" };
	struct deia_bot_spec s = DEIA_BOT_SPEC_INIT;
	struct deia_field_error where;
	static char huge[DEIA_MAX_PROMPT_BYTES + 2];

	s.adapter = "echo";
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_OK);
	s.env = env;
	s.n_env = 1;
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_EFIELD);
	s.n_env = 0;
	s.options = "{\n}";
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_EFIELD);
	s.options = NULL;
	memset(huge, 'p', sizeof(huge) - 1);
	s.system_prompt = huge;
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_EFIELD);
	ck_assert_str_eq(where.pointer, "/system_prompt");
	s.system_prompt = "\xff";
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_EFIELD);
	s.system_prompt = NULL;
	s.size = 0;
	ck_assert_int_eq(deia_bot_spec_check(&s, &where), DEIA_EFIELD);
	ck_assert_int_eq(deia_bot_spec_check(NULL, NULL), DEIA_EFIELD);
}
END_TEST

START_TEST(any_failed_allocation_leaves_nothing)
{
	struct deia_bot_spec *s;
	cJSON *json;
	unsigned long n;
	deia_err err = DEIA_ENOMEM;

	ck_assert_int_eq(deia_json_parse(&json, full, strlen(full), NULL),
			 DEIA_OK);
	for (n = 1; err == DEIA_ENOMEM; n++) {
		deia__mem_fail_at(n, false);
		err = deia_bot_spec_parse(&s, json, NULL, NULL);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || s == NULL);
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_gt(n, 5);
	deia_bot_spec_free(s);
	cJSON_Delete(json);
}
END_TEST

static TCase *rules(void)
{
	TCase *tc = tcase_create("rules");

	tcase_add_test(tc, every_pair_of_states_is_as_documented);
	tcase_add_test(tc, bot_ids_are_what_the_pattern_says);
	tcase_add_loop_test(tc, delays_are_0_1_2_4_to_60_with_jitter, 0, 3);
	tcase_add_test(tc, ten_minutes_up_start_the_row_anew);
	tcase_add_loop_test(tc, row_of_lives_is_followed_as_the_table_says, 0,
			    sizeof(life_rows) / sizeof(*life_rows));
	tcase_add_test(tc, more_than_max_restarts_within_the_window_gives_up);
	tcase_add_test(tc, history_survives_a_changed_policy_and_no_memory);
	tcase_add_loop_test(tc, policy_and_kind_of_end_decide, 0, 6);
	return tc;
}

static TCase *spec(void)
{
	TCase *tc = tcase_create("spec");

	tcase_add_test(tc, spec_is_read_and_printed_back_the_same);
	tcase_add_test(tc,
		       a_change_says_who_may_make_it_and_when_it_takes_effect);
	tcase_add_test(tc,
		       absent_keeps_the_base_and_null_goes_back_to_the_default);
	tcase_add_loop_test(tc, wrong_field_is_named_with_what_was_expected, 0,
			    sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(tc, spec_of_a_program_is_checked_the_same);
	tcase_add_test(tc, any_failed_allocation_leaves_nothing);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("rules");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, rules());
	suite_add_tcase(s, spec());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
