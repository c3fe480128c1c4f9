/* SPDX-License-Identifier: MIT */
/* exec.h - the inside of the exec adapter. */
#ifndef DEIA_EXEC_EXEC_H
#define DEIA_EXEC_EXEC_H

#include <deia/limits.h>
#include <deia/sys/adapter.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "exec/child.h"
#include "exec/files.h"
#include "worker/lines.h"
#include "core/json.h"

#define EXEC_LINE_BYTES (8u << 20)
#define EXEC_MESSAGE_BYTES 1500
#define EXEC_CODE_BYTES (DEIA_MAX_ID_LEN + 1)
/* Lines of stderr that go into an error. */
#define EXEC_ERR_LINES 5
#define EXEC_ERR_BYTES 300
/* Lines of stderr of one turn that go to the log. */
#define EXEC_ERR_LOGGED 1000
/* The kernel's MAX_ARG_STRLEN, less the NUL. */
#define EXEC_ARGUMENT_BYTES (128u * 1024 - 1)

struct exec;
struct exec_turn;

/* How a command's stdout is read. */
struct exec_format {
	const char *name;
	/* Exactly one of the two: any bytes, or one JSON object a line. */
	void (*bytes)(struct exec_turn *t, const char *p, size_t len);
	void (*object)(struct exec_turn *t, const cJSON *json);
	/* An exit with 0 is no success without a line that says so. */
	bool needs_result;
};

/* What the init line's config says; every text is owned. */
struct exec_config {
	const struct exec_format *format;
	char **argv, **resume_argv; /* NULL-terminated; resume may be NULL */
	char *model, *system_prompt;
	char *dir;	   /* where commands run, absolute */
	char *worktree_of; /* NULL: none */
	bool transcript, files;
	unsigned max_concurrent, silence_seconds; /* 0: no limit */
};

enum exec_phase {
	EXEC_WAITING, /* for a free place */
	EXEC_BEFORE,  /* looks at the files */
	EXEC_RUNNING,
	EXEC_AFTER /* looks at the files again */
};

enum exec_end { EXEC_OPEN, EXEC_GOOD, EXEC_BAD };

/* What the formats remember between two lines. */
struct exec_stream {
	unsigned newlines; /* held back: they may be the last */
	bool gap;	   /* a blank line goes before more answer */
	char message[80];  /* claude: the one that came in pieces */
	bool text_came, thinking_came;
	int64_t limit_resets_at; /* claude: unix seconds, 0: not said */
	char item[80];		 /* codex: the last one that began */
	char error[512];	 /* codex: the last error line */
	bool has_status;
};

struct exec_turn {
	TAILQ_ENTRY(exec_turn) link;
	struct exec *x;
	deia_turn *turn;
	enum exec_phase phase;
	deia__child *child;
	char **argv;
	struct deia__buf input;
	bool resumed; /* goes on with the agent's session */
	bool fresh;   /* not any more: the session is lost */
	struct event ev_total, ev_silence, ev_linger;

	/* what came */
	struct deia__lines lines, err;
	char err_lines[EXEC_ERR_LINES][EXEC_ERR_BYTES];
	unsigned n_err_lines, n_strays;
	size_t answer_bytes, other_bytes;
	struct exec_stream s;

	/* the outcome; the first one stays */
	enum exec_end end;
	bool stopped; /* by us: what the command says of it does not count */
	char code[EXEC_CODE_BYTES], message[EXEC_MESSAGE_BYTES];
	bool retryable;
	unsigned retry_after;
	char *text; /* takes the place of the chunks, or NULL */
	struct deia_usage usage;
	double cost_usd;     /* < 0: not said */
	int64_t agent_turns; /* < 0: not said */
	int exit_code;	     /* -1: none */
	char *denied;	     /* JSON array, or NULL */
	char *details;	     /* JSON object of the command's own, or NULL */
	struct exec_files *files;
};

TAILQ_HEAD(exec_turns, exec_turn);

struct exec {
	deia_worker *w;
	struct exec_config config;
	struct exec_turns turns;
	unsigned running; /* turns that are no longer waiting */
	struct exec_folder folder;
	struct exec_setup *setup; /* while the worktree is made */
	bool ready;
};

/* ---- config.c ------------------------------------------------------ */
/* DEIA_EFIELD: why says what is wrong, as one line. DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__exec_config_read(struct exec_config *c,
					       const cJSON *json, char *why,
					       size_t why_len);
void deia__exec_config_free(struct exec_config *c);

/* ---- argv.c: from the configured words to the command -------------- */
/*
 * Fills t->argv and t->input for the turn. DEIA_EFIELD: it cannot be passed on;
 * the turn's outcome says why. DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__exec_command(struct exec_turn *t);
void deia__exec_argv_free(char **argv);
/* True when an argument has this placeholder in it. */
bool deia__exec_argv_has(char *const *argv, const char *placeholder);

/* ---- turn.c ---------------------------------------------------------- */
void deia__exec_turn_begin(struct exec *x, deia_turn *turn);
void deia__exec_turn_interrupt(struct exec_turn *t);
void deia__exec_turns_drained(struct exec *x);
/* Starts turns that wait while there is room. */
void deia__exec_turns_pump(struct exec *x);
/* The worker ends: asks the commands to end. The turns are its own matter. */
void deia__exec_turns_leave(struct exec *x);
/* Ends the commands for good and frees. */
void deia__exec_turns_free(struct exec *x);

/* Ends the turn before the command does; the outcome is this error. */
void deia__exec_turn_stop(struct exec_turn *t, const char *code, bool retryable,
			  const char *fmt, ...) DEIA_PRINTF(4, 5);

/* ---- out.c: what came from the command, and what the formats say ------ */
void deia__exec_out(const char *p, size_t len, void *user);
void deia__exec_err(const char *p, size_t len, void *user);
void deia__exec_out_init(struct exec_turn *t);
/* No more comes. */
void deia__exec_out_end(struct exec_turn *t);
void deia__exec_out_fini(struct exec_turn *t);
void deia__exec_say(struct exec_turn *t, const char *channel, const char *p,
		    size_t len);
/* A text of its own: a blank line goes between it and the answer so far. */
void deia__exec_say_block(struct exec_turn *t, const char *text);
void deia__exec_tool(struct exec_turn *t, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
void deia__exec_session(struct exec_turn *t, const char *id);
/* The bot's status while the turn runs; "" clears it. */
void deia__exec_status(struct exec_turn *t, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
/* The outcome is known; the first one stays. text: takes the place of the
 * chunks when there were none; may be NULL. */
void deia__exec_good(struct exec_turn *t, const char *text);
void deia__exec_turn_fail(struct exec_turn *t, const char *code, bool retryable,
			  unsigned retry_after_seconds, const char *fmt, ...)
	DEIA_PRINTF(5, 6);

/* ---- errors.c --------------------------------------------------------- */
/* Finds out what an agent's own words for a failure mean, and fails with it;
 * prefix goes before the words. status: HTTP status, or 0. */
void deia__exec_fail_by_words(struct exec_turn *t, const char *code,
			      int64_t status, const char *words);
/* The command ended and no line said how: its exit decides. */
void deia__exec_fail_by_exit(struct exec_turn *t,
			     const struct deia__child_end *end);
/* A program that cannot be started, in words. */
void deia__exec_fail_start(struct exec_turn *t, int error);

/* ---- the formats ------------------------------------------------------------ */
extern const struct exec_format deia__exec_text, deia__exec_jsonl,
	deia__exec_claude, deia__exec_codex;

/* ---- setup.c: the working folder --------------------------------------- */
/* Makes it ready; deia__exec_is_ready or the worker's end follows. */
DEIA_NODISCARD deia_err deia__exec_setup(struct exec *x);
void deia__exec_setup_free(struct exec *x);

/* ---- exec.c ------------------------------------------------------------------ */
void deia__exec_is_ready(struct exec *x);

#endif
