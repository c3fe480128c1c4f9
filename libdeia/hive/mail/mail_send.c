/* SPDX-License-Identifier: MIT */
/*
 * mail_send.c - who may send as whom, and one request to several recipients.
 *
 * Drafts are spread out to one copy for each recipient before the messenger
 * sees them; which draft a copy comes from is kept for errors alone. A sender
 * that is not the actor itself is recorded with the actor's name.
 */
#include "hive/mail/mail.h"
#include "hive/tasks/budgets.h"
#include "hive/nodes/nodes.h"
#include "hive/mail/reply.h"

#include <string.h>

/* A request may look through all bots this often. */
#define TYPES_MAX 16

/* A list of copies that grows. */
struct spread {
	deia_hive *hive;
	const struct deia_actor *actor;
	struct deia_message_draft *copies;
	unsigned short *origins; /* the draft of each copy */
	size_t n, cap;
	size_t draft; /* that is being spread out */
	unsigned types;
};

struct send {
	deia_hive *hive;
	deia_messages_cb cb;
	void *user;
};

/* ---- who may ---------------------------------------------------------------- */

static bool is_bot(const deia_hive *h, const char *id)
{
	return deia__bot_known(h, id);
}

static bool is_known(const deia_hive *h, const char *id)
{
	return strcmp(id, DEIA_MESSAGE_SYSTEM) == 0 || is_bot(h, id);
}

static deia_err sign_as_bot(deia_hive *h, const struct deia_actor *actor,
			    struct deia_message_draft *d)
{
	if (d->from && strcmp(d->from, actor->name) != 0)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "a bot sends as itself: leave `from` "
				       "out, or let it be \"%s\"",
				       actor->name);
	if (!is_bot(h, actor->name))
		return deia__no_bot(h, actor->name);
	d->from = actor->name;
	d->by = NULL;
	return DEIA_OK;
}

/* Fills in sender and `by`. */
static deia_err sign(deia_hive *h, const struct deia_actor *actor,
		     struct deia_message_draft *d)
{
	if (actor->role == DEIA_ROLE_BOT)
		return sign_as_bot(h, actor, d);
	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only bots, operators and "
				       "administrators send mail");
	if (!d->from)
		d->from = DEIA_MESSAGE_SYSTEM;
	if (!is_known(h, d->from))
		return deia__hive_field(h, "/from",
					"there is no bot \"%.64s\"; name one "
					"that is there, or \"system\"",
					d->from);
	d->by = actor->name;
	return DEIA_OK;
}

/* ---- recipients --------------------------------------------------------------- */

static deia_err too_many(struct spread *s)
{
	return deia__hive_fail(s->hive, DEIA_ELIMIT,
			       "one request sends at most %d messages, counted "
			       "for each recipient; send the rest in another",
			       DEIA_MAX_BATCH_LEN);
}

static deia_err grow(struct spread *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	void *copies = deia__realloc(s->copies, cap * sizeof(*s->copies));
	void *origins;

	if (copies)
		s->copies = copies;
	origins = copies ? deia__realloc(s->origins, cap * sizeof(*s->origins))
			 : NULL;
	if (!origins)
		return deia__hive_fail(s->hive, DEIA_ENOMEM, "out of memory");
	s->origins = origins;
	s->cap = cap;
	return DEIA_OK;
}

static deia_err add(struct spread *s, const struct deia_message_draft *d,
		    const char *to)
{
	deia_err err = DEIA_OK;

	if (s->n == DEIA_MAX_BATCH_LEN)
		return too_many(s);
	if (s->n == s->cap)
		err = grow(s);
	if (err)
		return err;
	s->copies[s->n] = *d;
	s->copies[s->n].to = to;
	s->origins[s->n++] = (unsigned short)s->draft;
	return DEIA_OK;
}

static deia_err add_listed(struct spread *s, const struct deia_message_draft *d,
			   const struct deia_mail_draft *from)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < from->n_to && !err; i++) {
		const char *to = from->to[i];

		if (!to)
			err = deia__hive_fail(s->hive, DEIA_EINVAL,
					      "to: a recipient is NULL");
		else if (!is_known(s->hive, to))
			err = deia__no_bot(s->hive, to);
		else
			err = add(s, d, to);
	}
	return err;
}

static bool is_of_type(const struct spread *s, const struct deia_bot_spec *spec,
		       const struct deia_message_draft *d, const char *type)
{
	return spec->type && strcmp(spec->type, type) == 0 &&
	       strcmp(spec->id, d->from) != 0 && is_bot(s->hive, spec->id);
}

static deia_err add_type(struct spread *s, const struct deia_message_draft *d,
			 const char *type)
{
	struct deia_hive_bot bots[64];
	const char *after = NULL;
	size_t before = s->n, got = 64;
	deia_err err = DEIA_OK;

	if (++s->types > TYPES_MAX)
		return deia__hive_fail(s->hive, DEIA_ELIMIT,
				       "at most %d messages of one request may "
				       "name a `to_type`",
				       TYPES_MAX);
	while (got == 64 && !err) {
		got = deia_hive_bot_list(s->hive, after, bots, 64);
		for (size_t i = 0; i < got && !err; i++)
			if (is_of_type(s, bots[i].info->spec, d, type))
				err = add(s, d, bots[i].info->spec->id);
		if (got)
			after = bots[got - 1].info->spec->id;
	}
	if (!err && s->n == before)
		return deia__hive_fail(s->hive, DEIA_ENOTFOUND,
				       "no other bot has the type \"%.64s\"",
				       type);
	return err;
}

static deia_err spread_one(struct spread *s, const struct deia_mail_draft *from)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	size_t size = from->draft.size;
	deia_err err;

	if (size < sizeof(size) || size > sizeof(d))
		return deia__hive_fail(s->hive, DEIA_EINVAL,
				       "draft: size is not of this version");
	memcpy(&d, &from->draft, size);
	d.size = sizeof(d);
	if (!d.traceparent || !*d.traceparent)
		d.traceparent = deia__trace_of(s->hive, s->actor, d.reply_to);
	err = sign(s->hive, s->actor, &d);
	if (err)
		return err;
	if (!from->n_to == !from->to_type)
		return deia__hive_field(s->hive, "/to",
					"give either `to` or `to_type`");
	if (d.reply_to && !d.hops)
		d.hops = deia__mail_answer_hops(s->hive, d.reply_to);
	if (s->actor->role == DEIA_ROLE_BOT)
		err = deia__budgets_may_send(s->hive, d.from);
	if (!err && s->actor->role == DEIA_ROLE_BOT)
		err = deia__guard_send(s->hive, d.from,
				       from->n_to ? from->to[0] : from->to_type,
				       d.hops);
	if (err)
		return err;
	if (from->to_type)
		return add_type(s, &d, from->to_type);
	return add_listed(s, &d, from);
}

/* On an error error_index says which draft it is about. */
static deia_err spread_all(struct spread *s,
			   const struct deia_mail_draft *drafts, size_t n)
{
	deia_err err = DEIA_OK;

	if (!n)
		return deia__hive_fail(s->hive, DEIA_EINVAL,
				       "there is no message to send");
	for (size_t i = 0; i < n && !err; i++) {
		s->draft = i;
		err = spread_one(s, &drafts[i]);
		if (err)
			s->hive->mail->error_index = (int)i;
	}
	return err;
}

/* ---- sending -------------------------------------------------------------------- */

static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct send *s = user;
	deia_hive *h = s->hive;

	h->mail->error_index = -1;
	deia__mail_told(h, err);
	s->cb(err, items, n, more, s->user);
	deia__free(s);
	deia__mail_call_ended(h);
}

static deia_err hand_over(deia_hive *h, const struct spread *all,
			  const char *key, bool *replayed, struct send *s)
{
	struct deia__mail *mail = h->mail;
	deia_err err = deia_messenger_send(mail->messenger, all->copies, all->n,
					   key, replayed, on_sent, s);
	int at;

	if (!err) {
		mail->n_calls++;
		return DEIA_OK;
	}
	at = deia_messenger_error_index(mail->messenger);
	if (at >= 0 && (size_t)at < all->n)
		mail->error_index = all->origins[at];
	return deia__mail_told(h, err);
}

deia_err deia_mail_send(deia_hive *h, const struct deia_actor *actor,
			const struct deia_mail_draft *drafts, size_t n,
			const char *key, bool *replayed, deia_messages_cb cb,
			void *user)
{
	struct spread all = { .hive = h, .actor = actor };
	struct send *s = deia__alloc(sizeof(*s));
	deia_err err;

	h->mail->error_index = -1;
	if (!s)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	s->hive = h;
	s->cb = cb;
	s->user = user;
	err = spread_all(&all, drafts, n);
	if (!err)
		err = hand_over(h, &all, key, replayed, s);
	if (err)
		deia__free(s);
	else if (actor->role == DEIA_ROLE_BOT)
		deia__budgets_sent(h, actor->name, all.n);
	deia__free(all.copies);
	deia__free(all.origins);
	return err;
}
