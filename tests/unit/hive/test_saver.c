/* SPDX-License-Identifier: MIT */
/* What changes often is stored a little later, in one change at a time. */
#include "fixture.h"

#include <stdlib.h>

#include "hive/saver.h"

static struct fixture f;
static struct deia__saver saver;
static struct {
	bool is_new, broken;
	unsigned n_put, n_all_new;
} state;

/* A text that is longer than any value may be is refused. */
static void put_text(struct deia__change *c, size_t len)
{
	char *text = malloc(len + 1);
	struct deia_value row[INFO_COLUMNS];

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	text[len] = '\0';
	row[INFO_NAME] = deia_text("test.saver");
	row[INFO_VALUE] = deia_text(text);
	deia_txn_put(deia__change_txn(c), &deia__table_store_info, row);
	free(text);
}

static bool put(deia_hive *h, struct deia__change *c)
{
	ck_assert_ptr_eq(h, f.hive);
	if (!state.is_new)
		return false;
	state.is_new = false;
	state.n_put++;
	put_text(c, state.broken ? DEIA_STORE_MAX_VALUE_BYTES + 1 : 1);
	return true;
}

static void all_new(deia_hive *h)
{
	ck_assert_ptr_eq(h, f.hive);
	state.is_new = true;
	state.n_all_new++;
}

static const struct deia__saver_kind kind = {
	.what = "what is tested",
	.soon_ms = 1,
	.retry_ms = 1,
	.put = put,
	.all_new = all_new,
};

static void setup(void)
{
	memset(&saver, 0, sizeof(saver));
	memset(&state, 0, sizeof(state));
	fixture_open(&f);
	deia__saver_init(&saver, f.hive, &kind);
}

static void teardown(void)
{
	deia__saver_stop(&saver);
	fixture_close(&f);
}

static void change(void)
{
	state.is_new = true;
	deia__saver_changed(&saver);
}

/* Until all is stored. */
static void settle(void)
{
	while (state.is_new || saver.saving)
		event_base_loop(f.base, EVLOOP_ONCE);
}

START_TEST(what_changes_is_stored_together)
{
	for (int i = 0; i < 3; i++)
		change();
	ck_assert_uint_eq(state.n_put, 0);
	settle();
	ck_assert_uint_eq(state.n_put, 1);
	deia__saver_flush(&saver); /* nothing is new */
	ck_assert(!saver.saving);
	change();
	settle();
	ck_assert_uint_eq(state.n_put, 2);
}
END_TEST

START_TEST(one_change_is_on_its_way_at_a_time)
{
	change();
	deia__saver_flush(&saver);
	ck_assert(saver.saving);
	deia__timer_clear(f.hive->timers, &saver.timer);
	change();
	ck_assert(!deia__timer_armed(&saver.timer));
	settle();
	ck_assert_uint_eq(state.n_put, 2);
}
END_TEST

START_TEST(what_was_refused_is_stored_again)
{
	deia__hive_fail(f.hive, DEIA_EINVAL, "a caller's");
	state.broken = true;
	change();
	deia__saver_flush(&saver);
	ck_assert_str_eq(deia_hive_errmsg(f.hive), "a caller's");
	ck_assert_uint_eq(state.n_all_new, 1);
	ck_assert_ptr_nonnull(
		strstr(f.last_log, "what is tested could not be"));
	state.broken = false;
	settle();
	ck_assert_uint_eq(state.n_put, 2);
}
END_TEST

START_TEST(what_is_new_goes_along_with_the_owners_change)
{
	struct deia__change *c = deia__change_new(f.hive);

	state.is_new = true;
	deia__saver_put(&saver, NULL); /* out of memory */
	ck_assert_uint_eq(state.n_put, 0);
	deia__saver_put(&saver, c);
	ck_assert_uint_eq(state.n_put, 1);
	deia__change_drop(c);
	deia__saver_refused(&saver);
	settle();
	ck_assert_uint_eq(state.n_put, 2);
}
END_TEST

START_TEST(one_that_is_stopped_has_stored_all_and_sleeps)
{
	change();
	deia__saver_stop(&saver);
	ck_assert_uint_eq(state.n_put, 1);
	settle();
	change();
	ck_assert(!deia__timer_armed(&saver.timer));
	deia__saver_stop(&saver);
	ck_assert_uint_eq(state.n_put, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("saver");
	TCase *t = tcase_create("saver");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_changes_is_stored_together);
	tcase_add_test(t, one_change_is_on_its_way_at_a_time);
	tcase_add_test(t, what_was_refused_is_stored_again);
	tcase_add_test(t, what_is_new_goes_along_with_the_owners_change);
	tcase_add_test(t, one_that_is_stopped_has_stored_all_and_sleeps);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
