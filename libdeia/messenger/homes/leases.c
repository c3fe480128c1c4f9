/* SPDX-License-Identifier: MIT */
/*
 * leases.c - what was handed over elsewhere, for somebody who looks here: the
 * rows of message_leases between two ids.
 */
#include "messenger/homes/leases.h"

#include <string.h>

#include "messenger/homes/homes.h"
#include "store/schema.h"

/* So many pages are read; what is behind them is shown as pending. */
#define MAX_PAGES 4

struct deia__leases {
	deia_messenger *m;
	struct deia__lease_seen {
		unsigned char id[DEIA__MSG_ID_BYTES];
		struct deia__msg msg;
		char *reason;
	} * items;
	size_t n;
	unsigned pages;
	unsigned char after[DEIA__MSG_ID_BYTES], last[DEIA__MSG_ID_BYTES];
	deia__leases_cb cb;
	void *user;
};

void deia__leases_free(struct deia__leases *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		deia__free(l->items[i].reason);
	deia__free(l->items);
	deia__free(l);
}

static bool keep(struct deia__leases *l, const deia_rows *rows, size_t r)
{
	struct deia__lease_seen *s = &l->items[l->n];
	const char *reason = deia_rows_text(rows, r, MAIL_LEASE_REASON);

	memset(s, 0, sizeof(*s));
	memcpy(s->id, deia_rows_get(rows, r, MAIL_LEASE_ID)->s, sizeof(s->id));
	if (*reason) {
		s->reason = deia__strdup(reason);
		if (!s->reason)
			return false;
	}
	deia__lease_read(&s->msg, rows, r);
	s->msg.reason = s->reason;
	l->n++;
	return true;
}

static deia_err ask(struct deia__leases *l);

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__leases *l = user;
	size_t n = err ? 0 : deia_rows_count(rows), r = 0;
	void *items =
		deia__realloc(l->items, (l->n + n + 1) * sizeof(*l->items));
	bool more = n && deia_rows_has_more(rows);

	if (items)
		l->items = items;
	else
		err = DEIA_ENOMEM;
	for (; !err && r < n; r++) {
		const char *id = deia_rows_get(rows, r, MAIL_LEASE_ID)->s;

		if (memcmp(id, l->last, sizeof(l->last)) > 0)
			break;
		memcpy(l->after, id, sizeof(l->after));
		if (!keep(l, rows, r))
			err = DEIA_ENOMEM;
	}
	if (!err && more && r == n && ++l->pages < MAX_PAGES) {
		err = ask(l);
		if (!err)
			return;
	}
	l->cb(err, l, l->user);
}

static deia_err ask(struct deia__leases *l)
{
	struct deia_value after = { DEIA_BLOB, 0, (const char *)l->after,
				    sizeof(l->after) };
	struct deia_page_query q = { .table = &deia__table_message_leases,
				     .index = -1,
				     .after = &after,
				     .n_after = 1,
				     .limit = DEIA_MAX_PAGE_LEN };

	return deia__ask_page(l->m, &q, on_page, l);
}

deia_err deia__leases_read(deia_messenger *m, const unsigned char *first,
			   const unsigned char *last, deia__leases_cb cb,
			   void *user)
{
	struct deia__leases *l = deia__alloc(sizeof(*l));
	deia_err err;

	if (!l)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	l->m = m;
	deia__id_before(l->after, first);
	memcpy(l->last, last, sizeof(l->last));
	l->cb = cb;
	l->user = user;
	err = ask(l);
	if (err)
		deia__leases_free(l);
	return err;
}

const struct deia__msg *deia__leases_find(const struct deia__leases *l,
					  const unsigned char *id)
{
	size_t low = 0, high = l ? l->n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int cmp = memcmp(l->items[mid].id, id, DEIA__MSG_ID_BYTES);

		if (cmp == 0)
			return &l->items[mid].msg;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool deia__leases_wanted(const deia_messenger *m, const deia_rows *rows,
			 size_t r)
{
	const struct deia_value *id = deia_rows_get(rows, r, MAIL_ID);

	return m->homes &&
	       deia_rows_get(rows, r, MAIL_PHASE)->i == PHASE_OPEN &&
	       !deia__msg_find(m, (const unsigned char *)id->s) &&
	       !deia__home_serves(m, deia_rows_text(rows, r, MAIL_TO));
}
