/* SPDX-License-Identifier: MIT */
/* keys.c - what a key does; what is done to the hive, the asker does. */
#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "ui.h"

#define PAGE(ui) ((long)((ui)->lists[(ui)->pane].rows))

static void ask_for(struct top_ui *ui, struct top_asker *a)
{
	a->said[0] = '\0';
	if (!top_ask_for(a, &ui->asked))
		top_keep(ui->remark, sizeof(ui->remark),
			 "the hive has not answered what it was asked before; "
			 "try again in a moment");
}

static void remark(struct top_ui *ui, const char *text)
{
	top_keep(ui->remark, sizeof(ui->remark), text);
}

/* ---- moving -------------------------------------------------------------- */

static bool move(struct top_ui *ui, const struct top_data *d, uint32_t key)
{
	long by;

	switch (key) {
	case 'k':
	case TOP_KEY_UP:
		by = -1;
		break;
	case 'j':
	case TOP_KEY_DOWN:
		by = 1;
		break;
	case TOP_KEY_PAGE_UP:
		by = -PAGE(ui);
		break;
	case TOP_KEY_PAGE_DOWN:
		by = PAGE(ui);
		break;
	case 'g':
	case TOP_KEY_HOME:
		by = -TOP_MAX_BOTS;
		break;
	case 'G':
	case TOP_KEY_END:
		by = TOP_MAX_BOTS;
		break;
	default:
		return false;
	}
	top_move(ui, d, by);
	return true;
}

/* ---- acts ---------------------------------------------------------------- */

static const struct {
	char key;
	enum top_verb verb;
	bool asks;
} acts[] = {
	{ 'S', TOP_START, false },
	{ 'X', TOP_STOP, true },
	{ 'R', TOP_RESTART, true },
};

static void choose(struct top_ui *ui, const char *name, enum top_verb verb)
{
	ui->asked = (struct top_act){ .verb = verb };
	top_keep(ui->asked.what, sizeof(ui->asked.what), name);
	/* From now on it is meant, wherever it moves. */
	top_keep(ui->lists[ui->pane].name, sizeof(ui->lists[ui->pane].name),
		 name);
}

static bool act_on_bot(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	const struct top_bot *b = &a->data.bots[top_chosen(ui, PANE_BOTS)];

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if ((uint32_t)acts[i].key != key)
			continue;
		choose(ui, b->id, acts[i].verb);
		if (acts[i].asks)
			ui->mode = MODE_SURE;
		else
			ask_for(ui, a);
		return true;
	}
	if (key == 'P') {
		choose(ui, b->id,
		       strcmp(b->state, "paused") == 0 ? TOP_RESUME
						       : TOP_PAUSE);
		ask_for(ui, a);
	} else if (key == 'L') {
		choose(ui, b->id, TOP_START);
		ui->mode = MODE_LOG;
		ui->log_up = 0;
		top_want_log(a, b->id);
	}
	return key == 'P' || key == 'L';
}

static bool act_on_queue(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	const struct top_queue *q =
		&a->data.queues[top_chosen(ui, PANE_QUEUES)];

	if (key != 'P')
		return false;
	choose(ui, q->type, q->paused ? TOP_RESUME_QUEUE : TOP_PAUSE_QUEUE);
	ask_for(ui, a);
	return true;
}

static bool act_on_alert(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	const struct top_alert *alert =
		&a->data.alerts[top_chosen(ui, PANE_ALERTS)];

	if (key != 'A')
		return false;
	choose(ui, alert->id, TOP_ACKNOWLEDGE);
	ui->typed[0] = '\0';
	ui->mode = MODE_REASON;
	return true;
}

static bool act(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	if (top_chosen(ui, ui->pane) == SIZE_MAX)
		return false;
	switch (ui->pane) {
	case PANE_BOTS:
		return act_on_bot(ui, a, key);
	case PANE_QUEUES:
		return act_on_queue(ui, a, key);
	default:
		return act_on_alert(ui, a, key);
	}
}

/* A key of another pane, or of a pane with nothing in it. */
static void explain_key(struct top_ui *ui, uint32_t key)
{
	if (key == 'A')
		remark(ui, ui->pane == PANE_ALERTS
				   ? "no alert fires"
				   : "choose an alert first: Tab goes there");
	else if (key < 0x80 && strchr("SXRLP", (int)key) != NULL && key != 0)
		remark(ui, ui->pane == PANE_BOTS
				   ? "there is no bot to choose"
				   : "choose a bot first: Tab goes there");
	else
		remark(ui, "that key does nothing here; ? shows the keys");
}

/* ---- modes --------------------------------------------------------------- */

static void look_key(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	if (move(ui, &a->data, key) || act(ui, a, key))
		return;
	switch (key) {
	case 'q':
		ui->quit = true;
		break;
	case TOP_KEY_TAB:
		ui->pane = (enum top_pane)((ui->pane + 1) % N_PANES);
		break;
	case TOP_KEY_BACK_TAB:
		ui->pane = (enum top_pane)((ui->pane + N_PANES - 1) % N_PANES);
		break;
	case 's':
		ui->sort = (enum top_sort)((ui->sort + 1) % N_SORTS);
		break;
	case '/':
		ui->pane = PANE_BOTS;
		ui->mode = MODE_FILTER;
		top_keep(ui->typed, sizeof(ui->typed), ui->filter);
		break;
	case TOP_KEY_ESCAPE:
		ui->filter[0] = '\0';
		break;
	case '?':
	case 'h':
		ui->mode = MODE_HELP;
		break;
	case ' ':
		a->hurry = true;
		pthread_cond_signal(&a->changed);
		break;
	default:
		explain_key(ui, key);
		break;
	}
}

static void erase_last(char *typed)
{
	size_t n = strlen(typed);

	while (n > 0 && ((unsigned char)typed[n - 1] & 0xc0) == 0x80)
		n--;
	typed[n > 0 ? n - 1 : 0] = '\0';
}

static void type(char *typed, size_t size, uint32_t key)
{
	char add[5] = { 0 };
	char *both;

	if (key < 0x80)
		add[0] = (char)key;
	else if (key < 0x800)
		memcpy(add,
		       (char[]){ (char)(0xc0 | key >> 6),
				 (char)(0x80 | (key & 0x3f)) },
		       2);
	else if (key < 0x10000)
		memcpy(add,
		       (char[]){ (char)(0xe0 | key >> 12),
				 (char)(0x80 | (key >> 6 & 0x3f)),
				 (char)(0x80 | (key & 0x3f)) },
		       3);
	else
		memcpy(add,
		       (char[]){ (char)(0xf0 | key >> 18),
				 (char)(0x80 | (key >> 12 & 0x3f)),
				 (char)(0x80 | (key >> 6 & 0x3f)),
				 (char)(0x80 | (key & 0x3f)) },
		       4);
	if (strlen(typed) + strlen(add) >= size)
		return;
	both = must_print("%s%s", typed, add);
	top_keep(typed, size, both);
	free(both);
}

static void typing_key(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	bool filter = ui->mode == MODE_FILTER;

	if (key == TOP_KEY_ERASE) {
		erase_last(ui->typed);
	} else if (key == TOP_KEY_ESCAPE) {
		ui->mode = MODE_LOOK;
	} else if (key == TOP_KEY_ENTER) {
		ui->mode = MODE_LOOK;
		if (filter) {
			top_keep(ui->filter, sizeof(ui->filter), ui->typed);
			return;
		}
		top_keep(ui->asked.reason, sizeof(ui->asked.reason), ui->typed);
		ask_for(ui, a);
	} else if (key >= ' ' && key < KEYS_BEGIN) {
		type(ui->typed, filter ? sizeof(ui->filter) : sizeof(ui->typed),
		     key);
	}
}

static void log_key(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	switch (key) {
	case 'k':
	case TOP_KEY_UP:
		ui->log_up++;
		break;
	case 'j':
	case TOP_KEY_DOWN:
		ui->log_up -= ui->log_up > 0;
		break;
	case TOP_KEY_PAGE_UP:
		ui->log_up += 10;
		break;
	case TOP_KEY_PAGE_DOWN:
		ui->log_up -= ui->log_up > 10 ? 10 : ui->log_up;
		break;
	case 'q':
		ui->quit = true;
		break;
	default:
		ui->mode = MODE_LOOK;
		top_want_log(a, "");
		break;
	}
}

void top_take_key(struct top_ui *ui, struct top_asker *a, uint32_t key)
{
	ui->remark[0] = '\0';
	top_sort_lists(ui, &a->data);
	switch (ui->mode) {
	case MODE_FILTER:
	case MODE_REASON:
		typing_key(ui, a, key);
		break;
	case MODE_SURE:
		ui->mode = MODE_LOOK;
		if (key == 'y' || key == 'Y')
			ask_for(ui, a);
		else
			remark(ui, "left as it is");
		break;
	case MODE_LOG:
		log_key(ui, a, key);
		break;
	case MODE_HELP:
		ui->mode = MODE_LOOK;
		ui->quit = key == 'q';
		break;
	default:
		a->said[0] = '\0';
		look_key(ui, a, key);
		break;
	}
}
