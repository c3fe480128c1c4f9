/* SPDX-License-Identifier: MIT */
/*
 * sse.c - the parser of server-sent events.
 *
 * Invariants: `line` never holds a line end; `data` holds the data lines of
 * the event that is being read, each followed by LF; after_cr means that a
 * leading LF of the next bytes belongs to a line end already dealt with, so
 * that any fragmentation gives the same events.
 */
#include "client/sse.h"

#include <stdlib.h>
#include <string.h>

void deia__sse_init(struct deia__sse *s, size_t max_bytes, deia_sse_cb cb,
		    void *user)
{
	memset(s, 0, sizeof(*s));
	deia__buf_init(&s->line, max_bytes);
	deia__buf_init(&s->data, max_bytes);
	s->retry_ms = -1;
	s->cb = cb;
	s->user = user;
}

void deia__sse_fini(struct deia__sse *s)
{
	deia__buf_fini(&s->line);
	deia__buf_fini(&s->data);
}

static deia_err dispatch(struct deia__sse *s)
{
	bool more = true;

	if (s->has_data) {
		/* The standard drops the last LF. */
		size_t len = s->data.len - 1;
		const char *event = s->event[0] != '\0' ? s->event : "message";

		s->data.data[len] = '\0';
		s->events++;
		more = s->cb(event, s->id, s->data.data, len, s->user);
		deia__buf_drain(&s->data, s->data.len);
	}
	s->has_data = false;
	s->event[0] = '\0';
	return more ? DEIA_OK : DEIA_ECANCELED;
}

/* A name longer than we keep is no name of ours: it is left out. */
static void keep(char out[static DEIA__SSE_NAME_BYTES], const char *value,
		 size_t len)
{
	if (len >= DEIA__SSE_NAME_BYTES || memchr(value, '\0', len) != NULL)
		return;
	memcpy(out, value, len);
	out[len] = '\0';
}

static void set_retry(struct deia__sse *s, const char *value, size_t len)
{
	if (len == 0 || len > 9 || strspn(value, "0123456789") < len)
		return;
	s->retry_ms = strtol(value, NULL, 10);
}

static void field(struct deia__sse *s, const char *name, size_t name_len,
		  const char *value, size_t len)
{
	if (name_len == 4 && memcmp(name, "data", 4) == 0) {
		deia__buf_add(&s->data, value, len);
		deia__buf_add(&s->data, "\n", 1);
		s->has_data = true;
	} else if (name_len == 5 && memcmp(name, "event", 5) == 0) {
		keep(s->event, value, len);
	} else if (name_len == 2 && memcmp(name, "id", 2) == 0) {
		keep(s->id, value, len);
	} else if (name_len == 5 && memcmp(name, "retry", 5) == 0) {
		set_retry(s, value, len);
	}
}

static deia_err take_line(struct deia__sse *s)
{
	const char *p = s->line.data, *colon;
	size_t len = s->line.len, name_len;
	deia_err err = DEIA_OK;

	if (!s->begun && len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		len -= 3;
	}
	s->begun = true;
	if (len == 0) {
		err = dispatch(s);
	} else if (*p != ':') {
		colon = memchr(p, ':', len);
		name_len = colon != NULL ? (size_t)(colon - p) : len;
		if (colon == NULL)
			field(s, p, len, "", 0);
		else if (name_len + 1 < len && colon[1] == ' ')
			field(s, p, name_len, colon + 2, len - name_len - 2);
		else
			field(s, p, name_len, colon + 1, len - name_len - 1);
	}
	if (err == DEIA_OK)
		err = s->data.err;
	deia__buf_drain(&s->line, s->line.len);
	return err;
}

deia_err deia__sse_feed(struct deia__sse *s, const char *p, size_t len)
{
	const char *end = p + len;
	deia_err err;

	while (p < end) {
		const char *stop = p;

		if (s->after_cr && *p == '\n') {
			s->after_cr = false;
			p++;
			continue;
		}
		s->after_cr = false;
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		deia__buf_add(&s->line, p, (size_t)(stop - p));
		if (s->line.err != DEIA_OK)
			return s->line.err;
		if (stop == end)
			return DEIA_OK;
		s->after_cr = *stop == '\r';
		p = stop + 1;
		err = take_line(s);
		if (err != DEIA_OK)
			return err;
	}
	return DEIA_OK;
}
