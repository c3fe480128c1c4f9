/* SPDX-License-Identifier: MIT */
/* style.c - the few escape sequences that this program itself prints. */
#include "style.h"

#include <string.h>

static const char *const codes[] = {
	[STYLE_NONE] = "",   [STYLE_BOLD] = "1",  [STYLE_DIM] = "2",
	[STYLE_GOOD] = "32", [STYLE_WARN] = "33", [STYLE_BAD] = "31",
};

static const struct {
	const char *state;
	enum style style;
} states[] = {
	{ "ready", STYLE_GOOD },     { "busy", STYLE_GOOD },
	{ "HEALTHY", STYLE_GOOD },   { "ok", STYLE_GOOD },
	{ "answered", STYLE_GOOD },  { "starting", STYLE_WARN },
	{ "paused", STYLE_WARN },    { "stopping", STYLE_WARN },
	{ "backoff", STYLE_WARN },   { "DEGRADED", STYLE_WARN },
	{ "warning", STYLE_WARN },   { "partial", STYLE_WARN },
	{ "failed", STYLE_BAD },     { "offline", STYLE_BAD },
	{ "CRITICAL", STYLE_BAD },   { "critical", STYLE_BAD },
	{ "read", STYLE_GOOD },	     { "done", STYLE_GOOD },
	{ "delivered", STYLE_WARN }, { "running", STYLE_GOOD },
	{ "expired", STYLE_BAD },    { "stopped", STYLE_DIM },
	{ "revoked", STYLE_DIM },    { "succeeded", STYLE_GOOD },
	{ "assigned", STYLE_GOOD },  { "blocked", STYLE_WARN },
	{ "timed_out", STYLE_BAD },  { "awaiting_approval", STYLE_WARN },
	{ "cancelled", STYLE_DIM },  { "pass", STYLE_GOOD },
	{ "warn", STYLE_WARN },	     { "fail", STYLE_BAD },
};

enum style style_of_state(const char *state)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].state, state) == 0)
			return states[i].style;
	}
	return STYLE_NONE;
}

void style_on(FILE *out, enum style style, bool colour)
{
	if (colour && style != STYLE_NONE)
		fprintf(out, "\033[%sm", codes[style]);
}

void style_off(FILE *out, enum style style, bool colour)
{
	if (colour && style != STYLE_NONE)
		fputs("\033[0m", out);
}
