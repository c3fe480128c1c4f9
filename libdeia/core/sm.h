/* SPDX-License-Identifier: MIT */
/*
 * sm.h - state machines as tables: for each state the set of states that may
 * follow, as a bit mask. The names are the ones of API, store and logs.
 */
#ifndef DEIA_CORE_SM_H
#define DEIA_CORE_SM_H

#include <deia/base.h>

struct deia__sm {
	const char *what; /* "bot" */
	const char *const *names;
	const uint32_t *next; /* bit s: state s may follow */
	unsigned n_states;    /* at most 32 */
};

bool deia__sm_can(const struct deia__sm *sm, unsigned from, unsigned to);
const char *deia__sm_name(const struct deia__sm *sm, unsigned state);
/* -1 when no state has this name. */
int deia__sm_parse(const struct deia__sm *sm, const char *name);

#endif
