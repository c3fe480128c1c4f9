/* SPDX-License-Identifier: MIT */
/*
 * purge.c - all mail of an inbox is deleted, whatever its status, in steps of
 * a page. What a call is changing right now is met again by a later step.
 */
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

#define STEP 500

struct purge {
	struct deia__home_wait wait; /* first */
	struct deia__later later;
	deia_messenger *m;
	struct deia__inbox *inbox;
	/* Of this step: those in memory, and how many are in rows only. */
	struct deia__msg *msgs[STEP];
	unsigned n_msgs;
	int phase; /* what is open first, so that nobody gets it any more */
	uint64_t by_status[DEIA_MESSAGE_STATUSES], pending[DEIA_PRIORITIES];
	void (*cb)(deia_err err, void *user);
	void *user;
};

static void purge_end(struct purge *p, deia_err err)
{
	deia_messenger *m = p->m;

	p->inbox->purging = false;
	deia__home_idle(m, p->inbox);
	deia__inbox_wake(m, p->inbox);
	deia__inbox_unref(m, p->inbox);
	if (p->cb)
		p->cb(err, p->user);
	deia__free(p);
}

static void forget(deia_messenger *m, struct deia__msg *msg)
{
	struct deia__inbox *inbox = msg->to;

	if (msg->status == DEIA_MESSAGE_DELIVERED)
		inbox->delivered--;
	else
		inbox->pending[msg->priority]--;
	m->status.by_status[msg->status]--;
	m->status.cleaned++;
	if (!m->store)
		deia__wheel_remove(&m->expiring, &msg->expiry);
	deia__msg_remove(m, msg);
	deia__msg_free(m, msg);
}

/* ---- without a store ------------------------------------------------------ */

static bool is_purged(const struct purge *p, const struct deia__msg *msg)
{
	return msg->to == p->inbox && !msg->sending &&
	       (msg->place != PLACE_NONE || msg->status >= DEIA_MESSAGE_READ);
}

static void purge_bucket(struct purge *p, uint32_t bucket)
{
	struct deia__msg *msg, *next;

	for (msg = p->m->buckets[bucket]; msg; msg = next) {
		next = msg->hash_next;
		if (!is_purged(p, msg))
			continue;
		if (msg->status >= DEIA_MESSAGE_READ) {
			deia__kept_forget(p->m, msg);
			continue;
		}
		deia__place_take(p->m, msg);
		forget(p->m, msg);
	}
}

static void purge_kept(void *arg)
{
	struct purge *p = arg;

	for (uint32_t b = 0; b < p->m->n_buckets; b++)
		purge_bucket(p, b);
	purge_end(p, DEIA_OK);
}

/* ---- with one ------------------------------------------------------------- */

static void next_step(struct purge *p);

/* A message in memory leaves its place before its row is deleted, so that
 * nobody is handed what is going. */
static bool delete_row(struct purge *p, deia_txn *txn, const deia_rows *rows,
		       size_t r)
{
	const struct deia_value *key = deia_rows_get(rows, r, MAIL_ID);
	const unsigned char *id = (const unsigned char *)key->s;
	struct deia__msg *msg = deia__msg_find(p->m, id);
	int status =
		deia_message_status_parse(deia_rows_text(rows, r, MAIL_STATUS));
	unsigned priority =
		(unsigned)deia_rows_get(rows, r, MAIL_PRIORITY)->i & 3;

	if (msg && msg->place == PLACE_NONE)
		return false;
	if (msg) {
		deia__place_take(p->m, msg);
		p->msgs[p->n_msgs++] = msg;
	} else if (status >= 0) {
		p->by_status[status]++;
		p->pending[priority] += status == DEIA_MESSAGE_PENDING;
	}
	deia__lane_gone(&p->inbox->lanes[priority], id);
	deia_txn_delete(txn, &deia__table_messages, key);
	deia_txn_delete(txn, &deia__table_message_leases, key);
	return true;
}

/* The step is durable, or nothing of it happened. */
static void step_end(struct purge *p, deia_err err)
{
	for (unsigned i = 0; i < p->n_msgs; i++) {
		if (err)
			deia__place_put(p->m, p->msgs[i]);
		else
			forget(p->m, p->msgs[i]);
	}
	for (unsigned s = 0; !err && s < DEIA_MESSAGE_STATUSES; s++) {
		if (s == DEIA_MESSAGE_PENDING)
			p->m->status.by_status[s] -= p->by_status[s];
		else
			deia__status_less(p->m, s, p->by_status[s]);
		p->m->status.cleaned += p->by_status[s];
	}
	for (unsigned i = 0; !err && i < DEIA_PRIORITIES; i++)
		p->inbox->pending[i] -= p->pending[i];
	p->n_msgs = 0;
	memset(p->by_status, 0, sizeof(p->by_status));
	memset(p->pending, 0, sizeof(p->pending));
}

static void on_deleted(deia_err err, const int64_t *seqs, size_t n_seqs,
		       void *user)
{
	struct purge *p = user;

	(void)seqs;
	(void)n_seqs;
	p->m->n_ops--;
	deia__time_look(p->m);
	step_end(p, err);
	if (err)
		purge_end(p, err);
	else
		next_step(p);
}

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	struct purge *p = user;
	deia_txn *txn;
	size_t n = 0;

	if (!err && deia_rows_count(rows) == 0 && p->phase < PHASE_EXPIRED) {
		p->phase++;
		next_step(p);
		return;
	}
	if (err || deia_rows_count(rows) == 0) {
		purge_end(p, err);
		return;
	}
	txn = deia_txn_new(p->m->store);
	for (size_t r = 0; txn && r < deia_rows_count(rows); r++)
		n += delete_row(p, txn, rows, r);
	if (n == 0) {
		/* All that is left is being changed; it goes with its TTL. */
		deia_txn_free(txn);
		purge_end(p, txn ? DEIA_EBUSY : DEIA_ENOMEM);
		return;
	}
	err = deia_txn_commit(txn, on_deleted, p);
	if (!err) {
		p->m->n_ops++;
		return;
	}
	step_end(p, err);
	purge_end(p, err);
}

static void next_step(struct purge *p)
{
	struct deia_value equal[] = { deia_int(p->phase),
				      deia_text(p->inbox->id) };
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = MAIL_BY_INBOX,
				     .equal = equal,
				     .n_equal = 2,
				     .limit = STEP };
	deia_err err = deia__ask_page(p->m, &q, on_rows, p);

	if (err)
		purge_end(p, err);
}

static void on_home(struct deia__home_wait *w, deia_err err)
{
	struct purge *p = (struct purge *)(void *)w;

	p->m->n_ops--;
	if (err)
		purge_end(p, err);
	else
		next_step(p);
}

deia_err deia_messenger_purge_inbox(deia_messenger *m, const char *id,
				    void (*cb)(deia_err err, void *user),
				    void *user)
{
	deia_err err = deia__msgr_check(m);
	struct deia__inbox *inbox;
	struct purge *p;

	if (err)
		return err;
	inbox = id ? deia__inbox_get(m, id) : NULL;
	p = inbox ? deia__alloc(sizeof(*p)) : NULL;
	if (!p)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	p->m = m;
	p->inbox = inbox;
	p->cb = cb;
	p->user = user;
	deia__inbox_ref(inbox);
	inbox->purging = true;
	if (!deia__home_is_here(inbox)) {
		p->wait.fn = on_home;
		m->n_ops++;
		deia__home_wait(m, inbox, &p->wait);
	} else if (m->store)
		next_step(p);
	else
		deia__later_call(m, &p->later, purge_kept, p);
	return DEIA_OK;
}
