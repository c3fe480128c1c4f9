/* SPDX-License-Identifier: MIT */
/*
 * bots.c - the supervisor's public calls.
 *
 * Each finds its bot, checks the move against the state table and begins the
 * action; what follows happens in bot.c, from the loop. Bots are kept in an
 * array in order of id: looking up is a binary search. Calls that only look are
 * in look.c.
 */
#include "bot/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "process/cgroup.h"
#include "bot/spec.h"
#include "bot/state.h"
#include "core/mem.h"

/* Log lines waiting for the disk, of all bots together. */
#define LOG_QUEUE_BYTES (4u << 20)
/* deia_bots_free waits this long in all for guards to end. */
#define FREE_PATIENCE_MS 2000

/* ---- life of the supervisor --------------------------------------------------------- */

static void on_launch(evutil_socket_t fd, short what, void *arg)
{
	struct deia_bots *bots = arg;

	(void)fd;
	(void)what;
	if (bots->stops_left)
		deia__order_stop_some(bots);
	deia__start_next(bots);
	deia__bots_check_stopped(bots);
}

void deia__bots_wake(struct deia_bots *bots)
{
	static const struct timeval now = { 0, 0 };

	event_add(&bots->launch_event, &now);
}

static bool overlay_opts(struct deia_bots_opts *full,
			 const struct deia_bots_opts *opts)
{
	*full = (struct deia_bots_opts)DEIA_BOTS_OPTS_INIT;
	if (opts == NULL || opts->size < sizeof(size_t) ||
	    opts->size > sizeof(*full))
		return false;
	memcpy(full, opts, opts->size);
	full->size = sizeof(*full);
	return full->guard_program != NULL && full->bot_program != NULL &&
	       (full->work_dir == NULL || full->work_dir[0] == '/');
}

static deia_err open_logs(struct deia_bots *bots)
{
	if (bots->opts.log_dir == NULL)
		return DEIA_OK;
	bots->log_dir = deia__strdup(bots->opts.log_dir);
	if (bots->log_dir == NULL)
		return DEIA_ENOMEM;
	if (mkdir(bots->log_dir, 0700) != 0 && errno != EEXIST)
		return DEIA_EIO;
	return deia__logs_new(&bots->logs, LOG_QUEUE_BYTES);
}

static deia_err fill(struct deia_bots *bots, struct event_base *base)
{
	const struct deia__cgroups_opts cgroups = {
		.may_move = bots->opts.own_cgroup
	};
	deia_err err;

	bots->env.base = base;
	for (int i = 0; i < DEIA_WORK_KINDS; i++)
		deia_histogram_init(&bots->waits[i], DEIA_SCALE_WAIT);
	TAILQ_INIT(&bots->launches);
	TAILQ_INIT(&bots->orphans);
	deia__notes_init(bots);
	evtimer_assign(&bots->launch_event, base, on_launch, bots);
	bots->all_stopped_note.kind = DEIA__NOTE_ALL_STOPPED;
	deia__rng_init(&bots->rng, bots->opts.seed);
	bots->guard_program = deia__strdup(bots->opts.guard_program);
	bots->bot_program = deia__strdup(bots->opts.bot_program);
	if (bots->guard_program == NULL || bots->bot_program == NULL)
		return DEIA_ENOMEM;
	if (bots->opts.work_dir != NULL) {
		bots->work_dir = deia__strdup(bots->opts.work_dir);
		if (bots->work_dir == NULL)
			return DEIA_ENOMEM;
	}
	err = deia__timers_new(&bots->env.timers, base, NULL);
	if (!err)
		err = deia__cgroups_new(&bots->env.cgroups, &cgroups);
	return err ? err : open_logs(bots);
}

deia_err deia_bots_new(deia_bots **out, struct event_base *base,
		       const struct deia_bots_opts *opts)
{
	struct deia_bots *bots;
	deia_err err;

	*out = NULL;
	bots = deia__alloc(sizeof(*bots));
	if (bots == NULL)
		return DEIA_ENOMEM;
	if (base == NULL || !overlay_opts(&bots->opts, opts)) {
		deia__free(bots);
		return DEIA_EINVAL;
	}
	err = fill(bots, base);
	if (err) {
		deia_bots_free(bots);
		return err;
	}
	*out = bots;
	return DEIA_OK;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reaps a guard that was told to kill; gives up at the deadline. */
/* All are told first, so that they end side by side. */
static void end_processes(struct deia_bots *bots)
{
	int64_t deadline = now_ms() + FREE_PATIENCE_MS;
	size_t i;

	for (i = 0; i < bots->n_bots; i++)
		if (bots->bots[i]->proc != NULL)
			deia__proc_kill(bots->bots[i]->proc);
	for (i = 0; i < bots->n_bots; i++) {
		struct deia__bot *bot = bots->bots[i];

		if (bot->proc == NULL)
			continue;
		deia__guard_await(deia__proc_abandon(bot->proc),
				  deadline - now_ms());
		bot->proc = NULL;
	}
}

void deia_bots_free(deia_bots *bots)
{
	size_t i;

	if (bots == NULL)
		return;
	end_processes(bots);
	event_del(&bots->launch_event);
	deia__notes_drop(bots);
	for (i = 0; i < bots->n_bots; i++)
		deia__bot_unref(bots->bots[i]);
	if (bots->logs != NULL)
		deia__logs_free(bots->logs);
	deia__timers_free(bots->env.timers);
	deia__cgroups_free(bots->env.cgroups);
	deia__free(bots->bots);
	deia__free(bots->guard_program);
	deia__free(bots->bot_program);
	deia__free(bots->log_dir);
	deia__free(bots->work_dir);
	deia__free(bots);
}

const char *deia_bots_errmsg(const deia_bots *bots)
{
	return bots->errmsg.text;
}

/* ---- the table ----------------------------------------------------------------------- */

size_t deia__bots_position(const struct deia_bots *bots, const char *id,
			   bool *found)
{
	size_t low = 0, high = bots->n_bots, mid;
	int order;

	*found = false;
	while (low < high) {
		mid = low + (high - low) / 2;
		order = strcmp(bots->bots[mid]->spec->id, id);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct deia__bot *deia__bots_find(const struct deia_bots *bots, const char *id)
{
	bool found;
	size_t at;

	if (id == NULL)
		return NULL;
	at = deia__bots_position(bots, id, &found);
	return found ? bots->bots[at] : NULL;
}

deia_err deia__bots_need(struct deia_bots *bots, const char *id,
			 struct deia__bot **bot)
{
	*bot = deia__bots_find(bots, id);
	if (*bot != NULL)
		return DEIA_OK;
	return deia__fail(&bots->errmsg, DEIA_ENOTFOUND,
			  "there is no bot \"%.64s\"", id != NULL ? id : "");
}

static deia_err wrong_state(const struct deia__bot *bot, const char *action,
			    const char *wanted)
{
	return deia__fail(&bot->bots->errmsg, DEIA_ESTATE,
			  "bot %s is %s and cannot be %s: it must be %s",
			  bot->spec->id, deia_bot_state_name(bot->info.state),
			  action, wanted);
}

static deia_err check_spec(deia_bots *bots, const struct deia_bot_spec *spec)
{
	struct deia_field_error where;
	deia_err err = deia_bot_spec_check(spec, &where);

	if (!err && spec->id == NULL)
		err = deia__field_error(&where, "/id", "is required");
	if (err == DEIA_EFIELD)
		return deia__fail(&bots->errmsg, err, "%s: %s", where.pointer,
				  where.detail);
	return err;
}

static deia_err insert(deia_bots *bots, size_t at, struct deia__bot *bot)
{
	struct deia__bot **list;
	size_t cap;

	if (bots->n_bots == bots->cap_bots) {
		cap = bots->cap_bots != 0 ? bots->cap_bots * 2 : 16;
		list = deia__realloc(bots->bots,
				     cap * sizeof(struct deia__bot *));
		if (list == NULL)
			return DEIA_ENOMEM;
		bots->bots = list;
		bots->cap_bots = cap;
	}
	memmove(bots->bots + at + 1, bots->bots + at,
		(bots->n_bots - at) * sizeof(struct deia__bot *));
	bots->bots[at] = bot;
	bots->n_bots++;
	bots->counts[bot->info.state]++;
	return DEIA_OK;
}

deia_err deia_bots_add(deia_bots *bots, const struct deia_bot_spec *spec)
{
	struct deia__bot *bot;
	deia_err err;
	bool found;
	size_t at;

	err = check_spec(bots, spec);
	if (err)
		return err;
	at = deia__bots_position(bots, spec->id, &found);
	if (found)
		return deia__fail(&bots->errmsg, DEIA_EEXIST,
				  "there is a bot %s already", spec->id);
	err = deia__order_check(bots, spec);
	if (err)
		return err;
	if (bots->n_bots >= DEIA_MAX_BOTS)
		return deia__fail(&bots->errmsg, DEIA_ELIMIT,
				  "there are %d bots already, which is the "
				  "limit",
				  DEIA_MAX_BOTS);
	err = deia__bot_new(&bot, bots, spec);
	if (err)
		return err;
	err = insert(bots, at, bot);
	if (err)
		deia__bot_unref(bot);
	else
		deia__order_added(bots);
	return err;
}

deia_err deia_bots_set_spec(deia_bots *bots, const struct deia_bot_spec *spec)
{
	struct deia_bot_spec *copy;
	struct deia__bot *bot;
	deia_err err;

	err = check_spec(bots, spec);
	if (!err)
		err = deia__bots_need(bots, spec->id, &bot);
	if (!err)
		err = deia__order_check(bots, spec);
	if (!err)
		err = deia_bot_spec_dup(&copy, spec);
	if (err)
		return err;
	if (bot->started_spec != bot->spec)
		deia_bot_spec_free(bot->spec);
	bot->spec = copy;
	deia__caps_refresh(bot);
	if (!deia__bot_is_live(bot))
		bot->info.max_concurrent = copy->max_concurrent;
	bot->info.needs_restart =
		bot->started_spec != NULL &&
		deia_bot_spec_needs_restart(bot->started_spec, copy);
	deia__order_look(bot);
	deia__watch_refresh(bot);
	if (bot->info.state == DEIA_BOT_FAILED)
		deia__bot_retry_later(bot);
	return DEIA_OK;
}

deia_err deia_bots_remove(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);
	bool found;
	size_t at;

	if (err)
		return err;
	if (deia__bot_is_live(bot))
		return wrong_state(bot, "removed",
				   "stopped, failed, backoff or offline");
	at = deia__bots_position(bots, id, &found);
	memmove(bots->bots + at, bots->bots + at + 1,
		(bots->n_bots - at - 1) * sizeof(struct deia__bot *));
	bots->n_bots--;
	bots->counts[bot->info.state]--;
	deia__order_removed(bot);
	deia__turns_end_waiting(bot, DEIA_ECANCELED, "the bot was removed");
	deia__bot_clear_timers(bot);
	bot->removed = true;
	deia__bot_unref(bot);
	return DEIA_OK;
}

deia_err deia_bots_check_depends(deia_bots *bots,
				 const struct deia_bot_spec *spec)
{
	return deia__order_check(bots, spec);
}

deia_err deia_bots_delete_log(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err || bots->logs == NULL)
		return err;
	bot->delete_log = deia__log_open(bot);
	return bot->delete_log ? DEIA_OK : DEIA_ENOMEM;
}

/* ---- actions -------------------------------------------------------------------------- */

static void start_anew(struct deia__bot *bot)
{
	deia__restart_clear(&bot->history);
	bot->info.restarts = 0;
	bot->has_run = false;
	bot->was_paused = false;
	deia__bot_start(bot);
}

deia_err deia_bots_start(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (!deia_bot_state_can(bot->info.state, DEIA_BOT_STARTING))
		return wrong_state(bot, "started",
				   "stopped, failed or backoff");
	start_anew(bot);
	return DEIA_OK;
}

deia_err deia_bots_stop(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (bot->info.state == DEIA_BOT_STOPPING && bot->start_after_stop) {
		bot->start_after_stop = false; /* a restart becomes a stop */
		return DEIA_OK;
	}
	if (bot->info.state == DEIA_BOT_STOPPED)
		return deia__fail(&bots->errmsg, DEIA_ESTATE,
				  "bot %s is stopped already", bot->spec->id);
	if (bot->info.state == DEIA_BOT_STOPPING)
		return deia__fail(&bots->errmsg, DEIA_ESTATE,
				  "bot %s is stopping already: %s",
				  bot->spec->id, bot->reason);
	bot->start_after_stop = false;
	deia__bot_stop(bot);
	return DEIA_OK;
}

deia_err deia_bots_restart(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (bot->info.state == DEIA_BOT_STOPPING)
		return wrong_state(bot, "restarted",
				   "in another state than this");
	if (bot->launch_queued || bot->waits)
		return DEIA_OK; /* it has not even begun */
	if (!deia__bot_is_live(bot) && bot->info.state != DEIA_BOT_OFFLINE) {
		start_anew(bot);
		return DEIA_OK;
	}
	deia__restart_clear(&bot->history);
	bot->info.restarts = 0;
	bot->has_run = false;
	bot->start_after_stop = true;
	deia__bot_stop(bot);
	return DEIA_OK;
}

deia_err deia_bots_pause(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (!deia_bot_state_can(bot->info.state, DEIA_BOT_PAUSED))
		return wrong_state(bot, "paused", "ready or busy");
	deia__bot_move(bot, DEIA_BOT_PAUSED, "paused by hand");
	return DEIA_OK;
}

deia_err deia_bots_resume(deia_bots *bots, const char *id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (bot->was_paused) { /* not yet again: then it will not be */
		bot->was_paused = false;
		return DEIA_OK;
	}
	if (bot->info.state != DEIA_BOT_PAUSED)
		return wrong_state(bot, "resumed", "paused");
	deia__bot_move(bot,
		       bot->info.running != 0 ? DEIA_BOT_BUSY : DEIA_BOT_READY,
		       "%s", deia__watch_stopped(bot));
	deia__turns_pump(bot);
	return DEIA_OK;
}

deia_err deia_bots_interrupt(deia_bots *bots, const char *id,
			     const char *work_id)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (!deia__bot_is_live(bot) || bot->launch_queued || bot->waits ||
	    bot->info.state == DEIA_BOT_STOPPING)
		return wrong_state(bot, "interrupted", "ready, busy or paused");
	if (deia__turns_interrupt(bot, work_id, DEIA_ECANCELED, "interrupted"))
		return DEIA_OK;
	return deia__fail(&bots->errmsg, DEIA_ENOTFOUND,
			  "bot %s has no running turn \"%.64s\"", id, work_id);
}

void deia__bots_check_stopped(struct deia_bots *bots)
{
	if (bots->all_stopped == NULL || bots->n_procs != 0 ||
	    !TAILQ_EMPTY(&bots->launches) || bots->stops_left)
		return;
	deia__notes_add(bots, &bots->all_stopped_note);
}

/* Those without a process: nothing starts any more. */
static void stop_waiting(struct deia__bot *bot)
{
	if (bot->info.state == DEIA_BOT_BACKOFF ||
	    bot->info.state == DEIA_BOT_OFFLINE)
		deia__bot_stop(bot);
	else if (bot->info.state == DEIA_BOT_FAILED)
		deia__bot_retry_later(bot);
}

deia_err deia_bots_stop_all(deia_bots *bots, void (*cb)(void *user), void *user)
{
	size_t i;

	if (cb == NULL || bots->all_stopped != NULL)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  cb == NULL ? "a callback is needed"
					     : "stop_all was called before");
	bots->all_stopped = cb;
	bots->all_stopped_user = user;
	for (i = 0; i < bots->n_bots; i++) {
		bots->bots[i]->start_after_stop = false;
		stop_waiting(bots->bots[i]);
	}
	deia__order_stop_some(bots);
	deia__bots_check_stopped(bots);
	return DEIA_OK;
}

/* ---- work ------------------------------------------------------------------------------- */

deia_err deia_bots_submit(deia_bots *bots, const char *id,
			  const struct deia_work_spec *spec,
			  const struct deia_work_events *events, void *user,
			  deia_work **out)
{
	struct deia__bot *bot;
	deia_err err;

	if (out != NULL)
		*out = NULL;
	err = deia__bots_need(bots, id, &bot);
	if (err)
		return err;
	if (spec == NULL || spec->size != sizeof(*spec) || events == NULL ||
	    events->on_done == NULL)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a turn needs its size, its events and "
				  "on_done");
	return deia__turn_submit(bot, spec, events, user, out);
}

deia_err deia_bots_send_line(deia_bots *bots, const char *id, const char *json,
			     size_t len)
{
	struct deia__bot *bot;
	deia_err err = deia__bots_need(bots, id, &bot);

	if (err)
		return err;
	if (bot->proc == NULL || bot->info.state == DEIA_BOT_STOPPING)
		return wrong_state(bot, "written to", "running");
	if (len > DEIA_MAX_LINE_BYTES || memchr(json, '\n', len) != NULL)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a line must be at most 2 MiB and hold no "
				  "newline");
	err = deia__proc_write(bot->proc, json, len);
	if (err)
		return deia__fail(&bots->errmsg, err,
				  "bot %s does not read its input",
				  bot->spec->id);
	bot->info.lines_out++;
	return DEIA_OK;
}
