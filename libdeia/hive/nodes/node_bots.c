/* SPDX-License-Identifier: MIT */
/*
 * node_bots.c - bots that live on other nodes.
 *
 * They stand in a list of their own, so that nothing that goes over the hive's
 * bots meets one of them: no process, no turns, no mail is pushed. What is
 * shown is their specification and the state that their node last wrote into
 * bot_history; once that node is gone they have no process, and are shown as
 * stopped. Their inboxes are open, since mail is common.
 */
#include "hive/mail/mail.h"
#include "hive/nodes/nodes.h"

#include <stdio.h>
#include <string.h>

/* ---- the list --------------------------------------------------------------- */

/* Position of id, or where it would be. */
static size_t seek(const struct deia__nodes *n, const char *id, bool *found)
{
	size_t lo = 0, hi = n->n_far;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(n->far[mid]->spec->id, id);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct deia__far *deia__far_get(const deia_hive *h, const char *id)
{
	struct deia__nodes *n = h->nodes;
	bool found = false;
	size_t at = n && id ? seek(n, id, &found) : 0;

	return found ? n->far[at] : NULL;
}

struct deia__far *deia__far_next(const deia_hive *h, const char *after)
{
	struct deia__nodes *n = h->nodes;
	bool found = false;
	size_t at = after ? seek(n, after, &found) : 0;

	at += found;
	return at < n->n_far ? n->far[at] : NULL;
}

unsigned deia__far_count(const deia_hive *h, const char *node)
{
	const struct deia__nodes *n = h->nodes;
	unsigned count = 0;

	for (size_t i = 0; i < n->n_far; i++)
		count += strcmp(n->far[i]->node, node) == 0;
	return count;
}

static void far_free(struct deia__far *f)
{
	deia_bot_spec_free(f->spec);
	deia__free(f);
}

void deia__far_free(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;

	for (size_t i = 0; i < n->n_far; i++)
		far_free(n->far[i]);
	deia__free(n->far);
	n->far = NULL;
	n->n_far = n->cap_far = 0;
}

static bool grow(struct deia__nodes *n)
{
	size_t cap = n->cap_far ? n->cap_far * 2 : 16;
	void *far;

	if (n->n_far < n->cap_far)
		return true;
	far = deia__realloc(n->far, cap * sizeof(*n->far));
	if (!far)
		return false;
	n->far = far;
	n->cap_far = cap;
	return true;
}

/* A new one, with this specification, which becomes its own. */
static struct deia__far *far_add(deia_hive *h, struct deia_bot_spec *spec)
{
	struct deia__nodes *n = h->nodes;
	struct deia__far *f = grow(n) ? deia__alloc(sizeof(*f)) : NULL;
	bool found;
	size_t at;

	if (!f)
		return NULL;
	at = seek(n, spec->id, &found);
	memmove(&n->far[at + 1], &n->far[at],
		(n->n_far - at) * sizeof(*n->far));
	n->far[at] = f;
	n->n_far++;
	f->spec = spec;
	f->told = DEIA_BOT_STOPPED;
	f->stale = true;
	snprintf(f->told_reason, sizeof(f->told_reason), "not started yet");
	return f;
}

/* ---- who asks for one -------------------------------------------------------- */

deia_err deia__not_here(deia_hive *h, const char *id)
{
	const struct deia__far *f = deia__far_get(h, id);
	const struct deia__node *node = f ? deia__node_find(h, f->node) : NULL;

	if (!f)
		return deia__no_bot(h, id);
	if (!node)
		return deia__hive_fail(h, DEIA_EOTHERNODE,
				       "bot \"%s\" lives on node \"%s\", which "
				       "does not run; start that one",
				       id, f->node);
	return deia__hive_fail(
		h, DEIA_EOTHERNODE,
		"bot \"%s\" lives on node \"%s\"%s%s%s; ask that "
		"one",
		id, f->node, node->url[0] ? " (its API: " : "", node->url,
		node->url[0] ? ")" : "");
}

bool deia__bot_known(const deia_hive *h, const char *id)
{
	const struct deia__hbot *b = deia__hbot_get(h, id);

	return b ? !b->creating && !b->removing : deia__far_get(h, id) != NULL;
}

const struct deia_bot_info *deia__bot_info(const deia_hive *h, const char *id)
{
	const struct deia__far *f = deia__far_get(h, id);

	if (deia__hbot_get(h, id))
		return deia_bots_get(h->bots, id);
	return f ? &f->info : NULL;
}

void deia__far_fill(const deia_hive *h, const struct deia__far *f,
		    struct deia_hive_bot *out)
{
	memset(out, 0, sizeof(*out));
	out->info = &f->info;
	out->created_unix_ms = f->created_ms;
	out->wanted = f->wanted;
	out->unread = deia__mail_unread(h, f->spec->id);
	out->node = f->node;
	out->elsewhere = true;
	out->memory_bytes = out->cpu_ms = -1;
}

/* ---- what is shown ----------------------------------------------------------- */

static bool has_process(deia_bot_state s)
{
	return s == DEIA_BOT_STARTING || s == DEIA_BOT_READY ||
	       s == DEIA_BOT_BUSY || s == DEIA_BOT_PAUSED ||
	       s == DEIA_BOT_STOPPING;
}

static void show(const deia_hive *h, struct deia__far *f)
{
	bool runs = deia__node_find(h, f->node) != NULL;

	if (runs)
		memcpy(f->reason, f->told_reason, sizeof(f->reason));
	else
		snprintf(f->reason, sizeof(f->reason),
			 "its node \"%s\" does not run", f->node);
	f->info = (struct deia_bot_info){
		.spec = f->spec,
		.state = runs ? f->told : DEIA_BOT_STOPPED,
		.state_reason = f->reason,
		.status_text = "",
		.pid = runs && has_process(f->told) ? f->told_pid : 0,
		.restarts = f->told_restarts,
		.max_concurrent = f->spec->max_concurrent,
		.exit_code = -1,
		.capabilities = f->spec->capabilities,
		.n_capabilities = f->spec->n_capabilities,
		.ping_ms = -1,
		.memory_bytes = -1,
		.processes = -1,
		.last_exit = { .code = -1, .reason = "" },
	};
}

void deia__far_nodes_changed(deia_hive *h)
{
	for (size_t i = 0; i < h->nodes->n_far; i++)
		show(h, h->nodes->far[i]);
}

static deia_bot_state state_of(const char *name)
{
	for (unsigned s = 0; s < DEIA_BOT_STATES; s++)
		if (strcmp(name, deia_bot_state_name((deia_bot_state)s)) == 0)
			return (deia_bot_state)s;
	return DEIA_BOT_STOPPED;
}

void deia__far_told(deia_hive *h, struct deia__far *f, const deia_rows *rows)
{
	f->stale = false;
	if (deia_rows_count(rows)) {
		f->told = state_of(deia_rows_text(rows, 0, HISTORY_STATE));
		snprintf(f->told_reason, sizeof(f->told_reason), "%s",
			 deia_rows_text(rows, 0, HISTORY_REASON));
		f->told_pid = deia_rows_get(rows, 0, HISTORY_PID)->i;
		f->told_restarts =
			(unsigned)deia_rows_get(rows, 0, HISTORY_RESTARTS)->i;
	}
	show(h, f);
}

deia_err deia__far_load_told(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < n->n_far && !err; i++) {
		struct deia_value id = deia_text(n->far[i]->spec->id);
		struct deia_page_query q = deia__history_newest(&id);
		deia_rows *rows;

		err = deia_store_page_now(h->store, &q, &rows);
		if (err)
			return deia__hive_unreadable(h, err);
		deia__far_told(h, n->far[i], rows);
		deia_rows_free(rows);
	}
	return err;
}

/* ---- rows ---------------------------------------------------------------------- */

static void open_inbox(deia_hive *h, const char *bot)
{
	if (h->mail && deia__mail_bot_added(h, bot))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "bot %s gets no mail from here: %s", bot,
			       h->msg.text);
}

deia_err deia__far_open_inboxes(deia_hive *h)
{
	struct deia__nodes *n = h->nodes;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < n->n_far && !err; i++)
		err = deia__mail_bot_added(h, n->far[i]->spec->id);
	return err;
}

static deia_err read_spec(deia_hive *h, struct deia_bot_spec **out,
			  const deia_rows *rows, size_t r)
{
	const struct deia_value *text = deia_rows_get(rows, r, BOT_SPEC);
	struct deia_field_error where = { "", "it is not JSON" };
	cJSON *json = NULL;
	deia_err err = deia_json_parse(&json, text->s, text->len, NULL);

	*out = NULL;
	if (!err)
		err = deia_bot_spec_parse(out, json, NULL, &where);
	cJSON_Delete(json);
	if (err && err != DEIA_ENOMEM)
		deia__hive_log(h, DEIA_LOG_WARN,
			       "bot %s of another node is not shown: %s %s",
			       deia_rows_text(rows, r, BOT_ID), where.pointer,
			       where.detail);
	return err;
}

/* Takes the specification over. NULL: out of memory. */
static struct deia__far *put(deia_hive *h, struct deia_bot_spec *spec,
			     bool *is_new)
{
	struct deia__far *f = deia__far_get(h, spec->id);

	*is_new = !f;
	if (f) {
		deia_bot_spec_free(f->spec);
		f->spec = spec;
		return f;
	}
	f = far_add(h, spec);
	if (!f)
		deia_bot_spec_free(spec);
	return f;
}

deia_err deia__far_row(deia_hive *h, const deia_rows *rows, size_t r,
		       unsigned round)
{
	const char *mark = deia_rows_text(rows, r, BOT_NODE);
	struct deia_bot_spec *spec;
	struct deia__far *f;
	deia_err err;
	bool is_new;

	/* One that is being made here, too, is looked at again afterwards. */
	if (deia__node_is_own(h, mark) ||
	    deia__hbot_get(h, deia_rows_text(rows, r, BOT_ID)))
		return DEIA_OK;
	err = read_spec(h, &spec, rows, r);
	if (err) /* a newer deia may understand it */
		return err == DEIA_ENOMEM ? err : DEIA_OK;
	f = put(h, spec, &is_new);
	if (!f)
		return DEIA_ENOMEM;
	f->round = round;
	f->stale = true;
	f->created_ms = deia_rows_get(rows, r, BOT_CREATED)->i;
	f->wanted = deia_rows_get(rows, r, BOT_WANTED)->i != DEIA__WISH_STOPPED;
	snprintf(f->node, sizeof(f->node), "%s", mark);
	show(h, f);
	if (is_new)
		open_inbox(h, spec->id);
	return DEIA_OK;
}

static void drop_at(deia_hive *h, size_t at)
{
	struct deia__nodes *n = h->nodes;
	struct deia__far *f = n->far[at];

	n->n_far--;
	memmove(&n->far[at], &n->far[at + 1],
		(n->n_far - at) * sizeof(*n->far));
	if (h->mail && !deia__hbot_get(h, f->spec->id))
		deia__mail_bot_removed(h, f->spec->id, false);
	far_free(f);
}

void deia__far_drop(deia_hive *h, const char *id)
{
	bool found;
	size_t at = seek(h->nodes, id, &found);

	if (found)
		drop_at(h, at);
}

void deia__far_sweep(deia_hive *h, unsigned round)
{
	for (size_t i = h->nodes->n_far; i-- > 0;)
		if (h->nodes->far[i]->round != round)
			drop_at(h, i);
}
