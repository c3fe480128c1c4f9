/* SPDX-License-Identifier: MIT */
/*
 * inbox.c - a bot's inbox: looking, counting, receiving.
 *
 * To receive is a long poll: it acknowledges earlier messages and takes the
 * next ones in one request. When its client leaves, the wait ends, and what
 * was on its way goes back at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "mail.h"
#include "routes.h"

/* ---- looking ----------------------------------------------------------- */

bool query_message_status(struct rq *rq, int *status)
{
	const char *name = rq_query(rq, "status");

	*status = name ? deia_message_status_parse(name) : -1;
	if (!name || *status >= 0)
		return true;
	rq_bad_field(rq, "?status",
		     "expected pending, delivered, read, failed or expired");
	return false;
}

/* Counts the inbox of the path; false: answered. */
static bool inbox_known(struct rq *rq, struct deia_inbox_status *s)
{
	deia_err err = deia_messenger_inbox(deia_hive_messenger(rq->srv->hive),
					    rq->param[0], s);

	if (err)
		rq_fail_with(rq, err,
			     "There is no inbox of this name; `deia bot list` "
			     "shows the bots there are.");
	return err == DEIA_OK;
}

void route_inbox(struct rq *rq)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	const char *priority = rq_query(rq, "priority");
	struct deia_inbox_status s;

	if (!inbox_known(rq, &s))
		return;
	q.inbox = rq->param[0];
	q.after = rq_query(rq, "cursor");
	if (priority && (q.priority = deia_priority_parse(priority)) < 0)
		rq_bad_field(rq, "?priority", "expected P0, P1, P2 or P3");
	else if (query_message_status(rq, &q.status) &&
		 query_limit(rq, &q.limit))
		mail_ask(rq, &q);
}

uint64_t unread_of(deia_hive *hive, const char *bot)
{
	struct deia_inbox_status s;

	if (deia_messenger_inbox(deia_hive_messenger(hive), bot, &s))
		return 0;
	return s.pending + s.delivered;
}

void route_inbox_status(struct rq *rq)
{
	struct deia_inbox_status s;
	struct deia_jw w;

	if (!inbox_known(rq, &s))
		return;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "bot", rq->param[0]);
	deia_jw_kbool(&w, "open", s.open);
	deia_jw_kint(&w, "pending", (int64_t)s.pending);
	deia_jw_kint(&w, "delivered", (int64_t)s.delivered);
	deia_jw_kint(&w, "waiting", (int64_t)s.waiting);
	deia_jw_key(&w, "by_priority");
	deia_jw_object(&w);
	for (unsigned p = 0; p < DEIA_PRIORITIES; p++)
		deia_jw_kint(&w, deia_priority_name(p),
			     (int64_t)s.pending_by_priority[p]);
	deia_jw_end_object(&w);
	deia_jw_kint(&w, "receivers", s.waits);
	deia_jw_kint(&w, "max", (int64_t)s.max);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* ---- receiving --------------------------------------------------------- */

enum { MAX, WAIT, LEASE, READ, FIELDS };
static const struct want wants[FIELDS] = {
	[MAX] = { "max", 'i', 1, DEIA_MAX_BATCH_LEN },
	[WAIT] = { "wait_seconds", 'i', 0, DEIA_MAX_WAIT_SECONDS },
	[LEASE] = { "lease_seconds", 'i', 1, DEIA_MAX_LEASE_SECONDS },
	[READ] = { "read", 'v', 0, 0 },
};
enum { ID, TOKEN, MEMBERS };
static const struct want read_wants[MEMBERS] = {
	[ID] = { "id", 's', 1, DEIA_MAX_ID_LEN },
	[TOKEN] = { "lease_token", 's', 1, DEIA_MAX_ID_LEN },
};

/* A request that receives; holds it. */
struct receiving {
	struct rq *rq;
	deia_receiver *wait;
	struct deia_message_claim *claims; /* of the body, while it is read */
	size_t n;
	deia_err *errs; /* of the n acknowledgements */
	char (*ids)[DEIA_MAX_ID_LEN + 1];
};

static void receiving_free(struct receiving *r)
{
	free(r->claims);
	free(r->errs);
	free(r->ids);
	free(r);
}

/* Why an acknowledgement failed. */
static const char *read_fault(deia_err err)
{
	switch (err) {
	case DEIA_ENOTFOUND:
		return "There is no such message in this inbox.";
	case DEIA_ECONFLICT:
		return "Its lease ended, and it is under another one now.";
	case DEIA_ESTATE:
		return "It is not delivered: receive it first, or look at its "
		       "status.";
	default:
		return deia_err_text(err);
	}
}

static void print_read_errors(struct deia_jw *w, const struct receiving *r)
{
	deia_jw_key(w, "errors");
	deia_jw_array(w);
	for (size_t i = 0; i < r->n; i++) {
		if (!r->errs[i])
			continue;
		deia_jw_object(w);
		deia_jw_kint(w, "index", (int64_t)i);
		deia_jw_kstr(w, "id", r->ids[i]);
		deia_jw_kstr(w, "code", deia_err_name(r->errs[i]));
		deia_jw_kstr(w, "detail", read_fault(r->errs[i]));
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

static void received(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct receiving *r = user;
	struct rq *rq = r->rq;
	struct deia_jw w;

	(void)more;
	rq->on_gone = NULL;
	if (err) {
		rq_fail(rq, err);
	} else if (rq->conn) {
		deia_jw_init(&w);
		deia_jw_object(&w);
		deia_jw_key(&w, "items");
		deia_jw_array(&w);
		for (size_t i = 0; i < n; i++)
			print_message(&w, &items[i]);
		deia_jw_end_array(&w);
		print_read_errors(&w, r);
		deia_jw_end_object(&w);
		rq_send_json(rq, 200, &w);
	}
	receiving_free(r);
	rq_drop(rq);
}

/* `received` follows, and frees. */
static void receiver_left(struct rq *rq, void *user)
{
	struct receiving *r = user;

	deia_mail_receive_cancel(rq->srv->hive, r->wait);
}

/* One of "read": an id, or {"id","lease_token"}. */
static void read_claim(struct receiving *r, struct jread *list,
		       struct faults *f)
{
	struct deia_message_claim *claim = &r->claims[r->n];
	char base[32], *id = NULL;
	struct got got[MEMBERS];
	size_t len = 0;

	snprintf(base, sizeof(base), "/read/%zu", r->n);
	*claim = (struct deia_message_claim){ .inbox = r->rq->param[0] };
	if (jread_kind(list) == '"') {
		id = jread_text(list, &len);
	} else {
		object_read(list, base, read_wants, got, MEMBERS, f);
		id = got[ID].text;
		len = got[ID].len;
		claim->token = got[TOKEN].text;
	}
	if (!id || len < 1 || len > DEIA_MAX_ID_LEN)
		fault(f, base,
		      "expected the id of a message, or an object "
		      "with it");
	else
		memcpy(r->ids[r->n], id, len + 1);
	claim->id = r->ids[r->n];
	r->n++;
}

/* False: memory ran out. */
static bool read_claims(struct receiving *r, const struct got *got,
			struct faults *f)
{
	struct jread list = got->value;
	size_t n = jread_kind(&list) == '[' ? jread_count(&list) : 0;

	if (jread_kind(&list) != '[' || n > DEIA_MAX_BATCH_LEN) {
		fault(f, "/read", "expected a list of at most %d messages",
		      DEIA_MAX_BATCH_LEN);
		return true;
	}
	if (n == 0)
		return true;
	r->claims = malloc(n * sizeof(*r->claims));
	r->errs = calloc(n, sizeof(*r->errs));
	r->ids = malloc(n * sizeof(*r->ids));
	if (!r->claims || !r->errs || !r->ids)
		return false;
	for (jread_open(&list); jread_item(&list);)
		read_claim(r, &list, f);
	return true;
}

static void receive(struct receiving *r, const struct got *got)
{
	struct deia_mail_receive what = { .size = sizeof(what),
					  .what = DEIA_RECEIVE_INIT,
					  .read = r->claims,
					  .n_read = r->n,
					  .errs = r->errs };
	struct rq *rq = r->rq;
	deia_err err;

	what.what.inbox = rq->param[0];
	what.what.max = got[MAX].is_there ? (unsigned)got[MAX].num : 1;
	what.what.wait_ms = got[WAIT].num * 1000;
	what.what.lease_ms = got[LEASE].num * 1000;
	rq_hold(rq);
	err = deia_mail_receive(rq->srv->hive, &rq->actor, &what, &r->wait,
				received, r);
	if (err)
		received(err, NULL, 0, false, r);
	else
		rq_watch(rq, receiver_left, r);
}

void route_inbox_receive(struct rq *rq)
{
	struct receiving *r = calloc(1, sizeof(*r));
	struct got got[FIELDS] = { 0 };
	struct jread body = { rq->text };
	struct faults faults;
	bool ok = r != NULL;

	faults.n = 0;
	if (rq->text)
		object_read(&body, "", wants, got, FIELDS, &faults);
	if (ok) {
		r->rq = rq;
		if (got[READ].is_there)
			ok = read_claims(r, &got[READ], &faults);
	}
	if (ok && !faults.n) {
		receive(r, got);
		return;
	}
	if (!ok)
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
	else
		rq_bad_fields(rq, faults.at, faults.n);
	if (r)
		receiving_free(r);
}
