/* SPDX-License-Identifier: MIT */
/*
 * priv.h - a supervisor, its bots and their turns, as the files here share
 * them.
 *
 *   bots.c   public calls: find the bot, check the state, begin the action
 *   look.c   public calls that only look
 *   bot.c    one bot: the object, its states, its stop
 *   start.c  how its process starts
 *   death.c  how that ends, and what follows
 *   watch.c  whether it answers, goes on, keeps within its memory
 *   order.c  what a start waits for, and who stops first
 *   end.c    why a process ended, in words
 *   talk.c   what a bot says: lines, faults
 *   botlog.c its log
 *   turns.c  admission, hand-over and end of turns
 *   external.c  bots without a process here: signs of life
 *   claims.c    their turns: leases and tokens
 *   caps.c      what a bot can do
 *   workdir.c  the folder it works in
 *   notes.c  callbacks, delivered later and in order
 *
 * A bot is freed when it was removed and no note about it is left (refs). It
 * has a process (proc) from its launch until `ended`, and is never removed
 * meanwhile; so a callback may do anything to the bot it is about.
 */
#ifndef DEIA_BOT_PRIV_H
#define DEIA_BOT_PRIV_H

#include <sys/queue.h>

#include <event2/event_struct.h>

#include <deia/bot.h>
#include <deia/trace.h>
#include <deia/limits.h>
#include <deia/sys/json.h>

#include "process/proc.h"
#include "bot/restart.h"
#include "core/buf.h"
#include "core/errmsg.h"
#include "core/id.h"
#include "core/logfile.h"
#include "core/timer.h"

#define DEIA__STDERR_LINES 20
#define DEIA__STDERR_LINE_BYTES 1024
#define DEIA__REASON_BYTES 512
#define DEIA__STATUS_BYTES 256
#define DEIA__ABANDONED 32
#define DEIA__MAX_LIMITS 8
/* What had to be done while this machine slept may still be done so long. */
#define DEIA__WAKE_GRACE_MS 30000

struct deia__bot;
struct deia__caps;

/* ---- notes ------------------------------------------------------------------ */

enum deia__note_kind {
	DEIA__NOTE_STATE,
	DEIA__NOTE_START,
	DEIA__NOTE_DONE,
	DEIA__NOTE_CLAIMABLE,
	DEIA__NOTE_ALL_STOPPED
};

struct deia__note {
	TAILQ_ENTRY(deia__note) link;
	enum deia__note_kind kind;
	bool queued;
};

TAILQ_HEAD(deia__notes, deia__note);

/* A state change as it was when it happened. */
struct deia__state_note {
	struct deia__note note;
	struct deia__bot *bot; /* holds a reference */
	deia_bot_state from;
	struct deia_bot_info info; /* its text is reason, status */
	char reason[DEIA__REASON_BYTES], status[DEIA__STATUS_BYTES];
};

/* ---- turns ------------------------------------------------------------------ */

enum deia__turn_phase {
	DEIA__TURN_WAITING,
	DEIA__TURN_RUNNING,
	DEIA__TURN_ENDING, /* interrupted; end_err says why */
	DEIA__TURN_ENDED   /* only its note is left */
};

struct deia__claimed;

struct deia_work {
	TAILQ_ENTRY(deia_work) link;
	struct deia__bot *bot; /* NULL once ended */
	struct deia_work_events events;
	void *user;
	char id[DEIA_MAX_ID_LEN + 1];
	char traceparent[DEIA_TRACEPARENT_LEN + 1];
	deia_work_kind kind;
	enum deia__turn_phase phase;
	char *line; /* the task line, until the hand-over */
	size_t line_len;
	unsigned timeout_seconds;
	int64_t queued_at_ms, started_at_ms;
	int64_t said_at_ms; /* its first output; 0: none yet */
	struct deia__timer timer;
	struct deia__buf answer;
	size_t other_bytes; /* of channels other than the answer */
	deia_err end_err;   /* while ENDING */
	char *end_message;
	struct deia_work_result result;
	char *code, *message, *session, *details;
	struct deia__claimed *claimed; /* of an external bot, once claimed */
	struct deia__note start_note, done_note;
};
TAILQ_HEAD(deia__works, deia_work);

/* ---- bots ------------------------------------------------------------------- */

enum deia__stop_step {
	DEIA__STOP_NONE,
	DEIA__STOP_ASKED, /* the shutdown line is out */
	DEIA__STOP_TERM,
	DEIA__STOP_KILL
};

/* A line of standard error; raw: not escaped yet. */
struct deia__err_line {
	char *text;
	unsigned len, cap;
	bool raw;
};

struct deia__botlog {
	struct deia__logfile *file;	       /* NULL: not opened yet */
	int64_t room, refilled_ms;	       /* bytes that may be written */
	uint64_t dropped_lines, dropped_bytes; /* since there was none */
	struct deia__err_line last[DEIA__STDERR_LINES]; /* ring */
	unsigned next;
};

struct deia__watch {
	struct deia__timer timer;
	int64_t heard_ms; /* the last line */
	bool asked;	  /* and nothing was heard since */
	int64_t asked_ms, n, answered;
	bool asked_in_turn; /* a simple bot answers when that has ended */
	uint64_t turns_then;
	bool answers_in_turn; /* it has answered a ping while it worked */
	char stopped_text[32];
	int64_t over_since_ms; /* its memory limit; 0: below */
	struct deia_bot_limit limits[DEIA__MAX_LIMITS];
	char refused[DEIA__MAX_LIMITS][64]; /* why, as limits[].how */
};

TAILQ_HEAD(deia__bot_list, deia__bot);

struct deia__bot {
	struct deia_bots *bots;
	struct deia_bot_spec *spec;
	/* Of the running process: spec, or an older one; NULL: none. */
	struct deia_bot_spec *started_spec;
	struct deia_bot_info info;
	struct deia_bot_counts counts;
	unsigned refs;	 /* the table's, and one for each note */
	unsigned n_owed; /* state notes that are not delivered yet */
	bool removed;
	char reason[DEIA__REASON_BYTES];
	char status[DEIA__STATUS_BYTES];
	struct deia__proc *proc;
	/* Set when the supervisor decided to end it: the reason of the death. */
	char kill_reason[DEIA__REASON_BYTES];
	enum deia__stop_step stop_step;
	bool start_after_stop;
	bool launch_queued;
	TAILQ_ENTRY(deia__bot) launch_link;
	struct deia__timer timer; /* ready timeout, stop step or backoff */
	struct deia__timer status_timer;
	bool status_dirty;
	struct deia__restart_history history;
	int64_t ready_at_ms;	       /* loop's clock; 0 not ready */
	struct deia__works waiting[2]; /* by deia_work_kind */
	struct deia__works running;
	/* Turns that were ended here while the bot may still answer them. */
	char (*abandoned)[DEIA_MAX_ID_LEN + 1];
	unsigned abandoned_next;
	int64_t faults_since_ms;
	unsigned faults_now;
	struct deia__note claim_note; /* holds a reference while queued */
	int64_t seen_ms;	      /* external: the last sign of life */
	bool was_paused; /* before it died or was offline: will be again */
	struct deia__caps *caps; /* what it said itself, or NULL */
	struct deia__botlog log;
	bool delete_log; /* with the bot */
	struct deia__watch watch;
	uint64_t turns_ended;
	int64_t abandoned_ms; /* the last turn that ended without its line */
	char exit_reason[DEIA__REASON_BYTES];
	bool has_run; /* since it was last started by hand */
	/* While it starts: what it waits for; NULL: a bot that does not exist. */
	bool waits;
	struct deia__bot *waits_for;
	TAILQ_ENTRY(deia__bot) wait_link;
	struct deia__bot_list waiters; /* for this one */
	uint64_t mark;		       /* of the search it was last seen in */
	struct deia__bot *via;	       /* how that came here */
	TAILQ_ENTRY(deia__bot) mark_link;
};

struct deia_bots {
	struct deia_bots_opts opts;
	char *guard_program, *bot_program, *log_dir, *work_dir;
	struct deia__proc_env env;
	struct deia__rng rng;
	struct deia__logs *logs;
	struct deia__errmsg errmsg;
	struct deia__bot **bots; /* in order of id */
	size_t n_bots, cap_bots;
	unsigned counts[DEIA_BOT_STATES];
	struct deia_histogram waits[DEIA_WORK_KINDS]; /* of turns */
	size_t n_procs;
	struct deia__bot_list launches;
	struct deia__bot_list orphans; /* wait for bots that do not exist */
	uint64_t mark;
	bool stops_left; /* of stop_all: others must end first */
	struct event launch_event, notes_event;
	struct deia__notes notes;
	bool dispatching;
	void (*all_stopped)(void *user);
	void *all_stopped_user;
	struct deia__note all_stopped_note;
};

/* notes.c */
void deia__notes_init(struct deia_bots *bots);
void deia__notes_add(struct deia_bots *bots, struct deia__note *note);
/* Reports a state change; from == now: only its reason or status changed. */
void deia__notes_add_state(struct deia__bot *bot, deia_bot_state from);
/* Tells that an external bot has something to claim. */
void deia__notes_add_claimable(struct deia__bot *bot);
/* Delivers what is queued; only called from the loop. */
void deia__notes_dispatch(struct deia_bots *bots);
/* Forgets all that is queued. */
void deia__notes_drop(struct deia_bots *bots);

/* bot.c */
deia_err deia__bot_new(struct deia__bot **out, struct deia_bots *bots,
		       const struct deia_bot_spec *spec);
void deia__bot_unref(struct deia__bot *bot);
/* Moves it to a state, which the table must allow. */
void deia__bot_move(struct deia__bot *bot, deia_bot_state to, const char *fmt,
		    ...) DEIA_PRINTF(3, 4);
/* Another reason in the same state. */
void deia__bot_explain(struct deia__bot *bot, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
void deia__bot_stop(struct deia__bot *bot);
/* It has ended as it was asked to. */
void deia__bot_stopped(struct deia__bot *bot, const char *why);
/* The ready line came. */
void deia__bot_ready(struct deia__bot *bot, unsigned max_concurrent);
/* READY or BUSY, as its turns say. */
void deia__bot_update(struct deia__bot *bot);
/* It is about to have a process, has one, or is an external one at work. */
bool deia__bot_is_live(const struct deia__bot *bot);
bool deia__bot_is_external(const struct deia__bot *bot);
void deia__bot_set_timer(struct deia__bot *bot, int64_t delay_ms);
void deia__bot_clear_timer(struct deia__bot *bot);
void deia__bot_clear_timers(struct deia__bot *bot);
int64_t deia__bot_now_ms(const struct deia__bot *bot);
int64_t deia__bot_wall_ms(const struct deia__bot *bot);
/* A timer of its that fires now should have done so long ago: this machine has
 * slept, and nobody could do anything in time. */
bool deia__bot_slept(const struct deia__bot *bot,
		     const struct deia__timer *timer);
/* Tells the one who waits for stop_all, when nothing is left. */
void deia__bots_check_stopped(struct deia_bots *bots);

/* start.c */
/* STARTING, and off as soon as what it depends on is there. */
void deia__bot_start(struct deia__bot *bot);
void deia__start_queue(struct deia__bot *bot);
/* Takes back a start that has not begun; false: there is none. */
bool deia__start_cancel(struct deia__bot *bot);
void deia__start_next(struct deia_bots *bots);

/* death.c */
/* Ends its process as a crash. */
void deia__bot_crash(struct deia__bot *bot, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
/* What follows a death that nobody asked for. */
void deia__bot_died(struct deia__bot *bot, bool clean, bool hopeless,
		    const char *why);
void deia__bot_ended(void *arg, const struct deia__proc_end *end);
/* What was true of the process that has ended. */
void deia__bot_forget_run(struct deia__bot *bot);
/* Sets when a failed bot starts anew, as its spec says. */
void deia__bot_retry_later(struct deia__bot *bot);

/* watch.c */
void deia__watch_init(struct deia__bot *bot);
/* A new process; it is ready; it is to end; it has ended. */
void deia__watch_begin(struct deia__bot *bot);
void deia__watch_ready(struct deia__bot *bot);
void deia__watch_end(struct deia__bot *bot);
void deia__watch_forget(struct deia__bot *bot);
/* Its specification has changed. */
void deia__watch_refresh(struct deia__bot *bot);
/* A line came; it was a pong. */
void deia__watch_heard(struct deia__bot *bot);
void deia__watch_pong(struct deia__bot *bot, int64_t n);
/* "stopped by SIGSTOP", or "". */
const char *deia__watch_stopped(const struct deia__bot *bot);
/* deia__proc_ops of these names */
void deia__watch_applied(void *arg, const char *name, unsigned value,
			 const char *how);
void deia__watch_refused(void *arg, const char *name, int error);
void deia__watch_stopped_by(void *arg, int signal);
void deia__watch_continued(void *arg);
void deia__watch_usage(void *arg, int64_t bytes, unsigned processes);

/* order.c */
/* DEIA_EFIELD: it would make a cycle, which errmsg names. */
DEIA_NODISCARD deia_err deia__order_check(struct deia_bots *bots,
					  const struct deia_bot_spec *spec);
/* True: it waits now, and is started when it need not any more. */
bool deia__order_wait(struct deia__bot *bot);
/* False: it did not wait. */
bool deia__order_forget(struct deia__bot *bot);
/* It waits for one that is not on its way: missing, stopped, failed. */
bool deia__order_is_blocked(const struct deia__bot *bot);
/* Looks again whether one that waits must. */
void deia__order_look(struct deia__bot *bot);
/* One came into another state; one was added; one was removed. */
void deia__order_moved(struct deia__bot *bot);
void deia__order_added(struct deia_bots *bots);
void deia__order_removed(struct deia__bot *bot);
/* Stops what nothing that lives depends on; stops_left: there is more. */
void deia__order_stop_some(struct deia_bots *bots);

/* end.c */
/* Why the process ended, in one line. */
void deia__end_describe(struct deia__bot *bot, const struct deia__proc_end *end,
			char *why, size_t size);
/* That cannot get better by itself: no program, no folder. */
bool deia__end_is_hopeless(const struct deia__bot *bot,
			   const struct deia__proc_end *end);

/* workdir.c: the folder of a bot that was given none */
/* False: it has one of its own, or needs none. */
bool deia__workdir_path(const struct deia__bot *bot, char *out, size_t size);
void deia__workdir_make(const struct deia__bot *bot);

/* talk.c, botlog.c: what the process says; deia__proc_ops of these names */
void deia__talk_line(void *arg, const char *text, size_t len);
void deia__talk_err_line(void *arg, const char *text, size_t len);
void deia__talk_forget(struct deia__bot *bot);
/* The latest lines of stderr, oldest first; they live until the next one. */
size_t deia__talk_last_errs(struct deia__bot *bot, const char **lines,
			    size_t max);
/* The latest line of stderr, or NULL. */
const char *deia__talk_last_err(struct deia__bot *bot);
void deia__talk_status(struct deia__bot *bot, const char *text);
/* Tells that status or reason have changed: at once, or a little later when a
 * bot does that all the time. */
void deia__talk_report(struct deia__bot *bot);
/* A line of the log; tag: where it comes from. */
void deia__log_line(struct deia__bot *bot, const char *tag, const char *text,
		    size_t len);
/* False: there are no logs, or no memory. */
bool deia__log_open(struct deia__bot *bot);
void deia__log_close(struct deia__bot *bot);
/* A line of the supervisor's own in the bot's log. */
void deia__talk_log(struct deia__bot *bot, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

/* turns.c */
deia_err deia__turn_submit(struct deia__bot *bot,
			   const struct deia_work_spec *spec,
			   const struct deia_work_events *events, void *user,
			   deia_work **out);
/* Hands over what can run now. */
void deia__turns_pump(struct deia__bot *bot);
/* Ends all running (and waiting) turns. */
void deia__turns_end_running(struct deia__bot *bot, deia_err err,
			     const char *message);
void deia__turns_end_waiting(struct deia__bot *bot, deia_err err,
			     const char *message);
/* Asks the bot to end running turns: all, or the one. False: no such one. */
bool deia__turns_interrupt(struct deia__bot *bot, const char *id, deia_err err,
			   const char *message);
/* Ends one; message is copied. Its bot's state is brought up to date by
 * deia__turns_pump. */
void deia__turn_finish(deia_work *w, deia_err err, const char *message);
/* The next one to be handed over, or NULL. */
deia_work *deia__turn_next(struct deia__bot *bot);
/* Waiting -> running, and back to the head of the queue. */
void deia__turn_take(deia_work *w);
void deia__turn_put_back(deia_work *w);
struct deia__say;
/* A chunk, done or error line. False: there is no such turn. */
bool deia__turns_say(struct deia__bot *bot, const struct deia__say *say);
void deia__work_free(deia_work *w);

/* bots.c */
/* Where id is, or belongs. */
size_t deia__bots_position(const struct deia_bots *bots, const char *id,
			   bool *found);
struct deia__bot *deia__bots_find(const struct deia_bots *bots, const char *id);
/* Has launches, and stops in order, looked at soon. */
void deia__bots_wake(struct deia_bots *bots);
/* The bot's info with its text filled in. */
void deia__bots_fill_info(const struct deia__bot *bot,
			  struct deia_bot_info *info);
/* Finds it, or says that there is none. */
deia_err deia__bots_need(struct deia_bots *bots, const char *id,
			 struct deia__bot **bot);

/* caps.c */
/* The bot's own words: kept until they are said anew, or forgotten. */
deia_err deia__caps_said(struct deia__bot *bot, const char *const *list,
			 size_t n);
void deia__caps_forget(struct deia__bot *bot);
/* Its specification has changed. */
void deia__caps_refresh(struct deia__bot *bot);

/* external.c */
/* Finds one that is external and not stopped, or says why not. */
deia_err deia__external_need(struct deia_bots *bots, const char *id,
			     struct deia__bot **bot);
/* Begins its life: ready. */
void deia__external_begin(struct deia__bot *bot);
/* The timer of one that is ready, busy or paused. */
void deia__external_tick(struct deia__bot *bot);
/* A sign of life. */
void deia__external_touch(struct deia__bot *bot);

/* claims.c */
/* The timer of a claimed turn: its lease or its time is over. */
void deia__claim_tick(deia_work *w);
void deia__claimed_free(struct deia__claimed *c);

#endif
