/* SPDX-License-Identifier: MIT */
/* names.c - names of statuses and events, and which status may follow which. */
#include "core/sm.h"
#include "queue/queue.h"

#define NAME(e, n) n,
static const char *const status_names[] = { DEIA_TASK_STATUS_LIST(NAME) };
static const char *const event_names[] = { DEIA_TASK_EVENT_LIST(NAME) };
#undef NAME
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) ==
		       DEIA_TASK_STATUSES,
	       "statuses");
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == DEIA_TASK_EVENTS,
	       "events");

#define BIT(s) (1u << DEIA_TASK_##s)
#define ENDS (BIT(FAILED) | BIT(CANCELLED) | BIT(TIMED_OUT))
static const uint32_t next[DEIA_TASK_STATUSES] = {
	[DEIA_TASK_BLOCKED] = BIT(QUEUED) | ENDS,
	[DEIA_TASK_AWAITING_APPROVAL] = BIT(BLOCKED) | BIT(QUEUED) | ENDS,
	[DEIA_TASK_QUEUED] = BIT(ASSIGNED) | ENDS,
	/* back to queued: it failed, or it was not begun after all */
	[DEIA_TASK_ASSIGNED] = BIT(RUNNING) | BIT(QUEUED) |
			       BIT(AWAITING_APPROVAL) | BIT(SUCCEEDED) | ENDS,
	/* to approval: its budget is used up */
	[DEIA_TASK_RUNNING] =
		BIT(QUEUED) | BIT(AWAITING_APPROVAL) | BIT(SUCCEEDED) | ENDS,
	/* by hand: retry */
	[DEIA_TASK_SUCCEEDED] = 0,
	[DEIA_TASK_FAILED] = BIT(QUEUED) | BIT(BLOCKED),
	[DEIA_TASK_CANCELLED] = BIT(QUEUED) | BIT(BLOCKED),
	[DEIA_TASK_TIMED_OUT] = BIT(QUEUED) | BIT(BLOCKED),
};

static const struct deia__sm machine = { "task", status_names, next,
					 DEIA_TASK_STATUSES };

const char *deia_task_status_name(deia_task_status status)
{
	return deia__sm_name(&machine, (unsigned)status);
}

int deia_task_status_parse(const char *name)
{
	return deia__sm_parse(&machine, name);
}

bool deia_task_status_is_final(deia_task_status status)
{
	return status >= DEIA_TASK_SUCCEEDED;
}

const char *deia_task_event_name(deia_task_event event)
{
	return (unsigned)event < DEIA_TASK_EVENTS ? event_names[event]
						  : "unknown";
}

bool deia__task_can(deia_task_status from, deia_task_status to)
{
	return deia__sm_can(&machine, (unsigned)from, (unsigned)to);
}
