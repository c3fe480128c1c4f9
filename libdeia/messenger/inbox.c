/* SPDX-License-Identifier: MIT */
/*
 * inbox.c - recipients and senders by their id. One is kept while it is open,
 * has open mail, or is named by a message in memory.
 */
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

struct deia__inbox *deia__inbox_find(const deia_messenger *m, const char *id)
{
	struct deia__inbox *inbox = NULL;

	HASH_FIND_STR(m->inboxes, id, inbox);
	return inbox;
}

struct deia__inbox *deia__inbox_get(deia_messenger *m, const char *id)
{
	struct deia__inbox *inbox = deia__inbox_find(m, id);
	size_t len = strlen(id);

	if (inbox || len > DEIA_MAX_ID_LEN)
		return inbox;
	inbox = deia__alloc(sizeof(*inbox));
	if (!inbox)
		return NULL;
	if (!deia__home_init(m, inbox)) {
		deia__free(inbox);
		return NULL;
	}
	memcpy(inbox->id, id, len + 1);
	TAILQ_INIT(&inbox->receivers);
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		inbox->lanes[p].complete = true;
	HASH_ADD_STR(m->inboxes, id, inbox);
	if (!inbox->hh.tbl) {
		deia__home_fini(m, inbox);
		deia__free(inbox);
		return NULL;
	}
	return inbox;
}

void deia__inbox_ref(struct deia__inbox *inbox)
{
	inbox->refs++;
}

uint64_t deia__inbox_open_len(const struct deia__inbox *inbox)
{
	uint64_t n = inbox->delivered + inbox->sending;

	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		n += inbox->pending[p];
	return n;
}

void deia__inbox_free(deia_messenger *m, struct deia__inbox *inbox)
{
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		deia__lane_fini(&inbox->lanes[p]);
	deia__home_fini(m, inbox);
	HASH_DEL(m->inboxes, inbox);
	deia__free(inbox);
}

static void inbox_free_unused(deia_messenger *m, struct deia__inbox *inbox)
{
	if (inbox->refs == 0 && !inbox->open &&
	    deia__inbox_open_len(inbox) == 0)
		deia__inbox_free(m, inbox);
}

void deia__inbox_unref(deia_messenger *m, struct deia__inbox *inbox)
{
	inbox->refs--;
	inbox_free_unused(m, inbox);
}

void deia__inbox_wake(deia_messenger *m, struct deia__inbox *inbox)
{
	if (inbox->dirty || inbox->n_receivers == 0 || m->stopped)
		return;
	inbox->dirty = true;
	deia__inbox_ref(inbox);
	TAILQ_INSERT_TAIL(&m->dirty, inbox, dirty_link);
	deia__msgr_kick(m);
}

deia_err deia_messenger_open_inbox(deia_messenger *m, const char *id)
{
	struct deia__inbox *inbox;

	if (!id || !*id || strlen(id) > DEIA_MAX_ID_LEN)
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "an inbox has an id of 1 to %d bytes",
				       DEIA_MAX_ID_LEN);
	inbox = deia__inbox_get(m, id);
	if (!inbox)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	inbox->open = true;
	deia__home_claim(m, inbox);
	return DEIA_OK;
}

void deia_messenger_close_inbox(deia_messenger *m, const char *id)
{
	struct deia__inbox *inbox = id ? deia__inbox_find(m, id) : NULL;

	if (!inbox)
		return;
	inbox->open = false;
	deia__inbox_ref(inbox);
	deia__receivers_end(m, inbox, DEIA_ENOTFOUND);
	deia__inbox_unref(m, inbox);
}

deia_err deia_messenger_inbox(deia_messenger *m, const char *id,
			      struct deia_inbox_status *out)
{
	struct deia__inbox *inbox = id ? deia__inbox_find(m, id) : NULL;

	memset(out, 0, sizeof(*out));
	if (!inbox || (!inbox->open && deia__inbox_open_len(inbox) == 0))
		return DEIA_ENOTFOUND;
	deia__home_look(m, inbox);
	out->open = inbox->open;
	out->elsewhere = !deia__home_is_here(inbox);
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++) {
		out->pending_by_priority[p] = inbox->pending[p];
		out->pending += inbox->pending[p];
	}
	out->delivered = inbox->delivered;
	out->waiting = inbox->waiting;
	out->waits = inbox->n_receivers;
	out->max = m->opts.inbox_max;
	return DEIA_OK;
}
