/* SPDX-License-Identifier: MIT */
/*
 * hive.c - the life of a hive: opening, starting, stopping, freeing.
 *
 * The hive owns the modules and the only references between them. Order of
 * death: turns (what they have is committed), the store (which calls what is
 * due), posted calls, bots, listeners, then the rest.
 */
#include "hive/checks/checks.h"
#include "hive/health/health.h"
#include "hive/insight/insight.h"
#include "hive/mail/reply.h"
#include "hive/nodes/nodes.h"
#include "hive/scheduling/scheduling.h"
#include "hive/tasks/tasks.h"
#include "hive/tasks/budgets.h"
#include "hive/scaling/scaling.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>
#include <sodium.h>

#include "store/copy.h"

deia_err deia__hive_fail(deia_hive *h, deia_err err, const char *fmt, ...)
{
	char text[DEIA__ERRMSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->has_field = false;
	return deia__fail(&h->msg, err, "%s", text);
}

deia_err deia__hive_field(deia_hive *h, const char *pointer, const char *fmt,
			  ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->field.detail, sizeof(h->field.detail), fmt, ap);
	va_end(ap);
	snprintf(h->field.pointer, sizeof(h->field.pointer), "%s", pointer);
	deia__hive_fail(h, DEIA_EFIELD, "%s: %s", pointer, h->field.detail);
	h->has_field = true;
	return DEIA_EFIELD;
}

void deia__hive_log(deia_hive *h, enum deia_log_level level, const char *fmt,
		    ...)
{
	char text[1024];
	struct deia_log_line line = { sizeof(line), level, text, fmt };
	va_list ap;

	if (!h->log && !h->log_line)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h->log_line)
		h->log_line(&line, h->log_user);
	else
		h->log(level, text, h->log_user);
}

const char *deia_hive_errmsg(const deia_hive *h)
{
	return h->msg.text;
}

const struct deia_field_error *deia_hive_field_error(const deia_hive *h)
{
	return h->has_field ? &h->field : NULL;
}

const struct deia_actor *deia_actor_local(void)
{
	static const struct deia_actor local = {
		.name = "local",
		.role = DEIA_ROLE_ADMIN,
	};

	return &local;
}

/* ---- opening ----------------------------------------------------------- */

static bool is_program(const char *dir, size_t dir_len, const char *name,
		       char *out, size_t out_len)
{
	int n = snprintf(out, out_len, "%.*s/%s", (int)dir_len, dir, name);

	return n > 0 && (size_t)n < out_len && access(out, X_OK) == 0;
}

/* Beside the running program (or in ../libexec/deia), then along PATH. */
static bool find_program(const char *dir, const char *name, char *out,
			 size_t out_len)
{
	char self[PATH_MAX];
	const char *path = getenv("PATH");
	ssize_t n;

	if (dir)
		return is_program(dir, strlen(dir), name, out, out_len);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		if (is_program(self, (size_t)(strrchr(self, '/') - self), name,
			       out, out_len))
			return true;
	}
	while (path && *path) {
		size_t len = strcspn(path, ":");

		if (len && is_program(path, len, name, out, out_len))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

static void say(char *detail, size_t len, const char *fmt, ...)
	DEIA_PRINTF(3, 4);

static void say(char *detail, size_t len, const char *fmt, ...)
{
	va_list ap;

	if (!detail || !len)
		return;
	va_start(ap, fmt);
	vsnprintf(detail, len, fmt, ap);
	va_end(ap);
}

static deia_err open_bots(deia_hive *h, const struct deia_hive_opts *o,
			  char *detail, size_t detail_len)
{
	char guard[PATH_MAX], bot[PATH_MAX];
	struct deia_bots_opts bo = DEIA_BOTS_OPTS_INIT;
	deia_err err;

	if (!find_program(o->program_dir, "deia-guard", guard, sizeof(guard)) ||
	    !find_program(o->program_dir, "deia-bot", bot, sizeof(bot))) {
		say(detail, detail_len,
		    "deia-guard and deia-bot are not beside this program nor "
		    "on PATH; install deia completely");
		return DEIA_ENOTFOUND;
	}
	h->guard_program = deia__strdup(guard);
	h->probes->bot_program = deia__strdup(bot);
	if (!h->guard_program || !h->probes->bot_program)
		return DEIA_ENOMEM;
	bo.guard_program = guard;
	bo.bot_program = bot;
	bo.log_dir = o->log_dir;
	bo.work_dir = o->work_dir;
	bo.own_cgroup = o->own_cgroup;
	bo.seed = o->seed;
	bo.user = h;
	bo.on_state = deia__bots_on_state;
	bo.on_env = deia__bots_on_env;
	bo.on_line = deia__bots_on_line;
	bo.on_claimable = deia__bots_on_claimable;
	bo.on_drained = deia__bots_on_drained;
	err = deia_bots_new(&h->bots, h->base, &bo);
	if (err)
		say(detail, detail_len, "the supervisor could not start: %s",
		    deia_err_text(err));
	else
		deia__hive_log(h, DEIA_LOG_INFO, "%s",
			       deia_bots_cgroups(h->bots));
	return err;
}

static deia_err open_journal(deia_hive *h, const struct deia_hive_opts *o,
			     char *detail, size_t detail_len)
{
	char path[PATH_MAX];

	if (!o->log_dir)
		return DEIA_OK;
	if (mkdir(o->log_dir, 0700) && access(o->log_dir, W_OK)) {
		say(detail, detail_len, "cannot write to the folder %s: %s",
		    o->log_dir, strerror(errno));
		return DEIA_EIO;
	}
	h->log_dir = deia__strdup(o->log_dir);
	snprintf(path, sizeof(path), "%s/audit.jsonl", o->log_dir);
	if (!h->log_dir || deia__logs_new(&h->logs, 4u << 20) ||
	    deia__logfile_open(&h->audit_journal, h->logs, path,
			       DEIA_MAX_LOG_FILE_BYTES, DEIA_LOG_FILES_KEPT)) {
		say(detail, detail_len, "out of memory");
		return DEIA_ENOMEM;
	}
	return DEIA_OK;
}

static deia_err open_loop(deia_hive *h, struct event_base *base)
{
	deia_err err;

	h->base = base;
	if (!base) {
		h->base = event_base_new();
		h->own_base = true;
	}
	if (!h->base)
		return DEIA_ENOMEM;
	err = deia__post_new(&h->post, h->base);
	if (!err)
		err = deia__timers_new(&h->timers, h->base, NULL);
	if (!err)
		err = deia__tokens_new(&h->tokens);
	if (!err)
		err = deia__scaling_new(h);
	if (!err)
		err = deia__events_init(h);
	return err;
}

/* What opening did to the database: a copy, migrations. */
static void on_store_note(const char *text, void *user)
{
	deia__hive_log(user, DEIA_LOG_INFO, "%s", text);
}

/* A store that a copy was begun into and not ended is no hive's yet. */
static deia_err check_whole(deia_hive *h, char *detail, size_t detail_len)
{
	deia_err err = deia__store_check_whole(h->store, &h->msg);

	if (err)
		say(detail, detail_len, "%s", h->msg.text);
	return err;
}

static deia_err open_store(deia_hive *h, const struct deia_hive_opts *o,
			   char *detail, size_t detail_len)
{
	struct deia_store_opts so = DEIA_STORE_OPTS_INIT;
	deia_err err;

	so.durability = o->durability;
	(void)deia_store_has_postgresql(); /* brings it into the program */
	so.backup_dir = o->backup_dir;
	so.note = on_store_note;
	so.note_user = h;
	err = deia_store_open(&h->store, h->base,
			      o->store_url ? o->store_url : "memory:", &so,
			      detail, detail_len);
	return err ? err : check_whole(h, detail, detail_len);
}

static deia_err load_rest(deia_hive *h)
{
	deia_err err = deia__scaling_load(h);

	if (!err)
		err = deia__dialogues_load(h);
	if (!err)
		err = deia__health_load(h);
	if (!err)
		err = deia__nodes_settle(h);
	return err ? err : deia__nodes_start(h);
}

static deia_err open_all(deia_hive *h, struct event_base *base,
			 const struct deia_hive_opts *o, char *detail,
			 size_t detail_len)
{
	deia_err err = open_loop(h, base);

	if (err) {
		say(detail, detail_len, "%s", deia_err_text(err));
		return err;
	}
	if (o->url && !(h->url = deia__strdup(o->url)))
		return DEIA_ENOMEM;
	err = open_journal(h, o, detail, detail_len);
	if (!err)
		err = deia__health_new(h, o);
	if (!err)
		err = deia__probes_new(h, o);
	if (!err)
		err = deia__insight_new(h);
	if (!err)
		err = open_store(h, o, detail, detail_len);
	if (!err)
		err = deia__nodes_open(h, o, detail, detail_len);
	if (!err)
		err = deia__cache_open(h, o, detail, detail_len);
	if (!err)
		err = open_bots(h, o, detail, detail_len);
	if (!err) {
		err = deia__hive_load(h, o->token_file);
		if (!err)
			err = deia__tasks_new(h, o);
		if (err)
			say(detail, detail_len, "%s", h->msg.text);
	}
	if (!err)
		err = deia__scheduling_open(h, o, detail, detail_len);
	if (!err)
		err = deia__tasks_open(h, detail, detail_len);
	if (!err)
		err = deia__mail_open(h, o, detail, detail_len);
	if (!err) {
		err = deia__budgets_open(h);
		if (err)
			say(detail, detail_len, "%s", h->msg.text);
	}
	if (!err) {
		err = load_rest(h);
		if (err)
			say(detail, detail_len, "%s", h->msg.text);
	}
	return err;
}

deia_err deia_hive_new(deia_hive **out, struct event_base *base,
		       const struct deia_hive_opts *opts, char *detail,
		       size_t detail_len)
{
	struct deia_hive_opts o = DEIA_HIVE_OPTS_INIT;
	deia_hive *h;
	deia_err err;

	*out = NULL;
	if (opts &&
	    (opts->size < sizeof(opts->size) || opts->size > sizeof(o))) {
		say(detail, detail_len, "opts: size is not of this version");
		return DEIA_EINVAL;
	}
	if (opts)
		memcpy(&o, opts, opts->size);
	if (sodium_init() < 0)
		return DEIA_EIO;
	h = deia__alloc(sizeof(*h));
	if (!h)
		return DEIA_ENOMEM;
	TAILQ_INIT(&h->claim_waits);
	TAILQ_INIT(&h->repliers);
	h->log = o.log;
	h->log_line = o.log_line;
	deia_trace_source_init(&h->traces);
	h->log_user = o.log_user;
	h->events_kept = o.events_kept;
	h->audit_days = o.audit_days;
	h->chat_days = o.chat_days;
	h->status_days = o.status_days;
	h->started_unix_ms = deia__unix_ms(NULL);
	h->started_ms = deia__now_ms(NULL);
	say(detail, detail_len, "%s", "");
	err = open_all(h, base, &o, detail, detail_len);
	if (err) {
		deia_hive_free(h);
		return err;
	}
	*out = h;
	return DEIA_OK;
}

/* ---- running ----------------------------------------------------------- */

deia_err deia_hive_start(deia_hive *h)
{
	struct deia__hbot *b, *next;
	deia_err err;

	if (h->started)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "the hive is started already");
	err = deia__scheduling_add_types(h); /* some are new, perhaps */
	if (err)
		return err;
	deia_tasks_start(h->tasks->queue);
	h->started = true;
	deia__health_start(h);
	deia__probes_start(h);
	deia__insight_start(h);
	HASH_ITER(hh, h->hbots, b, next) {
		if (b->wish == DEIA__WISH_STOPPED)
			continue;
		if (deia_bots_start(h->bots, b->id))
			deia__hive_log(h, DEIA_LOG_ERROR,
				       "bot %s could not be started: %s", b->id,
				       deia_bots_errmsg(h->bots));
	}
	deia__dialogues_start(h);
	deia__reply_look(h, NULL);
	deia__retention_start(h);
	deia__samples_start(h);
	deia__access_timers(h);
	deia__cache_start(h);
	deia__scaling_arm(h);
	return DEIA_OK;
}

deia_err deia_hive_run(deia_hive *h)
{
	if (!h->own_base)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "the loop is the caller's: run that");
	h->quit = false;
	while (!h->quit)
		if (event_base_loop(h->base, EVLOOP_ONCE) < 0)
			return deia__hive_fail(h, DEIA_EIO,
					       "the event loop failed");
	return DEIA_OK;
}

void deia_hive_quit(deia_hive *h)
{
	h->quit = true;
	event_base_loopbreak(h->base);
}

deia_err deia_hive_post(deia_hive *h, void (*fn)(void *arg), void *arg)
{
	return deia__post_call(h->post, fn, arg);
}

deia_err deia_hive_set_url(deia_hive *h, const char *url)
{
	char *copy = deia__strdup(url);

	if (!copy)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	deia__free(h->url);
	h->url = copy;
	return DEIA_OK;
}

void deia_hive_reopen_logs(deia_hive *h)
{
	deia_bots_reopen_logs(h->bots);
	if (h->logs)
		deia__logs_reopen(h->logs);
	deia_messenger_reopen_journal(h->mail->messenger);
}

void deia_hive_get_status(const deia_hive *h, struct deia_hive_status *out)
{
	memset(out, 0, sizeof(*out));
	out->bots = (unsigned)deia_bots_count(h->bots);
	deia_bots_count_states(h->bots, out->bot_states);
	deia_store_get_stats(h->store, &out->store);
	out->store_backend = deia_store_backend_name(h->store);
	out->store_ok = !out->store.failed_hard && !out->store.away;
	out->stopping = h->stopping;
	out->started_unix_ms = h->started_unix_ms;
	out->uptime_ms = (uint64_t)(deia__now_ms(NULL) - h->started_ms);
	out->turns_running = h->n_turns;
	out->turns_done = h->turns_done;
	out->events = h->ring.n_published;
	out->subscriptions = h->ring.n_subs;
	for (int kind = 0; kind < DEIA_WORK_KINDS; kind++)
		deia_bots_turn_waits(h->bots, kind, &out->turn_waits[kind]);
}

/* ---- stopping ---------------------------------------------------------- */

static void stopped_now(void *arg)
{
	deia_hive *h = arg;
	void (*cb)(void *user) = h->stop_cb;

	h->stop_cb = NULL;
	if (cb)
		cb(h->stop_user);
}

/* What waits for a database that is away is given up with the store. */
static bool waits_for_changes(deia_hive *h)
{
	struct deia_store_stats st;

	if (!h->n_changes && deia__mail_is_idle(h) && deia__tasks_is_idle(h))
		return false;
	deia_store_get_stats(h->store, &st);
	return !st.away;
}

void deia__hive_check_stopped(deia_hive *h)
{
	if (!h->stop_cb || !h->bots_stopped || h->n_turns || h->n_mail_turns ||
	    h->tasks->n_runs)
		return;
	deia__tasks_settle(h);
	if (!h->mail->stopped) { /* the last answers are sent */
		deia__scheduling_stop(h);
		deia__budgets_stop(h);
		deia__health_stop(h);
		deia__mail_stop(h);
	}
	if (!h->bots_stopped || waits_for_changes(h))
		return;
	h->bots_stopped = false; /* once */
	if (deia__post_call(h->post, stopped_now, h))
		stopped_now(h);
}

static void on_bots_stopped(void *user)
{
	deia_hive *h = user;

	h->bots_stopped = true;
	deia__hive_check_stopped(h);
}

deia_err deia_hive_stop(deia_hive *h, void (*cb)(void *user), void *user)
{
	deia_err err;

	if (h->stopping)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "the hive is stopping already");
	h->stopping = true;
	h->stop_cb = cb;
	h->stop_user = user;
	deia__retention_stop(h);
	deia__samples_stop(h);
	deia__scaling_stop(h);
	deia__health_pause(h);
	deia__probes_stop(h);
	deia_hive_end_waits(h);
	deia__turns_cancel_all(h);
	deia__task_runs_cancel(h, NULL);
	err = deia_bots_stop_all(h->bots, on_bots_stopped, h);
	if (err) {
		h->stopping = false;
		h->stop_cb = NULL;
		return deia__hive_fail(h, err, "%s", deia_bots_errmsg(h->bots));
	}
	deia__tasks_stop(h);
	return DEIA_OK;
}

static void abandon_removals(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		deia__removal_abandon(h, b);
}

static void free_hbots(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next) {
		HASH_DEL(h->hbots, b);
		deia__free(b);
	}
}

void deia_hive_free(deia_hive *h)
{
	if (!h)
		return;
	h->freeing = true;
	h->stopping = true;
	if (h->timers) {
		deia__retention_stop(h);
		deia__samples_stop(h);
		deia__scaling_stop(h);
	}
	if (h->bots)
		deia__claims_end(h, NULL);
	deia__turns_abandon(h);
	deia__mail_closing(h);
	deia__tasks_closing(h);
	deia__scheduling_stop(h);
	deia__budgets_stop(h);
	deia__health_stop(h);
	deia__nodes_end(h);
	deia__probes_end(h);
	deia_store_close(h->store);
	h->store = NULL;
	deia__cache_close(h); /* heard of the last changes */
	deia__post_free(h->post);
	h->post = NULL;
	deia__mail_free(h);
	deia__tasks_free(h);
	deia__dialogues_free(h);
	deia__repliers_free(h);
	abandon_removals(h);
	deia_bots_free(h->bots);
	deia__probes_free(h);
	deia__events_fini(h);
	deia__scaling_free(h);
	deia__nodes_free(h);
	deia__scheduling_free(h);
	deia__budgets_free(h);
	deia__health_free(h);
	deia__insight_free(h);
	free_hbots(h);
	deia__tokens_free(h->tokens);
	deia__timers_free(h->timers);
	if (h->audit_journal)
		deia__logfile_close(h->audit_journal);
	if (h->logs)
		deia__logs_free(h->logs);
	if (h->own_base && h->base)
		event_base_free(h->base);
	deia__free(h->url);
	deia__free(h->log_dir);
	deia__free(h->guard_program);
	deia__free(h->log_path);
	deia__free(h);
}
