/* SPDX-License-Identifier: MIT */
/*
 * tables.h - the words that are built in, as data: a file for each language.
 *
 * Phrases of a row are parted by '|'; each means what the row says. All forms
 * of a word are written out, since only whole words count. Weights of types: 1
 * hints, 2 suggests, 3 speaks for it, 4 and 5 are hard to read otherwise, 6
 * settles it. Of complexity: what is added to it.
 *
 * A row for DEIA__T_NONE takes a phrase out of the game: "driving test".
 */
#ifndef DEIA_TASK_TABLES_H
#define DEIA_TASK_TABLES_H

#include <deia/base.h>

/* The built-in types, in the order of an analyzer's list. */
enum deia__task_type {
	DEIA__T_DEVELOPMENT,
	DEIA__T_ANALYSIS,
	DEIA__T_WRITING,
	DEIA__T_PLANNING,
	DEIA__T_VALIDATION,
	DEIA__T_GENERAL,
	DEIA__T_TYPES,
	DEIA__T_NONE = DEIA__T_TYPES
};

/* Tables end with a row whose phrases are NULL. */
struct deia__type_row {
	enum deia__task_type type;
	double weight;
	const char *phrases;
};
struct deia__hard_row {
	double weight;
	const char *phrases;
};
struct deia__cap_row {
	const char *capability;
	const char *phrases;
};

struct deia__task_language {
	const char *articles, *fillers, *steps;
	const struct deia__type_row *types;
	const struct deia__hard_row *hard;
	const struct deia__cap_row *caps;
};

#define DEIA__TASK_LANGUAGES 3
extern const struct deia__task_language deia__task_english, deia__task_german,
	deia__task_spanish;

#endif
