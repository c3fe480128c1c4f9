/* SPDX-License-Identifier: MIT */
/* test_health_measure.c - what a hive measures of itself and its bots. */
#include "watched.h"

#include <math.h>
#include <stdio.h>

#include <deia/scheduling.h>

struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- what is measured ---------------------------------------------------- */

static void on_done(deia_err err, void *user)
{
	*(int *)user = (int)err;
}

static double value(const char *metric, const char *subject)
{
	return deia_health_get(health_monitor(), metric, subject);
}

START_TEST(the_hive_measures_itself)
{
	health_look(1);
	ck_assert_double_gt(value("host.memory_ratio", NULL), 0);
	ck_assert_double_gt(value("disk.used_ratio", "state"), 0);
	ck_assert(isnan(value("disk.used_ratio", "logs"))); /* the same disk */
	ck_assert_double_gt(value("process.memory_bytes", NULL), 1e5);
	ck_assert_double_gt(value("process.descriptors_ratio", NULL), 0);
	ck_assert_double_eq(value("store.down", NULL), 0);
	ck_assert_double_eq(value("cache.down", NULL), 0);
	ck_assert_double_eq(value("hive.bots", NULL), 0);
	ck_assert(isnan(value("hive.bots_down_ratio", NULL)));
	ck_assert_double_eq(value("hive.tasks_waiting", NULL), 0);
	ck_assert_double_eq(value("hive.failed_messages", NULL), 0);
	ck_assert_double_eq(value("process.loop_delay_seconds", NULL), 0);
}
END_TEST

START_TEST(local_work_is_that_of_models_and_programs_here)
{
	static const struct {
		const char *adapter, *url;
		bool here;
	} all[] = {
		{ "ollama", NULL, true },
		{ "ollama", "http://127.0.0.1:11434", true },
		{ "openai", "http://localhost:8080/v1", true },
		{ "openai", "http://[::1]:8080", true },
		{ "ollama", "http://gpu-box:11434", false },
		{ "openai", "http://localhost.example", false },
		{ "openai", NULL, false },
		{ "anthropic", NULL, false },
		{ "process", NULL, true },
		{ "exec", NULL, true },
		{ "echo", NULL, false },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

		spec.adapter = all[i].adapter;
		spec.base_url = all[i].url;
		ck_assert_msg(deia__works_here(&spec) == all[i].here, "%s %s",
			      all[i].adapter, all[i].url ? all[i].url : "");
	}
}
END_TEST

START_TEST(bots_are_measured)
{
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	launch_failing("bad");
	for (int i = 0; i < 10; i++)
		health_look(1);
	ck_assert_double_eq(value("hive.bots", NULL), 1);
	ck_assert_double_eq_tol(value("hive.bots_down_ratio", NULL), 0.5, 1e-9);
	ck_assert_double_eq(value("bot.load_ratio", "ada"), 0);
	ck_assert_double_eq(value("bot.failed", "ada"), 0);
	ck_assert_double_eq(value("bot.restarts", "ada"), 0);
	ck_assert_double_eq(value("bot.finished", "ada"), 0);
	ck_assert_double_eq(value("host.local_turns", NULL), 0);
	ck_assert_int_eq(deia__samples_take(f.hive), DEIA_OK);
	ck_assert_double_gt(value("bot.memory_bytes", "ada"), 1e4);
	ck_assert_double_eq(value("bot.leak_bytes_per_hour", "ada"), 0);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_STOPPED);
	health_look(1);
	ck_assert(isnan(value("bot.memory_bytes", "ada")));
	/* Stopped by hand is not down. */
	ck_assert_double_eq(value("hive.bots_down_ratio", NULL), 1);
	ck_assert_double_eq(value("hive.bots_wanted", NULL), 1);
}
END_TEST

START_TEST(what_a_bot_does_not_do_well_is_an_alert)
{
	struct deia_execution e = DEIA_EXECUTION_INIT;
	int result;

	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	e.bot = "ada";
	e.type = "writing";
	e.seconds = 1;
	for (int i = 0; i < 8; i++) {
		result = -1;
		ck_assert_int_eq(
			deia_hive_scheduler_record(f.hive, deia_actor_local(),
						   &e, on_done, &result),
			DEIA_OK);
		while (result == -1)
			event_base_loop(f.base, EVLOOP_ONCE);
	}
	for (int i = 0; i < 40; i++)
		health_look(2);
	ck_assert_double_eq(value("bot.finished", "ada"), 8);
	ck_assert_double_eq(value("bot.success_ratio", "ada"), 0);
	ck_assert_ptr_nonnull(find_alert("bot_success", "ada"));
}
END_TEST

START_TEST(what_ended_of_late_counts)
{
	struct deia__recent r = { .counting = false };

	deia__recent_add(&r, 10, 5, 20);
	ck_assert_double_eq(r.n, 10);
	deia__recent_add(&r, 30, 5, 20); /* 20 more, none good */
	ck_assert_double_eq(r.n, 20);
	ck_assert_double_eq_tol(r.n_good, 5.0 * 20 / 30, 1e-9);
	deia__recent_add(&r, 3, 3, 20); /* they began anew */
	ck_assert_double_eq(r.n_good / r.n, 1);
}
END_TEST

START_TEST(memory_that_only_grows_is_a_trend)
{
	struct deia__bot_health b = { 0 };
	const int64_t mib = 1 << 20;

	for (int m = 0; m < 120; m++) /* 2 MiB a minute */
		deia__memory_add(&b, 7, (100 + 2 * m) * mib);
	ck_assert_double_eq_tol(deia__memory_slope(&b), 120.0 * (double)mib,
				(double)mib);
	deia__memory_add(&b, 8, mib); /* another process */
	ck_assert_double_eq(deia__memory_slope(&b), 0);
	for (int m = 0; m < 240; m++) /* taken, and given back */
		deia__memory_add(&b, 8, (100 + 10 * (m % 20)) * mib);
	ck_assert_double_eq(deia__memory_slope(&b), 0);
}
END_TEST

START_TEST(a_latency_is_of_the_last_minute)
{
	struct deia__window w = { .begun = false };
	struct deia_histogram h;

	deia_histogram_init(&h, DEIA_SCALE_FAST);
	ck_assert(isnan(deia__window_p95(&w, &h, 30000, 0)));
	for (int i = 0; i < 10; i++)
		deia_histogram_add(&h, 900000);
	ck_assert_double_ge(deia__window_p95(&w, &h, 30000, 1000), 0.9);
	ck_assert_double_ge(deia__window_p95(&w, &h, 30000, 31000), 0.9);
	ck_assert(isnan(deia__window_p95(&w, &h, 30000, 62000)));
	deia_histogram_add(&h, INT64_C(1) << 40);
	ck_assert_double_eq(deia__window_p95(&w, &h, 30000, 63000), 10);
}
END_TEST

/* ---- model servers ------------------------------------------------------- */

START_TEST(a_model_server_is_named_by_its_address)
{
	static const struct {
		const char *adapter, *url, *name;
	} all[] = {
		{ "ollama", NULL, "http://127.0.0.1:11434" },
		{ "openai", NULL, "https://api.openai.com" },
		{ "anthropic", NULL, "https://api.anthropic.com" },
		{ "ollama", "http://gpu-box:11434", "http://gpu-box:11434" },
		{ "openai", "http://me:secret@box:8080/v1", "http://box:8080" },
		{ "openai", "http://[::1]:8080/v1?x=1", "http://[::1]:8080" },
		{ "echo", "http://gpu-box:11434", NULL },
		{ "process", NULL, NULL },
		{ "openai", "box", NULL },
		{ "openai", "http:///v1", NULL },
	};
	char name[DEIA_HEALTH_MAX_SUBJECT_LEN + 1];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

		spec.adapter = all[i].adapter;
		spec.base_url = all[i].url;
		ck_assert_int_eq(deia__model_server(name, &spec),
				 all[i].name != NULL);
		if (all[i].name)
			ck_assert_str_eq(name, all[i].name);
	}
}
END_TEST

static void end_turn(const char *bot, deia_err err, const char *code)
{
	struct deia_work_result r = {
		.err = err,
		.code = code,
		.first_ms = 700,
	};

	deia__health_turn_ended(f.hive, bot, &r);
}

static void add_ollama(const char *id, const char *url)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "ollama";
	spec.model = "any";
	spec.base_url = url;
	ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_OK);
}

START_TEST(turns_say_whether_a_model_server_is_there)
{
	static const char box[] = "http://box:11434";

	add_ollama("ada", "http://box:11434/");
	add_ollama("bob", "http://box:11434");
	end_turn("ada", DEIA_EREMOTE, "interrupted"); /* that proves nothing */
	end_turn("nobody", DEIA_OK, "");
	ck_assert(isnan(value("model.down", box)));
	end_turn("ada", DEIA_EREMOTE, "model_server_unreachable");
	ck_assert_double_eq(value("model.down", box), 1);
	for (int i = 0; i < 31; i++)
		health_look(1);
	ck_assert_ptr_nonnull(find_alert("model_down", box));
	ck_assert(isnan(value("model.latency_seconds", box)));
	end_turn("bob", DEIA_EREMOTE, "model_refused"); /* it answers */
	ck_assert_double_eq(value("model.down", box), 0);
	end_turn("bob", DEIA_OK, "");
	for (int i = 0; i < 31; i++)
		health_look(1);
	ck_assert_int_eq(find_alert("model_down", box)->state,
			 DEIA_HEALTH_RESOLVED);
	ck_assert_double_ge(value("model.latency_seconds", box), 0.7);
	for (int i = 0; i < 190; i++) /* half an hour without a turn */
		health_look(10);
	ck_assert(isnan(value("model.down", box)));
}
END_TEST

START_TEST(a_model_server_that_no_bot_uses_is_not_known)
{
	add_ollama("ada", "http://box:1");
	end_turn("ada", DEIA_EREMOTE, "model_server_unreachable");
	ck_assert_int_eq(remove_bot(&f, "ada", false, false), DEIA_OK);
	for (int i = 0; i < 30; i++)
		health_look(1);
	ck_assert(isnan(value("model.down", "http://box:1")));
}
END_TEST

START_TEST(so_many_model_servers_are_known_and_no_more)
{
	char id[16], url[40];

	for (int i = 0; i < 66; i++) {
		snprintf(id, sizeof(id), "bot-%d", i);
		snprintf(url, sizeof(url), "http://box:%d", 1000 + i);
		add_ollama(id, url);
		end_turn(id, DEIA_EREMOTE, "model_stalled");
	}
	ck_assert_double_eq(value("model.down", "http://box:1063"), 1);
	ck_assert(isnan(value("model.down", "http://box:1064")));
}
END_TEST

START_TEST(the_time_of_turns_is_measured)
{
	static struct answer answer;

	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	for (int i = 0; i < 10; i++)
		health_look(1);
	ck_assert(isnan(value("bot.latency_seconds", "ada")));
	ck_assert_int_eq(ask_and_wait(&f, "ada", NULL, "hello", &answer),
			 DEIA_OK);
	for (int i = 0; i < 10; i++)
		health_look(1);
	ck_assert_double_gt(value("bot.latency_seconds", "ada"), 0);
	for (int i = 0; i < 70; i++)
		health_look(10);
	ck_assert(isnan(value("bot.latency_seconds", "ada")));
}
END_TEST

START_TEST(a_loop_that_is_late_says_so)
{
	deia__health_late(f.hive, 700);
	health_look(1);
	deia__health_late(f.hive, 5);
	health_look(1);
	ck_assert_double_eq_tol(value("process.loop_delay_seconds", NULL), 0.7,
				1e-9);
	for (int i = 0; i < 10; i++) {
		deia__health_late(f.hive, 0);
		health_look(1);
	}
	ck_assert_double_eq(value("process.loop_delay_seconds", NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-health-measure");
	TCase *tc = tcase_create("health");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_hive_measures_itself);
	tcase_add_test(tc, local_work_is_that_of_models_and_programs_here);
	tcase_add_test(tc, bots_are_measured);
	tcase_add_test(tc, what_a_bot_does_not_do_well_is_an_alert);
	tcase_add_test(tc, what_ended_of_late_counts);
	tcase_add_test(tc, memory_that_only_grows_is_a_trend);
	tcase_add_test(tc, a_latency_is_of_the_last_minute);
	tcase_add_test(tc, a_model_server_is_named_by_its_address);
	tcase_add_test(tc, turns_say_whether_a_model_server_is_there);
	tcase_add_test(tc, a_model_server_that_no_bot_uses_is_not_known);
	tcase_add_test(tc, so_many_model_servers_are_known_and_no_more);
	tcase_add_test(tc, the_time_of_turns_is_measured);
	tcase_add_test(tc, a_loop_that_is_late_says_so);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
