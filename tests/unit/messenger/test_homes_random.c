/* SPDX-License-Identifier: MIT */
/*
 * test_homes_random.c - random calls at several messengers, also while they and their
 * connections are lost: nothing is lost or done twice.
 */
#include "homes_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

/* ---- many at once -------------------------------------------------------- */

#define BOTS 24
#define MAIL 1500

static struct {
	struct answer got[NODES][BOTS], read[NODES][BOTS];
	unsigned char state[NODES][BOTS]; /* 0 idle, 1 receiving, 2 reading */
	unsigned n_read, n_sent, n_sending, n_lost_race;
	uint64_t rng;
} many;

static unsigned pick(unsigned n)
{
	many.rng ^= many.rng << 13;
	many.rng ^= many.rng >> 7;
	many.rng ^= many.rng << 17;
	return (unsigned)(many.rng % n);
}

static const char *bot_name(int b)
{
	static char names[BOTS][8];

	snprintf(names[b], sizeof(names[b]), "bot%d", b);
	return names[b];
}

static void on_many_sent(deia_err err, const struct deia_message *items,
			 size_t n, bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
	many.n_sending--;
}

static void step(int node, int b)
{
	struct answer *got = &many.got[node][b], *read = &many.read[node][b];
	struct deia_message_claim claim = { got->id, NULL, got->token };
	struct deia_receive what = DEIA_RECEIVE_INIT;
	unsigned char *state = &many.state[node][b];
	deia_messenger *m = nodes[node].m;

	switch (*state) {
	case 0:
		memset(got, 0, sizeof(*got));
		what.inbox = bot_name(b);
		what.wait_ms = pick(2) ? 0 : 200;
		ck_assert_int_eq(deia_messenger_receive(m, &what, NULL,
							on_messages, got),
				 DEIA_OK);
		*state = 1;
		break;
	case 1:
		if (!got->calls)
			return;
		*state = 0;
		if (got->err || got->n == 0)
			return;
		memset(read, 0, sizeof(*read));
		/* Wherever. */
		m = nodes[pick(2)].m;
		ck_assert_int_eq(deia_messenger_read(m, &claim, 1, NULL,
						     on_settled, read),
				 DEIA_OK);
		*state = 2;
		break;
	default:
		if (!read->calls)
			return;
		*state = 0;
		many.n_read += read->err == DEIA_OK;
		many.n_lost_race += read->err != DEIA_OK;
	}
}

static void send_one(void)
{
	struct deia_message_draft d = draft(bot_name((int)pick(BOTS)),
					    bot_name((int)pick(BOTS)), "mail");

	d.priority = pick(DEIA_PRIORITIES);
	ck_assert_int_eq(deia_messenger_send(nodes[pick(2)].m, &d, 1, NULL,
					     NULL, on_many_sent, NULL),
			 DEIA_OK);
	many.n_sent++;
	many.n_sending++;
}

static bool all_idle(void)
{
	for (int n = 0; n < 2; n++)
		for (int b = 0; b < BOTS; b++)
			if (many.state[n][b])
				return false;
	return many.n_sending == 0;
}

static void check_counts(void)
{
	for (int b = 0; b < BOTS; b++) {
		unsigned here = 0;

		for (int n = 0; n < 2; n++) {
			const struct deia__inbox *x =
				deia__inbox_find(nodes[n].m, bot_name(b));

			if (!deia__home_is_here(x))
				continue;
			here++;
			ck_assert_uint_eq(deia__inbox_open_len(x), 0);
		}
		ck_assert_uint_le(here, 1);
	}
}

START_TEST(random_calls_at_both_lose_nothing_and_do_nothing_twice)
{
	int64_t until;

	memset(&many, 0, sizeof(many));
	many.rng = 88172645463325252u + (uint64_t)_i;
	for (int n = 0; n < 2; n++)
		for (int b = 0; b < BOTS; b++)
			ck_assert_int_eq(deia_messenger_open_inbox(nodes[n].m,
								   bot_name(b)),
					 DEIA_OK);
	until = deia__now_ms(NULL) + 6 * SOON_MS;
	while (many.n_read < MAIL || !all_idle()) {
		ck_assert_msg(deia__now_ms(NULL) < until,
			      "%u of %u read, %u being sent", many.n_read,
			      many.n_sent, many.n_sending);
		for (int i = 0; i < 8 && many.n_sent < MAIL; i++)
			send_one();
		for (int n = 0; n < 2; n++)
			for (int b = 0; b < BOTS; b++)
				if (many.n_read < MAIL || many.state[n][b])
					step(n, b);
		moment.boot_ms += 2;
		moment.wall_ms += 2;
		turn();
	}
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase <> 1"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages"), MAIL);
	ck_assert_int_eq(ask("SELECT count(*) FROM message_leases"), 0);
	check_counts();
}
END_TEST

/* ---- many at once, and nothing stays as it is ----------------------------- */

#define ROUGH_BOTS 12
#define ROUGH_MAIL 300
#define ROUGH_MAX (2 * ROUGH_MAIL)

struct slot {
	struct answer got, done;
	enum { SLOT_IDLE, SLOT_RECEIVES, SLOT_HAS, SLOT_SETTLES } state;
	int at;			   /* the node of the call that settles */
	bool held, acks;	   /* acks: it ends the message */
	unsigned patience, answer; /* number of the answer, from 1 */
};

static struct {
	struct slot slots[NODES][ROUGH_BOTS];
	/* By number of a message, which is its content. */
	unsigned attempt[ROUGH_MAX + 1], settled[ROUGH_MAX + 1];
	bool sent[ROUGH_MAX + 1];
	unsigned n, n_sends, sending[NODES], n_settled;
	bool closing;
} rough;

struct rough_send {
	unsigned number;
	int node;
};

static void on_rough_sent(deia_err err, const struct deia_message *items,
			  size_t n, bool more, void *user)
{
	struct rough_send *s = user;

	(void)items;
	(void)n;
	(void)more;
	rough.sent[s->number] = err == DEIA_OK;
	rough.sending[s->node]--;
	free(s);
}

static void rough_send(void)
{
	struct deia_message_draft d =
		draft(bot_name((int)pick(ROUGH_BOTS)),
		      bot_name((int)pick(ROUGH_BOTS)), "");
	struct rough_send *s = malloc(sizeof(*s));
	char number[16];

	s->node = (int)pick(NODES);
	if (!nodes[s->node].m) {
		free(s);
		return;
	}
	s->number = ++rough.n;
	rough.n_sends++;
	snprintf(number, sizeof(number), "%u", s->number);
	d.content = number;
	d.content_len = strlen(number);
	d.max_attempts = DEIA_MAX_ATTEMPTS;
	d.priority = pick(DEIA_PRIORITIES);
	rough.sending[s->node]++;
	ck_assert_int_eq(deia_messenger_send(nodes[s->node].m, &d, 1, NULL,
					     NULL, on_rough_sent, s),
			 DEIA_OK);
}

static void rough_receive(int node, int b, struct slot *slot)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	memset(slot, 0, sizeof(*slot));
	what.inbox = bot_name(b);
	what.wait_ms = pick(2) ? 0 : 400;
	what.held = slot->held = pick(6) == 0;
	slot->patience = pick(4);
	if (!deia_messenger_receive(nodes[node].m, &what, &slot->got.receiver,
				    on_messages, &slot->got))
		slot->state = SLOT_RECEIVES;
}

/* What was handed over: never twice under the same attempt. */
static void rough_got(struct slot *slot)
{
	unsigned number = (unsigned)atoi(slot->got.content);

	slot->state = SLOT_IDLE;
	if (slot->got.err || slot->got.n == 0)
		return;
	slot->state = SLOT_HAS;
	ck_assert_uint_ge(number, 1);
	ck_assert_uint_le(number, rough.n);
	ck_assert_msg(slot->got.attempt > rough.attempt[number],
		      "message %u: attempt %u after %u", number,
		      slot->got.attempt, rough.attempt[number]);
	ck_assert_msg(!rough.settled[number], "message %u came after its end",
		      number);
	ck_assert_int_eq(slot->got.redelivered, slot->got.attempt > 1);
	rough.attempt[number] = slot->got.attempt;
}

static deia_err rough_answer(int b, struct slot *slot,
			     const struct deia_message_claim *claim)
{
	struct deia_message_draft d =
		draft(bot_name(b), bot_name((int)pick(ROUGH_BOTS)), "");
	char number[16];

	slot->answer = ++rough.n;
	snprintf(number, sizeof(number), "%u", slot->answer);
	d.content = number;
	d.content_len = strlen(number);
	d.max_attempts = DEIA_MAX_ATTEMPTS;
	return deia_messenger_answer(nodes[slot->at].m, claim, &d, on_messages,
				     &slot->done);
}

static void rough_settle(int node, int b, struct slot *slot)
{
	struct deia_message_claim claim = { slot->got.id, NULL,
					    slot->got.token };
	unsigned what = pick(8);
	deia_messenger *m;
	deia_err err;

	if (slot->patience) {
		slot->patience--;
		return;
	}
	/* A held one where its holder is; the others wherever. */
	slot->at = slot->held ? node : (int)pick(NODES);
	m = nodes[slot->at].m;
	if (!m)
		return;
	memset(&slot->done, 0, sizeof(slot->done));
	slot->acks = what > 1;
	if (what == 0)
		err = deia_messenger_release(m, &claim, pick(2) ? 0 : 500, true,
					     "later", on_messages, &slot->done);
	else if (what == 1)
		err = deia_messenger_extend(m, &claim, 5000, on_messages,
					    &slot->done);
	else if (what < 4 && rough.n < ROUGH_MAX)
		err = rough_answer(b, slot, &claim);
	else
		err = deia_messenger_read(m, &claim, 1, NULL, on_settled,
					  &slot->done);
	slot->state = err ? SLOT_HAS : SLOT_SETTLES;
	if (err && err != DEIA_EBUSY && err != DEIA_EUNAVAILABLE)
		slot->state = SLOT_IDLE; /* its lease ran out */
}

static void rough_settled(struct slot *slot)
{
	unsigned number = (unsigned)atoi(slot->got.content);

	slot->state = SLOT_IDLE;
	if (slot->answer)
		rough.sent[slot->answer] = slot->done.err == DEIA_OK;
	slot->answer = 0;
	if (slot->done.err || !slot->acks) {
		/* What is held is held until its holder settles it. */
		if (slot->held && slot->done.err &&
		    slot->done.err != DEIA_ECONFLICT &&
		    slot->done.err != DEIA_ESTATE)
			slot->state = SLOT_HAS;
		return;
	}
	rough.n_settled++;
	ck_assert_msg(++rough.settled[number] == 1,
		      "message %u was acknowledged twice", number);
}

static void rough_step(int node, int b)
{
	struct slot *slot = &rough.slots[node][b];

	if (slot->state == SLOT_IDLE && !rough.closing && pick(4) == 0)
		rough_receive(node, b, slot);
	else if (slot->state == SLOT_RECEIVES && slot->got.calls)
		rough_got(slot);
	else if (slot->state == SLOT_HAS)
		rough_settle(node, b, slot);
	else if (slot->state == SLOT_SETTLES && slot->done.calls)
		rough_settled(slot);
}

static bool rough_idle(void)
{
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS; b++)
			if (rough.slots[n][b].state != SLOT_IDLE)
				return false;
	return !rough.sending[0] && !rough.sending[1] && !rough.sending[2];
}

static void rough_open(int node)
{
	for (int b = 0; b < ROUGH_BOTS; b++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(nodes[node].m, bot_name(b)),
			DEIA_OK);
}

/* Nobody is told what became of its calls. */
static void rough_lose(int node)
{
	lose_node(node);
	rough.sending[node] = 0;
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS; b++) {
			struct slot *slot = &rough.slots[n][b];

			if (n == node ||
			    (slot->state == SLOT_SETTLES && slot->at == node))
				slot->state = SLOT_IDLE;
		}
}

static void rough_turns(unsigned *turns)
{
	for (int n = 0; n < NODES; n++)
		for (int b = 0; b < ROUGH_BOTS && nodes[n].m; b++)
			rough_step(n, b);
	moment.boot_ms += 20;
	moment.wall_ms += 20;
	turn();
	++*turns;
	if (*turns % 500 == 0 && !rough.closing)
		ask("SELECT count(pg_terminate_backend(pid)) FROM "
		    "pg_stat_activity WHERE datname = current_database() AND "
		    "pid <> pg_backend_pid() AND random() < 0.5");
}

static void rough_check(void)
{
	for (int n = 0; n < NODES; n++) {
		struct deia_messenger_status all;

		for (int b = 0; b < ROUGH_BOTS; b++) {
			struct deia__inbox *x =
				deia__inbox_find(nodes[n].m, bot_name(b));

			for (int i = 0; i < 600 && x->home->recount; i++)
				pass(100);
			ck_assert_msg(!x->home->recount,
				      "node %d, %s: state %u, moving %u", n,
				      x->id, x->home->state, x->home->moving);
			if (deia__home_is_here(x))
				ck_assert_uint_eq(deia__inbox_open_len(x), 0);
		}
		deia_messenger_get_status(nodes[n].m, &all);
		ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_PENDING], 0);
		ck_assert_uint_eq(all.by_status[DEIA_MESSAGE_DELIVERED], 0);
	}
	for (unsigned i = 1; i <= rough.n; i++)
		ck_assert_msg(!rough.sent[i] || rough.attempt[i],
			      "message %u was never handed over", i);
	ck_assert_int_eq(ask("SELECT count(*) - count(DISTINCT content) FROM "
			     "messages"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM messages WHERE phase <> 1"),
			 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM message_leases"), 0);
}

START_TEST(random_calls_lose_nothing_while_nodes_and_connections_are_lost)
{
	int64_t until = deia__now_ms(NULL) + 6 * SOON_MS;
	unsigned turns = 0, lost_at = 0;

	memset(&rough, 0, sizeof(rough));
	many.rng = 1181783497276652981u + (uint64_t)_i;
	open_node(2);
	tell_nodes();
	for (int n = 0; n < NODES; n++)
		rough_open(n);
	while (!rough.closing || !rough_idle()) {
		ck_assert_msg(deia__now_ms(NULL) < until,
			      "%u sent, %u settled, %lld open", rough.n,
			      rough.n_settled,
			      (long long)ask("SELECT count(*) FROM messages "
					     "WHERE phase = 0"));
		for (int i = 0; i < 2 && rough.n_sends < ROUGH_MAIL; i++)
			rough_send();
		rough_turns(&turns);
		if (!lost_at && rough.n_settled > ROUGH_MAIL / 4) {
			rough_lose(2);
			lost_at = turns;
		}
		if (lost_at && !nodes[2].m && turns > lost_at + 300) {
			open_node(2);
			rough_open(2);
			tell_nodes();
		}
		if (nodes[2].m && lost_at && turns % 50 == 0 &&
		    rough.n_sends == ROUGH_MAIL && !rough.closing)
			rough.closing = ask("SELECT count(*) FROM messages "
					    "WHERE phase = 0") == 0;
	}
	rough_check();
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("many");
	Suite *s = suite_create("homes");
	const char *why = cluster_missing();
	SRunner *runner;
	int failed;

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_set_timeout(all, 300);
	tcase_add_loop_test(
		all, random_calls_at_both_lose_nothing_and_do_nothing_twice, 0,
		3);
	tcase_add_loop_test(
		all,
		random_calls_lose_nothing_while_nodes_and_connections_are_lost,
		0, 2);
	suite_add_tcase(s, all);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
