/* SPDX-License-Identifier: MIT */
/* sm.c - looking things up in a table of states. */
#include "core/sm.h"

#include <assert.h>
#include <string.h>

bool deia__sm_can(const struct deia__sm *sm, unsigned from, unsigned to)
{
	assert(sm->n_states <= 32);
	if (from >= sm->n_states || to >= sm->n_states)
		return false;
	return (sm->next[from] >> to & 1u) != 0;
}

const char *deia__sm_name(const struct deia__sm *sm, unsigned state)
{
	return state < sm->n_states ? sm->names[state] : "unknown";
}

int deia__sm_parse(const struct deia__sm *sm, const char *name)
{
	if (!name)
		return -1;
	for (unsigned s = 0; s < sm->n_states; s++)
		if (strcmp(sm->names[s], name) == 0)
			return (int)s;
	return -1;
}
