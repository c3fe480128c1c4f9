/* SPDX-License-Identifier: MIT */
/*
 * conformance_notices.c - watching a store that is shared, or is not: a caller
 * does the same for both.
 */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

struct heard {
	int nulls, n;
	char text[200];	     /* "topic:text topic:text " */
	deia_notice_cb drop; /* stops watching when it is told anything */
};

static void on_notice(const struct deia_notice *notice, void *user)
{
	struct heard *h = user;
	size_t at = strlen(h->text);

	if (!notice) {
		h->nulls++;
	} else {
		h->n++;
		ck_assert_uint_gt(notice->commit, 0);
		snprintf(h->text + at, sizeof(h->text) - at, "%s:%s ",
			 notice->topic, notice->text);
	}
	if (h->drop)
		deia_store_unwatch(fx.store, h->drop, h);
}

static void watch(struct heard *h)
{
	ck_assert_int_eq(deia_store_watch(fx.store, on_notice, h), DEIA_OK);
	ck_assert_int_eq(h->nulls, 0);
	while (!h->nulls)
		ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(h->nulls, 1);
}

static deia_txn *telling(const char *topic, const char *text)
{
	deia_txn *t = deia_txn_new(fx.store);

	deia_txn_notify(t, topic, text);
	return t;
}

/* Commits, and waits for what is told last. */
static void tell(deia_txn *t, const char *last, const struct heard *h)
{
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	while (deia_store_is_shared(fx.store) && !strstr(h->text, last))
		ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
}

START_TEST(watcher_is_greeted_and_told_where_others_may_write)
{
	bool shared = deia_store_is_shared(fx.store);
	struct heard h = { 0 };
	deia_txn *t;

	ck_assert(shared == (deia_store_writer(fx.store) > 0));
	watch(&h);
	t = telling("mail", "BOT-1");
	deia_txn_notify(t, "bots", "with \"quotes\", \\ {} and \xc3\xa9");
	deia_txn_notify(t, "end", "");
	tell(t, "end: ", &h);
	ck_assert_str_eq(h.text, shared ? "mail:BOT-1 bots:with \"quotes\", "
					  "\\ {} and \xc3\xa9 end: "
					: "");
	ck_assert_int_eq(h.nulls, 1);
}
END_TEST

START_TEST(watchers_come_and_go_also_while_they_are_told)
{
	struct heard stays = { 0 }, goes = { .drop = on_notice };
	struct heard later = { 0 };

	watch(&stays);
	watch(&goes); /* ends with its greeting */
	tell(telling("a", "1"), "a:1", &stays);
	watch(&later);
	tell(telling("a", "2"), "a:2", &later);
	deia_store_unwatch(fx.store, on_notice, &later);
	deia_store_unwatch(fx.store, on_notice, &goes);
	tell(telling("a", "3"), "a:3", &stays);
	ck_assert_int_eq(goes.n, 0);
	if (!deia_store_is_shared(fx.store))
		return;
	ck_assert_str_eq(stays.text, "a:1 a:2 a:3 ");
	ck_assert_str_eq(later.text, "a:2 ");
}
END_TEST

static const struct {
	const char *topic, *text;
	deia_err err;
} wrong[] = {
	{ "", "x", DEIA_EINVAL },
	{ NULL, "x", DEIA_EINVAL },
	{ "a b", "x", DEIA_EINVAL },
	{ "a", NULL, DEIA_EINVAL },
	{ "a", "\xff", DEIA_EINVAL },
	{ "Mail_2", "x", DEIA_OK },
	{ "a23456789012345678901234567890123", "x", DEIA_ELIMIT },
};

START_TEST(notices_that_make_no_sense_are_refused)
{
	struct outcome o = { 0 };
	char text[DEIA_STORE_MAX_NOTICE_BYTES + 2];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(
			deia_txn_commit(telling(wrong[i].topic, wrong[i].text),
					on_txn, &o),
			wrong[i].err);
	}
	memset(text, 'x', sizeof(text));
	text[DEIA_STORE_MAX_NOTICE_BYTES] = '\0';
	ck_assert_int_eq(commit(&fx, telling("a", text), NULL), DEIA_OK);
	text[DEIA_STORE_MAX_NOTICE_BYTES] = 'x';
	text[DEIA_STORE_MAX_NOTICE_BYTES + 1] = '\0';
	ck_assert_int_eq(deia_txn_commit(telling("a", text), on_txn, &o),
			 DEIA_ELIMIT);
	deia_txn_notify(NULL, "a", "x");
}
END_TEST

void add_notice_tests(TCase *tc)
{
	tcase_add_test(tc, watcher_is_greeted_and_told_where_others_may_write);
	tcase_add_test(tc, watchers_come_and_go_also_while_they_are_told);
	tcase_add_test(tc, notices_that_make_no_sense_are_refused);
}
