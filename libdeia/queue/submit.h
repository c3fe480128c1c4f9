/* SPDX-License-Identifier: MIT */
/* submit.h - a batch of new tasks on its way, shared by submit.c and keys.c. */
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
	bool *replayed;
	deia_tasks_cb cb;
	void *user;
	/* Tasks that are not open, and succeeded. */
	char (*known)[DEIA__UUID_BYTES];
	size_t n_known;
	char asked[DEIA__UUID_BYTES]; /* whose row is being read, */
	int asked_for;		      /* for which task of the batch */
};

/* Ends it without tasks: cb is told err. */
void deia__batch_fail(struct deia__batch *b, deia_err err);
/* Its tasks are not to be, but it goes on. */
void deia__batch_drop_tasks(struct deia__batch *b);
/* Its dependencies are looked up, then it is made durable. */
void deia__batch_go_on(struct deia__batch *b);
/* cb was told: frees it. */
void deia__batch_end(struct deia__batch *b);

/* ---- keys.c ------------------------------------------------------------ */

DEIA_NODISCARD deia_err deia__key_insert(deia_txn *txn,
					 const struct deia__batch *b);
/* Looks for the key: answers with the tasks that it stands for, and drops those
 * of the batch; else the batch goes on, as new. */
DEIA_NODISCARD deia_err deia__keys_answer(struct deia__batch *b);

#endif
