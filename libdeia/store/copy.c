/* SPDX-License-Identifier: MIT */
/*
 * copy.c - a whole store into another, in batches that can be gone on with.
 *
 * How far it came stands in the target's store_info, in the transaction of
 * each batch:
 *   copy.source  the id of the source
 *   copy.seqs    the last numbers of its sequences: every start of a hive
 *                gives some, so a source that was run since shows it
 *   copy.table   the table that is copied
 *   copy.after   the last key of it
 *   copy.rows    rows so far
 * The rows are there until the comparison held; a hive does not start from a
 * store that has them.
 */
#include "store/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/fault.h"
#include "core/mem.h"
#include "store/migrate.h"
#include "store/schema.h"

static const char *const marks[] = { "copy.source", "copy.seqs", "copy.table",
				     "copy.after", "copy.rows" };

bool deia__copy_has(const struct deia_table *table)
{
	return table != &deia__table_store_info &&
	       table != &deia__table_nodes &&
	       table != &deia__table_message_homes;
}

/* ---- reading and writing an end ----------------------------------------- */

deia_err deia__end_page(const struct deia__end *e,
			const struct deia_table *table,
			const struct deia_value *after, unsigned limit,
			deia_rows **out, struct deia__errmsg *msg)
{
	struct deia_page_query q = { .table = table,
				     .index = -1,
				     .after = after,
				     .n_after = after ? table->n_key : 0,
				     .limit = limit };
	deia_err err = DEIA_ENOMEM;

	*out = deia__rows_new(table->n_columns);
	if (*out)
		err = e->backend->read(e->self, &q, *out);
	if (!err)
		return DEIA_OK;
	deia_rows_free(*out);
	*out = NULL;
	return deia__fail(msg, err, "the table %s of the %s store: %s",
			  table->name, e->backend->name, deia_err_text(err));
}

static deia_txn *txn_new(void)
{
	return deia__alloc(sizeof(deia_txn));
}

/* Takes the transaction. */
static deia_err commit(struct deia__copy *c, deia_txn *t)
{
	const struct deia__store_backend *b = c->to.backend;
	deia_err err = t ? t->err : DEIA_ENOMEM;
	bool said = false;

	if (!err) {
		c->msg->text[0] = '\0';
		err = b->commit(c->to.self, t, c->msg);
		said = err && c->msg->text[0];
		if (!err)
			err = t->err;
	}
	if (!err && b->maintain)
		err = b->maintain(c->to.self, c->msg);
	deia_txn_free(t);
	if (err && !said)
		deia__fail(c->msg, err, "writing to the %s store: %s", b->name,
			   deia_err_text(err));
	return err;
}

static deia_err info_get(const struct deia__end *e, const char *name, char *out,
			 size_t len, bool *found, struct deia__errmsg *msg)
{
	struct deia_value key = deia_text(name);
	struct deia_page_query q = { .table = &deia__table_store_info,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 1 };
	deia_rows *rows = deia__rows_new(INFO_COLUMNS);
	deia_err err = DEIA_ENOMEM;

	out[0] = '\0';
	if (rows)
		err = e->backend->read(e->self, &q, rows);
	*found = !err && deia_rows_count(rows) > 0;
	if (*found)
		snprintf(out, len, "%s", deia_rows_text(rows, 0, INFO_VALUE));
	deia_rows_free(rows);
	return err ? deia__fail(msg, err, "the %s store: %s", e->backend->name,
				deia_err_text(err))
		   : DEIA_OK;
}

static void info_put(deia_txn *t, const char *name, const char *value)
{
	struct deia_value row[INFO_COLUMNS];

	row[INFO_NAME] = deia_text(name);
	row[INFO_VALUE] = deia_text(value);
	deia_txn_put(t, &deia__table_store_info, row);
}

/* ---- keys as text ------------------------------------------------------- */

static void key_print(struct deia__buf *b, const struct deia_value *key,
		      unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (key[i].type == DEIA_INT) {
			deia__buf_addf(b, "i%lld ", (long long)key[i].i);
			continue;
		}
		deia__buf_adds(b, key[i].type == DEIA_TEXT ? "t" : "b");
		for (size_t k = 0; k < key[i].len; k++)
			deia__buf_addf(b, "%02x", (unsigned char)key[i].s[k]);
		deia__buf_adds(b, " ");
	}
}

static int nibble(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Into text, which shrinks in place; false: it is no key of the table. */
static bool key_parse(struct deia_value *key, unsigned n, char *text)
{
	char *p = text, *to;

	for (unsigned i = 0; i < n; i++) {
		char kind = *p ? *p++ : '\0';

		memset(&key[i], 0, sizeof(key[i]));
		if (kind == 'i') {
			key[i] = deia_int(strtoll(p, &p, 10));
		} else if (kind == 't' || kind == 'b') {
			key[i].type = kind == 't' ? DEIA_TEXT : DEIA_BLOB;
			key[i].s = to = p;
			for (; p[0] > ' ' && p[1] > ' '; p += 2)
				*to++ = (char)(nibble(p[0]) << 4 |
					       nibble(p[1]));
			key[i].len = (size_t)(to - key[i].s);
		}
		if (*p++ != ' ')
			return false;
	}
	return *p == '\0';
}

/* ---- beginning and going on --------------------------------------------- */

static deia_err find_source(struct deia__copy *c)
{
	size_t len = 0;
	int64_t seq;
	bool found;
	deia_err err = info_get(&c->from, "id", c->source, sizeof(c->source),
				&found, c->msg);

	if (!err && !found)
		snprintf(c->source, sizeof(c->source), "%s",
			 c->from.backend->name);
	for (size_t i = 0; i < deia__tables_len && !err; i++) {
		if (!deia__tables[i]->sequence)
			continue;
		err = c->from.backend->last_seq(c->from.self, deia__tables[i],
						&seq);
		len += (size_t)snprintf(c->seqs + len, sizeof(c->seqs) - len,
					"%lld ", (long long)seq);
		if (len >= sizeof(c->seqs))
			len = sizeof(c->seqs) - 1;
	}
	return err ? deia__fail(c->msg, err, "the store to copy: %s",
				deia_err_text(err))
		   : DEIA_OK;
}

static deia_err check_empty(struct deia__copy *c)
{
	deia_rows *rows;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < deia__tables_len && !err; i++) {
		if (!deia__copy_has(deia__tables[i]))
			continue;
		err = deia__end_page(&c->to, deia__tables[i], NULL, 1, &rows,
				     c->msg);
		if (!err && deia_rows_count(rows) > 0)
			err = deia__fail(c->msg, DEIA_EEXIST,
					 "the target is not empty (its table "
					 "%s has rows): name a new one, or "
					 "empty it first",
					 deia__tables[i]->name);
		deia_rows_free(rows);
	}
	return err;
}

static deia_err begin(struct deia__copy *c)
{
	deia_err err = check_empty(c);
	deia_txn *t;

	if (err)
		return err;
	t = txn_new();
	info_put(t, "copy.source", c->source);
	info_put(t, "copy.seqs", c->seqs);
	return commit(c, t);
}

static deia_err read_place(struct deia__copy *c)
{
	char table[80], rows[32];
	bool found;
	deia_err err = info_get(&c->to, "copy.table", table, sizeof(table),
				&found, c->msg);

	if (!err)
		err = info_get(&c->to, "copy.after", c->after, sizeof(c->after),
			       &found, c->msg);
	if (!err)
		err = info_get(&c->to, "copy.rows", rows, sizeof(rows), &found,
			       c->msg);
	if (err)
		return err;
	c->report->rows_before = strtoll(rows, NULL, 10);
	for (c->at = 0; table[0] && c->at < deia__tables_len; c->at++)
		if (strcmp(deia__tables[c->at]->name, table) == 0)
			break;
	return DEIA_OK;
}

static deia_err go_on(struct deia__copy *c, const char *source)
{
	char seqs[sizeof(c->seqs)];
	bool found;
	deia_err err;

	if (strcmp(source, c->source) != 0)
		return deia__fail(c->msg, DEIA_EEXIST,
				  "the target holds the beginning of a copy of "
				  "another hive: name a new one, or empty it "
				  "first");
	err = info_get(&c->to, "copy.seqs", seqs, sizeof(seqs), &found, c->msg);
	if (err)
		return err;
	if (strcmp(seqs, c->seqs) != 0)
		return deia__fail(c->msg, DEIA_ECONFLICT,
				  "the hive ran since this copy was begun: "
				  "empty the target and copy again");
	return read_place(c);
}

static deia_err find_place(struct deia__copy *c)
{
	char source[sizeof(c->source)];
	bool found = false;
	deia_err err = find_source(c);

	if (!err)
		err = info_get(&c->to, "copy.source", source, sizeof(source),
			       &found, c->msg);
	if (err)
		return err;
	return found ? go_on(c, source) : begin(c);
}

/* ---- copying ------------------------------------------------------------ */

static void tell(struct deia__copy *c, const struct deia_table *table)
{
	struct deia_copy_progress p = {
		.table = table->name,
		.n = c->at + 1,
		.of = deia__tables_len - 1,
		.rows = c->report->rows_before + c->report->rows,
	};

	if (c->opts.progress)
		c->opts.progress(&p, c->opts.user);
}

static void put_place(deia_txn *t, struct deia__copy *c, const char *after,
		      int64_t more)
{
	char rows[32];

	snprintf(rows, sizeof(rows), "%lld",
		 (long long)(c->report->rows_before + c->report->rows + more));
	info_put(t, "copy.table",
		 c->at < deia__tables_len ? deia__tables[c->at]->name
					  : "(all)");
	info_put(t, "copy.after", after);
	info_put(t, "copy.rows", rows);
}

/* The last row's key is where the next page begins. */
static deia_err write_page(struct deia__copy *c, const struct deia_table *table,
			   const deia_rows *rows)
{
	size_t n = deia_rows_count(rows);
	deia_txn *t = txn_new();
	struct deia__buf after;
	deia_err err;

	deia__buf_init(&after, 0);
	for (size_t r = 0; r < n; r++)
		deia__txn_restore(t, table, deia_rows_get(rows, r, 0));
	key_print(&after, deia_rows_get(rows, n - 1, 0), table->n_key);
	err = !t ? DEIA_ENOMEM : after.err;
	if (!err && after.len >= sizeof(c->after))
		err = deia__fail(c->msg, DEIA_ELIMIT, "a key of %s is too long",
				 table->name);
	if (err) {
		deia_txn_free(t);
		deia__buf_fini(&after);
		return err;
	}
	put_place(t, c, after.data, (int64_t)n);
	err = commit(c, t);
	if (!err) {
		c->report->rows += (int64_t)n;
		snprintf(c->after, sizeof(c->after), "%s", after.data);
	}
	deia__buf_fini(&after);
	return err;
}

/* The table is there; its sequence goes on where the source's would. */
static deia_err end_table(struct deia__copy *c, const struct deia_table *table)
{
	deia_txn *t = txn_new();
	deia_err err = DEIA_OK;
	int64_t seq = 0;

	if (table->sequence)
		err = c->from.backend->last_seq(c->from.self, table, &seq);
	if (err) {
		deia_txn_free(t);
		return deia__fail(c->msg, err, "the last number of %s: %s",
				  table->name, deia_err_text(err));
	}
	if (seq > 0)
		deia__txn_restore_seq(t, table, seq);
	c->at++;
	c->after[0] = '\0';
	if (t)
		put_place(t, c, "", 0);
	return commit(c, t);
}

static deia_err copy_page(struct deia__copy *c, const struct deia_table *table,
			  bool *more)
{
	struct deia_value key[DEIA__MAX_KEY];
	deia_rows *rows = NULL;
	deia_err err;

	if (c->after[0] && !key_parse(key, table->n_key, c->after))
		return deia__fail(c->msg, DEIA_ECONFLICT,
				  "the target does not say how far the copy "
				  "came: empty it and copy again");
	err = deia__end_page(&c->from, table, c->after[0] ? key : NULL,
			     c->opts.batch, &rows, c->msg);
	if (err)
		return err;
	*more = deia_rows_has_more(rows);
	if (deia_rows_count(rows) > 0)
		err = write_page(c, table, rows);
	deia_rows_free(rows);
	if (!err)
		tell(c, table);
	return err;
}

static deia_err copy_tables(struct deia__copy *c)
{
	deia_err err = DEIA_OK;
	bool more;

	while (c->at < deia__tables_len && !err) {
		const struct deia_table *table = deia__tables[c->at];

		more = deia__copy_has(table);
		while (more && !err) {
			err = copy_page(c, table, &more);
			DEIA__FAULT("in-copy");
		}
		if (!err)
			err = end_table(c, table);
	}
	return err;
}

/* The copy is a store like any other from here on. */
static deia_err finish(struct deia__copy *c)
{
	deia_txn *t = txn_new();

	for (size_t i = 0; t && i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct deia_value key = deia_text(marks[i]);

		deia_txn_delete(t, &deia__table_store_info, &key);
	}
	return commit(c, t);
}

deia_err deia__copy_run(struct deia__copy *c)
{
	deia_err err = find_place(c);

	if (c->opts.batch == 0 || c->opts.batch > DEIA_MAX_PAGE_LEN)
		c->opts.batch = DEIA_MAX_PAGE_LEN;
	if (!err)
		err = copy_tables(c);
	if (!err)
		err = deia__copy_compare(c);
	return err ? err : finish(c);
}

/* ---- opening ------------------------------------------------------------ */

static deia_err open_end(struct deia__end *e, const char *url, bool as_it_is,
			 struct deia__errmsg *msg)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	const char *rest = "";
	deia_err err;

	opts.as_it_is = as_it_is;
	opts.alone = true;
	opts.no_backup = true; /* an empty database is not worth one */
	e->backend = deia__store_find(url, &rest, msg, &err);
	return err ? err : e->backend->open(&e->self, rest, &opts, msg);
}

static deia_err check_kept(const char *url, struct deia__errmsg *msg)
{
	const char *rest = "";
	deia_err err;

	if (deia__store_find(url, &rest, msg, &err) == &deia__store_memory)
		return deia__fail(msg, DEIA_EINVAL,
				  "a memory store is gone when the program "
				  "ends: it cannot be copied");
	return err;
}

/* Opening migrates; a target that has something stays as it is. */
static deia_err check_target(const char *url, struct deia__errmsg *msg)
{
	struct deia__migrate_list l = { .list = NULL, .max = 0 };
	const struct deia__store_backend *b;
	const char *rest = "";
	deia_err err;

	b = deia__store_find(url, &rest, msg, &err);
	if (!b || !b->status)
		return err;
	err = b->status(rest, &l, msg);
	if (err == DEIA_ENOTFOUND)
		return DEIA_OK;
	if (!err && l.newest > 0 && l.newest < (int64_t)l.n_known)
		err = deia__fail(msg, DEIA_EEXIST,
				 "the target is not empty (it has an older "
				 "schema): name a new one, or empty it first");
	return err;
}

static deia_err read_opts(struct deia_copy_opts *to,
			  const struct deia_copy_opts *opts,
			  struct deia__errmsg *msg)
{
	const struct deia_copy_opts init = DEIA_COPY_OPTS_INIT;

	*to = opts ? *opts : init;
	if (to->size != sizeof(*to))
		return deia__fail(msg, DEIA_EINVAL,
				  "opts->size is wrong: start from "
				  "DEIA_COPY_OPTS_INIT");
	return DEIA_OK;
}

static deia_err copy_urls(struct deia__copy *c, const char *from,
			  const char *to)
{
	deia_err err;

	if (from && to && strcmp(from, to) == 0)
		return deia__fail(c->msg, DEIA_EINVAL,
				  "from and to are the same store");
	err = check_kept(from, c->msg);
	if (!err)
		err = check_kept(to, c->msg);
	if (!err)
		err = open_end(&c->from, from, true, c->msg);
	if (!err)
		err = check_target(to, c->msg);
	if (!err)
		err = open_end(&c->to, to, false, c->msg);
	if (!err)
		err = deia__copy_run(c);
	if (c->to.self)
		c->to.backend->close(c->to.self);
	if (c->from.self)
		c->from.backend->close(c->from.self);
	return err;
}

deia_err deia_migrate_copy(const char *from, const char *to,
			   const struct deia_copy_opts *opts,
			   struct deia_copy_report *report, char *detail,
			   size_t detail_len)
{
	struct deia__errmsg msg = { "" };
	struct deia__copy *c = deia__alloc(sizeof(*c));
	deia_err err = DEIA_ENOMEM;

	memset(report, 0, sizeof(*report));
	if (c) {
		c->report = report;
		c->msg = &msg;
		err = read_opts(&c->opts, opts, &msg);
	}
	if (!err)
		err = copy_urls(c, from, to);
	if (detail && detail_len > 0)
		snprintf(detail, detail_len, "%s",
			 !err	       ? ""
			 : msg.text[0] ? msg.text
				       : deia_err_text(err));
	deia__free(c);
	return err;
}

/* ---- a hive's question -------------------------------------------------- */

deia_err deia__store_check_whole(deia_store *store, struct deia__errmsg *msg)
{
	struct deia_value key = deia_text("copy.source");
	struct deia_page_query q = { .table = &deia__table_store_info,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 1 };
	deia_rows *rows = NULL;
	deia_err err = deia_store_page_now(store, &q, &rows);

	if (err)
		return deia__fail(msg, err, "the store: %s",
				  deia_err_text(err));
	if (deia_rows_count(rows) > 0)
		err = deia__fail(msg, DEIA_ESTATE,
				 "a copy into this store was begun and not "
				 "ended: run the same deia migrate copy again, "
				 "or empty it");
	deia_rows_free(rows);
	return err;
}
