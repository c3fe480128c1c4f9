/* SPDX-License-Identifier: MIT */
/*
 * rows.c - with a store: a change as a transaction, rows as messages.
 *
 * A send inserts a row of messages. What a hand-over changes is a row of
 * message_leases, so that the larger row is written again only when the
 * message is finished; then its row of message_leases goes.
 */
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

static struct deia_value id_value(const unsigned char *id)
{
	struct deia_value v = { DEIA_BLOB, 0, (const char *)id,
				DEIA__MSG_ID_BYTES };
	return v;
}

static struct deia_value text_value(const char *s, size_t len)
{
	struct deia_value v = { DEIA_TEXT, 0, s, len };
	return v;
}

/* ---- checksums ----------------------------------------------------------- */

/* Of what never changes: enough to notice a flipped bit. */
static uint32_t sum_row(const struct deia_value *const *row)
{
	static const unsigned char texts[] = { MAIL_ID,	      MAIL_TO,
					       MAIL_FROM,     MAIL_BY,
					       MAIL_REPLY_TO, MAIL_DIALOGUE,
					       MAIL_METADATA, MAIL_CONTENT };
	static const unsigned char numbers[] = { MAIL_PRIORITY,
						 MAIL_MAX_ATTEMPTS, MAIL_TTL,
						 MAIL_CREATED, MAIL_HOPS };
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(texts); i++)
		sum = (sum ^
		       deia__crc32(row[texts[i]]->s ? row[texts[i]]->s : "",
				   row[texts[i]]->len)) *
		      UINT32_C(0x9e3779b1);
	for (size_t i = 0; i < sizeof(numbers); i++)
		sum = (sum ^ (uint32_t)row[numbers[i]]->i) *
		      UINT32_C(0x9e3779b1);
	return sum;
}

bool deia__rows_fine(const deia_rows *rows, size_t r)
{
	const struct deia_value *row[MAIL_COLUMNS];

	for (unsigned c = 0; c < MAIL_COLUMNS; c++)
		row[c] = deia_rows_get(rows, r, c);
	return row[MAIL_SUM]->i == (int64_t)sum_row(row);
}

/* ---- transactions -------------------------------------------------------- */

const char *deia__pair_print(char out[static 2 * DEIA_MAX_ID_LEN + 2],
			     const char *a, const char *b)
{
	size_t n;

	if (strcmp(a, b) > 0) {
		const char *c = a;

		a = b;
		b = c;
	}
	n = strlen(a);
	memcpy(out, a, n);
	out[n] = ' ';
	memcpy(out + n + 1, b, strlen(b) + 1);
	return out;
}

static void insert_message(deia_txn *txn, const struct deia__msg *msg)
{
	const struct deia_value *ptrs[MAIL_COLUMNS];
	struct deia_value row[MAIL_COLUMNS];
	char pair[2 * DEIA_MAX_ID_LEN + 2];
	struct deia__body_text t;

	deia__body_read(msg->body, &t);
	row[MAIL_ID] = id_value(msg->id);
	row[MAIL_TO] = deia_text(msg->to->id);
	row[MAIL_PHASE] = deia_int(PHASE_OPEN);
	row[MAIL_PRIORITY] = deia_int(msg->priority);
	row[MAIL_DUE] = deia_int(msg->expires);
	row[MAIL_PAIR] =
		deia_text(deia__pair_print(pair, msg->from->id, msg->to->id));
	row[MAIL_STATUS] = deia_text("pending");
	row[MAIL_FROM] = deia_text(msg->from->id);
	row[MAIL_BY] = deia_text(t.by);
	row[MAIL_ATTEMPT] = deia_int(0);
	row[MAIL_MAX_ATTEMPTS] = deia_int(msg->max_attempts);
	row[MAIL_LEASE] = deia_int(0);
	row[MAIL_TTL] = deia_int(t.ttl_seconds);
	row[MAIL_CREATED] = deia_int(msg->created_ms);
	row[MAIL_DELIVERED] = deia_int(0);
	row[MAIL_FINISHED] = deia_int(0);
	row[MAIL_NOTIFY] = deia_int(msg->notify);
	row[MAIL_HOPS] = deia_int(t.hops);
	row[MAIL_REPLY_TO] = deia_text(t.reply_to);
	row[MAIL_DIALOGUE] = deia_text(t.dialogue);
	row[MAIL_METADATA] = deia_text(t.metadata);
	row[MAIL_REASON] = deia_text("");
	row[MAIL_CONTENT] = text_value(t.content, t.content_len);
	for (unsigned c = 0; c < MAIL_COLUMNS; c++)
		ptrs[c] = &row[c];
	row[MAIL_TRACE] = deia_text(t.traceparent);
	row[MAIL_SUM] = deia_int(sum_row(ptrs));
	deia_txn_insert(txn, &deia__table_messages, row);
}

static void put_lease(deia_txn *txn, const struct deia__mail_op *op,
		      const struct deia__plan *p)
{
	struct deia_value row[MAIL_LEASE_COLUMNS];
	const struct deia__msg *msg = p->msg;
	bool returned = p->event == DEIA_MESSAGE_RETRY;
	const char *reason = p->reason ? p->reason : msg->reason;

	row[MAIL_LEASE_ID] = id_value(msg->id);
	row[MAIL_LEASE_TO] = deia_text(msg->to->id);
	row[MAIL_LEASE_FROM] = deia_text(msg->from->id);
	row[MAIL_LEASE_PRIORITY] = deia_int(msg->priority);
	row[MAIL_LEASE_DUE] = deia_int(msg->expires);
	row[MAIL_LEASE_STATUS] = deia_text(returned ? "pending" : "delivered");
	row[MAIL_LEASE_ATTEMPT] = deia_int(p->attempt);
	row[MAIL_LEASE_EXCUSED] = deia_int(p->excused);
	row[MAIL_LEASE_MAX_ATTEMPTS] = deia_int(msg->max_attempts);
	row[MAIL_LEASE_LEASE] = deia_int((int64_t)p->lease);
	row[MAIL_LEASE_END] = deia_int(p->held ? 0 : p->due);
	row[MAIL_LEASE_CREATED] = deia_int(msg->created_ms);
	row[MAIL_LEASE_DELIVERED] = deia_int(
		p->event == DEIA_MESSAGE_HANDED_OVER ? op->wall_ms
						     : msg->delivered_ms);
	row[MAIL_LEASE_NOTIFY] = deia_int(msg->notify);
	row[MAIL_LEASE_ASIDE] = deia_int(msg->aside);
	row[MAIL_LEASE_REASON] = deia_text(reason ? reason : "");
	if (msg->has_row)
		deia_txn_put(txn, &deia__table_message_leases, row);
	else
		deia_txn_insert(txn, &deia__table_message_leases, row);
}

static void finish(deia_txn *txn, const struct deia__mail_op *op,
		   const struct deia__plan *p)
{
	const struct deia__msg *msg = p->msg;
	bool is_read = p->event == DEIA_MESSAGE_WAS_READ;
	bool failed = p->event == DEIA_MESSAGE_GAVE_UP;
	int phase = is_read  ? PHASE_READ
		    : failed ? PHASE_FAILED
			     : PHASE_EXPIRED;
	struct deia_value key = id_value(msg->id);
	struct deia_set guard = { MAIL_PHASE, deia_int(PHASE_OPEN) };
	struct deia_set set[] = {
		{ MAIL_PHASE, deia_int(phase) },
		{ MAIL_DUE, deia_int(deia__hive_now(op->m)) },
		{ MAIL_STATUS, deia_text(is_read  ? "read"
					 : failed ? "failed"
						  : "expired") },
		{ MAIL_ATTEMPT, deia_int(p->attempt) },
		{ MAIL_LEASE, deia_int((int64_t)p->lease) },
		{ MAIL_DELIVERED, deia_int(msg->delivered_ms) },
		{ MAIL_FINISHED, deia_int(op->wall_ms) },
		{ MAIL_REASON, deia_text(p->reason ? p->reason : "") },
	};

	/* Guarded: a sweep may have read the row before another change. A
	 * message that was read has no reason. */
	deia_txn_update(txn, &deia__table_messages, &key, set, is_read ? 7 : 8,
			&guard);
	if (msg->has_row)
		deia_txn_delete(txn, &deia__table_message_leases, &key);
}

static void requeue(deia_txn *txn, const struct deia__plan *p)
{
	struct deia_value key = id_value(p->msg->id);
	struct deia_set guard = { MAIL_STATUS, deia_text("failed") };
	struct deia_set set[] = {
		{ MAIL_PHASE, deia_int(PHASE_OPEN) },
		{ MAIL_DUE, deia_int(p->msg->expires) },
		{ MAIL_STATUS, deia_text("pending") },
		{ MAIL_ATTEMPT, deia_int(0) },
		{ MAIL_LEASE, deia_int(0) },
		{ MAIL_DELIVERED, deia_int(0) },
		{ MAIL_FINISHED, deia_int(0) },
		{ MAIL_REASON, deia_text("") },
	};

	deia_txn_update(txn, &deia__table_messages, &key, set, 8, &guard);
}

static void insert_key(deia_txn *txn, const struct deia__mail_op *op,
		       unsigned char (*ids)[DEIA__MSG_ID_BYTES])
{
	struct deia_value row[MAIL_KEY_COLUMNS];

	for (unsigned i = 0; i < op->n; i++)
		memcpy(ids[i], op->plans[i].msg->id, DEIA__MSG_ID_BYTES);
	row[MAIL_KEY_SENDER] = deia_text(op->sender);
	row[MAIL_KEY_KEY] = deia_text(op->key);
	row[MAIL_KEY_FINGERPRINT] =
		(struct deia_value){ DEIA_BLOB, 0,
				     (const char *)op->fingerprint, 16 };
	row[MAIL_KEY_IDS] =
		(struct deia_value){ DEIA_BLOB, 0, (const char *)ids,
				     (size_t)op->n * DEIA__MSG_ID_BYTES };
	row[MAIL_KEY_CREATED] = deia_int(deia__hive_now(op->m));
	deia_txn_insert(txn, &deia__table_message_keys, row);
}

static void on_commit(deia_err err, const int64_t *seqs, size_t n_seqs,
		      void *user)
{
	(void)seqs;
	(void)n_seqs;
	deia__op_end(user, err);
}

deia_err deia__rows_commit(struct deia__mail_op *op)
{
	deia_txn *txn = deia_txn_new(op->m->store);
	unsigned char(*ids)[DEIA__MSG_ID_BYTES] = NULL;

	if (op->key) {
		ids = deia__alloc(op->n * sizeof(*ids));
		if (!ids) {
			deia_txn_free(txn);
			return DEIA_ENOMEM;
		}
		insert_key(txn, op, ids);
		deia__free(ids);
	}
	for (unsigned i = 0; i < op->n; i++) {
		const struct deia__plan *p = &op->plans[i];

		switch ((int)p->event) {
		case DEIA_MESSAGE_QUEUED:
			insert_message(txn, p->msg);
			if (p->away)
				deia__home_tell_sent(txn, p->msg);
			break;
		case DEIA_MESSAGE_HANDED_OVER:
		case DEIA_MESSAGE_RETRY:
		case DEIA__EXTENDED:
			put_lease(txn, op, p);
			break;
		case DEIA_MESSAGE_REQUEUED:
			requeue(txn, p);
			break;
		default:
			finish(txn, op, p);
			break;
		}
	}
	return deia_txn_commit(txn, on_commit, op);
}

/* ---- rows as messages ---------------------------------------------------- */

static int64_t number(const deia_rows *rows, size_t r, unsigned column)
{
	return deia_rows_get(rows, r, column)->i;
}

void deia__rows_body(const deia_rows *rows, size_t r, struct deia__body_text *t)
{
	t->by = deia_rows_text(rows, r, MAIL_BY);
	t->reply_to = deia_rows_text(rows, r, MAIL_REPLY_TO);
	t->dialogue = deia_rows_text(rows, r, MAIL_DIALOGUE);
	t->metadata = deia_rows_text(rows, r, MAIL_METADATA);
	t->traceparent = deia_rows_text(rows, r, MAIL_TRACE);
	t->content = deia_rows_text(rows, r, MAIL_CONTENT);
	t->content_len = deia_rows_get(rows, r, MAIL_CONTENT)->len;
	t->ttl_seconds = number(rows, r, MAIL_TTL);
	t->hops = (unsigned)number(rows, r, MAIL_HOPS);
}

struct deia__msg *deia__rows_msg(deia_messenger *m, const deia_rows *rows,
				 size_t r)
{
	struct deia__inbox *to, *from;
	struct deia__body_text body;
	struct deia__msg *msg = NULL;

	to = deia__inbox_get(m, deia_rows_text(rows, r, MAIL_TO));
	if (!to)
		return NULL;
	deia__inbox_ref(to);
	from = deia__inbox_get(m, deia_rows_text(rows, r, MAIL_FROM));
	if (from) {
		deia__inbox_ref(from);
		deia__rows_body(rows, r, &body);
		msg = deia__msg_new(m, to, from,
				    body.content_len <= DEIA__BODY_KEPT_BYTES &&
						    m->cached_bytes <
							    m->opts.cache_bytes
					    ? &body
					    : NULL);
		deia__inbox_unref(m, from);
	}
	deia__inbox_unref(m, to);
	if (!msg)
		return NULL;
	memcpy(msg->id, deia_rows_get(rows, r, MAIL_ID)->s, DEIA__MSG_ID_BYTES);
	msg->content_len = (uint32_t)body.content_len + 1;
	msg->expires = number(rows, r, MAIL_DUE);
	msg->created_ms = number(rows, r, MAIL_CREATED);
	msg->max_attempts = (uint16_t)number(rows, r, MAIL_MAX_ATTEMPTS);
	msg->priority = (uint8_t)(number(rows, r, MAIL_PRIORITY) & 3);
	msg->status = DEIA_MESSAGE_PENDING;
	msg->notify = number(rows, r, MAIL_NOTIFY) != 0;
	msg->aside = *body.dialogue != '\0';
	return msg;
}

/* ---- lanes --------------------------------------------------------------- */

struct lane_read {
	deia_messenger *m;
	struct deia__inbox *inbox;
	struct deia__lane *lane;
};

static bool is_gone(const struct deia__lane *lane, const unsigned char *id)
{
	for (unsigned i = 0; i < lane->n_gone; i++)
		if (memcmp(lane->gone[i], id, DEIA__MSG_ID_BYTES) == 0)
			return true;
	return false;
}

/* A row that is not what was written is no message: it is given up, so that
 * somebody looks at it. */
static void give_up_damaged(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__mail_op *op = deia__op_new(m, 2);
	struct deia__plan *p = NULL;

	if (op)
		p = deia__op_plan(op, msg, DEIA_MESSAGE_GAVE_UP,
				  "it was damaged on the disk");
	if (!p) {
		deia__msg_remove(m, msg);
		deia__msg_free(m, msg);
		if (op)
			deia__op_free(op);
		return;
	}
	p->stray = true;
	(void)!deia__op_commit(op);
}

static bool take_row(deia_messenger *m, struct deia__lane *lane,
		     const deia_rows *rows, size_t r)
{
	const unsigned char *id =
		(const unsigned char *)deia_rows_get(rows, r, MAIL_ID)->s;
	struct deia__msg *msg;

	if (!is_gone(lane, id) && !deia__msg_find(m, id)) {
		msg = deia__rows_msg(m, rows, r);
		if (!msg)
			return false;
		deia__msg_add(m, msg);
		if (deia__rows_fine(rows, r))
			deia__place_put(m, msg);
		else
			give_up_damaged(m, msg);
	}
	memcpy(lane->upto, id, DEIA__MSG_ID_BYTES);
	return true;
}

static void on_lane(deia_err err, const deia_rows *rows, void *user)
{
	struct lane_read *l = user;
	struct deia__lane *lane = l->lane;
	deia_messenger *m = l->m;
	bool all = !err && lane->n_gone != UINT32_MAX;

	lane->loading = false;
	for (size_t r = 0; all && r < deia_rows_count(rows); r++)
		all = take_row(m, lane, rows, r);
	if (all)
		lane->complete = !deia_rows_has_more(rows) && !lane->spilled;
	deia__lane_loaded(lane);
	deia__home_idle(m, l->inbox);
	if (err)
		deia__receivers_end(m, l->inbox, err);
	else
		deia__inbox_wake(m, l->inbox);
	deia__inbox_unref(m, l->inbox);
	deia__free(l);
}

deia_err deia__rows_load_lane(deia_messenger *m, struct deia__inbox *inbox,
			      unsigned priority)
{
	static const unsigned char zero[DEIA__MSG_ID_BYTES];
	struct deia__lane *lane = &inbox->lanes[priority];
	struct deia_value equal[] = { deia_int(PHASE_OPEN),
				      deia_text(inbox->id),
				      deia_int(priority) };
	struct deia_value after = id_value(lane->upto);
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = MAIL_BY_INBOX,
				     .equal = equal,
				     .n_equal = 3,
				     .after = &after,
				     .limit = DEIA__LANE_PAGE };
	struct lane_read *l;
	deia_err err;

	if (lane->loading || lane->complete)
		return DEIA_OK;
	q.n_after = memcmp(lane->upto, zero, sizeof(zero)) != 0;
	l = deia__alloc(sizeof(*l));
	if (!l)
		return DEIA_ENOMEM;
	l->m = m;
	l->inbox = inbox;
	l->lane = lane;
	err = deia__ask_page(m, &q, on_lane, l);
	if (err) {
		deia__free(l);
		return err;
	}
	deia__inbox_ref(inbox);
	lane->loading = true;
	lane->spilled = false;
	return DEIA_OK;
}
