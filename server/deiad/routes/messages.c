/* SPDX-License-Identifier: MIT */
/*
 * messages.c - messages that exist: showing, listing, settling, requeueing.
 */
#include <stdint.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "mail.h"
#include "routes.h"

/* ---- looking ----------------------------------------------------------- */

void route_message_get(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_mail_get(rq->srv->hive, &rq->actor, rq->param[0],
				   mail_one, rq));
}

void route_messages_list(struct rq *rq)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	if (!query_message_status(rq, &q.status) || !query_limit(rq, &q.limit))
		return;
	if (q.status < 0) {
		rq_bad_field(rq, "?status",
			     "this parameter is required: pending, delivered, "
			     "read, failed or expired");
		return;
	}
	q.after = rq_query(rq, "cursor");
	mail_ask(rq, &q);
}

void route_mail_between(struct rq *rq)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	if (!query_limit(rq, &q.limit))
		return;
	q.a = rq->param[0];
	q.b = rq->param[1];
	q.after = rq_query(rq, "cursor");
	mail_ask(rq, &q);
}

void route_messages_status(struct rq *rq)
{
	struct deia_messenger_status s;
	struct deia_jw w;

	deia_messenger_get_status(deia_hive_messenger(rq->srv->hive), &s);
	deia_jw_init(&w);
	deia_jw_object(&w);
	for (int i = 0; i < DEIA_MESSAGE_STATUSES; i++)
		deia_jw_kint(&w,
			     deia_message_status_name((deia_message_status)i),
			     (int64_t)s.by_status[i]);
	deia_jw_kint(&w, "accepted", (int64_t)s.accepted);
	deia_jw_kint(&w, "cleaned", (int64_t)s.cleaned);
	deia_jw_kint(&w, "inboxes", s.inboxes);
	deia_jw_kint(&w, "receivers", s.waits);
	deia_jw_key(&w, "since_start");
	deia_jw_object(&w);
	deia_jw_kint(&w, "sent", (int64_t)s.sent);
	deia_jw_kint(&w, "delivered", (int64_t)s.handed_over);
	deia_jw_kint(&w, "read", (int64_t)s.read);
	deia_jw_kint(&w, "retried", (int64_t)s.retried);
	deia_jw_kint(&w, "failed", (int64_t)s.failed);
	deia_jw_kint(&w, "expired", (int64_t)s.expired);
	deia_jw_kint(&w, "refused", (int64_t)s.refused);
	deia_jw_end_object(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* ---- settling ---------------------------------------------------------- */

/* The answer never has the content, wherever it came from. */
static void settled(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct deia_message m;

	if (!err && n) {
		m = *items;
		m.content = NULL;
		items = &m;
	}
	mail_one(err, items, n, more, user);
}

/* Of a large message memory keeps no texts: they are read again. */
static void moved(deia_err err, const struct deia_message *items, size_t n,
		  bool more, void *user)
{
	struct rq *rq = user;

	if (!err && n && items->ttl_seconds == 0)
		rq_begun(rq, deia_mail_get(rq->srv->hive, &rq->actor,
					   rq->param[0], settled, rq));
	else
		settled(err, items, n, more, user);
}

#define BOT_FIELD                                                              \
	{                                                                      \
		"bot", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN                   \
	}
#define TOKEN_FIELD                                                            \
	{                                                                      \
		"lease_token", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN           \
	}

/* What a checked body claims. */
static struct deia_message_claim claim_of(const struct rq *rq)
{
	struct deia_message_claim claim = {
		.id = rq->param[0],
		.inbox = body_text(rq, "bot"),
		.token = body_text(rq, "lease_token"),
	};

	return claim;
}

void route_message_read(struct rq *rq)
{
	static const struct field fields[] = { BOT_FIELD, TOKEN_FIELD };
	struct deia_message_claim claim;

	if (!BODY_FIELDS(rq, fields))
		return;
	claim = claim_of(rq);
	rq_hold(rq);
	rq_begun(rq, deia_mail_read(rq->srv->hive, &rq->actor, &claim, settled,
				    rq));
}

void route_message_release(struct rq *rq)
{
	static const struct field fields[] = {
		BOT_FIELD,
		TOKEN_FIELD,
		{ "delay_seconds", FIELD_INT, false, 0, 3600 },
		{ "reason", FIELD_TEXT, false, 0, DEIA_MAX_REASON_BYTES },
	};
	struct deia_message_claim claim;

	if (!BODY_FIELDS(rq, fields))
		return;
	claim = claim_of(rq);
	rq_hold(rq);
	rq_begun(rq, deia_mail_release(rq->srv->hive, &rq->actor, &claim,
				       body_int(rq, "delay_seconds", 0) * 1000,
				       body_text(rq, "reason"), moved, rq));
}

void route_message_extend(struct rq *rq)
{
	static const struct field fields[] = {
		BOT_FIELD,
		TOKEN_FIELD,
		{ "lease_seconds", FIELD_INT, true, 1, DEIA_MAX_LEASE_SECONDS },
	};
	struct deia_message_claim claim;

	if (!BODY_FIELDS(rq, fields))
		return;
	claim = claim_of(rq);
	rq_hold(rq);
	rq_begun(rq, deia_mail_extend(rq->srv->hive, &rq->actor, &claim,
				      body_int(rq, "lease_seconds", 0) * 1000,
				      moved, rq));
}

void route_message_requeue(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_mail_requeue(rq->srv->hive, &rq->actor, rq->param[0],
				       moved, rq));
}
