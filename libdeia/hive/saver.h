/* SPDX-License-Identifier: MIT */
/*
 * saver.h - what changes often and may be stored a little later.
 *
 * Its owner keeps what is true in memory, and marks what the store has not got.
 * All that is new is stored in one change, some time after the first of it, one
 * change at a time. When the store refuses one it is not known which rows it has:
 * all is new then, and is stored again after a while.
 */
#ifndef DEIA_HIVE_SAVER_H
#define DEIA_HIVE_SAVER_H

#include "hive/hive.h"

/* Static; what differs from one owner to the other. */
struct deia__saver_kind {
	const char *what; /* for the log: "what was ..." */
	int64_t soon_ms;  /* from the first change until it is stored */
	int64_t retry_ms; /* after a refusal */
	/* What is new goes into c, and is not new any more; false: nothing
	 * is. */
	bool (*put)(deia_hive *h, struct deia__change *c);
	/* Nobody knows what the store has: all is new. */
	void (*all_new)(deia_hive *h);
};

struct deia__saver {
	deia_hive *hive;
	const struct deia__saver_kind *kind;
	struct deia__timer timer;
	bool saving; /* a change is on its way */
	bool again;  /* more became new meanwhile */
	bool stopped;
};

void deia__saver_init(struct deia__saver *s, deia_hive *h,
		      const struct deia__saver_kind *kind);
/* Something is new. */
void deia__saver_changed(struct deia__saver *s);
/* What is new goes into a change of the owner's (NULL: stays new). When that
 * change is refused deia__saver_refused is to be called. */
void deia__saver_put(struct deia__saver *s, struct deia__change *c);
void deia__saver_refused(struct deia__saver *s);
/* Stores at once what is new. */
void deia__saver_flush(struct deia__saver *s);
/* Flushes, and does nothing by itself any more. Fine for one that is all zero,
 * and again. */
void deia__saver_stop(struct deia__saver *s);

#endif
