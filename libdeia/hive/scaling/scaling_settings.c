/* SPDX-License-Identifier: MIT */
/*
 * scaling_settings.c - settings of the auto-scaler as JSON: one table of
 * members for limits, one for templates, walked to read, check and print.
 */
#include "hive/scaling/scaling.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400
#define MAX_MIB 16777216

enum kind { KIND_BOOL, KIND_COUNT, KIND_SECONDS };

struct member {
	const char *name;
	enum kind kind;
	size_t at;
	double min, max;
};

#define LIMIT(m) offsetof(struct deia_scaling_limits, m)
#define OF_TEMPLATE(m) offsetof(struct deia_scaling_template, m)

static const struct member limit_members[] = {
	{ "max_bots", KIND_COUNT, LIMIT(max_bots), 1, DEIA_MAX_BOTS },
	{ "dry_run", KIND_BOOL, LIMIT(dry_run), 0, 1 },
	{ "up_cooldown_seconds", KIND_COUNT, LIMIT(up_cooldown_seconds), 0,
	  DAY },
	{ "down_cooldown_seconds", KIND_COUNT, LIMIT(down_cooldown_seconds), 0,
	  DAY },
	{ "down_window_seconds", KIND_COUNT, LIMIT(down_window_seconds), 0,
	  DAY },
	{ "cpu_max_percent", KIND_COUNT, LIMIT(cpu_max_percent), 1, 1000 },
	{ "reserve_mib", KIND_COUNT, LIMIT(reserve_mib), 0, MAX_MIB },
};

static const struct member template_members[] = {
	{ "enabled", KIND_BOOL, OF_TEMPLATE(enabled), 0, 1 },
	{ "min_bots", KIND_COUNT, OF_TEMPLATE(min_bots), 0, DEIA_MAX_BOTS },
	{ "max_bots", KIND_COUNT, OF_TEMPLATE(max_bots), 1, DEIA_MAX_BOTS },
	{ "wait_seconds", KIND_SECONDS, OF_TEMPLATE(wait_seconds), 0.1, DAY },
};
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static bool refuse(struct deia_field_error *where, const char *prefix,
		   const char *name, const char *detail)
{
	snprintf(where->pointer, sizeof(where->pointer), "%s/%.64s", prefix,
		 name);
	snprintf(where->detail, sizeof(where->detail), "%s", detail);
	return false;
}

static bool refuse_range(struct deia_field_error *where, const char *prefix,
			 const struct member *m)
{
	char text[96];

	snprintf(text, sizeof(text), "expected a %snumber from %g to %.0f",
		 m->kind == KIND_COUNT ? "whole " : "", m->min, m->max);
	return refuse(where, prefix, m->name, text);
}

/* ---- checking ----------------------------------------------------------- */

static double value_of(const void *base, const struct member *m)
{
	const char *at = (const char *)base + m->at;

	switch (m->kind) {
	case KIND_BOOL:
		return *(const bool *)(const void *)at;
	case KIND_COUNT:
		return *(const unsigned *)(const void *)at;
	case KIND_SECONDS:
		break;
	}
	return *(const double *)(const void *)at;
}

static bool check_members(const void *base, const struct member *list, size_t n,
			  const char *prefix, struct deia_field_error *where)
{
	for (size_t i = 0; i < n; i++) {
		double v = value_of(base, &list[i]);

		/* NaN is within nothing. */
		if (!(v >= list[i].min && v <= list[i].max))
			return refuse_range(where, prefix, &list[i]);
	}
	return true;
}

bool deia__scaling_check_limits(const struct deia_scaling_limits *l,
				const char *prefix,
				struct deia_field_error *where)
{
	if (l->size != sizeof(*l))
		return refuse(where, prefix, "size", "is not of this version");
	return check_members(l, limit_members, LEN(limit_members), prefix,
			     where);
}

bool deia__scaling_check_template(const struct deia_scaling_template *t,
				  const char *prefix,
				  struct deia_field_error *where)
{
	char text[96];

	if (t->size != sizeof(*t))
		return refuse(where, prefix, "size", "is not of this version");
	if (!check_members(t, template_members, LEN(template_members), prefix,
			   where))
		return false;
	if (t->min_bots <= t->max_bots)
		return true;
	snprintf(text, sizeof(text), "%u is above max_bots, which is %u",
		 t->min_bots, t->max_bots);
	return refuse(where, prefix, "min_bots", text);
}

/* ---- reading ------------------------------------------------------------ */

/* False: it is of another type, or no whole number. */
static bool take(void *base, const struct member *m, const cJSON *v)
{
	char *at = (char *)base + m->at;

	if (m->kind == KIND_BOOL) {
		*(bool *)(void *)at = cJSON_IsTrue(v);
		return cJSON_IsBool(v);
	}
	if (!cJSON_IsNumber(v) || v->valuedouble < 0 ||
	    v->valuedouble > MAX_MIB)
		return false;
	if (m->kind == KIND_SECONDS) {
		*(double *)(void *)at = v->valuedouble;
		return true;
	}
	*(unsigned *)(void *)at = (unsigned)v->valuedouble;
	return v->valuedouble == (double)(unsigned)v->valuedouble;
}

static bool read_members(void *base, const struct member *list, size_t n,
			 const cJSON *json, const char *prefix,
			 struct deia_field_error *where)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json) {
		size_t i = 0;

		while (i < n && strcmp(list[i].name, item->string) != 0)
			i++;
		if (i == n)
			return refuse(where, prefix, item->string,
				      "there is no such field");
		if (take(base, &list[i], item))
			continue;
		if (list[i].kind == KIND_BOOL)
			return refuse(where, prefix, item->string,
				      "expected true or false");
		return refuse_range(where, prefix, &list[i]);
	}
	return true;
}

static bool is_object(const cJSON *json, const char *prefix,
		      struct deia_field_error *where)
{
	if (cJSON_IsObject(json))
		return true;
	snprintf(where->pointer, sizeof(where->pointer), "%s", prefix);
	snprintf(where->detail, sizeof(where->detail),
		 "expected an object, or null for what the file says");
	return false;
}

bool deia__scaling_read_limits(struct deia_scaling_limits *to,
			       const cJSON *json, const char *prefix,
			       struct deia_field_error *where)
{
	return is_object(json, prefix, where) &&
	       read_members(to, limit_members, LEN(limit_members), json, prefix,
			    where) &&
	       deia__scaling_check_limits(to, prefix, where);
}

bool deia__scaling_read_template(struct deia_scaling_template *to,
				 const cJSON *json, const char *prefix,
				 struct deia_field_error *where)
{
	return is_object(json, prefix, where) &&
	       read_members(to, template_members, LEN(template_members), json,
			    prefix, where) &&
	       deia__scaling_check_template(to, prefix, where);
}

/* ---- printing ----------------------------------------------------------- */

static char *print_members(const void *base, const struct member *list,
			   size_t n)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	for (size_t i = 0; i < n; i++) {
		double v = value_of(base, &list[i]);

		if (list[i].kind == KIND_BOOL)
			deia_jw_kbool(&w, list[i].name, v != 0);
		else if (list[i].kind == KIND_COUNT)
			deia_jw_kint(&w, list[i].name, (int64_t)v);
		else
			deia_jw_knum(&w, list[i].name, v);
	}
	deia_jw_end_object(&w);
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return NULL;
	}
	return w.text;
}

char *deia__scaling_print_limits(const struct deia_scaling_limits *l)
{
	return print_members(l, limit_members, LEN(limit_members));
}

char *deia__scaling_print_template(const struct deia_scaling_template *t)
{
	return print_members(t, template_members, LEN(template_members));
}
