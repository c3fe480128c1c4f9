/* SPDX-License-Identifier: MIT */
/* outcomes.h - one action on many things: what came of each, told at the end. */
#ifndef DEIA_HIVE_OUTCOMES_H
#define DEIA_HIVE_OUTCOMES_H

#include "hive/hive.h"

struct deia__outcome_text;

/* Embedded. */
struct deia__outcomes {
	deia_hive *hive;
	deia_hive_outcomes_cb cb;
	void *user;
	size_t n;
	struct deia_hive_outcome *items; /* messages are made at the end */
	struct deia__outcome_text *texts;
};

/* Of these ids (NULL: ""; copied, cut to the length of an id). Each is
 * DEIA_OK until more is known of it. cb may be NULL. DEIA_ENOMEM (nothing to
 * finish). */
DEIA_NODISCARD deia_err deia__outcomes_init(struct deia__outcomes *o,
					    deia_hive *h,
					    const char *const *ids, size_t n,
					    deia_hive_outcomes_cb cb,
					    void *user);
/* Of one; why not is the hive's detail. */
void deia__outcomes_set(struct deia__outcomes *o, size_t i, deia_err err);
/* Tells all, or that nothing came of it, then finishes. */
void deia__outcomes_give(struct deia__outcomes *o, deia_err err);
void deia__outcomes_fini(struct deia__outcomes *o);

#endif
