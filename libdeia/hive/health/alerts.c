/* SPDX-License-Identifier: MIT */
/*
 * alerts.c - changes of alerts: a line in the journal at once, then a row and
 * events.
 *
 * Of each alert it is kept which changes the store has not got; what a row says
 * is printed when it is written, so the last state counts. While the store is
 * away, or has refused a change, the last change of an alert takes the place of
 * those before. So what waits is never more than a row an alert.
 */
#include "hive/health/health.h"
#include "hive/nodes/nodes.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SOON_MS 0
#define RETRY_MS 10000
#define ROWS_A_CHANGE 64
#define BIT(change) (1u << (unsigned)(change))
#define NO_EVENT BIT(DEIA_HEALTH_NOTIFY) /* only the row */

_Static_assert(DEIA_HEALTH_CHANGES - 1 <= DEIA__CHANGE_EVENTS,
	       "one alert's events go into one change");

/* ---- the journal --------------------------------------------------------- */

static void journal(deia_hive *h, const struct deia_health_event *e)
{
	deia_jw *w = &h->health->line;
	char event[40];

	if (!h->health->journal || e->change == DEIA_HEALTH_NOTIFY)
		return;
	snprintf(event, sizeof(event), "alert_%s",
		 deia_health_change_name(e->change));
	deia_jw_reset(w);
	deia_jw_object(w);
	deia_jw_ktime(w, "timestamp", deia__health_unix(h));
	deia_jw_kstr(w, "event", event);
	deia_jw_kstr(w, "from", deia_health_level_name(e->from));
	deia_jw_key(w, "alert");
	deia_health_print_alert(e->alert, w);
	deia_jw_end_object(w);
	if (deia_jw_status(w) == DEIA_OK) {
		w->text[w->len] = '\n'; /* in the place of the NUL */
		deia__logfile_write(h->health->journal, w->text, w->len + 1);
	}
}

static void say(deia_hive *h, const struct deia_health_event *e)
{
	const struct deia_health_alert *a = e->alert;
	bool loud = a->level == DEIA_HEALTH_CRITICAL &&
		    e->change <= DEIA_HEALTH_ESCALATED;

	if (e->change == DEIA_HEALTH_NOTIFY)
		return;
	deia__hive_log(h, loud ? DEIA_LOG_WARN : DEIA_LOG_INFO,
		       "alert %s: %s, %s: %s", a->id,
		       deia_health_change_name(e->change),
		       deia_health_level_name(a->level), a->summary);
}

/* ---- what the store has not got ------------------------------------------ */

static struct deia__alert_row *row_of(const struct deia__health *hh,
				      const char *id)
{
	struct deia__alert_row *r;

	HASH_FIND_STR(hh->rows, id, r);
	return r;
}

static struct deia__alert_row *row_new(const char *id)
{
	struct deia__alert_row *r = deia__alloc(sizeof(*r));

	if (r)
		snprintf(r->id, sizeof(r->id), "%s", id);
	return r;
}

static struct deia__alert_row *row_add(struct deia__health *hh, const char *id)
{
	struct deia__alert_row *r = row_of(hh, id);

	if (r)
		return r;
	r = row_new(id);
	if (!r)
		return NULL;
	HASH_ADD_STR(hh->rows, id, r);
	if (!r->hh.tbl) {
		deia__free(r);
		return NULL;
	}
	return r;
}

static void enqueue(struct deia__health *hh, struct deia__alert_row *r)
{
	if (!r->queued)
		TAILQ_INSERT_TAIL(&hh->queue, r, link);
	r->queued = true;
	deia__saver_changed(&hh->saver);
}

static void dequeue(struct deia__health *hh, struct deia__alert_row *r)
{
	if (r->queued)
		TAILQ_REMOVE(&hh->queue, r, link);
	r->queued = false;
}

static void land(struct deia__health *hh, struct deia__alert_row *r)
{
	if (r->flies)
		TAILQ_REMOVE(&hh->flight, r, flight);
	r->flies = false;
	r->flying = 0;
}

static bool is_held(const deia_hive *h)
{
	struct deia_store_stats st;

	if (h->health->refused || !h->store)
		return true;
	deia_store_get_stats(h->store, &st);
	return st.away;
}

static void note(deia_hive *h, struct deia__alert_row *r, unsigned change)
{
	if (is_held(h) && change != NO_EVENT)
		r->changes = change;
	else
		r->changes |= change;
	enqueue(h->health, r);
}

void deia__alerts_changed(const struct deia_health_event *e, void *user)
{
	deia_hive *h = user;
	struct deia__alert_row *r;

	journal(h, e);
	say(h, e);
	deia__telling_tell(h, e);
	r = row_add(h->health, e->alert->id);
	if (r)
		note(h, r, BIT(e->change));
	else
		h->health->missed = true;
}

void deia__alerts_again(deia_hive *h, const char *id, unsigned changes)
{
	struct deia__alert_row *r = row_of(h->health, id);

	if (!r)
		return;
	r->changes |= changes;
	enqueue(h->health, r);
}

bool deia__alerts_know(deia_hive *h, const char *id, bool again)
{
	struct deia__alert_row *r = row_add(h->health, id);

	if (!r)
		return false;
	r->stored = true;
	if (again)
		note(h, r, NO_EVENT);
	return true;
}

/* ---- what is not kept any more ------------------------------------------- */

/* r is in no hash: it is freed once its row is deleted. */
static void delete_row(deia_hive *h, struct deia__alert_row *r)
{
	r->gone = true;
	r->changes = NO_EVENT;
	enqueue(h->health, r);
}

void deia__alerts_delete(deia_hive *h, const char *id)
{
	struct deia__alert_row *r = row_new(id);

	if (r) /* else at the next start */
		delete_row(h, r);
}

static void forget(deia_hive *h, struct deia__alert_row *r)
{
	HASH_DEL(h->health->rows, r);
	if (r->stored || r->flies) {
		delete_row(h, r);
		return;
	}
	dequeue(h->health, r);
	deia__free(r);
}

static void store_all(deia_hive *h)
{
	const struct deia_health_alert *a = NULL;
	struct deia__health *hh = h->health;
	struct deia__alert_row *r;

	hh->missed = false;
	while ((a = deia_health_next_alert(hh->monitor, a)) != NULL) {
		r = row_add(hh, a->id);
		if (r)
			note(h, r, NO_EVENT);
		else
			hh->missed = true;
	}
}

void deia__alerts_sweep(deia_hive *h)
{
	struct deia__health *hh = h->health;
	struct deia__alert_row *r, *next;
	struct deia_health_summary s;

	if (hh->missed)
		store_all(h);
	if (!TAILQ_EMPTY(&hh->queue)) /* its timer may have found no memory */
		deia__saver_changed(&hh->saver);
	deia_health_get_summary(hh->monitor, &s);
	if (HASH_COUNT(hh->rows) <= s.kept)
		return;
	HASH_ITER(hh, hh->rows, r, next)
		if (!deia_health_get_alert(hh->monitor, r->id))
			forget(h, r);
}

/* ---- storing ------------------------------------------------------------- */

static unsigned count_events(unsigned changes)
{
	unsigned n = 0;

	for (changes &= ~NO_EVENT; changes; changes &= changes - 1)
		n++;
	return n;
}

static void put_events(struct deia__change *c, const char *id, unsigned changes,
		       const char *text)
{
	char type[40];

	for (unsigned i = 0; i < DEIA_HEALTH_CHANGES; i++) {
		if (!(changes & BIT(i) & ~NO_EVENT))
			continue;
		snprintf(type, sizeof(type), "alert.%s",
			 deia_health_change_name((deia_health_change)i));
		deia__change_event(c, type, id, text);
	}
}

static void put_alert(deia_hive *h, struct deia__change *c,
		      const struct deia_health_alert *a, unsigned changes)
{
	struct deia_value row[ALERT_COLUMNS];
	const char *text;
	deia_jw w;

	deia_jw_init(&w);
	deia_health_print_alert(a, &w);
	text = deia_jw_status(&w) ? NULL : w.text;
	if (!text)
		deia__change_no_memory(c);
	row[ALERT_ID] = deia_text(a->id);
	row[ALERT_NODE] = deia_text(deia__node_mark(h));
	row[ALERT_STATE] = deia_int(a->state);
	row[ALERT_FIRED] = deia_int(a->fired_unix_ms);
	row[ALERT_DATA] = deia_text(text ? text : "{}");
	deia_txn_put(deia__change_txn(c), &deia__table_alerts, row);
	put_events(c, a->id, changes, text);
	deia_jw_fini(&w);
}

unsigned deia__alerts_into(deia_hive *h, struct deia__change *c,
			   const struct deia_health_alert *a)
{
	struct deia__alert_row *r = row_of(h->health, a->id);
	unsigned changes = r ? r->changes | NO_EVENT : NO_EVENT;

	put_alert(h, c, a, changes);
	if (r) {
		r->changes = 0;
		r->stored = true; /* perhaps */
		dequeue(h->health, r);
	}
	return changes;
}

/* What flew before has arrived. */
static void all_landed(struct deia__health *hh)
{
	struct deia__alert_row *r;

	while ((r = TAILQ_FIRST(&hh->flight)) != NULL) {
		land(hh, r);
		r->stored = !r->gone;
		if (r->gone && !r->queued)
			deia__free(r);
	}
}

static void fly(deia_hive *h, struct deia__change *c, struct deia__alert_row *r)
{
	const struct deia_health_alert *a =
		deia_health_get_alert(h->health->monitor, r->id);
	struct deia_value key = deia_text(r->id);

	dequeue(h->health, r);
	if (r->gone)
		deia_txn_delete(deia__change_txn(c), &deia__table_alerts, &key);
	else if (a) /* else the next sweep sees it */
		put_alert(h, c, a, r->changes);
	r->flying = r->changes;
	r->changes = 0;
	r->flies = true;
	TAILQ_INSERT_TAIL(&h->health->flight, r, flight);
}

static bool put(deia_hive *h, struct deia__change *c)
{
	struct deia__health *hh = h->health;
	unsigned room = DEIA__CHANGE_EVENTS, rows = ROWS_A_CHANGE;
	struct deia__alert_row *r;

	all_landed(hh);
	hh->refused = false;
	while ((r = TAILQ_FIRST(&hh->queue)) != NULL && rows > 0 &&
	       count_events(r->changes) <= room) {
		room -= count_events(r->changes);
		rows--;
		fly(h, c, r);
	}
	hh->saver.again = r != NULL;
	return !TAILQ_EMPTY(&hh->flight);
}

static void all_new(deia_hive *h)
{
	struct deia__health *hh = h->health;
	struct deia__alert_row *r;

	hh->refused = true;
	while ((r = TAILQ_FIRST(&hh->flight)) != NULL) {
		if (!r->changes) /* else that is later */
			r->changes = r->flying;
		land(hh, r);
		if (!r->queued)
			TAILQ_INSERT_TAIL(&hh->queue, r, link);
		r->queued = true;
	}
}

static const struct deia__saver_kind kind = {
	.what = "what became of alerts",
	.soon_ms = SOON_MS,
	.retry_ms = RETRY_MS,
	.put = put,
	.all_new = all_new,
};

/* ---- life ---------------------------------------------------------------- */

void deia__alerts_flush(deia_hive *h)
{
	struct deia__health *hh = h->health;

	while (h->store && !TAILQ_EMPTY(&hh->queue)) {
		deia__saver_flush(&hh->saver);
		if (hh->refused)
			return; /* it is known until the hive ends */
	}
}

deia_err deia__alerts_open(deia_hive *h)
{
	struct deia__health *hh = h->health;
	char path[PATH_MAX];

	deia__saver_init(&hh->saver, h, &kind);
	if (!h->logs)
		return DEIA_OK;
	snprintf(path, sizeof(path), "%s/health-alerts.jsonl", h->log_dir);
	if (deia__logfile_open(&hh->journal, h->logs, path,
			       DEIA_MAX_LOG_FILE_BYTES, DEIA_LOG_FILES_KEPT))
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	return DEIA_OK;
}

void deia__alerts_free(deia_hive *h)
{
	struct deia__health *hh = h->health;
	struct deia__alert_row *r, *next;

	if (h->timers)
		deia__timer_clear(h->timers, &hh->saver.timer);
	all_landed(hh);
	while ((r = TAILQ_FIRST(&hh->queue)) != NULL) {
		dequeue(hh, r);
		if (r->gone)
			deia__free(r);
	}
	HASH_ITER(hh, hh->rows, r, next) {
		HASH_DEL(hh->rows, r);
		deia__free(r);
	}
	deia_jw_fini(&hh->line);
	if (hh->journal)
		deia__logfile_close(hh->journal);
}
