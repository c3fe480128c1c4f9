/* SPDX-License-Identifier: MIT */
/* test_health.c - the hive's health: what it measures, what becomes of alerts
 * in the store and in the journal, what people do to them, rules. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hive/health/health.h"
#include "hive/scheduling/scheduling.h"
#include "hive/tasks/tasks.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

static deia_health *monitor(void)
{
	return deia_hive_health(f.hive);
}

/* A look, so many seconds after the one before. */
static void look(int seconds)
{
	f.hive->health->skew_ms += (int64_t)seconds * 1000;
	deia__health_look(f.hive);
}

/* All changes of alerts so far are durable. */
static void settle(void)
{
	struct deia__health *hh = f.hive->health;

	while (!TAILQ_EMPTY(&hh->queue) || hh->saver.saving)
		event_base_loop(f.base, EVLOOP_ONCE);
}

static const struct deia_health_alert *find(const char *rule,
					    const char *subject)
{
	const struct deia_health_alert *a = NULL;

	while ((a = deia_health_next_alert(monitor(), a)) != NULL)
		if (strcmp(a->rule, rule) == 0 &&
		    strcmp(a->subject, subject) == 0)
			return a;
	return NULL;
}

/* One whose program is not there; it is not tried again. */
static void launch_failing(const char *id)
{
	const char *argv[] = { "/nonexistent/program" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	spec.restart = DEIA_RESTART_NEVER;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_FAILED);
}

static const char *fail_and_look(const char *id)
{
	launch_failing(id);
	look(1);
	ck_assert_ptr_nonnull(find("bot_failed", id));
	return find("bot_failed", id)->id;
}

/* ---- rows, events, audit ------------------------------------------------- */

struct rows {
	bool done;
	size_t n;
	int64_t state[8];
	char text[8][128]; /* of the column that is asked for */
};
static unsigned column;

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	struct rows *out = user;

	ck_assert_int_eq(err, DEIA_OK);
	out->n = deia_rows_count(rows);
	for (size_t i = 0; i < out->n && i < 8; i++)
		snprintf(out->text[i], sizeof(out->text[i]), "%s",
			 deia_rows_text(rows, i, column));
	out->done = true;
}

/* The newest rows of a table come first. */
static struct rows rows_of(const struct deia_table *table, unsigned col)
{
	struct deia_page_query q = {
		.table = table,
		.index = -1,
		.descending = true,
		.limit = 50,
	};
	struct rows out = { false, 0, { 0 }, { "" } };

	settle();
	column = col;
	ck_assert_int_eq(deia_store_page(f.hive->store, &q, on_rows, &out),
			 DEIA_OK);
	run_until(&f, &out.done);
	return out;
}

static bool has_event(const char *type)
{
	struct rows r = rows_of(&deia__table_events, EVENT_TYPE);

	for (size_t i = 0; i < r.n && i < 8; i++)
		if (strcmp(r.text[i], type) == 0)
			return true;
	return false;
}

static unsigned count_lines(const char *event)
{
	static char text[65536];
	char path[128], key[64];
	unsigned n = 0;
	FILE *file;
	size_t len;

	deia__logs_flush(f.hive->logs);
	snprintf(path, sizeof(path), "%s/logs/health-alerts.jsonl", f.dir);
	snprintf(key, sizeof(key), "\"event\":\"%s\"", event);
	file = fopen(path, "r");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	for (const char *at = text; (at = strstr(at, key)) != NULL; at++)
		n++;
	return n;
}

/* ---- alerts -------------------------------------------------------------- */

START_TEST(a_bot_that_fails_is_a_warning_at_once)
{
	const struct deia_health_alert *a;
	struct deia_health_summary s;

	launch_failing("ada");
	look(1);
	a = find("bot_failed", "ada");
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(a->state, DEIA_HEALTH_FIRING);
	ck_assert_int_eq(a->level, DEIA_HEALTH_WARNING);
	deia_health_get_summary(monitor(), &s);
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
	look(1);
	a = find("bot_failed", "ada");
	ck_assert_int_eq(a->state, DEIA_HEALTH_RESOLVED);
	ck_assert_int_eq(a->end, DEIA_HEALTH_GONE);
	ck_assert(has_event("alert.resolved"));
	ck_assert_uint_eq(count_lines("alert_resolved"), 1);
	ck_assert(isnan(deia_health_get(monitor(), "bot.failed", "ada")));
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
	look(1);
	ck_assert_int_eq(find("bot_failed", "ada")->state, DEIA_HEALTH_FIRING);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("#!/bin/sh\nread -r l\necho '{\"type\":\"ready\"}'\n"
	      "while read -r l; do case \"$l\" in *shutdown*) exit 0;; esac; "
	      "done\n",
	      file);
	fclose(file);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_START), DEIA_OK);
	look(1); /* it starts: that is not over yet */
	run_until_state(&f, "ada", DEIA_BOT_READY);
	look(1);
	ck_assert_int_eq(find("bot_failed", "ada")->end, DEIA_HEALTH_CLEARED);
}
END_TEST

START_TEST(an_alert_survives_a_restart)
{
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	fixture_reopen(&f, true);
	ck_assert_ptr_nonnull(deia_health_get_alert(monitor(), id));
	run_until_state(&f, "ada", DEIA_BOT_FAILED); /* it is tried again */
	look(1);
	ck_assert_str_eq(find("bot_failed", "ada")->id, id);
	ck_assert_int_eq(find("bot_failed", "ada")->state, DEIA_HEALTH_FIRING);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
	ck_assert_int_eq(remove_bot(&f, "ada", true, false), DEIA_OK);
	look(1);
	fixture_reopen(&f, true);
	ck_assert_int_eq(deia_health_get_alert(monitor(), id)->state,
			 DEIA_HEALTH_RESOLVED);
}
END_TEST

START_TEST(a_process_that_is_killed_loses_no_alert)
{
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	settle();
	fixture_reopen(&f, false);
	ck_assert_ptr_nonnull(deia_health_get_alert(monitor(), id));
}
END_TEST

/* ---- what the store does ------------------------------------------------- */

START_TEST(what_a_store_refuses_is_stored_later)
{
	struct deia__health *hh = f.hive->health;

	launch_failing("ada");
	deia__health_measure(f.hive);
	ck_assert_int_eq(deia_health_look(monitor(), deia__health_now(f.hive),
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
	look(1);
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
	settle();
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
	look(1);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 20);
	fixture_reopen(&f, true);
	ck_assert_ptr_nonnull(find("bot_failed", "bot-19"));
}
END_TEST

START_TEST(a_stop_stores_what_is_new)
{
	char id[16];

	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "bot-%d", i);
		deia__health_put(f.hive, "bot.failed", id, 1);
	}
	look(1);
	fixture_reopen(&f, true); /* without a turn of the loop before */
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 20);
}
END_TEST

START_TEST(a_look_without_memory_is_made_up_for)
{
	launch_failing("ada");
	for (unsigned long n = 1; n < 40; n++) {
		deia__mem_fail_at(n, false);
		look(0);
		deia__mem_fail_at(0, false);
	}
	look(1);
	look(1);
	ck_assert_ptr_nonnull(find("bot_failed", "ada"));
	ck_assert(!f.hive->health->missed);
	ck_assert_uint_eq(rows_of(&deia__table_alerts, ALERT_ID).n, 1);
}
END_TEST

/* ---- acts ---------------------------------------------------------------- */

struct acted {
	bool done;
	deia_err err;
	struct deia_health_alert alert;
};

static void on_act(deia_err err, const struct deia_health_alert *a, void *user)
{
	struct acted *x = user;

	ck_assert(!x->done);
	ck_assert_int_eq(err == DEIA_OK, a != NULL);
	x->done = true;
	x->err = err;
	if (a)
		x->alert = *a;
}

static struct deia_actor somebody(const char *name, deia_role role)
{
	struct deia_actor a = *deia_actor_local();

	snprintf(a.name, sizeof(a.name), "%s", name);
	a.role = role;
	return a;
}

START_TEST(an_acknowledgement_is_durable_and_audited)
{
	struct deia_actor ann = somebody("Ann \xc3\x84.", DEIA_ROLE_OPERATOR);
	struct acted x = { .done = false };
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	ck_assert_int_eq(deia_hive_alert_acknowledge(f.hive, &ann, id, "on it",
						     on_act, &x),
			 DEIA_OK);
	ck_assert(!x.done); /* never inside the call */
	run_until(&f, &x.done);
	ck_assert_int_eq(x.err, DEIA_OK);
	ck_assert_str_eq(x.alert.acknowledged.by, "Ann___.");
	ck_assert(has_event("alert.acknowledged"));
	ck_assert_uint_eq(count_lines("alert_acknowledged"), 1);
	ck_assert_str_eq(rows_of(&deia__table_audit, AUDIT_ACTION).text[0],
			 "alert.acknowledge");
	ck_assert_str_eq(rows_of(&deia__table_audit, AUDIT_TARGET).text[0], id);
	fixture_reopen(&f, false);
	ck_assert_str_eq(
		deia_health_get_alert(monitor(), id)->acknowledged.reason,
		"on it");
}
END_TEST

START_TEST(a_silence_begins_and_ends)
{
	int64_t until = deia__health_unix(f.hive) + 3600000;
	struct acted x = { .done = false };
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	ck_assert_int_eq(deia_hive_alert_silence(f.hive, deia_actor_local(), id,
						 "", until, on_act, &x),
			 DEIA_OK);
	run_until(&f, &x.done);
	ck_assert_int_eq(x.alert.silent_until_unix_ms, until);
	fixture_reopen(&f, false);
	ck_assert_int_eq(
		deia_health_get_alert(monitor(), id)->silent_until_unix_ms,
		until);
	x.done = false;
	ck_assert_int_eq(deia_hive_alert_silence(f.hive, deia_actor_local(), id,
						 "", 0, on_act, &x),
			 DEIA_OK);
	run_until(&f, &x.done);
	ck_assert_int_eq(x.alert.silent_until_unix_ms, 0);
	ck_assert(has_event("alert.unsilenced"));
}
END_TEST

START_TEST(an_alert_is_resolved_by_hand_once)
{
	struct acted x = { .done = false };
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	ck_assert_int_eq(deia_hive_alert_resolve(f.hive, deia_actor_local(), id,
						 "known", on_act, &x),
			 DEIA_OK);
	run_until(&f, &x.done);
	ck_assert_int_eq(x.alert.end, DEIA_HEALTH_BY_HAND);
	ck_assert_int_eq(deia_hive_alert_resolve(f.hive, deia_actor_local(), id,
						 "", on_act, &x),
			 DEIA_ESTATE);
	look(10);
	ck_assert_str_eq(find("bot_failed", "ada")->id, id);
	fixture_reopen(&f, false);
	ck_assert_int_eq(deia_health_get_alert(monitor(), id)->end,
			 DEIA_HEALTH_BY_HAND);
}
END_TEST

START_TEST(who_may_not_act_is_told_so)
{
	struct deia_actor viewer = somebody("v", DEIA_ROLE_VIEWER);
	struct deia_actor bot = somebody("b", DEIA_ROLE_BOT);
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	ck_assert_int_eq(deia_hive_alert_acknowledge(f.hive, &viewer, id, "",
						     NULL, NULL),
			 DEIA_EDENIED);
	ck_assert_int_eq(
		deia_hive_alert_silence(f.hive, &bot, id, "", 0, NULL, NULL),
		DEIA_EDENIED);
	ck_assert_int_eq(
		deia_hive_alert_resolve(f.hive, &bot, id, "", NULL, NULL),
		DEIA_EDENIED);
	ck_assert_int_eq(find("bot_failed", "ada")->acknowledged.at_unix_ms, 0);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	const struct deia_actor *local = deia_actor_local();
	const char *id = fail_and_look("ada");

	ck_assert_int_eq(deia_hive_alert_acknowledge(f.hive, local, "none", "",
						     NULL, NULL),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_hive_alert_acknowledge(f.hive, local, id, "a\nb",
						     NULL, NULL),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_hive_alert_silence(f.hive, local, id, "", 1, NULL, NULL),
		DEIA_EINVAL);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "in the future"));
}
END_TEST

START_TEST(an_act_without_memory_is_stored_later)
{
	const struct deia_health_alert *a;
	char id[37];

	snprintf(id, sizeof(id), "%s", fail_and_look("ada"));
	settle();
	for (unsigned long n = 1; n < 12; n++) {
		deia__mem_fail_at(n, true);
		(void)!deia_hive_alert_acknowledge(f.hive, deia_actor_local(),
						   id, "low", NULL, NULL);
		deia__mem_fail_at(0, false);
	}
	look(1);
	settle();
	a = deia_health_get_alert(monitor(), id);
	ck_assert_str_eq(a->acknowledged.reason, "low");
	fixture_reopen(&f, false);
	ck_assert_str_eq(
		deia_health_get_alert(monitor(), id)->acknowledged.reason,
		"low");
}
END_TEST

/* ---- rules --------------------------------------------------------------- */

static void on_done(deia_err err, void *user)
{
	*(int *)user = (int)err;
}

static deia_err put_rules(const struct deia_actor *actor, const char *text)
{
	struct cJSON *json;
	int result = -1;
	deia_err err;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	err = deia_hive_health_put_rules(f.hive, actor, json, on_done, &result);
	cJSON_Delete(json);
	if (err)
		return err;
	ck_assert_int_eq(result, -1); /* never inside the call */
	while (result == -1)
		event_base_loop(f.base, EVLOOP_ONCE);
	return (deia_err)result;
}

#define CROWD                                                                  \
	"{\"rules\":[{\"id\":\"crowd\",\"metric\":\"hive.bots\","              \
	"\"levels\":{\"info\":{\"at\":1}}}]}"

static const char *first_rule(void)
{
	struct deia_health_rule r;

	ck_assert(deia_health_get_rule(monitor(), 0, &r));
	return r.id;
}

START_TEST(rules_that_are_put_survive_a_restart)
{
	ck_assert_str_eq(first_rule(), "cpu");
	ck_assert_int_eq(put_rules(deia_actor_local(), CROWD), DEIA_OK);
	ck_assert_str_eq(first_rule(), "crowd");
	ck_assert(has_event("health.rules"));
	ck_assert_str_eq(rows_of(&deia__table_audit, AUDIT_ACTION).text[0],
			 "health.rules");
	fixture_reopen(&f, false);
	ck_assert_str_eq(first_rule(), "crowd");
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	look(1);
	ck_assert_ptr_nonnull(find("crowd", ""));
	ck_assert_int_eq(put_rules(deia_actor_local(), "null"), DEIA_OK);
	ck_assert_str_eq(first_rule(), "cpu");
	look(1);
	ck_assert_int_eq(find("crowd", "")->end, DEIA_HEALTH_NO_RULE);
	fixture_reopen(&f, true);
	ck_assert_str_eq(first_rule(), "cpu");
}
END_TEST

START_TEST(wrong_rules_are_refused_with_the_field)
{
	struct deia_actor op = somebody("op", DEIA_ROLE_OPERATOR);

	ck_assert_int_eq(put_rules(deia_actor_local(),
				   "{\"rules\":[{\"id\":\"x\",\"metric\":"
				   "\"none\",\"levels\":{}}]}"),
			 DEIA_EFIELD);
	ck_assert_ptr_nonnull(deia_hive_field_error(f.hive));
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer,
			 "/rules/0/metric");
	ck_assert_int_eq(put_rules(&op, CROWD), DEIA_EDENIED);
	ck_assert_str_eq(first_rule(), "cpu");
}
END_TEST

START_TEST(rules_of_another_node_are_read_again)
{
	ck_assert_int_eq(put_rules(deia_actor_local(), CROWD), DEIA_OK);
	ck_assert_int_eq(
		deia_health_set_rules(monitor(),
				      deia_health_default_rules(&(size_t){ 0 }),
				      1, NULL),
		DEIA_OK);
	ck_assert_str_eq(first_rule(), "cpu");
	deia__health_reread(f.hive);
	deia__health_reread(f.hive); /* once more after that */
	while (f.hive->health->reading)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_str_eq(first_rule(), "crowd");
}
END_TEST

/* ---- what is measured ---------------------------------------------------- */

static double value(const char *metric, const char *subject)
{
	return deia_health_get(monitor(), metric, subject);
}

START_TEST(the_hive_measures_itself)
{
	look(1);
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

START_TEST(bots_are_measured)
{
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	launch_failing("bad");
	for (int i = 0; i < 10; i++)
		look(1);
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
	look(1);
	ck_assert(isnan(value("bot.memory_bytes", "ada")));
	/* Stopped by hand is not down. */
	ck_assert_double_eq(value("hive.bots_down_ratio", NULL), 1);
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
		look(2);
	ck_assert_double_eq(value("bot.finished", "ada"), 8);
	ck_assert_double_eq(value("bot.success_ratio", "ada"), 0);
	ck_assert_ptr_nonnull(find("bot_success", "ada"));
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
	ck_assert(isnan(deia__window_p95(&w, &h, 0)));
	for (int i = 0; i < 10; i++)
		deia_histogram_add(&h, 900000);
	ck_assert_double_ge(deia__window_p95(&w, &h, 1000), 0.9);
	ck_assert_double_ge(deia__window_p95(&w, &h, 31000), 0.9);
	ck_assert(isnan(deia__window_p95(&w, &h, 62000)));
	deia_histogram_add(&h, INT64_C(1) << 40);
	ck_assert_double_eq(deia__window_p95(&w, &h, 63000), 10);
}
END_TEST

START_TEST(a_loop_that_is_late_says_so)
{
	deia__health_late(f.hive, 700);
	look(1);
	deia__health_late(f.hive, 5);
	look(1);
	ck_assert_double_eq_tol(value("process.loop_delay_seconds", NULL), 0.7,
				1e-9);
	for (int i = 0; i < 10; i++) {
		deia__health_late(f.hive, 0);
		look(1);
	}
	ck_assert_double_eq(value("process.loop_delay_seconds", NULL), 0);
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
	tcase_add_test(tc, an_acknowledgement_is_durable_and_audited);
	tcase_add_test(tc, a_silence_begins_and_ends);
	tcase_add_test(tc, an_alert_is_resolved_by_hand_once);
	tcase_add_test(tc, who_may_not_act_is_told_so);
	tcase_add_test(tc, what_makes_no_sense_is_refused);
	tcase_add_test(tc, an_act_without_memory_is_stored_later);
	tcase_add_test(tc, rules_that_are_put_survive_a_restart);
	tcase_add_test(tc, wrong_rules_are_refused_with_the_field);
	tcase_add_test(tc, rules_of_another_node_are_read_again);
	tcase_add_test(tc, the_hive_measures_itself);
	tcase_add_test(tc, bots_are_measured);
	tcase_add_test(tc, what_a_bot_does_not_do_well_is_an_alert);
	tcase_add_test(tc, what_ended_of_late_counts);
	tcase_add_test(tc, memory_that_only_grows_is_a_trend);
	tcase_add_test(tc, a_latency_is_of_the_last_minute);
	tcase_add_test(tc, a_loop_that_is_late_says_so);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
