/* SPDX-License-Identifier: MIT */
/*
 * wheel.c - a hierarchical timing wheel.
 *
 * Read times as numbers to the base of 64. A node stands on the level of the
 * highest digit in which its time differs from `now`, in the slot of that digit;
 * so all of a lower level come before all of a higher one, and within a level
 * the slots are in order. When `now` comes to the beginning of a slot above
 * level 0 its nodes move down. Until all of them have, nothing else comes out.
 */
#include "core/wheel.h"

#include <string.h>

#define DIGIT_BITS 6
#define DIGIT_MASK 63

static struct deia__wheel_node *slot_at(struct deia__wheel *w, unsigned level,
					unsigned slot)
{
	return &w->slots[level][slot];
}

void deia__wheel_init(struct deia__wheel *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned l = 0; l < DEIA__WHEEL_LEVELS; l++)
		for (unsigned s = 0; s < DEIA__WHEEL_SLOTS; s++)
			slot_at(w, l, s)->next = slot_at(w, l, s)->prev =
				slot_at(w, l, s);
}

bool deia__wheel_is_empty(const struct deia__wheel *w)
{
	for (unsigned l = 0; l < DEIA__WHEEL_LEVELS; l++)
		if (w->used[l])
			return false;
	return true;
}

static unsigned digit(int64_t t, unsigned level)
{
	return (unsigned)(t >> (DIGIT_BITS * level)) & DIGIT_MASK;
}

/* The beginning of a slot, for the digits of now above it. */
static int64_t slot_begin(const struct deia__wheel *w, unsigned level,
			  unsigned slot)
{
	unsigned shift = DIGIT_BITS * level;
	int64_t above = w->now >> shift >> DIGIT_BITS;

	return (above << DIGIT_BITS | slot) << shift;
}

void deia__wheel_add(struct deia__wheel *w, struct deia__wheel_node *node)
{
	int64_t at = node->at > w->now ? node->at : w->now;
	uint64_t differs = (uint64_t)(at ^ w->now) | 1;
	unsigned level =
		(63u - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
	struct deia__wheel_node *head;
	unsigned slot;

	if (level >= DEIA__WHEEL_LEVELS) { /* in thousands of years */
		level = DEIA__WHEEL_LEVELS - 1;
		slot = DIGIT_MASK;
	} else {
		slot = digit(at, level);
	}
	head = slot_at(w, level, slot);
	node->next = head;
	node->prev = head->prev;
	head->prev->next = node;
	head->prev = node;
	w->used[level] |= UINT64_C(1) << slot;
}

void deia__wheel_remove(struct deia__wheel *w, struct deia__wheel_node *node)
{
	struct deia__wheel_node *next = node->next, *prev = node->prev;

	if (!next || !prev)
		return;
	next->prev = prev;
	prev->next = next;
	if (next == next->prev) { /* the last one: next is the head */
		size_t i = (size_t)(next - &w->slots[0][0]);

		w->used[i / DEIA__WHEEL_SLOTS] &=
			~(UINT64_C(1) << i % DEIA__WHEEL_SLOTS);
	}
	node->next = node->prev = NULL;
}

/* The first slot that has nodes; false: none has. */
static bool first_slot(const struct deia__wheel *w, unsigned *level,
		       unsigned *slot)
{
	/* One that now stands in, above level 0, is still being emptied. */
	for (unsigned l = DEIA__WHEEL_LEVELS - 1; l > 0; l--) {
		*level = l;
		*slot = digit(w->now, l);
		if (w->used[l] >> *slot & 1)
			return true;
	}
	for (unsigned l = 0; l < DEIA__WHEEL_LEVELS; l++) {
		if (!w->used[l])
			continue;
		*level = l;
		*slot = (unsigned)__builtin_ctzll(w->used[l]);
		return true;
	}
	return false;
}

int64_t deia__wheel_next(const struct deia__wheel *w)
{
	unsigned level, slot;

	return first_slot(w, &level, &slot) ? slot_begin(w, level, slot)
					    : INT64_MAX;
}

/* False: the steps are used up. */
static bool move_down(struct deia__wheel *w, struct deia__wheel_node *head,
		      unsigned *steps)
{
	while (head->next != head) {
		struct deia__wheel_node *node = head->next;

		if (*steps == 0)
			return false;
		--*steps;
		deia__wheel_remove(w, node);
		deia__wheel_add(w, node);
	}
	return true;
}

struct deia__wheel_node *deia__wheel_reached(struct deia__wheel *w, int64_t now,
					     unsigned *steps)
{
	unsigned level, slot;

	while (first_slot(w, &level, &slot)) {
		int64_t begin = slot_begin(w, level, slot);

		if (begin > now)
			break;
		if (begin > w->now)
			w->now = begin;
		if (level == 0)
			return slot_at(w, 0, slot)->next;
		if (!move_down(w, slot_at(w, level, slot), steps))
			return NULL;
	}
	if (now > w->now)
		w->now = now;
	return NULL;
}

struct deia__wheel_node *deia__wheel_drain(struct deia__wheel *w)
{
	struct deia__wheel_node *all = NULL;

	for (unsigned l = 0; l < DEIA__WHEEL_LEVELS; l++) {
		for (unsigned s = 0; s < DEIA__WHEEL_SLOTS; s++) {
			struct deia__wheel_node *head = slot_at(w, l, s);

			while (head->next != head) {
				struct deia__wheel_node *node = head->next;

				deia__wheel_remove(w, node);
				node->next = all;
				all = node;
			}
		}
	}
	return all;
}
