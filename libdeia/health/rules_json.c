/* SPDX-License-Identifier: MIT */
/*
 * rules_json.c - rules read from JSON, and printed so that they read back the
 * same.
 *
 * Reading makes rules as a program would fill them in; what their numbers may
 * be is found out where all rules are compiled.
 */
#include "health/health.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "health/read.h"

#define MAX_SECONDS (DEIA_HEALTH_MAX_FOR_MS / 1000.0)

/* ---- reading ------------------------------------------------------------- */

static double any_number(struct deia__read *r, const cJSON *json,
			 const char *member, double otherwise)
{
	return deia__read_number(r, json, member, -1e300, 1e300, otherwise);
}

static int64_t milliseconds(struct deia__read *r, const cJSON *json,
			    const char *member)
{
	return llround(1000 *
		       deia__read_number(r, json, member, 0, MAX_SECONDS, 0));
}

static deia_health_compare compare(struct deia__read *r, const cJSON *json)
{
	const char *name = deia__read_text(r, json, "compare", false);
	int c = name ? deia__health_compare_parse(name) : DEIA_HEALTH_AT_LEAST;

	if (c < 0)
		deia__read_wrong(r, "compare",
				 "expected \">\", \">=\", \"<\" or \"<=\"");
	return c < 0 ? DEIA_HEALTH_AT_LEAST : (deia_health_compare)c;
}

static void read_level(struct deia__read *r, const cJSON *json,
		       struct deia_health_limit *out)
{
	static const char *const names[] = { "at", "clear", "for_seconds",
					     NULL };

	if (!deia__read_object(r, json, names))
		return;
	out->used = true;
	out->at = any_number(r, json, "at", (double)NAN);
	out->clear = any_number(r, json, "clear", out->at);
	out->for_ms = milliseconds(r, json, "for_seconds");
}

static void read_levels(struct deia__read *r, const cJSON *json,
			struct deia_health_rule *out)
{
	static const char *const names[] = { "info", "warning", "critical",
					     NULL };
	size_t up = deia__read_down(r, "levels");

	if (!deia__read_object(r, json, names))
		return;
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
		const cJSON *level = deia__json_get(json, names[l]);
		size_t here = deia__read_down(r, names[l]);

		if (level)
			read_level(r, level, &out->levels[l]);
		deia__read_up(r, here);
	}
	deia__read_up(r, up);
}

static size_t read_conditions(struct deia__read *r, const cJSON *json,
			      const char *member, bool has_clear,
			      struct deia_health_condition *out)
{
	static const char *const with[] = { "metric", "compare", "at", "clear",
					    NULL };
	static const char *const without[] = { "metric", "compare", "at",
					       NULL };
	const cJSON *list, *item;
	size_t n = deia__read_array(r, json, member, DEIA_HEALTH_MAX_CONDITIONS,
				    &list);
	size_t up = deia__read_down(r, member);

	for (size_t i = 0; i < n && !r->err; i++) {
		size_t here = deia__read_down_at(r, (unsigned)i);

		item = cJSON_GetArrayItem(list, (int)i);
		if (deia__read_object(r, item, has_clear ? with : without)) {
			out[i].metric =
				deia__read_text(r, item, "metric", true);
			out[i].compare = compare(r, item);
			out[i].at = any_number(r, item, "at", (double)NAN);
			out[i].clear = any_number(r, item, "clear", out[i].at);
		}
		deia__read_up(r, here);
	}
	deia__read_up(r, up);
	return n;
}

static void read_rule(struct deia__read *r, const cJSON *json,
		      struct deia_health_rule *out)
{
	static const char *const names[] = {
		"id",	"metric", "compare", "levels", "keep_seconds",
		"also", "unless", "enabled", "text",   NULL
	};
	const struct deia_health_rule init = DEIA_HEALTH_RULE_INIT;
	const char *text;

	*out = init;
	if (!deia__read_object(r, json, names))
		return;
	out->id = deia__read_text(r, json, "id", true);
	out->metric = deia__read_text(r, json, "metric", true);
	out->compare = compare(r, json);
	read_levels(r, deia__json_get(json, "levels"), out);
	if (r->err)
		return;
	out->keep_ms = milliseconds(r, json, "keep_seconds");
	out->n_also = read_conditions(r, json, "also", true, out->also);
	out->n_unless = read_conditions(r, json, "unless", false, out->unless);
	out->off = !deia__read_bool(r, json, "enabled", true);
	text = deia__read_text(r, json, "text", false);
	out->text = text ? text : "";
}

static size_t read_rules(struct deia__read *r, const cJSON *json,
			 struct deia_health_rule **out)
{
	static const char *const names[] = { "rules", NULL };
	const cJSON *list = NULL, *item;
	size_t n, up, i = 0;

	if (!deia__read_object(r, json, names))
		return 0;
	n = deia__read_array(r, json, "rules", DEIA_HEALTH_MAX_RULES, &list);
	if (!list)
		deia__read_wrong(r, "rules", "expected a list");
	if (r->err)
		return 0;
	*out = deia__alloc((n + 1) * sizeof(**out));
	if (!*out) {
		r->err = deia__fail(r->msg, DEIA_ENOMEM, "memory ran out");
		return 0;
	}
	up = deia__read_down(r, "rules");
	cJSON_ArrayForEach(item, list) {
		size_t here = deia__read_down_at(r, (unsigned)i);

		if (!r->err)
			read_rule(r, item, &(*out)[i++]);
		deia__read_up(r, here);
	}
	deia__read_up(r, up);
	return n;
}

static deia_err compile(deia_health *h, const cJSON *json,
			struct deia_field_error *where,
			struct deia__health_rule ***out, size_t *n)
{
	struct deia__read r = { .where = where, .msg = &h->msg };
	struct deia_health_rule *rules = NULL;
	const struct deia_health_rule *builtin;
	deia_err err;

	*out = NULL;
	if (h->calling)
		return deia__fail(&h->msg, DEIA_ESTATE, "on_change runs");
	if (cJSON_IsNull(json)) {
		builtin = deia_health_default_rules(n);
		return deia__health_compile(h, builtin, *n, out, where);
	}
	*n = read_rules(&r, json, &rules);
	err = r.err;
	if (!err)
		err = deia__health_compile(h, rules, *n, out, where);
	deia__free(rules);
	return err;
}

deia_err deia_health_set_rules_json(deia_health *h, const struct cJSON *json,
				    struct deia_field_error *where)
{
	struct deia__health_rule **rules;
	size_t n = 0;
	deia_err err = compile(h, json, where, &rules, &n);

	if (rules)
		deia__health_adopt(h, rules, (unsigned)n);
	return err;
}

deia_err deia_health_check_rules_json(deia_health *h, const struct cJSON *json,
				      struct deia_field_error *where)
{
	struct deia__health_rule **rules;
	size_t n = 0;
	deia_err err = compile(h, json, where, &rules, &n);

	if (rules)
		deia__health_rules_free(rules, n);
	return err;
}

/* ---- printing ------------------------------------------------------------ */

/* Exactly: deia_jw_num prints six decimals. */
static void print_number(struct deia_jw *w, const char *key, double v)
{
	char number[40];

	deia__json_number(number, v);
	deia_jw_kraw(w, key, number);
}

static void print_levels(const struct deia_health_rule *p, struct deia_jw *w)
{
	deia_jw_key(w, "levels");
	deia_jw_object(w);
	for (int l = 0; l < DEIA_HEALTH_LEVELS; l++) {
		const struct deia_health_limit *limit = &p->levels[l];

		if (!limit->used)
			continue;
		deia_jw_key(w, deia_health_level_name((deia_health_level)l));
		deia_jw_object(w);
		print_number(w, "at", limit->at);
		print_number(w, "clear", limit->clear);
		print_number(w, "for_seconds", (double)limit->for_ms / 1000);
		deia_jw_end_object(w);
	}
	deia_jw_end_object(w);
}

static void print_conditions(struct deia_jw *w, const char *key,
			     const struct deia_health_condition *c, size_t n,
			     bool has_clear)
{
	deia_jw_key(w, key);
	deia_jw_array(w);
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "metric", c[i].metric);
		deia_jw_kstr(w, "compare",
			     deia_health_compare_name(c[i].compare));
		print_number(w, "at", c[i].at);
		if (has_clear)
			print_number(w, "clear", c[i].clear);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

static void print_rule(const struct deia_health_rule *p, struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "id", p->id);
	deia_jw_kstr(w, "metric", p->metric);
	deia_jw_kstr(w, "compare", deia_health_compare_name(p->compare));
	print_levels(p, w);
	print_number(w, "keep_seconds", (double)p->keep_ms / 1000);
	print_conditions(w, "also", p->also, p->n_also, true);
	print_conditions(w, "unless", p->unless, p->n_unless, false);
	deia_jw_kbool(w, "enabled", !p->off);
	deia_jw_kstr(w, "text", p->text);
	deia_jw_end_object(w);
}

void deia_health_print_rules(const deia_health *h, struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_key(w, "rules");
	deia_jw_array(w);
	for (unsigned i = 0; i < h->n_rules; i++)
		print_rule(&h->rules[i]->pub, w);
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}
