/* SPDX-License-Identifier: MIT */
/*
 * schema.h - JSON Schema, as much of 2020-12 as docs/expect.md names.
 *
 *   schema_words.c  the keywords: names, and what their values must be
 *   schema.c        is a schema one? patterns are compiled, references found
 *   schema_refs.c   what "$ref" points at, and that it leads somewhere
 *   schema_holds.c  does a value keep to it?
 *   schema_parts.c  the same, of arrays and objects
 *   schema_equal.c  equality of JSON values
 */
#ifndef DEIA_EXPECT_SCHEMA_H
#define DEIA_EXPECT_SCHEMA_H

#include "core/errmsg.h"
#include "core/json.h"

struct deia__regex;

/* Schemas within schemas while one value is looked at. */
#define DEIA__SCHEMA_MAX_DEPTH 256

/* What a keyword's value must be. */
enum deia__shape {
	DEIA__SHAPE_NOTE, /* anything: an annotation, not looked at */
	DEIA__SHAPE_ROOT, /* a text, at the root alone; not looked at */
	DEIA__SHAPE_ANY,
	DEIA__SHAPE_BOOL,
	DEIA__SHAPE_COUNT,  /* a whole number, 0 or more */
	DEIA__SHAPE_NUMBER, /* any */
	DEIA__SHAPE_ABOVE_0,
	DEIA__SHAPE_TYPE, /* a type's name or a list of some */
	DEIA__SHAPE_LIST, /* not empty */
	DEIA__SHAPE_NAMES,
	DEIA__SHAPE_NAMES_MAP,
	DEIA__SHAPE_PATTERN,
	DEIA__SHAPE_REF,
	DEIA__SHAPE_SCHEMA,
	DEIA__SHAPE_SCHEMAS, /* a list, not empty */
	DEIA__SHAPE_SCHEMA_MAP,
	DEIA__SHAPE_PATTERN_MAP
};

/* In the order of their bytes, since they are sought by halves. */
#define DEIA__WORD_LIST(X)                                                     \
	X(COMMENT, "$comment", NOTE, NULL)                                     \
	X(DEFS, "$defs", SCHEMA_MAP, NULL)                                     \
	X(ID, "$id", ROOT, NULL)                                               \
	X(REF, "$ref", REF, NULL)                                              \
	X(SCHEMA, "$schema", ROOT, NULL)                                       \
	X(ADDITIONAL, "additionalProperties", SCHEMA, NULL)                    \
	X(ALL_OF, "allOf", SCHEMAS, NULL)                                      \
	X(ANY_OF, "anyOf", SCHEMAS, NULL)                                      \
	X(CONST, "const", ANY, NULL)                                           \
	X(CONTAINS, "contains", SCHEMA, NULL)                                  \
	X(DEFAULT, "default", NOTE, NULL)                                      \
	X(DEFINITIONS, "definitions", SCHEMA_MAP, NULL)                        \
	X(DEPENDENT, "dependentRequired", NAMES_MAP, NULL)                     \
	X(DEPENDENT_SCHEMAS, "dependentSchemas", SCHEMA_MAP, NULL)             \
	X(DEPRECATED, "deprecated", NOTE, NULL)                                \
	X(DESCRIPTION, "description", NOTE, NULL)                              \
	X(ELSE, "else", SCHEMA, "if")                                          \
	X(ENUM, "enum", LIST, NULL)                                            \
	X(EXAMPLES, "examples", NOTE, NULL)                                    \
	X(BELOW, "exclusiveMaximum", NUMBER, NULL)                             \
	X(ABOVE, "exclusiveMinimum", NUMBER, NULL)                             \
	X(FORMAT, "format", NOTE, NULL)                                        \
	X(IF, "if", SCHEMA, NULL)                                              \
	X(ITEMS, "items", SCHEMA, NULL)                                        \
	X(MAX_CONTAINS, "maxContains", COUNT, "contains")                      \
	X(MAX_ITEMS, "maxItems", COUNT, NULL)                                  \
	X(MAX_LENGTH, "maxLength", COUNT, NULL)                                \
	X(MAX_PROPERTIES, "maxProperties", COUNT, NULL)                        \
	X(MAXIMUM, "maximum", NUMBER, NULL)                                    \
	X(MIN_CONTAINS, "minContains", COUNT, "contains")                      \
	X(MIN_ITEMS, "minItems", COUNT, NULL)                                  \
	X(MIN_LENGTH, "minLength", COUNT, NULL)                                \
	X(MIN_PROPERTIES, "minProperties", COUNT, NULL)                        \
	X(MINIMUM, "minimum", NUMBER, NULL)                                    \
	X(MULTIPLE, "multipleOf", ABOVE_0, NULL)                               \
	X(NOT, "not", SCHEMA, NULL)                                            \
	X(ONE_OF, "oneOf", SCHEMAS, NULL)                                      \
	X(PATTERN, "pattern", PATTERN, NULL)                                   \
	X(PATTERN_PROPERTIES, "patternProperties", PATTERN_MAP, NULL)          \
	X(PREFIX_ITEMS, "prefixItems", SCHEMAS, NULL)                          \
	X(PROPERTIES, "properties", SCHEMA_MAP, NULL)                          \
	X(PROPERTY_NAMES, "propertyNames", SCHEMA, NULL)                       \
	X(READ_ONLY, "readOnly", NOTE, NULL)                                   \
	X(REQUIRED, "required", NAMES, NULL)                                   \
	X(THEN, "then", SCHEMA, "if")                                          \
	X(TITLE, "title", NOTE, NULL)                                          \
	X(TYPE, "type", TYPE, NULL)                                            \
	X(UNIQUE, "uniqueItems", BOOL, NULL)                                   \
	X(WRITE_ONLY, "writeOnly", NOTE, NULL)

enum deia__word_id {
#define DEIA__WORD_ENUM(e, n, s, w) DEIA__WORD_##e,
	DEIA__WORD_LIST(DEIA__WORD_ENUM)
#undef DEIA__WORD_ENUM
		DEIA__WORDS
};

struct deia__keyword {
	const char *name;
	enum deia__shape shape;
	const char *with; /* does nothing without this one beside it, or NULL */
};
extern const struct deia__keyword deia__keywords[DEIA__WORDS];
/* -1: it is none. */
int deia__keyword_find(const char *name);

/* What was made of a place in the schema, by the place's address. */
struct deia__made {
	const cJSON *at;
	struct deia__regex *regex; /* of a pattern; owned */
	const cJSON *target;	   /* of a $ref; borrowed */
};

struct deia__schema {
	const cJSON *root; /* borrowed */
	struct deia__made *made;
	size_t n_made, made_cap;
	const cJSON **schemas; /* every place that holds a schema */
	size_t n_schemas, schemas_cap;
};

/* root: borrowed, stays as it is. DEIA_OK, DEIA_EFIELD (why has the pointer),
 * DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__schema_new(struct deia__schema **out,
					 const cJSON *root,
					 struct deia__errmsg *why);
void deia__schema_free(struct deia__schema *s); /* NULL is fine */
/* For schema.c: finds the targets of all $ref, once made is sorted. */
DEIA_NODISCARD deia_err deia__schema_link(struct deia__schema *s,
					  struct deia__errmsg *why);
const struct deia__made *deia__schema_made(const struct deia__schema *s,
					   const cJSON *at);
bool deia__schema_is_schema(const struct deia__schema *s, const cJSON *at);
/* DEIA_OK; DEIA_EREMOTE: the value does not keep to it; DEIA_ELIMIT: given up,
 * work is 0; DEIA_ENOMEM. why: one line. */
DEIA_NODISCARD deia_err deia__schema_holds(const struct deia__schema *s,
					   const cJSON *value, uint64_t *work,
					   struct deia__errmsg *why);

/* A place in a JSON value, from the inside out. */
struct deia__spot {
	const struct deia__spot *up; /* NULL: this is the whole value */
	const char *key;	     /* NULL: index counts */
	size_t index;
};
/* The JSON pointer of a place; "" for the whole, the end of a long one is cut. */
void deia__spot_print(char *out, size_t size, const struct deia__spot *at);
#define DEIA__SPOT_BYTES 200

/* Are two values equal? Numbers by value, objects in any order. Takes from
 * *work; 0 then: it was given up, the answer means nothing. */
bool deia__json_equal(const cJSON *a, const cJSON *b, uint64_t *work);
/*
 * The first two equal items of an array, by their index. DEIA_OK: there are;
 * DEIA_ENOTFOUND: all differ; DEIA_ELIMIT: given up; DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__json_twins(const cJSON *array, size_t *first,
					 size_t *second, uint64_t *work);
/* Takes n steps; false: there are not so many left, and none now. */
bool deia__work(uint64_t *work, uint64_t n);

#endif
