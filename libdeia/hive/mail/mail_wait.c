/* SPDX-License-Identifier: MIT */
/*
 * mail_wait.c - receiving mail: what was dealt with is acknowledged first, then
 * the next messages are taken, or waited for.
 *
 * Both go to the messenger at once, so that they are durable with one commit;
 * the answer is given when both have ended. A wait is ended early by its owner,
 * by the end of its token or by the hive's stop; messages that come all the
 * same go back, which costs them no attempt. While an external bot waits it is
 * heard of; while it is paused it waits without getting anything.
 */
#include "hive/mail/mail.h"
#include "hive/nodes/nodes.h"

#include <string.h>

#include "messenger/copy.h"

struct deia__mail_wait {
	deia_hive *hive;
	TAILQ_ENTRY(deia__mail_wait) link;
	deia_receiver *receiver; /* at the messenger, or NULL */
	struct deia_receive what;
	char inbox[DEIA_MAX_ID_LEN + 1];
	char token_id[DEIA_TOKEN_ID_LEN + 1]; /* whose wait it is, or "" */
	bool by_bot;
	bool asking; /* a receive is under way */
	bool reading, answered;
	bool ending;	  /* inside of end() */
	deia_err end_err; /* it was ended early: why */
	int64_t until_ms; /* when it waits for so long */
	struct deia__timer timer;
	deia_messages_cb cb;
	void *user;
	/* The answer, when it came before all was acknowledged. */
	deia_err err;
	struct deia_message *items;
	char **texts;
	size_t n;
};

static void begin(struct deia__mail_wait *w);

/* ---- an answer that has to wait ------------------------------------------------- */

static void drop_kept(struct deia__mail_wait *w)
{
	for (size_t i = 0; w->texts && i < w->n; i++)
		deia__free(w->texts[i]);
	deia__free(w->texts);
	deia__free(w->items);
	w->texts = NULL;
	w->items = NULL;
	w->n = 0;
}

static bool keep(struct deia__mail_wait *w, const struct deia_message *items,
		 size_t n)
{
	w->items = deia__alloc((n + 1) * sizeof(*items));
	w->texts = deia__alloc((n + 1) * sizeof(*w->texts));
	if (!w->items || !w->texts)
		return false;
	for (; w->n < n; w->n++) {
		w->items[w->n] = items[w->n];
		w->texts[w->n] = deia__message_keep(&w->items[w->n]);
		if (!w->texts[w->n])
			return false;
	}
	return true;
}

/* ---- its end ----------------------------------------------------------------------- */

static void on_given_back(deia_err err, const struct deia_message *items,
			  size_t n, bool more, void *user)
{
	(void)err; /* then its lease runs out by itself */
	(void)items;
	(void)n;
	(void)more;
	deia__mail_call_ended(user);
}

void deia__mail_give_back(deia_hive *h, const char *inbox,
			  const struct deia_message *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct deia_message_claim claim = { items[i].id, inbox,
						    items[i].lease_token };

		if (!deia_messenger_release(h->mail->messenger, &claim, 0, true,
					    "nobody took it", on_given_back, h))
			h->mail->n_calls++;
	}
}

/* Its bot may be gone meanwhile, or be another one of that name. */
static void uncount(const struct deia__mail_wait *w)
{
	struct deia__hbot *b =
		w->by_bot ? deia__hbot_get(w->hive, w->inbox) : NULL;

	if (b && b->n_waits)
		b->n_waits--;
}

static void forget(struct deia__mail_wait *w)
{
	deia_hive *h = w->hive;

	uncount(w);
	TAILQ_REMOVE(&h->mail->waits, w, link);
	deia__timer_clear(h->timers, &w->timer);
	drop_kept(w);
	deia__free(w);
	deia__mail_call_ended(h);
}

static void say_end(struct deia__mail_wait *w)
{
	const char *why = "the wait was cancelled";

	if (w->end_err == DEIA_EUNAVAILABLE)
		why = "the hive is stopping";
	else if (w->end_err == DEIA_EAUTH)
		why = "this token was revoked or ran out while it waited";
	deia__hive_fail(w->hive, w->end_err, "%s", why);
}

static void answer(struct deia__mail_wait *w, deia_err err,
		   const struct deia_message *items, size_t n)
{
	if (w->end_err) {
		deia__mail_give_back(w->hive, w->inbox, items, n);
		say_end(w);
		err = w->end_err;
	}
	w->cb(err, err ? NULL : items, err ? 0 : n, false, w->user);
	forget(w);
}

/* Once all was acknowledged; else it is kept until then. */
static void settle(struct deia__mail_wait *w, deia_err err,
		   const struct deia_message *items, size_t n)
{
	if (!w->reading) {
		answer(w, err, items, n);
		return;
	}
	w->answered = true;
	w->err = err;
	if (!n || keep(w, items, n))
		return;
	drop_kept(w);
	deia__mail_give_back(w->hive, w->inbox, items, n);
	w->err = DEIA_ENOMEM;
}

/* The messenger says nothing about the end of a wait. */
static void say_why(const struct deia__mail_wait *w, deia_err err)
{
	if (err == DEIA_ENOTFOUND)
		deia__hive_fail(w->hive, err,
				"bot \"%s\" was removed while it was waited "
				"for its mail",
				w->inbox);
	else if (err == DEIA_ECANCELED)
		deia__hive_fail(w->hive, err, "the hive is stopping");
	else
		deia__mail_told(w->hive, err);
}

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia__mail_wait *w = user;

	(void)more;
	w->asking = false;
	w->receiver = NULL;
	if (w->ending) { /* never inside of the call that ends it */
		(void)!deia__timer_set(w->hive->timers, &w->timer, 0);
		return;
	}
	say_why(w, err);
	settle(w, err, items, n);
}

static void on_read(deia_err err, void *user)
{
	struct deia__mail_wait *w = user;

	(void)err; /* each has its own */
	w->reading = false;
	if (w->answered) {
		if (w->err)
			deia__hive_fail(w->hive, w->err, "%s",
					deia_err_text(w->err));
		answer(w, w->err, w->items, w->n);
	} else if (!w->asking) {
		begin(w);
	}
}

/* Its callback runs later, when it is not just being answered anyway. */
static void end(struct deia__mail_wait *w, deia_err why)
{
	if (w->end_err)
		return;
	w->end_err = why;
	if (w->receiver) {
		w->ending = true;
		deia_messenger_receive_cancel(w->hive->mail->messenger,
					      w->receiver);
		w->ending = false;
	} else if (!w->asking && !w->reading) {
		(void)!deia__timer_set(w->hive->timers, &w->timer, 0);
	}
}

void deia_mail_receive_cancel(deia_hive *h, deia_receiver *receiver)
{
	(void)h;
	if (receiver) /* what deia_mail_receive gave out */
		end((struct deia__mail_wait *)(void *)receiver, DEIA_ECANCELED);
}

void deia__mail_end_waits(deia_hive *h)
{
	struct deia__mail_wait *w;

	do { /* from the first each time: a callback may end others */
		TAILQ_FOREACH(w, &h->mail->waits, link)
			if (!w->end_err)
				break;
		if (w)
			end(w, DEIA_EUNAVAILABLE);
	} while (w);
}

static bool may_still(const struct deia__mail_wait *w)
{
	const struct deia__token *t;

	if (!w->token_id[0])
		return true;
	t = deia__tokens_get(w->hive->tokens, w->token_id);
	return t && !t->revoked &&
	       (!t->expires_ms || t->expires_ms > deia__unix_ms(NULL));
}

void deia__mail_waits_free(deia_hive *h)
{
	struct deia__mail_wait *w;

	while ((w = TAILQ_FIRST(&h->mail->waits))) {
		if (!w->end_err)
			w->end_err = DEIA_ECANCELED;
		answer(w, w->end_err, NULL, 0);
	}
}

void deia__mail_end_refused(deia_hive *h)
{
	struct deia__mail_wait *w;

	do {
		TAILQ_FOREACH(w, &h->mail->waits, link)
			if (!w->end_err && !may_still(w))
				break;
		if (w)
			end(w, DEIA_EAUTH);
	} while (w);
}

/* ---- external bots ------------------------------------------------------------------- */

static const struct deia_bot_info *external(const struct deia__mail_wait *w)
{
	const struct deia_bot_info *info;

	info = w->by_bot ? deia_bots_get(w->hive->bots, w->inbox) : NULL;
	return info && strcmp(info->spec->adapter, "external") == 0 ? info
								    : NULL;
}

/* Its own program asks: that is a sign of life, unless it was stopped. */
static deia_err heard_of(deia_hive *h, const struct deia__mail_wait *w)
{
	deia_err err;

	if (!external(w))
		return DEIA_OK;
	err = deia_bots_heartbeat(h->bots, w->inbox, NULL);
	return err ? deia__hive_fail(h, err, "%s", deia_bots_errmsg(h->bots))
		   : DEIA_OK;
}

static bool is_held(const struct deia__mail_wait *w)
{
	const struct deia_bot_info *info = external(w);

	return info && info->state == DEIA_BOT_PAUSED;
}

/* Until its time is over, but often enough to be heard of. */
static deia_err set_timer(struct deia__mail_wait *w)
{
	const struct deia_bot_info *info = external(w);
	int64_t left = w->until_ms - deia__timers_now(w->hive->timers);
	int64_t beat = info ? info->spec->heartbeat_timeout_seconds * 300LL : 0;

	if (!info)
		return DEIA_OK;
	if (beat > 0 && left > beat)
		left = beat;
	return deia__timer_set(w->hive->timers, &w->timer, left);
}

static void on_timer(void *arg)
{
	struct deia__mail_wait *w = arg;
	bool over = deia__timers_now(w->hive->timers) >= w->until_ms;

	if (w->asking || w->reading) {
		if (!over && !heard_of(w->hive, w))
			(void)!set_timer(w);
		return;
	}
	if (w->end_err || over) {
		answer(w, w->end_err, NULL, 0);
		return;
	}
	/* Held, because its bot is paused. */
	if (heard_of(w->hive, w))
		answer(w, DEIA_ESTATE, NULL, 0);
	else
		begin(w);
}

void deia__mail_waits_look(deia_hive *h, const char *bot)
{
	struct deia__mail_wait *w;

	TAILQ_FOREACH(w, &h->mail->waits, link)
		if (!w->asking && !w->reading && !w->end_err &&
		    strcmp(w->inbox, bot) == 0)
			(void)!deia__timer_set(h->timers, &w->timer, 0);
}

/* ---- receiving ------------------------------------------------------------------------- */

static deia_err ask(struct deia__mail_wait *w)
{
	struct deia_receive what = w->what;
	int64_t left = w->until_ms - deia__timers_now(w->hive->timers);
	deia_err err;

	if (what.wait_ms > 0)
		what.wait_ms = left > 0 ? left : 0;
	w->asking = true;
	err = deia_messenger_receive(w->hive->mail->messenger, &what,
				     &w->receiver, on_received, w);
	if (err)
		w->asking = false;
	return deia__mail_told(w->hive, err);
}

/* Later, from the loop. */
static void begin(struct deia__mail_wait *w)
{
	deia_err err;

	if (w->end_err) {
		answer(w, w->end_err, NULL, 0);
		return;
	}
	if (is_held(w)) {
		if (set_timer(w))
			answer(w, DEIA_ENOMEM, NULL, 0);
		return;
	}
	err = ask(w);
	if (err)
		answer(w, err, NULL, 0);
}

/* The first time: what can be said at once is. */
static deia_err start(struct deia__mail_wait *w,
		      const struct deia_mail_receive *what)
{
	deia_messenger *m = w->hive->mail->messenger;
	deia_err err;

	if (what->n_read) {
		err = deia_messenger_read(m, what->read, what->n_read,
					  what->errs, on_read, w);
		if (err)
			return deia__mail_told(w->hive, err);
		w->reading = true;
	}
	err = set_timer(w);
	if (!err && !is_held(w))
		err = ask(w);
	if (!err || !w->reading)
		return err;
	/* Too many under lease: some of them are being acknowledged. */
	if (err != DEIA_EBUSY)
		settle(w, err, NULL, 0);
	return DEIA_OK;
}

/* One bot does not use up the waits that are for all. */
static deia_err check_waits(deia_hive *h, const struct deia_actor *actor,
			    const char *inbox)
{
	const struct deia__hbot *b =
		actor->role == DEIA_ROLE_BOT ? deia__hbot_get(h, inbox) : NULL;

	if (!b || b->n_waits < DEIA_MAX_BOT_WAITS)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EBUSY,
			       "%d receivers of bot %s wait already; let one "
			       "of them end first",
			       DEIA_MAX_BOT_WAITS, inbox);
}

static deia_err check(deia_hive *h, const struct deia_actor *actor,
		      const struct deia_mail_receive *what, const char **inbox,
		      struct deia_message_claim *claims)
{
	deia_err err = deia__mail_may_take(h, actor, inbox);

	if (err)
		return err;
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (!*inbox)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "inbox: name a bot or \"system\"");
	if (strcmp(*inbox, DEIA_MESSAGE_SYSTEM) != 0 &&
	    !deia__bot_known(h, *inbox))
		return deia__no_bot(h, *inbox);
	err = check_waits(h, actor, *inbox);
	for (size_t i = 0; i < what->n_read && !err; i++) {
		claims[i] = what->read[i];
		if (!claims[i].inbox)
			claims[i].inbox = *inbox;
		err = deia__mail_may_take(h, actor, &claims[i].inbox);
	}
	return err;
}

static struct deia__mail_wait *wait_new(deia_hive *h,
					const struct deia_actor *actor,
					const struct deia_receive *what,
					const char *inbox)
{
	struct deia__mail_wait *w = deia__alloc(sizeof(*w));
	struct deia__hbot *b;

	if (!w)
		return NULL;
	w->hive = h;
	w->what = *what;
	memcpy(w->inbox, inbox, strlen(inbox) + 1);
	w->what.inbox = w->inbox;
	memcpy(w->token_id, actor->token_id, sizeof(w->token_id));
	w->by_bot = actor->role == DEIA_ROLE_BOT;
	b = w->by_bot ? deia__hbot_get(h, inbox) : NULL;
	if (b)
		b->n_waits++;
	w->until_ms = what->wait_ms < 0
			      ? INT64_MAX
			      : deia__timers_now(h->timers) + what->wait_ms;
	w->timer.fn = on_timer;
	w->timer.arg = w;
	TAILQ_INSERT_TAIL(&h->mail->waits, w, link);
	h->mail->n_calls++;
	return w;
}

/* It never began. */
static void wait_undo(struct deia__mail_wait *w)
{
	deia_hive *h = w->hive;

	uncount(w);
	TAILQ_REMOVE(&h->mail->waits, w, link);
	deia__timer_clear(h->timers, &w->timer);
	deia__free(w);
	h->mail->n_calls--;
}

static deia_err receive(deia_hive *h, const struct deia_actor *actor,
			const struct deia_mail_receive *what,
			struct deia_message_claim *claims, deia_receiver **out,
			deia_messages_cb cb, void *user)
{
	struct deia_mail_receive own = *what;
	const char *inbox = what->what.inbox;
	deia_err err = check(h, actor, what, &inbox, claims);
	struct deia__mail_wait *w;

	if (err)
		return err;
	own.read = claims;
	w = wait_new(h, actor, &what->what, inbox);
	if (!w)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	w->cb = cb;
	w->user = user;
	err = heard_of(h, w);
	if (!err)
		err = start(w, &own);
	if (err)
		wait_undo(w);
	else if (out)
		*out = (deia_receiver *)(void *)w;
	return err;
}

deia_err deia_mail_receive(deia_hive *h, const struct deia_actor *actor,
			   const struct deia_mail_receive *what,
			   deia_receiver **out, deia_messages_cb cb, void *user)
{
	struct deia_message_claim *claims = NULL;
	deia_err err;

	if (out)
		*out = NULL;
	if (!what || what->size != sizeof(*what) ||
	    what->what.size != sizeof(what->what) ||
	    what->n_read > DEIA_MAX_BATCH_LEN)
		return deia__hive_fail(h, DEIA_EINVAL,
				       what && what->n_read > DEIA_MAX_BATCH_LEN
					       ? "read: at most 1000 messages"
					       : "what: size is not of this "
						 "version");
	if (what->n_read) {
		claims = deia__alloc(what->n_read * sizeof(*claims));
		if (!claims)
			return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	err = receive(h, actor, what, claims, out, cb, user);
	deia__free(claims);
	return err;
}
