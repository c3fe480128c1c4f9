/* SPDX-License-Identifier: MIT */
/*
 * send.c - POST /messages: one message, copies of it to several, or a batch.
 *
 * All or nothing. The body is read in place: texts go to the hive as they
 * stand in the request's buffer, and metadata as it was written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "mail.h"
#include "own_key.h"
#include "routes.h"

enum {
	TO,
	TO_TYPE,
	CONTENT,
	PRIORITY,
	FROM,
	TTL,
	ATTEMPTS,
	REPLY_TO,
	METADATA,
	NOTIFY,
	MESSAGES, /* a batch of the above */
	FIELDS
};
static const struct want wants[FIELDS] = {
	[TO] = { "to", 'v', 0, 0 },
	[TO_TYPE] = { "to_type", 's', 1, DEIA_MAX_NAME_BYTES },
	[CONTENT] = { "content", 's', 1, DEIA_MAX_CONTENT_BYTES },
	[PRIORITY] = { "priority", 's', 2, 2 },
	[FROM] = { "from", 's', 1, DEIA_MAX_ID_LEN },
	[TTL] = { "ttl_seconds", 'i', 1, DEIA_MAX_TTL_SECONDS },
	[ATTEMPTS] = { "max_attempts", 'i', 1, DEIA_MAX_ATTEMPTS },
	[REPLY_TO] = { "reply_to", 's', 1, DEIA_MAX_ID_LEN },
	[METADATA] = { "metadata", 'o', 0, DEIA_MAX_METADATA_BYTES },
	[NOTIFY] = { "notify", 'b', 0, 0 },
	[MESSAGES] = { "messages", 'v', 0, 0 },
};

/* What is being read, and then sent. */
struct post {
	struct rq *rq;
	struct deia_mail_draft *drafts;
	size_t n;
	const char **to; /* room for DEIA_MAX_BATCH_LEN */
	size_t n_to;
	bool batch;  /* {"messages":[...]} */
	bool single; /* one recipient, not as a list: one message back */
	struct faults *faults;
};

/* ---- reading ----------------------------------------------------------- */

static void read_recipients(struct post *p, struct jread *r, const char *at)
{
	char pointer[100], number[24];
	struct jread list = *r;
	size_t len, i = 0;

	if (jread_count(r) == 0)
		fault(p->faults, at, "name at least one recipient");
	for (jread_open(&list); jread_item(&list); i++) {
		bool is_text = jread_kind(&list) == '"';

		if (p->n_to == DEIA_MAX_BATCH_LEN) {
			fault(p->faults, at,
			      "at most %d messages at once, each copy counted",
			      DEIA_MAX_BATCH_LEN);
			return;
		}
		if (is_text)
			p->to[p->n_to++] = jread_text(&list, &len);
		else
			jread_skip(&list);
		if (is_text && len >= 1 && len <= DEIA_MAX_ID_LEN)
			continue;
		snprintf(number, sizeof(number), "%zu", i);
		pointer_join(pointer, sizeof(pointer), at, number);
		fault(p->faults, pointer, "expected the id of a bot");
	}
}

static void read_to(struct post *p, const struct got *got,
		    struct deia_mail_draft *d, const char *base)
{
	struct jread r = got[TO].value;
	size_t first = p->n_to, len;
	char at[100];

	pointer_join(at, sizeof(at), base, "to");
	d->to_type = got[TO_TYPE].text;
	if (got[TO].is_there == got[TO_TYPE].is_there) {
		fault(p->faults, at, "expected one of \"to\" and \"to_type\"%s",
		      got[TO].is_there ? ", not both" : "");
		return;
	}
	if (!got[TO].is_there)
		return;
	if (jread_kind(&r) == '[') {
		read_recipients(p, &r, at);
	} else if (jread_kind(&r) == '"' && p->n_to < DEIA_MAX_BATCH_LEN) {
		p->to[p->n_to++] = jread_text(&r, &len);
		p->single = !p->batch;
		if (len < 1 || len > DEIA_MAX_ID_LEN)
			fault(p->faults, at, "expected the id of a bot");
	} else {
		fault(p->faults, at,
		      "expected the id of a bot, or a list of at most %d",
		      DEIA_MAX_BATCH_LEN);
	}
	d->to = p->to + first;
	d->n_to = p->n_to - first;
}

static void fill_draft(struct post *p, const struct got *got, const char *base)
{
	static const struct deia_message_draft init = DEIA_MESSAGE_DRAFT_INIT;
	struct deia_mail_draft *d = &p->drafts[p->n++];
	int priority = 2;
	char at[100];

	*d = (struct deia_mail_draft){ .draft = init };
	if (!got[CONTENT].is_there) {
		pointer_join(at, sizeof(at), base, "content");
		fault(p->faults, at, "this field is required");
	}
	if (got[PRIORITY].text)
		priority = deia_priority_parse(got[PRIORITY].text);
	if (priority < 0) {
		pointer_join(at, sizeof(at), base, "priority");
		fault(p->faults, at, "expected P0, P1, P2 or P3");
	}
	d->draft.from = got[FROM].text;
	d->draft.content = got[CONTENT].text;
	d->draft.content_len = got[CONTENT].len;
	d->draft.priority = priority < 0 ? 2 : (unsigned)priority;
	d->draft.ttl_seconds = got[TTL].num;
	d->draft.max_attempts = (unsigned)got[ATTEMPTS].num;
	d->draft.reply_to = got[REPLY_TO].text;
	d->draft.metadata = got[METADATA].text;
	d->draft.notify = got[NOTIFY].num;
	read_to(p, got, d, base);
}

/* {"messages":[...]} and nothing beside it. False: memory ran out. */
static bool read_batch(struct post *p, const struct got *got)
{
	struct jread r = got[MESSAGES].value;
	size_t n = jread_kind(&r) == '[' ? jread_count(&r) : 0;

	for (int i = 0; i < MESSAGES; i++) {
		char at[100];

		if (!got[i].is_there)
			continue;
		pointer_join(at, sizeof(at), "", wants[i].name);
		fault(p->faults, at, "it stands in each of the messages");
	}
	if (n == 0 || n > DEIA_MAX_BATCH_LEN) {
		fault(p->faults, "/messages", "expected 1 to %d messages",
		      DEIA_MAX_BATCH_LEN);
		return true;
	}
	p->drafts = malloc(n * sizeof(*p->drafts));
	if (!p->drafts)
		return false;
	for (jread_open(&r); jread_item(&r);) {
		struct got one[MESSAGES];
		char base[32];

		snprintf(base, sizeof(base), "/messages/%zu", p->n);
		object_read(&r, base, wants, one, MESSAGES, p->faults);
		fill_draft(p, one, base);
	}
	return true;
}

/* ---- answering --------------------------------------------------------- */

static void sent(deia_err err, const struct deia_message *items, size_t n,
		 bool more, void *user)
{
	struct making *m = user;
	struct deia_jw w;

	(void)more;
	if (err) {
		making_failed(m, err, deia_mail_error_index(m->rq->srv->hive),
			      "/to");
		return;
	}
	m->one = m->one && n == 1;
	if (m->one) {
		deia_jw_init(&w);
		print_message(&w, items);
	} else {
		list_begin(&w);
		for (size_t i = 0; i < n; i++)
			print_message(&w, &items[i]);
		list_end(&w);
	}
	making_done(m, m->one ? items->id : NULL, &w);
}

static void post(struct post *p)
{
	struct rq *rq = p->rq;
	struct making *m = making_begin(rq, "messages", p->batch);
	deia_err err;

	if (!m)
		return;
	m->one = p->single;
	err = deia_mail_send(rq->srv->hive, &rq->actor, p->drafts, p->n, m->key,
			     &m->replayed, sent, m);
	if (err)
		sent(err, NULL, 0, false, m);
}

void route_messages_send(struct rq *rq)
{
	const char *to[DEIA_MAX_BATCH_LEN];
	struct deia_mail_draft one;
	struct faults faults;
	struct post p = { .rq = rq, .to = to, .faults = &faults };
	struct jread r = { rq->text };
	struct got got[FIELDS];
	bool ok = true;

	faults.n = 0;
	object_read(&r, "", wants, got, FIELDS, &faults);
	p.batch = got[MESSAGES].is_there;
	if (p.batch) {
		ok = read_batch(&p, got);
	} else {
		p.drafts = &one;
		fill_draft(&p, got, "");
	}
	if (!ok)
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
	else if (faults.n)
		rq_bad_fields(rq, faults.at, faults.n);
	else
		post(&p);
	if (p.batch)
		free(p.drafts);
}
