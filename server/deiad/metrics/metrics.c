/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - the page, and the clock that finds out how late the loop is.
 *
 * A page is printed in one go, on the loop. What it is printed from is counted
 * where it happens and kept in memory, so no page waits for a disk, and asking
 * often changes nothing. A family is a row of one of the groups below; what is
 * new is one more group.
 */
#include "metrics.h"

#include <stdlib.h>
#include <deia/hive_task.h>
#include <deia/mail.h>
#include <event2/event.h>

#include "../app.h"
#include "../http/reply.h"
#include "../routes/routes.h"

#define LOOP_MS 250

static const struct metric_group *const groups[] = {
	&metrics_of_process, &metrics_of_http,	&metrics_of_health,
	&metrics_of_bots,    &metrics_of_tasks, &metrics_of_mail,
	&metrics_of_store,
};

struct metrics {
	struct event *tick;
	int64_t due_us;
	struct deia_histogram loop_delay;
};

/* ---- how late the loop is ---------------------------------------------- */

static void arm(struct metrics *m)
{
	static const struct timeval pause = { 0, LOOP_MS * 1000 };

	m->due_us = now_us() + LOOP_MS * 1000;
	event_add(m->tick, &pause);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *m = arg;

	(void)fd;
	(void)what;
	deia_histogram_add(&m->loop_delay, now_us() - m->due_us);
	arm(m);
}

const struct deia_histogram *metrics_loop_delay(const struct metrics *m)
{
	return &m->loop_delay;
}

bool metrics_begin(struct app *app)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return false;
	app->metrics = m;
	deia_histogram_init(&m->loop_delay, DEIA_SCALE_FAST);
	m->tick = evtimer_new(app->base, on_tick, m);
	if (!m->tick)
		return false;
	arm(m);
	return true;
}

void metrics_end(struct app *app)
{
	struct metrics *m = app->metrics;

	if (!m)
		return;
	if (m->tick)
		event_free(m->tick);
	free(m);
	app->metrics = NULL;
}

/* ---- the page ---------------------------------------------------------- */

/* Bots of other nodes are on those nodes' pages. */
static bool take_bots(struct metrics_view *v, deia_hive *hive)
{
	const char *after = NULL;

	v->bots = malloc(METRICS_MAX_BOTS * sizeof(*v->bots));
	while (v->bots && v->n_bots < METRICS_MAX_BOTS &&
	       deia_hive_bot_list(hive, after, &v->bots[v->n_bots], 1)) {
		after = v->bots[v->n_bots].info->spec->id;
		if (!v->bots[v->n_bots].elsewhere)
			v->n_bots++;
	}
	return v->bots != NULL;
}

static void view_free(struct metrics_view *v)
{
	if (v)
		free(v->bots);
	free(v);
}

/* NULL: memory ran out. */
static struct metrics_view *look(struct app *app)
{
	struct metrics_view *v = calloc(1, sizeof(*v));
	const deia_tasks *tasks = deia_hive_tasks(app->hive);

	if (!v || !take_bots(v, app->hive)) {
		view_free(v);
		return NULL;
	}
	v->app = app;
	v->metrics = app->metrics;
	deia_hive_get_status(app->hive, &v->hive);
	deia_messenger_get_status(deia_hive_messenger(app->hive), &v->mail);
	deia_tasks_get_status(tasks, &v->tasks);
	deia_health_get_summary(deia_hive_health(app->hive), &v->health);
	while (v->n_types < DEIA_MAX_TASK_TYPES &&
	       deia_tasks_type_at(tasks, v->n_types, &v->types[v->n_types]))
		v->n_types++;
	return v;
}

static void print(struct expo *e, const struct metrics_view *v)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		for (size_t i = 0; i < groups[g]->n; i++) {
			const struct metric *m = &groups[g]->metrics[i];

			expo_family(e, m->name, m->type, m->help);
			m->print(e, v);
		}
}

void route_metrics(struct rq *rq)
{
	struct metrics_view *v = look(app_of(rq->srv));
	struct expo e;

	expo_init(&e);
	if (v)
		print(&e, v);
	if (!v || e.failed)
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
	else
		rq_send(rq, 200, EXPO_TYPE, e.text, e.len);
	view_free(v);
	expo_fini(&e);
}
