/* SPDX-License-Identifier: MIT */
/*
 * node_watch.c - heartbeats, and what they say about other nodes.
 *
 * Each second the own beat is raised and all rows are read. One that is silent
 * is shut out in the database (deia_store_fence), and only then its row goes:
 * whoever sees no row knows that this writer commits nothing any more. Several
 * nodes may do so at once; the row, guarded by the writer, goes once.
 *
 * When it is this node that was shut out, or its store failed for good, it
 * tells the program, which ends: its bots would work for nobody.
 */
#include "hive/mail/mail.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fencing {
	deia_hive *hive;
	char name[DEIA_MAX_ID_LEN + 1];
	int64_t writer;
};

/* ---- the list --------------------------------------------------------------- */

void deia__node_fill(struct deia__node *node, const deia_rows *rows, size_t r,
		     int64_t now_ms)
{
	memset(node, 0, sizeof(*node));
	snprintf(node->name, sizeof(node->name), "%s",
		 deia_rows_text(rows, r, NODE_NAME));
	snprintf(node->url, sizeof(node->url), "%s",
		 deia_rows_text(rows, r, NODE_URL));
	snprintf(node->version, sizeof(node->version), "%s",
		 deia_rows_text(rows, r, NODE_VERSION));
	node->writer = deia_rows_get(rows, r, NODE_WRITER)->i;
	node->started_ms = deia_rows_get(rows, r, NODE_STARTED)->i;
	node->beat = deia_rows_get(rows, r, NODE_BEAT)->i;
	node->moved_ms = now_ms;
}

struct deia__node *deia__node_find(const deia_hive *h, const char *name)
{
	struct deia__nodes *n = h->nodes;

	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->items[i].name, name) == 0)
			return &n->items[i];
	return NULL;
}

static struct deia__node *by_writer(const deia_hive *h, int64_t writer)
{
	struct deia__nodes *n = h->nodes;

	for (size_t i = 0; i < n->n; i++)
		if (n->items[i].writer == writer)
			return &n->items[i];
	return NULL;
}

struct deia__node *deia__node_put(deia_hive *h, const struct deia__node *node)
{
	struct deia__nodes *n = h->nodes;
	size_t at = 0;

	if (!n->items)
		n->items = deia__alloc(DEIA__NODES_MAX * sizeof(*n->items));
	if (!n->items || n->n == DEIA__NODES_MAX)
		return NULL;
	while (at < n->n && strcmp(n->items[at].name, node->name) < 0)
		at++;
	memmove(&n->items[at + 1], &n->items[at],
		(n->n - at) * sizeof(*n->items));
	n->items[at] = *node;
	n->n++;
	return &n->items[at];
}

static void drop_node(deia_hive *h, struct deia__node *node)
{
	struct deia__nodes *n = h->nodes;
	size_t at = (size_t)(node - n->items);

	n->n--;
	memmove(node, node + 1, (n->n - at) * sizeof(*node));
}

size_t deia_hive_nodes(const deia_hive *h, const char *after,
		       struct deia_node *out, size_t max)
{
	const struct deia__nodes *n = h->nodes;
	int64_t now = deia__timers_now(h->timers);
	size_t got = 0;

	for (size_t i = 0; i < n->n && got < max; i++) {
		const struct deia__node *item = &n->items[i];
		bool own = item->writer == n->writer;

		if (item->promised || (after && strcmp(item->name, after) <= 0))
			continue;
		out[got++] = (struct deia_node){
			.name = item->name,
			.url = item->url,
			.version = item->version,
			.started_unix_ms = item->started_ms,
			.alive = own || deia__judge_hears(&n->judge,
							  item->moved_ms, now),
			.own = own,
			.bots = own ? HASH_COUNT(h->hbots)
				    : deia__far_count(h, item->name),
		};
	}
	return got;
}

/* ---- who runs --------------------------------------------------------------- */

void deia__nodes_tell(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	int64_t *writers = deia__alloc((n->n + 1) * sizeof(*writers));
	deia_err err = writers ? DEIA_OK : DEIA_ENOMEM;

	for (size_t i = 0; !err && i < n->n; i++)
		writers[i] = n->items[i].writer;
	if (!err)
		err = deia_messenger_set_nodes(h->mail->messenger, writers,
					       n->n);
	if (err)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "mail does not learn which nodes run: %s",
			       deia_err_text(err));
	deia__free(writers);
}

static void changed(deia_hive *h)
{
	deia__nodes_tell(h);
	deia__far_nodes_changed(h);
}

/* ---- the end of this one ---------------------------------------------------- */

static void lose_self(deia_hive *h, const char *why)
{
	struct deia__nodes *n = h->nodes;

	if (n->lost || h->freeing)
		return;
	n->lost = true;
	deia__timer_clear(h->timers, &n->timer);
	deia__hive_fail(h, DEIA_ESTATE, "node \"%s\" ends: %s", n->name, why);
	deia__hive_log(h, DEIA_LOG_ERROR, "%s", h->msg.text);
	if (n->on_lost)
		n->on_lost(h->msg.text, n->lost_user);
}

static void shut_out(deia_hive *h)
{
	lose_self(h, "the other nodes did not hear of it and have shut it out "
		     "of the database; start it again");
}

/* ---- the end of another one ------------------------------------------------- */

static void on_row_gone(deia_hive *h, deia_err err, const int64_t *seqs,
			size_t n_seqs, void *arg)
{
	struct fencing *f = arg;
	struct deia__node *node = by_writer(h, f->writer);

	(void)seqs;
	(void)n_seqs;
	if (node)
		node->fencing = false;
	if (!err)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "node \"%s\" is gone: it was not heard of, and "
			       "is shut out; its mail is delivered by the "
			       "others, its bots wait for it",
			       f->name);
	else if (err != DEIA_ECONFLICT && err != DEIA_ENOTFOUND)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "the end of node \"%s\" is not recorded: %s",
			       f->name, deia_err_text(err));
	deia__free(f);
	if (!h->freeing)
		deia__nodes_look(h);
}

static void add_lost_event(struct deia__change *c, const deia_hive *h,
			   const char *node)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "node", node);
	deia_jw_kstr(&w, "by", h->nodes->name);
	deia_jw_end_object(&w);
	deia__change_event(c, "node.lost", node,
			   deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
}

/* It is shut out: its row goes, unless somebody else was faster. */
static deia_err delete_row(deia_hive *h, struct fencing *f)
{
	struct deia__change *c = deia__change_new(h);
	struct deia_value key = deia_text(f->name);
	struct deia_set guard = { NODE_WRITER, deia_int(f->writer) };
	struct deia_set set = { NODE_BEAT, deia_int(0) };
	struct deia_actor actor = { .name = "" };
	char text[32];

	snprintf(actor.name, sizeof(actor.name), "node %s", h->nodes->name);
	snprintf(text, sizeof(text), "-%lld", (long long)f->writer);
	deia_txn_update(deia__change_txn(c), &deia__table_nodes, &key, &set, 1,
			&guard);
	deia_txn_delete(deia__change_txn(c), &deia__table_nodes, &key);
	deia__change_notify(c, DEIA__TOPIC_NODES, text);
	add_lost_event(c, h, f->name);
	deia__change_audit(c, &actor, "node.lost", f->name, DEIA_OK);
	return deia__change_commit(c, h, on_row_gone, f);
}

static void on_fenced(deia_err err, void *user)
{
	struct fencing *f = user;
	deia_hive *h = f->hive;
	struct deia__node *node = by_writer(h, f->writer);

	if (!err && !h->freeing && !delete_row(h, f))
		return;
	if (node)
		node->fencing = false;
	if (node && err == DEIA_EBUSY && !node->told) {
		node->told = true;
		deia__hive_log(h, DEIA_LOG_WARN,
			       "node \"%s\" is not heard of, but has a session "
			       "in the database; it is shut out after %d s",
			       node->name, DEIA__NODE_FORCE_MS / 1000);
	}
	deia__free(f);
}

static void fence(deia_hive *h, struct deia__node *node, bool force)
{
	struct fencing *f;

	if (node->fencing)
		return;
	f = deia__alloc(sizeof(*f));
	if (!f)
		return; /* at the next look */
	f->hive = h;
	memcpy(f->name, node->name, sizeof(f->name));
	f->writer = node->writer;
	node->fencing = true;
	if (deia_store_fence(h->store, f->writer, force, on_fenced, f)) {
		node->fencing = false;
		deia__free(f);
	}
}

static void judge(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	int64_t now = deia__timers_now(h->timers);
	struct deia_store_stats st;

	deia_store_get_stats(h->store, &st);
	if (!deia__judge_may(&n->judge, now, st.away))
		return;
	for (size_t i = 0; i < n->n; i++) {
		struct deia__node *node = &n->items[i];
		enum deia__verdict v =
			deia__judge_node(&n->judge, node->moved_ms, now);

		if (node->writer == n->writer || node->promised)
			continue;
		if (v == DEIA__NODE_LIVES)
			node->told = false;
		else
			fence(h, node, v == DEIA__NODE_GIVEN_UP);
	}
}

/* ---- looking ----------------------------------------------------------------- */

/* True when the set of those that run is another one now. */
static bool see_row(deia_hive *h, const deia_rows *rows, size_t r, int64_t now)
{
	struct deia__node seen, *node;
	bool other;

	deia__node_fill(&seen, rows, r, now);
	seen.seen = true;
	node = deia__node_find(h, seen.name);
	if (!node)
		return deia__node_put(h, &seen) != NULL;
	other = node->writer != seen.writer;
	if (!other && node->beat == seen.beat)
		seen.moved_ms = node->moved_ms;
	seen.fencing = !other && node->fencing;
	seen.told = !other && node->told;
	*node = seen;
	return other;
}

static bool see_rows(deia_hive *h, const deia_rows *rows)
{
	struct deia__nodes *n = h->nodes;
	int64_t now = deia__timers_now(h->timers);
	bool other = false;

	for (size_t i = 0; i < n->n; i++)
		n->items[i].seen = false;
	for (size_t r = 0; r < deia_rows_count(rows); r++)
		other |= see_row(h, rows, r, now);
	for (size_t i = n->n; i-- > 0;) {
		/* Promised, and this look began before. */
		if (n->items[i].seen || (n->items[i].promised && n->look_again))
			continue;
		if (!n->items[i].promised)
			deia__hive_log(h, DEIA_LOG_INFO,
				       "node \"%s\" has left, or was "
				       "shut out",
				       n->items[i].name);
		drop_node(h, &n->items[i]);
		other = true;
	}
	return other;
}

static void follow(deia_hive *h, const deia_rows *rows)
{
	if (see_rows(h, rows))
		changed(h);
	if (by_writer(h, h->nodes->writer))
		judge(h);
	else
		shut_out(h);
}

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	deia_hive *h = user;
	struct deia__nodes *n = h->nodes;

	n->looking = false;
	if (h->freeing || n->lost)
		return;
	/* Half of them, since the store was slow, say nothing of the rest. */
	if (!err && !deia_rows_has_more(rows))
		follow(h, rows);
	if (n->look_again && !n->lost)
		deia__nodes_look(h);
}

void deia__nodes_look(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	struct deia_page_query q = {
		.table = &deia__table_nodes,
		.index = -1,
		.limit = DEIA__NODES_MAX,
	};

	n->look_again = n->looking;
	if (n->looking || n->lost || !h->store)
		return;
	n->looking = !deia_store_page(h->store, &q, on_rows, h);
}

/* Who joined is known before anything it does can be noticed. */
void deia__nodes_noticed(deia_hive *h, const char *text)
{
	struct deia__node node = { .beat = 0 };
	int64_t writer = strtoll(text + (text[0] != '\0'), NULL, 10);

	if (text[0] == '+' && writer > 0 && !by_writer(h, writer)) {
		/* Its name comes with its row. */
		snprintf(node.name, sizeof(node.name), "~%lld",
			 (long long)writer);
		node.promised = true;
		node.writer = writer;
		node.moved_ms = deia__timers_now(h->timers);
		if (deia__node_put(h, &node))
			deia__nodes_tell(h);
	}
	deia__nodes_look(h);
}

/* ---- beating ------------------------------------------------------------------ */

static void on_beat(deia_err err, const int64_t *seqs, size_t n_seqs,
		    void *user)
{
	deia_hive *h = user;
	struct deia__nodes *n = h->nodes;

	(void)seqs;
	(void)n_seqs;
	n->beating = false;
	if (!err)
		deia__judge_beat(&n->judge, deia__timers_now(h->timers));
	else if (err == DEIA_ECONFLICT || err == DEIA_ENOTFOUND)
		shut_out(h);
}

static void beat(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	struct deia_value key = deia_text(n->name);
	struct deia_set guard = { NODE_WRITER, deia_int(n->writer) };
	int64_t now = deia__unix_ms(NULL);
	struct deia_set set;
	deia_txn *t;

	if (n->beating)
		return;
	n->beat = now > n->beat ? now : n->beat + 1; /* it moves each time */
	set = (struct deia_set){ NODE_BEAT, deia_int(n->beat) };
	t = deia_txn_new(h->store);
	deia_txn_update(t, &deia__table_nodes, &key, &set, 1, &guard);
	n->beating = !deia_txn_commit(t, on_beat, h);
}

static void on_time(void *arg)
{
	deia_hive *h = arg;
	struct deia__nodes *n = h->nodes;
	struct deia_store_stats st;

	deia_store_get_stats(h->store, &st);
	deia__store_say(h, &st);
	if (st.failed_hard) {
		lose_self(h, deia_store_errmsg(h->store));
		return;
	}
	/* That it is away is known now, perhaps not at the next look. */
	(void)deia__judge_may(&n->judge, deia__timers_now(h->timers), st.away);
	beat(h);
	deia__nodes_look(h);
	deia__reread_go(h);
	deia__events_look(h);
	if (deia__timer_set(h->timers, &n->timer, DEIA__NODE_BEAT_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "out of memory: the others will shut this node "
			       "out");
}

void deia__nodes_beat_start(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;

	deia__judge_begin(&n->judge, deia__timers_now(h->timers));
	n->timer.fn = on_time;
	n->timer.arg = h;
	if (deia__timer_set(h->timers, &n->timer, DEIA__NODE_BEAT_MS))
		deia__hive_log(h, DEIA_LOG_ERROR, "out of memory");
}
