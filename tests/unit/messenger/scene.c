/* SPDX-License-Identifier: MIT */
/* scene.c - see scene.h. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#define DIALOGUE "01940000-0000-7000-8000-000000000001"

const char *const scene_op_names[SCENE_OPS] = {
	"send",	   "send with a key", "receive", "take",    "read", "release",
	"give up", "extend",	      "answer",	 "requeue", "get",  "page",
};
const char *const scene_inboxes[2] = { "ann", "bob" };

static deia_err send_some(struct scene *sc, unsigned n, const char *key,
			  const char *dialogue, struct sim_answer *a)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	struct deia_message_draft drafts[3];

	d.from = "ann";
	d.to = "bob";
	d.content = "what is to be done";
	d.content_len = strlen(d.content);
	d.dialogue = dialogue;
	d.notify = true;
	for (unsigned i = 0; i < 3; i++)
		drafts[i] = d;
	memset(a, 0, sizeof(*a));
	return deia_messenger_send(sc->s.m, drafts, n, key, NULL,
				   sim_on_messages, a);
}

static void make_one(struct scene *sc, const char *dialogue, char id[37])
{
	ck_assert_int_eq(send_some(sc, 1, NULL, dialogue, &sc->answer),
			 DEIA_OK);
	ck_assert_int_eq(sim_wait(&sc->s, &sc->answer), DEIA_OK);
	strcpy(id, sc->answer.items[0].id);
}

static struct sim_item take_next(struct scene *sc, const char *id)
{
	ck_assert_int_eq(
		sim_receive(&sc->s, "bob", 1, 60000, false, &sc->answer),
		DEIA_OK);
	ck_assert_uint_eq(sc->answer.n, 1);
	ck_assert_str_eq(sc->answer.items[0].id, id);
	return sc->answer.items[0];
}

static uint64_t count_of(struct scene *sc, deia_message_status status)
{
	struct deia_messenger_status st;

	deia_messenger_get_status(sc->s.m, &st);
	return st.by_status[status];
}

void scene_make(struct scene *sc)
{
	struct sim_answer *a = &sc->answer;
	struct deia_message_claim c = { 0 };
	struct sim_item item;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(sc->s.m, scene_inboxes[i]),
			DEIA_OK);
	make_one(sc, NULL, sc->failed);
	item = take_next(sc, sc->failed);
	c.id = item.id;
	memset(a, 0, sizeof(*a));
	ck_assert_int_eq(
		deia_messenger_give_up(sc->s.m, &c, "no", sim_on_messages, a),
		DEIA_OK);
	ck_assert_int_eq(sim_wait(&sc->s, a), DEIA_OK);
	make_one(sc, NULL, item.id);
	sc->out = take_next(sc, item.id);
	make_one(sc, NULL, sc->pending);
	make_one(sc, DIALOGUE, sc->talk);
	sc->n_made++;
	ck_assert_int_eq(deia_messenger_inbox(sc->s.m, "bob", &sc->before),
			 DEIA_OK);
	sc->failed_before = count_of(sc, DEIA_MESSAGE_FAILED);
}

/* ---- trying ------------------------------------------------------------ */

static deia_err receive(struct scene *sc)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;

	r.inbox = "bob";
	r.max = 2;
	return deia_messenger_receive(sc->s.m, &r, NULL, sim_on_messages,
				      &sc->answer);
}

static deia_err answer(struct scene *sc, const struct deia_message_claim *c)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	d.from = "bob";
	d.to = "ann";
	d.content = "it is done";
	d.content_len = 10;
	d.reply_to = c->id;
	return deia_messenger_answer(sc->s.m, c, &d, sim_on_messages,
				     &sc->answer);
}

static deia_err page(struct scene *sc)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	q.inbox = "bob";
	return deia_messenger_page(sc->s.m, &q, sim_on_messages, &sc->answer);
}

static deia_err call(struct scene *sc, enum scene_op op)
{
	struct deia_message_claim c = { sc->out.id, "bob", sc->out.token };
	struct sim_answer *a = &sc->answer;
	deia_messenger *m = sc->s.m;
	char key[32];

	switch (op) {
	case SCENE_SEND:
		return send_some(sc, 1, NULL, NULL, a);
	case SCENE_SEND_KEY:
		snprintf(key, sizeof(key), "key-%u", sc->n_made);
		return send_some(sc, 3, key, NULL, a);
	case SCENE_RECEIVE:
		return receive(sc);
	case SCENE_TAKE:
		return deia_messenger_take(m, "bob", sc->talk, 60000, false,
					   sim_on_messages, a);
	case SCENE_READ:
		return deia_messenger_read(m, &c, 1, NULL, sim_on_settled, a);
	case SCENE_RELEASE:
		return deia_messenger_release(m, &c, 5000, false, "not now",
					      sim_on_messages, a);
	case SCENE_GIVE_UP:
		return deia_messenger_give_up(m, &c, "no", sim_on_messages, a);
	case SCENE_EXTEND:
		return deia_messenger_extend(m, &c, 600000, sim_on_messages, a);
	case SCENE_ANSWER:
		return answer(sc, &c);
	case SCENE_REQUEUE:
		return deia_messenger_requeue(m, sc->failed, sim_on_messages,
					      a);
	case SCENE_GET:
		return deia_messenger_get(m, sc->pending, sim_on_messages, a);
	default:
		return page(sc);
	}
}

deia_err scene_try(struct scene *sc, enum scene_op op)
{
	int idle = 0;
	deia_err err;

	memset(&sc->answer, 0, sizeof(sc->answer));
	err = call(sc, op);
	ck_assert_int_eq(sc->answer.calls, 0);
	while (!err && sc->answer.calls == 0) {
		if (!deia_messenger_idle(sc->s.m)) {
			event_base_loop(sc->s.base, EVLOOP_ONCE);
			continue;
		}
		event_base_loop(sc->s.base, EVLOOP_NONBLOCK);
		ck_assert_msg(idle++ < 100, "%s: the callback never came",
			      scene_op_names[op]);
	}
	sim_idle(&sc->s);
	ck_assert_int_eq(sc->answer.calls, err ? 0 : 1);
	return err ? err : sc->answer.err;
}

/* ---- what happened ----------------------------------------------------- */

static struct sim_item look(struct scene *sc, const char *id)
{
	struct sim_answer a;

	ck_assert_int_eq(sim_get(&sc->s, id, &a), DEIA_OK);
	return a.items[0];
}

bool scene_happened(struct scene *sc, enum scene_op op)
{
	struct deia_inbox_status now;
	struct sim_item out = look(sc, sc->out.id);

	ck_assert_int_eq(deia_messenger_inbox(sc->s.m, "bob", &now), DEIA_OK);
	switch (op) {
	case SCENE_SEND:
	case SCENE_SEND_KEY:
		/* All or none. */
		ck_assert(now.pending == sc->before.pending ||
			  now.pending == sc->before.pending +
						 (op == SCENE_SEND ? 1 : 3));
		return now.pending > sc->before.pending;
	case SCENE_RECEIVE:
		return look(sc, sc->pending).status == DEIA_MESSAGE_DELIVERED;
	case SCENE_TAKE:
		return look(sc, sc->talk).status == DEIA_MESSAGE_DELIVERED;
	case SCENE_READ:
	case SCENE_ANSWER:
		return out.status == DEIA_MESSAGE_READ;
	case SCENE_RELEASE:
		return out.status == DEIA_MESSAGE_PENDING;
	case SCENE_GIVE_UP:
		return out.status == DEIA_MESSAGE_FAILED;
	case SCENE_EXTEND:
		return out.lease_unix_ms > sc->out.lease_unix_ms;
	case SCENE_REQUEUE:
		return look(sc, sc->failed).status == DEIA_MESSAGE_PENDING;
	default:
		return true;
	}
}

static void empty(struct scene *sc, const char *inbox)
{
	do {
		ck_assert_int_eq(sim_receive(&sc->s, inbox, 8, 60000, false,
					     &sc->answer),
				 DEIA_OK);
		for (size_t i = 0; i < sc->answer.n; i++)
			ck_assert_int_eq(sim_read(&sc->s, &sc->answer.items[i]),
					 DEIA_OK);
	} while (sc->answer.n > 0);
}

void scene_end(struct scene *sc)
{
	struct deia_inbox_status st;
	struct sim_answer a = { 0 };

	/* All leases and retries end. */
	for (int i = 0; i < 3; i++)
		sim_sleep(&sc->s, 700000);
	empty(sc, "bob");
	empty(sc, "ann");
	if (look(sc, sc->talk).status == DEIA_MESSAGE_PENDING) {
		ck_assert_int_eq(deia_messenger_take(sc->s.m, "bob", sc->talk,
						     60000, false,
						     sim_on_messages, &a),
				 DEIA_OK);
		ck_assert_int_eq(sim_wait(&sc->s, &a), DEIA_OK);
		ck_assert_int_eq(sim_read(&sc->s, &a.items[0]), DEIA_OK);
	}
	ck_assert_int_eq(deia_messenger_inbox(sc->s.m, "bob", &st), DEIA_OK);
	ck_assert_uint_eq(st.pending + st.delivered, 0);
}
