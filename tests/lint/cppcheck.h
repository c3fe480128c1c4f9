/* SPDX-License-Identifier: MIT */
/*
 * cppcheck.h - the macros of system headers, as far as cppcheck must know
 * them: it reads no header outside of this tree.
 */
#ifndef DEIA_LINT_CPPCHECK_H
#define DEIA_LINT_CPPCHECK_H

#define cJSON_ArrayForEach(e, a)                                               \
	for (e = (a) ? (a)->child : NULL; e; e = (e)->next)

#define LIST_HEAD(name, type)                                                  \
	struct name {                                                          \
		struct type *first;                                            \
	}
#define LIST_ENTRY(type)                                                       \
	struct {                                                               \
		struct type *next, **prev;                                     \
	}
#define LIST_FIRST(h) ((h)->first)
#define LIST_NEXT(e, f) ((e)->f.next)
#define LIST_EMPTY(h) ((h)->first == NULL)
#define LIST_FOREACH(e, h, f) for (e = (h)->first; e; e = (e)->f.next)
#define STAILQ_HEAD(name, type) LIST_HEAD(name, type)
#define STAILQ_ENTRY(type) LIST_ENTRY(type)
#define STAILQ_FIRST(h) ((h)->first)
#define STAILQ_NEXT(e, f) ((e)->f.next)
#define STAILQ_EMPTY(h) ((h)->first == NULL)
#define STAILQ_FOREACH(e, h, f) LIST_FOREACH(e, h, f)
#define TAILQ_HEAD(name, type) LIST_HEAD(name, type)
#define TAILQ_ENTRY(type) LIST_ENTRY(type)
#define TAILQ_FIRST(h) ((h)->first)
#define TAILQ_NEXT(e, f) ((e)->f.next)
#define TAILQ_EMPTY(h) ((h)->first == NULL)
#define TAILQ_FOREACH(e, h, f) LIST_FOREACH(e, h, f)
#define HASH_ITER(hh, h, e, n)                                                 \
	for (e = (h), n = (e)->hh.next; e; e = n, n = (e)->hh.next)

#endif
