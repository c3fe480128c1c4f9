/* SPDX-License-Identifier: MIT */
/* mail_events.c - what happened to messages, gathered into events. */
#include "hive/mail/mail.h"

static const char *const types[] = {
	[DEIA_MESSAGE_QUEUED] = "message.queued",
	[DEIA_MESSAGE_HANDED_OVER] = "message.delivered",
	[DEIA_MESSAGE_WAS_READ] = "message.read",
	[DEIA_MESSAGE_RETRY] = "message.retry",
	[DEIA_MESSAGE_GAVE_UP] = "message.failed",
	[DEIA_MESSAGE_RAN_OUT] = "message.expired",
	[DEIA_MESSAGE_REQUEUED] = "message.requeued",
};
#define N_TYPES (sizeof(types) / sizeof(*types))
_Static_assert(N_TYPES <= DEIA__GATHER_TYPES, "a gatherer has room for each");

void deia__mail_events_init(deia_hive *h)
{
	deia__gatherer_init(&h->mail->events, h, "mail", types, N_TYPES);
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
	deia__trace_print(w, m->traceparent);
	if (m->reason[0])
		deia_jw_kstr(w, "reason", m->reason);
	deia_jw_end_object(w);
}

void deia__mail_events_add(deia_hive *h, const struct deia_message_move *move)
{
	struct deia__gatherer *g = &h->mail->events;

	if ((unsigned)move->event >= N_TYPES)
		return;
	print_item(deia__gatherer_begin(g, move->event, move->message->to),
		   move->message);
	deia__gatherer_end(g, move->event);
}
