/* SPDX-License-Identifier: MIT */
/*
 * cleanup.c - what was finished long ago is deleted, and so are old keys: a
 * page and a transaction at a time, with a pause between them.
 */
#include "messenger/messenger.h"
#include "store/schema.h"

#define CLEANUP_EVERY_MS 60000
#define CLEANUP_NEXT_MS 200
#define CLEANUP_STEP 500
#define DAY_MS (INT64_C(86400) * 1000)

struct cleaning {
	deia_messenger *m;
	int phase; /* PHASE_READ ... PHASE_EXPIRED, then the keys */
	unsigned n;
};

#define PHASE_KEYS (PHASE_EXPIRED + 1)

static void clean_end(struct cleaning *c, bool more)
{
	deia_messenger *m = c->m;

	m->cleaning = false;
	deia__due_set(m, &m->cleanup,
		      more ? CLEANUP_NEXT_MS : CLEANUP_EVERY_MS);
	deia__free(c);
}

static void tell_cleaned(deia_messenger *m, unsigned n)
{
	struct deia_message_move move = { DEIA_MESSAGE_CLEANED, NULL, n };

	deia__journal_write(m, &move);
	if (m->opts.moved)
		m->opts.moved(&move, 1, m->opts.user);
}

static void on_cleaned(deia_err err, const int64_t *seqs, size_t n_seqs,
		       void *user)
{
	static const unsigned char status[] = { 0, DEIA_MESSAGE_READ,
						DEIA_MESSAGE_FAILED,
						DEIA_MESSAGE_EXPIRED };
	struct cleaning *c = user;
	deia_messenger *m = c->m;

	(void)seqs;
	(void)n_seqs;
	m->n_ops--;
	if (!err && c->phase < PHASE_KEYS) {
		deia__status_less(m, status[c->phase], c->n);
		m->status.cleaned += c->n;
		tell_cleaned(m, c->n);
	}
	clean_end(c, !err);
}

static void clean_next(struct cleaning *c);

/* A dead letter that is requeued since its row was read is not deleted: then
 * nothing is, and the next round looks again. */
static void guard_row(deia_txn *txn, const deia_rows *rows, size_t r)
{
	struct deia_set failed = { MAIL_PHASE, deia_int(PHASE_FAILED) };
	struct deia_set same = { MAIL_DELIVERED,
				 *deia_rows_get(rows, r, MAIL_DELIVERED) };

	deia_txn_update(txn, &deia__table_messages,
			deia_rows_get(rows, r, MAIL_ID), &same, 1, &failed);
}

static unsigned delete_old(struct cleaning *c, deia_txn *txn,
			   const deia_rows *rows)
{
	bool keys = c->phase == PHASE_KEYS;
	int64_t now = deia__hive_now(c->m);
	int64_t upto = now - (keys ? DEIA__KEY_KEPT_MS
				   : c->m->opts.retention_days * DAY_MS);
	unsigned n = 0;

	for (size_t r = 0; r < deia_rows_count(rows); r++, n++) {
		if (deia_rows_get(rows, r, keys ? MAIL_KEY_CREATED : MAIL_DUE)
			    ->i > upto)
			break;
		if (c->phase == PHASE_FAILED)
			guard_row(txn, rows, r);
		deia_txn_delete(txn,
				keys ? &deia__table_message_keys
				     : &deia__table_messages,
				deia_rows_get(rows, r, 0));
	}
	return n;
}

static void on_old(deia_err err, const deia_rows *rows, void *user)
{
	struct cleaning *c = user;
	deia_messenger *m = c->m;
	deia_txn *txn;

	if (err || m->stopped) {
		clean_end(c, false);
		return;
	}
	txn = deia_txn_new(m->store);
	c->n = txn ? delete_old(c, txn, rows) : 0;
	if (c->n == 0) {
		deia_txn_free(txn);
		c->phase++;
		clean_next(c);
		return;
	}
	if (deia_txn_commit(txn, on_cleaned, c))
		clean_end(c, false);
	else
		m->n_ops++;
}

static void clean_next(struct cleaning *c)
{
	bool keys = c->phase == PHASE_KEYS;
	struct deia_value phase = deia_int(c->phase);
	struct deia_page_query q = {
		.table = keys ? &deia__table_message_keys
			      : &deia__table_messages,
		.index = keys ? (int)MAIL_KEY_BY_TIME : (int)MAIL_BY_DUE,
		.equal = &phase,
		.n_equal = keys ? 0 : 1,
		.limit = CLEANUP_STEP,
	};

	if (c->phase > PHASE_KEYS || deia__ask_page(c->m, &q, on_old, c))
		clean_end(c, false);
}

static void clean_kept(deia_messenger *m)
{
	int64_t upto = deia__hive_now(m) - m->opts.retention_days * DAY_MS;
	unsigned n = 0;

	while (n < CLEANUP_STEP && m->finished_first &&
	       m->finished_first->expires <= upto) {
		deia__kept_forget(m, m->finished_first);
		n++;
	}
	if (n)
		tell_cleaned(m, n);
	deia__due_set(m, &m->cleanup,
		      n == CLEANUP_STEP ? CLEANUP_NEXT_MS : CLEANUP_EVERY_MS);
}

void deia__cleanup_step(void *arg)
{
	deia_messenger *m = arg;
	struct cleaning *c;

	if (m->stopped || m->cleaning)
		return;
	deia__time_look(m);
	if (!m->store) {
		clean_kept(m);
		return;
	}
	c = deia__alloc(sizeof(*c));
	if (!c) {
		deia__due_set(m, &m->cleanup, CLEANUP_EVERY_MS);
		return;
	}
	c->m = m;
	c->phase = PHASE_READ;
	m->cleaning = true;
	clean_next(c);
}
