/* SPDX-License-Identifier: MIT */
/*
 * analyzer.h - an analyzer's inside, and what a scan of a text finds.
 *
 *   fold.c      characters: kinds, case folding        (Unicode library)
 *   words.c     a text as words
 *   lexicon.c   phrases and what they speak for
 *   table_*.c   the built-in phrases
 *   analyzer.c  the object: types, phrases, capabilities
 *   scan.c      which phrases stand where in a content
 *   analyze.c   the judgement: type, complexity, time   (the formulas)
 *   reasons.c   the same in words
 */
#ifndef DEIA_TASK_ANALYZER_H
#define DEIA_TASK_ANALYZER_H

#include <deia/task_analysis.h>

#include "task/lexicon.h"

/* Distinct phrases that one analysis keeps; later ones are not seen. */
#define DEIA__SCAN_HITS 256

struct deia__type {
	char name[DEIA_MAX_ID_LEN + 1];
	double base_seconds;
};

struct deia_task_analyzer {
	struct deia__lexicon lex;
	struct deia__type types[DEIA_TASK_MAX_TYPES];
	size_t n_types;
	char (*caps)[DEIA_MAX_ID_LEN + 1];
	size_t n_caps, caps_cap;
	size_t n_phrases; /* added to the built-in ones */
	bool any_stated_type;
};

/* Where a phrase stands decides how much it counts. */
enum deia__place {
	DEIA__PLACE_FAR,
	DEIA__PLACE_NEAR,
	DEIA__PLACE_PARAGRAPH, /* near, and opens a paragraph */
	DEIA__PLACE_OPENING    /* opens the content */
};

struct deia__hit {
	uint32_t node;
	enum deia__layer layer;
	enum deia__place place; /* the best one of its places */
	size_t start, len;	/* in the content, where it stands first */
	size_t last_word;	/* number of its last word that may be near */
	bool in_text;		/* not in material alone */
	bool last_opens;	/* that word is in what opens a paragraph */
};

struct deia__scan {
	struct deia__hit hits[DEIA__SCAN_HITS];
	size_t n_hits;
	size_t n_words;
	unsigned n_steps; /* list items and words of sequence */
};

/* Finds all phrases of a content; pure. */
void deia__scan_run(struct deia__scan *scan, const deia_task_analyzer *a,
		    const char *content, size_t len);

/* What the judgement rests on. */
struct deia__findings {
	const deia_task_analyzer *a;
	const char *content;
	size_t len;
	struct deia__scan scan;
	double score[DEIA_TASK_MAX_TYPES];
	size_t best; /* of the words alone */
	bool clear;  /* best reached the least score */
	double base_seconds, reading_seconds;
	/* parts of the complexity */
	double words, part_size, part_steps, part_mixed, part_hard;
};

/* What a hit counts for a place. */
double deia__place_factor(enum deia__place place);

/* Fills out->reasons from the findings and the rest of out. */
void deia__reasons_write(const struct deia__findings *f,
			 struct deia_task_analysis *out);

/* True for [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool deia__task_name_ok(const char *name);
/* True for 1..DEIA_MAX_ID_LEN bytes of UTF-8 without blanks and controls. */
bool deia__task_capability_ok(const char *name);
/* Its number, or n_types. */
size_t deia__task_type_find(const deia_task_analyzer *a, const char *name);

#endif
