/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - many times, each changed often and seldom reached.
 *
 * A hierarchical timing wheel (Varghese and Lauck, 1987): 8 levels of 64 slots,
 * a slot of level n is 64^n milliseconds wide. Nodes are embedded in their
 * owners, so that adding and removing cost the same however many there are, and
 * need no memory. What is reached within the same millisecond comes out in no
 * particular order.
 */
#ifndef DEIA_CORE_WHEEL_H
#define DEIA_CORE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEIA__WHEEL_LEVELS 8
#define DEIA__WHEEL_SLOTS 64

struct deia__wheel_node {
	struct deia__wheel_node *next, *prev; /* NULL: in no wheel */
	int64_t at;			      /* milliseconds, >= 0 */
};

struct deia__wheel {
	/* Nothing in it was reached before now; only moves on. */
	int64_t now;
	uint64_t used[DEIA__WHEEL_LEVELS]; /* a bit a slot that has nodes */
	/* Rings; each slot is the head of its own. */
	struct deia__wheel_node slots[DEIA__WHEEL_LEVELS][DEIA__WHEEL_SLOTS];
};

void deia__wheel_init(struct deia__wheel *w);
bool deia__wheel_is_empty(const struct deia__wheel *w);
/* It is in no wheel, and its `at` is set and stays until it is removed. */
void deia__wheel_add(struct deia__wheel *w, struct deia__wheel_node *node);
/* Fine when it is in none. */
void deia__wheel_remove(struct deia__wheel *w, struct deia__wheel_node *node);
/*
 * Not later than the first of all, and exact when that is near: the time for
 * a timer, which looks then and sets itself again. INT64_MAX: it is empty.
 */
int64_t deia__wheel_next(const struct deia__wheel *w);
/*
 * A node that is reached at `now` (at <= now), still in the wheel; NULL: there
 * is none, or *steps, of which each node that is moved to a finer slot takes
 * one, are used up (then deia__wheel_next is not later than now).
 */
struct deia__wheel_node *deia__wheel_reached(struct deia__wheel *w, int64_t now,
					     unsigned *steps);
/* Takes all nodes out; they are one chain by `next` that ends with NULL. */
struct deia__wheel_node *deia__wheel_drain(struct deia__wheel *w);

#endif
