/* SPDX-License-Identifier: MIT */
/* draw.c - the whole picture: head, panes, the line that speaks, the keys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../cli.h"
#include "../utf8.h"
#include "ui.h"

#define TITLES 4    /* of three panes, and of the columns of bots */
#define MOST_ROWS 6 /* of a pane that is not looked at */
#define MIN_ROWS 1
#define BOT_KEYS "S start  X stop  R restart  P pause  L log  s sort  / find"
#define ROOMY 20 /* rows from which there is room for comfort */

/* ---- head ---------------------------------------------------------------- */

static void draw_status(struct frame *f, const struct top_ui *ui,
			const struct top_asker *a)
{
	const struct top_data *d = &a->data;
	char age[24], *right;

	if (!frame_row(f))
		return;
	if (a->lost_ms != 0) {
		span_print(age, (double)(top_now_ms() - a->lost_ms) / 1000);
		frame_put(f, STYLE_BAD, "NO ANSWER");
		frame_putf(f, STYLE_NONE, "  for %s; trying again", age);
	} else if (d->status[0] == '\0') {
		frame_put(f, STYLE_DIM, "asking the hive ...");
	} else {
		frame_put(f, style_of_state(d->status), d->status);
		frame_putf(f, STYLE_NONE, "  score %d", d->score);
		age_print(age, d->since);
		if (d->since[0] != '\0')
			frame_putf(f, STYLE_NONE, ", for %s", age);
	}
	right = must_print("%s  deia %s", ui->url, d->version);
	frame_right(f, STYLE_DIM, right);
	free(right);
}

/* Without a colour: what is too much, the rules say. */
static void draw_ratio(struct frame *f, const char *name, double ratio)
{
	frame_putf(f, STYLE_DIM, "%s ", name);
	if (isnan(ratio))
		frame_put(f, STYLE_NONE, "-   ");
	else
		frame_putf(f, STYLE_NONE, "%.0f %%   ", ratio * 100);
}

static void draw_load(struct frame *f, const struct top_data *d)
{
	if (!frame_row(f))
		return;
	draw_ratio(f, "CPU", d->host_cpu);
	draw_ratio(f, "memory", d->host_memory);
	draw_ratio(f, "deiad: CPU", d->process_cpu);
	frame_put(f, STYLE_DIM, "memory ");
	if (isnan(d->process_memory))
		frame_put(f, STYLE_NONE, "-");
	else
		frame_putf(f, STYLE_NONE, "%.0f MiB",
			   d->process_memory / 1048576);
	frame_put(f, STYLE_DIM, "   delay ");
	if (isnan(d->loop_delay))
		frame_put(f, STYLE_NONE, "-");
	else
		frame_putf(f, STYLE_NONE, "%.1f ms", d->loop_delay * 1000);
}

static void draw_rate(struct frame *f, const char *name, double rate)
{
	frame_putf(f, STYLE_DIM, "   %s ", name);
	if (isnan(rate))
		frame_put(f, STYLE_NONE, "-");
	else
		frame_putf(f, STYLE_NONE, rate < 99.95 ? "%.1f" : "%.0f", rate);
}

static void draw_rates(struct frame *f, const struct top_data *d)
{
	struct top_count rates = top_rates(d);
	char age[24], *up;

	if (!frame_row(f))
		return;
	frame_put(f, STYLE_DIM, "A second:");
	draw_rate(f, "tasks", rates.tasks);
	draw_rate(f, "messages", rates.messages);
	draw_rate(f, "chats", rates.chats);
	span_print(age, d->uptime_seconds);
	up = must_print("up %s", age);
	frame_right(f, STYLE_DIM, up);
	free(up);
}

/* ---- foot ---------------------------------------------------------------- */

static void draw_prompt(struct frame *f, const char *question,
			const char *typed)
{
	size_t room, skip = 0;

	frame_put(f, STYLE_BOLD, question);
	room = frame_left(f);
	/* The end of what is typed stays in sight. */
	while (utf8_columns(typed + skip) + 1 > room && typed[skip] != '\0') {
		skip++;
		while (((unsigned char)typed[skip] & 0xc0) == 0x80)
			skip++;
	}
	frame_put(f, STYLE_NONE, typed + skip);
	f->cursor_row = f->n - 1;
	f->cursor_column = f->rows[f->n - 1].columns;
}

static const char *verb_of(enum top_verb verb)
{
	return verb == TOP_STOP ? "Stop" : "Restart";
}

/* free() it. */
static char *detail_of(const struct top_ui *ui, const struct top_data *d)
{
	size_t at = top_chosen(ui, ui->pane);
	const struct top_bot *b;

	if (at == SIZE_MAX)
		return must_dup("");
	/* Marks begin with ", ". */
	if (ui->pane == PANE_ALERTS && d->alerts[at].marks[0] != '\0')
		return must_print("%s (%s)", d->alerts[at].advice,
				  d->alerts[at].marks + 2);
	if (ui->pane == PANE_ALERTS)
		return must_dup(d->alerts[at].advice);
	if (ui->pane == PANE_QUEUES)
		return must_print(
			"%s%s", d->queues[at].type,
			d->queues[at].paused ? ": paused, its tasks wait" : "");
	b = &d->bots[at];
	return b->why[0] != '\0'
		       ? must_print("%s: %s", b->id, b->why)
		       : must_print("%s, %s: %s", b->id, b->model, b->state);
}

/* What speaks, by what is most urgent: a question, what came of a key, what is
 * wrong; else the chosen row in full. */
static void draw_words(struct frame *f, const struct top_ui *ui,
		       const struct top_asker *a, size_t rows)
{
	char age[24], *detail;

	if (ui->remark[0] != '\0') {
		frame_wrap(f, STYLE_WARN, ui->remark, rows);
	} else if (a->said[0] != '\0') {
		frame_wrap(f, a->said_bad ? STYLE_BAD : STYLE_GOOD, a->said,
			   rows);
	} else if (a->lost_ms != 0) {
		span_print(age, (double)(top_now_ms() - a->lost_ms) / 1000);
		frame_putf(f, STYLE_BAD,
			   "the hive has not answered for %s; trying again",
			   age);
	} else if (a->trouble[0] != '\0') {
		frame_wrap(f, STYLE_BAD, a->trouble, rows);
	} else if (ui->mode == MODE_LOOK) {
		detail = detail_of(ui, &a->data);
		frame_wrap(f, STYLE_NONE, detail, rows);
		free(detail);
	}
}

static void draw_line(struct frame *f, const struct top_ui *ui,
		      const struct top_asker *a, size_t rows)
{
	if (!frame_row(f))
		return;
	if (ui->mode == MODE_FILTER)
		draw_prompt(f, "Bots with: ", ui->typed);
	else if (ui->mode == MODE_REASON)
		draw_prompt(f, "Acknowledge it, because: ", ui->typed);
	else if (ui->mode == MODE_SURE)
		frame_putf(f, STYLE_BOLD, "%s %s? y or n",
			   verb_of(ui->asked.verb), ui->asked.what);
	else
		draw_words(f, ui, a, rows);
}

/* What keys do here; those at the right edge do it everywhere. */
static void draw_keys(struct frame *f, const struct top_ui *ui)
{
	static const char *const of_modes[] = {
		[MODE_FILTER] = "Enter: show these   Esc: as before",
		[MODE_REASON] = "Enter: acknowledge   Esc: leave it",
		[MODE_SURE] = "y: yes   any other key: no",
		[MODE_LOG] = "Up Down PgUp PgDn: move   Esc: back   q: quit",
		[MODE_HELP] = "any key: back   q: quit",
	};
	static const char *const of_panes[N_PANES] = {
		[PANE_BOTS] = BOT_KEYS,
		[PANE_QUEUES] = "P pause or resume",
		[PANE_ALERTS] = "A acknowledge",
	};

	if (!frame_row(f))
		return;
	if (ui->mode != MODE_LOOK) {
		frame_put(f, STYLE_DIM, of_modes[ui->mode]);
		return;
	}
	frame_put(f, STYLE_DIM, of_panes[ui->pane]);
	frame_right(f, STYLE_DIM, "Tab  ? help  q quit");
}

/* ---- all ----------------------------------------------------------------- */

void top_draw_help(struct frame *f)
{
	static const char *const lines[] = {
		"Up Down j k      the row above, below",
		"PgUp PgDn        a page",
		"Home End g G     the first row, the last",
		"Tab              bots, queues, alerts",
		"s                sort bots by something else",
		"/                only bots with this in id, state or model",
		"Esc              show all again",
		"",
		"S                start the bot",
		"X                stop the bot (asks)",
		"R                restart the bot (asks)",
		"P                pause the bot or the type of tasks, or go on",
		"L                the bot's log",
		"A                acknowledge the alert (asks why)",
		"",
		"Space            look now",
		"q                quit",
	};

	top_draw_title(f, true, "Keys", "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!frame_row(f))
			return;
		frame_putf(f, STYLE_NONE, " %s", lines[i]);
	}
}

/* Rows of a pane beside the bots: half of the room when it is looked at. */
static size_t rows_of(const struct top_ui *ui, enum top_pane pane, size_t room)
{
	size_t n = ui->lists[pane].n;
	size_t most = ui->pane == pane ? room / 2 : room / 5;

	if (ui->pane != pane && most > MOST_ROWS)
		most = MOST_ROWS;
	if (most < MIN_ROWS)
		most = MIN_ROWS;
	return n < most ? n : most;
}

static void draw_panes(struct frame *f, struct top_ui *ui,
		       const struct top_data *d, size_t room)
{
	size_t alerts = rows_of(ui, PANE_ALERTS, room);
	size_t queues = rows_of(ui, PANE_QUEUES, room);
	size_t rest = room > alerts + queues ? room - alerts - queues : 1;

	top_draw_alerts(f, ui, d, alerts);
	top_draw_queues(f, ui, d, queues);
	top_draw_bots(f, ui, d, rest);
}

/* Everything, as long as it is. */
static void draw_long(struct frame *f, struct top_ui *ui,
		      const struct top_data *d)
{
	frame_row(f);
	top_draw_alerts(f, ui, d, ui->lists[PANE_ALERTS].n);
	frame_row(f);
	top_draw_queues(f, ui, d, ui->lists[PANE_QUEUES].n);
	frame_row(f);
	top_draw_bots(f, ui, d, ui->lists[PANE_BOTS].n);
}

void top_draw(struct frame *f, struct top_ui *ui, const struct top_asker *a)
{
	const struct top_data *d = &a->data;
	size_t body, height = f->height, words = height >= ROOMY ? 2 : 1;
	size_t foot = words + 1;

	top_sort_lists(ui, d);
	draw_status(f, ui, a);
	draw_load(f, d);
	draw_rates(f, d);
	if (ui->once) {
		draw_long(f, ui, d);
		return;
	}
	if (height >= ROOMY)
		frame_row(f);
	body = height > f->n + foot ? height - foot : f->n;
	f->height = body;
	if (ui->mode == MODE_HELP)
		top_draw_help(f);
	else if (ui->mode == MODE_LOG)
		top_draw_log(f, ui, d, body > f->n + 1 ? body - f->n - 1 : 1);
	else
		draw_panes(f, ui, d,
			   body > f->n + TITLES ? body - f->n - TITLES : 1);
	frame_down_to(f, body);
	f->height = height;
	draw_line(f, ui, a, words);
	frame_down_to(f, body + words);
	draw_keys(f, ui);
}
