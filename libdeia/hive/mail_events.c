/* SPDX-License-Identifier: MIT */
/*
 * mail_events.c - what happened to messages, gathered into events.
 *
 * Many messages move in a short time, and an event is a durable row: so moves
 * of one type are put together, and handed over at most every GATHER_MS; when
 * nothing was told for that long, as soon as the loop turns. Moves are durable
 * when they come here. When the store cannot take events for a while their
 * number stays bounded: moves that find no room are counted as `omitted` in a
 * later event of their type. The mail itself is never affected.
 */
#include "hive/mail.h"

#include <stdio.h>
#include <string.h>

#define GATHER_MS 20
#define RETRY_MS 100
#define ITEMS_MAX 200 /* of one event */
#define QUEUE_MAX 256 /* events that wait for the store */

static const char *const types[] = {
	[DEIA_MESSAGE_QUEUED] = "message.queued",
	[DEIA_MESSAGE_HANDED_OVER] = "message.delivered",
	[DEIA_MESSAGE_WAS_READ] = "message.read",
	[DEIA_MESSAGE_RETRY] = "message.retry",
	[DEIA_MESSAGE_GAVE_UP] = "message.failed",
	[DEIA_MESSAGE_RAN_OUT] = "message.expired",
	[DEIA_MESSAGE_REQUEUED] = "message.requeued",
};
_Static_assert(sizeof(types) / sizeof(*types) == DEIA__MAIL_TYPES,
	       "every event with a message");

static void on_timer(void *arg)
{
	deia__mail_events_flush(arg);
}

void deia__mail_events_init(deia_hive *h)
{
	struct deia__mail *mail = h->mail;

	STAILQ_INIT(&mail->events);
	for (size_t i = 0; i < DEIA__MAIL_TYPES; i++)
		deia_jw_init(&mail->gather[i].w);
	mail->events_timer.fn = on_timer;
	mail->events_timer.arg = h;
}

static void event_free(struct deia__mail_event *e)
{
	deia__free(e->data);
	deia__free(e);
}

static void drop_first(struct deia__mail *mail)
{
	struct deia__mail_event *e = STAILQ_FIRST(&mail->events);

	STAILQ_REMOVE_HEAD(&mail->events, link);
	mail->n_events--;
	event_free(e);
}

void deia__mail_events_fini(deia_hive *h)
{
	struct deia__mail *mail = h->mail;

	deia__timer_clear(h->timers, &mail->events_timer);
	while (!STAILQ_EMPTY(&mail->events))
		drop_first(mail);
	for (size_t i = 0; i < DEIA__MAIL_TYPES; i++)
		deia_jw_fini(&mail->gather[i].w);
}

bool deia__mail_events_pending(const deia_hive *h)
{
	for (size_t i = 0; i < DEIA__MAIL_TYPES; i++)
		if (h->mail->gather[i].n)
			return true;
	return h->mail->n_events != 0;
}

/* ---- gathering --------------------------------------------------------------- */

/* What was gathered is one event in the queue now, or omitted. */
static void close_gather(struct deia__mail *mail, unsigned type)
{
	struct deia__gather *g = &mail->gather[type];
	struct deia__mail_event *e = NULL;

	deia_jw_end_array(&g->w);
	if (g->omitted)
		deia_jw_kint(&g->w, "omitted", (int64_t)g->omitted);
	deia_jw_end_object(&g->w);
	if (mail->n_events < QUEUE_MAX && !deia_jw_status(&g->w))
		e = deia__alloc(sizeof(*e));
	if (e)
		e->data = deia__strndup(g->w.text, g->w.len);
	if (e && e->data) {
		e->type = type;
		if (!g->mixed)
			memcpy(e->subject, g->subject, sizeof(e->subject));
		STAILQ_INSERT_TAIL(&mail->events, e, link);
		mail->n_events++;
		g->omitted = 0;
	} else {
		deia__free(e);
		g->omitted += g->n;
	}
	g->n = 0;
}

/* All of them, in the order in which a message goes through them. */
static void close_all(struct deia__mail *mail)
{
	for (unsigned i = 0; i < DEIA__MAIL_TYPES; i++)
		if (mail->gather[i].n)
			close_gather(mail, i);
}

static void open_gather(struct deia__gather *g, const char *to)
{
	deia_jw_reset(&g->w);
	deia_jw_object(&g->w);
	deia_jw_key(&g->w, "items");
	deia_jw_array(&g->w);
	snprintf(g->subject, sizeof(g->subject), "%s", to);
	g->mixed = false;
}

static void print_item(deia_jw *w, const struct deia_message *m)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", m->id);
	deia_jw_kstr(w, "from", m->from);
	deia_jw_kstr(w, "to", m->to);
	deia_jw_kstr(w, "priority", deia_priority_name(m->priority));
	deia_jw_kint(w, "attempt", m->attempt);
	if (m->dialogue[0])
		deia_jw_kstr(w, "dialogue", m->dialogue);
	if (m->reason[0])
		deia_jw_kstr(w, "reason", m->reason);
	deia_jw_end_object(w);
}

/* Every message of one turn of the loop goes together, also the first. */
static void set_timer(deia_hive *h)
{
	struct deia__mail *mail = h->mail;
	int64_t quiet = deia__timers_now(h->timers) - mail->told_ms;

	if (!deia__timer_armed(&mail->events_timer))
		(void)!deia__timer_set(h->timers, &mail->events_timer,
				       GATHER_MS - quiet);
}

void deia__mail_events_add(deia_hive *h, const struct deia_message_move *move)
{
	const struct deia_message *m = move->message;
	struct deia__gather *g;

	if ((unsigned)move->event >= DEIA__MAIL_TYPES)
		return;
	g = &h->mail->gather[move->event];
	if (!g->n)
		open_gather(g, m->to);
	else if (!g->mixed && strcmp(g->subject, m->to) != 0)
		g->mixed = true;
	print_item(&g->w, m);
	if (++g->n == ITEMS_MAX)
		close_all(h->mail);
	set_timer(h);
}

/* ---- handing over -------------------------------------------------------------- */

/* The oldest, as many as one change holds. */
static deia_err commit_some(deia_hive *h, unsigned *n)
{
	struct deia__change *c = deia__change_new(h);
	struct deia__mail_event *e = STAILQ_FIRST(&h->mail->events);

	for (*n = 0; e && *n < DEIA__CHANGE_EVENTS; ++*n) {
		deia__change_event(c, types[e->type], e->subject, e->data);
		e = STAILQ_NEXT(e, link);
	}
	return deia__change_commit(c, h, NULL, NULL);
}

static void hand_over(deia_hive *h)
{
	struct deia__mail *mail = h->mail;
	deia_err err = DEIA_OK;
	unsigned n;

	while (mail->n_events && !err) {
		err = commit_some(h, &n);
		if (err == DEIA_EBUSY || err == DEIA_ENOMEM)
			break; /* they are tried again */
		if (err)
			deia__hive_log(h, DEIA_LOG_ERROR,
				       "%u events about mail are lost: %s", n,
				       h->msg.text);
		while (n--)
			drop_first(mail);
	}
	if (mail->n_events && !h->freeing)
		(void)!deia__timer_set(h->timers, &mail->events_timer,
				       RETRY_MS);
}

void deia__mail_events_flush(deia_hive *h)
{
	struct deia__mail *mail = h->mail;
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;

	close_all(mail);
	mail->told_ms = deia__timers_now(h->timers);
	hand_over(h);
	h->msg = kept; /* a caller's detail stands */
	h->has_field = has_field;
}
