/* SPDX-License-Identifier: MIT */
/*
 * keys.c - the table of every kind of key, and how its keys are written.
 *
 * docs/cache.md prints the same table; a test compares the two.
 */
#include "cache/cache.h"

#include <stdio.h>
#include <string.h>

static const struct deia_cache_row rows[DEIA_CACHE_KINDS] = {
	[DEIA_CACHE_EPOCH] = { "epoch", DEIA_CACHE_MARK, 86400000,
			       "deleted whenever a node connects: ends all "
			       "groups" },
	[DEIA_CACHE_GENERATION] = { "gen", DEIA_CACHE_MARK, 600000,
				    "one a group, deleted when the store "
				    "changes it" },
	[DEIA_CACHE_CHAT_PAGE] = { "page", DEIA_CACHE_GROUPED, 30000,
				   "newest page of a conversation, by its "
				   "length" },
	[DEIA_CACHE_BOT_STATUS] = { "status", DEIA_CACHE_SINGLE, 3000,
				    "what a bot does, by node and bot" },
	[DEIA_CACHE_LOGIN_TRIES] = { "tries", DEIA_CACHE_COUNTER, 300000,
				     "wrong sign-in codes, by address" },
	[DEIA_CACHE_FLAG] = { "flag", DEIA_CACHE_WORD, 0,
			      "switches that people set" },
	[DEIA_CACHE_EVENTS] = { "events", DEIA_CACHE_CHANNEL, 0,
				"channel: each stored event of each node" },
	[DEIA_CACHE_PROBE] = { "probe", DEIA_CACHE_SINGLE, 60000,
			       "what a check puts and reads back, by node" },
};

const struct deia_cache_row *deia_cache_get_row(deia_cache_kind kind)
{
	return (unsigned)kind < DEIA_CACHE_KINDS ? &rows[kind] : NULL;
}

bool deia__cache_key(const deia_cache *c, char *out, deia_cache_kind kind,
		     const char *group, const char *key)
{
	int n = snprintf(out, DEIA_CACHE_MAX_KEY_BYTES + 1, "%s%s%s%s%s%s",
			 c->prefix, rows[kind].prefix, group || key ? ":" : "",
			 group ? group : "", group && key ? ":" : "",
			 key ? key : "");

	return n > 0 && n <= DEIA_CACHE_MAX_KEY_BYTES;
}

bool deia__cache_generation_key(const deia_cache *c, char *out,
				deia_cache_kind kind, const char *group)
{
	return deia__cache_key(c, out, DEIA_CACHE_GENERATION, rows[kind].prefix,
			       group);
}
