/* SPDX-License-Identifier: MIT */
/*
 * node_reread.c - rows that another node has changed are read again.
 *
 * A notice names the row: it is read, and what is in memory follows. Where
 * notices may have been missed, or many came at once, the whole table is. One
 * reading at a time is under way for each table; what changes meanwhile is
 * read after it, so the last reading is always younger than the last notice.
 */
#include "hive/mail/mail.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

#define PAGE_ROWS 200

static void go_bots(deia_hive *h);
static void go_tokens(deia_hive *h);

/* ---- what waits ---------------------------------------------------------------- */

static void add(struct deia__reread *w, const char *id)
{
	if (!id || !id[0] || strlen(id) > DEIA_MAX_ID_LEN ||
	    w->n == DEIA__REREAD_IDS) {
		w->all = true;
		w->n = 0;
		return;
	}
	for (unsigned i = 0; i < w->n && !w->all; i++)
		if (strcmp(w->ids[i], id) == 0)
			return;
	if (!w->all)
		memcpy(w->ids[w->n++], id, strlen(id) + 1);
}

/* The next one: into w->id, "" for all. False: nothing waits. */
static bool take(struct deia__reread *w)
{
	if (!w->all && !w->n)
		return false;
	w->busy = true;
	w->after[0] = w->id[0] = '\0';
	if (w->all) {
		w->all = false;
		w->round++;
	} else {
		memcpy(w->id, w->ids[--w->n], sizeof(w->id));
	}
	return true;
}

/* What is to be read now. value: lives as long as the query. */
static struct deia_page_query query_of(const struct deia__reread *w,
				       const struct deia_table *table,
				       struct deia_value *value)
{
	struct deia_page_query q = {
		.table = table,
		.index = -1,
		.limit = PAGE_ROWS,
	};

	*value = deia_text(w->id[0] ? w->id : w->after);
	if (w->id[0]) {
		q.equal = value;
		q.n_equal = 1;
	} else if (w->after[0]) {
		q.after = value;
		q.n_after = 1;
	}
	return q;
}

/* The store did not answer: all is read at the next beat. */
static void give_up(struct deia__reread *w)
{
	w->busy = false;
	w->all = true;
	w->n = 0;
}

/* ---- bots ---------------------------------------------------------------------- */

static struct deia__far *first_stale(const deia_hive *h)
{
	const struct deia__byid *far = &h->nodes->far;
	struct deia__far *f;

	for (size_t i = 0; i < far->n; i++) {
		f = far->items[i];
		if (f->stale)
			return f;
	}
	return NULL;
}

static void on_told(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__far *f;

	if (h->freeing)
		return;
	if (err) {
		give_up(&h->nodes->bots);
		return;
	}
	f = deia__far_get(h, h->nodes->bots.after);
	if (f)
		deia__far_told(h, f, rows);
	h->nodes->bots.busy = false;
	go_bots(h);
}

/* Their states, one after the other; then what else waits. */
static bool read_stale(deia_hive *h)
{
	struct deia__far *f = first_stale(h);
	struct deia_value id = deia_text(f ? f->spec->id : NULL);
	struct deia_page_query q = deia__history_newest(&id);

	if (!f)
		return false;
	snprintf(h->nodes->bots.after, sizeof(h->nodes->bots.after), "%s",
		 f->spec->id);
	h->nodes->bots.busy = !deia_store_page(h->store, &q, on_told, h);
	return h->nodes->bots.busy;
}

static void read_bots(deia_hive *h);

static void on_bots(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__reread *w = &h->nodes->bots;
	size_t n = err ? 0 : deia_rows_count(rows);

	if (h->freeing)
		return;
	for (size_t r = 0; r < n && !err; r++)
		err = deia__far_row(h, rows, r, w->round);
	if (err) {
		give_up(w);
		return;
	}
	if (w->id[0] && !n) {
		deia__far_drop(h, w->id);
	} else if (!w->id[0] && n && deia_rows_has_more(rows)) {
		snprintf(w->after, sizeof(w->after), "%s",
			 deia_rows_text(rows, n - 1, BOT_ID));
		read_bots(h);
		return;
	} else if (!w->id[0]) {
		deia__far_sweep(h, w->round);
	}
	w->busy = false;
	go_bots(h);
}

static void read_bots(deia_hive *h)
{
	struct deia_value v;
	struct deia_page_query q =
		query_of(&h->nodes->bots, &deia__table_bots, &v);

	if (deia_store_page(h->store, &q, on_bots, h))
		give_up(&h->nodes->bots);
}

static void go_bots(deia_hive *h)
{
	struct deia__reread *w = &h->nodes->bots;

	if (w->busy || !h->store || h->freeing)
		return;
	if (take(w))
		read_bots(h);
	else
		(void)!read_stale(h);
}

void deia__reread_bots(deia_hive *h, const char *id)
{
	const struct deia__hbot *b = id ? deia__hbot_get(h, id) : NULL;

	if (!h->nodes->shared || (b && !b->creating))
		return;
	add(&h->nodes->bots, id);
	go_bots(h);
}

/* ---- tokens -------------------------------------------------------------------- */

static void read_tokens(deia_hive *h);

static void on_tokens(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__reread *w = &h->nodes->tokens;
	size_t n = err ? 0 : deia_rows_count(rows);

	if (h->freeing)
		return;
	for (size_t r = 0; r < n && !err; r++)
		err = deia__token_load(h, rows, r);
	if (err) {
		give_up(w);
		return;
	}
	if (w->id[0] && !n) {
		deia__tokens_remove(h->tokens, w->id);
	} else if (!w->id[0] && n && deia_rows_has_more(rows)) {
		snprintf(w->after, sizeof(w->after), "%s",
			 deia_rows_text(rows, n - 1, TOKEN_ID));
		read_tokens(h);
		return;
	} else if (!w->id[0]) {
		deia__tokens_sweep(h->tokens);
	}
	deia__claims_end_refused(h);
	deia__mail_end_refused(h);
	w->busy = false;
	go_tokens(h);
}

static void read_tokens(deia_hive *h)
{
	struct deia_value v;
	struct deia_page_query q =
		query_of(&h->nodes->tokens, &deia__table_tokens, &v);

	if (deia_store_page(h->store, &q, on_tokens, h))
		give_up(&h->nodes->tokens);
}

static void go_tokens(deia_hive *h)
{
	struct deia__reread *w = &h->nodes->tokens;

	if (w->busy || !h->store || h->freeing || !take(w))
		return;
	if (!w->id[0])
		deia__tokens_begin_round(h->tokens);
	read_tokens(h);
}

void deia__reread_tokens(deia_hive *h, const char *id)
{
	if (!h->nodes->shared)
		return;
	add(&h->nodes->tokens, id);
	go_tokens(h);
}

void deia__reread_go(deia_hive *h)
{
	go_bots(h);
	go_tokens(h);
}

/* ---- rows of nobody -------------------------------------------------------------- */

/* A guard that did not hold: another node was faster, and is right. */
static void on_adopted(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	(void)seqs;
	(void)n_seqs;
	(void)arg;
	if (err && err != DEIA_ECONFLICT && err != DEIA_ENOTFOUND)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "a row without a node is not taken over: %s",
			       deia_err_text(err));
}

static deia_err adopt(deia_hive *h, const struct deia_table *table,
		      unsigned column, const char *topic, const char *id)
{
	struct deia_value key = deia_text(id);
	struct deia_set set = { column, deia_text(h->nodes->name) };
	struct deia_set guard = { column, deia_text("") };
	struct deia__change *c = deia__change_new(h);

	deia_txn_update(deia__change_txn(c), table, &key, &set, 1, &guard);
	if (topic)
		deia__change_notify(c, topic, id);
	return deia__change_commit(c, h, on_adopted, NULL);
}

static deia_err adopt_bot(deia_hive *h, const deia_rows *rows, size_t r)
{
	if (deia_rows_text(rows, r, BOT_NODE)[0])
		return DEIA_OK;
	return adopt(h, &deia__table_bots, BOT_NODE, DEIA__TOPIC_BOTS,
		     deia_rows_text(rows, r, BOT_ID));
}

static deia_err adopt_dialogue(deia_hive *h, const deia_rows *rows, size_t r)
{
	if (deia_rows_text(rows, r, DIALOGUE_NODE)[0])
		return DEIA_OK;
	return adopt(h, &deia__table_dialogues, DIALOGUE_NODE, NULL,
		     deia_rows_text(rows, r, DIALOGUE_ID));
}

deia_err deia__nodes_adopt(deia_hive *h)
{
	struct deia_value running =
		deia_text(deia_dialogue_status_name(DEIA_DIALOGUE_RUNNING));
	struct deia_page_query bots = {
		.table = &deia__table_bots,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct deia_page_query dialogues = {
		.table = &deia__table_dialogues,
		.index = DIALOGUE_BY_STATUS,
		.equal = &running,
		.n_equal = 1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	deia_err err = deia__hive_each_row(h, &bots, adopt_bot);

	if (!err)
		err = deia__hive_each_row(h, &dialogues, adopt_dialogue);
	return err ? err : deia__nodes_settle(h);
}
