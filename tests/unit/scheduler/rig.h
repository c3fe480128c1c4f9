/* SPDX-License-Identifier: MIT */
/* rig.h - a scheduler with some bots, for tests. */
#ifndef RIG_H
#define RIG_H

#include <check.h>

#include <deia/scheduler.h>

struct rig {
	deia_scheduler *s;
	int64_t now_ms;
};

/* Bots "a", "b", ... and types "x", "y", ...; opts NULL: defaults. */
void rig_init(struct rig *r, unsigned bots, unsigned types,
	      const struct deia_scheduler_opts *opts);
void rig_fini(struct rig *r);
/* The n-th name; static text. */
const char *rig_bot(unsigned n);
const char *rig_type(unsigned n);
/* Records n outcomes, a second apart. */
void rig_record(struct rig *r, const char *bot, const char *type,
		double seconds, bool success, unsigned n);
void rig_set(struct rig *r, const char *bot, unsigned max_concurrent,
	     bool available, unsigned others);
/* Plans anew and chooses for one task that did not fail anywhere. */
struct deia_scheduler_choice rig_choose(struct rig *r, const char *type);
/* Chooses within the plan there is. */
struct deia_scheduler_choice rig_next(struct rig *r, const char *type);
uint64_t rig_start(struct rig *r, const char *bot, const char *type);
struct deia_scheduler_pair rig_pair(struct rig *r, const char *bot,
				    const char *type);
struct deia_scheduler_recommendation rig_recommend(struct rig *r,
						   const char *type);

#endif
