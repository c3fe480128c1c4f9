/* SPDX-License-Identifier: MIT */
/*
 * count.c - counting rows by groups, and what a count saw.
 *
 * A count takes its place among the reads; its groups become rows, so they are
 * bounded as pages are.
 */
#include "store/store.h"

#include <string.h>

#include "core/mem.h"

/* ---- what it saw ------------------------------------------------------- */

deia_snapshot *deia__snapshot_new(uint64_t xmin, uint64_t xmax, size_t n)
{
	deia_snapshot *s = deia__alloc(sizeof(*s) + n * sizeof(s->running[0]));

	if (!s)
		return NULL;
	s->xmin = xmin;
	s->xmax = xmax;
	s->n = n;
	return s;
}

bool deia_snapshot_has(const deia_snapshot *s, uint64_t commit)
{
	size_t i;

	if (!s || commit < s->xmin)
		return true;
	if (commit >= s->xmax)
		return false;
	for (i = 0; i < s->n; i++)
		if (s->running[i] == commit)
			return false;
	return true;
}

deia_snapshot *deia_snapshot_copy(const deia_snapshot *s)
{
	/* NULL means all, in a copy as well: it is one that saw everything. */
	deia_snapshot *to = s ? deia__snapshot_new(s->xmin, s->xmax, s->n)
			      : deia__snapshot_new(UINT64_MAX, UINT64_MAX, 0);

	if (to && s && s->n > 0)
		memcpy(to->running, s->running, s->n * sizeof(s->running[0]));
	return to;
}

void deia_snapshot_free(deia_snapshot *s)
{
	deia__free(s);
}

/* ---- before the loop runs ---------------------------------------------- */

struct telling {
	unsigned n_group;
	deia_count_cb cb;
	void *user;
};

static deia_err tell(const struct deia_value *group, int64_t count, void *user)
{
	const struct telling *t = user;

	t->cb(group, t->n_group, count, t->user);
	return DEIA_OK;
}

deia_err deia_store_count_now(deia_store *s, const struct deia_table *table,
			      int index, unsigned n_group, deia_count_cb cb,
			      void *user)
{
	struct deia__count_query q = { .table = table,
				       .index = index,
				       .n_group = n_group };
	struct telling t = { n_group, cb, user };
	deia_err err = deia__count_check(&q);

	if (err || !cb)
		return err ? err : DEIA_EINVAL;
	pthread_mutex_lock(&s->read_lock);
	err = s->backend->count(s->self, &q, tell, &t, NULL);
	pthread_mutex_unlock(&s->read_lock);
	return err;
}

/* ---- while it runs ----------------------------------------------------- */

static deia_err keep(const struct deia_value *group, int64_t count, void *user)
{
	struct deia__counting *c = user;
	struct deia_value *to, n = deia_int(count);
	unsigned i;

	if (c->rows->count >= DEIA__MAX_GROUPS ||
	    c->rows->arena.bytes > DEIA__COUNT_BYTES)
		return DEIA_ELIMIT;
	to = deia__rows_add(c->rows);
	for (i = 0; to && i < c->query.n_group; i++)
		if (!deia__rows_set(c->rows, &to[i], &group[i]))
			return DEIA_ENOMEM;
	if (to)
		to[i] = n;
	return to ? DEIA_OK : DEIA_ENOMEM;
}

void deia__count_run(deia_store *s, struct deia__counting *c)
{
	c->rows = deia__rows_new(c->query.n_group + 1);
	c->err = DEIA_ENOMEM;
	if (c->rows) {
		pthread_mutex_lock(&s->read_lock);
		c->err = s->backend->count(s->self, &c->query, keep, c,
					   &c->snapshot);
		pthread_mutex_unlock(&s->read_lock);
	}
	if (!c->err)
		return;
	deia_rows_free(c->rows);
	c->rows = NULL;
	deia_snapshot_free(c->snapshot);
	c->snapshot = NULL;
}

static deia_err admit(const deia_store *s, const struct deia__count_query *q,
		      deia_counted_cb cb)
{
	deia_err err = deia__count_check(q);

	if (err || !cb)
		return err ? err : DEIA_EINVAL;
	if (s->closing)
		return DEIA_ESTATE;
	return s->open_reads >= DEIA_STORE_MAX_READS ? DEIA_EBUSY : DEIA_OK;
}

deia_err deia_store_count(deia_store *s, const struct deia_table *table,
			  int index, const struct deia_value *equal,
			  unsigned n_equal, unsigned n_group,
			  deia_counted_cb cb, void *user)
{
	struct deia__count_query q = { table, index, equal, n_equal, n_group };
	deia_err err = admit(s, &q, cb);
	struct deia__counting *c;

	if (err)
		return err;
	c = deia__alloc(sizeof(*c));
	if (!c)
		return DEIA_ENOMEM;
	c->job.kind = DEIA__JOB_COUNT;
	c->query = q;
	c->query.equal = deia__values_copy(&c->arena, equal, n_equal);
	if (!c->query.equal) {
		deia__arena_fini(&c->arena);
		deia__free(c);
		return DEIA_ENOMEM;
	}
	c->cb = cb;
	c->user = user;
	deia__read_queue(s, &c->job);
	return DEIA_OK;
}
