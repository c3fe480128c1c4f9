/* SPDX-License-Identifier: MIT */
/*
 * task_events.c - what happened to tasks, gathered into events.
 *
 * The subject of an event is the task's id, or "" when its items are of several
 * tasks. An event's types come in the order in which a task goes through them;
 * what goes back in that order, a task that waits again, is told apart from
 * what was before and what comes after, so that the events of one task are
 * always in its order.
 */
#include "hive/tasks/tasks.h"

#include <deia/messenger.h>

void deia__task_events_init(deia_hive *h)
{
	static const char *types[DEIA_TASK_EVENTS];

	_Static_assert(DEIA_TASK_EVENTS <= DEIA__GATHER_TYPES,
		       "a gatherer has room for each");
	for (unsigned i = 0; i < DEIA_TASK_EVENTS; i++)
		types[i] = deia_task_event_name((deia_task_event)i);
	deia__gatherer_init(&h->tasks->events, h, "tasks", types,
			    DEIA_TASK_EVENTS);
}

static void kstr_if_any(deia_jw *w, const char *key, const char *s)
{
	if (s && *s)
		deia_jw_kstr(w, key, s);
}

static void print_item(deia_jw *w, const struct deia_task *t)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", t->id);
	deia_jw_kstr(w, "type", t->type);
	deia_jw_kstr(w, "status", deia_task_status_name(t->status));
	deia_jw_kstr(w, "priority", deia_priority_name(t->priority));
	deia_jw_kint(w, "attempt", t->attempt);
	kstr_if_any(w, "bot", t->bot);
	kstr_if_any(w, "submitted_by", t->submitted_by);
	kstr_if_any(w, "reason", t->reason);
	kstr_if_any(w, "error_code", t->error_code);
	deia__trace_print(w, t->traceparent);
	if (t->verdict >= 0)
		deia_jw_kbool(w, "verdict", t->verdict != 0);
	deia_jw_end_object(w);
}

/* It may have been told of with a later type already. */
static bool goes_back(deia_task_event event, const struct deia_task *t)
{
	return event == DEIA_TASK_RETRY || event == DEIA_TASK_RETRIED ||
	       event == DEIA_TASK_JUDGED || event == DEIA_TASK_OVER_BUDGET ||
	       (event == DEIA_TASK_UNBLOCKED && t->attempt > 0);
}

void deia__task_events_add(deia_hive *h, deia_task_event event,
			   const struct deia_task *task)
{
	struct deia__gatherer *g = &h->tasks->events;
	bool back = goes_back(event, task);

	if ((unsigned)event >= DEIA_TASK_EVENTS)
		return;
	if (back)
		deia__gatherer_cut(g);
	print_item(deia__gatherer_begin(g, event, task->id), task);
	deia__gatherer_end(g, event);
	if (back)
		deia__gatherer_cut(g);
}
