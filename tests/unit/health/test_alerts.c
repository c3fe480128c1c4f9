/* SPDX-License-Identifier: MIT */
/* The life of alerts: who is told and when, and what people do to them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

static struct rig g;

static const struct deia_health_rule at_ten = {
	.size = sizeof(struct deia_health_rule),
	.id = "ten",
	.metric = "m",
	.compare = DEIA_HEALTH_AT_LEAST,
	.levels = { { true, 10, 8, 0 },
		    { true, 20, 18, 0 },
		    { true, 30, 28, 0 } },
	.text = "do this",
};

static void open_ten(void)
{
	rig_open(&g, NULL);
	rig_rule(&g, &at_ten);
	rig_look(&g, 0);
}

static void say(double v)
{
	rig_put(&g, "m", NULL, v);
	rig_look(&g, 1000);
}

static int64_t unix_now(void)
{
	return RIG_UNIX_MS + g.now_ms;
}

#define OK(call) ck_assert_msg((call) == DEIA_OK, "%s", deia_health_errmsg(g.h))

/* ---- told again ----------------------------------------------------------- */

static const struct {
	double value;
	int64_t minutes;
} waits[] = { { 10, 30 }, { 20, 15 }, { 30, 5 } };

START_TEST(without_acknowledgement_it_is_told_again_later_and_later)
{
	int64_t wait = RIG_MINUTES(waits[_i].minutes);

	open_ten();
	say(waits[_i].value);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 1);
	for (unsigned step = 1; step <= 4; step++) {
		rig_run(&g, wait - 1000);
		ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], step);
		rig_look(&g, 1000);
		ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], step + 1);
		ck_assert_uint_eq(rig_newest(&g)->step, step);
		if (wait < RIG_HOURS(4))
			wait *= 2;
		if (wait > RIG_HOURS(4))
			wait = RIG_HOURS(4);
	}
	rig_close(&g);
}
END_TEST

START_TEST(a_night_of_an_alert_is_a_handful_of_calls)
{
	open_ten();
	say(30);
	rig_run(&g, RIG_HOURS(8));
	ck_assert_uint_eq(rig_alerts(&g), 1);
	/* 0, 5, 15, 35, 75, 155, 315 minutes */
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 7);
	rig_close(&g);
}
END_TEST

START_TEST(acknowledged_it_is_not_told_again)
{
	open_ten();
	say(30);
	OK(deia_health_acknowledge(g.h, g.id, "eva", "on it", unix_now()));
	rig_run(&g, RIG_HOURS(2));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ACKNOWLEDGED], 1);
	ck_assert_str_eq(rig_newest(&g)->acknowledged.by, "eva");
	ck_assert_str_eq(rig_newest(&g)->acknowledged.reason, "on it");
	ck_assert_uint_eq(rig_summary(&g).acknowledged, 1);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_CRITICAL);
	rig_close(&g);
}
END_TEST

START_TEST(escalation_takes_the_acknowledgement_back)
{
	open_ten();
	say(20);
	OK(deia_health_acknowledge(g.h, g.id, "eva", "", unix_now()));
	rig_log(&g);
	say(10);
	say(20); /* as far as the acknowledgement goes */
	ck_assert_str_eq(rig_log(&g),
			 "deescalated ten info; escalated ten warning; ");
	say(31);
	ck_assert_str_eq(rig_log(&g),
			 "escalated ten critical; notify ten critical; ");
	ck_assert_int_eq(rig_newest(&g)->acknowledged.at_unix_ms, 0);
	rig_close(&g);
}
END_TEST

START_TEST(deescalation_is_told_to_nobody_and_keeps_the_acknowledgement)
{
	open_ten();
	say(30);
	OK(deia_health_acknowledge(g.h, g.id, "eva", "", unix_now()));
	rig_log(&g);
	say(17);
	ck_assert_str_eq(rig_log(&g), "deescalated ten info; ");
	ck_assert_str_eq(rig_newest(&g)->acknowledged.by, "eva");
	ck_assert_int_eq(rig_newest(&g)->peak, DEIA_HEALTH_CRITICAL);
	ck_assert_double_eq(rig_newest(&g)->at, 10);
	ck_assert_double_eq(rig_newest(&g)->value, 17);
	rig_close(&g);
}
END_TEST

/* ---- silence ---------------------------------------------------------------- */

START_TEST(a_silence_ends_and_then_it_is_told)
{
	open_ten();
	say(20);
	OK(deia_health_silence(g.h, g.id, "eva", "repair",
			       unix_now() + RIG_HOURS(1), unix_now()));
	rig_run(&g, RIG_HOURS(1) - 1000);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 1);
	ck_assert_uint_eq(rig_summary(&g).silenced, 1);
	say(30); /* the last second; escalation is silent as well */
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ESCALATED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_UNSILENCED], 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 2);
	ck_assert_uint_eq(rig_summary(&g).silenced, 0);
	rig_run(&g, RIG_MINUTES(5));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 3);
	rig_close(&g);
}
END_TEST

START_TEST(a_silence_covers_the_next_alert_of_the_same_cause)
{
	open_ten();
	say(20);
	OK(deia_health_silence(g.h, g.id, "eva", "repair",
			       unix_now() + RIG_HOURS(1), unix_now()));
	say(0);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 1);
	rig_log(&g);
	say(20);
	ck_assert_str_eq(rig_log(&g), "generated ten warning; ");
	ck_assert(!rig_newest(&g)->told);
	ck_assert_str_eq(rig_newest(&g)->silenced.reason, "repair");
	rig_run(&g, RIG_HOURS(1));
	ck_assert(rig_newest(&g)->told);
	rig_close(&g);
}
END_TEST

START_TEST(a_silence_can_be_ended)
{
	open_ten();
	say(20);
	OK(deia_health_silence(g.h, g.id, "eva", "", unix_now() + RIG_HOURS(1),
			       unix_now()));
	rig_log(&g);
	OK(deia_health_silence(g.h, g.id, "eva", "", 0, unix_now()));
	ck_assert_str_eq(rig_log(&g),
			 "unsilenced ten warning; notify ten warning; ");
	OK(deia_health_silence(g.h, g.id, "eva", "", 0, unix_now()));
	ck_assert_str_eq(rig_log(&g), "");
	rig_close(&g);
}
END_TEST

/* ---- resolved ---------------------------------------------------------------- */

START_TEST(resolved_by_hand_it_waits_for_something_new)
{
	open_ten();
	say(20);
	OK(deia_health_resolve(g.h, g.id, "eva", "known", unix_now()));
	ck_assert_int_eq(rig_newest(&g)->end, DEIA_HEALTH_BY_HAND);
	ck_assert_str_eq(rig_newest(&g)->resolved_by.by, "eva");
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_HEALTHY);
	rig_run(&g, RIG_MINUTES(59));
	ck_assert_uint_eq(rig_alerts(&g), 1);
	rig_run(&g, RIG_MINUTES(1));
	ck_assert_uint_eq(rig_alerts(&g), 2);
	rig_close(&g);
}
END_TEST

START_TEST(resolved_by_hand_it_fires_when_it_gets_worse_or_comes_back)
{
	open_ten();
	say(20);
	OK(deia_health_resolve(g.h, g.id, "eva", "", unix_now()));
	say(25);
	ck_assert_uint_eq(rig_firing(&g), 0);
	if (_i) {
		say(0);
		say(10);
	} else {
		say(30);
	}
	ck_assert_uint_eq(rig_firing(&g), 1);
	ck_assert_uint_eq(rig_alerts(&g), 2);
	rig_close(&g);
}
END_TEST

START_TEST(a_resolved_alert_is_left_alone)
{
	char id[37];

	open_ten();
	say(20);
	memcpy(id, g.id, sizeof(id));
	say(0);
	ck_assert_int_eq(deia_health_acknowledge(g.h, id, "eva", "", 1),
			 DEIA_ESTATE);
	ck_assert_int_eq(deia_health_silence(g.h, id, "eva", "", 2, 1),
			 DEIA_ESTATE);
	ck_assert_int_eq(deia_health_resolve(g.h, id, "eva", "", 1),
			 DEIA_ESTATE);
	ck_assert_int_eq(deia_health_resolve(g.h, "no", "eva", "", 1),
			 DEIA_ENOTFOUND);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 1);
	rig_close(&g);
}
END_TEST

/* ---- subjects ------------------------------------------------------------------ */

START_TEST(each_failed_bot_has_an_alert_and_its_end)
{
	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_put(&g, "bot.failed", "BOT-2", 1);
	rig_put(&g, "bot.failed", "BOT-3", 0);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_log(&g), "generated bot_failed/BOT-1 warning; "
				      "notify bot_failed/BOT-1 warning; "
				      "generated bot_failed/BOT-2 warning; "
				      "notify bot_failed/BOT-2 warning; ");
	ck_assert_str_eq(rig_newest(&g)->summary, "BOT-2: the bot has failed");
	rig_put(&g, "bot.failed", "BOT-1", 0);
	deia_health_remove(g.h, "bot", "BOT-2");
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_log(&g), "resolved bot_failed/BOT-1 warning; "
				      "resolved bot_failed/BOT-2 warning; ");
	ck_assert_int_eq(rig_newest(&g)->end, DEIA_HEALTH_GONE);
	/* Whoever gets its number next has nothing of it. */
	rig_put(&g, "bot.failed", "BOT-4", 1);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_newest(&g)->subject, "BOT-4");
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_close(&g);
}
END_TEST

/* Of two bots one is half, and told by itself already. */
START_TEST(one_failed_bot_of_two_is_one_alert)
{
	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_put(&g, "bot.failed", "BOT-2", 0);
	rig_put(&g, "hive.bots_wanted", NULL, 2);
	rig_put(&g, "hive.bots_down_ratio", NULL, 0.5);
	rig_run(&g, RIG_MINUTES(5));
	ck_assert_uint_eq(rig_alerts(&g), 1);
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_DEGRADED);
	rig_close(&g);
}
END_TEST

START_TEST(a_bot_that_fails_all_the_time_makes_two_alerts)
{
	rig_open(&g, NULL);
	for (int i = 0; i < 100; i++) {
		rig_put(&g, "bot.failed", "BOT-1", i % 2 == 0);
		rig_run(&g, RIG_SECONDS(60));
	}
	ck_assert_uint_eq(rig_alerts(&g), 2);
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_run(&g, RIG_MINUTES(10));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_close(&g);
}
END_TEST

START_TEST(a_subject_that_comes_back_before_the_look_was_never_gone)
{
	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	deia_health_remove(g.h, "bot", "BOT-1");
	ck_assert_double_nan(deia_health_get(g.h, "bot.failed", "BOT-1"));
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_alerts(&g), 1);
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_close(&g);
}
END_TEST

/* ---- time ------------------------------------------------------------------------ */

START_TEST(time_in_which_nobody_looked_does_not_count)
{
	struct deia_health_rule r = at_ten;

	r.levels[1].for_ms = RIG_MINUTES(5);
	r.levels[0].used = r.levels[2].used = false;
	rig_open(&g, NULL);
	rig_rule(&g, &r);
	say(20);
	rig_run(&g, RIG_MINUTES(4));
	rig_look(&g, RIG_HOURS(8));
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_run(&g, RIG_MINUTES(5) - 1000);
	ck_assert_uint_eq(rig_alerts(&g), 0);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_alerts(&g), 1);
	rig_close(&g);
}
END_TEST

START_TEST(clocks_that_step_back_do_no_harm)
{
	open_ten();
	say(30);
	OK(deia_health_look(g.h, 5, 5));
	OK(deia_health_look(g.h, 0, 0));
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_run(&g, RIG_MINUTES(6));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 2);
	rig_close(&g);
}
END_TEST

/* ---- room -------------------------------------------------------------------------- */

START_TEST(old_resolved_alerts_make_room)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;

	o.max_alerts = 8;
	o.flap_ms = 0;
	rig_open(&g, &o);
	rig_rule(&g, &at_ten);
	for (int i = 0; i < 40; i++)
		say(i % 2 ? 0 : 10);
	ck_assert_uint_eq(rig_alerts(&g), 8);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_GENERATED], 20);
	ck_assert_uint_eq(rig_summary(&g).kept, 8);
	rig_close(&g);
}
END_TEST

START_TEST(an_eighth_of_the_room_is_for_critical_ones)
{
	struct deia_health_opts o = DEIA_HEALTH_OPTS_INIT;
	char name[16];

	o.max_alerts = 16;
	rig_open(&g, &o);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "BOT-%d", i);
		rig_put(&g, "bot.failed", name, 1);
	}
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), 14);
	ck_assert_uint_eq(rig_summary(&g).unkept, 26);
	rig_put(&g, "store.down", NULL, 1);
	rig_run(&g, RIG_SECONDS(6));
	ck_assert_uint_eq(rig_summary(&g).firing[DEIA_HEALTH_CRITICAL], 1);
	/* One that ends makes room for one that waits. */
	deia_health_remove(g.h, "bot", "BOT-0");
	rig_run(&g, RIG_SECONDS(2));
	ck_assert_uint_eq(rig_summary(&g).firing[DEIA_HEALTH_WARNING], 14);
	ck_assert_uint_eq(rig_summary(&g).unkept, 25);
	rig_close(&g);
}
END_TEST

/* ---- rules that change -------------------------------------------------------------- */

START_TEST(an_alert_goes_on_under_the_new_rule)
{
	struct deia_health_rule r = at_ten;

	open_ten();
	say(25);
	rig_log(&g);
	r.levels[1].at = r.levels[1].clear = 22;
	r.levels[2].at = r.levels[2].clear = 24;
	rig_rule(&g, &r);
	rig_look(&g, 1000);
	ck_assert_str_eq(rig_log(&g),
			 "escalated ten critical; notify ten critical; ");
	ck_assert_uint_eq(rig_alerts(&g), 1);
	rig_close(&g);
}
END_TEST

/* Another id, another metric, off, and none. */
START_TEST(an_alert_without_its_rule_ends)
{
	struct deia_health_rule r = at_ten;

	open_ten();
	say(25);
	rig_log(&g);
	if (_i == 0)
		r.id = "eleven";
	if (_i == 1)
		r.metric = "n";
	r.off = _i == 2;
	ck_assert_int_eq(deia_health_set_rules(g.h, &r, _i < 3, NULL), DEIA_OK);
	rig_look(&g, 1000);
	ck_assert_uint_eq(strncmp(rig_log(&g), "resolved ten warning; ", 22),
			  0);
	ck_assert_uint_eq(rig_firing(&g), _i == 0);
	rig_close(&g);
}
END_TEST

/* ---- over a restart -------------------------------------------------------------------- */

START_TEST(a_firing_alert_goes_on_after_a_restart)
{
	char id[37];

	open_ten();
	say(20);
	memcpy(id, g.id, sizeof(id));
	OK(deia_health_acknowledge(g.h, id, "eva", "on it", unix_now()));
	rig_log(&g);
	rig_restart(&g);
	rig_put(&g, "m", NULL, 19);
	rig_run(&g, RIG_HOURS(1));
	ck_assert_str_eq(rig_log(&g), "");
	ck_assert_uint_eq(rig_alerts(&g), 1);
	ck_assert_str_eq(rig_newest(&g)->id, id);
	ck_assert_str_eq(rig_newest(&g)->acknowledged.by, "eva");
	ck_assert_int_eq(rig_summary(&g).status, DEIA_HEALTH_IS_DEGRADED);
	say(0);
	ck_assert_str_eq(rig_log(&g), "resolved ten warning; ");
	rig_close(&g);
}
END_TEST

START_TEST(after_a_restart_reminders_go_on)
{
	open_ten();
	say(30);
	rig_run(&g, RIG_MINUTES(5));
	ck_assert_uint_eq(rig_newest(&g)->step, 1);
	rig_restart(&g);
	rig_put(&g, "m", NULL, 30);
	rig_run(&g, RIG_MINUTES(10));
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 2);
	rig_look(&g, 1000);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 3);
	rig_close(&g);
}
END_TEST

START_TEST(what_is_not_measured_again_ends_after_ten_minutes)
{
	rig_open(&g, NULL);
	rig_put(&g, "bot.failed", "BOT-1", 1);
	rig_put(&g, "bot.failed", "BOT-2", 1);
	rig_look(&g, 1000);
	rig_put(&g, "bot.failed", "BOT-3", 1);
	rig_look(&g, 1000);
	rig_restart(&g);
	rig_put(&g, "bot.failed", "BOT-2", 1);
	deia_health_remove(g.h, "bot", "BOT-3"); /* known to be gone */
	rig_run(&g, RIG_MINUTES(10));
	ck_assert_uint_eq(rig_firing(&g), 2);
	rig_look(&g, 1000);
	ck_assert_uint_eq(rig_firing(&g), 1);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_ENDED], 2);
	rig_close(&g);
}
END_TEST

START_TEST(a_silence_and_flapping_live_through_a_restart)
{
	open_ten();
	say(20);
	OK(deia_health_silence(g.h, g.id, "eva", "repair",
			       unix_now() + RIG_HOURS(1), unix_now()));
	say(0);
	rig_restart(&g);
	say(0);
	rig_log(&g);
	say(20);
	ck_assert_str_eq(rig_log(&g), "generated ten warning; ");
	say(0);
	rig_run(&g, RIG_MINUTES(9));
	ck_assert_uint_eq(rig_firing(&g), 1);
	rig_run(&g, RIG_MINUTES(1));
	ck_assert_uint_eq(rig_firing(&g), 0);
	rig_close(&g);
}
END_TEST

/* ---- callback, score ---------------------------------------------------------------------- */

static void meddle(struct rig *r, const struct deia_health_event *e)
{
	struct deia_health_sample s = { "m", NULL, 0 };

	ck_assert_ptr_eq(deia_health_get_alert(r->h, e->alert->id), e->alert);
	ck_assert_int_eq(rig_summary(r).status, DEIA_HEALTH_IS_DEGRADED);
	ck_assert_int_eq(deia_health_put(r->h, &s, 1), DEIA_ESTATE);
	ck_assert_int_eq(deia_health_look(r->h, 1, 1), DEIA_ESTATE);
	ck_assert_int_eq(deia_health_set_rules(r->h, NULL, 0, NULL),
			 DEIA_ESTATE);
	ck_assert_int_eq(deia_health_resolve(r->h, e->alert->id, "e", "", 1),
			 DEIA_ESTATE);
	deia_health_forget(r->h, "m", NULL);
}

START_TEST(the_callback_reads_and_changes_nothing)
{
	open_ten();
	g.also = meddle;
	say(20);
	ck_assert_uint_eq(g.told[DEIA_HEALTH_NOTIFY], 1);
	ck_assert_double_eq(deia_health_get(g.h, "m", NULL), 20);
	rig_close(&g);
}
END_TEST

/* Failed bots (warnings), store down (critical), and the score. */
static const struct {
	unsigned failed;
	bool store, cache;
	unsigned score;
} scores[] = {
	{ 0, false, false, 100 }, { 1, false, false, 90 },
	{ 2, false, false, 88 },  { 6, false, false, 80 },
	{ 30, false, false, 80 }, { 30, false, true, 70 },
	{ 0, true, false, 40 },	  { 1, true, true, 20 },
	{ 30, true, true, 10 },
};

START_TEST(the_score_is_what_the_deductions_leave)
{
	struct deia_health_deduction d[8];
	unsigned sum = 0;
	char name[16];
	size_t n;

	rig_open(&g, NULL);
	rig_put(&g, "store.down", NULL, scores[_i].store);
	rig_put(&g, "cache.down", NULL, scores[_i].cache);
	for (unsigned i = 0; i < scores[_i].failed; i++) {
		snprintf(name, sizeof(name), "BOT-%u", i);
		rig_put(&g, "bot.failed", name, 1);
	}
	rig_run(&g, RIG_MINUTES(1));
	n = deia_health_deductions(g.h, d, 8);
	ck_assert_uint_eq(n, (scores[_i].failed > 0) + scores[_i].store +
				     (size_t)scores[_i].cache);
	for (size_t i = 0; i < n; i++) {
		sum += d[i].points;
		ck_assert(i == 0 || d[i].level <= d[i - 1].level);
	}
	ck_assert_uint_eq(rig_summary(&g).score, scores[_i].score);
	ck_assert_uint_eq(rig_summary(&g).score, 100 - sum);
	ck_assert_uint_eq(deia_health_deductions(g.h, NULL, 0), n);
	rig_close(&g);
}
END_TEST

START_TEST(the_status_knows_since_when)
{
	open_ten();
	ck_assert_int_eq(rig_summary(&g).since_unix_ms, unix_now());
	rig_run(&g, RIG_MINUTES(1));
	say(20);
	ck_assert_int_eq(rig_summary(&g).since_unix_ms, unix_now());
	rig_run(&g, RIG_MINUTES(1));
	ck_assert_int_eq(rig_summary(&g).since_unix_ms,
			 unix_now() - RIG_MINUTES(1));
	rig_close(&g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("alerts");

	tcase_add_loop_test(
		t, without_acknowledgement_it_is_told_again_later_and_later, 0,
		3);
	tcase_add_test(t, a_night_of_an_alert_is_a_handful_of_calls);
	tcase_add_test(t, acknowledged_it_is_not_told_again);
	tcase_add_test(t, escalation_takes_the_acknowledgement_back);
	tcase_add_test(
		t,
		deescalation_is_told_to_nobody_and_keeps_the_acknowledgement);
	tcase_add_test(t, a_silence_ends_and_then_it_is_told);
	tcase_add_test(t, a_silence_covers_the_next_alert_of_the_same_cause);
	tcase_add_test(t, a_silence_can_be_ended);
	tcase_add_test(t, resolved_by_hand_it_waits_for_something_new);
	tcase_add_loop_test(
		t, resolved_by_hand_it_fires_when_it_gets_worse_or_comes_back,
		0, 2);
	tcase_add_test(t, a_resolved_alert_is_left_alone);
	tcase_add_test(t, each_failed_bot_has_an_alert_and_its_end);
	tcase_add_test(t, one_failed_bot_of_two_is_one_alert);
	tcase_add_test(t, a_bot_that_fails_all_the_time_makes_two_alerts);
	tcase_add_test(
		t, a_subject_that_comes_back_before_the_look_was_never_gone);
	tcase_add_test(t, time_in_which_nobody_looked_does_not_count);
	tcase_add_test(t, clocks_that_step_back_do_no_harm);
	tcase_add_test(t, old_resolved_alerts_make_room);
	tcase_add_test(t, an_eighth_of_the_room_is_for_critical_ones);
	tcase_add_test(t, an_alert_goes_on_under_the_new_rule);
	tcase_add_loop_test(t, an_alert_without_its_rule_ends, 0, 4);
	tcase_add_test(t, a_firing_alert_goes_on_after_a_restart);
	tcase_add_test(t, after_a_restart_reminders_go_on);
	tcase_add_test(t, what_is_not_measured_again_ends_after_ten_minutes);
	tcase_add_test(t, a_silence_and_flapping_live_through_a_restart);
	tcase_add_test(t, the_callback_reads_and_changes_nothing);
	tcase_add_loop_test(t, the_score_is_what_the_deductions_leave, 0,
			    (int)(sizeof(scores) / sizeof(*scores)));
	tcase_add_test(t, the_status_knows_since_when);
	return rig_main("health-alerts", t);
}
