/* SPDX-License-Identifier: MIT */
/*
 * schema_refs.c - what a "$ref" points at.
 *
 * A reference is "#" or "#/..." (RFC 6901 as the fragment of an address), and
 * its target a place that was read as a schema: one in a "default" or a "const"
 * is none. A schema that comes back to itself without going into the value
 * could never be decided; it is refused.
 */
#include <string.h>

#include "core/mem.h"
#include "expect/schema.h"

/* A step of a pointer, decoded. */
#define MAX_STEP_BYTES 256

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a pointer, decoded; 0: it is wrong. */
static char next_char(const char **p)
{
	char c = *(*p)++;

	if (c == '%') {
		if (hex((*p)[0]) < 0 || hex((*p)[1]) < 0)
			return '\0';
		c = (char)(hex((*p)[0]) << 4 | hex((*p)[1]));
		*p += 2;
	}
	if (c != '~')
		return c;
	c = **p == '0' ? '~' : **p == '1' ? '/' : '\0';
	*p += c != '\0';
	return c;
}

/* Behind a '/': the step, up to the next one. */
static bool next_step(const char **p, char step[static MAX_STEP_BYTES])
{
	size_t n = 0;

	while (**p && **p != '/') {
		if (n + 1 == MAX_STEP_BYTES)
			return false;
		step[n] = next_char(p);
		if (step[n++] == '\0')
			return false;
	}
	step[n] = '\0';
	return true;
}

static const cJSON *item_at(const cJSON *array, const char *step)
{
	size_t index = 0;

	if (*step == '\0' || (step[0] == '0' && step[1]))
		return NULL;
	for (; *step; step++) {
		if (*step < '0' || *step > '9' || index > 100000)
			return NULL;
		index = index * 10 + (size_t)(*step - '0');
	}
	return cJSON_GetArrayItem(array, (int)index);
}

/* What a reference points at, or NULL. */
static const cJSON *target_of(const struct deia__schema *s, const char *ref)
{
	const cJSON *at = s->root;
	char step[MAX_STEP_BYTES];

	if (*ref++ != '#')
		return NULL;
	while (at && *ref) {
		if (*ref++ != '/' || !next_step(&ref, step))
			return NULL;
		at = cJSON_IsArray(at)
			     ? item_at(at, step)
			     : cJSON_GetObjectItemCaseSensitive(at, step);
	}
	return at && deia__schema_is_schema(s, at) ? at : NULL;
}

/* ---- circles ----------------------------------------------------------- */

/* Of the same value: what its subschemas say is said of it. */
static bool stays(int word)
{
	switch (word) {
	case DEIA__WORD_ALL_OF:
	case DEIA__WORD_ANY_OF:
	case DEIA__WORD_ONE_OF:
	case DEIA__WORD_NOT:
	case DEIA__WORD_IF:
	case DEIA__WORD_THEN:
	case DEIA__WORD_ELSE:
	case DEIA__WORD_DEPENDENT_SCHEMAS:
		return true;
	default:
		return false;
	}
}

/* For each schema: 0 not seen, 1 on the way, 2 done. */
struct walk {
	const struct deia__schema *s;
	unsigned char *marks;
};

static bool returns(struct walk *w, const cJSON *schema);

static size_t number_of(const struct deia__schema *s, const cJSON *schema)
{
	size_t low = 0, high = s->n_schemas;

	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (s->schemas[mid] > schema)
			high = mid;
		else
			low = mid;
	}
	return low;
}

static bool member_returns(struct walk *w, const cJSON *member)
{
	int word = deia__keyword_find(member->string);

	if (word == DEIA__WORD_REF)
		return returns(w, deia__schema_made(w->s, member)->target);
	if (!stays(word))
		return false;
	if (deia__keywords[word].shape == DEIA__SHAPE_SCHEMA)
		return returns(w, member);
	for (const cJSON *i = member->child; i; i = i->next)
		if (returns(w, i))
			return true;
	return false;
}

/* Not deeper than there are schemas in DEIA_TASK_MAX_EXPECT_BYTES: each is
 * on the way once. */
static bool returns(struct walk *w, const cJSON *schema)
{
	unsigned char *mark = &w->marks[number_of(w->s, schema)];
	bool circle = *mark == 1;

	if (*mark)
		return circle;
	*mark = 1;
	for (const cJSON *m = schema->child; m && !circle; m = m->next)
		circle = member_returns(w, m);
	*mark = 2;
	return circle;
}

static deia_err refuse_circles(struct deia__schema *s, struct deia__errmsg *why)
{
	struct walk w = { .s = s, .marks = deia__alloc(s->n_schemas) };
	bool circle = false;
	const cJSON *at = NULL;

	if (w.marks == NULL)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	for (size_t i = 0; i < s->n_made && !circle; i++) {
		at = s->made[i].at;
		if (s->made[i].target)
			circle = returns(&w, s->made[i].target);
	}
	deia__free(w.marks);
	if (!circle)
		return DEIA_OK;
	return deia__fail(why, DEIA_EFIELD,
			  "json_schema: $ref \"%s\" comes back to itself "
			  "without going into the value",
			  at->valuestring);
}

deia_err deia__schema_link(struct deia__schema *s, struct deia__errmsg *why)
{
	for (size_t i = 0; i < s->n_made; i++) {
		struct deia__made *m = &s->made[i];

		if (m->regex)
			continue;
		m->target = target_of(s, m->at->valuestring);
		if (m->target == NULL)
			return deia__fail(
				why, DEIA_EFIELD,
				"json_schema: $ref \"%.100s\" points at no "
				"schema in here; write it like #/$defs/name",
				m->at->valuestring);
	}
	return refuse_circles(s, why);
}
