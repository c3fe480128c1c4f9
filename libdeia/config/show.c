/* SPDX-License-Identifier: MIT */
/* show.c - a configuration as JSON: each key, its value and where that is from. */
#include <deia/config.h>

#include <stdio.h>

#include <deia/sys/json.h>

#include "config/checks.h"
#include "config/priv.h"
#include "core/mem.h"

static void print_origin(deia_jw *w, enum deia__origin origin, unsigned line)
{
	static const char *const names[] = { "default", "file", "environment",
					     "flag" };
	char text[32];

	if (origin == DEIA__FROM_FILE) {
		snprintf(text, sizeof(text), "file:%u", line);
		deia_jw_kstr(w, "origin", text);
	} else {
		deia_jw_kstr(w, "origin", names[origin]);
	}
}

static void print_text(deia_jw *w, const struct deia__key *key,
		       const char *text)
{
	char *hidden = key->password ? deia__hide_password(text) : NULL;

	if (key->password)
		deia_jw_str(w, hidden ? hidden : "***");
	else
		deia_jw_str(w, text);
	deia__free(hidden);
}

static void print_value(deia_jw *w, const struct deia__key *key,
			const struct deia__value *v)
{
	deia_jw_key(w, "value");
	switch (key->type) {
	case DEIA__KEY_TEXT:
		print_text(w, key, v->text);
		break;
	case DEIA__KEY_INT:
		deia_jw_int(w, v->number);
		break;
	case DEIA__KEY_BOOL:
		deia_jw_bool(w, v->number != 0);
		break;
	case DEIA__KEY_LIST:
		deia_jw_array(w);
		for (size_t i = 0; i < v->n_items; i++)
			deia_jw_str(w, v->items[i]);
		deia_jw_end_array(w);
	}
}

/* {"section.name":{ ... and what ends it. */
static void begin_named(deia_jw *w, const char *section, const char *name)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", section, name);
	deia_jw_key(w, key);
	deia_jw_object(w);
}

static void end_named(deia_jw *w, unsigned line)
{
	print_origin(w, DEIA__FROM_FILE, line);
	deia_jw_end_object(w);
}

static void print_template(deia_jw *w, const struct deia__template *t)
{
	begin_named(w, "templates", t->name);
	deia_jw_kraw(w, "value", t->json);
	end_named(w, t->line);
}

static void print_scaled(deia_jw *w, const struct deia__config_scaled *s)
{
	begin_named(w, "scaling.templates", s->name);
	deia_jw_key(w, "value");
	deia__config_scaling_print(s, w);
	end_named(w, s->line);
}

static void print_check(deia_jw *w, const struct deia__config_check *c)
{
	begin_named(w, "checks", c->name);
	deia_jw_key(w, "value");
	deia__config_check_print(c, w);
	end_named(w, c->line);
}

static void print_receiver(deia_jw *w, const struct deia__config_receiver *r)
{
	begin_named(w, "alerts.receivers", r->is.set.name);
	deia_jw_key(w, "value");
	deia__config_receiver_print(r, w);
	end_named(w, r->line);
}

static void print_budget(deia_jw *w, const struct deia__config_budget *b)
{
	char name[96];

	snprintf(name, sizeof(name), "budgets.%s%s", b->bot ? "bots." : "",
		 b->bot ? b->bot : "day");
	deia_jw_key(w, name);
	deia_jw_object(w);
	deia_jw_key(w, "value");
	deia__config_budget_print(b, w);
	end_named(w, b->line);
}

void deia_config_print(const deia_config *config, struct deia_jw *w)
{
	deia_jw_object(w);
	for (size_t i = 0; i < deia__n_keys; i++) {
		deia_jw_key(w, deia__keys[i].name);
		deia_jw_object(w);
		print_value(w, &deia__keys[i], &config->values[i]);
		print_origin(w, config->values[i].origin,
			     config->values[i].line);
		deia_jw_end_object(w);
	}
	for (size_t i = 0; i < config->templates.len; i++)
		print_template(w, &config->templates.list[i]);
	for (size_t i = 0; i < config->scaling.len; i++)
		print_scaled(w, &config->scaling.list[i]);
	for (size_t i = 0; i < config->budgets.len; i++)
		print_budget(w, &config->budgets.list[i]);
	for (size_t i = 0; i < config->checks.len; i++)
		print_check(w, &config->checks.list[i]);
	for (size_t i = 0; i < config->receivers.len; i++)
		print_receiver(w, &config->receivers.list[i]);
	deia_jw_end_object(w);
}
