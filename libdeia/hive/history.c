/* SPDX-License-Identifier: MIT */
/*
 * history.c - the states that each bot went through, with times and causes.
 *
 * A row is part of the change that stores the event. Rows of a bot are counted
 * by their own sequence number, so that keeping the newest DEIA__HISTORY_KEPT
 * is one delete up to a number. Ready and busy alternate with every turn: that
 * is work, not life, and is not kept here. History outlives its bot, so a bot
 * that is made anew under an old id goes on counting.
 */
#include "hive/nodes/nodes.h"

#include <string.h>

#include "core/buf.h"

#define STDERR_BYTES 8192
#define STDERR_LINES 20

static bool has_process(deia_bot_state s)
{
	return s == DEIA_BOT_STARTING || s == DEIA_BOT_READY ||
	       s == DEIA_BOT_BUSY || s == DEIA_BOT_PAUSED ||
	       s == DEIA_BOT_STOPPING;
}

bool deia__history_is_death(const struct deia_bot_info *info,
			    deia_bot_state from)
{
	return has_process(from) && !has_process(info->state) &&
	       info->state != DEIA_BOT_OFFLINE;
}

bool deia__history_wants(deia_bot_state from, deia_bot_state to)
{
	bool from_works = from == DEIA_BOT_READY || from == DEIA_BOT_BUSY;
	bool to_works = to == DEIA_BOT_READY || to == DEIA_BOT_BUSY;

	return from != to && !(from_works && to_works);
}

/* The latest lines of its standard error that fit, oldest first. */
static void add_stderr(deia_hive *h, const char *bot, struct deia__buf *out)
{
	const char *lines[STDERR_LINES];
	size_t n = deia_bots_last_stderr(h->bots, bot, lines, STDERR_LINES);
	size_t bytes = 0, first = n;

	while (first > 0 &&
	       bytes + strlen(lines[first - 1]) + 1 <= STDERR_BYTES) {
		first--;
		bytes += strlen(lines[first]) + 1;
	}
	for (; first < n; first++) {
		if (out->len)
			deia__buf_add(out, "\n", 1);
		deia__buf_adds(out, lines[first]);
	}
}

static void add_row(struct deia__change *c, struct deia__hbot *b,
		    struct deia_value *row)
{
	struct deia_value bot = deia_text(b->id), upto;

	row[HISTORY_BOT] = bot;
	row[HISTORY_SEQ] = deia_int(++b->history_seq);
	row[HISTORY_AT] = deia_int(deia__unix_ms(NULL));
	deia_txn_put(deia__change_txn(c), &deia__table_bot_history, row);
	deia__change_notify(c, DEIA__TOPIC_BOTS, b->id);
	if (b->history_seq <= DEIA__HISTORY_KEPT)
		return;
	upto = deia_int(b->history_seq - DEIA__HISTORY_KEPT);
	deia_txn_delete_where(deia__change_txn(c), &deia__table_bot_history, -1,
			      &bot, 1, &upto);
}

void deia__history_add(deia_hive *h, struct deia__change *c,
		       struct deia__hbot *b, const struct deia_bot_info *info,
		       deia_bot_state from)
{
	bool death = deia__history_is_death(info, from);
	struct deia_value row[HISTORY_COLUMNS];
	struct deia__buf text;

	if (!c)
		return;
	deia__buf_init(&text, 0);
	if (death)
		add_stderr(h, b->id, &text);
	row[HISTORY_FROM] = deia_text(deia_bot_state_name(from));
	row[HISTORY_STATE] = deia_text(deia_bot_state_name(info->state));
	row[HISTORY_REASON] = deia_text(info->state_reason);
	row[HISTORY_PID] = deia_int(b->pid);
	row[HISTORY_EXIT_CODE] = row[HISTORY_EXIT_SIGNAL] = deia_null();
	if (death && info->exit_code >= 0)
		row[HISTORY_EXIT_CODE] = deia_int(info->exit_code);
	if (death && info->exit_signal)
		row[HISTORY_EXIT_SIGNAL] = deia_int(info->exit_signal);
	row[HISTORY_RESTARTS] = deia_int(info->restarts);
	row[HISTORY_STDERR] = deia_text(text.len && !text.err ? text.data : "");
	add_row(c, b, row);
	deia__buf_fini(&text);
}

void deia__history_purge(struct deia__change *c, const char *bot)
{
	struct deia_value id = deia_text(bot);

	deia_txn_delete_where(deia__change_txn(c), &deia__table_bot_history, -1,
			      &id, 1, NULL);
}

/* ---- where it stands ------------------------------------------------------ */

struct deia_page_query deia__history_newest(const struct deia_value *bot)
{
	struct deia_page_query q = {
		.table = &deia__table_bot_history,
		.index = -1,
		.equal = bot,
		.n_equal = 1,
		.descending = true,
		.limit = 1,
	};

	return q;
}

/* deiad ended while the bot was in another state than stopped. */
static deia_err close_gap(deia_hive *h, struct deia__hbot *b, const char *last)
{
	struct deia__change *c = deia__change_new(h);
	struct deia_value row[HISTORY_COLUMNS];

	row[HISTORY_FROM] = deia_text(last);
	row[HISTORY_STATE] = deia_text(deia_bot_state_name(DEIA_BOT_STOPPED));
	row[HISTORY_REASON] = deia_text("the hive was started again");
	row[HISTORY_PID] = row[HISTORY_RESTARTS] = deia_int(0);
	row[HISTORY_EXIT_CODE] = row[HISTORY_EXIT_SIGNAL] = deia_null();
	row[HISTORY_STDERR] = deia_text("");
	add_row(c, b, row);
	return deia__change_commit(c, h, NULL, NULL);
}

deia_err deia__history_load(deia_hive *h, struct deia__hbot *b)
{
	struct deia_value bot = deia_text(b->id);
	struct deia_page_query q = deia__history_newest(&bot);
	const char *last;
	deia_rows *rows;
	deia_err err = deia_store_page_now(h->store, &q, &rows);

	if (err)
		return deia__hive_unreadable(h, err);
	if (deia_rows_count(rows)) {
		b->history_seq = deia_rows_get(rows, 0, HISTORY_SEQ)->i;
		last = deia_rows_text(rows, 0, HISTORY_STATE);
		if (strcmp(last, deia_bot_state_name(DEIA_BOT_STOPPED)) != 0)
			err = close_gap(h, b, last);
	}
	deia_rows_free(rows);
	return err;
}

deia_err deia__history_find(deia_hive *h, const char *bot, deia_page_cb cb,
			    void *user)
{
	struct deia_value id = deia_text(bot);
	struct deia_page_query q = deia__history_newest(&id);

	return deia_store_page(h->store, &q, cb, user);
}

/* ---- pages ---------------------------------------------------------------- */

struct page {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	deia_bot_history_cb cb;
	void *user;
};

static int number_or(const struct deia_value *v, int none)
{
	return v->type == DEIA_NULL ? none : (int)v->i;
}

static void read_row(struct deia_bot_history *e, const deia_rows *rows,
		     size_t r)
{
	e->seq = deia_rows_get(rows, r, HISTORY_SEQ)->i;
	e->at_unix_ms = deia_rows_get(rows, r, HISTORY_AT)->i;
	e->from = deia_rows_text(rows, r, HISTORY_FROM);
	e->state = deia_rows_text(rows, r, HISTORY_STATE);
	e->reason = deia_rows_text(rows, r, HISTORY_REASON);
	e->pid = deia_rows_get(rows, r, HISTORY_PID)->i;
	e->exit_code = number_or(deia_rows_get(rows, r, HISTORY_EXIT_CODE), -1);
	e->exit_signal =
		number_or(deia_rows_get(rows, r, HISTORY_EXIT_SIGNAL), 0);
	e->restarts = (unsigned)deia_rows_get(rows, r, HISTORY_RESTARTS)->i;
	e->last_stderr = deia_rows_text(rows, r, HISTORY_STDERR);
}

static void give(const struct page *p, deia_err err, const deia_rows *rows)
{
	size_t n = err ? 0 : deia_rows_count(rows);
	struct deia_bot_history *items = deia__alloc((n + 1) * sizeof(*items));

	if (err)
		deia__hive_unreadable(p->hive, err);
	else if (!items)
		err = deia__hive_fail(p->hive, DEIA_ENOMEM, "out of memory");
	else if (!n && !deia__bot_known(p->hive, p->bot))
		err = deia__no_bot(p->hive, p->bot);
	for (size_t i = 0; items && !err && i < n; i++)
		read_row(&items[i], rows, i);
	p->cb(err, err ? NULL : items, err ? 0 : n,
	      !err && deia_rows_has_more(rows), p->user);
	deia__free(items);
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;

	give(p, err, rows);
	deia__free(p);
}

deia_err deia_hive_bot_history(deia_hive *h, const char *bot, int64_t before,
			       unsigned limit, deia_bot_history_cb cb,
			       void *user)
{
	struct deia_value id = deia_text(bot), after = deia_int(before);
	struct deia_page_query q = deia__history_newest(&id);
	struct page *p;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (!deia_bot_id_valid(bot))
		return deia__no_bot(h, bot);
	p = deia__alloc(sizeof(*p));
	if (p) {
		*p = (struct page){ .hive = h, .cb = cb, .user = user };
		memcpy(p->bot, bot, strlen(bot) + 1);
	}
	q.after = &after;
	q.n_after = before > 0 ? 1 : 0;
	q.limit = limit;
	return deia__hive_page(h, &q, on_page, p);
}
