/* SPDX-License-Identifier: MIT */
/*
 * scheduling.h - the scheduler of a hive: what it learned, and what is told it.
 *
 * A hive has one deia_scheduler (scheduler.h) and keeps it in step with the
 * bots of its node: which may be given work, how much they have, that they are
 * gone. What it learns is durable: stored within a second, and with an outcome
 * that is recorded here before the callback runs. It knows the types of
 * task_analysis.h, those of deia_hive_opts.task_types, and those that were ever
 * recorded. Its time is the boot clock.
 *
 * With a log_dir the journal adaptive-scheduling.jsonl says what was learned and
 * decided, one JSON object a line; `deia scheduler replay` reads it.
 *
 * On several nodes each learns about its own bots.
 *
 * Threads: as hive.h, all belongs to the loop's thread.
 */
#ifndef DEIA_SCHEDULING_H
#define DEIA_SCHEDULING_H

#include <deia/hive.h>
#include <deia/scheduler.h>

DEIA_BEGIN

/*
 * The hive's scheduler, to be read: everything in scheduler.h that takes it as
 * const. Whatever changes it is the hive's. Borrowed until deia_hive_free.
 * Since 0.3.
 */
DEIA_API const deia_scheduler *deia_hive_get_scheduler(const deia_hive *hive);

/* How a bot's attempt at a task went, that the hive did not see itself. */
struct deia_execution {
	size_t size;
	const char *bot;  /* one of this node's */
	const char *type; /* a type of task, as deia_scheduler_add_type */
	double seconds;	  /* 0..31,536,000 (a year) */
	bool success;
	bool new_type; /* a type that is not known yet is made known */
};
#define DEIA_EXECUTION_INIT                                                    \
	{                                                                      \
		.size = sizeof(struct deia_execution)                          \
	}

/*
 * Learns from an outcome that somebody tells; audited. execution: borrowed for
 * the call. cb (may be NULL) runs once, when it is durable; should the store
 * refuse it, it may count all the same until the hive ends. Returns DEIA_OK;
 * DEIA_EFIELD (seconds, or a new type's name: deia_hive_field_error);
 * DEIA_ENOTFOUND (bot, or type without new_type; errmsg says which);
 * DEIA_EOTHERNODE; DEIA_ELIMIT (types); DEIA_EUNAVAILABLE (the hive stops);
 * DEIA_EINVAL (size); DEIA_ENOMEM; DEIA_EBUSY and DEIA_ESTORE, as the callback.
 * Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scheduler_record(
	deia_hive *hive, const struct deia_actor *actor,
	const struct deia_execution *execution, deia_done_cb cb, void *user);

/*
 * Forgets what was learned about a bot (NULL: all bots of this node) in one type
 * (NULL: in all); audited. cb (may be NULL) runs once, when it is durable.
 * Returns DEIA_OK; DEIA_ENOTFOUND, DEIA_EOTHERNODE (bot, type);
 * DEIA_EUNAVAILABLE (the hive stops); DEIA_ENOMEM; DEIA_EBUSY and DEIA_ESTORE,
 * as the callback. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scheduler_reset(
	deia_hive *hive, const struct deia_actor *actor, const char *bot,
	const char *type, deia_done_cb cb, void *user);

/*
 * Changes the policy until the hive is opened again; what was learned stays.
 * Audited, unless it is the one already. DEIA_OK; DEIA_EINVAL: no such policy.
 * Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_hive_scheduler_set_policy(deia_hive *hive, const struct deia_actor *actor,
			       deia_scheduler_policy policy);
/* The policy in force. Since 0.3. */
DEIA_API deia_scheduler_policy
deia_hive_scheduler_policy(const deia_hive *hive);

/*
 * Which bot the scheduler would give a task of this type now, and why; nothing
 * changes. bots: of these alone, n_bots of them, up to DEIA_MAX_BATCH_LEN; NULL
 * with 0: of all. alternatives: as deia_scheduler_recommend. out: its texts live
 * until the loop's next turn. Returns DEIA_OK; DEIA_ENOTFOUND, DEIA_EOTHERNODE
 * (type, one of bots; errmsg says which); DEIA_EUNAVAILABLE: no bot may do it
 * now; DEIA_ELIMIT; DEIA_ENOMEM. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scheduler_recommend(
	deia_hive *hive, const char *type, const char *const *bots,
	size_t n_bots, unsigned alternatives,
	struct deia_scheduler_recommendation *out);

/*
 * How a bot stands with the scheduler. Its pairs: deia_scheduler_pair of
 * deia_hive_get_scheduler. out: its texts live until the loop's next turn.
 * DEIA_OK, DEIA_ENOTFOUND, DEIA_EOTHERNODE. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_scheduler_bot(
	deia_hive *hive, const char *id, struct deia_scheduler_bot_status *out);

/* A time of the scheduler (deia_scheduler_entry.at_ms, pause_until_ms) by the
 * wall clock. Since 0.3. */
DEIA_API int64_t deia_hive_scheduler_unix_ms(const deia_hive *hive,
					     int64_t at_ms);

/*
 * Outcomes, corrections and resets since the hive was opened, newest first, with
 * a number below `before` (0: from the newest), at most max; older than
 * history_len of them are gone. Returns how many were put into out. Since 0.3.
 */
DEIA_API size_t deia_hive_scheduler_history(
	const deia_hive *hive, uint64_t before,
	const struct deia_scheduler_entry **out, size_t max);

DEIA_END

#endif
