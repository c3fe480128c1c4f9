/* SPDX-License-Identifier: MIT */
/* test_scaling_hand.c - people and the auto-scaler: settings, launching and
 * draining by hand, bots that are kept; and what a restart remembers. */
#include "scaled.h"
#include "mailbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void setup_file(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

/* A program that answers a task once the file named in argv[1] is there. */
#define WAITS                                                                  \
	"import json,os,sys,time\n"                                            \
	"print('{\"type\":\"ready\"}',flush=True)\n"                           \
	"import threading\n"                                                   \
	"def work(i):\n"                                                       \
	"  os.open(sys.argv[1],os.O_RDONLY)\n"                                 \
	"  print(json.dumps({'type':'done','id':i,'text':'well'}),flush=True)" \
	"\n"                                                                   \
	"for l in sys.stdin:\n"                                                \
	"  j=json.loads(l)\n"                                                  \
	"  if j['type']=='task':\n"                                            \
	"    threading.Thread(target=work,args=(j['id'],),daemon=True)"        \
	".start()\n"                                                           \
	"  elif j['type']=='shutdown': os._exit(0)\n"

START_TEST(numbers_are_not_given_twice)
{
	struct hand x;

	scaled_echo(0, 4);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	ck_assert_uint_eq(x.n, 2);
	wait_there("parrot-auto-2");
	ck_assert_int_eq(remove_bot(&f, "parrot-auto-2", true, true), DEIA_OK);
	fixture_reopen(&f, false);
	scaled_echo(0, 4);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	ck_assert_str_eq(x.ids[0], "parrot-auto-3");
}
END_TEST

START_TEST(a_bot_that_is_adopted_is_kept)
{
	struct deia_bot_spec spec;
	struct deia_hive_bot b;
	struct hand x;

	scaled_echo(0, 4);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	spec = *b.info->spec;
	spec.managed_by = NULL;
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      NULL, NULL),
			 DEIA_OK);
	scaled_settle();
	for (int i = 0; i < 100; i++) {
		scaled_look(50);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	ck_assert(has_bot("parrot-auto-1"));
	ck_assert_uint_eq(scaled_status("parrot").managed, 0);
}
END_TEST

START_TEST(a_drain_waits_for_the_running_turn)
{
	const char *argv[] = { "python3", "-c", WAITS, NULL };
	struct deia_scaling_limits l = scaled_quick();
	struct answer a, refused;
	struct deia_hive_bot b;
	struct hand x;
	char fifo[96];
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/go", f.dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	argv[3] = fifo;
	scaled_template("parrot", "process", argv, 4);
	scaled_configure("parrot", 0, 2, &l);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(ask(&f, x.ids[0], NULL, "wait", &a, NULL), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_BUSY);
	scaled_look(1);
	ck_assert_uint_eq(scaled_status("parrot").running, 1);
	ck_assert_uint_eq(scaled_status("parrot").now.counts[DEIA_SCALER_BUSY],
			  1);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	ck_assert_uint_eq(x.n, 1);
	scaled_look(100);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	ck_assert(b.draining);
	ck_assert_int_eq(b.info->state, DEIA_BOT_BUSY);
	ck_assert_int_eq(ask(&f, x.ids[0], NULL, "more", &refused, NULL),
			 DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "auto-scaler"));
	fd = open(fifo, O_WRONLY | O_CLOEXEC); /* lets it go on */
	ck_assert_int_ge(fd, 0);
	close(fd);
	run_until(&f, &a.done);
	ck_assert_int_eq(a.err, DEIA_OK);
	ck_assert_str_eq(a.text, "well");
	scaled_look(1);
	wait_gone(x.ids[0]);
	ck_assert_uint_eq(f.hive->scaling->n_draining, 0);
}
END_TEST

START_TEST(a_bot_that_was_draining_is_of_the_pool_after_a_kill)
{
	struct deia_hive_bot b;
	struct hand x;

	scaled_echo(1, 2);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	deia__hbot_get(f.hive, "parrot-auto-1")->draining = true;
	fixture_reopen(&f, false);
	scaled_echo(1, 2);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "parrot-auto-1", &b),
			 DEIA_OK);
	ck_assert(!b.draining);
	scaled_look(1);
	ck_assert_uint_eq(scaled_status("parrot").managed, 2);
	ck_assert_uint_eq(count_bots(), 2); /* none is launched beside them */
}
END_TEST

START_TEST(what_was_put_counts_until_it_is_deleted)
{
	struct deia_scaling_status s;
	struct deia_scaling_state all;

	scaled_echo(1, 2);
	ck_assert_int_eq(
		scaled_put("{\"limits\":{\"max_bots\":7},\"templates\":"
			   "{\"parrot\":{\"max_bots\":5}}}"),
		DEIA_OK);
	fixture_reopen(&f, true);
	scaled_echo(1, 2);
	s = scaled_status("parrot");
	ck_assert_int_eq(s.source, DEIA_SCALING_API);
	ck_assert_uint_eq(s.set.min_bots, 1); /* as it was in force */
	ck_assert_uint_eq(s.set.max_bots, 5);
	ck_assert_str_eq(s.updated_by, "local");
	deia_hive_scaling_get(f.hive, &all);
	ck_assert_int_eq(all.source, DEIA_SCALING_API);
	ck_assert_uint_eq(all.limits.max_bots, 7);
	ck_assert_uint_eq(all.limits.reserve_mib, 0);
	ck_assert_int_eq(scaled_put("{\"limits\":null,\"templates\":"
				    "{\"parrot\":null}}"),
			 DEIA_OK);
	s = scaled_status("parrot");
	ck_assert_int_eq(s.source, DEIA_SCALING_FILE);
	ck_assert_uint_eq(s.set.max_bots, 2);
	deia_hive_scaling_get(f.hive, &all);
	ck_assert_int_eq(all.source, DEIA_SCALING_FILE);
}
END_TEST

START_TEST(what_is_wrong_in_a_change_is_named)
{
	static const char *const wrong[][2] = {
		{ "{\"x\":1}", "/x" },
		{ "{\"limits\":1}", "/limits" },
		{ "{\"limits\":{\"max_bots\":0}}", "/limits/max_bots" },
		{ "{\"limits\":{\"dry_run\":1}}", "/limits/dry_run" },
		{ "{\"limits\":{\"bots\":1}}", "/limits/bots" },
		{ "{\"templates\":[]}", "/templates" },
		{ "{\"templates\":{\"none\":{}}}", "/templates/none" },
		{ "{\"templates\":{\"far\":{}}}", "/templates/far" },
		{ "{\"templates\":{\"parrot\":{\"min_bots\":3}}}",
		  "/templates/parrot/min_bots" },
		{ "{\"templates\":{\"parrot\":{\"max_bots\":1.5}}}",
		  "/templates/parrot/max_bots" },
		{ "{\"templates\":{\"parrot\":{\"wait_seconds\":0}}}",
		  "/templates/parrot/wait_seconds" },
	};

	scaled_echo(1, 2);
	scaled_template("far", "external", NULL, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(scaled_put(wrong[i][0]), DEIA_EFIELD);
		ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer,
				 wrong[i][1]);
	}
	ck_assert_int_eq(scaled_status("parrot").source, DEIA_SCALING_FILE);
}
END_TEST

START_TEST(by_hand_neither_too_many_nor_too_few)
{
	struct hand x;

	scaled_echo(1, 3);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 4, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "max_bots is 3"));
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 0, &x), DEIA_EINVAL);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-2", DEIA_BOT_READY);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 2, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "min_bots is 1"));
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	wait_gone(x.ids[0]);
	ck_assert_uint_eq(count_bots(), 1);
	ck_assert_int_eq(
		scaled_put("{\"templates\":{\"parrot\":{\"enabled\":false}}}"),
		DEIA_OK);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "not scaled"));
	ck_assert_int_eq(deia_hive_scale(f.hive, deia_actor_local(), "none",
					 DEIA_SCALE_UP, 1, scaled_on_hand, &x),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(what_a_person_does_is_recorded_under_that_name)
{
	struct hand x;
	struct decisions p;
	int64_t newest;

	scaled_echo(0, 3);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	read_decisions(&p, 0, 1);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(p.more);
	ck_assert_str_eq(p.items[0].kind, "drain");
	ck_assert_str_eq(p.items[0].cause, "person");
	ck_assert_str_eq(p.items[0].by, "local");
	ck_assert_str_eq(p.items[0].bot, x.ids[0]);
	newest = p.items[0].seq;
	read_decisions(&p, newest, 10);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more);
	ck_assert_str_eq(p.items[0].kind, "launch");
	ck_assert_uint_eq(p.items[0].count, 2);
	wait_gone(x.ids[0]);
}
END_TEST

START_TEST(a_bot_with_mail_that_nobody_reads_is_kept)
{
	struct deia_hive_bot b;
	struct hand x;
	struct got got;

	scaled_echo(0, 2);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(mail_send(&f, "admin", "system", x.ids[0], "Hi", &got),
			 DEIA_OK);
	scaled_look(1);
	ck_assert_uint_eq(scaled_status("parrot").now.counts[DEIA_SCALER_BUSY],
			  1);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	ck_assert(b.draining);
	scaled_look(30);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	ck_assert(b.draining);
	scaled_look(40);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	ck_assert(!b.draining);
	ck_assert_uint_eq(f.hive->scaling->n_draining, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-scaling_hand");
	TCase *memory = tcase_create("memory"), *file = tcase_create("file");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(memory, 60);
	tcase_add_checked_fixture(memory, setup, teardown);
	tcase_set_timeout(file, 60);
	tcase_add_checked_fixture(file, setup_file, teardown);
	tcase_add_test(file, numbers_are_not_given_twice);
	tcase_add_test(memory, a_bot_that_is_adopted_is_kept);
	tcase_add_test(file, a_drain_waits_for_the_running_turn);
	tcase_add_test(file,
		       a_bot_that_was_draining_is_of_the_pool_after_a_kill);
	tcase_add_test(file, what_was_put_counts_until_it_is_deleted);
	tcase_add_test(memory, a_bot_with_mail_that_nobody_reads_is_kept);
	tcase_add_test(memory, what_is_wrong_in_a_change_is_named);
	tcase_add_test(memory, by_hand_neither_too_many_nor_too_few);
	tcase_add_test(memory, what_a_person_does_is_recorded_under_that_name);
	suite_add_tcase(s, memory);
	suite_add_tcase(s, file);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
