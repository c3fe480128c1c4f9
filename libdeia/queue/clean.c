/* SPDX-License-Identifier: MIT */
/* clean.c - finished tasks and keys that are too old, in small steps. */
#include <string.h>

#include "queue/queue.h"

#define STEP 100	/* tasks in one transaction */
#define STEP_MS 50	/* between two of them */
#define REST_MS 3600000 /* when nothing is left */
#define DAY_MS 86400000LL

static void again(deia_tasks *q, int64_t delay_ms)
{
	if (!q->stopped)
		(void)!deia__timer_set(q->timers, &q->clean_timer, delay_ms);
}

/* Of all nodes' tasks only those are counted that had ended at the start. */
static void forget(uint64_t *count, unsigned n)
{
	*count -= *count > n ? n : *count;
}

static void on_deleted(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	deia_tasks *q = user;

	(void)seqs;
	(void)n;
	q->n_under_way--;
	for (int i = 0; i < DEIA_TASK_STATUSES && !err; i++)
		forget(&q->status.by_status[i], q->deleting[i]);
	again(q, err ? REST_MS : STEP_MS);
}

/* False: somebody does something to it just now, perhaps a retry. */
static bool delete_row(deia_tasks *q, deia_txn *txn, const deia_rows *rows,
		       size_t r)
{
	struct deia_value id = *deia_rows_get(rows, r, TASK_ID);
	int status =
		deia_task_status_parse(deia_rows_text(rows, r, TASK_STATUS));

	if (deia__task_find(q, deia_rows_text(rows, r, TASK_ID)))
		return false;
	deia_txn_delete(txn, &deia__table_tasks, &id);
	deia_txn_delete_where(txn, &deia__table_task_texts, -1, &id, 1, NULL);
	if (status >= 0)
		q->deleting[status]++;
	return true;
}

static void on_old(deia_err err, const deia_rows *rows, void *user)
{
	deia_tasks *q = user;
	size_t n = err ? 0 : deia_rows_count(rows), deleted = 0;
	int64_t limit =
		deia__tasks_wall(q) - (int64_t)q->opts.retention_days * DAY_MS;
	deia_txn *txn;

	q->n_under_way--;
	if (n == 0 || q->stopped) {
		again(q, REST_MS);
		return;
	}
	txn = deia_txn_new(q->store);
	memset(q->deleting, 0, sizeof(q->deleting));
	for (size_t r = 0; r < n; r++) {
		if (deia_rows_get(rows, r, TASK_FINISHED)->i > limit)
			break;
		deleted += delete_row(q, txn, rows, r);
	}
	if (deleted == 0) {
		deia_txn_free(txn);
		again(q, REST_MS);
		return;
	}
	q->n_under_way++;
	if (deia_txn_commit(txn, on_deleted, q))
		on_deleted(DEIA_EBUSY, NULL, 0, q);
}

static void clean_keys(deia_tasks *q)
{
	struct deia_value upto = deia_int(deia__tasks_wall(q) -
					  (int64_t)DEIA__KEY_HOURS * 3600000);
	deia_txn *txn = deia_txn_new(q->store);

	deia_txn_delete_where(txn, &deia__table_task_keys, TASK_KEY_BY_TIME,
			      NULL, 0, &upto);
	/* It comes again within the hour. */
	(void)!deia_txn_commit(txn, NULL, NULL);
}

void deia__clean_run(void *arg)
{
	deia_tasks *q = arg;
	struct deia_value finished = deia_int(1);
	struct deia_page_query page = { &deia__table_tasks,
					TASK_BY_PHASE,
					&finished,
					1,
					NULL,
					0,
					false,
					STEP };

	clean_keys(q);
	if (q->opts.retention_days == 0) {
		again(q, REST_MS);
		return;
	}
	if (deia_store_page(q->store, &page, on_old, q))
		again(q, REST_MS);
	else
		q->n_under_way++;
}
