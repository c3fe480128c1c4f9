/* SPDX-License-Identifier: MIT */
/* conformance_counts.c - counting rows by the first columns of an order. */
#include "conformance.h"
#include "store/backend.h"

#include <stdio.h>
#include <string.h>

struct told {
	size_t at;
	int calls;
	deia_err err;
	int64_t total;
	char text[400];
};

/* Joins what it is told: "a/0/1=3 a/1/0=1". */
static void on_count(const struct deia_value *group, unsigned n_group,
		     int64_t count, void *user)
{
	struct told *o = user;
	unsigned i;

	o->total += count;
	for (i = 0; i < n_group; i++) {
		const char *mark = i ? "/" : o->at ? " " : "";
		size_t left = sizeof(o->text) - o->at;
		int n = group[i].type == DEIA_INT
				? snprintf(o->text + o->at, left, "%s%lld",
					   mark, (long long)group[i].i)
				: snprintf(o->text + o->at, left, "%s%.*s",
					   mark, (int)group[i].len, group[i].s);

		o->at += (size_t)n;
		ck_assert_uint_lt(o->at, sizeof(o->text));
	}
	o->at += (size_t)snprintf(o->text + o->at, sizeof(o->text) - o->at,
				  "=%lld", (long long)count);
	ck_assert_uint_lt(o->at, sizeof(o->text));
}

static void on_counted(deia_err err, const deia_rows *counts,
		       const deia_snapshot *snapshot, void *user)
{
	struct told *o = user;
	unsigned n = 0;
	size_t r;

	o->err = err;
	o->calls++;
	ck_assert((err == DEIA_OK) == (counts != NULL));
	ck_assert((snapshot != NULL) ==
		  (counts && deia_store_is_shared(fx.store)));
	while (counts && deia_rows_get(counts, 0, n)->type != DEIA_NULL)
		n++;
	for (r = 0; counts && r < deia_rows_count(counts); r++)
		on_count(deia_rows_get(counts, r, 0), n - 1,
			 deia_rows_get(counts, r, n - 1)->i, o);
	ck_assert(!counts || !deia_rows_has_more(counts));
}

/* The same while the loop runs, of those alone that begin with this. */
static void ck_counts_of(const struct deia_table *table, int index,
			 const struct deia_value *equal, unsigned n_equal,
			 unsigned n_group, const char *want)
{
	struct told o = { .total = 0 };

	ck_assert_int_eq(deia_store_count(fx.store, table, index, equal,
					  n_equal, n_group, on_counted, &o),
			 DEIA_OK);
	ck_assert_int_eq(o.calls, 0);
	while (!o.calls)
		ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(o.err, DEIA_OK);
	ck_assert_str_eq(o.text, want);
}

static void ck_counts(const struct deia_table *table, int index,
		      unsigned n_group, const char *want)
{
	struct told o = { .total = 0 };

	ck_assert_int_eq(deia_store_count_now(fx.store, table, index, n_group,
					      on_count, &o),
			 DEIA_OK);
	ck_assert_str_eq(o.text, want);
	ck_counts_of(table, index, NULL, 0, n_group, want);
}

static void mail_row(struct deia_value row[MAIL_COLUMNS], char id[static 16],
		     const char *to, int64_t phase, int64_t priority)
{
	unsigned c;

	for (c = 0; c < MAIL_COLUMNS; c++)
		row[c] = deia__table_messages.columns[c].type == DEIA_INT
				 ? deia_int(0)
				 : deia_text("");
	row[MAIL_ID] = (struct deia_value){ DEIA_BLOB, 0, id, 16 };
	row[MAIL_TO] = deia_text(to);
	row[MAIL_PHASE] = deia_int(phase);
	row[MAIL_PRIORITY] = deia_int(priority);
	row[MAIL_PAIR] = deia_text("a b");
}

/* n messages of this kind; ids go on from *next. */
static void add_mail(int *next, int n, const char *to, int64_t phase,
		     int64_t priority)
{
	struct deia_value row[MAIL_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	char id[16] = { 0 };

	for (; n > 0; n--) {
		id[0] = (char)(*next * 37); /* not in order */
		id[1] = (char)(*next)++;
		mail_row(row, id, to, phase, priority);
		deia_txn_insert(t, &deia__table_messages, row);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
}

START_TEST(counts_tell_each_group_once_in_order)
{
	int next = 0;

	ck_counts(&deia__table_messages, MAIL_BY_INBOX, 3, "");
	add_mail(&next, 2, "BOT-2", 0, 1);
	add_mail(&next, 40, "BOT-1", 1, 3);
	add_mail(&next, 3, "BOT-1", 0, 2);
	add_mail(&next, 1, "BOT-1", 0, 0);
	add_mail(&next, 5, "", 0, 0);
	ck_counts(&deia__table_messages, MAIL_BY_INBOX, 3,
		  "0//0=5 0/BOT-1/0=1 0/BOT-1/2=3 0/BOT-2/1=2 1/BOT-1/3=40");
	ck_counts(&deia__table_messages, MAIL_BY_INBOX, 2,
		  "0/=5 0/BOT-1=4 0/BOT-2=2 1/BOT-1=40");
	ck_counts(&deia__table_messages, MAIL_BY_INBOX, 1, "0=11 1=40");
	ck_counts(&deia__table_messages, MAIL_BY_PAIR, 1, "a b=51");
	ck_counts(&deia__table_messages, MAIL_BY_DUE, 2, "0/0=11 1/0=40");
}
END_TEST

START_TEST(counts_see_rows_that_moved_and_went)
{
	struct deia_set read = set_int(MAIL_PHASE, 1);
	struct deia_value key = { DEIA_BLOB, 0, NULL, 16 };
	deia_txn *t = deia_txn_new(fx.store);
	char first[16] = { 0 }, second[16] = { 37, 1 };
	int next = 0;

	add_mail(&next, 3, "BOT-1", 0, 1);
	key.s = first;
	deia_txn_update(t, &deia__table_messages, &key, &read, 1, NULL);
	key.s = second;
	deia_txn_delete(t, &deia__table_messages, &key);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_counts(&deia__table_messages, MAIL_BY_INBOX, 3,
		  "0/BOT-1/1=1 1/BOT-1/1=1");
}
END_TEST

START_TEST(counts_go_by_the_key_and_on_into_it)
{
	struct outcome o;

	queue_lines("a", 3, &o);
	wait_txn(&fx, &o);
	ck_counts(&deia__table_chat_lines, -1, 1, "1=1 2=1 3=1");
	ck_counts(&deia__table_chat_lines, LINE_BY_CONVERSATION, 2,
		  "c/1=1 c/2=1 c/3=1");
}
END_TEST

START_TEST(counts_that_make_no_sense_are_refused)
{
	const struct deia_table *t = &deia__table_messages;
	struct told o = { .total = 0 };

	/* The order of an inbox has four columns, that of a key one. */
	ck_assert_int_eq(deia_store_count_now(fx.store, t, 0, 4, on_count, &o),
			 DEIA_OK);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, 0, 5, on_count, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, 0, 0, on_count, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, -1, 2, on_count, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, 3, 1, on_count, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, -2, 1, on_count, &o),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_count_now(fx.store, t, 0, 1, NULL, NULL),
			 DEIA_EINVAL);
	ck_assert_int_eq(
		deia_store_count_now(fx.store, NULL, 0, 1, on_count, &o),
		DEIA_EINVAL);
	ck_assert_int_eq(o.total, 0);
}
END_TEST

START_TEST(counts_tell_those_groups_that_begin_with_something)
{
	const struct deia_table *t = &deia__table_messages;
	struct deia_value equal[3] = { deia_int(0), deia_text("BOT-1"),
				       deia_int(2) };
	int next = 0;

	ck_counts_of(t, MAIL_BY_INBOX, equal, 3, 3, "");
	add_mail(&next, 2, "BOT-2", 0, 1);
	add_mail(&next, 40, "BOT-1", 1, 3);
	add_mail(&next, 3, "BOT-1", 0, 2);
	add_mail(&next, 1, "BOT-1", 0, 0);
	ck_counts_of(t, MAIL_BY_INBOX, equal, 1, 2, "0/BOT-1=4 0/BOT-2=2");
	ck_counts_of(t, MAIL_BY_INBOX, equal, 1, 1, "0=6");
	ck_counts_of(t, MAIL_BY_INBOX, equal, 2, 3, "0/BOT-1/0=1 0/BOT-1/2=3");
	ck_counts_of(t, MAIL_BY_INBOX, equal, 3, 3, "0/BOT-1/2=3");
	equal[1] = deia_text("BOT-3");
	ck_counts_of(t, MAIL_BY_INBOX, equal, 2, 2, "");
	equal[0] = deia_int(1);
	ck_counts_of(t, MAIL_BY_INBOX, equal, 1, 3, "1/BOT-1/3=40");
}
END_TEST

#define MANY (DEIA_MAX_PAGE_LEN * 100)

/* Adds up alone. */
static void on_many(deia_err err, const deia_rows *counts,
		    const deia_snapshot *snapshot, void *user)
{
	struct told *o = user;
	size_t r;

	(void)snapshot;
	o->err = err;
	o->calls++;
	for (r = 0; counts && r < deia_rows_count(counts); r++)
		o->total += deia_rows_get(counts, r, 1)->i;
}

static void ck_refused(const struct deia_table *t, int index,
		       const struct deia_value *equal, unsigned n_equal,
		       unsigned n_group, deia_err want)
{
	struct told o = { .total = 0 };

	ck_assert_int_eq(deia_store_count(fx.store, t, index, equal, n_equal,
					  n_group, on_counted, &o),
			 want);
	ck_assert_int_eq(o.calls, 0);
}

/* n chat lines: each its own group by the key. */
static void add_lines(int n)
{
	struct outcome o;
	char prefix[16], sql[400];

	if (fx.database[0]) {
		/* Twenty times faster than through the store. */
		snprintf(sql, sizeof(sql),
			 "INSERT INTO chat_lines (seq, id, conversation, bot, "
			 "role, author, content, status, error, created, "
			 "details) SELECT m + n, (m + n)::text, 'c', 'b', '', "
			 "'', '', '', '', 1, '' FROM (SELECT coalesce(max(seq),"
			 " 0) AS m FROM chat_lines) AS x, "
			 "generate_series(1, %d) AS n",
			 n);
		cluster_sql(fx.database, sql, NULL, 0);
		return;
	}
	for (; n > 0; n -= 5000) {
		snprintf(prefix, sizeof(prefix), "p%d", n);
		queue_lines(prefix, n < 5000 ? n : 5000, &o);
		wait_txn(&fx, &o);
		ck_assert_int_eq(o.err, DEIA_OK);
	}
}

static deia_err count_lines(struct told *o)
{
	memset(o, 0, sizeof(*o));
	ck_assert_int_eq(deia_store_count(fx.store, &deia__table_chat_lines, -1,
					  NULL, 0, 1, on_many, o),
			 DEIA_OK);
	while (!o->calls)
		ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
	return o->err;
}

START_TEST(counts_of_too_many_groups_are_refused)
{
	struct told o;

	add_lines(MANY);
	ck_assert_int_eq(count_lines(&o), DEIA_OK);
	ck_assert_int_eq(o.total, MANY);
	add_lines(1);
	ck_assert_int_eq(count_lines(&o), DEIA_ELIMIT);
	/* What comes after it is not disturbed. */
	ck_assert_int_eq(count_lines(&o), DEIA_ELIMIT);
	ck_counts_of(&deia__table_bots, -1, NULL, 0, 1, "");
	ck_assert_int_eq(add_bot(&fx, "b", "x"), DEIA_OK);
	ck_counts_of(&deia__table_bots, -1, NULL, 0, 1, "b=1");
}
END_TEST

START_TEST(counts_at_once_that_make_no_sense_are_refused)
{
	const struct deia_table *t = &deia__table_messages;
	struct deia_value equal[3] = { deia_int(0), deia_text("a"),
				       deia_int(2) };

	ck_refused(t, 0, equal, 2, 1, DEIA_EINVAL);
	ck_refused(t, 0, NULL, 0, 0, DEIA_EINVAL);
	ck_refused(t, 0, NULL, 1, 1, DEIA_EINVAL);
	ck_refused(t, 0, equal + 1, 1, 1, DEIA_EINVAL);
	ck_refused(t, 0, equal, 0, 5, DEIA_EINVAL);
	ck_refused(t, 9, equal, 0, 1, DEIA_EINVAL);
	ck_refused(NULL, 0, equal, 0, 1, DEIA_EINVAL);
	ck_assert_int_eq(
		deia_store_count(fx.store, t, 0, NULL, 0, 1, NULL, NULL),
		DEIA_EINVAL);
}
END_TEST

/* 100:105:101,103 as PostgreSQL writes it. */
START_TEST(snapshot_has_what_was_committed_before_it)
{
	static const bool has[] = { true,  true, false, true,
				    false, true, false, false };
	deia_snapshot *s = deia__snapshot_new(100, 105, 2), *copy, *all;
	unsigned i;

	s->running[0] = 101;
	s->running[1] = 103;
	copy = deia_snapshot_copy(s);
	all = deia_snapshot_copy(NULL);
	for (i = 0; i < sizeof(has); i++) {
		ck_assert(deia_snapshot_has(s, 99 + i) == has[i]);
		ck_assert(deia_snapshot_has(copy, 99 + i) == has[i]);
		ck_assert(deia_snapshot_has(all, 99 + i));
		ck_assert(deia_snapshot_has(NULL, 99 + i));
	}
	deia_snapshot_free(s);
	deia_snapshot_free(copy);
	deia_snapshot_free(all);
	deia_snapshot_free(NULL);
}
END_TEST

void add_count_tests(TCase *tc)
{
	tcase_add_test(tc, counts_tell_those_groups_that_begin_with_something);
	tcase_add_test(tc, counts_of_too_many_groups_are_refused);
	tcase_add_test(tc, counts_at_once_that_make_no_sense_are_refused);
	tcase_add_test(tc, snapshot_has_what_was_committed_before_it);
	tcase_add_test(tc, counts_tell_each_group_once_in_order);
	tcase_add_test(tc, counts_see_rows_that_moved_and_went);
	tcase_add_test(tc, counts_go_by_the_key_and_on_into_it);
	tcase_add_test(tc, counts_that_make_no_sense_are_refused);
}
