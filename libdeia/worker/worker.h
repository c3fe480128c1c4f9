/* SPDX-License-Identifier: MIT */
/* worker.h - the worker's inside, shared by worker*.c and turn.c. */
#ifndef DEIA_WORKER_WORKER_H
#define DEIA_WORKER_WORKER_H

#include <deia/limits.h>
#include <deia/worker.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "worker/lines.h"
#include "core/json.h"

/* A turn's channels, in the order of the names in turn.c. */
enum { CHANNEL_ANSWER, CHANNEL_THINKING, CHANNEL_TOOL, CHANNELS };

#define DEIA__STATUS_BYTES 200u

struct deia_turn {
	TAILQ_ENTRY(deia_turn) link;
	deia_worker *w;
	cJSON *json; /* the task line; info points into it */
	struct deia_turn_info info;
	struct deia_turn_history *history;
	void *user;
	char *session; /* to be kept, or NULL */
	char *details; /* JSON, or NULL */
	bool shown;    /* a chunk went out */
	struct {
		char bytes[4]; /* the cut beginning of a UTF-8 sequence */
		unsigned len;
	} held[CHANNELS];
};

TAILQ_HEAD(deia__turns, deia_turn);

struct deia_worker {
	struct event_base *base;
	bool own_base;
	struct deia_worker_ops ops;
	void *user;

	/* stdin */
	struct deia__lines in;
	struct event ev_in;
	bool in_always; /* a file: epoll cannot watch it, read each turn */
	bool in_paused;
	unsigned faults; /* since fault_since_ms */
	int64_t fault_since_ms;

	/* stdout */
	struct deia__buf out;
	deia_jw jw;
	struct event ev_out, ev_flush;
	int out_flags; /* to be put back; -1: unchanged */
	bool out_is_socket, out_broken, full;

	cJSON *init; /* the init line */
	const char *bot;
	char status[DEIA__STATUS_BYTES + 1];
	struct deia__turns turns;
	unsigned n_turns;

	struct event ev_end;
	deia_err err;
	bool ending, ended, finished;
};

/* Ends the worker from the loop, never inside this call; the first err stays. */
void deia__worker_end(deia_worker *w, deia_err err);

/* ---- in.c: the hive's lines ------------------------------------ */
DEIA_NODISCARD deia_err deia__worker_in_open(deia_worker *w);
void deia__worker_in_close(deia_worker *w);
/* Stops or goes on reading stdin. */
void deia__worker_in_pause(deia_worker *w, bool pause);

/* ---- out.c: lines to the hive ---------------------------------- */
DEIA_NODISCARD deia_err deia__worker_out_open(deia_worker *w);
void deia__worker_out_close(deia_worker *w);
/* Opens an object with its type in w->jw; print members, then end it. */
deia_jw *deia__worker_begin(deia_worker *w, const char *type);
void deia__worker_finish(deia_worker *w);
/* Writes what the hive takes now; true when nothing is left. */
bool deia__worker_flush(deia_worker *w);

/* ---- turn.c ------------------------------------------------------------ */
/* A turn from a task line; takes json over when it returns DEIA_OK.
 * DEIA_EFIELD: *why says what is wrong; DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__turn_new(deia_turn **out, deia_worker *w,
				       cJSON *json, const char **why);
deia_turn *deia__turn_find(deia_worker *w, const char *id);
/* An error line for a task that never became a turn. */
void deia__turn_refuse(deia_worker *w, const char *id, const char *code,
		       bool retryable, const char *message);

#endif
