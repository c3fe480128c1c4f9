/* SPDX-License-Identifier: MIT */
/*
 * settle.c - what a recipient does with what it holds: read, release, give up,
 * extend, renew.
 *
 * A delivered message is always in memory. One that is not there is pending,
 * finished or unknown; the store says which, for the sake of the error, and
 * since a repeated acknowledgement is none.
 */
#include "messenger/settle.h"

#include <stdio.h>
#include <string.h>

#include "messenger/homes/again.h"
#include "messenger/homes/homes.h"
#include "store/schema.h"

/* ---- claims -------------------------------------------------------------- */

void deia__lease_print(char out[static 17], uint64_t lease)
{
	unsigned char bytes[8];

	for (int i = 7; i >= 0; i--, lease >>= 8)
		bytes[i] = (unsigned char)lease;
	deia__hex_print(out, bytes, 8);
	out[16] = '\0';
}

static bool token_fits(const char *token, uint64_t lease)
{
	char text[17];

	deia__lease_print(text, lease);
	return strcmp(text, token) == 0;
}

static deia_err unknown(deia_messenger *m, const char *id)
{
	return deia__msgr_fail(m, DEIA_ENOTFOUND,
			       "there is no message \"%.40s\"", id ? id : "");
}

/* For one that is finished, or pending: never DEIA_OK but for a repeat. */
static deia_err judge(deia_messenger *m, const struct deia_message_claim *c,
		      deia_message_status status, uint64_t lease, bool reading)
{
	if (reading && status == DEIA_MESSAGE_READ && c->token &&
	    token_fits(c->token, lease))
		return DEIA_EEXIST; /* done already */
	return deia__msgr_fail(m, DEIA_ESTATE,
			       "message %.40s is %s, not delivered", c->id,
			       deia_message_status_name(status));
}

deia_err deia__claim_find(deia_messenger *m, const struct deia_message_claim *c,
			  bool reading, struct deia__msg **out)
{
	unsigned char id[DEIA__MSG_ID_BYTES];
	struct deia__msg *msg;

	if (!deia__id_parse(id, c->id))
		return unknown(m, c->id);
	msg = deia__msg_find(m, id);
	if (!msg)
		return m->store ? DEIA_EUNAVAILABLE : unknown(m, c->id);
	if (msg->sending || (c->inbox && strcmp(msg->to->id, c->inbox) != 0))
		return unknown(m, c->id);
	if (!deia__home_is_here(msg->to))
		return deia__home_moved(m, c->id);
	if (msg->status != DEIA_MESSAGE_DELIVERED)
		return judge(m, c, msg->status, msg->lease, reading);
	if (c->token && !token_fits(c->token, msg->lease))
		return deia__msgr_fail(m, DEIA_ECONFLICT,
				       "message %.40s has another lease now",
				       c->id);
	*out = msg;
	if (msg->place == PLACE_NONE)
		return deia__msgr_fail(m, DEIA_ECONFLICT,
				       "message %.40s is being changed by "
				       "another call",
				       c->id);
	return DEIA_OK;
}

/* ---- what only the store knows ------------------------------------------- */

struct lookup {
	deia_messenger *m;
	struct deia_message_claim claim;
	char id[37], inbox[DEIA_MAX_ID_LEN + 1],
		token[18]; /* a longer one is cut, and still no token */
	bool reading;
	void (*done)(deia_err err, void *arg);
	void *arg;
};

static deia_err judge_row(struct lookup *l, const deia_rows *rows)
{
	int status =
		deia_message_status_parse(deia_rows_text(rows, 0, MAIL_STATUS));

	if (l->claim.inbox &&
	    strcmp(deia_rows_text(rows, 0, MAIL_TO), l->claim.inbox) != 0)
		return unknown(l->m, l->claim.id);
	if (deia_rows_get(rows, 0, MAIL_PHASE)->i == PHASE_OPEN &&
	    !deia__home_serves(l->m, deia_rows_text(rows, 0, MAIL_TO)))
		return deia__home_moved(l->m, l->claim.id);
	return judge(
		l->m, &l->claim,
		status < 0 ? DEIA_MESSAGE_PENDING : (deia_message_status)status,
		(uint64_t)deia_rows_get(rows, 0, MAIL_LEASE)->i, l->reading);
}

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct lookup *l = user;

	if (!err)
		err = deia_rows_count(rows) ? judge_row(l, rows)
					    : unknown(l->m, l->claim.id);
	l->done(err, l->arg);
	deia__free(l);
}

deia_err deia__claim_lookup(deia_messenger *m,
			    const struct deia_message_claim *c, bool reading,
			    void (*done)(deia_err err, void *arg), void *arg)
{
	unsigned char raw[DEIA__MSG_ID_BYTES];
	struct lookup *l;
	deia_err err;

	if (c->inbox && strlen(c->inbox) > DEIA_MAX_ID_LEN)
		return unknown(m, c->id);
	l = deia__alloc(sizeof(*l));
	if (!l || !deia__id_parse(raw, c->id)) {
		deia__free(l);
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	}
	l->m = m;
	snprintf(l->id, sizeof(l->id), "%s", c->id);
	l->claim.id = l->id;
	if (c->inbox) {
		snprintf(l->inbox, sizeof(l->inbox), "%s", c->inbox);
		l->claim.inbox = l->inbox;
	}
	if (c->token) {
		snprintf(l->token, sizeof(l->token), "%s", c->token);
		l->claim.token = l->token;
	}
	l->reading = reading;
	l->done = done;
	l->arg = arg;
	err = deia__ask_message(m, raw, on_row, l);
	if (err)
		deia__free(l);
	return err;
}

/* ---- read ---------------------------------------------------------------- */

struct reading {
	struct deia__later later;
	deia_messenger *m;
	unsigned left;	/* outcomes that are still to come */
	deia_err *errs; /* the caller's, or our own */
	size_t n;
	unsigned *planned; /* claim of each plan */
	unsigned n_planned;
	struct look_up {
		struct reading *r;
		size_t at;
	} * lookups; /* when there are any */
	deia_settled_cb cb;
	void *user;
	unsigned numbers[]; /* room for planned, errs */
};

static void reading_free(struct reading *r)
{
	deia__free(r->lookups);
	deia__free(r);
}

static void outcome(struct reading *r, size_t at, deia_err err)
{
	if (err == DEIA_EEXIST)
		err = DEIA_OK; /* it was read before, under this token */
	r->errs[at] = err;
}

static void reading_end(struct reading *r)
{
	deia_err first = DEIA_OK;

	if (--r->left)
		return;
	for (size_t i = 0; i < r->n && !first; i++)
		first = r->errs[i];
	if (r->cb)
		r->cb(first, r->user);
	reading_free(r);
}

static void on_lookup(deia_err err, void *arg)
{
	struct look_up *l = arg;

	outcome(l->r, l->at, err);
	reading_end(l->r);
}

static void on_read(struct deia__mail_op *op, deia_err err)
{
	struct reading *r = op->arg;

	/* After a failure the op has no plans left: all of them failed. */
	for (unsigned i = 0; i < r->n_planned; i++)
		outcome(r, r->planned[i], err);
	reading_end(r);
}

static struct reading *reading_new(deia_messenger *m, size_t n, deia_err *errs)
{
	struct reading *r =
		deia__alloc(sizeof(*r) + 2 * n * sizeof(r->numbers[0]));

	_Static_assert(sizeof(deia_err) <= sizeof(r->numbers[0]), "errs fit");
	if (!r)
		return NULL;
	r->m = m;
	r->n = n;
	r->planned = r->numbers;
	r->errs = errs ? errs : (deia_err *)(void *)(r->numbers + n);
	return r;
}

/* Asks the store about claim `at` of n. */
static deia_err look_up(struct reading *r, const struct deia_message_claim *c,
			size_t at, size_t n)
{
	deia_err err;

	if (!r->lookups)
		r->lookups = deia__alloc(n * sizeof(*r->lookups));
	if (!r->lookups)
		return DEIA_ENOMEM;
	r->lookups[at].r = r;
	r->lookups[at].at = at;
	err = deia__claim_lookup(r->m, c, true, on_lookup, &r->lookups[at]);
	r->left += !err;
	return err;
}

/* The same message twice in one call is read once. */
static bool is_planned(const struct deia__mail_op *op,
		       const struct deia__msg *msg)
{
	for (unsigned i = 0; i < op->n; i++)
		if (op->plans[i].msg == msg)
			return true;
	return false;
}

/* Plans what is in memory, asks the store for the rest. */
static void read_each(struct reading *r, struct deia__mail_op *op,
		      const struct deia_message_claim *claims, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct deia__msg *msg = NULL;
		deia_err err = deia__claim_find(r->m, &claims[i], true, &msg);

		if (!err)
			deia__op_plan(op, msg, DEIA_MESSAGE_WAS_READ, NULL);
		if (!err || (msg && is_planned(op, msg))) {
			r->planned[r->n_planned++] = (unsigned)i;
			continue;
		}
		if (err == DEIA_EUNAVAILABLE) {
			err = look_up(r, &claims[i], i, n);
			if (!err)
				continue;
		}
		outcome(r, i, err);
	}
}

/* Nothing is under way: the answer comes later all the same. */
static void on_later(void *arg)
{
	reading_end(arg);
}

deia_err deia_messenger_read(deia_messenger *m,
			     const struct deia_message_claim *claims, size_t n,
			     deia_err *errs, deia_settled_cb cb, void *user)
{
	deia_err err = deia__msgr_check(m);
	struct deia__mail_op *op;
	struct reading *r;

	if (err)
		return err;
	if (!claims || n == 0 || n > DEIA_MAX_BATCH_LEN)
		return deia__msgr_fail(m, DEIA_ELIMIT,
				       "1 to %d messages are read at a time",
				       DEIA_MAX_BATCH_LEN);
	if (deia__read_waits(m, claims, n, errs, cb, user, &err))
		return err;
	r = reading_new(m, n, errs);
	op = r ? deia__op_new(m, (unsigned)n) : NULL;
	if (!op) {
		if (r)
			reading_free(r);
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	}
	r->cb = cb;
	r->user = user;
	r->left = 1;
	read_each(r, op, claims, n);
	if (op->n == 0) {
		deia__op_free(op);
		deia__later_call(m, &r->later, on_later, r);
		return DEIA_OK;
	}
	op->done = on_read;
	op->arg = r;
	err = deia__op_commit(op);
	if (!err)
		return DEIA_OK;
	for (unsigned i = 0; i < r->n_planned; i++)
		outcome(r, r->planned[i], err);
	deia__later_call(m, &r->later, on_later, r);
	return DEIA_OK;
}

/* ---- one message: release, give up, extend -------------------------------- */

/* Shows the message as it is now. */
static void on_moved(struct deia__mail_op *op, deia_err err)
{
	struct deia__view v;

	if (!op->cb)
		return;
	if (!err) {
		deia__view_plan(op->m, &v, &op->plans[0]);
		v.pub.content = NULL;
		v.pub.content_len = 0;
	}
	op->cb(err, err ? NULL : &v.pub, !err, false, op->user);
}

struct refused {
	deia_messages_cb cb;
	void *user;
};

static void on_refused(deia_err err, void *arg)
{
	struct refused *r = arg;

	if (err == DEIA_EEXIST)
		err = DEIA_ESTATE;
	if (r->cb)
		r->cb(err, NULL, 0, false, r->user);
	deia__free(r);
}

deia_err deia__claim_refuse(deia_messenger *m,
			    const struct deia_message_claim *claim,
			    deia_messages_cb cb, void *user)
{
	struct refused *r = deia__alloc(sizeof(*r));
	deia_err err;

	if (!r)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	r->cb = cb;
	r->user = user;
	err = deia__claim_lookup(m, claim, false, on_refused, r);
	if (err)
		deia__free(r);
	return err;
}

/* An op for the message of a claim; *op NULL with DEIA_OK: the store is asked
 * why not. */
static deia_err begin(deia_messenger *m, const struct deia_message_claim *claim,
		      deia_messages_cb cb, void *user, struct deia__msg **msg,
		      struct deia__mail_op **op)
{
	deia_err err = deia__msgr_check(m);

	*op = NULL;
	if (!err)
		err = deia__claim_find(m, claim, false, msg);
	if (err == DEIA_EUNAVAILABLE)
		return deia__claim_refuse(m, claim, cb, user);
	if (err)
		return err;
	*op = deia__op_new(m, 2);
	if (!*op)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	(*op)->cb = cb;
	(*op)->user = user;
	(*op)->done = on_moved;
	return DEIA_OK;
}

static deia_err finish(deia_messenger *m, struct deia__mail_op *op,
		       const struct deia__plan *plan)
{
	if (plan)
		return deia__op_commit(op);
	deia__op_drop(op);
	return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
}

deia_err deia_messenger_release(deia_messenger *m,
				const struct deia_message_claim *claim,
				int64_t delay_ms, bool excused,
				const char *reason, deia_messages_cb cb,
				void *user)
{
	struct deia__mail_op *op;
	struct deia__msg *msg = NULL;
	deia_err err;

	if (delay_ms != DEIA_DELAY_BACKOFF &&
	    (delay_ms < 0 || delay_ms > DEIA__DELAY_MAX_MS))
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a delay lasts up to 3600 s");
	if (deia__release_waits(m, claim, delay_ms, excused, reason, cb, user,
				&err))
		return err;
	err = begin(m, claim, cb, user, &msg, &op);
	if (err || !op)
		return err;
	return finish(m, op,
		      deia__op_plan_return(op, msg, delay_ms, excused, reason));
}

deia_err deia_messenger_give_up(deia_messenger *m,
				const struct deia_message_claim *claim,
				const char *reason, deia_messages_cb cb,
				void *user)
{
	struct deia__mail_op *op;
	struct deia__msg *msg = NULL;
	deia_err err;

	if (deia__give_up_waits(m, claim, reason, cb, user, &err))
		return err;
	err = begin(m, claim, cb, user, &msg, &op);
	if (err || !op)
		return err;
	return finish(m, op,
		      deia__op_plan_end(op, msg, DEIA_MESSAGE_GAVE_UP,
					reason ? reason : "given up"));
}

static deia_err check_lease(deia_messenger *m, int64_t lease_ms)
{
	if (lease_ms >= 1000 &&
	    lease_ms <= DEIA_MAX_LEASE_SECONDS * INT64_C(1000))
		return DEIA_OK;
	return deia__msgr_fail(m, DEIA_EINVAL, "a lease lasts 1 s to %d s",
			       DEIA_MAX_LEASE_SECONDS);
}

deia_err deia_messenger_extend(deia_messenger *m,
			       const struct deia_message_claim *claim,
			       int64_t lease_ms, deia_messages_cb cb,
			       void *user)
{
	struct deia__mail_op *op = NULL;
	struct deia__plan *plan;
	struct deia__msg *msg = NULL;
	deia_err err = check_lease(m, lease_ms);

	if (err || deia__extend_waits(m, claim, lease_ms, cb, user, &err))
		return err;
	err = begin(m, claim, cb, user, &msg, &op);
	if (err || !op)
		return err;
	plan = deia__op_plan(op, msg, DEIA__EXTENDED, NULL);
	if (plan)
		plan->due = deia__hive_now(m) + lease_ms;
	return finish(m, op, plan);
}

deia_err deia_messenger_renew(deia_messenger *m,
			      const struct deia_message_claim *claim,
			      int64_t lease_ms)
{
	struct deia__msg *msg = NULL;
	deia_err err = check_lease(m, lease_ms);

	deia__time_look(m);
	if (!err)
		err = deia__claim_find(m, claim, false, &msg);
	if (err == DEIA_EUNAVAILABLE)
		return unknown(m, claim->id);
	if (err || !msg)
		return err;
	if (!msg->held)
		return deia__msgr_fail(m, DEIA_ESTATE,
				       "the lease of message %.40s is not a "
				       "held one: extend it",
				       claim->id);
	deia__place_take(m, msg);
	msg->due = deia__hive_now(m) + lease_ms;
	deia__place_put(m, msg);
	return DEIA_OK;
}
