/* SPDX-License-Identifier: MIT */
/* storelog.c - see storelog.h. */
#include "storelog.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

/* While it is away the log says so again, lest it looks as if all were well. */
#define AGAIN_SECONDS 60

struct storelog {
	struct app *app;
	struct event *tick;
	bool away;
	int64_t since_unix_ms, said_seconds;
};

static int64_t now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

static void say_away(struct storelog *l, const struct deia_store_stats *st)
{
	const char *why = st->away_why[0] ? st->away_why : "it does not answer";

	log_msg(DEIA_LOG_WARN,
		"the database is away, and what is to be stored waits for it "
		"(%" PRIu64 " changes): %s",
		st->queued, why);
	l->said_seconds = now_seconds();
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct storelog *l = arg;
	struct deia_hive_status st;

	(void)fd;
	(void)what;
	deia_hive_get_status(l->app->hive, &st);
	if (st.store.away && !l->away) {
		l->since_unix_ms = st.store.away_since_unix_ms;
		say_away(l, &st.store);
	} else if (st.store.away &&
		   now_seconds() - l->said_seconds >= AGAIN_SECONDS) {
		say_away(l, &st.store);
	} else if (!st.store.away && l->away && !st.store.failed_hard) {
		log_msg(DEIA_LOG_INFO, "the database is back");
	}
	l->away = st.store.away;
}

bool storelog_begin(struct app *app)
{
	struct timeval second = { 1, 0 };
	struct deia_hive_status st;
	struct storelog *l;

	deia_hive_get_status(app->hive, &st);
	if (strcmp(st.store_backend, "postgresql") != 0)
		return true;
	l = calloc(1, sizeof(*l));
	if (!l)
		return false;
	l->app = app;
	app->storelog = l;
	l->tick = event_new(app->base, -1, EV_PERSIST, on_tick, l);
	return l->tick && event_add(l->tick, &second) == 0;
}

void storelog_end(struct app *app)
{
	if (!app->storelog)
		return;
	if (app->storelog->tick)
		event_free(app->storelog->tick);
	free(app->storelog);
	app->storelog = NULL;
}
