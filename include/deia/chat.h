/* SPDX-License-Identifier: MIT */
/*
 * chat.h - conversations between people and the bots of a hive.
 *
 * A bot has conversations; each is an ordered list of lines with an author.
 * The user's line is committed before the bot sees it; the answer, whole or
 * partial, is committed before on_done. A turn whose process died is marked,
 * never lost.
 */
#ifndef DEIA_CHAT_H
#define DEIA_CHAT_H

#include <deia/hive.h>

DEIA_BEGIN

struct deia_conversation {
	const char *id; /* UUIDv7 */
	const char *bot, *title;
	int64_t created_unix_ms;
	bool is_default; /* used where none is named */
	/* The agent's own session that its next turn goes on with, or "".
	 * Since 0.2. */
	const char *session;
};

/* X(enumerator, name) of a line's status */
#define DEIA_LINE_STATUS_LIST(X)                                               \
	X(DEIA_LINE_SENT, "sent")	  /* user: waits for its answer */     \
	X(DEIA_LINE_ANSWERED, "answered") /* user or assistant: complete */    \
	X(DEIA_LINE_PARTIAL, "partial")	  /* assistant: cut short, kept */     \
	X(DEIA_LINE_FAILED, "failed")	  /* user: there is no answer */

typedef enum deia_line_status {
#define DEIA_LINE_STATUS_ENUM(e, n) e,
	DEIA_LINE_STATUS_LIST(DEIA_LINE_STATUS_ENUM)
#undef DEIA_LINE_STATUS_ENUM
		DEIA_LINE_STATUSES
} deia_line_status;
/* "sent" for DEIA_LINE_SENT; static text. Any thread. Since 0.1. */
DEIA_API const char *deia_line_status_name(deia_line_status status);

struct deia_chat_line {
	const char *id; /* UUIDv7 */
	const char *bot, *conversation;
	const char *role;   /* "user" or "assistant" */
	const char *author; /* actor's name, or the bot's id */
	const char *content;
	size_t content_len;
	deia_line_status status;
	const char *error; /* why failed or partial, or "" */
	int64_t created_unix_ms;
	int64_t prompt_tokens, completion_tokens; /* -1: unknown */
	/* What the bot added to its answer, a JSON object, or ""; at most
	 * DEIA_MAX_DETAILS_BYTES. Since 0.2. */
	const char *details;
};

typedef void (*deia_conversation_cb)(deia_err err,
				     const struct deia_conversation *conv,
				     void *user);
typedef void (*deia_conversations_cb)(deia_err err,
				      const struct deia_conversation *items,
				      size_t n, bool more, void *user);
/* title may be NULL or "". EFIELD (title too long), ENOTFOUND (bot), ELIMIT. */
DEIA_API DEIA_NODISCARD deia_err deia_chat_create(
	deia_hive *hive, const struct deia_actor *actor, const char *bot,
	const char *title, deia_conversation_cb cb, void *user);
/* Newest first, after the id `before` (NULL: newest). */
DEIA_API DEIA_NODISCARD deia_err
deia_chat_list(deia_hive *hive, const char *bot, const char *before,
	       unsigned limit, deia_conversations_cb cb, void *user);

/* lines: newest first; live until the callback returns. */
typedef void (*deia_lines_cb)(deia_err err, const struct deia_chat_line *lines,
			      size_t n, bool more, void *user);
/*
 * A page of history, newest first, older than line id `before` (NULL: from
 * the newest). conversation NULL: the bot's first. ENOTFOUND for an unknown
 * bot without history, or an unknown conversation.
 */
DEIA_API DEIA_NODISCARD deia_err deia_chat_page(
	deia_hive *hive, const char *bot, const char *conversation,
	const char *before, unsigned limit, deia_lines_cb cb, void *user);

typedef struct deia_chat_turn deia_chat_turn;
struct deia_chat_events {
	/* The user's line is durable. May be NULL. */
	void (*on_accepted)(const struct deia_chat_line *user_line, void *user);
	/* May be NULL. channel "answer", "thinking", "tool". */
	void (*on_chunk)(const char *channel, const char *text, size_t len,
			 void *user);
	/*
	 * Once, last; the answer is durable. answer: NULL when there is none,
	 * status PARTIAL when it was cut (then err says why as well).
	 * retry_after_seconds: 0 when not said.
	 */
	void (*on_done)(deia_err err, const struct deia_chat_line *answer,
			unsigned retry_after_seconds, void *user);
};
/*
 * Says something to a bot. conversation NULL: the bot's first one. *out (may
 * be NULL) is borrowed until on_done. Errors: ENOTFOUND, ESTATE (paused,
 * stopped, failed ...), EBUSY (queue full), ELIMIT (content), EFIELD (not
 * UTF-8, empty), ENOMEM, ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_chat_send(deia_hive *hive, const struct deia_actor *actor, const char *bot,
	       const char *conversation, const char *content, size_t len,
	       const struct deia_chat_events *events, void *user,
	       deia_chat_turn **out);
/* Stops it; what there is is kept as a partial answer; on_done still comes. */
DEIA_API void deia_chat_cancel(deia_chat_turn *turn);
/* The listener went away: the turn goes on, its events are called no more. */
DEIA_API void deia_chat_detach(deia_chat_turn *turn);

/* Deletes the lines of a conversation, and the conversation unless it is the
 * bot's first. conversation NULL: the first. ESTATE while a turn runs. */
DEIA_API DEIA_NODISCARD deia_err deia_chat_clear(deia_hive *hive,
						 const struct deia_actor *actor,
						 const char *bot,
						 const char *conversation,
						 deia_done_cb cb, void *user);
/*
 * Adds lines (oldest first) to a new conversation of the bot; ids are given
 * anew, times kept. role, author (NULL: actor), content, created_unix_ms
 * (0: now), status and details (NULL: none) of each line are used. The
 * conversation has no agent's session: that belongs to the one it came from.
 * At most DEIA_MAX_BATCH_LEN lines, else ELIMIT. All or nothing.
 */
DEIA_API DEIA_NODISCARD deia_err deia_chat_import(
	deia_hive *hive, const struct deia_actor *actor, const char *bot,
	const char *title, const struct deia_chat_line *lines, size_t n,
	deia_conversation_cb cb, void *user);

DEIA_END

#endif
