/* SPDX-License-Identifier: MIT */
/* ops_look.c - looking at what the model knows: one message, and pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

static void on_got(deia_err err, const struct deia_message *items, size_t n,
		   bool more, void *user)
{
	struct world *w = user;

	w->calls++;
	w->n_open--;
	w->err = err;
	model_check(&w->md, n == (err ? 0 : 1) && !more, "%zu messages", n);
	if (err)
		return;
	model_check(&w->md, items->content, "a message without its content");
	model_compare(&w->md, model_find(&w->md, items->id), items);
}

void op_get(struct world *w)
{
	const struct model_msg *x = pick_msg(w, -1);
	char id[37];

	strcpy(id, x ? x->id : "01940000-0000-7000-8000-00000000dead");
	describe(w, "get %s", id);
	w->want = x ? DEIA_OK : DEIA_ENOTFOUND;
	finish_call(w, deia_messenger_get(w->sim.m, id, on_got, w));
}

/* ---- pages ------------------------------------------------------------- */

struct paging {
	struct world *w;
	struct deia_message_query q;
	int inbox, a, b;
	char after[37];
	struct model_msg **want; /* what is to come, in order */
	size_t n, at;
	bool more;
};

static bool fits(const struct paging *p, const struct model_msg *x)
{
	const struct deia_message_query *q = &p->q;

	if (q->inbox)
		return x->draft.to == p->inbox &&
		       (q->priority < 0 ||
			q->priority == (int)x->draft.priority) &&
		       (q->status < 0 ? x->status <= DEIA_MESSAGE_DELIVERED
				      : q->status == (int)x->status);
	if (q->a)
		return (x->draft.from == p->a && x->draft.to == p->b) ||
		       (x->draft.from == p->b && x->draft.to == p->a);
	return q->status == (int)x->status;
}

static int by_id(const struct model_msg *a, const struct model_msg *b)
{
	return strcmp(a->id, b->id);
}

static int in_inbox(const void *pa, const void *pb)
{
	const struct model_msg *a = *(struct model_msg *const *)pa;
	const struct model_msg *b = *(struct model_msg *const *)pb;

	if (a->draft.priority != b->draft.priority)
		return a->draft.priority < b->draft.priority ? -1 : 1;
	return by_id(a, b);
}

static int oldest_first(const void *pa, const void *pb)
{
	return by_id(*(struct model_msg *const *)pa,
		     *(struct model_msg *const *)pb);
}

static int newest_first(const void *pa, const void *pb)
{
	return oldest_first(pb, pa);
}

static void collect(struct paging *p)
{
	struct model *md = &p->w->md;

	p->want = malloc((md->n + 1) * sizeof(struct model_msg *));
	for (size_t i = 0; i < md->n; i++)
		if (fits(p, &md->msgs[i]))
			p->want[p->n++] = &md->msgs[i];
	qsort(p->want, p->n, sizeof(struct model_msg *),
	      p->q.inbox	  ? in_inbox
	      : p->q.oldest_first ? oldest_first
				  : newest_first);
}

/* All of one status: the newest end first. Ends at the same time may be in
 * any order, so each must be among those that are left. */
static struct model_msg *next_of_status(struct paging *p, const char *id)
{
	struct model_msg *x = model_find(&p->w->md, id);
	size_t i = p->at;

	while (i < p->n && p->want[i] != x)
		i++;
	if (i == p->n)
		return NULL;
	memmove(&p->want[p->at + 1], &p->want[p->at],
		(i - p->at) * sizeof(struct model_msg *));
	p->want[p->at] = x;
	if (p->at > 0 && p->q.status > DEIA_MESSAGE_DELIVERED)
		model_check(&p->w->md,
			    p->want[p->at - 1]->finished >= x->finished,
			    "%s ended after %s, and comes later", x->id,
			    p->want[p->at - 1]->id);
	return x;
}

static void on_page(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct paging *p = user;
	struct model *md = &p->w->md;
	struct model_msg *x;

	p->w->calls++;
	p->w->n_open--;
	p->w->err = err;
	p->more = more;
	model_check(md, err == DEIA_OK, "page: %s", deia_err_name(err));
	model_check(md, n <= p->q.limit, "%zu on a page of %u", n, p->q.limit);
	model_check(md, n > 0 || !more, "an empty page, and more");
	for (size_t i = 0; i < n; i++, p->at++) {
		x = p->q.inbox || p->q.a
			    ? (p->at < p->n ? p->want[p->at] : NULL)
			    : next_of_status(p, items[i].id);
		model_check(md, x && strcmp(x->id, items[i].id) == 0,
			    "%s on a page at %zu, wanted %s", items[i].id,
			    p->at, x ? x->id : "none");
		model_check(md, items[i].content, "%s without its content",
			    x->id);
		model_compare(md, x, &items[i]);
		strcpy(p->after, items[i].id);
	}
}

static void walk(struct paging *p)
{
	struct world *w = p->w;

	collect(p);
	do {
		p->q.after = p->after[0] ? p->after : NULL;
		w->want = DEIA_OK;
		finish_call(w,
			    deia_messenger_page(w->sim.m, &p->q, on_page, p));
	} while (p->more);
	model_check(&w->md, p->at == p->n, "%zu on pages, not %zu", p->at,
		    p->n);
	free(p->want);
}

static void walk_inbox(struct world *w, int inbox, int status, int priority,
		       unsigned limit)
{
	const struct deia_message_query init = DEIA_MESSAGE_QUERY_INIT;
	struct paging p = { .w = w, .q = init, .inbox = inbox };

	p.q.inbox = model_names[inbox];
	p.q.status = status;
	p.q.priority = priority;
	p.q.limit = limit;
	walk(&p);
}

static void walk_status(struct world *w, int status, unsigned limit)
{
	const struct deia_message_query init = DEIA_MESSAGE_QUERY_INIT;
	struct paging p = { .w = w, .q = init };

	p.q.status = status;
	p.q.limit = limit;
	walk(&p);
}

static void walk_pair(struct world *w, int a, int b, bool oldest,
		      unsigned limit)
{
	const struct deia_message_query init = DEIA_MESSAGE_QUERY_INIT;
	struct paging p = { .w = w, .q = init, .a = a, .b = b };

	p.q.a = model_names[a];
	p.q.b = model_names[b];
	p.q.oldest_first = oldest;
	p.q.limit = limit;
	walk(&p);
}

void op_page(struct world *w)
{
	unsigned limit = 1 + pick(w, once_in(w, 2) ? 5 : 200);
	int inbox = (int)pick(w, MODEL_BOTS);
	int status = (int)pick(w, DEIA_MESSAGE_STATUSES + 1) - 1;
	int priority = (int)pick(w, DEIA_PRIORITIES + 1) - 1;

	/* Small pages of much take long. */
	if (w->md.n > 500 && limit < 50)
		limit += 100;
	switch (pick(w, 3)) {
	case 0:
		describe(w, "page of %s, status %d, P%d", model_names[inbox],
			 status, priority);
		walk_inbox(w, inbox, status, priority, limit);
		break;
	case 1:
		describe(w, "page of a pair");
		walk_pair(w, inbox, (int)pick(w, MODEL_BOTS), once_in(w, 2),
			  limit);
		break;
	default:
		describe(w, "page of status %d", status < 0 ? 0 : status);
		walk_status(w, status < 0 ? 0 : status, limit);
	}
}

/* Everything, by pages: nothing is missing, nothing is there twice. */
void recount(struct world *w)
{
	for (int s = 0; s < DEIA_MESSAGE_STATUSES; s++)
		walk_status(w, s, 500);
	for (int i = 0; i < MODEL_BOTS; i++)
		walk_inbox(w, i, -1, -1, 500);
}
