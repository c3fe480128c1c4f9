/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - the lines of the bot protocol: the hive's are printed here, a
 * bot's are read and checked here. Nothing here knows processes or turns.
 */
#ifndef DEIA_BOT_PROTOCOL_H
#define DEIA_BOT_PROTOCOL_H

#include <deia/bot.h>
#include <deia/sys/json.h>

#define DEIA__PROTOCOL_VERSION 1

/* X(enumerator, type) */
#define DEIA__SAY_LIST(X)                                                      \
	X(DEIA__SAY_READY, "ready")                                            \
	X(DEIA__SAY_CHUNK, "chunk")                                            \
	X(DEIA__SAY_DONE, "done")                                              \
	X(DEIA__SAY_ERROR, "error")                                            \
	X(DEIA__SAY_STATUS, "status")                                          \
	X(DEIA__SAY_PONG, "pong")                                              \
	X(DEIA__SAY_ACK, "ack")                                                \
	X(DEIA__SAY_NACK, "nack")                                              \
	X(DEIA__SAY_SEND, "send")                                              \
	X(DEIA__SAY_SUBMIT, "submit")

enum deia__say_type {
#define DEIA__SAY_ENUM(e, n) e,
	DEIA__SAY_LIST(DEIA__SAY_ENUM)
#undef DEIA__SAY_ENUM
};

/* One line of a bot. Text is borrowed from json. */
struct deia__say {
	enum deia__say_type type;
	const char *type_name;
	struct cJSON *json;
	const char *id;	     /* chunk, done, error */
	const char *text;    /* chunk, done (or NULL), status */
	const char *channel; /* chunk */
	const char *session; /* done, error, or NULL */
	char *details;	  /* done, error: an object as text, owned; or NULL */
	const char *code; /* error */
	const char *message;	/* error */
	bool retryable;		/* error */
	int64_t retry_after;	/* error: seconds, 0 not said */
	int64_t max_concurrent; /* ready: 0 not said */
	int64_t prompt_tokens;	/* done: -1 not said */
	int64_t completion_tokens;
	int64_t n; /* pong */
};

/*
 * Reads and checks one line. Returns DEIA_OK, DEIA_EPARSE (no JSON),
 * DEIA_EPROTO (JSON, but no line of the protocol) or DEIA_ENOMEM; *why then
 * says what is wrong with it.
 */
DEIA_NODISCARD deia_err deia__say_read(struct deia__say *say, const char *line,
				       size_t len, char why[static 200]);
void deia__say_fini(struct deia__say *say);

/* Each prints one object without its newline. work_dir: where it runs, when
 * the hive chose that; may be NULL. */
void deia__print_init(deia_jw *w, const struct deia_bot_spec *spec,
		      const char *work_dir);
/*
 * The oldest items of the history that do not fit into one line are left out.
 * False: not even the content fits.
 */
bool deia__print_task(deia_jw *w, const struct deia_work_spec *work);
void deia__print_interrupt(deia_jw *w, const char *id);
void deia__print_ping(deia_jw *w, int64_t n);
void deia__print_shutdown(deia_jw *w);

#endif
