/* SPDX-License-Identifier: MIT */
/*
 * missing.c - what a batch depends on that is not in memory.
 *
 * A task that is open here is in memory; of any other the row is read, one
 * after the other, and it must have succeeded. By the time all were read one
 * that was open may have ended, so when the look comes to its end after a read
 * it goes once through all of them again.
 */
#include <stdio.h>
#include <string.h>

#include "queue/submit.h"

/* ---- what is known ----------------------------------------------------- */

/* One that succeeded, or is of the batch itself. */
struct deia__known {
	UT_hash_handle hh;
	char id[DEIA__UUID_BYTES];
};

static bool is_known(const struct deia__batch *b, const char *id)
{
	struct deia__known *k;

	HASH_FIND_STR(b->known, id, k);
	return k != NULL;
}

deia_err deia__batch_know(struct deia__batch *b, const char *id)
{
	struct deia__known *k = deia__alloc(sizeof(*k));

	if (!k)
		return DEIA_ENOMEM;
	snprintf(k->id, sizeof(k->id), "%s", id);
	HASH_ADD_STR(b->known, id, k);
	if (k->hh.tbl)
		return DEIA_OK;
	deia__free(k);
	return DEIA_ENOMEM;
}

void deia__batch_forget_known(struct deia__batch *b)
{
	struct deia__known *k, *next;

	HASH_ITER(hh, b->known, k, next) {
		HASH_DEL(b->known, k);
		deia__free(k);
	}
}

bool deia__task_is_open_here(const deia_tasks *q, const char *id)
{
	const struct deia__task *t = deia__task_find(q, id);

	return t && !t->loading && !t->foreign &&
	       !deia_task_status_is_final(t->s.status);
}

/* ---- the next one ------------------------------------------------------ */

/* From where the last look stopped up to the end. */
static const char *look_on(struct deia__batch *b)
{
	for (; b->at < b->n; b->at++, b->at_dep = 0) {
		const struct deia__task_spec *s = &b->tasks[b->at]->spec;

		for (; b->at_dep < s->n_depends_on; b->at_dep++) {
			const char *id = s->depends_on[b->at_dep];

			if (!deia__task_is_open_here(b->q, id) &&
			    !is_known(b, id))
				return id;
		}
	}
	return NULL;
}

const char *deia__batch_missing(struct deia__batch *b)
{
	const char *id = look_on(b);

	if (!id && b->looked_in_parts) {
		b->looked_in_parts = false;
		b->at = b->at_dep = 0;
		id = look_on(b);
	}
	if (id)
		b->looked_in_parts = true;
	return id;
}

/* ---- its row ----------------------------------------------------------- */

static deia_err take(struct deia__batch *b, const deia_rows *rows)
{
	int status;

	if (deia_rows_count(rows) == 0)
		return deia__tasks_field(b->q, (int)b->at, "depends_on",
					 "there is no task %s", b->asked);
	status = deia_task_status_parse(deia_rows_text(rows, 0, TASK_STATUS));
	if (status == DEIA_TASK_SUCCEEDED)
		return deia__batch_know(b, b->asked);
	return deia__tasks_field(b->q, (int)b->at, "depends_on",
				 status >= 0 && deia_task_status_is_final((
							deia_task_status)status)
					 ? "task %s ended without success"
					 : "task %s is done by another node",
				 b->asked);
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

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__batch *b = user;

	b->q->n_under_way--;
	if (err)
		deia__tasks_store_error(b->q, err);
	else if (!is_ending_here(b, rows)) /* else it is asked for again */
		err = take(b, rows);
	if (err)
		deia__batch_fail(b, err);
	else
		deia__batch_go_on(b);
}

deia_err deia__batch_read(struct deia__batch *b, const char *id)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query page = deia__task_row(&key);
	deia_err err = deia_store_page(b->q->store, &page, on_row, b);

	snprintf(b->asked, sizeof(b->asked), "%s", id);
	if (!err)
		b->q->n_under_way++;
	return err;
}
