/* SPDX-License-Identifier: MIT */
/* store_say.c - the log says when the database goes away, why, and is back. */
#include "hive/hive.h"

#include <inttypes.h>

/* While it is away the log says so again, lest it looks as if all were well. */
#define AGAIN_MS 60000

static void say_away(deia_hive *h, const struct deia_store_stats *st)
{
	deia__hive_log(h, DEIA_LOG_WARN,
		       "the database is away, and what is to be stored waits "
		       "for it (%" PRIu64 " changes): %s",
		       st->queued, st->away_why);
	h->said_away_ms = deia__timers_now(h->timers);
}

void deia__store_say(deia_hive *h, const struct deia_store_stats *st)
{
	int64_t now = deia__timers_now(h->timers);

	if (st->away && (!h->said_away || now - h->said_away_ms >= AGAIN_MS))
		say_away(h, st);
	else if (!st->away && h->said_away && !st->failed_hard)
		deia__hive_log(h, DEIA_LOG_INFO, "the database is back");
	h->said_away = st->away;
}
