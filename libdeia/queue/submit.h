/* SPDX-License-Identifier: MIT */
/* submit.h - a batch of new tasks on its way, and who works on it. */
#ifndef DEIA_QUEUE_SUBMIT_H
#define DEIA_QUEUE_SUBMIT_H

#include "core/hash.h"
#include "queue/queue.h"

struct deia__batch {
	deia_tasks *q;
	size_t n;
	struct deia__task **tasks; /* borrowed once they are in the index */
	char **contents;	   /* of their lengths, each ends in NUL */
	char *key, *owner;	   /* key: NULL, none was given */
	unsigned char digest[DEIA__DIGEST_BYTES];
	bool key_is_new; /* it was looked for, and is not there */
	bool looked_at_today;
	bool *replayed;
	deia_tasks_cb cb;
	void *user;
	unsigned n_coming; /* of its tasks, as they count in the queue's */
	/* missing.c: what need not be looked for, how far the look came. */
	struct deia__known *known;
	size_t at;
	unsigned at_dep;
	bool looked_in_parts;
	char asked[DEIA__UUID_BYTES]; /* whose row is being read */
};

/* Ends it without tasks: cb is told err. */
void deia__batch_fail(struct deia__batch *b, deia_err err);
/* Its tasks are not to be, but it goes on. */
void deia__batch_drop_tasks(struct deia__batch *b);
/* Its dependencies are looked up, then it is made durable. */
void deia__batch_go_on(struct deia__batch *b);
/* cb was told: frees it. */
void deia__batch_end(struct deia__batch *b);

/* ---- refs.c ------------------------------------------------------------ */

/* Refs of drafts, which outlive it. */
struct deia__refs {
	struct deia__ref *by_name, *all;
};

/* DEIA_EFIELD (said): one is given twice, or they wait in a circle. To be
 * closed in any case. */
DEIA_NODISCARD deia_err deia__refs_open(struct deia__refs *r, deia_tasks *q,
					const struct deia_task_draft *drafts,
					size_t n);
/* Refs in depends_on become ids. */
DEIA_NODISCARD deia_err deia__refs_resolve(const struct deia__refs *r,
					   struct deia__batch *b);
void deia__refs_close(struct deia__refs *r);

/* ---- missing.c --------------------------------------------------------- */

/* This one need not be looked for. */
DEIA_NODISCARD deia_err deia__batch_know(struct deia__batch *b, const char *id);
void deia__batch_forget_known(struct deia__batch *b);
/* A task that one of the batch depends on and whose row must be read first, or
 * NULL: then all of them are known or open right now. */
const char *deia__batch_missing(struct deia__batch *b);
/* Reads it; the batch goes on, or fails. */
DEIA_NODISCARD deia_err deia__batch_read(struct deia__batch *b, const char *id);
bool deia__task_is_open_here(const deia_tasks *q, const char *id);

/* ---- keys.c ------------------------------------------------------------ */

DEIA_NODISCARD deia_err deia__key_insert(deia_txn *txn,
					 const struct deia__batch *b);
/* Looks for the key: answers with the tasks that it stands for, and drops those
 * of the batch; else the batch goes on, as new. */
DEIA_NODISCARD deia_err deia__keys_answer(struct deia__batch *b);

#endif
