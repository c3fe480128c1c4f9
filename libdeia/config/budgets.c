/* SPDX-License-Identifier: MIT */
/* budgets.c - `budgets`: what the day, and each bot a day, may use. */
#include "config/budgets.h"

#include <stdlib.h>
#include <string.h>

#include <deia/bot.h>
#include <deia/sys/json.h>

#include "core/mem.h"

static deia_err refuse(const struct deia__yaml *at, const char *name,
		       const char *detail, struct deia_config_error *where)
{
	if (!*name)
		return deia__config_refuse(where, DEIA_EFIELD, at->line,
					   at->column, "budgets: %s", detail);
	return deia__config_refuse(where, DEIA_EFIELD, at->line, at->column,
				   "budgets.%.80s.%.64s: %s", name, at->key,
				   detail);
}

/* Digits alone, from 1 to max. */
static bool read_limit(const struct deia__yaml *node, int64_t max, int64_t *out)
{
	size_t len = node->kind == DEIA__YAML_SCALAR ? strlen(node->text) : 0;

	if (len == 0 || len > 15 || node->quoted ||
	    node->text[strspn(node->text, "0123456789")] != '\0')
		return false;
	*out = strtoll(node->text, NULL, 10);
	return *out >= 1 && *out <= max;
}

static bool read_on_exceed(const struct deia__yaml *node, deia_on_exceed *out)
{
	int what = node->kind == DEIA__YAML_SCALAR
			   ? deia_on_exceed_parse(node->text)
			   : -1;

	if (what >= 0)
		*out = (deia_on_exceed)what;
	return what >= 0;
}

/* NULL: fine; else what was expected. */
static const char *read_key(struct deia_budget *b,
			    const struct deia__yaml *node)
{
	if (strcmp(node->key, "tokens") == 0)
		return read_limit(node, DEIA_BUDGET_MAX_TOKENS, &b->tokens)
			       ? NULL
			       : "expected a whole number from 1 to "
				 "1000000000000";
	if (strcmp(node->key, "seconds") == 0)
		return read_limit(node, DEIA_BUDGET_MAX_SECONDS, &b->seconds)
			       ? NULL
			       : "expected a whole number from 1 to 31622400";
	if (strcmp(node->key, "messages") == 0)
		return read_limit(node, DEIA_BUDGET_MAX_MESSAGES, &b->messages)
			       ? NULL
			       : "expected a whole number from 1 to 1000000000";
	if (strcmp(node->key, "on_exceed") == 0)
		return read_on_exceed(node, &b->on_exceed)
			       ? NULL
			       : "expected pause, stop or notify";
	return "there is no such key; there are tokens, seconds, messages and "
	       "on_exceed";
}

static deia_err read_one(struct deia__config_budgets *out, const char *bot,
			 const struct deia__yaml *node,
			 struct deia_config_error *where)
{
	struct deia__config_budget *b;
	const char *wrong;

	if (node->kind != DEIA__YAML_MAP)
		return deia__config_refuse(
			where, DEIA_EFIELD, node->line, node->column,
			"budgets: expected keys below %.64s, such as tokens: "
			"100000",
			bot ? bot : "day");
	if (out->len == DEIA_BUDGETS_MAX)
		return deia__config_refuse(
			where, DEIA_EFIELD, node->line, node->column,
			"budgets: there may be %d at most", DEIA_BUDGETS_MAX);
	b = &out->list[out->len++];
	b->line = node->key_line;
	b->bot = deia__strdup(bot);
	if (bot && !b->bot)
		return deia__config_refuse(where, DEIA_ENOMEM, 0, 0,
					   "memory ran out");
	for (const struct deia__yaml *c = node->first; c; c = c->next) {
		wrong = read_key(&b->budget, c);
		if (wrong)
			return refuse(c, bot ? bot : "day", wrong, where);
	}
	return DEIA_OK;
}

static deia_err read_bots(struct deia__config_budgets *out,
			  const struct deia__yaml *map,
			  struct deia_config_error *where)
{
	deia_err err = DEIA_OK;

	if (map->kind != DEIA__YAML_MAP)
		return refuse(map, "", "expected ids of bots, or \"*\"", where);
	for (const struct deia__yaml *c = map->first; c && !err; c = c->next)
		if (strcmp(c->key, "*") != 0 && !deia_bot_id_valid(c->key))
			err = refuse(c, "bots", "no bot can have this id",
				     where);
		else
			err = read_one(out, c->key, c, where);
	return err;
}

deia_err deia__config_budgets_read(struct deia__config_budgets *out,
				   const struct deia__yaml *section,
				   struct deia_config_error *where)
{
	deia_err err = DEIA_OK;

	if (section->kind != DEIA__YAML_MAP)
		return refuse(section, "", "expected day: and bots: below it",
			      where);
	out->list = deia__alloc(DEIA_BUDGETS_MAX * sizeof(*out->list));
	if (!out->list)
		return deia__config_refuse(where, DEIA_ENOMEM, 0, 0,
					   "memory ran out");
	for (const struct deia__yaml *c = section->first; c && !err;
	     c = c->next)
		if (strcmp(c->key, "day") == 0)
			err = read_one(out, NULL, c, where);
		else if (strcmp(c->key, "bots") == 0)
			err = read_bots(out, c, where);
		else
			err = refuse(
				c, "",
				"there is no such key; there are day and bots",
				where);
	return err;
}

void deia__config_budgets_fini(struct deia__config_budgets *b)
{
	for (size_t i = 0; i < b->len; i++)
		deia__free(b->list[i].bot);
	deia__free(b->list);
	memset(b, 0, sizeof(*b));
}

static void kint_if_any(struct deia_jw *w, const char *key, int64_t v)
{
	if (v)
		deia_jw_kint(w, key, v);
}

void deia__config_budget_print(const struct deia__config_budget *b,
			       struct deia_jw *w)
{
	deia_jw_object(w);
	kint_if_any(w, "tokens", b->budget.tokens);
	kint_if_any(w, "seconds", b->budget.seconds);
	kint_if_any(w, "messages", b->budget.messages);
	deia_jw_kstr(w, "on_exceed", deia_on_exceed_name(b->budget.on_exceed));
	deia_jw_end_object(w);
}
