/* SPDX-License-Identifier: MIT */
/*
 * workdir.c - the working folder of an exec bot that was given none.
 *
 * "<work_dir>/<bot>", for this user only. It is kept when the bot is removed:
 * what an agent has written there is its owner's.
 */
#include "bot/priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool deia__workdir_path(const struct deia__bot *bot, char *out, size_t size)
{
	const struct deia_bot_spec *s = bot->spec;
	const char *base = bot->bots->work_dir;
	int n;

	if (base == NULL || s->cwd != NULL || strcmp(s->adapter, "exec") != 0)
		return false;
	n = snprintf(out, size, "%s/%s", base, s->id);
	return n > 0 && (size_t)n < size;
}

void deia__workdir_make(const struct deia__bot *bot)
{
	char path[DEIA_MAX_PATH_BYTES];

	(void)mkdir(bot->bots->work_dir, 0700);
	if (deia__workdir_path(bot, path, sizeof(path)))
		(void)mkdir(path, 0700);
}
