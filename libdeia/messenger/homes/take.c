/* SPDX-License-Identifier: MIT */
/*
 * take.c - an inbox is taken: whose is it, then the update that takes it, then
 * it is counted, and its leases are read.
 *
 * A writer that is not known as a node may be one that has just come: it is
 * looked for in the database, after the home was read. A node is there before
 * it takes its first home, so what is not there is gone for good.
 */
#include "messenger/homes/homes.h"

#include <string.h>

#include "store/schema.h"

#define MAX_TAKING 32
#define MAX_TRIES 5
/* The leases of a lost node run out only once somebody has its inboxes. */
#define CLAIM_AGAIN_MS 1000

struct taking {
	struct deia__home *h;
	bool has_row;
	int64_t owner;
};

static void next_taking(struct deia__homes *hs);
static void read_home(struct deia__home *h);
static void count(struct deia__home *h);

/* What is counted waits for its leases, and the next one is begun. */
static void release_slot(struct deia__home *h)
{
	h->m->homes->n_taking -= h->has_slot;
	h->has_slot = false;
	next_taking(h->m->homes);
}

/* It is not here; who waits is told later. */
static void end_taking(struct deia__home *h, bool asked)
{
	deia_messenger *m = h->m;
	struct deia__inbox *inbox = h->inbox;

	h->state = HOME_AWAY;
	h->again = false;
	deia__home_forget(h);
	deia__home_not_got(h, asked);
	release_slot(h);
	deia__inbox_unref(m, inbox);
}

static void not_taken(struct deia__home *h)
{
	end_taking(h, false);
}

static void taken(struct deia__home *h)
{
	deia_messenger *m = h->m;
	struct deia__inbox *inbox = h->inbox;

	h->state = HOME_HERE;
	deia__home_came_all(h);
	if (h->again)
		deia__home_recount(h);
	/* What is due there is not known. */
	if (deia__inbox_open_len(inbox))
		deia__due_expiry(m, deia__hive_now(m));
	deia__home_came_here(h);
	deia__inbox_unref(m, inbox);
}

/* ---- its leases ---------------------------------------------------------- */

static void read_leases(struct deia__homes *hs);

static void leases_end(struct deia__homes *hs, deia_err err)
{
	struct deia__home *h;

	while ((h = TAILQ_FIRST(&hs->reading)) != NULL) {
		TAILQ_REMOVE(&hs->reading, h, link);
		h->reading = false;
		if (err)
			not_taken(h);
		else
			taken(h);
	}
	if (!TAILQ_EMPTY(&hs->leases))
		read_leases(hs);
}

struct lease_page {
	struct deia__homes *hs;
	unsigned char last[DEIA__MSG_ID_BYTES];
	bool more;
};

static deia_err ask_leases(struct lease_page *l);

static void on_leases(deia_err err, const deia_rows *rows, void *user)
{
	struct lease_page *l = user;
	struct deia__homes *hs = l->hs;
	size_t n = err ? 0 : deia_rows_count(rows);

	for (size_t r = 0; r < n && !err; r++) {
		const char *to = deia_rows_text(rows, r, MAIL_LEASE_TO);
		const struct deia__inbox *inbox = deia__inbox_find(hs->m, to);
		const struct deia_value *id =
			deia_rows_get(rows, r, MAIL_LEASE_ID);

		memcpy(l->last, id->s, sizeof(l->last));
		if (inbox && inbox->home->reading &&
		    !deia__msg_find(hs->m, l->last))
			err = deia__rows_lease(hs->m, rows, r);
	}
	l->more = true;
	if (!err && deia_rows_has_more(rows)) {
		err = ask_leases(l);
		if (!err)
			return;
	}
	deia__free(l);
	leases_end(hs, err);
}

static deia_err ask_leases(struct lease_page *l)
{
	struct deia_value after = { DEIA_BLOB, 0, (const char *)l->last,
				    sizeof(l->last) };
	struct deia_page_query q = { .table = &deia__table_message_leases,
				     .index = -1,
				     .after = &after,
				     .n_after = l->more ? 1 : 0,
				     .limit = DEIA_MAX_PAGE_LEN };

	return deia__ask_page(l->hs->m, &q, on_leases, l);
}

/* One walk for all that wait for it. */
static void read_leases(struct deia__homes *hs)
{
	deia_err err = DEIA_ENOMEM;
	struct deia__home *h;
	struct lease_page *l;

	if (!TAILQ_EMPTY(&hs->reading))
		return;
	TAILQ_CONCAT(&hs->reading, &hs->leases, link);
	TAILQ_FOREACH(h, &hs->reading, link)
		h->reading = true;
	l = deia__alloc(sizeof(*l));
	if (l) {
		l->hs = hs;
		err = ask_leases(l);
	}
	if (!err)
		return;
	deia__free(l);
	leases_end(hs, err);
}

/* ---- its counts ---------------------------------------------------------- */

static void on_counted(deia_err err, const deia_rows *counts,
		       const deia_snapshot *snapshot, void *user)
{
	struct deia__home *h = user;
	deia_messenger *m = h->m;

	m->n_ops--;
	deia__time_look(m);
	if (err || m->stopped) {
		not_taken(h);
		return;
	}
	if (h->again) {
		count(h);
		return;
	}
	deia__home_set_counts(h, counts, snapshot);
	TAILQ_INSERT_TAIL(&m->homes->leases, h, link);
	read_leases(m->homes);
	release_slot(h);
}

/* Its row says that it is here, so nobody else will take it. */
static void count(struct deia__home *h)
{
	h->owner = h->m->opts.writer;
	h->claimed = true;
	h->again = false;
	deia__home_came_drop(h);
	if (deia__home_count(h, on_counted))
		not_taken(h);
	else
		h->m->n_ops++;
}

/* ---- its row ------------------------------------------------------------- */

static void on_taken_row(deia_err err, const int64_t *seqs, size_t n_seqs,
			 void *user)
{
	struct deia__home *h = user;
	deia_messenger *m = h->m;

	(void)seqs;
	(void)n_seqs;
	m->n_ops--;
	deia__time_look(m);
	if (!err)
		count(h);
	else if ((err == DEIA_EEXIST || err == DEIA_ECONFLICT ||
		  err == DEIA_ENOTFOUND) &&
		 ++h->tries < MAX_TRIES)
		read_home(h); /* another one was faster */
	else
		not_taken(h);
}

static void take_row(struct taking *t)
{
	struct deia__home *h = t->h;
	deia_messenger *m = h->m;
	deia_txn *txn = deia_txn_new(m->store);
	struct deia_value row[MAIL_HOME_COLUMNS] = { deia_text(h->inbox->id),
						     deia_int(m->opts.writer) };
	struct deia_set set = { MAIL_HOME_WRITER, row[MAIL_HOME_WRITER] };
	struct deia_set guard = { MAIL_HOME_WRITER, deia_int(t->owner) };

	h->gifted = false;
	if (t->has_row)
		deia_txn_update(txn, &deia__table_message_homes, row, &set, 1,
				&guard);
	else
		deia_txn_insert(txn, &deia__table_message_homes, row);
	if (deia_txn_commit(txn, on_taken_row, h))
		not_taken(h);
	else
		m->n_ops++;
}

static void on_asked(deia_err err, const int64_t *seqs, size_t n_seqs,
		     void *user)
{
	deia_messenger *m = user;

	(void)err; /* asked again while it is wanted */
	(void)seqs;
	(void)n_seqs;
	m->n_ops--;
}

/* A live one has it. */
static void ask_owner(struct deia__home *h, int64_t owner)
{
	deia_messenger *m = h->m;
	deia_txn *txn;

	if (h->given && ++h->tries < MAX_TRIES) {
		h->given = false;
		read_home(h);
		return;
	}
	h->owner = owner;
	if (h->waits || h->inbox->n_receivers) {
		txn = deia_txn_new(m->store);
		deia__home_tell_want(txn, h, h->waits == NULL);
		if (!deia_txn_commit(txn, on_asked, m))
			m->n_ops++;
	}
	end_taking(h, true);
}

static void on_nodes(deia_err err, const deia_rows *rows, void *user)
{
	struct taking t = *(struct taking *)user;
	bool there = false;

	deia__free(user);
	for (size_t r = 0; !err && r < deia_rows_count(rows); r++)
		there = there ||
			deia_rows_get(rows, r, NODE_WRITER)->i == t.owner;
	if (err || deia_rows_has_more(rows))
		not_taken(t.h);
	else if (there)
		ask_owner(t.h, t.owner);
	else
		take_row(&t);
}

static void look_for_node(const struct taking *what)
{
	struct deia_page_query q = { .table = &deia__table_nodes,
				     .index = -1,
				     .limit = DEIA_MAX_PAGE_LEN };
	struct taking *t = deia__alloc(sizeof(*t));
	deia_err err = DEIA_ENOMEM;

	if (t) {
		*t = *what;
		err = deia__ask_page(t->h->m, &q, on_nodes, t);
	}
	if (!err)
		return;
	deia__free(t);
	not_taken(what->h);
}

static void on_home(deia_err err, const deia_rows *rows, void *user)
{
	struct taking t = { user, false, 0 };
	deia_messenger *m = t.h->m;

	if (err || m->stopped) {
		not_taken(t.h);
		return;
	}
	t.has_row = deia_rows_count(rows) != 0;
	if (t.has_row)
		t.owner = deia_rows_get(rows, 0, MAIL_HOME_WRITER)->i;
	if (!t.has_row)
		take_row(&t);
	else if (t.owner == m->opts.writer)
		count(t.h);
	else if (deia__homes_is_node(m->homes, t.owner))
		ask_owner(t.h, t.owner);
	else
		look_for_node(&t);
}

static void read_home(struct deia__home *h)
{
	struct deia_value id = deia_text(h->inbox->id);
	struct deia_page_query q = { .table = &deia__table_message_homes,
				     .index = -1,
				     .equal = &id,
				     .n_equal = 1,
				     .limit = 1 };

	if (deia__ask_page(h->m, &q, on_home, h))
		not_taken(h);
}

/* ---- one after the other ------------------------------------------------- */

static void next_taking(struct deia__homes *hs)
{
	struct deia__home *h;

	/* One that fails at once comes by here, too: the loop goes on. */
	if (!hs->has_nodes || !hs->watching || hs->m->stopped || hs->passing)
		return;
	hs->passing = true;
	while (hs->n_taking < MAX_TAKING &&
	       (h = TAILQ_FIRST(&hs->queue)) != NULL) {
		TAILQ_REMOVE(&hs->queue, h, link);
		h->queued = false;
		h->state = HOME_TAKING;
		h->tries = 0;
		h->given = false;
		h->has_slot = true;
		hs->n_taking++;
		read_home(h);
	}
	hs->passing = false;
}

void deia__home_take(struct deia__home *h, bool first)
{
	struct deia__homes *hs = h->m->homes;

	if (h->queued && first)
		TAILQ_REMOVE(&hs->queue, h, link);
	else if (!h->queued)
		deia__inbox_ref(h->inbox);
	if (first)
		TAILQ_INSERT_HEAD(&hs->queue, h, link);
	else if (!h->queued)
		TAILQ_INSERT_TAIL(&hs->queue, h, link);
	h->queued = true;
	next_taking(hs);
}

/* ---- all that are free --------------------------------------------------- */

static void claim_later(struct deia__homes *hs)
{
	hs->claim_failed = true;
	deia__due_set(hs->m, &hs->recount, CLAIM_AGAIN_MS);
}

static void on_all(deia_err err, const deia_rows *counts,
		   const deia_snapshot *snapshot, void *user)
{
	deia_messenger *m = user;
	struct deia__homes *hs = m->homes;

	(void)snapshot;
	m->n_ops--;
	hs->claiming = false;
	if (m->stopped)
		return;
	deia__time_look(m);
	for (size_t r = 0; !err && r < deia_rows_count(counts); r++) {
		const char *id = deia_rows_text(counts, r, 1);
		struct deia__inbox *inbox = deia__inbox_get(m, id);

		if (inbox)
			deia__home_claim(m, inbox);
	}
	if (err)
		claim_later(hs);
	if (hs->claim_again)
		deia__homes_claim_all(m);
}

void deia__homes_claim_all(deia_messenger *m)
{
	struct deia__homes *hs = m->homes;
	struct deia_value open = deia_int(PHASE_OPEN);

	hs->claim_again = hs->claiming;
	next_taking(hs);
	if (!hs->watching || !hs->has_nodes || hs->claiming)
		return;
	hs->claim_failed = false;
	if (deia_store_count(m->store, &deia__table_messages, MAIL_BY_INBOX,
			     &open, 1, 2, on_all, m)) {
		claim_later(hs);
		return;
	}
	m->n_ops++;
	hs->claiming = true;
}
