/* SPDX-License-Identifier: MIT */
/* names.c - the names of states, kinds and causes. */
#include <deia/scaler.h>

static const char *const states[] = {
	[DEIA_SCALER_STARTING] = "starting",
	[DEIA_SCALER_READY] = "ready",
	[DEIA_SCALER_BUSY] = "busy",
	[DEIA_SCALER_DRAINING] = "draining",
	[DEIA_SCALER_BACKOFF] = "backoff",
	[DEIA_SCALER_FAILED] = "failed",
};
_Static_assert(sizeof(states) / sizeof(*states) == DEIA_SCALER_STATES,
	       "a name for each state");

static const char *const kinds[] = {
	[DEIA_SCALER_LAUNCH] = "launch",
	[DEIA_SCALER_DRAIN] = "drain",
	[DEIA_SCALER_HOLD] = "hold",
	[DEIA_SCALER_REFUSED] = "refused",
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == DEIA_SCALER_KINDS,
	       "a name for each kind");

static const char *const causes[] = {
#define DEIA_SCALER_CAUSE_NAME(e, n) [e] = n,
	DEIA_SCALER_CAUSE_LIST(DEIA_SCALER_CAUSE_NAME)
#undef DEIA_SCALER_CAUSE_NAME
};
_Static_assert(sizeof(causes) / sizeof(*causes) == DEIA_SCALER_CAUSES,
	       "a name for each cause");

const char *deia_scaler_state_name(deia_scaler_state state)
{
	return (unsigned)state < DEIA_SCALER_STATES ? states[state] : "unknown";
}

const char *deia_scaler_kind_name(deia_scaler_kind kind)
{
	return (unsigned)kind < DEIA_SCALER_KINDS ? kinds[kind] : "unknown";
}

const char *deia_scaler_cause_name(deia_scaler_cause cause)
{
	return (unsigned)cause < DEIA_SCALER_CAUSES ? causes[cause] : "unknown";
}
