/* SPDX-License-Identifier: MIT */
/*
 * hive.h - the whole: bots that are remembered, chat, events, tokens, audit.
 *
 * A hive composes the modules over one store and one event loop. Calls that
 * change something return at once; when they returned DEIA_OK their callback
 * runs exactly once, on the loop, after the change is durable. During a
 * callback, and right after a call that failed, deia_hive_errmsg says more.
 *
 * Threads: everything belongs to the loop's thread, but deia_hive_post.
 * What the library does to its process: it blocks no signal, handles none,
 * prints nothing, never forks (it spawns deia-guard), starts the store's and
 * the log's threads.
 */
#ifndef DEIA_HIVE_H
#define DEIA_HIVE_H

#include <deia/auth.h>
#include <deia/bot.h>
#include <deia/error.h>
#include <deia/logs.h>
#include <deia/sys/cache.h>
#include <deia/sys/store.h>

DEIA_BEGIN

struct deia_scheduler_opts;
struct event_base;
typedef struct deia_hive deia_hive;

/* ---- life -------------------------------------------------------------- */

/* One line of the library's own log; text is borrowed. Loop thread. */
typedef void (*deia_log_cb)(enum deia_log_level level, const char *text,
			    void *user);

/* The same, and where it was said. All borrowed. Since 0.3. */
struct deia_log_line {
	size_t size;
	enum deia_log_level level;
	const char *text;
	const void *site; /* the same for all that one place says */
};

struct deia_hive_opts {
	size_t size;
	/* "memory:" (default), "sqlite:PATH", "postgresql://..." */
	const char *store_url;
	enum deia_durability durability;
	const char *log_dir;	 /* bots' logs and journals; NULL: none */
	const char *program_dir; /* of deia-guard and deia-bot; NULL: beside
				  * the running program, then PATH */
	const char *url; /* DEIA_URL in the bots' environment; may be NULL,
			  * see deia_hive_set_url */
	const char *token_file; /* administrator's token; NULL: none. Its hash
				 * is inserted when absent and not revoked */
	unsigned events_kept;	/* rows of history, default 100000 */
	unsigned audit_days;	/* default 180 */
	unsigned chat_days;	/* default 0: for ever */
	uint64_t seed;		/* 0: random */
	deia_log_cb log;
	void *log_user;
	const char *work_dir;	/* see deia_bots_opts; NULL: none. Since 0.2 */
	bool own_cgroup;	/* see deia_bots_opts. Since 0.2 */
	const char *backup_dir; /* see deia_store_opts. Since 0.2 */
	unsigned status_days;	/* of bot samples; default 7. Since 0.2 */
	/* See deia_cache_open and deia_cache_opts; NULL, 0: as there. Since
	 * 0.2 */
	const char *cache_url, *cache_prefix, *cache_password;
	size_t cache_memory_bytes;
	/*
	 * On a store that several programs use (postgresql:): which of them
	 * this is, see node.h; NULL: "main". As an id of a bot; no other node
	 * that runs has it. node_url: of its API, at most
	 * DEIA_MAX_NODE_URL_BYTES, for the others to show; NULL: none. Since
	 * 0.3.
	 */
	const char *node_name, *node_url;
	/*
	 * The hive cannot go on: another node has shut it out, or its store
	 * failed while others use it. Its bots must end, so the program is to
	 * call deia_hive_free soon, but not from within. why: one line. On the
	 * loop, at most once. May be NULL. Since 0.3.
	 */
	void (*lost)(const char *why, void *user);
	void *lost_user;
	/*
	 * How bots are chosen for tasks, see scheduler.h; NULL: its defaults.
	 * task_types: types of tasks beside those of task_analysis.h, named as
	 * a bot's id; n_task_types of them. All borrowed for deia_hive_new.
	 * Since 0.3.
	 */
	const struct deia_scheduler_opts *scheduler;
	const char *const *task_types;
	size_t n_task_types;
	/* In place of log, with the same log_user. May be NULL. Since 0.3. */
	void (*log_line)(const struct deia_log_line *line, void *user);
	/* The hive does not watch its health: see hive_health.h. Since 0.3. */
	bool no_health;
};
#define DEIA_HIVE_OPTS_INIT                                                    \
	{                                                                      \
		.size = sizeof(struct deia_hive_opts), .events_kept = 100000,  \
		.audit_days = 180, .status_days = 7                            \
	}

/*
 * Opens the store (blocking), loads what must be in memory. No bot is started
 * yet. base: borrowed and outlives the hive, or NULL for one of its own.
 * detail: as deia_store_open, may be NULL. On a store that others use it waits
 * until a former run under the same node_name is shut out, up to 20 s.
 * Returns DEIA_OK, DEIA_EINVAL, DEIA_ENOMEM, DEIA_EIO, DEIA_EBUSY (also: a node
 * of this name runs), DEIA_ETIMEDOUT (the database does not answer), DEIA_EFIELD
 * (the name of a type of task), DEIA_ELIMIT (too many of these), or what
 * deia_store_open returns.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_new(
	deia_hive **out, struct event_base *base,
	const struct deia_hive_opts *opts, char *detail, size_t detail_len);
/*
 * Starts the bots that are meant to run. DEIA_OK, DEIA_ESTATE (it is started
 * already), DEIA_ELIMIT (the analyzer has more types of tasks than the scheduler
 * may know), DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_start(deia_hive *hive);
/*
 * Stops all bots, ends their turns (partial answers are kept), commits. cb
 * runs when nothing is left to do; what is meant to run stays so.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_stop(deia_hive *hive,
						void (*cb)(void *user),
						void *user);
/* Frees; kills what still runs. Callbacks that are due are called. */
DEIA_API void deia_hive_free(deia_hive *hive);
/* Runs the hive's own loop until deia_hive_quit (only with base == NULL). */
DEIA_API DEIA_NODISCARD deia_err deia_hive_run(deia_hive *hive);
DEIA_API void deia_hive_quit(deia_hive *hive);
/* Runs fn on the loop, soon. Any thread, until deia_hive_free begins. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_post(deia_hive *hive,
						void (*fn)(void *arg),
						void *arg);
/* Detail of the last failed call or of the running callback; one line. */
DEIA_API const char *deia_hive_errmsg(const deia_hive *hive);
/* What was wrong with which field, after DEIA_EFIELD; else NULL. */
DEIA_API const struct deia_field_error *deia_hive_field_error(
	const deia_hive *hive);
/* The address bots are told, once it is known. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_set_url(deia_hive *hive,
						   const char *url);
/* Reopens logs and journals (SIGHUP). */
DEIA_API void deia_hive_reopen_logs(deia_hive *hive);

struct deia_hive_status {
	unsigned bots, bot_states[DEIA_BOT_STATES];
	struct deia_store_stats store;
	const char *store_backend;
	bool store_ok, stopping;
	int64_t started_unix_ms;
	uint64_t uptime_ms;
	uint64_t turns_running, turns_done;
	/* Since 0.3: events that were published since the start (also by other
	 * nodes), and who listens to them. */
	uint64_t events;
	unsigned subscriptions;
	/* How long turns waited at their bots, by deia_work_kind. */
	struct deia_histogram turn_waits[DEIA_WORK_KINDS];
};
/* Constant time. */
DEIA_API void deia_hive_get_status(const deia_hive *hive,
				   struct deia_hive_status *out);

/* The hive's cache, for flags, counters and messages of one's own. Borrowed
 * until deia_hive_free. Since 0.2. */
DEIA_API deia_cache *deia_hive_get_cache(const deia_hive *hive);

/* Whose action it is when a program embeds the hive: role admin, "local". */
DEIA_API const struct deia_actor *deia_actor_local(void);

/* The change is durable (or failed: errmsg). */
typedef void (*deia_done_cb)(deia_err err, void *user);

/* ---- bots -------------------------------------------------------------- */

struct deia_hive_bot {
	const struct deia_bot_info *info;
	int64_t created_unix_ms;
	bool wanted; /* meant to run: started again after a restart */
	/* Since the hive was started; failed: those without a whole answer.
	 * Since 0.2. */
	uint64_t turns_done, turns_failed;
	/* The secret of a new external bot's token, for its program; only in
	 * the callback of deia_hive_bot_create, else NULL. Since 0.2. */
	const char *token;
	/* Messages in its inbox: pending and delivered. Since 0.3. */
	uint64_t unread;
	/*
	 * The node it lives on. elsewhere: not this one; then info is what that
	 * node last told (no process, no turns), and every call that acts on
	 * the bot returns DEIA_EOTHERNODE. Since 0.3.
	 */
	const char *node;
	bool elsewhere;
	/* The auto-scaler removes it once its last turn is done, see scaling.h.
	 * Since 0.3. */
	bool draining;
	/* Why it gets no work: its budget of the day is used up; NULL: it may.
	 * Since 0.3. */
	const char *held;
	/* What its process uses, as of the latest look, a minute old at most;
	 * -1: unknown. Since 0.3. */
	int64_t memory_bytes, cpu_ms;
};
/* bot: NULL on error; lives until the callback returns. */
typedef void (*deia_hive_bot_cb)(deia_err err, const struct deia_hive_bot *bot,
				 void *user);

/*
 * Adds a bot and, with start, launches it. Errors: EFIELD, EEXIST, ELIMIT,
 * EUNSUPPORTED (adapter not in this build), EDENIED (a field that only an
 * administrator may set; not looked at when spec has a template_name, since a
 * hive knows no templates: the caller compares with deia_bot_spec_admin_field),
 * ENOMEM, ESTORE.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_bot_create(deia_hive *hive, const struct deia_actor *actor,
		     const struct deia_bot_spec *spec, bool start,
		     deia_hive_bot_cb cb, void *user);
/* Replaces the specification; takes effect at the next start. EDENIED when
 * argv, env, cwd or base_url differ and actor is no administrator. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_update(
	deia_hive *hive, const struct deia_actor *actor,
	const struct deia_bot_spec *spec, deia_hive_bot_cb cb, void *user);
/* Removes a bot; ESTATE when live, unless force (then it is stopped first).
 * Its history is kept unless purge. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_remove(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	bool force, bool purge, deia_done_cb cb, void *user);

typedef enum deia_bot_action {
	DEIA_BOT_START,
	DEIA_BOT_STOP,
	DEIA_BOT_RESTART,
	DEIA_BOT_PAUSE,
	DEIA_BOT_RESUME,
	DEIA_BOT_INTERRUPT
} deia_bot_action;
/*
 * Records the wish durably, then acts; cb when the action was begun. What was
 * wished last counts after a restart of the hive: bots that were started run
 * again, also those that had failed; those that were paused are started and
 * paused again; those that were stopped stay so.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_act(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	deia_bot_action action, deia_hive_bot_cb cb, void *user);

/* What came of an action on one of many things. */
struct deia_hive_outcome {
	const char *id;
	deia_err err;	     /* as of the action on that one alone */
	const char *message; /* why not, one line; "" */
};
/* items: in the order of the ids; live until the callback returns. */
typedef void (*deia_hive_outcomes_cb)(deia_err err,
				      const struct deia_hive_outcome *items,
				      size_t n, void *user);
/*
 * The same for up to DEIA_MAX_BATCH_LEN bots: all wishes are one change. A bot
 * that does not take the action is no error of the call: its outcome says so.
 * ELIMIT, ENOTFOUND (no id can look like this), EINVAL, ENOMEM, ESTORE.
 * Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bots_act(
	deia_hive *hive, const struct deia_actor *actor, deia_bot_action action,
	const char *const *ids, size_t n, deia_hive_outcomes_cb cb, void *user);

/*
 * Ends one turn of chat: line is the id of the question (deia_chat_line.id).
 * What there is of the answer is kept. ENOTFOUND when no such turn waits or
 * runs at this bot. Otherwise as deia_hive_bot_act.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_interrupt_turn(
	deia_hive *hive, const struct deia_actor *actor, const char *id,
	const char *line, deia_hive_bot_cb cb, void *user);

/* ENOTFOUND or OK; bot->info lives until the loop's next turn. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_get(const deia_hive *hive,
						   const char *id,
						   struct deia_hive_bot *bot);
struct deia_hive_bot_filter {
	const char *type; /* NULL: any */
	int state;	  /* a deia_bot_state; -1: any */
};
/* Those that fit a filter (NULL: all), in order of id after `after`; returns
 * how many were filled in. Since 0.2. */
DEIA_API size_t deia_hive_bot_search(const deia_hive *hive,
				     const struct deia_hive_bot_filter *filter,
				     const char *after,
				     struct deia_hive_bot *out, size_t max);
/* The same without a filter. */
DEIA_API size_t deia_hive_bot_list(const deia_hive *hive, const char *after,
				   struct deia_hive_bot *out, size_t max);
/* One move of a bot from a state to another. */
struct deia_bot_history {
	int64_t seq; /* of this bot: 1, 2, 3 ... */
	int64_t at_unix_ms;
	const char *from, *state; /* names, see deia_bot_state_name */
	const char *reason;
	int64_t pid;	 /* of its process, also of one that ended; 0 none */
	int exit_code;	 /* when it ended with this move; else -1 */
	int exit_signal; /* the same; else 0 */
	unsigned restarts;
	const char *last_stderr; /* its last lines when it ended, or "" */
};
/* items: newest first; live until the callback returns. */
typedef void (*deia_bot_history_cb)(deia_err err,
				    const struct deia_bot_history *items,
				    size_t n, bool more, void *user);
/*
 * The states that a bot went through, the newest 200, older than seq `before`
 * (0: from the newest). Ready and busy alternate with every turn; those moves
 * are not kept. History outlives the bot unless it is purged: then, or when
 * there never was such a bot, ENOTFOUND. limit 1..1000. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_bot_history(deia_hive *hive, const char *id, int64_t before,
		      unsigned limit, deia_bot_history_cb cb, void *user);
/* What a bot needed at a time, and how it was. */
struct deia_bot_sample {
	int64_t at_unix_ms;
	const char *state;	      /* see deia_bot_state_name */
	int64_t pid;		      /* 0: no process of this machine */
	int64_t memory_bytes;	      /* resident; -1: no process */
	int64_t cpu_ms;		      /* since the process began; -1 the same */
	int64_t cpu_permille;	      /* of one processor, since the sample
					* before; -1: unknown */
	int64_t uptime_ms;	      /* of the process */
	int64_t last_message_unix_ms; /* it answered or sent mail; 0: never */
	uint64_t errors;	      /* turns that failed and faults of its
					* lines, since the hive was started */
	unsigned restarts;
};
/* items: newest first; live until the callback returns. */
typedef void (*deia_bot_sample_cb)(deia_err err,
				   const struct deia_bot_sample *items,
				   size_t n, bool more, void *user);
/*
 * The samples of a bot, one a minute while it lives, newest first: those since
 * since_ms and, unless it is 0, before before_ms. They outlive the bot unless
 * it is purged, and are kept for opts.status_days. limit 1..1000. Returns and
 * tells DEIA_OK, DEIA_EINVAL, DEIA_ENOTFOUND (there never was such a bot),
 * DEIA_ENOMEM, or what deia_store_page does. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_samples(
	deia_hive *hive, const char *id, int64_t since_ms, int64_t before_ms,
	unsigned limit, deia_bot_sample_cb cb, void *user);
/*
 * How it is now; nothing is kept. Constant time. state lives until the bot is
 * removed. Returns DEIA_OK, DEIA_ENOTFOUND. Since 0.2.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_bot_sample_now(
	deia_hive *hive, const char *id, struct deia_bot_sample *out);
/*
 * How long history is kept from now on; see deia_hive_opts. Since 0.2.
 */
DEIA_API void deia_hive_set_retention(deia_hive *hive, unsigned events_kept,
				      unsigned audit_days, unsigned chat_days,
				      unsigned status_days);
/* Path of a bot's log file, NULL when there is none, or the bot lives on another
 * node (errmsg says so); lives until the next call. */
DEIA_API const char *deia_hive_bot_log_path(deia_hive *hive, const char *id);

/* ---- external bots ----------------------------------------------------- */

/*
 * The program of a bot with adapter "external" runs elsewhere and asks for its
 * turns (bot.h). actor: the bot itself, an operator or an administrator, else
 * EDENIED. All since 0.2.
 */

/* As deia_bots_heartbeat. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_bot_heartbeat(deia_hive *hive, const struct deia_actor *actor,
			const char *id, const struct deia_bot_heartbeat *beat);

typedef struct deia_claim_wait deia_claim_wait;
/* claim: NULL on error, and when no turn came in time. */
typedef void (*deia_claim_cb)(deia_err err, const struct deia_claim *claim,
			      void *user);
/*
 * Claims the bot's next turn, waiting for one at most wait_seconds (0..60). cb
 * runs once, later; *out (may be NULL) is borrowed until then. lease_seconds
 * as for deia_bots_claim. Errors: ENOTFOUND, ESTATE (not external, stopped),
 * EDENIED, EINVAL, EBUSY, ENOMEM; cb: ESTATE (stopped meanwhile),
 * EUNAVAILABLE (the hive stops).
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_claim(deia_hive *hive, const struct deia_actor *actor,
		const char *bot, unsigned lease_seconds, unsigned wait_seconds,
		deia_claim_cb cb, void *user, deia_claim_wait **out);
/* Waits no longer; cb is not called any more. NULL is fine. */
DEIA_API void deia_claim_wait_cancel(deia_claim_wait *wait);
/* All who wait, for turns or mail, are told EUNAVAILABLE, so that a server can
 * end. */
DEIA_API void deia_hive_end_waits(deia_hive *hive);
/* As deia_bots_claim_extend; task is the claim's id, token its token. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_claim_extend(
	deia_hive *hive, const struct deia_actor *actor, const char *task,
	const char *token, unsigned lease_seconds, int64_t *expires_unix_ms);
/* Ends a claimed turn well: cb (may be NULL) when the answer is durable. As
 * deia_bots_claim_complete; ESTATE: the work is to be dropped. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_claim_complete(
	deia_hive *hive, const struct deia_actor *actor, const char *task,
	const char *token, const struct deia_claim_answer *answer,
	deia_done_cb cb, void *user);
/* Ends it badly. As deia_bots_claim_fail. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_claim_fail(deia_hive *hive, const struct deia_actor *actor,
		     const char *task, const char *token, const char *code,
		     const char *message, bool retryable,
		     unsigned retry_after_seconds, deia_done_cb cb, void *user);

/* ---- events ------------------------------------------------------------ */

struct deia_event {
	int64_t seq; /* commit order, 1, 2, 3 ... */
	int64_t at_unix_ms;
	const char *type; /* "bot.state", "bot.created", "chat.message" ... */
	const char *subject; /* usually a bot's id */
	const char *data;    /* a JSON object */
};
typedef struct deia_subscription deia_subscription;
/* ev == NULL: the subscriber fell behind what is kept; it must reread all. */
typedef void (*deia_event_cb)(const struct deia_event *ev, void *user);
/*
 * Delivers every event with seq > after, first from the store, then live, in
 * order, without gap or repeat. after < 0: only what comes from now on.
 * Never calls back inside this call. Returns DEIA_OK, DEIA_ELIMIT, DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_subscribe(deia_hive *hive,
						     int64_t after,
						     deia_event_cb cb,
						     void *user,
						     deia_subscription **out);
/* Stops it; cb is not called any more. Also within cb. NULL is fine. */
DEIA_API void deia_unsubscribe(deia_subscription *sub);
/* The newest committed seq. */
DEIA_API int64_t deia_hive_last_seq(const deia_hive *hive);

/* ---- tokens, sign-in --------------------------------------------------- */

/*
 * Who shows this token. DEIA_EAUTH for one that is malformed, unknown,
 * expired or revoked. Constant time in the secret; no I/O. Fills in name,
 * token_id and role of actor; address and request_id are left alone.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_authenticate(
	deia_hive *hive, const char *token, struct deia_actor *actor);

/* token: the secret, shown once; NULL on error. */
typedef void (*deia_token_cb)(deia_err err, const char *token,
			      const struct deia_token_info *info, void *user);
/* ttl_seconds 0: never expires. name: 1..DEIA_MAX_NAME_BYTES bytes; with role
 * bot the id of an external bot, whose program it is for. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_token_create(
	deia_hive *hive, const struct deia_actor *actor, const char *name,
	deia_role role, int64_t ttl_seconds, deia_token_cb cb, void *user);
DEIA_API DEIA_NODISCARD deia_err
deia_hive_token_revoke(deia_hive *hive, const struct deia_actor *actor,
		       const char *id, deia_done_cb cb, void *user);
/* In order of id after `after`. */
DEIA_API size_t deia_hive_token_list(const deia_hive *hive, const char *after,
				     struct deia_token_info *out, size_t max);
/*
 * A code that signs in once within ttl_seconds (at most 3600) with this role;
 * kept in memory only. code: at least 33 bytes.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_code_create(
	deia_hive *hive, const struct deia_actor *actor, deia_role role,
	unsigned ttl_seconds, char *code, size_t code_len);
/*
 * Trades a code for a session token (12 h). DEIA_EAUTH for a wrong, used or
 * old one; DEIA_EBUSY instead after 5 failures within 5 minutes from one
 * address.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_login(deia_hive *hive,
						 const char *code,
						 const char *address,
						 deia_token_cb cb, void *user);

/* ---- repeated requests ------------------------------------------------- */

/*
 * A call that makes something (a bot, a conversation, the answer of a turn of
 * chat, an outcome for the scheduler) keeps its answer in the same change as what
 * it makes, so that there is never the one without the other: fill in a
 * deia_replay and point the actor at it.
 */
enum deia_made {
	DEIA_MADE_BOT,		/* struct deia_hive_bot */
	DEIA_MADE_CONVERSATION, /* struct deia_conversation */
	DEIA_MADE_ANSWER,	/* struct deia_chat_line */
	DEIA_MADE_EXECUTION	/* struct deia_execution */
};
struct deia_replay {
	const char *owner, *key, *fingerprint; /* as below */
	/*
	 * Prints the answer: what is about to be durable. A bot is shown as it
	 * will be right after. Returns text without NUL that lives until the
	 * call's callback, NULL when memory ran out; sets *status. Called at
	 * most once, on the loop. Since 0.2.
	 */
	const char *(*print)(enum deia_made made, const void *what, int *status,
			     void *user);
	void *user;
};

typedef void (*deia_replay_cb)(deia_err err, const char *fingerprint,
			       int status, const char *body, void *user);
/*
 * Answers kept under an Idempotency-Key, per owner (a token id or name), for
 * at least 24 h. key: 1..255 bytes. fingerprint: of the request; the caller
 * compares. status 0 and body NULL: there is none.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_replay_find(deia_hive *hive,
						       const char *owner,
						       const char *key,
						       deia_replay_cb cb,
						       void *user);
/* Keeps an answer that is no part of a change, such as a refusal; cb (may be
 * NULL) when it is durable. */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_replay_keep(deia_hive *hive, const char *owner, const char *key,
		      const char *fingerprint, int status, const char *body,
		      deia_done_cb cb, void *user);

/* ---- audit ------------------------------------------------------------- */

/*
 * Records something that was refused or that changed nothing in the store.
 * Calls above record themselves. Lost only when the store fails.
 */
DEIA_API void deia_hive_audit(deia_hive *hive, const struct deia_actor *actor,
			      const char *action, const char *target,
			      deia_err outcome);
struct deia_audit_entry {
	int64_t seq, at_unix_ms;
	const char *actor, *token_id, *role, *address, *request_id;
	const char *action, *target, *outcome;
};
typedef void (*deia_audit_cb)(deia_err err,
			      const struct deia_audit_entry *entries, size_t n,
			      bool more, void *user);
/* Newest first; before 0: from the newest. limit 1..1000. */
DEIA_API DEIA_NODISCARD deia_err deia_hive_audit_page(deia_hive *hive,
						      int64_t before,
						      unsigned limit,
						      deia_audit_cb cb,
						      void *user);

DEIA_END

#endif
