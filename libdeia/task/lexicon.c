/* SPDX-License-Identifier: MIT */
/*
 * lexicon.c - the tree of phrases, in arrays that grow by doubling.
 *
 * Open addressing, at most half full. Texts only look up and never insert, so
 * a text cannot make the tables slow: how long a probe may be is fixed when
 * the words are added.
 */
#include "task/lexicon.h"

#include <string.h>

#include <deia/task_analysis.h>

#include "core/mem.h"
#include "task/words.h"

#define FIRST_SLOTS 4096

static uint32_t hash_bytes(const char *p, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h ^ h >> 15;
}

static uint32_t hash_edge(uint32_t from, uint32_t word)
{
	uint64_t h = ((uint64_t)from << 32 | word) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32);
}

/* Room for one more element. */
static bool grow(void **array, size_t *cap, size_t n, size_t size)
{
	size_t wanted = *cap ? *cap * 2 : 1024;
	void *p;

	if (n < *cap)
		return true;
	p = deia__realloc(*array, wanted * size);
	if (p == NULL)
		return false;
	*array = p;
	*cap = wanted;
	return true;
}

static uint32_t new_node(struct deia__lexicon *l)
{
	struct deia__lex_node node = { .effects = UINT32_MAX };

	if (!grow((void **)&l->nodes, &l->nodes_cap, l->n_nodes, sizeof(node)))
		return DEIA__NO_NODE;
	l->nodes[l->n_nodes] = node;
	return (uint32_t)l->n_nodes++;
}

deia_err deia__lexicon_init(struct deia__lexicon *l)
{
	memset(l, 0, sizeof(*l));
	l->n_word_slots = l->n_edge_slots = FIRST_SLOTS;
	l->word_slots = deia__alloc(FIRST_SLOTS * sizeof(*l->word_slots));
	l->edges = deia__alloc(FIRST_SLOTS * sizeof(*l->edges));
	if (l->word_slots == NULL || l->edges == NULL ||
	    new_node(l) == DEIA__NO_NODE) {
		deia__lexicon_fini(l);
		return DEIA_ENOMEM;
	}
	return DEIA_OK;
}

void deia__lexicon_fini(struct deia__lexicon *l)
{
	deia__free(l->text);
	deia__free(l->words);
	deia__free(l->word_slots);
	deia__free(l->nodes);
	deia__free(l->edges);
	deia__free(l->effects);
	memset(l, 0, sizeof(*l));
}

/* ---- words -------------------------------------------------------------- */

/* The slot that holds the word, or the empty one where it belongs. */
static size_t word_slot(const struct deia__lexicon *l, const char *text,
			size_t len)
{
	size_t mask = l->n_word_slots - 1;
	size_t i = hash_bytes(text, len) & mask;

	for (; l->word_slots[i] != 0; i = (i + 1) & mask) {
		const struct deia__lex_word *w =
			&l->words[l->word_slots[i] - 1];

		if (w->len == len && memcmp(l->text + w->at, text, len) == 0)
			break;
	}
	return i;
}

uint32_t deia__lexicon_word(const struct deia__lexicon *l, const char *text)
{
	return l->word_slots[word_slot(l, text, strlen(text))] - 1;
}

static bool widen_words(struct deia__lexicon *l)
{
	size_t n = l->n_word_slots * 2;
	uint32_t *old = l->word_slots, *slots;

	if (l->n_words < l->n_word_slots / 2)
		return true;
	slots = deia__alloc(n * sizeof(*slots));
	if (slots == NULL)
		return false;
	l->word_slots = slots;
	l->n_word_slots = n;
	for (uint32_t i = 0; i < l->n_words; i++)
		slots[word_slot(l, l->text + l->words[i].at, l->words[i].len)] =
			i + 1;
	deia__free(old);
	return true;
}

static bool keep_text(struct deia__lexicon *l, const char *text, size_t len)
{
	/* A word is shorter than the first step of growth. */
	if (!grow((void **)&l->text, &l->text_cap, l->text_len + len, 1))
		return false;
	memcpy(l->text + l->text_len, text, len);
	l->text_len += len;
	return true;
}

/* The number of a word, a new one if need be; DEIA__NO_WORD: no memory. */
static uint32_t put_word(struct deia__lexicon *l, const char *text)
{
	struct deia__lex_word word = { .at = (uint32_t)l->text_len,
				       .len = (uint32_t)strlen(text) };
	uint32_t found = deia__lexicon_word(l, text);

	if (found != DEIA__NO_WORD)
		return found;
	if (!widen_words(l) ||
	    !grow((void **)&l->words, &l->words_cap, l->n_words,
		  sizeof(word)) ||
	    !keep_text(l, text, word.len))
		return DEIA__NO_WORD;
	l->words[l->n_words] = word;
	l->word_slots[word_slot(l, text, word.len)] = (uint32_t)++l->n_words;
	return (uint32_t)l->n_words - 1;
}

deia_err deia__lexicon_mark(struct deia__lexicon *l, const char *text,
			    unsigned flags)
{
	uint32_t word = put_word(l, text);

	if (word == DEIA__NO_WORD)
		return DEIA_ENOMEM;
	l->words[word].flags |= (uint8_t)flags;
	return DEIA_OK;
}

/* ---- phrases ------------------------------------------------------------ */

static size_t edge_slot(const struct deia__lexicon *l, uint32_t from,
			uint32_t word)
{
	size_t mask = l->n_edge_slots - 1;
	size_t i = hash_edge(from, word) & mask;

	while (l->edges[i].to != 0 &&
	       (l->edges[i].from != from || l->edges[i].word != word))
		i = (i + 1) & mask;
	return i;
}

uint32_t deia__lexicon_step(const struct deia__lexicon *l, uint32_t from,
			    uint32_t word)
{
	uint32_t to;

	if (word == DEIA__NO_WORD)
		return DEIA__NO_NODE;
	to = l->edges[edge_slot(l, from, word)].to;
	return to != 0 ? to : DEIA__NO_NODE;
}

static bool widen_edges(struct deia__lexicon *l)
{
	size_t n = l->n_edge_slots;
	struct deia__lex_edge *old = l->edges, *edges;

	/* Each node but the root has one edge to it. */
	if (l->n_nodes < n / 2)
		return true;
	edges = deia__alloc(n * 2 * sizeof(*edges));
	if (edges == NULL)
		return false;
	l->edges = edges;
	l->n_edge_slots = n * 2;
	for (size_t i = 0; i < n; i++)
		if (old[i].to != 0)
			edges[edge_slot(l, old[i].from, old[i].word)] = old[i];
	deia__free(old);
	return true;
}

static uint32_t put_step(struct deia__lexicon *l, uint32_t from, uint32_t word)
{
	uint32_t to = deia__lexicon_step(l, from, word);

	if (to != DEIA__NO_NODE)
		return to;
	if (!widen_edges(l))
		return DEIA__NO_NODE;
	to = new_node(l);
	if (to != DEIA__NO_NODE)
		l->edges[edge_slot(l, from, word)] =
			(struct deia__lex_edge){ from, word, to };
	return to;
}

/* ".py": not a word of a text, but what its file names end in. */
static bool is_ext(const char *phrase, size_t len)
{
	if (len < 2 || len > 6 || phrase[0] != '.')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!((phrase[i] >= 'a' && phrase[i] <= 'z') ||
		      (phrase[i] >= '0' && phrase[i] <= '9')))
			return false;
	return true;
}

/* Goes from *node over a word; an article is kept back in *held, and passed
 * over unless it ends the phrase. */
static deia_err put_next(struct deia__lexicon *l, const struct deia__word *w,
			 bool first, uint32_t *node, uint32_t *held)
{
	uint32_t word = put_word(l, w->text);

	*held = DEIA__NO_WORD;
	if (word == DEIA__NO_WORD)
		return DEIA_ENOMEM;
	if (!first && l->words[word].flags & DEIA__WORD_ARTICLE) {
		*held = word;
		return DEIA_OK;
	}
	*node = put_step(l, *node, word);
	return *node != DEIA__NO_NODE ? DEIA_OK : DEIA_ENOMEM;
}

/* The node at the end of a phrase, made if need be. */
static deia_err put_phrase(struct deia__lexicon *l, const char *phrase,
			   size_t len, uint32_t *node)
{
	struct deia__words reader;
	struct deia__word w;
	uint32_t held = DEIA__NO_WORD;
	unsigned n = 0;
	deia_err err = DEIA_OK;

	*node = 0;
	deia__words_init(&reader, phrase, len, 0, len);
	while (!err && deia__words_next(&reader, &w)) {
		if (w.text[0] == '\0' || w.material || (n > 0 && w.apart) ||
		    n == DEIA_TASK_MAX_PHRASE_WORDS)
			return DEIA_EINVAL;
		err = put_next(l, &w, n++ == 0, node, &held);
	}
	if (!err && held != DEIA__NO_WORD) {
		*node = put_step(l, *node, held);
		err = *node != DEIA__NO_NODE ? DEIA_OK : DEIA_ENOMEM;
	}
	if (err)
		return err;
	return n > 0 ? DEIA_OK : DEIA_EINVAL;
}

static deia_err put_ext(struct deia__lexicon *l, const char *ext, size_t len,
			uint32_t *node)
{
	char text[8] = "";
	uint32_t word;

	memcpy(text, ext, len);
	word = put_word(l, text);
	*node = word != DEIA__NO_WORD ? put_step(l, 0, word) : DEIA__NO_NODE;
	return *node != DEIA__NO_NODE ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__lexicon_add(struct deia__lexicon *l, const char *phrase,
			   size_t len, enum deia__layer layer, uint32_t target,
			   double weight)
{
	struct deia__lex_node *n;
	uint32_t node;
	deia_err err = is_ext(phrase, len) ? put_ext(l, phrase, len, &node)
					   : put_phrase(l, phrase, len, &node);

	if (err)
		return err;
	if (!grow((void **)&l->effects, &l->effects_cap, l->n_effects,
		  sizeof(*l->effects)))
		return DEIA_ENOMEM;
	n = &l->nodes[node];
	l->effects[l->n_effects] = (struct deia__effect){
		.next = n->effects,
		.target = target,
		.layer = (uint8_t)layer,
		.weight = weight,
	};
	n->effects = (uint32_t)l->n_effects++;
	n->layers |= (uint8_t)(1u << layer);
	return DEIA_OK;
}
