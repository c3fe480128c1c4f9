/* SPDX-License-Identifier: MIT */
/*
 * task_events.c - GET /tasks/{id}/events: one task until it has ended.
 *
 * First `task`, the task as it stands; then its events; last `done`, the task
 * as it ended. The hive's events are followed from before the task was looked
 * at, so that nothing falls between: what it shows already may come again.
 * Who fell behind gets `task` again.
 */
#include "tasks.h"

#include <cjson/cJSON.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../http/reply.h"
#include "../http/stream.h"
#include "routes.h"

struct watcher {
	struct rq *rq; /* held; NULL once the client left */
	deia_subscription *sub;
	int64_t after;	     /* events up to this seq are not wanted */
	bool looking, again; /* asking for the task; and once more */
	bool ended;	     /* its last event came */
	bool begun;	     /* the stream */
	char token[DEIA_TOKEN_LEN + 1]; /* of the request, until it began */
};

static void watcher_free(struct watcher *w)
{
	struct rq *rq = w->rq;

	deia_unsubscribe(w->sub);
	sodium_memzero(w->token, sizeof(w->token));
	free(w);
	if (rq)
		rq_drop(rq);
}

/* The client left, or the stream was ended. A look that is under way frees. */
static void client_left(struct rq *rq, void *user)
{
	struct watcher *w = user;

	if (!w->looking) {
		watcher_free(w);
		return;
	}
	deia_unsubscribe(w->sub);
	w->sub = NULL;
	w->rq = NULL;
	rq_drop(rq);
}

/* False: the stream ended, and w may be gone. */
static bool send_task(struct watcher *w, const char *event,
		      const struct deia_task *task)
{
	struct deia_task head = task_head(task);
	struct deia_jw out;
	bool on = false;

	deia_jw_init(&out);
	deia_task_print(&head, &out);
	if (deia_jw_status(&out) == DEIA_OK)
		on = stream_event(w->rq, event, w->after, out.text);
	else
		stream_cut(w->rq);
	deia_jw_fini(&out);
	return on;
}

static void look(struct watcher *w);

/*
 * What an event, which may be of many tasks, says of this one, as JSON:
 * cJSON_free it. NULL: nothing.
 */
static char *own_item(const struct deia_event *ev, const char *id)
{
	cJSON *data = NULL;
	const cJSON *item;
	char *text = NULL;

	if (strncmp(ev->type, "task.", 5) != 0 || !ev->data ||
	    !strstr(ev->data, id) ||
	    deia_json_parse(&data, ev->data, strlen(ev->data), NULL))
		return NULL;
	cJSON_ArrayForEach(item,
			   cJSON_GetObjectItemCaseSensitive(data, "items")) {
		const char *of = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(item, "id"));

		if (!text && of && strcmp(of, id) == 0)
			text = cJSON_PrintUnformatted(item);
	}
	cJSON_Delete(data);
	return text;
}

/* False: the stream ended, and w is gone. */
static bool send_event(struct watcher *w, const struct deia_event *ev,
		       const char *item)
{
	struct deia_event own = *ev;
	struct deia_jw out;
	bool on = false;

	own.subject = w->rq->param[0];
	own.data = item;
	deia_jw_init(&out);
	print_event(&out, &own);
	if (deia_jw_status(&out) == DEIA_OK)
		on = stream_event(w->rq, ev->type, ev->seq, out.text);
	else
		stream_cut(w->rq);
	deia_jw_fini(&out);
	return on;
}

static void on_event(const struct deia_event *ev, void *user)
{
	struct watcher *w = user;
	char *item;
	bool on;

	if (!ev) {
		w->after = deia_hive_last_seq(w->rq->srv->hive);
		look(w);
		return;
	}
	item = own_item(ev, w->rq->param[0]);
	if (!item)
		return;
	w->after = ev->seq;
	on = send_event(w, ev, item);
	cJSON_free(item);
	if (on &&
	    strcmp(ev->type, deia_task_event_name(DEIA_TASK_ENDED)) == 0) {
		w->ended = true;
		look(w);
	}
}

/* Begins the stream, and follows what happens. False: w is gone. */
static bool begin(struct watcher *w)
{
	struct rq *rq = w->rq;
	bool ok;
	deia_err err;

	rq->on_gone = NULL;
	err = deia_hive_subscribe(rq->srv->hive, w->after, on_event, w,
				  &w->sub);
	if (err) {
		rq_fail(rq, err);
		watcher_free(w);
		return false;
	}
	/* A stream looks at its credential again and again. */
	rq->token = w->token;
	ok = stream_begin(rq, false, client_left, w);
	rq->token = NULL;
	sodium_memzero(w->token, sizeof(w->token));
	w->begun = ok;
	if (!ok)
		watcher_free(w);
	return ok;
}

static void finish(struct watcher *w, const struct deia_task *task)
{
	if (!send_task(w, "done", task))
		return;
	stream_end(w->rq);
	watcher_free(w);
}

static void looked_in_vain(struct watcher *w, deia_err err)
{
	if (!w->begun)
		rq_fail(w->rq, err);
	else if (w->rq->stream) {
		/* client_left frees. */
		stream_cut(w->rq);
		return;
	}
	watcher_free(w);
}

static void looked(deia_err err, const struct deia_task *items, size_t n,
		   bool more, void *user)
{
	struct watcher *w = user;

	(void)more;
	w->looking = false;
	if (!w->rq) {
		watcher_free(w);
		return;
	}
	if (err || n == 0) {
		looked_in_vain(w, err ? err : DEIA_ENOTFOUND);
		return;
	}
	if (!w->begun && !begin(w))
		return;
	if (deia_task_status_is_final(items->status)) {
		if (w->ended || send_task(w, "task", items))
			finish(w, items);
		return;
	}
	/* An event of its end that was older than a retry: it goes on. */
	w->ended = false;
	if (send_task(w, "task", items) && w->again) {
		w->again = false;
		look(w);
	}
}

static void look(struct watcher *w)
{
	deia_err err;

	if (w->looking) {
		w->again = true;
		return;
	}
	w->looking = true;
	err = deia_hive_task_get(w->rq->srv->hive, &w->rq->actor,
				 w->rq->param[0], looked, w);
	if (err)
		looked(err, NULL, 0, false, w);
}

void route_task_events(struct rq *rq)
{
	struct watcher *w;

	if (!stream_allowed(rq))
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	rq_hold(rq);
	w->rq = rq;
	w->after = deia_hive_last_seq(rq->srv->hive);
	if (rq->token)
		snprintf(w->token, sizeof(w->token), "%s", rq->token);
	rq_watch(rq, client_left, w);
	look(w);
}
