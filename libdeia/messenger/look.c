/* SPDX-License-Identifier: MIT */
/*
 * look.c - one message, and pages; nothing here changes anything.
 *
 * With a store a page is read from it and corrected by what memory knows. The
 * cursor is the id of a message, so its place in the order is looked up first.
 * A page whose rows are all filtered out is followed by the next one. What
 * another messenger may have handed over is looked up in the rows of its
 * leases; then the page is read once more.
 */
#include <stdio.h>
#include <string.h>

#include "messenger/homes/leases.h"
#include "messenger/messenger.h"
#include "store/schema.h"

struct look {
	struct deia__later later;
	deia_messenger *m;
	struct deia_message_query q;
	char inbox[DEIA_MAX_ID_LEN + 1], other[DEIA_MAX_ID_LEN + 1];
	char pair[2 * DEIA_MAX_ID_LEN + 2];
	unsigned char id[DEIA__MSG_ID_BYTES]; /* one, or the cursor */
	bool one, has_cursor;
	int64_t priority, due;	     /* of the cursor */
	struct deia__leases *leases; /* of the page, when it needs them */
	bool has_leases;
	deia_messages_cb cb;
	void *user;
};

static deia_err no_message(deia_messenger *m, const unsigned char *raw)
{
	char id[37];

	deia__uuid_print(id, raw);
	return deia__msgr_fail(m, DEIA_ENOTFOUND, "there is no message %s", id);
}

static void look_end(struct look *l, deia_err err,
		     const struct deia_message *items, size_t n, bool more)
{
	if (err == DEIA_ENOTFOUND)
		no_message(l->m, l->id);
	else if (err)
		deia__msgr_fail(l->m, err, "the store cannot be read: %s",
				deia_err_text(err));
	l->cb(err, items, n, more, l->user);
	deia__leases_free(l->leases);
	deia__free(l);
}

/* ---- without a store ------------------------------------------------------ */

static void on_kept(void *arg)
{
	struct look *l = arg;
	deia_messenger *m = l->m;
	struct deia__msg *msg;
	struct deia__view v;
	deia_err err;

	if (!l->one) {
		err = deia__kept_page(m, &l->q, l->has_cursor ? l->id : NULL,
				      l->cb, l->user);
		if (err)
			look_end(l, err, NULL, 0, false);
		else
			deia__free(l);
		return;
	}
	msg = deia__msg_find(m, l->id);
	if (!msg || msg->sending) {
		look_end(l, DEIA_ENOTFOUND, NULL, 0, false);
		return;
	}
	deia__view_msg(m, &v, msg);
	look_end(l, DEIA_OK, &v.pub, 1, false);
}

/* ---- with one ------------------------------------------------------------- */

static struct deia_value id_value(const unsigned char *id)
{
	struct deia_value v = { DEIA_BLOB, 0, (const char *)id,
				DEIA__MSG_ID_BYTES };
	return v;
}

static int phase_of(int status)
{
	switch (status) {
	case DEIA_MESSAGE_READ:
		return PHASE_READ;
	case DEIA_MESSAGE_FAILED:
		return PHASE_FAILED;
	case DEIA_MESSAGE_EXPIRED:
		return PHASE_EXPIRED;
	default:
		return PHASE_OPEN;
	}
}

static bool fits(const struct look *l, const struct deia_message *msg)
{
	if (l->q.priority >= 0 && (unsigned)l->q.priority != msg->priority)
		return false;
	return l->q.status < 0 || l->q.status == (int)msg->status;
}

static deia_err ask(struct look *l);
static void on_one(deia_err err, const deia_rows *rows, void *user);

static void on_leases(deia_err err, struct deia__leases *leases, void *user)
{
	struct look *l = user;

	l->leases = leases;
	if (!err)
		err = l->one ? deia__ask_message(l->m, l->id, on_one, l)
			     : ask(l);
	if (err)
		look_end(l, err, NULL, 0, false);
}

/* True: the page is read again, or the look has ended. */
static bool reads_leases(struct look *l, const deia_rows *rows)
{
	const char *first = NULL, *last = NULL;
	deia_err err;

	if (l->has_leases)
		return false;
	for (size_t r = 0; r < deia_rows_count(rows); r++) {
		const char *id = deia_rows_get(rows, r, MAIL_ID)->s;

		if (!deia__leases_wanted(l->m, rows, r))
			continue;
		if (!first || memcmp(id, first, DEIA__MSG_ID_BYTES) < 0)
			first = id;
		if (!last || memcmp(id, last, DEIA__MSG_ID_BYTES) > 0)
			last = id;
	}
	if (!first)
		return false;
	l->has_leases = true;
	err = deia__leases_read(l->m, (const unsigned char *)first,
				(const unsigned char *)last, on_leases, l);
	if (err)
		look_end(l, err, NULL, 0, false);
	return true;
}

/* The next page has others. */
static void drop_leases(struct look *l)
{
	deia__leases_free(l->leases);
	l->leases = NULL;
	l->has_leases = false;
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct look *l = user;
	size_t n = err ? 0 : deia_rows_count(rows), kept = 0;
	struct deia_message *items;
	struct deia__view *views;

	if (!err && reads_leases(l, rows))
		return;
	views = deia__alloc((n + 1) * sizeof(*views));
	items = deia__alloc((n + 1) * sizeof(*items));
	if (!err && (!views || !items))
		err = DEIA_ENOMEM;
	for (size_t r = 0; !err && r < n; r++) {
		deia__view_row(l->m, &views[kept], l->leases, rows, r);
		items[kept] = views[kept].pub;
		kept += fits(l, &items[kept]);
	}
	if (!err && n && kept == 0 && deia_rows_has_more(rows)) {
		memcpy(l->id, deia_rows_get(rows, n - 1, MAIL_ID)->s,
		       DEIA__MSG_ID_BYTES);
		l->priority = deia_rows_get(rows, n - 1, MAIL_PRIORITY)->i;
		l->due = deia_rows_get(rows, n - 1, MAIL_DUE)->i;
		l->has_cursor = true;
		drop_leases(l);
		err = ask(l);
		if (!err)
			l = NULL;
	}
	if (l)
		look_end(l, err, err ? NULL : items, kept,
			 !err && deia_rows_has_more(rows));
	deia__free(views);
	deia__free(items);
}

/* The index, what it is asked for, and where to go on. */
static unsigned set_order(const struct look *l, struct deia_page_query *q,
			  struct deia_value equal[static 3],
			  struct deia_value after[static 2])
{
	bool by_priority = l->q.priority >= 0;

	if (l->q.a) {
		q->index = MAIL_BY_PAIR;
		equal[0] = deia_text(l->pair);
		after[0] = id_value(l->id);
		q->descending = !l->q.oldest_first;
		return 1;
	}
	if (!l->q.inbox) {
		q->index = MAIL_BY_DUE;
		equal[0] = deia_int(phase_of(l->q.status));
		after[0] = deia_int(l->due);
		after[1] = id_value(l->id);
		q->descending = true;
		q->n_after = 2;
		return 1;
	}
	q->index = MAIL_BY_INBOX;
	equal[0] = deia_int(phase_of(l->q.status));
	equal[1] = deia_text(l->inbox);
	equal[2] = deia_int(l->q.priority);
	after[0] = by_priority ? id_value(l->id) : deia_int(l->priority);
	after[1] = id_value(l->id);
	q->n_after = by_priority ? 1 : 2;
	return by_priority ? 3 : 2;
}

static deia_err ask(struct look *l)
{
	struct deia_value equal[3], after[2];
	struct deia_page_query q = { .table = &deia__table_messages,
				     .equal = equal,
				     .after = after,
				     .n_after = 1,
				     .limit = l->q.limit };

	q.n_equal = set_order(l, &q, equal, after);
	if (!l->has_cursor)
		q.n_after = 0;
	return deia__ask_page(l->m, &q, on_page, l);
}

static void on_one(deia_err err, const deia_rows *rows, void *user)
{
	struct look *l = user;
	struct deia__view v;

	if (!err && deia_rows_count(rows) == 0)
		err = DEIA_ENOTFOUND;
	/* That another inbox has such a message is not told. */
	if (!err && !l->one && l->q.inbox &&
	    strcmp(deia_rows_text(rows, 0, MAIL_TO), l->inbox) != 0)
		err = DEIA_ENOTFOUND;
	if (!err && l->one) {
		if (reads_leases(l, rows))
			return;
		deia__view_row(l->m, &v, l->leases, rows, 0);
		look_end(l, DEIA_OK, &v.pub, 1, false);
		return;
	}
	if (!err) {
		l->priority = deia_rows_get(rows, 0, MAIL_PRIORITY)->i;
		l->due = deia_rows_get(rows, 0, MAIL_DUE)->i;
		err = ask(l);
	}
	if (err)
		look_end(l, err, NULL, 0, false);
}

/* ---- the calls ------------------------------------------------------------ */

static deia_err begin(struct look *l)
{
	deia_messenger *m = l->m;
	deia_err err;

	if (!m->store) {
		deia__later_call(m, &l->later, on_kept, l);
		return DEIA_OK;
	}
	/* Of a pair's pages the id alone is the place. */
	if (l->one || (l->has_cursor && !l->q.a))
		err = deia__ask_message(m, l->id, on_one, l);
	else
		err = ask(l);
	if (err)
		deia__free(l);
	return err;
}

deia_err deia_messenger_get(deia_messenger *m, const char *id,
			    deia_messages_cb cb, void *user)
{
	deia_err err = deia__msgr_check(m);
	struct look *l;

	if (err)
		return err;
	l = deia__alloc(sizeof(*l));
	if (!l)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	l->m = m;
	l->one = true;
	l->cb = cb;
	l->user = user;
	if (deia__id_parse(l->id, id))
		return begin(l);
	deia__free(l);
	return deia__msgr_fail(m, DEIA_ENOTFOUND,
			       "there is no message \"%.40s\"", id ? id : "");
}

static deia_err check_query(deia_messenger *m,
			    const struct deia_message_query *q)
{
	bool fine = q && q->size == sizeof(*q) && q->limit > 0 &&
		    q->limit <= DEIA_MAX_PAGE_LEN &&
		    q->priority < DEIA_PRIORITIES &&
		    q->status < DEIA_MESSAGE_STATUSES;

	if (fine && q->inbox)
		fine = strnlen(q->inbox, DEIA_MAX_ID_LEN + 1) <=
		       DEIA_MAX_ID_LEN;
	else if (fine && q->a)
		fine = q->b &&
		       strnlen(q->a, DEIA_MAX_ID_LEN + 1) <= DEIA_MAX_ID_LEN &&
		       strnlen(q->b, DEIA_MAX_ID_LEN + 1) <= DEIA_MAX_ID_LEN;
	else if (fine)
		fine = q->status >= 0;
	if (fine)
		return DEIA_OK;
	return deia__msgr_fail(m, DEIA_EINVAL,
			       "a page has 1 to %d messages of an inbox, a "
			       "pair or a status",
			       DEIA_MAX_PAGE_LEN);
}

static void copy_query(struct look *l, const struct deia_message_query *q)
{
	l->q = *q;
	if (q->inbox) {
		memcpy(l->inbox, q->inbox, strlen(q->inbox) + 1);
		l->q.inbox = l->inbox;
		l->q.a = l->q.b = NULL;
	} else if (q->a) {
		memcpy(l->inbox, q->a, strlen(q->a) + 1);
		memcpy(l->other, q->b, strlen(q->b) + 1);
		l->q.a = l->inbox;
		l->q.b = l->other;
		deia__pair_print(l->pair, q->a, q->b);
	}
}

deia_err deia_messenger_page(deia_messenger *m,
			     const struct deia_message_query *q,
			     deia_messages_cb cb, void *user)
{
	deia_err err = deia__msgr_check(m);
	struct look *l;

	if (!err)
		err = check_query(m, q);
	if (err)
		return err;
	l = deia__alloc(sizeof(*l));
	if (!l)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	l->m = m;
	l->cb = cb;
	l->user = user;
	copy_query(l, q);
	l->has_cursor = q->after != NULL;
	if (!q->after || deia__id_parse(l->id, q->after))
		return begin(l);
	deia__free(l);
	return deia__msgr_fail(m, DEIA_ENOTFOUND,
			       "there is no message \"%.40s\"", q->after);
}
