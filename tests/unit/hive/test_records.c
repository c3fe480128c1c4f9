/* SPDX-License-Identifier: MIT */
/* test_records.c - events, tokens, sign-in, audit, kept answers. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- events --------------------------------------------------------------- */

struct listener {
	deia_subscription *sub;
	int64_t last;
	unsigned n, resyncs, stop_after;
	bool created, ready, stopped;
};

static void on_event(const struct deia_event *ev, void *user)
{
	struct listener *l = user;

	if (!ev) {
		l->resyncs++;
		return;
	}
	ck_assert_int_gt(ev->seq, l->last);
	ck_assert_int_gt(ev->at_unix_ms, 0);
	ck_assert(ev->data[0] == '{');
	l->last = ev->seq;
	l->n++;
	if (strcmp(ev->type, "bot.created") == 0)
		l->created = true;
	if (strcmp(ev->type, "bot.state") == 0 &&
	    strstr(ev->data, "\"state\":\"ready\""))
		l->ready = true;
	if (l->stop_after && l->n == l->stop_after) {
		deia_unsubscribe(l->sub);
		l->stopped = true;
	}
}

START_TEST(listeners_see_every_transition_in_order)
{
	struct listener l = { .last = 0 };

	ck_assert_int_eq(deia_hive_subscribe(f.hive, 0, on_event, &l, &l.sub),
			 DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until(&f, &l.ready);
	ck_assert(l.created);
	ck_assert_uint_eq(l.resyncs, 0);
	deia_unsubscribe(l.sub);
}
END_TEST

START_TEST(late_listener_gets_the_past_once)
{
	struct listener all = { .last = 0 }, now = { .last = 0 };
	int64_t newest;

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(
		deia_hive_subscribe(f.hive, 0, on_event, &all, &all.sub),
		DEIA_OK);
	ck_assert_int_eq(
		deia_hive_subscribe(f.hive, -1, on_event, &now, &now.sub),
		DEIA_OK);
	newest = deia_hive_last_seq(f.hive);
	ck_assert_uint_eq(all.n, 0); /* never inside the call */
	run_until(&f, &all.ready);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_RESTART), DEIA_OK);
	all.ready = false;
	run_until(&f, &all.ready);
	ck_assert_int_gt(now.last, newest);
	ck_assert_int_eq(all.last, now.last);
	ck_assert_uint_lt(now.n, all.n);
	deia_unsubscribe(all.sub);
	deia_unsubscribe(now.sub);
}
END_TEST

START_TEST(listener_may_leave_in_its_own_callback)
{
	struct listener l = { .last = 0, .stop_after = 2 };
	struct listener other = { .last = 0 };

	ck_assert_int_eq(deia_hive_subscribe(f.hive, 0, on_event, &l, &l.sub),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_hive_subscribe(f.hive, 0, on_event, &other, &other.sub),
		DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until(&f, &other.ready);
	ck_assert(l.stopped);
	ck_assert_uint_eq(l.n, 2);
	deia_unsubscribe(other.sub);
}
END_TEST

START_TEST(events_survive_a_restart_and_go_on_counting)
{
	struct listener l = { .last = 0 };
	int64_t before;

	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	before = deia_hive_last_seq(f.hive);
	fixture_reopen(&f, true);
	ck_assert_int_ge(deia_hive_last_seq(f.hive), before);
	ck_assert_int_eq(deia_hive_subscribe(f.hive, 0, on_event, &l, &l.sub),
			 DEIA_OK);
	run_until(&f, &l.ready);
	ck_assert(l.created);
	ck_assert_uint_eq(l.resyncs, 0);
	deia_unsubscribe(l.sub);
	fixture_close(&f);
}
END_TEST

/* ---- tokens ----------------------------------------------------------------- */

struct minted {
	bool done;
	deia_err err;
	char secret[DEIA_TOKEN_LEN + 1], id[DEIA_TOKEN_ID_LEN + 1];
	deia_role role;
};

static void on_token(deia_err err, const char *token,
		     const struct deia_token_info *info, void *user)
{
	struct minted *m = user;

	m->done = true;
	m->err = err;
	if (err)
		return;
	ck_assert_uint_eq(strlen(token), DEIA_TOKEN_LEN);
	memcpy(m->secret, token, sizeof(m->secret));
	memcpy(m->id, info->id, sizeof(m->id));
	m->role = info->role;
}

static void mint(struct minted *m, deia_role role, int64_t ttl_seconds)
{
	memset(m, 0, sizeof(*m));
	ck_assert_int_eq(deia_hive_token_create(f.hive, deia_actor_local(),
						"laptop", role, ttl_seconds,
						on_token, m),
			 DEIA_OK);
	run_until(&f, &m->done);
	ck_assert_int_eq(m->err, DEIA_OK);
}

struct done {
	bool done;
	deia_err err;
};

static void on_done(deia_err err, void *user)
{
	struct done *d = user;

	d->done = true;
	d->err = err;
}

START_TEST(token_proves_who_it_is_until_revoked)
{
	struct deia_actor actor = { .role = DEIA_ROLE_NONE };
	struct done d = { false, DEIA_OK };
	struct minted m;
	char wrong[DEIA_TOKEN_LEN + 1];

	mint(&m, DEIA_ROLE_OPERATOR, 0);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, m.secret, &actor),
			 DEIA_OK);
	ck_assert_str_eq(actor.name, "laptop");
	ck_assert_int_eq(actor.role, DEIA_ROLE_OPERATOR);
	ck_assert_str_eq(actor.token_id, m.id);
	memcpy(wrong, m.secret, sizeof(wrong));
	wrong[20] = wrong[20] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(deia_hive_authenticate(f.hive, wrong, &actor),
			 DEIA_EAUTH);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, "", &actor),
			 DEIA_EAUTH);
	ck_assert_int_eq(deia_hive_token_revoke(f.hive, deia_actor_local(),
						m.id, on_done, &d),
			 DEIA_OK);
	/* Dead at once, before the row is. */
	ck_assert_int_eq(deia_hive_authenticate(f.hive, m.secret, &actor),
			 DEIA_EAUTH);
	run_until(&f, &d.done);
	ck_assert_int_eq(d.err, DEIA_OK);
	ck_assert_int_eq(deia_hive_token_revoke(f.hive, deia_actor_local(),
						"zzzzzzzz", on_done, &d),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(tokens_and_their_revocation_survive_a_restart)
{
	struct deia_actor actor = { .role = DEIA_ROLE_NONE };
	struct done d = { false, DEIA_OK };
	struct minted kept, gone;

	fixture_open_file(&f);
	mint(&kept, DEIA_ROLE_VIEWER, 0);
	mint(&gone, DEIA_ROLE_VIEWER, 0);
	ck_assert_int_eq(deia_hive_token_revoke(f.hive, deia_actor_local(),
						gone.id, on_done, &d),
			 DEIA_OK);
	run_until(&f, &d.done);
	fixture_reopen(&f, false);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, kept.secret, &actor),
			 DEIA_OK);
	ck_assert_int_eq(actor.role, DEIA_ROLE_VIEWER);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, gone.secret, &actor),
			 DEIA_EAUTH);
	fixture_close(&f);
}
END_TEST

START_TEST(code_signs_in_once)
{
	struct deia_actor actor = { .role = DEIA_ROLE_NONE };
	struct minted m = { .done = false };
	char code[64];

	ck_assert_int_eq(deia_hive_code_create(f.hive, deia_actor_local(),
					       DEIA_ROLE_ADMIN, 60, code,
					       sizeof(code)),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_hive_login(f.hive, code, "127.0.0.1", on_token, &m),
		DEIA_OK);
	run_until(&f, &m.done);
	ck_assert_int_eq(m.err, DEIA_OK);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, m.secret, &actor),
			 DEIA_OK);
	ck_assert_int_eq(actor.role, DEIA_ROLE_ADMIN);
	ck_assert_int_eq(
		deia_hive_login(f.hive, code, "127.0.0.1", on_token, &m),
		DEIA_EAUTH);
}
END_TEST

START_TEST(guessing_codes_is_braked_per_address)
{
	struct minted m = { .done = false };
	char code[64];

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(deia_hive_login(f.hive, "guess", "10.0.0.1",
						 on_token, &m),
				 DEIA_EAUTH);
	ck_assert_int_eq(deia_hive_code_create(f.hive, deia_actor_local(),
					       DEIA_ROLE_VIEWER, 60, code,
					       sizeof(code)),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_hive_login(f.hive, "guess", "10.0.0.1", on_token, &m),
		DEIA_EBUSY);
	ck_assert_int_eq(
		deia_hive_login(f.hive, "guess", "10.0.0.2", on_token, &m),
		DEIA_EAUTH);
	/* A right one passes: the brake is no way to lock its owner out. */
	ck_assert_int_eq(
		deia_hive_login(f.hive, code, "10.0.0.1", on_token, &m),
		DEIA_OK);
	run_until(&f, &m.done);
	ck_assert_int_eq(m.role, DEIA_ROLE_VIEWER);
}
END_TEST

/* ---- audit ---------------------------------------------------------------------- */

struct entries {
	bool done, more;
	size_t n;
	struct {
		char actor[80], action[40], target[70], outcome[40];
		int64_t seq;
	} items[64];
};

static void on_audit(deia_err err, const struct deia_audit_entry *e, size_t n,
		     bool more, void *user)
{
	struct entries *out = user;

	ck_assert_int_eq(err, DEIA_OK);
	out->done = true;
	out->more = more;
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		out->items[i].seq = e[i].seq;
		snprintf(out->items[i].actor, 80, "%s", e[i].actor);
		snprintf(out->items[i].action, 40, "%s", e[i].action);
		snprintf(out->items[i].target, 70, "%s", e[i].target);
		snprintf(out->items[i].outcome, 40, "%s", e[i].outcome);
	}
}

START_TEST(every_change_has_its_audit_entry)
{
	struct entries e = { .done = false };

	ck_assert_int_eq(create_bot(&f, "b", true), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, "b", DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, "b", DEIA_BOT_STOPPED);
	deia_hive_audit(f.hive, deia_actor_local(), "bot.start", "b",
			DEIA_EDENIED);
	ck_assert_int_eq(remove_bot(&f, "b", false, false), DEIA_OK);
	ck_assert_int_eq(deia_hive_audit_page(f.hive, 0, 10, on_audit, &e),
			 DEIA_OK);
	run_until(&f, &e.done);
	ck_assert_uint_eq(e.n, 4);
	ck_assert_str_eq(e.items[3].action, "bot.create");
	ck_assert_str_eq(e.items[2].action, "bot.stop");
	ck_assert_str_eq(e.items[1].outcome, "forbidden");
	ck_assert_str_eq(e.items[0].action, "bot.remove");
	ck_assert_str_eq(e.items[0].actor, "local");
	ck_assert_str_eq(e.items[0].target, "b");
	memset(&e, 0, sizeof(e));
	ck_assert_int_eq(deia_hive_audit_page(f.hive, 0, 0, on_audit, &e),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_audit_page(f.hive, 0, DEIA_MAX_PAGE_LEN + 1,
					      on_audit, &e),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_hive_audit_page(f.hive, 3, 1, on_audit, &e),
			 DEIA_OK);
	run_until(&f, &e.done);
	ck_assert_uint_eq(e.n, 1);
	ck_assert(e.more);
	ck_assert_int_eq(e.items[0].seq, 2);
}
END_TEST

START_TEST(what_comes_from_outside_is_recorded_whatever_it_is)
{
	struct entries e = { .done = false };
	struct minted m = { .done = false };
	struct deia_actor actor = { .role = DEIA_ROLE_NONE };
	char name[201], target[600];

	/* 200 bytes of a three-byte character: cut inside one at 79. */
	for (int i = 0; i < 66; i++)
		memcpy(name + 3 * i, "\xE2\x98\x80", 4);
	ck_assert_int_eq(deia_hive_token_create(f.hive, deia_actor_local(),
						name, DEIA_ROLE_ADMIN, 0,
						on_token, &m),
			 DEIA_OK);
	run_until(&f, &m.done);
	ck_assert_int_eq(m.err, DEIA_OK);
	ck_assert_int_eq(deia_hive_authenticate(f.hive, m.secret, &actor),
			 DEIA_OK);
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	memcpy(target, "/\xff\xfe", 3);
	deia_hive_audit(f.hive, &actor, "auth.denied", target, DEIA_EDENIED);
	ck_assert_int_eq(deia_hive_audit_page(f.hive, 0, 10, on_audit, &e),
			 DEIA_OK);
	run_until(&f, &e.done);
	ck_assert_uint_eq(e.n, 2);
	ck_assert_int_eq(strncmp(e.items[0].target, "/??xxx", 6), 0);
	ck_assert_uint_eq(strlen(e.items[0].actor), 78);
}
END_TEST

/* ---- kept answers ------------------------------------------------------------------ */

struct replay {
	bool done;
	int status;
	char fingerprint[80], body[80];
};

static void on_replay(deia_err err, const char *fingerprint, int status,
		      const char *body, void *user)
{
	struct replay *r = user;

	ck_assert_int_eq(err, DEIA_OK);
	r->done = true;
	r->status = status;
	snprintf(r->fingerprint, sizeof(r->fingerprint), "%s", fingerprint);
	snprintf(r->body, sizeof(r->body), "%s", body ? body : "(none)");
}

START_TEST(kept_answer_is_found_by_its_owner_only)
{
	struct replay r = { .done = false };
	struct done d = { false, DEIA_OK };

	ck_assert_int_eq(deia_hive_replay_keep(f.hive, "ann", "k1", "abc", 201,
					       "{\"id\":1}", on_done, &d),
			 DEIA_OK);
	run_until(&f, &d.done);
	ck_assert_int_eq(d.err, DEIA_OK);
	ck_assert_int_eq(
		deia_hive_replay_find(f.hive, "ann", "k1", on_replay, &r),
		DEIA_OK);
	run_until(&f, &r.done);
	ck_assert_int_eq(r.status, 201);
	ck_assert_str_eq(r.body, "{\"id\":1}");
	ck_assert_str_eq(r.fingerprint, "abc");
	r.done = false;
	ck_assert_int_eq(
		deia_hive_replay_find(f.hive, "bob", "k1", on_replay, &r),
		DEIA_OK);
	run_until(&f, &r.done);
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.body, "(none)");
	ck_assert_int_eq(
		deia_hive_replay_find(f.hive, "bob", "", on_replay, &r),
		DEIA_EINVAL);
}
END_TEST

/* Shows what was made by its kind and id. */
static const char *print_made(enum deia_made made, const void *what,
			      int *status, void *user)
{
	const struct deia_hive_bot *bot = what;
	const struct deia_conversation *conversation = what;
	const struct deia_chat_line *line = what;
	const char *id = made == DEIA_MADE_BOT		  ? bot->info->spec->id
			 : made == DEIA_MADE_CONVERSATION ? conversation->title
							  : line->content;

	*status = 201;
	snprintf(user, 80, "%d %s", (int)made, id);
	return user;
}

static void find_kept(const char *key, struct replay *r)
{
	r->done = false;
	ck_assert_int_eq(
		deia_hive_replay_find(f.hive, "ann", key, on_replay, r),
		DEIA_OK);
	run_until(&f, &r->done);
}

static void on_made(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	(void)bot;
	((struct done *)user)->done = true;
	((struct done *)user)->err = err;
}

static void on_conv(deia_err err, const struct deia_conversation *c, void *user)
{
	(void)c;
	((struct done *)user)->done = true;
	((struct done *)user)->err = err;
}

static void on_said(deia_err err, const struct deia_chat_line *line,
		    unsigned retry_after, void *user)
{
	(void)line;
	(void)retry_after;
	((struct done *)user)->done = true;
	((struct done *)user)->err = err;
}

START_TEST(answer_is_kept_by_the_change_that_makes_it)
{
	static const struct deia_chat_events events = { .on_done = on_said };
	struct deia_replay replay = { "ann", "bot", "f", print_made, NULL };
	struct deia_actor actor = *deia_actor_local();
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct done d = { false, DEIA_OK };
	struct replay r;
	char text[80];

	spec.id = "b";
	spec.adapter = "echo";
	replay.user = text;
	actor.replay = &replay;
	ck_assert_int_eq(
		deia_hive_bot_create(f.hive, &actor, &spec, true, on_made, &d),
		DEIA_OK);
	run_until(&f, &d.done);
	find_kept("bot", &r);
	ck_assert_str_eq(r.body, "0 b");
	ck_assert_int_eq(r.status, 201);
	/* Refused: nothing is made, nothing kept. */
	replay.key = "twice";
	ck_assert_int_eq(
		deia_hive_bot_create(f.hive, &actor, &spec, true, on_made, &d),
		DEIA_EEXIST);
	find_kept("twice", &r);
	ck_assert_int_eq(r.status, 0);
	replay.key = "conversation";
	d.done = false;
	ck_assert_int_eq(
		deia_chat_create(f.hive, &actor, "b", "T", on_conv, &d),
		DEIA_OK);
	run_until(&f, &d.done);
	find_kept("conversation", &r);
	ck_assert_str_eq(r.body, "1 T");
	replay.key = "answer";
	d.done = false;
	ck_assert_int_eq(deia_chat_send(f.hive, &actor, "b", NULL, "hello", 5,
					&events, &d, NULL),
			 DEIA_OK);
	run_until(&f, &d.done);
	find_kept("answer", &r);
	ck_assert_str_eq(r.body, "2 hello");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive records");
	TCase *live = tcase_create("in memory");
	TCase *file = tcase_create("across restarts");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(live, setup, teardown);
	tcase_add_test(live, listeners_see_every_transition_in_order);
	tcase_add_test(live, late_listener_gets_the_past_once);
	tcase_add_test(live, listener_may_leave_in_its_own_callback);
	tcase_add_test(live, token_proves_who_it_is_until_revoked);
	tcase_add_test(live, code_signs_in_once);
	tcase_add_test(live, guessing_codes_is_braked_per_address);
	tcase_add_test(live, every_change_has_its_audit_entry);
	tcase_add_test(live,
		       what_comes_from_outside_is_recorded_whatever_it_is);
	tcase_add_test(live, kept_answer_is_found_by_its_owner_only);
	tcase_add_test(live, answer_is_kept_by_the_change_that_makes_it);
	tcase_add_test(file, events_survive_a_restart_and_go_on_counting);
	tcase_add_test(file, tokens_and_their_revocation_survive_a_restart);
	suite_add_tcase(s, live);
	suite_add_tcase(s, file);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
