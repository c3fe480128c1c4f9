/* SPDX-License-Identifier: MIT */
/*
 * caps.c - what a bot can do: what its specification says, and what it says
 * itself (in its ready line, or with a heartbeat), each once.
 *
 * At most DEIA_MAX_CAPABILITIES_LEN of each; what is no word is left out.
 */
#include "bot/priv.h"

#include <string.h>

#include "core/mem.h"

struct deia__caps {
	size_t n_said, n_all;
	const char **all; /* into the spec, and into said */
	char (*said)[DEIA_MAX_ID_LEN + 1];
};

static bool has(const char *const *list, size_t n, const char *word)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

void deia__caps_refresh(struct deia__bot *bot)
{
	const struct deia_bot_spec *s = bot->spec;
	struct deia__caps *c = bot->caps;
	size_t i;

	bot->info.capabilities = s->capabilities;
	bot->info.n_capabilities = s->n_capabilities;
	if (c == NULL)
		return;
	c->n_all = 0;
	for (i = 0; i < s->n_capabilities; i++)
		c->all[c->n_all++] = s->capabilities[i];
	for (i = 0; i < c->n_said; i++)
		if (!has(c->all, c->n_all, c->said[i]))
			c->all[c->n_all++] = c->said[i];
	bot->info.capabilities = c->all;
	bot->info.n_capabilities = c->n_all;
}

void deia__caps_forget(struct deia__bot *bot)
{
	deia__free(bot->caps);
	bot->caps = NULL;
	deia__caps_refresh(bot);
}

deia_err deia__caps_said(struct deia__bot *bot, const char *const *list,
			 size_t n)
{
	struct deia__caps *c;
	size_t i, all;

	if (n > DEIA_MAX_CAPABILITIES_LEN)
		n = DEIA_MAX_CAPABILITIES_LEN;
	all = (n + DEIA_MAX_CAPABILITIES_LEN) * sizeof(*c->all);
	c = deia__alloc(sizeof(*c) + all + n * sizeof(*c->said));
	if (c == NULL)
		return DEIA_ENOMEM;
	c->all = (const char **)(c + 1);
	c->said = (char(*)[DEIA_MAX_ID_LEN + 1])((char *)(c + 1) + all);
	for (i = 0; i < n; i++)
		if (deia_bot_id_valid(list[i]))
			memcpy(c->said[c->n_said++], list[i],
			       strlen(list[i]) + 1);
	deia__free(bot->caps);
	bot->caps = c;
	deia__caps_refresh(bot);
	return DEIA_OK;
}
