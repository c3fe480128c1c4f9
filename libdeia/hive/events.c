/* SPDX-License-Identifier: MIT */
/*
 * events.c - what happened, in commit order: a ring of the newest, the store
 * for older ones, and those who listen.
 *
 * A listener is live when it has everything published so far; then each new
 * event is handed to it directly. One that is behind is served from the ring,
 * or page by page from the store when the ring does not reach back far enough.
 * Everything happens on the loop, so nothing is published between the moment
 * a listener catches up and the moment it is live.
 *
 * Numbers have no gaps, so one that is not the next tells that other nodes on
 * the store had events in between. Then what is missing is read from the store,
 * once for all who listen, and goes into the ring in its order. That others
 * have new ones is asked once a second, and at once when a cache that is shared
 * tells of one.
 */
#include "hive/hive.h"
#include "hive/nodes/nodes.h"

#include <string.h>

#define EVENT_PAGE 500

static void pump(struct deia_subscription *s);

deia_err deia__events_init(deia_hive *h)
{
	TAILQ_INIT(&h->ring.subs);
	h->ring.items = deia__alloc(DEIA__RING_LEN * sizeof(*h->ring.items));
	return h->ring.items ? DEIA_OK : DEIA_ENOMEM;
}

static void sub_free(struct deia_subscription *s)
{
	TAILQ_REMOVE(&s->hive->ring.subs, s, link);
	s->hive->ring.n_subs--;
	deia__free(s);
}

void deia__events_fini(deia_hive *h)
{
	struct deia_subscription *s;

	if (!h->ring.items)
		return;
	while ((s = TAILQ_FIRST(&h->ring.subs)))
		sub_free(s);
	for (size_t i = 0; i < h->ring.n; i++)
		deia__free(h->ring.items[(h->ring.first + i) % DEIA__RING_LEN]
				   .block);
	deia__free(h->ring.items);
	h->ring.items = NULL;
}

/* Calls the listener; it may have unsubscribed when this returns. */
static void deliver(struct deia_subscription *s, const struct deia_event *ev)
{
	if (s->dead)
		return;
	s->busy++;
	if (ev)
		s->last = ev->seq;
	s->cb(ev, s->user);
	s->busy--;
}

/* Frees a listener that is dead and not in use; true when it is gone. */
static bool reap(struct deia_subscription *s)
{
	if (!s->dead || s->busy || s->paging)
		return false;
	sub_free(s);
	return true;
}

static int64_t ring_first_seq(const struct deia__ring *r)
{
	return r->n ? r->items[r->first].ev.seq : r->last_seq + 1;
}

static struct deia_event event_of(const deia_rows *rows, size_t r)
{
	return (struct deia_event){
		.seq = deia_rows_get(rows, r, EVENT_SEQ)->i,
		.at_unix_ms = deia_rows_get(rows, r, EVENT_AT)->i,
		.type = deia_rows_text(rows, r, EVENT_TYPE),
		.subject = deia_rows_text(rows, r, EVENT_SUBJECT),
		.data = deia_rows_text(rows, r, EVENT_DATA),
	};
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct deia_subscription *s = user;
	size_t n = err ? 0 : deia_rows_count(rows);

	s->paging = false;
	s->busy++;
	for (size_t i = 0; i < n && !s->dead; i++) {
		struct deia_event ev = event_of(rows, i);

		if (ev.seq > s->last)
			deliver(s, &ev);
	}
	if (!err && !n && s->last + 1 < ring_first_seq(&s->hive->ring))
		s->last = ring_first_seq(&s->hive->ring) - 1;
	s->busy--;
	if (reap(s))
		return;
	if (err) {
		deliver(s, NULL);
		s->last = s->hive->ring.last_seq;
	}
	pump(s);
}

/* Asks the store for what the ring no longer has. */
static void page(struct deia_subscription *s)
{
	struct deia_value after = deia_int(s->last);
	struct deia_page_query q = {
		.table = &deia__table_events,
		.index = -1,
		.after = &after,
		.n_after = 1,
		.limit = EVENT_PAGE,
	};

	s->paging = true;
	if (deia_store_page(s->hive->store, &q, on_page, s)) {
		s->paging = false;
		s->last = s->hive->ring.last_seq;
		deliver(s, NULL);
	}
}

static void pump_ring(struct deia_subscription *s)
{
	struct deia__ring *r = &s->hive->ring;

	for (size_t i = 0; i < r->n && !s->dead; i++) {
		struct deia_event ev =
			r->items[(r->first + i) % DEIA__RING_LEN].ev;

		if (ev.seq > s->last)
			deliver(s, &ev);
	}
}

static void pump(struct deia_subscription *s)
{
	struct deia__ring *r = &s->hive->ring;

	if (s->paging || s->dead || !s->hive->store)
		return;
	s->busy++;
	if (s->last < r->pruned_seq) {
		s->last = r->pruned_seq;
		deliver(s, NULL);
	}
	if (s->last + 1 < ring_first_seq(r) && s->last < r->last_seq)
		page(s);
	else
		pump_ring(s);
	s->busy--;
	reap(s);
}

static void first_pump(void *arg)
{
	struct deia_subscription *s = arg;

	s->behind = false;
	s->busy--;
	if (!reap(s))
		pump(s);
}

deia_err deia_hive_subscribe(deia_hive *h, int64_t after, deia_event_cb cb,
			     void *user, deia_subscription **out)
{
	struct deia_subscription *s;

	*out = NULL;
	if (h->ring.n_subs >= DEIA_MAX_SUBSCRIBERS)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "there are %u listeners already; close "
				       "some first",
				       DEIA_MAX_SUBSCRIBERS);
	s = deia__alloc(sizeof(*s));
	if (!s)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	s->hive = h;
	s->cb = cb;
	s->user = user;
	s->last = after < 0 ? h->ring.last_seq : after;
	s->behind = true;
	s->busy = 1; /* until first_pump */
	if (deia__post_call(h->post, first_pump, s)) {
		deia__free(s);
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	}
	TAILQ_INSERT_TAIL(&h->ring.subs, s, link);
	h->ring.n_subs++;
	*out = s;
	return DEIA_OK;
}

void deia_unsubscribe(deia_subscription *s)
{
	if (!s)
		return;
	s->dead = true;
	reap(s);
}

static char *pack(struct deia_event *ev, const char *type, const char *subject,
		  const char *data, size_t *bytes)
{
	size_t nt = strlen(type) + 1, ns = strlen(subject) + 1;
	size_t nd = strlen(data) + 1;
	char *block = deia__alloc(nt + ns + nd);

	*bytes = nt + ns + nd;
	if (!block)
		return NULL;
	memcpy(block, type, nt);
	memcpy(block + nt, subject, ns);
	memcpy(block + nt + ns, data, nd);
	ev->type = block;
	ev->subject = block + nt;
	ev->data = block + nt + ns;
	return block;
}

static void ring_clear(struct deia__ring *r)
{
	for (size_t i = 0; i < r->n; i++)
		deia__free(r->items[(r->first + i) % DEIA__RING_LEN].block);
	r->n = 0;
	r->bytes = 0;
}

static void ring_drop_first(struct deia__ring *r)
{
	deia__free(r->items[r->first].block);
	r->bytes -= r->items[r->first].bytes;
	r->first = (r->first + 1) % DEIA__RING_LEN;
	r->n--;
}

/* Out of memory empties the ring: listeners then read from the store. */
static void ring_push(struct deia__ring *r, struct deia_event *ev)
{
	struct deia__ring_event *slot;
	size_t bytes;
	char *block = pack(ev, ev->type, ev->subject, ev->data, &bytes);

	if (!block) {
		ring_clear(r);
		return;
	}
	while (r->n &&
	       (r->n == DEIA__RING_LEN || r->bytes + bytes > DEIA__RING_BYTES))
		ring_drop_first(r);
	slot = &r->items[(r->first + r->n) % DEIA__RING_LEN];
	slot->ev = *ev;
	slot->block = block;
	slot->bytes = bytes;
	r->bytes += bytes;
	r->n++;
}

/* Now and then it is noted how much there was, so that retention knows. */
static void note_bytes(const deia_hive *h, struct deia__ring *r, int64_t seq,
		       size_t bytes)
{
	uint64_t step = (uint64_t)h->events_kept * DEIA__EVENT_BYTES /
			(DEIA__EVENT_MARKS / 2);
	const struct deia__event_mark *last =
		r->n_marks ? &r->marks[r->n_marks - 1] : NULL;

	r->published += bytes;
	if (!step || (last && r->published - last->bytes < step))
		return;
	if (r->n_marks == DEIA__EVENT_MARKS)
		memmove(r->marks, r->marks + 1,
			--r->n_marks * sizeof(r->marks[0]));
	r->marks[r->n_marks++] = (struct deia__event_mark){ seq, r->published };
}

int64_t deia__events_over(const deia_hive *h, uint64_t max_bytes)
{
	const struct deia__ring *r = &h->ring;
	int64_t seq = 0;

	for (unsigned i = 0; i < r->n_marks; i++)
		if (r->published - r->marks[i].bytes >= max_bytes)
			seq = r->marks[i].seq;
	return seq;
}

/*
 * The next event: into the ring, and to those who listen. A callback may end
 * any listener, or add new ones at the tail. All that are there now are held,
 * so none of them goes before its turn.
 */
static void take(deia_hive *h, const struct deia_event *ev)
{
	struct deia_subscription *s, *next, *last;
	struct deia_event kept = *ev;

	h->ring.last_seq = ev->seq;
	h->ring.n_published++;
	note_bytes(h, &h->ring, ev->seq, strlen(ev->data) + 1);
	ring_push(&h->ring, &kept);
	TAILQ_FOREACH(s, &h->ring.subs, link)
		s->busy++;
	last = TAILQ_LAST(&h->ring.subs, deia__subs);
	for (s = TAILQ_FIRST(&h->ring.subs); s; s = next) {
		if (!s->dead && !s->paging && !s->behind && s->last < ev->seq)
			deliver(s, ev);
		next = s == last ? NULL : TAILQ_NEXT(s, link);
		s->busy--;
		reap(s);
	}
}

static void on_newer(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__ring *r = &h->ring;
	size_t n = err ? 0 : deia_rows_count(rows);
	bool again = r->look_again || (n && deia_rows_has_more(rows));

	r->looking = r->look_again = false;
	if (!r->items || h->freeing)
		return;
	for (size_t i = 0; i < n; i++) {
		struct deia_event ev = event_of(rows, i);

		if (ev.seq > r->last_seq)
			take(h, &ev);
	}
	if (!err && !again)
		r->gap = false;
	if (again && !err)
		deia__events_look(h);
}

void deia__events_look(deia_hive *h)
{
	struct deia__ring *r = &h->ring;
	struct deia_value after = deia_int(r->last_seq);
	struct deia_page_query q = {
		.table = &deia__table_events,
		.index = -1,
		.after = &after,
		.n_after = 1,
		.limit = EVENT_PAGE,
	};

	if ((!r->gap && !deia__nodes_several(h)) || h->freeing || !r->items)
		return;
	r->look_again = r->looking;
	if (!r->looking)
		r->looking = !deia_store_page(h->store, &q, on_newer, h);
}

void deia__events_publish(deia_hive *h, int64_t seq, int64_t at_ms,
			  const char *type, const char *subject,
			  const char *data)
{
	struct deia_event ev = { seq, at_ms, type, subject, data };
	struct deia__ring *r = &h->ring;

	deia__cache_event(h, &ev);
	if (!deia__nodes_shared(h) || seq == r->last_seq + 1) {
		take(h, &ev);
	} else if (seq > r->last_seq) {
		r->gap = true;
		deia__events_look(h);
	} /* else it came with those of others */
}

int64_t deia_hive_last_seq(const deia_hive *h)
{
	return h->ring.last_seq;
}
