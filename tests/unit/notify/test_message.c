/* SPDX-License-Identifier: MIT */
/* What messages say: signatures, headers of mail, Slack's escapes, and what a
 * receiver may be. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/sys/json.h>

#include "core/json.h"
#include "core/mem.h"
#include "notify/notify.h"

static struct deia__receiver receiver;
static struct deia_health_alert alert;

static void open_letter(struct deia__letter *l, deia_notify_kind kind)
{
	static const char *const to[] = { "a@example.org", "b@example.org" };
	static const struct deia_health_alert *alerts[1] = { &alert };
	static const int8_t told[1] = { DEIA__NOTIFY_NEVER };

	alert = (struct deia_health_alert){
		.id = "01997f3c-5b1e-7c3a-9d52-0c3f7a9b1e2d",
		.rule = "disk",
		.metric = "host.disk_ratio",
		.level = DEIA_HEALTH_WARNING,
		.fired_unix_ms = 1796025600000,
		.summary = "Disk: 95 %",
		.text = "Delete something.",
	};
	receiver = (struct deia__receiver){ .set = DEIA_NOTIFY_RECEIVER_INIT };
	receiver.set.name = "ops";
	receiver.set.kind = kind;
	receiver.set.from = "deia@example.org";
	receiver.set.to = to;
	receiver.set.n_to = 2;
	*l = (struct deia__letter){
		.receiver = &receiver,
		.link = "http://127.0.0.1:8000",
		.instance = "one",
		.id = "msg_1",
		.at_unix_ms = 1796025660000,
		.alerts = alerts,
		.told = told,
		.n = 1,
		.resend_ms = 60000,
	};
}

static char *print(const struct deia__letter *l)
{
	size_t len;
	char *text;

	ck_assert_int_eq(deia__letter_print(&text, &len, l), DEIA_OK);
	ck_assert_uint_eq(strlen(text), len);
	return text;
}

/* ---- signatures ------------------------------------------------------------ */

/* The vector of the Standard Webhooks specification's own libraries, and one
 * that Python's hmac computed. */
START_TEST(signatures_are_those_of_standard_webhooks)
{
	static const char body[] = "{\"test\": 2432232314}";
	char out[DEIA__SIGNATURE_BYTES];

	deia__notify_sign(out, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			  "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body,
			  strlen(body));
	ck_assert_str_eq(out,
			 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	deia__notify_sign(out, "plain", "msg_1", 1, "{}", 2);
	ck_assert_str_eq(out,
			 "v1,XBhOGG+pwC2eC6EzFQs0ZkYfVvJk2PEQ8t5FLQ5wDpM=");
}
END_TEST

/* ---- mail -------------------------------------------------------------------- */

START_TEST(a_header_is_never_ended_by_what_is_in_it)
{
	static const char *const texts[] = {
		"two\r\nBcc: x@example.org", "tab\tand\nline", "\x7f",
		"=?UTF-8?B?eA==?=",	     "sch\xc3\xb6n",
	};
	struct deia__buf b;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		deia__buf_init(&b, 0);
		deia__mail_header(&b, "Subject", texts[i]);
		ck_assert_msg(strncmp(b.data, "Subject: =?UTF-8?B?", 19) == 0,
			      "%s", b.data);
		ck_assert_ptr_eq(strstr(b.data, "\r\n"), b.data + b.len - 2);
		ck_assert_ptr_null(strstr(b.data, "Bcc"));
		deia__buf_fini(&b);
	}
}
END_TEST

START_TEST(a_long_header_is_folded_between_characters)
{
	struct deia__buf b;
	char text[400] = "";

	for (int i = 0; i < 100; i++)
		strcat(text, "\xe2\x82\xac");
	deia__buf_init(&b, 0);
	deia__mail_header(&b, "Subject", text);
	for (char *line = b.data, *end; (end = strstr(line, "\r\n"));
	     line = end + 2) {
		ck_assert_int_le(end - line, 85);
		ck_assert_ptr_nonnull(strstr(line, "?="));
	}
	/* 45 bytes are 15 whole characters: 7 words, all but the last alike. */
	ck_assert_ptr_nonnull(strstr(b.data, "\r\n =?UTF-8?B?4oKs"));
	deia__buf_fini(&b);
}
END_TEST

START_TEST(mail_of_a_hostile_name_is_one_mail)
{
	struct deia__letter l;
	char *text;

	open_letter(&l, DEIA_NOTIFY_EMAIL);
	snprintf(alert.summary, sizeof(alert.summary),
		 "x\r\n.\r\nMAIL FROM:<e@example.org>");
	text = print(&l);
	ck_assert_ptr_null(strstr(text, "\r\n.\r\n"));
	ck_assert_ptr_null(strstr(text, "\nMAIL FROM"));
	ck_assert_ptr_nonnull(
		strstr(text, "To: a@example.org,\r\n b@example.org\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "Message-ID: <msg_1@example.org>"));
	ck_assert_ptr_nonnull(
		strstr(text, "Date: Mon, 30 Nov 2026 08:01:00 +0000\r\n"));
	deia__free(text);
}
END_TEST

/* ---- Slack, Alertmanager, JSON -------------------------------------------------- */

START_TEST(slack_text_mentions_nobody)
{
	struct deia__letter l;
	char *text;

	open_letter(&l, DEIA_NOTIFY_WEBHOOK);
	receiver.set.slack = true;
	snprintf(alert.summary, sizeof(alert.summary), "<!channel> & <@U1|x>");
	l.more = 3;
	l.merged = 2;
	text = print(&l);
	ck_assert_ptr_nonnull(
		strstr(text, "&lt;!channel&gt; &amp; &lt;@U1|x&gt;"));
	ck_assert_ptr_nonnull(strstr(text, "and 3 more alerts"));
	ck_assert_ptr_nonnull(strstr(text, "2 notices waited"));
	deia__free(text);
}
END_TEST

START_TEST(an_alertmanager_gets_the_end_of_the_old_level)
{
	static const int8_t told[1] = { DEIA_HEALTH_WARNING };
	struct deia__letter l;
	const cJSON *one, *labels;
	cJSON *json;
	char *text;

	open_letter(&l, DEIA_NOTIFY_ALERTMANAGER);
	alert.level = DEIA_HEALTH_CRITICAL;
	l.told = told;
	text = print(&l);
	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	ck_assert_int_eq(cJSON_GetArraySize(json), 2);
	one = cJSON_GetArrayItem(json, 0);
	labels = deia__json_get(one, "labels");
	ck_assert_str_eq(deia__json_str(labels, "severity"), "warning");
	ck_assert_str_eq(deia__json_str(one, "endsAt"),
			 "2026-11-30T08:01:00.000Z");
	one = cJSON_GetArrayItem(json, 1);
	labels = deia__json_get(one, "labels");
	ck_assert_str_eq(deia__json_str(labels, "severity"), "critical");
	ck_assert_str_eq(deia__json_str(labels, "alertname"), "disk");
	ck_assert_str_eq(deia__json_str(one, "endsAt"),
			 "2026-11-30T08:05:00.000Z");
	cJSON_Delete(json);
	deia__free(text);
}
END_TEST

START_TEST(the_nth_allocation_of_a_message_fails)
{
	static const deia_notify_kind kinds[] = { DEIA_NOTIFY_WEBHOOK,
						  DEIA_NOTIFY_EMAIL,
						  DEIA_NOTIFY_ALERTMANAGER };
	struct deia__letter l;
	char *text = NULL;
	size_t len;
	deia_err err = DEIA_ENOMEM;

	open_letter(&l, kinds[_i]);
	for (unsigned long n = 1; err; n++) {
		ck_assert_uint_lt(n, 100);
		deia__mem_fail_at(n, false);
		err = deia__letter_print(&text, &len, &l);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		ck_assert(!err == !!text);
	}
	deia__free(text);
}
END_TEST

/* ---- receivers --------------------------------------------------------------------- */

static const struct {
	deia_notify_kind kind;
	const char *url, *from, *to, *argv0;
	const char *word; /* of the refusal; NULL: it is fine */
} checks[] = {
	{ DEIA_NOTIFY_WEBHOOK, "https://x.example/y?z", "", "", "", NULL },
	{ DEIA_NOTIFY_WEBHOOK, "http://127.0.0.1:80", "", "", "", NULL },
	{ DEIA_NOTIFY_WEBHOOK, "file:///etc/passwd", "", "", "", "url" },
	{ DEIA_NOTIFY_WEBHOOK, "gopher://x", "", "", "", "url" },
	{ DEIA_NOTIFY_WEBHOOK, "http://", "", "", "", "url" },
	{ DEIA_NOTIFY_WEBHOOK, "http://u:p@x", "", "", "", "password" },
	{ DEIA_NOTIFY_WEBHOOK, "http://x/\r\nA: b", "", "", "", "url" },
	{ DEIA_NOTIFY_ALERTMANAGER, "smtp://x", "", "", "", "url" },
	{ DEIA_NOTIFY_EMAIL, "smtp://m:25", "a@b", "c@d", "", NULL },
	{ DEIA_NOTIFY_EMAIL, "http://m:25", "a@b", "c@d", "", "url" },
	{ DEIA_NOTIFY_EMAIL, "smtp://m/x", "a@b", "c@d", "", "url" },
	{ DEIA_NOTIFY_EMAIL, "smtp://m", "a", "c@d", "", "from" },
	{ DEIA_NOTIFY_EMAIL, "smtp://m", "a@b>\r\nX", "c@d", "", "from" },
	{ DEIA_NOTIFY_EMAIL, "smtp://m", "a@b", "c@d,e@f", "", "to" },
	{ DEIA_NOTIFY_EXEC, NULL, "", "", "/bin/true", NULL },
	{ DEIA_NOTIFY_EXEC, NULL, "", "", "true", "argv" },
};

START_TEST(receivers_are_checked)
{
	struct deia_notify_receiver r = DEIA_NOTIFY_RECEIVER_INIT;
	char why[200] = "";
	deia_err err;

	r.name = "ops";
	r.kind = checks[_i].kind;
	r.url = checks[_i].url;
	r.from = checks[_i].from;
	r.to = &checks[_i].to;
	r.n_to = 1;
	r.argv = &checks[_i].argv0;
	r.n_argv = 1;
	err = deia_notify_check(&r, why, sizeof(why));
	ck_assert_msg(!err == !checks[_i].word, "%s", why);
	if (err)
		ck_assert_msg(strstr(why, checks[_i].word) != NULL, "%s", why);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

int main(void)
{
	Suite *s = suite_create("notify-message");
	TCase *t = tcase_create("message");
	SRunner *r;
	int failed;

	tcase_add_test(t, signatures_are_those_of_standard_webhooks);
	tcase_add_test(t, a_header_is_never_ended_by_what_is_in_it);
	tcase_add_test(t, a_long_header_is_folded_between_characters);
	tcase_add_test(t, mail_of_a_hostile_name_is_one_mail);
	tcase_add_test(t, slack_text_mentions_nobody);
	tcase_add_test(t, an_alertmanager_gets_the_end_of_the_old_level);
	tcase_add_loop_test(t, the_nth_allocation_of_a_message_fails, 0, 3);
	tcase_add_loop_test(t, receivers_are_checked, 0, COUNT(checks));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
