/* SPDX-License-Identifier: MIT */
/*
 * ui.h - what the person at `deia top` looks at, and is asked for.
 *
 * Selections are kept by name, so that what is acted on does not change when
 * the order does. All of it belongs to the thread of the screen.
 */
#ifndef CLI_TOP_UI_H
#define CLI_TOP_UI_H

#include "asker.h"
#include "frame.h"

enum top_pane { PANE_BOTS, PANE_QUEUES, PANE_ALERTS, N_PANES };
enum top_mode {
	MODE_LOOK,
	MODE_FILTER, /* types what names of bots hold */
	MODE_SURE,   /* is asked y or n */
	MODE_REASON, /* types why an alert is acknowledged */
	MODE_LOG,
	MODE_HELP
};
enum top_sort {
	SORT_TROUBLE,
	SORT_ID,
	SORT_WORK,
	SORT_CPU,
	SORT_MEMORY,
	SORT_RESTARTS,
	N_SORTS
};

/* Rows of a pane: which there are, which is chosen, which are on the screen. */
struct top_list {
	size_t *order; /* indexes into the data */
	size_t n, cap;
	size_t at, first, rows;
	char name[72]; /* of the chosen one; "": the first */
};

struct top_ui {
	const char *url;
	bool once; /* one picture of all there is, without keys */
	enum top_pane pane;
	enum top_mode mode;
	enum top_sort sort;
	struct top_list lists[N_PANES];
	char filter[64];
	char typed[256];      /* in MODE_FILTER and MODE_REASON */
	struct top_act asked; /* in MODE_SURE and MODE_REASON */
	char remark[160];     /* of this program about a key, or "" */
	size_t log_up;	      /* lines above the end of the log */
	bool quit;
};

void top_ui_free(struct top_ui *ui);

/* ---- lists.c: under the asker's lock ------------------------------------ */

/* What is shown of the data, in what order, and where the chosen ones are. */
void top_sort_lists(struct top_ui *ui, const struct top_data *d);
/* The name of the row at that place of a list. */
const char *top_name_at(const struct top_ui *ui, const struct top_data *d,
			enum top_pane pane, size_t at);
/* Index of the chosen one into the data; SIZE_MAX: none. */
size_t top_chosen(const struct top_ui *ui, enum top_pane pane);
/* Chooses the row so many further down, or up. */
void top_move(struct top_ui *ui, const struct top_data *d, long by);
/* The first row that is shown, so that the chosen one is among them. */
void top_scroll(struct top_list *l, size_t rows);
const char *top_sort_name(enum top_sort sort);

/* ---- draw.c, panes.c: under the asker's lock ---------------------------- */

void top_draw(struct frame *f, struct top_ui *ui, const struct top_asker *a);
void top_draw_alerts(struct frame *f, struct top_ui *ui,
		     const struct top_data *d, size_t rows);
void top_draw_queues(struct frame *f, struct top_ui *ui,
		     const struct top_data *d, size_t rows);
void top_draw_bots(struct frame *f, struct top_ui *ui, const struct top_data *d,
		   size_t rows);
void top_draw_log(struct frame *f, struct top_ui *ui, const struct top_data *d,
		  size_t rows);
void top_draw_help(struct frame *f);
/* The title of a part, with a rule behind it. */
void top_draw_title(struct frame *f, bool focused, const char *title,
		    const char *more);

/* ---- keys.c: under the asker's lock -------------------------------------- */

/* A key: a character, or one of those below. */
enum top_key {
	KEYS_BEGIN = 0x110000, /* above all characters */
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_ERASE,
	TOP_KEY_TAB,
	TOP_KEY_BACK_TAB
};
void top_take_key(struct top_ui *ui, struct top_asker *a, uint32_t key);

#endif
