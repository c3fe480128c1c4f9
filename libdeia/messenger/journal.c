/* SPDX-License-Identifier: MIT */
/* journal.c - one JSON line for each move, for people and log shippers. */
#include <string.h>

#include <deia/sys/json.h>

#include "messenger/messenger.h"

static void print_message(struct deia_jw *w, const deia_messenger *m,
			  const struct deia_message_move *move)
{
	const struct deia_message *msg = move->message;
	char trace[DEIA_TRACE_ID_LEN + 1];

	deia_jw_kstr(w, "id", msg->id);
	deia_jw_kstr(w, "from", msg->from);
	deia_jw_kstr(w, "to", msg->to);
	deia_jw_kstr(w, "priority", deia_priority_name(msg->priority));
	deia_jw_kstr(w, "status", deia_message_status_name(msg->status));
	deia_jw_kint(w, "attempt", msg->attempt);
	deia_jw_key(w, "details");
	deia_jw_object(w);
	deia_jw_kint(w, "max_attempts", msg->max_attempts);
	if (*msg->reason)
		deia_jw_kstr(w, "reason", msg->reason);
	if (*msg->reply_to)
		deia_jw_kstr(w, "reply_to", msg->reply_to);
	if (*msg->dialogue)
		deia_jw_kstr(w, "dialogue", msg->dialogue);
	if (*msg->traceparent) {
		deia_trace_id(trace, msg->traceparent);
		deia_jw_kstr(w, "trace_id", trace);
	}
	if (*msg->by)
		deia_jw_kstr(w, "by", msg->by);
	if (msg->content)
		deia_jw_kint(w, "content_bytes", (int64_t)msg->content_len);
	deia_jw_end_object(w);
	if (m->opts.journal_content && msg->content) {
		deia_jw_key(w, "content");
		deia_jw_strn(w, msg->content, msg->content_len);
	}
}

void deia__journal_write(deia_messenger *m,
			 const struct deia_message_move *move)
{
	char at[25];
	struct deia_jw w;

	if (!m->journal)
		return;
	deia__time_print(at, deia__wall_now(m));
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "timestamp", at);
	deia_jw_kstr(&w, "event", deia_message_event_name(move->event));
	if (move->message) {
		print_message(&w, m, move);
	} else {
		deia_jw_key(&w, "details");
		deia_jw_object(&w);
		deia_jw_kint(&w, "messages", (int64_t)move->count);
		deia_jw_end_object(&w);
	}
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK) {
		w.text[w.len] = '\n'; /* in the place of the NUL */
		deia__logfile_write(m->journal, w.text, w.len + 1);
	}
	deia_jw_fini(&w);
}
