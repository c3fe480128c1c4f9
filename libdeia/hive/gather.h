/* SPDX-License-Identifier: MIT */
/*
 * gather.h - what happened to many things in a short time, as few events.
 *
 * Many messages or tasks move in a short time, and an event is a durable row:
 * so moves of one type are put together as the items of one event, and handed
 * over at most every 20 ms; when nothing was told for that long, as soon as the
 * loop turns. When the store cannot take events for a while their number stays
 * bounded: moves that find no room are counted as `omitted` in a later event of
 * their type. What moved is never affected.
 */
#ifndef DEIA_HIVE_GATHER_H
#define DEIA_HIVE_GATHER_H

#include "hive/hive.h"

#define DEIA__GATHER_TYPES 10 /* at most, of one gatherer */

/* An event that is being filled. */
struct deia__gather {
	deia_jw w;
	unsigned n;
	uint64_t omitted; /* items for which there was no room */
	char subject[DEIA_MAX_ID_LEN + 1];
	bool mixed; /* items have different subjects */
};

/* One that is full, on its way to the store. */
struct deia__gathered {
	STAILQ_ENTRY(deia__gathered) link;
	unsigned type;
	char subject[DEIA_MAX_ID_LEN + 1]; /* "": of several */
	char *data;
};
STAILQ_HEAD(deia__gathered_queue, deia__gathered);

struct deia__gatherer {
	deia_hive *hive;
	const char *what;	  /* "mail"; static */
	const char *const *types; /* names of the events; static */
	unsigned n_types;
	struct deia__gather gather[DEIA__GATHER_TYPES];
	struct deia__gathered_queue events;
	unsigned n_events;
	int64_t told_ms; /* when events were last handed over */
	struct deia__timer timer;
};

/* types: n (at most DEIA__GATHER_TYPES), in the order in which one thing goes
 * through them. */
void deia__gatherer_init(struct deia__gatherer *g, deia_hive *h,
			 const char *what, const char *const *types,
			 unsigned n);
/* Fine for one that is all zero. */
void deia__gatherer_fini(struct deia__gatherer *g);
/* A move: print it as one JSON value into what this returns, then say so. */
deia_jw *deia__gatherer_begin(struct deia__gatherer *g, unsigned type,
			      const char *subject);
void deia__gatherer_end(struct deia__gatherer *g, unsigned type);
/* What comes is told after what came so far, whatever its type. */
void deia__gatherer_cut(struct deia__gatherer *g);
/* Hands over what there is now. */
void deia__gatherer_flush(struct deia__gatherer *g);
bool deia__gatherer_pending(const struct deia__gatherer *g);

#endif
