/* SPDX-License-Identifier: MIT */
/*
 * reply_turn.c - one message, its turn, its answer.
 *
 * The message is held under a lease that is renewed as long as this lives. Its
 * turn is one of chat in the pair's conversation. A whole answer goes back and
 * the message is read, in one durable step; so an answer goes out once,
 * whatever dies when. A turn that failed gives the message back: as a failed
 * attempt when it was the bot's fault, else excused.
 */
#include "hive/mail/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hive/chat/turn.h"

static void say(struct deia__mail_turn *t, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

/* Why, on one line, as far as there is room. */
static void say(struct deia__mail_turn *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
	t->reason[deia__utf8_whole(t->reason, strlen(t->reason))] = '\0';
	for (char *p = t->reason; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static struct deia_message_claim claim_of(const struct deia__mail_turn *t)
{
	struct deia_message_claim claim = {
		.id = t->id,
		.inbox = t->at->id,
		.token = t->token,
	};

	return claim;
}

/* ---- the end ------------------------------------------------------------- */

static void end(struct deia__mail_turn *t, struct deia__mail_result *result)
{
	struct deia__replier *r = t->at;
	deia_hive *h = r->hive;

	deia__timer_clear(h->timers, &t->renew);
	TAILQ_REMOVE(&r->turns, t, link);
	h->n_mail_turns--;
	if (!result->reason)
		result->reason = t->reason;
	t->done(result, t->user);
	deia__free(t->content);
	deia__free(t);
	if (!h->freeing)
		deia__hive_check_stopped(h);
}

static void end_plain(struct deia__mail_turn *t, enum deia__mail_end how)
{
	struct deia__mail_result result = { .end = how };

	end(t, &result);
}

void deia__mail_turn_abandon(struct deia__mail_turn *t)
{
	end_plain(t, DEIA__MAIL_LOST);
}

static void on_returned(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia__mail_turn *t = user;
	struct deia__mail_result result = { .end = DEIA__MAIL_LOST };

	(void)more;
	if (!err && n && items->status == DEIA_MESSAGE_FAILED) {
		result.end = DEIA__MAIL_GAVE_UP;
	} else if (!err && n) {
		result.end = DEIA__MAIL_RETURNED;
		if (items->retry_unix_ms)
			result.retry_ms =
				items->retry_unix_ms - deia__unix_ms(NULL);
	}
	end(t, &result);
}

/* The message goes back; t->reason says why. */
static void give_back(struct deia__mail_turn *t, int64_t delay_ms, bool excused)
{
	struct deia_message_claim claim = claim_of(t);
	deia_messenger *m = deia_hive_messenger(t->at->hive);

	/* On an error its lease runs out, or ends with the hive. */
	if (t->at->hive->freeing ||
	    deia_messenger_release(m, &claim, delay_ms, excused, t->reason,
				   on_returned, t))
		end_plain(t, DEIA__MAIL_LOST);
}

static void give_up(struct deia__mail_turn *t)
{
	struct deia_message_claim claim = claim_of(t);
	deia_messenger *m = deia_hive_messenger(t->at->hive);

	deia__hive_log(t->at->hive, DEIA_LOG_INFO,
		       "message %s of %s to %s is not answered: %s", t->id,
		       t->from, t->at->id, t->reason);
	if (t->at->hive->freeing ||
	    deia_messenger_give_up(m, &claim, t->reason, on_returned, t))
		end_plain(t, DEIA__MAIL_LOST);
}

static void on_settled(deia_err err, const struct deia_message *items, size_t n,
		       bool more, void *user)
{
	deia_hive *h = user;

	(void)items;
	(void)n;
	(void)more;
	if (err && !h->freeing)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "a message could not be given back: %s",
			       deia_err_text(err));
}

void deia__mail_return(deia_hive *h, const char *inbox, const char *id,
		       const char *token, int64_t delay_ms, const char *reason)
{
	struct deia_message_claim claim = { id, inbox, token };
	deia_messenger *m = deia_hive_messenger(h);
	deia_err err;

	if (h->freeing)
		return; /* a held lease ends with the hive */
	if (delay_ms == DEIA__GIVE_UP)
		err = deia_messenger_give_up(m, &claim, reason, on_settled, h);
	else
		err = deia_messenger_release(m, &claim, delay_ms, true, reason,
					     on_settled, h);
	if (err)
		on_settled(err, NULL, 0, false, h);
}

/* ---- the answer ----------------------------------------------------------- */

static void answer_failed(struct deia__mail_turn *t, deia_err err)
{
	deia_messenger *m = deia_hive_messenger(t->at->hive);

	say(t, "the answer could not be sent: %s", deia_messenger_errmsg(m));
	switch (err) {
	case DEIA_ESTATE:
	case DEIA_ECONFLICT:
		end_plain(t, DEIA__MAIL_LOST);
		break;
	case DEIA_ENOTFOUND:
	case DEIA_EFIELD:
	case DEIA_ELIMIT:
		give_up(t);
		break;
	default: /* full, or behind: it may pass */
		give_back(t, DEIA_DELAY_BACKOFF, false);
		break;
	}
}

static void on_answered(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia__mail_turn *t = user;
	struct deia__mail_result result = {
		.end = DEIA__MAIL_ANSWERED,
		.reason = "",
		.tokens = t->tokens,
	};

	(void)more;
	if (err) {
		answer_failed(t, err);
		return;
	}
	result.answer_id = n ? items->id : "";
	end(t, &result);
}

/* {"attempt":1,"usage":{...}}; NULL: out of memory. */
static char *metadata_of(const struct deia__mail_turn *t,
			 const struct deia_chat_line *line)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "conversation", line->conversation);
	deia_jw_kint(&w, "attempt", t->attempt);
	if (line->prompt_tokens >= 0 || line->completion_tokens >= 0) {
		deia_jw_key(&w, "usage");
		deia_jw_object(&w);
		if (line->prompt_tokens >= 0)
			deia_jw_kint(&w, "prompt_tokens", line->prompt_tokens);
		if (line->completion_tokens >= 0)
			deia_jw_kint(&w, "completion_tokens",
				     line->completion_tokens);
		deia_jw_end_object(&w);
	}
	deia_jw_end_object(&w);
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return NULL;
	}
	return w.text;
}

static void answer(struct deia__mail_turn *t, const struct deia_chat_line *line)
{
	struct deia_message_draft draft = DEIA_MESSAGE_DRAFT_INIT;
	struct deia_message_claim claim = claim_of(t);
	char *metadata = metadata_of(t, line);
	deia_err err = DEIA_ENOMEM;

	draft.from = t->at->id;
	draft.to = t->from;
	draft.content = line->content;
	draft.content_len = line->content_len;
	draft.priority = t->priority;
	draft.reply_to = t->id;
	draft.dialogue = t->dialogue[0] ? t->dialogue : NULL;
	draft.metadata = metadata;
	draft.traceparent = t->traceparent;
	draft.hops = t->hops + 1;
	if (metadata)
		err = deia_messenger_answer(deia_hive_messenger(t->at->hive),
					    &claim, &draft, on_answered, t);
	deia__free(metadata);
	if (err)
		answer_failed(t, err);
}

static void use_answer(struct deia__mail_turn *t,
		       const struct deia_chat_line *line)
{
	if (line->prompt_tokens > 0)
		t->tokens += line->prompt_tokens;
	if (line->completion_tokens > 0)
		t->tokens += line->completion_tokens;
	if (line->content_len > DEIA_MAX_CONTENT_BYTES) {
		say(t,
		    "the answer has %zu bytes, a message at most %u; it is in "
		    "the conversation %s of %s",
		    line->content_len, DEIA_MAX_CONTENT_BYTES,
		    line->conversation, t->at->id);
		give_up(t);
	} else if (!line->content_len) {
		say(t, "the bot answered with no words");
		give_back(t, DEIA_DELAY_BACKOFF, false);
	} else {
		answer(t, line);
	}
}

/* ---- the turn ------------------------------------------------------------- */

/* Ended early: by wish, by a person who interrupted it, or with the hive. */
static void turn_cancelled(struct deia__mail_turn *t)
{
	const struct deia__replier *r = t->at;
	const struct deia_bot_info *info =
		r->bot ? deia_bots_get(r->hive->bots, r->id) : NULL;

	if (deia__replier_stopped(r) || !info || info->pid != t->pid) {
		give_back(t, 0, true);
		return;
	}
	say(t, "its turn was interrupted");
	give_up(t);
}

/* What a failed turn means for the message. */
static void turn_failed(struct deia__mail_turn *t, deia_err err,
			unsigned retry_after_seconds)
{
	int64_t delay = retry_after_seconds
				? (int64_t)retry_after_seconds * 1000
				: DEIA_DELAY_BACKOFF;

	switch (err) {
	case DEIA_ECANCELED:
		turn_cancelled(t);
		break;
	case DEIA_EUNAVAILABLE: /* it died, or was stopped */
		if (deia__replier_stopped(t->at))
			give_back(t, 0, true);
		else
			give_back(t, DEIA_DELAY_BACKOFF, false);
		break;
	case DEIA_EREMOTE:
		if (t->hopeless)
			give_up(t);
		else
			give_back(t, delay > 3600000 ? 3600000 : delay, false);
		break;
	case DEIA_ETIMEDOUT:
		give_back(t, DEIA_DELAY_BACKOFF, false);
		break;
	case DEIA_ELIMIT:
	case DEIA_EFIELD:
	case DEIA_EINVAL:
		give_up(t);
		break;
	case DEIA_ESTATE: /* paused or stopped just now */
		give_back(t, 0, true);
		break;
	default: /* a full queue, the store: not the bot's fault */
		give_back(t, DEIA__MAIL_AGAIN_MS, true);
		break;
	}
}

static void find_pair(struct deia__mail_turn *t);

static void on_done(deia_err err, const struct deia_chat_line *line,
		    unsigned retry_after_seconds, void *user)
{
	struct deia__mail_turn *t = user;
	deia_hive *h = t->at->hive;

	t->at->n_chat--;
	t->hopeless = t->chat && !t->chat->retryable;
	t->chat = NULL; /* it ends with this call */
	if (err)
		say(t, "%s", deia_hive_errmsg(h));
	if (h->freeing || t->lost) {
		end_plain(t, DEIA__MAIL_LOST);
	} else if (t->cancelled) {
		end_plain(t, DEIA__MAIL_CANCELLED);
	} else if (err == DEIA_ENOTFOUND && !t->found_again) {
		t->found_again = true; /* the conversation was deleted */
		deia__pair_forget(t->at, t->from);
		find_pair(t);
	} else if (err || !line) {
		turn_failed(t, err, retry_after_seconds);
	} else {
		use_answer(t, line);
	}
}

static const struct deia_chat_events chat_events = { .on_done = on_done };

static void on_pair(deia_err err, const char *conversation, void *arg)
{
	struct deia__mail_turn *t = arg;
	deia_hive *h = t->at->hive;
	struct deia_actor actor = { .role = DEIA_ROLE_BOT };
	const struct deia_bot_info *info = deia_bots_get(h->bots, t->at->id);

	if (h->freeing || t->lost) {
		end_plain(t, DEIA__MAIL_LOST);
		return;
	}
	if (t->cancelled) {
		end_plain(t, DEIA__MAIL_CANCELLED);
		return;
	}
	if (strcmp(t->from, DEIA_MESSAGE_SYSTEM) == 0)
		actor.role = DEIA_ROLE_NONE;
	memcpy(actor.name, t->from, strlen(t->from) + 1);
	memcpy(actor.traceparent, t->traceparent, sizeof(t->traceparent));
	t->pid = info ? info->pid : 0;
	if (!err)
		err = deia_chat_send(h, &actor, t->at->id, conversation,
				     t->content, t->content_len, &chat_events,
				     t, &t->chat);
	if (!err) {
		t->at->n_chat++;
		return;
	}
	say(t, "%s", deia_hive_errmsg(h));
	turn_failed(t, err == DEIA_ENOTFOUND ? DEIA_ESTATE : err, 0);
}

static void find_pair(struct deia__mail_turn *t)
{
	deia_err err = deia__pair_find(t->at, t->from, on_pair, t);

	if (!err)
		return;
	say(t, "%s", deia_hive_errmsg(t->at->hive));
	turn_failed(t, err == DEIA_ENOTFOUND ? DEIA_ESTATE : err, 0);
}

/* As long as this lives nobody else gets the message. */
static void renew(void *arg)
{
	struct deia__mail_turn *t = arg;
	struct deia_message_claim claim = claim_of(t);
	deia_hive *h = t->at->hive;

	if (deia_messenger_renew(deia_hive_messenger(h), &claim,
				 DEIA__MAIL_LEASE_MS)) {
		t->lost = true; /* somebody settled it */
		deia_chat_cancel(t->chat);
	} else if (deia__timer_set(h->timers, &t->renew, DEIA__MAIL_RENEW_MS)) {
		deia__hive_log(h, DEIA_LOG_WARN, "out of memory");
	}
}

void deia__mail_turn_cancel(struct deia__mail_turn *t)
{
	t->cancelled = true;
	deia_chat_cancel(t->chat);
}

static void begin(void *arg)
{
	struct deia__mail_turn *t = arg;

	if (t->at->hive->freeing)
		end_plain(t, DEIA__MAIL_LOST);
	else if (t->cancelled)
		end_plain(t, DEIA__MAIL_CANCELLED);
	else
		find_pair(t);
}

static void copy_id(char *out, size_t len, const char *id)
{
	snprintf(out, len, "%s", id ? id : "");
}

struct deia__mail_turn *deia__mail_turn_start(
	struct deia__replier *r, const struct deia_message *m,
	void (*done)(const struct deia__mail_result *result, void *user),
	void *user)
{
	struct deia__mail_turn *t = deia__alloc(sizeof(*t));

	if (!t)
		return NULL;
	t->content =
		deia__strndup(m->content ? m->content : "", m->content_len);
	t->at = r;
	copy_id(t->id, sizeof(t->id), m->id);
	copy_id(t->token, sizeof(t->token), m->lease_token);
	copy_id(t->from, sizeof(t->from), m->from);
	copy_id(t->dialogue, sizeof(t->dialogue), m->dialogue);
	deia_trace_go_on(&r->hive->traces, m->traceparent, t->traceparent);
	t->content_len = m->content_len;
	t->priority = m->priority;
	t->hops = m->hops;
	t->attempt = m->attempt;
	t->done = done;
	t->user = user;
	t->renew.fn = renew;
	t->renew.arg = t;
	if (!t->content ||
	    deia__timer_set(r->hive->timers, &t->renew, DEIA__MAIL_RENEW_MS) ||
	    deia__post_call(r->hive->post, begin, t)) {
		deia__timer_clear(r->hive->timers, &t->renew);
		deia__free(t->content);
		deia__free(t);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&r->turns, t, link);
	r->hive->n_mail_turns++;
	return t;
}
