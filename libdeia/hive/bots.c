/* SPDX-License-Identifier: MIT */
/*
 * bots.c - bots that are remembered: every wish is a row before it is an act.
 *
 * A row holds the specification and whether the bot is meant to run. The
 * supervisor (deia_bots) holds the state; it is told after the commit. A bot
 * that is being created or removed is reserved in memory meanwhile, so that
 * two calls cannot cross.
 */
#include "hive/health/health.h"
#include "hive/mail/reply.h"
#include "hive/nodes/nodes.h"
#include "hive/tasks/tasks.h"
#include "hive/scaling/scaling.h"

#include <string.h>

#include <sodium.h>

struct op {
	deia_hive *hive;
	deia_hive_bot_cb bot_cb;
	void *user;
	char id[DEIA_MAX_ID_LEN + 1];
	struct deia_bot_spec *spec;
	struct deia_actor actor;
	bool start, need_conversation, is_external;
	struct deia__external_token token; /* with is_external */
	char conversation[37];
	int64_t at_ms;
};

static struct op *op_new(const char *id, const struct deia_actor *actor)
{
	struct op *op = deia__alloc(sizeof(*op));

	if (!op)
		return NULL;
	memcpy(op->id, id, strlen(id) + 1);
	op->actor = *actor;
	op->at_ms = deia__unix_ms(NULL);
	return op;
}

static void op_free(struct op *op)
{
	sodium_memzero(&op->token, sizeof(op->token));
	deia_bot_spec_free(op->spec);
	deia__free(op);
}

struct deia__hbot *deia__hbot_get(const deia_hive *h, const char *id)
{
	struct deia__hbot *b = NULL;

	if (id)
		HASH_FIND_STR(h->hbots, id, b);
	return b;
}

struct deia__hbot *deia__hbot_add(deia_hive *h, const char *id,
				  int64_t created_ms, enum deia__wish wish)
{
	struct deia__hbot *b = deia__alloc(sizeof(*b));

	if (!b)
		return NULL;
	memcpy(b->id, id, strlen(id) + 1);
	b->created_ms = created_ms;
	b->wish = wish;
	b->moved_ms = deia__timers_now(h->timers);
	b->ready_ms = -1;
	TAILQ_INIT(&b->turns);
	TAILQ_INIT(&b->task_runs);
	TAILQ_INIT(&b->asked);
	HASH_ADD_STR(h->hbots, id, b);
	if (!b->hh.tbl) {
		deia__free(b);
		return NULL;
	}
	return b;
}

void deia__hbot_drop(deia_hive *h, struct deia__hbot *b)
{
	if (b->token_id[0])
		deia__tokens_remove(h->tokens, b->token_id);
	h->scaling->n_draining -= b->draining;
	deia__health_bot_gone(h, b->id);
	deia__push_drop(h, b);
	deia__replier_orphan(b);
	HASH_DEL(h->hbots, b);
	deia__free(b);
}

deia_err deia__no_bot(deia_hive *h, const char *id)
{
	return deia__hive_fail(h, DEIA_ENOTFOUND,
			       "there is no bot \"%.64s\"; `deia bot list` "
			       "shows those there are",
			       id ? id : "");
}

struct deia__hbot *deia__hbot_find(deia_hive *h, const char *id)
{
	struct deia__hbot *b = deia__hbot_get(h, id);

	if (!b || b->creating || b->removing) {
		deia__not_here(h, id);
		return NULL;
	}
	return b;
}

/* ---- printing ---------------------------------------------------------- */

static char *spec_json(const struct deia_bot_spec *spec)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(spec, false, &w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return NULL;
	}
	return w.text;
}

/* How its process ended: {"pid","code","signal"}, as known. */
static void print_exit(deia_jw *w, const struct deia__hbot *b,
		       const struct deia_bot_info *info)
{
	deia_jw_key(w, "exit");
	deia_jw_object(w);
	if (b->pid)
		deia_jw_kint(w, "pid", b->pid);
	if (info->exit_code >= 0)
		deia_jw_kint(w, "code", info->exit_code);
	if (info->exit_signal)
		deia_jw_kint(w, "signal", info->exit_signal);
	deia_jw_end_object(w);
}

static void add_state_event(struct deia__change *c, const struct deia__hbot *b,
			    const struct deia_bot_info *info,
			    deia_bot_state from)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "from", deia_bot_state_name(from));
	deia_jw_kstr(&w, "state", deia_bot_state_name(info->state));
	deia_jw_kstr(&w, "state_reason", info->state_reason);
	deia_jw_kstr(&w, "status_text", info->status_text);
	deia_jw_kint(&w, "pid", info->pid);
	deia_jw_kint(&w, "restarts", info->restarts);
	if (deia__history_is_death(info, from))
		print_exit(&w, b, info);
	deia_jw_end_object(&w);
	deia__change_event(c, from == info->state ? "bot.status" : "bot.state",
			   info->spec->id, deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
}

void deia__change_bot_event(struct deia__change *c, const char *type,
			    const char *bot, const struct deia_actor *actor)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "by", actor->name);
	deia_jw_end_object(&w);
	deia__change_event(c, type, bot, deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
}

/* ---- what the supervisor tells ------------------------------------------ */

static bool is_dead(deia_bot_state s)
{
	return s == DEIA_BOT_STOPPED || s == DEIA_BOT_FAILED ||
	       s == DEIA_BOT_BACKOFF || s == DEIA_BOT_OFFLINE;
}

static void forget_token(deia_hive *h, struct deia__hbot *b)
{
	if (!b->token_id[0])
		return;
	deia__tokens_remove(h->tokens, b->token_id);
	b->token_id[0] = '\0';
}

static void bot_is_down(deia_hive *h, struct deia__hbot *b,
			const struct deia_bot_info *info)
{
	forget_token(h, b);
	if (info->state != DEIA_BOT_OFFLINE) /* else it may come back */
		deia__claims_end(h, b->id);
}

/* A pause outlives the process, and the hive. */
static void pause_again(deia_hive *h, const struct deia__hbot *b,
			const struct deia_bot_info *info)
{
	const struct deia_bot_info *now = deia_bots_get(h->bots, b->id);

	if (b->wish != DEIA__WISH_PAUSED || info->state != DEIA_BOT_READY ||
	    (now && now->state == DEIA_BOT_PAUSED))
		return;
	if (deia_bots_pause(h->bots, b->id))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s could not be paused again: %s", b->id,
			       deia_bots_errmsg(h->bots));
}

void deia__bots_on_state(const struct deia_bot_info *info, deia_bot_state from,
			 void *user)
{
	deia_hive *h = user;
	struct deia__hbot *b = deia__hbot_get(h, info->spec->id);
	struct deia__change *c;
	int64_t now = deia__timers_now(h->timers);

	if (!b)
		return;
	if (deia__history_wants(from, info->state))
		deia__tasks_bot(h, b->id);
	else
		deia__tasks_bot_load(h, b->id);
	if (info->pid ||
	    (from != info->state && info->state == DEIA_BOT_STARTING))
		b->pid = info->pid;
	if (from == info->state) {
		if (now - b->status_event_ms < 250)
			return; /* a flood of status lines is not history */
		b->status_event_ms = now;
	} else {
		deia__hive_log(h,
			       info->state == DEIA_BOT_FAILED ? DEIA_LOG_WARN
							      : DEIA_LOG_DEBUG,
			       "bot %s: %s -> %s%s%s", b->id,
			       deia_bot_state_name(from),
			       deia_bot_state_name(info->state),
			       info->state_reason[0] ? ": " : "",
			       info->state_reason);
	}
	if (is_dead(info->state))
		bot_is_down(h, b, info);
	else if (from == DEIA_BOT_STARTING)
		pause_again(h, b, info);
	if (from != info->state) {
		deia__scaling_bot_moved(h, b, info->state, from);
		deia__health_bot_moved(h, info);
		deia__mail_bot_moved(h, b, info, from);
	}
	c = deia__change_new(h);
	if (c)
		add_state_event(c, b, info, from);
	if (deia__history_wants(from, info->state))
		deia__history_add(h, c, b, info, from);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "an event of bot %s could not be stored: %s",
			       b->id, h->msg.text);
	deia__cache_bot_state(h, b->id);
	if (b->removing && is_dead(info->state))
		deia__hbot_stopped_for_removal(h, b);
}

void deia__bots_on_env(const char *bot,
		       void (*add)(void *ctx, const char *name,
				   const char *value),
		       void *ctx, void *user)
{
	deia_hive *h = user;
	struct deia__hbot *b = deia__hbot_get(h, bot);
	char token[DEIA_TOKEN_LEN + 1];

	if (h->url)
		add(ctx, "DEIA_URL", h->url);
	if (b && deia__bot_token(h, b, token))
		add(ctx, "DEIA_TOKEN", token);
	sodium_memzero(token, sizeof(token));
}

void deia__bots_on_line(const char *bot, const char *type,
			const struct cJSON *json, void *user)
{
	if (strcmp(type, "submit") == 0)
		deia__task_submit_line(user, bot, json);
	else
		deia__mail_line(user, bot, type, json);
}

/* ---- create ------------------------------------------------------------- */

static void give_bot(deia_hive *h, struct op *op, deia_err err)
{
	struct deia_hive_bot bot;

	if (!err)
		err = deia_hive_bot_get(h, op->id, &bot);
	if (!err && op->is_external)
		bot.token = op->token.secret;
	if (op->bot_cb)
		op->bot_cb(err, err ? NULL : &bot, op->user);
	op_free(op);
}

static void give_up_creating(deia_hive *h, struct op *op, deia_err err)
{
	struct deia__hbot *b = deia__hbot_get(h, op->id);

	if (b)
		deia__hbot_drop(h, b);
	/* Another node may have made one of this id meanwhile. */
	deia__reread_bots(h, op->id);
	give_bot(h, op, err);
}

static void on_created(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct op *op = arg;
	struct deia__hbot *b = deia__hbot_get(h, op->id);

	(void)seqs;
	(void)n_seqs;
	if (!err) {
		err = deia_bots_add(h->bots, op->spec);
		if (err)
			deia__hive_fail(h, err, "%s",
					deia_bots_errmsg(h->bots));
	}
	if (!err && op->is_external)
		err = deia__external_token_add(h, op->id, &op->token);
	if (err) {
		give_up_creating(h, op, err);
		return;
	}
	b->creating = false;
	err = deia__mail_bot_added(h, b->id);
	if (err)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no mail until deiad is started "
			       "again: %s",
			       op->id, h->msg.text);
	deia__tasks_bot(h, b->id);
	memcpy(b->default_conversation, op->conversation,
	       sizeof(op->conversation));
	if (op->start && !h->stopping && deia_bots_start(h->bots, op->id))
		deia__hive_log(h, DEIA_LOG_ERROR, "bot %s: %s", op->id,
			       deia_bots_errmsg(h->bots));
	give_bot(h, op, DEIA_OK);
}

static void add_first_conversation(struct deia__change *c, struct op *op)
{
	struct deia_value row[CONV_COLUMNS];
	struct deia_conversation conv = {
		.id = op->conversation,
		.bot = op->id,
		.title = "",
		.created_unix_ms = op->at_ms,
		.is_default = true,
	};

	deia__uuid7(op->conversation, op->at_ms);
	deia__conversation_row(row, &conv);
	deia_txn_insert(deia__change_txn(c), &deia__table_conversations, row);
}

/* The bot as it will be right after the change. */
static void add_replay(struct deia__change *c, const struct op *op)
{
	struct deia_bot_info info = {
		.spec = op->spec,
		.state = op->start ? DEIA_BOT_STARTING : DEIA_BOT_STOPPED,
		.state_reason =
			op->start ? "waiting to be ready" : "not started yet",
		.status_text = "",
		.max_concurrent = op->spec->max_concurrent,
		.exit_code = -1,
		.ping_ms = -1,
		.memory_bytes = -1,
		.processes = -1,
	};
	struct deia_hive_bot bot = {
		.node = op->hive->nodes->name,
		.info = &info,
		.created_unix_ms = op->at_ms,
		.wanted = op->start,
		.memory_bytes = -1,
		.cpu_ms = -1,
	};

	deia__change_replay(c, &op->actor, DEIA_MADE_BOT, &bot);
}

static enum deia__wish wish_of(bool start)
{
	return start ? DEIA__WISH_RUNNING : DEIA__WISH_STOPPED;
}

static deia_err commit_bot(deia_hive *h, struct op *op)
{
	struct deia__change *c = deia__change_new(h);
	struct deia_value row[BOT_COLUMNS];
	char *json = spec_json(op->spec);
	deia_err err = DEIA_OK;

	if (!json)
		deia__change_no_memory(c);
	row[BOT_ID] = deia_text(op->id);
	row[BOT_SPEC] = deia_text(json ? json : "{}");
	row[BOT_WANTED] = deia_int(wish_of(op->start));
	row[BOT_CREATED] = deia_int(op->at_ms);
	row[BOT_UPDATED] = deia_int(op->at_ms);
	row[BOT_NODE] = deia_text(deia__node_mark(h));
	deia_txn_insert(deia__change_txn(c), &deia__table_bots, row);
	deia__change_notify(c, DEIA__TOPIC_BOTS, op->id);
	if (op->need_conversation)
		add_first_conversation(c, op);
	if (op->is_external)
		err = deia__external_token(c, op->id, &op->token)
			      ? DEIA_OK
			      : deia__hive_fail(h, DEIA_EIO,
						"the kernel gives no "
						"randomness");
	else
		add_replay(c, op);
	deia__change_bot_event(c, "bot.created", op->id, &op->actor);
	deia__change_audit(c, &op->actor, "bot.create", op->id, DEIA_OK);
	if (err)
		deia__change_drop(c);
	else
		err = deia__change_commit(c, h, on_created, op);
	deia__free(json);
	return err;
}

static void on_former_states(deia_err err, const deia_rows *rows, void *user)
{
	struct op *op = user;
	struct deia__hbot *b = deia__hbot_get(op->hive, op->id);

	if (err)
		deia__hive_fail(op->hive, err, "the store cannot be read: %s",
				deia_err_text(err));
	else if (deia_rows_count(rows))
		b->history_seq = deia_rows_get(rows, 0, HISTORY_SEQ)->i;
	if (!err)
		err = commit_bot(op->hive, op);
	if (err)
		give_up_creating(op->hive, op, err);
}

/* The bot may have a history from an earlier life. */
static void on_first_conversation(deia_hive *h, deia_err err,
				  const char *conversation, void *arg)
{
	struct op *op = arg;

	if (err == DEIA_ENOTFOUND) {
		op->need_conversation = true;
		err = DEIA_OK;
	} else if (!err) {
		memcpy(op->conversation, conversation,
		       sizeof(op->conversation));
	}
	if (!err && !h->store)
		err = DEIA_ECANCELED;
	if (!err)
		err = deia__history_find(h, op->id, on_former_states, op);
	if (err)
		give_up_creating(h, op, err);
}

static deia_err already_there(deia_hive *h, const char *id)
{
	const struct deia__far *far = deia__far_get(h, id);

	if (far)
		return deia__hive_fail(h, DEIA_EEXIST,
				       "there is a bot \"%s\" already, on node "
				       "\"%s\"; choose another id",
				       id, far->node);
	return deia__hive_fail(h, DEIA_EEXIST,
			       "there is a bot \"%s\" already; choose another "
			       "id, or start that one",
			       id);
}

deia_err deia_hive_bot_create(deia_hive *h, const struct deia_actor *actor,
			      const struct deia_bot_spec *spec, bool start,
			      deia_hive_bot_cb cb, void *user)
{
	deia_err err = deia__bot_may_create(h, actor, spec);
	struct deia__hbot *b;
	struct op *op;

	if (err)
		return err;
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (deia__hbot_get(h, spec->id) || deia__far_get(h, spec->id))
		return already_there(h, spec->id);
	if (HASH_COUNT(h->hbots) >= DEIA_MAX_BOTS)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "a hive holds at most %u bots",
				       DEIA_MAX_BOTS);
	op = op_new(spec->id, actor);
	b = op ? deia__hbot_add(h, spec->id, op->at_ms, wish_of(start)) : NULL;
	if (!b || deia_bot_spec_dup(&op->spec, spec)) {
		err = deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		goto fail;
	}
	b->creating = true;
	op->hive = h;
	op->start = start;
	op->is_external = strcmp(spec->adapter, "external") == 0;
	op->bot_cb = cb;
	op->user = user;
	err = deia__conversation_resolve(h, spec->id, NULL, false,
					 on_first_conversation, op);
	if (!err)
		return DEIA_OK;
fail:
	if (b)
		deia__hbot_drop(h, b);
	if (op)
		op_free(op);
	return err;
}

/* ---- update --------------------------------------------------------------- */

static void bot_changed(deia_hive *h, const char *id)
{
	deia__mail_bot_changed(h, id);
	deia__tasks_bot(h, id);
}

static void on_updated(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct op *op = arg;

	(void)seqs;
	(void)n_seqs;
	if (!err) {
		err = deia_bots_set_spec(h->bots, op->spec);
		if (err)
			deia__hive_fail(h, err, "%s",
					deia_bots_errmsg(h->bots));
		else
			bot_changed(h, op->id);
	}
	give_bot(h, op, err);
}

static deia_err commit_update(deia_hive *h, struct op *op)
{
	struct deia__change *c = deia__change_new(h);
	char *json = spec_json(op->spec);
	struct deia_value key = deia_text(op->id);
	struct deia_set set[] = {
		{ BOT_SPEC, deia_text(json ? json : "{}") },
		{ BOT_UPDATED, deia_int(op->at_ms) },
	};
	deia_err err;

	if (!json)
		deia__change_no_memory(c);
	deia_txn_update(deia__change_txn(c), &deia__table_bots, &key, set, 2,
			NULL);
	deia__change_notify(c, DEIA__TOPIC_BOTS, op->id);
	deia__change_bot_event(c, "bot.updated", op->id, &op->actor);
	deia__change_audit(c, &op->actor, "bot.update", op->id, DEIA_OK);
	err = deia__change_commit(c, h, on_updated, op);
	deia__free(json);
	return err;
}

deia_err deia_hive_bot_update(deia_hive *h, const struct deia_actor *actor,
			      const struct deia_bot_spec *spec,
			      deia_hive_bot_cb cb, void *user)
{
	deia_err err = deia__bot_may_update(h, actor, spec);
	struct op *op;

	if (err)
		return err;
	op = op_new(spec->id, actor);
	if (!op || deia_bot_spec_dup(&op->spec, spec)) {
		if (op)
			op_free(op);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	op->bot_cb = cb;
	op->user = user;
	err = commit_update(h, op);
	if (err)
		op_free(op);
	return err;
}
