/* SPDX-License-Identifier: MIT */
/* nearest.h - the known word that a mistyped one was probably meant to be. */
#ifndef DEIA_CONFIG_NEAREST_H
#define DEIA_CONFIG_NEAREST_H

#include <deia/base.h>

/* Set typed, the rest zero; word is the answer, or NULL. Borrows both. */
struct deia__nearest {
	const char *typed, *word;
	size_t distance;
};
void deia__nearest_offer(struct deia__nearest *n, const char *known);

#endif
