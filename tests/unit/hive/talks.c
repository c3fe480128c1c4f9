/* SPDX-License-Identifier: MIT */
/* talks.c - see talks.h. */
#include "talks.h"

#include <stdio.h>
#include <string.h>

static void copy(struct mail *out, const struct deia_message *m)
{
	snprintf(out->id, sizeof(out->id), "%s", m->id);
	snprintf(out->from, sizeof(out->from), "%s", m->from);
	snprintf(out->to, sizeof(out->to), "%s", m->to);
	snprintf(out->content, sizeof(out->content), "%s",
		 m->content ? m->content : "");
	snprintf(out->reason, sizeof(out->reason), "%s", m->reason);
	snprintf(out->reply_to, sizeof(out->reply_to), "%s", m->reply_to);
	snprintf(out->dialogue, sizeof(out->dialogue), "%s", m->dialogue);
	snprintf(out->metadata, sizeof(out->metadata), "%s", m->metadata);
	out->status = m->status;
	out->attempt = m->attempt;
	out->hops = m->hops;
	out->priority = m->priority;
	out->retry_unix_ms = m->retry_unix_ms;
}

static void on_mail(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct mail *out = user;

	(void)more;
	out->err = err;
	out->done = true;
	if (n)
		copy(out, items);
}

static void on_mails(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct mails *out = user;

	out->err = err;
	out->done = true;
	out->more = more;
	for (size_t i = 0; i < n && out->n < MAILS; i++)
		copy(&out->items[out->n++], &items[i]);
}

void send_mail(struct fixture *f, const char *from, const char *to,
	       const char *content, char *id)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	struct mail out = { .done = false };

	d.from = from;
	d.to = to;
	d.content = content;
	d.content_len = strlen(content);
	d.priority = 1;
	ck_assert_int_eq(deia_messenger_send(deia_hive_messenger(f->hive), &d,
					     1, NULL, NULL, on_mail, &out),
			 DEIA_OK);
	run_until(f, &out.done);
	ck_assert_int_eq(out.err, DEIA_OK);
	memcpy(id, out.id, 37);
}

void requeue_mail(struct fixture *f, const char *id)
{
	struct mail out = { .done = false };

	ck_assert_int_eq(deia_messenger_requeue(deia_hive_messenger(f->hive),
						id, on_mail, &out),
			 DEIA_OK);
	run_until(f, &out.done);
	ck_assert_int_eq(out.err, DEIA_OK);
}

void get_mail(struct fixture *f, const char *id, struct mail *out)
{
	char own[37]; /* id may be that in out */

	snprintf(own, sizeof(own), "%s", id);
	memset(out, 0, sizeof(*out));
	ck_assert_int_eq(deia_messenger_get(deia_hive_messenger(f->hive), own,
					    on_mail, out),
			 DEIA_OK);
	run_until(f, &out->done);
	ck_assert_int_eq(out->err, DEIA_OK);
}

/* ---- waiting: a look after each thing that happens ------------------------ */

struct watch {
	struct fixture *f;
	struct event *deadline;
	bool over;
};

static void is_over(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	*(bool *)user = true;
}

static void watch_begin(struct watch *w, struct fixture *f)
{
	struct timeval tv = { 20, 0 };

	w->f = f;
	w->over = false;
	w->deadline = event_new(f->base, -1, 0, is_over, &w->over);
	ck_assert_ptr_nonnull(w->deadline);
	event_add(w->deadline, &tv);
}

/* False: the time is over. */
static bool watch_next(struct watch *w)
{
	if (!w->over)
		event_base_loop(w->f->base, EVLOOP_ONCE);
	return !w->over;
}

static void watch_end(struct watch *w)
{
	event_free(w->deadline);
}

void wait_mail(struct fixture *f, const char *id, deia_message_status status,
	       struct mail *out)
{
	struct watch w;
	char own[37];

	snprintf(own, sizeof(own), "%s", id);
	watch_begin(&w, f);
	do
		get_mail(f, own, out);
	while (out->status != status && watch_next(&w));
	watch_end(&w);
	ck_assert_msg(out->status == status, "message %s is %s: %s; log: %s",
		      own, deia_message_status_name(out->status), out->reason,
		      f->last_log);
}

void read_inbox(struct fixture *f, const char *bot, int status,
		struct mails *out)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;

	memset(out, 0, sizeof(*out));
	q.inbox = bot;
	q.status = status;
	q.limit = MAILS;
	ck_assert_int_eq(deia_messenger_page(deia_hive_messenger(f->hive), &q,
					     on_mails, out),
			 DEIA_OK);
	run_until(f, &out->done);
	ck_assert_int_eq(out->err, DEIA_OK);
}

void wait_inbox(struct fixture *f, const char *bot, int status, size_t n,
		struct mails *out)
{
	struct watch w;

	watch_begin(&w, f);
	do
		read_inbox(f, bot, status, out);
	while (out->n < n && watch_next(&w));
	watch_end(&w);
	ck_assert_msg(out->n >= n, "%zu messages for %s, wanted %zu; log: %s",
		      out->n, bot, n, f->last_log);
}

/* ---- bots ---------------------------------------------------------------- */

void create_echo(struct fixture *f, const char *id, const char *on_message)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "echo";
	spec.on_message = on_message;
	ck_assert_int_eq(create_bot_spec(f, &spec, true), DEIA_OK);
	run_until_state(f, id, DEIA_BOT_READY);
}

void create_script(struct fixture *f, const char *id, const char *on_message,
		   const char *script)
{
	const char *argv[] = { "sh", "-c", script };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	spec.on_message = on_message;
	spec.stop_timeout_seconds = 1;
	ck_assert_int_eq(create_bot_spec(f, &spec, true), DEIA_OK);
	run_until_state(f, id, DEIA_BOT_READY);
}

/* ---- dialogues ----------------------------------------------------------- */

static void on_talk(deia_err err, const struct deia_dialogue *items, size_t n,
		    bool more, void *user)
{
	struct talk *out = user;

	(void)more;
	ck_assert_int_eq(err == DEIA_OK, items != NULL);
	out->err = err;
	out->n = n;
	out->done = true;
	if (!n)
		return;
	snprintf(out->id, sizeof(out->id), "%s", items->id);
	snprintf(out->reason, sizeof(out->reason), "%s", items->reason);
	out->status = items->status;
	out->turns = items->turns;
	out->turns_done = items->turns_done;
	out->tokens = items->tokens;
	out->ended_unix_ms = items->ended_unix_ms;
}

static deia_err wait_for(struct fixture *f, deia_err err, struct talk *out)
{
	if (err)
		return err;
	run_until(f, &out->done);
	return out->err;
}

deia_err start_talk(struct fixture *f, const char *a, const char *b,
		    const struct deia_dialogue *more, struct talk *out)
{
	struct deia_dialogue d = *more;

	memset(out, 0, sizeof(*out));
	d.a = a;
	d.b = b;
	if (!d.topic)
		d.topic = "the weather";
	d.topic_len = strlen(d.topic);
	return wait_for(f,
			deia_dialogue_start(f->hive, deia_actor_local(), &d,
					    on_talk, out),
			out);
}

deia_err stop_talk(struct fixture *f, const char *id, struct talk *out)
{
	char own[64]; /* id may be that in out */

	snprintf(own, sizeof(own), "%s", id);
	memset(out, 0, sizeof(*out));
	return wait_for(f,
			deia_dialogue_stop(f->hive, deia_actor_local(), own,
					   on_talk, out),
			out);
}

deia_err get_talk(struct fixture *f, const char *id, struct talk *out)
{
	char own[64]; /* id may be that in out */

	snprintf(own, sizeof(own), "%s", id);
	memset(out, 0, sizeof(*out));
	return wait_for(f, deia_dialogue_get(f->hive, own, on_talk, out), out);
}

void wait_talk(struct fixture *f, const char *id, struct talk *out)
{
	struct watch w;
	deia_err err;
	char own[64];

	snprintf(own, sizeof(own), "%s", id);
	watch_begin(&w, f);
	do /* a look may fail where a test lets allocations fail */
		err = get_talk(f, own, out);
	while ((err == DEIA_ENOMEM || out->status == DEIA_DIALOGUE_RUNNING) &&
	       watch_next(&w));
	ck_assert_int_eq(err, DEIA_OK);
	watch_end(&w);
	ck_assert_msg(out->status != DEIA_DIALOGUE_RUNNING,
		      "the dialogue runs on, %u turns; log: %s",
		      out->turns_done, f->last_log);
}

void wait_turns(struct fixture *f, const char *id, unsigned turns,
		struct talk *out)
{
	struct watch w;
	char own[64];

	snprintf(own, sizeof(own), "%s", id);
	watch_begin(&w, f);
	do
		ck_assert_int_eq(get_talk(f, own, out), DEIA_OK);
	while (out->turns_done < turns && watch_next(&w));
	watch_end(&w);
	ck_assert_msg(out->turns_done >= turns, "%u turns; log: %s",
		      out->turns_done, f->last_log);
}

void talk_messages(struct fixture *f, const char *id, struct mails *out)
{
	memset(out, 0, sizeof(*out));
	ck_assert_int_eq(
		deia_dialogue_messages(f->hive, id, NULL, MAILS, on_mails, out),
		DEIA_OK);
	run_until(f, &out->done);
	ck_assert_int_eq(out->err, DEIA_OK);
}
