/* SPDX-License-Identifier: MIT */
/* Bots as real processes under the real guard: life, turns, actions. */
#include "rig.h"

#include "core/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

START_TEST(bot_starts_answers_and_stops)
{
	struct turn t;

	rig_launch("a", "GOOD");
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STARTING);
	rig_wait_state("a", DEIA_BOT_READY);
	ck_assert_int_gt(deia_bots_get(rig.bots, "a")->pid, 0);
	rig_submit(&t, "a", "t1", "hello");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_str_eq(t.text, "hello");
	ck_assert_int_eq(t.started, 1);
	rig_stop("a");
	ck_reason("a", "stopped; exited with 0");
	ck_assert_str_eq(rig.states,
			 "starting ready busy ready stopping stopped");
}
END_TEST

START_TEST(turn_carries_chunks_usage_session_and_details)
{
	const struct deia_bot_counts *counts;
	struct turn t;

	rig_launch("a", "GOOD");
	counts = deia_bots_get(rig.bots, "a")->counts;
	rig_submit(&t, "a", "t1", "think");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_str_eq(t.chunks, "thinking:hmm|answer:hel|answer:lo|");
	ck_assert_str_eq(t.text, "hello");
	ck_assert_int_eq(t.prompt_tokens, 3);
	ck_assert_int_eq(t.completion_tokens, 2);
	ck_assert_str_eq(t.session, "s-1");
	ck_assert_str_eq(t.details, "{\"files\":[\"a.c\"]}");
	ck_assert_uint_eq(counts->turns_done, 1);
	ck_assert_uint_eq(counts->prompt_tokens, 3);
	ck_assert_uint_eq(counts->completion_tokens, 2);
	ck_assert_uint_eq(deia_histogram_count(&counts->answers), 1);
}
END_TEST

START_TEST(error_line_ends_the_turn_with_its_code)
{
	const struct deia_bot_counts *counts;
	struct turn t;

	rig_launch("a", "GOOD");
	rig_submit(&t, "a", "t1", "fail");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EREMOTE);
	ck_assert_str_eq(t.code, "rate_limited");
	ck_assert_str_eq(t.message, "slow down");
	ck_assert(t.retryable);
	ck_assert_uint_eq(t.retry_after, 7);
	ck_assert_str_eq(t.session, "s-2");
	counts = deia_bots_get(rig.bots, "a")->counts;
	ck_assert_uint_eq(counts->turns_failed, 1);
	ck_assert_uint_eq(counts->turns_done, 0);
	ck_assert_uint_eq(deia_histogram_count(&counts->answers), 0);
}
END_TEST

START_TEST(at_most_max_concurrent_run_and_chat_goes_first)
{
	struct turn t[5];

	rig_launch("a", "GOOD 2");
	rig_wait_state("a", DEIA_BOT_READY);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->max_concurrent, 2);
	rig_submit(&t[0], "a", "0", "hold");
	rig_submit(&t[1], "a", "1", "hold");
	ok(rig_try_submit(&t[2], "a", "2", DEIA_WORK_TASK, "task"));
	rig_submit(&t[3], "a", "3", "chat");
	rig_turn();
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->running, 2);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->queued, 2);
	ok(deia_bots_interrupt(rig.bots, "a", "0"));
	rig_wait_done(&t[3]);
	ck_assert_int_eq(t[2].done, 0);
	ck_assert_int_eq(t[1].done, 0);
	ck_assert_int_eq(t[0].err, DEIA_ECANCELED);
	rig_wait_done(&t[2]);
	ck_assert_int_eq(t[2].err, DEIA_OK);
	ok(deia_bots_interrupt(rig.bots, "a", NULL));
	rig_wait_done(&t[1]);
	rig_turn();
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_READY);
}
END_TEST

START_TEST(queue_is_bounded_and_ids_are_unique)
{
	struct turn t[DEIA_MAX_QUEUE_LEN + 2], more;
	char id[16];
	int i;

	rig_launch("a", "GOOD 1");
	rig_wait_state("a", DEIA_BOT_READY);
	for (i = 0; i < DEIA_MAX_QUEUE_LEN + 1; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		rig_submit(&t[i], "a", id, i == 0 ? "hold" : "x");
	}
	ck_assert_int_eq(rig_try_submit(&more, "a", "m", DEIA_WORK_CHAT, "x"),
			 DEIA_EBUSY);
	deia_work_cancel(t[3].work);
	ck_assert_int_eq(t[3].done, 0); /* not inside the call */
	rig_wait_done(&t[3]);
	ck_assert_int_eq(t[3].err, DEIA_ECANCELED);
	ck_assert_int_eq(t[3].started, 0);
	ck_assert_int_eq(rig_try_submit(&more, "a", "t0", DEIA_WORK_CHAT, "x"),
			 DEIA_EINVAL);
	rig_stop("a");
	ck_assert_int_eq(t[0].err, DEIA_ECANCELED);
	ck_assert_int_eq(t[5].err, DEIA_EUNAVAILABLE);
	ck_assert_int_eq(rig_try_submit(&more, "a", "m", DEIA_WORK_CHAT, "x"),
			 DEIA_ESTATE);
	ck_assert_int_eq(rig_try_submit(&more, "b", "m", DEIA_WORK_CHAT, "x"),
			 DEIA_ENOTFOUND);
}
END_TEST

START_TEST(turns_wait_while_starting_and_are_held_while_paused)
{
	struct turn a, b, c;

	rig_launch("a", "GOOD");
	rig_submit(&a, "a", "1", "early");
	rig_wait_done(&a);
	ck_assert_int_eq(a.err, DEIA_OK);
	rig_submit(&b, "a", "2", "hold");
	rig_turn();
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_BUSY);
	ok(deia_bots_pause(rig.bots, "a"));
	ck_assert_int_eq(rig_try_submit(&c, "a", "3", DEIA_WORK_CHAT, "x"),
			 DEIA_ESTATE);
	ok(deia_bots_interrupt(rig.bots, "a", NULL));
	rig_wait_done(&b);
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_PAUSED);
	ck_reason("a", "paused");
	ok(deia_bots_resume(rig.bots, "a"));
	rig_submit(&c, "a", "3", "again");
	rig_wait_done(&c);
	ck_assert_str_eq(c.text, "again");
}
END_TEST

START_TEST(turn_over_its_time_is_interrupted_and_keeps_its_text)
{
	static const char *const contents[] = { "hold", "late", "deaf" };
	struct turn t = { 0 };
	struct deia_bot_spec *spec = rig_spec("a", "GOOD");

	spec->stop_timeout_seconds = 1;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	rig_submit(&t, "a", "t", contents[_i]);
	rig_wait_state("a", DEIA_BOT_BUSY);
	deia_work_cancel(t.work);
	deia_work_cancel(t.work);
	ck_assert_int_eq(t.done, 0);
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
	if (_i == 0)
		ck_assert_str_eq(t.code, "interrupted");
	if (_i == 1)
		ck_assert_str_eq(t.text, "so far");
	rig_submit(&t, "a", "t2", "still here");
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "still here");
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->faults, 0);
}
END_TEST

static void no_done(const struct deia_work_result *r, void *user)
{
	deia_err *err = user;

	*err = r->err;
	if (r->err == DEIA_ETIMEDOUT)
		ck_assert(strstr(r->message, "longer than its 1 s") != NULL);
}

static bool err_set(void *arg)
{
	return *(deia_err *)arg != DEIA_OK;
}

/* Nothing would come back to a turn whose line could not be handed over. */
START_TEST(failed_allocation_leaves_no_turn_waiting)
{
	static char content[100001];
	struct turn t = { 0 };
	deia_err err;

	memset(content, 'x', sizeof(content) - 1);
	rig_launch("a", "GOOD");
	rig_wait_state("a", DEIA_BOT_READY);
	deia__mem_fail_at((unsigned long)_i, false);
	err = rig_try_submit(&t, "a", "w1", DEIA_WORK_CHAT, content);
	deia__mem_fail_at(0, false);
	if (err) {
		ck_assert_int_eq(err, DEIA_ENOMEM);
		return;
	}
	rig_wait_done(&t);
	ck_assert(t.err == DEIA_OK || t.err == DEIA_ENOMEM);
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_READY);
}
END_TEST

START_TEST(turn_times_out_with_its_own_error)
{
	static const struct deia_work_events events = { .on_done = no_done };
	struct deia_work_spec w = { .size = sizeof(w),
				    .id = "t",
				    .content = "hold",
				    .timeout_seconds = 1 };
	deia_err err = DEIA_OK;

	rig_launch("a", "GOOD");
	ok(deia_bots_submit(rig.bots, "a", &w, &events, &err, NULL));
	rig_wait(err_set, &err, "the time-out");
	ck_assert_int_eq(err, DEIA_ETIMEDOUT);
}
END_TEST

START_TEST(answer_over_the_limit_ends_the_turn)
{
	struct turn t;

	rig_launch("a", "GOOD");
	rig_submit(&t, "a", "t", "big 100");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_OK);
	ck_assert_uint_eq(t.text_len, 100u * 65536);
	rig_submit(&t, "a", "u", "big 200");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ELIMIT);
	ck_assert_uint_le(t.text_len, DEIA_MAX_ANSWER_BYTES);
	rig_submit(&t, "a", "v", "next");
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "next");
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->faults, 0);
}
END_TEST

START_TEST(bot_that_dies_in_a_turn_is_back_at_once)
{
	struct turn t, waiting;
	const struct deia_bot_info *info = NULL;
	int64_t pid;

	rig_launch("a", "GOOD 1");
	rig_wait_state("a", DEIA_BOT_READY);
	info = deia_bots_get(rig.bots, "a");
	pid = info->pid;
	rig_submit(&t, "a", "t", "die 7");
	rig_submit(&waiting, "a", "u", "patience");
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_EUNAVAILABLE);
	ck_assert_str_eq(t.message, "exited with 7");
	rig_wait_done(&waiting);
	ck_assert_str_eq(waiting.text, "patience");
	info = deia_bots_get(rig.bots, "a");
	ck_assert_int_ne(info->pid, pid);
	ck_assert_uint_eq(info->restarts, 1);
	ck_assert_ptr_eq(strstr(rig.states, "starting ready busy backoff "
					    "starting ready busy"),
			 rig.states);
}
END_TEST

START_TEST(killed_bot_names_the_signal_and_its_last_words)
{
	struct turn t;

	rig_launch("a", "GOOD 1");
	rig_submit(&t, "a", "t", "err out of luck");
	rig_wait_done(&t);
	rig_submit(&t, "a", "u", "kill 9");
	rig_wait_done(&t);
	ck_assert_msg(strstr(t.message, "signal 9 (SIGKILL)") != NULL, "%s",
		      t.message);
	ck_assert_msg(strstr(t.message, "out of luck") != NULL, "%s",
		      t.message);
	rig_wait_state("a", DEIA_BOT_READY);
}
END_TEST

START_TEST(restart_keeps_waiting_turns_and_takes_the_new_spec)
{
	struct deia_bot_spec *spec;
	struct turn t, waiting;
	int64_t pid;

	rig_launch("a", "GOOD 1");
	rig_wait_state("a", DEIA_BOT_READY);
	pid = deia_bots_get(rig.bots, "a")->pid;
	rig_submit(&t, "a", "t", "hold");
	rig_submit(&waiting, "a", "u", "patience");
	spec = rig_spec("a", "GOOD 3");
	ok(deia_bots_set_spec(rig.bots, spec));
	ok(deia_bots_restart(rig.bots, "a"));
	ck_assert_int_eq(deia_bots_restart(rig.bots, "a"), DEIA_ESTATE);
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
	rig_wait_done(&waiting);
	ck_assert_str_eq(waiting.text, "patience");
	ck_assert_int_ne(deia_bots_get(rig.bots, "a")->pid, pid);
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->max_concurrent, 3);
	ck_assert(!rig_pid_alive(pid));
}
END_TEST

START_TEST(policies_decide_what_follows_an_exit)
{
	static const struct {
		deia_restart_policy policy;
		const char *content, *states;
		deia_bot_state end;
	} cases[] = {
		{ DEIA_RESTART_ALWAYS, "die 0", "backoff starting ready",
		  DEIA_BOT_READY },
		{ DEIA_RESTART_ON_FAILURE, "die 0", "stopped",
		  DEIA_BOT_STOPPED },
		{ DEIA_RESTART_ON_FAILURE, "die 1", "backoff starting ready",
		  DEIA_BOT_READY },
		{ DEIA_RESTART_NEVER, "die 0", "stopped", DEIA_BOT_STOPPED },
		{ DEIA_RESTART_NEVER, "die 1", "failed", DEIA_BOT_FAILED },
		{ DEIA_RESTART_NEVER, "kill 15", "failed", DEIA_BOT_FAILED },
	};
	struct deia_bot_spec *spec = rig_spec("a", "GOOD");
	struct turn t;
	char want[128];

	spec->restart = cases[_i].policy;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	rig_submit(&t, "a", "t", cases[_i].content);
	rig_wait_done(&t);
	rig_wait_state("a", cases[_i].end);
	snprintf(want, sizeof(want), "starting ready busy %s",
		 cases[_i].states);
	ck_assert_str_eq(rig.states, want);
}
END_TEST

START_TEST(dies_too_often_and_is_failed_until_started_by_hand)
{
	struct deia_bot_spec *spec = rig_spec("a", "BAD exit 3");
	const char *lines[4];

	spec->max_restarts = 1;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	rig_wait_state("a", DEIA_BOT_FAILED);
	ck_reason("a", "exited with 3; ended 2 times within 600 s");
	ck_assert_str_eq(rig.states, "starting backoff starting failed");
	ck_assert_int_eq(deia_bots_get(rig.bots, "a")->exit_code, 3);
	ck_assert_uint_eq(deia_bots_last_stderr(rig.bots, "a", lines, 4), 0);
	ok(deia_bots_start(rig.bots, "a"));
	ck_assert_uint_eq(deia_bots_get(rig.bots, "a")->restarts, 0);
	rig_wait_state("a", DEIA_BOT_FAILED);
	ok(deia_bots_stop(rig.bots, "a"));
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STOPPED);
}
END_TEST

static bool in_second_backoff(void *arg)
{
	(void)arg;
	return deia_bots_get(rig.bots, "a")->restarts == 1 &&
	       rig_state("a") == DEIA_BOT_BACKOFF;
}

/* The first one takes no time. */
static void wait_second_backoff(void)
{
	rig_wait(in_second_backoff, NULL, "the second backoff");
}

START_TEST(backoff_can_be_stopped_started_and_removed)
{
	struct turn t;

	rig_launch("a", "BAD exit 1");
	wait_second_backoff();
	ck_reason("a", "starting again in ");
	ck_assert_int_gt(deia_bots_get(rig.bots, "a")->next_start_unix_ms, 0);
	ok(deia_bots_stop(rig.bots, "a"));
	ck_assert_int_eq(deia_bots_stop(rig.bots, "a"), DEIA_ESTATE);
	ok(deia_bots_start(rig.bots, "a"));
	wait_second_backoff();
	rig_submit(&t, "a", "t", "x");
	ok(deia_bots_remove(rig.bots, "a"));
	ck_assert_int_eq(t.done, 0);
	rig_wait_done(&t);
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
	ck_assert_uint_eq(deia_bots_count(rig.bots), 0);
}
END_TEST

START_TEST(removing_a_live_bot_and_wrong_moves_are_refused)
{
	rig_launch("a", "GOOD");
	ck_assert_int_eq(deia_bots_remove(rig.bots, "a"), DEIA_ESTATE);
	ck_assert_int_eq(deia_bots_start(rig.bots, "a"), DEIA_ESTATE);
	ck_assert_str_eq(deia_bots_errmsg(rig.bots),
			 "bot a is starting and cannot be started: it must "
			 "be stopped, failed or backoff");
	ck_assert_int_eq(deia_bots_pause(rig.bots, "a"), DEIA_ESTATE);
	ck_assert_int_eq(deia_bots_resume(rig.bots, "a"), DEIA_ESTATE);
	ck_assert_int_eq(deia_bots_start(rig.bots, "b"), DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_bots_add(rig.bots, rig_spec("a", "GOOD")),
			 DEIA_EEXIST);
	/* Not launched yet: nothing has to be ended. */
	ok(deia_bots_stop(rig.bots, "a"));
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STOPPED);
	rig_turn();
	ck_assert_str_eq(rig.states, "starting stopping stopped");
}
END_TEST

static void add_var(const char *bot,
		    void (*add)(void *ctx, const char *name, const char *value),
		    void *ctx, void *user)
{
	(void)user;
	add(ctx, "DEIA_TOKEN", bot);
	add(ctx, "FROM_SPEC", "overridden");
}

START_TEST(environment_is_the_short_list_and_what_was_given)
{
	static const char *const env[] = { "FROM_SPEC=1", "SPEC_ONLY=a=b" };
	static const struct {
		const char *name, *value;
	} want[] = {
		{ "SECRET_OF_HOST", "(unset)" },
		{ "OLLAMA_HOST", "(unset)" },
		{ "LC_TEST", "de" },
		{ "SPEC_ONLY", "a=b" },
		{ "FROM_SPEC", "overridden" },
		{ "DEIA_TOKEN", "a" },
		{ "DEIA_BOT_ID", "a" },
	};
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;
	struct deia_bot_spec *spec;
	struct turn t;
	char content[64];
	size_t i;

	deia_bots_free(rig.bots);
	setenv("SECRET_OF_HOST", "x", 1);
	setenv("OLLAMA_HOST", "x", 1);
	setenv("LC_TEST", "de", 1);
	opts.on_env = add_var;
	rig_open(&opts);
	spec = rig_spec("a", "GOOD");
	spec->env = env;
	spec->n_env = 2;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		snprintf(content, sizeof(content), "env %s", want[i].name);
		rig_submit(&t, "a", "t", content);
		rig_wait_done(&t);
		ck_assert_str_eq(t.text, want[i].value);
	}
}
END_TEST

START_TEST(bot_inherits_no_descriptor_and_no_blocked_signal)
{
	struct deia_bot_spec *spec;
	const char *argv[] = { "/bin/sh", "-c",
			       "ls /proc/self/fd | tr '\\n' ' ' >&2; "
			       "grep -E 'SigBlk|SigIgn|NoNew' "
			       "/proc/self/status >&2; ulimit -n >&2; "
			       "pwd >&2; exit 0" };
	sigset_t set;
	char *log;
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	spec = rig_spec("a", "GOOD");
	spec->argv = argv;
	spec->n_argv = 3;
	spec->cwd = "/usr";
	spec->restart = DEIA_RESTART_NEVER;
	ok(deia_bots_add(rig.bots, spec));
	ok(deia_bots_start(rig.bots, "a"));
	rig_wait_state("a", DEIA_BOT_STOPPED);
	log = rig_log("a");
	/* 3 is the folder that ls reads. */
	ck_assert_msg(strstr(log, " 0 1 2 3 SigBlk:\\x09") != NULL ||
			      strstr(log, " 0 1 2 3 SigBlk:\t") != NULL,
		      "%s", log);
	ck_assert_msg(strstr(log, "SigBlk:\t0000000000000000") != NULL, "%s",
		      log);
	/* The C library itself ignores its two internal ones in a spawn. */
	ck_assert_msg(strstr(log, "SigIgn:\t0000000180000000") != NULL ||
			      strstr(log, "SigIgn:\t0000000000000000") != NULL,
		      "%s", log);
	ck_assert_msg(strstr(log, "NoNewPrivs:\t1") != NULL, "%s", log);
	ck_assert_msg(strstr(log, " 1024\n") != NULL, "%s", log);
	ck_assert_msg(strstr(log, " /usr\n") != NULL, "%s", log);
	free(log);
	close(fd);
}
END_TEST

static void count_stopped(void *user)
{
	++*(int *)user;
}

static bool all_stopped(void *arg)
{
	return *(int *)arg != 0;
}

START_TEST(stop_all_ends_everything_and_says_so_once)
{
	struct turn t;

	rig_launch("a", "GOOD");
	rig_launch("b", "GOOD");
	rig_launch("c", "BAD exit 1");
	rig_add("d", "GOOD");
	rig_wait_state("a", DEIA_BOT_READY);
	rig_submit(&t, "a", "t", "hold");
	rig_wait_state("b", DEIA_BOT_READY);
	ok(deia_bots_start(rig.bots, "d"));
	ok(deia_bots_stop_all(rig.bots, count_stopped, &rig.all_stopped));
	ck_assert_int_eq(rig.all_stopped, 0);
	rig_wait(all_stopped, &rig.all_stopped, "stop_all");
	ck_assert_int_eq(rig_state("a"), DEIA_BOT_STOPPED);
	ck_assert_int_eq(rig_state("b"), DEIA_BOT_STOPPED);
	ck_assert_int_eq(rig_state("d"), DEIA_BOT_STOPPED);
	ck_assert_int_eq(t.err, DEIA_ECANCELED);
	rig_turn();
	ck_assert_int_eq(rig.all_stopped, 1);
}
END_TEST

START_TEST(list_is_in_order_of_id_and_counts_are_kept)
{
	const struct deia_bot_info *out[4];
	unsigned counts[DEIA_BOT_STATES];

	rig_add("c", "GOOD");
	rig_add("a", "GOOD");
	rig_add("d", "GOOD");
	rig_add("b", "GOOD");
	ck_assert_uint_eq(deia_bots_list(rig.bots, NULL, out, 3), 3);
	ck_assert_str_eq(out[0]->spec->id, "a");
	ck_assert_str_eq(out[2]->spec->id, "c");
	ck_assert_uint_eq(deia_bots_list(rig.bots, "c", out, 3), 1);
	ck_assert_str_eq(out[0]->spec->id, "d");
	ck_assert_uint_eq(deia_bots_list(rig.bots, "bb", out, 3), 2);
	ok(deia_bots_start(rig.bots, "b"));
	deia_bots_count_states(rig.bots, counts);
	ck_assert_uint_eq(counts[DEIA_BOT_STOPPED], 3);
	ck_assert_uint_eq(counts[DEIA_BOT_STARTING], 1);
	ok(deia_bots_remove(rig.bots, "c"));
	ck_assert_ptr_null(deia_bots_get(rig.bots, "c"));
	deia_bots_count_states(rig.bots, counts);
	ck_assert_uint_eq(counts[DEIA_BOT_STOPPED], 2);
}
END_TEST

static TCase *turns(void)
{
	TCase *tc = tcase_create("turns");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, turn_carries_chunks_usage_session_and_details);
	tcase_add_test(tc, error_line_ends_the_turn_with_its_code);
	tcase_add_test(tc, at_most_max_concurrent_run_and_chat_goes_first);
	tcase_add_test(tc, queue_is_bounded_and_ids_are_unique);
	tcase_add_test(tc, turns_wait_while_starting_and_are_held_while_paused);
	tcase_add_loop_test(
		tc, turn_over_its_time_is_interrupted_and_keeps_its_text, 0, 3);
	tcase_add_loop_test(tc, failed_allocation_leaves_no_turn_waiting, 1,
			    16);
	tcase_add_test(tc, turn_times_out_with_its_own_error);
	tcase_add_test(tc, answer_over_the_limit_ends_the_turn);
	tcase_add_test(tc, bot_that_dies_in_a_turn_is_back_at_once);
	tcase_add_test(tc, killed_bot_names_the_signal_and_its_last_words);
	return tc;
}

static TCase *life(void)
{
	TCase *tc = tcase_create("life");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, bot_starts_answers_and_stops);
	tcase_add_test(tc, restart_keeps_waiting_turns_and_takes_the_new_spec);
	tcase_add_loop_test(tc, policies_decide_what_follows_an_exit, 0, 6);
	tcase_add_test(tc, dies_too_often_and_is_failed_until_started_by_hand);
	tcase_add_test(tc, backoff_can_be_stopped_started_and_removed);
	tcase_add_test(tc, removing_a_live_bot_and_wrong_moves_are_refused);
	tcase_add_test(tc, environment_is_the_short_list_and_what_was_given);
	tcase_add_test(tc, bot_inherits_no_descriptor_and_no_blocked_signal);
	tcase_add_test(tc, stop_all_ends_everything_and_says_so_once);
	tcase_add_test(tc, list_is_in_order_of_id_and_counts_are_kept);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("live");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, life());
	suite_add_tcase(s, turns());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
