/* SPDX-License-Identifier: MIT */
/* ops_send.c - random inboxes and sends: good ones, bad ones, repeated ones. */
#include <stdio.h>
#include <string.h>

#include "ops.h"

#define POOL 65536
static char pool[POOL];

static const char *const dialogues[] = {
	NULL,
	NULL,
	NULL,
	"01940000-0000-7000-8000-000000000001",
};
static const char *const metadata[] = {
	NULL,
	NULL,
	"{\"k\":1}",
	"{\"name\":\"caf\303\251\",\"list\":[1,2,3]}",
};

static void fill_pool(void)
{
	if (pool[0])
		return;
	for (unsigned i = 0; i < POOL; i++)
		pool[i] = (char)('a' + (i * 7 + i / 26 + i / 999) % 26);
}

static size_t pick_len(struct world *w)
{
	switch (pick(w, 40)) {
	case 0:
		return 0;
	case 1:
		return pick(w, 20000); /* above what is kept in memory */
	case 2:
	case 3:
		return pick(w, 3000);
	default:
		return 1 + pick(w, 60);
	}
}

static int64_t pick_ttl(struct world *w)
{
	static const int64_t some[] = { 0, 0,  0,  0,	 1,	2,
					5, 30, 90, 3600, 86400, 7776000 };

	return some[pick(w, sizeof(some) / sizeof(some[0]))];
}

void pick_draft(struct world *w, struct model_draft *d)
{
	const struct model_msg *x;

	fill_pool();
	memset(d, 0, sizeof(*d));
	d->from = (int)pick(w, MODEL_BOTS);
	d->to = (int)pick(w, MODEL_BOTS);
	d->by = once_in(w, 5) ? (int)pick(w, MODEL_BOTS) : -1;
	d->priority = pick(w, DEIA_PRIORITIES);
	d->max_attempts = once_in(w, 2) ? 0 : 1 + pick(w, 8);
	d->hops = once_in(w, 4) ? pick(w, 40) : 0;
	d->ttl_seconds = pick_ttl(w);
	d->content_len = pick_len(w);
	d->content = pool + pick(w, POOL - (unsigned)d->content_len);
	d->dialogue = dialogues[pick(w, 4)];
	d->metadata = metadata[pick(w, 4)];
	d->notify = once_in(w, 4);
	x = once_in(w, 4) ? pick_msg(w, -1) : NULL;
	if (x)
		memcpy(d->reply_to, x->id, sizeof(x->id));
}

/* ---- inboxes ----------------------------------------------------------- */

static bool has_waits(const struct world *w, int inbox)
{
	for (int i = 0; i < MODEL_WAITS; i++)
		if (w->md.waits[i] && !w->md.waits[i]->done &&
		    w->md.waits[i]->inbox == inbox)
			return true;
	return false;
}

void op_inbox(struct world *w)
{
	int inbox = (int)pick(w, MODEL_BOTS);
	const char *name = model_names[inbox];

	/* Mostly open, or nothing ever happens. */
	if (!w->md.open[inbox] || once_in(w, 2)) {
		describe(w, "open %s", name);
		w->md.open[inbox] = true;
		w->err = sim_open_inbox(&w->sim, name);
		model_check(&w->md, w->err == DEIA_OK, "open: %s",
			    deia_err_name(w->err));
		return;
	}
	if (inbox == MODEL_SYSTEM)
		return;
	describe(w, "close %s", name);
	w->md.open[inbox] = false;
	w->md.closing[inbox] = true;
	deia_messenger_close_inbox(w->sim.m, name);
	sim_idle(&w->sim);
	w->md.closing[inbox] = false;
	model_check(&w->md, !has_waits(w, inbox),
		    "%s is closed, and still"
		    " somebody waits",
		    name);
}

static void on_purged(deia_err err, void *user)
{
	struct world *w = user;

	w->calls++;
	w->n_open--;
	w->err = err;
}

void op_purge(struct world *w)
{
	int inbox = (int)pick(w, MODEL_BOTS);
	struct model *md = &w->md;

	if (!once_in(w, 5))
		return;
	describe(w, "purge %s", model_names[inbox]);
	w->want = DEIA_OK;
	finish_call(w, deia_messenger_purge_inbox(w->sim.m, model_names[inbox],
						  on_purged, w));
	for (size_t i = md->n; i-- > 0;) {
		if (md->msgs[i].draft.to != inbox)
			continue;
		model_remove(md, &md->msgs[i]);
		md->n_gone++;
		md->cleaned++; /* they go without a word */
	}
	md->passed[inbox] |= 1;
}

/* ---- sending ----------------------------------------------------------- */

#define BATCH 1000

struct sending {
	struct model_draft drafts[BATCH];
	struct deia_message_draft real[BATCH];
	size_t n;
};
static struct sending sending;

/* What may come of it; 0 alone: it works. */
static deia_err wanted(const struct world *w, const struct sending *s)
{
	uint64_t more[MODEL_BOTS] = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		int to = s->drafts[i].to;

		if (!w->md.open[to])
			return DEIA_ENOTFOUND;
		if (model_open_len(&w->md, to) + ++more[to] >
		    w->md.opts.inbox_max)
			return DEIA_EBUSY;
	}
	return DEIA_OK;
}

/* The answer to a send: the messages just queued, in order. */
static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct world *w = user;
	const struct model_msg *x;

	w->calls++;
	w->n_open--;
	w->err = err;
	if (err)
		return;
	model_check(&w->md, n == sending.n && !more, "%zu sent, not %zu", n,
		    sending.n);
	for (size_t i = 0; i < n; i++) {
		x = model_find(&w->md, items[i].id);
		model_check(&w->md, x, "sent message %s is not there",
			    items[i].id);
		model_check(&w->md, items[i].content,
			    "%s comes without its content", x->id);
		model_compare(&w->md, x, &items[i]);
	}
}

static void send_now(struct world *w, const char *key, bool *replayed)
{
	for (size_t i = 0; i < sending.n; i++)
		model_draft_fill(&sending.drafts[i], &sending.real[i]);
	w->md.sending = sending.drafts;
	w->md.n_queued = 0;
	w->md.n_sending = w->want ? 0 : sending.n;
	finish_call(w, deia_messenger_send(w->sim.m, sending.real, sending.n,
					   key, replayed, on_sent, w));
}

void op_send(struct world *w)
{
	unsigned most = w->run->profile == PROFILE_DEEP ? 400 : 6;

	sending.n = once_in(w, 3) ? 1 + pick(w, most) : 1;
	if (once_in(w, 200))
		sending.n = BATCH;
	for (size_t i = 0; i < sending.n; i++) {
		pick_draft(w, &sending.drafts[i]);
		/* Batches go to few. */
		if (i > 0 && sending.n > 20)
			sending.drafts[i].to = sending.drafts[i - 1].to;
		if (!w->md.open[sending.drafts[i].to] && !once_in(w, 10))
			sending.drafts[i].to = MODEL_SYSTEM;
	}
	w->want = wanted(w, &sending);
	describe(w, "send %zu, first %s to %s P%u", sending.n,
		 model_names[sending.drafts[0].from],
		 model_names[sending.drafts[0].to], sending.drafts[0].priority);
	send_now(w, NULL, NULL);
}

/* ---- bad drafts -------------------------------------------------------- */

static const char *spoil(struct world *w, struct deia_message_draft *d)
{
	static char long_id[80], long_metadata[DEIA_MAX_METADATA_BYTES + 4];

	memset(long_id, 'x', DEIA_MAX_ID_LEN + 1);
	memset(long_metadata, ' ', sizeof(long_metadata) - 1);
	long_metadata[0] = '{';
	long_metadata[sizeof(long_metadata) - 2] = '}';
	switch (pick(w, 14)) {
	case 0:
		d->from = once_in(w, 2) ? NULL : "";
		return "from";
	case 1:
		d->from = long_id;
		return "from";
	case 2:
		d->to = once_in(w, 2) ? NULL : "a b";
		return "to";
	case 3:
		d->priority = 4 + pick(w, 100);
		return "priority";
	case 4:
		d->ttl_seconds = -1;
		return "ttl_seconds";
	case 5:
		d->ttl_seconds = DEIA_MAX_TTL_SECONDS + 1;
		return "ttl_seconds";
	case 6:
		d->max_attempts = DEIA_MAX_ATTEMPTS + 1;
		return "max_attempts";
	case 7:
		d->content = "\xff\xfe";
		d->content_len = 2;
		return "content";
	case 8:
		d->content = "a\0b";
		d->content_len = 3;
		return "content";
	case 9:
		d->metadata = "[1]";
		return "metadata";
	case 10:
		d->metadata = long_metadata;
		return "metadata";
	case 11:
		d->metadata = "{\"a\":";
		return "metadata";
	case 12:
		d->reply_to = "not-an-id";
		return "reply_to";
	default:
		d->content = NULL;
		d->content_len = 5;
		return "content";
	}
}

void op_send_bad(struct world *w)
{
	size_t at;
	const char *field, *got;

	sending.n = 1 + pick(w, 5);
	for (size_t i = 0; i < sending.n; i++) {
		pick_draft(w, &sending.drafts[i]);
		sending.drafts[i].to = MODEL_SYSTEM;
		model_draft_fill(&sending.drafts[i], &sending.real[i]);
	}
	if (model_open_len(&w->md, MODEL_SYSTEM) + sending.n >
	    w->md.opts.inbox_max)
		return;
	at = pick(w, (unsigned)sending.n);
	field = spoil(w, &sending.real[at]);
	describe(w, "send %zu with a bad %s at %zu", sending.n, field, at);
	w->want = DEIA_EFIELD;
	finish_call(w, deia_messenger_send(w->sim.m, sending.real, sending.n,
					   once_in(w, 4) ? "bad" : NULL, NULL,
					   on_sent, w));
	got = deia_messenger_field(w->sim.m);
	model_check(&w->md, got && strcmp(got, field) == 0, "field %s, not %s",
		    got ? got : "(null)", field);
	model_check(&w->md, deia_messenger_error_index(w->sim.m) == (int)at,
		    "error_index %d, not %zu",
		    deia_messenger_error_index(w->sim.m), at);
	model_check(&w->md, deia_messenger_errmsg(w->sim.m)[0], "no errmsg");
}

/* ---- keys -------------------------------------------------------------- */

/* Keys live for at least a day; older ones are not asked for again. */
static struct model_key *pick_key(struct world *w)
{
	struct model *md = &w->md;
	size_t i, n = 0;

	for (i = 0; i < md->n_keys; i++)
		if (md->hive - md->keys[i].created < INT64_C(86400000))
			md->keys[n++] = md->keys[i];
	md->n_keys = n;
	return n ? &md->keys[pick(w, (unsigned)n)] : NULL;
}

static const struct model_key *repeated;

static void on_replay(deia_err err, const struct deia_message *items, size_t n,
		      bool more, void *user)
{
	struct world *w = user;
	size_t i, k = 0;

	w->calls++;
	w->n_open--;
	w->err = err;
	if (err)
		return;
	model_check(&w->md, !more, "more in a replay");
	/* Those that retention took are left out. */
	for (i = 0; i < repeated->n; i++) {
		if (!model_find(&w->md, repeated->ids[i]))
			continue;
		model_check(&w->md,
			    k < n && strcmp(items[k].id, repeated->ids[i]) == 0,
			    "the answer to a repeated key lacks %s",
			    repeated->ids[i]);
		k++;
	}
	model_check(&w->md, k == n, "%zu more in the repeated answer", n - k);
}

/* The same key again: with the same drafts, or with others. */
static void repeat(struct world *w, const struct model_key *k)
{
	bool replayed = false, other = once_in(w, 4);

	repeated = k;
	sending.n = k->n;
	memcpy(sending.drafts, k->drafts, k->n * sizeof(k->drafts[0]));
	if (other)
		sending.drafts[k->n - 1].priority ^= 1;
	for (size_t i = 0; i < k->n; i++)
		model_draft_fill(&sending.drafts[i], &sending.real[i]);
	describe(w, "repeat key %s of %s%s", k->key,
		 model_names[k->drafts[0].from], other ? ", changed" : "");
	w->want = other ? DEIA_ECONFLICT : DEIA_OK;
	finish_call(w, deia_messenger_send(w->sim.m, sending.real, k->n, k->key,
					   &replayed, on_replay, w));
	model_check(&w->md, replayed == !other, "replayed is %d", replayed);
}

void op_send_key(struct world *w)
{
	struct model *md = &w->md;
	struct model_key *k = pick_key(w);
	bool replayed = true;

	if (k && once_in(w, 2)) {
		repeat(w, k);
		return;
	}
	if (md->n_keys == MODEL_KEYS)
		return;
	sending.n = 1 + pick(w, MODEL_KEY_DRAFTS);
	for (size_t i = 0; i < sending.n; i++)
		pick_draft(w, &sending.drafts[i]);
	w->want = wanted(w, &sending);
	k = &md->keys[md->n_keys];
	memset(k, 0, sizeof(*k));
	snprintf(k->key, sizeof(k->key), "k%lu", w->step);
	memcpy(k->drafts, sending.drafts, sending.n * sizeof(k->drafts[0]));
	describe(w, "send %zu with key %s", sending.n, k->key);
	send_now(w, k->key, &replayed);
	if (w->want)
		return;
	model_check(md, !replayed, "replayed is set for a new key");
	k->n = sending.n;
	k->created = md->hive;
	for (size_t i = 0; i < k->n; i++)
		memcpy(k->ids[i], md->msgs[md->n - k->n + i].id, 37);
	md->n_keys++;
}
