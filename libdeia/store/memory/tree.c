/* SPDX-License-Identifier: MIT */
/*
 * tree.c - the treap: insert as a leaf and rotate up, remove by rotating
 * down. Expected depth is about 1.4 log2 n whatever the order of insertion.
 */
#include "store/memory/tree.h"

/* The place in the tree that points to n. */
static struct deia__node **link_of(struct deia__tree *t, struct deia__node *n)
{
	if (!n->up)
		return &t->root;
	return n->up->left == n ? &n->up->left : &n->up->right;
}

/* Moves n above its parent; the order stays. */
static void rotate_up(struct deia__tree *t, struct deia__node *n)
{
	struct deia__node *p = n->up, *child;

	*link_of(t, p) = n;
	if (p->left == n) {
		child = n->right;
		p->left = child;
		n->right = p;
	} else {
		child = n->left;
		p->right = child;
		n->left = p;
	}
	if (child)
		child->up = p;
	n->up = p->up;
	p->up = n;
}

/* xorshift: only balance depends on it. */
static uint32_t next_priority(struct deia__tree *t)
{
	uint32_t x = t->seed ? t->seed : 0x9e3779b9u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->seed = x;
	return x;
}

void deia__tree_insert(struct deia__tree *t, struct deia__node *n,
		       deia__node_cmp cmp, const void *arg)
{
	struct deia__node **link = &t->root, *up = NULL;

	while (*link) {
		up = *link;
		link = cmp(n, up, arg) < 0 ? &up->left : &up->right;
	}
	n->up = up;
	n->left = n->right = NULL;
	n->priority = next_priority(t);
	*link = n;
	while (n->up && n->up->priority < n->priority)
		rotate_up(t, n);
}

void deia__tree_remove(struct deia__tree *t, struct deia__node *n)
{
	struct deia__node *child;

	while (n->left && n->right)
		rotate_up(t, n->left->priority > n->right->priority ? n->left
								    : n->right);
	child = n->left ? n->left : n->right;
	*link_of(t, n) = child;
	if (child)
		child->up = n->up;
	n->up = n->left = n->right = NULL;
}

void deia__tree_replace(struct deia__tree *t, struct deia__node *old,
			struct deia__node *n)
{
	*n = *old;
	*link_of(t, old) = n;
	if (n->left)
		n->left->up = n;
	if (n->right)
		n->right->up = n;
	old->up = old->left = old->right = NULL;
}

struct deia__node *deia__tree_seek(const struct deia__tree *t,
				   deia__node_probe probe, const void *place)
{
	struct deia__node *n = t->root, *found = NULL;

	while (n) {
		if (probe(n, place) >= 0) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

struct deia__node *deia__tree_last(const struct deia__tree *t)
{
	struct deia__node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct deia__node *deia__tree_next(const struct deia__node *n)
{
	struct deia__node *m = n->right;

	if (m) {
		while (m->left)
			m = m->left;
		return m;
	}
	for (m = n->up; m && m->right == n; m = m->up)
		n = m;
	return m;
}

struct deia__node *deia__tree_prev(const struct deia__node *n)
{
	struct deia__node *m = n->left;

	if (m) {
		while (m->right)
			m = m->right;
		return m;
	}
	for (m = n->up; m && m->left == n; m = m->up)
		n = m;
	return m;
}
