/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h. */
#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bot/priv.h"

struct rig rig;

int64_t rig_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int rig_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void on_state(const struct deia_bot_info *info, deia_bot_state from,
		     void *user)
{
	const char *name = deia_bot_state_name(info->state);
	size_t len = strlen(rig.states);

	(void)user;
	if (info->state != DEIA_BOT_READY && info->state != DEIA_BOT_BUSY)
		ck_assert_str_ne(info->state_reason, "");
	if (from == info->state)
		return;
	ck_assert(deia_bot_state_can(from, info->state));
	rig.n_states++;
	if (len + strlen(name) + 2 < sizeof(rig.states))
		snprintf(rig.states + len, sizeof(rig.states) - len, "%s%s",
			 len != 0 ? " " : "", name);
}

void rig_open(struct deia_bots_opts *opts)
{
	static char logs[96];

	opts->guard_program = GUARD;
	opts->bot_program = CHILD_GOOD;
	snprintf(logs, sizeof(logs), "%s/logs", rig.dir);
	opts->log_dir = logs;
	opts->seed = 1;
	if (opts->on_state == NULL)
		opts->on_state = on_state;
	ok(deia_bots_new(&rig.bots, rig.base, opts));
}

void rig_setup(void)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;

	memset(&rig, 0, sizeof(rig));
	snprintf(rig.dir, sizeof(rig.dir), "/tmp/deia-bots-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig.dir));
	rig.fds_before = rig_count_fds();
	/* Whatever gets away from a guard becomes ours, and is found. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	rig.base = event_base_new();
	rig_open(&opts);
}

void rig_teardown(void)
{
	char command[128];

	deia_bots_free(rig.bots);
	event_base_free(rig.base);
	ck_assert_int_eq(rig_count_fds(), rig.fds_before);
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
		      "a process is left");
	snprintf(command, sizeof(command), "rm -rf %s", rig.dir);
	ck_assert_int_eq(system(command), 0);
}

static const char *child_path(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s%s", CHILDREN, name);
	return path;
}

struct deia_bot_spec *rig_spec(const char *id, const char *command)
{
	static struct deia_bot_spec spec;
	static char text[1024];
	static const char *argv[16];
	char *save = NULL, *word;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", command);
	for (word = strtok_r(text, " ", &save); word != NULL && n < 15;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	if (strcmp(argv[0], "GOOD") == 0)
		argv[0] = CHILD_GOOD;
	else if (strcmp(argv[0], "BAD") == 0)
		argv[0] = CHILD_BAD;
	else if (strncmp(argv[0], "CHILD:", 6) == 0)
		argv[0] = child_path(argv[0] + 6);
	spec = (struct deia_bot_spec)DEIA_BOT_SPEC_INIT;
	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = n;
	spec.max_concurrent = 4;
	spec.stop_timeout_seconds = 5;
	return &spec;
}

void rig_add(const char *id, const char *command)
{
	ok(deia_bots_add(rig.bots, rig_spec(id, command)));
}

void rig_launch(const char *id, const char *command)
{
	rig_add(id, command);
	ok(deia_bots_start(rig.bots, id));
}

deia_bot_state rig_state(const char *id)
{
	return deia_bots_get(rig.bots, id)->state;
}

const char *rig_reason(const char *id)
{
	return deia_bots_get(rig.bots, id)->state_reason;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void rig_wait(bool (*cond)(void *arg), void *arg, const char *what)
{
	const struct timeval t = { DEADLINE_MS / 1000, 0 };
	bool late = false;
	struct event *ev = evtimer_new(rig.base, on_deadline, &late);

	evtimer_add(ev, &t);
	while (!late && !cond(arg))
		ck_assert_int_ge(event_base_loop(rig.base, EVLOOP_ONCE), 0);
	event_free(ev);
	ck_assert_msg(!late, "waited too long for %s; states: %s", what,
		      rig.states);
}

void rig_turn(void)
{
	event_base_loop(rig.base, EVLOOP_NONBLOCK);
}

struct state_wanted {
	const char *id;
	deia_bot_state state;
};

static bool in_state(void *arg)
{
	struct state_wanted *w = arg;

	return rig_state(w->id) == w->state;
}

void rig_wait_state(const char *id, deia_bot_state state)
{
	struct state_wanted w = { id, state };

	rig_wait(in_state, &w, deia_bot_state_name(state));
	rig_turn();
}

static bool is_gone(void *arg)
{
	return !rig_pid_alive(*(int64_t *)arg);
}

bool rig_pid_alive(int64_t pid)
{
	return kill((pid_t)pid, 0) == 0;
}

void rig_wait_gone(int64_t pid)
{
	rig_wait(is_gone, &pid, "the end of a process");
}

void rig_stop(const char *id)
{
	ok(deia_bots_stop(rig.bots, id));
	rig_wait_state(id, DEIA_BOT_STOPPED);
}

/* ---- turns ------------------------------------------------------------------- */

static void on_start(void *user)
{
	struct turn *t = user;

	ck_assert_int_eq(t->started++, 0);
	ck_assert_int_eq(t->done, 0);
}

static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	struct turn *t = user;
	size_t have = strlen(t->chunks);

	ck_assert_int_eq(t->started, 1);
	ck_assert_int_eq(t->done, 0);
	t->chunk_bytes += len;
	snprintf(t->chunks + have, sizeof(t->chunks) - have, "%s:%.*s|",
		 channel, (int)len, text);
}

static void on_done(const struct deia_work_result *r, void *user)
{
	struct turn *t = user;

	ck_assert_int_eq(t->done++, 0);
	t->work = NULL;
	t->err = r->err;
	snprintf(t->code, sizeof(t->code), "%s", r->code);
	snprintf(t->message, sizeof(t->message), "%s", r->message);
	snprintf(t->session, sizeof(t->session), "%s",
		 r->session != NULL ? r->session : "");
	snprintf(t->details, sizeof(t->details), "%s",
		 r->details != NULL ? r->details : "");
	snprintf(t->text, sizeof(t->text), "%s", r->text);
	ck_assert_uint_eq(strlen(r->text), r->text_len);
	t->text_len = r->text_len;
	t->retryable = r->retryable;
	t->retry_after = r->retry_after_seconds;
	t->prompt_tokens = r->prompt_tokens;
	t->completion_tokens = r->completion_tokens;
}

static deia_err submit(struct turn *t, const char *bot,
		       const struct deia_work_spec *spec)
{
	static const struct deia_work_events events = {
		.on_start = on_start,
		.on_chunk = on_chunk,
		.on_done = on_done,
	};

	memset(t, 0, sizeof(*t));
	return deia_bots_submit(rig.bots, bot, spec, &events, t, &t->work);
}

void rig_submit_spec(struct turn *t, const char *bot,
		     const struct deia_work_spec *spec)
{
	ok(submit(t, bot, spec));
}

deia_err rig_try_submit(struct turn *t, const char *bot, const char *id,
			deia_work_kind kind, const char *content)
{
	struct deia_work_spec spec = {
		.size = sizeof(spec),
		.id = id,
		.kind = kind,
		.content = content,
	};

	return submit(t, bot, &spec);
}

void rig_submit(struct turn *t, const char *bot, const char *id,
		const char *content)
{
	ok(rig_try_submit(t, bot, id, DEIA_WORK_CHAT, content));
	ck_assert_int_eq(t->started, 0);
}

static bool is_done(void *arg)
{
	return ((struct turn *)arg)->done != 0;
}

void rig_wait_done(struct turn *t)
{
	rig_wait(is_done, t, "the end of a turn");
}

char *rig_log(const char *id)
{
	char path[160];
	char *text = calloc(1, 65536);
	FILE *f;

	deia__logs_flush(rig.bots->logs);
	snprintf(path, sizeof(path), "%s/logs/%s.log", rig.dir, id);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "no log %s", path);
	ck_assert_uint_gt(fread(text, 1, 65535, f), 0);
	fclose(f);
	return text;
}
