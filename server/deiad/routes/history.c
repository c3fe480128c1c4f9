/* SPDX-License-Identifier: MIT */
/* history.c - GET /bots/{id}/history: the states a bot went through. */
#include "routes.h"

#include <string.h>
#include <deia/hive.h>

#include "../http/reply.h"

void print_text_lines(struct deia_jw *w, const char *text)
{
	const char *end;

	deia_jw_array(w);
	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		deia_jw_strn(w, text, (size_t)(end - text));
	}
	deia_jw_end_array(w);
}

static void print_entry(struct deia_jw *w, const struct deia_bot_history *e)
{
	deia_jw_object(w);
	deia_jw_kint(w, "seq", e->seq);
	deia_jw_ktime(w, "at", e->at_unix_ms);
	deia_jw_kstr(w, "from", e->from);
	deia_jw_kstr(w, "state", e->state);
	deia_jw_kstr(w, "reason", e->reason);
	print_int_or_null(w, "pid", e->pid, 0);
	print_int_or_null(w, "exit_code", e->exit_code, -1);
	print_int_or_null(w, "exit_signal", e->exit_signal, 0);
	deia_jw_kint(w, "restarts", e->restarts);
	deia_jw_key(w, "stderr");
	print_text_lines(w, e->last_stderr);
	deia_jw_end_object(w);
}

static void history(deia_err err, const struct deia_bot_history *items,
		    size_t n, bool more, void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (!rq_ok(rq, err))
		return;
	list_begin(&w);
	for (size_t i = 0; i < n; i++)
		print_entry(&w, &items[i]);
	list_send_seq(rq, &w, more && n ? items[n - 1].seq : 0);
	rq_drop(rq);
}

void route_bot_history(struct rq *rq)
{
	unsigned limit;
	int64_t before, cursor;

	if (!query_limit(rq, &limit) ||
	    !query_int(rq, "before", 1, INT64_MAX, 0, &before) ||
	    !query_int(rq, "cursor", 1, INT64_MAX, before, &cursor))
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_bot_history(rq->srv->hive, rq->param[0], cursor,
					   limit, history, rq));
}
