/* SPDX-License-Identifier: MIT */
/*
 * env.c - the environment a bot is started with.
 *
 * Of this process's own environment only a short list is passed on: a hive's
 * secrets must not reach every bot by accident. The rest comes from the bot's
 * specification and from the hive.
 */
#include "process/env.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"

static const char *const inherited[] = {
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR",
};

static size_t name_len(const char *var)
{
	return strcspn(var, "=");
}

static char **find(const struct deia__env *e, const char *var)
{
	size_t i, len = name_len(var);

	for (i = 0; i < e->len; i++)
		if (strncmp(e->vars[i], var, len) == 0 &&
		    e->vars[i][len] == '=')
			return &e->vars[i];
	return NULL;
}

static bool grow(struct deia__env *e)
{
	size_t cap = e->cap != 0 ? e->cap * 2 : 32;
	char **vars = deia__realloc(e->vars, cap * sizeof(*vars));

	if (vars == NULL)
		return false;
	e->vars = vars;
	e->cap = cap;
	return true;
}

/* Takes var. */
static void take(struct deia__env *e, char *var)
{
	char **old;

	if (var == NULL || (e->len + 1 >= e->cap && !grow(e))) {
		e->failed = true;
		deia__free(var);
		return;
	}
	old = find(e, var);
	if (old != NULL) {
		deia__free(*old);
		*old = var;
		return;
	}
	e->vars[e->len++] = var;
	e->vars[e->len] = NULL;
}

void deia__env_put(struct deia__env *e, const char *var)
{
	take(e, deia__strdup(var));
}

void deia__env_set(struct deia__env *e, const char *name, const char *value)
{
	take(e, deia__asprintf("%s=%s", name, value));
}

static bool is_inherited(const char *var)
{
	size_t i, len = name_len(var);

	if (var[len] != '=')
		return false;
	if (strncmp(var, "LC_", 3) == 0)
		return true;
	for (i = 0; i < sizeof(inherited) / sizeof(*inherited); i++)
		if (strlen(inherited[i]) == len &&
		    strncmp(inherited[i], var, len) == 0)
			return true;
	return false;
}

void deia__env_inherit(struct deia__env *e)
{
	char **var;

	for (var = environ; var != NULL && *var != NULL; var++)
		if (is_inherited(*var))
			deia__env_put(e, *var);
}

void deia__env_pass(struct deia__env *e, const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		deia__env_set(e, name, value);
}

void deia__env_fini(struct deia__env *e)
{
	size_t i;

	for (i = 0; i < e->len; i++)
		deia__free(e->vars[i]);
	deia__free(e->vars);
	memset(e, 0, sizeof(*e));
}
