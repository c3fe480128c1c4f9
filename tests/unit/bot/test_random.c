/* SPDX-License-Identifier: MIT */
/*
 * Seeded random operations on 20 bots, each answer checked against a model: the
 * state table, and a graph of who depends on whom; and a supervisor that is
 * killed. Afterwards no process and no descriptor is left. DEIA_SOAK_MINUTES
 * makes it longer, DEIA_SEED picks a seed.
 */
#include "rig.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/id.h"

#define N_BOTS 20
#define N_TURNS 64
#define ROUNDS 3000

static struct deia__rng rng;
static struct turn turns[N_TURNS];
static unsigned long n_submitted, n_done;

static unsigned pick(unsigned n)
{
	return (unsigned)(deia__rng_next(&rng) % n);
}

static const char *const commands[] = {
	"GOOD",	      "GOOD 2",	      "GOOD 1",	       "BAD exit 0",
	"BAD exit 1", "BAD stubborn", "BAD orphan",    "BAD garbage",
	"BAD deaf",   "BAD escape",   "/no/such/file", "BAD closed-stdout",
};

static const char *const contents[] = { "hi",	 "hold", "die 3", "kill 9",
					"think", "fail", "late",  "stray",
					"big 3", "deaf" };

/* ---- the model of depends_on ------------------------------------------------------ */

static bool needs[N_BOTS][N_BOTS]; /* of the bots there are */

static void bot_id(char id[16], unsigned n)
{
	snprintf(id, 16, "bot-%02u", n);
}

static unsigned number_of(const char *id)
{
	return (unsigned)atoi(id + 4);
}

static bool reaches(unsigned from, unsigned to, bool seen[N_BOTS])
{
	unsigned i;

	if (from == to)
		return true;
	if (seen[from])
		return false;
	seen[from] = true;
	for (i = 0; i < N_BOTS; i++)
		if (needs[from][i] && reaches(i, to, seen))
			return true;
	return false;
}

/* Whether it would be in a cycle if it needed these two. */
static bool closes(unsigned n, const unsigned need[2], unsigned n_need)
{
	bool seen[N_BOTS] = { false };
	unsigned i;

	for (i = 0; i < n_need; i++)
		if (reaches(need[i], n, seen))
			return true;
	return false;
}

static void note_needs(unsigned n, const unsigned need[2], unsigned n_need)
{
	memset(needs[n], 0, sizeof(needs[n]));
	while (n_need-- > 0)
		needs[n][need[n_need]] = true;
}

static bool is_up(const char *id)
{
	const struct deia_bot_info *info = deia_bots_get(rig.bots, id);

	return info != NULL &&
	       (info->state == DEIA_BOT_READY || info->state == DEIA_BOT_BUSY ||
		info->state == DEIA_BOT_PAUSED);
}

/* A start waits only while something it depends on is not there. */
static void check_waiting(const struct deia_bot_info *info)
{
	size_t i, up = 0;

	if (info->state != DEIA_BOT_STARTING ||
	    strncmp(info->state_reason, "waiting for ", 12) != 0)
		return;
	ck_assert_int_eq(info->pid, 0);
	for (i = 0; i < info->spec->n_depends_on; i++)
		up += is_up(info->spec->depends_on[i]);
	ck_assert_uint_lt(up, info->spec->n_depends_on);
}

/* ---- operations --------------------------------------------------------------------- */

static void vary(struct deia_bot_spec *spec)
{
	spec->stop_timeout_seconds = 0;
	spec->max_restarts = pick(4);
	spec->restart = (deia_restart_policy)pick(3);
	spec->retry_failed_seconds = pick(3);
	spec->heartbeat_timeout_seconds = 1;
	spec->ping_interval_seconds = pick(2);
	spec->ping_timeout_seconds = 1;
	if (pick(4) != 0)
		return;
	spec->adapter = "external";
	spec->n_argv = 0;
}

static bool need_itself(unsigned n, const unsigned need[2], unsigned n_need)
{
	return (n_need > 0 && need[0] == n) || (n_need > 1 && need[1] == n);
}

/* Adds it, or changes it when it is there. */
static void add(const char *id)
{
	struct deia_bot_spec *spec = rig_spec(
		id, commands[pick(sizeof(commands) / sizeof(*commands))]);
	bool there = deia_bots_get(rig.bots, id) != NULL;
	unsigned n = number_of(id), n_need = pick(4) == 0 ? 1 + pick(2) : 0;
	unsigned need[2] = { pick(N_BOTS), pick(N_BOTS) };
	char ids[2][16];
	const char *list[2] = { ids[0], ids[1] };
	deia_err want;

	vary(spec);
	bot_id(ids[0], need[0]);
	bot_id(ids[1], need[1]);
	spec->depends_on = list;
	spec->n_depends_on = n_need;
	want = closes(n, need, n_need) ? DEIA_EFIELD : DEIA_OK;
	if (there && pick(2) == 0) {
		ck_assert_int_eq(deia_bots_set_spec(rig.bots, spec), want);
	} else {
		if (there) /* the spec itself is looked at first */
			want = need_itself(n, need, n_need) ? DEIA_EFIELD
							    : DEIA_EEXIST;
		ck_assert_int_eq(deia_bots_add(rig.bots, spec), want);
	}
	if (want == DEIA_OK)
		note_needs(n, need, n_need);
}

/* What the table says about an action in a state. */
static bool allowed(const char *action, deia_bot_state s)
{
	bool has_process = s != DEIA_BOT_STOPPED && s != DEIA_BOT_FAILED &&
			   s != DEIA_BOT_BACKOFF && s != DEIA_BOT_OFFLINE;

	switch (action[0]) {
	case 's': /* start */
		return deia_bot_state_can(s, DEIA_BOT_STARTING);
	case 'e': /* end */
		return s != DEIA_BOT_STOPPED && s != DEIA_BOT_STOPPING;
	case 'a': /* again */
		return s != DEIA_BOT_STOPPING;
	case 'p':
		return deia_bot_state_can(s, DEIA_BOT_PAUSED);
	case 'r':
		return s == DEIA_BOT_PAUSED;
	default: /* delete */
		return !has_process;
	}
}

static void act(const char *id)
{
	static const struct {
		const char *name;
		deia_err (*fn)(deia_bots *, const char *);
	} actions[] = {
		{ "start", deia_bots_start },	{ "start", deia_bots_start },
		{ "end", deia_bots_stop },	{ "again", deia_bots_restart },
		{ "pause", deia_bots_pause },	{ "resume", deia_bots_resume },
		{ "delete", deia_bots_remove },
	};
	const struct deia_bot_info *info = deia_bots_get(rig.bots, id);
	unsigned i = pick(sizeof(actions) / sizeof(*actions));
	deia_err want = DEIA_ENOTFOUND, got;
	deia_bot_state state = DEIA_BOT_STOPPED;

	if (info != NULL) {
		state = info->state;
		want = allowed(actions[i].name, state) ? DEIA_OK : DEIA_ESTATE;
	}
	got = actions[i].fn(rig.bots, id);
	/* It stops for a restart: then the stop is taken, else refused. */
	if (state == DEIA_BOT_STOPPING && actions[i].fn == deia_bots_stop &&
	    got == DEIA_OK)
		want = DEIA_OK;
	/* A pause may outlive its process; then it can be taken back. */
	if (actions[i].fn == deia_bots_resume && got == DEIA_OK &&
	    (state == DEIA_BOT_STARTING || state == DEIA_BOT_BACKOFF ||
	     state == DEIA_BOT_OFFLINE))
		want = DEIA_OK;
	ck_assert_msg(got == want, "%s of %s (%s)", actions[i].name, id,
		      deia_bot_state_name(state));
	if (got == DEIA_OK && actions[i].fn == deia_bots_remove)
		note_needs(number_of(id), NULL, 0);
}

static char tokens[8][DEIA_CLAIM_TOKEN_LEN + 1];

/* Its program asks for work, or ends what it has, in some way. */
static void be_outside(const char *id)
{
	struct deia_claim_answer answer = DEIA_CLAIM_ANSWER_INIT;
	char *token = tokens[pick(8)];
	struct deia_claim c;
	deia_err err = deia_bots_claim(rig.bots, id, 1 + pick(3), &c);

	if (err == DEIA_OK && c.id != NULL) {
		ck_assert_int_eq(rig_state(id), DEIA_BOT_BUSY);
		memcpy(token, c.token, sizeof(c.token));
		return;
	}
	ck_assert(err == DEIA_OK || err == DEIA_ESTATE ||
		  err == DEIA_ENOTFOUND);
	answer.text = "x";
	switch (pick(4)) {
	case 0:
		err = deia_bots_claim_complete(rig.bots, NULL, token, &answer);
		break;
	case 1:
		err = deia_bots_claim_fail(rig.bots, NULL, token, NULL, "no",
					   false, 0);
		break;
	case 2:
		err = deia_bots_claim_extend(rig.bots, NULL, token, 2, NULL);
		break;
	default:
		err = deia_bots_claim_release(rig.bots, NULL, token);
	}
	ck_assert(err == DEIA_OK || err == DEIA_ESTATE ||
		  (err == DEIA_EINVAL && token[0] == '\0'));
}

static void count_done(const struct deia_work_result *r, void *user)
{
	struct turn *t = user;

	ck_assert_int_eq(t->done, 0);
	ck_assert(r->err == DEIA_OK || r->message[0] != '\0');
	t->done = 1;
	t->work = NULL;
	n_done++;
}

static void submit(const char *id)
{
	static const struct deia_work_events events = { .on_done = count_done };
	struct turn *t = &turns[pick(N_TURNS)];
	struct deia_work_spec w = { .size = sizeof(w) };
	char work_id[32];

	if (t->work != NULL) {
		deia_work_cancel(t->work);
		return;
	}
	memset(t, 0, sizeof(*t));
	snprintf(work_id, sizeof(work_id), "w%lu", n_submitted);
	w.id = work_id;
	w.kind = (deia_work_kind)pick(2);
	w.content = contents[pick(sizeof(contents) / sizeof(*contents))];
	if (deia_bots_submit(rig.bots, id, &w, &events, t, &t->work) == DEIA_OK)
		n_submitted++;
}

static void hurt(const char *id)
{
	const struct deia_bot_info *info = deia_bots_get(rig.bots, id);

	static const int signals[] = { SIGKILL, SIGSTOP, SIGCONT };

	if (info != NULL && info->pid > 0 && pick(3) == 0)
		kill((pid_t)info->pid, signals[pick(3)]);
	else if (info != NULL)
		(void)!deia_bots_interrupt(rig.bots, id, NULL);
}

static void check_counts(void)
{
	const struct deia_bot_info *list[N_BOTS];
	unsigned counts[DEIA_BOT_STATES], mine[DEIA_BOT_STATES] = { 0 };
	size_t i, n = deia_bots_list(rig.bots, NULL, list, N_BOTS);

	ck_assert_uint_eq(n, deia_bots_count(rig.bots));
	for (i = 0; i < n; i++) {
		mine[list[i]->state]++;
		check_waiting(list[i]);
		ck_assert(list[i]->running <= list[i]->max_concurrent);
		ck_assert(list[i]->state != DEIA_BOT_BUSY ||
			  list[i]->running > 0);
		ck_assert(list[i]->state != DEIA_BOT_READY ||
			  list[i]->running == 0);
		ck_assert(list[i]->state == DEIA_BOT_READY ||
			  list[i]->state == DEIA_BOT_BUSY ||
			  list[i]->state_reason[0] != '\0');
	}
	deia_bots_count_states(rig.bots, counts);
	ck_assert_mem_eq(counts, mine, sizeof(counts));
}

static void step(void)
{
	char id[16];

	bot_id(id, pick(N_BOTS));
	switch (pick(9)) {
	case 8:
		be_outside(id);
		break;
	case 0:
		add(id);
		break;
	case 1:
	case 2:
		act(id);
		break;
	case 3:
	case 4:
		submit(id);
		break;
	case 5:
		hurt(id);
		break;
	default:
		rig_turn();
	}
	check_counts();
}

static void note_stopped(void *user)
{
	*(int *)user = 1;
}

static bool is_set(void *arg)
{
	return *(int *)arg != 0;
}

static bool nothing_runs(void *arg)
{
	unsigned counts[DEIA_BOT_STATES];

	(void)arg;
	deia_bots_count_states(rig.bots, counts);
	return counts[DEIA_BOT_STOPPED] + counts[DEIA_BOT_FAILED] ==
	       deia_bots_count(rig.bots);
}

START_TEST(random_operations_obey_the_table_and_leave_nothing)
{
	const char *minutes = getenv("DEIA_SOAK_MINUTES");
	const char *seed = getenv("DEIA_SEED");
	int64_t until = rig_now_ms();
	long i;

	if (minutes != NULL) /* shared by the four seeds */
		until += atol(minutes) * 15000;

	deia__rng_init(&rng, seed != NULL ? strtoull(seed, NULL, 10)
					  : (uint64_t)_i + 1);
	for (i = 0; i < ROUNDS || rig_now_ms() < until; i++)
		step();
	ok(deia_bots_stop_all(rig.bots, note_stopped, &rig.all_stopped));
	rig_wait(is_set, &rig.all_stopped, "stop_all");
	rig_wait(nothing_runs, NULL, "the end of all bots");
	rig_turn();
	ck_assert_uint_eq(n_done, n_submitted);
	ck_assert_uint_gt(n_done, 0);
}
END_TEST

/* ---- a killed supervisor ----------------------------------------------------------- */

static int64_t pids[8];

static bool two_ready(void *arg)
{
	const char *lines[20];

	(void)arg;
	return rig_state("good") == DEIA_BOT_BUSY &&
	       rig_state("bad") == DEIA_BOT_READY &&
	       deia_bots_last_stderr(rig.bots, "bad", lines, 20) >= 2;
}

/*
 * A process with bots, one of them with an escaped grandchild. Its parent has
 * started no thread before: one that allocates at the fork would leave the
 * sanitizer's allocator locked in the child.
 */
static void be_supervisor(int fd)
{
	struct turn t;
	const char *lines[20];

	rig_setup();
	rig_launch("good", "GOOD");
	rig_submit(&t, "good", "t", "hold");
	rig_launch("bad", "BAD escape");
	rig_launch("never", "BAD silent");
	rig_wait(two_ready, NULL, "both");
	pids[0] = deia_bots_get(rig.bots, "good")->pid;
	pids[1] = deia_bots_get(rig.bots, "bad")->pid;
	deia_bots_last_stderr(rig.bots, "bad", lines, 20);
	pids[2] = atoll(lines[1]);
	ck_assert_int_eq(write(fd, pids, sizeof(pids)), sizeof(pids));
	for (;;)
		pause();
}

START_TEST(killed_supervisor_takes_all_bots_and_grandchildren_along)
{
	int fd[2], i;
	char byte;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		be_supervisor(fd[1]);
	}
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], pids, sizeof(pids)), sizeof(pids));
	for (i = 0; i < 3; i++)
		ck_assert(rig_pid_alive(pids[i]));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(read(fd[0], &byte, 1), 0);
	/* The orphaned guards are ours now; each ends when all is gone. */
	for (i = 0; wait(NULL) > 0; i++)
		;
	ck_assert_int_eq(i, 3);
	for (i = 0; i < 3; i++)
		ck_assert(!rig_pid_alive(pids[i]));
	close(fd[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("random");
	TCase *tc = tcase_create("random");
	TCase *killed = tcase_create("killed");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(
		tc, random_operations_obey_the_table_and_leave_nothing, 0, 4);
	suite_add_tcase(s, tc);
	tcase_set_timeout(killed, 0);
	tcase_add_test(
		killed,
		killed_supervisor_takes_all_bots_and_grandchildren_along);
	suite_add_tcase(s, killed);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
