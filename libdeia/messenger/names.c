/* SPDX-License-Identifier: MIT */
/*
 * names.c - the names of statuses, events and priorities, and which status may
 * follow which. The names are those of API, store, journal and docs.
 */
#include <string.h>

#include "core/sm.h"
#include "messenger/messenger.h"

static const char *const status_names[DEIA_MESSAGE_STATUSES] = {
	"pending", "delivered", "read", "failed", "expired"
};

static const char *const event_names[DEIA_MESSAGE_EVENTS] = {
	"message_queued",   "message_delivered", "message_read",
	"message_retry",    "message_failed",	 "message_expired",
	"message_requeued", "cleanup_completed"
};

static const char *const priority_names[DEIA_PRIORITIES] = { "P0", "P1", "P2",
							     "P3" };

const char *deia_message_status_name(deia_message_status status)
{
	return (unsigned)status < DEIA_MESSAGE_STATUSES ? status_names[status]
							: "unknown";
}

int deia_message_status_parse(const char *name)
{
	for (int i = 0; name && i < DEIA_MESSAGE_STATUSES; i++)
		if (strcmp(name, status_names[i]) == 0)
			return i;
	return -1;
}

const char *deia_message_event_name(deia_message_event event)
{
	return (unsigned)event < DEIA_MESSAGE_EVENTS ? event_names[event]
						     : "unknown";
}

const char *deia_priority_name(unsigned priority)
{
	return priority < DEIA_PRIORITIES ? priority_names[priority]
					  : "unknown";
}

int deia_priority_parse(const char *name)
{
	for (int i = 0; name && i < DEIA_PRIORITIES; i++)
		if (strcmp(name, priority_names[i]) == 0)
			return i;
	return -1;
}

#define BIT(s) (1u << DEIA_MESSAGE_##s)
static const uint32_t next[DEIA_MESSAGE_STATUSES] = {
	[DEIA_MESSAGE_PENDING] = BIT(DELIVERED) | BIT(EXPIRED) | BIT(FAILED),
	[DEIA_MESSAGE_DELIVERED] =
		BIT(PENDING) | BIT(READ) | BIT(EXPIRED) | BIT(FAILED),
	[DEIA_MESSAGE_READ] = 0,
	[DEIA_MESSAGE_FAILED] = BIT(PENDING),
	[DEIA_MESSAGE_EXPIRED] = 0,
};

static const struct deia__sm machine = { "message", status_names, next,
					 DEIA_MESSAGE_STATUSES };

bool deia__message_can(unsigned from, unsigned to)
{
	return deia__sm_can(&machine, from, to);
}
