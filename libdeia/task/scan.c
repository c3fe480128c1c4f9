/* SPDX-License-Identifier: MIT */
/*
 * scan.c - which phrases stand where in a content, in one pass.
 *
 * A ring of words is read ahead, so that a phrase can be followed from its
 * first word; each layer takes the leftmost, longest phrases. A phrase counts
 * once, at the best of its places. Memory is fixed, and so is the work for a
 * word: at most RING steps and DEIA__SCAN_HITS comparisons.
 */
#include "task/analyzer.h"

#include <string.h>

#include "task/words.h"

#define HEAD_BYTES (16u << 10)
#define TAIL_BYTES (4u << 10)
_Static_assert(HEAD_BYTES + TAIL_BYTES == DEIA_TASK_READ_BYTES,
	       "the header says what is read");

#define RING 32 /* a power of two; longest phrase and articles between */
#define OPENING_WORDS 12 /* fillers that may stand before the opening */
#define FIRST_WORDS 60	 /* these are near, and so are the last ones */
#define LAST_WORDS 40

struct token {
	uint32_t word, ext;
	size_t start, len;
	bool apart, paragraph, material, article, filler;
};

struct state {
	struct deia__scan *scan;
	const deia_task_analyzer *a;
	struct deia__words reader;
	struct token ring[RING];
	size_t at, n_read; /* numbers of words: looked at, read ahead */
	bool ended;
	enum deia__place place;	    /* of what begins here, were it near */
	size_t opening;		    /* words since the opening began */
	size_t until[DEIA__LAYERS]; /* words before are in a phrase already */
};

/* ---- reading ahead ------------------------------------------------------ */

static struct token *read_token(struct state *s)
{
	const struct deia__lexicon *lex = &s->a->lex;
	struct token *t = &s->ring[s->n_read % RING];
	struct deia__word w;

	if (s->ended || !deia__words_next(&s->reader, &w)) {
		s->ended = true;
		return NULL;
	}
	*t = (struct token){
		.word = DEIA__NO_WORD,
		.ext = DEIA__NO_WORD,
		.start = w.start,
		.len = w.len,
		.apart = w.apart,
		.paragraph = w.paragraph,
		.material = w.material,
	};
	if (w.text[0] != '\0')
		t->word = deia__lexicon_word(lex, w.text);
	if (w.ext != NULL)
		t->ext = deia__lexicon_word(lex, w.ext);
	if (t->word != DEIA__NO_WORD) {
		unsigned flags = lex->words[t->word].flags;

		t->article = flags & DEIA__WORD_ARTICLE;
		t->filler = flags & DEIA__WORD_FILLER;
	}
	s->n_read++;
	return t;
}

/* The word of this number, NULL: the text ends before, or it is too far. */
static struct token *token_at(struct state *s, size_t number)
{
	if (number - s->at >= RING)
		return NULL;
	while (s->n_read <= number)
		if (read_token(s) == NULL)
			return NULL;
	return &s->ring[number % RING];
}

/* ---- phrases ------------------------------------------------------------ */

/* The longest phrase of each layer that begins at a word. */
struct matches {
	uint32_t node[DEIA__LAYERS];
	size_t n_words[DEIA__LAYERS];
};

static void note_matches(const struct state *s, struct matches *m,
			 uint32_t node, size_t n_words)
{
	for (unsigned layer = 0; layer < DEIA__LAYERS; layer++) {
		if ((s->a->lex.nodes[node].layers & 1u << layer) == 0)
			continue;
		m->node[layer] = node;
		m->n_words[layer] = n_words;
	}
}

static void follow(struct state *s, struct matches *m)
{
	const struct deia__lexicon *lex = &s->a->lex;
	uint32_t node = 0;
	struct token *t;

	for (size_t i = 0; (t = token_at(s, s->at + i)) != NULL; i++) {
		uint32_t next;

		if (i > 0 &&
		    (t->apart || t->material != s->ring[s->at % RING].material))
			return;
		next = deia__lexicon_step(lex, node, t->word);
		if (next == DEIA__NO_NODE) {
			if (i == 0 || !t->article)
				return;
			continue;
		}
		node = next;
		note_matches(s, m, node, i + 1);
	}
}

static struct deia__hit *find_hit(struct deia__scan *scan, uint32_t node,
				  enum deia__layer layer)
{
	struct deia__hit *h = scan->hits;

	for (; h < scan->hits + scan->n_hits; h++)
		if (h->node == node && h->layer == layer)
			return h;
	if (scan->n_hits == DEIA__SCAN_HITS)
		return NULL;
	scan->n_hits++;
	*h = (struct deia__hit){ .node = node, .layer = layer };
	return h;
}

static void note_hit(struct state *s, enum deia__layer layer, uint32_t node,
		     size_t n_words)
{
	const struct token *first = &s->ring[s->at % RING];
	const struct token *last = &s->ring[(s->at + n_words - 1) % RING];
	size_t number = s->scan->n_words;
	struct deia__hit *h = find_hit(s->scan, node, layer);
	enum deia__place place = DEIA__PLACE_FAR;

	if (h == NULL)
		return;
	if (h->len == 0) {
		h->start = first->start;
		h->len = last->start + last->len - first->start;
	}
	if (!first->material) {
		h->in_text = true;
		h->last_word = number;
		h->last_opens = s->place == DEIA__PLACE_PARAGRAPH;
		if (number < FIRST_WORDS)
			place = s->place;
	}
	if (place > h->place)
		h->place = place;
}

static void take_matches(struct state *s, const struct matches *m)
{
	for (unsigned layer = 0; layer < DEIA__LAYERS; layer++) {
		if (m->n_words[layer] == 0 || s->at < s->until[layer])
			continue;
		s->until[layer] = s->at + m->n_words[layer];
		if (layer != DEIA__LAYER_STEP)
			note_hit(s, (enum deia__layer)layer, m->node[layer],
				 m->n_words[layer]);
		else if (!s->ring[s->at % RING].material)
			s->scan->n_steps++;
	}
}

/* ---- the pass ----------------------------------------------------------- */

static void look_at(struct state *s, const struct token *t)
{
	struct matches m = { { 0 }, { 0 } };
	uint32_t node;

	if (t->paragraph && s->at > 0) {
		s->place = DEIA__PLACE_PARAGRAPH;
		s->opening = 0;
	}
	follow(s, &m);
	if (t->ext != DEIA__NO_WORD) {
		node = deia__lexicon_step(&s->a->lex, 0, t->ext);
		if (node != DEIA__NO_NODE && m.n_words[DEIA__LAYER_TYPE] == 0)
			note_matches(s, &m, node, 1);
	}
	take_matches(s, &m);
	/* "The tests are red" does not open with what is to be done. */
	if (!t->filler || s->opening == OPENING_WORDS ||
	    (t->article && s->opening == 0))
		s->place = DEIA__PLACE_NEAR;
	s->opening++;
}

static void pass(struct deia__scan *scan, const deia_task_analyzer *a,
		 const char *content, size_t len, size_t from, size_t end)
{
	struct state s = { .scan = scan, .a = a };
	const struct token *t;

	deia__words_init(&s.reader, content, len, from, end);
	s.place = from == 0 ? DEIA__PLACE_OPENING : DEIA__PLACE_NEAR;
	for (; (t = token_at(&s, s.at)) != NULL; s.at++) {
		look_at(&s, t);
		scan->n_words++;
	}
	scan->n_steps += s.reader.n_items;
}

/* The tail begins behind a blank, so not inside a word. */
static size_t tail_start(const char *content, size_t len)
{
	size_t at = len - TAIL_BYTES;

	while (at < len && content[at] != ' ' && content[at] != '\n')
		at++;
	return at;
}

void deia__scan_run(struct deia__scan *scan, const deia_task_analyzer *a,
		    const char *content, size_t len)
{
	scan->n_hits = scan->n_words = 0;
	scan->n_steps = 0;
	if (len <= DEIA_TASK_READ_BYTES) {
		pass(scan, a, content, len, 0, len);
	} else {
		pass(scan, a, content, len, 0, HEAD_BYTES);
		pass(scan, a, content, len, tail_start(content, len), len);
	}
	for (size_t i = 0; i < scan->n_hits; i++) {
		struct deia__hit *h = &scan->hits[i];

		if (h->place == DEIA__PLACE_FAR && h->in_text &&
		    h->last_word + LAST_WORDS >= scan->n_words)
			h->place = h->last_opens ? DEIA__PLACE_PARAGRAPH
						 : DEIA__PLACE_NEAR;
	}
}
