/* SPDX-License-Identifier: MIT */
/* events.h - bytes in any pieces in, server-sent events with a maximum out. */
#ifndef DEIA_MODEL_EVENTS_H
#define DEIA_MODEL_EVENTS_H

#include "worker/lines.h"

enum deia__event_kind {
	DEIA__EVENT,
	DEIA__EVENT_TOO_LONG, /* a line or an event above the maximum; no data */
	DEIA__EVENT_JUNK      /* a line that belongs to no event stream */
};

/*
 * One event's data (or the junk), not NUL-terminated, until the return. The
 * event's name is left out: all servers we know repeat it inside the data.
 * Returns false to stop: the rest of what was fed is dropped.
 */
typedef bool (*deia__event_cb)(enum deia__event_kind kind, const char *data,
			       size_t len, void *user);

struct deia__model_events {
	struct deia__lines lines;
	struct deia__buf data;
	bool has_data, begun;
	deia_err err; /* of the buffer, inside a line's callback */
	deia__event_cb cb;
	void *user;
};

/* max: bytes of a line and of an event's data. */
void deia__model_events_init(struct deia__model_events *s, size_t max,
			     deia__event_cb cb, void *user);
void deia__model_events_fini(struct deia__model_events *s);
/* Returns DEIA_OK, DEIA_ENOMEM, or DEIA_ECANCELED when cb said stop. */
DEIA_NODISCARD deia_err deia__model_events_feed(struct deia__model_events *s,
						const char *p, size_t len);
/* The input ended: an event without its empty line is handed out. As above. */
DEIA_NODISCARD deia_err deia__model_events_end(struct deia__model_events *s);

#endif
