/* SPDX-License-Identifier: MIT */
/* acts.c - does what was asked for by a key, and keeps what came of it. */
#include <stdlib.h>
#include <string.h>

#include "../cli.h"
#include "asker.h"

static const struct {
	const char *path, *done;
} verbs[] = {
	[TOP_START] = { "/api/v1/bots/%s/start", "was started" },
	[TOP_STOP] = { "/api/v1/bots/%s/stop", "is stopping" },
	[TOP_RESTART] = { "/api/v1/bots/%s/restart", "is restarting" },
	[TOP_PAUSE] = { "/api/v1/bots/%s/pause",
			"is paused: nothing new is begun" },
	[TOP_RESUME] = { "/api/v1/bots/%s/resume", "goes on" },
	[TOP_PAUSE_QUEUE] = { "/api/v1/queues/%s/pause",
			      "is paused: tasks of it wait" },
	[TOP_RESUME_QUEUE] = { "/api/v1/queues/%s/resume", "goes on" },
	[TOP_ACKNOWLEDGE] = { "/api/v1/alerts/%s/acknowledge",
			      "the alert is acknowledged" },
};

static char *body_of(const struct top_act *act)
{
	cJSON *body;
	char *text;

	if (act->verb != TOP_ACKNOWLEDGE)
		return NULL;
	body = cJSON_CreateObject();
	if (act->reason[0] != '\0')
		cJSON_AddStringToObject(body, "reason", act->reason);
	text = jprint(body);
	cJSON_Delete(body);
	return text;
}

static void act(struct top_asker *a, const struct top_act *what)
{
	char *path = path_of(verbs[what->verb].path, what->what);
	char *body = body_of(what), *text, *why;
	bool is_alert = what->verb == TOP_ACKNOWLEDGE;
	deia_err err = ask_quietly(a->cli, "POST", path, body, NULL, NULL);

	why = top_why_not(a);
	text = must_print("%s%s%s", is_alert ? "" : what->what,
			  is_alert	   ? ""
			  : err == DEIA_OK ? " "
					   : ": ",
			  err == DEIA_OK ? verbs[what->verb].done : why);
	pthread_mutex_lock(&a->lock);
	top_keep(a->said, sizeof(a->said), text);
	a->said_bad = err != DEIA_OK;
	pthread_mutex_unlock(&a->lock);
	top_tell_news(a);
	free(text);
	free(why);
	free(body);
	free(path);
}

bool top_act_on_all(struct top_asker *a)
{
	struct top_act next;
	bool any = false;

	for (;;) {
		pthread_mutex_lock(&a->lock);
		if (a->n_acts == 0 || a->quit) {
			pthread_mutex_unlock(&a->lock);
			return any;
		}
		next = a->acts[0];
		a->n_acts--;
		memmove(&a->acts[0], &a->acts[1],
			a->n_acts * sizeof(a->acts[0]));
		pthread_mutex_unlock(&a->lock);
		act(a, &next);
		any = true;
	}
}
