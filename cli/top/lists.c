/* SPDX-License-Identifier: MIT */
/* lists.c - which rows are shown, in what order, and which one is chosen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../mem.h"
#include "ui.h"

void top_ui_free(struct top_ui *ui)
{
	for (int i = 0; i < N_PANES; i++)
		free(ui->lists[i].order);
}

/* ---- order of bots ------------------------------------------------------ */

static double or_least(double v)
{
	return isnan(v) ? -1 : v;
}

static double weight(const struct top_bot *b, enum top_sort sort)
{
	switch (sort) {
	case SORT_TROUBLE:
		return TOP_STATES - (double)top_state_rank(b->state);
	case SORT_WORK:
		return (double)b->running + (double)b->waiting;
	case SORT_CPU:
		return or_least(b->cpu_ratio);
	case SORT_MEMORY:
		return or_least(b->memory_bytes);
	case SORT_RESTARTS:
		return b->restarts;
	default:
		return 0;
	}
}

struct order_by {
	const struct top_data *data;
	enum top_sort sort;
};

/* The heaviest first; bots are kept by id, so equal ones come in that order. */
static int compare(const void *a, const void *b, void *user)
{
	const struct order_by *by = user;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	double p = weight(&by->data->bots[x], by->sort);
	double q = weight(&by->data->bots[y], by->sort);

	return p != q ? (p < q ? 1 : -1) : (x > y) - (x < y);
}

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[N_SORTS] = {
		[SORT_TROUBLE] = "trouble first",
		[SORT_ID] = "by id",
		[SORT_WORK] = "most work first",
		[SORT_CPU] = "by CPU",
		[SORT_MEMORY] = "by memory",
		[SORT_RESTARTS] = "by restarts",
	};

	return names[sort];
}

/* ---- what is shown ------------------------------------------------------- */

static void push(struct top_list *l, size_t index)
{
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->order = must_realloc(l->order, l->cap * sizeof(size_t));
	}
	l->order[l->n++] = index;
}

static bool is_wanted(const struct top_bot *b, const char *filter)
{
	return *filter == '\0' || strcasestr(b->id, filter) != NULL ||
	       strcasestr(b->state, filter) != NULL ||
	       strcasestr(b->model, filter) != NULL;
}

static void list_bots(struct top_ui *ui, const struct top_data *d)
{
	struct order_by by = { d, ui->sort };
	struct top_list *l = &ui->lists[PANE_BOTS];
	const char *filter = ui->mode == MODE_FILTER ? ui->typed : ui->filter;

	l->n = 0;
	for (size_t i = 0; i < d->n_bots; i++) {
		if (is_wanted(&d->bots[i], filter))
			push(l, i);
	}
	if (l->n > 0)
		qsort_r(l->order, l->n, sizeof(size_t), compare, &by);
}

/* Types of which nothing waits, runs or is held up only where all are looked
 * at. */
static void list_queues(struct top_ui *ui, const struct top_data *d)
{
	struct top_list *l = &ui->lists[PANE_QUEUES];
	bool all = ui->pane == PANE_QUEUES || ui->once;

	l->n = 0;
	for (int idle = 0; idle <= (all ? 1 : 0); idle++) {
		for (size_t i = 0; i < d->n_queues; i++) {
			const struct top_queue *q = &d->queues[i];
			bool is_idle = q->waiting == 0 && q->running == 0 &&
				       !q->paused;

			if (is_idle == (idle == 1))
				push(l, i);
		}
	}
}

static void list_alerts(struct top_ui *ui, const struct top_data *d)
{
	struct top_list *l = &ui->lists[PANE_ALERTS];

	l->n = 0;
	for (size_t i = 0; i < d->n_alerts; i++)
		push(l, i);
}

const char *top_name_at(const struct top_ui *ui, const struct top_data *d,
			enum top_pane pane, size_t at)
{
	size_t index = ui->lists[pane].order[at];

	return pane == PANE_BOTS     ? d->bots[index].id
	       : pane == PANE_QUEUES ? d->queues[index].type
				     : d->alerts[index].id;
}

/* Where the chosen one is now; when it is gone, what is in its place. */
static void find_chosen(struct top_ui *ui, const struct top_data *d,
			enum top_pane pane)
{
	struct top_list *l = &ui->lists[pane];

	if (l->n == 0) {
		l->at = 0;
		return;
	}
	if (l->at >= l->n)
		l->at = l->n - 1;
	if (l->name[0] == '\0')
		return;
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(top_name_at(ui, d, pane, i), l->name) == 0) {
			l->at = i;
			return;
		}
	}
}

void top_sort_lists(struct top_ui *ui, const struct top_data *d)
{
	list_bots(ui, d);
	list_queues(ui, d);
	list_alerts(ui, d);
	for (int i = 0; i < N_PANES; i++)
		find_chosen(ui, d, (enum top_pane)i);
}

size_t top_chosen(const struct top_ui *ui, enum top_pane pane)
{
	const struct top_list *l = &ui->lists[pane];

	return l->n > 0 ? l->order[l->at] : SIZE_MAX;
}

void top_move(struct top_ui *ui, const struct top_data *d, long by)
{
	struct top_list *l = &ui->lists[ui->pane];

	if (l->n == 0)
		return;
	if (by < 0 && (size_t)-by > l->at)
		l->at = 0;
	else if (by > 0 && (size_t)by >= l->n - l->at)
		l->at = l->n - 1;
	else
		l->at = (size_t)((long)l->at + by);
	top_keep(l->name, sizeof(l->name), top_name_at(ui, d, ui->pane, l->at));
}

void top_scroll(struct top_list *l, size_t rows)
{
	l->rows = rows;
	if (l->first + rows > l->n)
		l->first = l->n > rows ? l->n - rows : 0;
	if (l->at < l->first)
		l->first = l->at;
	if (rows > 0 && l->at >= l->first + rows)
		l->first = l->at - rows + 1;
}
