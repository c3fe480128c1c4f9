/* SPDX-License-Identifier: MIT */
/* External bots: registered, heard of, offline; their turns under leases. */
#include "rig.h"

static char claimable[256];

static void on_claimable(const char *bot, void *user)
{
	size_t len = strlen(claimable);

	(void)user;
	snprintf(claimable + len, sizeof(claimable) - len, "%s ", bot);
}

static void setup(void)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;

	rig_setup();
	deia_bots_free(rig.bots);
	claimable[0] = '\0';
	opts.on_claimable = on_claimable;
	rig_open(&opts);
}

static struct deia_bot_spec external(const char *id)
{
	struct deia_bot_spec s = DEIA_BOT_SPEC_INIT;

	s.id = id;
	s.adapter = "external";
	s.max_concurrent = 2;
	return s;
}

static void launch(const struct deia_bot_spec *spec)
{
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, spec->id));
	rig_wait_state(spec->id, DEIA_BOT_READY);
}

static void launch_usual(void)
{
	struct deia_bot_spec s = external("x");

	launch(&s);
}

static struct deia_claim claim(unsigned lease_seconds)
{
	struct deia_claim c;

	ok(deia_bots_claim(rig.bots, "x", lease_seconds, &c));
	return c;
}

static deia_err complete(const struct deia_claim *c, const char *text)
{
	struct deia_claim_answer a = DEIA_CLAIM_ANSWER_INIT;

	a.text = text;
	a.prompt_tokens = 3;
	a.session = "s-9";
	a.details = "{\"files\": [\"a\"]}";
	return deia_bots_claim_complete(rig.bots, c->id, c->token, &a);
}

/* ---- its life -------------------------------------------------------------------- */

START_TEST(external_bot_is_ready_without_a_process)
{
	launch_usual();
	ck_assert_int_eq(deia_bots_get(rig.bots, "x")->pid, 0);
	ck_assert_str_eq(rig.states, "starting ready");
	ck_assert_int_eq(deia_bots_remove(rig.bots, "x"), DEIA_ESTATE);
	ok(deia_bots_restart(rig.bots, "x"));
	rig_wait_state("x", DEIA_BOT_READY);
	rig_stop("x");
	ck_assert_str_eq(rig.states, "starting ready stopping stopped starting "
				     "ready stopping stopped");
	ck_assert_int_eq(deia_bots_heartbeat(rig.bots, "x", NULL), DEIA_ESTATE);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "bot x is stopped; start it first");
	ok(deia_bots_remove(rig.bots, "x"));
}
END_TEST

START_TEST(silent_external_bot_goes_offline_and_comes_back)
{
	struct deia_bot_spec s = external("x");
	struct turn t;

	s.heartbeat_timeout_seconds = 1;
	launch(&s);
	rig_submit(&t, "x", "t", "hi");
	rig_wait_state("x", DEIA_BOT_OFFLINE);
	ck_reason("x", "no sign of life for 1 s");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(rig_try_submit(&t, "x", "u", DEIA_WORK_CHAT, "hi"),
			 DEIA_ESTATE);
	ok(deia_bots_heartbeat(rig.bots, "x", NULL));
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_READY);
	ok(deia_bots_pause(rig.bots, "x"));
	rig_wait_state("x", DEIA_BOT_OFFLINE);
	ck_assert_ptr_null(claim(0).id);
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_PAUSED);
	ok(deia_bots_resume(rig.bots, "x"));
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_READY);
	rig_wait_state("x", DEIA_BOT_OFFLINE);
	rig_stop("x");
}
END_TEST

START_TEST(heartbeat_says_what_it_can)
{
	static const char *const said[] = { "c", "python", "c" };
	static const char *const own[] = { "c", "prose" };
	static const char *const bad[] = { "a b" };
	struct deia_bot_heartbeat beat = DEIA_BOT_HEARTBEAT_INIT;
	struct deia_bot_spec s = external("x");
	const struct deia_bot_info *info;

	s.capabilities = own;
	s.n_capabilities = 2;
	launch(&s);
	beat.capabilities = said;
	beat.n_capabilities = 3;
	beat.status_text = "compiling";
	beat.max_concurrent = 1;
	ok(deia_bots_heartbeat(rig.bots, "x", &beat));
	info = deia_bots_get(rig.bots, "x");
	ck_assert_str_eq(info->status_text, "compiling");
	ck_assert_uint_eq(info->max_concurrent, 1);
	ck_assert_uint_eq(info->n_capabilities, 3);
	ck_assert_str_eq(info->capabilities[0], "c");
	ck_assert_str_eq(info->capabilities[1], "prose");
	ck_assert_str_eq(info->capabilities[2], "python");
	ck_assert_int_ne(info->last_line_unix_ms, 0);
	s.n_capabilities = 1;
	ok(deia_bots_set_spec(rig.bots, &s));
	ck_assert_uint_eq(info->n_capabilities, 2);
	ck_assert_str_eq(info->capabilities[1], "python");
	beat.capabilities = bad;
	beat.n_capabilities = 1;
	ck_assert_int_eq(deia_bots_heartbeat(rig.bots, "x", &beat),
			 DEIA_EINVAL);
	beat.n_capabilities = DEIA_MAX_CAPABILITIES_LEN + 1;
	ck_assert_int_eq(deia_bots_heartbeat(rig.bots, "x", &beat),
			 DEIA_ELIMIT);
	beat.size = 0;
	ck_assert_int_eq(deia_bots_heartbeat(rig.bots, "x", &beat),
			 DEIA_EINVAL);
}
END_TEST

START_TEST(bot_with_a_process_claims_nothing)
{
	struct deia_claim c;

	rig_launch("p", "GOOD");
	ck_assert_int_eq(deia_bots_claim(rig.bots, "p", 0, &c), DEIA_ESTATE);
	ck_assert_int_eq(deia_bots_heartbeat(rig.bots, "p", NULL), DEIA_ESTATE);
	ck_assert_int_eq(deia_bots_claim(rig.bots, "q", 0, &c), DEIA_ENOTFOUND);
}
END_TEST

/* ---- claims ---------------------------------------------------------------------- */

START_TEST(claimed_turn_is_completed)
{
	static const struct deia_history_item history[] = {
		{ "user", "before \"x\"\n" }, { "assistant", "yes" }
	};
	struct deia_work_spec spec = { .size = sizeof(spec) };
	struct deia_bot_spec s = external("x");
	struct turn t;
	struct deia_claim c;
	char bot[DEIA_MAX_ID_LEN + 1];

	launch_usual();
	ck_assert_ptr_null(claim(0).id);
	rig_submit(&t, "x", "t", "hi");
	rig_turn();
	ck_assert_str_eq(claimable, "x ");
	c = claim(0);
	ck_assert_str_eq(c.id, "t");
	ck_assert_str_eq(c.content, "hi");
	ck_assert_uint_eq(c.attempt, 1);
	ck_assert_uint_eq(c.lease_seconds, DEIA_DEFAULT_LEASE_SECONDS);
	ck_assert_uint_eq(c.timeout_seconds, 600);
	ck_assert(deia_claim_bot(c.token, bot));
	ck_assert_str_eq(bot, "x");
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_BUSY);
	ok(complete(&c, "hello"));
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_READY);
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_int_eq(t.started, 1);
	ck_assert_str_eq(t.text, "hello");
	ck_assert_str_eq(t.session, "s-9");
	ck_assert_str_eq(t.details, "{\"files\":[\"a\"]}");
	ck_assert_int_eq(t.prompt_tokens, 3);
	ck_assert_int_eq(complete(&c, "again"), DEIA_ESTATE);
	/* What was said before comes along as it was. */
	spec.id = "u";
	spec.content = "and?";
	spec.conversation = "c1";
	spec.session = "s-9";
	spec.history = history;
	spec.n_history = 2;
	rig_submit_spec(&t, "x", &spec);
	c = claim(5);
	ck_assert_str_eq(c.conversation, "c1");
	ck_assert_str_eq(c.session, "s-9");
	ck_assert_uint_eq(c.n_history, 2);
	ck_assert_str_eq(c.history[0].content, "before \"x\"\n");
	ck_assert_str_eq(c.history[1].role, "assistant");
	ok(complete(&c, ""));
	rig_wait_done(&t);
	ck_assert_uint_eq(t.text_len, 0);
	/* Only the newest, when the bot is to have so many. */
	s.history_messages = 1;
	ok(deia_bots_set_spec(rig.bots, &s));
	rig_submit_spec(&t, "x", &spec);
	c = claim(5);
	ck_assert_uint_eq(c.n_history, 1);
	ck_assert_str_eq(c.history[0].role, "assistant");
	ok(complete(&c, ""));
	rig_wait_done(&t);
}
END_TEST

START_TEST(claims_go_by_kind_and_up_to_max_concurrent)
{
	struct turn task, chat, more;
	struct deia_claim a, b;

	launch_usual();
	ok(rig_try_submit(&task, "x", "task", DEIA_WORK_TASK, "1"));
	ok(rig_try_submit(&chat, "x", "chat", DEIA_WORK_CHAT, "2"));
	ok(rig_try_submit(&more, "x", "more", DEIA_WORK_TASK, "3"));
	a = claim(0);
	b = claim(0);
	ck_assert_str_eq(a.id, "chat");
	ck_assert_str_eq(b.id, "task");
	ck_assert_ptr_null(claim(0).id);
	rig_turn();
	claimable[0] = '\0';
	ok(complete(&a, "x"));
	rig_turn();
	ck_assert_str_eq(claimable, "x ");
	ok(deia_bots_pause(rig.bots, "x"));
	ck_assert_ptr_null(claim(0).id);
	ok(complete(&b, "y"));
	ok(deia_bots_resume(rig.bots, "x"));
	a = claim(0);
	ck_assert_str_eq(a.id, "more");
	ok(complete(&a, "z"));
	rig_wait_done(&more);
}
END_TEST

START_TEST(failed_turn_says_why)
{
	struct turn t;
	struct deia_claim c;

	launch_usual();
	rig_submit(&t, "x", "t", "hi");
	c = claim(0);
	ck_assert_int_eq(deia_bots_claim_fail(rig.bots, NULL, c.token, "x", "",
					      false, 0),
			 DEIA_EINVAL);
	ok(deia_bots_claim_fail(rig.bots, NULL, c.token, "rate_limited",
				"slow down", true, 7));
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EREMOTE);
	ck_assert_str_eq(t.code, "rate_limited");
	ck_assert_str_eq(t.message, "slow down");
	ck_assert(t.retryable);
	ck_assert_uint_eq(t.retry_after, 7);
}
END_TEST

static bool waits(void *arg)
{
	(void)arg;
	return deia_bots_get(rig.bots, "x")->queued == 1;
}

START_TEST(lease_that_ends_gives_the_turn_to_the_next_and_then_gives_up)
{
	struct turn first, second;
	struct deia_claim c, old;
	int i;

	launch_usual();
	rig_submit(&first, "x", "first", "1");
	old = claim(1);
	rig_wait(waits, NULL, "the end of the lease");
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_READY);
	ck_assert_int_eq(complete(&old, "late"), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_bots_errmsg(rig.bots), "this lease is over"));
	rig_submit(&second, "x", "second", "2");
	for (i = 2; i <= DEIA_MAX_CLAIMS; i++) {
		c = claim(0);
		ck_assert_str_eq(c.id, "first");
		ck_assert_str_eq(c.content, "1");
		ck_assert_uint_eq(c.attempt, i);
		ck_assert_str_ne(c.token, old.token);
		ok(deia_bots_claim_release(rig.bots, "first", c.token));
	}
	rig_wait_done(&first);
	ck_assert_int_eq(first.err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(first.started, 1);
	ck_assert_str_eq(first.message,
			 "it was given back 3 times without an answer");
	c = claim(0);
	ck_assert_str_eq(c.id, "second");
}
END_TEST

START_TEST(extended_lease_lasts_but_not_beyond_the_timeout)
{
	struct deia_work_spec spec = { .size = sizeof(spec) };
	struct turn t;
	struct deia_claim c;
	int64_t expires = 0, began = rig_now_ms();

	launch_usual();
	spec.id = "t";
	spec.content = "hi";
	spec.timeout_seconds = 2;
	rig_submit_spec(&t, "x", &spec);
	c = claim(1);
	ok(deia_bots_claim_extend(rig.bots, "t", c.token, 3600, &expires));
	ck_assert_int_gt(expires, c.lease_expires_unix_ms);
	ck_assert_int_le(expires, c.lease_expires_unix_ms + 1100);
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ETIMEDOUT);
	ck_assert_int_ge(rig_now_ms() - began, 1900);
	ck_assert_int_eq(
		deia_bots_claim_extend(rig.bots, "t", c.token, 1, NULL),
		DEIA_ESTATE);
}
END_TEST

START_TEST(cancelled_and_stopped_turns_make_their_tokens_stale)
{
	struct turn a, b;
	struct deia_claim ca, cb;

	launch_usual();
	rig_submit(&a, "x", "a", "1");
	rig_submit(&b, "x", "b", "2");
	ca = claim(0);
	cb = claim(0);
	deia_work_cancel(a.work);
	rig_wait_done(&a);
	ck_assert_int_eq(a.err, DEIA_ECANCELED);
	ck_assert_int_eq(complete(&ca, "x"), DEIA_ESTATE);
	ck_assert_int_eq(rig_state("x"), DEIA_BOT_BUSY);
	rig_stop("x");
	ck_assert_int_eq(b.err, DEIA_ECANCELED);
	ck_assert_int_eq(complete(&cb, "x"), DEIA_ESTATE);
}
END_TEST

START_TEST(wrong_tokens_and_answers_are_refused)
{
	struct deia_claim_answer a = DEIA_CLAIM_ANSWER_INIT;
	static const char *const wrong[] = {
		"",
		"x",
		"00000000000000000000000000000000",
		"00000000000000000000000000000000.",
		"00000000000000000000000000000000.a b",
		"0000000000000000000000000000000g.x",
	};
	char bot[DEIA_MAX_ID_LEN + 1], name[300];
	struct turn t;
	struct deia_claim c;
	size_t i;

	launch_usual();
	rig_submit(&t, "x", "t", "hi");
	c = claim(0);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert(!deia_claim_bot(wrong[i], bot));
	ck_assert_int_eq(deia_bots_claim_extend(rig.bots, NULL, NULL, 0, NULL),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_bots_claim_extend(
				 rig.bots, NULL,
				 "00000000000000000000000000000000.x", 0, NULL),
			 DEIA_ESTATE);
	ck_assert_int_eq(
		deia_bots_claim_extend(rig.bots, "u", c.token, 0, NULL),
		DEIA_ESTATE);
	ck_assert_int_eq(
		deia_bots_claim_extend(rig.bots, "t", c.token, 3601, NULL),
		DEIA_EINVAL);
	ck_assert_int_eq(deia_bots_claim_complete(rig.bots, "t", c.token, &a),
			 DEIA_EINVAL);
	a.text = "\xff";
	ck_assert_int_eq(deia_bots_claim_complete(rig.bots, "t", c.token, &a),
			 DEIA_EINVAL);
	a.text = "x";
	a.details = "[]";
	ck_assert_int_eq(deia_bots_claim_complete(rig.bots, "t", c.token, &a),
			 DEIA_EINVAL);
	a.details = NULL;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	a.session = name;
	ck_assert_int_eq(deia_bots_claim_complete(rig.bots, "t", c.token, &a),
			 DEIA_ELIMIT);
	a.session = NULL;
	ok(deia_bots_claim_complete(rig.bots, "t", c.token, &a));
	rig_wait_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("external");
	TCase *tc = tcase_create("external");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, rig_teardown);
	tcase_add_test(tc, external_bot_is_ready_without_a_process);
	tcase_add_test(tc, silent_external_bot_goes_offline_and_comes_back);
	tcase_add_test(tc, heartbeat_says_what_it_can);
	tcase_add_test(tc, bot_with_a_process_claims_nothing);
	tcase_add_test(tc, claimed_turn_is_completed);
	tcase_add_test(tc, claims_go_by_kind_and_up_to_max_concurrent);
	tcase_add_test(tc, failed_turn_says_why);
	tcase_add_test(
		tc,
		lease_that_ends_gives_the_turn_to_the_next_and_then_gives_up);
	tcase_add_test(tc, extended_lease_lasts_but_not_beyond_the_timeout);
	tcase_add_test(tc, cancelled_and_stopped_turns_make_their_tokens_stale);
	tcase_add_test(tc, wrong_tokens_and_answers_are_refused);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
