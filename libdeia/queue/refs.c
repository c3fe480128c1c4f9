/* SPDX-License-Identifier: MIT */
/* refs.c - names that the tasks of one batch have for each other. */
#include <string.h>

#include "queue/submit.h"

struct deia__ref {
	UT_hash_handle hh;
	size_t index;
};

/* The index of the draft with this ref; -1: none. */
static int find(const struct deia__refs *r, const char *name)
{
	struct deia__ref *ref;

	HASH_FIND_STR(r->by_name, name, ref);
	return ref ? (int)ref->index : -1;
}

static deia_err add(struct deia__refs *r, deia_tasks *q, const char *name,
		    size_t i)
{
	struct deia__ref *ref = &r->all[i];

	if (find(r, name) >= 0)
		return deia__tasks_field(q, (int)i, "ref", "%s is given twice",
					 name);
	ref->index = i;
	HASH_ADD_KEYPTR(hh, r->by_name, name, strlen(name), ref);
	return ref->hh.tbl ? DEIA_OK : DEIA_ENOMEM;
}

/* seen - 1: on the way down, 2: fine. No deeper than drafts. */
static bool walks_in_circle(const struct deia__refs *r,
			    const struct deia_task_draft *drafts,
			    unsigned char *seen, size_t i)
{
	int ref;

	if (seen[i])
		return seen[i] == 1;
	seen[i] = 1;
	for (size_t k = 0; k < drafts[i].n_depends_on; k++) {
		ref = find(r, drafts[i].depends_on[k]);
		if (ref >= 0 && walks_in_circle(r, drafts, seen, (size_t)ref))
			return true;
	}
	seen[i] = 2;
	return false;
}

static deia_err check_circles(const struct deia__refs *r, deia_tasks *q,
			      const struct deia_task_draft *drafts, size_t n)
{
	unsigned char *seen = deia__alloc(n);
	deia_err err = seen ? DEIA_OK : DEIA_ENOMEM;

	for (size_t i = 0; i < n && !err; i++)
		if (walks_in_circle(r, drafts, seen, i))
			err = deia__tasks_field(q, (int)i, "depends_on",
						"this makes a circle: in the "
						"end the task waits for "
						"itself");
	deia__free(seen);
	return err;
}

deia_err deia__refs_open(struct deia__refs *r, deia_tasks *q,
			 const struct deia_task_draft *drafts, size_t n)
{
	deia_err err = DEIA_OK;

	r->by_name = NULL;
	r->all = deia__alloc(n * sizeof(*r->all));
	if (!r->all)
		return DEIA_ENOMEM;
	for (size_t i = 0; i < n && !err; i++)
		if (drafts[i].ref)
			err = add(r, q, drafts[i].ref, i);
	if (err || !r->by_name)
		return err;
	return check_circles(r, q, drafts, n);
}

static deia_err resolve_one(const struct deia__refs *r, struct deia__batch *b,
			    size_t i, char **name)
{
	int ref = find(r, *name);
	const char *id = ref >= 0 ? b->tasks[ref]->id : *name;

	if (!deia__uuid_valid(id))
		return deia__tasks_field(b->q, (int)i, "depends_on",
					 "there is no task \"%.64s\"", id);
	if (ref >= 0)
		deia__set_text(name, id, DEIA__UUID_BYTES);
	return *name ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__refs_resolve(const struct deia__refs *r, struct deia__batch *b)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < b->n && !err; i++) {
		struct deia__task_spec *s = &b->tasks[i]->spec;

		for (unsigned k = 0; k < s->n_depends_on && !err; k++)
			err = resolve_one(r, b, i, &s->depends_on[k]);
	}
	return err;
}

void deia__refs_close(struct deia__refs *r)
{
	HASH_CLEAR(hh, r->by_name);
	deia__free(r->all);
}
