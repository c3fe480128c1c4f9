/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - a store that refuses: full, locked, behind, broken; and one
 * in which something else was changed first.
 *
 * Nothing is acknowledged that is not on the disk, everything is as before,
 * and once the store works again so does the messenger, by itself.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "messenger/messenger.h"
#include "scene.h"
#include "store/schema.h"

static struct scene sc;

static void setup(void)
{
	disk_install();
	memset(&sc, 0, sizeof(sc));
	sim_init(&sc.s, SIM_SQLITE_FULL, NULL);
}

/* Without threads: what is asked for first is done first, whatever it is. */
static void setup_memory(void)
{
	memset(&sc, 0, sizeof(sc));
	sim_init(&sc.s, SIM_MEMORY, NULL);
}

static void teardown(void)
{
	disk_fail_writes(0);
	disk_fail_syncs(0);
	sim_fini(&sc.s);
}

static deia_message_status status_of(const char *id)
{
	struct sim_answer a;

	ck_assert_int_eq(sim_get(&sc.s, id, &a), DEIA_OK);
	return a.items[0].status;
}

/* The operation that was refused is made again, and works. */
static void goes_on(enum scene_op op)
{
	ck_assert(!scene_happened(&sc, op));
	sim_recount(&sc.s, scene_inboxes, 2);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_OK);
	ck_assert(scene_happened(&sc, op));
	scene_end(&sc);
	sim_recount(&sc.s, scene_inboxes, 2);
}

START_TEST(full_disk_is_told_and_changes_nothing)
{
	enum scene_op op = (enum scene_op)_i;

	scene_make(&sc);
	disk_fail_writes(SQLITE_FULL);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_EFULL);
	ck_assert_str_ne(deia_messenger_errmsg(sc.s.m), "");
	ck_assert(!scene_happened(&sc, op));
	/* Again, with the same answer. */
	ck_assert_int_eq(scene_try(&sc, op), DEIA_EFULL);
	disk_fail_writes(0);
	goes_on(op);
}
END_TEST

START_TEST(refused_change_did_not_happen_after_a_restart_either)
{
	enum scene_op op = (enum scene_op)_i;

	scene_make(&sc);
	disk_fail_writes(SQLITE_FULL);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_EFULL);
	disk_fail_writes(0);
	sim_restart(&sc.s, true, 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(sc.s.m, scene_inboxes[i]),
			DEIA_OK);
	goes_on(op);
}
END_TEST

START_TEST(lock_of_another_program_is_for_the_moment)
{
	enum scene_op op = (enum scene_op)_i;
	char path[128];
	sqlite3 *db;

	scene_make(&sc);
	snprintf(path, sizeof(path), "%s/t.db", sc.s.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0),
			 SQLITE_OK);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_EUNAVAILABLE);
	ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", 0, 0, 0), SQLITE_OK);
	sqlite3_close(db);
	goes_on(op);
}
END_TEST

START_TEST(broken_disk_acknowledges_nothing_and_keeps_what_was)
{
	enum scene_op op = (enum scene_op)_i;
	struct sim_item out;

	scene_make(&sc);
	out = sc.out;
	disk_fail_syncs(SQLITE_IOERR_FSYNC);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_ESTORE);
	/* It is final: also when the disk says that it is well again. */
	disk_fail_syncs(0);
	ck_assert_int_eq(scene_try(&sc, op), DEIA_ESTORE);
	sim_restart(&sc.s, true, 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			deia_messenger_open_inbox(sc.s.m, scene_inboxes[i]),
			DEIA_OK);
	sim_recount(&sc.s, scene_inboxes, 2);
	/* What was acknowledged before is there, and goes on. */
	(void)status_of(sc.pending);
	if (status_of(out.id) == DEIA_MESSAGE_DELIVERED)
		ck_assert_int_eq(sim_read(&sc.s, &out), DEIA_OK);
	scene_end(&sc);
}
END_TEST

/* ---- a store that is behind -------------------------------------------- */

START_TEST(full_queue_of_the_store_refuses_at_once_and_takes_the_rest)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	struct sim_answer a[20];
	unsigned n_ok = 0, n_busy = 0;
	deia_err err;

	deia_messenger_stop(sc.s.m);
	sim_idle(&sc.s);
	deia_messenger_free(sc.s.m);
	deia_store_close(sc.s.store);
	opts.queue_max = 4;
	ck_assert_int_eq(deia_store_open(&sc.s.store, sc.s.base, sc.s.url,
					 &opts, NULL, 0),
			 DEIA_OK);
	ck_assert_int_eq(deia_messenger_new(&sc.s.m, sc.s.base, sc.s.store,
					    NULL, NULL, 0),
			 DEIA_OK);
	ck_assert_int_eq(deia_messenger_open_inbox(sc.s.m, "bob"), DEIA_OK);
	memset(a, 0, sizeof(a));
	d.from = "ann";
	d.to = "bob";
	for (int i = 0; i < 20; i++) {
		err = deia_messenger_send(sc.s.m, &d, 1, NULL, NULL,
					  sim_on_messages, &a[i]);
		n_ok += err == DEIA_OK;
		n_busy += err == DEIA_EBUSY;
	}
	ck_assert_uint_eq(n_ok, 4);
	ck_assert_uint_eq(n_busy, 16);
	sim_idle(&sc.s);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(a[i].calls, i < 4);
	ck_assert_uint_eq(sim_count(&sc.s, "bob", -1), 4);
	sim_recount(&sc.s, scene_inboxes, 2);
	ck_assert_int_eq(sim_send(&sc.s, "ann", "bob", 2, "x", NULL, NULL),
			 DEIA_OK);
}
END_TEST

/* ---- what happens by itself -------------------------------------------- */

START_TEST(lease_that_ends_on_a_full_disk_ends_when_there_is_room)
{
	scene_make(&sc);
	disk_fail_writes(SQLITE_FULL);
	sim_sleep(&sc.s, 61000);
	ck_assert_int_eq(status_of(sc.out.id), DEIA_MESSAGE_DELIVERED);
	sim_sleep(&sc.s, 10000);
	ck_assert_int_eq(status_of(sc.out.id), DEIA_MESSAGE_DELIVERED);
	sim_recount(&sc.s, scene_inboxes, 2);
	disk_fail_writes(0);
	for (int i = 0; i < 5; i++)
		sim_sleep(&sc.s, 1000);
	ck_assert_int_eq(status_of(sc.out.id), DEIA_MESSAGE_PENDING);
	sim_recount(&sc.s, scene_inboxes, 2);
	scene_end(&sc);
}
END_TEST

START_TEST(message_that_expires_on_a_full_disk_does_so_when_there_is_room)
{
	struct sim_answer a;
	char id[37];

	scene_make(&sc);
	ck_assert_int_eq(sim_send_ttl(&sc.s, "ann", "bob", 2, &a), DEIA_OK);
	strcpy(id, a.items[0].id);
	disk_fail_writes(SQLITE_FULL);
	sim_sleep(&sc.s, 3000);
	sim_sleep(&sc.s, 3000);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_PENDING);
	disk_fail_writes(0);
	for (int i = 0; i < 5; i++)
		sim_sleep(&sc.s, 1000);
	ck_assert_int_eq(status_of(id), DEIA_MESSAGE_EXPIRED);
	sim_recount(&sc.s, scene_inboxes, 2);
	scene_end(&sc);
}
END_TEST

START_TEST(waiting_receiver_is_told_that_the_disk_is_full)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;
	struct sim_answer got = { 0 }, a;

	ck_assert_int_eq(deia_messenger_open_inbox(sc.s.m, "bob"), DEIA_OK);
	ck_assert_int_eq(sim_send(&sc.s, "ann", "bob", 2, "x", NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(sim_receive(&sc.s, "bob", 1, 60000, false, &a),
			 DEIA_OK);
	ck_assert_int_eq(sim_release(&sc.s, &a.items[0], 5000, false, NULL),
			 DEIA_OK);
	r.inbox = "bob";
	r.wait_ms = 60000;
	ck_assert_int_eq(
		deia_messenger_receive(sc.s.m, &r, NULL, sim_on_messages, &got),
		DEIA_OK);
	disk_fail_writes(SQLITE_FULL);
	sim_sleep(&sc.s, 5100);
	ck_assert_int_eq(got.calls, 1);
	ck_assert_int_eq(got.err, DEIA_EFULL);
	disk_fail_writes(0);
	ck_assert_int_eq(sim_receive(&sc.s, "bob", 1, 60000, false, &a),
			 DEIA_OK);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_uint_eq(a.items[0].attempt, 2);
}
END_TEST

START_TEST(old_messages_are_deleted_once_the_disk_works)
{
	struct deia_messenger_status st;

	sc.s.opts.retention_days = 1;
	ck_assert_int_eq(deia_messenger_configure(sc.s.m, &sc.s.opts), DEIA_OK);
	scene_make(&sc);
	ck_assert_int_eq(sim_read(&sc.s, &sc.out), DEIA_OK);
	disk_fail_writes(SQLITE_FULL);
	sim_sleep(&sc.s, INT64_C(2) * 86400 * 1000);
	deia_messenger_get_status(sc.s.m, &st);
	ck_assert_uint_eq(st.cleaned, 0);
	disk_fail_writes(0);
	for (int i = 0; i < 10; i++)
		sim_sleep(&sc.s, 61000);
	deia_messenger_get_status(sc.s.m, &st);
	ck_assert_uint_eq(st.cleaned, 2);
	sim_recount(&sc.s, scene_inboxes, 2);
}
END_TEST

/* ---- another change came first ------------------------------------------- */

/* The row of a message, finished and open again behind the messenger's back. */
struct rival {
	unsigned char id[DEIA__MSG_ID_BYTES];
	unsigned n_done;
};

static void set_phase(struct rival *rival, int phase, deia_txn_cb cb)
{
	struct deia_value key = { DEIA_BLOB, 0, (const char *)rival->id,
				  sizeof(rival->id) };
	struct deia_set set = { MAIL_PHASE, deia_int(phase) };
	deia_txn *txn = deia_txn_new(sc.s.store);

	deia_txn_update(txn, &deia__table_messages, &key, &set, 1, NULL);
	ck_assert_int_eq(deia_txn_commit(txn, cb, rival), DEIA_OK);
}

static void on_opened(deia_err err, const int64_t *seqs, size_t n_seqs,
		      void *user)
{
	struct rival *rival = user;

	(void)seqs;
	(void)n_seqs;
	ck_assert_int_eq(err, DEIA_OK);
	rival->n_done++;
}

static void on_finished(deia_err err, const int64_t *seqs, size_t n_seqs,
			void *user)
{
	on_opened(err, seqs, n_seqs, user);
	set_phase(user, PHASE_OPEN, on_opened);
}

/* Pages are called back in the order in which they were asked for: the next
 * one has the row as open, and what comes of it is committed after this. */
static void on_first_page(deia_err err, const deia_rows *rows, void *user)
{
	(void)rows;
	ck_assert_int_eq(err, DEIA_OK);
	set_phase(user, PHASE_READ, on_finished);
}

static void overtake_the_next_page(struct rival *rival)
{
	struct deia_page_query q = { .table = &deia__table_message_clock,
				     .index = -1,
				     .limit = 1 };

	ck_assert_int_eq(deia_store_page(sc.s.store, &q, on_first_page, rival),
			 DEIA_OK);
}

START_TEST(expiry_that_comes_too_late_holds_up_nothing_else)
{
	struct deia_inbox_status inbox;
	struct deia_messenger_status st;
	struct rival rival = { 0 };
	struct sim_answer a, dead;

	ck_assert_int_eq(deia_messenger_open_inbox(sc.s.m, "bob"), DEIA_OK);
	ck_assert_int_eq(sim_send(&sc.s, "ann", "bob", 2, "x", NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(sim_receive(&sc.s, "bob", 1, 60000, false, &a),
			 DEIA_OK);
	ck_assert_int_eq(sim_release(&sc.s, &a.items[0], 2500, false, NULL),
			 DEIA_OK);
	ck_assert_int_eq(sim_send_ttl(&sc.s, "ann", "bob", 2, &dead), DEIA_OK);
	ck_assert(deia__id_parse(rival.id, dead.items[0].id));
	overtake_the_next_page(&rival);
	sim_sleep(&sc.s, 2001);
	ck_assert_uint_eq(rival.n_done, 2);
	/* It was too late, which nobody sees; else it would be expired. */
	ck_assert_int_eq(status_of(dead.items[0].id), DEIA_MESSAGE_PENDING);
	deia_messenger_get_status(sc.s.m, &st);
	ck_assert_uint_eq(st.refused, 0);
	/* The other one is back in its time, and the expiry as well. */
	sim_sleep(&sc.s, 500);
	ck_assert_int_eq(deia_messenger_inbox(sc.s.m, "bob", &inbox), DEIA_OK);
	ck_assert_uint_eq(inbox.waiting, 0);
	ck_assert_int_eq(status_of(dead.items[0].id), DEIA_MESSAGE_EXPIRED);
	ck_assert_int_eq(sim_receive(&sc.s, "bob", 2, 60000, false, &dead),
			 DEIA_OK);
	ck_assert_uint_eq(dead.n, 1);
	ck_assert_str_eq(dead.items[0].id, a.items[0].id);
	sim_recount(&sc.s, scene_inboxes, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("faults");
	TCase *tc = tcase_create("faults");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, full_disk_is_told_and_changes_nothing, 0,
			    SCENE_GET);
	tcase_add_loop_test(
		tc, refused_change_did_not_happen_after_a_restart_either, 0,
		SCENE_GET);
	tcase_add_loop_test(tc, lock_of_another_program_is_for_the_moment, 0,
			    SCENE_GET);
	tcase_add_loop_test(tc,
			    broken_disk_acknowledges_nothing_and_keeps_what_was,
			    0, SCENE_GET);
	tcase_add_test(
		tc, full_queue_of_the_store_refuses_at_once_and_takes_the_rest);
	tcase_add_test(tc,
		       lease_that_ends_on_a_full_disk_ends_when_there_is_room);
	tcase_add_test(
		tc,
		message_that_expires_on_a_full_disk_does_so_when_there_is_room);
	tcase_add_test(tc, waiting_receiver_is_told_that_the_disk_is_full);
	tcase_add_test(tc, old_messages_are_deleted_once_the_disk_works);
	suite_add_tcase(s, tc);
	tc = tcase_create("overtaken");
	tcase_add_checked_fixture(tc, setup_memory, teardown);
	tcase_add_test(tc, expiry_that_comes_too_late_holds_up_nothing_else);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
