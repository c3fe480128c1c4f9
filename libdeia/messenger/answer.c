/* SPDX-License-Identifier: MIT */
/* answer.c - an answer and its acknowledgement in one step; dead letters that
 * come back. */
#include <stdio.h>
#include <string.h>

#include "messenger/settle.h"
#include "messenger/homes/again.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

/* ---- answers ------------------------------------------------------------- */

struct repeated {
	struct deia__later later;
	deia_messages_cb cb;
	void *user;
};

/* The message is not held any more: answered before, or lost. */
static void on_repeated(deia_err err, void *arg)
{
	struct repeated *r = arg;

	r->cb(err == DEIA_EEXIST ? DEIA_OK : err, NULL, 0, false, r->user);
	deia__free(r);
}

static void on_known(void *arg)
{
	on_repeated(DEIA_EEXIST, arg);
}

/* It is in memory that it was read under this token. */
static deia_err answered_before(deia_messenger *m, deia_messages_cb cb,
				void *user)
{
	struct repeated *r = deia__alloc(sizeof(*r));

	if (!r)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	r->cb = cb;
	r->user = user;
	deia__later_call(m, &r->later, on_known, r);
	return DEIA_OK;
}

static deia_err look_up(deia_messenger *m,
			const struct deia_message_claim *claim,
			deia_messages_cb cb, void *user)
{
	struct repeated *r = deia__alloc(sizeof(*r));
	deia_err err;

	if (!r)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	r->cb = cb;
	r->user = user;
	err = deia__claim_lookup(m, claim, true, on_repeated, r);
	if (err)
		deia__free(r);
	return err;
}

static void on_answered(struct deia__mail_op *op, deia_err err)
{
	struct deia__view v;

	if (!err)
		deia__view_plan(op->m, &v, &op->plans[0]);
	op->cb(err, err ? NULL : &v.pub, !err, false, op->user);
}

static deia_err plan_answer(struct deia__mail_op *op, struct deia__msg *msg,
			    const struct deia_message_draft *answer)
{
	struct deia__msg *reply;
	deia_err err = deia__draft_msg(op->m, answer, &reply);

	if (err)
		return err;
	/* There is room for both: op_new made it. */
	deia__op_plan(op, reply, DEIA_MESSAGE_QUEUED, NULL)->stray = true;
	deia__op_plan(op, msg, DEIA_MESSAGE_WAS_READ, NULL);
	return DEIA_OK;
}

deia_err deia_messenger_answer(deia_messenger *m,
			       const struct deia_message_claim *claim,
			       const struct deia_message_draft *answer,
			       deia_messages_cb cb, void *user)
{
	deia_err err = deia__msgr_check(m);
	struct deia__mail_op *op;
	struct deia__msg *msg;

	if (err || deia__answer_waits(m, claim, answer, cb, user, &err))
		return err;
	err = deia__claim_find(m, claim, true, &msg);
	if (err == DEIA_EUNAVAILABLE)
		return look_up(m, claim, cb, user);
	if (err == DEIA_EEXIST)
		return answered_before(m, cb, user);
	if (err)
		return err;
	op = deia__op_new(m, 2);
	if (!op)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	op->cb = cb;
	op->user = user;
	op->done = on_answered;
	err = plan_answer(op, msg, answer);
	if (!err)
		return deia__op_commit(op);
	deia__op_drop(op);
	return err;
}

/* ---- requeue ------------------------------------------------------------- */

struct requeue {
	struct deia__home_wait wait; /* first */
	struct deia__inbox *kept;    /* here, until it was dealt with */
	deia_messenger *m;
	unsigned char id[DEIA__MSG_ID_BYTES];
	deia_messages_cb cb;
	void *user;
};

static deia_err not_failed(deia_messenger *m, const unsigned char *raw,
			   const char *status)
{
	char id[37];

	deia__uuid_print(id, raw);
	return deia__msgr_fail(m, DEIA_ESTATE,
			       "message %s is %s; only a failed one can be "
			       "requeued",
			       id, status);
}

static deia_err check_room(deia_messenger *m, const struct deia__inbox *inbox)
{
	if (deia__inbox_open_len(inbox) < m->opts.inbox_max)
		return DEIA_OK;
	m->status.refused++;
	return deia__msgr_fail(m, DEIA_EBUSY,
			       "the inbox of %s is full (%u messages are not "
			       "read yet); try again later",
			       inbox->id, m->opts.inbox_max);
}

static void on_requeued(struct deia__mail_op *op, deia_err err)
{
	struct deia__view v;

	if (!op->cb)
		return;
	if (err == DEIA_ECONFLICT)
		err = DEIA_ESTATE;
	if (!err) {
		deia__view_plan(op->m, &v, &op->plans[0]);
		v.pub.content = NULL;
		v.pub.content_len = 0;
	}
	op->cb(err, err ? NULL : &v.pub, !err, false, op->user);
}

static deia_err begin(deia_messenger *m, struct deia__msg *msg, bool stray,
		      deia_messages_cb cb, void *user)
{
	struct deia__mail_op *op = deia__op_new(m, 1);
	struct deia__plan *p;

	if (!op)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	op->cb = cb;
	op->user = user;
	op->done = on_requeued;
	p = deia__op_plan(op, msg, DEIA_MESSAGE_REQUEUED, NULL);
	p->stray = stray;
	p->lease = 0;
	p->due = 0;
	p->attempt = p->excused = 0;
	p->held = false;
	msg->to->sending++;
	return deia__op_commit(op);
}

static deia_err requeue_row(struct requeue *r, const deia_rows *rows)
{
	deia_messenger *m = r->m;
	const char *status = deia_rows_text(rows, 0, MAIL_STATUS);
	struct deia__msg *msg;
	deia_err err;

	if (deia__msg_find(m, r->id))
		return not_failed(m, r->id, "pending");
	if (strcmp(status, "failed") != 0)
		return not_failed(m, r->id, status);
	msg = deia__rows_msg(m, rows, 0);
	if (!msg)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	err = deia__home_is_here(msg->to)
		      ? check_room(m, msg->to)
		      : deia__home_moved(m, deia_rows_text(rows, 0, MAIL_TO));
	if (err) {
		deia__msg_free(m, msg);
		return err;
	}
	msg->expires = deia__hive_now(m) +
		       deia_rows_get(rows, 0, MAIL_TTL)->i * INT64_C(1000);
	deia__msg_add(m, msg);
	err = begin(m, msg, true, r->cb, r->user);
	if (err == DEIA_ENOMEM && deia__msg_find(m, r->id) == msg) {
		deia__msg_remove(m, msg);
		deia__msg_free(m, msg);
	}
	return err;
}

static void requeue_end(struct requeue *r, deia_err err)
{
	if (r->kept) {
		deia__home_let(r->m, r->kept);
		deia__inbox_unref(r->m, r->kept);
	}
	if (err && r->cb)
		r->cb(err, NULL, 0, false, r->user);
	deia__free(r);
}

static void on_row(deia_err err, const deia_rows *rows, void *user);

/* Looked up once more: it may have been requeued meanwhile. */
static void on_home(struct deia__home_wait *w, deia_err err)
{
	struct requeue *r = (struct requeue *)(void *)w;

	r->m->n_ops--;
	if (!err) {
		r->kept = w->inbox;
		deia__inbox_ref(r->kept);
		deia__home_hold(r->kept);
		err = deia__ask_message(r->m, r->id, on_row, r);
	}
	if (err)
		requeue_end(r, err);
}

/* Its inbox was given away, or forgotten, since the call looked for it. */
static bool waits_again(struct requeue *r, const deia_rows *rows)
{
	const char *to = deia_rows_text(rows, 0, MAIL_TO);
	struct deia__inbox *inbox;

	if (deia__home_serves(r->m, to) || r->kept || r->m->stopped ||
	    strcmp(deia_rows_text(rows, 0, MAIL_STATUS), "failed") != 0)
		return false;
	inbox = deia__inbox_get(r->m, to);
	if (!inbox)
		return false;
	r->wait.fn = on_home;
	r->m->n_ops++;
	deia__home_wait(r->m, inbox, &r->wait);
	return true;
}

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct requeue *r = user;
	char id[37];

	if (!err && deia_rows_count(rows) == 0) {
		deia__uuid_print(id, r->id);
		err = deia__msgr_fail(r->m, DEIA_ENOTFOUND,
				      "there is no message %s", id);
	}
	if (!err && waits_again(r, rows))
		return;
	if (!err)
		err = requeue_row(r, rows);
	requeue_end(r, err);
}

static deia_err requeue_kept(deia_messenger *m, struct deia__msg *msg,
			     deia_messages_cb cb, void *user)
{
	deia_err err = check_room(m, msg->to);

	if (err)
		return err;
	err = begin(m, msg, false, cb, user);
	if (err)
		return err;
	msg->reviving = true;
	deia__kept_revive(m, msg);
	msg->expires = deia__hive_now(m) + msg->body->ttl_seconds * 1000LL;
	return DEIA_OK;
}

static deia_err ask_store(deia_messenger *m, const unsigned char *id,
			  deia_messages_cb cb, void *user)
{
	struct requeue *r = deia__alloc(sizeof(*r));
	deia_err err;

	if (!r)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	r->m = m;
	memcpy(r->id, id, sizeof(r->id));
	r->cb = cb;
	r->user = user;
	err = deia__ask_message(m, r->id, on_row, r);
	if (err)
		deia__free(r);
	return err;
}

deia_err deia_messenger_requeue(deia_messenger *m, const char *id,
				deia_messages_cb cb, void *user)
{
	unsigned char raw[DEIA__MSG_ID_BYTES];
	struct deia__msg *msg = NULL;
	deia_err err = deia__msgr_check(m);

	if (err || deia__requeue_waits(m, id, cb, user, &err))
		return err;
	if (deia__id_parse(raw, id))
		msg = deia__msg_find(m, raw);
	else
		return deia__msgr_fail(m, DEIA_ENOTFOUND,
				       "there is no message \"%.40s\"",
				       id ? id : "");
	if (!msg && m->store)
		return ask_store(m, raw, cb, user);
	if (!msg || msg->sending)
		return deia__msgr_fail(m, DEIA_ENOTFOUND,
				       "there is no message %s", id);
	if (msg->reviving)
		return not_failed(m, raw, "pending");
	if (msg->status != DEIA_MESSAGE_FAILED || m->store)
		return not_failed(m, raw,
				  deia_message_status_name(msg->status));
	return requeue_kept(m, msg, cb, user);
}
