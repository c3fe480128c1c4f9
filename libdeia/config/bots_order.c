/* SPDX-License-Identifier: MIT */
/*
 * bots_order.c - the order in which declared bots are created, and what
 * forbids one: an id that is there twice, a circle of depends_on.
 *
 * A walk in depth along depends_on, in the order of the files, so that bots
 * that depend on nothing stay where they were written. It has a stack of its
 * own: a chain may be as long as there are bots. A bot that is not in the files
 * is the hive's to know.
 */
#include <stdlib.h>
#include <string.h>

#include "config/bots_file.h"
#include "config/yaml_json.h"
#include "core/buf.h"
#include "core/mem.h"

enum mark { UNSEEN, OPEN, PLACED };

struct step {
	size_t bot, next; /* of its depends_on */
};

struct walk {
	deia_bots_file *f;
	const struct deia__declared **by_id; /* sorted */
	enum mark *marks;
	struct step *stack;
	size_t depth;
	struct deia__declared *ordered;
	size_t n_ordered;
};

static int compare(const void *a, const void *b)
{
	const struct deia__declared *const *x = a, *const *y = b;
	int order = strcmp((*x)->bot.id, (*y)->bot.id);

	/* Equal ids in the order of the files. */
	return order ? order : (*x > *y) - (*x < *y);
}

static deia_err find_duplicates(struct walk *w)
{
	deia_err err = DEIA_OK;

	for (size_t i = 1; i < w->f->n_bots && !err; i++) {
		const struct deia__declared *a = w->by_id[i - 1];
		const struct deia__declared *b = w->by_id[i];
		const struct deia__yaml *id;

		if (strcmp(a->bot.id, b->bot.id) != 0)
			continue;
		id = deia__yaml_child(b->node, "id");
		err = deia__bots_file_error(
			w->f, b->source, id->line, id->column,
			"bot %s is there twice; it is in %.100s, line %u, "
			"already",
			b->bot.id, a->source->name, a->node->line);
	}
	return err;
}

/* Its position; n_bots when it is not in the files. */
static size_t find(const struct walk *w, const char *id)
{
	size_t low = 0, high = w->f->n_bots;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(id, w->by_id[middle]->bot.id);

		if (order == 0)
			return (size_t)(w->by_id[middle] - w->f->bots);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return w->f->n_bots;
}

static void push(struct walk *w, size_t bot)
{
	w->marks[bot] = OPEN;
	w->stack[w->depth++] = (struct step){ bot, 0 };
}

/* The circle that the bot on top closes by depending on first. */
static deia_err refuse_circle(struct walk *w, size_t first)
{
	const struct deia__declared *last =
		&w->f->bots[w->stack[w->depth - 1].bot];
	const struct deia__yaml *at =
		deia__yaml_child(last->node, "depends_on");
	struct deia__buf b;
	size_t i = 0;
	deia_err err;

	at = at ? at : last->node;
	deia__buf_init(&b, 200);
	while (w->stack[i].bot != first)
		i++;
	for (; i < w->depth; i++)
		deia__buf_addf(&b, "%s -> ",
			       w->f->bots[w->stack[i].bot].bot.id);
	deia__buf_adds(&b, w->f->bots[first].bot.id);
	err = deia__bots_file_error(w->f, last->source, at->line, at->column,
				    "bot %s: depends_on: a circle, none of "
				    "them could ever start: %s%s",
				    last->bot.id, b.data ? b.data : "",
				    b.err == DEIA_ELIMIT ? "..." : "");
	deia__buf_fini(&b);
	return err;
}

/* One step of the walk from the bot on top of the stack. */
static deia_err advance(struct walk *w)
{
	struct step *top = &w->stack[w->depth - 1];
	const struct deia__declared *d = &w->f->bots[top->bot];
	size_t other;

	if (top->next == d->bot.n_depends_on) {
		w->marks[top->bot] = PLACED;
		w->ordered[w->n_ordered++] = *d;
		w->depth--;
		return DEIA_OK;
	}
	other = find(w, d->bot.depends_on[top->next++]);
	/* On itself: the checks of fields have said so. */
	if (other == w->f->n_bots || other == top->bot)
		return DEIA_OK;
	if (w->marks[other] == OPEN)
		return refuse_circle(w, other);
	if (w->marks[other] == UNSEEN)
		push(w, other);
	return DEIA_OK;
}

static deia_err put_in_order(struct walk *w)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < w->f->n_bots && !err; i++) {
		if (w->marks[i] != UNSEEN)
			continue;
		push(w, i);
		while (w->depth > 0 && !err)
			err = advance(w);
	}
	return err;
}

deia_err deia_bots_file_finish(deia_bots_file *f)
{
	size_t n = f->n_bots;
	struct walk w = {
		.f = f,
		.by_id = deia__alloc((n + 1) * sizeof(void *)),
		.marks = deia__alloc((n + 1) * sizeof(enum mark)),
		.stack = deia__alloc((n + 1) * sizeof(struct step)),
		.ordered = deia__alloc((n + 1) * sizeof(*f->bots)),
	};
	deia_err err = DEIA_ENOMEM;

	if (w.by_id && w.marks && w.stack && w.ordered) {
		for (size_t i = 0; i < n; i++)
			w.by_id[i] = &f->bots[i];
		qsort(w.by_id, n, sizeof(void *), compare);
		err = find_duplicates(&w);
		if (!err)
			err = put_in_order(&w);
	}
	if (!err && n) {
		struct deia__declared *old = f->bots;

		f->bots = w.ordered;
		f->cap_bots = n + 1;
		w.ordered = old;
	}
	deia__free(w.by_id);
	deia__free(w.marks);
	deia__free(w.stack);
	deia__free(w.ordered);
	return err;
}
