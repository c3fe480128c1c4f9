/* SPDX-License-Identifier: MIT */
/*
 * screen.c - see screen.h; the only file that knows ncurses.
 *
 * ncurses installs handlers of its own for SIGINT, SIGTERM, SIGTSTP and
 * SIGWINCH only where there are none: cmd_top.c has its own before.
 */
#define _XOPEN_SOURCE_EXTENDED 1
#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "../mem.h"
#include "screen.h"
#include "ui.h"

#define ESCAPE_MS 25 /* behind an escape that is a key of its own */

static SCREEN *screen; /* NULL: the terminal is not taken over */
static bool colours;

static attr_t attribute_of(enum style style)
{
	switch (style) {
	case STYLE_BOLD:
		return A_BOLD;
	case STYLE_DIM:
		return A_DIM;
	case STYLE_GOOD:
		return colours ? COLOR_PAIR(1) : A_NORMAL;
	case STYLE_WARN:
		return colours ? COLOR_PAIR(2) | A_BOLD : A_BOLD;
	case STYLE_BAD:
		return colours ? COLOR_PAIR(3) | A_BOLD : A_BOLD;
	default:
		return A_NORMAL;
	}
}

static void begin_colours(bool wanted)
{
	colours = wanted && has_colors() && start_color() == OK;
	if (!colours)
		return;
	use_default_colors();
	init_pair(1, COLOR_GREEN, -1);
	init_pair(2, COLOR_YELLOW, -1);
	init_pair(3, COLOR_RED, -1);
}

bool screen_is_built(void)
{
	return true;
}

bool screen_open(bool colour, char **message)
{
	static bool at_exit;
	const char *term = getenv("TERM");

	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		*message = must_print("a terminal of the kind '%s' is not "
				      "known here (TERM)",
				      term != NULL ? term : "");
		return false;
	}
	if (!at_exit)
		atexit(screen_close);
	at_exit = true;
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	begin_colours(colour);
	return true;
}

void screen_close(void)
{
	SCREEN *was = screen;

	if (was == NULL)
		return;
	screen = NULL;
	endwin();
	delscreen(was);
}

void screen_size(size_t *width, size_t *height)
{
	*width = COLS > 0 ? (size_t)COLS : 80;
	*height = LINES > 0 ? (size_t)LINES : 24;
}

static void show_row(const struct row *r, int y, int columns)
{
	attr_t more = r->chosen ? A_REVERSE : A_NORMAL;

	move(y, 0);
	clrtoeol();
	for (size_t i = 0; i < r->n; i++) {
		attr_t a = attribute_of(r->pieces[i].style);

		/* Dim on reverse is hard to read. */
		attrset(more == A_REVERSE ? (a & ~A_DIM) | more : a);
		addstr(r->pieces[i].text);
	}
	attrset(more);
	for (int x = getcurx(stdscr);
	     more == A_REVERSE && x < columns && getcury(stdscr) == y; x++)
		addch(' ');
	attrset(A_NORMAL);
}

void screen_show(const struct frame *f)
{
	for (size_t i = 0; i < f->n; i++)
		show_row(&f->rows[i], (int)i, COLS);
	move((int)f->n, 0);
	if ((int)f->n < LINES)
		clrtobot();
	if (f->cursor_row != FRAME_NO_CURSOR)
		move((int)f->cursor_row, (int)f->cursor_column);
	curs_set(f->cursor_row != FRAME_NO_CURSOR);
	refresh();
}

static const struct {
	wint_t code;
	enum top_key key;
} keys[] = {
	{ KEY_UP, TOP_KEY_UP },		  { KEY_DOWN, TOP_KEY_DOWN },
	{ KEY_PPAGE, TOP_KEY_PAGE_UP },	  { KEY_NPAGE, TOP_KEY_PAGE_DOWN },
	{ KEY_HOME, TOP_KEY_HOME },	  { KEY_END, TOP_KEY_END },
	{ KEY_ENTER, TOP_KEY_ENTER },	  { KEY_BACKSPACE, TOP_KEY_ERASE },
	{ KEY_BTAB, TOP_KEY_BACK_TAB },
}, characters[] = {
	{ '\r', TOP_KEY_ENTER },	  { '\n', TOP_KEY_ENTER },
	{ '\t', TOP_KEY_TAB },		  { 0x1b, TOP_KEY_ESCAPE },
	{ 0x7f, TOP_KEY_ERASE },	  { '\b', TOP_KEY_ERASE },
};

bool screen_key(uint32_t *key)
{
	wint_t code = 0;
	int kind;

	while ((kind = get_wch(&code)) != ERR) {
		*key = kind == OK ? (uint32_t)code : 0;
		if (kind == OK && code == ('L' & 0x1f)) {
			screen_spoilt();
			continue;
		}
		for (size_t i = 0;
		     kind == KEY_CODE_YES && i < sizeof(keys) / sizeof(keys[0]);
		     i++) {
			if (keys[i].code == code)
				*key = keys[i].key;
		}
		for (size_t i = 0;
		     kind == OK &&
		     i < sizeof(characters) / sizeof(characters[0]);
		     i++) {
			if (characters[i].code == code)
				*key = characters[i].key;
		}
		if (*key != 0)
			return true;
	}
	return false;
}

void screen_resized(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 &&
	    ws.ws_col > 0)
		resizeterm(ws.ws_row, ws.ws_col);
	screen_spoilt();
}

void screen_spoilt(void)
{
	clearok(stdscr, TRUE);
}

void screen_suspend(void)
{
	endwin();
	kill(getpid(), SIGSTOP);
	screen_resized();
}
