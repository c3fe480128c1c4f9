/* SPDX-License-Identifier: MIT */
/*
 * byid.h - pointers to things that have an id, in the order of their ids.
 *
 * A sorted array: look-ups and pages are binary searches; one more moves those
 * behind it, which is cheap for the few thousand that it is meant for.
 */
#ifndef DEIA_CORE_BYID_H
#define DEIA_CORE_BYID_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded, zero but for id_of. The things are the owner's. */
struct deia__byid {
	void **items;
	size_t n, cap;
	const char *(*id_of)(const void *item);
};

/* The one with this id, or NULL. */
void *deia__byid_get(const struct deia__byid *l, const char *id);
/* Position of the first that comes after id (NULL: the first of all). */
size_t deia__byid_after(const struct deia__byid *l, const char *id);
/* One whose id is not in it. False: out of memory. */
bool deia__byid_add(struct deia__byid *l, void *item);
/* Takes the one at this position out, and returns it. */
void *deia__byid_take_at(struct deia__byid *l, size_t at);
/* The same of an id; NULL: there is none. */
void *deia__byid_take(struct deia__byid *l, const char *id);
/* Frees the array; it is empty then. */
void deia__byid_fini(struct deia__byid *l);

#endif
