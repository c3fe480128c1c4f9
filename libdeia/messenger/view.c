/* SPDX-License-Identifier: MIT */
/*
 * view.c - a message as callers see it, from memory or from a row.
 *
 * Of an open message the row is right about what never changes; how often it
 * was handed over, and under which lease, memory knows.
 */
#include <stdio.h>
#include <string.h>

#include "messenger/homes/leases.h"
#include "messenger/settle.h"
#include "store/schema.h"

#define EXPIRY_NOISE_MS 1000

bool deia__views_room(deia_messenger *m, unsigned n)
{
	struct deia__view *views;
	struct deia_message *items;

	if (n <= m->views_cap)
		return true;
	views = deia__realloc(m->views, n * sizeof(*views));
	if (views)
		m->views = views;
	items = deia__realloc(m->items, n * sizeof(*items));
	if (items)
		m->items = items;
	if (!views || !items)
		return false;
	m->views_cap = n;
	return true;
}

static bool is_open(const struct deia__msg *msg)
{
	return msg->status == DEIA_MESSAGE_PENDING ||
	       msg->status == DEIA_MESSAGE_DELIVERED;
}

/* What moves. */
static void view_state(const deia_messenger *m, struct deia__view *v,
		       const struct deia__msg *msg)
{
	struct deia_message *pub = &v->pub;
	bool pending = msg->status == DEIA_MESSAGE_PENDING;

	pub->status = (deia_message_status)msg->status;
	pub->attempt = msg->attempt;
	pub->max_attempts = msg->max_attempts;
	pub->redelivered = msg->attempt > 1;
	pub->delivered_unix_ms = msg->delivered_ms;
	pub->finished_unix_ms = is_open(msg) ? 0 : msg->due;
	pub->lease_unix_ms = 0;
	pub->retry_unix_ms = 0;
	v->token[0] = '\0';
	if (msg->status == DEIA_MESSAGE_DELIVERED) {
		deia__lease_print(v->token, msg->lease);
		/* Of a held one elsewhere it is not known. */
		pub->lease_unix_ms = msg->due ? deia__wall_of(m, msg->due) : 0;
	} else if (pending && msg->due > deia__hive_now(m)) {
		pub->retry_unix_ms = deia__wall_of(m, msg->due);
	}
	pub->lease_token = v->token;
	pub->reason = msg->reason ? msg->reason : "";
}

static void view_body(struct deia__view *v, const struct deia__body *body)
{
	struct deia__body_text t;

	deia__body_read(body, &t);
	v->pub.by = t.by;
	v->pub.reply_to = t.reply_to;
	v->pub.dialogue = t.dialogue;
	v->pub.traceparent = t.traceparent;
	v->pub.metadata = t.metadata;
	v->pub.content = t.content;
	v->pub.content_len = t.content_len;
	v->pub.ttl_seconds = t.ttl_seconds;
	v->pub.hops = t.hops;
}

static int64_t expiry_as_made(const struct deia_message *pub)
{
	return pub->created_unix_ms + pub->ttl_seconds * 1000;
}

/* On the wall clock. It moves when that clock jumps, but not by what lies
 * between reading two clocks. */
static int64_t expiry_of(const deia_messenger *m,
			 const struct deia_message *pub, int64_t expires)
{
	int64_t wall = deia__wall_of(m, expires), made = expiry_as_made(pub);

	return wall - made < EXPIRY_NOISE_MS && made - wall < EXPIRY_NOISE_MS
		       ? made
		       : wall;
}

void deia__view_msg(const deia_messenger *m, struct deia__view *v,
		    const struct deia__msg *msg)
{
	struct deia_message *pub = &v->pub;

	memset(pub, 0, sizeof(*pub));
	deia__uuid_print(v->id, msg->id);
	pub->id = v->id;
	pub->from = msg->from->id;
	pub->to = msg->to->id;
	pub->by = pub->reply_to = pub->dialogue = pub->traceparent = "";
	pub->metadata = "{}";
	pub->priority = msg->priority;
	pub->notify = msg->notify;
	pub->created_unix_ms = msg->created_ms;
	if (msg->body)
		view_body(v, msg->body);
	pub->expires_unix_ms = is_open(msg) ? expiry_of(m, pub, msg->expires)
					    : expiry_as_made(pub);
	view_state(m, v, msg);
}

void deia__view_plan(const deia_messenger *m, struct deia__view *v,
		     const struct deia__plan *plan)
{
	deia__view_msg(m, v, plan->msg);
	if (!plan->body || plan->msg->body)
		return;
	view_body(v, plan->body);
	v->pub.expires_unix_ms = expiry_of(m, &v->pub, plan->msg->expires);
}

static int64_t number(const deia_rows *rows, size_t r, unsigned column)
{
	return deia_rows_get(rows, r, column)->i;
}

static void view_row_state(struct deia__view *v, const deia_rows *rows,
			   size_t r)
{
	struct deia_message *pub = &v->pub;
	int status =
		deia_message_status_parse(deia_rows_text(rows, r, MAIL_STATUS));

	pub->status =
		status < 0 ? DEIA_MESSAGE_PENDING : (deia_message_status)status;
	pub->attempt = (unsigned)number(rows, r, MAIL_ATTEMPT);
	pub->max_attempts = (unsigned)number(rows, r, MAIL_MAX_ATTEMPTS);
	pub->redelivered = pub->attempt > 1;
	pub->delivered_unix_ms = number(rows, r, MAIL_DELIVERED);
	pub->finished_unix_ms = number(rows, r, MAIL_FINISHED);
	pub->reason = deia_rows_text(rows, r, MAIL_REASON);
	v->token[0] = '\0';
	pub->lease_token = v->token;
}

void deia__view_row(const deia_messenger *m, struct deia__view *v,
		    const struct deia__leases *leases, const deia_rows *rows,
		    size_t r)
{
	const unsigned char *id =
		(const unsigned char *)deia_rows_get(rows, r, MAIL_ID)->s;
	const struct deia__msg *msg = deia__msg_find(m, id);
	struct deia_message *pub = &v->pub;

	memset(pub, 0, sizeof(*pub));
	deia__uuid_print(v->id, id);
	pub->id = v->id;
	pub->from = deia_rows_text(rows, r, MAIL_FROM);
	pub->to = deia_rows_text(rows, r, MAIL_TO);
	pub->by = deia_rows_text(rows, r, MAIL_BY);
	pub->content = deia_rows_text(rows, r, MAIL_CONTENT);
	pub->content_len = deia_rows_get(rows, r, MAIL_CONTENT)->len;
	pub->priority = (unsigned)number(rows, r, MAIL_PRIORITY);
	pub->notify = number(rows, r, MAIL_NOTIFY) != 0;
	pub->hops = (unsigned)number(rows, r, MAIL_HOPS);
	pub->ttl_seconds = number(rows, r, MAIL_TTL);
	pub->created_unix_ms = number(rows, r, MAIL_CREATED);
	pub->expires_unix_ms =
		number(rows, r, MAIL_PHASE) == PHASE_OPEN
			? expiry_of(m, pub, number(rows, r, MAIL_DUE))
			: expiry_as_made(pub);
	pub->reply_to = deia_rows_text(rows, r, MAIL_REPLY_TO);
	pub->dialogue = deia_rows_text(rows, r, MAIL_DIALOGUE);
	pub->traceparent = deia_rows_text(rows, r, MAIL_TRACE);
	pub->metadata = deia_rows_text(rows, r, MAIL_METADATA);
	if (!msg || msg->sending)
		msg = number(rows, r, MAIL_PHASE) == PHASE_OPEN
			      ? deia__leases_find(leases, id)
			      : NULL;
	if (msg)
		view_state(m, v, msg);
	else
		view_row_state(v, rows, r);
}

void deia__view_as_new(struct deia__view *v)
{
	struct deia_message *pub = &v->pub;

	pub->status = DEIA_MESSAGE_PENDING;
	pub->attempt = 0;
	pub->redelivered = false;
	pub->delivered_unix_ms = pub->finished_unix_ms = 0;
	pub->lease_unix_ms = pub->retry_unix_ms = 0;
	pub->expires_unix_ms = expiry_as_made(pub);
	v->token[0] = '\0';
	pub->lease_token = v->token;
	pub->reason = "";
}
