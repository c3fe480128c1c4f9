/* SPDX-License-Identifier: MIT */
/*
 * state.c - the states of a bot and the moves between them, as a table.
 *
 * The moves are those of the design: starting -> ready <-> busy, ready and
 * busy <-> paused, live -> stopping -> stopped, a death -> backoff or failed
 * (or stopped, where the restart policy asks for no restart), backoff ->
 * starting. Only external bots are ever offline; one that was paused before is
 * paused again when it is back.
 */
#include <deia/bot.h>

#include <assert.h>
#include <string.h>

#include "bot/state.h"

#define BIT(s) (UINT32_C(1) << (s))

static const char *const names[] = {
#define DEIA__STATE_NAME(e, n) [e] = n,
	DEIA_BOT_STATE_LIST(DEIA__STATE_NAME)
#undef DEIA__STATE_NAME
};

/* Where a bot with a process may go when that dies. */
#define DEATH                                                                  \
	(BIT(DEIA_BOT_BACKOFF) | BIT(DEIA_BOT_FAILED) | BIT(DEIA_BOT_STOPPED))

static const uint32_t next[] = {
	[DEIA_BOT_STOPPED] = BIT(DEIA_BOT_STARTING) | BIT(DEIA_BOT_OFFLINE),
	[DEIA_BOT_STARTING] =
		BIT(DEIA_BOT_READY) | BIT(DEIA_BOT_STOPPING) | DEATH,
	[DEIA_BOT_READY] = BIT(DEIA_BOT_BUSY) | BIT(DEIA_BOT_PAUSED) |
			   BIT(DEIA_BOT_STOPPING) | BIT(DEIA_BOT_OFFLINE) |
			   DEATH,
	[DEIA_BOT_BUSY] = BIT(DEIA_BOT_READY) | BIT(DEIA_BOT_PAUSED) |
			  BIT(DEIA_BOT_STOPPING) | BIT(DEIA_BOT_OFFLINE) |
			  DEATH,
	[DEIA_BOT_PAUSED] = BIT(DEIA_BOT_READY) | BIT(DEIA_BOT_BUSY) |
			    BIT(DEIA_BOT_STOPPING) | BIT(DEIA_BOT_OFFLINE) |
			    DEATH,
	[DEIA_BOT_STOPPING] = BIT(DEIA_BOT_STOPPED),
	[DEIA_BOT_BACKOFF] = BIT(DEIA_BOT_STARTING) | BIT(DEIA_BOT_STOPPED) |
			     BIT(DEIA_BOT_FAILED),
	[DEIA_BOT_FAILED] = BIT(DEIA_BOT_STARTING) | BIT(DEIA_BOT_STOPPED),
	[DEIA_BOT_OFFLINE] = BIT(DEIA_BOT_READY) | BIT(DEIA_BOT_PAUSED) |
			     BIT(DEIA_BOT_STOPPED),
};

static_assert(sizeof(names) / sizeof(*names) == DEIA_BOT_STATES, "names");
static_assert(sizeof(next) / sizeof(*next) == DEIA_BOT_STATES, "moves");

const struct deia__sm deia__bot_sm = {
	.what = "bot",
	.names = names,
	.next = next,
	.n_states = DEIA_BOT_STATES,
};

const char *deia_bot_state_name(deia_bot_state state)
{
	if ((unsigned)state >= DEIA_BOT_STATES)
		return "unknown";
	return names[state];
}

bool deia_bot_state_can(deia_bot_state from, deia_bot_state to)
{
	if ((unsigned)from >= DEIA_BOT_STATES ||
	    (unsigned)to >= DEIA_BOT_STATES)
		return false;
	return deia__sm_can(&deia__bot_sm, from, to);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

bool deia_bot_id_valid(const char *id)
{
	size_t i;

	if (id == NULL || !is_alnum(id[0]))
		return false;
	for (i = 1; id[i] != '\0'; i++)
		if (i >= 64 || (!is_alnum(id[i]) && id[i] != '.' &&
				id[i] != '_' && id[i] != '-'))
			return false;
	return true;
}
