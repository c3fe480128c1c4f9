/* SPDX-License-Identifier: MIT */
/*
 * book.c - the alerts that somebody is to be told of, and what each receiver
 * was told.
 *
 * An alert is here while it fires and a receiver knows of it, and until all are
 * told that it is over. A change makes it due; a message that is made takes all
 * that is due with it, which then flies until the message is taken or given up.
 */
#include "notify/notify.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"

struct deia__entry *deia__entry_get(deia_notify *n, const char *id)
{
	struct deia__entry *e;

	HASH_FIND_STR(n->entries, id, e);
	return e;
}

static struct deia__entry *entry_add(deia_notify *n,
				     const struct deia_health_alert *alert)
{
	struct deia__entry *e = NULL;

	if (HASH_COUNT(n->entries) < DEIA_NOTIFY_MAX_ALERTS)
		e = deia__alloc(sizeof(*e));
	if (!e)
		return NULL;
	e->alert = *alert;
	for (size_t i = 0; i < DEIA_NOTIFY_MAX_RECEIVERS; i++)
		e->known[i].told = DEIA__NOTIFY_NEVER;
	HASH_ADD(hh, n->entries, alert.id, strlen(e->alert.id), e);
	if (!e->hh.tbl) {
		deia__free(e);
		return NULL;
	}
	return e;
}

static void entry_free(deia_notify *n, struct deia__entry *e)
{
	HASH_DEL(n->entries, e);
	deia__free(e);
}

void deia__entry_settle(deia_notify *n, struct deia__entry *e)
{
	bool fires = e->alert.state == DEIA_HEALTH_FIRING;

	for (size_t i = 0; i < n->n_receivers; i++) {
		const struct deia__known *k = &e->known[i];

		if (k->due || k->flies || (fires && k->told >= 0))
			return;
	}
	entry_free(n, e);
}

void deia__book_free(deia_notify *n)
{
	struct deia__entry *e, *next;

	HASH_ITER(hh, n->entries, e, next)
		entry_free(n, e);
}

unsigned deia__book_due(const deia_notify *n, const struct deia__receiver *r)
{
	const struct deia__entry *e, *next;
	unsigned due = 0;

	HASH_ITER(hh, n->entries, e, next)
		due += e->known[r->number].due || e->known[r->number].flies;
	return due;
}

void deia__book_renumber(deia_notify *n, const int *before, size_t count)
{
	struct deia__known known[DEIA_NOTIFY_MAX_RECEIVERS];
	struct deia__entry *e, *next;

	HASH_ITER(hh, n->entries, e, next) {
		memcpy(known, e->known, sizeof(known));
		for (size_t i = 0; i < DEIA_NOTIFY_MAX_RECEIVERS; i++)
			if (i < count && before[i] >= 0)
				e->known[i] = known[before[i]];
			else
				e->known[i] = (struct deia__known){
					.told = DEIA__NOTIFY_NEVER
				};
	}
}

/* ---- what happens to alerts ------------------------------------------------ */

static bool wants(const struct deia__receiver *r,
		  const struct deia_health_alert *a)
{
	return a->level >= r->set.level;
}

static void mark(struct deia__receiver *r, struct deia__entry *e)
{
	struct deia__known *k = &e->known[r->number];

	if (k->due || r->limited)
		r->merged++;
	k->due = true;
	k->step = e->alert.step;
	deia__plan(r);
}

static void ended(struct deia__receiver *r, struct deia__entry *e)
{
	struct deia__known *k = &e->known[r->number];

	/* Who was to hear that it fires hears that it did. */
	if ((k->told >= 0 || k->flies) && r->set.quiet_end)
		k->due = false;
	else if (k->told >= 0 || k->flies || k->due)
		mark(r, e);
}

static void change_for(struct deia__receiver *r, struct deia__entry *e,
		       deia_health_change change)
{
	struct deia__known *k = &e->known[r->number];
	bool mirror = r->set.kind == DEIA_NOTIFY_ALERTMANAGER;

	switch (change) {
	case DEIA_HEALTH_NOTIFY:
		if (wants(r, &e->alert))
			mark(r, e);
		break;
	case DEIA_HEALTH_ENDED:
		ended(r, e);
		break;
	case DEIA_HEALTH_DEESCALATED:
		if (mirror && (k->told >= 0 || k->flies))
			mark(r, e);
		break;
	case DEIA_HEALTH_ACKNOWLEDGED:
	case DEIA_HEALTH_SILENCED: /* somebody knows */
		k->due = false;
		break;
	default:
		break;
	}
}

static bool is_wanted(const deia_notify *n, deia_health_change change,
		      const struct deia_health_alert *alert)
{
	for (size_t i = 0; change == DEIA_HEALTH_NOTIFY && i < n->n_receivers;
	     i++)
		if (wants(n->receivers[i], alert))
			return true;
	return false;
}

void deia_notify_tell(deia_notify *n, deia_health_change change,
		      const struct deia_health_alert *alert)
{
	struct deia__entry *e = deia__entry_get(n, alert->id);

	if (!e && !is_wanted(n, change, alert))
		return;
	if (!e)
		e = entry_add(n, alert);
	if (!e) {
		n->lost++;
		deia__notify_log(n, true, "alert %s finds no room to be told",
				 alert->id);
		return;
	}
	e->alert = *alert;
	for (size_t i = 0; i < n->n_receivers; i++)
		change_for(n->receivers[i], e, change);
	deia__entry_settle(n, e);
	deia__notify_changed(n);
}

/* ---- over a restart --------------------------------------------------------- */

static bool is_kept(const struct deia__known *k)
{
	return k->told >= 0 || k->due || k->flies;
}

static void print_known(deia_jw *w, const char *name,
			const struct deia__known *k)
{
	deia_jw_key(w, name);
	deia_jw_object(w);
	deia_jw_kint(w, "told", k->told);
	deia_jw_kbool(w, "due", k->due || k->flies);
	deia_jw_end_object(w);
}

void deia_notify_print_state(const deia_notify *n, struct deia_jw *w)
{
	const struct deia__entry *e, *next;

	deia_jw_object(w);
	HASH_ITER(hh, n->entries, e, next) {
		deia_jw_key(w, e->alert.id);
		deia_jw_object(w);
		for (size_t i = 0; i < n->n_receivers; i++)
			if (is_kept(&e->known[i]))
				print_known(w, n->receivers[i]->set.name,
					    &e->known[i]);
		deia_jw_end_object(w);
	}
	deia_jw_end_object(w);
}

/* Whether r should hear of it now, as far as the alert goes. */
static bool is_news(const deia_notify *n, const struct deia__receiver *r,
		    const struct deia__known *k,
		    const struct deia_health_alert *a)
{
	if (a->state != DEIA_HEALTH_FIRING)
		return k->told >= 0 && !r->set.quiet_end;
	if (!a->told || !wants(r, a) || k->told >= (int)a->level)
		return false;
	if (a->acknowledged.at_unix_ms && a->acknowledged_level >= a->level)
		return false;
	return a->silent_until_unix_ms <= deia__unix_ms(n->clock);
}

static void restore_known(struct deia__receiver *r, struct deia__entry *e,
			  const cJSON *said)
{
	const cJSON *was = cJSON_GetObjectItemCaseSensitive(said, r->set.name);
	struct deia__known *k = &e->known[r->number];
	int64_t told = DEIA__NOTIFY_NEVER;

	if (was) {
		(void)deia__json_int(was, "told", DEIA__NOTIFY_NEVER,
				     DEIA_HEALTH_CRITICAL, &told);
		k->told = (int8_t)told;
		k->due = cJSON_IsTrue(deia__json_get(was, "due")) &&
			 (told < 0 || !r->set.quiet_end ||
			  e->alert.state == DEIA_HEALTH_FIRING);
	}
	if (!k->due && !k->flies)
		k->due = is_news(r->n, r, k, &e->alert);
	if (k->due || (k->told >= 0 && r->set.kind == DEIA_NOTIFY_ALERTMANAGER))
		deia__plan(r);
}

void deia_notify_restore(deia_notify *n, const struct deia_health_alert *alert,
			 const struct cJSON *state)
{
	const cJSON *said = cJSON_GetObjectItemCaseSensitive(state, alert->id);
	struct deia__entry *e = deia__entry_get(n, alert->id);

	if (!e && !said && alert->state != DEIA_HEALTH_FIRING)
		return;
	if (!e)
		e = entry_add(n, alert);
	if (!e) {
		n->lost++;
		return;
	}
	for (size_t i = 0; i < n->n_receivers; i++)
		restore_known(n->receivers[i], e, said);
	deia__entry_settle(n, e);
}
