/* SPDX-License-Identifier: MIT */
/* gather.c - see gather.h. Moves are durable when they come here. */
#include "hive/gather.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define GATHER_MS 20
#define RETRY_MS 100
#define ITEMS_MAX 200 /* of one event */
#define QUEUE_MAX 256 /* events that wait for the store */

static void on_timer(void *arg)
{
	deia__gatherer_flush(arg);
}

void deia__gatherer_init(struct deia__gatherer *g, deia_hive *h,
			 const char *what, const char *const *types, unsigned n)
{
	assert(n <= DEIA__GATHER_TYPES);
	g->hive = h;
	g->what = what;
	g->types = types;
	g->n_types = n;
	STAILQ_INIT(&g->events);
	for (unsigned i = 0; i < n; i++)
		deia_jw_init(&g->gather[i].w);
	g->timer.fn = on_timer;
	g->timer.arg = g;
}

static void drop_first(struct deia__gatherer *g)
{
	struct deia__gathered *e = STAILQ_FIRST(&g->events);

	STAILQ_REMOVE_HEAD(&g->events, link);
	g->n_events--;
	deia__free(e->data);
	deia__free(e);
}

void deia__gatherer_fini(struct deia__gatherer *g)
{
	if (!g->hive)
		return;
	deia__timer_clear(g->hive->timers, &g->timer);
	while (g->n_events)
		drop_first(g);
	for (unsigned i = 0; i < g->n_types; i++)
		deia_jw_fini(&g->gather[i].w);
}

bool deia__gatherer_pending(const struct deia__gatherer *g)
{
	for (unsigned i = 0; i < g->n_types; i++)
		if (g->gather[i].n)
			return true;
	return g->n_events != 0;
}

/* ---- gathering --------------------------------------------------------------- */

/* What was gathered is one event in the queue now, or omitted. */
static void close_gather(struct deia__gatherer *all, unsigned type)
{
	struct deia__gather *g = &all->gather[type];
	struct deia__gathered *e = NULL;

	deia_jw_end_array(&g->w);
	if (g->omitted)
		deia_jw_kint(&g->w, "omitted", (int64_t)g->omitted);
	deia_jw_end_object(&g->w);
	if (all->n_events < QUEUE_MAX && !deia_jw_status(&g->w))
		e = deia__alloc(sizeof(*e));
	if (e)
		e->data = deia__strndup(g->w.text, g->w.len);
	if (e && e->data) {
		e->type = type;
		if (!g->mixed)
			memcpy(e->subject, g->subject, sizeof(e->subject));
		STAILQ_INSERT_TAIL(&all->events, e, link);
		all->n_events++;
		g->omitted = 0;
	} else {
		deia__free(e);
		g->omitted += g->n;
	}
	g->n = 0;
}

void deia__gatherer_cut(struct deia__gatherer *g)
{
	for (unsigned i = 0; i < g->n_types; i++)
		if (g->gather[i].n)
			close_gather(g, i);
}

static void open_gather(struct deia__gather *g, const char *subject)
{
	deia_jw_reset(&g->w);
	deia_jw_object(&g->w);
	deia_jw_key(&g->w, "items");
	deia_jw_array(&g->w);
	snprintf(g->subject, sizeof(g->subject), "%s", subject);
	g->mixed = false;
}

deia_jw *deia__gatherer_begin(struct deia__gatherer *all, unsigned type,
			      const char *subject)
{
	struct deia__gather *g = &all->gather[type];

	if (!g->n)
		open_gather(g, subject);
	else if (!g->mixed && strcmp(g->subject, subject) != 0)
		g->mixed = true;
	return &g->w;
}

/* Every move of one turn of the loop goes together, also the first. */
static void set_timer(struct deia__gatherer *g)
{
	deia__timers *timers = g->hive->timers;
	int64_t quiet = deia__timers_now(timers) - g->told_ms;

	if (!deia__timer_armed(&g->timer))
		(void)!deia__timer_set(timers, &g->timer, GATHER_MS - quiet);
}

void deia__gatherer_end(struct deia__gatherer *g, unsigned type)
{
	if (++g->gather[type].n == ITEMS_MAX)
		deia__gatherer_cut(g);
	set_timer(g);
}

/* ---- handing over -------------------------------------------------------------- */

/* The oldest, as many as one change holds. */
static deia_err commit_some(struct deia__gatherer *g, unsigned *n)
{
	struct deia__change *c = deia__change_new(g->hive);
	struct deia__gathered *e = STAILQ_FIRST(&g->events);

	for (*n = 0; e && *n < DEIA__CHANGE_EVENTS; ++*n) {
		deia__change_event(c, g->types[e->type], e->subject, e->data);
		e = STAILQ_NEXT(e, link);
	}
	return deia__change_commit(c, g->hive, NULL, NULL);
}

static void hand_over(struct deia__gatherer *g)
{
	deia_hive *h = g->hive;
	deia_err err = DEIA_OK;
	unsigned n;

	while (g->n_events && !err) {
		err = commit_some(g, &n);
		if (err == DEIA_EBUSY || err == DEIA_ENOMEM)
			break; /* they are tried again */
		if (err)
			deia__hive_log(h, DEIA_LOG_ERROR,
				       "%u events about %s are lost: %s", n,
				       g->what, h->msg.text);
		while (n--)
			drop_first(g);
	}
	if (g->n_events && !h->freeing)
		(void)!deia__timer_set(h->timers, &g->timer, RETRY_MS);
}

void deia__gatherer_flush(struct deia__gatherer *g)
{
	deia_hive *h = g->hive;
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;

	deia__gatherer_cut(g);
	g->told_ms = deia__timers_now(h->timers);
	hand_over(g);
	h->msg = kept; /* a caller's detail stands */
	h->has_field = has_field;
}
