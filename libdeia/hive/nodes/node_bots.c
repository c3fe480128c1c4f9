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

static const char *id_of(const void *item)
{
	const struct deia__far *f = item;

	return f->spec->id;
}

void deia__far_init(deia_hive *h)
{
	h->nodes->far.id_of = id_of;
}

struct deia__far *deia__far_get(const deia_hive *h, const char *id)
{
	return h->nodes && id ? deia__byid_get(&h->nodes->far, id) : NULL;
}

struct deia__far *deia__far_next(const deia_hive *h, const char *after)
{
	const struct deia__byid *far = &h->nodes->far;
	size_t at = deia__byid_after(far, after);

	return at < far->n ? far->items[at] : NULL;
}

unsigned deia__far_count(const deia_hive *h, const char *node)
{
	const struct deia__byid *far = &h->nodes->far;
	const struct deia__far *f;
	unsigned count = 0;

	for (size_t i = 0; i < far->n; i++) {
		f = far->items[i];
		count += strcmp(f->node, node) == 0;
	}
	return count;
}

static void far_free(struct deia__far *f)
{
	deia_bot_spec_free(f->spec);
	deia__free(f);
}

void deia__far_free(deia_hive *h)
{
	struct deia__byid *far = &h->nodes->far;

	for (size_t i = 0; i < far->n; i++)
		far_free(far->items[i]);
	deia__byid_fini(far);
}

/* A new one, with this specification, which becomes its own. */
static struct deia__far *far_add(deia_hive *h, struct deia_bot_spec *spec)
{
	struct deia__far *f = deia__alloc(sizeof(*f));

	if (!f)
		return NULL;
	f->spec = spec;
	if (!deia__byid_add(&h->nodes->far, f)) {
		deia__free(f);
		return NULL;
	}
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
	for (size_t i = 0; i < h->nodes->far.n; i++)
		show(h, h->nodes->far.items[i]);
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
	const struct deia__byid *far = &h->nodes->far;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < far->n && !err; i++) {
		struct deia__far *f = far->items[i];
		struct deia_value id = deia_text(f->spec->id);
		struct deia_page_query q = deia__history_newest(&id);
		deia_rows *rows;

		err = deia_store_page_now(h->store, &q, &rows);
		if (err)
			return deia__hive_unreadable(h, err);
		deia__far_told(h, f, rows);
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
	const struct deia__byid *far = &h->nodes->far;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < far->n && !err; i++)
		err = deia__mail_bot_added(h, id_of(far->items[i]));
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

/* It is not in the list any more. */
static void drop(deia_hive *h, struct deia__far *f)
{
	if (h->mail && !deia__hbot_get(h, f->spec->id))
		deia__mail_bot_removed(h, f->spec->id, false);
	far_free(f);
}

void deia__far_drop(deia_hive *h, const char *id)
{
	struct deia__far *f = deia__byid_take(&h->nodes->far, id);

	if (f)
		drop(h, f);
}

void deia__far_sweep(deia_hive *h, unsigned round)
{
	struct deia__byid *far = &h->nodes->far;
	const struct deia__far *f;

	for (size_t i = far->n; i-- > 0;) {
		f = far->items[i];
		if (f->round != round)
			drop(h, deia__byid_take_at(far, i));
	}
}
