/* SPDX-License-Identifier: MIT */
/*
 * test_conformance.c - what every backend must do, run over each of them.
 *
 * A new backend is one line in fixture.c and its name in meson.build.
 */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture fx;

void queue_bot(const char *id, const char *spec, struct outcome *o)
{
	struct deia_value row[BOT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);

	memset(o, 0, sizeof(*o));
	bot_row(row, id, spec, 1);
	deia_txn_insert(t, &deia__table_bots, row);
	ck_assert_int_eq(deia_txn_commit(t, on_txn, o), DEIA_OK);
}

void ck_spec(const char *id, const char *want)
{
	char spec[64];

	bot_spec(&fx, id, spec, sizeof(spec));
	ck_assert_str_eq(spec, want);
}

struct deia_set set_text(unsigned column, const char *s)
{
	struct deia_set set = { column, deia_text(s) };

	return set;
}

struct deia_set set_int(unsigned column, int64_t i)
{
	struct deia_set set = { column, deia_int(i) };

	return set;
}

deia_err update_bot(const char *id, const struct deia_set *set, size_t n,
		    const struct deia_set *guard)
{
	struct deia_value key = deia_text(id);
	deia_txn *t = deia_txn_new(fx.store);

	deia_txn_update(t, &deia__table_bots, &key, set, n, guard);
	return commit(&fx, t, NULL);
}

void queue_lines(const char *prefix, int n, struct outcome *o)
{
	struct deia_value row[LINE_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	char id[32];
	int i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s-%d", prefix, i);
		line_row(row, id, "c", "x");
		deia_txn_insert(t, &deia__table_chat_lines, row);
	}
	ck_assert_int_eq(deia_txn_commit(t, on_txn, o), DEIA_OK);
}

static int current;

static void setup(void)
{
	fixture_init(&fx, current, 0);
}

static void teardown(void)
{
	fixture_fini(&fx);
}

/* usage: test_conformance BACKEND */
int main(int argc, char **argv)
{
	Suite *suite = suite_create(argc > 1 ? argv[1] : "store");
	TCase *tc = tcase_create("conformance");
	SRunner *runner = srunner_create(suite);
	int failed;

	current = argc < 2 ? backends_len : backend_find(argv[1]);
	if (current == backends_len) {
		fprintf(stderr, "usage: %s BACKEND\n", argv[0]);
		return 2;
	}
	if (skip_all(current))
		return 0;
	tcase_add_checked_fixture(tc, setup, teardown);
	add_row_tests(tc);
	add_txn_tests(tc);
	add_page_tests(tc);
	add_limit_tests(tc);
	add_count_tests(tc);
	add_restore_tests(tc);
	add_notice_tests(tc);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
