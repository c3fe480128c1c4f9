/* SPDX-License-Identifier: MIT */
/*
 * scaling_history.c - what was decided: a row and an event of each decision,
 * pages of them, and the end of old ones.
 */
#include "hive/scaling/scaling.h"

#include <string.h>

#include "hive/nodes/nodes.h"

#define KEPT 10000 /* the newest */
#define PRUNE_STEP 1000

/* ---- recording ---------------------------------------------------------- */

static void print(deia_jw *w, const deia_hive *h,
		  const struct deia_scaling_decision *d)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "kind", d->kind);
	deia_jw_kstr(w, "cause", d->cause);
	deia_jw_kstr(w, "bot", d->bot);
	deia_jw_kstr(w, "by", d->by);
	deia_jw_kstr(w, "node", h->nodes->name);
	deia_jw_kbool(w, "done", d->done);
	deia_jw_kint(w, "count", d->count);
	deia_jw_kint(w, "bots", d->bots);
	deia_jw_kint(w, "wanted", d->wanted);
	deia_jw_kstr(w, "reason", d->reason);
	deia_jw_end_object(w);
}

void deia__scaling_note(deia_hive *h, struct deia__change *c,
			const struct deia_scaling_decision *d)
{
	struct deia_value row[DECISION_COLUMNS];
	const char *text;
	deia_jw w;

	deia_jw_init(&w);
	print(&w, h, d);
	text = deia_jw_status(&w) ? NULL : w.text;
	row[DECISION_SEQ] = deia_null();
	row[DECISION_AT] = deia_int(d->at_unix_ms);
	row[DECISION_TEMPLATE] = deia_text(d->name);
	row[DECISION_KIND] = deia_text(d->kind);
	row[DECISION_DATA] = deia_text(text ? text : "{}");
	deia__change_row(c, &deia__table_scaling_decisions, row);
	deia__change_event(c, "scaling.decision", d->name, text);
	deia_jw_fini(&w);
}

void deia__scaling_noted(deia_hive *h, const int64_t *seqs, size_t n)
{
	struct deia__scaling *s = h->scaling;

	if (n && seqs[n - 1] > s->newest)
		s->newest = seqs[n - 1];
	if (n && !s->pruned)
		s->pruned = seqs[0] - 1;
}

static void on_recorded(deia_hive *h, deia_err err, const int64_t *seqs,
			size_t n_seqs, void *arg)
{
	(void)arg;
	if (err && !h->freeing)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "a decision of the scaler is not recorded: %s",
			       deia_err_text(err));
	deia__scaling_noted(h, seqs, n_seqs);
}

static void note_one(deia_hive *h, struct deia__change *c,
		     const struct deia_scaler_decision *from)
{
	struct deia_scaling_decision d = {
		.at_unix_ms = deia__unix_ms(NULL),
		.name = from->template_id,
		.kind = deia_scaler_kind_name(from->kind),
		.cause = deia_scaler_cause_name(from->cause),
		.bot = from->bot,
		.by = DEIA_SCALING_ACTOR,
		.reason = from->reason,
		.done = from->done,
		.count = from->count,
		.bots = from->bots,
		.wanted = from->wanted,
	};

	deia__scaling_note(h, c, &d);
	deia__hive_log(
		h, DEIA_LOG_DEBUG, "scaling %s: %s%s", d.name, d.reason,
		d.done || from->kind == DEIA_SCALER_HOLD ? "" : " (not done)");
}

void deia__scaling_record(deia_hive *h)
{
	struct deia_scaler_decision news[DEIA__CHANGE_EVENTS];
	struct deia__scaling *s = h->scaling;
	struct deia__change *c;
	size_t n;

	while ((n = deia_scaler_history(s->scaler, s->told, news,
					DEIA__CHANGE_EVENTS)) > 0) {
		struct deia__errmsg kept = h->msg;

		s->told = news[n - 1].seq;
		c = deia__change_new(h);
		for (size_t i = 0; i < n; i++)
			note_one(h, c, &news[i]);
		if (deia__change_commit(c, h, on_recorded, NULL))
			deia__hive_log(h, DEIA_LOG_ERROR,
				       "a decision of the scaler is not "
				       "recorded: %s",
				       h->msg.text);
		h->msg = kept;
	}
}

/* ---- retention ---------------------------------------------------------- */

void deia__scaling_prune(deia_hive *h, struct deia__change *c,
			 int64_t before_unix_ms)
{
	struct deia__scaling *s = h->scaling;
	struct deia_value upto = deia_int(before_unix_ms);
	int64_t target = s->newest - KEPT;

	if (!s->newest)
		return;
	deia_txn_delete_where(deia__change_txn(c),
			      &deia__table_scaling_decisions, DECISION_BY_TIME,
			      NULL, 0, &upto);
	if (target <= s->pruned)
		return;
	if (target > s->pruned + PRUNE_STEP)
		target = s->pruned + PRUNE_STEP;
	upto = deia_int(target);
	deia_txn_delete_where(deia__change_txn(c),
			      &deia__table_scaling_decisions, -1, NULL, 0,
			      &upto);
	s->pruned = target;
}

/* ---- pages -------------------------------------------------------------- */

struct page {
	deia_hive *hive;
	deia_scaling_history_cb cb;
	void *user;
};

static unsigned number(const cJSON *json, const char *key)
{
	int64_t n = 0;

	(void)deia__json_int(json, key, 0, UINT32_MAX, &n);
	return (unsigned)n;
}

static const char *text_of(const cJSON *json, const char *key)
{
	const char *text = deia__json_str(json, key);

	return text ? text : "";
}

/* *json is to be deleted once the decision is not needed any more. */
static void read_row(struct deia_scaling_decision *d, cJSON **json,
		     const deia_rows *rows, size_t r)
{
	const struct deia_value *data = deia_rows_get(rows, r, DECISION_DATA);

	if (deia_json_parse(json, data->s, data->len, NULL))
		*json = NULL;
	d->seq = deia_rows_get(rows, r, DECISION_SEQ)->i;
	d->at_unix_ms = deia_rows_get(rows, r, DECISION_AT)->i;
	d->name = deia_rows_text(rows, r, DECISION_TEMPLATE);
	d->kind = deia_rows_text(rows, r, DECISION_KIND);
	d->cause = text_of(*json, "cause");
	d->bot = text_of(*json, "bot");
	d->by = text_of(*json, "by");
	d->node = text_of(*json, "node");
	d->reason = text_of(*json, "reason");
	d->done = cJSON_IsTrue(deia__json_get(*json, "done"));
	d->count = number(*json, "count");
	d->bots = number(*json, "bots");
	d->wanted = number(*json, "wanted");
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;
	size_t n = err ? 0 : deia_rows_count(rows);
	struct deia_scaling_decision *items =
		deia__alloc((n + 1) * sizeof(*items));
	cJSON **json = deia__alloc((n + 1) * sizeof(cJSON *));

	if (err)
		deia__hive_unreadable(p->hive, err);
	else if (!items || !json)
		err = deia__hive_fail(p->hive, DEIA_ENOMEM, "out of memory");
	for (size_t i = 0; items && json && !err && i < n; i++)
		read_row(&items[i], &json[i], rows, i);
	p->cb(err, err ? NULL : items, err ? 0 : n,
	      !err && deia_rows_has_more(rows), p->user);
	for (size_t i = 0; json && i < n; i++)
		cJSON_Delete(json[i]);
	deia__free(json);
	deia__free(items);
	deia__free(p);
}

deia_err deia_hive_scaling_history(deia_hive *h, int64_t before, unsigned limit,
				   deia_scaling_history_cb cb, void *user)
{
	struct page *p = deia__alloc(sizeof(*p));

	if (p)
		*p = (struct page){ .hive = h, .cb = cb, .user = user };
	return deia__hive_page_back(h, &deia__table_scaling_decisions, before,
				    limit, on_page, p);
}
