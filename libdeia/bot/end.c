/* SPDX-License-Identifier: MIT */
/*
 * end.c - why a bot's process ended: one line for people, with what to do
 * where that is known, and whether trying again can help.
 */
#include "bot/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char *hint(const struct deia__proc_end *end)
{
	if (strcmp(end->fail_stage, "exec") != 0)
		return "";
	switch (end->fail_errno) {
	case ENOENT:
		return " (is it installed? give its whole path, or check the "
		       "first line of the script)";
	case EACCES:
		return " (make it executable: chmod +x)";
	case ENOEXEC:
		return " (a script needs a first line such as #!/bin/sh)";
	default:
		return "";
	}
}

static void describe_failure(const struct deia__bot *bot,
			     const struct deia__proc_end *end, char *why,
			     size_t size)
{
	const struct deia_bot_spec *s = bot->spec;
	const char *what = strcmp(s->adapter, "process") == 0
				   ? s->argv[0]
				   : bot->bots->bot_program;

	if (strcmp(end->fail_stage, "cwd") == 0)
		snprintf(why, size, "cannot enter its folder %.200s: %s",
			 s->cwd, strerrordesc_np(end->fail_errno));
	else if (strcmp(end->fail_stage, "exec") == 0)
		snprintf(why, size, "cannot run %.200s: %s%s", what,
			 strerrordesc_np(end->fail_errno), hint(end));
	else
		snprintf(why, size, "cannot set up its process (%s): %s",
			 end->fail_stage, strerrordesc_np(end->fail_errno));
}

static bool is_config_error(const struct deia__bot *bot,
			    const struct deia__proc_end *end)
{
	return end->fail_stage[0] == '\0' && end->code == EX_CONFIG &&
	       bot->kill_reason[0] == '\0';
}

void deia__end_describe(struct deia__bot *bot, const struct deia__proc_end *end,
			char *why, size_t size)
{
	const char *last = deia__talk_last_err(bot), *name;
	int n;

	if (end->fail_stage[0] != '\0') {
		describe_failure(bot, end, why, size);
		return;
	}
	if (strcmp(end->limit, "processes") == 0)
		n = snprintf(why, size,
			     "had more than %u processes, which is its limit",
			     end->limit_value);
	else if (strcmp(end->limit, "memory_max_mib") == 0)
		n = snprintf(why, size,
			     "ended by the kernel: it needed more than %u MiB "
			     "of memory, which is its limit",
			     end->limit_value);
	else if (bot->kill_reason[0] != '\0')
		n = snprintf(why, size, "%s", bot->kill_reason);
	else if (end->signal != 0) {
		name = sigabbrev_np(end->signal);
		n = snprintf(why, size, "ended by signal %d (SIG%s)",
			     end->signal, name != NULL ? name : "?");
	} else if (end->code >= 0) {
		n = snprintf(why, size, "exited with %d%s", end->code,
			     is_config_error(bot, end)
				     ? ", which means wrongly configured"
				     : "");
	} else {
		n = snprintf(why, size, "its guard was ended from outside");
	}
	if (last != NULL && n > 0 && (size_t)n < size)
		snprintf(why + n, size - (size_t)n, "; it last said: %.160s",
			 last);
}

bool deia__end_is_hopeless(const struct deia__bot *bot,
			   const struct deia__proc_end *end)
{
	/* It says itself that it cannot run as it is configured. */
	if (is_config_error(bot, end))
		return true;
	switch (end->fail_stage[0] != '\0' ? end->fail_errno : 0) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EPERM:
	case ENOEXEC:
	case EINVAL:
	case ELOOP:
	case ENAMETOOLONG:
	case EISDIR:
	case E2BIG:
		/* It has run before: its file may just be being replaced. */
		return !bot->has_run;
	default:
		return false;
	}
}
