/* SPDX-License-Identifier: MIT */
/*
 * nodes.c - joining the other nodes of a database, and leaving them.
 *
 * A name belongs to one run at a time. Who joins shuts the former run of its
 * name out first, and only then reads what the database holds: from then on
 * nobody else changes this node's rows. One that lives is left alone, and the
 * name is refused; one that is silent but has a session left (a program that
 * hangs, a machine that was cut off) is waited for as long as other nodes
 * would wait.
 */
#include "hive/nodes/nodes.h"
#include "hive/health/health.h"
#include "hive/scaling/scaling.h"
#include "hive/mail/reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <deia/version.h>

#include "store/wait.h"

#define STEP_MS 30000  /* the database answers one question */
#define SETTLE_MS 5    /* between two looks */
#define AGAIN_MS 200   /* between two tries to take a name over */
#define TRIES_MAX 1000 /* several that start at once take turns */

bool deia__nodes_shared(const deia_hive *h)
{
	return h->nodes->shared;
}

bool deia__nodes_several(const deia_hive *h)
{
	return deia__nodes_shared(h) && h->nodes->n > 1;
}

const char *deia__node_mark(const deia_hive *h)
{
	return h->nodes->shared ? h->nodes->name : "";
}

bool deia__node_is_own(const deia_hive *h, const char *mark)
{
	return !h->nodes->shared || !mark[0] ||
	       strcmp(mark, h->nodes->name) == 0;
}

const char *deia__node_shown(const deia_hive *h, const char *mark)
{
	return deia__node_is_own(h, mark) ? h->nodes->name : mark;
}

const char *deia_hive_node_name(const deia_hive *h)
{
	return h->nodes->name;
}

/* ---- one step with the store --------------------------------------------- */

static void step_ended(deia_hive *h, deia_err err)
{
	h->nodes->step_done = true;
	h->nodes->step_err = err;
}

static void on_step(deia_err err, const int64_t *seqs, size_t n_seqs,
		    void *user)
{
	(void)seqs;
	(void)n_seqs;
	step_ended(user, err);
}

static void on_fenced(deia_err err, void *user)
{
	step_ended(user, err);
}

/* err: of the call that began it. */
static deia_err await_step(deia_hive *h, deia_err err)
{
	if (err)
		return err;
	if (!deia__store_wait(h->store, &h->nodes->step_done, STEP_MS))
		return DEIA_ETIMEDOUT;
	return h->nodes->step_err;
}

static deia_err fence(deia_hive *h, int64_t writer, bool force)
{
	h->nodes->step_done = false;
	return await_step(
		h, deia_store_fence(h->store, writer, force, on_fenced, h));
}

/* ---- the own row ---------------------------------------------------------- */

static void tell_joined(deia_hive *h, deia_txn *t)
{
	char text[32];

	snprintf(text, sizeof(text), "+%lld", (long long)h->nodes->writer);
	deia_txn_notify(t, DEIA__TOPIC_NODES, text);
}

static deia_err insert_row(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	struct deia_value row[NODE_COLUMNS];
	deia_txn *t = deia_txn_new(h->store);

	n->beat = deia__unix_ms(NULL);
	row[NODE_NAME] = deia_text(n->name);
	row[NODE_WRITER] = deia_int(n->writer);
	row[NODE_URL] = deia_text(n->url);
	row[NODE_VERSION] = deia_text(deia_version());
	row[NODE_STARTED] = deia_int(h->started_unix_ms);
	row[NODE_BEAT] = deia_int(n->beat);
	deia_txn_insert(t, &deia__table_nodes, row);
	tell_joined(h, t);
	n->step_done = false;
	return await_step(h, deia_txn_commit(t, on_step, h));
}

static deia_err take_row(deia_hive *h, int64_t former)
{
	struct deia__nodes *n = h->nodes;
	struct deia_value key = deia_text(n->name);
	int64_t now = deia__unix_ms(NULL);
	struct deia_set guard = { NODE_WRITER, deia_int(former) };
	struct deia_set set[] = {
		{ NODE_WRITER, deia_int(n->writer) },
		{ NODE_URL, deia_text(n->url) },
		{ NODE_VERSION, deia_text(deia_version()) },
		{ NODE_STARTED, deia_int(h->started_unix_ms) },
		{ NODE_BEAT, deia_int(now) },
	};
	deia_txn *t = deia_txn_new(h->store);

	n->beat = now;
	deia_txn_update(t, &deia__table_nodes, &key, set, 5, &guard);
	tell_joined(h, t);
	n->step_done = false;
	return await_step(h, deia_txn_commit(t, on_step, h));
}

/* The row of the own name; writer 0: there is none. */
static deia_err read_row(deia_hive *h, struct deia__node *out)
{
	struct deia_value name = deia_text(h->nodes->name);
	struct deia_page_query q = {
		.table = &deia__table_nodes,
		.index = -1,
		.equal = &name,
		.n_equal = 1,
		.limit = 1,
	};
	deia_rows *rows;
	deia_err err = deia_store_page_now(h->store, &q, &rows);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	if (deia_rows_count(rows))
		deia__node_fill(out, rows, 0, deia__now_ms(NULL));
	deia_rows_free(rows);
	return DEIA_OK;
}

/* ---- joining --------------------------------------------------------------- */

/* What is known of the former run while it is waited for. */
struct former {
	struct deia__node node;
	int64_t since_ms; /* it has been silent */
	bool told;
};

static void nap(void)
{
	struct timespec t = { 0, AGAIN_MS * 1000000L };

	nanosleep(&t, NULL);
}

static deia_err refuse_name(deia_hive *h)
{
	return deia__hive_fail(h, DEIA_EBUSY,
			       "a node named \"%s\" runs already on this "
			       "database: give this one a name of its own "
			       "(node.name)",
			       h->nodes->name);
}

/* It holds its session. DEIA_OK: try again. */
static deia_err wait_for(deia_hive *h, struct former *f)
{
	int64_t now = deia__now_ms(NULL);

	if (now - f->since_ms > DEIA__NODE_FORCE_MS + DEIA__NODE_GRACE_MS)
		return refuse_name(h);
	if (!f->told && now - f->since_ms > DEIA__NODE_BEAT_MS) {
		f->told = true;
		deia__hive_log(h, DEIA_LOG_WARN,
			       "a former run of node \"%s\" is silent but has "
			       "a session left; it is shut out after %d s",
			       h->nodes->name, DEIA__NODE_FORCE_MS / 1000);
	}
	nap();
	return DEIA_OK;
}

/* One try; *joined: it is done. DEIA_OK and not joined: try again. */
static deia_err try_join(deia_hive *h, struct former *f, bool *joined)
{
	struct deia__node now;
	deia_err err = read_row(h, &now);
	bool force;

	if (err)
		return err;
	if (!now.writer) {
		err = insert_row(h);
		*joined = !err;
		return err == DEIA_EEXIST ? DEIA_OK : err;
	}
	if (f->node.writer == now.writer && f->node.beat != now.beat)
		return refuse_name(h);
	if (f->node.writer != now.writer) {
		f->node = now;
		f->since_ms = deia__now_ms(NULL);
	}
	force = deia__now_ms(NULL) - f->since_ms >= DEIA__NODE_FORCE_MS;
	err = fence(h, now.writer, force);
	if (err == DEIA_EBUSY)
		return wait_for(h, f);
	if (!err)
		err = take_row(h, now.writer);
	*joined = !err;
	return err == DEIA_ECONFLICT || err == DEIA_ENOTFOUND ? DEIA_OK : err;
}

static deia_err join(deia_hive *h)
{
	struct former f = { .told = false };
	bool joined = false;
	deia_err err = DEIA_OK;

	for (int i = 0; i < TRIES_MAX && !joined && !err; i++)
		err = try_join(h, &f, &joined);
	if (!err && !joined)
		return refuse_name(h);
	if (err && err != DEIA_EBUSY)
		deia__hive_fail(h, err, "node \"%s\" cannot join: %s",
				h->nodes->name, deia_err_text(err));
	h->nodes->joined = !err;
	return err;
}

static deia_err see_first(deia_hive *h, const deia_rows *rows, size_t r)
{
	struct deia__node node;

	deia__node_fill(&node, rows, r, deia__now_ms(NULL));
	if (deia__node_put(h, &node))
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_ELIMIT,
			       "more than %d nodes use this database",
			       DEIA__NODES_MAX);
}

static deia_err first_look(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_nodes,
		.index = -1,
		.limit = DEIA__NODES_MAX,
	};

	return deia__hive_each_row(h, &q, see_first);
}

static deia_err read_opts(deia_hive *h, const struct deia_hive_opts *o)
{
	struct deia__nodes *n = h->nodes;
	const char *name = o->node_name ? o->node_name : DEIA_NODE_NAME_DEFAULT;

	if (!deia_bot_id_valid(name))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "node_name: 1 to 64 letters, digits and "
				       ". _ -");
	if (o->node_url && strlen(o->node_url) > DEIA_MAX_NODE_URL_BYTES)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "node_url: at most %d bytes",
				       DEIA_MAX_NODE_URL_BYTES);
	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->url, sizeof(n->url), "%s", o->node_url ? o->node_url : "");
	n->on_lost = o->lost;
	n->lost_user = o->lost_user;
	return DEIA_OK;
}

/* Where nobody shares there is this one. */
static deia_err alone(deia_hive *h)
{
	struct deia__node own = { .started_ms = h->started_unix_ms };

	memcpy(own.name, h->nodes->name, sizeof(own.name));
	memcpy(own.url, h->nodes->url, sizeof(own.url));
	snprintf(own.version, sizeof(own.version), "%s", deia_version());
	if (deia__node_put(h, &own))
		return DEIA_OK;
	return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
}

deia_err deia__nodes_open(deia_hive *h, const struct deia_hive_opts *o,
			  char *detail, size_t detail_len)
{
	struct deia__nodes *n = deia__alloc(sizeof(*n));
	deia_err err;

	h->nodes = n;
	if (!n)
		return DEIA_ENOMEM;
	deia__far_init(h);
	n->shared = deia_store_is_shared(h->store);
	n->writer = deia_store_writer(h->store);
	err = read_opts(h, o);
	if (!err)
		err = n->shared ? join(h) : alone(h);
	if (!err && n->shared)
		err = first_look(h);
	if (!err && n->shared)
		err = deia__nodes_adopt(h);
	if (err && detail && detail_len)
		snprintf(detail, detail_len, "%s", h->msg.text);
	return err;
}

/* ---- notices --------------------------------------------------------------- */

static void on_notice(const struct deia_notice *notice, void *user)
{
	deia_hive *h = user;

	if (!notice) {
		deia__nodes_look(h);
		deia__reread_bots(h, NULL);
		deia__reread_tokens(h, NULL);
		deia__scaling_reread(h);
		deia__health_reread(h);
	} else if (strcmp(notice->topic, DEIA__TOPIC_NODES) == 0) {
		deia__nodes_noticed(h, notice->text);
	} else if (strcmp(notice->topic, DEIA__TOPIC_BOTS) == 0) {
		deia__reread_bots(h, notice->text);
	} else if (strcmp(notice->topic, DEIA__TOPIC_TOKENS) == 0) {
		deia__reread_tokens(h, notice->text);
	} else if (strcmp(notice->topic, DEIA__TOPIC_DIALOGUES) == 0) {
		deia__dialogue_told(h, notice->text);
	} else if (strcmp(notice->topic, DEIA__TOPIC_SCALING) == 0) {
		deia__scaling_reread(h);
	} else if (strcmp(notice->topic, DEIA__TOPIC_HEALTH) == 0) {
		deia__health_reread(h);
	}
}

deia_err deia__nodes_settle(deia_hive *h)
{
	static const bool never = false;
	int64_t until = deia__now_ms(NULL) + STEP_MS;

	while (h->nodes->shared && h->n_changes) {
		if (deia__now_ms(NULL) > until)
			return deia__hive_fail(h, DEIA_ETIMEDOUT,
					       "the database does not answer");
		deia__store_wait(h->store, &never, SETTLE_MS);
	}
	return DEIA_OK;
}

deia_err deia__nodes_start(deia_hive *h)
{
	deia_err err;

	if (!h->nodes->shared)
		return DEIA_OK;
	deia__nodes_beat_start(h);
	deia__nodes_tell(h);
	err = deia_store_watch(h->store, on_notice, h);
	if (err)
		deia__hive_fail(h, err, "the database cannot be watched: %s",
				deia_err_text(err));
	return err;
}

/* ---- the end --------------------------------------------------------------- */

void deia__nodes_end(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	struct deia_value key;
	struct deia_set set, guard;
	char text[32];
	deia_txn *t;

	if (!n || !h->store || !n->shared)
		return;
	deia_store_unwatch(h->store, on_notice, h);
	if (!n->joined || n->lost)
		return;
	key = deia_text(n->name);
	guard = (struct deia_set){ NODE_WRITER, deia_int(n->writer) };
	set = (struct deia_set){ NODE_BEAT, deia_int(deia__unix_ms(NULL)) };
	snprintf(text, sizeof(text), "-%lld", (long long)n->writer);
	t = deia_txn_new(h->store);
	deia_txn_update(t, &deia__table_nodes, &key, &set, 1, &guard);
	deia_txn_delete(t, &deia__table_nodes, &key);
	deia_txn_notify(t, DEIA__TOPIC_NODES, text);
	if (deia_txn_commit(t, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "the other nodes are not told that this one "
			       "ends; they will notice");
}

void deia__nodes_free(deia_hive *h)
{
	if (!h->nodes)
		return;
	if (h->timers)
		deia__timer_clear(h->timers, &h->nodes->timer);
	deia__far_free(h);
	deia__free(h->nodes->items);
	deia__free(h->nodes);
	h->nodes = NULL;
}
