/* SPDX-License-Identifier: MIT */
/*
 * bot.h - bot lifecycle: launch, supervise, talk to, stop bot processes.
 *
 * A deia_bots (the supervisor) owns a set of bots. Each launched bot runs
 * under a small guard process (deia-guard) that applies limits, and ends every
 * descendant when the bot ends, when it is told to, or when this process dies.
 * Bots speak the bot protocol (docs/bot-protocol.md) on stdio. Nothing here
 * is durable; deia_hive (hive.h) adds that.
 *
 * Threads: everything belongs to the thread of the event base. Callbacks run
 * from the loop, never inside the call that causes them, and may call back in
 * (also to remove the bot they are about).
 */
#ifndef DEIA_BOT_H
#define DEIA_BOT_H

#include <deia/error.h>
#include <deia/histogram.h>
#include <deia/limits.h>

DEIA_BEGIN

struct event_base;
struct cJSON;
typedef struct deia_bots deia_bots;
typedef struct deia_work deia_work;

/* ---- states ------------------------------------------------------------ */

/* X(enumerator, name used in API, store, logs and metrics) */
#define DEIA_BOT_STATE_LIST(X)                                                 \
	X(DEIA_BOT_STOPPED, "stopped")                                         \
	X(DEIA_BOT_STARTING, "starting")                                       \
	X(DEIA_BOT_READY, "ready")                                             \
	X(DEIA_BOT_BUSY, "busy")                                               \
	X(DEIA_BOT_PAUSED, "paused")                                           \
	X(DEIA_BOT_STOPPING, "stopping")                                       \
	X(DEIA_BOT_BACKOFF, "backoff")                                         \
	X(DEIA_BOT_FAILED, "failed")                                           \
	X(DEIA_BOT_OFFLINE, "offline")

typedef enum deia_bot_state {
#define DEIA_BOT_STATE_ENUM(e, n) e,
	DEIA_BOT_STATE_LIST(DEIA_BOT_STATE_ENUM)
#undef DEIA_BOT_STATE_ENUM
		DEIA_BOT_STATES
} deia_bot_state;

/* "ready" for DEIA_BOT_READY; static text. Any thread. Since 0.1. */
DEIA_API const char *deia_bot_state_name(deia_bot_state state);
/* Whether a bot may move from one state to the other. Any thread. */
DEIA_API bool deia_bot_state_can(deia_bot_state from, deia_bot_state to);
/* True for `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`. Any thread. */
DEIA_API bool deia_bot_id_valid(const char *id);

/* ---- specification ----------------------------------------------------- */

typedef enum deia_restart_policy {
	DEIA_RESTART_ALWAYS,
	DEIA_RESTART_ON_FAILURE,
	DEIA_RESTART_NEVER
} deia_restart_policy;

/*
 * What a bot is. All text is NUL-terminated UTF-8; NULL = not given.
 * A spec that came from deia_bot_spec_parse or deia_bot_spec_dup is one heap
 * block, freed with deia_bot_spec_free.
 */
struct deia_bot_spec {
	size_t size;
	const char *id; /* required */
	/* "echo", "ollama", "openai", "anthropic", "exec", "process" or
	 * "external"; required */
	const char *adapter;
	const char *template_name; /* where it came from */
	const char *model;
	const char *base_url;	 /* model server, http or https */
	const char *const *argv; /* program of "process", command of "exec" */
	size_t n_argv;
	const char *cwd;
	const char *const *env; /* "NAME=value" */
	size_t n_env;
	const char *type; /* free word, for routing and bulk actions */
	const char *const *capabilities;
	size_t n_capabilities;
	const char *system_prompt;
	const char *options;	 /* a JSON object, passed to the adapter */
	const char *on_message;	 /* "hold" (default) or "reply" */
	unsigned max_concurrent; /* 1..DEIA_MAX_CONCURRENT, default 1 */
	deia_restart_policy restart;
	unsigned max_restarts;		/* within the window; default 10 */
	unsigned window_seconds;	/* default 600 */
	unsigned ready_timeout_seconds; /* default 60 */
	unsigned
		stop_timeout_seconds; /* of each stop step, 0: none; default 5 */
	unsigned heartbeat_timeout_seconds; /* external bots, default 90 */
	/* Since 0.2. */
	const char *api_key_env;     /* variable that holds the server's key */
	const char *api_key_file;    /* file that holds it */
	const char *worktree_of;     /* "exec": a git repository */
	const char *const *pass_env; /* names copied from this environment */
	size_t n_pass_env;
	const char *const *depends_on; /* bots that must be ready first */
	size_t n_depends_on;
	unsigned history_messages;	/* that go with a turn; default 64 */
	unsigned turn_timeout_seconds;	/* default 600 */
	unsigned retry_failed_seconds;	/* failed starts anew; 0: never */
	unsigned ping_interval_seconds; /* 0: no watchdog; default 15 */
	unsigned ping_timeout_seconds;	/* default 30 */
	unsigned memory_mib;		/* of it and all it started; 0: any */
	unsigned memory_seconds;	/* above that: restart; default 30 */
	unsigned memory_max_mib;	/* ended above it: by the kernel where
					 * cgroups can be written */
	unsigned processes;		/* 0: any; default 1024 */
	unsigned open_files;		/* of each process; default 1024 */
	unsigned file_size_mib;		/* of a file it writes; 0: any */
	/* "scaler": the auto-scaler launched it and may remove it again; NULL:
	 * a person did, and will. Since 0.3. */
	const char *managed_by;
};
#define DEIA_BOT_SPEC_INIT                                                     \
	{                                                                      \
		.size = sizeof(struct deia_bot_spec), .max_concurrent = 1,     \
		.restart = DEIA_RESTART_ALWAYS, .max_restarts = 10,            \
		.window_seconds = 600, .ready_timeout_seconds = 60,            \
		.stop_timeout_seconds = 5, .heartbeat_timeout_seconds = 90,    \
		.history_messages = 64, .turn_timeout_seconds = 600,           \
		.ping_interval_seconds = 15, .ping_timeout_seconds = 30,       \
		.memory_seconds = 30, .processes = 1024, .open_files = 1024    \
	}

/* What is wrong with a document: where and why. */
struct deia_field_error {
	char pointer[128]; /* JSON pointer, "/restart/policy" */
	char detail[256];  /* says what was expected */
};

/*
 * Reads a spec from the JSON of the HTTP API (design of `POST /bots`).
 * base: defaults to start from (a template, or the old spec for PATCH); may
 * be NULL. Unknown fields, wrong types and values out of range are refused.
 * *out is the caller's. where: filled on DEIA_EFIELD; may be NULL.
 * Returns DEIA_OK, DEIA_EFIELD, DEIA_ENOMEM. Any thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bot_spec_parse(
	struct deia_bot_spec **out, const struct cJSON *json,
	const struct deia_bot_spec *base, struct deia_field_error *where);
/* Checks a spec that a program filled in itself. Returns as above. */
DEIA_API DEIA_NODISCARD deia_err deia_bot_spec_check(
	const struct deia_bot_spec *spec, struct deia_field_error *where);
DEIA_API DEIA_NODISCARD deia_err
deia_bot_spec_dup(struct deia_bot_spec **out, const struct deia_bot_spec *spec);
DEIA_API void deia_bot_spec_free(struct deia_bot_spec *spec);
/*
 * The name of the first field that differs and that only an administrator may
 * set (what a bot runs, as what, and which server gets what it is told): "argv";
 * NULL when there is none. Such are also "options.resume_argv", which names a
 * program, and "adapter" where one of the two has a program, variables or a key,
 * since another adapter would run, or send, what was not meant for it. then: may
 * be NULL for the defaults. Static text. Any thread. Since 0.2.
 */
DEIA_API const char *deia_bot_spec_admin_field(
	const struct deia_bot_spec *now, const struct deia_bot_spec *then);
/* Whether the field of this name, "argv", is one of those. Any thread. Since
 * 0.2. */
DEIA_API bool deia_bot_field_is_admin(const char *name);
/* Whether a process that was started with the one must be started again to
 * become the other: then some field differs that its start has fixed. Any
 * thread. Since 0.2. */
DEIA_API bool deia_bot_spec_needs_restart(const struct deia_bot_spec *started,
					  const struct deia_bot_spec *now);
/*
 * Calls cb (may be NULL) with the name of each field that differs, "argv" or
 * "restart.policy", in the order in which specs are printed; the name lives
 * until cb returns. Returns how many there are. Any thread. Since 0.2.
 */
DEIA_API size_t deia_bot_spec_changes(const struct deia_bot_spec *now,
				      const struct deia_bot_spec *then,
				      void (*cb)(const char *field, void *user),
				      void *user);
struct deia_jw;
/* Prints the spec's members into an open JSON object. env values are printed
 * as "***" when redact is true. */
DEIA_API void deia_bot_spec_print(const struct deia_bot_spec *spec, bool redact,
				  struct deia_jw *w);

/* ---- what is known about a bot ----------------------------------------- */

/* What a bot did since it was added to its supervisor; grows only. Since 0.3. */
struct deia_bot_counts {
	/* Turns that ended: with a whole answer; by a cancel; otherwise. */
	uint64_t turns_done, turns_cancelled, turns_failed;
	uint64_t prompt_tokens, completion_tokens; /* as it told them */
	uint64_t restarts; /* by the supervisor, not by hand */
	/* From the hand-over of a turn to its whole answer. */
	struct deia_histogram answers;
};

struct deia_bot_info {
	const struct deia_bot_spec *spec;
	deia_bot_state state;
	const char *state_reason;   /* never empty unless ready or busy */
	const char *status_text;    /* the bot's last `status` line, or "" */
	int64_t pid;		    /* the bot's own, 0 when none */
	unsigned restarts;	    /* since it was last started by hand */
	unsigned running, queued;   /* turns */
	unsigned max_concurrent;    /* spec, lowered by the bot's ready line */
	int64_t started_unix_ms;    /* this process; 0 when none */
	int64_t ready_unix_ms;	    /* 0 when not ready */
	int64_t next_start_unix_ms; /* in backoff; failed: 0 never */
	int exit_code;	 /* of the last process; -1 none or by signal */
	int exit_signal; /* 0 none */
	uint64_t lines_in, lines_out, faults;
	/* Since 0.2. */
	const char *const *capabilities; /* the spec's and its ready line's */
	size_t n_capabilities;
	bool needs_restart; /* the spec has changed since its start */
	/* Waits for a bot that is not on its way: it takes no turns, and
	 * state_reason names that one. */
	bool blocked;
	int stopped_by;		    /* signal that has stopped it; 0: it runs */
	int64_t last_line_unix_ms;  /* when it last said something; 0 never */
	int64_t ping_ms;	    /* latest answer to a ping took; -1 none */
	int64_t memory_bytes;	    /* when a limit watches it; -1 unknown */
	int processes;		    /* the same; -1 unknown */
	struct deia_bot_exit {	    /* of the process before */
		int64_t at_unix_ms; /* 0: there was none */
		int code, signal;   /* as exit_code, exit_signal */
		const char *reason; /* one line, or "" */
	} last_exit;
	const struct deia_bot_limit {
		const char *name; /* "open_files", as in the spec */
		int64_t value;	  /* in the spec's unit */
		const char *how;  /* "rlimit", "cgroup", "watch"; or
				   * "refused: why" */
	} * limits;		  /* of the running process */
	size_t n_limits;
	/* NULL: it is not of this supervisor. Since 0.3. */
	const struct deia_bot_counts *counts;
};

/* ---- the supervisor ---------------------------------------------------- */

struct deia_bots_opts {
	size_t size;
	const char *guard_program; /* path of deia-guard; required */
	const char *bot_program; /* path of deia-bot, for adapters; required */
	const char *log_dir;  /* "<log_dir>/<id>.log"; NULL: logs are dropped */
	uint64_t seed;	      /* of the jitter; 0: random */
	void *user;	      /* handed to the callbacks */
	const char *work_dir; /* an "exec" bot without a folder of its own works
			       * in "<work_dir>/<id>" (an absolute path); NULL:
			       * it works where this process does.
			       * Since 0.2 */
	/*
	 * Every state change, after it happened. from == info->state when only
	 * the reason or status text changed.
	 */
	void (*on_state)(const struct deia_bot_info *info, deia_bot_state from,
			 void *user);
	/*
	 * Extra environment right before a launch: print "NAME=value" through
	 * add. May be NULL.
	 */
	void (*on_env)(const char *bot,
		       void (*add)(void *ctx, const char *name,
				   const char *value),
		       void *ctx, void *user);
	/*
	 * A line the supervisor does not deal with itself (ack, nack, send,
	 * submit). json is borrowed. May be NULL: counted as a fault.
	 */
	void (*on_line)(const char *bot, const char *type,
			const struct cJSON *json, void *user);
	/*
	 * A turn waits at an external bot that may have it now: whoever waits
	 * for one may call deia_bots_claim. Told once for many, and now and
	 * then in vain. May be NULL. Since 0.2.
	 */
	void (*on_claimable)(const char *bot, void *user);
	/*
	 * This process may move itself into a cgroup below its own, if it is
	 * alone there: with cgroup v2 bots' limits need that. Since 0.2.
	 */
	bool own_cgroup;
	/*
	 * A bot has taken all that was written to it, after it had not for a
	 * while (deia_bots_unread). May be NULL. Since 0.3.
	 */
	void (*on_drained)(const char *bot, void *user);
};
#define DEIA_BOTS_OPTS_INIT                                                    \
	{                                                                      \
		.size = sizeof(struct deia_bots_opts)                          \
	}

/* Returns DEIA_OK, DEIA_EINVAL, DEIA_EIO, DEIA_ENOMEM. base is borrowed. */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_new(deia_bots **out, struct event_base *base,
	      const struct deia_bots_opts *opts);
/*
 * Ends every bot at once (KILL through the guards) and frees; waits for them
 * for 2 s at most. Callbacks are not called any more, and it must not be called
 * from one. For a clean end use deia_bots_stop_all first.
 */
DEIA_API void deia_bots_free(deia_bots *bots);
/* One line about the last failed call; lives until the next call. */
DEIA_API const char *deia_bots_errmsg(const deia_bots *bots);

/* Adds a stopped bot; the spec is copied. DEIA_EEXIST, DEIA_EFIELD (also when
 * its depends_on makes a cycle, which errmsg names), DEIA_ELIMIT, DEIA_ENOMEM.
 * Bots that it depends on need not exist yet. */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_add(deia_bots *bots, const struct deia_bot_spec *spec);
/* Replaces the spec; what its process was started with takes effect at the next
 * start (info.needs_restart), all else at once. DEIA_ENOTFOUND, DEIA_EFIELD,
 * DEIA_ENOMEM. */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_set_spec(deia_bots *bots, const struct deia_bot_spec *spec);
/* Removes a bot that has no process (stopped, failed, backoff, offline), else
 * DEIA_ESTATE. Its waiting work ends with DEIA_ECANCELED. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_remove(deia_bots *bots,
						  const char *id);
/* Whether the bots that a spec depends on depend on it themselves, in the end:
 * DEIA_EFIELD, and errmsg names the cycle. Since 0.2. */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_check_depends(deia_bots *bots, const struct deia_bot_spec *spec);
/* When this bot is removed its log files are deleted as well. DEIA_ENOTFOUND,
 * DEIA_ENOMEM. Since 0.2. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_delete_log(deia_bots *bots,
						      const char *id);
/*
 * Actions. Each returns DEIA_OK when it was begun (watch on_state),
 * DEIA_ENOTFOUND, or DEIA_ESTATE with the state in errmsg.
 * start: from stopped, failed, backoff. Clears the restart history. It waits in
 * `starting` until all of depends_on are ready, busy or paused; its reason says
 * for whom. A program that cannot be run is no error here: the bot goes to
 * failed or backoff with its reason.
 * stop: `shutdown` line, after the grace TERM to the session, after the grace
 * KILL until no descendant is left. Running turns end with DEIA_ECANCELED.
 * A stop during a restart leaves out the start.
 * restart: stop, then start; from any state but stopping.
 * pause: no new turn is begun; running ones go on. One that dies meanwhile is
 * paused again once it is ready. resume: back.
 * interrupt: asks the bot to end running turns (all, or the one with work_id);
 * they end with what they have, error DEIA_ECANCELED.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_start(deia_bots *bots,
						 const char *id);
DEIA_API DEIA_NODISCARD deia_err deia_bots_stop(deia_bots *bots,
						const char *id);
DEIA_API DEIA_NODISCARD deia_err deia_bots_restart(deia_bots *bots,
						   const char *id);
DEIA_API DEIA_NODISCARD deia_err deia_bots_pause(deia_bots *bots,
						 const char *id);
DEIA_API DEIA_NODISCARD deia_err deia_bots_resume(deia_bots *bots,
						  const char *id);
DEIA_API DEIA_NODISCARD deia_err deia_bots_interrupt(deia_bots *bots,
						     const char *id,
						     const char *work_id);
/* Stops all, each bot before those it depends on; cb is called once when no
 * process is left. What dies meanwhile is not started again. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_stop_all(deia_bots *bots,
						    void (*cb)(void *user),
						    void *user);

/* NULL when there is no such bot; lives until the next call that changes it. */
DEIA_API const struct deia_bot_info *deia_bots_get(const deia_bots *bots,
						   const char *id);
/* Whether on_state was told all that happened to this bot: it is called from
 * the loop, so what deia_bots_get says may be ahead of it. True for a bot that
 * does not exist. Since 0.1. */
DEIA_API bool deia_bots_told(const deia_bots *bots, const char *id);
DEIA_API size_t deia_bots_count(const deia_bots *bots);
/* In order of id, starting after an id (NULL: from the first); at most max.
 * Returns how many were put into out. */
DEIA_API size_t deia_bots_list(const deia_bots *bots, const char *after,
			       const struct deia_bot_info **out, size_t max);
/* How many bots are in each state; constant time. */
DEIA_API void deia_bots_count_states(const deia_bots *bots,
				     unsigned counts[DEIA_BOT_STATES]);
/* How long turns of a kind (a deia_work_kind) waited at their bots, from their
 * admission until they began; of all bots since the start. Since 0.3. */
DEIA_API void deia_bots_turn_waits(const deia_bots *bots, int kind,
				   struct deia_histogram *out);
/*
 * The latest lines of a bot's standard error (at most 20), oldest first, at
 * most max; those of the last process until the next start. They live until
 * the loop runs again. Returns how many. Since 0.1.
 */
DEIA_API size_t deia_bots_last_stderr(const deia_bots *bots, const char *id,
				      const char **lines, size_t max);
/* Reopens log files (after a rotation from outside). */
DEIA_API void deia_bots_reopen_logs(deia_bots *bots);
/* What cgroups can do for bots on this machine, or why there are none; one
 * line, lives as long as the supervisor. Since 0.2. */
DEIA_API const char *deia_bots_cgroups(const deia_bots *bots);

/* ---- work: one turn ---------------------------------------------------- */

typedef enum deia_work_kind { DEIA_WORK_CHAT, DEIA_WORK_TASK } deia_work_kind;
#define DEIA_WORK_KINDS 2

struct deia_history_item {
	const char *role; /* "system", "user", "assistant" */
	const char *content;
};

struct deia_work_spec {
	size_t size;
	const char *id;		  /* unique among this bot's turns */
	deia_work_kind kind;	  /* waiting chat goes before waiting tasks */
	const char *content;	  /* at most DEIA_MAX_CONTENT_BYTES */
	const char *conversation; /* may be NULL */
	const struct deia_history_item *history; /* oldest first */
	size_t n_history;
	unsigned timeout_seconds; /* from hand-over; 0: the bot's */
	/* What the last `done` of this conversation said as its session, or
	 * NULL; at most DEIA_MAX_NAME_BYTES. */
	const char *session;
	/* Of this turn, see trace.h; NULL or "": none. Since 0.3. */
	const char *traceparent;
};

struct deia_work_result {
	deia_err err;	  /* OK, EREMOTE (bot said error), ECANCELED, ETIMEDOUT,
		       * EUNAVAILABLE (the bot died or stopped), ELIMIT */
	const char *code; /* the bot's error code, or "" */
	const char *message; /* one line, or "" */
	const char
		*text; /* answer channel, whole or what there is; never NULL */
	size_t text_len;
	bool retryable;
	unsigned retry_after_seconds;		  /* 0: not said */
	int64_t prompt_tokens, completion_tokens; /* -1: not said */
	const char *session; /* the agent's own session id, or NULL; also
			      * after an error the bot said */
	int64_t queued_ms, run_ms;
	/* From its hand-over to its first output, or to its end when there was
	 * none. Since 0.3. */
	int64_t first_ms;
	const char *details; /* a JSON object as text, or NULL; at most
			      * DEIA_MAX_DETAILS_BYTES */
};

struct deia_work_events {
	/* The turn was handed to the bot. May be NULL. */
	void (*on_start)(void *user);
	/* A piece of output; channel "answer", "thinking" or "tool". May be
	 * NULL. */
	void (*on_chunk)(const char *channel, const char *text, size_t len,
			 void *user);
	/* Called once, last. The deia_work is gone afterwards. */
	void (*on_done)(const struct deia_work_result *result, void *user);
};

/*
 * Queues one turn. Everything is copied. *out (may be NULL) is borrowed and
 * lives until on_done. Returns DEIA_OK, DEIA_ENOTFOUND, DEIA_ESTATE (paused,
 * stopped, stopping, failed, offline; starting and backoff queue), DEIA_EBUSY
 * (DEIA_MAX_QUEUE_LEN waiting), DEIA_EINVAL (the id is in use already),
 * DEIA_ELIMIT, DEIA_ENOMEM. The oldest items of the history that do not fit
 * into one line of DEIA_MAX_LINE_BYTES are left out.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_submit(
	deia_bots *bots, const char *bot, const struct deia_work_spec *spec,
	const struct deia_work_events *events, void *user, deia_work **out);
/* Ends it: dropped from the queue, or interrupted. on_done still comes. */
DEIA_API void deia_work_cancel(deia_work *work);
/*
 * Writes one JSON object (without newline) to a bot that has a process.
 * DEIA_ENOTFOUND, DEIA_ESTATE, DEIA_EBUSY (it does not read), DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_send_line(deia_bots *bots,
						     const char *bot,
						     const char *json,
						     size_t len);
/* The traceparent of the turn that a bot is working on, when it is one alone;
 * "" when it is none, or nobody knows which. Until the loop runs again. Since
 * 0.3. */
DEIA_API const char *deia_bots_traceparent(const deia_bots *bots,
					   const char *bot);
/* Bytes written to a bot that it has not taken yet; what a pipe holds does not
 * count. 0 also when there is no such bot. Since 0.3. */
DEIA_API size_t deia_bots_unread(const deia_bots *bots, const char *bot);
/*
 * Lets a bot's output wait in its pipe, or goes on reading it, when its lines
 * cannot be dealt with as fast as it writes them. Some that were read before
 * may still come; its last ones come when it has ended. Its next process begins
 * unheld. Nothing when it has no process. Since 0.3.
 */
DEIA_API void deia_bots_hold_lines(deia_bots *bots, const char *bot, bool hold);
/* What a bot said, on_line, was wrong: counts as a fault of its. why: one line,
 * for its log. Since 0.3. */
DEIA_API void deia_bots_fault(deia_bots *bots, const char *bot,
			      const char *why);

/* ---- external bots: work that is fetched --------------------------------- */

/*
 * A bot of adapter "external" has no process here: its program runs anywhere
 * and asks for turns. deia_bots_start makes it ready; without a sign of life
 * (heartbeat, claim, extend, complete, fail) for heartbeat_timeout_seconds it
 * is offline, and ready again with the next one. Turns are submitted as to any
 * bot and wait for deia_bots_claim. What is claimed is held under a lease, which
 * is named by a token: text that only its holder knows. A lease that ends puts
 * the turn back to the head of the queue; the DEIA_MAX_CLAIMS-th one ends it
 * with DEIA_EUNAVAILABLE. A turn that ends otherwise (cancelled, timed out, the
 * bot was stopped) makes its token stale: every call with it returns
 * DEIA_ESTATE, and that tells the program to drop the work.
 * All since 0.2; on the loop's thread.
 */

struct deia_bot_heartbeat {
	size_t size;
	const char *status_text; /* NULL: as it was */
	const char *const
		*capabilities; /* beside the spec's; NULL: as before */
	size_t n_capabilities;
	unsigned max_concurrent; /* lowers the spec's; 0: as before */
};
#define DEIA_BOT_HEARTBEAT_INIT                                                \
	{                                                                      \
		.size = sizeof(struct deia_bot_heartbeat)                      \
	}

/*
 * A sign of life. beat may be NULL for that alone. Returns DEIA_OK,
 * DEIA_ENOTFOUND, DEIA_ESTATE (not external, or stopped), DEIA_EINVAL,
 * DEIA_ELIMIT (more than DEIA_MAX_CAPABILITIES_LEN), DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_heartbeat(
	deia_bots *bots, const char *id, const struct deia_bot_heartbeat *beat);

/* A claimed turn. The text lives until the turn ends, at least until the loop
 * runs again; id == NULL: nothing is to be had now. */
struct deia_claim {
	char token[DEIA_CLAIM_TOKEN_LEN + 1];
	const char *bot;
	const char *id; /* of the deia_work */
	deia_work_kind kind;
	const char *content;
	const char *conversation; /* or NULL */
	const char *session;	  /* or NULL */
	const char *traceparent;  /* or NULL. Since 0.3 */
	const struct deia_history_item *history;
	size_t n_history;
	unsigned timeout_seconds; /* of this attempt */
	unsigned attempt;	  /* 1, 2 ... DEIA_MAX_CLAIMS */
	unsigned lease_seconds;
	int64_t lease_expires_unix_ms;
};

/*
 * Claims the next waiting turn of an external bot. lease_seconds: 1 to
 * DEIA_MAX_LEASE_SECONDS, 0: DEIA_DEFAULT_LEASE_SECONDS. Nothing waits, the bot
 * is paused or works on max_concurrent turns already: DEIA_OK and out->id ==
 * NULL; on_claimable says when to ask again. Returns DEIA_OK, DEIA_ENOTFOUND,
 * DEIA_ESTATE (not external, or stopped), DEIA_EINVAL, DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_bots_claim(deia_bots *bots,
						 const char *id,
						 unsigned lease_seconds,
						 struct deia_claim *out);
/* The bot whose claim a token names, into 65 bytes. False: it is no token.
 * Whether it is a live one is not said. */
DEIA_API bool deia_claim_bot(const char *token, char bot[DEIA_MAX_ID_LEN + 1]);
/*
 * The lease ends lease_seconds (as for deia_bots_claim) from now; never after
 * the turn's timeout. work_id: NULL, or the turn that the token must be of.
 * expires_unix_ms may be NULL. Returns DEIA_OK, DEIA_EINVAL (no token),
 * DEIA_ESTATE (stale; errmsg says it).
 */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_claim_extend(deia_bots *bots, const char *work_id, const char *token,
		       unsigned lease_seconds, int64_t *expires_unix_ms);

struct deia_claim_answer {
	size_t size;
	const char *text; /* required; at most DEIA_MAX_ANSWER_BYTES */
	int64_t prompt_tokens, completion_tokens; /* -1: not said */
	const char *session; /* at most DEIA_MAX_NAME_BYTES; or NULL */
	const char *details; /* a JSON object, or NULL */
};
#define DEIA_CLAIM_ANSWER_INIT                                                 \
	{                                                                      \
		.size = sizeof(struct deia_claim_answer), .prompt_tokens = -1, \
		.completion_tokens = -1                                        \
	}
/* Ends a claimed turn well. Returns DEIA_OK, DEIA_EINVAL, DEIA_ESTATE (stale),
 * DEIA_ELIMIT, DEIA_ENOMEM. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_claim_complete(
	deia_bots *bots, const char *work_id, const char *token,
	const struct deia_claim_answer *answer);
/*
 * Ends a claimed turn with DEIA_EREMOTE. code: a word of at most 64 bytes, NULL:
 * "error"; message: one line of at most DEIA_MAX_ERROR_BYTES, required.
 * retry_after_seconds: 0 not said.
 * Returns DEIA_OK, DEIA_EINVAL, DEIA_ESTATE (stale), DEIA_ELIMIT.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_bots_claim_fail(deia_bots *bots, const char *work_id, const char *token,
		     const char *code, const char *message, bool retryable,
		     unsigned retry_after_seconds);
/* Gives a claimed turn back to the head of the queue; it counts as an attempt
 * of its own. Returns as deia_bots_claim_extend. */
DEIA_API DEIA_NODISCARD deia_err deia_bots_claim_release(deia_bots *bots,
							 const char *work_id,
							 const char *token);

DEIA_END

#endif
