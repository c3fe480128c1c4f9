/* SPDX-License-Identifier: MIT */
/*
 * reasons.c - the judgement in words: which phrases with which weights.
 *
 * Numbers are printed here and not by printf, whose decimal point depends on
 * the locale of the host. A phrase is quoted as the content spells it, cut
 * short, on one line, without characters that could not be seen.
 */
#include "task/analyzer.h"

#include <math.h>
#include <string.h>

#include "core/utf8.h"
#include "task/fold.h"
#include "task/tables.h"

#define MAX_QUOTES 6	   /* phrases in one reason */
#define MAX_QUOTE_BYTES 40 /* of one phrase */
#define MAX_OTHERS 3	   /* types beside the best one */

/* A line that is cut where it is full, never inside a character. */
struct line {
	char *text;
	size_t len;
};

static void add_n(struct line *l, const char *s, size_t n)
{
	size_t room = DEIA_TASK_REASON_BYTES - 1 - l->len;

	if (n > room)
		n = deia__utf8_whole(s, room);
	memcpy(l->text + l->len, s, n);
	l->len += n;
	l->text[l->len] = '\0';
}

static void add(struct line *l, const char *s)
{
	add_n(l, s, strlen(s));
}

/* At most two places behind the point, without zeros at the end. */
static void add_number(struct line *l, double value)
{
	char digits[32];
	size_t at = sizeof(digits);
	uint64_t n = (uint64_t)llround(fabs(value) * 100);
	bool any = false;

	for (unsigned place = 0; place < 3 || n != 0; place++) {
		char digit = (char)('0' + n % 10);

		n /= 10;
		if (place == 2 && any)
			digits[--at] = '.';
		any = any || digit != '0';
		if (any || place >= 2)
			digits[--at] = digit;
	}
	if (value < 0)
		add(l, "-");
	add_n(l, digits + at, sizeof(digits) - at);
}

static void add_signed(struct line *l, double value)
{
	if (value >= 0)
		add(l, "+");
	add_number(l, value);
}

static void add_quote(struct line *l, const struct deia__findings *f,
		      const struct deia__hit *h)
{
	size_t end = h->start + h->len, at = h->start, used = 0;
	unsigned bytes;

	add(l, "\"");
	for (; at < end; at += bytes) {
		int32_t c = deia__char_at(f->content, f->len, at, &bytes);

		if (used + bytes > MAX_QUOTE_BYTES) {
			add(l, "...");
			break;
		}
		used += bytes;
		if (c <= ' ' || c == 0x7f)
			add(l, " ");
		else if (bytes == 1 && c >= 0x80)
			add(l, "?"); /* no UTF-8: inside an address */
		else if (!deia__char_is_hidden(c))
			add_n(l, f->content + at, bytes);
	}
	add(l, "\"");
}

static struct line new_line(struct deia_task_analysis *out)
{
	struct line l = { out->reasons[out->n_reasons++], 0 };

	return l;
}

/* ---- types -------------------------------------------------------------- */

/* What a phrase counts for a target in its layer. */
static double weight_of(const struct deia__findings *f,
			const struct deia__hit *h, size_t target)
{
	const struct deia__lexicon *lex = &f->a->lex;
	uint32_t i = lex->nodes[h->node].effects;
	double sum = 0;

	for (; i != UINT32_MAX; i = lex->effects[i].next)
		if (lex->effects[i].layer == h->layer &&
		    lex->effects[i].target == target)
			sum += lex->effects[i].weight;
	return sum;
}

/* The next phrase in falling order of what it counts, or NULL. */
static const struct deia__hit *next_best(const struct deia__findings *f,
					 size_t type, bool *used)
{
	size_t best = SIZE_MAX;
	double most = 0;

	for (size_t i = 0; i < f->scan.n_hits; i++) {
		const struct deia__hit *h = &f->scan.hits[i];
		double points;

		if (used[i] || h->layer != DEIA__LAYER_TYPE)
			continue;
		points = weight_of(f, h, type) * deia__place_factor(h->place);
		if (points > most) {
			most = points;
			best = i;
		}
	}
	if (best == SIZE_MAX)
		return NULL;
	used[best] = true;
	return &f->scan.hits[best];
}

static void add_phrases(struct line *l, const struct deia__findings *f,
			size_t type)
{
	bool used[DEIA__SCAN_HITS] = { false };
	const struct deia__hit *h;

	for (unsigned n = 0; n < MAX_QUOTES; n++) {
		h = next_best(f, type, used);
		if (h == NULL)
			return;
		add(l, n == 0 ? ": " : ", ");
		add_quote(l, f, h);
		add(l, " ");
		add_number(l, weight_of(f, h, type));
		if (h->place == DEIA__PLACE_OPENING)
			add(l, " x2 as the opening");
		else if (h->place == DEIA__PLACE_PARAGRAPH)
			add(l, " x1.5 at a paragraph");
		else if (h->place == DEIA__PLACE_FAR)
			add(l, " x0.5 far from it");
	}
	if (next_best(f, type, used) != NULL)
		add(l, ", ...");
}

static void tell_type(const struct deia__findings *f,
		      struct deia_task_analysis *out)
{
	struct line l;

	if (out->stated & DEIA_TASK_STATED_TYPE) {
		l = new_line(out);
		add(&l, "type ");
		add(&l, out->type);
		add(&l, " was stated");
	}
	l = new_line(out);
	add(&l, out->stated & DEIA_TASK_STATED_TYPE ? "the words alone say "
						    : "type ");
	add(&l, f->a->types[f->best].name);
	if (!f->clear) {
		add(&l, ": no type has 2 points");
		return;
	}
	add(&l, " with ");
	add_number(&l, f->score[f->best]);
	add_phrases(&l, f, f->best);
}

/* The types that came next. */
static void tell_others(const struct deia__findings *f,
			struct deia_task_analysis *out)
{
	bool told[DEIA_TASK_MAX_TYPES] = { false };

	if (f->clear)
		told[f->best] = true;
	for (unsigned n = 0; n < MAX_OTHERS; n++) {
		size_t best = SIZE_MAX;
		struct line l;

		for (size_t i = 0; i < f->a->n_types; i++)
			if (!told[i] && f->score[i] > 0 &&
			    (best == SIZE_MAX || f->score[i] > f->score[best]))
				best = i;
		if (best == SIZE_MAX)
			return;
		told[best] = true;
		l = new_line(out);
		add(&l, "less for ");
		add(&l, f->a->types[best].name);
		add(&l, ", ");
		add_number(&l, f->score[best]);
		add_phrases(&l, f, best);
	}
}

/* ---- numbers ------------------------------------------------------------ */

static void add_hard_words(struct line *l, const struct deia__findings *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->scan.n_hits; i++) {
		const struct deia__hit *h = &f->scan.hits[i];

		if (h->layer != DEIA__LAYER_COMPLEXITY ||
		    h->place == DEIA__PLACE_FAR || n == MAX_QUOTES)
			continue;
		add(l, n++ == 0 ? " (" : ", ");
		add_quote(l, f, h);
		add(l, " ");
		add_signed(l, weight_of(f, h, 0));
	}
	if (n != 0)
		add(l, ")");
}

static void tell_complexity(const struct deia__findings *f,
			    struct deia_task_analysis *out)
{
	struct line l = new_line(out);

	add(&l, "complexity ");
	add_number(&l, out->complexity);
	add(&l, ", ");
	add(&l, deia_task_class_name(out->complexity_class));
	if (out->stated & DEIA_TASK_STATED_COMPLEXITY) {
		add(&l, ", was stated");
		return;
	}
	add(&l, ": 0.15, ");
	add_number(&l, round(f->words));
	add(&l, " words ");
	add_signed(&l, f->part_size);
	if (f->scan.n_steps != 0) {
		add(&l, ", ");
		add_number(&l, f->scan.n_steps);
		add(&l, " steps ");
		add_signed(&l, f->part_steps);
	}
	if (f->part_mixed > 0) {
		add(&l, ", work of several types ");
		add_signed(&l, f->part_mixed);
	}
	if (f->part_hard != 0) {
		add(&l, ", words ");
		add_signed(&l, f->part_hard);
	}
	add_hard_words(&l, f);
}

static void tell_seconds(const struct deia__findings *f,
			 struct deia_task_analysis *out)
{
	struct line l = new_line(out);

	add(&l, "about ");
	add_number(&l, out->estimated_seconds);
	add(&l, " s");
	if (out->stated & DEIA_TASK_STATED_SECONDS) {
		add(&l, ", was stated");
		return;
	}
	add(&l, ": ");
	add_number(&l, f->base_seconds);
	add(&l, " s for an easy one, x");
	add_number(&l, pow(16, out->complexity));
	add(&l, " for its complexity");
	if (f->reading_seconds >= 0.01) {
		add(&l, ", ");
		add_number(&l, f->reading_seconds);
		add(&l, " s to read it");
	}
}

static const struct deia__hit *hit_of_capability(const struct deia__findings *f,
						 const char *name)
{
	for (size_t i = 0; i < f->scan.n_hits; i++) {
		const struct deia__hit *h = &f->scan.hits[i];

		if (h->layer != DEIA__LAYER_CAPABILITY ||
		    h->place == DEIA__PLACE_FAR)
			continue;
		for (size_t k = 0; k < f->a->n_caps; k++)
			if (strcmp(f->a->caps[k], name) == 0 &&
			    weight_of(f, h, k) > 0)
				return h;
	}
	return NULL;
}

static void tell_capabilities(const struct deia__findings *f,
			      struct deia_task_analysis *out)
{
	bool stated = out->stated & DEIA_TASK_STATED_CAPABILITIES;
	struct line l;

	if (stated) {
		l = new_line(out);
		add(&l, "capabilities were stated");
		return;
	}
	for (size_t i = 0;
	     i < out->n_capabilities && out->n_reasons < DEIA_TASK_MAX_REASONS;
	     i++) {
		const struct deia__hit *h =
			hit_of_capability(f, out->capabilities[i]);

		l = new_line(out);
		add(&l, "needs ");
		add(&l, out->capabilities[i]);
		if (h != NULL) {
			add(&l, ": ");
			add_quote(&l, f, h);
		}
	}
}

void deia__reasons_write(const struct deia__findings *f,
			 struct deia_task_analysis *out)
{
	_Static_assert(2 + MAX_OTHERS + 2 + DEIA_TASK_MAX_CAPABILITIES <=
			       DEIA_TASK_MAX_REASONS,
		       "all reasons have room");

	tell_type(f, out);
	tell_others(f, out);
	tell_complexity(f, out);
	tell_seconds(f, out);
	tell_capabilities(f, out);
}
