/* SPDX-License-Identifier: MIT */
/* load.h - how much work a bot has: for who decides on how many there are. */
#ifndef DEIA_BOT_LOAD_H
#define DEIA_BOT_LOAD_H

#include <deia/bot.h>

struct deia__bot_load {
	const struct deia_bot_info *info; /* but for `blocked`; borrowed */
	unsigned queued, running;	  /* turns */
	int64_t oldest_wait_ms;		  /* of the queued; 0 with none */
	uint64_t ended;			  /* turns, since the bot was added */
};

/* False: there is no such bot. One search, no more. */
bool deia__bots_load(const deia_bots *bots, const char *id,
		     struct deia__bot_load *out);

#endif
