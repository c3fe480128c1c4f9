/* SPDX-License-Identifier: MIT */
/*
 * test_differential.c - every backend answers like the memory backend.
 *
 * Seeded random transactions, many of them failing on purpose, go to all
 * stores at once; outcomes, sequence numbers and pages must be the same. A
 * failing seed is named, and kept in the list below once it is understood.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"

#define GROUPS 250
#define MAX_TXNS 12
#define VALUES 40 /* as many different texts */
#define MAX_SIDES 3

static const uint64_t seeds[] = { 1, 2, 3, 4 };

static struct fixture side[MAX_SIDES]; /* memory, the others */
static int sides;
static struct deia__rng rng;
static char texts[VALUES][8];

static unsigned pick(unsigned n)
{
	return (unsigned)(deia__rng_next(&rng) % n);
}

static const struct deia_table *pick_table(void)
{
	static const struct deia_table *const tables[] = {
		&deia__table_chat_lines,    &deia__table_chat_lines,
		&deia__table_conversations, &deia__table_replays,
		&deia__table_tokens,
	};

	return tables[pick(5)];
}

static struct deia_value pick_value(const struct deia_column *c)
{
	struct deia_value v = deia_text(texts[pick(VALUES)]);

	if (c->nullable && pick(3) == 0)
		return deia_null();
	if (c->type == DEIA_INT)
		return deia_int((int64_t)pick(VALUES) - 2);
	v.type = c->type;
	return v;
}

static void pick_row(const struct deia_table *t, struct deia_value *row)
{
	unsigned c;

	for (c = 0; c < t->n_columns; c++)
		row[c] = pick_value(&t->columns[c]);
	if (t->sequence)
		row[0] = deia_null();
}

/* A number that a sequence is likely to have given. */
static void pick_key(const struct deia_table *t, struct deia_value *key)
{
	unsigned c;

	for (c = 0; c < t->n_key; c++)
		key[c] = pick_value(&t->columns[c]);
	if (t->sequence)
		key[0] = deia_int(pick(400));
}

/* ---- operations, on both sides alike ----------------------------------- */

static void add_update(deia_txn **t, const struct deia_table *table)
{
	struct deia_value key[8];
	struct deia_set set[3], guard;
	unsigned c = table->n_key + pick(table->n_columns - table->n_key);
	size_t n = 0;
	bool guarded = pick(3) == 0;
	int i;

	pick_key(table, key);
	for (; c < table->n_columns && n < 3; c += 1 + pick(3), n++) {
		set[n].column = c;
		set[n].value = pick_value(&table->columns[c]);
	}
	guard.column = pick(table->n_columns);
	guard.value = pick_value(&table->columns[guard.column]);
	for (i = 0; i < sides; i++)
		deia_txn_update(t[i], table, key, set, n,
				guarded ? &guard : NULL);
}

static void add_delete_where(deia_txn **t, const struct deia_table *table)
{
	int index = (int)pick(table->n_indexes + 1) - 1, i;
	const unsigned char *cols;
	struct deia_value equal[4], upto;
	unsigned n = 0, k;
	bool bound;

	if (index < 0) {
		pick_key(table, equal);
		n = pick(table->n_key + 1);
		bound = n < table->n_key && pick(2);
		upto = equal[n < table->n_key ? n : 0];
	} else {
		cols = table->indexes[index].columns;
		n = pick(table->indexes[index].n_columns + 1);
		for (k = 0; k < n; k++)
			equal[k] = pick_value(&table->columns[cols[k]]);
		bound = n < table->indexes[index].n_columns && pick(2);
		upto = pick_value(&table->columns[cols[bound ? n : 0]]);
	}
	/* Everything at once is for once in a while. */
	if (n == 0 && !bound && pick(30))
		return;
	for (i = 0; i < sides; i++)
		deia_txn_delete_where(t[i], table, index, equal, n,
				      bound ? &upto : NULL);
}

static void add_op(deia_txn **t)
{
	const struct deia_table *table = pick_table();
	struct deia_value row[16], key[8];
	unsigned what = pick(10);
	int i;

	pick_row(table, row);
	pick_key(table, key);
	if (what == 0 && pick(4) == 0)
		add_delete_where(t, table);
	else if (what < 2)
		for (i = 0; i < sides; i++)
			deia_txn_delete(t[i], table, key);
	else if (what < 4)
		add_update(t, table);
	else if (what < 7 && !table->sequence)
		for (i = 0; i < sides; i++)
			deia_txn_put(t[i], table, row);
	else
		for (i = 0; i < sides; i++)
			deia_txn_insert(t[i], table, row);
}

/* ---- comparing --------------------------------------------------------- */

static void ck_outcomes(const struct outcome *a, const struct outcome *b,
			uint64_t seed, int group)
{
	ck_assert_msg(a->err == b->err, "seed %llu, group %d: %s and %s",
		      (unsigned long long)seed, group, deia_err_name(a->err),
		      deia_err_name(b->err));
	ck_assert_uint_eq(a->n_seqs, b->n_seqs);
	ck_assert_mem_eq(a->seqs, b->seqs, sizeof(a->seqs));
}

static int run_group(uint64_t seed, int group)
{
	struct outcome o[MAX_SIDES][MAX_TXNS];
	unsigned n = 1 + pick(MAX_TXNS), i, ops;
	int failed = 0, k;
	deia_txn *t[MAX_SIDES];

	memset(o, 0, sizeof(o));
	for (i = 0; i < n; i++) {
		for (k = 0; k < sides; k++)
			t[k] = deia_txn_new(side[k].store);
		for (ops = 1 + pick(5); ops > 0; ops--)
			add_op(t);
		for (k = 0; k < sides; k++)
			ck_assert_int_eq(
				deia_txn_commit(t[k], on_txn, &o[k][i]),
				DEIA_OK);
	}
	for (k = 0; k < sides; k++)
		wait_txn(&side[k], &o[k][n - 1]);
	for (i = 0; i < n; i++) {
		for (k = 1; k < sides; k++)
			ck_outcomes(&o[0][i], &o[k][i], seed, group);
		failed += o[0][i].err != DEIA_OK;
	}
	return failed;
}

static void ck_same(const struct deia_page_query *q, const struct page *a,
		    const struct page *b, uint64_t seed)
{
	const struct deia_value *v, *w;
	size_t i;

	ck_assert_msg(a->n == b->n && a->has_more == b->has_more,
		      "seed %llu, %s index %d, %u equal, %u after: %zu and %zu",
		      (unsigned long long)seed, q->table->name, q->index,
		      q->n_equal, q->n_after, a->n, b->n);
	for (i = 0; i < a->n * a->n_columns; i++) {
		v = &a->values[i];
		w = &b->values[i];
		ck_assert_int_eq(v->type, w->type);
		ck_assert_int_eq(v->i, w->i);
		ck_assert_uint_eq(v->len, w->len);
		if (v->len)
			ck_assert_mem_eq(v->s, w->s, v->len);
	}
}

static void ck_page(const struct deia_page_query *q, uint64_t seed)
{
	struct page p[MAX_SIDES];
	int k;

	for (k = 0; k < sides; k++)
		page_read(&side[k], q, &p[k]);
	for (k = 1; k < sides; k++)
		ck_same(q, &p[0], &p[k], seed);
	for (k = 0; k < sides; k++)
		page_free(&p[k]);
}

static void random_page(uint64_t seed)
{
	const struct deia_table *t = pick_table();
	struct deia_value place[8];
	struct deia_page_query q = { .table = t,
				     .equal = place,
				     .descending = pick(2),
				     .limit = 1 + pick(30) };
	unsigned char cols[8];
	unsigned n = 0, i;

	q.index = (int)pick(t->n_indexes + 1) - 1;
	if (q.index >= 0)
		for (; n < t->indexes[q.index].n_columns; n++)
			cols[n] = t->indexes[q.index].columns[n];
	for (i = 0; i < t->n_key; i++)
		cols[n++] = (unsigned char)i;
	for (i = 0; i < n; i++) {
		place[i] = pick_value(&t->columns[cols[i]]);
		if (t->sequence && cols[i] == 0)
			place[i] = deia_int(pick(400));
	}
	q.n_equal = pick(n + 1);
	q.after = place + q.n_equal;
	q.n_after = pick(n - q.n_equal + 1);
	ck_page(&q, seed);
}

START_TEST(random_transactions_have_the_same_outcome)
{
	uint64_t seed = seeds[_i];
	struct deia_page_query all = { .index = -1, .limit = 1000 };
	int group, failed = 0, k, i;

	for (i = 0; i < VALUES; i++)
		snprintf(texts[i], sizeof(texts[i]), "%s%d", i % 2 ? "v" : "",
			 i / 2 - 3);
	texts[0][0] = '\0';
	deia__rng_init(&rng, seed);
	for (k = 0; k < sides; k++)
		fixture_init(&side[k], k, 0);
	for (group = 0; group < GROUPS; group++) {
		failed += run_group(seed, group);
		for (i = 0; i < 3; i++)
			random_page(seed);
		for (k = 1; k < sides && group % 80 == 79; k++)
			fixture_reopen(&side[k]);
	}
	for (i = 0; i < (int)deia__tables_len; i++) {
		all.table = deia__tables[i];
		/* Each database has an id of its own. */
		if (all.table == &deia__table_store_info)
			continue;
		ck_page(&all, seed);
	}
	/* The mix is worth nothing when hardly anything fails or works. */
	ck_assert_int_gt(failed, GROUPS / 4);
	ck_assert_int_lt(failed, GROUPS * MAX_TXNS / 2);
	for (k = 0; k < sides; k++)
		fixture_fini(&side[k]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("differential");
	TCase *tc = tcase_create("differential");
	SRunner *runner = srunner_create(s);
	int failed;

	sides = backend_missing(2) ? 2 : MAX_SIDES;
	if (sides < MAX_SIDES)
		printf("# without PostgreSQL: %s\n", backend_missing(2));
	tcase_add_loop_test(tc, random_transactions_have_the_same_outcome, 0,
			    sizeof(seeds) / sizeof(seeds[0]));
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
