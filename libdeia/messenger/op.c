/* SPDX-License-Identifier: MIT */
/*
 * op.c - one durable change of any number of messages: plan, commit, effect.
 *
 * Planning takes a message from its place, so nothing else can move it. The
 * effect comes when the plan is durable; if it cannot be made durable every
 * message goes back to where it was.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define FEW                                                                    \
	(sizeof(((struct deia__mail_op *)0)->few) / sizeof(struct deia__plan))

/* ---- planning ------------------------------------------------------------ */

struct deia__mail_op *deia__op_new(deia_messenger *m, unsigned n)
{
	struct deia__mail_op *op = deia__alloc_raw(sizeof(*op));

	if (!op)
		return NULL;
	memset(op, 0, offsetof(struct deia__mail_op, few));
	op->m = m;
	op->cap = n;
	op->plans = n > FEW ? deia__alloc_raw(n * sizeof(*op->plans)) : op->few;
	if (op->plans)
		return op;
	deia__free(op);
	return NULL;
}

static void plan_fini(struct deia__plan *p)
{
	deia__free(p->reason);
	deia__free(p->body);
}

void deia__op_free(struct deia__mail_op *op)
{
	for (unsigned i = 0; i < op->n; i++)
		plan_fini(&op->plans[i]);
	if (op->plans != op->few)
		deia__free(op->plans);
	deia__free(op->key);
	deia__free(op->sender);
	deia__free(op->refusal);
	deia__free(op);
}

static struct deia__plan *next_plan(struct deia__mail_op *op)
{
	if (op->n == op->cap) {
		unsigned cap = op->cap * 2;
		struct deia__plan *old =
			op->plans != op->few ? op->plans : NULL;
		struct deia__plan *plans =
			deia__realloc(old, cap * sizeof(*plans));

		if (!plans)
			return NULL;
		if (!old)
			memcpy(plans, op->few, op->n * sizeof(*plans));
		op->plans = plans;
		op->cap = cap;
	}
	memset(&op->plans[op->n], 0, sizeof(op->plans[0]));
	return &op->plans[op->n++];
}

static char *dup_reason(const char *reason)
{
	size_t len = strnlen(reason, DEIA_MAX_REASON_BYTES);

	return deia__strndup(reason, deia__utf8_whole(reason, len));
}

struct deia__plan *deia__op_plan(struct deia__mail_op *op,
				 struct deia__msg *msg,
				 deia_message_event event, const char *reason)
{
	char *copy = reason ? dup_reason(reason) : NULL;
	struct deia__plan *p;

	if (reason && !copy)
		return NULL;
	p = next_plan(op);
	if (!p) {
		deia__free(copy);
		return NULL;
	}
	deia__place_take(op->m, msg);
	/* What is sent to an inbox elsewhere does not keep it from moving. */
	p->away = event == DEIA_MESSAGE_QUEUED && !deia__home_is_here(msg->to);
	if (!p->away)
		deia__home_hold(msg->to);
	p->msg = msg;
	p->event = event;
	p->lease = msg->lease;
	p->due = msg->due;
	p->attempt = msg->attempt;
	p->excused = msg->excused;
	p->held = msg->held;
	p->reason = copy;
	return p;
}

static int64_t backoff_ms(deia_messenger *m, unsigned used)
{
	int64_t ms = BACKOFF_FIRST_MS;

	while (used-- > 1 && ms < BACKOFF_MAX_MS)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* 0.8 to 1.2 of it, so that what failed together does not come back
	 * together. */
	return ms * 4 / 5 +
	       (int64_t)((double)ms * 0.4 * deia__rng_ratio(&m->rng));
}

void deia__op_lease(struct deia__mail_op *op, struct deia__plan *p,
		    int64_t lease_ms, bool held)
{
	deia_messenger *m = op->m;

	do
		p->lease = deia__rng_next(&m->rng) >> 1;
	while (p->lease == 0);
	p->attempt++;
	p->due = deia__hive_now(m) + lease_ms;
	p->held = held;
}

/* Words for why a message was given up after its last attempt. */
static void used_up(char *out, size_t len, const struct deia__msg *msg,
		    const char *reason)
{
	if (msg->max_attempts == 1)
		snprintf(out, len, "its only attempt failed: %s", reason);
	else
		snprintf(out, len, "all %u attempts failed, the last: %s",
			 msg->max_attempts, reason);
}

struct deia__plan *deia__op_plan_return(struct deia__mail_op *op,
					struct deia__msg *msg, int64_t delay_ms,
					bool excused, const char *reason)
{
	char words[DEIA_MAX_REASON_BYTES];
	unsigned pardoned = (unsigned)msg->excused + excused;
	unsigned used = msg->attempt > pardoned ? msg->attempt - pardoned : 0;
	struct deia__plan *p;

	if (!reason)
		reason = "given back";
	if (!excused && used >= msg->max_attempts) {
		used_up(words, sizeof(words), msg, reason);
		return deia__op_plan_end(op, msg, DEIA_MESSAGE_GAVE_UP, words);
	}
	if (delay_ms == DEIA_DELAY_BACKOFF)
		delay_ms = backoff_ms(op->m, used);
	p = deia__op_plan(op, msg, DEIA_MESSAGE_RETRY, reason);
	if (!p)
		return NULL;
	p->excused = (uint16_t)pardoned;
	p->due = delay_ms > 0 ? deia__hive_now(op->m) + delay_ms : 0;
	p->held = false;
	return p;
}

/* ---- notices ------------------------------------------------------------- */

static void print_notice(char *content, size_t len, char *metadata,
			 size_t metadata_len, const struct deia__msg *msg,
			 deia_message_event event, const char *reason)
{
	bool failed = event == DEIA_MESSAGE_GAVE_UP;
	char id[37];

	deia__uuid_print(id, msg->id);
	snprintf(content, len, "Your message %s to %s %s: %s", id, msg->to->id,
		 failed ? "failed" : "expired", reason);
	snprintf(metadata, metadata_len,
		 "{\"event\":\"%s\",\"message\":\"%s\",\"to\":\"%s\"}",
		 failed ? "message_failed" : "message_expired", id,
		 msg->to->id);
}

/* The sender is told, in the same change, if it can take mail. */
static void add_notice(struct deia__mail_op *op, const struct deia__msg *msg,
		       deia_message_event event, const char *reason)
{
	char content[DEIA_MAX_REASON_BYTES + 256], metadata[256], id[37];
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	struct deia__msg *notice;
	struct deia__plan *p;

	if (!msg->notify || !msg->from->open)
		return;
	print_notice(content, sizeof(content), metadata, sizeof(metadata), msg,
		     event, reason);
	deia__uuid_print(id, msg->id);
	d.from = DEIA_MESSAGE_SYSTEM;
	d.to = msg->from->id;
	d.content = content;
	d.content_len = strlen(content);
	d.priority = msg->priority;
	d.reply_to = id;
	d.metadata = metadata;
	if (deia__draft_msg(op->m, &d, &notice))
		return; /* full, or no memory: the status says it as well */
	p = deia__op_plan(op, notice, DEIA_MESSAGE_QUEUED, NULL);
	if (!p) {
		notice->to->sending--;
		deia__msg_remove(op->m, notice);
		deia__msg_free(op->m, notice);
		return;
	}
	p->stray = true;
}

struct deia__plan *deia__op_plan_end(struct deia__mail_op *op,
				     struct deia__msg *msg,
				     deia_message_event event,
				     const char *reason)
{
	struct deia__plan *p = deia__op_plan(op, msg, event, reason);
	size_t at = op->n - 1;

	if (!p)
		return NULL;
	p->held = false;
	add_notice(op, msg, event, reason);
	return &op->plans[at];
}

/* ---- undoing ------------------------------------------------------------- */

void deia__op_undo(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;

	for (unsigned i = op->n; i-- > 0;) {
		struct deia__msg *msg = op->plans[i].msg;
		bool arrives = op->plans[i].event == DEIA_MESSAGE_QUEUED ||
			       op->plans[i].event == DEIA_MESSAGE_REQUEUED;

		plan_fini(&op->plans[i]);
		if (arrives)
			msg->to->sending--;
		if (!op->plans[i].away)
			deia__home_let(m, msg->to);
		if (op->plans[i].stray) {
			deia__msg_remove(m, msg);
			deia__msg_free(m, msg);
		} else if (!arrives) {
			deia__place_put(m, msg);
		}
	}
	op->n = 0;
}

void deia__op_drop(struct deia__mail_op *op)
{
	deia__op_undo(op);
	deia__op_free(op);
}

deia_err deia__op_commit(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	deia_err err;

	op->wall_ms = deia__wall_now(m);
	if (!m->store) {
		m->n_ops++;
		deia__kept_commit(op);
		return DEIA_OK;
	}
	err = deia__rows_commit(op);
	if (!err) {
		m->n_ops++;
		return DEIA_OK;
	}
	deia__op_drop(op);
	if (err == DEIA_EBUSY)
		return deia__msgr_fail(m, err,
				       "the store is behind with writing; try "
				       "again later");
	return deia__msgr_fail(m, err, "the store refused it: %s",
			       deia_err_text(err));
}

/* ---- effects ------------------------------------------------------------- */

/* What waits is not kept in memory when it is large; callbacks see it once. */
static void keep_small(deia_messenger *m, struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;

	if (m->store && msg->body &&
	    (msg->body->content_len > DEIA__BODY_KEPT_BYTES ||
	     m->cached_bytes > m->opts.cache_bytes))
		p->body = deia__msg_take_body(m, msg);
}

static void enter_lane(deia_messenger *m, struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;
	struct deia__lane *lane = &msg->to->lanes[msg->priority];

	if (m->store && !msg->aside && memcmp(msg->id, lane->upto, 16) > 0 &&
	    (!lane->complete || lane->n >= DEIA__LANE_MAX)) {
		/* Stays in the store until its turn comes; but not one that a
		 * page has passed already, while its commit was under way. */
		lane->complete = false;
		lane->spilled = true;
		deia__msg_remove(m, msg);
		p->leaves = true;
		deia__inbox_wake(m, msg->to);
		return;
	}
	if (!msg->aside && memcmp(msg->id, lane->upto, 16) > 0)
		memcpy(lane->upto, msg->id, DEIA__MSG_ID_BYTES);
	keep_small(m, p);
	deia__place_put(m, msg);
}

static void effect_queued(deia_messenger *m, struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;

	msg->sending = false;
	msg->to->sending--;
	m->status.sent++;
	p->stray = false;
	if (p->away) { /* whoever serves it learns of it by the notice */
		deia__msg_remove(m, msg);
		/* Or it came here meanwhile, and a page passed it by, since it
		 * was in memory. */
		if (deia__home_is_here(msg->to)) {
			deia__lane_came(&msg->to->lanes[msg->priority],
					msg->id);
			deia__inbox_wake(m, msg->to);
		}
		p->leaves = true;
		return;
	}
	msg->to->pending[msg->priority]++;
	m->status.by_status[DEIA_MESSAGE_PENDING]++;
	deia__due_expiry(m, msg->expires);
	if (!m->store)
		deia__wheel_add(&m->expiring, &msg->expiry);
	enter_lane(m, p);
}

static void effect_handed_over(deia_messenger *m, struct deia__mail_op *op,
			       struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;

	assert(deia__message_can(msg->status, DEIA_MESSAGE_DELIVERED));
	msg->to->pending[msg->priority]--;
	msg->to->delivered++;
	m->status.by_status[DEIA_MESSAGE_PENDING]--;
	m->status.by_status[DEIA_MESSAGE_DELIVERED]++;
	m->status.handed_over++;
	if (msg->attempt == 1)
		deia_histogram_add(&m->status.delivery,
				   (op->wall_ms - msg->created_ms) * 1000);
	msg->status = DEIA_MESSAGE_DELIVERED;
	msg->delivered_ms = op->wall_ms;
	msg->has_row = true;
}

static void effect_retry(deia_messenger *m, struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;

	assert(msg->status == DEIA_MESSAGE_DELIVERED &&
	       deia__message_can(msg->status, DEIA_MESSAGE_PENDING));
	msg->to->delivered--;
	msg->to->pending[msg->priority]++;
	m->status.by_status[DEIA_MESSAGE_DELIVERED]--;
	m->status.by_status[DEIA_MESSAGE_PENDING]++;
	m->status.retried++;
	msg->status = DEIA_MESSAGE_PENDING;
}

static void effect_requeued(deia_messenger *m, struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;

	msg->to->sending--;
	msg->to->pending[msg->priority]++;
	deia__status_less(m, DEIA_MESSAGE_FAILED, 1);
	m->status.by_status[DEIA_MESSAGE_PENDING]++;
	msg->status = DEIA_MESSAGE_PENDING;
	msg->has_row = false;
	msg->delivered_ms = 0;
	msg->reviving = false;
	deia__free(msg->reason);
	msg->reason = NULL;
	keep_small(m, p);
	deia__due_expiry(m, msg->expires);
	if (!m->store)
		deia__wheel_add(&m->expiring, &msg->expiry);
	p->stray = false;
}

static void effect_finished(deia_messenger *m, struct deia__mail_op *op,
			    struct deia__plan *p)
{
	struct deia__msg *msg = p->msg;
	deia_message_status to =
		p->event == DEIA_MESSAGE_WAS_READ  ? DEIA_MESSAGE_READ
		: p->event == DEIA_MESSAGE_GAVE_UP ? DEIA_MESSAGE_FAILED
						   : DEIA_MESSAGE_EXPIRED;

	assert(deia__message_can(msg->status, to));
	if (msg->status == DEIA_MESSAGE_DELIVERED)
		msg->to->delivered--;
	else
		msg->to->pending[msg->priority]--;
	m->status.by_status[msg->status]--;
	m->status.by_status[to]++;
	m->status.read += to == DEIA_MESSAGE_READ;
	m->status.failed += to == DEIA_MESSAGE_FAILED;
	m->status.expired += to == DEIA_MESSAGE_EXPIRED;
	msg->status = (uint8_t)to;
	/* When it was finished, from here on: in hive time, and for people. */
	msg->expires = deia__hive_now(m);
	msg->due = op->wall_ms;
	deia__lane_gone(&msg->to->lanes[msg->priority], msg->id);
	/* It may have been the one too many under lease. */
	deia__inbox_wake(m, msg->to);
	if (m->store) {
		deia__msg_remove(m, msg);
		p->leaves = true;
	} else {
		deia__wheel_remove(&m->expiring, &msg->expiry);
		deia__kept_finished(m, msg);
	}
}

static void effect(struct deia__mail_op *op, struct deia__plan *p)
{
	deia_messenger *m = op->m;
	struct deia__msg *msg = p->msg;

	msg->lease = p->lease;
	msg->due = p->due;
	msg->attempt = p->attempt;
	msg->excused = p->excused;
	msg->held = p->held;
	if (p->reason) {
		deia__free(msg->reason);
		msg->reason = p->reason;
		p->reason = NULL;
	}
	switch ((int)p->event) {
	case DEIA_MESSAGE_QUEUED:
		effect_queued(m, p);
		return;
	case DEIA_MESSAGE_HANDED_OVER:
		effect_handed_over(m, op, p);
		break;
	case DEIA_MESSAGE_RETRY:
		effect_retry(m, p);
		break;
	case DEIA_MESSAGE_REQUEUED:
		effect_requeued(m, p);
		break;
	case DEIA__EXTENDED:
		break;
	default:
		effect_finished(m, op, p);
		return;
	}
	deia__place_put(m, msg);
}

/* ---- telling ------------------------------------------------------------- */

static void tell(struct deia__mail_op *op)
{
	deia_messenger *m = op->m;
	struct deia_message_move *moves;
	unsigned n = 0;

	if (!m->opts.moved && !m->journal)
		return;
	moves = deia__views_room(m, op->n) ? deia__alloc(op->n * sizeof(*moves))
					   : NULL;
	for (unsigned i = 0; moves && i < op->n; i++) {
		if (op->plans[i].event == DEIA__EXTENDED)
			continue;
		deia__view_plan(m, &m->views[n], &op->plans[i]);
		moves[n].event = op->plans[i].event;
		moves[n].count = 1;
		moves[n].message = &m->views[n].pub;
		deia__journal_write(m, &moves[n]);
		n++;
	}
	if (n && m->opts.moved)
		m->opts.moved(moves, n, m->opts.user);
	deia__free(moves);
}

void deia__op_end(struct deia__mail_op *op, deia_err err)
{
	deia_messenger *m = op->m;

	m->n_ops--;
	deia__time_look(m);
	if (err == DEIA_EEXIST && op->key) {
		deia__op_undo(op);
		deia__key_answer(op); /* it ends the op */
		return;
	}
	if (err) {
		deia__msgr_fail(m, err, "the store refused it: %s",
				deia_err_text(err));
		deia__op_undo(op);
		/* Another change came first: nobody was turned away. */
		m->status.refused +=
			err != DEIA_ECONFLICT && err != DEIA_ENOTFOUND;
	}
	for (unsigned i = 0; i < op->n; i++) {
		effect(op, &op->plans[i]);
		if (!op->plans[i].away)
			deia__home_let(m, op->plans[i].msg->to);
	}
	if (op->n)
		tell(op);
	if (op->done)
		op->done(op, err);
	for (unsigned i = 0; i < op->n; i++)
		if (op->plans[i].leaves)
			deia__msg_free(m, op->plans[i].msg);
	deia__op_free(op);
}
