/* SPDX-License-Identifier: MIT */
/*
 * test_postgres_fence.c - one of several stores on a database shuts another
 * out.
 */
#include "nodes.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_fenced(deia_err err, void *user)
{
	deia_err *got = user;

	ck_assert_int_eq(*got, DEIA_ETIMEDOUT);
	*got = err;
}

static deia_err fence(struct fixture *f, int64_t writer, bool force)
{
	deia_err got = DEIA_ETIMEDOUT; /* none that it can be */

	ck_assert_int_eq(
		deia_store_fence(f->store, writer, force, on_fenced, &got),
		DEIA_OK);
	ck_assert_int_eq(got, DEIA_ETIMEDOUT);
	while (got == DEIA_ETIMEDOUT)
		turn();
	return got;
}

static void ck_shut_out(struct fixture *f)
{
	struct outcome o = { 0 };
	char out[32];

	/* It may know already. */
	o.err = deia_txn_commit(bot(f, "late"), on_txn, &o);
	if (!o.err)
		wait_txn(f, &o);
	ck_assert_int_eq(o.err, DEIA_ESTORE);
	ck_assert_msg(strstr(deia_store_errmsg(f->store),
			     "another node shut this one out"),
		      "%s", deia_store_errmsg(f->store));
	ask("SELECT count(*) FROM bots WHERE id = 'late'", out);
	ck_assert_str_eq(out, "0");
}

START_TEST(writer_that_was_closed_or_never_was_is_shut_out_at_once)
{
	struct fixture third = other;
	int64_t writer;

	fixture_open(&third, 0);
	writer = deia_store_writer(third.store);
	deia_store_close(third.store);
	ck_assert_int_eq(fence(&fx, writer, false), DEIA_OK);
	ck_assert_int_eq(fence(&fx, writer, true), DEIA_OK);
	ck_assert_int_eq(fence(&fx, 5, false), DEIA_OK);
	ck_assert_int_eq(commit(&other, bot(&other, "a"), NULL), DEIA_OK);
	ck_assert_int_eq(commit(&fx, bot(&fx, "b"), NULL), DEIA_OK);
}
END_TEST

/* Its machine was cut off: it has no session, and does not know it. */
START_TEST(writer_without_a_session_is_shut_out_for_good)
{
	int64_t writer = deia_store_writer(fx.store);

	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	set_down(true);
	ck_assert_int_eq(fence(&other, writer, false), DEIA_OK);
	ck_assert_uint_eq(count_rows(&other, &deia__table_bots), 1);
	set_down(false);
	ck_shut_out(&fx);
	ck_assert_int_eq(commit(&other, bot(&other, "b"), NULL), DEIA_OK);
	/* And nobody is shut out by it. */
	ck_assert_int_eq(deia_store_fence(fx.store,
					  deia_store_writer(other.store), true,
					  on_fenced, &writer),
			 DEIA_ESTORE);
	ck_assert_int_eq(commit(&other, bot(&other, "c"), NULL), DEIA_OK);
}
END_TEST

START_TEST(writer_that_lives_is_shut_out_by_force_alone)
{
	int64_t writer = deia_store_writer(fx.store);

	ck_assert_int_eq(fence(&other, writer, false), DEIA_EBUSY);
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	ck_assert_int_eq(fence(&other, writer, true), DEIA_OK);
	ck_shut_out(&fx);
	ck_assert_int_eq(commit(&other, bot(&other, "b"), NULL), DEIA_OK);
	ck_assert_int_eq(fence(&other, writer, true), DEIA_OK);
}
END_TEST

/* What it had under way is in the database as a whole, or not at all. */
START_TEST(writer_that_is_shut_out_under_load_was_acknowledged_what_it_wrote)
{
	struct outcome o[200];
	char id[32], out[32];
	int i, done = 0;

	memset(o, 0, sizeof(o));
	for (i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "bot%d", i);
		ck_assert_int_eq(deia_txn_commit(bot(&fx, id), on_txn, &o[i]),
				 DEIA_OK);
		if (i % 10 == 0)
			event_base_loop(fx.base, EVLOOP_NONBLOCK);
	}
	ck_assert_int_eq(fence(&other, deia_store_writer(fx.store), true),
			 DEIA_OK);
	ask("SELECT count(*) FROM bots", out);
	for (i = 0; i < 200; i++) {
		wait_txn(&fx, &o[i]);
		done += o[i].err == DEIA_OK;
		ck_assert(o[i].err == DEIA_OK || o[i].err == DEIA_ESTORE);
	}
	/* What was committed and not acknowledged is left in doubt. */
	ck_assert_int_le(done, atoi(out));
	ask("SELECT count(*) FROM bots", id);
	ck_assert_str_eq(id, out);
	ck_shut_out(&fx);
}
END_TEST

/* Each thinks that the other is gone. Neither can commit after it was told so,
 * and one of them stays. */
START_TEST(two_that_shut_each_other_out_do_not_both_succeed)
{
	deia_err got[2] = { DEIA_ETIMEDOUT, DEIA_ETIMEDOUT };
	struct fixture *f[2] = { &fx, &other };
	int i, ok = 0;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(
			deia_store_fence(f[i]->store,
					 deia_store_writer(f[!i]->store), true,
					 on_fenced, &got[i]),
			DEIA_OK);
	for (i = 0; i < 2; i++)
		while (got[i] == DEIA_ETIMEDOUT)
			turn();
	for (i = 0; i < 2; i++) {
		ok += got[i] == DEIA_OK;
		if (got[i])
			continue;
		ck_shut_out(f[!i]);
		ck_assert_int_eq(commit(f[i], bot(f[i], "a"), NULL), DEIA_OK);
	}
	ck_assert_int_le(ok, 1);
}
END_TEST

START_TEST(shutting_out_says_when_the_database_cannot_be_asked)
{
	ck_assert_int_eq(commit(&fx, bot(&fx, "a"), NULL), DEIA_OK);
	set_down(true);
	ck_assert_int_eq(fence(&fx, deia_store_writer(other.store), true),
			 DEIA_EUNAVAILABLE);
	set_down(false);
	ck_assert_int_eq(commit(&other, bot(&other, "b"), NULL), DEIA_OK);
	ck_assert_int_eq(commit(&fx, bot(&fx, "c"), NULL), DEIA_OK);
}
END_TEST

START_TEST(shutting_out_is_called_back_when_the_store_is_closed)
{
	deia_err got[3] = { DEIA_ETIMEDOUT, DEIA_ETIMEDOUT, DEIA_ETIMEDOUT };
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(
			deia_store_fence(fx.store,
					 deia_store_writer(other.store), false,
					 on_fenced, &got[i]),
			DEIA_OK);
	deia_store_close(fx.store);
	fx.store = NULL;
	for (i = 0; i < 3; i++)
		ck_assert(got[i] == DEIA_EBUSY || got[i] == DEIA_EUNAVAILABLE);
	ck_assert_int_eq(commit(&other, bot(&other, "b"), NULL), DEIA_OK);
}
END_TEST

static int n_fenced;

static void on_many_fenced(deia_err err, void *user)
{
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
	n_fenced++;
}

START_TEST(shutting_out_what_makes_no_sense_is_refused)
{
	int64_t own = deia_store_writer(fx.store);
	deia_err got = DEIA_ETIMEDOUT;
	int i;

	ck_assert_int_eq(
		deia_store_fence(fx.store, own, false, on_fenced, &got),
		DEIA_EINVAL);
	ck_assert_int_eq(deia_store_fence(fx.store, 0, false, on_fenced, &got),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_fence(fx.store, -1, false, on_fenced, &got),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia_store_fence(fx.store, 5, false, NULL, NULL),
			 DEIA_EINVAL);
	for (i = 0; i < DEIA__MAX_FENCES; i++)
		ck_assert_int_eq(deia_store_fence(fx.store, 5, false,
						  on_many_fenced, &got),
				 DEIA_OK);
	ck_assert_int_eq(
		deia_store_fence(fx.store, 5, false, on_many_fenced, &got),
		DEIA_EBUSY);
	while (n_fenced < DEIA__MAX_FENCES)
		turn();
	ck_assert_int_eq(fence(&fx, 5, false), DEIA_OK);
}
END_TEST

static void add_fence_tests(TCase *tc)
{
	tcase_add_test(tc,
		       writer_that_was_closed_or_never_was_is_shut_out_at_once);
	tcase_add_test(tc, writer_without_a_session_is_shut_out_for_good);
	tcase_add_test(tc, writer_that_lives_is_shut_out_by_force_alone);
	tcase_add_test(
		tc,
		writer_that_is_shut_out_under_load_was_acknowledged_what_it_wrote);
	tcase_add_test(tc, two_that_shut_each_other_out_do_not_both_succeed);
	tcase_add_test(tc, shutting_out_says_when_the_database_cannot_be_asked);
	tcase_add_test(tc,
		       shutting_out_is_called_back_when_the_store_is_closed);
	tcase_add_test(tc, shutting_out_what_makes_no_sense_is_refused);
}

int main(void)
{
	Suite *s = suite_create("postgres-fence");
	TCase *tc = tcase_create("postgres-fence");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, nodes_setup, nodes_teardown);
	tcase_set_timeout(tc, 60);
	add_fence_tests(tc);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
