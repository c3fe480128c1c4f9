/* SPDX-License-Identifier: MIT */
/* depends_on: starts wait, stops go the other way, cycles are refused. */
#include "rig.h"

/* What happened: "a:starting b:starting ...". */
static char story[4096];

static void on_state(const struct deia_bot_info *info, deia_bot_state from,
		     void *user)
{
	size_t len = strlen(story);

	(void)user;
	if (from != info->state)
		snprintf(story + len, sizeof(story) - len, "%s:%s ",
			 info->spec->id, deia_bot_state_name(info->state));
}

static void setup(void)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;

	rig_setup();
	deia_bots_free(rig.bots);
	story[0] = '\0';
	opts.on_state = on_state;
	rig_open(&opts);
}

static struct deia_bot_spec *needing(const char *id, const char *command,
				     const char *a, const char *b)
{
	static const char *list[2];
	struct deia_bot_spec *s = rig_spec(id, command);

	list[0] = a;
	list[1] = b;
	s->depends_on = list;
	s->n_depends_on = (size_t)(a != NULL) + (size_t)(b != NULL);
	return s;
}

static void add(const char *id, const char *a, const char *b)
{
	ok(deia_bots_add(rig.bots, needing(id, "GOOD", a, b)));
}

static void start(const char *id)
{
	ok(deia_bots_start(rig.bots, id));
}

/* Whether the one came before the other. */
static bool before(const char *one, const char *other)
{
	const char *a = strstr(story, one), *b = strstr(story, other);

	return a != NULL && b != NULL && a < b;
}

START_TEST(start_waits_until_all_it_depends_on_is_ready)
{
	add("c", "a", "b");
	add("b", "a", NULL);
	add("a", NULL, NULL);
	start("c");
	ck_assert_int_eq(rig_state("c"), DEIA_BOT_STARTING);
	ck_assert_str_eq(rig_reason("c"),
			 "waiting for a, which is stopped: not started yet");
	ck_assert_int_eq(deia_bots_get(rig.bots, "c")->pid, 0);
	start("b");
	start("a");
	rig_wait_state("c", DEIA_BOT_READY);
	ck_assert(before("a:ready", "b:ready"));
	ck_assert(before("b:ready", "c:ready"));
	/* Paused is there as well; and what runs does not depend any more. */
	ok(deia_bots_pause(rig.bots, "a"));
	rig_stop("b");
	ck_assert_int_eq(rig_state("c"), DEIA_BOT_READY);
	start("b");
	rig_wait_state("b", DEIA_BOT_READY);
}
END_TEST

START_TEST(bot_that_does_not_exist_is_waited_for)
{
	add("a", "later", NULL);
	start("a");
	ck_assert_str_eq(rig_reason("a"),
			 "waiting for later, which does not exist");
	add("later", NULL, NULL);
	ck_assert_str_eq(rig_reason("a"),
			 "waiting for later, which is stopped: not started "
			 "yet");
	ok(deia_bots_remove(rig.bots, "later"));
	ck_assert_str_eq(rig_reason("a"),
			 "waiting for later, which does not exist");
	add("later", NULL, NULL);
	start("later");
	rig_wait_state("a", DEIA_BOT_READY);
}
END_TEST

START_TEST(failure_of_what_it_depends_on_is_shown)
{
	ok(deia_bots_add(rig.bots, needing("a", "/no/such", NULL, NULL)));
	add("b", "a", NULL);
	start("b");
	start("a");
	rig_wait_state("a", DEIA_BOT_FAILED);
	ck_reason("b", "waiting for a, which is failed: cannot run /no/such");
	/* Told to go without it, it goes. */
	ok(deia_bots_set_spec(rig.bots, needing("b", "GOOD", NULL, NULL)));
	rig_wait_state("b", DEIA_BOT_READY);
}
END_TEST

START_TEST(start_that_waits_can_be_stopped_and_asked_again)
{
	add("a", NULL, NULL);
	add("b", "a", NULL);
	start("b");
	ck_assert_int_eq(deia_bots_remove(rig.bots, "b"), DEIA_ESTATE);
	ok(deia_bots_restart(rig.bots, "b"));
	rig_stop("b");
	start("a");
	rig_wait_state("a", DEIA_BOT_READY);
	ck_assert_int_eq(rig_state("b"), DEIA_BOT_STOPPED);
	start("b");
	rig_wait_state("b", DEIA_BOT_READY);
	ck_assert_ptr_null(strstr(story, "b:ready b:"));
}
END_TEST

START_TEST(cycles_are_refused_and_named)
{
	add("a", "b", NULL);
	add("b", "c", "d");
	ck_assert_int_eq(
		deia_bots_add(rig.bots, needing("c", "GOOD", "x", "a")),
		DEIA_EFIELD);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "/depends_on: makes a cycle, so that none of these "
			 "could start: c -> a -> b -> c");
	ck_assert_ptr_null(deia_bots_get(rig.bots, "c"));
	add("c", "x", "d");
	ck_assert_int_eq(
		deia_bots_set_spec(rig.bots, needing("c", "GOOD", "b", NULL)),
		DEIA_EFIELD);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "/depends_on: makes a cycle, so that none of these "
			 "could start: c -> b -> c");
	ck_assert_str_eq(deia_bots_get(rig.bots, "c")->spec->depends_on[0],
			 "x");
	ck_assert_int_eq(
		deia_bots_add(rig.bots, needing("e", "GOOD", "e", NULL)),
		DEIA_EFIELD);
}
END_TEST

static void note_stopped(void *user)
{
	*(int *)user = 1;
}

static bool is_set(void *arg)
{
	return *(int *)arg != 0;
}

START_TEST(all_are_stopped_in_the_other_order)
{
	add("a", NULL, NULL);
	add("b", "a", NULL);
	add("c", "b", "a");
	add("d", "never", NULL);
	add("e", NULL, NULL);
	start("d");
	start("a");
	start("b");
	start("c");
	start("e");
	rig_wait_state("c", DEIA_BOT_READY);
	rig_wait_state("e", DEIA_BOT_READY);
	story[0] = '\0';
	ok(deia_bots_stop_all(rig.bots, note_stopped, &rig.all_stopped));
	rig_wait(is_set, &rig.all_stopped, "the end of all");
	ck_assert(before("c:stopped", "b:stopping"));
	ck_assert(before("b:stopped", "a:stopping"));
	ck_assert(before("e:stopping", "c:stopped"));
	ck_assert_ptr_nonnull(strstr(story, "d:stopped"));
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STOPPED);
}
END_TEST

static bool is_gone(void *arg)
{
	(void)arg;
	return rig_state("a") == DEIA_BOT_STOPPED;
}

START_TEST(what_dies_while_all_stop_is_not_started_again)
{
	struct deia_bot_spec *spec;
	struct turn t, u;

	add("a", NULL, NULL);
	spec = needing("b", "BAD deaf", "a", NULL);
	spec->stop_timeout_seconds = 1;
	ok(deia_bots_add(rig.bots, spec));
	start("a");
	start("b");
	rig_wait_state("b", DEIA_BOT_READY);
	rig_submit(&t, "a", "t", "hold");
	ok(deia_bots_stop_all(rig.bots, note_stopped, &rig.all_stopped));
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_BUSY);
	rig_submit(&u, "a", "u", "die 3");
	rig_wait(is_gone, NULL, "the death of a");
	ck_reason("a", "exited with 3");
	ck_assert_int_eq(rig_state("b"), DEIA_BOT_STOPPING);
	rig_wait(is_set, &rig.all_stopped, "the end of all");
	ck_assert_ptr_null(strstr(story, "backoff"));
}
END_TEST

#define CHAIN 500

START_TEST(long_chain_starts_and_stops_and_is_closed_by_no_one)
{
	struct deia_bot_spec s = DEIA_BOT_SPEC_INIT;
	char ids[CHAIN][16];
	const char *need[1];
	int i;

	s.adapter = "external";
	s.depends_on = need;
	for (i = 0; i < CHAIN; i++) {
		snprintf(ids[i], sizeof(ids[i]), "bot-%03d", i);
		s.id = ids[i];
		s.n_depends_on = i > 0;
		need[0] = i > 0 ? ids[i - 1] : NULL;
		ok(deia_bots_add(rig.bots, &s));
	}
	s.id = ids[0];
	s.n_depends_on = 1;
	need[0] = ids[CHAIN - 1];
	ck_assert_int_eq(deia_bots_set_spec(rig.bots, &s), DEIA_EFIELD);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "/depends_on: makes a cycle, so that none of these "
			 "could start: bot-000 -> ... -> bot-004 -> bot-003 -> "
			 "bot-002 -> bot-001 -> bot-000");
	for (i = CHAIN - 1; i >= 0; i--)
		start(ids[i]);
	rig_wait_state(ids[CHAIN - 1], DEIA_BOT_READY);
	ok(deia_bots_stop_all(rig.bots, note_stopped, &rig.all_stopped));
	rig_wait(is_set, &rig.all_stopped, "the end of all");
	ck_assert_int_eq(rig_state(ids[0]), DEIA_BOT_STOPPED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("order");
	TCase *tc = tcase_create("order");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, rig_teardown);
	tcase_add_test(tc, start_waits_until_all_it_depends_on_is_ready);
	tcase_add_test(tc, bot_that_does_not_exist_is_waited_for);
	tcase_add_test(tc, failure_of_what_it_depends_on_is_shown);
	tcase_add_test(tc, start_that_waits_can_be_stopped_and_asked_again);
	tcase_add_test(tc, cycles_are_refused_and_named);
	tcase_add_test(tc, all_are_stopped_in_the_other_order);
	tcase_add_test(tc, what_dies_while_all_stop_is_not_started_again);
	tcase_add_test(tc, long_chain_starts_and_stops_and_is_closed_by_no_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
