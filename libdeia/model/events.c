/* SPDX-License-Identifier: MIT */
/*
 * events.c - server-sent events as model servers write them.
 *
 * After the WHATWG's text, with these differences: a lone CR ends no line; a
 * last event without its empty line counts; a line that is a JSON object of its
 * own is taken for an event (servers that break down write one so, and those
 * that do not stream answer so); any other line with an unknown field is
 * reported as junk instead of being skipped, since it is a web page most often.
 * (The client's reader of deia's own streams is strict in all of that.)
 */
#include "model/events.h"

#include <string.h>

static bool is_field(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len >= n && memcmp(line, name, n) == 0 &&
	       (len == n || line[n] == ':');
}

static bool dispatch(struct deia__model_events *s)
{
	bool go_on = true;

	if (s->has_data)
		go_on = s->cb(DEIA__EVENT, s->data.len ? s->data.data : "",
			      s->data.len, s->user);
	s->has_data = false;
	s->data.len = 0;
	return go_on;
}

/* What follows "data:"; several such lines are put together with newlines. */
static bool add_data(struct deia__model_events *s, const char *p, size_t len)
{
	if (len && *p == ' ') {
		p++;
		len--;
	}
	if (s->has_data)
		deia__buf_add(&s->data, "\n", 1);
	if (len)
		deia__buf_add(&s->data, p, len);
	s->has_data = true;
	if (s->data.err != DEIA_ELIMIT) {
		s->err = s->data.err;
		return !s->err;
	}
	deia__buf_fini(&s->data);
	deia__buf_init(&s->data, s->lines.max);
	s->has_data = false;
	return s->cb(DEIA__EVENT_TOO_LONG, NULL, 0, s->user);
}

static bool on_line(const char *line, size_t len, void *user)
{
	struct deia__model_events *s = user;
	bool first = !s->begun;

	s->begun = true;
	if (!line)
		return s->cb(DEIA__EVENT_TOO_LONG, NULL, 0, s->user);
	if (first && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		len -= 3;
	}
	if (len && line[len - 1] == '\r')
		len--;
	if (!len)
		return dispatch(s);
	if (is_field(line, len, "data"))
		return add_data(s, line + (len > 4 ? 5 : 4),
				len > 4 ? len - 5 : 0);
	if (*line == ':' || is_field(line, len, "event") ||
	    is_field(line, len, "id") || is_field(line, len, "retry"))
		return true;
	return s->cb(*line == '{' ? DEIA__EVENT : DEIA__EVENT_JUNK, line, len,
		     s->user);
}

void deia__model_events_init(struct deia__model_events *s, size_t max,
			     deia__event_cb cb, void *user)
{
	*s = (struct deia__model_events){ .cb = cb, .user = user };
	deia__lines_init(&s->lines, max, on_line, s);
	s->lines.keep_blank = true;
	deia__buf_init(&s->data, max);
}

void deia__model_events_fini(struct deia__model_events *s)
{
	deia__lines_fini(&s->lines);
	deia__buf_fini(&s->data);
}

deia_err deia__model_events_feed(struct deia__model_events *s, const char *p,
				 size_t len)
{
	deia_err err = deia__lines_feed(&s->lines, p, len);

	return s->err ? s->err : err;
}

deia_err deia__model_events_end(struct deia__model_events *s)
{
	deia_err err = deia__lines_end(&s->lines);

	if (!err && !dispatch(s))
		err = DEIA_ECANCELED;
	return s->err ? s->err : err;
}
