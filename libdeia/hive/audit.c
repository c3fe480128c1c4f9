/* SPDX-License-Identifier: MIT */
/*
 * audit.c - who did what: single entries, pages, the journal for log
 * shippers; and answers kept under an Idempotency-Key.
 *
 * Entries of changes are part of their transaction (change.c). The journal
 * audit.jsonl is a copy for people; the store is the truth.
 */
#include "hive/hive.h"

#include <string.h>

void deia__audit_journal(deia_hive *h, int64_t at_ms,
			 const struct deia_actor *actor, const char *action,
			 const char *target, deia_err outcome)
{
	deia_jw w;

	if (!h->audit_journal)
		return;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_ktime(&w, "timestamp", at_ms);
	deia_jw_kstr(&w, "event", action);
	deia_jw_kstr(&w, "actor", actor->name);
	deia_jw_kstr(&w, "token", actor->token_id);
	deia_jw_kstr(&w, "role", deia_role_name(actor->role));
	deia_jw_kstr(&w, "address", actor->address);
	deia_jw_kstr(&w, "request_id", actor->request_id);
	deia_jw_kstr(&w, "target", target ? target : "");
	deia_jw_kstr(&w, "outcome", deia_err_name(outcome));
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK) {
		w.text[w.len] = '\n'; /* in the place of the NUL */
		deia__logfile_write(h->audit_journal, w.text, w.len + 1);
	}
	deia_jw_fini(&w);
}

void deia_hive_audit(deia_hive *h, const struct deia_actor *actor,
		     const char *action, const char *target, deia_err outcome)
{
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;
	struct deia__change *c = deia__change_new(h);

	deia__change_audit(c, actor, action, target, outcome);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_ERROR, "audit entry %s is lost: %s",
			       action, h->msg.text);
	h->msg = kept; /* the caller's detail stands */
	h->has_field = has_field;
}

struct page {
	deia_audit_cb cb;
	void *user;
	deia_hive *hive;
};

static void give_entries(const struct page *p, const deia_rows *rows)
{
	size_t n = deia_rows_count(rows);
	struct deia_audit_entry *items = deia__alloc((n + 1) * sizeof(*items));

	if (!items) {
		p->cb(deia__hive_fail(p->hive, DEIA_ENOMEM, "out of memory"),
		      NULL, 0, false, p->user);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct deia_audit_entry *e = &items[i];

		e->seq = deia_rows_get(rows, i, AUDIT_SEQ)->i;
		e->at_unix_ms = deia_rows_get(rows, i, AUDIT_AT)->i;
		e->actor = deia_rows_text(rows, i, AUDIT_ACTOR);
		e->token_id = deia_rows_text(rows, i, AUDIT_TOKEN);
		e->role = deia_rows_text(rows, i, AUDIT_ROLE);
		e->address = deia_rows_text(rows, i, AUDIT_ADDRESS);
		e->request_id = deia_rows_text(rows, i, AUDIT_REQUEST);
		e->action = deia_rows_text(rows, i, AUDIT_ACTION);
		e->target = deia_rows_text(rows, i, AUDIT_TARGET);
		e->outcome = deia_rows_text(rows, i, AUDIT_OUTCOME);
	}
	p->cb(DEIA_OK, items, n, deia_rows_has_more(rows), p->user);
	deia__free(items);
}

static void on_audit_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;

	if (err) {
		deia__hive_unreadable(p->hive, err);
		p->cb(err, NULL, 0, false, p->user);
	} else {
		give_entries(p, rows);
	}
	deia__free(p);
}

deia_err deia_hive_audit_page(deia_hive *h, int64_t before, unsigned limit,
			      deia_audit_cb cb, void *user)
{
	struct page *p = deia__alloc(sizeof(*p));

	if (p)
		*p = (struct page){ .cb = cb, .user = user, .hive = h };
	return deia__hive_page_back(h, &deia__table_audit, before, limit,
				    on_audit_page, p);
}

/* ---- kept answers ------------------------------------------------------------ */

struct replay {
	deia_hive *hive;
	deia_replay_cb find_cb;
	deia_done_cb done_cb;
	void *user;
};

static void on_replay_page(deia_err err, const deia_rows *rows, void *user)
{
	struct replay *r = user;

	if (err)
		deia__hive_unreadable(r->hive, err);
	if (err || !deia_rows_count(rows))
		r->find_cb(err, "", 0, NULL, r->user);
	else
		r->find_cb(DEIA_OK, deia_rows_text(rows, 0, REPLAY_FINGERPRINT),
			   (int)deia_rows_get(rows, 0, REPLAY_STATUS)->i,
			   deia_rows_text(rows, 0, REPLAY_BODY), r->user);
	deia__free(r);
}

static deia_err check_key(deia_hive *h, const char *key)
{
	size_t len = strlen(key);

	if (!len || len > 255 || !deia__utf8_valid(key, len))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "Idempotency-Key: 1 to 255 bytes of "
				       "UTF-8");
	return DEIA_OK;
}

deia_err deia_hive_replay_find(deia_hive *h, const char *owner, const char *key,
			       deia_replay_cb cb, void *user)
{
	struct deia_value equal[2] = { deia_text(owner), deia_text(key) };
	struct deia_page_query q = {
		.table = &deia__table_replays,
		.index = -1,
		.equal = equal,
		.n_equal = 2,
		.limit = 1,
	};
	deia_err err = check_key(h, key);
	struct replay *r;

	if (err)
		return err;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	r->hive = h;
	r->find_cb = cb;
	r->user = user;
	err = deia_store_page(h->store, &q, on_replay_page, r);
	if (err) {
		deia__free(r);
		return deia__hive_unreadable(h, err);
	}
	return DEIA_OK;
}

void deia__replay_row(struct deia_value *row, const struct deia_replay *r,
		      int status, const char *body)
{
	row[REPLAY_OWNER] = deia_text(r->owner);
	row[REPLAY_KEY] = deia_text(r->key);
	row[REPLAY_FINGERPRINT] = deia_text(r->fingerprint);
	row[REPLAY_STATUS] = deia_int(status);
	row[REPLAY_BODY] = deia_text(body);
	row[REPLAY_CREATED] = deia_int(deia__unix_ms(NULL));
}

static void on_replay_kept(deia_hive *h, deia_err err, const int64_t *seqs,
			   size_t n_seqs, void *arg)
{
	struct replay *r = arg;

	(void)h;
	(void)seqs;
	(void)n_seqs;
	if (r->done_cb)
		r->done_cb(err, r->user);
	deia__free(r);
}

deia_err deia_hive_replay_keep(deia_hive *h, const char *owner, const char *key,
			       const char *fingerprint, int status,
			       const char *body, deia_done_cb cb, void *user)
{
	struct deia_replay what = { owner, key, fingerprint, NULL, NULL };
	struct deia_value row[REPLAY_COLUMNS];
	struct deia__change *c;
	struct replay *r;
	deia_err err = check_key(h, key);

	if (err)
		return err;
	r = deia__alloc(sizeof(*r));
	if (!r)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	r->done_cb = cb;
	r->user = user;
	deia__replay_row(row, &what, status, body ? body : "");
	c = deia__change_new(h);
	deia_txn_put(deia__change_txn(c), &deia__table_replays, row);
	err = deia__change_commit(c, h, on_replay_kept, r);
	if (err)
		deia__free(r);
	return err;
}
