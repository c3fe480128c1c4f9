/* SPDX-License-Identifier: MIT */
/* panes.c - draws alerts, queues, bots and a bot's log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli.h"
#include "../utf8.h"
#include "ui.h"

#define MIN_ID 8
#define WIDE 110 /* columns from which model and reason are apart */

void top_draw_title(struct frame *f, bool focused, const char *title,
		    const char *more)
{
	if (!frame_row(f))
		return;
	frame_put(f, focused ? STYLE_BOLD : STYLE_NONE, title);
	if (*more != '\0')
		frame_putf(f, STYLE_DIM, "  (%s)", more);
	frame_put(f, STYLE_NONE, " ");
	frame_rule(f, STYLE_DIM);
}

/* Begins the row of that place; false: there is none. */
static bool row_at(struct frame *f, const struct top_ui *ui, enum top_pane pane,
		   size_t i)
{
	const struct top_list *l = &ui->lists[pane];

	if (i >= l->n || !frame_row(f))
		return false;
	f->rows[f->n - 1].chosen = !ui->once && ui->pane == pane &&
				   i == l->at && ui->mode != MODE_HELP;
	frame_put(f, STYLE_NONE, " ");
	return true;
}

/* Of how many the rows on the screen are. */
static char *part_of(const struct top_list *l)
{
	size_t last = l->first + l->rows < l->n ? l->first + l->rows : l->n;

	return l->n > l->rows
		       ? must_print("%zu-%zu of %zu", l->first + 1, last, l->n)
		       : must_dup("");
}

/* ---- alerts -------------------------------------------------------------- */

static void draw_alert(struct frame *f, const struct top_alert *a)
{
	char age[24];
	bool seen = strcmp(a->state, "firing") != 0;

	age_print(age, a->fired_at);
	frame_cell(f, seen ? STYLE_DIM : style_of_state(a->level), 9, a->level);
	frame_cell(f, STYLE_NONE, -7, age);
	frame_put(f, STYLE_NONE, "  ");
	if (seen)
		frame_putf(f, STYLE_DIM, "(%s) ", a->state);
	frame_put(f, seen ? STYLE_DIM : STYLE_NONE, a->summary);
}

void top_draw_alerts(struct frame *f, struct top_ui *ui,
		     const struct top_data *d, size_t rows)
{
	struct top_list *l = &ui->lists[PANE_ALERTS];
	char *part, *title;

	top_scroll(l, rows);
	part = part_of(l);
	title = d->n_firing > 0 || l->n > 0
			? must_print("Alerts %u", d->n_firing > l->n
							  ? d->n_firing
							  : (unsigned)l->n)
			: must_dup("No alerts");
	top_draw_title(f, ui->pane == PANE_ALERTS, title, part);
	for (size_t i = l->first;
	     i < l->first + rows && row_at(f, ui, PANE_ALERTS, i); i++)
		draw_alert(f, &d->alerts[l->order[i]]);
	free(title);
	free(part);
}

/* ---- queues -------------------------------------------------------------- */

static void draw_queue(struct frame *f, const struct top_queue *q)
{
	char age[24], text[48];

	frame_cell(f, STYLE_NONE, 17, q->type);
	snprintf(text, sizeof(text), "%u wait", q->waiting);
	frame_cell(f, q->waiting > 0 ? STYLE_NONE : STYLE_DIM, 12, text);
	snprintf(text, sizeof(text), "%u run", q->running);
	frame_cell(f, q->running > 0 ? STYLE_NONE : STYLE_DIM, 11, text);
	if (q->oldest_at[0] != '\0') {
		age_print(age, q->oldest_at);
		snprintf(text, sizeof(text), "oldest %s", age);
		frame_cell(f, STYLE_NONE, 15, text);
	}
	if (q->paused)
		frame_put(f, STYLE_WARN, "paused");
}

void top_draw_queues(struct frame *f, struct top_ui *ui,
		     const struct top_data *d, size_t rows)
{
	struct top_list *l = &ui->lists[PANE_QUEUES];
	unsigned waiting = 0, running = 0;
	char *title, *part;

	for (size_t i = 0; i < d->n_queues; i++) {
		waiting += d->queues[i].waiting;
		running += d->queues[i].running;
	}
	top_scroll(l, rows);
	part = part_of(l);
	title = must_print("Queues  %u wait, %u run", waiting, running);
	top_draw_title(f, ui->pane == PANE_QUEUES, title, part);
	for (size_t i = l->first;
	     i < l->first + rows && row_at(f, ui, PANE_QUEUES, i); i++)
		draw_queue(f, &d->queues[l->order[i]]);
	free(part);
	free(title);
}

/* ---- bots ---------------------------------------------------------------- */

static void ratio_print(char out[static 16], double ratio)
{
	if (isnan(ratio))
		snprintf(out, 16, "-");
	else
		snprintf(out, 16, "%.0f %%", ratio * 100);
}

static void bytes_print(char out[static 16], double bytes)
{
	if (isnan(bytes))
		snprintf(out, 16, "-");
	else if (bytes < 1023.5 * 1048576)
		snprintf(out, 16, "%.0f MiB", bytes / 1048576);
	else
		snprintf(out, 16, "%.1f GiB", bytes / 1073741824);
}

static void cell_run(char *out, size_t size, const struct top_bot *b)
{
	snprintf(out, size, "%u/%u", b->running, b->most);
}

static void cell_wait(char *out, size_t size, const struct top_bot *b)
{
	snprintf(out, size, "%u", b->waiting);
}

static void cell_mail(char *out, size_t size, const struct top_bot *b)
{
	snprintf(out, size, "%u", b->unread);
}

static void cell_restarts(char *out, size_t size, const struct top_bot *b)
{
	snprintf(out, size, "%u", b->restarts);
}

static void cell_cpu(char *out, size_t size, const struct top_bot *b)
{
	char text[16];

	ratio_print(text, b->cpu_ratio);
	snprintf(out, size, "%s", text);
}

static void cell_memory(char *out, size_t size, const struct top_bot *b)
{
	char text[16];

	bytes_print(text, b->memory_bytes);
	snprintf(out, size, "%s", text);
}

/* Numbers between state and reason, where the screen is wide enough. */
static const struct {
	const char *title;
	int columns;
	size_t from_width;
	void (*print)(char *out, size_t size, const struct top_bot *b);
} numbers[] = {
	{ "RUN", 6, 0, cell_run },    { "WAIT", 5, 40, cell_wait },
	{ "MAIL", 5, 76, cell_mail }, { "RST", 4, 76, cell_restarts },
	{ "CPU", 6, 60, cell_cpu },   { "MEMORY", 9, 60, cell_memory },
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static bool is_wide(const struct frame *f)
{
	return f->width == 0 || f->width >= WIDE;
}

static void head_of_bots(struct frame *f, int id)
{
	if (!frame_row(f))
		return;
	frame_put(f, STYLE_NONE, " ");
	frame_cell(f, STYLE_DIM, id + 1, "ID");
	frame_cell(f, STYLE_DIM, 8, "STATE");
	for (size_t i = 0; i < N_NUMBERS; i++) {
		if (f->width == 0 || f->width >= numbers[i].from_width)
			frame_cell(f, STYLE_DIM, -numbers[i].columns,
				   numbers[i].title);
	}
	frame_put(f, STYLE_DIM,
		  is_wide(f) ? "  MODEL             WHY" : "  MODEL OR WHY");
}

static void draw_bot(struct frame *f, const struct top_bot *b, int id)
{
	char text[32];

	frame_cell(f, STYLE_NONE, id, b->id);
	frame_put(f, STYLE_NONE, " ");
	frame_cell(f, style_of_state(b->state), 8, b->state);
	for (size_t i = 0; i < N_NUMBERS; i++) {
		if (f->width > 0 && f->width < numbers[i].from_width)
			continue;
		numbers[i].print(text, sizeof(text), b);
		frame_cell(f, STYLE_NONE, -numbers[i].columns, text);
	}
	frame_put(f, STYLE_NONE, "  ");
	if (is_wide(f)) {
		frame_cell(f, STYLE_NONE, 17, b->model);
		frame_put(f, STYLE_NONE, " ");
		frame_put(f, STYLE_NONE, b->why);
	} else if (b->why[0] != '\0') {
		frame_put(f, STYLE_NONE, b->why);
	} else {
		frame_put(f, STYLE_DIM, b->model);
	}
}

/* As wide as the widest id on the screen, but no more than a quarter. */
static int id_columns(const struct frame *f, const struct top_data *d,
		      const struct top_list *l, size_t rows)
{
	size_t most = f->width > 0 ? f->width / 4 : 64, id = MIN_ID;

	for (size_t i = l->first; i < l->n && i < l->first + rows; i++) {
		size_t columns = utf8_columns(d->bots[l->order[i]].id);

		if (columns > id)
			id = columns;
	}
	return (int)(id < most || most < MIN_ID ? id : most);
}

/* "Bots 12: 1 failed, 11 ready" */
static char *title_of_bots(const struct top_data *d)
{
	struct text t = { 0 };
	const char *gap = ": ";

	text_addf(&t, "Bots %u", d->n_total);
	for (size_t i = 0; i < TOP_STATES; i++) {
		if (d->n_in_state[i] == 0)
			continue;
		text_addf(&t, "%s%u %s", gap, d->n_in_state[i], top_states[i]);
		gap = ", ";
	}
	return t.data;
}

static char *more_of_bots(const struct top_ui *ui, const struct top_data *d)
{
	const struct top_list *l = &ui->lists[PANE_BOTS];
	struct text t = { 0 };
	char *part = part_of(l);

	text_adds(&t, top_sort_name(ui->sort));
	if (ui->filter[0] != '\0' && ui->mode != MODE_FILTER)
		text_addf(&t, ", with \"%s\"", ui->filter);
	if (*part != '\0')
		text_addf(&t, ", %s", part);
	if (d->n_bots == TOP_MAX_BOTS)
		text_adds(&t, ", not all");
	else if (!d->all_seen && d->n_bots < d->n_total)
		text_adds(&t, *part != '\0' ? " so far" : ", not all yet");
	free(part);
	return t.data;
}

void top_draw_bots(struct frame *f, struct top_ui *ui, const struct top_data *d,
		   size_t rows)
{
	struct top_list *l = &ui->lists[PANE_BOTS];
	char *title, *more;
	int id;

	top_scroll(l, rows);
	id = id_columns(f, d, l, rows);
	title = title_of_bots(d);
	more = more_of_bots(ui, d);
	top_draw_title(f, ui->pane == PANE_BOTS, title, more);
	free(more);
	free(title);
	head_of_bots(f, id);
	if (l->n == 0 && d->n_bots > 0 && frame_row(f))
		frame_put(f, STYLE_DIM, " no bot is like that; Esc shows all");
	else if (l->n == 0 && d->all_seen && frame_row(f))
		frame_put(f, STYLE_DIM,
			  " none yet; `deia bot launch` makes one");
	for (size_t i = l->first;
	     i < l->first + rows && row_at(f, ui, PANE_BOTS, i); i++)
		draw_bot(f, &d->bots[l->order[i]], id);
}

/* ---- a log --------------------------------------------------------------- */

void top_draw_log(struct frame *f, struct top_ui *ui, const struct top_data *d,
		  size_t rows)
{
	const struct top_log *log = &d->log;
	char *title = must_print("Log of %s", ui->asked.what);
	bool is_here = strcmp(log->bot, ui->asked.what) == 0;
	size_t n = is_here ? log->n : 0, up;

	top_draw_title(f, true, title, "the last 200 lines");
	free(title);
	if (ui->log_up + rows > n)
		ui->log_up = n > rows ? n - rows : 0;
	up = ui->log_up;
	if (n == 0 && frame_row(f))
		frame_put(f, STYLE_DIM,
			  is_here ? " nothing yet" : " it is asked for");
	for (size_t i = n > rows + up ? n - rows - up : 0;
	     i < n - (up < n ? up : n) && frame_row(f); i++) {
		frame_put(f, STYLE_NONE, " ");
		frame_put(f, STYLE_NONE, log->lines[i]);
	}
}
