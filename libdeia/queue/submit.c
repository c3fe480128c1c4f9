/* SPDX-License-Identifier: MIT */
/*
 * submit.c - new tasks: checked, their dependencies looked up, then durable.
 *
 * A repeated call is answered whatever has become of the queue since, so what
 * may have changed is looked at after its key: deadlines, bots, how full it is.
 */
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "queue/submit.h"

/* ---- the parts of a batch ---------------------------------------------- */

static void no_longer_coming(struct deia__batch *b)
{
	b->q->n_coming -= b->n_coming;
	b->n_coming = 0;
}

static void batch_free(struct deia__batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		deia__free(b->contents ? b->contents[i] : NULL);
	deia__free(b->contents);
	deia__free(b->tasks);
	deia__free(b->key);
	deia__free(b->owner);
	deia__batch_forget_known(b);
	no_longer_coming(b);
	deia__free(b);
}

/* Nothing of it is to be: the tasks go. */
void deia__batch_fail(struct deia__batch *b, deia_err err)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->tasks[i])
			deia__task_drop(b->tasks[i], err);
	b->cb(err, NULL, 0, false, b->user);
	batch_free(b);
}

void deia__batch_drop_tasks(struct deia__batch *b)
{
	no_longer_coming(b);
	for (size_t i = 0; i < b->n; i++) {
		if (b->tasks[i])
			deia__task_drop(b->tasks[i], DEIA_OK);
		b->tasks[i] = NULL;
	}
}

void deia__batch_end(struct deia__batch *b)
{
	batch_free(b);
}

/* ---- durable ----------------------------------------------------------- */

static void accept(struct deia__task *t)
{
	deia_tasks *q = t->q;

	t->busy = t->fresh = false;
	q->n_open++;
	q->status.submitted++;
	q->status.by_status[t->s.status]++;
	deia__task_moved(t, DEIA_TASK_SUBMITTED);
	deia__task_settle(t);
}

static bool view_all(struct deia__batch *b, struct deia__task_view *views,
		     struct deia_task *items)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!deia__task_view(&views[i], b->tasks[i]))
			return false;
		items[i] = views[i].task;
		items[i].content = b->contents[i];
		items[i].content_len = b->tasks[i]->content_bytes;
	}
	return true;
}

static void tell(struct deia__batch *b)
{
	struct deia__task_view *views = deia__alloc(b->n * sizeof(*views));
	struct deia_task *items = deia__alloc(b->n * sizeof(*items));
	bool ok = views && items && view_all(b, views, items);

	if (b->replayed)
		*b->replayed = false;
	b->cb(ok ? DEIA_OK : DEIA_ENOMEM, ok ? items : NULL, ok ? b->n : 0,
	      false, b->user);
	for (size_t i = 0; views && i < b->n; i++)
		deia__task_view_fini(&views[i]);
	deia__free(views);
	deia__free(items);
}

static void on_commit(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct deia__batch *b = user;

	(void)seqs;
	(void)n;
	b->q->n_under_way--;
	if (err == DEIA_EEXIST && b->key) {
		deia__batch_drop_tasks(b);
		err = deia__keys_answer(b);
		if (!err)
			return;
	}
	if (err) {
		deia__batch_fail(b, deia__tasks_store_error(b->q, err));
		return;
	}
	no_longer_coming(b);
	for (size_t i = 0; i < b->n; i++)
		accept(b->tasks[i]);
	tell(b);
	for (size_t i = 0; i < b->n; i++)
		deia__task_pump_soon(b->tasks[i]);
	batch_free(b);
}

static deia_err wait_for_others(struct deia__task *t)
{
	deia_err err = DEIA_OK;

	for (unsigned k = 0; k < t->spec.n_depends_on && !err; k++)
		if (deia__task_is_open_here(t->q, t->spec.depends_on[k]))
			err = deia__dep_add(t, t->spec.depends_on[k]);
	return err;
}

static deia_err enter(struct deia__batch *b)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < b->n && !err; i++) {
		b->tasks[i]->busy = b->tasks[i]->fresh = true;
		/* A status that is open, before others look at it. */
		b->tasks[i]->s.status = DEIA_TASK_BLOCKED;
		err = deia__task_add(b->tasks[i]);
	}
	for (size_t i = 0; i < b->n && !err; i++) {
		struct deia__task *t = b->tasks[i];

		err = wait_for_others(t);
		t->s.status = t->spec.approval ? DEIA_TASK_AWAITING_APPROVAL
					       : deia__task_waits_as(t);
		if (t->spec.every_seconds)
			t->content =
				deia__strndup(b->contents[i], t->content_bytes);
		if (t->spec.every_seconds && !t->content)
			err = DEIA_ENOMEM;
		else if (t->spec.every_seconds)
			b->q->cached += t->content_bytes;
		else
			deia__task_cache(t, b->contents[i], t->content_bytes);
	}
	return err;
}

static deia_err commit(struct deia__batch *b)
{
	deia_txn *txn = deia_txn_new(b->q->store);
	deia_err err = enter(b);

	for (size_t i = 0; i < b->n && !err; i++)
		err = deia__task_insert(txn, b->tasks[i], b->contents[i],
					b->tasks[i]->content_bytes);
	if (!err && b->key)
		err = deia__key_insert(txn, b);
	if (err)
		deia_txn_free(txn);
	else
		err = deia_txn_commit(txn, on_commit, b);
	if (!err)
		b->q->n_under_way++;
	return err;
}

static deia_err find_late(struct deia__batch *b)
{
	int64_t wall = deia__tasks_wall(b->q);

	for (size_t i = 0; i < b->n; i++)
		if (b->tasks[i]->s.deadline && b->tasks[i]->s.deadline <= wall)
			return deia__tasks_field(b->q, (int)i, "deadline",
						 "must be in the future");
	return DEIA_OK;
}

static deia_err find_bot_that_is_none(struct deia__batch *b)
{
	const struct deia_tasks_opts *o = &b->q->opts;
	char why[256] = "";
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < b->n && o->may_pin && !err; i++) {
		if (!b->tasks[i]->pinned)
			continue;
		err = o->may_pin(b->tasks[i]->pinned, why, sizeof(why),
				 o->user);
		if (err) {
			deia__tasks_fail(b->q, err, "%s", why);
			b->q->error_index = (int)i;
		}
	}
	return err;
}

/* What was fine when it was first submitted need not be any more. */
static deia_err look_at_today(struct deia__batch *b)
{
	deia_tasks *q = b->q;
	deia_err err = find_late(b);

	if (!err)
		err = find_bot_that_is_none(b);
	if (!err && q->n_open + q->n_coming > q->opts.open_max)
		err = deia__tasks_fail(q, DEIA_EBUSY,
				       "%u tasks are open already, more are "
				       "not taken",
				       q->n_open);
	return err;
}

/* That is looked at when it comes and right before it is durable, not again
 * with each row that is read between. */
static deia_err step(struct deia__batch *b)
{
	const char *missing = deia__batch_missing(b);
	deia_err err =
		missing && b->looked_at_today ? DEIA_OK : look_at_today(b);

	b->looked_at_today = err == DEIA_OK;
	if ((err || missing) && b->key && !b->key_is_new)
		err = deia__keys_answer(b);
	else if (err)
		return err; /* said */
	else
		err = missing ? deia__batch_read(b, missing) : commit(b);
	return err ? deia__tasks_store_error(b->q, err) : DEIA_OK;
}

void deia__batch_go_on(struct deia__batch *b)
{
	deia_err err = step(b);

	if (err)
		deia__batch_fail(b, err);
}

/* ---- the call ---------------------------------------------------------- */

static deia_err check_call(deia_tasks *q, const struct deia_task_draft *drafts,
			   size_t n, const char *key)
{
	if (q->stopped)
		return deia__tasks_fail(q, DEIA_ESTATE, "the queue is stopped");
	if (n < 1 || n > DEIA_MAX_BATCH_LEN)
		return deia__tasks_fail(q, DEIA_ELIMIT,
					"a batch may have 1 to %u tasks",
					DEIA_MAX_BATCH_LEN);
	if (key && (!*key || strlen(key) > DEIA_MAX_KEY_BYTES))
		return deia__tasks_fail(q, DEIA_EINVAL,
					"a key is 1 to %u bytes",
					DEIA_MAX_KEY_BYTES);
	return deia__drafts_check(q, drafts, n);
}

static deia_err fill(struct deia__batch *b,
		     const struct deia_task_draft *drafts,
		     const struct deia__refs *refs, const char *key)
{
	deia_err err = DEIA_OK;

	b->tasks = deia__alloc(b->n * sizeof(*b->tasks));
	b->contents = deia__alloc(b->n * sizeof(*b->contents));
	b->key = deia__strdup(key);
	b->owner = deia__strdup(drafts[0].submitted_by);
	if (!b->tasks || !b->contents || (key && !b->key) || !b->owner)
		return DEIA_ENOMEM;
	for (size_t i = 0; i < b->n && !err; i++) {
		b->tasks[i] =
			deia__task_from_draft(b->q, &drafts[i], (int)i, &err);
		b->contents[i] =
			deia__strndup(drafts[i].content, drafts[i].content_len);
		if (!err && !b->contents[i])
			err = DEIA_ENOMEM;
	}
	if (!err && key)
		deia__drafts_digest(drafts, b->n, b->digest);
	return err ? err : deia__refs_resolve(refs, b);
}

static deia_err begin(struct deia__batch *b,
		      const struct deia_task_draft *drafts, const char *key)
{
	struct deia__refs refs;
	deia_err err = deia__refs_open(&refs, b->q, drafts, b->n);

	if (!err)
		err = fill(b, drafts, &refs, key);
	deia__refs_close(&refs);
	/* One alone does not depend on itself. */
	for (size_t i = 0; b->n > 1 && i < b->n && !err; i++)
		err = deia__batch_know(b, b->tasks[i]->id);
	if (err)
		return err;
	b->n_coming = (unsigned)b->n;
	b->q->n_coming += b->n_coming;
	return step(b);
}

deia_err deia_tasks_submit(deia_tasks *q, const struct deia_task_draft *drafts,
			   size_t n, const char *key, bool *replayed,
			   deia_tasks_cb cb, void *user)
{
	deia_err err = check_call(q, drafts, n, key);
	struct deia__batch *b = err ? NULL : deia__alloc(sizeof(*b));

	if (err || !b)
		return err ? err : DEIA_ENOMEM;
	*b = (struct deia__batch){
		.q = q, .n = n, .replayed = replayed, .cb = cb, .user = user
	};
	err = begin(b, drafts, key);
	if (!err)
		return DEIA_OK;
	for (size_t i = 0; b->tasks && i < n; i++)
		if (b->tasks[i])
			deia__task_drop(b->tasks[i], err);
	batch_free(b);
	return err;
}
