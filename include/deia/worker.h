/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the bot's side of the bot protocol (docs/bot-protocol.md).
 *
 * A bot program fills in struct deia_worker_ops and calls deia_worker_run.
 * The worker reads lines from stdin, checks them, calls the ops from its event
 * loop, and writes answers to stdout. deia-bot itself is written on this.
 *
 * Threads: all functions belong to the thread that runs the worker.
 */
#ifndef DEIA_WORKER_H
#define DEIA_WORKER_H

#include <deia/error.h>

DEIA_BEGIN

struct event_base;
struct cJSON;
typedef struct deia_worker deia_worker;
typedef struct deia_turn deia_turn;

/* One turn as the hive asked for it; all text lives until the turn ends. */
struct deia_turn_info {
	const char *id;
	const char *kind; /* "chat" or "task" */
	const char *content;
	const char *conversation; /* or NULL */
	const struct deia_turn_history {
		const char *role, *content;
	} * history;
	size_t n_history;
	unsigned timeout_seconds;
	/* What the last deia_turn_done of this conversation was given as its
	 * session, or NULL. Since 0.1. */
	const char *session;
	/* Of this turn, see trace.h, for what is asked of others on its
	 * behalf; or NULL. Since 0.3. */
	const char *traceparent;
};

struct deia_worker_ops {
	size_t size;
	/*
	 * The `init` line arrived; config is its "config" object, borrowed
	 * until the worker ends. Return an error to exit with status 1 after
	 * saying why on stderr. Call deia_worker_ready, now or later.
	 */
	deia_err (*init)(deia_worker *w, const struct cJSON *config,
			 void *user);
	/* A turn begins. End it once with done or fail, now or later. */
	void (*turn)(deia_worker *w, deia_turn *turn,
		     const struct deia_turn_info *info, void *user);
	/* The hive wants the turn to end soon: end it with fail("interrupted").
	 * Optional: the default is to let it finish. */
	void (*interrupt)(deia_worker *w, deia_turn *turn, void *user);
	/* A message (mail) arrived; json is borrowed. Optional: mail is left
	 * unacknowledged. */
	void (*message)(deia_worker *w, const struct cJSON *json, void *user);
	/* `shutdown` or end of input: free what the program holds. Turns that
	 * are still open after it are ended by the worker, which ends once its
	 * output is written. Optional. */
	void (*shutdown)(deia_worker *w, void *user);
	/* An answer to a line of the program's own: type is "sent", "submitted"
	 * or "result"; json is borrowed. Optional. */
	void (*answer)(deia_worker *w, const char *type,
		       const struct cJSON *json, void *user);
	/* The hive reads again: deia_worker_is_full is false. Optional. */
	void (*drained)(deia_worker *w, void *user);
	/* A line for the bot's log (stderr by protocol; the library itself
	 * never prints), without newline. Optional. */
	void (*note)(deia_worker *w, const char *text, void *user);
};

/*
 * Runs until shutdown or end of input. base: borrowed, or NULL for one of its
 * own. Why it ended badly was said through ops->note. A program should ignore
 * SIGPIPE first, else it dies when the hive closes its pipe.
 * Returns DEIA_OK, DEIA_EINVAL (no turn op), DEIA_EPROTO (the hive's lines made
 * no sense), DEIA_ELIMIT (the program went on writing to a hive that does not
 * read), DEIA_EIO, DEIA_ENOMEM or what init returned. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_worker_run(
	struct event_base *base, const struct deia_worker_ops *ops, void *user);

/* The worker's event base, to add own events to. */
DEIA_API struct event_base *deia_worker_base(deia_worker *w);
/* This bot's id, from the init line. */
DEIA_API const char *deia_worker_bot(const deia_worker *w);
/* Says `ready`. max_concurrent: turns at a time, 0 = as configured. */
DEIA_API void deia_worker_ready(deia_worker *w, unsigned max_concurrent);
/* Shows a short text (up to 200 bytes) as the bot's status; "" clears it. */
DEIA_API void deia_worker_status(deia_worker *w, const char *text);
/* Writes one JSON object as a line (send, submit, ack, nack). */
DEIA_API void deia_worker_line(deia_worker *w, const char *json, size_t len);
/*
 * True while the hive is slow to read and a lot of output waits: stop
 * producing (stop reading from the model) until the drained op. A program that
 * goes on regardless is ended when 32 MiB wait.
 */
DEIA_API bool deia_worker_is_full(const deia_worker *w);
/* Hands a line for the bot's log to ops->note. */
DEIA_API void deia_worker_note(deia_worker *w, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

/* The program's own pointer for a turn. */
DEIA_API void deia_turn_set_user(deia_turn *turn, void *user);
DEIA_API void *deia_turn_user(deia_turn *turn);
DEIA_API const struct deia_turn_info *deia_turn_info(const deia_turn *turn);
/* A piece of output. channel NULL = "answer", else "answer", "thinking" or
 * "tool". Bytes that end inside a UTF-8 sequence are held back until it is
 * complete; bytes that are not UTF-8 are replaced by U+FFFD. */
DEIA_API void deia_turn_chunk(deia_turn *turn, const char *channel,
			      const char *text, size_t len);
/*
 * Facts about the turn for programs, kept with its answer: one JSON object of
 * at most DEIA_MAX_DETAILS_BYTES, copied. It goes out with the end of the turn,
 * good or bad; the last call counts. What is no such object is dropped with a
 * note. Since 0.1.
 */
DEIA_API void deia_turn_set_details(deia_turn *turn, const char *json,
				    size_t len);
/* The session (up to DEIA_MAX_NAME_BYTES, copied) that goes out with the end of
 * the turn, also a bad one, unless deia_turn_done names another. Since 0.1. */
DEIA_API void deia_turn_set_session(deia_turn *turn, const char *session);
struct deia_usage {
	int64_t prompt_tokens, completion_tokens; /* -1: unknown */
};
/* Ends the turn well. text NULL: the chunks were the answer; else text replaces
 * them (a text above 256 KiB that no chunk went before is sent as chunks).
 * usage and session may be NULL. The turn is gone afterwards. */
DEIA_API void deia_turn_done(deia_turn *turn, const char *text,
			     const struct deia_usage *usage,
			     const char *session);
/* Ends the turn badly. retry_after_seconds 0 = not said. The turn is gone
 * afterwards. */
DEIA_API void deia_turn_fail(deia_turn *turn, const char *code, bool retryable,
			     unsigned retry_after_seconds, const char *message);

DEIA_END

#endif
