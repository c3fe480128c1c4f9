/* SPDX-License-Identifier: MIT */
/*
 * bot_acts.c - what is done to a bot that exists: start, stop, remove ...
 *
 * Whether a bot is meant to run is durable before anything happens to its
 * process, so that a restart of the hive finds the last wish, not the last
 * accident.
 */
#include "hive/mail/mail.h"
#include "hive/tasks/budgets.h"
#include "hive/nodes/nodes.h"
#include "hive/scheduling/scheduling.h"
#include "hive/tasks/tasks.h"

#include <string.h>

struct act {
	char id[DEIA_MAX_ID_LEN + 1];
	struct deia_actor actor;
	deia_bot_action action;
	char line[37]; /* the turn to interrupt; "": all that run */
	bool purge;
	deia_hive_bot_cb bot_cb;
	deia_done_cb done_cb;
	void *user;
};

static struct act *act_new(const char *id, const struct deia_actor *actor)
{
	struct act *a = deia__alloc(sizeof(*a));

	if (!a)
		return NULL;
	memcpy(a->id, id, strlen(id) + 1);
	a->actor = *actor;
	return a;
}

/* ---- actions -------------------------------------------------------------- */

#define IN(s) (1u << DEIA_BOT_##s)
#define WITH_PROCESS (IN(STARTING) | IN(READY) | IN(BUSY) | IN(PAUSED))

static const struct {
	const char *verb, *audit;
	uint32_t from; /* states in which it makes sense */
	deia_bot_state to;
	int wish; /* the wish it says; -1: none */
} actions[] = {
	[DEIA_BOT_START] = { "start", "bot.start",
			     IN(STOPPED) | IN(FAILED) | IN(BACKOFF),
			     DEIA_BOT_STARTING, DEIA__WISH_RUNNING },
	[DEIA_BOT_STOP] = { "stop", "bot.stop",
			    WITH_PROCESS | IN(STOPPING) | IN(BACKOFF) |
				    IN(FAILED) | IN(OFFLINE),
			    DEIA_BOT_STOPPING, DEIA__WISH_STOPPED },
	[DEIA_BOT_RESTART] = { "restart", "bot.restart",
			       WITH_PROCESS | IN(BACKOFF) | IN(FAILED) |
				       IN(STOPPED) | IN(OFFLINE),
			       DEIA_BOT_STARTING, DEIA__WISH_RUNNING },
	[DEIA_BOT_PAUSE] = { "pause", "bot.pause", IN(READY) | IN(BUSY),
			     DEIA_BOT_PAUSED, DEIA__WISH_PAUSED },
	[DEIA_BOT_RESUME] = { "resume", "bot.resume", IN(PAUSED),
			      DEIA_BOT_READY, DEIA__WISH_RUNNING },
	[DEIA_BOT_INTERRUPT] = { "interrupt", "bot.interrupt",
				 IN(READY) | IN(BUSY) | IN(PAUSED),
				 DEIA_BOT_READY, -1 },
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))
_Static_assert(N_ACTIONS == DEIA_BOT_INTERRUPT + 1, "every action");

/* A paused bot that was started again, and is not ready yet. */
static bool will_pause(deia_hive *h, const char *id,
		       const struct deia_bot_info *info)
{
	const struct deia__hbot *b = deia__hbot_get(h, id);

	return b && b->wish == DEIA__WISH_PAUSED &&
	       (info->state == DEIA_BOT_STARTING ||
		info->state == DEIA_BOT_BACKOFF);
}

static deia_err resume(deia_hive *h, const char *id)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, id);
	bool paused = info && info->state == DEIA_BOT_PAUSED;
	deia_err err = deia_bots_resume(h->bots, id);

	/* Else not paused yet, and now it will not be: the wish is gone. */
	return paused ? err : DEIA_OK;
}

static deia_err perform(deia_hive *h, const char *id, deia_bot_action action)
{
	switch (action) {
	case DEIA_BOT_START:
		return deia_bots_start(h->bots, id);
	case DEIA_BOT_STOP:
		return deia_bots_stop(h->bots, id);
	case DEIA_BOT_RESTART:
		return deia_bots_restart(h->bots, id);
	case DEIA_BOT_PAUSE:
		return deia_bots_pause(h->bots, id);
	case DEIA_BOT_RESUME:
		return resume(h, id);
	case DEIA_BOT_INTERRUPT:
		return deia_bots_interrupt(h->bots, id, NULL);
	}
	return DEIA_EINVAL;
}

deia_err deia__act_perform(deia_hive *h, const char *id, deia_bot_action action)
{
	deia_err err;

	if (!deia__hbot_find(h, id))
		return deia__not_here(h, id); /* removed in the meantime */
	err = perform(h, id, action);
	if (err)
		deia__hive_fail(h, err, "%s", deia_bots_errmsg(h->bots));
	return err;
}

static deia_err interrupt_turn(deia_hive *h, const struct act *a)
{
	struct deia__hbot *b = deia__hbot_find(h, a->id);

	if (!b)
		return deia__not_here(h, a->id);
	/* One that has just ended is as wished. */
	deia_chat_cancel(deia__turn_of(b, a->line));
	return DEIA_OK;
}

static void on_act_durable(deia_hive *h, deia_err err, const int64_t *seqs,
			   size_t n_seqs, void *arg)
{
	struct act *a = arg;
	struct deia_hive_bot bot;

	(void)seqs;
	(void)n_seqs;
	if (!err && h->stopping)
		err = deia__hive_fail(h, DEIA_EUNAVAILABLE,
				      "the hive is stopping");
	if (!err)
		err = a->line[0] ? interrupt_turn(h, a)
				 : deia__act_perform(h, a->id, a->action);
	if (!err)
		err = deia_hive_bot_get(h, a->id, &bot);
	if (a->bot_cb)
		a->bot_cb(err, err ? NULL : &bot, a->user);
	deia__free(a);
}

/* The states that an action would lead to. */
static uint32_t wanted_by(deia_bot_action action)
{
	switch (action) {
	case DEIA_BOT_START:
		return IN(STARTING) | IN(READY) | IN(BUSY);
	case DEIA_BOT_STOP:
		return IN(STOPPED);
	case DEIA_BOT_PAUSE:
		return IN(PAUSED);
	case DEIA_BOT_RESUME:
		return IN(READY) | IN(BUSY);
	default:
		return 0;
	}
}

deia_err deia__act_check(deia_hive *h, const char *id, deia_bot_action action)
{
	const struct deia_bot_info *info;

	if (!deia__hbot_find(h, id))
		return deia__not_here(h, id);
	info = deia_bots_get(h->bots, id);
	if (!info)
		return deia__no_bot(h, id);
	if (actions[action].from & (1u << info->state))
		return DEIA_OK;
	if (action == DEIA_BOT_RESUME && will_pause(h, id, info))
		return DEIA_OK;
	if (wanted_by(action) & (1u << info->state))
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is %s already", id,
				       deia_bot_state_name(info->state));
	return deia__hive_fail(h, DEIA_ESTATE,
			       "cannot %s bot \"%s\": it is %s, and %s -> %s "
			       "is no legal move",
			       actions[action].verb, id,
			       deia_bot_state_name(info->state),
			       deia_bot_state_name(info->state),
			       deia_bot_state_name(actions[action].to));
}

void deia__act_record(struct deia__change *c, const struct deia_actor *actor,
		      const char *id, deia_bot_action action)
{
	int wish = actions[action].wish;
	struct deia_value key = deia_text(id);
	struct deia_set set = { BOT_WANTED, deia_int(wish) };

	if (wish >= 0) {
		deia_txn_update(deia__change_txn(c), &deia__table_bots, &key,
				&set, 1, NULL);
		deia__change_notify(c, DEIA__TOPIC_BOTS, id);
	}
	deia__change_audit(c, actor, actions[action].audit, id, DEIA_OK);
}

void deia__act_wish(deia_hive *h, const char *id, deia_bot_action action)
{
	struct deia__hbot *b = deia__hbot_get(h, id);

	if (b && actions[action].wish >= 0)
		b->wish = (enum deia__wish)actions[action].wish;
}

/* Takes a over; the wish is committed, then performed. */
static deia_err commit_act(deia_hive *h, struct act *a)
{
	struct deia__change *c = deia__change_new(h);
	deia_err err;

	deia__act_record(c, &a->actor, a->id, a->action);
	err = deia__change_commit(c, h, on_act_durable, a);
	if (err)
		deia__free(a);
	else
		deia__act_wish(h, a->id, a->action);
	return err;
}

deia_err deia_hive_bot_act(deia_hive *h, const struct deia_actor *actor,
			   const char *id, deia_bot_action action,
			   deia_hive_bot_cb cb, void *user)
{
	struct act *a;
	deia_err err;

	if ((unsigned)action >= N_ACTIONS)
		return deia__hive_fail(h, DEIA_EINVAL, "action: %d is none",
				       (int)action);
	err = deia__act_check(h, id, action);
	if (err)
		return err;
	a = act_new(id, actor);
	if (!a)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	a->action = action;
	a->bot_cb = cb;
	a->user = user;
	return commit_act(h, a);
}

deia_err deia_hive_bot_interrupt_turn(deia_hive *h,
				      const struct deia_actor *actor,
				      const char *id, const char *line,
				      deia_hive_bot_cb cb, void *user)
{
	struct deia__hbot *b = deia__hbot_find(h, id);
	struct act *a;

	if (!b)
		return deia__not_here(h, id);
	if (!deia__uuid_valid(line) || !deia__turn_of(b, line))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "bot \"%s\" works on no question with "
				       "this id; its answer may have ended",
				       id);
	a = act_new(id, actor);
	if (!a)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	a->action = DEIA_BOT_INTERRUPT;
	memcpy(a->line, line, sizeof(a->line));
	a->bot_cb = cb;
	a->user = user;
	return commit_act(h, a);
}

/* ---- removing --------------------------------------------------------------- */

static void give_done(deia_hive *h, struct act *a, deia_err err)
{
	(void)h;
	if (a->done_cb)
		a->done_cb(err, a->user);
	deia__free(a);
}

static void on_removed(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct act *a = arg;
	struct deia__hbot *b = deia__hbot_get(h, a->id);

	(void)seqs;
	(void)n_seqs;
	b->removal = NULL;
	b->removing = false;
	if (!err && a->purge && deia_bots_delete_log(h->bots, a->id))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "the log of bot %s is not deleted: %s", a->id,
			       deia_bots_errmsg(h->bots));
	if (!err && deia_bots_remove(h->bots, a->id))
		deia__hive_log(h, DEIA_LOG_ERROR, "bot %s: %s", a->id,
			       deia_bots_errmsg(h->bots));
	if (!err) {
		deia__external_tokens_forget(h, a->id);
		deia__claims_end(h, a->id);
		deia__mail_bot_removed(h, a->id, a->purge);
		deia__tasks_bot_removed(h, b);
		deia__hbot_drop(h, b);
	} else {
		deia__tasks_bot(h, a->id);
	}
	give_done(h, a, err);
}

static deia_err commit_removal(deia_hive *h, struct act *a)
{
	struct deia__change *c = deia__change_new(h);
	struct deia_value id = deia_text(a->id);
	deia_txn *txn = deia__change_txn(c);

	deia_txn_delete(txn, &deia__table_bots, &id);
	deia__change_notify(c, DEIA__TOPIC_BOTS, a->id);
	deia__external_tokens_delete(h, c, a->id);
	deia__scheduling_purge(c, a->id);
	deia__budgets_purge(c, a->id);
	if (a->purge) {
		deia__change_chat(c, NULL);
		deia_txn_delete_where(txn, &deia__table_chat_lines, LINE_BY_BOT,
				      &id, 1, NULL);
		deia_txn_delete_where(txn, &deia__table_conversations,
				      CONV_BY_BOT, &id, 1, NULL);
		deia__history_purge(c, a->id);
		deia__samples_purge(c, a->id);
	}
	deia__change_bot_event(c, "bot.removed", a->id, &a->actor);
	deia__change_audit(c, &a->actor, a->purge ? "bot.purge" : "bot.remove",
			   a->id, DEIA_OK);
	return deia__change_commit(c, h, on_removed, a);
}

static bool has_process(const struct deia_bot_info *info)
{
	return info->state != DEIA_BOT_STOPPED &&
	       info->state != DEIA_BOT_FAILED &&
	       info->state != DEIA_BOT_BACKOFF &&
	       info->state != DEIA_BOT_OFFLINE;
}

/* Goes on as soon as neither a process nor a turn is left, and the history has
 * all of its states: none may come behind a purge. */
void deia__hbot_stopped_for_removal(deia_hive *h, struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);
	struct act *a = b->removal;
	deia_err err;

	if (!a || b->n_turns || b->n_task_runs || (info && has_process(info)) ||
	    !deia_bots_told(h->bots, b->id))
		return;
	b->removal = NULL;
	err = commit_removal(h, a);
	if (err) {
		b->removing = false;
		deia__tasks_bot(h, b->id);
		give_done(h, a, err);
	}
}

static deia_err begin_removal(deia_hive *h, struct deia__hbot *b, struct act *a)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);
	deia_err err;

	/* One that stops as part of a restart is told not to start again. */
	if (info && (has_process(info) || info->state == DEIA_BOT_BACKOFF)) {
		err = deia_bots_stop(h->bots, b->id);
		if (err && info->state != DEIA_BOT_STOPPING)
			return deia__hive_fail(h, err, "%s",
					       deia_bots_errmsg(h->bots));
	}
	b->removing = true;
	b->removal = a;
	deia__turns_cancel_bot(b);
	deia__task_runs_cancel(h, b);
	deia__tasks_bot(h, b->id);
	return DEIA_OK;
}

static void removal_tick(void *arg)
{
	deia_hive *h = arg;
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		deia__hbot_stopped_for_removal(h, b);
}

void deia__removal_abandon(deia_hive *h, struct deia__hbot *b)
{
	struct act *a = b->removal;

	b->removal = NULL;
	if (a)
		give_done(h, a, DEIA_ECANCELED);
}

deia_err deia_hive_bot_remove(deia_hive *h, const struct deia_actor *actor,
			      const char *id, bool force, bool purge,
			      deia_done_cb cb, void *user)
{
	struct deia__hbot *b = deia__hbot_find(h, id);
	const struct deia_bot_info *info;
	struct act *a;
	deia_err err;

	if (!b)
		return deia__not_here(h, id);
	info = deia_bots_get(h->bots, id);
	if (!force && info && has_process(info))
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is %s; stop it first, or "
				       "remove it with force",
				       id, deia_bot_state_name(info->state));
	a = act_new(id, actor);
	if (!a)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	a->purge = purge;
	a->done_cb = cb;
	a->user = user;
	err = begin_removal(h, b, a);
	if (!err && deia__post_call(h->post, removal_tick, h)) {
		b->removing = false;
		b->removal = NULL;
		err = deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	if (err)
		deia__free(a);
	return err;
}
