/* SPDX-License-Identifier: MIT */
/*
 * tree.h - a balanced tree of embedded nodes, for the memory backend.
 *
 * A treap: in order by the caller's comparison, a heap by random priorities.
 * Nothing here allocates, so putting a node back (undo) cannot fail.
 */
#ifndef DEIA_STORE_TREE_H
#define DEIA_STORE_TREE_H

#include <deia/base.h>

struct deia__node {
	struct deia__node *up, *left, *right;
	uint32_t priority;
};

struct deia__tree {
	struct deia__node *root;
	uint32_t seed; /* of the priorities; 0 is fine */
};

/* Sign of a - b. */
typedef int (*deia__node_cmp)(const struct deia__node *a,
			      const struct deia__node *b, const void *arg);
/* Sign of node - place; must rise along the order. */
typedef int (*deia__node_probe)(const struct deia__node *node,
				const void *place);

void deia__tree_insert(struct deia__tree *t, struct deia__node *n,
		       deia__node_cmp cmp, const void *arg);
void deia__tree_remove(struct deia__tree *t, struct deia__node *n);
/* Puts n, which compares as old does, where old is. */
void deia__tree_replace(struct deia__tree *t, struct deia__node *old,
			struct deia__node *n);
/* The first node whose probe is >= 0; NULL when there is none. */
struct deia__node *deia__tree_seek(const struct deia__tree *t,
				   deia__node_probe probe, const void *place);
struct deia__node *deia__tree_last(const struct deia__tree *t);
struct deia__node *deia__tree_next(const struct deia__node *n);
struct deia__node *deia__tree_prev(const struct deia__node *n);

#endif
