/* SPDX-License-Identifier: MIT */
/* byid.c - see byid.h. */
#include "core/byid.h"

#include <string.h>

#include "core/mem.h"

#define FIRST_CAP 16

/* Position of id, or where it would be. */
static size_t seek(const struct deia__byid *l, const char *id, bool *found)
{
	size_t lo = 0, hi = l->n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(l->id_of(l->items[mid]), id);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void *deia__byid_get(const struct deia__byid *l, const char *id)
{
	bool found;
	size_t at = seek(l, id, &found);

	return found ? l->items[at] : NULL;
}

size_t deia__byid_after(const struct deia__byid *l, const char *id)
{
	bool found = false;
	size_t at = id ? seek(l, id, &found) : 0;

	return at + found;
}

static bool grow(struct deia__byid *l)
{
	size_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
	void **items;

	if (l->n < l->cap)
		return true;
	items = deia__realloc(l->items, cap * sizeof(*items));
	if (!items)
		return false;
	l->items = items;
	l->cap = cap;
	return true;
}

bool deia__byid_add(struct deia__byid *l, void *item)
{
	bool found;
	size_t at = seek(l, l->id_of(item), &found);

	if (!grow(l))
		return false;
	memmove(l->items + at + 1, l->items + at,
		(l->n - at) * sizeof(*l->items));
	l->items[at] = item;
	l->n++;
	return true;
}

void *deia__byid_take_at(struct deia__byid *l, size_t at)
{
	void *item = l->items[at];

	l->n--;
	memmove(l->items + at, l->items + at + 1,
		(l->n - at) * sizeof(*l->items));
	return item;
}

void *deia__byid_take(struct deia__byid *l, const char *id)
{
	bool found;
	size_t at = seek(l, id, &found);

	return found ? deia__byid_take_at(l, at) : NULL;
}

void deia__byid_fini(struct deia__byid *l)
{
	deia__free(l->items);
	l->items = NULL;
	l->n = l->cap = 0;
}
