/* SPDX-License-Identifier: MIT */
/* history.c - the newest outcomes, in a ring. */
#include "scheduler/scheduler.h"

#include <string.h>

static void copy(char to[static DEIA_MAX_ID_LEN + 1], const char *from)
{
	size_t len = strnlen(from, DEIA_MAX_ID_LEN);

	memcpy(to, from, len);
	to[len] = '\0';
}

void deia__sched_note(deia_scheduler *s, deia_scheduler_entry_kind kind,
		      const char *bot, const char *type, double seconds,
		      bool success)
{
	struct deia_scheduler_entry *e;

	s->entries++;
	if (s->opts.history_len == 0)
		return;
	e = &s->history[s->entries % s->opts.history_len];
	e->number = s->entries;
	e->kind = kind;
	e->at_ms = s->now_ms;
	copy(e->bot, bot);
	copy(e->type, type);
	e->seconds = seconds;
	e->success = success;
}

const struct deia_scheduler_entry *deia_scheduler_history(
	const deia_scheduler *s, size_t n)
{
	if (n >= s->opts.history_len || n >= s->entries)
		return NULL;
	return &s->history[(s->entries - n) % s->opts.history_len];
}
