/* SPDX-License-Identifier: MIT */
/*
 * fixture.c - stores in private directories, and a loop that runs until a
 * callback came. Nothing sleeps: the loop blocks on its descriptors.
 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct backend backends[] = {
	{ "memory", false },
	{ "sqlite", true },
	{ "postgresql", true },
};
const int backends_len = sizeof(backends) / sizeof(backends[0]);

int backend_find(const char *name)
{
	int i = 0;

	while (i < backends_len && strcmp(backends[i].name, name) != 0)
		i++;
	return i;
}

const char *backend_missing(int backend)
{
	bool here = strcmp(backends[backend].name, "postgresql") != 0;

	return here ? NULL : cluster_missing();
}

bool skip_all(int backend)
{
	const char *why = backend_missing(backend);

	if (why)
		printf("1..0 # SKIP %s\n", why);
	return why != NULL;
}

/* The copies before upgrades, if there are any. */
static void remove_backups(const char *dir)
{
	char path[400];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/backups", dir);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/backups/%s", dir, e->d_name);
		unlink(path);
	}
	if (!d)
		return;
	closedir(d);
	snprintf(path, sizeof(path), "%s/backups", dir);
	rmdir(path);
}

void remove_dir(const char *dir)
{
	static const char *const names[] = { "t.db", "t.db-wal", "t.db-shm",
					     "run/deiad.lock" };
	char path[160];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	remove_backups(dir);
	snprintf(path, sizeof(path), "%s/run", dir);
	rmdir(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

void fixture_open(struct fixture *f, unsigned queue_max)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	deia_err err;

	opts.queue_max = queue_max;
	err = deia_store_open(&f->store, f->base, f->url, &opts, f->detail,
			      sizeof(f->detail));
	ck_assert_msg(err == DEIA_OK, "open: %s: %s", deia_err_name(err),
		      f->detail);
}

void fixture_init(struct fixture *f, int backend, unsigned queue_max)
{
	memset(f, 0, sizeof(*f));
	f->backend = &backends[backend];
	f->base = event_base_new();
	ck_assert_ptr_nonnull(f->base);
	strcpy(f->dir, "/tmp/deia-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	if (strcmp(f->backend->name, "postgresql") == 0)
		make_database(f->database, sizeof(f->database), f->url,
			      sizeof(f->url));
	else if (f->backend->durable)
		snprintf(f->url, sizeof(f->url), "%s:%s/t.db", f->backend->name,
			 f->dir);
	else
		snprintf(f->url, sizeof(f->url), "%s:", f->backend->name);
	fixture_open(f, queue_max);
}

void fixture_fini(struct fixture *f)
{
	deia_store_close(f->store);
	event_base_free(f->base);
	remove_dir(f->dir);
}

void fixture_reopen(struct fixture *f)
{
	if (!f->backend->durable)
		return;
	deia_store_close(f->store);
	fixture_open(f, 0);
}

/* ---- transactions ------------------------------------------------------ */

void on_txn(deia_err err, const int64_t *seqs, size_t n_seqs, void *user)
{
	static int order;
	struct outcome *o = user;
	size_t i;

	o->calls++;
	o->order = ++order;
	o->err = err;
	o->n_seqs = n_seqs;
	for (i = 0; i < n_seqs && i < 16; i++)
		o->seqs[i] = seqs[i];
}

void wait_txn(struct fixture *f, struct outcome *o)
{
	while (!o->calls)
		ck_assert_int_eq(event_base_loop(f->base, EVLOOP_ONCE), 0);
}

deia_err commit(struct fixture *f, deia_txn *txn, struct outcome *o)
{
	struct outcome mine = { 0 };

	if (!o)
		o = &mine;
	memset(o, 0, sizeof(*o));
	ck_assert_int_eq(deia_txn_commit(txn, on_txn, o), DEIA_OK);
	ck_assert_int_eq(o->calls, 0);
	wait_txn(f, o);
	ck_assert_int_eq(o->calls, 1);
	return o->err;
}

/* ---- pages ------------------------------------------------------------- */

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;
	const struct deia_value *v;
	size_t r, i = 0;
	unsigned c;

	p->calls++;
	p->err = err;
	ck_assert_int_eq(err, DEIA_OK);
	p->n = deia_rows_count(rows);
	p->has_more = deia_rows_has_more(rows);
	p->values = calloc(p->n * p->n_columns + 1, sizeof(*p->values));
	for (r = 0; r < p->n; r++) {
		for (c = 0; c < p->n_columns; c++, i++) {
			v = deia_rows_get(rows, r, c);
			p->values[i] = *v;
			if (v->type != DEIA_TEXT && v->type != DEIA_BLOB)
				continue;
			ck_assert_int_eq(v->s[v->len], '\0');
			p->values[i].s =
				deia__arena_dup(&p->arena, v->s, v->len);
		}
	}
}

void page_read(struct fixture *f, const struct deia_page_query *q,
	       struct page *out)
{
	memset(out, 0, sizeof(*out));
	out->n_columns = q->table->n_columns;
	ck_assert_int_eq(deia_store_page(f->store, q, on_page, out), DEIA_OK);
	ck_assert_int_eq(out->calls, 0);
	while (!out->calls)
		ck_assert_int_eq(event_base_loop(f->base, EVLOOP_ONCE), 0);
}

const struct deia_value *page_get(const struct page *p, size_t r, unsigned c)
{
	ck_assert_uint_lt(r, p->n);
	return &p->values[r * p->n_columns + c];
}

void page_free(struct page *p)
{
	deia__arena_fini(&p->arena);
	free(p->values);
	memset(p, 0, sizeof(*p));
}

/* ---- rows -------------------------------------------------------------- */

void bot_row(struct deia_value row[BOT_COLUMNS], const char *id,
	     const char *spec, int64_t wanted)
{
	row[BOT_ID] = deia_text(id);
	row[BOT_SPEC] = deia_text(spec);
	row[BOT_WANTED] = deia_int(wanted);
	row[BOT_CREATED] = deia_int(1);
	row[BOT_UPDATED] = deia_int(1);
	row[BOT_NODE] = deia_text("");
}

void conv_row(struct deia_value row[CONV_COLUMNS], const char *id,
	      const char *bot, const char *title)
{
	row[CONV_ID] = deia_text(id);
	row[CONV_BOT] = deia_text(bot);
	row[CONV_TITLE] = deia_text(title);
	row[CONV_IS_DEFAULT] = deia_int(0);
	row[CONV_CREATED] = deia_int(1);
	row[CONV_SESSION] = deia_text("");
}

void line_row(struct deia_value row[LINE_COLUMNS], const char *id,
	      const char *conversation, const char *content)
{
	row[LINE_SEQ] = deia_null();
	row[LINE_ID] = deia_text(id);
	row[LINE_CONVERSATION] = deia_text(conversation);
	row[LINE_BOT] = deia_text("BOT-001");
	row[LINE_ROLE] = deia_text("user");
	row[LINE_AUTHOR] = deia_text("dave");
	row[LINE_CONTENT] = deia_text(content);
	row[LINE_STATUS] = deia_text("sent");
	row[LINE_ERROR] = deia_text("");
	row[LINE_CREATED] = deia_int(1);
	row[LINE_PROMPT_TOKENS] = deia_null();
	row[LINE_COMPLETION_TOKENS] = deia_int(7);
	row[LINE_DETAILS] = deia_text("");
}

deia_err add_bot(struct fixture *f, const char *id, const char *spec)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(f->store);

	bot_row(row, id, spec, 1);
	deia_txn_insert(t, &deia__table_bots, row);
	return commit(f, t, NULL);
}

void bot_spec(struct fixture *f, const char *id, char *out, size_t len)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query q = { .table = &deia__table_bots,
				     .index = -1,
				     .equal = &key,
				     .n_equal = 1,
				     .limit = 1 };
	struct page p;

	page_read(f, &q, &p);
	snprintf(out, len, "%s", p.n ? page_get(&p, 0, BOT_SPEC)->s : "");
	page_free(&p);
}

size_t count_rows(struct fixture *f, const struct deia_table *table)
{
	struct deia_page_query q = { .table = table,
				     .index = -1,
				     .limit = 1000 };
	deia_rows *rows = NULL, *last = NULL;
	size_t n = 0;

	do {
		if (last) {
			/* Key columns come first: the row is the cursor. */
			q.after = deia_rows_get(last, deia_rows_count(last) - 1,
						0);
			q.n_after = table->n_key;
		}
		ck_assert_int_eq(deia_store_page_now(f->store, &q, &rows),
				 DEIA_OK);
		n += deia_rows_count(rows);
		deia_rows_free(last);
		last = rows;
	} while (deia_rows_has_more(rows));
	deia_rows_free(last);
	return n;
}
