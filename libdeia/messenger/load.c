/* SPDX-License-Identifier: MIT */
/*
 * load.c - what a messenger must know of its store before it runs: the time,
 * the newest id, how many messages there are, and those that were handed over.
 */
#include <string.h>

#include "core/fault.h"
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

/* Whoever held a lease while we were away gets this long to come back. */
#define RETURN_GRACE_MS 5000

static deia_err page(deia_messenger *m, const struct deia_page_query *q,
		     deia_rows **rows)
{
	DEIA__FAULT("during-load");
	return deia_store_page_now(m->store, q, rows);
}

static deia_err load_clock(deia_messenger *m)
{
	struct deia_page_query q = { .table = &deia__table_message_clock,
				     .index = -1,
				     .limit = 1 };
	deia_rows *rows;
	deia_err err = page(m, &q, &rows);

	if (err)
		return err;
	if (deia_rows_count(rows)) {
		m->saved_hive = deia_rows_get(rows, 0, MAIL_CLOCK_HIVE)->i;
		m->saved_wall = deia_rows_get(rows, 0, MAIL_CLOCK_WALL)->i;
	}
	deia_rows_free(rows);
	return DEIA_OK;
}

/* Ids go on rising, whatever the clock says. */
static deia_err load_last_id(deia_messenger *m)
{
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = -1,
				     .descending = true,
				     .limit = 1 };
	const unsigned char *id;
	deia_rows *rows;
	deia_err err = page(m, &q, &rows);

	if (err)
		return err;
	if (deia_rows_count(rows)) {
		id = (const unsigned char *)deia_rows_get(rows, 0, MAIL_ID)->s;
		for (int i = 0; i < 8; i++)
			m->last_id = m->last_id << 8 | id[i];
	}
	deia_rows_free(rows);
	return DEIA_OK;
}

static deia_err load_expiry(deia_messenger *m)
{
	struct deia_value open = deia_int(PHASE_OPEN);
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = MAIL_BY_DUE,
				     .equal = &open,
				     .n_equal = 1,
				     .limit = 1 };
	deia_rows *rows;
	deia_err err = page(m, &q, &rows);

	if (err)
		return err;
	if (deia_rows_count(rows))
		m->next_expiry = deia_rows_get(rows, 0, MAIL_DUE)->i;
	deia_rows_free(rows);
	return DEIA_OK;
}

struct counting {
	deia_messenger *m;
	deia_err err;
};

static void on_count(const struct deia_value *group, unsigned n_group,
		     int64_t count, void *user)
{
	static const unsigned char status[] = { DEIA_MESSAGE_PENDING,
						DEIA_MESSAGE_READ,
						DEIA_MESSAGE_FAILED,
						DEIA_MESSAGE_EXPIRED };
	struct counting *c = user;
	unsigned phase = (unsigned)group[0].i & 3;
	char id[DEIA_MAX_ID_LEN + 1];
	struct deia__inbox *inbox;

	(void)n_group;
	if (c->m->homes && phase == PHASE_OPEN)
		return; /* counted when their inbox is taken */
	c->m->status.by_status[status[phase]] += (uint64_t)count;
	if (phase != PHASE_OPEN || group[1].len > DEIA_MAX_ID_LEN)
		return;
	memcpy(id, group[1].s, group[1].len);
	id[group[1].len] = '\0';
	inbox = deia__inbox_get(c->m, id);
	if (!inbox) {
		c->err = DEIA_ENOMEM;
		return;
	}
	inbox->pending[group[2].i & 3] += (uint64_t)count;
	inbox->lanes[group[2].i & 3].complete = false;
}

static deia_err load_counts(deia_messenger *m)
{
	struct counting c = { m, DEIA_OK };
	deia_err err = deia_store_count_now(m->store, &deia__table_messages,
					    MAIL_BY_INBOX, m->homes ? 1 : 3,
					    on_count, &c);

	return err ? err : c.err;
}

/* ---- those that were handed over ----------------------------------------- */

static int64_t number(const deia_rows *rows, size_t r, unsigned column)
{
	return deia_rows_get(rows, r, column)->i;
}

void deia__lease_read(struct deia__msg *msg, const deia_rows *rows, size_t r)
{
	bool delivered = strcmp(deia_rows_text(rows, r, MAIL_LEASE_STATUS),
				"delivered") == 0;

	memcpy(msg->id, deia_rows_get(rows, r, MAIL_LEASE_ID)->s,
	       DEIA__MSG_ID_BYTES);
	msg->expires = number(rows, r, MAIL_LEASE_DUE);
	msg->created_ms = number(rows, r, MAIL_LEASE_CREATED);
	msg->delivered_ms = number(rows, r, MAIL_LEASE_DELIVERED);
	msg->lease = (uint64_t)number(rows, r, MAIL_LEASE_LEASE);
	msg->attempt = (uint16_t)number(rows, r, MAIL_LEASE_ATTEMPT);
	msg->excused = (uint16_t)number(rows, r, MAIL_LEASE_EXCUSED);
	msg->max_attempts = (uint16_t)number(rows, r, MAIL_LEASE_MAX_ATTEMPTS);
	msg->priority = (uint8_t)(number(rows, r, MAIL_LEASE_PRIORITY) & 3);
	msg->notify = number(rows, r, MAIL_LEASE_NOTIFY) != 0;
	msg->aside = number(rows, r, MAIL_LEASE_ASIDE) != 0;
	msg->has_row = true;
	msg->due = number(rows, r, MAIL_LEASE_END);
	msg->status = delivered ? DEIA_MESSAGE_DELIVERED : DEIA_MESSAGE_PENDING;
}

/* An inbox that was given from one messenger to another was not alone. */
static bool were_away(const struct deia__inbox *inbox)
{
	return !inbox->home || !inbox->home->gifted;
}

static void fill(deia_messenger *m, struct deia__msg *msg,
		 const deia_rows *rows, size_t r)
{
	int64_t grace = deia__hive_now(m) + RETURN_GRACE_MS;

	deia__lease_read(msg, rows, r);
	if (msg->status != DEIA_MESSAGE_DELIVERED)
		return;
	if (msg->due == 0) {
		/* Whoever held it ended with us: not the bot's fault. */
		msg->excused++;
		msg->status = DEIA_MESSAGE_PENDING;
	} else if (msg->due < grace && were_away(msg->to)) {
		msg->due = grace;
	}
}

deia_err deia__rows_lease(deia_messenger *m, const deia_rows *rows, size_t r)
{
	struct deia__inbox *to, *from;
	struct deia__msg *msg = NULL;
	const char *reason = deia_rows_text(rows, r, MAIL_LEASE_REASON);

	to = deia__inbox_get(m, deia_rows_text(rows, r, MAIL_LEASE_TO));
	if (to) {
		deia__inbox_ref(to);
		from = deia__inbox_get(
			m, deia_rows_text(rows, r, MAIL_LEASE_FROM));
		if (from)
			msg = deia__msg_new(m, to, from, NULL);
		deia__inbox_unref(m, to);
	}
	if (!msg)
		return DEIA_ENOMEM;
	fill(m, msg, rows, r);
	if (*reason)
		msg->reason = deia__strdup(reason);
	deia__msg_add(m, msg);
	if (msg->status == DEIA_MESSAGE_DELIVERED) {
		msg->to->pending[msg->priority]--;
		msg->to->delivered++;
		m->status.by_status[DEIA_MESSAGE_PENDING]--;
		m->status.by_status[DEIA_MESSAGE_DELIVERED]++;
	}
	deia__place_put(m, msg);
	return DEIA_OK;
}

static deia_err load_leases(deia_messenger *m)
{
	unsigned char last[DEIA__MSG_ID_BYTES];
	struct deia_value after = { DEIA_BLOB, 0, (const char *)last,
				    sizeof(last) };
	struct deia_page_query q = { .table = &deia__table_message_leases,
				     .index = -1,
				     .after = &after,
				     .limit = DEIA_MAX_PAGE_LEN };
	deia_rows *rows;
	deia_err err = DEIA_OK;
	bool more = true;

	while (more && !err) {
		size_t n, r;

		err = page(m, &q, &rows);
		if (err)
			return err;
		n = deia_rows_count(rows);
		for (r = 0; r < n && !err; r++)
			err = deia__rows_lease(m, rows, r);
		if (n)
			memcpy(last, deia_rows_get(rows, n - 1, 0)->s,
			       sizeof(last));
		q.n_after = 1;
		more = deia_rows_has_more(rows);
		deia_rows_free(rows);
	}
	return err;
}

deia_err deia__rows_load(deia_messenger *m)
{
	deia_err err = load_clock(m);

	if (err)
		return err;
	deia__time_init(m, m->saved_hive, m->saved_wall);
	err = load_last_id(m);
	if (!err)
		err = load_counts(m);
	if (!err && !m->homes)
		err = load_leases(m);
	if (!err)
		err = load_expiry(m);
	return err;
}
