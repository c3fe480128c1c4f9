/* SPDX-License-Identifier: MIT */
/*
 * analyze.c - the judgement: from the phrases of a content to type, complexity,
 * time and capabilities. The formulas are explained in docs/tasks-analysis.md;
 * whoever changes a number here changes it there.
 */
#include <deia/task_analysis.h>

#include <math.h>
#include <string.h>

#include "task/analyzer.h"
#include "task/tables.h"

#define LEAST_SCORE 2.0 /* below it a text is general */
#define MOST_FAR 2.0	/* of one type, from phrases that stand far away */

/* Complexity. */
#define PART_LEAST 0.15
#define PART_SIZE 0.30
#define FULL_SIZE_WORDS 2000.0
#define PART_STEPS 0.25
#define FULL_STEPS 10
#define PART_MIXED 0.05 /* for each further type with MIXED_SCORE, up to two */
#define MIXED_SCORE 4.0
#define MOST_HARD 0.50
#define MOST_EASY (-0.30)

/* The hardest task of a type takes this many times the base. */
#define TIME_RANGE 16.0
#define READING_BYTES_PER_SECOND 4000.0

const char *deia_task_class_name(deia_task_class value)
{
	static const char *const names[] = {
		[DEIA_TASK_LOW] = "low",
		[DEIA_TASK_MEDIUM] = "medium",
		[DEIA_TASK_HIGH] = "high",
	};

	return (unsigned)value <= DEIA_TASK_HIGH ? names[value] : "unknown";
}

double deia__place_factor(enum deia__place place)
{
	static const double factors[] = {
		[DEIA__PLACE_FAR] = 0.5,
		[DEIA__PLACE_NEAR] = 1,
		[DEIA__PLACE_PARAGRAPH] = 1.5,
		[DEIA__PLACE_OPENING] = 2,
	};

	return factors[place];
}

static double clamp(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

/* ---- type --------------------------------------------------------------- */

static void add_scores(struct deia__findings *f, const struct deia__hit *h,
		       double *far, size_t *first)
{
	const struct deia__lexicon *lex = &f->a->lex;
	uint32_t i = lex->nodes[h->node].effects;

	for (; i != UINT32_MAX; i = lex->effects[i].next) {
		const struct deia__effect *e = &lex->effects[i];
		double points = e->weight * deia__place_factor(h->place);

		if (e->layer != DEIA__LAYER_TYPE)
			continue;
		if (h->place == DEIA__PLACE_FAR)
			far[e->target] += points;
		else
			f->score[e->target] += points;
		if (h->start < first[e->target])
			first[e->target] = h->start;
	}
}

/* The highest score; of equal ones the type whose phrase stands first. */
static void score_types(struct deia__findings *f)
{
	double far[DEIA_TASK_MAX_TYPES] = { 0 };
	size_t first[DEIA_TASK_MAX_TYPES];
	size_t i;

	for (i = 0; i < f->a->n_types; i++)
		first[i] = SIZE_MAX;
	for (i = 0; i < f->scan.n_hits; i++)
		if (f->scan.hits[i].layer == DEIA__LAYER_TYPE)
			add_scores(f, &f->scan.hits[i], far, first);
	f->best = 0;
	for (i = 0; i < f->a->n_types; i++) {
		f->score[i] += far[i] < MOST_FAR ? far[i] : MOST_FAR;
		if (f->score[i] > f->score[f->best] ||
		    (f->score[i] == f->score[f->best] &&
		     first[i] < first[f->best]))
			f->best = i;
	}
	f->clear = f->score[f->best] >= LEAST_SCORE;
	if (!f->clear)
		f->best = DEIA__T_GENERAL;
}

/* ---- complexity --------------------------------------------------------- */

static double hard_words(const struct deia__findings *f)
{
	const struct deia__lexicon *lex = &f->a->lex;
	double sum = 0;

	for (size_t k = 0; k < f->scan.n_hits; k++) {
		const struct deia__hit *h = &f->scan.hits[k];
		uint32_t i = lex->nodes[h->node].effects;

		if (h->layer != DEIA__LAYER_COMPLEXITY ||
		    h->place == DEIA__PLACE_FAR)
			continue;
		for (; i != UINT32_MAX; i = lex->effects[i].next)
			if (lex->effects[i].layer == DEIA__LAYER_COMPLEXITY)
				sum += lex->effects[i].weight;
	}
	return clamp(sum, MOST_EASY, MOST_HARD);
}

static double mixed_work(const struct deia__findings *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->a->n_types; i++)
		if (i != f->best && i != DEIA__T_GENERAL &&
		    f->score[i] >= MIXED_SCORE)
			n++;
	return PART_MIXED * (n < 2 ? n : 2);
}

static double find_complexity(struct deia__findings *f)
{
	unsigned steps = f->scan.n_steps;

	/* What was not read is taken to be like what was. */
	f->words = (double)f->scan.n_words;
	if (f->len > DEIA_TASK_READ_BYTES)
		f->words *= (double)f->len / DEIA_TASK_READ_BYTES;
	f->part_size = PART_SIZE *
		       clamp(log1p(f->words) / log1p(FULL_SIZE_WORDS), 0, 1);
	f->part_steps = PART_STEPS * (steps < FULL_STEPS ? steps : FULL_STEPS) /
			FULL_STEPS;
	f->part_mixed = mixed_work(f);
	f->part_hard = hard_words(f);
	return clamp(PART_LEAST + f->part_size + f->part_steps + f->part_mixed +
			     f->part_hard,
		     0, 1);
}

static deia_task_class class_of(double complexity)
{
	if (complexity * 3 < 1)
		return DEIA_TASK_LOW;
	return complexity * 3 < 2 ? DEIA_TASK_MEDIUM : DEIA_TASK_HIGH;
}

/* ---- capabilities ------------------------------------------------------- */

static void put_capability(struct deia_task_analysis *out, const char *name)
{
	for (size_t i = 0; i < out->n_capabilities; i++)
		if (strcmp(out->capabilities[i], name) == 0)
			return;
	if (out->n_capabilities < DEIA_TASK_MAX_CAPABILITIES)
		memcpy(out->capabilities[out->n_capabilities++], name,
		       strlen(name) + 1);
}

/* In the order of the text; what stands far away asks for nothing. */
static void find_capabilities(const struct deia__findings *f,
			      struct deia_task_analysis *out)
{
	const struct deia__lexicon *lex = &f->a->lex;

	for (size_t k = 0; k < f->scan.n_hits; k++) {
		const struct deia__hit *h = &f->scan.hits[k];
		uint32_t i = lex->nodes[h->node].effects;

		if (h->layer != DEIA__LAYER_CAPABILITY ||
		    h->place == DEIA__PLACE_FAR)
			continue;
		for (; i != UINT32_MAX; i = lex->effects[i].next)
			if (lex->effects[i].layer == DEIA__LAYER_CAPABILITY)
				put_capability(
					out,
					f->a->caps[lex->effects[i].target]);
	}
}

/* ---- the call ----------------------------------------------------------- */

static bool is_in(double value, double most)
{
	return isfinite(value) && value >= 0 && value <= most;
}

static deia_err check_list(const struct deia_task_stated *s)
{
	if (s->capabilities == NULL)
		return s->n_capabilities == 0 ? DEIA_OK : DEIA_EINVAL;
	if (s->n_capabilities > DEIA_TASK_MAX_CAPABILITIES)
		return DEIA_ELIMIT;
	for (size_t i = 0; i < s->n_capabilities; i++)
		if (s->capabilities[i] == NULL ||
		    !deia__task_capability_ok(s->capabilities[i]))
			return DEIA_EINVAL;
	return DEIA_OK;
}

static deia_err check_stated(const deia_task_analyzer *a,
			     const struct deia_task_stated *s)
{
	if ((s->has_complexity && !is_in(s->complexity, 1)) ||
	    (s->has_seconds &&
	     !is_in(s->estimated_seconds, DEIA_TASK_MAX_ESTIMATE_SECONDS)) ||
	    (s->type != NULL && !deia__task_name_ok(s->type)))
		return DEIA_EINVAL;
	if (s->type != NULL && !a->any_stated_type &&
	    deia__task_type_find(a, s->type) == a->n_types)
		return DEIA_ENOTFOUND;
	return check_list(s);
}

static void set_type(struct deia__findings *f, const char *stated,
		     struct deia_task_analysis *out)
{
	size_t number = f->best;
	const char *name = f->a->types[number].name;

	if (stated != NULL) {
		number = deia__task_type_find(f->a, stated);
		name = stated;
		out->stated |= DEIA_TASK_STATED_TYPE;
	}
	if (number == f->a->n_types)
		number = DEIA__T_GENERAL;
	f->base_seconds = f->a->types[number].base_seconds;
	memcpy(out->type, name, strlen(name) + 1);
}

static void set_numbers(struct deia__findings *f,
			const struct deia_task_stated *s,
			struct deia_task_analysis *out)
{
	out->complexity = find_complexity(f);
	if (s->has_complexity) {
		out->complexity = s->complexity;
		out->stated |= DEIA_TASK_STATED_COMPLEXITY;
	}
	out->complexity_class = class_of(out->complexity);
	f->reading_seconds = (double)f->len / READING_BYTES_PER_SECOND;
	out->estimated_seconds =
		clamp(f->base_seconds * pow(TIME_RANGE, out->complexity) +
			      f->reading_seconds,
		      0, DEIA_TASK_MAX_ESTIMATE_SECONDS);
	if (s->has_seconds) {
		out->estimated_seconds = s->estimated_seconds;
		out->stated |= DEIA_TASK_STATED_SECONDS;
	}
}

static void set_capabilities(const struct deia__findings *f,
			     const struct deia_task_stated *s,
			     struct deia_task_analysis *out)
{
	if (s->capabilities == NULL) {
		find_capabilities(f, out);
		return;
	}
	out->stated |= DEIA_TASK_STATED_CAPABILITIES;
	for (size_t i = 0; i < s->n_capabilities; i++)
		put_capability(out, s->capabilities[i]);
}

deia_err deia_task_analyze(const deia_task_analyzer *a, const char *content,
			   size_t len, const struct deia_task_stated *stated,
			   struct deia_task_analysis *out)
{
	struct deia_task_stated s = DEIA_TASK_STATED_INIT;
	struct deia__findings f = { .a = a, .content = content, .len = len };
	deia_err err;

	if (a == NULL || out == NULL || (content == NULL && len != 0))
		return DEIA_EINVAL;
	if (len > DEIA_MAX_CONTENT_BYTES)
		return DEIA_ELIMIT;
	if (stated != NULL) {
		if (stated->size < sizeof(s.size) || stated->size > sizeof(s))
			return DEIA_EINVAL;
		memcpy(&s, stated, stated->size);
	}
	err = check_stated(a, &s);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	deia__scan_run(&f.scan, a, content, len);
	score_types(&f);
	set_type(&f, s.type, out);
	set_numbers(&f, &s, out);
	set_capabilities(&f, &s, out);
	deia__reasons_write(&f, out);
	return DEIA_OK;
}
