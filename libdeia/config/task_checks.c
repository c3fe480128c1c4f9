/* SPDX-License-Identifier: MIT */
/* task_checks.c - `checks`: commands that judge results of tasks. */
#include "config/task_checks.h"

#include <stdlib.h>
#include <string.h>

#include <deia/bot.h>
#include <deia/limits.h>
#include <deia/sys/json.h>

#include "core/mem.h"

#define MAX_SECONDS 3600

static deia_err refuse(const struct deia__yaml *at, const char *name,
		       const char *detail, struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_EFIELD, at->line, at->column,
				   "checks%s%.64s: %s", *name ? "." : "", name,
				   detail);
}

static deia_err no_memory(struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_ENOMEM, 0, 0, "memory ran out");
}

static deia_err read_argv(struct deia__config_check *c,
			  const struct deia__yaml *list,
			  struct deia_config_error *where)
{
	static const char expected[] =
		"expected a command as a list, such as [/usr/bin/python3, "
		"/etc/deia/check.py]";

	if (list->kind != DEIA__YAML_LIST || !list->first)
		return refuse(list, c->name, expected, where);
	c->argv = deia__alloc((DEIA_MAX_ARGV_LEN + 1) * sizeof(*c->argv));
	if (!c->argv)
		return no_memory(where);
	for (const struct deia__yaml *a = list->first; a; a = a->next) {
		if (a->kind != DEIA__YAML_SCALAR ||
		    c->n_argv == DEIA_MAX_ARGV_LEN)
			return refuse(a, c->name, expected, where);
		c->argv[c->n_argv] = deia__strdup(a->text);
		if (!c->argv[c->n_argv++])
			return no_memory(where);
	}
	if (c->argv[0][0] != '/')
		return refuse(list->first, c->name,
			      "its program is given by a path that begins "
			      "with /",
			      where);
	return DEIA_OK;
}

static deia_err read_seconds(struct deia__config_check *c,
			     const struct deia__yaml *node,
			     struct deia_config_error *where)
{
	size_t len = node->kind == DEIA__YAML_SCALAR ? strlen(node->text) : 0;
	long n = 0;

	if (len > 0 && len < 6 && !node->quoted &&
	    node->text[strspn(node->text, "0123456789")] == '\0')
		n = strtol(node->text, NULL, 10);
	if (n < 1 || n > MAX_SECONDS)
		return refuse(node, c->name,
			      "timeout_seconds: expected a whole number from 1 "
			      "to 3600",
			      where);
	c->timeout_seconds = (unsigned)n;
	return DEIA_OK;
}

/* NAME: [command], or NAME: {argv: [command], timeout_seconds: N} */
static deia_err read_one(struct deia__config_check *c,
			 const struct deia__yaml *node,
			 struct deia_config_error *where)
{
	deia_err err = DEIA_OK;

	if (node->kind != DEIA__YAML_MAP)
		return read_argv(c, node, where);
	for (const struct deia__yaml *k = node->first; k && !err; k = k->next)
		if (strcmp(k->key, "argv") == 0)
			err = read_argv(c, k, where);
		else if (strcmp(k->key, "timeout_seconds") == 0)
			err = read_seconds(c, k, where);
		else
			err = refuse(k, c->name,
				     "there are argv and timeout_seconds",
				     where);
	if (!err && !c->argv)
		err = refuse(node, c->name, "argv is required", where);
	return err;
}

deia_err deia__config_checks_read(struct deia__config_checks *out,
				  const struct deia__yaml *section,
				  struct deia_config_error *where)
{
	struct deia__config_check *c;
	deia_err err = DEIA_OK;

	if (section->kind != DEIA__YAML_MAP)
		return refuse(section, "", "expected names of checks", where);
	out->list = deia__alloc(DEIA__CONFIG_CHECKS_MAX * sizeof(*out->list));
	if (!out->list)
		return no_memory(where);
	for (const struct deia__yaml *n = section->first; n && !err;
	     n = n->next) {
		if (!deia_bot_id_valid(n->key))
			return refuse(n, n->key, "no check can have this name",
				      where);
		if (out->len == DEIA__CONFIG_CHECKS_MAX)
			return refuse(n, "", "there may be 64 at most", where);
		c = &out->list[out->len++];
		c->line = n->key_line;
		c->name = deia__strdup(n->key);
		err = c->name ? read_one(c, n, where) : no_memory(where);
	}
	return err;
}

void deia__config_checks_fini(struct deia__config_checks *c)
{
	for (size_t i = 0; i < c->len; i++) {
		for (size_t k = 0; k < c->list[i].n_argv; k++)
			deia__free(c->list[i].argv[k]);
		deia__free(c->list[i].argv);
		deia__free(c->list[i].name);
	}
	deia__free(c->list);
	memset(c, 0, sizeof(*c));
}

void deia__config_check_print(const struct deia__config_check *c,
			      struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_key(w, "argv");
	deia_jw_array(w);
	for (size_t k = 0; k < c->n_argv; k++)
		deia_jw_str(w, c->argv[k]);
	deia_jw_end_array(w);
	if (c->timeout_seconds)
		deia_jw_kint(w, "timeout_seconds", c->timeout_seconds);
	deia_jw_end_object(w);
}
