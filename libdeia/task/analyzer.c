/* SPDX-License-Identifier: MIT */
/*
 * analyzer.c - the object: the built-in types and words, and what is added.
 *
 * After new nothing is rebuilt: adding a phrase costs what its words cost.
 */
#include "task/analyzer.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "task/tables.h"

/* What an easy task of each type takes a bot, in seconds. First guesses in the
 * range of language models; a scheduler that learns replaces them. */
static const struct deia__type builtin_types[] = {
	[DEIA__T_DEVELOPMENT] = { DEIA_TASK_DEVELOPMENT, 60 },
	[DEIA__T_ANALYSIS] = { DEIA_TASK_ANALYSIS, 40 },
	[DEIA__T_WRITING] = { DEIA_TASK_WRITING, 30 },
	[DEIA__T_PLANNING] = { DEIA_TASK_PLANNING, 40 },
	[DEIA__T_VALIDATION] = { DEIA_TASK_VALIDATION, 40 },
	[DEIA__T_GENERAL] = { DEIA_TASK_GENERAL, 10 },
};
_Static_assert(sizeof(builtin_types) / sizeof(*builtin_types) == DEIA__T_TYPES,
	       "each built-in type has a row");

static const struct deia__task_language
	*const languages[DEIA__TASK_LANGUAGES] = {
		&deia__task_english,
		&deia__task_german,
		&deia__task_spanish,
	};

/* ---- names -------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool deia__task_name_ok(const char *name)
{
	size_t len = strnlen(name, DEIA_MAX_ID_LEN + 1);

	if (len > DEIA_MAX_ID_LEN || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

bool deia__task_capability_ok(const char *name)
{
	size_t len = strnlen(name, DEIA_MAX_ID_LEN + 1);

	if (len == 0 || len > DEIA_MAX_ID_LEN || !deia__utf8_valid(name, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

size_t deia__task_type_find(const deia_task_analyzer *a, const char *name)
{
	size_t i = 0;

	while (i < a->n_types && strcmp(a->types[i].name, name) != 0)
		i++;
	return i;
}

const char *deia_task_analyzer_type(const deia_task_analyzer *a, size_t n)
{
	return n < a->n_types ? a->types[n].name : NULL;
}

/* ---- built-in words ----------------------------------------------------- */

/* Calls add for each of the phrases that '|' parts. */
static deia_err each_phrase(const char *phrases,
			    deia_err (*add)(deia_task_analyzer *a,
					    const char *phrase, size_t len,
					    const void *row),
			    deia_task_analyzer *a, const void *row)
{
	deia_err err = DEIA_OK;

	while (!err && *phrases != '\0') {
		size_t len = strcspn(phrases, "|");

		err = add(a, phrases, len, row);
		phrases += len;
		phrases += *phrases == '|';
	}
	return err;
}

static deia_err add_type_phrase(deia_task_analyzer *a, const char *phrase,
				size_t len, const void *row)
{
	const struct deia__type_row *r = row;
	/* A phrase that is out of the game counts nothing for a type. */
	uint32_t target = r->type == DEIA__T_NONE ? DEIA__T_GENERAL : r->type;

	return deia__lexicon_add(&a->lex, phrase, len, DEIA__LAYER_TYPE, target,
				 r->weight);
}

static deia_err add_hard_phrase(deia_task_analyzer *a, const char *phrase,
				size_t len, const void *row)
{
	const struct deia__hard_row *r = row;

	return deia__lexicon_add(&a->lex, phrase, len, DEIA__LAYER_COMPLEXITY,
				 0, r->weight);
}

static deia_err add_step_phrase(deia_task_analyzer *a, const char *phrase,
				size_t len, const void *row)
{
	(void)row;
	return deia__lexicon_add(&a->lex, phrase, len, DEIA__LAYER_STEP, 0, 1);
}

static deia_err mark_words(deia_task_analyzer *a, const char *phrase,
			   size_t len, const void *flags)
{
	char word[DEIA_TASK_MAX_PHRASE_BYTES + 1];

	memcpy(word, phrase, len);
	word[len] = '\0';
	return deia__lexicon_mark(&a->lex, word, *(const unsigned *)flags);
}

/* The number of a capability, a new one if need be. */
static deia_err put_cap(deia_task_analyzer *a, const char *name,
			uint32_t *number)
{
	size_t wanted = a->caps_cap ? a->caps_cap * 2 : 64;

	for (*number = 0; *number < a->n_caps; ++*number)
		if (strcmp(a->caps[*number], name) == 0)
			return DEIA_OK;
	if (a->n_caps == a->caps_cap) {
		void *p = deia__realloc(a->caps, wanted * sizeof(*a->caps));

		if (p == NULL)
			return DEIA_ENOMEM;
		a->caps = p;
		a->caps_cap = wanted;
	}
	memcpy(a->caps[a->n_caps++], name, strlen(name) + 1);
	return DEIA_OK;
}

static deia_err add_cap_phrase(deia_task_analyzer *a, const char *phrase,
			       size_t len, const void *row)
{
	uint32_t cap;
	deia_err err = put_cap(a, row, &cap);

	return err ? err
		   : deia__lexicon_add(&a->lex, phrase, len,
				       DEIA__LAYER_CAPABILITY, cap, 1);
}

/* Before all phrases, which are built with them. */
static deia_err add_grammar(deia_task_analyzer *a,
			    const struct deia__task_language *l)
{
	static const unsigned article = DEIA__WORD_ARTICLE;
	static const unsigned filler = DEIA__WORD_FILLER;
	deia_err err = each_phrase(l->articles, mark_words, a, &article);

	return err ? err : each_phrase(l->fillers, mark_words, a, &filler);
}

static deia_err add_words(deia_task_analyzer *a,
			  const struct deia__task_language *l)
{
	const struct deia__type_row *t;
	const struct deia__hard_row *h;
	const struct deia__cap_row *c;
	deia_err err = each_phrase(l->steps, add_step_phrase, a, NULL);

	for (t = l->types; !err && t->phrases != NULL; t++)
		err = each_phrase(t->phrases, add_type_phrase, a, t);
	for (h = l->hard; !err && h->phrases != NULL; h++)
		err = each_phrase(h->phrases, add_hard_phrase, a, h);
	for (c = l->caps; !err && c->phrases != NULL; c++)
		err = each_phrase(c->phrases, add_cap_phrase, a, c->capability);
	return err;
}

/* ---- life --------------------------------------------------------------- */

static deia_err fill(deia_task_analyzer *a, bool no_words)
{
	deia_err err = DEIA_OK;
	size_t i;

	memcpy(a->types, builtin_types, sizeof(builtin_types));
	a->n_types = DEIA__T_TYPES;
	for (i = 0; !err && i < DEIA__TASK_LANGUAGES; i++)
		err = add_grammar(a, languages[i]);
	for (i = 0; !err && !no_words && i < DEIA__TASK_LANGUAGES; i++)
		err = add_words(a, languages[i]);
	return err;
}

deia_err deia_task_analyzer_new(deia_task_analyzer **out,
				const struct deia_task_analyzer_opts *opts)
{
	struct deia_task_analyzer_opts o = DEIA_TASK_ANALYZER_OPTS_INIT;
	deia_task_analyzer *a;
	deia_err err;

	if (out == NULL)
		return DEIA_EINVAL;
	*out = NULL;
	if (opts != NULL) {
		if (opts->size < sizeof(opts->size) || opts->size > sizeof(o))
			return DEIA_EINVAL;
		memcpy(&o, opts, opts->size);
	}
	a = deia__alloc(sizeof(*a));
	if (a == NULL)
		return DEIA_ENOMEM;
	a->any_stated_type = o.any_stated_type;
	err = deia__lexicon_init(&a->lex);
	if (!err)
		err = fill(a, o.no_builtin_words);
	if (err)
		deia_task_analyzer_free(a);
	else
		*out = a;
	return err;
}

void deia_task_analyzer_free(deia_task_analyzer *a)
{
	if (a == NULL)
		return;
	deia__lexicon_fini(&a->lex);
	deia__free(a->caps);
	deia__free(a);
}

/* ---- what an owner adds ------------------------------------------------- */

deia_err deia_task_analyzer_add_type(deia_task_analyzer *a, const char *name,
				     double base_seconds)
{
	if (a == NULL || name == NULL || !deia__task_name_ok(name) ||
	    !isfinite(base_seconds) || base_seconds <= 0 ||
	    base_seconds > DEIA_TASK_MAX_ESTIMATE_SECONDS)
		return DEIA_EINVAL;
	if (deia__task_type_find(a, name) < a->n_types)
		return DEIA_EEXIST;
	if (a->n_types == DEIA_TASK_MAX_TYPES)
		return DEIA_ELIMIT;
	memcpy(a->types[a->n_types].name, name, strlen(name) + 1);
	a->types[a->n_types++].base_seconds = base_seconds;
	return DEIA_OK;
}

/* The checks that both kinds of phrases have in common. */
static deia_err check_phrase(const deia_task_analyzer *a, const char *phrase)
{
	size_t len;

	if (phrase == NULL)
		return DEIA_EINVAL;
	len = strnlen(phrase, DEIA_TASK_MAX_PHRASE_BYTES + 1);
	if (len == 0 || len > DEIA_TASK_MAX_PHRASE_BYTES ||
	    !deia__utf8_valid(phrase, len))
		return DEIA_EINVAL;
	/* On one line, so that nothing is a block or a list in it. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)phrase[i] < ' ' || phrase[i] == 0x7f)
			return DEIA_EINVAL;
	return a->n_phrases < DEIA_TASK_MAX_PHRASES ? DEIA_OK : DEIA_ELIMIT;
}

deia_err deia_task_analyzer_add_phrase(deia_task_analyzer *a, const char *type,
				       const char *phrase, double weight)
{
	size_t number;
	deia_err err;

	if (a == NULL || type == NULL || !isfinite(weight) || weight <= 0 ||
	    weight > DEIA_TASK_MAX_WEIGHT)
		return DEIA_EINVAL;
	err = check_phrase(a, phrase);
	if (err)
		return err;
	number = deia__task_type_find(a, type);
	if (number == a->n_types)
		return DEIA_ENOTFOUND;
	err = deia__lexicon_add(&a->lex, phrase, strlen(phrase),
				DEIA__LAYER_TYPE, (uint32_t)number, weight);
	a->n_phrases += !err;
	return err;
}

deia_err deia_task_analyzer_add_capability(deia_task_analyzer *a,
					   const char *capability,
					   const char *phrase)
{
	deia_err err;

	if (a == NULL || capability == NULL ||
	    !deia__task_capability_ok(capability))
		return DEIA_EINVAL;
	err = check_phrase(a, phrase);
	if (!err)
		err = add_cap_phrase(a, phrase, strlen(phrase), capability);
	a->n_phrases += !err;
	return err;
}
