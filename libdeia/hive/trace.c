/* SPDX-License-Identifier: MIT */
/*
 * trace.c - which trace something belongs to that a caller submits or sends.
 *
 * Who names one is asked first. Then what is answered, then the turn that a bot
 * is in: it does what it does for those. Last the trace that was begun for the
 * request alone.
 */
#include "hive/hive.h"
#include "hive/mail/mail.h"

const char *deia__trace_of(deia_hive *h, const struct deia_actor *actor,
			   const char *reply_to)
{
	const char *trace = "";

	if (*actor->traceparent && !actor->new_trace)
		return actor->traceparent;
	if (reply_to)
		trace = deia__mail_trace(h, reply_to);
	if (!*trace && actor->role == DEIA_ROLE_BOT)
		trace = deia_bots_traceparent(h->bots, actor->name);
	return *trace ? trace : actor->traceparent;
}

void deia__trace_begin(deia_hive *h, struct deia_actor *actor)
{
	deia_trace_begin(&h->traces, actor->traceparent);
	actor->new_trace = true;
}

void deia__trace_print(deia_jw *w, const char *traceparent)
{
	char id[DEIA_TRACE_ID_LEN + 1];

	deia_trace_id(id, traceparent);
	if (*id)
		deia_jw_kstr(w, "trace_id", id);
}
