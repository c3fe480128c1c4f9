/* SPDX-License-Identifier: MIT */
/*
 * test_scaling.c - the auto-scaler in a hive, with real echo bots and a program
 * that answers when it is let. Its clock is moved by hand; looks are made by
 * hand as well.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/scaling.h>
#include <deia/sys/json.h>

#include "hive/scaling.h"

static struct fixture f;

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

/* ---- helpers ------------------------------------------------------------- */

static void set_template(const char *name, const char *adapter,
			 const char *const *argv, size_t n_argv)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.adapter = adapter;
	spec.argv = argv;
	spec.n_argv = n_argv;
	spec.max_concurrent = 1;
	ck_assert_int_eq(deia_hive_set_template(f.hive, name, &spec), DEIA_OK);
}

/* Short windows, and a machine that is never short of anything. */
static struct deia_scaling_limits quick(void)
{
	struct deia_scaling_limits l = DEIA_SCALING_LIMITS_INIT;

	l.up_cooldown_seconds = 1;
	l.down_cooldown_seconds = 1;
	l.down_window_seconds = 10;
	l.cpu_max_percent = 1000;
	l.reserve_mib = 0;
	return l;
}

static void configure(const char *name, unsigned min, unsigned max,
		      const struct deia_scaling_limits *limits)
{
	struct deia_scaling_setting s = {
		.name = name,
		.set = DEIA_SCALING_TEMPLATE_INIT,
	};

	s.set.min_bots = min;
	s.set.max_bots = max;
	s.set.wait_seconds = 1;
	ck_assert_int_eq(deia_hive_scaling_configure(f.hive, limits, &s, 1),
			 DEIA_OK);
}

static void scale_echo(unsigned min, unsigned max)
{
	struct deia_scaling_limits l = quick();

	set_template("parrot", "echo", NULL, 0);
	configure("parrot", min, max, &l);
}

/* A look, so many seconds after the one before. */
static void look_after(int seconds)
{
	f.hive->scaling->skew_ms += seconds * 1000;
	deia__scaling_look(f.hive);
}

static struct deia_scaling_status status_of(const char *name)
{
	struct deia_scaling_status all[8];
	size_t n = deia_hive_scaling_list(f.hive, NULL, all, 8);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	ck_abort_msg("no template %s", name);
}

static unsigned count_bots(void)
{
	struct deia_hive_bot all[32];

	return (unsigned)deia_hive_bot_list(f.hive, NULL, all, 32);
}

static bool has_bot(const char *id)
{
	struct deia_hive_bot b;

	return deia_hive_bot_get(f.hive, id, &b) == DEIA_OK;
}

static void wait_gone(const char *id)
{
	run_until_bot(&f, id, false);
}

static void wait_there(const char *id)
{
	run_until_bot(&f, id, true);
	run_until_state(&f, id, DEIA_BOT_READY);
}

struct page {
	bool done, more;
	deia_err err;
	size_t n;
	struct {
		char name[72], kind[16], cause[16], bot[72], by[72];
		char reason[256];
		bool done;
		unsigned count;
		int64_t seq;
	} items[64];
};

static void on_history(deia_err err, const struct deia_scaling_decision *items,
		       size_t n, bool more, void *user)
{
	struct page *p = user;

	p->done = true;
	p->err = err;
	p->more = more;
	p->n = n;
	ck_assert_uint_le(n, 64);
	for (size_t i = 0; i < n; i++) {
		snprintf(p->items[i].name, 72, "%s", items[i].name);
		snprintf(p->items[i].kind, 16, "%s", items[i].kind);
		snprintf(p->items[i].cause, 16, "%s", items[i].cause);
		snprintf(p->items[i].bot, 72, "%s", items[i].bot);
		snprintf(p->items[i].by, 72, "%s", items[i].by);
		snprintf(p->items[i].reason, 256, "%s", items[i].reason);
		p->items[i].done = items[i].done;
		p->items[i].count = items[i].count;
		p->items[i].seq = items[i].seq;
	}
}

static void on_settled(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

/* Newest first, with all that was decided so far. */
static void read_history(struct page *p, int64_t before, unsigned limit)
{
	bool settled = false;

	/* Commits come back in order: what was written before is durable. */
	ck_assert_int_eq(deia_hive_replay_keep(f.hive, "t", "k", "f", 200, "x",
					       on_settled, &settled),
			 DEIA_OK);
	run_until(&f, &settled);
	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(
		deia_hive_scaling_history(f.hive, before, limit, on_history, p),
		DEIA_OK);
	run_until(&f, &p->done);
	ck_assert_int_eq(p->err, DEIA_OK);
}

static void on_put(deia_err err, void *user)
{
	int *result = user;

	*result = (int)err;
}

static deia_err put(const char *text)
{
	struct cJSON *json;
	int result = -1;
	bool settled = false;
	deia_err err;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	err = deia_hive_scaling_put(f.hive, deia_actor_local(), json, on_put,
				    &result);
	cJSON_Delete(json);
	if (err)
		return err;
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(deia_hive_replay_keep(f.hive, "t", "k", "f", 200, "x",
					       on_settled, &settled),
			 DEIA_OK);
	run_until(&f, &settled);
	ck_assert_int_ne(result, -1);
	return (deia_err)result;
}

struct hand {
	bool done;
	deia_err err;
	size_t n;
	char ids[8][72];
};

static void on_hand(deia_err err, const char *const *bots, size_t n, void *user)
{
	struct hand *x = user;

	x->done = true;
	x->err = err;
	x->n = n;
	for (size_t i = 0; i < n && i < 8; i++)
		snprintf(x->ids[i], 72, "%s", bots[i]);
}

static deia_err scale(deia_scaling_direction d, unsigned n, struct hand *x)
{
	deia_err err;

	memset(x, 0, sizeof(*x));
	err = deia_hive_scale(f.hive, deia_actor_local(), "parrot", d, n,
			      on_hand, x);
	if (err)
		return err;
	ck_assert(!x->done);
	run_until(&f, &x->done);
	return x->err;
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

/* ---- tests --------------------------------------------------------------- */

START_TEST(without_settings_nothing_is_scaled)
{
	struct deia_scaling_state s;

	set_template("parrot", "echo", NULL, 0);
	look_after(60);
	deia_hive_scaling_get(f.hive, &s);
	ck_assert(!s.active);
	ck_assert(!deia__timer_armed(&f.hive->scaling->timer));
	ck_assert_int_eq(s.source, DEIA_SCALING_DEFAULT);
	ck_assert(!status_of("parrot").set.enabled);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(min_bots_are_launched_and_say_whose_they_are)
{
	struct deia_hive_bot b;
	struct page p;

	scale_echo(2, 4);
	ck_assert(deia__timer_armed(&f.hive->scaling->timer));
	look_after(1);
	wait_there("parrot-auto-1");
	wait_there("parrot-auto-2");
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "parrot-auto-1", &b),
			 DEIA_OK);
	ck_assert_str_eq(b.info->spec->template_name, "parrot");
	ck_assert_str_eq(b.info->spec->managed_by, "scaler");
	look_after(1);
	look_after(60);
	ck_assert_uint_eq(count_bots(), 2);
	ck_assert_uint_eq(status_of("parrot").now.bots, 2);
	ck_assert_uint_eq(status_of("parrot").managed, 2);
	read_history(&p, 0, 10);
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
	struct page p;

	scale_echo(1, 3);
	look_after(1);
	wait_there("parrot-auto-1");
	deia__scaling_set_load(f.hive, add_waiting, NULL);
	waiting = (struct deia__load){ .queued = 40,
				       .oldest_wait_ms = 5000,
				       .run_seconds = 2,
				       .arrivals_per_second = 1 };
	look_after(5);
	wait_there("parrot-auto-2");
	wait_there("parrot-auto-3");
	look_after(5);
	ck_assert_uint_eq(count_bots(), 3); /* max_bots */
	memset(&waiting, 0, sizeof(waiting));
	waiting.run_seconds = 2;
	for (int i = 0; i < 60 && count_bots() > 1; i++) {
		look_after(2);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	read_history(&p, 0, 20);
	ck_assert_str_eq(p.items[0].kind, "drain");
	ck_assert_str_eq(p.items[0].cause, "idle");
	wait_gone(p.items[0].bot);
	look_after(60);
	read_history(&p, 0, 20);
	for (int i = 0; i < 60 && count_bots() > 1; i++) {
		look_after(2);
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	look_after(100);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(count_bots(), 1); /* min_bots */
}
END_TEST

START_TEST(numbers_are_not_given_twice)
{
	struct hand x;

	scale_echo(0, 4);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	ck_assert_uint_eq(x.n, 2);
	wait_there("parrot-auto-2");
	ck_assert_int_eq(remove_bot(&f, "parrot-auto-2", true, true), DEIA_OK);
	fixture_reopen(&f, false);
	scale_echo(0, 4);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	ck_assert_str_eq(x.ids[0], "parrot-auto-3");
}
END_TEST

START_TEST(what_a_person_made_is_never_removed)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct hand x;

	scale_echo(0, 4);
	spec.id = "mine";
	spec.adapter = "echo";
	spec.template_name = "parrot";
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, "mine", DEIA_BOT_READY);
	look_after(1);
	ck_assert_uint_eq(status_of("parrot").now.bots, 1);
	ck_assert_uint_eq(status_of("parrot").managed, 0);
	ck_assert_uint_eq(status_of("parrot").now.counts[DEIA_SCALER_READY], 1);
	ck_assert_int_eq(scale(DEIA_SCALE_DOWN, 1, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "only 0"));
	for (int i = 0; i < 100; i++) {
		look_after(50);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	ck_assert(has_bot("mine"));
}
END_TEST

START_TEST(a_bot_that_is_adopted_is_kept)
{
	struct deia_bot_spec spec;
	struct deia_hive_bot b;
	struct hand x;
	bool done = false;

	scale_echo(0, 4);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	spec = *b.info->spec;
	spec.managed_by = NULL;
	ck_assert_int_eq(deia_hive_bot_update(f.hive, deia_actor_local(), &spec,
					      NULL, NULL),
			 DEIA_OK);
	ck_assert_int_eq(deia_hive_replay_keep(f.hive, "t", "k", "f", 200, "x",
					       on_settled, &done),
			 DEIA_OK);
	run_until(&f, &done);
	for (int i = 0; i < 100; i++) {
		look_after(50);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	ck_assert(has_bot("parrot-auto-1"));
	ck_assert_uint_eq(status_of("parrot").managed, 0);
}
END_TEST

START_TEST(a_stopped_bot_counts_for_nothing)
{
	struct hand x;

	scale_echo(0, 4);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(act(&f, x.ids[0], DEIA_BOT_STOP), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_STOPPED);
	look_after(1);
	look_after(100);
	ck_assert_uint_eq(status_of("parrot").now.bots, 0);
	ck_assert(has_bot(x.ids[0]));
}
END_TEST

START_TEST(a_dry_run_says_it_and_does_nothing)
{
	struct deia_scaling_limits l = quick();
	struct page p;

	l.dry_run = true;
	set_template("parrot", "echo", NULL, 0);
	configure("parrot", 2, 4, &l);
	look_after(1);
	look_after(10);
	read_history(&p, 0, 10);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(p.items[0].kind, "launch");
	ck_assert(!p.items[0].done);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(a_drain_waits_for_the_running_turn)
{
	const char *argv[] = { "python3", "-c", WAITS, NULL };
	struct deia_scaling_limits l = quick();
	struct answer a, refused;
	struct deia_hive_bot b;
	struct hand x;
	char fifo[96], command[128];

	snprintf(fifo, sizeof(fifo), "%s/go", f.dir);
	snprintf(command, sizeof(command), "mkfifo %s", fifo);
	ck_assert_int_eq(system(command), 0);
	argv[3] = fifo;
	set_template("parrot", "process", argv, 4);
	configure("parrot", 0, 2, &l);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 1, &x), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_READY);
	ck_assert_int_eq(ask(&f, x.ids[0], NULL, "wait", &a, NULL), DEIA_OK);
	run_until_state(&f, x.ids[0], DEIA_BOT_BUSY);
	look_after(1);
	ck_assert_uint_eq(status_of("parrot").running, 1);
	ck_assert_uint_eq(status_of("parrot").now.counts[DEIA_SCALER_BUSY], 1);
	ck_assert_int_eq(scale(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	ck_assert_uint_eq(x.n, 1);
	look_after(100);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, x.ids[0], &b), DEIA_OK);
	ck_assert(b.draining);
	ck_assert_int_eq(b.info->state, DEIA_BOT_BUSY);
	ck_assert_int_eq(ask(&f, x.ids[0], NULL, "more", &refused, NULL),
			 DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "auto-scaler"));
	snprintf(command, sizeof(command), "echo > %s", fifo);
	ck_assert_int_eq(system(command), 0);
	run_until(&f, &a.done);
	ck_assert_int_eq(a.err, DEIA_OK);
	ck_assert_str_eq(a.text, "well");
	look_after(1);
	wait_gone(x.ids[0]);
	ck_assert_uint_eq(f.hive->scaling->n_draining, 0);
}
END_TEST

START_TEST(a_bot_that_was_draining_is_of_the_pool_after_a_kill)
{
	struct deia_hive_bot b;
	struct hand x;

	scale_echo(1, 2);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	deia__hbot_get(f.hive, "parrot-auto-1")->draining = true;
	fixture_reopen(&f, false);
	scale_echo(1, 2);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	ck_assert_int_eq(deia_hive_bot_get(f.hive, "parrot-auto-1", &b),
			 DEIA_OK);
	ck_assert(!b.draining);
	look_after(1);
	ck_assert_uint_eq(status_of("parrot").managed, 2);
	ck_assert_uint_eq(count_bots(), 2); /* none is launched beside them */
}
END_TEST

START_TEST(a_program_that_is_missing_pauses_its_template)
{
	const char *argv[] = { "/nonexistent/program" };
	struct deia_scaling_limits l = quick();
	struct deia_scaling_status s;
	struct page p;
	bool held = false;

	set_template("parrot", "process", argv, 1);
	configure("parrot", 1, 4, &l);
	look_after(1);
	for (int i = 0; i < 200 && !held; i++) {
		event_base_loop(f.base, EVLOOP_ONCE);
		look_after(0);
		s = status_of("parrot");
		held = s.now.failures > 0;
	}
	ck_assert(held);
	ck_assert_int_gt(s.now.paused_ms, 0);
	look_after(1);
	ck_assert_uint_le(count_bots(), 1);
	read_history(&p, 0, 20);
	ck_assert_uint_ge(p.n, 1);
	ck_assert_uint_le(p.n, 4);
}
END_TEST

START_TEST(a_template_that_cannot_be_launched_is_refused_with_the_reason)
{
	struct deia_scaling_limits l = quick();
	struct page p;

	set_template("parrot", "ollama", NULL, 0); /* has no model */
	configure("parrot", 1, 2, &l);
	look_after(1);
	read_history(&p, 0, 10);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_str_eq(p.items[0].kind, "refused");
	ck_assert_ptr_nonnull(strstr(p.items[0].reason, "model"));
	ck_assert_int_gt(status_of("parrot").now.paused_ms, 0);
	look_after(1);
	ck_assert_uint_eq(count_bots(), 0);
}
END_TEST

START_TEST(what_was_put_counts_until_it_is_deleted)
{
	struct deia_scaling_status s;
	struct deia_scaling_state all;

	scale_echo(1, 2);
	ck_assert_int_eq(put("{\"limits\":{\"max_bots\":7},\"templates\":"
			     "{\"parrot\":{\"max_bots\":5}}}"),
			 DEIA_OK);
	fixture_reopen(&f, true);
	scale_echo(1, 2);
	s = status_of("parrot");
	ck_assert_int_eq(s.source, DEIA_SCALING_API);
	ck_assert_uint_eq(s.set.min_bots, 1); /* as it was in force */
	ck_assert_uint_eq(s.set.max_bots, 5);
	ck_assert_str_eq(s.updated_by, "local");
	deia_hive_scaling_get(f.hive, &all);
	ck_assert_int_eq(all.source, DEIA_SCALING_API);
	ck_assert_uint_eq(all.limits.max_bots, 7);
	ck_assert_uint_eq(all.limits.reserve_mib, 0);
	ck_assert_int_eq(put("{\"limits\":null,\"templates\":"
			     "{\"parrot\":null}}"),
			 DEIA_OK);
	s = status_of("parrot");
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

	scale_echo(1, 2);
	set_template("far", "external", NULL, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(put(wrong[i][0]), DEIA_EFIELD);
		ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer,
				 wrong[i][1]);
	}
	ck_assert_int_eq(status_of("parrot").source, DEIA_SCALING_FILE);
}
END_TEST

START_TEST(by_hand_neither_too_many_nor_too_few)
{
	struct hand x;

	scale_echo(1, 3);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 4, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "max_bots is 3"));
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 0, &x), DEIA_EINVAL);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-2", DEIA_BOT_READY);
	ck_assert_int_eq(scale(DEIA_SCALE_DOWN, 2, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(
		strstr(deia_hive_errmsg(f.hive), "min_bots is 1"));
	ck_assert_int_eq(scale(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	wait_gone(x.ids[0]);
	ck_assert_uint_eq(count_bots(), 1);
	ck_assert_int_eq(
		put("{\"templates\":{\"parrot\":{\"enabled\":false}}}"),
		DEIA_OK);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 1, &x), DEIA_ESTATE);
	ck_assert_ptr_nonnull(strstr(deia_hive_errmsg(f.hive), "not scaled"));
	ck_assert_int_eq(deia_hive_scale(f.hive, deia_actor_local(), "none",
					 DEIA_SCALE_UP, 1, on_hand, &x),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(what_a_person_does_is_recorded_under_that_name)
{
	struct hand x;
	struct page p;
	int64_t newest;

	scale_echo(0, 3);
	ck_assert_int_eq(scale(DEIA_SCALE_UP, 2, &x), DEIA_OK);
	run_until_state(&f, "parrot-auto-1", DEIA_BOT_READY);
	ck_assert_int_eq(scale(DEIA_SCALE_DOWN, 1, &x), DEIA_OK);
	read_history(&p, 0, 1);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(p.more);
	ck_assert_str_eq(p.items[0].kind, "drain");
	ck_assert_str_eq(p.items[0].cause, "person");
	ck_assert_str_eq(p.items[0].by, "local");
	ck_assert_str_eq(p.items[0].bot, x.ids[0]);
	newest = p.items[0].seq;
	read_history(&p, newest, 10);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more);
	ck_assert_str_eq(p.items[0].kind, "launch");
	ck_assert_uint_eq(p.items[0].count, 2);
	wait_gone(x.ids[0]);
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
	struct page p;

	for (int i = 0; i < 4; i++) {
		c = deia__change_new(f.hive);
		d.at_unix_ms = i < 2 ? 1000 : deia__unix_ms(NULL);
		deia__scaling_note(f.hive, c, &d);
		ck_assert_int_eq(deia__change_commit(c, f.hive, NULL, NULL),
				 DEIA_OK);
	}
	read_history(&p, 0, 10);
	ck_assert_uint_eq(p.n, 4);
	f.hive->scaling->newest = p.items[0].seq;
	deia__retention_step(f.hive);
	read_history(&p, 0, 10);
	ck_assert_uint_eq(p.n, 2);
	/* As if there were 10,000 newer ones. */
	f.hive->scaling->newest = p.items[1].seq + 10000;
	f.hive->scaling->pruned = p.items[1].seq - 1;
	deia__retention_step(f.hive);
	read_history(&p, 0, 10);
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
	TCase *memory = tcase_create("memory"), *file = tcase_create("file");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(memory, 60);
	tcase_set_timeout(file, 60);
	tcase_add_checked_fixture(memory, setup, teardown);
	tcase_add_checked_fixture(file, setup_file, teardown);
	tcase_add_test(memory, without_settings_nothing_is_scaled);
	tcase_add_test(memory, min_bots_are_launched_and_say_whose_they_are);
	tcase_add_test(memory, work_that_waits_launches_and_idleness_drains);
	tcase_add_test(file, numbers_are_not_given_twice);
	tcase_add_test(memory, what_a_person_made_is_never_removed);
	tcase_add_test(memory, a_bot_that_is_adopted_is_kept);
	tcase_add_test(memory, a_stopped_bot_counts_for_nothing);
	tcase_add_test(memory, a_dry_run_says_it_and_does_nothing);
	tcase_add_test(file, a_drain_waits_for_the_running_turn);
	tcase_add_test(file,
		       a_bot_that_was_draining_is_of_the_pool_after_a_kill);
	tcase_add_test(memory, a_program_that_is_missing_pauses_its_template);
	tcase_add_test(
		memory,
		a_template_that_cannot_be_launched_is_refused_with_the_reason);
	tcase_add_test(file, what_was_put_counts_until_it_is_deleted);
	tcase_add_test(memory, what_is_wrong_in_a_change_is_named);
	tcase_add_test(memory, by_hand_neither_too_many_nor_too_few);
	tcase_add_test(memory, what_a_person_does_is_recorded_under_that_name);
	tcase_add_test(memory, old_decisions_go);
	tcase_add_test(memory, processors_and_memory_are_read);
	suite_add_tcase(s, memory);
	suite_add_tcase(s, file);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
