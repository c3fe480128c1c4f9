/* SPDX-License-Identifier: MIT */
/* lines.h - bytes in any pieces in, whole lines with a maximum out. */
#ifndef DEIA_WORKER_LINES_H
#define DEIA_WORKER_LINES_H

#include "core/buf.h"

/*
 * One line without its newline; not NUL-terminated, lives until the return.
 * line NULL: a line longer than the maximum was thrown away. Returns false to
 * stop: the rest of what was fed is dropped.
 */
typedef bool (*deia__line_cb)(const char *line, size_t len, void *user);

struct deia__lines {
	struct deia__buf part; /* the beginning of a line */
	size_t max;
	bool skipping;	 /* inside a line that was too long */
	bool keep_blank; /* empty lines are handed out, too */
	deia__line_cb cb;
	void *user;
};

void deia__lines_init(struct deia__lines *l, size_t max, deia__line_cb cb,
		      void *user);
void deia__lines_fini(struct deia__lines *l);
/* Returns DEIA_OK, DEIA_ENOMEM, or DEIA_ECANCELED when cb said stop. */
DEIA_NODISCARD deia_err deia__lines_feed(struct deia__lines *l, const char *p,
					 size_t len);
/* The input ended: a last line without newline is handed out. As above. */
DEIA_NODISCARD deia_err deia__lines_end(struct deia__lines *l);

#endif
