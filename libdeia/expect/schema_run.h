/* SPDX-License-Identifier: MIT */
/*
 * schema_run.h - a value under a schema, between schema_holds.c, which has the
 * keywords of all values, numbers and texts, and schema_parts.c, which has
 * those of arrays and objects.
 */
#ifndef DEIA_EXPECT_SCHEMA_RUN_H
#define DEIA_EXPECT_SCHEMA_RUN_H

#include "expect/schema.h"

struct deia__schema_run {
	const struct deia__schema *s;
	uint64_t *work;
	struct deia__errmsg *why;
	unsigned depth, quiet;
	deia_err err; /* set: it was given up, nothing means anything */
};

/* What a keyword's function gets. */
struct deia__schema_here {
	const cJSON *schema; /* that the keyword stands in */
	const cJSON *arg;    /* the keyword's value */
	const cJSON *value;
	const struct deia__spot *at;
};
typedef bool (*deia__schema_check)(struct deia__schema_run *r,
				   const struct deia__schema_here *h);
/* By keyword; NULL: not in schema_parts.c. */
extern const deia__schema_check deia__schema_part_checks[DEIA__WORDS];

/* Does a value keep to a schema? Says why not. */
bool deia__schema_keeps(struct deia__schema_run *r, const cJSON *schema,
			const cJSON *value, const struct deia__spot *at);
/* The same, and says nothing. */
bool deia__schema_quietly(struct deia__schema_run *r, const cJSON *schema,
			  const cJSON *value, const struct deia__spot *at);
/* Says why not, unless it is to be quiet. These return false. */
bool deia__schema_no(struct deia__schema_run *r, const struct deia__spot *at,
		     const char *fmt, ...) DEIA_PRINTF(3, 4);
bool deia__schema_give_up(struct deia__schema_run *r, deia_err err);
/* false: there are not so many steps left, it was given up. */
bool deia__schema_spend(struct deia__schema_run *r, uint64_t n);
/* Another keyword of the same schema, or NULL. */
const cJSON *deia__schema_beside(const struct deia__schema_here *h,
				 enum deia__word_id word);
/* node: where in the schema the pattern stands. */
bool deia__schema_matches(struct deia__schema_run *r, const cJSON *node,
			  const char *text);

#endif
