/* SPDX-License-Identifier: MIT */
/*
 * receive.c - receivers and the hand-over.
 *
 * Receivers of an inbox form a queue. At the end of a turn of the loop each
 * inbox that may have something for the first of them is served: messages are
 * picked, contents that are not in memory are read, attempt and lease become
 * durable, and then the receiver gets them.
 */
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

#define DEFAULT_LEASE_MS 60000

static void receiver_free(deia_receiver *r)
{
	deia_messenger *m = r->m;

	if (r->waits) {
		TAILQ_REMOVE(&r->inbox->receivers, r, link);
		r->inbox->n_receivers--;
		m->n_waits--;
		deia__home_idle(m, r->inbox);
	}
	deia__timer_clear(m->timers, &r->timer);
	deia__inbox_unref(m, r->inbox);
	deia__free(r);
}

/* Answers with nothing. */
static void receiver_end(deia_receiver *r, deia_err err)
{
	deia_messages_cb cb = r->cb;
	void *user = r->user;

	receiver_free(r);
	cb(err, NULL, 0, false, user);
}

/* No longer in the queue: messages are on their way to it. */
static void receiver_leave(deia_receiver *r)
{
	TAILQ_REMOVE(&r->inbox->receivers, r, link);
	r->inbox->n_receivers--;
	r->m->n_waits--;
	r->waits = false;
	r->busy = true;
	deia__home_idle(r->m, r->inbox);
	deia__timer_clear(r->m->timers, &r->timer);
}

static void on_timeout(void *arg)
{
	deia_receiver *r = arg;

	receiver_end(r, DEIA_OK);
}

/* ---- the hand-over ------------------------------------------------------- */

static void on_handed_over(struct deia__mail_op *op, deia_err err)
{
	deia_receiver *r = op->arg;
	deia_messenger *m = op->m;
	unsigned n = 0;

	if (!err && !deia__views_room(m, op->n))
		err = DEIA_ENOMEM; /* the leases will run out */
	for (; !err && n < op->n; n++) {
		deia__view_msg(m, &m->views[n], op->plans[n].msg);
		m->items[n] = m->views[n].pub;
	}
	r->cb(err, n ? m->items : NULL, n, false, r->user);
	for (unsigned i = 0; i < n && m->store; i++)
		if (m->cached_bytes > m->opts.cache_bytes ||
		    op->plans[i].msg->body->content_len > DEIA__BODY_KEPT_BYTES)
			deia__msg_drop_body(m, op->plans[i].msg);
	deia__inbox_wake(m, r->inbox);
	receiver_free(r);
}

static void hand_over(deia_receiver *r)
{
	struct deia__mail_op *op = r->op;
	deia_err err;

	for (unsigned i = 0; i < op->n; i++)
		deia__op_lease(op, &op->plans[i], r->lease_ms, r->held);
	r->op = NULL;
	op->done = on_handed_over;
	op->arg = r;
	err = deia__op_commit(op);
	if (err)
		receiver_end(r, err);
}

/* ---- contents that are in the store -------------------------------------- */

struct body_read {
	deia_receiver *receiver;
	struct deia__msg *msg;
};

static void bodies_read(deia_receiver *r)
{
	if (r->n_reads)
		return;
	if (!r->read_err) {
		hand_over(r);
		return;
	}
	deia__op_drop(r->op);
	receiver_end(r, r->read_err);
}

static bool take_body(deia_messenger *m, struct deia__msg *msg,
		      const deia_rows *rows)
{
	struct deia__body_text text;

	deia__rows_body(rows, 0, &text);
	return deia__msg_set_body(m, msg, &text);
}

static void on_body(deia_err err, const deia_rows *rows, void *user)
{
	struct body_read *b = user;
	deia_receiver *r = b->receiver;

	r->n_reads--;
	if (!err && deia_rows_count(rows) == 0)
		err = DEIA_ESTORE;
	if (!err && !take_body(r->m, b->msg, rows))
		err = DEIA_ENOMEM;
	if (err && !r->read_err)
		r->read_err = err;
	deia__free(b);
	bodies_read(r);
}

static deia_err read_body(deia_receiver *r, struct deia__msg *msg)
{
	struct body_read *b = deia__alloc(sizeof(*b));
	deia_err err = DEIA_ENOMEM;

	if (b) {
		b->receiver = r;
		b->msg = msg;
		err = deia__ask_message(r->m, msg->id, on_body, b);
	}
	if (err) {
		deia__free(b);
		return err;
	}
	r->n_reads++;
	return DEIA_OK;
}

static void read_bodies(deia_receiver *r)
{
	r->n_reads = 1; /* so that it does not end in between */
	for (unsigned i = 0; i < r->op->n && !r->read_err; i++)
		if (!r->op->plans[i].msg->body)
			r->read_err = read_body(r, r->op->plans[i].msg);
	r->n_reads--;
	bodies_read(r);
}

/* ---- picking ------------------------------------------------------------- */

static size_t content_len(const struct deia__msg *msg)
{
	if (msg->body)
		return msg->body->content_len;
	return msg->content_len ? msg->content_len - 1 : DEIA_MAX_CONTENT_BYTES;
}

/* Fills the op; *wait: rows must be read first. */
static deia_err pick(deia_receiver *r, struct deia__mail_op *op, bool *wait)
{
	deia_messenger *m = r->m;
	struct deia__msg *msg;
	size_t bytes = 0;
	deia_err err;

	while (op->n < op->cap && bytes < DEIA_MAX_RECEIVE_BYTES &&
	       r->inbox->delivered + r->inbox->waiting + op->n <
		       DEIA_MAX_OUT_LEN) {
		err = deia__place_pick(m, r->inbox, &msg, wait);
		if (err || !msg)
			return op->n ? DEIA_OK : err;
		bytes += content_len(msg);
		deia__op_plan(op, msg, DEIA_MESSAGE_HANDED_OVER, NULL);
	}
	return DEIA_OK;
}

/* As many as it may get of those there are. */
static unsigned room_for(const deia_receiver *r)
{
	uint64_t n = deia__inbox_open_len(r->inbox) - r->inbox->delivered;

	return n < r->max ? (n ? (unsigned)n : 1) : r->max;
}

/* True: this receiver is dealt with, look at the next. *wait: rows must be
 * read first. */
static bool serve_one(deia_receiver *r, bool *wait)
{
	struct deia__mail_op *op = NULL;
	deia_err err = DEIA_OK;

	*wait = false;
	if (deia__place_has_next(r->inbox)) {
		op = deia__op_new(r->m, room_for(r));
		err = op ? pick(r, op, wait) : DEIA_ENOMEM;
	}
	if (op && op->n) {
		r->op = op;
		receiver_leave(r);
		read_bodies(r);
		return true;
	}
	if (op)
		deia__op_free(op);
	if (!err && (*wait || !r->no_wait))
		return false;
	if (err)
		deia__msgr_fail(r->m, err, "the store cannot be read: %s",
				deia_err_text(err));
	receiver_end(r, err);
	return true;
}

/* There is nothing: those behind one that waits are told, too. */
void deia__receivers_end_unwaiting(struct deia__inbox *inbox, deia_err err)
{
	deia_receiver *r = TAILQ_FIRST(&inbox->receivers);

	while (r) {
		if (!r->no_wait) {
			r = TAILQ_NEXT(r, link);
			continue;
		}
		receiver_end(r, err);
		/* Its callback may have changed the queue. */
		r = TAILQ_FIRST(&inbox->receivers);
	}
}

void deia__inbox_serve(deia_messenger *m, struct deia__inbox *inbox)
{
	unsigned n = inbox->n_receivers; /* callbacks may add others */
	deia_receiver *r;
	bool wait = false;

	if (!deia__home_is_here(inbox)) {
		deia__home_want(m, inbox);
		return;
	}
	if (inbox->purging)
		return; /* what is left was for whoever had the id before */
	deia__inbox_ref(inbox);
	while (n-- > 0 && (r = TAILQ_FIRST(&inbox->receivers)) != NULL) {
		if (serve_one(r, &wait))
			continue;
		if (!wait)
			deia__receivers_end_unwaiting(inbox, DEIA_OK);
		break;
	}
	deia__inbox_unref(m, inbox);
}

void deia__receivers_end(deia_messenger *m, struct deia__inbox *inbox,
			 deia_err err)
{
	deia_receiver *r;

	(void)m;
	while ((r = TAILQ_FIRST(&inbox->receivers)) != NULL)
		receiver_end(r, err);
}

/* ---- the calls ----------------------------------------------------------- */

static deia_err check(deia_messenger *m, const struct deia_receive *what,
		      struct deia__inbox **out)
{
	struct deia__inbox *inbox;

	if (!what || what->size != sizeof(*what) || !what->inbox ||
	    what->max > DEIA_MAX_BATCH_LEN ||
	    (what->wait_ms < 0 && what->wait_ms != DEIA_WAIT_FOR_EVER))
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a receive asks for 1 to %d messages",
				       DEIA_MAX_BATCH_LEN);
	if (what->lease_ms &&
	    (what->lease_ms < 1000 ||
	     what->lease_ms > DEIA_MAX_LEASE_SECONDS * INT64_C(1000)))
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a lease lasts 1 s to %d s",
				       DEIA_MAX_LEASE_SECONDS);
	inbox = deia__inbox_find(m, what->inbox);
	if (!inbox || !inbox->open)
		return deia__msgr_fail(m, DEIA_ENOTFOUND,
				       "there is no inbox \"%.64s\"",
				       what->inbox);
	if (inbox->delivered + inbox->waiting >= DEIA_MAX_OUT_LEN)
		return deia__msgr_fail(m, DEIA_EBUSY,
				       "%d messages of %s are out; acknowledge "
				       "them first",
				       DEIA_MAX_OUT_LEN, inbox->id);
	if (m->n_waits >= DEIA_MAX_WAITS)
		return deia__msgr_fail(m, DEIA_EBUSY,
				       "%d receivers wait already",
				       DEIA_MAX_WAITS);
	*out = inbox;
	return DEIA_OK;
}

deia_err deia_messenger_receive(deia_messenger *m,
				const struct deia_receive *what,
				deia_receiver **out, deia_messages_cb cb,
				void *user)
{
	struct deia__inbox *inbox = NULL;
	deia_err err = deia__msgr_check(m);
	deia_receiver *r;

	if (!err)
		err = check(m, what, &inbox);
	if (err)
		return err;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	r->m = m;
	r->inbox = inbox;
	r->max = what->max ? what->max : 1;
	r->lease_ms = what->lease_ms ? what->lease_ms : DEFAULT_LEASE_MS;
	r->held = what->held;
	r->no_wait = what->wait_ms == 0;
	r->cb = cb;
	r->user = user;
	r->timer.fn = on_timeout;
	r->timer.arg = r;
	if (what->wait_ms > 0 &&
	    deia__timer_set(m->timers, &r->timer, what->wait_ms)) {
		deia__free(r);
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	}
	deia__inbox_ref(inbox);
	TAILQ_INSERT_TAIL(&inbox->receivers, r, link);
	inbox->n_receivers++;
	m->n_waits++;
	r->waits = true;
	deia__inbox_wake(m, inbox);
	if (out)
		*out = r;
	return DEIA_OK;
}

void deia_messenger_receive_cancel(deia_messenger *m, deia_receiver *r)
{
	(void)m;
	if (r && r->waits)
		receiver_end(r, DEIA_ECANCELED);
}
