/* SPDX-License-Identifier: MIT */
/* The hive's mail: who may do what, several recipients, events. */
#include "mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/hive.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
	ck_assert_int_eq(create_bot(&f, "A", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "B", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "C", false), DEIA_OK);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* ---- who may -------------------------------------------------------------- */

START_TEST(sender_is_the_bot_itself_or_who_it_is_for)
{
	static const struct {
		const char *actor, *from;
		deia_err err;
		const char *sender, *by;
	} cases[] = {
		{ "bot A", NULL, DEIA_OK, "A", "" },
		{ "bot A", "A", DEIA_OK, "A", "" },
		{ "bot A", "C", DEIA_EDENIED, NULL, NULL },
		{ "bot A", "system", DEIA_EDENIED, NULL, NULL },
		{ "bot GONE", NULL, DEIA_ENOTFOUND, NULL, NULL },
		{ "operator ann", NULL, DEIA_OK, "system", "ann" },
		{ "operator ann", "A", DEIA_OK, "A", "ann" },
		{ "admin root", "system", DEIA_OK, "system", "root" },
		{ "admin root", "GONE", DEIA_EFIELD, NULL, NULL },
		{ "viewer eve", NULL, DEIA_EDENIED, NULL, NULL },
		{ "none", NULL, DEIA_EDENIED, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct got got;
		deia_err err = mail_send(&f, cases[i].actor, cases[i].from, "B",
					 "x", &got);

		ck_assert_msg(err == cases[i].err, "case %zu: %s", i,
			      deia_err_name(err));
		if (err)
			continue;
		ck_assert_str_eq(got.items[0].from, cases[i].sender);
		ck_assert_str_eq(got.items[0].by, cases[i].by);
		ck_assert_str_eq(got.items[0].to, "B");
	}
}
END_TEST

START_TEST(bot_takes_from_its_own_inbox_alone)
{
	struct got sent, got;

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", &sent),
			 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot C", "B", 1, &got), DEIA_EDENIED);
	ck_assert_int_eq(mail_receive(&f, "viewer", "B", 1, &got),
			 DEIA_EDENIED);
	ck_assert_int_eq(mail_receive(&f, "bot C", NULL, 1, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_str_eq(got.items[0].content, "x");
	ck_assert(got.items[0].token[0]);
	ck_assert_int_eq(
		mail_read(&f, "bot C", NULL, got.items[0].id, NULL, NULL),
		DEIA_ENOTFOUND);
	ck_assert_int_eq(
		mail_read(&f, "bot C", "B", got.items[0].id, NULL, NULL),
		DEIA_EDENIED);
	ck_assert_int_eq(
		mail_read(&f, "viewer", "B", got.items[0].id, NULL, NULL),
		DEIA_EDENIED);
	ck_assert_int_eq(mail_read(&f, "bot B", NULL, got.items[0].id,
				   "0123456789abcdef", NULL),
			 DEIA_ECONFLICT);
	ck_assert_int_eq(
		mail_read(&f, "bot B", NULL, sent.items[0].id, NULL, &got),
		DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_MESSAGE_READ);
	ck_assert(!got.items[0].has_content);
}
END_TEST

START_TEST(operator_takes_and_settles_for_any_bot_and_for_system)
{
	struct got got;

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "system", "hi", NULL),
			 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "operator ann", NULL, 1, &got),
			 DEIA_EINVAL);
	ck_assert_int_eq(mail_receive(&f, "operator ann", "system", 1, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(mail_read(&f, "operator ann", NULL, got.items[0].id,
				   NULL, &got),
			 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "operator ann", "NOBODY", 1, &got),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(mail_of_others_is_not_there_for_a_bot)
{
	struct got got;
	char id[37];

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", &got), DEIA_OK);
	memcpy(id, got.items[0].id, sizeof(id));
	ck_assert_int_eq(mail_get(&f, "bot C", id, &got), DEIA_ENOTFOUND);
	ck_assert_int_eq(mail_get(&f, "bot A", id, &got), DEIA_OK);
	ck_assert_int_eq(mail_get(&f, "bot B", id, &got), DEIA_OK);
	ck_assert_int_eq(mail_get(&f, "viewer", id, &got), DEIA_OK);
	ck_assert_str_eq(got.items[0].content, "x");
	ck_assert_int_eq(mail_get(&f, "none", id, &got), DEIA_EDENIED);
	ck_assert_int_eq(mail_inbox(&f, "bot C", "B", &got), DEIA_EDENIED);
	ck_assert_int_eq(mail_inbox(&f, "bot B", "B", &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_int_eq(mail_between(&f, "bot C", "A", "B", &got),
			 DEIA_EDENIED);
	ck_assert_int_eq(mail_between(&f, "bot A", "A", "B", &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 1);
}
END_TEST

START_TEST(lease_token_is_shown_to_recipient_and_operators_alone)
{
	static const struct {
		const char *actor;
		bool shown;
	} cases[] = { { "bot A", false },
		      { "bot B", true },
		      { "viewer", false },
		      { "operator ann", true } };
	struct got got;
	char id[37];

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL), DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	memcpy(id, got.items[0].id, sizeof(id));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_eq(mail_get(&f, cases[i].actor, id, &got),
				 DEIA_OK);
		ck_assert_int_eq(got.items[0].token[0] != 0, cases[i].shown);
		if (i != 1 && i != 0)
			ck_assert_int_eq(
				mail_inbox(&f, cases[i].actor, "B", &got),
				DEIA_OK);
		ck_assert_int_eq(got.items[0].token[0] != 0, cases[i].shown);
	}
}
END_TEST

struct audits {
	bool done;
	unsigned n;
	char actor[65], outcome[32];
};

static void on_audit(deia_err err, const struct deia_audit_entry *items,
		     size_t n, bool more, void *user)
{
	struct audits *a = user;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	a->done = true;
	a->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(items[i].action, "message.requeue") != 0)
			continue;
		if (a->n++ == 0) {
			snprintf(a->actor, 65, "%s", items[i].actor);
			snprintf(a->outcome, 32, "%s", items[i].outcome);
		}
	}
}

START_TEST(requeue_is_for_operators_and_is_audited)
{
	struct deia_mail_draft d;
	const char *to = "B";
	struct audits audits = { 0 };
	struct deia_message_claim claim = { 0 };
	struct got got;
	char id[37];

	d = mail_draft(NULL, &to, "x");
	d.draft.max_attempts = 1;
	ck_assert_int_eq(mail_send_draft(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	memcpy(id, got.items[0].id, sizeof(id));
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	claim.id = id;
	memset(&got, 0, sizeof(got));
	ck_assert_int_eq(deia_mail_release(f.hive, who("bot B"), &claim, 0,
					   "cannot", on_letters, &got),
			 DEIA_OK);
	run_until(&f, &got.done);
	ck_assert_int_eq(got.items[0].status, DEIA_MESSAGE_FAILED);
	ck_assert_ptr_nonnull(strstr(got.items[0].reason, "cannot"));
	memset(&got, 0, sizeof(got));
	ck_assert_int_eq(
		deia_mail_requeue(f.hive, who("bot B"), id, on_letters, &got),
		DEIA_EDENIED);
	ck_assert_int_eq(deia_mail_requeue(f.hive, who("operator ann"), id,
					   on_letters, &got),
			 DEIA_OK);
	run_until(&f, &got.done);
	ck_assert_int_eq(got.err, DEIA_OK);
	ck_assert_int_eq(got.items[0].status, DEIA_MESSAGE_PENDING);
	ck_assert_uint_eq(got.items[0].attempt, 0);
	do {
		audits.done = false;
		ck_assert_int_eq(
			deia_hive_audit_page(f.hive, 0, 100, on_audit, &audits),
			DEIA_OK);
		run_until(&f, &audits.done);
	} while (!audits.n);
	ck_assert_str_eq(audits.actor, "ann");
	ck_assert_str_eq(audits.outcome, "ok");
}
END_TEST

/* ---- several ---------------------------------------------------------------- */

START_TEST(each_recipient_gets_a_copy_with_an_id_of_its_own)
{
	const char *to[] = { "A", "B", "system" };
	struct deia_mail_draft d = mail_draft(NULL, to, "x");
	struct got got;

	d.n_to = 3;
	ck_assert_int_eq(mail_send_draft(&f, "bot C", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.n, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(got.items[i].to, to[i]);
	ck_assert_str_ne(got.items[0].id, got.items[1].id);
	ck_assert_str_ne(got.items[1].id, got.items[2].id);
}
END_TEST

static void create_typed(const char *id, const char *type)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "echo";
	spec.type = type;
	ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_OK);
}

START_TEST(type_means_all_its_bots_but_the_sender)
{
	struct deia_mail_draft d = mail_draft(NULL, NULL, "x");
	struct got got;

	create_typed("T1", "worker");
	create_typed("T2", "worker");
	create_typed("T3", "other");
	create_typed("T4", "worker");
	d.to_type = "worker";
	ck_assert_int_eq(mail_send_draft(&f, "bot T2", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_str_eq(got.items[0].to, "T1");
	ck_assert_str_eq(got.items[1].to, "T4");
	ck_assert_int_eq(mail_send_draft(&f, "admin", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.n, 3);
	d.to_type = "nothing";
	ck_assert_int_eq(mail_send_draft(&f, "admin", &d, 1, NULL, &got),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(error_names_the_draft_and_nothing_is_sent)
{
	const char *two[] = { "A", "B" }, *bad[] = { "A", "NOBODY" };
	struct deia_mail_draft d[3];
	const struct deia_field_error *where;
	struct got got;

	for (int i = 0; i < 3; i++) {
		d[i] = mail_draft(NULL, two, "x");
		d[i].n_to = 2;
	}
	d[2].to = bad;
	ck_assert_int_eq(mail_send_draft(&f, "admin", d, 3, NULL, &got),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(got.index, 2);
	d[2].to = two;
	d[1].draft.ttl_seconds = -5;
	ck_assert_int_eq(mail_send_draft(&f, "admin", d, 3, NULL, &got),
			 DEIA_EFIELD);
	ck_assert_int_eq(got.index, 1);
	where = deia_hive_field_error(f.hive);
	ck_assert_ptr_nonnull(where);
	ck_assert_str_eq(where->pointer, "/ttl_seconds");
	d[1].draft.ttl_seconds = 0;
	d[1].to_type = "worker";
	ck_assert_int_eq(mail_send_draft(&f, "admin", d, 3, NULL, &got),
			 DEIA_EFIELD);
	ck_assert_int_eq(got.index, 1);
	ck_assert_uint_eq(mail_count(&f, "A", DEIA_MESSAGE_PENDING), 0);
	ck_assert_uint_eq(mail_count(&f, "B", DEIA_MESSAGE_PENDING), 0);
}
END_TEST

START_TEST(copies_of_one_request_are_bounded)
{
	static const char *to[600];
	struct deia_mail_draft d[2];
	struct got got;

	for (int i = 0; i < 600; i++)
		to[i] = "A";
	d[0] = d[1] = mail_draft(NULL, to, "x");
	d[0].n_to = 600;
	d[1].n_to = 400;
	ck_assert_int_eq(mail_send_draft(&f, "admin", d, 2, NULL, &got),
			 DEIA_OK);
	d[1].n_to = 401;
	ck_assert_int_eq(mail_send_draft(&f, "admin", d, 2, NULL, &got),
			 DEIA_ELIMIT);
	ck_assert_int_eq(got.index, 1);
	ck_assert_uint_eq(mail_count(&f, "A", DEIA_MESSAGE_PENDING), 1000);
}
END_TEST

START_TEST(key_gives_the_same_answer_and_sends_nothing_more)
{
	const char *to = "B";
	struct deia_mail_draft d = mail_draft(NULL, &to, "x");
	struct got first, again;

	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, "k", &first),
			 DEIA_OK);
	ck_assert(!first.replayed);
	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, "k", &again),
			 DEIA_OK);
	ck_assert(again.replayed);
	ck_assert_str_eq(first.items[0].id, again.items[0].id);
	ck_assert_int_eq(mail_send_draft(&f, "bot C", &d, 1, "k", &again),
			 DEIA_OK);
	ck_assert(!again.replayed);
	d.draft.content = "y";
	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, "k", &again),
			 DEIA_ECONFLICT);
	ck_assert_uint_eq(mail_count(&f, "B", DEIA_MESSAGE_PENDING), 2);
}
END_TEST

START_TEST(answers_count_their_hops)
{
	const char *to_a = "A", *to_b = "B";
	struct deia_mail_draft d = mail_draft(NULL, &to_b, "x");
	struct got got;

	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, NULL, &got),
			 DEIA_OK);
	ck_assert_uint_eq(got.items[0].hops, 0);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	d = mail_draft(NULL, &to_a, "re: x");
	d.draft.reply_to = got.items[0].id;
	ck_assert_int_eq(mail_send_draft(&f, "bot B", &d, 1, NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot A", NULL, 1, &got), DEIA_OK);
	ck_assert_uint_eq(got.items[0].hops, 1);
	d = mail_draft(NULL, &to_b, "re: re: x");
	d.draft.reply_to = got.items[0].id;
	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	ck_assert_uint_eq(got.items[0].hops, 2);
}
END_TEST

START_TEST(two_bots_cannot_answer_each_other_for_ever)
{
	const char *names[] = { "A", "B" }, *actors[] = { "bot A", "bot B" };
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	struct deia_mail_draft d = mail_draft(NULL, &names[1], "ping");
	deia_err err = DEIA_OK;
	struct got got;
	unsigned n = 0;

	o.max_hops = 5;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_OK);
	ck_assert_int_eq(mail_send_draft(&f, "bot A", &d, 1, NULL, NULL),
			 DEIA_OK);
	while (!err && n < 20) {
		unsigned at = ++n % 2;

		ck_assert_int_eq(mail_receive(&f, actors[at], NULL, 1, &got),
				 DEIA_OK);
		d = mail_draft(NULL, &names[!at], "pong");
		d.draft.reply_to = got.items[0].id;
		err = mail_send_draft(&f, actors[at], &d, 1, NULL, NULL);
	}
	ck_assert_int_eq(err, DEIA_ELIMIT);
	ck_assert_uint_eq(n, 6);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "loop guard"));
	/* A person may go on. */
	ck_assert_int_eq(mail_send_draft(&f, "operator ann", &d, 1, NULL, NULL),
			 DEIA_OK);
}
END_TEST

/* ---- inboxes of bots ------------------------------------------------------------ */

START_TEST(mail_waits_for_a_stopped_bot_and_over_a_restart)
{
	struct deia_hive_bot bot;
	struct got got;

	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "B", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.unread, 1);
	fixture_reopen(&f, true);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "B", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.unread, 1);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "y", NULL), DEIA_OK);
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 5, &got), DEIA_OK);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_str_eq(got.items[0].content, "x");
	ck_assert_str_eq(got.items[1].content, "y");
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "B", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.unread, 2);
}
END_TEST

START_TEST(removed_bot_gets_no_mail_and_purge_deletes_what_it_had)
{
	struct got got;
	struct deia_hive_bot bot;

	ck_assert_int_eq(mail_send(&f, "admin", NULL, "B", "x", NULL), DEIA_OK);
	ck_assert_int_eq(mail_send(&f, "admin", NULL, "C", "x", NULL), DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "B", false, false), DEIA_OK);
	ck_assert_int_eq(remove_bot(&f, "C", false, true), DEIA_OK);
	ck_assert_int_eq(mail_send(&f, "admin", NULL, "B", "y", &got),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(create_bot(&f, "B", false), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "B", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.unread, 1);
	fixture_reopen(&f, true); /* which waits for the purge */
	ck_assert_int_eq(create_bot(&f, "C", false), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "C", &bot), DEIA_OK);
	ck_assert_uint_eq(bot.unread, 0);
	ck_assert_int_eq(mail_send(&f, "admin", NULL, "C", "y", NULL), DEIA_OK);
}
END_TEST

/* ---- events ------------------------------------------------------------------------ */

struct heard {
	char types[16384];
	unsigned n, items;
	char subject[65];
	char data[4096];
};

static void on_event(const struct deia_event *ev, void *user)
{
	struct heard *h = user;
	size_t len = strlen(h->types);
	const char *p;

	ck_assert_ptr_nonnull(ev);
	if (strncmp(ev->type, "message.", 8) != 0)
		return;
	snprintf(h->types + len, sizeof(h->types) - len, "%s ", ev->type + 8);
	snprintf(h->subject, sizeof(h->subject), "%s", ev->subject);
	snprintf(h->data, sizeof(h->data), "%.4000s", ev->data);
	for (p = ev->data; (p = strstr(p, "\"attempt\":")); p++)
		h->items++;
	h->n++;
}

static void run_until_items(const struct heard *h, unsigned n)
{
	for (int i = 0; i < 200000 && h->items < n; i++)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(h->items, n);
}

START_TEST(each_move_is_in_an_event)
{
	static struct heard h;
	deia_subscription *sub;
	struct got got;

	memset(&h, 0, sizeof(h));
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, &h, &sub),
			 DEIA_OK);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", &got), DEIA_OK);
	run_until_items(&h, 1);
	ck_assert_str_eq(h.types, "queued ");
	ck_assert_str_eq(h.subject, "B");
	ck_assert_ptr_nonnull(strstr(h.data, got.items[0].id));
	ck_assert_ptr_nonnull(strstr(h.data, "\"from\":\"A\""));
	ck_assert_ptr_nonnull(strstr(h.data, "\"priority\":\"P2\""));
	ck_assert_int_eq(mail_receive(&f, "bot B", NULL, 1, &got), DEIA_OK);
	run_until_items(&h, 2);
	ck_assert_int_eq(
		mail_read(&f, "bot B", NULL, got.items[0].id, NULL, NULL),
		DEIA_OK);
	run_until_items(&h, 3);
	ck_assert_str_eq(h.types, "queued delivered read ");
	deia_unsubscribe(sub);
}
END_TEST

START_TEST(many_moves_are_few_events)
{
	static const char *to[900];
	static struct heard h;
	struct deia_mail_draft d = mail_draft(NULL, to, "x");
	deia_subscription *sub;

	memset(&h, 0, sizeof(h));
	for (int i = 0; i < 900; i++)
		to[i] = i % 2 ? "A" : "B";
	d.n_to = 900;
	ck_assert_int_eq(deia_hive_subscribe(f.hive, -1, on_event, &h, &sub),
			 DEIA_OK);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(mail_send_draft(&f, "admin", &d, 1, NULL, NULL),
			 DEIA_OK);
	run_until_items(&h, 900);
	ck_assert_uint_eq(h.n, 5); /* of at most 200 */
	ck_assert_str_eq(h.subject, "");
	deia_unsubscribe(sub);
}
END_TEST

START_TEST(events_of_a_flood_are_all_told_and_cost_little_memory)
{
	static const char *to[1000];
	static struct heard live, late;
	struct deia_mail_draft d = mail_draft(NULL, to, "x");
	deia_subscription *first, *second;

	memset(&live, 0, sizeof(live));
	memset(&late, 0, sizeof(late));
	for (int i = 0; i < 1000; i++)
		to[i] = "A";
	d.n_to = 1000;
	ck_assert_int_eq(
		deia_hive_subscribe(f.hive, 0, on_event, &live, &first),
		DEIA_OK);
	for (int i = 0; i < 60; i++)
		ck_assert_int_eq(
			mail_send_draft(&f, "admin", &d, 1, NULL, NULL),
			DEIA_OK);
	run_until_items(&live, 60000);
	ck_assert_uint_gt(f.hive->ring.published, DEIA__RING_BYTES);
	ck_assert_uint_le(f.hive->ring.bytes, DEIA__RING_BYTES);
	ck_assert_int_eq(
		deia_hive_subscribe(f.hive, 0, on_event, &late, &second),
		DEIA_OK);
	run_until_items(&late, 60000);
	deia_unsubscribe(first);
	deia_unsubscribe(second);
}
END_TEST

START_TEST(large_events_count_as_several_for_retention)
{
	static char data[10001];
	const uint64_t max = (uint64_t)f.hive->events_kept * DEIA__EVENT_BYTES;
	int64_t seq = deia_hive_last_seq(f.hive), over;
	unsigned n = (unsigned)(max / 10000);

	memset(data, 'x', 10000);
	for (unsigned i = 0; i < n / 2; i++)
		deia__events_publish(f.hive, ++seq, 1, "test", "", data);
	ck_assert_int_eq(deia__events_over(f.hive, max), 0);
	for (unsigned i = 0; i < n; i++)
		deia__events_publish(f.hive, ++seq, 1, "test", "", data);
	over = deia__events_over(f.hive, max);
	ck_assert_int_gt(over, seq - n - n / 8);
	ck_assert_int_le(over, seq - n + n / 8);
}
END_TEST

START_TEST(settings_are_checked_and_count_at_once)
{
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	struct got got;

	o.max_hops = 0;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_EINVAL);
	o.max_hops = 5;
	o.messenger.inbox_max = 2;
	ck_assert_int_eq(deia_mail_configure(f.hive, &o), DEIA_OK);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", NULL),
				 DEIA_OK);
	ck_assert_int_eq(mail_send(&f, "bot A", NULL, "B", "x", &got),
			 DEIA_EBUSY);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "full"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-mail");
	TCase *t = tcase_create("mail");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, sender_is_the_bot_itself_or_who_it_is_for);
	tcase_add_test(t, bot_takes_from_its_own_inbox_alone);
	tcase_add_test(t,
		       operator_takes_and_settles_for_any_bot_and_for_system);
	tcase_add_test(t, mail_of_others_is_not_there_for_a_bot);
	tcase_add_test(t,
		       lease_token_is_shown_to_recipient_and_operators_alone);
	tcase_add_test(t, requeue_is_for_operators_and_is_audited);
	tcase_add_test(t, each_recipient_gets_a_copy_with_an_id_of_its_own);
	tcase_add_test(t, type_means_all_its_bots_but_the_sender);
	tcase_add_test(t, error_names_the_draft_and_nothing_is_sent);
	tcase_add_test(t, copies_of_one_request_are_bounded);
	tcase_add_test(t, key_gives_the_same_answer_and_sends_nothing_more);
	tcase_add_test(t, answers_count_their_hops);
	tcase_add_test(t, two_bots_cannot_answer_each_other_for_ever);
	tcase_add_test(t, mail_waits_for_a_stopped_bot_and_over_a_restart);
	tcase_add_test(t,
		       removed_bot_gets_no_mail_and_purge_deletes_what_it_had);
	tcase_add_test(t, each_move_is_in_an_event);
	tcase_add_test(t, many_moves_are_few_events);
	tcase_add_test(t,
		       events_of_a_flood_are_all_told_and_cost_little_memory);
	tcase_add_test(t, large_events_count_as_several_for_retention);
	tcase_add_test(t, settings_are_checked_and_count_at_once);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
