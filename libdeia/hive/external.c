/* SPDX-License-Identifier: MIT */
/*
 * external.c - bots whose programs run elsewhere: who may speak for one,
 * waiting for a turn, and answers that are told only once they are durable.
 *
 * Whoever waits is in one list, oldest first. A waiter asks when the supervisor
 * says that there may be something, and now and then, since asking is a sign of
 * life. It ends with a turn, with its time, with the bot or with the hive.
 */
#include "hive/chat/turn.h"
#include "hive/nodes/nodes.h"
#include "hive/tasks/tasks.h"

#include <string.h>

#include "hive/mail/mail.h"

#define WAITERS_MAX 10000 /* of the hive; a program needs one */
#define WAIT_MAX_SECONDS 60

struct deia_claim_wait {
	deia_hive *hive;
	TAILQ_ENTRY(deia_claim_wait) link;
	char bot[DEIA_MAX_ID_LEN + 1];
	char token_id[DEIA_TOKEN_ID_LEN + 1]; /* whose wait it is, or "" */
	unsigned lease_seconds;
	int64_t until_ms;
	struct deia__timer timer;
	deia_claim_cb cb;
	void *user;
};

/* ---- who may ---------------------------------------------------------------- */

static deia_err may_speak(deia_hive *h, const struct deia_actor *actor,
			  const char *bot)
{
	if (actor->role >= DEIA_ROLE_OPERATOR)
		return DEIA_OK;
	if (actor->role == DEIA_ROLE_BOT && strcmp(actor->name, bot) == 0)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EDENIED,
			       "only the bot itself, an operator or an "
			       "administrator may speak for bot \"%.64s\"",
			       bot);
}

static deia_err told(deia_hive *h, deia_err err)
{
	if (err)
		deia__hive_fail(h, err, "%s", deia_bots_errmsg(h->bots));
	return err;
}

deia_err deia_hive_bot_heartbeat(deia_hive *h, const struct deia_actor *actor,
				 const char *id,
				 const struct deia_bot_heartbeat *beat)
{
	deia_err err = may_speak(h, actor, id);

	if (err)
		return err;
	if (!deia__hbot_find(h, id))
		return deia__not_here(h, id);
	err = deia_bots_heartbeat(h->bots, id, beat);
	if (!err && beat)
		deia__tasks_bot(h, id);
	return told(h, err);
}

/* ---- waiting for a turn -------------------------------------------------------- */

/* Takes it out of the list; its cb is still to be called, or never. */
static void unlink_wait(struct deia_claim_wait *w)
{
	TAILQ_REMOVE(&w->hive->claim_waits, w, link);
	w->hive->n_claim_waits--;
	deia__timer_clear(w->hive->timers, &w->timer);
}

static void end_wait(struct deia_claim_wait *w, deia_err err,
		     const struct deia_claim *claim)
{
	unlink_wait(w);
	w->cb(err, claim, w->user);
	deia__free(w);
}

/* A token may run out while its holder waits. */
static bool may_still(const struct deia_claim_wait *w)
{
	const struct deia__token *t;

	if (!w->token_id[0])
		return true;
	t = deia__tokens_get(w->hive->tokens, w->token_id);
	return t && !t->revoked &&
	       (!t->expires_ms || t->expires_ms > deia__unix_ms(NULL));
}

static void refuse_wait(struct deia_claim_wait *w)
{
	deia__hive_fail(w->hive, DEIA_EAUTH,
			"this token was revoked or ran out while it waited");
	end_wait(w, DEIA_EAUTH, NULL);
}

/* Asks; true when that ended it. */
static bool try_claim(struct deia_claim_wait *w)
{
	struct deia_claim claim;
	deia_err err;

	if (!may_still(w)) {
		refuse_wait(w);
		return true;
	}
	err = deia_bots_claim(w->hive->bots, w->bot, w->lease_seconds, &claim);
	if (!err && !claim.id)
		return false;
	end_wait(w, told(w->hive, err), err ? NULL : &claim);
	return true;
}

/* Until its time is over, but often enough to be heard of. */
static void set_wait_timer(struct deia_claim_wait *w)
{
	const struct deia_bot_info *info = deia_bots_get(w->hive->bots, w->bot);
	int64_t left = w->until_ms - deia__timers_now(w->hive->timers);
	int64_t beat = info ? info->spec->heartbeat_timeout_seconds * 300LL : 0;

	if (beat > 0 && left > beat)
		left = beat;
	if (deia__timer_set(w->hive->timers, &w->timer, left))
		end_wait(w,
			 deia__hive_fail(w->hive, DEIA_ENOMEM, "out of memory"),
			 NULL);
}

static void on_wait_timer(void *arg)
{
	struct deia_claim_wait *w = arg;

	if (try_claim(w))
		return;
	if (deia__timers_now(w->hive->timers) >= w->until_ms)
		end_wait(w, DEIA_OK, NULL);
	else
		set_wait_timer(w);
}

/* Who waits longest for this bot (NULL: for any). */
static struct deia_claim_wait *first_wait(const deia_hive *h, const char *bot)
{
	struct deia_claim_wait *w;

	TAILQ_FOREACH(w, &h->claim_waits, link)
		if (!bot || strcmp(w->bot, bot) == 0)
			break;
	return w;
}

void deia__bots_on_claimable(const char *bot, void *user)
{
	deia_hive *h = user;
	struct deia_claim_wait *w;

	/* From the first each time: a callback may do anything to the list. */
	do
		w = first_wait(h, bot);
	while (w != NULL && try_claim(w));
}

void deia__claims_end(deia_hive *h, const char *bot)
{
	struct deia_claim_wait *w;

	while ((w = first_wait(h, bot)) != NULL) {
		if (bot)
			deia__hive_fail(h, DEIA_ESTATE,
					"bot \"%.64s\" was stopped", bot);
		else
			deia__hive_fail(h, DEIA_EUNAVAILABLE,
					"the hive is stopping");
		end_wait(w, bot ? DEIA_ESTATE : DEIA_EUNAVAILABLE, NULL);
	}
}

void deia__claims_end_refused(deia_hive *h)
{
	struct deia_claim_wait *w;

	do {
		/* From the first each time, as above. */
		TAILQ_FOREACH(w, &h->claim_waits, link)
			if (!may_still(w))
				break;
		if (w)
			refuse_wait(w);
	} while (w);
}

void deia_hive_end_waits(deia_hive *h)
{
	deia__claims_end(h, NULL);
	deia__mail_end_waits(h);
}

static deia_err check_claim(deia_hive *h, const struct deia_actor *actor,
			    const char *bot, unsigned wait_seconds)
{
	deia_err err = may_speak(h, actor, bot);

	if (err)
		return err;
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (!deia__hbot_find(h, bot))
		return deia__not_here(h, bot);
	if (wait_seconds > WAIT_MAX_SECONDS)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "wait_seconds: at most %d",
				       WAIT_MAX_SECONDS);
	if (h->n_claim_waits >= WAITERS_MAX)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "%d programs wait for turns already; "
				       "try again later",
				       WAITERS_MAX);
	/* A sign of life, and it says what is wrong with the bot. */
	return told(h, deia_bots_heartbeat(h->bots, bot, NULL));
}

deia_err deia_hive_claim(deia_hive *h, const struct deia_actor *actor,
			 const char *bot, unsigned lease_seconds,
			 unsigned wait_seconds, deia_claim_cb cb, void *user,
			 deia_claim_wait **out)
{
	deia_err err = check_claim(h, actor, bot, wait_seconds);
	struct deia_claim_wait *w;

	if (out)
		*out = NULL;
	if (err)
		return err;
	w = deia__alloc(sizeof(*w));
	if (!w)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	w->hive = h;
	memcpy(w->bot, bot, strlen(bot) + 1);
	memcpy(w->token_id, actor->token_id, sizeof(w->token_id));
	w->lease_seconds = lease_seconds;
	w->until_ms = deia__timers_now(h->timers) + wait_seconds * 1000LL;
	w->cb = cb;
	w->user = user;
	w->timer.fn = on_wait_timer;
	w->timer.arg = w;
	if (deia__timer_set(h->timers, &w->timer, 0)) { /* asks from the loop */
		deia__free(w);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	TAILQ_INSERT_TAIL(&h->claim_waits, w, link);
	h->n_claim_waits++;
	if (out)
		*out = w;
	return DEIA_OK;
}

void deia_claim_wait_cancel(deia_claim_wait *w)
{
	if (!w)
		return;
	unlink_wait(w);
	deia__free(w);
}

/* ---- what becomes of a claimed turn ------------------------------------------------ */

/* The bot that a token names, if the actor may speak for it. */
static deia_err bot_of(deia_hive *h, const struct deia_actor *actor,
		       const char *token, struct deia__hbot **bot)
{
	char id[DEIA_MAX_ID_LEN + 1];
	deia_err err;

	*bot = NULL;
	if (!deia_claim_bot(token, id))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "lease_token: it is none; give the one "
				       "that came with the task");
	err = may_speak(h, actor, id);
	if (err)
		return err;
	*bot = deia__hbot_find(h, id);
	return *bot ? DEIA_OK : deia__not_here(h, id);
}

/* A task is also found by its own id. */
static const char *turn_id(const struct deia__hbot *b, const char *task)
{
	const struct deia__task_run *r = task && !deia__turn_of(b, task)
						 ? deia__task_run_of(b, task)
						 : NULL;

	return r ? r->id : task;
}

deia_err deia_hive_claim_extend(deia_hive *h, const struct deia_actor *actor,
				const char *task, const char *token,
				unsigned lease_seconds,
				int64_t *expires_unix_ms)
{
	struct deia__hbot *b;
	deia_err err = bot_of(h, actor, token, &b);

	if (err)
		return err;
	return told(h, deia_bots_claim_extend(h->bots, turn_id(b, task), token,
					      lease_seconds, expires_unix_ms));
}

/* A claimed turn, of chat or of a task: who is told when its end is durable. */
struct claimed {
	const char *id;
	deia_done_cb *cb;
	void **user;
};

static deia_err find_claimed(deia_hive *h, struct deia__hbot *b,
			     const char *task, struct claimed *out)
{
	struct deia_chat_turn *t = task ? deia__turn_of(b, task) : NULL;
	struct deia__task_run *r =
		task && !t ? deia__task_run_of(b, task) : NULL;

	if (t)
		*out = (struct claimed){ t->id, &t->kept_cb, &t->kept_user };
	else if (r)
		*out = (struct claimed){ r->id, &r->kept_cb, &r->kept_user };
	if (t || r)
		return DEIA_OK;
	deia__hive_fail(h, DEIA_ESTATE,
			"this task has ended, or was given to another program; "
			"drop the work");
	return DEIA_ESTATE;
}

/* It has ended, and its answer is on its way to the store. */
static deia_err ended(deia_hive *h, const struct claimed *c, deia_err err,
		      deia_done_cb cb, void *user)
{
	if (!err) {
		*c->cb = cb;
		*c->user = user;
	}
	return told(h, err);
}

deia_err deia_hive_claim_complete(deia_hive *h, const struct deia_actor *actor,
				  const char *task, const char *token,
				  const struct deia_claim_answer *answer,
				  deia_done_cb cb, void *user)
{
	struct deia__hbot *b;
	struct claimed c;
	deia_err err = bot_of(h, actor, token, &b);

	if (!err)
		err = find_claimed(h, b, task, &c);
	if (err)
		return err;
	err = deia_bots_claim_complete(h->bots, c.id, token, answer);
	return ended(h, &c, err, cb, user);
}

deia_err deia_hive_claim_fail(deia_hive *h, const struct deia_actor *actor,
			      const char *task, const char *token,
			      const char *code, const char *message,
			      bool retryable, unsigned retry_after_seconds,
			      deia_done_cb cb, void *user)
{
	struct deia__hbot *b;
	struct claimed c;
	deia_err err = bot_of(h, actor, token, &b);

	if (!err)
		err = find_claimed(h, b, task, &c);
	if (err)
		return err;
	err = deia_bots_claim_fail(h->bots, c.id, token, code, message,
				   retryable, retry_after_seconds);
	return ended(h, &c, err, cb, user);
}
