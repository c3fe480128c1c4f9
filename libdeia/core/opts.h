/* SPDX-License-Identifier: MIT */
/* opts.h - options that begin with their size, of callers of other versions. */
#ifndef DEIA_CORE_OPTS_H
#define DEIA_CORE_OPTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies a struct whose first member is size_t size into one of len bytes that
 * has defaults in it, as far as the caller knew the members. What it knows more
 * than this library must be zeros. to->size is len afterwards. False: the size
 * makes no sense, or there is more than zeros.
 */
bool deia__opts_take(void *to, size_t len, const void *from);

#endif
