/* SPDX-License-Identifier: MIT */
/* Timers on virtual and real time; calls posted to the loop. */
#include <check.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/mem.h"
#include "core/post.h"
#include "core/timer.h"

static struct deia__clock clock_now;
static deia__timers *timers;

static void setup(void)
{
	clock_now = (struct deia__clock){ true, 1000, 0 };
	ck_assert_int_eq(deia__timers_new(&timers, NULL, &clock_now), DEIA_OK);
}

static void teardown(void)
{
	deia__timers_free(timers);
}

/* A timer that writes its letter to a log when called. */
struct letter {
	struct deia__timer timer;
	char ch;
};
static char called[4096];

static void write_letter(void *arg)
{
	struct letter *l = arg;
	size_t len = strlen(called);

	called[len] = l->ch;
	called[len + 1] = '\0';
}

static void set_letter(struct letter *l, char ch, int64_t delay)
{
	l->ch = ch;
	l->timer.fn = write_letter;
	l->timer.arg = l;
	ck_assert_int_eq(deia__timer_set(timers, &l->timer, delay), DEIA_OK);
}

START_TEST(timers_run_in_order_of_time_and_not_early)
{
	struct letter a = { 0 }, b = { 0 }, c = { 0 };

	called[0] = '\0';
	set_letter(&a, 'a', 30);
	set_letter(&b, 'b', 10);
	set_letter(&c, 'c', 20);
	ck_assert_int_eq(deia__timers_run(timers), 10);
	ck_assert_str_eq(called, "");
	clock_now.boot_ms += 10;
	ck_assert_int_eq(deia__timers_run(timers), 10);
	ck_assert_str_eq(called, "b");
	ck_assert(!deia__timer_armed(&b.timer));
	clock_now.boot_ms += 100;
	ck_assert_int_eq(deia__timers_run(timers), -1);
	ck_assert_str_eq(called, "bca");
}
END_TEST

START_TEST(timers_of_the_same_time_run_in_the_order_they_were_set)
{
	struct letter l[26] = { 0 };

	called[0] = '\0';
	for (int i = 0; i < 26; i++)
		set_letter(&l[i], (char)('a' + i), 5);
	set_letter(&l[3], 'D', 5);
	clock_now.boot_ms += 5;
	deia__timers_run(timers);
	ck_assert_str_eq(called, "abcefghijklmnopqrstuvwxyzD");
}
END_TEST

START_TEST(cleared_and_moved_timers_keep_to_it)
{
	struct letter a = { 0 }, b = { 0 }, c = { 0 };

	called[0] = '\0';
	set_letter(&a, 'a', 10);
	set_letter(&b, 'b', 20);
	set_letter(&c, 'c', 30);
	deia__timer_clear(timers, &a.timer);
	deia__timer_clear(timers, &a.timer);
	set_letter(&c, 'C', 15);
	set_letter(&b, 'B', -7);
	deia__timers_run(timers);
	ck_assert_str_eq(called, "B");
	clock_now.boot_ms += 1000;
	deia__timers_run(timers);
	ck_assert_str_eq(called, "BC");
}
END_TEST

START_TEST(far_deadlines_do_not_overflow)
{
	struct letter a = { 0 };

	called[0] = '\0';
	set_letter(&a, 'a', INT64_MAX);
	clock_now.boot_ms = INT64_MAX / 2;
	ck_assert_int_gt(deia__timers_run(timers), 0);
	ck_assert_str_eq(called, "");
}
END_TEST

START_TEST(at_most_64_run_in_one_turn)
{
	static struct letter l[150];

	memset(l, 0, sizeof(l));
	called[0] = '\0';
	for (int i = 0; i < 150; i++)
		set_letter(&l[i], 'x', 0);
	ck_assert_int_eq(deia__timers_run(timers), 0);
	ck_assert_uint_eq(strlen(called), 64);
	ck_assert_int_eq(deia__timers_run(timers), 0);
	ck_assert_uint_eq(strlen(called), 128);
	ck_assert_int_eq(deia__timers_run(timers), -1);
	ck_assert_uint_eq(strlen(called), 150);
}
END_TEST

static void again_at_once(void *arg)
{
	struct letter *l = arg;

	write_letter(l);
	ck_assert_int_eq(deia__timer_set(timers, &l->timer, 0), DEIA_OK);
}

START_TEST(timer_that_sets_itself_runs_once_a_turn)
{
	struct letter a = { 0 };

	called[0] = '\0';
	set_letter(&a, 'a', 0);
	a.timer.fn = again_at_once;
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(deia__timers_run(timers), 0);
		ck_assert_uint_eq(strlen(called), (size_t)i);
	}
	ck_assert(deia__timer_armed(&a.timer));
}
END_TEST

static struct letter *victim;
static bool move_victim;

static void clear_or_free_victim(void *arg)
{
	(void)arg;
	if (move_victim) {
		set_letter(victim, 'v', 50);
		return;
	}
	deia__timer_clear(timers, &victim->timer);
	free(victim);
}

START_TEST(callback_may_free_or_move_a_timer_that_is_due_too)
{
	struct deia__timer killer = { .fn = clear_or_free_victim };

	called[0] = '\0';
	move_victim = _i;
	victim = calloc(1, sizeof(*victim));
	ck_assert_int_eq(deia__timer_set(timers, &killer, 0), DEIA_OK);
	set_letter(victim, 'v', 0);
	deia__timers_run(timers);
	ck_assert_str_eq(called, "");
	clock_now.boot_ms += 50;
	deia__timers_run(timers);
	ck_assert_str_eq(called, _i ? "v" : "");
	if (_i)
		free(victim);
}
END_TEST

START_TEST(random_timers_agree_with_a_plain_list)
{
	enum { N = 200 };
	static struct letter l[N];
	struct deia__rng rng;

	memset(l, 0, sizeof(l));
	deia__rng_init(&rng, 99);
	for (int step = 0; step < 20000; step++) {
		struct letter *x = &l[deia__rng_next(&rng) % N];
		int64_t next = -1, wait;

		called[0] = '\0';
		if (deia__rng_next(&rng) % 4)
			set_letter(x, 'x',
				   (int64_t)(deia__rng_next(&rng) % 500));
		else
			deia__timer_clear(timers, &x->timer);
		if (step % 3 == 0)
			clock_now.boot_ms +=
				(int64_t)(deia__rng_next(&rng) % 9);
		do
			wait = deia__timers_run(timers);
		while (wait == 0);
		for (int i = 0; i < N; i++) {
			if (!deia__timer_armed(&l[i].timer))
				continue;
			ck_assert_int_gt(l[i].timer.due_ms, clock_now.boot_ms);
			if (next < 0 || l[i].timer.due_ms < next)
				next = l[i].timer.due_ms;
		}
		ck_assert_int_eq(wait,
				 next < 0 ? -1 : next - clock_now.boot_ms);
	}
	for (int i = 0; i < N; i++)
		deia__timer_clear(timers, &l[i].timer);
}
END_TEST

START_TEST(out_of_memory_leaves_timers_as_they_were)
{
	static struct letter l[65];
	deia__timers *none = (deia__timers *)&none;

	memset(l, 0, sizeof(l));
	for (int i = 0; i < 64; i++)
		set_letter(&l[i], 'x', 10);
	deia__mem_fail_at(1, true);
	l[64].timer.fn = write_letter;
	ck_assert_int_eq(deia__timer_set(timers, &l[64].timer, 1), DEIA_ENOMEM);
	ck_assert(!deia__timer_armed(&l[64].timer));
	set_letter(&l[5], 'x', 3);
	ck_assert_int_eq(deia__timers_new(&none, NULL, &clock_now),
			 DEIA_ENOMEM);
	ck_assert_ptr_null(none);
	deia__mem_fail_at(0, false);
	ck_assert_int_eq(deia__timers_run(timers), 3);
}
END_TEST

START_TEST(freed_timers_are_not_armed_any_more)
{
	struct letter a = { 0 };
	deia__timers *other;

	ck_assert_int_eq(deia__timers_new(&other, NULL, &clock_now), DEIA_OK);
	a.timer.fn = write_letter;
	ck_assert_int_eq(deia__timer_set(other, &a.timer, 5), DEIA_OK);
	deia__timers_free(other);
	deia__timers_free(NULL);
	ck_assert(!deia__timer_armed(&a.timer));
	ck_assert_int_eq(deia__timers_new(&other, NULL, NULL), DEIA_EINVAL);
	ck_assert_ptr_null(other);
}
END_TEST

/* ---- on a real loop ---------------------------------------------------- */

struct loop {
	struct event_base *base;
	deia__timers *timers;
	deia__post *post;
	struct deia__timer timer, long_timer;
	int64_t started_ms;
	int count, target;
};

static void loop_init(struct loop *l)
{
	memset(l, 0, sizeof(*l));
	l->base = event_base_new();
	ck_assert_int_eq(deia__timers_new(&l->timers, l->base, NULL), DEIA_OK);
	ck_assert_int_eq(deia__post_new(&l->post, l->base), DEIA_OK);
	l->started_ms = deia__timers_now(l->timers);
}

static void loop_fini(struct loop *l)
{
	deia__post_free(l->post);
	deia__timers_free(l->timers);
	event_base_free(l->base);
}

static void tick(void *arg)
{
	struct loop *l = arg;

	ck_assert_int_ge(deia__timers_now(l->timers), l->timer.due_ms);
	if (++l->count == l->target)
		event_base_loopbreak(l->base);
	else
		ck_assert_int_eq(
			deia__timer_set(l->timers, &l->timer, l->count % 3),
			DEIA_OK);
}

static void never(void *arg)
{
	(void)arg;
	ck_abort_msg("a far timer ran");
}

START_TEST(timers_run_on_the_loop_and_not_early)
{
	struct loop l;

	loop_init(&l);
	l.target = 30;
	l.timer.fn = tick;
	l.timer.arg = &l;
	l.long_timer.fn = never;
	ck_assert_int_eq(deia__timer_set(l.timers, &l.long_timer, 3600000),
			 DEIA_OK);
	ck_assert_int_eq(deia__timer_set(l.timers, &l.timer, 2), DEIA_OK);
	event_base_dispatch(l.base);
	ck_assert_int_eq(l.count, 30);
	ck_assert_int_ge(deia__timers_now(l.timers) - l.started_ms, 20);
	loop_fini(&l);
}
END_TEST

static void count_call(void *arg)
{
	struct loop *l = arg;

	if (++l->count == l->target)
		event_base_loopbreak(l->base);
}

static void post_count(void *arg)
{
	struct loop *l = arg;

	ck_assert_int_eq(deia__post_call(l->post, count_call, l), DEIA_OK);
	ck_assert_int_eq(l->count, 0);
}

START_TEST(posted_call_runs_in_a_later_turn)
{
	struct loop l;

	loop_init(&l);
	l.target = 1;
	ck_assert_int_eq(deia__post_call(l.post, post_count, &l), DEIA_OK);
	ck_assert_int_eq(l.count, 0);
	event_base_dispatch(l.base);
	ck_assert_int_eq(l.count, 1);
	loop_fini(&l);
}
END_TEST

#define THREADS 4
#define CALLS 5000

struct poster {
	struct loop *loop;
	int next_posted, next_seen;
};
struct message {
	struct poster *from;
	int n;
};

static void receive(void *arg)
{
	struct message *m = arg;

	ck_assert_int_eq(m->n, m->from->next_seen);
	m->from->next_seen++;
	count_call(m->from->loop);
	free(m);
}

static void *post_many(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < CALLS; i++) {
		struct message *m = malloc(sizeof(*m));

		*m = (struct message){ p, p->next_posted++ };
		if (deia__post_call(p->loop->post, receive, m))
			abort();
	}
	return NULL;
}

START_TEST(calls_of_several_threads_arrive_once_and_in_order)
{
	struct poster posters[THREADS] = { 0 };
	pthread_t t[THREADS];
	struct loop l;

	loop_init(&l);
	l.target = THREADS * CALLS;
	for (int i = 0; i < THREADS; i++) {
		posters[i].loop = &l;
		pthread_create(&t[i], NULL, post_many, &posters[i]);
	}
	event_base_dispatch(l.base);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		ck_assert_int_eq(posters[i].next_seen, CALLS);
	}
	loop_fini(&l);
}
END_TEST

static void post_while_freed(void *arg)
{
	struct loop *l = arg;

	l->count++;
	ck_assert_int_eq(deia__post_call(l->post, post_while_freed, l),
			 DEIA_ECANCELED);
}

START_TEST(free_runs_what_is_queued_and_refuses_more)
{
	struct loop l;

	loop_init(&l);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(deia__post_call(l.post, post_while_freed, &l),
				 DEIA_OK);
	deia__post_free(l.post);
	ck_assert_int_eq(l.count, 3);
	l.post = NULL;
	loop_fini(&l);
}
END_TEST

START_TEST(post_out_of_memory_is_told)
{
	deia__post *p;
	struct loop l;

	loop_init(&l);
	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia__post_call(l.post, never, NULL), DEIA_ENOMEM);
	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia__post_new(&p, l.base), DEIA_ENOMEM);
	ck_assert_ptr_null(p);
	event_base_loop(l.base, EVLOOP_NONBLOCK);
	loop_fini(&l);
}
END_TEST

static TCase *loop_tests(void)
{
	TCase *tc = tcase_create("loop");

	tcase_add_test(tc, timers_run_on_the_loop_and_not_early);
	tcase_add_test(tc, posted_call_runs_in_a_later_turn);
	tcase_add_test(tc, calls_of_several_threads_arrive_once_and_in_order);
	tcase_add_test(tc, free_runs_what_is_queued_and_refuses_more);
	tcase_add_test(tc, post_out_of_memory_is_told);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("timer");
	TCase *tc = tcase_create("virtual");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, timers_run_in_order_of_time_and_not_early);
	tcase_add_test(tc,
		       timers_of_the_same_time_run_in_the_order_they_were_set);
	tcase_add_test(tc, cleared_and_moved_timers_keep_to_it);
	tcase_add_test(tc, far_deadlines_do_not_overflow);
	tcase_add_test(tc, at_most_64_run_in_one_turn);
	tcase_add_test(tc, timer_that_sets_itself_runs_once_a_turn);
	tcase_add_loop_test(
		tc, callback_may_free_or_move_a_timer_that_is_due_too, 0, 2);
	tcase_add_test(tc, random_timers_agree_with_a_plain_list);
	tcase_add_test(tc, out_of_memory_leaves_timers_as_they_were);
	tcase_add_test(tc, freed_timers_are_not_armed_any_more);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, loop_tests());
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
