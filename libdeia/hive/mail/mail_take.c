/* SPDX-License-Identifier: MIT */
/*
 * mail_take.c - settling and looking at mail: who may, and what is shown.
 *
 * A bot settles what is in its own inbox and sees what it sent or got; other
 * mail does not exist for it. The token of a lease is shown to the recipient,
 * operators and administrators only: whoever has it can settle the message.
 * Waiting for mail is in mail_wait.c.
 */
#include "hive/mail/mail.h"

#include <string.h>

struct call {
	deia_hive *hive;
	struct deia_actor actor; /* its replay is not looked at */
	deia_messages_cb cb;
	void *user;
	char id[37];   /* read, requeue: of the message */
	deia_err err;  /* read: of this message */
	bool one;      /* get: what is not its own is not there */
	bool bare;     /* without contents */
	bool requeues; /* to be audited */
};

static deia_err denied(deia_hive *h, const char *what)
{
	deia__hive_fail(h, DEIA_EDENIED, "%s", what);
	return DEIA_EDENIED;
}

/* Takes over: on an error the call is freed, and cb never called. */
static deia_err began(deia_hive *h, struct call *c, deia_err err)
{
	if (err)
		deia__free(c);
	else
		h->mail->n_calls++;
	return deia__mail_told(h, err);
}

static struct call *call_new(deia_hive *h, const struct deia_actor *actor,
			     deia_messages_cb cb, void *user)
{
	struct call *c = deia__alloc(sizeof(*c));

	if (!c) {
		deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		return NULL;
	}
	c->hive = h;
	c->actor = *actor;
	c->cb = cb;
	c->user = user;
	return c;
}

/* Gives the answer, whose detail is said already. */
static void answer(struct call *c, deia_err err,
		   const struct deia_message *items, size_t n, bool more)
{
	deia_hive *h = c->hive;

	c->cb(err, err ? NULL : items, err ? 0 : n, more, c->user);
	deia__free(c);
	deia__mail_call_ended(h);
}

/* ---- what is shown ------------------------------------------------------------ */

static bool may_see(const struct deia_actor *a, const struct deia_message *m)
{
	return a->role != DEIA_ROLE_BOT || strcmp(a->name, m->from) == 0 ||
	       strcmp(a->name, m->to) == 0;
}

static bool may_see_token(const struct deia_actor *a,
			  const struct deia_message *m)
{
	if (a->role == DEIA_ROLE_BOT)
		return strcmp(a->name, m->to) == 0;
	return a->role >= DEIA_ROLE_OPERATOR;
}

static bool is_as_shown(const struct call *c, const struct deia_message *m)
{
	return may_see(&c->actor, m) && may_see_token(&c->actor, m) &&
	       !(c->bare && m->content);
}

/* A copy that the actor may see; text stays borrowed. */
static size_t filter(const struct call *c, struct deia_message *out,
		     const struct deia_message *items, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!may_see(&c->actor, &items[i]))
			continue;
		out[kept] = items[i];
		if (!may_see_token(&c->actor, &items[i]))
			out[kept].lease_token = "";
		if (c->bare)
			out[kept].content = NULL;
		kept++;
	}
	return kept;
}

static void on_items(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct call *c = user;
	struct deia_message *copy = NULL;
	size_t same = 0;

	if (c->requeues)
		deia_hive_audit(c->hive, &c->actor, "message.requeue", c->id,
				err);
	deia__mail_told(c->hive, err);
	while (!err && same < n && is_as_shown(c, &items[same]))
		same++;
	if (!err && same < n) {
		copy = deia__alloc(n * sizeof(*copy));
		if (!copy)
			err = deia__hive_fail(c->hive, DEIA_ENOMEM,
					      "out of memory");
		else
			n = filter(c, copy, items, n);
		if (!err && c->one && !n)
			err = deia__hive_fail(c->hive, DEIA_ENOTFOUND,
					      "there is no such message");
	}
	answer(c, err, copy ? copy : items, n, more);
	deia__free(copy);
}

/* ---- settling ------------------------------------------------------------------- */

deia_err deia__mail_may_take(deia_hive *h, const struct deia_actor *actor,
			     const char **inbox)
{
	if (actor->role >= DEIA_ROLE_OPERATOR)
		return DEIA_OK;
	if (actor->role != DEIA_ROLE_BOT)
		return denied(h, "only the bot itself, operators and "
				 "administrators take mail from an inbox");
	if (*inbox && strcmp(*inbox, actor->name) != 0)
		return denied(h, "a bot takes mail from its own inbox only");
	*inbox = actor->name;
	return DEIA_OK;
}

/* The claim as the messenger is to have it. */
static deia_err own_claim(deia_hive *h, const struct deia_actor *actor,
			  const struct deia_message_claim *claim,
			  struct deia_message_claim *out)
{
	if (!claim || !claim->id) {
		deia__hive_fail(h, DEIA_EINVAL, "id: of which message?");
		return DEIA_EINVAL;
	}
	*out = *claim;
	return deia__mail_may_take(h, actor, &out->inbox);
}

/* Read; how it stands now is looked up, since a settled one is not kept. */
static void on_read(deia_err err, void *user)
{
	struct call *c = user;
	deia_hive *h = c->hive;

	if (!err)
		err = c->err;
	deia__mail_told(h, err);
	if (!err) {
		err = deia_messenger_get(h->mail->messenger, c->id, on_items,
					 c);
		if (!err)
			return;
		deia__mail_told(h, err);
	}
	answer(c, err, NULL, 0, false);
}

deia_err deia_mail_read(deia_hive *h, const struct deia_actor *actor,
			const struct deia_message_claim *claim,
			deia_messages_cb cb, void *user)
{
	struct deia_message_claim own;
	deia_err err = own_claim(h, actor, claim, &own);
	struct call *c;

	if (err)
		return err;
	if (!deia__uuid_valid(own.id))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "there is no such message");
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	memcpy(c->id, own.id, sizeof(c->id));
	c->one = c->bare = true;
	return began(h, c,
		     deia_messenger_read(h->mail->messenger, &own, 1, &c->err,
					 on_read, c));
}

deia_err deia_mail_release(deia_hive *h, const struct deia_actor *actor,
			   const struct deia_message_claim *claim,
			   int64_t delay_ms, const char *reason,
			   deia_messages_cb cb, void *user)
{
	struct deia_message_claim own;
	deia_err err = own_claim(h, actor, claim, &own);
	struct call *c;

	if (err)
		return err;
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	return began(h, c,
		     deia_messenger_release(h->mail->messenger, &own, delay_ms,
					    false, reason, on_items, c));
}

deia_err deia_mail_extend(deia_hive *h, const struct deia_actor *actor,
			  const struct deia_message_claim *claim,
			  int64_t lease_ms, deia_messages_cb cb, void *user)
{
	struct deia_message_claim own;
	deia_err err = own_claim(h, actor, claim, &own);
	struct call *c;

	if (err)
		return err;
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	return began(h, c,
		     deia_messenger_extend(h->mail->messenger, &own, lease_ms,
					   on_items, c));
}

deia_err deia_mail_requeue(deia_hive *h, const struct deia_actor *actor,
			   const char *id, deia_messages_cb cb, void *user)
{
	struct call *c;

	if (actor->role < DEIA_ROLE_OPERATOR)
		return denied(h, "only operators and administrators put dead "
				 "letters back into an inbox");
	if (!deia__uuid_valid(id))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "there is no such message");
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	memcpy(c->id, id, sizeof(c->id));
	c->requeues = true;
	return began(
		h, c,
		deia_messenger_requeue(h->mail->messenger, id, on_items, c));
}

/* ---- looking -------------------------------------------------------------------- */

deia_err deia_mail_get(deia_hive *h, const struct deia_actor *actor,
		       const char *id, deia_messages_cb cb, void *user)
{
	struct call *c;

	if (actor->role == DEIA_ROLE_NONE)
		return denied(h, "sign in to see mail");
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	c->one = true;
	return began(h, c,
		     deia_messenger_get(h->mail->messenger, id, on_items, c));
}

static bool is_own(const char *name, const char *id)
{
	return id && strcmp(name, id) == 0;
}

static deia_err may_page(deia_hive *h, const struct deia_actor *actor,
			 const struct deia_message_query *q)
{
	const char *name = actor->name;

	if (actor->role == DEIA_ROLE_NONE)
		return denied(h, "sign in to see mail");
	if (actor->role != DEIA_ROLE_BOT || is_own(name, q->inbox))
		return DEIA_OK;
	if (!q->inbox && (is_own(name, q->a) || is_own(name, q->b)))
		return DEIA_OK;
	return denied(h, "a bot sees its own inbox, and its own mail with one "
			 "other; nothing else");
}

deia_err deia_mail_page(deia_hive *h, const struct deia_actor *actor,
			const struct deia_message_query *query,
			deia_messages_cb cb, void *user)
{
	deia_err err = may_page(h, actor, query);
	struct call *c;

	if (err)
		return err;
	c = call_new(h, actor, cb, user);
	if (!c)
		return DEIA_ENOMEM;
	return began(
		h, c,
		deia_messenger_page(h->mail->messenger, query, on_items, c));
}
