/* SPDX-License-Identifier: MIT */
/*
 * ask.c - reading the store: counted as under way, and the clock is looked at
 * before what was read is dealt with.
 */
#include "messenger/messenger.h"
#include "store/schema.h"

struct ask {
	deia_messenger *m;
	deia_page_cb cb;
	void *user;
};

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct ask a = *(struct ask *)user;

	deia__free(user);
	a.m->n_ops--;
	deia__time_look(a.m);
	if (err)
		deia__msgr_fail(a.m, err, "the store cannot be read: %s",
				deia_err_text(err));
	a.cb(err, rows, a.user);
}

deia_err deia__ask_page(deia_messenger *m, const struct deia_page_query *query,
			deia_page_cb cb, void *user)
{
	struct ask *a = deia__alloc(sizeof(*a));
	deia_err err = DEIA_ENOMEM;

	if (a) {
		*a = (struct ask){ m, cb, user };
		err = deia_store_page(m->store, query, on_page, a);
	}
	if (!err) {
		m->n_ops++;
		return DEIA_OK;
	}
	deia__free(a);
	return deia__msgr_fail(m, err, "the store cannot be read: %s",
			       deia_err_text(err));
}

deia_err deia__ask_message(deia_messenger *m, const unsigned char *id,
			   deia_page_cb cb, void *user)
{
	struct deia_value key = { DEIA_BLOB, 0, (const char *)id,
				  DEIA__MSG_ID_BYTES };
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 1 };

	return deia__ask_page(m, &q, cb, user);
}
