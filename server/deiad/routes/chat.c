/* SPDX-License-Identifier: MIT */
/*
 * chat.c - conversations, their pages, and saying something to a bot.
 *
 * A turn belongs to the hive, not to the connection: when the client leaves,
 * the turn is detached, goes on, and its answer is kept.
 */
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <deia/chat.h>
#include <deia/limits.h>

#include "../http/idem.h"
#include "../http/reply.h"
#include "../http/stream.h"

void print_line(struct deia_jw *w, const struct deia_chat_line *l)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", l->id);
	deia_jw_kstr(w, "bot", l->bot);
	deia_jw_kstr(w, "conversation", l->conversation);
	deia_jw_kstr(w, "role", l->role);
	deia_jw_kstr(w, "author", l->author);
	deia_jw_key(w, "content");
	deia_jw_strn(w, l->content, l->content_len);
	deia_jw_kstr(w, "status", deia_line_status_name(l->status));
	if (l->error && *l->error)
		deia_jw_kstr(w, "error", l->error);
	deia_jw_ktime(w, "created_at", l->created_unix_ms);
	if (l->prompt_tokens >= 0 || l->completion_tokens >= 0) {
		deia_jw_key(w, "usage");
		deia_jw_object(w);
		if (l->prompt_tokens >= 0)
			deia_jw_kint(w, "prompt_tokens", l->prompt_tokens);
		if (l->completion_tokens >= 0)
			deia_jw_kint(w, "completion_tokens",
				     l->completion_tokens);
		deia_jw_end_object(w);
	}
	if (l->details && *l->details)
		deia_jw_kraw(w, "details", l->details);
	deia_jw_end_object(w);
}

void print_conversation(struct deia_jw *w, const struct deia_conversation *c)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", c->id);
	deia_jw_kstr(w, "bot", c->bot);
	deia_jw_kstr(w, "title", c->title ? c->title : "");
	deia_jw_ktime(w, "created_at", c->created_unix_ms);
	deia_jw_kbool(w, "default", c->is_default);
	print_text_or_null(w, "session", c->session);
	deia_jw_end_object(w);
}

/* ---- conversations ----------------------------------------------------- */

static void conversations(deia_err err, const struct deia_conversation *items,
			  size_t n, bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_conversation(&w, &items[i]);
	list_send(rq, &w, more && n ? items[n - 1].id : NULL);
	rq_drop(rq);
}

void route_conversations_list(struct rq *rq)
{
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_chat_list(rq->srv->hive, rq->param[0],
				    rq_query(rq, "cursor"), limit,
				    conversations, rq));
}

static void conversation_made(deia_err err,
			      const struct deia_conversation *conv, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	deia_jw_init(&w);
	print_conversation(&w, conv);
	rq_send_json(rq, 201, &w);
	rq_drop(rq);
}

void route_conversations_create(struct rq *rq)
{
	static const struct field fields[] = { { "title", FIELD_TEXT, false, 0,
						 DEIA_MAX_TITLE_BYTES } };

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	idem_join(rq, print_made);
	rq_begun(rq, deia_chat_create(rq->srv->hive, &rq->actor, rq->param[0],
				      body_text(rq, "title"), conversation_made,
				      rq));
}

/* ---- pages ------------------------------------------------------------- */

static void lines(deia_err err, const struct deia_chat_line *items, size_t n,
		  bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_line(&w, &items[i]);
	list_send(rq, &w, more && n ? items[n - 1].id : NULL);
	rq_drop(rq);
}

void route_chat_page(struct rq *rq)
{
	const char *before = rq_query(rq, "before");
	unsigned limit;

	if (!query_limit(rq, &limit))
		return;
	if (!before)
		before = rq_query(rq, "cursor");
	rq_hold(rq);
	rq_begun(rq, deia_chat_page(rq->srv->hive, rq->param[0],
				    rq_query(rq, "conversation"), before, limit,
				    lines, rq));
}

void route_chat_clear(struct rq *rq)
{
	rq_hold(rq);
	rq_begun(rq, deia_chat_clear(rq->srv->hive, &rq->actor, rq->param[0],
				     rq_query(rq, "conversation"),
				     rq_done_empty, rq));
}

/* ---- one turn ---------------------------------------------------------- */

/* A client that is this far behind is given an event of this size. */
#define MAX_PENDING_BYTES (64u << 10)

/* A turn and who listens to it. Holds its request. */
struct talk {
	struct rq *rq;
	deia_chat_turn *turn;
	bool streams, done;
	/* Text of one channel that waits while the client has not taken what
	 * was sent before: many small chunks become one event. */
	struct evbuffer *pending;
	const char *channel; /* NULL: nothing waits */
};

static void talk_free(struct talk *t)
{
	struct rq *rq = t->rq;

	if (rq->drain_user == t)
		rq->on_drain = NULL;
	if (t->pending)
		evbuffer_free(t->pending);
	free(t);
	rq_drop(rq);
}

/*
 * The client left: the turn goes on alone. With an Idempotency-Key this end
 * waits for the answer, so that it can be kept for the client's next attempt.
 */
static void listener_left(struct rq *rq, void *user)
{
	struct talk *t = user;

	if (t->done || (rq->idem && !t->streams))
		return;
	deia_chat_detach(t->turn);
	talk_free(t);
}

static void on_accepted(const struct deia_chat_line *line, void *user)
{
	struct talk *t = user;
	struct deia_jw w;

	if (!t->streams)
		return;
	deia_jw_init(&w);
	print_line(&w, line);
	if (deia_jw_status(&w) == DEIA_OK)
		(void)stream_event(t->rq, "accepted", -1, w.text);
	deia_jw_fini(&w);
}

/* False: the stream has ended, and t is gone. */
static bool send_chunk(struct talk *t, const char *channel, const char *text,
		       size_t len)
{
	struct deia_jw w;
	bool sent = true;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "text");
	deia_jw_strn(&w, text, len);
	deia_jw_kstr(&w, "channel", channel);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		sent = stream_event(t->rq, "chunk", -1, w.text);
	deia_jw_fini(&w);
	return sent;
}

/* As send_chunk, of what waits. */
static bool send_pending(struct talk *t)
{
	struct evbuffer *text = t->pending;
	const char *channel = t->channel;
	size_t len = text ? evbuffer_get_length(text) : 0;
	bool sent;

	if (len == 0)
		return true;
	t->pending = NULL; /* t may be gone below */
	t->channel = NULL;
	sent = send_chunk(t, channel, (const char *)evbuffer_pullup(text, -1),
			  len);
	if (!sent) {
		evbuffer_free(text);
		return false;
	}
	evbuffer_drain(text, len);
	t->pending = text;
	return true;
}

static void on_drain(struct rq *rq, void *user)
{
	(void)rq;
	(void)send_pending(user);
}

/* What is handed in lives only until the callback returns. */
static const char *kept_name(const char *channel)
{
	if (strcmp(channel, "answer") == 0)
		return "answer";
	return strcmp(channel, "thinking") == 0 ? "thinking" : "tool";
}

static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	struct talk *t = user;

	if (!t->streams)
		return;
	if (t->channel && strcmp(t->channel, channel) != 0 && !send_pending(t))
		return;
	if (!t->channel && !stream_queued(t->rq)) {
		(void)send_chunk(t, channel, text, len);
		return;
	}
	if (!t->pending)
		t->pending = evbuffer_new();
	if (!t->pending || evbuffer_add(t->pending, text, len) != 0) {
		(void)send_chunk(t, channel, text, len);
		return;
	}
	t->channel = kept_name(channel);
	if (evbuffer_get_length(t->pending) > MAX_PENDING_BYTES)
		(void)send_pending(t);
}

static const char *turn_detail(struct rq *rq, deia_err err)
{
	const char *detail = deia_hive_errmsg(rq->srv->hive);

	return detail && *detail ? detail : deia_err_text(err);
}

/* The last event of a stream: the answer, or a problem. */
static void end_stream(struct rq *rq, deia_err err,
		       const struct deia_chat_line *answer)
{
	struct deia_jw w;

	deia_jw_init(&w);
	if (answer)
		print_line(&w, answer);
	else
		problem_print(&w, status_of(err), deia_err_name(err),
			      turn_detail(rq, err), rq->actor.request_id);
	if (deia_jw_status(&w) != DEIA_OK ||
	    stream_event(rq, answer ? "done" : "error", -1, w.text))
		stream_end(rq);
	deia_jw_fini(&w);
}

static void send_answer(struct rq *rq, deia_err err,
			const struct deia_chat_line *answer, unsigned wait_s)
{
	struct deia_jw w;
	char seconds[16];

	if (answer) {
		deia_jw_init(&w);
		print_line(&w, answer);
		rq_send_json(rq, 200, &w);
		return;
	}
	snprintf(seconds, sizeof(seconds), "%u", wait_s);
	if (wait_s)
		rq_add_header(rq, "Retry-After", seconds);
	rq_problem(rq, status_of(err), deia_err_name(err), "%s",
		   turn_detail(rq, err));
}

static void on_done(deia_err err, const struct deia_chat_line *answer,
		    unsigned retry_after_seconds, void *user)
{
	struct talk *t = user;

	t->done = true; /* from here on listener_left frees nothing */
	t->turn = NULL;
	if (t->streams) {
		if (send_pending(t))
			end_stream(t->rq, err, answer);
	} else {
		t->rq->on_gone = NULL;
		send_answer(t->rq, err, answer, retry_after_seconds);
	}
	talk_free(t);
}

static bool wants_stream(const struct rq *rq)
{
	const char *accept = rq_header(rq, "Accept");

	return accept && strstr(accept, "text/event-stream") != NULL;
}

/* The turn was accepted: answer now as a stream, or later. */
static void begin_listening(struct talk *t)
{
	struct rq *rq = t->rq;

	if (!t->streams) {
		rq_watch(rq, listener_left, t);
	} else if (!stream_begin(rq, true, listener_left, t)) {
		deia_chat_detach(t->turn);
		talk_free(t);
	} else {
		rq->on_drain = on_drain;
		rq->drain_user = t;
	}
}

void route_chat_send(struct rq *rq)
{
	static const struct field fields[] = {
		{ "content", FIELD_TEXT, true, 1, DEIA_MAX_CONTENT_BYTES },
		{ "conversation", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN },
	};
	static const struct deia_chat_events events = {
		.on_accepted = on_accepted,
		.on_chunk = on_chunk,
		.on_done = on_done,
	};
	bool streams = wants_stream(rq);
	const char *content;
	struct talk *t;
	deia_err err;

	if (!BODY_FIELDS(rq, fields) || (streams && !stream_allowed(rq)))
		return;
	t = calloc(1, sizeof(*t));
	if (!t) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	t->rq = rq;
	t->streams = streams;
	rq_hold(rq);
	idem_join(rq, print_made);
	content = body_text(rq, "content");
	err = deia_chat_send(rq->srv->hive, &rq->actor, rq->param[0],
			     body_text(rq, "conversation"), content,
			     strlen(content), &events, t, &t->turn);
	if (err) {
		rq_fail(rq, err);
		talk_free(t);
		return;
	}
	begin_listening(t);
}
