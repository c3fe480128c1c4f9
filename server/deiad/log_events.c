/* SPDX-License-Identifier: MIT */
/*
 * log_events.c - see log_events.h.
 *
 * Each item of an event of tasks or mail is a line, so that a trace can be
 * followed through the log alone. An event whose level is too low, or for which
 * there is no room, is not even parsed.
 */
#include "log_events.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <deia/sys/json.h>

#include "log.h"

/* By the beginning of its type; the first that fits. What a bot does is said by
 * the hive itself, in words. */
static const struct {
	const char *type;
	enum deia_log_level level;
} levels[] = {
	{ "task.submitted", DEIA_LOG_INFO },
	{ "task.finished", DEIA_LOG_INFO },
	{ "task.retry", DEIA_LOG_INFO },
	{ "task.over_budget", DEIA_LOG_WARN },
	{ "message.queued", DEIA_LOG_INFO },
	{ "message.failed", DEIA_LOG_WARN },
	{ "message.expired", DEIA_LOG_WARN },
	{ "chat.failed", DEIA_LOG_WARN },
	{ "", DEIA_LOG_DEBUG },
};

static enum deia_log_level level_of(const char *type)
{
	size_t i = 0;

	while (strncmp(type, levels[i].type, strlen(levels[i].type)) != 0)
		i++;
	return levels[i].level;
}

static const char *text_of(const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);

	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static void say_task(struct log_event *e, const cJSON *item, char *text,
		     size_t len)
{
	const char *status = text_of(item, "status");
	const char *why = text_of(item, "reason");

	if (!why)
		why = text_of(item, "error_code");
	e->task = text_of(item, "id");
	e->bot = text_of(item, "bot");
	snprintf(text, len, "task %s: %s%s%.300s", e->task ? e->task : "-",
		 status ? status : e->action + 5, why ? ", " : "",
		 why ? why : "");
}

static void say_mail(struct log_event *e, const cJSON *item, char *text,
		     size_t len)
{
	const char *from = text_of(item, "from");
	const char *why = text_of(item, "reason");

	e->mail = text_of(item, "id");
	e->bot = text_of(item, "to");
	snprintf(text, len, "message from %s to %s: %s%s%.300s",
		 from ? from : "-", e->bot ? e->bot : "-", e->action + 8,
		 why ? ", " : "", why ? why : "");
}

static void say_other(struct log_event *e, const struct deia_event *ev,
		      const cJSON *data, char *text, size_t len)
{
	const char *state = text_of(data, "state");
	const char *why = text_of(data, "state_reason");

	if (strncmp(ev->type, "bot.", 4) == 0 ||
	    strncmp(ev->type, "chat.", 5) == 0)
		e->bot = ev->subject;
	if (state)
		snprintf(text, len, "bot %s is %s%s%.300s", ev->subject, state,
			 why && *why ? ": " : "", why ? why : "");
	else
		snprintf(text, len, "%s %s", ev->type, ev->subject);
}

static void say(enum deia_log_level level, const struct deia_event *ev,
		const cJSON *data, const cJSON *item)
{
	struct log_event e = { .level = level, .action = ev->type };
	char text[600];

	e.message = text;
	e.trace_id = text_of(item ? item : data, "trace_id");
	if (item && strncmp(ev->type, "task.", 5) == 0)
		say_task(&e, item, text, sizeof(text));
	else if (item && strncmp(ev->type, "message.", 8) == 0)
		say_mail(&e, item, text, sizeof(text));
	else
		say_other(&e, ev, data, text, sizeof(text));
	log_flow(&e);
}

static void say_each(enum deia_log_level level, const struct deia_event *ev,
		     const cJSON *data)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(data, "items");
	const cJSON *item;
	bool first = true; /* that was asked for already */

	if (!cJSON_IsArray(items) || !items->child) {
		say(level, ev, data, NULL);
		return;
	}
	cJSON_ArrayForEach(item, items) {
		if (first || log_flow_wanted(level))
			say(level, ev, data, item);
		first = false;
	}
}

static void on_event(const struct deia_event *ev, void *user)
{
	enum deia_log_level level = ev ? level_of(ev->type) : DEIA_LOG_WARN;
	cJSON *data = NULL;

	(void)user;
	if (!ev) {
		log_msg(DEIA_LOG_WARN, "some events are not in the log: there "
				       "were too many at once");
		return;
	}
	if (!log_flow_wanted(level))
		return;
	if (deia_json_parse(&data, ev->data, strlen(ev->data), NULL) == DEIA_OK)
		say_each(level, ev, data);
	cJSON_Delete(data);
}

bool log_events_begin(struct app *app)
{
	return deia_hive_subscribe(app->hive, -1, on_event, app,
				   &app->log_events) == DEIA_OK;
}

void log_events_end(struct app *app)
{
	deia_unsubscribe(app->log_events);
	app->log_events = NULL;
}
