/* SPDX-License-Identifier: MIT */
/*
 * socket.c - GET /ws: events and chat over WebSocket; docs/websocket.md says
 * the messages.
 *
 * Events are those of GET /events. To a client that reads too slowly they are
 * held back, and read on from the store once it has taken what was sent: so
 * nothing grows, nothing is lost, nothing comes twice.
 */
#include "socket.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/auth.h>
#include <deia/version.h>

#include "../http/reply.h"
#include "routes.h"

/* What nobody takes ends the socket, whatever it is. */
#define QUEUE_MAX (32u << 20)

/* ---- saying ---------------------------------------------------------------- */

void socket_begin(struct deia_jw *w, const char *type, const char *ref)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_kstr(w, "type", type);
	if (ref)
		deia_jw_kstr(w, "ref", ref);
}

void socket_say(struct session *s, struct deia_jw *w)
{
	deia_jw_end_object(w);
	if (ws_queued(s->ws) > QUEUE_MAX)
		ws_close(s->ws, WS_TOO_SLOW, "too much waits to be read");
	else if (deia_jw_status(w) == DEIA_OK)
		(void)ws_send(s->ws, w->text, w->len);
	deia_jw_fini(w);
}

void socket_fail(struct session *s, const char *ref, int status,
		 const char *code, const char *detail)
{
	struct deia_jw w;

	socket_begin(&w, "error", ref);
	deia_jw_key(&w, "problem");
	problem_print(&w, status, code, detail, ws_rq(s->ws)->actor.request_id);
	socket_say(s, &w);
}

static void say_hello(struct session *s)
{
	const struct rq *rq = ws_rq(s->ws);
	struct deia_jw w;

	socket_begin(&w, "hello", NULL);
	deia_jw_kstr(&w, "version", deia_version());
	deia_jw_kstr(&w, "name", rq->actor.name);
	deia_jw_kstr(&w, "role", deia_role_name(rq->actor.role));
	deia_jw_kint(&w, "last_seq", deia_hive_last_seq(s->hive));
	deia_jw_kint(&w, "heartbeat_seconds",
		     rq->srv->limits.heartbeat_ms / 1000);
	socket_say(s, &w);
}

/* ---- events ------------------------------------------------------------------ */

static void forget_topics(struct session *s)
{
	while (s->n_topics)
		free(s->topics[--s->n_topics]);
}

static bool is_wanted(const struct session *s, const char *type)
{
	for (size_t i = 0; i < s->n_topics; i++)
		if (strncmp(type, s->topics[i], strlen(s->topics[i])) == 0)
			return true;
	return s->n_topics == 0;
}

static void say_resync(struct session *s)
{
	struct deia_jw w;

	s->seq = deia_hive_last_seq(s->hive);
	socket_begin(&w, "resync", NULL);
	deia_jw_kint(&w, "seq", s->seq);
	deia_jw_kstr(&w, "reason",
		     "what was asked for is not kept any more; read all "
		     "again");
	socket_say(s, &w);
}

static void say_event(struct session *s, const struct deia_event *ev)
{
	struct deia_jw w;

	socket_begin(&w, "event", NULL);
	deia_jw_key(&w, "event");
	print_event(&w, ev);
	socket_say(s, &w);
}

static void hold_back(struct session *s)
{
	deia_unsubscribe(s->sub);
	s->sub = NULL;
}

static void on_event(const struct deia_event *ev, void *user)
{
	struct session *s = user;

	if (!ev) {
		say_resync(s);
		return;
	}
	s->seq = ev->seq;
	if (is_wanted(s, ev->type))
		say_event(s, ev);
	if (ws_queued(s->ws) > ws_rq(s->ws)->srv->limits.max_stream_bytes)
		hold_back(s);
}

static deia_err listen_on(struct session *s)
{
	return deia_hive_subscribe(s->hive, s->seq, on_event, s, &s->sub);
}

static void on_room(struct ws *ws, void *user)
{
	struct session *s = user;

	(void)ws;
	if (s->subscribed && !s->sub && !s->leaving && listen_on(s))
		ws_close(s->ws, WS_TOO_SLOW, "out of memory; connect again");
}

static bool keep_topics(struct session *s, const cJSON *list)
{
	const cJSON *item;

	forget_topics(s);
	cJSON_ArrayForEach(item, list) {
		if (s->n_topics == DEIA_MAX_SOCKET_TOPICS ||
		    !cJSON_IsString(item) || !item->valuestring[0] ||
		    strlen(item->valuestring) > DEIA_MAX_ID_LEN)
			return false;
		s->topics[s->n_topics] = strdup(item->valuestring);
		if (!s->topics[s->n_topics])
			return false;
		s->n_topics++;
	}
	return true;
}

static void unsubscribe(struct session *s, const char *ref, const cJSON *json)
{
	struct deia_jw w;

	(void)json;
	hold_back(s);
	forget_topics(s);
	s->subscribed = false;
	socket_begin(&w, "unsubscribed", ref);
	socket_say(s, &w);
}

static void subscribe(struct session *s, const char *ref, const cJSON *json)
{
	const cJSON *after = cJSON_GetObjectItemCaseSensitive(json, "after");
	int64_t last = deia_hive_last_seq(s->hive);
	struct deia_jw w;
	deia_err err;

	hold_back(s);
	s->subscribed = false;
	if (!keep_topics(s, cJSON_GetObjectItemCaseSensitive(json, "topics"))) {
		forget_topics(s);
		socket_fail(s, ref, 422, deia_err_name(DEIA_EFIELD),
			    "/topics: expected at most 16 beginnings of types "
			    "of events, such as \"bot.\"");
		return;
	}
	s->seq = after ? (int64_t)after->valuedouble : last;
	err = listen_on(s);
	if (err) {
		socket_fail(s, ref, status_of(err), deia_err_name(err),
			    deia_hive_errmsg(s->hive));
		return;
	}
	s->subscribed = true;
	socket_begin(&w, "subscribed", ref);
	deia_jw_kint(&w, "after", s->seq);
	deia_jw_kint(&w, "last_seq", last);
	socket_say(s, &w);
}

/* ---- what the client says -------------------------------------------------------- */

static void pong(struct session *s, const char *ref, const cJSON *json)
{
	struct deia_jw w;

	(void)json;
	socket_begin(&w, "pong", ref);
	socket_say(s, &w);
}

#define TYPE                                                                   \
	{                                                                      \
		"type", FIELD_TEXT, true, 1, 32                                \
	}
#define REF                                                                    \
	{                                                                      \
		"ref", FIELD_TEXT, false, 1, SOCKET_REF_BYTES                  \
	}
#define REF_NEEDED                                                             \
	{                                                                      \
		"ref", FIELD_TEXT, true, 1, SOCKET_REF_BYTES                   \
	}
#define MAX_FIELDS 5

static const struct message {
	const char *type;
	void (*run)(struct session *s, const char *ref, const cJSON *json);
	size_t n;
	struct field fields[MAX_FIELDS];
} messages[] = {
	{ "subscribe",
	  subscribe,
	  4,
	  { TYPE,
	    REF,
	    { "after", FIELD_INT, false, 0, INT64_C(1) << 53 },
	    { "topics", FIELD_ARRAY, false, 0, 0 } } },
	{ "unsubscribe", unsubscribe, 2, { TYPE, REF } },
	{ "chat",
	  socket_chat,
	  5,
	  { TYPE,
	    REF_NEEDED,
	    { "bot", FIELD_TEXT, true, 1, DEIA_MAX_ID_LEN },
	    { "content", FIELD_TEXT, true, 1, DEIA_MAX_CONTENT_BYTES },
	    { "conversation", FIELD_TEXT, false, 1, DEIA_MAX_ID_LEN } } },
	{ "stop", socket_stop, 2, { TYPE, REF_NEEDED } },
	{ "ping", pong, 2, { TYPE, REF } },
};

static const struct message *find_message(const char *type)
{
	for (size_t i = 0; type && i < sizeof(messages) / sizeof(*messages);
	     i++)
		if (strcmp(messages[i].type, type) == 0)
			return &messages[i];
	return NULL;
}

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, name));
}

static void take(struct session *s, const cJSON *json)
{
	struct deia_field_error errors[FIELD_ERRORS] = { 0 };
	const struct message *m = find_message(text_of(json, "type"));
	const char *ref = text_of(json, "ref");
	char detail[DEIA_MAX_REASON_BYTES];

	if (ref && strlen(ref) > SOCKET_REF_BYTES)
		ref = NULL;
	if (!m) {
		socket_fail(s, ref, 422, deia_err_name(DEIA_EFIELD),
			    "/type: expected \"subscribe\", \"unsubscribe\", "
			    "\"chat\", \"stop\" or \"ping\"");
		return;
	}
	if (fields_wrong(json, m->fields, m->n, errors)) {
		snprintf(detail, sizeof(detail), "%s: %s", errors[0].pointer,
			 errors[0].detail);
		socket_fail(s, ref, 422, deia_err_name(DEIA_EFIELD), detail);
		return;
	}
	m->run(s, ref, json);
}

static void on_text(struct ws *ws, const char *text, size_t len, void *user)
{
	struct session *s = user;
	struct deia_json_error where = { 0 };
	cJSON *json = NULL;
	char detail[DEIA_MAX_REASON_BYTES];
	deia_err err = deia_json_parse(&json, text, len, &where);

	(void)ws;
	if (s->leaving)
		return;
	if (err) {
		snprintf(detail, sizeof(detail),
			 "The message is not valid JSON at line %u, column %u: "
			 "%s",
			 where.line, where.column, where.detail);
		socket_fail(s, NULL, 400, deia_err_name(err), detail);
	} else {
		take(s, json);
	}
	cJSON_Delete(json);
}

/* ---- life ------------------------------------------------------------------------ */

void socket_turns_ended(struct session *s)
{
	if (s->leaving && !s->n_turns)
		ws_close(s->ws, WS_GOING_AWAY, "the server is going down");
}

static void on_drain(struct ws *ws, void *user)
{
	struct session *s = user;

	(void)ws;
	s->leaving = true;
	hold_back(s);
	socket_turns_ended(s);
}

static void on_end(void *user)
{
	struct session *s = user;

	hold_back(s);
	forget_topics(s);
	socket_turns_leave(s);
	free(s);
}

void route_socket(struct rq *rq)
{
	static const struct ws_calls calls = {
		.on_text = on_text,
		.on_room = on_room,
		.on_drain = on_drain,
		.on_end = on_end,
	};
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	TAILQ_INIT(&s->turns);
	s->hive = rq->srv->hive;
	s->ws = ws_accept(rq, &calls, s);
	if (s->ws)
		say_hello(s);
	else
		free(s);
}
