/* SPDX-License-Identifier: MIT */
/*
 * dialogue.c - two bots on a subject: starting, stopping, looking.
 *
 * Those that run are in memory, at most DEIA_MAX_DIALOGUES; all of them are
 * rows. How they run is in dialogue_run.c.
 */
#include "hive/dialogue/dialogue.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_TURNS 10
#define MAX_SECONDS (90 * 86400)

deia_err deia__no_dialogue(deia_hive *h, const char *id)
{
	return deia__hive_fail(h, DEIA_ENOTFOUND,
			       "there is no dialogue \"%.64s\"; `deia converse "
			       "--list` shows those there are",
			       id ? id : "");
}

void deia__dialogue_view(const struct deia__dialogue *d,
			 struct deia_dialogue *out)
{
	memset(out, 0, sizeof(*out));
	out->id = d->id;
	out->a = d->a;
	out->b = d->b;
	out->topic = d->topic;
	out->topic_len = d->topic_len;
	/* What it is about to be is not yet durable. */
	out->status = d->ended_ms ? d->status : DEIA_DIALOGUE_RUNNING;
	out->reason = d->ended_ms ? d->reason : "";
	out->turns = d->turns;
	out->turns_done = d->turns_done;
	out->max_tokens = d->max_tokens;
	out->tokens = d->tokens;
	out->max_seconds = d->max_seconds;
	out->by = d->by;
	out->created_unix_ms = d->created_ms;
	out->ended_unix_ms = d->ended_ms;
	out->node = d->hive->nodes->name;
}

struct deia__dialogue *deia__dialogue_find(const deia_hive *h, const char *id)
{
	struct deia__dialogue *d;

	if (!h->dialogues || !id)
		return NULL;
	TAILQ_FOREACH(d, &h->dialogues->running, link)
		if (strcmp(d->id, id) == 0)
			return d;
	return NULL;
}

bool deia__dialogues_have(const deia_hive *h, const char *bot)
{
	const struct deia__dialogue *d;

	if (!h->dialogues)
		return false;
	TAILQ_FOREACH(d, &h->dialogues->running, link)
		if (strcmp(d->a, bot) == 0 || strcmp(d->b, bot) == 0)
			return true;
	return false;
}

struct deia__dialogue *deia__dialogue_new(deia_hive *h, const char *topic,
					  size_t topic_len)
{
	struct deia__dialogue *d;

	if (!h->dialogues) {
		h->dialogues = deia__alloc(sizeof(*h->dialogues));
		if (!h->dialogues)
			return NULL;
		TAILQ_INIT(&h->dialogues->running);
	}
	d = deia__alloc(sizeof(*d));
	if (!d)
		return NULL;
	d->topic = deia__strndup(topic, topic_len);
	if (!d->topic) {
		deia__free(d);
		return NULL;
	}
	d->hive = h;
	d->topic_len = topic_len;
	TAILQ_INSERT_TAIL(&h->dialogues->running, d, link);
	h->dialogues->n++;
	return d;
}

void deia__dialogue_free(struct deia__dialogue *d)
{
	deia_hive *h = d->hive;

	deia__timer_clear(h->timers, &d->delay);
	deia__timer_clear(h->timers, &d->budget);
	TAILQ_REMOVE(&h->dialogues->running, d, link);
	h->dialogues->n--;
	deia__free(d->topic);
	deia__free(d);
}

void deia__dialogues_free(deia_hive *h)
{
	struct deia__dialogue *d;

	while (h->dialogues && (d = TAILQ_FIRST(&h->dialogues->running))) {
		if (d->start_cb)
			d->start_cb(DEIA_ECANCELED, NULL, 0, false,
				    d->start_user);
		for (unsigned i = 0; i < d->n_waiters; i++)
			d->waiters[i].cb(DEIA_ECANCELED, NULL, 0, false,
					 d->waiters[i].user);
		deia__dialogue_free(d);
	}
	deia__free(h->dialogues);
	h->dialogues = NULL;
}

void deia__dialogues_prune(struct deia__change *c, int64_t before_unix_ms)
{
	static const deia_dialogue_status ended[] = {
		DEIA_DIALOGUE_DONE,
		DEIA_DIALOGUE_STOPPED,
		DEIA_DIALOGUE_FAILED,
	};
	char last[64]; /* ids begin with their time */
	struct deia_value upto;

	snprintf(last, sizeof(last), "%08llx-%04llx-7000-8000-000000000000",
		 (unsigned long long)before_unix_ms >> 16,
		 (unsigned long long)before_unix_ms & 0xffff);
	upto = deia_text(last);
	for (size_t i = 0; i < 3; i++) {
		struct deia_value status =
			deia_text(deia_dialogue_status_name(ended[i]));

		deia_txn_delete_where(deia__change_txn(c),
				      &deia__table_dialogues,
				      DIALOGUE_BY_STATUS, &status, 1, &upto);
	}
}

/* ---- start ------------------------------------------------------------------ */

static deia_err may(deia_hive *h, const struct deia_actor *actor)
{
	if (actor->role >= DEIA_ROLE_OPERATOR)
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_EDENIED,
			       "only operators and administrators start and "
			       "stop dialogues");
}

static deia_err check_numbers(deia_hive *h, const struct deia_dialogue *what)
{
	if (what->turns > DEIA_MAX_DIALOGUE_TURNS)
		return deia__hive_field(h, "/turns", "1 to %d",
					DEIA_MAX_DIALOGUE_TURNS);
	if (what->max_tokens < 0)
		return deia__hive_field(h, "/max_tokens",
					"a whole number above 0");
	if (what->max_seconds < 0 || what->max_seconds > MAX_SECONDS)
		return deia__hive_field(h, "/max_seconds", "1 to %d",
					MAX_SECONDS);
	return DEIA_OK;
}

static deia_err check_topic(deia_hive *h, const struct deia_dialogue *what)
{
	if (!what->topic || !what->topic_len)
		return deia__hive_field(h, "/content",
					"what they are to talk about: it is "
					"empty");
	if (what->topic_len > DEIA_MAX_CONTENT_BYTES)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "content: at most %u bytes, this has "
				       "%zu",
				       DEIA_MAX_CONTENT_BYTES, what->topic_len);
	if (memchr(what->topic, '\0', what->topic_len) ||
	    !deia__utf8_valid(what->topic, what->topic_len))
		return deia__hive_field(h, "/content",
					"UTF-8 text without NUL");
	return DEIA_OK;
}

/* One that nobody has started will not answer; later it may be stopped: then
 * the dialogue waits for it. */
static deia_err check_bot(deia_hive *h, const char *id)
{
	const struct deia_bot_info *info;

	if (!deia__hbot_find(h, id))
		return deia__not_here(h, id);
	info = deia_bots_get(h->bots, id);
	if (info &&
	    (info->state == DEIA_BOT_STOPPED ||
	     info->state == DEIA_BOT_STOPPING ||
	     (info->state == DEIA_BOT_FAILED && !info->next_start_unix_ms)))
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" is %s: %s; start it with "
				       "`deia bot start %s`",
				       id, deia_bot_state_name(info->state),
				       info->state_reason, id);
	return DEIA_OK;
}

static deia_err check(deia_hive *h, const struct deia_dialogue *what)
{
	deia_err err = check_numbers(h, what);

	if (!err)
		err = check_topic(h, what);
	if (!err)
		err = check_bot(h, what->a);
	if (!err)
		err = check_bot(h, what->b);
	if (!err && strcmp(what->a, what->b) == 0)
		err = deia__hive_field(h, "/b",
				       "another bot than \"%s\": it takes two",
				       what->a);
	if (!err && h->stopping)
		err = deia__hive_fail(h, DEIA_EUNAVAILABLE,
				      "the hive is stopping");
	if (!err && h->dialogues && h->dialogues->n >= DEIA_MAX_DIALOGUES)
		err = deia__hive_fail(h, DEIA_ELIMIT,
				      "%u dialogues run already; stop one "
				      "first",
				      h->dialogues->n);
	return err;
}

static void on_saved(deia_hive *h, deia_err err, const int64_t *seqs,
		     size_t n_seqs, void *arg)
{
	struct deia__dialogue *d = arg;
	deia_dialogues_cb cb = d->start_cb;
	void *user = d->start_user;

	(void)seqs;
	(void)n_seqs;
	if (!err && !h->freeing) {
		deia__dialogue_go(d);
		return;
	}
	if (!err)
		return; /* told when it is freed, and goes on at the start */
	for (unsigned i = 0; i < d->n_waiters; i++)
		d->waiters[i].cb(err, NULL, 0, false, d->waiters[i].user);
	deia__dialogue_free(d);
	cb(err, NULL, 0, false, user);
}

static deia_err commit_start(struct deia__dialogue *d,
			     const struct deia_actor *actor)
{
	struct deia__change *c = deia__change_new(d->hive);
	struct deia_value row[DIALOGUE_COLUMNS];

	deia__dialogue_row(row, d);
	deia_txn_insert(deia__change_txn(c), &deia__table_dialogues, row);
	deia__dialogue_event(c, "dialogue.started", d, NULL);
	deia__change_audit(c, actor, "dialogue.start", d->id, DEIA_OK);
	return deia__change_commit(c, d->hive, on_saved, d);
}

deia_err deia_dialogue_start(deia_hive *h, const struct deia_actor *actor,
			     const struct deia_dialogue *what,
			     deia_dialogues_cb cb, void *user)
{
	struct deia__dialogue *d;
	deia_err err = may(h, actor);

	if (!err)
		err = check(h, what);
	if (err)
		return err;
	d = deia__dialogue_new(h, what->topic, what->topic_len);
	if (!d)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	d->phase = TALK_SAVING;
	d->created_ms = deia__unix_ms(NULL);
	deia__uuid7(d->id, d->created_ms);
	snprintf(d->a, sizeof(d->a), "%s", what->a);
	snprintf(d->b, sizeof(d->b), "%s", what->b);
	snprintf(d->by, sizeof(d->by), "%s", actor->name);
	memcpy(d->traceparent, actor->traceparent, sizeof(d->traceparent));
	d->turns = what->turns ? what->turns : DEFAULT_TURNS;
	d->max_tokens = what->max_tokens;
	d->max_seconds = what->max_seconds;
	d->start_cb = cb;
	d->start_user = user;
	err = commit_start(d, actor);
	if (err)
		deia__dialogue_free(d);
	return err;
}

/* ---- looking ----------------------------------------------------------------- */

struct look {
	deia_hive *hive;
	char id[37]; /* get, stop: which one */
	bool stop;
	deia_dialogues_cb cb;
	void *user;
};

static void give(struct look *q, deia_err err,
		 const struct deia_dialogue *items, size_t n, bool more)
{
	q->cb(err, err ? NULL : items, err ? 0 : n, !err && more, q->user);
	deia__free(q);
}

static deia_err not_running(deia_hive *h, const struct deia_dialogue *d)
{
	if (d->status == DEIA_DIALOGUE_RUNNING &&
	    strcmp(d->node, h->nodes->name) != 0)
		return deia__hive_fail(h, DEIA_EOTHERNODE,
				       "dialogue %s is led by node \"%s\"; ask "
				       "that one",
				       d->id, d->node);
	return deia__hive_fail(h, DEIA_ESTATE, "dialogue %s is %s already: %s",
			       d->id, deia_dialogue_status_name(d->status),
			       d->reason);
}

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	struct look *q = user;
	size_t n = err ? 0 : deia_rows_count(rows);
	struct deia_dialogue *items = deia__alloc((n + 1) * sizeof(*items));
	const struct deia__dialogue *d;

	if (err)
		deia__hive_unreadable(q->hive, err);
	else if (!items)
		err = deia__hive_fail(q->hive, DEIA_ENOMEM, "out of memory");
	else if (!n && q->id[0])
		err = deia__no_dialogue(q->hive, q->id);
	for (size_t i = 0; items && i < n && !err; i++) {
		deia__dialogue_from_row(&items[i], rows, i);
		items[i].node = deia__node_shown(q->hive, items[i].node);
		d = deia__dialogue_find(q->hive, items[i].id);
		if (d && items[i].status == DEIA_DIALOGUE_RUNNING)
			deia__dialogue_view(d, &items[i]);
	}
	if (items && !err && q->stop)
		err = not_running(q->hive, items);
	give(q, err, items, n, !err && deia_rows_has_more(rows));
	deia__free(items);
}

static deia_err look(deia_hive *h, const struct deia_page_query *query,
		     const char *id, bool stop, deia_dialogues_cb cb,
		     void *user)
{
	struct look *q = deia__alloc(sizeof(*q));

	if (q) {
		*q = (struct look){
			.hive = h, .stop = stop, .cb = cb, .user = user
		};
		snprintf(q->id, sizeof(q->id), "%s", id ? id : "");
	}
	return deia__hive_page(h, query, on_rows, q);
}

static deia_err look_at(deia_hive *h, const char *id, bool stop,
			deia_dialogues_cb cb, void *user)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query q = {
		.table = &deia__table_dialogues,
		.index = -1,
		.equal = &key,
		.n_equal = 1,
		.limit = 1,
	};

	if (!id || !deia__uuid_valid(id))
		return deia__no_dialogue(h, id);
	return look(h, &q, id, stop, cb, user);
}

deia_err deia_dialogue_get(deia_hive *h, const char *id, deia_dialogues_cb cb,
			   void *user)
{
	return look_at(h, id, false, cb, user);
}

deia_err deia_dialogue_list(deia_hive *h, const char *before, unsigned limit,
			    deia_dialogues_cb cb, void *user)
{
	struct deia_value after = deia_text(before);
	struct deia_page_query q = {
		.table = &deia__table_dialogues,
		.index = -1,
		.after = &after,
		.n_after = before ? 1 : 0,
		.descending = true,
		.limit = limit,
	};
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (before && !deia__uuid_valid(before))
		return deia__hive_field(h, "/before", "the id of a dialogue");
	return look(h, &q, NULL, false, cb, user);
}

/* ---- stop -------------------------------------------------------------------- */

deia_err deia_dialogue_stop(deia_hive *h, const struct deia_actor *actor,
			    const char *id, deia_dialogues_cb cb, void *user)
{
	struct deia__dialogue *d = deia__dialogue_find(h, id);
	deia_err err = may(h, actor);

	if (err)
		return err;
	if (h->stopping)
		return deia__hive_fail(h, DEIA_EUNAVAILABLE,
				       "the hive is stopping");
	if (!d)
		return look_at(h, id, true, cb, user);
	if (d->n_waiters == DEIA__DIALOGUE_WAITERS)
		return deia__hive_fail(h, DEIA_EBUSY,
				       "dialogue %s is being stopped", d->id);
	d->waiters[d->n_waiters].cb = cb;
	d->waiters[d->n_waiters++].user = user;
	if (d->ending)
		return DEIA_OK; /* it ends by itself just now */
	d->was_stopped = true;
	d->stopper = *actor;
	d->stopper.replay = NULL;
	deia__dialogue_end(d, DEIA_DIALOGUE_STOPPED, "stopped by %s",
			   actor->name);
	return DEIA_OK;
}
