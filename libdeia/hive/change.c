/* SPDX-License-Identifier: MIT */
/*
 * change.c - one durable change: rows, its events, its audit entry.
 *
 * All of it is one transaction, so that nothing is done unrecorded and
 * nothing recorded undone. Events are published, and the caller is told, when
 * the commit has come back; commits come back in the order of their sequence
 * numbers, so events are published in order too.
 */
#include "hive/hive.h"

#include <stdio.h>
#include <string.h>

#define AUDIT_TARGET_BYTES 256
#define CHANGE_CHATS 4 /* more: all pages are dropped */

enum row_kind { ROW_EVENT, ROW_AUDIT, ROW_OWN };

struct draft {
	char *type, *subject, *data;
};

struct audit_draft {
	struct deia_actor actor;
	char action[32], target[AUDIT_TARGET_BYTES];
	deia_err outcome;
};

struct deia__change {
	deia_hive *hive;
	deia_txn *txn;
	int64_t at_ms;
	struct draft events[DEIA__CHANGE_EVENTS];
	size_t n_events;
	struct audit_draft *audits; /* for the journal */
	size_t n_audits, cap_audits;
	unsigned char *kinds; /* row_kind of each sequence row, in order */
	size_t n_kinds, cap_kinds;
	/* Conversations whose pages it changes. */
	char chats[CHANGE_CHATS][37];
	size_t n_chats;
	bool all_chats;
	bool failed;
	deia__change_cb cb;
	void *arg;
};

struct deia__change *deia__change_new(deia_hive *h)
{
	struct deia__change *c;

	c = h->store ? deia__alloc(sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	c->hive = h;
	c->at_ms = deia__unix_ms(NULL);
	c->txn = deia_txn_new(h->store);
	return c;
}

static void change_free(struct deia__change *c)
{
	for (size_t i = 0; i < c->n_events; i++) {
		deia__free(c->events[i].type);
		deia__free(c->events[i].subject);
		deia__free(c->events[i].data);
	}
	deia__free(c->kinds);
	deia__free(c->audits);
	deia__free(c);
}

void deia__change_drop(struct deia__change *c)
{
	if (!c)
		return;
	deia_txn_free(c->txn);
	change_free(c);
}

deia_txn *deia__change_txn(struct deia__change *c)
{
	return c ? c->txn : NULL;
}

void deia__change_notify(struct deia__change *c, const char *topic,
			 const char *text)
{
	if (c)
		deia_txn_notify(c->txn, topic, text);
}

static void note_row(struct deia__change *c, enum row_kind kind)
{
	if (c->n_kinds == c->cap_kinds) {
		size_t cap =
			c->cap_kinds ? c->cap_kinds * 2 : DEIA__CHANGE_EVENTS;
		void *kinds = deia__realloc(c->kinds, cap);

		if (!kinds) {
			c->failed = true;
			return;
		}
		c->kinds = kinds;
		c->cap_kinds = cap;
	}
	c->kinds[c->n_kinds++] = (unsigned char)kind;
}

void deia__change_row(struct deia__change *c, const struct deia_table *table,
		      const struct deia_value *row)
{
	if (!c)
		return;
	note_row(c, ROW_OWN);
	deia_txn_insert(c->txn, table, row);
}

void deia__change_line(struct deia__change *c, const struct deia_value *row)
{
	deia__change_row(c, &deia__table_chat_lines, row);
	deia__change_chat(c, row[LINE_CONVERSATION].s);
}

void deia__change_chat(struct deia__change *c, const char *conversation)
{
	if (!c || c->all_chats)
		return;
	if (!conversation || c->n_chats == CHANGE_CHATS ||
	    strlen(conversation) >= sizeof(c->chats[0])) {
		c->all_chats = true;
		return;
	}
	for (size_t i = 0; i < c->n_chats; i++)
		if (strcmp(c->chats[i], conversation) == 0)
			return;
	memcpy(c->chats[c->n_chats++], conversation, strlen(conversation) + 1);
}

/* Also when the store said no: it may have done it all the same. */
static void drop_pages(const struct deia__change *c)
{
	for (size_t i = 0; i < c->n_chats; i++)
		deia__cache_chat_changed(c->hive, c->chats[i]);
	if (c->all_chats)
		deia__cache_chat_changed(c->hive, NULL);
}

void deia__change_event(struct deia__change *c, const char *type,
			const char *subject, const char *data)
{
	struct deia_value row[EVENT_COLUMNS];
	struct draft *d;

	if (!c)
		return;
	if (!data || c->n_events == DEIA__CHANGE_EVENTS) {
		c->failed = true;
		return;
	}
	d = &c->events[c->n_events++];
	d->type = deia__strdup(type);
	d->subject = deia__strdup(subject);
	d->data = deia__strdup(data);
	if (!d->type || !d->subject || !d->data)
		c->failed = true;
	note_row(c, ROW_EVENT);
	row[EVENT_SEQ] = deia_null();
	row[EVENT_AT] = deia_int(c->at_ms);
	row[EVENT_TYPE] = deia_text(type);
	row[EVENT_SUBJECT] = deia_text(subject);
	row[EVENT_DATA] = deia_text(data);
	deia_txn_insert(c->txn, &deia__table_events, row);
}

/* Targets come from outside: as text that the store takes, and bounded. */
static void clean_target(char out[static AUDIT_TARGET_BYTES],
			 const char *target)
{
	size_t len, i;

	snprintf(out, AUDIT_TARGET_BYTES, "%s", target ? target : "");
	len = deia__utf8_whole(out, strlen(out));
	out[len] = '\0';
	if (deia__utf8_valid(out, len))
		return;
	for (i = 0; i < len; i++)
		if ((unsigned char)out[i] >= 0x80)
			out[i] = '?';
}

/* A place for one more entry of the journal; NULL: out of memory. */
static struct audit_draft *new_audit(struct deia__change *c)
{
	if (c->n_audits == c->cap_audits) {
		size_t cap = c->cap_audits ? c->cap_audits * 4 : 1;
		void *audits =
			deia__realloc(c->audits, cap * sizeof(*c->audits));

		if (!audits)
			return NULL;
		c->audits = audits;
		c->cap_audits = cap;
	}
	return &c->audits[c->n_audits++];
}

void deia__change_audit(struct deia__change *c, const struct deia_actor *actor,
			const char *action, const char *target,
			deia_err outcome)
{
	struct audit_draft *a = c ? new_audit(c) : NULL;
	struct deia_value row[AUDIT_COLUMNS];

	if (!a) {
		deia__change_no_memory(c);
		return;
	}
	note_row(c, ROW_AUDIT);
	a->actor = *actor;
	snprintf(a->action, sizeof(a->action), "%s", action);
	clean_target(a->target, target);
	a->outcome = outcome;
	row[AUDIT_SEQ] = deia_null();
	row[AUDIT_AT] = deia_int(c->at_ms);
	row[AUDIT_ACTOR] = deia_text(actor->name);
	row[AUDIT_TOKEN] = deia_text(actor->token_id);
	row[AUDIT_ROLE] = deia_text(deia_role_name(actor->role));
	row[AUDIT_ADDRESS] = deia_text(actor->address);
	row[AUDIT_REQUEST] = deia_text(actor->request_id);
	row[AUDIT_ACTION] = deia_text(action);
	row[AUDIT_TARGET] = deia_text(a->target);
	row[AUDIT_OUTCOME] = deia_text(deia_err_name(outcome));
	deia_txn_insert(c->txn, &deia__table_audit, row);
}

void deia__change_replay(struct deia__change *c, const struct deia_actor *actor,
			 enum deia_made made, const void *what)
{
	const struct deia_replay *r = actor->replay;
	struct deia_value row[REPLAY_COLUMNS];
	const char *body;
	int status = 0;

	if (!c || !r)
		return;
	body = r->print(made, what, &status, r->user);
	if (!body) {
		c->failed = true;
		return;
	}
	deia__replay_row(row, r, status, body);
	deia_txn_put(c->txn, &deia__table_replays, row);
}

void deia__change_no_memory(struct deia__change *c)
{
	if (c)
		c->failed = true;
}

static void publish(struct deia__change *c, const int64_t *seqs, size_t n_seqs)
{
	size_t e = 0;

	for (size_t i = 0; i < c->n_kinds && i < n_seqs; i++) {
		struct draft *d;

		if (c->kinds[i] != ROW_EVENT)
			continue;
		d = &c->events[e++];
		deia__events_publish(c->hive, seqs[i], c->at_ms, d->type,
				     d->subject, d->data);
	}
}

/* Those of the caller's own rows; returns how many there are. */
static size_t pick_own(struct deia__change *c, const int64_t *seqs,
		       size_t n_seqs, int64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_kinds && i < n_seqs; i++)
		if (c->kinds[i] == ROW_OWN)
			out[n++] = seqs[i];
	return n;
}

static void on_committed(deia_err err, const int64_t *seqs, size_t n_seqs,
			 void *user)
{
	struct deia__change *c = user;
	deia_hive *h = c->hive;
	int64_t *own = NULL;
	size_t n_own = 0;

	drop_pages(c); /* before anybody is told */
	if (!err && n_seqs) {
		own = deia__alloc(n_seqs * sizeof(*own));
		if (own)
			n_own = pick_own(c, seqs, n_seqs, own);
		publish(c, seqs, n_seqs);
		for (size_t i = 0; i < c->n_audits; i++)
			deia__audit_journal(h, c->at_ms, &c->audits[i].actor,
					    c->audits[i].action,
					    c->audits[i].target,
					    c->audits[i].outcome);
	}
	if (err)
		deia__hive_fail(h, err, "the store refused it: %s",
				deia_err_text(err));
	if (c->cb)
		c->cb(h, err, own, n_own, c->arg);
	else if (err)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "a record could not be stored: %s",
			       deia_err_text(err));
	deia__free(own);
	change_free(c);
	h->n_changes--;
	deia__hive_check_stopped(h);
}

deia_err deia__change_commit(struct deia__change *c, deia_hive *h,
			     deia__change_cb cb, void *arg)
{
	deia_err err;

	if (!h->store)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is closed");
	if (!c)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	if (c->failed) {
		deia__change_drop(c);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	c->cb = cb;
	c->arg = arg;
	h->n_changes++;
	err = deia_txn_commit(c->txn, on_committed, c);
	if (err) {
		h->n_changes--;
		change_free(c);
		if (err == DEIA_EBUSY)
			return deia__hive_fail(h, err,
					       "the store is behind with "
					       "writing; try again later");
		return deia__hive_fail(h, err, "the store refused it: %s",
				       deia_err_text(err));
	}
	return DEIA_OK;
}
