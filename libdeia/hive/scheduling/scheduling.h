/* SPDX-License-Identifier: MIT */
/*
 * scheduling.h - the inside of a hive's scheduler.
 *
 *   scheduling.c          its life; bots come, change and go
 *   scheduling_acts.c     what people tell it: outcomes, resets, the policy
 *   scheduling_look.c     what people ask it
 *   scheduling_rows.c     what was learned, in the store
 *   scheduling_journal.c  adaptive-scheduling.jsonl
 *
 * Who dispatches tasks calls deia_scheduler_plan, choose, start, end, record and
 * correct on deia__scheduling_scheduler, with deia__scheduling_now as the time;
 * and tells the saver that something was learned; after each record it calls
 * deia__scheduling_recorded and deia__scheduling_circuit, after each correct
 * deia__scheduling_corrected.
 */
#ifndef DEIA_HIVE_SCHEDULING_H
#define DEIA_HIVE_SCHEDULING_H

#include <deia/scheduling.h>

#include "hive/hive.h"
#include "hive/saver.h"

struct deia__scheduling {
	deia_scheduler *scheduler;
	deia_scheduler_policy policy;
	struct deia__saver saver; /* of the rows */
	bool whole;		  /* next time all of them are stored */
	deia__logfile *journal;
	deia_jw line; /* of it, being printed */
};

/* ---- scheduling.c ------------------------------------------------------- */

/* Once bots are loaded and the analyzer is made: makes it, with them, the types
 * of tasks and what was learned (blocks). */
DEIA_NODISCARD deia_err deia__scheduling_open(deia_hive *h,
					      const struct deia_hive_opts *o,
					      char *detail, size_t detail_len);
/* Nothing is learned any more: the last of it goes to the store. */
void deia__scheduling_stop(deia_hive *h);
void deia__scheduling_free(deia_hive *h);
/* Borrowed; lives as long as the hive. */
deia_scheduler *deia__scheduling_scheduler(deia_hive *h);
/* Its clock, in milliseconds. */
int64_t deia__scheduling_now(const deia_hive *h);
/* Something about a bot of this node has changed: state, turns, spec. Also for
 * one that is not there (yet). */
void deia__scheduling_bot(deia_hive *h, const char *id);
/* An outcome or a reset may have opened or closed its circuit (NULL: those of
 * all bots): that is an event. */
void deia__scheduling_circuit(deia_hive *h, const char *id);
/* It is gone, and so are its rows. */
void deia__scheduling_bot_removed(deia_hive *h, const char *id);
/* Whether a type of task can have this name: EFIELD at pointer. */
DEIA_NODISCARD deia_err deia__scheduling_check_type(deia_hive *h,
						    const char *pointer,
						    const char *type);
/* Makes a type of task known; DEIA_OK when it was. EFIELD at pointer, ELIMIT,
 * ENOMEM. */
DEIA_NODISCARD deia_err deia__scheduling_add_type(deia_hive *h,
						  const char *pointer,
						  const char *type);
/* The same of all types that the analyzer knows: its list is the one there
 * is. */
DEIA_NODISCARD deia_err deia__scheduling_add_types(deia_hive *h);
bool deia__scheduling_has_type(const deia_hive *h, const char *type);

/* ---- scheduling_rows.c --------------------------------------------------- */

/* What was learned before; rows of bots that are gone are deleted (blocks). */
DEIA_NODISCARD deia_err deia__scheduling_load(deia_hive *h);
/* How they are stored. */
extern const struct deia__saver_kind deia__scheduling_rows;
/* The rows of a bot that is removed with this change. */
void deia__scheduling_purge(struct deia__change *c, const char *bot);

/* ---- scheduling_journal.c ------------------------------------------------ */

/* Opens it, where there is a folder for logs. */
DEIA_NODISCARD deia_err deia__scheduling_journal_open(deia_hive *h);
/* Whether anybody reads decisions: else they need not be explained. */
bool deia__scheduling_is_journaled(const deia_hive *h);
/* A task was given to r->best[0]. */
void deia__scheduling_decided(deia_hive *h, const char *task, unsigned attempt,
			      const struct deia_scheduler_recommendation *r);
/* An outcome was recorded; task NULL: somebody told it. */
void deia__scheduling_recorded(deia_hive *h, const char *task,
			       const struct deia_scheduler_outcome *o);
/* A verdict changed the success of a recorded outcome. */
void deia__scheduling_corrected(deia_hive *h, const char *task,
				const struct deia_scheduler_outcome *o,
				bool success);
/* bot, type NULL: all. */
void deia__scheduling_was_reset(deia_hive *h, const char *bot,
				const char *type);

#endif
