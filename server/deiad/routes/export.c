/* SPDX-License-Identifier: MIT */
/*
 * export.c - a whole conversation as a file, oldest line first.
 *
 * The library pages newest first. So the pages' borders are collected on the
 * way back to the beginning, and then the pages are printed on the way
 * forward, one at a time, each when the client took the one before. What is
 * said meanwhile is not part of the export.
 */
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/chat.h>
#include <deia/limits.h>

#include "../http/reply.h"
#include "../http/stream.h"

#define PAGE 32
#define PAGE_BYTES (8u << 20) /* what a page of the store may hold */
#define BORDERS_MAX 100000    /* 3.2 million lines */

struct border {
	char before[DEIA_MAX_ID_LEN + 1]; /* "": from the newest */
};

struct export
{
	struct rq *rq; /* held */
	char *bot, *conversation;
	struct border *borders;
	size_t n, cap;
	char newest[DEIA_MAX_ID_LEN + 1];
	bool text, begun, waiting, reading, ended, first;
};

static void next_page(struct export *x);

static void export_free(struct export *x)
{
	struct rq *rq = x->rq;

	free(x->bot);
	free(x->conversation);
	free(x->borders);
	free(x);
	rq_drop(rq);
}

/* The client left, or the stream was cut. */
static void on_end(struct rq *rq, void *user)
{
	struct export *x = user;

	(void)rq;
	x->ended = true;
	if (!x->reading)
		export_free(x);
}

static bool add_border(struct export *x, const char *before)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		struct border *grown;

		if (cap > BORDERS_MAX * 2)
			return false;
		grown = realloc(x->borders, cap * sizeof(*grown));
		if (!grown)
			return false;
		x->borders = grown;
		x->cap = cap;
	}
	snprintf(x->borders[x->n++].before, sizeof(x->borders->before), "%s",
		 before);
	return true;
}

/* ---- printing ---------------------------------------------------------- */

static bool print_text(struct export *x, const struct deia_chat_line *l)
{
	const char *mark = l->status == DEIA_LINE_PARTIAL  ? " (partial)"
			   : l->status == DEIA_LINE_FAILED ? " (no answer)"
							   : "";
	char head[DEIA_MAX_NAME_BYTES + 128];
	struct deia_jw time;
	int n;

	deia_jw_init(&time);
	deia_jw_time(&time, l->created_unix_ms); /* in quotation marks */
	if (deia_jw_status(&time) || time.len < 3) {
		deia_jw_fini(&time);
		return false;
	}
	n = snprintf(head, sizeof(head), "[%.*s] %s%s:\n", (int)time.len - 2,
		     time.text + 1, l->author, mark);
	deia_jw_fini(&time);
	if (n < 0 || (size_t)n >= sizeof(head))
		return false;
	return stream_bytes(x->rq, head, (size_t)n) &&
	       stream_bytes(x->rq, l->content, l->content_len) &&
	       stream_bytes(x->rq, "\n\n", 2);
}

static bool print_json(struct export *x, const struct deia_chat_line *l)
{
	struct deia_jw w;
	bool on;

	deia_jw_init(&w);
	print_line(&w, l);
	on = deia_jw_status(&w) == DEIA_OK &&
	     stream_bytes(x->rq, x->first ? "\n" : ",\n", x->first ? 1 : 2) &&
	     stream_bytes(x->rq, w.text, w.len);
	deia_jw_fini(&w);
	x->first = false;
	return on;
}

static bool begin(struct export *x, const char *conversation)
{
	char name[DEIA_MAX_ID_LEN + 64];
	struct deia_jw w;
	bool on;

	snprintf(name, sizeof(name), "attachment; filename=\"%s-chat.%s\"",
		 x->bot, x->text ? "txt" : "json");
	rq_add_header(x->rq, "Content-Disposition", name);
	if (!stream_begin_type(x->rq,
			       x->text ? "text/plain; charset=utf-8"
				       : "application/json",
			       true, on_end, x))
		return false;
	x->begun = x->first = true;
	if (x->text)
		return true;
	deia_jw_init(&w);
	deia_jw_str(&w, conversation);
	on = stream_bytes(x->rq, "{\"bot\":\"", 8) &&
	     stream_bytes(x->rq, x->bot, strlen(x->bot)) &&
	     stream_bytes(x->rq, "\",\"conversation\":", 17) &&
	     stream_bytes(x->rq, w.text, w.len) &&
	     stream_bytes(x->rq, ",\"items\":[", 10);
	deia_jw_fini(&w);
	return on;
}

/* All is printed: the end, as planned. */
static void finish(struct export *x)
{
	if (!x->text)
		(void)stream_bytes(x->rq, "\n]}\n", 4);
	x->rq->on_drain = NULL;
	stream_end(x->rq);
	export_free(x);
}

/* ---- paging ------------------------------------------------------------ */

static void fail(struct export *x, deia_err err)
{
	if (x->begun) {
		stream_cut(x->rq); /* frees x by on_end */
		return;
	}
	rq_fail(x->rq, err);
	export_free(x);
}

static void on_drain(struct rq *rq, void *user)
{
	struct export *x = user;

	(void)rq;
	if (!x->waiting)
		return;
	x->waiting = false;
	next_page(x);
}

/* A page on the way forward. */
static void print_page(deia_err err, const struct deia_chat_line *lines,
		       size_t n, bool more, void *user)
{
	struct export *x = user;
	bool on = true;

	(void)more;
	x->reading = false;
	if (x->ended) {
		export_free(x);
		return;
	}
	if (err) {
		fail(x, err);
		return;
	}
	while (n-- && on) {
		on = x->text ? print_text(x, &lines[n])
			     : print_json(x, &lines[n]);
		if (strcmp(lines[n].id, x->newest) == 0)
			break; /* what is newer came meanwhile */
	}
	if (!on) {
		fail(x, DEIA_ENOMEM);
		return;
	}
	x->n--;
	if (x->n == 0)
		finish(x);
	else
		x->waiting = true; /* until the client took this one */
}

static void next_page(struct export *x)
{
	const struct server *s = x->rq->srv;
	const char *before = x->borders[x->n - 1].before;
	deia_err err;

	if (s->replies_bytes + PAGE_BYTES > s->limits.max_replies_bytes) {
		fail(x, DEIA_EBUSY);
		return;
	}
	x->reading = true;
	err = deia_chat_page(x->rq->srv->hive, x->bot, x->conversation,
			     *before ? before : NULL, PAGE, print_page, x);
	if (err) {
		x->reading = false;
		fail(x, err);
	}
}

static void back_page(struct export *x);

/* A page on the way back: only its border counts. */
static void on_back(deia_err err, const struct deia_chat_line *lines, size_t n,
		    bool more, void *user)
{
	struct export *x = user;

	x->reading = false;
	if (!x->rq->conn) { /* left before it began */
		export_free(x);
		return;
	}
	if (err) {
		fail(x, err);
		return;
	}
	if (n && x->n == 1)
		snprintf(x->newest, sizeof(x->newest), "%s", lines[0].id);
	if (more && n) {
		if (add_border(x, lines[n - 1].id))
			back_page(x);
		else
			fail(x, DEIA_ENOMEM);
		return;
	}
	if (!begin(x, n ? lines[0].conversation : x->conversation)) {
		if (!x->begun)
			export_free(x);
		return;
	}
	x->rq->on_drain = on_drain;
	x->rq->drain_user = x;
	if (n)
		next_page(x);
	else
		finish(x);
}

static void back_page(struct export *x)
{
	const char *before = x->borders[x->n - 1].before;
	deia_err err;

	x->reading = true;
	err = deia_chat_page(x->rq->srv->hive, x->bot, x->conversation,
			     *before ? before : NULL, PAGE, on_back, x);
	if (err) {
		x->reading = false;
		fail(x, err);
	}
}

void route_chat_export(struct rq *rq)
{
	const char *format = rq_query(rq, "format");
	const char *conversation = rq_query(rq, "conversation");
	struct export *x;

	if (format && strcmp(format, "txt") != 0 &&
	    strcmp(format, "json") != 0) {
		rq_bad_field(rq, "?format", "expected txt or json");
		return;
	}
	if (!stream_allowed(rq) || !reply_has_room(rq, PAGE_BYTES))
		return;
	x = calloc(1, sizeof(*x));
	if (!x) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	rq_hold(rq);
	x->rq = rq;
	x->text = format && strcmp(format, "txt") == 0;
	x->bot = strdup(rq->param[0]);
	x->conversation = conversation ? strdup(conversation) : NULL;
	if (!x->bot || (conversation && !x->conversation) ||
	    !add_border(x, "")) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		export_free(x);
		return;
	}
	back_page(x);
}
