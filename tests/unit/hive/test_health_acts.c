/* SPDX-License-Identifier: MIT */
/* test_health_acts.c - what people do to alerts of a hive, and its rules. */
#include "watched.h"

#include <stdio.h>
#include <string.h>

struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

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
	ck_assert_str_eq(deia_health_get_alert(health_monitor(), id)
				 ->acknowledged.reason,
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
	ck_assert_int_eq(deia_health_get_alert(health_monitor(), id)
				 ->silent_until_unix_ms,
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
	health_look(10);
	ck_assert_str_eq(find_alert("bot_failed", "ada")->id, id);
	fixture_reopen(&f, false);
	ck_assert_int_eq(deia_health_get_alert(health_monitor(), id)->end,
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
	ck_assert_int_eq(
		find_alert("bot_failed", "ada")->acknowledged.at_unix_ms, 0);
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
	health_settle();
	for (unsigned long n = 1; n < 12; n++) {
		deia__mem_fail_at(n, true);
		(void)!deia_hive_alert_acknowledge(f.hive, deia_actor_local(),
						   id, "low", NULL, NULL);
		deia__mem_fail_at(0, false);
	}
	health_look(1);
	health_settle();
	a = deia_health_get_alert(health_monitor(), id);
	ck_assert_str_eq(a->acknowledged.reason, "low");
	fixture_reopen(&f, false);
	ck_assert_str_eq(deia_health_get_alert(health_monitor(), id)
				 ->acknowledged.reason,
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

	ck_assert(deia_health_get_rule(health_monitor(), 0, &r));
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
	health_look(1);
	ck_assert_ptr_nonnull(find_alert("crowd", ""));
	ck_assert_int_eq(put_rules(deia_actor_local(), "null"), DEIA_OK);
	ck_assert_str_eq(first_rule(), "cpu");
	health_look(1);
	ck_assert_int_eq(find_alert("crowd", "")->end, DEIA_HEALTH_NO_RULE);
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
		deia_health_set_rules(health_monitor(),
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

int main(void)
{
	Suite *s = suite_create("hive-health-acts");
	TCase *tc = tcase_create("health");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_acknowledgement_is_durable_and_audited);
	tcase_add_test(tc, a_silence_begins_and_ends);
	tcase_add_test(tc, an_alert_is_resolved_by_hand_once);
	tcase_add_test(tc, who_may_not_act_is_told_so);
	tcase_add_test(tc, what_makes_no_sense_is_refused);
	tcase_add_test(tc, an_act_without_memory_is_stored_later);
	tcase_add_test(tc, rules_that_are_put_survive_a_restart);
	tcase_add_test(tc, wrong_rules_are_refused_with_the_field);
	tcase_add_test(tc, rules_of_another_node_are_read_again);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
