/* SPDX-License-Identifier: MIT */
/* take.c - mail of a dialogue: taken by its id, never by a receiver. */
#include <stdio.h>
#include <string.h>

#include "messenger/messenger.h"
#include "messenger/homes/again.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

struct take {
	deia_messenger *m;
	char inbox[DEIA_MAX_ID_LEN + 1];
	unsigned char id[DEIA__MSG_ID_BYTES];
	int64_t lease_ms;
	bool held;
	deia_messages_cb cb;
	void *user;
};

static void on_taken(struct deia__mail_op *op, deia_err err)
{
	struct deia__view v;

	if (!err)
		deia__view_plan(op->m, &v, &op->plans[0]);
	op->cb(err, err ? NULL : &v.pub, !err, false, op->user);
}

static deia_err hand_over(const struct take *t, struct deia__msg *msg,
			  bool stray)
{
	struct deia__mail_op *op = deia__op_new(t->m, 1);
	struct deia__plan *p;

	if (!op)
		return deia__msgr_fail(t->m, DEIA_ENOMEM, "out of memory");
	op->cb = t->cb;
	op->user = t->user;
	op->done = on_taken;
	p = deia__op_plan(op, msg, DEIA_MESSAGE_HANDED_OVER, NULL);
	p->stray = stray;
	deia__op_lease(op, p, t->lease_ms, t->held);
	return deia__op_commit(op);
}

static deia_err unknown(const struct take *t)
{
	char id[37];

	deia__uuid_print(id, t->id);
	return deia__msgr_fail(t->m, DEIA_ENOTFOUND,
			       "there is no message %s for %s", id, t->inbox);
}

static deia_err not_to_be_taken(const struct take *t, const char *what)
{
	char id[37];

	deia__uuid_print(id, t->id);
	return deia__msgr_fail(t->m, DEIA_ESTATE, "message %s %s", id, what);
}

static deia_err take_row(struct take *t, const deia_rows *rows)
{
	const char *status = deia_rows_text(rows, 0, MAIL_STATUS);
	struct deia__body_text body;
	struct deia__msg *msg;
	deia_err err;

	if (strcmp(deia_rows_text(rows, 0, MAIL_TO), t->inbox) != 0)
		return unknown(t);
	if (strcmp(status, "pending") != 0 ||
	    !*deia_rows_text(rows, 0, MAIL_DIALOGUE))
		return not_to_be_taken(t, "is not pending mail of a dialogue");
	msg = deia__msg_find(t->m, t->id);
	if (!deia__home_serves(t->m, t->inbox))
		return not_to_be_taken(t, "is on its way to another node");
	if (msg && msg->place != PLACE_ASIDE)
		return not_to_be_taken(t, "was taken already");
	if (deia_rows_get(rows, 0, MAIL_DUE)->i <= deia__hive_now(t->m))
		return not_to_be_taken(t, "is expired");
	deia__rows_body(rows, 0, &body);
	if (msg && !deia__msg_set_body(t->m, msg, &body))
		return deia__msgr_fail(t->m, DEIA_ENOMEM, "out of memory");
	if (msg)
		return hand_over(t, msg, false);
	msg = deia__rows_msg(t->m, rows, 0);
	if (!msg)
		return deia__msgr_fail(t->m, DEIA_ENOMEM, "out of memory");
	deia__msg_add(t->m, msg);
	deia__place_put(t->m, msg);
	err = msg->body || deia__msg_set_body(t->m, msg, &body)
		      ? hand_over(t, msg, false)
		      : DEIA_ENOMEM;
	return err;
}

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct take *t = user;

	if (!err)
		err = deia_rows_count(rows) ? take_row(t, rows) : unknown(t);
	if (err)
		t->cb(err, NULL, 0, false, t->user);
	deia__free(t);
}

static deia_err ask_store(const struct take *what)
{
	deia_messenger *m = what->m;
	struct take *t = deia__alloc(sizeof(*t));
	deia_err err;

	if (!t)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	*t = *what;
	err = deia__ask_message(m, t->id, on_row, t);
	if (err)
		deia__free(t);
	return err;
}

deia_err deia_messenger_take(deia_messenger *m, const char *inbox,
			     const char *id, int64_t lease_ms, bool held,
			     deia_messages_cb cb, void *user)
{
	struct take t = { .m = m,
			  .lease_ms = lease_ms ? lease_ms : 60000,
			  .held = held,
			  .cb = cb,
			  .user = user };
	deia_err err = deia__msgr_check(m);
	struct deia__msg *msg;

	if (err)
		return err;
	if (!inbox || strlen(inbox) > DEIA_MAX_ID_LEN || t.lease_ms < 1000 ||
	    t.lease_ms > DEIA_MAX_LEASE_SECONDS * INT64_C(1000))
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a message is taken from an inbox, for "
				       "1 s to %d s",
				       DEIA_MAX_LEASE_SECONDS);
	if (deia__take_waits(m, inbox, id, lease_ms, held, cb, user, &err))
		return err;
	memcpy(t.inbox, inbox, strlen(inbox) + 1);
	if (!deia__id_parse(t.id, id))
		return deia__msgr_fail(m, DEIA_ENOTFOUND,
				       "there is no message \"%.40s\"",
				       id ? id : "");
	msg = deia__msg_find(m, t.id);
	if (msg && (msg->sending || strcmp(msg->to->id, inbox) != 0))
		return unknown(&t);
	if (msg && !deia__home_is_here(msg->to))
		return not_to_be_taken(&t, "is on its way to another node");
	if (msg && msg->place != PLACE_ASIDE)
		return not_to_be_taken(&t, "is not pending mail of a dialogue");
	if (msg && msg->expires <= deia__hive_now(m))
		return not_to_be_taken(&t, "is expired");
	if (msg && msg->body)
		return hand_over(&t, msg, false);
	return m->store ? ask_store(&t) : unknown(&t);
}
