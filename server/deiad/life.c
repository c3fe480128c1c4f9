/* SPDX-License-Identifier: MIT */
/*
 * life.c - see life.h.
 *
 * The end has three steps: requests finish (bounded), then bots stop, then
 * the loop ends and main closes the store. A second signal skips to the end.
 */
#include "life.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>

#include "checks.h"
#include "log.h"
#include "runfile.h"
#include "settings.h"

#define STOP_BOTS_MS 30000

struct life {
	struct app *app;
	struct event *term, *intr, *hup;
	struct event *step; /* the next step, or the deadline of this one */
	bool stopping, bots_stopping;
};

static void leave_loop(struct life *l)
{
	event_base_loopbreak(l->app->base);
}

static void on_bots_stopped(void *user)
{
	struct life *l = user;

	log_msg(DEIA_LOG_INFO, "stopped");
	leave_loop(l);
}

static void arm(struct life *l, unsigned ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };

	event_add(l->step, &tv);
}

/* Requests are through, or their time is over; or bots took too long. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct life *l = arg;

	(void)fd;
	(void)what;
	if (l->bots_stopping) {
		log_msg(DEIA_LOG_WARN, "bots did not end in time, or what they "
				       "did could not be stored");
		leave_loop(l);
		return;
	}
	l->bots_stopping = true;
	if (l->app->http.active)
		log_msg(DEIA_LOG_WARN, "%u requests are cut short",
			l->app->http.active);
	arm(l, STOP_BOTS_MS);
	if (deia_hive_stop(l->app->hive, on_bots_stopped, l))
		leave_loop(l);
}

/* Runs inside of HTTP's calls: only asks for the next step. */
static void on_quiet(void *arg)
{
	struct life *l = arg;

	if (!l->bots_stopping)
		arm(l, 0);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct life *l = arg;

	(void)what;
	if (l->stopping) {
		runfile_remove(l->app->dir);
		_exit(128 + (int)sig);
	}
	l->stopping = true;
	log_msg(DEIA_LOG_INFO,
		"stopping: %u requests finish first; a second signal ends at "
		"once",
		l->app->http.active);
	arm(l, (unsigned)deia_config_int(l->app->config,
					 "server.drain_timeout_seconds") *
		       1000);
	deia_hive_end_waits(l->app->hive);
	server_drain(&l->app->http, on_quiet, l);
}

static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct life *l = arg;
	struct app *app = l->app;
	deia_config *fresh;

	(void)sig;
	(void)what;
	deia_hive_reopen_logs(app->hive);
	log_reopen();
	if (!settings_load(&fresh, app->dir, app->options)) {
		log_msg(DEIA_LOG_ERROR, "the configuration was not changed: "
					"see the message before this one");
		return;
	}
	settings_apply(fresh);
	settings_compare(app->config, fresh);
	(void)settings_mail(app->hive, fresh);
	settings_retention(app->hive, fresh);
	settings_policy(app->hive, fresh);
	settings_scaling(app->hive, app->config, fresh);
	settings_budgets(app->hive, fresh);
	settings_checks(app->hive, fresh);
	(void)settings_receivers(app->hive, fresh, app->dir);
	if (!settings_names(&app->http, fresh))
		log_msg(DEIA_LOG_ERROR, "memory ran out while reloading");
	deia_config_free(app->config);
	app->config = fresh;
	checks_configure(app);
	log_msg(DEIA_LOG_INFO, "configuration read again, logs reopened");
}

static struct event *on_signal(struct life *l, int sig, event_callback_fn fn)
{
	struct event *ev = evsignal_new(l->app->base, sig, fn, l);

	if (ev && event_add(ev, NULL) == 0)
		return ev;
	if (ev)
		event_free(ev);
	return NULL;
}

bool life_begin(struct app *app)
{
	struct life *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	app->life = l;
	l->app = app;
	l->step = evtimer_new(app->base, on_step, l);
	l->term = on_signal(l, SIGTERM, on_stop);
	l->intr = on_signal(l, SIGINT, on_stop);
	l->hup = on_signal(l, SIGHUP, on_reload);
	return l->step && l->term && l->intr && l->hup;
}

void life_end(struct app *app)
{
	struct life *l = app->life;

	if (!l)
		return;
	if (l->step)
		event_free(l->step);
	if (l->term)
		event_free(l->term);
	if (l->intr)
		event_free(l->intr);
	if (l->hup)
		event_free(l->hup);
	/* What comes now must not cut the closing of the store short. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	free(l);
	app->life = NULL;
}
