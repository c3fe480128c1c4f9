/* SPDX-License-Identifier: MIT */
/* test_scaling.c - the auto-scaler in a hive, with real echo bots: what it
 * launches, what it drains, what it leaves alone. */
#include "scaled.h"

#include <string.h>

#include "hive/scheduling/scheduling.h"
#include "scripts.h"
#include "work.h"

struct fixture f;

static void setup(void)
{
	fixture_open(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

START_TEST(without_settings_nothing_is_scaled)
{
	struct deia_scaling_state s;

	scaled_template("parrot", "echo", NULL, 0);
	scaled_look(60);
	deia_hive_scaling_get(f.hive, &s);
	ck_assert(!s.active);
	ck_assert(!deia__timer_armed(&f.hive->scaling->timer));
	ck_assert_int_eq(s.source, DEIA_SCALING_DEFAULT);
	ck_assert(!scaled_status("parrot").set.enabled);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(min_bots_are_launched_and_say_whose_they_are)
{
	struct answer a;
	struct deia_hive_bot b;
	struct decisions p;

	scaled_echo(2, 4);
	ck_assert(deia__timer_armed(&f.hive->scaling->timer));
	scaled_look(1);
	wait_there("parrot-auto-1");
	wait_there("parrot-auto-2");
	ck_assert_int_eq(ask_and_wait(&f, "parrot-auto-1", NULL, "Hi", &a),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "parrot-auto-1", &b),
			 DEIA_OK);
	ck_assert_str_eq(b.info->spec->template_name, "parrot");
	ck_assert_str_eq(b.info->spec->managed_by, "scaler");
	scaled_look(1);
	scaled_look(60);
	ck_assert_uint_eq(count_bots(), 2);
	ck_assert_uint_eq(scaled_status("parrot").now.bots, 2);
	ck_assert_uint_eq(scaled_status("parrot").managed, 2);
	ck_assert_uint_eq(deia__scaled_get(f.hive, "parrot")->load.arrived, 1);
	ck_assert_uint_eq(deia__scaled_get(f.hive, "parrot")->load.finished, 1);
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(p.items[0].name, "parrot");
	ck_assert_str_eq(p.items[0].kind, "launch");
	ck_assert_str_eq(p.items[0].cause, "min_bots");
	ck_assert_str_eq(p.items[0].by, "scaler");
	ck_assert_uint_eq(p.items[0].count, 2);
	ck_assert(p.items[0].done);
}
END_TEST

/* Work elsewhere than at bots, as a queue of tasks says it. */
static struct deia__load waiting;

static void add_waiting(deia_hive *h, const char *name, struct deia__load *l,
			void *user)
{
	(void)h;
	(void)name;
	(void)user;
	l->queued += waiting.queued;
	l->arrived += waiting.queued;
	l->oldest_wait_ms = waiting.oldest_wait_ms;
	l->run_seconds = waiting.run_seconds;
	l->arrivals_per_second = waiting.arrivals_per_second;
}

START_TEST(work_that_waits_launches_and_idleness_drains)
{
	struct decisions p;

	scaled_echo(1, 3);
	scaled_look(1);
	wait_there("parrot-auto-1");
	deia__scaling_set_load(f.hive, add_waiting, NULL);
	waiting = (struct deia__load){ .queued = 40,
				       .oldest_wait_ms = 5000,
				       .run_seconds = 2,
				       .arrivals_per_second = 1 };
	scaled_look(5);
	wait_there("parrot-auto-2");
	wait_there("parrot-auto-3");
	scaled_look(5);
	ck_assert_uint_eq(count_bots(), 3); /* max_bots */
	memset(&waiting, 0, sizeof(waiting));
	waiting.run_seconds = 2;
	for (int i = 0; i < 60 && count_bots() > 1; i++) {
		scaled_look(2);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	read_decisions(&p, 0, 20);
	ck_assert_str_eq(p.items[0].kind, "drain");
	ck_assert_str_eq(p.items[0].cause, "idle");
	wait_gone(p.items[0].bot);
	scaled_look(60);
	read_decisions(&p, 0, 20);
	for (int i = 0; i < 60 && count_bots() > 1; i++) {
		scaled_look(2);
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	scaled_look(100);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(count_bots(), 1); /* min_bots */
}
END_TEST

static void record(const char *bot, double seconds)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;

	o.bot = bot;
	o.type = "general";
	o.seconds = seconds;
	o.success = true;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(
			deia_scheduler_record(f.hive->scheduling->scheduler, &o,
					      deia__scaling_now(f.hive)),
			DEIA_OK);
}

/* The load of "parrot" as of a new look. */
static const struct deia__load *load_now(void)
{
	scaled_look(1);
	return &deia__scaled_get(f.hive, "parrot")->load;
}

START_TEST(tasks_that_wait_count_whatever_they_wait_for)
{
	struct deia_scaling_limits l = scaled_quick();
	const struct job *j;
	char ids[3][37];

	l.dry_run = true;
	scaled_template("parrot", "echo", NULL, 0);
	scaled_configure("parrot", 0, 2, &l);
	ck_assert_int_eq(submit_task(&f, "admin", "x", NULL, ids[0]), DEIA_OK);
	run_until_task(&f, ids[0], DEIA_TASK_QUEUED);
	ck_assert_uint_eq(load_now()->queued, 1);
	create_script_bot(&f, "fast", never_answers);
	create_script_bot(&f, "slow", never_answers);
	run_until_task(&f, ids[0], DEIA_TASK_RUNNING);
	ck_assert_int_eq(do_task(&f, "admin", DEIA_TASK_DO_CANCEL, ids[0]),
			 DEIA_OK);
	run_until_task(&f, ids[0], DEIA_TASK_CANCELLED);
	ck_assert_uint_eq(load_now()->queued, 0);
	record("fast", 600);
	record("slow", 60000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(submit_task(&f, "admin", "x",
					     i < 2 ? NULL : "fast", ids[i]),
				 DEIA_OK);
	run_until_task(&f, ids[0], DEIA_TASK_RUNNING);
	j = run_until_task(&f, ids[1], DEIA_TASK_QUEUED);
	ck_assert_str_eq(j->reason, "waits for fast");
	/* The one that is pinned to a person's bot helps no template. */
	ck_assert_uint_eq(load_now()->queued, 1);
}
END_TEST

START_TEST(what_a_person_made_is_never_removed)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct hand x;

	scaled_echo(0, 4);
	spec.id = "mine";
	spec.adapter = "echo";
	spec.template_name = "parrot";
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "mine", DEIA_BOT_READY);
	scaled_look(1);
	ck_assert_uint_eq(scaled_status("parrot").now.bots, 1);
	ck_assert_uint_eq(scaled_status("parrot").managed, 0);
	ck_assert_uint_eq(scaled_status("parrot").now.counts[DEIA_SCALER_READY],
			  1);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_DOWN, 1, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "only 0"));
	for (int i = 0; i < 100; i++) {
		scaled_look(50);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	ck_assert(has_bot("mine"));
}
END_TEST

START_TEST(a_stopped_bot_counts_for_nothing)
{
	struct hand x;

	scaled_echo(0, 4);
	ck_assert_int_eq(scaled_by_hand(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, x.ids[0], DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_STOPPED);
	scaled_look(1);
	scaled_look(100);
	ck_assert_uint_eq(scaled_status("parrot").now.bots, 0);
	ck_assert(has_bot(x.ids[0]));
}
END_TEST

START_TEST(a_dry_run_says_it_and_does_nothing)
{
	struct deia_scaling_limits l = scaled_quick();
	struct decisions p;

	l.dry_run = true;
	scaled_template("parrot", "echo", NULL, 0);
	scaled_configure("parrot", 2, 4, &l);
	scaled_look(1);
	scaled_look(10);
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(p.items[0].kind, "launch");
	ck_assert(!p.items[0].done);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(a_program_that_is_missing_pauses_its_template)
{
	const char *argv[] = { "/nonexistent/program" };
	struct deia_scaling_limits l = scaled_quick();
	struct deia_scaling_status s;
	struct decisions p;
	bool held = false;

	scaled_template("parrot", "process", argv, 1);
	scaled_configure("parrot", 1, 4, &l);
	scaled_look(1);
	for (int i = 0; i < 200 && !held; i++) {
		event_base_loop(f.base, EVLOOP_ONCE);
		scaled_look(0);
		s = scaled_status("parrot");
		held = s.now.failures > 0;
	}
	ck_assert(held);
	ck_assert_int_gt(s.now.paused_ms, 0);
	scaled_look(1);
	ck_assert_uint_le(count_bots(), 1);
	read_decisions(&p, 0, 20);
	ck_assert_uint_ge(p.n, 1);
	ck_assert_uint_le(p.n, 4);
}
END_TEST

START_TEST(a_template_that_cannot_be_launched_is_refused_with_the_reason)
{
	struct deia_scaling_limits l = scaled_quick();
	struct decisions p;

	scaled_template("parrot", "ollama", NULL, 0); /* has no model */
	scaled_configure("parrot", 1, 2, &l);
	scaled_look(1);
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_str_eq(p.items[0].kind, "refused");
	ck_assert_ptr_nonnull(strstr(p.items[0].reason, "model"));
	ck_assert_int_gt(scaled_status("parrot").now.paused_ms, 0);
	scaled_look(1);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(old_decisions_go)
{
	struct deia__change *c;
	struct deia_scaling_decision d = {
		.name = "parrot",
		.kind = "hold",
		.cause = "cpu",
		.bot = "",
		.by = "scaler",
		.reason = "so",
	};
	struct decisions p;

	for (int i = 0; i < 4; i++) {
		c = deia__change_new(f.hive);
		d.at_unix_ms = i < 2 ? 1000 : deia__unix_ms(NULL);
		deia__scaling_note(f.hive, c, &d);
		ck_assert_int_eq(deia__change_commit(c, f.hive, NULL, NULL),
				 DEIA_OK);
	}
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 4);
	f.hive->scaling->newest = p.items[0].seq;
	deia__retention_step(f.hive);
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 2);
	/* As if there were 10,000 newer ones. */
	f.hive->scaling->newest = p.items[1].seq + 10000;
	f.hive->scaling->pruned = p.items[1].seq - 1;
	deia__retention_step(f.hive);
	read_decisions(&p, 0, 10);
	ck_assert_uint_eq(p.n, 1);
}
END_TEST

START_TEST(processors_and_memory_are_read)
{
	struct deia__machine m = { 0 };

	deia__machine_read_cpu(&m, "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 ...");
	ck_assert_double_eq(m.cpu_ratio, 0);
	deia__machine_read_cpu(&m, "cpu  150 0 150 900 0 0 0 0 0 0\n");
	ck_assert_double_eq_tol(m.cpu_ratio, 0.5, 1e-9);
	deia__machine_read_cpu(&m, "nonsense");
	ck_assert_double_eq_tol(m.cpu_ratio, 0.5, 1e-9);
	deia__machine_read_memory(&m, "MemTotal: 9 kB\nMemAvailable:  4 kB\n");
	ck_assert(m.memory_known);
	ck_assert_uint_eq(m.free_bytes, 4096);
	deia__machine_read_memory(&m, "MemTotal: 9 kB\n");
	ck_assert(!m.memory_known);
	memset(&m, 0, sizeof(m));
	deia__machine_look(&m);
	ck_assert(m.memory_known);
	ck_assert_uint_gt(m.free_bytes, 0);
	ck_assert(m.counting);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-scaling");
	TCase *memory = tcase_create("memory");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(memory, 60);
	tcase_add_checked_fixture(memory, setup, teardown);
	tcase_add_test(memory, without_settings_nothing_is_scaled);
	tcase_add_test(memory, min_bots_are_launched_and_say_whose_they_are);
	tcase_add_test(memory, work_that_waits_launches_and_idleness_drains);
	tcase_add_test(memory, tasks_that_wait_count_whatever_they_wait_for);
	tcase_add_test(memory, what_a_person_made_is_never_removed);
	tcase_add_test(memory, a_stopped_bot_counts_for_nothing);
	tcase_add_test(memory, a_dry_run_says_it_and_does_nothing);
	tcase_add_test(memory, a_program_that_is_missing_pauses_its_template);
	tcase_add_test(
		memory,
		a_template_that_cannot_be_launched_is_refused_with_the_reason);
	tcase_add_test(memory, old_decisions_go);
	tcase_add_test(memory, processors_and_memory_are_read);
	suite_add_tcase(s, memory);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
