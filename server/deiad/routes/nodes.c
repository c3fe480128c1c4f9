/* SPDX-License-Identifier: MIT */
/* nodes.c - GET /nodes: the deiad that share this one's database. */
#include <deia/node.h>

#include "../http/reply.h"
#include "routes.h"

static void print_node(struct deia_jw *w, const struct deia_node *n)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "name", n->name);
	print_text_or_null(w, "url", n->url);
	deia_jw_kstr(w, "version", n->version);
	deia_jw_ktime(w, "started_at", n->started_unix_ms);
	deia_jw_kbool(w, "alive", n->alive);
	deia_jw_kbool(w, "this", n->own);
	deia_jw_kint(w, "bots", n->bots);
	deia_jw_end_object(w);
}

void route_nodes(struct rq *rq)
{
	const char *after = rq_query(rq, "cursor");
	struct deia_node page[16], next;
	unsigned limit, done = 0;
	struct deia_jw w;
	size_t n = 1;

	if (!query_limit(rq, &limit))
		return;
	list_begin(&w);
	while (done < limit && n) {
		n = deia_hive_nodes(rq->srv->hive, after, page,
				    limit - done < 16 ? limit - done : 16);
		for (size_t i = 0; i < n; i++)
			print_node(&w, &page[i]);
		if (n)
			after = page[n - 1].name;
		done += (unsigned)n;
	}
	n = deia_hive_nodes(rq->srv->hive, after, &next, 1);
	list_send(rq, &w, n ? after : NULL);
}
