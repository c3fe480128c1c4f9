/* SPDX-License-Identifier: MIT */
/*
 * trial.h - a trial's inside, shared by trial*.c.
 *
 *   trial.c         the public call: the list of checks, what was found
 *   life.c    one process: launch, its lines, waiting, its end
 *   checks.c  the checks themselves, as straight code on life.c
 *   ends.c    the checks that end the process
 *
 * A trial runs the program as often as needed: a check that finds no live
 * process launches a new one. What is wrong with single lines is collected
 * over all lives (struct deia__trial_wrongs) and told at the end, once for
 * each kind.
 */
#ifndef DEIA_BOT_TRIAL_H
#define DEIA_BOT_TRIAL_H

#include <event2/event_struct.h>

#include <deia/bot.h>
#include <deia/limits.h>
#include <deia/trial.h>

#include "process/env.h"
#include "process/proc.h"
#include "core/json.h"

/* Turns that one process is given at most. */
#define DEIA__TRIAL_TURNS 32
/* Kinds of wrong lines that are told. */
#define DEIA__TRIAL_WRONGS 5
#define DEIA__TRIAL_TEXT_BYTES 512
/* Of a wrong line, this much is shown. */
#define DEIA__TRIAL_SHOWN_BYTES 240
/* How long a program may take to end when it is asked to. */
#define DEIA__TRIAL_GRACE_MS 5000

struct deia__trial_turn {
	char id[37];
	bool ended, failed; /* failed: by an error line */
	char code[DEIA_MAX_ID_LEN + 1], message[200];
	char shown[64]; /* the beginning of its answer */
	unsigned n_chunks;
	size_t answer_bytes;
	int64_t sent_ms, first_ms, ended_ms;
	unsigned ended_at; /* the count of lines when it ended */
};

/* Something wrong with a line, kept for the end. */
struct deia__trial_wrong {
	char why[DEIA__TRIAL_TEXT_BYTES];
	const char *advice;
	char line[DEIA__TRIAL_SHOWN_BYTES];
	size_t line_len;
};

struct deia__trial_wrongs {
	unsigned n, n_kept;
	struct deia__trial_wrong kept[DEIA__TRIAL_WRONGS];
};

struct deia__trial {
	struct deia_trial_opts opts;
	struct event_base *base;
	struct deia__proc_env env;
	struct deia__env vars;
	struct event ev_late;
	bool late;

	/* this process */
	struct deia__proc *proc;
	bool started, ended;
	int stopped_by; /* the signal that holds it, or 0 */
	struct deia__proc_end end;
	int64_t pid, launched_ms, ready_ms;
	unsigned n_ready, max_concurrent, n_lines;
	const char *broken; /* what it closed, or NULL */
	int64_t ping_n;	    /* of the last ping */
	int64_t pong_n, pong_ms;
	unsigned pong_at; /* the count of lines at that pong */
	struct deia__trial_turn turns[DEIA__TRIAL_TURNS];
	unsigned n_turns;
	char last_err[160];
	bool says_mail, stray_word;
	char mail_id[37];      /* of the message it has, or had */
	const char *mail_word; /* what it said of it: "ack", "nack"; or NULL */

	/* all of them */
	struct deia__trial_wrongs lines, about_turns;
	unsigned n_lives, n_err_lines;
	uint64_t all_lines;
	bool no_memory;

	/* the running check; NULL as its name: nothing was said yet */
	const char *check;
	int64_t check_began_ms;
	bool told, ping_ok;
	struct deia_trial_result result;
};

/* ---- trial.c: what the running check found; the first one counts ---------- */
void deia__trial_tell(struct deia__trial *t, deia_trial_verdict verdict,
		      const char *advice, const char *fmt, ...)
	DEIA_PRINTF(4, 5);
int64_t deia__trial_now(const struct deia__trial *t);

/* ---- life.c ------------------------------------------------------------ */
/* Launches and says init. False: told why. */
bool deia__trial_launch(struct deia__trial *t);
/* A process that is ready, a new one if need be. False: told why. */
bool deia__trial_need(struct deia__trial *t);
/* Ends the process, if there is one, at once. */
void deia__trial_close(struct deia__trial *t);
/* Runs the loop until holds(t, arg), the process ends or time is over. */
bool deia__trial_wait(struct deia__trial *t,
		      bool (*holds)(const struct deia__trial *t,
				    const void *arg),
		      const void *arg, int64_t ms);
int64_t deia__trial_timeout_ms(const struct deia__trial *t);
bool deia__trial_has_ended(const struct deia__trial *t, const void *unused);
/* Writes any bytes as a line. */
void deia__trial_say(struct deia__trial *t, const char *line, size_t len);
/* Asks; extra: more members of the task, `,"name":value`, or NULL. */
struct deia__trial_turn *deia__trial_ask(
	struct deia__trial *t, const char *content,
	const struct deia_history_item *history, size_t n_history,
	const char *extra);
/* True when the turn ended in time. Else told why. */
bool deia__trial_answered(struct deia__trial *t,
			  const struct deia__trial_turn *turn);
/* True when the last ping was answered, else false; tells nothing. */
bool deia__trial_ping(struct deia__trial *t, int64_t wait_ms);
void deia__trial_send_ping(struct deia__trial *t);
bool deia__trial_has_pong(const struct deia__trial *t, const void *unused);
bool deia__trial_turn_ended(const struct deia__trial *t, const void *turn);
/* How the process ended, in words. */
void deia__trial_describe_end(const struct deia__trial *t, char *out,
			      size_t size);
/* Tells why something did not come: it ended, broke, or is silent. what:
 * "ready line", "answer". */
void deia__trial_tell_missing(struct deia__trial *t, const char *what,
			      bool (*holds)(const struct deia__trial *t,
					    const void *arg),
			      const void *arg);

/* ---- mail.c ------------------------------------------------------------- */
struct deia__say;
void deia__trial_note_mail(struct deia__trial *t,
			   const struct deia__say *ready);
void deia__trial_heed_mail(struct deia__trial *t, const struct deia__say *say);

/* ---- the checks; each tells at most once, nothing told is ok -------------- */
void deia__trial_check_start(struct deia__trial *t);
void deia__trial_check_ready(struct deia__trial *t);
void deia__trial_check_ping(struct deia__trial *t);
void deia__trial_check_task(struct deia__trial *t);
void deia__trial_check_history(struct deia__trial *t);
void deia__trial_check_text(struct deia__trial *t);
void deia__trial_check_large(struct deia__trial *t);
void deia__trial_check_session(struct deia__trial *t);
void deia__trial_check_unknown(struct deia__trial *t);
void deia__trial_check_several(struct deia__trial *t);
void deia__trial_check_busy_ping(struct deia__trial *t);
void deia__trial_check_interrupt(struct deia__trial *t);
void deia__trial_check_mail(struct deia__trial *t);
void deia__trial_check_garbage(struct deia__trial *t);
void deia__trial_check_shutdown(struct deia__trial *t);
void deia__trial_check_end_of_input(struct deia__trial *t);
void deia__trial_check_lines(struct deia__trial *t);
void deia__trial_check_turns(struct deia__trial *t);

#endif
