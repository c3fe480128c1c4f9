/* SPDX-License-Identifier: MIT */
/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct deia_actor *who(const char *text)
{
	static struct deia_actor actor;
	char role[16] = "", name[65] = "";

	ck_assert_int_ge(sscanf(text, "%15s %64s", role, name), 1);
	actor = (struct deia_actor){ .role = deia_role_parse(role) };
	ck_assert(actor.role != DEIA_ROLE_NONE || strcmp(role, "none") == 0);
	snprintf(actor.name, sizeof(actor.name), "%s", name[0] ? name : role);
	return &actor;
}

static void copy(struct letter *l, const struct deia_message *m)
{
	memset(l, 0, sizeof(*l));
	snprintf(l->id, sizeof(l->id), "%s", m->id);
	snprintf(l->from, sizeof(l->from), "%s", m->from);
	snprintf(l->to, sizeof(l->to), "%s", m->to);
	snprintf(l->by, sizeof(l->by), "%s", m->by);
	snprintf(l->token, sizeof(l->token), "%s", m->lease_token);
	snprintf(l->reply_to, sizeof(l->reply_to), "%s", m->reply_to);
	snprintf(l->reason, sizeof(l->reason), "%s", m->reason);
	snprintf(l->metadata, sizeof(l->metadata), "%s", m->metadata);
	if (m->content)
		snprintf(l->content, sizeof(l->content), "%.*s",
			 (int)m->content_len, m->content);
	l->has_content = m->content != NULL;
	l->redelivered = m->redelivered;
	l->notify = m->notify;
	l->status = m->status;
	l->priority = m->priority;
	l->attempt = m->attempt;
	l->hops = m->hops;
}

void on_letters(deia_err err, const struct deia_message *items, size_t n,
		bool more, void *user)
{
	struct got *got = user;

	ck_assert(!got->done);
	got->done = true;
	got->err = err;
	got->more = more;
	if (err)
		ck_assert_uint_eq(n, 0);
	for (got->n = 0; got->n < n && got->n < 64; got->n++)
		copy(&got->items[got->n], &items[got->n]);
}

static struct got *fresh(struct got *got)
{
	static struct got scratch;

	if (!got)
		got = &scratch;
	memset(got, 0, sizeof(*got));
	got->index = -1;
	return got;
}

static deia_err finish(struct fixture *f, struct got *got, deia_err err)
{
	if (err) {
		ck_assert(!got->done);
		ck_assert(deia_hive_errmsg(f->hive)[0] != '\0');
		got->err = err;
		return err;
	}
	ck_assert(!got->done); /* never inside the call */
	run_until(f, &got->done);
	return got->err;
}

struct deia_mail_draft mail_draft(const char *from, const char *const *to,
				  const char *content)
{
	struct deia_mail_draft d = { .draft = DEIA_MESSAGE_DRAFT_INIT };

	d.draft.from = from;
	d.draft.content = content;
	d.draft.content_len = content ? strlen(content) : 0;
	d.to = to;
	d.n_to = to ? 1 : 0;
	return d;
}

deia_err mail_send_draft(struct fixture *f, const char *actor,
			 const struct deia_mail_draft *drafts, size_t n,
			 const char *key, struct got *got)
{
	deia_err err;

	got = fresh(got);
	err = deia_mail_send(f->hive, who(actor), drafts, n, key,
			     &got->replayed, on_letters, got);
	if (err)
		got->index = deia_mail_error_index(f->hive);
	return finish(f, got, err);
}

deia_err mail_send(struct fixture *f, const char *actor, const char *from,
		   const char *to, const char *content, struct got *got)
{
	struct deia_mail_draft d = mail_draft(from, &to, content);

	return mail_send_draft(f, actor, &d, 1, NULL, got);
}

deia_err mail_receive(struct fixture *f, const char *actor, const char *inbox,
		      unsigned max, struct got *got)
{
	struct deia_mail_receive what = { .size = sizeof(what),
					  .what = DEIA_RECEIVE_INIT };

	got = fresh(got);
	what.what.inbox = inbox;
	what.what.max = max;
	return finish(f, got,
		      deia_mail_receive(f->hive, who(actor), &what, NULL,
					on_letters, got));
}

deia_err mail_get(struct fixture *f, const char *actor, const char *id,
		  struct got *got)
{
	got = fresh(got);
	return finish(f, got,
		      deia_mail_get(f->hive, who(actor), id, on_letters, got));
}

deia_err mail_read(struct fixture *f, const char *actor, const char *inbox,
		   const char *id, const char *token, struct got *got)
{
	char copy[37] = "", held[17] = ""; /* they may be of *got */
	struct deia_message_claim claim = { copy, inbox, token ? held : NULL };

	snprintf(copy, sizeof(copy), "%s", id);
	snprintf(held, sizeof(held), "%s", token ? token : "");
	got = fresh(got);
	return finish(
		f, got,
		deia_mail_read(f->hive, who(actor), &claim, on_letters, got));
}

static deia_err page(struct fixture *f, const char *actor,
		     const struct deia_message_query *q, struct got *got)
{
	got = fresh(got);
	return finish(f, got,
		      deia_mail_page(f->hive, who(actor), q, on_letters, got));
}

deia_err mail_inbox(struct fixture *f, const char *actor, const char *inbox,
		    struct got *got)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	q.inbox = inbox;
	return page(f, actor, &q, got);
}

deia_err mail_between(struct fixture *f, const char *actor, const char *a,
		      const char *b, struct got *got)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	q.a = a;
	q.b = b;
	return page(f, actor, &q, got);
}

deia_err create_mail_bot(struct fixture *f, const char *id)
{
	const char *argv[] = { getenv("DEIA_TEST_MAIL_CHILD") };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	deia_err err;

	ck_assert_ptr_nonnull(argv[0]);
	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	spec.stop_timeout_seconds = 1;
	err = create_bot_spec(f, &spec, true);
	if (!err)
		run_until_state(f, id, DEIA_BOT_READY);
	return err;
}

uint64_t mail_count(struct fixture *f, const char *inbox,
		    deia_message_status status)
{
	struct deia_inbox_status s;

	ck_assert_int_eq(
		deia_messenger_inbox(deia_hive_messenger(f->hive), inbox, &s),
		DEIA_OK);
	return status == DEIA_MESSAGE_PENDING ? s.pending : s.delivered;
}

void run_until_status(struct fixture *f, const char *id,
		      deia_message_status status, struct got *got)
{
	struct got own;

	if (!got)
		got = &own;
	for (int i = 0; i < 200000; i++) {
		ck_assert_int_eq(mail_get(f, "admin", id, got), DEIA_OK);
		if (got->items[0].status == status)
			return;
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	ck_abort_msg("message %s is %s: %s", id,
		     deia_message_status_name(got->items[0].status),
		     got->items[0].reason);
}

static void on_over(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	*(bool *)user = true;
}

void run_until_empty(struct fixture *f, const char *inbox)
{
	struct timeval tv = { 20, 0 };
	bool over = false;
	struct event *ev = event_new(f->base, -1, 0, on_over, &over);

	event_add(ev, &tv);
	while (!over && mail_count(f, inbox, DEIA_MESSAGE_PENDING) +
				mail_count(f, inbox, DEIA_MESSAGE_DELIVERED))
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(ev);
	ck_assert_msg(!over, "mail is left in the inbox of %s", inbox);
}
