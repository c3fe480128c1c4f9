/* SPDX-License-Identifier: MIT */
/*
 * socket.h - one session on /ws, shared by socket*.c.
 *
 *   socket.c        its messages, and events
 *   socket_chat.c   turns of chat that it listens to
 */
#ifndef DEIAD_SOCKET_H
#define DEIAD_SOCKET_H

#include <sys/queue.h>
#include <deia/hive.h>
#include <deia/limits.h>

#include "../http/ws.h"

#define SOCKET_REF_BYTES 64

struct cJSON;
struct socket_turn;

struct session {
	struct ws *ws;
	deia_hive *hive;
	deia_subscription *sub; /* NULL: none, or held back */
	bool subscribed, leaving;
	int64_t seq; /* of the last event that was looked at */
	char *topics[DEIA_MAX_SOCKET_TOPICS]; /* types begin so; none: all */
	size_t n_topics;
	TAILQ_HEAD(, socket_turn) turns;
	unsigned n_turns;
};

/* {"type":type,"ref":ref, ... The caller prints on, and socket_say ends it. */
void socket_begin(struct deia_jw *w, const char *type, const char *ref);
/* Ends the object, sends it, frees the printer's text. */
void socket_say(struct session *s, struct deia_jw *w);
/* {"type":"error","ref","problem":{...}} */
void socket_fail(struct session *s, const char *ref, int status,
		 const char *code, const char *detail);

/* ---- socket_chat.c ------------------------------------------------------- */

void socket_chat(struct session *s, const char *ref, const struct cJSON *json);
void socket_stop(struct session *s, const char *ref, const struct cJSON *json);
/* The session ends: its turns go on alone. */
void socket_turns_leave(struct session *s);
/* The last turn of one that is leaving has ended, perhaps. */
void socket_turns_ended(struct session *s);

#endif
