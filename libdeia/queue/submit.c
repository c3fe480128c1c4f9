/* SPDX-License-Identifier: MIT */
/*
 * submit.c - new tasks: checked, their dependencies looked up, then durable.
 *
 * What a task depends on is in memory if it is open here; else its row is read
 * first. By the time all rows were read a task that was open may have ended, so
 * the look begins anew until nothing is left to be read.
 */
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "queue/submit.h"

/* ---- the parts of a batch ---------------------------------------------- */

static void batch_free(struct deia__batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		deia__free(b->contents ? b->contents[i] : NULL);
	deia__free(b->contents);
	deia__free(b->tasks);
	deia__free(b->key);
	deia__free(b->owner);
	deia__free(b->known);
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

/* ---- refs -------------------------------------------------------------- */

static int find_ref(const struct deia_task_draft *drafts, size_t n,
		    const char *ref)
{
	for (size_t i = 0; i < n; i++)
		if (drafts[i].ref && strcmp(drafts[i].ref, ref) == 0)
			return (int)i;
	return -1;
}

static deia_err check_refs(deia_tasks *q, const struct deia_task_draft *drafts,
			   size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (drafts[i].ref &&
		    find_ref(drafts, n, drafts[i].ref) != (int)i)
			return deia__tasks_field(q, (int)i, "ref",
						 "%s is given twice",
						 drafts[i].ref);
	return DEIA_OK;
}

/* 1: on the way down, 2: fine. */
static bool walks_in_circle(const struct deia_task_draft *drafts, size_t n,
			    unsigned char *seen, size_t i, unsigned depth)
{
	int ref;

	if (seen[i] == 2)
		return false;
	if (seen[i] == 1 || depth > n)
		return true;
	seen[i] = 1;
	for (size_t k = 0; k < drafts[i].n_depends_on; k++) {
		ref = find_ref(drafts, n, drafts[i].depends_on[k]);
		if (ref >= 0 &&
		    walks_in_circle(drafts, n, seen, (size_t)ref, depth + 1))
			return true;
	}
	seen[i] = 2;
	return false;
}

static deia_err check_circles(deia_tasks *q,
			      const struct deia_task_draft *drafts, size_t n)
{
	unsigned char *seen = deia__alloc(n);
	deia_err err = seen ? DEIA_OK : DEIA_ENOMEM;

	for (size_t i = 0; i < n && !err; i++)
		if (walks_in_circle(drafts, n, seen, i, 0))
			err = deia__tasks_field(q, (int)i, "depends_on",
						"this makes a circle: in the "
						"end the task waits "
						"for itself");
	deia__free(seen);
	return err;
}

/* Refs become ids. */
static deia_err resolve(struct deia__batch *b,
			const struct deia_task_draft *drafts)
{
	for (size_t i = 0; i < b->n; i++) {
		struct deia__task_spec *s = &b->tasks[i]->spec;

		for (unsigned k = 0; k < s->n_depends_on; k++) {
			int ref = find_ref(drafts, b->n, s->depends_on[k]);
			const char *id =
				ref >= 0 ? b->tasks[ref]->id : s->depends_on[k];

			if (!deia__uuid_valid(id))
				return deia__tasks_field(
					b->q, (int)i, "depends_on",
					"there is no task \"%.64s\"", id);
			if (ref >= 0)
				deia__set_text(&s->depends_on[k], id,
					       DEIA__UUID_BYTES);
			if (!s->depends_on[k])
				return DEIA_ENOMEM;
		}
	}
	return DEIA_OK;
}

/* ---- dependencies that are not in memory ------------------------------- */

static bool is_known(const struct deia__batch *b, const char *id)
{
	for (size_t i = 0; i < b->n_known; i++)
		if (strcmp(b->known[i], id) == 0)
			return true;
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->tasks[i]->id, id) == 0)
			return true;
	return false;
}

static bool is_open_here(const deia_tasks *q, const char *id)
{
	const struct deia__task *t = deia__task_find(q, id);

	return t && !t->loading && !t->foreign &&
	       !deia_task_status_is_final(t->s.status);
}

/* The next id whose row must be read, or NULL; *of: whose. */
static const char *unknown(const struct deia__batch *b, int *of)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct deia__task_spec *s = &b->tasks[i]->spec;

		for (unsigned k = 0; k < s->n_depends_on; k++) {
			*of = (int)i;
			if (!is_open_here(b->q, s->depends_on[k]) &&
			    !is_known(b, s->depends_on[k]))
				return s->depends_on[k];
		}
	}
	return NULL;
}

static deia_err take_known(struct deia__batch *b, const deia_rows *rows)
{
	char(*known)[DEIA__UUID_BYTES];
	int status;

	if (deia_rows_count(rows) == 0)
		return deia__tasks_field(b->q, b->asked_for, "depends_on",
					 "there is no task %s", b->asked);
	status = deia_task_status_parse(deia_rows_text(rows, 0, TASK_STATUS));
	if (status != DEIA_TASK_SUCCEEDED)
		return deia__tasks_field(
			b->q, b->asked_for, "depends_on",
			status >= 0 && deia_task_status_is_final(
					       (deia_task_status)status)
				? "task %s ended without success"
				: "task %s is done by another node",
			b->asked);
	known = deia__realloc(b->known, (b->n_known + 1) * sizeof(*known));
	if (!known)
		return DEIA_ENOMEM;
	b->known = known;
	memcpy(known[b->n_known++], b->asked, DEIA__UUID_BYTES);
	return DEIA_OK;
}

/* It has just ended here, and its row does not say so yet. */
static bool is_ending_here(const struct deia__batch *b, const deia_rows *rows)
{
	int status;

	if (deia_rows_count(rows) == 0 || !deia__task_row_is_own(b->q, rows, 0))
		return false;
	status = deia_task_status_parse(deia_rows_text(rows, 0, TASK_STATUS));
	return status >= 0 &&
	       !deia_task_status_is_final((deia_task_status)status);
}

static void on_dependency(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__batch *b = user;

	b->q->n_under_way--;
	if (err)
		deia__tasks_store_error(b->q, err);
	else if (!is_ending_here(b, rows)) /* else it is asked for again */
		err = take_known(b, rows);
	if (err)
		deia__batch_fail(b, err);
	else
		deia__batch_go_on(b);
}

static deia_err read_dependency(struct deia__batch *b, const char *id, int of)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query page = {
		&deia__table_tasks, -1, &key, 1, NULL, 0, false, 1
	};
	deia_err err = deia_store_page(b->q->store, &page, on_dependency, b);

	snprintf(b->asked, sizeof(b->asked), "%s", id);
	b->asked_for = of;
	if (!err)
		b->q->n_under_way++;
	return err;
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
		if (is_open_here(t->q, t->spec.depends_on[k]))
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

/* The first whose deadline is over; -1: none. */
static int find_late(const struct deia__batch *b)
{
	int64_t wall = deia__tasks_wall(b->q);

	for (size_t i = 0; i < b->n; i++)
		if (b->tasks[i]->s.deadline && b->tasks[i]->s.deadline <= wall)
			return (int)i;
	return -1;
}

/*
 * What was taken under a key may wait for a task that has failed since, or be
 * too late by now: so the key is looked for before that is refused.
 */
static deia_err step(struct deia__batch *b)
{
	int of = -1, late = find_late(b);
	const char *id = unknown(b, &of);

	if ((id || late >= 0) && b->key && !b->key_is_new)
		return deia__keys_answer(b);
	if (late >= 0)
		return deia__tasks_field(b->q, late, "deadline",
					 "must be in the future");
	return id ? read_dependency(b, id, of) : commit(b);
}

void deia__batch_go_on(struct deia__batch *b)
{
	deia_err err = step(b);

	if (err)
		deia__batch_fail(b, deia__tasks_store_error(b->q, err));
}

/* ---- the call ---------------------------------------------------------- */

static deia_err check_call(deia_tasks *q, const struct deia_task_draft *drafts,
			   size_t n, const char *key)
{
	deia_err err;

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
	if (q->n_open + n > q->opts.open_max)
		return deia__tasks_fail(q, DEIA_EBUSY,
					"%u tasks are open already, more are "
					"not taken",
					q->n_open);
	err = deia__drafts_check(q, drafts, n);
	if (!err)
		err = check_refs(q, drafts, n);
	return err ? err : check_circles(q, drafts, n);
}

static deia_err fill(struct deia__batch *b,
		     const struct deia_task_draft *drafts, const char *key)
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
	return err ? err : resolve(b, drafts);
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
	err = fill(b, drafts, key);
	if (!err) {
		err = step(b);
		if (err)
			deia__tasks_store_error(q, err);
	}
	if (!err)
		return DEIA_OK;
	for (size_t i = 0; b->tasks && i < n; i++)
		if (b->tasks[i])
			deia__task_drop(b->tasks[i], err);
	batch_free(b);
	return err;
}
