/* SPDX-License-Identifier: MIT */
/* test_health.c - alerts of a hive: in the store, in the journal, over a restart.
 */
#include "watched.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- alerts -------------------------------------------------------------- */

START_TEST(a_bot_that_fails_is_a_warning_at_once)
{
	const struct deia_health_alert *a;
	struct deia_health_summary s;

	launch_failing("ada");
	health_look(1);
	a = find_alert("bot_failed", "ada");
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(a->state, DEIA_HEALTH_FIRING);
	ck_assert_int_eq(a->level, DEIA_HEALTH_WARNING);
	deia_health_get_summary(health_monitor(), &s);
	ck_assert_int_eq(s.status, DEIA_HEALTH_IS_DEGRADED);
	ck_assert(has_event("alert.generated"));
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
	ck_assert_uint_eq(count_lines("alert_generated"), 1);
	ck_assert_uint_eq(count_lines("alert_resolved"), 0);
}
END_TEST

START_TEST(it_is_resolved_when_the_bot_is_removed)
{
	const struct deia_health_alert *a;

	fail_and_look("ada");
	ck_assert_int_eq(remove_bot(&f, "ada", true, false), DEIA_OK);
	health_look(1);
	a = find_alert("bot_failed", "ada");
	ck_assert_int_eq(a->state, DEIA_HEALTH_RESOLVED);
	ck_assert_int_eq(a->end, DEIA_HEALTH_GONE);
	ck_assert(has_event("alert.resolved"));
	ck_assert_uint_eq(count_lines("alert_resolved"), 1);
	ck_assert(
		isnan(deia_health_get(health_monitor(), "bot.failed", "ada")));
}
END_TEST

START_TEST(it_is_resolved_when_the_bot_runs)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	char path[128];
	const char *argv[] = { path };
	FILE *file;

	snprintf(path, sizeof(path), "%s/bot.sh", f.dir);
	spec.id = "ada";
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	spec.restart = DEIA_RESTART_NEVER;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_FAILED);
	health_look(1);
	ck_assert_int_eq(find_alert("bot_failed", "ada")->state,
			 DEIA_HEALTH_FIRING);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("#!/bin/sh\nread -r l\necho '{\"type\":\"ready\"}'\n"
	      "while read -r l; do case \"$l\" in *shutdown*) exit 0;; esac; "
	      "done\n",
	      file);
	fclose(file);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_START), DEIA_OK);
	health_look(1); /* it starts: that is not over yet */
	run_until_state(&f, "ada", DEIA_BOT_READY);
	health_look(1);
	ck_assert_int_eq(find_alert("bot_failed", "ada")->end,
			 DEIA_HEALTH_CLEARED);
}
END_TEST

START_TEST(an_alert_survives_a_restart)
{
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	fixture_reopen(&f, true);
	ck_assert_ptr_nonnull(deia_health_get_alert(health_monitor(), id));
	run_until_state(&f, "ada", DEIA_BOT_FAILED); /* it is tried again */
	health_look(1);
	ck_assert_str_eq(find_alert("bot_failed", "ada")->id, id);
	ck_assert_int_eq(find_alert("bot_failed", "ada")->state,
			 DEIA_HEALTH_FIRING);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
	ck_assert_int_eq(remove_bot(&f, "ada", true, false), DEIA_OK);
	health_look(1);
	fixture_reopen(&f, true);
	ck_assert_int_eq(deia_health_get_alert(health_monitor(), id)->state,
			 DEIA_HEALTH_RESOLVED);
}
END_TEST

START_TEST(a_process_that_is_killed_loses_no_alert)
{
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	health_settle();
	fixture_reopen(&f, false);
	ck_assert_ptr_nonnull(deia_health_get_alert(health_monitor(), id));
}
END_TEST

/* ---- what the store does ------------------------------------------------- */

START_TEST(what_a_store_refuses_is_stored_later)
{
	struct deia__health *hh = f.hive->health;

	launch_failing("ada");
	deia__health_measure(f.hive);
	ck_assert_int_eq(deia_health_look(health_monitor(),
					  deia__health_now(f.hive),
					  deia__health_unix(f.hive)),
			 DEIA_OK);
	ck_assert(!TAILQ_EMPTY(&hh->queue));
	deia__mem_fail_at(1, true);
	deia__saver_flush(&hh->saver);
	deia__mem_fail_at(0, false);
	ck_assert(hh->refused);
	ck_assert(!TAILQ_EMPTY(&hh->queue));
	ck_assert_uint_eq(HASH_COUNT(hh->rows), 1);
	deia__saver_flush(&hh->saver);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
	ck_assert(has_event("alert.generated"));
}
END_TEST

START_TEST(while_it_refuses_the_last_change_of_an_alert_is_kept)
{
	struct deia__health *hh = f.hive->health;
	struct deia__alert_row *r;

	hh->refused = true;
	fail_and_look("ada");
	deia__timer_clear(f.hive->timers, &hh->saver.timer);
	ck_assert_int_eq(remove_bot(&f, "ada", true, false), DEIA_OK);
	hh->refused = true;
	health_look(1);
	r = TAILQ_FIRST(&hh->queue);
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->changes, 1u << DEIA_HEALTH_ENDED);
	deia__saver_flush(&hh->saver);
	ck_assert(!hh->refused);
	ck_assert(has_event("alert.resolved"));
	ck_assert(!has_event("alert.generated"));
}
END_TEST

START_TEST(rows_of_alerts_that_are_not_kept_are_deleted)
{
	fail_and_look("ada");
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
	ck_assert(deia__alerts_know(
		f.hive, "018f0000-0000-7000-8000-000000000000", false));
	deia__alerts_sweep(f.hive);
	health_settle();
	ck_assert_uint_eq(HASH_COUNT(f.hive->health->rows), 1);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
}
END_TEST

START_TEST(many_alerts_are_stored_in_several_changes)
{
	char id[16];

	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "bot-%d", i);
		deia__health_put(f.hive, "bot.failed", id, 1);
	}
	health_look(1);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 20);
	fixture_reopen(&f, true);
	ck_assert_ptr_nonnull(find_alert("bot_failed", "bot-19"));
}
END_TEST

START_TEST(a_stop_stores_what_is_new)
{
	char id[16];

	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "bot-%d", i);
		deia__health_put(f.hive, "bot.failed", id, 1);
	}
	health_look(1);
	fixture_reopen(&f, true); /* without a turn of the loop before */
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 20);
}
END_TEST

START_TEST(a_look_without_memory_is_made_up_for)
{
	launch_failing("ada");
	for (unsigned long n = 1; n < 40; n++) {
		deia__mem_fail_at(n, false);
		health_look(0);
		deia__mem_fail_at(0, false);
	}
	health_look(1);
	health_look(1);
	ck_assert_ptr_nonnull(find_alert("bot_failed", "ada"));
	ck_assert(!f.hive->health->missed);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-health");
	TCase *tc = tcase_create("health");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_bot_that_fails_is_a_warning_at_once);
	tcase_add_test(tc, it_is_resolved_when_the_bot_is_removed);
	tcase_add_test(tc, it_is_resolved_when_the_bot_runs);
	tcase_add_test(tc, an_alert_survives_a_restart);
	tcase_add_test(tc, a_process_that_is_killed_loses_no_alert);
	tcase_add_test(tc, what_a_store_refuses_is_stored_later);
	tcase_add_test(tc,
		       while_it_refuses_the_last_change_of_an_alert_is_kept);
	tcase_add_test(tc, rows_of_alerts_that_are_not_kept_are_deleted);
	tcase_add_test(tc, many_alerts_are_stored_in_several_changes);
	tcase_add_test(tc, a_stop_stores_what_is_new);
	tcase_add_test(tc, a_look_without_memory_is_made_up_for);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
