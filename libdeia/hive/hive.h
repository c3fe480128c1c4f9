/* SPDX-License-Identifier: MIT */
/*
 * hive.h - the inside of a hive, shared by the files of this folder.
 *
 * Here: hive.c (life), load.c (what is read at start), read.c (how the store is
 * read), change.c (one durable change with its events and audit entry), saver.c
 * (what is stored a little later), events.c (live and stored events), gather.c
 * (moves gathered into events), bots.c, bot_*.c and bulk.c (bots that are
 * remembered), outcomes.c (what came of an action on many things), history.c and
 * samples.c (their states, what they need), access.c (tokens, sign-in), audit.c
 * (audit pages, kept answers), external.c (bots whose programs run elsewhere),
 * cache.c (what is kept in the cache), retention.c (what is pruned), store_say.c
 * (a store that is away), machine.c (processors and memory).
 *
 *   chat/        conversations, lines, one question and its answer
 *   mail/        the messenger with identities, pushes, answers by themselves
 *   dialogue/    two bots on a subject
 *   tasks/       the queue with identities and real bots; budgets
 *   scheduling/  what the scheduler knows and learned
 *   scaling/     the auto-scaler
 *   health/      what is measured, alerts
 *   checks/      what is tried: the seven health checks
 *   insight/     what bots and queues need, reports of what happened
 *   nodes/       other hives on the same store
 */
#ifndef DEIA_HIVE_HIVE_H
#define DEIA_HIVE_HIVE_H

#include <sys/queue.h>

#include <deia/chat.h>
#include <deia/hive.h>
#include <deia/limits.h>
#include <deia/sys/cache.h>
#include <deia/sys/json.h>

#include "auth/auth.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/errmsg.h"
#include "core/id.h"
#include "core/json.h"
#include "core/logfile.h"
#include "core/mem.h"
#include "core/post.h"
#include "core/timer.h"
#include "core/utf8.h"
#include "queue/budget.h"
#include "store/schema.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#define DEIA__RING_LEN 4096	    /* newest events kept in memory */
#define DEIA__RING_BYTES (4u << 20) /* of them all, but for one */
#define DEIA__EVENT_BYTES 1024	    /* a row that is larger counts as several */
#define DEIA__EVENT_MARKS 64
#define DEIA__HISTORY_KEPT 200		 /* states of a bot */
#define DEIA__CONTEXT_BYTES (256u << 10) /* of lines sent with a turn */
#define DEIA__CHECKPOINT_MS 2000 /* how often a growing answer is saved */

TAILQ_HEAD(deia__turn_list, deia_chat_turn);
TAILQ_HEAD(deia__claim_waits, deia_claim_wait);
TAILQ_HEAD(deia__replier_list, deia__replier);
TAILQ_HEAD(deia__task_run_list, deia__task_run);
TAILQ_HEAD(deia__asked_list, deia__asked);

/* What is wished of a bot; the numbers stand in the store. */
enum deia__wish {
	DEIA__WISH_STOPPED,
	DEIA__WISH_RUNNING,
	DEIA__WISH_PAUSED /* started, then paused as soon as it is ready */
};

#define DEIA__HELD_BYTES 192

/* budgets.h: what was used of a budget. */
struct deia__budget_use {
	struct deia__budget_count count;
	bool held;  /* it is used up, and that has consequences */
	bool dirty; /* not stored yet */
	char reason[DEIA__HELD_BYTES]; /* why it is used up; "" */
};

#define DEIA__MEMORY_POINTS 24
#define DEIA__RESTART_MINUTES 10

/* A histogram that only grows, as it was at most twice some time ago. */
struct deia__window {
	struct deia_histogram older, newer;
	int64_t turned_ms;
	bool begun;
};

/* measure_bots.c: what was seen of a bot. */
struct deia__bot_health {
	/* The scheduler's counters at the look before, and what counts of
	 * them; see struct deia__recent. */
	bool counting;
	uint64_t outcomes, successes;
	double n, n_good;
	uint64_t ended; /* turns */
	uint64_t all_restarts;
	unsigned restarts[DEIA__RESTART_MINUTES]; /* by minute, up to: */
	int64_t minute;
	int64_t pid; /* the process that the memory is of */
	uint32_t memory_kib[DEIA__MEMORY_POINTS];
	unsigned n_memory, n_minutes;
	struct deia__window answers; /* of its turns */
};

/* A bot that is remembered; the supervisor has its specification and state. */
struct deia__hbot {
	char id[DEIA_MAX_ID_LEN + 1];
	int64_t created_ms;
	enum deia__wish wish;
	bool creating; /* its row is not committed yet */
	bool removing; /* its row is being deleted */
	void *removal; /* bot_acts.c: how, and who waits for it */
	char default_conversation[37];	      /* "" until looked up */
	char token_id[DEIA_TOKEN_ID_LEN + 1]; /* of the running process */
	int64_t status_event_ms; /* boot clock, of the last bot.status */
	int64_t history_seq;	 /* of its newest row in bot_history */
	int64_t pid;		 /* of the latest process, also when it ended */
	uint64_t turns_done, turns_failed; /* since the hive was started */
	int64_t last_message_ms; /* it answered or sent mail, wall clock */
	/* samples.c: the sample before, on the boot clock. */
	int64_t sample_pid, sample_cpu_ms, sample_memory, sample_ms;
	unsigned sample_round; /* the newest in which it was looked at */
	struct deia__replier *replier; /* reply.c: its mail as turns */
	struct deia__turn_list turns;  /* oldest first */
	unsigned n_turns, n_waiting;   /* waiting: not yet at the supervisor */
	struct deia__push *push;       /* mail for its process; NULL: none */
	unsigned n_sends; /* mail and tasks of its process, not durable yet */
	bool held;	  /* its lines are not read meanwhile */
	unsigned n_waits; /* for mail, with its own token */
	int circuit;	  /* a deia_scheduler_circuit, as it was last told */
	struct deia__task_run_list task_runs; /* tasks.h: attempts */
	unsigned n_task_runs;
	struct deia__asked_list asked; /* results that its process waits for */
	unsigned n_asked;
	/* scaling.h: since when it is in its state, and when it became ready in
	 * this or its last life (-1: it did not); boot clock. */
	int64_t moved_ms, ready_ms;
	uint64_t ended_turns; /* that were counted */
	bool draining;	  /* it gets no more work, and is removed after it */
	int64_t drain_ms; /* since when */
	struct deia__budget_use budget;
	struct deia__bot_health health;
	uint64_t n_sent; /* messages, since the hive was started */
	UT_hash_handle hh;
};

struct deia__ring_event {
	struct deia_event ev;
	char *block; /* type, subject, data in one piece */
	size_t bytes;
};

/* How many bytes of events were published up to one, since the start. */
struct deia__event_mark {
	int64_t seq;
	uint64_t bytes;
};

struct deia_subscription {
	deia_hive *hive;
	deia_event_cb cb;
	void *user;
	int64_t last; /* newest seq delivered */
	bool paging, dead, behind;
	unsigned busy; /* calls into cb under way */
	TAILQ_ENTRY(deia_subscription) link;
};

struct deia__ring {
	struct deia__ring_event *items; /* DEIA__RING_LEN, circular */
	size_t first, n;
	size_t bytes;	    /* of the items */
	uint64_t published; /* bytes, since the start */
	uint64_t n_published;
	struct deia__event_mark marks[DEIA__EVENT_MARKS]; /* oldest first */
	unsigned n_marks;
	int64_t last_seq;	  /* newest committed */
	bool looking, look_again; /* for newer ones of other nodes */
	bool gap;		  /* there are some, and not all are here */
	int64_t pruned_seq;	  /* events up to here are gone */
	TAILQ_HEAD(deia__subs, deia_subscription) subs;
	unsigned n_subs;
};

struct deia__hive_cache {
	deia_cache *cache;
	bool shared;		/* with other processes */
	char node[37];		/* this process, among those that share it */
	deia_cache_sub *events; /* of other nodes; NULL: not listened to */
	struct deia__timer status_timer;
	char status_bot[DEIA_MAX_ID_LEN + 1]; /* told of last */
};

struct deia_hive {
	struct event_base *base;
	bool own_base, quit, started, stopping, freeing;
	deia__post *post;
	deia__timers *timers;
	deia__logs *logs;
	deia__logfile *audit_journal;
	deia_store *store;
	deia_bots *bots;
	struct deia__hbot *hbots; /* by id */
	struct deia__ring ring;
	bool said_away;	      /* the log has that the store is away, */
	int64_t said_away_ms; /* and when it said so (boot clock) */
	deia__tokens *tokens;
	struct deia__codes codes;
	struct deia__errmsg msg;
	struct deia_field_error field;
	bool has_field;
	char *url, *log_dir, *log_path, *guard_program;
	unsigned events_kept, audit_days, chat_days, status_days;
	int64_t started_unix_ms, started_ms;
	uint64_t turns_done;
	struct deia_trace_source traces;
	unsigned n_turns, n_changes; /* under way */
	/* Of deia_mail_opts, see reply_guard.c; 0: the default. */
	unsigned max_hops, answers_per_minute, mail_days;
	struct deia__guard *guard;
	struct deia__replier_list repliers;
	struct deia__dialogues *dialogues;
	unsigned n_mail_turns; /* under way, until their mail is settled */
	void (*stop_cb)(void *user);
	void *stop_user;
	bool bots_stopped;
	struct deia__timer retention_timer, last_used_timer, sample_timer;
	struct deia__change *sample_change; /* samples.c: growing, or NULL */
	unsigned sample_round, n_samples;
	struct deia__claim_waits claim_waits; /* oldest first */
	unsigned n_claim_waits;
	struct deia__mail *mail;
	struct deia__hive_cache cache;
	struct deia__nodes *nodes;
	struct deia__scheduling *scheduling;
	struct deia__tasks *tasks;
	struct deia__scaling *scaling;
	struct deia__budgets *budgets;
	struct deia__health *health;
	struct deia__probes *probes;
	struct deia__insight *insight;
	deia_log_cb log;
	void (*log_line)(const struct deia_log_line *line, void *user);
	void *log_user;
};

/* Sets the detail (and clears the field error); returns err. */
deia_err deia__hive_fail(deia_hive *h, deia_err err, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
/* Says what is wrong with which field; returns DEIA_EFIELD. */
deia_err deia__hive_field(deia_hive *h, const char *pointer, const char *fmt,
			  ...) DEIA_PRINTF(3, 4);
void deia__hive_log(deia_hive *h, enum deia_log_level level, const char *fmt,
		    ...) DEIA_PRINTF(3, 4);
/* ---- trace.c ----------------------------------------------------------- */

/* The traceparent of what an actor submits or sends, reply_to (or NULL) being
 * what it answers; "" when it has none. For this call. */
const char *deia__trace_of(deia_hive *h, const struct deia_actor *actor,
			   const char *reply_to);
/* For an actor that nobody gave one. */
void deia__trace_begin(deia_hive *h, struct deia_actor *actor);
/* The member "trace_id", unless there is no traceparent. */
void deia__trace_print(deia_jw *w, const char *traceparent);

/* Called whenever something under way has ended; ends a stop. */
void deia__hive_check_stopped(deia_hive *h);

/* ---- change.c: one durable change -------------------------------------- */

struct deia__change;
#define DEIA__CHANGE_EVENTS 8 /* at most, in one change */
/*
 * seqs: of the rows the caller inserted itself into sequence tables with
 * deia__change_row, in order. Runs on the loop, once.
 */
typedef void (*deia__change_cb)(deia_hive *h, deia_err err, const int64_t *seqs,
				size_t n_seqs, void *arg);
/* NULL: out of memory; all calls below take NULL. */
struct deia__change *deia__change_new(deia_hive *h);
deia_txn *deia__change_txn(struct deia__change *c);
/* Inserts a row of a sequence table; its seq is reported. */
void deia__change_row(struct deia__change *c, const struct deia_table *table,
		      const struct deia_value *row);
/* The same of a chat line. */
void deia__change_line(struct deia__change *c, const struct deia_value *row);
/* Other nodes are told; see nodes.h. */
void deia__change_notify(struct deia__change *c, const char *topic,
			 const char *text);
/* It changes what a conversation's pages show; NULL: of any. */
void deia__change_chat(struct deia__change *c, const char *conversation);
/* An event that is published once the change is durable. data: JSON object. */
void deia__change_event(struct deia__change *c, const char *type,
			const char *subject, const char *data);
void deia__change_audit(struct deia__change *c, const struct deia_actor *actor,
			const char *action, const char *target,
			deia_err outcome);
/* "bot.created" and the like, with who did it. */
void deia__change_bot_event(struct deia__change *c, const char *type,
			    const char *bot, const struct deia_actor *actor);
/* The answer to a request that may be repeated, when it is one. */
void deia__change_replay(struct deia__change *c, const struct deia_actor *actor,
			 enum deia_made made, const void *what);
/* Throws it away, uncommitted. */
void deia__change_drop(struct deia__change *c);
/* What goes into it could not be allocated: its commit will say so. */
void deia__change_no_memory(struct deia__change *c);
/* Hands it over. On an error cb is never called (detail in the hive). */
DEIA_NODISCARD deia_err deia__change_commit(struct deia__change *c,
					    deia_hive *h, deia__change_cb cb,
					    void *arg);

/* ---- events.c ---------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__events_init(deia_hive *h);
void deia__events_fini(deia_hive *h);
/* A committed event: into the ring and to those who listen. */
void deia__events_publish(deia_hive *h, int64_t seq, int64_t at_ms,
			  const char *type, const char *subject,
			  const char *data);

/* Other nodes may have committed newer ones: they are looked for. */
void deia__events_look(deia_hive *h);

/* The newest event that must go so that the store holds no more than so many
 * bytes of what was published since the start; 0: none must. */
int64_t deia__events_over(const deia_hive *h, uint64_t max_bytes);

/* ---- store_say.c ------------------------------------------------------- */

/* Of a look at the store each second. */
void deia__store_say(deia_hive *h, const struct deia_store_stats *st);

/* ---- read.c ------------------------------------------------------------ */

/* Says that the store cannot be read, and returns err. */
deia_err deia__hive_unreadable(deia_hive *h, deia_err err);
/* How many things somebody wants on a page: EINVAL. */
DEIA_NODISCARD deia_err deia__hive_check_limit(deia_hive *h, unsigned limit);
/* Asks for a page. asker: what cb gets, and frees; of deia__alloc (NULL: ENOMEM).
 * On an error it is freed here. */
DEIA_NODISCARD deia_err deia__hive_page(deia_hive *h,
					const struct deia_page_query *q,
					deia_page_cb cb, void *asker);
/* The same of a sequence table, newest first, from before the number `before`
 * (0: from the newest); limit is checked here. */
DEIA_NODISCARD deia_err deia__hive_page_back(deia_hive *h,
					     const struct deia_table *table,
					     int64_t before, unsigned limit,
					     deia_page_cb cb, void *asker);
/* Calls fn for every row of a query, page by page, before the loop runs. Ends
 * with the first error of fn. */
DEIA_NODISCARD deia_err deia__hive_each_row(
	deia_hive *h, const struct deia_page_query *q,
	deia_err (*fn)(deia_hive *h, const deia_rows *rows, size_t r));

/* The oldest or the newest number in a sequence table, 0: it is empty (blocks). */
DEIA_NODISCARD deia_err deia__hive_edge_seq(deia_hive *h,
					    const struct deia_table *table,
					    bool newest, int64_t *seq);

/* ---- load.c ------------------------------------------------------------ */

DEIA_NODISCARD deia_err deia__hive_load(deia_hive *h, const char *token_file);
/* A row of tokens into memory, or what is known of it follows the row. */
DEIA_NODISCARD deia_err deia__token_load(deia_hive *h, const deia_rows *rows,
					 size_t r);

/* ---- bots.c ------------------------------------------------------------ */

struct deia__hbot *deia__hbot_get(const deia_hive *h, const char *id);
/* Says that there is none; returns DEIA_ENOTFOUND. */
deia_err deia__no_bot(deia_hive *h, const char *id);
/* A bot that calls may act on, or NULL with the error said. */
struct deia__hbot *deia__hbot_find(deia_hive *h, const char *id);
/* bot_acts.c: a bot that is being removed has no process any more. */
void deia__hbot_stopped_for_removal(deia_hive *h, struct deia__hbot *b);
/* The hive is freed: who waits for a removal is told so. */
void deia__removal_abandon(deia_hive *h, struct deia__hbot *b);
/* Adds it to the hash; NULL: out of memory. */
struct deia__hbot *deia__hbot_add(deia_hive *h, const char *id,
				  int64_t created_ms, enum deia__wish wish);
void deia__hbot_drop(deia_hive *h, struct deia__hbot *b);
void deia__bots_on_state(const struct deia_bot_info *info, deia_bot_state from,
			 void *user);
void deia__bots_on_env(const char *bot,
		       void (*add)(void *ctx, const char *name,
				   const char *value),
		       void *ctx, void *user);
void deia__bots_on_line(const char *bot, const char *type,
			const struct cJSON *json, void *user);

/* ---- bot_rules.c ------------------------------------------------------- */

/* EFIELD, EDENIED, ENOMEM; update: ENOTFOUND as well. */
DEIA_NODISCARD deia_err deia__bot_may_create(deia_hive *h,
					     const struct deia_actor *actor,
					     const struct deia_bot_spec *spec);
DEIA_NODISCARD deia_err deia__bot_may_update(deia_hive *h,
					     const struct deia_actor *actor,
					     const struct deia_bot_spec *spec);

/* ---- bot_acts.c -------------------------------------------------------- */

/* Whether it makes sense now: ENOTFOUND, ESTATE. */
DEIA_NODISCARD deia_err deia__act_check(deia_hive *h, const char *id,
					deia_bot_action action);
/* Puts the wish and who has it into a change. */
void deia__act_record(struct deia__change *c, const struct deia_actor *actor,
		      const char *id, deia_bot_action action);
/* The change is on its way: the wish counts from now on. */
void deia__act_wish(deia_hive *h, const char *id, deia_bot_action action);
/* Does it, once the wish is durable. */
DEIA_NODISCARD deia_err deia__act_perform(deia_hive *h, const char *id,
					  deia_bot_action action);

/* ---- history.c --------------------------------------------------------- */

/* Its process ended with this move. */
bool deia__history_is_death(const struct deia_bot_info *info,
			    deia_bot_state from);
/* Whether a move is kept. */
bool deia__history_wants(deia_bot_state from, deia_bot_state to);
void deia__history_add(deia_hive *h, struct deia__change *c,
		       struct deia__hbot *b, const struct deia_bot_info *info,
		       deia_bot_state from);
void deia__history_purge(struct deia__change *c, const char *bot);
/* Where it stands, while the hive is opened (blocks). */
DEIA_NODISCARD deia_err deia__history_load(deia_hive *h, struct deia__hbot *b);
/* Its newest row; bot lives as long as the query. */
struct deia_page_query deia__history_newest(const struct deia_value *bot);
/* The same for one that is made: cb gets the newest row, if there is any. */
DEIA_NODISCARD deia_err deia__history_find(deia_hive *h, const char *bot,
					   deia_page_cb cb, void *user);

/* ---- samples.c --------------------------------------------------------- */

void deia__samples_start(deia_hive *h);
void deia__samples_stop(deia_hive *h);
/* One of each bot that lives, now; the timer does it every minute. */
deia_err deia__samples_take(deia_hive *h);
void deia__samples_purge(struct deia__change *c, const char *bot);

/* ---- external.c -------------------------------------------------------- */

void deia__bots_on_claimable(const char *bot, void *user);
/* Whoever waits for turns of this bot (NULL: of any) waits in vain. */
void deia__claims_end(deia_hive *h, const char *bot);
/* As does whoever waits with a token that was revoked or ran out. */
void deia__claims_end_refused(deia_hive *h);

/* ---- access.c ---------------------------------------------------------- */

struct deia__external_token {
	char secret[DEIA_TOKEN_LEN + 1];
	struct deia__token token; /* name NULL */
};

/* The row of a token; text borrowed from it. */
void deia__token_row(struct deia_value *row, const struct deia__token *token);
/*
 * A durable token for the program of an external bot: its row goes into c. It
 * counts once deia__external_token_add was called after the commit.
 */
bool deia__external_token(struct deia__change *c, const char *bot,
			  struct deia__external_token *token);
deia_err deia__external_token_add(deia_hive *h, const char *bot,
				  const struct deia__external_token *token);
/* The bot is removed: so are its durable tokens, from the store with c, from
 * memory once that is durable. */
void deia__external_tokens_delete(deia_hive *h, struct deia__change *c,
				  const char *bot);
void deia__external_tokens_forget(deia_hive *h, const char *bot);
/* A fresh token for a bot's process, in memory only; token: 64 bytes. */
bool deia__bot_token(deia_hive *h, struct deia__hbot *b, char *token);
void deia__access_timers(deia_hive *h);

/* ---- audit.c ----------------------------------------------------------- */

/* The row of a kept answer; text borrowed. */
void deia__replay_row(struct deia_value *row, const struct deia_replay *r,
		      int status, const char *body);
/* A copy of a committed entry, for log shippers. */
void deia__audit_journal(deia_hive *h, int64_t at_ms,
			 const struct deia_actor *actor, const char *action,
			 const char *target, deia_err outcome);

/* ---- conversations.c --------------------------------------------------- */

/*
 * Finds a conversation of a bot: id NULL means the first one, which is made
 * when there is none and make is set. cb runs once, later. err: ENOTFOUND.
 */
typedef void (*deia__resolve_cb)(deia_hive *h, deia_err err,
				 const char *conversation, void *arg);
DEIA_NODISCARD deia_err deia__conversation_resolve(deia_hive *h,
						   const char *bot,
						   const char *id, bool make,
						   deia__resolve_cb cb,
						   void *arg);
deia_err deia__title_check(deia_hive *h, const char *title);
void deia__conversation_row(struct deia_value *row,
			    const struct deia_conversation *c);

/* ---- lines.c ----------------------------------------------------------- */

/* Fills a line from a row of chat_lines; text borrowed from it. */
void deia__line_from_row(struct deia_chat_line *line, const deia_rows *rows,
			 size_t r);
/* The row of a line that is inserted; text borrowed from it. */
void deia__line_row(struct deia_value *row, const struct deia_chat_line *line);
/* An event about a line (without its content). */
void deia__line_event(struct deia__change *c, const char *type,
		      const struct deia_chat_line *line);

/* ---- chat_edit.c ------------------------------------------------------- */

/* Whether a line's details are a JSON object of the size they may have. */
bool deia__details_ok(const char *text);

/* ---- pages.c ----------------------------------------------------------- */

/* A page of lines as bytes for the cache. False: it is not to be kept. */
bool deia__page_pack(struct deia__buf *out, const struct deia_chat_line *lines,
		     size_t n, bool more);
/*
 * The other way, with everything checked: what a cache says may be anything.
 * *lines is the caller's (deia__free), its texts point into data. False: it is
 * no page of this conversation, or memory ran out.
 */
bool deia__page_unpack(struct deia_chat_line **lines, size_t *n, bool *more,
		       const void *data, size_t len, const char *bot,
		       const char *conversation);

/* ---- cache.c ----------------------------------------------------------- */

DEIA_NODISCARD deia_err deia__cache_open(deia_hive *h,
					 const struct deia_hive_opts *o,
					 char *detail, size_t detail_len);
/* Calls what is due. */
void deia__cache_close(deia_hive *h);
void deia__cache_start(deia_hive *h);
/* The store changed what the pages of a conversation (NULL: of any) show. */
void deia__cache_chat_changed(deia_hive *h, const char *conversation);
void deia__cache_event(deia_hive *h, const struct deia_event *ev);
void deia__cache_bot_state(deia_hive *h, const char *bot);
/* A wrong sign-in code came from there; or a right one. */
void deia__cache_login_tried(deia_hive *h, const char *address, bool right);

/* ---- turn.c ------------------------------------------------------------ */

/* Ends every turn at once when the hive is freed. */
void deia__turns_abandon(deia_hive *h);
void deia__turns_cancel_all(deia_hive *h);
void deia__turns_cancel_bot(struct deia__hbot *b);
/* The turn whose question has this id; NULL when it has ended. */
struct deia_chat_turn *deia__turn_of(const struct deia__hbot *b,
				     const char *line);
bool deia__conversation_is_busy(const struct deia__hbot *b,
				const char *conversation);

/* ---- retention.c ------------------------------------------------------- */

void deia__retention_start(deia_hive *h);
void deia__retention_stop(deia_hive *h);
/* What the timer does. */
void deia__retention_step(deia_hive *h);

#endif
