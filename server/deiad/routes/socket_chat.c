/* SPDX-License-Identifier: MIT */
/*
 * socket_chat.c - turns of chat that a session on /ws listens to.
 *
 * A turn belongs to the hive: when the socket ends it goes on, and its answer
 * is kept. Chunks that the client is too slow for are left out, and it is told
 * so; "done" has the whole answer.
 */
#include "socket.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/auth.h>
#include <deia/chat.h>

#include "../http/reply.h"
#include "routes.h"

struct socket_turn {
	TAILQ_ENTRY(socket_turn) link;
	struct session *session;
	deia_chat_turn *turn;
	char ref[SOCKET_REF_BYTES + 1];
	bool gap; /* something was left out */
};

static void turn_free(struct socket_turn *t)
{
	struct session *s = t->session;

	TAILQ_REMOVE(&s->turns, t, link);
	s->n_turns--;
	free(t);
}

static void say_line(struct socket_turn *t, const char *type,
		     const struct deia_chat_line *line)
{
	struct deia_jw w;

	socket_begin(&w, type, t->ref);
	deia_jw_key(&w, "line");
	print_line(&w, line);
	socket_say(t->session, &w);
}

static void on_accepted(const struct deia_chat_line *line, void *user)
{
	say_line(user, "accepted", line);
}

static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	struct socket_turn *t = user;
	struct ws *ws = t->session->ws;
	struct deia_jw w;

	if (ws_queued(ws) > ws_rq(ws)->srv->limits.max_stream_bytes) {
		t->gap = true;
		return;
	}
	socket_begin(&w, "chunk", t->ref);
	deia_jw_kstr(&w, "channel", channel);
	deia_jw_key(&w, "text");
	deia_jw_strn(&w, text, len);
	if (t->gap)
		deia_jw_kbool(&w, "gap", true);
	t->gap = false;
	socket_say(t->session, &w);
}

static void on_done(deia_err err, const struct deia_chat_line *answer,
		    unsigned retry_after_seconds, void *user)
{
	struct socket_turn *t = user;
	struct session *s = t->session;
	const char *detail = deia_hive_errmsg(s->hive);

	(void)retry_after_seconds;
	if (answer)
		say_line(t, "done", answer);
	else
		socket_fail(s, t->ref, status_of(err), deia_err_name(err),
			    detail && *detail ? detail : deia_err_text(err));
	turn_free(t);
	socket_turns_ended(s);
}

static struct socket_turn *find_turn(struct session *s, const char *ref)
{
	struct socket_turn *t;

	TAILQ_FOREACH(t, &s->turns, link)
		if (strcmp(t->ref, ref) == 0)
			return t;
	return NULL;
}

/* What the table of routes asks of POST .../chat. */
static bool may_chat(struct session *s, const char *ref)
{
	const struct deia_actor *actor = &ws_rq(s->ws)->actor;

	if (actor->role >= DEIA_ROLE_OPERATOR)
		return true;
	deia_hive_audit(s->hive, actor, "auth.denied", "/ws chat",
			DEIA_EDENIED);
	socket_fail(s, ref, 403, deia_err_name(DEIA_EDENIED),
		    "Talking to bots takes the role operator.");
	return false;
}

static bool has_room(struct session *s, const char *ref)
{
	char detail[128];

	if (find_turn(s, ref)) {
		socket_fail(s, ref, 409, deia_err_name(DEIA_EEXIST),
			    "/ref: an answer with this ref is under way");
		return false;
	}
	if (s->n_turns < DEIA_MAX_SOCKET_TURNS)
		return true;
	snprintf(detail, sizeof(detail),
		 "At most %d answers are under way on one WebSocket.",
		 DEIA_MAX_SOCKET_TURNS);
	socket_fail(s, ref, 429, deia_err_name(DEIA_EBUSY), detail);
	return false;
}

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, name));
}

void socket_chat(struct session *s, const char *ref, const cJSON *json)
{
	static const struct deia_chat_events events = {
		.on_accepted = on_accepted,
		.on_chunk = on_chunk,
		.on_done = on_done,
	};
	const char *content = text_of(json, "content");
	struct socket_turn *t;
	deia_err err;

	if (!may_chat(s, ref) || !has_room(s, ref))
		return;
	t = calloc(1, sizeof(*t));
	if (!t) {
		socket_fail(s, ref, 503, deia_err_name(DEIA_ENOMEM),
			    deia_err_text(DEIA_ENOMEM));
		return;
	}
	t->session = s;
	snprintf(t->ref, sizeof(t->ref), "%s", ref);
	TAILQ_INSERT_TAIL(&s->turns, t, link);
	s->n_turns++;
	err = deia_chat_send(s->hive, &ws_rq(s->ws)->actor,
			     text_of(json, "bot"),
			     text_of(json, "conversation"), content,
			     strlen(content), &events, t, &t->turn);
	if (!err)
		return;
	socket_fail(s, ref, status_of(err), deia_err_name(err),
		    deia_hive_errmsg(s->hive));
	turn_free(t);
}

void socket_stop(struct session *s, const char *ref, const cJSON *json)
{
	struct socket_turn *t = find_turn(s, ref);

	(void)json;
	if (t)
		deia_chat_cancel(t->turn);
	else
		socket_fail(s, ref, 404, deia_err_name(DEIA_ENOTFOUND),
			    "/ref: no answer with this ref is under way");
}

void socket_turns_leave(struct session *s)
{
	struct socket_turn *t, *next;

	for (t = TAILQ_FIRST(&s->turns); t; t = next) {
		next = TAILQ_NEXT(t, link);
		deia_chat_detach(t->turn);
		turn_free(t);
	}
}
