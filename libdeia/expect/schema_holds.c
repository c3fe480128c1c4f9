/* SPDX-License-Identifier: MIT */
/*
 * schema_holds.c - does a value keep to a schema? The keywords of all values, of
 * numbers and of texts.
 *
 * One function a keyword, in a table. All of them take steps from one store;
 * when it is empty, or memory runs out, r->err is set and what they return
 * means nothing any more, also under a "not". The first thing that is wrong is
 * said; inside "anyOf", "if" and the like nothing is (quiet).
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"
#include "expect/regex.h"
#include "expect/schema_run.h"

/* Above this every double is whole. */
#define MAX_EXACT 9007199254740992.0
#define MULTIPLE_EPSILON 1e-14

/* ---- saying why -------------------------------------------------------- */

bool deia__schema_no(struct deia__schema_run *r, const struct deia__spot *at,
		     const char *fmt, ...)
{
	char place[DEIA__SPOT_BYTES], text[256];
	va_list args;

	if (r->quiet || r->err)
		return false;
	deia__spot_print(place, sizeof(place), at);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text[deia__utf8_whole(text, strlen(text))] = '\0';
	deia__fail(r->why, DEIA_EREMOTE, "%s: %s",
		   *place ? place : "the answer", text);
	return false;
}

bool deia__schema_give_up(struct deia__schema_run *r, deia_err err)
{
	if (!r->err)
		r->err = err;
	return false;
}

bool deia__schema_spend(struct deia__schema_run *r, uint64_t n)
{
	return deia__work(r->work, n) || deia__schema_give_up(r, DEIA_ELIMIT);
}

static const char *kind_of(const cJSON *v)
{
	return cJSON_IsNull(v)	   ? "null"
	       : cJSON_IsBool(v)   ? "boolean"
	       : cJSON_IsNumber(v) ? "number"
	       : cJSON_IsString(v) ? "string"
	       : cJSON_IsArray(v)  ? "array"
				   : "object";
}

/* The value itself where it is short, in a place of the caller's. */
static const char *shown(char out[static 64], const cJSON *v)
{
	int len;

	if (cJSON_IsBool(v))
		return cJSON_IsTrue(v) ? "true" : "false";
	if (cJSON_IsNumber(v)) {
		deia__json_number(out, v->valuedouble);
		return out;
	}
	if (!cJSON_IsString(v))
		return kind_of(v);
	len = (int)deia__utf8_whole(v->valuestring,
				    strnlen(v->valuestring, 40));
	snprintf(out, 64, "\"%.*s%s\"", len, v->valuestring,
		 v->valuestring[len] ? "..." : "");
	return out;
}

/* ---- small things ------------------------------------------------------ */

const cJSON *deia__schema_beside(const struct deia__schema_here *h,
				 enum deia__word_id word)
{
	return cJSON_GetObjectItemCaseSensitive(h->schema,
						deia__keywords[word].name);
}

bool deia__schema_matches(struct deia__schema_run *r, const cJSON *node,
			  const char *text)
{
	const struct deia__made *made = deia__schema_made(r->s, node);
	deia_err err =
		deia__regex_find(made->regex, text, strlen(text), r->work);

	if (err && err != DEIA_ENOTFOUND)
		return deia__schema_give_up(r, err);
	return !err;
}

bool deia__schema_quietly(struct deia__schema_run *r, const cJSON *schema,
			  const cJSON *value, const struct deia__spot *at)
{
	bool ok;

	r->quiet++;
	ok = deia__schema_keeps(r, schema, value, at);
	r->quiet--;
	return ok;
}

/* ---- any value --------------------------------------------------------- */

static bool is_integer(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble);
}

static bool is_of(const cJSON *value, const char *type)
{
	return !strcmp(type, "integer") ? is_integer(value)
					: !strcmp(type, kind_of(value));
}

static bool type_holds(struct deia__schema_run *r,
		       const struct deia__schema_here *h)
{
	char names[80] = "", found[64];
	const cJSON *t = cJSON_IsArray(h->arg) ? h->arg->child : h->arg;
	const char *kind = kind_of(h->value);
	size_t len = 0;

	for (; t; t = cJSON_IsArray(h->arg) ? t->next : NULL) {
		if (is_of(h->value, t->valuestring))
			return true;
		if (len < sizeof(names))
			len += (size_t)snprintf(
				names + len, sizeof(names) - len, "%s%s",
				len ? " or " : "", t->valuestring);
	}
	if (is_of(h->value, "null") || cJSON_IsArray(h->value) ||
	    cJSON_IsObject(h->value))
		return deia__schema_no(r, h->at, "expected %s, found %s", names,
				       kind);
	return deia__schema_no(r, h->at, "expected %s, found %s %s", names,
			       kind, shown(found, h->value));
}

static bool enum_holds(struct deia__schema_run *r,
		       const struct deia__schema_here *h)
{
	char found[64];

	for (const cJSON *i = h->arg->child; i; i = i->next) {
		if (deia__json_equal(i, h->value, r->work))
			return true;
		if (!deia__schema_spend(r, 1))
			return false;
	}
	return deia__schema_no(r, h->at, "%s is none of the values of enum",
			       shown(found, h->value));
}

static bool const_holds(struct deia__schema_run *r,
			const struct deia__schema_here *h)
{
	char wanted[64], found[64];

	if (deia__json_equal(h->arg, h->value, r->work))
		return true;
	if (!deia__schema_spend(r, 1))
		return false;
	return deia__schema_no(r, h->at, "expected %s, found %s",
			       shown(wanted, h->arg), shown(found, h->value));
}

static bool ref_holds(struct deia__schema_run *r,
		      const struct deia__schema_here *h)
{
	return deia__schema_keeps(r, deia__schema_made(r->s, h->arg)->target,
				  h->value, h->at);
}

static bool all_of_holds(struct deia__schema_run *r,
			 const struct deia__schema_here *h)
{
	for (const cJSON *i = h->arg->child; i; i = i->next)
		if (!deia__schema_keeps(r, i, h->value, h->at))
			return false;
	return true;
}

/* How many of a list hold, but not more than most. */
static size_t how_many(struct deia__schema_run *r,
		       const struct deia__schema_here *h, size_t most)
{
	size_t n = 0;

	for (const cJSON *i = h->arg->child; i && n < most; i = i->next)
		n += deia__schema_quietly(r, i, h->value, h->at);
	return n;
}

static bool any_of_holds(struct deia__schema_run *r,
			 const struct deia__schema_here *h)
{
	return how_many(r, h, 1) == 1 ||
	       deia__schema_no(r, h->at, "fits none of the schemas of anyOf");
}

static bool one_of_holds(struct deia__schema_run *r,
			 const struct deia__schema_here *h)
{
	size_t n = how_many(r, h, 2);

	return n == 1 ||
	       deia__schema_no(r, h->at, "fits %s of the schemas of oneOf",
			       n ? "more than one" : "none");
}

static bool not_holds(struct deia__schema_run *r,
		      const struct deia__schema_here *h)
{
	return !deia__schema_quietly(r, h->arg, h->value, h->at) ||
	       deia__schema_no(r, h->at, "fits the schema of not");
}

static bool if_holds(struct deia__schema_run *r,
		     const struct deia__schema_here *h)
{
	bool yes = deia__schema_quietly(r, h->arg, h->value, h->at);
	const cJSON *then =
		deia__schema_beside(h, yes ? DEIA__WORD_THEN : DEIA__WORD_ELSE);

	return then == NULL || deia__schema_keeps(r, then, h->value, h->at);
}

/* ---- numbers ----------------------------------------------------------- */

static bool limit_failed(struct deia__schema_run *r,
			 const struct deia__schema_here *h, const char *what)
{
	char found[64], limit[64];

	return deia__schema_no(r, h->at, "expected %s %s, found %s", what,
			       shown(limit, h->arg), shown(found, h->value));
}

static bool minimum_holds(struct deia__schema_run *r,
			  const struct deia__schema_here *h)
{
	return !cJSON_IsNumber(h->value) ||
	       h->value->valuedouble >= h->arg->valuedouble ||
	       limit_failed(r, h, "at least");
}

static bool maximum_holds(struct deia__schema_run *r,
			  const struct deia__schema_here *h)
{
	return !cJSON_IsNumber(h->value) ||
	       h->value->valuedouble <= h->arg->valuedouble ||
	       limit_failed(r, h, "at most");
}

static bool above_holds(struct deia__schema_run *r,
			const struct deia__schema_here *h)
{
	return !cJSON_IsNumber(h->value) ||
	       h->value->valuedouble > h->arg->valuedouble ||
	       limit_failed(r, h, "more than");
}

static bool below_holds(struct deia__schema_run *r,
			const struct deia__schema_here *h)
{
	return !cJSON_IsNumber(h->value) ||
	       h->value->valuedouble < h->arg->valuedouble ||
	       limit_failed(r, h, "less than");
}

/* 0.0075 is a multiple of 0.0001, though not of the doubles next to them. */
static bool is_multiple(double v, double of)
{
	double n = v / of;

	if (!isfinite(n))
		return !(fabs(fmod(v, of)) > 0);
	if (v == floor(v) && of == floor(of) && fabs(v) <= MAX_EXACT &&
	    of <= MAX_EXACT)
		return !(fabs(fmod(v, of)) > 0);
	return fabs(n - nearbyint(n)) <= fabs(n) * MULTIPLE_EPSILON;
}

static bool multiple_holds(struct deia__schema_run *r,
			   const struct deia__schema_here *h)
{
	return !cJSON_IsNumber(h->value) ||
	       is_multiple(h->value->valuedouble, h->arg->valuedouble) ||
	       limit_failed(r, h, "a multiple of");
}

/* ---- texts ------------------------------------------------------------- */

/* Code points. */
static double length_of(struct deia__schema_run *r, const char *s)
{
	size_t n = 0, len = 0;

	for (; s[len]; len++)
		n += ((unsigned char)s[len] & 0xc0) != 0x80;
	deia__schema_spend(r, len / 16);
	return (double)n;
}

static bool min_length_holds(struct deia__schema_run *r,
			     const struct deia__schema_here *h)
{
	return !cJSON_IsString(h->value) ||
	       length_of(r, h->value->valuestring) >= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at least %.0f characters",
			       h->arg->valuedouble);
}

static bool max_length_holds(struct deia__schema_run *r,
			     const struct deia__schema_here *h)
{
	return !cJSON_IsString(h->value) ||
	       length_of(r, h->value->valuestring) <= h->arg->valuedouble ||
	       deia__schema_no(r, h->at, "expected at most %.0f characters",
			       h->arg->valuedouble);
}

static bool pattern_holds(struct deia__schema_run *r,
			  const struct deia__schema_here *h)
{
	char found[64];

	return !cJSON_IsString(h->value) ||
	       deia__schema_matches(r, h->arg, h->value->valuestring) ||
	       deia__schema_no(r, h->at, "%s does not match /%.80s/",
			       shown(found, h->value), h->arg->valuestring);
}

/* ---- one schema -------------------------------------------------------- */

static const deia__schema_check checks[DEIA__WORDS] = {
	[DEIA__WORD_REF] = ref_holds,
	[DEIA__WORD_ALL_OF] = all_of_holds,
	[DEIA__WORD_ANY_OF] = any_of_holds,
	[DEIA__WORD_CONST] = const_holds,
	[DEIA__WORD_ENUM] = enum_holds,
	[DEIA__WORD_ABOVE] = above_holds,
	[DEIA__WORD_BELOW] = below_holds,
	[DEIA__WORD_IF] = if_holds,
	[DEIA__WORD_MAX_LENGTH] = max_length_holds,
	[DEIA__WORD_MAXIMUM] = maximum_holds,
	[DEIA__WORD_MIN_LENGTH] = min_length_holds,
	[DEIA__WORD_MINIMUM] = minimum_holds,
	[DEIA__WORD_MULTIPLE] = multiple_holds,
	[DEIA__WORD_NOT] = not_holds,
	[DEIA__WORD_ONE_OF] = one_of_holds,
	[DEIA__WORD_PATTERN] = pattern_holds,
	[DEIA__WORD_TYPE] = type_holds,
};

static bool members_hold(struct deia__schema_run *r,
			 struct deia__schema_here *h)
{
	for (const cJSON *m = h->schema->child; m; m = m->next) {
		int word = deia__keyword_find(m->string);

		deia__schema_check check;

		if (word < 0)
			continue;
		check = checks[word] ? checks[word]
				     : deia__schema_part_checks[word];
		h->arg = m;
		if (check && (!check(r, h) || r->err))
			return false;
	}
	return true;
}

bool deia__schema_keeps(struct deia__schema_run *r, const cJSON *schema,
			const cJSON *value, const struct deia__spot *at)
{
	struct deia__schema_here h = { .schema = schema,
				       .value = value,
				       .at = at };
	bool ok;

	if (r->err || !deia__schema_spend(r, 4))
		return false;
	if (cJSON_IsBool(schema))
		return cJSON_IsTrue(schema) ||
		       deia__schema_no(r, at, "nothing is allowed here");
	if (r->depth == DEIA__SCHEMA_MAX_DEPTH)
		return deia__schema_give_up(r, DEIA_ELIMIT);
	r->depth++;
	ok = members_hold(r, &h);
	r->depth--;
	return ok;
}

deia_err deia__schema_holds(const struct deia__schema *s, const cJSON *value,
			    uint64_t *work, struct deia__errmsg *why)
{
	struct deia__spot whole = { .up = NULL };
	struct deia__schema_run r = { .s = s, .work = work, .why = why };
	bool ok = deia__schema_keeps(&r, s->root, value, &whole);

	if (r.err)
		return r.err;
	if (*work == 0)
		return DEIA_ELIMIT;
	return ok ? DEIA_OK : DEIA_EREMOTE;
}
