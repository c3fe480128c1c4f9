/* SPDX-License-Identifier: MIT */
/*
 * send.c - drafts become messages: checked, all in one change or none.
 *
 * A message is findable from the start, so that a page that is read while its
 * commit is under way does not bring it in twice.
 */
#include <stdio.h>
#include <string.h>

#include <deia/sys/json.h>

#include "core/utf8.h"
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

#define DEFAULT_METADATA "{}"

static deia_err wrong(deia_messenger *m, const char *field, const char *text)
{
	m->field = field;
	return deia__msgr_fail(m, DEIA_EFIELD, "%s %s", field, text);
}

static bool id_is_fine(const char *id)
{
	size_t len = id ? strnlen(id, DEIA_MAX_ID_LEN + 1) : 0;

	return len > 0 && len <= DEIA_MAX_ID_LEN &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			  "0123456789._-") == len;
}

static deia_err check_texts(deia_messenger *m,
			    const struct deia_message_draft *d)
{
	unsigned char id[16];
	size_t len = d->metadata ? strlen(d->metadata) : 0;

	if (d->content_len > DEIA_MAX_CONTENT_BYTES)
		return wrong(m, "content", "is over 1 MiB");
	if ((d->content_len && !d->content) ||
	    memchr(d->content_len ? d->content : "x", 0,
		   d->content_len ? d->content_len : 1) ||
	    !deia__utf8_valid(d->content, d->content_len))
		return wrong(m, "content", "must be UTF-8 without NUL");
	if (len > DEIA_MAX_METADATA_BYTES)
		return wrong(m, "metadata", "is over 16 KiB");
	if (len &&
	    (d->metadata[0] != '{' || deia_json_check(d->metadata, len, NULL)))
		return wrong(m, "metadata", "must be a JSON object");
	if (d->reply_to && *d->reply_to && !deia__id_parse(id, d->reply_to))
		return wrong(m, "reply_to", "must be the id of a message");
	if (d->dialogue && *d->dialogue && !deia__id_parse(id, d->dialogue))
		return wrong(m, "dialogue", "must be the id of a dialogue");
	if (d->by &&
	    strnlen(d->by, DEIA_MAX_NAME_BYTES + 1) > DEIA_MAX_NAME_BYTES)
		return wrong(m, "by", "is over 256 bytes");
	return DEIA_OK;
}

/* from, to: NULL when they are not known. */
static deia_err check_draft(deia_messenger *m,
			    const struct deia_message_draft *d,
			    const struct deia__inbox *from,
			    const struct deia__inbox *to)
{
	if (d->size != sizeof(*d))
		return deia__msgr_fail(m, DEIA_EINVAL,
				       "a draft has no size: use "
				       "DEIA_MESSAGE_DRAFT_INIT");
	if (!from && !id_is_fine(d->from))
		return wrong(m, "from", "must be the id of a bot");
	if (!to && !id_is_fine(d->to))
		return wrong(m, "to", "must be the id of a bot");
	if (d->priority >= DEIA_PRIORITIES)
		return wrong(m, "priority", "must be P0, P1, P2 or P3");
	if (d->ttl_seconds < 0 || d->ttl_seconds > DEIA_MAX_TTL_SECONDS)
		return wrong(m, "ttl_seconds", "must be from 1 to 7776000");
	if (d->max_attempts > DEIA_MAX_ATTEMPTS)
		return wrong(m, "max_attempts", "must be from 1 to 100");
	if (d->hops > 1000000)
		return wrong(m, "hops", "must be at most 1000000");
	return check_texts(m, d);
}

static deia_err check_inbox(deia_messenger *m,
			    const struct deia_message_draft *d,
			    struct deia__inbox *inbox)
{
	if (!inbox || !inbox->open) {
		m->field = "to";
		return deia__msgr_fail(m, DEIA_ENOTFOUND,
				       "there is no bot \"%s\" to send to",
				       d->to);
	}
	if (inbox->purging)
		return deia__msgr_fail(
			m, DEIA_EBUSY,
			"the mail of the former %s is just being "
			"deleted; try again in a moment",
			inbox->id);
	if (deia__inbox_open_len(inbox) >= m->opts.inbox_max) {
		m->status.refused++;
		deia__home_grew(m, inbox);
		return deia__msgr_fail(m, DEIA_EBUSY,
				       "the inbox of %s is full (%u messages "
				       "are not read yet); try again later",
				       inbox->id, m->opts.inbox_max);
	}
	return DEIA_OK;
}

static void fill(deia_messenger *m, struct deia__msg *msg,
		 const struct deia_message_draft *d)
{
	int64_t ttl = d->ttl_seconds ? d->ttl_seconds : m->opts.ttl_seconds;

	deia__id_next(m, msg->id);
	msg->created_ms = deia__wall_now(m);
	msg->expires = deia__hive_now(m) + ttl * 1000;
	msg->max_attempts = (uint16_t)(d->max_attempts ? d->max_attempts
						       : m->opts.max_attempts);
	msg->priority = (uint8_t)d->priority;
	msg->status = DEIA_MESSAGE_PENDING;
	msg->notify = d->notify;
	msg->aside = d->dialogue && *d->dialogue;
}

deia_err deia__draft_msg(deia_messenger *m, const struct deia_message_draft *d,
			 struct deia__msg **out)
{
	char trace[DEIA_TRACEPARENT_LEN + 1];
	struct deia__body_text text = {
		.by = d->by,
		.reply_to = d->reply_to,
		.dialogue = d->dialogue,
		.metadata = d->metadata && *d->metadata ? d->metadata
							: DEFAULT_METADATA,
		.content = d->content,
		.content_len = d->content_len,
		.ttl_seconds =
			d->ttl_seconds ? d->ttl_seconds : m->opts.ttl_seconds,
		.hops = d->hops,
		.traceparent = trace,
	};
	struct deia__inbox *to = d->to ? deia__inbox_find(m, d->to) : NULL;
	struct deia__inbox *from =
		d->from ? deia__inbox_find(m, d->from) : NULL;
	struct deia__msg *msg;
	deia_err err = check_draft(m, d, from, to);

	(void)deia_trace_parse(trace, d->traceparent);

	if (!err)
		err = check_inbox(m, d, to);
	if (err || !to)
		return err;
	if (!from)
		from = deia__inbox_get(m, d->from);
	if (!from)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	deia__inbox_ref(from);
	msg = deia__msg_new(m, to, from, &text);
	deia__inbox_unref(m, from);
	if (!msg)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	fill(m, msg, d);
	msg->sending = true;
	deia__msg_add(m, msg);
	to->sending++;
	*out = msg;
	return DEIA_OK;
}

/* ---- the call ------------------------------------------------------------ */

static deia_err plan_drafts(struct deia__mail_op *op,
			    const struct deia_message_draft *drafts, size_t n)
{
	deia_messenger *m = op->m;

	for (size_t i = 0; i < n; i++) {
		struct deia__msg *msg = NULL;
		struct deia__plan *p;
		deia_err err = deia__draft_msg(m, &drafts[i], &msg);

		m->error_index = (int)i;
		if (err)
			return err;
		p = deia__op_plan(op, msg, DEIA_MESSAGE_QUEUED, NULL);
		p->stray = true; /* there is room: op_new made it */
	}
	m->error_index = -1;
	return DEIA_OK;
}

static deia_err take_key(struct deia__mail_op *op, const char *key,
			 const struct deia_message_draft *drafts, size_t n)
{
	size_t len = strnlen(key, DEIA_MAX_KEY_BYTES + 1);

	if (len == 0 || len > DEIA_MAX_KEY_BYTES || !deia__utf8_valid(key, len))
		return deia__msgr_fail(op->m, DEIA_EINVAL,
				       "an idempotency key has 1 to %d bytes "
				       "of UTF-8",
				       DEIA_MAX_KEY_BYTES);
	op->key = deia__strdup(key);
	op->sender = deia__strdup(drafts[0].from);
	if (!op->key || !op->sender)
		return deia__msgr_fail(op->m, DEIA_ENOMEM, "out of memory");
	deia__draft_fingerprint(op->fingerprint, drafts, n);
	return DEIA_OK;
}

/*
 * Before an inbox is said to be unknown or full: when this call was made
 * before, it has the answer that it had then.
 */
static deia_err made_before(struct deia__mail_op *op, const char *key,
			    const struct deia_message_draft *drafts, size_t n,
			    deia_err refusal)
{
	deia_messenger *m = op->m;
	struct deia__refusal *r = deia__alloc(sizeof(*r));
	deia_err err = DEIA_OK;

	deia__op_undo(op);
	op->refusal = r;
	if (!r) {
		deia__op_free(op);
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	}
	r->err = refusal;
	r->index = m->error_index;
	r->field = m->field;
	snprintf(r->text, sizeof(r->text), "%s", m->msg.text);
	for (size_t i = (size_t)r->index + 1; i < n && !err; i++)
		err = check_draft(m, &drafts[i], NULL, NULL);
	if (!err)
		err = take_key(op, key, drafts, n);
	if (!err)
		err = deia__key_ask(op);
	if (err && err != DEIA_ENOMEM)
		err = deia__refuse(op);
	if (err)
		deia__op_free(op);
	return err;
}

static void on_sent(struct deia__mail_op *op, deia_err err)
{
	deia_messenger *m = op->m;
	unsigned n = 0;

	if (!op->cb)
		return;
	/* What cannot be shown was sent all the same. */
	if (!err && deia__views_room(m, op->n)) {
		for (; n < op->n; n++) {
			deia__view_plan(m, &m->views[n], &op->plans[n]);
			m->items[n] = m->views[n].pub;
		}
	}
	op->cb(err, n ? m->items : NULL, n, false, op->user);
}

/* Each copy is written by itself, so a few requests could hold up all. */
static deia_err check_bytes(deia_messenger *m,
			    const struct deia_message_draft *drafts, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		if (drafts[i].content_len > DEIA_MAX_CONTENT_BYTES)
			return DEIA_OK; /* this one is said to be wrong */
		bytes += drafts[i].content_len;
	}
	if (bytes <= DEIA_MAX_SEND_BYTES)
		return DEIA_OK;
	m->status.refused++;
	return deia__msgr_fail(m, DEIA_ELIMIT,
			       "the contents of one send are over %u MiB, each "
			       "copy counted; send them in several requests",
			       DEIA_MAX_SEND_BYTES >> 20);
}

deia_err deia_messenger_send(deia_messenger *m,
			     const struct deia_message_draft *drafts, size_t n,
			     const char *key, bool *replayed,
			     deia_messages_cb cb, void *user)
{
	struct deia__mail_op *op;
	deia_err err = deia__msgr_check(m);

	if (replayed)
		*replayed = false;
	if (err)
		return err;
	if (!drafts || n == 0 || n > DEIA_MAX_BATCH_LEN)
		return deia__msgr_fail(m, DEIA_ELIMIT,
				       "a batch has 1 to %d messages",
				       DEIA_MAX_BATCH_LEN);
	err = check_bytes(m, drafts, n);
	if (err)
		return err;
	op = deia__op_new(m, (unsigned)n);
	if (!op)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	op->cb = cb;
	op->user = user;
	op->done = on_sent;
	op->replayed = replayed;
	err = plan_drafts(op, drafts, n);
	if (key && (err == DEIA_ENOTFOUND || err == DEIA_EBUSY))
		return made_before(op, key, drafts, n, err);
	if (!err && key)
		err = take_key(op, key, drafts, n);
	if (err) {
		deia__op_drop(op);
		return err;
	}
	return deia__op_commit(op);
}
