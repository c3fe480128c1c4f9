/* SPDX-License-Identifier: MIT */
/*
 * schema.c - is this a schema, all of it?
 *
 * A keyword that is not known is refused with its place, so that nobody
 * believes in a check that is not made. Patterns are compiled here, once. What
 * is made for a place in the schema is found by the address of its node.
 */
#include "expect/schema.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "core/mem.h"
#include "expect/regex.h"

struct reading {
	struct deia__schema *s;
	struct deia__errmsg *why;
	unsigned depth;
};

static deia_err read_schema(struct reading *r, const cJSON *schema,
			    const struct deia__spot *at);

static deia_err wrong(const struct reading *r, const struct deia__spot *at,
		      const char *what)
{
	char place[DEIA__SPOT_BYTES];

	deia__spot_print(place, sizeof(place), at);
	return deia__fail(r->why, DEIA_EFIELD, "json_schema%s: %s", place,
			  what);
}

static deia_err no_memory(const struct reading *r)
{
	return deia__fail(r->why, DEIA_ENOMEM, "memory ran out");
}

/* ---- what is kept ------------------------------------------------------ */

/* Room for one more element; false: out of memory. */
static bool grow(void **items, size_t len, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 16;
	void *p;

	if (len < *cap)
		return true;
	p = deia__realloc(*items, more * size);
	if (p == NULL)
		return false;
	*items = p;
	*cap = more;
	return true;
}

static deia_err keep_schema(struct reading *r, const cJSON *schema)
{
	struct deia__schema *s = r->s;
	void *items = s->schemas;

	if (!grow(&items, s->n_schemas, &s->schemas_cap, sizeof(*s->schemas)))
		return no_memory(r);
	s->schemas = items;
	s->schemas[s->n_schemas++] = schema;
	return DEIA_OK;
}

static struct deia__made *keep_made(struct reading *r, const cJSON *at)
{
	struct deia__schema *s = r->s;
	void *items = s->made;

	if (!grow(&items, s->n_made, &s->made_cap, sizeof(*s->made)))
		return NULL;
	s->made = items;
	s->made[s->n_made] = (struct deia__made){ .at = at };
	return &s->made[s->n_made++];
}

static int by_place(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

/* struct deia__made begins with its place. */
_Static_assert(offsetof(struct deia__made, at) == 0, "sought by by_place");

const struct deia__made *deia__schema_made(const struct deia__schema *s,
					   const cJSON *at)
{
	return s->n_made ? bsearch(&at, s->made, s->n_made, sizeof(*s->made),
				   by_place)
			 : NULL;
}

bool deia__schema_is_schema(const struct deia__schema *s, const cJSON *at)
{
	return bsearch(&at, s->schemas, s->n_schemas, sizeof(*s->schemas),
		       by_place) != NULL;
}

/* ---- values of keywords ------------------------------------------------ */

static deia_err read_number(struct reading *r, const cJSON *value,
			    enum deia__shape shape, const struct deia__spot *at)
{
	double v = value->valuedouble;

	if (!cJSON_IsNumber(value) || !isfinite(v))
		return wrong(r, at, "must be a number");
	if (shape == DEIA__SHAPE_COUNT && (v < 0 || v != floor(v)))
		return wrong(r, at, "must be a whole number, 0 or more");
	if (shape == DEIA__SHAPE_ABOVE_0 && v <= 0)
		return wrong(r, at, "must be greater than 0");
	return DEIA_OK;
}

static bool is_type_name(const cJSON *value)
{
	static const char *const names[] = { "null",   "boolean", "object",
					     "array",  "number",  "string",
					     "integer" };

	for (size_t i = 0; cJSON_IsString(value) && i < 7; i++)
		if (!strcmp(value->valuestring, names[i]))
			return true;
	return false;
}

static deia_err read_type(struct reading *r, const cJSON *value,
			  const struct deia__spot *at)
{
	static const char names[] =
		"must be one of null, boolean, object, array, number, string, "
		"integer, or a list of some";
	const cJSON *item;

	if (!cJSON_IsArray(value))
		return is_type_name(value) ? DEIA_OK : wrong(r, at, names);
	if (value->child == NULL)
		return wrong(r, at, names);
	cJSON_ArrayForEach(item, value) {
		if (!is_type_name(item))
			return wrong(r, at, names);
	}
	return DEIA_OK;
}

static deia_err read_names(struct reading *r, const cJSON *value,
			   const struct deia__spot *at)
{
	const cJSON *item;

	if (!cJSON_IsArray(value))
		return wrong(r, at, "must be a list of names");
	cJSON_ArrayForEach(item, value) {
		if (!cJSON_IsString(item))
			return wrong(r, at, "must be a list of names");
	}
	return DEIA_OK;
}

static deia_err read_names_map(struct reading *r, const cJSON *value,
			       const struct deia__spot *at)
{
	deia_err err = DEIA_OK;
	const cJSON *item;

	if (!cJSON_IsObject(value))
		return wrong(r, at, "must be an object of lists of names");
	for (item = value->child; item && !err; item = item->next) {
		struct deia__spot in = { .up = at, .key = item->string };

		err = read_names(r, item, &in);
	}
	return err;
}

/* node: what the pattern is kept for. */
static deia_err read_pattern(struct reading *r, const cJSON *node,
			     const char *pattern, const struct deia__spot *at)
{
	struct deia__made *made = keep_made(r, node);
	struct deia__errmsg detail = { "" };
	deia_err err;

	if (made == NULL)
		return no_memory(r);
	err = deia__regex_new(&made->regex, pattern, true, &detail);
	if (err == DEIA_EFIELD)
		return wrong(r, at, detail.text);
	return err ? no_memory(r) : DEIA_OK;
}

/* ---- schemas in schemas ------------------------------------------------ */

static deia_err read_list(struct reading *r, const cJSON *value,
			  const struct deia__spot *at)
{
	deia_err err = DEIA_OK;
	size_t n = 0;

	if (!cJSON_IsArray(value) || value->child == NULL)
		return wrong(r, at, "must be a list of schemas, not empty");
	for (const cJSON *i = value->child; i && !err; i = i->next) {
		struct deia__spot in = { .up = at, .index = n++ };

		err = read_schema(r, i, &in);
	}
	return err;
}

static deia_err read_map(struct reading *r, const cJSON *value, bool patterns,
			 const struct deia__spot *at)
{
	deia_err err = DEIA_OK;

	if (!cJSON_IsObject(value))
		return wrong(r, at, "must be an object of schemas");
	for (const cJSON *i = value->child; i && !err; i = i->next) {
		struct deia__spot in = { .up = at, .key = i->string };

		if (patterns)
			err = read_pattern(r, i, i->string, &in);
		if (!err)
			err = read_schema(r, i, &in);
	}
	return err;
}

static deia_err read_items(struct reading *r, const cJSON *value,
			   const struct deia__spot *at)
{
	if (cJSON_IsArray(value))
		return wrong(r, at,
			     "a list of schemas, one for each place, is called "
			     "prefixItems");
	return read_schema(r, value, at);
}

/* ---- one schema -------------------------------------------------------- */

static deia_err read_value(struct reading *r, int word, const cJSON *value,
			   const struct deia__spot *at)
{
	enum deia__shape shape = deia__keywords[word].shape;

	switch (shape) {
	case DEIA__SHAPE_NOTE:
	case DEIA__SHAPE_ROOT:
	case DEIA__SHAPE_ANY:
		return DEIA_OK;
	case DEIA__SHAPE_BOOL:
		return cJSON_IsBool(value)
			       ? DEIA_OK
			       : wrong(r, at, "must be true or false");
	case DEIA__SHAPE_COUNT:
	case DEIA__SHAPE_NUMBER:
	case DEIA__SHAPE_ABOVE_0:
		return read_number(r, value, shape, at);
	case DEIA__SHAPE_TYPE:
		return read_type(r, value, at);
	case DEIA__SHAPE_LIST:
		return cJSON_IsArray(value) && value->child
			       ? DEIA_OK
			       : wrong(r, at, "must be a list, not empty");
	case DEIA__SHAPE_NAMES:
		return read_names(r, value, at);
	case DEIA__SHAPE_NAMES_MAP:
		return read_names_map(r, value, at);
	case DEIA__SHAPE_PATTERN:
		return cJSON_IsString(value)
			       ? read_pattern(r, value, value->valuestring, at)
			       : wrong(r, at, "must be a regular expression");
	case DEIA__SHAPE_REF:
		if (!cJSON_IsString(value))
			return wrong(r, at, "must be a text like #/$defs/name");
		return keep_made(r, value) ? DEIA_OK : no_memory(r);
	case DEIA__SHAPE_SCHEMA:
		return word == DEIA__WORD_ITEMS ? read_items(r, value, at)
						: read_schema(r, value, at);
	case DEIA__SHAPE_SCHEMAS:
		return read_list(r, value, at);
	case DEIA__SHAPE_SCHEMA_MAP:
	case DEIA__SHAPE_PATTERN_MAP:
		break;
	}
	return read_map(r, value, shape == DEIA__SHAPE_PATTERN_MAP, at);
}

/* Static text. */
static const char *without(const char *word)
{
	return strcmp(word, "if") == 0 ? "does nothing without if"
				       : "does nothing without contains";
}

static deia_err read_member(struct reading *r, const cJSON *schema,
			    const cJSON *member, const struct deia__spot *at)
{
	struct deia__spot in = { .up = at, .key = member->string };
	int word = deia__keyword_find(member->string);
	const char *with;

	if (word < 0)
		return wrong(r, &in,
			     "this keyword is not supported; the page on "
			     "expectations lists those that are");
	with = deia__keywords[word].with;
	if (with && !cJSON_GetObjectItemCaseSensitive(schema, with))
		return wrong(r, &in, without(with));
	if (deia__keywords[word].shape == DEIA__SHAPE_ROOT && at->up)
		return wrong(r, &in, "is supported at the root only");
	return read_value(r, word, member, &in);
}

static deia_err read_schema(struct reading *r, const cJSON *schema,
			    const struct deia__spot *at)
{
	deia_err err = keep_schema(r, schema);

	if (err || cJSON_IsBool(schema))
		return err;
	if (!cJSON_IsObject(schema))
		return wrong(r, at, "must be an object, true or false");
	if (r->depth == DEIA_MAX_JSON_DEPTH)
		return wrong(r, at, "is nested too deep");
	r->depth++;
	for (const cJSON *m = schema->child; m && !err; m = m->next)
		err = read_member(r, schema, m, at);
	r->depth--;
	return err;
}

deia_err deia__schema_new(struct deia__schema **out, const cJSON *root,
			  struct deia__errmsg *why)
{
	struct deia__spot whole = { .up = NULL };
	struct reading r = { .s = deia__alloc(sizeof(*r.s)), .why = why };
	deia_err err;

	*out = NULL;
	if (r.s == NULL)
		return no_memory(&r);
	r.s->root = root;
	err = read_schema(&r, root, &whole);
	if (!err) {
		if (r.s->n_made)
			qsort(r.s->made, r.s->n_made, sizeof(*r.s->made),
			      by_place);
		qsort(r.s->schemas, r.s->n_schemas, sizeof(*r.s->schemas),
		      by_place);
		err = deia__schema_link(r.s, why);
	}
	if (err)
		deia__schema_free(r.s);
	else
		*out = r.s;
	return err;
}

void deia__schema_free(struct deia__schema *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_made; i++)
		deia__regex_free(s->made[i].regex);
	deia__free(s->made);
	deia__free(s->schemas);
	deia__free(s);
}
