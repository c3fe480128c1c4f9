/* SPDX-License-Identifier: MIT */
/* When messages go, in virtual time: grouping, the rate, retries, restarts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/sys/json.h>

#include "core/json.h"
#include "core/mem.h"
#include "notify/notify.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)

/* ---- a receiver of our own --------------------------------------------------- */

static struct {
	unsigned n, cancelled;
	char id[DEIA__NOTIFY_ID_BYTES], body[65536];
	deia__shot_cb cb;
	void *user;
	int64_t at_ms;
} shots;
static struct deia__clock now;
static deia_notify *n;
static char logged[600];

static deia_err start(struct deia__shot **out, deia_notify *notify,
		      struct deia__receiver *r, const char *id,
		      const char *body, size_t len, deia__shot_cb cb,
		      void *user)
{
	(void)notify;
	(void)r;
	ck_assert_uint_lt(len, sizeof(shots.body));
	memcpy(shots.body, body, len + 1);
	snprintf(shots.id, sizeof(shots.id), "%s", id);
	shots.cb = cb;
	shots.user = user;
	shots.at_ms = now.boot_ms;
	shots.n++;
	*out = (struct deia__shot *)&shots;
	return DEIA_OK;
}

static void cancel(struct deia__shot *shot)
{
	(void)shot;
	shots.cancelled++;
	shots.cb = NULL;
}

static const struct deia__shooter shooter = { start, cancel };

static void answer_after(enum deia__shot_end end, unsigned retry_after)
{
	struct deia__shot_result r = { .end = end,
				       .retry_after_seconds = retry_after };
	deia__shot_cb cb = shots.cb;

	if (end != DEIA__SHOT_OK)
		snprintf(r.error, sizeof(r.error), "it answered");
	ck_assert(cb != NULL);
	shots.cb = NULL;
	cb(&r, shots.user);
}

static void answer(enum deia__shot_end end)
{
	answer_after(end, 0);
}

static void run(int64_t ms)
{
	int64_t end = now.boot_ms + ms, next;

	while ((next = deia__timers_run(n->timers)) >= 0 &&
	       now.boot_ms + next <= end) {
		now.boot_ms += next;
		now.wall_ms += next;
	}
	now.wall_ms += end - now.boot_ms;
	now.boot_ms = end;
	deia__timers_run(n->timers);
}

static void on_log(bool bad, const char *text, void *user)
{
	(void)bad;
	(void)user;
	snprintf(logged, sizeof(logged), "%s", text);
}

static void set(deia_notify_kind kind, bool quiet_end)
{
	struct deia_notify_receiver r = DEIA_NOTIFY_RECEIVER_INIT;
	char why[200] = "";

	r.name = "ops";
	r.kind = kind;
	r.url = "http://127.0.0.1:1";
	r.quiet_end = quiet_end;
	ck_assert_msg(deia_notify_set_receivers(n, &r, 1, NULL, why,
						sizeof(why)) == DEIA_OK,
		      "%s", why);
}

static void open_notify(deia_notify_kind kind)
{
	struct deia_notify_opts o = DEIA_NOTIFY_OPTS_INIT;

	memset(&shots, 0, sizeof(shots));
	now = (struct deia__clock){ .is_virtual = true,
				    .boot_ms = 1000000,
				    .wall_ms = 1796025600000 };
	o.seed = 1;
	o.log = on_log;
	ck_assert_int_eq(deia__notify_new(&n, &o, &now, &shooter), DEIA_OK);
	set(kind, false);
}

static void close_notify(void)
{
	deia_notify_free(n);
	n = NULL;
}

/* ---- alerts ------------------------------------------------------------------- */

static struct deia_health_alert make(int i)
{
	struct deia_health_alert a = { .rule = "disk",
				       .metric = "host.disk_ratio",
				       .level = DEIA_HEALTH_WARNING,
				       .told = true,
				       .fired_unix_ms = 1796025600000 };

	snprintf(a.id, sizeof(a.id), "01997f3c-5b1e-7c3a-9d52-%012d", i);
	snprintf(a.summary, sizeof(a.summary), "alert %d", i);
	return a;
}

static void fire(int i)
{
	struct deia_health_alert a = make(i);

	deia_notify_tell(n, DEIA_HEALTH_NOTIFY, &a);
}

static void end(int i)
{
	struct deia_health_alert a = make(i);

	a.state = DEIA_HEALTH_RESOLVED;
	a.resolved_unix_ms = now.wall_ms;
	deia_notify_tell(n, DEIA_HEALTH_ENDED, &a);
}

static struct deia_notify_status status(void)
{
	struct deia_notify_status s;

	ck_assert(deia_notify_get_status(n, 0, &s));
	return s;
}

static int64_t said(const char *key)
{
	int64_t v = -1;
	cJSON *json;

	ck_assert_int_eq(
		deia_json_parse(&json, shots.body, strlen(shots.body), NULL),
		DEIA_OK);
	if (strcmp(key, "alerts") == 0)
		v = cJSON_GetArraySize(deia__json_get(json, key));
	else
		ck_assert(deia__json_int(json, key, 0, 1 << 20, &v));
	cJSON_Delete(json);
	return v;
}

static bool says(const char *text)
{
	return strstr(shots.body, text) != NULL;
}

/* ---- grouping and the rate -------------------------------------------------------- */

START_TEST(what_comes_together_is_one_message)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(3 * SECOND);
	fire(2);
	run(SECOND);
	ck_assert_uint_eq(shots.n, 0);
	run(SECOND);
	ck_assert_uint_eq(shots.n, 1);
	ck_assert_int_eq(said("alerts"), 2);
	answer(DEIA__SHOT_OK);
	run(60 * MINUTE);
	ck_assert_uint_eq(shots.n, 1);
	close_notify();
}
END_TEST

START_TEST(a_message_names_fifty_and_counts_the_rest)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	for (int i = 0; i < 120; i++)
		fire(i);
	run(5 * SECOND);
	ck_assert_int_eq(said("alerts"), 50);
	ck_assert_int_eq(said("more"), 70);
	answer(DEIA__SHOT_OK);
	ck_assert_uint_eq(status().waiting, 0);
	close_notify();
}
END_TEST

START_TEST(what_exceeds_the_rate_is_merged_and_counted)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	for (int i = 0; i < 5; i++) {
		fire(i);
		run(5 * SECOND);
		answer(DEIA__SHOT_OK);
	}
	ck_assert_uint_eq(shots.n, 5);
	fire(5);
	run(10 * SECOND);
	fire(6);
	fire(7);
	run(60 * SECOND);
	ck_assert_uint_eq(shots.n, 5);
	ck_assert_uint_eq(status().waiting, 3);
	ck_assert_int_gt(status().next_ms, 0);
	run(3 * MINUTE);
	ck_assert_uint_eq(shots.n, 6);
	ck_assert_int_eq(said("alerts"), 3);
	ck_assert_int_eq(said("merged"), 2);
	answer(DEIA__SHOT_OK);
	/* In a day not more than 20 an hour go. */
	for (int i = 0; i < 24 * 60; i++) {
		fire(i % 1000);
		run(MINUTE);
		if (shots.cb)
			answer(DEIA__SHOT_OK);
	}
	ck_assert_uint_le(shots.n, 6 + 24 * 20 + 1);
	ck_assert_uint_ge(shots.n, 6 + 24 * 20 - 20);
	close_notify();
}
END_TEST

/* ---- retries ------------------------------------------------------------------------ */

START_TEST(retries_become_rarer_and_end_after_a_day)
{
	char id[DEIA__NOTIFY_ID_BYTES];
	int64_t begun, last, answered, gap;
	unsigned tries = 0;

	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(5 * SECOND);
	begun = last = shots.at_ms;
	snprintf(id, sizeof(id), "%s", shots.id);
	while (shots.cb) {
		ck_assert_uint_lt(++tries, 1000);
		ck_assert_str_eq(shots.id, id);
		answered = now.boot_ms;
		answer(DEIA__SHOT_RETRY);
		run(6 * MINUTE + SECOND);
		gap = shots.at_ms - answered;
		if (tries <= 8 && shots.cb) /* 1 s, doubled, and a fifth */
			ck_assert_int_le(gap, (SECOND << (tries - 1)) * 6 / 5);
		last = shots.at_ms;
	}
	ck_assert_int_ge(last - begun, 23 * 60 * MINUTE);
	ck_assert_int_le(last - begun, 24 * 60 * MINUTE);
	ck_assert_uint_eq(status().outcomes[DEIA_NOTIFY_FAILED], 1);
	ck_assert_uint_eq(status().waiting, 0);
	ck_assert_ptr_nonnull(strstr(logged, "was not told of 1 alerts"));
	close_notify();
}
END_TEST

START_TEST(retry_after_is_kept_to)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(5 * SECOND);
	answer_after(DEIA__SHOT_RETRY, 600);
	run(599 * SECOND);
	ck_assert_uint_eq(shots.n, 1);
	run(2 * SECOND);
	ck_assert_uint_eq(shots.n, 2);
	close_notify();
}
END_TEST

START_TEST(a_refusal_is_final_and_the_next_message_goes)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(5 * SECOND);
	fire(2);
	answer(DEIA__SHOT_FINAL);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 2);
	ck_assert(says("alert 2") && !says("alert 1"));
	answer(DEIA__SHOT_OK);
	ck_assert_uint_eq(status().outcomes[DEIA_NOTIFY_FAILED], 1);
	ck_assert_uint_eq(status().outcomes[DEIA_NOTIFY_DELIVERED], 1);
	close_notify();
}
END_TEST

/* ---- what is told --------------------------------------------------------------------- */

START_TEST(ends_are_told_to_whom_it_was_told)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(5 * SECOND);
	end(1); /* while it flies */
	answer(DEIA__SHOT_OK);
	run(5 * SECOND);
	ck_assert(says("\"resolved\""));
	answer(DEIA__SHOT_OK);
	end(2); /* nobody heard of it */
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 2);
	ck_assert_ptr_null(n->entries);
	close_notify();
}
END_TEST

START_TEST(a_quiet_receiver_hears_no_ends)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	set(DEIA_NOTIFY_WEBHOOK, true);
	fire(1);
	run(5 * SECOND);
	answer(DEIA__SHOT_OK);
	end(1);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 1);
	/* But that it was, when it was over before it could be told. */
	fire(2);
	end(2);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 2);
	close_notify();
}
END_TEST

START_TEST(who_acknowledged_needs_no_message)
{
	struct deia_health_alert a = make(1);

	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	a.acknowledged.at_unix_ms = now.wall_ms;
	deia_notify_tell(n, DEIA_HEALTH_ACKNOWLEDGED, &a);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 0);
	close_notify();
}
END_TEST

START_TEST(an_alertmanager_hears_it_again_until_it_ends)
{
	open_notify(DEIA_NOTIFY_ALERTMANAGER);
	fire(1);
	run(5 * SECOND);
	answer(DEIA__SHOT_OK);
	for (unsigned i = 2; i < 100; i++) {
		run(MINUTE);
		ck_assert_uint_eq(shots.n, i);
		answer(DEIA__SHOT_OK);
	}
	end(1);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 100);
	answer(DEIA__SHOT_OK);
	run(60 * MINUTE);
	ck_assert_uint_eq(shots.n, 100);
	close_notify();
}
END_TEST

/* ---- another life ----------------------------------------------------------------------- */

static cJSON *state(void)
{
	cJSON *json;
	deia_jw w;

	deia_jw_init(&w);
	deia_notify_print_state(n, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL), DEIA_OK);
	deia_jw_fini(&w);
	return json;
}

START_TEST(a_restart_tells_what_was_not_told_under_the_same_id)
{
	struct deia_health_alert one = make(1), two = make(2), over = make(3);
	char id[DEIA__NOTIFY_ID_BYTES];
	cJSON *json;

	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	fire(3);
	run(5 * SECOND);
	answer(DEIA__SHOT_OK);
	fire(2);
	run(5 * SECOND);
	snprintf(id, sizeof(id), "%s", shots.id);
	json = state();
	close_notify();

	open_notify(DEIA_NOTIFY_WEBHOOK);
	deia_notify_restore(n, &two, json);
	deia_notify_restore(n, &one, json);
	run(5 * SECOND);
	ck_assert_str_eq(shots.id, id);
	ck_assert_int_eq(said("alerts"), 1);
	answer(DEIA__SHOT_OK);
	/* One that ended while nobody looked; one that nobody was told of. */
	over.state = DEIA_HEALTH_RESOLVED;
	deia_notify_restore(n, &over, json);
	over = make(4);
	over.state = DEIA_HEALTH_RESOLVED;
	deia_notify_restore(n, &over, json);
	run(5 * SECOND);
	ck_assert_int_eq(said("alerts"), 1);
	ck_assert(says("alert 3"));
	cJSON_Delete(json);
	close_notify();
}
END_TEST

START_TEST(a_damaged_state_is_none)
{
	struct deia_health_alert one = make(1);
	cJSON *json = cJSON_Parse("{\"x\":[],\"01997f3c-5b1e-7c3a-9d52-"
				  "000000000001\":{\"ops\":{\"told\":\"?\","
				  "\"due\":7}}}");

	open_notify(DEIA_NOTIFY_WEBHOOK);
	deia_notify_restore(n, &one, json);
	run(5 * SECOND);
	ck_assert_uint_eq(shots.n, 1);
	cJSON_Delete(json);
	close_notify();
}
END_TEST

START_TEST(changed_receivers_keep_what_they_know)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	fire(1);
	run(5 * SECOND);
	answer(DEIA__SHOT_OK);
	fire(2);
	run(5 * SECOND);
	set(DEIA_NOTIFY_WEBHOOK, false);
	ck_assert_uint_eq(shots.cancelled, 1);
	run(5 * SECOND);
	ck_assert(says("alert 2") && !says("alert 1"));
	answer(DEIA__SHOT_OK);
	ck_assert_int_eq(deia_notify_set_receivers(n, NULL, 0, NULL, NULL, 0),
			 DEIA_OK);
	ck_assert_ptr_null(n->entries);
	close_notify();
}
END_TEST

START_TEST(alerts_are_bounded_and_said_to_be)
{
	open_notify(DEIA_NOTIFY_WEBHOOK);
	for (int i = 0; i < DEIA_NOTIFY_MAX_ALERTS + 7; i++)
		fire(i);
	run(5 * SECOND);
	ck_assert_int_eq(said("lost"), 7);
	ck_assert_int_eq(said("more"), DEIA_NOTIFY_MAX_ALERTS - 50);
	close_notify();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify-plan");
	TCase *t = tcase_create("plan");
	SRunner *r;
	int failed;

	tcase_add_test(t, what_comes_together_is_one_message);
	tcase_add_test(t, a_message_names_fifty_and_counts_the_rest);
	tcase_add_test(t, what_exceeds_the_rate_is_merged_and_counted);
	tcase_add_test(t, retries_become_rarer_and_end_after_a_day);
	tcase_add_test(t, retry_after_is_kept_to);
	tcase_add_test(t, a_refusal_is_final_and_the_next_message_goes);
	tcase_add_test(t, ends_are_told_to_whom_it_was_told);
	tcase_add_test(t, a_quiet_receiver_hears_no_ends);
	tcase_add_test(t, who_acknowledged_needs_no_message);
	tcase_add_test(t, an_alertmanager_hears_it_again_until_it_ends);
	tcase_add_test(t, a_restart_tells_what_was_not_told_under_the_same_id);
	tcase_add_test(t, a_damaged_state_is_none);
	tcase_add_test(t, changed_receivers_keep_what_they_know);
	tcase_add_test(t, alerts_are_bounded_and_said_to_be);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
