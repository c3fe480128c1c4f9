/* SPDX-License-Identifier: MIT */
/*
 * answers.c - what answers have in common: their ends, lists, small members.
 */
#include "routes.h"

#include <stdio.h>

#include "../http/reply.h"

/* ---- held requests ----------------------------------------------------- */

bool rq_ok(struct rq *rq, deia_err err)
{
	if (!err)
		return true;
	rq_fail(rq, err);
	rq_drop(rq);
	return false;
}

void rq_begun(struct rq *rq, deia_err err)
{
	(void)rq_ok(rq, err);
}

void rq_done_empty(deia_err err, void *user)
{
	struct rq *rq = user;

	if (!rq_ok(rq, err))
		return;
	rq_send_empty(rq);
	rq_drop(rq);
}

/* ---- lists ------------------------------------------------------------- */

void list_begin(struct deia_jw *w)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_key(w, "items");
	deia_jw_array(w);
}

void list_end(struct deia_jw *w)
{
	deia_jw_end_array(w);
	deia_jw_end_object(w);
}

void list_send(struct rq *rq, struct deia_jw *w, const char *next_cursor)
{
	deia_jw_end_array(w);
	deia_jw_kstr(w, "next_cursor", next_cursor);
	deia_jw_end_object(w);
	rq_send_json(rq, 200, w);
}

void list_send_seq(struct rq *rq, struct deia_jw *w, int64_t next_cursor)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)next_cursor);
	list_send(rq, w, next_cursor ? text : NULL);
}

/* ---- members ----------------------------------------------------------- */

void print_text_or_null(struct deia_jw *w, const char *key, const char *s)
{
	deia_jw_kstr(w, key, s && *s ? s : NULL);
}

void print_int_or_null(struct deia_jw *w, const char *key, int64_t v,
		       int64_t none)
{
	if (v == none)
		deia_jw_kraw(w, key, NULL);
	else
		deia_jw_kint(w, key, v);
}

void print_outcomes(struct deia_jw *w, const struct deia_hive_outcome *items,
		    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "id", items[i].id);
		deia_jw_kbool(w, "ok", !items[i].err);
		if (items[i].err) {
			deia_jw_key(w, "error");
			deia_jw_object(w);
			deia_jw_kstr(w, "code", deia_err_name(items[i].err));
			deia_jw_kstr(w, "detail", items[i].message);
			deia_jw_end_object(w);
		}
		deia_jw_end_object(w);
	}
}

void print_made(const struct rq *rq, struct deia_jw *w, enum deia_made made,
		const void *what)
{
	switch (made) {
	case DEIA_MADE_BOT:
		print_bot(w, rq->srv->hive, what);
		break;
	case DEIA_MADE_CONVERSATION:
		print_conversation(w, what);
		break;
	case DEIA_MADE_ANSWER:
		print_line(w, what);
		break;
	case DEIA_MADE_EXECUTION:
		print_execution(w, what);
		break;
	}
}
