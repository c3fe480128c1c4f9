/* SPDX-License-Identifier: MIT */
/* schema_parts.c - the keywords of arrays and of objects. */
#include <string.h>

#include "expect/schema_run.h"

static size_t count(struct deia__schema_run *r, const cJSON *container)
{
	size_t n = 0;

	for (const cJSON *i = container->child; i; i = i->next)
		n++;
	deia__schema_spend(r, n / 8);
	return n;
}

/* Each comparison counts. */
static const cJSON *member_of(struct deia__schema_run *r, const cJSON *object,
			      const char *key)
{
	const cJSON *m = object ? object->child : NULL;
	uint64_t n = 1;

	while (m && strcmp(m->string, key) != 0) {
		m = m->next;
		n++;
	}
	return deia__schema_spend(r, 1 + n / 4) ? m : NULL;
}

/* ---- arrays ------------------------------------------------------------ */

static bool min_items_holds(struct deia__schema_run *r,
			    const struct deia__schema_here *h)
{
	return !cJSON_IsArray(h->value) ||
	       (double)count(r, h->value) >= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at least %.0f items",
			       h->arg->valuedouble);
}

static bool max_items_holds(struct deia__schema_run *r,
			    const struct deia__schema_here *h)
{
	return !cJSON_IsArray(h->value) ||
	       (double)count(r, h->value) <= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at most %.0f items",
			       h->arg->valuedouble);
}

/* Each item has a schema of its own, as far as there are some. */
static bool prefix_items_holds(struct deia__schema_run *r,
			       const struct deia__schema_here *h)
{
	struct deia__spot in = { .up = h->at };
	const cJSON *schema = h->arg->child, *item;

	if (!cJSON_IsArray(h->value))
		return true;
	for (item = h->value->child; item && schema; item = item->next) {
		if (!deia__schema_keeps(r, schema, item, &in))
			return false;
		schema = schema->next;
		in.index++;
	}
	return true;
}

/* Those behind prefixItems. */
static bool items_holds(struct deia__schema_run *r,
			const struct deia__schema_here *h)
{
	const cJSON *prefix = deia__schema_beside(h, DEIA__WORD_PREFIX_ITEMS),
		    *item;
	struct deia__spot in = { .up = h->at };

	if (!cJSON_IsArray(h->value))
		return true;
	prefix = prefix ? prefix->child : NULL;
	for (item = h->value->child; item; item = item->next) {
		if (prefix)
			prefix = prefix->next;
		else if (!deia__schema_keeps(r, h->arg, item, &in))
			return false;
		in.index++;
	}
	return true;
}

static bool contains_holds(struct deia__schema_run *r,
			   const struct deia__schema_here *h)
{
	const cJSON *min = deia__schema_beside(h, DEIA__WORD_MIN_CONTAINS);
	const cJSON *max = deia__schema_beside(h, DEIA__WORD_MAX_CONTAINS);
	double least = min ? min->valuedouble : 1, n = 0;
	struct deia__spot in = { .up = h->at };

	if (!cJSON_IsArray(h->value))
		return true;
	for (const cJSON *i = h->value->child; i; i = i->next) {
		n += deia__schema_quietly(r, h->arg, i, &in);
		in.index++;
		if (max && n > max->valuedouble)
			return deia__schema_no(
				r, h->at,
				"more than %.0f items fit the schema of "
				"contains",
				max->valuedouble);
	}
	return n >= least ||
	       deia__schema_no(
		       r, h->at,
		       "%.0f items fit the schema of contains, not %.0f", n,
		       least);
}

static bool unique_holds(struct deia__schema_run *r,
			 const struct deia__schema_here *h)
{
	size_t first, second;
	deia_err err;

	if (!cJSON_IsArray(h->value) || !cJSON_IsTrue(h->arg))
		return true;
	err = deia__json_twins(h->value, &first, &second, r->work);
	if (err == DEIA_ENOTFOUND)
		return true;
	if (err)
		return deia__schema_give_up(r, err);
	return deia__schema_no(r, h->at, "items %zu and %zu are equal", first,
			       second);
}

/* ---- objects ----------------------------------------------------------- */

static bool min_properties_holds(struct deia__schema_run *r,
				 const struct deia__schema_here *h)
{
	return !cJSON_IsObject(h->value) ||
	       (double)count(r, h->value) >= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at least %.0f properties",
			       h->arg->valuedouble);
}

static bool max_properties_holds(struct deia__schema_run *r,
				 const struct deia__schema_here *h)
{
	return !cJSON_IsObject(h->value) ||
	       (double)count(r, h->value) <= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at most %.0f properties",
			       h->arg->valuedouble);
}

static bool has_names(struct deia__schema_run *r,
		      const struct deia__schema_here *h, const cJSON *names)
{
	for (const cJSON *i = names->child; i; i = i->next)
		if (!member_of(r, h->value, i->valuestring))
			return deia__schema_no(
				r, h->at, "the property \"%.80s\" is missing",
				i->valuestring);
	return true;
}

static bool required_holds(struct deia__schema_run *r,
			   const struct deia__schema_here *h)
{
	return !cJSON_IsObject(h->value) || has_names(r, h, h->arg);
}

static bool dependent_holds(struct deia__schema_run *r,
			    const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *i = h->arg->child; i; i = i->next)
		if (member_of(r, h->value, i->string) && !has_names(r, h, i))
			return false;
	return true;
}

static bool dependent_schemas_holds(struct deia__schema_run *r,
				    const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *i = h->arg->child; i; i = i->next)
		if (member_of(r, h->value, i->string) &&
		    !deia__schema_keeps(r, i, h->value, h->at))
			return false;
	return true;
}

static bool properties_holds(struct deia__schema_run *r,
			     const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *i = h->arg->child; i; i = i->next) {
		struct deia__spot in = { .up = h->at, .key = i->string };
		const cJSON *m = member_of(r, h->value, i->string);

		if (m && !deia__schema_keeps(r, i, m, &in))
			return false;
	}
	return true;
}

static bool pattern_properties_holds(struct deia__schema_run *r,
				     const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *m = h->value->child; m; m = m->next) {
		struct deia__spot in = { .up = h->at, .key = m->string };

		for (const cJSON *i = h->arg->child; i; i = i->next)
			if (!deia__schema_spend(r, 1) ||
			    (deia__schema_matches(r, i, m->string) &&
			     !deia__schema_keeps(r, i, m, &in)))
				return false;
	}
	return true;
}

/* Neither properties nor patternProperties speaks of it. */
static bool is_additional(struct deia__schema_run *r,
			  const struct deia__schema_here *h, const char *key)
{
	const cJSON *patterns =
		deia__schema_beside(h, DEIA__WORD_PATTERN_PROPERTIES);

	if (member_of(r, deia__schema_beside(h, DEIA__WORD_PROPERTIES), key))
		return false;
	for (const cJSON *i = patterns ? patterns->child : NULL; i; i = i->next)
		if (deia__schema_matches(r, i, key))
			return false;
	return true;
}

static bool additional_holds(struct deia__schema_run *r,
			     const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *m = h->value->child; m; m = m->next) {
		struct deia__spot in = { .up = h->at, .key = m->string };

		if (!is_additional(r, h, m->string))
			continue;
		if (cJSON_IsFalse(h->arg))
			return deia__schema_no(
				r, h->at,
				"the property \"%.80s\" is not allowed",
				m->string);
		if (!deia__schema_keeps(r, h->arg, m, &in))
			return false;
	}
	return true;
}

static bool property_names_holds(struct deia__schema_run *r,
				 const struct deia__schema_here *h)
{
	if (!cJSON_IsObject(h->value))
		return true;
	for (const cJSON *m = h->value->child; m; m = m->next) {
		struct deia__spot in = { .up = h->at, .key = m->string };
		/* Borrows the key; nothing is freed. */
		cJSON name = { .type = cJSON_String, .valuestring = m->string };

		if (!deia__schema_keeps(r, h->arg, &name, &in))
			return false;
	}
	return true;
}
const deia__schema_check deia__schema_part_checks[DEIA__WORDS] = {
	[DEIA__WORD_ADDITIONAL] = additional_holds,
	[DEIA__WORD_CONTAINS] = contains_holds,
	[DEIA__WORD_DEPENDENT] = dependent_holds,
	[DEIA__WORD_DEPENDENT_SCHEMAS] = dependent_schemas_holds,
	[DEIA__WORD_ITEMS] = items_holds,
	[DEIA__WORD_MAX_ITEMS] = max_items_holds,
	[DEIA__WORD_MAX_PROPERTIES] = max_properties_holds,
	[DEIA__WORD_MIN_ITEMS] = min_items_holds,
	[DEIA__WORD_MIN_PROPERTIES] = min_properties_holds,
	[DEIA__WORD_PATTERN_PROPERTIES] = pattern_properties_holds,
	[DEIA__WORD_PREFIX_ITEMS] = prefix_items_holds,
	[DEIA__WORD_PROPERTIES] = properties_holds,
	[DEIA__WORD_PROPERTY_NAMES] = property_names_holds,
	[DEIA__WORD_REQUIRED] = required_holds,
	[DEIA__WORD_UNIQUE] = unique_holds,
};
