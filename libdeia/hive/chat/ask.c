/* SPDX-License-Identifier: MIT */
/*
 * ask.c - turns from outside: asking, cancelling, walking away.
 *
 * What happens to a turn once it is accepted is in turn.c.
 */
#include "hive/chat/turn.h"
#include "hive/tasks/budgets.h"
#include "hive/nodes/nodes.h"

#include <string.h>

static deia_err check_content(deia_hive *h, const char *content, size_t len)
{
	if (!len)
		return deia__hive_field(h, "/content",
					"say something: it is empty");
	if (len > DEIA_MAX_CONTENT_BYTES)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "content: at most %u bytes, this has "
				       "%zu",
				       DEIA_MAX_CONTENT_BYTES, len);
	if (memchr(content, '\0', len) || !deia__utf8_valid(content, len))
		return deia__hive_field(h, "/content",
					"UTF-8 text without NUL");
	return DEIA_OK;
}

static deia_err check_bot(deia_hive *h, const struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);

	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (!info)
		return deia__no_bot(h, b->id);
	if (deia__budgets_held(h, b))
		return deia__hive_fail(
			h, DEIA_ESTATE,
			"bot \"%s\" does nothing more today: %s; `deia "
			"budget reset` lets it go on",
			b->id, deia__budgets_held(h, b));
	if (b->draining)
		return deia__hive_fail(
			h, DEIA_ESTATE,
			"bot \"%s\" ends: the auto-scaler removes "
			"it once its last turn is done",
			b->id);
	/* Also one that is started again and will be paused. */
	if (info->state == DEIA_BOT_PAUSED || b->wish == DEIA__WISH_PAUSED)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is paused; resume it with "
				       "`deia bot resume %s`",
				       b->id, b->id);
	if (info->blocked)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" cannot start: it is %s",
				       b->id, info->state_reason);
	switch (info->state) {
	case DEIA_BOT_READY:
	case DEIA_BOT_BUSY:
	case DEIA_BOT_STARTING:
	case DEIA_BOT_BACKOFF:
		break;
	case DEIA_BOT_OFFLINE:
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is offline: %s; start its "
				       "program where it runs",
				       b->id, info->state_reason);
	default:
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is %s%s%s; start it with "
				       "`deia bot start %s`",
				       b->id, deia_bot_state_name(info->state),
				       info->state_reason[0] ? ": " : "",
				       info->state_reason, b->id);
	}
	if (b->n_turns >= DEIA_MAX_QUEUE_LEN + info->max_concurrent)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "bot \"%s\" has %u turns waiting; try "
				       "again later",
				       b->id, b->n_turns);
	return DEIA_OK;
}

void deia__turn_free(struct deia_chat_turn *t)
{
	deia__buf_fini(&t->text);
	deia__free(t->content);
	deia__free(t->details);
	deia__free(t->session);
	deia__free(t);
}

static struct deia_chat_turn *turn_new(deia_hive *h, struct deia__hbot *b,
				       const char *content, size_t len)
{
	struct deia_chat_turn *t = deia__alloc(sizeof(*t));

	if (!t)
		return NULL;
	t->content = deia__strndup(content, len);
	if (!t->content) {
		deia__free(t);
		return NULL;
	}
	t->hive = h;
	t->bot = b;
	t->content_len = len;
	t->io = true;
	t->asked_ms = deia__unix_ms(NULL);
	t->prompt_tokens = t->completion_tokens = -1;
	deia__uuid7(t->id, t->asked_ms);
	deia__uuid7(t->answer_id, t->asked_ms);
	deia__buf_init(&t->text, DEIA_MAX_ANSWER_BYTES);
	return t;
}

deia_err deia_chat_send(deia_hive *h, const struct deia_actor *actor,
			const char *bot, const char *conversation,
			const char *content, size_t len,
			const struct deia_chat_events *events, void *user,
			deia_chat_turn **out)
{
	struct deia__hbot *b = deia__hbot_find(h, bot);
	struct deia_chat_turn *t;
	deia_err err;

	if (out)
		*out = NULL;
	if (!b)
		return deia__not_here(h, bot);
	err = check_content(h, content, len);
	if (!err)
		err = check_bot(h, b);
	if (err)
		return err;
	t = turn_new(h, b, content, len);
	if (!t)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	t->actor = *actor;
	t->events = *events;
	t->user = user;
	err = deia__conversation_resolve(h, bot, conversation, true,
					 deia__turn_found, t);
	if (err) {
		deia__turn_free(t);
		return err;
	}
	TAILQ_INSERT_TAIL(&b->turns, t, link);
	b->n_turns++;
	h->n_turns++;
	if (out)
		*out = t;
	return DEIA_OK;
}

static void cancel_later(void *arg)
{
	deia_hive *h = arg;
	struct deia__hbot *b, *next;
	struct deia_chat_turn *t, *tn;

	HASH_ITER(hh, h->hbots, b, next)
		for (t = TAILQ_FIRST(&b->turns); t; t = tn) {
			tn = TAILQ_NEXT(t, link);
			if (t->phase == TURN_WAITING && t->cancelled)
				deia__turn_stop_if_cancelled(t);
		}
}

void deia_chat_cancel(deia_chat_turn *t)
{
	if (!t || t->ended || t->cancelled)
		return;
	t->cancelled = true;
	if (t->work)
		deia_work_cancel(t->work);
	else if (t->phase == TURN_WAITING &&
		 deia__post_call(t->hive->post, cancel_later, t->hive))
		deia__hive_log(t->hive, DEIA_LOG_WARN, "out of memory");
}

void deia_chat_detach(deia_chat_turn *t)
{
	if (!t)
		return;
	memset(&t->events, 0, sizeof(t->events));
	t->actor.replay = NULL;
}

struct deia_chat_turn *deia__turn_of(const struct deia__hbot *b,
				     const char *line)
{
	struct deia_chat_turn *t;

	TAILQ_FOREACH(t, &b->turns, link)
		if (!t->ended && strcmp(t->id, line) == 0)
			return t;
	return NULL;
}

void deia__turns_cancel_bot(struct deia__hbot *b)
{
	struct deia_chat_turn *t;

	TAILQ_FOREACH(t, &b->turns, link)
		deia_chat_cancel(t);
}

void deia__turns_cancel_all(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		deia__turns_cancel_bot(b);
}

/* Turns with a step under way end when its callback comes. */
void deia__turns_abandon(deia_hive *h)
{
	struct deia__hbot *b, *next;
	struct deia_chat_turn *t, *tn;

	HASH_ITER(hh, h->hbots, b, next)
		for (t = TAILQ_FIRST(&b->turns); t; t = tn) {
			tn = TAILQ_NEXT(t, link);
			if (!t->io)
				deia__turn_fail(t, DEIA_ECANCELED,
						"the hive was stopped");
		}
}

bool deia__conversation_is_busy(const struct deia__hbot *b,
				const char *conversation)
{
	const struct deia_chat_turn *t;

	TAILQ_FOREACH(t, &b->turns, link)
		if (!t->conversation[0] ||
		    strcmp(t->conversation, conversation) == 0)
			return true;
	return false;
}
