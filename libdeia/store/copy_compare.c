/* SPDX-License-Identifier: MIT */
/*
 * copy_compare.c - are two stores the same? Both are read once more, by the
 * key, and each table is counted and summed: an order that all backends share,
 * so a row that is missing, changed or moved changes the sum.
 */
#include "store/copy.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/hash.h"
#include "store/schema.h"

struct sum {
	struct deia__digest digest;
	struct deia__buf row;
	int64_t rows, seq;
	char text[DEIA__DIGEST_BYTES * 2 + 1];
};

static void add_row(struct sum *s, const deia_rows *rows, size_t r)
{
	const struct deia_value *v;

	s->row.len = 0;
	for (unsigned c = 0; c < rows->n_columns; c++) {
		char type;

		v = deia_rows_get(rows, r, c);
		type = (char)v->type;
		deia__buf_add(&s->row, &type, 1);
		if (v->type == DEIA_INT)
			deia__buf_add(&s->row, &v->i, sizeof(v->i));
		else
			deia__buf_add(&s->row, &v->len, sizeof(v->len));
		if (v->len > 0)
			deia__buf_add(&s->row, v->s, v->len);
	}
	deia__digest_add(&s->digest, s->row.data, s->row.len);
	s->rows++;
}

static void tell(struct deia__copy *c, const struct deia_table *table, size_t n,
		 int64_t rows)
{
	struct deia_copy_progress p = { .comparing = true,
					.table = table->name,
					.n = n,
					.of = deia__tables_len - 1,
					.rows = rows };

	if (c->opts.progress)
		c->opts.progress(&p, c->opts.user);
}

static void end_sum(struct sum *s)
{
	unsigned char bytes[DEIA__DIGEST_BYTES];

	deia__digest_end(&s->digest, bytes);
	for (unsigned i = 0; i < DEIA__DIGEST_BYTES; i++)
		snprintf(s->text + 2 * i, 3, "%02x", bytes[i]);
}

static deia_err sum_rows(struct deia__copy *c, const struct deia__end *e,
			 const struct deia_table *table, struct sum *s)
{
	deia_rows *rows = NULL, *last = NULL;
	deia_err err = DEIA_OK;
	bool more = true;
	size_t n;

	while (more && !err) {
		/* Key columns come first: the last row is the cursor. */
		n = last ? deia_rows_count(last) : 0;
		err = deia__end_page(e, table,
				     n ? deia_rows_get(last, n - 1, 0) : NULL,
				     DEIA_MAX_PAGE_LEN, &rows, c->msg);
		deia_rows_free(last);
		last = rows;
		for (size_t r = 0; !err && r < deia_rows_count(rows); r++)
			add_row(s, rows, r);
		more = !err && deia_rows_has_more(rows);
	}
	deia_rows_free(last);
	return !err && s->row.err ? DEIA_ENOMEM : err;
}

static deia_err sum_table(struct deia__copy *c, const struct deia__end *e,
			  const struct deia_table *table, struct sum *s)
{
	deia_err err;

	memset(s, 0, sizeof(*s));
	deia__digest_init(&s->digest);
	deia__buf_init(&s->row, 0);
	err = sum_rows(c, e, table, s);
	deia__buf_fini(&s->row);
	if (!err && table->sequence)
		err = e->backend->last_seq(e->self, table, &s->seq);
	end_sum(s);
	return err;
}

static deia_err compare_table(struct deia__copy *c,
			      const struct deia_table *table, int64_t *rows)
{
	struct deia_copy_report *r = c->report;
	struct deia_copy_table *t = &r->tables[r->n_tables++];
	struct sum from, to;
	deia_err err = sum_table(c, &c->from, table, &from);

	if (!err)
		err = sum_table(c, &c->to, table, &to);
	if (err)
		return err;
	t->name = table->name;
	t->rows_from = from.rows;
	t->rows_to = to.rows;
	snprintf(t->sum_from, sizeof(t->sum_from), "%s", from.text);
	snprintf(t->sum_to, sizeof(t->sum_to), "%s", to.text);
	t->same = from.rows == to.rows && from.seq == to.seq &&
		  strcmp(from.text, to.text) == 0;
	*rows += from.rows;
	tell(c, table, r->n_tables, *rows);
	return DEIA_OK;
}

deia_err deia__copy_compare(struct deia__copy *c)
{
	struct deia_copy_report *r = c->report;
	const char *wrong = NULL;
	deia_err err = DEIA_OK;
	int64_t rows = 0;

	r->n_tables = 0;
	for (size_t i = 0; i < deia__tables_len && !err; i++) {
		if (!deia__copy_has(deia__tables[i]))
			continue;
		err = compare_table(c, deia__tables[i], &rows);
		if (!err && !r->tables[r->n_tables - 1].same && !wrong)
			wrong = deia__tables[i]->name;
	}
	if (err)
		return err;
	r->compared = true;
	r->same = wrong == NULL;
	if (r->same)
		return DEIA_OK;
	return deia__fail(c->msg, DEIA_ECONFLICT,
			  "the copy is not the same as the source (table %s): "
			  "do not use it; empty the target and copy again",
			  wrong);
}
