/* SPDX-License-Identifier: MIT */
/*
 * asker.c - see asker.h: asks the hive in a thread of its own.
 *
 * Answers are parsed without the lock and taken over under it, so whoever
 * draws waits for a copy at most. Acts go before what is left of a look, and
 * the next look begins at once after one.
 */
#include "asker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../cli.h"

#define LOOK_AGAIN_MS 300 /* after an act, for what it set going */

typedef void (*take_fn)(struct top_data *d, const cJSON *answer);

int64_t top_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void top_asker_init(struct top_asker *a, struct cli *cli, unsigned every_ms)
{
	pthread_condattr_t attr;

	*a = (struct top_asker){
		.cli = cli, .every_ms = every_ms, .round = 1, .wake_fd = -1
	};
	a->answered_ms = top_now_ms();
	top_data_init(&a->data);
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &attr);
	pthread_condattr_destroy(&attr);
}

void top_asker_free(struct top_asker *a)
{
	top_data_free(&a->data);
	free(a->cursor);
	if (a->wake_fd >= 0)
		close(a->wake_fd);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
}

void top_tell_news(const struct top_asker *a)
{
	uint64_t one = 1;

	if (a->wake_fd >= 0 && write(a->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is full: there is news already */
}

/* ---- calls ------------------------------------------------------------- */

static bool is_lost(deia_err err)
{
	return err == DEIA_EIO || err == DEIA_ETIMEDOUT || err == DEIA_EPROTO;
}

char *top_why_not(const struct top_asker *a)
{
	return plain_fields(deia_client_errmsg(a->cli->client));
}

/* What a call of a look came to. The first thing that went wrong stays until
 * a look goes well. */
static void note_result(struct top_asker *a, deia_err err)
{
	char *why;

	if (err == DEIA_ECANCELED)
		return;
	why = top_why_not(a);
	pthread_mutex_lock(&a->lock);
	if (!is_lost(err)) {
		a->answered_ms = top_now_ms();
		a->lost_ms = 0;
	} else if (a->lost_ms == 0) {
		a->lost_ms = a->answered_ms;
	}
	if (err != DEIA_OK && !a->failed)
		top_keep(a->trouble, sizeof(a->trouble), why);
	a->failed |= err != DEIA_OK;
	pthread_mutex_unlock(&a->lock);
	free(why);
}

/* After which the rest of a look is left out. */
static bool is_final(deia_err err)
{
	return is_lost(err) || err == DEIA_ECANCELED || err == DEIA_EAUTH;
}

static deia_err get(struct top_asker *a, const char *path, take_fn take)
{
	cJSON *json = NULL;
	deia_err err = ask_quietly(a->cli, "GET", path, NULL, &json, NULL);

	note_result(a, err);
	if (err == DEIA_OK) {
		pthread_mutex_lock(&a->lock);
		take(&a->data, json);
		pthread_mutex_unlock(&a->lock);
	}
	cJSON_Delete(json);
	return err;
}

/* ---- bots -------------------------------------------------------------- */

static deia_err get_bots(struct top_asker *a, const char *state, bool *more)
{
	struct text path = { 0 };
	cJSON *json = NULL;
	deia_err err;

	text_addf(&path, "/api/v1/bots?limit=%d", TOP_PAGE);
	query_add(&path, "state", state);
	if (state == NULL)
		query_add(&path, "cursor", a->cursor);
	err = ask_quietly(a->cli, "GET", path.data, NULL, &json, NULL);
	text_free(&path);
	note_result(a, err);
	if (state == NULL) {
		free(a->cursor);
		a->cursor = NULL;
	}
	if (err == DEIA_OK) {
		const char *cursor = jtext(json, "next_cursor");

		*more = *cursor != '\0';
		if (state == NULL && *more)
			a->cursor = must_dup(cursor);
		pthread_mutex_lock(&a->lock);
		top_take_bots(&a->data, json, a->round);
		if (state == NULL && !*more)
			top_sweep_bots(&a->data, a->round);
		pthread_mutex_unlock(&a->lock);
		if (state == NULL && !*more)
			a->round++;
	}
	cJSON_Delete(json);
	return err;
}

/* Those that need somebody come with each look, however many bots there
 * are; with one page of bots they are on it. */
static deia_err get_trouble(struct top_asker *a)
{
	deia_err err = DEIA_OK;
	bool more;

	for (unsigned i = 0; i < 3 && err == DEIA_OK; i++) {
		if (a->data.n_total > TOP_PAGE && a->data.n_in_state[i] > 0)
			err = get_bots(a, top_states[i], &more);
	}
	return err;
}

static deia_err get_usage(struct top_asker *a, const char *id)
{
	char *path = path_of("/api/v1/bots/%s/status?limit=1", id);
	cJSON *json = NULL;
	deia_err err = ask_quietly(a->cli, "GET", path, NULL, &json, NULL);

	free(path);
	if (is_lost(err))
		note_result(a, err);
	pthread_mutex_lock(&a->lock);
	if (err == DEIA_OK)
		top_take_usage(&a->data, id, json);
	pthread_mutex_unlock(&a->lock);
	cJSON_Delete(json);
	return err;
}

/* TOP_SHOWN of the bots on the screen, in turn. */
static deia_err get_usages(struct top_asker *a)
{
	char ids[TOP_SHOWN][sizeof(a->shown[0])];
	size_t n = 0;
	deia_err err = DEIA_OK;

	pthread_mutex_lock(&a->lock);
	while (n < TOP_SHOWN && n < a->n_shown) {
		size_t at = a->shown_at++ % a->n_shown;

		memcpy(ids[n++], a->shown[at], sizeof(ids[0]));
	}
	pthread_mutex_unlock(&a->lock);
	/* One that was removed meanwhile is no trouble. */
	for (size_t i = 0; i < n && !is_final(err); i++)
		err = get_usage(a, ids[i]);
	return is_final(err) ? err : DEIA_OK;
}

static deia_err get_log(struct top_asker *a)
{
	char bot[sizeof(a->log_of)], *path;
	cJSON *json = NULL;
	deia_err err;

	pthread_mutex_lock(&a->lock);
	memcpy(bot, a->log_of, sizeof(bot));
	pthread_mutex_unlock(&a->lock);
	if (bot[0] == '\0')
		return DEIA_OK;
	path = path_of("/api/v1/bots/%s/logs?tail=200", bot);
	err = ask_quietly(a->cli, "GET", path, NULL, &json, NULL);
	free(path);
	note_result(a, err);
	pthread_mutex_lock(&a->lock);
	if (err == DEIA_OK && strcmp(bot, a->log_of) == 0)
		top_take_log(&a->data, bot, json);
	pthread_mutex_unlock(&a->lock);
	cJSON_Delete(json);
	return err;
}

/* ---- what is wanted of it -------------------------------------------- */

bool top_ask_for(struct top_asker *a, const struct top_act *act)
{
	if (a->n_acts == TOP_ACTS)
		return false;
	a->acts[a->n_acts++] = *act;
	pthread_cond_signal(&a->changed);
	return true;
}

void top_want_log(struct top_asker *a, const char *bot)
{
	top_keep(a->log_of, sizeof(a->log_of), bot);
	a->hurry = *bot != '\0';
	pthread_cond_signal(&a->changed);
}

/* ---- looks ------------------------------------------------------------- */

static deia_err get_health(struct top_asker *a)
{
	return get(a, "/api/v1/health", top_take_health);
}

static deia_err get_tasks(struct top_asker *a)
{
	return get(a, "/api/v1/tasks/status", top_take_tasks);
}

static deia_err get_messages(struct top_asker *a)
{
	return get(a, "/api/v1/messages/status", top_take_messages);
}

static deia_err get_queues(struct top_asker *a)
{
	return get(a, "/api/v1/queues", top_take_queues);
}

static deia_err get_alerts(struct top_asker *a)
{
	return get(a, "/api/v1/alerts?state=firing&limit=100", top_take_alerts);
}

static deia_err get_next_bots(struct top_asker *a)
{
	bool more = false;

	return get_bots(a, NULL, &more);
}

static deia_err (*const steps[])(struct top_asker *a) = {
	get_health, get_tasks,	 get_messages,	get_queues,
	get_alerts, get_trouble, get_next_bots, get_usages,
};
#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

int top_look_once(struct top_asker *a)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < N_STEPS && err == DEIA_OK; i++)
		err = steps[i](a);
	while (err == DEIA_OK && a->cursor != NULL &&
	       a->data.n_bots < TOP_MAX_BOTS)
		err = get_next_bots(a);
	if (err == DEIA_EPARSE)
		return explain_stranger(a->cli);
	top_count_up(&a->data, top_now_ms());
	return err == DEIA_OK ? EXIT_DONE : explain(a->cli, err, 0);
}

static void look(struct top_asker *a)
{
	deia_err err;

	a->failed = false;
	err = get_log(a);
	for (size_t i = 0; i < N_STEPS && !is_final(err) && !a->quit; i++) {
		err = steps[i](a);
		(void)top_act_on_all(a);
	}
	pthread_mutex_lock(&a->lock);
	if (!a->failed) {
		a->trouble[0] = '\0';
		top_count_up(&a->data, top_now_ms());
	}
	pthread_mutex_unlock(&a->lock);
	top_tell_news(a);
}

/* Until the next look is due, or there is something to do. */
static void wait_for(struct top_asker *a, int64_t until_ms)
{
	struct timespec ts = { .tv_sec = until_ms / 1000,
			       .tv_nsec = (until_ms % 1000) * 1000000 };

	pthread_mutex_lock(&a->lock);
	while (!a->quit && !a->hurry && a->n_acts == 0 &&
	       pthread_cond_timedwait(&a->changed, &a->lock, &ts) != ETIMEDOUT)
		;
	a->hurry = false;
	pthread_mutex_unlock(&a->lock);
}

static void *run(void *arg)
{
	struct top_asker *a = arg;

	while (!a->quit) {
		int64_t begin = top_now_ms();

		look(a);
		wait_for(a, begin + a->every_ms);
		if (top_act_on_all(a)) {
			look(a);
			wait_for(a, top_now_ms() + LOOK_AGAIN_MS);
			(void)top_act_on_all(a);
		}
	}
	return NULL;
}

int top_asker_start(struct top_asker *a)
{
	sigset_t all, old;
	int rc;

	a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Signals are the screen's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = a->wake_fd < 0 ? errno : pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return EXIT_DONE;
	complain("no thread can be started: %s", strerror(rc));
	return EXIT_REFUSED;
}

void top_asker_stop(struct top_asker *a)
{
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	deia_client_set_cancelled(a->cli->client, true);
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
}
