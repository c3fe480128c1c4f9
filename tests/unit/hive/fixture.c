/* SPDX-License-Identifier: MIT */
/* fixture.c - see fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep_log(enum deia_log_level level, const char *text, void *user)
{
	struct fixture *f = user;

	if (level <= DEIA_LOG_WARN)
		snprintf(f->last_log, sizeof(f->last_log), "%s", text);
	if (f->on_log)
		f->on_log(text);
}

static void open_hive(struct fixture *f)
{
	struct deia_hive_opts o = DEIA_HIVE_OPTS_INIT;
	char url[128], logs[128], detail[256];
	deia_err err;

	o.log = keep_log;
	o.log_user = f;
	o.seed = 7;
	if (f->dir[0]) {
		snprintf(url, sizeof(url), "sqlite:%s/deia.db", f->dir);
		snprintf(logs, sizeof(logs), "%s/logs", f->dir);
		o.store_url = url;
		o.log_dir = logs;
	}
	err = deia_hive_new(&f->hive, f->base, &o, detail, sizeof(detail));
	ck_assert_msg(err == DEIA_OK, "%s: %s", deia_err_name(err), detail);
	ck_assert_int_eq(deia_hive_start(f->hive), DEIA_OK);
}

void fixture_open(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	ck_assert_ptr_nonnull(f->base);
	open_hive(f);
}

void fixture_open_file(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	ck_assert_ptr_nonnull(f->base);
	snprintf(f->dir, sizeof(f->dir), "/tmp/deia-hive-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	open_hive(f);
}

static void set_flag(void *user)
{
	*(bool *)user = true;
}

static void stop_hive(struct fixture *f)
{
	bool stopped = false;

	ck_assert_int_eq(deia_hive_stop(f->hive, set_flag, &stopped), DEIA_OK);
	run_until(f, &stopped);
}

void fixture_reopen(struct fixture *f, bool clean)
{
	if (clean)
		stop_hive(f);
	deia_hive_free(f->hive);
	open_hive(f);
}

void fixture_close(struct fixture *f)
{
	char command[128];

	stop_hive(f);
	deia_hive_free(f->hive);
	event_base_free(f->base);
	if (!f->dir[0])
		return;
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	ck_assert_int_eq(system(command), 0);
}

static void give_up(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	*(bool *)user = true;
}

static struct event *deadline(struct fixture *f, bool *over)
{
	struct timeval tv = { 20, 0 };
	struct event *ev = event_new(f->base, -1, 0, give_up, over);

	ck_assert_ptr_nonnull(ev);
	event_add(ev, &tv);
	return ev;
}

void run_until(struct fixture *f, const bool *flag)
{
	bool over = false;
	struct event *ev = deadline(f, &over);

	while (!*flag && !over)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(ev);
	ck_assert_msg(*flag, "nothing came for 20 s; log: %s", f->last_log);
}

void run_until_state(struct fixture *f, const char *bot, deia_bot_state state)
{
	bool over = false;
	struct event *ev = deadline(f, &over);
	struct deia_hive_bot b;

	for (;;) {
		ck_assert_int_eq(deia_hive_bot_get(f->hive, bot, &b), DEIA_OK);
		if (b.info->state == state || over)
			break;
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	event_free(ev);
	ck_assert_msg(b.info->state == state, "bot %s is %s: %s", bot,
		      deia_bot_state_name(b.info->state), b.info->state_reason);
}

void run_until_bot(struct fixture *f, const char *bot, bool there)
{
	bool over = false;
	struct event *ev = deadline(f, &over);
	struct deia_hive_bot b;

	while (!over &&
	       (deia_hive_bot_get(f->hive, bot, &b) == DEIA_OK) != there)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(ev);
	ck_assert_msg(!over, "bot %s is%s there", bot, there ? " not" : "");
}

struct result {
	bool done;
	deia_err err;
};

static void on_bot(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	struct result *r = user;

	ck_assert_int_eq(err == DEIA_OK, bot != NULL);
	r->done = true;
	r->err = err;
}

static void on_done(deia_err err, void *user)
{
	struct result *r = user;

	r->done = true;
	r->err = err;
}

deia_err create_bot_spec(struct fixture *f, const struct deia_bot_spec *spec,
			 bool start)
{
	struct result r = { false, DEIA_OK };
	deia_err err = deia_hive_bot_create(f->hive, deia_actor_local(), spec,
					    start, on_bot, &r);

	if (err)
		return err;
	ck_assert(!r.done); /* never inside the call */
	run_until(f, &r.done);
	return r.err;
}

deia_err create_bot(struct fixture *f, const char *id, bool start)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "echo";
	return create_bot_spec(f, &spec, start);
}

deia_err act(struct fixture *f, const char *id, deia_bot_action action)
{
	struct result r = { false, DEIA_OK };
	deia_err err = deia_hive_bot_act(f->hive, deia_actor_local(), id,
					 action, on_bot, &r);

	if (err)
		return err;
	run_until(f, &r.done);
	return r.err;
}

deia_err remove_bot(struct fixture *f, const char *id, bool force, bool purge)
{
	struct result r = { false, DEIA_OK };
	deia_err err = deia_hive_bot_remove(f->hive, deia_actor_local(), id,
					    force, purge, on_done, &r);

	if (err)
		return err;
	run_until(f, &r.done);
	return r.err;
}

/* ---- chat ---------------------------------------------------------------- */

static void on_accepted(const struct deia_chat_line *line, void *user)
{
	struct answer *a = user;

	ck_assert_int_eq(line->status, DEIA_LINE_SENT);
	a->accepted = true;
	a->accepted_first = !a->chunks && !a->done;
	snprintf(a->question_id, sizeof(a->question_id), "%s", line->id);
	snprintf(a->conversation, sizeof(a->conversation), "%s",
		 line->conversation);
}

static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	struct answer *a = user;

	(void)channel;
	(void)text;
	ck_assert_uint_gt(len, 0);
	a->chunks++;
}

static void on_answer(deia_err err, const struct deia_chat_line *line,
		      unsigned retry_after_seconds, void *user)
{
	struct answer *a = user;

	(void)retry_after_seconds;
	ck_assert(!a->done);
	a->done = true;
	a->err = err;
	if (!line)
		return;
	ck_assert_uint_eq(strlen(line->content), line->content_len);
	snprintf(a->text, sizeof(a->text), "%s", line->content);
	snprintf(a->answer_id, sizeof(a->answer_id), "%s", line->id);
	a->status = line->status;
}

deia_err ask(struct fixture *f, const char *bot, const char *conversation,
	     const char *content, struct answer *a, deia_chat_turn **turn)
{
	static const struct deia_chat_events events = {
		.on_accepted = on_accepted,
		.on_chunk = on_chunk,
		.on_done = on_answer,
	};

	memset(a, 0, sizeof(*a));
	return deia_chat_send(f->hive, deia_actor_local(), bot, conversation,
			      content, strlen(content), &events, a, turn);
}

deia_err ask_and_wait(struct fixture *f, const char *bot,
		      const char *conversation, const char *content,
		      struct answer *a)
{
	deia_err err = ask(f, bot, conversation, content, a, NULL);

	if (err)
		return err;
	run_until(f, &a->done);
	return a->err;
}

static void on_lines(deia_err err, const struct deia_chat_line *lines, size_t n,
		     bool more, void *user)
{
	struct lines *out = user;

	out->done = true;
	out->err = err;
	out->more = more;
	out->n = n;
	ck_assert_uint_le(n, 64);
	for (size_t i = 0; i < n; i++) {
		snprintf(out->items[i].id, 37, "%s", lines[i].id);
		snprintf(out->items[i].role, 16, "%s", lines[i].role);
		snprintf(out->items[i].author, 64, "%s", lines[i].author);
		snprintf(out->items[i].content, 256, "%s", lines[i].content);
		snprintf(out->items[i].error, 128, "%s", lines[i].error);
		out->items[i].status = lines[i].status;
	}
}

deia_err read_lines(struct fixture *f, const char *bot,
		    const char *conversation, const char *before,
		    unsigned limit, struct lines *out)
{
	deia_err err;

	memset(out, 0, sizeof(*out));
	err = deia_chat_page(f->hive, bot, conversation, before, limit,
			     on_lines, out);
	if (err)
		return err;
	run_until(f, &out->done);
	return out->err;
}
