/* SPDX-License-Identifier: MIT */
/*
 * dialogues.c - two bots on a subject: starting, showing, stopping.
 */
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "mail.h"
#include "routes.h"

#define MAX_DIALOGUE_TOKENS 1000000000000
#define MAX_DIALOGUE_SECONDS (90 * 86400)

static void print_dialogue(struct deia_jw *w, const struct deia_dialogue *d)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", d->id);
	deia_jw_kstr(w, "a", d->a);
	deia_jw_kstr(w, "b", d->b);
	deia_jw_key(w, "topic");
	deia_jw_strn(w, d->topic, d->topic_len);
	deia_jw_kstr(w, "status", deia_dialogue_status_name(d->status));
	print_text_or_null(w, "reason", d->reason);
	deia_jw_kint(w, "turns", d->turns);
	deia_jw_kint(w, "turns_done", d->turns_done);
	deia_jw_kint(w, "tokens", d->tokens);
	print_int_or_null(w, "max_tokens", d->max_tokens, 0);
	print_int_or_null(w, "max_seconds", d->max_seconds, 0);
	deia_jw_kstr(w, "by", d->by);
	deia_jw_kstr(w, "node", d->node);
	deia_jw_ktime(w, "created_at", d->created_unix_ms);
	deia_jw_ktime(w, "ended_at", d->ended_unix_ms);
	deia_jw_end_object(w);
}

static void one(struct rq *rq, int status, deia_err err,
		const struct deia_dialogue *items, size_t n)
{
	struct deia_jw w;

	if (err || n == 0) {
		rq_fail(rq, err ? err : DEIA_ENOTFOUND);
	} else {
		deia_jw_init(&w);
		print_dialogue(&w, items);
		rq_send_json(rq, status, &w);
	}
	rq_drop(rq);
}

static void started(deia_err err, const struct deia_dialogue *items, size_t n,
		    bool more, void *user)
{
	struct rq *rq = user;

	(void)more;
	one(rq, 201, err, items, n);
}

static void shown(deia_err err, const struct deia_dialogue *items, size_t n,
		  bool more, void *user)
{
	struct rq *rq = user;

	(void)more;
	one(rq, 200, err, items, n);
}

static void listed(deia_err err, const struct deia_dialogue *items, size_t n,
		   bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_dialogue(&w, &items[i]);
	list_send(rq, &w, more && n ? items[n - 1].id : NULL);
	rq_drop(rq);
}

void route_dialogue_start(struct rq *rq)
{
	static const struct field fields[] = {
		{ "a", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
		{ "b", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
		{ "content", FIELD_TEXT, true, 1, DEIA_MAX_CONTENT_BYTES },
		{ "turns", FIELD_INT, false, 1, DEIA_MAX_DIALOGUE_TURNS },
		{ "max_tokens", FIELD_INT, false, 1, MAX_DIALOGUE_TOKENS },
		{ "max_seconds", FIELD_INT, false, 1, MAX_DIALOGUE_SECONDS },
	};
	struct deia_dialogue what = { 0 };

	if (!BODY_FIELDS(rq, fields))
		return;
	what.a = body_text(rq, "a");
	what.b = body_text(rq, "b");
	what.topic = body_text(rq, "content");
	what.topic_len = strlen(what.topic);
	what.turns = (unsigned)body_int(rq, "turns", 0);
	what.max_tokens = body_int(rq, "max_tokens", 0);
	what.max_seconds = body_int(rq, "max_seconds", 0);
	rq_hold(rq);
	rq_begun(rq, deia_dialogue_start(rq->srv->hive, &rq->actor, &what,
					 started, rq));
}

void route_dialogues_list(struct rq *rq)
{
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_dialogue_list(rq->srv->hive, rq_query(rq, "cursor"),
					limit, listed, rq));
}

void route_dialogue_get(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_dialogue_get(rq->srv->hive, rq->param[0], shown, rq));
}

void route_dialogue_messages(struct rq *rq)
{
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_dialogue_messages(rq->srv->hive, rq->param[0],
					    rq_query(rq, "cursor"), limit,
					    mail_page, rq));
}

void route_dialogue_stop(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_dialogue_stop(rq->srv->hive, &rq->actor, rq->param[0],
					shown, rq));
}
