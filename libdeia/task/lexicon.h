/* SPDX-License-Identifier: MIT */
/*
 * lexicon.h - phrases and what they speak for, found in one walk.
 *
 * Words are numbered; phrases are paths through a tree whose edges are words.
 * Both are hash tables that compare exactly: nothing matches by chance.
 */
#ifndef DEIA_TASK_LEXICON_H
#define DEIA_TASK_LEXICON_H

#include <deia/error.h>

#define DEIA__NO_WORD UINT32_MAX
#define DEIA__NO_NODE UINT32_MAX

/* What phrases are looked for, each on its own: within a layer phrases do not
 * overlap, and the longest at a place counts. */
enum deia__layer {
	DEIA__LAYER_TYPE,	/* speaks for a type */
	DEIA__LAYER_CAPABILITY, /* asks for a capability */
	DEIA__LAYER_COMPLEXITY, /* makes it harder or easier */
	DEIA__LAYER_STEP,	/* one thing after another */
	DEIA__LAYERS
};

/* Words with a part of their own in grammar. */
#define DEIA__WORD_ARTICLE 1u /* passed over inside phrases */
#define DEIA__WORD_FILLER 2u  /* passed over before the opening */

struct deia__effect {
	uint32_t next; /* UINT32_MAX: the last one */
	uint32_t target;
	uint8_t layer;
	double weight;
};

struct deia__lex_word {
	uint32_t at, len; /* in text */
	uint8_t flags;
};

struct deia__lex_node {
	uint32_t effects; /* the first one; UINT32_MAX: none */
	uint8_t layers;	  /* bits: what of is among the effects */
};

struct deia__lex_edge {
	uint32_t from, word, to; /* to is 0: empty, since no edge ends there */
};

struct deia__lexicon {
	char *text;
	size_t text_len, text_cap;
	struct deia__lex_word *words;
	size_t n_words, words_cap;
	uint32_t *word_slots;	      /* a word's number + 1, 0: empty */
	size_t n_word_slots;	      /* a power of two, as n_edge_slots */
	struct deia__lex_node *nodes; /* the first one is the root */
	size_t n_nodes, nodes_cap;
	struct deia__lex_edge *edges;
	size_t n_edge_slots;
	struct deia__effect *effects;
	size_t n_effects, effects_cap;
};

/* Returns DEIA_OK, DEIA_ENOMEM; then there is nothing to fini. */
deia_err deia__lexicon_init(struct deia__lexicon *l);
void deia__lexicon_fini(struct deia__lexicon *l);

/* The number of a folded word, DEIA__NO_WORD: it is in no phrase. */
uint32_t deia__lexicon_word(const struct deia__lexicon *l, const char *text);
/* The node behind an edge, DEIA__NO_NODE: no phrase goes on so. */
uint32_t deia__lexicon_step(const struct deia__lexicon *l, uint32_t from,
			    uint32_t word);

/* Marks a word. Returns DEIA_OK, DEIA_ENOMEM. */
deia_err deia__lexicon_mark(struct deia__lexicon *l, const char *text,
			    unsigned flags);
/* Adds an effect to a phrase. Returns DEIA_OK, DEIA_EINVAL (not a phrase),
 * DEIA_ENOMEM; after a failure no effect was added. */
deia_err deia__lexicon_add(struct deia__lexicon *l, const char *phrase,
			   size_t len, enum deia__layer layer, uint32_t target,
			   double weight);

#endif
