/* SPDX-License-Identifier: MIT */
/* health.c - life of the hive's health: made with it, a look each second. */
#include "hive/health/health.h"

#include <string.h>

#define LOOK_MS 1000

deia_health *deia_hive_health(const deia_hive *h)
{
	return h->health->monitor;
}

bool deia_hive_health_is_on(const deia_hive *h)
{
	return !h->health->off;
}

int64_t deia__health_now(const deia_hive *h)
{
	return deia__timers_now(h->timers) + h->health->skew_ms;
}

int64_t deia__health_unix(const deia_hive *h)
{
	return deia__unix_ms(NULL) + h->health->skew_ms;
}

/* ---- the timer ----------------------------------------------------------- */

static void arm(deia_hive *h)
{
	struct deia__health *hh = h->health;

	hh->due_ms = deia__timers_now(h->timers) + LOOK_MS;
	if (deia__timer_set(h->timers, &hh->timer, LOOK_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "health is not looked at any more: out of "
			       "memory");
}

/* Said once, not at each look. */
static void judge(deia_hive *h)
{
	struct deia__health *hh = h->health;
	deia_err err = deia_health_look(hh->monitor, deia__health_now(h),
					deia__health_unix(h));

	if (err && !hh->complained)
		deia__hive_log(h, DEIA_LOG_ERROR, "a look at health failed: %s",
			       deia_health_errmsg(hh->monitor));
	hh->complained = err != DEIA_OK;
}

void deia__health_look(deia_hive *h)
{
	if (h->stopping || h->freeing || h->health->off)
		return;
	deia__health_measure(h);
	judge(h);
	deia__alerts_sweep(h);
}

void deia_hive_health_update(deia_hive *h)
{
	unsigned n[DEIA_BOT_STATES];

	deia_bots_count_states(h->bots, n);
	if (!h->started || h->health->off ||
	    n[DEIA_BOT_FAILED] == h->health->n_failed)
		return;
	deia__health_look(h);
}

static void on_time(void *arg)
{
	deia_hive *h = arg;
	struct deia__health *hh = h->health;

	deia__health_late(h, deia__timers_now(h->timers) - hh->due_ms);
	deia__health_look(h);
	arm(h);
}

/* ---- life ---------------------------------------------------------------- */

/* The folder of "sqlite:PATH"; NULL as well when there is no memory for it. */
static char *dir_of(const char *url)
{
	static const char scheme[] = "sqlite:";
	const char *path, *slash;

	if (!url || strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	path = url + sizeof(scheme) - 1;
	slash = strrchr(path, '/');
	if (!slash)
		return deia__strdup(".");
	return slash == path ? deia__strdup("/")
			     : deia__strndup(path, (size_t)(slash - path));
}

deia_err deia__health_new(deia_hive *h, const struct deia_hive_opts *o)
{
	struct deia_health_opts opts = DEIA_HEALTH_OPTS_INIT;
	struct deia__health *hh = deia__alloc(sizeof(*hh));
	deia_err err;

	if (!hh)
		return DEIA_ENOMEM;
	h->health = hh;
	TAILQ_INIT(&hh->queue);
	TAILQ_INIT(&hh->flight);
	deia_jw_init(&hh->line);
	hh->timer.fn = on_time;
	hh->timer.arg = h;
	hh->off = o->no_health;
	hh->state_dir = dir_of(o->store_url);
	opts.on_change = deia__alerts_changed;
	opts.user = h;
	err = deia_health_new(&hh->monitor, &opts);
	return err ? err : deia__alerts_open(h);
}

void deia__health_start(deia_hive *h)
{
	deia__health_take_in(h);
	deia__telling_start(h);
	if (!h->health->off)
		arm(h);
}

void deia__health_pause(deia_hive *h)
{
	if (!h->health || !h->timers)
		return;
	deia__timer_clear(h->timers, &h->health->timer);
	deia__timer_clear(h->timers, &h->health->measures.bots_timer);
}

void deia__health_stop(deia_hive *h)
{
	struct deia__health *hh = h->health;

	if (!hh || !hh->saver.hive || hh->stopped)
		return;
	deia__health_pause(h);
	deia__alerts_flush(h);
	deia__telling_stop(h);
	hh->stopped = true;
	deia__saver_stop(&hh->saver);
}

void deia__health_free(deia_hive *h)
{
	struct deia__health *hh = h->health;

	if (!hh)
		return;
	deia__telling_free(h);
	deia__alerts_free(h);
	deia__health_drop_loaded(h);
	deia__health_models_free(h);
	deia_health_free(hh->monitor);
	deia__free(hh->state_dir);
	deia__free(hh);
	h->health = NULL;
}
