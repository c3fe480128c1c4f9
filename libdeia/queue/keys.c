/* SPDX-License-Identifier: MIT */
/*
 * keys.c - the same key of an owner gives the same tasks, and none twice.
 *
 * A submission with a key inserts the key in its own transaction. When that
 * says that the key exists nothing was submitted; then the kept row tells which
 * tasks it stands for, and whether the drafts were the same. One whose
 * dependencies have to be looked up looks for the key before.
 */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "queue/submit.h"

#define ID_LEN (DEIA__UUID_BYTES - 1)

deia_err deia__key_insert(deia_txn *txn, const struct deia__batch *b)
{
	struct deia_value row[TASK_KEY_COLUMNS];
	struct deia__buf ids;
	deia_err err;

	deia__buf_init(&ids, 0);
	for (size_t i = 0; i < b->n; i++)
		deia__buf_addf(&ids, "%s\n", b->tasks[i]->id);
	err = ids.err;
	row[TASK_KEY_OWNER] = deia_text(b->owner);
	row[TASK_KEY_KEY] = deia_text(b->key);
	row[TASK_KEY_FINGERPRINT] =
		(struct deia_value){ DEIA_BLOB, 0, (const char *)b->digest,
				     sizeof(b->digest) };
	row[TASK_KEY_IDS] = deia__text_n(ids.data, ids.len);
	row[TASK_KEY_CREATED] = deia_int(deia__tasks_wall(b->q));
	if (!err)
		deia_txn_insert(txn, &deia__table_task_keys, row);
	deia__buf_fini(&ids);
	return err;
}

/* ---- the tasks of a key, one after the other --------------------------- */

/* A row's task with copies of its texts. */
struct copy {
	struct deia__task *t;
	struct deia__task_view view;
	char *content, *result, *node;
};

struct answer {
	struct deia__batch *b;
	char *ids;
	size_t n, at;
	struct copy *copies;
};

static void answer_end(struct answer *a, deia_err err)
{
	struct deia_task *items =
		err ? NULL : deia__alloc((a->n + 1) * sizeof(*items));
	struct deia__batch *b = a->b;

	if (!err && !items)
		err = DEIA_ENOMEM;
	for (size_t i = 0; i < a->at && !err; i++)
		items[i] = a->copies[i].view.task;
	if (b->replayed)
		*b->replayed = true;
	if (err)
		deia__tasks_store_error(b->q, err);
	b->cb(err, items, err ? 0 : a->at, false, b->user);
	for (size_t i = 0; i < a->at; i++) {
		deia__task_view_fini(&a->copies[i].view);
		deia__task_drop(a->copies[i].t, DEIA_OK);
		deia__free(a->copies[i].content);
		deia__free(a->copies[i].result);
		deia__free(a->copies[i].node);
	}
	deia__free(items);
	deia__free(a->copies);
	deia__free(a->ids);
	deia__free(a);
	deia__batch_end(b);
}

static void read_next(struct answer *a);

static deia_err keep(struct answer *a, const deia_rows *rows)
{
	struct copy *c = &a->copies[a->at];
	const struct deia_value *content = deia_rows_get(rows, 0, TASK_CONTENT);
	const struct deia_value *result = deia_rows_get(rows, 0, TASK_RESULT);
	deia_err err = DEIA_OK;

	c->t = deia__task_from_row(a->b->q, rows, 0, &err);
	if (err)
		return err;
	a->at++;
	c->content = deia__strndup(content->s ? content->s : "", content->len);
	c->result = deia__strndup(result->s ? result->s : "", result->len);
	c->node = deia__strdup(deia_rows_text(rows, 0, TASK_NODE));
	if (!deia__task_view(&c->view, c->t) || !c->content || !c->result ||
	    !c->node)
		return DEIA_ENOMEM;
	c->view.task.content = c->content;
	c->view.task.content_len = content->len;
	c->view.task.node = c->node;
	if (deia_rows_get(rows, 0, TASK_RESULT_BYTES)->i >= 0) {
		c->view.task.result = c->result;
		c->view.task.result_len = result->len;
	}
	return DEIA_OK;
}

/* A task that is older than retention is left out. */
static void on_task(deia_err err, const deia_rows *rows, void *user)
{
	struct answer *a = user;

	a->b->q->n_under_way--;
	if (!err && deia_rows_count(rows) > 0)
		err = keep(a, rows);
	else if (!err)
		a->n--;
	if (err)
		answer_end(a, err);
	else
		read_next(a);
}

static void read_next(struct answer *a)
{
	deia_tasks *q = a->b->q;
	struct deia_value key = deia__text_n(a->ids, ID_LEN);
	struct deia_page_query page = deia__task_row(&key);
	deia_err err;

	if (strlen(a->ids) < ID_LEN + 1) {
		answer_end(a, DEIA_OK);
		return;
	}
	err = deia_store_page(q->store, &page, on_task, a);
	memmove(a->ids, a->ids + ID_LEN + 1, strlen(a->ids + ID_LEN + 1) + 1);
	if (err)
		answer_end(a, err);
	else
		q->n_under_way++;
}

static deia_err begin(struct deia__batch *b, const deia_rows *rows)
{
	const struct deia_value *print =
		deia_rows_get(rows, 0, TASK_KEY_FINGERPRINT);
	struct answer *a;

	if (print->len != sizeof(b->digest) ||
	    memcmp(print->s, b->digest, print->len) != 0)
		return deia__tasks_fail(b->q, DEIA_ECONFLICT,
					"this key was used for other tasks");
	a = deia__alloc(sizeof(*a));
	if (!a)
		return DEIA_ENOMEM;
	a->b = b;
	a->ids = deia__strdup(deia_rows_text(rows, 0, TASK_KEY_IDS));
	a->n = a->ids ? strlen(a->ids) / (ID_LEN + 1) : 0;
	a->copies = deia__alloc((a->n + 1) * sizeof(*a->copies));
	if (a->ids && a->copies) {
		read_next(a);
		return DEIA_OK;
	}
	deia__free(a->ids);
	deia__free(a->copies);
	deia__free(a);
	return DEIA_ENOMEM;
}

static void on_key(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__batch *b = user;

	b->q->n_under_way--;
	if (!err && deia_rows_count(rows) == 0 && b->tasks[0]) {
		b->key_is_new = true;
		deia__batch_go_on(b);
		return;
	}
	if (!err && deia_rows_count(rows) == 0)
		err = deia__tasks_fail(b->q, DEIA_ECONFLICT,
				       "this key has just been forgotten; try "
				       "again");
	deia__batch_drop_tasks(b);
	if (!err)
		err = begin(b, rows);
	if (!err)
		return;
	deia__batch_fail(b, deia__tasks_store_error(b->q, err));
}

deia_err deia__keys_answer(struct deia__batch *b)
{
	struct deia_value key[2] = { deia_text(b->owner), deia_text(b->key) };
	struct deia_page_query page = {
		&deia__table_task_keys, -1, key, 2, NULL, 0, false, 1
	};
	deia_err err = deia_store_page(b->q->store, &page, on_key, b);

	if (!err)
		b->q->n_under_way++;
	return err;
}
