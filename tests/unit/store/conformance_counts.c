/* SPDX-License-Identifier: MIT */
/* conformance_counts.c - counting rows by the first columns of an order. */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

struct told {
	size_t at;
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

static void ck_counts(const struct deia_table *table, int index,
		      unsigned n_group, const char *want)
{
	struct told o = { .total = 0 };

	ck_assert_int_eq(deia_store_count_now(fx.store, table, index, n_group,
					      on_count, &o),
			 DEIA_OK);
	ck_assert_str_eq(o.text, want);
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

void add_count_tests(TCase *tc)
{
	tcase_add_test(tc, counts_tell_each_group_once_in_order);
	tcase_add_test(tc, counts_see_rows_that_moved_and_went);
	tcase_add_test(tc, counts_go_by_the_key_and_on_into_it);
	tcase_add_test(tc, counts_that_make_no_sense_are_refused);
}
